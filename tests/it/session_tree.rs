//! The session tree: its trash, comparisons, pages of a long conversation, and a stack of restores.

use std::time::{Duration, Instant};

use okcvm_protocol::{
    AppError, ChangeKind, CommandHandler, CompareFileParams, CompareParams, NodeFolderParams, NodeId,
    NodeLabelParams, NodeParams, NodeStatus, RestoreParams, RestoreScope, SessionId, SessionListParams,
    SessionParams, Settings, SettingsSaveParams, TurnPageParams, UserMessage,
};
use okcvm_store::{NewNode, NewSession, Store};

use crate::desk::{Desk, host, tree};

/// A turn whose only work is a file that the user wrote before it.
async fn turn_with(desk: &Desk, session: &SessionId, name: &str, content: &str) -> NodeId {
    std::fs::write(desk.files(session).await.join(name), content).unwrap();
    let ended = desk.turn(session, &format!("What about {name}?"), Vec::new()).await;
    assert_eq!(ended.status, NodeStatus::Completed);
    ended.node
}

fn node(session: &SessionId, node: &NodeId) -> NodeParams {
    NodeParams { session_id: session.clone(), node_id: node.clone() }
}

fn only(session: &SessionId) -> SessionParams {
    SessionParams { session_id: session.clone() }
}

async fn ids(desk: &Desk, session: &SessionId) -> Vec<NodeId> {
    desk.detail(session).await.tree.into_iter().map(|node| node.id).collect()
}

async fn trash(desk: &Desk, session: &SessionId) -> Vec<(NodeId, u32)> {
    let listed = desk.host.trash_list(only(session)).await.unwrap().branches;
    listed.into_iter().map(|branch| (branch.node.id, branch.nodes)).collect()
}

/// A root with two branches of two nodes each; the conversation ends with the second.
struct Branched {
    desk: Desk,
    session: SessionId,
    root: NodeId,
    left: [NodeId; 2],
    right: [NodeId; 2],
}

async fn branched() -> Branched {
    let desk = Desk::open();
    let session = desk.session().await;
    let root = turn_with(&desk, &session, "root", "0").await;
    let left = [
        turn_with(&desk, &session, "left", "1").await,
        turn_with(&desk, &session, "left", "one\ntwo\n").await,
    ];
    desk.host.node_fork(node(&session, &root)).await.unwrap();
    let right =
        [turn_with(&desk, &session, "right", "3").await, turn_with(&desk, &session, "right", "4").await];
    Branched { desk, session, root, left, right }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_goes_to_the_trash_and_comes_back_whole() {
    let Branched { desk, session, root, left, right } = branched().await;
    let before = ids(&desk, &session).await;

    // The branch that the conversation is on stays where it is, and the answer says what to do.
    for held in [&root, &right[0], &right[1]] {
        let refused = desk.host.branch_delete(node(&session, held)).await.unwrap_err();
        assert!(refused.hint.as_ref().is_some_and(|hint| hint.contains("another node")), "{refused}");
    }
    desk.host.branch_delete(node(&session, &left[1])).await.unwrap();
    desk.host.branch_delete(node(&session, &left[0])).await.unwrap();
    assert_eq!(ids(&desk, &session).await, [&root, &right[0], &right[1]].map(Clone::clone));
    assert_eq!(trash(&desk, &session).await, [(left[0].clone(), 1), (left[1].clone(), 1)]);
    assert!(desk.host.branch_delete(node(&session, &left[0])).await.is_err());

    // What hangs on a branch in the trash comes back with it.
    desk.host.branch_recover(node(&session, &left[1])).await.unwrap();
    assert_eq!(ids(&desk, &session).await, before);
    assert_eq!(trash(&desk, &session).await, []);

    // Together there, together back, after a restart, too.
    desk.host.branch_delete(node(&session, &left[0])).await.unwrap();
    let desk = desk.again().await;
    let listed = desk.host.trash_list(only(&session)).await.unwrap().branches;
    assert_eq!((listed.len(), listed[0].nodes), (1, 2));
    let days = (listed[0].purge_at - listed[0].deleted_at) / (24 * 60 * 60 * 1000);
    assert_eq!(days, i64::from(Settings::default().history.trash_days));
    desk.host.branch_recover(node(&session, &left[0])).await.unwrap();
    assert_eq!(ids(&desk, &session).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn going_to_a_node_in_the_trash_takes_it_out() {
    let Branched { desk, session, left, right, .. } = branched().await;
    // Back to the left branch by undo of the fork, while that branch lies in the trash.
    desk.host.branch_delete(node(&session, &left[0])).await.unwrap();
    desk.host.restore_undo(only(&session)).await.unwrap();
    let detail = desk.detail(&session).await;
    assert_eq!(detail.current_node, Some(left[1].clone()));
    assert_eq!(trash(&desk, &session).await, []);
    assert_eq!(detail.tree.len(), 5);
    desk.host.branch_delete(node(&session, &right[0])).await.unwrap();
    desk.host.node_fork(node(&session, &right[1])).await.unwrap();
    assert_eq!(trash(&desk, &session).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_branch_is_gone_and_nothing_else_is() {
    let Branched { desk, session, left, right, .. } = branched().await;
    let files = desk.files(&session).await;
    let there = tree(&files);
    assert!(desk.host.branch_purge(node(&session, &left[0])).await.is_err(), "it is not in the trash");
    desk.host.branch_delete(node(&session, &left[1])).await.unwrap();
    desk.host.branch_purge(node(&session, &left[1])).await.unwrap();
    assert!(!ids(&desk, &session).await.contains(&left[1]));
    assert_eq!(trash(&desk, &session).await, []);
    // Undo led to what is gone; the step before it is not offered in its place with another meaning.
    assert_eq!(desk.detail(&session).await.undo.undo, None);
    desk.host.node_fork(node(&session, &left[0])).await.unwrap();
    assert_eq!(std::fs::read_to_string(files.join("left")).unwrap(), "1");
    desk.host.node_fork(node(&session, &right[1])).await.unwrap();
    assert_eq!(tree(&files), there);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_overdue_is_removed_and_a_folder_of_the_user_stays() {
    let Branched { desk, session, left, .. } = branched().await;
    let work = desk.folder.path().join("work");
    std::fs::create_dir(&work).unwrap();
    std::fs::write(work.join("mine"), "mine").unwrap();
    let theirs = desk.host.engine().create_session(None, Some(&work)).unwrap().id;
    turn_with(&desk, &theirs, "more", "more").await;
    desk.host.session_delete(only(&theirs)).await.unwrap();
    desk.host.branch_delete(node(&session, &left[1])).await.unwrap();
    let trashed = |trash| SessionListParams { search: String::new(), trash };
    let waiting = desk.host.session_list(trashed(true)).await.unwrap().sessions;
    assert_eq!(waiting.len(), 1);
    assert!(waiting[0].purge_at > waiting[0].deleted_at);

    desk.host.engine().purge_overdue().unwrap();
    assert_eq!(trash(&desk, &session).await.len(), 1, "its time is not over");

    // A time in the trash that began long ago.
    let folder = desk.close().await;
    let store = Store::open(&folder.path().join("data/okcvm.db")).unwrap();
    store.set_session_deleted(&theirs, Some(1)).unwrap();
    store.recover_branch(&left[1]).unwrap();
    assert!(store.delete_branch(&session, &left[1], 1).unwrap());
    drop(store);
    let desk = Desk { host: host(folder.path(), &[]), folder };
    desk.host.engine().purge_overdue().unwrap();
    assert_eq!(desk.host.session_list(trashed(true)).await.unwrap().sessions, []);
    assert_eq!(trash(&desk, &session).await, []);
    assert_eq!(desk.detail(&session).await.tree.len(), 4);
    assert_eq!(tree(&work).into_keys().collect::<Vec<_>>(), ["mine", "more"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_are_compared_and_looked_into_without_going_there() {
    let Branched { desk, session, root, left, right } = branched().await;
    let files = desk.files(&session).await;
    let there = tree(&files);
    let params =
        CompareParams { session_id: session.clone(), left: left[1].clone(), right: right[1].clone() };
    let compared = desk.host.node_compare(params).await.unwrap();
    let changes: Vec<_> = compared.changes.iter().map(|change| (change.path.as_str(), change.kind)).collect();
    assert_eq!(changes, [("left", ChangeKind::Deleted), ("right", ChangeKind::Added)]);
    assert_eq!(compared.common, Some(root));

    let along = CompareParams { session_id: session.clone(), left: left[0].clone(), right: left[1].clone() };
    let compared = desk.host.node_compare(along).await.unwrap();
    assert_eq!(compared.common.as_ref(), Some(&left[0]));
    let lines = CompareFileParams {
        session_id: session.clone(),
        left: left[0].clone(),
        right: left[1].clone(),
        change: compared.changes[0].clone(),
    };
    let diff = desk.host.node_compare_file(lines).await.unwrap();
    assert_eq!((diff.additions, diff.deletions), (2, 1));

    let folder =
        NodeFolderParams { session_id: session.clone(), node_id: left[1].clone(), path: String::new() };
    let entries = desk.host.node_file_list(folder).await.unwrap().entries;
    let names: Vec<_> = entries.iter().map(|entry| (entry.name.as_str(), entry.size)).collect();
    assert_eq!(names, [("left", 8), ("root", 1)]);
    assert_eq!(tree(&files), there, "looking touches nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn restores_are_a_stack_of_any_depth_that_survives_a_restart() {
    let desk = Desk::open();
    let session = desk.session().await;
    let mut nodes = Vec::new();
    for number in 0..6 {
        nodes.push(turn_with(&desk, &session, "n", &number.to_string()).await);
    }
    // 5 -> 3 -> 0 -> 4 -> 1, each in its own way.
    for (target, scope) in [
        (3, RestoreScope::All),
        (0, RestoreScope::Files),
        (4, RestoreScope::All),
        (1, RestoreScope::Conversation),
    ] {
        let params =
            RestoreParams { session_id: session.clone(), node_id: nodes[target].clone(), scope, paths: None };
        desk.host.restore_apply(params).await.unwrap();
    }
    let desk = desk.again().await;
    let files = desk.files(&session).await;
    let place = async || {
        let detail = desk.detail(&session).await;
        let number = nodes.iter().position(|node| Some(node) == detail.current_node.as_ref()).unwrap();
        (number, std::fs::read_to_string(files.join("n")).unwrap())
    };
    let places =
        [(5, "5"), (3, "3"), (3, "0"), (4, "4"), (1, "4")].map(|(node, file)| (node, file.to_owned()));
    assert_eq!(place().await, places[4]);
    for expected in places[..4].iter().rev() {
        desk.host.restore_undo(only(&session)).await.unwrap();
        assert_eq!(place().await, *expected);
    }
    assert!(desk.host.restore_undo(only(&session)).await.is_err());
    for expected in &places[1..] {
        desk.host.restore_redo(only(&session)).await.unwrap();
        assert_eq!(place().await, *expected);
    }
    assert!(desk.host.restore_redo(only(&session)).await.is_err());

    // A new act takes the place of what was undone.
    desk.host.restore_undo(only(&session)).await.unwrap();
    desk.host.restore_undo(only(&session)).await.unwrap();
    assert!(desk.detail(&session).await.undo.redo.is_some());
    turn_with(&desk, &session, "n", "new").await;
    let undo = desk.detail(&session).await.undo;
    assert_eq!(undo.redo, None);
    assert!(undo.undo.is_some());
    assert!(desk.host.restore_redo(only(&session)).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn sites_of_another_branch_are_listed_and_marked() {
    let desk = Desk::open();
    let session = desk.session().await;
    let first = turn_with(&desk, &session, "a", "1").await;
    let table = desk.drop_file(&session, "t.csv", b"name,n\nExample A,1\n").await;
    let site = desk.turn(&session, "Make a website about this data.", table).await;
    assert_eq!(site.status, NodeStatus::Completed);
    let marked = async || {
        let sites = desk.detail(&session).await.deployments;
        sites.into_iter().map(|site| (site.node_id, site.on_path)).collect::<Vec<_>>()
    };
    assert_eq!(marked().await, [(Some(site.node.clone()), true)]);
    desk.host.node_fork(node(&session, &first)).await.unwrap();
    assert_eq!(marked().await, [(Some(site.node.clone()), false)]);

    // A branch that is removed for good leaves its site behind.
    desk.host.branch_delete(node(&session, &site.node)).await.unwrap();
    desk.host.branch_purge(node(&session, &site.node)).await.unwrap();
    assert_eq!(marked().await, [(None, true)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_of_ten_thousand_nodes_opens_at_once() {
    const NODES: usize = 10_000;
    let desk = Desk::open();
    let store = Store::open(&desk.folder.path().join("data/okcvm.db")).unwrap();
    let new = NewSession { title: Some("Long".into()), folder: None, profile: None, limits: None, at: 1 };
    let session = store.create_session(&new).unwrap().id;
    let mut parent: Option<NodeId> = None;
    let mut path = Vec::new();
    for number in 0..NODES {
        let text = format!("Message {number}. {}", "Words that no tree shows. ".repeat(80));
        let row = store
            .begin_node(&NewNode {
                session_id: session.clone(),
                parent_id: parent.clone(),
                title: format!("Message {number}"),
                message: UserMessage { text, attachments: Vec::new() },
                at: number as i64,
            })
            .unwrap();
        store.end_node(&row.summary.id, NodeStatus::Completed, None, number as i64).unwrap();
        // Every tenth is a branch of its own.
        if number % 10 != 9 || number == NODES - 1 {
            parent = Some(row.summary.id.clone());
            path.push(row.summary.id);
        }
    }
    drop(store);
    desk.detail(&session).await;
    let mut best = Duration::MAX;
    let mut detail = None;
    for _ in 0..7 {
        let engine = desk.host.engine().clone();
        let begun = Instant::now();
        let opened = engine.open_session(&session, |deployment| deployment).unwrap();
        best = best.min(begun.elapsed());
        detail = Some(opened);
    }
    let detail = detail.unwrap();
    println!("a session of {NODES} nodes opens in {best:?}");
    assert!(best < Duration::from_secs(1), "{best:?}");
    assert_eq!((detail.tree.len(), detail.turns.len()), (NODES, 30));
    assert_eq!(detail.earlier_turns as usize, path.len() - 30);
    let wire = serde_json::to_vec(&detail.tree).unwrap();
    assert!(wire.len() < NODES * 400, "{} bytes", wire.len());
    assert!(!String::from_utf8(wire).unwrap().contains("no tree shows"));

    // Page after page, the whole conversation comes in its order.
    let mut turns: Vec<NodeId> = detail.turns.into_iter().map(|turn| turn.node.id).collect();
    for round in 0.. {
        let before = turns[0].clone();
        let params = TurnPageParams { session_id: session.clone(), before, count: 100 };
        let page = desk.host.turn_page(params).await.unwrap();
        turns.splice(0..0, page.turns.into_iter().map(|turn| turn.node.id));
        assert_eq!(page.earlier_turns as usize, path.len() - turns.len());
        if round == 4 {
            break;
        }
    }
    assert_eq!(turns, path[path.len() - 530..]);
    let params = TurnPageParams { session_id: session, before: path[2].clone(), count: 100 };
    let page = desk.host.turn_page(params).await.unwrap();
    assert_eq!((page.turns.len(), page.earlier_turns), (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_files_were_never_recorded_says_so_when_it_is_sent_again() {
    let desk = Desk::open();
    let session = desk.session().await;
    let first = turn_with(&desk, &session, "a", "1").await;
    turn_with(&desk, &session, "a", "2").await;
    let folder = desk.close().await;
    let store = Store::open(&folder.path().join("data/okcvm.db")).unwrap();
    store.set_not_restorable(&first, "the disk was full.").unwrap();
    drop(store);
    let desk = Desk { host: host(folder.path(), &[]), folder };
    let mut events = desk.listen();
    let retried = desk.host.turn_retry(node(&session, &first)).await.unwrap();
    let okcvm_protocol::TurnStartResponse::Started { node_id } = retried else { panic!("it waits") };
    crate::desk::until_end(&mut events, &node_id).await;
    desk.host.engine().wait_until_idle(&session).await;
    let detail = desk.detail(&session).await;
    let notice = detail.turns.last().unwrap().items.iter().find_map(|item| match &item.body {
        okcvm_protocol::ItemBody::Notice { text, .. } => Some(text.clone()),
        _ => None,
    });
    assert!(notice.is_some_and(|text| text.contains("the disk was full")), "{detail:?}");
    assert_eq!(std::fs::read_to_string(desk.files(&session).await.join("a")).unwrap(), "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_and_the_settings_of_the_history_are_checked() {
    let Branched { desk, session, left, .. } = branched().await;
    let label = NodeLabelParams {
        session_id: session.clone(),
        node_id: left[0].clone(),
        label: Some("  kept ".into()),
    };
    assert_eq!(desk.host.node_label(label).await.unwrap().label.as_deref(), Some("kept"));
    let mut settings = desk.host.settings();
    settings.history.total_budget_bytes = 0;
    let refused: AppError = desk.host.settings_save(SettingsSaveParams { settings }).await.unwrap_err();
    assert!(refused.detail.is_some_and(|field| field == "history.totalBudgetBytes"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_content_is_found_by_a_restore_and_said_at_its_node() {
    let desk = Desk::open();
    let session = desk.session().await;
    // Does not compress, so that the content makes up most of its pack.
    let mut state = 1_u64;
    let noise: String = (0..60_000)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'!' + (state >> 58) as u8)
        })
        .collect();
    let first = turn_with(&desk, &session, "noise", &noise).await;
    let second = turn_with(&desk, &session, "noise", "quiet").await;
    let packs = desk.folder.path().join("data/sessions").join(session.as_str());
    let packs = packs.join("history/repository.git/objects/pack");
    let mut damaged = 0;
    for entry in std::fs::read_dir(packs).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        if path.extension().is_some_and(|kind| kind == "pack") && bytes.len() > 30_000 {
            let middle = bytes.len() / 2;
            bytes[middle..middle + 64].fill(0);
            let mut permissions = std::fs::metadata(&path).unwrap().permissions();
            std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o644);
            std::fs::set_permissions(&path, permissions).unwrap();
            std::fs::write(&path, bytes).unwrap();
            damaged += 1;
        }
    }
    assert_eq!(damaged, 1);
    let files = desk.files(&session).await;
    let there = tree(&files);
    let refused = desk.host.node_fork(node(&session, &first)).await.unwrap_err();
    assert_eq!(tree(&files), there, "nothing is touched");
    let detail = desk.detail(&session).await;
    let reason = |id: &NodeId| detail.tree.iter().find(|node| node.id == *id).unwrap().not_restorable.clone();
    assert!(reason(&first).is_some(), "{refused:?}");
    assert_eq!((reason(&second), detail.current_node.as_ref()), (None, Some(&second)));
    // The conversation goes back without its files, and later moments are as good as ever.
    desk.host.node_fork(node(&session, &first)).await.unwrap_err();
    let conversation = RestoreParams {
        session_id: session.clone(),
        node_id: first,
        scope: RestoreScope::Conversation,
        paths: None,
    };
    desk.host.restore_apply(conversation).await.unwrap();
    std::fs::write(files.join("noise"), "loud").unwrap();
    desk.host.node_fork(node(&session, &second)).await.unwrap();
    assert_eq!(tree(&files), there);
}
