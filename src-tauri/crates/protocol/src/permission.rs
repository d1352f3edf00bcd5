//! What an agent may do without asking, what it asks for, and how that is answered.

use crate::{DeletedId, FileEntry, ItemId, NodeId, RuleId, SessionId, wire, wire_enum, wire_union};

wire_enum! {
    /// How much a session lets its agent do without asking.
    #[derive(Default)]
    pub enum PermissionMode {
        /// Only tools that change nothing.
        Plan,
        /// What stays inside of the session goes on; what leaves it asks.
        #[default]
        Ask,
        /// Nothing asks, but what the person must see after something untrusted was read.
        Auto,
    }

    /// What a call would do that may need the person's consent.
    pub enum ApprovalAction {
        /// Publish a site on this machine.
        Deploy,
        /// Send something to another machine.
        Send,
        /// Delete files.
        Delete,
    }

    /// Why a call asks.
    pub enum ApprovalReason {
        /// The mode of the session asks for this.
        Mode,
        /// The conversation has read something that may carry instructions of strangers.
        Untrusted,
    }

    /// For how long an answer holds.
    pub enum ApprovalScope {
        /// For this call.
        Once,
        /// For calls like it in this session.
        Session,
        /// For calls like it in every session.
        Always,
    }

    /// How a rule is compared with what a call is about.
    pub enum RuleMatch {
        /// It must be the same, letter for letter.
        Exact,
        /// `*` stands for any text.
        Glob,
    }
}

wire_union! {
    /// How the question stands.
    pub enum ApprovalState {
        /// Nobody has answered.
        Waiting,
        /// The call may go on.
        Allowed {
            /// How long that holds; absent if the mode or a rule that came meanwhile answered.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[ts(optional)]
            scope: Option<ApprovalScope>,
        },
        /// The call may not go on.
        Refused {
            /// What the person tells the model.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[ts(optional)]
            reason: Option<String>,
        },
        /// It ended without an answer: its turn did, or the call would do something else now and asks anew.
        Interrupted,
    }

    /// What the person says.
    pub enum ApprovalAnswer {
        /// Go on.
        Allow {
            /// How long that holds.
            scope: ApprovalScope,
            /// What it holds for: one of the patterns that the question offers. The first of them if absent.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[ts(optional)]
            pattern: Option<RulePattern>,
        },
        /// Do not.
        Refuse {
            /// For the model.
            #[serde(default, skip_serializing_if = "Option::is_none")]
            #[ts(optional)]
            reason: Option<String>,
        },
    }
}

wire! {
    /// What a rule holds for.
    pub struct RulePattern {
        /// How it is compared.
        pub kind: RuleMatch,
        /// The text or the glob.
        pub text: String,
    }

    /// A call that waits, or waited, for the person.
    pub struct Approval {
        /// The item of the call.
        pub call_item: ItemId,
        /// Full tool name.
        pub tool: String,
        /// What it would do.
        pub actions: Vec<ApprovalAction>,
        /// What it is about, whole: the command, the path, the address.
        pub subject: String,
        /// Why it asks.
        pub reason: ApprovalReason,
        /// What was read that is not trusted, the first few.
        pub untrusted: Vec<String>,
        /// The answers that are offered, apart from a refusal.
        pub scopes: Vec<ApprovalScope>,
        /// What a rule can hold for; the first is the narrowest.
        pub patterns: Vec<RulePattern>,
        /// How it stands.
        pub state: ApprovalState,
    }

    /// A call that the person has allowed ahead.
    pub struct PermissionRule {
        /// Its identifier.
        pub id: RuleId,
        /// Full tool name.
        pub tool: String,
        /// What it holds for.
        pub pattern: RulePattern,
        /// The session; every session if absent.
        pub session_id: Option<SessionId>,
        /// It was given in the knowledge that something untrusted had been read, and holds then, too.
        pub covers_untrusted: bool,
        /// When it was given.
        pub made_at: i64,
    }

    /// Answers a question.
    pub struct ApprovalAnswerParams {
        /// Where.
        pub session_id: SessionId,
        /// The item of the question.
        pub item_id: ItemId,
        /// The answer.
        pub answer: ApprovalAnswer,
    }

    /// Changes the mode of a session.
    pub struct SessionModeParams {
        /// Which.
        pub session_id: SessionId,
        /// The new mode, from the next call on.
        pub mode: PermissionMode,
    }

    /// Asks for rules.
    pub struct RuleListParams {
        /// Those of this session; those of every session if absent.
        pub session_id: Option<SessionId>,
    }

    /// Names a rule.
    pub struct RuleParams {
        /// Which.
        pub id: RuleId,
    }

    /// Rules, the oldest first.
    pub struct RuleListResponse {
        /// The rules.
        pub rules: Vec<PermissionRule>,
    }

    /// Names paths of the workspace.
    pub struct FilesParams {
        /// Where.
        pub session_id: SessionId,
        /// Relative to the workspace, with `/`.
        pub paths: Vec<String>,
    }

    /// A file or folder that the person deleted.
    pub struct DeletedFile {
        /// Its identifier in the trash.
        pub id: DeletedId,
        /// As it was, with its path; the size of a folder is 0.
        pub entry: FileEntry,
        /// When it was deleted.
        pub deleted_at: i64,
        /// When it is removed for good.
        pub purge_at: i64,
    }

    /// What the person deleted, the latest first.
    pub struct DeletedFilesResponse {
        /// The files and folders.
        pub files: Vec<DeletedFile>,
    }

    /// Names something in the trash for files.
    pub struct DeletedFileParams {
        /// Where.
        pub session_id: SessionId,
        /// Its identifier in the trash.
        pub id: DeletedId,
    }

    /// Where a file came back.
    pub struct RecoveredFile {
        /// Relative to the workspace, with `/`; another name than before if that one is taken now.
        pub path: String,
    }

    /// Asks for deleted files of a turn.
    pub struct BringBackParams {
        /// Where.
        pub session_id: SessionId,
        /// The node whose turn deleted them.
        pub node_id: NodeId,
        /// These; all that the turn deleted and that are not there now, if absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        pub paths: Option<Vec<String>>,
    }
}
