//! A sandboxed `true` beside a direct one, and beside the same file tree made by bubblewrap.

use std::path::Path;
use std::process::{Command, Stdio};

use okcvm_sandbox::{Limits, Program, Sandbox, Sockets, WayOut};
use tokio_util::sync::CancellationToken;

use crate::measure::{Cost, Side, rounds, timed};
use crate::row::{Bar, Figures, Row};
use crate::{Outcome, Plan};

/// Commands in one measurement, so that a start of a few milliseconds can be seen.
const COMMANDS: usize = 20;
/// The command line that the sandbox itself runs.
const DIRECT: [&str; 5] = ["/bin/bash", "--noprofile", "--norc", "-c", "true"];

pub(crate) fn rows(plan: &Plan, tell: &mut dyn FnMut(Row)) -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let sandbox = Sandbox::probe_beside(std::env::current_exe()?);
    let mode = sandbox.status().mode;
    let names = [
        format!("{COMMANDS} times true, {mode} Beside a direct bash"),
        format!("{COMMANDS} times /bin/true without a shell, {mode} Beside a direct one"),
        format!("{COMMANDS} times true, {mode} Beside bubblewrap without filter"),
    ];
    if !plan.wants(&[&names[0], &names[1], &names[2]]) {
        return Ok(());
    }
    sandbox.available()?;
    let wrapped = bubblewrap(&sandbox, folder.path());
    let mut sides: Vec<Side<'_>> = vec![
        Box::new(|_| {
            timed(|| {
                runtime.block_on(async {
                    for _ in 0..COMMANDS {
                        let (sender, mut receiver) = tokio::sync::mpsc::channel(8);
                        let command = okcvm_sandbox::Command::new("true", folder.path());
                        let reading = tokio::spawn(async move { while receiver.recv().await.is_some() {} });
                        let exit = sandbox.run(command, sender, &CancellationToken::new()).await?;
                        reading.await?;
                        if exit.outcome != okcvm_sandbox::Outcome::Exited(0) {
                            return Err(format!("{exit:?}").into());
                        }
                    }
                    Ok(())
                })
            })
        }),
        Box::new(|_| repeated(&DIRECT.map(str::to_owned))),
        Box::new(|_| {
            timed(|| {
                runtime.block_on(async {
                    for _ in 0..COMMANDS {
                        let mut process = sandbox.start(program(folder.path())).await?;
                        let outcome = process.running.wait().await;
                        if outcome != okcvm_sandbox::Outcome::Exited(0) {
                            return Err(format!("{outcome:?}").into());
                        }
                    }
                    Ok(())
                })
            })
        }),
        Box::new(|_| repeated(&["/bin/true".to_owned()])),
    ];
    // Bubblewrap does not wait for what it starts. Its cost comes to us when what it left is waited for here.
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    // A machine without bubblewrap has no such side.
    let has_bubblewrap = repeated(&wrapped).is_ok();
    if has_bubblewrap {
        sides.push(Box::new(|_| repeated(&wrapped)));
    } else {
        eprintln!("bubblewrap is not here, so its row is left out");
    }
    let medians = rounds(|_| Ok(()), sides)?;
    let [shell, direct_shell, alone, direct, ..] = medians.costs[..] else { return Ok(()) };
    let mut pairs =
        vec![(shell, direct_shell, Bar::AtMostTimesWork(8.0)), (alone, direct, Bar::AtMostTimesWork(8.0))];
    pairs.extend(medians.costs.get(4).map(|wrapped| (shell, *wrapped, Bar::AtMostTimesWork(0.7))));
    for (name, (ours, other, bar)) in names.into_iter().zip(pairs) {
        let figures = Figures::Times { ours, other: Some(other) };
        tell(Row { bench: "sandbox", name, figures, bar });
    }
    Ok(())
}

/// The program alone, with the policy of a command.
fn program(workspace: &Path) -> Program {
    Program {
        path: "/bin/true".into(),
        arguments: Vec::new(),
        workspace: workspace.to_path_buf(),
        env: Vec::new(),
        search_first: Vec::new(),
        limits: Limits::default(),
        readable: Vec::new(),
        kept_folder: None,
        read_only: Vec::new(),
        sockets: Sockets::None,
        way_out: WayOut::None,
        entry: None,
    }
}

fn repeated(words: &[String]) -> Outcome<Cost> {
    timed(|| {
        for _ in 0..COMMANDS {
            let status = Command::new(&words[0])
                .args(&words[1..])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()?;
            while matches!(rustix::process::wait(rustix::process::WaitOptions::empty()), Ok(Some(_))) {}
            if !status.success() {
                return Err(format!("{} ended with {status}", words[0]).into());
            }
        }
        Ok(())
    })
}

/// The same view of the machine, made by bubblewrap: the same folders to read, the same workspace, namespaces of every
/// kind, no capabilities. Without Landlock and without a system call filter, which it has to be given.
fn bubblewrap(sandbox: &Sandbox, workspace: &Path) -> Vec<String> {
    let mut words: Vec<String> = [
        "bwrap",
        "--unshare-all",
        "--unshare-user",
        "--die-with-parent",
        "--new-session",
        "--clearenv",
        "--hostname",
        "okcomputer",
        "--cap-drop",
        "ALL",
        "--tmpfs",
        "/tmp",
        "--tmpfs",
        "/home/agent",
        "--tmpfs",
        "/run",
    ]
    .map(str::to_owned)
    .to_vec();
    for path in sandbox.readable(workspace).unwrap_or_default() {
        let Ok(metadata) = path.symlink_metadata() else { continue };
        let text = path.to_string_lossy().into_owned();
        if metadata.is_symlink() {
            let Ok(target) = std::fs::read_link(&path) else { continue };
            words.extend(["--symlink".to_owned(), target.to_string_lossy().into_owned(), text]);
        } else {
            words.extend(["--ro-bind".to_owned(), text.clone(), text]);
        }
    }
    words.extend(["--proc", "/proc", "--dev", "/dev", "--bind"].map(str::to_owned));
    words.extend([workspace.to_string_lossy().into_owned(), okcvm_sandbox::WORKSPACE_MOUNT.to_owned()]);
    words.extend(["--chdir", okcvm_sandbox::WORKSPACE_MOUNT, "--remount-ro", "/"].map(str::to_owned));
    words.extend(DIRECT.map(str::to_owned));
    words
}
