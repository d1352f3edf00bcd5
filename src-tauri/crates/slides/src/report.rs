//! What became of each slide.

use std::collections::BTreeMap;

use okcvm_protocol::{DeckFidelity, FontSubstitute, PicturedPart, SlideFidelity};

use crate::scene::{Deck, Item, Kind, Slide};

pub(crate) fn report(deck: &Deck, engine: &str) -> DeckFidelity {
    DeckFidelity { engine: engine.to_owned(), slides: deck.slides.iter().map(slide).collect() }
}

fn slide(slide: &Slide) -> SlideFidelity {
    let pictured = slide.report.pictures.iter();
    let fonts = slide.report.fonts.iter();
    let mut out = SlideFidelity {
        title: slide.title.clone(),
        notes: !slide.notes.trim().is_empty(),
        hidden: slide.hidden,
        texts: 0,
        shapes: 0,
        tables: 0,
        pictures: 0,
        pictured: pictured
            .map(|part| PicturedPart { what: part.what.clone(), why: part.why.clone() })
            .collect(),
        simplified: slide.report.simplified.clone(),
        missing: slide.report.missing.iter().map(|address| short(address)).collect(),
        fonts: fonts
            .map(|font| FontSubstitute { wanted: font.wanted.clone(), used: font.used.clone() })
            .collect(),
        outside: Vec::new(),
        similarity: None,
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
    let own = format!("://{}/", crate::files::HOST);
    let name = address.split_once(&own).map_or(address, |(_, name)| name);
    name.chars().take(120).collect()
}

fn start_of(item: &Item) -> String {
    let Kind::Text(text) = &item.kind else { return String::new() };
    let lines: Vec<String> = text
        .paragraphs
        .iter()
        .map(|paragraph| {
            paragraph.runs.iter().map(|run| if run.is_break { " " } else { run.text.as_str() }).collect()
        })
        .collect();
    lines.join(" ").chars().take(60).collect()
}

/// In short, for a model: what it should know to better the deck.
pub fn in_short(fidelity: &DeckFidelity) -> String {
    let sum = |count: fn(&SlideFidelity) -> u32| fidelity.slides.iter().map(count).sum::<u32>();
    let pictured: usize = fidelity.slides.iter().map(|slide| slide.pictured.len()).sum();
    let mut lines = vec![format!(
        "{}: {}, {}, {} and {} are native and can be edited{}.",
        counted(fidelity.slides.len() as u32, "slide"),
        counted(sum(|slide| slide.texts), "text box"),
        counted(sum(|slide| slide.shapes), "shape"),
        counted(sum(|slide| slide.tables), "table"),
        counted(sum(|slide| slide.pictures), "picture"),
        if pictured == 0 { "" } else { "; what could not be kept so is named below" }
    )];
    let mut fonts: BTreeMap<&str, &str> = BTreeMap::new();
    for (number, slide) in (1..).zip(&fidelity.slides) {
        let mut by_reason: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for part in &slide.pictured {
            by_reason.entry(&part.why).or_default().push(&part.what);
        }
        for (why, parts) in by_reason {
            lines.push(match parts.as_slice() {
                [one] => format!("Slide {number}: {one} became a picture ({why})."),
                [.., _] if parts.len() > NAMED => format!(
                    "Slide {number}: {} and {} more became pictures ({why}).",
                    parts[..NAMED].join(", "),
                    parts.len() - NAMED
                ),
                _ => format!("Slide {number}: {} became pictures ({why}).", parts.join(", ")),
            });
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
        if let Some(similarity) = slide.similarity.filter(|similarity| *similarity < UNLIKE) {
            lines.push(format!("Slide {number} looks unlike its page (similarity {similarity:.2} of 1)."));
        }
        fonts.extend(slide.fonts.iter().map(|font| (font.wanted.as_str(), font.used.as_str())));
    }
    for (wanted, used) in fonts {
        lines.push(format!("The font {wanted} is not installed here; {used} took its place."));
    }
    lines.join("\n")
}

/// So many parts are named of those that became pictures for one reason.
const NAMED: usize = 4;

/// Below this a slide is named as unlike its page.
const UNLIKE: f64 = 0.85;

fn counted(number: u32, one: &str) -> String {
    match (number, one) {
        (1, one) => format!("1 {one}"),
        (number, one) if one.ends_with('x') => format!("{number} {one}es"),
        (number, one) => format!("{number} {one}s"),
    }
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
