//! What can go wrong with a model, worded for the person who must act.

use std::{fmt::Write as _, time::Duration};

use okcvm_protocol::{AppError, ErrorCode};
use thiserror::Error;

/// Who failed: the model and the server, as the profile names them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Host and port.
    pub host: String,
    /// The model's name.
    pub model: String,
}

/// Whether a key was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUse {
    /// A key was sent and refused.
    Sent,
    /// There was none to send.
    Missing,
}

/// Why a model did not answer, or not to the end. No variant holds the key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ModelError {
    /// Called off.
    #[error("The request to the model was stopped.")]
    Cancelled,
    /// The profile's address cannot be used.
    #[error("The address \"{address}\" of the model {model} cannot be used: {reason}.")]
    Address {
        /// As the user entered it, without user and password.
        address: String,
        /// The model.
        model: String,
        /// In words.
        reason: String,
    },
    /// The key cannot be put into a header.
    #[error("The key for {} holds characters that no key can have.", place.host)]
    KeyShape {
        /// Who.
        place: Place,
    },
    /// No connection.
    #[error("{} cannot be reached: {reason}.", place.host)]
    Unreachable {
        /// Who.
        place: Place,
        /// In words.
        reason: String,
    },
    /// 401 or 403.
    #[error("{} {}", place.host, match key {
        KeyUse::Sent => format!("refused the key for the model {}: {message}", place.model),
        KeyUse::Missing => format!("wants a key for the model {}: {message}", place.model),
    })]
    Unauthorized {
        /// Who.
        place: Place,
        /// Sent or missing.
        key: KeyUse,
        /// The server's words.
        message: String,
    },
    /// The server does not have the model.
    #[error("{} does not offer the model {}: {message}", place.host, place.model)]
    UnknownModel {
        /// Who.
        place: Place,
        /// The server's words.
        message: String,
        /// What it offers, if it says so.
        offered: Vec<String>,
    },
    /// The server has nothing at the path that the wire format needs.
    #[error("{} has no {path}: {message}", place.host)]
    WrongPath {
        /// Who.
        place: Place,
        /// What was asked for.
        path: String,
        /// The server's words.
        message: String,
    },
    /// 429 to the end.
    #[error("{} limits requests to {}: {message}", place.host, place.model)]
    RateLimited {
        /// Who.
        place: Place,
        /// The server's words.
        message: String,
        /// Tries made.
        attempts: u32,
        /// Seconds that the server asked to wait.
        wait_seconds: Option<u64>,
    },
    /// 5xx to the end.
    #[error("{} failed with status {status} ({}): {message}", place.host, place.model)]
    ServerFailed {
        /// Who.
        place: Place,
        /// HTTP status.
        status: u16,
        /// The server's words.
        message: String,
        /// Tries made.
        attempts: u32,
    },
    /// The conversation is longer than the model takes.
    #[error("The conversation is too long for {} at {}: {message}", place.model, place.host)]
    ContextTooLong {
        /// Who.
        place: Place,
        /// The server's words.
        message: String,
    },
    /// Another status that is no success.
    #[error("{} refused the request for {} with status {status}: {message}", place.host, place.model)]
    Refused {
        /// Who.
        place: Place,
        /// HTTP status.
        status: u16,
        /// The server's words.
        message: String,
    },
    /// The stream itself carried an error.
    #[error("{} broke off the answer of {}: {message}", place.host, place.model)]
    Reported {
        /// Who.
        place: Place,
        /// The server's words.
        message: String,
    },
    /// Silence past the limit.
    #[error("{} at {} sent nothing for {}.", place.model, place.host, seconds(*limit))]
    Stalled {
        /// Who.
        place: Place,
        /// The limit.
        limit: Duration,
    },
    /// The stream ended before the answer did.
    #[error("The answer of {} at {} was cut off: {reason}.", place.model, place.host)]
    Cut {
        /// Who.
        place: Place,
        /// In words.
        reason: String,
    },
    /// Something that is not the wire format.
    #[error("{} sent something for {} that cannot be read: {detail}", place.host, place.model)]
    Malformed {
        /// Who.
        place: Place,
        /// What came, shortened.
        detail: String,
    },
}

impl ModelError {
    /// The same failure for people: what failed, what to do, and a code where the window branches on it.
    pub fn to_app_error(&self) -> AppError {
        let error = AppError::new(self.to_string());
        match self {
            Self::Cancelled => error.with_code(ErrorCode::Cancelled),
            Self::Address { .. } => error.with_hint(
                "Correct the address in the settings under Models, for example http://127.0.0.1:11434/v1.",
            ),
            Self::KeyShape { .. } => error
                .with_code(ErrorCode::Unauthorized)
                .with_hint("Copy the key again and enter it in the settings under Models."),
            Self::Unreachable { .. } => error.with_hint(
                "Check the address in the settings under Models, that the server runs, and the network; then retry.",
            ),
            Self::Unauthorized { key, .. } => error.with_code(ErrorCode::Unauthorized).with_hint(match key {
                KeyUse::Sent => {
                    "Enter a valid key in the settings under Models, and check that it may use this model; then retry."
                }
                KeyUse::Missing => "Enter the key in the settings under Models; then retry.",
            }),
            Self::UnknownModel { offered, .. } => error.with_hint(if offered.is_empty() {
                "Correct the model's name in the settings under Models.".to_owned()
            } else {
                format!("Choose one of the models that it offers: {}.", listed(offered))
            }),
            Self::WrongPath { .. } => error.with_hint(
                "Check the address in the settings under Models: most servers want it to end in /v1.",
            ),
            Self::RateLimited { attempts, wait_seconds, .. } => error.with_hint(match wait_seconds {
                Some(1) => "The server asks to wait a second; then retry.".to_owned(),
                Some(seconds) => format!("The server asks to wait {seconds} seconds; then retry."),
                None if *attempts == 1 => {
                    "It was tried once. Wait a while or check your plan there; then retry.".to_owned()
                }
                None => format!("It was tried {attempts} times. Wait a while or check your plan there; then retry."),
            }),
            Self::ServerFailed { attempts: 1, .. } => error.with_hint(
                "The fault is on the server's side; it was tried once. Retry later, or choose another model.",
            ),
            Self::ServerFailed { attempts, .. } => error.with_hint(format!(
                "The fault is on the server's side; it was tried {attempts} times. Retry later, or choose another model."
            )),
            Self::ContextTooLong { .. } => error.with_hint(
                "Go back to an earlier point of the session, start a new one, or choose a model with a larger context.",
            ),
            Self::Refused { status, .. } => error.with_hint(if (300..400).contains(status) {
                "The server points elsewhere: enter its final address in the settings under Models."
            } else {
                "Check the model's name and its limits in the settings under Models."
            }),
            Self::Reported { .. } => error.with_hint("What came before is kept. Retry, or choose another model."),
            Self::Stalled { .. } => error.with_hint(
                "What came before is kept. Retry, or raise the stall limit in the settings if the model is slow.",
            ),
            Self::Cut { .. } => error.with_hint("What came before is kept. Retry; if it happens again, check the server."),
            Self::Malformed { .. } => error.with_hint(
                "What came before is kept. Retry; if it happens again, check that the address belongs to a model server of this kind.",
            ),
        }
    }

    /// Who failed, if a server was spoken to.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Self::Cancelled | Self::Address { .. } => None,
            Self::KeyShape { place }
            | Self::Unreachable { place, .. }
            | Self::Unauthorized { place, .. }
            | Self::UnknownModel { place, .. }
            | Self::WrongPath { place, .. }
            | Self::RateLimited { place, .. }
            | Self::ServerFailed { place, .. }
            | Self::ContextTooLong { place, .. }
            | Self::Refused { place, .. }
            | Self::Reported { place, .. }
            | Self::Stalled { place, .. }
            | Self::Cut { place, .. }
            | Self::Malformed { place, .. } => Some(place),
        }
    }
}

fn seconds(limit: Duration) -> String {
    match limit.as_millis() {
        1000 => "1 second".into(),
        millis if millis % 1000 == 0 => format!("{} seconds", millis / 1000),
        millis => format!("{millis} milliseconds"),
    }
}

/// At most twelve names, and how many more there are.
fn listed(names: &[String]) -> String {
    let mut text = names.iter().take(12).map(String::as_str).collect::<Vec<_>>().join(", ");
    if names.len() > 12 {
        let _ = write!(text, " and {} more", names.len() - 12);
    }
    text
}
