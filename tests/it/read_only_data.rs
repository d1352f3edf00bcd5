//! A data folder that can only be read: everything can be looked at, nothing is written, and whatever would write says why.

use std::process::{Command, Output};

use crate::command_line::{finished, okcvm, text};
use crate::command_line_tree::Story;
use crate::desk::{command, tree};

const REASON: &str = "The data folder can only be read";

/// The command with the data folder mounted so that nobody can write to it.
fn looking(story: &Story, arguments: &[&str]) -> Output {
    let data = story.folder.path().join("data");
    let mut program = Command::new("unshare");
    program.args(["--user", "--map-root-user", "--mount", "sh", "-c"]);
    program.arg("mount --bind \"$0\" \"$0\" && mount -o remount,ro,bind \"$0\" && exec \"$@\"").arg(&data);
    program.arg(command()).args(arguments);
    program.env("OKCVM_HOME", &data).env("HOME", story.folder.path());
    finished(program)
}

fn session(story: &Story, verb: &[&str], rest: &[&str]) -> Output {
    looking(story, &[&["session"], verb, &[story.session.as_str()], rest].concat())
}

fn looked(output: &Output) -> String {
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr).matches("Log files cannot").count(), 1, "{}", text(&output.stderr));
    text(&output.stdout)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_folder_that_can_only_be_read_can_be_looked_at() {
    let story = Story::told().await;
    let (data, first) = (story.folder.path().join("data"), story.nodes[0].clone());
    let before = tree(&data);
    let listed = looked(&looking(&story, &["session", "list"]));
    assert!(listed.contains(&story.session), "{listed}");
    for (verb, rest, holds) in [
        ("tree", [].as_slice(), "Write a again."),
        ("show", &[], "Wrote b.txt."),
        ("show", &[], REASON),
        ("diff", &[&*first], "+one"),
        ("compare", &[&*first, &*story.nodes[2], "--lines"], "+two"),
        ("history", &["a.txt"], "the agent in"),
        ("usage", &[], "kB"),
        ("steps", &["--json"], "[]"),
        ("todos", &["--json"], "[]"),
        ("sites", &["--json"], "[]"),
        ("trash", &["--json"], "[]"),
    ] {
        let said = looked(&session(&story, &[verb], rest));
        assert!(said.contains(holds), "{verb}: {said}");
        assert!(!said.contains("nother program"), "{verb}: {said}");
    }
    let copy = story.folder.path().join("copy");
    looked(&session(&story, &["export"], &[&first, "--to", copy.to_str().unwrap()]));
    assert_eq!(std::fs::read_to_string(copy.join("a.txt")).unwrap(), "one\n");

    // Whatever writes says why not, and leaves nothing.
    for (verb, rest) in [
        (["restore"].as_slice(), [first.as_str()].as_slice()),
        (&["restore"], &[&*first, "--path", "a.txt", "--dry-run"]),
        (&["revert-turn"], &[&*first, "--dry-run"]),
        (&["revert-turn"], &[&*first]),
        (&["undo"], &[]),
        (&["label"], &[&*first, "name"]),
        (&["delete"], &[]),
        (&["tidy"], &[]),
        (&["files", "delete"], &["a.txt"]),
        (&["mode"], &["plan"]),
        (&["move-folder"], &["."]),
    ] {
        let run = session(&story, verb, rest);
        let said = text(&run.stderr);
        assert_eq!(run.status.code(), Some(1), "{verb:?}: {said}");
        assert_eq!(said.matches(REASON).count(), 1, "{verb:?}: {said}");
    }
    let run = looking(&story, &["run", "hello", "--workspace", story.work.to_str().unwrap()]);
    assert_eq!(run.status.code(), Some(1));
    assert!(text(&run.stderr).contains(REASON), "{}", text(&run.stderr));
    assert_eq!(tree(&data), before);
    assert_eq!(story.file("a.txt").as_deref(), Some("one\ntwo\n"));

    // Where it can be written again, all goes on.
    assert!(okcvm(story.folder.path(), &["session", "restore", &story.session, &first]).status.success());
}

/// What the last program wrote may still stand in the log of the database.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_of_the_database_is_read_with_its_index_and_missed_without() {
    let story = Story::told().await;
    let database = story.folder.path().join("data/okcvm.db");
    let files = ["db", "db-wal", "db-shm"].map(|ending| database.with_extension(ending));
    let opened = okcvm_store::Store::open(&database).unwrap();
    opened.rename_session(&okcvm_protocol::SessionId(story.session.clone()), "In the log", true, 1).unwrap();
    // As a program that is killed now leaves them.
    let left = files.each_ref().map(|path| std::fs::read(path).unwrap());
    drop(opened);
    for (path, content) in files.iter().zip(&left) {
        std::fs::write(path, content).unwrap();
    }
    let listed = looked(&looking(&story, &["session", "list"]));
    assert!(listed.contains("In the log"), "{listed}");
    std::fs::remove_file(&files[2]).unwrap();
    let run = looking(&story, &["session", "list"]);
    assert_eq!(run.status.code(), Some(1));
    assert!(text(&run.stderr).contains("in a log without an index"), "{}", text(&run.stderr));
    let listed = okcvm(story.folder.path(), &["session", "list"]);
    assert!(text(&listed.stdout).contains("In the log"), "{}", text(&listed.stdout));
}
