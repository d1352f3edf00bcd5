//! The one error that leaves the engine.

use crate::{wire, wire_enum};

wire_enum! {
    /// Only the failures on which a window branches.
    pub enum ErrorCode {
        /// The session is written by another program; this one may only read.
        ReadOnly,
        /// The user's folder of a session is not where it was; the session can be told of another place.
        FolderMissing,
        /// The thing that was named does not exist.
        NotFound,
        /// The model's key is missing or was refused.
        Unauthorized,
        /// A turn runs in this session.
        Busy,
        /// The keychain cannot be used.
        NoKeychain,
        /// The encrypted key file needs its passphrase.
        Locked,
        /// The user called it off.
        Cancelled,
        /// A turn reached a limit that the user set.
        LimitReached,
        /// The program ended while the turn was running.
        ProgramEnded,
    }
}

wire! {
    /// What failed (`message`, which names it), what to do (`hint`), and the cause for experts (`detail`).
    pub struct AppError {
        /// Present only if a window branches on it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        pub code: Option<ErrorCode>,
        /// What failed, naming it.
        pub message: String,
        /// What the person can do.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        pub hint: Option<String>,
        /// The technical cause.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        pub detail: Option<String>,
    }
}

impl AppError {
    /// An error that says only what failed.
    pub fn new(message: impl Into<String>) -> Self {
        Self { code: None, message: message.into(), hint: None, detail: None }
    }

    /// The same with a code to branch on.
    #[must_use]
    pub fn with_code(mut self, code: ErrorCode) -> Self {
        self.code = Some(code);
        self
    }

    /// The same with advice.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The same with the technical cause.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

impl std::fmt::Display for AppError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.message)?;
        if let Some(hint) = &self.hint {
            write!(formatter, " {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for AppError {}
