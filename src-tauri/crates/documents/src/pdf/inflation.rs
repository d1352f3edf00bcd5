//! Looks how much the compressed parts of a PDF hold before the parser, which inflates whole parts at once, touches them.
//!
//! A first look by words, which finds what says openly what it is, and can say so: names that are written otherwise,
//! pictures and other filters pass. What passes is held by the process in which PDF documents are read.

use std::io::Read;

use flate2::read::ZlibDecoder;

use crate::DocumentError;
use crate::limits::Budget;

/// Bytes before a part in which its dictionary stands.
const DICTIONARY: usize = 1_024;
/// Compressed parts below that size cannot become large: a byte holds at most 1,032.
const HARMLESS: usize = 16 * 1024;

/// Counts what comes out of the compressed parts of a document, but for pictures: of these only those are inflated that are
/// drawn.
pub(super) fn check(bytes: &[u8], budget: &Budget) -> Result<(), DocumentError> {
    let mut chunk = vec![0; 64 * 1024];
    let mut place = 0;
    while let Some(found) = find(bytes.get(place..).unwrap_or_default(), b"stream") {
        let keyword = place + found;
        place = keyword + 6;
        budget.element()?;
        let before = bytes.get(..keyword).unwrap_or_default();
        if before.ends_with(b"end") {
            continue;
        }
        let before = before.get(before.len().saturating_sub(DICTIONARY)..).unwrap_or_default();
        let dictionary = match rfind(before, b"obj") {
            Some(start) => before.get(start..).unwrap_or_default(),
            None => before,
        };
        let filters =
            count(dictionary, b"/FlateDecode") + count(dictionary, b"/Fl ") + count(dictionary, b"/Fl]");
        let is_picture = find(dictionary, b"/Image").is_some() && find(dictionary, b"/Subtype").is_some();
        if filters == 0 || is_picture {
            continue;
        }
        let data = bytes.get(place..).unwrap_or_default();
        let data = data.strip_prefix(b"\r\n").or_else(|| data.strip_prefix(b"\n")).unwrap_or(data);
        let end = find(data, b"endstream").unwrap_or(data.len());
        let data = data.get(..end).unwrap_or_default();
        if data.len() < HARMLESS && filters == 1 {
            budget.inflate(data.len() as u64)?;
            place += end;
            continue;
        }
        let mut reader: Box<dyn Read + '_> = Box::new(data);
        for _ in 0..filters.min(4) {
            reader = Box::new(ZlibDecoder::new(reader));
        }
        while let Ok(read) = reader.read(&mut chunk) {
            if read == 0 {
                break;
            }
            budget.inflate(read as u64)?;
        }
        place += end;
    }
    Ok(())
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    let first = *what.first()?;
    let mut place = 0;
    loop {
        let found = place + bytes.get(place..)?.iter().position(|byte| *byte == first)?;
        if bytes.get(found..)?.starts_with(what) {
            return Some(found);
        }
        place = found + 1;
    }
}

fn rfind(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).rposition(|window| window == what)
}

fn count(bytes: &[u8], what: &[u8]) -> usize {
    bytes.windows(what.len()).filter(|window| *window == what).count()
}
