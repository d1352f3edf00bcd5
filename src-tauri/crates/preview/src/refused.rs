//! Why nothing was found out of a content, or drawn of it, and whether that is for good.

use okcvm_documents::DocumentError;

use crate::PreviewError;

/// Why there is nothing, a sentence for people.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The bytes say so: it will be the same next time.
    Lasting(String),
    /// It may go better next time: it took too long, could not be read, or something broke down on it.
    ForNow(String),
}

impl Refused {
    pub(crate) fn reason(self) -> String {
        match self {
            Self::Lasting(reason) | Self::ForNow(reason) => reason,
        }
    }

    /// What is wrong with a document, which `subject` names.
    pub(crate) fn document(subject: &str, error: &DocumentError) -> Self {
        let reason = format!("{subject} {error}.");
        if error.is_lasting() { Self::Lasting(reason) } else { Self::ForNow(reason) }
    }

    /// What a decoder says; `source` is the error of the system, if it was one.
    pub(crate) fn decoder(reason: String, source: Option<&std::io::Error>) -> Self {
        if source.is_some_and(|source| source.raw_os_error().is_some()) {
            Self::ForNow(reason)
        } else {
            Self::Lasting(reason)
        }
    }
}

impl From<PreviewError> for Refused {
    fn from(error: PreviewError) -> Self {
        let reason = error.to_app_error().to_string();
        match error {
            PreviewError::Broken { .. } | PreviewError::TooLarge { .. } => Self::Lasting(reason),
            PreviewError::Document { source, .. } if source.is_lasting() => Self::Lasting(reason),
            _ => Self::ForNow(reason),
        }
    }
}
