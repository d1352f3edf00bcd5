//! Keeping histories small.

use okcvm_protocol::{HistoryUsage, SessionId, TidyReport};

use crate::{Engine, EngineError};

impl Engine {
    /// How much room a history takes. Blocking.
    pub fn history_usage(&self, session: &SessionId) -> Result<HistoryUsage, EngineError> {
        self.store().session(session)?;
        Err(EngineError::NotYet)
    }

    /// Thins and packs a history now.
    pub async fn tidy_history(&self, session: &SessionId) -> Result<TidyReport, EngineError> {
        self.store().session(session)?;
        Err(EngineError::NotYet)
    }

    /// Calls the tidying of a history off, if it goes on.
    pub fn cancel_tidying(&self, session: &SessionId) -> Result<(), EngineError> {
        self.store().session(session)?;
        Err(EngineError::NotYet)
    }
}
