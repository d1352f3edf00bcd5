//! The history of a workspace in a private git repository.
//!
//! A snapshot is a commit in a bare repository beside the workspace, in git's plain format, so that any
//! git can read it; no git program is needed, and neither the user's git configuration nor a repository of
//! theirs is used or touched. File contents are stored as they are: no filters, no line-end conversion, no
//! `.gitignore`. Nested repositories are ordinary folders whose own `.git` is left out.
//!
//! What a snapshot holds: regular files with their executable bit, symbolic links, empty folders (an entry
//! for the empty tree), and names of any bytes. What it does not hold is named in its list of skipped
//! files, which is part of the commit message, and is never touched by a restore: what is too large or
//! special, folders that tools fill, and what a `.okcvmignore` says.
//!
//! How it knows what changed: an index in memory (`index.rs`) that a scan (`scan.rs`) brings up to date,
//! either whole or only where the watch says that something changed (`live.rs`). The index lies on the disk
//! as a cache; without it more files are read again, and nothing else.
//!
//! Order of writes: the pack with all objects of a snapshot, its record in the journal, its reference; then,
//! within a second, in the background, the syncs that make it survive a power cut. See `archive.rs`.

// The fields of `stat` have other widths on other systems.
#![allow(clippy::unnecessary_cast)]

mod archive;
mod aside;
mod changes;
mod check;
mod commit;
mod compare;
mod cut_off;
mod difference;
mod dirt;
mod durable;
mod entry;
mod error;
mod export;
mod history;
mod housekeeping;
mod index;
mod journal;
mod left_out;
mod lines;
mod live;
mod look;
mod names;
mod page;
mod path_history;
mod progress;
mod record;
mod references;
mod repair;
mod repository;
mod restore;
mod revert;
mod rights;
mod rules;
mod rules_trust;
mod scan;
mod shallow;
mod similarity;
mod source;

pub use aside::SetAside;
pub use commit::Author;
pub use cut_off::CutOff;
pub use error::SnapshotError;
pub use export::{ExportCount, ExportForm, Exported, Taken};
pub use history::{DEFAULT_MAX_FILE_BYTES, History, Loss, Lost, OpenedHistory, WhyLost};
pub use housekeeping::{Cancel, Damage, PackReport, ThinReport, Thinning, Usage, VerifyReport};
pub use left_out::CUT;
pub use live::{How, Policy, WhyScanned};
pub use look::{Content, HowFar};
pub use page::{PageRequest, SnapshotInfo};
pub use path_history::PathMoment;
pub use progress::Progress;
pub use record::{RecordInfo, Recorded};
pub use repository::GONE;
pub use restore::{ForeseenRevert, RestoreWhat, UnfinishedRestore};
pub use revert::{RevertPlan, Reverted, TakenBack};
pub use rules_trust::AtWork;

#[cfg(test)]
mod testing;
