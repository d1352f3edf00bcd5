//! Writing to the terminal. A reader that went away (`| head`) is no error.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is where a command line speaks")]

use std::io::Write;

use okcvm_protocol::{AppError, Check, CheckStatus};
use serde::Serialize;

/// A line of the answer.
pub(crate) fn line(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// A piece of the answer, as it comes.
pub(crate) fn piece(text: &str) {
    let mut out = std::io::stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// A line of progress.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A value as indented JSON.
pub(crate) fn json<T: Serialize>(value: &T) -> Result<(), AppError> {
    line(&serde_json::to_string_pretty(value).map_err(|error| unwritable(&error))?);
    Ok(())
}

/// A value as one line of JSON.
pub(crate) fn json_line<T: Serialize>(value: &T) -> Result<(), AppError> {
    line(&serde_json::to_string(value).map_err(|error| unwritable(&error))?);
    Ok(())
}

fn unwritable(error: &serde_json::Error) -> AppError {
    AppError::new("The answer cannot be written as JSON.").with_detail(error.to_string())
}

/// A check with its advice.
pub(crate) fn check(check: &Check) {
    let mark = match check.status {
        CheckStatus::Ok => "ok     ",
        CheckStatus::Warning => "warning",
        CheckStatus::Failed => "FAILED ",
    };
    line(&format!("{mark}  {}: {}", check.name, check.message));
    if let Some(hint) = &check.hint {
        line(&format!("         → {hint}"));
    }
}
