//! The archive of a history: repository, journal and references, one writer, and what is on the disk.
//!
//! A snapshot is written in this order: its pack, its record in the journal. Each step is one
//! rename or one append, so that a crash of the program leaves a whole snapshot or none. A thread of its own
//! then writes its reference, which is for other gits and is made again at the next start if it is missing, and
//! makes the snapshot safe against a power cut, within a second: it syncs the pack and the packs' folder, the
//! journal beside them, and puts a mark behind the record when all three are done. References and indexes of
//! packs are not synced, since both can be made again.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use okcvm_objects::{Batch, Disk, ObjectId, ObjectKind, Objects, side_by_side};
use okcvm_protocol::SnapshotId;

use crate::commit::{CommitText, Snapshot, object_of};
use crate::error::SnapshotError;
use crate::history::Loss;
use crate::journal::{Journal, Record};
use crate::references::References;
use crate::repository::{self, FOLDER};

/// Name of the journal in the folder of the history.
pub(crate) const JOURNAL: &str = "journal";
/// Name of the file that the one who writes has locked.
const LOCK: &str = "lock";
/// How long the thread that syncs lets snapshots gather.
const GATHERED: Duration = Duration::from_millis(250);
/// How long it waits after a failure.
const AGAIN: Duration = Duration::from_secs(1);
/// With more small packs than this they are merged.
const MOST_PACKS: usize = 32;

/// What lies in the folder of a history, apart from the index of the workspace.
pub(crate) struct Archive {
    dir: PathBuf,
    path: PathBuf,
    pub(crate) disk: Arc<dyn Disk>,
    objects: Objects,
    pub(crate) references: References,
    /// Locked as long as this one may write. Asked for before the journal, never with it in hand.
    lock: Mutex<Option<File>>,
    pub(crate) journal: Mutex<Journal>,
    /// Snapshots whose references are still to be written, with those that they came from.
    unnamed: Mutex<Vec<(ObjectId, Option<ObjectId>)>>,
    /// Ends of restores that may come to the disk late.
    ends: Mutex<Vec<File>>,
    /// One flush at a time.
    flushing: Mutex<()>,
    /// One merging, packing or thinning at a time.
    pub(crate) tidying: Mutex<()>,
    /// A thread merges.
    merging: AtomicBool,
    to_sync: Mutex<Option<Sender<()>>>,
}

/// An archive, and what opening it had to do.
pub(crate) struct OpenedArchive {
    pub(crate) archive: Arc<Archive>,
    /// For the person to read.
    pub(crate) notice: Option<String>,
    pub(crate) loss: Loss,
}

pub(crate) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What these locks protect is whole between any two statements that change it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Archive {
    /// Opens what lies in `dir`, made if there is nothing. The one who gets the lock looks after what a
    /// crash left; another one only reads.
    pub(crate) fn open(dir: &Path, disk: &Arc<dyn Disk>) -> Result<OpenedArchive, SnapshotError> {
        repository::ignore_foreign_configuration()?;
        fs::create_dir_all(dir).map_err(|error| SnapshotError::storage("created", dir, error))?;
        let lock = take_lock(dir)?;
        let opened =
            if lock.is_some() { repository::open(dir, disk)? } else { repository::open_to_read(dir, disk)? };
        Ok(Self::around(dir, disk, lock, opened))
    }

    /// Opens what lies in `dir`, where nothing can be written.
    pub(crate) fn open_to_read(dir: &Path, disk: &Arc<dyn Disk>) -> Result<OpenedArchive, SnapshotError> {
        repository::ignore_foreign_configuration()?;
        let journal = dir.join(JOURNAL);
        // Nobody is about to make one.
        fs::metadata(&journal).map_err(|error| SnapshotError::storage("read", &journal, error))?;
        Ok(Self::around(dir, disk, None, repository::open_to_read(dir, disk)?))
    }

    fn around(
        dir: &Path,
        disk: &Arc<dyn Disk>,
        lock: Option<File>,
        opened: repository::Opened,
    ) -> OpenedArchive {
        let path = dir.join(FOLDER);
        let archive = Arc::new(Self {
            dir: dir.to_owned(),
            references: References::new(&path, disk),
            path,
            disk: Arc::clone(disk),
            objects: opened.objects,
            lock: Mutex::new(lock),
            journal: Mutex::new(opened.journal),
            unnamed: Mutex::default(),
            ends: Mutex::default(),
            flushing: Mutex::default(),
            tidying: Mutex::default(),
            merging: AtomicBool::new(false),
            to_sync: Mutex::default(),
        });
        if held(&archive.lock).is_some() && archive.is_behind() {
            archive.sync_soon();
        }
        OpenedArchive { archive, notice: opened.notice, loss: opened.loss }
    }

    /// The folder of the history.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The folder of the repository.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn objects(&self) -> &Objects {
        &self.objects
    }

    /// The journal as it is now, also if another process writes it.
    pub(crate) fn journal(&self) -> Result<MutexGuard<'_, Journal>, SnapshotError> {
        // Never waited for: who takes the lock over holds it for long, and asks for the journal then.
        let writes = self.lock.try_lock().is_ok_and(|lock| lock.is_some());
        let mut journal = held(&self.journal);
        if !writes {
            journal.refresh()?;
        }
        Ok(journal)
    }

    /// Makes sure that nobody else writes, for as long as this archive is open.
    pub(crate) fn ensure_writer(&self) -> Result<(), SnapshotError> {
        let mut lock = held(&self.lock);
        if lock.is_some() {
            return Ok(());
        }
        let Some(file) = take_lock(&self.dir)? else { return Err(SnapshotError::Busy) };
        // Whoever had it may have been killed, or may have thinned and packed.
        self.objects.heal()?;
        let mut journal = held(&self.journal);
        journal.refresh()?;
        journal.cut_torn()?;
        *lock = Some(file);
        Ok(())
    }

    /// The commit of a snapshot.
    pub(crate) fn snapshot(&self, id: &SnapshotId) -> Result<Snapshot, SnapshotError> {
        let object = object_of(id)?;
        match self.objects.read_kind(&object, ObjectKind::Commit) {
            Ok(bytes) => Snapshot::parse(&bytes),
            Err(okcvm_objects::ObjectError::Missing { .. }) => Err(SnapshotError::Unknown(id.clone())),
            Err(error) => Err(error.into()),
        }
    }

    /// The tree of a snapshot.
    pub(crate) fn tree(&self, id: &SnapshotId) -> Result<ObjectId, SnapshotError> {
        let object = object_of(id)?;
        let known = self.journal()?.get(&object).map(|record| record.tree);
        match known {
            Some(tree) if self.objects.contains(&object)? => Ok(tree),
            _ => Ok(self.snapshot(id)?.tree),
        }
    }

    /// The snapshot from which this one was made, as far as it is still there: after a thinning the nearest
    /// one before it that was kept.
    pub(crate) fn parent(&self, id: &ObjectId) -> Result<Option<ObjectId>, SnapshotError> {
        Ok(self.journal()?.get(id).and_then(|record| record.parent))
    }

    /// Makes a snapshot of what lies in the batch. When this returns it survives a crash of the program;
    /// within a second also a power cut. [`Archive::ensure_writer`] comes before the batch is filled.
    pub(crate) fn add(
        self: &Arc<Self>,
        batch: Batch,
        text: &CommitText<'_>,
    ) -> Result<ObjectId, SnapshotError> {
        self.ensure_writer()?;
        let id = batch.add(ObjectKind::Commit, &text.encode()?)?;
        batch.finish()?;
        let record = Record {
            id,
            parent: text.parent,
            tree: text.tree,
            at_ms: text.at_ms,
            author: text.author,
            message: Some(text.message()),
        };
        {
            let mut journal = held(&self.journal);
            if journal.position(&id).is_none() {
                journal.append(record)?;
            }
        }
        held(&self.unnamed).push((id, text.parent));
        self.sync_soon();
        Ok(id)
    }

    /// Writes the references of the snapshots that have none yet, then takes away those of the ones that they came from.
    pub(crate) fn write_references(&self) {
        let mut unnamed = held(&self.unnamed);
        let mut parents: HashSet<ObjectId> = unnamed.iter().filter_map(|(_, parent)| *parent).collect();
        for (id, parent) in unnamed.drain(..) {
            if !parents.contains(&id)
                && let Err(error) = self.references.write(&id)
            {
                tracing::warn!(%id, %error, "the next start writes the reference");
                if let Some(parent) = parent {
                    parents.remove(&parent);
                }
            }
        }
        for parent in parents {
            if let Err(error) = self.references.remove(&parent) {
                tracing::warn!(id = %parent, %error, "a reference too many stays");
            }
        }
    }

    /// Syncs a file in the background, where a restore has written that it is done.
    pub(crate) fn sync_later(self: &Arc<Self>, file: File) {
        held(&self.ends).push(file);
        self.sync_soon();
    }

    fn sync_ends(&self) {
        let ends = std::mem::take(&mut *held(&self.ends));
        for file in ends {
            if let Err(error) = file.sync_data() {
                tracing::debug!(%error, "the end of a restore may have to be found out again");
            }
        }
    }

    fn is_behind(&self) -> bool {
        let journal = held(&self.journal);
        journal.durable() < journal.records().len() || self.objects.unsynced() > 0
    }

    /// Makes all snapshots so far survive a power cut.
    pub(crate) fn flush(&self) -> Result<(), SnapshotError> {
        let _one = held(&self.flushing);
        if held(&self.lock).is_none() {
            return Ok(());
        }
        self.write_references();
        self.sync_ends();
        let flushed = self.sync();
        self.objects.make_spares();
        flushed
    }

    /// The same for one who waits: what nobody waits for is left to the background.
    pub(crate) fn make_durable(&self) -> Result<(), SnapshotError> {
        let _one = held(&self.flushing);
        if held(&self.lock).is_none() { Ok(()) } else { self.sync() }
    }

    fn sync(&self) -> Result<(), SnapshotError> {
        let (count, path) = {
            let journal = held(&self.journal);
            (journal.records().len(), journal.path().to_owned())
        };
        let Some(syncing) = held(&self.journal).begin_sync(count)? else { return Ok(self.objects.sync()?) };
        // Side by side, so that one wait of the disk serves all. Nobody who looks at the journal waits for it.
        let (packs, journal) = side_by_side(|| self.objects.sync(), || self.disk.sync_file(&path));
        if let Err(error) = packs {
            // The journal's own failure is told once only, and must not be forgotten over this one.
            if journal.is_err() {
                held(&self.journal).end_sync(syncing, journal)?;
            }
            return Err(error.into());
        }
        held(&self.journal).end_sync(syncing, journal)
    }

    /// Reads what is in a batch, and takes it away again: a look leaves nothing on the disk. `look` may have further
    /// batches put down for as long. The caller is the one who writes.
    pub(crate) fn for_a_look<T>(
        &self,
        batch: Batch,
        look: impl FnOnce(&mut dyn FnMut(Batch) -> Result<(), SnapshotError>) -> Result<T, SnapshotError>,
    ) -> Result<T, SnapshotError> {
        // A pack that was synced, merged or packed meanwhile is known to others; thinning drops it one day.
        let quiet = self.tidying.try_lock();
        let _no_flush = held(&self.flushing);
        let mut packs = batch.finish_all()?;
        let seen = look(&mut |batch| {
            packs.extend(batch.finish_all()?);
            Ok(())
        });
        if quiet.is_ok() {
            self.objects.take_back(&packs)?;
        }
        seen
    }

    /// The snapshot survives a power cut.
    pub(crate) fn is_durable(&self, id: &ObjectId) -> Result<bool, SnapshotError> {
        let journal = self.journal()?;
        Ok(journal.position(id).is_some_and(|position| position < journal.durable()))
    }

    /// Wakes the thread that syncs.
    fn sync_soon(self: &Arc<Self>) {
        let mut to_sync = held(&self.to_sync);
        if let Some(sender) = &*to_sync
            && sender.send(()).is_ok()
        {
            return;
        }
        let (sender, asked) = channel();
        let archive = Arc::downgrade(self);
        let thread = thread::Builder::new().name("snapshot-sync".to_owned());
        match thread.spawn(move || sync_when_asked(&archive, &asked)) {
            Ok(_) => {
                let _ = sender.send(());
                *to_sync = Some(sender);
            }
            Err(error) => {
                tracing::warn!(%error, "no thread for the background; synced at once");
                if let Err(error) = self.flush() {
                    tracing::error!(%error, "snapshots are not on the disk yet");
                }
            }
        }
    }

    /// Merges small packs if there are many; a packing or thinning under way does that anyway.
    pub(crate) fn merge_if_many(&self) -> Result<(), SnapshotError> {
        let Ok(_one) = self.tidying.try_lock() else { return Ok(()) };
        if held(&self.lock).is_some() {
            self.objects.merge_packs(MOST_PACKS)?;
        }
        Ok(())
    }

    /// Merges on a thread of its own: however long it takes, the next snapshots are synced meanwhile. A
    /// failure is said once; the next snapshot tries again.
    fn merge_soon(self: &Arc<Self>) {
        let small = self.objects.packs().iter().filter(|pack| !pack.big).count();
        if small <= MOST_PACKS || self.merging.swap(true, Ordering::AcqRel) {
            return;
        }
        let archive = Arc::downgrade(self);
        let merge = move || {
            let Some(archive) = archive.upgrade() else { return };
            if let Err(error) = archive.merge_if_many() {
                tracing::warn!(%error, "the packs were not merged");
            }
            archive.merging.store(false, Ordering::Release);
        };
        if let Err(error) = thread::Builder::new().name("snapshot-merge".to_owned()).spawn(merge) {
            tracing::warn!(%error, "no thread for the merging");
            self.merging.store(false, Ordering::Release);
        }
    }
}

impl Archive {
    /// Syncs what is left and lets another one write. The thread that syncs may hold the archive a moment
    /// longer, and does nothing more with it; what its end would take away is taken away here.
    pub(crate) fn close(&self) {
        self.write_references();
        self.sync_ends();
        if self.is_behind()
            && let Err(error) = self.flush()
        {
            tracing::error!(%error, "the last snapshots are not on the disk yet");
        }
        let _no_merge = held(&self.tidying);
        let _no_flush = held(&self.flushing);
        self.objects.drop_spares();
        // A process that is just being started may hold a copy of the handle, which closing would not reach.
        if let Some(file) = held(&self.lock).take()
            && let Err(error) = file.unlock()
        {
            tracing::debug!(%error, "the lock goes with its handle");
        }
    }
}

fn sync_when_asked(archive: &Weak<Archive>, asked: &Receiver<()>) {
    while asked.recv().is_ok() {
        thread::sleep(GATHERED);
        while asked.try_recv().is_ok() {}
        loop {
            let Some(archive) = archive.upgrade() else { return };
            match archive.flush() {
                Ok(()) => {
                    archive.merge_soon();
                    break;
                }
                Err(error) => tracing::error!(%error, "snapshots are not on the disk yet"),
            }
            drop(archive);
            thread::sleep(AGAIN);
        }
    }
}

/// The lock of the one who writes; `None` if another one has it.
fn take_lock(dir: &Path) -> Result<Option<File>, SnapshotError> {
    let path = dir.join(LOCK);
    let failed = |error| SnapshotError::storage("locked", &path, error);
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
