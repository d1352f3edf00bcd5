//! Snapshots, restores, deployments.

use crate::{ChangeKind, DeploymentId, NodeId, SnapshotId, wire, wire_enum, wire_union};

wire! {
    /// How many files changed.
    pub struct ChangeCounts {
        /// New files.
        pub added: u32,
        /// Changed files.
        pub modified: u32,
        /// Vanished files.
        pub deleted: u32,
    }

    /// One changed file, without its lines.
    pub struct FileChange {
        /// Relative to the workspace, with `/`.
        pub path: String,
        /// The earlier name of a renamed file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        pub old_path: Option<String>,
        /// Appeared, changed, vanished, renamed.
        pub kind: ChangeKind,
        /// Bytes before, if it was there.
        pub old_size: Option<u64>,
        /// Bytes after, if it is there.
        pub new_size: Option<u64>,
    }

    /// A file that a snapshot does not hold, and why.
    pub struct SkippedFile {
        /// Relative to the workspace, with `/`.
        pub path: String,
        /// In words for people.
        pub reason: String,
    }

    /// What a node did to the files.
    pub struct NodeChanges {
        /// By the turn.
        pub by_turn: Vec<FileChange>,
        /// By the user's hand, before the turn.
        pub by_user: Vec<FileChange>,
        /// What the snapshot does not hold.
        pub skipped: Vec<SkippedFile>,
    }

    /// One file that a restore would touch.
    pub struct RestoreChange {
        /// Relative to the workspace, with `/`.
        pub path: String,
        /// What would happen to the present file.
        pub kind: ChangeKind,
        /// Who wrote the present file last.
        pub written_by: Writer,
    }

    /// What a restore would do.
    pub struct RestorePlan {
        /// The node to go to.
        pub node_id: NodeId,
        /// Files, conversation, or both.
        pub scope: RestoreScope,
        /// Files that would be touched; empty for the conversation alone.
        pub changes: Vec<RestoreChange>,
        /// Present changes by hand that no node holds yet; they are recorded before anything moves.
        pub unsaved: Vec<FileChange>,
        /// Nodes that leave the active path.
        pub turns_left: u32,
    }

    /// An immutable version of a site.
    pub struct Deployment {
        /// Its identifier, also the first label of its host name.
        pub id: DeploymentId,
        /// The folder it was copied from, relative to the workspace.
        pub folder: String,
        /// From 1, counted per folder.
        pub version: u32,
        /// Title of its `index.html`, or the folder's name.
        pub title: String,
        /// The node that made it.
        pub node_id: Option<NodeId>,
        /// When.
        pub deployed_at: i64,
        /// Where it is served while the app runs.
        pub url: String,
        /// The snapshot-independent count of its files.
        pub files: u32,
        /// Bytes.
        pub size: u64,
    }

    /// A step that restore took, for undo.
    pub struct RestoreOutcome {
        /// Files that were written.
        pub written: u32,
        /// Files that were removed.
        pub removed: u32,
        /// The snapshot of the present before anything moved.
        pub before: Option<SnapshotId>,
    }
}

wire_union! {
    /// Who wrote a file last.
    pub enum Writer {
        /// The agent, in a turn.
        Agent {
            /// The node.
            node_id: NodeId,
            /// Its title.
            title: String,
        },
        /// The user, by hand.
        User,
        /// Not known.
        Unknown,
    }
}

wire_enum! {
    /// What a restore brings back.
    pub enum RestoreScope {
        /// Files, conversation and to-dos together.
        All,
        /// Only the files.
        Files,
        /// Only conversation and to-dos.
        Conversation,
    }
}
