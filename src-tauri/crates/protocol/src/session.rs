//! Sessions, nodes, turns.

use crate::{
    AppError, ChangeCounts, Deployment, DroppedStep, Item, NodeId, PermissionMode, QueueId, SessionId,
    SnapshotId, TurnLimits, Usage, wire, wire_enum, wire_union,
};

wire_union! {
    /// Where the files of a session lie.
    pub enum WorkspaceKind {
        /// In the data folder of the app.
        Own,
        /// In a folder of the user.
        Folder {
            /// Absolute path.
            path: String,
        },
    }
}

wire_enum! {
    /// How the turn of a node stands.
    pub enum NodeStatus {
        /// It runs.
        Running,
        /// The model came to an end.
        Completed,
        /// It ended with an error.
        Failed,
        /// The user, a limit or the end of the program stopped it.
        Interrupted,
    }

    /// Who may write a session from this program.
    pub enum SessionAccess {
        /// This program.
        Write,
        /// Another program holds the lock.
        ReadOnly,
    }
}

wire! {
    /// A session as a list shows it.
    pub struct SessionSummary {
        /// Its identifier.
        pub id: SessionId,
        /// Its name.
        pub title: String,
        /// When it was made.
        pub created_at: i64,
        /// When something last happened in it.
        pub updated_at: i64,
        /// When it went to the trash.
        pub deleted_at: Option<i64>,
        /// When it is removed for good, if it lies in the trash.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        pub purge_at: Option<i64>,
        /// Where its files lie.
        pub workspace: WorkspaceKind,
        /// A turn runs in it now.
        pub running: bool,
        /// What its agent may do without asking.
        pub mode: PermissionMode,
    }

    /// A file that the user gave with a message.
    pub struct Attachment {
        /// Relative to the workspace, with `/`.
        pub path: String,
        /// Bytes.
        pub size: u64,
        /// Guessed from the name.
        pub mime: String,
    }

    /// What the user said.
    pub struct UserMessage {
        /// The words.
        pub text: String,
        /// Files that came with it.
        pub attachments: Vec<Attachment>,
    }

    /// A node as the tree shows it: nothing of its content but the start of the message.
    pub struct NodeSummary {
        /// Its identifier.
        pub id: NodeId,
        /// The node it grew from.
        pub parent_id: Option<NodeId>,
        /// The start of the user's message.
        pub title: String,
        /// A name that the user gave.
        pub label: Option<String>,
        /// When its turn began.
        pub started_at: i64,
        /// When its turn ended.
        pub ended_at: Option<i64>,
        /// How its turn stands.
        pub status: NodeStatus,
        /// The files after the turn.
        pub snapshot: Option<SnapshotId>,
        /// The files before the turn.
        pub base_snapshot: Option<SnapshotId>,
        /// What the turn changed; unknown while it runs.
        pub changes: Option<ChangeCounts>,
        /// The user changed files by hand before this turn.
        pub user_changes: Option<ChangeCounts>,
        /// Why the files of this node cannot be restored, if so.
        pub not_restorable: Option<String>,
        /// When it went to the trash. The tree of a session shows no such node.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        pub deleted_at: Option<i64>,
        /// What its own turn read that may carry instructions of strangers, the first few.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[ts(as = "Option<Vec<String>>", optional)]
        pub untrusted: Vec<String>,
        /// When a copy of its files was saved last; such a node keeps its files.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        pub exported_at: Option<i64>,
        /// `false` for the moment until the files after the turn are safe against a power cut; absent otherwise.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        pub durable: Option<bool>,
        /// Why what its turn changed can neither be shown nor taken back, if so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        pub changes_lost: Option<String>,
    }

    /// A turn as the conversation shows it.
    pub struct Turn {
        /// Its node.
        pub node: NodeSummary,
        /// What the user said.
        pub message: UserMessage,
        /// What followed.
        pub items: Vec<Item>,
        /// Why it failed or was stopped.
        pub error: Option<AppError>,
        /// The sum over its model requests.
        pub usage: Usage,
    }

    /// Turns of the active path, oldest first.
    pub struct TurnPage {
        /// The turns.
        pub turns: Vec<Turn>,
        /// How many stand before them.
        pub earlier_turns: u32,
    }

    /// A message that waits for the running turn to end.
    pub struct QueuedMessage {
        /// Its identifier.
        pub id: QueueId,
        /// What the user said.
        pub message: UserMessage,
        /// When it was queued.
        pub queued_at: i64,
    }

    /// One entry of the to-do list.
    pub struct Todo {
        /// The model's own name for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        pub id: Option<String>,
        /// What is to be done.
        pub content: String,
        /// How urgent.
        pub priority: TodoPriority,
        /// How far.
        pub status: TodoStatus,
    }

    /// Whether a restore can be taken back or done again.
    pub struct UndoState {
        /// What undo would take back, in words.
        pub undo: Option<String>,
        /// What redo would do again, in words.
        pub redo: Option<String>,
        /// Steps that were dropped to save room, the latest first; a few of them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[ts(optional, as = "Option<Vec<DroppedStep>>")]
        pub dropped: Vec<DroppedStep>,
    }

    /// Everything that a window needs to show a session.
    pub struct SessionDetail {
        /// As in the list.
        pub summary: SessionSummary,
        /// Whether this program may write it.
        pub access: SessionAccess,
        /// Why it may not, if that is not because another program writes it.
        pub why_read_only: Option<AppError>,
        /// Absolute path of the files.
        pub workspace_path: String,
        /// The node that the conversation ends with.
        pub current_node: Option<NodeId>,
        /// Every node that is not in the trash, oldest first.
        pub tree: Vec<NodeSummary>,
        /// The last turns of the path from the root to the current node.
        pub turns: Vec<Turn>,
        /// How many turns of that path stand before them.
        pub earlier_turns: u32,
        /// The to-do list at the current node.
        pub todos: Vec<Todo>,
        /// Messages that wait.
        pub queue: Vec<QueuedMessage>,
        /// Sites, newest first.
        pub deployments: Vec<Deployment>,
        /// Undo and redo of restores.
        pub undo: UndoState,
        /// Limits of a turn in this session.
        pub limits: TurnLimits,
        /// The model profile of this session.
        pub profile: String,
        /// What opening the session had to do, for example with a damaged history: one matter a line.
        pub notice: Option<String>,
        /// The number of the last event that this answer includes.
        pub sequence: u64,
    }
}

wire_enum! {
    /// How urgent a to-do is.
    pub enum TodoPriority {
        /// First.
        High,
        /// Then.
        Medium,
        /// Last.
        Low,
    }
}

/// How far a to-do is; written with an underscore, as the tool contract has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, ts_rs::TS)]
#[serde(rename_all = "snake_case")]
#[ts(export_to = "protocol.ts")]
pub enum TodoStatus {
    /// Not begun.
    Pending,
    /// At work.
    InProgress,
    /// Done.
    Completed,
}
