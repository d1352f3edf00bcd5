//! The caller's side: starts the helper, passes output on, and ends everything in time.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{ChildStderr, ChildStdout};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::policy::{HELPER_ARGUMENT, Policy, Report, Walls};
use crate::{Exit, Outcome, SandboxError};

/// How long the helper may take to end everything after its lifeline was cut, before it is killed itself (which ends
/// everything in the full tier at once).
const GRACE: Duration = Duration::from_secs(10);
/// How long a stopped command's last output waits for a slow taker.
const LAST_OUTPUT: Duration = Duration::from_secs(1);
/// The reports of one helper are a few hundred bytes.
const MAX_REPORT_BYTES: u64 = 64 * 1024;

/// A command that ran.
pub(crate) struct Run {
    pub exit: Exit,
    /// What held around it; absent if it was stopped before all walls stood.
    pub walls: Option<Walls>,
}

struct Counted {
    total: u64,
    dropped: u64,
}

pub(crate) async fn run(
    helper: &Path,
    policy: &Policy,
    timeout: Duration,
    output: mpsc::Sender<Vec<u8>>,
    cancel: &CancellationToken,
) -> Result<Run, SandboxError> {
    if cancel.is_cancelled() {
        let exit =
            Exit { outcome: Outcome::Cancelled, duration: Duration::ZERO, output_bytes: 0, dropped_bytes: 0 };
        return Ok(Run { exit, walls: None });
    }
    let mut policy_line = serde_json::to_vec(policy).map_err(|error| {
        SandboxError::Refused(format!("The command or its workspace cannot be passed on: {error}"))
    })?;
    policy_line.push(b'\n');

    let started = Instant::now();
    // The environment is cleared here and not in the helper: `/proc/<helper>/environ` keeps what a process started with.
    let mut child = tokio::process::Command::new(helper)
        // Commands can see this name, but need not know where the program lies.
        .arg0("okcvm-sandbox")
        .arg(HELPER_ARGUMENT)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(SandboxError::Spawn)?;
    let (Some(mut lifeline), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(SandboxError::Lost("its pipes are missing".to_owned()));
    };

    let stopping = CancellationToken::new();
    let streams = async {
        tokio::join!(pass_on(stdout, output, policy.limits.output_bytes, &stopping), read_reports(stderr))
    };
    tokio::pin!(streams);
    let stop = async {
        // A helper that dies early breaks this pipe; its reports say why.
        let written = lifeline.write_all(&policy_line).await;
        if let Err(error) = written {
            tracing::debug!(%error, "the sandbox helper did not take its policy");
        }
        tokio::select! {
            () = cancel.cancelled() => Outcome::Cancelled,
            () = tokio::time::sleep(timeout.saturating_sub(started.elapsed())) => Outcome::TimedOut,
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
    let mut outcome = stopped;
    for report in &reports.lines {
        match report {
            Report::Ready(found) => walls = Some(found.clone()),
            // A stop in the middle of the setting up may look like a failure of it.
            Report::Failed { .. } if stopped.is_some() => {}
            Report::Failed { step, message } => {
                return Err(SandboxError::SetUp { step: step.clone(), message: message.clone() });
            }
            Report::Exited { code } => outcome = outcome.or(Some(Outcome::Exited(*code))),
            Report::Signalled { signal } => outcome = outcome.or(Some(Outcome::Signalled(*signal))),
        }
    }
    let Some(outcome) = outcome else {
        return Err(SandboxError::Lost(format!("{status} {}", reports.other.trim()).trim().to_owned()));
    };
    let exit = Exit {
        outcome,
        duration: started.elapsed(),
        output_bytes: counted.total,
        dropped_bytes: counted.dropped,
    };
    Ok(Run { exit, walls })
}

/// Reads output until its end and passes on what the limit allows.
async fn pass_on(
    mut stdout: ChildStdout,
    output: mpsc::Sender<Vec<u8>>,
    limit: u64,
    stopping: &CancellationToken,
) -> Counted {
    let mut counted = Counted { total: 0, dropped: 0 };
    let mut buffer = vec![0_u8; 32 * 1024];
    loop {
        let count = match stdout.read(&mut buffer).await {
            Ok(0) | Err(_) => return counted,
            Ok(count) => count,
        };
        let room = limit.saturating_sub(counted.total);
        let passed = usize::try_from(room).map_or(count, |room| room.min(count));
        counted.total += count as u64;
        counted.dropped += (count - passed) as u64;
        if passed == 0 {
            continue;
        }
        let piece = buffer[..passed].to_vec();
        let sent = tokio::select! {
            biased;
            sent = output.send(piece.clone()) => sent.is_ok(),
            () = stopping.cancelled() => {
                matches!(tokio::time::timeout(LAST_OUTPUT, output.send(piece)).await, Ok(Ok(())))
            }
        };
        if !sent {
            counted.dropped += passed as u64;
        }
    }
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
