//! The smallest program that can be a sandbox helper, and a way to try a sandbox by hand and in tests:
//! `okcvm-sandbox-helper run full|reduced WORKSPACE SECONDS SCRIPT [RECORDS]` prints the output and how it ended.

use std::io::Write;
use std::time::Duration;

use okcvm_protocol::{ProcessOwner, SessionId};
use okcvm_sandbox::{Command, Entry, Outcome, Processes, Sandbox, Tier};

fn main() -> std::process::ExitCode {
    okcvm_sandbox::run_helper_if_asked();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let text = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["run", tier, workspace, seconds, script] => run(tier, workspace, seconds, script, None),
        ["run", tier, workspace, seconds, script, records] => {
            run(tier, workspace, seconds, script, Some(records))
        }
        _ => Err("okcvm-sandbox-helper run full|reduced WORKSPACE SECONDS SCRIPT [RECORDS]".to_owned()),
    };
    match text {
        Ok(code) => code,
        Err(message) => {
            let _ = writeln!(std::io::stderr(), "{message}");
            std::process::ExitCode::from(2)
        }
    }
}

fn run(
    tier: &str,
    workspace: &str,
    seconds: &str,
    script: &str,
    records: Option<&str>,
) -> Result<std::process::ExitCode, String> {
    let tier = if tier == "full" { Tier::Full } else { Tier::Reduced };
    let helper = std::env::current_exe().map_err(|error| error.to_string())?;
    let sandbox = Sandbox::probe_at_most(helper, tier);
    sandbox.available()?;
    if sandbox.tier() != Some(tier) {
        return Err(format!("only the reduced tier holds: {:?}", sandbox.status()));
    }
    let mut command = Command::new(script, workspace);
    command.timeout = Duration::from_secs(seconds.parse().map_err(|_| "SECONDS is not a number".to_owned())?);
    command.entry = records.map(|folder| Entry {
        processes: Processes::in_folder(folder.into()),
        owner: ProcessOwner { session_id: SessionId::new(), node_id: None, item_id: None },
        title: script.to_owned(),
    });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let exit = runtime.block_on(async {
        let (sender, mut receiver) = tokio::sync::mpsc::channel::<Vec<u8>>(16);
        let printing = tokio::spawn(async move {
            while let Some(piece) = receiver.recv().await {
                let mut output = std::io::stdout().lock();
                let _ = output.write_all(&piece).and_then(|()| output.flush());
            }
        });
        let exit = sandbox.run(command, sender, &tokio_util::sync::CancellationToken::new()).await;
        let _ = printing.await;
        exit
    });
    let exit = exit.map_err(|error| error.to_string())?;
    let _ = writeln!(std::io::stderr(), "{:?} after {} ms", exit.outcome, exit.duration.as_millis());
    Ok(match exit.outcome {
        Outcome::Exited(code) => std::process::ExitCode::from(code as u8),
        Outcome::Signalled(_)
        | Outcome::TimedOut
        | Outcome::Cancelled
        | Outcome::EndedByHand
        | Outcome::Limited(_) => std::process::ExitCode::from(124),
    })
}
