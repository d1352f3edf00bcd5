//! How the lines of a text end.

use std::borrow::Cow;

/// How the lines of a file end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineEnds {
    /// All with a line feed, or there is one line.
    Feed,
    /// All with carriage return and line feed.
    ReturnFeed,
    /// Some with this, some with that.
    Mixed,
}

impl LineEnds {
    pub(super) fn of(text: &str) -> Self {
        let feeds = text.matches('\n').count();
        let pairs = text.matches("\r\n").count();
        match pairs {
            0 => Self::Feed,
            pairs if pairs == feeds => Self::ReturnFeed,
            _ => Self::Mixed,
        }
    }

    /// What the model wrote, with the line ends of the file.
    pub(super) fn apply(self, text: &str) -> String {
        match self {
            Self::Feed => text.replace("\r\n", "\n"),
            Self::ReturnFeed => text.replace("\r\n", "\n").replace('\n', "\r\n"),
            Self::Mixed => text.to_owned(),
        }
    }

    /// Text for a whole file, or for its end: it ends its lines as the file does if that ends all with both characters.
    /// Otherwise it stays as it was written, since it may mean to.
    pub(super) fn continued(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::ReturnFeed => Cow::Owned(self.apply(text)),
            Self::Feed | Self::Mixed => Cow::Borrowed(text),
        }
    }
}
