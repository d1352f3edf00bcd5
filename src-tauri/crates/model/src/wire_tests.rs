use okcvm_protocol::{ErrorCode, Prices, ProviderKind};
use okcvm_testkit::{Answer, Ending, Reply, ReplyUsage, ScriptedModelServer};
use secrecy::SecretString;
use serde_json::json;
use tokio::{sync::mpsc, time::Instant};

use super::*;
use crate::{DemoPace, ModelMessage, ModelPart, connect};

const KEY: &str = "sk-test-7f3a9";
const FORMATS: [WireFormat; 2] = [WireFormat::OpenAi, WireFormat::Anthropic];

fn options(server: &ScriptedModelServer, format: WireFormat) -> ModelOptions {
    let (provider, base_url) = match format {
        WireFormat::OpenAi => (ProviderKind::OpenAi, server.openai_base()),
        WireFormat::Anthropic => (ProviderKind::Anthropic, server.anthropic_base()),
    };
    ModelOptions {
        profile: ModelProfile {
            id: "test".into(),
            name: "Test".into(),
            provider,
            base_url,
            model: "test-model".into(),
            vision: false,
            max_tokens: None,
            prices: None,
        },
        key: Some(SecretString::from(KEY)),
        stall: Duration::from_secs(10),
        retry: RetryPolicy {
            max_attempts: 3,
            base_delay: Duration::from_millis(2),
            max_delay: Duration::from_secs(2),
        },
        demo_pace: DemoPace::Full,
    }
}

fn question() -> ModelRequest {
    ModelRequest {
        messages: vec![ModelMessage::User { parts: vec![ModelPart::Text("go".into())] }],
        ..ModelRequest::default()
    }
}

async fn ask(options: ModelOptions) -> (Result<FinishReason, ModelError>, Vec<ModelEvent>) {
    let model = connect(options).map_err(|error| error.to_string()).unwrap();
    let (sender, mut receiver) = mpsc::channel(4);
    let cancel = CancellationToken::new();
    let listen = async {
        let mut events = Vec::new();
        while let Some(event) = receiver.recv().await {
            events.push(event);
        }
        events
    };
    tokio::join!(model.stream(question(), sender, &cancel), listen)
}

fn text_of(events: &[ModelEvent]) -> String {
    events
        .iter()
        .filter_map(|event| match event {
            ModelEvent::Text(text) => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

fn retries(events: &[ModelEvent]) -> usize {
    events.iter().filter(|event| matches!(event, ModelEvent::Attempt { .. })).count()
}

async fn server_with(answers: impl IntoIterator<Item = Answer>) -> ScriptedModelServer {
    let server = ScriptedModelServer::start().await.unwrap();
    for answer in answers {
        server.push(answer);
    }
    server
}

#[tokio::test]
async fn reasoning_text_and_parallel_calls_stream_whatever_the_bytes_are_cut_into() {
    for format in FORMATS {
        for frame in [1, 2, 3, 7, 4096] {
            let reply = Reply::default()
                .then_reasoning("想一想🤔")
                .then_text("你好，世界。")
                .then_calls(&[("a", "look", r#"{"在":"这里"}"#), ("b", "run", r#"{"x":[1,2]}"#)])
                .usage(ReplyUsage { input: 20, cached: 12, output: 9, reasoning: 0 })
                .in_pieces(2)
                .in_frames(frame);
            let server = server_with([reply.into()]).await;
            let (finish, events) = ask(options(&server, format)).await;
            assert_eq!(finish, Ok(FinishReason::ToolCalls), "{format:?} {frame}");
            assert_eq!(text_of(&events), "你好，世界。");
            let (mut reasoning, mut signature, mut names, mut calls) =
                (String::new(), None, Vec::new(), vec![String::new(); 2]);
            let mut usage = None;
            for event in &events {
                match event {
                    ModelEvent::Reasoning(text) => reasoning.push_str(text),
                    ModelEvent::ReasoningSignature(text) => signature = Some(text.clone()),
                    ModelEvent::ToolCallStarted { index, id, name } => {
                        names.push((*index, id.as_str(), name.as_str()));
                    }
                    ModelEvent::ToolCallArguments { index, text } => calls[*index as usize].push_str(text),
                    ModelEvent::Usage(found) => usage = Some(found.clone()),
                    ModelEvent::Text(_) | ModelEvent::Attempt { .. } => {}
                }
            }
            assert_eq!(reasoning, "想一想🤔");
            assert_eq!(signature.is_some(), format == WireFormat::Anthropic);
            assert_eq!(names, [(0, "a", "look"), (1, "b", "run")]);
            assert_eq!(calls, [r#"{"在":"这里"}"#, r#"{"x":[1,2]}"#]);
            let usage = usage.unwrap();
            assert_eq!(
                (usage.input_tokens, usage.cached_tokens, usage.output_tokens, usage.cost),
                (Some(20), Some(12), Some(9), None)
            );
            assert!(matches!(events.last(), Some(ModelEvent::Usage(_))));
        }
    }
}

#[tokio::test]
async fn the_key_travels_in_the_header_of_its_format_only() {
    for format in FORMATS {
        let server = server_with([Reply::text("hi").into()]).await;
        server.require_key(KEY);
        let (finish, _) = ask(options(&server, format)).await;
        assert_eq!(finish, Ok(FinishReason::Stop));
        let request = server.requests().remove(0);
        let bearer = format!("Bearer {KEY}");
        let (sent, version) = match format {
            WireFormat::OpenAi => (request.header("authorization") == Some(bearer.as_str()), None),
            WireFormat::Anthropic => (request.header("x-api-key") == Some(KEY), Some("2023-06-01")),
        };
        assert!(sent, "{request:?}");
        assert_eq!(request.header("anthropic-version"), version);
        assert!(!request.body.to_string().contains(KEY));
    }
}

#[tokio::test]
async fn prices_of_the_user_make_the_cost() {
    for format in FORMATS {
        let usage = ReplyUsage { input: 1_000_000, cached: 0, output: 500_000, reasoning: 0 };
        let server = server_with([Reply::text("hi").usage(usage).into()]).await;
        let mut options = options(&server, format);
        options.profile.prices =
            Some(Prices { currency: "CNY".into(), input: 4.0, cached_input: None, output: 8.0 });
        let (_, events) = ask(options).await;
        let Some(ModelEvent::Usage(usage)) = events.last() else { panic!("{events:?}") };
        assert_eq!((usage.cost, usage.cost_currency.as_deref()), (Some(8.0), Some("CNY")));
    }
}

#[tokio::test]
async fn busy_servers_are_asked_again_after_the_wait_that_they_ask_for() {
    for format in FORMATS {
        for (answer, least) in [
            (Answer::too_many("0.3"), 300),
            (Answer::error(500, "oops"), 0),
            (Answer::error(529, "overloaded"), 0),
            (Reply::default().ending(Ending::Error).into(), 0),
        ] {
            let server = server_with([answer, Reply::text("hi").into()]).await;
            let begun = Instant::now();
            let (finish, events) = ask(options(&server, format)).await;
            assert_eq!(finish, Ok(FinishReason::Stop), "{format:?}");
            let Some(ModelEvent::Attempt { number: 2, delay_ms, reason }) = events.first() else {
                panic!("{events:?}")
            };
            assert!(*delay_ms >= least && begun.elapsed() >= Duration::from_millis(least), "{delay_ms}");
            assert!(reason.contains("127.0.0.1"), "{reason}");
            assert_eq!((text_of(&events).as_str(), retries(&events)), ("hi", 1));
        }
    }
}

#[tokio::test]
async fn tries_end_and_say_how_many_there_were() {
    for format in FORMATS {
        let server = server_with([]).await;
        server.answer_with(|_| Answer::error(503, "still down"));
        let (finish, events) = ask(options(&server, format)).await;
        let Err(error @ ModelError::ServerFailed { status: 503, attempts: 3, .. }) = finish else {
            panic!("{finish:?}")
        };
        assert!(error.to_string().contains("still down"));
        assert_eq!((retries(&events), server.chats().len()), (2, 3));

        let server = server_with([Answer::too_many("3600")]).await;
        let (finish, events) = ask(options(&server, format)).await;
        let Err(error) = finish else { panic!("it was tried again") };
        assert!(
            matches!(error, ModelError::RateLimited { attempts: 1, wait_seconds: Some(3600), .. }),
            "{error:?}"
        );
        assert!(error.to_app_error().hint.is_some_and(|hint| hint.contains("3600")));
        assert_eq!((retries(&events), server.chats().len()), (0, 1));
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named() {
    for format in FORMATS {
        let server = server_with([]).await;
        let options = options(&server, format);
        let host = format!("127.0.0.1:{}", server.port());
        drop(server);
        // The port is closed once the server has ended.
        while tokio::net::TcpStream::connect(&host).await.is_ok() {
            tokio::task::yield_now().await;
        }
        let (finish, events) = ask(options).await;
        let Err(error @ ModelError::Unreachable { .. }) = finish else { panic!("{finish:?}") };
        assert!(error.to_string().contains(&host), "{error}");
        assert_eq!(retries(&events), 2);
    }
}

#[tokio::test]
async fn a_refused_key_is_unauthorized_and_never_shown() {
    for format in FORMATS {
        let server = server_with([Answer::error(401, &format!("Incorrect key: {KEY}."))]).await;
        let (finish, events) = ask(options(&server, format)).await;
        let Err(error @ ModelError::Unauthorized { key: crate::KeyUse::Sent, .. }) = finish else {
            panic!("{finish:?}")
        };
        let app = error.to_app_error();
        assert_eq!(app.code, Some(ErrorCode::Unauthorized));
        assert!(app.hint.is_some() && app.message.contains("Incorrect key: [key]"), "{app:?}");
        assert!(!format!("{error:?} {app:?}").contains(KEY));
        assert_eq!((events, server.chats().len()), (Vec::new(), 1));

        server.push(Answer::error(401, "No key."));
        let (finish, _) = ask(ModelOptions { key: None, ..options(&server, format) }).await;
        assert!(
            matches!(finish, Err(ModelError::Unauthorized { key: crate::KeyUse::Missing, .. })),
            "{finish:?}"
        );
    }
}

#[tokio::test]
async fn an_unknown_model_is_named_with_those_that_there_are() {
    for format in FORMATS {
        let server = server_with([Answer::error(404, "model: test-model")]).await;
        server.set_models(&["alpha", "beta"]);
        let (finish, _) = ask(options(&server, format)).await;
        let Err(error) = finish else { panic!("it answered") };
        assert!(matches!(error, ModelError::UnknownModel { .. }), "{error:?}");
        let app = error.to_app_error();
        assert!(app.message.contains("test-model"), "{app:?}");
        assert!(app.hint.is_some_and(|hint| hint.contains("alpha, beta")));
    }
}

#[tokio::test]
async fn a_wrong_path_is_no_unknown_model() {
    for format in FORMATS {
        let server = server_with([Answer::error(404, "Not Found")]).await;
        let (finish, _) = ask(options(&server, format)).await;
        let Err(error @ ModelError::WrongPath { .. }) = finish else { panic!("{finish:?}") };
        assert!(error.to_string().contains(format.chat_path()), "{error}");
    }
}

#[tokio::test]
async fn a_prompt_that_is_too_long_is_told_apart() {
    let body = json!({"error": {"code": 400, "type": "exceed_context_size_error", "n_prompt_tokens": 9000, "n_ctx": 4096,
        "message": "the request exceeds the available context size"}});
    let answer = Answer::Status { status: 400, headers: Vec::new(), body: body.to_string() };
    let server = server_with([answer]).await;
    let (finish, _) = ask(options(&server, WireFormat::OpenAi)).await;
    assert!(matches!(finish, Err(ModelError::ContextTooLong { .. })), "{finish:?}");

    let server =
        server_with([Answer::error(400, "prompt is too long: 210000 tokens > 200000 maximum")]).await;
    let (finish, _) = ask(options(&server, WireFormat::Anthropic)).await;
    assert!(matches!(finish, Err(ModelError::ContextTooLong { .. })), "{finish:?}");
}

#[tokio::test]
async fn a_stall_ends_at_its_limit_and_keeps_what_came() {
    for format in FORMATS {
        for (answer, came) in
            [(Reply::text("half").ending(Ending::Stall).into(), "half"), (Answer::Silence, "")]
        {
            let server = server_with([answer]).await;
            let limit = Duration::from_millis(200);
            let (finish, events) = ask(ModelOptions { stall: limit, ..options(&server, format) }).await;
            let Err(error) = finish else { panic!("it finished") };
            assert!(matches!(error, ModelError::Stalled { .. }), "{error:?}");
            assert!(error.to_string().contains("200 milliseconds"), "{error}");
            assert_eq!((text_of(&events).as_str(), server.chats().len()), (came, 1));
        }
    }
}

#[tokio::test]
async fn a_slow_stream_is_no_stall() {
    for format in FORMATS {
        let mut reply = Reply::default();
        for _ in 0..5 {
            reply = reply.then_text("a").then_pause(Duration::from_millis(100));
        }
        let server = server_with([reply.into()]).await;
        let stall = Duration::from_millis(400);
        let (finish, events) = ask(ModelOptions { stall, ..options(&server, format) }).await;
        assert_eq!((finish, text_of(&events).as_str()), (Ok(FinishReason::Stop), "aaaaa"));
    }
}

#[tokio::test]
async fn a_broken_or_unfinished_stream_is_cut_and_keeps_what_came() {
    for format in FORMATS {
        for ending in [Ending::Cut, Ending::Silent] {
            let usage = ReplyUsage { input: 7, ..ReplyUsage::default() };
            let server = server_with([Reply::text("half").usage(usage).ending(ending).into()]).await;
            let (finish, events) = ask(options(&server, format)).await;
            assert!(matches!(finish, Err(ModelError::Cut { .. })), "{format:?} {ending:?} {finish:?}");
            assert_eq!(text_of(&events), "half");
            let told = events
                .iter()
                .any(|event| matches!(event, ModelEvent::Usage(usage) if usage.input_tokens == Some(7)));
            assert_eq!(told, format == WireFormat::Anthropic, "{events:?}");
            assert_eq!(server.chats().len(), 1);
        }
    }
}

#[tokio::test]
async fn a_malformed_chunk_is_an_error_that_keeps_what_came() {
    for format in FORMATS {
        let server = server_with([Reply::text("half").ending(Ending::Malformed).into()]).await;
        let (finish, events) = ask(options(&server, format)).await;
        let Err(error @ ModelError::Malformed { .. }) = finish else { panic!("{finish:?}") };
        assert!(error.to_string().contains("cont"), "{error}");
        assert_eq!((text_of(&events).as_str(), retries(&events)), ("half", 0));
    }
}

#[tokio::test]
async fn an_error_in_the_stream_after_its_start_is_not_retried() {
    for format in FORMATS {
        let server = server_with([Reply::text("half").ending(Ending::Error).into()]).await;
        let (finish, events) = ask(options(&server, format)).await;
        let Err(error @ ModelError::Reported { .. }) = finish else { panic!("{finish:?}") };
        assert!(error.to_string().to_lowercase().contains("overloaded"), "{error}");
        assert_eq!((text_of(&events).as_str(), server.chats().len()), ("half", 1));
    }
}

#[tokio::test]
async fn a_body_that_is_no_stream_is_shown() {
    for format in FORMATS {
        for (kind, body) in [
            ("text/html", "<html><body>Please log in</body></html>"),
            ("application/json", "{\"half\": "),
            ("application/json", "{\"greeting\": \"Please log in\"}"),
            ("text/event-stream", "Please log in"),
        ] {
            let server = server_with([Answer::body(kind, body)]).await;
            let (finish, events) = ask(options(&server, format)).await;
            let Err(error @ ModelError::Malformed { .. }) = finish else { panic!("{kind} {finish:?}") };
            assert!(error.to_string().contains("log in") || error.to_string().contains("half"), "{error}");
            assert_eq!(events, []);
        }
    }
}

#[tokio::test]
async fn an_answer_that_comes_whole_is_read() {
    let whole = [
        (
            WireFormat::OpenAi,
            json!({"choices": [{"message": {"role": "assistant", "content": "hi", "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "look", "arguments": "{\"at\":1}"}}]},
                "finish_reason": "tool_calls"}], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}),
        ),
        (
            WireFormat::Anthropic,
            json!({"type": "message", "content": [{"type": "text", "text": "hi"},
                {"type": "tool_use", "id": "a", "name": "look", "input": {"at": 1}}],
                "stop_reason": "tool_use", "usage": {"input_tokens": 3, "output_tokens": 2}}),
        ),
    ];
    for (format, body) in whole {
        let server = server_with([Answer::body("application/json", &body.to_string())]).await;
        let (finish, events) = ask(options(&server, format)).await;
        assert_eq!(finish, Ok(FinishReason::ToolCalls));
        let usage = Usage { input_tokens: Some(3), output_tokens: Some(2), ..Usage::default() };
        assert_eq!(
            events,
            [
                ModelEvent::Text("hi".into()),
                ModelEvent::ToolCallStarted { index: 0, id: "a".into(), name: "look".into() },
                ModelEvent::ToolCallArguments { index: 0, text: "{\"at\":1}".into() },
                ModelEvent::Usage(usage),
            ]
        );
    }
}

#[tokio::test]
async fn a_finished_answer_does_not_wait_for_the_end_mark_forever() {
    for format in FORMATS {
        let server = server_with([Reply::text("hi").ending(Ending::Lingering).into()]).await;
        let stall = Duration::from_millis(200);
        let (finish, events) = ask(ModelOptions { stall, ..options(&server, format) }).await;
        assert_eq!((finish, text_of(&events).as_str()), (Ok(FinishReason::Stop), "hi"));
    }
}

#[tokio::test]
async fn a_server_that_refuses_a_field_is_asked_without_it_and_remembered() {
    let server = server_with([]).await;
    server.answer_with(|request| {
        if request.body.get("stream_options").is_some() {
            Answer::error(400, "Unrecognized request argument supplied: stream_options")
        } else if request.body.get("max_tokens").is_some() {
            Answer::error(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        } else {
            Reply::text("hi").into()
        }
    });
    let mut options = options(&server, WireFormat::OpenAi);
    options.profile.max_tokens = Some(64);
    let model = connect(options).map_err(|error| error.to_string()).unwrap();
    for _ in 0..2 {
        let (sender, mut receiver) = mpsc::channel(64);
        let cancel = CancellationToken::new();
        assert_eq!(model.stream(question(), sender, &cancel).await, Ok(FinishReason::Stop));
        assert_eq!(receiver.recv().await, Some(ModelEvent::Text("hi".into())));
    }
    let chats = server.chats();
    assert_eq!(chats.len(), 4, "two refusals, two answers");
    assert_eq!(chats[3].body["max_completion_tokens"], 64);
}

#[tokio::test]
async fn cancelling_ends_at_once_at_every_stage_and_closes_the_connection() {
    for format in FORMATS {
        let stages: [Answer; 3] =
            [Answer::Silence, Reply::text("half").ending(Ending::Stall).into(), Answer::too_many("10")];
        for answer in stages {
            let server = server_with([answer.clone()]).await;
            let mut options = options(&server, format);
            options.retry.max_delay = Duration::from_secs(10);
            let model = connect(options).map_err(|error| error.to_string()).unwrap();
            let (sender, mut receiver) = mpsc::channel(64);
            let cancel = CancellationToken::new();
            let stop = async {
                if answer == Answer::Silence {
                    while server.open_answers() == 0 {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                } else {
                    receiver.recv().await;
                }
                cancel.cancel();
                Instant::now()
            };
            let (finish, stopped) = tokio::join!(model.stream(question(), sender, &cancel), stop);
            assert_eq!(finish, Err(ModelError::Cancelled));
            assert!(stopped.elapsed() < Duration::from_secs(5), "{:?}", stopped.elapsed());
            let closed = async {
                while server.open_answers() > 0 {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            };
            timeout(Duration::from_secs(5), closed).await.expect("the connection is closed");
        }
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_the_key() {
    let target = server_with([Reply::text("hi").into()]).await;
    let headers = vec![("location".into(), format!("{}/chat/completions", target.openai_base()))];
    let server = server_with([Answer::Status { status: 307, headers, body: String::new() }]).await;
    let (finish, _) = ask(options(&server, WireFormat::OpenAi)).await;
    let Err(error @ ModelError::Refused { status: 307, .. }) = finish else { panic!("{finish:?}") };
    assert!(error.to_string().contains("it moved to"), "{error}");
    assert_eq!(target.requests(), []);
}
