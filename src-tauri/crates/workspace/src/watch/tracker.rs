//! The exact set of changed paths, and the question for it.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::changes::{Changes, Collected, PathKind, WhyEverything};
use super::conditions::Conditions;
use crate::write::TEMPORARY_PREFIX;

/// The two clocks are not read at the same moment; less than this is no sleep.
const SLEPT: Duration = Duration::from_secs(1);
/// A cookie that is older was probably left behind by a program that ended; if not, it gets a new one.
const STALE_COOKIE: Duration = Duration::from_secs(600);

/// What changed in a workspace since the last asking, collected by a [`Watch`](crate::Watch). A clone is
/// cheap and is the same set; any thread may ask, and two that ask at once get different parts of it. It
/// outlives its watch and then answers [`WhyEverything::Ended`].
///
/// What no watch can see, so that only a scan finds it: writes through a memory mapping (only closing the
/// file that it came from tells), writes by another hard link of the file (only that name is told), and
/// what happens inside of the folders that snapshots leave out by name.
#[derive(Clone)]
pub struct ChangeTracker {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for ChangeTracker {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ChangeTracker").field("root", &self.shared.root).finish_non_exhaustive()
    }
}

impl ChangeTracker {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Takes out what changed until now.
    ///
    /// A cookie is written and its event awaited for at most `patience`; events keep their order, so that
    /// every change that was complete before this call is in the answer (or was in an earlier one). Changes
    /// that go on meanwhile are in this answer, the next one, or both. So whoever looks at the named
    /// paths after this returned, or at everything if it says so, misses nothing.
    pub fn take(&self, patience: Duration) -> Changes {
        let shared = &*self.shared;
        // Asked before the lock is taken, so that the thread of the watch goes on meanwhile.
        let (suspended, identity) = ((shared.conditions.suspended)(), Identity::of(&shared.root));
        let mut state = shared.state();
        if state.lasting.is_none() {
            shared.doubt(&mut state, suspended, identity);
        }
        if let Some(changes) = state.known_everything() {
            return changes;
        }
        let number = shared.next_cookie.fetch_add(1, Ordering::Relaxed);
        state.awaited.insert(number, Arrival::Awaited);
        drop(state);
        let written = shared.write_cookie(number);
        if written.is_ok() {
            shared.bell.hear();
        }
        let until = Instant::now() + patience;
        let mut state = shared.state();
        let changes = loop {
            if let Some(changes) = state.known_everything() {
                break changes;
            }
            if let Err(error) = &written {
                state.collected.take();
                shared.bell.ring(Ring::Look);
                break Changes::Everything(WhyEverything::Failed(error.to_string()));
            }
            if state.awaited.get(&number) == Some(&Arrival::Arrived) {
                break state.collected.take();
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                // All of it happened before the scan that has to follow.
                state.collected.take();
                shared.bell.ring(Ring::Look);
                break Changes::Everything(WhyEverything::Late);
            }
            if let Some(arrival) = state.awaited.get_mut(&number) {
                *arrival = Arrival::SleptFor;
            }
            state = shared.woken.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        };
        state.awaited.remove(&number);
        changes
    }

    /// Adds paths that were written by ourselves: relative to the workspace, raw bytes with `/`.
    pub fn note(&self, paths: &[Vec<u8>]) {
        let mut state = self.shared.state();
        for path in paths {
            if !is_unfinished(path) {
                state.collected.add(path, PathKind::Other);
            }
        }
    }

    /// Gives back what was taken, since it could not be made use of.
    pub fn put_back(&self, changes: Changes) {
        match changes {
            Changes::Paths(paths) => {
                let mut state = self.shared.state();
                for path in paths {
                    state.collected.add(&path, PathKind::Other);
                }
            }
            Changes::Everything(why) => self.shared.state().collected.add_everything(why),
        }
    }
}

/// Whether the path is, or lies in, an unfinished write of ours.
fn is_unfinished(path: &[u8]) -> bool {
    path.split(|byte| *byte == b'/').any(|name| name.starts_with(TEMPORARY_PREFIX.as_bytes()))
}

/// What the thread of a watch is called for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ring {
    /// Something seems wrong with the root or the cookies.
    Look,
    /// The watch ends.
    Stop,
}

/// Calls the thread of a watch.
pub(super) trait Bell: Send + Sync {
    fn ring(&self, ring: Ring);

    /// Reads what the system has to tell on the thread of who asks, unless the thread of the watch is at it. To
    /// wait until that one is woken, and then until it has woken this one, takes several times as long.
    fn hear(&self) {}
}

/// Which folder it is, whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
}

impl Identity {
    /// Of the folder that a path leads to now.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let found = std::fs::symlink_metadata(path).ok()?;
        Some(Self { device: found.dev(), inode: found.ino() })
    }
}

/// What the thread of a watch and its trackers share.
pub(super) struct Shared {
    pub(super) root: PathBuf,
    pub(super) cookies: PathBuf,
    pub(super) conditions: Conditions,
    bell: Box<dyn Bell>,
    /// How our own cookies begin: another program may use the same folder.
    cookie_prefix: String,
    next_cookie: AtomicU64,
    /// The number of the cookie that is there.
    cookie: Mutex<Option<u64>>,
    state: Mutex<State>,
    woken: Condvar,
}

struct State {
    collected: Collected,
    /// As long as this is there, a scan clears nothing.
    lasting: Option<WhyEverything>,
    awaited: HashMap<u64, Arrival>,
    suspended: Duration,
    identity: Option<Identity>,
}

#[derive(PartialEq, Eq)]
enum Arrival {
    Awaited,
    /// Who awaits it sleeps.
    SleptFor,
    Arrived,
}

impl State {
    /// The answer if no cookie can make it better.
    fn known_everything(&mut self) -> Option<Changes> {
        match &self.lasting {
            Some(why) => Some(Changes::Everything(why.clone())),
            None => self.collected.is_everything().then(|| self.collected.take()),
        }
    }
}

/// What was read from the system in one go.
#[derive(Default)]
pub(super) struct Noticed {
    pub(super) paths: Vec<(Vec<u8>, PathKind)>,
    pub(super) cookies: Vec<u64>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        let named = self.cookie.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Err(error)) = named.map(|number| std::fs::remove_file(self.cookie(number))) {
            tracing::debug!(%error, "the cookie of a watch could not be removed");
        }
    }
}

impl Shared {
    pub(super) fn new(root: PathBuf, cookies: PathBuf, conditions: Conditions, bell: Box<dyn Bell>) -> Self {
        static WATCHES: AtomicU64 = AtomicU64::new(0);
        let started = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let watch = WATCHES.fetch_add(1, Ordering::Relaxed);
        // A process of another container may have our number.
        let cookie_prefix = format!("{}-{:x}-{watch}-", std::process::id(), started.as_nanos());
        let state = State {
            collected: Collected::new(conditions.max_paths),
            lasting: Some(WhyEverything::First),
            awaited: HashMap::new(),
            suspended: (conditions.suspended)(),
            identity: None,
        };
        Self {
            root,
            cookies,
            conditions,
            bell,
            cookie_prefix,
            next_cookie: AtomicU64::new(0),
            cookie: Mutex::default(),
            state: Mutex::new(state),
            woken: Condvar::new(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change of the state is complete at each point where it could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks for what no event tells: a sleep of the machine, another folder in the place of the root.
    fn doubt(&self, state: &mut State, suspended: Duration, identity: Option<Identity>) {
        if suspended.saturating_sub(state.suspended) > SLEPT {
            state.collected.add_everything(WhyEverything::Asleep);
        }
        // Two that ask at once come here in any order.
        state.suspended = suspended.max(state.suspended);
        if identity != state.identity {
            state.lasting = Some(WhyEverything::LostWatch);
            self.bell.ring(Ring::Look);
        }
    }

    /// Adds what was noticed, then wakes those whose cookies came.
    pub(super) fn add(&self, noticed: &Noticed) {
        if noticed.paths.is_empty() && noticed.cookies.is_empty() {
            return;
        }
        let mut state = self.state();
        for (path, kind) in &noticed.paths {
            state.collected.add(path, *kind);
        }
        let mut sleeping = false;
        for number in &noticed.cookies {
            if let Some(arrival) = state.awaited.get_mut(number) {
                sleeping |= std::mem::replace(arrival, Arrival::Arrived) == Arrival::SleptFor;
            }
        }
        drop(state);
        if sleeping {
            self.woken.notify_all();
        }
    }

    /// Gives the cookie its next name, which is an event like that of a new file. To make and remove a file
    /// each time costs more: some file systems search long for an inode that was not in use just before.
    fn write_cookie(&self, number: u64) -> std::io::Result<()> {
        let mut named = self.cookie.lock().unwrap_or_else(PoisonError::into_inner);
        let next = self.cookie(number);
        let renamed = named.take().is_some_and(|last| std::fs::rename(self.cookie(last), &next).is_ok());
        if !renamed {
            File::create_new(&next)?;
        }
        *named = Some(number);
        Ok(())
    }

    fn cookie(&self, number: u64) -> PathBuf {
        self.cookies.join(format!("{}{number}", self.cookie_prefix))
    }

    /// The number of a cookie of ours.
    pub(super) fn cookie_number(&self, name: &[u8]) -> Option<u64> {
        let rest = name.strip_prefix(self.cookie_prefix.as_bytes())?;
        std::str::from_utf8(rest).ok()?.parse().ok()
    }

    /// From now on, until [`Shared::stands`], every answer is this one.
    pub(super) fn lose(&self, why: WhyEverything) {
        let mut state = self.state();
        if state.lasting != Some(WhyEverything::Ended) {
            state.lasting = Some(why);
        }
        self.woken.notify_all();
    }

    /// The watch stands (again) on the folder `identity`. What happened before, nobody counted; `lasting`
    /// says that it cannot be relied on even now.
    pub(super) fn stands(
        &self,
        why: WhyEverything,
        identity: Option<Identity>,
        lasting: Option<WhyEverything>,
    ) {
        let mut state = self.state();
        if state.lasting == Some(WhyEverything::Ended) {
            return;
        }
        state.collected.take();
        state.collected.add_everything(why);
        state.lasting = lasting;
        state.identity = identity;
        self.woken.notify_all();
    }

    /// Whether the watch may be on another folder than the one that bears the name, or none.
    pub(super) fn is_doubtful(&self) -> bool {
        let state = self.state();
        state.lasting.is_some() || state.identity != Identity::of(&self.root)
    }

    pub(super) fn ring(&self, ring: Ring) {
        self.bell.ring(ring);
    }

    pub(super) fn end(&self) {
        self.lose(WhyEverything::Ended);
    }

    /// Makes the folder of the cookies and removes what programs left there that ended.
    pub(super) fn prepare_cookies(&self) -> std::io::Result<()> {
        std::fs::create_dir_all(&self.cookies)?;
        for entry in std::fs::read_dir(&self.cookies)?.flatten() {
            let age = entry.metadata().and_then(|found| found.modified()).map(|time| time.elapsed());
            if matches!(age, Ok(Ok(age)) if age > STALE_COOKIE) {
                // Another program may sweep at the same time.
                let _ = std::fs::remove_file(entry.path());
            }
        }
        Ok(())
    }
}

/// The patience that a caller without a reason of its own has with a watch.
pub const PATIENCE: Duration = Duration::from_millis(500);
