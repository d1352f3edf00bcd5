//! Doing what was planned.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};

use git2::{Oid, Repository};
use okcvm_workspace::TEMPORARY_PREFIX;
use rustix::fs::{AtFlags, Mode, OFlags, fchmod, fstat, fsync, openat, renameat, symlinkat, unlinkat};
use rustix::io::Errno;

use super::Restored;
use super::live::{Live, State};
use super::plan::Plan;
use crate::entry::{Entry, Kind, below, blob, entry_at, shown, split};
use crate::error::{RestoreStage, SnapshotError};

/// Up to this many files are synced one by one; above, the whole file system is, where that can be done.
const SYNCED_SINGLY: usize = 32;

/// How the names of staged files begin; a restore that was killed leaves them, the next one removes them.
fn staged_prefix() -> String {
    format!("{TEMPORARY_PREFIX}restore-")
}

/// A new content beside its place.
struct Staged<'a> {
    /// The folder that it lies in.
    folder: Vec<u8>,
    name: Vec<u8>,
    path: &'a [u8],
    state: &'a State,
}

/// The staged contents; what is left of them is removed in the end, whatever happens.
struct Staging<'a, 'live> {
    live: &'live mut Live,
    waiting: Vec<Staged<'a>>,
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

/// Carries `plan` out.
pub(super) fn apply(
    repository: &Repository,
    live: &mut Live,
    plan: &Plan,
    to: Oid,
) -> Result<Restored, SnapshotError> {
    sweep(live, plan)?;
    let mut staging = Staging { live, waiting: Vec::new() };
    for (path, entry, state) in &plan.writes {
        stage(repository, &mut staging, path, *entry, state)?;
    }
    sync_staged(&mut staging)?;

    let mut restored = Restored::default();
    let live = &mut *staging.live;
    for (path, state) in &plan.obstructions {
        restored.removed += remove(live, path, state)?;
    }
    for folder in &plan.folders_to_leave {
        // Only those that stand where a file comes; the others wait until everything is written.
        if entry_at(repository, to, folder)?.is_some() || lies_below_a_file(repository, to, folder)? {
            remove_if_empty(live, folder)?;
        }
    }
    for folder in &plan.folders {
        live.folder_created(folder)?;
    }
    let mut touched = BTreeSet::new();
    while let Some(staged) = staging.waiting.last() {
        put_in_place(staging.live, staged)?;
        touched.insert(split(staged.path).0.to_vec());
        restored.written += 1;
        staging.waiting.pop();
    }
    let live = &mut *staging.live;
    for (path, kind, state) in &plan.modes {
        set_executable(live, path, *kind, state)?;
        restored.written += 1;
    }
    for (path, state) in &plan.removals {
        restored.removed += remove(live, path, state)?;
        touched.insert(split(path).0.to_vec());
    }
    for folder in &plan.folders_to_leave {
        remove_if_empty(live, folder)?;
    }
    sync_folders(live, &touched)?;
    Ok(restored)
}

fn lies_below_a_file(repository: &Repository, to: Oid, path: &[u8]) -> Result<bool, SnapshotError> {
    let mut above = split(path).0;
    while !above.is_empty() {
        if entry_at(repository, to, above)?.is_some_and(|entry| entry.kind != Kind::Folder) {
            return Ok(true);
        }
        above = split(above).0;
    }
    Ok(false)
}

/// Removes what a killed restore staged in the folders that this one stages in.
fn sweep(live: &mut Live, plan: &Plan) -> Result<(), SnapshotError> {
    let prefix = staged_prefix();
    let mut folders = BTreeSet::new();
    for (path, _, _) in &plan.writes {
        folders.insert(live.nearest_folder(split(path).0)?);
    }
    for folder in folders {
        for name in live.names(&folder)? {
            if name.starts_with(prefix.as_bytes()) {
                let handle = live.folder(&folder)?;
                unlinkat(&*handle, name.as_slice(), AtFlags::empty())
                    .map_err(|error| SnapshotError::workspace("removed", &below(&folder, &name), error))?;
            }
        }
    }
    Ok(())
}

fn stage<'a>(
    repository: &Repository,
    staging: &mut Staging<'a, '_>,
    path: &'a [u8],
    entry: Entry,
    state: &'a State,
) -> Result<(), SnapshotError> {
    let failed = |error: std::io::Error| SnapshotError::workspace("restored", path, error);
    let content = blob(repository, entry.oid)?;
    let folder = staging.live.nearest_folder(split(path).0)?;
    let handle = staging.live.folder(&folder)?;
    let name = format!("{}{}-{}", staged_prefix(), std::process::id(), staging.waiting.len()).into_bytes();
    let staged = Staged { folder, name: name.clone(), path, state };
    match entry.kind {
        Kind::Link => {
            symlinkat(content.as_slice(), &*handle, name.as_slice()).map_err(|error| failed(error.into()))?;
            staging.waiting.push(staged);
        }
        Kind::File | Kind::Executable | Kind::Folder => {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let mode = Mode::from_raw_mode(if entry.kind == Kind::Executable { 0o777 } else { 0o666 });
            let file =
                openat(&*handle, name.as_slice(), flags, mode).map_err(|error| failed(error.into()))?;
            staging.waiting.push(staged);
            let mut file = File::from(file);
            file.write_all(&content).map_err(failed)?;
            if let State::File(signature) = state {
                let mode = with_executable(signature.mode, entry.kind);
                fchmod(&file, mode).map_err(|error| failed(error.into()))?;
            }
        }
    }
    Ok(())
}

/// The permission bits of a file, executable as it should be; the other bits stay.
fn with_executable(mode: u32, kind: Kind) -> Mode {
    let mode = mode & 0o777;
    let executable = mode & 0o111 != 0;
    Mode::from_raw_mode(match (kind == Kind::Executable, executable) {
        (true, true) | (false, false) => mode,
        // Whoever may read it may run it.
        (true, false) => mode | ((mode & 0o444) >> 2),
        (false, true) => mode & !0o111,
    })
}

fn sync_staged(staging: &mut Staging<'_, '_>) -> Result<(), SnapshotError> {
    if staging.waiting.len() > SYNCED_SINGLY && sync_all(staging.live.root().as_fd())? {
        return Ok(());
    }
    for staged in &staging.waiting {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let folder = staging.live.folder(&staged.folder)?;
        match openat(&*folder, staged.name.as_slice(), flags, Mode::empty()) {
            Ok(file) => {
                fsync(&file).map_err(|error| SnapshotError::workspace("synced", staged.path, error))?;
            }
            // A link has no content of its own; a file that its owner may not read is left to the system.
            Err(Errno::LOOP | Errno::ACCESS) => {}
            Err(error) => return Err(SnapshotError::workspace("synced", staged.path, error)),
        }
    }
    Ok(())
}

fn sync_folders(live: &mut Live, folders: &BTreeSet<Vec<u8>>) -> Result<(), SnapshotError> {
    live.forget();
    if folders.len() > SYNCED_SINGLY && sync_all(live.root())? {
        return Ok(());
    }
    for folder in folders {
        let folder = live.nearest_folder(folder)?;
        let handle = live.folder(&folder)?;
        fsync(&*handle).map_err(|error| SnapshotError::workspace("synced", &folder, error))?;
    }
    Ok(())
}

#[cfg(target_os = "linux")]
fn sync_all(folder: std::os::fd::BorrowedFd<'_>) -> Result<bool, SnapshotError> {
    rustix::fs::syncfs(folder).map_err(|error| SnapshotError::workspace("synced", b".", error))?;
    Ok(true)
}

#[cfg(not(target_os = "linux"))]
fn sync_all(_folder: std::os::fd::BorrowedFd<'_>) -> Result<bool, SnapshotError> {
    Ok(false)
}

/// Stops the restore if `path` is no longer what it was when the plan was made.
fn still(live: &mut Live, path: &[u8], state: &State) -> Result<(), SnapshotError> {
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

fn put_in_place(live: &mut Live, staged: &Staged<'_>) -> Result<(), SnapshotError> {
    let (folder, name) = split(staged.path);
    let target = live.folder_created(folder)?;
    still(live, staged.path, staged.state)?;
    let source = live.folder(&staged.folder)?;
    renameat(&*source, staged.name.as_slice(), &*target, name)
        .map_err(|error| SnapshotError::workspace("restored", staged.path, error))
}

fn set_executable(live: &mut Live, path: &[u8], kind: Kind, state: &State) -> Result<(), SnapshotError> {
    let failed = |error| SnapshotError::workspace("restored", path, error);
    still(live, path, state)?;
    let (folder, name) = split(path);
    let folder = live.folder(folder)?;
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file: OwnedFd = openat(&*folder, name, flags, Mode::empty()).map_err(failed)?;
    let mode = fstat(&file).map_err(failed)?.st_mode;
    fchmod(&file, with_executable(mode, kind)).map_err(failed)
}

fn remove(live: &mut Live, path: &[u8], state: &State) -> Result<u32, SnapshotError> {
    still(live, path, state)?;
    let (folder, name) = split(path);
    let folder = live.folder(folder)?;
    match unlinkat(&*folder, name, AtFlags::empty()) {
        Ok(()) => Ok(1),
        Err(Errno::NOENT) => Ok(0),
        Err(error) => Err(SnapshotError::workspace("removed", path, error)),
    }
}

/// A folder that holds anything (left out, or new) stays.
fn remove_if_empty(live: &mut Live, path: &[u8]) -> Result<(), SnapshotError> {
    live.forget();
    let (folder, name) = split(path);
    let super::live::Way::Open(folder) = live.way(folder)? else { return Ok(()) };
    match unlinkat(&*folder, name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR) => {
            live.forget();
            Ok(())
        }
        Err(error) => Err(SnapshotError::workspace("removed", path, error)),
    }
}
