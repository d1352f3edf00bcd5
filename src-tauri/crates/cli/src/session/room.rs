//! The trash, and the room that histories take.

use okcvm_host::Host;
use okcvm_protocol::{
    AppEvent, CommandHandler, DroppedStep, EngineEvent, HistoryUsage, NodeId, NodeParams, NodeSummary,
    SessionId, SessionParams, TidyStage,
};

use super::{find, find_node, look, named, titled};
use crate::arguments::TrashArguments;
use crate::failure::Failure;
use crate::output::{self, Format};

pub(super) async fn delete(host: &Host, what: TrashArguments) -> Result<(), Failure> {
    let session_id = find(host, &what.session)?.id;
    if let Some(node) = &what.node {
        let node_id = find_node(host, &session_id, node)?;
        let params = NodeParams { session_id: session_id.clone(), node_id: node_id.clone() };
        host.branch_delete(params).await?;
        if what.json {
            return Ok(output::json(&host.trash_list(SessionParams { session_id }).await?.branches)?);
        }
        output::line(&format!(
            "The branch lies in the trash. `okcvm session recover {session_id} {node_id}` takes it out."
        ));
        return Ok(());
    }
    let summary = host.session_delete(SessionParams { session_id: session_id.clone() }).await?;
    if what.json {
        return Ok(output::json(&summary)?);
    }
    output::line(&format!(
        "{} lies in the trash. `okcvm session recover {session_id}` takes it out.",
        titled(&summary.title)
    ));
    Ok(())
}

pub(super) async fn recover(host: &Host, what: TrashArguments) -> Result<(), Failure> {
    let session_id = find(host, &what.session)?.id;
    if let Some(node) = &what.node {
        let node_id = trashed(host, &session_id, node).await?;
        host.branch_recover(NodeParams { session_id: session_id.clone(), node_id: node_id.clone() }).await?;
        let tree = host.engine().tree(&session_id)?;
        let node = named(&tree, node_id.as_str())?;
        if what.json {
            return Ok(output::json(node)?);
        }
        output::line(&format!("“{}” is in the tree again.", node.title));
        return Ok(());
    }
    let summary = host.session_recover(SessionParams { session_id }).await?;
    if what.json {
        return Ok(output::json(&summary)?);
    }
    output::line(&format!("{} is out of the trash.", titled(&summary.title)));
    Ok(())
}

pub(super) async fn purge(host: &Host, what: TrashArguments) -> Result<(), Failure> {
    let summary = find(host, &what.session)?;
    let session_id = summary.id.clone();
    if let Some(node) = &what.node {
        let node_id = trashed(host, &session_id, node).await?;
        host.branch_purge(NodeParams { session_id: session_id.clone(), node_id: node_id.clone() }).await?;
        if what.json {
            return Ok(output::json(&NodeParams { session_id, node_id })?);
        }
        output::line("The branch is gone for good.");
        return Ok(());
    }
    host.session_purge(SessionParams { session_id: session_id.clone() }).await?;
    if what.json {
        return Ok(output::json(&SessionParams { session_id })?);
    }
    output::line(&format!("{} is gone for good.", titled(&summary.title)));
    Ok(())
}

pub(super) async fn trash(host: &Host, session: Option<&str>, format: Format) -> Result<(), Failure> {
    let Some(session) = session else { return look::list(host, true, format) };
    let session_id = find(host, session)?.id;
    let branches = host.trash_list(SessionParams { session_id }).await?.branches;
    if format == Format::Json {
        return Ok(output::json(&branches)?);
    }
    if branches.is_empty() {
        output::note("No branch of this session lies in the trash.");
    }
    for branch in branches {
        let nodes = if branch.nodes == 1 { "1 node".into() } else { format!("{} nodes", branch.nodes) };
        output::line(&format!(
            "{}  {}  ({nodes}, until {})",
            branch.node.id,
            branch.node.title,
            output::moment(branch.purge_at)
        ));
    }
    Ok(())
}

/// The first node of a branch in the trash.
async fn trashed(host: &Host, session: &SessionId, wanted: &str) -> Result<NodeId, Failure> {
    let branches = host.trash_list(SessionParams { session_id: session.clone() }).await?.branches;
    let nodes: Vec<NodeSummary> = branches.into_iter().map(|branch| branch.node).collect();
    Ok(named(&nodes, wanted)?.id.clone())
}

pub(super) async fn usage(host: &Host, session: &str, format: Format) -> Result<(), Failure> {
    let session_id = find(host, session)?.id;
    let usage = host.history_usage(SessionParams { session_id }).await?;
    if format == Format::Json {
        return Ok(output::json(&usage)?);
    }
    print(&usage);
    Ok(())
}

pub(super) async fn tidy(host: &Host, session: &str, format: Format) -> Result<(), Failure> {
    let session_id = find(host, session)?.id;
    let mut events = host.engine().events().subscribe(host.engine().events().last());
    let telling = tokio::spawn(async move {
        loop {
            for numbered in events.next(100).await {
                if let EngineEvent::App { event: AppEvent::HistoryTidying { stage, .. } } = numbered.event {
                    match stage {
                        TidyStage::Thinning => output::waiting("… dropping old snapshots".to_owned()),
                        TidyStage::Packing => output::waiting("… packing".to_owned()),
                        TidyStage::Ended => return,
                    }
                }
            }
        }
    });
    let report = host.history_tidy(SessionParams { session_id }).await;
    telling.abort();
    let report = report?;
    if format == Format::Json {
        return Ok(output::json(&report)?);
    }
    output::line(&format!(
        "{} set free; the files of {} dropped.",
        bytes(report.freed_bytes),
        if report.thinned == 1 { "1 node were".to_owned() } else { format!("{} nodes were", report.thinned) }
    ));
    dropped(&report.steps);
    if report.aside_bytes > 0 {
        let gone = bytes(report.aside_bytes);
        output::line(&format!("{gone} of that were damaged parts that had been set aside."));
    }
    print(&report.usage);
    Ok(())
}

fn print(usage: &HistoryUsage) {
    output::line(&format!("this session  {} of {}", bytes(usage.bytes), bytes(usage.budget_bytes)));
    output::line(&format!(
        "all sessions  {} of {}",
        bytes(usage.total_bytes),
        bytes(usage.total_budget_bytes)
    ));
    output::line(&format!("snapshots     {}", usage.snapshots));
    output::line(&format!("dropped       {}", usage.thinned));
    if usage.steps > 0 {
        output::line(&format!(
            "undo          {} that {} to work by hand, {} of files",
            if usage.steps == 1 { "1 step".to_owned() } else { format!("{} steps", usage.steps) },
            if usage.steps == 1 { "leads" } else { "lead" },
            bytes(usage.steps_bytes)
        ));
    }
    if usage.steps_dropped > 0 {
        output::line(&format!("undo dropped  {}", usage.steps_dropped));
    }
    if usage.aside_bytes > 0 {
        output::line(&format!("set aside     {} of damaged parts", bytes(usage.aside_bytes)));
    }
}

/// Names steps of the undo stack that were dropped to save room.
pub(super) fn dropped(steps: &[DroppedStep]) {
    for step in steps {
        let files: Vec<_> = step.paths.iter().map(|path| output::name(path)).collect();
        let held = match (files.is_empty(), (step.files as usize).saturating_sub(files.len())) {
            (true, _) => String::new(),
            (false, 0) => format!("; it held {}", files.join(", ")),
            (false, more) => format!("; it held {} and {more} more", files.join(", ")),
        };
        output::line(&format!(
            "- undo of {} “{}”  (dropped to save room{held})",
            output::moment(step.made_at),
            step.title
        ));
    }
}

/// A size in decimal units, as disks are sold.
fn bytes(bytes: u64) -> String {
    let mut size = bytes as f64;
    for unit in ["bytes", "kB", "MB", "GB"] {
        if size < 1000.0 {
            return if unit == "bytes" { format!("{size} {unit}") } else { format!("{size:.1} {unit}") };
        }
        size /= 1000.0;
    }
    format!("{size:.1} TB")
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn sizes_have_a_unit_that_fits() {
        assert_eq!([0, 999, 1_500, 5_000_000_000].map(bytes), ["0 bytes", "999 bytes", "1.5 kB", "5.0 GB"]);
    }
}
