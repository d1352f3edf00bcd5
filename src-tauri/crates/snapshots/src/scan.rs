//! Reading a workspace into git objects.
//!
//! The walk goes by folder handles and follows no link. A file whose stamp (size, times, inode, mode) is
//! the one of the last scan is not read again. Of a file that changes while it is read, the object is made
//! of the very bytes that were read, so that its name and its content always agree; it is read again the
//! next time. The one change that no stamp shows is a write through a memory mapping that was already
//! dirty when the file was read; the system dates it only when it writes the page back.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{SystemTime, UNIX_EPOCH};

use git2::{ObjectType, Odb, Oid};
use okcvm_protocol::SkippedFile;
use okcvm_workspace::TEMPORARY_PREFIX;
use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, Stat, fstat, openat, readlinkat, statat};
use rustix::io::Errno;

use crate::cache::{Cache, Known, Stamp};
use crate::entry::{Entry, Kind, below, encode_tree, shown};
use crate::error::SnapshotError;
use crate::left_out::{forbidden_name, tool_folder};

/// A stamp younger than this is not trusted: the clocks of file systems tick as slowly as every two seconds.
const RACY_NANOSECONDS: i64 = 2_000_000_000;
/// Folders inside of folders that are recorded.
const MAX_DEPTH: usize = 200;
/// Skipped entries that are named one by one.
const MAX_NAMED: usize = 2_000;
/// How often a file that changes under our eyes is read before it is taken as it came.
const READS: usize = 3;

/// The workspace as it was read.
#[derive(Debug)]
pub(crate) struct Scan {
    pub(crate) tree: Oid,
    pub(crate) skipped: Vec<SkippedFile>,
    /// For the next scan.
    pub(crate) cache: Cache,
    /// Objects that may not be on the disk yet.
    pub(crate) written: HashSet<Oid>,
}

/// Why a scan ended early.
pub(crate) enum ScanError {
    /// The cache names an object that is not there (any more): scan again without it.
    StaleCache,
    Failed(SnapshotError),
}

impl<E: Into<SnapshotError>> From<E> for ScanError {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Reads the workspace with the handle `root` and writes what `cache` does not know into `odb`.
pub(crate) fn scan(
    odb: &Odb<'_>,
    root: BorrowedFd<'_>,
    cache: &Cache,
    max_file_bytes: u64,
) -> Result<Scan, ScanError> {
    let failed = |error: Errno| SnapshotError::workspace("read", b".", error);
    // A handle of its own, since a walk moves its position.
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let handle = openat(root, ".", flags, Mode::empty()).map_err(failed)?;
    let device = fstat(&handle).map_err(failed)?.st_dev as u64;
    let mut known: HashSet<Oid> = cache.files.values().map(|file| file.oid).collect();
    known.extend(cache.folders.values());
    let mut walk = Walk {
        odb,
        old: cache,
        new: Cache { workspace: cache.workspace.clone(), ..Cache::default() },
        known,
        written: HashSet::new(),
        skipped: Vec::new(),
        unnamed: 0,
        device,
        max_file_bytes,
    };
    let Some(tree) = walk.folder(handle, &[], 0)? else {
        return Err(failed(Errno::NOENT).into());
    };
    if walk.unnamed > 0 {
        let reason = format!("and {} more that are not named here", walk.unnamed);
        walk.skipped.push(SkippedFile { path: "…".to_owned(), reason });
    }
    Ok(Scan { tree, skipped: walk.skipped, cache: walk.new, written: walk.written })
}

struct Walk<'a> {
    odb: &'a Odb<'a>,
    old: &'a Cache,
    new: Cache,
    /// Objects that are in the repository.
    known: HashSet<Oid>,
    written: HashSet<Oid>,
    skipped: Vec<SkippedFile>,
    unnamed: u64,
    device: u64,
    max_file_bytes: u64,
}

impl Walk<'_> {
    /// The tree of a folder; `None` if it cannot be read, which is then named.
    fn folder(&mut self, handle: OwnedFd, path: &[u8], depth: usize) -> Result<Option<Oid>, ScanError> {
        let names = Dir::new(handle).and_then(|mut folder| {
            let mut names = Vec::new();
            while let Some(entry) = folder.read() {
                let name = entry?.file_name().to_bytes().to_vec();
                if name != b"." && name != b".." {
                    names.push(name);
                }
            }
            Ok((folder, names))
        });
        let (folder, mut names) = match names {
            Ok(read) => read,
            Err(error) if path.is_empty() => return Err(SnapshotError::workspace("read", b".", error).into()),
            Err(error) => {
                self.skip(path, &unreadable(error));
                return Ok(None);
            }
        };
        names.sort_unstable();
        let handle = folder.fd().map_err(|error| SnapshotError::workspace("read", path, error))?;
        let mut entries = Vec::with_capacity(names.len());
        for name in names {
            if let Some(entry) = self.entry(handle, &name, &below(path, &name), depth)? {
                entries.push((name, entry));
            }
        }
        self.tree(path, entries).map(Some)
    }

    fn entry(
        &mut self,
        folder: BorrowedFd<'_>,
        name: &[u8],
        path: &[u8],
        depth: usize,
    ) -> Result<Option<Entry>, ScanError> {
        if let Some(reason) = forbidden_name(name) {
            self.skip(path, reason);
            return Ok(None);
        }
        if name.starts_with(TEMPORARY_PREFIX.as_bytes()) {
            self.skip(path, "an unfinished write of this program");
            return Ok(None);
        }
        let stat = match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => {
                self.skip(path, &unreadable(error));
                return Ok(None);
            }
        };
        match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => self.subfolder(folder, name, path, &stat, depth),
            FileType::RegularFile => self.file(folder, name, path, &stat),
            FileType::Symlink => self.link(folder, name, path, &stat),
            _ => {
                self.skip(path, "a pipe, socket or device is not recorded");
                Ok(None)
            }
        }
    }

    fn subfolder(
        &mut self,
        folder: BorrowedFd<'_>,
        name: &[u8],
        path: &[u8],
        stat: &Stat,
        depth: usize,
    ) -> Result<Option<Entry>, ScanError> {
        if let Some(reason) = tool_folder(name) {
            self.skip(path, reason);
            return Ok(None);
        }
        if stat.st_dev as u64 != self.device {
            self.skip(path, "another file system is mounted here, and is not recorded");
            return Ok(None);
        }
        if depth >= MAX_DEPTH {
            self.skip(path, "folders are nested too deeply");
            return Ok(None);
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        match openat(folder, name, flags, Mode::empty()) {
            Ok(handle) => {
                let tree = self.folder(handle, path, depth + 1)?;
                Ok(tree.map(|oid| Entry { kind: Kind::Folder, oid }))
            }
            // Replaced or removed since it was looked at.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
            Err(error) => {
                self.skip(path, &unreadable(error));
                Ok(None)
            }
        }
    }

    fn file(
        &mut self,
        folder: BorrowedFd<'_>,
        name: &[u8],
        path: &[u8],
        stat: &Stat,
    ) -> Result<Option<Entry>, ScanError> {
        if stat.st_size as u64 > self.max_file_bytes {
            self.skip_large(path, stat.st_size as u64);
            return Ok(None);
        }
        if let Some(oid) = self.unchanged(path, stat) {
            return Ok(Some(Entry { kind: file_kind(stat), oid }));
        }
        let read = match read_file(folder, name, self.max_file_bytes) {
            Ok(read) => read,
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(None),
            Err(Errno::FBIG) => {
                self.skip_large(path, self.max_file_bytes.saturating_add(1));
                return Ok(None);
            }
            Err(error) => {
                self.skip(path, &unreadable(error));
                return Ok(None);
            }
        };
        let likely_known = self.old.files.get(path).is_some_and(|known| known.stamp.is_none());
        let oid = self.blob(&read.bytes, likely_known)?;
        self.new.files.insert(path.to_vec(), Known { oid, stamp: read.stamp });
        Ok(Some(Entry { kind: read.kind, oid }))
    }

    fn link(
        &mut self,
        folder: BorrowedFd<'_>,
        name: &[u8],
        path: &[u8],
        stat: &Stat,
    ) -> Result<Option<Entry>, ScanError> {
        if let Some(oid) = self.unchanged(path, stat) {
            return Ok(Some(Entry { kind: Kind::Link, oid }));
        }
        match readlinkat(folder, name, Vec::new()) {
            Ok(target) => {
                let oid = self.blob(target.as_bytes(), true)?;
                // The link may have been another one when it was looked at; it is read again the next time.
                let unchanged = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
                    .is_ok_and(|after| stamp_of(&after) == stamp_of(stat));
                let stamp = unchanged.then(|| trusted(stamp_of(stat), now())).flatten();
                self.new.files.insert(path.to_vec(), Known { oid, stamp });
                Ok(Some(Entry { kind: Kind::Link, oid }))
            }
            // No link any more.
            Err(Errno::NOENT | Errno::INVAL) => Ok(None),
            Err(error) => {
                self.skip(path, &unreadable(error));
                Ok(None)
            }
        }
    }

    /// The object of a file that has not changed since it was last read.
    fn unchanged(&mut self, path: &[u8], stat: &Stat) -> Option<Oid> {
        let known = *self.old.files.get(path)?;
        (known.stamp? == stamp_of(stat)).then(|| {
            self.new.files.insert(path.to_vec(), known);
            known.oid
        })
    }

    fn blob(&mut self, bytes: &[u8], likely_known: bool) -> Result<Oid, ScanError> {
        // Hashing apart from writing pays only if it saves the write.
        if likely_known {
            let oid = Oid::hash_object(ObjectType::Blob, bytes)?;
            if self.known.contains(&oid) {
                return Ok(oid);
            }
        }
        let oid = self.odb.write(ObjectType::Blob, bytes).map_err(writing)?;
        self.known.insert(oid);
        self.written.insert(oid);
        Ok(oid)
    }

    fn tree(&mut self, path: &[u8], entries: Vec<(Vec<u8>, Entry)>) -> Result<Oid, ScanError> {
        let oids: Vec<Oid> = entries.iter().map(|(_, entry)| entry.oid).collect();
        let bytes = encode_tree(entries);
        let oid = Oid::hash_object(ObjectType::Tree, &bytes)?;
        if !self.known.contains(&oid) {
            // Somebody else's housekeeping may have removed what nothing named any more.
            if oids.iter().any(|oid| !self.written.contains(oid) && !self.odb.exists(*oid)) {
                return Err(ScanError::StaleCache);
            }
            self.odb.write(ObjectType::Tree, &bytes).map_err(writing)?;
            self.known.insert(oid);
            self.written.insert(oid);
        }
        self.new.folders.insert(path.to_vec(), oid);
        Ok(oid)
    }

    fn skip_large(&mut self, path: &[u8], size: u64) {
        let (size, limit) = (size.div_ceil(1_000_000), self.max_file_bytes / 1_000_000);
        self.skip(path, &format!("it has {size} MB, and files over {limit} MB are not recorded"));
    }

    fn skip(&mut self, path: &[u8], reason: &str) {
        if self.skipped.len() < MAX_NAMED {
            self.skipped.push(SkippedFile { path: shown(path), reason: reason.to_owned() });
        } else {
            self.unnamed += 1;
        }
    }
}

fn writing(error: git2::Error) -> SnapshotError {
    // libgit2 passes the system's answer on as text only.
    if error.class() == git2::ErrorClass::Os && error.message().contains("No space left") {
        return SnapshotError::DiskFull { path: "the history".to_owned() };
    }
    SnapshotError::Git(error)
}

struct ReadFile {
    bytes: Vec<u8>,
    kind: Kind,
    stamp: Option<Stamp>,
}

/// Reads a file whole, again if it changed meanwhile. `FBIG` if it grew over the limit.
fn read_file(folder: BorrowedFd<'_>, name: &[u8], max_file_bytes: u64) -> Result<ReadFile, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let mut tries = 0;
    loop {
        tries += 1;
        let mut file = File::from(openat(folder, name, flags, Mode::empty())?);
        let before = fstat(file.as_fd())?;
        if FileType::from_raw_mode(before.st_mode) != FileType::RegularFile {
            return Err(Errno::NOENT);
        }
        let started = now();
        let mut bytes = Vec::with_capacity((before.st_size as u64).min(max_file_bytes) as usize + 1);
        let failed = |error: std::io::Error| Errno::from_io_error(&error).unwrap_or(Errno::IO);
        (&mut file).take(max_file_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > max_file_bytes {
            return Err(Errno::FBIG);
        }
        let after = fstat(file.as_fd())?;
        let stable = stamp_of(&before) == stamp_of(&after) && bytes.len() as u64 == after.st_size as u64;
        if stable || tries >= READS {
            let stamp = stable.then(|| trusted(stamp_of(&after), started)).flatten();
            return Ok(ReadFile { bytes, kind: file_kind(&after), stamp });
        }
    }
}

fn file_kind(stat: &Stat) -> Kind {
    if stat.st_mode & 0o111 == 0 { Kind::File } else { Kind::Executable }
}

pub(crate) fn stamp_of(stat: &Stat) -> Stamp {
    let nanoseconds = |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
    Stamp {
        size: stat.st_size as u64,
        modified: nanoseconds(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
        changed: nanoseconds(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        inode: stat.st_ino as u64,
        mode: stat.st_mode as u32,
    }
}

/// The stamp, if a change after `read_at` cannot have left the same one.
fn trusted(stamp: Stamp, read_at: i64) -> Option<Stamp> {
    (stamp.changed.max(stamp.modified).saturating_add(RACY_NANOSECONDS) < read_at).then_some(stamp)
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64)
}

fn unreadable(error: Errno) -> String {
    format!("it could not be read ({})", std::io::Error::from(error))
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
