//! Watching the workspace for changes.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};

use crate::error::WorkspaceError;
use crate::name::encode_name;
use crate::write::TEMPORARY_PREFIX;

/// Changes within this time of the first are told together.
const DEBOUNCE: Duration = Duration::from_millis(100);
/// More paths than this are told as "anything".
const MAX_PATHS: usize = 1_000;
/// Folders whose inside is not watched: it changes by the thousand and nobody looks at it.
const NOT_ENTERED: [&str; 5] = [".git", "node_modules", "__pycache__", ".venv", "venv"];

/// How much of the workspace is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coverage {
    /// Every folder.
    Complete,
    /// The system's limit of watches was reached; changes in some folders come untold.
    Partial,
}

/// A running watch; it ends when this is dropped.
#[derive(Debug)]
pub struct Watch {
    sender: Sender<Message>,
    thread: Option<JoinHandle<()>>,
    coverage: Coverage,
}

enum Message {
    Event(notify::Result<Event>),
    Stop,
}

/// Watches the folder `root` and calls `on_change`, on a thread of its own and at most every 100 ms, with
/// the changed paths relative to `root`. A path of a folder stands for everything in it; an empty list
/// means that anything may have changed (events were lost, a folder was renamed, or there were too many).
/// What lies inside of `.git`, `node_modules` and the like is not told, nor are our own unfinished writes.
pub fn watch(root: &Path, on_change: Box<dyn Fn(Vec<String>) + Send>) -> Result<Watch, WorkspaceError> {
    let failed = |reason: String| WorkspaceError::Watch { path: root.to_string_lossy().into_owned(), reason };
    let root = std::fs::canonicalize(root).map_err(|error| failed(error.to_string()))?;
    let (sender, receiver) = channel();
    let events = sender.clone();
    let watcher = notify::recommended_watcher(move |event| {
        // The receiver is gone only when the watch ends.
        let _ = events.send(Message::Event(event));
    })
    .map_err(|error| failed(error.to_string()))?;
    let mut watching = Watching { root, watcher, folders: HashSet::new(), coverage: Coverage::Complete };
    watching.start().map_err(|error| failed(error.to_string()))?;
    let coverage = watching.coverage;
    let thread = std::thread::Builder::new()
        .name("workspace-watch".to_owned())
        .spawn(move || watching.run(&receiver, &*on_change))
        .map_err(|error| failed(error.to_string()))?;
    Ok(Watch { sender, thread: Some(thread), coverage })
}

impl Watch {
    /// How much is watched, as of the start.
    pub fn coverage(&self) -> Coverage {
        self.coverage
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.sender.send(Message::Stop);
        if let Some(thread) = self.thread.take()
            // Dropped by its own callback, it ends by itself right after.
            && thread.thread().id() != std::thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("the watch of a workspace panicked");
        }
    }
}

/// What has changed since the last telling.
enum Pending {
    Paths(BTreeSet<String>),
    Anything,
}

impl Pending {
    fn none() -> Self {
        Self::Paths(BTreeSet::new())
    }

    fn is_none(&self) -> bool {
        matches!(self, Self::Paths(paths) if paths.is_empty())
    }

    fn add(&mut self, path: String) {
        if let Self::Paths(paths) = self {
            paths.insert(path);
            if paths.len() > MAX_PATHS {
                *self = Self::Anything;
            }
        }
    }

    fn take(&mut self) -> Vec<String> {
        match std::mem::replace(self, Self::none()) {
            Self::Paths(paths) => paths.into_iter().collect(),
            Self::Anything => Vec::new(),
        }
    }
}

struct Watching {
    root: PathBuf,
    watcher: RecommendedWatcher,
    /// The folders that have a watch of their own; unused where one watch covers all.
    folders: HashSet<PathBuf>,
    coverage: Coverage,
}

/// Inotify watches single folders, which lets us leave some out; the other systems watch whole trees.
const ONE_WATCH_PER_FOLDER: bool = cfg!(any(target_os = "linux", target_os = "android"));

impl Watching {
    fn start(&mut self) -> notify::Result<()> {
        if !ONE_WATCH_PER_FOLDER {
            return self.watcher.watch(&self.root, RecursiveMode::Recursive);
        }
        self.watcher.watch(&self.root, RecursiveMode::NonRecursive)?;
        self.folders.insert(self.root.clone());
        self.add_below(&self.root.clone());
        Ok(())
    }

    fn run(mut self, receiver: &Receiver<Message>, on_change: &dyn Fn(Vec<String>)) {
        let mut pending = Pending::none();
        let mut due: Option<Instant> = None;
        loop {
            let message = match due {
                None => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(due) => receiver.recv_timeout(due.saturating_duration_since(Instant::now())),
            };
            match message {
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(Message::Event(event)) => self.handle(event, &mut pending),
                Err(RecvTimeoutError::Timeout) => {}
            }
            match due {
                Some(time) if Instant::now() >= time => {
                    due = None;
                    if !pending.is_none() {
                        on_change(pending.take());
                    }
                }
                None if !pending.is_none() => due = Some(Instant::now() + DEBOUNCE),
                Some(_) | None => {}
            }
        }
    }

    fn handle(&mut self, event: notify::Result<Event>, pending: &mut Pending) {
        let event = match event {
            Ok(event) => event,
            Err(error) => {
                tracing::debug!(%error, "a watch reported an error");
                *pending = Pending::Anything;
                return;
            }
        };
        if event.need_rescan() {
            // Folders may have come without a word; without a watch they would stay silent.
            *pending = Pending::Anything;
            if ONE_WATCH_PER_FOLDER {
                self.add_below(&self.root.clone());
            }
            return;
        }
        if is_no_change(event.kind) {
            return;
        }
        for path in &event.paths {
            let Some(relative) = self.told_as(path) else { continue };
            if relative.is_empty() {
                *pending = Pending::Anything;
                continue;
            }
            if ONE_WATCH_PER_FOLDER {
                self.follow(event.kind, path, pending);
            }
            pending.add(relative);
        }
    }

    /// Keeps the watches of single folders in step with the folders that come, move and go.
    fn follow(&mut self, kind: EventKind, path: &Path, pending: &mut Pending) {
        let moved_or_gone = matches!(kind, EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_)));
        if moved_or_gone && self.folders.contains(path) {
            let below: Vec<PathBuf> =
                self.folders.iter().filter(|folder| folder.starts_with(path)).cloned().collect();
            for folder in below {
                // A moved folder keeps its watch and would report its old name.
                let _ = self.watcher.unwatch(&folder);
                self.folders.remove(&folder);
            }
            *pending = Pending::Anything;
        }
        let may_be_new = matches!(kind, EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(_)));
        if may_be_new && path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
            self.add(path);
            self.add_below(path);
        }
    }

    fn add(&mut self, folder: &Path) {
        if folder.file_name().is_some_and(is_not_entered) {
            return;
        }
        match self.watcher.watch(folder, RecursiveMode::NonRecursive) {
            Ok(()) => {
                self.folders.insert(folder.to_path_buf());
            }
            Err(error) if folder.is_dir() => {
                if self.coverage == Coverage::Complete {
                    tracing::warn!(?folder, %error, "not every folder of the workspace can be watched");
                }
                self.coverage = Coverage::Partial;
            }
            // Gone again.
            Err(_) => {}
        }
    }

    fn add_below(&mut self, folder: &Path) {
        if folder.file_name().is_some_and(is_not_entered) && folder != self.root {
            return;
        }
        let mut ahead = vec![folder.to_path_buf()];
        while let Some(folder) = ahead.pop() {
            let Ok(entries) = std::fs::read_dir(&folder) else { continue };
            for entry in entries.flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) && !is_not_entered(&entry.file_name()) {
                    let path = entry.path();
                    if !self.folders.contains(&path) {
                        self.add(&path);
                    }
                    ahead.push(path);
                }
            }
        }
    }

    /// The path as it is told, or `None` if it is not.
    fn told_as(&self, path: &Path) -> Option<String> {
        let relative = path.strip_prefix(&self.root).ok()?;
        let mut parts = relative.components().map(std::path::Component::as_os_str).peekable();
        while let Some(part) = parts.next() {
            if part.as_encoded_bytes().starts_with(TEMPORARY_PREFIX.as_bytes()) {
                return None;
            }
            if parts.peek().is_some() && is_not_entered(part) {
                return None;
            }
        }
        Some(encode_name(relative.as_os_str()))
    }
}

fn is_not_entered(name: &std::ffi::OsStr) -> bool {
    NOT_ENTERED.iter().any(|left_out| name == *left_out)
}

/// Reading a file is an event, too.
fn is_no_change(kind: EventKind) -> bool {
    matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
