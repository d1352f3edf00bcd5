//! What a job object and a restricted token of Windows are given. The numbers are made and tested on every system.

use crate::Limits;

/// Of `JOBOBJECT_BASIC_LIMIT_INFORMATION`, by their names in `winnt.h`. Neither of the two that let a process break away
/// from its job is among them.
const JOB_OBJECT_LIMIT_JOB_TIME: u32 = 0x0000_0004;
const JOB_OBJECT_LIMIT_ACTIVE_PROCESS: u32 = 0x0000_0008;
const JOB_OBJECT_LIMIT_PROCESS_MEMORY: u32 = 0x0000_0100;
const JOB_OBJECT_LIMIT_JOB_MEMORY: u32 = 0x0000_0200;
const JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION: u32 = 0x0000_0400;
const JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE: u32 = 0x0000_2000;
/// Desktop, clipboard, handles of other programs, system parameters, display and exit of Windows: all closed.
const UI_RESTRICTIONS: u32 = 0x0000_00ff;
/// Of `CreateRestrictedToken`: no privileges but that of passing through folders.
const DISABLE_MAX_PRIVILEGE: u32 = 0x1;
/// The restricting identities count for writing only.
const WRITE_RESTRICTED: u32 = 0x8;

/// How much the token closes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closed {
    /// Reading and writing: what only the user may read, such as the home folder, is out of reach.
    ReadingAndWriting,
    /// Writing alone: a command reads what the user may read.
    Writing,
}

impl Closed {
    /// For `CreateRestrictedToken`.
    pub(crate) fn token_flags(self) -> u32 {
        match self {
            Self::ReadingAndWriting => DISABLE_MAX_PRIVILEGE,
            Self::Writing => DISABLE_MAX_PRIVILEGE | WRITE_RESTRICTED,
        }
    }
}

/// The parameters of one job.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct JobLimits {
    /// Which limits hold.
    pub flags: u32,
    /// Hundreds of nanoseconds of user time of the whole job.
    pub user_time: i64,
    pub active_processes: u32,
    /// Bytes that one process commits.
    pub process_memory: usize,
    /// Bytes that all together commit.
    pub total_memory: usize,
    pub ui_restrictions: u32,
}

impl JobLimits {
    /// The same limits as elsewhere, on a machine with so many bytes of memory; closing the last handle, which a crash
    /// does, too, ends all of the job.
    pub(crate) fn of(limits: &Limits, machine: Option<u64>) -> Self {
        let size = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX);
        let total = limits.total_memory_bytes.min(machine.map_or(u64::MAX, |machine| machine / 4 * 3));
        Self {
            flags: JOB_OBJECT_LIMIT_JOB_TIME
                | JOB_OBJECT_LIMIT_ACTIVE_PROCESS
                | JOB_OBJECT_LIMIT_PROCESS_MEMORY
                | JOB_OBJECT_LIMIT_JOB_MEMORY
                | JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION
                | JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
            user_time: i64::try_from(limits.cpu_time.as_nanos() / 100).unwrap_or(i64::MAX),
            active_processes: u32::try_from(limits.processes).unwrap_or(u32::MAX),
            process_memory: size(limits.memory_bytes),
            total_memory: size(total),
            ui_restrictions: UI_RESTRICTIONS,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn limits_are_translated() {
        let limits = Limits { cpu_time: Duration::from_secs(2), processes: 9, ..Limits::default() };
        let job = JobLimits::of(&limits, None);
        assert_eq!((job.user_time, job.active_processes), (20_000_000, 9));
        assert_eq!((job.process_memory, job.total_memory), (8 << 30, 8 << 30));
        assert_eq!((job.flags, job.ui_restrictions), (0x270c, 0xff));
        assert_eq!(JobLimits::of(&limits, Some(4 << 30)).total_memory, 3 << 30);
        let most = Limits { cpu_time: Duration::MAX, processes: u64::MAX, ..limits };
        let job = JobLimits::of(&most, None);
        assert_eq!((job.user_time, job.active_processes), (i64::MAX, u32::MAX));
        assert_eq!((Closed::ReadingAndWriting.token_flags(), Closed::Writing.token_flags()), (1, 9));
    }
}
