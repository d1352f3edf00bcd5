//! What a restore has to do, and whether it may.

use std::collections::{BTreeMap, BTreeSet};

use git2::{Oid, Repository};

use super::live::{Live, State};
use crate::difference::Difference;
use crate::entry::{Entry, Kind, below, entry_at, shown, split};
use crate::error::{RestoreStage, SnapshotError};

/// Every step of a restore, in the order of paths.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// Files and links to write, with what stands there now.
    pub(super) writes: Vec<(Vec<u8>, Entry, State)>,
    /// Files whose content is right and whose executable bit is not.
    pub(super) modes: Vec<(Vec<u8>, Kind, State)>,
    /// Files and links to remove that stand where a folder is needed, or in a folder that stands where a
    /// file is needed: they go before the writes, once these are staged.
    pub(super) obstructions: Vec<(Vec<u8>, State)>,
    /// Empty folders to make.
    pub(super) folders: Vec<Vec<u8>>,
    /// Files and links to remove.
    pub(super) removals: Vec<(Vec<u8>, State)>,
    /// Folders to remove if they are empty by then, deepest first.
    pub(super) folders_to_leave: Vec<Vec<u8>>,
}

/// Compares the live paths with both trees.
pub(super) fn plan(
    repository: &Repository,
    live: &mut Live,
    differences: &[Difference],
    from: Oid,
    to: Oid,
) -> Result<Plan, SnapshotError> {
    let by_path: BTreeMap<&[u8], &Difference> =
        differences.iter().map(|difference| (difference.path.as_slice(), difference)).collect();
    let mut planning =
        Planning { repository, live, by_path, from, to, plan: Plan::default(), changed: BTreeSet::new() };
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
        let mut folder =
            if old.kind == Kind::Folder { difference.path.as_slice() } else { split(&difference.path).0 };
        while !folder.is_empty() && leave.insert(folder.to_vec()) {
            folder = split(folder).0;
        }
    }
    for folder in leave {
        if !is_folder(repository, to, &folder)? {
            plan.folders_to_leave.push(folder);
        }
    }
    // A path sorts before what is in it.
    plan.folders_to_leave.reverse();
    Ok(plan)
}

/// The live path is what the target holds.
pub(super) fn is_done(
    repository: &Repository,
    live: &mut Live,
    difference: &Difference,
    state: &State,
    to: Oid,
) -> Result<bool, SnapshotError> {
    side_matches(repository, live, &difference.path, difference.new, state, to)
}

fn side_matches(
    repository: &Repository,
    live: &mut Live,
    path: &[u8],
    side: Option<Entry>,
    state: &State,
    tree: Oid,
) -> Result<bool, SnapshotError> {
    match (side, state) {
        (None, State::Absent | State::Obstructed(_)) => Ok(true),
        // In that tree a folder with files stands here, which are compared one by one.
        (None, State::Folder) => is_folder(repository, tree, path),
        (None, _) => Ok(false),
        (Some(Entry { kind: Kind::Folder, .. }), state) => Ok(*state == State::Folder),
        (Some(entry), state) => live.holds(repository, path, state, entry),
    }
}

fn is_folder(repository: &Repository, tree: Oid, path: &[u8]) -> Result<bool, SnapshotError> {
    Ok(entry_at(repository, tree, path)?.is_some_and(|entry| entry.kind == Kind::Folder))
}

struct Planning<'a> {
    repository: &'a Repository,
    live: &'a mut Live,
    by_path: BTreeMap<&'a [u8], &'a Difference>,
    from: Oid,
    to: Oid,
    plan: Plan,
    /// Paths that hold what neither tree holds.
    changed: BTreeSet<Vec<u8>>,
}

impl Planning<'_> {
    fn one(&mut self, difference: &Difference) -> Result<(), SnapshotError> {
        let path = &difference.path;
        let state = self.live.examine(path)?;
        if is_done(self.repository, self.live, difference, &state, self.to)? {
            // A folder of which only a left-out part remains still stands where nothing should; it is
            // looked at again when folders are removed.
            return Ok(());
        }
        if !side_matches(self.repository, self.live, path, difference.old, &state, self.from)? {
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
                if new.kind == Kind::Folder {
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
                    .is_some_and(|old| old.kind.is_file() && new.kind.is_file() && old.oid == new.oid);
                if same_content {
                    self.plan.modes.push((path.clone(), new.kind, state));
                } else {
                    self.plan.writes.push((path.clone(), new, state));
                }
            }
        }
        Ok(())
    }

    fn remove(&mut self, path: &[u8], state: State) -> Result<(), SnapshotError> {
        // `to` has a folder here, or something that is no folder above.
        let mut above = split(path).0;
        let mut in_the_way = is_folder(self.repository, self.to, path)?;
        while !above.is_empty() && !in_the_way {
            in_the_way =
                entry_at(self.repository, self.to, above)?.is_some_and(|entry| entry.kind != Kind::Folder);
            above = split(above).0;
        }
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
                if is_folder(self.repository, self.from, &inside)? {
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
