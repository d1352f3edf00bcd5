//! Git's list of commits whose parents are not there on purpose. With it every git takes a thinned history
//! for whole.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use okcvm_objects::{Disk, ObjectId, ObjectKind, Objects, ParsedCommit};

use crate::error::SnapshotError;

const FILE: &str = "shallow";
/// What it is called while it is written; other gits wait for it to go.
pub(crate) const LOCK: &str = "shallow.lock";
/// An empty file beside it, which says that there has to be one.
pub(crate) const MARKER_FILE: &str = "okcvm-thinned";

/// The parents of commits that were read already.
#[derive(Default)]
pub(crate) struct Read(HashMap<ObjectId, Vec<ObjectId>>);

/// Where a history ends for git.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Cut {
    /// Commits that have lost a parent.
    shallow: BTreeSet<ObjectId>,
    /// Commits that git comes by from others.
    pub(crate) reached: HashSet<ObjectId>,
}

impl Cut {
    /// For a history of these commits alone.
    pub(crate) fn of(objects: &Objects, kept: &HashSet<ObjectId>) -> Result<Self, SnapshotError> {
        Self::of_read(objects, kept, &mut Read::default())
    }

    /// The same; commits that were read before are not read again.
    pub(crate) fn of_read(
        objects: &Objects,
        kept: &HashSet<ObjectId>,
        Read(read): &mut Read,
    ) -> Result<Self, SnapshotError> {
        let (mut shallow, mut reached) = (BTreeSet::new(), HashSet::new());
        for id in kept {
            if !read.contains_key(id) {
                let commit = match objects.read_kind(id, ObjectKind::Commit) {
                    // git must not be led to it.
                    Err(error) if error.is_loss() => {
                        reached.insert(*id);
                        continue;
                    }
                    bytes => ParsedCommit::parse(&bytes?)?,
                };
                read.insert(*id, commit.parents);
            }
            let parents = read.get(id).map(Vec::as_slice).unwrap_or_default();
            if parents.iter().all(|parent| kept.contains(parent)) {
                reached.extend(parents);
            } else {
                shallow.insert(*id);
            }
        }
        Ok(Self { shallow, reached })
    }

    /// Writes the list, durably, for as long as the old commits are there beside the new ones.
    pub(crate) fn write_with_old(
        &self,
        repository: &Path,
        disk: &Arc<dyn Disk>,
    ) -> Result<(), SnapshotError> {
        let old = fs::read(repository.join(FILE)).unwrap_or_default();
        let old = String::from_utf8_lossy(&old).lines().filter_map(|line| line.parse().ok()).collect();
        Self::write_list(&self.shallow.union(&old).copied().collect(), repository, disk)
    }

    /// Writes the list, durably.
    pub(crate) fn write(&self, repository: &Path, disk: &Arc<dyn Disk>) -> Result<(), SnapshotError> {
        Self::write_list(&self.shallow, repository, disk)
    }

    fn write_list(
        shallow: &BTreeSet<ObjectId>,
        repository: &Path,
        disk: &Arc<dyn Disk>,
    ) -> Result<(), SnapshotError> {
        let path = repository.join(FILE);
        let thinned = repository.join(MARKER_FILE);
        if !thinned.exists() {
            if shallow.is_empty() && !path.exists() {
                return Ok(());
            }
            disk.create(&thinned).map_err(|error| SnapshotError::storage("written", &thinned, error))?;
        }
        let lines: Vec<String> = shallow.iter().map(|id| format!("{id}\n")).collect();
        let new = repository.join(LOCK);
        let failed = |error| SnapshotError::storage("written", &path, error);
        let mut file = disk.create(&new).map_err(failed)?;
        file.write(lines.concat().as_bytes()).map_err(failed)?;
        drop(file);
        disk.sync_file(&new).map_err(failed)?;
        disk.rename(&new, &path).map_err(failed)?;
        disk.sync_folder(repository).map_err(failed)
    }
}
