//! The command line as a script sees it.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use okcvm_testkit::ScriptedModelServer;
use serde_json::Value;

use crate::desk::{PATIENCE, command};

/// The command with nothing of this process's environment.
pub fn prepared(folder: &Path, arguments: &[&str]) -> Command {
    let mut program = Command::new(command());
    program
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", folder.join("home"))
        .env("OKCVM_HOME", folder.join("data"))
        .env("OKCVM_DEMO_PACE", "full")
        .stdin(Stdio::null());
    program
}

/// The command with a model.
pub fn asking(server: &ScriptedModelServer, folder: &Path, arguments: &[&str]) -> Command {
    let mut program = prepared(folder, arguments);
    program.env("OKCVM_CHAT_BASE_URL", server.openai_base()).env("OKCVM_CHAT_MODEL", "test-model");
    program
}

pub fn okcvm(folder: &Path, arguments: &[&str]) -> Output {
    finished(prepared(folder, arguments))
}

/// Runs a program to its end, which must come.
pub fn finished(mut program: Command) -> Output {
    let child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let pid = child.id();
    let (done, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || done.send(child.wait_with_output()));
    ended
        .recv_timeout(PATIENCE)
        .unwrap_or_else(|_| {
            signal(pid, "KILL");
            panic!("the command did not end in time: {program:?}")
        })
        .unwrap()
}

/// Sends a signal to a program that this test started.
pub fn signal(pid: u32, name: &str) {
    // It may have ended by itself.
    let _ = Command::new("sh").args(["-c", &format!("kill -{name} {pid}")]).stderr(Stdio::null()).status();
}

/// Waits until something holds.
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub fn sessions(folder: &Path) -> Vec<Value> {
    let listed = okcvm(folder, &["session", "list", "--json"]);
    assert!(listed.status.success(), "{}", text(&listed.stderr));
    serde_json::from_slice(&listed.stdout).unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub fn workspace(folder: &Path) -> String {
    let path = folder.join("work");
    std::fs::create_dir_all(&path).unwrap();
    path.to_string_lossy().into_owned()
}

#[test]
fn one_tool_runs_as_the_agent_would_run_it() {
    let folder = tempfile::tempdir().unwrap();
    let work = workspace(folder.path());
    let call = |name: &str, arguments: &str| {
        okcvm(
            folder.path(),
            &["tool", "call", name, "--workspace", &work, "--arguments", arguments, "--json"],
        )
    };
    let written = call("write_file", r#"{"file_path":"/mnt/okcomputer/a.txt","content":"one\n"}"#);
    assert!(written.status.success(), "{}", text(&written.stderr));
    assert_eq!(std::fs::read_to_string(Path::new(&work).join("a.txt")).unwrap(), "one\n");

    // Read-before-write holds across programs: writing counts as having seen the file, until it changes.
    let edited = call("mshtools-edit_file", r#"{"file_path":"a.txt","old_string":"one","new_string":"two"}"#);
    assert!(edited.status.success(), "{}", text(&edited.stdout));
    std::fs::write(Path::new(&work).join("a.txt"), "changed\n").unwrap();
    let stale = call("edit_file", r#"{"file_path":"a.txt","old_string":"changed","new_string":"x"}"#);
    assert_eq!(stale.status.code(), Some(1), "{}", text(&stale.stdout));

    let escaped = call("write_file", r#"{"file_path":"../outside.txt","content":"x"}"#);
    assert_eq!(escaped.status.code(), Some(1));
    assert!(!folder.path().join("outside.txt").exists());

    let shell = call("shell", r#"{"command":"echo hello | tr a-z A-Z; pwd"}"#);
    assert!(shell.status.success(), "{}{}", text(&shell.stdout), text(&shell.stderr));
    assert!(text(&shell.stdout).contains("HELLO"));

    let unknown = call("nothing", "{}");
    assert_eq!(unknown.status.code(), Some(1));
    let broken = call("read_file", "{not json");
    assert_eq!(broken.status.code(), Some(1));
    assert!(text(&broken.stdout).contains("not valid JSON"), "{}", text(&broken.stdout));
}

#[test]
fn a_run_prints_the_answer_on_stdout_and_progress_on_stderr() {
    let folder = tempfile::tempdir().unwrap();
    let work = workspace(folder.path());
    let run = okcvm(folder.path(), &["run", "Write a to-do list for a picnic.", "--workspace", &work]);
    assert!(run.status.success(), "{}", text(&run.stderr));
    assert!(text(&run.stderr).contains("mshtools-todo_write"), "{}", text(&run.stderr));
    assert!(!text(&run.stdout).contains("mshtools-todo_write {"));
    assert!(!text(&run.stdout).trim().is_empty());

    let json = okcvm(folder.path(), &["run", "What can you do?", "--workspace", &work, "--json"]);
    assert!(json.status.success());
    let last = text(&json.stdout)
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .next_back();
    assert_eq!(last.unwrap()["event"]["event"]["type"], "turnCompleted");

    // The folder has one session, which went on.
    let listed = okcvm(folder.path(), &["session", "list", "--json"]);
    let sessions: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(sessions.as_array().unwrap().len(), 1);
    let id = sessions[0]["id"].as_str().unwrap().to_owned();
    let tree = okcvm(folder.path(), &["session", "tree", &id, "--json"]);
    let nodes: serde_json::Value = serde_json::from_slice(&tree.stdout).unwrap();
    assert_eq!(nodes.as_array().unwrap().len(), 2);
    let show = okcvm(folder.path(), &["session", "show", &id]);
    assert!(text(&show.stdout).contains("picnic"));
}

#[test]
fn the_demo_names_what_it_made() {
    let folder = tempfile::tempdir().unwrap();
    let demo = okcvm(folder.path(), &["demo"]);
    assert!(demo.status.success(), "{}", text(&demo.stderr));
    let out = text(&demo.stdout);
    let site =
        out.lines().find_map(|line| line.trim().strip_prefix("site")).map(str::trim).unwrap().to_owned();
    assert!(Path::new(&site).exists(), "{site} is not there");
    assert!(out.contains("Session tree:"), "{out}");
}

#[test]
fn settings_are_checked_and_changed() {
    let folder = tempfile::tempdir().unwrap();
    let set = okcvm(folder.path(), &["config", "set", "limits.maxSteps", "7"]);
    assert!(set.status.success(), "{}", text(&set.stderr));
    let show = okcvm(folder.path(), &["config", "show", "--json"]);
    let settings: serde_json::Value = serde_json::from_slice(&show.stdout).unwrap();
    assert_eq!(settings["limits"]["maxSteps"], 7);
    assert!(okcvm(folder.path(), &["config", "check"]).status.success());

    let wrong = okcvm(folder.path(), &["config", "set", "limits.maxSteps", "many"]);
    assert_eq!(wrong.status.code(), Some(1));
    std::fs::write(folder.path().join("data/settings.toml"), "[limits]\nmaxSteps = \"many\"\n").unwrap();
    let check = okcvm(folder.path(), &["config", "check"]);
    assert_eq!(check.status.code(), Some(1));
    let said = text(&check.stderr);
    for word in ["settings.toml", "line 2", "limits.maxSteps"] {
        assert!(said.contains(word), "{word} is not in {said}");
    }
}

#[test]
fn wrong_usage_is_told_apart_from_failure() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(okcvm(folder.path(), &["run"]).status.code(), Some(2));
    assert_eq!(okcvm(folder.path(), &["session", "show", "nobody"]).status.code(), Some(1));
    let home = folder.path().join("home");
    std::fs::create_dir_all(&home).unwrap();
    for refused in ["/", &home.to_string_lossy()] {
        let run = okcvm(folder.path(), &["run", "hello", "--workspace", refused]);
        assert_eq!(run.status.code(), Some(1), "{refused}: {}", text(&run.stderr));
    }
    assert!(okcvm(folder.path(), &["--help"]).status.success());
}
