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

    async fn picture(&mut self, area: Area, _scale: f64) -> Result<Vec<u8>, SlidesError> {
        // The view shows a part of the page: what is wanted is brought into it.
        let scrolled = self
            .run(&format!(
                "new Promise((done) => {{ scrollTo({{ left: {} - 20, top: {} - 20, behavior: 'instant' }}); requestAnimationFrame(() => requestAnimationFrame(() => done([scrollX, scrollY]))); }})",
                area.x, area.y
            ))
            .await?;
        let (left, top) =
            (scrolled[0].as_f64().unwrap_or_default(), scrolled[1].as_f64().unwrap_or_default());
        self.with_view("take a picture", move |view, send| {
            view.snapshot(
                SnapshotRegion::Visible,
                SnapshotOptions::TRANSPARENT_BACKGROUND,
                gio::Cancellable::NONE,
                move |surface| {
                    let answer = surface.map_err(|error| error.to_string()).and_then(|surface| {
                        cut(&surface, area, left, top).map_err(|error| error.to_string())
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

/// A part of a surface as PNG.
fn cut(
    surface: &cairo::Surface,
    area: Area,
    left: f64,
    top: f64,
) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let (width, height) = (area.w.ceil().clamp(1.0, 8192.0) as i32, area.h.ceil().clamp(1.0, 8192.0) as i32);
    let part = cairo::ImageSurface::create(cairo::Format::ARgb32, width, height)?;
    let pen = cairo::Context::new(&part)?;
    pen.set_source_surface(surface, left - area.x, top - area.y)?;
    pen.paint()?;
    drop(pen);
    let mut png = Vec::new();
    part.write_to_png(&mut png)?;
    Ok(png)
}
