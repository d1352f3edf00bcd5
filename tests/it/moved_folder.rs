//! Sessions that are told where their folder is now.

use std::path::{Path, PathBuf};
use std::time::Duration;

use okcvm_protocol::{
    CommandHandler, ErrorCode, FileParams, NodeStatus, SessionAccess, SessionCreateParams, SessionId,
    SessionMoveFolderParams, SessionParams, TurnStartParams,
};
use okcvm_testkit::{Ending, Reply, ScriptedModelServer};
use serde_json::json;

use crate::command_line::{asking, finished, text};
use crate::command_line_tree::Story;
use crate::desk::{Desk, PATIENCE, host, tree, until_end};

/// Another file of the same size and time.
fn replaced(path: &Path, content: &str) {
    let time = std::fs::metadata(path).unwrap().modified().unwrap();
    let beside = path.with_extension("beside");
    std::fs::write(&beside, content).unwrap();
    std::fs::File::options().write(true).open(&beside).unwrap().set_modified(time).unwrap();
    std::fs::rename(&beside, path).unwrap();
}

/// A session that works in this folder.
async fn session_in(desk: &Desk, folder: &Path) -> SessionId {
    let folder = Some(folder.to_string_lossy().into_owned());
    desk.host.session_create(SessionCreateParams { title: None, folder }).await.unwrap().id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_told_of_its_folder_and_nothing_is_lost() {
    let story = Story::told().await;
    let first = story.nodes[0].clone();
    let away = story.folder.path().canonicalize().unwrap().join("new place");
    std::fs::rename(&story.work, &away).unwrap();
    assert!(story.refused(&["undo"], &[]).contains("session move-folder"));
    // What was done in the new place before anybody told.
    replaced(&away.join("a.txt"), "one\nTWO\n");
    std::fs::remove_file(away.join("b.txt")).unwrap();
    std::fs::write(away.join("mine.txt"), "mine\n").unwrap();
    let there = tree(&away);

    let told = story.said(&["move-folder"], &[away.to_str().unwrap()]);
    assert!(told.contains(away.to_str().unwrap()), "{told}");
    assert_eq!(tree(&away), there);
    let shown = story.json(&["show"], &[]);
    assert_eq!((shown["access"].as_str(), &shown["whyReadOnly"]), (Some("write"), &serde_json::Value::Null));
    assert_eq!(shown["workspacePath"].as_str(), away.to_str());
    assert_eq!(story.tree(), story.nodes);

    // What differs is recorded before it goes, and comes back.
    story.said(&["restore"], &[&first]);
    assert_eq!(std::fs::read_to_string(away.join("a.txt")).unwrap(), "one\n");
    assert!(!away.join("mine.txt").exists() && !away.join("b.txt").exists());
    story.said(&["undo"], &[]);
    assert_eq!(tree(&away), there);
    for (node, b) in [(&story.nodes[1], true), (&story.nodes[2], true), (&first, false)] {
        story.said(&["restore"], &[node]);
        assert_eq!(away.join("b.txt").exists(), b);
    }
    assert!(!story.work.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_places_are_refused_and_change_nothing() {
    let story = Story::told().await;
    let outside = story.folder.path();
    std::fs::write(outside.join("file"), "x").unwrap();
    let others = outside.join("others");
    std::fs::create_dir(&others).unwrap();
    let server = ScriptedModelServer::start().await.unwrap();
    server.push(Reply::text("Hello."));
    let program = asking(&server, outside, &["run", "hello", "--workspace", others.to_str().unwrap()]);
    let made = tokio::task::spawn_blocking(move || finished(program)).await.unwrap();
    assert!(made.status.success(), "{}", text(&made.stderr));
    let before = story.json(&["show"], &[])["workspacePath"].clone();
    for (place, said) in [
        ("nowhere", "does not exist"),
        ("file", "is not a folder"),
        ("data", "the app's own data"),
        ("data/sessions", "the app's own data"),
        (".", "your home folder"),
        ("others", "Another session works in"),
    ] {
        let place = outside.join(place);
        let refused = story.refused(&["move-folder"], &[place.to_str().unwrap()]);
        assert!(refused.contains(said), "{}: {refused}", place.display());
        assert_eq!(story.json(&["show"], &[])["workspacePath"], before);
    }
    // The place where it is already is no other.
    story.said(&["move-folder"], &[story.work.to_str().unwrap()]);
    story.said(&["restore"], &[&story.nodes[0]]);
    assert_eq!(story.file("a.txt").as_deref(), Some("one\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn all_sessions_of_a_folder_go_along_and_none_while_a_turn_runs() {
    let server = ScriptedModelServer::start().await.unwrap();
    let base = server.openai_base();
    let desk = Desk::with(&[("OKCVM_CHAT_BASE_URL", &base), ("OKCVM_CHAT_MODEL", "test-model")]);
    let place = desk.folder.path().canonicalize().unwrap();
    let (old, new) = (place.join("old"), place.join("new"));
    std::fs::create_dir(&old).unwrap();
    let mut sessions = Vec::new();
    for _ in 0..2 {
        sessions.push(session_in(&desk, &old).await);
    }
    let told = |folder: &Path| SessionMoveFolderParams {
        session_id: sessions[0].clone(),
        folder: folder.to_string_lossy().into_owned(),
    };
    // One that has its files in the data of the app has no other place.
    let own = SessionMoveFolderParams { session_id: desk.session().await, ..told(&old) };
    assert!(desk.host.session_move_folder(own).await.unwrap_err().message.contains("lie in the data"));

    // A turn of the neighbour holds the folder.
    server.push(Reply::text("Wait.").ending(Ending::Stall));
    std::fs::create_dir(&new).unwrap();
    let mut events = desk.listen();
    let node = desk.send(&sessions[1], "Go.", Vec::new()).await;
    assert_eq!(desk.host.session_move_folder(told(&new)).await.unwrap_err().code, Some(ErrorCode::Busy));
    while server.chats().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    desk.host.turn_stop(SessionParams { session_id: sessions[1].clone() }).await.unwrap();
    until_end(&mut events, &node).await;
    desk.host.engine().wait_until_idle(&sessions[1]).await;

    std::fs::remove_dir(&new).unwrap();
    std::fs::rename(&old, &new).unwrap();
    let detail = desk.detail(&sessions[0]).await;
    assert_eq!(detail.why_read_only.unwrap().code, Some(ErrorCode::FolderMissing));
    desk.host.session_move_folder(told(&new)).await.unwrap();
    for session in &sessions {
        // The other one lets go of the folder as soon as what follows its turn is done.
        let begun = std::time::Instant::now();
        let mut detail = desk.detail(session).await;
        while detail.access != SessionAccess::Write {
            assert_eq!(detail.why_read_only, None);
            assert!(begun.elapsed() < PATIENCE, "the folder is held");
            tokio::time::sleep(Duration::from_millis(5)).await;
            detail = desk.detail(session).await;
        }
        assert_eq!((Path::new(&detail.workspace_path), detail.why_read_only), (new.as_path(), None));
        server.push(Reply::text("Done."));
        desk.turn(session, "Go.", Vec::new()).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_goes_while_its_session_is_open_is_missed_and_found_again() {
    let desk = Desk::open();
    let place = desk.folder.path().canonicalize().unwrap();
    let (here, away) = (place.join("here"), place.join("away"));
    std::fs::create_dir(&here).unwrap();
    let session = session_in(&desk, &here).await;
    assert_eq!(desk.detail(&session).await.access, SessionAccess::Write);
    std::fs::rename(&here, &away).unwrap();
    let detail = desk.detail(&session).await;
    assert_eq!(detail.access, SessionAccess::ReadOnly);
    assert_eq!(detail.why_read_only.unwrap().code, Some(ErrorCode::FolderMissing));
    std::fs::rename(&away, &here).unwrap();
    let detail = desk.detail(&session).await;
    assert_eq!((detail.access, detail.why_read_only), (SessionAccess::Write, None));

    // Another folder in its place is the session's from then on; what it had is in its history.
    std::fs::write(here.join("a.txt"), "a").unwrap();
    let record = async |text| desk.turn(&session, text, Vec::new()).await.status;
    assert_eq!(record("Hello.").await, NodeStatus::Completed);
    std::fs::remove_dir_all(&here).unwrap();
    std::fs::create_dir(&here).unwrap();
    std::fs::write(here.join("b.txt"), "b").unwrap();
    assert_eq!(record("Hello again.").await, NodeStatus::Completed);
    let node = desk.detail(&session).await.turns.pop().unwrap().node;
    let counts = node.user_changes.unwrap();
    assert_eq!((counts.added, counts.modified), (1, 0), "{counts:?}");
    assert!(counts.deleted >= 1 && here.join("b.txt").exists(), "{counts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_program_looks_where_the_files_are_now() {
    let desk = Desk::open();
    let place = desk.folder.path().canonicalize().unwrap();
    let (old, new) = (place.join("old"), place.join("new"));
    std::fs::create_dir(&old).unwrap();
    std::fs::write(old.join("a.txt"), "a").unwrap();
    let session = session_in(&desk, &old).await;
    let other = host(desk.folder.path(), &[]);
    // The first to open it writes.
    assert_eq!(desk.detail(&session).await.access, SessionAccess::Write);
    let names = async || -> Vec<String> {
        let params = FileParams { session_id: session.clone(), path: String::new() };
        other.file_list(params).await.unwrap().entries.into_iter().map(|entry| entry.name).collect()
    };
    assert_eq!(names().await, ["a.txt"]);
    std::fs::create_dir(&new).unwrap();
    std::fs::write(new.join("b.txt"), "b").unwrap();
    let told =
        SessionMoveFolderParams { session_id: session.clone(), folder: new.to_string_lossy().into_owned() };
    desk.host.session_move_folder(told).await.unwrap();
    assert_eq!(names().await, ["b.txt"]);
    other.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_that_begins_while_the_folder_moves_works_in_one_place() {
    let server = ScriptedModelServer::start().await.unwrap();
    // Each turn writes two files.
    server.answer_with(|request| {
        let messages = request.body["messages"].as_array().unwrap();
        let written = messages.iter().rev().take_while(|message| message["role"] != "user");
        let name = match written.filter(|message| message["role"] == "tool").count() {
            0 => "a.txt",
            1 => "b.txt",
            _ => return Reply::text("Done.").into(),
        };
        let file = json!({ "file_path": format!("/mnt/okcomputer/{name}"), "content": name });
        Reply::call(name, "mshtools-write_file", &file).into()
    });
    let base = server.openai_base();
    let desk = Desk::with(&[("OKCVM_CHAT_BASE_URL", &base), ("OKCVM_CHAT_MODEL", "test-model")]);
    let place = desk.folder.path().canonicalize().unwrap();
    let folders = [place.join("one"), place.join("two")];
    for folder in &folders {
        std::fs::create_dir(folder).unwrap();
    }
    let session = session_in(&desk, &folders[0]).await;
    let (mut began, mut moved) = (0, 0);
    for round in 0..40 {
        let to = &folders[1 - usize::from(desk.files(&session).await == folders[1])];
        let told = SessionMoveFolderParams {
            session_id: session.clone(),
            folder: to.to_string_lossy().into_owned(),
        };
        let send = TurnStartParams {
            session_id: session.clone(),
            text: format!("round {round}"),
            attachments: Vec::new(),
        };
        let (told, started) = tokio::join!(desk.host.session_move_folder(told), desk.host.turn_start(send));
        desk.host.engine().wait_until_idle(&session).await;
        assert!(told.is_ok() || started.is_ok(), "{told:?} {started:?}");
        moved += u32::from(told.is_ok());
        if started.is_ok() {
            began += 1;
            let there = |folder: &PathBuf| ["a.txt", "b.txt"].map(|name| folder.join(name).exists());
            let mut found = folders.each_ref().map(there);
            if told.is_err() {
                assert_ne!(&desk.files(&session).await, to);
                assert_eq!(there(to), [false; 2], "round {round}");
            }
            found.sort_unstable();
            assert_eq!(found, [[false; 2], [true; 2]], "round {round}");
        }
        for folder in &folders {
            std::fs::remove_dir_all(folder).unwrap();
            std::fs::create_dir(folder).unwrap();
        }
    }
    assert!(began > 0 && moved > 0, "{began} {moved}");
}
