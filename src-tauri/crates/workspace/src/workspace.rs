//! The workspace: resolving paths, reading, listing.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use okcvm_protocol::{EntryKind, FileEntry};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, statat};
use rustix::io::Errno;

use crate::beneath::{RootFolder, read_folder};
use crate::error::WorkspaceError;
use crate::name::encode_name;
use crate::path::WorkspacePath;
use crate::write::TEMPORARY_PREFIX;

/// The live folder of a session. A clone is cheap and names the same folder.
///
/// The folder is held open: if it is moved, the workspace goes with it; if it is deleted, every call says
/// that it is gone.
#[derive(Debug, Clone)]
pub struct Workspace {
    pub(crate) root: Arc<RootFolder>,
}

/// The start of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadBytes {
    /// The bytes from the start, at most as many as were asked for.
    pub bytes: Vec<u8>,
    /// Size of the whole file in bytes.
    pub size: u64,
    /// The file goes on behind `bytes`.
    pub truncated: bool,
}

impl Workspace {
    /// Opens the folder `root`, made with its parents if it is not there.
    pub fn create(root: &Path) -> Result<Self, WorkspaceError> {
        std::fs::create_dir_all(root)
            .map_err(|error| WorkspaceError::from_io(error, "created", &root.to_string_lossy()))?;
        Self::open(root)
    }

    /// Opens the folder `root`, which has to exist.
    pub fn open(root: &Path) -> Result<Self, WorkspaceError> {
        let name = root.to_string_lossy();
        let canonical =
            std::fs::canonicalize(root).map_err(|error| WorkspaceError::from_io(error, "opened", &name))?;
        let root = RootFolder::open(canonical)
            .map_err(|error| WorkspaceError::from_errno(error, "opened", &name))?;
        Ok(Self { root: Arc::new(root) })
    }

    /// The canonical absolute path of the folder when it was opened.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// Whether the folder that was opened still stands at its path, and not another one, or nothing.
    pub fn is_in_place(&self) -> bool {
        let identity = |stat: Stat| (stat.st_dev, stat.st_ino);
        let here = fstat(self.root.handle()).map(identity);
        let there = rustix::fs::lstat(self.root()).map(identity);
        matches!((here, there), (Ok(here), Ok(there)) if here == there)
            && std::fs::canonicalize(self.root()).is_ok_and(|real| real == self.root())
    }

    /// The handle of the folder, for callers that go below it by their own means.
    pub fn root_handle(&self) -> BorrowedFd<'_> {
        self.root.handle()
    }

    /// The absolute path of `path` on this machine. For showing and for other programs; file access goes
    /// through the other methods, since a path can be raced.
    pub fn absolute(&self, path: &WorkspacePath) -> PathBuf {
        if path.is_root() { self.root().to_path_buf() } else { self.root().join(path.to_os_path()) }
    }

    /// Where `path` ends at this moment, links followed by the rules of this workspace; `None` if nothing is there or the
    /// way leads out.
    pub fn end_of(&self, path: &WorkspacePath) -> Option<WorkspacePath> {
        // Not followed to read it, so a pipe does not block.
        #[cfg(target_os = "linux")]
        let flags = OFlags::PATH;
        #[cfg(not(target_os = "linux"))]
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let handle = self.root.open_beneath(&path.to_os_path(), flags, Mode::empty()).ok()?;
        let place = self.root.place_of(handle.as_fd())?;
        WorkspacePath::parse(&crate::encode_name(place.as_os_str())).ok()
    }

    /// Reads a path as the agent gives it: below [`crate::MOUNT`], below the real folder, or relative. Any other
    /// absolute path, `..` and NUL are refused. The path need not exist.
    pub fn resolve(&self, agent_path: &str) -> Result<WorkspacePath, WorkspaceError> {
        WorkspacePath::named(self.root(), agent_path)
    }

    /// Opens a regular file for reading. Links are followed as long as they stay inside; a pipe, socket or
    /// device is refused without blocking.
    pub fn open_file(&self, path: &WorkspacePath) -> Result<File, WorkspaceError> {
        let failed = |error| WorkspaceError::from_errno(error, "read", path.as_str());
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let handle = self.root.open_beneath(&path.to_os_path(), flags, Mode::empty()).map_err(failed)?;
        match file_type(&fstat(&handle).map_err(failed)?) {
            FileType::RegularFile => Ok(File::from(handle)),
            FileType::Directory => Err(WorkspaceError::IsFolder { path: shown(path) }),
            _ => Err(WorkspaceError::Special { path: shown(path) }),
        }
    }

    /// The first `max_bytes` bytes of a file.
    pub fn read(&self, path: &WorkspacePath, max_bytes: u64) -> Result<ReadBytes, WorkspaceError> {
        let failed = |error| WorkspaceError::from_io(error, "read", path.as_str());
        let file = self.open_file(path)?;
        let size = file.metadata().map_err(failed)?.len();
        let mut bytes = Vec::with_capacity(size.min(max_bytes).min(1 << 26) as usize);
        file.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
        let truncated = bytes.len() as u64 > max_bytes;
        if truncated {
            bytes.truncate(max_bytes as usize);
        }
        // A file that grows while it is read is at least as long as what came.
        Ok(ReadBytes { size: size.max(bytes.len() as u64), bytes, truncated })
    }

    /// What is at `path`, links followed as long as they stay inside (a link that does not is described as
    /// the link itself); `None` if nothing is there.
    pub fn metadata(&self, path: &WorkspacePath) -> Result<Option<FileEntry>, WorkspaceError> {
        let failed = |error| WorkspaceError::from_errno(error, "examined", path.as_str());
        let Some(name) = path.file_name() else {
            let stat = fstat(self.root.handle()).map_err(failed)?;
            return Ok(Some(entry_of("", "", &stat)));
        };
        let os_path = path.to_os_path();
        let parent = match self.root.folder(os_path.parent().unwrap_or(Path::new(""))) {
            Ok(parent) => parent,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let own_name = os_path.file_name().unwrap_or_default();
        let stat = match statat(&parent, own_name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mut entry = entry_of(name, path.as_str(), &stat);
        if entry.kind == EntryKind::Link
            && let Some(stat) = self.stat_through_links(&os_path)
        {
            entry = entry_of(name, path.as_str(), &stat);
        }
        Ok(Some(entry))
    }

    fn stat_through_links(&self, path: &Path) -> Option<Stat> {
        // O_PATH opens nothing: pipes and devices are only looked at.
        #[cfg(target_os = "linux")]
        let flags = OFlags::PATH;
        #[cfg(not(target_os = "linux"))]
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let handle = self.root.open_beneath(path, flags, Mode::empty()).ok()?;
        fstat(handle).ok()
    }

    /// The entries of a folder, folders first, each group by name; at most `limit`, and whether there are
    /// more. Links are listed as links. Our own unfinished writes are left out.
    pub fn list(&self, path: &WorkspacePath, limit: usize) -> Result<(Vec<FileEntry>, bool), WorkspaceError> {
        let failed = |error| WorkspaceError::from_errno(error, "listed", path.as_str());
        let folder = self.root.folder(&path.to_os_path()).map_err(failed)?;
        let mut entries = Vec::new();
        for entry in read_folder(folder.as_fd()).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let bytes = entry.file_name().to_bytes();
            if matches!(bytes, b"." | b"..") || bytes.starts_with(TEMPORARY_PREFIX.as_bytes()) {
                continue;
            }
            let stat = match statat(&folder, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => stat,
                // Gone since it was read.
                Err(Errno::NOENT) => continue,
                Err(error) => return Err(failed(error)),
            };
            let name = encode_name(OsStr::from_bytes(bytes));
            let below = if path.is_root() { name.clone() } else { format!("{path}/{name}") };
            entries.push(entry_of(&name, &below, &stat));
        }
        entries.sort_by_cached_key(|entry| {
            (entry.kind != EntryKind::Folder, entry.name.to_lowercase(), entry.name.clone())
        });
        let truncated = entries.len() > limit;
        entries.truncate(limit);
        Ok((entries, truncated))
    }
}

impl AsFd for Workspace {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.root.handle()
    }
}

pub(crate) fn file_type(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// The path for an error message; the root has no name of its own.
pub(crate) fn shown(path: &WorkspacePath) -> String {
    if path.is_root() { ".".to_owned() } else { path.as_str().to_owned() }
}

pub(crate) fn entry_of(name: &str, path: &str, stat: &Stat) -> FileEntry {
    let kind = match file_type(stat) {
        FileType::RegularFile => EntryKind::File,
        FileType::Directory => EntryKind::Folder,
        FileType::Symlink => EntryKind::Link,
        _ => EntryKind::Special,
    };
    let size = if kind == EntryKind::Folder { 0 } else { stat.st_size as u64 };
    let modified_at = stat.st_mtime as i64 * 1000 + stat.st_mtime_nsec as i64 / 1_000_000;
    FileEntry { name: name.to_owned(), path: path.to_owned(), kind, size, modified_at }
}

#[cfg(test)]
#[path = "workspace_tests.rs"]
mod tests;
