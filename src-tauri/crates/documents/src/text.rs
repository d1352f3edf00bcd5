//! Bytes to text, and colours.

use chardetng::EncodingDetector;
use encoding_rs::{Encoding, UTF_8};

/// Text of bytes whose encoding nobody names: by its mark, as UTF-8, or as guessed.
pub(crate) fn decode(bytes: &[u8], declared: Option<&'static Encoding>) -> String {
    if let Some((encoding, _)) = Encoding::for_bom(bytes) {
        return encoding.decode(bytes).0.into_owned();
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        return text.to_owned();
    }
    let encoding = declared.filter(|encoding| *encoding != UTF_8).unwrap_or_else(|| {
        let mut detector = EncodingDetector::new();
        detector.feed(bytes, true);
        detector.guess(None, true)
    });
    encoding.decode_without_bom_handling(bytes).0.into_owned()
}

/// Text of an XML part: by its mark or its declaration, otherwise UTF-8.
pub(crate) fn decode_xml(bytes: &[u8]) -> String {
    let head = String::from_utf8_lossy(bytes.get(..200).unwrap_or(bytes)).into_owned();
    let declared = head
        .strip_prefix("<?xml")
        .and_then(|rest| rest.split_once("encoding=").map(|(_, rest)| rest))
        .and_then(|rest| rest.get(1..)?.split(['"', '\'']).next())
        .and_then(|label| Encoding::for_label(label.as_bytes()));
    decode(bytes, declared)
}

/// At most `characters` characters, with a mark if there were more.
pub(crate) fn shortened(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// A colour, red, green and blue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Colour(pub(crate) [u8; 3]);

impl Colour {
    pub(crate) const WHITE: Self = Self([255; 3]);
    pub(crate) const BLACK: Self = Self([0; 3]);

    /// From six hexadecimal digits, with or without `#`.
    pub(crate) fn from_hex(text: &str) -> Option<Self> {
        let digits = text.trim().trim_start_matches('#');
        if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let number = u32::from_str_radix(digits, 16).ok()?;
        let [_, red, green, blue] = number.to_be_bytes();
        Some(Self([red, green, blue]))
    }

    /// Whether letters in this colour cannot be told from that background.
    pub(crate) fn vanishes_on(self, background: Self) -> bool {
        self.0.iter().zip(background.0).all(|(one, other)| one.abs_diff(other) <= 12)
    }
}
