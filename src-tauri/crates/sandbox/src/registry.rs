//! What runs: every command and kernel with its owner, for people to look at and to end; and on disk, so that the next
//! start finds what a crash left.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use okcvm_protocol::{LeftBehind, ProcessId, ProcessInfo, ProcessOwner};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

#[cfg(unix)]
use crate::tree::{boot, started};
#[cfg(windows)]
use crate::windows::started;

/// Marks lie above every limit of time that anybody sets.
const FIRST_MARK: u64 = 1 << 52;

/// Everything that runs for one program. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Processes {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    /// Where records lie; nowhere if absent.
    folder: Option<PathBuf>,
    running: Mutex<BTreeMap<ProcessId, Entered>>,
    changed: Notify,
}

#[derive(Debug)]
struct Entered {
    owner: ProcessOwner,
    title: String,
    pid: Option<u32>,
    started_at: i64,
    end: CancellationToken,
}

/// What a start needs to find what an earlier run left.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    owner: ProcessOwner,
    title: String,
    mark: u64,
    /// The program, by its number, its start and the start of the machine.
    app: u32,
    app_started: Option<u64>,
    boot: Option<String>,
}

/// A process tree that is entered until this is dropped.
#[derive(Debug)]
pub struct Running {
    processes: Processes,
    id: ProcessId,
    record: Option<PathBuf>,
    mark: u64,
    end: CancellationToken,
}

impl Processes {
    /// Keeps records in that folder, which is made when it is needed.
    pub fn in_folder(folder: PathBuf) -> Self {
        Self { inner: Arc::new(Inner { folder: Some(folder), ..Inner::default() }) }
    }

    /// Enters something that is about to start. Whoever starts it waits for [`Running::ended`] and ends it then; the
    /// mark is for the sandbox.
    pub fn enter(&self, owner: ProcessOwner, title: impl Into<String>) -> Running {
        let (id, title, mark) = (ProcessId::new(), title.into(), new_mark());
        let record = self.inner.folder.as_deref().and_then(|folder| {
            let record = Record {
                owner: owner.clone(),
                title: title.clone(),
                mark,
                app: std::process::id(),
                app_started: started(std::process::id()),
                boot: boot(),
            };
            // Without a record a crash leaves no trace here; that is no reason not to run.
            keep(folder, &id, &record)
                .inspect_err(|error| tracing::warn!(%error, "a process could not be recorded"))
                .ok()
        });
        let end = CancellationToken::new();
        let entered = Entered { owner, title, pid: None, started_at: now(), end: end.clone() };
        self.lock().insert(id.clone(), entered);
        self.inner.changed.notify_one();
        Running { processes: self.clone(), id, record, mark, end }
    }

    /// Enters something that runs already: a shorter way where no mark can be given to it.
    pub fn register(&self, owner: ProcessOwner, pid: u32, title: impl Into<String>) -> Running {
        let running = self.enter(owner, title);
        running.started(pid);
        running
    }

    /// What runs, oldest first, with what it uses at this moment.
    pub fn list(&self) -> Vec<ProcessInfo> {
        let running = self.lock();
        let mut list: Vec<ProcessInfo> = running
            .iter()
            .map(|(id, entered)| {
                let measured = entered.pid.map(measure).unwrap_or_default();
                ProcessInfo {
                    id: id.clone(),
                    owner: entered.owner.clone(),
                    title: entered.title.clone(),
                    pid: entered.pid.unwrap_or_default(),
                    started_at: entered.started_at,
                    cpu_ms: measured.cpu_ms,
                    memory: measured.memory,
                    processes: measured.processes,
                }
            })
            .collect();
        drop(running);
        list.sort_by(|left, right| (left.started_at, &left.id).cmp(&(right.started_at, &right.id)));
        list
    }

    /// Asks whoever started it to end it; tells whether there is one of that name.
    pub fn end(&self, id: &ProcessId) -> bool {
        self.lock().get(id).map(|entered| entered.end.cancel()).is_some()
    }

    /// Waits until something was entered or has ended since this was asked last.
    pub async fn changed(&self) {
        self.inner.changed.notified().await;
    }

    /// Ends what programs left that broke off, and tells what it was. Others that still run keep theirs. Blocking, at
    /// most some seconds.
    pub fn sweep(&self) -> Vec<LeftBehind> {
        let Some(folder) = &self.inner.folder else { return Vec::new() };
        let mut left = Vec::new();
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.extension().is_none_or(|extension| extension != "json") {
                continue;
            }
            let Some(record) =
                std::fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<Record>(&bytes).ok())
            else {
                continue;
            };
            let same_boot = record.boot == boot();
            if same_boot && record.app_started.is_some() && started(record.app) == record.app_started {
                continue;
            }
            let (ended, remaining) = if same_boot { end_marked(record.mark) } else { (0, 0) };
            if remaining == 0 {
                let _ = std::fs::remove_file(&path);
            }
            tracing::warn!(title = record.title, ended, remaining, "an earlier run broke off while this ran");
            left.push(LeftBehind { owner: record.owner, title: record.title, ended, remaining });
        }
        left
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<ProcessId, Entered>> {
        self.inner.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    /// Our name for it.
    pub fn id(&self) -> &ProcessId {
        &self.id
    }

    /// Notes its first process.
    pub fn started(&self, pid: u32) {
        if let Some(entered) = self.processes.lock().get_mut(&self.id) {
            entered.pid = Some(pid);
        }
        self.processes.inner.changed.notify_one();
    }

    /// Fires when somebody wants it to end.
    pub fn ended(&self) -> &CancellationToken {
        &self.end
    }

    /// By which its processes are found again, whatever becomes of their parents.
    pub fn mark(&self) -> u64 {
        self.mark
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.processes.lock().remove(&self.id);
        if let Some(record) = &self.record {
            let _ = std::fs::remove_file(record);
        }
        self.processes.inner.changed.notify_one();
    }
}

/// A mark that no other process of this machine has.
pub(crate) fn new_mark() -> u64 {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed) & 0xf_ffff;
    let start = started(std::process::id()).unwrap_or_default() & 0xff;
    FIRST_MARK + ((u64::from(std::process::id()) & 0x3f_ffff) << 28 | start << 20 | count)
}

fn keep(folder: &Path, id: &ProcessId, record: &Record) -> std::io::Result<PathBuf> {
    let path = folder.join(format!("{id}.json"));
    let new = folder.join(format!("{id}.new"));
    let bytes = serde_json::to_vec(record)?;
    if std::fs::write(&new, &bytes).is_err() {
        std::fs::create_dir_all(folder)?;
        std::fs::write(&new, &bytes)?;
    }
    // A record that was cut off would hide what it is about.
    std::fs::rename(&new, &path)?;
    Ok(path)
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

#[derive(Default)]
struct Measured {
    cpu_ms: u64,
    memory: u64,
    processes: u32,
}

#[cfg(unix)]
fn measure(pid: u32) -> Measured {
    let usage = crate::tree::usage(pid);
    Measured {
        cpu_ms: usage.cpu.as_millis() as u64,
        memory: usage.memory,
        processes: u32::try_from(usage.pids.len()).unwrap_or(u32::MAX),
    }
}

/// What a job holds is asked of the job, which only its run has.
#[cfg(not(unix))]
fn measure(_pid: u32) -> Measured {
    Measured::default()
}

/// The start of a process is a moment there, so no number of an earlier run is taken for one of this.
#[cfg(not(unix))]
fn boot() -> Option<String> {
    None
}

/// Ends every bearer of a mark: stopped first, so that none forks while the others are ended. Returns how many ended
/// and how many are left.
#[cfg(unix)]
fn end_marked(mark: u64) -> (u32, u32) {
    use rustix::process::{Pid, Signal, kill_process};
    let signal = |pid: &u32, signal: Signal| {
        if let Some(pid) = i32::try_from(*pid).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, signal);
        }
    };
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
    let mut all = std::collections::BTreeSet::new();
    loop {
        let found = crate::tree::marked(mark);
        if found.is_empty() || std::time::Instant::now() > deadline {
            let count = |pids: usize| u32::try_from(pids).unwrap_or(u32::MAX);
            return (count(all.len() - found.intersection(&all).count()), count(found.len()));
        }
        if found.is_subset(&all) {
            for pid in &found {
                signal(pid, Signal::KILL);
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        } else {
            for pid in &found {
                signal(pid, Signal::STOP);
            }
        }
        all.extend(found);
    }
}

/// There nothing is left by a crash, since the system ends a job with its last handle.
#[cfg(not(unix))]
fn end_marked(_mark: u64) -> (u32, u32) {
    (0, 0)
}
