//! The turn loop over a scripted model server: its rules, and every fault that a server can have.

use std::time::{Duration, Instant};

use okcvm_protocol::{
    CommandHandler, EngineEvent, ErrorCode, ItemBody, NodeStatus, SessionConfigureParams, SessionId,
    SessionParams, SpanKind, SpanStatus, ToolCallStatus, ToolContent, TurnEvent, TurnLimits, TurnStartParams,
    TurnStartResponse, TurnSteerParams,
};
use okcvm_testkit::{Answer, Ending, Reply, ReplyUsage, ScriptedModelServer};
use serde_json::json;

use crate::desk::{Desk, Ended, spoken, until_end};

const READ: &str = "mshtools-read_file";
const WRITE: &str = "mshtools-write_file";
const SHELL: &str = "mshtools-shell";

fn desk(server: &ScriptedModelServer) -> Desk {
    desk_speaking(server, "openai")
}

fn desk_speaking(server: &ScriptedModelServer, provider: &str) -> Desk {
    let base = if provider == "openai" { server.openai_base() } else { server.anthropic_base() };
    Desk::with(&[
        ("OKCVM_CHAT_PROVIDER", provider),
        ("OKCVM_CHAT_BASE_URL", &base),
        ("OKCVM_CHAT_MODEL", "test-model"),
        ("OKCVM_CHAT_API_KEY", "sk-test-0123456789abcdef"),
    ])
}

/// The calls of a turn as stored: tool, status, text of the result.
async fn calls(desk: &Desk, session: &SessionId) -> Vec<(String, ToolCallStatus, String)> {
    let detail = desk.detail(session).await;
    let items = detail.turns.into_iter().flat_map(|turn| turn.items);
    items
        .filter_map(|item| match item.body {
            ItemBody::ToolCall(call) => {
                let content = call.result.into_iter().flat_map(|result| result.content);
                let text = content
                    .filter_map(|content| match content {
                        ToolContent::Text { text } => Some(text),
                        ToolContent::Image { .. } => None,
                    })
                    .collect();
                Some((call.tool, call.status, text))
            }
            _ => None,
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_calls_of_one_step_run_and_their_results_go_back_in_order() {
    let server = ScriptedModelServer::start().await.unwrap();
    server.push(Reply::default().then_reasoning("Both are needed.").then_text("I look.").then_calls(&[
        ("call-a", READ, r#"{"file_path":"a.txt"}"#),
        ("call-b", READ, r#"{"file_path":"b.txt"}"#),
    ]));
    server.push(Reply::text("Seen.").usage(ReplyUsage { input: 100, cached: 40, output: 7, reasoning: 3 }));
    let desk = desk(&server);
    let session = desk.session().await;
    desk.drop_file(&session, "a.txt", b"alpha\n").await;
    desk.drop_file(&session, "b.txt", b"beta\n").await;
    let ended = desk.turn(&session, "Read both.", Vec::new()).await;
    assert_eq!((ended.status, &ended.error), (NodeStatus::Completed, &None));

    let sent = &server.chats()[1].body["messages"];
    let roles: Vec<&str> = sent.as_array().unwrap().iter().map(|row| row["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["system", "user", "assistant", "tool", "tool"]);
    assert_eq!((&sent[3]["tool_call_id"], &sent[4]["tool_call_id"]), (&json!("call-a"), &json!("call-b")));
    assert!(
        sent[3]["content"].to_string().contains("alpha") && sent[4]["content"].to_string().contains("beta")
    );
    assert!(sent[0]["content"].to_string().contains("/mnt/okcomputer"), "the system prompt names the mount");

    // Only tools that work are offered, under their exact names.
    let offered = server.chats()[0].body["tools"].clone();
    let mut names: Vec<String> = offered
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["function"]["name"].as_str().unwrap().into())
        .collect();
    names.sort();
    let expected = [
        "deploy_website",
        "edit_file",
        "ipython",
        "read_file",
        "shell",
        "slides_generator",
        "todo_read",
        "todo_write",
        "write_file",
    ];
    assert_eq!(names, expected.map(|name| format!("mshtools-{name}")));

    let detail = desk.detail(&session).await;
    let usage = &detail.turns[0].usage;
    assert_eq!(
        (usage.input_tokens, usage.cached_tokens, usage.output_tokens, usage.reasoning_tokens, usage.cost),
        (Some(100), Some(40), Some(7), Some(3), None)
    );
    let spans = desk.host.timeline_list(SessionParams { session_id: session }).await.unwrap().spans;
    let kinds: Vec<SpanKind> = spans.iter().map(|span| span.kind).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == SpanKind::Model).count(), 2);
    assert_eq!(kinds.iter().filter(|kind| **kind == SpanKind::Tool).count(), 2);
    assert!(spans.iter().all(|span| span.status == SpanStatus::Ok && span.ended_at >= Some(span.started_at)));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_job_with_the_other_wire_format() {
    let server = ScriptedModelServer::start().await.unwrap();
    server.push(
        Reply::text("I write.")
            .then_calls(&[("toolu_1", WRITE, r#"{"file_path":"made.txt","content":"made\n"}"#)])
            .in_frames(7),
    );
    server.push(Reply::text("写好了。").in_frames(1));
    let desk = desk_speaking(&server, "anthropic");
    let session = desk.session().await;
    let ended = desk.turn(&session, "Write it.", Vec::new()).await;
    assert_eq!((ended.status, &ended.error), (NodeStatus::Completed, &None));
    assert_eq!(std::fs::read_to_string(desk.files(&session).await.join("made.txt")).unwrap(), "made\n");
    assert_eq!(spoken(&desk.detail(&session).await, &ended.node), "I write.写好了。");
    assert_eq!(server.chats()[0].header("x-api-key"), Some("sk-test-0123456789abcdef"));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_arguments_go_back_to_the_model_as_errors_that_it_can_act_on() {
    let server = ScriptedModelServer::start().await.unwrap();
    server.push(Reply::default().then_calls(&[("a", WRITE, r#"{"file_path": "x"#)]));
    server.push(Reply::default().then_calls(&[("b", WRITE, r#"{"file_path": 7, "content": "x"}"#)]));
    server.push(Reply::default().then_calls(&[("c", "mshtools-nothing", "{}")]));
    server.push(Reply::default().then_calls(&[("d", "mshtools-web_search", r#"{"queries":["x"]}"#)]));
    server.push(Reply::text("I give up."));
    let desk = desk(&server);
    let session = desk.session().await;
    let ended = desk.turn(&session, "Try.", Vec::new()).await;
    assert_eq!(ended.status, NodeStatus::Completed);
    let calls = calls(&desk, &session).await;
    assert!(calls.iter().all(|(_, status, _)| *status == ToolCallStatus::Failed), "{calls:?}");
    assert!(calls[0].2.contains("not valid JSON"), "{}", calls[0].2);
    assert!(calls[1].2.contains("file_path"), "{}", calls[1].2);
    assert!(calls[2].2.contains(READ), "the usable tools are named: {}", calls[2].2);
    assert!(calls[3].2.contains("no usable tool"), "{}", calls[3].2);
    // A history with broken arguments is still one that a strict server takes.
    for request in server.chats() {
        for message in request.body["messages"].as_array().unwrap() {
            for call in message["tool_calls"].as_array().into_iter().flatten() {
                let arguments = call["function"]["arguments"].as_str().unwrap();
                assert!(serde_json::from_str::<serde_json::Value>(arguments).unwrap().is_object());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_call_over_and_over_is_refused_and_then_ends_the_turn() {
    let server = ScriptedModelServer::start().await.unwrap();
    server.answer_with(|_| Reply::call("again", READ, &json!({"file_path": "none.txt"})).into());
    let desk = desk(&server);
    let session = desk.session().await;
    let ended = desk.turn(&session, "Read it.", Vec::new()).await;
    assert_eq!(ended.status, NodeStatus::Failed);
    assert!(ended.error.unwrap().message.contains("again and again"));
    let calls = calls(&desk, &session).await;
    assert_eq!(calls.len(), 5);
    assert!(calls[2].2.contains("was not carried out"), "{}", calls[2].2);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_of_steps_and_tokens_interrupt_and_the_turn_can_go_on() {
    let server = ScriptedModelServer::start().await.unwrap();
    let mut number = 0;
    server.answer_with(move |_| {
        number += 1;
        let arguments = json!({"file_path": format!("{number}.txt"), "content": "x"});
        Reply::call(&format!("call-{number}"), WRITE, &arguments)
            .usage(ReplyUsage { input: 400, output: 100, ..ReplyUsage::default() })
            .into()
    });
    let desk = desk(&server);
    for (limits, word) in [
        (TurnLimits { max_steps: 3, ..TurnLimits::default() }, "3 model requests"),
        (TurnLimits { max_tokens: 1000, ..TurnLimits::default() }, "1000 tokens"),
    ] {
        let session = desk.session().await;
        let configure =
            SessionConfigureParams { session_id: session.clone(), profile: None, limits: Some(limits) };
        desk.host.session_configure(configure).await.unwrap();
        let ended = desk.turn(&session, "Write on.", Vec::new()).await;
        assert_eq!(ended.status, NodeStatus::Interrupted);
        let error = ended.error.unwrap();
        assert!(error.message.contains(word), "{}", error.message);
        assert!(error.hint.is_some());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_ends_a_silent_model_and_a_running_command_at_once() {
    let server = ScriptedModelServer::start().await.unwrap();
    server.push(Reply::text("Well").ending(Ending::Stall));
    server.push(Reply::call("c", SHELL, &json!({"command": "echo begun; sleep 300 & sleep 300"})));
    let desk = desk(&server);
    let session = desk.session().await;

    for what in ["model", "command"] {
        let mut events = desk.listen();
        let node = desk.send(&session, "Go.", Vec::new()).await;
        wait_for(&mut events, |event| match event {
            TurnEvent::ItemDelta { .. } => what == "model",
            TurnEvent::ItemStarted { item } => match &item.body {
                ItemBody::ToolCall(call) => call.status == ToolCallStatus::Running,
                _ => false,
            },
            _ => false,
        })
        .await;
        if what == "command" {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        let begun = Instant::now();
        desk.host.turn_stop(SessionParams { session_id: session.clone() }).await.unwrap();
        let ended = until_end(&mut events, &node).await;
        assert_eq!(ended.status, NodeStatus::Interrupted);
        assert!(begun.elapsed() < Duration::from_secs(30), "{what}: stopping took {:?}", begun.elapsed());
        desk.host.engine().wait_until_idle(&session).await;
    }
    let detail = desk.detail(&session).await;
    assert_eq!(spoken(&detail, &detail.turns[0].node.id), "Well");
    let calls = calls(&desk, &session).await;
    assert_eq!(calls[0].1, ToolCallStatus::Interrupted);
    assert!(calls[0].2.contains("begun"), "what came is kept: {}", calls[0].2);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(server.open_answers(), 0, "the connection to the model is still open");
    // After a stop the conversation goes on.
    server.push(Reply::text("Here I am."));
    assert_eq!(desk.turn(&session, "Still there?", Vec::new()).await.status, NodeStatus::Completed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_during_a_turn_waits_can_be_taken_back_and_steering_is_heard() {
    let server = ScriptedModelServer::start().await.unwrap();
    server.push(Reply::text("First.").then_pause(Duration::from_millis(600)).then_calls(&[(
        "c",
        READ,
        r#"{"file_path":"none"}"#,
    )]));
    server.push(Reply::text("I heard you."));
    server.push(Reply::text("Second."));
    let desk = desk(&server);
    let session = desk.session().await;
    let mut events = desk.listen();
    let node = desk.send(&session, "One.", Vec::new()).await;
    wait_for(&mut events, |event| matches!(event, TurnEvent::ItemDelta { .. })).await;
    let mut queue = Vec::new();
    for text in ["Two.", "Three."] {
        let params =
            TurnStartParams { session_id: session.clone(), text: text.into(), attachments: Vec::new() };
        match desk.host.turn_start(params).await.unwrap() {
            TurnStartResponse::Queued { queued } => queue.push(queued),
            TurnStartResponse::Started { .. } => panic!("{text} did not wait"),
        }
    }
    assert_eq!(desk.detail(&session).await.queue.len(), 2);
    let taken =
        okcvm_protocol::QueueRemoveParams { session_id: session.clone(), queue_id: queue[1].id.clone() };
    desk.host.queue_remove(taken.clone()).await.unwrap();
    assert!(desk.host.queue_remove(taken).await.is_err(), "a message is taken back once");
    desk.host
        .turn_steer(TurnSteerParams { session_id: session.clone(), text: "Mind the gap.".into() })
        .await
        .unwrap();
    assert_eq!(until_end(&mut events, &node).await.status, NodeStatus::Completed);
    // The waiting message begins its own turn.
    wait_for(&mut events, |event| matches!(event, TurnEvent::TurnCompleted { .. })).await;
    desk.host.engine().wait_until_idle(&session).await;
    let detail = desk.detail(&session).await;
    let texts: Vec<&str> = detail.turns.iter().map(|turn| turn.message.text.as_str()).collect();
    assert_eq!(texts, ["One.", "Two."]);
    assert!(detail.queue.is_empty());
    let heard = server.chats()[1].body["messages"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(heard["role"], "user");
    assert!(heard["content"].to_string().contains("Mind the gap."));
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_is_told_once_a_second() {
    let server = ScriptedModelServer::start().await.unwrap();
    server.push(Reply::default().then_pause(Duration::from_millis(3300)).then_text("Late."));
    let desk = desk(&server);
    let session = desk.session().await;
    let ended = desk.turn(&session, "Go.", Vec::new()).await;
    let beats = ended.events.iter().filter(|event| matches!(event, TurnEvent::Heartbeat { .. })).count();
    assert!((2..=4).contains(&beats), "{beats} heartbeats");
}

#[tokio::test(flavor = "multi_thread")]
async fn busy_servers_are_asked_again_before_the_first_token() {
    let server = ScriptedModelServer::start().await.unwrap();
    server.push(Answer::too_many("1"));
    server.push(Answer::error(500, "broken for a moment"));
    server.push(Reply::text("At last."));
    let desk = desk(&server);
    let session = desk.session().await;
    let begun = Instant::now();
    let ended = desk.turn(&session, "Go.", Vec::new()).await;
    assert_eq!((ended.status, &ended.error), (NodeStatus::Completed, &None));
    assert!(begun.elapsed() >= Duration::from_secs(1), "Retry-After was not kept");
    let spans = desk.host.timeline_list(SessionParams { session_id: session }).await.unwrap().spans;
    assert_eq!(spans[0].retries, 2);
}

/// Each fault ends the turn with an error that says what to do, keeps what came, and lets the user try again.
#[tokio::test(flavor = "multi_thread")]
async fn every_fault_is_named_keeps_what_came_and_can_be_tried_again() {
    let said = "Half an ansẅer 的";
    let faults: Vec<(&str, Answer, &str)> = vec![
        ("cut", Reply::text(said).in_pieces(3).ending(Ending::Cut).into(), said),
        ("silent end", Reply::text(said).ending(Ending::Silent).into(), said),
        ("malformed", Reply::text(said).ending(Ending::Malformed).into(), said),
        ("stall", Reply::text(said).ending(Ending::Stall).into(), said),
        ("junk", Answer::body("text/html", "<html>a proxy's page</html>"), ""),
        ("refused key", Answer::error(401, "bad key sk-test-0123456789abcdef"), ""),
        ("no such model", Answer::error(404, "no model named test-model"), ""),
        ("bad request", Answer::error(400, "too long a context"), ""),
    ];
    for (name, fault, kept) in faults {
        let server = ScriptedModelServer::start().await.unwrap();
        server.push(fault);
        let desk = desk(&server);
        let mut settings = desk.host.settings();
        settings.stall_seconds = 1;
        desk.host.save_settings(settings).unwrap();
        let session = desk.session().await;
        let ended = desk.turn(&session, "Go.", Vec::new()).await;
        assert_eq!(ended.status, NodeStatus::Failed, "{name}");
        let error = ended.error.unwrap();
        assert!(error.hint.is_some(), "{name}: nothing says what to do: {error:?}");
        assert!(!format!("{error:?}").contains("0123456789abcdef"), "{name}: the key is in {error:?}");
        assert_eq!(error.code == Some(ErrorCode::Unauthorized), name == "refused key", "{name}: {error:?}");
        let detail = desk.detail(&session).await;
        assert_eq!(spoken(&detail, &ended.node), kept, "{name}");

        server.push(Reply::text("Well again."));
        let mut events = desk.listen();
        let again = desk.host.engine().retry_turn(&session, &ended.node).await.unwrap();
        let okcvm_host::Start::Started(node) = again else { panic!("it waits") };
        let Ended { status, error, .. } = until_end(&mut events, &node).await;
        assert_eq!((status, error), (NodeStatus::Completed, None), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_sessions_run_turns_at_once() {
    let server = ScriptedModelServer::start().await.unwrap();
    server.answer_with(|_| Reply::default().then_pause(Duration::from_secs(6)).then_text("Done.").into());
    let desk = desk(&server);
    let (one, two) = (desk.session().await, desk.session().await);
    let begun = Instant::now();
    let (first, second) = tokio::join!(desk.turn(&one, "A", Vec::new()), desk.turn(&two, "B", Vec::new()));
    assert_eq!((first.status, second.status), (NodeStatus::Completed, NodeStatus::Completed));
    assert!(begun.elapsed() < Duration::from_secs(11), "they ran one after the other");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_program_reads_a_session_and_says_that_it_may_not_write() {
    let desk = Desk::open();
    let session = desk.session().await;
    desk.turn(&session, "What can you do?", Vec::new()).await;
    let other = crate::desk::host(desk.folder.path(), &[]);
    let detail = other.session_open(SessionParams { session_id: session.clone() }).await.unwrap();
    assert_eq!(detail.access, okcvm_protocol::SessionAccess::ReadOnly);
    assert_eq!(detail.turns.len(), 1);
    let params = TurnStartParams { session_id: session, text: "Hello".into(), attachments: Vec::new() };
    let refused = other.turn_start(params).await.unwrap_err();
    assert_eq!(refused.code, Some(ErrorCode::ReadOnly));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_key_is_left_in_any_file() {
    let key = "sk-test-0123456789abcdef";
    let server = ScriptedModelServer::start().await.unwrap();
    server.push(Reply::call("c", SHELL, &json!({"command": "env; echo sk-test-0123456789abcdef | cat"})));
    server.push(Reply::text("Done."));
    let desk = desk(&server);
    let session = desk.session().await;
    desk.turn(&session, "Go.", Vec::new()).await;
    for (name, content) in crate::desk::tree(desk.folder.path()) {
        let found = content.windows(key.len()).any(|part| part == key.as_bytes());
        // The arguments are the model's own words and are stored as such; a result or a log never holds the key.
        assert!(!found || name.contains(".db"), "the key is in {name}");
    }
    let calls = calls(&desk, &session).await;
    assert!(!calls[0].2.contains(key), "{}", calls[0].2);
    assert!(calls[0].2.contains("[redacted]"), "{}", calls[0].2);
}

async fn wait_for(events: &mut okcvm_host::Subscription, mut wanted: impl FnMut(&TurnEvent) -> bool) {
    let waiting = async {
        loop {
            for numbered in events.next(1).await {
                if let EngineEvent::Turn { event, .. } = numbered.event
                    && wanted(&event)
                {
                    return;
                }
            }
        }
    };
    tokio::time::timeout(crate::desk::PATIENCE, waiting).await.expect("the event did not come");
}
