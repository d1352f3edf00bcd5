//! Snapshots, restores, deployments.

use crate::{
    AppError, ChangeKind, DeploymentId, NodeId, NodeSummary, RestoreId, SnapshotId, wire, wire_enum,
    wire_union,
};

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
        /// Why it cannot be said what the user had changed before the turn, if so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        pub by_user_lost: Option<String>,
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
        /// What would stay as it is although it differs, and why.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[ts(optional, as = "Option<Vec<SkippedFile>>")]
        pub unwritten: Vec<SkippedFile>,
        /// What the restore would say instead of doing it, as things stand now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        pub refusal: Option<AppError>,
    }

    /// A path that keeps a turn from being taken back.
    pub struct RevertConflict {
        /// Relative to the workspace, with `/`.
        pub path: String,
        /// In words for people.
        pub reason: String,
    }

    /// What taking back one turn, and nothing after it, would do to the files.
    pub struct RevertPlan {
        /// The node whose turn would be taken back.
        pub node_id: NodeId,
        /// Files that would be touched.
        pub changes: Vec<RestoreChange>,
        /// What keeps it from being done; it is refused unless this is empty.
        pub conflicts: Vec<RevertConflict>,
        /// Present changes by hand that no node holds yet; they are recorded before anything moves.
        pub unsaved: Vec<FileChange>,
        /// What would stay as it is although it differs, and why.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[ts(optional, as = "Option<Vec<SkippedFile>>")]
        pub unwritten: Vec<SkippedFile>,
        /// What taking it back would say instead of doing it, as things stand now; the conflicts included.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        pub refusal: Option<AppError>,
    }

    /// What differs between the files of two nodes.
    pub struct CompareResponse {
        /// From the left to the right.
        pub changes: Vec<FileChange>,
        /// The last node that both grew from; it may be one of the two.
        pub common: Option<NodeId>,
    }

    /// One change of one file.
    pub struct FileMoment {
        /// The snapshot that holds it.
        pub snapshot: SnapshotId,
        /// The node that it belongs to, if it is still there.
        pub node_id: Option<NodeId>,
        /// When it was recorded.
        pub at: i64,
        /// Who changed it.
        pub written_by: Writer,
        /// Appeared, changed, vanished, renamed.
        pub kind: ChangeKind,
        /// Bytes after the change, if the file was still there.
        pub size: Option<u64>,
        /// The earlier name of a renamed file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        pub old_path: Option<String>,
    }

    /// What happened to one file on the active path, through its earlier names.
    pub struct FileHistoryResponse {
        /// The latest first.
        pub moments: Vec<FileMoment>,
        /// There are earlier ones that are not listed.
        pub truncated: bool,
    }

    /// How much room the history takes.
    pub struct HistoryUsage {
        /// Bytes on the disk of this session's history.
        pub bytes: u64,
        /// What they are to stay under; a setting.
        pub budget_bytes: u64,
        /// Of the bytes of this session's history, those of damaged parts that were set aside. They go when the trash's
        /// time is over, or when room is needed.
        #[serde(default)]
        pub aside_bytes: u64,
        /// Bytes on the disk of all sessions' histories.
        pub total_bytes: u64,
        /// What they are to stay under; a setting.
        pub total_budget_bytes: u64,
        /// Snapshots whose files are there.
        pub snapshots: u32,
        /// Nodes whose files were dropped to save room.
        pub thinned: u32,
        /// Steps of the undo stack that lead to work by hand which no node holds.
        #[serde(default)]
        pub steps: u32,
        /// Bytes of the files that differ in them, before compression.
        #[serde(default)]
        pub steps_bytes: u64,
        /// Steps of the undo stack that were dropped to save room.
        #[serde(default)]
        pub steps_dropped: u32,
    }

    /// A step of the undo stack.
    pub struct UndoStep {
        /// Which.
        pub id: RestoreId,
        /// What it did, in words.
        pub title: String,
        /// When it was made.
        pub made_at: i64,
        /// What can become of it.
        pub direction: UndoDirection,
        /// What it moves.
        pub scope: RestoreScope,
        /// Only these files and folders; all if absent.
        pub paths: Option<Vec<String>>,
    }

    /// A step of the undo stack that was dropped to save room.
    pub struct DroppedStep {
        /// What it would have taken back, in words.
        pub title: String,
        /// When it was made.
        pub made_at: i64,
        /// When it was dropped.
        pub dropped_at: i64,
        /// Files that it would have brought back and that no node holds, the first few of them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[ts(optional, as = "Option<Vec<String>>")]
        pub paths: Vec<String>,
        /// How many there were.
        pub files: u32,
    }

    /// What tidying a history did.
    pub struct TidyReport {
        /// Nodes whose files were dropped to save room.
        pub thinned: u32,
        /// Bytes that were set free.
        pub freed_bytes: u64,
        /// Of these, bytes of damaged parts that had been set aside.
        #[serde(default)]
        pub aside_bytes: u64,
        /// Steps of the undo stack that were dropped to save room.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[ts(optional, as = "Option<Vec<DroppedStep>>")]
        pub steps: Vec<DroppedStep>,
        /// It was called off; what was done by then stays.
        pub cancelled: bool,
        /// As it is now.
        pub usage: HistoryUsage,
    }

    /// A branch in the trash.
    pub struct TrashedBranch {
        /// Its first node.
        pub node: NodeSummary,
        /// How many nodes went with it, itself included.
        pub nodes: u32,
        /// When it went to the trash.
        pub deleted_at: i64,
        /// When it is removed for good.
        pub purge_at: i64,
    }

    /// The trash of a session.
    pub struct TrashListResponse {
        /// The latest first.
        pub branches: Vec<TrashedBranch>,
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
        /// The node that made it, if it is still there.
        pub node_id: Option<NodeId>,
        /// It belongs to the conversation as it stands; one that does not was made on another branch.
        pub on_path: bool,
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
        /// What stays as it is, and why: this file system cannot hold it, or the snapshot had left it out.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[ts(optional, as = "Option<Vec<SkippedFile>>")]
        pub unwritten: Vec<SkippedFile>,
        /// All was so already: nothing moved, and there is no step that undo takes back.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        #[ts(optional, as = "Option<bool>")]
        pub unchanged: bool,
        /// Steps of the undo stack that an undo would have come to first, had they not been dropped to save room.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[ts(optional, as = "Option<Vec<DroppedStep>>")]
        pub passed: Vec<DroppedStep>,
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
    /// What tidying a history is at.
    pub enum TidyStage {
        /// Old snapshots are dropped until the budget holds.
        Thinning,
        /// What stays is packed.
        Packing,
        /// It has ended, done or called off.
        Ended,
    }

    /// Which command a step of the undo stack waits for.
    pub enum UndoDirection {
        /// It was done.
        Undo,
        /// It was taken back.
        Redo,
    }

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
