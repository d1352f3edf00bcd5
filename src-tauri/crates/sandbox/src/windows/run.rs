//! Runs a command to its end.

use std::fs::File;
use std::io;
use std::os::windows::io::OwnedHandle;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::access;
use super::job::{Job, JobUsage};
use super::job_limits::{Closed, JobLimits};
use super::launch::{Launch, Process, launch};
use super::machine;
use super::system::Sid;
use super::text::{self, SCRIPT, WINDOWS_FOLDER};
use super::token;
use crate::output::pass_on;
use crate::{Command, Exit, Limit, Limits, Outcome, Running, SandboxError};

/// Between two looks at whether the command has ended.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);
/// Between two looks at what it uses.
const LOOK: Duration = Duration::from_millis(50);
/// How long all of a job may take to end.
const GRACE: Duration = Duration::from_secs(10);
/// Before the number of the program that made a private folder.
pub(super) const PRIVATE_PREFIX: &str = "okcvm-shell-";
/// Variables that programs of the system need, taken over from this program.
const KEPT: &[&str] = &[
    "ComSpec",
    "NUMBER_OF_PROCESSORS",
    "OS",
    "PATHEXT",
    "PROCESSOR_ARCHITECTURE",
    "ProgramData",
    "ProgramFiles",
    "ProgramFiles(x86)",
    "ProgramW6432",
    "SystemDrive",
    "SystemRoot",
    "windir",
];

/// What holds around commands.
#[derive(Debug, Clone)]
pub(crate) struct Boundary {
    pub closed: Closed,
    /// Folders of programs, as commands find them.
    pub search_path: String,
    /// The system's own folder.
    pub windows: String,
}

impl Boundary {
    pub(super) fn of(closed: Closed) -> Self {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let windows = variable("SystemRoot").unwrap_or_else(|| WINDOWS_FOLDER.to_owned());
        let home = variable("USERPROFILE");
        let path = variable("PATH").unwrap_or_default();
        Self { closed, search_path: text::search_path(&path, home.as_deref(), &windows), windows }
    }
}

/// Folders of one command that are not its workspace, removed at the end.
#[derive(Debug)]
struct Private {
    root: PathBuf,
    home: PathBuf,
    temporary: PathBuf,
    script: PathBuf,
}

impl Private {
    fn new(script: &str) -> io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("{PRIVATE_PREFIX}{}-{count}", std::process::id()));
        // What an earlier program of that number left.
        let _ = std::fs::remove_dir_all(&root);
        std::fs::create_dir(&root)?;
        let private = Self {
            home: root.join("home"),
            temporary: root.join("tmp"),
            script: root.join("command.cmd"),
            root,
        };
        std::fs::create_dir(&private.home)?;
        std::fs::create_dir(&private.temporary)?;
        std::fs::write(&private.script, text::script_file(script))?;
        Ok(private)
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        // What is held open still is swept when the app looks for a sandbox next time.
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

/// A command that runs. Dropping it ends all of it, since its job goes first.
struct Started {
    job: Job,
    process: Process,
    _private: Private,
}

/// Runs it. The workspace is a resolved path.
pub(crate) async fn run(
    boundary: &Boundary,
    command: &Command,
    workspace: &Path,
    running: Option<&Running>,
    output: mpsc::Sender<Vec<u8>>,
    cancel: &CancellationToken,
) -> Result<Exit, SandboxError> {
    let begun = Instant::now();
    if cancel.is_cancelled() {
        let outcome = Outcome::Cancelled;
        let (duration, put_aside) = (Duration::ZERO, crate::PutAside::default());
        return Ok(Exit { outcome, duration, output_bytes: 0, dropped_bytes: 0, put_aside });
    }
    let folder = workspace.to_str().and_then(text::plain_path).ok_or_else(|| {
        SandboxError::Refused(format!(
            "Commands cannot run in {}: it is a folder of another machine, or its name is not text.",
            workspace.display()
        ))
    })?;
    let (started, reading) = {
        let (boundary, command, folder) = (boundary.clone(), command.clone(), folder.clone());
        // The first command of a large folder goes through all of it.
        tokio::task::spawn_blocking(move || start(&boundary, &command, &folder))
            .await
            .map_err(|error| SandboxError::Lost(error.to_string()))??
    };
    if let Some(running) = running {
        running.started(started.process.pid);
    }
    let (stopping, flooded) = (CancellationToken::new(), CancellationToken::new());
    let reading = tokio::fs::File::from_std(File::from(OwnedHandle::from(reading)));
    let stream = pass_on(reading, output, &command.limits, &stopping, &flooded);
    tokio::pin!(stream);
    let by_hand = async {
        match running {
            Some(running) => running.ended().cancelled().await,
            None => std::future::pending().await,
        }
    };
    let ended = async {
        tokio::select! {
            biased;
            outcome = watch(&started, &command.limits, workspace) => outcome,
            () = cancel.cancelled() => Ok(Outcome::Cancelled),
            () = tokio::time::sleep(command.timeout.saturating_sub(begun.elapsed())) => Ok(Outcome::TimedOut),
            () = by_hand => Ok(Outcome::EndedByHand),
            () = flooded.cancelled() => Ok(Outcome::Limited(Limit::Output)),
        }
    };
    tokio::pin!(ended);
    let mut counted = None;
    let outcome = loop {
        tokio::select! {
            biased;
            outcome = &mut ended => break outcome,
            // Output that is closed is no end: the command may go on without.
            all = &mut stream, if counted.is_none() => counted = Some(all),
        }
    };
    stopping.cancel();
    // Also what it left behind.
    let rest = end_all(&started.job).await;
    let outcome = outcome.map_err(|error| SandboxError::Lost(error.to_string()))?;
    rest.map_err(|error| SandboxError::Lost(format!("some processes did not end: {error}")))?;
    let counted = match counted {
        Some(counted) => counted,
        None => tokio::time::timeout(GRACE, stream)
            .await
            .map_err(|_| SandboxError::Lost("its output stayed open after its end".to_owned()))?,
    };
    Ok(Exit {
        outcome,
        duration: begun.elapsed(),
        output_bytes: counted.total,
        dropped_bytes: counted.dropped,
        put_aside: crate::PutAside::default(),
    })
}

fn start(
    boundary: &Boundary,
    command: &Command,
    folder: &str,
) -> Result<(Started, io::PipeReader), SandboxError> {
    let step = |step: &'static str| {
        move |error: io::Error| SandboxError::SetUp { step: step.to_owned(), message: error.to_string() }
    };
    let identity = text::identity(folder);
    let private = Private::new(&command.script).map_err(step("making private folders"))?;
    let sid = Sid::of(&identity).map_err(step("naming the workspace"))?;
    access::open(Path::new(folder), &sid).map_err(step("opening the workspace"))?;
    access::open(&private.root, &sid).map_err(step("opening private folders"))?;
    let token = token::restricted(boundary.closed, &identity).map_err(step("restricting the token"))?;
    let job = Job::new(&JobLimits::of(&command.limits, machine::memory())).map_err(step("making a job"))?;
    let environment = text::environment_block(&environment(boundary, command, folder, &private));
    let shell = format!(r"{}\System32\cmd.exe", boundary.windows);
    let launched = launch(&Launch {
        token: &token,
        job: &job,
        line: &text::shell_line(&shell),
        environment: &environment,
        folder,
    });
    let (process, reading) = launched.map_err(SandboxError::Spawn)?;
    Ok((Started { job, process, _private: private }, reading))
}

fn environment(
    boundary: &Boundary,
    command: &Command,
    folder: &str,
    private: &Private,
) -> Vec<(String, String)> {
    let mut variables: Vec<(String, String)> = KEPT
        .iter()
        .filter_map(|name| std::env::var(name).ok().map(|value| ((*name).to_owned(), value)))
        .collect();
    let home = private.home.to_string_lossy();
    let temporary = private.temporary.to_string_lossy();
    let script = private.script.to_string_lossy();
    let own = [
        ("PATH", boundary.search_path.as_str()),
        ("HOME", &home),
        ("USERPROFILE", &home),
        ("APPDATA", &home),
        ("LOCALAPPDATA", &home),
        ("TEMP", &temporary),
        ("TMP", &temporary),
        ("USERNAME", "agent"),
        ("USERDOMAIN", "okcvm"),
        ("OKCVM_WORKSPACE", folder),
        ("PYTHONUTF8", "1"),
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_TERMINAL_PROMPT", "0"),
        ("PAGER", "more"),
    ];
    variables.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
    variables.extend(command.env.iter().cloned());
    // Not to be replaced: it is what is run.
    variables.push((SCRIPT.to_owned(), script.into_owned()));
    variables
}

/// Waits until the shell ends or the job goes over a limit that does not end it by itself.
async fn watch(started: &Started, limits: &Limits, workspace: &Path) -> io::Result<Outcome> {
    let free_at_start = machine::disk(workspace).map(|(free, _)| free);
    let (mut pause, mut looked) = (FIRST_PAUSE, Instant::now());
    loop {
        if let Some(code) = started.process.ended()? {
            // The system ends a job whose time is over, and says no more of it than that.
            let is_over = started.job.usage()?.cpu >= limits.cpu_time;
            return Ok(if is_over { Outcome::Limited(Limit::CpuTime) } else { Outcome::Exited(code) });
        }
        if looked.elapsed() >= LOOK {
            looked = Instant::now();
            if let Some(limit) = over(started.job.usage()?, limits, workspace, free_at_start) {
                return Ok(Outcome::Limited(limit));
            }
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn over(usage: JobUsage, limits: &Limits, workspace: &Path, free_at_start: Option<u64>) -> Option<Limit> {
    if usage.cpu > limits.cpu_time {
        return Some(Limit::CpuTime);
    }
    // Only what has written much can have filled the disk.
    if usage.written > limits.disk_bytes / 2
        && let (Some(before), Some((now, _))) = (free_at_start, machine::disk(workspace))
        && before.saturating_sub(now) > limits.disk_bytes
    {
        return Some(Limit::Disk);
    }
    None
}

/// Ends a job and waits until nothing of it is left.
async fn end_all(job: &Job) -> io::Result<()> {
    let deadline = Instant::now() + GRACE;
    loop {
        if job.usage()?.processes == 0 {
            return Ok(());
        }
        job.end()?;
        if Instant::now() > deadline {
            return Err(io::ErrorKind::TimedOut.into());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
