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
        self.group = ControlGroup::with_memory(self.memory);
        if let Some(group) = &self.group {
            // A child that is born during the look has its parent's group only if that was moved before.
            for _ in 0..3 {
                group.take(&tree::usage(root).pids);
            }
        }
    }

    fn over(&self, usage: &Usage) -> Option<Limit> {
        if self.ran_out() {
            return Some(Limit::Memory);
        }
        if usage.memory > self.memory && tree::proportional_memory(usage) > self.memory {
            return Some(Limit::Memory);
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
