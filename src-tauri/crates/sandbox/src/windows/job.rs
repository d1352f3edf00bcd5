//! The job object that holds the processes of a command together. Closing it ends them all.
#![allow(unsafe_code, reason = "job objects have no safe wrapper")]

use std::io;
use std::os::windows::io::OwnedHandle;
use std::time::Duration;

use windows_sys::Win32::System::JobObjects::{
    AssignProcessToJobObject, CreateJobObjectW, JOBOBJECT_BASIC_AND_IO_ACCOUNTING_INFORMATION,
    JOBOBJECT_BASIC_LIMIT_INFORMATION, JOBOBJECT_BASIC_UI_RESTRICTIONS, JOBOBJECT_EXTENDED_LIMIT_INFORMATION,
    JOBOBJECTINFOCLASS, JobObjectBasicAccountingInformation, JobObjectBasicAndIoAccountingInformation,
    JobObjectBasicUIRestrictions, JobObjectExtendedLimitInformation, QueryInformationJobObject,
    SetInformationJobObject, TerminateJobObject,
};

use super::job_limits::JobLimits;
use super::system::{own, raw, succeeded};

/// What ends with a job by force ends with this code.
pub(super) const ENDED: u32 = 0x0b0e;

/// A job of its own for one command.
#[derive(Debug)]
pub(super) struct Job(OwnedHandle);

/// What a job has used.
#[derive(Debug, Clone, Copy)]
pub(super) struct JobUsage {
    pub processes: u32,
    /// Of those that live and of those that have ended.
    pub cpu: Duration,
    /// Bytes that were given to files and pipes.
    pub written: u64,
}

impl Job {
    pub(super) fn new(limits: &JobLimits) -> io::Result<Self> {
        // SAFETY: neither a name nor special access is asked for.
        let handle = unsafe { CreateJobObjectW(std::ptr::null(), std::ptr::null()) };
        if handle.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the call succeeded, so this is a new handle.
        let job = Self(unsafe { own(handle) });
        job.set(
            JobObjectExtendedLimitInformation,
            &JOBOBJECT_EXTENDED_LIMIT_INFORMATION {
                BasicLimitInformation: JOBOBJECT_BASIC_LIMIT_INFORMATION {
                    PerJobUserTimeLimit: limits.user_time,
                    LimitFlags: limits.flags,
                    ActiveProcessLimit: limits.active_processes,
                    ..JOBOBJECT_BASIC_LIMIT_INFORMATION::default()
                },
                ProcessMemoryLimit: limits.process_memory,
                JobMemoryLimit: limits.total_memory,
                ..JOBOBJECT_EXTENDED_LIMIT_INFORMATION::default()
            },
        )?;
        job.set(
            JobObjectBasicUIRestrictions,
            &JOBOBJECT_BASIC_UI_RESTRICTIONS { UIRestrictionsClass: limits.ui_restrictions },
        )?;
        Ok(job)
    }

    fn set<T>(&self, class: JOBOBJECTINFOCLASS, value: &T) -> io::Result<()> {
        let size = u32::try_from(size_of::<T>()).unwrap_or_default();
        // SAFETY: the structure belongs to the class, as both callers see to, and outlives the call.
        succeeded(unsafe {
            SetInformationJobObject(raw(&self.0), class, std::ptr::from_ref(value).cast(), size)
        })
    }

    /// Puts a process in, which must not have begun yet.
    pub(super) fn take(&self, process: &OwnedHandle) -> io::Result<()> {
        // SAFETY: both handles are open.
        succeeded(unsafe { AssignProcessToJobObject(raw(&self.0), raw(process)) })
    }

    pub(super) fn usage(&self) -> io::Result<JobUsage> {
        let mut found = JOBOBJECT_BASIC_AND_IO_ACCOUNTING_INFORMATION::default();
        // Not every system that calls itself Windows counts bytes; what counts here are the processes.
        if self.ask(JobObjectBasicAndIoAccountingInformation, &mut found).is_err() {
            self.ask(JobObjectBasicAccountingInformation, &mut found.BasicInfo)?;
        }
        let ticks = found.BasicInfo.TotalUserTime.saturating_add(found.BasicInfo.TotalKernelTime);
        Ok(JobUsage {
            processes: found.BasicInfo.ActiveProcesses,
            cpu: Duration::from_nanos(u64::try_from(ticks).unwrap_or_default().saturating_mul(100)),
            written: found.IoInfo.WriteTransferCount,
        })
    }

    fn ask<T>(&self, class: JOBOBJECTINFOCLASS, into: &mut T) -> io::Result<()> {
        let size = u32::try_from(size_of::<T>()).unwrap_or_default();
        let into = std::ptr::from_mut(into).cast();
        // SAFETY: the structure belongs to the class, as both callers see to, and is as long as is told.
        succeeded(unsafe { QueryInformationJobObject(raw(&self.0), class, into, size, std::ptr::null_mut()) })
    }

    /// Ends all of it.
    pub(super) fn end(&self) -> io::Result<()> {
        // SAFETY: the handle is open.
        succeeded(unsafe { TerminateJobObject(raw(&self.0), ENDED) })
    }
}
