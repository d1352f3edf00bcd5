//! Read before write: which state of a file the session has seen.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use okcvm_tools::{ReadStamp, ToolContext, ToolError};
use okcvm_workspace::WorkspacePath;
use sha2::{Digest, Sha256};

/// The stamp of a file's whole content.
pub(crate) fn of_bytes(bytes: &[u8]) -> ReadStamp {
    hex(Sha256::new_with_prefix(bytes))
}

/// The stamp of a hash that was fed with the whole content.
pub(super) fn hex(hash: Sha256) -> ReadStamp {
    ReadStamp { hash: format!("{:x}", hash.finalize()) }
}

/// The stamp of an opened file, which is read from its start to its end unless the call is stopped.
pub(crate) fn of_file(
    context: &ToolContext,
    path: &WorkspacePath,
    file: &mut File,
) -> Result<ReadStamp, ToolError> {
    let failed =
        |error: io::Error| ToolError::for_model(format!("{} could not be read: {error}.", path.mounted()));
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    let mut hash = Sha256::new();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        if context.cancel.is_cancelled() {
            return Err(ToolError::Cancelled(None));
        }
        match file.read(&mut chunk) {
            Ok(0) => return Ok(hex(hash)),
            Ok(count) => hash.update(chunk.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(failed(error)),
        }
    }
}

/// Begins the stamp of a file whose text was shown as Markdown, and not its source.
const AS_MARKDOWN: &str = "markdown:";

/// Whether the session knows the present state of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    Present,
    Earlier,
    Never,
}

pub(crate) fn seen(context: &ToolContext, path: &WorkspacePath, now: &ReadStamp) -> Result<Seen, ToolError> {
    let last = context.reads.last_seen(path.as_str()).map_err(ToolError::Fatal)?;
    Ok(match last {
        None => Seen::Never,
        Some(stamp) if stamp.hash.strip_prefix(AS_MARKDOWN).unwrap_or(&stamp.hash) == now.hash => {
            Seen::Present
        }
        Some(_) => Seen::Earlier,
    })
}

/// Refuses a change of a file whose present state the session does not know.
pub(super) fn require(context: &ToolContext, path: &WorkspacePath, now: &ReadStamp) -> Result<(), ToolError> {
    match seen(context, path, now)? {
        Seen::Present => Ok(()),
        Seen::Never => Err(ToolError::for_model(format!(
            "{} exists and has not been read in this session. Read it with mshtools-read_file first, then try again.",
            path.mounted()
        ))),
        Seen::Earlier => Err(ToolError::for_model(format!(
            "{} has changed on disk since it was last read. Read it again with mshtools-read_file, then try again.",
            path.mounted()
        ))),
    }
}

pub(crate) fn note(context: &ToolContext, path: &WorkspacePath, stamp: &ReadStamp) -> Result<(), ToolError> {
    context.reads.note(path.as_str(), stamp).map_err(ToolError::Fatal)
}

/// Notes that the session has seen the text of a file, but not its source.
pub(super) fn note_markdown(
    context: &ToolContext,
    path: &WorkspacePath,
    stamp: &ReadStamp,
) -> Result<(), ToolError> {
    note(context, path, &ReadStamp { hash: format!("{AS_MARKDOWN}{}", stamp.hash) })
}

/// Notes a state that a change of a part has made: who knew the Markdown alone knows no more of the rest.
pub(super) fn note_part(
    context: &ToolContext,
    path: &WorkspacePath,
    stamp: &ReadStamp,
) -> Result<(), ToolError> {
    let last = context.reads.last_seen(path.as_str()).map_err(ToolError::Fatal)?;
    match last {
        Some(last) if last.hash.starts_with(AS_MARKDOWN) => note_markdown(context, path, stamp),
        Some(_) | None => note(context, path, stamp),
    }
}

/// Whether the session has seen the source of a file, in its present state or an earlier one.
pub(super) fn source_known(context: &ToolContext, path: &WorkspacePath) -> Result<bool, ToolError> {
    let last = context.reads.last_seen(path.as_str()).map_err(ToolError::Fatal)?;
    Ok(last.is_some_and(|stamp| !stamp.hash.starts_with(AS_MARKDOWN)))
}
