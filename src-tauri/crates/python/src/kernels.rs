//! One kernel per session: started when it is needed, kept between cells, ended when nobody needs it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

use okcvm_protocol::{ProcessOwner, SessionId};
use okcvm_sandbox::{Egress, Entry, Processes, Sandbox, Tier, WayOut};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::KernelEvent;
use crate::environment::{Environment, EnvironmentError, Installed, Renewal};
use crate::kernel::{CellEnd, Kernel, KernelKind, Start};

/// What a kernel is called among what runs.
const TITLE: &str = "Python";
/// A kernel that ran nothing for so long is ended.
const IDLE: Duration = Duration::from_secs(30 * 60);
/// How often that is looked at.
const LOOK: Duration = Duration::from_secs(20);
/// Notes that wait for the next cell.
const MOST_NOTES: usize = 5;
/// After packages could not be had, they are asked for again only after a while.
const ASK_AGAIN: Duration = Duration::from_secs(10 * 60);
/// Sources that are noted of a kernel: whether there is one is what counts.
const MOST_SOURCES: usize = 50;

/// A piece of code for the kernel of a session.
#[derive(Debug, Clone)]
pub struct Cell {
    /// The session.
    pub session: String,
    /// The folder that the kernel starts in and may write to.
    pub workspace: PathBuf,
    /// The session's folder in the app's data, where packages of the session are kept.
    pub session_folder: PathBuf,
    /// Python, as in a notebook cell.
    pub code: String,
    /// A fresh kernel first.
    pub restart: bool,
    /// What of the workspace, relative to it, a kernel that is started for this cell may not change: by its name, and as it
    /// is called on the disk.
    pub spare: Vec<(String, PathBuf)>,
    /// What the conversation has read so far that is not trusted, in words for people: the code may bring it along, and the
    /// kernel keeps it. See [`Kernels::held`].
    pub untrusted: Vec<String>,
    /// Fires when the cell must end.
    pub cancel: CancellationToken,
    /// Its way out of the network of the kernel, open while the cell runs; nobody is reached without.
    pub door: Option<CellDoor>,
}

/// The way out of the network of a kernel, for one cell.
#[derive(Debug, Clone)]
pub struct CellDoor {
    /// Is given the socket at which programs of the kernel look for a proxy.
    pub egress: Egress,
    /// Variables for a kernel that is started for this cell.
    pub env: Vec<(String, String)>,
}

/// What became of a cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// How it ended.
    pub end: CellEnd,
    /// Which kernel ran it.
    pub kind: KernelKind,
    /// Bytes and displays that went nowhere, because there were too many.
    pub dropped: u64,
    /// What is worth knowing beside the output, a sentence each.
    pub notes: Vec<String>,
    /// What is not trusted of the packages with which the kernel was started for this cell, in words for people.
    pub packages: Vec<String>,
}

/// Why no kernel ran a cell; worded for the model.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// There is no Python, or none that can be used.
    #[error("{0}")]
    NoPython(String),
    /// The kernel did not start.
    #[error("the Python kernel did not start: {0}")]
    NotStarted(String),
    /// The call was stopped before the cell ran.
    #[error("the call was stopped")]
    Cancelled,
}

/// All kernels of a program. Cheap to clone; dropping the last clone ends them.
#[derive(Debug, Clone)]
pub struct Kernels {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    sandbox: Sandbox,
    processes: Processes,
    environment: Environment,
    idle: Duration,
    slots: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Slot>>>>,
    /// What is not trusted of what the kernels of sessions may hold.
    held: Mutex<HashMap<String, Vec<String>>>,
    /// Sessions whose files were put back to another moment.
    moved: Mutex<std::collections::HashSet<String>>,
    refused: Mutex<Option<(Instant, String)>>,
    watched: std::sync::Once,
}

/// Device and number.
type Identity = (u64, u64);

fn identity(folder: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata(folder).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

#[derive(Debug)]
struct Slot {
    kernel: Option<Kernel>,
    /// The files that it was started with.
    workspace: PathBuf,
    /// Tells that folder from another one in its place.
    identity: Option<Identity>,
    /// Why the last one is gone, if that was not asked for.
    lost: Option<String>,
    /// Since when what comes counts as that of the cell that runs, or whose call was dropped.
    cell: Option<SystemTime>,
    /// Until when it was looked at what came for git to run.
    looked: SystemTime,
    /// What the next cell says beside its own.
    notes: Vec<String>,
    used: Instant,
}

impl Slot {
    fn empty() -> Self {
        Self {
            kernel: None,
            workspace: PathBuf::new(),
            identity: None,
            lost: None,
            cell: None,
            looked: SystemTime::now(),
            notes: Vec::new(),
            used: Instant::now(),
        }
    }

    /// Looks at what was left for git since the last look: takes what came in a cell, and tells of what came between two,
    /// which may be the user's own work.
    async fn look(&mut self) {
        let now = SystemTime::now();
        let Some(kernel) = &self.kernel else { return };
        let notes = match self.cell.take() {
            Some(began) => kernel.look_after(began).await,
            None => kernel.tell_of(self.looked).await,
        };
        self.looked = now;
        for note in notes {
            if self.notes.len() < MOST_NOTES && !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
    }

    /// Ends the kernel, and looks at what it left.
    async fn end(&mut self) {
        if let Some(kernel) = &mut self.kernel {
            kernel.end().await;
            self.look().await;
            self.kernel = None;
        }
    }

    /// Ends a kernel whose cell goes on although nobody waits for it any more.
    async fn end_what_was_dropped(&mut self) {
        if self.cell.is_some() && self.kernel.is_some() {
            self.end().await;
            self.lost = Some("its last cell did not come to an end".to_owned());
        }
    }
}

/// Ends the kernel of a cell whose call is dropped.
struct Dropped(Option<Arc<tokio::sync::Mutex<Slot>>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        if let (Some(slot), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) {
            runtime.spawn(async move { slot.lock().await.end_what_was_dropped().await });
        }
    }
}

impl Kernels {
    /// Kernels in that sandbox, of that environment.
    pub fn new(sandbox: Sandbox, environment: Environment) -> Self {
        Self::with_idle_limit(sandbox, environment, IDLE)
    }

    /// As [`Kernels::new`], with another time after which an idle kernel is ended.
    pub fn with_idle_limit(sandbox: Sandbox, environment: Environment, idle: Duration) -> Self {
        Self::of(sandbox, environment, idle, Processes::default())
    }

    /// As [`Kernels::new`], and enters every kernel there while it runs.
    pub fn entered_in(processes: Processes, sandbox: Sandbox, environment: Environment) -> Self {
        Self::of(sandbox, environment, IDLE, processes)
    }

    fn of(sandbox: Sandbox, environment: Environment, idle: Duration, processes: Processes) -> Self {
        let inner = Inner {
            sandbox,
            processes,
            environment,
            idle,
            slots: Mutex::default(),
            held: Mutex::default(),
            moved: Mutex::default(),
            refused: Mutex::default(),
            watched: std::sync::Once::new(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The environment.
    pub fn environment(&self) -> &Environment {
        &self.inner.environment
    }

    /// The boundary in which kernels run.
    pub fn sandbox(&self) -> &Sandbox {
        &self.inner.sandbox
    }

    /// Which kernel a session would get now, and why not Jupyter's.
    pub fn kind(&self) -> (KernelKind, Option<String>) {
        let reason = match self.inner.sandbox.tier() {
            Some(Tier::Full) => {
                if self.inner.environment.installed().is_some() {
                    return (KernelKind::Jupyter, None);
                }
                let refused = self.inner.refused.lock().unwrap_or_else(PoisonError::into_inner);
                refused.as_ref().map(|(_, reason)| reason.clone())
            }
            Some(Tier::Reduced) => {
                Some("Jupyter's needs sockets, which the reduced sandbox does not allow".to_owned())
            }
            None => None,
        };
        (KernelKind::Plain, reason)
    }

    /// Forgets that packages could not be had: the next kernel asks for them again.
    pub fn ask_again(&self) {
        *self.inner.refused.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Runs a cell and tells what it gives as it comes; cells of one session run one after the other. Must be called
    /// within a tokio runtime.
    pub async fn run(&self, cell: Cell, events: mpsc::Sender<KernelEvent>) -> Result<Ran, KernelError> {
        self.watch_idle();
        let kept = self.slot(&cell.session);
        let mut slot = tokio::select! {
            slot = kept.lock() => slot,
            () = cell.cancel.cancelled() => return Err(KernelError::Cancelled),
        };
        slot.end_what_was_dropped().await;
        let identity = identity(&cell.workspace);
        if slot.kernel.is_some() && (slot.workspace != cell.workspace || slot.identity != identity) {
            slot.end().await;
            slot.lost = Some("the files lie in another folder now".to_owned());
        }
        let (mut notes, mut packages) = (Vec::new(), Vec::new());
        if cell.restart {
            if slot.kernel.is_some() {
                slot.end().await;
                notes.push("the kernel was restarted: no names are left of before".to_owned());
            }
            slot.lost = None;
        }
        if let Some(kernel) = &mut slot.kernel
            && !kernel.lives().await
        {
            let why = kernel.ending().unwrap_or_else(|| "its last cell did not come to an end".to_owned());
            slot.end().await;
            slot.lost = Some(format!("it had ended since the last cell ({why})"));
        }
        if slot.kernel.is_some() {
            slot.look().await;
        }
        if slot.kernel.is_none() {
            let (kernel, why) = self.start(&cell, &events).await?;
            let lost = slot.lost.take();
            let mut note = format!("kernel: {}, started for this call", kernel.about);
            if let Some(lost) = lost {
                note = format!(
                    "a new kernel was started ({}), because of the one before: {lost}. Its names and imports are gone",
                    kernel.about
                );
            }
            notes.push(note);
            notes.extend(why);
            slot.kernel = Some(kernel);
            slot.workspace.clone_from(&cell.workspace);
            slot.identity = identity;
            slot.looked = SystemTime::now();
            // Nothing is left of what the one before held, but in the packages of the session.
            self.held_by_all().remove(&cell.session);
            packages = crate::packages::untrusted(&cell.session_folder);
            self.hold(&cell.session, &cell.session_folder, &packages);
            self.inner.moved.lock().unwrap_or_else(PoisonError::into_inner).remove(&cell.session);
        } else if self.inner.moved.lock().unwrap_or_else(PoisonError::into_inner).remove(&cell.session) {
            notes.push(
                "the files of the workspace were put back to another moment since the last cell; the names in the kernel \
                 are as they were"
                    .to_owned(),
            );
        }
        let Slot { kernel: Some(kernel), cell: runs, looked, .. } = &mut *slot else {
            return Err(KernelError::NotStarted("it vanished".to_owned()));
        };
        let kind = kernel.kind;
        self.hold(&cell.session, &cell.session_folder, &cell.untrusted);
        // Whoever let this call go on did not know of them; the next one is asked about with them.
        let unasked = packages.iter().any(|source| !cell.untrusted.contains(source));
        match &cell.door {
            Some(_) if unasked => notes.push(
                "the network stayed off in this call: packages of this session may hold something that is not trusted. \
                 The next call has it"
                    .to_owned(),
            ),
            Some(door) if kernel.can_have_egress() => kernel.open(&door.egress).await,
            Some(_) if self.inner.sandbox.can_have_network().is_ok() => notes.push(
                "the network was off when this kernel was started, and stays off in it; call with `restart: true` to \
                 use what is allowed by now"
                    .to_owned(),
            ),
            Some(_) | None => {}
        }
        // What came since that look began counts as the cell's: a look takes a while, and the kernel may be at work.
        *runs = Some(*looked);
        let mut if_dropped = Dropped(Some(Arc::clone(&kept)));
        let (end, dropped) = kernel.run(&cell.code, &events, &cell.cancel).await;
        kernel.close();
        slot.look().await;
        if_dropped.0 = None;
        notes.append(&mut slot.notes);
        match &end {
            CellEnd::Done | CellEnd::Failed | CellEnd::Interrupted => {}
            CellEnd::Ended => {
                slot.kernel = None;
                slot.lost = Some("it had to be ended, because it did not heed an interrupt".to_owned());
            }
            CellEnd::Died(reason) => {
                slot.kernel = None;
                slot.lost = Some(format!("it ended by itself ({reason})"));
                notes.push(format!(
                    "the kernel ended ({reason}); its names are gone, and the next call starts a new one"
                ));
            }
        }
        slot.used = Instant::now();
        Ok(Ran { end, kind, dropped, notes, packages })
    }

    fn slot(&self, session: &str) -> Arc<tokio::sync::Mutex<Slot>> {
        let mut slots = self.inner.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(
            slots
                .entry(session.to_owned())
                .or_insert_with(|| Arc::new(tokio::sync::Mutex::new(Slot::empty()))),
        )
    }

    /// Starts the best kernel that can be had, and says why it is not Jupyter's.
    async fn start(
        &self,
        cell: &Cell,
        events: &mpsc::Sender<KernelEvent>,
    ) -> Result<(Kernel, Option<String>), KernelError> {
        let kept_folder = cell.session_folder.join("python");
        std::fs::create_dir_all(kept_folder.join("packages")).map_err(|error| {
            KernelError::NotStarted(format!("{} cannot be made: {error}", kept_folder.display()))
        })?;
        let (installed, mut why) = match self.installed(cell, events).await {
            Ok(installed) => (Some(installed), None),
            Err(EnvironmentError::Cancelled) => return Err(KernelError::Cancelled),
            Err(
                error @ (EnvironmentError::NoPython(_)
                | EnvironmentError::TooOld(_)
                | EnvironmentError::AgentFolders(_)),
            ) => return Err(KernelError::NoPython(error.to_string())),
            Err(error) => (None, Some(error.to_string())),
        };
        let mut start = Start {
            kind: KernelKind::Plain,
            python: PathBuf::new(),
            workspace: cell.workspace.clone(),
            spare: cell.spare.clone(),
            kept_folder,
            environment: None,
            readable: Vec::new(),
            env: cell.door.as_ref().map(|door| door.env.clone()).unwrap_or_default(),
            way_out: match &cell.door {
                Some(_) if self.inner.sandbox.can_have_network().is_ok() => WayOut::Listener,
                Some(_) | None => WayOut::None,
            },
            entry: Entry {
                processes: self.inner.processes.clone(),
                owner: ProcessOwner {
                    session_id: SessionId::from(cell.session.clone()),
                    node_id: None,
                    item_id: None,
                },
                title: TITLE.to_owned(),
            },
        };
        if let Some(installed) = &installed {
            start.python = installed.python();
            start.environment = Some(installed.folder().to_owned());
            start.readable = installed.readable();
            if self.inner.sandbox.tier() == Some(Tier::Full) {
                start.kind = KernelKind::Jupyter;
            } else {
                why = self.kind().1;
            }
        } else {
            let found = self
                .inner
                .environment
                .find_python()
                .await
                .map_err(|error| KernelError::NoPython(error.to_string()))?;
            start.readable = found.readable();
            start.python = found.executable;
        }
        let started = Kernel::start(&self.inner.sandbox, start.clone(), &cell.cancel).await;
        let started = match started {
            Err(error) if start.kind == KernelKind::Jupyter && !cell.cancel.is_cancelled() => {
                tracing::warn!(%error, "Jupyter's kernel did not start");
                why = Some(format!("Jupyter's did not start: {error}"));
                start.kind = KernelKind::Plain;
                Kernel::start(&self.inner.sandbox, start, &cell.cancel).await
            }
            other => other,
        };
        match started {
            Ok(kernel) => {
                let why = why.map(|why| {
                    let why = why.trim_end_matches('.');
                    format!("this is not Jupyter's kernel, so there are no % magics: {why}")
                });
                Ok((kernel.holding(installed), why))
            }
            Err(_) if cell.cancel.is_cancelled() => Err(KernelError::Cancelled),
            Err(error) => Err(KernelError::NotStarted(error.to_string())),
        }
    }

    /// The environment; made if it is not there, unless that failed a short while ago.
    async fn installed(
        &self,
        cell: &Cell,
        events: &mpsc::Sender<KernelEvent>,
    ) -> Result<Arc<Installed>, EnvironmentError> {
        if let Some(installed) = self.inner.environment.installed() {
            return Ok(Arc::new(installed));
        }
        if let Some((since, reason)) = &*self.inner.refused.lock().unwrap_or_else(PoisonError::into_inner)
            && since.elapsed() < ASK_AGAIN
        {
            return Err(EnvironmentError::Before(reason.clone()));
        }
        let events = events.clone();
        let tell = move |message: String| {
            // What finds no room is followed by the next.
            let _ = events.try_send(KernelEvent::Progress(message));
        };
        let made = self.inner.environment.create(Renewal::Keep, &tell, &cell.cancel).await;
        if let Err(error) = &made
            && !matches!(error, EnvironmentError::Cancelled | EnvironmentError::AgentFolders(_))
        {
            tracing::warn!(%error, "the Python environment could not be made");
            let reason = Some((Instant::now(), error.to_string()));
            *self.inner.refused.lock().unwrap_or_else(PoisonError::into_inner) = reason;
        }
        made.map(Arc::new)
    }

    /// What is not trusted of what the kernel of a session may hold, in words for people; nothing if no kernel runs.
    /// Names stay in a kernel wherever its session goes.
    pub fn held(&self, session: &str) -> Vec<String> {
        let slot = self.inner.slots.lock().unwrap_or_else(PoisonError::into_inner).get(session).cloned();
        let Some(slot) = slot else { return Vec::new() };
        // One that runs a cell lives.
        if let Ok(slot) = slot.try_lock()
            && slot.kernel.as_ref().is_none_or(|kernel| kernel.ending().is_some())
        {
            return Vec::new();
        }
        self.held_by_all().get(session).cloned().unwrap_or_default()
    }

    /// What of the workspace the kernel of a session may not change; `None` if none runs, so that the next one is started
    /// as its cell says.
    pub fn spared(&self, session: &str) -> Option<Vec<String>> {
        let slot = self.inner.slots.lock().unwrap_or_else(PoisonError::into_inner).get(session).cloned()?;
        // One that runs a cell is not asked.
        let Ok(slot) = slot.try_lock() else { return Some(Vec::new()) };
        let kernel = slot.kernel.as_ref().filter(|kernel| kernel.ending().is_none())?;
        Some(kernel.spared.clone())
    }

    /// Notes what the kernel of a session may hold from now on: what its cell was found to have read. The packages of
    /// the session may hold it as well, beyond its end.
    pub fn hold(&self, session: &str, session_folder: &Path, sources: &[String]) {
        if sources.is_empty() {
            return;
        }
        crate::packages::note(session_folder, sources, MOST_SOURCES);
        let mut all = self.held_by_all();
        let held = all.entry(session.to_owned()).or_default();
        for source in sources {
            if held.len() < MOST_SOURCES && !held.contains(source) {
                held.push(source.clone());
            }
        }
    }

    fn held_by_all(&self) -> std::sync::MutexGuard<'_, HashMap<String, Vec<String>>> {
        self.inner.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that the files of a session were put back to another moment; the next cell says so.
    pub fn files_moved(&self, session: &str) {
        let known = self.inner.slots.lock().unwrap_or_else(PoisonError::into_inner).contains_key(session);
        if known {
            self.inner.moved.lock().unwrap_or_else(PoisonError::into_inner).insert(session.to_owned());
        }
    }

    /// Ends the kernel of a session with all that it started, once its cell has ended.
    pub async fn end_session(&self, session: &str) {
        let slot = self.inner.slots.lock().unwrap_or_else(PoisonError::into_inner).remove(session);
        if let Some(slot) = slot {
            slot.lock().await.end().await;
        }
        self.held_by_all().remove(session);
    }

    /// Ends all kernels.
    pub async fn end_all(&self) {
        let names: Vec<String> =
            self.inner.slots.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect();
        for name in names {
            self.end_session(&name).await;
        }
    }

    fn watch_idle(&self) {
        let inner = Arc::downgrade(&self.inner);
        let (idle, look) = (self.inner.idle, LOOK.min(self.inner.idle));
        self.inner.watched.call_once(|| {
            tokio::spawn(end_idle(inner, idle, look));
        });
    }
}

/// Ends kernels that ran nothing for long, as long as there is somebody who has them.
async fn end_idle(inner: Weak<Inner>, idle: Duration, look: Duration) {
    loop {
        tokio::time::sleep(look).await;
        let Some(inner) = inner.upgrade() else { return };
        let slots: Vec<_> =
            inner.slots.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        drop(inner);
        for slot in slots {
            let Ok(mut slot) = slot.try_lock() else { continue };
            if slot.used.elapsed() < idle {
                continue;
            }
            if slot.kernel.is_some() {
                slot.end().await;
                let idle = match idle.as_secs() / 60 {
                    1 => "a minute".to_owned(),
                    minutes => format!("{minutes} minutes"),
                };
                slot.lost = Some(format!("nobody had used it for {idle}, so it was ended"));
            }
        }
    }
}
