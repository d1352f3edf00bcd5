//! A model behind HTTP: one request, retried before its first token, read to its end.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures::StreamExt as _;
use okcvm_protocol::{ModelProfile, Usage};
use reqwest::{Response, header::CONTENT_TYPE};
use serde_json::Value;
use tokio::{sync::mpsc::Sender, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    ChatModel, FinishReason, ModelError, ModelEvent, ModelOptions, ModelRequest, RetryPolicy,
    endpoint::{Endpoint, Refusal},
    reader::{Reader, StreamFault, shortened},
    sse::SseParser,
    usage::priced,
};

mod anthropic;
mod calls;
mod openai;
mod quirks;
mod schema;

use quirks::Quirks;

/// Time for the usage that follows the finish reason, from servers that keep the connection open.
const AFTER_FINISH: Duration = Duration::from_secs(5);
/// Bytes of an answer that comes whole.
const WHOLE_BYTES: usize = 64 << 20;
/// Bytes kept of an answer, to show what it was if it was no stream.
const START_BYTES: usize = 400;

/// The two wire formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WireFormat {
    OpenAi,
    Anthropic,
}

impl WireFormat {
    pub fn chat_path(self) -> &'static str {
        match self {
            Self::OpenAi => "/chat/completions",
            Self::Anthropic => "/v1/messages",
        }
    }

    pub fn models_path(self) -> &'static str {
        match self {
            Self::OpenAi => "/models",
            Self::Anthropic => "/v1/models",
        }
    }

    fn body(self, request: &ModelRequest, profile: &ModelProfile, quirks: Quirks) -> Value {
        match self {
            Self::OpenAi => openai::body(request, profile, quirks),
            Self::Anthropic => anthropic::body(request, profile, quirks),
        }
    }

    fn reader(self) -> Box<dyn Reader> {
        match self {
            Self::OpenAi => Box::new(openai::OpenAiReader::default()),
            Self::Anthropic => Box::new(anthropic::AnthropicReader::default()),
        }
    }
}

/// A model behind HTTP.
pub(crate) struct WireModel {
    format: WireFormat,
    endpoint: Endpoint,
    profile: ModelProfile,
    stall: Duration,
    retry: RetryPolicy,
    /// What this server was found not to take; kept for later requests.
    quirks: Mutex<Quirks>,
}

/// Why an attempt failed.
enum Failure {
    /// For good.
    Final(ModelError),
    /// Worth another try.
    Transient { error: ModelError, wait: Option<Duration> },
    /// The request was refused for a reason that the next one avoids.
    Rephrased,
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        Self::Final(error)
    }
}

/// Where events go, and what is known of the answer whatever happens to it.
struct Outlet {
    events: Sender<ModelEvent>,
    begun: bool,
    usage: Usage,
}

impl Outlet {
    async fn send(&mut self, event: ModelEvent) -> Result<(), ModelError> {
        self.events.send(event).await.map_err(|_| ModelError::Cancelled)
    }
}

#[async_trait]
impl ChatModel for WireModel {
    #[allow(clippy::misnamed_getters, reason = "the profile's own name is for people")]
    fn name(&self) -> &str {
        &self.profile.model
    }

    fn vision(&self) -> bool {
        self.profile.vision
    }

    async fn stream(
        &self,
        request: ModelRequest,
        events: Sender<ModelEvent>,
        cancel: &CancellationToken,
    ) -> Result<FinishReason, ModelError> {
        let mut outlet = Outlet { events, begun: false, usage: Usage::default() };
        // Dropping the attempt closes its connection.
        let outcome = cancel
            .run_until_cancelled(self.answer(&request, &mut outlet))
            .await
            .unwrap_or(Err(ModelError::Cancelled));
        if outlet.usage != Usage::default() {
            let usage = ModelEvent::Usage(priced(outlet.usage, self.profile.prices.as_ref()));
            if cancel.is_cancelled() {
                // Nobody may be listening any more.
                let _ = outlet.events.try_send(usage);
            } else {
                let _ = cancel.run_until_cancelled(outlet.events.send(usage)).await;
            }
        }
        outcome
    }
}

impl WireModel {
    pub fn new(format: WireFormat, options: ModelOptions) -> Result<Self, ModelError> {
        let ModelOptions { profile, key, stall, retry, demo_pace: _ } = options;
        let endpoint = Endpoint::new(format, &profile, key)?;
        Ok(Self { format, endpoint, profile, stall, retry, quirks: Mutex::new(Quirks::default()) })
    }

    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    async fn answer(&self, request: &ModelRequest, outlet: &mut Outlet) -> Result<FinishReason, ModelError> {
        let mut attempt = 1;
        loop {
            let (error, wait) = match self.attempt(request, outlet).await {
                Ok(finish) => return Ok(finish),
                Err(Failure::Final(error)) => return Err(with_attempts(error, attempt)),
                Err(Failure::Rephrased) => continue,
                Err(Failure::Transient { error, wait }) => (error, wait),
            };
            let too_long = wait.is_some_and(|wait| wait > self.retry.max_delay);
            if attempt >= self.retry.max_attempts || too_long || outlet.begun {
                return Err(with_attempts(error, attempt));
            }
            attempt += 1;
            let delay = wait.unwrap_or_default().max(self.retry.delay(attempt));
            tracing::warn!(model = %self.profile.model, host = %self.endpoint.place.host, attempt, ?delay, %error, "model request is retried");
            outlet
                .send(ModelEvent::Attempt {
                    number: attempt,
                    delay_ms: delay.as_millis() as u64,
                    reason: error.to_string(),
                })
                .await?;
            tokio::time::sleep(delay).await;
        }
    }

    async fn attempt(&self, request: &ModelRequest, outlet: &mut Outlet) -> Result<FinishReason, Failure> {
        let quirks = *self.quirks.lock().unwrap_or_else(PoisonError::into_inner);
        let body = self.format.body(request, &self.profile, quirks);
        let sending = self.endpoint.chat(&body)?.send();
        let response = match timeout(self.stall, sending).await {
            Err(_) => return Err(self.stalled().into()),
            Ok(Err(error)) => {
                return Err(Failure::Transient { error: self.endpoint.unreachable(&error), wait: None });
            }
            Ok(Ok(response)) => response,
        };
        if !response.status().is_success() {
            let refusal = self.endpoint.refusal(response).await;
            return Err(self.refused(refusal, quirks, &body).await);
        }
        self.read(response, outlet).await
    }

    /// What a refusal means.
    async fn refused(&self, refusal: Refusal, quirks: Quirks, body: &Value) -> Failure {
        let place = self.endpoint.place.clone();
        let Refusal { status, message, code, wait } = refusal;
        let lower = format!("{code} {message}").to_lowercase();
        match status {
            401 | 403 => ModelError::Unauthorized { place, key: self.endpoint.key_use(), message }.into(),
            429 => {
                let error = ModelError::RateLimited {
                    place,
                    message,
                    attempts: 1,
                    wait_seconds: wait.map(|wait| wait.as_secs_f64().ceil() as u64),
                };
                // No pause refills an empty account.
                if lower.contains("insufficient_quota") {
                    Failure::Final(error)
                } else {
                    Failure::Transient { error, wait }
                }
            }
            408 | 500..=599 => {
                let error = ModelError::ServerFailed { place, status, message, attempts: 1 };
                if matches!(status, 501 | 505) {
                    Failure::Final(error)
                } else {
                    Failure::Transient { error, wait }
                }
            }
            400 | 413 | 422 if is_context_overflow(&lower) => {
                ModelError::ContextTooLong { place, message }.into()
            }
            400 | 404 | 422 => {
                if let Some(next) = quirks.after(status, &lower, body) {
                    tracing::info!(host = %place.host, ?next, message, "request is sent in another form");
                    *self.quirks.lock().unwrap_or_else(PoisonError::into_inner) = next;
                    return Failure::Rephrased;
                }
                let names_model = names_missing_model(&lower);
                if status != 404 && !names_model {
                    return ModelError::Refused { place, status, message }.into();
                }
                let offered = self.endpoint.models().await.ok().and_then(Result::ok).unwrap_or_default();
                let missing = !offered.is_empty() && !offered.contains(&self.profile.model);
                if names_model || missing {
                    ModelError::UnknownModel { place, message, offered }.into()
                } else {
                    ModelError::WrongPath { place, path: self.endpoint.chat_path(), message }.into()
                }
            }
            _ => ModelError::Refused { place, status, message }.into(),
        }
    }

    async fn read(&self, response: Response, outlet: &mut Outlet) -> Result<FinishReason, Failure> {
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or("");
        let comes_whole = kind.starts_with("application/json");
        let mut reader = self.format.reader();
        let mut parser = SseParser::default();
        let mut start: Vec<u8> = Vec::new();
        let mut any_event = false;
        let mut broken = None;
        let mut body = response.bytes_stream();
        while !reader.done() {
            let limit = if reader.finish().is_some() { self.stall.min(AFTER_FINISH) } else { self.stall };
            let piece = match timeout(limit, body.next()).await {
                Err(_) if reader.finish().is_some() => break,
                Err(_) => return Err(self.stalled().into()),
                Ok(None) => break,
                Ok(Some(Err(error))) => {
                    broken = Some(error);
                    break;
                }
                Ok(Some(Ok(piece))) => piece,
            };
            let keep = if comes_whole { WHOLE_BYTES } else { START_BYTES };
            start.extend_from_slice(&piece[..piece.len().min(keep.saturating_sub(start.len()))]);
            if comes_whole {
                continue;
            }
            let events = parser.feed(&piece).map_err(|_| self.malformed("a line without an end"))?;
            for event in events {
                any_event = true;
                let parts = reader.event(&event);
                self.pass(parts, reader.as_ref(), outlet).await?;
            }
        }
        if comes_whole && broken.is_none() {
            any_event = true;
            let whole = serde_json::from_slice::<Value>(&start)
                .map_err(|_| self.malformed(&String::from_utf8_lossy(&start)))?;
            let parts = reader.whole(&whole);
            self.pass(parts, reader.as_ref(), outlet).await?;
        } else if broken.is_none()
            && !reader.done()
            && let Some(event) = parser.finish()
        {
            any_event = true;
            let parts = reader.event(&event);
            self.pass(parts, reader.as_ref(), outlet).await?;
        }
        if let Some(finish) = reader.finish() {
            return Ok(finish);
        }
        let place = self.endpoint.place.clone();
        Err(match broken {
            Some(error) => {
                let ModelError::Unreachable { reason, .. } = self.endpoint.unreachable(&error) else {
                    return Err(self.malformed("").into());
                };
                ModelError::Cut { place, reason: format!("the connection broke ({reason})") }
            }
            None if !any_event && !start.is_empty() => self.malformed(&String::from_utf8_lossy(&start)),
            None => ModelError::Cut { place, reason: "the stream ended without a finish".into() },
        }
        .into())
    }

    /// Hands on what a reader made of an event.
    async fn pass(
        &self,
        parts: Result<Vec<ModelEvent>, StreamFault>,
        reader: &dyn Reader,
        outlet: &mut Outlet,
    ) -> Result<(), Failure> {
        outlet.usage = reader.usage();
        match parts {
            Ok(parts) => {
                for part in parts {
                    outlet.begun = true;
                    outlet.send(part).await?;
                }
                Ok(())
            }
            Err(StreamFault::Malformed(text)) => Err(self.malformed(&text).into()),
            Err(StreamFault::Reported { message, status }) => {
                let place = self.endpoint.place.clone();
                let message = self.endpoint.clean(&message);
                Err(match status {
                    Some(429) if !outlet.begun => Failure::Transient {
                        error: ModelError::RateLimited { place, message, attempts: 1, wait_seconds: None },
                        wait: None,
                    },
                    Some(status @ 500..=599) if !outlet.begun => Failure::Transient {
                        error: ModelError::ServerFailed { place, status, message, attempts: 1 },
                        wait: None,
                    },
                    Some(401 | 403) => {
                        ModelError::Unauthorized { place, key: self.endpoint.key_use(), message }.into()
                    }
                    _ if is_context_overflow(&message.to_lowercase()) => {
                        ModelError::ContextTooLong { place, message }.into()
                    }
                    _ => ModelError::Reported { place, message }.into(),
                })
            }
        }
    }

    fn stalled(&self) -> ModelError {
        ModelError::Stalled { place: self.endpoint.place.clone(), limit: self.stall }
    }

    fn malformed(&self, what: &str) -> ModelError {
        ModelError::Malformed {
            place: self.endpoint.place.clone(),
            detail: shortened(&self.endpoint.clean(what), 200),
        }
    }
}

/// Stands for a picture that the model cannot see.
const UNSEEN: &str = "\n[a picture, left out because this model does not see pictures]";

/// The arguments of an earlier call as an object. Servers refuse a history that holds broken JSON, so that
/// what the model wrote is wrapped; it learned of the fault from the call's result.
fn arguments(text: &str) -> Value {
    if text.trim().is_empty() {
        return Value::Object(serde_json::Map::new());
    }
    match serde_json::from_str(text) {
        Ok(value @ Value::Object(_)) => value,
        Ok(_) | Err(_) => serde_json::json!({"invalid_json": text}),
    }
}

/// The same failure with the number of tries that were made.
fn with_attempts(mut error: ModelError, made: u32) -> ModelError {
    if let ModelError::RateLimited { attempts, .. } | ModelError::ServerFailed { attempts, .. } = &mut error {
        *attempts = made;
    }
    error
}

/// The code or the words by which servers say that the prompt is too long, in lower case: those of
/// llama.cpp, of Anthropic, and of chat completions.
fn is_context_overflow(words: &str) -> bool {
    [
        "exceed_context_size",
        "context_length_exceeded",
        "prompt is too long",
        "maximum context length",
        "context window",
    ]
    .iter()
    .any(|sign| words.contains(sign))
}

/// Whether the words, in lower case, say that the model does not exist.
fn names_missing_model(words: &str) -> bool {
    words.contains("model_not_found")
        || (words.contains("model")
            && [
                "not found",
                "not_found",
                "not exist",
                "unknown model",
                "invalid model",
                "not a valid model",
                "no such model",
            ]
            .iter()
            .any(|sign| words.contains(sign)))
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
