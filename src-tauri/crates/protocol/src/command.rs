//! The command table: every request that a window can make of the engine, declared once.
//!
//! The table makes the [`CommandHandler`] trait, so that a command without a handler and a handler without a
//! command do not compile; [`COMMANDS`], from which permissions and TypeScript are made; and [`dispatch`].

use serde_json::Value;

#[allow(clippy::wildcard_imports, reason = "the table names nearly every type of the crate")]
use crate::*;

/// One row of the command table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandSpec {
    /// `<resource>_<verb>`.
    pub name: &'static str,
    /// Name of the parameter type.
    pub params: &'static str,
    /// Name of the answer's type.
    pub response: &'static str,
    /// What it does.
    pub summary: &'static str,
}

macro_rules! commands {
    ($($(#[doc = $summary:literal])* $name:ident($params:ident) -> $response:ident;)*) => {
        /// Every command, in the order of the table.
        pub const COMMANDS: &[CommandSpec] = &[$(CommandSpec {
            name: stringify!($name),
            params: stringify!($params),
            response: stringify!($response),
            summary: concat!($($summary),*),
        }),*];

        /// Answers every command of the table.
        pub trait CommandHandler: Send + Sync {
            $($(#[doc = $summary])* fn $name(&self, params: $params) -> impl Future<Output = Result<$response, AppError>> + Send;)*
        }

        /// Shows a visitor every type that a command takes or gives, for the TypeScript bindings.
        pub fn visit_command_types(visitor: &mut impl ts_rs::TypeVisitor) {
            $(visitor.visit::<$params>(); visitor.visit::<$response>();)*
            visit_window_types(visitor);
        }

        /// Answers the command of that name with JSON; an unknown name or wrong parameters are an error.
        pub async fn dispatch<H: CommandHandler>(handler: &H, command: &str, params: Value) -> Result<Value, AppError> {
            match command {
                $(stringify!($name) => {
                    let params: $params = serde_json::from_value(params).map_err(|error| {
                        AppError::new(format!("The parameters of {command} are wrong: {error}."))
                    })?;
                    let response = handler.$name(params).await?;
                    serde_json::to_value(response).map_err(|error| {
                        AppError::new(format!("The answer of {command} cannot be written.")).with_detail(error.to_string())
                    })
                })*
                _ => Err(AppError::new(format!("There is no command named {command}.")).with_code(ErrorCode::NotFound)),
            }
        }
    };
}

commands! {
    /// About this program, its tools and its sandbox.
    app_info(Empty) -> AppInfo;

    /// Lists sessions.
    session_list(SessionListParams) -> SessionListResponse;
    /// Makes a session.
    session_create(SessionCreateParams) -> SessionSummary;
    /// Everything to show a session.
    session_open(SessionParams) -> SessionDetail;
    /// Names a session.
    session_rename(SessionRenameParams) -> SessionSummary;
    /// Tells a session where its folder is now; nothing in either place is touched.
    session_move_folder(SessionMoveFolderParams) -> SessionSummary;
    /// Changes model or limits of a session.
    session_configure(SessionConfigureParams) -> SessionSummary;
    /// Changes what the agent of a session may do without asking.
    session_set_mode(SessionModeParams) -> SessionSummary;
    /// Answers a call that asks; the first answer holds.
    approval_answer(ApprovalAnswerParams) -> Item;
    /// Rules of permission of a session, or of every session.
    rule_list(RuleListParams) -> RuleListResponse;
    /// Takes a rule of permission away.
    rule_remove(RuleParams) -> Empty;
    /// Earlier turns of the conversation.
    turn_page(TurnPageParams) -> TurnPage;
    /// Moves a session to the trash.
    session_delete(SessionParams) -> SessionSummary;
    /// Takes a session out of the trash.
    session_recover(SessionParams) -> SessionSummary;
    /// Removes a session of the trash for good; a folder of the user stays.
    session_purge(SessionParams) -> Empty;

    /// Sends a message; it waits if a turn runs.
    turn_start(TurnStartParams) -> TurnStartResponse;
    /// Stops the running turn at once.
    turn_stop(SessionParams) -> Empty;
    /// Answers the message of a node again, as a sibling.
    turn_retry(NodeParams) -> TurnStartResponse;
    /// Sends an edited message of a node, as a sibling.
    turn_edit(TurnEditParams) -> TurnStartResponse;
    /// Goes on after an interrupted or failed turn.
    turn_continue(SessionParams) -> TurnStartResponse;
    /// Speaks to the running turn after its current tool.
    turn_steer(TurnSteerParams) -> Empty;
    /// Takes back a waiting message.
    queue_remove(QueueRemoveParams) -> Empty;

    /// Names a node.
    node_label(NodeLabelParams) -> NodeSummary;
    /// What a node did to the files.
    node_changes(NodeParams) -> NodeChanges;
    /// The lines of one changed file.
    node_diff(DiffParams) -> FileDiff;
    /// Goes to a node, files and conversation, to branch from it.
    node_fork(NodeParams) -> RestoreOutcome;
    /// Saves a copy of a node's files outside, as a zip file or a folder.
    node_export(NodeExportParams) -> ExportReport;
    /// Calls the saving of a copy off.
    node_export_cancel(ExportCancelParams) -> Empty;

    /// Entries of a folder as it was at a node.
    node_file_list(NodeFolderParams) -> FileListResponse;
    /// A part of a file as it was at a node.
    node_file_read(NodeFileParams) -> FileContent;
    /// What differs between the files of two nodes.
    node_compare(CompareParams) -> CompareResponse;
    /// The lines of one file that differs between two nodes.
    node_compare_file(CompareFileParams) -> FileDiff;

    /// Moves a node and all that grew from it to the trash.
    branch_delete(NodeParams) -> Empty;
    /// Takes a branch out of the trash, with the nodes that it grew from.
    branch_recover(NodeParams) -> Empty;
    /// Removes a branch of the trash for good.
    branch_purge(NodeParams) -> Empty;
    /// What lies in the trash of a session.
    trash_list(SessionParams) -> TrashListResponse;

    /// What a restore would do.
    restore_plan(RestoreParams) -> RestorePlan;
    /// Restores a node.
    restore_apply(RestoreParams) -> RestoreOutcome;
    /// Takes the last restore back.
    restore_undo(SessionParams) -> RestoreOutcome;
    /// Does the restore again that was taken back.
    restore_redo(SessionParams) -> RestoreOutcome;

    /// What taking back one turn would do to the files.
    turn_revert_plan(NodeParams) -> RevertPlan;
    /// Takes the files' changes of one turn back, and of no other.
    turn_revert(NodeParams) -> RestoreOutcome;

    /// How much room the history takes.
    history_usage(SessionParams) -> HistoryUsage;
    /// Thins and packs the history now.
    history_tidy(SessionParams) -> TidyReport;
    /// Calls tidying off.
    history_tidy_cancel(SessionParams) -> Empty;

    /// Entries of a folder of the workspace.
    file_list(FileParams) -> FileListResponse;
    /// The start of a file of the workspace.
    file_read(FileReadParams) -> FileContent;
    /// What happened to a file.
    file_history(FileParams) -> FileHistoryResponse;
    /// Moves files and folders of the workspace to the trash of the session.
    file_delete(FilesParams) -> DeletedFilesResponse;
    /// What the person deleted.
    file_trash_list(SessionParams) -> DeletedFilesResponse;
    /// Brings a deleted file or folder back.
    file_recover(DeletedFileParams) -> RecoveredFile;
    /// Removes a deleted file or folder for good.
    file_purge(DeletedFileParams) -> Empty;
    /// Brings back what a turn deleted; files that are there now stay as they are.
    turn_bring_back(BringBackParams) -> RestoreOutcome;
    /// What an import would do.
    import_plan(ImportPlanParams) -> ImportPlan;
    /// Copies files and folders in.
    import_start(ImportParams) -> ImportReport;
    /// Calls an import off.
    import_cancel(ImportCancelParams) -> Empty;

    /// Whom the commands of a session may speak to.
    network_get(SessionParams) -> NetworkResponse;
    /// Sets whom the commands of a session may speak to, from the next one on.
    network_set(NetworkSetParams) -> NetworkResponse;
    /// Whom the commands of a session spoke to, or tried to.
    contact_list(SessionParams) -> ContactListResponse;

    /// What runs for the agent, in all sessions.
    process_list(Empty) -> ProcessListResponse;
    /// Ends a command or kernel and everything that it started.
    process_end(ProcessParams) -> Empty;

    /// Timed model requests and tool calls of the active path.
    timeline_list(SessionParams) -> TimelineResponse;

    /// Opens an isolated preview.
    preview_open(PreviewOpenParams) -> PreviewHandle;
    /// Closes a preview; its address dies.
    preview_close(PreviewCloseParams) -> Empty;
    /// Reads ahead what an opened preview of a moment will be asked for.
    preview_warm(PreviewWarmParams) -> Empty;
    /// What a file or folder of any source is.
    preview_describe(PreviewDescribeParams) -> FileFacts;
    /// The start of a file of any source.
    preview_read(PreviewReadParams) -> FileContent;
    /// Opens a table; answers as soon as its first rows are read.
    table_open(TableOpenParams) -> TableHandle;
    /// Rows of an opened table.
    table_rows(TableRowsParams) -> TableRows;
    /// Closes a table; what is still being counted is called off.
    table_close(TableCloseParams) -> Empty;
    /// What is in an archive.
    archive_list(ArchiveListParams) -> ArchiveListing;
    /// A small picture of a file.
    thumbnail_get(ThumbnailParams) -> Thumbnail;
    /// Keeps a frame of a film as its small picture.
    poster_keep(PosterKeepParams) -> Thumbnail;
    /// A small picture of one slide. The first of a content begins to draw all of its slides; each answers when its own
    /// is drawn.
    slide_picture_get(SlidePictureParams) -> Thumbnail;
    /// Calls off drawing slides that nobody else waits for.
    slide_pictures_stop(SlidePicturesStopParams) -> Empty;
    /// Slides as a PDF made by an installed office program, opened as a preview.
    pptx_pdf(PptxPdfParams) -> PreviewHandle;

    /// Settings as in force.
    settings_get(Empty) -> SettingsResponse;
    /// Replaces the settings.
    settings_save(SettingsSaveParams) -> SettingsResponse;
    /// Where keys are kept, and whose are known.
    secret_status(Empty) -> SecretStatus;
    /// Chooses where keys are kept.
    secret_choose(SecretBackendParams) -> SecretStatus;
    /// Keeps a key.
    key_set(KeySetParams) -> SecretStatus;
    /// Forgets a key.
    key_delete(KeyDeleteParams) -> SecretStatus;

    /// Tries a model and reports what it found.
    model_test(ModelTestParams) -> ConnectionReport;
    /// Looks for model servers on this machine.
    model_discover(Empty) -> ModelDiscoverResponse;

    /// The Python environment, and which kernel runs Python.
    python_status(Empty) -> PythonStatus;
    /// Makes the Python environment, or a new one; progress comes as events.
    python_create(PythonCreateParams) -> PythonStatus;
    /// Calls making the Python environment off.
    python_cancel(Empty) -> Empty;

    /// The end of the log.
    logs_read(LogsParams) -> LogsResponse;
}

macro_rules! window_commands {
    ($($(#[doc = $summary:literal])* $variant:ident = $name:literal ($params:ident) -> $response:ident;)*) => {
        /// Requests that only a window answers, with the shell's own means. The shell matches on them, so that one
        /// without a handler does not compile.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum WindowCommand {
            $($(#[doc = $summary])* $variant),*
        }

        impl WindowCommand {
            /// The command of that name.
            pub fn named(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }

        fn visit_window_types(visitor: &mut impl ts_rs::TypeVisitor) {
            $(visitor.visit::<$params>(); visitor.visit::<$response>();)*
            visitor.visit::<NumberedEvent>();
        }

        /// Every request that only a window answers.
        pub const WINDOW_COMMANDS: &[CommandSpec] = &[$(CommandSpec {
            name: $name,
            params: stringify!($params),
            response: stringify!($response),
            summary: concat!($($summary),*),
        }),*];
    };
}

window_commands! {
    /// Streams numbered events to the given channel, from a number on.
    Attach = "window_attach"(WindowAttachParams) -> Empty;
    /// Asks the user for files with the system's dialog.
    PickFiles = "window_pick_files"(Empty) -> PathsResponse;
    /// Asks the user for a folder with the system's dialog.
    PickFolder = "window_pick_folder"(Empty) -> PathsResponse;
    /// Asks the user with the system's dialog where a zip file is to be saved; a file that is there is asked about there.
    PickSave = "window_pick_save"(PickSaveParams) -> PathsResponse;
    /// Opens a deployed site in the system's browser.
    OpenDeployment = "window_open_deployment"(DeploymentParams) -> Empty;
    /// Opens an http or https address in the system's browser.
    OpenLink = "window_open_link"(LinkParams) -> Empty;
    /// Opens a file of the workspace with the system's program for it.
    OpenFile = "window_open_file"(FileParams) -> Empty;
    /// Shows a file of the workspace in the system's file manager.
    RevealFile = "window_reveal_file"(FileParams) -> Empty;
    /// Shows the log files in the system's file manager.
    RevealLogs = "window_reveal_logs"(Empty) -> Empty;
    /// Makes the window as large as the display, or gives it back the size it had before.
    FillDisplay = "window_fill_display"(FillDisplayParams) -> Empty;
}

wire! {
    /// From which event on the window wants to hear; the channel travels beside it.
    pub struct WindowAttachParams {
        /// The last number that the window has seen; 0 for the start.
        pub after: u64,
    }

    /// Where to save a file.
    pub struct PickSaveParams {
        /// The name that is offered.
        pub name: String,
    }

    /// Whether the window fills the display.
    pub struct FillDisplayParams {
        /// It does; what the user made that large himself is left so by a `false`.
        pub on: bool,
    }

    /// Paths that the user picked; empty if the dialog was closed.
    pub struct PathsResponse {
        /// Absolute.
        pub paths: Vec<String>,
    }

    /// An address to open outside.
    pub struct LinkParams {
        /// `http` or `https`.
        pub url: String,
    }
}
