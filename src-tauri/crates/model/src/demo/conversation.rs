//! What the conversation says about the present job.

use serde_json::Value;

use super::{
    language::Language,
    script::{DoneCall, Tool},
    wish::{Intent, Kind, intent},
};
use crate::{ModelMessage, ModelPart, ModelRequest};

/// The start of a line that the engine adds for a file that came with a message.
const ATTACHED: &str = "Attached file: ";

/// A file that came with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Attachment {
    pub path: String,
    pub mime: String,
}

/// The job at hand.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Conversation {
    pub intent: Intent,
    /// What the user said for this job, without attachments; later messages follow after a line end.
    pub words: String,
    /// Files of this job's messages, then those of earlier messages from the newest on.
    pub files: Vec<Attachment>,
    /// How many of `files` came with this job.
    pub new_files: usize,
    pub language: Language,
    /// Calls of this job.
    pub done: Vec<DoneCall>,
    /// Calls before it.
    pub earlier: Vec<DoneCall>,
}

struct Said {
    position: usize,
    words: String,
    files: Vec<Attachment>,
}

impl Conversation {
    /// Reads the conversation. A message that came while a job ran, or that says "continue", belongs to that
    /// job, unless it asks for another.
    pub fn of(request: &ModelRequest) -> Self {
        let messages = &request.messages;
        let said: Vec<Said> =
            messages.iter().enumerate().filter_map(|(position, message)| said(position, message)).collect();
        let mut first = said.len().saturating_sub(1);
        while first > 0 && belongs_to_last(messages, &said[first]) {
            first -= 1;
        }
        let work_before = |until: usize| made_something(&calls(&messages[..until]));
        let mut begin = first;
        let mut now = Intent::Other;
        for (at, message) in said.iter().enumerate().skip(first) {
            let wish = intent(&message.words, !message.files.is_empty(), work_before(message.position));
            let running = at > first;
            match wish {
                Intent::Continue | Intent::Other if running => {}
                // The work does not stand yet: the wish goes into it.
                Intent::Change
                    if running
                        && matches!(now, Intent::Site | Intent::Slides)
                        && !made_something(&calls(&messages[said[begin].position..message.position])) => {}
                _ => {
                    now = wish;
                    begin = at;
                }
            }
        }
        let start = said.get(begin).map_or(0, |message| message.position);
        let job = said.get(begin..).unwrap_or_default();
        let words = job.iter().map(|message| message.words.as_str()).collect::<Vec<_>>().join("\n");
        let mut files: Vec<Attachment> = job.iter().flat_map(|message| message.files.clone()).collect();
        let new_files = files.len();
        let earlier_said = said.get(..begin).unwrap_or_default();
        files.extend(earlier_said.iter().rev().flat_map(|message| message.files.clone()));
        let language = Language::of(&words)
            .or_else(|| earlier_said.iter().rev().find_map(|message| Language::of(&message.words)))
            .unwrap_or(Language::English);
        Self {
            intent: now,
            words,
            files,
            new_files,
            language,
            done: calls(&messages[start..]),
            earlier: calls(&messages[..start]),
        }
    }
}

fn said(position: usize, message: &ModelMessage) -> Option<Said> {
    let ModelMessage::User { parts } = message else { return None };
    let mut words = Vec::new();
    let mut files = Vec::new();
    for part in parts {
        let ModelPart::Text(text) = part else { continue };
        for line in text.lines() {
            match attachment(line) {
                Some(file) => files.push(file),
                None => words.push(line),
            }
        }
    }
    Some(Said { position, words: words.join("\n").trim().to_owned(), files })
}

/// `Attached file: <path> (<size> bytes, <mime>)`.
fn attachment(line: &str) -> Option<Attachment> {
    let rest = line.trim().strip_prefix(ATTACHED)?;
    let (path, mime) = match rest.rsplit_once(" (") {
        Some((path, about)) => (path, about.trim_end_matches(')').rsplit(", ").next().unwrap_or("")),
        None => (rest, ""),
    };
    Some(Attachment { path: path.to_owned(), mime: mime.to_owned() })
}

fn belongs_to_last(messages: &[ModelMessage], said: &Said) -> bool {
    let unfinished = match said.position.checked_sub(1).map(|before| &messages[before]) {
        Some(ModelMessage::Tool { .. } | ModelMessage::User { .. }) => true,
        Some(ModelMessage::Assistant { tool_calls, .. }) => !tool_calls.is_empty(),
        None => false,
    };
    unfinished || intent(&said.words, false, false) == Intent::Continue
}

/// The calls of these messages that have a result.
fn calls(messages: &[ModelMessage]) -> Vec<DoneCall> {
    let mut done = Vec::new();
    for (position, message) in messages.iter().enumerate() {
        let ModelMessage::Assistant { tool_calls, .. } = message else { continue };
        for call in tool_calls {
            let result = messages.iter().enumerate().skip(position).find_map(|(at, message)| match message {
                ModelMessage::Tool { call_id, parts, is_error, .. } if *call_id == call.id => {
                    Some((at, parts, *is_error))
                }
                ModelMessage::Tool { .. } | ModelMessage::User { .. } | ModelMessage::Assistant { .. } => {
                    None
                }
            });
            let Some((at, parts, is_error)) = result else { continue };
            if is_error && to_be_continued(&messages[at + 1..]) {
                continue;
            }
            let text = parts.iter().filter_map(|part| match part {
                ModelPart::Text(text) => Some(text.as_str()),
                ModelPart::Image { .. } => None,
            });
            done.push(DoneCall {
                name: call.name.clone(),
                arguments: serde_json::from_str(&call.arguments).unwrap_or(Value::Null),
                result: text.collect::<Vec<_>>().join("\n"),
                is_error,
            });
        }
    }
    done
}

/// Whether the user says "continue" right after these results: what failed then was interrupted, and is to be
/// done again.
fn to_be_continued(after: &[ModelMessage]) -> bool {
    let next = after.iter().enumerate().find(|(_, message)| !matches!(message, ModelMessage::Tool { .. }));
    next.and_then(|(position, message)| said(position, message))
        .is_some_and(|said| intent(&said.words, false, false) == Intent::Continue)
}

/// Something that the demo made here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Made {
    /// A site, by its folder.
    Site(String),
    /// Slides, by their page.
    Slides(String),
}

impl Made {
    fn of(call: &DoneCall) -> Option<Self> {
        let argument = |name| call.arguments.get(name)?.as_str();
        if call.is_error {
            None
        } else if call.name == Tool::Deploy.name() {
            Some(Self::Site(argument("local_dir")?.to_owned()))
        } else if call.name == Tool::Slides.name() {
            Some(Self::Slides(argument("file_path")?.to_owned()))
        } else if call.name == Tool::WriteFile.name() {
            let path = argument("file_path")?;
            let site = || Some(Self::Site(path.strip_suffix("/index.html")?.to_owned()));
            if path.ends_with("/deck.html") { Some(Self::Slides(path.to_owned())) } else { site() }
        } else {
            None
        }
    }

    fn is(&self, kind: Kind) -> bool {
        match self {
            Self::Site(_) => kind == Kind::Site,
            Self::Slides(_) => kind == Kind::Slides,
        }
    }
}

/// What was made last, of one kind or of any.
pub(crate) fn last_made(done: &[DoneCall], kind: Option<Kind>) -> Option<Made> {
    done.iter().rev().filter_map(Made::of).find(|made| kind.is_none_or(|kind| made.is(kind)))
}

fn made_something(done: &[DoneCall]) -> bool {
    last_made(done, None).is_some()
}
