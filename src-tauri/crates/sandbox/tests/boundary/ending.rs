//! How commands end, and that nothing of them is left.

use std::process::Stdio;
use std::time::{Duration, Instant};

use okcvm_sandbox::{Outcome, Tier};
use tokio_util::sync::CancellationToken;

use crate::trial::{HELPER, Program, Trial, children, eventually, marked, marker, run, runtime};

/// Starts processes in every way that has outlived its shell before, all with the marker.
fn leave_behind(marker: &str) -> String {
    format!(
        "sleep {marker} &\n\
         nohup sleep {marker} > /dev/null 2>&1 &\n\
         setsid sleep {marker} &\n\
         (setsid sh -c 'setsid sleep {marker} & exit' &) \n\
         python3 -c \"import os; os.fork() or (os.setsid(), os.fork() or (os.closerange(0, 10), \
         os.execvp('sleep', ['sleep', '{marker}'])))\"\n\
         trap '' TERM INT HUP\n\
         echo started\n"
    )
}

#[test]
fn exit_codes_and_signals_are_told() {
    for trial in Trial::each() {
        for (script, outcome) in [
            ("true", Outcome::Exited(0)),
            ("false", Outcome::Exited(1)),
            ("exit 42", Outcome::Exited(42)),
            ("nothing-of-that-name", Outcome::Exited(127)),
            ("sh -c 'kill -9 $$'; exit $?", Outcome::Exited(137)),
            ("kill -TERM $$", Outcome::Signalled(15)),
            ("kill -KILL $$", Outcome::Signalled(9)),
            ("kill -ABRT $$", Outcome::Signalled(6)),
            ("if then", Outcome::Exited(2)),
            // Nobody reads its output any more, and it still has its own end.
            ("exec >&- 2>&-; sleep 0.2; exit 5", Outcome::Exited(5)),
        ] {
            let ran = trial.run(script);
            assert_eq!(ran.exit.outcome, outcome, "{:?}: {script}: {}", trial.tier, ran.text());
        }
    }
}

#[test]
fn what_a_command_leaves_behind_ends_with_it() {
    for trial in Trial::each() {
        let marker = marker();
        let ran = trial.run(&format!("{}exit 3", leave_behind(&marker)));
        assert_eq!(
            (ran.exit.outcome, ran.text()),
            (Outcome::Exited(3), "started\n".to_owned()),
            "{:?}",
            trial.tier
        );
        assert_eq!(marked(&marker), [0_u32; 0], "{:?}", trial.tier);
        assert!(ran.exit.duration < Duration::from_secs(30), "{:?}: {:?}", trial.tier, ran.exit.duration);
    }
}

#[test]
fn a_timeout_ends_the_whole_tree() {
    for trial in Trial::each() {
        let marker = marker();
        let mut command = trial.command(&format!("{}sleep {marker}", leave_behind(&marker)));
        command.timeout = Duration::from_secs(2);
        let ran = trial.run_command(command);
        assert_eq!(
            (ran.exit.outcome, ran.text()),
            (Outcome::TimedOut, "started\n".to_owned()),
            "{:?}",
            trial.tier
        );
        assert_eq!(marked(&marker), [0_u32; 0], "{:?}", trial.tier);
        assert!(ran.exit.duration < Duration::from_secs(30), "{:?}: {:?}", trial.tier, ran.exit.duration);
    }
}

#[test]
fn a_cancelled_command_ends_at_once() {
    for trial in Trial::each() {
        let marker = marker();
        let command = trial.command(&format!("{}sleep {marker}", leave_behind(&marker)));
        let cancel = CancellationToken::new();
        let ran = runtime().block_on(async {
            let watching = tokio::task::spawn_blocking({
                let (cancel, marker) = (cancel.clone(), marker.clone());
                move || {
                    eventually("six processes", || marked(&marker).len() >= 6);
                    cancel.cancel();
                    Instant::now()
                }
            });
            let ran = run(&trial.sandbox, command, &cancel).await;
            let took = watching.await.expect("watcher").elapsed();
            assert!(took < Duration::from_secs(20), "{:?}: {took:?}", trial.tier);
            ran
        });
        assert_eq!(
            (ran.exit.outcome, ran.text()),
            (Outcome::Cancelled, "started\n".to_owned()),
            "{:?}",
            trial.tier
        );
        assert_eq!(marked(&marker), [0_u32; 0], "{:?}", trial.tier);
    }
}

#[test]
fn a_command_cancelled_before_its_start_does_nothing() {
    for trial in Trial::each() {
        let cancel = CancellationToken::new();
        cancel.cancel();
        let command = trial.command("sleep 1; echo x > made");
        let ran = runtime().block_on(run(&trial.sandbox, command, &cancel));
        assert_eq!(ran.exit.outcome, Outcome::Cancelled);
        assert!(!trial.workspace.join("made").exists());
    }
}

#[test]
fn a_dropped_run_ends_too() {
    for trial in Trial::each() {
        let marker = marker();
        let command = trial.command(&format!("{}sleep {marker}", leave_behind(&marker)));
        runtime().block_on(async {
            let cancel = CancellationToken::new();
            let (sender, _receiver) = tokio::sync::mpsc::channel(16);
            let running = trial.sandbox.run(command, sender, &cancel);
            assert!(tokio::time::timeout(Duration::from_secs(2), running).await.is_err());
        });
        eventually("the end of all", || marked(&marker).is_empty());
    }
}

/// Which process is killed without warning.
#[derive(Debug, Clone, Copy)]
enum Victim {
    App,
    Guard,
    Reaper,
}

#[test]
fn killing_the_app_or_the_helper_ends_all() {
    for trial in Trial::each() {
        for victim in [Victim::App, Victim::Guard, Victim::Reaper] {
            let marker = marker();
            let tier = if trial.tier == Tier::Full { "full" } else { "reduced" };
            let mut app = Program::start(
                std::process::Command::new(HELPER)
                    .args(["run", tier])
                    .arg(&trial.workspace)
                    .args(["60", &format!("{}sleep {marker}", leave_behind(&marker))])
                    .stdout(Stdio::null())
                    .stderr(Stdio::null()),
            );
            eventually("six processes", || {
                marked(&marker).iter().filter(|pid| **pid != app.0.id()).count() >= 6
            });
            let guard = children(app.0.id());
            let reaper = children(guard[0]);
            assert_eq!((guard.len(), reaper.len()), (1, 1), "{:?}", trial.tier);
            // What the helper was started with, too, would stay readable for as long as it lives.
            let environment = std::fs::read(format!("/proc/{}/environ", guard[0])).expect("environment");
            assert_eq!(String::from_utf8_lossy(&environment), "");
            let pid = match victim {
                Victim::App => app.0.id(),
                Victim::Guard => guard[0],
                Victim::Reaper => reaper[0],
            };
            let pid = rustix::process::Pid::from_raw(pid.cast_signed()).expect("a process");
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("a kill");
            eventually(&format!("the end of all ({victim:?}, {tier})"), || {
                marked(&marker).iter().all(|pid| *pid == app.0.id())
            });
            eventually("the end of the helper", || {
                !std::path::Path::new(&format!("/proc/{}/exe", guard[0])).exists()
            });
            // Its own end: it was killed, or it says that the helper was lost.
            assert!(!app.0.wait().expect("its end").success());
        }
    }
}

#[test]
fn private_folders_are_removed() {
    let Some(trial) = Trial::new(Tier::Reduced) else { return };
    let ran = trial
        .run("mkdir -p $HOME/a/b; echo x > $HOME/a/b/c; echo x > $TMPDIR/d; chmod 000 $HOME/a; echo $HOME");
    let home = ran.text().trim().to_owned();
    assert!(home.starts_with("/tmp/okcvm-shell-"), "{home}");
    assert!(!std::path::Path::new(&home).parent().expect("parent").exists());
}

#[test]
fn many_commands_run_side_by_side() {
    for trial in Trial::each() {
        let outputs = runtime().block_on(async {
            let mut running = Vec::new();
            for number in 0..12 {
                let sandbox = trial.sandbox.clone();
                let command = trial.command(&format!("sleep 0.1; echo {number}"));
                running.push(tokio::spawn(
                    async move { run(&sandbox, command, &CancellationToken::new()).await },
                ));
            }
            let mut outputs = Vec::new();
            for task in running {
                outputs.push(task.await.expect("task").text());
            }
            outputs
        });
        let expected: Vec<String> = (0..12).map(|number| format!("{number}\n")).collect();
        assert_eq!(outputs, expected, "{:?}", trial.tier);
    }
}
