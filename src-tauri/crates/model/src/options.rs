//! How to reach a model.

use std::{sync::Arc, time::Duration};

use okcvm_protocol::{ModelProfile, ProviderKind};
use secrecy::SecretString;

use crate::{
    ChatModel, ModelError,
    demo::DemoModel,
    wire::{WireFormat, WireModel},
};

/// Everything that a model needs to be reached.
#[derive(Debug, Clone)]
pub struct ModelOptions {
    /// Which model, and where.
    pub profile: ModelProfile,
    /// Its key; absent for servers that want none.
    pub key: Option<SecretString>,
    /// Silence after which the model counts as stalled.
    pub stall: Duration,
    /// What to do when the server is busy.
    pub retry: RetryPolicy,
    /// How fast the demo model speaks.
    pub demo_pace: DemoPace,
}

/// How failures before the first token are tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Tries in all, the first included.
    pub max_attempts: u32,
    /// The pause before the second try; it doubles from there, with jitter.
    pub base_delay: Duration,
    /// The longest pause. A server that asks for more is not asked again.
    pub max_delay: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { max_attempts: 4, base_delay: Duration::from_millis(500), max_delay: Duration::from_secs(60) }
    }
}

impl RetryPolicy {
    /// Tries once.
    pub const fn once() -> Self {
        Self { max_attempts: 1, base_delay: Duration::ZERO, max_delay: Duration::ZERO }
    }

    /// The pause before the attempt of that number (2 for the first retry): exponential, between half and the
    /// whole of its step, so that many clients do not come back together.
    pub(crate) fn delay(&self, attempt: u32) -> Duration {
        let doubled = self.base_delay.saturating_mul(1 << attempt.saturating_sub(2).min(16));
        doubled.min(self.max_delay).mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

/// How fast the demo model speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DemoPace {
    /// As if somebody typed, in small pieces; a whole job stays under half a minute.
    #[default]
    Human,
    /// Without pauses.
    Full,
}

/// Makes a model of a profile. Nothing is sent yet.
pub fn connect(options: ModelOptions) -> Result<Arc<dyn ChatModel>, ModelError> {
    Ok(match options.profile.provider {
        ProviderKind::Demo => Arc::new(DemoModel::new(&options.profile, options.demo_pace)),
        ProviderKind::OpenAi => Arc::new(WireModel::new(WireFormat::OpenAi, options)?),
        ProviderKind::Anthropic => Arc::new(WireModel::new(WireFormat::Anthropic, options)?),
    })
}
