//! What strangers may have written stays untrusted wherever it goes.

use okcvm_protocol::{
    ClashPolicy, CommandHandler, DeletedFileParams, FilesParams, ImportCancelParams, ImportId, ImportParams,
    NodeId, RestoreScope, SessionId, SessionParams,
};
use okcvm_testkit::{Reply, ScriptedModelServer};

use crate::desk::{Desk, PATIENCE};
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
