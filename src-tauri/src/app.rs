//! The composition root: logging, host, plugins, window.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use okcvm_host::{
    Console, DataFolder, Environment, Host, HostOptions, LogGuard, Redactor, Serving, Watching, start_logging,
};
use okcvm_protocol::AppError;
use tauri::{AppHandle, Manager, RunEvent, WindowEvent};

use crate::{bridge, commands, preview, window};

/// What the shell keeps while it runs.
pub(crate) struct Shell {
    /// The engine, or why it could not be opened: the window opens all the same and says so.
    pub(crate) host: Result<Host, AppError>,
    /// Counts attachments of the window, so that a reload ends the stream of the page before.
    pub(crate) attached: AtomicU64,
    /// A dialog of the system is open.
    pub(crate) picking: AtomicBool,
    /// The window fills the display because the page asked for it.
    pub(crate) presenting: AtomicBool,
    ending: AtomicBool,
    _log: Option<LogGuard>,
}

/// Opens the window and runs until it is closed.
pub fn run() -> ExitCode {
    let kept = window::folder();
    let state = tauri_plugin_window_state::Builder::default();
    let state = match &kept {
        Some(folder) => state.with_filename(folder.join("place.json").to_string_lossy()),
        None => state,
    };
    let built = tauri::Builder::default()
        .plugin(tauri_plugin_single_instance::init(|app, _, _| window::show(app)))
        .plugin(state.build())
        .plugin(tauri_plugin_dialog::init())
        .plugin(tauri_plugin_notification::init())
        .plugin(tauri_plugin_opener::init())
        .register_asynchronous_uri_scheme_protocol("preview", |context, request, responder| {
            preview::answer(context.app_handle().clone(), request, responder);
        })
        .invoke_handler(commands::answer)
        .setup(move |app| {
            let (host, log) = tauri::async_runtime::block_on(async { open_host() });
            if let Ok(host) = &host {
                let probing = host.clone();
                // A locked keychain may ask the user: the window does not wait for the answer.
                tauri::async_runtime::spawn_blocking(move || probing.probe_keys());
                bridge::notify_ends(app.handle().clone(), host);
            }
            app.manage(Shell {
                host,
                attached: AtomicU64::new(0),
                picking: AtomicBool::new(false),
                presenting: AtomicBool::new(false),
                ending: AtomicBool::new(false),
                _log: log,
            });
            window::open(app.handle(), kept)?;
            Ok(())
        })
        .build(tauri::generate_context!());
    match built {
        Ok(app) => {
            app.run(|app, event| match event {
                RunEvent::ExitRequested { api, .. } => end(app, &api),
                // The place that is kept for the next start is the one before.
                RunEvent::WindowEvent { event: WindowEvent::CloseRequested { api, .. }, .. }
                    if app.state::<Shell>().presenting.load(Ordering::SeqCst) =>
                {
                    api.prevent_close();
                    window::close_from_display(app.clone());
                }
                _ => {}
            });
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!(%error, "the window could not be opened");
            report(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

#[allow(clippy::print_stderr, reason = "without a window the terminal is the only place to say it")]
fn report(error: &str) {
    eprintln!("okcvm: the window could not be opened: {error}");
}

fn open_host() -> (Result<Host, AppError>, Option<LogGuard>) {
    let mut guard = None;
    let opened = (|| {
        let environment = Environment::of_process()?;
        let data = DataFolder::find(&environment)?;
        data.create()?;
        let redactor = Redactor::new();
        let filter = environment.log_filter.as_deref();
        guard = Some(start_logging(&data.logs(), filter, Console::Full, &redactor)?);
        let helper = sandbox_helper()?;
        let options = HostOptions {
            environment,
            helper,
            watching: Watching::Yes,
            serving: Serving::Yes,
            preview_base: preview::BASE.to_owned(),
            engines: engines(),
        };
        Host::open(options, redactor)
    })();
    if let Err(error) = &opened {
        tracing::error!(%error, "the engine could not be opened");
    }
    (opened, guard)
}

/// What lays slides out: the window's own web engine where it can be had off screen, an installed browser else.
#[allow(clippy::unnecessary_wraps, reason = "other systems have none")]
fn engines() -> Option<Arc<dyn okcvm_toolbox::Engines>> {
    #[cfg(target_os = "linux")]
    return Some(Arc::new(crate::offscreen::OffscreenEngines));
    #[cfg(not(target_os = "linux"))]
    None
}

/// The program that holds agent code: the command line beside the window, which starts in a millisecond because it loads
/// no webview; the window itself where it stands alone.
fn sandbox_helper() -> Result<PathBuf, AppError> {
    let window = std::env::current_exe().map_err(|error| {
        AppError::new("The program does not know where it lies.").with_detail(error.to_string())
    })?;
    let beside = window.with_file_name(format!("okcvm{}", std::env::consts::EXE_SUFFIX));
    Ok(if beside.is_file() { beside } else { window })
}

/// Ends the program after every turn has ended, so that nothing is left running.
fn end(app: &AppHandle, api: &tauri::ExitRequestApi) {
    let shell = app.state::<Shell>();
    let Ok(host) = &shell.host else { return };
    if shell.ending.swap(true, Ordering::SeqCst) {
        return;
    }
    api.prevent_exit();
    let (host, app) = (host.clone(), app.clone());
    tauri::async_runtime::spawn(async move {
        host.shut_down().await;
        app.exit(0);
    });
}
