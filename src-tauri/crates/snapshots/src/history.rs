//! The history: recording the workspace, comparing, and the doors to the rest.

use std::collections::HashSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use git2::{ObjectType, Oid, Repository};
use okcvm_protocol::{ChangeCounts, FileChange, SkippedFile, SnapshotId};
use okcvm_workspace::Workspace;

use crate::cache::Cache;
use crate::commit::{self, Author, CommitText};
use crate::difference::{changes, counts, differences};
use crate::durable::{sync_objects, write_reference};
use crate::entry::empty_tree;
use crate::error::SnapshotError;
use crate::repository;
use crate::scan::{Scan, ScanError, scan};

/// Files with more bytes are not recorded, unless [`History::set_max_file_bytes`] says otherwise.
pub const DEFAULT_MAX_FILE_BYTES: u64 = 100_000_000;

/// The snapshots of one workspace. A clone is cheap and is the same history; all calls block, and any
/// number of threads may call at once: records and restores wait for each other, looking waits for nobody
/// who records.
///
/// One process at a time may record; the lock for that is the caller's.
#[derive(Clone)]
pub struct History {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    /// The repository's folder.
    path: PathBuf,
    max_file_bytes: AtomicU64,
    pub(crate) writer: Mutex<Writer>,
    reader: Mutex<Repository>,
}

pub(crate) struct Writer {
    pub(crate) repository: Repository,
    cache: Option<Cache>,
    /// Objects of scans that no snapshot has made durable yet.
    unsynced: HashSet<Oid>,
}

/// A history, and what opening it had to do.
#[derive(Debug)]
pub struct OpenedHistory {
    /// The history.
    pub history: History,
    /// For the person to read: the old history was broken and moved aside.
    pub notice: Option<String>,
}

/// What a record says about itself.
#[derive(Debug, Clone, Copy)]
pub struct RecordInfo<'a> {
    /// First lines of the commit's message.
    pub message: &'a str,
    /// Whose changes these are.
    pub author: Author,
    /// Unix milliseconds.
    pub at_ms: i64,
}

/// The workspace as it was recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// The snapshot that holds the present: a new one, or the parent.
    pub snapshot: SnapshotId,
    /// A new snapshot was made.
    pub changed: bool,
    /// Files that differ from the parent; from nothing if there is none.
    pub changes: ChangeCounts,
    /// What the snapshot does not hold, and why.
    pub skipped: Vec<SkippedFile>,
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
    /// there. A repository whose HEAD, references or newest snapshots cannot be read is moved aside to
    /// `repository.broken-<n>`, a new one is begun, and the notice says so.
    pub fn open(dir: &Path) -> Result<OpenedHistory, SnapshotError> {
        let (writer, notice) = repository::open(dir)?;
        let path = dir.join(repository::FOLDER);
        let reader = Repository::open_bare(&path)?;
        let writer = Writer { repository: writer, cache: None, unsynced: HashSet::new() };
        let shared = Shared {
            path,
            max_file_bytes: AtomicU64::new(DEFAULT_MAX_FILE_BYTES),
            writer: Mutex::new(writer),
            reader: Mutex::new(reader),
        };
        Ok(OpenedHistory { history: Self { shared: Arc::new(shared) }, notice })
    }

    /// Files with more than `bytes` bytes are not recorded from now on. A file is held in memory while it
    /// is recorded.
    pub fn set_max_file_bytes(&self, bytes: u64) {
        self.shared.max_file_bytes.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn reader(&self) -> MutexGuard<'_, Repository> {
        lock(&self.shared.reader)
    }

    /// Records the workspace as a child of `parent`. If nothing changed since, no snapshot is made and the
    /// parent is returned; without a parent there is always a new one. A parent that this history does not
    /// hold (it was moved aside) counts as none. The snapshot is durable when this returns.
    pub fn record(
        &self,
        workspace: &Workspace,
        parent: Option<&SnapshotId>,
        info: RecordInfo<'_>,
    ) -> Result<Recorded, SnapshotError> {
        let writer = &mut *lock(&self.shared.writer);
        let scan = self.scan(writer, workspace)?;
        let parent = match parent.map(|id| commit::find(&writer.repository, id)).transpose() {
            Ok(parent) => parent,
            Err(SnapshotError::Unknown(id)) => {
                tracing::warn!(%id, "the parent is not in this history; the record begins a new line");
                None
            }
            Err(error) => return Err(error),
        };
        if let Some(parent) = &parent
            && parent.tree_id() == scan.tree
        {
            let changes = ChangeCounts { added: 0, modified: 0, deleted: 0 };
            let snapshot = commit::snapshot_id(parent.id());
            self.keep(&mut writer.cache, &writer.unsynced, scan.cache);
            return Ok(Recorded { snapshot, changed: false, changes, skipped: scan.skipped });
        }
        let parent_tree = parent.as_ref().map_or_else(empty_tree, git2::Commit::tree_id);
        let changes = counts(&differences(&writer.repository, parent_tree, scan.tree)?);
        let text = CommitText {
            tree: scan.tree,
            parent: parent.as_ref().map(git2::Commit::id),
            message: info.message,
            author: info.author,
            at_ms: info.at_ms,
            skipped: &scan.skipped,
        };
        let oid = writer.repository.odb()?.write(ObjectType::Commit, &text.encode()?)?;
        writer.unsynced.insert(oid);
        sync_objects(&self.shared.path, writer.unsynced.iter())?;
        write_reference(&self.shared.path, oid)?;
        writer.unsynced.clear();
        self.keep(&mut writer.cache, &writer.unsynced, scan.cache);
        Ok(Recorded { snapshot: commit::snapshot_id(oid), changed: true, changes, skipped: scan.skipped })
    }

    /// What differs between the snapshot `against` (or nothing) and the workspace as it is now.
    pub fn compare_live(
        &self,
        workspace: &Workspace,
        against: Option<&SnapshotId>,
    ) -> Result<Vec<FileChange>, SnapshotError> {
        let writer = &mut *lock(&self.shared.writer);
        let scan = self.scan(writer, workspace)?;
        let old = tree_of(&writer.repository, against)?;
        let found = changes(&writer.repository, &differences(&writer.repository, old, scan.tree)?)?;
        writer.cache = Some(scan.cache);
        Ok(found)
    }

    fn scan(&self, writer: &mut Writer, workspace: &Workspace) -> Result<Scan, SnapshotError> {
        let root = workspace.root().as_os_str().as_bytes();
        let max_file_bytes = self.shared.max_file_bytes.load(Ordering::Relaxed);
        let odb = writer.repository.odb()?;
        let cache = match writer.cache.take() {
            Some(cache) if cache.workspace == root => cache,
            _ => Cache::load(&self.shared.path, root),
        };
        let result = match scan(&odb, workspace.root_handle(), &cache, max_file_bytes) {
            Err(ScanError::StaleCache) => {
                tracing::warn!("the stat cache names objects that are gone; everything is read again");
                let empty = Cache { workspace: root.to_vec(), ..Cache::default() };
                scan(&odb, workspace.root_handle(), &empty, max_file_bytes)
            }
            result => result,
        };
        let scan = result.map_err(|error| match error {
            ScanError::Failed(error) => error,
            ScanError::StaleCache => {
                SnapshotError::Git(git2::Error::from_str("objects vanish while they are written"))
            }
        })?;
        writer.unsynced.extend(scan.written.iter());
        Ok(scan)
    }

    /// Keeps what a scan learnt, on the disk only if all that it names is there, too.
    fn keep(&self, kept: &mut Option<Cache>, unsynced: &HashSet<Oid>, cache: Cache) {
        if unsynced.is_empty()
            && let Err(error) = cache.save(&self.shared.path)
        {
            tracing::warn!(%error, "the next start reads every file again");
        }
        *kept = Some(cache);
    }
}

/// The tree of a snapshot, or the tree of nothing.
pub(crate) fn tree_of(repository: &Repository, id: Option<&SnapshotId>) -> Result<Oid, SnapshotError> {
    id.map_or_else(|| Ok(empty_tree()), |id| Ok(commit::find(repository, id)?.tree_id()))
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
