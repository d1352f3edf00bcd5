//! Finds the file that an address means, without ever leaving the site.

use std::fs::File;
use std::path::{Path, PathBuf};

use okcvm_workspace::{Workspace, WorkspaceError, WorkspacePath};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::page::Refusal;

const INDEX: &str = "index.html";
/// What RFC 3986 leaves unreserved.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What is served.
#[derive(Debug, Clone)]
pub(crate) enum Site {
    /// A folder and everything below it.
    Folder { workspace: Workspace, folder: WorkspacePath },
    /// One file and nothing else.
    File { workspace: Workspace, file: WorkspacePath },
}

/// What an address leads to.
#[derive(Debug)]
pub(crate) enum Found {
    /// A file, opened.
    File(FoundFile),
    /// A folder whose address lacks the `/` at its end, so that links in it would go wrong.
    NeedsSlash,
}

/// A file, opened.
#[derive(Debug)]
pub(crate) struct FoundFile {
    pub(crate) file: File,
    pub(crate) name: String,
    pub(crate) size: u64,
}

impl Site {
    /// Opens what `address` means, which is percent-encoded and relative to the site.
    pub(crate) fn find(&self, address: &str) -> Result<Found, Refusal> {
        let (below, slash) = decode(address).ok_or(Refusal::Missing)?;
        match self {
            Self::File { workspace, file } => {
                if slash || Some(below.as_str()) != file.file_name() {
                    return Err(Refusal::Missing);
                }
                open(workspace, file).map(Found::File)
            }
            Self::Folder { workspace, folder } => {
                let path = folder.join(&below).map_err(|_| Refusal::Missing)?;
                let confined = |path: &WorkspacePath, found: FoundFile| {
                    if stays_below(workspace.root(), folder, path) {
                        Ok(Found::File(found))
                    } else {
                        Err(Refusal::Outside)
                    }
                };
                let refusal = if slash {
                    Refusal::NoIndex
                } else {
                    match workspace.open_file(&path) {
                        Err(WorkspaceError::IsFolder { .. }) => return Ok(Found::NeedsSlash),
                        opened => return confined(&path, measured(opened, &path)?),
                    }
                };
                let index = path.join(INDEX).map_err(|_| Refusal::Missing)?;
                match open(workspace, &index) {
                    Ok(found) => confined(&index, found),
                    Err(Refusal::Missing) if workspace.metadata(&path).ok().flatten().is_some() => {
                        Err(refusal)
                    }
                    Err(other) => Err(other),
                }
            }
        }
    }
}

fn open(workspace: &Workspace, path: &WorkspacePath) -> Result<FoundFile, Refusal> {
    measured(workspace.open_file(path), path)
}

fn measured(opened: Result<File, WorkspaceError>, path: &WorkspacePath) -> Result<FoundFile, Refusal> {
    let file = opened.map_err(|error| match error {
        WorkspaceError::Outside { .. } => Refusal::Outside,
        WorkspaceError::NotFound { .. }
        | WorkspaceError::NotAFolder { .. }
        | WorkspaceError::IsFolder { .. }
        | WorkspaceError::InvalidPath { .. } => Refusal::Missing,
        other => {
            tracing::warn!(%path, error = %other, "a file of a site cannot be opened");
            Refusal::Unreadable
        }
    })?;
    let size = file.metadata().map_err(|_| Refusal::Unreadable)?.len();
    Ok(FoundFile { file, name: path.file_name().unwrap_or_default().to_owned(), size })
}

/// Whether a path that the workspace opened lies in the folder of the site even when links are followed.
///
/// The workspace has already made sure that nothing outside of *it* is opened; a race here could at most show a
/// page another file of its own session.
fn stays_below(root: &Path, folder: &WorkspacePath, path: &WorkspacePath) -> bool {
    let real = |path: &WorkspacePath| -> Option<PathBuf> { root.join(path.to_os_path()).canonicalize().ok() };
    match (real(folder), real(path)) {
        (Some(folder), Some(path)) => path.starts_with(folder),
        _ => false,
    }
}

/// Decodes an address to a path with `/` between its parts, and whether it names a folder (is empty or ends in
/// `/`). `None` if it could mean anything but a plain path: `.` and `..`, encoded separators, NUL, no UTF-8.
fn decode(address: &str) -> Option<(String, bool)> {
    let mut parts = Vec::new();
    let slash = address.is_empty() || address.ends_with('/');
    for segment in address.split('/').filter(|segment| !segment.is_empty()) {
        let part = percent_decode_str(segment).decode_utf8().ok()?;
        if part == "." || part == ".." || part.contains(['/', '\\', '\0']) {
            return None;
        }
        parts.push(part.into_owned());
    }
    Some((parts.join("/"), slash))
}

/// Encodes a path for an address, keeping its `/`.
pub(crate) fn encode(path: &str) -> String {
    path.split('/').map(|part| utf8_percent_encode(part, SEGMENT).to_string()).collect::<Vec<_>>().join("/")
}
