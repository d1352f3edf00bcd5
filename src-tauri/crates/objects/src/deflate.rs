//! Compressing and inflating.

use std::cell::RefCell;
use std::fs::File;
use std::io;
use std::sync::{Mutex, PoisonError};

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use crate::ObjectKind;
use crate::disk::read_at;

/// Contents from this size on are sampled before they are compressed.
const SAMPLED_FROM: usize = 16 * 1024;
/// Bytes of each of the four samples.
const SAMPLE: usize = 4 * 1024;
/// Trees with fewer bytes, which are ids for the most part, are not worth a compressor.
const SMALL_TREE: u16 = 512;
/// What is read of a pack at once.
const READ: usize = 64 * 1024;

/// How hard to compress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Level {
    /// zlib's 1.
    Fast,
    /// Not at all: the content does not get smaller. Still a valid stream.
    Stored,
}

impl Level {
    pub(crate) fn compressor(self) -> Compress {
        let level = match self {
            Self::Fast => Compression::new(1),
            Self::Stored => Compression::none(),
        };
        Compress::new(level, true)
    }

    /// Fast, unless samples of the content stay above 95 per cent of their size.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        if bytes.len() < SAMPLED_FROM {
            return Self::Fast;
        }
        let step = (bytes.len() - SAMPLE) / 3;
        let mut sample = Vec::with_capacity(4 * SAMPLE);
        for number in 0..4 {
            sample.extend_from_slice(&bytes[number * step..number * step + SAMPLE]);
        }
        let mut out = Vec::with_capacity(sample.len() + 64);
        compress_at(Self::Fast, &sample, &mut out);
        if out.len() * 100 > sample.len() * 95 { Self::Stored } else { Self::Fast }
    }
}

/// Compressors that nobody uses: to make one takes longer than a small object, and threads come and go.
static FAST: Mutex<Vec<Compress>> = Mutex::new(Vec::new());

thread_local! {
    static STORED: RefCell<Compress> = RefCell::new(Level::Stored.compressor());
    static INFLATE: RefCell<Decompress> = RefCell::new(Decompress::new(true));
}

/// Appends the zlib stream of an object's content.
pub(crate) fn compress(kind: ObjectKind, bytes: &[u8], out: &mut Vec<u8>) {
    match u16::try_from(bytes.len()) {
        Ok(length) if kind == ObjectKind::Tree && length < SMALL_TREE => store(length, bytes, out),
        _ => compress_at(Level::of(bytes), bytes, out),
    }
}

/// Appends the zlib stream of `bytes` in one block that is not compressed (RFC 1950 and 1951).
fn store(length: u16, bytes: &[u8], out: &mut Vec<u8>) {
    const HEAD: [u8; 2] = [0x78, 0x01];
    const LAST_BLOCK_STORED: u8 = 1;
    out.extend_from_slice(&HEAD);
    out.push(LAST_BLOCK_STORED);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&(!length).to_le_bytes());
    out.extend_from_slice(bytes);
    out.extend_from_slice(&simd_adler32::adler32(&bytes).to_be_bytes());
}

fn compress_at(level: Level, bytes: &[u8], out: &mut Vec<u8>) {
    if level == Level::Stored {
        return STORED.with_borrow_mut(|state| compress_with(state, bytes, out));
    }
    let idle = || FAST.lock().unwrap_or_else(PoisonError::into_inner);
    let known = idle().pop();
    let mut state = known.unwrap_or_else(|| level.compressor());
    compress_with(&mut state, bytes, out);
    idle().push(state);
}

fn compress_with(state: &mut Compress, bytes: &[u8], out: &mut Vec<u8>) {
    state.reset();
    out.reserve(bytes.len() / 2 + 64);
    let mut input = bytes;
    loop {
        let before = state.total_in();
        // The only error is one of the stream's state, which was just reset.
        let status = state.compress_vec(input, out, FlushCompress::Finish);
        input = &input[(state.total_in() - before) as usize..];
        match status {
            Ok(Status::StreamEnd) | Err(_) => return,
            Ok(_) => out.reserve(bytes.len() / 4 + 1024),
        }
    }
}

/// Why a stream did not inflate.
#[derive(Debug)]
pub(crate) enum Inflation {
    /// The system did not give its bytes; they may be sound.
    Unread(io::Error),
    /// In words, what is wrong with it.
    Wrong(String),
}

impl From<&str> for Inflation {
    fn from(reason: &str) -> Self {
        Self::Wrong(reason.to_owned())
    }
}

/// Inflates the stream that starts at `offset` of a file into exactly `size` bytes; says also how long the
/// stream is.
pub(crate) fn inflate_at(file: &File, offset: u64, size: u64) -> Result<(Vec<u8>, u64), Inflation> {
    let capacity = usize::try_from(size).map_err(|_| "it is too large")?;
    // A size that a damaged header made up must not take the memory at once.
    let mut out = Vec::with_capacity(capacity.min(64 << 20) + 1);
    let mut buffer = vec![0; capacity.saturating_add(128).min(READ)];
    INFLATE.with_borrow_mut(|state| {
        state.reset(true);
        loop {
            let filled = read_at(file, &mut buffer, offset.saturating_add(state.total_in()))
                .map_err(Inflation::Unread)?;
            if filled == 0 {
                return Err("it ends too early".into());
            }
            let mut input = &buffer[..filled];
            loop {
                let before = state.total_in();
                let produced = out.len();
                let status = state.decompress_vec(input, &mut out, FlushDecompress::None);
                input = &input[(state.total_in() - before) as usize..];
                if out.len() > capacity {
                    return Err("it is longer than it says".into());
                }
                match status {
                    Err(error) => return Err(Inflation::Wrong(format!("it does not inflate: {error}"))),
                    Ok(Status::StreamEnd) if out.len() == capacity => return Ok((out, state.total_in())),
                    Ok(Status::StreamEnd) => return Err("it is shorter than it says".into()),
                    Ok(_) if out.len() == out.capacity() => {
                        out.reserve((capacity - out.len()).min(out.len()) + 1);
                    }
                    Ok(_) if input.is_empty() || out.len() == produced => break,
                    Ok(_) => {}
                }
            }
        }
    })
}

/// Inflates the first bytes, at least `wanted`, of the stream that starts at `offset`; fewer where it ends.
pub(crate) fn inflate_start(file: &File, offset: u64, wanted: usize) -> Result<Vec<u8>, Inflation> {
    let mut out = Vec::with_capacity(wanted);
    let mut buffer = [0; 512];
    INFLATE.with_borrow_mut(|state| {
        state.reset(true);
        loop {
            let at = offset.saturating_add(state.total_in());
            let filled = read_at(file, &mut buffer, at).map_err(Inflation::Unread)?;
            if filled == 0 {
                return Err("it ends too early".into());
            }
            match state.decompress_vec(&buffer[..filled], &mut out, FlushDecompress::None) {
                Err(error) => return Err(Inflation::Wrong(format!("it does not inflate: {error}"))),
                Ok(Status::StreamEnd) => return Ok(out),
                Ok(_) if out.len() >= wanted => return Ok(out),
                Ok(_) => {}
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn noise(length: usize) -> Vec<u8> {
        let mut random = fastrand::Rng::with_seed(7);
        (0..length).map(|_| random.u8(..)).collect()
    }

    #[test]
    fn noise_is_stored_and_text_is_compressed() {
        let text = b"a line like the one before\n".repeat(4000);
        assert_eq!(Level::of(&text), Level::Fast);
        assert_eq!(Level::of(&noise(100_000)), Level::Stored);
        let mut out = Vec::new();
        compress(ObjectKind::Blob, &text, &mut out);
        assert!(out.len() < text.len() / 20);
    }

    #[test]
    fn a_size_that_cannot_be_is_refused() {
        let mut file = tempfile::tempfile().unwrap();
        let mut out = Vec::new();
        compress(ObjectKind::Blob, b"content", &mut out);
        file.write_all(&out).unwrap();
        for size in [u64::MAX, u64::MAX - 1, u64::MAX / 2] {
            assert!(matches!(inflate_at(&file, 0, size), Err(Inflation::Wrong(_))), "{size}");
        }
    }

    #[test]
    fn every_length_comes_back() {
        let noise = noise(300_000);
        let mut file = tempfile::tempfile().unwrap();
        let mut streams = Vec::new();
        let mut at = 0;
        let lengths = [0, 1, 5, 127, 16_383, 16_384, 65_535, 65_536, 70_000, 300_000];
        let trees = [0, 1, 5, 127, 511, 512, 513].map(|length| (ObjectKind::Tree, length));
        for (kind, length) in lengths.map(|length| (ObjectKind::Blob, length)).into_iter().chain(trees) {
            let mut out = Vec::new();
            compress(kind, &noise[..length], &mut out);
            file.write_all(&out).unwrap();
            streams.push((at, length, out.len() as u64));
            at += out.len() as u64;
        }
        for (at, length, long) in streams {
            let (bytes, used) = inflate_at(&file, at, length as u64).unwrap();
            assert!(bytes == noise[..length] && used == long, "{length}");
            let start = inflate_start(&file, at, 20).unwrap();
            assert!(start.len() >= length.min(20) && noise.starts_with(&start), "{length}");
            assert!(inflate_at(&file, at, length as u64 + 1).is_err());
            if length > 0 {
                assert!(inflate_at(&file, at, length as u64 - 1).is_err());
            }
        }
    }
}
