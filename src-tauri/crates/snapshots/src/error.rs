//! What can go wrong with a history.

use std::io;
use std::path::PathBuf;

use okcvm_protocol::{AppError, ErrorCode, RevertConflict, SnapshotId};

/// Paths that an error message names one by one.
const NAMED_PATHS: usize = 10;

/// Why something with the history did not work.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The history holds no such snapshot.
    #[error(
        "The history does not hold these files any more (snapshot {0}): they were dropped to save room, or lost."
    )]
    Unknown(SnapshotId),
    /// An object of the repository is missing or damaged.
    #[error("The history is damaged: {what} cannot be read.")]
    Damaged {
        /// What was read.
        what: String,
        /// What git says.
        source: git2::Error,
    },
    /// The repository could not be used, for a reason that does not lie in its content.
    #[error("The history cannot be used: {0}.")]
    Git(#[from] git2::Error),
    /// A file of the history could not be read or written.
    #[error("The history could not be {action} at `{path}`: {source}.")]
    Storage {
        /// As a participle: "written".
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// A copy could not be written where it was to be.
    #[error("The copy could not be {action} at `{path}`: {source}.")]
    Copy {
        /// As a participle: "written".
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The disk is full.
    #[error("The disk is full: `{path}` could not be written. Free some space and try again.")]
    DiskFull {
        /// What was being written.
        path: String,
    },
    /// A file of the workspace could not be read or written.
    #[error("`{path}` could not be {action}: {source}.")]
    Workspace {
        /// As a participle: "restored".
        action: &'static str,
        /// Relative to the workspace.
        path: String,
        /// The system's answer.
        source: io::Error,
    },
    /// The objects of the history could not be read or written.
    #[error("The history cannot be used: {0}.")]
    Objects(#[source] okcvm_objects::ObjectError),
    /// It was called off; nothing changed.
    #[error("It was called off.")]
    Cancelled,
    /// Another program records this history.
    #[error("Another program has this history open and records it.")]
    Busy,
    /// The restore would overwrite what no snapshot holds. Nothing was touched, unless `stage` says so.
    #[error("{}", changed_message(paths, *stage))]
    Changed {
        /// Relative to the workspace.
        paths: Vec<String>,
        /// When it was noticed.
        stage: RestoreStage,
    },
    /// The name of a copy is taken. Nothing was written.
    #[error("`{path}` is there already, and stays as it is.")]
    Taken {
        /// Where the copy was to be.
        path: String,
        /// Whether a file may be asked to go.
        replaceable: bool,
    },
    /// A turn cannot be taken back. Nothing was touched.
    #[error("The turn was not taken back: {}", conflicts_message(conflicts))]
    Conflicts {
        /// What keeps it from being taken back.
        conflicts: Vec<RevertConflict>,
    },
}

/// How far a restore was when it noticed a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestoreStage {
    /// Before anything was touched.
    Before,
    /// While files were being replaced; it can be run again.
    Within,
    /// When the result was checked.
    Verification,
}

fn conflicts_message(conflicts: &[RevertConflict]) -> String {
    let named = |conflict: &RevertConflict| format!("`{}` ({})", conflict.path, conflict.reason);
    let mut text = conflicts.iter().take(NAMED_PATHS).map(named).collect::<Vec<_>>().join(", ");
    if conflicts.len() > NAMED_PATHS {
        text = format!("{text} and {} more", conflicts.len() - NAMED_PATHS);
    }
    text + "."
}

fn changed_message(paths: &[String], stage: RestoreStage) -> String {
    let mut named =
        paths.iter().take(NAMED_PATHS).map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ");
    if paths.len() > NAMED_PATHS {
        named = format!("{named} and {} more", paths.len() - NAMED_PATHS);
    }
    match stage {
        RestoreStage::Before => format!(
            "Nothing was restored, since the restore would overwrite or remove what no snapshot holds: {named}."
        ),
        RestoreStage::Within => format!("The restore stopped, since files changed while it ran: {named}."),
        RestoreStage::Verification => {
            format!("The restore is not complete: {named} did not become what the snapshot holds.")
        }
    }
}

impl SnapshotError {
    /// Something that the history should hold is missing or damaged.
    pub fn is_damage(&self) -> bool {
        use okcvm_objects::ObjectError;
        match self {
            Self::Damaged { .. } => true,
            // A large content is checked while it streams into the workspace.
            Self::Workspace { source, .. } => source.kind() == io::ErrorKind::InvalidData,
            Self::Objects(error) => {
                matches!(error, ObjectError::Missing { .. } | ObjectError::Damaged { .. })
            }
            _ => false,
        }
    }

    pub(crate) fn storage(
        action: &'static str,
        path: impl Into<PathBuf>,
        source: impl Into<io::Error>,
    ) -> Self {
        let (path, source) = (path.into(), source.into());
        if is_full(&source) {
            return Self::DiskFull { path: path.to_string_lossy().into_owned() };
        }
        Self::Storage { action, path, source }
    }

    pub(crate) fn copy(action: &'static str, path: impl Into<PathBuf>, source: impl Into<io::Error>) -> Self {
        let (path, source) = (path.into(), source.into());
        if is_full(&source) {
            return Self::DiskFull { path: path.to_string_lossy().into_owned() };
        }
        Self::Copy { action, path, source }
    }

    pub(crate) fn workspace(action: &'static str, path: &[u8], source: impl Into<io::Error>) -> Self {
        let (path, source) = (crate::entry::shown(path), source.into());
        if is_full(&source) { Self::DiskFull { path } } else { Self::Workspace { action, path, source } }
    }

    /// The error as it leaves the engine.
    pub fn to_app_error(&self) -> AppError {
        let error = AppError::new(self.to_string());
        match self {
            Self::Unknown(_) => error.with_code(ErrorCode::NotFound),
            Self::Damaged { source, .. } => error
                .with_hint(
                    "Restart the app: it checks the history, and moves it aside if it is beyond repair.",
                )
                .with_detail(source.to_string()),
            Self::Git(source) => error.with_detail(format!("{source:?}")),
            Self::Storage { source, .. } | Self::Copy { source, .. } | Self::Workspace { source, .. } => {
                error.with_detail(format!("{source:?}"))
            }
            Self::Changed { paths, stage: RestoreStage::Before } => {
                error.with_hint("Move these files away, or try again.").with_detail(paths.join("\n"))
            }
            Self::Changed { paths, .. } => error
                .with_hint("Run the restore again; what was there before is recorded.")
                .with_detail(paths.join("\n")),
            Self::Conflicts { conflicts } => {
                let line = |conflict: &RevertConflict| format!("{}: {}", conflict.path, conflict.reason);
                error.with_detail(conflicts.iter().map(line).collect::<Vec<_>>().join("\n"))
            }
            Self::Objects(source) => error.with_detail(format!("{source:?}")),
            Self::Busy => error.with_hint("Close the other window or end the other command, and try again."),
            Self::Taken { replaceable: true, .. } => {
                error.with_hint("Choose another name, or say that it is to be replaced.")
            }
            Self::Taken { replaceable: false, .. } => error.with_hint(
                "Choose another name: only a file that a zip file takes the place of is replaced.",
            ),
            Self::Cancelled => error.with_code(ErrorCode::Cancelled),
            Self::DiskFull { .. } => error,
        }
    }
}

impl From<okcvm_objects::ObjectError> for SnapshotError {
    fn from(error: okcvm_objects::ObjectError) -> Self {
        match error {
            okcvm_objects::ObjectError::Storage { action, path, source } => {
                Self::storage(action, path, source)
            }
            okcvm_objects::ObjectError::Cancelled => Self::Cancelled,
            error => Self::Objects(error),
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
