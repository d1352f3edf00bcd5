//! Shapes of well-known tokens. Every alternative begins with a literal, which keeps the search fast.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

const SHAPES: &[&str] = &[
    // OpenAI, Anthropic, OpenRouter and their likes: an unbroken run of sixteen, so that the names of styles and
    // files that begin with `sk-` stay.
    r"sk-(?:[a-z0-9]{2,8}-){0,2}[A-Za-z0-9_]{16,}[A-Za-z0-9_-]*",
    r"gh[pousr]_[A-Za-z0-9]{30,}",
    r"github_pat_[A-Za-z0-9_]{22,}",
    r"glpat-[A-Za-z0-9_-]{20,}",
    r"AKIA[0-9A-Z]{16}",
    r"ASIA[0-9A-Z]{16}",
    r"Bearer [A-Za-z0-9._~+/-]{8,}=*",
    r"bearer [A-Za-z0-9._~+/-]{8,}=*",
    r"xox[abeoprs]-[A-Za-z0-9-]{10,}",
    r"xapp-[A-Za-z0-9-]{10,}",
    r"AIza[0-9A-Za-z_-]{35}",
    r"hf_[A-Za-z0-9]{30,}",
    r"gsk_[A-Za-z0-9]{30,}",
    r"npm_[A-Za-z0-9]{36}",
    r"pypi-[A-Za-z0-9_-]{40,}",
    r"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
    // A block without its end goes to the end of the text: half a key is still half a key.
    r"-----BEGIN [A-Z ]{0,20}PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]{0,20}PRIVATE KEY-----|\z)",
];

static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(&SHAPES.join("|"))
        .inspect_err(|error| tracing::error!(%error, "the shapes of tokens do not compile"))
        .ok()
});

/// Where tokens stand in `text`, in order, without overlap. Of `Bearer …` only what follows the word.
pub(crate) fn find(text: &str) -> Vec<Range<usize>> {
    let Some(pattern) = PATTERN.as_ref() else { return Vec::new() };
    let mut found = Vec::new();
    let mut position = 0;
    while let Some(hit) = pattern.find_at(text, position) {
        let before = text[..hit.start()].chars().next_back();
        if before.is_some_and(|character| character.is_alphanumeric() || character == '_') {
            // In the middle of a word, as in `risk-…`: look on behind the first letter.
            position = hit.start() + 1;
            continue;
        }
        match secret_part(hit.as_str()) {
            Some(offset) => {
                found.push(hit.start() + offset..hit.end());
                position = hit.end();
            }
            None => position = hit.start() + 1,
        }
        if position >= text.len() {
            break;
        }
    }
    found
}

/// From which byte on a hit is secret, or `None` if it reads like words.
fn secret_part(hit: &str) -> Option<usize> {
    if hit.starts_with("-----") {
        return Some(0);
    }
    if hit.starts_with("Bearer ") || hit.starts_with("bearer ") {
        let token = &hit[7..];
        return (token.len() >= 24 || has_digit(token)).then_some(7);
    }
    has_digit(hit).then_some(0)
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}
