//! What only the shell can do: stream to the page, ask with the system's dialogs, open things outside.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::Ordering;
#[cfg(target_os = "linux")]
use std::time::Duration;

use okcvm_host::Host;
use okcvm_protocol::{
    AppError, DeploymentParams, Empty, FileParams, FillDisplayParams, LinkParams, NumberedEvent,
    PathsResponse, PickSaveParams, WindowAttachParams, WindowCommand,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tauri::ipc::{Channel, JavaScriptChannelId};
use tauri::{AppHandle, Manager, Webview};
use tauri_plugin_dialog::{DialogExt, FilePath};
use tauri_plugin_opener::OpenerExt;

use super::workspace_file;
use crate::app::Shell;
use crate::bridge;
use crate::window;
use crate::words::{Word, word};

/// Endings that a desktop may run instead of showing.
const RUNNABLE: &[&str] = &[
    "desktop", "sh", "bash", "run", "appimage", "jar", "exe", "bat", "cmd", "com", "msi", "ps1", "vbs", "js",
    "lnk", "app", "command", "scpt", "py", "pyw", "rb", "pl", "deb", "rpm",
];

pub(super) async fn answer(
    webview: &Webview,
    host: &Host,
    command: WindowCommand,
    params: Value,
    payload: &Value,
) -> Result<Value, AppError> {
    let app = webview.app_handle();
    match command {
        WindowCommand::Attach => {
            let WindowAttachParams { after } = read(params)?;
            let channel = channel(webview, payload)?;
            // The page before, which may have filled the display, is gone.
            if let Err(error) = window::leave_display(app) {
                tracing::debug!(%error, "the window stays as large as the display");
            }
            bridge::attach(app, host, channel, after);
            write(&Empty {})
        }
        WindowCommand::PickFiles => write(&pick(webview, host, Pick::Files).await),
        WindowCommand::PickFolder => write(&pick(webview, host, Pick::Folder).await),
        WindowCommand::PickSave => {
            let PickSaveParams { name } = read(params)?;
            write(&pick(webview, host, Pick::Save(name)).await)
        }
        WindowCommand::OpenDeployment => {
            let DeploymentParams { deployment_id } = read(params)?;
            let (deployment, _) = host.deployment(&deployment_id)?;
            if deployment.url.is_empty() {
                return Err(AppError::new("Deployed sites are not served now.")
                    .with_hint("The settings say why; the preview shows the site all the same."));
            }
            launch(app, &deployment.url, &deployment.url).await
        }
        WindowCommand::OpenLink => {
            let LinkParams { url } = read(params)?;
            if !(url.starts_with("https://") || url.starts_with("http://")) {
                return Err(AppError::new(format!("“{url}” is no web address.")));
            }
            launch(app, &url, &url).await
        }
        WindowCommand::OpenFile => {
            let FileParams { session_id, path } = read(params)?;
            let file = workspace_file(app, &session_id, &path).await?;
            if runnable(&file) {
                return Err(AppError::new(format!("{path} is a program and is not started from here."))
                    .with_hint("Show it in its folder instead."));
            }
            launch(app, &path, &file.to_string_lossy()).await
        }
        WindowCommand::RevealFile => {
            let FileParams { session_id, path } = read(params)?;
            let file = workspace_file(app, &session_id, &path).await?;
            reveal(app, &path, file).await
        }
        WindowCommand::RevealLogs => {
            let folder = host.data().logs();
            let folder = folder.to_string_lossy();
            launch(app, &folder, &folder).await
        }
        WindowCommand::FillDisplay => {
            let FillDisplayParams { on } = read(params)?;
            let filled = if on { window::fill_display(app) } else { window::leave_display(app) };
            filled.map_err(|error| {
                AppError::new("The window could not fill the display.").with_detail(error.to_string())
            })?;
            write(&Empty {})
        }
    }
}

/// What a dialog of the system asks for.
#[derive(Debug, Clone)]
enum Pick {
    Files,
    Folder,
    /// A zip file to write, with the name that is offered.
    Save(String),
}

/// Asks with the system's dialog. Nothing is picked where the user cancels it, or where one is open already: the page
/// behind it can still be clicked.
async fn pick(webview: &Webview, host: &Host, what: Pick) -> PathsResponse {
    let app = webview.app_handle();
    let picking = &app.state::<Shell>().picking;
    if picking.swap(true, Ordering::SeqCst) {
        return paths(Vec::new());
    }
    let title = match what {
        Pick::Files => Word::ChooseFiles,
        Pick::Folder => Word::ChooseFolder,
        Pick::Save(_) => Word::SaveCopy,
    };
    let mut dialog = app.dialog().file().set_title(word(title, host.settings().appearance.language));
    // GTK otherwise begins with recent files, where it takes no folder whose path is typed.
    if let Ok(home) = app.path().home_dir() {
        dialog = dialog.set_directory(home);
    }
    let (sender, receiver) = tokio::sync::oneshot::channel();
    match what {
        // The page may have gone while the dialog was open; then nobody takes the answer.
        Pick::Files => dialog.pick_files(move |picked| drop(sender.send(picked.unwrap_or_default()))),
        Pick::Folder => dialog.pick_folder(move |picked| drop(sender.send(picked.into_iter().collect()))),
        Pick::Save(name) => dialog
            .add_filter("zip", &["zip"])
            .set_file_name(name)
            .save_file(move |picked| drop(sender.send(picked.into_iter().collect()))),
    }
    let picked = receiver.await.unwrap_or_default();
    picking.store(false, Ordering::SeqCst);
    paths(picked)
}

fn channel(webview: &Webview, payload: &Value) -> Result<Channel<Vec<NumberedEvent>>, AppError> {
    let id = payload.get("channel").and_then(Value::as_str).unwrap_or_default();
    let id = JavaScriptChannelId::from_str(id).map_err(|error| {
        AppError::new("The window gave no channel for events.").with_detail(error.to_string())
    })?;
    Ok(id.channel_on(webview.clone()))
}

/// Opens a file, folder or address in the program that the desktop has for it. `shown` is its name for the user.
async fn launch(app: &AppHandle, shown: &str, what: &str) -> Result<Value, AppError> {
    let (app, target) = (app.clone(), what.to_owned());
    let opened = tauri::async_runtime::spawn_blocking(move || start_program(&app, &target)).await;
    match opened {
        Ok(Ok(())) => write(&Empty {}),
        Ok(Err(error)) => Err(outside(shown, &error)),
        Err(error) => Err(outside(shown, &error.to_string())),
    }
}

/// Tries one launcher of the desktop after the other. The opener plugin waits a quarter of a second for a failure, but
/// the scripts among the launchers often take longer to find that they have no program.
#[cfg(target_os = "linux")]
fn start_program(_app: &AppHandle, what: &str) -> Result<(), String> {
    const LAUNCHER_LIMIT: Duration = Duration::from_secs(5);
    open::that_detached_with_timeout(what, LAUNCHER_LIMIT).map_err(|error| error.to_string())
}

#[cfg(not(target_os = "linux"))]
fn start_program(app: &AppHandle, what: &str) -> Result<(), String> {
    // A file has no scheme; both ways end in the same program.
    app.opener().open_url(what, None::<&str>).map_err(|error| error.to_string())
}

/// Shows a file in the file manager; where none can point at a file, its folder is opened.
async fn reveal(app: &AppHandle, shown: &str, file: PathBuf) -> Result<Value, AppError> {
    let (revealing, target) = (app.clone(), file.clone());
    let revealed =
        tauri::async_runtime::spawn_blocking(move || revealing.opener().reveal_item_in_dir(target)).await;
    if matches!(revealed, Ok(Ok(()))) {
        return write(&Empty {});
    }
    tracing::debug!(?revealed, "no file manager shows a file; its folder is opened");
    let folder = file.parent().unwrap_or(&file);
    launch(app, shown, &folder.to_string_lossy()).await
}

fn outside(what: &str, error: &str) -> AppError {
    AppError::new(format!("{what} could not be opened."))
        .with_hint("No program for it may be installed.")
        .with_detail(error)
}

fn paths(picked: Vec<FilePath>) -> PathsResponse {
    let paths = picked.into_iter().filter_map(|path| path.into_path().ok());
    PathsResponse { paths: paths.map(|path| path.to_string_lossy().into_owned()).collect() }
}

fn runnable(file: &Path) -> bool {
    let ending = file.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| RUNNABLE.contains(&ending.as_str())) || executable(file)
}

#[cfg(unix)]
fn executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    std::fs::metadata(file).is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn executable(_file: &Path) -> bool {
    false
}

fn read<T: DeserializeOwned>(params: Value) -> Result<T, AppError> {
    serde_json::from_value(params)
        .map_err(|error| AppError::new("The window sent wrong parameters.").with_detail(error.to_string()))
}

fn write<T: Serialize>(answer: &T) -> Result<Value, AppError> {
    serde_json::to_value(answer)
        .map_err(|error| AppError::new("The answer cannot be written.").with_detail(error.to_string()))
}
