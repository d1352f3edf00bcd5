//! The history: recording the workspace, comparing, and the doors to the rest.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use okcvm_objects::{Disk, Objects, RealDisk};
use okcvm_protocol::SnapshotId;

use crate::archive::{Archive, OpenedArchive};
use crate::error::SnapshotError;
use crate::live::{Live, Policy, Telling};
use crate::rights::Rights;
use crate::rules_trust::RulesTrust;
use crate::source::Source;

/// Files with more bytes are not recorded, unless [`History::set_max_file_bytes`] says otherwise.
pub const DEFAULT_MAX_FILE_BYTES: u64 = 100_000_000;

/// The snapshots of one workspace. A clone is cheap and is the same history; all calls block, and any
/// number of threads may call at once: records and restores wait for each other, looking waits for nobody
/// who records.
///
/// One process at a time may record: the first one that opens the history. Others read, and get
/// [`SnapshotError::Busy`] when they would write.
#[derive(Clone)]
pub struct History {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    /// The repository's folder.
    pub(crate) path: PathBuf,
    pub(crate) objects: Objects,
    pub(crate) archive: Arc<Archive>,
    source: Source,
    pub(crate) policy: Mutex<Policy>,
    pub(crate) rules: RulesTrust,
    pub(crate) telling: Mutex<Telling>,
    pub(crate) rights: Rights,
    pub(crate) writer: Mutex<Writer>,
}

pub(crate) struct Writer {
    pub(crate) live: Live,
}

/// A history, and what opening it had to do.
#[derive(Debug)]
pub struct OpenedHistory {
    /// The history.
    pub history: History,
    /// For the person to read, if anything was lost.
    pub notice: Option<String>,
    /// What was lost.
    pub loss: Loss,
}

/// What the disk no longer had when a history was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loss {
    /// Nothing.
    Nothing,
    /// These; all others are there.
    Part(Vec<Lost>),
    /// The history was broken and moved aside; the new one is empty.
    Everything,
}

/// A snapshot that is not whole any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// The snapshot, which is known no longer; what is left of it can still be read.
    pub snapshot: SnapshotId,
    /// The nearest one before it that is there.
    pub before: Option<SnapshotId>,
    /// What took it.
    pub why: WhyLost,
}

/// What took a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhyLost {
    /// The power went before it was durable.
    PowerCut,
    /// Its content, or a part of it, is missing or damaged.
    Damage,
}

impl std::fmt::Debug for History {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("History").field("path", &self.shared.path).finish_non_exhaustive()
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere leaves at worst objects that nothing names.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl History {
    /// Opens the history in the folder `dir` (the repository is `repository.git` in it), made if it is not
    /// there. Damaged references, HEAD or configuration are mended; snapshots that a power cut took or that are
    /// damaged are dropped, unless the workspace still has what they miss; and only a repository of which no
    /// snapshot can be read at all is moved aside to `repository.broken-<n>`, and a new one begun. The notice
    /// says so.
    pub fn open(dir: &Path) -> Result<OpenedHistory, SnapshotError> {
        Self::open_on(dir, &(Arc::new(RealDisk) as Arc<dyn Disk>))
    }

    /// Opens a history that cannot be written, as it is.
    pub fn open_to_read(dir: &Path) -> Result<OpenedHistory, SnapshotError> {
        Ok(Self::around(dir, Archive::open_to_read(dir, &(Arc::new(RealDisk) as Arc<dyn Disk>))?))
    }

    pub(crate) fn open_on(dir: &Path, disk: &Arc<dyn Disk>) -> Result<OpenedHistory, SnapshotError> {
        Ok(Self::around(dir, Archive::open(dir, disk)?))
    }

    fn around(dir: &Path, opened: OpenedArchive) -> OpenedHistory {
        let path = opened.archive.path().to_owned();
        let shared = Shared {
            source: Source::new(opened.archive.objects().clone()),
            objects: opened.archive.objects().clone(),
            archive: opened.archive,
            rules: RulesTrust::beside(&path),
            path,
            policy: Mutex::default(),
            telling: Mutex::default(),
            rights: Rights::load(dir),
            writer: Mutex::new(Writer { live: Live::default() }),
        };
        OpenedHistory { history: Self { shared: Arc::new(shared) }, notice: opened.notice, loss: opened.loss }
    }

    /// Whether nothing was ever recorded in it, or nothing is left of that.
    pub fn is_empty(&self) -> bool {
        lock(&self.shared.archive.journal).records().is_empty()
    }

    /// Files with more than `bytes` bytes are not recorded from now on.
    pub fn set_max_file_bytes(&self, bytes: u64) {
        lock(&self.shared.policy).max_file_bytes = bytes;
    }

    pub(crate) fn source(&self) -> &Source {
        &self.shared.source
    }
}

impl Shared {
    /// The folder of the history, in which the repository lies.
    pub(crate) fn folder(&self) -> &Path {
        self.path.parent().unwrap_or(&self.path)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let writer = self.writer.get_mut().unwrap_or_else(PoisonError::into_inner);
        let folder = self.path.parent().unwrap_or(&self.path);
        writer.live.close(&self.objects, folder);
        self.archive.close();
    }
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
