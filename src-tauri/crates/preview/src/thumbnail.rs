//! Small pictures of files, made once per content.

mod paper;

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::{DynamicImage, ImageDecoder, ImageFormat, Rgba, RgbaImage};
use okcvm_documents::DocumentKind;
use okcvm_protocol::{ArtifactMeta, EntryKind, Thumbnail};

use crate::facts::{
    BOMB, Form, MOST_PIXELS, MOST_WHOLE, START, form, is_bomb, is_light, megapixels, orient, reader, sound,
    svg_size,
};
use crate::refused::Refused;
use crate::shelf::{Made, Shelf};
use crate::source::Material;
use crate::{PreviewError, Source, Wanted, describe};

/// Pixels across and down.
pub(crate) const MOST: (u32, u32) = (320, 200);
/// Bytes of a drawing that is given as it is.
const MOST_DRAWING: u64 = 256 * 1024;
/// Pixels down of drawn sound.
const WAVE_HEIGHT: u32 = 96;
/// Of drawn sound: readable on white and on black.
const WAVE_COLOUR: Rgba<u8> = Rgba([0x64, 0x8f, 0xd6, 0xff]);

/// What was drawn, as it is kept: all of it in one, so that none goes without the other.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Drawn {
    /// As an address that holds it.
    url: Option<String>,
    width: u32,
    height: u32,
    reason: Option<String>,
}

/// A small picture of a file, or why there is none. Made once per content and kept on the shelf. Blocks, seconds for
/// what is large.
pub fn thumbnail(source: &Source, shelf: &Shelf) -> Result<Thumbnail, PreviewError> {
    if source.entry()?.kind == EntryKind::Folder {
        return Ok(none("A folder has no small picture."));
    }
    let material = source.open()?;
    if material.size == 0 {
        return Ok(none("The file is empty."));
    }
    let start = material.range(0, START)?;
    let form = form(material.name(), &start);
    match form {
        Form::Drawing => return drawing(&material, &start),
        Form::Video => {
            // The container may hold sound alone, which is drawn.
            let facts = describe(source, shelf)?;
            if !matches!(facts.meta, Some(ArtifactMeta::Audio { .. })) {
                return Ok(poster(facts.hash.as_deref(), shelf));
            }
        }
        // A page is more than its own bytes.
        Form::Page => return Ok(none(NOT_DRAWN)),
        Form::Document(DocumentKind::Pptx | DocumentKind::Odp) => {
            if material.size <= MOST_WHOLE
                && let Some(kept) = kept_picture(shelf, &material.hash()?)
            {
                return Ok(kept);
            }
            return Ok(none(NOT_DRAWN));
        }
        Form::Table | Form::Archive | Form::Prose | Form::Other => {
            return Ok(none("There is no small picture of such a file."));
        }
        Form::Document(kind) if kind != DocumentKind::Pdf => {
            return Ok(none("There is no small picture of such a document."));
        }
        Form::Picture | Form::Sound | Form::Document(_) => {}
    }
    if material.size > MOST_WHOLE {
        return Ok(none(&format!(
            "The file has more than {} MB, which is the most of which a small picture is made.",
            MOST_WHOLE / (1024 * 1024)
        )));
    }
    let hash = material.hash()?;
    // Sound is described first, outside of the place that drawing takes.
    let levels = match form {
        Form::Sound | Form::Video => {
            let facts = describe(source, shelf)?;
            let Some(levels) = facts.meta.as_ref().and_then(sound).filter(|levels| !levels.is_empty()) else {
                let reason = facts.problem.unwrap_or_else(|| "No sound could be decoded.".to_owned());
                return Ok(none(&reason));
            };
            Some(levels.to_vec())
        }
        _ => None,
    };
    // The same bytes are another thing under another name.
    let drawn = shelf.kept_or_made(&format!("{hash}-{}-small", form.word()), &Wanted::default(), || {
        let drawn = match &levels {
            Some(levels) => Ok(wave(levels)),
            None if form == Form::Picture => picture(&material),
            None => paper::first_page(&material),
        };
        let drawn = drawn.and_then(|drawn| {
            let (width, height) = (drawn.width(), drawn.height());
            let url = data_url(&png(drawn).map_err(Refused::ForNow)?);
            Ok(Drawn { url: Some(url), width, height, reason: None })
        });
        let (drawn, is_lasting) = match drawn {
            Ok(drawn) => (drawn, true),
            Err(refused) => {
                let is_lasting = matches!(refused, Refused::Lasting(_));
                (Drawn { url: None, width: 0, height: 0, reason: Some(refused.reason()) }, is_lasting)
            }
        };
        // What was written meanwhile is not what was hashed.
        if is_lasting && material.is_unchanged() { Made::Lasting(drawn) } else { Made::ForNow(drawn) }
    })?;
    let Drawn { url, width, height, reason } = drawn;
    Ok(Thumbnail { url, width, height, reason, wants_poster: false })
}

fn data_url(png: &[u8]) -> String {
    format!("data:image/png;base64,{}", STANDARD.encode(png))
}

/// The frame of a film that was kept, or that one is wanted.
fn poster(hash: Option<&str>, shelf: &Shelf) -> Thumbnail {
    // Without a hash there is nothing to keep it by.
    let Some(hash) = hash else { return none("The film is too large for a small picture.") };
    kept_picture(shelf, hash).unwrap_or_else(|| Thumbnail {
        wants_poster: true,
        ..none("No frame of the film has been drawn yet; a window that can play it does so.")
    })
}

/// Pixels across and down, and bytes, of a frame that is handed over.
const MOST_POSTER: (u32, usize) = (640, 1024 * 1024);

/// Keeps a frame of a film, as a PNG that a window drew, for the content of that SHA-256 in hexadecimal. Blocks.
pub fn keep_poster(
    source: &Source,
    shelf: &Shelf,
    hash: &str,
    png: &[u8],
) -> Result<Thumbnail, PreviewError> {
    let material = source.open()?;
    let refused = |what: &str| PreviewError::Broken { path: material.path.clone(), what: what.to_owned() };
    let form = form(material.name(), &material.range(0, START)?);
    if form != Form::Video || material.size > MOST_WHOLE {
        return Err(refused("is no film of which a frame is kept"));
    }
    let size = image::ImageReader::with_format(Cursor::new(png), ImageFormat::Png).into_dimensions();
    let (most, bytes) = MOST_POSTER;
    if png.len() > bytes || !size.is_ok_and(|(width, height)| width.max(height) <= most) {
        return Err(refused("has a frame that is no picture of the agreed size"));
    }
    if material.hash()? != hash {
        return Err(PreviewError::Changed { path: material.path.clone() });
    }
    if let Some(kept) = kept_picture(shelf, hash) {
        return Ok(kept);
    }
    keep_picture(shelf, hash, png).ok_or_else(|| refused("has a frame that cannot be read"))
}

/// What is said of pages, slides and drawings of which a web engine has drawn nothing yet.
pub const NOT_DRAWN: &str =
    "Pages, slides and intricate drawings are drawn by a web engine, which has not been asked yet.";

/// The small picture that was kept under a name with [`keep_picture`].
pub fn kept_picture(shelf: &Shelf, hash: &str) -> Option<Thumbnail> {
    let bytes = shelf.bytes(&format!("{hash}.png"))?;
    let (width, height) =
        image::ImageReader::new(Cursor::new(&bytes)).with_guessed_format().ok()?.into_dimensions().ok()?;
    let url = Some(data_url(&bytes));
    Some(Thumbnail { url, width, height, reason: None, wants_poster: false })
}

/// Keeps a picture, a PNG that an engine drew, made small. `hash` names it: the SHA-256 of what alone it depends on in
/// hexadecimal, the name of a [`Drawing`](crate::Drawing), or what [`of_slide`] makes of either. Blocks.
pub fn keep_picture(shelf: &Shelf, hash: &str, drawn: &[u8]) -> Option<Thumbnail> {
    shelf.write(&format!("{hash}.png"), &made_small(drawn)?);
    kept_picture(shelf, hash)
}

/// The name under which the picture of a slide, from 0, of a content is kept.
pub fn of_slide(hash: &str, slide: usize) -> String {
    format!("{hash}-slide-{slide}")
}

/// Keeps PNGs of slides from number `first` on, and of slide 0 as that of the whole, for contents that look alike: a
/// page of slides and what was made of it. Blocks.
pub fn keep_slides(shelf: &Shelf, hashes: &[&str], first: usize, looks: &[Vec<u8>]) {
    for (slide, look) in (first..).zip(looks) {
        let Some(small) = made_small(look) else { return };
        for hash in hashes {
            shelf.write(&format!("{}.png", of_slide(hash, slide)), &small);
            if slide == 0 {
                shelf.write(&format!("{hash}.png"), &small);
            }
        }
    }
}

/// Keeps the pages of a PDF as pictures of the slides of a content, at most `most`, and tells `each` how many are
/// there; it answers whether to go on. Gives a sentence if it cannot go on. Blocks.
pub fn keep_pages(
    pdf: &Source,
    shelf: &Shelf,
    hash: &str,
    most: usize,
    each: &mut dyn FnMut(usize) -> bool,
) -> Result<usize, String> {
    let material = pdf.open().map_err(|error| error.to_app_error().message)?;
    let mut slides = 0;
    let mut trouble = None;
    let drawn = paper::pages(&material, most, &mut |page| match png(page) {
        Ok(bytes) => {
            shelf.write(&format!("{}.png", of_slide(hash, slides)), &bytes);
            slides += 1;
            each(slides)
        }
        Err(reason) => {
            trouble = Some(reason);
            false
        }
    });
    match (drawn, trouble) {
        (Err(refused), _) => Err(refused.reason()),
        (Ok(()), Some(reason)) => Err(reason),
        (Ok(()), None) => Ok(slides),
    }
}

/// A PNG that an engine drew, as a small one.
fn made_small(drawn: &[u8]) -> Option<Vec<u8>> {
    let mut reader = image::ImageReader::with_format(Cursor::new(drawn), ImageFormat::Png);
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(MOST_WHOLE);
    reader.limits(limits);
    let picture = reader.decode().ok()?;
    let (across, down) = fitted((picture.width(), picture.height()));
    let mut small = picture.thumbnail_exact(across, down).to_rgba8();
    // What says no colour of its own is seen on white, as in a browser.
    for Rgba([red, green, blue, alpha]) in small.pixels_mut() {
        for part in [red, green, blue] {
            let (over, cover) = (u32::from(*part), u32::from(*alpha));
            *part = u8::try_from((over * cover + 255 * (255 - cover)) / 255).unwrap_or(u8::MAX);
        }
        *alpha = u8::MAX;
    }
    png(small).ok()
}

fn none(reason: &str) -> Thumbnail {
    Thumbnail { url: None, width: 0, height: 0, reason: Some(reason.to_owned()), wants_poster: false }
}

/// A drawing scales by itself; as an image no script in it runs and nothing is loaded. The window draws it in its own
/// process, so that one which may take long is left to an engine of its own.
fn drawing(material: &Material, start: &[u8]) -> Result<Thumbnail, PreviewError> {
    if material.size > MOST_DRAWING {
        return Ok(none("The drawing is too large for a small picture."));
    }
    let bytes = material.whole(MOST_DRAWING)?;
    if !bytes.windows(4).any(|window| window == b"<svg") {
        return Ok(none("The file is no drawing in SVG."));
    }
    if is_bomb(&bytes) {
        return Ok(none(BOMB));
    }
    if !is_light(&bytes) {
        return Ok(none(NOT_DRAWN));
    }
    let (width, height) = fitted(svg_size(start).unwrap_or((300, 150)));
    let url = Some(format!("data:image/svg+xml;base64,{}", STANDARD.encode(bytes)));
    Ok(Thumbnail { url, width, height, reason: None, wants_poster: false })
}

/// A size scaled down to fit, never up.
fn fitted((width, height): (u32, u32)) -> (u32, u32) {
    let scale = (f64::from(MOST.0) / f64::from(width.max(1)))
        .min(f64::from(MOST.1) / f64::from(height.max(1)))
        .min(1.0);
    let scaled = |size: u32| ((f64::from(size) * scale).round() as u32).max(1);
    (scaled(width), scaled(height))
}

fn picture(material: &Material) -> Result<RgbaImage, Refused> {
    // A decoder that breaks down costs this picture alone.
    catch_unwind(AssertUnwindSafe(|| {
        let said = |error: image::ImageError| crate::facts::damaged(&error);
        let mut decoder = reader(material)?.into_decoder().map_err(said)?;
        let (width, height) = decoder.dimensions();
        if u64::from(width) * u64::from(height) > MOST_PIXELS {
            return Err(Refused::Lasting(megapixels(width, height)));
        }
        let orientation = orient(&mut decoder);
        let mut picture = DynamicImage::from_decoder(decoder).map_err(said)?;
        if picture.width() > MOST.0 || picture.height() > MOST.1 {
            // Turned by a quarter it has to fit as well.
            let (across, down) = fitted((picture.width(), picture.height()));
            let turned = fitted((picture.height(), picture.width()));
            let is_turned = {
                let mut corner = DynamicImage::new_rgba8(2, 1);
                corner.apply_orientation(orientation);
                corner.width() == 1
            };
            let (across, down) = if is_turned { (turned.1, turned.0) } else { (across, down) };
            picture = picture.thumbnail_exact(across, down);
        }
        picture.apply_orientation(orientation);
        Ok(picture.to_rgba8())
    }))
    .unwrap_or_else(|_| Err(Refused::ForNow("The picture is damaged: its decoder broke down.".to_owned())))
}

/// The loudness of sound as bars around the middle.
fn wave(levels: &[f32]) -> RgbaImage {
    let mut drawn = RgbaImage::new(MOST.0, WAVE_HEIGHT);
    let middle = WAVE_HEIGHT / 2;
    for column in 0..MOST.0 {
        // Every third column stays empty, so that bars can be told apart.
        if column % 3 == 2 {
            continue;
        }
        let bar = column / 3;
        let place = bar as usize * levels.len() / (MOST.0 as usize).div_ceil(3);
        let level = levels.get(place).copied().unwrap_or_default();
        let half = ((level * middle as f32) as u32).clamp(1, middle - 1);
        for row in middle - half..=middle + half {
            if let Some(pixel) = drawn.get_pixel_mut_checked(column, row) {
                *pixel = WAVE_COLOUR;
            }
        }
    }
    drawn
}

fn png(drawn: RgbaImage) -> Result<Vec<u8>, String> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageRgba8(drawn)
        .write_to(&mut bytes, ImageFormat::Png)
        .map_err(|error| format!("The small picture could not be written: {error}."))?;
    Ok(bytes.into_inner())
}

#[cfg(test)]
#[path = "thumbnail_tests.rs"]
mod tests;
