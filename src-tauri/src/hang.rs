//! Brings the window back when its page no longer answers.
//!
//! The frames of previews run in the process of the window's own page, so that a page whose script never ends, or that
//! breaks its process down, takes the window with it; so does a picture that takes for ever to be drawn. The process is ended, and the window's page is loaded anew with a
//! word in its address, by which it opens no preview and says which one was shown.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use gtk::prelude::ObjectExt;
use gtk::{gio, glib};
use tauri::{AppHandle, Manager, Url, WebviewWindow};
use webkit2gtk::{WebView, WebViewExt};

use crate::app::Shell;

/// How often the page is asked whether it answers. Asked from here, since the timers of a hidden page run slowly.
const EVERY: Duration = Duration::from_secs(2);
/// After so many looks without an answer it is given up. Looks are counted, not time: if this thread was held up, the
/// answer may lie there unread.
const PATIENCE: u32 = 5;
/// As many, where no preview is open: it is our own page that takes its time, or something that it shows by itself.
const PATIENCE_ALONE: u32 = 15;
/// So often within [`LATELY`] a page is loaded anew: one that breaks down without a preview does so each time.
const MOST_REVIVALS: usize = 3;
const LATELY: Duration = Duration::from_secs(60);
/// The world in which the question is asked, apart from that of the page.
const WORLD: &str = "okcvm";
/// What stands in the address of a page that takes the place of one that was ended.
const WORD: &str = "hung";

struct Watch {
    app: AppHandle,
    view: glib::WeakRef<WebView>,
    /// Looks since the page was asked; `None` when it has answered.
    waiting: Cell<Option<u32>>,
    revived: RefCell<Vec<Instant>>,
}

/// Looks after the window's page from now on.
pub(crate) fn watch(window: &WebviewWindow) -> tauri::Result<()> {
    let app = window.app_handle().clone();
    window.with_webview(move |webview| {
        let view = webview.inner();
        let watch = Rc::new(Watch {
            app,
            view: view.downgrade(),
            waiting: Cell::new(None),
            revived: RefCell::default(),
        });
        view.connect_web_process_terminated({
            let watch = watch.clone();
            move |view, reason| {
                tracing::warn!(?reason, "the process of the window's page has ended");
                watch.revive(view);
            }
        });
        glib::timeout_add_local(EVERY, move || watch.look());
    })
}

impl Watch {
    fn look(self: &Rc<Self>) -> glib::ControlFlow {
        let Some(view) = self.view.upgrade() else { return glib::ControlFlow::Break };
        match self.waiting.get() {
            None => {
                self.waiting.set(Some(0));
                let watch = self.clone();
                view.evaluate_javascript("1", Some(WORLD), None, gio::Cancellable::NONE, move |_| {
                    watch.waiting.set(None);
                });
            }
            Some(looks) if looks >= self.patience() => view.terminate_web_process(),
            Some(looks) => self.waiting.set(Some(looks.saturating_add(1))),
        }
        glib::ControlFlow::Continue
    }

    fn patience(&self) -> u32 {
        let shell = self.app.state::<Shell>();
        let is_any_open = shell.host.as_ref().is_ok_and(|host| host.previews().is_any_open());
        if is_any_open { PATIENCE } else { PATIENCE_ALONE }
    }

    fn revive(&self, view: &WebView) {
        self.waiting.set(None);
        if let Ok(host) = &self.app.state::<Shell>().host {
            // Nobody is left who would close them.
            host.previews().close_all();
        }
        let mut revived = self.revived.borrow_mut();
        revived.retain(|when| when.elapsed() < LATELY);
        if revived.len() >= MOST_REVIVALS {
            tracing::error!("the window's page breaks down again and again and is not loaded any more");
            return;
        }
        revived.push(Instant::now());
        let address = view.uri().and_then(|address| Url::parse(&address).ok());
        if let Some(mut address) = address {
            address.set_query(Some(WORD));
            view.load_uri(address.as_str());
        }
    }
}
