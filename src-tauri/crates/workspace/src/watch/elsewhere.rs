//! The watch where there is no inotify: `notify` watches whole trees, the cookies with the same watcher.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Instant;

use notify::event::{AccessKind, AccessMode, CreateKind, EventKind, RemoveKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};

use super::Watch;
use super::changes::{PathKind, WhyEverything};
use super::conditions::Conditions;
use super::telling::Telling;
use super::tracker::{Bell, Identity, Noticed, Ring, Shared};
use crate::left_out::{forbidden_name, tool_folder};
use crate::write::TEMPORARY_PREFIX;

enum Message {
    Event(notify::Result<Event>),
    Ring(Ring),
}

impl Bell for Sender<Message> {
    fn ring(&self, ring: Ring) {
        // Nobody hears it after the end.
        let _ = self.send(Message::Ring(ring));
    }
}

/// Starts the watch; it stands when this returns.
pub(super) fn begin(
    conditions: Conditions,
    root: PathBuf,
    cookies: PathBuf,
    telling: Telling,
) -> std::io::Result<Watch> {
    let (sender, receiver) = channel();
    let shared = Arc::new(Shared::new(root, cookies, conditions, Box::new(sender.clone())));
    shared.prepare_cookies()?;
    let mut watching = Watching { shared: Arc::clone(&shared), telling, events: sender, watcher: None };
    watching.stand(WhyEverything::First).map_err(std::io::Error::other)?;
    let thread = std::thread::Builder::new()
        .name("workspace-watch".to_owned())
        .spawn(move || watching.run(&receiver))?;
    Ok(Watch { shared, thread: Some(thread) })
}

struct Watching {
    shared: Arc<Shared>,
    telling: Telling,
    events: Sender<Message>,
    watcher: Option<RecommendedWatcher>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.shared.end();
    }
}

impl Watching {
    fn run(mut self, receiver: &Receiver<Message>) {
        loop {
            let message = match self.telling.due() {
                None => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(due) => receiver.recv_timeout(due.saturating_duration_since(Instant::now())),
            };
            let why = match message {
                Ok(Message::Ring(Ring::Stop)) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(Message::Ring(Ring::Look)) if self.shared.is_doubtful() => Some(WhyEverything::LostWatch),
                Ok(Message::Ring(Ring::Look)) | Err(RecvTimeoutError::Timeout) => None,
                Ok(Message::Event(Ok(event))) if event.need_rescan() => Some(WhyEverything::Overflow),
                Ok(Message::Event(Ok(event))) => self.handle(&event).err(),
                Ok(Message::Event(Err(error))) => {
                    tracing::debug!(%error, "a watch reported an error");
                    Some(WhyEverything::LostWatch)
                }
            };
            if let Some(why) = why {
                self.shared.lose(why.clone());
                self.watcher = None;
                if let Err(error) = self.stand(why) {
                    // The next question looks again.
                    tracing::warn!(%error, "the workspace cannot be watched now");
                    self.shared.stands(WhyEverything::LostWatch, None, None);
                }
            }
            self.telling.tell_if_due();
        }
    }

    fn stand(&mut self, why: WhyEverything) -> notify::Result<()> {
        self.shared.prepare_cookies()?;
        let identity = Identity::of(&self.shared.root);
        let events = self.events.clone();
        let mut watcher = notify::recommended_watcher(move |event| {
            // The receiver is gone only when the watch ends.
            let _ = events.send(Message::Event(event));
        })?;
        watcher.watch(&self.shared.cookies, RecursiveMode::NonRecursive)?;
        watcher.watch(&self.shared.root, RecursiveMode::Recursive)?;
        self.watcher = Some(watcher);
        let lasting = (self.shared.conditions.file_system)(&self.shared.root);
        self.shared.stands(why, identity, lasting);
        self.telling.add_anything();
        Ok(())
    }

    fn handle(&mut self, event: &Event) -> Result<(), WhyEverything> {
        if is_no_change(event.kind) {
            return Ok(());
        }
        let kind = match event.kind {
            EventKind::Create(CreateKind::Folder) | EventKind::Remove(RemoveKind::Folder) => PathKind::Folder,
            _ => PathKind::Other,
        };
        let mut noticed = Noticed::default();
        for path in &event.paths {
            if path.parent() == Some(&self.shared.cookies) {
                let name = path.file_name().unwrap_or_default();
                noticed.cookies.extend(self.shared.cookie_number(name.as_bytes()));
            } else if *path == self.shared.root {
                return Err(WhyEverything::LostWatch);
            } else if let Ok(relative) = path.strip_prefix(&self.shared.root)
                && is_told(relative)
            {
                self.telling.add(relative.as_os_str().as_bytes());
                noticed.paths.push((relative.as_os_str().as_bytes().to_vec(), kind));
            }
        }
        self.shared.add(&noticed);
        Ok(())
    }
}

fn is_told(relative: &Path) -> bool {
    let mut names = relative.iter().map(OsStrExt::as_bytes).peekable();
    while let Some(name) = names.next() {
        let inside = names.peek().is_some();
        if name.starts_with(TEMPORARY_PREFIX.as_bytes())
            || (inside && (tool_folder(name).is_some() || forbidden_name(name).is_some()))
        {
            return false;
        }
    }
    true
}

/// Reading a file is an event, too.
fn is_no_change(kind: EventKind) -> bool {
    matches!(kind, EventKind::Access(access) if access != AccessKind::Close(AccessMode::Write))
}
