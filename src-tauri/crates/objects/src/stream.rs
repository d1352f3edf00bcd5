//! Contents that do not have to fit into memory.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, PoisonError};
use std::thread;

use flate2::{Decompress, FlushCompress, FlushDecompress, Status};
use sha1::{Digest, Sha1};

use crate::deflate::Level;
use crate::disk::{Disk, read_at};
use crate::error::ObjectError;
use crate::id::{ObjectHash, ObjectId, ObjectKind};
use crate::index::Place;
use crate::pack::{HEAD, encode_head};
use crate::writer::{ClosedPack, Temporary, pack_head};

/// Files of this many bytes and more are better streamed.
pub const STREAMED_FROM: u64 = 8 << 20;
/// What is read at once.
const CHUNK: usize = 1 << 20;
/// Chunks that wait for their hash.
const AHEAD: usize = 6;

/// Writes a blob as a pack of its own: this thread reads, compresses and writes, another one hashes.
pub(crate) fn write(
    disk: &Arc<dyn Disk>,
    folder: &Path,
    content: &mut dyn Read,
    size: u64,
) -> Result<(ObjectId, ClosedPack), ObjectError> {
    let (temporary, file) = Temporary::create(disk, folder)?;
    let mut output = Output { file, path: temporary.path.clone(), hash: Sha1::new(), written: 0 };
    let (to_hash, chunks) = sync_channel::<Arc<Vec<u8>>>(AHEAD);
    let (id, crc) = thread::scope(|scope| {
        let hashing = scope.spawn(move || {
            let mut hash = ObjectHash::new(ObjectKind::Blob, size);
            for chunk in chunks {
                hash.update(&chunk);
            }
            hash.finish()
        });
        let written = compress(content, size, &mut output, |chunk| {
            // The other side goes on until this one is dropped.
            let _ = to_hash.send(chunk);
        });
        drop(to_hash);
        let id = hashing.join().map_err(|_| ObjectError::damaged("a content", "its hashing failed"))?;
        let crc = written?;
        Ok::<_, ObjectError>((id?, crc))
    })?;
    let sum: [u8; 20] = output.hash.clone().finalize().into();
    output.file.write(&sum).map_err(ObjectError::storage("written", &output.path))?;
    let places = vec![Place { id, crc, offset: HEAD }];
    Ok((id, ClosedPack { temporary, sum, size: output.written + 20, places }))
}

struct Output {
    file: Box<dyn crate::disk::DiskFile>,
    path: std::path::PathBuf,
    hash: Sha1,
    written: u64,
}

impl Output {
    fn write(&mut self, bytes: &[u8]) -> Result<(), ObjectError> {
        self.file.write(bytes).map_err(ObjectError::storage("written", &self.path))?;
        self.hash.update(bytes);
        self.written += bytes.len() as u64;
        Ok(())
    }
}

/// Writes head and stream; each chunk that was read goes to `read` as well. Gives the CRC-32.
fn compress(
    content: &mut dyn Read,
    size: u64,
    output: &mut Output,
    mut read: impl FnMut(Arc<Vec<u8>>),
) -> Result<u32, ObjectError> {
    output.write(&pack_head(1)?)?;
    let mut crc = crc32fast::Hasher::new();
    let mut packed = Vec::with_capacity(CHUNK + CHUNK / 8);
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
                crc.update(&packed);
                output.write(&packed)?;
                packed.clear();
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
    Ok(crc.finalize())
}

/// Up to `wanted` bytes; fewer only at the end.
fn fill(content: &mut dyn Read, wanted: usize) -> Result<Vec<u8>, ObjectError> {
    let mut bytes = vec![0; wanted];
    let mut filled = 0;
    while filled < wanted {
        match content.read(&mut bytes[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(ObjectError::Content(error)),
        }
    }
    bytes.truncate(filled);
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
