//! The view of one page, and what it may do: load files of its deck, and nothing else.
//!
//! Its context is apart from Tauri's: no command of the app and no scheme of it is in its reach, it keeps nothing, and
//! its only scheme is answered from the files of the deck. Everything of the web goes to a proxy that does not exist.
//! Nobody sees the view, so whatever would ask a person is refused.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use gtk::prelude::*;
use gtk::{gdk, gio, glib};
use okcvm_slides::{HOST, Resource, Resources, with_stand_ins};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use webkit2gtk::{
    AuthenticationRequestExt, DownloadExt, FileChooserRequestExt, LoadEvent, MemoryPressureSettings,
    NavigationPolicyDecision, NavigationPolicyDecisionExt, NetworkProxyMode, NetworkProxySettings,
    PermissionRequestExt, PolicyDecision, PolicyDecisionExt, PolicyDecisionType, ResponsePolicyDecision,
    ResponsePolicyDecisionExt, SecurityManagerExt, SettingsExt, URIRequestExt, URISchemeRequest,
    URISchemeRequestExt, WebContext, WebContextExt, WebView, WebViewExt, WebsiteDataManager,
    WebsiteDataManagerExt,
};

/// The scheme of a deck's files.
pub(super) const SCHEME: &str = "deck";
/// Wide enough for a slide with room beside it.
const VIEWPORT: (i32, i32) = (1280, 800);
/// Requests of a page that are answered at a time, until the engine has taken the answer.
const MOST_ANSWERS: usize = 4;
/// Requests that wait; more are refused at once.
const MOST_WAITING: usize = 10_000;
/// Memory of a page in MiB, after which its process is ended.
const MEMORY: u32 = 2048;

/// Hears once whether the page is loaded.
pub(super) type Loaded = oneshot::Sender<Result<(), String>>;

/// What stands on the main thread for one open page.
pub(super) struct Stage {
    window: gtk::OffscreenWindow,
    /// `None` after its process has ended by itself.
    view: Rc<RefCell<Option<WebView>>>,
    /// Room for answers.
    answers: Arc<Semaphore>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        // Who still waits to be answered is told that there is nothing.
        self.answers.close();
        // Taken first: to end the process is heard at once by who waits for its end.
        let view = self.view.take();
        if let Some(view) = view {
            // Not asked to close: a page whose script runs without end would not answer.
            view.terminate_web_process();
            self.window.remove(&view);
        }
        self.window.close();
    }
}

impl Stage {
    /// Opens a page and begins to load it.
    pub fn open(address: &str, resources: Arc<dyn Resources>, loaded: Loaded) -> Self {
        let context = context();
        if let Some(security) = context.security_manager() {
            security.register_uri_scheme_as_cors_enabled(SCHEME);
        }
        let answers = Arc::new(Semaphore::new(MOST_ANSWERS));
        let waiting = Rc::new(Cell::new(0));
        context.register_uri_scheme(SCHEME, {
            let answers = answers.clone();
            move |request| answer(request, &resources, &answers, &waiting)
        });
        let view = WebView::with_context(&context);
        restrict(&view);
        view.set_background_color(&gdk::RGBA::new(0.0, 0.0, 0.0, 0.0));
        let loaded = Rc::new(RefCell::new(Some(loaded)));
        let tell = move |outcome| {
            if let Some(loaded) = loaded.take() {
                let _ = loaded.send(outcome);
            }
        };
        view.connect_load_changed({
            let tell = tell.clone();
            move |_, event| {
                if event == LoadEvent::Finished {
                    tell(Ok(()));
                }
            }
        });
        view.connect_load_failed({
            let tell = tell.clone();
            move |_, _, _, error| {
                tell(Err(error.to_string()));
                true
            }
        });
        let kept = Rc::new(RefCell::new(Some(view.clone())));
        view.connect_web_process_terminated({
            let kept = Rc::downgrade(&kept);
            move |_, _| {
                tell(Err(super::ENDED.to_owned()));
                // Without this the next script would start a process anew, on an empty page.
                if let Some(kept) = kept.upgrade() {
                    kept.replace(None);
                }
            }
        });
        let window = gtk::OffscreenWindow::new();
        window.set_default_size(VIEWPORT.0, VIEWPORT.1);
        view.set_size_request(VIEWPORT.0, VIEWPORT.1);
        window.add(&view);
        window.show_all();
        view.load_uri(address);
        Self { window, view: kept, answers }
    }

    /// The view, while its process runs.
    pub fn view(&self) -> Option<WebView> {
        self.view.borrow().clone()
    }
}

/// A context that keeps nothing and reaches nothing.
fn context() -> WebContext {
    let data = WebsiteDataManager::new_ephemeral();
    let mut nowhere = NetworkProxySettings::new(Some(crate::NOWHERE), &[]);
    data.set_network_proxy_settings(NetworkProxyMode::Custom, Some(&mut nowhere));
    let mut memory = MemoryPressureSettings::new();
    memory.set_memory_limit(MEMORY);
    memory.set_kill_threshold(1.0);
    let context = WebContext::builder().website_data_manager(&data).memory_pressure_settings(&memory).build();
    // Else a file would be laid into the folder of downloads.
    context.connect_download_started(|_, download| download.cancel());
    context
}

/// Takes everything from a view that laying slides out does not need.
fn restrict(view: &WebView) {
    if let Some(settings) = WebViewExt::settings(view) {
        settings.set_enable_webgl(false);
        settings.set_enable_webrtc(false);
        settings.set_enable_media_stream(false);
        settings.set_enable_mediasource(false);
        settings.set_enable_encrypted_media(false);
        settings.set_media_playback_requires_user_gesture(true);
        settings.set_enable_dns_prefetching(false);
        settings.set_enable_hyperlink_auditing(false);
        settings.set_enable_html5_database(false);
        settings.set_enable_back_forward_navigation_gestures(false);
        settings.set_javascript_can_open_windows_automatically(false);
        settings.set_javascript_can_access_clipboard(false);
    }
    view.set_is_muted(true);
    view.connect_decide_policy(|_, decision, kind| decide(decision, kind));
    view.connect_create(|_, _| None);
    // A dialog would wait for somebody to answer it.
    view.connect_script_dialog(|_, _| true);
    view.connect_print(|_, _| true);
    view.connect_enter_fullscreen(|_| true);
    view.connect_show_notification(|_, _| true);
    view.connect_permission_request(|_, request| {
        request.deny();
        true
    });
    view.connect_run_file_chooser(|_, request| {
        request.cancel();
        true
    });
    view.connect_authenticate(|_, request| {
        request.cancel();
        true
    });
}

/// Refuses to leave the deck, to open windows, and to save what cannot be shown.
fn decide(decision: &PolicyDecision, kind: PolicyDecisionType) -> bool {
    let allowed = match kind {
        PolicyDecisionType::NavigationAction => decision
            .downcast_ref::<NavigationPolicyDecision>()
            .and_then(NavigationPolicyDecisionExt::navigation_action)
            .and_then(|action| action.request())
            .and_then(|request| request.uri())
            .and_then(|address| address.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase()))
            .is_some_and(|scheme| [SCHEME, "about", "data", "blob"].contains(&scheme.as_str())),
        PolicyDecisionType::Response => decision
            .downcast_ref::<ResponsePolicyDecision>()
            .is_some_and(ResponsePolicyDecisionExt::is_mime_type_supported),
        _ => false,
    };
    if allowed {
        decision.use_();
    } else {
        decision.ignore();
    }
    true
}

/// Bytes on their way to the engine, and their place among the answers.
struct Held {
    bytes: Vec<u8>,
    _place: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Answers a request of the page as soon as there is room; the file is read on another thread.
fn answer(
    request: &URISchemeRequest,
    resources: &Arc<dyn Resources>,
    answers: &Arc<Semaphore>,
    waiting: &Rc<Cell<usize>>,
) {
    if waiting.get() >= MOST_WAITING {
        refuse(request);
        return;
    }
    waiting.set(waiting.get() + 1);
    let (request, resources, answers, waiting) =
        (request.clone(), resources.clone(), answers.clone(), waiting.clone());
    glib::MainContext::default().spawn_local(async move {
        let place = answers.acquire_owned().await;
        waiting.set(waiting.get() - 1);
        let Ok(place) = place else { return refuse(&request) };
        let address = request.uri().map(|uri| uri.to_string()).unwrap_or_default();
        let found = gio::spawn_blocking(move || {
            let Resource { bytes, mime } = resources.find(&address)?;
            let bytes = if mime.starts_with("text/html") {
                let page = String::from_utf8_lossy(&bytes);
                with_stand_ins(&page, &format!("{SCHEME}://{HOST}")).into_bytes()
            } else {
                bytes
            };
            Some((bytes, mime))
        });
        match found.await.ok().flatten() {
            Some((bytes, mime)) => {
                let length = bytes.len() as i64;
                let held = glib::Bytes::from_owned(Held { bytes, _place: place });
                request.finish(&gio::MemoryInputStream::from_bytes(&held), length, Some(&mime));
            }
            None => refuse(&request),
        }
    });
}

fn refuse(request: &URISchemeRequest) {
    request.finish_error(&mut glib::Error::new(gio::IOErrorEnum::NotFound, "there is no such file"));
}
