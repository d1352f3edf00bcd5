//! What was away and is there again, what a clock that is wrong must not end, and what the disk has to hold first.

use std::path::{Path, PathBuf};

use okcvm_protocol::{
    CommandHandler, FilesParams, NodeId, NodeParams, RestoreParams, RestoreScope, SessionId,
    SessionListParams, SessionParams,
};
use okcvm_store::Store;

use crate::desk::{Desk, host, tree};

async fn turn(desk: &Desk, session: &SessionId) -> NodeId {
    desk.turn(session, "What can you do?", Vec::new()).await.node
}

fn only(session: &SessionId) -> SessionParams {
    SessionParams { session_id: session.clone() }
}

fn whole(session: &SessionId, node: &NodeId) -> RestoreParams {
    RestoreParams {
        session_id: session.clone(),
        node_id: node.clone(),
        scope: RestoreScope::All,
        paths: None,
    }
}

fn database(desk: &Desk) -> PathBuf {
    desk.folder.path().join("data/okcvm.db")
}

fn store(desk: &Desk) -> Store {
    Store::open(&database(desk)).unwrap()
}

fn beside(folder: &Path, ending: &str) -> PathBuf {
    let mut name = folder.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_was_away_leads_everywhere_again() {
    let desk = Desk::open();
    let session = desk.session().await;
    let files = desk.files(&session).await;
    let first = turn(&desk, &session).await;
    std::fs::write(files.join("mine"), "by hand").unwrap();
    let with_mine = tree(&files);
    desk.host.restore_apply(whole(&session, &first)).await.unwrap();
    let history = desk.host.engine().session_folder(&session).join("history");
    let desk = desk.again().await;
    std::fs::rename(&history, beside(&history, ".away")).unwrap();
    assert!(desk.detail(&session).await.notice.unwrap().contains("is gone"));
    desk.host.restore_apply(whole(&session, &first)).await.unwrap_err();
    let desk = desk.again().await;
    std::fs::remove_dir_all(&history).unwrap();
    std::fs::rename(beside(&history, ".away"), &history).unwrap();
    desk.detail(&session).await;
    desk.host.history_tidy(only(&session)).await.unwrap();
    desk.host.restore_undo(only(&session)).await.unwrap();
    assert_eq!(tree(&files), with_mine);
    desk.host.restore_apply(whole(&session, &first)).await.unwrap();
    assert!(!files.join("mine").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_for_good_that_was_cut_short_is_taken_back_by_whoever_opens_the_session() {
    let desk = Desk::open();
    let session = desk.session().await;
    let files = desk.files(&session).await;
    std::fs::write(files.join("mine"), "by hand").unwrap();
    turn(&desk, &session).await;
    desk.host.session_delete(only(&session)).await.unwrap();
    let folder = desk.host.engine().session_folder(&session);
    let desk = desk.again().await;
    let leaving = folder.with_file_name(format!(".leaving-{}", session.as_str()));
    std::fs::rename(&folder, &leaving).unwrap();
    desk.host.session_recover(only(&session)).await.unwrap();
    let detail = desk.detail(&session).await;
    assert_eq!(detail.notice, None);
    assert_eq!(std::fs::read_to_string(files.join("mine")).unwrap(), "by hand");
    assert!(!leaving.exists());
}

const DAY: i64 = 24 * 60 * 60 * 1000;

/// A desk whose program believed in another time when it was last used, in days from now.
fn believing(days: i64) -> (Desk, i64) {
    let folder = tempfile::tempdir().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
    let before = Store::open(&folder.path().join("data/okcvm.db")).unwrap();
    before.look_at_clock(now + days * DAY).unwrap();
    drop(before);
    (Desk { host: host(folder.path(), &[]), folder }, now)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_leapt_ahead_empties_no_trash() {
    let (desk, now) = believing(-40);
    let session = desk.session().await;
    let first = turn(&desk, &session).await;
    let gone = turn(&desk, &session).await;
    desk.host.restore_apply(whole(&session, &first)).await.unwrap();
    let other = desk.session().await;
    // A day ago, as was believed then.
    let store = store(&desk);
    assert!(store.delete_branch(&session, &gone, now - 39 * DAY).unwrap());
    store.set_session_deleted(&other, Some(now - 39 * DAY)).unwrap();
    desk.host.engine().purge_overdue().unwrap();
    assert_eq!(store.trashed_branches(&session).unwrap().len(), 1);
    assert!(store.session(&other).unwrap().deleted_at.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_behind_dates_nothing_back() {
    let (desk, now) = believing(300);
    let session = desk.session().await;
    let files = desk.files(&session).await;
    let first = turn(&desk, &session).await;
    let gone = turn(&desk, &session).await;
    desk.host.restore_apply(whole(&session, &first)).await.unwrap();
    std::fs::write(files.join("mine"), "by hand").unwrap();
    let params = FilesParams { session_id: session.clone(), paths: vec!["mine".into()] };
    desk.host.file_delete(params).await.unwrap();
    desk.host.branch_delete(NodeParams { session_id: session.clone(), node_id: gone }).await.unwrap();
    let other = desk.session().await;
    desk.host.session_delete(only(&other)).await.unwrap();
    let store = store(&desk);
    let at = [
        store.deleted_files(&session).unwrap()[0].deleted_at,
        store.trashed_branches(&session).unwrap()[0].deleted_at,
        store.session(&other).unwrap().deleted_at.unwrap(),
    ];
    assert!(at.iter().all(|at| *at >= now + 300 * DAY), "{at:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn work_by_hand_before_a_turn_outlives_the_removal_of_its_branch() {
    let desk = Desk::open();
    let session = desk.session().await;
    let files = desk.files(&session).await;
    let first = turn(&desk, &session).await;
    std::fs::write(files.join("mine"), "a day of work").unwrap();
    let with_mine = tree(&files);
    let second = turn(&desk, &session).await;
    // As if the turn itself had removed the file: its node holds another state.
    let store = store(&desk);
    let snapshot = store.node(&first).unwrap().summary.snapshot.unwrap();
    let counts = store.node(&second).unwrap().summary.changes.unwrap();
    store.set_node_snapshot(&second, &snapshot, &counts).unwrap();
    desk.host.restore_apply(whole(&session, &first)).await.unwrap();
    let branch = || NodeParams { session_id: session.clone(), node_id: second.clone() };
    desk.host.branch_delete(branch()).await.unwrap();
    desk.host.branch_purge(branch()).await.unwrap();
    desk.host.history_tidy(only(&session)).await.unwrap();
    while desk.detail(&session).await.undo.undo.is_some() && tree(&files) != with_mine {
        desk.host.restore_undo(only(&session)).await.unwrap();
    }
    assert_eq!(tree(&files), with_mine);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_file_moves_before_the_restore_is_noted_on_the_disk() {
    let desk = Desk::open();
    let session = desk.session().await;
    let files = desk.files(&session).await;
    let first = turn(&desk, &session).await;
    std::fs::write(files.join("mine"), "by hand").unwrap();
    let before = tree(&files);
    // In the place of the log is something that cannot be synced.
    let log = beside(&database(&desk), "-wal");
    std::fs::rename(&log, beside(&log, ".aside")).unwrap();
    std::fs::create_dir(&log).unwrap();
    desk.host.restore_apply(whole(&session, &first)).await.unwrap_err();
    assert_eq!(tree(&files), before);
    std::fs::remove_dir(&log).unwrap();
    std::fs::rename(beside(&log, ".aside"), &log).unwrap();
    desk.host.restore_apply(whole(&session, &first)).await.unwrap();
    assert!(!files.join("mine").exists());
    let listed = desk.host.session_list(SessionListParams { search: String::new(), trash: false }).await;
    assert_eq!(listed.unwrap().sessions.len(), 1);
    drop(store(&desk));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_recorded_after_the_copy_of_the_database_is_on_the_undo_stack() {
    recorded_after_the_copy(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_recorded_after_the_copy_is_told_by_its_place_not_by_a_clock() {
    // The clock was two years ahead when the copy was made, and is right again.
    recorded_after_the_copy(Some(730 * 86_400_000)).await;
}

async fn recorded_after_the_copy(ahead: Option<i64>) {
    let desk = Desk::open();
    let session = desk.session().await;
    let files = desk.files(&session).await;
    let first = turn(&desk, &session).await;
    if let Some(ahead) = ahead {
        let (newest, at) = store(&desk).recorded(&session).unwrap().unwrap();
        store(&desk).set_recorded(&session, &newest.unwrap(), at + ahead).unwrap();
    }
    let _ = std::fs::remove_file(database(&desk).with_extension("copy.db"));
    store(&desk).keep_copy().unwrap();
    std::fs::write(files.join("mine"), "by hand").unwrap();
    turn(&desk, &session).await;
    std::fs::write(files.join("more"), "by hand").unwrap();
    let with_more = tree(&files);
    desk.host.restore_apply(whole(&session, &first)).await.unwrap();
    let at = tree(&files);
    let folder = desk.close().await;
    let database = folder.path().join("data/okcvm.db");
    for ending in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(beside(&database, ending));
    }
    std::fs::rename(database.with_extension("copy.db"), &database).unwrap();
    let desk = Desk { host: host(folder.path(), &[]), folder };
    let detail = desk.detail(&session).await;
    assert_eq!(detail.tree.len(), 1);
    assert!(detail.notice.unwrap().contains("Undo leads to them"));
    assert_eq!(tree(&files), at);
    desk.host.history_tidy(only(&session)).await.unwrap();
    desk.host.restore_undo(only(&session)).await.unwrap();
    assert_eq!(tree(&files), with_more);
    // Said and taken in once.
    let desk = desk.again().await;
    assert_eq!(desk.detail(&session).await.notice, None);
}
