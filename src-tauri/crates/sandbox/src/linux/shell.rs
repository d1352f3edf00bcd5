//! The third generation: the last walls, then the shell.

use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{Resource, Rlimit, Signal};

use super::{Run, landlock_rules, system_calls};
use crate::helper::{self, SetUp, SetUpError, Step};
use crate::policy::{Network, PROXY_PORT, ProcessLimit, Report, Walls};
use crate::{Sockets, Tier};

/// Returns only if it fails.
pub(super) fn become_shell(run: &Run, process_limit: ProcessLimit) -> SetUpError {
    let walls = match put_up_walls(run, process_limit) {
        Ok(walls) => walls,
        Err(error) => return error,
    };
    let mut command = match shell(run) {
        Ok(command) => command,
        Err(error) => return error,
    };
    run.reporter.send(&Report::Ready(walls));
    SetUpError { step: "executing the shell".to_owned(), message: command.exec().to_string() }
}

fn put_up_walls(run: &Run, process_limit: ProcessLimit) -> SetUp<Walls> {
    rustix::process::setsid().step("starting a session")?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL)).step("binding to the reaper")?;
    limit_resources(run)?;
    rustix::thread::set_no_new_privs(true).step("giving up new privileges")?;
    let landlock = landlock_rules::restrict(run)?;
    let sockets = run.policy.program.as_ref().map_or(Sockets::None, |program| program.sockets);
    system_calls::restrict(run.policy.tier, landlock, run.policy.network, sockets)?;
    Ok(Walls { landlock, process_limit })
}

fn limit_resources(run: &Run) -> SetUp<()> {
    let limits = &run.policy.limits;
    let mut bounds = vec![
        (Resource::Core, 0),
        (Resource::Fsize, limits.file_bytes),
        (Resource::Data, limits.memory_bytes),
        (Resource::Nofile, limits.open_files),
        (Resource::Msgqueue, 0),
        (Resource::Cpu, limits.cpu_time.as_secs().max(1)),
        // The mark.
        (Resource::Rttime, run.policy.mark),
    ];
    // Outside of a namespace this limit would count all processes of the user, and refuse the first one of a busy user.
    if run.policy.tier == Tier::Full {
        bounds.push((Resource::Nproc, limits.processes));
    }
    for (resource, wanted) in bounds {
        // Never above what holds already.
        let present = rustix::process::getrlimit(resource);
        let most = present.maximum.map_or(wanted, |maximum| maximum.min(wanted));
        rustix::process::setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })
            .step("limiting resources")?;
    }
    Ok(())
}

fn shell(run: &Run) -> SetUp<Command> {
    let (program, arguments) = helper::program(&run.policy);
    let mut command = Command::new(program);
    command.args(arguments);
    let proxy = match run.policy.network {
        Network::None => None,
        Network::Proxy => Some(PROXY_PORT),
    };
    helper::equip(&mut command, &run.policy, &run.private, &run.workspace_inside, proxy)?;
    Ok(command)
}
