//! Going to another moment, and back again.
//!
//! Every move records the present first and is written down as an intent before a file is touched, so that it can be
//! undone, done again, and finished after a crash.

use okcvm_protocol::{
    AppError, AppEvent, ErrorCode, NodeId, NodeSummary, RestoreId, RestoreOutcome, RestoreScope, SessionId,
    SnapshotId, UndoState, UndoStep,
};
use okcvm_snapshots::{Author, HowFar, RestoreWhat, UnfinishedRestore};
use okcvm_store::{NodeRow, RestoreRow, RestoreState, SnapshotMark};
use okcvm_workspace::WorkspacePath;

use crate::needs::{HasFiles, next_redo, next_undo, steps};
use crate::runtime::Runtime;
use crate::tidy::{THINNED, names};
use crate::{Engine, EngineError};

/// What is said of a restore that could not be finished after the program had ended.
const GIVEN_UP: &str = "A restore was cut short by the end of the program and could not be finished, since files were \
                        changed since then or cannot be read. They were left as they are; undo brings back what was \
                        there before the restore.";

/// What is said of one that could.
const FINISHED: &str = "A restore that was cut short by the end of the program was carried out to its end.";

/// So many steps that were dropped to save room are shown.
const DROPPED_SHOWN: usize = 20;

/// Which files a restore touches.
#[derive(Debug, Clone)]
pub(crate) enum Paths {
    /// All that differ.
    All,
    /// These, and what lies in those of them that are folders.
    Some(Vec<String>),
}

impl Paths {
    /// Paths of a request, made plain: without `.`, doubled or trailing separators, and without a way out.
    /// They may be named from the workspace on, or from the root of the file system on.
    pub(crate) fn checked(
        runtime: &Runtime,
        scope: RestoreScope,
        paths: Option<&[String]>,
    ) -> Result<Self, EngineError> {
        let Some(paths) = paths else { return Ok(Self::All) };
        if scope != RestoreScope::Files {
            let error = AppError::new("Single files can be restored only without the conversation.")
                .with_hint("Choose to restore files only.");
            return Err(EngineError::App(error));
        }
        if paths.iter().all(String::is_empty) {
            return Err(EngineError::App(AppError::new("No file is named that should be restored.")));
        }
        let plain = paths.iter().map(|path| {
            let path = WorkspacePath::named(runtime.root(), path)?;
            Ok(path.as_str().to_owned())
        });
        let plain = plain.collect::<Result<Vec<String>, EngineError>>()?;
        Ok(if plain.iter().any(String::is_empty) { Self::All } else { Self::Some(plain) })
    }

    /// Each names something that is in the snapshot or in the workspace now, so that a slip of the pen is no
    /// restore of nothing.
    pub(crate) fn must_be_somewhere(
        &self,
        runtime: &Runtime,
        snapshot: &SnapshotId,
    ) -> Result<(), EngineError> {
        let Self::Some(paths) = self else { return Ok(()) };
        let workspace = runtime.workspace()?;
        for path in paths {
            let there = workspace.absolute(&WorkspacePath::parse(path)?).symlink_metadata().is_ok();
            if !there && runtime.history.entry(snapshot, path)?.is_none() {
                let message = format!("`{path}` is neither in that moment nor in the workspace.");
                return Err(EngineError::App(AppError::new(message).with_code(ErrorCode::NotFound)));
            }
        }
        Ok(())
    }

    /// Whether a path is among them.
    pub(crate) fn contain(&self, path: &str) -> bool {
        match self {
            Self::All => true,
            Self::Some(paths) => covers(paths, path),
        }
    }

    /// The same for the history.
    pub(crate) fn what(&self) -> RestoreWhat {
        match self {
            Self::All => RestoreWhat::All,
            Self::Some(paths) => RestoreWhat::Paths(paths.clone()),
        }
    }

    fn into_listed(self) -> Option<Vec<String>> {
        match self {
            Self::All => None,
            Self::Some(paths) => Some(paths),
        }
    }
}

/// A path is one of these, or lies in one of them.
pub(crate) fn covers(paths: &[String], path: &str) -> bool {
    paths.iter().any(|named| {
        path.strip_prefix(named.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// Where a session is to go.
pub(crate) struct Goal {
    /// Files, conversation, or both.
    pub(crate) scope: RestoreScope,
    /// The node that the conversation is to end with.
    pub(crate) node: Option<NodeId>,
    /// What the files are to be; they stay if absent.
    pub(crate) files: Option<SnapshotId>,
    /// Which files.
    pub(crate) paths: Paths,
    /// For the undo stack, in words.
    pub(crate) title: String,
}

/// A conversation and the files that belong to it.
struct Moment {
    /// Where the conversation ends.
    node: Option<NodeId>,
    /// What the files are; they are left as they are if absent.
    files: Option<SnapshotId>,
}

impl Engine {
    /// Goes to a node, or brings some of its files back.
    pub async fn restore(
        &self,
        session: &SessionId,
        node: &NodeId,
        scope: RestoreScope,
        paths: Option<&[String]>,
    ) -> Result<RestoreOutcome, EngineError> {
        let row = self.node_of(session, node)?;
        let paths = paths.map(<[String]>::to_vec);
        self.moving(session, move |engine, runtime| {
            let paths = Paths::checked(runtime, scope, paths.as_deref())?;
            let files = match (scope, &paths) {
                (RestoreScope::Conversation, _) => None,
                (RestoreScope::All | RestoreScope::Files, Paths::All) => Some(restorable(&row)?),
                (RestoreScope::All | RestoreScope::Files, Paths::Some(_)) => Some(partly_restorable(&row)?),
            };
            if let Some(files) = &files {
                paths.must_be_somewhere(runtime, files)?;
            }
            let title = match &paths {
                Paths::All => format!("Restore of “{}”", row.summary.title),
                Paths::Some(paths) => match paths.as_slice() {
                    [path] => format!("Restore of {path} from “{}”", row.summary.title),
                    paths => format!("Restore of {} paths from “{}”", paths.len(), row.summary.title),
                },
            };
            let current = engine.store().session(&runtime.id)?.current_node;
            let there = Moment { node: Some(row.summary.id.clone()), files: files.clone() };
            engine.carry_along(&runtime.id, scope, &there, current.as_ref())?;
            let goal = Goal { scope, node: Some(row.summary.id), files, paths, title };
            engine.move_to(runtime, goal)
        })
        .await
    }

    /// Takes the last restore back.
    pub async fn undo_restore(&self, session: &SessionId) -> Result<RestoreOutcome, EngineError> {
        self.moving(session, |engine, runtime| {
            let Some(mut row) = engine.undoable(&runtime.id)? else {
                return Err(engine.nothing_to_undo(&runtime.id)?);
            };
            let passed = engine.store().thinned_above(&row)?;
            let current = engine.store().session(&runtime.id)?.current_node;
            let there = Moment { node: row.from_node.clone(), files: row.before.clone() };
            engine.carry_along(&runtime.id, row.scope, &there, current.as_ref())?;
            let present = engine.record_present(runtime)?;
            row.state = RestoreState::UndoIntent;
            if row.scope == RestoreScope::Files {
                // The conversation stays where it is, wherever it has gone since.
                row.from_node.clone_from(&current);
            }
            // Redo goes back to exactly this present, with whatever came after the restore.
            row.to_node = current;
            let (node, target) = (row.from_node.clone(), row.before.clone());
            // Where single files are still what it made them, it can be done again as it was, and no step has to keep more.
            let as_made = match (&row.paths, &row.after) {
                (Some(paths), Some(after)) => runtime
                    .history
                    .same_part(&present, after, &RestoreWhat::Paths(paths.clone()))
                    .unwrap_or(false),
                _ => false,
            };
            if row.before.is_some() && !as_made {
                row.after = Some(present.clone());
            }
            engine.store().put_restore(&row)?;
            let outcome = engine.carry_out(
                runtime,
                &row,
                &present,
                target.as_ref(),
                RestoreState::Undone,
                node.as_ref(),
            )?;
            Ok(RestoreOutcome { passed, ..outcome })
        })
        .await
    }

    /// Does the restore again that was taken back last.
    pub async fn redo_restore(&self, session: &SessionId) -> Result<RestoreOutcome, EngineError> {
        self.moving(session, |engine, runtime| {
            let mut row = engine.redoable(&runtime.id)?.ok_or(EngineError::NothingTo("redo"))?;
            let current = engine.store().session(&runtime.id)?.current_node;
            let there = Moment { node: row.to_node.clone(), files: row.after.clone() };
            engine.carry_along(&runtime.id, row.scope, &there, current.as_ref())?;
            let present = engine.record_present(runtime)?;
            row.state = RestoreState::RedoIntent;
            if row.scope == RestoreScope::Files {
                row.to_node.clone_from(&current);
            }
            row.from_node = current;
            let (node, target) = (row.to_node.clone(), row.after.clone());
            if row.before.is_some() {
                row.before = Some(present.clone());
            }
            engine.store().put_restore(&row)?;
            engine.carry_out(runtime, &row, &present, target.as_ref(), RestoreState::Done, node.as_ref())
        })
        .await
    }

    /// Before files and conversation go to a moment, or one of the two alone: what the files bring along that is not
    /// trusted goes with them, to the conversation that they will lie beside.
    fn carry_along(
        &self,
        session: &SessionId,
        scope: RestoreScope,
        there: &Moment,
        current: Option<&NodeId>,
    ) -> Result<(), EngineError> {
        let node = there.node.as_ref();
        match scope {
            RestoreScope::Files => self.carry_distrust(session, node, current),
            RestoreScope::All | RestoreScope::Conversation if there.files.is_none() => {
                self.carry_distrust(session, current, node)
            }
            RestoreScope::All | RestoreScope::Conversation => Ok(()),
        }
    }

    /// Whether a restore can be taken back or done again.
    pub fn undo_state(&self, session: &SessionId) -> Result<UndoState, EngineError> {
        let rows = self.store().restores(session)?;
        let thinned = self.store().thinned_restores(session)?;
        Ok(UndoState {
            undo: next_undo(&rows, HasFiles::Any).map(|row| row.title.clone()),
            redo: next_redo(&rows, HasFiles::Any).map(|row| row.title.clone()),
            dropped: thinned.into_iter().rev().take(DROPPED_SHOWN).map(|(_, step)| step).collect(),
        })
    }

    /// What undo and redo would do, the newest step first.
    pub fn undo_steps(&self, session: &SessionId) -> Result<Vec<UndoStep>, EngineError> {
        Ok(steps(&self.store().restores(session)?))
    }

    /// Why nothing can be undone; what was dropped to save room is named.
    fn nothing_to_undo(&self, session: &SessionId) -> Result<EngineError, EngineError> {
        let dropped: Vec<_> =
            self.store().thinned_restores(session)?.into_iter().map(|(_, step)| step).collect();
        if dropped.is_empty() {
            return Ok(EngineError::NothingTo("undo"));
        }
        let error =
            AppError::new("There is nothing to undo any more: the steps before were dropped to save room.");
        Ok(EngineError::App(match names(&dropped) {
            Some(names) => error.with_hint(format!("Work by hand went with them: {names}.")),
            None => error,
        }))
    }

    fn undoable(&self, session: &SessionId) -> Result<Option<RestoreRow>, EngineError> {
        Ok(next_undo(&self.store().restores(session)?, HasFiles::Any).cloned())
    }

    fn redoable(&self, session: &SessionId) -> Result<Option<RestoreRow>, EngineError> {
        Ok(next_redo(&self.store().restores(session)?, HasFiles::Any).cloned())
    }

    /// Runs a move while no turn runs and none can begin.
    pub(crate) async fn moving(
        &self,
        session: &SessionId,
        work: impl FnOnce(&Engine, &Runtime) -> Result<RestoreOutcome, EngineError> + Send + 'static,
    ) -> Result<RestoreOutcome, EngineError> {
        let id = session.clone();
        let runtime = self.blocking(move |engine| engine.movable(&id)).await?;
        let _gate = runtime.enter().await;
        runtime.must_write(self)?;
        self.must_not_lie_in_trash(session)?;
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

    pub(crate) fn record_present(&self, runtime: &Runtime) -> Result<SnapshotId, EngineError> {
        Ok(runtime.record(self, Author::User, "State before a restore")?.snapshot)
    }

    /// Moves the session. The caller holds the gate. Blocking.
    pub(crate) fn move_to(&self, runtime: &Runtime, goal: Goal) -> Result<RestoreOutcome, EngineError> {
        let session = self.store().session(&runtime.id)?;
        let present = self.record_present(runtime)?;
        let to_node = match goal.scope {
            RestoreScope::Files => session.current_node.clone(),
            RestoreScope::All | RestoreScope::Conversation => goal.node,
        };
        if let Some(files) = goal.files.as_ref().filter(|_| to_node == session.current_node)
            && runtime.history.same_part(&present, files, &goal.paths.what()).unwrap_or(false)
        {
            // All is so already, and a step of nothing would stand before those that undo is for.
            if runtime.history.same_files(&present, files).unwrap_or(false) {
                self.store().set_head_snapshot(&runtime.id, Some(files))?;
            }
            return Ok(nothing_moved(true));
        }
        let row = RestoreRow {
            id: RestoreId::new(),
            session_id: runtime.id.clone(),
            made_at: self.now(),
            state: RestoreState::Intent,
            title: goal.title,
            scope: goal.scope,
            paths: goal.paths.into_listed(),
            from_node: session.current_node,
            to_node: to_node.clone(),
            before: goal.files.as_ref().map(|_| present.clone()),
            after: goal.files.clone(),
        };
        self.store().put_restore(&row)?;
        self.carry_out(runtime, &row, &present, goal.files.as_ref(), RestoreState::Done, to_node.as_ref())
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
        let mut state = state;
        let (outcome, head) = match target {
            Some(target) => match self.bring_files(runtime, row, present, target) {
                Ok((outcome, head)) => {
                    if row.state != RestoreState::Intent {
                        state = self.keep_rest(runtime, row, [present, target], &outcome, state)?;
                    }
                    (outcome, Some(head))
                }
                Err(error) => {
                    self.note_loss(runtime, target, &error);
                    let error = self.put_back(runtime, row, [present, target], error);
                    return Err(self.drop_if_lost(runtime, row, target)?.unwrap_or(error));
                }
            },
            None => (nothing_moved(false), None),
        };
        self.store().finish_restore(row, state, node, head.as_ref())?;
        tracing::info!(session = %runtime.id, title = row.title, written = outcome.written,
            removed = outcome.removed, "restored");
        Ok(outcome)
    }

    /// Of a damaged node the person can choose single files, of a step of the undo stack nobody can: what is sound of it
    /// comes back, and the rest is named.
    fn bring_files(
        &self,
        runtime: &Runtime,
        row: &RestoreRow,
        present: &SnapshotId,
        target: &SnapshotId,
    ) -> Result<(RestoreOutcome, SnapshotId), EngineError> {
        match runtime.restore_files(self, present, target, row.paths.as_deref()) {
            Err(error) if row.state != RestoreState::Intent && error.lost_files().is_some() => {
                tracing::warn!(session = %runtime.id, title = row.title, %error, "brought back as far as it is sound");
                let brought = runtime.restore_sound_files(self, present, target, row.paths.as_deref())?;
                self.note_loss(runtime, target, &error);
                Ok(brought)
            }
            done => done,
        }
    }

    /// What could not be brought back of a step of the undo stack, as the present leaves it out, becomes a step of its own
    /// beneath the others, where no node holds it: the step itself is about to lead to the present. Gives the state that
    /// it ends in.
    fn keep_rest(
        &self,
        runtime: &Runtime,
        row: &RestoreRow,
        [present, target]: [&SnapshotId; 2],
        outcome: &RestoreOutcome,
        state: RestoreState,
    ) -> Result<RestoreState, EngineError> {
        let mut paths = Vec::new();
        for left in &outcome.unwritten {
            // What is damaged does not come back later either.
            if matches!(runtime.history.entry(target, &left.path), Ok(Some(_))) {
                paths.push(left.path.clone());
            }
        }
        let is_held = |node: &NodeSummary| node.snapshot.as_ref() == Some(target);
        if paths.is_empty() || self.store().whole_topology(&runtime.id)?.iter().any(is_held) {
            return Ok(state);
        }
        // Where that is all of it, the new step takes its place.
        let same = row.scope == RestoreScope::Files && row.paths.as_ref() == Some(&paths);
        let current = self.store().session(&runtime.id)?.current_node;
        let prefix = "What did not come back of “";
        let title = if row.title.starts_with(prefix) {
            row.title.clone()
        } else {
            format!("{prefix}{}”", row.title)
        };
        self.store().put_restore_last(&RestoreRow {
            id: RestoreId::new(),
            session_id: runtime.id.clone(),
            made_at: self.now(),
            state: RestoreState::Done,
            title,
            scope: RestoreScope::Files,
            paths: Some(paths),
            from_node: current.clone(),
            to_node: current,
            before: Some(target.clone()),
            after: Some(present.clone()),
        })?;
        Ok(if same { RestoreState::Dropped } else { state })
    }

    /// Drops a step of the undo stack that leads to what the history does not hold any more, not even in parts, so that
    /// the steps behind it can be reached; what to tell of it.
    fn drop_if_lost(
        &self,
        runtime: &Runtime,
        row: &RestoreRow,
        target: &SnapshotId,
    ) -> Result<Option<EngineError>, EngineError> {
        let looked = runtime.history.counts(None, target).map_err(EngineError::from);
        let is_lost = looked.is_err_and(|error| error.lost_files().is_some());
        if row.state == RestoreState::Intent || !is_lost {
            return Ok(None);
        }
        self.store().put_restore(&RestoreRow { state: RestoreState::Dropped, ..row.clone() })?;
        self.events().app(AppEvent::TreeChanged { session_id: runtime.id.clone() });
        let (error, hint) = (
            format!("“{}”: the history does not hold the files any more that this step leads to.", row.title),
            "This step was left out; the next one leads further.",
        );
        Ok(Some(EngineError::App(AppError::new(error).with_hint(hint))))
    }

    /// Marks the nodes of a snapshot that turned out to be damaged or gone. Single files of it can still be tried.
    fn note_loss(&self, runtime: &Runtime, snapshot: &SnapshotId, error: &EngineError) {
        let Some(reason) = error.lost_files() else { return };
        // What is damaged may be of the present.
        if runtime.history.is_whole(snapshot).unwrap_or(false) {
            return;
        }
        let lost = [snapshot.clone()];
        match self.store().mark_snapshots(&runtime.id, &lost, &reason, SnapshotMark::Gone) {
            Ok(0) => {}
            Ok(_) => self.events().app(AppEvent::TreeChanged { session_id: runtime.id.clone() }),
            Err(error) => {
                tracing::error!(session = %runtime.id, %error, "a lost snapshot could not be noted");
            }
        }
    }

    /// A restore failed half-way (a full disk, a file that cannot be written): what it did to the files goes back to the
    /// present that was recorded, and the step is dropped. What others changed meanwhile stays. Where that fails, too, the
    /// present becomes a step that undo leads to. Gives back what to tell.
    pub(crate) fn put_back(
        &self,
        runtime: &Runtime,
        row: &RestoreRow,
        [present, target]: [&SnapshotId; 2],
        mut error: EngineError,
    ) -> EngineError {
        let state = match row.state {
            RestoreState::UndoIntent => RestoreState::Done,
            RestoreState::RedoIntent => RestoreState::Undone,
            RestoreState::Intent | RestoreState::Done | RestoreState::Undone | RestoreState::Dropped => {
                RestoreState::Dropped
            }
        };
        let ended = RestoreRow { state, ..row.clone() };
        // Whatever becomes of the rest, it is never taken for one that was cut short: the person is told that it failed.
        if let Err(error) = runtime.history.fail_restore() {
            tracing::error!(session = %runtime.id, %error, "a failed restore could not be noted");
        }
        let noted = match self.take_steps_back(runtime, present, target) {
            Ok(()) => self.store().put_restore(&ended).map_err(EngineError::from),
            Err(why) => {
                tracing::error!(session = %runtime.id, error = %why, "a failed restore could not be taken back");
                let hint = "Some files may be changed already; undo brings back what was there before.";
                error = EngineError::App(error.to_app_error().with_hint(hint));
                self.leave_half_done(ended, present, target)
            }
        };
        if let Err(error) = noted {
            tracing::error!(session = %runtime.id, %error, "a failed restore could not be noted");
        }
        error
    }

    /// Ends a restore that stopped half-way, and makes a step of the files that were there before, in one.
    fn leave_half_done(
        &self,
        ended: RestoreRow,
        before: &SnapshotId,
        after: &SnapshotId,
    ) -> Result<(), EngineError> {
        let current = self.store().session(&ended.session_id)?.current_node;
        let half = RestoreRow {
            id: RestoreId::new(),
            made_at: self.now(),
            state: RestoreState::Done,
            title: format!("What was left half-done of “{}”", ended.title),
            scope: RestoreScope::Files,
            from_node: current.clone(),
            to_node: current,
            before: Some(before.clone()),
            after: Some(after.clone()),
            ..ended.clone()
        };
        Ok(self.store().put_restores(&[half, ended])?)
    }

    fn take_steps_back(
        &self,
        runtime: &Runtime,
        present: &SnapshotId,
        target: &SnapshotId,
    ) -> Result<(), EngineError> {
        let history = &runtime.history;
        let half = runtime.record(self, Author::User, "State of a restore that failed")?.snapshot;
        let ours = if history.same_files(&half, present)? {
            Vec::new()
        } else {
            history.carried_out(present, target, &half)?
        };
        let mut now = half;
        if !ours.is_empty() {
            history.restore(&runtime.workspace()?, &now, present, &RestoreWhat::Paths(ours))?;
            now = runtime.record(self, Author::User, "State after a restore that failed")?.snapshot;
        }
        if history.same_files(&now, present)? {
            self.store().set_head_snapshot(&runtime.id, Some(present))?;
        }
        Ok(())
    }
}

/// What became of the files' part of a restore that the end of the program cut short.
enum FilesEnd {
    /// It was carried out just now.
    CarriedOut(UnfinishedRestore),
    /// It had ended, or had not begun.
    NothingLeft,
    /// It could not go on.
    GivenUp,
}

impl Runtime {
    /// Finishes restores that were cut short by the end of the program. Where files were changed since, or what is needed
    /// is damaged, the files stay as they are, and the state before becomes a step that can be taken back.
    pub(crate) fn finish_restores(&self, engine: &Engine) -> Result<(), EngineError> {
        let mut rows = engine.store().restores(&self.id)?;
        rows.retain(|row| {
            matches!(row.state, RestoreState::Intent | RestoreState::UndoIntent | RestoreState::RedoIntent)
        });
        let workspace = self.workspace()?;
        if rows.is_empty() {
            if let Some(failed) = self.history.give_up_restore(&workspace)? {
                // It failed while the program ran, which the user was told, and work has gone on since.
                tracing::warn!(session = %self.id, from = %failed.from, to = %failed.to,
                    "a restore that failed is not carried out any more");
            }
            return Ok(());
        }
        let end = match self.history.unfinished_restore()? {
            None => FilesEnd::NothingLeft,
            Some(failed) if failed.failed => {
                self.history.give_up_restore(&workspace)?;
                FilesEnd::GivenUp
            }
            Some(unfinished) => match self.history.finish_restore(&workspace) {
                Ok(_) => FilesEnd::CarriedOut(unfinished),
                Err(error) => {
                    tracing::warn!(session = %self.id, %error, "a restore that was cut short cannot go on");
                    self.history.give_up_restore(&workspace)?;
                    FilesEnd::GivenUp
                }
            },
        };
        for row in rows {
            self.settle(engine, &row, &end)?;
        }
        Ok(())
    }

    /// Ends a step that the end of the program cut short: it is done, or was never begun, or is given up.
    fn settle(&self, engine: &Engine, row: &RestoreRow, end: &FilesEnd) -> Result<(), EngineError> {
        tracing::warn!(session = %self.id, title = row.title, "settling a restore that was cut short");
        let (began, target, node, done, not_done) = match row.state {
            RestoreState::UndoIntent => {
                (&row.after, &row.before, &row.from_node, RestoreState::Undone, RestoreState::Done)
            }
            RestoreState::RedoIntent => {
                (&row.before, &row.after, &row.to_node, RestoreState::Done, RestoreState::Undone)
            }
            _ => (&row.before, &row.after, &row.to_node, RestoreState::Done, RestoreState::Dropped),
        };
        let Some(began) = began else {
            // No file was to be touched.
            return Ok(engine.store().finish_restore(row, done, node.as_ref(), None)?);
        };
        let half = self.record(engine, Author::User, "State of a restore that was cut short")?.snapshot;
        let what = row.paths.clone().map_or(RestoreWhat::All, RestoreWhat::Paths);
        let same = |other: &SnapshotId| self.history.same_files(&half, other).unwrap_or(false);
        // What was carried out may as well be the taking back of one that had failed.
        let carried_out = matches!(end, FilesEnd::CarriedOut(it) if Some(&it.to) == target.as_ref());
        // Of a turn that was being taken back by an earlier version the target is not known. The record of the state
        // before may be lost with the power.
        let far = match target {
            Some(_) if carried_out => HowFar::All,
            Some(target) => self.history.how_far(began, target, &half, &what).unwrap_or(HowFar::Unknown),
            None => HowFar::Unknown,
        };
        let arrived = match far {
            HowFar::All => true,
            // All had been done, and others changed files since.
            HowFar::Part => matches!(end, FilesEnd::NothingLeft),
            HowFar::Nothing | HowFar::Unknown => false,
        };
        if arrived {
            if carried_out {
                self.remark(FINISHED);
            }
            let head = target.as_ref().filter(|target| same(target)).unwrap_or(&half);
            return Ok(engine.store().finish_restore(row, done, node.as_ref(), Some(head))?);
        }
        let ended = RestoreRow { state: not_done, ..row.clone() };
        if same(began) {
            engine.store().set_head_snapshot(&self.id, Some(began))?;
        } else if far != HowFar::Nothing && self.history.holds(began) {
            self.remark(GIVEN_UP);
            return engine.leave_half_done(ended, began, &half);
        }
        Ok(engine.store().put_restore(&ended)?)
    }

    /// The same as [`Runtime::restore_files`] as far as the snapshot is sound.
    fn restore_sound_files(
        &self,
        engine: &Engine,
        present: &SnapshotId,
        target: &SnapshotId,
        paths: Option<&[String]>,
    ) -> Result<(RestoreOutcome, SnapshotId), EngineError> {
        let what = paths.map_or(RestoreWhat::All, |paths| RestoreWhat::Paths(paths.to_vec()));
        let outcome = self.history.restore_what_is_sound(&self.workspace()?, present, target, &what)?;
        let now = self.record(engine, Author::User, "State after what was sound came back")?.snapshot;
        Ok((outcome, now))
    }

    /// Brings the files, which `present` was just recorded of, to a snapshot, whole or in some paths. Gives back the
    /// snapshot that they equal then.
    fn restore_files(
        &self,
        engine: &Engine,
        present: &SnapshotId,
        target: &SnapshotId,
        paths: Option<&[String]>,
    ) -> Result<(RestoreOutcome, SnapshotId), EngineError> {
        let workspace = self.workspace()?;
        // After a power cut the next start has to know of the restore.
        engine.store().sync()?;
        let Some(paths) = paths else {
            let outcome = self.history.restore(&workspace, present, target, &RestoreWhat::All)?;
            return Ok((outcome, target.clone()));
        };
        let what = RestoreWhat::Paths(paths.to_vec());
        let outcome = self.history.restore(&workspace, present, target, &what)?;
        let now = self.record(engine, Author::User, "State after a restore of single files")?.snapshot;
        // Exactly that moment again, as after an undo: its files keep those who wrote them.
        let same = self.history.same_files(target, &now)?;
        Ok((outcome, if same { target.clone() } else { now }))
    }
}

fn nothing_moved(unchanged: bool) -> RestoreOutcome {
    RestoreOutcome {
        written: 0,
        removed: 0,
        before: None,
        unwritten: Vec::new(),
        unchanged,
        passed: Vec::new(),
    }
}

pub(crate) fn restorable(row: &NodeRow) -> Result<SnapshotId, EngineError> {
    if let Some(reason) = &row.summary.not_restorable {
        return Err(EngineError::NotRestorable(reason.clone()));
    }
    row.summary
        .snapshot
        .clone()
        .ok_or_else(|| EngineError::NotRestorable("its turn has not ended, or was never recorded.".into()))
}

/// The same for single files: a snapshot that is damaged may still hold them.
pub(crate) fn partly_restorable(row: &NodeRow) -> Result<SnapshotId, EngineError> {
    match &row.summary.not_restorable {
        Some(reason) if reason == THINNED => Err(EngineError::NotRestorable(reason.clone())),
        _ => row.summary.snapshot.clone().map_or_else(|| restorable(row), Ok),
    }
}
