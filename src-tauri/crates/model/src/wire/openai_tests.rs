use okcvm_protocol::ProviderKind;

use super::*;
use crate::{ModelReasoning, ModelTool, ModelToolCall};

fn profile(vision: bool) -> ModelProfile {
    ModelProfile {
        id: "p".into(),
        name: "P".into(),
        provider: ProviderKind::OpenAi,
        base_url: "http://127.0.0.1:1/v1".into(),
        model: "m".into(),
        vision,
        max_tokens: Some(100),
        prices: None,
    }
}

fn text(text: &str) -> ModelPart {
    ModelPart::Text(text.into())
}

fn picture() -> ModelPart {
    ModelPart::Image { mime: "image/png".into(), base64: "AAAA".into() }
}

fn conversation() -> ModelRequest {
    let step = |id: &str, thought: &str| ModelMessage::Assistant {
        reasoning: Some(ModelReasoning { text: thought.into(), signature: None }),
        text: String::new(),
        tool_calls: vec![
            ModelToolCall { id: id.into(), name: "look".into(), arguments: "{\"at\":1}".into() },
            ModelToolCall { id: format!("{id}-broken"), name: "look".into(), arguments: "{\"at\":".into() },
        ],
    };
    let result = |id: &str, parts: Vec<ModelPart>| ModelMessage::Tool {
        call_id: id.into(),
        name: "look".into(),
        parts,
        is_error: false,
    };
    ModelRequest {
        system: "Be brief.".into(),
        messages: vec![
            ModelMessage::User { parts: vec![text("old")] },
            step("a", "old thought"),
            result("a", vec![text("seen")]),
            result("a-broken", vec![text("bad JSON")]),
            ModelMessage::User { parts: vec![text("new"), picture()] },
            step("b", "new thought"),
            result("b", vec![text("a picture"), picture()]),
            result("b-broken", vec![text("bad JSON")]),
        ],
        tools: vec![ModelTool {
            name: "look".into(),
            description: "Looks.".into(),
            parameters: json!({"type": "object"}),
        }],
        max_tokens: None,
    }
}

fn calls(id: &str) -> Value {
    json!([
        {"id": id, "type": "function", "function": {"name": "look", "arguments": "{\"at\":1}"}},
        {"id": format!("{id}-broken"), "type": "function",
         "function": {"name": "look", "arguments": "{\"invalid_json\":\"{\\\"at\\\":\"}"}},
    ])
}

#[test]
fn a_request_has_tools_pictures_and_the_thoughts_of_the_present_turn() {
    let body = body(&conversation(), &profile(true), Quirks::default());
    let url = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}});
    let expected = json!({
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "old"},
            {"role": "assistant", "content": null, "tool_calls": calls("a")},
            {"role": "tool", "tool_call_id": "a", "content": "seen"},
            {"role": "tool", "tool_call_id": "a-broken", "content": "bad JSON"},
            {"role": "user", "content": [{"type": "text", "text": "new"}, url]},
            {"role": "assistant", "content": null, "reasoning_content": "new thought", "tool_calls": calls("b")},
            {"role": "tool", "tool_call_id": "b", "content": "a picture\n[the picture follows]"},
            {"role": "tool", "tool_call_id": "b-broken", "content": "bad JSON"},
            {"role": "user", "content": [{"type": "text", "text": "The picture that look returned:"}, url]},
        ],
        "stream": true,
        "stream_options": {"include_usage": true},
        "max_tokens": 100,
        "tools": [{"type": "function",
            "function": {"name": "look", "description": "Looks.", "parameters": {"type": "object"}}}],
    });
    assert_eq!(body, expected);
}

#[test]
fn a_model_without_sight_is_told_of_pictures() {
    let body = body(&conversation(), &profile(false), Quirks::default());
    let written = body.to_string();
    assert!(!written.contains("base64") && !written.contains("image_url"), "{written}");
    assert_eq!(written.matches("does not see pictures").count(), 2);
}

#[test]
fn quirks_change_the_form() {
    let quirks =
        Quirks { no_stream_options: true, completion_tokens: true, no_reasoning: true, token_cap: Some(50) };
    let body = body(&conversation(), &profile(false), quirks);
    assert_eq!(body.get("stream_options"), None);
    assert_eq!(body.get("max_tokens"), None);
    assert_eq!(body["max_completion_tokens"], 50);
    assert!(!body.to_string().contains("reasoning_content"));
}

fn read(chunks: &[Value]) -> (Vec<ModelEvent>, OpenAiReader) {
    let mut reader = OpenAiReader::default();
    let events = chunks
        .iter()
        .flat_map(|chunk| {
            reader.event(&SseEvent { name: String::new(), data: chunk.to_string() }).expect("a good chunk")
        })
        .collect();
    (events, reader)
}

#[test]
fn nulls_unknown_keys_and_both_names_of_reasoning_are_read() {
    let (events, reader) = read(&[
        json!({"choices": [{"index": 0, "delta": {"role": "assistant", "content": null, "tool_calls": null}}], "system_fingerprint": "x"}),
        json!({"choices": [{"delta": {"reasoning": "hm", "reasoning_content": null}}]}),
        json!({"choices": [{"delta": {"reasoning_content": "m", "reasoning": "m"}}]}),
        json!({"choices": [{"delta": {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "…"}]}, {"type": "text", "text": "Hi"}]}}]}),
        json!({"choices": [{"delta": {"content": "!"}, "finish_reason": null}], "usage": null}),
        json!({"choices": [{"delta": {}, "finish_reason": "stop"}]}),
        json!({"choices": [], "timings": {"predicted_ms": 3.0}, "usage": {
            "prompt_tokens": 12, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 8},
            "completion_tokens_details": {"reasoning_tokens": 2}, "cost": 0.25}}),
    ]);
    assert_eq!(
        events,
        [
            ModelEvent::Reasoning("hm".into()),
            ModelEvent::Reasoning("m".into()),
            ModelEvent::Reasoning("…".into()),
            ModelEvent::Text("Hi".into()),
            ModelEvent::Text("!".into()),
        ]
    );
    assert_eq!(reader.finish(), Some(FinishReason::Stop));
    let usage = Usage {
        input_tokens: Some(12),
        output_tokens: Some(5),
        cached_tokens: Some(8),
        reasoning_tokens: Some(2),
        cost: Some(0.25),
        cost_currency: None,
    };
    assert_eq!(reader.usage(), usage);
}

#[test]
fn every_finish_reason_has_a_meaning() {
    for (word, meaning) in [
        ("stop", FinishReason::Stop),
        ("length", FinishReason::Length),
        ("content_filter", FinishReason::ContentFilter),
        ("tool_calls", FinishReason::ToolCalls),
        ("odd", FinishReason::Other("odd".into())),
    ] {
        let (_, reader) = read(&[json!({"choices": [{"delta": {}, "finish_reason": word}]})]);
        assert_eq!(reader.finish(), Some(meaning));
    }
    let (_, reader) = read(&[
        json!({"choices": [{"delta": {"tool_calls": [{"function": {"name": "look", "arguments": {"at": 1}}}]}}]}),
        json!({"choices": [{"delta": {}, "finish_reason": "stop"}]}),
    ]);
    assert_eq!(reader.finish(), Some(FinishReason::ToolCalls));
}
