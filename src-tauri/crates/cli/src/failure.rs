//! Errors as a terminal shows them.

use std::process::ExitCode;

use okcvm_protocol::AppError;

/// Why a command failed, and with which exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    error: Option<AppError>,
    code: u8,
}

impl Failure {
    /// Everything was said already.
    pub(crate) fn quiet(code: u8) -> Self {
        Self { error: None, code }
    }
}

impl From<AppError> for Failure {
    fn from(error: AppError) -> Self {
        Self { error: Some(error), code: 1 }
    }
}

impl From<okcvm_host::EngineError> for Failure {
    fn from(error: okcvm_host::EngineError) -> Self {
        error.to_app_error().into()
    }
}

#[allow(clippy::print_stderr, reason = "this is where a command line speaks")]
pub(crate) fn report(failure: &Failure) -> ExitCode {
    if let Some(error) = &failure.error {
        eprintln!("okcvm: {}", error.message);
        if let Some(hint) = &error.hint {
            eprintln!("       {hint}");
        }
        if let Some(detail) = &error.detail {
            eprintln!("       ({detail})");
        }
    }
    ExitCode::from(failure.code)
}
