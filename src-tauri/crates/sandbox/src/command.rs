//! What to run, within which limits, and how it ended.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use okcvm_protocol::ProcessOwner;
use serde::{Deserialize, Serialize};

use crate::Processes;

/// How strong the boundary is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Tier {
    /// Namespaces, Landlock and the system call filter.
    Full,
    /// Without namespaces, so that commands see real paths: Landlock and the system call filter, Seatbelt on macOS, a
    /// job object and a restricted token on Windows.
    Reduced,
}

/// One command line for a fresh shell.
#[derive(Debug, Clone)]
pub struct Command {
    /// What the shell is given; at most 120,000 bytes.
    pub script: String,
    /// The folder it starts in and may write to. Must exist.
    pub workspace: PathBuf,
    /// Variables on top of the fixed environment; they replace those of the same name.
    pub env: Vec<(String, String)>,
    /// How long it may take before all of it is ended.
    pub timeout: Duration,
    /// What it may use.
    pub limits: Limits,
    /// The way out of its private network; nobody is reached without. Needs the full tier.
    pub egress: Option<Egress>,
    /// Where it is entered while it runs.
    pub entry: Option<Entry>,
    /// Files and folders, relative to the workspace, that it may read and not change. Only in the full tier.
    pub read_only: Vec<PathBuf>,
}

/// Takes the socket at which programs of a command look for a proxy: it listens on the loopback of the command's own
/// network, which is connected to nothing else. Called once, before the command starts.
#[derive(Clone)]
pub struct Egress(pub Arc<dyn Fn(std::net::TcpListener) + Send + Sync>);

impl std::fmt::Debug for Egress {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Egress")
    }
}

/// Enters a command among what runs.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Where.
    pub processes: Processes,
    /// To whom it belongs.
    pub owner: ProcessOwner,
    /// What it is, in words.
    pub title: String,
}

impl Command {
    /// A command with one minute and the usual limits.
    pub fn new(script: impl Into<String>, workspace: impl Into<PathBuf>) -> Self {
        Self {
            script: script.into(),
            workspace: workspace.into(),
            env: Vec::new(),
            timeout: Duration::from_secs(60),
            limits: Limits::default(),
            egress: None,
            entry: None,
            read_only: Vec::new(),
        }
    }
}

/// What a command may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// Bytes of output that are passed on; what comes after is read, counted and dropped.
    pub output_bytes: u64,
    /// Bytes of output, passed on or not, after which it is ended.
    pub flood_bytes: u64,
    /// Bytes of one file that it writes.
    pub file_bytes: u64,
    /// Bytes by which it may fill the disk of its workspace; it is ended, too, when that disk becomes all but full.
    pub disk_bytes: u64,
    /// Bytes of data memory of one process.
    pub memory_bytes: u64,
    /// Bytes of memory of all its processes together; never more than three quarters of the machine's.
    pub total_memory_bytes: u64,
    /// Processor time of all its processes together.
    pub cpu_time: Duration,
    /// Bytes of each of its private temporary folders, which lie in memory in the full tier.
    pub temporary_bytes: u64,
    /// Processes and threads at a time. Where the kernel cannot count them apart from others, the command is ended when
    /// they are more.
    pub processes: u64,
    /// Open files of one process.
    pub open_files: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            output_bytes: 64 << 20,
            flood_bytes: 2 << 30,
            file_bytes: 4 << 30,
            disk_bytes: 16 << 30,
            memory_bytes: 8 << 30,
            total_memory_bytes: 8 << 30,
            cpu_time: Duration::from_secs(3600),
            temporary_bytes: 1 << 30,
            processes: 1024,
            open_files: 4096,
        }
    }
}

/// How a command came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The shell ended with this code.
    Exited(i32),
    /// A signal with this number ended the shell.
    Signalled(i32),
    /// Its time was over and everything it had started was ended.
    TimedOut,
    /// The caller stopped it and everything it had started was ended.
    Cancelled,
    /// Somebody ended it by [`Processes::end`], and everything it had started with it.
    EndedByHand,
    /// It went over a limit, and everything it had started was ended.
    Limited(Limit),
}

/// A limit that ends a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// [`Limits::total_memory_bytes`].
    Memory,
    /// [`Limits::cpu_time`].
    CpuTime,
    /// [`Limits::processes`].
    Processes,
    /// [`Limits::disk_bytes`], or a disk that is all but full.
    Disk,
    /// [`Limits::flood_bytes`].
    Output,
}

/// The end of a command. No process of it is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// How it ended.
    pub outcome: Outcome,
    /// From start to end.
    pub duration: Duration,
    /// All bytes that it wrote to its output.
    pub output_bytes: u64,
    /// Those of them that were not passed on, because of the limit or because nobody took them any more.
    pub dropped_bytes: u64,
    /// What it left for git to run outside of the sandbox, and where that is now.
    pub put_aside: crate::PutAside,
}

/// Why a command did not run.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// There is no boundary here.
    #[error("commands cannot run here: {0}")]
    Unavailable(String),
    /// The command cannot be passed on as it is.
    #[error("{0}")]
    Refused(String),
    /// The helper did not start.
    #[error("the sandbox helper did not start: {0}")]
    Spawn(#[source] std::io::Error),
    /// A wall could not be put up, so nothing ran.
    #[error("the sandbox could not be set up ({step}): {message}")]
    SetUp {
        /// What was being done.
        step: String,
        /// What the system answered.
        message: String,
    },
    /// The helper ended without saying how the command ended.
    #[error("the sandbox helper ended unexpectedly: {0}")]
    Lost(String),
}
