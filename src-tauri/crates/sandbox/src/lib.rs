//! Runs a process tree inside limits of path, network, time, memory and output, and ends all of it.
//!
//! A command runs in a helper: the program executes itself again, and [`run_helper_if_asked`], the first line of its
//! `main`, turns that copy into the helper. On Linux there are two tiers. *Full*: user, process, mount, network, IPC
//! and host namespaces with a small file tree of their own, Landlock on top, and a system call filter. *Reduced*,
//! where the system refuses namespaces: Landlock, the system call filter, and a reaper that ends what a command left.
//! Where not even that holds, nothing runs ([`Sandbox::available`] says why).
//!
//! In both tiers a command starts with a cleared environment, no inherited files, an empty input, no network
//! (loopback included), no capabilities, and no way to gain any; it writes only in its workspace and in a private
//! temporary folder, and sees nothing of the home folder. Every process it started is gone when [`Sandbox::run`]
//! returns, and also when the program that called it is killed.
//!
//! Git runs what the hooks and settings of a repository name, outside of the sandbox as well. In the full tier those of
//! repositories that are in the workspace when a command starts are read-only to it, and these repositories cannot be
//! moved or removed; those that a command makes are covered from the next command on. In the reduced tier none are,
//! because Landlock only adds rights below a folder and never takes them from a part of it; the status says so.

mod command;
#[cfg(any(test, target_os = "windows"))]
#[cfg_attr(
    target_os = "windows",
    allow(dead_code, reason = "nothing is executed there until it has been run once")
)]
mod job_object;
mod registry;
mod sandbox;
#[cfg(any(test, target_os = "macos"))]
#[cfg_attr(
    target_os = "macos",
    allow(dead_code, reason = "nothing is executed there until it has been run once")
)]
mod seatbelt;
mod session_process;

#[cfg(target_os = "linux")]
mod control_group;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
mod policy;
#[cfg(target_os = "linux")]
mod probe;
#[cfg(target_os = "linux")]
mod roots;
#[cfg(target_os = "linux")]
mod run;
#[cfg(target_os = "linux")]
mod tree;
#[cfg(target_os = "linux")]
mod watch;

pub use command::{Command, Egress, Entry, Exit, Limit, Limits, Outcome, SandboxError, Tier};
pub use registry::{Processes, Running};
pub use sandbox::{Sandbox, WORKSPACE_MOUNT, run_helper_if_asked};
pub use session_process::{KEPT_MOUNT, Program, RunningProgram, SessionProcess, Sockets, WayOut};
