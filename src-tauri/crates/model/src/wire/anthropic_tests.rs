use okcvm_protocol::ProviderKind;

use super::*;
use crate::{ModelReasoning, ModelTool, ModelToolCall};

fn profile(vision: bool) -> ModelProfile {
    ModelProfile {
        id: "p".into(),
        name: "P".into(),
        provider: ProviderKind::Anthropic,
        base_url: "http://127.0.0.1:1".into(),
        model: "m".into(),
        vision,
        max_tokens: None,
        prices: None,
    }
}

#[test]
fn a_request_alternates_roles_and_marks_what_may_be_kept() {
    let text = |text: &str| ModelPart::Text(text.into());
    let request = ModelRequest {
        system: "Be brief.".into(),
        messages: vec![
            ModelMessage::User { parts: vec![text("go"), text(" ")] },
            ModelMessage::Assistant {
                reasoning: Some(ModelReasoning { text: "hm".into(), signature: Some("sig".into()) }),
                text: String::new(),
                tool_calls: vec![
                    ModelToolCall { id: "a".into(), name: "look".into(), arguments: "{\"at\":1}".into() },
                    ModelToolCall { id: "b".into(), name: "look".into(), arguments: "{".into() },
                ],
            },
            ModelMessage::Tool {
                call_id: "a".into(),
                name: "look".into(),
                parts: vec![
                    text("seen"),
                    ModelPart::Image { mime: "image/png".into(), base64: "AAAA".into() },
                ],
                is_error: false,
            },
            ModelMessage::Tool {
                call_id: "b".into(),
                name: "look".into(),
                parts: vec![text("bad")],
                is_error: true,
            },
            ModelMessage::User { parts: vec![text("and blue")] },
            ModelMessage::Assistant {
                reasoning: Some(ModelReasoning { text: "unsigned".into(), signature: None }),
                text: String::new(),
                tool_calls: Vec::new(),
            },
        ],
        tools: vec![ModelTool {
            name: "look".into(),
            description: "Looks.".into(),
            parameters: json!({"type": "object"}),
        }],
        max_tokens: None,
    };
    let mark = json!({"type": "ephemeral"});
    let image =
        json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}});
    let expected = json!({
        "model": "m",
        "max_tokens": 16000,
        "system": [{"type": "text", "text": "Be brief.", "cache_control": mark}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "go"}]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "hm", "signature": "sig"},
                {"type": "tool_use", "id": "a", "name": "look", "input": {"at": 1}},
                {"type": "tool_use", "id": "b", "name": "look", "input": {"invalid_json": "{"}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "seen"}, image]},
                {"type": "tool_result", "tool_use_id": "b", "content": [{"type": "text", "text": "bad"}], "is_error": true},
                {"type": "text", "text": "and blue", "cache_control": mark},
            ]},
        ],
        "stream": true,
        "tools": [{"name": "look", "description": "Looks.", "input_schema": {"type": "object"}}],
    });
    assert_eq!(body(&request, &profile(true), Quirks::default()), expected);
    let blind = body(&request, &profile(false), Quirks { token_cap: Some(8192), ..Quirks::default() });
    assert_eq!(blind["max_tokens"], 8192);
    assert!(!blind.to_string().contains("AAAA") && blind.to_string().contains("does not see pictures"));
}

#[test]
fn later_figures_replace_earlier_ones_and_cached_input_is_part_of_the_input() {
    let mut reader = AnthropicReader::default();
    for data in [
        json!({"type": "message_start", "message": {"usage": {"input_tokens": 10, "cache_read_input_tokens": 30, "cache_creation_input_tokens": 5, "output_tokens": 1}}}),
        json!({"type": "message_delta", "delta": {"stop_reason": "max_tokens"}, "usage": {"output_tokens": 40}}),
        json!({"type": "brand_new_event"}),
    ] {
        let events = reader.event(&SseEvent { name: String::new(), data: data.to_string() }).unwrap();
        assert_eq!(events, []);
    }
    let usage = Usage {
        input_tokens: Some(45),
        output_tokens: Some(40),
        cached_tokens: Some(30),
        ..Usage::default()
    };
    assert_eq!((reader.usage(), reader.finish()), (usage, Some(FinishReason::Length)));
}
