//! A program that stays: started once behind the same walls as a command, spoken to through one socket that is both its
//! input and its output, and ended with all that it started when it is dropped.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Limits, Outcome};
#[cfg(not(target_os = "linux"))]
use crate::{Sandbox, SandboxError};

/// Where a program finds its kept folder in the full tier; its real path else.
pub const KEPT_MOUNT: &str = "/run/session";

/// Whether a program may make sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Sockets {
    /// None but pairs of connected local streams.
    None,
    /// Local ones, and those of its own network, in which there is nobody. Only in the full tier; none in the reduced.
    Own,
}

/// What to start.
#[derive(Debug, Clone)]
pub struct Program {
    /// Absolute path of the program, as seen inside.
    pub path: PathBuf,
    /// Its arguments; each at most 120,000 bytes.
    pub arguments: Vec<String>,
    /// The folder it starts in and may write to. Must exist.
    pub workspace: PathBuf,
    /// Variables on top of the fixed environment.
    pub env: Vec<(String, String)>,
    /// Folders of programs that come first in its search path.
    pub search_first: Vec<PathBuf>,
    /// What it may use. The bound on output is the caller's business here.
    pub limits: Limits,
    /// What it may read besides the system's folders: absolute paths, seen under the same paths inside.
    pub readable: Vec<PathBuf>,
    /// A folder that it may write besides the workspace, seen as [`KEPT_MOUNT`]. Must exist.
    pub kept_folder: Option<PathBuf>,
    /// Whether it may make sockets.
    pub sockets: Sockets,
}

/// A program that runs: what it reads, what it writes, and itself.
#[derive(Debug)]
pub struct SessionProcess {
    /// What it reads.
    #[cfg(unix)]
    pub input: tokio::net::unix::OwnedWriteHalf,
    /// What it writes, standard error included until it is turned elsewhere.
    #[cfg(unix)]
    pub output: tokio::net::unix::OwnedReadHalf,
    /// Its life.
    pub running: RunningProgram,
}

/// The life of a program. Dropping it ends the program and all that it started.
#[derive(Debug)]
pub struct RunningProgram {
    #[cfg(target_os = "linux")]
    child: tokio::process::Child,
    /// Closing it ends everything.
    #[cfg(target_os = "linux")]
    lifeline: Option<tokio::process::ChildStdin>,
    #[cfg(target_os = "linux")]
    reports: tokio::io::Lines<tokio::io::BufReader<tokio::process::ChildStderr>>,
    outcome: Option<Outcome>,
    trouble: Option<String>,
}

impl RunningProgram {
    /// How it ended, if [`RunningProgram::wait`] has told so.
    pub fn outcome(&self) -> Option<Outcome> {
        self.outcome
    }

    /// Why it could not be executed, if [`RunningProgram::wait`] has told so.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }
}

#[cfg(not(target_os = "linux"))]
impl Sandbox {
    /// Starts a program; on this system it never does.
    #[allow(clippy::unused_async, reason = "the same signature on every system")]
    pub async fn start(&self, _program: Program) -> Result<SessionProcess, SandboxError> {
        Err(SandboxError::Unavailable(self.available().err().unwrap_or_default()))
    }
}

#[cfg(not(target_os = "linux"))]
impl RunningProgram {
    /// Begins to end it; on this system there is none.
    pub fn end(&mut self) {}

    /// Waits for its end.
    #[allow(clippy::unused_async, reason = "the same signature on every system")]
    pub async fn wait(&mut self) -> Outcome {
        Outcome::Cancelled
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::os::fd::OwnedFd;
    use std::path::Path;
    use std::process::Stdio;
    use std::time::Duration;

    use tokio::io::{AsyncBufReadExt, AsyncWriteExt};

    use super::{Program, RunningProgram, SessionProcess};
    use crate::policy::{HELPER_ARGUMENT, Policy, ProgramPolicy, Report};
    use crate::{Outcome, Sandbox, SandboxError};

    /// How long the walls may take on a busy machine.
    const SETTING_UP: Duration = Duration::from_secs(30);
    /// How long the helper may take to end everything before it is killed itself.
    const GRACE: Duration = Duration::from_secs(10);

    impl Sandbox {
        /// Starts a program and returns once all walls stand around it.
        pub async fn start(&self, program: Program) -> Result<SessionProcess, SandboxError> {
            let policy = self.program_policy(program)?;
            let mut line = serde_json::to_vec(&policy).map_err(|error| {
                SandboxError::Refused(format!("The program or its workspace cannot be passed on: {error}"))
            })?;
            line.push(b'\n');
            let (ours, theirs) = std::os::unix::net::UnixStream::pair().map_err(SandboxError::Spawn)?;
            ours.set_nonblocking(true).map_err(SandboxError::Spawn)?;
            let ours = tokio::net::UnixStream::from_std(ours).map_err(SandboxError::Spawn)?;
            let mut child = tokio::process::Command::new(&self.inner.helper)
                .arg0("okcvm-sandbox")
                .arg(HELPER_ARGUMENT)
                .env_clear()
                .current_dir("/")
                .stdin(Stdio::piped())
                .stdout(Stdio::from(OwnedFd::from(theirs)))
                .stderr(Stdio::piped())
                .kill_on_drop(true)
                .spawn()
                .map_err(SandboxError::Spawn)?;
            let (Some(mut lifeline), Some(stderr)) = (child.stdin.take(), child.stderr.take()) else {
                return Err(SandboxError::Lost("its pipes are missing".to_owned()));
            };
            if let Err(error) = lifeline.write_all(&line).await {
                tracing::debug!(%error, "the sandbox helper did not take its policy");
            }
            let mut reports = tokio::io::BufReader::new(stderr).lines();
            tokio::time::timeout(SETTING_UP, until_ready(&mut reports))
                .await
                .map_err(|_| SandboxError::Lost("the walls did not stand in time".to_owned()))??;
            let (output, input) = ours.into_split();
            let running =
                RunningProgram { child, lifeline: Some(lifeline), reports, outcome: None, trouble: None };
            Ok(SessionProcess { input, output, running })
        }

        fn program_policy(&self, program: Program) -> Result<Policy, SandboxError> {
            let tier = self.inner.tier.clone().map_err(SandboxError::Unavailable)?;
            let real = |path: &Path| {
                path.canonicalize().map_err(|error| {
                    SandboxError::Refused(format!("The folder {} is not there: {error}", path.display()))
                })
            };
            let workspace = real(&program.workspace)?;
            let kept_folder = program.kept_folder.as_deref().map(real).transpose()?;
            let mut readable = self.inner.roots.readable_from(&workspace);
            for path in program.readable {
                // A folder that holds the workspace holds more than is meant.
                if path.is_absolute() && !workspace.starts_with(&path) {
                    readable.push(path);
                }
            }
            let mut search_path = String::new();
            for folder in program.search_first.iter().filter_map(|folder| folder.to_str()) {
                search_path.push_str(folder);
                search_path.push(':');
            }
            search_path.push_str(&self.inner.roots.search_path);
            Ok(Policy {
                tier,
                script: String::new(),
                workspace,
                environment: program.env,
                limits: program.limits,
                readable,
                search_path,
                program: Some(ProgramPolicy {
                    path: program.path,
                    arguments: program.arguments,
                    sockets: program.sockets,
                    kept_folder,
                }),
            })
        }
    }

    type Reports = tokio::io::Lines<tokio::io::BufReader<tokio::process::ChildStderr>>;

    async fn until_ready(reports: &mut Reports) -> Result<(), SandboxError> {
        let mut other = String::new();
        while let Ok(Some(line)) = reports.next_line().await {
            match serde_json::from_str(&line) {
                Ok(Report::Ready(_)) => return Ok(()),
                Ok(Report::Failed { step, message }) => return Err(SandboxError::SetUp { step, message }),
                Ok(Report::Exited { .. } | Report::Signalled { .. }) | Err(_) => {
                    other.push_str(&line);
                    other.push(' ');
                }
            }
        }
        Err(SandboxError::Lost(other.trim().to_owned()))
    }

    impl RunningProgram {
        /// Begins to end it, with all that it started. [`RunningProgram::wait`] tells when nothing is left.
        pub fn end(&mut self) {
            self.lifeline = None;
        }

        /// Waits until it has ended and nothing of it is left. May be dropped and called again.
        pub async fn wait(&mut self) -> Outcome {
            if let Some(outcome) = self.outcome {
                return outcome;
            }
            let mut told = None;
            let reading = async {
                while let Ok(Some(line)) = self.reports.next_line().await {
                    match serde_json::from_str(&line) {
                        Ok(Report::Exited { code }) => told = Some(Outcome::Exited(code)),
                        Ok(Report::Signalled { signal }) => told = Some(Outcome::Signalled(signal)),
                        Ok(Report::Failed { step, message }) => {
                            tracing::warn!(step, message, "the sandbox of a program broke off");
                            self.trouble = Some(format!("{step}: {message}"));
                        }
                        Ok(Report::Ready(_)) | Err(_) => {}
                    }
                }
            };
            if self.lifeline.is_some() {
                reading.await;
            } else if tokio::time::timeout(GRACE, reading).await.is_err() {
                tracing::warn!("the sandbox helper did not end in time and is killed");
                let _ = self.child.start_kill();
            }
            // Its code says only whether it did its work.
            let _ = self.child.wait().await;
            let outcome = told.unwrap_or(Outcome::Cancelled);
            self.outcome = Some(outcome);
            outcome
        }
    }
}
