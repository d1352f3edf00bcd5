//! What happens while a session runs.

use crate::{
    AppError, ChangeCounts, Contact, Deployment, ExportProgress, ImportProgress, Item, ItemId, NetworkPolicy,
    NodeId, NodeSummary, ProcessInfo, QueuedMessage, SessionId, SessionSummary, SnapshotId, Span, TableId,
    TidyReport, TidyStage, Todo, Usage, UserMessage, wire, wire_union,
};

wire_union! {
    /// What is new in an item; the completed item carries the whole, so a lost fragment heals.
    pub enum ItemDelta {
        /// More text or reasoning.
        Text {
            /// What is new.
            text: String,
        },
        /// More of a call's arguments.
        Arguments {
            /// What is new.
            text: String,
        },
        /// More output of a running tool.
        Output {
            /// What is new.
            text: String,
        },
    }

    /// What is awaited while nothing arrives.
    pub enum Awaited {
        /// The model's first or next token.
        Model {
            /// Its name.
            model: String,
            /// The attempt, from 1.
            attempt: u32,
        },
        /// A running tool.
        Tool {
            /// Its name.
            tool: String,
            /// Its item.
            item_id: ItemId,
        },
        /// The person's answer.
        Approval {
            /// The item of the question.
            item_id: ItemId,
        },
        /// The snapshot at the end of the turn.
        Snapshot,
    }

    /// The life of a turn. The last event is exactly one of `turnCompleted`, `turnFailed`, `turnInterrupted`.
    pub enum TurnEvent {
        /// The node and the message are stored.
        TurnStarted {
            /// The new node.
            node: NodeSummary,
            /// What the user said.
            message: UserMessage,
        },
        /// A new item.
        ItemStarted {
            /// As far as it is known.
            item: Item,
        },
        /// More of an item.
        ItemDelta {
            /// Which.
            item_id: ItemId,
            /// What is new.
            delta: ItemDelta,
        },
        /// A tool says how far it is.
        ItemProgress {
            /// Which.
            item_id: ItemId,
            /// In words.
            message: String,
        },
        /// The whole item, stored.
        ItemCompleted {
            /// All of it.
            item: Item,
        },
        /// The sum of the turn so far.
        Usage {
            /// As the provider reports.
            usage: Usage,
        },
        /// A span began or ended.
        Span {
            /// All of it.
            span: Span,
        },
        /// Nothing arrived for a second.
        Heartbeat {
            /// What is awaited.
            awaited: Awaited,
            /// Since when.
            since_at: i64,
        },
        /// The turn read something that may carry instructions of strangers.
        UntrustedRead {
            /// What, for people.
            source: String,
        },
        /// The files were recorded.
        SnapshotTaken {
            /// The commit.
            snapshot: SnapshotId,
            /// What the turn changed.
            changes: ChangeCounts,
        },
        /// The end: the model is done.
        TurnCompleted {
            /// As stored.
            node: NodeSummary,
        },
        /// The end: an error.
        TurnFailed {
            /// As stored.
            node: NodeSummary,
            /// What failed and what to do.
            error: AppError,
        },
        /// The end: stopped.
        TurnInterrupted {
            /// As stored.
            node: NodeSummary,
            /// By whom or what.
            error: AppError,
        },
    }

    /// What happens outside of a turn, at a low rate.
    pub enum AppEvent {
        /// A session is new or changed.
        SessionChanged {
            /// As the list shows it.
            summary: SessionSummary,
        },
        /// A session is gone for good.
        SessionRemoved {
            /// Which.
            session_id: SessionId,
        },
        /// Files changed.
        WorkspaceChanged {
            /// Where.
            session_id: SessionId,
            /// Relative paths; empty means that anything may have changed.
            paths: Vec<String>,
        },
        /// The queue changed.
        QueueChanged {
            /// Where.
            session_id: SessionId,
            /// All of it.
            queue: Vec<QueuedMessage>,
        },
        /// The to-do list changed.
        TodosChanged {
            /// Where.
            session_id: SessionId,
            /// All of it.
            todos: Vec<Todo>,
        },
        /// A site was deployed.
        Deployed {
            /// Where.
            session_id: SessionId,
            /// The new version.
            deployment: Deployment,
        },
        /// The tree or the current node changed: open the session again.
        TreeChanged {
            /// Where.
            session_id: SessionId,
        },
        /// An import goes on.
        ImportProgress {
            /// Where.
            session_id: SessionId,
            /// How far.
            progress: ImportProgress,
        },
        /// The saving of a copy goes on.
        ExportProgress {
            /// Where.
            session_id: SessionId,
            /// How far.
            progress: ExportProgress,
        },
        /// A history is being tidied.
        HistoryTidying {
            /// Where.
            session_id: SessionId,
            /// What it is at.
            stage: TidyStage,
        },
        /// A history is tidy, or its tidying was called off. Nodes that can no longer be restored are told by
        /// `treeChanged`, too.
        HistoryTidied {
            /// Where.
            session_id: SessionId,
            /// What was done.
            report: TidyReport,
        },
        /// The Python environment is being made.
        PythonProgress {
            /// How far, in words; empty when it has ended.
            message: String,
        },
        /// A command spoke to a host, or was refused to.
        ContactMade {
            /// How it went.
            contact: Contact,
        },
        /// The policy of a session changed.
        NetworkChanged {
            /// Which.
            session_id: SessionId,
            /// As in force.
            policy: NetworkPolicy,
        },
        /// What runs for the agent, at most once a second.
        ProcessesChanged {
            /// All of it, oldest first.
            processes: Vec<ProcessInfo>,
        },
        /// Rules of permission came or went.
        RulesChanged,
        /// The trash for files changed.
        DeletedFilesChanged {
            /// Where.
            session_id: SessionId,
        },
        /// The rows of an open table are being counted. The last event of a table is `done`.
        TableIndexed {
            /// Which.
            id: TableId,
            /// Rows below the first one that were found so far.
            rows: u64,
            /// Bytes that were read so far.
            bytes: u64,
            /// Bytes in all.
            size: u64,
            /// Everything is counted, or counting ended by an error or because the table was closed.
            done: bool,
        },
        /// Settings or keys changed.
        SettingsChanged,
    }

    /// Either kind of event.
    pub enum EngineEvent {
        /// Of a turn.
        Turn {
            /// Its session.
            session_id: SessionId,
            /// Its node.
            node_id: NodeId,
            /// What happened.
            event: TurnEvent,
        },
        /// Of the app.
        App {
            /// What happened.
            event: AppEvent,
        },
        /// Events were lost because the reader was too slow: open the session again.
        Resync,
    }
}

wire! {
    /// An event with its number; numbers rise by one within a run of the program.
    pub struct NumberedEvent {
        /// From 1.
        pub sequence: u64,
        /// What happened.
        pub event: EngineEvent,
    }
}
