//! What a page hides from those who look at it: by attributes, by styles of an element, and by rules of its own style
//! sheets that name a class, an id or an element alone.

use std::collections::HashMap;

use crate::notes::Why;
use crate::text::Colour;
use crate::xml::Element;

/// Rules of style sheets that hide something.
pub(super) struct Rules {
    by_selector: HashMap<String, Why>,
    /// What is behind letters about which nothing else is said; `None` if the page uses backgrounds at all.
    paper: Option<Colour>,
}

impl Rules {
    /// From the source of the page and the text of its style sheets.
    pub(super) fn new(page: &str, styles: &str) -> Self {
        let mut rules = HashMap::new();
        let styles = without_comments(styles);
        let mut rest: &str = &styles;
        while let Some((selectors, behind)) = rest.split_once('{') {
            if selectors.trim_start().starts_with('@') {
                // Rules that hold only sometimes (print, narrow windows) are passed over, braces and all.
                let mut depth = 1;
                let end = behind
                    .char_indices()
                    .find(|(_, character)| {
                        match character {
                            '{' => depth += 1,
                            '}' => depth -= 1,
                            _ => {}
                        }
                        depth == 0
                    })
                    .map_or(behind.len(), |(at, _)| at + 1);
                rest = behind.get(end..).unwrap_or_default();
                continue;
            }
            let (declarations, later) = behind.split_once('}').unwrap_or((behind, ""));
            if let Some(why) = declared(declarations, None) {
                for selector in selectors.split(',') {
                    let selector = selector.trim();
                    let is_simple = selector
                        .chars()
                        .skip(1)
                        .all(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_'));
                    if !selector.is_empty() && is_simple {
                        rules.insert(selector.to_owned(), why);
                    }
                }
            }
            rest = later;
        }
        let has_backgrounds = page.contains("background") || page.contains("bgcolor");
        Self { by_selector: rules, paper: (!has_backgrounds).then_some(Colour::WHITE) }
    }

    /// Why an element is not seen, by itself.
    pub(super) fn hidden(&self, element: &Element) -> Option<Why> {
        if element.attribute("hidden").is_some_and(|value| value != "until-found") {
            return Some(Why::Marked);
        }
        if let Some(why) = element.attribute("style").and_then(|style| declared(style, self.paper)) {
            return Some(why);
        }
        if self.by_selector.is_empty() {
            return None;
        }
        let by_class = element
            .attribute("class")
            .into_iter()
            .flat_map(str::split_whitespace)
            .find_map(|class| self.by_selector.get(&format!(".{class}")));
        let by_id = || element.attribute("id").and_then(|id| self.by_selector.get(&format!("#{id}")));
        by_class.or_else(by_id).or_else(|| self.by_selector.get(&*element.name)).copied()
    }
}

fn without_comments(styles: &str) -> String {
    let mut out = String::new();
    let mut rest = styles;
    while let Some((before, behind)) = rest.split_once("/*") {
        out.push_str(before);
        rest = behind.split_once("*/").map_or("", |(_, later)| later);
    }
    out.push_str(rest);
    out
}

/// Why declarations hide what they are about.
fn declared(declarations: &str, paper: Option<Colour>) -> Option<Why> {
    let mut letters = None;
    let mut behind = paper;
    let mut found = None;
    for declaration in declarations.split(';') {
        let Some((name, value)) = declaration.split_once(':') else { continue };
        let value = value.trim().to_ascii_lowercase();
        let value = value.trim_end_matches("!important").trim();
        match name.trim().to_ascii_lowercase().as_str() {
            "display" if value == "none" => found = Some(Why::Marked),
            "visibility" if matches!(value, "hidden" | "collapse") => found = Some(Why::Marked),
            "opacity" if value.parse::<f64>().is_ok_and(|opacity| opacity <= 0.02) => {
                found = Some(Why::Invisible);
            }
            "font-size" if length(value).is_some_and(|pixels| pixels <= 1.5) => found = Some(Why::Size),
            "text-indent" | "left" | "top" | "margin-left" | "margin-top"
                if length(value).is_some_and(|pixels| pixels <= -900.0) =>
            {
                found = Some(Why::Outside);
            }
            "color" if value == "transparent" => found = Some(Why::Invisible),
            "color" => letters = colour(value),
            "background-color" | "background" => behind = colour(value),
            "background-image" => behind = None,
            _ => {}
        }
    }
    found.or_else(|| match (letters, behind) {
        (Some(letters), Some(behind)) if letters.vanishes_on(behind) => Some(Why::Colour),
        _ => None,
    })
}

/// Pixels; `None` for lengths that depend on something else.
fn length(value: &str) -> Option<f64> {
    let number = value.trim_end_matches(|letter: char| letter.is_ascii_alphabetic() || letter == '%');
    let length: f64 = number.parse().ok()?;
    match value.get(number.len()..)? {
        "px" | "" => Some(length),
        "pt" => Some(length * 4.0 / 3.0),
        "em" | "rem" => Some(length * 16.0),
        "%" if length == 0.0 => Some(0.0),
        _ => None,
    }
}

fn colour(value: &str) -> Option<Colour> {
    match value {
        "white" => return Some(Colour::WHITE),
        "black" => return Some(Colour::BLACK),
        _ => {}
    }
    if let Some(digits) = value.strip_prefix('#') {
        if digits.len() == 3 {
            let doubled: String = digits.chars().flat_map(|digit| [digit, digit]).collect();
            return Colour::from_hex(&doubled);
        }
        return Colour::from_hex(digits);
    }
    let inside = value.strip_prefix("rgb(")?.strip_suffix(')')?;
    let mut numbers = inside.split([',', ' ']).filter(|part| !part.is_empty()).map(str::parse::<u8>);
    let mut next = || numbers.next()?.ok();
    Some(Colour([next()?, next()?, next()?]))
}
