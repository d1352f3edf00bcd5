//! Drawings in SVG: what drawing them would cost.

use std::collections::HashMap;

use super::copies;

/// Bytes that the entities of a drawing may stand for; more could fill the memory of whoever draws it.
const MOST_EXPANDED: usize = 1024 * 1024;
/// Entities may stand in each other so deep.
const DEEPEST: usize = 32;

/// What a drawing does that may take any time, however small it is: what is used again and again within what is used
/// again, what is computed for each pixel, what is cut by what is cut.
const COSTLY: [&[u8]; 15] = [
    b"<!entity",
    b"<use",
    b":use",
    b"filter",
    b"pattern",
    b"mask",
    b"marker",
    b"clippath",
    b"clip-path",
    b"<style",
    b"<image",
    b"foreignobject",
    b"dasharray",
    b"<animate",
    b"@import",
];

/// Whether drawing it takes no longer than its size says.
pub(crate) fn is_light(bytes: &[u8]) -> bool {
    let text = plain(bytes).to_ascii_lowercase();
    COSTLY.iter().all(|word| !text.windows(word.len()).any(|window| window == *word))
}

/// Whether the entities of a drawing stand for more than is drawn safely.
pub(crate) fn is_bomb(bytes: &[u8]) -> bool {
    let bytes = plain(bytes);
    let text = String::from_utf8_lossy(&bytes);
    let mut entities = Vec::new();
    let mut rest = text.as_ref();
    let mut last = 0;
    while let Some((_, after)) = rest.split_once("<!ENTITY") {
        let after = after.trim_start();
        // One of the declarations' own can make further ones.
        if after.starts_with('%') {
            return true;
        }
        let (name, value) = after.split_once(char::is_whitespace).unwrap_or((after, ""));
        let value = value.trim_start();
        let quote = value.chars().next().filter(|mark| matches!(mark, '"' | '\''));
        let value = quote.and_then(|quote| value.get(1..)?.split(quote).next()).unwrap_or_default();
        entities.push((name, value));
        last = text.len() - after.len() + name.len() + value.len();
        rest = after;
    }
    let mut sizes: HashMap<&str, usize> = entities.iter().map(|(name, _)| (*name, 0)).collect();
    for round in 0.. {
        let mut is_settled = true;
        for (name, value) in &entities {
            let size = expanded(value, &sizes);
            if size > MOST_EXPANDED || round > DEEPEST {
                return true;
            }
            is_settled &= sizes.insert(name, size) == Some(size);
        }
        if is_settled {
            break;
        }
    }
    let body = text.get(last..).unwrap_or_default();
    expanded(body, &sizes).saturating_sub(body.len()) > MOST_EXPANDED
}

/// Whether what a drawing uses again and again makes more of it than is drawn safely.
pub(crate) fn is_multiplied(bytes: &[u8]) -> bool {
    copies::is_multiplied(&String::from_utf8_lossy(&plain(bytes)))
}

/// Bytes of a text once what it names stands in it.
fn expanded(text: &str, sizes: &HashMap<&str, usize>) -> usize {
    text.split('&').skip(1).fold(text.len(), |size, part| {
        let named = part.split_once(';').and_then(|(name, _)| sizes.get(name));
        size.saturating_add(named.copied().unwrap_or(0))
    })
}

/// The letters of a text that may be one of two bytes a letter.
fn plain(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().filter(|byte| *byte != 0).collect()
}
