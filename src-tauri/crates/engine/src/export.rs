//! Saving a copy of a node's files outside.

use std::path::Path;

use okcvm_protocol::{AppError, AppEvent, ExportReport, NodeId, SessionId};
use okcvm_snapshots::{Cancel, ExportCount, ExportForm, Taken};
use okcvm_workspace::encode_name;

use crate::restore::restorable;
use crate::{Engine, EngineError};

impl Engine {
    /// Writes the files of a node, and nothing else, to `target`: a zip file if its name ends so, else a folder.
    /// The node is marked, so that its files are never dropped to save room, unless its data can only be read. Blocking,
    /// possibly for long.
    pub fn export_node(
        &self,
        session: &SessionId,
        node: &NodeId,
        target: &Path,
        taken: Taken,
        cancel: &Cancel,
        tell: &mut dyn FnMut(ExportCount),
    ) -> Result<ExportReport, EngineError> {
        let runtime = self.runtime_in_its_folder(session)?;
        let snapshot = restorable(&self.node_of(session, node)?)?;
        if !target.is_absolute() {
            return Err(EngineError::App(AppError::new("Name the whole path under which to save the copy.")));
        }
        let is_zip = target.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("zip"));
        let form = if is_zip { ExportForm::Zip } else { ExportForm::Folder };
        let saved = runtime.history.export(&snapshot, target, form, taken, cancel, tell)?;
        if self.store().must_be_writable().is_ok() {
            self.store().set_exported(node, self.now())?;
        }
        self.events().app(AppEvent::TreeChanged { session_id: session.clone() });
        tracing::info!(%session, %node, files = saved.files, bytes = saved.bytes, "saved a copy");
        Ok(ExportReport {
            path: encode_name(target.as_os_str()),
            files: saved.files,
            bytes: saved.bytes,
            renamed: saved.renamed,
        })
    }
}
