//! The to-do list of a session.

use std::sync::Arc;

use async_trait::async_trait;
use okcvm_protocol::{AppError, NodeId, SessionId, Todo, TodoStatus, ToolResult};
use okcvm_tools::{Tool, ToolContext, ToolError, Touches};
use serde_json::{Value, json};

use crate::call::{arguments, blocking, text};

/// Keeps the to-do lists: one for each node of a session's tree, taken over from the node before until it is
/// written. Calls may block.
pub trait TodoBook: Send + Sync {
    /// The list at a node, or at the session's present node.
    fn read(&self, session: &SessionId, node: Option<&NodeId>) -> Result<Vec<Todo>, AppError>;
    /// Replaces the list at a node, or at the session's present node.
    fn write(&self, session: &SessionId, node: Option<&NodeId>, todos: &[Todo]) -> Result<(), AppError>;
}

/// `mshtools-todo_read`.
pub struct TodoReadTool {
    book: Arc<dyn TodoBook>,
}

impl TodoReadTool {
    /// The tool on that book.
    pub fn new(book: Arc<dyn TodoBook>) -> Self {
        Self { book }
    }
}

#[async_trait]
impl Tool for TodoReadTool {
    fn name(&self) -> &'static str {
        "mshtools-todo_read"
    }

    fn touches(&self, _session: &SessionId, _arguments: &Value) -> Touches {
        Touches::inside("to-do list")
    }

    async fn call(&self, context: &ToolContext, _arguments: Value) -> Result<ToolResult, ToolError> {
        let book = Arc::clone(&self.book);
        blocking(context, move |context| {
            let todos = book.read(&context.session_id, context.node_id.as_ref()).map_err(ToolError::Fatal)?;
            Ok(text(json!(todos).to_string()))
        })
        .await
    }
}

/// `mshtools-todo_write`.
pub struct TodoWriteTool {
    book: Arc<dyn TodoBook>,
}

impl TodoWriteTool {
    /// The tool on that book.
    pub fn new(book: Arc<dyn TodoBook>) -> Self {
        Self { book }
    }
}

#[derive(serde::Deserialize)]
struct WriteArguments {
    todos: Vec<Todo>,
}

#[async_trait]
impl Tool for TodoWriteTool {
    fn name(&self) -> &'static str {
        "mshtools-todo_write"
    }

    fn touches(&self, _session: &SessionId, _arguments: &Value) -> Touches {
        Touches::inside("to-do list")
    }

    async fn call(&self, context: &ToolContext, given: Value) -> Result<ToolResult, ToolError> {
        let WriteArguments { todos } = arguments(given)?;
        let running: Vec<String> = todos
            .iter()
            .filter(|todo| todo.status == TodoStatus::InProgress)
            .map(|todo| format!("\"{}\"", todo.content))
            .collect();
        if running.len() > 1 {
            return Err(ToolError::for_model(format!(
                "{} entries are in_progress ({}), but at most one may be. The list was not changed: leave the one that you \
                 work on now and set the others to pending or completed.",
                running.len(),
                running.join(", ")
            )));
        }
        let book = Arc::clone(&self.book);
        blocking(context, move |context| {
            book.write(&context.session_id, context.node_id.as_ref(), &todos).map_err(ToolError::Fatal)?;
            Ok(text(json!({ "todos": todos }).to_string()))
        })
        .await
    }
}

#[cfg(test)]
#[path = "todo_tests.rs"]
mod tests;
