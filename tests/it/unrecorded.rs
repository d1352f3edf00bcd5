//! What no snapshot holds: once something untrusted was read, no code takes it away before the person was asked.

use okcvm_protocol::{
    ApprovalAction, ApprovalAnswer, ApprovalScope, CommandHandler, ItemBody, NodeStatus, PermissionMode,
    SessionId, SessionModeParams, TurnEvent,
};
use okcvm_testkit::{Reply, ScriptedModelServer};

use crate::desk::{Desk, Ended};
use crate::permissions::{TRAP, answer, begin, desk, end, question, read, refuse, shell, write};

/// Ways to take a file away that no list of words knows.
const TAKE: &str = "python3 - <<'END'\nimport os\nfor path in ['private.own', 'data/deep.own']:\n    try:\n        getattr(os, 'rem' + 'ove')(path)\n    except OSError as error:\n        print(error.strerror)\n    try:\n        open(path, 'w').close()\n    except OSError as error:\n        print(error.strerror)\nEND\n";

/// A session in auto mode with files that no snapshot holds, by a rule of the person.
async fn session(desk: &Desk) -> SessionId {
    let session = desk.session().await;
    let params = SessionModeParams { session_id: session.clone(), mode: PermissionMode::Auto };
    desk.host.session_set_mode(params).await.unwrap();
    let files = desk.files(&session).await;
    std::fs::create_dir_all(files.join("data")).unwrap();
    std::fs::create_dir_all(files.join("node_modules/x")).unwrap();
    for (path, content) in [
        (".okcvmignore", "*.own\n"),
        ("private.own", "mine"),
        ("data/deep.own", "mine"),
        ("node_modules/x/i.js", ""),
    ] {
        std::fs::write(files.join(path), content).unwrap();
    }
    desk.drop_file(&session, "report.html", TRAP).await;
    session
}

fn said(ended: &Ended) -> String {
    format!("{:#?}", ended.events)
}

#[tokio::test(flavor = "multi_thread")]
async fn code_that_read_something_untrusted_changes_nothing_that_no_snapshot_holds() {
    let server = ScriptedModelServer::start().await.unwrap();
    let desk = desk(&server);
    let session = session(&desk).await;
    let files = desk.files(&session).await;
    server.push(read("report.html"));
    server.push(shell(TAKE));
    server.push(shell("mkdir -p node_modules/y && echo made > made.txt"));
    server.push(Reply::text("Done."));
    let ended = desk.turn(&session, "Go.", Vec::new()).await;
    assert_eq!((ended.status, &ended.error), (NodeStatus::Completed, &None));
    for path in ["private.own", "data/deep.own"] {
        assert_eq!(std::fs::read_to_string(files.join(path)).unwrap(), "mine", "{}", said(&ended));
    }
    assert!(files.join("made.txt").exists() && files.join("node_modules/y").exists());

    // In plain words it asks, and if the person agrees, it is done.
    server.push(shell("rm private.own"));
    server.push(Reply::text("Done."));
    let (mut events, node) = begin(&desk, &session).await;
    let (id, approval) = question(&mut events).await;
    assert_eq!(approval.actions, [ApprovalAction::Delete]);
    let allow = ApprovalAnswer::Allow { scope: ApprovalScope::Once, pattern: None };
    answer(&desk, &session, &id, allow).await.unwrap();
    end(&desk, &session, events, &node).await;
    assert!(!files.join("private.own").exists());

    // So does a tool that would write over it.
    server.push(read("data/deep.own"));
    server.push(write("data/deep.own", ""));
    server.push(Reply::text("Done."));
    let (mut events, node) = begin(&desk, &session).await;
    let (id, approval) = question(&mut events).await;
    assert_eq!(approval.actions, [ApprovalAction::Delete]);
    answer(&desk, &session, &id, refuse("")).await.unwrap();
    end(&desk, &session, events, &node).await;
    assert_eq!(std::fs::read_to_string(files.join("data/deep.own")).unwrap(), "mine");
}

#[tokio::test(flavor = "multi_thread")]
async fn before_anything_untrusted_was_read_code_works_with_all_files() {
    let server = ScriptedModelServer::start().await.unwrap();
    let desk = desk(&server);
    let session = desk.session().await;
    let files = desk.files(&session).await;
    std::fs::write(files.join(".okcvmignore"), "*.own\n").unwrap();
    std::fs::write(files.join("private.own"), "mine").unwrap();
    server.push(shell("echo more >> private.own"));
    server.push(Reply::text("Done."));
    desk.turn(&session, "Go.", Vec::new()).await;
    assert_eq!(std::fs::read_to_string(files.join("private.own")).unwrap(), "minemore\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_data_of_a_repository_is_spared_and_git_asks() {
    let server = ScriptedModelServer::start().await.unwrap();
    let desk = desk(&server);
    let session = session(&desk).await;
    let files = desk.files(&session).await;
    let git = |arguments: &[&str]| {
        let output = std::process::Command::new("git").args(arguments).current_dir(&files).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    git(&["init", "-q"]);
    git(&[
        "-c",
        "user.name=a",
        "-c",
        "user.email=b@localhost",
        "commit",
        "-q",
        "--allow-empty",
        "-m",
        "first",
    ]);
    server.push(read("report.html"));
    server.push(shell("python3 -c \"import shutil; getattr(shutil, 'rmt' + 'ree')('.git/objects', True)\"; git status --short"));
    server.push(Reply::text("Done."));
    let ended = desk.turn(&session, "Go.", Vec::new()).await;
    assert_eq!(git(&["log", "--format=%s"]), "first\n", "{}", said(&ended));
    server.push(shell("git -c user.name=a -c user.email=b@localhost commit -q --allow-empty -m second"));
    server.push(Reply::text("Done."));
    let (mut events, node) = begin(&desk, &session).await;
    let (id, _) = question(&mut events).await;
    let allow = ApprovalAnswer::Allow { scope: ApprovalScope::Once, pattern: None };
    answer(&desk, &session, &id, allow).await.unwrap();
    end(&desk, &session, events, &node).await;
    assert_eq!(git(&["log", "--format=%s"]), "second\nfirst\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_the_agent_wrote_take_nothing_out_of_the_snapshots() {
    let server = ScriptedModelServer::start().await.unwrap();
    let desk = desk(&server);
    let session = desk.session().await;
    let files = desk.files(&session).await;
    std::fs::write(files.join("a.txt"), "first").unwrap();
    server.push(shell("printf '*.txt\\n' > .okcvmignore"));
    server.push(Reply::text("Done."));
    let ended = desk.turn(&session, "One.", Vec::new()).await;
    let notices: Vec<&str> = ended
        .events
        .iter()
        .filter_map(|event| match event {
            TurnEvent::ItemCompleted { item } => match &item.body {
                ItemBody::Notice { text, .. } => Some(text.as_str()),
                _ => None,
            },
            _ => None,
        })
        .collect();
    assert!(notices.iter().any(|text| text.contains(".okcvmignore")), "{notices:?}");
    std::fs::write(files.join("a.txt"), "second").unwrap();
    server.push(shell("rm a.txt"));
    server.push(Reply::text("Done."));
    let node = desk.turn(&session, "Two.", Vec::new()).await.node;
    desk.host.engine().bring_back(&session, &node, None).await.unwrap();
    assert_eq!(std::fs::read_to_string(files.join("a.txt")).unwrap(), "second");

    // Once the person changed them, they count.
    std::fs::write(files.join(".okcvmignore"), "# mine\n*.txt\n").unwrap();
    server.push(shell("rm a.txt"));
    server.push(Reply::text("Done."));
    let node = desk.turn(&session, "Three.", Vec::new()).await.node;
    let error = desk.host.engine().bring_back(&session, &node, None).await.unwrap_err();
    assert!(error.to_string().contains("a.txt"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kernel_that_works_with_all_files_asks_and_a_new_one_spares_them() {
    let server = ScriptedModelServer::start().await.unwrap();
    crate::python_kernel::environment().await;
    let python = crate::python_kernel::environment_folder().to_string_lossy().into_owned();
    let desk = Desk::with(&[
        ("OKCVM_CHAT_BASE_URL", &server.openai_base()),
        ("OKCVM_CHAT_MODEL", "test-model"),
        ("OKCVM_PYTHON", &python),
        ("PATH", "/usr/bin:/bin"),
    ]);
    let session = session(&desk).await;
    let files = desk.files(&session).await;
    let cell = |code: &str, restart: bool| {
        Reply::call("cell", "mshtools-ipython", &serde_json::json!({"code": code, "restart": restart}))
    };
    let empty = "open('private.own', 'a').close(); print('opened')";
    // Files that were brought in count as read by every cell, so it is spared from the first one on.
    server.push(cell(empty, false));
    server.push(Reply::text("Done."));
    let ended = desk.turn(&session, "Go.", Vec::new()).await;
    assert!(said(&ended).contains("Read-only file system"), "{}", said(&ended));

    // What the person adds later is not spared by the kernel that runs; so it asks.
    std::fs::write(files.join("later.own"), "mine").unwrap();
    server.push(cell(empty, false));
    server.push(Reply::text("Done."));
    let (mut events, node) = begin(&desk, &session).await;
    let (id, approval) = question(&mut events).await;
    assert_eq!(approval.actions, [ApprovalAction::Delete]);
    answer(&desk, &session, &id, refuse("")).await.unwrap();
    end(&desk, &session, events, &node).await;

    // A kernel that is started anew spares that as well, and does not ask.
    server.push(cell("open('later.own', 'a').close(); print('opened')", true));
    server.push(Reply::text("Done."));
    let ended = desk.turn(&session, "Go.", Vec::new()).await;
    assert_eq!((ended.status, &ended.error), (NodeStatus::Completed, &None));
    assert!(said(&ended).contains("Read-only file system"), "{}", said(&ended));
}
