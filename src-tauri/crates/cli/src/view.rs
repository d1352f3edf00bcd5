//! A turn as a terminal shows it.

use std::collections::{HashMap, HashSet};

use okcvm_protocol::{
    AppError, ApprovalState, Awaited, ErrorCode, Item, ItemBody, ItemDelta, ItemId, NodeStatus,
    ToolCallStatus, Turn, TurnEvent,
};

use crate::failure::Failure;
use crate::output;
use crate::stops::STOPPED;

/// How a turn ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct End {
    pub(crate) status: NodeStatus,
    pub(crate) error: Option<AppError>,
}

impl End {
    /// As the exit code tells it. What failed was said when it happened.
    pub(crate) fn outcome(&self) -> Result<(), Failure> {
        let stopped = self.error.as_ref().is_some_and(|error| error.code == Some(ErrorCode::Cancelled));
        match self.status {
            NodeStatus::Completed => Ok(()),
            NodeStatus::Interrupted if stopped => Err(Failure::quiet(STOPPED)),
            NodeStatus::Interrupted | NodeStatus::Failed | NodeStatus::Running => Err(Failure::quiet(1)),
        }
    }
}

/// Something to show.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Said {
    /// A piece of the answer.
    Answer(String),
    /// A line of progress.
    Note(String),
    /// What is awaited, until something else is shown.
    Waiting(String),
}

/// How much of a text was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shown {
    /// All that came: so many bytes.
    All(usize),
    /// So many bytes, after which fragments were lost: the rest is shown when the whole is there.
    Gap(usize),
}

/// What of a turn was shown so far.
#[derive(Debug, Default)]
pub(crate) struct View {
    texts: HashMap<ItemId, Shown>,
    begun: HashSet<ItemId>,
    completed: HashSet<ItemId>,
    line_open: bool,
    said: Vec<Said>,
}

impl View {
    /// Takes an event of the turn. Returns the end if this is it.
    pub(crate) fn take(&mut self, event: &TurnEvent, now: i64) -> Option<End> {
        match event {
            TurnEvent::TurnCompleted { .. } => return Some(self.end(NodeStatus::Completed, None)),
            TurnEvent::TurnFailed { error, .. } => {
                return Some(self.end(NodeStatus::Failed, Some(error.clone())));
            }
            TurnEvent::TurnInterrupted { error, .. } => {
                return Some(self.end(NodeStatus::Interrupted, Some(error.clone())));
            }
            TurnEvent::ItemStarted { item } => self.started(item),
            TurnEvent::ItemDelta { item_id, delta: ItemDelta::Text { text } } => self.more(item_id, text),
            TurnEvent::ItemCompleted { item } => self.ended(item),
            TurnEvent::Heartbeat { awaited, since_at } if !self.line_open => {
                // The line with the question's choices stays as it is.
                if !matches!(awaited, Awaited::Approval { .. }) {
                    self.said.push(Said::Waiting(waiting(awaited, now - since_at)));
                }
            }
            TurnEvent::UntrustedRead { source } => {
                self.close_line();
                self.note(format!("! read something that is not trusted: {}", output::name(source)));
            }
            TurnEvent::TurnStarted { .. }
            | TurnEvent::ItemDelta { .. }
            | TurnEvent::ItemProgress { .. }
            | TurnEvent::Usage { .. }
            | TurnEvent::Span { .. }
            | TurnEvent::Heartbeat { .. }
            | TurnEvent::SnapshotTaken { .. } => {}
        }
        None
    }

    /// What is to be shown now.
    pub(crate) fn said(&mut self) -> Vec<Said> {
        std::mem::take(&mut self.said)
    }

    /// The events that stand for those that were lost, from the turn as it is stored.
    pub(crate) fn missed(&mut self, turn: &Turn) -> Vec<TurnEvent> {
        for shown in self.texts.values_mut() {
            let (Shown::All(bytes) | Shown::Gap(bytes)) = *shown;
            *shown = Shown::Gap(bytes);
        }
        let mut events = Vec::new();
        for item in &turn.items {
            if item.ended_at.is_some() {
                if !self.completed.contains(&item.id) {
                    events.push(TurnEvent::ItemCompleted { item: item.clone() });
                }
                continue;
            }
            if matches!(item.body, ItemBody::Text { .. }) {
                self.texts.entry(item.id.clone()).or_insert(Shown::Gap(0));
            }
            if !self.begun.contains(&item.id) {
                events.push(TurnEvent::ItemStarted { item: item.clone() });
            }
        }
        let node = turn.node.clone();
        let error = |otherwise: &str| turn.error.clone().unwrap_or_else(|| AppError::new(otherwise));
        match node.status {
            NodeStatus::Running => {}
            NodeStatus::Completed => events.push(TurnEvent::TurnCompleted { node }),
            NodeStatus::Failed => events.push(TurnEvent::TurnFailed { node, error: error("It failed.") }),
            NodeStatus::Interrupted => {
                events.push(TurnEvent::TurnInterrupted { node, error: error("It was stopped.") });
            }
        }
        events
    }

    fn end(&mut self, status: NodeStatus, error: Option<AppError>) -> End {
        self.close_line();
        if let Some(error) = &error {
            let word = if status == NodeStatus::Failed { "failed" } else { "interrupted" };
            self.note(format!("{word}: {error}"));
        }
        End { status, error }
    }

    fn started(&mut self, item: &Item) {
        match &item.body {
            ItemBody::Text { .. } => {
                self.begun.insert(item.id.clone());
                self.texts.entry(item.id.clone()).or_insert(Shown::All(0));
            }
            ItemBody::ToolCall(call) if call.status == ToolCallStatus::Running => {
                if self.begun.insert(item.id.clone()) {
                    self.close_line();
                    self.note(format!("→ {} {}", call.tool, shortened(&call.arguments)));
                }
            }
            // A call whose arguments are still arriving begins again when it runs.
            ItemBody::ToolCall(_) => {}
            ItemBody::Reasoning { .. }
            | ItemBody::Approval(_)
            | ItemBody::Steer { .. }
            | ItemBody::Notice { .. } => {
                self.begun.insert(item.id.clone());
            }
        }
    }

    fn more(&mut self, item: &ItemId, text: &str) {
        if let Some(Shown::All(bytes)) = self.texts.get_mut(item) {
            *bytes += text.len();
            self.answer(text);
        }
    }

    fn ended(&mut self, item: &Item) {
        if !self.completed.insert(item.id.clone()) {
            return;
        }
        match &item.body {
            ItemBody::Text { text } => {
                let shown = match self.texts.remove(&item.id) {
                    Some(Shown::All(bytes) | Shown::Gap(bytes)) => bytes,
                    None => 0,
                };
                if let Some(rest) = text.get(shown..) {
                    self.answer(rest);
                }
                self.close_line();
            }
            ItemBody::ToolCall(call) => {
                let mark = match call.status {
                    ToolCallStatus::Completed => "✓",
                    ToolCallStatus::Pending
                    | ToolCallStatus::Running
                    | ToolCallStatus::Failed
                    | ToolCallStatus::Interrupted => "✗",
                };
                self.close_line();
                self.note(format!("{mark} {}", call.tool));
                for artifact in call.result.iter().flat_map(|result| &result.artifacts) {
                    let place = artifact.url.as_deref().unwrap_or(&artifact.path);
                    self.note(format!("  {}: {place}", artifact.title));
                }
            }
            ItemBody::Notice { text, .. } => {
                self.close_line();
                self.note(text.clone());
            }
            ItemBody::Approval(approval) => {
                let became = became(&approval.state);
                self.close_line();
                self.note(format!("{became}: {} {}", approval.tool, shortened(&approval.subject)));
            }
            ItemBody::Reasoning { .. } | ItemBody::Steer { .. } => {}
        }
    }

    fn answer(&mut self, text: &str) {
        if !text.is_empty() {
            self.line_open = !text.ends_with('\n');
            self.said.push(Said::Answer(text.to_owned()));
        }
    }

    fn note(&mut self, text: String) {
        self.said.push(Said::Note(text));
    }

    fn close_line(&mut self) {
        if self.line_open {
            self.said.push(Said::Answer("\n".to_owned()));
        }
        self.line_open = false;
    }
}

/// What became of a question, in a word or two.
pub(crate) fn became(state: &ApprovalState) -> &'static str {
    match state {
        ApprovalState::Allowed { .. } => "allowed",
        ApprovalState::Refused { .. } => "refused",
        ApprovalState::Waiting | ApprovalState::Interrupted => "not answered",
    }
}

fn waiting(awaited: &Awaited, milliseconds: i64) -> String {
    let seconds = milliseconds.max(0) / 1000;
    match awaited {
        Awaited::Model { model, attempt: 1 } => format!("… waiting for {model}, {seconds} s"),
        Awaited::Model { model, attempt } => {
            format!("… waiting for {model}, {seconds} s (attempt {attempt})")
        }
        Awaited::Tool { tool, .. } => format!("… {tool} is running, {seconds} s"),
        Awaited::Approval { .. } => format!("… waiting for your answer, {seconds} s"),
        Awaited::Snapshot => format!("… recording the files, {seconds} s"),
    }
}

fn shortened(arguments: &str) -> String {
    let line = arguments.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= 100 {
        return line;
    }
    format!("{}…", line.chars().take(99).collect::<String>())
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
