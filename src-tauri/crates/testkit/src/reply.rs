//! A scripted answer of a model.

use serde_json::Value;
use tokio::time::Duration;

/// A tool call of a scripted answer.
#[derive(Debug, Clone, PartialEq)]
pub struct ScriptedCall {
    /// The provider's name for the call.
    pub id: String,
    /// The tool.
    pub name: String,
    /// JSON text, which may be broken.
    pub arguments: String,
}

/// Token counts of a scripted answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReplyUsage {
    /// Prompt tokens, cached ones included.
    pub input: u64,
    /// Part of the input that came from the cache.
    pub cached: u64,
    /// Answer tokens, reasoning included.
    pub output: u64,
    /// Part of the output that was reasoning; Anthropic's format has no place for it.
    pub reasoning: u64,
}

/// How an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ending {
    /// With a finish reason, usage and the end mark.
    #[default]
    Normal,
    /// The connection breaks.
    Cut,
    /// Nothing more comes, and the connection stays open until the client or the server ends.
    Stall,
    /// The stream ends in good order but without finish reason and end mark.
    Silent,
    /// With finish reason and usage, but the connection stays open without the end mark.
    Lingering,
    /// One event that is not JSON, then the normal end.
    Malformed,
    /// An event that reports an overload.
    Error,
}

/// One part of a scripted answer, in order.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Beat {
    Reasoning(String),
    Text(String),
    /// Calls of one step; their fragments come interleaved where the format allows it.
    Calls(Vec<ScriptedCall>),
    Pause(Duration),
    /// An event as it is written, without the blank line.
    Raw(String),
}

/// A scripted streaming answer; made by chaining.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reply {
    pub(crate) beats: Vec<Beat>,
    pub(crate) ending: Ending,
    pub(crate) finish: Option<String>,
    pub(crate) usage: Option<ReplyUsage>,
    pub(crate) piece: usize,
    pub(crate) frame: Option<usize>,
}

impl Reply {
    /// An answer with this text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::default().then_text(text)
    }

    /// An answer with this tool call.
    pub fn call(id: &str, name: &str, arguments: &Value) -> Self {
        Self::default().then_calls(&[(id, name, &arguments.to_string())])
    }

    /// Text comes next.
    #[must_use]
    pub fn then_text(mut self, text: impl Into<String>) -> Self {
        self.beats.push(Beat::Text(text.into()));
        self
    }

    /// Reasoning comes next.
    #[must_use]
    pub fn then_reasoning(mut self, text: impl Into<String>) -> Self {
        self.beats.push(Beat::Reasoning(text.into()));
        self
    }

    /// Parallel calls come next: id, name, arguments as JSON text.
    #[must_use]
    pub fn then_calls(mut self, calls: &[(&str, &str, &str)]) -> Self {
        let calls = calls.iter().map(|(id, name, arguments)| ScriptedCall {
            id: (*id).to_owned(),
            name: (*name).to_owned(),
            arguments: (*arguments).to_owned(),
        });
        self.beats.push(Beat::Calls(calls.collect()));
        self
    }

    /// Silence comes next.
    #[must_use]
    pub fn then_pause(mut self, pause: Duration) -> Self {
        self.beats.push(Beat::Pause(pause));
        self
    }

    /// An event of the test's own wording comes next, such as `data: {"choices": []}`.
    #[must_use]
    pub fn then_raw(mut self, lines: impl Into<String>) -> Self {
        self.beats.push(Beat::Raw(lines.into()));
        self
    }

    /// How it ends.
    #[must_use]
    pub fn ending(mut self, ending: Ending) -> Self {
        self.ending = ending;
        self
    }

    /// The finish reason in the format's own word; `stop`/`end_turn` or `tool_calls`/`tool_use` unless told.
    #[must_use]
    pub fn finish(mut self, reason: &str) -> Self {
        self.finish = Some(reason.to_owned());
        self
    }

    /// Token counts at the end.
    #[must_use]
    pub fn usage(mut self, usage: ReplyUsage) -> Self {
        self.usage = Some(usage);
        self
    }

    /// Characters of text, reasoning and arguments in an event; all of it in one event unless told.
    #[must_use]
    pub fn in_pieces(mut self, characters: usize) -> Self {
        self.piece = characters;
        self
    }

    /// Bytes in a write to the connection, without regard for events or characters; an event a write unless
    /// told.
    #[must_use]
    pub fn in_frames(mut self, bytes: usize) -> Self {
        self.frame = Some(bytes.max(1));
        self
    }
}

/// The text in pieces of so many characters; 0 means whole.
pub(crate) fn pieces(text: &str, characters: usize) -> Vec<String> {
    if characters == 0 {
        return vec![text.to_owned()];
    }
    let letters: Vec<char> = text.chars().collect();
    letters.chunks(characters).map(|piece| piece.iter().collect()).collect()
}
