//! Parses and validates the tool manifest into typed definitions.
//!
//! The manifest is data: one JSON file per tool and the template of the system prompt, in `tool-manifest` at
//! the top of the repository, whose README describes the fields. It is compiled into the program; every file
//! is checked as a whole when it is parsed, and an error names the file, the line and the field.

mod check;
mod definition;
mod manifest;
mod prompt;

pub use definition::{Effect, Permission, ToolDefinition};
pub use manifest::{Manifest, ManifestError, SYSTEM_PROMPT};
pub use prompt::{MOUNT, PromptFile, PromptValues};
