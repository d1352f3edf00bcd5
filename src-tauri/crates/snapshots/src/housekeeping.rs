//! Keeping the history small: thinning, packing, and what it takes; and looking through all of it.
//!
//! Both thinning and packing write what comes first, sync it, and take away what goes last, so that a kill
//! or a power cut at any moment leaves every kept snapshot whole. Both write beside those who record.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use okcvm_objects::{EMPTY_TREE, EntryKind, ObjectError, ObjectId, ObjectKind, Objects};
use okcvm_protocol::SnapshotId;

use crate::archive::held;
use crate::commit::{Snapshot, object_of};
use crate::error::SnapshotError;
use crate::history::{History, lock};
use crate::journal::{Record, without};
use crate::left_out::LeftOutList;
use crate::shallow;

/// What stays free on the disk when a packing begins.
const SPARE: u64 = 64 << 20;
/// How often a thinning looks beside those who record what they recorded meanwhile; what comes after that is
/// looked at while they wait.
const ROUNDS: usize = 5;

/// Calls long work off. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks the work to stop: it ends with [`SnapshotError::Cancelled`].
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// [`Cancel::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn check(&self) -> Result<(), SnapshotError> {
        if self.is_cancelled() { Err(SnapshotError::Cancelled) } else { Ok(()) }
    }
}

/// What a thinning did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ThinReport {
    /// Snapshots that are gone.
    pub dropped: usize,
    /// Objects that are gone with them.
    pub objects: usize,
    /// Bytes of packs before and after.
    pub before_bytes: u64,
    /// See `before_bytes`.
    pub after_bytes: u64,
}

/// What a packing did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PackReport {
    /// Bytes on the disk before.
    pub before_bytes: u64,
    /// Bytes on the disk after.
    pub after_bytes: u64,
}

/// What a history takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Bytes of all files in its folder.
    pub bytes: u64,
    /// Of these, bytes of what damage left aside.
    pub aside_bytes: u64,
    /// Snapshots whose files are there.
    pub snapshots: usize,
    /// Packs, those of single large files included.
    pub packs: usize,
    /// Packs of single large files.
    pub big_packs: usize,
    /// Objects in files of their own, as older histories have them.
    pub loose: usize,
}

/// An object that is missing or damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// The object's name.
    pub object: String,
    /// What is wrong, in words.
    pub reason: String,
    /// A path at which it lies, as text; `None` for the snapshot itself or what no snapshot names.
    pub path: Option<String>,
    /// The newest snapshot that needs it.
    pub snapshot: Option<SnapshotId>,
}

/// What a look through all of a history found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VerifyReport {
    /// Objects that were read and hashed.
    pub objects: usize,
    /// Every one of them that is not what it should be.
    pub damages: Vec<Damage>,
}

/// A thinning that was decided on. Nothing of it has begun.
#[derive(Debug)]
#[must_use = "nothing is dropped before it runs"]
pub struct Thinning {
    history: History,
    dropped: HashSet<ObjectId>,
}

impl Thinning {
    /// Drops the content of the snapshots. New packs are written aside, while others record and restore; who
    /// records waits only while the new packs take the place of the old ones. Called off or killed it leaves
    /// every snapshot as it was, unless it was as far as that.
    pub fn run(self, cancel: &Cancel) -> Result<ThinReport, SnapshotError> {
        let Self { history, dropped } = &self;
        let archive = &history.shared.archive;
        let objects = archive.objects();
        let _one = held(&archive.tidying);
        archive.ensure_writer()?;
        if dropped.is_empty() {
            return Ok(ThinReport::default());
        }
        let go_on = || !cancel.is_cancelled();
        let (mut live, mut read) = (HashSet::new(), shallow::Read::default());
        self.mark_kept(&mut live, cancel)?;
        let mut prepared = objects.keep_only(&live, &go_on)?;
        // What was recorded meanwhile may rely on what would go.
        for _ in 0..ROUNDS {
            let fresh = self.mark_kept(&mut live, cancel)?;
            let missing = prepared.missing(fresh.iter());
            if missing.is_empty() {
                break;
            }
            prepared.add(&missing, &go_on)?;
        }
        cancel.check()?;
        // From here on it is brought to its end. What git sees is whole at every step: first the content and
        // the names of all that stays, then the list of commits that have lost a parent, then the journal; the
        // names of what goes, and at last its content.
        prepared.place()?;
        let mut written = self.cut(&mut read)?;
        self.name(&written)?;
        written.1.write_with_old(archive.path(), &archive.disk)?;
        let writer = lock(&history.shared.writer);
        archive.flush()?;
        let never = Cancel::default();
        let fresh = self.mark_kept(&mut live, &never)?;
        let missing = prepared.missing(fresh.iter());
        if !missing.is_empty() {
            prepared.add(&missing, &|| true)?;
            prepared.place()?;
        }
        let now = self.cut(&mut read)?;
        if now != written {
            self.name(&now)?;
            now.1.write_with_old(archive.path(), &archive.disk)?;
            written = now;
        }
        let kept = without(held(&archive.journal).records(), &|id| dropped.contains(id));
        held(&archive.journal).rewrite(kept)?;
        let rewritten = prepared.into_rewritten();
        rewritten.hide();
        let there = archive.references.list()?;
        drop(writer);
        let report = ThinReport {
            dropped: dropped.len(),
            objects: rewritten.dropped,
            before_bytes: rewritten.old_bytes,
            after_bytes: rewritten.new_bytes,
        };
        let (named, cut) = written;
        archive.references.remove_all(&there.difference(&named).copied().collect())?;
        rewritten.remove()?;
        cut.write(archive.path(), &archive.disk)?;
        Ok(report)
    }

    /// Adds to `live` what the snapshots need that stay and are there by now; what was added.
    fn mark_kept(
        &self,
        live: &mut HashSet<ObjectId>,
        cancel: &Cancel,
    ) -> Result<HashSet<ObjectId>, SnapshotError> {
        let archive = &self.history.shared.archive;
        let records: Vec<Record> = {
            let journal = held(&archive.journal);
            let stays = |record: &&Record| !self.dropped.contains(&record.id) && !live.contains(&record.id);
            journal.records().iter().filter(stays).cloned().collect()
        };
        let mut fresh = HashSet::new();
        for record in &records {
            mark(archive.objects(), record, live, &mut fresh, cancel)?;
        }
        live.extend(&fresh);
        Ok(fresh)
    }

    /// What git needs a name for, and where its history ends.
    fn cut(&self, read: &mut shallow::Read) -> Result<(BTreeSet<ObjectId>, shallow::Cut), SnapshotError> {
        let archive = &self.history.shared.archive;
        let ids: HashSet<ObjectId> = {
            let journal = held(&archive.journal);
            journal.records().iter().map(|record| record.id).filter(|id| !self.dropped.contains(id)).collect()
        };
        let cut = shallow::Cut::of_read(archive.objects(), &ids, read)?;
        Ok((ids.difference(&cut.reached).copied().collect(), cut))
    }

    /// Names what has no name yet, durably.
    fn name(&self, (named, _): &(BTreeSet<ObjectId>, shallow::Cut)) -> Result<(), SnapshotError> {
        let references = &self.history.shared.archive.references;
        let there = references.list()?;
        named.difference(&there).try_for_each(|id| references.write(id))?;
        references.sync()
    }
}

impl History {
    /// Drops the content of all snapshots but `keep` and those that are made meanwhile. Their ids are
    /// unknown afterwards.
    pub fn thin<'a>(
        &self,
        keep: impl IntoIterator<Item = &'a SnapshotId>,
        cancel: &Cancel,
    ) -> Result<ThinReport, SnapshotError> {
        self.thinning(keep)?.run(cancel)
    }

    /// Says now which snapshots a thinning drops: all but `keep`. Those that are made from here on stay,
    /// however late it runs.
    pub fn thinning<'a>(
        &self,
        keep: impl IntoIterator<Item = &'a SnapshotId>,
    ) -> Result<Thinning, SnapshotError> {
        let keep: HashSet<ObjectId> = keep.into_iter().map(object_of).collect::<Result<_, _>>()?;
        let journal = self.shared.archive.journal()?;
        let ids = journal.records().iter().map(|record| record.id);
        let dropped = ids.filter(|id| !keep.contains(id)).collect();
        drop(journal);
        Ok(Thinning { history: self.clone(), dropped })
    }

    /// Packs the history with deltas. It runs beside records and reads; cancelled or killed it leaves
    /// every snapshot as it was. An error if the disk has not the room for the new pack beside the old ones.
    pub fn pack(&self, cancel: &Cancel) -> Result<PackReport, SnapshotError> {
        let archive = &self.shared.archive;
        let _one = held(&archive.tidying);
        archive.ensure_writer()?;
        archive.flush()?;
        let objects = archive.objects();
        let before_bytes = folder_bytes(archive.path());
        let packs: Vec<_> = objects.packs().into_iter().filter(|pack| !pack.big).collect();
        if packs.len() <= 1 && objects.loose() == 0 {
            return Ok(PackReport { before_bytes, after_bytes: before_bytes });
        }
        let needed = packs.iter().map(|pack| pack.bytes).sum::<u64>()
            + if objects.loose() > 0 { folder_bytes(&archive.path().join("objects")) } else { 0 }
            + SPARE;
        if archive.disk.free_space(archive.path()).is_some_and(|free| free < needed) {
            return Err(SnapshotError::DiskFull { path: archive.path().to_string_lossy().into_owned() });
        }
        let trees: Vec<ObjectId> =
            held(&archive.journal).records().iter().rev().map(|record| record.tree).collect();
        let rewritten = objects.repack(&trees, &|| !cancel.is_cancelled())?;
        // Called off now it would leave both the old packs and the new one.
        rewritten.finish()?;
        remove_empty_folders(&archive.path().join("objects"));
        Ok(PackReport { before_bytes, after_bytes: folder_bytes(archive.path()) })
    }

    /// What the history takes on the disk.
    pub fn usage(&self) -> Result<Usage, SnapshotError> {
        let archive = &self.shared.archive;
        let packs = archive.objects().packs();
        Ok(Usage {
            bytes: folder_bytes(archive.dir()),
            aside_bytes: self.set_aside().iter().map(|one| one.bytes).sum(),
            snapshots: archive.journal()?.records().len(),
            packs: packs.len(),
            big_packs: packs.iter().filter(|pack| pack.big).count(),
            loose: archive.objects().loose(),
        })
    }

    /// How many objects were found damaged, by whatever read, and not recorded again since. Costs no look at the disk.
    pub fn known_damages(&self) -> usize {
        self.shared.objects.known_damaged().len()
    }

    /// Reads and hashes everything, and names what is damaged or missing.
    pub fn verify(&self, cancel: &Cancel) -> Result<VerifyReport, SnapshotError> {
        let archive = &self.shared.archive;
        let objects = archive.objects();
        let verified = objects.verify(&|| !cancel.is_cancelled())?;
        let mut wrong: HashMap<ObjectId, String> = verified.damaged.into_iter().collect();
        let mut damages = Vec::new();
        let records: Vec<Record> = archive.journal()?.records().to_vec();
        let mut seen = HashSet::new();
        for record in records.iter().rev() {
            cancel.check()?;
            let snapshot = SnapshotId(record.id.to_string());
            let mut ahead =
                vec![(Vec::new(), record.id, Kind::Commit), (Vec::new(), record.tree, Kind::Tree)];
            while let Some((path, id, kind)) = ahead.pop() {
                if !seen.insert(id) {
                    continue;
                }
                let missing = || "it is missing".to_owned();
                let reason = wrong.remove(&id).or_else(|| (!objects.contains(&id).ok()?).then(missing));
                if let Some(reason) = reason {
                    let path = (!path.is_empty()).then(|| crate::entry::shown(&path));
                    let snapshot = Some(snapshot.clone());
                    damages.push(Damage { object: id.to_string(), reason, path, snapshot });
                } else if kind == Kind::Tree && id != EMPTY_TREE {
                    for (name, entry) in objects.read_tree(&id)?.iter() {
                        let kind = if entry.kind == EntryKind::Folder { Kind::Tree } else { Kind::Blob };
                        ahead.push((crate::entry::below(&path, name), entry.id, kind));
                    }
                }
            }
        }
        let rest = wrong.into_iter().map(|(id, reason)| Damage {
            object: id.to_string(),
            reason,
            path: None,
            snapshot: None,
        });
        damages.extend(rest);
        Ok(VerifyReport { objects: verified.objects, damages })
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Commit,
    Tree,
    Blob,
}

/// Adds everything that a snapshot needs and that is not known yet to `fresh`.
fn mark(
    objects: &Objects,
    record: &Record,
    known: &HashSet<ObjectId>,
    fresh: &mut HashSet<ObjectId>,
    cancel: &Cancel,
) -> Result<(), SnapshotError> {
    let mut add = |id: ObjectId| !known.contains(&id) && fresh.insert(id);
    if !add(record.id) {
        return Ok(());
    }
    cancel.check()?;
    if let Some(bytes) = there(objects.read_kind(&record.id, ObjectKind::Commit))?
        && let LeftOutList::InBlob(list) = Snapshot::parse(&bytes)?.left_out()
    {
        add(list);
    }
    let mut ahead = vec![record.tree];
    while let Some(tree) = ahead.pop() {
        if !add(tree) || tree == EMPTY_TREE {
            continue;
        }
        let entries = there(objects.read_tree(&tree))?.unwrap_or_default();
        for (_, entry) in entries.iter() {
            if entry.kind == EntryKind::Folder {
                ahead.push(entry.id);
            } else {
                add(entry.id);
            }
        }
    }
    Ok(())
}

/// What is missing or damaged is told at the next start, and keeps nothing else from being kept.
fn there<T>(read: Result<T, ObjectError>) -> Result<Option<T>, ObjectError> {
    match read {
        Err(error) if error.is_loss() => {
            tracing::error!(%error, "what is kept is not whole");
            Ok(None)
        }
        read => read.map(Some),
    }
}

/// Bytes of all files in a folder and below it.
pub(crate) fn folder_bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => folder_bytes(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

/// Takes away the folders of loose objects that are all packed.
fn remove_empty_folders(objects: &Path) {
    for entry in fs::read_dir(objects).into_iter().flatten().flatten() {
        if entry.file_name().len() == 2 {
            // One that is not empty stays.
            let _ = fs::remove_dir(entry.path());
        }
    }
}

#[cfg(test)]
#[path = "housekeeping_tests.rs"]
mod tests;
