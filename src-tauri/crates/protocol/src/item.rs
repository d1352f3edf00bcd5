//! The parts of a turn, and what tools give back.

use crate::{Approval, ArtifactMeta, ItemId, NodeId, wire, wire_enum, wire_union};

wire_enum! {
    /// How far a tool call has come.
    pub enum ToolCallStatus {
        /// Its arguments are still arriving, or it waits for its place.
        Pending,
        /// It runs.
        Running,
        /// It ended and its result is there.
        Completed,
        /// It ended with an error that went back to the model.
        Failed,
        /// It was stopped by the user, a limit, or the end of the program.
        Interrupted,
    }

    /// How grave a notice is.
    pub enum NoticeLevel {
        /// Good to know.
        Info,
        /// Something was left out or cut short.
        Warning,
        /// Something failed.
        Error,
    }

    /// What kind of thing an artifact is, which decides how it is shown.
    pub enum ArtifactKind {
        /// A deployed site.
        Site,
        /// A picture.
        Image,
        /// Sound.
        Audio,
        /// Text, Markdown or an office document.
        Document,
        /// Rows and columns.
        Table,
        /// Slides.
        Deck,
        /// The full text of an output that was cut for the model.
        Output,
        /// Any other file.
        File,
    }

    /// Whether a file appeared, changed or vanished.
    pub enum ChangeKind {
        /// New.
        Added,
        /// Other content, mode or link target.
        Modified,
        /// Gone.
        Deleted,
        /// The same content, or most of it, under another name.
        Renamed,
    }
}

wire_union! {
    /// A piece of a tool's result.
    pub enum ToolContent {
        /// Text for the model.
        Text {
            /// The text, within the tool's limit.
            text: String,
        },
        /// A picture for a model that sees.
        Image {
            /// For example `image/png`.
            mime: String,
            /// Where it lies in the workspace.
            path: String,
            /// SHA-256 of the content, under which the store keeps it.
            hash: String,
            /// Bytes.
            size: u64,
        },
    }

    /// What an item is.
    pub enum ItemBody {
        /// What the model said, in Markdown.
        Text {
            /// All of it so far.
            text: String,
        },
        /// What the model thought, as far as the provider shows it.
        Reasoning {
            /// All of it so far.
            text: String,
            /// The provider's proof of the reasoning, sent back to it untouched.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[ts(optional)]
            signature: Option<String>,
        },
        /// A call of a tool.
        ToolCall(ToolCall),
        /// A call asks the person.
        Approval(Approval),
        /// A message of the user that steered the running turn.
        Steer {
            /// The message.
            text: String,
        },
        /// A remark of the engine.
        Notice {
            /// How grave it is.
            level: NoticeLevel,
            /// What to tell.
            text: String,
        },
    }
}

wire! {
    /// One call of a tool, from its first fragment to its result.
    pub struct ToolCall {
        /// The model's own name for this call.
        pub call_id: String,
        /// Full tool name, `mshtools-…`.
        pub tool: String,
        /// The arguments as JSON text, as the model sent them.
        pub arguments: String,
        /// How far it has come.
        pub status: ToolCallStatus,
        /// Live output while it runs; the end of it if there is much.
        pub live_output: String,
        /// The result.
        pub result: Option<ToolResult>,
    }

    /// What a tool gave back.
    pub struct ToolResult {
        /// In order, for the model.
        pub content: Vec<ToolContent>,
        /// The call failed and the content says why.
        pub is_error: bool,
        /// Things worth showing.
        pub artifacts: Vec<Artifact>,
        /// What the call did to a file, if it was a file tool.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        pub diff: Option<FileDiff>,
    }

    /// Something worth showing.
    pub struct Artifact {
        /// What it is.
        pub kind: ArtifactKind,
        /// Its name for people.
        pub title: String,
        /// Where it lies in the workspace, relative with `/`; or the file of a cut output in the data folder.
        pub path: String,
        /// For a site, where it is served.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        pub url: Option<String>,
        /// For a site, its deployment.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        pub deployment: Option<crate::DeploymentId>,
        /// Bytes, if it is one file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        pub size: Option<u64>,
        /// What it is beyond its bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        pub meta: Option<ArtifactMeta>,
        /// SHA-256 of its content when the call ended, if it is one file of at most 64 MB.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        pub hash: Option<String>,
        /// The node whose snapshot holds it as it was made.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        pub node_id: Option<NodeId>,
    }

    /// A part of a turn.
    pub struct Item {
        /// Its identifier.
        pub id: ItemId,
        /// The node it belongs to.
        pub node_id: NodeId,
        /// Its place in the turn, from 0.
        pub ordinal: u32,
        /// The model request of the turn in which it arose, from 0.
        pub step: u32,
        /// When it began.
        pub started_at: i64,
        /// When it was complete.
        pub ended_at: Option<i64>,
        /// What it is.
        pub body: ItemBody,
    }

    /// The difference of one file.
    pub struct FileDiff {
        /// Path relative to the workspace, with `/`.
        pub path: String,
        /// The earlier name of a renamed file.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        pub old_path: Option<String>,
        /// Appeared, changed or vanished.
        pub kind: ChangeKind,
        /// Lines that came.
        pub additions: u32,
        /// Lines that went.
        pub deletions: u32,
        /// Not text: there are no hunks.
        pub binary: bool,
        /// There is more than is shown.
        pub truncated: bool,
        /// The changed places with three lines around them.
        pub hunks: Vec<DiffHunk>,
    }

    /// A changed place of a file.
    pub struct DiffHunk {
        /// First line in the old file, from 1.
        pub old_start: u32,
        /// First line in the new file, from 1.
        pub new_start: u32,
        /// The lines.
        pub lines: Vec<DiffLine>,
    }

    /// One line of a hunk.
    pub struct DiffLine {
        /// Kept, came or went.
        pub kind: DiffLineKind,
        /// Without its line end.
        pub text: String,
    }
}

wire_enum! {
    /// What became of a line.
    pub enum DiffLineKind {
        /// In both.
        Context,
        /// Only in the new file.
        Added,
        /// Only in the old file.
        Removed,
    }
}
