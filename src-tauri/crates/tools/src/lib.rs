//! The tool contract and the registry: what a tool is, what it is given, and how its errors are worded.

mod registry;
mod tool;

pub use okcvm_manifest::{Effect, ToolDefinition};
pub use registry::{ArgumentError, Registry, RegistryError};
pub use tool::{FileReads, ReadStamp, Tool, ToolContext, ToolError, ToolProgress, ToolSink};
