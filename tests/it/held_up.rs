//! What must not hold a turn up, and what must not take the program down.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use okcvm_engine::{
    Engine, EngineOptions, EngineParts, EventBus, ModelSource, SessionDefaults, Start, SystemClock, Watching,
};
use okcvm_manifest::Manifest;
use okcvm_model::{ChatModel, FinishReason, ModelError, ModelEvent, ModelRequest};
use okcvm_protocol::{
    AppError, CommandHandler, HistoryLimits, NodeStatus, SessionCreateParams, Settings, TurnEvent, TurnLimits,
};
use okcvm_store::Store;
use okcvm_testkit::{Reply, ScriptedModelServer};
use okcvm_tools::Registry;
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use crate::desk::{Desk, until_end};

/// Breaks down at the first question and answers the second.
struct Breaking(std::sync::atomic::AtomicU32);

#[async_trait]
impl ChatModel for Breaking {
    fn name(&self) -> &'static str {
        "breaking"
    }

    fn vision(&self) -> bool {
        false
    }

    async fn stream(
        &self,
        _request: ModelRequest,
        events: Sender<ModelEvent>,
        _cancel: &CancellationToken,
    ) -> Result<FinishReason, ModelError> {
        assert!(self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst) > 0, "the first question");
        let _ = events.send(ModelEvent::Text("Here.".into())).await;
        Ok(FinishReason::Stop)
    }
}

struct One(Arc<Breaking>);

impl ModelSource for One {
    fn model(&self, _profile: &str) -> Result<Arc<dyn ChatModel>, AppError> {
        Ok(Arc::clone(&self.0) as Arc<dyn ChatModel>)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_that_breaks_down_fails_and_frees_its_session() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = Arc::new(Manifest::embedded().unwrap());
    let engine = Engine::new(
        EngineParts {
            store: Arc::new(Store::open(&folder.path().join("okcvm.db")).unwrap()),
            registry: Arc::new(Registry::new(manifest, Vec::new()).unwrap()),
            models: Arc::new(One(Arc::new(Breaking(std::sync::atomic::AtomicU32::new(0))))),
            defaults: Arc::new(|| SessionDefaults { profile: "x".into(), limits: TurnLimits::default() }),
            history_limits: Arc::new(HistoryLimits::default),
            prompt: Arc::new(|_| String::new()),
            clock: Arc::new(SystemClock),
            events: EventBus::default(),
            redact: Arc::new(str::to_owned),
            describe: Arc::new(|_, _| {}),
        },
        EngineOptions { sessions_folder: folder.path().join("sessions"), home: None, watching: Watching::No },
    );
    let session = engine.create_session(None, None).unwrap().id;
    let mut events = engine.events().subscribe(engine.events().last());
    let Start::Started(first) = engine.start_turn(&session, "Go.", Vec::new()).await.unwrap() else {
        panic!("it waits")
    };
    let ended = until_end(&mut events, &first).await;
    assert_eq!(ended.status, NodeStatus::Failed);
    assert!(ended.error.unwrap().detail.is_some_and(|said| said.contains("the first question")));
    engine.wait_until_idle(&session).await;
    let Start::Started(second) = engine.start_turn(&session, "Again.", Vec::new()).await.unwrap() else {
        panic!("the session is not free")
    };
    assert_eq!(until_end(&mut events, &second).await.status, NodeStatus::Completed);
    // The files of both are recorded.
    assert!(engine.tree(&session).unwrap().iter().all(|node| node.snapshot.is_some()));
}

/// A session over a folder of many files, none of which is recorded yet.
async fn large(desk: &Desk, files: usize) -> okcvm_protocol::SessionId {
    let work = desk.folder.path().join("work");
    for number in 0..files {
        let folder = work.join((number / 200).to_string());
        if number % 200 == 0 {
            std::fs::create_dir_all(&folder).unwrap();
        }
        std::fs::write(folder.join(number.to_string()), format!("File {number}\n").repeat(40)).unwrap();
    }
    let folder = Some(work.to_string_lossy().into_owned());
    desk.host.session_create(SessionCreateParams { title: None, folder }).await.unwrap().id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_is_asked_while_a_large_workspace_is_still_being_recorded() {
    let server = ScriptedModelServer::start().await.unwrap();
    server.push(Reply::text("Done."));
    let base = server.openai_base();
    let desk = Desk::with(&[("OKCVM_CHAT_BASE_URL", &base), ("OKCVM_CHAT_MODEL", "test-model")]);
    let session = large(&desk, 6_000).await;
    desk.detail(&session).await;
    let mut events = desk.listen();
    let begun = Instant::now();
    let node = desk.send(&session, "Go.", Vec::new()).await;
    while server.chats().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(30), "the model was never asked");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let asked = begun.elapsed();
    let base = desk.host.engine().tree(&session).unwrap().pop().unwrap().base_snapshot;
    assert_eq!(base, None, "the files were recorded before the model was asked, or too fast to tell");
    assert_eq!(until_end(&mut events, &node).await.status, NodeStatus::Completed);
    let recorded = begun.elapsed();
    println!("asked after {asked:?}; recorded and ended after {recorded:?}");
    assert!(desk.host.engine().tree(&session).unwrap().pop().unwrap().base_snapshot.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_no_provider_reports_are_guessed_for_the_limit_and_never_shown() {
    let server = ScriptedModelServer::start().await.unwrap();
    for number in 0..20 {
        let name = format!("mshtools-todo_read-{number}");
        server.push(Reply::text("Words and words. ".repeat(200)).then_calls(&[(
            &name,
            "mshtools-todo_read",
            "{}",
        )]));
    }
    let base = server.openai_base();
    let desk = Desk::with(&[("OKCVM_CHAT_BASE_URL", &base), ("OKCVM_CHAT_MODEL", "test-model")]);
    let settings = Settings {
        limits: TurnLimits { max_tokens: 10_000, ..TurnLimits::default() },
        ..desk.host.settings()
    };
    desk.host.save_settings(settings).unwrap();
    let session = desk.session().await;
    let ended = desk.turn(&session, "Go on and on.", Vec::new()).await;
    assert_eq!(ended.status, NodeStatus::Interrupted);
    let error = ended.error.unwrap();
    assert!(error.message.contains("10000 tokens") && error.message.contains("estimate"), "{error}");
    assert!((1..10).contains(&server.chats().len()), "{} questions", server.chats().len());
    let usage = desk.detail(&session).await.turns.remove(0).usage;
    assert_eq!((usage.input_tokens, usage.output_tokens), (None, None));
    for event in ended.events {
        if let TurnEvent::Usage { usage } = event {
            assert_eq!((usage.input_tokens, usage.output_tokens), (None, None));
        }
    }
}
