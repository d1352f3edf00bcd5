//! Drawings in SVG: how much what they refer to has drawn again and again.

use std::collections::HashMap;

/// Elements that a drawing may have drawn, with all that is drawn again; more could take any time and memory.
const MOST_DRAWN: usize = 100_000;
/// What is referred to may refer to others so deep.
const DEEPEST: usize = 32;

/// Whether what is used within what is used (a part, a pattern, a mask) makes more of a drawing than is drawn safely.
/// What cannot be told counts as more. References of a style sheet count once, wherever they hold.
pub(super) fn is_multiplied(text: &str) -> bool {
    Outline::of(text).is_none_or(|outline| outline.drawn() > MOST_DRAWN)
}

/// The elements of a drawing by number, in the order in which they begin.
#[derive(Default)]
struct Outline<'a> {
    elements: usize,
    /// By id the first element and the one behind the last.
    spans: HashMap<&'a str, (usize, usize)>,
    /// The element that refers, and the id that it refers to.
    references: Vec<(usize, &'a str)>,
}

impl<'a> Outline<'a> {
    /// `None` where references are hidden in entities, escapes, animations or drawings within the drawing.
    fn of(text: &'a str) -> Option<Self> {
        let mut outline = Self::default();
        let mut open: Vec<(usize, &str)> = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('<') {
            outline.refer_by_urls(before)?;
            if let Some((end, skip)) = [("!--", "-->"), ("![CDATA[", "]]>"), ("?", "?>")]
                .iter()
                .find_map(|(start, end)| after.starts_with(start).then_some((*end, start.len())))
            {
                let (inside, behind) = after.get(skip..)?.split_once(end).unwrap_or((after, ""));
                if end == "]]>" {
                    outline.refer_by_urls(inside)?;
                }
                rest = behind;
                continue;
            }
            let (tag, behind) = after.split_at(tag_end(after));
            rest = behind;
            if let Some((_, inside)) =
                after.split_once('[').filter(|_| tag.starts_with("!DOCTYPE") && tag.contains('['))
            {
                rest = inside;
            } else if let Some(declared) = tag.strip_prefix("!ENTITY") {
                let value = declared.split_once(['"', '\'']).map_or("", |(_, value)| value);
                if value.contains('<') || value.contains("&#") || value.starts_with('#') {
                    return None;
                }
            } else if tag.starts_with('/') {
                if let Some((start, id)) = open.pop() {
                    outline.spans.entry(id).or_insert((start, outline.elements));
                }
            } else if tag.starts_with("!ATTLIST") {
                return None;
            } else if !tag.starts_with('!') {
                let id = outline.begin(tag)?;
                if tag.ends_with('/') {
                    outline.spans.entry(id).or_insert((outline.elements - 1, outline.elements));
                } else {
                    open.push((outline.elements - 1, id));
                }
            }
        }
        outline.spans.remove("");
        Some(outline)
    }

    /// Counts an element and what it refers to; its id, empty if it has none or only names colours.
    fn begin(&mut self, tag: &'a str) -> Option<&'a str> {
        self.elements += 1;
        let tag = tag.trim_end_matches('/');
        let (name, mut rest) = tag.split_once(char::is_whitespace).unwrap_or((tag, ""));
        let mut id = "";
        while let Some((attribute, after)) = rest.split_once('=') {
            let (attribute, after) = (attribute.trim(), after.trim_start());
            let quote = after.chars().next().filter(|mark| matches!(mark, '"' | '\''));
            let Some((value, behind)) = quote.and_then(|quote| after.get(1..)?.split_once(quote)) else {
                break;
            };
            rest = behind;
            let value = value.trim();
            if attribute == "id" {
                if value.contains('&') {
                    return None;
                }
                id = value;
            } else if attribute.eq_ignore_ascii_case("attributeName") && value.ends_with("href") {
                return None;
            } else if attribute == "href" || attribute.ends_with(":href") {
                if value.starts_with('&') || value.starts_with("data:image/svg") {
                    return None;
                }
                if let Some(target) = value.strip_prefix('#')
                    && name != "a"
                {
                    self.refer(target)?;
                }
            } else {
                self.refer_by_urls(value)?;
            }
        }
        Some(if name.ends_with("Gradient") { "" } else { id })
    }

    fn refer_by_urls(&mut self, text: &'a str) -> Option<()> {
        for part in text.split("url(").skip(1) {
            let named = part.split_once(')').map_or(part, |(named, _)| named).trim();
            let named = named.trim_start_matches("&quot;").trim_end_matches("&quot;");
            let named = named.trim_matches(['"', '\'', ' ']);
            if named.starts_with(['&', '\\']) || named.starts_with("data:image/svg") {
                return None;
            }
            if let Some(target) = named.strip_prefix('#') {
                self.refer(target)?;
            }
        }
        Some(())
    }

    fn refer(&mut self, target: &'a str) -> Option<()> {
        if target.contains(['&', '%', '\\']) {
            return None;
        }
        self.references.push((self.elements.saturating_sub(1), target));
        Some(())
    }

    /// How many elements are drawn.
    fn drawn(&self) -> usize {
        let mut weights = vec![0; self.references.len()];
        for _ in 0..DEEPEST {
            let mut sum = 0_usize;
            let mut sums = vec![0];
            sums.extend(weights.iter().map(|weight| {
                sum = sum.saturating_add(*weight);
                sum
            }));
            let before = |element: usize| {
                let references = self.references.partition_point(|(at, _)| *at < element);
                sums.get(references).copied().unwrap_or(sum)
            };
            let total = sum.saturating_add(self.elements);
            if total > MOST_DRAWN {
                return total;
            }
            let next: Vec<usize> = (self.references.iter())
                .map(|(_, target)| {
                    self.spans
                        .get(target)
                        .map_or(0, |(start, end)| end - start + before(*end) - before(*start))
                })
                .collect();
            if next == weights {
                return total;
            }
            weights = next;
        }
        usize::MAX
    }
}

/// Where a tag ends: a mark within quotes is none.
fn tag_end(text: &str) -> usize {
    let mut quote = None;
    for (at, letter) in text.char_indices() {
        match (quote, letter) {
            (None, '>') => return at,
            (None, '"' | '\'') => quote = Some(letter),
            (Some(open), _) if open == letter => quote = None,
            _ => {}
        }
    }
    text.len()
}
