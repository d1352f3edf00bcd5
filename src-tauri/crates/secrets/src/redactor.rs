use std::{
    borrow::Cow,
    collections::BTreeSet,
    ops::Range,
    sync::{Arc, PoisonError, RwLock},
};

use aho_corasick::{AhoCorasick, MatchKind};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use crate::shapes;

/// What stands in the place of a secret.
pub const REDACTED: &str = "[redacted]";

/// Shorter secrets are not learnt: they would blot out ordinary words.
pub const SHORTEST_SECRET: usize = 6;

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Removes secrets from text: those that it learnt, also URL-encoded, JSON-escaped, in hexadecimal and inside
/// base64, and whatever looks like a well-known kind of token. A clone shares what was learnt.
#[derive(Clone, Default)]
pub struct Redactor {
    known: Arc<RwLock<Known>>,
}

#[derive(Default)]
struct Known {
    forms: BTreeSet<String>,
    search: Option<Arc<AhoCorasick>>,
    longest: usize,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Redactor").finish_non_exhaustive()
    }
}

impl Redactor {
    /// A redactor that knows only the shapes of tokens.
    pub fn new() -> Self {
        Self::default()
    }

    /// Removes `secret` from now on. White space around it is ignored; shorter than [`SHORTEST_SECRET`] bytes is
    /// not learnt.
    pub fn learn(&self, secret: &str) {
        let secret = secret.trim();
        if secret.len() < SHORTEST_SECRET {
            return;
        }
        {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            if known.forms.contains(secret) {
                return;
            }
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.forms.extend(forms(secret));
        known.longest = known.forms.iter().map(String::len).max().unwrap_or(0);
        let search = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(known.forms.iter().map(String::as_bytes));
        match search {
            Ok(search) => known.search = Some(Arc::new(search)),
            Err(error) => tracing::error!(%error, "the search for secrets cannot be built"),
        }
    }

    /// The text without secrets; borrowed if it holds none.
    pub fn redact<'text>(&self, text: &'text str) -> Cow<'text, str> {
        let search = self.known.read().unwrap_or_else(PoisonError::into_inner).search.clone();
        let mut found = shapes::find(text);
        if let Some(search) = search {
            found.extend(search.find_iter(text).map(|hit| hit.range()));
            found.sort_by_key(|range| range.start);
        }
        if found.is_empty() {
            return Cow::Borrowed(text);
        }
        Cow::Owned(cut_out(text, &found))
    }

    /// The length in bytes of the longest form that was learnt.
    pub(crate) fn longest(&self) -> usize {
        self.known.read().unwrap_or_else(PoisonError::into_inner).longest
    }
}

fn cut_out(text: &str, found: &[Range<usize>]) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut end = 0;
    for range in found {
        if range.start >= end {
            clean.push_str(&text[end..range.start]);
            clean.push_str(REDACTED);
        }
        // Overlapping hits make one gap.
        end = end.max(range.end);
    }
    clean.push_str(&text[end..]);
    clean
}

fn forms(secret: &str) -> BTreeSet<String> {
    let mut forms = BTreeSet::from([secret.to_owned()]);
    let encoded = utf8_percent_encode(secret, UNRESERVED).to_string();
    forms.insert(encoded.replace("%20", "+"));
    forms.insert(lower_escapes(&encoded));
    forms.insert(encoded);
    // Once for JSON, a second time for JSON or a debug print inside a line of JSON.
    let mut quoted = secret.to_owned();
    for _ in 0..2 {
        if let Ok(again) = serde_json::to_string(&quoted) {
            again[1..again.len() - 1].clone_into(&mut quoted);
            forms.insert(quoted.clone());
        }
    }
    let hexadecimal: String = secret.bytes().flat_map(hex_digits).collect();
    forms.insert(hexadecimal.to_ascii_uppercase());
    forms.insert(hexadecimal);
    for shift in 0..3 {
        forms.extend(base64_forms(secret.as_bytes(), shift));
    }
    forms.retain(|form| form.len() >= SHORTEST_SECRET);
    forms
}

/// The characters of base64 that the secret alone decides when `shift` bytes (modulo 3) stand before it.
fn base64_forms(secret: &[u8], shift: usize) -> [String; 2] {
    let mut bytes = Zeroizing::new(vec![0; shift]);
    bytes.extend_from_slice(secret);
    let first = (shift * 8).div_ceil(6);
    let last = bytes.len() * 8 / 6;
    [STANDARD_NO_PAD.encode(&*bytes), URL_SAFE_NO_PAD.encode(&*bytes)]
        .map(|encoded| encoded[first..last.max(first)].to_owned())
}

fn hex_digits(byte: u8) -> [char; 2] {
    [byte >> 4, byte & 15].map(|digit| char::from_digit(u32::from(digit), 16).unwrap_or('0'))
}

fn lower_escapes(encoded: &str) -> String {
    let mut lowered = String::with_capacity(encoded.len());
    let mut escape = 0;
    for character in encoded.chars() {
        if escape > 0 {
            escape -= 1;
            lowered.push(character.to_ascii_lowercase());
            continue;
        }
        if character == '%' {
            escape = 2;
        }
        lowered.push(character);
    }
    lowered
}

#[cfg(test)]
#[path = "redactor_tests.rs"]
mod tests;
