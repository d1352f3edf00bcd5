use okcvm_protocol::{
    ChangeCounts, Item, ItemBody, ItemId, NodeId, NodeStatus, RestoreId, SnapshotId, Todo, TodoPriority,
    TodoStatus, TurnLimits, UserMessage,
};

use super::*;
use crate::{NewNode, NewSession, NodeRow, RestoreRow, RestoreState, SessionRow};

fn open() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("deep/okcvm.db")).unwrap();
    (folder, store)
}

fn session(store: &Store) -> SessionRow {
    let new =
        NewSession { title: None, folder: None, profile: None, limits: Some(TurnLimits::default()), at: 1 };
    store.create_session(&new).unwrap()
}

fn node(store: &Store, session: &SessionRow, parent: Option<&NodeRow>) -> NodeRow {
    store
        .begin_node(&NewNode {
            session_id: session.id.clone(),
            parent_id: parent.map(|node| node.summary.id.clone()),
            title: "t".into(),
            message: UserMessage { text: "说 “hi”\u{0}".into(), attachments: Vec::new() },
            at: 2,
        })
        .unwrap()
}

fn todo(content: &str) -> Todo {
    Todo { id: None, content: content.into(), priority: TodoPriority::High, status: TodoStatus::InProgress }
}

#[test]
fn what_was_stored_is_there_after_opening_again() {
    let (folder, store) = open();
    let session = session(&store);
    let node = node(&store, &session, None);
    let item = Item {
        id: ItemId::new(),
        node_id: node.summary.id.clone(),
        ordinal: 0,
        step: 0,
        started_at: 3,
        ended_at: None,
        body: ItemBody::Text { text: "half".into() },
    };
    store.put_item(&item).unwrap();
    let whole = Item { ended_at: Some(4), body: ItemBody::Text { text: "half and half".into() }, ..item };
    store.put_item(&whole).unwrap();
    drop(store);
    let store = Store::open(&folder.path().join("deep/okcvm.db")).unwrap();
    assert_eq!(store.items(&node.summary.id).unwrap(), [whole]);
    assert_eq!(store.topology(&session.id).unwrap(), std::slice::from_ref(&node.summary));
    assert_eq!(store.session(&session.id).unwrap().current_node, Some(node.summary.id));
}

#[test]
fn a_file_of_a_later_version_is_refused_and_left_alone() {
    let (folder, store) = open();
    store.connection().pragma_update(None, "user_version", 99).unwrap();
    drop(store);
    let path = folder.path().join("deep/okcvm.db");
    assert!(matches!(Store::open(&path), Err(StoreError::TooNew { found: 99, .. })));
}

#[test]
fn a_file_that_is_no_database_is_an_error_and_stays_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("okcvm.db");
    std::fs::write(&path, "no database at all, and long enough to be looked at by SQLite as a page header")
        .unwrap();
    let before = std::fs::read(&path).unwrap();
    assert!(Store::open(&path).is_err());
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn the_to_do_list_follows_the_tree() {
    let (_folder, store) = open();
    let session = session(&store);
    let id = &session.id;
    store.set_todos(id, None, &[todo("before any message")]).unwrap();
    assert_eq!(store.todos(id, None).unwrap(), [todo("before any message")]);
    let root = node(&store, &session, None);
    assert_eq!(store.todos(id, Some(&root.summary.id)).unwrap(), [todo("before any message")]);
    store.set_todos(id, Some(&root.summary.id), &[todo("root")]).unwrap();
    let left = node(&store, &session, Some(&root));
    let right = node(&store, &session, Some(&root));
    store.set_todos(id, Some(&left.summary.id), &[]).unwrap();
    assert_eq!(store.todos(id, Some(&left.summary.id)).unwrap(), []);
    assert_eq!(store.todos(id, Some(&right.summary.id)).unwrap(), [todo("root")]);
}

#[test]
fn a_name_by_the_user_is_not_replaced() {
    let (_folder, store) = open();
    let session = session(&store);
    let title = |store: &Store| store.session(&session.id).unwrap().title;
    store.rename_session(&session.id, "made from a message", false, 2).unwrap();
    store.rename_session(&session.id, "made from the next", false, 3).unwrap();
    assert_eq!(title(&store), "made from a message");
    store.rename_session(&session.id, "mine", true, 4).unwrap();
    store.rename_session(&session.id, "made again", false, 5).unwrap();
    assert_eq!(title(&store), "mine");
}

#[test]
fn waiting_messages_are_taken_back_once_and_keep_their_order() {
    let (_folder, store) = open();
    let session = session(&store);
    let message = |text: &str| UserMessage { text: text.into(), attachments: Vec::new() };
    let first = store.queue_message(&session.id, &message("a"), 1).unwrap();
    let second = store.queue_message(&session.id, &message("b"), 1).unwrap();
    assert_eq!(store.queue(&session.id).unwrap(), [first.clone(), second.clone()]);
    assert!(store.unqueue(&session.id, &first.id).unwrap());
    assert!(!store.unqueue(&session.id, &first.id).unwrap());
    assert_eq!(store.queue(&session.id).unwrap(), [second]);
}

#[test]
fn a_restore_ends_in_one_step_and_a_new_one_drops_what_was_undone() {
    let (_folder, store) = open();
    let session = session(&store);
    let root = node(&store, &session, None);
    let tip = node(&store, &session, Some(&root));
    let restore = |title: &str| RestoreRow {
        id: RestoreId::new(),
        session_id: session.id.clone(),
        made_at: 1,
        state: RestoreState::Intent,
        title: title.into(),
        scope: okcvm_protocol::RestoreScope::All,
        paths: None,
        from_node: Some(tip.summary.id.clone()),
        to_node: Some(root.summary.id.clone()),
        before: Some(SnapshotId("b".into())),
        after: Some(SnapshotId("a".into())),
    };
    let counts = ChangeCounts { added: 0, modified: 0, deleted: 0 };
    store.set_node_snapshot(&root.summary.id, &SnapshotId("a".into()), &counts).unwrap();
    let first = restore("first");
    store.put_restore(&first).unwrap();
    store.finish_restore(&first, RestoreState::Done, first.to_node.as_ref(), first.after.as_ref()).unwrap();
    let row = store.session(&session.id).unwrap();
    assert_eq!((row.current_node, row.head_snapshot), (first.to_node.clone(), first.after.clone()));
    let undoing = RestoreRow { state: RestoreState::UndoIntent, ..first.clone() };
    store.put_restore(&undoing).unwrap();
    store
        .finish_restore(&undoing, RestoreState::Undone, first.from_node.as_ref(), first.before.as_ref())
        .unwrap();
    let second = restore("second");
    store.put_restore(&second).unwrap();
    store.finish_restore(&second, RestoreState::Done, second.to_node.as_ref(), None).unwrap();
    let states: Vec<_> =
        store.restores(&session.id).unwrap().into_iter().map(|row| (row.title, row.state)).collect();
    assert_eq!(states, [("second".to_owned(), RestoreState::Done)]);
    assert_eq!(store.session(&session.id).unwrap().head_snapshot, first.before);
}

/// The clock may be set back between two restores, and names of restores follow the clock.
#[test]
fn the_stack_is_in_the_order_in_which_it_was_made() {
    let (_folder, store) = open();
    let session = session(&store);
    for (id, title) in [("2", "earlier"), ("1", "later")] {
        let row = RestoreRow { id: RestoreId(id.into()), ..restore(&session, title) };
        store.put_restore(&row).unwrap();
    }
    let titles: Vec<_> = store.restores(&session.id).unwrap().into_iter().map(|row| row.title).collect();
    assert_eq!(titles, ["earlier", "later"]);
}

#[test]
fn work_by_hand_that_was_undone_can_be_brought_back_after_the_next_turn() {
    let (_folder, store) = open();
    let session = session(&store);
    let by_hand = RestoreRow { state: RestoreState::Undone, ..restore(&session, "by hand") };
    store.put_restore(&by_hand).unwrap();
    let root = node(&store, &session, None);
    let rows = store.restores(&session.id).unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].title.as_str(), rows[0].state), ("Undoing of “by hand”", RestoreState::Done));
    assert_eq!((&rows[0].before, &rows[0].after), (&by_hand.after, &by_hand.before));

    // Of the undoing of an undoing the step itself is left.
    store.put_restore(&RestoreRow { state: RestoreState::Undone, ..rows[0].clone() }).unwrap();
    node(&store, &session, Some(&root));
    let rows = store.restores(&session.id).unwrap();
    assert_eq!((rows[0].title.as_str(), &rows[0].before), ("by hand", &by_hand.before));

    // What a turn holds needs no step of its own.
    let counts = ChangeCounts { added: 0, modified: 0, deleted: 0 };
    store.set_node_snapshot(&root.summary.id, &SnapshotId("a".into()), &counts).unwrap();
    let of_a_turn = RestoreRow { state: RestoreState::Undone, ..restore(&session, "of a turn") };
    store.put_restore(&of_a_turn).unwrap();
    node(&store, &session, Some(&root));
    let rows = store.restores(&session.id).unwrap();
    assert_eq!(rows.into_iter().map(|row| row.title).collect::<Vec<_>>(), ["by hand"]);
}

fn restore(session: &SessionRow, title: &str) -> RestoreRow {
    RestoreRow {
        id: RestoreId::new(),
        session_id: session.id.clone(),
        made_at: 1,
        state: RestoreState::Intent,
        title: title.into(),
        scope: okcvm_protocol::RestoreScope::Files,
        paths: None,
        from_node: None,
        to_node: None,
        before: Some(SnapshotId("b".into())),
        after: Some(SnapshotId("a".into())),
    }
}

/// Removing a branch takes steps along whose files its nodes held, and no work by hand.
#[test]
fn a_removed_branch_leaves_work_by_hand_on_the_stack() {
    use okcvm_protocol::RestoreScope::{All, Conversation, Files};
    let (_folder, store) = open();
    let session = session(&store);
    let stays = node(&store, &session, None);
    let gone = node(&store, &session, Some(&stays));
    let counts = ChangeCounts { added: 0, modified: 0, deleted: 0 };
    store.set_node_snapshot(&gone.summary.id, &SnapshotId("gone".into()), &counts).unwrap();
    store.set_node_snapshot(&stays.summary.id, &SnapshotId("stays".into()), &counts).unwrap();
    store.add_untrusted(&gone.summary.id, "a page").unwrap();
    let (there, here) = (Some(gone.summary.id.clone()), Some(stays.summary.id.clone()));
    // The conversation is on the node that stays.
    let open = restore(&session, "none");
    store.finish_restore(&open, RestoreState::Done, here.as_ref(), None).unwrap();
    let put = |title: &str, scope, state, files: Option<[&str; 2]>, [from, to]: [&Option<NodeId>; 2]| {
        let [before, after] = [0, 1].map(|side| files.map(|files| SnapshotId(files[side].into())));
        let (from_node, to_node) = (from.clone(), to.clone());
        let row = restore(&session, title);
        store.put_restore(&RestoreRow { state, scope, from_node, to_node, before, after, ..row }).unwrap();
    };
    let (done, undone) = (RestoreState::Done, RestoreState::Undone);
    put("files", Files, done, Some(["gone", "stays"]), [&there, &there]);
    put("by hand", All, done, Some(["hand", "stays"]), [&there, &here]);
    put("conversation", Conversation, done, None, [&there, &here]);
    put("of a turn", All, done, Some(["gone", "stays"]), [&there, &here]);
    put("elsewhere", All, done, Some(["stays", "stays"]), [&here, &here]);
    put("undone", All, undone, Some(["stays", "gone"]), [&here, &there]);
    put("undone by hand", All, undone, Some(["stays", "hand"]), [&here, &there]);
    assert!(store.delete_branch(&session.id, &gone.summary.id, 5).unwrap());
    assert_eq!(store.purge_branch(&session.id, &gone.summary.id).unwrap(), [gone.summary.id]);
    let rows = store.restores(&session.id).unwrap();
    let told: Vec<_> = rows.iter().map(|row| (row.title.as_str(), row.scope, &row.from_node)).collect();
    assert_eq!(
        told,
        [
            ("files", Files, &None),
            ("by hand", Files, &None),
            ("elsewhere", All, &here),
            ("undone by hand", Files, &here)
        ]
    );
    // What their files bring along that is not trusted is noted where they would come to.
    assert_eq!(store.untrusted_along(&stays.summary.id).unwrap(), ["a page"]);
}

#[test]
fn a_removed_session_takes_all_its_rows_along() {
    let (_folder, store) = open();
    let (gone, stays) = (session(&store), session(&store));
    for session in [&gone, &stays] {
        let node = node(&store, session, None);
        store.end_node(&node.summary.id, NodeStatus::Completed, None, 9).unwrap();
        store.note_file_read(&session.id, "a", "h").unwrap();
    }
    store.purge_session(&gone.id).unwrap();
    assert!(matches!(store.session(&gone.id), Err(StoreError::Missing { .. })));
    assert_eq!(store.topology(&gone.id).unwrap(), []);
    assert_eq!(store.file_read(&gone.id, "a").unwrap(), None);
    assert_eq!(store.topology(&stays.id).unwrap().len(), 1);
}

#[test]
fn two_programs_write_at_once() {
    let (folder, store) = open();
    let session = session(&store);
    let path = folder.path().join("deep/okcvm.db");
    let writers: Vec<_> = (0..4)
        .map(|number| {
            let (path, id) = (path.clone(), session.id.clone());
            std::thread::spawn(move || {
                let store = Store::open(&path).unwrap();
                for step in 0..50 {
                    store.note_file_read(&id, &format!("{number}-{step}"), "h").unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.join().unwrap();
    }
    let _: NodeId = node(&store, &session, None).summary.id;
    assert_eq!(store.file_read(&session.id, "3-49").unwrap().as_deref(), Some("h"));
}

#[test]
fn a_note_for_every_file_holds_until_its_own_end_and_moved_files_are_noted_at_both_paths() {
    let (_folder, store) = open();
    let session = session(&store).id;
    let other = self::session(&store).id;
    let known = |path: &str| store.is_untrusted_file(&session, path).unwrap();
    for mark in ["/one", "/two"] {
        store.note_untrusted_files(&session, &[mark.to_owned()]).unwrap();
    }
    store.end_untrusted_mark(&session, "/one", &["数据/a_%".to_owned()]).unwrap();
    assert!(known("any"), "the other import goes on");
    assert!(!store.is_untrusted_file(&other, "any").unwrap());
    store.end_untrusted_mark(&session, "/two", &["数据2/b".to_owned(), "数".to_owned()]).unwrap();
    assert!(!known("any") && known("数据/a_%") && known("数据2/b"));

    store.note_moved_files(&session, "数据", "数据 (2)").unwrap();
    store.note_moved_files(&session, "数", "c").unwrap();
    let listed = store.untrusted_files(&session, 10).unwrap();
    assert_eq!(listed, ["c", "数", "数据 (2)/a_%", "数据/a_%", "数据2/b"]);
    assert_eq!(store.untrusted_files(&other, 10).unwrap(), Vec::<String>::new());
}

#[test]
fn a_damaged_database_says_so_and_its_copy_takes_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("okcvm.db");
    let copy = folder.path().join("okcvm.copy.db");
    let new = |title: &str| NewSession {
        title: Some(title.to_owned()),
        folder: None,
        profile: None,
        limits: None,
        at: 1,
    };
    {
        let store = Store::open(&path).unwrap();
        store.create_session(&new("first")).unwrap();
        // Not where it would fill the disk.
        let full = store.keep_copy_within(|_| Some(SPARE)).unwrap_err();
        assert!(
            matches!(&full, StoreError::File { source, .. } if source.kind() == std::io::ErrorKind::StorageFull)
        );
        let left = std::fs::read_dir(folder.path()).unwrap().filter_map(Result::ok);
        assert!(left.map(|entry| entry.file_name()).all(|name| !name.to_string_lossy().contains("copy")));
        store.keep_copy().unwrap();
        // It is made daily at most.
        store.create_session(&new("second")).unwrap();
        let made = std::fs::metadata(&copy).unwrap().modified().unwrap();
        store.keep_copy().unwrap();
        assert_eq!(std::fs::metadata(&copy).unwrap().modified().unwrap(), made);
        let old = std::time::SystemTime::now() - Duration::from_secs(25 * 60 * 60);
        std::fs::File::options().write(true).open(&copy).unwrap().set_modified(old).unwrap();
        store.keep_copy().unwrap();
        assert!(std::fs::metadata(&copy).unwrap().modified().unwrap() > old);
    }
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[..64].fill(7);
    std::fs::write(&path, &bytes).unwrap();
    let error = Store::open(&path).err().unwrap().to_app_error();
    assert!(error.message == "The database is damaged." && error.hint.unwrap().contains("okcvm.copy.db"));
    std::fs::rename(&copy, &path).unwrap();
    assert_eq!(Store::open(&path).unwrap().sessions().unwrap().len(), 2);
}
