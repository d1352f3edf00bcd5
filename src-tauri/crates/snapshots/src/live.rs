//! How the history knows the live workspace: the index, who tells of changes, and when neither is believed.
//!
//! With a watch, a record looks only at the paths that it named, and at those that our own tools wrote.
//! It goes through everything when nothing is known yet, when the watch says that it lost count, when what
//! is to be recorded was set anew, and every so often to put the watch to the test. A change that the watch
//! did not name and no later word of it explains is a miss: from then on its path is looked at each time, and
//! the watch is put to the test again soon. If it misses something once more, it is not asked again.
//!
//! A watch cannot tell of a write by another name of a file (hard link) that lies outside of the workspace,
//! if that name was made after the file was last read. Such a write is found when the watch is put to the test.

use std::collections::{BTreeSet, HashSet};
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use okcvm_objects::{Batch, Objects};
use okcvm_workspace::{ChangeTracker, Changes, PATIENCE, WhyEverything, Workspace};

use crate::compare::{State, live_differences};
use crate::dirt::{Dirt, Suspicion};
use crate::entry::raw;
use crate::error::SnapshotError;
use crate::history::{History, lock};
use crate::index::{Folder, Index, Stamp};
use crate::progress::Progress;
use crate::scan::{Look, Scan, Threads, stamp_of};

/// So many snapshots by the watch's word, and the next one is put to the test.
const AUDIT_AFTER: u32 = 50;
/// After so long the next one is put to the test, too.
const AUDIT_AGE: Duration = Duration::from_secs(10 * 60);
/// After a miss the next test comes after so many snapshots.
const AUDIT_SOON: u32 = 5;
/// With more missed paths at once the watch is not asked again.
const MAX_MISSED: usize = 100;
/// How long to wait before the watch is asked for its word of a change that was found without it. The system
/// shows a change a moment before it tells of it, and who makes the change may have to wait for a processor in
/// between.
const WORD_COMES: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(5), Duration::from_millis(50), Duration::from_millis(500)];
/// So many snapshots, and the index is saved again.
const SAVE_AFTER: u32 = 100;
/// With more files that have several names, going through everything is no more work.
const MAX_LINKED: usize = 2_000;
/// Threads that scan, hash and compress.
const MAX_THREADS: usize = 8;
/// With so many paths to look at, several threads do it.
const PATHS_FOR_THREADS: usize = 8;

/// How a record learnt what changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// The watch named the paths, and only these were looked at. A write by a name of a file outside of the
    /// workspace, made since the file was read, is not among them; see the module.
    Watched,
    /// The whole workspace was gone through.
    Scanned(WhyScanned),
}

/// Why the whole workspace was gone through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WhyScanned {
    /// No watch is attached.
    NotWatched,
    /// Nothing was known of the workspace since the history was opened.
    First,
    /// The watch said so.
    Told(WhyEverything),
    /// What is to be recorded was set anew.
    Policy,
    /// Very many files have several names (hard links), and a watch tells of a write by one of them only.
    Linked,
    /// To put the watch to the test; it passed.
    Audit,
    /// The watch missed a change, now or before.
    Missed,
}

impl fmt::Display for WhyScanned {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotWatched => formatter.write_str("nothing watches the workspace"),
            Self::First => formatter.write_str("it was the first look since the start"),
            Self::Told(why) => why.fmt(formatter),
            Self::Policy => formatter.write_str("what is to be recorded was set anew"),
            Self::Linked => formatter.write_str("very many files have several names"),
            Self::Audit => formatter.write_str("the watch was put to the test"),
            Self::Missed => formatter.write_str("the watch missed a change"),
        }
    }
}

/// What is to be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Files with more bytes are left out.
    pub max_file_bytes: u64,
}

impl Default for Policy {
    fn default() -> Self {
        Self { max_file_bytes: crate::history::DEFAULT_MAX_FILE_BYTES }
    }
}

/// Who tells of changes. Locked for moments only, so that our tools never wait for a record.
#[derive(Debug, Default)]
pub(crate) struct Telling {
    tracker: Option<ChangeTracker>,
    /// It missed something again.
    distrusted: bool,
    /// Paths that it missed, which are looked at each time.
    missed: BTreeSet<Vec<u8>>,
    /// When everything was last looked at.
    looked_at: Option<Instant>,
    audit_next: bool,
    since_audit: u32,
    misses: u64,
    /// Paths that our tools wrote.
    written: BTreeSet<Vec<u8>>,
}

/// What is known of the live workspace.
#[derive(Debug, Default)]
pub(crate) struct Live {
    index: Option<Index>,
    /// Under which `index` was made in this process; a saved index was made under an unknown one.
    policy: Option<Policy>,
    /// The state that is on the disk.
    saved: Option<Arc<Folder>>,
    since_saved: u32,
    saving: Option<JoinHandle<()>>,
    /// The folder of the packs as our last look or write left it.
    packs: Option<Stamp>,
}

/// What was asked of others for a look; it has to be given back unless the look is kept.
#[derive(Debug)]
struct Taken {
    tracker: Option<ChangeTracker>,
    changes: Option<Changes>,
    written: BTreeSet<Vec<u8>>,
}

/// The workspace as a look found it.
#[derive(Debug)]
pub(crate) struct Looked {
    pub(crate) root: Arc<Folder>,
    pub(crate) how: How,
    /// What was known before.
    pub(crate) before: Option<Arc<Folder>>,
    workspace: Arc<[u8]>,
    policy: Policy,
    taken: Taken,
    /// Much may have changed, so that a further thread is worth its start.
    pub(crate) is_wide: bool,
}

impl History {
    /// From now on a record looks only at the paths that `tracker` names.
    pub fn attach(&self, tracker: ChangeTracker) {
        let telling = &mut *lock(&self.shared.telling);
        telling.tracker = Some(tracker);
        telling.distrusted = false;
        telling.missed.clear();
        telling.since_audit = 0;
    }

    /// From now on a record goes through the whole workspace.
    pub fn detach(&self) {
        lock(&self.shared.telling).tracker = None;
    }

    /// Our own tools wrote these paths of the workspace: the next record reads them whatever their times
    /// say. A folder stands for all that is in it.
    pub fn note_written(&self, paths: &[String]) {
        lock(&self.shared.telling).written.extend(paths.iter().map(|path| raw(path)));
    }

    /// What is to be recorded from now on.
    pub fn set_policy(&self, policy: Policy) {
        *lock(&self.shared.policy) = policy;
    }

    /// The next record puts the watch to the test: it goes through the whole workspace as well.
    pub fn audit_next(&self) {
        lock(&self.shared.telling).audit_next = true;
    }

    /// How often the watch missed a change since the history was opened.
    pub fn missed_changes(&self) -> u64 {
        lock(&self.shared.telling).misses
    }

    /// Looks at the workspace. New objects go into `batch`; nothing is kept until [`History::keep`].
    pub(crate) fn look_at(
        &self,
        live: &mut Live,
        workspace: &Workspace,
        batch: &Batch,
        progress: &Progress,
    ) -> Result<Looked, SnapshotError> {
        let place = workspace.root().as_os_str().as_bytes();
        let policy = *lock(&self.shared.policy);
        self.notice_foreign_packs(live)?;
        let known = self.known(live, place)?;
        let (taken, why) = self.ask(known.is_some() && live.policy.is_some());
        let why = match why {
            None if live.policy != Some(policy) => Some(WhyScanned::Policy),
            None if known.as_ref().is_some_and(|index| index.root.linked_below > MAX_LINKED) => {
                Some(WhyScanned::Linked)
            }
            why => why,
        };
        let (mut dirt, mut paths) = taken.dirt();
        for path in &lock(&self.shared.telling).missed {
            dirt.add(path, Suspicion::Changed);
            paths += 1;
        }
        if let (None, Some(index)) = (&why, &known) {
            let linked = index.root.paths_of(&|folder| folder.linked_below > 0, &|known| known.linked);
            paths += linked.len();
            for path in &linked {
                dirt.add(path, Suspicion::Changed);
            }
        }
        let rights = &self.shared.rights;
        let max_file_bytes = policy.max_file_bytes;
        let scan = Scan {
            batch,
            max_file_bytes,
            progress,
            threads: Threads::Many,
            rules: &self.shared.rules,
            rights,
        };
        let root = workspace.root_handle();
        let whole = Look::Whole(Suspicion::Unsuspected, Some(&dirt));
        let before = known.map(|index| index.root);
        let old = before.as_ref();
        let look = |why| match why {
            Some(why) => Ok((in_threads(|| scan.workspace(root, old, whole))?, How::Scanned(why))),
            None if dirt.is_clean() => match old {
                Some(old) if !self.audit_is_due() => Ok((Arc::clone(old), How::Watched)),
                _ => self.watched(scan, root, old, &dirt, paths, &taken),
            },
            None => self.watched(scan, root, old, &dirt, paths, &taken),
        };
        match look(why) {
            Ok((root, how)) => {
                let is_wide = paths >= PATHS_FOR_THREADS || matches!(how, How::Scanned(_));
                Ok(Looked { root, how, before, workspace: place.into(), policy, taken, is_wide })
            }
            Err(error) => {
                self.give_back(taken);
                Err(error)
            }
        }
    }

    /// A git that was run on the repository may have packed it anew and dropped what nothing names.
    fn notice_foreign_packs(&self, live: &mut Live) -> Result<(), SnapshotError> {
        let packs = self.packs();
        if packs.is_none() || live.packs != packs {
            self.shared.objects.refresh()?;
            live.packs = packs;
        }
        Ok(())
    }

    fn packs(&self) -> Option<Stamp> {
        rustix::fs::stat(self.shared.path.join("objects/pack")).ok().map(|stat| stamp_of(&stat))
    }

    /// The index of the workspace at `place`, from the disk if this process has none yet.
    fn known(&self, live: &mut Live, place: &[u8]) -> Result<Option<Index>, SnapshotError> {
        if live.index.as_ref().is_none_or(|index| *index.workspace != *place) {
            live.policy = None;
            live.index = Index::load(self.shared.folder(), place);
            live.saved = live.index.as_ref().map(|index| Arc::clone(&index.root));
            if let Some(saved) = &live.saved {
                self.shared.rights.learn(saved);
            }
        }
        // Its snapshot may have been thinned out, or its pack lost with the power; or something that it names
        // was found damaged, and the workspace has it still.
        let damaged = self.shared.objects.known_damaged();
        if let Some(index) = &live.index
            && (!self.shared.objects.contains(&index.root.id)?
                || !damaged.is_empty() && index.root.names_any(&damaged))
        {
            tracing::warn!("the index names objects that are gone; everything is read again");
            *live = Live { saving: live.saving.take(), packs: live.packs, ..Live::default() };
        }
        Ok(live.index.clone())
    }

    /// Asks what changed; also whether the answer is worth nothing.
    fn ask(&self, known: bool) -> (Taken, Option<WhyScanned>) {
        let (tracker, distrusted) = {
            let telling = lock(&self.shared.telling);
            (telling.tracker.clone(), telling.distrusted)
        };
        // Also before a scan: what changes while it runs has to be told the next time.
        let changes = tracker.as_ref().map(|tracker| tracker.take(PATIENCE));
        let why = match &changes {
            _ if !known => Some(WhyScanned::First),
            None => Some(WhyScanned::NotWatched),
            Some(_) if distrusted => Some(WhyScanned::Missed),
            Some(Changes::Everything(why)) => Some(WhyScanned::Told(why.clone())),
            Some(Changes::Paths(_)) => None,
        };
        // After the watch has answered, so that a path that it told of early is not read by its stamp.
        let written = std::mem::take(&mut lock(&self.shared.telling).written);
        (Taken { tracker, changes, written }, why)
    }

    fn audit_is_due(&self) -> bool {
        let telling = lock(&self.shared.telling);
        telling.audit_next
            || telling.since_audit >= AUDIT_AFTER
            || telling.looked_at.is_some_and(|at| at.elapsed() >= AUDIT_AGE)
    }

    /// Looks at what the watch named, and puts it to the test if that is due.
    fn watched(
        &self,
        scan: Scan<'_>,
        root: std::os::fd::BorrowedFd<'_>,
        old: Option<&Arc<Folder>>,
        dirt: &Dirt,
        paths: usize,
        taken: &Taken,
    ) -> Result<(Arc<Folder>, How), SnapshotError> {
        let look = |old: Option<&Arc<Folder>>, dirt: &Dirt, paths: usize| {
            if paths < PATHS_FOR_THREADS && dirt.itself == Suspicion::Unsuspected {
                Scan { threads: Threads::One, ..scan }.workspace(root, old, Look::Only(dirt))
            } else {
                in_threads(|| scan.workspace(root, old, Look::Only(dirt)))
            }
        };
        let mut found = look(old, dirt, paths)?;
        let mut linked = HashSet::new();
        found.newly_linked(old.map(Arc::as_ref), &mut linked);
        if !linked.is_empty() {
            // Their other names were not told of.
            let mut others = Dirt::default();
            let paths = found.paths_of(&|_| true, &|known| linked.contains(&known.inode));
            for path in &paths {
                others.add(path, Suspicion::Changed);
            }
            found = look(Some(&found), &others, paths.len())?;
        }
        if !self.audit_is_due() {
            return Ok((found, How::Watched));
        }
        let whole = Look::Whole(Suspicion::Unsuspected, None);
        let all = in_threads(|| scan.workspace(root, Some(&found), whole))?;
        let missed = self.missed(&found, &all, taken)?;
        let telling = &mut *lock(&self.shared.telling);
        telling.audit_next = false;
        telling.since_audit = 0;
        if missed.is_empty() {
            return Ok((all, How::Scanned(WhyScanned::Audit)));
        }
        telling.misses += missed.len() as u64;
        telling.distrusted = !telling.missed.is_empty() || missed.len() > MAX_MISSED;
        telling.since_audit = AUDIT_AFTER - AUDIT_SOON;
        let paths: Vec<_> = missed.iter().take(10).map(|path| crate::entry::shown(path)).collect();
        let distrusted = telling.distrusted;
        tracing::error!(count = missed.len(), ?paths, distrusted, "the watch missed changes");
        telling.missed.extend(missed);
        Ok((all, How::Scanned(WhyScanned::Missed)))
    }

    /// The paths that differ although the watch has not named them, not even by now.
    fn missed(
        &self,
        watched: &Arc<Folder>,
        all: &Arc<Folder>,
        taken: &Taken,
    ) -> Result<Vec<Vec<u8>>, SnapshotError> {
        if watched.id == all.id {
            return Ok(Vec::new());
        }
        let Some(tracker) = &taken.tracker else { return Ok(Vec::new()) };
        let (differences, _) =
            live_differences(&self.shared.objects, State::Live(watched), State::Live(all))?;
        let mut missed: Vec<_> = differences.into_iter().map(|difference| difference.path).collect();
        for wait in WORD_COMES {
            std::thread::sleep(wait);
            // What changed while we looked.
            let late = tracker.take(PATIENCE);
            let mut named = Dirt::default();
            match &late {
                Changes::Everything(_) => named.add(b"", Suspicion::Changed),
                Changes::Paths(paths) => paths.iter().for_each(|path| named.add(path, Suspicion::Changed)),
            }
            tracker.put_back(late);
            missed.retain(|path| !named.covers(path) && !named.leads_to_dirt(path));
            if missed.is_empty() {
                break;
            }
        }
        Ok(missed)
    }

    /// Takes what was found for what is known, once a snapshot holds it.
    pub(crate) fn keep(&self, live: &mut Live, looked: Looked) {
        let Looked { root, how, workspace, policy, .. } = looked;
        live.index = Some(Index { workspace, root });
        live.policy = Some(policy);
        live.packs = self.packs();
        live.since_saved += 1;
        let scanned = match how {
            How::Watched => {
                lock(&self.shared.telling).since_audit += 1;
                false
            }
            How::Scanned(_) => {
                lock(&self.shared.telling).looked_at = Some(Instant::now());
                true
            }
        };
        if scanned || live.since_saved >= SAVE_AFTER {
            live.save_later(&self.shared.objects, self.shared.folder());
        }
    }

    /// Forgets a look: what was told counts as not told.
    pub(crate) fn forget(&self, looked: Looked) {
        self.give_back(looked.taken);
    }

    fn give_back(&self, taken: Taken) {
        if let (Some(tracker), Some(changes)) = (taken.tracker, taken.changes) {
            tracker.put_back(changes);
        }
        lock(&self.shared.telling).written.extend(taken.written);
    }
}

/// Does work that spreads over several threads. They are new ones, since the system puts a new thread on a processor that
/// has nothing to do; one that sleeps is woken beside the one that wakes it where an idle processor cannot be told from
/// one that is away, as in virtual machines.
fn in_threads<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let threads = std::thread::available_parallelism().map_or(2, usize::from).min(MAX_THREADS);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|number| format!("snapshot-{number}"))
        // A thread that waits for others takes up other folders meanwhile, each as deep as they go.
        .stack_size(8 << 20)
        .build();
    match pool {
        Ok(pool) => pool.install(work),
        Err(error) => {
            tracing::warn!(%error, "one thread has to do");
            work()
        }
    }
}

impl Taken {
    /// The paths to look at, and how many.
    fn dirt(&self) -> (Dirt, usize) {
        let mut dirt = Dirt::default();
        let mut count = self.written.len();
        if let Some(Changes::Paths(paths)) = &self.changes {
            count += paths.len();
            for path in paths {
                dirt.add(path, Suspicion::Changed);
            }
        }
        for path in &self.written {
            dirt.add(path, Suspicion::Written);
        }
        (dirt, count)
    }
}

impl Live {
    pub(crate) fn index(&self) -> Option<&Index> {
        self.index.as_ref()
    }

    /// Saves the index on a thread of its own, unless it is on the disk already or that thread is still at
    /// it.
    fn save_later(&mut self, objects: &Objects, folder: &Path) {
        let Some(index) = self.index.clone() else { return };
        if self.saved.as_ref().is_some_and(|saved| Arc::ptr_eq(saved, &index.root)) {
            return;
        }
        if self.saving.as_ref().is_some_and(|saving| !saving.is_finished()) {
            return;
        }
        self.saved = Some(Arc::clone(&index.root));
        self.since_saved = 0;
        let (objects, folder) = (objects.clone(), folder.to_path_buf());
        let saving = std::thread::Builder::new()
            .name("index-save".to_owned())
            .spawn(move || save(&index, &objects, &folder));
        self.saving = saving.ok();
    }

    /// Saves what is not on the disk yet; for the end.
    pub(crate) fn close(&mut self, objects: &Objects, folder: &Path) {
        if let Some(saving) = self.saving.take() {
            // It has said what went wrong.
            let _ = saving.join();
        }
        if let Some(index) = self.index.take()
            && !self.saved.as_ref().is_some_and(|saved| Arc::ptr_eq(saved, &index.root))
        {
            save(&index, objects, folder);
        }
    }
}

fn save(index: &Index, objects: &Objects, folder: &Path) {
    // What it names has to be there whenever it is.
    if let Err(error) = objects.sync() {
        tracing::warn!(%error, "the index is not saved; the next start reads more files again");
        return;
    }
    if let Err(error) = index.save(folder) {
        tracing::warn!(%error, "the index is not saved; the next start reads more files again");
    }
}

#[cfg(test)]
#[path = "live_tests.rs"]
mod tests;
