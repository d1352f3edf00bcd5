//! Moving files and folders out of the workspace and back, whole, for a trash that lies outside of it.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use okcvm_protocol::FileEntry;
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, RenameFlags, Stat, Timespec, Timestamps, fchmod, fstat, futimens,
    mkdirat, openat, readlinkat, renameat, renameat_with, statat, symlinkat, unlinkat,
};
use rustix::io::Errno;

use crate::attributes::Kept;
use crate::beneath::read_folder;
use crate::error::WorkspaceError;
use crate::name::encode_name;
use crate::path::WorkspacePath;
use crate::workspace::{Workspace, file_type, shown};
use crate::write::TEMPORARY_PREFIX;

/// What is put away keeps this name in its folder, whatever its own may hold.
const CONTENT: &str = "content";
/// Folders inside of folders that are gone through.
const MAX_DEPTH: u32 = 200;
/// Names that are tried for what comes back, while others are taken.
const MOST_NAMES: u64 = 10_000;
/// Begins the name of a copy that is not whole yet.
const PART: &str = "moved-";
/// Why something that was copied is not removed.
const CHANGED: &str = "something in it was written or is in use meanwhile";

impl Workspace {
    /// Moves a file, a link or a folder with all in it to `keep`, an existing folder outside of the workspace that holds
    /// nothing yet. On another file system it is copied first, and what was copied is deleted when the copy is whole. A
    /// link is moved, not what it names. On an error it is still in its place, but for
    /// [`WorkspaceError::PartlyRemoved`]: then all of it is in `keep`, which may be the only place of some of it.
    pub fn put_away(&self, path: &WorkspacePath, keep: &Path) -> Result<FileEntry, WorkspaceError> {
        let failed = |error| WorkspaceError::from_errno(error, "deleted", path.as_str());
        let stays = |stays: Stays| stays.at("deleted", path);
        if path.is_root() {
            return Err(WorkspaceError::IsFolder { path: shown(path) });
        }
        let entry = self.entry(path)?.ok_or_else(|| WorkspaceError::NotFound { path: shown(path) })?;
        let os_path = path.to_os_path();
        let from = self.root.folder(os_path.parent().unwrap_or(Path::new(""))).map_err(failed)?;
        let to = outside(keep).map_err(failed)?;
        let name = os_path.file_name().unwrap_or_default();
        match relocate((from.as_fd(), name), (to.as_fd(), OsStr::new(CONTENT))).map_err(stays)? {
            Moved::Whole => Ok(entry),
            Moved::LeftOver(Errno::BUSY | Errno::NOTEMPTY) => {
                Err(WorkspaceError::PartlyRemoved { path: shown(path), reason: CHANGED.to_owned() })
            }
            Moved::LeftOver(error) => {
                let reason = io::Error::from(error).to_string();
                Err(WorkspaceError::PartlyRemoved { path: shown(path), reason })
            }
        }
    }

    /// Whether all that [`Workspace::put_away`] was to move lies in `keep`.
    pub fn is_put_away(keep: &Path) -> bool {
        std::fs::symlink_metadata(keep.join(CONTENT)).is_ok()
    }

    /// Moves what [`Workspace::put_away`] put into `keep` back to `path`; if that name is taken, to the first free one
    /// with a number. Folders that lead there are made. Tells where it is; `keep` may then hold a rest that is of no use.
    /// `before` hears of the place before anything is there, and of more than one if another program takes it first. Its
    /// error leaves everything in `keep`.
    pub fn take_back<E: From<WorkspaceError>>(
        &self,
        keep: &Path,
        path: &WorkspacePath,
        mut before: impl FnMut(&WorkspacePath) -> Result<(), E>,
    ) -> Result<WorkspacePath, E> {
        let failed = |error| WorkspaceError::from_errno(error, "brought back", path.as_str());
        let from = outside(keep).map_err(failed)?;
        let stat = statat(&from, CONTENT, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
        let is_folder = file_type(&stat) == FileType::Directory;
        let os_path = path.to_os_path();
        let to = self.root.folder_created(os_path.parent().unwrap_or(Path::new(""))).map_err(failed)?;
        let mut place = path.clone();
        for number in 2_u64..MOST_NAMES {
            let own = place.to_os_path();
            let name = own.file_name().unwrap_or_default();
            let moved = match statat(&to, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(_) => Err(Stays::Taken),
                Err(Errno::NOENT) => {
                    before(&place)?;
                    relocate((from.as_fd(), OsStr::new(CONTENT)), (to.as_fd(), name))
                }
                Err(error) => Err(error.into()),
            };
            match moved {
                Ok(Moved::Whole | Moved::LeftOver(_)) => return Ok(place),
                Err(Stays::Taken) => place = numbered(path, number, is_folder)?,
                Err(stays) => return Err(stays.at("brought back", path).into()),
            }
        }
        Err(failed(Errno::EXIST).into())
    }

    /// Removes what a program that was ended in the middle of [`Workspace::take_back`] left beside `path`. The caller is
    /// the only program that writes here.
    pub fn sweep_taken_back(&self, path: &WorkspacePath) -> Result<(), WorkspaceError> {
        let failed = |error| WorkspaceError::from_errno(error, "examined", path.as_str());
        let os_path = path.to_os_path();
        let folder = match self.root.folder(os_path.parent().unwrap_or(Path::new(""))) {
            Ok(folder) => folder,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(()),
            Err(error) => return Err(failed(error)),
        };
        let any = format!("{TEMPORARY_PREFIX}{PART}");
        for name in names(folder.as_fd()).map_err(failed)? {
            // What this program is just copying stays.
            if name.starts_with(any.as_bytes()) && !name.starts_with(own_parts().as_bytes()) {
                remove_all((folder.as_fd(), &OsString::from_vec(name)), 0).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// What is at `path`, a link as the link itself; `None` if nothing is there.
    pub fn entry(&self, path: &WorkspacePath) -> Result<Option<FileEntry>, WorkspaceError> {
        let failed = |error| WorkspaceError::from_errno(error, "examined", path.as_str());
        let os_path = path.to_os_path();
        let folder = match self.root.folder(os_path.parent().unwrap_or(Path::new(""))) {
            Ok(folder) => folder,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        match statat(&folder, os_path.file_name().unwrap_or_default(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(crate::workspace::entry_of(
                path.file_name().unwrap_or_default(),
                path.as_str(),
                &stat,
            ))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(failed(error)),
        }
    }
}

fn outside(folder: &Path) -> rustix::io::Result<OwnedFd> {
    rustix::fs::open(folder, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

/// `name (2).ext`.
fn numbered(path: &WorkspacePath, number: u64, is_folder: bool) -> Result<WorkspacePath, WorkspaceError> {
    let name = path.file_name().unwrap_or_default();
    let (stem, extension) = match name.rfind('.') {
        Some(dot) if dot > 0 && !is_folder => name.split_at(dot),
        _ => (name, ""),
    };
    path.parent().unwrap_or_default().join(&format!("{stem} ({number}){extension}"))
}

type Place<'a> = (BorrowedFd<'a>, &'a OsStr);

/// How a move ended in which everything arrived.
enum Moved {
    Whole,
    /// It was copied, but this kept some of the original in its place.
    LeftOver(Errno),
}

/// Why nothing has moved.
#[derive(Debug)]
enum Stays {
    /// Something stands where it was to go.
    Taken,
    /// The system's answer, and to what within it.
    Refused(Errno, PathBuf),
}

impl Stays {
    /// As an error about `path`, which was to be moved.
    fn at(self, action: &'static str, path: &WorkspacePath) -> WorkspaceError {
        let (error, within) = match self {
            Self::Taken => (Errno::EXIST, PathBuf::new()),
            Self::Refused(error, within) => (error, within),
        };
        let mut whole = path.as_str().to_owned();
        for name in &within {
            whole = format!("{whole}/{}", encode_name(name));
        }
        WorkspaceError::from_errno(error, action, &whole)
    }
}

impl From<Errno> for Stays {
    fn from(error: Errno) -> Self {
        if error == Errno::EXIST { Self::Taken } else { Self::Refused(error, PathBuf::new()) }
    }
}

/// Why something was not copied, and what of it that is about.
#[derive(Debug)]
struct Fault {
    error: Errno,
    within: PathBuf,
}

impl From<Errno> for Fault {
    fn from(error: Errno) -> Self {
        Self { error, within: PathBuf::new() }
    }
}

/// Begins the names of copies that this program has not finished.
fn own_parts() -> &'static str {
    static OWN: OnceLock<String> = OnceLock::new();
    OWN.get_or_init(|| format!("{TEMPORARY_PREFIX}{PART}{:016x}-", random()))
}

fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Moves without replacing anything. After an error nothing has moved, and nothing that stood at `to` was touched.
fn relocate(from: Place<'_>, to: Place<'_>) -> Result<Moved, Stays> {
    match renameat_with(from.0, from.1, to.0, to.1, RenameFlags::NOREPLACE) {
        Err(Errno::XDEV) => {
            is_free(to)?;
            // Under a name of its own, so that nobody takes half a copy for the whole.
            let part = OsString::from(format!("{}{:016x}", own_parts(), random()));
            // A name within it that is taken says nothing of `to`.
            let copied =
                copy(from, (to.0, &part), 0).map_err(|fault| Stays::Refused(fault.error, fault.within))?;
            if let Err(error) = rename_to_free((to.0, &part), to) {
                let _ = remove((to.0, &part), &copied, Side::Copy);
                return Err(error.into());
            }
            Ok(remove(from, &copied, Side::Original).map_or_else(Moved::LeftOver, |()| Moved::Whole))
        }
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            Ok(rename_to_free(from, to).map(|()| Moved::Whole)?)
        }
        result => Ok(result.map(|()| Moved::Whole)?),
    }
}

fn is_free(place: Place<'_>) -> rustix::io::Result<()> {
    match statat(place.0, place.1, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(_) => Err(Errno::EXIST),
        Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Renames within a file system, which may be one that cannot refuse a taken name by itself.
fn rename_to_free(from: Place<'_>, to: Place<'_>) -> rustix::io::Result<()> {
    match renameat_with(from.0, from.1, to.0, to.1, RenameFlags::NOREPLACE) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            is_free(to)?;
            renameat(from.0, from.1, to.0, to.1)
        }
        result => result,
    }
}

/// One thing that was copied, as it was then: only what is still that may be removed.
struct Copied {
    original: State,
    copy: State,
    /// What lies in it, by name.
    inner: Vec<(OsString, Copied)>,
}

#[derive(Clone, Copy)]
enum Side {
    Original,
    Copy,
}

/// By what a change is seen.
#[derive(PartialEq, Eq)]
enum State {
    /// What a folder holds is looked at one by one.
    Folder { device: u64, inode: u64 },
    /// Of a file or a link; the time is that of its last change, in seconds and nanoseconds.
    File { device: u64, inode: u64, size: i64, changed: (i64, i64) },
}

impl State {
    fn of(stat: &Stat) -> Self {
        let (device, inode) = (stat.st_dev as u64, stat.st_ino as u64);
        match file_type(stat) {
            FileType::Directory => Self::Folder { device, inode },
            _ => Self::File {
                device,
                inode,
                size: stat.st_size as i64,
                changed: (stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            },
        }
    }
}

/// Copies to a name that is free. What it made goes again if it cannot be finished.
fn copy(from: Place<'_>, to: Place<'_>, depth: u32) -> Result<Copied, Fault> {
    if depth > MAX_DEPTH {
        return Err(Errno::NAMETOOLONG.into());
    }
    let stat = statat(from.0, from.1, AtFlags::SYMLINK_NOFOLLOW)?;
    match file_type(&stat) {
        FileType::Directory => copy_folder(from, to, depth),
        FileType::Symlink => {
            let target = readlinkat(from.0, from.1, Vec::new())?;
            symlinkat(target.as_c_str(), to.0, to.1)?;
            let copy = State::of(&statat(to.0, to.1, AtFlags::SYMLINK_NOFOLLOW)?);
            Ok(Copied { original: State::of(&stat), copy, inner: Vec::new() })
        }
        FileType::RegularFile => copy_file(from, to),
        // A pipe has no content that could be lost.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        FileType::Fifo => {
            rustix::fs::mknodat(to.0, to.1, FileType::Fifo, permissions(&stat), 0)?;
            let copy = State::of(&statat(to.0, to.1, AtFlags::SYMLINK_NOFOLLOW)?);
            Ok(Copied { original: State::of(&stat), copy, inner: Vec::new() })
        }
        _ => Err(Errno::NXIO.into()),
    }
}

fn copy_folder(from: Place<'_>, to: Place<'_>, depth: u32) -> Result<Copied, Fault> {
    let inner_from = folder(from)?;
    let stat = fstat(&inner_from)?;
    mkdirat(to.0, to.1, Mode::from_raw_mode(0o700))?;
    let inner_to = folder(to)?;
    let mut copied =
        Copied { original: State::of(&stat), copy: State::of(&fstat(&inner_to)?), inner: Vec::new() };
    let mut fill = || -> Result<(), Fault> {
        for name in names(inner_from.as_fd())? {
            let name = OsString::from_vec(name);
            let inner = copy((inner_from.as_fd(), &name), (inner_to.as_fd(), &name), depth + 1)
                .map_err(|fault| Fault { within: Path::new(&name).join(&fault.within), ..fault })?;
            copied.inner.push((name, inner));
        }
        fchmod(&inner_to, permissions(&stat))?;
        Ok(futimens(&inner_to, &times(&stat))?)
    };
    match fill() {
        Ok(()) => Ok(copied),
        Err(error) => {
            let _ = remove(to, &copied, Side::Copy);
            Err(error)
        }
    }
}

fn copy_file(from: Place<'_>, to: Place<'_>) -> Result<Copied, Fault> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut source = File::from(openat(from.0, from.1, flags, Mode::empty())?);
    // Before the first byte is read, so that a change while it is copied is seen.
    let stat = fstat(&source)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut target = File::from(openat(to.0, to.1, flags, Mode::from_raw_mode(0o600))?);
    let filled = io::copy(&mut source, &mut target)
        .and_then(|_| Kept::of(from.0, from.1, &stat)?.give(&target))
        .and_then(|()| Ok(futimens(&target, &times(&stat))?))
        .and_then(|()| target.sync_all())
        .map_err(|error| errno(&error))
        .and_then(|()| fstat(&target));
    match filled {
        Ok(copy) => Ok(Copied { original: State::of(&stat), copy: State::of(&copy), inner: Vec::new() }),
        Err(error) => {
            let _ = unlinkat(to.0, to.1, AtFlags::empty());
            Err(error.into())
        }
    }
}

fn permissions(stat: &Stat) -> Mode {
    Mode::from_raw_mode(stat.st_mode) & Mode::from_raw_mode(0o777)
}

fn times(stat: &Stat) -> Timestamps {
    let time = |seconds, nanoseconds: u64| Timespec { tv_sec: seconds, tv_nsec: nanoseconds as _ };
    Timestamps {
        last_access: time(stat.st_atime as i64, stat.st_atime_nsec as u64),
        last_modification: time(stat.st_mtime as i64, stat.st_mtime_nsec as u64),
    }
}

/// Removes what was copied, or the copies. What has come or changed since stays, and so do the folders that lead there.
/// Goes on after an error and tells the first.
fn remove(place: Place<'_>, copied: &Copied, side: Side) -> rustix::io::Result<()> {
    let stat = match statat(place.0, place.1, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => return Ok(()),
        stat => stat?,
    };
    let known = match side {
        Side::Original => &copied.original,
        Side::Copy => &copied.copy,
    };
    if State::of(&stat) != *known {
        return Err(Errno::BUSY);
    }
    if file_type(&stat) != FileType::Directory {
        return unlinkat(place.0, place.1, AtFlags::empty());
    }
    let inner = folder(place)?;
    let mut first = Ok(());
    for (name, copied) in &copied.inner {
        let removed = remove((inner.as_fd(), name), copied, side);
        first = first.and(removed);
    }
    first.and(unlinkat(place.0, place.1, AtFlags::REMOVEDIR))
}

/// Removes whatever it is, with all in it, also folders that may not be written.
fn remove_all(place: Place<'_>, depth: u32) -> rustix::io::Result<()> {
    match unlinkat(place.0, place.1, AtFlags::empty()) {
        Err(Errno::ISDIR | Errno::PERM) if depth <= MAX_DEPTH => {}
        Err(Errno::NOENT) => return Ok(()),
        done => return done,
    }
    let inner = folder(place)?;
    fchmod(&inner, Mode::from_raw_mode(0o700))?;
    for name in names(inner.as_fd())? {
        remove_all((inner.as_fd(), &OsString::from_vec(name)), depth + 1)?;
    }
    unlinkat(place.0, place.1, AtFlags::REMOVEDIR)
}

fn folder(place: Place<'_>) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(place.0, place.1, flags, Mode::empty())
}

fn names(folder: BorrowedFd<'_>) -> rustix::io::Result<Vec<Vec<u8>>> {
    let mut names = Vec::new();
    for entry in read_folder(folder)? {
        let name = entry?.file_name().to_bytes().to_vec();
        if !matches!(name.as_slice(), b"." | b"..") {
            names.push(name);
        }
    }
    Ok(names)
}

fn errno(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

#[cfg(test)]
#[path = "put_away_tests.rs"]
mod tests;
