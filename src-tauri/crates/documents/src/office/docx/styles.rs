//! What styles and lists say about paragraphs and runs.

use std::collections::HashMap;

use crate::notes::Why;
use crate::office::is_on;
use crate::text::Colour;
use crate::xml::Element;

/// Steps from style to style that are followed.
const MAX_ANCESTORS: usize = 20;
/// Half points up to which letters cannot be read by eye: one and a half points.
const INVISIBLE_HALF_POINTS: f64 = 3.0;

/// How letters look.
#[derive(Debug, Clone, Default)]
#[allow(clippy::struct_excessive_bools, reason = "marks of letters that go together in any way")]
pub(super) struct Look {
    pub(super) bold: bool,
    pub(super) italic: bool,
    pub(super) struck: bool,
    vanishes: bool,
    half_points: Option<f64>,
    colour: Option<Colour>,
    /// The colour behind the letters.
    pub(super) shade: Option<Colour>,
}

impl Look {
    fn add(&mut self, properties: &Element) {
        for element in properties.elements() {
            let on = is_on(Some(element), "w:val").unwrap_or(true);
            match &*element.name {
                "w:b" => self.bold = on,
                "w:i" => self.italic = on,
                "w:strike" | "w:dstrike" => self.struck = on,
                "w:vanish" => self.vanishes = on,
                "w:sz" => self.half_points = element.attribute("w:val").and_then(|size| size.parse().ok()),
                "w:color" => self.colour = colour(element, "w:val", "w:themeColor"),
                "w:shd" => {
                    if let Some(shade) = colour(element, "w:fill", "w:themeFill") {
                        self.shade = Some(shade);
                    }
                }
                "w:highlight" => self.shade = element.attribute("w:val").and_then(highlight).or(self.shade),
                _ => {}
            }
        }
    }

    /// Why letters that look like this are not seen; `None` if they are.
    pub(super) fn hidden(&self, paper: Colour, may_be_dark: bool) -> Option<Why> {
        if self.vanishes {
            return Some(Why::Marked);
        }
        if self.half_points.is_some_and(|size| size <= INVISIBLE_HALF_POINTS) {
            return Some(Why::Size);
        }
        let behind = self.shade.unwrap_or(paper);
        let is_open = may_be_dark && self.shade.is_none();
        self.colour.filter(|colour| !is_open && colour.vanishes_on(behind)).map(|_| Why::Colour)
    }
}

fn colour(element: &Element, value: &str, theme: &str) -> Option<Colour> {
    match element.attribute(theme) {
        Some("background1" | "light1") if element.attribute("w:themeShade").is_none() => {
            return Some(Colour::WHITE);
        }
        Some("text1" | "dark1") if element.attribute("w:themeTint").is_none() => return Some(Colour::BLACK),
        _ => {}
    }
    Colour::from_hex(element.attribute(value)?)
}

fn highlight(name: &str) -> Option<Colour> {
    Some(Colour(match name {
        "black" => [0, 0, 0],
        "white" => [255, 255, 255],
        "yellow" => [255, 255, 0],
        "green" => [0, 255, 0],
        "cyan" => [0, 255, 255],
        "magenta" => [255, 0, 255],
        "blue" => [0, 0, 255],
        "red" => [255, 0, 0],
        "darkBlue" => [0, 0, 128],
        "darkCyan" => [0, 128, 128],
        "darkGreen" => [0, 128, 0],
        "darkMagenta" => [128, 0, 128],
        "darkRed" => [128, 0, 0],
        "darkYellow" => [128, 128, 0],
        "darkGray" => [128, 128, 128],
        "lightGray" => [192, 192, 192],
        _ => return None,
    }))
}

/// The styles of a document.
#[derive(Debug, Clone, Default)]
pub(super) struct Styles {
    by_name: HashMap<String, Element>,
    defaults: Option<Element>,
    default_paragraph: Option<String>,
}

impl Styles {
    pub(super) fn new(root: Option<&Element>) -> Self {
        let Some(root) = root else { return Self::default() };
        let mut styles = HashMap::new();
        let mut default_paragraph = None;
        for style in root.named("w:style") {
            let Some(id) = style.attribute("w:styleId") else { continue };
            if style.attribute("w:type") == Some("paragraph")
                && matches!(style.attribute("w:default"), Some("1" | "true" | "on"))
            {
                default_paragraph = Some(id.to_owned());
            }
            styles.insert(id.to_owned(), style.clone());
        }
        let defaults = root.at(&["w:docDefaults", "w:rPrDefault", "w:rPr"]).cloned();
        Self { by_name: styles, defaults, default_paragraph }
    }

    /// A style and those that it is based on, the nearest first.
    fn ancestry<'a>(&'a self, id: Option<&'a str>) -> impl Iterator<Item = &'a Element> {
        let first = id.or(self.default_paragraph.as_deref()).and_then(|id| self.by_name.get(id));
        std::iter::successors(first, |style| self.by_name.get(style.child("w:basedOn")?.attribute("w:val")?))
            .take(MAX_ANCESTORS)
    }

    /// How the letters of a paragraph look before its runs say more.
    pub(super) fn paragraph(&self, id: Option<&str>, properties: Option<&Element>) -> Look {
        let mut look = Look::default();
        if let Some(defaults) = &self.defaults {
            look.add(defaults);
        }
        let ancestry: Vec<&Element> = self.ancestry(id).collect();
        for style in ancestry.iter().rev() {
            if let Some(properties) = style.child("w:rPr") {
                look.add(properties);
            }
            if let Some(shade) = style.at(&["w:pPr", "w:shd"]) {
                look.shade = colour(shade, "w:fill", "w:themeFill").or(look.shade);
            }
        }
        if let Some(shade) = properties.and_then(|properties| properties.child("w:shd")) {
            look.shade = colour(shade, "w:fill", "w:themeFill").or(look.shade);
        }
        // Headings are marked as such; their weight says nothing more.
        if self.heading(id, properties).is_some() {
            look.bold = false;
            look.italic = false;
        }
        look
    }

    pub(super) fn run(&self, paragraph: &Look, properties: Option<&Element>) -> Look {
        let mut look = paragraph.clone();
        let Some(properties) = properties else { return look };
        if let Some(id) = properties.child("w:rStyle").and_then(|style| style.attribute("w:val")) {
            let ancestry: Vec<&Element> = self.ancestry(Some(id)).collect();
            for style in ancestry.iter().rev() {
                if let Some(properties) = style.child("w:rPr") {
                    look.add(properties);
                }
            }
        }
        look.add(properties);
        look
    }

    /// The level of a heading, from 1.
    pub(super) fn heading(&self, id: Option<&str>, properties: Option<&Element>) -> Option<usize> {
        let outline = |properties: &Element| -> Option<usize> {
            properties.child("w:outlineLvl")?.attribute("w:val")?.parse().ok()
        };
        if let Some(level) = properties.and_then(outline) {
            return (level < 9).then_some(level + 1);
        }
        for style in self.ancestry(id) {
            let name = style.child("w:name").and_then(|name| name.attribute("w:val")).unwrap_or_default();
            let name = name.to_ascii_lowercase();
            if name == "title" {
                return Some(1);
            }
            if name == "subtitle" {
                return Some(2);
            }
            if let Some(level) = style.child("w:pPr").and_then(outline) {
                return (level < 9).then_some(level + 1);
            }
            if let Some(level) = name.strip_prefix("heading ").and_then(|level| level.parse().ok()) {
                return Some(level);
            }
        }
        None
    }

    pub(super) fn is_code(&self, id: Option<&str>) -> bool {
        id.is_some()
            && self.ancestry(id).any(|style| {
                let name = style.child("w:name").and_then(|name| name.attribute("w:val")).unwrap_or_default();
                matches!(
                    name.to_ascii_lowercase().as_str(),
                    "html preformatted" | "source code" | "preformatted text" | "code" | "macro text"
                )
            })
    }

    /// The list and depth (from 0) of a paragraph: its own or that of its style.
    pub(super) fn numbering(
        &self,
        id: Option<&str>,
        properties: Option<&Element>,
    ) -> Option<(String, usize)> {
        let read = |properties: &Element| -> Option<(Option<String>, Option<usize>)> {
            let numbering = properties.child("w:numPr")?;
            Some((
                numbering.child("w:numId").and_then(|id| id.attribute("w:val")).map(str::to_owned),
                numbering.child("w:ilvl").and_then(|level| level.attribute("w:val")?.parse().ok()),
            ))
        };
        let own = properties.and_then(read);
        let mut list = None;
        let mut depth = own.as_ref().and_then(|(_, depth)| *depth);
        if let Some((Some(id), _)) = own {
            list = Some(id);
        } else {
            for style in self.ancestry(id) {
                if let Some((found, level)) = style.child("w:pPr").and_then(read) {
                    depth = depth.or(level);
                    if found.is_some() {
                        list = found;
                        break;
                    }
                }
            }
        }
        // List 0 takes a paragraph out of the list of its style.
        let list = list.filter(|id| id != "0")?;
        let depth = match depth {
            Some(depth) => depth,
            None => self.depth_by_name(id),
        };
        Some((list, depth.min(8)))
    }

    /// `List Bullet 2` is one deeper than `List Bullet`, although each has a list of its own.
    fn depth_by_name(&self, id: Option<&str>) -> usize {
        self.ancestry(id)
            .find_map(|style| crate::markdown::depth_of_style(style.child("w:name")?.attribute("w:val")?))
            .unwrap_or(0)
    }

    /// Whether a style of tables puts a dark colour behind some of its cells.
    pub(super) fn is_dark_table(&self, id: Option<&str>) -> bool {
        id.is_some()
            && self.ancestry(id).any(|style| {
                let mut shades = Vec::new();
                style.all("w:shd", &mut shades);
                shades.iter().any(|shade| {
                    shade.attribute("w:themeFill").is_some()
                        || colour(shade, "w:fill", "w:themeFill")
                            .is_some_and(|shade| !shade.vanishes_on(Colour::WHITE))
                })
            })
    }
}

/// How a level of a list counts.
#[derive(Debug, Clone)]
enum Counting {
    Bullet,
    /// Without a mark.
    Nothing,
    /// The number to begin with.
    Numbers(u64),
}

/// The lists of a document and how far they have counted.
#[derive(Debug, Clone, Default)]
pub(super) struct Numbering {
    levels: HashMap<(String, usize), Counting>,
    /// Lists that count together.
    shared: HashMap<String, String>,
    counters: HashMap<(String, usize), u64>,
}

impl Numbering {
    pub(super) fn new(root: Option<&Element>) -> Self {
        let mut numbering = Self::default();
        let Some(root) = root else { return numbering };
        let level = |level: &Element| -> Option<(usize, Counting)> {
            let depth: usize = level.attribute("w:ilvl")?.parse().ok()?;
            let start = level.child("w:start").and_then(|start| start.attribute("w:val")?.parse().ok());
            let counting = match level.child("w:numFmt").and_then(|format| format.attribute("w:val")) {
                Some("bullet") => Counting::Bullet,
                Some("none") => Counting::Nothing,
                _ => Counting::Numbers(start.unwrap_or(1)),
            };
            Some((depth, counting))
        };
        let abstracts: HashMap<&str, &Element> = root
            .named("w:abstractNum")
            .filter_map(|list| Some((list.attribute("w:abstractNumId")?, list)))
            .collect();
        for list in root.named("w:num") {
            let (Some(id), Some(base)) = (
                list.attribute("w:numId"),
                list.child("w:abstractNumId").and_then(|base| base.attribute("w:val")),
            ) else {
                continue;
            };
            let levels =
                abstracts.get(base).into_iter().flat_map(|base| base.named("w:lvl")).filter_map(level);
            for (depth, counting) in levels {
                numbering.levels.insert((id.to_owned(), depth), counting);
            }
            let mut begins_anew = false;
            for change in list.named("w:lvlOverride") {
                let depth: Option<usize> = change.attribute("w:ilvl").and_then(|level| level.parse().ok());
                let Some(depth) = depth else { continue };
                if let Some((depth, counting)) = change.child("w:lvl").and_then(level) {
                    numbering.levels.insert((id.to_owned(), depth), counting);
                }
                let start =
                    change.child("w:startOverride").and_then(|start| start.attribute("w:val")?.parse().ok());
                if let Some(start) = start {
                    begins_anew = true;
                    numbering
                        .levels
                        .entry((id.to_owned(), depth))
                        .and_modify(|counting| {
                            if let Counting::Numbers(_) = counting {
                                *counting = Counting::Numbers(start);
                            }
                        })
                        .or_insert(Counting::Numbers(start));
                }
            }
            let counter = if begins_anew { format!("own {id}") } else { format!("shared {base}") };
            numbering.shared.insert(id.to_owned(), counter);
        }
        numbering
    }

    /// The marker of the next entry; `None` if the list has none at this depth.
    pub(super) fn next(&mut self, list: String, depth: usize) -> Option<String> {
        let counter = self.shared.get(&list).cloned().unwrap_or_else(|| list.clone());
        let counting = self.levels.get(&(list, depth));
        for deeper in depth + 1..9 {
            self.counters.remove(&(counter.clone(), deeper));
        }
        match counting {
            Some(Counting::Nothing) => None,
            None | Some(Counting::Bullet) => Some("-".to_owned()),
            Some(Counting::Numbers(start)) => {
                let number = self.counters.entry((counter, depth)).or_insert(start.saturating_sub(1));
                *number += 1;
                Some(format!("{number}."))
            }
        }
    }
}
