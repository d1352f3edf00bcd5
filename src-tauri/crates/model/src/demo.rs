//! The demo model: scripted, offline, deterministic, and open about it. It drives the real tools by looking
//! at what the user asked, which files came along, and what the tools answered so far.

use async_trait::async_trait;
use okcvm_protocol::ModelProfile;
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use crate::{ChatModel, DemoPace, FinishReason, ModelError, ModelEvent, ModelRequest};

mod conversation;
mod deck;
mod jobs;
mod language;
mod pace;
mod palette;
mod script;
mod site;
mod table;
mod wish;

/// The demo model.
pub(crate) struct DemoModel {
    name: String,
    pace: DemoPace,
}

impl DemoModel {
    pub fn new(profile: &ModelProfile, pace: DemoPace) -> Self {
        Self { name: profile.model.clone(), pace }
    }
}

#[async_trait]
impl ChatModel for DemoModel {
    fn name(&self) -> &str {
        &self.name
    }

    fn vision(&self) -> bool {
        false
    }

    async fn stream(
        &self,
        request: ModelRequest,
        events: Sender<ModelEvent>,
        cancel: &CancellationToken,
    ) -> Result<FinishReason, ModelError> {
        let step = jobs::next_step(&request);
        cancel
            .run_until_cancelled(pace::speak(step, request.messages.len(), self.pace, &events))
            .await
            .unwrap_or(Err(ModelError::Cancelled))
    }
}

#[cfg(test)]
#[path = "demo_tests.rs"]
mod tests;
