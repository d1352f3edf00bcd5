//! The caller's side: starts the helper, passes output on, and ends everything in time.

use std::io::IoSliceMut;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as Pair;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};
use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::UnixStream;
use tokio::process::ChildStderr;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::output::pass_on;
use crate::policy::{HELPER_ARGUMENT, Network, Policy, Report, Walls};
use crate::repositories::Origin;
use crate::watch::Watch;
use crate::{Egress, Exit, Limit, Outcome, PutAside, Running, SandboxError};

/// How long the helper may take to end everything after its lifeline was cut, before it is killed itself (which ends
/// everything in the full tier at once).
const GRACE: Duration = Duration::from_secs(10);
/// The reports of one helper are a few hundred bytes, and some names of files.
const MAX_REPORT_BYTES: u64 = 1 << 20;

/// A command that ran.
pub(crate) struct Run {
    pub exit: Exit,
    /// What held around it; absent if it was stopped before all walls stood.
    pub walls: Option<Walls>,
    /// The repositories that it made.
    pub made: Vec<Origin>,
}

/// What the caller does beside the command.
pub(crate) struct Beside<'a> {
    pub timeout: Duration,
    pub egress: Option<&'a Egress>,
    pub running: Option<&'a Running>,
}

pub(crate) async fn run(
    helper: &Path,
    policy: &Policy,
    beside: Beside<'_>,
    output: mpsc::Sender<Vec<u8>>,
    cancel: &CancellationToken,
) -> Result<Run, SandboxError> {
    if cancel.is_cancelled() {
        let exit = Exit {
            outcome: Outcome::Cancelled,
            duration: Duration::ZERO,
            output_bytes: 0,
            dropped_bytes: 0,
            put_aside: PutAside::default(),
        };
        return Ok(Run { exit, walls: None, made: Vec::new() });
    }
    let mut policy_line = serde_json::to_vec(policy).map_err(|error| {
        SandboxError::Refused(format!("The command or its workspace cannot be passed on: {error}"))
    })?;
    policy_line.push(b'\n');

    let started = Instant::now();
    let (ours, theirs) = Pair::pair().map_err(SandboxError::Spawn)?;
    ours.set_nonblocking(true).map_err(SandboxError::Spawn)?;
    let mut lifeline = UnixStream::from_std(ours).map_err(SandboxError::Spawn)?;
    // The environment is cleared here and not in the helper: `/proc/<helper>/environ` keeps what a process started with.
    let mut child = tokio::process::Command::new(helper)
        // Commands can see this name, but need not know where the program lies.
        .arg0("okcvm-sandbox")
        .arg(HELPER_ARGUMENT)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(SandboxError::Spawn)?;
    let (Some(stdout), Some(stderr), Some(pid)) = (child.stdout.take(), child.stderr.take(), child.id())
    else {
        return Err(SandboxError::Lost("its pipes are missing".to_owned()));
    };
    if let Some(running) = beside.running {
        running.started(pid);
    }

    let (stopping, flooded) = (CancellationToken::new(), CancellationToken::new());
    let streams = async {
        tokio::join!(pass_on(stdout, output, &policy.limits, &stopping, &flooded), read_reports(stderr))
    };
    let mut watch = Watch::new(&policy.limits, &policy.workspace);
    let ended_by_hand = async {
        match beside.running {
            Some(running) => running.ended().cancelled().await,
            None => std::future::pending().await,
        }
    };
    tokio::pin!(streams);
    let stop = async {
        // A helper that dies early breaks this pipe; its reports say why.
        let written = lifeline.write_all(&policy_line).await;
        if let Err(error) = written {
            tracing::debug!(%error, "the sandbox helper did not take its policy");
        }
        let opening = async {
            if let (Network::Proxy, Some(Egress(open))) = (policy.network, beside.egress) {
                match listener(&lifeline).await {
                    Ok(listener) => open(listener),
                    Err(error) => tracing::debug!(%error, "the sandbox helper did not open its network"),
                }
            }
            std::future::pending().await
        };
        tokio::select! {
            () = cancel.cancelled() => Outcome::Cancelled,
            () = tokio::time::sleep(beside.timeout.saturating_sub(started.elapsed())) => Outcome::TimedOut,
            () = ended_by_hand => Outcome::EndedByHand,
            () = flooded.cancelled() => Outcome::Limited(Limit::Output),
            limit = watch.until_over(pid) => Outcome::Limited(limit),
            outcome = opening => outcome,
        }
    };
    let (ended, stopped) = tokio::select! {
        biased;
        ended = &mut streams => (Some(ended), None),
        outcome = stop => (None, Some(outcome)),
    };
    drop(lifeline);
    stopping.cancel();
    let ended = match ended {
        Some(ended) => Some(ended),
        None => {
            if let Ok(ended) = tokio::time::timeout(GRACE, &mut streams).await {
                Some(ended)
            } else {
                // The lifeline should have been enough.
                tracing::warn!("the sandbox helper did not end in time and is killed");
                child.start_kill().map_err(SandboxError::Spawn)?;
                tokio::time::timeout(GRACE, &mut streams).await.ok()
            }
        }
    };
    let status = child.wait().await.map_err(SandboxError::Spawn)?;
    let Some((counted, reports)) = ended else {
        return Err(SandboxError::Lost("its output stayed open after its end".to_owned()));
    };

    let mut walls = None;
    let (mut put_aside, mut made) = (PutAside::default(), Vec::new());
    let (mut reported, mut was_looked_after) = (None, false);
    for report in &reports.lines {
        match report {
            Report::Ready(found) => walls = Some(found.clone()),
            // A stop in the middle of the setting up may look like a failure of it.
            Report::Failed { .. } if stopped.is_some() => {}
            Report::Failed { step, message } => {
                return Err(SandboxError::SetUp { step: step.clone(), message: message.clone() });
            }
            Report::Exited { code } => reported = Some(Outcome::Exited(*code)),
            Report::Signalled { signal } => reported = Some(Outcome::Signalled(*signal)),
            Report::PutAside(aside) => {
                was_looked_after = true;
                put_aside.add(aside.clone());
            }
            Report::Made { folders } => made.extend(folders),
        }
    }
    // It ran, and its helper did not come to the end of its work.
    put_aside.unfinished |= walls.is_some() && !was_looked_after;
    let mut outcome = ended_by(stopped, reported);
    if watch.ran_out() && matches!(outcome, Some(Outcome::Exited(_) | Outcome::Signalled(_))) {
        outcome = Some(Outcome::Limited(Limit::Memory));
    }
    let Some(outcome) = outcome else {
        return Err(SandboxError::Lost(format!("{status} {}", reports.other.trim()).trim().to_owned()));
    };
    let exit = Exit {
        outcome,
        duration: started.elapsed(),
        output_bytes: counted.total,
        dropped_bytes: counted.dropped,
        put_aside,
    };
    Ok(Run { exit, walls, made })
}

/// What ended a command: itself, if it said so, though the look at what it left may have been stopped later. The signal
/// may have been that of a limit.
fn ended_by(stopped: Option<Outcome>, reported: Option<Outcome>) -> Option<Outcome> {
    match (stopped, reported) {
        (Some(Outcome::Limited(_)), Some(Outcome::Signalled(_))) => stopped,
        _ => reported.or(stopped),
    }
}

/// Takes the socket that the helper opened in the network of the command.
pub(crate) async fn listener(lifeline: &UnixStream) -> std::io::Result<std::net::TcpListener> {
    lifeline
        .async_io(Interest::READABLE, || {
            let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let mut byte = [0_u8];
            #[cfg(target_os = "linux")]
            let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
            #[cfg(not(target_os = "linux"))]
            let flags = RecvFlags::DONTWAIT;
            rustix::net::recvmsg(lifeline, &mut [IoSliceMut::new(&mut byte)], &mut control, flags)?;
            let file = control.drain().find_map(|message| match message {
                RecvAncillaryMessage::ScmRights(mut files) => files.next(),
                _ => None,
            });
            let listener = std::net::TcpListener::from(
                file.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::UnexpectedEof))?,
            );
            #[cfg(not(target_os = "linux"))]
            rustix::io::fcntl_setfd(&listener, rustix::io::FdFlags::CLOEXEC)?;
            listener.set_nonblocking(true)?;
            Ok(listener)
        })
        .await
}

struct Reports {
    lines: Vec<Report>,
    other: String,
}

async fn read_reports(stderr: ChildStderr) -> Reports {
    let mut bytes = Vec::new();
    let read = stderr.take(MAX_REPORT_BYTES).read_to_end(&mut bytes).await;
    if let Err(error) = read {
        tracing::debug!(%error, "the reports of the sandbox helper broke off");
    }
    let mut reports = Reports { lines: Vec::new(), other: String::new() };
    for line in String::from_utf8_lossy(&bytes).lines() {
        if let Ok(report) = serde_json::from_str(line) {
            reports.lines.push(report);
        } else {
            reports.other.push_str(line);
            reports.other.push('\n');
        }
    }
    reports
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::policy::ProcessLimit;
    use crate::{Limits, Tier};

    #[test]
    fn what_ended_by_itself_was_not_stopped() {
        let limit = Some(Outcome::Limited(Limit::Memory));
        for (stopped, reported, expected) in [
            (Some(Outcome::TimedOut), Some(Outcome::Exited(3)), Some(Outcome::Exited(3))),
            (Some(Outcome::Cancelled), Some(Outcome::Signalled(9)), Some(Outcome::Signalled(9))),
            (limit, Some(Outcome::Exited(0)), Some(Outcome::Exited(0))),
            (limit, Some(Outcome::Signalled(9)), limit),
            (Some(Outcome::TimedOut), None, Some(Outcome::TimedOut)),
            (None, None, None),
        ] {
            assert_eq!(ended_by(stopped, reported), expected);
        }
    }

    #[test]
    fn a_look_that_was_stopped_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let helper = folder.path().join("helper");
        let tell = |report: &Report| format!("echo '{}' >&2\n", serde_json::to_string(report).unwrap());
        let start = tell(&Report::Ready(Walls { landlock: 0, process_limit: ProcessLimit::Bound }))
            + &tell(&Report::Exited { code: 3 });
        let looked = tell(&Report::PutAside(PutAside::default()));
        let policy = Policy {
            tier: Tier::Reduced,
            script: String::new(),
            workspace: folder.path().to_owned(),
            environment: Vec::new(),
            limits: Limits::default(),
            read_only: Vec::new(),
            made: Vec::new(),
            readable: Vec::new(),
            search_path: String::new(),
            network: Network::None,
            mark: 0,
            program: None,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // A helper that is still at work when the time is over, and one that has done its work.
        for (rest, is_unfinished) in [("read more\n", true), (looked.as_str(), false)] {
            std::fs::write(&helper, format!("#!/bin/sh\nread policy\n{start}{rest}")).unwrap();
            std::fs::set_permissions(&helper, std::fs::Permissions::from_mode(0o755)).unwrap();
            let beside = Beside { timeout: Duration::from_secs(2), egress: None, running: None };
            let (sender, _receiver) = mpsc::channel(1);
            let cancel = CancellationToken::new();
            let ran = runtime.block_on(run(&helper, &policy, beside, sender, &cancel)).unwrap();
            assert_eq!(ran.exit.outcome, Outcome::Exited(3));
            assert_eq!(ran.exit.put_aside.unfinished, is_unfinished);
            assert_eq!(ran.exit.put_aside.remarks().is_empty(), !is_unfinished);
        }
    }
}
