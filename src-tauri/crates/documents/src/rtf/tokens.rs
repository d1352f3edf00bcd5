//! RTF as a stream of groups, control words and bytes.

/// A piece of an RTF file.
pub(super) enum Token<'a> {
    Open,
    Close,
    /// A control word and its number.
    Word(&'a str, Option<i32>),
    /// A backslash and a character that is no letter.
    Symbol(u8),
    /// A byte that is written as `\'hh`.
    Byte(u8),
    Text(&'a [u8]),
}

pub(super) struct Tokens<'a> {
    rest: &'a [u8],
}

impl<'a> Tokens<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Passes over bytes that are no RTF.
    pub(super) fn skip(&mut self, count: usize) {
        self.rest = self.rest.get(count..).unwrap_or_default();
    }

    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(count.min(self.rest.len()));
        self.rest = rest;
        taken
    }

    pub(super) fn next(&mut self) -> Option<Token<'a>> {
        loop {
            match *self.rest.first()? {
                b'{' => {
                    self.skip(1);
                    return Some(Token::Open);
                }
                b'}' => {
                    self.skip(1);
                    return Some(Token::Close);
                }
                b'\\' => return self.control(),
                b'\r' | b'\n' | 0 => self.skip(1),
                _ => {
                    let length = self
                        .rest
                        .iter()
                        .position(|byte| matches!(byte, b'{' | b'}' | b'\\' | b'\r' | b'\n' | 0))
                        .unwrap_or(self.rest.len());
                    return Some(Token::Text(self.take(length)));
                }
            }
        }
    }

    fn control(&mut self) -> Option<Token<'a>> {
        self.skip(1);
        let first = *self.rest.first()?;
        if !first.is_ascii_alphabetic() {
            self.skip(1);
            return Some(match first {
                b'\'' => {
                    let digits = self.take(2);
                    let number =
                        std::str::from_utf8(digits).ok().and_then(|text| u8::from_str_radix(text, 16).ok());
                    number.map_or(Token::Symbol(b'\''), Token::Byte)
                }
                b'\\' => Token::Text(b"\\"),
                b'{' => Token::Text(b"{"),
                b'}' => Token::Text(b"}"),
                other => Token::Symbol(other),
            });
        }
        let length = self.rest.iter().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(self.rest.len());
        let word = std::str::from_utf8(self.take(length)).unwrap_or_default();
        let is_negative =
            self.rest.first() == Some(&b'-') && self.rest.get(1).is_some_and(u8::is_ascii_digit);
        if is_negative {
            self.skip(1);
        }
        let length = self.rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(self.rest.len());
        let digits = std::str::from_utf8(self.take(length)).unwrap_or_default();
        let number = digits.parse::<i32>().ok().map(|number| if is_negative { -number } else { number });
        if self.rest.first() == Some(&b' ') {
            self.skip(1);
        }
        Some(Token::Word(word, number))
    }
}
