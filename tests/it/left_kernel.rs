//! A Python kernel that a crash left: the next start finds it, ends it and tells of it.

#![cfg(target_os = "linux")]

use std::path::Path;
use std::process::{Child, Command, Stdio};

use okcvm_host::Host;
use okcvm_protocol::{CommandHandler, Empty, LeftBehind};

use crate::command_line::{signal, until, workspace};
use crate::desk::{command, host};
use crate::python_kernel::{environment, environment_folder, marker, processes};

/// Ends the program with the test, however that ends.
struct Crashing(Child);

impl Drop for Crashing {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program whose kernel runs a cell that started something which goes on by itself.
fn crashing(folder: &Path, mut program: Command, marker: &str) -> Crashing {
    let code = format!(
        "import subprocess, time\n\
         subprocess.Popen(['sh', '-c', 'trap \"\" TERM HUP; sleep {marker} & exec sleep {marker}'], start_new_session=True)\n\
         subprocess.Popen(['env', '-i', '/bin/sleep', '{marker}'], start_new_session=True)\n\
         time.sleep({marker})"
    );
    let arguments = serde_json::json!({ "code": code }).to_string();
    let child = program
        .args(["tool", "call", "ipython", "--workspace", &workspace(folder), "--arguments", &arguments])
        .env("OKCVM_HOME", folder.join("data"))
        .env("OKCVM_PYTHON", environment_folder())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let crashing = Crashing(child);
    // The relay or the kernel has the code among its words only while it reads it, so three are the sleepers.
    until("what the cell started", || sleepers(marker) == 3);
    crashing
}

/// Processes that are `sleep` with that marker.
fn sleepers(marker: &str) -> usize {
    let sleeps = |entry: std::fs::DirEntry| {
        let words = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let words: Vec<&[u8]> = words.split(|byte| *byte == 0).collect();
        words.first().is_some_and(|program| program.ends_with(b"sleep"))
            && words.get(1) == Some(&marker.as_bytes())
    };
    std::fs::read_dir("/proc").unwrap().flatten().map(sleeps).filter(|sleeps| *sleeps).count()
}

/// Children of a process.
fn children(parent: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let Some((_, rest)) = stat.rsplit_once(')') else { continue };
        if rest.split_whitespace().nth(1) == Some(&parent.to_string()) {
            found.push(pid);
        }
    }
    found
}

/// The worst case: the program and both of its helpers are killed at the same moment.
fn kill_with_helpers(crashing: &mut Crashing) {
    let program = crashing.0.id();
    let guards = children(program);
    let reapers: Vec<u32> = guards.iter().flat_map(|guard| children(*guard)).collect();
    let all: Vec<u32> = [program].into_iter().chain(guards).chain(reapers).collect();
    assert_eq!(all.len(), 3, "{all:?}");
    for name in ["STOP", "KILL"] {
        for pid in &all {
            signal(*pid, name);
        }
    }
    crashing.0.wait().unwrap();
}

/// The next start, and what it tells.
async fn next_start(folder: &Path) -> (Host, Vec<LeftBehind>) {
    let host = host(folder, &[]);
    let told = host.process_list(Empty {}).await.unwrap();
    assert_eq!(told.processes, []);
    (host, told.left_behind)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kernel_whose_program_was_killed_is_gone_and_told_of_at_the_next_start() {
    environment().await;
    for with_helpers in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let marker = marker();
        let mut crashing = crashing(folder.path(), Command::new(command()), &marker);
        if with_helpers {
            kill_with_helpers(&mut crashing);
        } else {
            signal(crashing.0.id(), "KILL");
            crashing.0.wait().unwrap();
        }
        let (host, told) = next_start(folder.path()).await;
        until("the end of all that the kernel started", || processes(&marker) == 0);
        let [left] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!((left.title.as_str(), left.remaining), ("Python", 0), "{left:?}");
        assert!(left.owner.item_id.is_none());
        host.shut_down().await;
        drop(host);
        assert_eq!(next_start(folder.path()).await.1, [], "it is told once");
    }
}

/// Where nothing of the kernel ends by itself: without namespaces only the mark leads to what was left.
#[tokio::test(flavor = "multi_thread")]
async fn a_kernel_of_the_reduced_sandbox_that_outlived_its_helpers_is_found_and_ended() {
    environment().await;
    let folder = tempfile::tempdir().unwrap();
    let marker = marker();
    // In a namespace in which no other can be made.
    let mut program = Command::new("unshare");
    program.args(["--user", "--map-root-user", "sh", "-c"]);
    program.arg("echo 0 > /proc/sys/user/max_user_namespaces && exec \"$0\" \"$@\"").arg(command());
    let mut crashing = crashing(folder.path(), program, &marker);
    kill_with_helpers(&mut crashing);
    assert!(sleepers(&marker) >= 2, "nothing was left, so nothing is shown");

    let (host, told) = next_start(folder.path()).await;
    let [left] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!((left.title.as_str(), left.remaining), ("Python", 0), "{left:?}");
    assert!(left.ended >= 2, "{left:?}");
    assert_eq!(processes(&marker), 0);
    host.shut_down().await;
}
