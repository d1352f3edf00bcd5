//! What is the turn's and what is not, after a program ended in the middle of one.

use std::time::{Duration, SystemTime};

use okcvm_protocol::{
    ChangeCounts, CommandHandler, FileParams, NodeParams, NodeStatus, SessionParams, UserMessage, Writer,
};
use okcvm_store::{NewNode, Store};

use crate::desk::{Desk, host};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_changed_between_a_killed_turn_and_the_next_start_is_not_the_turns() {
    let desk = Desk::open();
    let session = desk.session().await;
    let files = desk.files(&session).await;
    std::fs::write(files.join("f"), "before").unwrap();
    let first = desk.turn(&session, "What can you do?", Vec::new()).await.node;
    let base = desk.detail(&session).await.tree[0].snapshot.clone().unwrap();
    let folder = desk.close().await;
    // As a program leaves it that is killed in a turn.
    let store = Store::open(&folder.path().join("data/okcvm.db")).unwrap();
    let message = UserMessage { text: "Begin.".into(), attachments: Vec::new() };
    let (session_id, parent_id, title) = (session.clone(), Some(first), "Begin.".to_owned());
    let killed = store.begin_node(&NewNode { session_id, parent_id, title, message, at: 9 }).unwrap();
    let killed = killed.summary.id;
    store.set_node_base(&killed, None, &base, None).unwrap();
    drop(store);
    std::fs::write(files.join("by-agent"), "by the agent").unwrap();
    let sign = folder.path().join("data/sessions").join(session.as_str()).join("alive");
    assert!(sign.exists(), "a turn leaves a sign of life");
    std::fs::File::options().write(true).open(&sign).unwrap().set_modified(SystemTime::now()).unwrap();
    std::thread::sleep(Duration::from_millis(700));
    std::fs::write(files.join("mine"), "by hand").unwrap();
    std::fs::write(files.join("f"), "by hand").unwrap();

    let host = host(folder.path(), &[]);
    let only = SessionParams { session_id: session.clone() };
    let detail = host.session_open(only.clone()).await.unwrap();
    let node = detail.tree.iter().find(|node| node.id == killed).unwrap();
    assert_eq!(node.status, NodeStatus::Interrupted);
    assert_eq!(node.changes, Some(ChangeCounts { added: 1, modified: 0, deleted: 0 }));
    let notice = detail.notice.unwrap_or_default();
    assert!(notice.contains("not counted") && notice.contains("f, mine"), "{notice}");
    let writer = async |path: &str| {
        let params = FileParams { session_id: session.clone(), path: path.to_owned() };
        host.file_history(params).await.unwrap().moments[0].written_by.clone()
    };
    assert_eq!([writer("mine").await, writer("f").await], [Writer::Unknown, Writer::Unknown]);
    assert!(matches!(writer("by-agent").await, Writer::Agent { node_id, .. } if node_id == killed));

    // Taking the turn back touches none of it.
    let turn = NodeParams { session_id: session.clone(), node_id: killed };
    let plan = host.turn_revert_plan(turn.clone()).await.unwrap();
    let paths: Vec<&str> = plan.changes.iter().map(|change| change.path.as_str()).collect();
    assert_eq!(paths, ["by-agent"]);
    host.turn_revert(turn).await.unwrap();
    assert!(!files.join("by-agent").exists());
    assert_eq!(std::fs::read(files.join("mine")).unwrap(), b"by hand");
    host.restore_undo(only).await.unwrap();
    assert!(files.join("by-agent").exists());
}
