//! What is in an archive. Only its list is read: nothing of it is unpacked, so that a bomb stays a small file.

mod sevenz;
mod tar;
mod zip;

use std::io::{self, BufRead, BufReader, Read};

use bzip2::read::MultiBzDecoder;
use flate2::read::MultiGzDecoder;
use lzma_rust2::XzReader;
use okcvm_protocol::{ArchiveEntry, ArchiveListing};
use ruzstd::decoding::{FrameDecoder, StreamingDecoder};

use crate::{PreviewError, Wanted};
use crate::source::Material;

/// Entries that are named; more are counted.
const MAX_LISTED: usize = 10_000;
/// Bytes of their names together.
const MAX_LISTED_BYTES: usize = 2 * 1024 * 1024;
/// Entries that are looked at.
const MAX_ENTRIES: u64 = 2_000_000;
/// A tar archive that is compressed has its list between its files: so much is inflated, and dropped, to find it.
const MAX_INFLATED: u64 = 256 * 1024 * 1024;
/// Bytes that an unpacker may look back, and so the memory that it takes.
const MAX_WINDOW: u32 = 128 * 1024 * 1024;
/// Longest name that is kept.
const MAX_NAME: usize = 4_096;
/// An archive that says it becomes so many times as large is called a bomb.
const BOMB_RATIO: u64 = 200;
/// A smaller one is none, whatever its ratio.
const BOMB_SIZE: u64 = 100 * 1024 * 1024;

/// What an archive is, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArchiveKind {
    Zip,
    Tar,
    /// One compressed file, which may be a tar archive.
    Packed(Packing),
    SevenZip,
    /// Known by name alone: what reads it is not free to be written.
    Rar,
}

/// How one file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Packing {
    Gzip,
    Xz,
    Zstandard,
    Bzip2,
}

pub(crate) fn kind(start: &[u8]) -> Option<ArchiveKind> {
    let known = [
        (&b"PK\x03\x04"[..], ArchiveKind::Zip),
        (b"PK\x05\x06", ArchiveKind::Zip),
        (b"\x1f\x8b", ArchiveKind::Packed(Packing::Gzip)),
        (b"\xfd7zXZ\0", ArchiveKind::Packed(Packing::Xz)),
        (b"\x28\xb5\x2f\xfd", ArchiveKind::Packed(Packing::Zstandard)),
        (b"BZh", ArchiveKind::Packed(Packing::Bzip2)),
        (b"7z\xbc\xaf\x27\x1c", ArchiveKind::SevenZip),
        (b"Rar!\x1a\x07", ArchiveKind::Rar),
    ];
    if tar::is_header(start) {
        return Some(ArchiveKind::Tar);
    }
    known.iter().find(|(mark, _)| start.starts_with(mark)).map(|(_, kind)| *kind)
}

/// Lists an archive, as long as the list is wanted. Bounded in memory and in what is inflated, whatever the archive says
/// about itself.
pub fn list_archive(material: &Material, wanted: &Wanted) -> Result<ArchiveListing, PreviewError> {
    if material.size == 0 {
        return Err(broken(material, "is empty"));
    }
    let start = material.range(0, 512)?;
    let mut found = Found::new(wanted);
    match kind(&start) {
        Some(ArchiveKind::Zip) => zip::list(material, &mut found)?,
        Some(ArchiveKind::Tar) => {
            // A file is passed over, however large; a stream of the history has to be read, and is bounded.
            match material.file_reader()? {
                Some(mut reader) => tar::list(material, &mut reader, &mut found)?,
                None => tar::list(material, &mut tar::Stream(material.reader()?), &mut found)?,
            }
        }
        Some(ArchiveKind::Packed(packing)) => packed(material, packing, &mut found)?,
        Some(ArchiveKind::SevenZip) => sevenz::list(material, &mut found)?,
        Some(ArchiveKind::Rar) => {
            found.truncated = true;
            found.notes.push(
                "It is a RAR archive, whose list is not read here. A program of this computer may open it."
                    .to_owned(),
            );
        }
        None => return Err(broken(material, "is not an archive that is known here, or it is damaged")),
    }
    Ok(found.listing(material.size))
}

fn packed(material: &Material, packing: Packing, found: &mut Found<'_>) -> Result<(), PreviewError> {
    let mut reader = Bounded { inner: unpacker(material, packing)?, left: MAX_INFLATED };
    let mut start = Vec::new();
    if let Err(error) = Read::by_ref(&mut reader).take(512).read_to_end(&mut start)
        && start.is_empty()
    {
        tracing::debug!(%error, "an archive cannot be unpacked");
        return Err(broken(material, "is damaged: its compressed content cannot be read"));
    }
    if tar::is_header(&start) {
        let reader = start.as_slice().chain(reader);
        return tar::list(material, &mut tar::Stream(reader), found);
    }
    let (endings, size): (&[&str], _) = match packing {
        // The length at its end is that of the last part, modulo 4 GB (RFC 1952): it is what the file says.
        Packing::Gzip => {
            let end = material.range(material.size.saturating_sub(4), 4)?;
            (&[".gz"], end.first_chunk::<4>().map_or(0, |bytes| u64::from(u32::from_le_bytes(*bytes))))
        }
        // The others do not say it everywhere: it is unpacked and counted.
        Packing::Xz => (&[".xz"], counted(reader, start.len(), found)?),
        Packing::Zstandard => (&[".zst", ".zstd"], counted(reader, start.len(), found)?),
        Packing::Bzip2 => (&[".bz2"], counted(reader, start.len(), found)?),
    };
    let name = material.name();
    let path = endings.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name).to_owned();
    let packed = Some(material.size);
    found.take(ArchiveEntry { path, size, packed, folder: false, modified_at: None })?;
    Ok(())
}

fn unpacker(material: &Material, packing: Packing) -> Result<Box<dyn Read + Send>, PreviewError> {
    let reader = material.reader()?;
    Ok(match packing {
        Packing::Gzip => Box::new(MultiGzDecoder::new(reader)),
        Packing::Xz => Box::new(XzReader::new_mem_limit(reader, true, MAX_WINDOW / 1024)),
        Packing::Zstandard => Box::new(Frames { source: Some(BufReader::new(reader)), frame: None }),
        Packing::Bzip2 => Box::new(MultiBzDecoder::new(reader)),
    })
}

/// How many bytes come out of a stream of which so many were read; as far as the bound goes.
fn counted(mut reader: impl Read, before: usize, found: &mut Found<'_>) -> Result<u64, PreviewError> {
    let mut size = before as u64;
    let mut chunk = vec![0; 64 * 1024];
    loop {
        match reader.read(&mut chunk) {
            Ok(0) => return Ok(size),
            Ok(read) => size += read as u64,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                found.truncated = true;
                found.notes.push(if error.kind() == io::ErrorKind::FileTooLarge {
                    format!(
                        "It becomes more than {} MB; it was unpacked no further.",
                        MAX_INFLATED / (1024 * 1024)
                    )
                } else {
                    "It is damaged or cut off: it cannot be unpacked to its end.".to_owned()
                });
                return Ok(size);
            }
        }
        if found.wanted.is_over() {
            return Err(PreviewError::Cancelled);
        }
    }
}

/// All frames of a file in Zstandard, one behind the other.
struct Frames<R: Read> {
    source: Option<BufReader<R>>,
    frame: Option<StreamingDecoder<BufReader<R>, FrameDecoder>>,
}

impl<R: Read> Read for Frames<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(frame) = &mut self.frame {
                let read = frame.read(into)?;
                if read > 0 || into.is_empty() {
                    return Ok(read);
                }
                self.source = self.frame.take().map(StreamingDecoder::into_inner);
            }
            let Some(mut source) = self.source.take() else { return Ok(0) };
            match source.fill_buf()? {
                [] => return Ok(0),
                // Frames of other programs, to be passed over (RFC 8878, section 3.1.2).
                [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => {
                    let mut head = [0; 8];
                    source.read_exact(&mut head)?;
                    let length = head.last_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes));
                    io::copy(&mut Read::by_ref(&mut source).take(u64::from(length)), &mut io::sink())?;
                    self.source = Some(source);
                }
                _ => {
                    let frame = StreamingDecoder::new_with_max_window_size(source, u64::from(MAX_WINDOW));
                    self.frame = Some(frame.map_err(io::Error::other)?);
                }
            }
        }
    }
}

fn broken(material: &Material, what: &str) -> PreviewError {
    PreviewError::Broken { path: material.path.clone(), what: what.to_owned() }
}

/// Gives at most so many bytes, then an error of kind `FileTooLarge`.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let most = into.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let read = self.inner.read(into.get_mut(..most).unwrap_or_default())?;
        self.left -= read as u64;
        Ok(read)
    }
}

/// What was found so far.
struct Found<'a> {
    entries: Vec<ArchiveEntry>,
    /// Bytes of names that fit.
    room: usize,
    total: u64,
    unpacked: u64,
    encrypted: u64,
    outside: u64,
    truncated: bool,
    notes: Vec<String>,
    wanted: &'a Wanted,
}

impl<'a> Found<'a> {
    fn new(wanted: &'a Wanted) -> Self {
        Self {
            entries: Vec::new(),
            room: MAX_LISTED_BYTES,
            total: 0,
            unpacked: 0,
            encrypted: 0,
            outside: 0,
            truncated: false,
            notes: Vec::new(),
            wanted,
        }
    }

    /// Takes an entry; tells whether more are wanted.
    fn take(&mut self, entry: ArchiveEntry) -> Result<bool, PreviewError> {
        if self.total.is_multiple_of(256) && self.wanted.is_over() {
            return Err(PreviewError::Cancelled);
        }
        self.total += 1;
        self.unpacked = self.unpacked.saturating_add(entry.size);
        let leads_out = entry.path.starts_with(['/', '\\'])
            || entry.path.split(['/', '\\']).any(|part| part == "..")
            || entry.path.as_bytes().get(1) == Some(&b':');
        self.outside += u64::from(leads_out);
        if self.entries.len() < MAX_LISTED && entry.path.len() <= self.room {
            self.room -= entry.path.len();
            self.entries.push(entry);
        } else {
            self.truncated = true;
        }
        if self.total >= MAX_ENTRIES {
            self.truncated = true;
            self.notes.push(format!("It has more than {MAX_ENTRIES} entries; the rest was not looked at."));
            return Ok(false);
        }
        Ok(true)
    }

    fn listing(mut self, size: u64) -> ArchiveListing {
        if self.encrypted > 0 {
            self.notes.push(format!("{} of its files are encrypted with a password.", self.encrypted));
        }
        if self.outside > 0 {
            self.notes.push(format!(
                "{} of its names lead out of the folder that it would be unpacked into.",
                self.outside
            ));
        }
        if self.unpacked > BOMB_SIZE && self.unpacked / size.max(1) > BOMB_RATIO {
            self.notes.push(
                "Unpacked it would be more than 200 times as large: it may be made to fill the disk."
                    .to_owned(),
            );
        }
        ArchiveListing {
            entries: self.entries,
            total: self.total,
            unpacked: self.unpacked,
            truncated: self.truncated,
            notes: self.notes,
        }
    }
}

/// A name as text. What is no UTF-8 is read as code page 437 or Latin-1 would be wrong as often as right: its bytes
/// that are no ASCII become the replacement character.
fn name_of(bytes: &[u8]) -> String {
    let bytes = bytes.get(..MAX_NAME).unwrap_or(bytes);
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
