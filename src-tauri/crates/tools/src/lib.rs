//! The tool contract and the registry: what a tool is, what it is given, and how its errors are worded.

mod deletes;
mod permission;
mod registry;
mod tool;

pub use deletes::changes_history;
pub use okcvm_manifest::{Effect, Permission, ToolDefinition};
pub use permission::{
    Consent, Decision, Question, Reads, Spares, Touches, Trust, consent, matches, mode_in_words, patterns,
};
pub use registry::{ArgumentError, Registry, RegistryError};
pub use tool::{FileReads, ReadStamp, Tool, ToolContext, ToolError, ToolProgress, ToolSink};
