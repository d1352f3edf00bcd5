//! Going to another moment, and back.

use std::collections::HashMap;
use std::path::Path;

use okcvm_host::{Host, encode_name};
use okcvm_protocol::{
    CommandHandler, NodeId, NodeLabelParams, NodeParams, NodeSummary, RestoreChange, RestoreOutcome,
    RestoreParams, RestoreScope, SessionId, SessionMoveFolderParams, SessionParams, SkippedFile,
    WorkspaceKind, Writer,
};

use super::{files, find, find_node, mark, room};
use crate::arguments::{NodeArguments, Scope};
use crate::failure::Failure;
use crate::files::absolute;
use crate::output::{self, Format};

/// Whether files are touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// They are.
    InEarnest,
    /// What would be done is listed.
    Planned,
}

impl How {
    /// Of the `--dry-run` flag.
    pub(super) fn of(dry_run: bool) -> Self {
        if dry_run { Self::Planned } else { Self::InEarnest }
    }
}

/// A restore as it was asked for.
pub(super) struct Wish {
    pub(super) session: String,
    pub(super) node: String,
    pub(super) scope: Scope,
    pub(super) paths: Vec<String>,
    pub(super) how: How,
}

/// What takes a move back.
#[derive(Clone, Copy)]
enum Back {
    Undo,
    Redo,
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

pub(super) async fn fork(host: &Host, place: &NodeArguments, format: Format) -> Result<(), Failure> {
    let session_id = find(host, &place.session)?.id;
    let node_id = find_node(host, &session_id, &place.node)?;
    let outcome = host.node_fork(NodeParams { session_id: session_id.clone(), node_id }).await?;
    report(&outcome, &session_id, Back::Undo, format)
}

pub(super) async fn switch(host: &Host, place: &NodeArguments, format: Format) -> Result<(), Failure> {
    let session_id = find(host, &place.session)?.id;
    let node_id = find_node(host, &session_id, &place.node)?;
    let node_id = end_of_branch(&host.engine().tree(&session_id)?, &node_id);
    let outcome = host.node_fork(NodeParams { session_id: session_id.clone(), node_id }).await?;
    report(&outcome, &session_id, Back::Undo, format)
}

/// Tells a session where its folder is now.
pub(super) async fn folder(host: &Host, session: &str, folder: &Path, format: Format) -> Result<(), Failure> {
    let session_id = find(host, session)?.id;
    let folder = encode_name(absolute(folder)?.as_os_str());
    let params = SessionMoveFolderParams { session_id: session_id.clone(), folder };
    let summary = host.session_move_folder(params).await?;
    if format == Format::Json {
        return Ok(output::json(&summary)?);
    }
    if let WorkspaceKind::Folder { path } = &summary.workspace {
        let place = output::name(path);
        output::line(&format!(
            "The session works in {place} now. What differs there counts as changed by hand."
        ));
    }
    Ok(())
}

pub(super) async fn label(
    host: &Host,
    place: &NodeArguments,
    label: Option<String>,
    format: Format,
) -> Result<(), Failure> {
    let session_id = find(host, &place.session)?.id;
    let node_id = find_node(host, &session_id, &place.node)?;
    let node = host.node_label(NodeLabelParams { session_id, node_id, label }).await?;
    if format == Format::Json {
        return Ok(output::json(&node)?);
    }
    output::line(&match node.label {
        Some(label) => format!("The node is called “{label}”."),
        None => "The node has no name.".to_owned(),
    });
    Ok(())
}

/// The last node that is reached from a node by its latest children.
fn end_of_branch(tree: &[NodeSummary], node: &NodeId) -> NodeId {
    // The tree is sorted by time, so that a later child takes the place of an earlier one.
    let latest: HashMap<&NodeId, &NodeId> =
        tree.iter().filter_map(|node| Some((node.parent_id.as_ref()?, &node.id))).collect();
    let mut end = node;
    while let Some(child) = latest.get(end) {
        end = child;
    }
    end.clone()
}

pub(super) async fn undo(host: &Host, session: &str, format: Format) -> Result<(), Failure> {
    let session_id = find(host, session)?.id;
    let outcome = host.restore_undo(SessionParams { session_id: session_id.clone() }).await?;
    report(&outcome, &session_id, Back::Redo, format)
}

pub(super) async fn redo(host: &Host, session: &str, format: Format) -> Result<(), Failure> {
    let session_id = find(host, session)?.id;
    let outcome = host.restore_redo(SessionParams { session_id: session_id.clone() }).await?;
    report(&outcome, &session_id, Back::Undo, format)
}

pub(super) async fn restore(host: &Host, wish: Wish, format: Format) -> Result<(), Failure> {
    let session_id = find(host, &wish.session)?.id;
    let node_id = find_node(host, &session_id, &wish.node)?;
    let params = RestoreParams {
        session_id: session_id.clone(),
        node_id,
        scope: wish.scope.into(),
        paths: (!wish.paths.is_empty()).then_some(wish.paths),
    };
    if wish.how == How::InEarnest {
        return report(&host.restore_apply(params).await?, &session_id, Back::Undo, format);
    }
    let plan = host.restore_plan(params).await?;
    if format == Format::Json {
        output::json(&plan)?;
    } else {
        list(&plan.changes, plan.unsaved.len());
        stay(&plan.unwritten);
    }
    // As the restore itself would say it.
    plan.refusal.map_or(Ok(()), |refusal| Err(refusal.into()))
}

pub(super) async fn revert(
    host: &Host,
    place: &NodeArguments,
    how: How,
    format: Format,
) -> Result<(), Failure> {
    let session_id = find(host, &place.session)?.id;
    let node_id = find_node(host, &session_id, &place.node)?;
    let params = NodeParams { session_id: session_id.clone(), node_id };
    if how == How::InEarnest {
        return report(&host.turn_revert(params).await?, &session_id, Back::Undo, format);
    }
    let plan = host.turn_revert_plan(params).await?;
    if format == Format::Json {
        output::json(&plan)?;
    } else if plan.conflicts.is_empty() {
        list(&plan.changes, plan.unsaved.len());
        stay(&plan.unwritten);
    } else {
        for conflict in &plan.conflicts {
            output::line(&format!("! {}  ({})", output::name(&conflict.path), conflict.reason));
        }
    }
    plan.refusal.map_or(Ok(()), |refusal| Err(refusal.into()))
}

fn report(outcome: &RestoreOutcome, session: &SessionId, back: Back, format: Format) -> Result<(), Failure> {
    if format == Format::Json {
        return Ok(output::json(outcome)?);
    }
    let (verb, does) = match back {
        Back::Undo => ("undo", "takes it back"),
        Back::Redo => ("redo", "does it again"),
    };
    stay(&outcome.unwritten);
    if outcome.unchanged {
        output::line("All is so already; nothing was changed.");
        return Ok(());
    }
    room::dropped(&outcome.passed);
    output::line(&format!(
        "{} written, {} removed. `okcvm session {verb} {session}` {does}.",
        files(outcome.written),
        outcome.removed
    ));
    Ok(())
}

/// Names what stays as it is.
pub(super) fn stay(unwritten: &[SkippedFile]) {
    for left in unwritten {
        output::line(&format!("= {}  ({})", output::name(&left.path), left.reason));
    }
}

fn list(changes: &[RestoreChange], unsaved: usize) {
    for change in changes {
        let writer = match &change.written_by {
            Writer::Agent { title, .. } => format!("written by the agent in “{title}”"),
            Writer::User => "written by you".into(),
            Writer::Unknown => "writer unknown".into(),
        };
        output::line(&format!("{} {}  ({writer})", mark(change.kind), output::name(&change.path)));
    }
    if changes.is_empty() {
        output::line("No file would change.");
    }
    if unsaved > 0 {
        output::line(&format!("{} changed by hand would be recorded first.", files(unsaved as u32)));
    }
}
