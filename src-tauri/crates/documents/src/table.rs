//! Tables whose fields stand between commas, semicolons, bars or tabs.

use csv::{ReaderBuilder, Terminator};

use crate::document::Parts;
use crate::limits::Budget;
use crate::markdown::{Writer, escaped};
use crate::notes::Note;
use crate::{DocumentError, DocumentKind};

const MAX_COLUMNS: usize = 256;

pub(crate) fn read(
    bytes: &[u8],
    kind: DocumentKind,
    budget: &Budget,
    out: &mut Writer,
) -> Result<Parts, DocumentError> {
    let text = crate::text::decode(bytes, None);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let delimiter = match kind {
        DocumentKind::Tsv => b'\t',
        _ => delimiter(text),
    };
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .terminator(Terminator::CRLF)
        .from_reader(text.as_bytes());
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut room = budget.limits().markdown_bytes;
    for record in reader.records() {
        budget.element()?;
        let record = record.map_err(|error| DocumentError::Broken { kind, what: error.to_string() })?;
        if room == 0 {
            out.notes.add(Note::CutRow);
            continue;
        }
        if record.len() > MAX_COLUMNS {
            out.notes.add(Note::CutColumn);
        }
        room = room.saturating_sub(record.as_slice().len() + 3 * record.len());
        rows.push(record.iter().take(MAX_COLUMNS).map(escaped).collect());
    }
    out.table(&rows);
    Ok(Parts::Whole)
}

/// The mark that divides most of the first lines into the same number of fields. Of two that do, the comma is the one that
/// also stands within numbers and sentences.
fn delimiter(text: &str) -> u8 {
    let mut end = text.len().min(8 * 1024);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let start = text.get(..end).unwrap_or_default();
    let start = match start.rfind('\n') {
        Some(last) if end < text.len() => start.get(..last).unwrap_or_default(),
        _ => start,
    };
    let divided = |mark: u8| -> usize {
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(mark)
            .from_reader(start.as_bytes());
        let mut lines = std::collections::BTreeMap::new();
        for record in reader.byte_records().filter_map(Result::ok).filter(|record| record.len() > 1) {
            *lines.entry(record.len()).or_default() += 1;
        }
        lines.into_values().max().unwrap_or_default()
    };
    // Of equals the last is taken.
    [b',', b'|', b';', b'\t']
        .into_iter()
        .max_by_key(|mark| divided(*mark))
        .filter(|mark| divided(*mark) > 0)
        .unwrap_or(b',')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_between_fields_is_told_from_those_within() {
        for (text, mark) in [
            ("name,n\nA,1\nB,2\n", b','),
            ("Jan;1,50\nFeb;2,75", b';'),
            ("a;1,5;2,5\nb;3,5;4,5", b';'),
            ("id;Text\n1;Hallo, Welt, wie geht es", b';'),
            ("Ware;Preis\n5\" Rohr;1,5\nKabel;2\n", b';'),
            ("name,note\nA,one; two\nB,three\n", b','),
            ("\"a;b\",\"c;d\"\n\"e;f\",\"g\"\n", b','),
            ("a\tb,c\nd\te,f\n", b'\t'),
            ("a|b\nc|d\n", b'|'),
            ("one\ntwo\n", b','),
            ("", b','),
        ] {
            assert_eq!(char::from(delimiter(text)), char::from(mark), "{text}");
        }
    }
}
