//! Commands that take all they can get: each ends by a limit that is named, and nothing of it is left.

use std::time::Duration;

use okcvm_sandbox::{Limit, Outcome};

use crate::trial::{Trial, marked, marker, resident};

#[test]
fn memory_over_many_processes_is_bounded() {
    for trial in Trial::each() {
        let marker = marker();
        let mut command = trial.command(&format!(
            "for n in 1 2 3 4 5 6 7 8; do python3 -c 'import time; x = bytearray(b\"x\") * 60000000; time.sleep(60)' {marker} & \
             done; wait; wait"
        ));
        command.limits.total_memory_bytes = 250_000_000;
        let ran = trial.run_command(command);
        assert_eq!(ran.exit.outcome, Outcome::Limited(Limit::Memory), "{:?}: {}", trial.tier, ran.text());
        assert!(ran.exit.duration < Duration::from_secs(50), "{:?}", ran.exit);
        assert_eq!(marked(&marker), [0_u32; 0], "{:?}", trial.tier);
    }
}

#[test]
fn processor_time_over_many_processes_is_bounded() {
    for trial in Trial::each() {
        let marker = marker();
        let script = "while :; do :; done";
        let mut command =
            trial.command(&format!("for n in 1 2 3; do bash -c '{script}' {marker} & done; wait"));
        command.limits.cpu_time = Duration::from_secs(2);
        let ran = trial.run_command(command);
        assert_eq!(ran.exit.outcome, Outcome::Limited(Limit::CpuTime), "{:?}: {}", trial.tier, ran.text());
        assert_eq!(marked(&marker), [0_u32; 0], "{:?}", trial.tier);
    }
}

#[test]
fn many_processes_are_too_many_in_every_tier() {
    for trial in Trial::each() {
        let marker = marker();
        let mut command =
            trial.command(&format!("for n in $(seq 200); do sleep {marker} & done 2> /dev/null; wait"));
        command.limits.processes = 60;
        let ran = trial.run_command(command);
        assert_eq!(ran.exit.outcome, Outcome::Limited(Limit::Processes), "{:?}: {}", trial.tier, ran.text());
        assert_eq!(marked(&marker), [0_u32; 0], "{:?}", trial.tier);
    }
}

#[test]
fn a_disk_is_not_filled_beyond_the_limit() {
    for trial in Trial::each() {
        let mut command = trial
            .command("for n in $(seq 100); do head -c 20000000 /dev/zero > f$n; sleep 0.02; done; sleep 20");
        command.limits.disk_bytes = 200_000_000;
        let ran = trial.run_command(command);
        assert_eq!(ran.exit.outcome, Outcome::Limited(Limit::Disk), "{:?}: {}", trial.tier, ran.text());
        let written: u64 = std::fs::read_dir(&trial.workspace)
            .expect("workspace")
            .map(|entry| entry.expect("entry").metadata().expect("metadata").len())
            .sum();
        assert!(written < 1_500_000_000, "{:?}: {written}", trial.tier);
    }
}

#[test]
fn a_full_disk_is_told() {
    for trial in Trial::each() {
        let Some(disk) = SmallDisk::mount(&trial.workspace) else { return };
        let ran = trial.run("head -c 30000000 /dev/zero > big; sleep 20; echo not reached");
        assert_eq!(ran.exit.outcome, Outcome::Limited(Limit::Disk), "{:?}: {}", trial.tier, ran.text());
        // What was full before is not this command's doing.
        let ran = trial.run("sleep 0.3; echo x > small || echo full; rm -f big; echo y > small && cat small");
        assert_eq!(ran.exit.outcome, Outcome::Exited(0), "{:?}: {}", trial.tier, ran.text());
        assert!(ran.text().ends_with("y\n"), "{:?}: {}", trial.tier, ran.text());
        drop(disk);
    }
}

/// A disk of 20 MB where the workspace was, as long as this lives; only root can make one.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn mount(place: &std::path::Path) -> Option<Self> {
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=20m,mode=755", "tmpfs"])
            .arg(place)
            .status()
            .is_ok_and(|status| status.success());
        if !mounted {
            eprintln!("not run: no small disk can be mounted here");
        }
        mounted.then(|| Self(place.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn ten_gigabytes_of_output_end_by_a_limit_and_take_no_memory() {
    for trial in Trial::each() {
        let before = resident();
        let mut command = trial.command("head -c 10000000000 /dev/zero; echo not reached");
        command.limits.output_bytes = 1_000_000;
        command.limits.flood_bytes = 300_000_000;
        let ran = trial.run_command(command);
        assert_eq!(ran.exit.outcome, Outcome::Limited(Limit::Output), "{:?}", trial.tier);
        assert_eq!(ran.bytes.len(), 1_000_000);
        assert!(ran.exit.output_bytes < 600_000_000, "{:?}", ran.exit);
        let grown = resident().saturating_sub(before);
        assert!(grown < 60_000_000, "{:?}: {grown}", trial.tier);
    }
}

#[test]
fn zombies_are_collected() {
    for trial in Trial::each() {
        // Children that nobody waits for, handed to the reaper when their parents end.
        let ran = trial.python(
            r"
import os, time
for n in range(300):
    if os.fork() == 0:
        if os.fork() == 0: os._exit(0)
        os._exit(0)
    os.wait()
time.sleep(0.3)
try: processes = [p for p in os.listdir('/proc') if p.isdigit()]
except PermissionError: processes = []
states = [open(f'/proc/{p}/stat').read().rsplit(')', 1)[1].split()[0] for p in processes]
print(states.count('Z'))
",
        );
        // In the reduced tier the list of processes is closed; there, nothing is left when the command ends.
        assert_eq!((ran.exit.outcome, ran.text().as_str()), (Outcome::Exited(0), "0\n"), "{:?}", trial.tier);
    }
}

#[test]
fn ten_thousand_files_are_not_opened() {
    for trial in Trial::each() {
        let ran = trial.python(
            r"
files = []
try:
    for n in range(10000): files.append(open('file', 'w'))
except OSError as error: print(error.errno, len(files) < 4200)
print(len(open('/dev/null').read()) if files.clear() is None else '')
",
        );
        assert_eq!(
            (ran.exit.outcome, ran.text().as_str()),
            (Outcome::Exited(0), "24 True\n0\n"),
            "{:?}",
            trial.tier
        );
    }
}

#[test]
fn ignored_signals_do_not_help() {
    for trial in Trial::each() {
        let marker = marker();
        let mut command = trial.python_command(&format!(
            r"
import signal, os, time
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
for n in range(5):
    if os.fork() == 0:
        os.setsid()
        os.execvp('sleep', ['sleep', '{marker}'])
while True: time.sleep(1)
"
        ));
        command.timeout = Duration::from_secs(2);
        let ran = trial.run_command(command);
        assert_eq!(ran.exit.outcome, Outcome::TimedOut, "{:?}", trial.tier);
        assert_eq!(marked(&marker), [0_u32; 0], "{:?}", trial.tier);
    }
}

#[test]
fn room_is_not_taken_without_being_counted() {
    for trial in Trial::each() {
        let mut command = trial.command("fallocate -l 300M big || echo refused; sleep 0.5; stat -c %b big");
        command.limits.disk_bytes = 200_000_000;
        let ran = trial.run_command(command);
        assert_eq!(ran.exit.outcome, Outcome::Exited(0), "{:?}: {}", trial.tier, ran.text());
        assert!(ran.text().ends_with("refused\n0\n"), "{:?}: {}", trial.tier, ran.text());
        // What the C library does in its place is counted.
        let mut command = trial.python_command(
            "import os, time\nfile = open('more', 'wb')\nos.posix_fallocate(file.fileno(), 0, 1 << 30)\ntime.sleep(20)",
        );
        command.limits.disk_bytes = 200_000_000;
        let ran = trial.run_command(command);
        assert_eq!(ran.exit.outcome, Outcome::Limited(Limit::Disk), "{:?}: {}", trial.tier, ran.text());
    }
}

#[test]
fn the_number_of_files_in_memory_is_bounded() {
    let Some(trial) = Trial::new(okcvm_sandbox::Tier::Full) else { return };
    let most: u64 = trial.output("stat -f -c %c /tmp").trim().parse().expect("a number");
    assert!(most <= 262_144, "{most}");
}
