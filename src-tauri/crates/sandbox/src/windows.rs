//! The boundary of Windows: a process with a restricted token in a job object, started and watched by the program
//! itself.
//!
//! The token is this program's own without privileges, without the groups that give power, and at the lowest level of
//! integrity. It is restricted to identities that everybody's folders let in and to one that belongs to the workspace
//! alone, so what only the user may open stays closed. The process begins suspended and inherits two handles, its empty
//! input and its output; it is put into the job and then resumed. The job limits memory, processes and time, and ends
//! with its last handle, which is this program's.

#[cfg_attr(not(windows), allow(dead_code, reason = "used on Windows"))]
pub(crate) mod job_limits;
#[cfg_attr(not(windows), allow(dead_code, reason = "used on Windows"))]
mod text;

#[cfg(windows)]
mod access;
#[cfg(windows)]
mod job;
#[cfg(windows)]
mod launch;
#[cfg(windows)]
mod machine;
#[cfg(windows)]
mod probe;
#[cfg(windows)]
mod run;
#[cfg(windows)]
mod status;
#[cfg(windows)]
mod system;
#[cfg(windows)]
mod token;

/// Whether this is Wine, which takes much that it does not hold.
#[cfg(all(test, windows))]
fn is_wine() -> bool {
    std::path::Path::new(r"C:\windows\system32\winecfg.exe").exists()
}

#[cfg(windows)]
pub(crate) use machine::started;
#[cfg(windows)]
pub(crate) use probe::probe;
#[cfg(windows)]
pub(crate) use run::{Boundary, run};
