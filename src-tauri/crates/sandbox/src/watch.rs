//! Watches what a command uses and tells when it goes over a limit.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

#[cfg(target_os = "linux")]
use crate::control_group::ControlGroup;
use crate::tree;
use crate::{Limit, Limits};

/// Most commands have ended before the first look, which then costs nothing.
const FIRST_LOOK: Duration = Duration::from_millis(30);
const INTERVAL: Duration = Duration::from_millis(50);
/// Of what stays for hours and mostly waits.
const LONG_INTERVAL: Duration = Duration::from_millis(200);
/// Looking takes at most this part of the time.
const SHARE: u32 = 20;
/// A disk is all but full when it has less free than this, or than a twentieth of itself if that is less.
const FREE_BYTES: u64 = 256 << 20;

/// Bytes of memory that no processor fills in a second.
const FASTEST_FILL: f64 = 40e9;

/// Of a process and all that came from it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub pids: BTreeSet<u32>,
    pub threads: u64,
    /// Of those that live, and of those that have ended and were waited for.
    pub cpu: Duration,
    /// Resident; pages that several share are counted for each.
    pub memory: u64,
    /// Bytes that were given to files: the larger of what calls wrote and what went to a disk.
    pub written: u64,
}

/// Watches one command.
pub(crate) struct Watch {
    limits: Limits,
    interval: Duration,
    memory: u64,
    #[cfg(target_os = "linux")]
    group: Option<ControlGroup>,
    disk: Option<Disk>,
    shared: Option<Shared>,
}

/// Memory that no process need map: files without a name, segments of shared memory. The machine says only how much it has
/// of it in all. To fill it takes the processor, so what it grows by counts for a command as far as that was at work.
struct Shared {
    now: u64,
    cpu: Duration,
    filled: u64,
}

impl Shared {
    fn look(&mut self, now: u64, cpu: Duration) {
        let most = cpu.saturating_sub(self.cpu).as_secs_f64() * FASTEST_FILL;
        let grown = now.saturating_sub(self.now).min(most as u64);
        self.filled = (self.filled + grown).saturating_sub(self.now.saturating_sub(now));
        (self.now, self.cpu) = (now, cpu);
    }
}

/// The disk of the workspace.
struct Disk {
    workspace: std::path::PathBuf,
    free_at_start: u64,
    floor: u64,
}

impl Disk {
    fn of(workspace: &Path) -> Option<Self> {
        let found = rustix::fs::statvfs(workspace).ok()?;
        let block = found.f_frsize;
        Some(Self {
            workspace: workspace.to_owned(),
            free_at_start: found.f_bavail * block,
            floor: FREE_BYTES.min(found.f_blocks * block / 20),
        })
    }

    /// Whether the command has filled it: free room has gone, and the command has written.
    fn is_filled(&self, limit: u64, written: u64) -> bool {
        let Ok(found) = rustix::fs::statvfs(&self.workspace) else { return false };
        let free = found.f_bavail * found.f_frsize;
        let gone = self.free_at_start.saturating_sub(free);
        let too_much = gone > limit && written > limit / 2;
        // A disk that was full before is not this command's doing.
        let full = free < self.floor && self.free_at_start >= self.floor && written > gone / 2;
        too_much || full
    }
}

impl Watch {
    pub(crate) fn new(limits: &Limits, workspace: &Path) -> Self {
        Self {
            limits: *limits,
            interval: INTERVAL,
            memory: limits.total_memory_bytes.min(three_quarters_of_memory()),
            #[cfg(target_os = "linux")]
            group: None,
            disk: Disk::of(workspace),
            shared: None,
        }
    }

    /// Looks less often.
    pub(crate) fn for_long(self) -> Self {
        Self { interval: LONG_INTERVAL, ..self }
    }

    /// Looks again and again at the tree below a process, until it goes over a limit.
    pub(crate) async fn until_over(&mut self, root: u32) -> Limit {
        tokio::time::sleep(FIRST_LOOK).await;
        #[cfg(target_os = "linux")]
        self.make_group(root);
        self.shared = tree::shared_memory().map(|now| Shared { now, cpu: Duration::ZERO, filled: 0 });
        loop {
            let begun = Instant::now();
            let usage = tree::usage(root);
            if let Some(limit) = self.over(&usage) {
                return limit;
            }
            tokio::time::sleep(self.interval.max(begun.elapsed() * SHARE)).await;
        }
    }

    #[cfg(target_os = "linux")]
    fn make_group(&mut self, root: u32) {
        let Some(group) = ControlGroup::with_memory(self.memory) else { return };
        // A child that is born during the look has its parent's group only if that was moved before.
        let came = [(); 3].map(|()| group.take(&tree::usage(root).pids));
        // One without processes would count nothing, and must not pass for a count.
        self.group = came.contains(&true).then_some(group);
    }

    fn over(&mut self, usage: &Usage) -> Option<Limit> {
        if self.ran_out() {
            return Some(Limit::Memory);
        }
        if usage.memory > self.memory && tree::proportional_memory(usage) > self.memory {
            return Some(Limit::Memory);
        }
        // A group counts it exactly, and for this command alone.
        let counts_it = self.is_grouped();
        if let (false, Some(shared), Some(now)) = (counts_it, &mut self.shared, tree::shared_memory()) {
            shared.look(now, usage.cpu);
            if shared.filled > self.memory {
                return Some(Limit::Memory);
            }
        }
        if usage.threads >= self.limits.processes {
            return Some(Limit::Processes);
        }
        if usage.cpu > self.limits.cpu_time {
            return Some(Limit::CpuTime);
        }
        self.disk
            .as_ref()
            .is_some_and(|disk| disk.is_filled(self.limits.disk_bytes, usage.written))
            .then_some(Limit::Disk)
    }

    #[cfg(target_os = "linux")]
    fn is_grouped(&self) -> bool {
        self.group.is_some()
    }

    #[cfg(not(target_os = "linux"))]
    #[allow(clippy::unused_self, reason = "the same signature on every system")]
    fn is_grouped(&self) -> bool {
        false
    }

    /// Whether the kernel ended something of the command for its memory.
    #[cfg(target_os = "linux")]
    pub(crate) fn ran_out(&self) -> bool {
        self.group.as_ref().is_some_and(ControlGroup::ran_out)
    }

    /// Whether the kernel ended something of the command for its memory; here it never tells.
    #[cfg(not(target_os = "linux"))]
    #[allow(clippy::unused_self, reason = "the same signature on every system")]
    pub(crate) fn ran_out(&self) -> bool {
        false
    }
}

fn three_quarters_of_memory() -> u64 {
    tree::total_memory().map_or(u64::MAX, |total| total / 4 * 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_nobody_maps_counts_for_those_that_worked() {
        let second = Duration::from_secs;
        let mut shared = Shared { now: 5 << 30, cpu: second(1), filled: 0 };
        shared.look(9 << 30, second(2));
        assert_eq!(shared.filled, 4 << 30);
        // Another program fills, then lets go of more than this one has.
        shared.look(20 << 30, second(2));
        assert_eq!(shared.filled, 4 << 30);
        shared.look(19 << 30, second(3));
        assert_eq!(shared.filled, 3 << 30);
        shared.look(1 << 30, second(4));
        assert_eq!(shared.filled, 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn memory_of_files_without_a_name_is_seen() {
        let before = tree::shared_memory().unwrap();
        let file = rustix::fs::memfd_create("okcvm-test", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
        rustix::io::write(&file, &vec![1; 64 << 20]).unwrap();
        let grown = tree::shared_memory().unwrap().saturating_sub(before);
        assert!(grown > 48 << 20, "{grown}");
    }
}
