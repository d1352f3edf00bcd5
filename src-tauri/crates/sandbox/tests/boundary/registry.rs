//! What runs is known, can be ended by hand, and is found again after a crash.

use std::time::Duration;

use okcvm_protocol::{ItemId, ProcessOwner, SessionId};
use okcvm_sandbox::{Entry, Outcome, Processes, Tier};
use tokio_util::sync::CancellationToken;

use crate::trial::{HELPER, Program, Trial, children, eventually, marked, marker, run, runtime};

fn owner() -> ProcessOwner {
    ProcessOwner { session_id: SessionId::new(), node_id: None, item_id: Some(ItemId::new()) }
}

#[test]
fn a_command_is_listed_while_it_runs_and_ends_by_hand() {
    for trial in Trial::each() {
        let folder = tempfile::tempdir().expect("folder");
        let processes = Processes::in_folder(folder.path().join("processes"));
        let (marker, owner) = (marker(), owner());
        let mut command = trial.command(&format!("sleep {marker} & setsid sleep {marker} & wait"));
        command.entry =
            Some(Entry { processes: processes.clone(), owner: owner.clone(), title: "waiting".to_owned() });
        let ran = runtime().block_on(async {
            let watching = tokio::task::spawn_blocking({
                let (processes, marker) = (processes.clone(), marker.clone());
                move || {
                    eventually("two processes", || marked(&marker).len() == 2);
                    let listed = processes.list();
                    assert_eq!(listed.len(), 1);
                    let listed = &listed[0];
                    assert_eq!((listed.owner.clone(), listed.title.as_str()), (owner, "waiting"));
                    // Guard, reaper, shell and two.
                    assert_eq!(listed.processes, 5, "{listed:?}");
                    assert!(listed.memory > 1_000_000 && listed.started_at > 0, "{listed:?}");
                    assert!(processes.end(&listed.id));
                }
            });
            let ran = run(&trial.sandbox, command, &CancellationToken::new()).await;
            watching.await.expect("watcher");
            ran
        });
        assert_eq!(ran.exit.outcome, Outcome::EndedByHand, "{:?}", trial.tier);
        assert_eq!(marked(&marker), [0_u32; 0], "{:?}", trial.tier);
        assert_eq!(processes.list(), []);
        assert_eq!(std::fs::read_dir(folder.path().join("processes")).expect("records").count(), 0);
    }
}

#[test]
fn what_a_crash_left_is_ended_at_the_next_start() {
    for trial in Trial::each() {
        let marker = marker();
        let folder = tempfile::tempdir().expect("folder");
        let records = folder.path().join("processes");
        let mut app = Program::start(
            std::process::Command::new(HELPER)
                .args(["run", if trial.tier == Tier::Full { "full" } else { "reduced" }])
                .arg(&trial.workspace)
                .arg("60")
                .arg(format!(
                    "trap '' TERM HUP; setsid sleep {marker} & (setsid sh -c 'env -i /bin/sleep {marker} & exit' &); \
                     sleep {marker}"
                ))
                .arg(&records),
        );
        eventually("three processes", || marked(&marker).len() == 3);
        let others = Processes::in_folder(records.clone());
        assert_eq!(others.sweep(), [], "a program that lives keeps what it runs");

        // The worst case: the program and both of its helpers are killed at once.
        let guards = children(app.0.id());
        let reapers: Vec<u32> = guards.iter().flat_map(|guard| children(*guard)).collect();
        let all: Vec<String> =
            guards.iter().chain(&reapers).chain([&app.0.id()]).map(u32::to_string).collect();
        assert_eq!(all.len(), 3, "{all:?}");
        let stop = |signal: &str| {
            std::process::Command::new("kill").arg(signal).args(&all).status().expect("kill");
        };
        stop("-STOP");
        stop("-KILL");
        app.0.wait().expect("the program ended");

        let left = others.sweep();
        assert_eq!((left.len(), left[0].remaining), (1, 0), "{left:?}");
        match trial.tier {
            Tier::Full => eventually("the namespace ended", || marked(&marker).is_empty()),
            // The shell is bound to the reaper, and one child was started by it.
            Tier::Reduced => assert!(left[0].ended >= 2, "{left:?}"),
        }
        assert_eq!(marked(&marker), [0_u32; 0], "{:?}", trial.tier);
        assert_eq!(others.sweep(), [], "it is told once");
        std::thread::sleep(Duration::from_millis(10));
    }
}
