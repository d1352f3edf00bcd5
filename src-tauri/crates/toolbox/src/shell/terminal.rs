//! Turns the bytes that a command writes for a terminal into text.

/// Decodes UTF-8 across the borders of pieces and takes out escape sequences and control characters. Line feeds,
/// tabs and carriage returns stay.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    /// The beginning of a character whose end has not come yet.
    unfinished: Vec<u8>,
    state: State,
    counts: Counts,
}

/// What was seen so far, in bytes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    pub total: u64,
    pub zeros: u64,
    pub invalid: u64,
}

impl Counts {
    /// Whether this can hardly be text. Some zeros among valid text are common (`find -print0`).
    pub(super) fn looks_binary(self) -> bool {
        let tenth = self.total / 10;
        self.zeros > tenth || self.invalid > tenth || (self.zeros > 0 && self.invalid > 0)
    }
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// After an escape character.
    Escape,
    /// In an escape sequence that ends with its first character from `0` on, such as a change of character sets.
    Intermediate,
    /// In a control sequence: parameters until a letter.
    Control,
    /// In a string for the terminal (title, link): until bell, or escape and backslash.
    TerminalString,
    /// After an escape character in such a string.
    StringEscape,
}

impl Decoder {
    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// The text of the next piece.
    pub(super) fn decode(&mut self, piece: &[u8]) -> String {
        self.counts.total += piece.len() as u64;
        self.counts.zeros += piece.split(|byte| *byte == 0).count() as u64 - 1;
        let mut bytes = std::mem::take(&mut self.unfinished);
        bytes.extend_from_slice(piece);
        let mut text = String::with_capacity(bytes.len());
        let mut rest = bytes.as_slice();
        loop {
            match std::str::from_utf8(rest) {
                Ok(valid) => {
                    self.filter(valid, &mut text);
                    return text;
                }
                Err(error) => {
                    let (valid, broken) = rest.split_at(error.valid_up_to());
                    self.filter(&String::from_utf8_lossy(valid), &mut text);
                    let Some(length) = error.error_len() else {
                        self.unfinished = broken.to_vec();
                        return text;
                    };
                    self.counts.invalid += length as u64;
                    self.filter("\u{fffd}", &mut text);
                    rest = &broken[length..];
                }
            }
        }
    }

    /// What is left when nothing more comes.
    pub(super) fn finish(&mut self) -> String {
        let unfinished = std::mem::take(&mut self.unfinished);
        self.counts.invalid += unfinished.len() as u64;
        let mut text = String::new();
        if !unfinished.is_empty() {
            self.filter("\u{fffd}", &mut text);
        }
        text
    }

    fn filter(&mut self, text: &str, out: &mut String) {
        for character in text.chars() {
            self.state = match (self.state, character) {
                (State::Text | State::Escape | State::Intermediate | State::Control, '\u{1b}') => {
                    State::Escape
                }
                (State::Text, '\n' | '\t' | '\r') => {
                    out.push(character);
                    State::Text
                }
                (State::Text, '\0') => {
                    out.push('\u{2400}');
                    State::Text
                }
                (State::Text, _) => {
                    if !character.is_control() {
                        out.push(character);
                    }
                    State::Text
                }
                (State::Escape, ']' | 'P' | 'X' | '^' | '_') => State::TerminalString,
                (State::Escape | State::Intermediate, ' '..='/') => State::Intermediate,
                (State::Escape, '[') | (State::Control, ' '..='?') => State::Control,
                // A line feed ends what was no sequence after all, so that broken ones eat no more than a line.
                (State::Control | State::TerminalString, '\n') => {
                    out.push('\n');
                    State::Text
                }
                (State::TerminalString, '\u{1b}') => State::StringEscape,
                (State::TerminalString, character) if character != '\u{7}' => State::TerminalString,
                (State::StringEscape, character) if character != '\\' => State::TerminalString,
                (
                    State::Escape
                    | State::Intermediate
                    | State::Control
                    | State::TerminalString
                    | State::StringEscape,
                    _,
                ) => State::Text,
            };
        }
    }
}

/// Of lines that were written over again and again (progress bars), what was seen last.
pub(super) fn last_written(text: &str) -> String {
    if !text.contains('\r') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (line, end) = match line.strip_suffix('\n') {
            Some(line) => (line, "\n"),
            None => (line, ""),
        };
        let last = line.split('\r').rfind(|part| !part.is_empty()).unwrap_or_default();
        out.push_str(last);
        out.push_str(end);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(pieces: &[&[u8]]) -> String {
        let mut decoder = Decoder::default();
        let mut text: String = pieces.iter().map(|piece| decoder.decode(piece)).collect();
        text.push_str(&decoder.finish());
        text
    }

    #[test]
    fn characters_are_whole_across_every_border() {
        let text = "aé漢😀z";
        for border in 0..=text.len() {
            let (first, second) = text.as_bytes().split_at(border);
            assert_eq!(decoded(&[first, second]), text);
        }
        assert_eq!(decoded(&[b"a\xe6\xbc"]), "a\u{fffd}");
        assert_eq!(decoded(&[b"a\xff\xfeb"]), "a\u{fffd}\u{fffd}b");
    }

    #[test]
    fn escapes_are_taken_out_across_every_border() {
        let text = "\u{1b}[1;31mred\u{1b}[0m \u{1b}]0;title\u{7}a\u{1b}]8;;link\u{1b}\\b\u{1b}(Bc\u{1b}Md\u{8}\n\tend";
        for border in 0..=text.len() {
            let (first, second) = text.as_bytes().split_at(border);
            assert_eq!(decoded(&[first, second]), "red abcd\n\tend");
        }
    }

    #[test]
    fn a_broken_escape_eats_no_more_than_its_line() {
        assert_eq!(decoded(&[b"a\x1b]never ends\nb\x1b[12\nc"]), "a\nb\nc");
    }

    #[test]
    fn binary_is_told_from_text() {
        let looks_binary = |bytes: &[u8]| {
            let mut decoder = Decoder::default();
            decoder.decode(bytes);
            decoder.finish();
            decoder.counts().looks_binary()
        };
        assert!(looks_binary(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"));
        assert!(looks_binary(&[0; 100]));
        assert!(looks_binary(b"a\0b"));
        assert!(!looks_binary(b""));
        assert!(!looks_binary("漢字 text".as_bytes()));
        assert!(!looks_binary(b"./some/file\0./another/file\0./third/file\0"));
        assert!(!looks_binary(b"caf\xe9 in an old encoding"));
    }

    #[test]
    fn of_a_progress_bar_the_last_state_stays() {
        assert_eq!(last_written("a\r\n10%\r50%\r100%\r\ndone"), "a\n100%\ndone");
        assert_eq!(last_written("\r\n\r"), "\n");
    }
}
