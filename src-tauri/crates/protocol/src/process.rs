//! What runs for the agent.

use crate::{ItemId, NodeId, ProcessId, SessionId, wire};

wire! {
    /// To whom a process tree belongs.
    pub struct ProcessOwner {
        /// The session.
        pub session_id: SessionId,
        /// The node whose turn started it.
        pub node_id: Option<NodeId>,
        /// The tool call that started it; absent for what belongs to the session as a whole.
        pub item_id: Option<ItemId>,
    }

    /// One command or kernel with everything that it started.
    pub struct ProcessInfo {
        /// Our name for it.
        pub id: ProcessId,
        /// Its owner; it ends at the latest with it.
        pub owner: ProcessOwner,
        /// What it is, in words.
        pub title: String,
        /// Of its first process, as the operating system numbers it.
        pub pid: u32,
        /// When it began.
        pub started_at: i64,
        /// Milliseconds of processor time of the whole tree.
        pub cpu_ms: u64,
        /// Bytes of memory of the whole tree; pages that several share may be counted more than once.
        pub memory: u64,
        /// Processes of the tree, the app's own two that hold it included.
        pub processes: u32,
    }

    /// What an earlier run of the program left, which was ended at this start.
    pub struct LeftBehind {
        /// Its owner.
        pub owner: ProcessOwner,
        /// What it was.
        pub title: String,
        /// Processes that still ran and were ended; 0 if all had ended with the program.
        pub ended: u32,
        /// Processes that could not be ended.
        pub remaining: u32,
    }

    /// What runs, and what was left.
    pub struct ProcessListResponse {
        /// Running, oldest first.
        pub processes: Vec<ProcessInfo>,
        /// Of earlier runs that broke off.
        pub left_behind: Vec<LeftBehind>,
    }

    /// Names a process tree.
    pub struct ProcessParams {
        /// Which.
        pub process_id: ProcessId,
    }
}
