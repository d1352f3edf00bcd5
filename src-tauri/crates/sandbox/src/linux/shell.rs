//! The third generation: the last walls, then the shell.

use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Resource, Rlimit, Signal};

use super::{Run, SetUp, SetUpError, Step, landlock_rules, system_calls};
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

/// By which programs find the proxy. Some know only the small letters, some only the large ones.
fn proxy_variables(network: Network) -> Vec<(&'static str, String)> {
    match network {
        Network::None => Vec::new(),
        Network::Proxy => {
            let proxy = format!("http://127.0.0.1:{PROXY_PORT}");
            let names = ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
            let mut variables: Vec<_> = names.into_iter().map(|name| (name, proxy.clone())).collect();
            variables.push(("NODE_USE_ENV_PROXY", "1".to_owned()));
            variables
        }
    }
}

fn shell(run: &Run) -> SetUp<Command> {
    // Whatever the policy says, the process that the shell replaces has no variable at all, so nothing is inherited.
    let workspace = run.workspace_inside.as_os_str();
    let bash = ["/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash", "/run/current-system/sw/bin/bash"]
        .into_iter()
        .find(|path| Path::new(path).exists());
    let mut command = if let Some(program) = &run.policy.program {
        let mut command = Command::new(&program.path);
        command.args(&program.arguments);
        command
    } else {
        let mut command = Command::new(bash.unwrap_or("/bin/sh"));
        if bash.is_some() {
            command.args(["--noprofile", "--norc"]);
        }
        command.arg("-c").arg(&run.policy.script);
        command
    };
    let output =
        rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout().as_fd(), 3).step("joining the outputs")?;
    // The output of a program that is spoken to is a socket, and its input is the same one.
    let input = match &run.policy.program {
        Some(_) => Stdio::from(output.try_clone().step("joining input and output")?),
        None => Stdio::null(),
    };
    command
        .current_dir(&run.workspace_inside)
        .stdin(input)
        .stderr(Stdio::from(output))
        .env_clear()
        .env("PATH", &run.policy.search_path)
        .env("HOME", &run.private.home)
        .env("TMPDIR", &run.private.temporary)
        .env("PWD", workspace)
        .env("OKCVM_WORKSPACE", workspace)
        .env("LANG", "C.UTF-8")
        .env("TERM", "dumb")
        .env("USER", "agent")
        .env("LOGNAME", "agent")
        .env("SHELL", bash.unwrap_or("/bin/sh"))
        // Repositories above the workspace are not the agent's, and cannot be read.
        .env("GIT_CEILING_DIRECTORIES", run.workspace_inside.parent().unwrap_or(Path::new("/")))
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("PAGER", "cat")
        .envs(proxy_variables(run.policy.network))
        .envs(run.policy.environment.iter().map(|(name, value)| (name, value)));
    Ok(command)
}
