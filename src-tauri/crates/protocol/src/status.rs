//! What is installed, what works, what was found.

use crate::{ProviderKind, wire, wire_enum};

wire_enum! {
    /// Where keys are kept.
    pub enum SecretBackend {
        /// The keychain of the operating system.
        Keychain,
        /// A file encrypted with a passphrase.
        EncryptedFile,
        /// Only in memory, until the program ends.
        Memory,
        /// Nowhere yet: the user has not chosen.
        None,
    }

    /// How good a check came out.
    pub enum CheckStatus {
        /// Works.
        Ok,
        /// Works in part.
        Warning,
        /// Does not work.
        Failed,
    }
}

wire! {
    /// Where keys are kept, and whether that works.
    pub struct SecretStatus {
        /// What is in use.
        pub backend: SecretBackend,
        /// The keychain passed write, read and delete.
        pub keychain_works: bool,
        /// Why it did not.
        pub keychain_error: Option<String>,
        /// An encrypted file exists and waits for its passphrase.
        pub file_locked: bool,
        /// Profiles whose key is known, and where it comes from.
        pub keys: Vec<KeyStatus>,
    }

    /// Whether the key of a profile is known. The key itself never travels.
    pub struct KeyStatus {
        /// The profile.
        pub profile: String,
        /// There is one.
        pub set: bool,
        /// It comes from the environment.
        pub from_environment: bool,
    }

    /// A tool of the contract.
    pub struct ToolStatus {
        /// Full name, `mshtools-…`.
        pub name: String,
        /// Offered to the model.
        pub available: bool,
        /// Why not, or what it needs.
        pub reason: Option<String>,
        /// What it is for.
        pub summary: String,
    }

    /// How agent code is held.
    pub struct SandboxStatus {
        /// There is a boundary, so that commands may run.
        pub available: bool,
        /// Full or reduced, in words.
        pub mode: String,
        /// Each layer and whether it holds.
        pub layers: Vec<Check>,
    }

    /// One thing that was looked at.
    pub struct Check {
        /// What.
        pub name: String,
        /// How it came out.
        pub status: CheckStatus,
        /// In words.
        pub message: String,
        /// How to get it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        pub hint: Option<String>,
    }

    /// About this program.
    pub struct AppInfo {
        /// Version.
        pub version: String,
        /// Where all data lies.
        pub data_folder: String,
        /// Where the log files lie.
        pub log_folder: String,
        /// Where deployed sites are served; absent if the port was taken.
        pub deployment_address: Option<String>,
        /// Why sites are not served.
        pub deployment_error: Option<String>,
        /// The tools of the contract.
        pub tools: Vec<ToolStatus>,
        /// How agent code is held.
        pub sandbox: SandboxStatus,
        /// Profiles that come from the environment rather than the settings file.
        pub environment_profile: Option<String>,
    }

    /// A model server that was found on this machine.
    pub struct LocalServer {
        /// Ollama, LM Studio, llama.cpp.
        pub name: String,
        /// Address for a profile.
        pub base_url: String,
        /// Models it offers.
        pub models: Vec<String>,
        /// How to speak to it.
        pub provider: ProviderKind,
    }

    /// What a test of a connection found.
    pub struct ConnectionReport {
        /// Every step worked.
        pub ok: bool,
        /// Address, key, model, streaming, tools, in this order as far as it came.
        pub checks: Vec<Check>,
        /// Models that the endpoint lists.
        pub models: Vec<String>,
        /// Milliseconds to the first token.
        pub first_token_ms: Option<u64>,
    }
}
