//! Looking at moments without going there: their files, and what differs between two.

use std::collections::HashSet;

use okcvm_protocol::{
    CompareResponse, FileChange, FileContent, FileDiff, FileEntry, FileHistoryResponse, NodeId, SessionId,
    SnapshotId,
};

use crate::restore::restorable;
use crate::{Engine, EngineError};

impl Engine {
    /// What differs between the files of two nodes, and where their paths part. Blocking.
    pub fn compare_nodes(
        &self,
        session: &SessionId,
        left: &NodeId,
        right: &NodeId,
    ) -> Result<CompareResponse, EngineError> {
        let runtime = self.runtime(session)?;
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
        let runtime = self.runtime(session)?;
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
        let runtime = self.runtime(session)?;
        Ok(runtime.history.list(&self.files_of(session, node)?, path)?)
    }

    /// What happened to a file. Blocking.
    pub fn file_history(
        &self,
        _session: &SessionId,
        _path: &str,
    ) -> Result<FileHistoryResponse, EngineError> {
        Err(EngineError::NotYet)
    }

    /// A part of a file as it was at a node. Blocking.
    pub fn read_at(
        &self,
        _session: &SessionId,
        _node: &NodeId,
        _path: &str,
        _offset: u64,
        _max_bytes: u64,
    ) -> Result<FileContent, EngineError> {
        Err(EngineError::NotYet)
    }

    /// The snapshot of a node's files.
    fn files_of(&self, session: &SessionId, node: &NodeId) -> Result<SnapshotId, EngineError> {
        restorable(&self.node_of(session, node)?)
    }
}
