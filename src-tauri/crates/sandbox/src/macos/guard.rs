//! The life of the helper: reads the policy, starts the command behind the profile, holds the lifeline.

use std::ffi::OsString;
use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, Resource, Rlimit, Signal};

use super::family::{Known, family};
use super::process;
use crate::helper::{self, Private, Reporter, SetUp, Step};
use crate::newcomers;
use crate::policy::{Network, Policy, ProcessLimit, Report, Walls};
use crate::repositories::Repositories;
use crate::seatbelt::{self, Rules};
use crate::tree::MARK;

/// The system's program that puts up a profile and then becomes what it is told.
const SANDBOX_EXEC: &str = "/usr/bin/sandbox-exec";
/// Between two looks at the command.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);
/// Between two looks at all processes.
const LOOK: Duration = Duration::from_millis(100);
/// Longer than any tree that the limits allow should take to end.
const ENDING: Duration = Duration::from_secs(8);

/// All of the helper's life; its result is the helper's exit code, which says only whether it did its work.
pub(crate) fn helper_main() -> i32 {
    let closed = process::close_inherited_files();
    let Ok(reports) = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stderr(), 3) else { return 2 };
    let reporter = Reporter(File::from(reports));
    match closed.step("closing inherited files").and_then(|()| run(&reporter)) {
        Ok(()) => 0,
        Err(error) => {
            reporter.failed(error);
            1
        }
    }
}

fn run(reporter: &Reporter) -> SetUp<()> {
    // A group and session of its own: no terminal, and the mark by which an orphan is found.
    rustix::process::setsid().step("starting a session")?;
    let Some(policy) = helper::read_policy()? else { return Ok(()) };
    let private = helper::private_folders()?;
    let ended = behind_the_profile(&policy, &private, reporter);
    if let Some(folder) = private.home.parent() {
        helper::remove_tree(folder);
    }
    // Without an end of its own the caller wants no more.
    if let Some(status) = ended? {
        if let Some(code) = status.code() {
            reporter.send(&Report::Exited { code });
        } else if let Some(signal) = status.signal() {
            reporter.send(&Report::Signalled { signal });
        }
    }
    Ok(())
}

fn behind_the_profile(policy: &Policy, private: &Private, reporter: &Reporter) -> SetUp<Option<ExitStatus>> {
    let proxy = match policy.network {
        Network::None => None,
        Network::Proxy => Some(helper::send_listener(0).step("opening the network")?),
    };
    let repositories = Repositories::find(&policy.workspace, &policy.made);
    let mut command = command(policy, private, &repositories, proxy)?;
    limit_resources(policy)?;
    reporter.send(&Report::Ready(Walls { landlock: 0, process_limit: ProcessLimit::Unbound }));
    let child = command.spawn().step("executing the shell")?;
    // Its copies of the output would keep that open after the command's end.
    drop(command);
    let mut known = Known::new();
    let ended = watch(child, &mut known);
    let all_ended = end_all(&mut known);
    if let Some(looked) = newcomers::after_a_command(policy, &repositories) {
        reporter.looked(looked);
    }
    let ended = ended?;
    if all_ended { Ok(ended) } else { Err("some processes did not end").step("ending what the command left") }
}

/// `sandbox-exec` with the profile, and the program of the policy after it.
fn command(
    policy: &Policy,
    private: &Private,
    repositories: &Repositories,
    proxy: Option<u16>,
) -> SetUp<Command> {
    let mut writable = vec![policy.workspace.clone(), private.home.clone(), private.temporary.clone()];
    writable.extend(policy.program.as_ref().and_then(|program| program.kept_folder.clone()));
    // The profile knows only real paths.
    let readable: Vec<PathBuf> = policy.readable.iter().filter_map(|path| path.canonicalize().ok()).collect();
    if repositories.are_too_many {
        return Err("the workspace holds more git repositories than can be protected")
            .step("closing hooks and settings of repositories");
    }
    let rules =
        Rules { readable: &readable, writable: &writable, workspace: &policy.workspace, repositories, proxy };
    let profile = private.home.with_file_name("profile");
    std::fs::write(&profile, seatbelt::profile(&rules)).step("writing the profile")?;
    let (program, arguments) = helper::program(policy);
    let mut command = Command::new(SANDBOX_EXEC);
    command.arg("-f").arg(&profile);
    for (name, path) in seatbelt::parameters(&rules) {
        command.arg("-D").arg(definition(&name, path));
    }
    command.arg(program).args(arguments).process_group(0);
    helper::equip(&mut command, policy, private, &policy.workspace, proxy)?;
    command.env(MARK, policy.mark.to_string());
    Ok(command)
}

fn definition(name: &str, path: &Path) -> OsString {
    let mut definition = OsString::from(format!("{name}="));
    definition.push(path);
    definition
}

/// Of this process, which needs next to nothing: what it starts inherits them.
fn limit_resources(policy: &Policy) -> SetUp<()> {
    let limits = &policy.limits;
    let bounds = [
        (Resource::Core, 0),
        (Resource::Fsize, limits.file_bytes),
        (Resource::Data, limits.memory_bytes),
        (Resource::Nofile, limits.open_files),
        (Resource::Cpu, limits.cpu_time.as_secs().max(1)),
    ];
    for (resource, wanted) in bounds {
        // Never above what holds already.
        let present = rustix::process::getrlimit(resource);
        let most = match present.maximum {
            Some(maximum) => Some(maximum.min(wanted)),
            // The largest signed number stands for no limit there, and larger ones for nothing.
            None => i64::try_from(wanted).is_ok_and(|wanted| wanted < i64::MAX).then_some(wanted),
        };
        rustix::process::setrlimit(resource, Rlimit { current: most, maximum: most })
            .step("limiting resources")?;
    }
    Ok(())
}

/// Waits until the command ends, or the caller cuts the lifeline, which gives `None`.
fn watch(mut child: Child, known: &mut Known) -> SetUp<Option<ExitStatus>> {
    let input = rustix::stdio::stdin();
    let mut pause = FIRST_PAUSE;
    let mut looked = Instant::now();
    loop {
        if let Some(status) = child.try_wait().step("waiting for the shell")? {
            return Ok(Some(status));
        }
        if looked.elapsed() >= LOOK {
            family(&process::all(), std::process::id(), known);
            looked = Instant::now();
        }
        let mut files = [PollFd::from_borrowed_fd(input.as_fd(), PollFlags::IN)];
        let timeout = Timespec { tv_sec: 0, tv_nsec: i64::from(pause.subsec_nanos()) };
        match rustix::event::poll(&mut files, Some(&timeout)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error).step("watching the lifeline"),
        }
        if !files[0].revents().is_empty() {
            return Ok(None);
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Stops and kills all that belongs to the command until nothing of it is left. Returns whether it succeeded.
fn end_all(known: &mut Known) -> bool {
    let deadline = Instant::now() + ENDING;
    loop {
        // A stopped process cannot fork: once a round finds nobody new, killing loses no race.
        let mut stopped = std::collections::BTreeSet::new();
        loop {
            let found = family(&process::all(), std::process::id(), known);
            let new: Vec<u32> = found.difference(&stopped).copied().collect();
            for pid in &new {
                signal(*pid, Signal::STOP);
            }
            stopped.extend(&new);
            if new.is_empty() || Instant::now() > deadline {
                break;
            }
        }
        if stopped.is_empty() {
            return true;
        }
        for pid in &stopped {
            signal(*pid, Signal::KILL);
        }
        // Children of this process that were killed; the others are collected by the system.
        while let Ok(Some(_)) = rustix::process::wait(rustix::process::WaitOptions::NOHANG) {}
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // It may have ended meanwhile.
        let _ = rustix::process::kill_process(pid, signal);
    }
}
