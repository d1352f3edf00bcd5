//! Reading, writing and editing files of the workspace.

mod diff;
mod document;
mod edit;
pub(crate) mod encoding;
mod git;
pub(crate) mod kind;
mod line_ends;
mod lines;
mod read;
pub(crate) mod stamp;
mod write;

pub use edit::EditFileTool;
pub use read::ReadFileTool;
pub use write::WriteFileTool;

#[cfg(test)]
pub(crate) use {
    lines::{LINE_CHARACTERS, OUTPUT_CHARACTERS},
    read::DEFAULT_LINES,
    write::MAX_CHARACTERS,
};
