//! Ways in which things could be lost or stuck, each found once and kept here.

use okcvm_protocol::{
    ChangeCounts, ChangeKind, CommandHandler, FileParams, NodeStatus, RestoreParams, RestoreScope,
    SessionAccess, SessionCreateParams, SessionListParams, SessionParams, TurnStartParams, UserMessage,
    Writer,
};
use okcvm_store::{NewNode, Store};
use okcvm_testkit::{Reply, ScriptedModelServer};

use crate::desk::{Desk, host, tree};

async fn write_turn(desk: &Desk, session: &okcvm_protocol::SessionId, name: &str) -> okcvm_protocol::NodeId {
    // Hand work belongs to the turn that follows: enough to tell the moments apart.
    std::fs::write(desk.files(session).await.join(name), name).unwrap();
    let ended = desk.turn(session, "What can you do?", Vec::new()).await;
    assert_eq!(ended.status, NodeStatus::Completed);
    ended.node
}

#[tokio::test(flavor = "multi_thread")]
async fn redo_goes_back_to_the_moment_that_undo_left_files_and_conversation_alike() {
    let desk = Desk::open();
    let session = desk.session().await;
    let first = write_turn(&desk, &session, "1").await;
    write_turn(&desk, &session, "2").await;
    let params =
        RestoreParams { session_id: session.clone(), node_id: first, scope: RestoreScope::All, paths: None };
    desk.host.restore_apply(params).await.unwrap();
    let later = write_turn(&desk, &session, "d").await;
    let there = tree(&desk.files(&session).await);
    let only = SessionParams { session_id: session.clone() };
    desk.host.restore_undo(only.clone()).await.unwrap();
    desk.host.restore_redo(only).await.unwrap();
    assert_eq!(tree(&desk.files(&session).await), there);
    assert_eq!(desk.detail(&session).await.current_node, Some(later));
}

#[tokio::test(flavor = "multi_thread")]
async fn undo_of_a_restore_to_the_current_node_takes_the_conversation_along() {
    let desk = Desk::open();
    let session = desk.session().await;
    let first = write_turn(&desk, &session, "1").await;
    let files = desk.files(&session).await;
    std::fs::write(files.join("mine"), "by hand").unwrap();
    let with_mine = tree(&files);
    let params = RestoreParams {
        session_id: session.clone(),
        node_id: first.clone(),
        scope: RestoreScope::All,
        paths: None,
    };
    desk.host.restore_apply(params).await.unwrap();
    assert!(!files.join("mine").exists());
    write_turn(&desk, &session, "2").await;
    desk.host.restore_undo(SessionParams { session_id: session.clone() }).await.unwrap();
    assert_eq!(tree(&files), with_mine);
    assert_eq!(desk.detail(&session).await.current_node, Some(first));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_speaks_of_the_files_as_they_are_now() {
    let desk = Desk::open();
    let session = desk.session().await;
    let files = desk.files(&session).await;
    std::fs::write(files.join("stays"), "1").unwrap();
    let first = write_turn(&desk, &session, "later-gone").await;
    std::fs::remove_file(files.join("later-gone")).unwrap();
    write_turn(&desk, &session, "new").await;
    // Since then by hand: the gone one is there again, the new one is gone, another is changed.
    std::fs::write(files.join("later-gone"), "mine").unwrap();
    std::fs::remove_file(files.join("new")).unwrap();
    std::fs::write(files.join("stays"), "2").unwrap();
    let params = RestoreParams {
        session_id: session.clone(),
        node_id: first,
        scope: RestoreScope::Files,
        paths: None,
    };
    let plan = desk.host.restore_plan(params).await.unwrap();
    let changes: Vec<_> = plan.changes.into_iter().map(|change| (change.path, change.kind)).collect();
    let expected = [("later-gone", ChangeKind::Modified), ("stays", ChangeKind::Modified)];
    assert_eq!(changes, expected.map(|(path, kind)| (path.to_owned(), kind)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_history_is_moved_aside_and_the_session_goes_on() {
    let desk = Desk::open();
    let session = desk.session().await;
    let first = write_turn(&desk, &session, "1").await;
    write_turn(&desk, &session, "2").await;
    let params =
        RestoreParams { session_id: session.clone(), node_id: first, scope: RestoreScope::All, paths: None };
    desk.host.restore_apply(params).await.unwrap();
    let history = desk.folder.path().join("data/sessions").join(session.as_str()).join("history");
    let folder = desk.close().await;
    empty_objects(&history.join("repository.git/objects"));

    let host = host(folder.path(), &[]);
    let open = SessionParams { session_id: session.clone() };
    let detail = host.session_open(open.clone()).await.unwrap();
    assert!(detail.notice.is_some());
    assert_eq!((detail.tree.len(), detail.access), (2, SessionAccess::Write));
    assert!(detail.tree.iter().all(|node| node.not_restorable.is_some()));
    assert_eq!(detail.undo.undo, None);
    let mut events = host.engine().events().subscribe(host.engine().events().last());
    let params =
        TurnStartParams { session_id: session, text: "What can you do?".into(), attachments: Vec::new() };
    let okcvm_protocol::TurnStartResponse::Started { node_id } = host.turn_start(params).await.unwrap()
    else {
        panic!("it waits")
    };
    assert_eq!(crate::desk::until_end(&mut events, &node_id).await.status, NodeStatus::Completed);
}

/// Takes from the disk what a power cut takes that comes right after the last snapshot.
fn cut_last(history: &std::path::Path) {
    const RECORD: usize = 128;
    const MARK: u8 = 3;
    let journal = history.join("journal");
    // What is behind is synced by a thread of its own, within a second on a machine at rest.
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    let mut bytes = std::fs::read(&journal).unwrap();
    while bytes[bytes.len() - RECORD + 4] != MARK {
        assert!(std::time::Instant::now() < end, "the last snapshot was never synced");
        std::thread::sleep(std::time::Duration::from_millis(20));
        bytes = std::fs::read(&journal).unwrap();
    }
    while bytes[bytes.len() - RECORD + 4] == MARK {
        bytes.truncate(bytes.len() - RECORD);
    }
    std::fs::write(&journal, &bytes).unwrap();
    let last = &bytes[bytes.len() - RECORD..];
    let holds = |index: &[u8]| index.windows(20).any(|id| *id == last[16..36]);
    let packs = history.join("repository.git/objects/pack");
    let cut = std::fs::read_dir(packs).unwrap().map(|entry| entry.unwrap().path()).find(|path| {
        path.extension().is_some_and(|kind| kind == "idx") && holds(&std::fs::read(path).unwrap())
    });
    std::fs::write(cut.unwrap().with_extension("pack"), "").unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_takes_the_last_moment_alone() {
    let desk = Desk::open();
    let session = desk.session().await;
    let first = write_turn(&desk, &session, "1").await;
    let second = write_turn(&desk, &session, "2").await;
    let folder = desk.close().await;
    cut_last(&folder.path().join("data/sessions").join(session.as_str()).join("history"));

    let host = host(folder.path(), &[]);
    let open = SessionParams { session_id: session.clone() };
    let detail = host.session_open(open.clone()).await.unwrap();
    let notice = detail.notice.unwrap();
    assert!(notice.starts_with("The machine went down"), "{notice}");
    let reason = |wanted: &okcvm_protocol::NodeId| {
        detail.tree.iter().find(|node| node.id == *wanted).unwrap().not_restorable.clone()
    };
    assert_eq!(reason(&first), None);
    assert!(reason(&second).unwrap().contains("went down"), "{:?}", reason(&second));
    // The files of the lost moment are where they were, are recorded again, and come back after a restore.
    let files = std::path::PathBuf::from(&detail.workspace_path);
    let there = tree(&files);
    let params =
        RestoreParams { session_id: session.clone(), node_id: first, scope: RestoreScope::All, paths: None };
    host.restore_apply(params).await.unwrap();
    assert!(files.join("1").exists() && !files.join("2").exists());
    host.restore_undo(open).await.unwrap();
    assert_eq!(tree(&files), there);
}

/// One damaged snapshot, or what lies beside the objects, costs no other moment; each is said.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_is_mended_or_said_at_its_node_and_the_rest_stays() {
    let desk = Desk::open();
    let session = desk.session().await;
    let mut nodes = Vec::new();
    for name in ["1", "2", "3"] {
        if name == "3" {
            // What a later moment shares with the damaged one goes with it.
            std::fs::remove_file(desk.files(&session).await.join("2")).unwrap();
        }
        nodes.push(write_turn(&desk, &session, name).await);
    }
    let tree_now = desk.detail(&session).await.tree;
    let snapshot = |node: &okcvm_protocol::NodeId| {
        let found = tree_now.iter().find(|one| one.id == *node).unwrap();
        found.snapshot.clone().unwrap().to_string()
    };
    let second = snapshot(&nodes[1]);
    let folder = desk.close().await;
    let repository =
        folder.path().join("data/sessions").join(session.as_str()).join("history/repository.git");
    std::fs::write(repository.join("HEAD"), [0, 159, 146, 150]).unwrap();
    let holds = |index: &std::path::Path| {
        let said = std::process::Command::new("git")
            .arg("show-index")
            .stdin(std::fs::File::open(index).unwrap())
            .output()
            .unwrap();
        String::from_utf8_lossy(&said.stdout).contains(&second)
    };
    let packs =
        std::fs::read_dir(repository.join("objects/pack")).unwrap().map(|entry| entry.unwrap().path());
    let index = packs
        .filter(|path| path.extension().is_some_and(|kind| kind == "idx"))
        .find(|path| holds(path))
        .unwrap();
    std::fs::remove_file(index.with_extension("pack")).unwrap();

    let host = host(folder.path(), &[]);
    let open = SessionParams { session_id: session.clone() };
    let detail = host.session_open(open.clone()).await.unwrap();
    let notice = detail.notice.unwrap();
    assert!(notice.contains("damaged (HEAD) and was mended"), "{notice}");
    assert!(notice.contains("One snapshot of this session was damaged"), "{notice}");
    let reason = |wanted: &okcvm_protocol::NodeId| {
        detail.tree.iter().find(|node| node.id == *wanted).unwrap().not_restorable.clone()
    };
    assert_eq!((reason(&nodes[0]), reason(&nodes[2])), (None, None));
    assert_eq!(reason(&nodes[1]).as_deref(), Some("they were damaged in the history."));
    assert_eq!(detail.current_node.as_ref(), Some(&nodes[2]));
    let go = |node: &okcvm_protocol::NodeId| RestoreParams {
        session_id: session.clone(),
        node_id: node.clone(),
        scope: RestoreScope::All,
        paths: None,
    };
    let error = host.restore_apply(go(&nodes[1])).await.unwrap_err();
    assert!(error.message.contains("damaged in the history"), "{error}");
    let files = std::path::PathBuf::from(&detail.workspace_path);
    host.restore_apply(go(&nodes[0])).await.unwrap();
    assert!(files.join("1").exists() && !files.join("2").exists());
    host.restore_apply(go(&nodes[2])).await.unwrap();
    assert!(files.join("1").exists() && files.join("3").exists());
    let arguments = ["fsck", "--full", "--strict", "--no-dangling", "--no-progress"];
    let said =
        std::process::Command::new("git").arg("--git-dir").arg(&repository).args(arguments).output().unwrap();
    let text = String::from_utf8_lossy(&said.stderr);
    let complaints = text.lines().filter(|line| !line.starts_with("notice: ")).count();
    assert!(said.status.success() && said.stdout.is_empty() && complaints == 0, "{said:?}");
}

/// What damage left aside counts as room that the history takes, and gives way before any moment does.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_set_aside_gives_way_before_a_moment_does() {
    let desk = Desk::open();
    let session = desk.session().await;
    for name in ["1", "2", "3"] {
        write_turn(&desk, &session, name).await;
    }
    let only = || SessionParams { session_id: session.clone() };
    let before = desk.host.history_usage(only()).await.unwrap();
    assert_eq!(before.aside_bytes, 0);
    let history = desk.folder.path().join("data/sessions").join(session.as_str()).join("history");
    let torn = history.join("repository.git/torn");
    std::fs::create_dir_all(&torn).unwrap();
    let mut settings = desk.host.settings();
    let budget = settings.history.session_budget_bytes;
    let large = std::fs::File::create(torn.join("pack-0.pack")).unwrap();
    large.set_len(budget).unwrap();
    let usage = desk.host.history_usage(only()).await.unwrap();
    assert_eq!(usage.aside_bytes, budget);
    assert!(usage.bytes > budget && usage.total_bytes > budget, "{usage:?}");
    // Whatever wants to move the files meanwhile calls it off.
    let mut report = desk.host.history_tidy(only()).await.unwrap();
    for _ in 0..50 {
        if !report.cancelled {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        report = desk.host.history_tidy(only()).await.unwrap();
    }
    assert_eq!((report.aside_bytes, report.thinned, report.cancelled), (budget, 0, false));
    assert!(!torn.join("pack-0.pack").exists());
    // Within the budget it stays for as long as things stay in the trash.
    std::fs::write(torn.join("pack-1.pack"), "torn").unwrap();
    settings.history.trash_days = 30;
    desk.host.settings_save(okcvm_protocol::SettingsSaveParams { settings }).await.unwrap();
    desk.host.engine().purge_overdue().unwrap();
    assert_eq!(desk.host.history_tidy(only()).await.unwrap().usage.aside_bytes, 4);
}

fn empty_objects(folder: &std::path::Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            empty_objects(&path);
        } else {
            std::fs::remove_file(&path).unwrap();
            std::fs::write(&path, "").unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_whose_folder_is_gone_can_be_read_and_goes_on_when_it_is_back() {
    let desk = Desk::open();
    let work = desk.folder.path().join("work");
    std::fs::create_dir(&work).unwrap();
    let create = SessionCreateParams { title: None, folder: Some(work.to_string_lossy().into_owned()) };
    let session = desk.host.session_create(create).await.unwrap().id;
    write_turn(&desk, &session, "1").await;
    let away = desk.folder.path().join("away");
    std::fs::rename(&work, &away).unwrap();

    let folder = desk.close().await;
    let host = host(folder.path(), &[]);
    let open = SessionParams { session_id: session.clone() };
    let detail = host.session_open(open.clone()).await.unwrap();
    assert_eq!((detail.turns.len(), detail.access), (1, SessionAccess::ReadOnly));
    assert!(detail.notice.unwrap().contains("is not there"));
    let params = TurnStartParams { session_id: session, text: "Hello".into(), attachments: Vec::new() };
    assert!(host.turn_start(params.clone()).await.unwrap_err().message.contains("is not there"));

    std::fs::rename(&away, &work).unwrap();
    assert_eq!(host.session_open(open).await.unwrap().access, SessionAccess::Write);
    host.turn_start(params).await.unwrap();
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_became_a_link_is_not_followed() {
    let desk = Desk::open();
    let work = desk.folder.path().canonicalize().unwrap().join("work");
    std::fs::create_dir(&work).unwrap();
    let create = SessionCreateParams { title: None, folder: Some(work.to_string_lossy().into_owned()) };
    let session = desk.host.session_create(create).await.unwrap().id;
    let first = write_turn(&desk, &session, "1").await;
    let elsewhere = desk.folder.path().join("elsewhere");
    std::fs::create_dir(&elsewhere).unwrap();
    std::fs::write(elsewhere.join("private"), "kept").unwrap();
    std::fs::rename(&work, desk.folder.path().join("away")).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &work).unwrap();
    let params =
        RestoreParams { session_id: session.clone(), node_id: first, scope: RestoreScope::All, paths: None };
    let error = desk.host.restore_apply(params).await.unwrap_err();
    assert!(error.message.contains("is a link by now and leads to"), "{error:?}");
    assert_eq!(tree(&elsewhere).len(), 1);
    // Another start can read it, and says why no more.
    let other = host(desk.folder.path(), &[]);
    let detail = other.session_open(SessionParams { session_id: session.clone() }).await.unwrap();
    assert_eq!((detail.turns.len(), detail.access), (1, SessionAccess::ReadOnly));
    assert!(detail.notice.unwrap().contains("is a link by now"));
    let text = TurnStartParams { session_id: session, text: "Hello".into(), attachments: Vec::new() };
    assert!(other.turn_start(text).await.unwrap_err().message.contains("is a link by now"));
    assert_eq!(tree(&elsewhere).len(), 1);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_removed_for_good_leaves_nothing_whatever_cuts_it_short() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::open();
    let closed = |session: &okcvm_protocol::SessionId| {
        let folder = desk.host.engine().session_folder(session).join("workspace/cache");
        std::fs::create_dir_all(folder.join("inner")).unwrap();
        std::fs::write(folder.join("inner/file"), "x").unwrap();
        for name in ["inner", ""] {
            std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(0o555)).unwrap();
        }
    };
    let (cut, whole) = (desk.session().await, desk.session().await);
    write_turn(&desk, &cut, "1").await;
    closed(&cut);
    closed(&whole);
    let folder = desk.host.engine().session_folder(&whole);
    for session in [&cut, &whole] {
        desk.host.engine().delete_session(session).await.unwrap();
    }
    desk.host.engine().purge_session(&whole).unwrap();
    let left = || {
        let entries = std::fs::read_dir(folder.parent().unwrap()).unwrap().flatten();
        entries.map(|entry| entry.file_name().into_string().unwrap()).filter(|name| name != ".locks").count()
    };
    assert_eq!(left(), 1);
    // Cut short before the list of sessions knows of it: it is back in the trash.
    let leaving = folder.with_file_name(format!(".leaving-{}", cut.as_str()));
    std::fs::rename(desk.host.engine().session_folder(&cut), &leaving).unwrap();
    desk.host.engine().purge_overdue().unwrap();
    assert!(desk.host.engine().session_folder(&cut).join("history").is_dir() && !leaving.exists());
    // And after that: the rest goes.
    desk.host.engine().purge_session(&cut).unwrap();
    std::fs::create_dir_all(leaving.join("workspace")).unwrap();
    desk.host.engine().purge_overdue().unwrap();
    assert_eq!(left(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_is_gone_is_noticed() {
    for whole in [true, false] {
        let desk = Desk::open();
        let session = desk.session().await;
        let node = write_turn(&desk, &session, "1").await;
        let files = desk.files(&session).await;
        let before = tree(&files);
        let history = desk.host.engine().session_folder(&session).join("history");
        let folder = desk.close().await;
        let gone = if whole { history.clone() } else { history.join("repository.git") };
        std::fs::remove_dir_all(gone).unwrap();
        let host = host(folder.path(), &[]);
        let detail = host.session_open(SessionParams { session_id: session.clone() }).await.unwrap();
        assert!(detail.notice.unwrap().contains("is gone from its folder"), "{whole}");
        let params =
            RestoreParams { session_id: session, node_id: node, scope: RestoreScope::All, paths: None };
        assert!(host.restore_apply(params).await.unwrap_err().message.contains("moved aside"));
        assert_eq!(tree(&files), before);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_within_each_other_have_one_writer() {
    let desk = Desk::open();
    let outer = desk.folder.path().join("work");
    let inner = outer.join("inner");
    std::fs::create_dir_all(&inner).unwrap();
    let create = |folder: &std::path::Path| SessionCreateParams {
        title: None,
        folder: Some(folder.to_string_lossy().into_owned()),
    };
    let outside = desk.host.session_create(create(&outer)).await.unwrap().id;
    let inside = desk.host.session_create(create(&inner)).await.unwrap().id;
    // In one program the idle one lets go, either way round.
    for session in [&outside, &inside, &outside] {
        assert_eq!(desk.detail(session).await.access, SessionAccess::Write);
    }
    let other = host(desk.folder.path(), &[]);
    let detail = other.session_open(SessionParams { session_id: inside.clone() }).await.unwrap();
    assert_eq!(detail.access, SessionAccess::ReadOnly);
    let params = TurnStartParams { session_id: inside, text: "Hello".into(), attachments: Vec::new() };
    let error = other.turn_start(params).await.unwrap_err();
    assert!(error.message.contains("no two may write to the same files"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_has_one_writer_whatever_the_number_of_its_sessions() {
    let desk = Desk::open();
    let work = desk.folder.path().join("work");
    std::fs::create_dir(&work).unwrap();
    let create = || SessionCreateParams { title: None, folder: Some(work.to_string_lossy().into_owned()) };
    let first = desk.host.session_create(create()).await.unwrap().id;
    let second = desk.host.session_create(create()).await.unwrap().id;
    assert_eq!(desk.detail(&first).await.access, SessionAccess::Write);
    // In one program the idle one lets go.
    assert_eq!(desk.detail(&second).await.access, SessionAccess::Write);
    let other = host(desk.folder.path(), &[]);
    let detail = other.session_open(SessionParams { session_id: first }).await.unwrap();
    assert_eq!(detail.access, SessionAccess::ReadOnly);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settings_file_with_an_error_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/settings.toml");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let wrong = "# mine\n[limits]\nmaxSteps = \"many\"\n";
    std::fs::write(&path, wrong).unwrap();
    let host = host(folder.path(), &[]);
    host.session_list(SessionListParams { search: String::new(), trash: false }).await.unwrap();
    assert!(host.settings_problem().is_some());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), wrong);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_turn_is_seen_while_others_look_at_its_session() {
    let server = okcvm_testkit::ScriptedModelServer::start().await.unwrap();
    server.push(okcvm_testkit::Answer::Silence);
    let base = server.openai_base();
    let desk = Desk::with(&[("OKCVM_CHAT_BASE_URL", &base), ("OKCVM_CHAT_MODEL", "test-model")]);
    let session = desk.session().await;
    desk.send(&session, "Go.", Vec::new()).await;
    let over = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let looking: Vec<_> = (0..3)
        .map(|_| {
            let (host, session, over) = (desk.host.clone(), session.clone(), std::sync::Arc::clone(&over));
            std::thread::spawn(move || {
                while !over.load(std::sync::atomic::Ordering::SeqCst) {
                    host.engine().workspace(&session).unwrap();
                }
            })
        })
        .collect();
    let unseen =
        (0..20_000).filter(|_| !desk.host.engine().session_summary(&session).unwrap().running).count();
    over.store(true, std::sync::atomic::Ordering::SeqCst);
    for thread in looking {
        thread.join().unwrap();
    }
    assert_eq!(unseen, 0, "the running turn was not seen {unseen} times");
    desk.host.engine().stop_turn(&session).unwrap();
    desk.host.engine().wait_until_idle(&session).await;
}

/// Undo brings back what the rules of now leave out as soon as they let it, whatever was done meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn what_undo_had_to_leave_can_still_come_back() {
    let desk = Desk::open();
    let session = desk.session().await;
    let files = desk.files(&session).await;
    std::fs::write(files.join("f"), "one").unwrap();
    let first = write_turn(&desk, &session, "1").await;
    std::fs::write(files.join("f"), "a day of work").unwrap();
    let params = RestoreParams {
        session_id: session.clone(),
        node_id: first,
        scope: RestoreScope::Files,
        paths: None,
    };
    desk.host.restore_apply(params).await.unwrap();
    std::fs::write(files.join(".okcvmignore"), "f\n").unwrap();
    let only = SessionParams { session_id: session.clone() };
    let undone = desk.host.restore_undo(only.clone()).await.unwrap();
    let left: Vec<&str> = undone.unwritten.iter().map(|left| left.path.as_str()).collect();
    assert_eq!(left, ["f"]);
    desk.host.restore_redo(only.clone()).await.unwrap();
    desk.host.restore_undo(only.clone()).await.unwrap();
    // Tried again too early it stays there; the undo before took the rules away.
    std::fs::write(files.join(".okcvmignore"), "f\n").unwrap();
    assert_eq!(desk.host.restore_undo(only.clone()).await.unwrap().written, 0);
    write_turn(&desk, &session, "2").await;
    let mut tried = Vec::new();
    while std::fs::read_to_string(files.join("f")).unwrap() == "one" {
        tried.push(desk.detail(&session).await.undo.undo.expect("nothing leads to the work by hand"));
        assert!(tried.len() < 6, "{tried:?}");
        std::fs::write(files.join(".okcvmignore"), "").unwrap();
        desk.host.restore_undo(only.clone()).await.unwrap();
    }
    assert_eq!(std::fs::read_to_string(files.join("f")).unwrap(), "a day of work");
    assert_eq!(tried.last().unwrap(), "What did not come back of “Restore of “What can you do?””");
}

async fn write_turn_with(
    desk: &Desk,
    session: &okcvm_protocol::SessionId,
    server: &ScriptedModelServer,
    reply: Reply,
) {
    server.push(reply);
    server.push(Reply::text("Written."));
    let ended = desk.turn(session, "Write.", Vec::new()).await;
    assert_eq!(ended.status, NodeStatus::Completed, "{:?}", ended.error);
}

/// Without a record of what is there no tool writes over it.
#[tokio::test(flavor = "multi_thread")]
async fn a_turn_whose_beginning_cannot_be_recorded_writes_nothing() {
    let server = ScriptedModelServer::start().await.unwrap();
    let base = server.openai_base();
    let desk = Desk::with(&[("OKCVM_CHAT_BASE_URL", &base), ("OKCVM_CHAT_MODEL", "test-model")]);
    let session = desk.session().await;
    let files = desk.files(&session).await;
    let write = |id: &str| {
        let arguments = serde_json::json!({"file_path": format!("by-{id}"), "content": "by the agent"});
        Reply::call(id, "mshtools-write_file", &arguments)
    };
    write_turn_with(&desk, &session, &server, write("1")).await;
    std::fs::write(files.join("mine"), "by hand").unwrap();
    let objects = desk.folder.path().join("data/sessions").join(session.as_str());
    let objects = objects.join("history/repository.git/objects");
    std::fs::rename(objects.join("pack"), objects.join("away")).unwrap();
    std::fs::write(objects.join("pack"), "no folder").unwrap();
    server.push(write("2"));
    let ended = desk.turn(&session, "Write it again.", Vec::new()).await;
    let error = ended.error.unwrap();
    assert_eq!(ended.status, NodeStatus::Failed);
    assert!(error.message.starts_with("The files could not be recorded before this turn"), "{error}");
    assert!(!files.join("by-2").exists());
    std::fs::remove_file(objects.join("pack")).unwrap();
    std::fs::rename(objects.join("away"), objects.join("pack")).unwrap();
    write_turn_with(&desk, &session, &server, write("3")).await;
    assert!(["by-1", "by-3"].iter().all(|name| files.join(name).exists()));
}

/// A turn that was killed before the files were recorded had written nothing.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_turn_could_not_have_written_is_not_its_own() {
    let desk = Desk::open();
    let session = desk.session().await;
    let first = write_turn(&desk, &session, "1").await;
    let files = desk.files(&session).await;
    let folder = desk.close().await;
    let store = Store::open(&folder.path().join("data/okcvm.db")).unwrap();
    let message = UserMessage { text: "Begin.".into(), attachments: Vec::new() };
    let (session_id, parent_id, title) = (session.clone(), Some(first), "Begin.".to_owned());
    let killed = store.begin_node(&NewNode { session_id, parent_id, title, message, at: 9 }).unwrap();
    drop(store);
    std::fs::write(files.join("mine"), "by hand").unwrap();

    let host = host(folder.path(), &[]);
    let detail = host.session_open(SessionParams { session_id: session.clone() }).await.unwrap();
    let node = detail.tree.iter().find(|node| node.id == killed.summary.id).unwrap();
    assert_eq!(node.status, NodeStatus::Interrupted);
    assert_eq!(node.changes, Some(ChangeCounts { added: 0, modified: 0, deleted: 0 }));
    let history = host.file_history(FileParams { session_id: session, path: "mine".into() }).await.unwrap();
    assert_eq!(history.moments[0].written_by, Writer::User);
}
