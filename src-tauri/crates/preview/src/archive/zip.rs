//! The central directory of a ZIP archive (PKWARE `APPNOTE.TXT`, sections 4.3.12 to 4.3.16), read entry by entry.

use okcvm_protocol::ArchiveEntry;

use super::{Found, broken, name_of};
use crate::PreviewError;
use crate::source::Material;

/// The end record and the longest comment behind it.
const END: u64 = 22 + 65_535;
/// Bytes of the directory that are read at a time.
const CHUNK: u64 = 4 * 1024 * 1024;
/// Head of an entry of the directory.
const HEAD: usize = 46;
/// Bytes of the directory that are looked at; a snapshot gives its bytes from the start each time.
const MAX_DIRECTORY: u64 = 256 * 1024 * 1024;

pub(super) fn list(material: &Material, found: &mut Found<'_>) -> Result<(), PreviewError> {
    let (mut offset, size) = directory(material)?;
    let end = offset.saturating_add(size.min(MAX_DIRECTORY)).min(material.size);
    if size > MAX_DIRECTORY {
        found.truncated = true;
        found.notes.push("Its list is too long to be read to the end.".to_owned());
    }
    let mut buffer: Vec<u8> = Vec::new();
    loop {
        let taken = match entry(&buffer) {
            Parsed::Entry(entry, length, encrypted) => {
                found.encrypted += u64::from(encrypted);
                if !found.take(entry)? {
                    return Ok(());
                }
                length
            }
            Parsed::NeedsMore => {
                if offset >= end {
                    if buffer.is_empty() {
                        return Ok(());
                    }
                    return cut(found, material);
                }
                let more = material.range(offset, CHUNK.min(end - offset))?;
                if more.is_empty() {
                    return cut(found, material);
                }
                offset += more.len() as u64;
                buffer.extend_from_slice(&more);
                continue;
            }
            Parsed::NoEntry => return if buffer.is_empty() { Ok(()) } else { cut(found, material) },
        };
        // Moving the rest at every entry would cost the square of their number.
        let mut start = taken;
        while let Parsed::Entry(entry, length, encrypted) = entry(buffer.get(start..).unwrap_or_default()) {
            found.encrypted += u64::from(encrypted);
            if !found.take(entry)? {
                return Ok(());
            }
            start += length;
        }
        buffer.drain(..start.min(buffer.len()));
    }
}

fn cut(found: &mut Found<'_>, material: &Material) -> Result<(), PreviewError> {
    if found.total == 0 {
        return Err(broken(material, "is damaged: the list of its files cannot be read"));
    }
    found.truncated = true;
    found.notes.push("It is damaged: the list of its files breaks off.".to_owned());
    Ok(())
}

enum Parsed {
    /// The entry, its length in the directory, and whether its file is encrypted.
    Entry(ArchiveEntry, usize, bool),
    NeedsMore,
    NoEntry,
}

fn entry(bytes: &[u8]) -> Parsed {
    if bytes.len() < 4 {
        return Parsed::NeedsMore;
    }
    if !bytes.starts_with(b"PK\x01\x02") {
        return Parsed::NoEntry;
    }
    let Some(head) = bytes.get(..HEAD) else { return Parsed::NeedsMore };
    let (name, extra, comment) = (u16_at(head, 28), u16_at(head, 30), u16_at(head, 32));
    let length = HEAD + usize::from(name) + usize::from(extra) + usize::from(comment);
    let Some(whole) = bytes.get(..length) else { return Parsed::NeedsMore };
    let name_end = HEAD + usize::from(name);
    let path = name_of(whole.get(HEAD..name_end).unwrap_or_default());
    let extra = whole.get(name_end..name_end + usize::from(extra)).unwrap_or_default();
    let (packed, size) = sizes(u32_at(head, 20), u32_at(head, 24), extra);
    let entry = ArchiveEntry {
        folder: path.ends_with('/'),
        path,
        size,
        packed: Some(packed),
        modified_at: time(u16_at(head, 12), u16_at(head, 14)),
    };
    Parsed::Entry(entry, length, u16_at(head, 8) & 1 != 0)
}

/// Sizes that do not fit stand in the extra field 1, the whole size first.
fn sizes(packed: u32, size: u32, mut extra: &[u8]) -> (u64, u64) {
    let (mut packed, mut size) = (u64::from(packed), u64::from(size));
    while extra.len() >= 4 {
        let length = usize::from(u16_at(extra, 2));
        let body = extra.get(4..4 + length).unwrap_or_default();
        if u16_at(extra, 0) == 1 {
            let mut numbers = body.chunks_exact(8).map(|bytes| u64_at(bytes, 0));
            for value in [&mut size, &mut packed] {
                if *value == u64::from(u32::MAX)
                    && let Some(number) = numbers.next()
                {
                    *value = number;
                }
            }
            break;
        }
        extra = extra.get(4 + length..).unwrap_or_default();
    }
    (packed, size)
}

/// Where the directory begins and how long it is.
fn directory(material: &Material) -> Result<(u64, u64), PreviewError> {
    let lost = || {
        broken(
            material,
            "is damaged or cut off: the list of its files, which stands at its end, is not there",
        )
    };
    let tail_at = material.size.saturating_sub(END);
    let tail = material.range(tail_at, END)?;
    let place = tail.windows(4).rposition(|window| window == b"PK\x05\x06").ok_or_else(lost)?;
    let end = tail.get(place..place + 22).ok_or_else(lost)?;
    let (mut size, mut offset) = (u64::from(u32_at(end, 12)), u64::from(u32_at(end, 16)));
    let mut directory_end = tail_at + place as u64;
    if let Some(locator) = place.checked_sub(20).and_then(|start| tail.get(start..place))
        && locator.starts_with(b"PK\x06\x07")
    {
        let record = material.range(u64_at(locator, 8), 56)?;
        if record.starts_with(b"PK\x06\x06") && record.len() == 56 {
            (size, offset) = (u64_at(&record, 40), u64_at(&record, 48));
            directory_end = u64_at(locator, 8);
        }
    }
    // Something may stand before the archive, as in a program that unpacks itself; offsets do not count it then.
    let before = directory_end.checked_sub(size).and_then(|start| start.checked_sub(offset)).unwrap_or(0);
    offset = offset.checked_add(before).filter(|offset| *offset <= material.size).ok_or_else(lost)?;
    Ok((offset, size))
}

/// A moment in the format of MS-DOS, which has no time zone: taken for UTC.
fn time(time: u16, date: u16) -> Option<i64> {
    let (year, month, day) = (1980 + i64::from(date >> 9), i64::from(date >> 5 & 15), i64::from(date & 31));
    let (hour, minute, second) = (i64::from(time >> 11), i64::from(time >> 5 & 63), i64::from(time & 31) * 2);
    if !(1..=12).contains(&month) || day == 0 || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    // Days since 1970 by the civil calendar, with years that begin in March.
    let shifted = if month > 2 { year } else { year - 1 };
    let (era, month) = (shifted / 400, (month + 9) % 12);
    let of_era = shifted - era * 400;
    let days =
        era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + (153 * month + 2) / 5 + day - 1 - 719_468;
    Some(((days * 24 + hour) * 60 + minute) * 60_000 + second * 1_000)
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u16::from_le_bytes(*bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
