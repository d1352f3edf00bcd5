//! Opening files beneath a folder handle, so that nothing leads out of it.
//!
//! On Linux `openat2` with `RESOLVE_BENEATH` lets the kernel do the whole way in one step. Where that call
//! is missing (other systems, old kernels, strict containers), and for links that name the workspace by
//! its absolute path, the way is walked part by part: every folder is opened with `O_NOFOLLOW` relative to
//! the handle of the one before, links are read and followed by us, and `..` goes back to a handle that we
//! hold. Neither way can be raced out of the root.

use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, mkdirat, openat, readlinkat, statat};
use rustix::io::Errno;

use crate::path::MOUNT;

/// Links that one path may go through, as in Linux.
const MAX_LINKS: u32 = 40;

/// The handle of a folder, and the ways to go below it.
#[derive(Debug)]
pub(crate) struct RootFolder {
    handle: OwnedFd,
    path: PathBuf,
}

/// Flags to hold a folder only to go on from it.
fn step_flags() -> OFlags {
    #[cfg(target_os = "linux")]
    let flags = OFlags::PATH;
    #[cfg(not(target_os = "linux"))]
    let flags = OFlags::RDONLY;
    flags | OFlags::DIRECTORY | OFlags::CLOEXEC
}

/// The entries of a folder; a handle to go on from cannot be read itself.
pub(crate) fn read_folder(handle: BorrowedFd<'_>) -> rustix::io::Result<Dir> {
    Dir::new(openat(handle, ".", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

impl RootFolder {
    /// Opens the folder at `path`, which has to be canonical.
    pub(crate) fn open(path: PathBuf) -> rustix::io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = rustix::fs::open(&path, flags, Mode::empty())?;
        Ok(Self { handle, path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn handle(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }

    /// Opens `relative` beneath the root. `XDEV` means that the way leads out.
    pub(crate) fn open_beneath(
        &self,
        relative: &Path,
        flags: OFlags,
        mode: Mode,
    ) -> rustix::io::Result<OwnedFd> {
        let flags = flags | OFlags::CLOEXEC;
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::ResolveFlags;
            let path = if relative.as_os_str().is_empty() { Path::new(".") } else { relative };
            let mode = if flags.contains(OFlags::CREATE) { mode } else { Mode::empty() };
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
            match rustix::fs::openat2(&self.handle, path, flags, mode, resolve) {
                // XDEV: perhaps a link by the absolute name of the workspace. AGAIN: a rename raced with
                // `..`. NOSYS and PERM: the call does not exist or a container forbids it.
                Err(Errno::XDEV | Errno::AGAIN | Errno::NOSYS | Errno::PERM) => {}
                result => return result,
            }
        }
        self.walk(relative, flags, mode)
    }

    /// The folder `relative`, to go on from.
    pub(crate) fn folder(&self, relative: &Path) -> rustix::io::Result<OwnedFd> {
        self.open_beneath(relative, step_flags(), Mode::empty())
    }

    /// The folder `relative`, made with all that lead to it if it is not there.
    pub(crate) fn folder_created(&self, relative: &Path) -> rustix::io::Result<OwnedFd> {
        match self.folder(relative) {
            Err(Errno::NOENT) => {}
            result => return result,
        }
        let mut way = PathBuf::new();
        let mut current = self.folder(&way)?;
        for part in relative.components() {
            way.push(part);
            current = match self.folder(&way) {
                Err(Errno::NOENT) => {
                    match mkdirat(&current, part.as_os_str(), Mode::from_raw_mode(0o777)) {
                        Ok(()) | Err(Errno::EXIST) => {}
                        Err(error) => return Err(error),
                    }
                    self.folder(&way)?
                }
                result => result?,
            };
        }
        Ok(current)
    }

    /// `target` of a link, relative to the root if it is an absolute name of the workspace or something in
    /// it; `None` if it leads elsewhere.
    pub(crate) fn absolute_inside<'a>(&self, target: &'a Path) -> Option<&'a Path> {
        target.strip_prefix(MOUNT).or_else(|_| target.strip_prefix(&self.path)).ok()
    }

    /// Where something that was opened lies now, relative to the root; `None` if it has left.
    pub(crate) fn place_of(&self, handle: BorrowedFd<'_>) -> Option<PathBuf> {
        #[cfg(target_os = "linux")]
        let path = {
            use std::os::fd::AsRawFd;
            std::fs::read_link(format!("/proc/self/fd/{}", handle.as_raw_fd())).ok()?
        };
        #[cfg(not(target_os = "linux"))]
        let path = PathBuf::from(OsStr::from_bytes(rustix::fs::getpath(handle).ok()?.as_bytes()));
        path.strip_prefix(&self.path).ok().map(Path::to_path_buf)
    }

    fn walk(&self, relative: &Path, flags: OFlags, mode: Mode) -> rustix::io::Result<OwnedFd> {
        let mut below: Vec<OwnedFd> = Vec::new();
        let mut ahead: Vec<Vec<u8>> = parts_reversed(relative);
        let mut links = 0;
        loop {
            let current = below.last().map_or(self.handle.as_fd(), AsFd::as_fd);
            let Some(part) = ahead.pop() else {
                // The way ended at a folder.
                return openat(current, ".", flags.difference(OFlags::CREATE | OFlags::EXCL), Mode::empty());
            };
            if part == b".." {
                below.pop().ok_or(Errno::XDEV)?;
                continue;
            }
            let name = OsStr::from_bytes(&part);
            let is_link = match statat(current, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => FileType::from_raw_mode(stat.st_mode) == FileType::Symlink,
                Err(Errno::NOENT) => false,
                Err(error) => return Err(error),
            };
            let last = ahead.is_empty();
            if is_link && !(last && flags.contains(OFlags::NOFOLLOW)) {
                links += 1;
                if links > MAX_LINKS {
                    return Err(Errno::LOOP);
                }
                let target = readlinkat(current, name, Vec::new())?;
                let target = Path::new(OsStr::from_bytes(target.as_bytes()));
                let target = if target.is_absolute() {
                    below.clear();
                    self.absolute_inside(target).ok_or(Errno::XDEV)?
                } else {
                    target
                };
                ahead.extend(parts_reversed(target));
                continue;
            }
            if last {
                return openat(current, name, flags | OFlags::NOFOLLOW, mode);
            }
            let next = openat(current, name, step_flags() | OFlags::NOFOLLOW, Mode::empty())?;
            below.push(next);
        }
    }
}

fn parts_reversed(path: &Path) -> Vec<Vec<u8>> {
    let mut parts: Vec<Vec<u8>> = path
        .as_os_str()
        .as_bytes()
        .split(|byte| *byte == b'/')
        .filter(|part| !part.is_empty() && *part != b".")
        .map(<[u8]>::to_vec)
        .collect();
    parts.reverse();
    parts
}

#[cfg(test)]
#[path = "beneath_tests.rs"]
mod tests;
