//! Anthropic Messages: <https://docs.anthropic.com/en/api/messages-streaming>.

use okcvm_protocol::{ModelProfile, Usage};
use serde_json::{Map, Value, json};

use super::quirks::Quirks;
use crate::{
    FinishReason, ModelEvent, ModelMessage, ModelPart, ModelRequest,
    reader::{Reader, StreamFault, count, error_words, shortened},
    sse::SseEvent,
};

/// The format wants a limit; this one serves where the user set none. A model that gives less says so, and is
/// asked again with its own limit.
const DEFAULT_TOKENS: u32 = 16_000;

/// The body of a request.
pub(crate) fn body(request: &ModelRequest, profile: &ModelProfile, quirks: Quirks) -> Value {
    let limit = request.max_tokens.or(profile.max_tokens).unwrap_or(DEFAULT_TOKENS);
    let mut body = Map::new();
    body.insert("model".into(), profile.model.clone().into());
    body.insert("max_tokens".into(), quirks.token_cap.map_or(limit, |cap| cap.min(limit)).into());
    // The provider keeps what stands before a mark for the next request, which costs a tenth there.
    let mark = json!({"type": "ephemeral"});
    if !request.system.is_empty() {
        body.insert(
            "system".into(),
            json!([{"type": "text", "text": request.system, "cache_control": mark}]),
        );
    }
    let mut messages = messages(request, profile.vision);
    let last = messages.last_mut().and_then(|(_, blocks)| blocks.last_mut()).and_then(Value::as_object_mut);
    if let Some(block) = last {
        block.insert("cache_control".into(), mark);
    }
    let messages: Vec<Value> =
        messages.into_iter().map(|(role, content)| json!({"role": role, "content": content})).collect();
    body.insert("messages".into(), messages.into());
    body.insert("stream".into(), true.into());
    if !request.tools.is_empty() {
        let tools: Vec<Value> = request
            .tools
            .iter()
            .map(|tool| {
                json!({
                    "name": tool.name, "description": tool.description,
                    "input_schema": super::schema::sendable(&tool.parameters),
                })
            })
            .collect();
        body.insert("tools".into(), tools.into());
    }
    body.into()
}

/// Roles alternate in this format, so that neighbours of one role are one message; empty text is refused.
fn messages(request: &ModelRequest, vision: bool) -> Vec<(&'static str, Vec<Value>)> {
    let mut out: Vec<(&'static str, Vec<Value>)> = Vec::new();
    for message in &request.messages {
        let (role, blocks) = match message {
            ModelMessage::User { parts } => ("user", blocks(parts, vision)),
            ModelMessage::Assistant { reasoning, text, tool_calls } => {
                let mut blocks = Vec::new();
                if let Some(reasoning) = reasoning
                    && let Some(signature) = &reasoning.signature
                {
                    blocks.push(
                        json!({"type": "thinking", "thinking": reasoning.text, "signature": signature}),
                    );
                }
                if !text.trim().is_empty() {
                    blocks.push(json!({"type": "text", "text": text}));
                }
                blocks.extend(tool_calls.iter().map(|call| {
                    json!({"type": "tool_use", "id": call.id, "name": call.name, "input": super::arguments(&call.arguments)})
                }));
                ("assistant", blocks)
            }
            ModelMessage::Tool { call_id, name: _, parts, is_error } => {
                let mut block = Map::new();
                block.insert("type".into(), "tool_result".into());
                block.insert("tool_use_id".into(), call_id.clone().into());
                block.insert("content".into(), blocks(parts, vision).into());
                if *is_error {
                    block.insert("is_error".into(), true.into());
                }
                ("user", vec![block.into()])
            }
        };
        match out.last_mut() {
            _ if blocks.is_empty() => {}
            Some((last, before)) if *last == role => before.extend(blocks),
            _ => out.push((role, blocks)),
        }
    }
    out
}

fn blocks(parts: &[ModelPart], vision: bool) -> Vec<Value> {
    parts
        .iter()
        .filter_map(|part| match part {
            ModelPart::Text(text) if text.trim().is_empty() => None,
            ModelPart::Text(text) => Some(json!({"type": "text", "text": text})),
            ModelPart::Image { mime, base64 } if vision => Some(
                json!({"type": "image", "source": {"type": "base64", "media_type": mime, "data": base64}}),
            ),
            ModelPart::Image { .. } => Some(json!({"type": "text", "text": super::UNSEEN.trim()})),
        })
        .collect()
}

/// Reads events of an answer.
#[derive(Debug, Default)]
pub(crate) struct AnthropicReader {
    /// Tool calls by the number of their block.
    calls: Vec<u64>,
    signature: String,
    finish: Option<FinishReason>,
    done: bool,
    input: Option<u64>,
    cache_read: Option<u64>,
    cache_written: Option<u64>,
    output: Option<u64>,
}

impl Reader for AnthropicReader {
    fn event(&mut self, event: &SseEvent) -> Result<Vec<ModelEvent>, StreamFault> {
        let data = event.data.trim();
        if data.is_empty() || data == "[DONE]" {
            return Ok(Vec::new());
        }
        let value: Value =
            serde_json::from_str(data).map_err(|_| StreamFault::Malformed(shortened(data, 200)))?;
        let kind = value.get("type").and_then(Value::as_str).unwrap_or(&event.name);
        let block = || value.get("index").and_then(Value::as_u64).unwrap_or(0);
        match kind {
            "message_start" => {
                self.read_usage(value.pointer("/message/usage"));
                Ok(Vec::new())
            }
            "content_block_start" => {
                Ok(self.start(block(), value.get("content_block").unwrap_or(&Value::Null)))
            }
            "content_block_delta" => Ok(self.delta(block(), value.get("delta").unwrap_or(&Value::Null))),
            "content_block_stop" if !self.signature.is_empty() => {
                Ok(vec![ModelEvent::ReasoningSignature(std::mem::take(&mut self.signature))])
            }
            "message_delta" => {
                self.read_usage(value.get("usage"));
                if let Some(reason) = value.pointer("/delta/stop_reason").and_then(Value::as_str) {
                    self.finish = Some(finish_reason(reason));
                }
                Ok(Vec::new())
            }
            "message_stop" => {
                self.done = true;
                let plain = if self.calls.is_empty() { FinishReason::Stop } else { FinishReason::ToolCalls };
                self.finish.get_or_insert(plain);
                Ok(Vec::new())
            }
            "error" => Err(reported(&value)),
            _ if !value.is_object() => Err(StreamFault::Malformed(shortened(data, 200))),
            // Pings, ends of blocks, and events of later versions.
            _ => Ok(Vec::new()),
        }
    }

    fn whole(&mut self, body: &Value) -> Result<Vec<ModelEvent>, StreamFault> {
        if body.get("error").is_some_and(|error| !error.is_null()) {
            return Err(reported(body));
        }
        let Some(content) = body.get("content").and_then(Value::as_array) else {
            return Err(StreamFault::Malformed(shortened(&body.to_string(), 200)));
        };
        self.read_usage(body.get("usage"));
        let mut events = Vec::new();
        for (block, part) in content.iter().enumerate() {
            events.extend(self.start(block as u64, part));
            if let Some(signature) = part.get("signature").and_then(Value::as_str) {
                events.push(ModelEvent::ReasoningSignature(signature.into()));
            }
        }
        let plain = if self.calls.is_empty() { "end_turn" } else { "tool_use" };
        let reason = body.get("stop_reason").and_then(Value::as_str).unwrap_or(plain);
        self.finish = Some(finish_reason(reason));
        self.done = true;
        Ok(events)
    }

    fn finish(&self) -> Option<FinishReason> {
        self.finish.clone()
    }

    fn done(&self) -> bool {
        self.done
    }

    /// The provider counts cached input apart; here it is part of the input.
    fn usage(&self) -> Usage {
        let sum = self.cache_read.unwrap_or(0) + self.cache_written.unwrap_or(0);
        Usage {
            input_tokens: self.input.map(|input| input + sum),
            output_tokens: self.output,
            cached_tokens: self.cache_read,
            ..Usage::default()
        }
    }
}

impl AnthropicReader {
    fn start(&mut self, block: u64, content: &Value) -> Vec<ModelEvent> {
        let text = |key: &str| content.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        match content.get("type").and_then(Value::as_str) {
            Some("text") => some(text("text"), ModelEvent::Text),
            Some("thinking") => some(text("thinking"), ModelEvent::Reasoning),
            Some("tool_use") => {
                let index = self.calls.len() as u32;
                self.calls.push(block);
                let mut events =
                    vec![ModelEvent::ToolCallStarted { index, id: text("id"), name: text("name") }];
                // The input is empty here in a stream, and whole in an answer that is none.
                let input = content.get("input").and_then(Value::as_object).filter(|input| !input.is_empty());
                if let Some(input) = input {
                    let text = Value::Object(input.clone()).to_string();
                    events.push(ModelEvent::ToolCallArguments { index, text });
                }
                events
            }
            _ => Vec::new(),
        }
    }

    fn delta(&mut self, block: u64, delta: &Value) -> Vec<ModelEvent> {
        let text = |key: &str| delta.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        match delta.get("type").and_then(Value::as_str) {
            Some("text_delta") => some(text("text"), ModelEvent::Text),
            Some("thinking_delta") => some(text("thinking"), ModelEvent::Reasoning),
            Some("signature_delta") => {
                self.signature.push_str(&text("signature"));
                Vec::new()
            }
            Some("input_json_delta") => match self.calls.iter().position(|call| *call == block) {
                Some(index) => some(text("partial_json"), |text| ModelEvent::ToolCallArguments {
                    index: index as u32,
                    text,
                }),
                None => Vec::new(),
            },
            _ => Vec::new(),
        }
    }

    fn read_usage(&mut self, usage: Option<&Value>) {
        let number = |key: &str| usage.and_then(|usage| usage.get(key)).and_then(count);
        // Later figures are sums, and replace earlier ones.
        self.input = number("input_tokens").or(self.input);
        self.cache_read = number("cache_read_input_tokens").or(self.cache_read);
        self.cache_written = number("cache_creation_input_tokens").or(self.cache_written);
        self.output = number("output_tokens").or(self.output);
    }
}

fn some(text: String, event: impl Fn(String) -> ModelEvent) -> Vec<ModelEvent> {
    if text.is_empty() { Vec::new() } else { vec![event(text)] }
}

fn finish_reason(reason: &str) -> FinishReason {
    match reason {
        "end_turn" | "stop_sequence" => FinishReason::Stop,
        "tool_use" => FinishReason::ToolCalls,
        "max_tokens" | "model_context_window_exceeded" => FinishReason::Length,
        "refusal" => FinishReason::ContentFilter,
        other => FinishReason::Other(other.into()),
    }
}

fn reported(value: &Value) -> StreamFault {
    let (message, code) = error_words(value).unwrap_or_else(|| (value.to_string(), String::new()));
    let status = match code.as_str() {
        "rate_limit_error" => Some(429),
        "overloaded_error" => Some(529),
        "api_error" | "timeout_error" => Some(500),
        "authentication_error" => Some(401),
        "permission_error" => Some(403),
        _ => None,
    };
    StreamFault::Reported { message, status }
}

#[cfg(test)]
#[path = "anthropic_tests.rs"]
mod tests;
