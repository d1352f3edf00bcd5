//! Running the calls of one answer: read-only ones beside each other, the rest one after the other.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use okcvm_protocol::{
    AppError, ArtifactKind, Awaited, Item, ItemBody, ItemDelta, NodeId, SessionId, SpanKind, SpanStatus,
    ToolCall, ToolCallStatus, ToolContent, ToolResult, TurnEvent,
};
use okcvm_snapshots::{AtWork, History};
use okcvm_store::Store;
use okcvm_tools::{
    Effect, FileReads, ReadStamp, Tool, ToolContext, ToolError, ToolProgress, ToolSink, Touches,
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::approvals::Permit;
use crate::turn_files::Base;
use crate::turn_loop::{End, TurnState};
use crate::{Engine, EngineError};

/// Identical calls with identical results that are carried out; the next one is refused.
const SAME_CALLS: u32 = 2;
/// Refusals in a row after which the turn ends.
const REFUSALS: u32 = 3;
/// Live output that is kept while a tool runs, in bytes; its end is kept.
const LIVE_OUTPUT: usize = 64 * 1024;
/// The longest word that is held back until its end is known, so that a secret is not told in two halves, in bytes.
const HELD_BACK: usize = 512;
/// Live output is stored at least this often.
const LIVE_FLUSH: Duration = Duration::from_millis(250);
/// How long a call waits until what it made is described.
const DESCRIBING: Duration = Duration::from_secs(5);
/// Stands for what was read where that cannot be told, for people.
const NOT_KNOWN: &str = "something that cannot be named";

/// Guards against the same call over and over.
#[derive(Default)]
pub(crate) struct Repeats {
    call: Option<(String, String)>,
    result: String,
    same: u32,
    refused: u32,
}

impl Repeats {
    /// Whether the call would be the same, with the same result as before, once too often.
    fn refuses(&mut self, call: &ToolCall) -> bool {
        let same = self
            .call
            .as_ref()
            .is_some_and(|(tool, arguments)| *tool == call.tool && *arguments == call.arguments);
        if same && self.same >= SAME_CALLS {
            self.refused += 1;
            return true;
        }
        false
    }

    fn note(&mut self, call: &ToolCall, result: &ToolResult) {
        let text = format!("{:?}", result.content);
        let key = (call.tool.clone(), call.arguments.clone());
        if self.call.as_ref() == Some(&key) && self.result == text {
            self.same += 1;
        } else {
            self.call = Some(key);
            self.result = text;
            self.same = 1;
            self.refused = 0;
        }
    }

    /// The tool, if the model keeps asking for what was refused.
    pub(crate) fn stuck(&self) -> Option<&str> {
        (self.refused >= REFUSALS).then(|| self.call.as_ref().map_or("a tool", |(tool, _)| tool.as_str()))
    }
}

impl Engine {
    /// Runs the calls in their order; each run of neighbouring read-only calls goes at once.
    pub(crate) async fn run_calls(
        &self,
        state: &Arc<TurnState>,
        calls: Vec<Item>,
        base: &mut Base,
        repeats: &mut Repeats,
    ) -> Result<(), End> {
        let mut waiting = calls.into_iter().peekable();
        while let Some(first) = waiting.next() {
            let mut group = vec![first];
            if self.reads_only(&group[0]) {
                while let Some(next) = waiting.next_if(|item| self.reads_only(item)) {
                    group.push(next);
                }
            } else if let Some(joined) = state.cancel.run_until_cancelled(base.join(state)).await {
                joined?;
                state.runtime.history.set_at_work(AtWork::Agent);
            }
            let mut running = Vec::new();
            for item in group {
                let ItemBody::ToolCall(call) = &item.body else { continue };
                let refused = repeats.refuses(call);
                let span = tracing::info_span!("tool", tool = call.tool, call = %item.id);
                running.push(self.run_call(state, item, refused).instrument(span));
            }
            for done in futures::future::join_all(running).await {
                let (call, result) = done?;
                if let Some(result) = &result {
                    repeats.note(&call, result);
                }
            }
        }
        Ok(())
    }

    fn reads_only(&self, item: &Item) -> bool {
        match &item.body {
            ItemBody::ToolCall(call) => self
                .inner
                .parts
                .registry
                .definition(&call.tool)
                .is_some_and(|definition| definition.effect == Effect::Read),
            ItemBody::Text { .. }
            | ItemBody::Reasoning { .. }
            | ItemBody::Approval(_)
            | ItemBody::Steer { .. }
            | ItemBody::Notice { .. } => false,
        }
    }

    /// Runs one call; stored before and after. The result is absent if it was refused or stopped.
    async fn run_call(
        &self,
        state: &Arc<TurnState>,
        mut item: Item,
        refused: bool,
    ) -> Result<(ToolCall, Option<ToolResult>), End> {
        let ItemBody::ToolCall(mut call) = item.body.clone() else {
            return Err(End::Failed(AppError::new("A part of the answer that is no call was to be run.")));
        };
        if state.cancel.is_cancelled() {
            call.status = ToolCallStatus::Interrupted;
            self.end_call(state, &mut item, call.clone())?;
            return Ok((call, None));
        }
        if refused {
            let text = format!(
                "This call of {} was not carried out: it is the same call as before, which gave the same result \
                 {SAME_CALLS} times. Do something different, or tell the user what is in the way.",
                call.tool
            );
            call.status = ToolCallStatus::Failed;
            call.result = Some(error_result(text));
            self.end_call(state, &mut item, call.clone())?;
            return Ok((call, None));
        }
        let prepared = self.prepare(&call);
        let mut spare = Vec::new();
        if let Ok(prepared) = &prepared {
            match self.permit(state, &item, &call, prepared).await? {
                Permit::Granted { reads, spare: spared } => {
                    for source in reads {
                        self.note_untrusted(state, &source)?;
                    }
                    spare = spared;
                }
                Permit::Denied(text) => {
                    call.status = ToolCallStatus::Failed;
                    call.result = Some(error_result(text));
                    self.end_call(state, &mut item, call.clone())?;
                    let result = call.result.clone();
                    return Ok((call, result));
                }
                Permit::Stopped => {
                    call.status = ToolCallStatus::Interrupted;
                    self.end_call(state, &mut item, call.clone())?;
                    return Ok((call, None));
                }
            }
        }
        call.status = ToolCallStatus::Running;
        item.body = ItemBody::ToolCall(call.clone());
        self.store().put_item(&item).map_err(EngineError::from)?;
        state.tell(TurnEvent::ItemStarted { item: item.clone() });
        state.awaiting(Awaited::Tool { tool: call.tool.clone(), item_id: item.id.clone() });
        let mut span = state.new_span(SpanKind::Tool, &call.tool, Some(&item.id));
        self.put_span(state, &span)?;
        tracing::info!("tool begins");

        let live = Arc::new(LiveCall {
            state: Arc::clone(state),
            output: Mutex::new(LiveOutput {
                item: item.clone(),
                call: call.clone(),
                held: String::new(),
                stored: Instant::now(),
            }),
        });
        let outcome = match prepared {
            Ok(prepared) => {
                self.carry_out_call(state, &item, prepared, spare, Arc::<LiveCall>::clone(&live)).await
            }
            Err(wrong) => Err(ToolError::ForModel(wrong)),
        };
        call.live_output = live.finish();

        let fatal = match outcome {
            Ok(result) => {
                call.status =
                    if result.is_error { ToolCallStatus::Failed } else { ToolCallStatus::Completed };
                call.result = Some(result);
                None
            }
            Err(ToolError::ForModel(text)) => {
                call.status = ToolCallStatus::Failed;
                call.result = Some(error_result(text));
                None
            }
            Err(ToolError::Cancelled(partial)) => {
                call.status = ToolCallStatus::Interrupted;
                call.result = partial;
                None
            }
            Err(ToolError::Fatal(error)) => {
                call.status = ToolCallStatus::Failed;
                call.result = Some(error_result(error.to_string()));
                Some(error)
            }
        };
        if let Some(result) = &mut call.result {
            self.clean(result);
            keep_pictures(&state.runtime.folder.join("blobs"), state.runtime.root(), result);
            self.describe(state.runtime.root(), Some(&state.node_id), result).await;
        }
        span.ended_at = Some(self.now());
        (span.status, span.error) = match call.status {
            ToolCallStatus::Failed => (SpanStatus::Error, call.result.as_ref().and_then(first_line)),
            ToolCallStatus::Interrupted => (SpanStatus::Interrupted, None),
            ToolCallStatus::Pending | ToolCallStatus::Running | ToolCallStatus::Completed => {
                (SpanStatus::Ok, None)
            }
        };
        self.put_span(state, &span)?;
        tracing::info!(status = ?call.status, "tool ends");
        self.end_call(state, &mut item, call.clone())?;
        if let Some(error) = fatal {
            return Err(End::Failed(error));
        }
        let result = call.result.clone().filter(|_| call.status != ToolCallStatus::Interrupted);
        Ok((call, result))
    }

    /// Finds the tool of a call and checks its arguments. A call that is wrong is never asked about; what is wrong is
    /// worded for the model.
    fn prepare(&self, call: &ToolCall) -> Result<Prepared, String> {
        let registry = &self.inner.parts.registry;
        let tool = registry
            .tool(&call.tool)
            .filter(|tool| tool.unavailable().is_none())
            .ok_or_else(|| registry.unknown(&call.tool))?;
        let arguments = registry.check_arguments(&call.tool, &call.arguments).map_err(|error| error.0)?;
        Ok(Prepared { tool, arguments })
    }

    async fn carry_out_call(
        &self,
        state: &Arc<TurnState>,
        item: &Item,
        prepared: Prepared,
        spare: Vec<String>,
        sink: Arc<dyn ToolSink>,
    ) -> Result<ToolResult, ToolError> {
        let Prepared { tool, arguments } = prepared;
        let context = ToolContext {
            session_id: state.runtime.id.clone(),
            node_id: Some(state.node_id.clone()),
            item_id: item.id.clone(),
            workspace_root: state.runtime.root().to_owned(),
            session_folder: state.runtime.folder.clone(),
            sink,
            reads: self.file_reads(&state.runtime.id),
            cancel: state.cancel.child_token(),
            spare,
        };
        // In a task of its own, so that a panic in a tool is a failed call and not a dead turn.
        let running = tokio::spawn(async move { tool.call(&context, arguments).await }.in_current_span());
        match running.await {
            Ok(outcome) => outcome,
            Err(error) => Err(ToolError::for_model(format!("The tool broke down: {error}."))),
        }
    }

    fn end_call(&self, state: &TurnState, item: &mut Item, call: ToolCall) -> Result<(), EngineError> {
        item.ended_at = Some(self.now());
        item.body = ItemBody::ToolCall(call);
        self.store().put_item(item)?;
        state.alive();
        state.tell(TurnEvent::ItemCompleted { item: item.clone() });
        Ok(())
    }

    /// Says of what a call made what it is, within a few seconds; what takes longer is told when it is looked at.
    async fn describe(&self, root: &Path, node: Option<&NodeId>, result: &mut ToolResult) {
        if result.artifacts.is_empty() {
            return;
        }
        for artifact in result.artifacts.iter_mut().filter(|artifact| artifact.kind != ArtifactKind::Output) {
            artifact.node_id = node.cloned();
        }
        let describe = Arc::clone(&self.inner.parts.describe);
        let (root, mut artifacts) = (root.to_owned(), result.artifacts.clone());
        let describing = tokio::task::spawn_blocking(move || {
            describe(&root, &mut artifacts);
            artifacts
        });
        match tokio::time::timeout(DESCRIBING, describing).await {
            Ok(Ok(artifacts)) => result.artifacts = artifacts,
            Ok(Err(error)) => tracing::warn!(%error, "artifacts are not described"),
            Err(_) => tracing::info!("describing artifacts takes too long and is left out"),
        }
    }

    /// Takes known secrets out of what a tool gave back.
    fn clean(&self, result: &mut ToolResult) {
        for content in &mut result.content {
            if let ToolContent::Text { text } = content {
                *text = (self.inner.parts.redact)(text);
            }
        }
        let hunks = result.diff.iter_mut().flat_map(|diff| &mut diff.hunks);
        for line in hunks.flat_map(|hunk| &mut hunk.lines) {
            line.text = (self.inner.parts.redact)(&line.text);
        }
    }

    /// What a session has read, kept in the store.
    pub(crate) fn file_reads(&self, session: &SessionId) -> Arc<dyn FileReads> {
        let history = self.open_runtime(session).map(|runtime| runtime.history.clone());
        Arc::new(StoredReads {
            store: Arc::clone(&self.inner.parts.store),
            session: session.clone(),
            history,
        })
    }

    /// Runs one tool as a turn would, without a turn: for the command line.
    pub async fn call_tool(
        &self,
        session: &SessionId,
        tool: &str,
        arguments: &str,
        sink: Arc<dyn ToolSink>,
        cancel: CancellationToken,
    ) -> Result<ToolResult, AppError> {
        let registry = Arc::clone(&self.inner.parts.registry);
        let name = registry.full_name(tool).ok_or_else(|| AppError::new(registry.unknown(tool)))?;
        let implementation = registry.tool(&name).ok_or_else(|| {
            AppError::new(format!("{name} is not available yet in this version."))
                .with_hint("`okcvm doctor` lists the tools that work.")
        })?;
        if let Some(reason) = implementation.unavailable() {
            return Err(AppError::new(format!("{name} cannot be used here: {reason}")));
        }
        let id = session.clone();
        let runtime = self.blocking(move |engine| engine.writable(&id)).await?;
        let _gate = runtime.enter().await;
        runtime.must_write(self)?;
        if runtime.running_node().is_some() {
            return Err(EngineError::Busy.to_app_error());
        }
        let arguments = match registry.check_arguments(&name, arguments) {
            Ok(arguments) => arguments,
            Err(error) => return Ok(error_result(error.0)),
        };
        let current = self.store().session(session).map_err(EngineError::from)?.current_node;
        let context = ToolContext {
            session_id: session.clone(),
            node_id: current,
            item_id: okcvm_protocol::ItemId::new(),
            workspace_root: runtime.root().to_owned(),
            session_folder: runtime.folder.clone(),
            sink,
            reads: self.file_reads(session),
            cancel,
            spare: Vec::new(),
        };
        let mut result = match implementation.call(&context, arguments).await {
            Ok(result) => result,
            Err(ToolError::ForModel(text)) => error_result(text),
            Err(ToolError::Cancelled(partial)) => {
                partial.unwrap_or_else(|| error_result("The call was stopped.".to_owned()))
            }
            Err(ToolError::Fatal(error)) => return Err(error),
        };
        self.clean(&mut result);
        self.describe(runtime.root(), context.node_id.as_ref(), &mut result).await;
        Ok(result)
    }
}

fn error_result(text: String) -> ToolResult {
    ToolResult {
        content: vec![ToolContent::Text { text }],
        is_error: true,
        artifacts: Vec::new(),
        diff: None,
    }
}

fn first_line(result: &ToolResult) -> Option<String> {
    result.content.iter().find_map(|content| match content {
        ToolContent::Text { text } => text.lines().next().map(|line| line.chars().take(200).collect()),
        ToolContent::Image { .. } => None,
    })
}

/// Pictures are kept by content, so that the model and the user see what the tool saw even after the file changed.
fn keep_pictures(blobs: &Path, root: &Path, result: &ToolResult) {
    for content in &result.content {
        if let ToolContent::Image { path, hash, .. } = content {
            let kept = blobs.join(hash);
            if kept.exists() {
                continue;
            }
            let copied = std::fs::create_dir_all(blobs).and_then(|()| std::fs::copy(root.join(path), &kept));
            if let Err(error) = copied {
                tracing::warn!(%error, path, "a picture could not be kept");
            }
        }
    }
}

/// A call whose tool and arguments are there.
pub(crate) struct Prepared {
    tool: Arc<dyn Tool>,
    arguments: serde_json::Value,
}

impl Prepared {
    /// What it would touch if it ran now.
    pub(crate) fn touches(&self, session: &SessionId) -> Touches {
        self.tool.touches(session, &self.arguments)
    }
}

/// Takes the output of a running call.
struct LiveCall {
    state: Arc<TurnState>,
    output: Mutex<LiveOutput>,
}

struct LiveOutput {
    item: Item,
    call: ToolCall,
    /// The start of a word whose end has not come yet.
    held: String,
    stored: Instant,
}

impl LiveCall {
    /// What was shown, with what was still held back.
    fn finish(&self) -> String {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = std::mem::take(&mut output.held);
        self.show(&mut output, &rest);
        output.call.live_output.clone()
    }

    fn show(&self, output: &mut LiveOutput, text: &str) {
        if text.is_empty() {
            return;
        }
        let text = (self.state.engine.inner.parts.redact)(text);
        let shown = &mut output.call.live_output;
        shown.push_str(&text);
        if shown.len() > LIVE_OUTPUT {
            let mut cut = shown.len() - LIVE_OUTPUT / 2;
            while !shown.is_char_boundary(cut) {
                cut += 1;
            }
            shown.drain(..cut);
        }
        let item_id = output.item.id.clone();
        self.state.tell(TurnEvent::ItemDelta { item_id, delta: ItemDelta::Output { text } });
        if output.stored.elapsed() >= LIVE_FLUSH {
            output.stored = Instant::now();
            output.item.body = ItemBody::ToolCall(output.call.clone());
            if let Err(error) = self.state.engine.store().put_item(&output.item) {
                tracing::warn!(%error, call = %output.item.id, "live output could not be stored");
            }
        }
    }
}

impl ToolSink for LiveCall {
    fn read_untrusted(&self, source: &str) {
        if let Err(error) = self.state.engine.note_untrusted(&self.state, source) {
            // What cannot be noted must not be used: the turn ends.
            tracing::error!(%error, "what a call read could not be noted");
            self.state.cancel.cancel();
        }
    }

    fn untrusted(&self) -> Vec<String> {
        let state = &self.state;
        state.engine.store().untrusted_along(&state.node_id).unwrap_or_else(|error| {
            tracing::error!(%error, "what the conversation has read could not be looked up");
            state.cancel.cancel();
            vec![NOT_KNOWN.to_owned()]
        })
    }

    fn progress(&self, progress: ToolProgress) {
        self.state.alive();
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        match progress {
            ToolProgress::Output(text) => {
                let mut all = std::mem::take(&mut output.held);
                all.push_str(&text);
                let whole = all
                    .rfind(char::is_whitespace)
                    .map_or(0, |space| space + all[space..].chars().next().map_or(0, char::len_utf8));
                if all.len() - whole <= HELD_BACK {
                    output.held = all.split_off(whole);
                }
                self.show(&mut output, &all);
            }
            ToolProgress::Message(message) => {
                let item_id = output.item.id.clone();
                self.state.tell(TurnEvent::ItemProgress { item_id, message });
            }
        }
    }
}

/// Read files, kept in the store.
struct StoredReads {
    store: Arc<Store>,
    session: SessionId,
    history: Option<History>,
}

impl FileReads for StoredReads {
    fn last_seen(&self, path: &str) -> Result<Option<ReadStamp>, AppError> {
        Ok(self.store.file_read(&self.session, path)?.map(|hash| ReadStamp { hash }))
    }

    fn note(&self, path: &str, stamp: &ReadStamp) -> Result<(), AppError> {
        // What our tools write is noted here, too: the next record reads it whatever its times say.
        if let Some(history) = &self.history {
            history.note_written(&[path.to_owned()]);
        }
        Ok(self.store.note_file_read(&self.session, path, &stamp.hash)?)
    }
}
