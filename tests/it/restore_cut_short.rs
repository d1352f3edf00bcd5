//! A restore that the end of the program cut short, and what the next start makes of it.

use std::path::{Path, PathBuf};

use okcvm_host::Host;
use okcvm_protocol::{
    CommandHandler, DroppedStep, NodeStatus, RestoreId, RestoreScope, SessionId, SessionParams, SnapshotId,
};
use okcvm_snapshots::{Author, RecordInfo, SnapshotError};
use okcvm_store::{RestoreRow, RestoreState, Store};
use sha2::{Digest, Sha256};

use crate::desk::{Desk, PATIENCE, host, tree};

/// A session of two turns that was closed while a restore to the first one was under way.
struct Cut {
    folder: tempfile::TempDir,
    session: SessionId,
    files: PathBuf,
}

async fn cut(paths: Option<Vec<String>>) -> Cut {
    let desk = Desk::open();
    let session = desk.session().await;
    let attached = desk.drop_file(&session, "t.csv", b"name,n\nExample A,1\nExample B,2\n").await;
    let first = desk.turn(&session, "Make a website about this data.", attached).await;
    let second = desk.turn(&session, "Make the page dark.", Vec::new()).await;
    assert_eq!((first.status, second.status), (NodeStatus::Completed, NodeStatus::Completed));
    let files = desk.files(&session).await;
    let detail = desk.detail(&session).await;
    let snapshot =
        |node| detail.tree.iter().find(|known| known.id == node).unwrap().snapshot.clone().unwrap();
    let (first, second, current) = (snapshot(first.node), snapshot(second.node.clone()), Some(second.node));
    let folder = desk.close().await;
    store(folder.path())
        .put_restore(&RestoreRow {
            id: RestoreId::new(),
            session_id: session.clone(),
            made_at: 1,
            state: RestoreState::Intent,
            title: "Restore of “one”".into(),
            scope: RestoreScope::Files,
            paths,
            from_node: current.clone(),
            to_node: current,
            before: Some(second.clone()),
            after: Some(first),
        })
        .unwrap();
    Cut { folder, session, files }
}

fn store(folder: &Path) -> Store {
    Store::open(&folder.join("data/okcvm.db")).unwrap()
}

async fn undo(host: &Host, session: &SessionId) {
    host.restore_undo(SessionParams { session_id: session.clone() }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_was_touched_so_nothing_is() {
    let cut = cut(None).await;
    let before = tree(&cut.files);
    let host = host(cut.folder.path(), &[]);
    let detail = host.session_open(SessionParams { session_id: cut.session.clone() }).await.unwrap();
    assert_eq!(detail.notice, None);
    assert_eq!(tree(&cut.files), before);
    assert_eq!(host.engine().undo_state(&cut.session).unwrap().undo, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_since_stays_and_what_was_before_comes_back() {
    let cut = cut(None).await;
    let before = tree(&cut.files);
    for path in before.keys() {
        std::fs::write(cut.files.join(path), "by hand\n").unwrap();
    }
    std::fs::write(cut.files.join("new.txt"), "by hand\n").unwrap();
    let by_hand = tree(&cut.files);
    let host = host(cut.folder.path(), &[]);
    let detail = host.session_open(SessionParams { session_id: cut.session.clone() }).await.unwrap();
    assert!(detail.notice.unwrap().contains("cut short"));
    assert_eq!(tree(&cut.files), by_hand);
    undo(&host, &cut.session).await;
    assert_eq!(tree(&cut.files), before);
    host.restore_redo(SessionParams { session_id: cut.session.clone() }).await.unwrap();
    assert_eq!(tree(&cut.files), by_hand);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_had_arrived_is_done() {
    let cut = cut(Some(vec!["no such file".into()])).await;
    let host = host(cut.folder.path(), &[]);
    host.session_open(SessionParams { session_id: cut.session.clone() }).await.unwrap();
    assert_eq!(host.engine().undo_state(&cut.session).unwrap().undo.as_deref(), Some("Restore of “one”"));
}

impl Cut {
    /// The history of the session, as a program that was killed left it.
    fn history(&self) -> (PathBuf, okcvm_snapshots::History) {
        let folder = self.folder.path().join("data/sessions").join(self.session.as_str()).join("history");
        let history = okcvm_snapshots::History::open(&folder).unwrap().history;
        (folder, history)
    }

    /// Does the files' part of the restore.
    fn carry_out(&self) -> RestoreRow {
        let row = store(self.folder.path()).restores(&self.session).unwrap().remove(0);
        let workspace = okcvm_workspace::Workspace::open(&self.files).unwrap();
        let (before, after) = (row.before.as_ref().unwrap(), row.after.as_ref().unwrap());
        self.history().1.restore(&workspace, before, after, &okcvm_snapshots::RestoreWhat::All).unwrap();
        row
    }
}

/// Writes what the history writes down before it moves anything; see its module `intent`.
fn under_way(folder: &Path, from: Option<&SnapshotId>, to: Option<&SnapshotId>) {
    let text = serde_json::json!({ "from": from, "to": to, "paths": null }).to_string();
    let mut intent = b"okcvm-1\n".to_vec();
    intent.extend_from_slice(&(text.len() as u64).to_le_bytes());
    intent.extend_from_slice(&Sha256::digest(text.as_bytes()));
    intent.extend_from_slice(text.as_bytes());
    std::fs::write(folder.join("restoring"), intent).unwrap();
}

/// Killed after the files were all there; what others made elsewhere since then is nothing to the restore, whichever of
/// its files they changed.
#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_had_arrived_is_done_whatever_was_changed_since() {
    let cut = cut(None).await;
    let before = tree(&cut.files);
    cut.carry_out();
    let restored = tree(&cut.files);
    assert_ne!(restored, before);
    std::fs::write(cut.files.join("new.txt"), "by hand\n").unwrap();
    let host = host(cut.folder.path(), &[]);
    let detail = host.session_open(SessionParams { session_id: cut.session.clone() }).await.unwrap();
    assert_eq!(detail.notice, None);
    assert_eq!(detail.undo.undo.as_deref(), Some("Restore of “one”"));
    assert_eq!(std::fs::read_to_string(cut.files.join("new.txt")).unwrap(), "by hand\n");
    undo(&host, &cut.session).await;
    assert_eq!(tree(&cut.files), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_elsewhere_before_a_restore_began_is_no_half_of_it() {
    let cut = cut(None).await;
    std::fs::write(cut.files.join("new.txt"), "by hand\n").unwrap();
    let by_hand = tree(&cut.files);
    let host = host(cut.folder.path(), &[]);
    let detail = host.session_open(SessionParams { session_id: cut.session.clone() }).await.unwrap();
    assert_eq!((detail.notice, detail.undo.undo), (None, None));
    assert_eq!(tree(&cut.files), by_hand);
}

/// A restore had failed and was being taken back when the program was killed.
#[tokio::test(flavor = "multi_thread")]
async fn the_taking_back_of_a_failed_restore_is_finished_as_what_it_is() {
    let cut = cut(None).await;
    let before = tree(&cut.files);
    let row = cut.carry_out();
    let (folder, history) = cut.history();
    drop(history);
    under_way(&folder, row.after.as_ref(), row.before.as_ref());
    let host = host(cut.folder.path(), &[]);
    let detail = host.session_open(SessionParams { session_id: cut.session.clone() }).await.unwrap();
    assert_eq!((detail.notice, detail.undo.undo), (None, None));
    assert_eq!(tree(&cut.files), before);
}

/// A step that the history does not hold any more keeps nobody from those behind it.
#[tokio::test(flavor = "multi_thread")]
async fn undo_goes_past_a_step_that_is_gone() {
    let cut = cut(None).await;
    let before = tree(&cut.files);
    let row = cut.carry_out();
    let open = store(cut.folder.path());
    open.put_restore(&RestoreRow { state: RestoreState::Done, ..row.clone() }).unwrap();
    let gone = Some(SnapshotId("1".repeat(40)));
    let (id, state, title) = (RestoreId::new(), RestoreState::Done, "gone".to_owned());
    open.put_restore(&RestoreRow { id, state, title, before: gone, ..row }).unwrap();
    drop(open);
    let host = host(cut.folder.path(), &[]);
    let only = SessionParams { session_id: cut.session.clone() };
    let told = host.restore_undo(only.clone()).await.unwrap_err();
    assert!(told.message.contains("“gone”") && told.hint.is_some(), "{told}");
    assert_eq!(host.engine().undo_state(&cut.session).unwrap().undo.as_deref(), Some("Restore of “one”"));
    undo(&host, &cut.session).await;
    assert_eq!(tree(&cut.files), before);
}

/// The snapshot that was to be restored cannot be read any more.
#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_is_gone_does_not_close_the_session() {
    let cut = cut(None).await;
    let open = store(cut.folder.path());
    let row = open.restores(&cut.session).unwrap().remove(0);
    open.put_restore(&RestoreRow { after: Some(SnapshotId("1".repeat(40))), ..row }).unwrap();
    drop(open);
    std::fs::write(cut.files.join("new.txt"), "by hand\n").unwrap();
    let host = host(cut.folder.path(), &[]);
    let detail = host.session_open(SessionParams { session_id: cut.session.clone() }).await.unwrap();
    assert_eq!(detail.access, okcvm_protocol::SessionAccess::Write);
    assert!(cut.files.join("new.txt").exists());
    undo(&host, &cut.session).await;
    assert!(!cut.files.join("new.txt").exists());
}

/// Nodes are marked before their snapshots go; killed in between, they are still there.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_marked_and_not_dropped_can_be_restored_again() {
    let cut = cut(None).await;
    let open = store(cut.folder.path());
    let target = open.restores(&cut.session).unwrap().remove(0).after.unwrap();
    let reason = "they were dropped to save room.";
    assert_eq!(
        open.mark_snapshots(&cut.session, &[target], reason, okcvm_store::SnapshotMark::Gone).unwrap(),
        1
    );
    drop(open);
    let host = host(cut.folder.path(), &[]);
    let detail = host.session_open(SessionParams { session_id: cut.session.clone() }).await.unwrap();
    assert!(detail.tree.iter().all(|node| node.not_restorable.is_none()), "{:?}", detail.tree);
}

/// The power went before the state before the restore was safe.
#[tokio::test(flavor = "multi_thread")]
async fn a_state_before_that_is_gone_does_not_close_the_session() {
    let cut = cut(None).await;
    let open = store(cut.folder.path());
    let row = open.restores(&cut.session).unwrap().remove(0);
    open.put_restore(&RestoreRow { before: Some(SnapshotId("1".repeat(40))), ..row }).unwrap();
    drop(open);
    std::fs::write(cut.files.join("new.txt"), "by hand\n").unwrap();
    let host = host(cut.folder.path(), &[]);
    let detail = host.session_open(SessionParams { session_id: cut.session.clone() }).await.unwrap();
    assert_eq!(detail.access, okcvm_protocol::SessionAccess::Write);
    assert!(cut.files.join("new.txt").exists());
    assert_eq!(host.engine().undo_state(&cut.session).unwrap().undo, None);
}

/// A restore that failed half-way, which the person was told, on a disk so full that nothing of that could be recorded.
#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_was_told_to_have_failed_is_not_carried_out_later() {
    let cut = cut(None).await;
    let open = store(cut.folder.path());
    let row = open.restores(&cut.session).unwrap().remove(0);
    // Two files are to change.
    std::fs::write(cut.files.join("mine"), "by hand").unwrap();
    let before = tree(&cut.files);
    let workspace = okcvm_workspace::Workspace::open(&cut.files).unwrap();
    let info = RecordInfo { message: "State before a restore", author: Author::User, at_ms: 1 };
    // Where many tests run, the program that was shut down lets go a moment later.
    let began = std::time::Instant::now();
    let (folder, history, present) = loop {
        let (folder, history) = cut.history();
        match history.record(&workspace, row.before.as_ref(), info) {
            Err(SnapshotError::Busy) if began.elapsed() < PATIENCE => {
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            recorded => break (folder, history, recorded.unwrap().snapshot),
        }
    };
    let row = RestoreRow { before: Some(present.clone()), ..row };
    open.put_restore(&row).unwrap();
    open.set_head_snapshot(&cut.session, Some(&present)).unwrap();
    drop(open);
    let target = row.after.as_ref().unwrap();
    history.restore(&workspace, &present, target, &okcvm_snapshots::RestoreWhat::All).unwrap();
    // It stopped after one of them.
    std::fs::write(cut.files.join("mine"), "by hand").unwrap();
    let half = tree(&cut.files);
    assert_ne!(half, before);
    under_way(&folder, row.before.as_ref(), row.after.as_ref());
    history.fail_restore().unwrap();
    drop(history);
    let host = host(cut.folder.path(), &[]);
    let detail = host.session_open(SessionParams { session_id: cut.session.clone() }).await.unwrap();
    assert_eq!(tree(&cut.files), half, "nothing moves by itself");
    assert!(detail.notice.unwrap().contains("could not be finished"));
    let title = host.engine().undo_state(&cut.session).unwrap().undo.unwrap();
    assert!(title.starts_with("What was left half-done"), "{title}");
    undo(&host, &cut.session).await;
    assert_eq!(tree(&cut.files), before);
}

/// Steps are marked before their snapshots go, too.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_was_marked_and_not_dropped_is_there_again() {
    let cut = cut(None).await;
    let before = tree(&cut.files);
    let row = cut.carry_out();
    let open = store(cut.folder.path());
    open.put_restore(&RestoreRow { state: RestoreState::Done, ..row.clone() }).unwrap();
    let (title, paths) = (row.title.clone(), Vec::new());
    let dropped = DroppedStep { title, made_at: 1, dropped_at: 2, paths, files: 0 };
    open.thin_restores(&[(row.id, Some(dropped))]).unwrap();
    assert_eq!(
        (open.restores(&cut.session).unwrap(), open.thinned_restores(&cut.session).unwrap().len()),
        (Vec::new(), 1)
    );
    drop(open);
    let host = host(cut.folder.path(), &[]);
    let detail = host.session_open(SessionParams { session_id: cut.session.clone() }).await.unwrap();
    assert_eq!((detail.undo.undo.as_deref(), detail.undo.dropped), (Some("Restore of “one”"), Vec::new()));
    undo(&host, &cut.session).await;
    assert_eq!(tree(&cut.files), before);
}
