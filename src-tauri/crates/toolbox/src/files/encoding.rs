//! In which encoding a text file is written, and whether it is text at all.

use chardetng::EncodingDetector;

/// How the text of a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Utf8,
    /// UTF-8 behind a byte order mark.
    Utf8Marked,
    /// UTF-16 behind a byte order mark.
    Utf16(Order),
    /// One of the encodings of before Unicode, as guessed from the bytes.
    Legacy(&'static encoding_rs::Encoding),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Little,
    Big,
}

/// Whether bytes are all of a file or only its start, which may end within a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    Whole,
    Start,
}

/// Bytes outside of ASCII from which on the guess was right in 997 of 1,000 pieces of Chinese, Japanese, Russian, Polish,
/// French, German and Spanish texts of programs, or better; with a quarter of them it was wrong in up to one of ten.
const ENOUGH: usize = 32;

/// One for each of the groups that the detector knows, by the ends of their host names.
const COUNTRIES: [&[u8]; 14] =
    [b"cn", b"tw", b"jp", b"kr", b"ru", b"fr", b"pl", b"gr", b"tr", b"il", b"sa", b"th", b"vn", b"lt"];

const UTF_8_MARK: &[u8] = b"\xef\xbb\xbf";

/// The text of bytes that are written in another encoding than UTF-8, and its name for people; `None` if they are not.
pub(crate) fn other_text(bytes: &[u8]) -> Option<(String, &'static str)> {
    let encoding = Encoding::detect(bytes, Extent::Whole)?;
    match encoding {
        Encoding::Utf8 => None,
        Encoding::Utf8Marked | Encoding::Utf16(_) | Encoding::Legacy(_) => {
            Some((encoding.decode(bytes)?, encoding.name()))
        }
    }
}

impl Encoding {
    /// The encoding of a text; `None` if the bytes are not text.
    pub(super) fn detect(bytes: &[u8], extent: Extent) -> Option<Self> {
        match bytes {
            [0xef, 0xbb, 0xbf, ..] => return Some(Self::Utf8Marked),
            [0xff, 0xfe, 0, 0, ..] => return None,
            [0xff, 0xfe, ..] => return Some(Self::Utf16(Order::Little)),
            [0xfe, 0xff, ..] => return Some(Self::Utf16(Order::Big)),
            _ => {}
        }
        let controls = bytes.iter().filter(|byte| is_odd_control(**byte)).count();
        if bytes.contains(&0) || controls * 10 > bytes.len() {
            return None;
        }
        if is_mostly_utf_8(bytes, extent) {
            return Some(Self::Utf8);
        }
        if controls > 0 {
            return None;
        }
        let guess = detector(bytes, extent).guess(None, false);
        fits(guess, bytes, extent).then_some(Self::Legacy(guess))
    }

    /// What a text of before Unicode may be written in besides the guess: what would be guessed if its country were known.
    /// Empty where the text is long enough to tell by itself.
    pub(super) fn others(self, bytes: &[u8], extent: Extent) -> Vec<Self> {
        let Self::Legacy(guess) = self else { return Vec::new() };
        if bytes.iter().filter(|byte| !byte.is_ascii()).count() >= ENOUGH {
            return Vec::new();
        }
        let detector = detector(bytes, extent);
        let mut others: Vec<&'static encoding_rs::Encoding> = Vec::new();
        for country in COUNTRIES {
            let other = detector.guess(Some(country), false);
            if other != guess && !others.contains(&other) && fits(other, bytes, extent) {
                others.push(other);
            }
        }
        others.into_iter().map(Self::Legacy).collect()
    }

    /// Its name for people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Utf8Marked => "UTF-8 with a byte order mark",
            Self::Utf16(Order::Little) => "UTF-16, little endian",
            Self::Utf16(Order::Big) => "UTF-16, big endian",
            Self::Legacy(encoding) => encoding.name(),
        }
    }

    /// The text of a whole file without its byte order mark; `None` if some of it is not valid.
    pub(super) fn decode(self, bytes: &[u8]) -> Option<String> {
        match self {
            Self::Utf8 => std::str::from_utf8(bytes).ok().map(str::to_owned),
            Self::Utf8Marked => std::str::from_utf8(bytes.strip_prefix(UTF_8_MARK)?).ok().map(str::to_owned),
            Self::Utf16(order) => {
                let bytes = bytes.get(2..)?;
                let units = units(bytes, order);
                if bytes.len().is_multiple_of(2) { String::from_utf16(&units).ok() } else { None }
            }
            Self::Legacy(encoding) => {
                let (text, damaged) = encoding.decode_without_bom_handling(bytes);
                (!damaged).then(|| text.into_owned())
            }
        }
    }

    /// The text of a part that may be damaged or cut, with U+FFFD where it is.
    pub(super) fn decode_lossy(self, bytes: &[u8]) -> String {
        match self {
            Self::Utf8 | Self::Utf8Marked => String::from_utf8_lossy(bytes).into_owned(),
            Self::Utf16(order) => String::from_utf16_lossy(&units(bytes, order)),
            Self::Legacy(encoding) => encoding.decode_without_bom_handling(bytes).0.into_owned(),
        }
    }

    /// The bytes of a text with the mark of the file; `Err` holds the first character that cannot be written.
    pub(super) fn encode(self, text: &str) -> Result<Vec<u8>, char> {
        Ok(match self {
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Utf8Marked => [UTF_8_MARK, text.as_bytes()].concat(),
            Self::Utf16(order) => {
                let mark = match order {
                    Order::Little => [0xff, 0xfe],
                    Order::Big => [0xfe, 0xff],
                };
                [mark.as_slice(), &self.encode_more(text)?].concat()
            }
            Self::Legacy(_) => self.encode_more(text)?,
        })
    }

    /// The bytes of a text that comes behind others: without a mark.
    pub(super) fn encode_more(self, text: &str) -> Result<Vec<u8>, char> {
        match self {
            Self::Utf8 | Self::Utf8Marked => Ok(text.as_bytes().to_vec()),
            Self::Utf16(Order::Little) => Ok(text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
            Self::Utf16(Order::Big) => Ok(text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
            Self::Legacy(encoding) => {
                let (bytes, _, unmappable) = encoding.encode(text);
                if !unmappable {
                    return Ok(bytes.into_owned());
                }
                let cannot = |character: &char| encoding.encode(character.encode_utf8(&mut [0; 4])).2;
                Err(text.chars().find(cannot).unwrap_or('\u{fffd}'))
            }
        }
    }
}

fn detector(bytes: &[u8], extent: Extent) -> EncodingDetector {
    let mut detector = EncodingDetector::new();
    detector.feed(bytes, extent == Extent::Whole);
    detector
}

/// Whether bytes can be a text in that encoding.
fn fits(encoding: &'static encoding_rs::Encoding, bytes: &[u8], extent: Extent) -> bool {
    let complete = match extent {
        Extent::Whole => bytes,
        // Up to the last line end, which is a character of its own in all of them.
        Extent::Start => {
            let end = bytes.iter().rposition(|byte| *byte == b'\n').unwrap_or(bytes.len());
            bytes.get(..end).unwrap_or_default()
        }
    };
    let (_, damaged) = encoding.decode_without_bom_handling(complete);
    // A start without a line end may be cut within a character, so its damage proves nothing.
    let cut = extent == Extent::Start && complete.len() == bytes.len();
    !damaged || cut
}

fn units(bytes: &[u8], order: Order) -> Vec<u16> {
    bytes
        .as_chunks::<2>()
        .0
        .iter()
        .map(|pair| match order {
            Order::Little => u16::from_le_bytes(*pair),
            Order::Big => u16::from_be_bytes(*pair),
        })
        .collect()
}

/// A control character that text does not use.
fn is_odd_control(byte: u8) -> bool {
    byte < 0x20 && !matches!(byte, 0x08..=0x0d | 0x1b) || byte == 0x7f
}

/// Whether the bytes are UTF-8, but for a rare damaged place in a text that otherwise uses it.
fn is_mostly_utf_8(bytes: &[u8], extent: Extent) -> bool {
    let mut good = 0;
    let mut bad = 0;
    let mut chunks = bytes.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        good += chunk.valid().chars().filter(|character| !character.is_ascii()).count();
        let ends_cut = chunks.peek().is_none() && extent == Extent::Start;
        if !chunk.invalid().is_empty() && !ends_cut {
            bad += 1;
        }
    }
    bad * 50 <= good
}

#[cfg(test)]
#[path = "encoding_tests.rs"]
mod tests;
