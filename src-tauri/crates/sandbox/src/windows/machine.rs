//! What Windows tells of this machine and of processes.
#![allow(unsafe_code, reason = "the system's functions have no safe wrapper")]

use std::path::Path;

use windows_sys::Win32::Foundation::FILETIME;
use windows_sys::Win32::Storage::FileSystem::GetDiskFreeSpaceExW;
use windows_sys::Win32::System::SystemInformation::{GlobalMemoryStatusEx, MEMORYSTATUSEX};
use windows_sys::Win32::System::Threading::{
    GetProcessTimes, OpenProcess, PROCESS_QUERY_LIMITED_INFORMATION,
};

use super::system::{own, raw};
use super::text::wide;

/// Bytes of memory of this machine.
pub(super) fn memory() -> Option<u64> {
    let mut status = MEMORYSTATUSEX {
        dwLength: u32::try_from(size_of::<MEMORYSTATUSEX>()).unwrap_or_default(),
        ..MEMORYSTATUSEX::default()
    };
    // SAFETY: the structure says its own length and outlives the call.
    (unsafe { GlobalMemoryStatusEx(&raw mut status) } != 0).then_some(status.ullTotalPhys)
}

/// Bytes that are free on the disk of a folder, and all of its bytes.
pub(super) fn disk(folder: &Path) -> Option<(u64, u64)> {
    let (mut free, mut total) = (0, 0);
    let path = wide(folder.to_str()?);
    // SAFETY: the path ends with a NUL, and both pointers are valid.
    let told =
        unsafe { GetDiskFreeSpaceExW(path.as_ptr(), &raw mut free, &raw mut total, std::ptr::null_mut()) };
    (told != 0).then_some((free, total))
}

/// When a process started, in hundreds of nanoseconds; `None` if there is none, or if it is not the user's.
pub(crate) fn started(pid: u32) -> Option<u64> {
    // SAFETY: no memory is involved.
    let process = unsafe { OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, 0, pid) };
    if process.is_null() {
        return None;
    }
    // SAFETY: the call succeeded, so this is a new handle.
    let process = unsafe { own(process) };
    let mut times = [FILETIME::default(); 4];
    let [created, ended, kernel, user] = &mut times;
    // SAFETY: the handle is open, and every pointer is valid.
    if unsafe { GetProcessTimes(raw(&process), created, ended, kernel, user) } == 0 {
        return None;
    }
    // One that somebody still holds a handle of has not gone, but has ended.
    let number = |time: &FILETIME| u64::from(time.dwHighDateTime) << 32 | u64::from(time.dwLowDateTime);
    (number(&times[1]) == 0).then(|| number(&times[0]))
}
