//! The live workspace as a restore sees it.

use okcvm_objects::{Entry, EntryKind};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fchmod, mkdirat, openat, readlinkat, statat};
use rustix::io::Errno;

use super::told::{Done, Told};
use crate::entry::{below, split};
use crate::error::SnapshotError;
use crate::index::Stamp;
use crate::rights::{self, Rights};
use crate::scan::stamp_of;
use crate::source::Source;

/// Bytes that are compared at a time.
const PIECE: usize = 128 * 1024;

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

/// What tells whether a file is still the one that was looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signature {
    pub(super) stamp: Stamp,
    /// Names that the file has.
    pub(super) links: u64,
    /// User and group.
    pub(super) owner: (u32, u32),
}

/// The time of change is left out: it also moves when another hard link to the same file goes.
impl PartialEq for Signature {
    fn eq(&self, other: &Self) -> bool {
        let told = |stamp: &Stamp| (stamp.inode, stamp.size, stamp.modified, stamp.mode);
        told(&self.stamp) == told(&other.stamp)
    }
}

impl Eq for Signature {}

impl Signature {
    pub(super) fn of(stat: &Stat) -> Self {
        Self { stamp: stamp_of(stat), links: stat.st_nlink as u64, owner: (stat.st_uid, stat.st_gid) }
    }
}

/// The way to a folder.
pub(super) enum Way {
    Open(Arc<OwnedFd>),
    /// The folder does not exist.
    Missing,
    /// This path on the way is no folder.
    Obstructed(Vec<u8>),
}

/// What the index knows of a file, if its stamp is still the one that was trusted.
pub(crate) type Known<'a> = dyn Fn(&[u8], &Stamp) -> Option<Entry> + Sync + 'a;

/// The live folder. The last way is remembered part by part, since neighbours follow each other.
pub(crate) struct Live<'a> {
    root: Arc<OwnedFd>,
    way: Vec<(Vec<u8>, Arc<OwnedFd>)>,
    known: &'a Known<'a>,
    pub(super) told: Told,
    /// The bits of what is made anew.
    rights: Option<&'a Rights>,
}

fn folder_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC
}

/// What lies several parts below `from` in one step, no link followed on the way; `None` if the system cannot say it so,
/// or if it is not there: part by part it shows why.
#[cfg(target_os = "linux")]
fn opened_at_once(from: &OwnedFd, parts: &[u8], flags: OFlags) -> Option<OwnedFd> {
    use rustix::fs::{ResolveFlags, openat2};

    if !parts.contains(&b'/') {
        return None;
    }
    let way = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
    openat2(from, parts, flags, Mode::empty(), way).ok()
}

#[cfg(not(target_os = "linux"))]
fn opened_at_once(_: &OwnedFd, _: &[u8], _: OFlags) -> Option<OwnedFd> {
    None
}

impl<'a> Live<'a> {
    pub(crate) fn new(root: BorrowedFd<'_>, known: &'a Known<'a>) -> Result<Self, SnapshotError> {
        let root = openat(root, ".", folder_flags(), Mode::empty())
            .map_err(|error| SnapshotError::workspace("opened", b".", error))?;
        let told = Told::of(root.as_fd());
        Ok(Self { root: Arc::new(root), way: Vec::new(), known, told, rights: None })
    }

    /// The same folder for another thread.
    pub(super) fn twin(&self) -> Self {
        Self { root: self.root.clone(), way: Vec::new(), told: self.told.clone(), ..*self }
    }

    /// What is made anew from here on gets the bits that it was last seen with.
    pub(crate) fn with_rights(mut self, rights: &'a Rights) -> Self {
        self.rights = Some(rights);
        self
    }

    /// The permission bits that a path was last seen with, if they are not the usual ones.
    pub(super) fn bits(&self, path: &[u8], kind: rights::Kind) -> Option<u32> {
        self.rights?.of(path, kind)
    }

    pub(super) fn root(&self) -> BorrowedFd<'_> {
        self.root.as_fd()
    }

    /// Forgets the remembered way; to be called when folders were removed or renamed.
    pub(super) fn forget(&mut self) {
        self.way.clear();
    }

    /// Goes to `folder` part by part.
    pub(super) fn way(&mut self, folder: &[u8]) -> Result<Way, SnapshotError> {
        let leads_there = |path: &[u8]| {
            folder.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.first() == Some(&b'/'))
        };
        while self.way.last().is_some_and(|(path, _)| !leads_there(path)) {
            self.way.pop();
        }
        loop {
            let (gone, current) = match self.way.last() {
                Some((path, handle)) => (path.clone(), handle.clone()),
                None => (Vec::new(), self.root.clone()),
            };
            if gone == folder {
                return Ok(Way::Open(current));
            }
            let rest = if gone.is_empty() { folder } else { &folder[gone.len() + 1..] };
            if let Some(handle) = opened_at_once(&current, rest, folder_flags()) {
                self.way.push((folder.to_vec(), Arc::new(handle)));
                continue;
            }
            let part = rest.split(|byte| *byte == b'/').next().unwrap_or(rest);
            let path = below(&gone, part);
            match openat(&*current, part, folder_flags(), Mode::empty()) {
                Ok(handle) => self.way.push((path, Arc::new(handle))),
                Err(Errno::NOENT) => return Ok(Way::Missing),
                Err(Errno::NOTDIR | Errno::LOOP) => return Ok(Way::Obstructed(path)),
                Err(error) => return Err(SnapshotError::workspace("opened", &path, error)),
            }
        }
    }

    /// The folder, which has to exist.
    pub(super) fn folder(&mut self, folder: &[u8]) -> Result<Arc<OwnedFd>, SnapshotError> {
        match self.way(folder)? {
            Way::Open(handle) => Ok(handle),
            Way::Missing => Err(SnapshotError::workspace("opened", folder, Errno::NOENT)),
            Way::Obstructed(path) => Err(SnapshotError::workspace("opened", &path, Errno::NOTDIR)),
        }
    }

    /// The folder, made with all above it where they are missing; those are named in `made`.
    pub(super) fn folder_created(
        &mut self,
        folder: &[u8],
        made: &mut Vec<Vec<u8>>,
    ) -> Result<Arc<OwnedFd>, SnapshotError> {
        if let Way::Open(handle) = self.way(folder)? {
            return Ok(handle);
        }
        let (parent, name) = split(folder);
        let above = self.folder_created(parent, made)?;
        // Its owner has to be able to fill it.
        let bits = self.bits(folder, rights::Kind::Folder).map(|bits| Mode::from_raw_mode(bits | 0o700));
        match mkdirat(&*above, name, bits.unwrap_or(Mode::from_raw_mode(0o777))) {
            Ok(()) => {
                if let Some(bits) = bits {
                    // By a handle: in the place of the name may be a link by now.
                    let handle = self.folder(folder)?;
                    fchmod(&*handle, bits)
                        .map_err(|error| SnapshotError::workspace("created", folder, error))?;
                }
                self.told.tell(|| Done::MadeFolder(folder));
                made.push(folder.to_vec());
            }
            Err(Errno::EXIST) => {}
            Err(error) => return Err(SnapshotError::workspace("created", folder, error)),
        }
        self.folder(folder)
    }

    /// A folder that was made anew gets the bits that it was last seen with, also if these close it for its owner.
    pub(super) fn close_as_seen(&mut self, folder: &[u8]) -> Result<(), SnapshotError> {
        let Some(bits) = self.bits(folder, rights::Kind::Folder).filter(|bits| bits & 0o700 == 0o500) else {
            return Ok(());
        };
        let Way::Open(handle) = self.way(folder)? else { return Ok(()) };
        fchmod(&*handle, Mode::from_raw_mode(bits))
            .map_err(|error| SnapshotError::workspace("closed", folder, error))
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

    /// The live file or link at `path` is what `entry` says, byte for byte: by the index, if it knows the
    /// file, else by comparing the contents. Folders are not compared here.
    pub(super) fn holds(
        &mut self,
        source: &Source,
        path: &[u8],
        state: &State,
        entry: Entry,
    ) -> Result<bool, SnapshotError> {
        let (State::File(signature) | State::Link(signature)) = state else { return Ok(false) };
        if let Some(known) = (self.known)(path, &signature.stamp) {
            return Ok(known == entry);
        }
        match (state, entry.kind) {
            (State::File(signature), EntryKind::File | EntryKind::Executable) => {
                let executable = signature.stamp.mode & 0o111 != 0;
                if executable != (entry.kind == EntryKind::Executable)
                    || signature.stamp.size != source.size(entry.id)?
                {
                    return Ok(false);
                }
                let Some(file) = self.open(path)? else { return Ok(false) };
                let (size, content) = source.reader(entry.id)?;
                same_bytes(file, content, size)
                    .map_err(|error| SnapshotError::workspace("compared", path, error))
            }
            (State::Link(_), EntryKind::Link) => match self.target(path)? {
                Some(target) => Ok(target == source.blob(entry.id)?),
                None => Ok(false),
            },
            _ => Ok(false),
        }
    }

    /// The file at `path`, to be read; `None` if none is there any more.
    pub(super) fn open(&mut self, path: &[u8]) -> Result<Option<File>, SnapshotError> {
        let (folder, name) = split(path);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let is_here = self.way.last().is_some_and(|(here, _)| here == folder);
        // One step, where the folder would serve this file alone.
        if !is_here && let Some(file) = opened_at_once(&self.root, path, flags) {
            return Ok(Some(File::from(file)));
        }
        let handle = self.folder(folder)?;
        match openat(&*handle, name, flags, Mode::empty()) {
            Ok(file) => Ok(Some(File::from(file))),
            Err(Errno::NOENT | Errno::LOOP | Errno::NXIO) => Ok(None),
            Err(error) => Err(SnapshotError::workspace("read", path, error)),
        }
    }

    /// Where the link at `path` leads; `None` if none is there any more.
    pub(super) fn target(&mut self, path: &[u8]) -> Result<Option<Vec<u8>>, SnapshotError> {
        let (folder, name) = split(path);
        let handle = self.folder(folder)?;
        match readlinkat(&*handle, name, Vec::new()) {
            Ok(target) => Ok(Some(target.into_bytes())),
            Err(Errno::NOENT | Errno::INVAL) => Ok(None),
            Err(error) => Err(SnapshotError::workspace("read", path, error)),
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

/// Compares two contents, the second of which has so many bytes.
pub(super) fn same_bytes(mut left: impl Read, mut right: impl Read, size: u64) -> std::io::Result<bool> {
    // One more, so that an end is seen at once.
    let room = usize::try_from(size).map_or(PIECE, |size| size.saturating_add(1).min(PIECE));
    let (mut one, mut two) = (vec![0; room], vec![0; room]);
    loop {
        let (first, second) = (fill(&mut left, &mut one)?, fill(&mut right, &mut two)?);
        if one[..first] != two[..second] {
            return Ok(false);
        }
        if first < room {
            return Ok(true);
        }
    }
}

/// Reads until the buffer is full or nothing comes any more.
pub(super) fn fill(from: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match from.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
