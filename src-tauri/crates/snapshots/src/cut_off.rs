//! Recording what a turn left that was cut off together with its program, apart from what others changed since.
//!
//! Nobody told of these changes. What tells them apart is the time of change, which no program can set back: what
//! was last changed while the program was known to live is the turn's, the rest may be anybody's.

use std::collections::BTreeSet;
use std::os::fd::BorrowedFd;
use std::time::{SystemTime, UNIX_EPOCH};

use okcvm_objects::{EMPTY_TREE, EntryKind, ObjectId};
use okcvm_protocol::SnapshotId;
use okcvm_workspace::Workspace;
use rustix::fs::{AtFlags, Stat, statat};

use crate::commit::{Author, object_of};
use crate::difference::{Difference, Scope, differences};
use crate::entry::{shown, split};
use crate::error::SnapshotError;
use crate::history::{History, lock};
use crate::record::RecordInfo;
use crate::revert::with_edits;
use crate::scan::stamp_of;

/// The workspace after a turn was cut off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutOff {
    /// The files as the turn is known to have left them.
    pub turn: SnapshotId,
    /// The files as they are now: `turn`, or a snapshot of [`Author::Unknown`] on top of it.
    pub present: SnapshotId,
    /// Paths that were changed later, or perhaps later.
    pub later: Vec<String>,
}

impl History {
    /// Records the workspace after a turn was cut off that had begun with `base`; `alive` is when its program was last
    /// known to run. What was changed after that is not counted as the turn's. `message` is that of both snapshots.
    pub fn record_cut_off(
        &self,
        workspace: &Workspace,
        base: &SnapshotId,
        alive: Option<SystemTime>,
        (message, at_ms): (&str, i64),
    ) -> Result<CutOff, SnapshotError> {
        let info = |author| RecordInfo { message, author, at_ms };
        let recorded = self.record(workspace, Some(base), info(Author::Unknown))?;
        if !recorded.changed {
            return Ok(CutOff { turn: base.clone(), present: base.clone(), later: Vec::new() });
        }
        let (old, new) = (self.tree(base)?, self.tree(&recorded.snapshot)?);
        let found = differences(self.source(), old, new, &Scope::All)?;
        let alive = alive
            .and_then(|alive| alive.duration_since(UNIX_EPOCH).ok())
            .map(|since| since.as_nanos() as i64);
        let mut later = Vec::new();
        let mut of_turn = Vec::new();
        for difference in found {
            let is_of_turn = match alive {
                Some(alive) => !self.changed_after(workspace.root_handle(), old, &difference, alive)?,
                None => false,
            };
            if is_of_turn { of_turn.push(difference) } else { later.push(difference) }
        }
        let names = |differences: &[Difference]| -> Vec<String> {
            differences.iter().map(|difference| shown(&difference.path)).collect()
        };
        if of_turn.is_empty() && !later.is_empty() {
            return Ok(CutOff { turn: base.clone(), present: recorded.snapshot, later: names(&later) });
        }
        let _writer = lock(&self.shared.writer);
        let left_out = self.shared.archive.snapshot(&recorded.snapshot)?.left_out();
        let put = |tree, parent: &SnapshotId, author| {
            let batch = self.shared.objects.batch();
            self.put_snapshot(batch, tree, Some(object_of(parent)?), info(author), &left_out)
        };
        if later.is_empty() {
            let turn = put(new, base, Author::Agent)?;
            return Ok(CutOff { present: turn.clone(), turn, later: Vec::new() });
        }
        let batch = self.shared.objects.batch();
        let Some(tree) = with_edits(self.source(), &batch, (old, new), &of_turn)? else {
            // They are entangled: a folder of the one stands in the place of a file of the other.
            let all: BTreeSet<String> = names(&later).into_iter().chain(names(&of_turn)).collect();
            let later = all.into_iter().collect();
            return Ok(CutOff { turn: base.clone(), present: recorded.snapshot, later });
        };
        let turn = self.put_snapshot(batch, tree, Some(object_of(base)?), info(Author::Agent), &left_out)?;
        let present = put(new, &turn, Author::Unknown)?;
        Ok(CutOff { turn, present, later: names(&later) })
    }

    /// Whether a path may have been changed after a moment. Of what is gone, the nearest folder tells; what came in a
    /// folder that is new may have come with it.
    fn changed_after(
        &self,
        root: BorrowedFd<'_>,
        old: ObjectId,
        difference: &Difference,
        moment: i64,
    ) -> Result<bool, SnapshotError> {
        let look = |path: &[u8]| {
            let path = if path.is_empty() { b"." } else { path };
            statat(root, path, AtFlags::SYMLINK_NOFOLLOW).ok()
        };
        let is_after = |stat: &Stat| stamp_of(stat).changed > moment;
        let path = difference.path.as_slice();
        let mut folder = split(path).0;
        if difference.new.is_none() {
            loop {
                match look(folder) {
                    Some(stat) => return Ok(is_after(&stat)),
                    None if folder.is_empty() => return Ok(true),
                    None => folder = split(folder).0,
                }
            }
        }
        // It went since it was recorded a moment ago.
        let Some(stat) = look(path) else { return Ok(true) };
        if is_after(&stat) {
            return Ok(true);
        }
        while !folder.is_empty() && !self.was_folder(old, folder)? {
            if look(folder).is_none_or(|stat| is_after(&stat)) {
                return Ok(true);
            }
            folder = split(folder).0;
        }
        Ok(false)
    }

    fn was_folder(&self, tree: ObjectId, path: &[u8]) -> Result<bool, SnapshotError> {
        if tree == EMPTY_TREE {
            return Ok(false);
        }
        Ok(self.source().entry_at(tree, path)?.is_some_and(|entry| entry.kind == EntryKind::Folder))
    }
}

#[cfg(test)]
#[path = "cut_off_tests.rs"]
mod tests;
