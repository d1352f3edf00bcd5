//! From a page to a presentation.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use okcvm_protocol::DeckFidelity;

use crate::files::DeckFiles;
use crate::pptx::{self, Media, Pictures};
use crate::renderer::{Area, OpenPage, Renderer, Resources};
use crate::report::report;
use crate::scene::{Deck, Kind};
use crate::{SlidesError, script};

/// More slides than anybody shows.
const MAX_SLIDES: usize = 300;
/// Slides that are looked at: the rest is converted without its similarity.
const MAX_PICTURED: usize = 60;
/// Device pixels a CSS pixel in pictures of whole slides.
const SMALL: f64 = 0.5;
/// Device pixels a CSS pixel in pictures of parts of a page.
const SHARP: f64 = 2.0;

/// A finished presentation.
#[derive(Debug, Clone)]
pub struct Converted {
    /// The package.
    pub pptx: Vec<u8>,
    /// What became of the slides.
    pub report: DeckFidelity,
    /// PNGs of the first slides as the page shows them, at most 640 pixels wide.
    pub looks: Vec<Vec<u8>>,
}

/// How alike the items of a slide are to a picture of it.
#[derive(serde::Deserialize)]
struct Likeness {
    /// 0 to 1; without a value where it cannot be told.
    alike: Option<f64>,
    /// The parts of the slide that plainly differ, in words.
    strange: Vec<String>,
}

/// Lays a deck out in a web engine and writes it as a presentation. `now` is an ISO 8601 time in UTC, for the
/// document's properties; `progress` hears in words what is done.
pub async fn convert(
    files: DeckFiles,
    renderer: &dyn Renderer,
    now: &str,
    progress: &(dyn Fn(&str) + Send + Sync),
) -> Result<Converted, SlidesError> {
    let files = Arc::new(files);
    progress("Laying the slides out…");
    let mut page = renderer.open(&files.address(), files.clone()).await?;
    let areas: Vec<Area> =
        serde_json::from_value(page.settle(&script::prepare()).await?).map_err(SlidesError::Scene)?;
    match areas.len() {
        0 => return Err(SlidesError::NoSlides),
        1..=MAX_SLIDES => {}
        more => return Err(SlidesError::TooManySlides(more, MAX_SLIDES)),
    }
    // What the page looks like, before the measuring changes it.
    let mut looks = Vec::new();
    for (number, area) in (1..).zip(areas.iter().take(MAX_PICTURED)) {
        progress(&format!("Looking at slide {number} of {}…", areas.len()));
        looks.push(page.picture(*area, SMALL).await?);
    }
    progress(&match areas.len() {
        1 => "Measuring the slide…".to_owned(),
        number => format!("Measuring {number} slides…"),
    });
    page.settle(script::LOAD_DECK).await?;
    let measured = page.run(script::MEASURE_DECK).await?;
    let mut deck: Deck = serde_json::from_value(measured).map_err(SlidesError::Scene)?;
    name_what_is_not_there(&mut deck, &files).await;
    let pictures = pictures(&deck, &mut *page, &files).await?;
    name_lost_pictures(&mut deck, &pictures);
    let mut report = report(&deck, &renderer.name());
    progress("Writing the presentation…");
    let now = now.to_owned();
    // It is written while the engine looks how alike the slides are.
    let writing = tokio::task::spawn_blocking(move || pptx::package(&deck, &pictures, &now));
    for (index, (look, slide)) in looks.iter().zip(&mut report.slides).enumerate() {
        let seen = page.run(&script::similarity(index, &STANDARD.encode(look))).await?;
        let seen: Likeness = serde_json::from_value(seen).map_err(SlidesError::Scene)?;
        slide.similarity = seen.alike;
        if !seen.strange.is_empty() {
            slide.simplified.push(format!("it looks unlike its page ({})", seen.strange.join(", ")));
        }
    }
    drop(page);
    let pptx = writing.await.map_err(|error| SlidesError::Lost(error.to_string()))??;
    Ok(Converted { pptx, report, looks })
}

/// Draws the slides of a page as a browser shows them, in their order and at most `most`, and hands each to `each` as a
/// PNG about `width` pixels wide; it answers whether to go on. Gives how many slides the page has.
pub async fn look_at_slides(
    files: DeckFiles,
    renderer: &dyn Renderer,
    (most, width): (usize, f64),
    each: &mut (dyn FnMut(Vec<u8>) -> bool + Send),
) -> Result<usize, SlidesError> {
    let address = files.address();
    let mut page = renderer.open(&address, Arc::new(files)).await?;
    let areas: Vec<Area> =
        serde_json::from_value(page.settle(&script::prepare()).await?).map_err(SlidesError::Scene)?;
    if areas.is_empty() {
        return Err(SlidesError::NoSlides);
    }
    for area in areas.iter().take(most) {
        let look = page.picture(*area, (width / area.w.max(1.0)).clamp(0.02, 1.0)).await?;
        if !each(look) {
            break;
        }
    }
    Ok(areas.len())
}

/// Says on the first slide which scripts and style sheets the page did not get.
async fn name_what_is_not_there(deck: &mut Deck, files: &Arc<DeckFiles>) {
    let asked = deck.loads.clone();
    let files = files.clone();
    let gone = tokio::task::spawn_blocking(move || {
        asked.into_iter().filter(|address| files.find(address).is_none()).collect::<Vec<_>>()
    });
    let Some(first) = deck.slides.first_mut() else { return };
    for address in gone.await.unwrap_or_default() {
        let name: String = address.chars().take(120).collect();
        first.report.simplified.push(format!(
            "{name} could not be loaded: there is no network while slides are made, and it is not one of the bundled libraries"
        ));
    }
}

/// Says which pictures could be shown by the page but not be had.
fn name_lost_pictures(deck: &mut Deck, pictures: &Pictures) {
    for slide in &mut deck.slides {
        for item in &slide.items {
            let Kind::Picture(picture) = &item.kind else { continue };
            let Some(source) = &picture.source else { continue };
            if !pictures.contains_key(source) && !slide.report.missing.contains(source) {
                slide.report.missing.push(source.clone());
            }
        }
        slide.items.retain(|item| match &item.kind {
            Kind::Picture(picture) => {
                picture.source.as_ref().is_some_and(|source| pictures.contains_key(source))
            }
            _ => true,
        });
    }
}

/// All pictures that the deck's items name.
async fn pictures(
    deck: &Deck,
    page: &mut dyn OpenPage,
    files: &Arc<DeckFiles>,
) -> Result<Pictures, SlidesError> {
    let mut found = Pictures::new();
    for shot in &deck.shots {
        let area: Area = serde_json::from_value(page.run(&script::show_alone(shot.id)).await?)
            .map_err(SlidesError::Scene)?;
        // Icons are small and are often made larger.
        let scale = if area.w.max(area.h) < 120.0 { 2.0 * SHARP } else { SHARP };
        let bytes = page.picture(area, scale).await;
        page.run(script::SHOW_ALL).await?;
        found.insert(format!("shot:{}", shot.id), Media { bytes: bytes?, kind: "png" });
    }
    let items = deck.slides.iter().flat_map(|slide| &slide.items);
    for item in items {
        let Kind::Picture(picture) = &item.kind else { continue };
        if let Some(source) = &picture.source
            && !found.contains_key(source)
            && let Some(media) = media(source, files).await
        {
            found.insert(source.clone(), media);
        }
        if let Some(vector) = &picture.vector {
            let media = Media { bytes: vector.clone().into_bytes(), kind: "svg" };
            found.insert(format!("svg:{vector}"), media);
        }
        if let Some(source) = &picture.vector_source
            && let Some(media) = media(source, files).await
        {
            found.insert(format!("svg:{source}"), media);
        }
    }
    Ok(found)
}

/// A picture by its address, if it is of a kind that presentations hold.
async fn media(source: &str, files: &Arc<DeckFiles>) -> Option<Media> {
    let bytes = if let Some(data) = source.strip_prefix("data:") {
        let (head, body) = data.split_once(',')?;
        if head.ends_with(";base64") {
            STANDARD.decode(body.trim()).ok()?
        } else {
            percent_encoding::percent_decode_str(body).collect()
        }
    } else {
        let files = files.clone();
        let source = source.to_owned();
        tokio::task::spawn_blocking(move || files.find(&source)).await.ok()??.bytes
    };
    let kind = kind_of(&bytes)?;
    Some(Media { bytes, kind })
}

fn kind_of(bytes: &[u8]) -> Option<&'static str> {
    if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
        return Some("png");
    }
    if bytes.starts_with(b"\xff\xd8\xff") {
        return Some("jpeg");
    }
    if bytes.starts_with(b"GIF8") {
        return Some("gif");
    }
    let start = &bytes[..bytes.len().min(2048)];
    String::from_utf8_lossy(start).contains("<svg").then_some("svg")
}
