//! Tries a model step by step and reports what it found.

use std::time::Instant;

use okcvm_protocol::{Check, CheckStatus, ConnectionReport, ProviderKind};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    ChatModel, FinishReason, KeyUse, ModelError, ModelEvent, ModelMessage, ModelOptions, ModelPart,
    ModelRequest, ModelTool, RetryPolicy,
    wire::{WireFormat, WireModel},
};

/// Tokens of a test's answer at most; enough for a model that thinks first.
const TEST_TOKENS: u32 = 1024;

/// Tries the profile: the address answers, the key is accepted, the model is known, an answer streams, a tool
/// is called; in this order, as far as it comes. Sends two short questions, each once. `ok` means that no
/// check failed; a warning is a check that works in part.
pub async fn test_connection(options: ModelOptions, cancel: &CancellationToken) -> ConnectionReport {
    let format = match options.profile.provider {
        ProviderKind::Demo => return demo_report(),
        ProviderKind::OpenAi => WireFormat::OpenAi,
        ProviderKind::Anthropic => WireFormat::Anthropic,
    };
    let mut report =
        ConnectionReport { ok: false, checks: Vec::new(), models: Vec::new(), first_token_ms: None };
    let tried = match WireModel::new(format, ModelOptions { retry: RetryPolicy::once(), ..options }) {
        Ok(model) => run(&model, &mut report, cancel).await,
        Err(error) => Err(error),
    };
    if let Err(error) = tried {
        let name = check_of(&error, report.checks.len());
        let at = CHECKS.iter().position(|check| *check == name).unwrap_or(0);
        // What stands before the failed step worked, or the failure would be another.
        for passed in CHECKS.iter().take(at).skip(report.checks.len()) {
            report.checks.push(check(passed, CheckStatus::Ok, "Works."));
        }
        let words = error.to_app_error();
        report.checks.truncate(at);
        report.checks.push(Check { hint: words.hint, ..check(name, CheckStatus::Failed, &words.message) });
    }
    report.ok = report.checks.iter().all(|check| check.status != CheckStatus::Failed);
    report
}

const CHECKS: [&str; 5] = ["Address", "Key", "Model", "Streaming", "Tools"];

async fn run(
    model: &WireModel,
    report: &mut ConnectionReport,
    cancel: &CancellationToken,
) -> Result<(), ModelError> {
    let place = &model.endpoint().place;
    let listed =
        cancel.run_until_cancelled(model.endpoint().models()).await.unwrap_or(Err(ModelError::Cancelled))?;
    report.checks.push(check("Address", CheckStatus::Ok, &format!("{} answers.", place.host)));
    match listed {
        Ok(models) => report.models = models,
        Err(refusal) if matches!(refusal.status, 401 | 403) => {
            let key = model.endpoint().key_use();
            return Err(ModelError::Unauthorized { place: place.clone(), key, message: refusal.message });
        }
        // Not every server lists its models; the chat will tell.
        Err(_) => {}
    }

    let begun = Instant::now();
    let heard = ask(model, "Say the word ready.", Vec::new(), begun, cancel).await?;
    let key = match model.endpoint().key_use() {
        KeyUse::Sent => "The key is accepted.",
        KeyUse::Missing => "No key is needed.",
    };
    report.checks.push(check("Key", CheckStatus::Ok, key));
    report.checks.push(model_check(report, &place.model));
    report.first_token_ms = heard.first_token_ms;
    report.checks.push(if heard.fragments > 1 {
        let message = format!("The answer came in {} pieces.", heard.fragments);
        check("Streaming", CheckStatus::Ok, &message)
    } else {
        Check {
            hint: Some("Answers will appear all at once.".into()),
            ..check("Streaming", CheckStatus::Warning, "The answer came in one piece or was empty.")
        }
    });

    let heard = ask(model, "Call the tool report_ready now.", vec![test_tool()], begun, cancel).await;
    report.checks.push(match heard {
        Ok(heard) if heard.called => check("Tools", CheckStatus::Ok, "The model calls tools."),
        Ok(_) => Check {
            hint: Some("The agent needs tools: choose a model that supports tool calls.".into()),
            ..check(
                "Tools",
                CheckStatus::Warning,
                "The model answered with text where it was asked to call a tool.",
            )
        },
        Err(ModelError::Cancelled) => return Err(ModelError::Cancelled),
        Err(error) => {
            let words = error.to_app_error();
            Check {
                hint: Some("The agent needs tools: choose a model that supports tool calls.".into()),
                ..check("Tools", CheckStatus::Failed, &words.message)
            }
        }
    });
    Ok(())
}

fn model_check(report: &ConnectionReport, name: &str) -> Check {
    if report.models.is_empty() || report.models.iter().any(|listed| listed == name) {
        return check("Model", CheckStatus::Ok, &format!("{name} answers."));
    }
    let offered = report.models.iter().take(12).map(String::as_str).collect::<Vec<_>>().join(", ");
    Check {
        hint: Some(format!("It lists: {offered}.")),
        ..check("Model", CheckStatus::Warning, &format!("{name} answers, but the server does not list it."))
    }
}

/// What an answer to a test question was like.
struct Heard {
    fragments: u32,
    first_token_ms: Option<u64>,
    called: bool,
}

async fn ask(
    model: &WireModel,
    question: &str,
    tools: Vec<ModelTool>,
    begun: Instant,
    cancel: &CancellationToken,
) -> Result<Heard, ModelError> {
    let request = ModelRequest {
        system: "You are being tested for a connection. Do what is asked, briefly.".into(),
        messages: vec![ModelMessage::User { parts: vec![ModelPart::Text(question.into())] }],
        tools,
        max_tokens: Some(TEST_TOKENS),
    };
    let (sender, mut receiver) = mpsc::channel(64);
    let listen = async {
        let mut heard = Heard { fragments: 0, first_token_ms: None, called: false };
        let mut arguments = String::new();
        let mut started = false;
        while let Some(event) = receiver.recv().await {
            match event {
                ModelEvent::Text(_) | ModelEvent::Reasoning(_) => heard.fragments += 1,
                ModelEvent::ToolCallStarted { index, .. } => started |= index == 0,
                ModelEvent::ToolCallArguments { index: 0, text } => arguments.push_str(&text),
                ModelEvent::ToolCallArguments { .. }
                | ModelEvent::Attempt { .. }
                | ModelEvent::ReasoningSignature(_)
                | ModelEvent::Usage(_) => continue,
            }
            heard.first_token_ms.get_or_insert(begun.elapsed().as_millis() as u64);
        }
        let valid = arguments.is_empty() || serde_json::from_str::<Value>(&arguments).is_ok();
        heard.called = started && valid;
        heard
    };
    let (finish, heard) = tokio::join!(model.stream(request, sender, cancel), listen);
    match finish? {
        FinishReason::Stop
        | FinishReason::ToolCalls
        | FinishReason::Length
        | FinishReason::ContentFilter
        | FinishReason::Other(_) => Ok(heard),
    }
}

fn test_tool() -> ModelTool {
    ModelTool {
        name: "report_ready".into(),
        description: "Reports that the connection works.".into(),
        parameters: json!({"type": "object", "properties": {"word": {"type": "string", "description": "ready"}}}),
    }
}

/// The step that an error belongs to.
fn check_of(error: &ModelError, done: usize) -> &'static str {
    match error {
        ModelError::Address { .. } | ModelError::Unreachable { .. } | ModelError::WrongPath { .. } => {
            CHECKS[0]
        }
        ModelError::KeyShape { .. } | ModelError::Unauthorized { .. } => CHECKS[1],
        ModelError::UnknownModel { .. } => CHECKS[2],
        ModelError::RateLimited { .. }
        | ModelError::ServerFailed { .. }
        | ModelError::ContextTooLong { .. }
        | ModelError::Refused { .. }
        | ModelError::Reported { .. }
        | ModelError::Stalled { .. }
        | ModelError::Cut { .. }
        | ModelError::Malformed { .. } => CHECKS[3],
        ModelError::Cancelled => CHECKS[done.min(CHECKS.len() - 1)],
    }
}

fn check(name: &str, status: CheckStatus, message: &str) -> Check {
    Check { name: name.into(), status, message: message.into(), hint: None }
}

fn demo_report() -> ConnectionReport {
    let message = "The demo model is part of the app and needs no connection.";
    ConnectionReport {
        ok: true,
        checks: CHECKS.iter().map(|name| check(name, CheckStatus::Ok, message)).collect(),
        models: Vec::new(),
        first_token_ms: None,
    }
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
