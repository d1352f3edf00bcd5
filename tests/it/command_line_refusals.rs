//! What the command line refuses, what it says then, and what it leaves behind: nothing.

use std::path::Path;
use std::process::Output;

use okcvm_testkit::{Reply, ScriptedModelServer};
use serde_json::{Value, json};

use crate::command_line::{asking, finished, okcvm, prepared, sessions, text, workspace};

/// Exit code 1, the words on stderr, and no session.
fn refused(folder: &Path, output: &Output, words: &[&str]) {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for word in words {
        assert!(said.contains(word), "“{word}” is not in: {said}");
    }
    assert_eq!(sessions(folder), Vec::<Value>::new());
}

#[test]
fn a_folder_is_named_from_where_one_is() {
    let folder = tempfile::tempdir().unwrap();
    let work = workspace(folder.path());
    for arguments in [
        ["run", "What can you do?", "--workspace", "work"].as_slice(),
        &["tool", "call", "todo_read", "--workspace", "../here/work"],
    ] {
        let mut program = prepared(folder.path(), arguments);
        std::fs::create_dir_all(folder.path().join("here")).unwrap();
        std::fs::create_dir_all(folder.path().join("here/work")).unwrap();
        let here = if arguments[0] == "run" { folder.path().to_owned() } else { folder.path().join("here") };
        let output = finished({
            program.current_dir(here);
            program
        });
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    let folders: Vec<Value> =
        sessions(folder.path()).iter().map(|session| session["workspace"]["path"].clone()).collect();
    let real = |path: &Path| json!(std::fs::canonicalize(path).unwrap());
    assert_eq!(folders, [real(&folder.path().join("here/work")), real(Path::new(&work))]);
}

#[test]
fn a_wish_that_cannot_be_granted_leaves_no_session() {
    let folder = tempfile::tempdir().unwrap();
    let work = workspace(folder.path());
    let at = folder.path();
    std::fs::write(at.join("there.txt"), "here").unwrap();
    std::os::unix::fs::symlink(at.join("there.txt"), at.join("link.txt")).unwrap();
    let file = |name: &str| at.join(name).to_string_lossy().into_owned();
    refused(at, &okcvm(at, &["run", ""]), &["message is empty"]);
    refused(at, &okcvm(at, &["run", " \n", "--workspace", &work]), &["message is empty"]);
    for (name, reason) in [("missing.txt", "no such file"), ("link.txt", "symbolic link")] {
        let run = okcvm(at, &["run", "Look.", "--file", &file("there.txt"), "--file", &file(name)]);
        refused(at, &run, &[name, reason]);
        refused(at, &okcvm(at, &["demo", "--file", &file(name)]), &[name, reason]);
    }
    refused(at, &okcvm(at, &["run", "hello", "--model", "nobody"]), &["nobody", "demo"]);
    refused(at, &okcvm(at, &["tool", "call", "nothing", "--workspace", &work]), &["nothing"]);
    assert_eq!(
        std::fs::read_dir(at.join("data/sessions")).map_or(0, |left| left
            .filter(|entry| { !entry.as_ref().unwrap().file_name().to_string_lossy().starts_with('.') })
            .count()),
        0
    );
}

#[test]
fn an_empty_id_fits_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let work = workspace(folder.path());
    assert!(okcvm(folder.path(), &["run", "What can you do?", "--workspace", &work]).status.success());
    let id = sessions(folder.path())[0]["id"].as_str().unwrap().to_owned();
    for arguments in [
        ["session", "show", ""].as_slice(),
        &["session", "diff", &id, ""],
        &["session", "fork", &id, ""],
        &["run", "hello", "--session", ""],
    ] {
        let output = okcvm(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(text(&output.stderr).contains("is empty"), "{}", text(&output.stderr));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_and_its_model_are_for_one_run() {
    let server = ScriptedModelServer::start().await.unwrap();
    server.push(Reply::text("One."));
    server.push(Reply::text("Two."));
    let folder = tempfile::tempdir().unwrap();
    let work = workspace(folder.path());
    for arguments in [
        ["run", "Say one.", "--workspace", &work].as_slice(),
        &["run", "Say two.", "--workspace", &work, "--model", "another-model"],
    ] {
        let output = finished(asking(&server, folder.path(), arguments));
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    let models: Vec<Value> = server.chats().iter().map(|chat| chat.body["model"].clone()).collect();
    assert_eq!(models, ["test-model", "another-model"]);

    // A profile of the settings stands above the environment, and without the environment the session goes on.
    for arguments in [
        ["run", "What can you do?", "--workspace", &work].as_slice(),
        &["run", "What can you do?", "--workspace", &work, "--model", "demo"],
    ] {
        let program = match arguments.len() {
            4 => prepared(folder.path(), arguments),
            _ => asking(&server, folder.path(), arguments),
        };
        let output = finished(program);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    assert_eq!(server.chats().len(), 2);
}

#[test]
fn settings_that_cannot_be_read_are_named_and_no_other_model_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let work = workspace(folder.path());
    std::fs::create_dir_all(folder.path().join("data")).unwrap();
    std::fs::write(folder.path().join("data/settings.toml"), "defaultProfile = 7\n").unwrap();
    let words = ["settings.toml", "line 1", "defaultProfile"];
    refused(folder.path(), &okcvm(folder.path(), &["run", "hello", "--workspace", &work]), &words);
    for arguments in [
        ["run", "What can you do?", "--workspace", &work, "--model", "demo"].as_slice(),
        &["tool", "call", "todo_read", "--workspace", &work],
        &["demo"],
    ] {
        let output = okcvm(folder.path(), arguments);
        let said = text(&output.stderr);
        assert!(output.status.success(), "{said}");
        let first = said.lines().next().unwrap();
        assert!(words.iter().all(|word| first.contains(word)), "{said}");
    }
}

#[test]
fn a_refused_setting_is_named_before_its_reason() {
    let folder = tempfile::tempdir().unwrap();
    for (field, value, said) in [
        ("limits.maxSteps", "0", "limits.maxSteps: it must be at least 1."),
        ("limits.maxSteps", "-3", "limits.maxSteps cannot be “-3”"),
        ("defaultProfile", "nobody", "defaultProfile: there is no profile named “nobody”."),
        ("profiles[0].id", "", "profiles[0].id: a profile cannot be named “”."),
    ] {
        let set = okcvm(folder.path(), &["config", "set", field, value]);
        assert_eq!(set.status.code(), Some(1));
        assert!(text(&set.stderr).contains(&format!("okcvm: {said}")), "{}", text(&set.stderr));
    }
}

#[test]
fn a_restore_says_how_to_go_back_and_an_undo_how_to_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let work = workspace(folder.path());
    for message in ["Write a to-do list for a picnic.", "What can you do?"] {
        assert!(okcvm(folder.path(), &["run", message, "--workspace", &work]).status.success());
    }
    let id = sessions(folder.path())[0]["id"].as_str().unwrap().to_owned();
    let tree = okcvm(folder.path(), &["session", "tree", &id, "--json"]);
    let nodes: Vec<Value> = serde_json::from_slice(&tree.stdout).unwrap();
    let first = nodes[0]["id"].as_str().unwrap();
    for (arguments, hint) in
        [([first].as_slice(), "session undo"), (&["--undo"], "session redo"), (&["--redo"], "session undo")]
    {
        let restored = okcvm(folder.path(), &[&["session", "restore", &id], arguments].concat());
        assert!(restored.status.success(), "{}", text(&restored.stderr));
        assert!(text(&restored.stdout).contains(hint), "{arguments:?}: {}", text(&restored.stdout));
    }
}

#[test]
fn a_broken_database_is_found_by_the_doctor() {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("data/okcvm.db");
    std::fs::create_dir_all(folder.path().join("data")).unwrap();
    std::fs::write(&database, "no database at all ".repeat(100)).unwrap();
    let doctor = okcvm(folder.path(), &["doctor"]);
    assert_eq!(doctor.status.code(), Some(1));
    let said = text(&doctor.stdout);
    for word in ["Data folder", "Settings", &database.to_string_lossy(), "→"] {
        assert!(said.contains(word), "“{word}” is not in: {said}");
    }
    let doctor = okcvm(folder.path(), &["doctor", "--json"]);
    assert_eq!(doctor.status.code(), Some(1));
    let checks: Vec<Value> = serde_json::from_slice(&doctor.stdout).unwrap();
    let states: Vec<_> = checks.iter().map(|check| (&check["name"], &check["status"])).collect();
    let expected = [json!("Data folder"), json!("Settings"), json!("Database"), json!("ok"), json!("failed")];
    let [data, settings, broken, ok, failed] = &expected;
    assert_eq!(states, [(data, ok), (settings, ok), (broken, failed)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_is_a_failure_and_can_be_raised() {
    let server = ScriptedModelServer::start().await.unwrap();
    server.answer_with(|request| {
        let asked = request.body["messages"].as_array().map_or(0, Vec::len);
        if asked > 3 {
            return Reply::text("Done.").into();
        }
        Reply::call("call-1", "mshtools-todo_read", &json!({})).into()
    });
    let folder = tempfile::tempdir().unwrap();
    let work = workspace(folder.path());
    assert!(okcvm(folder.path(), &["config", "set", "limits.maxSteps", "1"]).status.success());
    let run = finished(asking(&server, folder.path(), &["run", "Read it.", "--workspace", &work]));
    assert_eq!(run.status.code(), Some(1), "{}", text(&run.stderr));
    assert!(text(&run.stderr).contains("interrupted"), "{}", text(&run.stderr));

    let id = sessions(folder.path())[0]["id"].as_str().unwrap().to_owned();
    let shown = okcvm(folder.path(), &["session", "limits", &id]);
    assert!(text(&shown.stdout).contains("steps    1\n"), "{}", text(&shown.stdout));
    let raised = okcvm(folder.path(), &["session", "limits", &id, "--steps", "5", "--tokens", "9000000"]);
    assert!(raised.status.success(), "{}", text(&raised.stderr));
    assert_eq!(text(&raised.stdout), "steps    5\nminutes  30\ntokens   9000000\n");
    assert_eq!(okcvm(folder.path(), &["session", "limits", &id, "--steps", "0"]).status.code(), Some(2));
    let run = finished(asking(&server, folder.path(), &["run", "Go on.", "--workspace", &work]));
    assert_eq!(run.status.code(), Some(0), "{}", text(&run.stderr));
}
