//! Finds the file that an address means, without ever leaving the site.

use std::path::{Path, PathBuf};

use okcvm_protocol::EntryKind;
use okcvm_workspace::{Workspace, WorkspaceError, WorkspacePath};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use crate::PreviewError;
use crate::page::Refusal;
use crate::source::{Material, Moment, Source};

const INDEX: &str = "index.html";
/// What RFC 3986 leaves unreserved.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What is served.
#[derive(Debug, Clone)]
pub(crate) enum Site {
    /// A folder and everything below it.
    Folder(Source),
    /// One file and nothing else.
    File(Source),
}

/// What an address leads to.
#[derive(Debug)]
pub(crate) enum Found {
    /// A file, opened.
    File(Material),
    /// A folder whose address lacks the `/` at its end, so that links in it would go wrong.
    NeedsSlash,
}

impl Site {
    /// Opens what `address` means, which is percent-encoded and relative to the site.
    pub(crate) fn find(&self, address: &str) -> Result<Found, Refusal> {
        let (below, slash) = decode(address).ok_or(Refusal::Missing)?;
        match self {
            Self::File(source) => {
                if slash || Some(below.as_str()) != source.path().file_name() {
                    return Err(Refusal::Missing);
                }
                source.open().map(Found::File).map_err(|error| refusal(&error))
            }
            Self::Folder(Source::Live { workspace, path: folder }) => live(workspace, folder, &below, slash),
            Self::Folder(Source::Snapshot { moment, path: folder }) => {
                recorded(moment, folder, &below, slash).map_err(|error| match error {
                    Unserved::Refused(refusal) => refusal,
                    Unserved::Failed(error) => refusal(&error),
                })
            }
        }
    }
}

fn live(workspace: &Workspace, folder: &WorkspacePath, below: &str, slash: bool) -> Result<Found, Refusal> {
    let path = folder.join(below).map_err(|_| Refusal::Missing)?;
    let open = |path: &WorkspacePath| {
        let name = path.file_name().unwrap_or_default().to_owned();
        Material::of_file(workspace.open_file(path)?, path.as_str().to_owned(), name)
    };
    let confined = |path: &WorkspacePath, found: Material| {
        if stays_below(workspace.root(), folder, path) {
            Ok(Found::File(found))
        } else {
            Err(Refusal::Outside)
        }
    };
    let missing_index = if slash {
        Refusal::NoIndex
    } else {
        match open(&path) {
            Ok(found) => return confined(&path, found),
            Err(error) if is_folder(&error) => return Ok(Found::NeedsSlash),
            Err(error) => return Err(refusal(&error)),
        }
    };
    let index = path.join(INDEX).map_err(|_| Refusal::Missing)?;
    match open(&index).map_err(|error| refusal(&error)) {
        Ok(found) => confined(&index, found),
        Err(Refusal::Missing) if workspace.metadata(&path).ok().flatten().is_some() => Err(missing_index),
        Err(other) => Err(other),
    }
}

/// Why a file of a snapshot is not served.
enum Unserved {
    Refused(Refusal),
    Failed(PreviewError),
}

impl From<Refusal> for Unserved {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl<E: Into<PreviewError>> From<E> for Unserved {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

fn recorded(moment: &Moment, folder: &WorkspacePath, below: &str, slash: bool) -> Result<Found, Unserved> {
    let (history, snapshot) = moment.find()?;
    let top = history.behind_links(&snapshot, folder.as_str())?.ok_or(Refusal::Missing)?;
    let path = folder.join(below)?;
    let found = history.behind_links(&snapshot, path.as_str())?.ok_or(Refusal::Missing)?;
    let wanted = match (found.kind, slash) {
        (EntryKind::Folder, false) => return Ok(Found::NeedsSlash),
        (EntryKind::Folder, true) => path.join(INDEX)?,
        (_, false) => path,
        (_, true) => return Err(Refusal::Missing.into()),
    };
    let real = match history.behind_links(&snapshot, wanted.as_str())? {
        Some(real) => real,
        None if slash => return Err(Refusal::NoIndex.into()),
        None => return Err(Refusal::Missing.into()),
    };
    let is_below =
        top.path.is_empty() || real.path.strip_prefix(&top.path).is_some_and(|rest| rest.starts_with('/'));
    if !is_below {
        return Err(Refusal::Outside.into());
    }
    Ok(Found::File(Source::Snapshot { moment: moment.clone(), path: wanted }.open()?))
}

fn is_folder(error: &PreviewError) -> bool {
    matches!(error, PreviewError::Workspace(error) if matches!(**error, WorkspaceError::IsFolder { .. }))
}

fn refusal(error: &PreviewError) -> Refusal {
    match error {
        PreviewError::Missing { .. } | PreviewError::NoFile { .. } => Refusal::Missing,
        PreviewError::Moment(_) => {
            tracing::warn!(%error, "a file of a moment cannot be opened");
            Refusal::Forgotten
        }
        PreviewError::Workspace(inside) => match **inside {
            WorkspaceError::Outside { .. } => Refusal::Outside,
            WorkspaceError::NotFound { .. }
            | WorkspaceError::NotAFolder { .. }
            | WorkspaceError::IsFolder { .. }
            | WorkspaceError::InvalidPath { .. } => Refusal::Missing,
            _ => {
                tracing::warn!(%error, "a file of a site cannot be opened");
                Refusal::Unreadable
            }
        },
        error => {
            tracing::warn!(%error, "a file of a site cannot be opened");
            Refusal::Unreadable
        }
    }
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
