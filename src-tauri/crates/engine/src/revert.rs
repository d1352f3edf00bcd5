//! Taking back what one turn did to the files, and nothing after it.

use okcvm_protocol::{NodeId, RestoreOutcome, RevertPlan, SessionId};

use crate::{Engine, EngineError};

impl Engine {
    /// What taking back one turn would do. Touches no file. Blocking.
    pub fn plan_revert(&self, session: &SessionId, node: &NodeId) -> Result<RevertPlan, EngineError> {
        self.node_of(session, node)?;
        Err(EngineError::NotYet)
    }

    /// Takes the files' changes of one turn back. Can be undone as a restore.
    pub async fn revert_turn(
        &self,
        session: &SessionId,
        node: &NodeId,
    ) -> Result<RestoreOutcome, EngineError> {
        self.node_of(session, node)?;
        Err(EngineError::NotYet)
    }
}
