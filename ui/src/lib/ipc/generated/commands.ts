// Made from the protocol crate by `npm run bindings`. Do not edit.

import type {
  AppInfo,
  ApprovalAnswerParams,
  ArchiveListParams,
  ArchiveListing,
  BringBackParams,
  CompareFileParams,
  CompareParams,
  CompareResponse,
  ConnectionReport,
  ContactListResponse,
  DeletedFileParams,
  DeletedFilesResponse,
  DeploymentParams,
  DiffParams,
  Empty,
  ExportCancelParams,
  ExportReport,
  FileContent,
  FileDiff,
  FileFacts,
  FileHistoryResponse,
  FileListResponse,
  FileParams,
  FileReadParams,
  FilesParams,
  FillDisplayParams,
  HistoryUsage,
  ImportCancelParams,
  ImportParams,
  ImportPlan,
  ImportPlanParams,
  ImportReport,
  Item,
  KeyDeleteParams,
  KeySetParams,
  LinkParams,
  LogsParams,
  LogsResponse,
  ModelDiscoverResponse,
  ModelTestParams,
  NetworkResponse,
  NetworkSetParams,
  NodeChanges,
  NodeExportParams,
  NodeFileParams,
  NodeFolderParams,
  NodeLabelParams,
  NodeParams,
  NodeSummary,
  PathsResponse,
  PickSaveParams,
  PosterKeepParams,
  PptxPdfParams,
  PreviewCloseParams,
  PreviewDescribeParams,
  PreviewHandle,
  PreviewOpenParams,
  PreviewReadParams,
  PreviewWarmParams,
  ProcessListResponse,
  ProcessParams,
  PythonCreateParams,
  PythonStatus,
  QueueRemoveParams,
  RecoveredFile,
  RestoreOutcome,
  RestoreParams,
  RestorePlan,
  RevertPlan,
  RuleListParams,
  RuleListResponse,
  RuleParams,
  SecretBackendParams,
  SecretStatus,
  SessionConfigureParams,
  SessionCreateParams,
  SessionDetail,
  SessionListParams,
  SessionListResponse,
  SessionModeParams,
  SessionMoveFolderParams,
  SessionParams,
  SessionRenameParams,
  SessionSummary,
  SettingsResponse,
  SettingsSaveParams,
  SlidePictureParams,
  SlidePicturesStopParams,
  TableCloseParams,
  TableHandle,
  TableOpenParams,
  TableRows,
  TableRowsParams,
  Thumbnail,
  ThumbnailParams,
  TidyReport,
  TimelineResponse,
  TrashListResponse,
  TurnEditParams,
  TurnPage,
  TurnPageParams,
  TurnStartParams,
  TurnStartResponse,
  TurnSteerParams,
  WindowAttachParams,
} from "./protocol";

/** Every request that a window can make, with its parameters and its answer. */
export interface Commands {
  /** About this program, its tools and its sandbox. */
  app_info: { params: Empty; response: AppInfo };
  /** Lists sessions. */
  session_list: { params: SessionListParams; response: SessionListResponse };
  /** Makes a session. */
  session_create: { params: SessionCreateParams; response: SessionSummary };
  /** Everything to show a session. */
  session_open: { params: SessionParams; response: SessionDetail };
  /** Names a session. */
  session_rename: { params: SessionRenameParams; response: SessionSummary };
  /** Tells a session where its folder is now; nothing in either place is touched. */
  session_move_folder: { params: SessionMoveFolderParams; response: SessionSummary };
  /** Changes model or limits of a session. */
  session_configure: { params: SessionConfigureParams; response: SessionSummary };
  /** Changes what the agent of a session may do without asking. */
  session_set_mode: { params: SessionModeParams; response: SessionSummary };
  /** Answers a call that asks; the first answer holds. */
  approval_answer: { params: ApprovalAnswerParams; response: Item };
  /** Rules of permission of a session, or of every session. */
  rule_list: { params: RuleListParams; response: RuleListResponse };
  /** Takes a rule of permission away. */
  rule_remove: { params: RuleParams; response: Empty };
  /** Earlier turns of the conversation. */
  turn_page: { params: TurnPageParams; response: TurnPage };
  /** Moves a session to the trash. */
  session_delete: { params: SessionParams; response: SessionSummary };
  /** Takes a session out of the trash. */
  session_recover: { params: SessionParams; response: SessionSummary };
  /** Removes a session of the trash for good; a folder of the user stays. */
  session_purge: { params: SessionParams; response: Empty };
  /** Sends a message; it waits if a turn runs. */
  turn_start: { params: TurnStartParams; response: TurnStartResponse };
  /** Stops the running turn at once. */
  turn_stop: { params: SessionParams; response: Empty };
  /** Answers the message of a node again, as a sibling. */
  turn_retry: { params: NodeParams; response: TurnStartResponse };
  /** Sends an edited message of a node, as a sibling. */
  turn_edit: { params: TurnEditParams; response: TurnStartResponse };
  /** Goes on after an interrupted or failed turn. */
  turn_continue: { params: SessionParams; response: TurnStartResponse };
  /** Speaks to the running turn after its current tool. */
  turn_steer: { params: TurnSteerParams; response: Empty };
  /** Takes back a waiting message. */
  queue_remove: { params: QueueRemoveParams; response: Empty };
  /** Names a node. */
  node_label: { params: NodeLabelParams; response: NodeSummary };
  /** What a node did to the files. */
  node_changes: { params: NodeParams; response: NodeChanges };
  /** The lines of one changed file. */
  node_diff: { params: DiffParams; response: FileDiff };
  /** Goes to a node, files and conversation, to branch from it. */
  node_fork: { params: NodeParams; response: RestoreOutcome };
  /** Saves a copy of a node's files outside, as a zip file or a folder. */
  node_export: { params: NodeExportParams; response: ExportReport };
  /** Calls the saving of a copy off. */
  node_export_cancel: { params: ExportCancelParams; response: Empty };
  /** Entries of a folder as it was at a node. */
  node_file_list: { params: NodeFolderParams; response: FileListResponse };
  /** A part of a file as it was at a node. */
  node_file_read: { params: NodeFileParams; response: FileContent };
  /** What differs between the files of two nodes. */
  node_compare: { params: CompareParams; response: CompareResponse };
  /** The lines of one file that differs between two nodes. */
  node_compare_file: { params: CompareFileParams; response: FileDiff };
  /** Moves a node and all that grew from it to the trash. */
  branch_delete: { params: NodeParams; response: Empty };
  /** Takes a branch out of the trash, with the nodes that it grew from. */
  branch_recover: { params: NodeParams; response: Empty };
  /** Removes a branch of the trash for good. */
  branch_purge: { params: NodeParams; response: Empty };
  /** What lies in the trash of a session. */
  trash_list: { params: SessionParams; response: TrashListResponse };
  /** What a restore would do. */
  restore_plan: { params: RestoreParams; response: RestorePlan };
  /** Restores a node. */
  restore_apply: { params: RestoreParams; response: RestoreOutcome };
  /** Takes the last restore back. */
  restore_undo: { params: SessionParams; response: RestoreOutcome };
  /** Does the restore again that was taken back. */
  restore_redo: { params: SessionParams; response: RestoreOutcome };
  /** What taking back one turn would do to the files. */
  turn_revert_plan: { params: NodeParams; response: RevertPlan };
  /** Takes the files' changes of one turn back, and of no other. */
  turn_revert: { params: NodeParams; response: RestoreOutcome };
  /** How much room the history takes. */
  history_usage: { params: SessionParams; response: HistoryUsage };
  /** Thins and packs the history now. */
  history_tidy: { params: SessionParams; response: TidyReport };
  /** Calls tidying off. */
  history_tidy_cancel: { params: SessionParams; response: Empty };
  /** Entries of a folder of the workspace. */
  file_list: { params: FileParams; response: FileListResponse };
  /** The start of a file of the workspace. */
  file_read: { params: FileReadParams; response: FileContent };
  /** What happened to a file. */
  file_history: { params: FileParams; response: FileHistoryResponse };
  /** Moves files and folders of the workspace to the trash of the session. */
  file_delete: { params: FilesParams; response: DeletedFilesResponse };
  /** What the person deleted. */
  file_trash_list: { params: SessionParams; response: DeletedFilesResponse };
  /** Brings a deleted file or folder back. */
  file_recover: { params: DeletedFileParams; response: RecoveredFile };
  /** Removes a deleted file or folder for good. */
  file_purge: { params: DeletedFileParams; response: Empty };
  /** Brings back what a turn deleted; files that are there now stay as they are. */
  turn_bring_back: { params: BringBackParams; response: RestoreOutcome };
  /** What an import would do. */
  import_plan: { params: ImportPlanParams; response: ImportPlan };
  /** Copies files and folders in. */
  import_start: { params: ImportParams; response: ImportReport };
  /** Calls an import off. */
  import_cancel: { params: ImportCancelParams; response: Empty };
  /** Whom the commands of a session may speak to. */
  network_get: { params: SessionParams; response: NetworkResponse };
  /** Sets whom the commands of a session may speak to, from the next one on. */
  network_set: { params: NetworkSetParams; response: NetworkResponse };
  /** Whom the commands of a session spoke to, or tried to. */
  contact_list: { params: SessionParams; response: ContactListResponse };
  /** What runs for the agent, in all sessions. */
  process_list: { params: Empty; response: ProcessListResponse };
  /** Ends a command or kernel and everything that it started. */
  process_end: { params: ProcessParams; response: Empty };
  /** Timed model requests and tool calls of the active path. */
  timeline_list: { params: SessionParams; response: TimelineResponse };
  /** Opens an isolated preview. */
  preview_open: { params: PreviewOpenParams; response: PreviewHandle };
  /** Closes a preview; its address dies. */
  preview_close: { params: PreviewCloseParams; response: Empty };
  /** Reads ahead what an opened preview of a moment will be asked for. */
  preview_warm: { params: PreviewWarmParams; response: Empty };
  /** What a file or folder of any source is. */
  preview_describe: { params: PreviewDescribeParams; response: FileFacts };
  /** The start of a file of any source. */
  preview_read: { params: PreviewReadParams; response: FileContent };
  /** Opens a table; answers as soon as its first rows are read. */
  table_open: { params: TableOpenParams; response: TableHandle };
  /** Rows of an opened table. */
  table_rows: { params: TableRowsParams; response: TableRows };
  /** Closes a table; what is still being counted is called off. */
  table_close: { params: TableCloseParams; response: Empty };
  /** What is in an archive. */
  archive_list: { params: ArchiveListParams; response: ArchiveListing };
  /** A small picture of a file. */
  thumbnail_get: { params: ThumbnailParams; response: Thumbnail };
  /** Keeps a frame of a film as its small picture. */
  poster_keep: { params: PosterKeepParams; response: Thumbnail };
  /** A small picture of one slide. The first of a content begins to draw all of its slides; each answers when its own is drawn. */
  slide_picture_get: { params: SlidePictureParams; response: Thumbnail };
  /** Calls off drawing slides that nobody else waits for. */
  slide_pictures_stop: { params: SlidePicturesStopParams; response: Empty };
  /** Slides as a PDF made by an installed office program, opened as a preview. */
  pptx_pdf: { params: PptxPdfParams; response: PreviewHandle };
  /** Settings as in force. */
  settings_get: { params: Empty; response: SettingsResponse };
  /** Replaces the settings. */
  settings_save: { params: SettingsSaveParams; response: SettingsResponse };
  /** Where keys are kept, and whose are known. */
  secret_status: { params: Empty; response: SecretStatus };
  /** Chooses where keys are kept. */
  secret_choose: { params: SecretBackendParams; response: SecretStatus };
  /** Keeps a key. */
  key_set: { params: KeySetParams; response: SecretStatus };
  /** Forgets a key. */
  key_delete: { params: KeyDeleteParams; response: SecretStatus };
  /** Tries a model and reports what it found. */
  model_test: { params: ModelTestParams; response: ConnectionReport };
  /** Looks for model servers on this machine. */
  model_discover: { params: Empty; response: ModelDiscoverResponse };
  /** The Python environment, and which kernel runs Python. */
  python_status: { params: Empty; response: PythonStatus };
  /** Makes the Python environment, or a new one; progress comes as events. */
  python_create: { params: PythonCreateParams; response: PythonStatus };
  /** Calls making the Python environment off. */
  python_cancel: { params: Empty; response: Empty };
  /** The end of the log. */
  logs_read: { params: LogsParams; response: LogsResponse };
  /** Streams numbered events to the given channel, from a number on. */
  window_attach: { params: WindowAttachParams; response: Empty };
  /** Asks the user for files with the system's dialog. */
  window_pick_files: { params: Empty; response: PathsResponse };
  /** Asks the user for a folder with the system's dialog. */
  window_pick_folder: { params: Empty; response: PathsResponse };
  /** Asks the user with the system's dialog where a zip file is to be saved; a file that is there is asked about there. */
  window_pick_save: { params: PickSaveParams; response: PathsResponse };
  /** Opens a deployed site in the system's browser. */
  window_open_deployment: { params: DeploymentParams; response: Empty };
  /** Opens an http or https address in the system's browser. */
  window_open_link: { params: LinkParams; response: Empty };
  /** Opens a file of the workspace with the system's program for it. */
  window_open_file: { params: FileParams; response: Empty };
  /** Shows a file of the workspace in the system's file manager. */
  window_reveal_file: { params: FileParams; response: Empty };
  /** Shows the log files in the system's file manager. */
  window_reveal_logs: { params: Empty; response: Empty };
  /** Makes the window as large as the display, or gives it back the size it had before. */
  window_fill_display: { params: FillDisplayParams; response: Empty };
}
