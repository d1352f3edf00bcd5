//! What is in an archive. Only its list is read: nothing of it is unpacked, so that a bomb stays a small file.

mod tar;
mod zip;

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use okcvm_protocol::{ArchiveEntry, ArchiveListing};

use crate::PreviewError;
use crate::source::Material;

/// Entries that are named; more are counted.
const MAX_LISTED: usize = 10_000;
/// Entries that are looked at.
const MAX_ENTRIES: u64 = 2_000_000;
/// A tar archive that is compressed has its list between its files: so much is inflated, and dropped, to find it.
const MAX_INFLATED: u64 = 256 * 1024 * 1024;
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
    Gzip,
    /// Known by name alone.
    Other(&'static str),
}

pub(crate) fn kind(start: &[u8]) -> Option<ArchiveKind> {
    let other = [
        (&b"7z\xbc\xaf\x27\x1c"[..], "7z"),
        (b"Rar!\x1a\x07", "RAR"),
        (b"\xfd7zXZ\0", "xz"),
        (b"\x28\xb5\x2f\xfd", "Zstandard"),
        (b"BZh", "bzip2"),
    ];
    if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
        Some(ArchiveKind::Zip)
    } else if start.starts_with(b"\x1f\x8b") {
        Some(ArchiveKind::Gzip)
    } else if tar::is_header(start) {
        Some(ArchiveKind::Tar)
    } else {
        other.iter().find(|(mark, _)| start.starts_with(mark)).map(|(_, name)| ArchiveKind::Other(name))
    }
}

/// Lists an archive; `is_cancelled` is asked often. Bounded in memory and in what is inflated, whatever the archive
/// says about itself.
pub fn list_archive(
    material: &Material,
    is_cancelled: &dyn Fn() -> bool,
) -> Result<ArchiveListing, PreviewError> {
    if material.size == 0 {
        return Err(broken(material, "is empty"));
    }
    let start = material.range(0, 512)?;
    let mut found = Found::new(is_cancelled);
    match kind(&start) {
        Some(ArchiveKind::Zip) => zip::list(material, &mut found)?,
        Some(ArchiveKind::Tar) => {
            // A file is passed over, however large; a stream of the history has to be read, and is bounded.
            match material.file_reader()? {
                Some(mut reader) => tar::list(material, &mut reader, &mut found)?,
                None => tar::list(material, &mut tar::Stream(material.reader()?), &mut found)?,
            }
        }
        Some(ArchiveKind::Gzip) => gzip(material, &mut found)?,
        Some(ArchiveKind::Other(name)) => {
            found.truncated = true;
            found.notes.push(format!("It is a {name} archive, whose list is not read here."));
        }
        None => return Err(broken(material, "is not an archive that is known here, or it is damaged")),
    }
    Ok(found.listing(material.size))
}

fn gzip(material: &Material, found: &mut Found<'_>) -> Result<(), PreviewError> {
    let mut reader = Bounded { inner: MultiGzDecoder::new(material.reader()?), left: MAX_INFLATED };
    let mut start = vec![0; 512];
    let mut filled = 0;
    while filled < start.len() {
        match reader.read(start.get_mut(filled..).unwrap_or_default()) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Err(broken(material, "is damaged: its compressed content cannot be read")),
        }
    }
    start.truncate(filled);
    if tar::is_header(&start) {
        let reader = start.as_slice().chain(reader);
        return tar::list(material, &mut tar::Stream(reader), found);
    }
    // The length at its end is that of the last part, modulo 4 GB (RFC 1952): it is what the file says.
    let end = material.range(material.size.saturating_sub(4), 4)?;
    let size = end.first_chunk::<4>().map_or(0, |bytes| u64::from(u32::from_le_bytes(*bytes)));
    let name = material.name();
    let path = name.strip_suffix(".gz").unwrap_or(name).to_owned();
    let packed = Some(material.size);
    found.take(ArchiveEntry { path, size, packed, folder: false, modified_at: None })?;
    Ok(())
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
    total: u64,
    unpacked: u64,
    encrypted: u64,
    outside: u64,
    truncated: bool,
    notes: Vec<String>,
    is_cancelled: &'a dyn Fn() -> bool,
}

impl<'a> Found<'a> {
    fn new(is_cancelled: &'a dyn Fn() -> bool) -> Self {
        Self {
            entries: Vec::new(),
            total: 0,
            unpacked: 0,
            encrypted: 0,
            outside: 0,
            truncated: false,
            notes: Vec::new(),
            is_cancelled,
        }
    }

    /// Takes an entry; tells whether more are wanted.
    fn take(&mut self, entry: ArchiveEntry) -> Result<bool, PreviewError> {
        if self.total.is_multiple_of(256) && (self.is_cancelled)() {
            return Err(PreviewError::Cancelled);
        }
        self.total += 1;
        self.unpacked = self.unpacked.saturating_add(entry.size);
        let leads_out = entry.path.starts_with(['/', '\\'])
            || entry.path.split(['/', '\\']).any(|part| part == "..")
            || entry.path.as_bytes().get(1) == Some(&b':');
        self.outside += u64::from(leads_out);
        if self.entries.len() < MAX_LISTED {
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
