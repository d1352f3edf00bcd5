//! `okcvm run`: one message, streamed.

use std::path::{Path, PathBuf};

use okcvm_host::{Host, Start};
use okcvm_protocol::{
    Attachment, ClashPolicy, CommandHandler, ENVIRONMENT_PROFILE, EngineEvent, ImportId, ImportParams,
    ItemBody, ItemDelta, NodeId, NodeStatus, SessionId, SessionSummary, ToolCallStatus, TurnEvent,
};

use crate::arguments::RunArguments;
use crate::failure::Failure;
use crate::{output, session};

/// How a shell tells that a program was stopped from outside.
const STOPPED: u8 = 130;

pub(crate) async fn answer(host: &Host, arguments: RunArguments) -> Result<(), Failure> {
    let session = find_session(host, &arguments).await?;
    choose_model(host, &session.id, arguments.model.as_deref())?;
    let attachments = copy_in(host, &session.id, &arguments.files).await?;
    let end = stream(host, &session.id, &arguments.prompt, attachments, arguments.json).await?;
    if !arguments.json {
        output::note(&format!("session {} in {}", session.id, workspace_path(host, &session.id).await?));
    }
    match end {
        NodeStatus::Completed => Ok(()),
        NodeStatus::Interrupted => Err(Failure::quiet(STOPPED)),
        NodeStatus::Failed | NodeStatus::Running => Err(Failure::quiet(1)),
    }
}

pub(crate) async fn workspace_path(host: &Host, session: &SessionId) -> Result<String, Failure> {
    let (shared, id) = (host.clone(), session.clone());
    let workspace = tokio::task::spawn_blocking(move || shared.engine().workspace(&id))
        .await
        .map_err(okcvm_host::EngineError::from)??;
    Ok(workspace.root().to_string_lossy().into_owned())
}

async fn find_session(host: &Host, arguments: &RunArguments) -> Result<SessionSummary, Failure> {
    let settings = host.settings();
    if let Some(id) = &arguments.session {
        return Ok(session::find(host, id)?);
    }
    let (shared, folder) = (host.clone(), arguments.workspace.clone());
    let made = tokio::task::spawn_blocking(move || {
        let engine = shared.engine();
        match folder {
            Some(folder) => engine.session_of_folder(&folder, &settings.default_profile, &settings.limits),
            None => engine.create_session(None, None, &settings.default_profile, &settings.limits),
        }
    });
    Ok(made.await.map_err(okcvm_host::EngineError::from)??)
}

/// The environment stands above what the session was made with, and `--model` above both.
fn choose_model(host: &Host, session: &SessionId, model: Option<&str>) -> Result<(), Failure> {
    let settings = host.settings();
    let from_environment = settings.profiles.iter().any(|profile| profile.id == ENVIRONMENT_PROFILE);
    let profile = match model {
        Some(name) => {
            let known = settings.profiles.iter().find(|profile| profile.id == name || profile.model == name);
            let Some(profile) = known else {
                let names: Vec<&str> = settings.profiles.iter().map(|profile| profile.id.as_str()).collect();
                return Err(okcvm_protocol::AppError::new(format!(
                    "There is no model profile named “{name}”."
                ))
                .with_hint(format!("There are: {}.", names.join(", ")))
                .into());
            };
            Some(profile.id.clone())
        }
        None if from_environment => Some(ENVIRONMENT_PROFILE.to_owned()),
        None => None,
    };
    if let Some(profile) = profile {
        host.engine().configure_session(session, Some(&profile), None)?;
    }
    Ok(())
}

pub(crate) async fn copy_in(
    host: &Host,
    session: &SessionId,
    files: &[PathBuf],
) -> Result<Vec<Attachment>, Failure> {
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let absolute = |path: &PathBuf| {
        std::path::absolute(path)
            .map(|path| path.to_string_lossy().into_owned())
            .map_err(|error| okcvm_protocol::AppError::new(format!("{}: {error}", path.display())))
    };
    let report = host
        .import_start(ImportParams {
            session_id: session.clone(),
            import_id: ImportId::new(),
            sources: files.iter().map(absolute).collect::<Result<_, _>>()?,
            target: String::new(),
            clashes: ClashPolicy::Replace,
        })
        .await?;
    for skipped in &report.skipped {
        output::note(&format!("left out: {} ({})", skipped.source, skipped.reason));
    }
    Ok(report.imported)
}

/// Sends the message and shows its turn until the end. Ctrl-C stops the turn.
pub(crate) async fn stream(
    host: &Host,
    session: &SessionId,
    prompt: &str,
    attachments: Vec<Attachment>,
    json: bool,
) -> Result<NodeStatus, Failure> {
    let events = host.engine().events();
    let mut reader = events.subscribe(events.last());
    let node = match host.engine().start_turn(session, prompt, attachments).await? {
        Start::Started(node) => node,
        Start::Queued(_) => return Err(okcvm_host::EngineError::Busy.into()),
    };
    let mut view = View::default();
    let mut stops = 0;
    loop {
        tokio::select! {
            batch = reader.next(256) => {
                for numbered in batch {
                    if json {
                        output::json_line(&numbered)?;
                    }
                    if let Some(end) = view.take(&numbered.event, &node, json) {
                        host.engine().wait_until_idle(session).await;
                        return Ok(end);
                    }
                }
            }
            signal = tokio::signal::ctrl_c() => {
                stops += 1;
                if signal.is_err() || stops > 1 {
                    return Err(Failure::quiet(STOPPED));
                }
                output::note("stopping …");
                // The turn may have ended by itself in this moment.
                let _ = host.engine().stop_turn(session);
            }
        }
    }
}

/// What was shown so far.
#[derive(Default)]
struct View {
    line_open: bool,
    reasoning: std::collections::HashSet<String>,
}

impl View {
    fn take(&mut self, event: &EngineEvent, wanted: &NodeId, silent: bool) -> Option<NodeStatus> {
        let EngineEvent::Turn { node_id, event, .. } = event else {
            return None;
        };
        if node_id != wanted {
            return None;
        }
        match event {
            TurnEvent::TurnCompleted { .. } => {
                self.close_line(silent);
                return Some(NodeStatus::Completed);
            }
            TurnEvent::TurnFailed { error, .. } => {
                self.close_line(silent);
                output::note(&format!("failed: {error}"));
                return Some(NodeStatus::Failed);
            }
            TurnEvent::TurnInterrupted { error, .. } => {
                self.close_line(silent);
                output::note(&format!("interrupted: {error}"));
                return Some(NodeStatus::Interrupted);
            }
            _ if silent => {}
            TurnEvent::ItemStarted { item } => self.started(item),
            TurnEvent::ItemDelta { item_id, delta: ItemDelta::Text { text } }
                if !self.reasoning.contains(item_id.as_str()) =>
            {
                output::piece(text);
                self.line_open = !text.ends_with('\n');
            }
            TurnEvent::ItemCompleted { item } => self.completed(item),
            TurnEvent::Heartbeat { awaited, since_at } => tracing::debug!(?awaited, since_at, "waiting"),
            TurnEvent::TurnStarted { .. }
            | TurnEvent::ItemDelta { .. }
            | TurnEvent::ItemProgress { .. }
            | TurnEvent::Usage { .. }
            | TurnEvent::Span { .. }
            | TurnEvent::SnapshotTaken { .. } => {}
        }
        None
    }

    fn started(&mut self, item: &okcvm_protocol::Item) {
        match &item.body {
            ItemBody::Reasoning { .. } => {
                self.reasoning.insert(item.id.as_str().to_owned());
            }
            ItemBody::ToolCall(call) if call.status == ToolCallStatus::Running => {
                self.close_line(false);
                output::note(&format!("→ {} {}", call.tool, shortened(&call.arguments)));
            }
            ItemBody::Text { .. }
            | ItemBody::ToolCall(_)
            | ItemBody::Steer { .. }
            | ItemBody::Notice { .. } => {}
        }
    }

    fn completed(&mut self, item: &okcvm_protocol::Item) {
        match &item.body {
            ItemBody::Text { .. } => self.close_line(false),
            ItemBody::ToolCall(call) => {
                let mark = match call.status {
                    ToolCallStatus::Completed => "✓",
                    ToolCallStatus::Pending
                    | ToolCallStatus::Running
                    | ToolCallStatus::Failed
                    | ToolCallStatus::Interrupted => "✗",
                };
                self.close_line(false);
                output::note(&format!("{mark} {}", call.tool));
                for artifact in call.result.iter().flat_map(|result| &result.artifacts) {
                    let place = artifact.url.as_deref().unwrap_or(&artifact.path);
                    output::note(&format!("  {}: {place}", artifact.title));
                }
            }
            ItemBody::Notice { text, .. } => {
                self.close_line(false);
                output::note(text);
            }
            ItemBody::Reasoning { .. } | ItemBody::Steer { .. } => {}
        }
    }

    fn close_line(&mut self, silent: bool) {
        if self.line_open && !silent {
            output::piece("\n");
        }
        self.line_open = false;
    }
}

fn shortened(arguments: &str) -> String {
    let line = arguments.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= 100 {
        return line;
    }
    format!("{}…", line.chars().take(99).collect::<String>())
}

/// The path of a folder for people: relative to here if it lies below.
pub(crate) fn shown(path: &Path) -> String {
    std::env::current_dir()
        .ok()
        .and_then(|here| path.strip_prefix(here).ok().map(|below| below.display().to_string()))
        .filter(|below| !below.is_empty())
        .unwrap_or_else(|| path.display().to_string())
}
