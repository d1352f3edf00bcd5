//! `okcvm session`: looking at sessions and going back in them.

mod export;
mod lists;
mod look;
mod moves;
pub(crate) mod network;
mod permissions;
pub(crate) mod room;

pub(crate) use permissions::rules;

use okcvm_host::Host;
use okcvm_protocol::{
    AppError, ChangeKind, CommandHandler, ErrorCode, NodeId, NodeSummary, SessionConfigureParams,
    SessionDetail, SessionId, SessionParams, SessionSummary, TurnLimits,
};

use crate::arguments::{FilesCommand, LimitArguments, SessionCommand};
use crate::failure::Failure;
use crate::output::{self, Format};

/// Whether a command moves files, so that to end it at once would leave them half-way until the next start.
pub(crate) fn moves_files(command: &SessionCommand) -> bool {
    matches!(
        command,
        SessionCommand::Fork { .. }
            | SessionCommand::Switch { .. }
            | SessionCommand::Restore { .. }
            | SessionCommand::Undo { .. }
            | SessionCommand::Redo { .. }
            | SessionCommand::RevertTurn { .. }
            | SessionCommand::Delete(_)
            | SessionCommand::Purge(_)
            | SessionCommand::Files {
                command: FilesCommand::Delete { .. }
                    | FilesCommand::Recover { .. }
                    | FilesCommand::BringBack { .. }
                    | FilesCommand::Purge { .. }
            }
    )
}

pub(crate) async fn answer(host: &Host, command: SessionCommand) -> Result<(), Failure> {
    match command {
        SessionCommand::List { trash, json } => look::list(host, trash, Format::of(json)),
        SessionCommand::Show { session, json } => look::conversation(host, &session, Format::of(json)).await,
        SessionCommand::Tree { session, json } => look::nodes(host, &session, Format::of(json)).await,
        SessionCommand::Diff { session, node, json } => {
            look::diff(host, &session, node.as_deref(), Format::of(json)).await
        }
        SessionCommand::Compare { session, left, right, lines, json } => {
            let detail = if lines { look::Detail::Lines } else { look::Detail::Names };
            look::compare(host, &session, (&left, &right), detail, Format::of(json)).await
        }
        SessionCommand::History { session, path, json } => {
            look::history(host, &session, path, Format::of(json)).await
        }
        SessionCommand::Steps { session, json } => lists::steps(host, &session, Format::of(json)),
        SessionCommand::Todos { session, node, json } => {
            lists::todos(host, &session, node.as_deref(), Format::of(json))
        }
        SessionCommand::Sites { session, node, json } => {
            lists::sites(host, &session, node.as_deref(), Format::of(json)).await
        }
        SessionCommand::MoveFolder { session, folder, json } => {
            moves::folder(host, &session, &folder, Format::of(json)).await
        }
        SessionCommand::Fork { place, json } => moves::fork(host, &place, Format::of(json)).await,
        SessionCommand::Switch { place, json } => moves::switch(host, &place, Format::of(json)).await,
        SessionCommand::Label { place, name, json } => {
            moves::label(host, &place, name, Format::of(json)).await
        }
        SessionCommand::Restore { session, undo: true, json, .. }
        | SessionCommand::Undo { session, json } => moves::undo(host, &session, Format::of(json)).await,
        SessionCommand::Restore { session, redo: true, json, .. }
        | SessionCommand::Redo { session, json } => moves::redo(host, &session, Format::of(json)).await,
        SessionCommand::Restore { session, node, scope, paths, dry_run, json, .. } => {
            let node = node.ok_or_else(|| AppError::new("Name a node to go to."))?;
            let wish = moves::Wish { session, node, scope, paths, how: moves::How::of(dry_run) };
            moves::restore(host, wish, Format::of(json)).await
        }
        SessionCommand::RevertTurn { place, dry_run, json } => {
            moves::revert(host, &place, moves::How::of(dry_run), Format::of(json)).await
        }
        SessionCommand::Export { place, to, force, json } => {
            export::export(host, &place, &to, force, Format::of(json)).await
        }
        SessionCommand::Delete(what) => room::delete(host, what).await,
        SessionCommand::Recover(what) => room::recover(host, what).await,
        SessionCommand::Purge(what) => room::purge(host, what).await,
        SessionCommand::Trash { session, json } => {
            room::trash(host, session.as_deref(), Format::of(json)).await
        }
        SessionCommand::Usage { session, json } => room::usage(host, &session, Format::of(json)).await,
        SessionCommand::Tidy { session, json } => room::tidy(host, &session, Format::of(json)).await,
        SessionCommand::Network { session, change, hosts, json } => {
            network::policy(host, &session, change, hosts, Format::of(json)).await
        }
        SessionCommand::Contacts { session, json } => {
            network::contacts(host, &session, Format::of(json)).await
        }
        SessionCommand::Mode { session, mode, json } => {
            permissions::mode(host, &session, mode, Format::of(json)).await
        }
        SessionCommand::Rules { session, remove, json } => {
            rules(host, Some(&session), remove.as_deref(), Format::of(json)).await
        }
        SessionCommand::Files { command } => permissions::files(host, command).await,
        SessionCommand::Limits { session, changes, json } => {
            limits(host, &session, &changes, Format::of(json)).await
        }
    }
}

/// The session of an id or of an unambiguous part of one.
pub(crate) fn find(host: &Host, wanted: &str) -> Result<SessionSummary, AppError> {
    if wanted.is_empty() {
        return Err(AppError::new("The id of the session is empty.")
            .with_hint("`okcvm session list` shows the sessions with their ids."));
    }
    let engine = host.engine();
    let mut sessions = engine.list_sessions("", false)?;
    sessions.extend(engine.list_sessions("", true)?);
    let mut fits = sessions.into_iter().filter(|session| {
        session.id.as_str() == wanted
            || session.id.as_str().starts_with(wanted)
            || session.id.as_str().ends_with(wanted)
    });
    match (fits.next(), fits.next()) {
        (Some(session), None) => Ok(session),
        (Some(_), Some(_)) => Err(AppError::new(format!("More than one session fits “{wanted}”."))),
        (None, _) => Err(AppError::new(format!("There is no session “{wanted}”."))
            .with_code(ErrorCode::NotFound)
            .with_hint("`okcvm session list` shows them.")),
    }
}

fn find_node(host: &Host, session: &SessionId, wanted: &str) -> Result<NodeId, AppError> {
    let tree = host.engine().tree(session)?;
    named(&tree, wanted).map(|node| node.id.clone())
}

/// The node of a name, an id or an unambiguous part of one.
fn named<'a>(nodes: &'a [NodeSummary], wanted: &str) -> Result<&'a NodeSummary, AppError> {
    if wanted.is_empty() {
        return Err(AppError::new("The id of the node is empty.")
            .with_hint("`okcvm session tree` shows the nodes with the ends of their ids."));
    }
    // A whole name or id stands above parts of others.
    let whole: Vec<&NodeSummary> = nodes
        .iter()
        .filter(|node| node.id.as_str() == wanted || node.label.as_deref() == Some(wanted))
        .collect();
    let part =
        |node: &&NodeSummary| node.id.as_str().starts_with(wanted) || node.id.as_str().ends_with(wanted);
    let fits = if whole.is_empty() { nodes.iter().filter(part).collect() } else { whole };
    match fits.as_slice() {
        [node] => Ok(node),
        [_, _, ..] => Err(AppError::new(format!("More than one node fits “{wanted}”."))
            .with_hint("`okcvm session tree` shows the ends of their ids, which tell them apart.")),
        [] => Err(AppError::new(format!("There is no node “{wanted}” in this session."))
            .with_code(ErrorCode::NotFound)
            .with_hint("`okcvm session tree` shows them.")),
    }
}

async fn open(host: &Host, id: &SessionId) -> Result<SessionDetail, AppError> {
    host.session_open(SessionParams { session_id: id.clone() }).await
}

fn titled(title: &str) -> &str {
    if title.is_empty() { "(no message yet)" } else { title }
}

/// Shows the limits of a session, after changing those that are named.
async fn limits(host: &Host, session: &str, changes: &LimitArguments, format: Format) -> Result<(), Failure> {
    let session_id = find(host, session)?.id;
    let kept = open(host, &session_id).await?.limits;
    let limits = TurnLimits {
        max_steps: changes.steps.unwrap_or(kept.max_steps),
        max_minutes: changes.minutes.unwrap_or(kept.max_minutes),
        max_tokens: changes.tokens.unwrap_or(kept.max_tokens),
    };
    if changes.any() {
        let params = SessionConfigureParams { session_id, profile: None, limits: Some(limits.clone()) };
        host.session_configure(params).await?;
    }
    if format == Format::Json {
        return Ok(output::json(&limits)?);
    }
    output::line(&format!("steps    {}", limits.max_steps));
    output::line(&format!("minutes  {}", limits.max_minutes));
    output::line(&format!("tokens   {}", limits.max_tokens));
    Ok(())
}

fn files(count: u32) -> String {
    if count == 1 { "1 file".into() } else { format!("{count} files") }
}

fn mark(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Added => "+",
        ChangeKind::Modified => "~",
        ChangeKind::Deleted => "-",
        ChangeKind::Renamed => ">",
    }
}
