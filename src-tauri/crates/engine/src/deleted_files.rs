//! What the person deletes from a workspace lies in a trash of the session until its time is over; what the agent
//! deleted in a turn is brought back from the snapshot before it.

use std::collections::HashSet;
use std::path::PathBuf;

use okcvm_protocol::{
    AppError, AppEvent, DeletedFile, DeletedId, NodeId, RestoreOutcome, RestoreScope, SessionId,
};
use okcvm_store::DeletedRow;
use okcvm_workspace::{Workspace, WorkspaceError, WorkspacePath};

use crate::engine::create_folder;
use crate::restore::{Goal, Paths};
use crate::runtime::Runtime;
use crate::trash::remove_tree;
use crate::{Engine, EngineError};

/// Files that an error names.
const MOST_NAMED: usize = 5;

impl Engine {
    fn trash_folder(&self, session: &SessionId, id: &DeletedId) -> PathBuf {
        self.session_folder(session).join("trash").join(id.as_str())
    }

    /// Moves files and folders to the trash of the session, big ones and those that snapshots leave out included. A path
    /// inside of another one that is named goes with it. What went before an error stays in the trash. Blocking.
    pub fn delete_files(
        &self,
        session: &SessionId,
        paths: &[String],
    ) -> Result<Vec<DeletedFile>, EngineError> {
        let runtime = self.movable(session)?;
        let workspace = runtime.workspace()?;
        let mut plain = paths
            .iter()
            .map(|path| WorkspacePath::named(runtime.root(), path))
            .collect::<Result<Vec<_>, _>>()?;
        plain.sort();
        let mut outer: Vec<WorkspacePath> = Vec::new();
        for path in plain {
            let inside = |folder: &WorkspacePath| {
                path.as_str()
                    .strip_prefix(folder.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            if path.is_root() {
                return Err(EngineError::App(AppError::new("The workspace itself cannot be deleted.")));
            }
            if !outer.last().is_some_and(inside) {
                outer.push(path);
            }
        }
        if outer.is_empty() {
            return Err(EngineError::App(AppError::new("No file is named that should be deleted.")));
        }
        let mut deleted = Vec::new();
        let moved = outer.iter().try_for_each(|path| {
            let entry = workspace.entry(path)?.ok_or_else(|| missing(path))?;
            let row = DeletedRow {
                id: DeletedId::new(),
                session_id: session.clone(),
                entry,
                deleted_at: self.trashed_at(),
            };
            let keep = self.trash_folder(session, &row.id);
            create_folder(&keep)?;
            // Noted first: after a crash between the two, nothing lies in the trash that no list shows.
            self.store().put_deleted_file(&row)?;
            self.store().sync()?;
            match workspace.put_away(path, &keep) {
                Ok(_) => {}
                // The trash may be the only place of what was removed.
                Err(error @ WorkspaceError::PartlyRemoved { .. }) => return Err(EngineError::from(error)),
                Err(error) => {
                    self.store().forget_deleted_file(&row.id)?;
                    remove_folder(&keep)?;
                    return Err(EngineError::from(error));
                }
            }
            deleted.push(self.shown(row));
            Ok(())
        });
        self.tell_deleted(session, outer.iter().map(|path| path.as_str().to_owned()).collect());
        moved.map(|()| deleted)
    }

    /// What the person deleted, the latest first.
    pub fn deleted_files(&self, session: &SessionId) -> Result<Vec<DeletedFile>, EngineError> {
        self.store().session(session)?;
        let rows = self.store().deleted_files(session)?;
        // What a crash kept from arriving is still in its place.
        let there = |row: &DeletedRow| Workspace::is_put_away(&self.trash_folder(session, &row.id));
        Ok(rows.into_iter().filter(there).map(|row| self.shown(row)).collect())
    }

    /// Brings a deleted file or folder back, under a free name if its own is taken. Tells its path. Blocking.
    pub fn recover_file(&self, session: &SessionId, id: &DeletedId) -> Result<String, EngineError> {
        let runtime = self.movable(session)?;
        let row = self.store().deleted_file(session, id)?;
        let path = WorkspacePath::parse(&row.entry.path)?;
        let keep = self.trash_folder(session, id);
        let place = runtime.workspace()?.take_back(&keep, &path, |place| {
            // Under another name it is trusted no more than before.
            Ok::<(), EngineError>(self.store().note_moved_files(session, path.as_str(), place.as_str())?)
        })?;
        self.store().forget_deleted_file(id)?;
        if let Err(error) = remove_folder(&keep) {
            tracing::warn!(%session, %error, "the copy of what came back stays beside the trash");
        }
        self.tell_deleted(session, vec![place.as_str().to_owned()]);
        Ok(place.as_str().to_owned())
    }

    /// Removes from the workspace what a program left that was ended while it brought something back. Whoever calls has
    /// just got the lock.
    pub(crate) fn sweep_recoveries(&self, runtime: &Runtime) -> Result<(), EngineError> {
        let rows = self.store().deleted_files(&runtime.id)?;
        let workspace = runtime.workspace()?;
        let mut seen = HashSet::new();
        for path in rows.iter().filter_map(|row| WorkspacePath::parse(&row.entry.path).ok()) {
            if seen.insert(path.parent())
                && let Err(error) = workspace.sweep_taken_back(&path)
            {
                tracing::warn!(session = %runtime.id, %error, "half of what was brought back stays for now");
            }
        }
        Ok(())
    }

    /// Removes a deleted file or folder for good. Blocking.
    pub fn purge_file(&self, session: &SessionId, id: &DeletedId) -> Result<(), EngineError> {
        self.writable(session)?;
        self.store().deleted_file(session, id)?;
        remove_folder(&self.trash_folder(session, id))?;
        self.store().forget_deleted_file(id)?;
        self.tell_deleted(session, Vec::new());
        Ok(())
    }

    /// Removes for good what was deleted before a moment. Blocking.
    pub(crate) fn purge_overdue_files(&self, before: i64) -> Result<(), EngineError> {
        for row in self.store().overdue_files(before)? {
            match self.purge_file(&row.session_id, &row.id) {
                Ok(()) => {
                    tracing::info!(session = %row.session_id, "a deleted file was removed: its time is over");
                }
                Err(error) => {
                    tracing::warn!(session = %row.session_id, %error, "a deleted file stays in the trash for now");
                }
            }
        }
        Ok(())
    }

    /// Brings back what a turn deleted: the named files, or all that are not there now. What is there now stays as it is.
    /// Can be undone like any restore. What no snapshot holds, and has gone since, is named in the outcome.
    pub async fn bring_back(
        &self,
        session: &SessionId,
        node: &NodeId,
        paths: Option<&[String]>,
    ) -> Result<RestoreOutcome, EngineError> {
        let row = self.node_of(session, node)?;
        let paths = paths.map(<[String]>::to_vec);
        self.moving(session, move |engine, runtime| {
            let summary = row.summary;
            let (Some(base), Some(after)) = (&summary.base_snapshot, &summary.snapshot) else {
                let reason = summary.not_restorable.unwrap_or_else(|| "they were never recorded.".to_owned());
                return Err(EngineError::NotRestorable(reason));
            };
            let workspace = runtime.workspace()?;
            let paths = Paths::checked(runtime, RestoreScope::Files, paths.as_deref())?;
            let mut gone = Vec::new();
            // What is named is wanted, whatever became of it.
            let also_moved = matches!(paths, Paths::Some(_));
            for path in runtime.history.deleted(base, after, also_moved)? {
                if paths.contain(&path) && workspace.entry(&WorkspacePath::parse(&path)?)?.is_none() {
                    gone.push(path);
                }
            }
            // What the snapshot before the turn had left out, and what is gone since.
            let still = runtime.history.skipped(after)?;
            let mut lost = Vec::new();
            for left in runtime.history.skipped(base)? {
                let is_gone = left.path != "…"
                    && paths.contain(&left.path)
                    && still.iter().all(|other| other.path != left.path)
                    && WorkspacePath::parse(&left.path)
                        .is_ok_and(|path| workspace.entry(&path).is_ok_and(|entry| entry.is_none()));
                if is_gone {
                    lost.push(left);
                }
            }
            if gone.is_empty() {
                let names: Vec<&str> = lost.iter().take(MOST_NAMED).map(|left| left.path.as_str()).collect();
                let error = if names.is_empty() {
                    AppError::new(match &paths {
                        Paths::All => "Nothing that this turn deleted is missing now.",
                        Paths::Some(_) => "This turn deleted nothing of that name that is missing now.",
                    })
                } else {
                    AppError::new(format!("No snapshot holds what is missing now: {}.", names.join(", ")))
                };
                return Err(EngineError::App(error));
            }
            let current = engine.store().session(&runtime.id)?.current_node;
            engine.carry_distrust(&runtime.id, Some(&summary.id), current.as_ref())?;
            let title = match gone.as_slice() {
                [path] => format!("Bringing back {path}"),
                paths => format!("Bringing back {} files that “{}” deleted", paths.len(), summary.title),
            };
            let files = Some(base.clone());
            let goal = Goal {
                scope: RestoreScope::Files,
                node: Some(summary.id),
                files,
                paths: Paths::Some(gone),
                title,
            };
            let mut outcome = engine.move_to(runtime, goal)?;
            outcome.unwritten.extend(lost);
            Ok(outcome)
        })
        .await
    }

    fn shown(&self, row: DeletedRow) -> DeletedFile {
        DeletedFile {
            purge_at: self.purge_at(row.deleted_at),
            id: row.id,
            entry: row.entry,
            deleted_at: row.deleted_at,
        }
    }

    fn tell_deleted(&self, session: &SessionId, paths: Vec<String>) {
        if !paths.is_empty() {
            self.events().app(AppEvent::WorkspaceChanged { session_id: session.clone(), paths });
        }
        self.events().app(AppEvent::DeletedFilesChanged { session_id: session.clone() });
    }
}

fn missing(path: &WorkspacePath) -> EngineError {
    EngineError::App(
        AppError::new(format!("{path} is not in the workspace."))
            .with_code(okcvm_protocol::ErrorCode::NotFound),
    )
}

fn remove_folder(folder: &std::path::Path) -> Result<(), EngineError> {
    remove_tree(folder).map_err(|source| EngineError::File { path: folder.display().to_string(), source })
}
