//! Output, files, memory and processes are bounded.

use std::time::Duration;

use okcvm_sandbox::{Limit, Outcome, SandboxError, Tier};
use tokio_util::sync::CancellationToken;

use crate::trial::{Trial, marked, marker, runtime};

#[test]
fn a_flood_of_output_is_cut_and_counted() {
    for trial in Trial::each() {
        let mut command = trial.command("head -c 20000000 /dev/zero; echo end; exit 4");
        command.limits.output_bytes = 1_000_000;
        let ran = trial.run_command(command);
        assert_eq!(ran.exit.outcome, Outcome::Exited(4));
        assert_eq!(ran.bytes.len(), 1_000_000);
        assert_eq!((ran.exit.output_bytes, ran.exit.dropped_bytes), (20_000_004, 19_000_004));
    }
}

#[test]
fn an_endless_flood_ends_in_time() {
    for trial in Trial::each() {
        let mut command = trial.command("yes");
        command.limits.output_bytes = 100_000;
        command.timeout = Duration::from_millis(500);
        let ran = trial.run_command(command);
        assert_eq!((ran.exit.outcome, ran.bytes.len()), (Outcome::TimedOut, 100_000));
        assert!(ran.exit.duration < Duration::from_secs(20), "{:?}", ran.exit.duration);
    }
}

#[test]
fn a_slow_taker_slows_the_command_down() {
    for trial in Trial::each() {
        let mut command = trial.command("yes 0123456789");
        command.timeout = Duration::from_millis(700);
        let (exit, taken) = runtime().block_on(async {
            let (sender, mut receiver) = tokio::sync::mpsc::channel::<Vec<u8>>(2);
            let cancel = CancellationToken::new();
            let running = trial.sandbox.run(command, sender, &cancel);
            let taking = async {
                // Takes nothing while the command runs.
                tokio::time::sleep(Duration::from_millis(900)).await;
                let mut taken = 0;
                while let Some(piece) = receiver.recv().await {
                    taken += piece.len() as u64;
                }
                taken
            };
            tokio::join!(running, taking)
        });
        let exit = exit.expect("a run");
        assert_eq!(exit.outcome, Outcome::TimedOut);
        // Two pieces wait, one is being sent, and one pipe is full.
        assert!(exit.output_bytes <= 4 * 32 * 1024 + 64 * 1024, "{:?}: {}", trial.tier, exit.output_bytes);
        assert_eq!(taken, exit.output_bytes - exit.dropped_bytes);
    }
}

#[test]
fn a_taker_that_left_does_not_stop_a_command() {
    for trial in Trial::each() {
        let command = trial.command("seq 100000; echo x > made");
        let exit = runtime().block_on(async {
            let (sender, receiver) = tokio::sync::mpsc::channel::<Vec<u8>>(2);
            drop(receiver);
            trial.sandbox.run(command, sender, &CancellationToken::new()).await.expect("a run")
        });
        assert_eq!((exit.outcome, exit.dropped_bytes), (Outcome::Exited(0), exit.output_bytes));
        assert!(trial.workspace.join("made").exists());
    }
}

#[test]
fn a_fork_bomb_is_bounded_and_ends() {
    let Some(trial) = Trial::new(Tier::Full) else { return };
    if trial
        .sandbox
        .status()
        .layers
        .iter()
        .any(|layer| layer.name == "Process limit" && layer.status != okcvm_protocol::CheckStatus::Ok)
    {
        eprintln!("not run: {:?}", trial.sandbox.status());
        return;
    }
    let marker = marker();
    let mut command = trial.command(&format!(
        "bomb() {{ sleep {marker} & bomb & bomb & }}\nbomb 2> /dev/null\nwhile :; do sleep {marker} & done 2> /dev/null"
    ));
    command.limits.processes = 100;
    command.timeout = Duration::from_secs(3);
    let most = std::thread::scope(|scope| {
        let counting = scope.spawn(|| {
            let mut most = 0;
            for _ in 0..100 {
                most = most.max(marked(&marker).len());
                std::thread::sleep(Duration::from_millis(5));
            }
            most
        });
        let ran = trial.run_command(command);
        assert_eq!(ran.exit.outcome, Outcome::Limited(Limit::Processes));
        assert!(ran.exit.duration < Duration::from_secs(30), "{:?}", ran.exit);
        counting.join().expect("counter")
    });
    // The numbers below 300 are given out once before the limit binds.
    assert!(most > 10 && most <= 400, "{most}");
    assert_eq!(marked(&marker), [0_u32; 0]);
}

#[test]
fn files_and_memory_are_bounded() {
    for trial in Trial::each() {
        let mut command = trial.command(
            "head -c 3000000 /dev/zero > big; echo $?; python3 -c 'x = bytearray(900000000); print(len(x))' 2>&1 \
             | grep -c MemoryError; ulimit -c; ulimit -n",
        );
        command.limits.file_bytes = 1_000_000;
        command.limits.memory_bytes = 500_000_000;
        command.limits.open_files = 200;
        let ran = trial.run_command(command);
        let text = ran.text();
        let mut lines = text.lines().filter(|line| line.parse::<i64>().is_ok());
        // 128 and the signal for a file that grows too large.
        assert_eq!(lines.next(), Some("153"), "{:?}: {text}", trial.tier);
        assert_eq!(lines.collect::<Vec<_>>(), ["1", "0", "200"], "{:?}: {text}", trial.tier);
        assert!(std::fs::metadata(trial.workspace.join("big")).expect("file").len() <= 1_000_000);
    }
    let Some(trial) = Trial::new(Tier::Full) else { return };
    let mut command = trial.command("head -c 3000000 /dev/zero > /tmp/big; echo $?");
    command.limits.temporary_bytes = 1_000_000;
    assert!(trial.run_command(command).text().ends_with("1\n"));
}

#[test]
fn what_cannot_be_passed_on_is_refused() {
    for trial in Trial::each() {
        let attempts = [
            (trial.command(&format!("echo {}", "x".repeat(130_000))), "130005 bytes"),
            (trial.command("echo a\0b"), "NUL"),
            (
                {
                    let mut command = trial.command("true");
                    command.workspace = trial.workspace.join("missing");
                    command
                },
                "is not there",
            ),
            (
                {
                    let mut command = trial.command("true");
                    command.env.push(("A=B".to_owned(), String::new()));
                    command
                },
                "A=B",
            ),
        ];
        for (command, part) in attempts {
            let error = runtime().block_on(async {
                let (sender, _receiver) = tokio::sync::mpsc::channel(1);
                trial.sandbox.run(command, sender, &CancellationToken::new()).await
            });
            let Err(SandboxError::Refused(message)) = error else { panic!("{error:?}") };
            assert!(message.contains(part), "{message}");
        }
        // The longest that fits.
        let script = format!("echo {} | wc -c", "x".repeat(119_900));
        assert_eq!(trial.output(&script), "119901\n");
    }
}
