//! The type of a file and the part of it that was asked for.

use std::ops::RangeInclusive;

/// The value of `Content-Type` for a file of that name whose first bytes are `start`.
///
/// Text is declared as UTF-8 if its start is; otherwise a page's own declaration counts, and other text is left
/// to the browser.
pub(crate) fn content_type(name: &str, start: &[u8]) -> String {
    let essence = essence(name);
    if !is_text(&essence) {
        return essence;
    }
    if is_utf8_start(start) {
        return format!("{essence}; charset=utf-8");
    }
    match declared_charset(start).filter(|_| essence == "text/html") {
        Some(charset) => format!("{essence}; charset={charset}"),
        None => essence,
    }
}

/// The media type by the name's ending.
fn essence(name: &str) -> String {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
    match ending.as_str() {
        "js" | "mjs" | "cjs" => "text/javascript".to_owned(),
        "json" | "map" | "geojson" => "application/json".to_owned(),
        "md" | "markdown" => "text/markdown".to_owned(),
        "ts" | "tsx" | "jsx" | "py" | "rs" | "toml" | "yaml" | "yml" | "log" => "text/plain".to_owned(),
        "webmanifest" => "application/manifest+json".to_owned(),
        "ico" => "image/x-icon".to_owned(),
        _ => mime_guess::from_path(name).first_raw().unwrap_or("application/octet-stream").to_owned(),
    }
}

fn is_text(essence: &str) -> bool {
    essence.starts_with("text/")
        || essence.ends_with("+json")
        || essence.ends_with("+xml")
        || matches!(essence, "application/json" | "application/xml" | "application/javascript")
}

/// Whether the bytes begin UTF-8 text; they may end within a character.
fn is_utf8_start(start: &[u8]) -> bool {
    match std::str::from_utf8(start) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    }
}

/// The encoding that a page names for itself in its first 1024 bytes.
fn declared_charset(start: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(start.get(..1024).unwrap_or(start)).to_ascii_lowercase();
    let (_, after) = head.split_once("charset=")?;
    let name: String = after
        .trim_start_matches(['"', '\'', ' '])
        .chars()
        .take_while(|character| character.is_ascii_alphanumeric() || matches!(character, '-' | '_'))
        .collect();
    (!name.is_empty() && name.len() <= 30).then_some(name)
}

/// What a `Range` header asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Everything.
    Whole,
    /// These bytes, which exist.
    Part(RangeInclusive<u64>),
    /// Bytes that do not exist.
    Beyond,
}

/// Reads the `Range` header for a file of that size. Several ranges, other units and what is not understood mean
/// the whole file, as RFC 9110 (section 14.2) allows.
pub(crate) fn asked(range: Option<&str>, size: u64) -> Asked {
    let Some((first, last)) =
        range.and_then(|range| range.trim().strip_prefix("bytes=")).and_then(|range| range.split_once('-'))
    else {
        return Asked::Whole;
    };
    let (first, last) = (first.trim(), last.trim());
    let number = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten()
    };
    match (first.is_empty(), last.is_empty()) {
        (true, true) => Asked::Whole,
        (true, false) => match number(last) {
            None => Asked::Whole,
            Some(0) => Asked::Beyond,
            Some(_) if size == 0 => Asked::Beyond,
            Some(count) => Asked::Part(size.saturating_sub(count)..=size - 1),
        },
        (false, true) => match number(first) {
            None => Asked::Whole,
            Some(first) if first >= size => Asked::Beyond,
            Some(first) => Asked::Part(first..=size - 1),
        },
        (false, false) => match (number(first), number(last)) {
            (Some(first), Some(last)) if first <= last => {
                if first >= size {
                    Asked::Beyond
                } else {
                    Asked::Part(first..=last.min(size - 1))
                }
            }
            _ => Asked::Whole,
        },
    }
}

#[cfg(test)]
#[path = "content_tests.rs"]
mod tests;
