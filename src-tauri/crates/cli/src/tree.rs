//! The tree of a session as lines.

use std::collections::BTreeMap;

use okcvm_protocol::{NodeId, NodeStatus, NodeSummary};

/// The tree as lines, a node each. An only child stands below its parent; where several children part, each is
/// indented, and all that follows it is indented once more, so that it never stands level with another branch.
pub(crate) fn draw(tree: &[NodeSummary], current: Option<&NodeId>) -> Vec<String> {
    let mut children: BTreeMap<Option<&NodeId>, Vec<&NodeSummary>> = BTreeMap::new();
    for node in tree {
        children.entry(node.parent_id.as_ref()).or_default().push(node);
    }
    let mut lines = Vec::new();
    // A stack instead of recursion: a session may have thousands of nodes on one line. With each node stand its own
    // depth and that of an only child.
    let mut waiting: Vec<(&NodeSummary, usize, usize)> = Vec::new();
    let roots = children.get(&None).map(Vec::as_slice).unwrap_or_default();
    let after = usize::from(roots.len() > 1);
    waiting.extend(roots.iter().rev().map(|root| (*root, 0, after)));
    while let Some((node, depth, next)) = waiting.pop() {
        lines.push(format!("{}{}", "  ".repeat(depth), line(node, current)));
        match children.get(&Some(&node.id)).map(Vec::as_slice).unwrap_or_default() {
            [child] => waiting.push((child, next, next)),
            branches => {
                waiting.extend(branches.iter().rev().map(|branch| (*branch, depth + 1, depth + 2)));
            }
        }
    }
    lines
}

fn line(node: &NodeSummary, current: Option<&NodeId>) -> String {
    let mark = if Some(&node.id) == current { '●' } else { '○' };
    let status = match node.status {
        NodeStatus::Completed => "",
        NodeStatus::Running => "  running",
        NodeStatus::Failed => "  failed",
        NodeStatus::Interrupted => "  interrupted",
    };
    let changes = node.changes.as_ref().map_or_else(String::new, |counts| {
        format!("  +{} ~{} -{}", counts.added, counts.modified, counts.deleted)
    });
    let label = node.label.as_ref().map_or_else(String::new, |label| format!("  [{label}]"));
    let saved = if node.exported_at.is_some() { "  (a copy is saved)" } else { "" };
    let lost = node.not_restorable.as_ref().map_or_else(String::new, |reason| {
        format!("  (its files cannot be restored: {})", reason.trim_end_matches('.'))
    });
    let changes_lost = node.changes_lost.as_ref().map_or_else(String::new, |reason| {
        format!("  (its turn cannot be taken back: {})", reason.trim_end_matches('.'))
    });
    let id = node.id.as_str();
    let short = &id[id.len().saturating_sub(8)..];
    format!("{mark} {short}  {}{changes}{status}{label}{saved}{lost}{changes_lost}", node.title)
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
