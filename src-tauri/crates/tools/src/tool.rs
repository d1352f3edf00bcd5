//! What a tool is, what it is given, and what it may answer.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use okcvm_protocol::{AppError, ItemId, NodeId, SessionId, ToolResult};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::Touches;

/// A capability that the model can call. Its contract stands in the tool manifest under the same name.
#[async_trait]
pub trait Tool: Send + Sync {
    /// Full name, `mshtools-…`.
    fn name(&self) -> &'static str;

    /// Why the tool cannot be used here and what to do about it; `None` if it can.
    fn unavailable(&self) -> Option<String> {
        None
    }

    /// What a call with these arguments would touch; they fit the manifest's schema. Asked before the call runs, must not
    /// block. A tool that says nothing is taken for one that reads from strangers, publishes, sends and deletes, so
    /// every tool that stays inside says so: [`Touches::inside`], [`Touches::code`].
    fn touches(&self, _session: &SessionId, arguments: &Value) -> Touches {
        Touches::everything(arguments.to_string(), self.name())
    }

    /// Does it. `arguments` fit the manifest's schema. Must end soon after `context.cancel` fires and then answer
    /// with [`ToolError::Cancelled`], leaving nothing running.
    async fn call(&self, context: &ToolContext, arguments: Value) -> Result<ToolResult, ToolError>;
}

/// What a call is given.
#[derive(Clone)]
pub struct ToolContext {
    /// The session.
    pub session_id: SessionId,
    /// The node whose turn calls; absent when a person calls from the command line.
    pub node_id: Option<NodeId>,
    /// The item of the call.
    pub item_id: ItemId,
    /// Absolute path of the session's files.
    pub workspace_root: PathBuf,
    /// The session's folder in the app's data, for outputs that are too long and for deployments.
    pub session_folder: PathBuf,
    /// Where progress and live output go.
    pub sink: Arc<dyn ToolSink>,
    /// Which files the session has read, for read-before-write.
    pub reads: Arc<dyn FileReads>,
    /// Fires when the call must end.
    pub cancel: CancellationToken,
    /// What of the workspace no snapshot holds and the call may not change, relative to it: something untrusted was read,
    /// and the person has not agreed to a deletion. Never more than a tool said that it spares ([`Touches::spares`]).
    pub spare: Vec<String>,
}

/// Progress of a running call.
#[derive(Debug, Clone, PartialEq)]
pub enum ToolProgress {
    /// More output, as it comes.
    Output(String),
    /// How far it is, in words.
    Message(String),
}

/// Takes progress; must not block.
pub trait ToolSink: Send + Sync {
    /// Takes one piece.
    fn progress(&self, progress: ToolProgress);

    /// The call has read something that a stranger may have written, which [`Tool::touches`] could not know before:
    /// says what, for people. From now on the conversation counts as one that has. Call it before the text goes into a
    /// result.
    fn read_untrusted(&self, _source: &str) {}

    /// What the conversation has read so far that a stranger may have written, with what this call has told. A program
    /// that goes on after the call may hold it: see [`Touches::holds`].
    fn untrusted(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The state in which a file was last seen by the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadStamp {
    /// SHA-256 of the whole file, in hexadecimal.
    pub hash: String,
}

/// Remembers across restarts which files the session has read or written, and in which state.
pub trait FileReads: Send + Sync {
    /// The last state seen of that path (relative to the workspace, with `/`).
    fn last_seen(&self, path: &str) -> Result<Option<ReadStamp>, AppError>;
    /// Notes a state.
    fn note(&self, path: &str, stamp: &ReadStamp) -> Result<(), AppError>;
}

/// Why a call gave no result.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ToolError {
    /// For the model, worded so that it can act.
    #[error("{0}")]
    ForModel(String),
    /// The turn cannot go on.
    #[error("{0}")]
    Fatal(AppError),
    /// The call was stopped; what came until then is in it.
    #[error("the call was stopped")]
    Cancelled(Option<ToolResult>),
}

impl ToolError {
    /// An error for the model.
    pub fn for_model(message: impl Into<String>) -> Self {
        Self::ForModel(message.into())
    }
}
