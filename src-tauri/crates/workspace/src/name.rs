//! File names as text, without losing a byte.

use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// Stands before the two hexadecimal digits of a byte that is no UTF-8.
const MARKER: char = '\u{FFFD}';

/// A name or path as text: UTF-8 stays as it is, every other byte becomes U+FFFD and its two upper-case
/// hexadecimal digits. A U+FFFD that really stands in the name is escaped byte by byte, so that
/// [`decode_name`] gives back exactly what went in.
pub fn encode_name(name: &OsStr) -> String {
    let mut text = String::with_capacity(name.len());
    for chunk in name.as_bytes().utf8_chunks() {
        for character in chunk.valid().chars() {
            if character == MARKER {
                escape(&mut text, "\u{FFFD}".as_bytes());
            } else {
                text.push(character);
            }
        }
        escape(&mut text, chunk.invalid());
    }
    text
}

/// The name that [`encode_name`] made `text` from. U+FFFD without two hexadecimal digits above 7F behind
/// it stands for itself.
pub fn decode_name(text: &str) -> OsString {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(position) = rest.find(MARKER) {
        bytes.extend_from_slice(&rest.as_bytes()[..position]);
        let after = &rest[position + MARKER.len_utf8()..];
        if let Some(byte) = escaped_byte(after) {
            bytes.push(byte);
            rest = &after[2..];
        } else {
            bytes.extend_from_slice("\u{FFFD}".as_bytes());
            rest = after;
        }
    }
    bytes.extend_from_slice(rest.as_bytes());
    OsString::from_vec(bytes)
}

fn escape(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        text.push(MARKER);
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02X}");
    }
}

fn escaped_byte(after: &str) -> Option<u8> {
    let digits = after.get(..2)?;
    if !digits.bytes().all(|digit| digit.is_ascii_digit() || (b'A'..=b'F').contains(&digit)) {
        return None;
    }
    // Only bytes above 7F are ever escaped; so `\u{FFFD}2F` cannot smuggle a slash or a NUL in.
    u8::from_str_radix(digits, 16).ok().filter(|byte| *byte >= 0x80)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(bytes: &[u8]) -> String {
        let text = encode_name(OsStr::from_bytes(bytes));
        assert_eq!(decode_name(&text).as_bytes(), bytes, "{text:?}");
        text
    }

    #[test]
    fn names_survive_the_round_trip() {
        assert_eq!(round_trip("日本 é.txt".as_bytes()), "日本 é.txt");
        assert_eq!(round_trip(b"caf\xE9.txt"), "caf\u{FFFD}E9.txt");
        assert_eq!(round_trip(b"\xFF\xFE"), "\u{FFFD}FF\u{FFFD}FE");
        round_trip("a\u{FFFD}E9 and \u{FFFD}".as_bytes());
        round_trip(b"\xEF\xBF");
    }

    #[test]
    fn every_pair_of_bytes_survives() {
        for first in 1..=255_u8 {
            for second in 1..=255_u8 {
                round_trip(&[b'x', first, second, b'E', b'9']);
            }
        }
    }

    #[test]
    fn a_slash_cannot_be_escaped() {
        assert_eq!(decode_name("a\u{FFFD}2Fb").as_bytes(), "a\u{FFFD}2Fb".as_bytes());
        assert_eq!(decode_name("a\u{FFFD}").as_bytes(), "a\u{FFFD}".as_bytes());
    }
}
