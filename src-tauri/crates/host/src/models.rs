//! Models of profiles, with their keys from the vault.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use okcvm_engine::ModelSource;
use okcvm_model::{ChatModel, DemoPace, ModelOptions, RetryPolicy, connect};
use okcvm_protocol::{AppError, ErrorCode, ModelProfile, ProviderKind, Settings};
use okcvm_secrets::{SecretString, Vault};

/// Finds models by the settings in force.
pub(crate) struct ProfileModels {
    pub(crate) settings: Arc<RwLock<Settings>>,
    pub(crate) vault: Arc<Vault>,
    pub(crate) demo_pace: DemoPace,
}

impl ProfileModels {
    /// How to reach the model of a profile. Without a key of its own, the kept one is taken. May ask the keychain.
    pub(crate) fn options(
        &self,
        profile: ModelProfile,
        key: Option<SecretString>,
    ) -> Result<ModelOptions, AppError> {
        let key = match (profile.provider, key) {
            (ProviderKind::Demo, _) => None,
            (_, Some(key)) => Some(key),
            (ProviderKind::OpenAi | ProviderKind::Anthropic, None) => {
                self.vault.get(&profile.id).map_err(|error| error.to_app_error())?
            }
        };
        let seconds = self.settings.read().unwrap_or_else(PoisonError::into_inner).stall_seconds;
        Ok(ModelOptions {
            profile,
            key,
            stall: Duration::from_secs(u64::from(seconds)),
            retry: RetryPolicy::default(),
            demo_pace: self.demo_pace,
        })
    }
}

impl ModelSource for ProfileModels {
    fn model(&self, profile: &str) -> Result<Arc<dyn ChatModel>, AppError> {
        let found = self
            .settings
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .profiles
            .iter()
            .find(|candidate| candidate.id == profile)
            .cloned();
        let profile = found.ok_or_else(|| {
            AppError::new(format!("The model “{profile}” of this session is no longer in the settings."))
                .with_code(ErrorCode::NotFound)
                .with_hint("Choose another model for the session.")
        })?;
        let options = self.options(profile, None)?;
        connect(options).map_err(|error| error.to_app_error())
    }
}
