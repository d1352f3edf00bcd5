//! The headers of a tar archive (POSIX.1-1988 `ustar`, pax records, and GNU's long names).

use std::io::{self, Read};

use okcvm_protocol::ArchiveEntry;

use super::{Found, MAX_NAME, broken, name_of};
use crate::PreviewError;
use crate::source::{FileReader, Material};

const BLOCK: usize = 512;
/// Bytes of a pax record or a long name that are looked at.
const MAX_RECORD: u64 = 64 * 1024;

/// Whether a block is the header of an entry: its sum says so.
pub(super) fn is_header(block: &[u8]) -> bool {
    let Some(block) = block.get(..BLOCK) else { return false };
    let said = number(block.get(148..156).unwrap_or_default());
    let sum: u64 = block
        .iter()
        .enumerate()
        .map(|(index, byte)| if (148..156).contains(&index) { 32 } else { u64::from(*byte) })
        .sum();
    block.first() != Some(&0) && said == Some(sum)
}

/// Bytes that can be passed over.
pub(super) trait Skim: Read {
    /// Passes over so many bytes; an error of kind `UnexpectedEof` if there are not so many.
    fn pass(&mut self, length: u64) -> io::Result<()>;
}

/// A stream that can only be read.
pub(super) struct Stream<R>(pub(super) R);

impl<R: Read> Read for Stream<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl<R: Read> Skim for Stream<R> {
    fn pass(&mut self, length: u64) -> io::Result<()> {
        let passed = io::copy(&mut Read::by_ref(&mut self.0).take(length), &mut io::sink())?;
        if passed < length { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(()) }
    }
}

impl Skim for FileReader {
    fn pass(&mut self, length: u64) -> io::Result<()> {
        self.offset = self.offset.saturating_add(length);
        if self.offset > self.file.metadata()?.len() {
            Err(io::ErrorKind::UnexpectedEof.into())
        } else {
            Ok(())
        }
    }
}

/// What a record says about the entry behind it.
#[derive(Default)]
struct Ahead {
    path: Option<String>,
    size: Option<u64>,
    modified_at: Option<i64>,
}

pub(super) fn list(
    material: &Material,
    reader: &mut dyn Skim,
    found: &mut Found<'_>,
) -> Result<(), PreviewError> {
    let mut ahead = Ahead::default();
    loop {
        let mut block = [0; BLOCK];
        match reader.read_exact(&mut block) {
            Ok(()) => {}
            Err(error) => return stopped(material, &error, found),
        }
        if block.iter().all(|byte| *byte == 0) {
            return Ok(());
        }
        if !is_header(&block) {
            return cut(material, found);
        }
        let size = number(block.get(124..136).unwrap_or_default()).unwrap_or(0);
        let kind = block.get(156).copied().unwrap_or(b'0');
        if matches!(kind, b'x' | b'g' | b'L' | b'K') {
            let mut record = Vec::new();
            if let Err(error) = Read::take(&mut *reader, size.min(MAX_RECORD)).read_to_end(&mut record) {
                return stopped(material, &error, found);
            }
            if let Err(error) = reader.pass(padded(size) - record.len() as u64) {
                return stopped(material, &error, found);
            }
            match kind {
                b'x' => pax(&record, &mut ahead),
                b'L' => ahead.path = Some(name_of(text(&record))),
                // A record for all entries, or where a link leads to: nothing that is listed.
                _ => {}
            }
            continue;
        }
        let said = std::mem::take(&mut ahead);
        let size = said.size.unwrap_or(size);
        let path = said.path.unwrap_or_else(|| name(&block));
        let folder = kind == b'5' || path.ends_with('/');
        // Links, devices and folders hold no bytes whatever their header says.
        let held = if matches!(kind, b'1'..=b'6') { 0 } else { size };
        let modified_at = said.modified_at.or_else(|| {
            number(block.get(136..148).unwrap_or_default())
                .map(|seconds| (seconds as i64).saturating_mul(1_000))
        });
        if !found.take(ArchiveEntry { path, size: held, packed: None, folder, modified_at })? {
            return Ok(());
        }
        if let Err(error) = reader.pass(padded(held)) {
            return stopped(material, &error, found);
        }
        if found.wanted.is_over() {
            return Err(PreviewError::Cancelled);
        }
    }
}

fn stopped(material: &Material, error: &io::Error, found: &mut Found<'_>) -> Result<(), PreviewError> {
    if error.kind() == io::ErrorKind::FileTooLarge {
        found.truncated = true;
        found.notes.push(format!(
            "Its list stands between its files; it was read as far as {} MB of them go.",
            super::MAX_INFLATED / (1024 * 1024)
        ));
        return Ok(());
    }
    cut(material, found)
}

fn cut(material: &Material, found: &mut Found<'_>) -> Result<(), PreviewError> {
    if found.total == 0 {
        return Err(broken(material, "is damaged: the list of its files cannot be read"));
    }
    found.truncated = true;
    found.notes.push("It is damaged or cut off: the list of its files breaks off.".to_owned());
    Ok(())
}

const fn padded(size: u64) -> u64 {
    size.saturating_add(511) / 512 * 512
}

fn name(block: &[u8]) -> String {
    let name = name_of(text(block.get(..100).unwrap_or_default()));
    let prefix = text(block.get(345..500).unwrap_or_default());
    // GNU uses the place of the prefix for times.
    if block.get(257..263) == Some(b"ustar\0") && !prefix.is_empty() {
        format!("{}/{name}", name_of(prefix))
    } else {
        name
    }
}

/// Up to the first NUL.
fn text(bytes: &[u8]) -> &[u8] {
    bytes.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// A number in octal, or in base 256 if its first bit is set.
fn number(field: &[u8]) -> Option<u64> {
    if field.first().is_some_and(|byte| byte & 0x80 != 0) {
        let low = field.get(field.len().checked_sub(8)?..)?.first_chunk::<8>()?;
        return Some(u64::from_be_bytes(*low) & (u64::MAX >> 1));
    }
    let digits = std::str::from_utf8(text(field)).ok()?.trim_matches(' ');
    if digits.is_empty() { None } else { u64::from_str_radix(digits, 8).ok() }
}

/// Records of the form `<length> <key>=<value>\n`.
fn pax(mut record: &[u8], ahead: &mut Ahead) {
    while let Some(space) = record.iter().position(|byte| *byte == b' ') {
        let length =
            record.get(..space).and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<usize>().ok());
        let Some(length) = length.filter(|length| *length > space + 1 && *length <= record.len()) else {
            return;
        };
        let line = record.get(space + 1..length - 1).unwrap_or_default();
        if let Some(mark) = line.iter().position(|byte| *byte == b'=') {
            let value = line.get(mark + 1..).unwrap_or_default();
            let words = std::str::from_utf8(value).unwrap_or_default();
            match line.get(..mark).unwrap_or_default() {
                b"path" if value.len() <= MAX_NAME => ahead.path = Some(name_of(value)),
                b"size" => ahead.size = words.parse().ok(),
                b"mtime" => {
                    ahead.modified_at = words.parse::<f64>().ok().map(|seconds| (seconds * 1e3) as i64);
                }
                _ => {}
            }
        }
        record = record.get(length..).unwrap_or_default();
    }
}
