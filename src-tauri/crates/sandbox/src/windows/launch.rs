//! Starts a suspended process that inherits nothing but its input and output.
#![allow(unsafe_code, reason = "processes with a token and a list of handles have no safe wrapper")]

use std::fs::File;
use std::io::{self, PipeReader, PipeWriter};
use std::os::windows::io::{AsRawHandle, OwnedHandle};

use windows_sys::Win32::Foundation::{HANDLE, HANDLE_FLAG_INHERIT, SetHandleInformation, WAIT_OBJECT_0};
use windows_sys::Win32::System::Threading::{
    CREATE_NO_WINDOW, CREATE_SUSPENDED, CREATE_UNICODE_ENVIRONMENT, CreateProcessAsUserW,
    DeleteProcThreadAttributeList, EXTENDED_STARTUPINFO_PRESENT, GetExitCodeProcess,
    InitializeProcThreadAttributeList, LPPROC_THREAD_ATTRIBUTE_LIST, PROC_THREAD_ATTRIBUTE_HANDLE_LIST,
    PROCESS_INFORMATION, ResumeThread, STARTF_USESTDHANDLES, STARTUPINFOEXW, TerminateProcess,
    UpdateProcThreadAttribute, WaitForSingleObject,
};

use super::job::{ENDED, Job};
use super::system::{own, raw, succeeded};
use super::text::wide;

/// What to start.
pub(super) struct Launch<'a> {
    pub token: &'a OwnedHandle,
    pub job: &'a Job,
    pub line: &'a str,
    pub environment: &'a [u16],
    pub folder: &'a str,
}

/// A process that runs.
#[derive(Debug)]
pub(super) struct Process {
    handle: OwnedHandle,
    pub pid: u32,
}

/// Starts it in its job; what it writes comes out of the pipe, which ends when the last of its processes has ended.
pub(super) fn launch(launch: &Launch<'_>) -> io::Result<(Process, PipeReader)> {
    let (reading, writing) = io::pipe()?;
    // Reading from it gives the end at once.
    let input = File::open("NUL")?;
    let (process, thread) = suspended(launch, &input, &writing)?;
    // Until it is in the job nothing would end it with this program, so it has not run yet.
    let begun = launch.job.take(&process.handle).and_then(|()| {
        // SAFETY: the handle is that of the suspended thread.
        if unsafe { ResumeThread(raw(&thread)) } == u32::MAX {
            Err(io::Error::last_os_error())
        } else {
            Ok(())
        }
    });
    if let Err(error) = begun {
        // SAFETY: the handle is open; the process has not run.
        unsafe { TerminateProcess(raw(&process.handle), ENDED) };
        return Err(error);
    }
    Ok((process, reading))
}

fn suspended(launch: &Launch<'_>, input: &File, output: &PipeWriter) -> io::Result<(Process, OwnedHandle)> {
    let handles = [raw(input), raw(output)];
    inherit(input)?;
    inherit(output)?;
    let mut attributes = Attributes::new()?;
    attributes.inherit_only(&handles)?;
    let mut start = STARTUPINFOEXW::default();
    start.StartupInfo.cb = u32::try_from(size_of::<STARTUPINFOEXW>()).unwrap_or_default();
    start.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
    start.StartupInfo.hStdInput = handles[0];
    start.StartupInfo.hStdOutput = handles[1];
    start.StartupInfo.hStdError = handles[1];
    start.lpAttributeList = attributes.raw();
    let mut line = wide(launch.line);
    let folder = wide(launch.folder);
    let mut started = PROCESS_INFORMATION::default();
    let flags =
        CREATE_SUSPENDED | CREATE_UNICODE_ENVIRONMENT | EXTENDED_STARTUPINFO_PRESENT | CREATE_NO_WINDOW;
    // SAFETY: every text ends with a NUL (the environment with two), the line may be written to as is asked, and all that
    // is pointed to outlives the call.
    succeeded(unsafe {
        CreateProcessAsUserW(
            raw(launch.token),
            std::ptr::null(),
            line.as_mut_ptr(),
            std::ptr::null(),
            std::ptr::null(),
            1,
            flags,
            launch.environment.as_ptr().cast(),
            folder.as_ptr(),
            (&raw const start).cast(),
            &raw mut started,
        )
    })?;
    // SAFETY: the call succeeded, so both are new handles.
    let (process, thread) = unsafe { (own(started.hProcess), own(started.hThread)) };
    Ok((Process { handle: process, pid: started.dwProcessId }, thread))
}

/// Only what is in the list is inherited, and only what may be inherited may be in the list.
fn inherit(handle: &impl AsRawHandle) -> io::Result<()> {
    // SAFETY: the handle is open.
    succeeded(unsafe { SetHandleInformation(raw(handle), HANDLE_FLAG_INHERIT, HANDLE_FLAG_INHERIT) })
}

/// Attributes of a process to be, in memory that is aligned for them.
struct Attributes(Vec<u64>);

impl Attributes {
    /// Room for one.
    fn new() -> io::Result<Self> {
        let mut size = 0;
        // SAFETY: without memory the call only tells how much it needs.
        unsafe { InitializeProcThreadAttributeList(std::ptr::null_mut(), 1, 0, &raw mut size) };
        let mut memory = vec![0_u64; size.div_ceil(size_of::<u64>()).max(1)];
        // SAFETY: the memory is as long as was asked for.
        succeeded(unsafe {
            InitializeProcThreadAttributeList(memory.as_mut_ptr().cast(), 1, 0, &raw mut size)
        })?;
        Ok(Self(memory))
    }

    fn raw(&mut self) -> LPPROC_THREAD_ATTRIBUTE_LIST {
        self.0.as_mut_ptr().cast()
    }

    /// The handles must be in place until the process has been made.
    fn inherit_only(&mut self, handles: &[HANDLE]) -> io::Result<()> {
        // SAFETY: the list is initialised; it keeps the pointer, which the caller keeps in place.
        succeeded(unsafe {
            UpdateProcThreadAttribute(
                self.raw(),
                0,
                PROC_THREAD_ATTRIBUTE_HANDLE_LIST as usize,
                handles.as_ptr().cast(),
                size_of_val(handles),
                std::ptr::null_mut(),
                std::ptr::null(),
            )
        })
    }
}

impl Drop for Attributes {
    fn drop(&mut self) {
        // SAFETY: it was initialised, and nothing uses it any more.
        unsafe { DeleteProcThreadAttributeList(self.raw()) };
    }
}

impl Process {
    /// Its code, if it has ended.
    pub(super) fn ended(&self) -> io::Result<Option<i32>> {
        // SAFETY: the handle is open; the call does not wait.
        if unsafe { WaitForSingleObject(raw(&self.handle), 0) } != WAIT_OBJECT_0 {
            return Ok(None);
        }
        let mut code = 0;
        // SAFETY: the handle is open, and the pointer is valid.
        succeeded(unsafe { GetExitCodeProcess(raw(&self.handle), &raw mut code) })?;
        Ok(Some(code.cast_signed()))
    }
}
