//! Handles and memory of the system, so that each is given back exactly once.
#![allow(unsafe_code, reason = "the system's functions have no safe wrapper")]

use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};

use windows_sys::Win32::Foundation::{HANDLE, LocalFree};
use windows_sys::Win32::Security::Authorization::ConvertStringSidToSidW;
use windows_sys::Win32::Security::PSID;
use windows_sys::core::BOOL;

use super::text::wide;

/// What a function that answers with yes or no says of its failure.
pub(super) fn succeeded(answer: BOOL) -> io::Result<()> {
    if answer == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// What a function that answers with the number of its error says.
pub(super) fn code(answer: u32) -> io::Result<()> {
    if answer == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(answer.cast_signed())) }
}

/// Takes a handle over.
///
/// # Safety
/// It must be open, of nobody else, and closed by `CloseHandle`.
pub(super) unsafe fn own(handle: HANDLE) -> OwnedHandle {
    // SAFETY: the caller's promise.
    unsafe { OwnedHandle::from_raw_handle(handle) }
}

/// As the system's functions take it.
pub(super) fn raw(handle: &impl AsRawHandle) -> HANDLE {
    handle.as_raw_handle()
}

/// Memory that a function of the system handed over and that goes back to it.
#[derive(Debug)]
pub(super) struct Local(pub *mut core::ffi::c_void);

impl Drop for Local {
    fn drop(&mut self) {
        // SAFETY: it came from the system's own allocator and is given back once; null is ignored.
        unsafe { LocalFree(self.0) };
    }
}

/// Somebody who may or may not do something.
#[derive(Debug)]
pub(super) struct Sid(Local);

impl Sid {
    /// From its text, such as `S-1-1-0`.
    pub(super) fn of(text: &str) -> io::Result<Self> {
        let mut sid = Local(std::ptr::null_mut());
        // SAFETY: the text ends with a NUL and outlives the call, which fills the pointer.
        succeeded(unsafe { ConvertStringSidToSidW(wide(text).as_ptr(), &raw mut sid.0) })?;
        Ok(Self(sid))
    }

    /// Valid as long as this lives.
    pub(super) fn raw(&self) -> PSID {
        self.0.0
    }
}

// SAFETY: a block of plain memory that nothing changes.
unsafe impl Send for Sid {}
