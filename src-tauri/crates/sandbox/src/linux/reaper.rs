//! The second generation: the file tree, the start of the shell, and the end of all that the shell left.

use std::os::fd::{AsFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{DumpableBehavior, Pid, Signal, WaitOptions, WaitStatus};

use super::process::{self, Forked};
use super::{Run, descendants, file_tree, guard, shell};
use crate::Tier;
use crate::helper::{SetUp, Step};
use crate::policy::{ProcessLimit, Report};

pub(super) fn reaper_main(run: &Run, guard_lives: &OwnedFd) -> i32 {
    match start(run, guard_lives) {
        Ok(shell) => match reap(shell, guard_lives) {
            Ok(ended) => finish(run, ended),
            Err(error) => {
                finish(run, None);
                run.reporter.failed(error);
                1
            }
        },
        Err(error) => {
            run.reporter.failed(error);
            1
        }
    }
}

/// In the full tier the exit of this process, the first of its namespace, ends all others.
fn finish(run: &Run, ended: Option<WaitStatus>) -> i32 {
    if run.policy.tier == Tier::Reduced {
        descendants::end_all();
        guard::remove_private(run);
    }
    if let Some(status) = ended {
        if let Some(code) = status.exit_status() {
            run.reporter.send(&Report::Exited { code });
        } else if let Some(signal) = status.terminating_signal() {
            run.reporter.send(&Report::Signalled { signal });
        }
    }
    0
}

fn start(run: &Run, guard_lives: &OwnedFd) -> SetUp<Pid> {
    let process_limit = match run.policy.tier {
        Tier::Full => {
            rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
                .step("binding to the guard")?;
            let limit = file_tree::enter(run)?;
            rustix::system::sethostname(b"okcomputer").step("naming the host")?;
            limit
        }
        Tier::Reduced => {
            rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
                .step("becoming a subreaper")?;
            ProcessLimit::Unbound
        }
    };
    // The guard may have died before the death signal was bound.
    if guard_is_gone(guard_lives)? {
        return Err("the guard is gone").step("binding to the guard");
    }
    process::drop_capabilities().step("dropping capabilities")?;
    // Nothing inside may look into this process or take its files; executing the shell makes that one visible again.
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).step("hiding the reaper")?;
    match process::fork().step("starting the shell")? {
        Forked::Parent(pid) => Ok(pid),
        Forked::Child => {
            let error = shell::become_shell(run, process_limit);
            run.reporter.failed(error);
            std::process::exit(1);
        }
    }
}

fn guard_is_gone(guard_lives: &OwnedFd) -> SetUp<bool> {
    let mut files = [PollFd::from_borrowed_fd(guard_lives.as_fd(), PollFlags::IN)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    rustix::event::poll(&mut files, Some(&now)).step("looking for the guard")?;
    Ok(!files[0].revents().is_empty())
}

/// Collects ended children until the shell ends, or the guard does. `None`: the guard did.
fn reap(shell: Pid, guard_lives: &OwnedFd) -> SetUp<Option<WaitStatus>> {
    let signals = process::child_signals().step("watching children")?;
    loop {
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid == shell => return Ok(Some(status)),
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => return Err(error).step("waiting for the shell"),
            }
        }
        let mut files = [
            PollFd::from_borrowed_fd(signals.as_fd(), PollFlags::IN),
            PollFd::from_borrowed_fd(guard_lives.as_fd(), PollFlags::IN),
        ];
        match rustix::event::poll(&mut files, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).step("watching children"),
        }
        if !files[1].revents().is_empty() {
            return Ok(None);
        }
        // Any number of ends may stand behind one signal, so what it says does not matter.
        let mut discarded = [0_u8; 1024];
        while rustix::io::read(&signals, &mut discarded).is_ok_and(|count| count > 0) {}
    }
}
