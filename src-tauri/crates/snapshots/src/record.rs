//! Recording the workspace, and comparing it.

use git2::Oid;
use okcvm_objects::{Batch, EMPTY_TREE, ObjectId, ObjectKind};
use okcvm_protocol::{ChangeCounts, FileChange, SkippedFile, SnapshotId};
use okcvm_workspace::Workspace;

use crate::commit::{self, Author, CommitText};
use crate::compare::{State, live_counts};
use crate::difference::{changes, differences};
use crate::durable::write_reference;
use crate::entry::empty_tree;
use crate::error::SnapshotError;
use crate::history::{History, Writer, lock};
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
    /// Records the workspace as a child of `parent`. If nothing changed since, nothing is written and the
    /// parent is returned; without a parent there is always a new snapshot. A parent that this history does
    /// not hold (it was moved aside) counts as none.
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
        let batch = self.shared.objects.batch();
        let looked = self.look_at(&mut writer.live, workspace, &batch, progress)?;
        let committed = progress.check().and_then(|()| self.commit(writer, batch, &looked, parent, info));
        match committed {
            Ok(recorded) => {
                self.keep(&mut writer.live, looked);
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
        writer: &Writer,
        batch: Batch,
        looked: &Looked,
        parent: Option<&SnapshotId>,
        info: RecordInfo<'_>,
    ) -> Result<Recorded, SnapshotError> {
        let (skipped, how) = (looked.root.skipped(), looked.how.clone());
        let objects = &self.shared.objects;
        let parent = match parent.map(|id| writer.snapshot_tree(id)).transpose() {
            Ok(parent) => parent,
            Err(SnapshotError::Unknown(id)) => {
                tracing::warn!(%id, "the parent is not in this history; the record begins a new line");
                None
            }
            Err(error) => return Err(error),
        };
        if let Some((id, tree)) = parent
            && tree == oid(looked.root.id)
        {
            let changes = ChangeCounts { added: 0, modified: 0, deleted: 0 };
            return Ok(Recorded { snapshot: commit::snapshot_id(id), changed: false, changes, skipped, how });
        }
        let parent_tree = parent.map_or(EMPTY_TREE, |(_, tree)| object_id(tree));
        let old = match &looked.before {
            Some(before) if before.id == parent_tree => State::Live(before),
            _ => State::Stored(parent_tree),
        };
        let changes = live_counts(objects, old, State::Live(&looked.root))?;
        let text = CommitText {
            tree: oid(looked.root.id),
            parent: parent.map(|(id, _)| id),
            message: info.message,
            author: info.author,
            at_ms: info.at_ms,
            skipped: &skipped,
        };
        let id = batch.add(ObjectKind::Commit, &text.encode()?)?;
        batch.finish()?;
        objects.sync()?;
        write_reference(&self.shared.path, oid(id))?;
        Ok(Recorded { snapshot: commit::snapshot_id(oid(id)), changed: true, changes, skipped, how })
    }

    /// What differs between the snapshot `against` (or nothing) and the workspace as it is now.
    pub fn compare_live(
        &self,
        workspace: &Workspace,
        against: Option<&SnapshotId>,
    ) -> Result<Vec<FileChange>, SnapshotError> {
        let writer = &mut *lock(&self.shared.writer);
        let old =
            against.map(|id| writer.snapshot_tree(id)).transpose()?.map_or_else(empty_tree, |(_, tree)| tree);
        let batch = self.shared.objects.batch();
        let looked = self.look_at(&mut writer.live, workspace, &batch, &Progress::default())?;
        let new = oid(looked.root.id);
        // What nothing names yet must not be taken for recorded by the next look.
        if looked.before.as_ref().is_some_and(|before| before.id == looked.root.id) {
            self.keep(&mut writer.live, looked);
        } else {
            self.forget(looked);
        }
        batch.finish()?;
        changes(&writer.repository, &differences(&writer.repository, old, new)?)
    }
}

fn oid(id: ObjectId) -> Oid {
    // Twenty bytes are an id.
    Oid::from_bytes(id.as_bytes()).unwrap_or(Oid::ZERO_SHA1)
}

fn object_id(oid: Oid) -> ObjectId {
    oid.as_bytes().first_chunk().map_or(EMPTY_TREE, ObjectId::from_bytes)
}
