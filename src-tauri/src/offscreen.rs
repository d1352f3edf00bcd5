//! A web engine without a window: a WebKit view in an off-screen GTK window, for the layout of slides.
//!
//! The view has a context of its own, apart from Tauri's: no command of the app is in its reach, it keeps nothing, and
//! its only scheme is answered from the files of the deck. Everything of the web goes to a proxy that does not exist.
//! Views live on GTK's main thread; whoever asks waits for an answer from there.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use gtk::prelude::*;
use gtk::{gdk, gio, glib};
use javascriptcore::ValueExt;
use okcvm_protocol::ProcessOwner;
use okcvm_slides::{Area, HOST, OpenPage, Renderer, Resource, Resources, SlidesError, with_stand_ins};
use okcvm_toolbox::Engines;
use serde_json::Value;
use tokio::sync::oneshot;
use webkit2gtk::{
    LoadEvent, NetworkProxyMode, NetworkProxySettings, SecurityManagerExt, SettingsExt, SnapshotOptions,
    SnapshotRegion, URISchemeRequest, URISchemeRequestExt, WebContext, WebContextExt, WebView, WebViewExt,
    WebsiteDataManagerExt,
};

const SCHEME: &str = "deck";
/// Wide enough for a slide with room beside it.
const VIEWPORT: (i32, i32) = (1280, 800);
const LOADING: Duration = Duration::from_secs(30);
const MEASURING: Duration = Duration::from_secs(60);
/// A proxy that nobody answers at.
const NOWHERE: &str = "http://127.0.0.1:9";
/// The world of our scripts, apart from that of the page.
const WORLD: &str = "okcvm";

static NEXT: AtomicU64 = AtomicU64::new(1);

thread_local! {
    static STAGES: RefCell<HashMap<u64, Stage>> = RefCell::default();
}

/// What stands on the main thread for one open page.
struct Stage {
    window: gtk::OffscreenWindow,
    view: WebView,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.view.try_close();
        self.window.close();
    }
}

/// The window's own engine, for every call anew.
#[derive(Debug, Clone, Copy)]
pub struct OffscreenEngines;

impl Engines for OffscreenEngines {
    fn engine(&self, _owner: ProcessOwner) -> Result<Box<dyn Renderer>, SlidesError> {
        Ok(Box::new(Offscreen))
    }
}

/// WebKit off screen. GTK must run on the main thread.
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
        let page = Page { id };
        let address = address.replacen("http:", &format!("{SCHEME}:"), 1);
        let (loaded, is_loaded) = oneshot::channel();
        on_main(move || {
            let stage = Stage::open(&address, resources, loaded);
            STAGES.with_borrow_mut(|stages| stages.insert(id, stage));
        })
        .await?;
        match tokio::time::timeout(LOADING, is_loaded).await {
            // A page whose scripts never end loading is measured as it is.
            Err(_) | Ok(Ok(Ok(()))) => Ok(Box::new(page)),
            Ok(Ok(Err(reason))) => Err(SlidesError::Refused { what: "load the page".to_owned(), reason }),
            Ok(Err(_)) => Err(SlidesError::Lost("its view was closed".to_owned())),
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

impl Stage {
    fn open(
        address: &str,
        resources: Arc<dyn Resources>,
        loaded: oneshot::Sender<Result<(), String>>,
    ) -> Self {
        let context = WebContext::new_ephemeral();
        if let Some(data) = context.website_data_manager() {
            let mut nowhere = NetworkProxySettings::new(Some(NOWHERE), &[]);
            data.set_network_proxy_settings(NetworkProxyMode::Custom, Some(&mut nowhere));
        }
        if let Some(security) = context.security_manager() {
            security.register_uri_scheme_as_cors_enabled(SCHEME);
        }
        context.register_uri_scheme(SCHEME, move |request| answer(request, &resources));
        let view = WebView::with_context(&context);
        if let Some(settings) = WebViewExt::settings(&view) {
            settings.set_enable_webgl(false);
            settings.set_enable_media_stream(false);
            settings.set_enable_back_forward_navigation_gestures(false);
            settings.set_javascript_can_open_windows_automatically(false);
        }
        view.set_background_color(&gdk::RGBA::new(0.0, 0.0, 0.0, 0.0));
        let loaded = RefCell::new(Some(loaded));
        let loaded = std::rc::Rc::new(loaded);
        view.connect_load_changed({
            let loaded = loaded.clone();
            move |_, event| {
                if event == LoadEvent::Finished
                    && let Some(loaded) = loaded.borrow_mut().take()
                {
                    let _ = loaded.send(Ok(()));
                }
            }
        });
        view.connect_load_failed(move |_, _, _, error| {
            if let Some(loaded) = loaded.borrow_mut().take() {
                let _ = loaded.send(Err(error.to_string()));
            }
            true
        });
        let window = gtk::OffscreenWindow::new();
        window.set_default_size(VIEWPORT.0, VIEWPORT.1);
        view.set_size_request(VIEWPORT.0, VIEWPORT.1);
        window.add(&view);
        window.show_all();
        view.load_uri(address);
        Self { window, view }
    }
}

/// Answers a request of the page; the file is read on another thread.
fn answer(request: &URISchemeRequest, resources: &Arc<dyn Resources>) {
    let (request, resources) = (request.clone(), resources.clone());
    glib::MainContext::default().spawn_local(async move {
        let address = request.uri().map(|uri| uri.to_string()).unwrap_or_default();
        let found = gio::spawn_blocking(move || resources.find(&address)).await;
        match found.ok().flatten() {
            Some(Resource { bytes, mime }) => {
                let bytes = if mime.starts_with("text/html") {
                    let page = String::from_utf8_lossy(&bytes);
                    with_stand_ins(&page, &format!("{SCHEME}://{HOST}")).into_bytes()
                } else {
                    bytes
                };
                let length = bytes.len() as i64;
                let stream = gio::MemoryInputStream::from_bytes(&glib::Bytes::from_owned(bytes));
                request.finish(&stream, length, Some(&mime));
            }
            None => request
                .finish_error(&mut glib::Error::new(gio::IOErrorEnum::NotFound, "there is no such file")),
        }
    });
}

/// A page that is open. Dropping it closes it.
struct Page {
    id: u64,
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
            let view = STAGES.with_borrow(|stages| stages.get(&id).map(|stage| stage.view.clone()));
            if let Some(view) = view {
                work(&view, send);
            }
        })
        .await?;
        match tokio::time::timeout(MEASURING, receive).await {
            Ok(Ok(Ok(answer))) => Ok(answer),
            Ok(Ok(Err(reason))) => Err(SlidesError::Refused { what: what.to_owned(), reason }),
            Ok(Err(_)) => Err(SlidesError::Lost("its view was closed".to_owned())),
            Err(_) => Err(SlidesError::Late { what: what.to_owned(), limit: MEASURING }),
        }
    }
}

#[async_trait::async_trait]
impl OpenPage for Page {
    async fn run(&mut self, script: &str) -> Result<Value, SlidesError> {
        let body = format!("return ({script});");
        let json = self
            .with_view("measure the page", move |view, send| {
                view.call_async_javascript_function(
                    &body,
                    None,
                    Some(WORLD),
                    None,
                    gio::Cancellable::NONE,
                    move |answer| {
                        let answer = answer.map_err(|error| error.to_string());
                        let _ = send.send(answer.map(|value| value.to_json(0).map(|json| json.to_string())));
                    },
                );
            })
            .await?;
        json.map_or(Ok(Value::Null), |json| serde_json::from_str(&json).map_err(SlidesError::Scene))
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
