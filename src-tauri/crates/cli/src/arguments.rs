//! What the command line takes.

use std::path::PathBuf;

use clap::builder::{ArgPredicate, OsStringValueParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum, value_parser};
use okcvm_host::encode_name;

/// Give an agent a computer of its own: files, a shell, and a history that goes back to any moment.
#[derive(Debug, Parser)]
#[command(name = "okcvm", version, propagate_version = true, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "The answer goes to stdout, progress to stderr.

Environment:
  OKCVM_HOME           folder for all data; otherwise the platform's folder for application data
  OKCVM_PYTHON         folder of the Python environment; otherwise in the data folder
  OKCVM_CHAT_BASE_URL  address of a model that answers in place of the one in the settings,
                       for example http://127.0.0.1:8080/v1
  OKCVM_CHAT_MODEL     name of that model
  OKCVM_CHAT_API_KEY   its key, if it needs one
  OKCVM_CHAT_PROVIDER  how to speak to it: openai (default), anthropic or demo
  OKCVM_CHAT_VISION    1 if it takes pictures
  OKCVM_DEMO_PACE      full: the scripted demo model speaks without pauses
  OKCVM_LOG            what is logged, for example debug

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C, SIGTERM or SIGHUP";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Send a message to the agent and show its answer as it comes
    ///
    /// Ctrl-C stops the turn and keeps what was done; a second Ctrl-C ends the program at once.
    Run(RunArguments),
    /// List sessions, read them, and go back to any moment of one
    Session {
        #[command(subcommand)]
        command: SessionCommand,
    },
    /// List the agent's tools, and run one by hand
    Tool {
        #[command(subcommand)]
        command: ToolCommand,
    },
    /// Watch a whole job without a model of your own: a website made from a table of data
    ///
    /// The model is scripted and says so; the tools, the files and the history are real.
    Demo(DemoArguments),
    /// Check this machine: what works, what is missing, and how to get it
    ///
    /// Exits with 1 if something that is needed does not work.
    Doctor {
        /// Print the checks as one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Show, make and renew the Python environment
    Python {
        #[command(subcommand)]
        command: PythonCommand,
    },
    /// Show, change and check the settings
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// What to ask of the agent
    pub(crate) prompt: String,
    /// Let the agent work in this existing folder, in the folder's session, which goes on if there is one
    ///
    /// Without this and --session, a new session with a folder of its own is made.
    #[arg(long, value_name = "DIR")]
    pub(crate) workspace: Option<PathBuf>,
    /// Go on in this session: its id, or the beginning or end of it
    #[arg(long, value_name = "ID", conflicts_with = "workspace")]
    pub(crate) session: Option<String>,
    /// Which model answers: a profile of the settings, which the session keeps
    ///
    /// With `OKCVM_CHAT_…` set, any other NAME is the model to ask at that address in place of `OKCVM_CHAT_MODEL`, for
    /// this run alone. Without, the name of a profile's model does as well as the profile's own.
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,
    /// Copy this file or folder to the agent first; may be given several times
    #[arg(long = "file", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Whom commands may speak to, which the session keeps: off, open, or hosts separated by commas
    ///
    /// Private and loopback addresses are refused unless they are listed themselves. Everything goes through a proxy and
    /// is recorded: `okcvm session contacts <SESSION>`.
    #[arg(long, value_name = "POLICY")]
    pub(crate) network: Option<String>,
    /// What the agent may do without asking, which the session keeps
    #[arg(long, value_enum)]
    pub(crate) mode: Option<Mode>,
    /// Allow calls of this tool for this run, also after something untrusted was read; may be given several times
    ///
    /// With a pattern, only calls that are about it: `--allow 'deploy_website=output/*'`. `*` stands for any text.
    #[arg(long, value_name = "TOOL[=PATTERN]")]
    pub(crate) allow: Vec<String>,
    /// Print every event of the turn as a JSON object on a line of its own
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// Use this table instead of the built-in example
    #[arg(long, value_name = "CSV")]
    pub(crate) file: Option<PathBuf>,
    /// Print every event of the turn as a JSON object on a line of its own
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Scope {
    /// Files, conversation and to-do list
    All,
    /// Only the files
    Files,
    /// Only conversation and to-do list
    Conversation,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// List sessions with their ids, the latest first
    List {
        /// List those in the trash instead
        #[arg(long)]
        trash: bool,
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Show the conversation of a session
    Show {
        /// Its id, or the beginning or end of it
        session: String,
        /// Print everything about the session as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Show all turns of a session as a tree, with the end of each node's id
    ///
    /// ● is where the conversation is now. +1 ~2 -3 counts files that the turn added, changed and deleted. Where the
    /// conversation was branched, the branches are indented.
    Tree {
        /// Its id, or the beginning or end of it
        session: String,
        /// Print one JSON array of nodes
        #[arg(long)]
        json: bool,
    },
    /// Go to a node, files and conversation, so that the next message makes a branch there
    ///
    /// Nothing is lost: `okcvm session undo <SESSION>` takes it back.
    Fork {
        #[command(flatten)]
        place: NodeArguments,
        /// Print the outcome as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Go to the end of the branch that a node is on, files and conversation
    ///
    /// The end is reached by following the latest child from node to node. `okcvm session undo <SESSION>` takes it back.
    Switch {
        #[command(flatten)]
        place: NodeArguments,
        /// Print the outcome as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Give a node a name, by which it can be found and which keeps its files; without one, take the name away
    Label {
        #[command(flatten)]
        place: NodeArguments,
        /// The name
        name: Option<String>,
        /// Print the node as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Go to a node, or bring some of its files back
    ///
    /// The present is recorded before anything moves, so every restore can be undone.
    Restore {
        /// Its id, or the beginning or end of it
        session: String,
        /// The node to go to: its name, or the beginning or end of its id
        #[arg(required_unless_present_any = ["undo", "redo"])]
        node: Option<String>,
        /// What to bring back
        #[arg(
            long,
            value_enum,
            default_value = "all",
            default_value_if("paths", ArgPredicate::IsPresent, "files")
        )]
        scope: Scope,
        /// Bring back only this file or folder of the workspace; may be given several times
        #[arg(long = "path", id = "paths", value_name = "PATH", value_parser = path_text())]
        paths: Vec<String>,
        /// Change nothing; list the files that would change, and who wrote them last
        #[arg(long)]
        dry_run: bool,
        /// The same as `okcvm session undo`
        #[arg(long, conflicts_with_all = ["node", "dry_run", "redo", "paths"])]
        undo: bool,
        /// The same as `okcvm session redo`
        #[arg(long, conflicts_with_all = ["node", "dry_run", "paths"])]
        redo: bool,
        /// Print the outcome, or the plan, as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Save a copy of the files of a node, as they were at its end
    ///
    /// The copy holds what the node's snapshot holds: its files with their executable bits, links and empty folders. The
    /// node keeps its files from then on, however little room there is.
    Export {
        #[command(flatten)]
        place: NodeArguments,
        /// Where to save it: a zip file if the name ends in `.zip`, else a new folder
        #[arg(long, value_name = "PATH")]
        to: PathBuf,
        /// Replace the zip file if it is there already; a folder is never replaced
        #[arg(long)]
        force: bool,
        /// Print what was saved as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Take the last restore back; again, the one before it
    Undo {
        /// Its id, or the beginning or end of it
        session: String,
        /// Print the outcome as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Do the restore again that was taken back last
    Redo {
        /// Its id, or the beginning or end of it
        session: String,
        /// Print the outcome as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// List what undo and redo would do, the newest step first
    Steps {
        /// Its id, or the beginning or end of it
        session: String,
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Take back what one turn did to the files, and nothing that came after it
    ///
    /// Lines that were changed again since then are in the way: then nothing is touched, and the files are listed.
    RevertTurn {
        #[command(flatten)]
        place: NodeArguments,
        /// Change nothing; list the files that would change, and what is in the way
        #[arg(long)]
        dry_run: bool,
        /// Print the outcome, or the plan, as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Show how the files of two nodes differ
    Compare {
        /// Its id, or the beginning or end of it
        session: String,
        /// The node that counts as before: its name, or the beginning or end of its id
        left: String,
        /// The node that counts as after
        right: String,
        /// Show the lines, too
        #[arg(long, conflicts_with = "json")]
        lines: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Show how a turn changed the files, line by line
    Diff {
        /// Its id, or the beginning or end of it
        session: String,
        /// The node: its name, or the beginning or end of its id; the current one if absent
        node: Option<String>,
        /// Print the changed files as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Show what happened to a file, the latest change first, through its earlier names
    History {
        /// Its id, or the beginning or end of it
        session: String,
        /// The file, relative to the workspace
        #[arg(value_parser = path_text())]
        path: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Show the to-do list of a session
    Todos {
        /// Its id, or the beginning or end of it
        session: String,
        /// As it was at the end of this node: its name, or the beginning or end of its id; as it is if absent
        node: Option<String>,
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// List the sites that a session has published, the newest first
    Sites {
        /// Its id, or the beginning or end of it
        session: String,
        /// Only those of the conversation up to this node: its name, or the beginning or end of its id
        node: Option<String>,
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Tell a session where its folder is now, after it was moved or renamed
    ///
    /// The history stays. What differs in the new place counts as changed by hand, and is recorded with the next turn or
    /// restore. All sessions of that folder go along.
    MoveFolder {
        /// Its id, or the beginning or end of it
        session: String,
        /// The existing folder
        #[arg(value_name = "DIR")]
        folder: PathBuf,
        /// Print the session as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Move a session to the trash, or a node with all that grew from it
    ///
    /// What lies in the trash is removed for good after some days (`history.trashDays` of the settings). Files in a folder
    /// of yours are never removed.
    Delete(TrashArguments),
    /// Take a session, or a branch, out of the trash
    Recover(TrashArguments),
    /// Remove a session, or a branch, of the trash for good
    Purge(TrashArguments),
    /// List the sessions in the trash, or the branches of one session that lie there
    Trash {
        /// The session: its id, or the beginning or end of it
        session: Option<String>,
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Show how much room the history of a session takes, and that of all sessions
    Usage {
        /// Its id, or the beginning or end of it
        session: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Pack the history of a session now, and drop old snapshots if it is over its budget
    ///
    /// The app does so by itself when nothing runs, and so does `okcvm run` at its end if a history is over its budget. If
    /// all together are over theirs, sessions that were not used for longest give first. The ends of branches, named
    /// nodes, published ones and what undo needs are never dropped.
    Tidy {
        /// Its id, or the beginning or end of it
        session: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Show whom the commands of a session may speak to, and change it
    ///
    /// It holds from the next command on. In the window: Settings of the session.
    Network {
        /// Its id, or the beginning or end of it
        session: String,
        /// Nobody, these hosts, or every public address
        #[arg(value_enum)]
        change: Option<NetworkChange>,
        /// With `allow`: example.com (ports 80 and 443), *.example.com, example.com:8080, 192.168.1.10, 10.0.0.0/8
        #[arg(value_name = "HOST", requires = "change")]
        hosts: Vec<String>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// List whom the commands of a session spoke to, or tried to, the latest first
    Contacts {
        /// Its id, or the beginning or end of it
        session: String,
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Show what the agent of a session may do without asking, and change it
    ///
    /// A change holds from the next call on, in a running turn, too.
    Mode {
        /// Its id, or the beginning or end of it
        session: String,
        /// The new mode
        #[arg(value_enum)]
        mode: Option<Mode>,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// List what was allowed for a session, or take it away
    Rules {
        /// Its id, or the beginning or end of it
        session: String,
        /// Take this rule away: its id, or the beginning or end of it
        #[arg(long, value_name = "RULE")]
        remove: Option<String>,
        /// Print one JSON array
        #[arg(long, conflicts_with = "remove")]
        json: bool,
    },
    /// Delete files of a session to its trash, list what lies there, and bring files back
    Files {
        #[command(subcommand)]
        command: FilesCommand,
    },
    /// Show how far a turn of a session may go, and change it
    ///
    /// A turn that reaches a limit is interrupted; the next message goes on. Until they are changed here, the limits are
    /// those of the settings (`okcvm config set limits.maxSteps 40`).
    Limits {
        /// Its id, or the beginning or end of it
        session: String,
        #[command(flatten)]
        changes: LimitArguments,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NetworkChange {
    /// Nobody
    Off,
    /// Every public address
    Open,
    /// The hosts that follow, in place of those before
    Allow,
}

/// What an agent may do without asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Mode {
    /// Only look: tools that change nothing
    Plan,
    /// Work in the session; what leaves it asks
    Ask,
    /// Ask only for what must be seen after something untrusted was read
    Auto,
}

#[derive(Debug, Subcommand)]
pub(crate) enum FilesCommand {
    /// Move files or folders of the workspace to the trash of the session
    Delete {
        /// The session: its id, or the beginning or end of it
        session: String,
        /// Files and folders, relative to the workspace
        #[arg(required = true, value_parser = path_text())]
        paths: Vec<String>,
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// List what was deleted by hand
    Trash {
        /// The session: its id, or the beginning or end of it
        session: String,
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Bring a file or folder back out of the trash
    ///
    /// If its name is taken now, it comes back under another one, which is printed.
    Recover {
        /// The session: its id, or the beginning or end of it
        session: String,
        /// Its path (then what was deleted last), or its id in the trash, or the beginning or end of that
        #[arg(value_parser = path_text())]
        file: String,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Remove a file or folder of the trash for good
    Purge {
        /// The session: its id, or the beginning or end of it
        session: String,
        /// Its path, if it lies there once, or its id in the trash, or the beginning or end of that
        #[arg(value_parser = path_text())]
        file: String,
        /// Print what it is about as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Bring back what a turn of the agent deleted; what is there now stays as it is
    BringBack {
        /// The session: its id, or the beginning or end of it
        session: String,
        /// The node: its name, or the beginning or end of its id
        node: String,
        /// Only these files and folders
        #[arg(value_parser = path_text())]
        paths: Vec<String>,
        /// Print the outcome as one JSON object
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct NodeArguments {
    /// The session: its id, or the beginning or end of it
    pub(crate) session: String,
    /// The node: its name, or the beginning or end of its id
    pub(crate) node: String,
}

#[derive(Debug, Args)]
pub(crate) struct TrashArguments {
    /// The session: its id, or the beginning or end of it
    pub(crate) session: String,
    /// The first node of a branch: its name, or the beginning or end of its id; the whole session if absent
    pub(crate) node: Option<String>,
    /// Print what it is about as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct LimitArguments {
    /// Most model requests of a turn
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    pub(crate) steps: Option<u32>,
    /// Most minutes of a turn
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    pub(crate) minutes: Option<u32>,
    /// Most tokens of a turn, in and out, as the provider reports them
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    pub(crate) tokens: Option<u64>,
}

impl LimitArguments {
    /// Whether one is to be changed.
    pub(crate) fn any(&self) -> bool {
        self.steps.is_some() || self.minutes.is_some() || self.tokens.is_some()
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum ToolCommand {
    /// List the agent's tools, and why those that cannot be used here cannot
    List {
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Run one tool exactly as the agent would
    ///
    /// The result goes to stdout, live output to stderr. A call makes no turn in the tree of the folder's session.
    ///
    /// For example: okcvm tool call shell --workspace . --arguments '{"command": "ls"}'
    Call(CallArguments),
}

#[derive(Debug, Args)]
pub(crate) struct CallArguments {
    /// The tool's name, with or without `mshtools-`
    pub(crate) name: String,
    /// The existing folder to work in; in the tool's arguments, /mnt/okcomputer stands for it
    #[arg(long, value_name = "DIR")]
    pub(crate) workspace: PathBuf,
    /// The tool's arguments as a JSON object; `-` reads them from stdin
    #[arg(long, value_name = "JSON", default_value = "{}")]
    pub(crate) arguments: String,
    /// Print the whole result as one JSON object, with the paths of what it made; no live output
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PythonCommand {
    /// Show how far the environment is, and which kernel runs Python
    Status {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Make the environment, unless it is there; the first use does so by itself
    ///
    /// Packages come with uv if it is installed, else with pip, as your own configuration of these says.
    Create {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Make a new environment in place of the one that is there
    ///
    /// The old one stays in use until the new one is complete.
    Repair {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show all settings in force, those of the environment included
    Show {
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Change one setting in the settings file, for example `limits.maxSteps 40`
    Set {
        /// Its name, as `okcvm config show` prints it
        field: String,
        /// Its new value: text as it is, anything else as JSON
        #[arg(allow_hyphen_values = true)]
        value: String,
    },
    /// List what is always allowed, in every session, or take it away
    Rules {
        /// Take this rule away: its id, or the beginning or end of it
        #[arg(long, value_name = "RULE")]
        remove: Option<String>,
        /// Print one JSON array
        #[arg(long, conflicts_with = "remove")]
        json: bool,
    },
    /// Check the settings file; an error names file, line and field
    Check,
}

/// A path within a workspace, as all of the program writes it: bytes that are no text as U+FFFD and two digits, which
/// can be typed as well.
fn path_text() -> impl TypedValueParser<Value = String> {
    OsStringValueParser::new().map(|path| path.into_string().unwrap_or_else(|path| encode_name(&path)))
}
