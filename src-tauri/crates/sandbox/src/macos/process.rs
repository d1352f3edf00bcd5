//! What macOS tells of processes, by `libproc` and `sysctl`.
#![allow(unsafe_code, reason = "libproc, sysctl, the clock's unit and close have no safe wrapper")]

use std::io;
use std::mem::MaybeUninit;
use std::time::Duration;

use super::family::Process;

/// Of `pbi_status`: the process has ended and waits to be collected.
const ENDED: u32 = 5;
/// Room for the arguments and variables of one process; the system's own bound.
const MOST_ARGUMENTS: usize = 1 << 20;

/// What one process uses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Used {
    pub threads: u64,
    /// Its own and that of its children that were waited for.
    pub cpu: Duration,
    /// What counts as its own, in bytes.
    pub memory: u64,
    /// To disks, in bytes.
    pub written: u64,
}

/// Closes every file above standard error that the caller may have let through.
pub(super) fn close_inherited_files() -> io::Result<()> {
    let open: Vec<i32> = std::fs::read_dir("/dev/fd")?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|number| *number > 2)
        .collect();
    for number in open {
        // SAFETY: called before the helper opens anything, so no owner of such a file exists in this process; the one
        // that the listing used is closed already, and closing it again fails without harm.
        unsafe { libc::close(number) };
    }
    Ok(())
}

/// The numbers of all processes.
fn numbers() -> Vec<u32> {
    let mut room = 1024;
    loop {
        let mut list = vec![0_i32; room];
        let bytes = libc::c_int::try_from(list.len() * size_of::<i32>()).unwrap_or(libc::c_int::MAX);
        // SAFETY: the buffer is valid for as many bytes as are told.
        let count = unsafe { libc::proc_listallpids(list.as_mut_ptr().cast(), bytes) };
        let count = usize::try_from(count).unwrap_or_default();
        if count < room {
            list.truncate(count);
            return list
                .into_iter()
                .filter_map(|pid| u32::try_from(pid).ok())
                .filter(|pid| *pid > 0)
                .collect();
        }
        room *= 2;
    }
}

/// A structure of `proc_pidinfo`, if the system fills all of it.
fn information<T>(pid: u32, flavor: libc::c_int) -> Option<T> {
    let pid = libc::c_int::try_from(pid).ok()?;
    let size = libc::c_int::try_from(size_of::<T>()).ok()?;
    let mut value = MaybeUninit::<T>::zeroed();
    // SAFETY: the pointer is valid for the size that is told.
    let filled = unsafe { libc::proc_pidinfo(pid, flavor, 0, value.as_mut_ptr().cast(), size) };
    // SAFETY: `T` is one of the two plain structures below, for which zeroes and whatever the system writes are valid.
    (filled == size).then(|| unsafe { value.assume_init() })
}

fn described(pid: u32) -> Option<Process> {
    let found: libc::proc_bsdinfo = information(pid, libc::PROC_PIDTBSDINFO)?;
    if found.pbi_status == ENDED {
        return None;
    }
    let number = rustix::process::Pid::from_raw(libc::c_int::try_from(pid).ok()?);
    let session = rustix::process::getsid(number).ok()?;
    Some(Process {
        pid,
        parent: found.pbi_ppid,
        group: found.pbi_pgid,
        session: u32::try_from(session.as_raw_pid()).ok()?,
        started: found.pbi_start_tvsec * 1_000_000 + found.pbi_start_tvusec,
    })
}

/// All processes of this user that live.
pub(crate) fn all() -> Vec<Process> {
    numbers().into_iter().filter_map(described).collect()
}

/// When a process started, in microseconds after 1970; `None` if there is none, or only its remains.
pub(crate) fn started(pid: u32) -> Option<u64> {
    described(pid).map(|process| process.started)
}

/// What a process uses.
pub(crate) fn used(pid: u32) -> Option<Used> {
    let task: libc::proc_taskinfo = information(pid, libc::PROC_PIDTASKINFO)?;
    let number = libc::c_int::try_from(pid).ok()?;
    let mut usage = MaybeUninit::<libc::rusage_info_v2>::zeroed();
    // SAFETY: the pointer is valid for a structure of the version that is told; its type says otherwise, since one
    // function takes every version.
    let failed = unsafe { libc::proc_pid_rusage(number, libc::RUSAGE_INFO_V2, usage.as_mut_ptr().cast()) };
    if failed != 0 {
        return None;
    }
    // SAFETY: plain numbers, zeroed and then filled.
    let usage = unsafe { usage.assume_init() };
    let ticks =
        usage.ri_user_time + usage.ri_system_time + usage.ri_child_user_time + usage.ri_child_system_time;
    Some(Used {
        threads: u64::try_from(task.pti_threadnum).unwrap_or_default(),
        cpu: duration(ticks),
        memory: usage.ri_phys_footprint,
        written: usage.ri_diskio_byteswritten,
    })
}

/// Ticks of the system's clock, whose length differs between processors.
#[allow(deprecated, reason = "another crate for one function")]
fn duration(ticks: u64) -> Duration {
    let mut unit = libc::mach_timebase_info { numer: 0, denom: 0 };
    // SAFETY: the pointer is valid for the call.
    unsafe { libc::mach_timebase_info(&raw mut unit) };
    let nanoseconds = u128::from(ticks) * u128::from(unit.numer) / u128::from(unit.denom.max(1));
    Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
}

/// The arguments and variables with which a process of this user was executed. The system keeps the variables of its
/// own programs to itself.
pub(crate) fn arguments(pid: u32) -> Vec<u8> {
    let Ok(pid) = libc::c_int::try_from(pid) else { return Vec::new() };
    let mut bytes = vec![0_u8; MOST_ARGUMENTS];
    let read = control(&mut [libc::CTL_KERN, libc::KERN_PROCARGS2, pid], &mut bytes);
    bytes.truncate(read.unwrap_or_default());
    bytes
}

/// Bytes of memory of this machine.
pub(crate) fn total_memory() -> Option<u64> {
    let mut bytes = [0_u8; 8];
    let read = control(&mut [libc::CTL_HW, libc::HW_MEMSIZE], &mut bytes)?;
    (read == bytes.len()).then(|| u64::from_ne_bytes(bytes))
}

/// When this machine started: the run of it that numbers of processes belong to.
pub(crate) fn boot() -> Option<String> {
    let mut bytes = [0_u8; size_of::<libc::timeval>()];
    let read = control(&mut [libc::CTL_KERN, libc::KERN_BOOTTIME], &mut bytes)?;
    let seconds = bytes.first_chunk::<8>().filter(|_| read == bytes.len())?;
    Some(i64::from_ne_bytes(*seconds).to_string())
}

/// Reads something that the kernel tells by numbers, and says how many bytes it was.
fn control(name: &mut [libc::c_int], into: &mut [u8]) -> Option<usize> {
    let mut length = into.len();
    // SAFETY: name and buffer are valid for the lengths that are told, and nothing is set.
    let failed = unsafe {
        libc::sysctl(
            name.as_mut_ptr(),
            u32::try_from(name.len()).ok()?,
            into.as_mut_ptr().cast(),
            &raw mut length,
            std::ptr::null_mut(),
            0,
        )
    };
    (failed == 0).then_some(length.min(into.len()))
}
