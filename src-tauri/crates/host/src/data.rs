//! Where everything lies.

use std::path::{Path, PathBuf};

use okcvm_protocol::AppError;

use crate::Environment;

/// The paths of one data folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFolder {
    root: PathBuf,
}

impl DataFolder {
    /// `OKCVM_HOME`, or the platform's folder for application data.
    pub fn find(environment: &Environment) -> Result<Self, AppError> {
        if let Some(root) = &environment.okcvm_home {
            let root = std::path::absolute(root).map_err(|error| {
                AppError::new(format!("OKCVM_HOME ({}) is not a usable path.", root.display()))
                    .with_detail(error.to_string())
            })?;
            return Ok(Self { root });
        }
        directories::ProjectDirs::from("", "", "okcvm")
            .map(|folders| Self { root: folders.data_dir().to_owned() })
            .ok_or_else(|| {
                AppError::new("There is no home folder to keep data in.")
                    .with_hint("Set OKCVM_HOME to a folder that this user may write.")
            })
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.root.join("okcvm.db")
    }

    /// One folder per session.
    pub fn sessions(&self) -> PathBuf {
        self.root.join("sessions")
    }

    /// The Python environment, unless it lies elsewhere.
    pub fn python(&self) -> PathBuf {
        self.root.join("python")
    }

    /// Records of what runs, for the next start if this one breaks off.
    pub fn processes(&self) -> PathBuf {
        self.root.join("processes")
    }

    /// What is known and drawn of contents, by their hashes; can be made again.
    pub fn thumbnails(&self) -> PathBuf {
        self.root.join("thumbnails")
    }

    /// PDFs of slides, by their hashes; can be made again.
    pub fn converted(&self) -> PathBuf {
        self.root.join("converted")
    }

    /// Unnamed temporary files of tables that are open.
    pub fn spool(&self) -> PathBuf {
        self.root.join("spool")
    }

    /// Log files.
    pub fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// The settings.
    pub fn settings(&self) -> PathBuf {
        self.root.join("settings.toml")
    }

    /// The encrypted file of keys, if the user chose one.
    pub fn keys(&self) -> PathBuf {
        self.root.join("keys.encrypted")
    }

    /// What the window keeps about itself: its place, its size, its columns.
    pub fn window(&self) -> PathBuf {
        self.root.join("window")
    }

    /// The folder of a deployment.
    pub fn deployment(&self, session: &str, deployment: &str) -> PathBuf {
        self.sessions().join(session).join("deployments").join(deployment)
    }

    /// Makes the folder, readable by its owner alone. One that can only be read stays as it is.
    pub fn create(&self) -> Result<(), AppError> {
        let made = std::fs::create_dir_all(&self.root).and_then(|()| private(&self.root));
        made.map_err(|error| {
            AppError::new(format!("The data folder {} cannot be written.", self.root.display()))
                .with_hint("Check its owner and the free space, or set OKCVM_HOME to another folder.")
                .with_detail(error.to_string())
        })
    }
}

#[cfg(unix)]
fn private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut permissions = std::fs::metadata(path)?.permissions();
    if permissions.mode() & 0o077 != 0 {
        // What is closed to its owner on purpose stays so.
        permissions.set_mode(permissions.mode() & 0o700);
        if let Err(error) = std::fs::set_permissions(path, permissions)
            && tempfile::tempfile_in(path).is_ok()
        {
            return Err(error);
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn private(_path: &Path) -> std::io::Result<()> {
    // The platform's folder for application data belongs to the user alone.
    Ok(())
}
