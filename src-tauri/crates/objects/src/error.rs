//! What can go wrong with objects.

use std::io;
use std::path::{Path, PathBuf};

use crate::id::ObjectId;

/// Why something with an object did not work.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// The store holds no such object.
    #[error("the object {id} is missing")]
    Missing {
        /// Which.
        id: ObjectId,
    },
    /// An object, a pack or an index is not what its format asks for.
    #[error("{what} is damaged: {reason}")]
    Damaged {
        /// Named for a person: "the object 4b82…", "the pack pack-12….pack".
        what: String,
        /// What is wrong.
        reason: String,
    },
    /// The content was made so that SHA-1 gives it the name of another content.
    #[error("a content that was made to deceive SHA-1 is refused")]
    Collision,
    /// A reader gave another number of bytes than was said.
    #[error("{said} bytes were said, and {given} came")]
    OtherSize {
        /// Bytes that were to come.
        said: u64,
        /// Bytes that came; one more than was said stands for any number.
        given: u64,
    },
    /// The bytes that were to be stored could not be read.
    #[error("the content could not be read: {0}")]
    Content(#[source] io::Error),
    /// A file of the store could not be read or written.
    #[error("`{path}` could not be {action}: {source}")]
    Storage {
        /// As a participle: "written".
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The work was called off; nothing changed.
    #[error("the work was called off")]
    Cancelled,
    /// git's library could not do its part.
    #[error("the packs could not be made: {0}")]
    Git(#[from] git2::Error),
}

impl ObjectError {
    pub(crate) fn storage<'a>(
        action: &'static str,
        path: &'a Path,
    ) -> impl FnOnce(io::Error) -> Self + use<'a> {
        move |source| Self::Storage { action, path: path.to_owned(), source }
    }

    /// The file is not sound, or is not there any more; anything else says nothing of it.
    pub(crate) fn is_damaged_or_gone(&self) -> bool {
        match self {
            Self::Damaged { .. } => true,
            Self::Storage { source, .. } => source.kind() == io::ErrorKind::NotFound,
            _ => false,
        }
    }

    /// An object is missing or damaged.
    pub fn is_loss(&self) -> bool {
        matches!(self, Self::Missing { .. } | Self::Damaged { .. })
    }

    pub(crate) fn damaged(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Damaged { what: what.into(), reason: reason.into() }
    }
}

/// The bytes were read and are wrong. An error that the system gave says nothing of them.
pub(crate) fn is_damage(error: &io::Error) -> bool {
    error.raw_os_error().is_none()
}
