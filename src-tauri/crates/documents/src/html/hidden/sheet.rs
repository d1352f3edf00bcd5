//! The rules of style sheets: what they are about, and what of them tells whether something is seen.

use std::collections::HashMap;

use crate::xml::Element;

/// What is compared while rules are looked for; beyond that, style sheets are left aside.
const MOST_WORK: u64 = 20_000_000;
/// How deep groups of rules are read.
const MOST_GROUPS: usize = 4;

/// A property with its value, both in lower case.
#[derive(Debug, Clone)]
pub(super) struct Declaration {
    pub name: String,
    pub value: String,
    pub is_important: bool,
}

pub(super) struct Sheet {
    rules: Vec<Rule>,
    /// The rules by what their last part names: an id, a class or an element; `*` if it names none.
    by_key: HashMap<String, Vec<usize>>,
    has_unknown_backgrounds: bool,
    work: u64,
}

struct Rule {
    /// From the element outwards, each with how it lies in the next.
    parts: Vec<(Compound, Within)>,
    /// Ids, classes and elements that it names.
    weight: [usize; 3],
    declarations: std::rc::Rc<[Declaration]>,
}

/// What one element must be.
#[derive(Default)]
struct Compound {
    name: Option<String>,
    /// With their sign in front.
    marks: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Anywhere,
    Directly,
}

impl Sheet {
    pub(super) fn new(styles: &str) -> Self {
        let mut sheet =
            Self { rules: Vec::new(), by_key: HashMap::new(), has_unknown_backgrounds: false, work: 0 };
        sheet.read(&without_comments(styles), 0);
        sheet
    }

    /// Whether something has a background of which it cannot be told what it is.
    pub(super) fn has_unknown_backgrounds(&self) -> bool {
        self.has_unknown_backgrounds
    }

    fn read(&mut self, styles: &str, depth: usize) {
        let mut rest = styles;
        while let Some((selectors, behind)) = rest.split_once('{') {
            // Statements such as `@import` end before.
            let selectors = selectors.rsplit(';').next().unwrap_or(selectors).trim();
            if selectors.starts_with('@') {
                let mut open = 1;
                let end = behind.find(|letter| {
                    match letter {
                        '{' => open += 1,
                        '}' => open -= 1,
                        _ => {}
                    }
                    open == 0
                });
                let end = end.unwrap_or(behind.len());
                // Rules that hold only sometimes (print, narrow windows) are passed over, braces and all.
                if holds_always(selectors) && depth < MOST_GROUPS {
                    self.read(behind.get(..end).unwrap_or_default(), depth + 1);
                }
                rest = behind.get(end + 1..).unwrap_or_default();
                continue;
            }
            let (block, later) = behind.split_once('}').unwrap_or((behind, ""));
            rest = later;
            let declarations: std::rc::Rc<[Declaration]> = declarations(block).into();
            if !declarations.is_empty() {
                self.add(selectors, &declarations);
            }
        }
    }

    fn add(&mut self, selectors: &str, declarations: &std::rc::Rc<[Declaration]>) {
        for selector in selectors.split(',') {
            let Some(parts) = parts(selector) else {
                self.has_unknown_backgrounds |=
                    declarations.iter().any(|declaration| declaration.name.starts_with("background"));
                continue;
            };
            let Some((last, _)) = parts.first() else { continue };
            let id = last.marks.iter().find(|mark| mark.starts_with('#'));
            let key = id.or(last.marks.first()).or(last.name.as_ref()).map_or("*", String::as_str).to_owned();
            let count = |sign| {
                parts.iter().flat_map(|(part, _)| &part.marks).filter(|mark| mark.starts_with(sign)).count()
            };
            let weight =
                [count('#'), count('.'), parts.iter().filter(|(part, _)| part.name.is_some()).count()];
            self.by_key.entry(key).or_default().push(self.rules.len());
            self.rules.push(Rule { parts, weight, declarations: declarations.clone() });
        }
    }

    /// What is declared about an element by rules, the strongest last.
    pub(super) fn declarations(&mut self, element: &Element, above: &[&Element]) -> Vec<Declaration> {
        if self.rules.is_empty() || self.work > MOST_WORK {
            return Vec::new();
        }
        let id = element.attribute("id").map(|id| format!("#{id}"));
        let classes = element.attribute("class").into_iter().flat_map(str::split_whitespace);
        let keys = [Some(element.name.to_string()), Some("*".to_owned()), id];
        let keys = keys.into_iter().flatten().chain(classes.map(|class| format!(".{class}")));
        let mut found: Vec<usize> = Vec::new();
        for key in keys {
            for &place in self.by_key.get(&key).into_iter().flatten() {
                if let Some(rule) = self.rules.get(place)
                    && fits(&rule.parts, element, above, &mut self.work)
                    && !found.contains(&place)
                {
                    found.push(place);
                }
            }
        }
        let mut rules: Vec<(usize, &Rule)> =
            found.into_iter().filter_map(|place| Some((place, self.rules.get(place)?))).collect();
        rules.sort_by_key(|(place, rule)| (rule.weight, *place));
        rules.into_iter().flat_map(|(_, rule)| rule.declarations.iter().cloned()).collect()
    }
}

/// Whether the rules of a group hold for whoever looks at the page on a screen.
fn holds_always(group: &str) -> bool {
    let words: Vec<&str> = group.split_whitespace().collect();
    matches!(words.as_slice(), ["@media", "screen" | "all"] | ["@layer" | "@supports", ..])
}

/// The parts of a selector, from its end; `None` if it says more than is understood here.
fn parts(selector: &str) -> Option<Vec<(Compound, Within)>> {
    let spaced = selector.replace('>', " > ");
    let mut parts: Vec<(Compound, Within)> = Vec::new();
    for word in spaced.split_whitespace() {
        if word == ">" {
            parts.last_mut()?.1 = Within::Directly;
        } else {
            parts.push((compound(word)?, Within::Anywhere));
        }
    }
    parts.reverse();
    // How a part lies in the next one outwards is said by that one.
    let outer: Vec<Within> = parts.iter().skip(1).map(|(_, within)| *within).collect();
    for ((_, within), outer) in parts.iter_mut().zip(outer.into_iter().chain([Within::Anywhere])) {
        *within = outer;
    }
    (!parts.is_empty()).then_some(parts)
}

fn compound(word: &str) -> Option<Compound> {
    let mut found = Compound::default();
    let mut rest = word;
    while !rest.is_empty() {
        let end = rest
            .char_indices()
            .skip(1)
            .find(|(_, letter)| matches!(letter, '.' | '#'))
            .map_or(rest.len(), |(at, _)| at);
        let (piece, later) = rest.split_at(end);
        rest = later;
        let name = piece.trim_start_matches(['.', '#']);
        let is_plain = !name.is_empty()
            && name.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '-' | '_'));
        match piece {
            "*" => {}
            ":root" => found.name = Some("html".to_owned()),
            _ if !is_plain => return None,
            _ if piece.starts_with(['.', '#']) => found.marks.push(piece.to_owned()),
            _ => found.name = Some(piece.to_ascii_lowercase()),
        }
    }
    Some(found)
}

fn fits(parts: &[(Compound, Within)], element: &Element, above: &[&Element], work: &mut u64) -> bool {
    *work += 1;
    let Some(((compound, within), outer)) = parts.split_first() else { return true };
    if *work > MOST_WORK || !is(compound, element) {
        return false;
    }
    if outer.is_empty() {
        return true;
    }
    let most = if *within == Within::Directly { 1 } else { above.len() };
    (0..above.len()).rev().take(most).any(|place| {
        above
            .get(place)
            .is_some_and(|parent| fits(outer, parent, above.get(..place).unwrap_or_default(), work))
    })
}

fn is(compound: &Compound, element: &Element) -> bool {
    compound.name.as_deref().is_none_or(|name| name == &*element.name)
        && compound.marks.iter().all(|mark| {
            let (sign, name) = mark.split_at(1);
            let attribute = element.attribute(if sign == "#" { "id" } else { "class" });
            attribute.is_some_and(|value| match sign {
                "#" => value == name,
                _ => value.split_whitespace().any(|class| class == name),
            })
        })
}

/// The declarations of a block or of a `style`, those that tell whether something is seen.
pub(super) fn declarations(block: &str) -> Vec<Declaration> {
    let block = if block.contains("/*") { &without_comments(block) } else { block };
    block
        .split(';')
        .filter_map(|declaration| {
            let (name, value) = declaration.split_once(':')?;
            let name = name.trim().to_ascii_lowercase();
            let value = value.trim().to_ascii_lowercase();
            let plain = value.strip_suffix("important").and_then(|value| value.trim_end().strip_suffix('!'));
            let is_important = plain.is_some();
            let value = plain.unwrap_or(&value).trim().to_owned();
            tells(&name).then_some(Declaration { name, value, is_important })
        })
        .collect()
}

fn tells(name: &str) -> bool {
    matches!(
        name,
        "display"
            | "visibility"
            | "opacity"
            | "font"
            | "font-size"
            | "color"
            | "background"
            | "background-color"
            | "background-image"
            | "text-indent"
            | "left"
            | "right"
            | "top"
            | "bottom"
            | "margin-left"
            | "margin-top"
            | "width"
            | "height"
            | "max-width"
            | "max-height"
            | "overflow"
            | "overflow-x"
            | "overflow-y"
            | "clip"
            | "clip-path"
            | "transform"
            | "scale"
            | "translate"
    )
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
