use std::collections::HashMap;
use std::sync::Mutex;

use okcvm_protocol::TodoPriority;
use serde_json::json;

use super::*;
use crate::testing::Desk;

/// A book by session and node.
#[derive(Default)]
struct Book(Mutex<Lists>);

type Lists = HashMap<(SessionId, Option<NodeId>), Vec<Todo>>;

impl TodoBook for Book {
    fn read(&self, session: &SessionId, node: Option<&NodeId>) -> Result<Vec<Todo>, AppError> {
        Ok(self.0.lock().unwrap().get(&(session.clone(), node.cloned())).cloned().unwrap_or_default())
    }

    fn write(&self, session: &SessionId, node: Option<&NodeId>, todos: &[Todo]) -> Result<(), AppError> {
        self.0.lock().unwrap().insert((session.clone(), node.cloned()), todos.to_vec());
        Ok(())
    }
}

/// A book that is broken.
struct Broken;

impl TodoBook for Broken {
    fn read(&self, _: &SessionId, _: Option<&NodeId>) -> Result<Vec<Todo>, AppError> {
        Err(AppError::new("The store cannot be read."))
    }

    fn write(&self, _: &SessionId, _: Option<&NodeId>, _: &[Todo]) -> Result<(), AppError> {
        Err(AppError::new("The store cannot be written."))
    }
}

fn entry(content: &str, status: &str) -> Value {
    json!({"content": content, "priority": "high", "status": status})
}

#[test]
fn what_was_written_is_read_back_for_the_same_node() {
    let mut desk = Desk::new();
    desk.context.node_id = Some(NodeId::new());
    let book = Arc::new(Book::default());
    let (read, write) = (TodoReadTool::new(book.clone()), TodoWriteTool::new(book.clone()));
    assert_eq!(desk.text(&read, json!({})), "[]");

    let list = json!([
        {"id": "1", "content": "Plan", "priority": "high", "status": "completed"},
        entry("Write", "in_progress"),
        entry("Deploy", "pending"),
    ]);
    let written: Value = serde_json::from_str(&desk.text(&write, json!({"todos": list}))).unwrap();
    assert_eq!(written, json!({"todos": list}));
    assert_eq!(serde_json::from_str::<Value>(&desk.text(&read, json!({}))).unwrap(), list);
    let first = &book.read(&desk.context.session_id, desk.context.node_id.as_ref()).unwrap()[0];
    assert_eq!((first.id.as_deref(), first.priority), (Some("1"), TodoPriority::High));

    desk.context.node_id = Some(NodeId::new());
    assert_eq!(desk.text(&read, json!({})), "[]");
}

#[test]
fn an_empty_list_clears() {
    let desk = Desk::new();
    let book = Arc::new(Book::default());
    let write = TodoWriteTool::new(book.clone());
    desk.text(&write, json!({"todos": [entry("a", "pending")]}));
    assert_eq!(desk.text(&write, json!({"todos": []})), "{\"todos\":[]}");
    assert_eq!(desk.text(&TodoReadTool::new(book), json!({})), "[]");
}

#[test]
fn only_one_entry_may_be_in_progress() {
    let desk = Desk::new();
    let book = Arc::new(Book::default());
    let write = TodoWriteTool::new(book.clone());
    desk.text(&write, json!({"todos": [entry("a", "pending")]}));
    let error = desk.error(&write, json!({"todos": [entry("a", "in_progress"), entry("b", "in_progress")]}));
    assert!(
        error.starts_with("2 entries are in_progress (\"a\", \"b\"), but at most one may be."),
        "{error}"
    );
    let kept = book.read(&desk.context.session_id, None).unwrap();
    assert_eq!((kept.len(), kept[0].status), (1, TodoStatus::Pending));
}

#[test]
fn a_broken_store_ends_the_turn() {
    let desk = Desk::new();
    let broken = Arc::new(Broken);
    let read = desk.call(&TodoReadTool::new(broken.clone()), json!({}));
    assert_eq!(read.unwrap_err(), ToolError::Fatal(AppError::new("The store cannot be read.")));
    let write = desk.call(&TodoWriteTool::new(broken), json!({"todos": []}));
    assert_eq!(write.unwrap_err(), ToolError::Fatal(AppError::new("The store cannot be written.")));
}
