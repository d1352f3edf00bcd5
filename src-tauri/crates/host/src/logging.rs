//! Readable lines on the console and one JSON object a line in a file that rotates daily. Known secrets are taken out
//! of both.

use std::io::IsTerminal;
use std::path::Path;

use okcvm_protocol::AppError;
use okcvm_secrets::{RedactingMakeWriter, Redactor};
use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// Days of logs that are kept.
const KEPT_DAYS: usize = 7;
/// What is logged unless `OKCVM_LOG` says otherwise.
const DEFAULT_FILTER: &str = "info,hyper=warn,reqwest=warn,zbus=warn";

/// How much the console shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Console {
    /// What the filter lets through.
    Full,
    /// Warnings and errors, for a command line whose own output matters.
    Quiet,
}

/// Writes what is still in memory when it is dropped; keep it until the end of `main`.
pub struct LogGuard {
    _file: Option<WorkerGuard>,
    problem: Option<AppError>,
}

impl LogGuard {
    /// Why nothing is written to files.
    pub fn problem(&self) -> Option<&AppError> {
        self.problem.as_ref()
    }
}

/// Starts logging. Call once, before anything else. Where no file can be written, as on a disk that can only be read, the
/// console alone is told, and the guard says why.
pub fn start_logging(
    folder: &Path,
    filter: Option<&str>,
    console: Console,
    redactor: &Redactor,
) -> Result<LogGuard, AppError> {
    let wanted = filter.unwrap_or(DEFAULT_FILTER);
    let parse = |directives: &str| {
        EnvFilter::try_new(directives).map_err(|error| {
            AppError::new(format!("OKCVM_LOG is “{directives}”, which is no log filter."))
                .with_detail(error.to_string())
        })
    };
    let unwritable = |cause: String| {
        AppError::new(format!("Log files cannot be written to {}.", folder.display()))
            .with_hint("Check its owner and the free space, or set OKCVM_HOME to another folder.")
            .with_detail(cause)
    };
    let opened =
        std::fs::create_dir_all(folder).map_err(|error| unwritable(error.to_string())).and_then(|()| {
            RollingFileAppender::builder()
                .rotation(Rotation::DAILY)
                .filename_prefix("okcvm")
                .filename_suffix("log")
                .max_log_files(KEPT_DAYS)
                .build(folder)
                .map_err(|error| unwritable(error.to_string()))
        });
    let (file, problem) = match opened {
        Ok(file) => (Some(tracing_appender::non_blocking(file)), None),
        Err(problem) => (None, Some(problem)),
    };
    let (file, guard) = file.unzip();
    let to_file = file
        .map(|file| {
            Ok::<_, AppError>(
                tracing_subscriber::fmt::layer()
                    .json()
                    .with_writer(RedactingMakeWriter::new(file, redactor.clone()))
                    .with_filter(parse(wanted)?),
            )
        })
        .transpose()?;
    let shown = match (console, filter) {
        (Console::Quiet, None) => "error",
        _ => wanted,
    };
    let to_console = tracing_subscriber::fmt::layer()
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(RedactingMakeWriter::new(std::io::stderr, redactor.clone()))
        .with_filter(parse(shown)?);
    // A second start in one process (tests) keeps the first subscriber.
    let _ = tracing_subscriber::registry().with(to_file).with(to_console).try_init();
    Ok(LogGuard { _file: guard, problem })
}

/// The latest log file of the folder.
pub(crate) fn latest(folder: &Path) -> Option<std::path::PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .ok()?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "log"))
        .collect();
    files.sort();
    files.pop()
}
