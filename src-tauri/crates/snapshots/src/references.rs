//! The references that keep the snapshots, for every git that looks: `refs/okcvm/<id>` for each snapshot
//! from which no other one was made.
//!
//! They can be made again from the journal, so they are not synced, and are written a moment after it. The parent's
//! reference goes when the child's is in place; a crash in between leaves one too many, which is harmless.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use git2::Repository;
use okcvm_objects::{Disk, ObjectId};

use crate::durable::REFERENCES;
use crate::error::SnapshotError;

/// The references of one repository.
pub(crate) struct References {
    folder: PathBuf,
    repository: PathBuf,
    disk: Arc<dyn Disk>,
}

impl References {
    pub(crate) fn new(repository: &Path, disk: &Arc<dyn Disk>) -> Self {
        let folder = repository.join(REFERENCES);
        Self { folder, repository: repository.to_owned(), disk: Arc::clone(disk) }
    }

    fn path(&self, id: &ObjectId) -> PathBuf {
        self.folder.join(id.to_string())
    }

    pub(crate) fn write(&self, id: &ObjectId) -> Result<(), SnapshotError> {
        let path = self.path(id);
        let lock = self.folder.join(format!("{id}.lock"));
        let failed = |error: io::Error| SnapshotError::storage("written", &path, error);
        let mut file = match self.disk.create(&lock) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.disk.create_folder(&self.folder).map_err(failed)?;
                self.disk.create(&lock).map_err(failed)?
            }
            file => file.map_err(failed)?,
        };
        file.write(format!("{id}\n").as_bytes()).map_err(failed)?;
        drop(file);
        self.disk.rename(&lock, &path).map_err(failed)
    }

    /// Removes the reference's own file; one that git packed stays, and keeps what it names a while longer.
    pub(crate) fn remove(&self, id: &ObjectId) -> Result<(), SnapshotError> {
        let path = self.path(id);
        match self.disk.remove(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(SnapshotError::storage("removed", &path, error))
            }
            _ => Ok(()),
        }
    }

    /// Removes references of both sorts, durably.
    pub(crate) fn remove_all(&self, ids: &BTreeSet<ObjectId>) -> Result<(), SnapshotError> {
        if self.repository.join("packed-refs").is_file() {
            let repository = Repository::open_bare(&self.repository)?;
            for id in ids {
                match repository.find_reference(&format!("{REFERENCES}/{id}")) {
                    Ok(mut reference) => reference.delete()?,
                    Err(error) if error.code() == git2::ErrorCode::NotFound => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        ids.iter().try_for_each(|id| self.remove(id))?;
        self.sync()
    }

    /// Makes the names durable.
    pub(crate) fn sync(&self) -> Result<(), SnapshotError> {
        if !self.folder.is_dir() {
            return Ok(());
        }
        self.disk
            .sync_folder(&self.folder)
            .map_err(|error| SnapshotError::storage("synced", &self.folder, error))
    }

    pub(crate) fn disk(&self) -> &Arc<dyn Disk> {
        &self.disk
    }

    /// All that there are.
    pub(crate) fn list(&self) -> Result<BTreeSet<ObjectId>, SnapshotError> {
        self.survey().map(|(found, _)| found)
    }

    /// All that there are. One whose content is another is written again, since its name is its content; how
    /// many they were.
    pub(crate) fn survey(&self) -> Result<(BTreeSet<ObjectId>, usize), SnapshotError> {
        let (mut found, mut mended) = (BTreeSet::new(), 0);
        let failed = |error| SnapshotError::storage("read", &self.folder, error);
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries.collect::<Result<Vec<_>, _>>().map_err(failed)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(failed(error)),
        };
        for entry in entries {
            let name = entry.file_name();
            let Some(id) = name.to_str().and_then(|name| name.parse::<ObjectId>().ok()) else { continue };
            let content = match fs::read(entry.path()) {
                Ok(content) => content,
                // Another thread took it away meanwhile.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(SnapshotError::storage("read", entry.path(), error)),
            };
            if content.trim_ascii_end() != id.to_string().as_bytes() {
                self.write(&id)?;
                mended += 1;
            }
            found.insert(id);
        }
        let packed = self.repository.join("packed-refs");
        let packed = match fs::read(&packed) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            read => read.map_err(|error| SnapshotError::storage("read", &packed, error))?,
        };
        let prefix = format!(" {REFERENCES}/");
        found.extend(
            String::from_utf8_lossy(&packed)
                .lines()
                .filter(|line| line.contains(&prefix))
                .filter_map(|line| line.get(..40)?.parse::<ObjectId>().ok()),
        );
        Ok((found, mended))
    }
}
