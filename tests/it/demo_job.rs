//! The main job: a site from a dropped table, a change of it, and back again; by the demo model with the real tools.

use okcvm_protocol::{
    CommandHandler, NodeStatus, PreviewOpenParams, PreviewSource, RestoreParams, RestoreScope, SessionParams,
    TodoStatus, ToolCallStatus, TurnEvent,
};

use crate::desk::{Desk, tree};

const TABLE: &str = "city,visitors\nExample A,120\nExample B,340\n\"Example, C\",75\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_site_from_a_table_and_back_again() {
    let desk = Desk::open();
    let session = desk.session().await;
    let attached = desk.drop_file(&session, "visitors.csv", TABLE.as_bytes()).await;
    assert_eq!(attached[0].path, "visitors.csv");

    let first = desk.turn(&session, "Make a website about this data.", attached).await;
    assert_eq!((first.status, &first.error), (NodeStatus::Completed, &None));
    let detail = desk.detail(&session).await;
    assert_eq!(detail.current_node.as_ref(), Some(&first.node));
    assert!(detail.todos.iter().all(|todo| todo.status == TodoStatus::Completed), "{:?}", detail.todos);
    assert!(!detail.todos.is_empty());
    let site = &detail.deployments[0];
    assert_eq!(site.version, 1);

    // The page holds the data of the file, not some data.
    let page = fetch(&site.url).await;
    for word in ["Example A", "340", "Example, C"] {
        assert!(page.contains(word), "{word} is not on the page");
    }
    let node = &detail.turns[0].node;
    assert!(node.changes.as_ref().unwrap().added >= 1);
    // The user put the table there; the turn did not.
    assert_eq!(node.user_changes.as_ref().unwrap().added, 1);
    let after_first = tree(&desk.files(&session).await);

    let second = desk.turn(&session, "Change the colour to green, please.", Vec::new()).await;
    assert_eq!(second.status, NodeStatus::Completed);
    let detail = desk.detail(&session).await;
    assert_eq!(detail.deployments.len(), 2);
    assert_eq!(detail.deployments[0].version, 2);
    let after_second = tree(&desk.files(&session).await);
    assert_ne!(after_first, after_second, "the change changed nothing");
    assert_eq!(detail.turns.len(), 2);

    // Back one node: files, conversation and to-dos are as they were.
    let plan = RestoreParams {
        session_id: session.clone(),
        node_id: first.node.clone(),
        scope: RestoreScope::All,
        paths: None,
    };
    let planned = desk.host.restore_plan(plan.clone()).await.unwrap();
    assert_eq!(planned.turns_left, 1);
    assert!(!planned.changes.is_empty());
    assert!(
        planned.changes.iter().all(|change| matches!(&change.written_by,
            okcvm_protocol::Writer::Agent { node_id, .. } if *node_id == second.node)),
        "{:?}",
        planned.changes
    );
    desk.host.restore_apply(plan).await.unwrap();
    let detail = desk.detail(&session).await;
    assert_eq!((detail.turns.len(), detail.tree.len()), (1, 2));
    assert_eq!(tree(&desk.files(&session).await), after_first);
    // The deployed versions stay as they were.
    assert_eq!(fetch(&detail.deployments[1].url).await, page);

    // And the restore itself is taken back and done again.
    let params = SessionParams { session_id: session.clone() };
    desk.host.restore_undo(params.clone()).await.unwrap();
    assert_eq!(tree(&desk.files(&session).await), after_second);
    assert_eq!(desk.detail(&session).await.current_node, Some(second.node.clone()));
    desk.host.restore_redo(params).await.unwrap();
    assert_eq!(tree(&desk.files(&session).await), after_first);
    assert_eq!(desk.detail(&session).await.current_node, Some(first.node));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_command_is_recovered_from() {
    let desk = Desk::open();
    let session = desk.session().await;
    desk.drop_file(&session, "rows.csv", b"a\n1\n2\n").await;
    let ended = desk.turn(&session, "Run a command that counts the lines of the files.", Vec::new()).await;
    assert_eq!((ended.status, &ended.error), (NodeStatus::Completed, &None));
    let statuses: Vec<ToolCallStatus> = ended
        .events
        .iter()
        .filter_map(|event| match event {
            TurnEvent::ItemCompleted { item } => match &item.body {
                okcvm_protocol::ItemBody::ToolCall(call) if call.tool == "mshtools-shell" => {
                    Some(call.status)
                }
                _ => None,
            },
            _ => None,
        })
        .collect();
    assert!(statuses.contains(&ToolCallStatus::Failed), "{statuses:?}");
    assert_eq!(statuses.last(), Some(&ToolCallStatus::Completed), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_preview_of_the_live_folder_carries_its_policy() {
    let desk = Desk::open();
    let session = desk.session().await;
    let attached = desk.drop_file(&session, "visitors.csv", TABLE.as_bytes()).await;
    desk.turn(&session, "Make a website about this data.", attached).await;
    let site = desk.detail(&session).await.deployments[0].clone();
    let source = PreviewSource::Live { path: site.folder.clone() };
    let handle =
        desk.host.preview_open(PreviewOpenParams { session_id: session.clone(), source }).await.unwrap();
    assert!(handle.url.starts_with(&format!("preview://localhost/{}/", handle.token)), "{}", handle.url);
}

/// Fetches a deployed site over the loopback, under its own host name.
async fn fetch(url: &str) -> String {
    let url: reqwest::Url = url.parse().unwrap();
    let port = url.port().unwrap();
    let host = format!("{}:{port}", url.host_str().unwrap());
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.get(format!("http://127.0.0.1:{port}/")).header("Host", host);
    let response = request.send().await.unwrap();
    assert!(response.status().is_success(), "{}", response.status());
    response.text().await.unwrap()
}
