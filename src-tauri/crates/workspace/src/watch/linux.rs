//! The thread that reads inotify, and whoever asks in its place.

use std::ffi::CStr;
use std::fs::File;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, TryLockError, Weak};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fs::inotify::{ReadFlags, Reader};
use rustix::io::Errno;

use super::changes::{PathKind, WhyEverything};
use super::folders::{Folders, Watched, is_left_out, joined};
use super::mounts::Mounts;
use super::telling::Telling;
use super::tracker::{Bell, Identity, Noticed, Ring, Shared};
use crate::write::TEMPORARY_PREFIX;

/// Events that are read in one go.
const BUFFER: usize = 64 * 1024;
/// Rebuilding the watches more often than this would only serve the storm that makes it necessary.
const BETWEEN_REBUILDS: Duration = Duration::from_secs(1);
/// How soon a watch that could not be set is tried again; doubled each time.
const FIRST_MENDING: Duration = Duration::from_secs(5);
const LAST_MENDING: Duration = Duration::from_secs(300);
/// How long whoever asks sets watches of folders that just came; then the thread does the rest.
const HELPING: Duration = Duration::from_millis(5);
/// How long the thread lets events gather. To be woken by each of many costs more than to read it, and in this time the
/// queue of the system, of 16,384 events, does not fill.
const GATHERING: Duration = Duration::from_millis(2);

/// How the kernel answers a poll of its list of mounts when it changed.
const CHANGED: PollFlags = PollFlags::PRI.union(PollFlags::ERR);

/// Wakes the thread out of its waiting, or does its work.
pub(super) struct LinuxBell {
    wakes: OwnedFd,
    stop: AtomicBool,
    look: AtomicBool,
    /// Somebody waits for what comes, so that it must not gather.
    asked: AtomicBool,
    /// What the thread works with.
    watching: OnceLock<Weak<Mutex<Watching>>>,
}

impl LinuxBell {
    pub(super) fn new() -> Result<Self, Errno> {
        let wakes = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let no = || AtomicBool::new(false);
        Ok(Self { wakes, stop: no(), look: no(), asked: no(), watching: OnceLock::new() })
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    fn wake(&self) {
        // Full only if it was rung very often and never heard.
        let _ = rustix::io::write(&self.wakes, &1_u64.to_ne_bytes());
    }

    /// Waits until there is something to do, at most until `next`; whether the list of mounts changed. An error is the
    /// end.
    fn wait(&self, next: Option<Instant>, heed: &Heed) -> Result<bool, ()> {
        let left = next.map(|time| time.saturating_duration_since(Instant::now()));
        // A full millisecond more, lest it wakes just before its time.
        let timeout = left.map(|left| {
            let left = left + Duration::from_millis(1);
            Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() }
        });
        // A pause between two beginnings may have heard the bell already.
        if self.stopped() {
            return Err(());
        }
        let mut asked = vec![PollFd::new(&self.wakes, PollFlags::IN)];
        asked.extend(heed.mounts.as_ref().map(|mounts| PollFd::new(mounts, PollFlags::PRI)));
        asked.extend(heed.events.as_ref().map(|events| PollFd::new(events, PollFlags::IN)));
        if let Err(error) = poll(&mut asked, timeout.as_ref())
            && error != Errno::INTR
        {
            tracing::error!(%error, "the watch of a workspace cannot wait");
            return Err(());
        }
        // After the bell come the mounts, if they are there at all; a reading too many does no harm.
        let mounts_changed = asked.get(1).is_some_and(|asked| asked.revents().intersects(CHANGED));
        if asked.first().is_some_and(|bell| !bell.revents().is_empty()) {
            let mut count = [0_u8; 8];
            // Only to silence it.
            let _ = rustix::io::read(&self.wakes, &mut count);
        }
        if self.stopped() { Err(()) } else { Ok(mounts_changed) }
    }
}

/// What a waiting is interrupted by, beside the bell.
#[derive(Default)]
struct Heed {
    mounts: Option<Arc<File>>,
    events: Option<Arc<OwnedFd>>,
}

impl Bell for Arc<LinuxBell> {
    fn ring(&self, ring: Ring) {
        match ring {
            Ring::Look => self.look.store(true, Ordering::Release),
            Ring::Stop => self.stop.store(true, Ordering::Release),
        }
        self.wake();
    }

    fn hear(&self) {
        // Before the lock is tried: the thread looks at this after it has let go of it.
        self.asked.store(true, Ordering::SeqCst);
        let Some(watching) = self.watching.get().and_then(Weak::upgrade) else { return };
        if let Ok(mut watching) = watching.try_lock() {
            // Another one may ask meanwhile.
            while self.asked.swap(false, Ordering::SeqCst) {
                watching.help();
            }
        }
    }
}

/// Starts the thread; the root is watched when this returns, the folders below it follow.
pub(super) fn start(
    shared: Arc<Shared>,
    bell: Arc<LinuxBell>,
    telling: Telling,
) -> std::io::Result<JoinHandle<()>> {
    let folders = Folders::begin(&shared)?;
    let mounts = Mounts::open(&shared.root);
    let watching = Watching {
        shared,
        bell: Arc::clone(&bell),
        telling,
        mounts,
        folders: Some(folders),
        buffer: vec![MaybeUninit::uninit(); BUFFER],
        cookies: Vec::new(),
        broken: None,
        rebuilt: Instant::now(),
        mending: FIRST_MENDING,
        mend_at: None,
    };
    let watching = Arc::new(Mutex::new(watching));
    // It is set only here, once.
    let _ = bell.watching.set(Arc::downgrade(&watching));
    std::thread::Builder::new().name("workspace-watch".to_owned()).spawn(move || run(&watching, &bell))
}

/// What the thread works with, and whoever asks while it does not.
struct Watching {
    shared: Arc<Shared>,
    bell: Arc<LinuxBell>,
    telling: Telling,
    mounts: Option<Mounts>,
    /// Absent while the root is not there, or the system gives no instance.
    folders: Option<Folders>,
    buffer: Vec<MaybeUninit<u8>>,
    /// Cookies that came, and are not told before the folders that came earlier are watched.
    cookies: Vec<u64>,
    /// Why the thread has to begin anew.
    broken: Option<WhyEverything>,
    rebuilt: Instant,
    mending: Duration,
    mend_at: Option<Instant>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        // However the thread ends, nobody may trust the set.
        self.shared.end();
    }
}

/// What the thread does. It ends as well when somebody panicked over events that were read and not told.
fn run(watching: &Mutex<Watching>, bell: &LinuxBell) {
    let Ok(mut begun) = watching.lock() else { return };
    begun.stand(WhyEverything::First);
    let mut awaited = begun.awaited();
    drop(begun);
    let mut mounts_changed = false;
    while let Ok(changed) = bell.wait(awaited.0, &awaited.1) {
        mounts_changed |= changed;
        let gathers = match watching.try_lock() {
            Ok(mut watching) => {
                let read = watching.work(mounts_changed);
                awaited = watching.awaited();
                mounts_changed = false;
                drop(watching);
                !bell.asked.swap(false, Ordering::SeqCst) && read
            }
            // Somebody asks, and reads what there is.
            Err(TryLockError::WouldBlock) => true,
            Err(TryLockError::Poisoned(_)) => return,
        };
        if gathers {
            awaited = (Some(Instant::now() + GATHERING), Heed::default());
        }
    }
}

impl Watching {
    /// Until when the thread waits at most, and for what.
    fn awaited(&self) -> (Option<Instant>, Heed) {
        let next = [self.telling.due(), self.mend_at].into_iter().flatten().min();
        // Not of events that nobody reads before it is mended.
        let events = self.folders.as_ref().map(Folders::queue);
        (next, Heed { mounts: self.mounts.as_ref().map(Mounts::awaited), events })
    }

    /// Does what is to be done; whether there were events.
    fn work(&mut self, mounts_changed: bool) -> bool {
        if mounts_changed && let Some(mounts) = &mut self.mounts {
            mounts.see();
        }
        if let Some(why) = self.broken.take() {
            self.rebuild(why);
        }
        if self.bell.look.swap(false, Ordering::AcqRel) && self.is_doubtful() {
            self.rebuild(WhyEverything::LostWatch);
        }
        if self.mend_at.is_some_and(|time| Instant::now() >= time) {
            self.rebuild(WhyEverything::LostWatch);
        }
        if self.mounts.as_mut().is_some_and(Mounts::changed_as_seen) {
            self.rebuild(WhyEverything::LostWatch);
        }
        let bell = Arc::clone(&self.bell);
        let read = match self.read(&|| bell.stopped()) {
            Ok(count) => count > 0,
            Err(why) => {
                self.rebuild(why);
                false
            }
        };
        self.telling.tell_if_due();
        read
    }

    /// Reads what there is for somebody who asks, and leaves what takes long to the thread.
    fn help(&mut self) {
        if self.broken.is_some() {
            return;
        }
        let before = (self.telling.due(), self.mend_at);
        let until = Instant::now() + HELPING;
        let bell = Arc::clone(&self.bell);
        if let Err(why) = self.read(&|| bell.stopped() || Instant::now() >= until) {
            self.shared.lose(why.clone());
            self.broken = Some(why);
        }
        let behind = self.folders.as_ref().is_some_and(Folders::is_behind);
        if behind || self.broken.is_some() || before != (self.telling.due(), self.mend_at) {
            bell.wake();
        }
    }

    fn is_doubtful(&self) -> bool {
        self.shared.is_doubtful() || !self.shared.cookies.is_dir() || self.folders.is_none()
    }

    /// Reads events that are there, as many as fit; how many there were. An error is the reason to begin anew.
    fn read(&mut self, stop: &dyn Fn() -> bool) -> Result<usize, WhyEverything> {
        let Some(folders) = &mut self.folders else { return Ok(0) };
        folders.go_on(stop);
        let mut reader = Reader::new(folders.queue(), &mut self.buffer);
        let mut noticed = Noticed::default();
        let mut count = 0;
        loop {
            match reader.next() {
                Ok(event) => {
                    let name = event.file_name().map_or([].as_slice(), CStr::to_bytes);
                    let event = Event { watch: event.wd(), flags: event.events(), name };
                    notice(folders, &self.shared, event, &mut noticed, stop)?;
                    count += 1;
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(error) => return Err(WhyEverything::Failed(error.to_string())),
            }
            if reader.is_buffer_empty() {
                break;
            }
        }
        self.hand_over(noticed).map(|()| count)
    }

    fn hand_over(&mut self, mut noticed: Noticed) -> Result<(), WhyEverything> {
        for (path, _) in &noticed.paths {
            self.telling.add(path);
        }
        self.cookies.append(&mut noticed.cookies);
        if !self.folders.as_ref().is_some_and(Folders::is_behind) {
            noticed.cookies = std::mem::take(&mut self.cookies);
        }
        if !noticed.cookies.is_empty() && self.mounts.as_mut().is_some_and(Mounts::changed) {
            return Err(WhyEverything::LostWatch);
        }
        if self.mend_at.is_none() && self.folders.as_ref().is_some_and(Folders::is_incomplete) {
            self.shared.lose(WhyEverything::LostWatch);
            self.mend_later();
        }
        self.shared.add(&noticed);
        Ok(())
    }

    /// Throws all watches away and begins anew: after lost events nobody knows which folder is which.
    fn rebuild(&mut self, why: WhyEverything) {
        tracing::debug!(root = ?self.shared.root, %why, "the watch begins anew");
        self.shared.lose(why.clone());
        self.folders = None;
        self.cookies.clear();
        self.mend_at = None;
        let next = self.rebuilt + BETWEEN_REBUILDS;
        while Instant::now() < next {
            if self.bell.wait(Some(next), &Heed::default()).is_err() {
                return;
            }
        }
        self.rebuilt = Instant::now();
        self.mounts = Mounts::open(&self.shared.root);
        let begun = self.shared.prepare_cookies().and_then(|()| Ok(Folders::begin(&self.shared)?));
        match begun {
            Ok(folders) => {
                self.folders = Some(folders);
                self.stand(why);
            }
            Err(error) => {
                tracing::warn!(root = ?self.shared.root, %error, "the workspace cannot be watched now");
                self.shared.lose(WhyEverything::LostWatch);
                self.mend_later();
            }
        }
        self.telling.add_anything();
    }

    /// Sets the watches of all folders below the root.
    fn stand(&mut self, why: WhyEverything) {
        let Some(folders) = &mut self.folders else { return };
        let bell = &self.bell;
        let begun = Instant::now();
        let identity = Identity::of(&self.shared.root);
        folders.add_with_all_below(Vec::new(), &|| bell.stopped());
        let mut lasting = (self.shared.conditions.file_system)(&self.shared.root);
        if folders.is_incomplete() {
            lasting = Some(WhyEverything::LostWatch);
            self.mend_later();
        } else {
            self.mending = FIRST_MENDING;
        }
        tracing::debug!(root = ?self.shared.root, took = ?begun.elapsed(), "the watch stands");
        self.shared.stands(why, identity, lasting);
        // What changed in a folder before its watch stood was not told.
        self.telling.add_anything();
    }

    fn mend_later(&mut self) {
        self.mend_at = Some(Instant::now() + self.mending);
        self.mending = (self.mending * 2).min(LAST_MENDING);
    }
}

#[derive(Clone, Copy)]
struct Event<'a> {
    watch: i32,
    flags: ReadFlags,
    name: &'a [u8],
}

/// Notices what one event tells and keeps the watches in step with the folders that come, move and go. An
/// error is the reason to begin anew.
fn notice(
    folders: &mut Folders,
    shared: &Shared,
    event: Event<'_>,
    noticed: &mut Noticed,
    stop: &dyn Fn() -> bool,
) -> Result<(), WhyEverything> {
    let Event { watch, flags, name } = event;
    if flags.contains(ReadFlags::QUEUE_OVERFLOW) {
        return Err(WhyEverything::Overflow);
    }
    let gone = ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::IGNORED | ReadFlags::UNMOUNT;
    let folder = match folders.watched(watch) {
        Watched::Nothing => return Ok(()),
        Watched::Cookies | Watched::Folder(_) if flags.contains(ReadFlags::UNMOUNT) => {
            return Err(WhyEverything::LostWatch);
        }
        Watched::Cookies if flags.intersects(gone) => return Err(WhyEverything::LostWatch),
        Watched::Cookies => {
            noticed.cookies.extend(shared.cookie_number(name));
            return Ok(());
        }
        Watched::Folder(folder) if folder.is_empty() && flags.intersects(gone) => {
            return Err(WhyEverything::LostWatch);
        }
        Watched::Folder(folder) => folder,
    };
    if flags.contains(ReadFlags::IGNORED) {
        folders.forget(watch);
        return Ok(());
    }
    if name.is_empty() || name.starts_with(TEMPORARY_PREFIX.as_bytes()) {
        // Of the folder itself its parent tells, too.
        return Ok(());
    }
    let path = joined(&folder, name);
    let kind = if flags.contains(ReadFlags::ISDIR) { PathKind::Folder } else { PathKind::Other };
    if kind == PathKind::Folder && !is_left_out(name) {
        if flags.intersects(ReadFlags::MOVED_FROM | ReadFlags::DELETE) {
            folders.remove_with_all_below(&path);
        }
        // Whatever the event was: another folder may bear the name by now (two that were exchanged come
        // before they go), and one that could not be read may be readable.
        if flags.intersects(ReadFlags::CREATE | ReadFlags::MOVED_TO) || !folders.is_watched(&path) {
            folders.add_with_all_below(path.clone(), stop);
        }
    }
    noticed.paths.push((path, kind));
    Ok(())
}
