//! What became of each slide.

use std::collections::BTreeMap;

use crate::scene::{Deck, Item, Kind, Slide};

/// The fidelity of a conversion.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Report {
    /// The engine that laid the slides out.
    pub engine: String,
    /// In order.
    pub slides: Vec<SlideReport>,
}

/// The fidelity of one slide.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize)]
pub struct SlideReport {
    /// Its title; empty if it has none.
    pub title: String,
    /// Whether it has speaker notes.
    pub notes: bool,
    /// Whether it is hidden in a show.
    pub hidden: bool,
    /// Text boxes.
    pub texts: u32,
    /// Shapes and free forms.
    pub shapes: u32,
    /// Tables.
    pub tables: u32,
    /// Pictures that are pictures in the page, too.
    pub pictures: u32,
    /// What became a picture, and why.
    pub pictured: Vec<(String, String)>,
    /// What was kept in a simpler way.
    pub simplified: Vec<String>,
    /// Pictures that could not be had, by address.
    pub missing: Vec<String>,
    /// Fonts that are not there, and what the page was laid out with.
    pub fonts: Vec<(String, String)>,
    /// Text that stands outside of the page, at its start.
    pub outside: Vec<String>,
}

pub(crate) fn report(deck: &Deck, engine: &str) -> Report {
    Report { engine: engine.to_owned(), slides: deck.slides.iter().map(slide).collect() }
}

fn slide(slide: &Slide) -> SlideReport {
    let mut out = SlideReport {
        title: slide.title.clone(),
        notes: !slide.notes.trim().is_empty(),
        hidden: slide.hidden,
        pictured: slide.report.pictures.iter().map(|part| (part.what.clone(), part.why.clone())).collect(),
        simplified: slide.report.simplified.clone(),
        missing: slide.report.missing.iter().map(|address| short(address)).collect(),
        fonts: slide.report.fonts.iter().map(|font| (font.wanted.clone(), font.used.clone())).collect(),
        ..SlideReport::default()
    };
    for item in &slide.items {
        match &item.kind {
            Kind::Text(text) => {
                out.texts += 1;
                if text.outside {
                    out.outside.push(start_of(item));
                }
            }
            Kind::Shape(_) => out.shapes += 1,
            Kind::Table(_) => out.tables += 1,
            Kind::Picture(_) => out.pictures += 1,
        }
    }
    out.pictures = out.pictures.saturating_sub(out.pictured.len() as u32);
    out
}

/// The name in an address of the deck's own folder, or the address.
fn short(address: &str) -> String {
    let own = format!("http://{}/", crate::files::HOST);
    let name = address.strip_prefix(&own).unwrap_or(address);
    name.chars().take(120).collect()
}

fn start_of(item: &Item) -> String {
    let Kind::Text(text) = &item.kind else { return String::new() };
    let whole: String =
        text.paragraphs.iter().flat_map(|paragraph| &paragraph.runs).map(|run| run.text.as_str()).collect();
    whole.chars().take(60).collect()
}

impl Report {
    /// In short, for a model: what it should know to better the deck.
    pub fn in_short(&self) -> String {
        let mut lines = Vec::new();
        let sum = |count: fn(&SlideReport) -> u32| self.slides.iter().map(count).sum::<u32>();
        lines.push(format!(
            "{} slides: {} text boxes, {} shapes, {} tables, {} pictures, all native and editable.",
            self.slides.len(),
            sum(|slide| slide.texts),
            sum(|slide| slide.shapes),
            sum(|slide| slide.tables),
            sum(|slide| slide.pictures)
        ));
        let mut fonts: BTreeMap<&str, &str> = BTreeMap::new();
        for (number, slide) in (1..).zip(&self.slides) {
            for (what, why) in &slide.pictured {
                lines.push(format!("Slide {number}: {what} became a picture ({why})."));
            }
            for address in &slide.missing {
                lines.push(format!("Slide {number}: the picture {address} is missing."));
            }
            for words in &slide.simplified {
                lines.push(format!("Slide {number}: {words}."));
            }
            for start in &slide.outside {
                lines.push(format!("Slide {number}: text reaches out of the page: \"{start}\"."));
            }
            if slide.title.is_empty() {
                lines.push(format!("Slide {number} has no title; a heading (h1 or h2) becomes one."));
            }
            fonts.extend(slide.fonts.iter().map(|(wanted, used)| (wanted.as_str(), used.as_str())));
        }
        for (wanted, used) in fonts {
            lines.push(format!("The font {wanted} is not installed here; {used} took its place."));
        }
        lines.join("\n")
    }
}
