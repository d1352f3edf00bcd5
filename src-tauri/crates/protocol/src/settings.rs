//! Settings that the user can change. Keys are not among them: they live in the keychain.

use crate::{wire, wire_enum};

wire_enum! {
    /// How to speak to a model.
    pub enum ProviderKind {
        /// The scripted model inside the app.
        Demo,
        /// OpenAI-compatible chat completions.
        OpenAi,
        /// Anthropic Messages.
        Anthropic,
    }

    /// Colours.
    pub enum Theme {
        /// As the desktop has it.
        System,
        /// Light.
        Light,
        /// Dark.
        Dark,
    }

    /// Language of the window.
    pub enum Language {
        /// As the desktop has it.
        System,
        /// English.
        En,
        /// Simplified Chinese.
        Zh,
    }
}

wire! {
    /// Prices that the user entered, per million tokens.
    pub struct Prices {
        /// For example `USD`.
        pub currency: String,
        /// Prompt tokens.
        pub input: f64,
        /// Prompt tokens from the cache.
        pub cached_input: Option<f64>,
        /// Answer tokens.
        pub output: f64,
    }

    /// A model that can be chosen.
    pub struct ModelProfile {
        /// A short name, unique in the settings; also the name of its key in the keychain.
        pub id: String,
        /// For people.
        pub name: String,
        /// How to speak to it.
        pub provider: ProviderKind,
        /// Address, for example `https://models.example/v1`; empty for the demo.
        pub base_url: String,
        /// The model's name at the provider.
        pub model: String,
        /// The model takes pictures.
        pub vision: bool,
        /// Most tokens of one answer; the provider's default if absent.
        pub max_tokens: Option<u32>,
        /// Prices that the user entered; no others exist.
        pub prices: Option<Prices>,
    }

    /// Limits of a turn.
    pub struct TurnLimits {
        /// Model requests.
        pub max_steps: u32,
        /// Minutes.
        pub max_minutes: u32,
        /// Tokens in and out, as reported.
        pub max_tokens: u64,
    }

    /// Limits of an import.
    pub struct ImportLimits {
        /// Bytes of one file.
        pub max_file_bytes: u64,
        /// Bytes in all.
        pub max_total_bytes: u64,
        /// Files in all.
        pub max_files: u64,
    }

    /// Limits of the history.
    pub struct HistoryLimits {
        /// Bytes that the history of one session is to stay under.
        pub session_budget_bytes: u64,
        /// Bytes that the histories of all sessions are to stay under.
        pub total_budget_bytes: u64,
        /// Files with more bytes are left out of snapshots.
        pub max_file_bytes: u64,
        /// Days after which what lies in the trash is removed for good.
        pub trash_days: u32,
    }

    /// How the window looks.
    pub struct Appearance {
        /// Colours.
        pub theme: Theme,
        /// Language.
        pub language: Language,
    }

    /// All settings, in the order of the file.
    pub struct Settings {
        /// The profile that new sessions use.
        pub default_profile: String,
        /// Every profile; the demo is always there.
        pub profiles: Vec<ModelProfile>,
        /// Limits of a turn in new sessions.
        pub limits: TurnLimits,
        /// Limits of an import.
        pub import: ImportLimits,
        /// Limits of the history.
        pub history: HistoryLimits,
        /// Looks.
        pub appearance: Appearance,
        /// Seconds of silence after which a model counts as stalled.
        pub stall_seconds: u32,
        /// The port of deployed sites on this machine; chosen once and kept.
        pub deployment_port: Option<u16>,
        /// Where the user wants keys to be kept, if not in the keychain.
        pub key_storage: Option<crate::SecretBackend>,
        /// The first-run page was answered.
        pub first_run_done: bool,
    }
}

/// The id of the demo profile, which is always there.
pub const DEMO_PROFILE: &str = "demo";

/// The id of the profile that `OKCVM_CHAT_…` variables describe; it exists only while they are set.
pub const ENVIRONMENT_PROFILE: &str = "environment";

impl Default for TurnLimits {
    fn default() -> Self {
        Self { max_steps: 60, max_minutes: 30, max_tokens: 2_000_000 }
    }
}

impl Default for ImportLimits {
    fn default() -> Self {
        Self { max_file_bytes: 2 << 30, max_total_bytes: 8 << 30, max_files: 100_000 }
    }
}

impl Default for HistoryLimits {
    fn default() -> Self {
        Self {
            session_budget_bytes: 5_000_000_000,
            total_budget_bytes: 20_000_000_000,
            max_file_bytes: 100_000_000,
            trash_days: 30,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            default_profile: DEMO_PROFILE.into(),
            profiles: vec![ModelProfile {
                id: DEMO_PROFILE.into(),
                name: "Demo".into(),
                provider: ProviderKind::Demo,
                base_url: String::new(),
                model: "okcvm-demo".into(),
                vision: false,
                max_tokens: None,
                prices: None,
            }],
            limits: TurnLimits::default(),
            import: ImportLimits::default(),
            history: HistoryLimits::default(),
            appearance: Appearance { theme: Theme::System, language: Language::System },
            stall_seconds: 300,
            deployment_port: None,
            key_storage: None,
            first_run_done: false,
        }
    }
}
