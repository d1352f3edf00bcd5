//! The processes that a program starts, seen from outside.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::command_line::signal;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(25);
/// How long those that were told to end may take.
const LEAVING: Duration = Duration::from_secs(10);

/// A process: numbers are used again, so the moment of its start is part of its name.
type Process = (u32, u64);

struct Seen {
    parent: u32,
    started: u64,
    name: String,
    ended: bool,
}

fn look() -> BTreeMap<u32, Seen> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // It may have ended meanwhile.
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        let Some((head, rest)) = stat.rsplit_once(") ") else { continue };
        let fields: Vec<&str> = rest.split(' ').collect();
        let name = head.split_once('(').map_or("", |(_, name)| name).to_owned();
        let number = |place: usize| fields.get(place).and_then(|text| text.parse().ok());
        let (Some(parent), Some(started)) = (number(1), number(19)) else { continue };
        let ended = matches!(fields.first(), Some(&"Z" | &"X"));
        all.insert(pid, Seen { parent: u32::try_from(parent).unwrap(), started, name, ended });
    }
    all
}

/// A program with all that it starts.
pub struct Family {
    child: Option<Child>,
    pid: u32,
    seen: BTreeMap<Process, String>,
    ended: Receiver<Output>,
}

impl Family {
    /// Starts a program; what it says is kept.
    pub fn start(mut program: Command) -> Self {
        let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let pid = child.id();
        let (done, ended) = channel();
        let (mut out, mut err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        std::thread::spawn(move || {
            use std::io::Read;
            let err = std::thread::spawn(move || {
                let mut said = Vec::new();
                let _ = err.read_to_end(&mut said);
                said
            });
            let mut stdout = Vec::new();
            let _ = out.read_to_end(&mut stdout);
            let status = std::process::ExitStatus::default();
            let _ = done.send(Output { status, stdout, stderr: err.join().unwrap() });
        });
        Self { child: Some(child), pid, seen: BTreeMap::new(), ended }
    }

    /// Takes in whom the program and those that are known have started.
    fn take_in(&mut self) {
        let all = look();
        let mut members: BTreeSet<u32> = [self.pid].into();
        for (pid, started) in self.seen.keys() {
            if all.get(pid).is_some_and(|seen| seen.started == *started) {
                members.insert(*pid);
            }
        }
        loop {
            let before = members.len();
            let more: Vec<u32> =
                all.iter().filter(|(_, seen)| members.contains(&seen.parent)).map(|(pid, _)| *pid).collect();
            members.extend(more);
            if members.len() == before {
                break;
            }
        }
        for pid in members {
            if pid != self.pid
                && let Some(seen) = all.get(&pid)
            {
                self.seen.insert((pid, seen.started), seen.name.clone());
            }
        }
    }

    /// Those that are still there, by name.
    fn left(&self) -> Vec<String> {
        let all = look();
        let lives = |(pid, started): &Process| {
            all.get(pid).is_some_and(|seen| seen.started == *started && !seen.ended)
        };
        self.seen
            .iter()
            .filter(|(process, _)| lives(process))
            .map(|((pid, _), name)| format!("{name} {pid}"))
            .collect()
    }

    /// Waits until a browser with a page runs.
    pub fn until_browser(&mut self, limit: Duration) {
        let begun = Instant::now();
        while self.browsers() < 2 {
            assert!(begun.elapsed() < limit, "no browser came: {:?}", self.seen);
            assert!(self.child.as_mut().unwrap().try_wait().unwrap().is_none(), "the program ended");
            self.take_in();
            std::thread::sleep(LOOK);
        }
    }

    /// How many processes of a browser were seen.
    pub fn browsers(&self) -> usize {
        let is = |name: &&String| ["chrom", "msedge", "brave"].iter().any(|start| name.starts_with(start));
        self.seen.values().filter(is).count()
    }

    pub fn signal(&self, name: &str) {
        signal(self.pid, name);
    }

    /// Waits for the program's end, and that nothing of what it started is left.
    pub fn finish(mut self, limit: Duration) -> (Output, Self) {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.as_mut().unwrap().try_wait().unwrap() {
                break status;
            }
            assert!(begun.elapsed() < limit, "the program did not end within {limit:?}");
            self.take_in();
            std::thread::sleep(LOOK);
        };
        self.child = None;
        let begun = Instant::now();
        while !self.left().is_empty() {
            assert!(begun.elapsed() < LEAVING, "these are left: {:?}", self.left());
            std::thread::sleep(LOOK);
        }
        let mut output = self.ended.recv_timeout(LEAVING).expect("its output has no end");
        output.status = status;
        (output, self)
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
