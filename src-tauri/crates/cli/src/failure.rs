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

    /// Whether this is what its message and hint say.
    pub(crate) fn says(&self, text: &str) -> bool {
        self.error.as_ref().is_some_and(|error| error.to_string().replace('\n', " ") == text)
    }

    /// The exit code.
    #[cfg(test)]
    pub(crate) fn code(&self) -> u8 {
        self.code
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

/// Says what failed and gives the exit code. An answer that could not be written is a failure of its own.
pub(crate) fn exit_code(result: Result<(), Failure>, written: Result<(), AppError>) -> ExitCode {
    let mut code = 0;
    if let Err(error) = written {
        say(&error);
        code = 1;
    }
    if let Err(failure) = result {
        if let Some(error) = &failure.error {
            say(error);
        }
        code = failure.code;
    }
    ExitCode::from(code)
}

fn say(error: &AppError) {
    use std::io::Write;
    let mut text = format!("okcvm: {}\n", error.message);
    for more in [error.hint.clone(), error.detail.as_ref().map(|detail| format!("({detail})"))] {
        text.extend(more.map(|more| format!("       {more}\n")));
    }
    // Where stderr cannot be written there is no place left to say so.
    let _ = std::io::stderr().write_all(text.as_bytes());
}
