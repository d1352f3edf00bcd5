//! `okcvm session`: looking at sessions and going back in them.

use okcvm_host::Host;
use okcvm_protocol::{
    AppError, ChangeKind, ChangeSide, CommandHandler, DiffLineKind, DiffParams, ErrorCode, FileDiff,
    ItemBody, NodeId, NodeParams, RestoreOutcome, RestoreParams, RestoreScope, SessionAccess,
    SessionConfigureParams, SessionDetail, SessionId, SessionParams, SessionSummary, TurnLimits, Writer,
};

use crate::arguments::{LimitArguments, Scope, SessionCommand};
use crate::failure::Failure;
use crate::{output, tree};

pub(crate) async fn answer(host: &Host, command: SessionCommand) -> Result<(), Failure> {
    match command {
        SessionCommand::List { trash, json } => list(host, trash, json),
        SessionCommand::Show { session, json } => {
            let detail = open(host, &find(host, &session)?.id).await?;
            if json {
                return Ok(output::json(&detail)?);
            }
            show(&detail);
            Ok(())
        }
        SessionCommand::Tree { session, json } => {
            // Opening ends the turn of a program that was killed in it.
            let detail = open(host, &find(host, &session)?.id).await?;
            if json {
                return Ok(output::json(&detail.tree)?);
            }
            for line in tree::draw(&detail.tree, detail.current_node.as_ref()) {
                output::line(&line);
            }
            Ok(())
        }
        SessionCommand::Fork { session, node } => {
            let session = find(host, &session)?.id;
            let node_id = find_node(host, &session, &node)?;
            let params = NodeParams { session_id: session.clone(), node_id };
            report(&host.node_fork(params).await?, &session, Back::Undo);
            Ok(())
        }
        SessionCommand::Restore { session, node, scope, dry_run, undo, redo } => {
            let session_id = find(host, &session)?.id;
            let id = session_id.clone();
            let outcome = match node {
                _ if undo => host.restore_undo(SessionParams { session_id }).await?,
                _ if redo => host.restore_redo(SessionParams { session_id }).await?,
                Some(node) => {
                    let node_id = find_node(host, &session_id, &node)?;
                    let params = RestoreParams { session_id, node_id, scope: scope.into(), paths: None };
                    if dry_run {
                        return plan(host, params).await;
                    }
                    host.restore_apply(params).await?
                }
                None => return Err(AppError::new("Name a node to go to.").into()),
            };
            report(&outcome, &id, if undo { Back::Redo } else { Back::Undo });
            Ok(())
        }
        SessionCommand::Limits { session, changes } => limits(host, &session, &changes).await,
        SessionCommand::Diff { session, node, json } => diff(host, &session, node.as_deref(), json).await,
    }
}

impl From<Scope> for RestoreScope {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::All => Self::All,
            Scope::Files => Self::Files,
            Scope::Conversation => Self::Conversation,
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
    if wanted.is_empty() {
        return Err(AppError::new("The id of the node is empty.")
            .with_hint("`okcvm session tree` shows the nodes with the ends of their ids."));
    }
    let tree = host.engine().tree(session)?;
    let mut fits = tree.into_iter().filter(|node| {
        node.id.as_str().starts_with(wanted)
            || node.id.as_str().ends_with(wanted)
            || node.label.as_deref() == Some(wanted)
    });
    match (fits.next(), fits.next()) {
        (Some(node), None) => Ok(node.id),
        (Some(_), Some(_)) => Err(AppError::new(format!("More than one node fits “{wanted}”."))),
        (None, _) => Err(AppError::new(format!("There is no node “{wanted}” in this session."))
            .with_code(ErrorCode::NotFound)
            .with_hint("`okcvm session tree` shows them.")),
    }
}

async fn open(host: &Host, id: &SessionId) -> Result<SessionDetail, AppError> {
    host.session_open(SessionParams { session_id: id.clone() }).await
}

fn list(host: &Host, trash: bool, json: bool) -> Result<(), Failure> {
    let sessions = host.engine().list_sessions("", trash)?;
    if json {
        return Ok(output::json(&sessions)?);
    }
    if sessions.is_empty() {
        output::note(if trash {
            "The trash is empty."
        } else {
            "There are no sessions yet. `okcvm demo` makes one."
        });
    }
    for session in sessions {
        output::line(&format!("{}  {}", session.id, titled(&session.title)));
    }
    Ok(())
}

fn titled(title: &str) -> &str {
    if title.is_empty() { "(no message yet)" } else { title }
}

fn show(detail: &SessionDetail) {
    output::line(&format!("{}  {}", detail.summary.id, titled(&detail.summary.title)));
    output::line(&format!("workspace: {}", detail.workspace_path));
    if detail.access == SessionAccess::ReadOnly {
        output::line("Another program has this session open for writing; here it can only be read.");
    }
    if let Some(notice) = &detail.notice {
        output::line(notice);
    }
    for turn in &detail.turns {
        output::line(&format!("\n> {}", turn.message.text));
        for file in &turn.message.attachments {
            output::line(&format!("> file: {}", file.path));
        }
        for item in &turn.items {
            match &item.body {
                ItemBody::Text { text } => output::line(text),
                ItemBody::ToolCall(call) => output::line(&format!("[{} {:?}]", call.tool, call.status)),
                ItemBody::Steer { text } => output::line(&format!("> (meanwhile) {text}")),
                ItemBody::Notice { text, .. } => output::line(&format!("({text})")),
                ItemBody::Reasoning { .. } => {}
            }
        }
        if let Some(error) = &turn.error {
            output::line(&format!("({error})"));
        }
    }
    for queued in &detail.queue {
        output::line(&format!("\n(waits) {}", queued.message.text));
    }
    for deployment in &detail.deployments {
        output::line(&format!(
            "\nsite: {} (version {}) {}",
            deployment.title, deployment.version, deployment.url
        ));
    }
}

/// What takes a restore back.
#[derive(Clone, Copy)]
enum Back {
    Undo,
    Redo,
}

fn report(outcome: &RestoreOutcome, session: &SessionId, back: Back) {
    let back = match back {
        Back::Undo => "--undo` takes it back",
        Back::Redo => "--redo` does it again",
    };
    output::line(&format!(
        "{} written, {} removed. `okcvm session restore {session} {back}.",
        files(outcome.written),
        outcome.removed
    ));
}

/// Shows the limits of a session, after changing those that are named.
async fn limits(host: &Host, session: &str, changes: &LimitArguments) -> Result<(), Failure> {
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
    output::line(&format!("steps    {}", limits.max_steps));
    output::line(&format!("minutes  {}", limits.max_minutes));
    output::line(&format!("tokens   {}", limits.max_tokens));
    Ok(())
}

fn files(count: u32) -> String {
    if count == 1 { "1 file".into() } else { format!("{count} files") }
}

async fn plan(host: &Host, params: RestoreParams) -> Result<(), Failure> {
    let plan = host.restore_plan(params).await?;
    for change in &plan.changes {
        let writer = match &change.written_by {
            Writer::Agent { title, .. } => format!("written by the agent in “{title}”"),
            Writer::User => "written by you".into(),
            Writer::Unknown => "writer unknown".into(),
        };
        output::line(&format!("{} {}  ({writer})", mark(change.kind), change.path));
    }
    if plan.changes.is_empty() {
        output::line("No file would change.");
    }
    if !plan.unsaved.is_empty() {
        output::line(&format!(
            "{} changed by hand would be recorded first.",
            files(plan.unsaved.len() as u32)
        ));
    }
    Ok(())
}

fn mark(kind: ChangeKind) -> &'static str {
    match kind {
        ChangeKind::Added => "+",
        ChangeKind::Modified => "~",
        ChangeKind::Deleted => "-",
        ChangeKind::Renamed => ">",
    }
}

async fn diff(host: &Host, session: &str, node: Option<&str>, json: bool) -> Result<(), Failure> {
    let session_id = find(host, session)?.id;
    let node_id = match node {
        Some(node) => find_node(host, &session_id, node)?,
        None => open(host, &session_id).await?.current_node.ok_or_else(|| {
            AppError::new("This session has no node yet.").with_hint("Send a message first.")
        })?,
    };
    let changes =
        host.node_changes(NodeParams { session_id: session_id.clone(), node_id: node_id.clone() }).await?;
    if json {
        return Ok(output::json(&changes)?);
    }
    for (side, list) in [(ChangeSide::User, &changes.by_user), (ChangeSide::Turn, &changes.by_turn)] {
        for change in list {
            let params = DiffParams {
                session_id: session_id.clone(),
                node_id: node_id.clone(),
                side,
                change: change.clone(),
            };
            print(&host.node_diff(params).await?, side);
        }
    }
    for skipped in &changes.skipped {
        output::line(&format!("left out: {} ({})", skipped.path, skipped.reason));
    }
    Ok(())
}

fn print(diff: &FileDiff, side: ChangeSide) {
    let by = match side {
        ChangeSide::Turn => "",
        ChangeSide::User => "  (by you)",
    };
    output::line(&format!("{} {}{by}", mark(diff.kind), diff.path));
    if diff.binary {
        output::line("  binary");
    }
    for hunk in &diff.hunks {
        output::line(&format!("@@ -{} +{} @@", hunk.old_start, hunk.new_start));
        for line in &hunk.lines {
            let sign = match line.kind {
                DiffLineKind::Context => ' ',
                DiffLineKind::Added => '+',
                DiffLineKind::Removed => '-',
            };
            output::line(&format!("{sign}{}", line.text));
        }
    }
    if diff.truncated {
        output::line("… more lines are not shown");
    }
}
