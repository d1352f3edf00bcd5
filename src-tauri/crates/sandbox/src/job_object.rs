//! What a job object and a restricted token of Windows are given. The numbers are made and tested on every system; they
//! have not been used on Windows yet, so commands are still refused there.

use crate::Limits;

/// Of `JOBOBJECT_BASIC_LIMIT_INFORMATION`, by their names in `winnt.h`.
pub(crate) const JOB_OBJECT_LIMIT_JOB_TIME: u32 = 0x0000_0004;
/// See above.
pub(crate) const JOB_OBJECT_LIMIT_ACTIVE_PROCESS: u32 = 0x0000_0008;
/// See above.
pub(crate) const JOB_OBJECT_LIMIT_PROCESS_MEMORY: u32 = 0x0000_0100;
/// See above.
pub(crate) const JOB_OBJECT_LIMIT_JOB_MEMORY: u32 = 0x0000_0200;
/// See above.
pub(crate) const JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION: u32 = 0x0000_0400;
/// See above.
pub(crate) const JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE: u32 = 0x0000_2000;
/// Desktop, clipboard, handles of other programs, system parameters, display and exit of Windows: all closed.
const UI_RESTRICTIONS: u32 = 0x0000_00ff;
/// Of `CreateRestrictedToken`: no privileges, and no writing but where the restricting identifiers may.
const DISABLE_MAX_PRIVILEGE: u32 = 0x1;
/// See above.
const WRITE_RESTRICTED: u32 = 0x8;

/// The parameters of one job and its token.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Job {
    /// Which limits hold.
    pub flags: u32,
    /// Hundreds of nanoseconds of user time of the whole job.
    pub user_time: i64,
    pub active_processes: u32,
    /// Bytes that one process commits.
    pub process_memory: u64,
    /// Bytes that all together commit.
    pub total_memory: u64,
    pub ui_restrictions: u32,
    /// For the token.
    pub token_flags: u32,
}

impl Job {
    /// The same limits as elsewhere; closing the last handle, which a crash does, too, ends all of the job.
    pub(crate) fn of(limits: &Limits) -> Self {
        Self {
            flags: JOB_OBJECT_LIMIT_JOB_TIME
                | JOB_OBJECT_LIMIT_ACTIVE_PROCESS
                | JOB_OBJECT_LIMIT_PROCESS_MEMORY
                | JOB_OBJECT_LIMIT_JOB_MEMORY
                | JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION
                | JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
            user_time: i64::try_from(limits.cpu_time.as_nanos() / 100).unwrap_or(i64::MAX),
            active_processes: u32::try_from(limits.processes).unwrap_or(u32::MAX),
            process_memory: limits.memory_bytes,
            total_memory: limits.total_memory_bytes,
            ui_restrictions: UI_RESTRICTIONS,
            token_flags: DISABLE_MAX_PRIVILEGE | WRITE_RESTRICTED,
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
        let job = Job::of(&limits);
        assert_eq!((job.user_time, job.active_processes), (20_000_000, 9));
        assert_eq!((job.process_memory, job.total_memory), (limits.memory_bytes, limits.total_memory_bytes));
        assert_eq!(job.flags, 0x270c);
        assert_eq!((job.ui_restrictions, job.token_flags), (0xff, 9));
        let most = Limits { cpu_time: Duration::MAX, processes: u64::MAX, ..limits };
        assert_eq!((Job::of(&most).user_time, Job::of(&most).active_processes), (i64::MAX, u32::MAX));
    }
}
