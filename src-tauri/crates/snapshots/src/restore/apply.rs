//! Doing what was planned.

use okcvm_objects::EntryKind;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hasher};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::fs::{AtFlags, Mode, OFlags, fchmod, fstat, fsync, openat, renameat, unlinkat};
use rustix::io::Errno;

use super::live::{Live, State, Way};
use super::plan::Plan;
use super::stage::{AT_WORK, Staged, Staging, Threads, WAITING, spread, with_executable};
use super::syncing::{Syncing, device_of};
use super::told::Done;
use crate::entry::{below, shown, split};
use crate::error::{RestoreStage, SnapshotError};
use crate::names::Respelling;

/// Begins the third name of what gets another spelling.
pub(super) const BETWEEN: &str = ".okcvm-tmp-respelled-";
/// Threads that rename and remove.
const MOVERS: Threads = Threads { most: 4, worth: AT_WORK };
/// Threads that sync folders.
const SYNCERS: Threads = Threads { most: 16, worth: WAITING };

/// How many files a restore touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Touched {
    pub(super) written: u32,
    pub(super) removed: u32,
}

/// Carries `plan` out: what was staged takes its place, what is to go goes, and the folders are synced.
pub(super) fn apply(
    live: &mut Live<'_>,
    plan: &Plan,
    mut staging: Staging<'_, '_>,
) -> Result<Touched, SnapshotError> {
    let mut folders = BTreeSet::new();
    for respelling in &plan.respellings {
        respell(live, respelling)?;
        folders.insert(split(&respelling.new).0.to_vec());
    }
    let removed = AtomicU32::new(0);
    let remove_all = |live: &mut Live<'_>, paths: &[(Vec<u8>, State)]| {
        spread(live, paths, MOVERS, |live, paths, stop| {
            paths.iter().take_while(|_| !stop.load(Ordering::Relaxed)).try_for_each(|(path, state)| {
                removed.fetch_add(remove(live, path, state)?, Ordering::Relaxed);
                Ok(())
            })
        })
    };
    remove_all(live, &plan.obstructions)?;
    for folder in &plan.folders_in_the_way {
        remove_if_empty(live, folder)?;
    }
    let mut made = Vec::new();
    for folder in &plan.folders {
        live.folder_created(folder, &mut made)?;
    }
    // Where there was a file there is its folder.
    let without_file = |staged: &&Staged<'_>| !matches!(staged.write.state, State::File(_) | State::Link(_));
    for staged in staging.waiting.iter().filter(without_file) {
        live.folder_created(split(&staged.write.path).0, &mut made)?;
    }
    spread(live, &staging.waiting, MOVERS, |live, staged, stop| {
        staged
            .iter()
            .take_while(|_| !stop.load(Ordering::Relaxed))
            .try_for_each(|staged| put_in_place(live, staged))
    })?;
    for (path, kind, state) in &plan.modes {
        set_executable(live, path, *kind, state)?;
    }
    remove_all(live, &plan.removals)?;
    for folder in &plan.folders_to_leave {
        remove_if_empty(live, folder)?;
    }
    verify(live, plan, &staging.waiting)?;
    let written = (staging.waiting.len() + plan.modes.len()) as u32;
    for folder in made.iter().rev() {
        live.close_as_seen(folder)?;
    }
    for folder in made {
        folders.insert(split(&folder).0.to_vec());
        folders.insert(folder);
    }
    // A file lies on the file system of the folder in which it was staged.
    let in_place = staging.waiting.iter().filter(|staged| staged.folder == split(&staged.write.path).0);
    let devices: BTreeMap<Vec<u8>, u64> =
        in_place.map(|staged| (staged.folder.clone(), staged.device)).collect();
    let gone = plan.obstructions.iter().chain(&plan.removals).map(|(path, _)| path);
    let moved = staging.waiting.iter().map(|staged| &staged.write.path);
    folders.extend(gone.chain(moved).map(|path| split(path).0.to_vec()));
    folders.extend(plan.folders_to_leave.iter().map(|folder| split(folder).0.to_vec()));
    // Nothing is beside its place any more.
    staging.waiting.clear();
    sync_folders(live, &folders, devices)?;
    Ok(Touched { written, removed: removed.into_inner() })
}

/// Gives a file or folder another spelling by way of a third name, since to rename it directly does
/// nothing where both spellings are one. What was cut off in between is gone on with.
pub(super) fn respell(live: &mut Live<'_>, respelling: &Respelling) -> Result<(), SnapshotError> {
    let (folder, new) = split(&respelling.new);
    let old = split(&respelling.old).1;
    let failed = |error: Errno| SnapshotError::workspace("renamed", &respelling.old, error);
    let between = name_between(new);
    live.forget();
    let handle = live.folder(folder)?;
    if live.examine(&below(folder, &between))? == State::Absent {
        renameat(&*handle, old, &*handle, between.as_slice()).map_err(failed)?;
    }
    if live.examine(&respelling.new)? != State::Absent {
        let paths = vec![shown(&respelling.new)];
        return Err(SnapshotError::Changed { paths, stage: RestoreStage::Within });
    }
    renameat(&*handle, between.as_slice(), &*handle, new).map_err(failed)?;
    live.forget();
    Ok(())
}

/// The third name on the way to the spelling `new`; the same each time, so that it is found again.
pub(super) fn name_between(new: &[u8]) -> Vec<u8> {
    let mut hasher = DefaultHasher::new();
    hasher.write(new);
    format!("{BETWEEN}{:016x}", hasher.finish()).into_bytes()
}

/// The workspace holds what was planned, and the files are the very ones that were written.
fn verify(live: &mut Live<'_>, plan: &Plan, staged: &[Staged<'_>]) -> Result<(), SnapshotError> {
    live.forget();
    let mut wrong = Vec::new();
    for staged in staged {
        match live.examine(&staged.write.path)? {
            State::File(signature) | State::Link(signature) if signature == staged.signature => {}
            _ => wrong.push(shown(&staged.write.path)),
        }
    }
    for (path, kind, _) in &plan.modes {
        let executable = *kind == EntryKind::Executable;
        match live.examine(path)? {
            State::File(signature) if (signature.stamp.mode & 0o111 != 0) == executable => {}
            _ => wrong.push(shown(path)),
        }
    }
    for folder in &plan.folders {
        if live.examine(folder)? != State::Folder {
            wrong.push(shown(folder));
        }
    }
    for (path, _) in &plan.removals {
        if matches!(live.examine(path)?, State::File(_) | State::Link(_)) {
            wrong.push(shown(path));
        }
    }
    if wrong.is_empty() {
        Ok(())
    } else {
        Err(SnapshotError::Changed { paths: wrong, stage: RestoreStage::Verification })
    }
}

/// Syncs folders, of which some are known to be there, with the number of their file systems.
fn sync_folders(
    live: &mut Live<'_>,
    folders: &BTreeSet<Vec<u8>>,
    known: BTreeMap<Vec<u8>, u64>,
) -> Result<(), SnapshotError> {
    live.forget();
    let mut nearest = BTreeMap::new();
    for folder in folders.iter().filter(|folder| !known.contains_key(*folder)) {
        let folder = live.nearest_folder(folder)?;
        let device = device_of(&*live.folder(&folder)?);
        nearest.insert(folder, device);
    }
    nearest.extend(known.into_iter().map(|(folder, device)| (folder, Some(device))));
    let syncing = Syncing::of(nearest.len(), live.root());
    let by_itself = nearest.into_iter().filter(|(_, device)| syncing.leaves_out(*device));
    let folders: Vec<Vec<u8>> = by_itself.map(|(folder, _)| folder).collect();
    spread(live, &folders, SYNCERS, |live, folders, _| {
        folders.iter().try_for_each(|folder| {
            fsync(&*live.folder(folder)?)
                .map_err(|error| SnapshotError::workspace("synced", folder, error))?;
            live.told.tell(|| Done::SyncedFolder(folder));
            Ok(())
        })
    })?;
    syncing.finish(live.root()).map_err(|error| SnapshotError::workspace("synced", b".", error))?;
    if matches!(syncing, Syncing::Together { .. }) {
        live.told.tell(|| Done::SyncedAll);
    }
    Ok(())
}

/// Stops the restore if `path` is no longer what it was when the plan was made.
fn still(live: &mut Live<'_>, path: &[u8], state: &State) -> Result<(), SnapshotError> {
    let now = live.examine(path)?;
    let same = match (&now, state) {
        // Obstructions are gone by now.
        (State::Absent, State::Absent | State::Obstructed(_) | State::Folder) => true,
        (now, state) => now == state,
    };
    if same {
        Ok(())
    } else {
        Err(SnapshotError::Changed { paths: vec![shown(path)], stage: RestoreStage::Within })
    }
}

fn put_in_place(live: &mut Live<'_>, staged: &Staged<'_>) -> Result<(), SnapshotError> {
    let write = staged.write;
    let (folder, name) = split(&write.path);
    still(live, &write.path, &write.state)?;
    let source = live.folder(&staged.folder)?;
    let target = live.folder(folder)?;
    renameat(&*source, staged.name.as_slice(), &*target, name)
        .map_err(|error| SnapshotError::workspace("restored", &write.path, error))?;
    let from = below(&staged.folder, &staged.name);
    live.told.tell(|| Done::Renamed(&from, &write.path));
    Ok(())
}

fn set_executable(
    live: &mut Live<'_>,
    path: &[u8],
    kind: EntryKind,
    state: &State,
) -> Result<(), SnapshotError> {
    let failed = |error| SnapshotError::workspace("restored", path, error);
    still(live, path, state)?;
    let (folder, name) = split(path);
    let folder = live.folder(folder)?;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file: OwnedFd = openat(&*folder, name, flags, Mode::empty()).map_err(failed)?;
    let mode = fstat(&file).map_err(failed)?.st_mode;
    fchmod(&file, with_executable(mode, kind)).map_err(failed)?;
    live.told.tell(|| Done::Executable(path, kind == EntryKind::Executable));
    fsync(&file).map_err(failed)?;
    live.told.tell(|| Done::SyncedFile(path));
    Ok(())
}

fn remove(live: &mut Live<'_>, path: &[u8], state: &State) -> Result<u32, SnapshotError> {
    still(live, path, state)?;
    let (folder, name) = split(path);
    let folder = live.folder(folder)?;
    match unlinkat(&*folder, name, AtFlags::empty()) {
        Ok(()) => {
            live.told.tell(|| Done::Removed(path));
            Ok(1)
        }
        Err(Errno::NOENT) => Ok(0),
        Err(error) => Err(SnapshotError::workspace("removed", path, error)),
    }
}

/// A folder that holds anything (left out, or new) stays.
fn remove_if_empty(live: &mut Live<'_>, path: &[u8]) -> Result<(), SnapshotError> {
    live.forget();
    let (folder, name) = split(path);
    let Way::Open(folder) = live.way(folder)? else { return Ok(()) };
    let removed = unlinkat(&*folder, name, AtFlags::REMOVEDIR);
    if removed.is_ok() {
        live.told.tell(|| Done::RemovedFolder(path));
    }
    match removed {
        Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => {
            live.forget();
            Ok(())
        }
        Err(error) => Err(SnapshotError::workspace("removed", path, error)),
    }
}
