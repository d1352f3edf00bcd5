//! Reading one file or link.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use okcvm_objects::{Batch, EntryKind, ObjectError, ObjectId, ObjectKind};
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, openat, readlinkat, statat};
use rustix::io::Errno;

use super::stat::{Times, file_kind, now, stamp_of};
use crate::error::SnapshotError;
use crate::index::{Known, Stamp};
use crate::progress::Progress;

/// Files with more bytes are streamed and never lie in memory.
const STREAM_BYTES: u64 = 8_000_000;
/// How often a file that changes under our eyes is read before it is taken as it came.
const READS: usize = 3;
/// A buffer of more bytes is not kept for the next file.
const KEPT_BUFFER: usize = 1 << 20;

thread_local! {
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// What came of reading.
pub(super) enum Read {
    Known(Known),
    /// Nothing is there any more, or something else.
    Gone,
    /// It has so many bytes, at least.
    TooLarge(u64),
    /// A large file did not hold still.
    Restless,
    /// Its content was made so that another content has the same name in git.
    Deceiving,
    Unreadable(Errno),
}

#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) batch: &'a Batch,
    pub(super) times: Times,
    pub(super) max_file_bytes: u64,
    pub(super) progress: &'a Progress,
}

/// What one attempt gave.
enum Attempt {
    Stable(Known),
    Unstable(Option<Known>),
    End(Read),
}

impl Reader<'_> {
    /// Reads a file, again if it changed meanwhile.
    pub(super) fn file(self, folder: BorrowedFd<'_>, name: &[u8]) -> Result<Read, SnapshotError> {
        let mut tries = 0;
        loop {
            tries += 1;
            self.progress.check()?;
            match self.attempt(folder, name)? {
                Attempt::Unstable(_) if tries < READS => {}
                Attempt::Stable(known) | Attempt::Unstable(Some(known)) => return Ok(Read::Known(known)),
                Attempt::Unstable(None) => return Ok(Read::Restless),
                Attempt::End(read) => return Ok(read),
            }
        }
    }

    fn attempt(self, folder: BorrowedFd<'_>, name: &[u8]) -> Result<Attempt, SnapshotError> {
        let file = match open(folder, name) {
            Ok(file) => file,
            Err(error) => return Ok(Attempt::End(sort(error))),
        };
        let before = match fstat(file.as_fd()) {
            Ok(before) => before,
            Err(error) => return Ok(Attempt::End(Read::Unreadable(error))),
        };
        if FileType::from_raw_mode(before.st_mode) != FileType::RegularFile {
            return Ok(Attempt::End(Read::Gone));
        }
        if before.st_size as u64 > self.max_file_bytes {
            return Ok(Attempt::End(Read::TooLarge(before.st_size as u64)));
        }
        let large = before.st_size as u64 > STREAM_BYTES;
        if large {
            self.let_settle(&before);
        }
        let started = now();
        let content = if large { self.stream(&file, before.st_size as u64)? } else { self.whole(&file)? };
        let (id, size) = match content {
            Content::Object(id, size) => (id, size),
            Content::Short => return Ok(Attempt::Unstable(None)),
            Content::End(read) => return Ok(Attempt::End(read)),
        };
        let after = match fstat(file.as_fd()) {
            Ok(after) => after,
            Err(error) => return Ok(Attempt::End(Read::Unreadable(error))),
        };
        let stamp = stamp_of(&after);
        let stable = stamp_of(&before) == stamp && size == stamp.size;
        let linked = after.st_nlink as u64 > 1;
        let known = Known { kind: file_kind(&after), id, size, inode: stamp.inode, linked, stamp: None };
        Ok(if stable {
            Attempt::Stable(Known { stamp: self.times.trusted(stamp, started), ..known })
        } else {
            Attempt::Unstable(Some(known))
        })
    }

    fn whole(self, file: &File) -> Result<Content, SnapshotError> {
        let mut buffer = BUFFER.take();
        buffer.clear();
        // One byte more than may be, to see that there is more.
        let limit = self.max_file_bytes.saturating_add(1);
        let result = match file.take(STREAM_BYTES.saturating_add(1).min(limit)).read_to_end(&mut buffer) {
            Ok(size) if size as u64 > self.max_file_bytes => Ok(Content::End(Read::TooLarge(size as u64))),
            // It grew; the next attempt streams it.
            Ok(size) if size as u64 > STREAM_BYTES => Ok(Content::Short),
            Ok(size) => {
                self.progress.add_bytes(size as u64);
                stored(self.batch.add(ObjectKind::Blob, &buffer), size as u64)
            }
            Err(error) => Ok(Content::End(Read::Unreadable(errno(&error)))),
        };
        if buffer.capacity() <= KEPT_BUFFER {
            BUFFER.set(buffer);
        }
        result
    }

    fn stream(self, file: &File, size: u64) -> Result<Content, SnapshotError> {
        let mut watched = Watched { file, left: size, failed: None, progress: self.progress };
        match self.batch.add_stream(&mut watched, size) {
            Err(_) if self.progress.is_cancelled() => Err(SnapshotError::Cancelled),
            Err(ObjectError::Content(error)) => {
                Ok(Content::End(Read::Unreadable(watched.failed.unwrap_or_else(|| errno(&error)))))
            }
            Err(ObjectError::OtherSize { .. }) => Ok(Content::Short),
            result => stored(result, size),
        }
    }

    /// Waits until the file's stamp can be believed once it is read, if that is soon: reading a large file
    /// twice takes longer.
    fn let_settle(self, stat: &Stat) {
        let stamp = stamp_of(stat);
        let settled = stamp.changed.max(stamp.modified).saturating_add(self.times.granularity);
        let wait = settled.saturating_add(1).saturating_sub(now());
        if (1..=self.times.granularity.min(50_000_000)).contains(&wait) {
            std::thread::sleep(Duration::from_nanos(wait as u64));
        }
    }

    /// Reads a link.
    pub(super) fn link(
        self,
        folder: BorrowedFd<'_>,
        name: &[u8],
        seen: &Stat,
    ) -> Result<Read, SnapshotError> {
        let started = now();
        match readlinkat(folder, name, Vec::new()) {
            Ok(target) => {
                let id = self.batch.add(ObjectKind::Blob, target.as_bytes())?;
                // The link may have been another one when it was looked at; it is read again the next time.
                let unchanged = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW)
                    .is_ok_and(|after| stamp_of(&after) == stamp_of(seen));
                let stamp = unchanged.then(|| self.times.trusted(stamp_of(seen), started)).flatten();
                let size = target.as_bytes().len() as u64;
                // The target of a link never changes.
                let inode = seen.st_ino as u64;
                Ok(Read::Known(Known { kind: EntryKind::Link, id, size, inode, linked: false, stamp }))
            }
            // No link any more.
            Err(Errno::NOENT | Errno::INVAL) => Ok(Read::Gone),
            Err(error) => Ok(Read::Unreadable(error)),
        }
    }
}

enum Content {
    Object(ObjectId, u64),
    /// Not as many bytes as there should have been, or too many.
    Short,
    End(Read),
}

/// A content that was made to deceive SHA-1 is named and left out; it must not keep all others from being
/// recorded.
fn stored(result: Result<ObjectId, ObjectError>, size: u64) -> Result<Content, SnapshotError> {
    match result {
        Ok(id) => Ok(Content::Object(id, size)),
        Err(ObjectError::Collision) => Ok(Content::End(Read::Deceiving)),
        Err(error) => Err(error.into()),
    }
}

/// A file that tells how far it was read, and why it could not be.
struct Watched<'a> {
    file: &'a File,
    left: u64,
    failed: Option<Errno>,
    progress: &'a Progress,
}

impl io::Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.progress.is_cancelled() {
            return Err(io::Error::other("cancelled"));
        }
        match self.file.take(self.left).read(buffer) {
            Ok(count) => {
                self.left -= count as u64;
                self.progress.add_bytes(count as u64);
                Ok(count)
            }
            Err(error) => {
                if error.kind() != io::ErrorKind::Interrupted {
                    self.failed = Some(errno(&error));
                }
                Err(error)
            }
        }
    }
}

/// Reads a file of at most `limit` bytes, for the scan itself; a longer one is `FBIG`.
pub(super) fn small(
    folder: BorrowedFd<'_>,
    name: &[u8],
    limit: u64,
    times: Times,
) -> Result<(Vec<u8>, Option<Stamp>), Errno> {
    let file = open(folder, name)?;
    let before = fstat(file.as_fd())?;
    let started = now();
    let mut content = Vec::new();
    (&file).take(limit + 1).read_to_end(&mut content).map_err(|error| errno(&error))?;
    if content.len() as u64 > limit {
        return Err(Errno::FBIG);
    }
    let stamp = stamp_of(&fstat(file.as_fd())?);
    let stable = stamp_of(&before) == stamp;
    Ok((content, stable.then(|| times.trusted(stamp, started)).flatten()))
}

/// To be read by us is no use that a file's time of access should tell of, and to write it costs.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNTOLD: OFlags = OFlags::NOATIME;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const UNTOLD: OFlags = OFlags::empty();

fn open(folder: BorrowedFd<'_>, name: &[u8]) -> Result<File, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let opened = match openat(folder, name, flags | UNTOLD, Mode::empty()) {
        // The file of another owner.
        Err(Errno::PERM) => openat(folder, name, flags, Mode::empty()),
        opened => opened,
    };
    opened.map(File::from)
}

fn sort(error: Errno) -> Read {
    match error {
        // Replaced or removed since it was looked at.
        Errno::NOENT | Errno::NOTDIR | Errno::LOOP => Read::Gone,
        error => Read::Unreadable(error),
    }
}

fn errno(error: &io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}
