//! What a node did to the files.

use okcvm_protocol::{ChangeSide, FileChange, FileDiff, NodeChanges, NodeId, SessionId, SnapshotId};
use okcvm_store::NodeRow;

use crate::sessions::BEFORE_LOST;
use crate::{Engine, EngineError};

impl Engine {
    /// Files that a turn changed, files that the user changed before it, and files that its snapshot does not hold.
    /// Blocking.
    pub fn node_changes(&self, session: &SessionId, node: &NodeId) -> Result<NodeChanges, EngineError> {
        let runtime = self.runtime_in_its_folder(session)?;
        let row = self.node_of(session, node)?;
        let by_turn = match &row.summary.snapshot {
            Some(after) => runtime.history.diff(row.summary.base_snapshot.as_ref(), after)?,
            None => Vec::new(),
        };
        let is_lost = |previous: &SnapshotId| !runtime.history.holds(previous);
        let (by_user, by_user_lost) = match (&row.summary.base_snapshot, &row.summary.user_changes) {
            (Some(_), Some(_)) if row.previous_snapshot.as_ref().is_some_and(is_lost) => {
                (Vec::new(), Some(BEFORE_LOST.to_owned()))
            }
            (Some(base), Some(_)) => (runtime.history.diff(row.previous_snapshot.as_ref(), base)?, None),
            _ => (Vec::new(), None),
        };
        let skipped = match &row.summary.snapshot {
            Some(after) => runtime.history.skipped(after)?,
            None => Vec::new(),
        };
        Ok(NodeChanges { by_turn, by_user, by_user_lost, skipped })
    }

    /// The lines of one changed file. Blocking.
    pub fn node_diff(
        &self,
        session: &SessionId,
        node: &NodeId,
        side: ChangeSide,
        change: &FileChange,
    ) -> Result<FileDiff, EngineError> {
        let runtime = self.runtime_in_its_folder(session)?;
        let row = self.node_of(session, node)?;
        let (from, to) = sides(&row, side)?;
        Ok(runtime.history.file_diff(from, to, change)?)
    }
}

fn sides(row: &NodeRow, side: ChangeSide) -> Result<(Option<&SnapshotId>, &SnapshotId), EngineError> {
    let unknown = || EngineError::NotRestorable("it was not recorded.".into());
    match side {
        ChangeSide::Turn => {
            Ok((row.summary.base_snapshot.as_ref(), row.summary.snapshot.as_ref().ok_or_else(unknown)?))
        }
        ChangeSide::User => {
            Ok((row.previous_snapshot.as_ref(), row.summary.base_snapshot.as_ref().ok_or_else(unknown)?))
        }
    }
}
