use okcvm_protocol::ChangeCounts;

use super::*;

fn node(id: &str, parent: Option<&str>) -> NodeSummary {
    NodeSummary {
        id: NodeId(id.into()),
        parent_id: parent.map(|parent| NodeId(parent.into())),
        title: id.to_uppercase(),
        label: None,
        started_at: 0,
        ended_at: Some(1),
        status: NodeStatus::Completed,
        snapshot: None,
        base_snapshot: None,
        changes: None,
        user_changes: None,
        not_restorable: None,
        deleted_at: None,
        untrusted: Vec::new(),
        exported_at: None,
        durable: None,
        changes_lost: None,
    }
}

#[test]
fn a_line_stays_level_and_every_branch_is_indented_whole() {
    let tree: Vec<NodeSummary> = [
        ("a", None),
        ("b", Some("a")),
        ("c", Some("b")),
        ("c1", Some("c")),
        ("c2", Some("c1")),
        ("d", Some("b")),
        ("d1", Some("d")),
        ("d2", Some("d")),
        ("d11", Some("d1")),
    ]
    .into_iter()
    .map(|(id, parent)| node(id, parent))
    .collect();
    let current = NodeId("d2".into());
    assert_eq!(
        draw(&tree, Some(&current)),
        [
            "○ a  A",
            "○ b  B",
            "  ○ c  C",
            "    ○ c1  C1",
            "    ○ c2  C2",
            "  ○ d  D",
            "    ○ d1  D1",
            "      ○ d11  D11",
            "    ● d2  D2",
        ]
    );
}

#[test]
fn children_of_two_roots_are_not_level_with_the_roots() {
    let tree = [node("a", None), node("a1", Some("a")), node("b", None)];
    assert_eq!(draw(&tree, None), ["○ a  A", "  ○ a1  A1", "○ b  B"]);
}

#[test]
fn a_line_says_what_became_of_the_turn_and_its_files() {
    let mut lost = node("a", None);
    lost.status = NodeStatus::Interrupted;
    lost.label = Some("before lunch".into());
    lost.changes = Some(ChangeCounts { added: 1, modified: 2, deleted: 3 });
    lost.not_restorable = Some("its history was damaged and moved aside.".into());
    let line = "○ a  A  +1 ~2 -3  interrupted  [before lunch]  \
                (its files cannot be restored: its history was damaged and moved aside)";
    assert_eq!(draw(&[lost], None), [line]);
}
