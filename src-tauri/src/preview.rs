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
    tauri::async_runtime::spawn_blocking(move || {
        let response = match app.try_state::<Shell>() {
            Some(shell) => match &shell.host {
                Ok(host) => host.previews().respond(&request),
                Err(error) => unavailable(error),
            },
            None => unavailable(&AppError::new("The app is still starting.")),
        };
        responder.respond(response);
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
