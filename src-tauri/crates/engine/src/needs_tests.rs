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

fn step(before: &str, state: RestoreState) -> RestoreRow {
    RestoreRow {
        id: RestoreId::new(),
        session_id: SessionId::new(),
        made_at: 1,
        state,
        title: String::new(),
        scope: RestoreScope::All,
        paths: None,
        from_node: None,
        to_node: None,
        before: Some(snapshot(before)),
        after: Some(snapshot("after")),
    }
}

/// What stays, and what goes in which order; what leads to work by hand has a star.
fn told(found: &Needs) -> (String, String) {
    let names = |snapshots: &mut dyn Iterator<Item = &SnapshotId>| {
        snapshots.map(SnapshotId::as_str).collect::<Vec<_>>().join(" ")
    };
    let gives = found.gives.iter().map(|give| {
        let star = if give.what == GiveWhat::ByHand { "*" } else { "" };
        format!("{}{star}", names(&mut give.snapshots.iter()))
    });
    (names(&mut found.kept.iter()), gives.collect::<Vec<_>>().join(", "))
}

fn both(kept: &str, gives: &str) -> (String, String) {
    (kept.to_owned(), gives.to_owned())
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
    let now = (Some(&id("e")), Some(&snapshot("5")));
    let found = needs(&nodes, &[], &HashSet::new(), now, |_| true);
    assert_eq!(told(&found), both("2 3 4 5", "0 1, 1, 1"));
}

#[test]
fn names_sites_and_the_present_keep_what_they_lead_to() {
    let mut nodes = vec![node("n0", None, "s0", "s1")];
    for number in 1..9 {
        let (name, parent) = (format!("n{number}"), format!("n{}", number - 1));
        nodes.push(node(&name, Some(&parent), &format!("s{number}"), &format!("s{}", number + 1)));
    }
    nodes[2].labelled = true;
    nodes[0].exported = true;
    let published = HashSet::from([id("n4")]);
    let now = (Some(&id("n8")), Some(&snapshot("live")));
    let found = needs(&nodes, &[step("s6", RestoreState::Done)], &published, now, |_| true);
    assert_eq!(told(&found), both("live s0 s1 s2 s3 s4 s5 s6 s8 s9", "s7, s7"));
}

#[test]
fn steps_go_after_nodes_and_work_by_hand_goes_last() {
    let nodes = [node("a", None, "0", "1"), node("b", Some("a"), "1", "2"), node("end", Some("b"), "2", "3")];
    let steps = [
        step("hand1", RestoreState::Done),
        step("1", RestoreState::Done),
        step("gone", RestoreState::Done),
        step("hand2", RestoreState::Done),
        step("next undo", RestoreState::Done),
        step("x", RestoreState::Undone),
    ];
    let is_there = |snapshot: &SnapshotId| snapshot.as_str() != "gone";
    let found = needs(&nodes, &steps, &HashSet::new(), (Some(&id("end")), None), is_there);
    assert_eq!(told(&found), both("2 3 after next undo", "0 1, 1, 1, hand1*, hand2*"));
    assert_eq!(found.count(), 8);
}

#[test]
fn a_restore_under_way_keeps_both_its_ends() {
    let nodes = [node("a", None, "0", "1")];
    let steps = [step("before", RestoreState::UndoIntent)];
    let found = needs(&nodes, &steps, &HashSet::new(), (Some(&id("a")), None), |_| true);
    assert_eq!(told(&found), both("0 1 after before", ""));
}

#[test]
fn as_long_as_a_node_stays_the_state_before_its_turn_stays() {
    // Each turn began with work by hand.
    let nodes = [
        node("a", None, "a0", "a1"),
        node("b", Some("a"), "b0", "b1"),
        node("c", Some("b"), "c0", "c1"),
        node("end", Some("c"), "e0", "e1"),
    ];
    let found = needs(&nodes, &[], &HashSet::new(), (Some(&id("end")), None), |_| true);
    assert_eq!(told(&found), both("e0 e1", "a0 a1, b0 b1, c0 c1"));
}

#[test]
fn as_many_go_as_are_likely_to_weigh_what_is_too_much() {
    assert_eq!(share(1_000, 10_000, 100, 80), 10);
    assert_eq!(share(1, 10_000, 100, 80), 1);
    assert_eq!(share(9_999, 10_000, 100, 80), 80);
    assert_eq!(share(5, 0, 0, 3), 3);
}
