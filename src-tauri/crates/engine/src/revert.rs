//! Taking back what one turn did to the files, and nothing that came after it.

use okcvm_protocol::{
    AppError, NodeId, RestoreId, RestoreOutcome, RestoreScope, RevertConflict, RevertPlan, SessionId,
    SnapshotId,
};
use okcvm_snapshots::{Author, RecordInfo, RestoreWhat};
use okcvm_store::{NodeRow, RestoreRow, RestoreState};

use crate::restore::restorable;
use crate::runtime::Runtime;
use crate::{Engine, EngineError};

/// Conflicts that an error names one by one.
const NAMED: usize = 5;

impl Engine {
    /// What taking back one turn would do. Touches no file. Blocking.
    pub fn plan_revert(&self, session: &SessionId, node: &NodeId) -> Result<RevertPlan, EngineError> {
        let runtime = self.runtime_in_its_folder(session)?;
        let row = self.node_of(session, node)?;
        let after = restorable(&row)?;
        // To compare with the files as they are now, their contents are taken into the history.
        self.store().must_be_writable()?;
        runtime.heed_limits(self);
        let head = self.store().session(session)?.head_snapshot;
        let unsaved = runtime.history.compare_live(&runtime.workspace()?, head.as_ref())?;
        let foreseen = runtime.history.foresee_revert(
            &runtime.workspace()?,
            row.summary.base_snapshot.as_ref(),
            &after,
        )?;
        let plan = foreseen.plan;
        if plan.changes.is_empty() && plan.folders.is_empty() && plan.conflicts.is_empty() {
            return Err(nothing());
        }
        let refusal = match self.may_move(&runtime) {
            Err(error) => Some(error),
            Ok(()) if !plan.conflicts.is_empty() => Some(refused(&plan.conflicts)),
            Ok(()) => foreseen.refusal.map(EngineError::from),
        };
        let changes = plan.changes.into_iter().map(|change| (change.path, change.kind)).collect();
        let changes = self.with_writers(&runtime, head.as_ref(), &unsaved, changes)?;
        Ok(RevertPlan {
            node_id: node.clone(),
            changes,
            conflicts: plan.conflicts,
            unsaved,
            unwritten: foreseen.unwritten,
            refusal: refusal.map(|error| error.to_app_error()),
        })
    }

    /// Takes the files' changes of one turn back; texts that were changed since then in other lines are merged. Can be
    /// undone as a restore. If something is in the way, nothing is touched and the error names it.
    pub async fn revert_turn(
        &self,
        session: &SessionId,
        node: &NodeId,
    ) -> Result<RestoreOutcome, EngineError> {
        let row = self.node_of(session, node)?;
        let after = restorable(&row)?;
        self.moving(session, move |engine, runtime| engine.take_back(runtime, &row, &after)).await
    }

    fn take_back(
        &self,
        runtime: &Runtime,
        node: &NodeRow,
        after: &SnapshotId,
    ) -> Result<RestoreOutcome, EngineError> {
        let base = node.summary.base_snapshot.as_ref();
        let current = self.store().session(&runtime.id)?.current_node;
        let present = self.record_present(runtime)?;
        let plan = runtime.history.plan_revert(&present, base, after)?;
        if !plan.conflicts.is_empty() {
            return Err(refused(&plan.conflicts));
        }
        if plan.changes.is_empty() && plan.folders.is_empty() {
            return Err(nothing());
        }
        let title = format!("Taking back of “{}”", node.summary.title);
        let info = RecordInfo { message: &title, author: Author::User, at_ms: self.now() };
        let taken = runtime.history.record_reverted(&present, base, after, info)?;
        let row = RestoreRow {
            id: RestoreId::new(),
            session_id: runtime.id.clone(),
            made_at: self.now(),
            state: RestoreState::Intent,
            title: title.clone(),
            scope: RestoreScope::Files,
            // Undo touches these alone.
            paths: Some(plan.changes.into_iter().map(|change| change.path).chain(plan.folders).collect()),
            from_node: current.clone(),
            to_node: current.clone(),
            before: Some(present.clone()),
            after: Some(taken.snapshot.clone()),
        };
        self.store().put_restore(&row)?;
        runtime.note_recorded(self)?;
        let workspace = runtime.workspace()?;
        // After a power cut the next start has to know of it.
        let reverted = self.store().sync().map_err(EngineError::from).and_then(|()| {
            Ok(runtime.history.restore(&workspace, &present, &taken.snapshot, &RestoreWhat::All)?)
        });
        let mut outcome = match reverted {
            Ok(outcome) => outcome,
            Err(error) => {
                return Err(self.put_back(runtime, &row, [&present, &taken.snapshot], error));
            }
        };
        self.store().finish_restore(&row, RestoreState::Done, current.as_ref(), row.after.as_ref())?;
        outcome.unwritten.extend(taken.kept);
        tracing::info!(session = %runtime.id, title, written = outcome.written, removed = outcome.removed,
            "took a turn back");
        Ok(outcome)
    }
}

fn nothing() -> EngineError {
    EngineError::App(AppError::new("There is nothing of this turn in the files that could be taken back."))
}

fn refused(conflicts: &[RevertConflict]) -> EngineError {
    let mut named: Vec<&str> = conflicts.iter().take(NAMED).map(|conflict| conflict.path.as_str()).collect();
    let more = format!("and {} more", conflicts.len().saturating_sub(NAMED));
    if conflicts.len() > NAMED {
        named.push(&more);
    }
    EngineError::App(
        AppError::new(format!(
            "This turn cannot be taken back alone: {} changed since then.",
            named.join(", ")
        ))
        .with_hint("Restore the node before it, or single files of it."),
    )
}
