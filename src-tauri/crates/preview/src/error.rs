//! What can go wrong before there is anything to serve.

use okcvm_protocol::AppError;

/// Why a preview or the server of deployments could not be started.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// The port of the deployments is used by another program.
    #[error("port {port} on 127.0.0.1 is used by another program")]
    PortTaken {
        /// The port that was asked for.
        port: u16,
    },
    /// The server could not be started for another reason.
    #[error("the server of deployed sites could not be started")]
    Start(#[source] std::io::Error),
    /// The folder or file to show cannot be opened.
    #[error("{path} cannot be shown: {reason}")]
    Target {
        /// What was to be shown.
        path: String,
        /// Why it cannot be, in words.
        reason: String,
    },
    /// The operating system gave no random numbers.
    #[error("the operating system gave no random numbers")]
    Random,
}

impl PreviewError {
    /// The error as people see it.
    pub fn to_app_error(&self) -> AppError {
        match self {
            Self::PortTaken { port } => AppError::new(format!(
                "Port {port} is used by another program, so the deployed sites cannot be served."
            ))
            .with_hint("End that program, or choose another port in the settings; links to deployed sites follow it."),
            Self::Start(source) => {
                AppError::new("The server of deployed sites could not be started.").with_detail(source.to_string())
            }
            Self::Target { path, reason } => AppError::new(format!("{path} cannot be shown: {reason}")),
            Self::Random => AppError::new("The operating system gave no random numbers, so no preview can be opened."),
        }
    }
}
