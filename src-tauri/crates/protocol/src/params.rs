//! Parameters and answers of the commands.

use crate::{
    Attachment, ClashPolicy, DeploymentId, ExportId, FileChange, ImportId, ModelProfile, NodeId,
    PreviewSource, QueueId, QueuedMessage, RestoreScope, SessionId, SessionSummary, Settings, TurnLimits,
    wire, wire_enum, wire_union,
};

wire! {
    /// Nothing.
    #[derive(Default)]
    pub struct Empty {}

    /// Names a session.
    pub struct SessionParams {
        /// Which.
        pub session_id: SessionId,
    }

    /// Names a node.
    pub struct NodeParams {
        /// Its session.
        pub session_id: SessionId,
        /// Which.
        pub node_id: NodeId,
    }

    /// Filters the list of sessions.
    pub struct SessionListParams {
        /// Words of the title; empty lists all.
        pub search: String,
        /// Only what lies in the trash.
        pub trash: bool,
    }

    /// Sessions, the latest first.
    pub struct SessionListResponse {
        /// The sessions.
        pub sessions: Vec<SessionSummary>,
    }

    /// Makes a session.
    pub struct SessionCreateParams {
        /// Its name; named after the first message if absent.
        pub title: Option<String>,
        /// A folder of the user, absolute; the app's own folder if absent.
        pub folder: Option<String>,
    }

    /// Gives a session another name.
    pub struct SessionRenameParams {
        /// Which.
        pub session_id: SessionId,
        /// The new name.
        pub title: String,
    }

    /// Tells a session where the user's folder is now that it works in.
    pub struct SessionMoveFolderParams {
        /// Which.
        pub session_id: SessionId,
        /// The folder, absolute.
        pub folder: String,
    }

    /// Changes the model or the limits of a session.
    pub struct SessionConfigureParams {
        /// Which.
        pub session_id: SessionId,
        /// Another model profile.
        pub profile: Option<String>,
        /// Other limits.
        pub limits: Option<TurnLimits>,
    }

    /// Sends a message.
    pub struct TurnStartParams {
        /// Where.
        pub session_id: SessionId,
        /// The words.
        pub text: String,
        /// Files of the workspace that it speaks of.
        pub attachments: Vec<Attachment>,
    }

    /// Sends an earlier message anew, as a sibling.
    pub struct TurnEditParams {
        /// Where.
        pub session_id: SessionId,
        /// The node whose message is edited.
        pub node_id: NodeId,
        /// The new words.
        pub text: String,
    }

    /// Speaks to the running turn.
    pub struct TurnSteerParams {
        /// Where.
        pub session_id: SessionId,
        /// The words.
        pub text: String,
    }

    /// Takes back a queued message.
    pub struct QueueRemoveParams {
        /// Where.
        pub session_id: SessionId,
        /// Which.
        pub queue_id: QueueId,
    }

    /// Names a node, or takes its name away.
    pub struct NodeLabelParams {
        /// Where.
        pub session_id: SessionId,
        /// Which.
        pub node_id: NodeId,
        /// The name; absent takes it away.
        pub label: Option<String>,
    }

    /// Goes to a node.
    pub struct RestoreParams {
        /// Where.
        pub session_id: SessionId,
        /// The node to go to.
        pub node_id: NodeId,
        /// Files, conversation, or both.
        pub scope: RestoreScope,
        /// Only these files and folders, relative to the workspace, with `/`; all if absent. Needs the scope `files`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        pub paths: Option<Vec<String>>,
    }

    /// Names two nodes.
    pub struct CompareParams {
        /// Where.
        pub session_id: SessionId,
        /// The node that counts as before.
        pub left: NodeId,
        /// The node that counts as after.
        pub right: NodeId,
    }

    /// Asks for the lines of one file that differs between two nodes.
    pub struct CompareFileParams {
        /// Where.
        pub session_id: SessionId,
        /// The node that counts as before.
        pub left: NodeId,
        /// The node that counts as after.
        pub right: NodeId,
        /// The file, as the comparison named it.
        pub change: FileChange,
    }

    /// Asks for earlier turns of a conversation.
    pub struct TurnPageParams {
        /// Where.
        pub session_id: SessionId,
        /// The turns above this node, which is not among them.
        pub before: NodeId,
        /// At most so many, from 1 to 200.
        pub count: u32,
    }

    /// Names a folder as it was at a node.
    pub struct NodeFolderParams {
        /// Where.
        pub session_id: SessionId,
        /// Which node.
        pub node_id: NodeId,
        /// Relative to the workspace, with `/`; empty is the workspace itself.
        pub path: String,
    }

    /// Reads a part of a file as it was at a node.
    pub struct NodeFileParams {
        /// Where.
        pub session_id: SessionId,
        /// Which node.
        pub node_id: NodeId,
        /// Relative to the workspace, with `/`.
        pub path: String,
        /// Bytes to leave out at the start.
        pub offset: u64,
        /// At most so many bytes.
        pub max_bytes: u64,
    }

    /// Names a path of the workspace.
    pub struct FileParams {
        /// Where.
        pub session_id: SessionId,
        /// Relative to the workspace, with `/`; empty is the workspace itself.
        pub path: String,
    }

    /// Reads the start of a file.
    pub struct FileReadParams {
        /// Where.
        pub session_id: SessionId,
        /// Relative to the workspace, with `/`.
        pub path: String,
        /// At most so many bytes.
        pub max_bytes: u64,
    }

    /// A folder's entries: folders first, then by name.
    pub struct FileListResponse {
        /// The entries.
        pub entries: Vec<crate::FileEntry>,
        /// There are more than are listed.
        pub truncated: bool,
    }

    /// Asks what an import would do.
    pub struct ImportPlanParams {
        /// Where.
        pub session_id: SessionId,
        /// The caller's name for this import, for progress and cancel.
        pub import_id: ImportId,
        /// Absolute paths outside of the workspace.
        pub sources: Vec<String>,
        /// The folder in the workspace, relative; empty is the workspace itself.
        pub target: String,
    }

    /// Copies files in.
    pub struct ImportParams {
        /// Where.
        pub session_id: SessionId,
        /// The caller's name for this import, for progress and cancel.
        pub import_id: ImportId,
        /// Absolute paths outside of the workspace.
        pub sources: Vec<String>,
        /// The folder in the workspace, relative; empty is the workspace itself.
        pub target: String,
        /// What to do with names that are taken.
        pub clashes: ClashPolicy,
    }

    /// Calls an import off.
    pub struct ImportCancelParams {
        /// Which.
        pub import_id: ImportId,
    }

    /// Saves a copy of the files of a node.
    pub struct NodeExportParams {
        /// Where.
        pub session_id: SessionId,
        /// Which node.
        pub node_id: NodeId,
        /// The caller's name for this copy, for progress and cancel.
        pub export_id: ExportId,
        /// Absolute path of the copy: a zip file if it ends in `.zip`, else a folder.
        pub target: String,
        /// A file that is there already is replaced.
        pub replace: bool,
    }

    /// Calls the saving of a copy off.
    pub struct ExportCancelParams {
        /// Which.
        pub export_id: ExportId,
    }

    /// Asks for the lines of one changed file of a node.
    pub struct DiffParams {
        /// Where.
        pub session_id: SessionId,
        /// Which node.
        pub node_id: NodeId,
        /// Of the turn, or of the user's hand before it.
        pub side: ChangeSide,
        /// The file.
        pub change: FileChange,
    }

    /// Timed spans, oldest first.
    pub struct TimelineResponse {
        /// The spans of the active path.
        pub spans: Vec<crate::Span>,
    }

    /// Opens a preview.
    pub struct PreviewOpenParams {
        /// Where.
        pub session_id: SessionId,
        /// What to show.
        pub source: PreviewSource,
    }

    /// Closes a preview.
    pub struct PreviewCloseParams {
        /// Which.
        pub token: String,
    }

    /// Names a deployment.
    pub struct DeploymentParams {
        /// Which.
        pub deployment_id: DeploymentId,
    }

    /// Settings with what is wrong in their file.
    pub struct SettingsResponse {
        /// As in force.
        pub settings: Settings,
        /// The file.
        pub path: String,
        /// The file could not be read; defaults are in force and the file is left as it is.
        pub problem: Option<crate::AppError>,
    }

    /// Replaces the settings.
    pub struct SettingsSaveParams {
        /// All of them.
        pub settings: Settings,
    }

    /// Keeps the key of a profile.
    pub struct KeySetParams {
        /// The profile.
        pub profile: String,
        /// The key; it never comes back.
        pub key: String,
    }

    /// Forgets the key of a profile.
    pub struct KeyDeleteParams {
        /// The profile.
        pub profile: String,
    }

    /// Chooses where keys are kept.
    pub struct SecretBackendParams {
        /// The choice.
        pub choice: SecretChoice,
    }

    /// Tries a model.
    pub struct ModelTestParams {
        /// The profile as it stands in the form, saved or not.
        pub profile: ModelProfile,
        /// A key to try; the kept one if absent.
        pub key: Option<String>,
    }

    /// Servers on this machine.
    pub struct ModelDiscoverResponse {
        /// What was found.
        pub servers: Vec<crate::LocalServer>,
    }

    /// The end of the log.
    pub struct LogsParams {
        /// At most so many lines.
        pub lines: u32,
    }

    /// Lines of the log, oldest first.
    pub struct LogsResponse {
        /// The file.
        pub path: String,
        /// Its last lines, one JSON object each.
        pub lines: Vec<String>,
    }

    /// A message that waits now.
    pub struct QueuedResponse {
        /// The message.
        pub queued: QueuedMessage,
    }
}

wire_enum! {
    /// Whose changes of a node.
    pub enum ChangeSide {
        /// The agent's, in the turn.
        Turn,
        /// The user's, before the turn.
        User,
    }
}

wire_union! {
    /// What became of a message.
    pub enum TurnStartResponse {
        /// A turn runs.
        Started {
            /// Its node.
            node_id: NodeId,
        },
        /// It waits for the running turn.
        Queued {
            /// As it waits.
            queued: QueuedMessage,
        },
    }

    /// Where to keep keys.
    pub enum SecretChoice {
        /// The keychain of the operating system.
        Keychain,
        /// In memory until the program ends.
        Memory,
        /// A file encrypted with a passphrase; unlocks it if it exists.
        EncryptedFile {
            /// The passphrase; it never comes back.
            passphrase: String,
        },
    }
}
