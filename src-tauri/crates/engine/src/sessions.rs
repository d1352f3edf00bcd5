//! Making, listing, opening, naming and removing sessions.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use okcvm_protocol::{
    AppEvent, Deployment, NodeId, NodeSummary, SessionDetail, SessionId, SessionSummary, SnapshotId, Todo,
    Turn, TurnLimits, TurnPage, WorkspaceKind,
};
use okcvm_store::{NewSession, NodeRow, SessionRow};
use okcvm_workspace::{Workspace, check_folder, encode_name};

use crate::{Engine, EngineError};

/// Why what a turn changed can neither be shown nor taken back.
pub(crate) const BEFORE_LOST: &str = "the history no longer holds the files before it.";
/// Turns that come with an opened session.
const FIRST_PAGE: usize = 30;
/// Turns of a page at most.
const MOST_TURNS: u32 = 200;

impl Engine {
    fn summary(&self, row: &SessionRow) -> SessionSummary {
        let running = self.open_runtime(&row.id).is_some_and(|runtime| runtime.running_node().is_some());
        SessionSummary {
            id: row.id.clone(),
            title: row.title.clone(),
            created_at: row.created_at,
            updated_at: row.updated_at,
            deleted_at: row.deleted_at,
            purge_at: row.deleted_at.map(|at| self.purge_at(at)),
            workspace: match &row.folder {
                Some(path) => WorkspaceKind::Folder { path: path.clone() },
                None => WorkspaceKind::Own,
            },
            running,
            mode: row.mode,
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
    pub(crate) fn allowed_folder(&self, folder: &Path) -> Result<String, EngineError> {
        let absolute = std::path::absolute(folder)
            .map_err(|source| EngineError::File { path: folder.display().to_string(), source })?;
        // The folder of all sessions lies in the data folder, which no agent may touch.
        let data = self.inner.options.sessions_folder.parent();
        check_folder(&absolute, self.inner.options.home.as_deref(), data)?;
        Ok(encode_name(Workspace::open(&absolute)?.root().as_os_str()))
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

    /// Everything that a window needs to show a session. Opens it. Blocking.
    pub fn open_session(
        &self,
        id: &SessionId,
        address: impl Fn(Deployment) -> Deployment,
    ) -> Result<SessionDetail, EngineError> {
        let runtime = self.runtime_in_its_folder(id)?;
        if runtime.workspace().is_ok() {
            runtime.try_write(self)?;
        } else {
            // There is nothing to write to, though it was there when the session was opened first.
            runtime.let_go();
        }
        // The number is read before the rows: an event that falls between comes again and changes nothing.
        let sequence = self.events().last();
        let row = self.store().session(id)?;
        let choices = self.choices(&row);
        let mut tree = self.tree(id)?;
        // The latest come last, and only they can be on their way to the disk.
        for node in tree.iter_mut().rev().filter(|node| node.not_restorable.is_none()) {
            let Some(snapshot) = &node.snapshot else { continue };
            match runtime.history.is_durable(snapshot) {
                Ok(false) => node.durable = Some(false),
                Ok(true) => break,
                Err(_) => {}
            }
        }
        for node in &mut tree {
            let is_lost = |base: &SnapshotId| !runtime.history.holds(base);
            if node.not_restorable.is_none() && node.base_snapshot.as_ref().is_some_and(is_lost) {
                node.changes_lost = Some(BEFORE_LOST.to_owned());
            }
        }
        let path = path_in(&tree, row.current_node.as_ref());
        let page = self.page(&path, FIRST_PAGE)?;
        Ok(SessionDetail {
            summary: self.summary(&row),
            access: runtime.access(),
            why_read_only: match runtime.must_write(self) {
                Ok(()) | Err(EngineError::ReadOnly) => None,
                Err(reason) => Some(reason.to_app_error()),
            },
            workspace_path: encode_name(runtime.root().as_os_str()),
            turns: page.turns,
            earlier_turns: page.earlier_turns,
            todos: self.store().todos_along(id, &path)?,
            queue: self.store().queue(id)?,
            deployments: self.deployments(id, path)?.into_iter().map(address).collect(),
            undo: self.undo_state(id)?,
            limits: choices.limits,
            profile: choices.profile,
            current_node: row.current_node,
            tree,
            notice: runtime.notice(),
            sequence,
        })
    }

    /// The turns of a path above one of its nodes, which is not among them.
    pub fn turn_page(
        &self,
        session: &SessionId,
        before: &NodeId,
        count: u32,
    ) -> Result<TurnPage, EngineError> {
        self.node_of(session, before)?;
        let mut path = self.store().path_to(before)?;
        path.pop();
        self.page(&path, count.clamp(1, MOST_TURNS) as usize)
    }

    /// The last turns of a path.
    fn page(&self, path: &[NodeId], count: usize) -> Result<TurnPage, EngineError> {
        let earlier = path.len().saturating_sub(count);
        let turns = path[earlier..].iter().map(|id| self.turn(id)).collect::<Result<_, _>>()?;
        Ok(TurnPage { turns, earlier_turns: u32::try_from(earlier).unwrap_or(u32::MAX) })
    }

    fn turn(&self, id: &NodeId) -> Result<Turn, EngineError> {
        let node = self.store().node(id)?;
        Ok(Turn {
            items: self.store().items(id)?,
            usage: self.store().node_usage(id)?,
            node: node.summary,
            message: node.message,
            error: node.error,
        })
    }

    /// The sites of a session, newest first; those of other branches are marked.
    fn deployments(&self, id: &SessionId, path: Vec<NodeId>) -> Result<Vec<Deployment>, EngineError> {
        let mut deployments = self.store().deployments(id)?;
        if deployments.is_empty() {
            return Ok(deployments);
        }
        let path: HashSet<NodeId> = path.into_iter().collect();
        for deployment in &mut deployments {
            // What was deployed by hand belongs to no branch.
            deployment.on_path = deployment.node_id.as_ref().is_none_or(|node| path.contains(node));
        }
        Ok(deployments)
    }

    /// The tree of a session without its content and without what lies in the trash, oldest node first.
    pub fn tree(&self, id: &SessionId) -> Result<Vec<NodeSummary>, EngineError> {
        Ok(self.store().topology(id)?)
    }

    /// The to-do list as it was at the end of a node, or as it is.
    pub fn todos_at(&self, session: &SessionId, node: Option<&NodeId>) -> Result<Vec<Todo>, EngineError> {
        let end = match node {
            Some(node) => Some(self.node_of(session, node)?.summary.id),
            None => self.store().session(session)?.current_node,
        };
        let path = end.map_or_else(|| Ok(Vec::new()), |end| self.store().path_to(&end))?;
        Ok(self.store().todos_along(session, &path)?)
    }

    /// Spans of the active path, oldest first.
    pub fn timeline(&self, id: &SessionId) -> Result<Vec<okcvm_protocol::Span>, EngineError> {
        let mut spans = Vec::new();
        if let Some(current) = self.store().session(id)?.current_node {
            for node in self.store().path_to(&current)? {
                spans.extend(self.store().spans(&node)?);
            }
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
        // On one line, as trees show it.
        let label = label.map(|label| label.split_whitespace().collect::<Vec<_>>().join(" "));
        self.store().label_node(node, label.as_deref().filter(|label| !label.is_empty()))?;
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
        self.runtime_in_its_folder(id)?.workspace()
    }

    /// The files of a session, which this program may write. Blocking.
    pub fn writable_workspace(&self, id: &SessionId) -> Result<Workspace, EngineError> {
        self.movable(id)?.workspace()
    }
}

/// The path from the root to a node, in that order.
fn path_in(tree: &[NodeSummary], end: Option<&NodeId>) -> Vec<NodeId> {
    let by_id: HashMap<&NodeId, &NodeSummary> = tree.iter().map(|node| (&node.id, node)).collect();
    let mut path = Vec::new();
    let mut next = end;
    while let Some(node) = next.and_then(|id| by_id.get(id)) {
        path.push(node.id.clone());
        next = node.parent_id.as_ref();
        if path.len() > tree.len() {
            break;
        }
    }
    path.reverse();
    path
}
