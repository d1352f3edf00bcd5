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

/// The mark that divides the first lines most often, outside of quotation marks.
fn delimiter(text: &str) -> u8 {
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0), (b'|', 0)];
    let mut is_quoted = false;
    for byte in text.bytes().take(8 * 1024) {
        if byte == b'"' {
            is_quoted = !is_quoted;
        } else if !is_quoted {
            counts.iter_mut().filter(|(mark, _)| *mark == byte).for_each(|(_, count)| *count += 1);
        }
    }
    counts.iter().max_by_key(|(mark, count)| (*count, *mark == b',')).map_or(b',', |(mark, _)| *mark)
}
