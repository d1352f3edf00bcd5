//! Moving files and folders out of the workspace and back, whole, for a trash that lies outside of it.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use okcvm_protocol::FileEntry;
use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, RenameFlags, fchmod, mkdirat, openat, readlinkat, renameat,
    renameat_with, statat, symlinkat, unlinkat,
};
use rustix::io::Errno;

use crate::beneath::read_folder;
use crate::error::WorkspaceError;
use crate::path::WorkspacePath;
use crate::workspace::{Workspace, file_type, shown};

/// What is put away keeps this name in its folder, whatever its own may hold.
const CONTENT: &str = "content";
/// Folders inside of folders that are gone through.
const MAX_DEPTH: u32 = 200;

impl Workspace {
    /// Moves a file, a link or a folder with all in it to `keep`, an existing folder outside of the workspace that holds
    /// nothing yet. On another file system it is copied first and deleted when the copy is whole. A link is moved, not
    /// what it names. On an error it is still in its place.
    pub fn put_away(&self, path: &WorkspacePath, keep: &Path) -> Result<FileEntry, WorkspaceError> {
        let failed = |error| WorkspaceError::from_errno(error, "deleted", path.as_str());
        if path.is_root() {
            return Err(WorkspaceError::IsFolder { path: shown(path) });
        }
        let entry = self.entry(path)?.ok_or_else(|| WorkspaceError::NotFound { path: shown(path) })?;
        let os_path = path.to_os_path();
        let from = self.root.folder(os_path.parent().unwrap_or(Path::new(""))).map_err(failed)?;
        let to = outside(keep).map_err(failed)?;
        let name = os_path.file_name().unwrap_or_default();
        relocate((from.as_fd(), name), (to.as_fd(), OsStr::new(CONTENT))).map_err(failed)?;
        Ok(entry)
    }

    /// Moves what [`Workspace::put_away`] put into `keep` back to `path`; if that name is taken, to the first free one
    /// with a number. Folders that lead there are made. Tells where it is.
    pub fn take_back(&self, keep: &Path, path: &WorkspacePath) -> Result<WorkspacePath, WorkspaceError> {
        let failed = |error| WorkspaceError::from_errno(error, "brought back", path.as_str());
        let from = outside(keep).map_err(failed)?;
        let stat = statat(&from, CONTENT, AtFlags::SYMLINK_NOFOLLOW).map_err(failed)?;
        let is_folder = file_type(&stat) == FileType::Directory;
        let os_path = path.to_os_path();
        let to = self.root.folder_created(os_path.parent().unwrap_or(Path::new(""))).map_err(failed)?;
        let mut place = path.clone();
        for number in 2_u64.. {
            let own = place.to_os_path();
            let name = own.file_name().unwrap_or_default();
            match relocate((from.as_fd(), OsStr::new(CONTENT)), (to.as_fd(), name)) {
                Ok(()) => break,
                Err(Errno::EXIST) => place = numbered(path, number, is_folder)?,
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(place)
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

/// Moves without replacing anything.
fn relocate(from: Place<'_>, to: Place<'_>) -> rustix::io::Result<()> {
    match renameat_with(from.0, from.1, to.0, to.1, RenameFlags::NOREPLACE) {
        Err(Errno::XDEV) => {
            // What the copy made goes again if it could not be finished; what stood there before was never touched.
            copy(from, to, 0).inspect_err(|error| {
                if *error != Errno::EXIST {
                    let _ = remove(to.0, to.1, 0);
                }
            })?;
            remove(from.0, from.1, 0)
        }
        // A file system without such a move.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            match statat(to.0, to.1, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(_) => Err(Errno::EXIST),
                Err(Errno::NOENT) => renameat(from.0, from.1, to.0, to.1),
                Err(error) => Err(error),
            }
        }
        result => result,
    }
}

fn copy(from: Place<'_>, to: Place<'_>, depth: u32) -> rustix::io::Result<()> {
    if depth > MAX_DEPTH {
        return Err(Errno::NAMETOOLONG);
    }
    let stat = statat(from.0, from.1, AtFlags::SYMLINK_NOFOLLOW)?;
    let mode = Mode::from_raw_mode(stat.st_mode) & Mode::from_raw_mode(0o777);
    match file_type(&stat) {
        FileType::Directory => {
            mkdirat(to.0, to.1, Mode::from_raw_mode(0o700))?;
            let inner_from = folder(from)?;
            let inner_to = folder(to)?;
            for name in names(inner_from.as_fd())? {
                let name = OsStr::from_bytes(&name);
                copy((inner_from.as_fd(), name), (inner_to.as_fd(), name), depth + 1)?;
            }
            fchmod(&inner_to, mode)
        }
        FileType::Symlink => {
            let target = readlinkat(from.0, from.1, Vec::new())?;
            symlinkat(target.as_c_str(), to.0, to.1)
        }
        FileType::RegularFile => {
            let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let mut source = File::from(openat(from.0, from.1, flags, Mode::empty())?);
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let mut target = File::from(openat(to.0, to.1, flags, Mode::from_raw_mode(0o600))?);
            io::copy(&mut source, &mut target)
                .and_then(|_| target.sync_all())
                .map_err(|error| errno(&error))?;
            fchmod(&target, mode)
        }
        _ => Err(Errno::NXIO),
    }
}

fn remove(parent: BorrowedFd<'_>, name: &OsStr, depth: u32) -> rustix::io::Result<()> {
    if depth > MAX_DEPTH {
        return Err(Errno::NAMETOOLONG);
    }
    let stat = statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?;
    if file_type(&stat) != FileType::Directory {
        return unlinkat(parent, name, AtFlags::empty());
    }
    let inner = folder((parent, name))?;
    for name in names(inner.as_fd())? {
        remove(inner.as_fd(), OsStr::from_bytes(&name), depth + 1)?;
    }
    unlinkat(parent, name, AtFlags::REMOVEDIR)
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
