//! Picks numbered lines out of a text as it streams by, whatever its length.

use super::encoding::Encoding;
use crate::call::count;

/// Characters of a line that are shown.
pub(crate) const LINE_CHARACTERS: usize = 1_000;
/// Characters that one call shows.
pub(crate) const OUTPUT_CHARACTERS: usize = 100_000;
/// Bytes of a line that are kept: enough for the characters that are shown, in every encoding.
const LINE_BYTES: usize = LINE_CHARACTERS * 4 + 8;

/// Takes the bytes of a text and keeps the lines that were asked for, numbered like `cat -n`.
pub(super) struct Lines {
    encoding: Encoding,
    first: u64,
    limit: u64,
    /// Number of the line that is coming in, from 1.
    number: u64,
    kept: Vec<u8>,
    length: usize,
    characters: u64,
    ends_with_return: bool,
    text: String,
    text_characters: usize,
    shown: u64,
    full: bool,
    cuts: u64,
    return_ends: u64,
}

/// Which lines of how many were picked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Picked {
    pub(super) text: String,
    pub(super) shown: u64,
    pub(super) total: u64,
    pub(super) cut_lines: u64,
    /// Lines that end with carriage return and line feed.
    pub(super) return_ends: u64,
}

impl Lines {
    /// Shows at most `limit` lines from line `first` (from 1) on.
    pub(super) fn new(encoding: Encoding, first: u64, limit: u64) -> Self {
        Self {
            encoding,
            first,
            limit,
            number: 1,
            kept: Vec::new(),
            length: 0,
            characters: 0,
            ends_with_return: false,
            text: String::new(),
            text_characters: 0,
            shown: 0,
            full: false,
            cuts: 0,
            return_ends: 0,
        }
    }

    pub(super) fn feed(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            match part.strip_suffix(b"\n") {
                Some(line) => {
                    self.add(line);
                    self.return_ends += u64::from(self.ends_with_return);
                    self.end_line();
                }
                None => self.add(part),
            }
        }
    }

    pub(super) fn finish(mut self) -> Picked {
        if self.length > 0 {
            self.ends_with_return = false;
            self.end_line();
        }
        Picked {
            text: self.text,
            shown: self.shown,
            total: self.number - 1,
            cut_lines: self.cuts,
            return_ends: self.return_ends,
        }
    }

    fn add(&mut self, part: &[u8]) {
        let Some(last) = part.last() else { return };
        self.ends_with_return = *last == b'\r';
        self.length += part.len();
        if self.is_asked_for() {
            // Continuation bytes of UTF-8 begin no character; other encodings are not counted.
            self.characters += part.iter().filter(|byte| **byte & 0xc0 != 0x80).count() as u64;
            let room = LINE_BYTES.saturating_sub(self.kept.len());
            self.kept.extend_from_slice(part.get(..room).unwrap_or(part));
        }
    }

    fn is_asked_for(&self) -> bool {
        !self.full && self.number >= self.first && self.number - self.first < self.limit
    }

    fn end_line(&mut self) {
        if self.is_asked_for() {
            self.show_line();
        }
        self.number += 1;
        self.kept.clear();
        self.length = 0;
        self.characters = 0;
        self.ends_with_return = false;
    }

    fn show_line(&mut self) {
        let whole = self.kept.len() == self.length;
        let mut line = self.encoding.decode_lossy(&self.kept);
        if whole && self.ends_with_return {
            line.pop();
        }
        let cut = match line.char_indices().nth(LINE_CHARACTERS) {
            Some((end, _)) => {
                line.truncate(end);
                true
            }
            None => !whole,
        };
        let mark = match (cut, self.encoding) {
            (false, _) => String::new(),
            (true, Encoding::Utf8 | Encoding::Utf8Marked | Encoding::Utf16(_)) => {
                let characters = self.characters - u64::from(self.ends_with_return);
                format!("… [cut: the line has {} characters]", count(characters))
            }
            (true, Encoding::Legacy(_)) => "… [cut]".to_owned(),
        };
        let shown = format!("{:>6}\t{line}{mark}\n", self.number);
        let characters = shown.chars().count();
        // The first line is always shown, so that reading on always gets further.
        if self.shown > 0 && self.text_characters + characters > OUTPUT_CHARACTERS {
            self.full = true;
            return;
        }
        self.cuts += u64::from(cut);
        self.text_characters += characters;
        self.text.push_str(&shown);
        self.shown += 1;
    }
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
