//! Scripted answers as the bytes of both wire formats.

use serde_json::{Value, json};
use tokio::time::Duration;

use crate::reply::{Beat, Ending, Reply, ReplyUsage, ScriptedCall, pieces};

/// What goes over the connection.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Sent {
    Bytes(String),
    Pause(Duration),
    Break,
    Hang,
}

/// The events of an answer to chat completions.
pub(crate) fn openai(reply: &Reply, model: &str) -> Vec<Sent> {
    let chunk = |delta: Value, finish: Value| {
        // Keys that no client knows, as real servers send them.
        event(
            None,
            &json!({
                "id": "chatcmpl-test", "object": "chat.completion.chunk", "created": 1, "model": model,
                "system_fingerprint": "test", "choices": [{"index": 0, "delta": delta, "finish_reason": finish, "logprobs": null}],
            }),
        )
    };
    let mut sent = vec![chunk(json!({"role": "assistant", "content": null}), Value::Null)];
    let mut calls_before = 0;
    for beat in &reply.beats {
        match beat {
            Beat::Text(text) => sent.extend(
                pieces(text, reply.piece)
                    .into_iter()
                    .map(|text| chunk(json!({"content": text}), Value::Null)),
            ),
            Beat::Reasoning(text) => sent.extend(
                pieces(text, reply.piece)
                    .into_iter()
                    .map(|text| chunk(json!({"reasoning_content": text}), Value::Null)),
            ),
            Beat::Calls(calls) => {
                for (index, call) in (calls_before..).zip(calls) {
                    let begun = json!({"index": index, "id": call.id, "type": "function", "function": {"name": call.name, "arguments": ""}});
                    sent.push(chunk(json!({"tool_calls": [begun]}), Value::Null));
                }
                sent.extend(interleaved(calls, reply.piece).into_iter().map(|(place, text)| {
                    let more = json!({"index": calls_before + place, "function": {"arguments": text}});
                    chunk(json!({"tool_calls": [more]}), Value::Null)
                }));
                calls_before += calls.len();
            }
            Beat::Pause(pause) => sent.push(Sent::Pause(*pause)),
            Beat::Raw(lines) => sent.push(Sent::Bytes(format!("{lines}\n\n"))),
        }
    }
    let plain = if calls_before > 0 { "tool_calls" } else { "stop" };
    let finish = chunk(json!({}), reply.finish.as_deref().unwrap_or(plain).into());
    let usage = reply.usage.map(|usage| {
        event(
            None,
            &json!({
                "choices": [], "timings": {"predicted_ms": 1.5}, "usage": {
                    "prompt_tokens": usage.input, "completion_tokens": usage.output,
                    "total_tokens": usage.input + usage.output,
                    "prompt_tokens_details": {"cached_tokens": usage.cached},
                    "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
                },
            }),
        )
    });
    let error = event(
        None,
        &json!({"error": {"message": "The engine is overloaded.", "type": "server_error", "code": 503}}),
    );
    let end = [vec![finish], usage.into_iter().collect()].concat();
    finished(sent, reply.ending, end, Sent::Bytes("data: [DONE]\n\n".into()), error)
}

/// The events of an answer to Anthropic Messages.
pub(crate) fn anthropic(reply: &Reply, model: &str) -> Vec<Sent> {
    let named = |value: Value| {
        let name = value["type"].as_str().unwrap_or_default().to_owned();
        event(Some(&name), &value)
    };
    let ReplyUsage { input, cached, output, .. } = reply.usage.unwrap_or_default();
    let mut message = json!({"id": "msg_test", "type": "message", "role": "assistant", "model": model, "content": [], "stop_reason": null});
    if reply.usage.is_some() {
        message["usage"] = json!({"input_tokens": input - cached, "cache_read_input_tokens": cached, "cache_creation_input_tokens": 0, "output_tokens": 1});
    }
    let mut sent =
        vec![named(json!({"type": "message_start", "message": message})), named(json!({"type": "ping"}))];
    let mut block = 0;
    let mut called = false;
    for beat in &reply.beats {
        let delta =
            |delta: Value| named(json!({"type": "content_block_delta", "index": block, "delta": delta}));
        let start = |content: Value| {
            named(json!({"type": "content_block_start", "index": block, "content_block": content}))
        };
        let stop = || named(json!({"type": "content_block_stop", "index": block}));
        match beat {
            Beat::Text(text) => {
                sent.push(start(json!({"type": "text", "text": ""})));
                sent.extend(
                    pieces(text, reply.piece)
                        .iter()
                        .map(|text| delta(json!({"type": "text_delta", "text": text}))),
                );
                sent.push(stop());
                block += 1;
            }
            Beat::Reasoning(text) => {
                sent.push(start(json!({"type": "thinking", "thinking": "", "signature": ""})));
                sent.extend(
                    pieces(text, reply.piece)
                        .iter()
                        .map(|text| delta(json!({"type": "thinking_delta", "thinking": text}))),
                );
                sent.push(delta(json!({"type": "signature_delta", "signature": "c2lnbmVk"})));
                sent.push(stop());
                block += 1;
            }
            Beat::Calls(calls) => {
                called = true;
                for call in calls {
                    let at = |kind: &str, key: &str, value: Value| {
                        named(json!({"type": kind, "index": block, key: value}))
                    };
                    let content = json!({"type": "tool_use", "id": call.id, "name": call.name, "input": {}});
                    sent.push(at("content_block_start", "content_block", content));
                    sent.extend(pieces(&call.arguments, reply.piece).iter().map(|text| {
                        at(
                            "content_block_delta",
                            "delta",
                            json!({"type": "input_json_delta", "partial_json": text}),
                        )
                    }));
                    sent.push(named(json!({"type": "content_block_stop", "index": block})));
                    block += 1;
                }
            }
            Beat::Pause(pause) => sent.push(Sent::Pause(*pause)),
            Beat::Raw(lines) => sent.push(Sent::Bytes(format!("{lines}\n\n"))),
        }
    }
    let plain = if called { "tool_use" } else { "end_turn" };
    let mut last = json!({"type": "message_delta", "delta": {"stop_reason": reply.finish.as_deref().unwrap_or(plain), "stop_sequence": null}});
    if reply.usage.is_some() {
        last["usage"] = json!({"output_tokens": output});
    }
    let error =
        named(json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}));
    finished(sent, reply.ending, vec![named(last)], named(json!({"type": "message_stop"})), error)
}

fn finished(mut sent: Vec<Sent>, ending: Ending, end: Vec<Sent>, mark: Sent, error: Sent) -> Vec<Sent> {
    match ending {
        Ending::Normal => {
            sent.extend(end);
            sent.push(mark);
        }
        Ending::Cut => sent.push(Sent::Break),
        Ending::Stall => sent.push(Sent::Hang),
        Ending::Silent => {}
        Ending::Lingering => {
            sent.extend(end);
            sent.push(Sent::Hang);
        }
        Ending::Malformed => {
            sent.push(Sent::Bytes("data: {\"choices\": [{\"delta\": {\"cont\n\n".into()));
            sent.extend(end);
            sent.push(mark);
        }
        Ending::Error => sent.push(error),
    }
    sent
}

/// Fragments of the calls' arguments in turn, each with the number of its call.
fn interleaved(calls: &[ScriptedCall], piece: usize) -> Vec<(usize, String)> {
    let lists: Vec<Vec<String>> = calls.iter().map(|call| pieces(&call.arguments, piece)).collect();
    let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
    (0..longest)
        .flat_map(|round| {
            lists.iter().enumerate().filter_map(move |(place, list)| Some((place, list.get(round)?.clone())))
        })
        .collect()
}

fn event(name: Option<&str>, data: &Value) -> Sent {
    let name = name.map_or_else(String::new, |name| format!("event: {name}\n"));
    Sent::Bytes(format!("{name}data: {data}\n\n"))
}
