//! The first generation: reads the policy, prepares the tier, and holds the lifeline.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

use rustix::event::{PollFd, PollFlags};
use rustix::pipe::PipeFlags;
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions};
use rustix::thread::UnshareFlags;

use super::process::{self, Forked};
use super::{Run, descendants, reaper};
use crate::helper::{self, Private, Reporter, SetUp, Step};
use crate::newcomers;
use crate::policy::{Network, PROXY_PORT};
use crate::repositories::Repositories;
use crate::{Tier, WORKSPACE_MOUNT};

/// All of the helper's life; its result is the helper's exit code, which says only whether it did its work.
pub(crate) fn helper_main() -> i32 {
    let closed = process::close_inherited_files();
    let Ok(reports) = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stderr(), 3) else { return 2 };
    let reporter = Reporter(File::from(reports));
    match closed.step("closing inherited files").and_then(|()| prepare(&reporter)) {
        Ok(None) => 0,
        Ok(Some(run)) => guard(&run),
        Err(error) => {
            reporter.failed(error);
            1
        }
    }
}

/// Reads the policy and enters its tier; `None` if the caller is gone before it told one.
fn prepare(reporter: &Reporter) -> SetUp<Option<Run>> {
    // A group and session of its own: no terminal, and no signal that is meant for the caller's group.
    rustix::process::setsid().step("starting a session")?;
    let Some(policy) = helper::read_policy()? else { return Ok(None) };
    let reporter = Reporter(reporter.0.try_clone().step("keeping the report pipe")?);
    let (private, workspace_inside, repositories) = match policy.tier {
        Tier::Full => {
            enter_namespaces()?;
            if policy.network == Network::Proxy {
                open_network().step("opening the network")?;
            }
            let private = Private { home: PathBuf::from("/home/agent"), temporary: PathBuf::from("/tmp") };
            let mut repositories = Repositories::find(&policy.workspace, &policy.made);
            if repositories.are_too_many {
                return Err("the workspace holds more git repositories than can be protected")
                    .step("closing hooks and settings of repositories");
            }
            for place in &policy.read_only {
                repositories.spare(&policy.workspace, place);
            }
            (private, PathBuf::from(WORKSPACE_MOUNT), repositories)
        }
        Tier::Reduced => {
            rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
                .step("becoming a subreaper")?;
            let repositories = Repositories::find(&policy.workspace, &[]);
            (helper::private_folders()?, policy.workspace.clone(), repositories)
        }
    };
    Ok(Some(Run { policy, reporter, private, workspace_inside, repositories }))
}

/// Own users, processes, messages, host name, control groups and network for everything that follows. The identity
/// inside is the same as outside, so that files keep their owner.
fn enter_namespaces() -> SetUp<()> {
    let user = rustix::process::geteuid().as_raw();
    let group = rustix::process::getegid().as_raw();
    process::unshare(
        UnshareFlags::NEWUSER
            | UnshareFlags::NEWPID
            | UnshareFlags::NEWIPC
            | UnshareFlags::NEWUTS
            | UnshareFlags::NEWCGROUP
            | UnshareFlags::NEWNET,
    )
    .step("making namespaces")?;
    std::fs::write("/proc/self/setgroups", "deny").step("mapping the user")?;
    std::fs::write("/proc/self/uid_map", format!("{user} {user} 1")).step("mapping the user")?;
    std::fs::write("/proc/self/gid_map", format!("{group} {group} 1")).step("mapping the group")?;
    Ok(())
}

/// Gives the caller a socket in the network of this command, at which it answers as a proxy. Nothing else is connected
/// to that network, and no process inside holds a way out of it.
fn open_network() -> std::io::Result<()> {
    process::raise_loopback()?;
    helper::send_listener(PROXY_PORT).map(drop)
}

/// Removes the private folder of the reduced tier, whatever modes the command gave to what is in it.
pub(super) fn remove_private(run: &Run) {
    if run.policy.tier == Tier::Reduced
        && let Some(folder) = run.private.home.parent()
    {
        helper::remove_tree(folder);
    }
}

fn guard(run: &Run) -> i32 {
    let (reaper, life_sign) = match start_reaper(run) {
        Ok(started) => started,
        Err(error) => {
            run.reporter.failed(error);
            remove_private(run);
            return 1;
        }
    };
    let done = watch(run, reaper, life_sign);
    run.repositories.put_back(&run.policy.workspace);
    if let Some(looked) = newcomers::after_a_command(&run.policy, &run.repositories) {
        run.reporter.looked(looked);
    }
    remove_private(run);
    match done {
        Ok(()) => 0,
        Err(error) => {
            run.reporter.failed(error);
            1
        }
    }
}

/// Forks the reaper, which never returns from here, and gives the writing end of the pipe by which it knows that the
/// guard lives.
fn start_reaper(run: &Run) -> SetUp<(Pid, OwnedFd)> {
    let (reading, writing) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC).step("making a pipe")?;
    match process::fork().step("starting the reaper")? {
        Forked::Parent(pid) => Ok((pid, writing)),
        Forked::Child => {
            drop(writing);
            std::process::exit(reaper::reaper_main(run, &reading));
        }
    }
}

/// Waits until the reaper ends, or the caller cuts the lifeline, and leaves nothing behind.
fn watch(run: &Run, reaper: Pid, life_sign: OwnedFd) -> SetUp<()> {
    let reaper_file = rustix::process::pidfd_open(reaper, PidfdFlags::empty()).step("watching the reaper")?;
    let input = rustix::stdio::stdin();
    loop {
        let mut files = [
            PollFd::from_borrowed_fd(input, PollFlags::IN),
            PollFd::from_borrowed_fd(reaper_file.as_fd(), PollFlags::IN),
        ];
        match rustix::event::poll(&mut files, None) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(error) => return Err(error).step("watching the lifeline"),
        }
        let lifeline_cut = !files[0].revents().is_empty();
        let reaper_ended = !files[1].revents().is_empty();
        if !lifeline_cut && !reaper_ended {
            continue;
        }
        if !reaper_ended {
            match run.policy.tier {
                // The end of the first process of a namespace is the end of all in it, at once.
                Tier::Full => {
                    let _ = rustix::process::kill_process(reaper, Signal::KILL);
                }
                Tier::Reduced => drop(life_sign),
            }
        }
        let waited =
            rustix::process::waitpid(Some(reaper), WaitOptions::empty()).step("waiting for the reaper");
        if run.policy.tier == Tier::Reduced && !descendants::end_all() {
            return Err("some processes did not end").step("ending what the command left");
        }
        return waited.map(|_| ());
    }
}
