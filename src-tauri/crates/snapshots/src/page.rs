//! The list of snapshots, page by page, out of the journal alone.

use okcvm_protocol::SnapshotId;

use crate::commit::{Author, object_of};
use crate::error::SnapshotError;
use crate::history::History;
use crate::journal::Record;

/// Which part of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// Only snapshots that were made before this one; `None` begins with the newest.
    pub before: Option<SnapshotId>,
    /// At most so many.
    pub count: usize,
}

/// A snapshot in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotInfo {
    /// Its name.
    pub id: SnapshotId,
    /// The one from which it was made; after a thinning the nearest one before it that was kept.
    pub parent: Option<SnapshotId>,
    /// Unix milliseconds.
    pub at_ms: i64,
    /// Whose changes it records.
    pub author: Author,
    /// What the record said about itself.
    pub message: String,
    /// It survives a power cut.
    pub durable: bool,
}

impl History {
    /// Snapshots in the order in which they were made, the newest first.
    pub fn page(&self, request: &PageRequest) -> Result<Vec<SnapshotInfo>, SnapshotError> {
        let archive = &self.shared.archive;
        let (records, durable) = {
            let journal = archive.journal()?;
            let end = match &request.before {
                None => journal.records().len(),
                Some(id) => {
                    let position = journal.position(&object_of(id)?);
                    position.ok_or_else(|| SnapshotError::Unknown(id.clone()))?
                }
            };
            let start = end.saturating_sub(request.count);
            let records: Vec<(usize, Record)> =
                (start..end).rev().map(|position| (position, journal.records()[position].clone())).collect();
            (records, journal.durable())
        };
        records.into_iter().map(|(position, record)| self.info(record, position < durable)).collect()
    }

    /// The newest snapshot, and when it was made, in Unix milliseconds; `None` if there is none. Costs no look at the disk.
    pub fn newest(&self) -> Result<Option<(SnapshotId, i64)>, SnapshotError> {
        let journal = self.shared.archive.journal()?;
        Ok(journal.records().last().map(|record| (SnapshotId(record.id.to_string()), record.at_ms)))
    }

    fn info(&self, record: Record, durable: bool) -> Result<SnapshotInfo, SnapshotError> {
        let id = SnapshotId(record.id.to_string());
        let message = match record.message {
            Some(message) => message,
            None => self.shared.archive.snapshot(&id)?.message().to_owned(),
        };
        Ok(SnapshotInfo {
            id,
            parent: record.parent.map(|parent| SnapshotId(parent.to_string())),
            at_ms: record.at_ms,
            author: record.author,
            message,
            durable,
        })
    }

    /// The snapshot from which this one was made; after a thinning the nearest one before it that was kept.
    pub fn parent(&self, id: &SnapshotId) -> Result<Option<SnapshotId>, SnapshotError> {
        let parent = self.shared.archive.parent(&object_of(id)?)?;
        Ok(parent.map(|parent| SnapshotId(parent.to_string())))
    }

    /// Returns when all snapshots that were recorded before survive a power cut.
    pub fn flush(&self) -> Result<(), SnapshotError> {
        self.shared.archive.flush()
    }

    /// The snapshot survives a power cut; that is so within a second of its record.
    pub fn is_durable(&self, id: &SnapshotId) -> Result<bool, SnapshotError> {
        self.shared.archive.is_durable(&object_of(id)?)
    }
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
