//! Taking back what one turn did to the files, and nothing that came after it.

use std::collections::{BTreeMap, HashMap};

use okcvm_protocol::{
    AppError, ChangeKind, FileChange, NodeId, RestoreOutcome, RestoreScope, RevertConflict, RevertPlan,
    SessionId, SnapshotId,
};

use crate::restore::{Goal, Paths};
use crate::runtime::Runtime;
use crate::{Engine, EngineError};

/// Conflicts that an error names one by one.
const NAMED: usize = 5;

/// What a turn did, and what is there now in its place.
struct Revert {
    /// The files before the turn.
    base: SnapshotId,
    /// What would happen to the present files.
    changes: Vec<(String, ChangeKind)>,
    /// What keeps it from being done.
    conflicts: Vec<RevertConflict>,
}

impl Engine {
    /// What taking back one turn would do. Touches no file. Blocking.
    pub fn plan_revert(&self, session: &SessionId, node: &NodeId) -> Result<RevertPlan, EngineError> {
        let runtime = self.runtime(session)?;
        let head = self.store().session(session)?.head_snapshot;
        let unsaved = runtime.history.compare_live(&runtime.workspace()?, head.as_ref())?;
        let revert = self.revert(&runtime, node, head.as_ref(), &unsaved)?;
        let changes = self.with_writers(&runtime, head.as_ref(), &unsaved, revert.changes)?;
        Ok(RevertPlan { node_id: node.clone(), changes, conflicts: revert.conflicts, unsaved })
    }

    /// Takes the files' changes of one turn back. Can be undone as a restore. If a file has been changed since then, by
    /// whomever, nothing is touched and the error names it.
    pub async fn revert_turn(
        &self,
        session: &SessionId,
        node: &NodeId,
    ) -> Result<RestoreOutcome, EngineError> {
        self.node_of(session, node)?;
        let node = node.clone();
        self.moving(session, move |engine, runtime| {
            let present = engine.record_present(runtime)?;
            let revert = engine.revert(runtime, &node, Some(&present), &[])?;
            if !revert.conflicts.is_empty() {
                return Err(refused(&revert.conflicts));
            }
            let row = engine.store().node(&node)?;
            let goal = Goal {
                scope: RestoreScope::Files,
                node: None,
                files: Some(revert.base),
                paths: Paths::Some(revert.changes.into_iter().map(|(path, _)| path).collect()),
                title: format!("Taking back of “{}”", row.summary.title),
            };
            engine.move_to(runtime, goal)
        })
        .await
    }

    /// Compares what a turn did with what is there now: the snapshot `head`, and on top of it `unsaved`.
    fn revert(
        &self,
        runtime: &Runtime,
        node: &NodeId,
        head: Option<&SnapshotId>,
        unsaved: &[FileChange],
    ) -> Result<Revert, EngineError> {
        let row = self.node_of(&runtime.id, node)?;
        let unknown = || EngineError::NotRestorable("its turn has not ended, or was never recorded.".into());
        if let Some(reason) = row.summary.not_restorable {
            return Err(EngineError::NotRestorable(reason));
        }
        let base = row.summary.base_snapshot.ok_or_else(unknown)?;
        let after = row.summary.snapshot.ok_or_else(unknown)?;
        let head = head.ok_or_else(unknown)?;
        let done = by_path(&runtime.history.diff(Some(&base), &after)?);
        if done.is_empty() {
            return Err(EngineError::App(AppError::new("This turn changed no file.")));
        }
        let later = by_path(&runtime.history.diff(Some(&after), head)?);
        let by_hand = by_path(unsaved);
        let mut changes = Vec::new();
        let mut conflicts = Vec::new();
        for (path, kind) in done {
            let since = by_hand
                .get(&path)
                .map(|kind| (kind, "you"))
                .or_else(|| later.get(&path).map(|kind| (kind, "a later turn, or you")));
            if let Some((kind, who)) = since {
                let did = match kind {
                    ChangeKind::Added | ChangeKind::Renamed => "made again",
                    ChangeKind::Modified => "changed again",
                    ChangeKind::Deleted => "removed",
                };
                conflicts.push(RevertConflict { path, reason: format!("It was {did} since then by {who}.") });
                continue;
            }
            let back = match kind {
                ChangeKind::Added | ChangeKind::Renamed => ChangeKind::Deleted,
                ChangeKind::Deleted => ChangeKind::Added,
                ChangeKind::Modified => ChangeKind::Modified,
            };
            changes.push((path, back));
        }
        Ok(Revert { base, changes, conflicts })
    }
}

/// What happened to each path; a rename is a file that came and one that went.
fn by_path(changes: &[FileChange]) -> BTreeMap<String, ChangeKind> {
    let mut kinds: HashMap<&String, ChangeKind> = HashMap::new();
    for change in changes {
        if let Some(old) = &change.old_path {
            kinds.entry(old).or_insert(ChangeKind::Deleted);
        }
        let kind = match change.kind {
            ChangeKind::Renamed => ChangeKind::Added,
            ChangeKind::Added | ChangeKind::Modified | ChangeKind::Deleted => change.kind,
        };
        kinds.insert(&change.path, kind);
    }
    kinds.into_iter().map(|(path, kind)| (path.clone(), kind)).collect()
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
