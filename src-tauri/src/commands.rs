//! Requests of the window: those of the command table go to the host, a few need the shell's own means.

mod desktop;

use okcvm_protocol::{AppError, WindowCommand, dispatch};
use serde_json::Value;
use tauri::ipc::{Invoke, InvokeBody, InvokeError};
use tauri::{AppHandle, Manager, Webview};

use crate::app::Shell;

/// Answers one request. The permission system has let it through already.
pub(crate) fn answer(invoke: Invoke) -> bool {
    let Invoke { message, resolver, .. } = invoke;
    let command = message.command().to_owned();
    let payload = match message.payload() {
        InvokeBody::Json(value) => value.clone(),
        InvokeBody::Raw(_) => Value::Null,
    };
    let webview = message.webview();
    resolver.respond_async(async move { respond(&webview, &command, &payload).await.map_err(refused) });
    true
}

async fn respond(webview: &Webview, command: &str, payload: &Value) -> Result<Value, AppError> {
    let app = webview.app_handle().clone();
    let host = app.state::<Shell>().host.clone()?;
    let params = payload.get("params").cloned().unwrap_or_else(|| Value::Object(serde_json::Map::new()));
    if let Some(command) = WindowCommand::named(command) {
        return desktop::answer(webview, &host, command, params, payload).await;
    }
    dispatch(&host, command, params).await
}

fn refused(error: AppError) -> InvokeError {
    InvokeError(serde_json::to_value(error).unwrap_or(Value::Null))
}

/// The path of a file of a session, opened by name below its workspace.
pub(crate) async fn workspace_file(
    app: &AppHandle,
    session: &okcvm_protocol::SessionId,
    path: &str,
) -> Result<std::path::PathBuf, AppError> {
    let host = app.state::<Shell>().host.clone()?;
    let (session, path) = (session.clone(), path.to_owned());
    let found = tauri::async_runtime::spawn_blocking(move || host.file_on_disk(&session, &path)).await;
    found.map_err(|error| AppError::new("The file could not be looked up.").with_detail(error.to_string()))?
}
