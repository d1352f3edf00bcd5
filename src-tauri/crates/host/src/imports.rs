//! Imports that are planned or run: each tells how far it is and can be called off.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use okcvm_protocol::{AppEvent, ImportId, ImportProgress, SessionId};
use okcvm_workspace::ImportCount;
use tokio_util::sync::CancellationToken;

use crate::Host;

/// Progress is told at most this often.
const PROGRESS: Duration = Duration::from_millis(100);

/// Imports that are planned or run now.
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

impl Host {
    /// Tells the window of counts, not of each.
    pub(crate) fn import_progress(&self, session: &SessionId, import: &ImportId) -> impl FnMut(ImportCount) {
        let mut told = Instant::now();
        move |count| {
            if told.elapsed() < PROGRESS {
                return;
            }
            told = Instant::now();
            self.engine.events().app(AppEvent::ImportProgress {
                session_id: session.clone(),
                progress: ImportProgress {
                    id: import.clone(),
                    files_done: count.files_done,
                    files: count.files,
                    bytes_done: count.bytes_done,
                    bytes: count.bytes,
                    current: count.current,
                },
            });
        }
    }
}
