//! What the readers of both wire formats share: they turn stream events into model events without any I/O.

use okcvm_protocol::Usage;
use serde_json::Value;

use crate::{FinishReason, ModelEvent, sse::SseEvent};

/// Why a stream cannot be read on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StreamFault {
    /// Not the wire format; the text is what came.
    Malformed(String),
    /// The server says in the stream that it failed.
    Reported {
        /// Its words.
        message: String,
        /// The HTTP status that it stands for, if that can be told.
        status: Option<u16>,
    },
}

/// Reads one answer.
pub(crate) trait Reader: Send + Sync {
    /// Takes one event of the stream.
    fn event(&mut self, event: &SseEvent) -> Result<Vec<ModelEvent>, StreamFault>;

    /// Takes an answer that came whole, because the server does not stream.
    fn whole(&mut self, body: &Value) -> Result<Vec<ModelEvent>, StreamFault>;

    /// How the answer finished, once it is known. Usage may still follow.
    fn finish(&self) -> Option<FinishReason>;

    /// Nothing more comes.
    fn done(&self) -> bool;

    /// The tokens known so far.
    fn usage(&self) -> Usage;
}

/// At most `limit` characters of a text, with a mark where it was cut.
pub(crate) fn shortened(text: &str, limit: usize) -> String {
    let text = text.trim();
    match text.char_indices().nth(limit) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A non-negative whole number, also if it was written as a float.
pub(crate) fn count(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_f64().filter(|number| *number >= 0.0).map(|number| number as u64))
}

/// The words and the code of an error object as servers write it: `{"error": {"message", "code", "type"}}`,
/// `{"error": "…"}`, `{"message": "…"}` or `{"detail": …}`.
pub(crate) fn error_words(body: &Value) -> Option<(String, String)> {
    let error = body.get("error").unwrap_or(body);
    let message = match error {
        Value::String(text) => text.clone(),
        _ => ["message", "detail", "msg"].iter().find_map(|key| match error.get(key)? {
            Value::String(text) => Some(text.clone()),
            Value::Null => None,
            other => Some(other.to_string()),
        })?,
    };
    let word = |key: &str| match error.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    Some((message, format!("{} {}", word("code"), word("type")).trim().to_owned()))
}
