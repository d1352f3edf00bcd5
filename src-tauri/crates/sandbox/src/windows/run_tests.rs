//! On Windows, or under Wine, which runs the calls but neither levels of integrity nor restricting identities.

use super::*;
use crate::windows::is_wine;

/// Runs a script in the boundary and gives its end and its output.
fn ran(script: &str, change: impl FnOnce(&mut Command)) -> (Exit, String) {
    let workspace = tempfile::tempdir().unwrap();
    ran_in(workspace.path(), script, change)
}

fn ran_in(workspace: &Path, script: &str, change: impl FnOnce(&mut Command)) -> (Exit, String) {
    let mut command = Command::new(script, workspace);
    change(&mut command);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (sender, mut receiver) = mpsc::channel::<Vec<u8>>(8);
        let cancel = CancellationToken::new();
        let collect = async {
            let mut all = Vec::new();
            while let Some(piece) = receiver.recv().await {
                all.extend(piece);
            }
            all
        };
        let boundary = Boundary::of(Closed::ReadingAndWriting);
        let (exit, output) =
            tokio::join!(run(&boundary, &command, workspace, None, sender, &cancel), collect);
        (exit.unwrap(), String::from_utf8_lossy(&output).into_owned())
    })
}

/// Writes to a file again and again, in a process of its own that nobody waits for.
const BEATING: &str = "start /b cmd /d /c \"for /l %%i in (1,0,2) do @echo x>>beat\"\n:wait\nif not exist beat goto wait\necho beats\n";

fn size(workspace: &Path) -> u64 {
    std::fs::metadata(workspace.join("beat")).map_or(0, |metadata| metadata.len())
}

/// Whether nothing writes to the file any more.
fn is_still(workspace: &Path) -> bool {
    let before = size(workspace);
    std::thread::sleep(Duration::from_millis(500));
    before > 0 && size(workspace) == before
}

#[test]
fn output_and_code_of_a_script_come_through() {
    let (exit, output) = ran("echo one\necho two 1>&2\necho three %GREETING%\nexit /b 7", |command| {
        command.env = vec![("GREETING".to_owned(), "hello".to_owned())];
    });
    let lines: Vec<&str> = output.lines().map(str::trim_end).collect();
    assert_eq!((exit.outcome, lines), (Outcome::Exited(7), vec!["one", "two", "three hello"]));
    assert_eq!((exit.output_bytes, exit.dropped_bytes), (output.len() as u64, 0));
}

#[test]
fn nothing_of_the_callers_environment_is_there() {
    assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
    let (exit, output) = ran("set", |_| {});
    assert_eq!(exit.outcome, Outcome::Exited(0), "{output}");
    assert!(output.contains("USERNAME=agent") && output.contains("OKCVM_WORKSPACE="), "{output}");
    assert!(!output.to_uppercase().contains("CARGO"), "{output}");
}

#[test]
fn what_a_command_leaves_ends_with_it() {
    let workspace = tempfile::tempdir().unwrap();
    let (exit, output) = ran_in(workspace.path(), BEATING, |_| {});
    assert_eq!((exit.outcome, output.trim()), (Outcome::Exited(0), "beats"));
    assert!(is_still(workspace.path()));
}

#[test]
fn time_that_is_over_ends_the_whole_tree() {
    let workspace = tempfile::tempdir().unwrap();
    let (exit, _) = ran_in(workspace.path(), &format!("{BEATING}:again\ngoto again"), |command| {
        command.timeout = Duration::from_secs(5);
    });
    assert_eq!(exit.outcome, Outcome::TimedOut);
    assert!(is_still(workspace.path()));
}

#[test]
fn a_call_that_is_dropped_ends_the_whole_tree() {
    let workspace = tempfile::tempdir().unwrap();
    let command = Command::new(format!("{BEATING}:again\ngoto again"), workspace.path());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (sender, _receiver) = mpsc::channel::<Vec<u8>>(8);
        let (cancel, boundary) = (CancellationToken::new(), Boundary::of(Closed::Writing));
        let running = run(&boundary, &command, workspace.path(), None, sender, &cancel);
        let late = tokio::time::timeout(Duration::from_secs(5), running).await;
        assert!(late.is_err(), "{late:?}");
    });
    assert!(is_still(workspace.path()));
}

#[test]
fn too_many_processes_are_refused() {
    if is_wine() {
        eprintln!("not run: Wine takes this limit and does not hold it");
        return;
    }
    let (exit, _) = ran("cmd /d /c exit 7\nexit /b %ERRORLEVEL%", |command| command.limits.processes = 1);
    assert_ne!(exit.outcome, Outcome::Exited(7));
    let (exit, _) = ran("cmd /d /c exit 7\nexit /b %ERRORLEVEL%", |_| {});
    assert_eq!(exit.outcome, Outcome::Exited(7));
}

#[test]
fn processor_time_is_limited() {
    if is_wine() {
        eprintln!("not run: Wine takes this limit and does not hold it");
        return;
    }
    let (exit, _) = ran(":again\ngoto again", |command| command.limits.cpu_time = Duration::from_secs(1));
    assert_eq!(exit.outcome, Outcome::Limited(Limit::CpuTime));
    assert!(exit.duration < Duration::from_secs(30), "{exit:?}");
}

#[test]
fn a_folder_of_another_machine_is_refused() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let command = Command::new("echo", r"\\server\share");
    let (sender, _receiver) = mpsc::channel::<Vec<u8>>(8);
    let boundary = Boundary::of(Closed::Writing);
    let cancel = CancellationToken::new();
    let ran = runtime.block_on(run(&boundary, &command, &command.workspace, None, sender, &cancel));
    assert!(matches!(ran, Err(SandboxError::Refused(_))), "{ran:?}");
}
