//! Looking at sessions, their nodes and files.

use okcvm_host::{EngineError, Host};
use okcvm_protocol::{
    AppError, ChangeSide, CommandHandler, CompareFileParams, CompareParams, DiffLineKind, DiffParams,
    FileChange, FileDiff, FileParams, ItemBody, NodeParams, SessionAccess, SessionDetail, TurnPageParams,
    Writer,
};

use super::{find, find_node, mark, open, room, titled};
use crate::failure::Failure;
use crate::output::{self, Format};
use crate::{tree, view};

/// Turns that are asked for at once.
const PAGE: u32 = 100;

/// How much of a comparison is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// Which files differ.
    Names,
    /// And in which lines.
    Lines,
}

pub(super) fn list(host: &Host, trash: bool, format: Format) -> Result<(), Failure> {
    let sessions = host.engine().list_sessions("", trash)?;
    if format == Format::Json {
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

/// The whole conversation: the pages that come after opening are asked for one by one.
pub(super) async fn conversation(host: &Host, session: &str, format: Format) -> Result<(), Failure> {
    let mut detail = open(host, &find(host, session)?.id).await?;
    while detail.earlier_turns > 0
        && let Some(first) = detail.turns.first()
    {
        let before = first.node.id.clone();
        let params = TurnPageParams { session_id: detail.summary.id.clone(), before, count: PAGE };
        let page = host.turn_page(params).await?;
        detail.earlier_turns = page.earlier_turns;
        detail.turns.splice(0..0, page.turns);
    }
    if format == Format::Json {
        return Ok(output::json(&detail)?);
    }
    show(&detail);
    Ok(())
}

pub(super) async fn nodes(host: &Host, session: &str, format: Format) -> Result<(), Failure> {
    // Opening ends the turn of a program that was killed in it.
    let detail = open(host, &find(host, session)?.id).await?;
    if format == Format::Json {
        return Ok(output::json(&detail.tree)?);
    }
    for line in tree::draw(&detail.tree, detail.current_node.as_ref()) {
        output::line(&line);
    }
    room::dropped(&detail.undo.dropped);
    Ok(())
}

fn show(detail: &SessionDetail) {
    output::line(&format!("{}  {}", detail.summary.id, titled(&detail.summary.title)));
    output::line(&format!("workspace: {}", detail.workspace_path));
    if detail.access == SessionAccess::ReadOnly {
        let reason = detail.why_read_only.clone().unwrap_or_else(|| EngineError::ReadOnly.to_app_error());
        // Another reason may have been found at opening, and is said at the end then.
        let said = detail.notice.as_ref().is_some_and(|notice| notice.contains(&reason.message));
        if !said {
            output::line(&reason.to_string());
        }
    }
    for turn in &detail.turns {
        output::line(&format!("\n> {}", output::answer(&turn.message.text)));
        for file in &turn.message.attachments {
            output::line(&format!("> file: {}", output::name(&file.path)));
        }
        for item in &turn.items {
            match &item.body {
                ItemBody::Text { text } => output::line(&output::answer(text)),
                ItemBody::ToolCall(call) => output::line(&format!("[{} {:?}]", call.tool, call.status)),
                ItemBody::Steer { text } => output::line(&format!("> (meanwhile) {}", output::answer(text))),
                ItemBody::Notice { text, .. } => output::line(&format!("({})", output::answer(text))),
                ItemBody::Approval(approval) => {
                    let became = view::became(&approval.state);
                    output::line(&format!("[asked, {became}: {}]", approval.tool));
                }
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
            "\nsite: {} (version {}{}) {}",
            deployment.title,
            deployment.version,
            if deployment.on_path { "" } else { ", of another branch" },
            deployment.url
        ));
    }
}

pub(super) async fn diff(
    host: &Host,
    session: &str,
    node: Option<&str>,
    format: Format,
) -> Result<(), Failure> {
    let session_id = find(host, session)?.id;
    let node_id = match node {
        Some(node) => find_node(host, &session_id, node)?,
        None => open(host, &session_id).await?.current_node.ok_or_else(|| {
            AppError::new("This session has no node yet.").with_hint("Send a message first.")
        })?,
    };
    let changes =
        host.node_changes(NodeParams { session_id: session_id.clone(), node_id: node_id.clone() }).await?;
    if format == Format::Json {
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
            match host.node_diff(params).await {
                Ok(diff) => print(&diff, side),
                Err(error) => not_shown(change, &error),
            }
        }
    }
    if let Some(reason) = &changes.by_user_lost {
        output::line(&format!("what you changed before it cannot be shown: {reason}"));
    }
    for skipped in &changes.skipped {
        output::line(&format!("left out: {} ({})", output::name(&skipped.path), skipped.reason));
    }
    Ok(())
}

pub(super) async fn compare(
    host: &Host,
    session: &str,
    sides: (&str, &str),
    detail: Detail,
    format: Format,
) -> Result<(), Failure> {
    let session_id = find(host, session)?.id;
    let left = find_node(host, &session_id, sides.0)?;
    let right = find_node(host, &session_id, sides.1)?;
    let params = CompareParams { session_id: session_id.clone(), left: left.clone(), right: right.clone() };
    let compared = host.node_compare(params).await?;
    if format == Format::Json {
        return Ok(output::json(&compared)?);
    }
    if compared.changes.is_empty() {
        output::line("The files are the same.");
    }
    for change in compared.changes {
        if detail == Detail::Lines {
            let params = CompareFileParams {
                session_id: session_id.clone(),
                left: left.clone(),
                right: right.clone(),
                change: change.clone(),
            };
            match host.node_compare_file(params).await {
                Ok(diff) => print(&diff, ChangeSide::Turn),
                Err(error) => not_shown(&change, &error),
            }
        } else {
            output::line(&format!("{} {}", mark(change.kind), output::name(&change.path)));
        }
    }
    Ok(())
}

pub(super) async fn history(host: &Host, session: &str, path: String, format: Format) -> Result<(), Failure> {
    let session_id = find(host, session)?.id;
    let history = host.file_history(FileParams { session_id, path: path.clone() }).await?;
    if format == Format::Json {
        return Ok(output::json(&history)?);
    }
    if history.moments.is_empty() {
        return Err(AppError::new(format!("No snapshot on this branch holds {path}."))
            .with_code(okcvm_protocol::ErrorCode::NotFound)
            .into());
    }
    for moment in &history.moments {
        let by = match &moment.written_by {
            Writer::Agent { title, node_id } => {
                let id = node_id.as_str();
                format!("{}  the agent in “{title}”", &id[id.len().saturating_sub(8)..])
            }
            Writer::User => "you, by hand".to_owned(),
            Writer::Unknown => "writer unknown".to_owned(),
        };
        let size = moment.size.map_or_else(String::new, |size| format!("  {size} bytes"));
        let old = moment.old_path.as_ref().map_or_else(String::new, |old| format!("  was {old}"));
        output::line(&format!("{} {}  {by}{size}{old}", mark(moment.kind), output::moment(moment.at)));
    }
    if history.truncated {
        output::line("… earlier changes are not shown");
    }
    Ok(())
}

/// One file that cannot be read keeps nobody from seeing the others.
fn not_shown(change: &FileChange, error: &AppError) {
    output::line(&format!("{} {}", mark(change.kind), output::name(&change.path)));
    output::line(&format!("  cannot be shown: {}", error.message));
}

fn print(diff: &FileDiff, side: ChangeSide) {
    let by = match side {
        ChangeSide::Turn => "",
        ChangeSide::User => "  (by you)",
    };
    output::line(&format!("{} {}{by}", mark(diff.kind), output::name(&diff.path)));
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
            output::line(&format!("{sign}{}", output::answer(&line.text)));
        }
    }
    if diff.truncated {
        output::line("… more lines are not shown");
    }
}
