//! Pages of a PDF document as pictures.

use std::time::Duration;

use image::RgbaImage;
use okcvm_documents::{Limits, Reading};

use super::MOST;
use crate::facts::MOST_WHOLE;
use crate::refused::Refused;
use crate::source::Material;

/// How long a page may take.
const MOST_TIME: Duration = Duration::from_secs(15);

pub(super) fn first_page(material: &Material) -> Result<RgbaImage, Refused> {
    let mut first = None;
    pages(material, 1, &mut |drawn| {
        first = Some(drawn);
        false
    })?;
    first.ok_or_else(|| Refused::Lasting("The document has no pages.".to_owned()))
}

/// Draws pages in their order until there are no more, `most` are drawn, or `each` answers that it is enough.
pub(super) fn pages(
    material: &Material,
    most: usize,
    each: &mut dyn FnMut(RgbaImage) -> bool,
) -> Result<(), Refused> {
    let bytes = material.whole(MOST_WHOLE)?;
    let reading = Reading::new(Limits { time: MOST_TIME, ..Limits::default() }, || false);
    okcvm_documents::pages(bytes, MOST, most, &reading, &mut |page| {
        RgbaImage::from_raw(page.width, page.height, page.rgba).is_some_and(&mut *each)
    })
    .map_err(|error| Refused::document(format!("The document {error}."), &error))
}
