//! How a table of text is written: its encoding, and what divides its cells.

use chardetng::EncodingDetector;
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::records::{Records, Step};

/// Rows that are looked at to find what divides cells.
const LOOKED_AT: usize = 50;
/// What may divide cells, the likeliest first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Of its bytes.
    pub(crate) encoding: &'static Encoding,
    /// Bytes before the first row: a mark of the encoding, and a line `sep=;`.
    pub(crate) start: usize,
    pub(crate) delimiter: u8,
}

impl Layout {
    /// How a file of that name is written whose first bytes are `start`; `None` if they are no text.
    pub(crate) fn of(name: &str, start: &[u8]) -> Option<Self> {
        let (encoding, mark) = encoding(start)?;
        let rest = start.get(mark..).unwrap_or_default();
        let decoded;
        let text = if is_wide(encoding) {
            decoded = encoding.decode_without_bom_handling(rest).0.into_owned();
            decoded.as_bytes()
        } else {
            rest
        };
        let (skipped, said) = said_delimiter(text);
        let start = mark + if is_wide(encoding) { 2 * skipped } else { skipped };
        let text = text.get(skipped..).unwrap_or_default();
        let delimiter = said.unwrap_or_else(|| delimiter(name, text));
        Some(Self { encoding, start, delimiter })
    }

    /// The bytes have to be turned into UTF-8 before they can be divided.
    pub(crate) fn is_wide(&self) -> bool {
        is_wide(self.encoding)
    }

    /// A cell as text.
    pub(crate) fn decode(&self, cell: &[u8]) -> String {
        if self.is_wide() || self.encoding == UTF_8 {
            return match std::str::from_utf8(cell) {
                Ok(text) => text.to_owned(),
                // A table that begins in ASCII says only here that it is no UTF-8.
                Err(_) => WINDOWS_1252.decode_without_bom_handling(cell).0.into_owned(),
            };
        }
        self.encoding.decode_without_bom_handling(cell).0.into_owned()
    }
}

/// Bytes as text in the encoding that they seem to have; `None` if they are no text. A character that was cut in two at
/// the end is left out.
pub fn as_text(bytes: &[u8]) -> Option<String> {
    let (encoding, mark) = encoding(bytes)?;
    let bytes = bytes.get(mark..).unwrap_or_default();
    // What is not UTF-8 is text only if it holds none of the bytes that text has not.
    let is_control = |byte: &u8| matches!(byte, 1..=6 | 14..=26 | 28..=31);
    if encoding != UTF_8
        && !is_wide(encoding)
        && bytes.iter().filter(|byte| is_control(byte)).count() * 100 > bytes.len()
    {
        return None;
    }
    let mut text = String::with_capacity(bytes.len());
    let mut decoder = encoding.new_decoder_without_bom_handling();
    text.reserve(decoder.max_utf8_buffer_length(bytes.len())?);
    let (_, _, _) = decoder.decode_to_string(bytes, &mut text, false);
    Some(text)
}

fn is_wide(encoding: &'static Encoding) -> bool {
    encoding == UTF_16LE || encoding == UTF_16BE
}

/// The encoding and the bytes of its mark.
fn encoding(start: &[u8]) -> Option<(&'static Encoding, usize)> {
    if let Some((encoding, mark)) = Encoding::for_bom(start) {
        return Some((encoding, mark));
    }
    if start.contains(&0) {
        let pairs = start.len() / 2;
        let zeros = |offset: usize| start.iter().skip(offset).step_by(2).filter(|byte| **byte == 0).count();
        let (even, odd) = (zeros(0), zeros(1));
        // Text in Western letters has a zero in nearly every pair, and hardly any in the other place.
        return if odd * 2 > pairs && even * 20 < pairs {
            Some((UTF_16LE, 0))
        } else if even * 2 > pairs && odd * 20 < pairs {
            Some((UTF_16BE, 0))
        } else {
            None
        };
    }
    match std::str::from_utf8(start) {
        Ok(_) => return Some((UTF_8, 0)),
        // Cut within a character.
        Err(error) if error.error_len().is_none() => return Some((UTF_8, 0)),
        Err(_) => {}
    }
    let mut detector = EncodingDetector::new();
    detector.feed(start, true);
    Some((detector.guess(None, false), 0))
}

/// What a first line `sep=;` says, as Excel writes it, and the bytes up to the next line.
fn said_delimiter(text: &[u8]) -> (usize, Option<u8>) {
    let Some(rest) = text.strip_prefix(b"sep=") else { return (0, None) };
    match rest {
        [mark, b'\r', b'\n', ..] => (7, Some(*mark)),
        [mark, b'\n' | b'\r', ..] => (6, Some(*mark)),
        _ => (0, None),
    }
}

/// The mark by which the first rows have the same number of cells most often, and the most of them.
fn delimiter(name: &str, text: &[u8]) -> u8 {
    let is_tsv = name
        .rsplit_once('.')
        .is_some_and(|(_, ending)| ending.eq_ignore_ascii_case("tsv") || ending.eq_ignore_ascii_case("tab"));
    let mut best = (if is_tsv { b'\t' } else { b',' }, 0.0, 1);
    for mark in DELIMITERS {
        let counts = counts(text, mark);
        let Some(usual) = usual(&counts).filter(|cells| *cells > 1) else { continue };
        let same = counts.iter().filter(|cells| **cells == usual).count() as f64 / counts.len() as f64;
        // The ending of the name counts as much as a tenth of the rows.
        let same = same + if is_tsv && mark == b'\t' { 0.1 } else { 0.0 };
        if same > best.1 + 1e-9 || ((same - best.1).abs() < 1e-9 && usual > best.2) {
            best = (mark, same, usual);
        }
    }
    best.0
}

/// The number of cells of each of the first rows.
fn counts(text: &[u8], delimiter: u8) -> Vec<usize> {
    let mut records = Records::new(delimiter);
    let mut counts = Vec::new();
    let mut rest = text;
    while counts.len() < LOOKED_AT {
        let (step, taken) = records.feed(rest);
        rest = rest.get(taken..).unwrap_or_default();
        match step {
            Step::Record => counts.push(records.width()),
            // The last row may be cut off: it counts only if there is no other.
            Step::NeedsInput if counts.is_empty() => {
                let (step, _) = records.feed(&[]);
                if step == Step::Record {
                    counts.push(records.width());
                }
                break;
            }
            Step::NeedsInput | Step::End => break,
        }
    }
    counts
}

fn usual(counts: &[usize]) -> Option<usize> {
    let often = |wanted: usize| counts.iter().filter(|cells| **cells == wanted).count();
    counts.iter().copied().max_by_key(|cells| (often(*cells), *cells))
}
