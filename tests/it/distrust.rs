//! What strangers may have written stays untrusted wherever it goes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use okcvm_host::{ToolProgress, ToolSink};
use okcvm_protocol::{
    ApprovalAction, ApprovalReason, ClashPolicy, CommandHandler, DeletedFileParams, FilesParams,
    ImportCancelParams, ImportId, ImportParams, NetworkPolicy, NetworkSetParams, NodeId, RestoreId,
    RestoreScope, SessionId, SessionParams,
};
use okcvm_store::{RestoreRow, RestoreState, Store};
use okcvm_testkit::{Reply, ScriptedModelServer};
use serde_json::json;

use crate::desk::{Desk, PATIENCE, until_end};
use crate::permissions::{
    TRAP, answer, begin, deploy, deployed, desk, end, question, read, refuse, shell, write,
};

/// What a turn read, and what came to it from elsewhere.
async fn distrusted(desk: &Desk, session: &SessionId, node: &NodeId) -> Vec<String> {
    let tree = desk.detail(session).await.tree;
    tree.into_iter().find(|summary| summary.id == *node).unwrap().untrusted
}

#[tokio::test(flavor = "multi_thread")]
async fn files_count_as_brought_in_from_the_first_moment_of_their_import() {
    let server = ScriptedModelServer::start().await.unwrap();
    let desk = desk(&server);
    let session = desk.session().await;
    let outside = desk.folder.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("a.html"), TRAP).unwrap();
    let mut sources = vec![outside.join("a.html")];
    for name in ["b.bin", "c.bin"] {
        // Takes no room here, and its time to copy.
        std::fs::File::create(outside.join(name)).unwrap().set_len(2 << 30).unwrap();
        sources.push(outside.join(name));
    }
    let import_id = ImportId::new();
    let importing = desk.host.import_start(ImportParams {
        session_id: session.clone(),
        import_id: import_id.clone(),
        sources: sources.iter().map(|source| source.to_string_lossy().into_owned()).collect(),
        target: String::new(),
        clashes: ClashPolicy::KeepBoth,
    });
    let meanwhile = async {
        let first = desk.files(&session).await.join("a.html");
        let there = async {
            while !first.exists() {
                tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, there).await.expect("the first file did not come");
        server.push(read("a.html"));
        server.push(Reply::text("Read."));
        let ended = desk.turn(&session, "Read it.", Vec::new()).await;
        desk.host.import_cancel(ImportCancelParams { import_id }).await.unwrap();
        ended.node
    };
    let (report, node) = tokio::join!(importing, meanwhile);
    assert!(report.unwrap().cancelled, "the import had ended before the turn");
    assert_eq!(distrusted(&desk, &session, &node).await, ["a.html"]);

    // Then it is known which they are.
    server.push(write("own.txt", "own\n"));
    server.push(read("own.txt"));
    server.push(Reply::text("Done."));
    let own = desk.turn(&session, "Write and read.", Vec::new()).await.node;
    assert_eq!(distrusted(&desk, &session, &own).await, Vec::<String>::new());

    // Where the program ended in the middle of an import, every file may be one of its.
    let other = desk.session().await;
    desk.host.engine().begin_import(&other).unwrap();
    server.push(write("own.txt", "own\n"));
    server.push(read("own.txt"));
    server.push(shell("true"));
    server.push(Reply::text("Done."));
    let node = desk.turn(&other, "Write and read.", Vec::new()).await.node;
    let known = distrusted(&desk, &other, &node).await;
    assert_eq!(known, ["own.txt", "files of an import that has not ended"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_by_the_name_that_commands_see_hides_nothing() {
    let server = ScriptedModelServer::start().await.unwrap();
    let desk = desk(&server);
    for (link, target, read_as) in [
        ("latest", "/mnt/okcomputer/letter.html", "latest"),
        ("all", "/mnt/okcomputer", "all/letter.html"),
        ("near", "letter.html", "near"),
    ] {
        let session = desk.session().await;
        // Made before there is anything to read, so nothing is known of it.
        std::os::unix::fs::symlink(target, desk.files(&session).await.join(link)).unwrap();
        desk.drop_file(&session, "letter.html", TRAP).await;
        server.push(read(read_as));
        server.push(Reply::text("Read."));
        let node = desk.turn(&session, "Read it.", Vec::new()).await.node;
        assert_eq!(distrusted(&desk, &session, &node).await, ["letter.html"], "{link}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_comes_back_from_the_trash_under_another_name_is_trusted_no_more_than_before() {
    let server = ScriptedModelServer::start().await.unwrap();
    let desk = desk(&server);
    let session = desk.session().await;
    desk.drop_file(&session, "report.html", TRAP).await;
    let params = FilesParams { session_id: session.clone(), paths: vec!["report.html".into()] };
    let deleted = desk.host.file_delete(params).await.unwrap().files;
    std::fs::write(desk.files(&session).await.join("report.html"), "mine").unwrap();
    let params = DeletedFileParams { session_id: session.clone(), id: deleted[0].id.clone() };
    assert_eq!(desk.host.file_recover(params).await.unwrap().path, "report (2).html");
    server.push(read("report (2).html"));
    server.push(Reply::text("Read."));
    let node = desk.turn(&session, "Read it.", Vec::new()).await.node;
    assert_eq!(distrusted(&desk, &session, &node).await, ["report (2).html"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_an_undo_leaves_beside_another_conversation_bring_their_distrust() {
    let server = ScriptedModelServer::start().await.unwrap();
    let desk = desk(&server);
    let session = desk.session().await;
    let this = || SessionParams { session_id: session.clone() };
    server.push(write("site/index.html", "<title>Site</title>"));
    server.push(Reply::text("Made."));
    let first = desk.turn(&session, "Make a site.", Vec::new()).await.node;
    server.push(Reply::text("Yes."));
    let second = desk.turn(&session, "Is it good?", Vec::new()).await.node;
    desk.host.engine().restore(&session, &first, RestoreScope::Conversation, None).await.unwrap();
    desk.drop_file(&session, "report.html", TRAP).await;
    server.push(read("report.html"));
    server.push(Reply::text("Read."));
    let third = desk.turn(&session, "Read it.", Vec::new()).await.node;
    assert_eq!(distrusted(&desk, &session, &second).await, Vec::<String>::new());

    // The files stay, and with them what was written after reading that.
    desk.host.restore_undo(this()).await.unwrap();
    assert_eq!(desk.detail(&session).await.current_node.as_ref(), Some(&second));
    assert_eq!(distrusted(&desk, &session, &second).await, ["report.html"]);
    desk.host.restore_redo(this()).await.unwrap();
    assert_eq!(desk.detail(&session).await.current_node.as_ref(), Some(&third));
    assert_eq!(distrusted(&desk, &session, &third).await, ["report.html"]);
    desk.host.restore_undo(this()).await.unwrap();
    server.push(deploy("site"));
    server.push(Reply::text("Then not."));
    let (mut events, node) = begin(&desk, &session).await;
    let (id, asked) = question(&mut events).await;
    assert_eq!(asked.untrusted, ["report.html"]);
    answer(&desk, &session, &id, refuse("")).await.unwrap();
    end(&desk, &session, events, &node).await;
    assert_eq!(deployed(&desk, &session).await, 0);
}

fn python(code: &str, restart: bool) -> Reply {
    Reply::call("python", "mshtools-ipython", &json!({"code": code, "restart": restart}))
}

/// The same database, as another program has it.
fn beside(desk: &Desk) -> Store {
    Store::open(&desk.folder.path().join("data/okcvm.db")).unwrap()
}

/// A desk with a model and the Python of the system: no environment can be made for it.
fn with_python(server: &ScriptedModelServer) -> Desk {
    let nowhere = "/dev/null/python";
    Desk::with(&[
        ("OKCVM_CHAT_BASE_URL", &server.openai_base()),
        ("OKCVM_CHAT_MODEL", "test-model"),
        ("OKCVM_PYTHON", nowhere),
        ("PATH", "/usr/bin:/bin"),
    ])
}

/// A turn that makes those calls.
async fn calls(desk: &Desk, server: &ScriptedModelServer, session: &SessionId, calls: Vec<Reply>) -> NodeId {
    for call in calls {
        server.push(call);
    }
    server.push(Reply::text("Done."));
    desk.turn(session, "Go.", Vec::new()).await.node
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kernel_keeps_its_distrust_where_the_session_goes_back_until_it_is_restarted() {
    let server = ScriptedModelServer::start().await.unwrap();
    let desk = with_python(&server);
    let session = desk.session().await;
    let clean = calls(&desk, &server, &session, vec![python("x = 1", false)]).await;
    assert_eq!(distrusted(&desk, &session, &clean).await, [""; 0]);
    // A turn has heard a host that nobody named; here its note is all that matters.
    let heard = calls(&desk, &server, &session, Vec::new()).await;
    beside(&desk).add_untrusted(&heard, "strangers.example").unwrap();
    calls(&desk, &server, &session, vec![python("text = 'what it said'", false)]).await;

    let engine = desk.host.engine();
    engine.restore(&session, &clean, RestoreScope::All, None).await.unwrap();
    let policy = NetworkPolicy::Open;
    desk.host.network_set(NetworkSetParams { session_id: session.clone(), policy }).await.unwrap();
    // The name is still there, so the cell is asked about before it could send it anywhere.
    server.push(python("print(text)", false));
    server.push(Reply::text("Done."));
    let (mut events, node) = begin(&desk, &session).await;
    let (id, asked) = question(&mut events).await;
    assert_eq!(
        (asked.reason, asked.untrusted.as_slice()),
        (ApprovalReason::Untrusted, ["strangers.example".to_owned()].as_slice())
    );
    assert!(asked.actions.contains(&ApprovalAction::Send));
    let allow =
        okcvm_protocol::ApprovalAnswer::Allow { scope: okcvm_protocol::ApprovalScope::Once, pattern: None };
    answer(&desk, &session, &id, allow).await.unwrap();
    until_end(&mut events, &node).await;
    engine.wait_until_idle(&session).await;
    assert_eq!(distrusted(&desk, &session, &node).await, ["strangers.example"]);

    // A fresh kernel holds nothing, on the same clean branch.
    engine.restore(&session, &clean, RestoreScope::All, None).await.unwrap();
    let fresh = calls(&desk, &server, &session, vec![python("'text' in globals()", true)]).await;
    assert_eq!(distrusted(&desk, &session, &fresh).await, [""; 0]);
    let after = calls(&desk, &server, &session, vec![python("1", false)]).await;
    assert_eq!(distrusted(&desk, &session, &after).await, [""; 0]);
    desk.host.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn packages_of_a_kernel_that_was_not_trusted_bring_that_to_the_next_one() {
    let server = ScriptedModelServer::start().await.unwrap();
    let desk = with_python(&server);
    let session = desk.session().await;
    let clean = calls(&desk, &server, &session, vec![python("x = 1", false)]).await;
    let heard = calls(&desk, &server, &session, Vec::new()).await;
    beside(&desk).add_untrusted(&heard, "strangers.example").unwrap();
    let install = "import os; open(os.environ['OKCVM_PACKAGES'] + '/helpful.py', 'w').write('y = 2')";
    calls(&desk, &server, &session, vec![python(install, false)]).await;

    let engine = desk.host.engine();
    engine.restore(&session, &clean, RestoreScope::All, None).await.unwrap();
    let fresh = calls(&desk, &server, &session, vec![python("import helpful; helpful.y", true)]).await;
    assert_eq!(distrusted(&desk, &session, &fresh).await, ["strangers.example"]);

    // Without packages nothing is left of it.
    engine.restore(&session, &clean, RestoreScope::All, None).await.unwrap();
    let remove = "import os; os.remove(os.environ['OKCVM_PACKAGES'] + '/helpful.py')";
    let bare = "import shutil; shutil.rmtree(os.environ['OKCVM_PACKAGES'] + '/__pycache__', True)";
    server.push(python(&format!("{remove}; {bare}"), false));
    server.push(Reply::text("Done."));
    let (mut events, node) = begin(&desk, &session).await;
    // What a kernel that is not trusted deletes is asked about.
    let (id, asked) = question(&mut events).await;
    assert!(asked.actions.contains(&ApprovalAction::Delete), "{asked:?}");
    let allow =
        okcvm_protocol::ApprovalAnswer::Allow { scope: okcvm_protocol::ApprovalScope::Once, pattern: None };
    answer(&desk, &session, &id, allow).await.unwrap();
    until_end(&mut events, &node).await;
    engine.wait_until_idle(&session).await;
    engine.restore(&session, &clean, RestoreScope::All, None).await.unwrap();
    let after = calls(&desk, &server, &session, vec![python("1", true)]).await;
    assert_eq!(distrusted(&desk, &session, &after).await, [""; 0]);
    desk.host.shut_down().await;
}

/// Hears of something untrusted only after the call has begun.
#[derive(Default)]
struct LateNews(AtomicU32);

impl ToolSink for LateNews {
    fn progress(&self, _progress: ToolProgress) {}

    fn untrusted(&self) -> Vec<String> {
        if self.0.fetch_add(1, Ordering::SeqCst) == 0 { Vec::new() } else { vec!["late.example".to_owned()] }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kernel_remembers_whom_its_own_cell_has_heard() {
    let server = ScriptedModelServer::start().await.unwrap();
    let desk = with_python(&server);
    let session = desk.session().await;
    let arguments = json!({"code": "text = 'what it said'"}).to_string();
    let sink = Arc::<LateNews>::default();
    desk.host
        .engine()
        .call_tool(&session, "ipython", &arguments, sink, tokio_util::sync::CancellationToken::new())
        .await
        .unwrap();
    let node = calls(&desk, &server, &session, vec![python("print(text)", false)]).await;
    assert_eq!(distrusted(&desk, &session, &node).await, ["late.example"]);
    desk.host.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_stay_bring_their_distrust_to_a_conversation_that_begins_anew() {
    let server = ScriptedModelServer::start().await.unwrap();
    let desk = desk(&server);
    let engine = desk.host.engine();
    let session = desk.session().await;
    desk.drop_file(&session, "report.html", TRAP).await;
    let first =
        calls(&desk, &server, &session, vec![read("report.html"), write("notes.txt", "as it says")]).await;
    assert_eq!(distrusted(&desk, &session, &first).await, ["report.html"]);

    // The files of before cannot be brought back, so those of now stay beside the new root.
    beside(&desk).set_not_restorable(&first, "It is gone.").unwrap();
    server.push(Reply::text("Done."));
    let mut events = desk.listen();
    let okcvm_host::Start::Started(again) = engine.retry_turn(&session, &first).await.unwrap() else {
        panic!("it waits")
    };
    until_end(&mut events, &again).await;
    engine.wait_until_idle(&session).await;
    assert!(desk.files(&session).await.join("notes.txt").exists());
    assert_eq!(distrusted(&desk, &session, &again).await, ["report.html"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_to_before_the_first_message_brings_the_distrust_of_the_files_that_stay() {
    let server = ScriptedModelServer::start().await.unwrap();
    let desk = desk(&server);
    let engine = desk.host.engine();
    let session = desk.session().await;
    let first = calls(&desk, &server, &session, Vec::new()).await;
    // As a program leaves it that is killed between going back to the beginning and the message that follows.
    let moved = RestoreRow {
        id: RestoreId::new(),
        session_id: session.clone(),
        made_at: 1,
        state: RestoreState::Dropped,
        title: "To the beginning".into(),
        scope: RestoreScope::Conversation,
        paths: None,
        from_node: Some(first.clone()),
        to_node: None,
        before: None,
        after: None,
    };
    beside(&desk).put_restore(&moved).unwrap();
    beside(&desk).finish_restore(&moved, RestoreState::Dropped, None, None).unwrap();
    assert_eq!(desk.detail(&session).await.current_node, None);

    engine.restore(&session, &first, RestoreScope::Conversation, None).await.unwrap();
    desk.drop_file(&session, "report.html", TRAP).await;
    calls(&desk, &server, &session, vec![read("report.html"), write("notes.txt", "as it says")]).await;
    engine.undo_restore(&session).await.unwrap();
    assert_eq!(desk.detail(&session).await.current_node, None);
    let anew = calls(&desk, &server, &session, Vec::new()).await;
    assert_eq!(distrusted(&desk, &session, &anew).await, ["report.html"]);
    // A moment that was named before stays as trusted as it was.
    assert_eq!(distrusted(&desk, &session, &first).await, [""; 0]);
}
