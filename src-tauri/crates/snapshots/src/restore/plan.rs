//! What a restore has to do, and whether it may.

use okcvm_objects::{Entry, EntryKind, ObjectId};
use std::collections::{BTreeMap, BTreeSet};

use rustix::fs::{Access, AtFlags, accessat, fstatvfs};
use rustix::process::geteuid;

use super::closed::{Closed, closed_by_owner};
use super::live::{Live, Signature, State};
use crate::difference::Difference;
use crate::entry::{below, shown, split};
use crate::error::{RestoreStage, SnapshotError};
use crate::names::Respelling;
use crate::source::Source;

/// Hardly any file has more bytes.
const AMPLE: u64 = 1 << 30;

/// A file or link to write.
#[derive(Debug)]
pub(super) struct Write {
    pub(super) path: Vec<u8>,
    pub(super) entry: Entry,
    /// What stands there now.
    pub(super) state: State,
}

/// Every step of a restore, each list in the order of paths.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Files and folders that only get another spelling, on a file system that takes both for one.
    pub(super) respellings: Vec<Respelling>,
    pub(super) writes: Vec<Write>,
    /// Files whose content is right and whose executable bit is not.
    pub(super) modes: Vec<(Vec<u8>, EntryKind, State)>,
    /// Files and links to remove that stand where a folder is needed, or in a folder that stands where a
    /// file is needed: they go before the writes, once these are staged.
    pub(super) obstructions: Vec<(Vec<u8>, State)>,
    /// Empty folders to make.
    pub(super) folders: Vec<Vec<u8>>,
    /// Files and links to remove.
    pub(super) removals: Vec<(Vec<u8>, State)>,
    /// Folders to remove before the writes, if they are empty by then, deepest first.
    pub(super) folders_in_the_way: Vec<Vec<u8>>,
    /// Folders to remove in the end, if they are empty by then, deepest first.
    pub(super) folders_to_leave: Vec<Vec<u8>>,
    /// Folders that have to be opened for it, those above others first.
    pub(super) closed: Vec<Closed>,
}

impl Plan {
    /// There is nothing to do.
    pub(super) fn is_empty(&self) -> bool {
        self.respellings.is_empty()
            && self.writes.is_empty()
            && self.modes.is_empty()
            && self.obstructions.is_empty()
            && self.folders.is_empty()
            && self.removals.is_empty()
            && self.folders_in_the_way.is_empty()
            && self.folders_to_leave.is_empty()
    }
}

/// Whether a restore begins or goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Run {
    First,
    /// An earlier one was cut off: what is not there at all may have been removed by it.
    Again,
}

/// The two trees that a restore leads from and to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trees {
    pub(crate) from: ObjectId,
    pub(crate) to: ObjectId,
}

/// Compares the live paths with both trees.
pub(super) fn plan(
    source: &Source,
    live: &mut Live<'_>,
    differences: &[Difference],
    trees: Trees,
    run: Run,
) -> Result<Plan, SnapshotError> {
    let by_path: BTreeMap<&[u8], &Difference> =
        differences.iter().map(|difference| (difference.path.as_slice(), difference)).collect();
    let mut planning =
        Planning { source, live, by_path, trees, run, plan: Plan::default(), changed: BTreeSet::new() };
    for difference in differences {
        planning.one(difference)?;
    }
    if !planning.changed.is_empty() {
        let paths = planning.changed.iter().map(|path| shown(path)).collect();
        return Err(SnapshotError::Changed { paths, stage: RestoreStage::Before });
    }
    let mut plan = planning.plan;
    let mut leave = BTreeSet::new();
    for difference in differences {
        let Some(old) = difference.old else { continue };
        let mut folder = if old.kind == EntryKind::Folder {
            difference.path.as_slice()
        } else {
            split(&difference.path).0
        };
        while !folder.is_empty() && leave.insert(folder.to_vec()) {
            folder = split(folder).0;
        }
    }
    // A path sorts before what is in it.
    for folder in leave.into_iter().rev() {
        if source.is_folder(trees.to, &folder)? || live.examine(&folder)? != State::Folder {
            continue;
        }
        // The others wait until everything is written.
        if source.entry_at(trees.to, &folder)?.is_some() || lies_below_a_file(source, trees.to, &folder)? {
            plan.folders_in_the_way.push(folder.clone());
        }
        plan.folders_to_leave.push(folder);
    }
    plan.closed = may_change(live, &plan)?;
    Ok(plan)
}

pub(super) fn lies_below_a_file(source: &Source, to: ObjectId, path: &[u8]) -> Result<bool, SnapshotError> {
    let mut above = split(path).0;
    while !above.is_empty() {
        if source.entry_at(to, above)?.is_some_and(|entry| entry.kind != EntryKind::Folder) {
            return Ok(true);
        }
        above = split(above).0;
    }
    Ok(false)
}

/// Looks, before anything happens, whether the folders in which something changes can be written to. Gives those that
/// only their owner's own bits close.
fn may_change(live: &mut Live<'_>, plan: &Plan) -> Result<Vec<Closed>, SnapshotError> {
    let paths = plan.writes.iter().map(|write| write.path.as_slice());
    let gone = plan.obstructions.iter().chain(&plan.removals).map(|(path, _)| path.as_slice());
    let folders = plan.folders.iter().chain(&plan.folders_to_leave).map(Vec::as_slice);
    let mut closed = BTreeMap::new();
    let mut last: Option<&[u8]> = None;
    for path in paths.chain(gone).chain(folders) {
        let folder = split(path).0;
        if last == Some(folder) {
            continue;
        }
        last = Some(folder);
        let nearest = live.nearest_folder(folder)?;
        let handle = live.folder(&nearest)?;
        let access = Access::WRITE_OK | Access::EXEC_OK;
        let Err(error) = accessat(&*handle, ".", access, AtFlags::EACCESS) else { continue };
        let Some((folder, bits)) = closed_by_owner(live, &nearest, geteuid().as_raw())? else {
            let shown: &[u8] = if nearest.is_empty() { b"." } else { &nearest };
            return Err(SnapshotError::workspace("written to", shown, error));
        };
        closed.insert(folder, bits);
    }
    Ok(closed.into_iter().collect())
}

/// Looks, before anything happens, whether all new contents fit beside the old ones: these go last.
pub(super) fn has_room(source: &Source, live: &Live<'_>, plan: &Plan) -> Result<(), SnapshotError> {
    let Ok(space) = fstatvfs(live.root()) else { return Ok(()) };
    let block = space.f_frsize.max(1);
    let free = space.f_bavail.saturating_mul(block);
    // Where there is so much room, nobody has to ask how much each takes.
    if free / AMPLE > plan.writes.len() as u64 {
        return Ok(());
    }
    let mut needed: u64 = 0;
    for write in &plan.writes {
        needed = needed.saturating_add(source.size(write.entry.id)?.div_ceil(block).saturating_mul(block));
        if needed > free {
            return Err(SnapshotError::DiskFull { path: shown(&write.path) });
        }
    }
    Ok(())
}

fn may_set_mode(file: &Signature) -> bool {
    let user = geteuid();
    (user.is_root() || user.as_raw() == file.owner.0) && file.stamp.mode & 0o400 != 0
}

struct Planning<'a, 'live> {
    source: &'a Source,
    live: &'a mut Live<'live>,
    by_path: BTreeMap<&'a [u8], &'a Difference>,
    trees: Trees,
    run: Run,
    plan: Plan,
    /// Paths that hold what neither tree holds.
    changed: BTreeSet<Vec<u8>>,
}

impl Planning<'_, '_> {
    fn one(&mut self, difference: &Difference) -> Result<(), SnapshotError> {
        let path = &difference.path;
        let state = self.live.examine(path)?;
        if self.matches(path, difference.new, &state, self.trees.to)? {
            // A folder of which only a left-out part remains still stands where nothing should; it is
            // looked at again when folders are removed.
            return Ok(());
        }
        let gone_before = self.run == Run::Again && state == State::Absent;
        if !gone_before && !self.matches(path, difference.old, &state, self.trees.from)? {
            self.changed.insert(path.clone());
            return Ok(());
        }
        match difference.new {
            None => {
                if matches!(state, State::File(_) | State::Link(_)) {
                    self.remove(path, state)?;
                }
            }
            Some(new) => {
                if let State::Obstructed(above) = &state
                    && !self.goes(above)
                {
                    self.changed.insert(above.clone());
                    return Ok(());
                }
                if new.kind == EntryKind::Folder {
                    if matches!(state, State::File(_) | State::Link(_)) {
                        self.plan.obstructions.push((path.clone(), state));
                    }
                    self.plan.folders.push(path.clone());
                    return Ok(());
                }
                if state == State::Folder {
                    self.all_goes(path)?;
                }
                let same_content = difference
                    .old
                    .is_some_and(|old| old.kind.is_file() && new.kind.is_file() && old.id == new.id);
                match state {
                    // A file with other names keeps its mode under those, so that it is written anew. So is one
                    // whose mode this user may not set, or that cannot be opened for that.
                    State::File(signature)
                        if same_content && signature.links == 1 && may_set_mode(&signature) =>
                    {
                        self.plan.modes.push((path.clone(), new.kind, state));
                    }
                    state => self.plan.writes.push(Write { path: path.clone(), entry: new, state }),
                }
            }
        }
        Ok(())
    }

    /// The live path is what one side holds.
    fn matches(
        &mut self,
        path: &[u8],
        side: Option<Entry>,
        state: &State,
        tree: ObjectId,
    ) -> Result<bool, SnapshotError> {
        match (side, state) {
            (None, State::Absent | State::Obstructed(_)) => Ok(true),
            // In that tree a folder with files stands here, which are compared one by one.
            (None, State::Folder) => self.source.is_folder(tree, path),
            (None, _) => Ok(false),
            (Some(Entry { kind: EntryKind::Folder, .. }), state) => Ok(*state == State::Folder),
            (Some(entry), state) => self.live.holds(self.source, path, state, entry),
        }
    }

    fn remove(&mut self, path: &[u8], state: State) -> Result<(), SnapshotError> {
        // `to` has a folder here, or something that is no folder above.
        let in_the_way = self.source.is_folder(self.trees.to, path)?
            || lies_below_a_file(self.source, self.trees.to, path)?;
        let list = if in_the_way { &mut self.plan.obstructions } else { &mut self.plan.removals };
        list.push((path.to_vec(), state));
        Ok(())
    }

    /// What stands at `path` is removed or replaced by a folder in this restore.
    fn goes(&self, path: &[u8]) -> bool {
        self.by_path.get(path).is_some_and(|difference| difference.old.is_some())
    }

    /// Checks that nothing would be lost with the live folder `path`, in whose place a file or link comes.
    fn all_goes(&mut self, path: &[u8]) -> Result<(), SnapshotError> {
        for name in self.live.names(path)? {
            let inside = below(path, &name);
            if self.live.examine(&inside)? == State::Folder {
                if self.source.is_folder(self.trees.from, &inside)? {
                    self.all_goes(&inside)?;
                } else {
                    self.changed.insert(inside);
                }
            } else if !self.goes(&inside) {
                self.changed.insert(inside);
            }
        }
        Ok(())
    }
}
