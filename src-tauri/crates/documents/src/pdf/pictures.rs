//! Pages of a PDF document as pictures.

use hayro::hayro_interpret::InterpreterSettings;
use hayro::hayro_syntax::page::Page;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings, render};

use super::KIND;
use crate::limits::Budget;
use crate::{DocumentError, Picture, Reading};

/// Draws pages in their order until there are no more, `most` are drawn, or `each` answers that it is enough.
pub(crate) fn draw(
    bytes: Vec<u8>,
    most: usize,
    fit: (u32, u32),
    reading: &Reading,
    each: &mut dyn FnMut(Picture) -> bool,
) -> Result<(), DocumentError> {
    let damaged = |what: &str| DocumentError::Broken { kind: KIND, what: what.to_owned() };
    let pdf = super::open(bytes, &Budget::new(reading.clone()))?;
    let pages = pdf.pages();
    if pages.is_empty() {
        return Err(damaged("has no page that can be found"));
    }
    let cache = RenderCache::new();
    for page in pages.iter().take(most) {
        let drawn = small(page, fit, &cache).ok_or_else(|| damaged("has a page without a size"))?;
        if !each(drawn) {
            break;
        }
    }
    Ok(())
}

fn small<'a>(page: &'a Page<'a>, fit: (u32, u32), cache: &RenderCache<'a>) -> Option<Picture> {
    let (width, height) = page.render_dimensions();
    let scale = (fit.0 as f32 / width).min(fit.1 as f32 / height);
    if !scale.is_finite() || scale <= 0.0 {
        return None;
    }
    // The size is cut to whole pixels; none may be left.
    let scale_of = |size: f32| scale.max(1.0 / size);
    let pixmap = render(
        page,
        cache,
        &InterpreterSettings::default(),
        &RenderSettings::default(),
        &PixmapSettings { x_scale: scale_of(width), y_scale: scale_of(height), bg_color: WHITE },
    );
    // On white nothing is transparent, so that the colours are what they are.
    Some(Picture {
        width: u32::from(pixmap.width()),
        height: u32::from(pixmap.height()),
        rgba: pixmap.data_as_u8_slice().to_vec(),
    })
}
