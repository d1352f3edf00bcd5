//! The conversation as a model reads it, made from what is stored.

use std::fmt::Write;
use std::path::Path;

use base64::Engine as _;
use okcvm_model::{ModelMessage, ModelPart, ModelReasoning, ModelToolCall};
use okcvm_protocol::{Item, ItemBody, ToolCall, ToolCallStatus, ToolContent, ToolResult, UserMessage};

/// Pictures of the conversation: where their bytes lie, and whether the model takes them.
pub(crate) struct Pictures<'a> {
    pub(crate) blobs: &'a Path,
    pub(crate) visible: bool,
}

/// One turn as the model reads it.
pub(crate) fn turn_messages(
    message: &UserMessage,
    items: &[Item],
    pictures: &Pictures<'_>,
) -> Vec<ModelMessage> {
    let mut messages = vec![ModelMessage::User { parts: user_parts(message) }];
    let mut index = 0;
    while index < items.len() {
        if let ItemBody::Steer { text } = &items[index].body {
            messages.push(ModelMessage::User { parts: vec![ModelPart::Text(text.clone())] });
            index += 1;
            continue;
        }
        let step = items[index].step;
        let end = items[index..]
            .iter()
            .position(|item| item.step != step || matches!(item.body, ItemBody::Steer { .. }))
            .map_or(items.len(), |offset| index + offset);
        push_step(&mut messages, &items[index..end], pictures);
        index = end;
    }
    messages
}

fn user_parts(message: &UserMessage) -> Vec<ModelPart> {
    let mut text = message.text.clone();
    for file in &message.attachments {
        if !text.is_empty() {
            text.push('\n');
        }
        let mount = okcvm_workspace::MOUNT;
        // Writing to a string cannot fail.
        let _ = write!(text, "Attached file: {mount}/{} ({} bytes, {})", file.path, file.size, file.mime);
    }
    vec![ModelPart::Text(text)]
}

fn push_step(messages: &mut Vec<ModelMessage>, items: &[Item], pictures: &Pictures<'_>) {
    let mut spoken = String::new();
    let mut reasoning: Option<ModelReasoning> = None;
    let mut calls = Vec::new();
    for item in items {
        match &item.body {
            ItemBody::Text { text } => spoken.push_str(text),
            ItemBody::Reasoning { text, signature } => {
                let reasoning =
                    reasoning.get_or_insert(ModelReasoning { text: String::new(), signature: None });
                reasoning.text.push_str(text);
                reasoning.signature.clone_from(signature);
            }
            ItemBody::ToolCall(call) => calls.push(call),
            ItemBody::Approval(_) | ItemBody::Steer { .. } | ItemBody::Notice { .. } => {}
        }
    }
    if spoken.is_empty() && calls.is_empty() {
        return;
    }
    messages.push(ModelMessage::Assistant {
        reasoning,
        text: spoken,
        tool_calls: calls
            .iter()
            .map(|call| ModelToolCall {
                id: call.call_id.clone(),
                name: call.tool.clone(),
                arguments: sendable_arguments(&call.arguments),
            })
            .collect(),
    });
    for call in calls {
        messages.push(ModelMessage::Tool {
            call_id: call.call_id.clone(),
            name: call.tool.clone(),
            parts: result_parts(call, pictures),
            is_error: call.result.as_ref().is_none_or(|result| result.is_error),
        });
    }
}

/// Providers refuse a history whose arguments are not an object; what the model wrote is wrapped in one.
fn sendable_arguments(arguments: &str) -> String {
    match serde_json::from_str::<serde_json::Value>(arguments) {
        Ok(serde_json::Value::Object(_)) => arguments.to_owned(),
        _ if arguments.trim().is_empty() => "{}".to_owned(),
        _ => serde_json::json!({ "not_an_object": arguments }).to_string(),
    }
}

fn result_parts(call: &ToolCall, pictures: &Pictures<'_>) -> Vec<ModelPart> {
    let Some(result) = &call.result else {
        let text = match call.status {
            ToolCallStatus::Interrupted => "The call was interrupted; it gave no result.",
            ToolCallStatus::Pending
            | ToolCallStatus::Running
            | ToolCallStatus::Completed
            | ToolCallStatus::Failed => "The call gave no result.",
        };
        return vec![ModelPart::Text(text.to_owned())];
    };
    let mut parts: Vec<ModelPart> =
        result.content.iter().map(|content| content_part(content, pictures)).collect();
    if call.status == ToolCallStatus::Interrupted {
        parts.push(ModelPart::Text("(The call was interrupted.)".to_owned()));
    }
    if parts.is_empty() {
        parts.push(ModelPart::Text(empty_result(result).to_owned()));
    }
    parts
}

fn empty_result(result: &ToolResult) -> &'static str {
    if result.is_error { "The call failed without a message." } else { "Done." }
}

fn content_part(content: &ToolContent, pictures: &Pictures<'_>) -> ModelPart {
    match content {
        ToolContent::Text { text } => ModelPart::Text(text.clone()),
        ToolContent::Image { mime, path, hash, .. } => {
            if !pictures.visible {
                return ModelPart::Text(format!(
                    "[The picture {path} was shown to the user; this model cannot see pictures.]"
                ));
            }
            match std::fs::read(pictures.blobs.join(hash)) {
                Ok(bytes) => ModelPart::Image {
                    mime: mime.clone(),
                    base64: base64::engine::general_purpose::STANDARD.encode(bytes),
                },
                Err(_) => ModelPart::Text(format!("[The picture {path} is no longer at hand.]")),
            }
        }
    }
}

#[cfg(test)]
#[path = "messages_tests.rs"]
mod tests;
