//! What the tests of the tools share: a workspace in a temporary folder and a context that remembers in memory.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use okcvm_protocol::{AppError, ItemId, SessionId, ToolContent, ToolResult};
use okcvm_tools::{FileReads, ReadStamp, Tool, ToolContext, ToolError, ToolProgress, ToolSink};
use serde_json::Value;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

pub(crate) struct Desk {
    pub(crate) folder: TempDir,
    pub(crate) context: ToolContext,
}

#[derive(Default)]
struct Reads(Mutex<HashMap<String, ReadStamp>>);

impl FileReads for Reads {
    fn last_seen(&self, path: &str) -> Result<Option<ReadStamp>, AppError> {
        Ok(self.0.lock().unwrap().get(path).cloned())
    }

    fn note(&self, path: &str, stamp: &ReadStamp) -> Result<(), AppError> {
        self.0.lock().unwrap().insert(path.to_owned(), stamp.clone());
        Ok(())
    }
}

struct Quiet;

impl ToolSink for Quiet {
    fn progress(&self, _progress: ToolProgress) {}
}

impl Desk {
    pub(crate) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let workspace_root = folder.path().join("workspace");
        let session_folder = folder.path().join("session");
        std::fs::create_dir(&workspace_root).unwrap();
        std::fs::create_dir(&session_folder).unwrap();
        let context = ToolContext {
            session_id: SessionId::new(),
            node_id: None,
            item_id: ItemId::new(),
            workspace_root,
            session_folder,
            sink: Arc::new(Quiet),
            reads: Arc::new(Reads::default()),
            cancel: CancellationToken::new(),
            spare: Vec::new(),
        };
        Self { folder, context }
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.context.workspace_root.join(path)
    }

    pub(crate) fn put(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    pub(crate) fn bytes(&self, path: &str) -> Vec<u8> {
        std::fs::read(self.path(path)).unwrap()
    }

    pub(crate) fn call(&self, tool: &dyn Tool, arguments: Value) -> Result<ToolResult, ToolError> {
        tokio::runtime::Runtime::new().unwrap().block_on(tool.call(&self.context, arguments))
    }

    /// The text of a call that must go well.
    pub(crate) fn text(&self, tool: &dyn Tool, arguments: Value) -> String {
        text_of(&self.call(tool, arguments).unwrap())
    }

    /// The error for the model of a call that must fail.
    pub(crate) fn error(&self, tool: &dyn Tool, arguments: Value) -> String {
        match self.call(tool, arguments) {
            Err(ToolError::ForModel(message)) => message,
            other => panic!("expected an error for the model, not {other:?}"),
        }
    }
}

pub(crate) fn text_of(result: &ToolResult) -> String {
    result
        .content
        .iter()
        .filter_map(|content| match content {
            ToolContent::Text { text } => Some(text.as_str()),
            ToolContent::Image { .. } => None,
        })
        .collect()
}
