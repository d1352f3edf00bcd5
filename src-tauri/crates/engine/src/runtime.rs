//! An open session: its lock, files, history and running turn.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use okcvm_protocol::{
    AppError, AppEvent, ErrorCode, ItemBody, NodeId, NodeStatus, SessionAccess, SessionId, ToolCallStatus,
};
use okcvm_snapshots::{Author, History, RecordInfo, Recorded};
use okcvm_workspace::{Watch, Workspace};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::engine::create_folder;
use crate::{Engine, EngineError, Watching};

/// How the folder of a deployment begins while it is copied.
const HALF_DEPLOYMENT: &str = ".copying-";

/// What a running turn can be told from outside.
pub(crate) struct RunningTurn {
    pub(crate) node_id: NodeId,
    pub(crate) cancel: CancellationToken,
    pub(crate) steers: VecDeque<String>,
}

/// An open session.
pub(crate) struct Runtime {
    pub(crate) id: SessionId,
    pub(crate) folder: PathBuf,
    pub(crate) workspace: Workspace,
    pub(crate) history: History,
    /// What opening the history had to do, for the person to read.
    pub(crate) notice: Option<String>,
    /// Held while a turn begins or a restore moves the files, so that neither meets the other.
    pub(crate) gate: tokio::sync::Mutex<()>,
    pub(crate) running: Mutex<Option<RunningTurn>>,
    idle: watch::Sender<bool>,
    /// The operating system's lock; held by the one program that writes.
    lock: Mutex<Option<File>>,
    _watch: Option<Watch>,
}

impl Runtime {
    /// Opens a session for writing if no other program has it, else for reading. Finishes what a crash cut short.
    pub(crate) fn open(engine: &Engine, id: &SessionId) -> Result<Self, EngineError> {
        let row = engine.store().session(id)?;
        let folder = engine.session_folder(id);
        create_folder(&folder)?;
        let workspace = match &row.folder {
            Some(path) => Workspace::open(std::path::Path::new(path))?,
            None => Workspace::create(&folder.join("workspace"))?,
        };
        let opened = History::open(&folder.join("history"))?;
        let watch = match engine.inner.options.watching {
            Watching::Yes => watch_files(engine, id, &workspace),
            Watching::No => None,
        };
        let runtime = Self {
            id: id.clone(),
            folder,
            workspace,
            history: opened.history,
            notice: opened.notice,
            gate: tokio::sync::Mutex::new(()),
            running: Mutex::new(None),
            idle: watch::Sender::new(true),
            lock: Mutex::new(None),
            _watch: watch,
        };
        runtime.try_write(engine)?;
        Ok(runtime)
    }

    /// Takes the lock if it is free; the first time, finishes what a crash cut short. Tells whether this program writes.
    pub(crate) fn try_write(&self, engine: &Engine) -> Result<bool, EngineError> {
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if lock.is_some() {
            return Ok(true);
        }
        let path = self.folder.join("lock");
        let failed = |source| EngineError::File { path: path.display().to_string(), source };
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(false),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        *lock = Some(file);
        self.recover(engine)?;
        Ok(true)
    }

    pub(crate) fn access(&self) -> SessionAccess {
        if self.lock.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
            SessionAccess::Write
        } else {
            SessionAccess::ReadOnly
        }
    }

    fn recover(&self, engine: &Engine) -> Result<(), EngineError> {
        self.sweep_half_deployments();
        if self.notice.is_some() {
            // The old history was moved aside: what earlier nodes recorded is not in the new one.
            for node in engine.store().nodes(&self.id)? {
                engine
                    .store()
                    .set_not_restorable(&node.summary.id, "its history was damaged and moved aside.")?;
            }
            engine.store().set_head_snapshot(&self.id, None)?;
        }
        self.finish_restores(engine)?;
        for node in engine.store().running_nodes(&self.id)? {
            let at = engine.now();
            for mut item in engine.store().items(&node.summary.id)? {
                let mut changed = item.ended_at.is_none();
                if let ItemBody::ToolCall(call) = &mut item.body
                    && matches!(call.status, ToolCallStatus::Pending | ToolCallStatus::Running)
                {
                    call.status = ToolCallStatus::Interrupted;
                    changed = true;
                }
                if changed {
                    item.ended_at = Some(at);
                    engine.store().put_item(&item)?;
                }
            }
            for mut span in engine.store().spans(&node.summary.id)? {
                if span.ended_at.is_none() {
                    // When it really ended is not known; the span stays without a length.
                    span.ended_at = Some(span.started_at);
                    span.status = okcvm_protocol::SpanStatus::Interrupted;
                    engine.store().put_span(&span)?;
                }
            }
            let recorded = self.record(engine, Author::Agent, "State after an interrupted turn")?;
            let changes = self.history.counts(node.summary.base_snapshot.as_ref(), &recorded.snapshot)?;
            if node.summary.base_snapshot.is_none() {
                engine.store().set_node_base(&node.summary.id, None, &recorded.snapshot, None)?;
            }
            engine.store().set_node_snapshot(&node.summary.id, &recorded.snapshot, &changes)?;
            let error = AppError::new("The program ended while this turn was running.")
                .with_code(ErrorCode::ProgramEnded)
                .with_hint("Continue it, or try it again.");
            engine.store().end_node(&node.summary.id, NodeStatus::Interrupted, Some(&error), at)?;
            tracing::warn!(session = %self.id, turn = %node.summary.id, "marked a turn of an ended program as interrupted");
        }
        Ok(())
    }

    /// Removes what a deployment left that was cut short before it was entered anywhere.
    fn sweep_half_deployments(&self) {
        let Ok(entries) = std::fs::read_dir(self.folder.join("deployments")) else { return };
        for entry in entries.filter_map(Result::ok) {
            if entry.file_name().to_string_lossy().starts_with(HALF_DEPLOYMENT)
                && let Err(error) = std::fs::remove_dir_all(entry.path())
            {
                tracing::warn!(%error, path = %entry.path().display(), "a half deployment could not be removed");
            }
        }
    }

    /// Records the live files on top of what they last equalled, and notes that. Blocking.
    pub(crate) fn record(
        &self,
        engine: &Engine,
        author: Author,
        message: &str,
    ) -> Result<Recorded, EngineError> {
        let head = engine.store().session(&self.id)?.head_snapshot;
        let info = RecordInfo { message, author, at_ms: engine.now() };
        let recorded = self.history.record(&self.workspace, head.as_ref(), info)?;
        if head.as_ref() != Some(&recorded.snapshot) {
            engine.store().set_head_snapshot(&self.id, Some(&recorded.snapshot))?;
        }
        Ok(recorded)
    }

    pub(crate) fn running_node(&self) -> Option<NodeId> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|turn| turn.node_id.clone())
    }

    /// Notes that a turn runs.
    pub(crate) fn begin(&self, turn: RunningTurn) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(turn);
        self.idle.send_replace(false);
    }

    /// Notes that no turn runs.
    pub(crate) fn end(&self) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.idle.send_replace(true);
    }

    /// Tells the running turn to end. Returns whether one runs.
    pub(crate) fn stop(&self) -> bool {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = running.as_ref() {
            turn.cancel.cancel();
        }
        running.is_some()
    }

    pub(crate) fn steer(&self, text: String) -> bool {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        match running.as_mut() {
            Some(turn) if !turn.cancel.is_cancelled() => {
                turn.steers.push_back(text);
                true
            }
            _ => false,
        }
    }

    pub(crate) fn take_steers(&self) -> VecDeque<String> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.as_mut().map(|turn| std::mem::take(&mut turn.steers)).unwrap_or_default()
    }

    /// Waits until no turn runs.
    pub(crate) async fn idle(&self) {
        let mut idle = self.idle.subscribe();
        // The sender lives as long as this session, so the wait can only end well.
        let _ = idle.wait_for(|idle| *idle).await;
    }
}

fn watch_files(engine: &Engine, id: &SessionId, workspace: &Workspace) -> Option<Watch> {
    let events = engine.events().clone();
    let session_id = id.clone();
    let told = move |paths: Vec<String>| {
        events.app(AppEvent::WorkspaceChanged { session_id: session_id.clone(), paths });
    };
    match okcvm_workspace::watch(workspace.root(), Box::new(told)) {
        Ok(watch) => Some(watch),
        Err(error) => {
            // Without a watch the previews are reloaded by hand; nothing is lost.
            tracing::warn!(session = %id, %error, "the workspace cannot be watched");
            None
        }
    }
}

/// Shared by the tasks of a session.
pub(crate) type SharedRuntime = Arc<Runtime>;
