//! Attempts to leave the computer that the agent was given: each is a real command through `okcvm tool call`, and has no
//! effect; the same command outside of the sandbox has one, so that an attempt that could not work is noticed.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "what was not run, and how much was, is told")]
#![cfg(target_os = "linux")]

mod attempts;
mod canaries;
mod who;

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use attempts::{ATTEMPTS, Attempt, Code, Where};
use canaries::Canaries;
use who::Who;

/// How long one command may take at most.
const PATIENCE: Duration = Duration::from_secs(120);

/// A tool that runs code, and the arguments of a call.
struct Tool {
    name: &'static str,
    arguments: fn(Code, &Canaries) -> serde_json::Value,
    /// Whether a result in the full tier is of the kind that is meant: what did not run would prove nothing.
    ran: fn(&str) -> bool,
}

/// Every tool that runs code of the agent is put to the whole list.
const TOOLS: &[Tool] = &[
    Tool {
        name: "shell",
        arguments: |code, canaries| serde_json::json!({ "command": canaries.aim(&code.as_shell()), "timeout": 20_000 }),
        ran: |_| true,
    },
    Tool {
        name: "ipython",
        arguments: |code, canaries| serde_json::json!({ "code": canaries.aim(&code.as_python()) }),
        // Which may use sockets, where the plain one may not.
        ran: |text| text.contains("kernel: Jupyter"),
    },
];

/// Waits until something holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The command, and the Python environment, where every user can use them.
struct Program {
    path: PathBuf,
    /// That of the test's own user, which is kept between runs.
    kept_python: PathBuf,
    folder: tempfile::TempDir,
}

impl Program {
    fn new() -> Self {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = folder.path().join("okcvm");
        std::fs::copy(env!("CARGO_BIN_EXE_okcvm-under-test"), &path).unwrap();
        Self { path, kept_python: kept_python(), folder }
    }

    fn python(&self, who: Who) -> PathBuf {
        match who {
            Who::Self_ => self.kept_python.clone(),
            Who::Ordinary => self.folder.path().join("python"),
        }
    }

    /// Gives that user a Python environment of its own, since it cannot look into the cache of another.
    fn with_python_of(&self, who: Who) {
        let folder = self.python(who);
        if folder != self.kept_python {
            let copied = Command::new("cp").arg("-a").args([&self.kept_python, &folder]).status().unwrap();
            assert!(copied.success());
            who.give(&folder);
        }
    }

    fn status(&self, who: Who) -> String {
        let home = tempfile::tempdir().unwrap();
        who.give(home.path());
        let output = who
            .command(&self.path)
            .args(["doctor", "--json"])
            .env("OKCVM_HOME", home.path())
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

/// The environment that the tests keep in the user's cache; made if it is not there yet.
fn kept_python() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = cache.unwrap_or_else(|| std::env::home_dir().unwrap().join(".cache"));
    let folder = cache.join("okcvm-ci").join("python");
    let environment =
        okcvm_python::Environment::new(folder.clone(), std::env::var_os("PATH"), std::env::home_dir());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let cancel = tokio_util::sync::CancellationToken::new();
    let making = environment.create(okcvm_python::Renewal::Keep, &|_| {}, &cancel);
    let made = runtime.block_on(async { tokio::time::timeout(5 * PATIENCE, making).await });
    made.expect("the environment was not made in time").expect("a Python environment");
    folder
}

/// What the app has open, knows and is told, all of which a command must not get.
fn with_surroundings(mut command: Command, canaries: &Canaries) -> Command {
    command
        .env_clear()
        .env("PATH", who::PATH)
        .env("HOME", &canaries.outside)
        .env("OKCVM_HOME", &canaries.data)
        .env("API_TOKEN", &canaries.secret)
        .env("SSH_AUTH_SOCK", canaries.outside.join("socket"))
        .stdin(std::fs::File::open(canaries.outside.join("secret")).unwrap())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// Opens files as 8 and 9 before the program starts, as a careless library leaves them.
fn with_open_files(who: Who, canaries: &Canaries) -> Command {
    let mut command = who.command("bash");
    let (log, secret) = (canaries.outside.join("log"), canaries.outside.join("secret"));
    command.arg("-c").arg(format!("exec 8>>'{}' 9<'{}' && exec \"$@\"", log.display(), secret.display()));
    command.arg("bash");
    command
}

fn finished(mut command: Command) -> Output {
    let child = command.spawn().unwrap();
    let pid = child.id();
    let (done, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || done.send(child.wait_with_output()));
    ended
        .recv_timeout(PATIENCE)
        .unwrap_or_else(|_| {
            let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).status();
            panic!("not in time: {command:?}")
        })
        .unwrap()
}

/// Outside of the sandbox.
fn control(who: Who, attempt: &Attempt) -> (Vec<String>, Output) {
    let mut canaries = Canaries::new(who);
    let mut command = with_open_files(who, &canaries);
    command.args(["bash", "-c", &canaries.aim(&attempt.code.as_shell())]).current_dir(&canaries.workspace);
    let output = finished(with_surroundings(command, &canaries));
    let said = [output.stdout.as_slice(), &output.stderr].concat();
    let mut effects = canaries.effects(&said);
    // A busy machine takes its time, for example to stop a process.
    for _ in 0..50 {
        if effects.is_empty() {
            effects = canaries.effects(&said);
        }
    }
    (effects, output)
}

fn attempted(who: Who, program: &Program, tool: &Tool, attempt: &Attempt) -> (Vec<String>, Output) {
    let mut canaries = Canaries::new(who);
    let arguments = (tool.arguments)(attempt.code, &canaries).to_string();
    let mut command = with_open_files(who, &canaries);
    command
        .arg(&program.path)
        .args(["tool", "call", tool.name, "--workspace"])
        .arg(&canaries.workspace)
        .args(["--arguments", &arguments, "--json"])
        .current_dir(canaries.root());
    let mut command = with_surroundings(command, &canaries);
    command.env("OKCVM_PYTHON", program.python(who));
    let output = finished(command);
    (canaries.effects(&[output.stdout.as_slice(), &output.stderr].concat()), output)
}

/// The start of what it said.
fn shown(output: &Output) -> String {
    let all =
        format!("{} {}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    all.chars().take(600).collect()
}

/// Does something with every attempt, two at a time, and collects what is wrong.
fn each(work: impl Fn(&Attempt) -> Option<String> + Sync) -> Vec<String> {
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(attempt) = ATTEMPTS.get(next.fetch_add(1, Ordering::SeqCst)) {
                    if let Some(problem) = work(attempt) {
                        wrong.lock().unwrap().push(format!("{}: {problem}", attempt.name));
                    }
                }
            });
        }
    });
    wrong.into_inner().unwrap()
}

#[test]
fn every_attempt_works_outside_and_none_inside() {
    assert!(ATTEMPTS.len() >= 60, "{}", ATTEMPTS.len());
    let program = Program::new();
    for who in Who::all() {
        program.with_python_of(who);
        let status = program.status(who);
        let full = status.contains("Full: namespaces");
        assert!(full || status.contains("Reduced: Landlock"), "no boundary here: {status}");
        let wrong = each(|attempt| {
            let (effects, output) = control(who, attempt);
            effects.is_empty().then(|| format!("it does not work outside either: {}", shown(&output)))
        });
        assert!(wrong.is_empty(), "{who:?}:\n{}", wrong.join("\n"));
        for tool in TOOLS {
            let wrong = each(|attempt| {
                if attempt.place == Where::FullTier && !full {
                    return None;
                }
                let (effects, output) = attempted(who, &program, tool, attempt);
                // A call that did not take place would prove nothing.
                let ran = serde_json::from_slice::<serde_json::Value>(&output.stdout).is_ok_and(|result| {
                    let text = result["content"][0]["text"].to_string();
                    !text.contains("did not run") && (!full || (tool.ran)(&text))
                });
                match effects.as_slice() {
                    [] if ran => None,
                    [] => Some(format!("the call failed: {}", shown(&output))),
                    effects => Some(format!("{}: {}", effects.join(", "), shown(&output))),
                }
            });
            assert!(wrong.is_empty(), "{who:?} by {}:\n{}", tool.name, wrong.join("\n"));
            eprintln!("{who:?} by {}: {} attempts, none had an effect", tool.name, ATTEMPTS.len());
        }
    }
}

#[test]
fn every_attempt_can_be_made_in_python() {
    for attempt in ATTEMPTS {
        let code = attempt.code.as_python();
        assert!(code.contains("import "), "{}", attempt.name);
    }
}
