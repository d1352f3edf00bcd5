use okcvm_protocol::{Attachment, ItemId, NodeId};
use serde_json::json;

use super::*;

fn item(step: u32, body: ItemBody) -> Item {
    Item {
        id: ItemId::new(),
        node_id: NodeId::new(),
        ordinal: 0,
        step,
        started_at: 0,
        ended_at: Some(1),
        body,
    }
}

fn call(id: &str, arguments: &str, status: ToolCallStatus, result: Option<&str>) -> ItemBody {
    ItemBody::ToolCall(ToolCall {
        call_id: id.into(),
        tool: "mshtools-shell".into(),
        arguments: arguments.into(),
        status,
        live_output: String::new(),
        result: result.map(|text| ToolResult {
            content: vec![ToolContent::Text { text: text.into() }],
            is_error: false,
            artifacts: Vec::new(),
            diff: None,
        }),
    })
}

fn text(text: &str) -> ItemBody {
    ItemBody::Text { text: text.into() }
}

fn messages(items: &[Item]) -> Vec<ModelMessage> {
    let message = UserMessage {
        text: "Look.".into(),
        attachments: vec![Attachment { path: "a b.csv".into(), size: 3, mime: "text/csv".into() }],
    };
    turn_messages(&message, items, &Pictures { blobs: Path::new("/nowhere"), visible: true })
}

fn part(text: &str) -> Vec<ModelPart> {
    vec![ModelPart::Text(text.into())]
}

#[test]
fn steps_become_answers_with_their_results_and_steering_becomes_the_users() {
    let items = [
        item(0, ItemBody::Reasoning { text: "hm".into(), signature: Some("s".into()) }),
        item(0, text("First.")),
        item(0, call("1", "{}", ToolCallStatus::Completed, Some("one"))),
        item(0, ItemBody::Notice { level: okcvm_protocol::NoticeLevel::Info, text: "for people".into() }),
        item(1, ItemBody::Steer { text: "Faster.".into() }),
        item(1, text("Second.")),
    ];
    let assistant = |reasoning: Option<ModelReasoning>, text: &str, tool_calls| ModelMessage::Assistant {
        reasoning,
        text: text.into(),
        tool_calls,
    };
    let thought = ModelReasoning { text: "hm".into(), signature: Some("s".into()) };
    let called = ModelToolCall { id: "1".into(), name: "mshtools-shell".into(), arguments: "{}".into() };
    assert_eq!(
        messages(&items),
        [
            ModelMessage::User {
                parts: part("Look.\nAttached file: /mnt/okcomputer/a b.csv (3 bytes, text/csv)")
            },
            assistant(Some(thought), "First.", vec![called]),
            ModelMessage::Tool {
                call_id: "1".into(),
                name: "mshtools-shell".into(),
                parts: part("one"),
                is_error: false
            },
            ModelMessage::User { parts: part("Faster.") },
            assistant(None, "Second.", Vec::new()),
        ]
    );
}

#[test]
fn every_call_has_a_result_even_if_it_was_interrupted() {
    let items = [item(0, call("1", "{\"command\": \"sl", ToolCallStatus::Interrupted, None))];
    let messages = messages(&items);
    let ModelMessage::Assistant { tool_calls, .. } = &messages[1] else { panic!("{messages:?}") };
    let sent: serde_json::Value = serde_json::from_str(&tool_calls[0].arguments).unwrap();
    assert_eq!(sent, json!({ "not_an_object": "{\"command\": \"sl" }));
    let ModelMessage::Tool { parts, is_error, .. } = &messages[2] else { panic!("{messages:?}") };
    assert!(*is_error);
    assert_eq!(parts, &part("The call was interrupted; it gave no result."));
}

#[test]
fn a_step_that_said_nothing_is_left_out() {
    let thought = ItemBody::Reasoning { text: "hm".into(), signature: None };
    assert_eq!(messages(&[item(0, thought)]).len(), 1);
}

#[test]
fn a_picture_that_is_gone_is_named() {
    let content =
        ToolContent::Image { mime: "image/png".into(), path: "p.png".into(), hash: "h".into(), size: 1 };
    let pictures = |visible| Pictures { blobs: Path::new("/nowhere"), visible };
    assert_eq!(content_part(&content, &pictures(true)), part("[The picture p.png is no longer at hand.]")[0]);
    let blind = content_part(&content, &pictures(false));
    assert!(matches!(blind, ModelPart::Text(text) if text.contains("cannot see")));
}
