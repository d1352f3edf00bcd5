//! The command line at its edges: names that are no text, sessions in the trash, signals, budgets, and what says nothing.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use okcvm_testkit::{Reply, ScriptedModelServer};

use crate::command_line::{asking, finished, okcvm, prepared, sessions, signal, text, until, workspace};
use crate::command_line_tree::Story;

/// A name with a byte that is no text, and the name that a careless conversion makes of it.
fn odd(stem: &str, ending: &str) -> (OsString, OsString) {
    let of = |middle: &[u8]| OsString::from_vec([stem.as_bytes(), middle, ending.as_bytes()].concat());
    (of(b"\xff"), of("\u{FFFD}".as_bytes()))
}

fn with(folder: &Path, arguments: &[&OsStr]) -> Output {
    let mut program = prepared(folder, &[]);
    program.args(arguments);
    finished(program)
}

/// A turn of the command that runs one shell command.
async fn turn(folder: &Path, command: &str, arguments: &[&OsStr]) -> Output {
    let server = ScriptedModelServer::start().await.unwrap();
    server.push(Reply::call("1", "mshtools-shell", &serde_json::json!({ "command": command })));
    server.push(Reply::text("Done."));
    let mut program: Command = asking(&server, folder, &["run", "Do it."]);
    program.args(arguments);
    let run = tokio::task::spawn_blocking(move || finished(program)).await.unwrap();
    assert!(run.status.success(), "{}", text(&run.stderr));
    run
}

#[tokio::test(flavor = "multi_thread")]
async fn paths_of_odd_bytes_stand_for_themselves_and_for_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &OsStr| folder.path().join(name);
    let (work, other) = odd("work", "");
    std::fs::create_dir(at(&work)).unwrap();
    std::fs::create_dir(at(&other)).unwrap();
    let (file, no_file) = odd("f", ".txt");
    std::fs::write(at(&file), "named").unwrap();
    let place = at(&work);
    let given = at(&file);
    turn(folder.path(), "printf 1 > made", &["--workspace".as_ref(), place.as_os_str()]).await;
    assert_eq!(std::fs::read_to_string(place.join("made")).unwrap(), "1");
    assert_eq!(std::fs::read_dir(at(&other)).unwrap().count(), 0);
    let arguments = ["--workspace".as_ref(), place.as_os_str(), "--file".as_ref(), given.as_os_str()];
    turn(folder.path(), "true", &arguments).await;
    let copied = ["upload", ""].map(|folder| place.join(folder).join(&file));
    assert!(copied.iter().any(|copy| copy.is_file()), "{:?}", crate::desk::tree(&place));

    // The same folder is the same session, and its files come and go.
    let session = sessions(folder.path())[0]["id"].as_str().unwrap().to_owned();
    std::fs::write(place.join("made"), "2").unwrap();
    assert_eq!(sessions(folder.path()).len(), 1);
    let tree = okcvm(folder.path(), &["session", "tree", &session, "--json"]);
    let tree: serde_json::Value = serde_json::from_slice(&tree.stdout).unwrap();
    let first = tree[0]["id"].as_str().unwrap();
    let (inside, _) = odd("o", "");
    std::fs::write(place.join(&inside), "by hand").unwrap();
    let restored = okcvm(folder.path(), &["session", "restore", &session, first]);
    assert!(restored.status.success(), "{}", text(&restored.stderr));
    assert_eq!(std::fs::read_to_string(place.join("made")).unwrap(), "1");
    assert!(okcvm(folder.path(), &["session", "undo", &session]).status.success());

    // A path inside, by its bytes or as it is shown.
    for named in [inside.clone(), "o\u{FFFD}FF".into()] {
        let deleted = with(
            folder.path(),
            &["session", "files", "delete", &session]
                .map(OsStr::new)
                .into_iter()
                .chain([&*named])
                .collect::<Vec<_>>(),
        );
        assert!(deleted.status.success(), "{}", text(&deleted.stderr));
        assert!(!place.join(&inside).exists());
        let back = okcvm(folder.path(), &["session", "files", "recover", &session, "o\u{FFFD}FF"]);
        assert!(back.status.success(), "{}", text(&back.stderr));
        assert_eq!(std::fs::read_to_string(place.join(&inside)).unwrap(), "by hand");
    }

    // A copy gets the name that it was to get.
    let (zip, precious) = odd("e", ".zip");
    std::fs::write(at(&precious), "precious").unwrap();
    let to = at(&zip);
    let export = ["session", "export", &session, first, "--force", "--to"].map(OsStr::new);
    let saved = with(folder.path(), &export.into_iter().chain([to.as_os_str()]).collect::<Vec<_>>());
    assert!(saved.status.success(), "{}", text(&saved.stderr));
    assert!(to.is_file());
    assert_eq!(std::fs::read_to_string(at(&precious)).unwrap(), "precious");
    assert!(!at(&no_file).exists());
}

/// A workspace with files, which a turn removed; the folder, the files, the session and the node.
async fn removed(
    files: &[&str],
    empty: &[&str],
    command: &str,
) -> (tempfile::TempDir, PathBuf, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let work = PathBuf::from(workspace(folder.path()));
    for name in files {
        std::fs::create_dir_all(work.join(name).parent().unwrap()).unwrap();
        std::fs::write(work.join(name), name).unwrap();
    }
    for name in empty {
        std::fs::create_dir_all(work.join(name)).unwrap();
    }
    turn(folder.path(), command, &["--workspace".as_ref(), work.as_os_str()]).await;
    let session = sessions(folder.path())[0]["id"].as_str().unwrap().to_owned();
    let tree = okcvm(folder.path(), &["session", "tree", &session, "--json"]);
    let tree: serde_json::Value = serde_json::from_slice(&tree.stdout).unwrap();
    let node = tree[0]["id"].as_str().unwrap().to_owned();
    (folder, work, session, node)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_turn_deleted_comes_back_by_any_spelling_of_its_path_with_empty_folders() {
    let all = ["d/f", "d/e/g", "h", "kept"];
    let (folder, work, session, node) =
        removed(&all, &["empty", "moved"], "rm -r d empty h; mv moved m").await;
    let bring = |path: Option<&str>| {
        let command = ["session", "files", "bring-back", &session, &node];
        okcvm(folder.path(), &command.into_iter().chain(path).collect::<Vec<_>>())
    };
    let absolute = work.join("d/f").display().to_string();
    for named in ["d/", "./d/f", "/mnt/okcomputer/d/f", absolute.as_str(), "d"] {
        let back = bring(Some(named));
        assert!(back.status.success(), "{named}: {}", text(&back.stderr));
        assert!(work.join("d/f").is_file(), "{named}");
        assert!(!work.join("h").exists(), "{named}");
        assert!(okcvm(folder.path(), &["session", "undo", &session]).status.success());
        assert!(!work.join("d").exists(), "{named}");
    }
    for named in ["nothing", "kept"] {
        let back = bring(Some(named));
        assert_eq!(back.status.code(), Some(1), "{named}");
        assert!(text(&back.stderr).contains("of that name"), "{}", text(&back.stderr));
    }
    let back = bring(Some("empty"));
    assert!(text(&back.stdout).contains("Empty folders"), "{}{}", text(&back.stdout), text(&back.stderr));
    assert!(work.join("empty").is_dir());
    let back = bring(None);
    assert!(text(&back.stdout).contains("3 files brought back"), "{}", text(&back.stdout));
    for name in all {
        assert_eq!(std::fs::read_to_string(work.join(name)).unwrap(), name);
    }
    assert!(!work.join("moved").exists() && work.join("m").is_dir(), "what moved did not go");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_of_many_files_is_carried_to_its_end_when_the_terminal_goes() {
    let names: Vec<String> = (0..3000).map(|number| format!("d/{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (folder, work, session, node) = removed(&names, &[], "rm -r d").await;
    for sent in ["INT", "HUP"] {
        let mut program = prepared(folder.path(), &["session", "files", "bring-back", &session, &node]);
        let mut child = program.stdout(std::process::Stdio::null()).spawn().unwrap();
        let whole = |entry: &std::fs::DirEntry| !entry.file_name().to_string_lossy().starts_with('.');
        let count = || {
            let entries = std::fs::read_dir(work.join("d")).into_iter().flatten().flatten();
            entries.filter(whole).count()
        };
        until("some files are back", || count() > 20);
        signal(child.id(), sent);
        let status = child.wait().unwrap();
        assert!(status.success(), "{sent}: {status}");
        assert_eq!(count(), 3000, "{sent}");
        assert!(okcvm(folder.path(), &["session", "undo", &session]).status.success());
        assert_eq!(count(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_in_the_trash_moves_no_files() {
    let story = Story::told().await;
    let first = story.nodes[0].clone();
    story.said(&["restore"], &[&first]);
    story.said(&["files", "delete"], &["a.txt"]);
    story.said(&["delete"], &[]);
    for (verb, rest) in [
        (["restore"].as_slice(), [first.as_str()].as_slice()),
        (&["fork"], &[&first]),
        (&["undo"], &[]),
        (&["revert-turn"], &[&first]),
        (&["files", "delete"], &["b.txt"]),
        (&["files", "recover"], &["a.txt"]),
        (&["files", "bring-back"], &[&first]),
    ] {
        let said = story.refused(verb, rest);
        assert!(said.contains("lies in the trash"), "{verb:?}: {said}");
    }
    assert_eq!(story.file("a.txt"), None);
    // It can be looked at, and goes on once it is out of the trash.
    assert!(story.said(&["restore"], &[&first, "--dry-run"]).contains("a.txt"));
    story.said(&["recover"], &[]);
    story.said(&["files", "recover"], &["a.txt"]);
    story.said(&["undo"], &[]);
    assert_eq!(story.file("a.txt").as_deref(), Some("one\ntwo\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_of_what_is_so_already_is_no_step() {
    let story = Story::told().await;
    let [first, third] = [0, 2].map(|number| story.nodes[number].clone());
    story.said(&["restore"], &[&first, "--path", "a.txt"]);
    for rest in [[&first, "--path", "a.txt"].as_slice(), &[&first, "--path", "./a.txt"]] {
        assert!(story.said(&["restore"], rest).contains("nothing was changed"));
        assert_eq!(story.json(&["restore"], rest)["unchanged"], true);
    }
    // One undo takes back what did something.
    assert!(story.json(&["undo"], &[]).get("unchanged").is_none());
    assert_eq!(story.file("a.txt").as_deref(), Some("one\ntwo\n"));
    assert!(story.said(&["restore"], &[&third]).contains("nothing was changed"));
    assert!(story.refused(&["undo"], &[]).contains("nothing to undo"));
    // The conversation that goes elsewhere is a step, although no file does.
    assert!(!story.said(&["restore"], &[&first, "--scope", "conversation"]).contains("nothing was changed"));
    story.said(&["undo"], &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_found_although_it_is_a_part_of_ids() {
    let story = Story::told().await;
    let [first, second] = [0, 1].map(|number| story.nodes[number].clone());
    let end = &second[second.len() - 4..];
    for label in ["0", end] {
        story.said(&["label"], &[&first, label]);
        assert_eq!(story.json(&["label"], &[label, label])["id"].as_str(), Some(first.as_str()), "{label}");
    }
    assert_eq!(story.json(&["label"], &[&first, "new\nline\t x"])["label"], "new line x");
    story.said(&["label"], &[&second, "new line x"]);
    assert!(story.refused(&["switch"], &["new line x"]).contains("ends of their ids"));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_the_trash_go_for_good_and_programs_read_what_was_done() {
    let story = Story::told().await;
    let deleted = story.json(&["files", "delete"], &["a.txt"]);
    assert_eq!(deleted[0]["entry"]["path"], "a.txt");
    std::fs::write(story.work.join("a.txt"), "again").unwrap();
    story.said(&["files", "delete"], &["a.txt"]);
    assert!(story.refused(&["files", "purge"], &["a.txt"]).contains("More than one"));
    story.json(&["files", "purge"], &[deleted[0]["id"].as_str().unwrap()]);
    assert_eq!(story.json(&["files", "trash"], &[]).as_array().unwrap().len(), 1);
    assert_eq!(story.json(&["files", "recover"], &["a.txt"])["path"], "a.txt");
    assert_eq!(story.file("a.txt").as_deref(), Some("again"));
    // Of several of one path the last comes back, and it is said.
    for content in ["first", "last"] {
        std::fs::write(story.work.join("a.txt"), content).unwrap();
        story.said(&["files", "delete"], &["a.txt"]);
    }
    let recovered = story.run(&["files", "recover"], &["a.txt"]);
    assert!(text(&recovered.stderr).contains("1 more"), "{}", text(&recovered.stderr));
    assert_eq!(story.file("a.txt").as_deref(), Some("last"));
    assert_eq!(story.json(&["mode"], &["plan"])["mode"], "plan");
    assert_eq!(story.json(&["limits"], &["--steps", "7"])["maxSteps"], 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_holds_the_budgets() {
    let folder = tempfile::tempdir().unwrap();
    let set = okcvm(folder.path(), &["config", "set", "history.sessionBudgetBytes", "500000"]);
    assert!(set.status.success(), "{}", text(&set.stderr));
    let [work, other] = ["work", "other"].map(|name| folder.path().join(name));
    std::fs::create_dir(&work).unwrap();
    std::fs::create_dir(&other).unwrap();
    let usage = |session: &str| -> serde_json::Value {
        let usage = okcvm(folder.path(), &["session", "usage", session, "--json"]);
        serde_json::from_slice(&usage.stdout).unwrap()
    };
    for _ in 0..4 {
        let command = "head -c 200000 /dev/urandom > x";
        turn(folder.path(), command, &["--workspace".as_ref(), work.as_os_str()]).await;
    }
    let session = sessions(folder.path())[0]["id"].as_str().unwrap().to_owned();
    let held = usage(&session);
    assert!(held["bytes"].as_u64().unwrap() <= 500_000, "{held}");
    assert!(held["thinned"].as_u64().unwrap() >= 1, "{held}");

    okcvm(folder.path(), &["config", "set", "history.sessionBudgetBytes", "5000000"]);
    for _ in 0..2 {
        let command = "head -c 200000 /dev/urandom > x";
        turn(folder.path(), command, &["--workspace".as_ref(), work.as_os_str()]).await;
    }

    // All together: the session that was not used for longest gives, though it is within its own. By hand as well.
    let arguments = ["--workspace".as_ref(), other.as_os_str()];
    turn(folder.path(), "head -c 200000 /dev/urandom > y", &arguments).await;
    let newer = sessions(folder.path())[0]["id"].as_str().unwrap().to_owned();
    assert_ne!(newer, session);
    let before = usage(&session);
    let total = before["totalBytes"].as_u64().unwrap();
    okcvm(folder.path(), &["config", "set", "history.totalBudgetBytes", &(total - 100_000).to_string()]);
    let tidied = okcvm(folder.path(), &["session", "tidy", &newer]);
    assert!(text(&tidied.stdout).contains("in other sessions"), "{}", text(&tidied.stdout));
    assert!(usage(&session)["thinned"].as_u64() > before["thinned"].as_u64());
    // What cannot be reached is said.
    okcvm(folder.path(), &["config", "set", "history.sessionBudgetBytes", "1000"]);
    let tidied = okcvm(folder.path(), &["session", "tidy", &newer]);
    assert!(text(&tidied.stdout).contains("is needed"), "{}", text(&tidied.stdout));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_cannot_be_written_says_the_true_reason_once() {
    let story = Story::told().await;
    let elsewhere = story.work.with_extension("moved");
    std::fs::rename(&story.work, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &story.work).unwrap();
    for (verb, rest) in
        [("show", [].as_slice()), ("tree", &[]), ("undo", &[]), ("restore", &[&*story.nodes[0]])]
    {
        let run = story.run(&[verb], rest);
        let said = format!("{}{}", text(&run.stdout), text(&run.stderr));
        assert!(!said.contains("nother program"), "{verb}: {said}");
        assert_eq!(said.matches("is a link by now").count(), 1, "{verb}: {said}");
    }
}

#[test]
fn a_folder_of_logs_that_cannot_be_used_keeps_nobody_from_looking() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("data")).unwrap();
    std::fs::write(folder.path().join("data/logs"), "in the way").unwrap();
    let listed = okcvm(folder.path(), &["session", "list"]);
    let said = text(&listed.stderr);
    assert!(listed.status.success(), "{said}");
    assert!(said.contains("Log files cannot be written") && said.contains("without a log"), "{said}");
}
