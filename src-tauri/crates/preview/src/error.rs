//! What can go wrong before there is anything to show.

use std::sync::Arc;

use okcvm_documents::DocumentError;
use okcvm_protocol::{AppError, ErrorCode};
use okcvm_workspace::WorkspaceError;

/// Why something could not be shown, or the server of deployments could not be started.
#[derive(Debug, Clone, thiserror::Error)]
pub enum PreviewError {
    /// The port of the deployments is used by another program.
    #[error("port {port} on 127.0.0.1 is used by another program")]
    PortTaken {
        /// The port that was asked for.
        port: u16,
    },
    /// The server could not be started for another reason.
    #[error("the server of deployed sites could not be started")]
    Start(#[source] Arc<std::io::Error>),
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
    /// There is nothing.
    #[error("there is no file {path}")]
    Missing {
        /// What was asked for.
        path: String,
    },
    /// It is a folder, a pipe or the like.
    #[error("{path} is not a file")]
    NoFile {
        /// What was asked for.
        path: String,
    },
    /// It is too large for what was asked.
    #[error("{path} is larger than {megabytes} MB")]
    TooLarge {
        /// The file.
        path: String,
        /// The limit.
        megabytes: u64,
    },
    /// The system does not give its bytes.
    #[error("{path} cannot be read")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        #[source]
        source: Arc<std::io::Error>,
    },
    /// Its content is not what it says to be.
    #[error("{path} {what}")]
    Broken {
        /// The file.
        path: String,
        /// What is wrong, as the end of a sentence.
        what: String,
    },
    /// A document, as the words of its reader say.
    #[error("{path} {source}")]
    Document {
        /// The file.
        path: String,
        /// Why.
        source: Box<DocumentError>,
    },
    /// The file was written since its table was opened.
    #[error("{path} has changed since it was opened")]
    Changed {
        /// The file.
        path: String,
    },
    /// The table is closed.
    #[error("the table is closed")]
    TableClosed,
    /// There is no such sheet.
    #[error("{path} has no sheet named {sheet}")]
    NoSheet {
        /// The file.
        path: String,
        /// What was asked for.
        sheet: String,
    },
    /// It was called off.
    #[error("it was called off")]
    Cancelled,
    /// The workspace refused.
    #[error(transparent)]
    Workspace(Arc<WorkspaceError>),
    /// The moment of the history cannot be looked at.
    #[error("{0}")]
    Moment(Box<AppError>),
}

impl From<WorkspaceError> for PreviewError {
    fn from(error: WorkspaceError) -> Self {
        Self::Workspace(Arc::new(error))
    }
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
            Self::Missing { path } => {
                AppError::new(format!("There is no file {path}.")).with_code(ErrorCode::NotFound)
            }
            Self::NoFile { path } => AppError::new(format!("{path} is not a file.")),
            Self::TooLarge { path, megabytes } => {
                AppError::new(format!("{path} is larger than {megabytes} MB, which is the most that can be shown."))
                    .with_hint("Open it with another program.")
            }
            Self::Unreadable { path, source } => {
                AppError::new(format!("{path} cannot be read.")).with_detail(source.to_string())
            }
            Self::Broken { path, what } => AppError::new(format!("{path} cannot be shown: it {what}.")),
            Self::Document { path, source } => {
                let error = AppError::new(format!("{path} cannot be shown: it {source}."));
                if matches!(**source, DocumentError::Cancelled) {
                    error.with_code(ErrorCode::Cancelled)
                } else {
                    error
                }
            }
            Self::Changed { path } => AppError::new(format!("{path} has changed since it was opened."))
                .with_hint("Open it again to see it as it is now."),
            Self::TableClosed => {
                AppError::new("This table is closed.").with_code(ErrorCode::NotFound).with_hint("Open it again.")
            }
            Self::NoSheet { path, sheet } => AppError::new(format!("{path} has no sheet named {sheet}."))
                .with_code(ErrorCode::NotFound),
            Self::Cancelled => AppError::new("It was called off.").with_code(ErrorCode::Cancelled),
            Self::Workspace(error) => error.to_app_error(),
            Self::Moment(error) => (**error).clone(),
        }
    }
}
