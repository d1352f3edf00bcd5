//! What a tree of processes uses, as `/proc` tells it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::watch::Usage;

/// Looks at the tree below a process, that one included. What ends meanwhile is left out.
pub(crate) fn usage(root: u32) -> Usage {
    let mut usage = Usage::default();
    let mut open = vec![root];
    let page = rustix::param::page_size() as u64;
    let ticks = rustix::param::clock_ticks_per_second().max(1);
    while let Some(pid) = open.pop() {
        if usage.pids.contains(&pid) {
            continue;
        }
        let folder = PathBuf::from(format!("/proc/{pid}"));
        let Some(stat) = std::fs::read_to_string(folder.join("stat")).ok().and_then(|text| Stat::read(&text))
        else {
            continue;
        };
        usage.pids.insert(pid);
        usage.threads += stat.threads;
        usage.cpu += Duration::from_millis(stat.ticks * 1000 / ticks);
        usage.memory += stat.resident_pages * page;
        usage.written += written(&folder);
        children(&folder, &mut open);
    }
    usage
}

fn children(folder: &Path, found: &mut Vec<u32>) {
    for thread in std::fs::read_dir(folder.join("task")).into_iter().flatten().flatten() {
        let Ok(text) = std::fs::read_to_string(thread.path().join("children")) else { continue };
        found.extend(text.split_whitespace().filter_map(|pid| pid.parse::<u32>().ok()));
    }
}

fn written(folder: &Path) -> u64 {
    let Ok(text) = std::fs::read_to_string(folder.join("io")) else { return 0 };
    let field = |name: &str| {
        text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok()).unwrap_or_default()
    };
    field("write_bytes:").max(field("wchar:"))
}

/// Resident memory with shared pages divided among those that share them; asked for only when it matters, since the
/// kernel walks all pages for it. A process that does not tell counts as before.
pub(crate) fn proportional_memory(usage: &Usage) -> u64 {
    let page = rustix::param::page_size() as u64;
    let of = |pid: &u32| {
        let folder = PathBuf::from(format!("/proc/{pid}"));
        let exact = std::fs::read_to_string(folder.join("smaps_rollup")).ok().and_then(|text| {
            let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
            line.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
        });
        exact.or_else(|| {
            let stat = std::fs::read_to_string(folder.join("stat")).ok()?;
            Stat::read(&stat).map(|stat| stat.resident_pages * page)
        })
    };
    usage.pids.iter().filter_map(of).sum()
}

/// When a process started, in ticks after the start of the machine: with its number, a name that is never used twice
/// before the machine starts again. `None` if there is none, or only its remains.
pub(crate) fn started(pid: u32) -> Option<u64> {
    let stat = Stat::read(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)?;
    (stat.state != "Z" && stat.state != "X").then_some(stat.started)
}

/// The run of this machine that numbers of processes belong to.
pub(crate) fn boot() -> Option<String> {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok().map(|text| text.trim().to_owned())
}

/// Bytes of memory of this machine.
pub(crate) fn total_memory() -> Option<u64> {
    let information = rustix::system::sysinfo();
    let total = information.totalram * u64::from(information.mem_unit);
    (total > 0).then_some(total)
}

/// Bytes of the machine's memory that files without a disk and segments of shared memory hold, mapped or not.
pub(crate) fn shared_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Shmem:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// Processes that carry a mark: a limit of real time that no process of ours reaches and that only its bearer and its
/// children have. It stays through every `fork`, `setsid` and `exec`.
pub(crate) fn marked(mark: u64) -> BTreeSet<u32> {
    let mark = mark.to_string();
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let Ok(limits) = std::fs::read_to_string(entry.path().join("limits")) else { continue };
        let carries = limits
            .lines()
            .find_map(|line| line.strip_prefix("Max realtime timeout"))
            .is_some_and(|rest| rest.split_whitespace().nth(1) == Some(&mark));
        if carries && started(pid).is_some() {
            found.insert(pid);
        }
    }
    found
}

/// Of `/proc/<pid>/stat`. The name in brackets may hold anything.
struct Stat {
    state: String,
    ticks: u64,
    threads: u64,
    started: u64,
    resident_pages: u64,
}

impl Stat {
    fn read(text: &str) -> Option<Self> {
        let (_, fields) = text.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_whitespace().collect();
        // The numbers of proc(5) less the two before the bracket and one for counting from 0.
        let number = |index: usize| fields.get(index - 3).and_then(|field| field.parse::<u64>().ok());
        Some(Self {
            state: (*fields.first()?).to_owned(),
            ticks: number(14)? + number(15)? + number(16)? + number(17)?,
            threads: number(20)?,
            started: number(22)?,
            resident_pages: number(24)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_is_measured_with_its_children() {
        let mut child = std::process::Command::new("sh").args(["-c", "sleep 20 & sleep 20"]).spawn().unwrap();
        let pid = child.id();
        let deadline = std::time::Instant::now() + Duration::from_secs(10);
        let usage = loop {
            let usage = usage(pid);
            if usage.pids.len() == 3 || std::time::Instant::now() > deadline {
                break usage;
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        for pid in usage.pids.iter().filter_map(|pid| rustix::process::Pid::from_raw(*pid as i32)) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
        child.wait().unwrap();
        assert_eq!((usage.pids.len(), usage.threads), (3, 3));
        assert!(usage.memory > 100_000 && proportional_memory(&usage) <= usage.memory, "{usage:?}");
        assert_eq!(started(pid), None);
    }

    #[test]
    fn a_strange_name_does_not_confuse() {
        let fields = "S 1 7 7 0 -1 4194560 1 2 3 4 10 20 30 40 20 0 5 0 777 1000 66 18446744073709551615";
        let stat = Stat::read(&format!("12 (a) Z (b) {fields}")).unwrap();
        assert_eq!((stat.state.as_str(), stat.ticks, stat.threads), ("S", 100, 5));
        assert_eq!((stat.started, stat.resident_pages), (777, 66));
        assert!(Stat::read("nonsense").is_none());
    }
}
