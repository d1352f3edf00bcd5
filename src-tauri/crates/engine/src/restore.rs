//! Going to another moment, and back again.
//!
//! Every move records the present first and is written down as an intent before a file is touched, so that it can be
//! undone, done again, and finished after a crash.

use std::collections::{BTreeSet, HashMap};

use okcvm_protocol::{
    AppEvent, ChangeKind, FileChange, NodeId, RestoreChange, RestoreId, RestoreOutcome, RestorePlan,
    RestoreScope, SessionId, SnapshotId, UndoState, Writer,
};
use okcvm_snapshots::Author;
use okcvm_store::{NodeRow, RestoreRow, RestoreState};

use crate::runtime::Runtime;
use crate::sessions::path_to;
use crate::{Engine, EngineError};

impl Engine {
    /// What a restore would do. Touches no file. Blocking.
    pub fn plan_restore(
        &self,
        session: &SessionId,
        node: &NodeId,
        scope: RestoreScope,
    ) -> Result<RestorePlan, EngineError> {
        let runtime = self.runtime(session)?;
        let row = self.node_of(session, node)?;
        let session_row = self.store().session(session)?;
        let nodes = self.store().nodes(session)?;
        let kept = path_to(&nodes, Some(node));
        let turns_left = path_to(&nodes, session_row.current_node.as_ref())
            .iter()
            .filter(|left| !kept.iter().any(|stays| stays.summary.id == left.summary.id))
            .count() as u32;
        let mut plan = RestorePlan {
            node_id: node.clone(),
            scope,
            changes: Vec::new(),
            unsaved: Vec::new(),
            turns_left,
        };
        if scope == RestoreScope::Conversation {
            return Ok(plan);
        }
        let target = restorable(&row)?;
        let workspace = runtime.workspace()?;
        plan.unsaved = runtime.history.compare_live(&workspace, session_row.head_snapshot.as_ref())?;
        let recorded = runtime.history.diff(session_row.head_snapshot.as_ref(), &target)?;
        let changes = live_to_target(&plan.unsaved, &recorded);
        let paths: Vec<String> = changes.iter().map(|(path, _)| path.clone()).collect();
        let writers = match &session_row.head_snapshot {
            Some(head) => runtime.history.last_writer(head, &paths)?,
            None => std::collections::BTreeMap::new(),
        };
        let by_snapshot = writers_by_snapshot(&nodes);
        plan.changes = changes
            .into_iter()
            .map(|(path, kind)| {
                let by_hand = plan.unsaved.iter().any(|unsaved| unsaved.path == path);
                let written_by = if by_hand {
                    Writer::User
                } else {
                    writers.get(&path).map_or(Writer::Unknown, |snapshot| {
                        by_snapshot.get(snapshot).map_or_else(
                            || match runtime.history.author(snapshot) {
                                Ok(Author::User) => Writer::User,
                                Ok(Author::Agent) | Err(_) => Writer::Unknown,
                            },
                            |node| Writer::Agent {
                                node_id: node.summary.id.clone(),
                                title: node.summary.title.clone(),
                            },
                        )
                    })
                };
                RestoreChange { path, kind, written_by }
            })
            .collect();
        Ok(plan)
    }

    /// Goes to a node.
    pub async fn restore(
        &self,
        session: &SessionId,
        node: &NodeId,
        scope: RestoreScope,
    ) -> Result<RestoreOutcome, EngineError> {
        let row = self.node_of(session, node)?;
        let files = match scope {
            RestoreScope::Conversation => None,
            RestoreScope::All | RestoreScope::Files => Some(restorable(&row)?),
        };
        self.moving(session, move |engine, runtime| {
            engine.move_to(runtime, scope, Some(row.summary.id.clone()), files.as_ref(), || {
                format!("Restore of “{}”", row.summary.title)
            })
        })
        .await
    }

    /// Takes the last restore back.
    pub async fn undo_restore(&self, session: &SessionId) -> Result<RestoreOutcome, EngineError> {
        self.moving(session, |engine, runtime| {
            let mut row = engine.undoable(&runtime.id)?.ok_or(EngineError::NothingTo("undo"))?;
            let current = engine.store().session(&runtime.id)?.current_node;
            let present = engine.record_present(runtime)?;
            row.state = RestoreState::UndoIntent;
            if row.scope == RestoreScope::Files {
                // The conversation stays where it is, wherever it has gone since.
                row.from_node.clone_from(&current);
            }
            // Redo goes back to exactly this present, with whatever came after the restore.
            row.to_node = current;
            let node = row.from_node.clone();
            if row.before.is_some() {
                row.after = Some(present.clone());
            }
            engine.store().put_restore(&row)?;
            engine.carry_out(
                runtime,
                &row,
                &present,
                row.before.as_ref(),
                RestoreState::Undone,
                node.as_ref(),
            )
        })
        .await
    }

    /// Does the restore again that was taken back last.
    pub async fn redo_restore(&self, session: &SessionId) -> Result<RestoreOutcome, EngineError> {
        self.moving(session, |engine, runtime| {
            let mut row = engine.redoable(&runtime.id)?.ok_or(EngineError::NothingTo("redo"))?;
            let current = engine.store().session(&runtime.id)?.current_node;
            let present = engine.record_present(runtime)?;
            row.state = RestoreState::RedoIntent;
            if row.scope == RestoreScope::Files {
                row.to_node.clone_from(&current);
            }
            row.from_node = current;
            let node = row.to_node.clone();
            if row.before.is_some() {
                row.before = Some(present.clone());
            }
            engine.store().put_restore(&row)?;
            engine.carry_out(runtime, &row, &present, row.after.as_ref(), RestoreState::Done, node.as_ref())
        })
        .await
    }

    /// Whether a restore can be taken back or done again.
    pub fn undo_state(&self, session: &SessionId) -> Result<UndoState, EngineError> {
        Ok(UndoState {
            undo: self.undoable(session)?.map(|row| row.title),
            redo: self.redoable(session)?.map(|row| row.title),
        })
    }

    fn undoable(&self, session: &SessionId) -> Result<Option<RestoreRow>, EngineError> {
        let rows = self.store().restores(session)?;
        Ok(rows.into_iter().rev().find(|row| row.state == RestoreState::Done))
    }

    fn redoable(&self, session: &SessionId) -> Result<Option<RestoreRow>, EngineError> {
        let rows = self.store().restores(session)?;
        Ok(rows.into_iter().rev().take_while(|row| row.state == RestoreState::Undone).last())
    }

    /// Runs a move while no turn runs and none can begin.
    async fn moving(
        &self,
        session: &SessionId,
        work: impl FnOnce(&Engine, &Runtime) -> Result<RestoreOutcome, EngineError> + Send + 'static,
    ) -> Result<RestoreOutcome, EngineError> {
        let id = session.clone();
        let runtime = self.blocking(move |engine| engine.writable(&id)).await?;
        let _gate = runtime.gate.lock().await;
        runtime.must_write()?;
        if runtime.running_node().is_some() {
            return Err(EngineError::Busy);
        }
        let shared = runtime.clone();
        let outcome = self.blocking(move |engine| work(engine, &shared)).await?;
        let todos = self.store().todos(session, self.store().session(session)?.current_node.as_ref())?;
        self.events().app(AppEvent::TodosChanged { session_id: session.clone(), todos });
        self.events().app(AppEvent::TreeChanged { session_id: session.clone() });
        self.events().app(AppEvent::WorkspaceChanged { session_id: session.clone(), paths: Vec::new() });
        Ok(outcome)
    }

    fn record_present(&self, runtime: &Runtime) -> Result<SnapshotId, EngineError> {
        Ok(runtime.record(self, Author::User, "State before a restore")?.snapshot)
    }

    /// Goes to a node and, unless only the conversation moves, to a snapshot. The caller holds the gate. Blocking.
    pub(crate) fn move_to(
        &self,
        runtime: &Runtime,
        scope: RestoreScope,
        node: Option<NodeId>,
        files: Option<&SnapshotId>,
        title: impl FnOnce() -> String,
    ) -> Result<RestoreOutcome, EngineError> {
        let session = self.store().session(&runtime.id)?;
        let present = self.record_present(runtime)?;
        let to_node = match scope {
            RestoreScope::Files => session.current_node.clone(),
            RestoreScope::All | RestoreScope::Conversation => node,
        };
        let row = RestoreRow {
            id: RestoreId::new(),
            session_id: runtime.id.clone(),
            made_at: self.now(),
            state: RestoreState::Intent,
            title: title(),
            scope,
            from_node: session.current_node,
            to_node: to_node.clone(),
            before: files.map(|_| present.clone()),
            after: files.cloned(),
        };
        self.store().put_restore(&row)?;
        self.carry_out(runtime, &row, &present, files, RestoreState::Done, to_node.as_ref())
    }

    fn carry_out(
        &self,
        runtime: &Runtime,
        row: &RestoreRow,
        present: &SnapshotId,
        target: Option<&SnapshotId>,
        state: RestoreState,
        node: Option<&NodeId>,
    ) -> Result<RestoreOutcome, EngineError> {
        let outcome = match target {
            Some(target) => match runtime.history.restore(&runtime.workspace()?, present, target) {
                Ok(outcome) => outcome,
                Err(error) => {
                    self.put_back(runtime, row, present);
                    return Err(error.into());
                }
            },
            None => RestoreOutcome { written: 0, removed: 0, before: None },
        };
        self.store().finish_restore(row, state, node, target)?;
        tracing::info!(session = %runtime.id, title = row.title, written = outcome.written,
            removed = outcome.removed, "restored");
        Ok(outcome)
    }

    /// A restore failed half-way (a full disk, a file that cannot be written): the files go back to the present that
    /// was recorded, as far as they let themselves, and the step is dropped.
    fn put_back(&self, runtime: &Runtime, row: &RestoreRow, present: &SnapshotId) {
        let back = runtime
            .record(self, Author::User, "State of a restore that failed")
            .and_then(|half| Ok(runtime.history.restore(&runtime.workspace()?, &half.snapshot, present)?))
            .and_then(|_| Ok(self.store().set_head_snapshot(&runtime.id, Some(present))?));
        if let Err(error) = back {
            tracing::error!(session = %runtime.id, %error, "a failed restore could not be taken back");
        }
        let state = match row.state {
            RestoreState::UndoIntent => RestoreState::Done,
            RestoreState::RedoIntent => RestoreState::Undone,
            RestoreState::Intent | RestoreState::Done | RestoreState::Undone | RestoreState::Dropped => {
                RestoreState::Dropped
            }
        };
        if let Err(error) = self.store().put_restore(&RestoreRow { state, ..row.clone() }) {
            tracing::error!(session = %runtime.id, %error, "a failed restore could not be noted");
        }
    }
}

impl Runtime {
    /// Finishes restores that were cut short by the end of the program.
    pub(crate) fn finish_restores(&self, engine: &Engine) -> Result<(), EngineError> {
        for row in engine.store().restores(&self.id)? {
            let (target, node, state) = match row.state {
                RestoreState::Intent | RestoreState::RedoIntent => {
                    (&row.after, &row.to_node, RestoreState::Done)
                }
                RestoreState::UndoIntent => (&row.before, &row.from_node, RestoreState::Undone),
                RestoreState::Done | RestoreState::Undone | RestoreState::Dropped => continue,
            };
            tracing::warn!(session = %self.id, title = row.title, "finishing a restore that was cut short");
            if let Some(target) = target {
                let half = self.record(engine, Author::User, "State of a restore that was cut short")?;
                self.history.restore(&self.workspace()?, &half.snapshot, target)?;
            }
            engine.store().finish_restore(&row, state, node.as_ref(), target.as_ref())?;
        }
        Ok(())
    }
}

/// What would happen to each live file: `unsaved` leads from the last record to the live files, `recorded` from the last
/// record to the target.
fn live_to_target(unsaved: &[FileChange], recorded: &[FileChange]) -> Vec<(String, ChangeKind)> {
    // Whether a path is there after some changes; `None` if they do not touch it.
    let after = |changes: &[FileChange], path: &str| {
        changes.iter().find_map(|change| {
            if change.path == path {
                Some(change.kind != ChangeKind::Deleted)
            } else {
                (change.old_path.as_deref() == Some(path)).then_some(false)
            }
        })
    };
    // Whether it was there before them.
    let before = |changes: &[FileChange], path: &str| {
        changes.iter().find_map(|change| {
            if change.old_path.as_deref() == Some(path) {
                Some(true)
            } else {
                let new = matches!(change.kind, ChangeKind::Added | ChangeKind::Renamed);
                (change.path == path).then_some(!new)
            }
        })
    };
    let touched =
        unsaved.iter().chain(recorded).flat_map(|change| [Some(&change.path), change.old_path.as_ref()]);
    let paths: BTreeSet<&String> = touched.flatten().collect();
    paths
        .into_iter()
        .filter_map(|path| {
            let last = before(unsaved, path).or_else(|| before(recorded, path)).unwrap_or(true);
            let live = after(unsaved, path).unwrap_or(last);
            let target = after(recorded, path).unwrap_or(last);
            let kind = match (live, target) {
                (true, true) => ChangeKind::Modified,
                (false, true) => ChangeKind::Added,
                (true, false) => ChangeKind::Deleted,
                (false, false) => return None,
            };
            Some((path.clone(), kind))
        })
        .collect()
}

fn restorable(row: &NodeRow) -> Result<SnapshotId, EngineError> {
    if let Some(reason) = &row.summary.not_restorable {
        return Err(EngineError::NotRestorable(reason.clone()));
    }
    row.summary
        .snapshot
        .clone()
        .ok_or_else(|| EngineError::NotRestorable("its turn has not ended, or was never recorded.".into()))
}

/// The node that made each snapshot: the first that holds it and did not begin with it.
fn writers_by_snapshot(nodes: &[NodeRow]) -> HashMap<&SnapshotId, &NodeRow> {
    let mut writers = HashMap::new();
    for node in nodes {
        if let Some(snapshot) = &node.summary.snapshot
            && node.summary.base_snapshot.as_ref() != Some(snapshot)
        {
            writers.entry(snapshot).or_insert(node);
        }
    }
    writers
}
