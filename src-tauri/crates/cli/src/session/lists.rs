//! What a session keeps beside its conversation: steps of undo, to-dos, sites.

use std::collections::HashSet;

use okcvm_host::Host;
use okcvm_protocol::{NodeId, NodeSummary, TodoStatus, UndoDirection};

use super::{find, find_node, open, room};
use crate::failure::Failure;
use crate::output::{self, Format};
use crate::run::shown;

/// The undo stack, the newest step first.
pub(super) fn steps(host: &Host, session: &str, format: Format) -> Result<(), Failure> {
    let session_id = find(host, session)?.id;
    let steps = host.engine().undo_steps(&session_id)?;
    if format == Format::Json {
        return Ok(output::json(&steps)?);
    }
    if steps.is_empty() {
        output::note("There is nothing to undo and nothing to redo.");
    }
    for step in &steps {
        let would = match step.direction {
            UndoDirection::Undo => "undo",
            UndoDirection::Redo => "redo",
        };
        let paths: Vec<_> = step.paths.iter().flatten().map(|path| output::name(path)).collect();
        let only = if paths.is_empty() { String::new() } else { format!("  (only {})", paths.join(", ")) };
        output::line(&format!("{would}  {}  {}{only}", output::moment(step.made_at), step.title));
    }
    room::dropped(&host.engine().undo_state(&session_id)?.dropped);
    Ok(())
}

/// The to-do list as it was at the end of a node, or as it is.
pub(super) fn todos(host: &Host, session: &str, node: Option<&str>, format: Format) -> Result<(), Failure> {
    let session_id = find(host, session)?.id;
    let node_id = node.map(|node| find_node(host, &session_id, node)).transpose()?;
    let todos = host.engine().todos_at(&session_id, node_id.as_ref())?;
    if format == Format::Json {
        return Ok(output::json(&todos)?);
    }
    if todos.is_empty() {
        output::note("There are no to-dos.");
    }
    for todo in &todos {
        let mark = match todo.status {
            TodoStatus::Pending => ' ',
            TodoStatus::InProgress => '~',
            TodoStatus::Completed => 'x',
        };
        output::line(&format!("[{mark}] {}", output::name(&todo.content)));
    }
    Ok(())
}

/// The sites of a session, or those that the conversation up to a node has published, the newest first.
pub(super) async fn sites(
    host: &Host,
    session: &str,
    node: Option<&str>,
    format: Format,
) -> Result<(), Failure> {
    let session_id = find(host, session)?.id;
    let node_id = node.map(|node| find_node(host, &session_id, node)).transpose()?;
    let mut detail = open(host, &session_id).await?;
    if let Some(end) = &node_id {
        let path = path_to(&detail.tree, end);
        detail.deployments.retain(|site| site.node_id.as_ref().is_some_and(|node| path.contains(node)));
    }
    if format == Format::Json {
        return Ok(output::json(&detail.deployments)?);
    }
    if detail.deployments.is_empty() {
        output::note("There are no sites.");
    }
    for site in &detail.deployments {
        let by = site.node_id.as_ref().map_or("by hand".to_owned(), |node| {
            let id = node.as_str();
            format!("by {}", &id[id.len().saturating_sub(8)..])
        });
        let elsewhere = if site.on_path { "" } else { ", of another branch" };
        // An address is there only while this command runs.
        let (_, folder) = host.deployment(&site.id)?;
        output::line(&format!(
            "{}  {} (version {}, {by}{elsewhere})  {}",
            output::moment(site.deployed_at),
            output::name(&site.title),
            site.version,
            shown(&folder.join("index.html"))
        ));
    }
    Ok(())
}

/// A node and all before it.
fn path_to<'a>(tree: &'a [NodeSummary], end: &'a NodeId) -> HashSet<&'a NodeId> {
    let mut path = HashSet::new();
    let mut next = Some(end);
    while let Some(node) = next.filter(|node| path.insert(*node)) {
        next = tree.iter().find(|known| known.id == *node).and_then(|known| known.parent_id.as_ref());
    }
    path
}
