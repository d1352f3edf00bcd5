//! Contents that do not have to fit into memory.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, PoisonError};
use std::thread;

use flate2::{Decompress, FlushCompress, FlushDecompress, Status};
use sha1::{Digest, Sha1};

use crate::deflate::Level;
use crate::disk::{Disk, DiskFile, read_at};
use crate::error::ObjectError;
use crate::id::{ObjectHash, ObjectId, ObjectKind};
use crate::index::Place;
use crate::pack::{HEAD, encode_head};
use crate::writer::{ClosedPack, Temporary, pack_head};

/// Files of this many bytes and more are better streamed.
pub const STREAMED_FROM: u64 = 8 << 20;
/// What is read at once.
const CHUNK: usize = 1 << 20;
/// Chunks that wait for each hash.
const AHEAD: usize = 6;

/// Writes a blob as a pack of its own: this thread reads, compresses and writes, a second one names the
/// content, a third one sums up the pack.
pub(crate) fn write(
    disk: &Arc<dyn Disk>,
    folder: &Path,
    content: &mut dyn Read,
    size: u64,
) -> Result<(ObjectId, ClosedPack), ObjectError> {
    let (temporary, mut file) = Temporary::create(disk, folder)?;
    let (to_name, chunks) = sync_channel::<Arc<Vec<u8>>>(AHEAD);
    let (to_sum, pieces) = sync_channel::<Vec<u8>>(AHEAD);
    let (id, sum, written) = thread::scope(|scope| {
        let naming = scope.spawn(move || {
            let mut hash = ObjectHash::new(ObjectKind::Blob, size);
            for chunk in chunks {
                hash.update(&chunk);
            }
            hash.finish()
        });
        let summing = scope.spawn(move || {
            let mut hash = Sha1::new();
            for piece in pieces {
                hash.update(&piece);
            }
            <[u8; 20]>::from(hash.finalize())
        });
        let mut output = Output {
            file: &mut file,
            path: &temporary.path,
            crc: crc32fast::Hasher::new(),
            written: 0,
            to_sum,
        };
        let written = compress(content, size, &mut output, |chunk| {
            // The other side goes on until this one is dropped.
            let _ = to_name.send(chunk);
        });
        let written = written.map(|()| (output.crc.clone().finalize(), output.written));
        drop((to_name, output));
        let failed = |_| ObjectError::damaged("a content", "its hashing failed");
        let id = naming.join().map_err(failed)?;
        let sum = summing.join().map_err(failed)?;
        let written = written?;
        Ok::<_, ObjectError>((id?, sum, written))
    })?;
    let (crc, size) = written;
    file.write(&sum).map_err(ObjectError::storage("written", &temporary.path))?;
    let places = vec![Place { id, crc, offset: HEAD }];
    Ok((id, ClosedPack { temporary, sum, size: size + 20, places }))
}

struct Output<'a> {
    file: &'a mut Box<dyn DiskFile>,
    path: &'a Path,
    /// Of head and stream of the object.
    crc: crc32fast::Hasher,
    written: u64,
    to_sum: SyncSender<Vec<u8>>,
}

impl Output<'_> {
    fn write(&mut self, bytes: Vec<u8>) -> Result<(), ObjectError> {
        self.file.write(&bytes).map_err(ObjectError::storage("written", self.path))?;
        if self.written >= HEAD {
            self.crc.update(&bytes);
        }
        self.written += bytes.len() as u64;
        // The other side goes on until this one is dropped.
        let _ = self.to_sum.send(bytes);
        Ok(())
    }
}

/// Writes head and stream; each chunk that was read goes to `read` as well.
fn compress(
    content: &mut dyn Read,
    size: u64,
    output: &mut Output<'_>,
    mut read: impl FnMut(Arc<Vec<u8>>),
) -> Result<(), ObjectError> {
    output.write(pack_head(1)?.to_vec())?;
    let room = || Vec::with_capacity(CHUNK + CHUNK / 8);
    let mut packed = room();
    encode_head(ObjectKind::Blob, size, &mut packed);
    let mut state = None;
    let mut given = 0;
    loop {
        let wanted = CHUNK.min(usize::try_from(size - given).unwrap_or(CHUNK));
        let chunk = Arc::new(fill(content, wanted)?);
        given += chunk.len() as u64;
        if chunk.len() < wanted {
            return Err(ObjectError::OtherSize { said: size, given });
        }
        read(Arc::clone(&chunk));
        let state = state.get_or_insert_with(|| Level::of(&chunk).compressor());
        let flush = if given == size { FlushCompress::Finish } else { FlushCompress::None };
        let mut input = chunk.as_slice();
        loop {
            let (taken, made) = (state.total_in(), packed.len());
            let status = state
                .compress_vec(input, &mut packed, flush)
                .map_err(|error| ObjectError::damaged("a content", error.to_string()))?;
            input = &input[(state.total_in() - taken) as usize..];
            let done = match flush {
                FlushCompress::Finish => status == Status::StreamEnd,
                _ => input.is_empty(),
            };
            if packed.len() >= CHUNK || done || packed.len() == made {
                output.write(std::mem::replace(&mut packed, room()))?;
            }
            if done {
                break;
            }
        }
        if given == size {
            break;
        }
    }
    if !fill(content, 1)?.is_empty() {
        return Err(ObjectError::OtherSize { said: size, given: given + 1 });
    }
    Ok(())
}

/// Up to `wanted` bytes; fewer only at the end.
fn fill(content: &mut dyn Read, wanted: usize) -> Result<Vec<u8>, ObjectError> {
    let mut bytes = Vec::with_capacity(wanted);
    content.take(wanted as u64).read_to_end(&mut bytes).map_err(ObjectError::Content)?;
    Ok(bytes)
}

/// Reads a whole object out of a pack, piece by piece.
pub(crate) struct PackStream {
    file: Arc<File>,
    /// Where the next compressed bytes lie.
    offset: u64,
    state: Decompress,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes that are still to come out.
    left: u64,
    done: bool,
}

impl PackStream {
    pub(crate) fn new(file: Arc<File>, offset: u64, size: u64) -> Self {
        let buffer = vec![0; 128 * 1024];
        Self { file, offset, state: Decompress::new(true), buffer, start: 0, end: 0, left: size, done: false }
    }

    /// Compressed bytes that were taken so far.
    pub(crate) fn used(&self) -> u64 {
        self.state.total_in()
    }
}

impl Read for PackStream {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let damaged = |reason: &str| io::Error::new(io::ErrorKind::InvalidData, reason.to_owned());
        loop {
            if self.done {
                return Ok(0);
            }
            if self.start == self.end {
                self.end = read_at(&self.file, &mut self.buffer, self.offset)?;
                self.offset += self.end as u64;
                self.start = 0;
                if self.end == 0 {
                    return Err(damaged("the content ends too early"));
                }
            }
            let (taken, made) = (self.state.total_in(), self.state.total_out());
            let status = self
                .state
                .decompress(&self.buffer[self.start..self.end], out, FlushDecompress::None)
                .map_err(|error| damaged(&error.to_string()))?;
            self.start += (self.state.total_in() - taken) as usize;
            let made = self.state.total_out() - made;
            self.left = self.left.checked_sub(made).ok_or_else(|| damaged("the content is too long"))?;
            if status == Status::StreamEnd {
                if self.left > 0 {
                    return Err(damaged("the content is too short"));
                }
                self.done = true;
            }
            if made > 0 || out.is_empty() {
                return Ok(made as usize);
            }
        }
    }
}

/// Whatever a lock protects here is whole after a panic elsewhere.
pub(crate) fn locked<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
