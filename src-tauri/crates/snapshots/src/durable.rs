//! Syncs that are not those of one file.

use std::fs::File;
use std::path::Path;

use crate::error::SnapshotError;

/// Makes the entries of a folder durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), SnapshotError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| SnapshotError::storage("synced", folder, error))
}

/// Syncs the whole file system on which `folder` lies; `false` if this system has no such call.
pub(crate) fn sync_file_system(folder: &Path) -> Result<bool, SnapshotError> {
    #[cfg(target_os = "linux")]
    {
        let handle = File::open(folder).map_err(|error| SnapshotError::storage("synced", folder, error))?;
        rustix::fs::syncfs(&handle).map_err(|error| SnapshotError::storage("synced", folder, error))?;
        Ok(true)
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = folder;
        Ok(false)
    }
}

/// The folder of the references that keep the snapshots.
pub(crate) const REFERENCES: &str = "refs/okcvm";
