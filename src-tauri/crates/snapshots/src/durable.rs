//! What has to be on the disk, and in which order.
//!
//! The packs of a snapshot are synced together before its reference is written; see `okcvm_objects`. The
//! reference is written to a file of its own, synced, renamed, and its folder synced. So a snapshot that
//! was returned survives a power cut, and a reference never names an object that is not there.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use git2::Oid;

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

/// Puts `bytes` at `path`, durably: a crash leaves the old content or the new one. The name in between
/// ends in `.lock`, as git's own does.
pub(crate) fn write_file(path: &Path, bytes: &[u8]) -> Result<(), SnapshotError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let lock = Path::new(&name);
    let failed = |error| SnapshotError::storage("written", path, error);
    let mut file = File::create(lock).map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(failed)?;
    fs::rename(lock, path).map_err(failed)?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// The folder of the references that keep the snapshots.
pub(crate) const REFERENCES: &str = "refs/okcvm";

/// Makes a commit a snapshot: a durable reference of its own.
pub(crate) fn write_reference(repository: &Path, commit: Oid) -> Result<(), SnapshotError> {
    let folder = repository.join(REFERENCES);
    if !folder.is_dir() {
        fs::create_dir_all(&folder).map_err(|error| SnapshotError::storage("created", &folder, error))?;
        sync_folder(&repository.join("refs"))?;
    }
    let path = folder.join(commit.to_string());
    if path.is_file() {
        return Ok(());
    }
    write_file(&path, format!("{commit}\n").as_bytes())
}
