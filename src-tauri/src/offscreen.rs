//! A web engine without a window: a `WebKit` view in an off-screen GTK window, for the layout of slides.
//!
//! Views live on GTK's main thread; whoever asks waits for an answer from there. A deck is written by a model and its
//! scripts run, so every answer has a time limit, and the process of a page ends with it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gtk::{gio, glib};
use javascriptcore::ValueExt;
use okcvm_protocol::ProcessOwner;
use okcvm_slides::{Area, OpenPage, Renderer, Resources, SlidesError};
use okcvm_toolbox::Engines;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::time::Instant;
use webkit2gtk::{SnapshotOptions, SnapshotRegion, WebView, WebViewExt};

use self::stage::{SCHEME, Stage};

mod stage;

/// How long a page may load before it is asked whether it still answers.
const LOADING: Duration = Duration::from_secs(15);
/// How long a page that loads and loads may take to answer.
const ANSWERING: Duration = Duration::from_secs(5);
/// How long one answer may take.
const MEASURING: Duration = Duration::from_secs(60);
/// How long a page may stand open: a page could use up the time for each of hundreds of answers.
const OPEN: Duration = Duration::from_secs(300);
/// Why there is no answer.
const ENDED: &str = "its process is gone; the page may need too much memory";
/// The longest answer of a script, in UTF-16 units.
const MOST_TEXT: usize = 64 * 1024 * 1024;
/// Pixels of a picture across and down.
const MOST_PIXELS: f64 = 8192.0;
/// Pixels of the view that are taken at a time: what fits into it with room beside it.
const PIECE: (usize, usize) = (1240, 760);
/// Draws the page larger without laying it out anew, and answers how much: once where it cannot be, since slides that
/// stand fast in the view would move.
const ENLARGE: &str = r"(scale) => {
    const root = document.documentElement;
    const boxes = () => [...document.querySelectorAll('.ppt-slide')].map((slide) => {
        const { left, top, width, height } = slide.getBoundingClientRect();
        return [left + scrollX, top + scrollY, width, height];
    });
    const before = boxes();
    root.style.setProperty('transition', 'none', 'important');
    root.style.setProperty('transform-origin', '0 0', 'important');
    root.style.setProperty('transform', `scale(${scale})`, 'important');
    const after = boxes();
    const kept = before.every((box, at) => box.every((length, side) => Math.abs(length * scale - after[at][side]) < 1));
    if (kept) return scale;
    for (const name of ['transition', 'transform-origin', 'transform']) root.style.removeProperty(name);
    return 1;
}";
/// Draws the page in its own size again.
const RESTORE: &str = r"() => {
    for (const name of ['transition', 'transform-origin', 'transform']) {
        document.documentElement.style.removeProperty(name);
    }
}";
/// The world of our scripts, apart from that of the page.
const WORLD: &str = "okcvm";

static NEXT: AtomicU64 = AtomicU64::new(1);

thread_local! {
    static STAGES: RefCell<HashMap<u64, Stage>> = RefCell::default();
}

/// The window's own engine, for every call anew.
#[derive(Debug, Clone, Copy)]
pub struct OffscreenEngines;

impl Engines for OffscreenEngines {
    fn engine(&self, _owner: ProcessOwner) -> Result<Box<dyn Renderer>, SlidesError> {
        Ok(Box::new(Offscreen))
    }
}

/// `WebKit` off screen. GTK must run on the main thread.
#[derive(Debug, Clone, Copy)]
pub struct Offscreen;

#[async_trait::async_trait]
impl Renderer for Offscreen {
    async fn open(
        &self,
        address: &str,
        resources: Arc<dyn Resources>,
    ) -> Result<Box<dyn OpenPage>, SlidesError> {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut page = Page { id, until: Instant::now() + OPEN };
        let address = address.replacen("http:", &format!("{SCHEME}:"), 1);
        let (loaded, is_loaded) = oneshot::channel();
        on_main(move || {
            let stage = Stage::open(&address, resources, loaded);
            STAGES.with_borrow_mut(|stages| stages.insert(id, stage));
        })
        .await?;
        match tokio::time::timeout(LOADING, is_loaded).await {
            Ok(Ok(Ok(()))) => Ok(Box::new(page)),
            Ok(Ok(Err(reason))) => Err(SlidesError::Refused { what: "load the page".to_owned(), reason }),
            Ok(Err(_)) => Err(SlidesError::Lost(ENDED.to_owned())),
            // A page that waits for something is measured as it is; one whose scripts never end cannot be.
            Err(_) => match tokio::time::timeout(ANSWERING, page.run("1")).await {
                Ok(answer) => answer.map(|_| Box::new(page) as Box<dyn OpenPage>),
                Err(_) => Err(SlidesError::Late {
                    what: "load the page, whose scripts seem to run without end".to_owned(),
                    limit: LOADING + ANSWERING,
                }),
            },
        }
    }

    fn name(&self) -> String {
        format!("WebKitGTK {}", tauri::webview_version().unwrap_or_default())
    }
}

/// Does something on the main thread and waits until it was done.
async fn on_main<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, SlidesError> {
    let (done, is_done) = oneshot::channel();
    glib::MainContext::default().invoke(move || {
        let _ = done.send(work());
    });
    is_done.await.map_err(|_| SlidesError::Lost("the window is closing".to_owned()))
}

/// A page that is open. Dropping it closes it.
struct Page {
    id: u64,
    /// When its time is up.
    until: Instant,
}

impl Drop for Page {
    fn drop(&mut self) {
        let id = self.id;
        glib::MainContext::default().invoke(move || {
            STAGES.with_borrow_mut(|stages| stages.remove(&id));
        });
    }
}

impl Page {
    /// Begins something with the view on the main thread; `work` answers by the sender that it gets.
    async fn with_view<T: Send + 'static>(
        &self,
        what: &str,
        work: impl FnOnce(&WebView, oneshot::Sender<Result<T, String>>) + Send + 'static,
    ) -> Result<T, SlidesError> {
        let id = self.id;
        let (send, receive) = oneshot::channel();
        on_main(move || {
            let view = STAGES.with_borrow(|stages| stages.get(&id).and_then(Stage::view));
            if let Some(view) = view {
                work(&view, send);
            }
        })
        .await?;
        let until = self.until.min(Instant::now() + MEASURING);
        match tokio::time::timeout_at(until, receive).await {
            Ok(Ok(Ok(answer))) => Ok(answer),
            Ok(Ok(Err(reason))) => Err(SlidesError::Refused { what: what.to_owned(), reason }),
            Ok(Err(_)) => Err(SlidesError::Lost(ENDED.to_owned())),
            Err(_) if until == self.until => {
                Err(SlidesError::Late { what: "lay all slides out".to_owned(), limit: OPEN })
            }
            Err(_) => Err(SlidesError::Late { what: what.to_owned(), limit: MEASURING }),
        }
    }
}

#[async_trait::async_trait]
impl OpenPage for Page {
    async fn run(&mut self, script: &str) -> Result<Value, SlidesError> {
        // As text it is put together in the process of the page, and the window only carries it.
        let body = format!(
            "const answer = JSON.stringify(await ({script})); if (answer?.length > {MOST_TEXT}) throw new Error('the page holds too much'); return answer ?? 'null';"
        );
        let json = self
            .with_view("measure the page", move |view, send| {
                view.call_async_javascript_function(
                    &body,
                    None,
                    Some(WORLD),
                    None,
                    gio::Cancellable::NONE,
                    move |answer| {
                        let answer = answer.map(|value| value.to_str().to_string());
                        let _ = send.send(answer.map_err(|error| reason(error.message())));
                    },
                );
            })
            .await?;
        serde_json::from_str(&json).map_err(SlidesError::Scene)
    }

    async fn picture(&mut self, area: Area, scale: f64) -> Result<Vec<u8>, SlidesError> {
        // What is to be smaller is made so afterwards.
        let factor = if scale > 1.0 {
            self.run(&format!("({ENLARGE})({scale})")).await?.as_f64().unwrap_or(1.0)
        } else {
            1.0
        };
        let taken = self.pixels(area, factor).await;
        if scale > 1.0 {
            self.run(&format!("({RESTORE})()")).await?;
        }
        let pixels = taken?;
        let encoded = tokio::task::spawn_blocking(move || pixels.png(scale / factor)).await;
        let refused = |reason: String| SlidesError::Refused { what: "take a picture".to_owned(), reason };
        encoded.map_err(|error| refused(error.to_string()))?.map_err(|error| refused(error.to_string()))
    }
}

impl Page {
    /// A part of a page whose drawing is `factor` times as large. The view shows a part of it: what is wanted is brought
    /// into it piece by piece.
    async fn pixels(&mut self, area: Area, factor: f64) -> Result<Pixels, SlidesError> {
        let size = |length: f64| (length * factor).ceil().clamp(1.0, MOST_PIXELS) as usize;
        let (left, top) = (area.x * factor, area.y * factor);
        let mut all = Pixels::new(size(area.w), size(area.h));
        for down in (0..all.height).step_by(PIECE.1) {
            for right in (0..all.width).step_by(PIECE.0) {
                let wanted = (left + right as f64, top + down as f64);
                let scrolled = self
                    .run(&format!(
                        "new Promise((done) => {{ scrollTo({{ left: {} - 20, top: {} - 20, behavior: 'instant' }}); requestAnimationFrame(() => requestAnimationFrame(() => done([scrollX, scrollY]))); }})",
                        wanted.0, wanted.1
                    ))
                    .await?;
                let at = |axis: usize| scrolled[axis].as_f64().unwrap_or_default();
                let place = (at(0) - wanted.0, at(1) - wanted.1);
                let (width, height) = (PIECE.0.min(all.width - right), PIECE.1.min(all.height - down));
                let piece = self.piece(place, (width, height)).await?;
                all.put(right, down, &piece);
            }
        }
        Ok(all)
    }

    /// A part of what the view shows now, of which `place` says where the view begins.
    async fn piece(&self, place: (f64, f64), (width, height): (usize, usize)) -> Result<Pixels, SlidesError> {
        self.with_view("take a picture", move |view, send| {
            view.snapshot(
                SnapshotRegion::Visible,
                SnapshotOptions::TRANSPARENT_BACKGROUND,
                gio::Cancellable::NONE,
                move |surface| {
                    let answer = surface.map_err(|error| error.to_string()).and_then(|surface| {
                        cut(&surface, place, width, height).map_err(|error| error.to_string())
                    });
                    let _ = send.send(answer);
                },
            );
        })
        .await
    }
}

/// Why a script gave no answer, in words that say what is wrong with the page.
fn reason(words: &str) -> String {
    if words.contains("no longer reachable") {
        return "it went to another address, or loaded itself anew, before it was measured".to_owned();
    }
    words.to_owned()
}

/// Pixels in memory, premultiplied, four bytes each as cairo has them, row by row.
struct Pixels {
    width: usize,
    height: usize,
    bytes: Vec<u8>,
}

type Failed = Box<dyn std::error::Error + Send + Sync>;

impl Pixels {
    fn new(width: usize, height: usize) -> Self {
        Self { width, height, bytes: vec![0; width * height * 4] }
    }

    /// Puts a piece into its place.
    fn put(&mut self, right: usize, down: usize, piece: &Self) {
        for (row, bytes) in piece.bytes.chunks_exact(piece.width * 4).enumerate() {
            let start = ((down + row) * self.width + right) * 4;
            if let Some(place) = self.bytes.get_mut(start..start + bytes.len()) {
                place.copy_from_slice(bytes);
            }
        }
    }

    /// As PNG, so many times as large.
    fn png(self, scale: f64) -> Result<Vec<u8>, Failed> {
        let (width, height) = (self.width as i32, self.height as i32);
        let all = cairo::ImageSurface::create_for_data(
            self.bytes,
            cairo::Format::ARgb32,
            width,
            height,
            width * 4,
        )?;
        let mut png = Vec::new();
        if (scale - 1.0).abs() < 0.001 {
            all.write_to_png(&mut png)?;
            return Ok(png);
        }
        let scaled = |length: i32| (f64::from(length) * scale).ceil().clamp(1.0, MOST_PIXELS) as i32;
        let other = cairo::ImageSurface::create(cairo::Format::ARgb32, scaled(width), scaled(height))?;
        let pen = cairo::Context::new(&other)?;
        pen.scale(scale, scale);
        pen.set_source_surface(&all, 0.0, 0.0)?;
        pen.source().set_filter(cairo::Filter::Good);
        pen.paint()?;
        drop(pen);
        other.write_to_png(&mut png)?;
        Ok(png)
    }
}

/// A part of a surface, which lies at `place` of it.
fn cut(surface: &cairo::Surface, place: (f64, f64), width: usize, height: usize) -> Result<Pixels, Failed> {
    let mut part = cairo::ImageSurface::create(cairo::Format::ARgb32, width as i32, height as i32)?;
    let pen = cairo::Context::new(&part)?;
    pen.set_source_surface(surface, place.0, place.1)?;
    pen.paint()?;
    drop(pen);
    let stride = usize::try_from(part.stride())?;
    let data = part.data()?;
    let bytes = data.chunks_exact(stride).flat_map(|row| row.get(..width * 4).unwrap_or(row)).copied();
    Ok(Pixels { width, height, bytes: bytes.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_put_together_and_made_as_large_as_is_wanted() {
        let mut all = Pixels::new(30, 20);
        let mut piece = Pixels::new(10, 5);
        piece.bytes.fill(255);
        all.put(20, 15, &piece);
        let white = |x: usize, y: usize| all.bytes[(y * 30 + x) * 4] == 255;
        assert!(white(20, 15) && white(29, 19) && !white(19, 15) && !white(20, 14) && !white(0, 16));
        for (scale, size) in [(1.0, (30, 20)), (0.5, (15, 10)), (2.0, (60, 40))] {
            let copy = Pixels { width: 30, height: 20, bytes: all.bytes.clone() };
            let png = copy.png(scale).unwrap();
            let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
            assert_eq!((number(16), number(20)), size);
        }
    }

    #[test]
    fn a_part_of_what_is_shown_is_cut_out_where_it_lies() {
        let shown = cairo::ImageSurface::create(cairo::Format::ARgb32, 100, 100).unwrap();
        let pen = cairo::Context::new(&shown).unwrap();
        pen.set_source_rgb(1.0, 1.0, 1.0);
        pen.rectangle(20.0, 30.0, 7.0, 7.0);
        pen.fill().unwrap();
        drop(pen);
        // An odd width has rows that are filled up.
        let part = cut(&shown, (-20.0, -30.0), 7, 7).unwrap();
        assert_eq!((part.bytes.len(), part.bytes.iter().all(|byte| *byte == 255)), (7 * 7 * 4, true));
    }
}
