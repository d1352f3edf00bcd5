//! What can go wrong with the database.

use okcvm_protocol::{AppError, ErrorCode};

/// A failure of the store; it names what was asked for.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// `SQLite` failed.
    #[error("the database failed while {doing}: {source}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// Why.
        source: rusqlite::Error,
    },
    /// A row holds text that is not what it should be.
    #[error("the database holds unreadable data in {what}: {source}")]
    Content {
        /// Which column.
        what: &'static str,
        /// Why.
        source: serde_json::Error,
    },
    /// The named thing does not exist.
    #[error("there is no {what} {id}")]
    Missing {
        /// Its kind.
        what: &'static str,
        /// Its identifier.
        id: String,
    },
    /// The file was written by a later version.
    #[error(
        "the database was written by a later version of OKCVM (format {found}, this version knows {known})"
    )]
    TooNew {
        /// Format of the file.
        found: i64,
        /// Latest format that this version knows.
        known: i64,
    },
    /// The data folder can only be read.
    #[error("the data folder can only be read")]
    ReadOnly,
    /// The data folder can only be read, and what the database needs before it is read cannot be done there.
    #[error("the database cannot be read where nothing can be written: {0}")]
    Unreadable(&'static str),
    /// The file system failed.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

const COPY_IT: &str = "Make room if its disk is full; otherwise copy it to where it can be written, and set OKCVM_HOME to the \
                       copy.";

impl StoreError {
    /// The error as a person reads it.
    pub fn to_app_error(&self) -> AppError {
        match self {
            Self::Missing { what, id } => {
                AppError::new(format!("There is no {what} {id}.")).with_code(ErrorCode::NotFound)
            }
            Self::TooNew { .. } => AppError::new(format!("{self}."))
                .with_hint("Install the latest version of OKCVM, or set OKCVM_HOME to another folder."),
            Self::Database { source, .. } if is_damage(source) => AppError::new("The database is damaged.")
                .with_hint(
                    "A copy that is made daily lies beside it: end every OKCVM, move `okcvm.db`, `okcvm.db-wal` and \
                     `okcvm.db-shm` away, and give `okcvm.copy.db` the name `okcvm.db`. Files and their histories do not lie \
                     in it.",
                )
                .with_detail(source.to_string()),
            Self::Database { source, .. } => AppError::new("The database could not be used.")
                .with_hint("Check that the disk is not full and that the data folder can be written.")
                .with_detail(source.to_string()),
            Self::ReadOnly => AppError::new("The data folder can only be read.").with_hint(COPY_IT),
            Self::Unreadable(why) => {
                AppError::new(format!("The data folder can only be read, and {why}.")).with_hint(COPY_IT)
            }
            Self::Content { .. } | Self::File { .. } => AppError::new(format!("{self}.")),
        }
    }
}

fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
}

impl From<StoreError> for AppError {
    fn from(error: StoreError) -> Self {
        error.to_app_error()
    }
}

/// Names what was being done when `SQLite` fails.
pub(crate) trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T, StoreError>;
}

impl<T> Doing<T> for Result<T, rusqlite::Error> {
    fn doing(self, doing: &'static str) -> Result<T, StoreError> {
        self.map_err(|source| match source.sqlite_error() {
            Some(error) if error.extended_code == rusqlite::ffi::SQLITE_READONLY => StoreError::ReadOnly,
            _ => StoreError::Database { doing, source },
        })
    }
}
