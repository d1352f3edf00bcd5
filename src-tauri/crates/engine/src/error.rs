//! What can go wrong in a session, and how it is worded at the edge.

use okcvm_protocol::{AppError, ErrorCode, NodeId, SessionId};
use okcvm_snapshots::SnapshotError;
use okcvm_store::StoreError;
use okcvm_workspace::WorkspaceError;

/// A failure of the engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Another program holds the session.
    #[error("another program has this session open for writing")]
    ReadOnly,
    /// A turn runs where none may.
    #[error("a turn is running in this session")]
    Busy,
    /// No turn runs where one must.
    #[error("no turn is running in this session")]
    NotRunning,
    /// The message says nothing.
    #[error("the message is empty")]
    EmptyMessage,
    /// The node belongs to another session.
    #[error("the node {node} is not in the session {session}")]
    ForeignNode {
        /// The node.
        node: NodeId,
        /// The session.
        session: SessionId,
    },
    /// The files of a node were never recorded.
    #[error("the files of this node cannot be restored: {0}")]
    NotRestorable(String),
    /// There is nothing to undo or redo.
    #[error("there is nothing to {0}")]
    NothingTo(&'static str),
    /// The waiting message has gone.
    #[error("this message no longer waits: its turn has begun")]
    NotQueued,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The history failed.
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// The folder of the session is not there.
    #[error("the folder {folder} is not there: {source}")]
    FolderMissing {
        /// Which.
        folder: String,
        /// Why.
        source: WorkspaceError,
    },
    /// The folder of the session is another one by now.
    #[error("the folder {folder} leads to {elsewhere}")]
    FolderLeadsElsewhere {
        /// Which.
        folder: String,
        /// Where its path leads.
        elsewhere: String,
    },
    /// The workspace failed.
    #[error(transparent)]
    Workspace(#[from] WorkspaceError),
    /// The file system failed.
    #[error("{path}: {source}")]
    File {
        /// Which path.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A part that the program plugged in failed.
    #[error("{0}")]
    App(AppError),
    /// A worker thread ended before its work.
    #[error("a background task ended unexpectedly: {0}")]
    Task(String),
}

impl EngineError {
    /// Why files cannot be brought back, if the history has lost them.
    pub(crate) fn lost_files(&self) -> Option<String> {
        match self {
            Self::Snapshot(SnapshotError::Unknown(_)) => Some("the history no longer holds them.".to_owned()),
            Self::Snapshot(error) if error.is_damage() => Some(error.to_string()),
            Self::NotRestorable(reason) => Some(reason.clone()),
            _ => None,
        }
    }

    /// The error as a person reads it.
    pub fn to_app_error(&self) -> AppError {
        match self {
            Self::ReadOnly => AppError::new("This session, or its folder, is in use by another program.")
                .with_code(ErrorCode::ReadOnly)
                .with_hint("It can be read here. Close it there to write here."),
            Self::Busy => AppError::new("A turn is running in this session.")
                .with_code(ErrorCode::Busy)
                .with_hint("Stop it or wait for its end."),
            Self::NotRunning => AppError::new("No turn is running in this session."),
            Self::EmptyMessage => AppError::new("The message is empty.").with_hint("Write something first."),
            Self::ForeignNode { .. } => {
                AppError::new("That moment belongs to another session.").with_code(ErrorCode::NotFound)
            }
            Self::NotRestorable(reason) => {
                AppError::new(format!("The files of this moment cannot be restored: {reason}"))
                    .with_hint("The conversation alone can be restored.")
            }
            Self::NothingTo(what) => AppError::new(format!("There is nothing to {what}.")),
            Self::NotQueued => AppError::new("This message no longer waits: its turn has begun."),
            Self::Store(error) => error.to_app_error(),
            Self::Snapshot(SnapshotError::Busy) => Self::ReadOnly.to_app_error(),
            Self::Snapshot(SnapshotError::Unknown(_)) => {
                AppError::new("The history no longer holds the files that are needed for this.")
                    .with_code(ErrorCode::NotFound)
                    .with_hint("Those before or after this turn were dropped to save room, or were damaged.")
            }
            Self::Snapshot(error) => error.to_app_error(),
            Self::FolderMissing { folder, source } => AppError::new(format!(
                "The folder of this session, {folder}, is not there."
            ))
            .with_hint(
                "Bring it back, for example by connecting its disk, or tell the session where it is now: `okcvm session \
                 move-folder`. The conversation can be read meanwhile.",
            )
            .with_code(ErrorCode::FolderMissing)
            .with_detail(source.to_string()),
            Self::FolderLeadsElsewhere { folder, elsewhere } => AppError::new(format!(
                "The folder of this session, {folder}, is a link by now and leads to {elsewhere}."
            ))
            .with_hint(
                "Put the folder back in the place of the link, or tell the session where it is now: `okcvm session \
                 move-folder`. The conversation can be read meanwhile.",
            )
            .with_code(ErrorCode::FolderMissing),
            Self::Workspace(error) => error.to_app_error(),
            Self::File { path, source } => {
                AppError::new(format!("{path} could not be used.")).with_detail(source.to_string())
            }
            Self::App(error) => error.clone(),
            Self::Task(detail) => AppError::new("Something in the app ended unexpectedly.")
                .with_hint("Try again; the log has more.")
                .with_detail(detail),
        }
    }
}

impl From<EngineError> for AppError {
    fn from(error: EngineError) -> Self {
        error.to_app_error()
    }
}

impl From<AppError> for EngineError {
    fn from(error: AppError) -> Self {
        Self::App(error)
    }
}

impl From<tokio::task::JoinError> for EngineError {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::Task(error.to_string())
    }
}
