//! Keys in the OS keychain with an honest fallback; redaction of everything that leaves.
//!
//! [`Vault`] keeps one key per model profile. It prefers the keychain of the operating system and proves at
//! start, by writing, reading and deleting an entry, that it works. Where it does not, nothing is chosen
//! silently: the status says why, and the user picks memory for this run or a file encrypted with a passphrase
//! (its format is described at [`EncryptedFile`]). Keys from the environment override all of them.
//!
//! [`Redactor`] removes known keys and common shapes of tokens from text, and [`RedactingWriter`] does so for
//! every line of a log. Keys travel as [`secrecy::SecretString`], which prints as nothing.

mod encrypted_file;
mod error;
mod guarded;
mod keychain;
mod redactor;
mod shapes;
mod vault;
mod writer;

pub use encrypted_file::{EncryptedFile, PassphraseCost};
pub use error::VaultError;
pub use keychain::{Keychain, KeychainError, MemoryKeychain, OsKeychain};
pub use redactor::{REDACTED, Redactor, SHORTEST_SECRET};
pub use secrecy::{ExposeSecret, SecretString};
pub use vault::{Vault, VaultOptions};
pub use writer::{RedactingMakeWriter, RedactingWriter};
