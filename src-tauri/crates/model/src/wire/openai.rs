//! OpenAI-compatible chat completions: <https://platform.openai.com/docs/api-reference/chat>.

use okcvm_protocol::{ModelProfile, Usage};
use serde_json::{Map, Value, json};

use super::{
    calls::{CallFragment, CallSorter},
    quirks::Quirks,
};
use crate::{
    FinishReason, ModelEvent, ModelMessage, ModelPart, ModelRequest,
    reader::{Reader, StreamFault, count, error_words, shortened},
    sse::SseEvent,
};

/// The body of a request.
pub(crate) fn body(request: &ModelRequest, profile: &ModelProfile, quirks: Quirks) -> Value {
    let mut body = Map::new();
    body.insert("model".into(), profile.model.clone().into());
    body.insert("messages".into(), messages(request, profile.vision, quirks).into());
    body.insert("stream".into(), true.into());
    if !quirks.no_stream_options {
        body.insert("stream_options".into(), json!({"include_usage": true}));
    }
    if let Some(limit) = request.max_tokens.or(profile.max_tokens) {
        let name = if quirks.completion_tokens { "max_completion_tokens" } else { "max_tokens" };
        body.insert(name.into(), quirks.token_cap.map_or(limit, |cap| cap.min(limit)).into());
    }
    if !request.tools.is_empty() {
        let tools: Vec<Value> = request
            .tools
            .iter()
            .map(|tool| {
                json!({"type": "function", "function": {
                    "name": tool.name, "description": tool.description,
                    "parameters": super::schema::sendable(&tool.parameters),
                }})
            })
            .collect();
        body.insert("tools".into(), tools.into());
    }
    body.into()
}

fn messages(request: &ModelRequest, vision: bool, quirks: Quirks) -> Vec<Value> {
    let mut out = Vec::new();
    if !request.system.is_empty() {
        out.push(json!({"role": "system", "content": request.system}));
    }
    // Reasoning models want their thoughts of the present turn back while they call tools, and no older ones.
    let last_user = request.messages.iter().rposition(|message| matches!(message, ModelMessage::User { .. }));
    let mut pictures: Vec<Value> = Vec::new();
    for (position, message) in request.messages.iter().enumerate() {
        if !matches!(message, ModelMessage::Tool { .. }) && !pictures.is_empty() {
            out.push(json!({"role": "user", "content": std::mem::take(&mut pictures)}));
        }
        match message {
            ModelMessage::User { parts } => {
                out.push(json!({"role": "user", "content": user_content(parts, vision)}));
            }
            ModelMessage::Assistant { reasoning, text, tool_calls } => {
                let mut entry = Map::new();
                entry.insert("role".into(), "assistant".into());
                let content =
                    if text.is_empty() && !tool_calls.is_empty() { Value::Null } else { text.clone().into() };
                entry.insert("content".into(), content);
                if let Some(reasoning) = reasoning
                    && !reasoning.text.is_empty()
                    && !tool_calls.is_empty()
                    && last_user.is_none_or(|last| position > last)
                    && !quirks.no_reasoning
                {
                    entry.insert("reasoning_content".into(), reasoning.text.clone().into());
                }
                if !tool_calls.is_empty() {
                    let calls: Vec<Value> = tool_calls
                        .iter()
                        .map(|call| {
                            json!({"id": call.id, "type": "function", "function": {
                                "name": call.name, "arguments": super::arguments(&call.arguments).to_string(),
                            }})
                        })
                        .collect();
                    entry.insert("tool_calls".into(), calls.into());
                }
                out.push(entry.into());
            }
            ModelMessage::Tool { call_id, name, parts, is_error: _ } => {
                let mut text = plain_text(parts);
                if parts.iter().any(|part| matches!(part, ModelPart::Image { .. })) {
                    // The format takes pictures from users only.
                    text.push_str(if vision { "\n[the picture follows]" } else { super::UNSEEN });
                    if vision {
                        pictures.push(
                            json!({"type": "text", "text": format!("The picture that {name} returned:")}),
                        );
                        pictures.extend(parts.iter().filter_map(picture));
                    }
                }
                out.push(json!({"role": "tool", "tool_call_id": call_id, "content": text.trim_start()}));
            }
        }
    }
    if !pictures.is_empty() {
        out.push(json!({"role": "user", "content": pictures}));
    }
    out
}

fn user_content(parts: &[ModelPart], vision: bool) -> Value {
    if parts.iter().all(|part| matches!(part, ModelPart::Text(_))) {
        return plain_text(parts).into();
    }
    let content: Vec<Value> = parts
        .iter()
        .filter_map(|part| match part {
            ModelPart::Text(text) => Some(json!({"type": "text", "text": text})),
            ModelPart::Image { .. } if vision => picture(part),
            ModelPart::Image { .. } => Some(json!({"type": "text", "text": super::UNSEEN.trim()})),
        })
        .collect();
    content.into()
}

fn picture(part: &ModelPart) -> Option<Value> {
    match part {
        ModelPart::Text(_) => None,
        ModelPart::Image { mime, base64 } => {
            Some(json!({"type": "image_url", "image_url": {"url": format!("data:{mime};base64,{base64}")}}))
        }
    }
}

fn plain_text(parts: &[ModelPart]) -> String {
    let texts: Vec<&str> = parts
        .iter()
        .filter_map(|part| match part {
            ModelPart::Text(text) => Some(text.as_str()),
            ModelPart::Image { .. } => None,
        })
        .collect();
    texts.join("\n")
}

/// Reads chunks of an answer.
#[derive(Debug, Default)]
pub(crate) struct OpenAiReader {
    calls: CallSorter,
    finish: Option<FinishReason>,
    done: bool,
    usage: Usage,
}

impl Reader for OpenAiReader {
    fn event(&mut self, event: &SseEvent) -> Result<Vec<ModelEvent>, StreamFault> {
        let data = event.data.trim();
        if data == "[DONE]" {
            self.done = true;
            let plain = if self.calls.any() { FinishReason::ToolCalls } else { FinishReason::Stop };
            self.finish.get_or_insert(plain);
            return Ok(Vec::new());
        }
        if data.is_empty() {
            return Ok(Vec::new());
        }
        let chunk: Value =
            serde_json::from_str(data).map_err(|_| StreamFault::Malformed(shortened(data, 200)))?;
        self.chunk(&chunk, "delta")
    }

    fn whole(&mut self, body: &Value) -> Result<Vec<ModelEvent>, StreamFault> {
        let events = self.chunk(body, "message")?;
        if body.get("choices").is_none_or(|choices| !choices.is_array()) {
            return Err(StreamFault::Malformed(shortened(&body.to_string(), 200)));
        }
        self.done = true;
        Ok(events)
    }

    fn finish(&self) -> Option<FinishReason> {
        self.finish.clone()
    }

    fn done(&self) -> bool {
        self.done
    }

    fn usage(&self) -> Usage {
        self.usage.clone()
    }
}

impl OpenAiReader {
    fn chunk(&mut self, chunk: &Value, part: &str) -> Result<Vec<ModelEvent>, StreamFault> {
        if !chunk.is_object() {
            return Err(StreamFault::Malformed(shortened(&chunk.to_string(), 200)));
        }
        if chunk.get("error").is_some_and(|error| !error.is_null()) {
            return Err(reported(chunk));
        }
        if let Some(usage) = chunk.get("usage").filter(|usage| usage.is_object()) {
            self.usage = read_usage(usage);
        }
        let mut events = Vec::new();
        let Some(choice) = chunk.pointer("/choices/0") else { return Ok(events) };
        if let Some(delta) = choice.get(part) {
            for key in ["reasoning_content", "reasoning"] {
                let text = words(delta.get(key));
                if !text.is_empty() {
                    events.push(ModelEvent::Reasoning(text));
                    break;
                }
            }
            let thoughts = thinking(delta.get("content"));
            if !thoughts.is_empty() {
                events.push(ModelEvent::Reasoning(thoughts));
            }
            for key in ["content", "refusal"] {
                let text = words(delta.get(key));
                if !text.is_empty() {
                    events.push(ModelEvent::Text(text));
                }
            }
            for call in delta.get("tool_calls").and_then(Value::as_array).into_iter().flatten() {
                events.extend(self.calls.take(fragment(call)));
            }
        }
        if let Some(reason) =
            choice.get("finish_reason").and_then(Value::as_str).filter(|text| !text.is_empty())
        {
            self.finish = Some(match reason {
                "length" => FinishReason::Length,
                "content_filter" => FinishReason::ContentFilter,
                "tool_calls" | "function_call" => FinishReason::ToolCalls,
                // Some servers say "stop" after a call.
                "stop" if self.calls.any() => FinishReason::ToolCalls,
                "stop" => FinishReason::Stop,
                other => FinishReason::Other(other.into()),
            });
        }
        Ok(events)
    }
}

/// Text that is a string, or a list of parts.
fn words(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts.iter().filter_map(|part| part.get("text")?.as_str()).collect(),
        _ => String::new(),
    }
}

/// Parts of type `thinking` in a list of parts.
fn thinking(value: Option<&Value>) -> String {
    let parts = value.and_then(Value::as_array).into_iter().flatten();
    parts.map(|part| words(part.get("thinking"))).collect()
}

fn fragment(call: &Value) -> CallFragment {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    let function = call.get("function");
    CallFragment {
        index: call.get("index").and_then(Value::as_u64),
        id: text(call.get("id")),
        name: text(function.and_then(|function| function.get("name"))),
        arguments: match function.and_then(|function| function.get("arguments")) {
            Some(Value::String(text)) => text.clone(),
            None | Some(Value::Null) => String::new(),
            Some(other) => other.to_string(),
        },
    }
}

fn reported(chunk: &Value) -> StreamFault {
    let (message, code) = error_words(chunk)
        .unwrap_or_else(|| (chunk.get("error").unwrap_or(chunk).to_string(), String::new()));
    let number = code.split(' ').find_map(|word| word.parse::<u16>().ok());
    let status = number.or_else(|| {
        if code.contains("rate_limit") {
            Some(429)
        } else if code.contains("overloaded") || code.contains("server_error") {
            Some(500)
        } else {
            None
        }
    });
    StreamFault::Reported { message, status }
}

fn read_usage(usage: &Value) -> Usage {
    let number = |pointer: &str| usage.pointer(pointer).and_then(count);
    Usage {
        input_tokens: number("/prompt_tokens"),
        output_tokens: number("/completion_tokens"),
        cached_tokens: number("/prompt_tokens_details/cached_tokens")
            .or_else(|| number("/prompt_cache_hit_tokens"))
            .or_else(|| number("/cached_tokens")),
        reasoning_tokens: number("/completion_tokens_details/reasoning_tokens"),
        cost: usage.get("cost").and_then(Value::as_f64),
        cost_currency: usage.get("currency").and_then(Value::as_str).map(str::to_owned),
    }
}

#[cfg(test)]
#[path = "openai_tests.rs"]
mod tests;
