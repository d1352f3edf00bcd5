//! Making, listing, opening, naming and removing sessions.

use std::collections::HashMap;
use std::path::Path;

use okcvm_protocol::{
    AppEvent, Deployment, NodeId, NodeSummary, SessionDetail, SessionId, SessionSummary, Turn, TurnLimits,
    WorkspaceKind,
};
use okcvm_store::{NewSession, NodeRow, SessionRow};
use okcvm_workspace::{Workspace, check_folder};

use crate::{Engine, EngineError};

impl Engine {
    fn summary(&self, row: &SessionRow) -> SessionSummary {
        let running = self.open_runtime(&row.id).is_some_and(|runtime| runtime.running_node().is_some());
        SessionSummary {
            id: row.id.clone(),
            title: row.title.clone(),
            created_at: row.created_at,
            updated_at: row.updated_at,
            deleted_at: row.deleted_at,
            workspace: match &row.folder {
                Some(path) => WorkspaceKind::Folder { path: path.clone() },
                None => WorkspaceKind::Own,
            },
            running,
        }
    }

    /// A session as the list shows it.
    pub fn session_summary(&self, id: &SessionId) -> Result<SessionSummary, EngineError> {
        Ok(self.summary(&self.store().session(id)?))
    }

    pub(crate) fn tell_session(&self, id: &SessionId) {
        match self.session_summary(id) {
            Ok(summary) => self.events().app(AppEvent::SessionChanged { summary }),
            Err(error) => tracing::error!(session = %id, %error, "a changed session cannot be read"),
        }
    }

    /// Sessions whose title contains the words, the latest first.
    pub fn list_sessions(&self, search: &str, trash: bool) -> Result<Vec<SessionSummary>, EngineError> {
        let words: Vec<String> = search.split_whitespace().map(str::to_lowercase).collect();
        Ok(self
            .store()
            .sessions()?
            .iter()
            .filter(|row| row.deleted_at.is_some() == trash)
            .filter(|row| {
                let title = row.title.to_lowercase();
                words.iter().all(|word| title.contains(word))
            })
            .map(|row| self.summary(row))
            .collect())
    }

    /// Makes a session with its own folder, or over a folder of the user, which must exist and be allowed. Model and
    /// limits follow the defaults until the session chooses its own.
    pub fn create_session(
        &self,
        title: Option<&str>,
        folder: Option<&Path>,
    ) -> Result<SessionSummary, EngineError> {
        let folder = folder.map(|folder| self.allowed_folder(folder)).transpose()?;
        let title = title.map(str::trim).filter(|title| !title.is_empty()).map(str::to_owned);
        let new = NewSession { title, folder, profile: None, limits: None, at: self.now() };
        let row = self.store().create_session(&new)?;
        self.tell_session(&row.id);
        Ok(self.summary(&row))
    }

    /// The session of a user's folder, made if there is none.
    pub fn session_of_folder(&self, folder: &Path) -> Result<SessionSummary, EngineError> {
        let folder = Some(self.allowed_folder(folder)?);
        let new = NewSession { title: None, folder, profile: None, limits: None, at: self.now() };
        let row = self.store().find_or_create_session(&new)?;
        self.tell_session(&row.id);
        Ok(self.summary(&row))
    }

    /// The canonical path of a folder that may be a workspace.
    fn allowed_folder(&self, folder: &Path) -> Result<String, EngineError> {
        let absolute = std::path::absolute(folder)
            .map_err(|source| EngineError::File { path: folder.display().to_string(), source })?;
        // The folder of all sessions lies in the data folder, which no agent may touch.
        let data = self.inner.options.sessions_folder.parent();
        check_folder(&absolute, self.inner.options.home.as_deref(), data)?;
        Ok(Workspace::open(&absolute)?.root().to_string_lossy().into_owned())
    }

    /// Gives a session another name.
    pub fn rename_session(&self, id: &SessionId, title: &str) -> Result<SessionSummary, EngineError> {
        let title = title.trim();
        if title.is_empty() {
            return Err(EngineError::App(okcvm_protocol::AppError::new("A session needs a name.")));
        }
        self.store().rename_session(id, title, true, self.now())?;
        self.tell_session(id);
        self.session_summary(id)
    }

    /// Changes the model profile or the limits.
    pub fn configure_session(
        &self,
        id: &SessionId,
        profile: Option<&str>,
        limits: Option<&TurnLimits>,
    ) -> Result<SessionSummary, EngineError> {
        let row = self.store().session(id)?;
        let profile = profile.or(row.profile.as_deref());
        self.store().configure_session(id, profile, limits.or(row.limits.as_ref()))?;
        self.tell_session(id);
        self.session_summary(id)
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
        self.store().set_session_deleted(id, Some(self.now()))?;
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
        let row = self.store().session(id)?;
        if row.deleted_at.is_none() {
            return Err(EngineError::App(
                okcvm_protocol::AppError::new("Only a session in the trash can be removed for good.")
                    .with_hint("Move it to the trash first."),
            ));
        }
        // Whoever holds the lock may be writing. A session that cannot be opened (its folder is gone) can still go.
        if let Err(EngineError::ReadOnly) = self.writable(id) {
            return Err(EngineError::ReadOnly);
        }
        self.close_runtime(id);
        self.store().purge_session(id)?;
        let folder = self.session_folder(id);
        if folder.exists() {
            std::fs::remove_dir_all(&folder)
                .map_err(|source| EngineError::File { path: folder.display().to_string(), source })?;
        }
        self.events().app(AppEvent::SessionRemoved { session_id: id.clone() });
        Ok(())
    }

    /// Everything that a window needs to show a session. Opens it. Blocking.
    pub fn open_session(
        &self,
        id: &SessionId,
        address: impl Fn(Deployment) -> Deployment,
    ) -> Result<SessionDetail, EngineError> {
        let runtime = self.runtime(id)?;
        if runtime.workspace().is_ok() {
            runtime.try_write(self)?;
        }
        // The number is read before the rows: an event that falls between comes again and changes nothing.
        let sequence = self.events().last();
        let row = self.store().session(id)?;
        let nodes = self.store().nodes(id)?;
        let choices = self.choices(&row);
        let turns = path_to(&nodes, row.current_node.as_ref())
            .into_iter()
            .map(|node| self.turn(node))
            .collect::<Result<_, _>>()?;
        Ok(SessionDetail {
            summary: self.summary(&row),
            access: runtime.access(),
            workspace_path: runtime.root().to_string_lossy().into_owned(),
            turns,
            todos: self.store().todos(id, row.current_node.as_ref())?,
            queue: self.store().queue(id)?,
            deployments: self.store().deployments(id)?.into_iter().map(address).collect(),
            undo: self.undo_state(id)?,
            limits: choices.limits,
            profile: choices.profile,
            current_node: row.current_node,
            tree: nodes.into_iter().map(|node| node.summary).collect(),
            notice: runtime.notice(),
            sequence,
        })
    }

    fn turn(&self, node: &NodeRow) -> Result<Turn, EngineError> {
        Ok(Turn {
            node: node.summary.clone(),
            message: node.message.clone(),
            items: self.store().items(&node.summary.id)?,
            error: node.error.clone(),
            usage: self.store().node_usage(&node.summary.id)?,
        })
    }

    /// The whole tree of a session, oldest node first.
    pub fn tree(&self, id: &SessionId) -> Result<Vec<NodeSummary>, EngineError> {
        Ok(self.store().nodes(id)?.into_iter().map(|node| node.summary).collect())
    }

    /// Spans of the active path, oldest first.
    pub fn timeline(&self, id: &SessionId) -> Result<Vec<okcvm_protocol::Span>, EngineError> {
        let row = self.store().session(id)?;
        let nodes = self.store().nodes(id)?;
        let mut spans = Vec::new();
        for node in path_to(&nodes, row.current_node.as_ref()) {
            spans.extend(self.store().spans(&node.summary.id)?);
        }
        Ok(spans)
    }

    /// Names a node, or takes its name away.
    pub fn label_node(
        &self,
        session: &SessionId,
        node: &NodeId,
        label: Option<&str>,
    ) -> Result<NodeSummary, EngineError> {
        self.node_of(session, node)?;
        self.store().label_node(node, label.map(str::trim).filter(|label| !label.is_empty()))?;
        self.events().app(AppEvent::TreeChanged { session_id: session.clone() });
        Ok(self.store().node(node)?.summary)
    }

    /// A node that must belong to the session.
    pub(crate) fn node_of(&self, session: &SessionId, node: &NodeId) -> Result<NodeRow, EngineError> {
        let row = self.store().node(node)?;
        if row.session_id == *session {
            Ok(row)
        } else {
            Err(EngineError::ForeignNode { node: node.clone(), session: session.clone() })
        }
    }

    /// The files of a session, opened. Blocking.
    pub fn workspace(&self, id: &SessionId) -> Result<Workspace, EngineError> {
        self.runtime(id)?.workspace()
    }

    /// The files of a session, which this program may write. Blocking.
    pub fn writable_workspace(&self, id: &SessionId) -> Result<Workspace, EngineError> {
        self.writable(id)?.workspace()
    }
}

/// The path from the root to a node, in that order.
pub(crate) fn path_to<'a>(nodes: &'a [NodeRow], end: Option<&NodeId>) -> Vec<&'a NodeRow> {
    let by_id: HashMap<&NodeId, &NodeRow> = nodes.iter().map(|node| (&node.summary.id, node)).collect();
    let mut path = Vec::new();
    let mut next = end;
    while let Some(node) = next.and_then(|id| by_id.get(id)) {
        path.push(*node);
        next = node.summary.parent_id.as_ref();
        if path.len() > nodes.len() {
            break;
        }
    }
    path.reverse();
    path
}
