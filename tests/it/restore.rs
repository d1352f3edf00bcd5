//! Going back without losing anything.

use okcvm_protocol::{
    ChangeKind, ChangeSide, CommandHandler, DiffParams, ErrorCode, FileParams, NodeParams, NodeStatus,
    RestoreParams, RestoreScope, SessionParams, TurnEditParams, TurnStartResponse, Writer,
};
use okcvm_testkit::{Ending, Reply, ScriptedModelServer};
use serde_json::json;

use crate::desk::{Desk, PATIENCE, spoken, tree, until_end};

async fn two_turns(
    desk: &Desk,
) -> (okcvm_protocol::SessionId, okcvm_protocol::NodeId, okcvm_protocol::NodeId) {
    let session = desk.session().await;
    let attached = desk.drop_file(&session, "t.csv", b"name,n\nExample A,1\nExample B,2\n").await;
    let first = desk.turn(&session, "Make a website about this data.", attached).await;
    let second = desk.turn(&session, "Make the page dark.", Vec::new()).await;
    assert_eq!((first.status, second.status), (NodeStatus::Completed, NodeStatus::Completed));
    (session, first.node, second.node)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_user_changed_by_hand_is_recorded_as_theirs_and_comes_back() {
    let desk = Desk::open();
    let (session, first, second) = two_turns(&desk).await;
    let files = desk.files(&session).await;
    std::fs::write(files.join("mine.txt"), "by hand").unwrap();
    std::fs::write(files.join("t.csv"), "changed,by hand\n").unwrap();
    let with_mine = tree(&files);

    let params = RestoreParams {
        session_id: session.clone(),
        node_id: first.clone(),
        scope: RestoreScope::All,
        paths: None,
    };
    let plan = desk.host.restore_plan(params.clone()).await.unwrap();
    let unsaved: Vec<&str> = plan.unsaved.iter().map(|change| change.path.as_str()).collect();
    assert_eq!(unsaved, ["mine.txt", "t.csv"]);
    for path in ["mine.txt", "t.csv"] {
        let change = plan.changes.iter().find(|change| change.path == path).unwrap();
        assert_eq!(change.written_by, Writer::User, "{path}");
    }
    assert_eq!(tree(&files), with_mine, "a plan touches nothing");

    desk.host.restore_apply(params).await.unwrap();
    assert!(!files.join("mine.txt").exists());
    desk.host.restore_undo(SessionParams { session_id: session.clone() }).await.unwrap();
    assert_eq!(tree(&files), with_mine);
    assert_eq!(desk.detail(&session).await.current_node, Some(second));

    // A turn after hand work names it as the user's.
    let third = desk.turn(&session, "Write a to-do list for the next week.", Vec::new()).await;
    let changes = desk
        .host
        .node_changes(NodeParams { session_id: session.clone(), node_id: third.node.clone() })
        .await
        .unwrap();
    let detail = desk.detail(&session).await;
    assert_eq!(detail.turns.len(), 3);
    // The restore recorded them before, so they are part of what the turn began with.
    assert!(changes.by_turn.is_empty(), "{:?}", changes.by_turn);
}

#[tokio::test(flavor = "multi_thread")]
async fn hand_work_before_a_turn_is_shown_as_the_users_with_its_lines() {
    let desk = Desk::open();
    let (session, _, _) = two_turns(&desk).await;
    let files = desk.files(&session).await;
    std::fs::write(files.join("t.csv"), "name,n\nExample A,1\nExample B,3\n").unwrap();
    let third = desk.turn(&session, "Write a to-do list for the next week.", Vec::new()).await;
    let params = NodeParams { session_id: session.clone(), node_id: third.node.clone() };
    let changes = desk.host.node_changes(params).await.unwrap();
    assert_eq!(changes.by_user.len(), 1);
    let diff = desk
        .host
        .node_diff(DiffParams {
            session_id: session.clone(),
            node_id: third.node,
            side: ChangeSide::User,
            change: changes.by_user[0].clone(),
        })
        .await
        .unwrap();
    assert_eq!((diff.additions, diff.deletions), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_and_conversation_go_back_apart() {
    let desk = Desk::open();
    let (session, first, second) = two_turns(&desk).await;
    let files = desk.files(&session).await;
    let after_second = tree(&files);
    let params =
        |scope| RestoreParams { session_id: session.clone(), node_id: first.clone(), scope, paths: None };

    desk.host.restore_apply(params(RestoreScope::Conversation)).await.unwrap();
    assert_eq!(tree(&files), after_second);
    assert_eq!(desk.detail(&session).await.current_node, Some(first.clone()));
    desk.host.restore_undo(SessionParams { session_id: session.clone() }).await.unwrap();
    assert_eq!(desk.detail(&session).await.current_node, Some(second.clone()));

    desk.host.restore_apply(params(RestoreScope::Files)).await.unwrap();
    assert_ne!(tree(&files), after_second);
    assert_eq!(desk.detail(&session).await.current_node, Some(second.clone()));
    desk.host.restore_undo(SessionParams { session_id: session.clone() }).await.unwrap();
    assert_eq!(tree(&files), after_second);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_message_is_a_sibling_and_the_old_branch_stays() {
    let desk = Desk::open();
    let (session, first, second) = two_turns(&desk).await;
    let files = desk.files(&session).await;
    let after_second = tree(&files);
    let mut events = desk.listen();
    let response = desk
        .host
        .turn_edit(TurnEditParams {
            session_id: session.clone(),
            node_id: second.clone(),
            text: "Change the colour to red.".into(),
        })
        .await
        .unwrap();
    let TurnStartResponse::Started { node_id: edited } = response else { panic!("it waits") };
    let ended = until_end(&mut events, &edited).await;
    assert_eq!(ended.status, NodeStatus::Completed);
    desk.host.engine().wait_until_idle(&session).await;
    let detail = desk.detail(&session).await;
    let parents: Vec<_> = detail.tree.iter().map(|node| node.parent_id.clone()).collect();
    assert_eq!(parents, [None, Some(first.clone()), Some(first.clone())]);
    assert_ne!(tree(&files), after_second);

    // The files follow the branch.
    desk.host.node_fork(NodeParams { session_id: session.clone(), node_id: second.clone() }).await.unwrap();
    assert_eq!(tree(&files), after_second);
    assert_eq!(desk.detail(&session).await.current_node, Some(second));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_that_changed_nothing_makes_no_snapshot_of_its_own() {
    let desk = Desk::open();
    let (session, _, second) = two_turns(&desk).await;
    let third = desk.turn(&session, "What can you do?", Vec::new()).await;
    let detail = desk.detail(&session).await;
    let snapshot = |id| detail.tree.iter().find(|node| node.id == id).unwrap().snapshot.clone();
    assert_eq!(snapshot(third.node), snapshot(second));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undone_restore_of_one_file_leaves_no_trace_of_the_user() {
    let desk = Desk::open();
    let (session, first, second) = two_turns(&desk).await;
    let files = desk.files(&session).await;
    let all = RestoreParams {
        session_id: session.clone(),
        node_id: first.clone(),
        scope: RestoreScope::Files,
        paths: None,
    };
    let before = desk.host.restore_plan(all.clone()).await.unwrap();
    let [change] = before.changes.as_slice() else { panic!("{:?}", before.changes) };
    assert!(matches!(&change.written_by, Writer::Agent { node_id, .. } if *node_id == second));
    let moment = FileParams { session_id: session.clone(), path: change.path.clone() };
    let history = desk.host.file_history(moment.clone()).await.unwrap();
    let present = tree(&files);

    let one = RestoreParams { paths: Some(vec![change.path.clone()]), ..all.clone() };
    desk.host.restore_apply(one).await.unwrap();
    assert_ne!(tree(&files), present);
    desk.host.restore_undo(SessionParams { session_id: session.clone() }).await.unwrap();
    assert_eq!(tree(&files), present);
    assert_eq!(desk.host.restore_plan(all.clone()).await.unwrap(), before);
    assert_eq!(desk.host.file_history(moment).await.unwrap(), history);
    desk.host.restore_redo(SessionParams { session_id: session.clone() }).await.unwrap();
    assert_ne!(tree(&files), present);
    desk.host.restore_undo(SessionParams { session_id: session.clone() }).await.unwrap();
    assert_eq!(tree(&files), present);
    // Nothing of it has to be kept, unless somebody worked on it.
    desk.turn(&session, "What can you do?", Vec::new()).await;
    assert_eq!(desk.detail(&session).await.undo.undo, None);
    let one = RestoreParams { paths: Some(vec![change.path.clone()]), ..all };
    desk.host.restore_apply(one).await.unwrap();
    std::fs::write(files.join(&change.path), "by hand").unwrap();
    desk.host.restore_undo(SessionParams { session_id: session.clone() }).await.unwrap();
    desk.turn(&session, "What can you do?", Vec::new()).await;
    assert!(desk.detail(&session).await.undo.undo.is_some_and(|title| title.starts_with("Undoing of")));
}

/// A dry run while a turn is at work: it says what would change and why it may not, and leaves turn and files alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_restore_is_foreseen_while_a_turn_runs() {
    let server = ScriptedModelServer::start().await.unwrap();
    let base = server.openai_base();
    let desk = Desk::with(&[("OKCVM_CHAT_BASE_URL", &base), ("OKCVM_CHAT_MODEL", "test-model")]);
    let write = |id: &str, path: &str, content: &str| {
        Reply::call(id, "mshtools-write_file", &json!({"file_path": path, "content": content}))
    };
    let session = desk.session().await;
    server.push(write("1", "a.txt", "one\n"));
    server.push(Reply::text("Written."));
    let first = desk.turn(&session, "Write a.", Vec::new()).await.node;

    server.push(write("2", "a.txt", "two\n"));
    server.push(write("3", "b.txt", "b\n"));
    server.push(Reply::text("Now I think").ending(Ending::Stall));
    let mut events = desk.listen();
    let second = desk.send(&session, "Write both.", Vec::new()).await;
    let thinking = async {
        while spoken(&desk.detail(&session).await, &second) != "Now I think" {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, thinking).await.expect("the model does not think");
    // What is still on its way to the disk changes the tree by itself.
    let settled = async {
        while desk.detail(&session).await.tree.iter().any(|node| node.durable == Some(false)) {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, settled).await.expect("the snapshots do not get to the disk");
    let files = desk.files(&session).await;
    let (present, detail) = (tree(&files), desk.detail(&session).await);
    for scope in [RestoreScope::All, RestoreScope::Files, RestoreScope::Conversation] {
        let params =
            RestoreParams { session_id: session.clone(), node_id: first.clone(), scope, paths: None };
        let plan = desk.host.restore_plan(params.clone()).await.unwrap();
        let refusal = plan.refusal.expect("a turn runs");
        assert_eq!(refusal.code, Some(ErrorCode::Busy), "{scope:?}: {refusal:?}");
        let changes: Vec<_> = plan.changes.iter().map(|change| (change.path.as_str(), change.kind)).collect();
        let expected: &[_] = match scope {
            RestoreScope::Conversation => &[],
            _ => &[("a.txt", ChangeKind::Modified), ("b.txt", ChangeKind::Deleted)],
        };
        assert_eq!(changes, expected, "{scope:?}");
        assert_eq!(desk.host.restore_apply(params).await.unwrap_err(), refusal, "{scope:?}");
    }
    assert_eq!(tree(&files), present);
    assert_eq!(desk.detail(&session).await, detail, "the turn runs on as it did");

    desk.host.turn_stop(SessionParams { session_id: session.clone() }).await.unwrap();
    assert_eq!(until_end(&mut events, &second).await.status, NodeStatus::Interrupted);
    desk.host.engine().wait_until_idle(&session).await;
    let params = RestoreParams { session_id: session, node_id: first, scope: RestoreScope::All, paths: None };
    let plan = desk.host.restore_plan(params.clone()).await.unwrap();
    assert_eq!((plan.refusal, plan.changes.len(), plan.turns_left), (None, 2, 1));
    assert_eq!(tree(&files), present);
    desk.host.restore_apply(params).await.unwrap();
    let left: Vec<_> = tree(&files).into_iter().collect();
    assert_eq!(left, [("a.txt".to_owned(), b"one\n".to_vec())]);
}
