//! New contents beside their places, on the disk before any of them is seen.

use okcvm_objects::EntryKind;
use std::collections::hash_map::RandomState;
use std::fs::File;
use std::hash::{BuildHasher, Hasher};
use std::io::{Read, Write as _};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};

use okcvm_workspace::TEMPORARY_PREFIX;
use rustix::fs::{
    AtFlags, Mode, OFlags, Stat, fchmod, fchown, fdatasync, fstat, openat, statat, symlinkat, unlinkat,
};
use rustix::process::{Gid, Uid};

use super::attributes;
use super::live::{Live, Signature, State, fill};
use super::plan::Write;
use super::syncing::Syncing;
use super::told::Done;
use crate::entry::{below, shown, split};
use crate::error::SnapshotError;
use crate::rights;
use crate::source::Source;

/// Threads that write: more of them get in each other's way in the journal of the file system.
const WRITERS: usize = 4;
/// Threads that write and sync: a sync mostly waits, and the waits of many files go on together.
const WAITERS: Threads = Threads { most: 16, worth: WAITING };
/// Items for which a thread that works is worth what it costs to begin and to share the folders with others.
pub(super) const AT_WORK: usize = 256;
/// The same of one that mostly waits, or has long contents before it.
pub(super) const WAITING: usize = 4;
/// Contents are long from here on, on average.
const LONG: u64 = 64 * 1024;
/// Files that a thread writes before it syncs them.
const SYNCED_TOGETHER: usize = 16;
/// A content with fewer bytes is written at once, a longer one in pieces of so many.
const PIECE: u64 = 1 << 20;

/// How the names of staged files begin. A restore that was killed leaves them; the next one removes them.
fn staged_prefix() -> String {
    format!("{TEMPORARY_PREFIX}restore-")
}

/// A new content beside its place.
pub(super) struct Staged<'a> {
    /// The folder that it lies in.
    pub(super) folder: Vec<u8>,
    pub(super) name: Vec<u8>,
    pub(super) write: &'a Write,
    pub(super) signature: Signature,
    /// The number of the file system that it lies on.
    pub(super) device: u64,
}

/// Over how many threads something is split.
#[derive(Debug, Clone, Copy)]
pub(super) struct Threads {
    pub(super) most: usize,
    /// Items per thread.
    pub(super) worth: usize,
}

impl Threads {
    /// For the contents at these places. How long one is that comes is believed of the one that goes: nothing has to be
    /// looked up for that.
    pub(super) fn for_contents<'s>(most: usize, places: impl Iterator<Item = &'s State>) -> Self {
        let size = |state: &State| match state {
            State::File(signature) | State::Link(signature) => signature.stamp.size,
            State::Absent | State::Obstructed(_) | State::Folder | State::Special => LONG,
        };
        let (count, bytes) = places
            .fold((0_u64, 0_u64), |(count, bytes), state| (count + 1, bytes.saturating_add(size(state))));
        let worth = if bytes < count.saturating_mul(LONG) { AT_WORK } else { WAITING };
        Self { most, worth }
    }
}

/// Splits `items` over threads, each with a view of the workspace of its own. After the first error no thread begins
/// another item; that error is returned.
pub(super) fn spread<T: Sync>(
    live: &mut Live<'_>,
    items: &[T],
    threads: Threads,
    work: impl Fn(&mut Live<'_>, &[T], &AtomicBool) -> Result<(), SnapshotError> + Sync,
) -> Result<(), SnapshotError> {
    let stop = AtomicBool::new(false);
    let threads = threads.most.min(items.len().div_ceil(threads.worth));
    if threads <= 1 {
        return work(live, items, &stop);
    }
    std::thread::scope(|scope| {
        let running: Vec<_> = items
            .chunks(items.len().div_ceil(threads))
            .map(|part| {
                let mut live = live.twin();
                let (stop, work) = (&stop, &work);
                scope.spawn(move || {
                    let result = work(&mut live, part, stop);
                    if result.is_err() {
                        stop.store(true, Ordering::Relaxed);
                    }
                    result
                })
            })
            .collect();
        let mut outcome = Ok(());
        for thread in running {
            let result = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            outcome = outcome.and(result);
        }
        outcome
    })
}

/// The staged contents; what is left of them is removed in the end, whatever happens.
pub(super) struct Staging<'a, 'live> {
    live: Live<'live>,
    pub(super) waiting: Vec<Staged<'a>>,
}

impl Drop for Staging<'_, '_> {
    fn drop(&mut self) {
        self.live.forget();
        for staged in &self.waiting {
            if let Ok(folder) = self.live.folder(&staged.folder) {
                let _ = unlinkat(&*folder, staged.name.as_slice(), AtFlags::empty());
            }
        }
    }
}

/// Writes and syncs the contents of all `writes`.
pub(super) fn stage<'a, 'live>(
    source: &Source,
    live: &mut Live<'live>,
    writes: &'a [Write],
) -> Result<Staging<'a, 'live>, SnapshotError> {
    let waiting = Mutex::new(Vec::with_capacity(writes.len()));
    // Names that nothing has taken, also after the numbers of processes have come round.
    let names = format!("{}{:016x}", staged_prefix(), RandomState::new().build_hasher().finish());
    let numbered: Vec<(usize, &Write)> = writes.iter().enumerate().collect();
    let syncing = Syncing::of(writes.len(), live.root());
    let threads = match syncing {
        Syncing::Each => WAITERS,
        Syncing::Together { .. } => Threads::for_contents(WRITERS, writes.iter().map(|write| &write.state)),
    };
    let result = spread(live, &numbered, threads, |live, writes, stop| {
        let mut unsynced: Vec<(&Write, Vec<u8>, File)> = Vec::new();
        let told = live.told.clone();
        let sync = |unsynced: &mut Vec<(&Write, Vec<u8>, File)>| {
            unsynced.drain(..).try_for_each(|(write, name, file)| {
                fdatasync(&file).map_err(|error| SnapshotError::workspace("synced", &write.path, error))?;
                told.tell(|| Done::SyncedFile(&name));
                Ok(())
            })
        };
        for (number, write) in writes {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            let staged = one(source, live, &format!("{names}-{number}"), write, &waiting)?;
            if let Some((name, file, device)) = staged
                && syncing.leaves_out(Some(device))
            {
                unsynced.push((write, name, file));
            }
            if unsynced.len() == SYNCED_TOGETHER {
                sync(&mut unsynced)?;
            }
        }
        sync(&mut unsynced)
    });
    let finish =
        || syncing.finish(live.root()).map_err(|error| SnapshotError::workspace("synced", b".", error));
    let result = result.and_then(|()| finish());
    if matches!(syncing, Syncing::Together { .. }) {
        live.told.tell(|| Done::SyncedAll);
    }
    let mut waiting = waiting.into_inner().unwrap_or_else(PoisonError::into_inner);
    waiting.sort_by(|left: &Staged<'_>, right| left.write.path.cmp(&right.write.path));
    let staging = Staging { live: live.twin(), waiting };
    result.map(|()| staging)
}

/// Stages one content; the file is returned as long as it has to be synced, with the number of its file system. A link
/// has no content of its own: it comes to the disk with its folder.
fn one<'a>(
    source: &Source,
    live: &mut Live<'_>,
    name: &str,
    write: &'a Write,
    waiting: &Mutex<Vec<Staged<'a>>>,
) -> Result<Option<(Vec<u8>, File, u64)>, SnapshotError> {
    let path = write.path.as_slice();
    let failed = |error: std::io::Error| SnapshotError::workspace("restored", path, error);
    let folder = live.nearest_folder(split(path).0)?;
    let handle = live.folder(&folder)?;
    let name = name.as_bytes().to_vec();
    let beside = below(&folder, &name);
    let staged = |stat: &Stat| {
        let (signature, device) = (Signature::of(stat), stat.st_dev as u64);
        let staged = Staged { folder: folder.clone(), name: name.clone(), write, signature, device };
        waiting.lock().unwrap_or_else(PoisonError::into_inner).push(staged);
    };
    if write.entry.kind == EntryKind::Link {
        let target = source.blob(write.entry.id)?;
        symlinkat(target.as_slice(), &*handle, name.as_slice()).map_err(|error| failed(error.into()))?;
        live.told.tell(|| Done::Linked(&beside, &target));
        let stat = statat(&*handle, name.as_slice(), AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|error| failed(error.into()))?;
        staged(&stat);
        return Ok(None);
    }
    let (size, mut content) = source.reader(write.entry.id)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    // Never more open than it will be, not even while it is written.
    let bits = match &write.state {
        State::File(old) => Some(old.stamp.mode),
        _ => live.bits(path, rights::Kind::File),
    };
    let bits = bits.map(|bits| with_executable(bits, write.entry.kind));
    let usual = if write.entry.kind == EntryKind::Executable { 0o777 } else { 0o666 };
    let mode = bits.unwrap_or(Mode::from_raw_mode(usual));
    let file = openat(&*handle, name.as_slice(), flags, mode).map_err(|error| failed(error.into()))?;
    let mut file = File::from(file);
    live.told.tell(|| Done::Created(&beside));
    let mut tell = |at: u64, bytes: &[u8]| live.told.tell(|| Done::Wrote(&beside, at, bytes));
    let written = fill_file(&mut file, &mut content, size, &mut tell).and_then(|()| {
        // First, since an access list brings bits of its own.
        if matches!(write.state, State::File(_)) {
            attributes::keep(live, path, &file);
        }
        keep_rights(&file, write, bits)?;
        let stat = fstat(&file)?;
        live.told.tell(|| Done::Executable(&beside, stat.st_mode & 0o111 != 0));
        Ok(stat)
    });
    let device = match written {
        Ok(stat) => {
            staged(&stat);
            stat.st_dev as u64
        }
        Err(error) => {
            let _ = unlinkat(&*handle, name.as_slice(), AtFlags::empty());
            return Err(failed(error));
        }
    };
    Ok(Some((beside, file, device)))
}

fn fill_file(
    file: &mut File,
    content: &mut (impl Read + ?Sized),
    size: u64,
    wrote: &mut dyn FnMut(u64, &[u8]),
) -> std::io::Result<()> {
    let mut content = content;
    let mut buffer = vec![0; size.clamp(1, PIECE) as usize];
    let mut written = 0;
    loop {
        let count = fill(&mut content, &mut buffer)?;
        file.write_all(&buffer[..count])?;
        wrote(written, &buffer[..count]);
        written += count as u64;
        if count < buffer.len() || written == size {
            break;
        }
    }
    if written != size {
        return Err(std::io::Error::other(format!("the history gave {written} of {size} bytes")));
    }
    Ok(())
}

/// The new file gets the permission bits of the old one, or those that it was last seen with, and the owner of the old
/// one, as far as this user may give them. The bits that let a program run as another user are not kept: its content is
/// another one.
fn keep_rights(file: &File, write: &Write, bits: Option<Mode>) -> std::io::Result<()> {
    let Some(mode) = bits else { return Ok(()) };
    let stat = fstat(file)?;
    if let State::File(old) = &write.state
        && (stat.st_uid, stat.st_gid) != old.owner
    {
        let (user, group) = (Uid::from_raw(old.owner.0), Gid::from_raw(old.owner.1));
        if let Err(error) = fchown(file, Some(user), Some(group)) {
            tracing::debug!(%error, "a restored file belongs to the user who restores");
        }
    }
    if Mode::from_raw_mode(stat.st_mode & 0o7777) != mode {
        fchmod(file, mode)?;
    }
    Ok(())
}

/// The permission bits of a file, executable as it should be; the other bits stay.
pub(super) fn with_executable(mode: u32, kind: EntryKind) -> Mode {
    let mode = mode & 0o777;
    let executable = mode & 0o111 != 0;
    Mode::from_raw_mode(match (kind == EntryKind::Executable, executable) {
        (true, true) | (false, false) => mode,
        // Whoever may read it may run it.
        (true, false) => mode | ((mode & 0o444) >> 2),
        (false, true) => mode & !0o111,
    })
}

/// Removes what killed restores staged anywhere. A folder that cannot be looked into holds nothing of ours that could
/// be removed, and must not keep a session from opening.
pub(super) fn sweep_all(live: &mut Live<'_>) {
    let mut ahead = vec![Vec::new()];
    while let Some(folder) = ahead.pop() {
        let inside = sweep(live, &folder).and_then(|()| live.names(&folder));
        let names = inside.unwrap_or_else(|error| {
            tracing::warn!(folder = %shown(&folder), %error, "not searched for what a restore left");
            Vec::new()
        });
        for name in names {
            let path = below(&folder, &name);
            if live.examine(&path).is_ok_and(|state| state == State::Folder) {
                ahead.push(path);
            }
        }
    }
}

/// Removes what a killed restore staged in `folder`.
pub(super) fn sweep(live: &mut Live<'_>, folder: &[u8]) -> Result<(), SnapshotError> {
    let prefix = staged_prefix();
    for name in live.names(folder)? {
        if name.starts_with(prefix.as_bytes()) {
            let handle = live.folder(folder)?;
            let path = below(folder, &name);
            unlinkat(&*handle, name.as_slice(), AtFlags::empty())
                .map_err(|error| SnapshotError::workspace("removed", &path, error))?;
            live.told.tell(|| Done::Removed(&path));
        }
    }
    Ok(())
}
