//! The trash: sessions and branches wait in it until their time is over.

use std::path::{Path, PathBuf};

use okcvm_protocol::{AppError, AppEvent, NodeId, SessionId, SessionSummary, TrashedBranch};

use okcvm_snapshots::History;

use crate::{Engine, EngineError};

/// Begins the name of the folder of a session that is being removed for good.
const LEAVING: &str = ".leaving-";
/// Milliseconds of a day.
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

impl Engine {
    fn trash_time(&self) -> i64 {
        i64::from((self.inner.parts.history_limits)().trash_days) * DAY_MS
    }

    /// What went to the trash before this moment is overdue. A clock that leapt ahead ends nothing.
    pub(crate) fn trash_before(&self) -> i64 {
        let believed = self.store().believed_time().unwrap_or_else(|error| {
            tracing::warn!(%error, "nothing counts as overdue");
            Some(i64::MIN)
        });
        let now = self.now();
        now.min(believed.unwrap_or(now)).saturating_sub(self.trash_time())
    }

    /// When something goes to the trash, as far as the clock is believed: one that is years behind would end it at once
    /// when it is set right.
    pub(crate) fn trashed_at(&self) -> i64 {
        let now = self.now();
        self.store().believed_time().ok().flatten().map_or(now, |believed| believed.max(now))
    }

    /// When what went to the trash at a moment is removed for good.
    pub(crate) fn purge_at(&self, deleted_at: i64) -> i64 {
        deleted_at.saturating_add(self.trash_time())
    }

    /// Moves a session to the trash; a running turn is stopped first.
    pub async fn delete_session(&self, id: &SessionId) -> Result<SessionSummary, EngineError> {
        if let Some(runtime) = self.open_runtime(id) {
            runtime.stop();
            runtime.idle().await;
        }
        let wanted = id.clone();
        let allowed = self.blocking(move |engine| engine.writable(&wanted)).await;
        if let Err(EngineError::ReadOnly) = allowed {
            return Err(EngineError::ReadOnly);
        }
        self.store().set_session_deleted(id, Some(self.trashed_at()))?;
        self.tell_session(id);
        self.session_summary(id)
    }

    /// Takes a session out of the trash.
    pub fn recover_session(&self, id: &SessionId) -> Result<SessionSummary, EngineError> {
        self.store().set_session_deleted(id, None)?;
        self.tell_session(id);
        self.session_summary(id)
    }

    /// Removes a session of the trash for good, with its folder in the app's data. A folder of the user stays.
    pub fn purge_session(&self, id: &SessionId) -> Result<(), EngineError> {
        self.store().must_be_writable()?;
        let row = self.store().session(id)?;
        if row.deleted_at.is_none() {
            return Err(EngineError::App(
                AppError::new("Only a session in the trash can be removed for good.")
                    .with_hint("Move it to the trash first."),
            ));
        }
        // Whoever holds the lock may be writing. A session that cannot be opened (its folder is gone) can still go.
        if let Err(EngineError::ReadOnly) = self.writable(id) {
            return Err(EngineError::ReadOnly);
        }
        if let Some(runtime) = self.open_runtime(id) {
            runtime.give_way();
        }
        self.close_runtime(id);
        // Under this name it goes at the next start, should something end us in between.
        let (folder, leaving) = (self.session_folder(id), self.leaving_folder(id));
        if folder.exists() {
            std::fs::rename(&folder, &leaving)
                .map_err(|source| EngineError::File { path: folder.display().to_string(), source })?;
        }
        self.store().purge_session(id)?;
        self.events().app(AppEvent::SessionRemoved { session_id: id.clone() });
        // Another program that starts right now may have taken it for cut short, and brought it back.
        remove_tree(&leaving).and_then(|()| remove_tree(&folder)).map_err(|source| {
            EngineError::App(
                AppError::new(format!(
                    "The session was removed, but its folder {} could not be.",
                    leaving.display()
                ))
                .with_hint("It is tried again at the next start.")
                .with_detail(source.to_string()),
            )
        })
    }

    /// What a session's folder is called once it is on its way out.
    fn leaving_folder(&self, id: &SessionId) -> PathBuf {
        self.inner.options.sessions_folder.join(format!("{LEAVING}{}", id.as_str()))
    }

    /// A session that was to go for good, and the end came before that was noted, has its folder again.
    pub(crate) fn bring_back_leaving(&self, id: &SessionId) -> Result<(), EngineError> {
        let (folder, leaving) = (self.session_folder(id), self.leaving_folder(id));
        if !leaving.exists() || folder.exists() {
            return Ok(());
        }
        tracing::warn!(session = %id, "a removal for good was cut short; the folder is brought back");
        std::fs::rename(&leaving, &folder)
            .map_err(|source| EngineError::File { path: leaving.display().to_string(), source })
    }

    /// Finishes removals that were cut short.
    fn purge_leaving(&self) -> Result<(), EngineError> {
        let Ok(entries) = std::fs::read_dir(&self.inner.options.sessions_folder) else { return Ok(()) };
        for entry in entries.filter_map(Result::ok) {
            let name = entry.file_name();
            let Some(id) = name.to_str().and_then(|name| name.strip_prefix(LEAVING)) else { continue };
            let row = self.store().sessions()?.into_iter().find(|row| row.id.as_str() == id);
            let done = match row {
                None => remove_tree(&entry.path()),
                // It was to go for good, and the end came before that was noted.
                Some(row) => std::fs::rename(entry.path(), self.session_folder(&row.id)),
            };
            if let Err(error) = done {
                tracing::warn!(%error, path = %entry.path().display(), "a removed session's folder stays for now");
            }
        }
        Ok(())
    }

    /// Moves a node and all that grew from it to the trash. Nothing of it is lost until its time is over. The branch
    /// that the conversation is on is refused, since its files would have to change. Blocking.
    pub fn delete_branch(&self, session: &SessionId, node: &NodeId) -> Result<(), EngineError> {
        self.writable(session)?;
        let row = self.node_of(session, node)?;
        if row.summary.deleted_at.is_some() {
            return Err(EngineError::App(AppError::new("That branch lies in the trash already.")));
        }
        if !self.store().delete_branch(session, node, self.trashed_at())? {
            return Err(current_branch());
        }
        self.tell_tree(session);
        Ok(())
    }

    /// Takes a branch out of the trash, with the nodes that it grew from. Blocking.
    pub fn recover_branch(&self, session: &SessionId, node: &NodeId) -> Result<(), EngineError> {
        self.writable(session)?;
        self.trashed(session, node)?;
        self.store().recover_branch(node)?;
        self.tell_tree(session);
        Ok(())
    }

    /// Removes a branch of the trash for good. Sites that it published stay, and so do snapshots that anything else
    /// needs. Blocking.
    pub fn purge_branch(&self, session: &SessionId, node: &NodeId) -> Result<(), EngineError> {
        self.writable(session)?;
        self.trashed(session, node)?;
        if self.store().purge_branch(session, node)?.is_empty() {
            return Err(current_branch());
        }
        self.tell_tree(session);
        Ok(())
    }

    /// Branches in the trash of a session, the latest first.
    pub fn trash(&self, session: &SessionId) -> Result<Vec<TrashedBranch>, EngineError> {
        self.store().session(session)?;
        let rows = self.store().trashed_branches(session)?;
        rows.into_iter()
            .map(|row| {
                Ok(TrashedBranch {
                    node: self.store().node(&row.node_id)?.summary,
                    nodes: row.nodes,
                    deleted_at: row.deleted_at,
                    purge_at: self.purge_at(row.deleted_at),
                })
            })
            .collect()
    }

    /// Removes for good what has been in the trash for too long. What another program has open waits for the next
    /// time. Blocking.
    pub fn purge_overdue(&self) -> Result<(), EngineError> {
        self.store().look_at_clock(self.now())?;
        let before = self.trash_before();
        self.purge_leaving()?;
        if let Err(error) = self.store().keep_copy() {
            tracing::warn!(%error, "no new copy of the database");
        }
        for row in self.store().sessions()? {
            if row.deleted_at.is_some_and(|at| at < before) {
                match self.purge_session(&row.id) {
                    Ok(()) => tracing::info!(session = %row.id, "removed from the trash: its time is over"),
                    Err(error) => tracing::warn!(session = %row.id, %error, "stays in the trash for now"),
                }
            }
        }
        self.purge_overdue_files(before)?;
        for row in self.store().sessions()? {
            let history = self.session_folder(&row.id).join("history");
            if History::set_aside_in(&history).iter().any(|one| one.at_ms < before) {
                match self.writable(&row.id) {
                    Ok(runtime) => runtime.drop_overdue_aside(self),
                    Err(error) => {
                        tracing::warn!(session = %row.id, %error, "what was set aside stays for now");
                    }
                }
            }
        }
        for row in self.store().overdue_branches(before)? {
            match self.purge_branch(&row.session_id, &row.node_id) {
                Ok(()) => tracing::info!(session = %row.session_id, node = %row.node_id, nodes = row.nodes,
                    "a branch was removed from the trash: its time is over"),
                Err(error) => tracing::warn!(session = %row.session_id, node = %row.node_id, %error,
                    "a branch stays in the trash for now"),
            }
        }
        Ok(())
    }

    fn trashed(&self, session: &SessionId, node: &NodeId) -> Result<(), EngineError> {
        if self.node_of(session, node)?.summary.deleted_at.is_none() {
            return Err(EngineError::App(
                AppError::new("That branch does not lie in the trash.").with_hint("Move it there first."),
            ));
        }
        Ok(())
    }

    fn tell_tree(&self, session: &SessionId) {
        self.events().app(AppEvent::TreeChanged { session_id: session.clone() });
    }
}

/// Removes a folder with all that is in it, also folders that may not be written, as tools make them for their caches.
pub(crate) fn remove_tree(folder: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            open_folders(folder)?;
            std::fs::remove_dir_all(folder)
        }
        done => done,
    }
}

/// Gives their owner every right to the folders of a tree.
fn open_folders(folder: &Path) -> std::io::Result<()> {
    let mut permissions = std::fs::symlink_metadata(folder)?.permissions();
    #[cfg(unix)]
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o700);
    #[cfg(not(unix))]
    permissions.set_readonly(false);
    std::fs::set_permissions(folder, permissions)?;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_folders(&entry.path())?;
        }
    }
    Ok(())
}

fn current_branch() -> EngineError {
    EngineError::App(
        AppError::new("The conversation is on this branch.")
            .with_hint("Go to another node first, for example to the one above it; then it can be deleted."),
    )
}
