//! The command line while it works: slow and absent readers, signals, other programs.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use okcvm_protocol::{CommandHandler, NodeStatus, SessionParams};
use okcvm_testkit::{Answer, Ending, Reply, ScriptedModelServer};
use serde_json::Value;

use crate::command_line::{asking, finished, okcvm, prepared, sessions, signal, text, until, workspace};
use crate::desk::{Desk, until_end};

/// More events than the engine keeps.
const MANY: usize = 12_000;

/// A program that is ended, whatever becomes of the test.
struct Ended(Child);

impl Ended {
    fn start(mut program: Command) -> Self {
        Self(program.spawn().unwrap())
    }

    fn signal(&self, name: &str) {
        signal(self.0.id(), name);
    }

    /// Waits for its end.
    fn status(&mut self) -> ExitStatus {
        let mut status = None;
        until("the end of the program", || {
            status = self.0.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn long_answer() -> Reply {
    let words: Vec<String> = (0..MANY).map(|number| format!("{number:05}")).collect();
    Reply::text(words.join(" ")).in_pieces(6)
}

/// Everything that a stream says, read in the background.
fn reading(stream: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut said = Vec::new();
        let _ = BufReader::new(stream).read_to_end(&mut said);
        text(&said)
    })
}

fn wait_for_line(stream: impl Read + Send + 'static, word: &'static str) -> std::thread::JoinHandle<String> {
    let (found, seen) = std::sync::mpsc::channel();
    let rest = std::thread::spawn(move || {
        let mut all = String::new();
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if line.contains(word) {
                let _ = found.send(());
            }
            all.push_str(&line);
            all.push('\n');
        }
        all
    });
    assert!(
        seen.recv_timeout(crate::desk::PATIENCE).is_ok(),
        "“{word}” did not come: {}",
        rest.join().unwrap()
    );
    rest
}

fn types(lines: &str) -> Vec<String> {
    lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .map(|event| event["event"]["event"]["type"].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_reader_gets_every_event() {
    let server = ScriptedModelServer::start().await.unwrap();
    server.push(long_answer());
    let folder = tempfile::tempdir().unwrap();
    let mut program = asking(&server, folder.path(), &["run", "Count.", "--json"]);
    program.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut run = Ended::start(program);
    let out = run.0.stdout.take().unwrap();
    // Nothing is read before the answer has gone by, and some more of the turn.
    until("the request", || !server.chats().is_empty());
    until("the end of the answer", || server.open_answers() == 0);
    std::thread::sleep(Duration::from_secs(2));
    let lines = reading(out);
    assert_eq!(run.status().code(), Some(0));
    let lines = lines.join().unwrap();
    let events: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let numbers: Vec<u64> = events.iter().map(|event| event["sequence"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (numbers[0]..numbers[0] + events.len() as u64).collect::<Vec<_>>());
    let said: String =
        events.iter().filter_map(|event| event["event"]["event"]["delta"]["text"].as_str()).collect();
    assert_eq!(said.split_whitespace().count(), MANY);
    assert_eq!(types(&lines).last().unwrap(), "turnCompleted");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_signal_stops_the_turn_and_keeps_what_was_done() {
    for name in ["INT", "TERM"] {
        let server = ScriptedModelServer::start().await.unwrap();
        server.push(Reply::text("The start").ending(Ending::Stall));
        let folder = tempfile::tempdir().unwrap();
        let mut program = asking(&server, folder.path(), &["run", "Begin.", "--json"]);
        program.stdout(Stdio::piped()).stderr(Stdio::null());
        let mut run = Ended::start(program);
        let rest = wait_for_line(run.0.stdout.take().unwrap(), "The start");
        run.signal(name);
        assert_eq!(run.status().code(), Some(130), "{name}");
        assert_eq!(types(&rest.join().unwrap()).last().unwrap(), "turnInterrupted");
        let id = sessions(folder.path())[0]["id"].as_str().unwrap().to_owned();
        let show = okcvm(folder.path(), &["session", "show", &id]);
        assert!(text(&show.stdout).contains("The start"), "{}", text(&show.stdout));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_signal_ends_the_program_though_nobody_reads() {
    let server = ScriptedModelServer::start().await.unwrap();
    server.push(long_answer().ending(Ending::Stall));
    let folder = tempfile::tempdir().unwrap();
    let mut program = asking(&server, folder.path(), &["run", "Count.", "--json"]);
    // Neither stream is read.
    program.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut run = Ended::start(program);
    until("the request", || !server.chats().is_empty());
    std::thread::sleep(Duration::from_secs(2));
    run.signal("INT");
    std::thread::sleep(Duration::from_millis(1500));
    assert!(run.0.try_wait().unwrap().is_none(), "what was not read yet is not thrown away");
    run.signal("TERM");
    assert_eq!(run.status().code(), Some(130));
}

#[test]
fn a_tool_shows_its_output_while_it_runs_and_is_stopped_by_a_signal() {
    let folder = tempfile::tempdir().unwrap();
    let work = workspace(folder.path());
    let script = r#"{"command":"echo begun; sleep 300"}"#;
    for name in ["INT", "TERM"] {
        let arguments = ["tool", "call", "shell", "--workspace", &work, "--arguments", script];
        let mut program = prepared(folder.path(), &arguments);
        program.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut call = Ended::start(program);
        let out = reading(call.0.stdout.take().unwrap());
        let notes = wait_for_line(call.0.stderr.take().unwrap(), "begun");
        call.signal(name);
        assert_eq!(call.status().code(), Some(130), "{name}");
        assert!(out.join().unwrap().contains("begun"), "the result is on stdout");
        notes.join().unwrap();
    }
    let quick = r#"{"command":"echo alpha; printf omega"}"#;
    let call = |more: &[&str]| {
        okcvm(
            folder.path(),
            &[&["tool", "call", "shell", "--workspace", &work, "--arguments", quick], more].concat(),
        )
    };
    assert!(text(&call(&[]).stderr).contains("alpha\nomega\n"));
    assert_eq!(text(&call(&["--json"]).stderr), "");
}

#[test]
fn the_demo_is_stopped_by_a_signal() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = prepared(folder.path(), &["demo", "--json"]);
    program.env("OKCVM_DEMO_PACE", "human").stdout(Stdio::piped()).stderr(Stdio::null());
    let mut demo = Ended::start(program);
    let rest = wait_for_line(demo.0.stdout.take().unwrap(), "itemDelta");
    demo.signal("TERM");
    assert_eq!(demo.status().code(), Some(130));
    assert_eq!(types(&rest.join().unwrap()).last().unwrap(), "turnInterrupted");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_waits_goes_on_waiting() {
    let server = ScriptedModelServer::start().await.unwrap();
    let base = server.openai_base();
    let desk = Desk::with(&[("OKCVM_CHAT_BASE_URL", &base), ("OKCVM_CHAT_MODEL", "test-model")]);
    let session = desk.session().await;
    server.push(Answer::Silence);
    let mut events = desk.listen();
    let first = desk.send(&session, "First.", Vec::new()).await;
    until("the request", || !server.chats().is_empty());
    let second = desk.host.engine().start_turn(&session, "Second.", Vec::new()).await.unwrap();
    assert!(matches!(second, okcvm_host::Start::Queued(_)));
    desk.host.engine().stop_turn(&session).unwrap();
    assert_eq!(until_end(&mut events, &first).await.status, NodeStatus::Interrupted);
    let folder = desk.close().await;

    server.answer_with(|_| Reply::text("Here.").into());
    for message in ["Third.", "Fourth."] {
        let run = finished(asking(&server, folder.path(), &["run", message, "--session", session.as_str()]));
        assert!(run.status.success(), "{}", text(&run.stderr));
    }
    let host = crate::desk::host(folder.path(), &[]);
    let detail = host.session_open(SessionParams { session_id: session }).await.unwrap();
    let turns: Vec<_> =
        detail.turns.iter().map(|turn| (turn.message.text.as_str(), turn.node.status)).collect();
    let (done, stopped) = (NodeStatus::Completed, NodeStatus::Interrupted);
    assert_eq!(turns, [("First.", stopped), ("Third.", done), ("Fourth.", done)]);
    assert_eq!(detail.queue.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_program_reads_what_one_writes_and_a_killed_turn_is_over() {
    let server = ScriptedModelServer::start().await.unwrap();
    server.push(Reply::text("The start").ending(Ending::Stall));
    let folder = tempfile::tempdir().unwrap();
    let mut program = asking(&server, folder.path(), &["run", "Begin.", "--json"]);
    program.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut run = Ended::start(program);
    let rest = wait_for_line(run.0.stdout.take().unwrap(), "The start");
    let id = sessions(folder.path())[0]["id"].as_str().unwrap().to_owned();
    let show = okcvm(folder.path(), &["session", "show", &id]);
    assert!(text(&show.stdout).contains("another program"), "{}", text(&show.stdout));
    assert!(text(&okcvm(folder.path(), &["session", "tree", &id]).stdout).contains("running"));

    run.signal("KILL");
    run.status();
    rest.join().unwrap();
    let tree = okcvm(folder.path(), &["session", "tree", &id, "--json"]);
    let nodes: Vec<Value> = serde_json::from_slice(&tree.stdout).unwrap();
    assert_eq!(nodes[0]["status"], "interrupted");
    assert!(!text(&okcvm(folder.path(), &["session", "show", &id]).stdout).contains("another program"));
}

#[test]
fn a_reader_that_leaves_is_no_error_and_a_full_disk_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let work = workspace(folder.path());
    let arguments: [&[&str]; 3] = [
        &["session", "list", "--json"],
        &["run", "What can you do?", "--workspace", &work, "--json"],
        &["run", "What can you do?", "--workspace", &work],
    ];
    for arguments in arguments {
        let mut program = prepared(folder.path(), arguments);
        program.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut run = Ended::start(program);
        drop(run.0.stdout.take());
        let notes = reading(run.0.stderr.take().unwrap());
        assert_eq!(run.status().code(), Some(0), "{arguments:?}");
        assert!(!notes.join().unwrap().contains("okcvm:"), "{arguments:?}");

        let full = Path::new("/dev/full");
        if !full.exists() {
            continue;
        }
        let mut program = prepared(folder.path(), arguments);
        program.stdout(File::options().write(true).open(full).unwrap()).stderr(Stdio::piped());
        let mut run = Ended::start(program);
        let notes = reading(run.0.stderr.take().unwrap());
        assert_eq!(run.status().code(), Some(1), "{arguments:?}");
        let notes = notes.join().unwrap();
        assert!(notes.contains("could not be written to stdout"), "{arguments:?}: {notes}");
    }
}
