//! Looking at files of any source: live, of a moment, of a deployment.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use okcvm_engine::EventBus;
use okcvm_preview::{FindMoment, Moment, PreviewTarget, Source, TableProgress, TellTable, Wanted, as_text};
use okcvm_protocol::{
    AppError, AppEvent, Artifact, ArtifactKind, EntryKind, ErrorCode, FileContent, PreviewSource, SessionId,
};
use okcvm_workspace::{Workspace, WorkspacePath};
use sha2::{Digest, Sha256};

use crate::Host;
use crate::handler::workspace_path;

/// The most that one answer carries of a file.
const MOST_READ: u64 = 64 * 1024 * 1024;

impl Host {
    /// The file or folder that a window asks to look at. Blocking.
    pub(crate) fn source(&self, session: &SessionId, source: &PreviewSource) -> Result<Source, AppError> {
        match source {
            PreviewSource::Live { path } => {
                Ok(Source::Live { workspace: self.engine.workspace(session)?, path: workspace_path(path)? })
            }
            PreviewSource::Deployment { id } => {
                let (_, folder) = self.deployment(id)?;
                let workspace = Workspace::open(&folder).map_err(|error| error.to_app_error())?;
                Ok(Source::Live { workspace, path: WorkspacePath::root() })
            }
            PreviewSource::Snapshot { node_id, path } => {
                let (engine, session, node) = (self.engine.clone(), session.clone(), node_id.clone());
                // A node without a snapshot is said at once, not at the first request of a page.
                engine.moment(&session, &node)?;
                let find: FindMoment = Arc::new(move || Ok(engine.moment(&session, &node)?));
                let moment = Moment::new(find, self.contents.clone());
                Ok(Source::Snapshot { moment, path: workspace_path(path)? })
            }
        }
    }

    /// What a preview of that source shows. Blocking.
    pub(crate) fn preview_target(
        &self,
        session: &SessionId,
        source: &PreviewSource,
    ) -> Result<PreviewTarget, AppError> {
        if let PreviewSource::Deployment { id } = source {
            return Ok(PreviewTarget::Directory { dir: self.deployment(id)?.1 });
        }
        match self.source(session, source)? {
            Source::Snapshot { moment, path } => Ok(PreviewTarget::Snapshot { moment, path }),
            Source::Live { workspace, path } => {
                let entry = workspace.metadata(&path).map_err(|error| error.to_app_error())?;
                match entry.map(|entry| entry.kind) {
                    Some(EntryKind::Folder) => Ok(PreviewTarget::Folder { workspace, path }),
                    _ if path.is_root() => Ok(PreviewTarget::Folder { workspace, path }),
                    Some(EntryKind::File | EntryKind::Link | EntryKind::Special) => {
                        Ok(PreviewTarget::File { workspace, path })
                    }
                    None => Err(AppError::new(format!("{path} is not in the workspace."))
                        .with_code(ErrorCode::NotFound)),
                }
            }
        }
    }

    /// The start of a file of any source. Blocking.
    pub(crate) fn read_source(
        &self,
        session: &SessionId,
        source: &PreviewSource,
        max_bytes: u64,
    ) -> Result<FileContent, AppError> {
        let source = self.source(session, source)?;
        let material = source.open().map_err(|error| error.to_app_error())?;
        let bytes = material.range(0, max_bytes.min(MOST_READ)).map_err(|error| error.to_app_error())?;
        let path = source.path().as_str().to_owned();
        Ok(FileContent {
            mime: mime_guess::from_path(&path).first_or_octet_stream().to_string(),
            size: material.size(),
            truncated: (bytes.len() as u64) < material.size(),
            hash: format!("{:x}", Sha256::digest(&bytes)),
            text: as_text(&bytes),
            path,
        })
    }
}

/// What the viewers of the window asked last.
#[derive(Debug, Default)]
pub(crate) struct Viewers {
    asks: Mutex<HashMap<String, Wanted>>,
}

/// Viewers that are remembered; one that is forgotten does not call its older request off.
const MOST_VIEWERS: usize = 256;

impl Viewers {
    /// A new request of a viewer, which calls the one before off.
    pub(crate) fn newest(&self, viewer: Option<&str>) -> Wanted {
        let wanted = Wanted::default();
        if let Some(viewer) = viewer {
            let mut asks = self.asks.lock().unwrap_or_else(PoisonError::into_inner);
            if asks.len() >= MOST_VIEWERS {
                asks.clear();
            }
            if let Some(older) = asks.insert(viewer.chars().take(64).collect(), wanted.clone()) {
                older.call_off();
            }
        }
        wanted
    }
}

/// Tells the window how far the counting of a table is.
pub(crate) fn tell_of_tables(events: EventBus) -> TellTable {
    Arc::new(move |TableProgress { id, rows, bytes, size, done }| {
        events.app(AppEvent::TableIndexed { id, rows, bytes, size, done });
    })
}

/// Says of what a tool made what it is beyond its bytes: the one place where artifacts are described. Blocking; what
/// cannot be described stays as it is.
pub(crate) fn describe_artifacts(
    shelf: &okcvm_preview::Shelf,
    root: &std::path::Path,
    artifacts: &mut [Artifact],
) {
    let Ok(workspace) = Workspace::open(root) else { return };
    for artifact in artifacts {
        // The full text of an output lies in the data folder, not in the workspace.
        if artifact.kind == ArtifactKind::Output || artifact.meta.is_some() {
            continue;
        }
        let Ok(path) = WorkspacePath::named(workspace.root(), &artifact.path) else { continue };
        let source = Source::Live { workspace: workspace.clone(), path };
        match okcvm_preview::describe(&source, shelf) {
            Ok(facts) => {
                artifact.meta = facts.meta;
                artifact.hash = facts.hash;
            }
            Err(error) => tracing::debug!(%error, path = artifact.path, "an artifact is not described"),
        }
    }
}
