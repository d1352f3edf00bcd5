//! The one window.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::time::Duration;

use okcvm_host::{DataFolder, Environment};
use tauri::webview::NewWindowResponse;
use tauri::{AppHandle, Manager, Url, WebviewUrl, WebviewWindowBuilder};

use crate::app::Shell;

/// Its label, which the capability names.
pub(crate) const LABEL: &str = "main";
const SIZE: (f64, f64) = (1440.0, 900.0);
const SMALLEST: (f64, f64) = (760.0, 520.0);
/// How long the window manager may take to give a window its size back, in steps.
const LEAVING_STEPS: u32 = 20;
const LEAVING_STEP: Duration = Duration::from_millis(50);

/// Where the window keeps its place and its columns: with all other data. Without a folder for data it uses the
/// system's, and says why there is none when it is open.
pub(crate) fn folder() -> Option<PathBuf> {
    let environment = Environment::of_process().ok()?;
    let folder = DataFolder::find(&environment).ok()?.window();
    std::fs::create_dir_all(&folder).ok()?;
    Some(folder)
}

/// Opens the window. Only the app's own pages and previews in frames may be loaded in it, and it opens no other.
pub(crate) fn open(app: &AppHandle, folder: Option<PathBuf>) -> tauri::Result<()> {
    let mut window = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::App("index.html".into()))
        .title("OKCVM")
        .inner_size(SIZE.0, SIZE.1)
        .min_inner_size(SMALLEST.0, SMALLEST.1)
        .on_navigation(allowed)
        .on_new_window(|_, _| NewWindowResponse::Deny);
    if let Some(folder) = folder {
        window = window.data_directory(folder);
    }
    let window = window.build()?;
    #[cfg(target_os = "linux")]
    {
        cut_off(&window)?;
        crate::hang::watch(&window)?;
    }
    #[cfg(not(target_os = "linux"))]
    drop(window);
    Ok(())
}

/// Brings the window to the front, for a second start of the program.
pub(crate) fn show(app: &AppHandle) {
    if let Some(window) = app.get_webview_window(LABEL) {
        // A window manager may refuse; there is nothing else to try.
        let _ = window.unminimize();
        let _ = window.set_focus();
    }
}

/// Makes the window as large as the display. A window manager may refuse without a word.
pub(crate) fn fill_display(app: &AppHandle) -> tauri::Result<()> {
    let Some(window) = app.get_webview_window(LABEL) else { return Ok(()) };
    // Who made it that large by the window manager wants it to stay so.
    if window.is_fullscreen()? {
        return Ok(());
    }
    window.set_fullscreen(true)?;
    app.state::<Shell>().presenting.store(true, Ordering::SeqCst);
    Ok(())
}

/// Gives the window back the size it had before [`fill_display`]; does nothing where that did not change it.
pub(crate) fn leave_display(app: &AppHandle) -> tauri::Result<()> {
    if !app.state::<Shell>().presenting.swap(false, Ordering::SeqCst) {
        return Ok(());
    }
    let Some(window) = app.get_webview_window(LABEL) else { return Ok(()) };
    window.set_fullscreen(false)
}

/// Closes a window that fills the display, once it has its own size again.
pub(crate) fn close_from_display(app: AppHandle) {
    tauri::async_runtime::spawn(async move {
        if let Err(error) = leave_display(&app) {
            tracing::debug!(%error, "the window stays as large as the display");
        }
        let Some(window) = app.get_webview_window(LABEL) else { return };
        for _ in 0..LEAVING_STEPS {
            tokio::time::sleep(LEAVING_STEP).await;
            if !window.is_fullscreen().unwrap_or_default() {
                break;
            }
        }
        // A moment more, in which the window manager says where it lies now.
        tokio::time::sleep(LEAVING_STEP).await;
        if let Err(error) = window.close() {
            tracing::warn!(%error, "the window cannot be closed");
        }
    });
}

/// Whether an address may be loaded, in the window or in a frame of it.
fn allowed(url: &Url) -> bool {
    match url.scheme() {
        "tauri" | "preview" | "about" => true,
        // Names below `localhost` lead to this machine, so an address of the web is none of ours: but where the web
        // engine knows no schemes of an app, its own have these names.
        "http" => match (url.host_str(), url.port()) {
            (Some("tauri.localhost" | "preview.localhost"), None) => {
                cfg!(any(windows, target_os = "android"))
            }
            (Some("localhost"), Some(1420)) => {
                cfg!(all(debug_assertions, not(feature = "custom-protocol")))
            }
            _ => false,
        },
        _ => false,
    }
}

/// The window needs no network: whatever of a page gets past every policy, such as a connection that is opened ahead
/// of its use, ends at a proxy that nobody answers at, and no name is looked up.
#[cfg(target_os = "linux")]
fn cut_off(window: &tauri::WebviewWindow) -> tauri::Result<()> {
    use webkit2gtk::{
        NetworkProxyMode, NetworkProxySettings, SettingsExt, WebViewExt, WebsiteDataManagerExt,
    };
    window.with_webview(|webview| {
        let view = webview.inner();
        if let Some(settings) = WebViewExt::settings(&view) {
            settings.set_enable_dns_prefetching(false);
            settings.set_enable_webrtc(false);
        }
        // The server of a development build is spoken to directly.
        let direct: &[&str] = if cfg!(feature = "custom-protocol") { &[] } else { &["localhost"] };
        let mut nowhere = NetworkProxySettings::new(Some(crate::NOWHERE), direct);
        if let Some(data) = view.website_data_manager() {
            data.set_network_proxy_settings(NetworkProxyMode::Custom, Some(&mut nowhere));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_apps_own_pages_are_loaded() {
        for (url, expected) in [
            ("tauri://localhost/index.html", true),
            ("preview://localhost/token/index.html", true),
            ("about:blank", true),
            ("http://tauri.localhost/", cfg!(windows)),
            ("http://preview.localhost/token/index.html", cfg!(windows)),
            ("http://preview.localhost:8080/", false),
            ("https://preview.localhost/", false),
            ("http://other.localhost/", false),
            ("http://127.0.0.1:8080/", false),
            ("https://site.example/", false),
            ("file:///etc/passwd", false),
            ("data:text/html,x", false),
            ("javascript:alert(1)", false),
        ] {
            assert_eq!(allowed(&url.parse().unwrap()), expected, "{url}");
        }
    }
}
