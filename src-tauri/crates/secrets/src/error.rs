use std::path::PathBuf;

use okcvm_protocol::{AppError, ErrorCode};

/// Why a key could not be kept, read or forgotten.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The keychain of the operating system failed, or did not answer in time.
    #[error("The keychain of the system cannot be used.")]
    Keychain(#[source] crate::KeychainError),
    /// There is no working keychain, and the user has not said where else keys may be kept.
    #[error("No place for keys has been chosen.")]
    NoPlace {
        /// What is wrong with the keychain.
        keychain: Option<String>,
    },
    /// The encrypted file has not been opened with its passphrase in this run.
    #[error("The key file {} is locked.", .0.display())]
    Locked(PathBuf),
    /// The passphrase does not open the file. The file is untouched.
    #[error("The passphrase does not open the key file {}.", .0.display())]
    WrongPassphrase(PathBuf),
    /// A new file needs a longer passphrase.
    #[error("The passphrase is too short: a new key file needs at least {0} characters.")]
    ShortPassphrase(usize),
    /// The file is not one of ours, or is damaged. It is untouched.
    #[error("The key file {} cannot be read: {reason}.", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file could not be read or written.
    #[error("The key file {} cannot be used.", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
}

impl VaultError {
    /// The same for a person: what failed, what to do, and the code on which a window branches.
    pub fn to_app_error(&self) -> AppError {
        let error = AppError::new(self.to_string());
        let choose = "Choose in the settings where keys are kept: in memory for this run, or in a file \
                      encrypted with a passphrase. A key can also come from the environment.";
        match self {
            Self::Keychain(cause) => {
                error.with_code(ErrorCode::NoKeychain).with_hint(choose).with_detail(cause.to_string())
            }
            Self::NoPlace { keychain } => {
                let error = error.with_code(ErrorCode::NoKeychain).with_hint(choose);
                match keychain {
                    Some(cause) => error.with_detail(cause.clone()),
                    None => error,
                }
            }
            Self::Locked(_) => {
                error.with_code(ErrorCode::Locked).with_hint("Enter its passphrase in the settings.")
            }
            Self::WrongPassphrase(_) => error.with_code(ErrorCode::Locked).with_hint(
                "Nothing was changed. Check the passphrase, also for capital letters, and try again.",
            ),
            Self::ShortPassphrase(_) => error.with_hint("Several words in a row are easy to remember."),
            Self::Damaged { .. } => error.with_hint(
                "Nothing was changed. Move the file away to begin a new one, then enter the keys again.",
            ),
            Self::Io { source, .. } => error
                .with_hint("Check that the folder exists, is yours, and has space left.")
                .with_detail(source.to_string()),
        }
    }
}

impl From<VaultError> for AppError {
    fn from(error: VaultError) -> Self {
        error.to_app_error()
    }
}
