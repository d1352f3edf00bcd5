//! What the styles of an `OpenDocument` file say.

use std::collections::HashMap;

use super::{Area, Paper, area};
use crate::notes::Why;
use crate::text::Colour;
use crate::xml::Element;

/// Shapes that fill all of their area.
const BOXES: [&str; 2] = ["ooxml-rect", "rectangle"];
const MAX_ANCESTORS: usize = 20;
/// Points up to which letters cannot be read by eye.
const INVISIBLE_POINTS: f64 = 1.5;

/// How letters look.
#[derive(Debug, Clone, Default)]
#[allow(clippy::struct_excessive_bools, reason = "marks of letters that go together in any way")]
pub(super) struct Look {
    pub(super) bold: bool,
    pub(super) italic: bool,
    pub(super) struck: bool,
    is_marked: bool,
    points: Option<f64>,
    colour: Option<Colour>,
    behind: Option<Colour>,
}

impl Look {
    fn add(&mut self, style: &Element) {
        if let Some(behind) = style
            .child("style:paragraph-properties")
            .and_then(|properties| properties.attribute("fo:background-color"))
        {
            self.behind = Colour::from_hex(behind).or(self.behind);
        }
        let Some(properties) = style.child("style:text-properties") else { return };
        for (name, value) in &properties.attributes {
            match &**name {
                "fo:font-weight" => {
                    self.bold = &**value == "bold" || value.parse::<u32>().is_ok_and(|weight| weight >= 600);
                }
                "fo:font-style" => self.italic = matches!(&**value, "italic" | "oblique"),
                "style:text-line-through-style" => self.struck = &**value != "none",
                "text:display" => self.is_marked = &**value == "none",
                "fo:font-size" => {
                    self.points =
                        value.strip_suffix("pt").and_then(|points| points.parse().ok()).or(self.points);
                }
                "fo:color" => self.colour = Colour::from_hex(value),
                "style:use-window-font-color" if &**value == "true" => self.colour = None,
                "fo:background-color" => self.behind = Colour::from_hex(value).or(self.behind),
                _ => {}
            }
        }
    }

    pub(super) fn hidden(&self, paper: Paper) -> Option<Why> {
        if self.is_marked {
            return Some(Why::Marked);
        }
        if self.points.is_some_and(|points| points <= INVISIBLE_POINTS) {
            return Some(Why::Size);
        }
        let behind = match (self.behind, paper) {
            (Some(behind), _) | (None, Paper::Of(behind)) => behind,
            (None, Paper::White) => Colour::WHITE,
            (None, Paper::Unknown) => return None,
        };
        self.colour.filter(|colour| colour.vanishes_on(behind)).map(|_| Why::Colour)
    }
}

/// The styles of a file by family and name.
pub(super) struct Styles {
    by_name: HashMap<String, Vec<Element>>,
    /// The number with which a level counts; `None` for bullets.
    lists: HashMap<(String, usize), Option<u64>>,
    /// The styles of the master pages of slides.
    masters: HashMap<String, String>,
    /// The width of the widest page in points.
    width: Option<f64>,
}

impl Styles {
    pub(super) fn new(common: Option<&Element>, content: &Element) -> Self {
        let mut styles: HashMap<String, Vec<Element>> = HashMap::new();
        let mut lists = HashMap::new();
        let groups = common.into_iter().chain([content]).flat_map(|root| {
            root.elements()
                .filter(|group| matches!(&*group.name, "office:styles" | "office:automatic-styles"))
        });
        for style in groups.flat_map(super::super::xml::Element::elements) {
            let Some(name) = style.attribute("style:name") else { continue };
            match &*style.name {
                "style:style" => styles.entry(name.to_owned()).or_default().push(style.clone()),
                "text:list-style" => {
                    for level in style.elements() {
                        let depth =
                            level.attribute("text:level").and_then(|level| level.parse().ok()).unwrap_or(1);
                        let is_number = &*level.name == "text:list-level-style-number"
                            && level.attribute("style:num-format").is_some_and(|format| !format.is_empty());
                        let start = level
                            .attribute("text:start-value")
                            .and_then(|start| start.parse().ok())
                            .unwrap_or(1);
                        lists.insert((name.to_owned(), depth), is_number.then_some(start));
                    }
                }
                _ => {}
            }
        }
        let mut found = Vec::new();
        let mut widths = Vec::new();
        if let Some(common) = common {
            common.all("style:master-page", &mut found);
            common.all("style:page-layout-properties", &mut widths);
        }
        let masters = found
            .iter()
            .filter_map(|master| {
                Some((
                    master.attribute("style:name")?.to_owned(),
                    master.attribute("draw:style-name")?.to_owned(),
                ))
            })
            .collect();
        let width = widths
            .iter()
            .filter_map(|width| points(width.attribute("fo:page-width")?))
            .max_by(f64::total_cmp);
        Self { by_name: styles, lists, masters, width }
    }

    fn ancestry<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        // Later styles are those of the content, which count more.
        let find = |name: &str| self.by_name.get(name).and_then(|found| found.last());
        std::iter::successors(find(name), move |style| find(style.attribute("style:parent-style-name")?))
            .take(MAX_ANCESTORS)
    }

    /// How letters look within these styles, the outermost first.
    pub(super) fn look(&self, names: &[Option<&str>]) -> Look {
        let mut look = Look::default();
        for (index, name) in names.iter().enumerate() {
            let Some(name) = name else { continue };
            let ancestry: Vec<&Element> = self.ancestry(name).collect();
            let is_heading = index == 0 && self.heading(Some(name)).is_some();
            for style in ancestry.iter().rev() {
                look.add(style);
            }
            if is_heading {
                look.bold = false;
                look.italic = false;
            }
        }
        look
    }

    /// The level of a heading that is one by its style alone.
    pub(super) fn heading(&self, name: Option<&str>) -> Option<usize> {
        for style in self.ancestry(name?) {
            let name = style.attribute("style:display-name").or_else(|| style.attribute("style:name"))?;
            match name.replace("_20_", " ").to_ascii_lowercase().as_str() {
                "title" => return Some(1),
                "subtitle" => return Some(2),
                _ => {}
            }
            if let Some(level) =
                style.attribute("style:default-outline-level").and_then(|level| level.parse().ok())
            {
                return Some(level);
            }
        }
        None
    }

    pub(super) fn is_code(&self, name: Option<&str>) -> bool {
        name.is_some_and(|name| {
            self.ancestry(name)
                .any(|style| style.attribute("style:name").is_some_and(|name| name == "Preformatted_20_Text"))
        })
    }

    /// The number with which a list begins at a depth (from 1); `None` if it has bullets.
    pub(super) fn counts(&self, list: Option<&str>, depth: usize) -> Option<u64> {
        self.lists.get(&(list?.to_owned(), depth)).copied().flatten()
    }

    fn property(&self, name: Option<&str>, group: &str, property: &str) -> Option<&str> {
        self.ancestry_of(name?).find_map(|style| style.child(group)?.attribute(property))
    }

    fn ancestry_of(&self, name: &str) -> impl Iterator<Item = &Element> {
        self.by_name.get(name).into_iter().flatten().rev()
    }

    /// The depth, from 0, that the name of a paragraph's style gives it in lists.
    pub(super) fn depth(&self, name: Option<&str>) -> Option<usize> {
        self.ancestry(name?).find_map(|style| {
            let name = style.attribute("style:display-name").or_else(|| style.attribute("style:name"))?;
            crate::markdown::depth_of_style(&name.replace("_20_", " "))
        })
    }

    fn graphic<'s>(&'s self, element: &'s Element, property: &str) -> Option<&'s str> {
        let name =
            element.attribute("draw:style-name").or_else(|| element.attribute("presentation:style-name"))?;
        self.ancestry(name)
            .find_map(move |style| style.child("style:graphic-properties")?.attribute(property))
    }

    /// Whether a shape is filled with something.
    pub(super) fn is_filled(&self, element: &Element) -> bool {
        match self.graphic(element, "draw:fill") {
            Some(fill) => fill != "none",
            // Shapes are filled unless they say otherwise; frames are not.
            None => matches!(&*element.name, "draw:custom-shape" | "draw:rect" | "draw:ellipse"),
        }
    }

    /// What a filled shape puts behind its letters.
    pub(super) fn paper_of_shape(&self, element: &Element) -> Paper {
        let is_plain =
            matches!(self.graphic(element, "draw:fill"), None | Some("solid")) && !self.is_clear(element);
        let colour = self.graphic(element, "draw:fill-color").filter(|_| is_plain);
        colour.and_then(Colour::from_hex).map_or(Paper::Unknown, Paper::Of)
    }

    /// Whether something shows through a shape.
    fn is_clear(&self, element: &Element) -> bool {
        self.graphic(element, "draw:opacity").is_some_and(|opacity| opacity.trim() != "100%")
            || self.graphic(element, "draw:opacity-name").is_some()
    }

    /// The area of a box through which nothing is seen.
    pub(super) fn lid(&self, element: &Element) -> Option<Area> {
        let is_box = match &*element.name {
            "draw:rect" => element.attribute("draw:corner-radius").is_none(),
            "draw:custom-shape" => element
                .child("draw:enhanced-geometry")?
                .attribute("draw:type")
                .is_some_and(|kind| BOXES.contains(&kind)),
            "draw:frame" => element.child("draw:text-box").is_some(),
            _ => false,
        };
        let is_turned = element.attribute("draw:transform").is_some();
        let is_filled = self.graphic(element, "draw:fill").is_none_or(|fill| fill == "solid");
        let paper = self.paper_of_shape(element);
        let is_lid = is_box && !is_turned && is_filled && self.is_filled(element) && !self.is_clear(element);
        area(element).filter(|_| is_lid).map(|area| area.of(paper))
    }

    /// Whether a shape lies wholly beside its page.
    pub(super) fn is_outside(&self, element: &Element) -> bool {
        let length = |name: &str| element.attribute(name).and_then(points);
        let (Some(x), Some(y)) = (length("svg:x"), length("svg:y")) else { return false };
        let far = |place: f64, size: Option<f64>| size.is_some_and(|size| place + size <= 0.0);
        far(x, length("svg:width"))
            || far(y, length("svg:height"))
            || self.width.is_some_and(|width| x >= width)
    }

    pub(super) fn paper_of_cell(&self, cell: &Element) -> Option<Paper> {
        let name = cell.attribute("table:style-name");
        let colour = self.property(name, "style:table-cell-properties", "fo:background-color")?;
        Colour::from_hex(colour).map(Paper::Of)
    }

    /// What is behind the shapes of a slide: its own colour or that of its master page.
    pub(super) fn paper_of_slide(&self, slide: &Element) -> Paper {
        let master = slide.attribute("draw:master-page-name").and_then(|name| self.masters.get(name));
        for name in [slide.attribute("draw:style-name"), master.map(String::as_str)] {
            match self.property(name, "style:drawing-page-properties", "draw:fill") {
                None | Some("none") => {}
                Some("solid") => {
                    let colour = self.property(name, "style:drawing-page-properties", "draw:fill-color");
                    return colour.and_then(Colour::from_hex).map_or(Paper::Unknown, Paper::Of);
                }
                Some(_) => return Paper::Unknown,
            }
        }
        Paper::White
    }

    pub(super) fn is_hidden_slide(&self, name: Option<&str>) -> bool {
        self.property(name, "style:drawing-page-properties", "presentation:visibility") == Some("hidden")
    }

    pub(super) fn is_hidden_table(&self, name: Option<&str>) -> bool {
        self.property(name, "style:table-properties", "table:display") == Some("false")
    }

    /// Why the text of a cell in that style is not seen.
    pub(super) fn hidden_cell(&self, name: Option<&str>) -> Option<Why> {
        let name = name?;
        let behind = self.property(Some(name), "style:table-cell-properties", "fo:background-color");
        let mut look = self.look(&[Some(name)]);
        look.behind = behind.and_then(Colour::from_hex).or(look.behind);
        look.hidden(Paper::White)
    }
}

/// A length in points.
pub(super) fn points(length: &str) -> Option<f64> {
    let digits = length.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let number: f64 = digits.parse().ok()?;
    match length.get(digits.len()..)? {
        "cm" => Some(number * 72.0 / 2.54),
        "mm" => Some(number * 72.0 / 25.4),
        "in" => Some(number * 72.0),
        "pt" => Some(number),
        _ => None,
    }
}
