//! Programs that stay: they are known, can be ended by hand, are held to their limits, and have a way out if it is given.

use std::io::Read;
use std::path::PathBuf;
use std::time::Duration;

use okcvm_protocol::{ProcessOwner, SessionId};
use okcvm_sandbox::{
    Entry, Limit, Limits, Outcome, Processes, Program, SessionProcess, Sockets, Tier, WayOut,
};
use tokio::io::AsyncReadExt;

use crate::trial::{Trial, eventually, marked, marker, runtime};

const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn program(trial: &Trial, script: &str) -> Program {
    Program {
        path: PathBuf::from("/bin/bash"),
        arguments: ["--noprofile", "--norc", "-c", script].map(str::to_owned).to_vec(),
        workspace: trial.workspace.clone(),
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

async fn ended(process: &mut SessionProcess) -> Outcome {
    tokio::time::timeout(PATIENCE, process.running.wait()).await.expect("it did not end in time")
}

#[test]
fn a_program_is_listed_until_it_is_ended_by_hand() {
    for trial in Trial::each() {
        let folder = tempfile::tempdir().expect("folder");
        let processes = Processes::in_folder(folder.path().join("processes"));
        let marker = marker();
        let owner = ProcessOwner { session_id: SessionId::new(), node_id: None, item_id: None };
        let mut program = program(&trial, &format!("sleep {marker} & setsid sleep {marker} & wait"));
        let (owner, title) = (owner.clone(), "Python".to_owned());
        program.entry = Some(Entry { processes: processes.clone(), owner: owner.clone(), title });
        runtime().block_on(async {
            let mut process = trial.sandbox.start(program).await.expect("a program");
            eventually("two processes", || marked(&marker).len() == 2);
            let listed = processes.list();
            assert_eq!(listed.len(), 1);
            assert_eq!((listed[0].owner.clone(), listed[0].title.as_str()), (owner, "Python"));
            assert_eq!(listed[0].processes, 5, "{:?}", listed[0]);
            assert_eq!(std::fs::read_dir(folder.path().join("processes")).expect("records").count(), 1);
            // Nobody waits for it at this moment.
            assert!(processes.end(&listed[0].id));
            let gone = async {
                while !processes.list().is_empty() {
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            };
            tokio::time::timeout(PATIENCE, gone).await.expect("it stays in the list");
            assert_eq!(process.running.wait().await, Outcome::EndedByHand, "{:?}", trial.tier);
        });
        assert_eq!(marked(&marker), [0_u32; 0], "{:?}", trial.tier);
        assert_eq!(std::fs::read_dir(folder.path().join("processes")).expect("records").count(), 0);
    }
}

#[test]
fn all_of_a_program_carry_its_mark() {
    for trial in Trial::each() {
        // The limit of real time, by its number.
        let script =
            "(setsid env -i PATH=\"$PATH\" python3 -c 'import resource; print(resource.getrlimit(15)[0])')";
        let text = runtime().block_on(async {
            let mut process = trial.sandbox.start(program(&trial, script)).await.expect("a program");
            let mut text = String::new();
            process.output.read_to_string(&mut text).await.expect("output");
            assert_eq!(ended(&mut process).await, Outcome::Exited(0), "{:?}: {text}", trial.tier);
            text
        });
        let mark: u64 = text.trim().parse().expect("a mark");
        assert!(mark > 1 << 52, "{mark}");
    }
}

#[test]
fn a_program_that_takes_too_much_is_ended() {
    for trial in Trial::each() {
        for (script, limits, limit) in [
            (
                "python3 -c 'import time; a = bytearray(300 << 20); time.sleep(60)'",
                Limits { total_memory_bytes: 100 << 20, ..Limits::default() },
                Limit::Memory,
            ),
            (
                "for i in $(seq 60); do sleep 60 & done; wait",
                Limits { processes: 40, ..Limits::default() },
                Limit::Processes,
            ),
        ] {
            // Where the kernel counts the processes, there are never too many.
            if limit == Limit::Processes && trial.tier == Tier::Full {
                continue;
            }
            let mut program = program(&trial, script);
            program.limits = limits;
            let outcome = runtime().block_on(async {
                let mut process = trial.sandbox.start(program).await.expect("a program");
                ended(&mut process).await
            });
            assert_eq!(outcome, Outcome::Limited(limit), "{:?}", trial.tier);
        }
    }
}

#[test]
fn a_way_out_leads_to_its_owner_alone() {
    let Some(trial) = Trial::new(Tier::Full) else { return };
    let script = "echo hello > /dev/tcp/127.0.0.1/3128; python3 -c '\n\
                  import socket\n\
                  for family in (socket.AF_UNIX, socket.AF_NETLINK):\n\
                  \x20   try: socket.socket(family, socket.SOCK_RAW if family == 16 else socket.SOCK_STREAM)\n\
                  \x20   except OSError: print(\"refused\")'";
    let mut program = program(&trial, script);
    program.way_out = WayOut::Listener;
    let text = runtime().block_on(async {
        let mut process = trial.sandbox.start(program).await.expect("a program");
        let listener = process.listener.take().expect("a listener");
        let said = tokio::task::spawn_blocking(move || {
            listener.set_nonblocking(false).expect("mode");
            let mut said = String::new();
            listener.accept().expect("a connection").0.read_to_string(&mut said).expect("words");
            said
        });
        let said = tokio::time::timeout(PATIENCE, said).await.expect("nobody came").expect("said");
        assert_eq!(said, "hello\n");
        let mut text = String::new();
        process.output.read_to_string(&mut text).await.expect("output");
        text
    });
    assert_eq!(text, "refused\nrefused\n");
}

#[test]
fn the_reduced_tier_gives_no_way_out() {
    let Some(trial) = Trial::new(Tier::Reduced) else { return };
    let mut program = program(&trial, "true");
    program.way_out = WayOut::Listener;
    let refused = runtime().block_on(trial.sandbox.start(program)).expect_err("no network of its own");
    assert!(refused.to_string().contains("no network of its own"), "{refused}");
}
