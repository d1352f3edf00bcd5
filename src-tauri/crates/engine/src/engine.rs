//! The engine and what a program plugs into it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use okcvm_model::ChatModel;
use okcvm_protocol::{
    AppError, Artifact, Attachment, HistoryLimits, PermissionMode, PermissionRule, SessionId, TurnLimits,
};
use okcvm_store::{SessionRow, Store};
use okcvm_tools::Registry;

use crate::runtime::Runtime;
use crate::{Clock, EngineError, EventBus};

/// Finds the model of a profile.
pub trait ModelSource: Send + Sync {
    /// Connects to the model of that profile. May ask the keychain, and so may block.
    fn model(&self, profile: &str) -> Result<Arc<dyn ChatModel>, AppError>;
}

/// What a session uses that chose nothing of its own.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionDefaults {
    /// The model profile.
    pub profile: String,
    /// Limits of a turn.
    pub limits: TurnLimits,
}

/// What the system prompt is filled with.
#[derive(Debug, Clone, PartialEq)]
pub struct PromptFacts {
    /// Now, Unix milliseconds.
    pub at: i64,
    /// Files that the user gave on the active path.
    pub files: Vec<Attachment>,
    /// What the agent may do without asking.
    pub mode: PermissionMode,
}

/// Makes the system prompt.
pub type SystemPrompt = dyn Fn(&PromptFacts) -> String + Send + Sync;

/// Whether open sessions watch their files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watching {
    /// Changes are told as events.
    Yes,
    /// Nobody listens.
    No,
}

/// Settings of the engine that do not change while it runs.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// The folder that holds one folder per session.
    pub sessions_folder: PathBuf,
    /// The user's home, which is never a workspace.
    pub home: Option<PathBuf>,
    /// Whether open sessions watch their files.
    pub watching: Watching,
}

/// What a program plugs in.
pub struct EngineParts {
    /// The database.
    pub store: Arc<Store>,
    /// The tools.
    pub registry: Arc<Registry>,
    /// The models.
    pub models: Arc<dyn ModelSource>,
    /// What sessions use that chose nothing of their own, as it is at each moment.
    pub defaults: Arc<dyn Fn() -> SessionDefaults + Send + Sync>,
    /// Limits of the histories, as they are at each moment.
    pub history_limits: Arc<dyn Fn() -> HistoryLimits + Send + Sync>,
    /// The system prompt.
    pub prompt: Arc<SystemPrompt>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where events go.
    pub events: EventBus,
    /// Takes known secrets out of text before it is stored, shown or sent to a model.
    pub redact: Arc<dyn Fn(&str) -> String + Send + Sync>,
    /// Says of the artifacts of a call, whose files lie below the given folder, what they are. May block for seconds.
    pub describe: Arc<DescribeArtifacts>,
}

/// Says what artifacts are; see [`EngineParts::describe`].
pub type DescribeArtifacts = dyn Fn(&Path, &mut [Artifact]) + Send + Sync;

/// The place of a session that is open or being opened. Each has a lock of its own, so that a session that takes long
/// to open holds up no other; who looks for an open one waits for nothing.
#[derive(Default)]
struct Place {
    opening: Mutex<()>,
    opened: OnceLock<Arc<Runtime>>,
}

pub(crate) struct Inner {
    pub(crate) parts: EngineParts,
    pub(crate) options: EngineOptions,
    places: Mutex<HashMap<SessionId, Arc<Place>>>,
    profile_override: Mutex<Option<String>>,
    queue_held: AtomicBool,
    /// What the person who started this program allows for as long as it runs.
    pub(crate) run_rules: Mutex<Vec<PermissionRule>>,
}

/// The engine. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

impl Engine {
    /// An engine over its parts.
    pub fn new(parts: EngineParts, options: EngineOptions) -> Self {
        Self {
            inner: Arc::new(Inner {
                parts,
                options,
                places: Mutex::new(HashMap::new()),
                profile_override: Mutex::new(None),
                queue_held: AtomicBool::new(false),
                run_rules: Mutex::new(Vec::new()),
            }),
        }
    }

    /// Lets every turn of this program use that profile, whatever its session chose. Nothing is stored.
    pub fn set_profile_override(&self, profile: Option<String>) {
        *self.inner.profile_override.lock().unwrap_or_else(PoisonError::into_inner) = profile;
    }

    /// Leaves waiting messages waiting, for a program that ends with the turn that it began.
    pub fn hold_queue(&self) {
        self.inner.queue_held.store(true, Ordering::SeqCst);
    }

    pub(crate) fn queue_is_held(&self) -> bool {
        self.inner.queue_held.load(Ordering::SeqCst)
    }

    /// The profile and the limits of a session's next turn.
    pub(crate) fn choices(&self, row: &SessionRow) -> SessionDefaults {
        let defaults = (self.inner.parts.defaults)();
        let forced = self.inner.profile_override.lock().unwrap_or_else(PoisonError::into_inner).clone();
        SessionDefaults {
            profile: forced.or_else(|| row.profile.clone()).unwrap_or(defaults.profile),
            limits: row.limits.clone().unwrap_or(defaults.limits),
        }
    }

    /// The stream of events.
    pub fn events(&self) -> &EventBus {
        &self.inner.parts.events
    }

    pub(crate) fn store(&self) -> &Store {
        &self.inner.parts.store
    }

    pub(crate) fn now(&self) -> i64 {
        self.inner.parts.clock.now()
    }

    /// What limits of time are measured by.
    pub(crate) fn elapsed(&self) -> std::time::Duration {
        self.inner.parts.clock.elapsed()
    }

    /// The folder of a session in the app's data.
    pub fn session_folder(&self, id: &SessionId) -> PathBuf {
        self.inner.options.sessions_folder.join(id.as_str())
    }

    /// Runs blocking work of a session off the async threads.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Engine) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let engine = self.clone();
        // What is logged in the work belongs to the turn that asked for it.
        let span = tracing::Span::current();
        tokio::task::spawn_blocking(move || span.in_scope(|| work(&engine))).await?
    }

    fn place(&self, id: &SessionId) -> Arc<Place> {
        let mut places = self.inner.places.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(places.entry(id.clone()).or_default())
    }

    /// The open session, opening it if it is not. Blocking.
    pub(crate) fn runtime(&self, id: &SessionId) -> Result<Arc<Runtime>, EngineError> {
        let place = self.place(id);
        if let Some(runtime) = place.opened.get() {
            return Ok(Arc::clone(runtime));
        }
        let _opening = place.opening.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = place.opened.get() {
            return Ok(Arc::clone(runtime));
        }
        let runtime = Arc::new(Runtime::open(self, id)?);
        Ok(Arc::clone(place.opened.get_or_init(|| runtime)))
    }

    /// The session if it is open; one that is being opened counts as not open yet.
    pub(crate) fn open_runtime(&self, id: &SessionId) -> Option<Arc<Runtime>> {
        let places = self.inner.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.get(id)?.opened.get().cloned()
    }

    pub(crate) fn open_runtimes(&self) -> Vec<Arc<Runtime>> {
        let places = self.inner.places.lock().unwrap_or_else(PoisonError::into_inner);
        places.values().filter_map(|place| place.opened.get().cloned()).collect()
    }

    /// What opening sessions had to do in this program, or could not do, for the person to read.
    pub fn notices(&self) -> Vec<String> {
        self.open_runtimes().iter().filter_map(|runtime| runtime.notice()).collect()
    }

    /// Returns when what was recorded of a session survives a power cut. Blocking.
    pub fn make_durable(&self, id: &SessionId) -> Result<(), EngineError> {
        self.runtime(id)?.history.flush()?;
        Ok(self.store().sync()?)
    }

    pub(crate) fn close_runtime(&self, id: &SessionId) {
        self.inner.places.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// The open session, which this program may write. Blocking.
    pub(crate) fn writable(&self, id: &SessionId) -> Result<Arc<Runtime>, EngineError> {
        self.store().must_be_writable()?;
        let runtime = self.runtime_in_its_folder(id)?;
        runtime.workspace()?;
        if runtime.try_write(self)? { Ok(runtime) } else { Err(runtime.why_read_only(self)) }
    }

    /// The same for what moves files: a session in the trash moves none. Blocking.
    pub(crate) fn movable(&self, id: &SessionId) -> Result<Arc<Runtime>, EngineError> {
        self.must_not_lie_in_trash(id)?;
        self.writable(id)
    }

    pub(crate) fn must_not_lie_in_trash(&self, id: &SessionId) -> Result<(), EngineError> {
        if self.store().session(id)?.deleted_at.is_none() {
            return Ok(());
        }
        let error = AppError::new("This session lies in the trash.");
        Err(EngineError::App(error.with_hint("Take it out of the trash to go on.")))
    }

    /// Stops every running turn and waits until each has ended.
    pub async fn shut_down(&self) {
        let runtimes = self.open_runtimes();
        for runtime in &runtimes {
            runtime.stop();
        }
        for runtime in &runtimes {
            runtime.idle().await;
        }
    }
}

pub(crate) fn create_folder(path: &Path) -> Result<(), EngineError> {
    std::fs::create_dir_all(path)
        .map_err(|source| EngineError::File { path: path.display().to_string(), source })
}
