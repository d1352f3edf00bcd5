//! The two languages that the demo model speaks.

/// The language of the user's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    Chinese,
}

impl Language {
    /// The language of these words; `None` if they show none.
    pub fn of(words: &str) -> Option<Self> {
        if words.chars().any(is_han) {
            Some(Self::Chinese)
        } else if words.chars().any(char::is_alphabetic) {
            Some(Self::English)
        } else {
            None
        }
    }

    /// The words of this language.
    pub fn say<T>(self, english: T, chinese: T) -> T {
        match self {
            Self::English => english,
            Self::Chinese => chinese,
        }
    }
}

/// A Chinese character (CJK unified ideographs with extension A).
pub(crate) fn is_han(character: char) -> bool {
    matches!(character, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}')
}

/// Whether lower-case words hold one of these: English ones as whole words or phrases, Chinese ones anywhere.
pub(crate) fn mentions(words: &str, signs: &[&str]) -> bool {
    signs.iter().any(|sign| position(words, sign).is_some())
}

/// Where a word, phrase or Chinese expression stands in lower-case words, in bytes.
pub(crate) fn position(words: &str, sign: &str) -> Option<usize> {
    if sign.chars().any(is_han) {
        return words.find(sign);
    }
    words.match_indices(sign).map(|(start, _)| start).find(|start| {
        let outside =
            |character: Option<char>| character.is_none_or(|character| !character.is_ascii_alphanumeric());
        outside(words[..*start].chars().next_back()) && outside(words[start + sign.len()..].chars().next())
    })
}
