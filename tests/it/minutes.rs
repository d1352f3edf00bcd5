//! The limit of minutes of a turn, over a clock that the test moves: it runs while the model and the tools work, and
//! stands while a question waits for the person.

use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use okcvm_engine::{
    Clock, Engine, EngineOptions, EngineParts, EventBus, ModelSource, SessionDefaults, Start, Subscription,
    SystemClock, Watching,
};
use okcvm_manifest::Manifest;
use okcvm_model::{ChatModel, FinishReason, ModelError, ModelEvent, ModelRequest};
use okcvm_protocol::{
    AppError, ApprovalAnswer, ApprovalScope, HistoryLimits, NodeId, NodeStatus, SessionId, ToolResult,
    TurnLimits,
};
use okcvm_store::Store;
use okcvm_tools::{Registry, Tool, ToolContext, ToolError};
use serde_json::Value;
use tokio::sync::mpsc::Sender;
use tokio_util::sync::CancellationToken;

use crate::desk::{Ended, PATIENCE, until_end};
use crate::permissions::question;

const TOOL: &str = "mshtools-deploy_website";
/// The turn looks at its time once a second.
const LOOKED: Duration = Duration::from_millis(2_500);

/// Moves only when it is told to.
#[derive(Default)]
struct HandClock(AtomicI64);

impl HandClock {
    fn forward(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> i64 {
        SystemClock.now()
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::SeqCst).unsigned_abs())
    }
}

/// Calls the tool until it has called it often enough.
struct Calling {
    calls: AtomicU32,
}

#[async_trait]
impl ChatModel for Calling {
    fn name(&self) -> &'static str {
        "calling"
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
        let left = self.calls.load(Ordering::SeqCst);
        if left == 0 {
            let _ = events.send(ModelEvent::Text("Done.".into())).await;
            return Ok(FinishReason::Stop);
        }
        self.calls.store(left - 1, Ordering::SeqCst);
        let (id, name) = (format!("call-{left}"), TOOL.to_owned());
        let _ = events.send(ModelEvent::ToolCallStarted { index: 0, id, name }).await;
        let text = format!(r#"{{"type": "static", "local_dir": "site-{left}"}}"#);
        let _ = events.send(ModelEvent::ToolCallArguments { index: 0, text }).await;
        Ok(FinishReason::ToolCalls)
    }
}

struct One(Arc<Calling>);

impl ModelSource for One {
    fn model(&self, _profile: &str) -> Result<Arc<dyn ChatModel>, AppError> {
        Ok(Arc::clone(&self.0) as Arc<dyn ChatModel>)
    }
}

/// Says nothing of what it touches, so that every call asks; works until it is told that it is done.
#[derive(Default)]
struct Waiting {
    begun: tokio::sync::Notify,
    done: tokio::sync::Notify,
    works: Mutex<bool>,
}

#[async_trait]
impl Tool for Shared {
    fn name(&self) -> &'static str {
        TOOL
    }

    async fn call(&self, context: &ToolContext, _arguments: Value) -> Result<ToolResult, ToolError> {
        self.0.begun.notify_one();
        let works = *self.0.works.lock().unwrap();
        if works {
            tokio::select! {
                () = self.0.done.notified() => {}
                () = context.cancel.cancelled() => return Err(ToolError::Cancelled(None)),
            }
        }
        Ok(ToolResult { content: Vec::new(), is_error: false, artifacts: Vec::new(), diff: None })
    }
}

struct Shared(Arc<Waiting>);

struct Desk {
    engine: Engine,
    clock: Arc<HandClock>,
    tool: Arc<Waiting>,
    session: SessionId,
    _folder: tempfile::TempDir,
}

impl Desk {
    /// A session whose turns may last one minute and call the tool so often.
    fn new(calls: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let manifest = Arc::new(Manifest::embedded().unwrap());
        let (clock, tool) = (Arc::<HandClock>::default(), Arc::<Waiting>::default());
        let tools = vec![Arc::new(Shared(Arc::clone(&tool))) as Arc<dyn Tool>];
        let limits = TurnLimits { max_minutes: 1, ..TurnLimits::default() };
        let engine = Engine::new(
            EngineParts {
                store: Arc::new(Store::open(&folder.path().join("okcvm.db")).unwrap()),
                registry: Arc::new(Registry::new(manifest, tools).unwrap()),
                models: Arc::new(One(Arc::new(Calling { calls: AtomicU32::new(calls) }))),
                defaults: Arc::new(move || SessionDefaults { profile: "x".into(), limits: limits.clone() }),
                history_limits: Arc::new(HistoryLimits::default),
                prompt: Arc::new(|_| String::new()),
                clock: Arc::<HandClock>::clone(&clock),
                events: EventBus::default(),
                redact: Arc::new(str::to_owned),
                describe: Arc::new(|_, _| {}),
            },
            EngineOptions {
                sessions_folder: folder.path().join("sessions"),
                home: None,
                watching: Watching::No,
            },
        );
        let session = engine.create_session(None, None).unwrap().id;
        Self { engine, clock, tool, session, _folder: folder }
    }

    async fn begin(&self) -> (Subscription, NodeId) {
        let events = self.engine.events().subscribe(self.engine.events().last());
        let started = self.engine.start_turn(&self.session, "Go.", Vec::new()).await.unwrap();
        let Start::Started(node) = started else { panic!("it waits") };
        (events, node)
    }

    /// Waits for the next question, lets it wait, and allows it.
    async fn allow_after(&self, events: &mut Subscription, seconds: i64) {
        let (id, _) = question(events).await;
        self.clock.forward(seconds);
        tokio::time::sleep(LOOKED).await;
        let answer = ApprovalAnswer::Allow { scope: ApprovalScope::Once, pattern: None };
        self.engine.answer_approval(&self.session, &id, answer).expect("the turn still asks");
    }

    async fn end(&self, events: &mut Subscription, node: &NodeId) -> Ended {
        let ended = until_end(events, node).await;
        self.engine.wait_until_idle(&self.session).await;
        ended
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_minutes_of_a_turn_stand_while_questions_wait() {
    let desk = Desk::new(2);
    let (mut events, node) = desk.begin().await;
    // Two hours each, one after the other.
    desk.allow_after(&mut events, 7_200).await;
    desk.allow_after(&mut events, 7_200).await;
    let ended = desk.end(&mut events, &node).await;
    assert_eq!((ended.status, ended.error), (NodeStatus::Completed, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_minutes_before_and_after_a_question_count_together() {
    let desk = Desk::new(1);
    *desk.tool.works.lock().unwrap() = true;
    let (mut events, node) = desk.begin().await;
    desk.allow_after(&mut events, 7_200).await;
    tokio::time::timeout(PATIENCE, desk.tool.begun.notified()).await.expect("the tool was not called");
    // Fifty seconds of work are within the minute, sixty-five are not.
    desk.clock.forward(50);
    tokio::time::sleep(LOOKED).await;
    assert!(desk.engine.session_summary(&desk.session).unwrap().running);
    desk.clock.forward(15);
    let ended = desk.end(&mut events, &node).await;
    assert_eq!(ended.status, NodeStatus::Interrupted);
    assert!(ended.error.unwrap().message.contains("1 minute"));
}
