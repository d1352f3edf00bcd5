//! What the command line takes.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Give an agent a computer of its own: files, a shell, and a history that goes back to any moment.
#[derive(Debug, Parser)]
#[command(name = "okcvm", version, propagate_version = true, after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "Environment:
  OKCVM_HOME           all data under this folder
  OKCVM_CHAT_PROVIDER  openai, anthropic or demo
  OKCVM_CHAT_BASE_URL  address of the model, for example http://127.0.0.1:8080/v1
  OKCVM_CHAT_MODEL     name of the model
  OKCVM_CHAT_API_KEY   its key
  OKCVM_DEMO_PACE      full lets the demo model speak without pauses
  OKCVM_LOG            log filter, for example debug

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Send a message and stream the answer
    Run(RunArguments),
    /// Look at sessions and go back in them
    Session {
        #[command(subcommand)]
        command: SessionCommand,
    },
    /// Use the tools by hand
    Tool {
        #[command(subcommand)]
        command: ToolCommand,
    },
    /// Do the demo job: a website from a table of data, by the scripted model with the real tools
    Demo(DemoArguments),
    /// Tell what is installed, what is missing, and how to get it
    Doctor {
        /// One JSON array
        #[arg(long)]
        json: bool,
    },
    /// Look at and change the settings
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
}

#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// What to ask
    pub(crate) prompt: String,
    /// Work in this folder; the session of the folder goes on
    #[arg(long, value_name = "DIR")]
    pub(crate) workspace: Option<PathBuf>,
    /// Go on in this session (an id or its beginning)
    #[arg(long, value_name = "ID", conflicts_with = "workspace")]
    pub(crate) session: Option<String>,
    /// A model profile of the settings; with `OKCVM_CHAT_…` set, the name of a model there
    #[arg(long, value_name = "NAME")]
    pub(crate) model: Option<String>,
    /// Copy these files in first
    #[arg(long = "file", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// One event a line on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// Make a website from this CSV instead of the built-in one
    #[arg(long, value_name = "CSV")]
    pub(crate) file: Option<PathBuf>,
    /// One event a line on stdout
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Scope {
    /// Files, conversation and to-dos
    All,
    /// Only the files
    Files,
    /// Only conversation and to-dos
    Conversation,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionCommand {
    /// List sessions
    List {
        /// Those in the trash
        #[arg(long)]
        trash: bool,
        /// One JSON array
        #[arg(long)]
        json: bool,
    },
    /// Show the conversation of a session
    Show {
        /// An id or its beginning
        session: String,
        /// Everything as one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Show the tree of a session
    Tree {
        /// An id or its beginning
        session: String,
        /// One JSON array of nodes
        #[arg(long)]
        json: bool,
    },
    /// Go to a node, files and conversation, so that the next message branches from it
    Fork {
        /// An id or its beginning
        session: String,
        /// An id or its end
        node: String,
    },
    /// Go to a node; without one, list what would change with --dry-run
    Restore {
        /// An id or its beginning
        session: String,
        /// An id or its end
        #[arg(required_unless_present_any = ["undo", "redo"])]
        node: Option<String>,
        /// What to bring back
        #[arg(long, value_enum, default_value = "all")]
        scope: Scope,
        /// Only list what would change and who wrote it last
        #[arg(long)]
        dry_run: bool,
        /// Take the last restore back
        #[arg(long, conflicts_with_all = ["node", "dry_run", "redo"])]
        undo: bool,
        /// Do the restore again that was taken back
        #[arg(long, conflicts_with_all = ["node", "dry_run"])]
        redo: bool,
    },
    /// Show what a node did to the files
    Diff {
        /// An id or its beginning
        session: String,
        /// An id or its end; the current one if absent
        node: Option<String>,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ToolCommand {
    /// List the tools of the contract
    List {
        /// One JSON array
        #[arg(long)]
        json: bool,
    },
    /// Run one tool exactly as the agent would
    Call {
        /// With or without `mshtools-`
        name: String,
        /// The folder to work in
        #[arg(long, value_name = "DIR")]
        workspace: PathBuf,
        /// A JSON object; `-` reads it from stdin
        #[arg(long, value_name = "JSON", default_value = "{}")]
        arguments: String,
        /// The whole result with the paths of its artifacts
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Show the settings in force
    Show {
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Change one setting, for example `limits.maxSteps 40`
    Set {
        /// Its path
        field: String,
        /// Its value: JSON, or plain words for text
        value: String,
    },
    /// Check the settings file; an error names file, line and field
    Check,
}
