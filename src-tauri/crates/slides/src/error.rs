//! What can go wrong in a conversion.

use std::time::Duration;

/// Why a deck could not be converted.
#[derive(Debug, thiserror::Error)]
pub enum SlidesError {
    /// No web engine is there.
    #[error(
        "There is no web engine that could lay the slides out. Install Chromium, Google Chrome or Microsoft Edge \
         (on Debian: apt install chromium), or name one in OKCVM_BROWSER."
    )]
    NoEngine,
    /// The engine does not start.
    #[error("The web engine {program} does not start: {reason}")]
    Start {
        /// Its path.
        program: String,
        /// What it said.
        reason: String,
    },
    /// The engine ended or broke off.
    #[error("The web engine ended while it worked on the slides: {0}")]
    Lost(String),
    /// The engine did not do what it was asked.
    #[error("The web engine could not {what}: {reason}")]
    Refused {
        /// In words.
        what: String,
        /// What it said.
        reason: String,
    },
    /// It took too long.
    #[error("The web engine took longer than {} s to {what}.", .limit.as_secs())]
    Late {
        /// In words.
        what: String,
        /// How long it may take.
        limit: Duration,
    },
    /// There is nothing to convert.
    #[error(
        "The page has no slides: no element has the class ppt-slide. Every slide must be an element like \
         <div class=\"ppt-slide\"> of 1024 by 576 pixels."
    )]
    NoSlides,
    /// More than a presentation should hold.
    #[error("The page has {0} slides; at most {1} are converted.")]
    TooManySlides(usize, usize),
    /// What was measured makes no sense.
    #[error("What was measured in the page cannot be read: {0}")]
    Scene(#[source] serde_json::Error),
    /// The package could not be written.
    #[error("The presentation could not be put together: {0}")]
    Package(#[from] zip::result::ZipError),
    /// The package could not be written.
    #[error("The presentation could not be put together: {0}")]
    Io(#[from] std::io::Error),
    /// It was called off.
    #[error("The conversion was called off.")]
    Cancelled,
}
