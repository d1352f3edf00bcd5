//! Running imports, so that each can be called off.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use okcvm_protocol::ImportId;
use tokio_util::sync::CancellationToken;

/// Imports that run now.
#[derive(Default)]
pub(crate) struct Imports {
    running: Mutex<HashMap<ImportId, CancellationToken>>,
}

impl Imports {
    pub(crate) fn begin(&self, id: &ImportId) -> CancellationToken {
        let token = CancellationToken::new();
        self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), token.clone());
        token
    }

    pub(crate) fn end(&self, id: &ImportId) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    pub(crate) fn cancel(&self, id: &ImportId) {
        if let Some(token) = self.running.lock().unwrap_or_else(PoisonError::into_inner).get(id) {
            token.cancel();
        }
    }
}
