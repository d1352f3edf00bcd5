//! The history of one path.

use okcvm_objects::EntryKind;
use okcvm_protocol::{ChangeKind, SnapshotId};

use crate::changes::changes;
use crate::commit::Author;
use crate::difference::{Scope, changed_among, differences};
use crate::entry::{raw, shown};
use crate::error::SnapshotError;
use crate::history::History;

/// A snapshot in which a path changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathMoment {
    /// The snapshot that holds the path as it was after the change.
    pub snapshot: SnapshotId,
    /// When it was made, in Unix milliseconds.
    pub at_ms: i64,
    /// Whose change it was.
    pub author: Author,
    /// What happened to the path.
    pub kind: ChangeKind,
    /// The name that the file had in this snapshot.
    pub path: String,
    /// The name before, if it was renamed here.
    pub old_path: Option<String>,
    /// Bytes after the change; `None` if the file went, or is a folder.
    pub size: Option<u64>,
}

impl History {
    /// At most `limit` snapshots in which `path` changed, newest first, on the line from `tip` over first
    /// parents and at most ten thousand snapshots back. Where the file got its name by a rename, its
    /// history goes on under the old one. A folder changes when anything in it does.
    pub fn path_history(
        &self,
        tip: &SnapshotId,
        path: &str,
        limit: usize,
    ) -> Result<Vec<PathMoment>, SnapshotError> {
        let source = self.source();
        let mut path = raw(path);
        let mut moments = Vec::new();
        let mut line = self.line(tip)?;
        while moments.len() < limit
            && let Some(step) = line.next(self)?
        {
            if changed_among(source, step.old, step.new, [path.as_slice()])?.is_empty() {
                continue;
            }
            let (old, new) = (source.entry_at(step.old, &path)?, source.entry_at(step.new, &path)?);
            let mut moment = PathMoment {
                snapshot: step.id,
                at_ms: step.at_ms,
                author: step.author,
                kind: match (old, new) {
                    (_, None) => ChangeKind::Deleted,
                    (None, Some(_)) => ChangeKind::Added,
                    (Some(_), Some(_)) => ChangeKind::Modified,
                },
                path: shown(&path),
                old_path: None,
                size: match new {
                    Some(entry) if entry.kind != EntryKind::Folder => Some(source.size(entry.id)?),
                    _ => None,
                },
            };
            if moment.kind == ChangeKind::Added && new.is_some_and(|entry| entry.kind != EntryKind::Folder) {
                let all = changes(source, &differences(source, step.old, step.new, &Scope::All)?)?;
                let renamed = all.into_iter().find(|change| change.path == moment.path);
                if let Some(old_path) = renamed.and_then(|change| change.old_path) {
                    path = raw(&old_path);
                    moment.kind = ChangeKind::Renamed;
                    moment.old_path = Some(old_path);
                }
            }
            moments.push(moment);
        }
        Ok(moments)
    }
}

#[cfg(test)]
#[path = "path_history_tests.rs"]
mod tests;
