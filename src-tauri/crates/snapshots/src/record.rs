//! Recording the workspace, and comparing it.

use okcvm_objects::{Batch, EMPTY_TREE, ObjectId, side_by_side};
use okcvm_protocol::{ChangeCounts, FileChange, SkippedFile, SnapshotId};
use okcvm_workspace::Workspace;

use crate::archive::held;
use crate::changes::changes;
use crate::commit::{Author, CommitText, object_of};
use crate::compare::{State, live_counts};
use crate::difference::{Scope, differences};
use crate::error::SnapshotError;
use crate::history::{History, lock};
use crate::left_out::LeftOutList;
use crate::live::{How, Looked};
use crate::progress::Progress;

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
    /// How it was found out what changed.
    pub how: How,
}

impl History {
    /// Records the workspace as a child of `parent`. If nothing changed since, neither in it nor in what is left out,
    /// nothing is written and the parent is returned; without a parent there is always a new snapshot. A parent that this history does
    /// not hold (it was moved aside) counts as none. A new snapshot survives a crash of the program when
    /// this returns, and a power cut within a second; see [`History::flush`].
    pub fn record(
        &self,
        workspace: &Workspace,
        parent: Option<&SnapshotId>,
        info: RecordInfo<'_>,
    ) -> Result<Recorded, SnapshotError> {
        self.record_with(workspace, parent, info, &Progress::default())
    }

    /// The same; `progress` tells how far it is, and can end it.
    pub fn record_with(
        &self,
        workspace: &Workspace,
        parent: Option<&SnapshotId>,
        info: RecordInfo<'_>,
        progress: &Progress,
    ) -> Result<Recorded, SnapshotError> {
        let writer = &mut *lock(&self.shared.writer);
        self.shared.archive.ensure_writer()?;
        let batch = self.shared.objects.batch();
        let looked = self.look_at(&mut writer.live, workspace, &batch, progress)?;
        let committed = progress.check().and_then(|()| self.commit(batch, &looked, parent, info));
        match committed {
            Ok(recorded) => {
                self.keep(&mut writer.live, looked);
                if let Err(error) = self.shared.rights.save() {
                    tracing::warn!(%error, "permission bits are not kept");
                }
                Ok(recorded)
            }
            Err(error) => {
                self.forget(looked);
                Err(error)
            }
        }
    }

    fn commit(
        &self,
        batch: Batch,
        looked: &Looked,
        parent: Option<&SnapshotId>,
        info: RecordInfo<'_>,
    ) -> Result<Recorded, SnapshotError> {
        let (skipped, how) = (looked.root.skipped(), looked.how.clone());
        let (objects, archive) = (&self.shared.objects, &self.shared.archive);
        let found = |id: &SnapshotId| match held(&archive.journal).get(&object_of(id)?) {
            Some(record) => Ok((record.id, record.tree)),
            // Also one that was damaged: what is left of it is no ground to stand on.
            None => Err(SnapshotError::Unknown(id.clone())),
        };
        let parent = match parent.map(found).transpose() {
            Ok(parent) => parent,
            Err(SnapshotError::Unknown(id)) => {
                tracing::warn!(%id, "the parent is not in this history; the record begins a new line");
                None
            }
            Err(error) => return Err(error),
        };
        let left_out = LeftOutList::of(&batch, looked.root.all_left_out())?;
        // What is left out belongs to the snapshot: a list that is out of date would make a restore remove, or refuse,
        // files that no snapshot holds.
        if let Some((id, tree)) = parent
            && tree == looked.root.id
            && archive
                .snapshot(&SnapshotId(id.to_string()))
                .is_ok_and(|snapshot| snapshot.left_out() == left_out)
        {
            let changes = ChangeCounts { added: 0, modified: 0, deleted: 0 };
            return Ok(Recorded {
                snapshot: SnapshotId(id.to_string()),
                changed: false,
                changes,
                skipped,
                how,
            });
        }
        let parent_tree = parent.map_or(EMPTY_TREE, |(_, tree)| tree);
        let old = match &looked.before {
            Some(before) if before.id == parent_tree => State::Live(before),
            _ => State::Stored(parent_tree),
        };
        let parent = parent.map(|(id, _)| id);
        let count = || live_counts(objects, old, State::Live(&looked.root));
        let put = || self.put_snapshot(batch, looked.root.id, parent, info, &left_out);
        // Nothing that is in memory fails to be counted, which would leave a snapshot that nobody hears of.
        let (changes, snapshot) = if looked.is_wide && matches!(old, State::Live(_)) {
            let (snapshot, changes) = side_by_side(put, count);
            (changes?, snapshot?)
        } else {
            (count()?, put()?)
        };
        Ok(Recorded { snapshot, changed: true, changes, skipped, how })
    }

    /// Makes a snapshot of a tree that is in `batch` or was written before.
    pub(crate) fn put_snapshot(
        &self,
        batch: Batch,
        tree: ObjectId,
        parent: Option<ObjectId>,
        info: RecordInfo<'_>,
        left_out: &LeftOutList,
    ) -> Result<SnapshotId, SnapshotError> {
        let RecordInfo { message, author, at_ms } = info;
        let id =
            self.shared.archive.add(batch, &CommitText { tree, parent, message, author, at_ms, left_out })?;
        Ok(SnapshotId(id.to_string()))
    }

    /// What differs between the snapshot `against` (or nothing) and the workspace as it is now.
    pub fn compare_live(
        &self,
        workspace: &Workspace,
        against: Option<&SnapshotId>,
    ) -> Result<Vec<FileChange>, SnapshotError> {
        let writer = &mut *lock(&self.shared.writer);
        self.shared.archive.ensure_writer()?;
        let old = against.map_or(Ok(EMPTY_TREE), |id| self.tree(id))?;
        let batch = self.shared.objects.batch();
        let looked = self.look_at(&mut writer.live, workspace, &batch, &Progress::default())?;
        let new = looked.root.id;
        let look = || changes(self.source(), &differences(self.source(), old, new, &Scope::All)?);
        if looked.before.as_ref().is_some_and(|before| before.id == looked.root.id) {
            self.keep(&mut writer.live, looked);
            batch.finish()?;
            return look();
        }
        // What nothing names yet must not be taken for recorded by the next look, nor pile up look by look.
        self.forget(looked);
        self.shared.archive.for_a_look(batch, |_| look())
    }
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
