//! Why a document could not be read.

use std::borrow::Cow;
use std::time::Duration;

use crate::DocumentKind;

/// Why a document could not be read. The words continue a sentence that begins with the name of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
pub enum DocumentError {
    /// There are no bytes.
    #[error("is empty")]
    Empty,
    /// It is protected by a password.
    #[error("is a {} that is encrypted with a password; without the password it cannot be read", .0.name())]
    Encrypted(DocumentKind),
    /// It is a Word, Excel or `PowerPoint` document that is protected by a password; which of them is encrypted, too.
    #[error(
        "is an Office document (docx, xlsx or pptx) that is encrypted with a password; without the password it cannot be read"
    )]
    EncryptedOffice,
    /// It says that it is of this kind, but does not hold what that kind needs.
    #[error("is broken: it looks like a {} but {what}", .kind.name())]
    Broken {
        /// What it looks like.
        kind: DocumentKind,
        /// What is wrong, as the end of a sentence.
        what: String,
    },
    /// It is a document of a kind or in a form that is not read here.
    #[error("cannot be read here: it is {0}")]
    Unsupported(Cow<'static, str>),
    /// A limit was reached before the document could be read.
    #[error("is too large to be read safely: {0}")]
    TooLarge(String),
    /// Reading took too long.
    #[error("took longer than {} seconds to read", .0.as_secs())]
    TimedOut(Duration),
    /// The caller called it off.
    #[error("was not read to the end because the reading was stopped")]
    Cancelled,
    /// A parser broke down.
    #[error("could not be read: the parser for a {} broke down on it", .0.name())]
    Fault(DocumentKind),
}

impl DocumentError {
    /// Whether the bytes say so, so that another reading ends in the same way.
    pub fn is_lasting(&self) -> bool {
        !matches!(self, Self::TimedOut(_) | Self::Cancelled | Self::Fault(_))
    }
}
