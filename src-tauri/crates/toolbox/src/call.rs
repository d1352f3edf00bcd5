//! What the tools have in common: arguments, blocking work, paths, wording.

use okcvm_protocol::{ToolContent, ToolResult};
use okcvm_tools::{ToolContext, ToolError};
use okcvm_workspace::{Workspace, WorkspaceError, WorkspacePath};
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error};
use serde_json::Value;

/// A text among the arguments of a call, as it was given; empty if there is none.
pub(crate) fn text_of(arguments: &Value, name: &str) -> String {
    arguments.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Names that are offered when a path does not exist.
const NEAREST: usize = 5;

/// Reads the arguments of a call. The schema has been checked by then; this words what only a direct caller can
/// get wrong.
pub(crate) fn arguments<T: DeserializeOwned>(arguments: Value) -> Result<T, ToolError> {
    serde_json::from_value(arguments)
        .map_err(|error| ToolError::for_model(format!("The arguments do not fit: {error}.")))
}

/// Reads an optional whole number, which JSON may also write as `3.0`.
pub(crate) fn whole_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    let Some(number) = Option::<serde_json::Number>::deserialize(deserializer)? else {
        return Ok(None);
    };
    match (number.as_i64(), number.as_f64()) {
        (Some(whole), _) => Ok(Some(whole)),
        (None, Some(float)) if float.fract() == 0.0 => Ok(Some(float as i64)),
        _ => Err(D::Error::custom(format!("{number} is not a whole number"))),
    }
}

/// What to say of a call that went wrong and was kept from changing these.
pub(crate) fn spared(paths: &[String]) -> Option<String> {
    const NAMED: usize = 5;
    let (first, more) = paths.split_at(paths.len().min(NAMED));
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    (!first.is_empty()).then(|| {
        format!(
            "read-only to this call, since no snapshot holds it and something was read that strangers may have written: \
             {}{more}. A call that deletes in plain words (`rm`), or runs git itself (not by another program), asks the user and may change it",
            first.join(", ")
        )
    })
}

/// Runs work that blocks. It must be short or look at the context's cancellation by itself.
pub(crate) async fn blocking(
    context: &ToolContext,
    work: impl FnOnce(&ToolContext) -> Result<ToolResult, ToolError> + Send + 'static,
) -> Result<ToolResult, ToolError> {
    if context.cancel.is_cancelled() {
        return Err(ToolError::Cancelled(None));
    }
    let context = context.clone();
    match tokio::task::spawn_blocking(move || work(&context)).await {
        Ok(result) => result,
        Err(error) => {
            tracing::error!(%error, "a tool ended in a way that it should not");
            Err(ToolError::for_model(
                "The tool broke down while it worked. This is a fault of the tool; try another way.",
            ))
        }
    }
}

/// The workspace of a call.
pub(crate) fn workspace(context: &ToolContext) -> Result<Workspace, ToolError> {
    Workspace::open(&context.workspace_root).map_err(|error| ToolError::Fatal(error.to_app_error()))
}

/// The path that the model means, for a file: not empty and not the workspace itself.
pub(crate) fn file_path(workspace: &Workspace, text: &str) -> Result<WorkspacePath, ToolError> {
    if text.trim().is_empty() {
        return Err(ToolError::for_model(
            "`file_path` is empty. Give the path of a file, for example /mnt/okcomputer/output/notes.md.",
        ));
    }
    workspace.resolve(text).map_err(|error| worded(&error))
}

/// An error of the workspace, for the model.
pub(crate) fn worded(error: &WorkspaceError) -> ToolError {
    ToolError::for_model(error.to_string())
}

/// Says that nothing is at a path, and what is near it.
pub(crate) fn missing(workspace: &Workspace, path: &WorkspacePath) -> ToolError {
    let nearest = workspace.nearest_existing(path, NEAREST);
    let advice = if nearest.is_empty() {
        "Nothing with a similar name is there.".to_owned()
    } else {
        let names: Vec<String> = nearest
            .iter()
            .map(|path| WorkspacePath::parse(path).map_or_else(|_| path.clone(), |path| path.mounted()))
            .collect();
        format!("The nearest that exist are: {}.", names.join(", "))
    };
    ToolError::for_model(format!("{} does not exist. {advice}", path.mounted()))
}

/// A result of text alone.
pub(crate) fn text(text: impl Into<String>) -> ToolResult {
    ToolResult {
        content: vec![ToolContent::Text { text: text.into() }],
        is_error: false,
        artifacts: Vec::new(),
        diff: None,
    }
}

/// A count with its thousands apart: `12,345`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A size in words: `12.3 kB`.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// `1 file`, `2 files`.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}
