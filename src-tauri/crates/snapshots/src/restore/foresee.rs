//! Saying beforehand what a restore would refuse, by the checks of the restore itself.

use okcvm_objects::{Batch, Entry, ObjectId};
use okcvm_protocol::{SkippedFile, SnapshotId};
use okcvm_workspace::Workspace;

use super::{Ahead, Damaged, Live, Names, RestoreWhat, Run, Trees};
use crate::error::SnapshotError;
use crate::history::{History, lock};
use crate::index::{Node, Stamp};
use crate::left_out::LeftOut;
use crate::progress::Progress;
use crate::revert::RevertPlan;

/// What taking back a turn would do to the workspace as it is now.
#[derive(Debug)]
pub struct ForeseenRevert {
    /// Changes and conflicts.
    pub plan: RevertPlan,
    /// What would stay as it is.
    pub unwritten: Vec<SkippedFile>,
    /// The error with which it would end before anything was touched.
    pub refusal: Option<SnapshotError>,
}

/// The present, as a look found it.
struct Present<'a> {
    tree: ObjectId,
    left_out: &'a dyn Fn() -> LeftOut,
    live: Live<'a>,
    /// Makes the objects of a batch readable, for as long as the look takes.
    put: &'a mut dyn FnMut(Batch) -> Result<(), SnapshotError>,
}

impl History {
    /// What a restore to `to` of the workspace as it is now would leave as it is; or the very error with which it
    /// would refuse before anything was touched. No file is touched, and nothing is recorded.
    pub fn foresee_restore(
        &self,
        workspace: &Workspace,
        to: &SnapshotId,
        what: &RestoreWhat,
    ) -> Result<Vec<SkippedFile>, SnapshotError> {
        let target = self.tree(to)?;
        self.at_present(workspace, |present| {
            let ahead = Ahead {
                trees: Trees { from: present.tree, to: target },
                what,
                left_out_before: &|| Ok((present.left_out)()),
                left_out_after: &|| self.left_out(to),
                run: Run::First,
                names: Names::Seen,
                damaged: Damaged::Refused,
            };
            let prepared = self.prepare(&mut present.live, &ahead)?;
            // A content that is gone is missed while it is staged.
            for write in &prepared.plan.writes {
                self.source().size(write.entry.id)?;
            }
            Ok(prepared.unwritten)
        })
    }

    /// The same for taking back the turn that led from `before` (or nothing) to `after`.
    pub fn foresee_revert(
        &self,
        workspace: &Workspace,
        before: Option<&SnapshotId>,
        after: &SnapshotId,
    ) -> Result<ForeseenRevert, SnapshotError> {
        self.at_present(workspace, |present| {
            let batch = self.shared.objects.batch();
            let (plan, tree) = self.plan_revert_of(&batch, present.tree, before, after)?;
            if !plan.conflicts.is_empty() || tree == present.tree {
                return Ok(ForeseenRevert { plan, unwritten: Vec::new(), refusal: None });
            }
            (present.put)(batch)?;
            let ahead = Ahead {
                trees: Trees { from: present.tree, to: tree },
                what: &RestoreWhat::All,
                left_out_before: &|| Ok((present.left_out)()),
                left_out_after: &|| Ok((present.left_out)()),
                run: Run::First,
                names: Names::Seen,
                damaged: Damaged::Refused,
            };
            let (unwritten, refusal) = match self.prepare(&mut present.live, &ahead) {
                Ok(prepared) => (prepared.unwritten, None),
                Err(error) => (Vec::new(), Some(error)),
            };
            Ok(ForeseenRevert { plan, unwritten, refusal })
        })
    }

    fn at_present<T>(
        &self,
        workspace: &Workspace,
        look: impl FnOnce(&mut Present<'_>) -> Result<T, SnapshotError>,
    ) -> Result<T, SnapshotError> {
        let writer = &mut *lock(&self.shared.writer);
        self.shared.archive.ensure_writer()?;
        let batch = self.shared.objects.batch();
        let looked = self.look_at(&mut writer.live, workspace, &batch, &Progress::default())?;
        let root = std::sync::Arc::clone(&looked.root);
        self.forget(looked);
        let known = |path: &[u8], stamp: &Stamp| match root.at(path)? {
            Node::File(known) if known.stamp? == *stamp => Some(Entry { kind: known.kind, id: known.id }),
            _ => None,
        };
        let live = Live::new(workspace.root_handle(), &known)?;
        let left_out = || LeftOut::of(&root.all_left_out());
        self.shared
            .archive
            .for_a_look(batch, |put| look(&mut Present { tree: root.id, left_out: &left_out, live, put }))
    }
}

#[cfg(test)]
#[path = "foresee_tests.rs"]
mod tests;
