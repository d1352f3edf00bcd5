//! Writing files beneath the workspace.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{
    AtFlags, FileType, Mode, OFlags, fchmod, fstat, openat, readlinkat, renameat, statat, unlinkat,
};
use rustix::io::Errno;

use crate::attributes::Kept;
use crate::error::WorkspaceError;
use crate::path::WorkspacePath;
use crate::workspace::{Workspace, file_type, shown};

/// How the names of our unfinished files begin. Such a file is not listed, not watched and not part of a
/// snapshot; one that stays behind after a crash may be deleted.
pub const TEMPORARY_PREFIX: &str = ".okcvm-tmp-";

/// Links that a written path may end in, one after the other.
const MAX_LINKS: u32 = 40;

/// What a new file may be asked for.
pub(crate) const NEW_FILE: Mode = Mode::from_raw_mode(0o666);

/// A new file beside its final place, which it takes by [`Unfinished::finish`]; dropped before, it is
/// removed again.
pub(crate) struct Unfinished {
    folder: OwnedFd,
    name: OsString,
    file: Option<File>,
}

impl Unfinished {
    /// Makes an empty file in `folder`; of `mode` the system takes what the user wants no new file to have.
    pub(crate) fn create(folder: OwnedFd, mode: Mode) -> rustix::io::Result<Self> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        loop {
            let count = COUNTER.fetch_add(1, Ordering::Relaxed);
            let name = OsString::from(format!("{TEMPORARY_PREFIX}{}-{count}", std::process::id()));
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            match openat(&folder, &name, flags, mode) {
                Ok(handle) => return Ok(Self { folder, name, file: Some(File::from(handle)) }),
                // A leftover of a crashed process that had our number.
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The file itself; write errors leave the place untouched.
    pub(crate) fn file(&mut self) -> io::Result<&mut File> {
        self.file.as_mut().ok_or_else(|| io::Error::other("the file is closed"))
    }

    /// Sets the permission bits.
    pub(crate) fn set_mode(&mut self, mode: Mode) -> io::Result<()> {
        Ok(fchmod(self.file()?, mode)?)
    }

    /// Syncs the file and moves it to `name` in its folder, replacing a file that stands there.
    pub(crate) fn finish(mut self, name: &OsStr) -> io::Result<()> {
        self.file()?.sync_all()?;
        renameat(&self.folder, &self.name, &self.folder, name)?;
        self.file = None;
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if self.file.take().is_some()
            && let Err(error) = unlinkat(&self.folder, &self.name, AtFlags::empty())
        {
            tracing::debug!(name = ?self.name, %error, "an unfinished file stays behind");
        }
    }
}

/// Writes all of it, and counts what got there.
fn write_counted(file: &mut File, bytes: &[u8], written: &mut usize) -> std::io::Result<()> {
    while *written < bytes.len() {
        match file.write(bytes.get(*written..).unwrap_or_default()) {
            Ok(0) => return Err(std::io::ErrorKind::WriteZero.into()),
            Ok(count) => *written += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

impl Workspace {
    /// Writes a whole file: into a new file beside it, synced, then renamed over the old one, so that a
    /// reader and a crash see either the old or the new content. Missing folders are made. Permission bits,
    /// access list, attributes, group and owner of a replaced file are kept, where this user may give them. If the path is a link that stays inside, the file it names is replaced.
    pub fn write_atomic(&self, path: &WorkspacePath, bytes: &[u8]) -> Result<(), WorkspaceError> {
        self.write_with(path, &mut |file| file.write_all(bytes))
    }

    /// As [`Workspace::write_atomic`], but not where `kept` says so of the place, relative to the workspace, at which the
    /// path really ends. It is asked when nothing can change that any more.
    pub fn write_atomic_except(
        &self,
        path: &WorkspacePath,
        bytes: &[u8],
        kept: &dyn Fn(&Path) -> bool,
    ) -> Result<(), WorkspaceError> {
        self.write_at(path, &mut |file| file.write_all(bytes), kept)
    }

    /// As [`Workspace::write_atomic`], with the content written by `fill`.
    pub(crate) fn write_with(
        &self,
        path: &WorkspacePath,
        fill: &mut dyn FnMut(&mut File) -> io::Result<()>,
    ) -> Result<(), WorkspaceError> {
        self.write_at(path, fill, &|_| false)
    }

    fn write_at(
        &self,
        path: &WorkspacePath,
        fill: &mut dyn FnMut(&mut File) -> io::Result<()>,
        kept: &dyn Fn(&Path) -> bool,
    ) -> Result<(), WorkspaceError> {
        let failed = |error| WorkspaceError::from_io(error, "written", path.as_str());
        let failed_call = |error| WorkspaceError::from_errno(error, "written", path.as_str());
        let (folder, name) = self.final_place(path)?;
        free(path, self.root.place_of(folder.as_fd()).map(|place| place.join(&name)), kept)?;
        let replaced = match statat(&folder, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => match file_type(&stat) {
                FileType::RegularFile => Some(Kept::of(folder.as_fd(), &name, &stat).map_err(failed)?),
                FileType::Directory => return Err(WorkspaceError::IsFolder { path: shown(path) }),
                _ => return Err(WorkspaceError::Special { path: shown(path) }),
            },
            Err(Errno::NOENT) => None,
            Err(error) => return Err(failed_call(error)),
        };
        // Nobody else reads it before it has the rights of the one that it replaces.
        let mode = if replaced.is_some() { Mode::RUSR | Mode::WUSR } else { NEW_FILE };
        let mut unfinished = Unfinished::create(folder, mode).map_err(failed_call)?;
        fill(unfinished.file().map_err(failed)?).map_err(failed)?;
        if let Some(kept) = replaced {
            kept.give(unfinished.file().map_err(failed)?).map_err(failed)?;
        }
        unfinished.finish(&name).map_err(failed)
    }

    /// Adds `bytes` to the end of a file, which is made with its folders if it is not there; not where `kept` says so, as
    /// in [`Workspace::write_atomic_except`]. Where not all of them can be written, none are.
    pub fn append(
        &self,
        path: &WorkspacePath,
        bytes: &[u8],
        kept: &dyn Fn(&Path) -> bool,
    ) -> Result<(), WorkspaceError> {
        let failed = |error| WorkspaceError::from_errno(error, "written", path.as_str());
        let os_path = path.to_os_path();
        if path.is_root() {
            return Err(WorkspaceError::IsFolder { path: shown(path) });
        }
        self.root.folder_created(os_path.parent().unwrap_or(Path::new(""))).map_err(failed)?;
        let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::NONBLOCK | OFlags::NOCTTY;
        let handle = self.root.open_beneath(&os_path, flags, NEW_FILE).map_err(failed)?;
        let before = fstat(&handle).map_err(failed)?;
        if file_type(&before) != FileType::RegularFile {
            return Err(WorkspaceError::Special { path: shown(path) });
        }
        free(path, self.root.place_of(handle.as_fd()), kept)?;
        let mut file = File::from(handle);
        let mut written = 0;
        let added = write_counted(&mut file, bytes, &mut written);
        added.map_err(|error| {
            let ours_ends_it =
                file.metadata().is_ok_and(|now| now.len() == before.st_size as u64 + written as u64);
            // All or nothing, so that whoever tries again adds no part twice; but nothing that another has added goes.
            if written > 0 && !(ours_ends_it && file.set_len(before.st_size as u64).is_ok()) {
                tracing::warn!(path = path.as_str(), written, "a part of what was to be added stays");
            }
            WorkspaceError::from_io(error, "written", path.as_str())
        })
    }

    /// Makes a folder with all that lead to it; one that is there stays as it is.
    pub fn create_folder(&self, path: &WorkspacePath) -> Result<(), WorkspaceError> {
        self.root
            .folder_created(&path.to_os_path())
            .map(drop)
            .map_err(|error| WorkspaceError::from_errno(error, "created", path.as_str()))
    }

    /// The folder and name at which `path` really ends, links of the last part followed; the name itself
    /// is no link at the time of asking.
    pub(crate) fn final_place(&self, path: &WorkspacePath) -> Result<(OwnedFd, OsString), WorkspaceError> {
        let failed = |error| WorkspaceError::from_errno(error, "written", path.as_str());
        let mut way = path.to_os_path();
        let mut name =
            way.file_name().ok_or_else(|| WorkspaceError::IsFolder { path: shown(path) })?.to_owned();
        way.pop();
        let mut folder = self.root.folder_created(&way).map_err(failed)?;
        for _ in 0..MAX_LINKS {
            match statat(&folder, &name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) if file_type(&stat) == FileType::Symlink => {}
                Ok(_) | Err(Errno::NOENT) => return Ok((folder, name)),
                Err(error) => return Err(failed(error)),
            }
            let target = readlinkat(folder.as_fd(), &name, Vec::new()).map_err(failed)?;
            let target = PathBuf::from(OsStr::from_bytes(target.as_bytes()));
            if target.is_absolute() {
                let inside = self.root.absolute_inside(&target);
                way = inside.ok_or(Errno::XDEV).map_err(failed)?.to_path_buf();
            } else {
                // Not normalised: `..` behind a link to a folder is the kernel's to resolve.
                way.push(target);
            }
            // `file_name` is None for a way that ends in `..`, which can only be a folder.
            let last = way.file_name().ok_or_else(|| WorkspaceError::IsFolder { path: shown(path) })?;
            last.clone_into(&mut name);
            way.pop();
            folder = self.root.folder(&way).map_err(failed)?;
        }
        Err(WorkspaceError::TooManyLinks { path: shown(path) })
    }
}

/// Refuses what ends at a place that is kept.
fn free(
    path: &WorkspacePath,
    place: Option<PathBuf>,
    kept: &dyn Fn(&Path) -> bool,
) -> Result<(), WorkspaceError> {
    if place.is_none_or(|place| !kept(&place)) {
        return Ok(());
    }
    Err(WorkspaceError::InvalidPath {
        path: shown(path),
        reason: "while it was being written, it was made to lead elsewhere".to_owned(),
    })
}

#[cfg(test)]
#[path = "write_tests.rs"]
mod tests;
