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

    /// What is wrong with a document, as a sentence.
    pub(crate) fn document(reason: String, error: &DocumentError) -> Self {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use okcvm_documents::DocumentKind;

    use super::*;

    #[test]
    fn only_what_the_bytes_say_lasts() {
        let kind = DocumentKind::Pdf;
        let document = |error| matches!(Refused::document(String::new(), &error), Refused::Lasting(_));
        assert!(document(DocumentError::Encrypted(kind)) && document(DocumentError::TooLarge(String::new())));
        assert!(!document(DocumentError::TimedOut(Duration::from_secs(10))));
        assert!(!document(DocumentError::Fault(kind)) && !document(DocumentError::Cancelled));
        let decoder = |error| matches!(Refused::decoder(String::new(), Some(&error)), Refused::Lasting(_));
        assert!(decoder(std::io::ErrorKind::UnexpectedEof.into()));
        assert!(!decoder(std::io::Error::from_raw_os_error(5)));
        let path = String::new;
        assert!(matches!(
            Refused::from(PreviewError::Broken { path: path(), what: path() }),
            Refused::Lasting(_)
        ));
        assert!(matches!(Refused::from(PreviewError::Missing { path: path() }), Refused::ForNow(_)));
    }
}
