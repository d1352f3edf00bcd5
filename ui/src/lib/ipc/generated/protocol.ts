// Made from the protocol crate by `npm run bindings`. Do not edit.

/**
 * What failed (`message`, which names it), what to do (`hint`), and the cause for experts (`detail`).
 */
export type AppError = { 
/**
 * Present only if a window branches on it.
 */
code?: ErrorCode, 
/**
 * What failed, naming it.
 */
message: string, 
/**
 * What the person can do.
 */
hint?: string, 
/**
 * The technical cause.
 */
detail?: string, };

/**
 * What happens outside of a turn, at a low rate.
 */
export type AppEvent = { "type": "sessionChanged", 
/**
 * As the list shows it.
 */
summary: SessionSummary, } | { "type": "sessionRemoved", 
/**
 * Which.
 */
sessionId: SessionId, } | { "type": "workspaceChanged", 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * Relative paths; empty means that anything may have changed.
 */
paths: Array<string>, } | { "type": "queueChanged", 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * All of it.
 */
queue: Array<QueuedMessage>, } | { "type": "todosChanged", 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * All of it.
 */
todos: Array<Todo>, } | { "type": "deployed", 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * The new version.
 */
deployment: Deployment, } | { "type": "treeChanged", 
/**
 * Where.
 */
sessionId: SessionId, } | { "type": "importProgress", 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * How far.
 */
progress: ImportProgress, } | { "type": "exportProgress", 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * How far.
 */
progress: ExportProgress, } | { "type": "historyTidying", 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * What it is at.
 */
stage: TidyStage, } | { "type": "historyTidied", 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * What was done.
 */
report: TidyReport, } | { "type": "pythonProgress", 
/**
 * How far, in words; empty when it has ended.
 */
message: string, } | { "type": "contactMade", 
/**
 * How it went.
 */
contact: Contact, } | { "type": "networkChanged", 
/**
 * Which.
 */
sessionId: SessionId, 
/**
 * As in force.
 */
policy: NetworkPolicy, } | { "type": "processesChanged", 
/**
 * All of it, oldest first.
 */
processes: Array<ProcessInfo>, } | { "type": "rulesChanged" } | { "type": "deletedFilesChanged", 
/**
 * Where.
 */
sessionId: SessionId, } | { "type": "tableIndexed", 
/**
 * Which.
 */
id: TableId, 
/**
 * Rows below the first one that were found so far.
 */
rows: number, 
/**
 * Bytes that were read so far.
 */
bytes: number, 
/**
 * Bytes in all.
 */
size: number, 
/**
 * Everything is counted, or counting ended by an error or because the table was closed.
 */
done: boolean, } | { "type": "settingsChanged" };

/**
 * About this program.
 */
export type AppInfo = { 
/**
 * Version.
 */
version: string, 
/**
 * Where all data lies.
 */
dataFolder: string, 
/**
 * Where the log files lie.
 */
logFolder: string, 
/**
 * Where deployed sites are served; absent if the port was taken.
 */
deploymentAddress: string | null, 
/**
 * Why sites are not served.
 */
deploymentError: string | null, 
/**
 * The tools of the contract.
 */
tools: Array<ToolStatus>, 
/**
 * How agent code is held.
 */
sandbox: SandboxStatus, 
/**
 * Profiles that come from the environment rather than the settings file.
 */
environmentProfile: string | null, };

/**
 * How the window looks.
 */
export type Appearance = { 
/**
 * Colours.
 */
theme: Theme, 
/**
 * Language.
 */
language: Language, };

/**
 * A call that waits, or waited, for the person.
 */
export type Approval = { 
/**
 * The item of the call.
 */
callItem: ItemId, 
/**
 * Full tool name.
 */
tool: string, 
/**
 * What it would do.
 */
actions: Array<ApprovalAction>, 
/**
 * What it is about, whole: the command, the path, the address.
 */
subject: string, 
/**
 * Why it asks.
 */
reason: ApprovalReason, 
/**
 * What was read that is not trusted, the first few.
 */
untrusted: Array<string>, 
/**
 * The answers that are offered, apart from a refusal.
 */
scopes: Array<ApprovalScope>, 
/**
 * What a rule can hold for; the first is the narrowest.
 */
patterns: Array<RulePattern>, 
/**
 * How it stands.
 */
state: ApprovalState, };

/**
 * What a call would do that may need the person's consent.
 */
export type ApprovalAction = "deploy" | "send" | "delete";

/**
 * What the person says.
 */
export type ApprovalAnswer = { "type": "allow", 
/**
 * How long that holds.
 */
scope: ApprovalScope, 
/**
 * What it holds for: one of the patterns that the question offers. The first of them if absent.
 */
pattern?: RulePattern, } | { "type": "refuse", 
/**
 * For the model.
 */
reason?: string, };

/**
 * Answers a question.
 */
export type ApprovalAnswerParams = { 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * The item of the question.
 */
itemId: ItemId, 
/**
 * The answer.
 */
answer: ApprovalAnswer, };

/**
 * Why a call asks.
 */
export type ApprovalReason = "mode" | "untrusted";

/**
 * For how long an answer holds.
 */
export type ApprovalScope = "once" | "session" | "always";

/**
 * How the question stands.
 */
export type ApprovalState = { "type": "waiting" } | { "type": "allowed", 
/**
 * How long that holds; absent if the mode or a rule that came meanwhile answered.
 */
scope?: ApprovalScope, } | { "type": "refused", 
/**
 * What the person tells the model.
 */
reason?: string, } | { "type": "interrupted" };

/**
 * An entry of an archive.
 */
export type ArchiveEntry = { 
/**
 * As the archive names it.
 */
path: string, 
/**
 * Bytes when it is unpacked, as the archive says.
 */
size: number, 
/**
 * Bytes in the archive, if it keeps them apart.
 */
packed: number | null, 
/**
 * It is a folder.
 */
folder: boolean, 
/**
 * Last change, if the archive says when.
 */
modifiedAt: number | null, };

/**
 * Asks what is in an archive.
 */
export type ArchiveListParams = { 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * The file.
 */
source: PreviewSource, 
/**
 * Who looks: a newer request of the same viewer calls the older one off.
 */
viewer?: string, };

/**
 * What is in an archive. Nothing of it is unpacked.
 */
export type ArchiveListing = { 
/**
 * The first 10,000 entries, or as many as have 2 MB of names, in the archive's order.
 */
entries: Array<ArchiveEntry>, 
/**
 * Entries in all, as far as it was read.
 */
total: number, 
/**
 * Bytes when it is unpacked, as it says itself, as far as it was read.
 */
unpacked: number, 
/**
 * There is more than is listed.
 */
truncated: boolean, 
/**
 * What to know about it, a sentence each: encrypted, leads outside, would be a bomb.
 */
notes: Array<string>, };

/**
 * Something worth showing.
 */
export type Artifact = { 
/**
 * What it is.
 */
kind: ArtifactKind, 
/**
 * Its name for people.
 */
title: string, 
/**
 * Where it lies in the workspace, relative with `/`; or the file of a cut output in the data folder.
 */
path: string, 
/**
 * For a site, where it is served.
 */
url?: string, 
/**
 * For a site, its deployment.
 */
deployment?: DeploymentId, 
/**
 * Bytes, if it is one file.
 */
size?: number, 
/**
 * What it is beyond its bytes.
 */
meta?: ArtifactMeta, 
/**
 * For slides that were made of a page, how true they are to it.
 */
fidelity?: DeckFidelity, 
/**
 * SHA-256 of its content when the call ended, if it is one file of at most 64 MB.
 */
hash?: string, 
/**
 * The node whose snapshot holds it as it was made.
 */
nodeId?: NodeId, };

/**
 * What kind of thing an artifact is, which decides how it is shown.
 */
export type ArtifactKind = "site" | "image" | "audio" | "document" | "table" | "deck" | "output" | "file";

/**
 * What a file is beyond its bytes, by its kind.
 */
export type ArtifactMeta = { "type": "image", 
/**
 * Pixels across.
 */
width: number, 
/**
 * Pixels down.
 */
height: number, 
/**
 * It moves.
 */
animated: boolean, } | { "type": "table", 
/**
 * Rows without the header; absent where counting them would take long.
 */
rows: number | null, 
/**
 * Columns of the first row.
 */
columns: number, 
/**
 * The first row, at most 64 of its cells.
 */
names: Array<string>, 
/**
 * Names of the sheets of a workbook, in its order; empty for a file that is one table.
 */
sheets: Array<string>, } | { "type": "audio", 
/**
 * How long it plays.
 */
seconds: number, 
/**
 * Channels.
 */
channels: number, 
/**
 * Samples a second of one channel.
 */
rate: number, 
/**
 * The loudest sample of each stretch of equal length, from 0 to 1; at most 256.
 */
peaks: Array<number>, } | { "type": "video", 
/**
 * How long it plays.
 */
seconds: number | null, 
/**
 * Pixels across.
 */
width: number, 
/**
 * Pixels down.
 */
height: number, } | { "type": "document", 
/**
 * Pages, where they are fixed.
 */
pages: number | null, 
/**
 * Its title as it says itself.
 */
title: string | null, } | { "type": "deck", 
/**
 * In their order; at most 500.
 */
slides: Array<SlideOutline>, } | { "type": "site", 
/**
 * The title of its first page.
 */
title: string | null, } | { "type": "archive", 
/**
 * Entries.
 */
entries: number, 
/**
 * Bytes when it is unpacked, as it says itself.
 */
unpacked: number, };

/**
 * A file that the user gave with a message.
 */
export type Attachment = { 
/**
 * Relative to the workspace, with `/`.
 */
path: string, 
/**
 * Bytes.
 */
size: number, 
/**
 * Guessed from the name.
 */
mime: string, };

/**
 * What is awaited while nothing arrives.
 */
export type Awaited = { "type": "model", 
/**
 * Its name.
 */
model: string, 
/**
 * The attempt, from 1.
 */
attempt: number, } | { "type": "tool", 
/**
 * Its name.
 */
tool: string, 
/**
 * Its item.
 */
itemId: ItemId, } | { "type": "approval", 
/**
 * The item of the question.
 */
itemId: ItemId, } | { "type": "snapshot" };

/**
 * Asks for deleted files of a turn.
 */
export type BringBackParams = { 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * The node whose turn deleted them.
 */
nodeId: NodeId, 
/**
 * These; all that the turn deleted and that are not there now, if absent.
 */
paths?: Array<string>, };

/**
 * How many files changed.
 */
export type ChangeCounts = { 
/**
 * New files.
 */
added: number, 
/**
 * Changed files.
 */
modified: number, 
/**
 * Vanished files.
 */
deleted: number, };

/**
 * Whether a file appeared, changed or vanished.
 */
export type ChangeKind = "added" | "modified" | "deleted" | "renamed";

/**
 * Whose changes of a node.
 */
export type ChangeSide = "turn" | "user";

/**
 * One thing that was looked at.
 */
export type Check = { 
/**
 * What.
 */
name: string, 
/**
 * How it came out.
 */
status: CheckStatus, 
/**
 * In words.
 */
message: string, 
/**
 * How to get it.
 */
hint?: string, };

/**
 * How good a check came out.
 */
export type CheckStatus = "ok" | "warning" | "failed";

/**
 * What to do with a name that is taken.
 */
export type ClashPolicy = "keepBoth" | "replace" | "skip";

/**
 * Asks for the lines of one file that differs between two nodes.
 */
export type CompareFileParams = { 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * The node that counts as before.
 */
left: NodeId, 
/**
 * The node that counts as after.
 */
right: NodeId, 
/**
 * The file, as the comparison named it.
 */
change: FileChange, };

/**
 * Names two nodes.
 */
export type CompareParams = { 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * The node that counts as before.
 */
left: NodeId, 
/**
 * The node that counts as after.
 */
right: NodeId, };

/**
 * What differs between the files of two nodes.
 */
export type CompareResponse = { 
/**
 * From the left to the right.
 */
changes: Array<FileChange>, 
/**
 * The last node that both grew from; it may be one of the two.
 */
common: NodeId | null, };

/**
 * What a test of a connection found.
 */
export type ConnectionReport = { 
/**
 * Every step worked.
 */
ok: boolean, 
/**
 * Address, key, model, streaming, tools, in this order as far as it came.
 */
checks: Array<Check>, 
/**
 * Models that the endpoint lists.
 */
models: Array<string>, 
/**
 * Milliseconds to the first token.
 */
firstTokenMs: number | null, };

/**
 * One try of agent code to speak to a host, or, beyond as many as are recorded of a call, all that ended alike.
 */
export type Contact = { 
/**
 * Its identifier.
 */
id: ContactId, 
/**
 * Its session.
 */
sessionId: SessionId, 
/**
 * The node whose turn it was in, or the current one of a call by hand.
 */
nodeId: NodeId | null, 
/**
 * The tool call that made it.
 */
itemId: ItemId, 
/**
 * The name or address that was asked for.
 */
host: string, 
/**
 * The port that was asked for.
 */
port: number, 
/**
 * What became of it.
 */
outcome: ContactOutcome, 
/**
 * Why it was refused, failed or was cut.
 */
reason: string | null, 
/**
 * Bytes that left, without the request to the proxy.
 */
sent: number, 
/**
 * Bytes that came.
 */
received: number, 
/**
 * When it began.
 */
startedAt: number, 
/**
 * When it ended.
 */
endedAt: number, 
/**
 * How many others of that call this record stands for, too: it is then the last of them, its bytes are the sum
 * and its times are those of the first and the last.
 */
others: number | null, };

/**
 * One try of agent code to speak to a host.
 */
export type ContactId = string;

/**
 * The contacts of a session.
 */
export type ContactListResponse = { 
/**
 * The latest first, at most a thousand.
 */
contacts: Array<Contact>, };

/**
 * What became of a contact.
 */
export type ContactOutcome = "allowed" | "refused" | "failed";

/**
 * How true a presentation is to the page that it was made of.
 */
export type DeckFidelity = { 
/**
 * The web engine that laid the page out.
 */
engine: string, 
/**
 * In their order.
 */
slides: Array<SlideFidelity>, };

/**
 * A file or folder that the person deleted.
 */
export type DeletedFile = { 
/**
 * Its identifier in the trash.
 */
id: DeletedId, 
/**
 * As it was, with its path; the size of a folder is 0.
 */
entry: FileEntry, 
/**
 * When it was deleted.
 */
deletedAt: number, 
/**
 * When it is removed for good.
 */
purgeAt: number, };

/**
 * Names something in the trash for files.
 */
export type DeletedFileParams = { 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * Its identifier in the trash.
 */
id: DeletedId, };

/**
 * What the person deleted, the latest first.
 */
export type DeletedFilesResponse = { 
/**
 * The files and folders.
 */
files: Array<DeletedFile>, };

/**
 * A file or folder in the trash of a session.
 */
export type DeletedId = string;

/**
 * An immutable version of a site.
 */
export type Deployment = { 
/**
 * Its identifier, also the first label of its host name.
 */
id: DeploymentId, 
/**
 * The folder it was copied from, relative to the workspace.
 */
folder: string, 
/**
 * From 1, counted per folder.
 */
version: number, 
/**
 * Title of its `index.html`, or the folder's name.
 */
title: string, 
/**
 * The node that made it, if it is still there.
 */
nodeId: NodeId | null, 
/**
 * It belongs to the conversation as it stands; one that does not was made on another branch.
 */
onPath: boolean, 
/**
 * When.
 */
deployedAt: number, 
/**
 * Where it is served while the app runs.
 */
url: string, 
/**
 * The snapshot-independent count of its files.
 */
files: number, 
/**
 * Bytes.
 */
size: number, };

/**
 * An immutable version of a site.
 */
export type DeploymentId = string;

/**
 * Names a deployment.
 */
export type DeploymentParams = { 
/**
 * Which.
 */
deploymentId: DeploymentId, };

/**
 * A changed place of a file.
 */
export type DiffHunk = { 
/**
 * First line in the old file, from 1.
 */
oldStart: number, 
/**
 * First line in the new file, from 1.
 */
newStart: number, 
/**
 * The lines.
 */
lines: Array<DiffLine>, };

/**
 * One line of a hunk.
 */
export type DiffLine = { 
/**
 * Kept, came or went.
 */
kind: DiffLineKind, 
/**
 * Without its line end.
 */
text: string, };

/**
 * What became of a line.
 */
export type DiffLineKind = "context" | "added" | "removed";

/**
 * Asks for the lines of one changed file of a node.
 */
export type DiffParams = { 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * Which node.
 */
nodeId: NodeId, 
/**
 * Of the turn, or of the user's hand before it.
 */
side: ChangeSide, 
/**
 * The file.
 */
change: FileChange, };

/**
 * A step of the undo stack that was dropped to save room.
 */
export type DroppedStep = { 
/**
 * What it would have taken back, in words.
 */
title: string, 
/**
 * When it was made.
 */
madeAt: number, 
/**
 * When it was dropped.
 */
droppedAt: number, 
/**
 * Files that it would have brought back and that no node holds, the first few of them.
 */
paths?: Array<string>, 
/**
 * How many there were.
 */
files: number, };

/**
 * Nothing.
 */
export type Empty = Record<symbol, never>;

/**
 * Either kind of event.
 */
export type EngineEvent = { "type": "turn", 
/**
 * Its session.
 */
sessionId: SessionId, 
/**
 * Its node.
 */
nodeId: NodeId, 
/**
 * What happened.
 */
event: TurnEvent, } | { "type": "app", 
/**
 * What happened.
 */
event: AppEvent, } | { "type": "resync" };

/**
 * What an entry of a folder is.
 */
export type EntryKind = "file" | "folder" | "link" | "special";

/**
 * Only the failures on which a window branches.
 */
export type ErrorCode = "readOnly" | "folderMissing" | "notFound" | "unauthorized" | "busy" | "noKeychain" | "locked" | "cancelled" | "limitReached" | "programEnded";

/**
 * Calls the saving of a copy off.
 */
export type ExportCancelParams = { 
/**
 * Which.
 */
exportId: ExportId, };

/**
 * One copy of a node's files that is being saved.
 */
export type ExportId = string;

/**
 * How far the saving of a copy is.
 */
export type ExportProgress = { 
/**
 * Its identifier.
 */
id: ExportId, 
/**
 * Files that are copied.
 */
filesDone: number, 
/**
 * Files in all.
 */
files: number, 
/**
 * Bytes that are copied.
 */
bytesDone: number, 
/**
 * Bytes in all.
 */
bytes: number, };

/**
 * A copy that was saved.
 */
export type ExportReport = { 
/**
 * Where.
 */
path: string, 
/**
 * Files in it.
 */
files: number, 
/**
 * Bytes of their contents.
 */
bytes: number, 
/**
 * Files and folders that have another name in the copy, each with that name: their own is no text or has a backslash,
 * which a zip file cannot say, or the file system takes it for another one's.
 */
renamed?: Array<SkippedFile>, };

/**
 * One changed file, without its lines.
 */
export type FileChange = { 
/**
 * Relative to the workspace, with `/`.
 */
path: string, 
/**
 * The earlier name of a renamed file.
 */
oldPath?: string, 
/**
 * Appeared, changed, vanished, renamed.
 */
kind: ChangeKind, 
/**
 * Bytes before, if it was there.
 */
oldSize: number | null, 
/**
 * Bytes after, if it is there.
 */
newSize: number | null, };

/**
 * The start of a file for the preview.
 */
export type FileContent = { 
/**
 * Relative to the workspace, with `/`.
 */
path: string, 
/**
 * Guessed from name and content.
 */
mime: string, 
/**
 * Bytes of the whole file.
 */
size: number, 
/**
 * The text, if it is text; at most as long as asked for.
 */
text: string | null, 
/**
 * There is more than `text` holds.
 */
truncated: boolean, 
/**
 * SHA-256 of the bytes that were read.
 */
hash: string, };

/**
 * The difference of one file.
 */
export type FileDiff = { 
/**
 * Path relative to the workspace, with `/`.
 */
path: string, 
/**
 * The earlier name of a renamed file.
 */
oldPath?: string, 
/**
 * Appeared, changed or vanished.
 */
kind: ChangeKind, 
/**
 * Lines that came.
 */
additions: number, 
/**
 * Lines that went.
 */
deletions: number, 
/**
 * Not text: there are no hunks.
 */
binary: boolean, 
/**
 * There is more than is shown.
 */
truncated: boolean, 
/**
 * The changed places with three lines around them.
 */
hunks: Array<DiffHunk>, };

/**
 * An entry of a folder.
 */
export type FileEntry = { 
/**
 * Last part of the path.
 */
name: string, 
/**
 * Relative to the workspace, with `/`.
 */
path: string, 
/**
 * What it is.
 */
kind: EntryKind, 
/**
 * Bytes; 0 for folders.
 */
size: number, 
/**
 * Last change.
 */
modifiedAt: number, };

/**
 * What a file or folder is.
 */
export type FileFacts = { 
/**
 * Relative to the workspace, or to the deployment, with `/`.
 */
path: string, 
/**
 * Guessed from name and content; `inode/directory` for a folder.
 */
mime: string, 
/**
 * Bytes; 0 for a folder.
 */
size: number, 
/**
 * Last change; of the snapshot, where that is the source.
 */
modifiedAt: number | null, 
/**
 * SHA-256 of the content; absent for folders and above 64 MB.
 */
hash: string | null, 
/**
 * How it is best shown.
 */
kind: ArtifactKind, 
/**
 * What it is beyond its bytes; absent if nothing is known, or it is broken.
 */
meta: ArtifactMeta | null, 
/**
 * The first 512 bytes in hexadecimal.
 */
head: string, 
/**
 * It reads as text.
 */
text: boolean, 
/**
 * Why there is no `meta` though the kind has one: broken, too large, protected.
 */
problem: string | null, };

/**
 * What happened to one file on the active path, through its earlier names.
 */
export type FileHistoryResponse = { 
/**
 * The latest first.
 */
moments: Array<FileMoment>, 
/**
 * There are earlier ones that are not listed.
 */
truncated: boolean, };

/**
 * A folder's entries: folders first, then by name.
 */
export type FileListResponse = { 
/**
 * The entries.
 */
entries: Array<FileEntry>, 
/**
 * There are more than are listed.
 */
truncated: boolean, };

/**
 * One change of one file.
 */
export type FileMoment = { 
/**
 * The snapshot that holds it.
 */
snapshot: SnapshotId, 
/**
 * The node that it belongs to, if it is still there.
 */
nodeId: NodeId | null, 
/**
 * When it was recorded.
 */
at: number, 
/**
 * Who changed it.
 */
writtenBy: Writer, 
/**
 * Appeared, changed, vanished, renamed.
 */
kind: ChangeKind, 
/**
 * Bytes after the change, if the file was still there.
 */
size: number | null, 
/**
 * The earlier name of a renamed file.
 */
oldPath?: string, };

/**
 * Names a path of the workspace.
 */
export type FileParams = { 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * Relative to the workspace, with `/`; empty is the workspace itself.
 */
path: string, };

/**
 * Reads the start of a file.
 */
export type FileReadParams = { 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * Relative to the workspace, with `/`.
 */
path: string, 
/**
 * At most so many bytes.
 */
maxBytes: number, };

/**
 * Names paths of the workspace.
 */
export type FilesParams = { 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * Relative to the workspace, with `/`.
 */
paths: Array<string>, };

/**
 * Whether the window fills the display.
 */
export type FillDisplayParams = { 
/**
 * It does; what the user made that large himself is left so by a `false`.
 */
on: boolean, };

/**
 * A font that is not there.
 */
export type FontSubstitute = { 
/**
 * What the page asked for.
 */
wanted: string, 
/**
 * What it was laid out with.
 */
used: string, };

/**
 * Limits of the history.
 */
export type HistoryLimits = { 
/**
 * Bytes that the history of one session is to stay under.
 */
sessionBudgetBytes: number, 
/**
 * Bytes that the histories of all sessions are to stay under.
 */
totalBudgetBytes: number, 
/**
 * Files with more bytes are left out of snapshots.
 */
maxFileBytes: number, 
/**
 * Days after which what lies in the trash is removed for good.
 */
trashDays: number, };

/**
 * How much room the history takes.
 */
export type HistoryUsage = { 
/**
 * Bytes on the disk of this session's history.
 */
bytes: number, 
/**
 * What they are to stay under; a setting.
 */
budgetBytes: number, 
/**
 * Of the bytes of this session's history, those of damaged parts that were set aside. They go when the trash's
 * time is over, or when room is needed.
 */
asideBytes: number, 
/**
 * Bytes on the disk of all sessions' histories.
 */
totalBytes: number, 
/**
 * What they are to stay under; a setting.
 */
totalBudgetBytes: number, 
/**
 * Snapshots whose files are there.
 */
snapshots: number, 
/**
 * Nodes whose files were dropped to save room.
 */
thinned: number, 
/**
 * Steps of the undo stack that lead to work by hand which no node holds.
 */
steps: number, 
/**
 * Bytes of the files that differ in them, before compression.
 */
stepsBytes: number, 
/**
 * Steps of the undo stack that were dropped to save room.
 */
stepsDropped: number, };

/**
 * Calls an import off.
 */
export type ImportCancelParams = { 
/**
 * Which.
 */
importId: ImportId, };

/**
 * A name in the workspace that an import would meet.
 */
export type ImportClash = { 
/**
 * The path outside.
 */
source: string, 
/**
 * The path in the workspace, relative with `/`.
 */
target: string, 
/**
 * Both are the same, byte for byte.
 */
identical: boolean, };

/**
 * One import of dropped files.
 */
export type ImportId = string;

/**
 * Limits of an import.
 */
export type ImportLimits = { 
/**
 * Bytes of one file.
 */
maxFileBytes: number, 
/**
 * Bytes in all.
 */
maxTotalBytes: number, 
/**
 * Files in all.
 */
maxFiles: number, };

/**
 * Copies files in.
 */
export type ImportParams = { 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * The caller's name for this import, for progress and cancel.
 */
importId: ImportId, 
/**
 * Absolute paths outside of the workspace.
 */
sources: Array<string>, 
/**
 * The folder in the workspace, relative; empty is the workspace itself.
 */
target: string, 
/**
 * What to do with names that are taken.
 */
clashes: ClashPolicy, };

/**
 * What an import would do.
 */
export type ImportPlan = { 
/**
 * Files to copy.
 */
files: number, 
/**
 * Bytes to copy.
 */
bytes: number, 
/**
 * Names that are taken.
 */
clashes: Array<ImportClash>, 
/**
 * Links, special files and what is over a limit.
 */
skipped: Array<ImportSkip>, };

/**
 * Asks what an import would do.
 */
export type ImportPlanParams = { 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * The caller's name for this import, for progress and cancel.
 */
importId: ImportId, 
/**
 * Absolute paths outside of the workspace.
 */
sources: Array<string>, 
/**
 * The folder in the workspace, relative; empty is the workspace itself.
 */
target: string, };

/**
 * How far an import is. While it is planned, what there is in all grows first; then `files_done` counts
 * the files that were compared with what stands in their place.
 */
export type ImportProgress = { 
/**
 * Its identifier.
 */
id: ImportId, 
/**
 * Files that are there.
 */
filesDone: number, 
/**
 * Files in all.
 */
files: number, 
/**
 * Bytes that are there.
 */
bytesDone: number, 
/**
 * Bytes in all.
 */
bytes: number, 
/**
 * The file at work.
 */
current: string, };

/**
 * What an import did.
 */
export type ImportReport = { 
/**
 * The new files.
 */
imported: Array<Attachment>, 
/**
 * What was left out, and why.
 */
skipped: Array<ImportSkip>, 
/**
 * The user called it off; what was complete by then stays.
 */
cancelled: boolean, };

/**
 * Something that an import leaves out, and why.
 */
export type ImportSkip = { 
/**
 * The path outside.
 */
source: string, 
/**
 * In words for people.
 */
reason: string, };

/**
 * A part of a turn.
 */
export type Item = { 
/**
 * Its identifier.
 */
id: ItemId, 
/**
 * The node it belongs to.
 */
nodeId: NodeId, 
/**
 * Its place in the turn, from 0.
 */
ordinal: number, 
/**
 * The model request of the turn in which it arose, from 0.
 */
step: number, 
/**
 * When it began.
 */
startedAt: number, 
/**
 * When it was complete.
 */
endedAt: number | null, 
/**
 * What it is.
 */
body: ItemBody, };

/**
 * What an item is.
 */
export type ItemBody = { "type": "text", 
/**
 * All of it so far.
 */
text: string, } | { "type": "reasoning", 
/**
 * All of it so far.
 */
text: string, 
/**
 * The provider's proof of the reasoning, sent back to it untouched.
 */
signature?: string, } | { "type": "toolCall" } & ToolCall | { "type": "approval" } & Approval | { "type": "steer", 
/**
 * The message.
 */
text: string, } | { "type": "notice", 
/**
 * How grave it is.
 */
level: NoticeLevel, 
/**
 * What to tell.
 */
text: string, };

/**
 * What is new in an item; the completed item carries the whole, so a lost fragment heals.
 */
export type ItemDelta = { "type": "text", 
/**
 * What is new.
 */
text: string, } | { "type": "arguments", 
/**
 * What is new.
 */
text: string, } | { "type": "output", 
/**
 * What is new.
 */
text: string, };

/**
 * A part of a turn.
 */
export type ItemId = string;

/**
 * Forgets the key of a profile.
 */
export type KeyDeleteParams = { 
/**
 * The profile.
 */
profile: string, };

/**
 * Keeps the key of a profile.
 */
export type KeySetParams = { 
/**
 * The profile.
 */
profile: string, 
/**
 * The key; it never comes back.
 */
key: string, };

/**
 * Whether the key of a profile is known. The key itself never travels.
 */
export type KeyStatus = { 
/**
 * The profile.
 */
profile: string, 
/**
 * There is one.
 */
set: boolean, 
/**
 * It comes from the environment.
 */
fromEnvironment: boolean, };

/**
 * Language of the window.
 */
export type Language = "system" | "en" | "zh";

/**
 * What an earlier run of the program left, which was ended at this start.
 */
export type LeftBehind = { 
/**
 * Its owner.
 */
owner: ProcessOwner, 
/**
 * What it was.
 */
title: string, 
/**
 * Processes that still ran and were ended; 0 if all had ended with the program.
 */
ended: number, 
/**
 * Processes that could not be ended.
 */
remaining: number, };

/**
 * An address to open outside.
 */
export type LinkParams = { 
/**
 * `http` or `https`.
 */
url: string, };

/**
 * A model server that was found on this machine.
 */
export type LocalServer = { 
/**
 * Ollama, LM Studio, llama.cpp.
 */
name: string, 
/**
 * Address for a profile.
 */
baseUrl: string, 
/**
 * Models it offers.
 */
models: Array<string>, 
/**
 * How to speak to it.
 */
provider: ProviderKind, };

/**
 * The end of the log.
 */
export type LogsParams = { 
/**
 * At most so many lines.
 */
lines: number, };

/**
 * Lines of the log, oldest first.
 */
export type LogsResponse = { 
/**
 * The file.
 */
path: string, 
/**
 * Its last lines, one JSON object each.
 */
lines: Array<string>, };

/**
 * Servers on this machine.
 */
export type ModelDiscoverResponse = { 
/**
 * What was found.
 */
servers: Array<LocalServer>, };

/**
 * A model that can be chosen.
 */
export type ModelProfile = { 
/**
 * A short name, unique in the settings; also the name of its key in the keychain.
 */
id: string, 
/**
 * For people.
 */
name: string, 
/**
 * How to speak to it.
 */
provider: ProviderKind, 
/**
 * Address, for example `https://models.example/v1`; empty for the demo.
 */
baseUrl: string, 
/**
 * The model's name at the provider.
 */
model: string, 
/**
 * The model takes pictures.
 */
vision: boolean, 
/**
 * Most tokens of one answer; the provider's default if absent.
 */
maxTokens: number | null, 
/**
 * Prices that the user entered; no others exist.
 */
prices: Prices | null, };

/**
 * Tries a model.
 */
export type ModelTestParams = { 
/**
 * The profile as it stands in the form, saved or not.
 */
profile: ModelProfile, 
/**
 * A key to try; the kept one if absent.
 */
key: string | null, };

/**
 * Whom the agent code of a session may speak to. Whatever it says, everything goes through the app's proxy, and
 * private, loopback and link-local addresses are refused unless they are listed themselves.
 */
export type NetworkPolicy = { "type": "off" } | { "type": "hosts", 
/**
 * `example.com` (ports 80 and 443), `*.example.com`, `example.com:8080`, an address, or a range of
 * addresses such as `10.0.0.0/8`.
 */
hosts: Array<string>, } | { "type": "open" };

/**
 * The policy of a session.
 */
export type NetworkResponse = { 
/**
 * As in force.
 */
policy: NetworkPolicy, 
/**
 * Why it cannot be more than `off` on this system.
 */
unavailable: string | null, };

/**
 * Sets whom a session may speak to.
 */
export type NetworkSetParams = { 
/**
 * Which.
 */
sessionId: SessionId, 
/**
 * From the next command on.
 */
policy: NetworkPolicy, };

/**
 * What a node did to the files.
 */
export type NodeChanges = { 
/**
 * By the turn.
 */
byTurn: Array<FileChange>, 
/**
 * By the user's hand, before the turn.
 */
byUser: Array<FileChange>, 
/**
 * Why it cannot be said what the user had changed before the turn, if so.
 */
byUserLost?: string, 
/**
 * What the snapshot does not hold.
 */
skipped: Array<SkippedFile>, };

/**
 * Saves a copy of the files of a node.
 */
export type NodeExportParams = { 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * Which node.
 */
nodeId: NodeId, 
/**
 * The caller's name for this copy, for progress and cancel.
 */
exportId: ExportId, 
/**
 * Absolute path of the copy: a zip file if it ends in `.zip`, else a folder.
 */
target: string, 
/**
 * A file that is there already is replaced.
 */
replace: boolean, };

/**
 * Reads a part of a file as it was at a node.
 */
export type NodeFileParams = { 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * Which node.
 */
nodeId: NodeId, 
/**
 * Relative to the workspace, with `/`.
 */
path: string, 
/**
 * Bytes to leave out at the start.
 */
offset: number, 
/**
 * At most so many bytes.
 */
maxBytes: number, };

/**
 * Names a folder as it was at a node.
 */
export type NodeFolderParams = { 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * Which node.
 */
nodeId: NodeId, 
/**
 * Relative to the workspace, with `/`; empty is the workspace itself.
 */
path: string, };

/**
 * One point of a session tree.
 */
export type NodeId = string;

/**
 * Names a node, or takes its name away.
 */
export type NodeLabelParams = { 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * Which.
 */
nodeId: NodeId, 
/**
 * The name; absent takes it away.
 */
label: string | null, };

/**
 * Names a node.
 */
export type NodeParams = { 
/**
 * Its session.
 */
sessionId: SessionId, 
/**
 * Which.
 */
nodeId: NodeId, };

/**
 * How the turn of a node stands.
 */
export type NodeStatus = "running" | "completed" | "failed" | "interrupted";

/**
 * A node as the tree shows it: nothing of its content but the start of the message.
 */
export type NodeSummary = { 
/**
 * Its identifier.
 */
id: NodeId, 
/**
 * The node it grew from.
 */
parentId: NodeId | null, 
/**
 * The start of the user's message.
 */
title: string, 
/**
 * A name that the user gave.
 */
label: string | null, 
/**
 * When its turn began.
 */
startedAt: number, 
/**
 * When its turn ended.
 */
endedAt: number | null, 
/**
 * How its turn stands.
 */
status: NodeStatus, 
/**
 * The files after the turn.
 */
snapshot: SnapshotId | null, 
/**
 * The files before the turn.
 */
baseSnapshot: SnapshotId | null, 
/**
 * What the turn changed; unknown while it runs.
 */
changes: ChangeCounts | null, 
/**
 * The user changed files by hand before this turn.
 */
userChanges: ChangeCounts | null, 
/**
 * Why the files of this node cannot be restored, if so.
 */
notRestorable: string | null, 
/**
 * When it went to the trash. The tree of a session shows no such node.
 */
deletedAt?: number, 
/**
 * What its own turn read that may carry instructions of strangers, the first few.
 */
untrusted?: Array<string>, 
/**
 * When a copy of its files was saved last; such a node keeps its files.
 */
exportedAt?: number, 
/**
 * `false` for the moment until the files after the turn are safe against a power cut; absent otherwise.
 */
durable?: boolean, 
/**
 * Why what its turn changed can neither be shown nor taken back, if so.
 */
changesLost?: string, };

/**
 * How grave a notice is.
 */
export type NoticeLevel = "info" | "warning" | "error";

/**
 * An event with its number; numbers rise by one within a run of the program.
 */
export type NumberedEvent = { 
/**
 * From 1.
 */
sequence: number, 
/**
 * What happened.
 */
event: EngineEvent, };

/**
 * Paths that the user picked; empty if the dialog was closed.
 */
export type PathsResponse = { 
/**
 * Absolute.
 */
paths: Array<string>, };

/**
 * How much a session lets its agent do without asking.
 */
export type PermissionMode = "plan" | "ask" | "auto";

/**
 * A call that the person has allowed ahead.
 */
export type PermissionRule = { 
/**
 * Its identifier.
 */
id: RuleId, 
/**
 * Full tool name.
 */
tool: string, 
/**
 * What it holds for.
 */
pattern: RulePattern, 
/**
 * The session; every session if absent.
 */
sessionId: SessionId | null, 
/**
 * It was given in the knowledge that something untrusted had been read, and holds then, too.
 */
coversUntrusted: boolean, 
/**
 * When it was given.
 */
madeAt: number, };

/**
 * Where to save a file.
 */
export type PickSaveParams = { 
/**
 * The name that is offered.
 */
name: string, };

/**
 * A part of a slide that became a picture.
 */
export type PicturedPart = { 
/**
 * Which element.
 */
what: string, 
/**
 * What no shape can show.
 */
why: string, };

/**
 * Hands over a frame of a film, which becomes its small picture.
 */
export type PosterKeepParams = { 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * The film.
 */
source: PreviewSource, 
/**
 * SHA-256 of the content that it was drawn of, as `FileFacts` says it.
 */
hash: string, 
/**
 * A PNG of at most 640 × 640 pixels and 1 MB, in base64.
 */
png: string, };

/**
 * Asks for slides as a PDF.
 */
export type PptxPdfParams = { 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * The `.pptx`.
 */
source: PreviewSource, };

/**
 * Closes a preview.
 */
export type PreviewCloseParams = { 
/**
 * Which.
 */
token: string, };

/**
 * Asks what a file or folder is.
 */
export type PreviewDescribeParams = { 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * What to look at.
 */
source: PreviewSource, 
/**
 * Who looks: a newer request of the same viewer calls the older one off.
 */
viewer?: string, };

/**
 * An opened preview.
 */
export type PreviewHandle = { 
/**
 * 128 random bits in hexadecimal; dies with the preview.
 */
token: string, 
/**
 * Address of the first page or file.
 */
url: string, };

/**
 * Opens a preview.
 */
export type PreviewOpenParams = { 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * What to show.
 */
source: PreviewSource, };

/**
 * Reads the start of a file of any source.
 */
export type PreviewReadParams = { 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * The file.
 */
source: PreviewSource, 
/**
 * At most so many bytes.
 */
maxBytes: number, };

/**
 * What a preview shows.
 */
export type PreviewSource = { "type": "live", 
/**
 * Relative to the workspace, with `/`; empty is the workspace itself.
 */
path: string, } | { "type": "deployment", 
/**
 * Which.
 */
id: DeploymentId, } | { "type": "snapshot", 
/**
 * Which node.
 */
nodeId: NodeId, 
/**
 * Relative to the workspace, with `/`; empty is the workspace itself.
 */
path: string, };

/**
 * Reads ahead for a preview.
 */
export type PreviewWarmParams = { 
/**
 * The preview that will be looked at.
 */
token: string, 
/**
 * One that shows the same at another moment: what was asked for there is read ahead here.
 */
like: string | null, };

/**
 * Prices that the user entered, per million tokens.
 */
export type Prices = { 
/**
 * For example `USD`.
 */
currency: string, 
/**
 * Prompt tokens.
 */
input: number, 
/**
 * Prompt tokens from the cache.
 */
cachedInput: number | null, 
/**
 * Answer tokens.
 */
output: number, };

/**
 * One command or kernel that runs.
 */
export type ProcessId = string;

/**
 * One command or kernel with everything that it started.
 */
export type ProcessInfo = { 
/**
 * Our name for it.
 */
id: ProcessId, 
/**
 * Its owner; it ends at the latest with it.
 */
owner: ProcessOwner, 
/**
 * What it is, in words.
 */
title: string, 
/**
 * Of its first process, as the operating system numbers it.
 */
pid: number, 
/**
 * When it began.
 */
startedAt: number, 
/**
 * Milliseconds of processor time of the whole tree.
 */
cpuMs: number, 
/**
 * Bytes of memory of the whole tree; pages that several share may be counted more than once.
 */
memory: number, 
/**
 * Processes of the tree, the app's own two that hold it included.
 */
processes: number, };

/**
 * What runs, and what was left.
 */
export type ProcessListResponse = { 
/**
 * Running, oldest first.
 */
processes: Array<ProcessInfo>, 
/**
 * Of earlier runs that broke off.
 */
leftBehind: Array<LeftBehind>, };

/**
 * To whom a process tree belongs.
 */
export type ProcessOwner = { 
/**
 * The session.
 */
sessionId: SessionId, 
/**
 * The node whose turn started it.
 */
nodeId: NodeId | null, 
/**
 * The tool call that started it; absent for what belongs to the session as a whole.
 */
itemId: ItemId | null, };

/**
 * Names a process tree.
 */
export type ProcessParams = { 
/**
 * Which.
 */
processId: ProcessId, };

/**
 * How to speak to a model.
 */
export type ProviderKind = "demo" | "openAi" | "anthropic";

/**
 * How to make the environment.
 */
export type PythonCreateParams = { 
/**
 * Whether a complete one stays.
 */
renewal: PythonRenewal, };

/**
 * Which kernel runs Python.
 */
export type PythonKernel = "jupyter" | "plain" | "none";

/**
 * A package of the environment.
 */
export type PythonPackage = { 
/**
 * Its name.
 */
name: string, 
/**
 * Its version.
 */
version: string, };

/**
 * Whether an environment that is complete stays.
 */
export type PythonRenewal = "keep" | "replace";

/**
 * How far the environment is.
 */
export type PythonState = "missing" | "creating" | "ready" | "broken";

/**
 * The environment, and which kernel runs Python.
 */
export type PythonStatus = { 
/**
 * How far the environment is.
 */
state: PythonState, 
/**
 * The kernel that a session would get now; while the environment is missing, the one it gets once it is made.
 */
kernel: PythonKernel, 
/**
 * Why it is not Jupyter's.
 */
kernelReason: string | null, 
/**
 * Version of Python: of the environment, or of the system's if there is none yet.
 */
version: string | null, 
/**
 * The folder that the environment lies in.
 */
path: string, 
/**
 * Bytes of the environment.
 */
size: number | null, 
/**
 * What made it.
 */
tool: string | null, 
/**
 * What was asked for when it was made.
 */
packages: Array<PythonPackage>, 
/**
 * What is in the way of making it.
 */
problem: string | null, };

/**
 * A message that waits for the running turn to end.
 */
export type QueueId = string;

/**
 * Takes back a queued message.
 */
export type QueueRemoveParams = { 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * Which.
 */
queueId: QueueId, };

/**
 * A message that waits for the running turn to end.
 */
export type QueuedMessage = { 
/**
 * Its identifier.
 */
id: QueueId, 
/**
 * What the user said.
 */
message: UserMessage, 
/**
 * When it was queued.
 */
queuedAt: number, };

/**
 * Where a file came back.
 */
export type RecoveredFile = { 
/**
 * Relative to the workspace, with `/`; another name than before if that one is taken now.
 */
path: string, };

/**
 * One file that a restore would touch.
 */
export type RestoreChange = { 
/**
 * Relative to the workspace, with `/`.
 */
path: string, 
/**
 * What would happen to the present file.
 */
kind: ChangeKind, 
/**
 * Who wrote the present file last.
 */
writtenBy: Writer, };

/**
 * A step that restore took, for undo.
 */
export type RestoreOutcome = { 
/**
 * Files that were written.
 */
written: number, 
/**
 * Files that were removed.
 */
removed: number, 
/**
 * The snapshot of the present before anything moved.
 */
before: SnapshotId | null, 
/**
 * What stays as it is, and why: this file system cannot hold it, or the snapshot had left it out.
 */
unwritten?: Array<SkippedFile>, 
/**
 * All was so already: nothing moved, and there is no step that undo takes back.
 */
unchanged?: boolean, 
/**
 * Steps of the undo stack that an undo would have come to first, had they not been dropped to save room.
 */
passed?: Array<DroppedStep>, };

/**
 * Goes to a node.
 */
export type RestoreParams = { 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * The node to go to.
 */
nodeId: NodeId, 
/**
 * Files, conversation, or both.
 */
scope: RestoreScope, 
/**
 * Only these files and folders, relative to the workspace, with `/`; all if absent. Needs the scope `files`.
 */
paths?: Array<string>, };

/**
 * What a restore would do.
 */
export type RestorePlan = { 
/**
 * The node to go to.
 */
nodeId: NodeId, 
/**
 * Files, conversation, or both.
 */
scope: RestoreScope, 
/**
 * Files that would be touched; empty for the conversation alone.
 */
changes: Array<RestoreChange>, 
/**
 * Present changes by hand that no node holds yet; they are recorded before anything moves.
 */
unsaved: Array<FileChange>, 
/**
 * Nodes that leave the active path.
 */
turnsLeft: number, 
/**
 * What would stay as it is although it differs, and why.
 */
unwritten?: Array<SkippedFile>, 
/**
 * What the restore would say instead of doing it, as things stand now.
 */
refusal?: AppError, };

/**
 * What a restore brings back.
 */
export type RestoreScope = "all" | "files" | "conversation";

/**
 * A path that keeps a turn from being taken back.
 */
export type RevertConflict = { 
/**
 * Relative to the workspace, with `/`.
 */
path: string, 
/**
 * In words for people.
 */
reason: string, };

/**
 * What taking back one turn, and nothing after it, would do to the files.
 */
export type RevertPlan = { 
/**
 * The node whose turn would be taken back.
 */
nodeId: NodeId, 
/**
 * Files that would be touched.
 */
changes: Array<RestoreChange>, 
/**
 * What keeps it from being done; it is refused unless this is empty.
 */
conflicts: Array<RevertConflict>, 
/**
 * Present changes by hand that no node holds yet; they are recorded before anything moves.
 */
unsaved: Array<FileChange>, 
/**
 * What would stay as it is although it differs, and why.
 */
unwritten?: Array<SkippedFile>, 
/**
 * What taking it back would say instead of doing it, as things stand now; the conflicts included.
 */
refusal?: AppError, };

/**
 * A rule of permission.
 */
export type RuleId = string;

/**
 * Asks for rules.
 */
export type RuleListParams = { 
/**
 * Those of this session; those of every session if absent.
 */
sessionId: SessionId | null, };

/**
 * Rules, the oldest first.
 */
export type RuleListResponse = { 
/**
 * The rules.
 */
rules: Array<PermissionRule>, };

/**
 * How a rule is compared with what a call is about.
 */
export type RuleMatch = "exact" | "glob";

/**
 * Names a rule.
 */
export type RuleParams = { 
/**
 * Which.
 */
id: RuleId, };

/**
 * What a rule holds for.
 */
export type RulePattern = { 
/**
 * How it is compared.
 */
kind: RuleMatch, 
/**
 * The text or the glob.
 */
text: string, };

/**
 * How agent code is held.
 */
export type SandboxStatus = { 
/**
 * There is a boundary, so that commands may run.
 */
available: boolean, 
/**
 * Full or reduced, in words.
 */
mode: string, 
/**
 * Each layer and whether it holds.
 */
layers: Array<Check>, };

/**
 * Where keys are kept.
 */
export type SecretBackend = "keychain" | "encryptedFile" | "memory" | "none";

/**
 * Chooses where keys are kept.
 */
export type SecretBackendParams = { 
/**
 * The choice.
 */
choice: SecretChoice, };

/**
 * Where to keep keys.
 */
export type SecretChoice = { "type": "keychain" } | { "type": "memory" } | { "type": "encryptedFile", 
/**
 * The passphrase; it never comes back.
 */
passphrase: string, };

/**
 * Where keys are kept, and whether that works.
 */
export type SecretStatus = { 
/**
 * What is in use.
 */
backend: SecretBackend, 
/**
 * The keychain passed write, read and delete.
 */
keychainWorks: boolean, 
/**
 * Why it did not.
 */
keychainError: string | null, 
/**
 * An encrypted file exists and waits for its passphrase.
 */
fileLocked: boolean, 
/**
 * Profiles whose key is known, and where it comes from.
 */
keys: Array<KeyStatus>, };

/**
 * Who may write a session from this program.
 */
export type SessionAccess = "write" | "readOnly";

/**
 * Changes the model or the limits of a session.
 */
export type SessionConfigureParams = { 
/**
 * Which.
 */
sessionId: SessionId, 
/**
 * Another model profile.
 */
profile: string | null, 
/**
 * Other limits.
 */
limits: TurnLimits | null, };

/**
 * Makes a session.
 */
export type SessionCreateParams = { 
/**
 * Its name; named after the first message if absent.
 */
title: string | null, 
/**
 * A folder of the user, absolute; the app's own folder if absent.
 */
folder: string | null, };

/**
 * Everything that a window needs to show a session.
 */
export type SessionDetail = { 
/**
 * As in the list.
 */
summary: SessionSummary, 
/**
 * Whether this program may write it.
 */
access: SessionAccess, 
/**
 * Why it may not, if that is not because another program writes it.
 */
whyReadOnly: AppError | null, 
/**
 * Absolute path of the files.
 */
workspacePath: string, 
/**
 * The node that the conversation ends with.
 */
currentNode: NodeId | null, 
/**
 * Every node that is not in the trash, oldest first.
 */
tree: Array<NodeSummary>, 
/**
 * The last turns of the path from the root to the current node.
 */
turns: Array<Turn>, 
/**
 * How many turns of that path stand before them.
 */
earlierTurns: number, 
/**
 * The to-do list at the current node.
 */
todos: Array<Todo>, 
/**
 * Messages that wait.
 */
queue: Array<QueuedMessage>, 
/**
 * Sites, newest first.
 */
deployments: Array<Deployment>, 
/**
 * Undo and redo of restores.
 */
undo: UndoState, 
/**
 * Limits of a turn in this session.
 */
limits: TurnLimits, 
/**
 * The model profile of this session.
 */
profile: string, 
/**
 * What opening the session had to do, for example with a damaged history: one matter a line.
 */
notice: string | null, 
/**
 * The number of the last event that this answer includes.
 */
sequence: number, };

/**
 * One conversation with its workspace and tree.
 */
export type SessionId = string;

/**
 * Filters the list of sessions.
 */
export type SessionListParams = { 
/**
 * Words of the title; empty lists all.
 */
search: string, 
/**
 * Only what lies in the trash.
 */
trash: boolean, };

/**
 * Sessions, the latest first.
 */
export type SessionListResponse = { 
/**
 * The sessions.
 */
sessions: Array<SessionSummary>, };

/**
 * Changes the mode of a session.
 */
export type SessionModeParams = { 
/**
 * Which.
 */
sessionId: SessionId, 
/**
 * The new mode, from the next call on.
 */
mode: PermissionMode, };

/**
 * Tells a session where the user's folder is now that it works in.
 */
export type SessionMoveFolderParams = { 
/**
 * Which.
 */
sessionId: SessionId, 
/**
 * The folder, absolute.
 */
folder: string, };

/**
 * Names a session.
 */
export type SessionParams = { 
/**
 * Which.
 */
sessionId: SessionId, };

/**
 * Gives a session another name.
 */
export type SessionRenameParams = { 
/**
 * Which.
 */
sessionId: SessionId, 
/**
 * The new name.
 */
title: string, };

/**
 * A session as a list shows it.
 */
export type SessionSummary = { 
/**
 * Its identifier.
 */
id: SessionId, 
/**
 * Its name.
 */
title: string, 
/**
 * When it was made.
 */
createdAt: number, 
/**
 * When something last happened in it.
 */
updatedAt: number, 
/**
 * When it went to the trash.
 */
deletedAt: number | null, 
/**
 * When it is removed for good, if it lies in the trash.
 */
purgeAt?: number, 
/**
 * Where its files lie.
 */
workspace: WorkspaceKind, 
/**
 * A turn runs in it now.
 */
running: boolean, 
/**
 * What its agent may do without asking.
 */
mode: PermissionMode, };

/**
 * All settings, in the order of the file.
 */
export type Settings = { 
/**
 * The profile that new sessions use.
 */
defaultProfile: string, 
/**
 * Every profile; the demo is always there.
 */
profiles: Array<ModelProfile>, 
/**
 * Limits of a turn in new sessions.
 */
limits: TurnLimits, 
/**
 * Limits of an import.
 */
import: ImportLimits, 
/**
 * Limits of the history.
 */
history: HistoryLimits, 
/**
 * Looks.
 */
appearance: Appearance, 
/**
 * Seconds of silence after which a model counts as stalled.
 */
stallSeconds: number, 
/**
 * The port of deployed sites on this machine; chosen once and kept.
 */
deploymentPort: number | null, 
/**
 * Where the user wants keys to be kept, if not in the keychain.
 */
keyStorage: SecretBackend | null, 
/**
 * The first-run page was answered.
 */
firstRunDone: boolean, };

/**
 * Settings with what is wrong in their file.
 */
export type SettingsResponse = { 
/**
 * As in force.
 */
settings: Settings, 
/**
 * The file.
 */
path: string, 
/**
 * The file could not be read; defaults are in force and the file is left as it is.
 */
problem: AppError | null, };

/**
 * Replaces the settings.
 */
export type SettingsSaveParams = { 
/**
 * All of them.
 */
settings: Settings, };

/**
 * A file that a snapshot does not hold, and why.
 */
export type SkippedFile = { 
/**
 * Relative to the workspace, with `/`.
 */
path: string, 
/**
 * In words for people.
 */
reason: string, };

/**
 * How true one slide is.
 */
export type SlideFidelity = { 
/**
 * Its title; empty if it has none.
 */
title: string, 
/**
 * It has speaker notes.
 */
notes: boolean, 
/**
 * It is left out when the deck is shown.
 */
hidden: boolean, 
/**
 * Text boxes.
 */
texts: number, 
/**
 * Shapes and free forms.
 */
shapes: number, 
/**
 * Tables.
 */
tables: number, 
/**
 * Pictures that are pictures in the page, too.
 */
pictures: number, 
/**
 * What became a picture.
 */
pictured: Array<PicturedPart>, 
/**
 * What was kept in a simpler way, in words.
 */
simplified: Array<string>, 
/**
 * Pictures that could not be had, by address.
 */
missing: Array<string>, 
/**
 * Fonts that are not there.
 */
fonts: Array<FontSubstitute>, 
/**
 * The starts of texts that reach out of the page.
 */
outside: Array<string>, 
/**
 * Structural similarity (SSIM) of the page and of what was written, drawn by the same engine; 1 is the same.
 */
similarity: number | null, };

/**
 * A slide in words.
 */
export type SlideOutline = { 
/**
 * Its title; empty if it has none.
 */
title: string, 
/**
 * What the speaker sees.
 */
notes: string, 
/**
 * It is left out when the deck is shown.
 */
hidden: boolean, };

/**
 * Asks for a small picture of one slide of an HTML page of slides or of a presentation.
 */
export type SlidePictureParams = { 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * The page or the presentation.
 */
source: PreviewSource, 
/**
 * Which slide, from 0.
 */
slide: number, };

/**
 * Says that the pictures of slides are no longer waited for.
 */
export type SlidePicturesStopParams = { 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * The page or the presentation.
 */
source: PreviewSource, };

/**
 * The commit of a snapshot in the session's history, 40 hexadecimal digits.
 */
export type SnapshotId = string;

/**
 * One timed model request or tool call.
 */
export type Span = { 
/**
 * Its identifier.
 */
id: SpanId, 
/**
 * The node it belongs to.
 */
nodeId: NodeId, 
/**
 * The tool call it times.
 */
itemId: ItemId | null, 
/**
 * Model or tool.
 */
kind: SpanKind, 
/**
 * The model's name, or the tool's.
 */
name: string, 
/**
 * When it began.
 */
startedAt: number, 
/**
 * When it ended; `None` while it runs.
 */
endedAt: number | null, 
/**
 * Milliseconds from the request to the first token.
 */
firstTokenMs: number | null, 
/**
 * Retries before it succeeded.
 */
retries: number, 
/**
 * How it ended.
 */
status: SpanStatus, 
/**
 * What failed.
 */
error: string | null, 
/**
 * For a model request.
 */
usage: Usage, };

/**
 * One timed model request or tool call.
 */
export type SpanId = string;

/**
 * What a span times.
 */
export type SpanKind = "model" | "tool";

/**
 * How a span ended.
 */
export type SpanStatus = "running" | "ok" | "error" | "interrupted";

/**
 * Closes a table.
 */
export type TableCloseParams = { 
/**
 * Which.
 */
id: TableId, };

/**
 * An opened table. It stays as it was when it was opened, or says that the file changed.
 */
export type TableHandle = { 
/**
 * For more rows; close it when it is no longer shown.
 */
id: TableId, 
/**
 * The first row, which usually names the columns; it is not among the rows.
 */
names: Array<string>, 
/**
 * The first rows below it, at most 200.
 */
first: Array<Array<string>>, 
/**
 * Rows below the first one, if they are counted already; else `tableIndexed` tells.
 */
rows: number | null, 
/**
 * Names of the sheets of a workbook.
 */
sheets: Array<string>, 
/**
 * The sheet that is open; empty for a file that is one table.
 */
sheet: string, 
/**
 * Bytes of the file.
 */
size: number, 
/**
 * What is not shown, a sentence each.
 */
notes: Array<string>, };

/**
 * A table that is open for looking at.
 */
export type TableId = string;

/**
 * Opens a table.
 */
export type TableOpenParams = { 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * The file: comma or tab separated, `.xlsx` or `.ods`.
 */
source: PreviewSource, 
/**
 * Which sheet of a workbook; the first one that is shown if absent.
 */
sheet: string | null, 
/**
 * Who looks: a newer request of the same viewer calls the older one off.
 */
viewer?: string, };

/**
 * Rows of a table. Fewer than asked for where the table, or what is known of it so far, ends.
 */
export type TableRows = { 
/**
 * The number of the first row, from 0.
 */
from: number, 
/**
 * The rows, each with its cells as text.
 */
rows: Array<Array<string>>, 
/**
 * How many there are, once they are counted.
 */
total: number | null, };

/**
 * Asks for rows of an opened table.
 */
export type TableRowsParams = { 
/**
 * The table.
 */
id: TableId, 
/**
 * The first row wanted, from 0; the row of names does not count.
 */
from: number, 
/**
 * At most so many, up to 500.
 */
count: number, };

/**
 * Colours.
 */
export type Theme = "system" | "light" | "dark";

/**
 * A small picture of a file.
 */
export type Thumbnail = { 
/**
 * `data:image/png;base64,…`, at most 320 × 200 pixels.
 */
url: string | null, 
/**
 * Pixels across; 0 without a picture.
 */
width: number, 
/**
 * Pixels down; 0 without a picture.
 */
height: number, 
/**
 * Why there is none, a sentence.
 */
reason: string | null, 
/**
 * It is a film of which no frame is kept yet: a window that can play it draws one for `poster_keep`.
 */
wantsPoster: boolean, };

/**
 * Asks for a small picture of a file.
 */
export type ThumbnailParams = { 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * The file.
 */
source: PreviewSource, };

/**
 * What tidying a history did.
 */
export type TidyReport = { 
/**
 * Nodes whose files were dropped to save room.
 */
thinned: number, 
/**
 * Bytes that were set free.
 */
freedBytes: number, 
/**
 * Of these, bytes of damaged parts that had been set aside.
 */
asideBytes: number, 
/**
 * Steps of the undo stack that were dropped to save room.
 */
steps?: Array<DroppedStep>, 
/**
 * It was called off; what was done by then stays.
 */
cancelled: boolean, 
/**
 * As it is now.
 */
usage: HistoryUsage, };

/**
 * What tidying a history is at.
 */
export type TidyStage = "thinning" | "packing" | "ended";

/**
 * Timed spans, oldest first.
 */
export type TimelineResponse = { 
/**
 * The spans of the active path.
 */
spans: Array<Span>, };

/**
 * One entry of the to-do list.
 */
export type Todo = { 
/**
 * The model's own name for it.
 */
id?: string, 
/**
 * What is to be done.
 */
content: string, 
/**
 * How urgent.
 */
priority: TodoPriority, 
/**
 * How far.
 */
status: TodoStatus, };

/**
 * How urgent a to-do is.
 */
export type TodoPriority = "high" | "medium" | "low";

/**
 * How far a to-do is; written with an underscore, as the tool contract has it.
 */
export type TodoStatus = "pending" | "in_progress" | "completed";

/**
 * One call of a tool, from its first fragment to its result.
 */
export type ToolCall = { 
/**
 * The model's own name for this call.
 */
callId: string, 
/**
 * Full tool name, `mshtools-…`.
 */
tool: string, 
/**
 * The arguments as JSON text, as the model sent them.
 */
arguments: string, 
/**
 * How far it has come.
 */
status: ToolCallStatus, 
/**
 * Live output while it runs; the end of it if there is much.
 */
liveOutput: string, 
/**
 * The result.
 */
result: ToolResult | null, };

/**
 * How far a tool call has come.
 */
export type ToolCallStatus = "pending" | "running" | "completed" | "failed" | "interrupted";

/**
 * A piece of a tool's result.
 */
export type ToolContent = { "type": "text", 
/**
 * The text, within the tool's limit.
 */
text: string, } | { "type": "image", 
/**
 * For example `image/png`.
 */
mime: string, 
/**
 * Where it lies in the workspace.
 */
path: string, 
/**
 * SHA-256 of the content, under which the store keeps it.
 */
hash: string, 
/**
 * Bytes.
 */
size: number, };

/**
 * What a tool gave back.
 */
export type ToolResult = { 
/**
 * In order, for the model.
 */
content: Array<ToolContent>, 
/**
 * The call failed and the content says why.
 */
isError: boolean, 
/**
 * Things worth showing.
 */
artifacts: Array<Artifact>, 
/**
 * What the call did to a file, if it was a file tool.
 */
diff?: FileDiff, };

/**
 * A tool of the contract.
 */
export type ToolStatus = { 
/**
 * Full name, `mshtools-…`.
 */
name: string, 
/**
 * Offered to the model.
 */
available: boolean, 
/**
 * Why not, or what it needs.
 */
reason: string | null, 
/**
 * What it is for.
 */
summary: string, };

/**
 * The trash of a session.
 */
export type TrashListResponse = { 
/**
 * The latest first.
 */
branches: Array<TrashedBranch>, };

/**
 * A branch in the trash.
 */
export type TrashedBranch = { 
/**
 * Its first node.
 */
node: NodeSummary, 
/**
 * How many nodes went with it, itself included.
 */
nodes: number, 
/**
 * When it went to the trash.
 */
deletedAt: number, 
/**
 * When it is removed for good.
 */
purgeAt: number, };

/**
 * A turn as the conversation shows it.
 */
export type Turn = { 
/**
 * Its node.
 */
node: NodeSummary, 
/**
 * What the user said.
 */
message: UserMessage, 
/**
 * What followed.
 */
items: Array<Item>, 
/**
 * Why it failed or was stopped.
 */
error: AppError | null, 
/**
 * The sum over its model requests.
 */
usage: Usage, };

/**
 * Sends an earlier message anew, as a sibling.
 */
export type TurnEditParams = { 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * The node whose message is edited.
 */
nodeId: NodeId, 
/**
 * The new words.
 */
text: string, };

/**
 * The life of a turn. The last event is exactly one of `turnCompleted`, `turnFailed`, `turnInterrupted`.
 */
export type TurnEvent = { "type": "turnStarted", 
/**
 * The new node.
 */
node: NodeSummary, 
/**
 * What the user said.
 */
message: UserMessage, } | { "type": "itemStarted", 
/**
 * As far as it is known.
 */
item: Item, } | { "type": "itemDelta", 
/**
 * Which.
 */
itemId: ItemId, 
/**
 * What is new.
 */
delta: ItemDelta, } | { "type": "itemProgress", 
/**
 * Which.
 */
itemId: ItemId, 
/**
 * In words.
 */
message: string, } | { "type": "itemCompleted", 
/**
 * All of it.
 */
item: Item, } | { "type": "usage", 
/**
 * As the provider reports.
 */
usage: Usage, } | { "type": "span", 
/**
 * All of it.
 */
span: Span, } | { "type": "heartbeat", 
/**
 * What is awaited.
 */
awaited: Awaited, 
/**
 * Since when.
 */
sinceAt: number, } | { "type": "untrustedRead", 
/**
 * What, for people.
 */
source: string, } | { "type": "snapshotTaken", 
/**
 * The commit.
 */
snapshot: SnapshotId, 
/**
 * What the turn changed.
 */
changes: ChangeCounts, } | { "type": "turnCompleted", 
/**
 * As stored.
 */
node: NodeSummary, } | { "type": "turnFailed", 
/**
 * As stored.
 */
node: NodeSummary, 
/**
 * What failed and what to do.
 */
error: AppError, } | { "type": "turnInterrupted", 
/**
 * As stored.
 */
node: NodeSummary, 
/**
 * By whom or what.
 */
error: AppError, };

/**
 * Limits of a turn.
 */
export type TurnLimits = { 
/**
 * Model requests.
 */
maxSteps: number, 
/**
 * Minutes.
 */
maxMinutes: number, 
/**
 * Tokens in and out, as reported.
 */
maxTokens: number, };

/**
 * Turns of the active path, oldest first.
 */
export type TurnPage = { 
/**
 * The turns.
 */
turns: Array<Turn>, 
/**
 * How many stand before them.
 */
earlierTurns: number, };

/**
 * Asks for earlier turns of a conversation.
 */
export type TurnPageParams = { 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * The turns above this node, which is not among them.
 */
before: NodeId, 
/**
 * At most so many, from 1 to 200.
 */
count: number, };

/**
 * Sends a message.
 */
export type TurnStartParams = { 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * The words.
 */
text: string, 
/**
 * Files of the workspace that it speaks of.
 */
attachments: Array<Attachment>, };

/**
 * What became of a message.
 */
export type TurnStartResponse = { "type": "started", 
/**
 * Its node.
 */
nodeId: NodeId, } | { "type": "queued", 
/**
 * As it waits.
 */
queued: QueuedMessage, };

/**
 * Speaks to the running turn.
 */
export type TurnSteerParams = { 
/**
 * Where.
 */
sessionId: SessionId, 
/**
 * The words.
 */
text: string, };

/**
 * Whether a restore can be taken back or done again.
 */
export type UndoState = { 
/**
 * What undo would take back, in words.
 */
undo: string | null, 
/**
 * What redo would do again, in words.
 */
redo: string | null, 
/**
 * Steps that were dropped to save room, the latest first; a few of them.
 */
dropped?: Array<DroppedStep>, };

/**
 * Tokens as the provider reports them; `None` is unknown, never a guess.
 */
export type Usage = { 
/**
 * Tokens of the prompt, cached ones included.
 */
inputTokens: number | null, 
/**
 * Tokens of the answer, reasoning included.
 */
outputTokens: number | null, 
/**
 * Part of the input that came from the provider's cache.
 */
cachedTokens: number | null, 
/**
 * Part of the output that was reasoning.
 */
reasoningTokens: number | null, 
/**
 * In the currency of `cost_currency`; reported by the provider or from prices that the user entered.
 */
cost: number | null, 
/**
 * For example `USD`.
 */
costCurrency: string | null, };

/**
 * What the user said.
 */
export type UserMessage = { 
/**
 * The words.
 */
text: string, 
/**
 * Files that came with it.
 */
attachments: Array<Attachment>, };

/**
 * From which event on the window wants to hear; the channel travels beside it.
 */
export type WindowAttachParams = { 
/**
 * The last number that the window has seen; 0 for the start.
 */
after: number, };

/**
 * Where the files of a session lie.
 */
export type WorkspaceKind = { "type": "own" } | { "type": "folder", 
/**
 * Absolute path.
 */
path: string, };

/**
 * Who wrote a file last.
 */
export type Writer = { "type": "agent", 
/**
 * The node.
 */
nodeId: NodeId, 
/**
 * Its title.
 */
title: string, } | { "type": "user" } | { "type": "unknown" };
