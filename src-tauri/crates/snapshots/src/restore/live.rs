//! The live workspace as a restore sees it.

use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

use git2::{ObjectType, Oid, Repository};
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, mkdirat, openat, readlinkat, statat};
use rustix::io::Errno;

use crate::entry::{Entry, Kind, below, blob_size, split};
use crate::error::SnapshotError;

/// What is at a path, links not followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    Absent,
    /// Nothing can be there, since this path above it is no folder.
    Obstructed(Vec<u8>),
    File(Signature),
    Link(Signature),
    Folder,
    /// A pipe, socket or device.
    Special,
}

/// What tells whether a file is still the one that was looked at. The time of change is left out: it also
/// moves when another hard link to the same file goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Signature {
    pub(super) inode: u64,
    pub(super) size: u64,
    modified: (i64, i64),
    pub(super) mode: u32,
}

impl Signature {
    fn of(stat: &Stat) -> Self {
        Self {
            inode: stat.st_ino as u64,
            size: stat.st_size as u64,
            modified: (stat.st_mtime as i64, stat.st_mtime_nsec as i64),
            mode: stat.st_mode as u32,
        }
    }
}

/// The way to a folder.
pub(super) enum Way {
    Open(Rc<OwnedFd>),
    /// The folder does not exist.
    Missing,
    /// This path on the way is no folder.
    Obstructed(Vec<u8>),
}

/// The live folder, with the last way remembered, since neighbours follow each other.
pub(super) struct Live {
    root: Rc<OwnedFd>,
    last: Option<(Vec<u8>, Rc<OwnedFd>)>,
}

fn folder_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC
}

impl Live {
    pub(super) fn new(root: BorrowedFd<'_>) -> Result<Self, SnapshotError> {
        let root = openat(root, ".", folder_flags(), Mode::empty())
            .map_err(|error| SnapshotError::workspace("opened", b".", error))?;
        Ok(Self { root: Rc::new(root), last: None })
    }

    pub(super) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// Forgets the remembered way; to be called when folders were removed or made.
    pub(super) fn forget(&mut self) {
        self.last = None;
    }

    /// Goes to `folder` part by part.
    pub(super) fn way(&mut self, folder: &[u8]) -> Result<Way, SnapshotError> {
        if folder.is_empty() {
            return Ok(Way::Open(self.root.clone()));
        }
        if let Some((path, handle)) = &self.last
            && path == folder
        {
            return Ok(Way::Open(handle.clone()));
        }
        let mut current = self.root.clone();
        let mut gone = Vec::new();
        for part in folder.split(|byte| *byte == b'/') {
            gone = below(&gone, part);
            current = match openat(&*current, part, folder_flags(), Mode::empty()) {
                Ok(handle) => Rc::new(handle),
                Err(Errno::NOENT) => return Ok(Way::Missing),
                Err(Errno::NOTDIR | Errno::LOOP) => return Ok(Way::Obstructed(gone)),
                Err(error) => return Err(SnapshotError::workspace("opened", &gone, error)),
            };
        }
        self.last = Some((folder.to_vec(), current.clone()));
        Ok(Way::Open(current))
    }

    /// The folder, which has to exist.
    pub(super) fn folder(&mut self, folder: &[u8]) -> Result<Rc<OwnedFd>, SnapshotError> {
        match self.way(folder)? {
            Way::Open(handle) => Ok(handle),
            Way::Missing => Err(SnapshotError::workspace("opened", folder, Errno::NOENT)),
            Way::Obstructed(path) => Err(SnapshotError::workspace("opened", &path, Errno::NOTDIR)),
        }
    }

    /// The folder, made with all above it where they are missing.
    pub(super) fn folder_created(&mut self, folder: &[u8]) -> Result<Rc<OwnedFd>, SnapshotError> {
        if let Way::Open(handle) = self.way(folder)? {
            return Ok(handle);
        }
        let (parent, name) = split(folder);
        let above = self.folder_created(parent)?;
        match mkdirat(&*above, name, Mode::from_raw_mode(0o777)) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(SnapshotError::workspace("created", folder, error)),
        }
        self.folder(folder)
    }

    /// The nearest folder at or above `folder` that exists.
    pub(super) fn nearest_folder(&mut self, folder: &[u8]) -> Result<Vec<u8>, SnapshotError> {
        let mut folder = folder;
        loop {
            if matches!(self.way(folder)?, Way::Open(_)) {
                return Ok(folder.to_vec());
            }
            folder = split(folder).0;
        }
    }

    pub(super) fn examine(&mut self, path: &[u8]) -> Result<State, SnapshotError> {
        let (folder, name) = split(path);
        let handle = match self.way(folder)? {
            Way::Open(handle) => handle,
            Way::Missing => return Ok(State::Absent),
            Way::Obstructed(path) => return Ok(State::Obstructed(path)),
        };
        match statat(&*handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(match FileType::from_raw_mode(stat.st_mode) {
                FileType::RegularFile => State::File(Signature::of(&stat)),
                FileType::Symlink => State::Link(Signature::of(&stat)),
                FileType::Directory => State::Folder,
                _ => State::Special,
            }),
            Err(Errno::NOENT) => Ok(State::Absent),
            Err(error) => Err(SnapshotError::workspace("examined", path, error)),
        }
    }

    /// The live file or link at `path` is what `entry` says, byte for byte. Folders are not compared here.
    pub(super) fn holds(
        &mut self,
        repository: &Repository,
        path: &[u8],
        state: &State,
        entry: Entry,
    ) -> Result<bool, SnapshotError> {
        let (folder, name) = split(path);
        match (state, entry.kind) {
            (State::File(signature), Kind::File | Kind::Executable) => {
                let executable = signature.mode & 0o111 != 0;
                if executable != (entry.kind == Kind::Executable)
                    || signature.size != blob_size(repository, entry.oid)?
                {
                    return Ok(false);
                }
                let handle = self.folder(folder)?;
                match content_id(&handle, name) {
                    Ok(oid) => Ok(oid == entry.oid),
                    Err(Errno::NOENT | Errno::LOOP | Errno::NXIO) => Ok(false),
                    Err(error) => Err(SnapshotError::workspace("read", path, error)),
                }
            }
            (State::Link(_), Kind::Link) => {
                let handle = self.folder(folder)?;
                match readlinkat(&*handle, name, Vec::new()) {
                    Ok(target) => Ok(Oid::hash_object(ObjectType::Blob, target.as_bytes())? == entry.oid),
                    Err(Errno::NOENT | Errno::INVAL) => Ok(false),
                    Err(error) => Err(SnapshotError::workspace("read", path, error)),
                }
            }
            _ => Ok(false),
        }
    }

    /// The names in a folder; nothing if it is gone.
    pub(super) fn names(&mut self, folder: &[u8]) -> Result<Vec<Vec<u8>>, SnapshotError> {
        let Way::Open(handle) = self.way(folder)? else { return Ok(Vec::new()) };
        let failed = |error| SnapshotError::workspace("read", folder, error);
        let mut names = Vec::new();
        for entry in Dir::read_from(&*handle).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name().to_bytes().to_vec();
            if name != b"." && name != b".." {
                names.push(name);
            }
        }
        Ok(names)
    }
}

fn content_id(folder: &OwnedFd, name: &[u8]) -> Result<Oid, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let mut file = File::from(openat(folder, name, flags, Mode::empty())?);
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    Oid::hash_object(ObjectType::Blob, &bytes).map_err(|_| Errno::IO)
}
