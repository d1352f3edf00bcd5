//! The helper of macOS: one process that stands outside of the boundary, starts `sandbox-exec` with our profile, and
//! ends what the command left.
//!
//! It holds the lifeline to the caller as the guard on Linux does. The system has no namespace and no reaper that would
//! collect orphans, so the helper looks at the list of processes while the command runs and remembers which belong to
//! it: by their parent, by the session, which it began itself, and by the group of one that is known.

#[cfg_attr(not(target_os = "macos"), allow(dead_code, reason = "used on macOS"))]
pub(crate) mod family;
#[cfg(target_os = "macos")]
mod guard;
#[cfg(target_os = "macos")]
pub(crate) mod process;
#[cfg(target_os = "macos")]
mod status;

#[cfg(target_os = "macos")]
pub(crate) use guard::helper_main;
#[cfg(target_os = "macos")]
pub(crate) use status::{held, refused};
