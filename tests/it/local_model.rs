//! The engine with a model that nobody scripted: SmolLM2-135M on a llama.cpp server. What the model says is its own
//! affair; what is told, counted and stored of it has to hold whatever it says.

#![allow(clippy::print_stdout, reason = "what a real model says and how long it takes is worth reading")]

mod provision;
mod server;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use okcvm_host::Subscription;
use okcvm_model::{LocalPorts, discover};
use okcvm_protocol::{
    CheckStatus, CommandHandler, Empty, EngineEvent, Item, ItemBody, ItemDelta, LocalServer as Found,
    ModelProfile, ModelTestParams, NodeId, NodeStatus, ProviderKind, SessionConfigureParams, SessionId,
    SessionParams, Settings, SettingsSaveParams, Span, SpanKind, SpanStatus, ToolCallStatus, TurnEvent,
    TurnLimits,
};

use crate::desk::Desk;
use provision::{PYTHON, cache_folder, provide};
use server::{LocalServer, MODEL};

/// Everything, without fetching the model.
const PATIENCE: Duration = Duration::from_secs(900);
/// One turn: the prompt of 3,300 tokens is read at about a hundred tokens a second, and much slower on a busy machine.
const TURN: Duration = Duration::from_secs(400);
/// The server is silent while it reads the prompt.
const SILENCE_SECONDS: u32 = 400;
/// Pieces of an answer after which it is stopped.
const PIECES: usize = 10;
/// A server that lost its client is free again before it could have said so many pieces more; it would say 300 in all.
const RELEASE: u32 = 100;

#[tokio::test(flavor = "multi_thread")]
async fn a_real_model_works_in_every_format() {
    let begun = Instant::now();
    let provided = provide(PYTHON, &cache_folder()).await.unwrap_or_else(|error| panic!("{error}"));
    println!("provided after {:.1?}", begun.elapsed());
    let _alone = crate::PROCESSORS.write().await;
    let begun = Instant::now();
    let server = LocalServer::start(&provided).await;
    println!("the server is ready after {:.1?}", begun.elapsed());
    tokio::time::timeout(PATIENCE, work_with(&server))
        .await
        .unwrap_or_else(|_| panic!("not done after {PATIENCE:?}; the server said:\n{}", server.said()));
}

/// One server for all, because it remembers the prompt, whose reading takes the longest.
async fn work_with(server: &LocalServer) {
    let begun = Instant::now();
    let done = |what: &str| println!("{what}: done after {:.1?}", begun.elapsed());
    is_found(server).await;
    done("discovery");
    let desk = desk("openai", &server.address("/v1")).await;
    ends_once_with_all_of_it_stored(&desk, 2).await;
    done("chat completions");
    stops_in_the_middle(&desk, server).await;
    done("stop");
    let other = self::desk("anthropic", &server.address("")).await;
    ends_once_with_all_of_it_stored(&other, 1).await;
    done("messages");
    passes_the_connection_test(&desk, server, ProviderKind::OpenAi, &server.address("/v1")).await;
    done("connection test, chat completions");
    passes_the_connection_test(&desk, server, ProviderKind::Anthropic, &server.address("")).await;
    done("connection test, messages");
}

async fn is_found(server: &LocalServer) {
    let expected = Found {
        name: "llama.cpp".into(),
        base_url: server.address("/v1"),
        models: vec![MODEL.into()],
        provider: ProviderKind::OpenAi,
    };
    let silent = silent_port();
    let ports = LocalPorts { ollama: silent, lm_studio: silent, llama_cpp: server.port };
    assert_eq!(found(&ports).await, std::slice::from_ref(&expected));
    // At LM Studio's port it is still known for what it is.
    let ports = LocalPorts { ollama: silent, lm_studio: server.port, llama_cpp: silent };
    assert_eq!(found(&ports).await, [expected]);
}

/// Looks again for a while: on a busy machine a server may answer later than a search waits.
async fn found(ports: &LocalPorts) -> Vec<Found> {
    for _ in 0..20 {
        let found = discover(ports).await;
        if !found.is_empty() {
            return found;
        }
    }
    Vec::new()
}

/// A port on which nobody listens.
fn silent_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// One turn of at most so many model requests.
async fn ends_once_with_all_of_it_stored(desk: &Desk, steps: u32) {
    let session = session_with(desk, steps).await;
    let mut events = desk.listen();
    let node = desk.send(&session, "Call mshtools-write_file with the word hello.", Vec::new()).await;
    let mut seen = hear(&mut events, &node, TURN, is_end).await.expect("the turn did not end in time");
    desk.host.engine().wait_until_idle(&session).await;
    let late = hear(&mut events, &node, Duration::from_millis(300), is_end).await;
    assert!(late.is_none(), "the turn ended twice: {late:?}");

    match seen.pop().unwrap() {
        TurnEvent::TurnCompleted { .. } => {}
        TurnEvent::TurnInterrupted { error, .. } => {
            assert!(error.message.contains(&format!("limit of {steps} model request")), "{}", error.message);
        }
        end => panic!("it failed: {end:?}"),
    }
    // What was told piece by piece is what is stored.
    let told = told(&seen);
    let detail = desk.detail(&session).await;
    let turn = &detail.turns[0];
    let kept = kept(&turn.items);
    for item in &turn.items {
        if let ItemBody::ToolCall(call) = &item.body {
            let ended = matches!(call.status, ToolCallStatus::Completed | ToolCallStatus::Failed);
            assert!(ended && call.result.is_some(), "{call:?}");
        }
    }
    println!("  {} pieces; it said or called: {kept:?}", seen.iter().filter(|event| is_piece(event)).count());
    assert_eq!(told, kept);
    assert!(told.values().any(|text| !text.is_empty()), "the model said nothing");

    let requests = model_spans(desk, &session).await;
    assert!((1..=steps as usize).contains(&requests.len()), "{requests:?}");
    for span in &requests {
        println!("  {:?} ms to the first token; {:?}", span.first_token_ms, span.usage);
        assert_eq!(
            (span.name.as_str(), span.status, span.retries, &span.error),
            (MODEL, SpanStatus::Ok, 0, &None)
        );
        let length = span.ended_at.unwrap() - span.started_at;
        let first = i64::try_from(span.first_token_ms.unwrap()).unwrap();
        assert!(0 < first && first <= length + 1, "first token after {first} of {length} ms");
        assert!(span.usage.input_tokens > Some(500), "the prompt has tools and rules: {:?}", span.usage);
        assert!(span.usage.output_tokens > Some(0), "{:?}", span.usage);
    }
    let sum = |of: fn(&Span) -> Option<u64>| requests.iter().map(|span| of(span).unwrap()).sum::<u64>();
    assert_eq!(turn.usage.input_tokens, Some(sum(|span| span.usage.input_tokens)));
    assert_eq!(turn.usage.output_tokens, Some(sum(|span| span.usage.output_tokens)));
}

async fn stops_in_the_middle(desk: &Desk, server: &LocalServer) {
    let session = session_with(desk, 20).await;
    let mut events = desk.listen();
    let numbers = (1..=40).map(|number| number.to_string()).collect::<Vec<_>>().join(", ");
    let wish = format!("Call mshtools-write_file with the content \"{numbers}\" and so on until 900.");
    let node = desk.send(&session, &wish, Vec::new()).await;
    let mut came = Vec::new();
    let enough = |event: &TurnEvent| {
        if is_piece(event) {
            came.push(Instant::now());
        }
        came.len() == PIECES
    };
    let mut seen = hear(&mut events, &node, TURN, enough).await.expect("the model said too little in time");
    assert!(server.is_busy().await, "the answer was over before it could be stopped");
    let stopped = Instant::now();
    let pace = came[PIECES - 1].duration_since(came[0]) / (PIECES as u32 - 1);
    let release = (pace * RELEASE).max(Duration::from_secs(1));
    desk.host.turn_stop(SessionParams { session_id: session.clone() }).await.unwrap();
    while server.is_busy().await {
        assert!(stopped.elapsed() < release, "the server still works after {release:?}:\n{}", server.said());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!("  the server was free {:.0?} after the stop", stopped.elapsed());
    seen.extend(
        hear(&mut events, &node, Duration::from_secs(60), is_end).await.expect("the stop did not end it"),
    );
    let end = seen.pop().unwrap();
    let TurnEvent::TurnInterrupted { node: ended, error } = &end else {
        panic!("it was not stopped: {end:?}")
    };
    assert_eq!((ended.status, error.message.as_str()), (NodeStatus::Interrupted, "You stopped this turn."));
    desk.host.engine().wait_until_idle(&session).await;
    let detail = desk.detail(&session).await;
    assert_eq!(detail.turns[0].node.status, NodeStatus::Interrupted);
    // What came before the stop is kept.
    let kept = kept(&detail.turns[0].items);
    println!("  kept: {kept:?}");
    assert_eq!(told(&seen), kept);
    if let ItemBody::ToolCall(call) = &detail.turns[0].items.last().unwrap().body {
        assert_eq!(call.status, ToolCallStatus::Interrupted);
    }
    let requests = model_spans(desk, &session).await;
    let last = requests.last().unwrap();
    assert_eq!((last.status, last.ended_at.is_some()), (SpanStatus::Interrupted, true), "{requests:?}");
    assert!(last.first_token_ms.is_some(), "{last:?}");
}

async fn passes_the_connection_test(
    desk: &Desk,
    server: &LocalServer,
    provider: ProviderKind,
    address: &str,
) {
    let profile = ModelProfile {
        id: "local".into(),
        name: "Local".into(),
        provider,
        base_url: address.into(),
        model: MODEL.into(),
        vision: false,
        max_tokens: None,
        prices: None,
    };
    let report = desk.host.model_test(ModelTestParams { profile, key: None }).await.unwrap();
    println!("  {report:?}");
    let rows: Vec<(&str, CheckStatus)> =
        report.checks.iter().map(|check| (check.name.as_str(), check.status)).collect();
    let works = ["Address", "Key", "Model", "Streaming"].map(|name| (name, CheckStatus::Ok));
    assert_eq!(rows[..4], works, "{report:?}\n{}", server.said());
    // Whether it calls the tool is its own affair.
    assert!(matches!(rows[4..], [("Tools", CheckStatus::Ok | CheckStatus::Warning)]), "{report:?}");
    assert_eq!((report.ok, report.models), (true, vec![MODEL.to_owned()]));
    assert!(report.first_token_ms > Some(0));
}

async fn desk(provider: &str, address: &str) -> Desk {
    let desk = Desk::with(&[
        ("OKCVM_CHAT_PROVIDER", provider),
        ("OKCVM_CHAT_BASE_URL", address),
        ("OKCVM_CHAT_MODEL", MODEL),
    ]);
    let settings = desk.host.settings_get(Empty {}).await.unwrap().settings;
    let settings = Settings { stall_seconds: SILENCE_SECONDS, ..settings };
    desk.host.settings_save(SettingsSaveParams { settings }).await.unwrap();
    desk
}

async fn session_with(desk: &Desk, steps: u32) -> SessionId {
    let session = desk.session().await;
    let limits = TurnLimits { max_steps: steps, ..TurnLimits::default() };
    let params = SessionConfigureParams { session_id: session.clone(), profile: None, limits: Some(limits) };
    desk.host.session_configure(params).await.unwrap();
    session
}

async fn model_spans(desk: &Desk, session: &SessionId) -> Vec<Span> {
    let params = SessionParams { session_id: session.clone() };
    let spans = desk.host.timeline_list(params).await.unwrap().spans;
    spans.into_iter().filter(|span| span.kind == SpanKind::Model).collect()
}

/// The pieces of each text and of the arguments of each call, put together.
fn told(events: &[TurnEvent]) -> BTreeMap<String, String> {
    let mut told = BTreeMap::new();
    for event in events {
        match event {
            TurnEvent::ItemStarted { item } => {
                told.entry(item.id.to_string()).or_insert_with(String::new);
            }
            TurnEvent::ItemDelta {
                item_id,
                delta: ItemDelta::Text { text } | ItemDelta::Arguments { text },
            } => told.entry(item_id.to_string()).or_default().push_str(text),
            _ => {}
        }
    }
    told
}

/// The texts and the arguments of calls as they are stored.
fn kept(items: &[Item]) -> BTreeMap<String, String> {
    let content = |item: &Item| match &item.body {
        ItemBody::Text { text } => text.clone(),
        ItemBody::ToolCall(call) => call.arguments.clone(),
        other => panic!("this model does not think, and there is nothing to remark: {other:?}"),
    };
    assert!(items.iter().all(|item| item.ended_at.is_some()), "{items:?}");
    items.iter().map(|item| (item.id.to_string(), content(item))).collect()
}

fn is_piece(event: &TurnEvent) -> bool {
    matches!(event, TurnEvent::ItemDelta { delta: ItemDelta::Text { .. } | ItemDelta::Arguments { .. }, .. })
}

fn is_end(event: &TurnEvent) -> bool {
    matches!(
        event,
        TurnEvent::TurnCompleted { .. } | TurnEvent::TurnFailed { .. } | TurnEvent::TurnInterrupted { .. }
    )
}

/// The events of a turn until one that is wanted, which is the last; `None` if it does not come in time.
async fn hear(
    events: &mut Subscription,
    node: &NodeId,
    limit: Duration,
    mut wanted: impl FnMut(&TurnEvent) -> bool,
) -> Option<Vec<TurnEvent>> {
    let mut seen = Vec::new();
    let hearing = async {
        loop {
            for numbered in events.next(1).await {
                assert_ne!(numbered.event, EngineEvent::Resync, "events were lost");
                let EngineEvent::Turn { node_id, event, .. } = numbered.event else { continue };
                if node_id == *node {
                    seen.push(event);
                    if seen.last().is_some_and(&mut wanted) {
                        return;
                    }
                }
            }
        }
    };
    tokio::time::timeout(limit, hearing).await.ok()?;
    Some(seen)
}
