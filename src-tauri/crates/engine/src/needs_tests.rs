use okcvm_protocol::{RestoreId, RestoreScope, SessionId};
use okcvm_store::RestoreState;

use super::*;

fn id(name: &str) -> NodeId {
    NodeId(name.to_owned())
}

fn snapshot(name: &str) -> SnapshotId {
    SnapshotId(name.to_owned())
}

/// A node whose base and end are snapshots of these names.
fn node(name: &str, parent: Option<&str>, base: &str, end: &str) -> NodeSnapshots {
    NodeSnapshots {
        id: id(name),
        parent_id: parent.map(id),
        status: NodeStatus::Completed,
        labelled: false,
        exported: false,
        previous: None,
        base: Some(snapshot(base)),
        snapshot: Some(snapshot(end)),
    }
}

fn names(snapshots: &[SnapshotId]) -> Vec<&str> {
    snapshots.iter().map(SnapshotId::as_str).collect()
}

#[test]
fn the_middle_of_a_branch_may_go_and_its_end_stays() {
    let nodes = [
        node("a", None, "0", "1"),
        node("b", Some("a"), "1", "2"),
        node("c", Some("b"), "2", "3"),
        // A second branch, from the first node.
        node("d", Some("a"), "1", "4"),
        node("e", Some("d"), "4", "5"),
    ];
    let found = needs(&nodes, &[], &HashSet::new(), Some(&id("e")), Some(&snapshot("5")));
    let kept: Vec<SnapshotId> = found.kept.into_iter().collect();
    assert_eq!((names(&kept), names(&found.droppable)), (vec!["2", "3", "4", "5"], vec!["0", "1"]));
}

#[test]
fn names_sites_undo_and_the_present_keep_what_they_lead_to() {
    let mut nodes = vec![node("n0", None, "s0", "s1")];
    for number in 1..9 {
        let (name, parent) = (format!("n{number}"), format!("n{}", number - 1));
        nodes.push(node(&name, Some(&parent), &format!("s{number}"), &format!("s{}", number + 1)));
    }
    nodes[2].labelled = true;
    nodes[0].exported = true;
    let published = HashSet::from([id("n4")]);
    let undo = RestoreRow {
        id: RestoreId::new(),
        session_id: SessionId::new(),
        made_at: 1,
        state: RestoreState::Done,
        title: String::new(),
        scope: RestoreScope::All,
        paths: None,
        from_node: None,
        to_node: None,
        before: Some(snapshot("s6")),
        after: Some(snapshot("before-undo")),
    };
    let found = needs(&nodes, &[undo], &published, Some(&id("n8")), Some(&snapshot("live")));
    let kept: Vec<SnapshotId> = found.kept.into_iter().collect();
    assert_eq!(names(&kept), ["before-undo", "live", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s8", "s9"]);
    assert_eq!(names(&found.droppable), ["s7"]);
}

#[test]
fn a_snapshot_that_a_young_node_has_too_goes_late() {
    let nodes = [
        node("a", None, "old", "same"),
        node("b", Some("a"), "x", "y"),
        node("c", Some("b"), "same", "z"),
        node("end", Some("c"), "z", "end"),
    ];
    let found = needs(&nodes, &[], &HashSet::new(), Some(&id("end")), None);
    assert_eq!(names(&found.droppable), ["old", "x", "y", "same"]);
}

#[test]
fn as_many_go_as_are_likely_to_weigh_what_is_too_much() {
    assert_eq!(share(1_000, 10_000, 100, 80), 10);
    assert_eq!(share(1, 10_000, 100, 80), 1);
    assert_eq!(share(9_999, 10_000, 100, 80), 80);
    assert_eq!(share(5, 0, 0, 3), 3);
}
