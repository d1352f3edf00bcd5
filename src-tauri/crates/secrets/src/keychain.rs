use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use secrecy::{ExposeSecret, SecretString};

/// Why the keychain of the operating system did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeychainError {
    /// Nothing on this system answers as a keychain.
    #[error("no keychain answers: {0}")]
    Absent(String),
    /// The keychain is there, but locked, or it refused.
    #[error("the keychain is locked or refuses access: {0}")]
    Refused(String),
    /// It answered with something that makes no sense.
    #[error("the keychain failed: {0}")]
    Failed(String),
    /// It did not answer in time; it may be waiting for a password in a window of its own.
    #[error(
        "the keychain did not answer within {0} seconds; it may be asking for a password in another window"
    )]
    Silent(u64),
}

/// A place of the operating system for secrets. Calls may block for as long as the system likes; the vault
/// bounds them in time.
pub trait Keychain: Send + Sync {
    /// Keeps `secret` under `service` and `account`, in place of an earlier one.
    fn set(&self, service: &str, account: &str, secret: &SecretString) -> Result<(), KeychainError>;

    /// What is kept there.
    fn get(&self, service: &str, account: &str) -> Result<Option<SecretString>, KeychainError>;

    /// Forgets it. Forgetting what is not there succeeds.
    fn delete(&self, service: &str, account: &str) -> Result<(), KeychainError>;
}

/// The keychain of the operating system: Secret Service on Linux and the BSDs, Keychain on macOS, Credential
/// Manager on Windows. Entries carry the attributes `service` and `username`.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsKeychain;

impl OsKeychain {
    fn entry(service: &str, account: &str) -> Result<keyring::Entry, KeychainError> {
        // The crate connects once per process; its constructor of entries hides why that failed.
        if let Err(error) = keyring::Entry::store_status() {
            return Err(KeychainError::Absent(error.to_string()));
        }
        keyring::Entry::new(service, account).map_err(|error| translate(&error))
    }
}

impl Keychain for OsKeychain {
    fn set(&self, service: &str, account: &str, secret: &SecretString) -> Result<(), KeychainError> {
        Self::entry(service, account)?.set_password(secret.expose_secret()).map_err(|error| translate(&error))
    }

    fn get(&self, service: &str, account: &str) -> Result<Option<SecretString>, KeychainError> {
        match Self::entry(service, account)?.get_password() {
            Ok(secret) => Ok(Some(SecretString::from(secret))),
            Err(keyring::Error::NoEntry) => Ok(None),
            Err(error) => Err(translate(&error)),
        }
    }

    fn delete(&self, service: &str, account: &str) -> Result<(), KeychainError> {
        match Self::entry(service, account)?.delete_credential() {
            Ok(()) | Err(keyring::Error::NoEntry) => Ok(()),
            Err(error) => Err(translate(&error)),
        }
    }
}

fn translate(error: &keyring::Error) -> KeychainError {
    match error {
        keyring::Error::NoStorageAccess(cause) => KeychainError::Refused(cause.to_string()),
        keyring::Error::PlatformFailure(cause) => KeychainError::Failed(cause.to_string()),
        keyring::Error::NoDefaultStore => KeychainError::Absent("no store on this system".into()),
        // These two carry the secret itself; their cause must not travel.
        keyring::Error::BadEncoding(_) | keyring::Error::BadDataFormat(..) => {
            KeychainError::Failed("the entry does not hold text".into())
        }
        other => KeychainError::Failed(other.to_string()),
    }
}

/// A keychain that lives in this value: for tests, and for the vault's choice "memory for this run".
#[derive(Default)]
pub struct MemoryKeychain {
    entries: Mutex<BTreeMap<(String, String), SecretString>>,
}

impl std::fmt::Debug for MemoryKeychain {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("MemoryKeychain").finish_non_exhaustive()
    }
}

impl Keychain for MemoryKeychain {
    fn set(&self, service: &str, account: &str, secret: &SecretString) -> Result<(), KeychainError> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.insert((service.into(), account.into()), secret.clone());
        Ok(())
    }

    fn get(&self, service: &str, account: &str) -> Result<Option<SecretString>, KeychainError> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(entries.get(&(service.into(), account.into())).cloned())
    }

    fn delete(&self, service: &str, account: &str) -> Result<(), KeychainError> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.remove(&(service.into(), account.into()));
        Ok(())
    }
}
