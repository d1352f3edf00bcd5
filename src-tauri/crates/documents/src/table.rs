//! Tables whose fields stand between commas, semicolons, bars or tabs.

use csv::{ReaderBuilder, Terminator};

use crate::document::Parts;
use crate::limits::Budget;
use crate::markdown::{Writer, escaped};
use crate::notes::Note;
use crate::{DocumentError, DocumentKind};

const MAX_COLUMNS: usize = 256;
/// Bytes and lines by which the mark between fields is found.
const LOOKED_AT: usize = 64 * 1024;
const MOST_LINES: usize = 200;

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

/// The mark that divides the first lines into equally many fields, as far as one does. A comma is the least telling:
/// numbers and sentences have it as well.
fn delimiter(text: &str) -> u8 {
    const MARKS: [u8; 4] = [b'\t', b';', b',', b'|'];
    let mut lines = vec![[0_u32; MARKS.len()]];
    let (mut is_quoted, mut is_start) = (false, true);
    for byte in text.bytes().take(LOOKED_AT) {
        match byte {
            b'"' if is_quoted || is_start => is_quoted = !is_quoted,
            b'\n' if !is_quoted && lines.len() == MOST_LINES => break,
            b'\n' if !is_quoted => lines.push([0; MARKS.len()]),
            _ if is_quoted => {}
            _ => {
                if let Some((place, line)) = MARKS.iter().position(|mark| *mark == byte).zip(lines.last_mut())
                {
                    line[place] += 1;
                }
            }
        }
        // A quotation mark within a field is a letter of it, such as that of an inch; two in a quotation are one.
        is_start = !is_quoted && (matches!(byte, b'\n' | b'"') || MARKS.contains(&byte));
    }
    // The last line may be cut off, and an empty one says nothing.
    if lines.len() > 1 {
        lines.pop();
    }
    let alike = |place: usize| {
        let counts: Vec<u32> = lines.iter().map(|line| line[place]).filter(|count| *count > 0).collect();
        counts.iter().map(|one| counts.iter().filter(|other| *other == one).count()).max().unwrap_or_default()
    };
    let places = (0..MARKS.len()).rev().max_by_key(|place| alike(*place));
    places.filter(|place| alike(*place) > 0).map_or(b',', |place| MARKS[place])
}

#[cfg(test)]
mod tests {
    use super::delimiter;

    #[test]
    fn the_mark_between_fields_is_found() {
        for (text, mark) in [
            ("a,b\n1,2\n", b','),
            ("Jan;1,50\nFeb;2,75", b';'),
            ("a;1,5;2,5\nb;3,5;4,5", b';'),
            ("id;Text\n1;Hallo, Welt, wie geht es\n", b';'),
            ("a\tb, c\n1\t2\n", b'\t'),
            ("a|b\n1|2\n", b'|'),
            ("id;what\n1;5\" pipe; short\n2;\"6\"\" pipe; long\"\n", b';'),
            ("\"a;b\",c\n\"x;y\",2\n", b','),
            ("one\ntwo\n", b','),
            ("", b','),
            ("name,note\nA,\"one; two\nthree; four\"\n", b','),
        ] {
            assert_eq!(char::from(delimiter(text)), char::from(mark), "{text:?}");
        }
    }
}
