//! Runs a process tree inside limits of path, network, time, memory and output, and ends all of it.
//!
//! On Linux and macOS a command runs in a helper: the program executes itself again, and [`run_helper_if_asked`], the
//! first line of its `main`, turns that copy into the helper. On Linux there are two tiers. *Full*: user, process,
//! mount, network, IPC and host namespaces with a small file tree of their own, Landlock on top, and a system call
//! filter. *Reduced*, where the system refuses namespaces: Landlock, the system call filter, and a reaper that ends what
//! a command left. On macOS the helper starts `sandbox-exec` with a profile of ours; on Windows there is no helper, and
//! the program itself starts the command with a restricted token in a job object. Both are tiers of the reduced kind.
//! They have not been run on these systems by us: their pure parts are tested, their calls are type-checked, and a trial
//! at every start decides whether they are used. Where nothing holds, nothing runs ([`Sandbox::available`] says why).
//!
//! On Linux a command starts in both tiers with a cleared environment, no inherited files, an empty input, no network
//! (loopback included), no capabilities, and no way to gain any; it writes only in its workspace and in a private
//! temporary folder, and sees nothing of the home folder. Every process it started is gone when [`Sandbox::run`]
//! returns, and also when the program that called it is killed. What of this holds elsewhere, the status says.
//!
//! Git runs what the hooks and settings of a repository name, outside of the sandbox as well. In the full tier those of
//! repositories that are in the workspace when a command starts are read-only to it, and these repositories cannot be
//! moved or removed; in the reduced tier none are held, because Landlock only adds rights below a folder and never takes
//! them from a part of it, and the status says so. What comes while a command runs is looked through when it has ended,
//! in every tier: hooks, and settings that are not known to be harmless, are put aside.

mod command;
mod put_aside;
mod registry;
mod sandbox;
mod session_process;

#[cfg(unix)]
mod gitlinks;
#[cfg(unix)]
mod helper;
#[cfg(unix)]
mod newcomers;
#[cfg(unix)]
mod policy;
#[cfg(unix)]
mod probe;
#[cfg(unix)]
mod repositories;
#[cfg(unix)]
mod roots;
#[cfg(unix)]
mod run;
#[cfg(unix)]
mod settings;
#[cfg_attr(target_os = "macos", path = "macos/tree.rs")]
#[cfg_attr(target_os = "linux", path = "linux/tree.rs")]
#[cfg(unix)]
mod tree;
#[cfg(unix)]
mod watch;

mod output;

#[cfg(target_os = "linux")]
mod control_group;
#[cfg(target_os = "linux")]
mod linux;

// Of what other systems are given, the pure parts are tested on every system.
#[cfg(any(test, target_os = "macos"))]
mod macos;
#[cfg(all(unix, any(test, target_os = "macos")))]
#[cfg_attr(not(target_os = "macos"), allow(dead_code, reason = "used on macOS"))]
mod seatbelt;
#[cfg(any(test, windows))]
mod windows;

pub use command::{Command, Egress, Entry, Exit, Limit, Limits, Outcome, SandboxError, Tier};
pub use put_aside::PutAside;
pub use registry::{Processes, Running};
pub use sandbox::{Sandbox, WORKSPACE_MOUNT, run_helper_if_asked};
pub use session_process::{KEPT_MOUNT, Program, RunningProgram, SessionProcess, Sockets, WayOut};
