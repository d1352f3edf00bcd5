//! What can go wrong in a workspace, worded so that a model or a person can act on it.

use std::io;

use okcvm_protocol::{AppError, ErrorCode};
use rustix::io::Errno;

/// Why something in the workspace did not work. Paths are relative to the workspace unless they are said
/// to lie outside.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// The text is no path of the workspace.
    #[error(
        "`{path}` is not a path of the workspace: {reason}. Use a path below /mnt/okcomputer, or a relative one."
    )]
    InvalidPath {
        /// As it was given.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The path, or a symbolic link on it, leads out of the workspace.
    #[error("`{path}` leads out of the workspace (by a symbolic link); only files inside can be used.")]
    Outside {
        /// Relative to the workspace.
        path: String,
    },
    /// Nothing of that name is there.
    #[error("`{path}` does not exist in the workspace.")]
    NotFound {
        /// Relative to the workspace.
        path: String,
    },
    /// A file was asked for.
    #[error("`{path}` is a folder, not a file.")]
    IsFolder {
        /// Relative to the workspace.
        path: String,
    },
    /// A folder was asked for, or a file stands where a folder is needed.
    #[error("`{path}` is not a folder, or a part of it is a file.")]
    NotAFolder {
        /// Relative to the workspace.
        path: String,
    },
    /// A pipe, socket or device.
    #[error("`{path}` is neither a file nor a folder (a pipe, socket or device) and is not opened.")]
    Special {
        /// Relative to the workspace.
        path: String,
    },
    /// Symbolic links that lead to each other.
    #[error("`{path}` goes through too many symbolic links.")]
    TooManyLinks {
        /// Relative to the workspace.
        path: String,
    },
    /// No space is left, or a quota is used up.
    #[error("The disk is full: `{path}` could not be written. Free some space and try again.")]
    DiskFull {
        /// What was being written.
        path: String,
    },
    /// The operating system refused.
    #[error("`{path}` could not be {action}: {source}.")]
    Io {
        /// As a participle: "read", "written".
        action: &'static str,
        /// What it was about.
        path: String,
        /// The system's answer.
        source: io::Error,
    },
    /// A folder that must not become a workspace.
    #[error("`{path}` cannot be used as a workspace: {reason}.")]
    FolderRefused {
        /// The folder as it was given.
        path: String,
        /// Why, without a full stop.
        reason: String,
    },
    /// A dropped folder holds the folder that it should be copied into.
    #[error("`{source_path}` contains the folder that it should be copied into, so it cannot be copied.")]
    ContainsTarget {
        /// The path outside.
        source_path: String,
    },
    /// Looking at what should be copied was called off.
    #[error("Adding the files was called off.")]
    CalledOff,
    /// The target of a copy lies inside of what is copied.
    #[error("`{path}` lies inside the workspace; a copy of the workspace has to go elsewhere.")]
    CopyIntoItself {
        /// The destination.
        path: String,
    },
    /// It was copied to where it should go, but some of it could not be removed from its place.
    #[error("`{path}` was copied, but not all of it could be removed: {reason}. The copy was kept.")]
    PartlyRemoved {
        /// Relative to the workspace.
        path: String,
        /// Why, without a full stop.
        reason: String,
    },
    /// Changes cannot be watched.
    #[error("`{path}` cannot be watched for changes: {reason}.")]
    Watch {
        /// The folder.
        path: String,
        /// The system's answer.
        reason: String,
    },
}

impl WorkspaceError {
    /// The error of the operating system at `path`, sorted into the variants that a caller can act on.
    pub(crate) fn from_errno(error: Errno, action: &'static str, path: &str) -> Self {
        let path = if path.is_empty() { "." } else { path }.to_owned();
        match error {
            Errno::XDEV => Self::Outside { path },
            Errno::NOENT => Self::NotFound { path },
            Errno::ISDIR => Self::IsFolder { path },
            Errno::NOTDIR => Self::NotAFolder { path },
            Errno::LOOP => Self::TooManyLinks { path },
            Errno::NXIO => Self::Special { path },
            Errno::NOSPC | Errno::DQUOT => Self::DiskFull { path },
            other => Self::Io { action, path, source: other.into() },
        }
    }

    /// The same for an error of the standard library.
    pub(crate) fn from_io(error: io::Error, action: &'static str, path: &str) -> Self {
        match Errno::from_io_error(&error) {
            Some(errno) => Self::from_errno(errno, action, path),
            None => Self::Io { action, path: path.to_owned(), source: error },
        }
    }

    /// The error as it leaves the engine.
    pub fn to_app_error(&self) -> AppError {
        let error = AppError::new(self.to_string());
        match self {
            Self::NotFound { .. } => error.with_code(ErrorCode::NotFound),
            Self::CalledOff => error.with_code(ErrorCode::Cancelled),
            Self::FolderRefused { .. } => error.with_hint(
                "Choose a folder inside your home folder, for example a new one for this project.",
            ),
            Self::Io { source, .. } => error.with_detail(source.to_string()),
            Self::Watch { reason, .. } => error
                .with_hint("The view is not refreshed by itself; reload it by hand.")
                .with_detail(reason.clone()),
            Self::PartlyRemoved { .. } => {
                error.with_hint("The trash has the copy. What is left in its place can be deleted again.")
            }
            Self::InvalidPath { .. }
            | Self::Outside { .. }
            | Self::IsFolder { .. }
            | Self::NotAFolder { .. }
            | Self::Special { .. }
            | Self::TooManyLinks { .. }
            | Self::DiskFull { .. }
            | Self::ContainsTarget { .. }
            | Self::CopyIntoItself { .. } => error,
        }
    }
}
