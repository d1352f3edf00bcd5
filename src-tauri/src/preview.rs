//! The scheme of previews: every answer comes from the preview crate, with its own policy.

use okcvm_protocol::AppError;
use tauri::http::{Request, Response};
use tauri::{AppHandle, Manager, UriSchemeResponder};

use crate::app::Shell;

/// What addresses of previews begin with on this system.
#[cfg(not(any(windows, target_os = "android")))]
pub(crate) const BASE: &str = "preview://localhost/";
/// What addresses of previews begin with on this system.
#[cfg(any(windows, target_os = "android"))]
pub(crate) const BASE: &str = "http://preview.localhost/";

/// Answers one request off the main thread.
pub(crate) fn answer(app: AppHandle, request: Request<Vec<u8>>, responder: UriSchemeResponder) {
    tauri::async_runtime::spawn(async move {
        let (response, place) = match app.try_state::<Shell>() {
            Some(shell) => match &shell.host {
                Ok(host) => host.previews().answer(request).await,
                Err(error) => (unavailable(error), None),
            },
            None => (unavailable(&AppError::new("The app is still starting.")), None),
        };
        responder.respond(response);
        // The web engine takes an answer from memory bit by bit on the main thread. Whoever has less to do there than
        // that has its turn when the engine has taken what it was given.
        #[cfg(target_os = "linux")]
        gtk::glib::MainContext::default().invoke_with_priority(gtk::glib::Priority::LOW, move || drop(place));
        #[cfg(not(target_os = "linux"))]
        drop(place);
    });
}

fn unavailable(error: &AppError) -> Response<Vec<u8>> {
    let mut response = Response::new(error.to_string().into_bytes());
    *response.status_mut() = tauri::http::StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    headers.insert("Content-Type", tauri::http::HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(
        "Content-Security-Policy",
        tauri::http::HeaderValue::from_static("default-src 'none'; sandbox"),
    );
    response
}
