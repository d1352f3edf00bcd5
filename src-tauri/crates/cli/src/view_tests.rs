use okcvm_protocol::{NodeId, NodeSummary, ToolCall, Usage, UserMessage};

use super::*;

fn node(status: NodeStatus) -> NodeSummary {
    NodeSummary {
        id: NodeId("node".into()),
        parent_id: None,
        title: "A question".into(),
        label: None,
        started_at: 0,
        ended_at: None,
        status,
        snapshot: None,
        base_snapshot: None,
        changes: None,
        user_changes: None,
        not_restorable: None,
        deleted_at: None,
        untrusted: Vec::new(),
        exported_at: None,
        durable: None,
        changes_lost: None,
    }
}

fn item(id: &str, ended_at: Option<i64>, body: ItemBody) -> Item {
    Item {
        id: ItemId(id.into()),
        node_id: NodeId("node".into()),
        ordinal: 0,
        step: 0,
        started_at: 0,
        ended_at,
        body,
    }
}

fn text(id: &str, ended_at: Option<i64>, text: &str) -> Item {
    item(id, ended_at, ItemBody::Text { text: text.into() })
}

fn call(id: &str, ended_at: Option<i64>, status: ToolCallStatus) -> Item {
    let call = ToolCall {
        call_id: id.into(),
        tool: "mshtools-shell".into(),
        arguments: "{}".into(),
        status,
        live_output: String::new(),
        result: None,
    };
    item(id, ended_at, ItemBody::ToolCall(call))
}

fn delta(id: &str, text: &str) -> TurnEvent {
    TurnEvent::ItemDelta { item_id: ItemId(id.into()), delta: ItemDelta::Text { text: text.into() } }
}

fn turn(status: NodeStatus, items: Vec<Item>, error: Option<AppError>) -> Turn {
    let message = UserMessage { text: "A question".into(), attachments: Vec::new() };
    Turn { node: node(status), message, items, error, usage: Usage::default() }
}

/// What a person reads on stdout.
fn answer(said: &[Said]) -> String {
    said.iter()
        .filter_map(|said| match said {
            Said::Answer(text) => Some(text.as_str()),
            Said::Note(_) | Said::Waiting(_) => None,
        })
        .collect()
}

#[test]
fn an_answer_is_shown_once_as_it_comes() {
    let mut view = View::default();
    for event in [
        TurnEvent::ItemStarted {
            item: item("r", None, ItemBody::Reasoning { text: String::new(), signature: None }),
        },
        delta("r", "Thought."),
        TurnEvent::ItemStarted { item: text("t", None, "") },
        delta("t", "One "),
        delta("t", "two"),
        TurnEvent::ItemCompleted { item: text("t", Some(1), "One two") },
    ] {
        assert_eq!(view.take(&event, 0), None);
    }
    assert_eq!(answer(&view.said()), "One two\n");
}

#[test]
fn after_a_gap_the_rest_of_a_text_comes_with_the_whole_of_it() {
    let mut view = View::default();
    view.take(&TurnEvent::ItemStarted { item: text("t", None, "") }, 0);
    view.take(&delta("t", "One "), 0);
    let stored = turn(
        NodeStatus::Running,
        vec![
            text("t", None, "One two "),
            text("begun", None, ""),
            call("c", Some(1), ToolCallStatus::Failed),
        ],
        None,
    );
    for event in view.missed(&stored) {
        assert_eq!(view.take(&event, 0), None);
    }
    // What lies between “One ” and “three” was never told.
    view.take(&delta("t", "three"), 0);
    view.take(&delta("begun", "its middle"), 0);
    view.take(&TurnEvent::ItemCompleted { item: text("t", Some(2), "One two three") }, 0);
    view.take(&TurnEvent::ItemCompleted { item: text("begun", Some(3), "Its start, its middle.\n") }, 0);
    let said = view.said();
    assert_eq!(answer(&said), "One \ntwo three\nIts start, its middle.\n");
    assert!(said.contains(&Said::Note("✗ mshtools-shell".into())), "{said:?}");
}

#[test]
fn an_end_that_was_lost_is_read_from_the_store() {
    let mut view = View::default();
    view.take(&TurnEvent::ItemStarted { item: text("t", None, "") }, 0);
    view.take(&delta("t", "One "), 0);
    let error = AppError::new("You stopped this turn.").with_code(ErrorCode::Cancelled);
    let stored = turn(NodeStatus::Interrupted, vec![text("t", Some(1), "One two")], Some(error.clone()));
    let ends: Vec<End> = view.missed(&stored).iter().filter_map(|event| view.take(event, 0)).collect();
    assert_eq!(ends, [End { status: NodeStatus::Interrupted, error: Some(error) }]);
    assert_eq!(answer(&view.said()), "One two\n");
}

#[test]
fn nothing_that_was_shown_comes_again_after_a_gap() {
    let mut view = View::default();
    view.take(&TurnEvent::ItemStarted { item: text("t", None, "") }, 0);
    view.take(&delta("t", "One"), 0);
    view.take(&TurnEvent::ItemCompleted { item: text("t", Some(1), "One") }, 0);
    view.take(&TurnEvent::ItemStarted { item: call("c", None, ToolCallStatus::Running) }, 0);
    view.said();
    let stored = turn(
        NodeStatus::Running,
        vec![text("t", Some(1), "One"), call("c", None, ToolCallStatus::Running)],
        None,
    );
    assert_eq!(view.missed(&stored), []);
}

#[test]
fn what_is_awaited_is_said_between_lines_but_not_within_one() {
    let mut view = View::default();
    let awaited = Awaited::Model { model: "a-model".into(), attempt: 2 };
    let heartbeat = TurnEvent::Heartbeat { awaited, since_at: 1_000 };
    view.take(&heartbeat, 13_500);
    assert_eq!(view.said(), [Said::Waiting("… waiting for a-model, 12 s (attempt 2)".into())]);
    let question = Awaited::Approval { item_id: okcvm_protocol::ItemId::new() };
    view.take(&TurnEvent::Heartbeat { awaited: question, since_at: 1_000 }, 13_500);
    assert_eq!(view.said(), []);
    view.take(&TurnEvent::ItemStarted { item: text("t", None, "") }, 0);
    view.take(&delta("t", "half a line"), 0);
    view.take(&heartbeat, 14_500);
    assert_eq!(view.said(), [Said::Answer("half a line".into())]);
}

#[test]
fn only_a_stop_by_the_user_exits_as_one() {
    let end = |status, code: Option<ErrorCode>| {
        let error = AppError { code, ..AppError::new("why") };
        End { status, error: Some(error) }.outcome().err().map(|failure| failure.code())
    };
    assert_eq!(end(NodeStatus::Completed, None), None);
    assert_eq!(end(NodeStatus::Interrupted, Some(ErrorCode::Cancelled)), Some(STOPPED));
    assert_eq!(end(NodeStatus::Interrupted, Some(ErrorCode::LimitReached)), Some(1));
    assert_eq!(end(NodeStatus::Interrupted, Some(ErrorCode::ProgramEnded)), Some(1));
    assert_eq!(end(NodeStatus::Failed, None), Some(1));
}
