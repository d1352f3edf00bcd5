//! Copies of nodes that are being saved: each tells how far it is and can be called off.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use okcvm_protocol::{AppError, AppEvent, ExportId, ExportProgress, ExportReport, NodeExportParams};
use okcvm_snapshots::{Cancel, Taken};
use okcvm_workspace::decode_name;

use crate::Host;

/// Progress is told at most this often.
const PROGRESS: Duration = Duration::from_millis(100);

/// Copies that are being saved now.
#[derive(Default)]
pub(crate) struct Exports {
    running: Mutex<HashMap<ExportId, Cancel>>,
}

impl Exports {
    pub(crate) fn begin(&self, id: &ExportId) -> Cancel {
        let cancel = Cancel::default();
        self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), cancel.clone());
        cancel
    }

    pub(crate) fn end(&self, id: &ExportId) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    pub(crate) fn cancel(&self, id: &ExportId) {
        if let Some(cancel) = self.running.lock().unwrap_or_else(PoisonError::into_inner).get(id) {
            cancel.cancel();
        }
    }
}

impl Host {
    /// Saves a copy. Blocking.
    pub(crate) fn export(
        &self,
        params: &NodeExportParams,
        cancel: &Cancel,
    ) -> Result<ExportReport, AppError> {
        let taken = if params.replace { Taken::Replace } else { Taken::Refuse };
        let mut told: Option<Instant> = None;
        let mut tell = |count: okcvm_snapshots::ExportCount| {
            if told.is_some_and(|told| told.elapsed() < PROGRESS) {
                return;
            }
            told = Some(Instant::now());
            self.engine.events().app(AppEvent::ExportProgress {
                session_id: params.session_id.clone(),
                progress: ExportProgress {
                    id: params.export_id.clone(),
                    files_done: count.files_done,
                    files: count.files,
                    bytes_done: count.bytes_done,
                    bytes: count.bytes,
                },
            });
        };
        let target = PathBuf::from(decode_name(&params.target));
        Ok(self.engine.export_node(&params.session_id, &params.node_id, &target, taken, cancel, &mut tell)?)
    }
}
