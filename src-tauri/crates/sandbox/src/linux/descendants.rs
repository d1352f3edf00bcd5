//! Ends every descendant of this process, for the tier in which no namespace does it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions};

/// Longer than any tree that the limits allow should take.
const DEADLINE: Duration = Duration::from_secs(8);

/// Stops and kills all descendants until none is left. Orphans of this tree stay in it, because this process is their
/// subreaper. Returns whether it succeeded.
pub(super) fn end_all() -> bool {
    let deadline = Instant::now() + DEADLINE;
    loop {
        // A stopped process cannot fork: once a round finds nobody new, killing loses no race.
        let mut stopped = BTreeSet::new();
        loop {
            let found = descendants(rustix::process::getpid().as_raw_pid());
            let new: Vec<i32> = found.difference(&stopped).copied().collect();
            for pid in &new {
                signal(*pid, Signal::STOP);
            }
            stopped.extend(&new);
            if new.is_empty() || Instant::now() > deadline {
                break;
            }
        }
        for pid in &stopped {
            signal(*pid, Signal::KILL);
        }
        let mut waited = false;
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some(_)) => {}
                // No child at all, and every descendant has its parent in the tree.
                Err(rustix::io::Errno::CHILD) => return true,
                Ok(None) if waited => break,
                Ok(None) => {
                    waited = true;
                    std::thread::sleep(Duration::from_millis(2));
                }
                Err(_) => return false,
            }
        }
        if Instant::now() > deadline {
            return false;
        }
    }
}

fn signal(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        // It may have ended meanwhile.
        let _ = rustix::process::kill_process(pid, signal);
    }
}

fn descendants(root: i32) -> BTreeSet<i32> {
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        if let Some(parent) = parent(&stat) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut found = BTreeSet::new();
    let mut open = vec![root];
    while let Some(pid) = open.pop() {
        for child in children.get(&pid).into_iter().flatten() {
            if found.insert(*child) {
                open.push(*child);
            }
        }
    }
    found
}

/// The parent in a line of `/proc/<pid>/stat`; a zombie has none that matters. The name in brackets may hold anything.
fn parent(stat: &str) -> Option<i32> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    match fields.next()? {
        "Z" | "X" => None,
        _ => fields.next()?.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_is_found_behind_a_strange_name() {
        assert_eq!(parent("12 (a) S 3 (b) R 7 12 12 0"), Some(7));
        assert_eq!(parent("12 (sleep) Z 7 12 12 0"), None);
        assert_eq!(parent("nonsense"), None);
    }
}
