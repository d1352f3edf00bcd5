//! One model request: streams into items, which are stored at least four times a second.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use okcvm_model::{ChatModel, FinishReason, ModelError, ModelEvent, ModelRequest};
use okcvm_protocol::{
    Awaited, Item, ItemBody, ItemDelta, NoticeLevel, Span, SpanKind, SpanStatus, ToolCall, ToolCallStatus,
    TurnEvent, TurnLimits, Usage,
};
use tokio::sync::mpsc;

use crate::turn_loop::{End, TurnState};
use crate::{Engine, EngineError, estimate};

/// Text is stored at least this often while it streams.
const FLUSH: Duration = Duration::from_millis(200);
/// Fragments that may wait between the network and the store.
const WAITING_FRAGMENTS: usize = 256;

/// What a model answered.
pub(crate) struct Answer {
    /// Its calls, complete and stored, in order.
    pub(crate) calls: Vec<Item>,
    /// How it ended.
    pub(crate) finish: FinishReason,
    /// It said at least one word.
    pub(crate) said_something: bool,
}

/// The items of one answer while it streams.
struct Stream<'a> {
    state: &'a TurnState,
    step: u32,
    /// Finished and growing items by ordinal.
    items: Vec<Item>,
    dirty: Vec<bool>,
    /// Position in `items` of the growing text or reasoning.
    growing: Option<usize>,
    /// Position in `items` of each call.
    calls: BTreeMap<u32, usize>,
    usage: Usage,
    begun: Instant,
    first_token_ms: Option<u64>,
    retries: u32,
}

impl<'a> Stream<'a> {
    fn new(state: &'a TurnState, step: u32) -> Self {
        Self {
            state,
            step,
            items: Vec::new(),
            dirty: Vec::new(),
            growing: None,
            calls: BTreeMap::new(),
            usage: Usage::default(),
            begun: Instant::now(),
            first_token_ms: None,
            retries: 0,
        }
    }

    fn take(&mut self, event: ModelEvent, model: &str) -> Result<(), EngineError> {
        self.state.alive();
        if !matches!(event, ModelEvent::Attempt { .. } | ModelEvent::Usage(_))
            && self.first_token_ms.is_none()
        {
            self.first_token_ms = Some(u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX));
        }
        match event {
            ModelEvent::Attempt { number, reason, delay_ms } => {
                self.retries = number.saturating_sub(1);
                self.state.awaiting(Awaited::Model { model: model.to_owned(), attempt: number });
                let seconds = delay_ms.div_ceil(1000);
                self.state.notice(
                    self.step,
                    NoticeLevel::Info,
                    format!("{reason} Trying again in {seconds} s (attempt {number})."),
                )?;
            }
            ModelEvent::Text(text) => self.grow(
                text,
                |item| matches!(item.body, ItemBody::Text { .. }),
                || ItemBody::Text { text: String::new() },
            )?,
            ModelEvent::Reasoning(text) => {
                self.grow(
                    text,
                    |item| matches!(item.body, ItemBody::Reasoning { .. }),
                    || ItemBody::Reasoning { text: String::new(), signature: None },
                )?;
            }
            ModelEvent::ReasoningSignature(signed) => {
                let position =
                    self.items.iter().rposition(|item| matches!(item.body, ItemBody::Reasoning { .. }));
                let position = match position {
                    Some(position) => position,
                    None => self.begin(ItemBody::Reasoning { text: String::new(), signature: None })?,
                };
                if let ItemBody::Reasoning { signature, .. } = &mut self.items[position].body {
                    *signature = Some(signed);
                    self.dirty[position] = true;
                }
            }
            ModelEvent::ToolCallStarted { index, id, name } => {
                self.finish_growing()?;
                let position = self.begin(ItemBody::ToolCall(ToolCall {
                    call_id: id,
                    tool: name,
                    arguments: String::new(),
                    status: ToolCallStatus::Pending,
                    live_output: String::new(),
                    result: None,
                }))?;
                self.calls.insert(index, position);
            }
            ModelEvent::ToolCallArguments { index, text } => {
                if let Some(&position) = self.calls.get(&index)
                    && let ItemBody::ToolCall(call) = &mut self.items[position].body
                {
                    call.arguments.push_str(&text);
                    self.dirty[position] = true;
                    let item_id = self.items[position].id.clone();
                    self.state.tell(TurnEvent::ItemDelta { item_id, delta: ItemDelta::Arguments { text } });
                }
            }
            ModelEvent::Usage(usage) => self.usage = usage,
        }
        Ok(())
    }

    fn begin(&mut self, body: ItemBody) -> Result<usize, EngineError> {
        let item = self.state.new_item(self.step, body);
        self.state.engine.store().put_item(&item)?;
        self.state.tell(TurnEvent::ItemStarted { item: item.clone() });
        self.items.push(item);
        self.dirty.push(false);
        Ok(self.items.len() - 1)
    }

    fn grow(
        &mut self,
        more: String,
        same: impl Fn(&Item) -> bool,
        body: impl FnOnce() -> ItemBody,
    ) -> Result<(), EngineError> {
        let position = match self.growing {
            Some(position) if same(&self.items[position]) => position,
            _ => {
                self.finish_growing()?;
                let position = self.begin(body())?;
                self.growing = Some(position);
                position
            }
        };
        if let ItemBody::Text { text } | ItemBody::Reasoning { text, .. } = &mut self.items[position].body {
            text.push_str(&more);
        }
        self.dirty[position] = true;
        let item_id = self.items[position].id.clone();
        self.state.tell(TurnEvent::ItemDelta { item_id, delta: ItemDelta::Text { text: more } });
        Ok(())
    }

    fn finish_growing(&mut self) -> Result<(), EngineError> {
        if let Some(position) = self.growing.take() {
            self.complete(position)?;
        }
        Ok(())
    }

    fn complete(&mut self, position: usize) -> Result<(), EngineError> {
        let item = &mut self.items[position];
        item.ended_at = Some(self.state.engine.now());
        self.state.engine.store().put_item(item)?;
        self.dirty[position] = false;
        self.state.tell(TurnEvent::ItemCompleted { item: item.clone() });
        Ok(())
    }

    /// A guess at the tokens that the provider did not report.
    fn unreported(&self, asked: u64) -> u64 {
        let asked = if self.usage.input_tokens.is_none() { asked } else { 0 };
        if self.usage.output_tokens.is_some() {
            return asked;
        }
        let answered = self.items.iter().map(|item| match &item.body {
            ItemBody::Text { text } | ItemBody::Reasoning { text, .. } => estimate::text(text),
            ItemBody::ToolCall(call) => estimate::text(&call.tool) + estimate::text(&call.arguments),
            ItemBody::Approval(_) | ItemBody::Steer { .. } | ItemBody::Notice { .. } => 0,
        });
        asked + answered.sum::<u64>()
    }

    fn flush(&mut self) -> Result<(), EngineError> {
        for (item, dirty) in self.items.iter().zip(&mut self.dirty) {
            if *dirty {
                self.state.engine.store().put_item(item)?;
                *dirty = false;
            }
        }
        Ok(())
    }

    /// Ends what grew. Calls whose answer was cut are interrupted; whole ones wait for their run.
    fn close(&mut self, whole: bool) -> Result<Vec<Item>, EngineError> {
        self.finish_growing()?;
        self.flush()?;
        let positions: Vec<usize> = self.calls.values().copied().collect();
        let mut calls = Vec::new();
        for position in positions {
            if whole {
                calls.push(self.items[position].clone());
                continue;
            }
            if let ItemBody::ToolCall(call) = &mut self.items[position].body {
                call.status = ToolCallStatus::Interrupted;
            }
            self.complete(position)?;
        }
        Ok(calls)
    }
}

impl Engine {
    /// Asks the model once and stores its answer as it comes.
    pub(crate) async fn ask(
        &self,
        state: &TurnState,
        model: &Arc<dyn ChatModel>,
        request: ModelRequest,
        step: u32,
        limits: &TurnLimits,
    ) -> Result<Answer, End> {
        let name = model.name().to_owned();
        let mut span = state.new_span(SpanKind::Model, &name, None);
        self.put_span(state, &span)?;
        state.awaiting(Awaited::Model { model: name.clone(), attempt: 1 });
        let mut stream = Stream::new(state, step);
        let asked = estimate::request(&request);
        state.asked.notify_one();
        let result = self.stream(&mut stream, model, request, &name).await?;
        let calls = stream.close(result.is_ok())?;
        span.ended_at = Some(self.now());
        span.first_token_ms = stream.first_token_ms;
        span.retries = stream.retries;
        span.usage = stream.usage.clone();
        (span.status, span.error) = match &result {
            Ok(_) => (SpanStatus::Ok, None),
            Err(ModelError::Cancelled) => (SpanStatus::Interrupted, None),
            Err(error) => (SpanStatus::Error, Some(error.to_app_error().message)),
        };
        self.put_span(state, &span)?;
        state.add_usage(&stream.usage);
        if result.is_ok() {
            state.guess(stream.unreported(asked));
        }
        let said_something = stream.items.iter().any(|item| matches!(item.body, ItemBody::Text { .. }));
        match result {
            Ok(finish) => Ok(Answer { calls, finish, said_something }),
            Err(ModelError::Cancelled) => Err(state.interruption(limits)),
            Err(error) => {
                tracing::warn!(turn = %state.node_id, model = name, %error, "the model request failed");
                Err(End::Failed(error.to_app_error()))
            }
        }
    }

    async fn stream(
        &self,
        stream: &mut Stream<'_>,
        model: &Arc<dyn ChatModel>,
        request: ModelRequest,
        name: &str,
    ) -> Result<Result<FinishReason, ModelError>, EngineError> {
        let (sender, mut receiver) = mpsc::channel(WAITING_FRAGMENTS);
        let cancel = stream.state.cancel.clone();
        let asking = model.stream(request, sender, &cancel);
        tokio::pin!(asking);
        let mut flushes = tokio::time::interval(FLUSH);
        let mut open = true;
        let result = loop {
            tokio::select! {
                // A stop wins over whatever else is there, even if the model does not notice it.
                biased;
                () = cancel.cancelled() => break Err(ModelError::Cancelled),
                event = receiver.recv(), if open => match event {
                    Some(event) => stream.take(event, name)?,
                    None => open = false,
                },
                result = &mut asking => break result,
                _ = flushes.tick() => stream.flush()?,
            }
        };
        while let Ok(event) = receiver.try_recv() {
            stream.take(event, name)?;
        }
        Ok(result)
    }

    pub(crate) fn put_span(&self, state: &TurnState, span: &Span) -> Result<(), EngineError> {
        self.store().put_span(span)?;
        state.tell(TurnEvent::Span { span: span.clone() });
        Ok(())
    }
}
