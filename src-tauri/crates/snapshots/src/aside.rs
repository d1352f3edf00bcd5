//! What damage left aside: torn packs and damaged files in the repository's folder `torn`, and whole
//! repositories that were moved aside.
//!
//! It is kept for somebody who knows more than we do, but not for ever. What is sound in a torn pack was copied
//! before it was set aside, so that nothing that can be restored relies on it; that is looked at once more
//! before anything is removed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use crate::archive::{JOURNAL, held};
use crate::check::Check;
use crate::error::SnapshotError;
use crate::history::History;
use crate::housekeeping::folder_bytes;
use crate::repair::TORN;
use crate::repository::FOLDER;

/// How the names of repositories begin that were moved aside.
const BROKEN: &str = "repository.broken-";

/// Something that was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Relative to the folder of the history.
    pub name: String,
    /// What it takes on the disk.
    pub bytes: u64,
    /// When it was set aside, in Unix milliseconds.
    pub at_ms: i64,
}

/// What lies aside in the folder of a history, the oldest first. The history does not have to be open.
pub(crate) fn set_aside(dir: &Path) -> Vec<SetAside> {
    let mut found = Vec::new();
    let torn = Path::new(FOLDER).join(TORN);
    for entry in fs::read_dir(dir.join(&torn)).into_iter().flatten().flatten() {
        found.extend(one(dir, &torn.join(entry.file_name())));
    }
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(BROKEN) {
            found.extend(one(dir, Path::new(&entry.file_name())));
        }
    }
    found.sort_by(|left, right| (left.at_ms, &left.name).cmp(&(right.at_ms, &right.name)));
    found
}

fn one(dir: &Path, name: &Path) -> Option<SetAside> {
    let path = dir.join(name);
    let metadata = fs::symlink_metadata(&path).ok()?;
    let own = if metadata.is_dir() { folder_bytes(&path) } else { metadata.len() };
    let journal = journal_of(&path).and_then(|journal| fs::metadata(journal).ok());
    let name = name.to_string_lossy().into_owned();
    Some(SetAside {
        name,
        bytes: own + journal.map_or(0, |journal| journal.len()),
        at_ms: moved_at(&metadata),
    })
}

/// The journal that went aside with a repository.
fn journal_of(path: &Path) -> Option<PathBuf> {
    let number = path.file_name()?.to_str()?.strip_prefix(BROKEN)?;
    Some(path.with_file_name(format!("{JOURNAL}.broken-{number}")))
}

/// To get another name changes what is known of a file, and not its content.
fn moved_at(metadata: &fs::Metadata) -> i64 {
    let written = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let written = written.and_then(|time| i64::try_from(time.as_millis()).ok()).unwrap_or(0);
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        written.max(metadata.ctime().saturating_mul(1000).saturating_add(metadata.ctime_nsec() / 1_000_000))
    }
    #[cfg(not(unix))]
    written
}

impl History {
    /// What damage left aside, the oldest first.
    pub fn set_aside(&self) -> Vec<SetAside> {
        set_aside(self.shared.archive.dir())
    }

    /// The same of a history that does not have to be open.
    pub fn set_aside_in(dir: &Path) -> Vec<SetAside> {
        set_aside(dir)
    }

    /// Removes what was set aside before a moment (Unix milliseconds); what was removed.
    pub fn drop_aside_before(&self, before_ms: i64) -> Result<Vec<SetAside>, SnapshotError> {
        self.drop_aside(self.set_aside().into_iter().take_while(|one| one.at_ms < before_ms).collect())
    }

    /// Removes the oldest of what was set aside until so many bytes are free, or nothing of it is left; what was
    /// removed.
    pub fn drop_oldest_aside(&self, bytes: u64) -> Result<Vec<SetAside>, SnapshotError> {
        let mut freed = 0;
        let oldest = self.set_aside().into_iter().take_while(|one| {
            let more = freed < bytes;
            freed += one.bytes;
            more
        });
        self.drop_aside(oldest.collect())
    }

    fn drop_aside(&self, going: Vec<SetAside>) -> Result<Vec<SetAside>, SnapshotError> {
        let archive = &self.shared.archive;
        if going.is_empty() {
            return Ok(going);
        }
        let _one = held(&archive.tidying);
        archive.ensure_writer()?;
        let records = held(&archive.journal).records().to_vec();
        let mut check = Check::new(archive.objects());
        for record in &records {
            if let Some(fault) = check.is_whole(record, None)? {
                tracing::error!(id = %record.id, fault, "what was set aside stays: it may be the only copy");
                return Ok(Vec::new());
            }
        }
        for one in &going {
            let path = archive.dir().join(&one.name);
            let failed = |error| SnapshotError::storage("removed", &path, error);
            if path.is_dir() {
                fs::remove_dir_all(&path).map_err(failed)?;
            } else {
                archive.disk.remove(&path).map_err(failed)?;
            }
            if let Some(journal) = journal_of(&path).filter(|journal| journal.exists()) {
                archive.disk.remove(&journal).map_err(failed)?;
            }
            tracing::info!(name = one.name, bytes = one.bytes, "removed what was set aside");
        }
        Ok(going)
    }
}

#[cfg(test)]
#[path = "aside_tests.rs"]
mod tests;
