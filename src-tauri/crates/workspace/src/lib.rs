//! The live folder of a session: virtual mount, path resolution, import, watching.
//!
//! Everything here goes through a handle of the workspace's folder, never through an absolute path, so
//! that neither `..` nor a symbolic link nor a race between the two leads out of it. All calls block.
//!
//! Names of files are bytes on Unix. Where a name has to be text (on the wire, in a [`WorkspacePath`]),
//! bytes that are no UTF-8 are written as U+FFFD and two hexadecimal digits; [`encode_name`] and
//! [`decode_name`] are exact inverses, so that such a file can be named, read and written like any other.

// The fields of `stat` have other widths on other systems.
#![allow(clippy::unnecessary_cast)]

mod attributes;
mod beneath;
mod check;
mod copy;
mod error;
mod import;
mod left_out;
mod name;
mod path;
mod put_away;
mod similar_names;
mod watch;
mod workspace;
mod write;

pub use check::check_folder;
pub use copy::CopiedTree;
pub use error::WorkspaceError;
pub use import::{ImportCount, plan_import, run_import};
pub use left_out::{forbidden_name, tool_folder};
pub use name::{decode_name, encode_name};
pub use okcvm_protocol::{ClashPolicy, ImportLimits, ImportPlan, ImportReport};
pub use path::{MOUNT, WorkspacePath};
pub use watch::{ChangeTracker, Changes, PATIENCE, Watch, WhyEverything, watch};
pub use workspace::{ReadBytes, Workspace};
pub use write::TEMPORARY_PREFIX;

#[cfg(not(unix))]
compile_error!(
    "The workspace is built on folder handles of Unix; a Windows implementation does not exist yet."
);
