//! Which snapshots a session needs, and which may go to save room.
//!
//! The tree decides, never a clock: the ends of branches, the node that the conversation is on, named nodes, those
//! of which a copy was saved or that published a site, and what undo and redo lead to all stay. The rest may go, the oldest first.

use std::collections::{BTreeSet, HashMap, HashSet};

use okcvm_protocol::{NodeId, NodeStatus, SnapshotId};
use okcvm_store::{NodeSnapshots, RestoreRow};

/// The snapshots of a session, by what they are for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// What must stay.
    pub(crate) kept: BTreeSet<SnapshotId>,
    /// What may go, the oldest first. Everything else that the history holds is needed by nobody.
    pub(crate) droppable: Vec<SnapshotId>,
}

/// What a session needs: `nodes` are all of its tree, those in the trash included, oldest first; `published` are nodes
/// whose site is still there; `present` is what the live files equal.
pub(crate) fn needs(
    nodes: &[NodeSnapshots],
    restores: &[RestoreRow],
    published: &HashSet<NodeId>,
    current: Option<&NodeId>,
    present: Option<&SnapshotId>,
) -> Needs {
    let parents: HashSet<&NodeId> = nodes.iter().filter_map(|node| node.parent_id.as_ref()).collect();
    let mut kept: BTreeSet<SnapshotId> = present.cloned().into_iter().collect();
    for row in restores {
        kept.extend(row.before.iter().chain(&row.after).cloned());
    }
    for node in nodes {
        let stays = !parents.contains(&node.id)
            || Some(&node.id) == current
            || node.labelled
            || node.exported
            || node.status == NodeStatus::Running
            || published.contains(&node.id);
        if stays {
            kept.extend(node.all().cloned());
        }
    }
    // A snapshot is as young as the youngest node that has it.
    let mut youngest: HashMap<&SnapshotId, usize> = HashMap::new();
    for (age, node) in nodes.iter().enumerate() {
        for snapshot in node.all() {
            youngest.insert(snapshot, age);
        }
    }
    let mut droppable: Vec<(usize, &SnapshotId)> = youngest
        .into_iter()
        .filter(|(snapshot, _)| !kept.contains(*snapshot))
        .map(|(snapshot, age)| (age, snapshot))
        .collect();
    droppable.sort_unstable();
    let droppable = droppable.into_iter().map(|(_, snapshot)| snapshot.clone()).collect();
    Needs { kept, droppable }
}

/// How many of the droppable snapshots are likely to weigh so much too much, at least one.
pub(crate) fn share(too_much: u64, bytes: u64, snapshots: usize, droppable: usize) -> usize {
    let each = (bytes / snapshots.max(1) as u64).max(1);
    usize::try_from(too_much.div_ceil(each)).unwrap_or(usize::MAX).clamp(1, droppable.max(1))
}

#[cfg(test)]
#[path = "needs_tests.rs"]
mod tests;
