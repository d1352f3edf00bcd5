//! One turn: ask the model, run its tools, ask again, until it is done, a limit is reached or the user stops it.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures::FutureExt;
use okcvm_model::{ChatModel, FinishReason, ModelRequest, ModelTool};
use okcvm_protocol::{
    AppError, ApprovalState, Awaited, ErrorCode, Item, ItemBody, ItemId, NodeId, NodeStatus, NoticeLevel,
    Span, SpanId, SpanKind, SpanStatus, ToolCallStatus, TurnEvent, TurnLimits, Usage,
};
use okcvm_store::NodeRow;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::calls::Repeats;
use crate::engine::PromptFacts;
use crate::messages::{Pictures, turn_messages};
use crate::runtime::SharedRuntime;
use crate::turn_files::Base;
use crate::{Engine, EngineError};

/// How often silence is reported, and how long silence must be.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// What is awaited, for the heartbeat.
struct Activity {
    awaited: Awaited,
    since_at: i64,
    last: Instant,
}

/// Why a turn was told to end, if not by the user.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Deadline {
    Open,
    Passed,
}

/// How a turn ended.
pub(crate) enum End {
    Completed,
    Failed(AppError),
    Interrupted(AppError),
}

impl From<EngineError> for End {
    fn from(error: EngineError) -> Self {
        Self::Failed(error.to_app_error())
    }
}

/// What the parts of a running turn share.
pub(crate) struct TurnState {
    pub(crate) engine: Engine,
    pub(crate) runtime: SharedRuntime,
    pub(crate) node_id: NodeId,
    pub(crate) cancel: CancellationToken,
    activity: Mutex<Activity>,
    ordinal: AtomicU32,
    usage: Mutex<Usage>,
    /// Tokens of requests whose provider reported none, by our guess.
    guessed: AtomicU64,
    deadline: Mutex<Deadline>,
    paused: Mutex<Paused>,
    /// Told when the first model request leaves, or nobody is asked any more.
    pub(crate) asked: Notify,
}

/// Time in which the turn waited for the person, by the clock of the engine; it does not count against the limit of
/// minutes.
#[derive(Default)]
struct Paused {
    questions: u32,
    since: Option<Duration>,
    before: Duration,
}

/// A question waits as long as this lives.
pub(crate) struct Pause<'a>(&'a TurnState);

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        let mut paused = self.0.paused.lock().unwrap_or_else(PoisonError::into_inner);
        paused.questions = paused.questions.saturating_sub(1);
        if paused.questions == 0
            && let Some(since) = paused.since.take()
        {
            paused.before += self.0.engine.elapsed().saturating_sub(since);
        }
    }
}

impl TurnState {
    pub(crate) fn tell(&self, event: TurnEvent) {
        self.engine.events().turn(&self.runtime.id, &self.node_id, event);
    }

    /// Notes that something arrived.
    pub(crate) fn alive(&self) {
        self.activity.lock().unwrap_or_else(PoisonError::into_inner).last = Instant::now();
    }

    /// Notes what is awaited from now on.
    pub(crate) fn awaiting(&self, awaited: Awaited) {
        let mut activity = self.activity.lock().unwrap_or_else(PoisonError::into_inner);
        *activity = Activity { awaited, since_at: self.engine.now(), last: Instant::now() };
    }

    /// Begins to wait for the person.
    pub(crate) fn pause(&self) -> Pause<'_> {
        let mut paused = self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        paused.questions += 1;
        paused.since.get_or_insert_with(|| self.engine.elapsed());
        Pause(self)
    }

    fn paused_for(&self) -> Duration {
        let paused = self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.engine.elapsed();
        paused.before + paused.since.map_or(Duration::ZERO, |since| now.saturating_sub(since))
    }

    /// A new item at the end of the turn; not yet stored.
    pub(crate) fn new_item(&self, step: u32, body: ItemBody) -> Item {
        Item {
            id: ItemId::new(),
            node_id: self.node_id.clone(),
            ordinal: self.ordinal.fetch_add(1, Ordering::SeqCst),
            step,
            started_at: self.engine.now(),
            ended_at: None,
            body,
        }
    }

    /// A span that begins now; not yet stored.
    pub(crate) fn new_span(&self, kind: SpanKind, name: &str, item_id: Option<&ItemId>) -> Span {
        Span {
            id: SpanId::new(),
            node_id: self.node_id.clone(),
            item_id: item_id.cloned(),
            kind,
            name: name.to_owned(),
            started_at: self.engine.now(),
            ended_at: None,
            first_token_ms: None,
            retries: 0,
            status: SpanStatus::Running,
            error: None,
            usage: Usage::default(),
        }
    }

    /// Stores an item that is whole at once, and tells it.
    pub(crate) fn add_whole(&self, step: u32, body: ItemBody) -> Result<(), EngineError> {
        let mut item = self.new_item(step, body);
        item.ended_at = Some(item.started_at);
        self.engine.store().put_item(&item)?;
        self.tell(TurnEvent::ItemCompleted { item });
        Ok(())
    }

    pub(crate) fn notice(
        &self,
        step: u32,
        level: NoticeLevel,
        text: impl Into<String>,
    ) -> Result<(), EngineError> {
        self.add_whole(step, ItemBody::Notice { level, text: text.into() })
    }

    /// Puts what the user said meanwhile into the conversation. Tells whether there was anything.
    fn hear_steers(&self, step: u32) -> Result<bool, EngineError> {
        let steers = self.runtime.take_steers();
        let any = !steers.is_empty();
        for text in steers {
            self.add_whole(step, ItemBody::Steer { text })?;
        }
        Ok(any)
    }

    pub(crate) fn add_usage(&self, usage: &Usage) {
        let sum = {
            let mut sum = self.usage.lock().unwrap_or_else(PoisonError::into_inner);
            sum.add(usage);
            sum.clone()
        };
        self.tell(TurnEvent::Usage { usage: sum });
    }

    /// Counts tokens for the limit of the turn that no provider reported.
    pub(crate) fn guess(&self, tokens: u64) {
        self.guessed.fetch_add(tokens, Ordering::SeqCst);
    }

    fn spent_tokens(&self) -> u64 {
        let usage = self.usage.lock().unwrap_or_else(PoisonError::into_inner);
        let reported = usage.input_tokens.unwrap_or(0).saturating_add(usage.output_tokens.unwrap_or(0));
        reported.saturating_add(self.guessed.load(Ordering::SeqCst))
    }

    fn token_limit(&self, limits: &TurnLimits) -> String {
        if self.guessed.load(Ordering::SeqCst) == 0 {
            return counted(limits.max_tokens, "token");
        }
        format!(
            "{} (by an estimate, since the provider does not report them)",
            counted(limits.max_tokens, "token")
        )
    }

    /// Why the turn was told to end.
    pub(crate) fn interruption(&self, limits: &TurnLimits) -> End {
        let deadline = *self.deadline.lock().unwrap_or_else(PoisonError::into_inner);
        End::Interrupted(match deadline {
            Deadline::Open => AppError::new("You stopped this turn.").with_code(ErrorCode::Cancelled),
            Deadline::Passed => limit_reached(&counted(limits.max_minutes.into(), "minute")),
        })
    }

    /// Reports silence once a second, and ends the turn when its time is over.
    async fn watch_silence(self: Arc<Self>, limits: TurnLimits) {
        let begun = self.engine.elapsed();
        let most = Duration::from_secs(u64::from(limits.max_minutes) * 60);
        let mut ticks = tokio::time::interval(HEARTBEAT);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let took = self.engine.elapsed().saturating_sub(begun);
            if took.saturating_sub(self.paused_for()) >= most {
                *self.deadline.lock().unwrap_or_else(PoisonError::into_inner) = Deadline::Passed;
                self.cancel.cancel();
            }
            let silent = {
                let activity = self.activity.lock().unwrap_or_else(PoisonError::into_inner);
                (activity.last.elapsed() >= HEARTBEAT).then(|| (activity.awaited.clone(), activity.since_at))
            };
            if let Some((awaited, since_at)) = silent {
                self.tell(TurnEvent::Heartbeat { awaited, since_at });
            }
        }
    }
}

impl Engine {
    /// Runs the turn of a stored node to exactly one end.
    pub(crate) async fn run_turn(
        &self,
        runtime: &SharedRuntime,
        node: NodeRow,
        cancel: CancellationToken,
        remark: Option<String>,
    ) {
        let node_id = node.summary.id.clone();
        let _alive = runtime.live_on();
        tracing::info!("turn begins");
        let state = Arc::new(TurnState {
            engine: self.clone(),
            runtime: runtime.clone(),
            node_id: node_id.clone(),
            cancel,
            activity: Mutex::new(Activity {
                awaited: Awaited::Snapshot,
                since_at: self.now(),
                last: Instant::now(),
            }),
            ordinal: AtomicU32::new(0),
            usage: Mutex::new(Usage::default()),
            guessed: AtomicU64::new(0),
            deadline: Mutex::new(Deadline::Open),
            asked: Notify::new(),
            paused: Mutex::new(Paused::default()),
        });
        if let Some(remark) = remark
            && let Err(error) = state.notice(0, NoticeLevel::Warning, remark)
        {
            tracing::error!(turn = %node_id, %error, "a remark could not be stored");
        }
        let end = match self.store().session(&runtime.id) {
            Ok(session) => {
                let choices = self.choices(&session);
                let silence = tokio::spawn(Arc::clone(&state).watch_silence(choices.limits.clone()));
                let mut base = self.take_base(&state);
                let steps = self.run_steps(&state, &choices.profile, &choices.limits, &mut base);
                let mut end = match AssertUnwindSafe(steps).catch_unwind().await {
                    Ok(ended) => ended.unwrap_or_else(|end| end),
                    Err(panic) => {
                        // What still runs for this turn ends with it.
                        state.cancel.cancel();
                        End::Failed(broken_down(&*panic))
                    }
                };
                state.awaiting(Awaited::Snapshot);
                let taking = AssertUnwindSafe(self.take_snapshot(&state, &mut base)).catch_unwind().await;
                let taken = taking.unwrap_or_else(|panic| Err(EngineError::App(broken_down(&*panic))));
                if let Err(error) = taken {
                    tracing::error!(turn = %node_id, %error, "the files after the turn could not be recorded");
                    let reason = error.to_app_error();
                    if let Err(error) = self.store().set_not_restorable(&node_id, &reason.message) {
                        tracing::error!(turn = %node_id, %error, "the missing snapshot could not be noted");
                    }
                    if matches!(end, End::Completed) {
                        end = End::Failed(AppError {
                            message: format!(
                                "The files of this turn could not be recorded: {}",
                                reason.message
                            ),
                            ..reason
                        });
                    }
                }
                silence.abort();
                end
            }
            Err(error) => End::Failed(EngineError::from(error).to_app_error()),
        };
        self.finish(&state, end);
    }

    /// Stores the end, tells it once, and lets the session go.
    fn finish(&self, state: &TurnState, end: End) {
        let (status, error) = match end {
            End::Completed => (NodeStatus::Completed, None),
            End::Failed(error) => (NodeStatus::Failed, Some(error)),
            End::Interrupted(error) => (NodeStatus::Interrupted, Some(error)),
        };
        let at = self.now();
        match self.close_items(&state.node_id, at) {
            Ok(closed) => closed.into_iter().for_each(|item| state.tell(TurnEvent::ItemCompleted { item })),
            Err(error) => tracing::error!(%error, "what the turn left open could not be closed"),
        }
        let stored = self
            .store()
            .end_node(&state.node_id, status, error.as_ref(), at)
            .and_then(|()| self.store().touch_session(&state.runtime.id, at))
            .and_then(|()| self.store().node(&state.node_id));
        match stored {
            Ok(node) => {
                tracing::info!(?status, "turn ends");
                let node = node.summary;
                state.tell(match (status, error) {
                    (NodeStatus::Completed | NodeStatus::Running, _) => TurnEvent::TurnCompleted { node },
                    (NodeStatus::Failed, error) => TurnEvent::TurnFailed {
                        node,
                        error: error.unwrap_or_else(|| AppError::new("It failed.")),
                    },
                    (NodeStatus::Interrupted, error) => TurnEvent::TurnInterrupted {
                        node,
                        error: error.unwrap_or_else(|| AppError::new("It was stopped.")),
                    },
                });
            }
            Err(error) => {
                tracing::error!(turn = %state.node_id, %error, "the end of a turn could not be stored");
                if let Ok(node) = self.store().node(&state.node_id) {
                    state.tell(TurnEvent::TurnFailed {
                        node: node.summary,
                        error: EngineError::from(error).to_app_error(),
                    });
                }
            }
        }
        // What was said to the turn after its last look is not lost: it waits for the next one.
        let late = state.runtime.end();
        for text in &late {
            let message = okcvm_protocol::UserMessage { text: text.clone(), attachments: Vec::new() };
            if let Err(error) = self.store().queue_message(&state.runtime.id, &message, at) {
                tracing::error!(%error, "a late message could not be kept");
            }
        }
        if !late.is_empty()
            && let Err(error) = self.tell_queue(&state.runtime.id)
        {
            tracing::error!(%error, "a late message could not be told");
        }
        state.runtime.rest();
        self.tell_session(&state.runtime.id);
    }

    /// Ends the items and spans of a node that are still open, as their turn is over, and gives those items back.
    pub(crate) fn close_items(&self, node: &NodeId, at: i64) -> Result<Vec<Item>, EngineError> {
        let mut closed = Vec::new();
        for mut item in self.store().items(node)? {
            let mut open = item.ended_at.is_none();
            if let ItemBody::ToolCall(call) = &mut item.body
                && matches!(call.status, ToolCallStatus::Pending | ToolCallStatus::Running)
            {
                call.status = ToolCallStatus::Interrupted;
                open = true;
            }
            if let ItemBody::Approval(approval) = &mut item.body
                && approval.state == ApprovalState::Waiting
            {
                approval.state = ApprovalState::Interrupted;
                open = true;
            }
            if open {
                item.ended_at = Some(at);
                self.store().put_item(&item)?;
                closed.push(item);
            }
        }
        for mut span in self.store().spans(node)? {
            if span.ended_at.is_none() {
                // When it really ended is not known; the span stays without a length.
                span.ended_at = Some(span.started_at);
                span.status = SpanStatus::Interrupted;
                self.store().put_span(&span)?;
            }
        }
        Ok(closed)
    }

    async fn run_steps(
        &self,
        state: &Arc<TurnState>,
        profile: &str,
        limits: &TurnLimits,
        base: &mut Base,
    ) -> Result<End, End> {
        let wanted = profile.to_owned();
        // A keychain may ask the user first; a stop does not wait for the answer.
        let finding = self.blocking(move |engine| Ok(engine.inner.parts.models.model(&wanted)?));
        let Some(model) = state.cancel.run_until_cancelled(finding).await else {
            return Ok(state.interruption(limits));
        };
        let model = model?;
        let mut repeats = Repeats::default();
        let mut step = 0;
        loop {
            if state.cancel.is_cancelled() {
                return Ok(state.interruption(limits));
            }
            if step >= limits.max_steps {
                return Ok(End::Interrupted(limit_reached(&counted(
                    limits.max_steps.into(),
                    "model request",
                ))));
            }
            if state.spent_tokens() >= limits.max_tokens {
                return Ok(End::Interrupted(limit_reached(&state.token_limit(limits))));
            }
            state.hear_steers(step)?;
            let request = self.request(state, &model).await?;
            let answer = self.ask(state, &model, request, step, limits).await?;
            if !answer.calls.is_empty() {
                self.run_calls(state, answer.calls, base, &mut repeats).await?;
                if state.cancel.is_cancelled() {
                    return Ok(state.interruption(limits));
                }
                if let Some(tool) = repeats.stuck() {
                    return Ok(End::Failed(
                        AppError::new(format!("The model repeated the same call of {tool} again and again."))
                            .with_hint("Tell it what to do differently, or try the turn again."),
                    ));
                }
                step += 1;
                continue;
            }
            match answer.finish {
                FinishReason::Length => state.notice(
                    step,
                    NoticeLevel::Warning,
                    "The answer was cut: it reached the model's limit of tokens. Ask it to continue, or raise the limit \
                     in the settings.",
                )?,
                FinishReason::ContentFilter => {
                    state.notice(step, NoticeLevel::Warning, "The provider's content filter ended the answer.")?;
                }
                FinishReason::Stop | FinishReason::ToolCalls | FinishReason::Other(_) => {
                    if !answer.said_something {
                        state.notice(step, NoticeLevel::Warning, "The model gave an empty answer.")?;
                    }
                }
            }
            step += 1;
            if !state.hear_steers(step)? {
                return Ok(End::Completed);
            }
        }
    }

    /// Everything that the model is to know, read from the store.
    async fn request(
        &self,
        state: &Arc<TurnState>,
        model: &Arc<dyn ChatModel>,
    ) -> Result<ModelRequest, EngineError> {
        let shared = Arc::clone(state);
        let visible = model.vision();
        self.blocking(move |engine| {
            let path = engine.store().path_to(&shared.node_id)?;
            let blobs = shared.runtime.folder.join("blobs");
            let pictures = Pictures { blobs: &blobs, visible };
            let mut messages = Vec::new();
            let mut files = Vec::new();
            for id in &path {
                let node = engine.store().node(id)?;
                let items = engine.store().items(&node.summary.id)?;
                messages.extend(turn_messages(&node.message, &items, &pictures));
                files.extend(node.message.attachments.iter().cloned());
            }
            let mode = engine.store().session_mode(&shared.runtime.id)?;
            let facts = PromptFacts { at: engine.now(), files, mode };
            Ok(ModelRequest {
                system: (engine.inner.parts.prompt)(&facts),
                messages,
                tools: engine
                    .inner
                    .parts
                    .registry
                    .offered_in(mode)
                    .map(|definition| ModelTool {
                        name: definition.name.clone(),
                        description: definition.description.clone(),
                        parameters: definition.parameters.clone(),
                    })
                    .collect(),
                max_tokens: None,
            })
        })
        .await
    }
}

/// A part of the engine panicked: the turn ends, the program goes on.
fn broken_down(panic: &(dyn Any + Send)) -> AppError {
    let said = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let said = said.or_else(|| panic.downcast_ref::<String>().cloned());
    AppError::new("Something in the app broke down during this turn.")
        .with_hint("Try it again; the log has more.")
        .with_detail(said.unwrap_or_else(|| "no reason was given".to_owned()))
}

/// A number of things that have a regular plural.
fn counted(number: u64, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

fn limit_reached(limit: &str) -> AppError {
    AppError::new(format!("This turn reached its limit of {limit}."))
        .with_code(ErrorCode::LimitReached)
        .with_hint("Continue it, or raise the limit in the settings.")
}
