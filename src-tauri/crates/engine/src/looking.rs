//! Looking at moments without going there: their files, and what differs between two.

use std::collections::{HashMap, HashSet};

use okcvm_protocol::{
    AppError, CompareResponse, ErrorCode, FileChange, FileDiff, FileEntry, FileHistoryResponse, FileMoment,
    NodeId, SessionId, SnapshotId,
};

use okcvm_snapshots::History;
use okcvm_workspace::WorkspacePath;

use crate::plan::{writer, writers_by_snapshot};
use crate::restore::partly_restorable;
use crate::{Engine, EngineError};

/// Changes of a file that are listed at most.
const MOST_MOMENTS: usize = 500;

impl Engine {
    /// What differs between the files of two nodes, and where their paths part. Blocking.
    pub fn compare_nodes(
        &self,
        session: &SessionId,
        left: &NodeId,
        right: &NodeId,
    ) -> Result<CompareResponse, EngineError> {
        let runtime = self.runtime_in_its_folder(session)?;
        let (from, to) = (self.files_of(session, left)?, self.files_of(session, right)?);
        let changes = runtime.history.diff(Some(&from), &to)?;
        let path: HashSet<NodeId> = self.store().path_to(left)?.into_iter().collect();
        let common = self.store().path_to(right)?.into_iter().rev().find(|node| path.contains(node));
        Ok(CompareResponse { changes, common })
    }

    /// The lines of one file that differs between two nodes. Blocking.
    pub fn compare_file(
        &self,
        session: &SessionId,
        left: &NodeId,
        right: &NodeId,
        change: &FileChange,
    ) -> Result<FileDiff, EngineError> {
        let runtime = self.runtime_in_its_folder(session)?;
        let (from, to) = (self.files_of(session, left)?, self.files_of(session, right)?);
        Ok(runtime.history.file_diff(Some(&from), &to, change)?)
    }

    /// The entries of a folder as it was at a node. Blocking.
    pub fn list_at(
        &self,
        session: &SessionId,
        node: &NodeId,
        path: &str,
    ) -> Result<Vec<FileEntry>, EngineError> {
        let runtime = self.runtime_in_its_folder(session)?;
        Ok(runtime.history.list(&self.files_of(session, node)?, path)?)
    }

    /// What happened to a file on the active path, the latest first. Blocking.
    pub fn file_history(&self, session: &SessionId, path: &str) -> Result<FileHistoryResponse, EngineError> {
        let runtime = self.runtime_in_its_folder(session)?;
        let path = WorkspacePath::named(runtime.root(), path)?;
        let path = path.as_str();
        let Some(head) = self.store().session(session)?.head_snapshot else {
            return Ok(FileHistoryResponse { moments: Vec::new(), truncated: false });
        };
        let mut found = runtime.history.path_history(&head, path, MOST_MOMENTS + 1)?;
        let truncated = found.len() > MOST_MOMENTS;
        found.truncate(MOST_MOMENTS);
        let nodes = self.store().whole_topology(session)?;
        let writers = writers_by_snapshot(&nodes);
        let before: HashMap<&SnapshotId, &NodeId> =
            nodes.iter().filter_map(|node| Some((node.base_snapshot.as_ref()?, &node.id))).rev().collect();
        let moments = found
            .into_iter()
            .map(|moment| FileMoment {
                node_id: match writers.get(&moment.snapshot) {
                    Some(node) => Some(node.id.clone()),
                    None => before.get(&moment.snapshot).map(|node| (*node).clone()),
                },
                at: moment.at_ms,
                written_by: writer(&runtime, &writers, &moment.snapshot),
                kind: moment.kind,
                size: moment.size,
                old_path: moment.old_path,
                snapshot: moment.snapshot,
            })
            .collect();
        Ok(FileHistoryResponse { moments, truncated })
    }

    /// A part of a file as it was at a node, and the bytes of the whole file. Blocking.
    pub fn read_at(
        &self,
        session: &SessionId,
        node: &NodeId,
        path: &str,
        range: std::ops::Range<u64>,
    ) -> Result<(Vec<u8>, u64), EngineError> {
        let runtime = self.runtime_in_its_folder(session)?;
        let snapshot = self.files_of(session, node)?;
        let length = range.end.saturating_sub(range.start);
        let bytes = runtime.history.read_range(&snapshot, path, range.start, length)?;
        let entry = runtime.history.entry(&snapshot, path)?;
        match (bytes, entry) {
            (Some(bytes), Some(entry)) => Ok((bytes, entry.size)),
            _ => Err(EngineError::App(
                AppError::new(format!("There was no file {path} at that moment."))
                    .with_code(ErrorCode::NotFound),
            )),
        }
    }

    /// The history of a session and the snapshot of a node's files in it, for looking only. Blocking. Whoever holds the
    /// history keeps its folder open: let go of it soon.
    pub fn moment(&self, session: &SessionId, node: &NodeId) -> Result<(History, SnapshotId), EngineError> {
        let runtime = self.runtime_in_its_folder(session)?;
        Ok((runtime.history.clone(), self.files_of(session, node)?))
    }

    /// The snapshot of a node's files.
    fn files_of(&self, session: &SessionId, node: &NodeId) -> Result<SnapshotId, EngineError> {
        partly_restorable(&self.node_of(session, node)?)
    }
}
