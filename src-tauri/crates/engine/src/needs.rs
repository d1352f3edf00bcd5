//! Which snapshots a session needs, and which may go to save room.
//!
//! The tree decides, never a clock. The ends of branches, the node that the conversation is on, named nodes, those of
//! which a copy was saved or that published a site, and what the next undo and the next redo lead to all stay. The rest
//! goes in this order, the oldest first: nodes; steps of the undo stack that lead to what a node holds; and at last those
//! that lead to work by hand. As long as a node stays, so does the state before its turn, and as long as a step stays, so
//! does the state that it leads to.

use std::collections::{BTreeSet, HashSet};

use okcvm_protocol::{NodeId, NodeStatus, SnapshotId, UndoDirection, UndoStep};
use okcvm_store::{NodeSnapshots, RestoreRow, RestoreState};

/// The snapshots of a session, by what they are for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// What must stay.
    pub(crate) kept: BTreeSet<SnapshotId>,
    /// What may go, in the order in which it goes. What the history holds beside these two is needed by nobody.
    pub(crate) gives: Vec<Give>,
}

/// A node or a step of the undo stack that may lose its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Give {
    /// What nobody needs once it and all that goes after it have gone.
    pub(crate) snapshots: Vec<SnapshotId>,
    /// What goes with it.
    pub(crate) what: GiveWhat,
}

/// What gives its files up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GiveWhat {
    /// A node, or a step that leads to what a node holds.
    Recorded,
    /// A step that leads to work by hand, which no node holds.
    ByHand,
}

impl Needs {
    /// How many snapshots are of use to somebody.
    pub(crate) fn count(&self) -> usize {
        let given: BTreeSet<_> = self.gives.iter().flat_map(|give| &give.snapshots).collect();
        self.kept.len() + given.len()
    }
}

/// What a session needs: `nodes` are all of its tree, those in the trash included, oldest first; `published` are nodes
/// whose site is still there; `present` is what the live files equal; `is_there` tells whether the history holds a
/// snapshot.
pub(crate) fn needs(
    nodes: &[NodeSnapshots],
    restores: &[RestoreRow],
    published: &HashSet<NodeId>,
    (current, present): (Option<&NodeId>, Option<&SnapshotId>),
    is_there: impl Fn(&SnapshotId) -> bool,
) -> Needs {
    let parents: HashSet<&NodeId> = nodes.iter().filter_map(|node| node.parent_id.as_ref()).collect();
    let mut kept: BTreeSet<SnapshotId> = present.cloned().into_iter().collect();
    let next = [next_undo(restores, HasFiles::Yes), next_redo(restores, HasFiles::Yes)];
    let mut steps = Vec::new();
    for row in restores {
        match row.state {
            RestoreState::Intent | RestoreState::UndoIntent | RestoreState::RedoIntent => {
                kept.extend(row.before.iter().chain(&row.after).cloned());
            }
            _ if next.iter().flatten().any(|next| next.id == row.id) => kept.extend(row.leads_to().cloned()),
            RestoreState::Done | RestoreState::Undone => steps.extend(row.leads_to()),
            RestoreState::Dropped => {}
        }
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
    kept.retain(&is_there);
    let may_go = |snapshots: &mut dyn Iterator<Item = &SnapshotId>, what| {
        let snapshots: Vec<_> = snapshots.filter(|id| !kept.contains(*id) && is_there(id)).cloned().collect();
        (!snapshots.is_empty()).then_some(Give { snapshots, what })
    };
    let of_nodes: HashSet<&SnapshotId> =
        nodes.iter().flat_map(|node| node.base.iter().chain(&node.snapshot)).collect();
    let (recorded, by_hand): (Vec<_>, Vec<_>) = steps.into_iter().partition(|lead| of_nodes.contains(lead));
    let mut gives = Vec::new();
    gives.extend(nodes.iter().filter_map(|node| may_go(&mut node.all(), GiveWhat::Recorded)));
    for (leads, what) in [(recorded, GiveWhat::Recorded), (by_hand, GiveWhat::ByHand)] {
        gives.extend(leads.into_iter().filter_map(|lead| may_go(&mut std::iter::once(lead), what)));
    }
    Needs { kept, gives }
}

/// Whether only steps count that move files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HasFiles {
    /// Only these.
    Yes,
    /// All.
    Any,
}

impl HasFiles {
    fn counts(self, row: &RestoreRow) -> bool {
        self == Self::Any || row.leads_to().is_some()
    }
}

/// The step that undo takes back next.
pub(crate) fn next_undo(restores: &[RestoreRow], files: HasFiles) -> Option<&RestoreRow> {
    restores.iter().rev().find(|row| row.state == RestoreState::Done && files.counts(row))
}

/// The step that redo does again next.
pub(crate) fn next_redo(restores: &[RestoreRow], files: HasFiles) -> Option<&RestoreRow> {
    let undone = restores.iter().rev().take_while(|row| row.state == RestoreState::Undone);
    undone.filter(|row| files.counts(row)).last()
}

/// What undo and redo would come to, the newest first.
pub(crate) fn steps(restores: &[RestoreRow]) -> Vec<UndoStep> {
    let undone = restores.iter().rev().take_while(|row| row.state == RestoreState::Undone);
    let redo = undone.map(|row| (row, UndoDirection::Redo));
    let done = restores.iter().rev().filter(|row| row.state == RestoreState::Done);
    redo.chain(done.map(|row| (row, UndoDirection::Undo)))
        .map(|(row, direction)| UndoStep {
            id: row.id.clone(),
            title: row.title.clone(),
            made_at: row.made_at,
            direction,
            scope: row.scope,
            paths: row.paths.clone(),
        })
        .collect()
}

/// How many of the snapshots that may go are likely to weigh so much too much, at least one.
pub(crate) fn share(too_much: u64, bytes: u64, snapshots: usize, droppable: usize) -> usize {
    let each = (bytes / snapshots.max(1) as u64).max(1);
    usize::try_from(too_much.div_ceil(each)).unwrap_or(usize::MAX).clamp(1, droppable.max(1))
}

#[cfg(test)]
#[path = "needs_tests.rs"]
mod tests;
