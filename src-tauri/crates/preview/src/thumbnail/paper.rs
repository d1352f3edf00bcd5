//! Pages of a PDF document as pictures.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use hayro::hayro_interpret::InterpreterSettings;
use hayro::hayro_syntax::Pdf;
use hayro::hayro_syntax::page::Page;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::{PixmapSettings, RenderCache, RenderSettings, render};
use image::RgbaImage;
use okcvm_documents::{DocumentKind, Reading};

use super::{MOST, Refused};
use crate::facts::MOST_WHOLE;
use crate::source::Material;

/// How long a page may take. What takes longer is left to itself: the parser cannot be stopped in its tracks.
const MOST_TIME: Duration = Duration::from_secs(15);
/// Pages that were left to themselves; with so many of them no more are begun.
const MOST_LEFT: usize = 4;
/// Room for a parser that calls itself.
const STACK: usize = 32 * 1024 * 1024;

static LEFT: AtomicUsize = AtomicUsize::new(0);

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
    let bytes =
        material.whole(MOST_WHOLE).map_err(|error| Refused::ForNow(error.to_app_error().to_string()))?;
    // Whether its parts swell is looked at before the parser inflates them.
    okcvm_documents::facts(bytes.clone(), DocumentKind::Pdf, &Reading::default())
        .map_err(|error| Refused::Lasting(format!("The document {error}.")))?;
    if LEFT.load(Ordering::SeqCst) >= MOST_LEFT {
        return Err(Refused::ForNow("Too many documents are still being drawn.".to_owned()));
    }
    let (sender, receiver) = sync_channel(1);
    let worker = thread::Builder::new().name("pages".to_owned()).stack_size(STACK).spawn(move || {
        LEFT.fetch_add(1, Ordering::SeqCst);
        let drawn = catch_unwind(AssertUnwindSafe(|| draw(bytes, most, &sender)));
        LEFT.fetch_sub(1, Ordering::SeqCst);
        if !matches!(drawn, Ok(Some(()))) {
            // Nobody waits any more if it took too long.
            let _ = sender.send(None);
        }
    });
    if worker.is_err() {
        return Err(Refused::ForNow("The system gave no thread to draw the page.".to_owned()));
    }
    loop {
        match receiver.recv_timeout(MOST_TIME) {
            Ok(Some(drawn)) => {
                if !each(drawn) {
                    return Ok(());
                }
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Ok(None) => return Err(Refused::Lasting("A page of the document is damaged.".to_owned())),
            Err(RecvTimeoutError::Timeout) => {
                return Err(Refused::ForNow(format!(
                    "A page took longer than {} seconds to draw.",
                    MOST_TIME.as_secs()
                )));
            }
        }
    }
}

/// `None` for what is damaged. It ends early if nobody takes the pages.
fn draw(bytes: Vec<u8>, most: usize, taker: &SyncSender<Option<RgbaImage>>) -> Option<()> {
    let pdf = Pdf::new(bytes).ok()?;
    let pages = pdf.pages();
    pages.first()?;
    let cache = RenderCache::new();
    for page in pages.iter().take(most) {
        if taker.send(Some(small(page, &cache)?)).is_err() {
            break;
        }
    }
    Some(())
}

fn small<'a>(page: &'a Page<'a>, cache: &RenderCache<'a>) -> Option<RgbaImage> {
    let (width, height) = page.render_dimensions();
    let scale = (MOST.0 as f32 / width).min(MOST.1 as f32 / height);
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
    RgbaImage::from_raw(
        u32::from(pixmap.width()),
        u32::from(pixmap.height()),
        pixmap.data_as_u8_slice().to_vec(),
    )
}
