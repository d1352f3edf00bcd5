//! The list of a 7z archive (7zFormat.txt of the LZMA SDK): it stands at the end in one piece, compressed as a rule.

use std::io::Read;

use lzma_rust2::{Lzma2Reader, LzmaReader};
use okcvm_protocol::ArchiveEntry;

use super::{Found, MAX_NAME, broken};
use crate::PreviewError;
use crate::source::Material;

/// Bytes before the packed streams.
const START: u64 = 32;
/// Bytes of a list, packed or not, that are read.
const MAX_LIST: u64 = 32 * 1024 * 1024;
/// Memory for a dictionary, in KiB.
const MAX_DICTIONARY: u32 = 64 * 1024;
/// The method of encryption (AES-256 with SHA-256).
const AES: &[u8] = &[0x06, 0xf1, 0x07, 0x01];
/// 100 nanoseconds from 1601 to 1970, by which Windows counts time.
const WINDOWS_EPOCH: u64 = 116_444_736_000_000_000;

pub(super) fn list(material: &Material, found: &mut Found<'_>) -> Result<(), PreviewError> {
    let damaged = || broken(material, "is damaged: the list of its files cannot be read");
    let start = material.range(0, START)?;
    let number =
        |at: usize| start.get(at..at + 8)?.first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes));
    let (offset, length) = number(12).zip(number(20)).ok_or_else(damaged)?;
    if length == 0 {
        return Ok(());
    }
    if length > MAX_LIST {
        return Err(broken(material, "has a list of files that is too large to be read"));
    }
    let mut list = material.range(START.saturating_add(offset), length)?;
    if (list.len() as u64) < length {
        return Err(broken(material, "is damaged or cut off: the list of its files at its end is missing"));
    }
    // A list may be packed more than once.
    for _ in 0..4 {
        match list.first() {
            Some(0x01) => return files(Bytes(list.get(1..).unwrap_or_default()), found, &damaged),
            Some(0x17) => {
                let streams =
                    Streams::read(&mut Bytes(list.get(1..).unwrap_or_default())).ok_or_else(damaged)?;
                let folder = streams.folders.first().ok_or_else(damaged)?;
                if folder.coders.iter().any(|coder| coder.method == AES) {
                    found.truncated = true;
                    found.notes.push("The names of its files are encrypted with a password.".to_owned());
                    return Ok(());
                }
                list = unpacked(material, &streams, folder)?;
            }
            _ => return Err(damaged()),
        }
    }
    Err(damaged())
}

/// A packed list, unpacked.
fn unpacked(material: &Material, streams: &Streams, folder: &Folder) -> Result<Vec<u8>, PreviewError> {
    let unknown = || broken(material, "has a list of files that is packed in a way that is not known here");
    let ([coder], Some(packed)) = (folder.coders.as_slice(), streams.packed.first()) else {
        return Err(unknown());
    };
    let size = folder.size();
    if size > MAX_LIST || *packed > MAX_LIST {
        return Err(broken(material, "has a list of files that is too large to be read"));
    }
    let bytes = material.range(START.saturating_add(streams.begin), *packed)?;
    let mut list = Vec::new();
    let read = match (coder.method.as_slice(), coder.properties.as_slice()) {
        ([0], _) => bytes.as_slice().take(size).read_to_end(&mut list),
        ([3, 1, 1], [properties, dictionary @ ..]) => {
            // No more is looked back than there is.
            let wanted = dictionary.first_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes));
            let dictionary = wanted.min(u32::try_from(size).unwrap_or(u32::MAX)).max(4_096);
            LzmaReader::new_with_props(bytes.as_slice(), size, *properties, dictionary, None)
                .and_then(|reader| reader.take(size).read_to_end(&mut list))
        }
        ([0x21], _) => {
            let dictionary = u32::try_from(size).unwrap_or(u32::MAX).max(4_096);
            Lzma2Reader::new(bytes.as_slice(), dictionary.min(MAX_DICTIONARY * 1024), None)
                .take(size)
                .read_to_end(&mut list)
        }
        _ => return Err(unknown()),
    };
    match read {
        Ok(read) if read as u64 == size => Ok(list),
        _ => Err(broken(material, "is damaged: the list of its files cannot be unpacked")),
    }
}

/// Bytes that are read from their start; `None` where they end or say nonsense.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    /// The number of leading ones in the first byte says how many bytes follow; its other bits are the highest.
    fn number(&mut self) -> Option<u64> {
        let first = self.byte()?;
        let more = first.leading_ones() as usize;
        let mut low = [0; 8];
        low.get_mut(..more)?.copy_from_slice(self.take(more)?);
        let high = if more < 7 { u64::from(first & (0x7f >> more)) << (8 * more) } else { 0 };
        Some(u64::from_le_bytes(low) | high)
    }

    /// How many things follow, of which each takes a byte at least.
    fn count(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok().filter(|count| *count <= self.0.len())
    }

    fn bits(&mut self, count: usize) -> Option<Vec<bool>> {
        let bytes = self.take(count.div_ceil(8))?;
        Some(
            (0..count)
                .map(|at| bytes.get(at / 8).is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1))
                .collect(),
        )
    }

    /// A bit each, or one byte that says that all are set.
    fn all_or_bits(&mut self, count: usize) -> Option<Vec<bool>> {
        if self.byte()? == 0 { self.bits(count) } else { Some(vec![true; count]) }
    }

    /// Checksums, which are not looked at; tells which there are.
    fn checksums(&mut self, count: usize) -> Option<Vec<bool>> {
        let defined = self.all_or_bits(count)?;
        self.take(4 * defined.iter().filter(|defined| **defined).count())?;
        Some(defined)
    }
}

/// How something is packed.
struct Coder {
    method: Vec<u8>,
    properties: Vec<u8>,
    outputs: usize,
}

/// Files that are packed together.
struct Folder {
    coders: Vec<Coder>,
    /// The streams that go on into another coder.
    bound: Vec<u64>,
    /// Of each stream that a coder gives.
    sizes: Vec<u64>,
    has_checksum: bool,
}

impl Folder {
    fn read(bytes: &mut Bytes<'_>) -> Option<Self> {
        let mut inputs = 0;
        let mut coders = Vec::new();
        for _ in 0..bytes.count().filter(|count| (1..=32).contains(count))? {
            let flags = bytes.byte()?;
            let method = bytes.take(usize::from(flags & 0x0f))?.to_vec();
            let (ins, outs) = if flags & 0x10 == 0 { (1, 1) } else { (bytes.count()?, bytes.count()?) };
            let length = if flags & 0x20 == 0 { 0 } else { bytes.count()? };
            let properties = bytes.take(length)?.to_vec();
            inputs += ins;
            coders.push(Coder { method, properties, outputs: outs });
        }
        let outputs: usize = coders.iter().map(|coder| coder.outputs).sum();
        let mut bound = Vec::new();
        for _ in 1..outputs {
            bytes.number()?;
            bound.push(bytes.number()?);
        }
        let packed = inputs.checked_sub(outputs.checked_sub(1)?)?;
        for _ in 0..if packed > 1 { packed } else { 0 } {
            bytes.number()?;
        }
        Some(Self { coders, bound, sizes: Vec::new(), has_checksum: false })
    }

    /// Bytes that come out at its end.
    fn size(&self) -> u64 {
        let last = (0..self.sizes.len()).rev().find(|at| !self.bound.contains(&(*at as u64)));
        last.and_then(|at| self.sizes.get(at)).copied().unwrap_or(0)
    }
}

/// What is packed, and how.
#[derive(Default)]
struct Streams {
    /// Where packed bytes begin, after the start.
    begin: u64,
    packed: Vec<u64>,
    folders: Vec<Folder>,
    /// Sizes of the files of each folder.
    files: Vec<Vec<u64>>,
}

impl Streams {
    fn read(bytes: &mut Bytes<'_>) -> Option<Self> {
        let mut streams = Self::default();
        loop {
            match bytes.byte()? {
                0x00 => break,
                0x06 => streams.packs(bytes)?,
                0x07 => streams.folders(bytes)?,
                0x08 => streams.parts(bytes)?,
                _ => return None,
            }
        }
        if streams.files.is_empty() {
            streams.files = streams.folders.iter().map(|folder| vec![folder.size()]).collect();
        }
        Some(streams)
    }

    fn packs(&mut self, bytes: &mut Bytes<'_>) -> Option<()> {
        self.begin = bytes.number()?;
        let count = bytes.count()?;
        loop {
            match bytes.byte()? {
                0x00 => return Some(()),
                0x09 => self.packed = (0..count).map(|_| bytes.number()).collect::<Option<_>>()?,
                0x0a => drop(bytes.checksums(count)?),
                _ => return None,
            }
        }
    }

    fn folders(&mut self, bytes: &mut Bytes<'_>) -> Option<()> {
        if bytes.byte()? != 0x0b {
            return None;
        }
        let count = bytes.count()?;
        if bytes.byte()? != 0 {
            return None;
        }
        self.folders = (0..count).map(|_| Folder::read(bytes)).collect::<Option<_>>()?;
        loop {
            match bytes.byte()? {
                0x00 => return Some(()),
                0x0a => {
                    let defined = bytes.checksums(count)?;
                    for (folder, defined) in self.folders.iter_mut().zip(defined) {
                        folder.has_checksum = defined;
                    }
                }
                0x0c => {
                    for folder in &mut self.folders {
                        let outputs: usize = folder.coders.iter().map(|coder| coder.outputs).sum();
                        folder.sizes = (0..outputs).map(|_| bytes.number()).collect::<Option<_>>()?;
                    }
                }
                _ => return None,
            }
        }
    }

    fn parts(&mut self, bytes: &mut Bytes<'_>) -> Option<()> {
        let mut counts = vec![1; self.folders.len()];
        let mut kind = bytes.byte()?;
        if kind == 0x0d {
            for count in &mut counts {
                *count = bytes.count()?;
            }
            kind = bytes.byte()?;
        }
        for (folder, count) in self.folders.iter().zip(&counts) {
            let mut sizes = Vec::new();
            let mut left = folder.size();
            // The last has what is left.
            for _ in 1..*count {
                let size = if kind == 0x09 { bytes.number()? } else { 0 };
                left = left.saturating_sub(size);
                sizes.push(size);
            }
            if *count > 0 {
                sizes.push(left);
            }
            self.files.push(sizes);
        }
        if kind == 0x09 {
            kind = bytes.byte()?;
        }
        if kind == 0x0a {
            let unknown = self
                .folders
                .iter()
                .zip(&counts)
                .map(|(folder, count)| if *count == 1 && folder.has_checksum { 0 } else { *count });
            bytes.checksums(unknown.sum())?;
            kind = bytes.byte()?;
        }
        (kind == 0x00).then_some(())
    }
}

/// What is said of the files by name.
#[derive(Default)]
struct Said {
    names: Vec<String>,
    without_content: Vec<bool>,
    empty_files: Vec<bool>,
    modified_at: Vec<Option<i64>>,
}

fn files(
    mut bytes: Bytes<'_>,
    found: &mut Found<'_>,
    damaged: &dyn Fn() -> PreviewError,
) -> Result<(), PreviewError> {
    let (streams, said) = read(&mut bytes).ok_or_else(damaged)?;
    let locked = |folder: &Folder| folder.coders.iter().any(|coder| coder.method == AES);
    let mut sizes = streams.folders.iter().zip(&streams.files).flat_map(|(folder, sizes)| {
        let locked = locked(folder);
        sizes.iter().map(move |size| (*size, locked))
    });
    let mut without = 0;
    for (at, path) in said.names.into_iter().enumerate() {
        let is_without = said.without_content.get(at).copied().unwrap_or(false);
        let (size, locked) = if is_without { (0, false) } else { sizes.next().ok_or_else(damaged)? };
        let folder = is_without && !said.empty_files.get(without).copied().unwrap_or(false);
        without += usize::from(is_without);
        found.encrypted += u64::from(locked);
        let modified_at = said.modified_at.get(at).copied().flatten();
        if !found.take(ArchiveEntry { path, size, packed: None, folder, modified_at })? {
            break;
        }
    }
    Ok(())
}

fn read(bytes: &mut Bytes<'_>) -> Option<(Streams, Said)> {
    let mut streams = Streams::default();
    loop {
        match bytes.byte()? {
            0x00 => return Some((streams, Said::default())),
            // Properties of the archive, of which none are known.
            0x02 => {
                while bytes.byte()? != 0 {
                    let length = bytes.count()?;
                    bytes.take(length)?;
                }
            }
            0x04 => streams = Streams::read(bytes)?,
            0x05 => return Some((streams, said(bytes)?)),
            _ => return None,
        }
    }
}

fn said(bytes: &mut Bytes<'_>) -> Option<Said> {
    let count = bytes.count()?;
    let mut said = Said::default();
    loop {
        let kind = bytes.byte()?;
        if kind == 0 {
            break;
        }
        let length = bytes.count()?;
        let mut part = Bytes(bytes.take(length)?);
        match kind {
            0x0e => said.without_content = part.bits(count)?,
            0x0f => {
                let without = said.without_content.iter().filter(|without| **without).count();
                said.empty_files = part.bits(without)?;
            }
            0x11 if part.byte()? == 0 => said.names = names(part.0, count)?,
            0x14 => {
                let defined = part.all_or_bits(count)?;
                part.byte()?;
                for is_defined in defined {
                    let time = if is_defined { Some(part.take(8)?.first_chunk::<8>()?) } else { None };
                    said.modified_at.push(time.map(|bytes| {
                        let ticks = u64::from_le_bytes(*bytes);
                        (ticks as i64).saturating_sub(WINDOWS_EPOCH as i64) / 10_000
                    }));
                }
            }
            _ => {}
        }
    }
    (said.names.len() == count).then_some(said)
}

/// Names in UTF-16, a zero behind each.
fn names(bytes: &[u8], count: usize) -> Option<Vec<String>> {
    let units: Vec<u16> = bytes
        .chunks_exact(2)
        .filter_map(|pair| pair.first_chunk::<2>())
        .map(|pair| u16::from_le_bytes(*pair))
        .collect();
    let names: Vec<String> = units
        .split(|unit| *unit == 0)
        .take(count)
        .map(|name| String::from_utf16_lossy(name.get(..MAX_NAME).unwrap_or(name)))
        .collect();
    (names.len() == count).then_some(names)
}
