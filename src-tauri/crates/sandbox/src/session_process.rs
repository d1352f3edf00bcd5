//! A program that stays: started once behind the same walls as a command, spoken to through one socket that is both its
//! input and its output, and ended with all that it started when it is dropped.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::{Entry, Limits, Outcome};
#[cfg(not(unix))]
use crate::{Sandbox, SandboxError};

/// Where a program finds its kept folder in the full tier; its real path else.
pub const KEPT_MOUNT: &str = "/run/session";

/// Whether a program may make local sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Sockets {
    /// None but pairs of connected local streams.
    None,
    /// Those among its own programs. Only in the full tier; none in the reduced.
    Own,
}

/// Whether a program may have a way out of its network, which is connected to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WayOut {
    /// None, and no network at all.
    None,
    /// By [`SessionProcess::listener`], at which whoever started it may answer. Needs the full tier.
    Listener,
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
    /// Files and folders, relative to the workspace, that it may read and not change. Only in the full tier.
    pub read_only: Vec<PathBuf>,
    /// Whether it may make local sockets.
    pub sockets: Sockets,
    /// Whether it may have a way out.
    pub way_out: WayOut,
    /// Where it is entered until it has ended.
    pub entry: Option<Entry>,
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
    /// Where its programs look for a proxy, on the loopback of its own network; present with [`WayOut::Listener`].
    pub listener: Option<std::net::TcpListener>,
    /// Its life.
    pub running: RunningProgram,
}

/// The life of a program. Dropping it ends the program and all that it started.
#[derive(Debug)]
pub struct RunningProgram {
    #[cfg(unix)]
    ending: tokio_util::sync::CancellationToken,
    #[cfg(unix)]
    ended: tokio::sync::watch::Receiver<Option<Ended>>,
    #[cfg(unix)]
    newcomers: std::sync::Arc<crate::newcomers::NewRepositories>,
}

/// How a program ended, once nothing of it is left.
#[cfg(unix)]
#[derive(Debug, Clone)]
struct Ended {
    outcome: Outcome,
    /// Why it could not be executed.
    trouble: Option<String>,
}

#[cfg(not(unix))]
impl Sandbox {
    /// Starts a program; on this system it never does.
    #[allow(clippy::unused_async, reason = "the same signature on every system")]
    pub async fn start(&self, _program: Program) -> Result<SessionProcess, SandboxError> {
        Err(SandboxError::Unavailable(self.can_start_programs().err().unwrap_or_default()))
    }
}

#[cfg(not(unix))]
impl RunningProgram {
    /// Begins to end it; on this system there is none.
    pub fn end(&self) {}

    /// How it ended; on this system there is none.
    pub fn outcome(&self) -> Option<Outcome> {
        None
    }

    /// Why it could not be executed; on this system there is none.
    pub fn trouble(&self) -> Option<String> {
        None
    }

    /// What it left for git to run; on this system there is nothing.
    #[allow(clippy::unused_async, reason = "the same signature on every system")]
    pub async fn look(&self, _since: std::time::SystemTime) -> crate::PutAside {
        crate::PutAside::default()
    }

    /// What came for git to run; on this system there is nothing.
    #[allow(clippy::unused_async, reason = "the same signature on every system")]
    pub async fn tell(&self, _since: std::time::SystemTime) -> crate::PutAside {
        crate::PutAside::default()
    }

    /// Waits for its end.
    #[allow(clippy::unused_async, reason = "the same signature on every system")]
    pub async fn wait(&mut self) -> Outcome {
        Outcome::Cancelled
    }
}

#[cfg(unix)]
mod unix {
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream as Pair;
    use std::path::Path;
    use std::process::Stdio;
    use std::time::{Duration, SystemTime};

    use tokio::io::{AsyncBufReadExt, AsyncWriteExt};
    use tokio::net::UnixStream;
    use tokio_util::sync::CancellationToken;

    use super::{Ended, Program, RunningProgram, SessionProcess, WayOut};
    use crate::newcomers::NewRepositories;
    use crate::policy::{HELPER_ARGUMENT, Network, Policy, ProgramPolicy, Report};
    use crate::watch::Watch;
    use crate::{Limit, Outcome, PutAside, Running, Sandbox, SandboxError};

    /// How long the walls may take on a busy machine.
    const SETTING_UP: Duration = Duration::from_secs(30);
    /// How long the helper may take to end everything before it is killed itself.
    const GRACE: Duration = Duration::from_secs(10);

    impl Sandbox {
        /// Starts a program and returns once all walls stand around it. Must be called within a tokio runtime, which
        /// watches over the program as long as it runs.
        pub async fn start(&self, mut program: Program) -> Result<SessionProcess, SandboxError> {
            if program.way_out == WayOut::Listener {
                self.can_have_network().map_err(SandboxError::Refused)?;
            }
            let entry = program.entry.take();
            let mut policy = self.program_policy(program)?;
            let entered = entry.map(|entry| entry.processes.enter(entry.owner, entry.title));
            if let Some(entered) = &entered {
                policy.mark = entered.mark();
            }
            let mut line = serde_json::to_vec(&policy).map_err(|error| {
                SandboxError::Refused(format!("The program or its workspace cannot be passed on: {error}"))
            })?;
            line.push(b'\n');
            let (workspace, made) = (policy.workspace.clone(), self.made.clone());
            let newcomers = tokio::task::spawn_blocking(move || NewRepositories::since_now(&workspace, made));
            let newcomers = newcomers.await.map_err(|error| SandboxError::Lost(error.to_string()))?;
            let (ours, theirs) = pair()?;
            let (mut lifeline, their_lifeline) = pair()?;
            let mut child = tokio::process::Command::new(&self.inner.helper)
                .arg0("okcvm-sandbox")
                .arg(HELPER_ARGUMENT)
                .env_clear()
                .current_dir("/")
                .stdin(Stdio::from(their_lifeline))
                .stdout(Stdio::from(theirs))
                .stderr(Stdio::piped())
                .kill_on_drop(true)
                .spawn()
                .map_err(SandboxError::Spawn)?;
            let (Some(stderr), Some(pid)) = (child.stderr.take(), child.id()) else {
                return Err(SandboxError::Lost("its pipes are missing".to_owned()));
            };
            if let Some(entered) = &entered {
                entered.started(pid);
            }
            if let Err(error) = lifeline.write_all(&line).await {
                tracing::debug!(%error, "the sandbox helper did not take its policy");
            }
            let mut reports = tokio::io::BufReader::new(stderr).lines();
            let late = |_| SandboxError::Lost("the walls did not stand in time".to_owned());
            tokio::time::timeout(SETTING_UP, until_ready(&mut reports)).await.map_err(late)??;
            let listener = match policy.network {
                Network::None => None,
                // It was sent before the walls stood.
                Network::Proxy => {
                    let taken = tokio::time::timeout(SETTING_UP, crate::run::listener(&lifeline));
                    Some(taken.await.map_err(late)?.map_err(SandboxError::Spawn)?)
                }
            };
            let watch = Watch::new(&policy.limits, &policy.workspace).for_long();
            let ending = CancellationToken::new();
            let (tell, ended) = tokio::sync::watch::channel(None);
            let watched = Life { child, pid, lifeline, reports, entered, watch, ending: ending.clone() };
            tokio::spawn(async move {
                let end = watched.until_the_end().await;
                tell.send_replace(Some(end));
            });
            let (output, input) = ours.into_split();
            let running = RunningProgram { ending, ended, newcomers: std::sync::Arc::new(newcomers) };
            Ok(SessionProcess { input, output, listener, running })
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
            let mut readable = self.readable(&workspace)?;
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
                read_only: program.read_only,
                made: Vec::new(),
                readable,
                search_path,
                network: match program.way_out {
                    WayOut::None => Network::None,
                    WayOut::Listener => Network::Proxy,
                },
                mark: crate::registry::new_mark(),
                program: Some(ProgramPolicy {
                    path: program.path,
                    arguments: program.arguments,
                    sockets: program.sockets,
                    kept_folder,
                }),
            })
        }
    }

    fn pair() -> Result<(UnixStream, OwnedFd), SandboxError> {
        let (ours, theirs) = Pair::pair().map_err(SandboxError::Spawn)?;
        ours.set_nonblocking(true).map_err(SandboxError::Spawn)?;
        Ok((UnixStream::from_std(ours).map_err(SandboxError::Spawn)?, OwnedFd::from(theirs)))
    }

    type Reports = tokio::io::Lines<tokio::io::BufReader<tokio::process::ChildStderr>>;

    async fn until_ready(reports: &mut Reports) -> Result<(), SandboxError> {
        let mut other = String::new();
        while let Ok(Some(line)) = reports.next_line().await {
            match serde_json::from_str(&line) {
                Ok(Report::Ready(_)) => return Ok(()),
                Ok(Report::Failed { step, message }) => return Err(SandboxError::SetUp { step, message }),
                Ok(
                    Report::Exited { .. }
                    | Report::Signalled { .. }
                    | Report::PutAside(_)
                    | Report::Made { .. },
                )
                | Err(_) => {
                    other.push_str(&line);
                    other.push(' ');
                }
            }
        }
        Err(SandboxError::Lost(other.trim().to_owned()))
    }

    /// What belongs to a program as long as it runs.
    struct Life {
        child: tokio::process::Child,
        pid: u32,
        /// Closing it ends everything.
        lifeline: UnixStream,
        reports: Reports,
        /// Entered until nothing is left.
        entered: Option<Running>,
        watch: Watch,
        ending: CancellationToken,
    }

    impl Life {
        /// Waits for the end, or brings it about, until nothing is left.
        async fn until_the_end(mut self) -> Ended {
            let mut reports = self.reports;
            let reading = async move {
                let (mut told, mut trouble) = (None, None);
                while let Ok(Some(line)) = reports.next_line().await {
                    match serde_json::from_str(&line) {
                        Ok(Report::Exited { code }) => told = Some(Outcome::Exited(code)),
                        Ok(Report::Signalled { signal }) => told = Some(Outcome::Signalled(signal)),
                        Ok(Report::Failed { step, message }) => {
                            tracing::warn!(step, message, "the sandbox of a program broke off");
                            trouble = Some(format!("{step}: {message}"));
                        }
                        Ok(Report::Ready(_) | Report::PutAside(_) | Report::Made { .. }) | Err(_) => {}
                    }
                }
                (told, trouble)
            };
            tokio::pin!(reading);
            let by_hand = async {
                match &self.entered {
                    Some(entered) => entered.ended().cancelled().await,
                    None => std::future::pending().await,
                }
            };
            let (read, stopped) = tokio::select! {
                biased;
                read = &mut reading => (Some(read), None),
                () = self.ending.cancelled() => (None, Some(Outcome::Cancelled)),
                () = by_hand => (None, Some(Outcome::EndedByHand)),
                limit = self.watch.until_over(self.pid) => (None, Some(Outcome::Limited(limit))),
            };
            drop(self.lifeline);
            let read = match read {
                Some(read) => Some(read),
                None => tokio::time::timeout(GRACE, reading).await.ok(),
            };
            let (told, trouble) = read.unwrap_or_else(|| {
                tracing::warn!("the sandbox helper did not end in time and is killed");
                let _ = self.child.start_kill();
                (None, None)
            });
            // Its code says only whether it did its work.
            let _ = self.child.wait().await;
            let mut outcome = stopped.or(told).unwrap_or(Outcome::Cancelled);
            if self.watch.ran_out() && matches!(outcome, Outcome::Exited(_) | Outcome::Signalled(_)) {
                outcome = Outcome::Limited(Limit::Memory);
            }
            Ended { outcome, trouble }
        }
    }

    impl Drop for RunningProgram {
        fn drop(&mut self) {
            self.ending.cancel();
        }
    }

    impl RunningProgram {
        /// Begins to end it, with all that it started. [`RunningProgram::wait`] tells when nothing is left.
        pub fn end(&self) {
            self.ending.cancel();
        }

        /// Puts aside what was left for git to run since that moment in repositories that came since it was started, and
        /// tells it; also after its end. Goes through the folders of the workspace.
        pub async fn look(&self, since: SystemTime) -> PutAside {
            self.looked(move |newcomers| newcomers.look(since)).await
        }

        /// Tells what came since that moment for git to run, by the program or by the user, and leaves it in its place;
        /// otherwise as [`RunningProgram::look`].
        pub async fn tell(&self, since: SystemTime) -> PutAside {
            self.looked(move |newcomers| newcomers.tell(since)).await
        }

        async fn looked(&self, look: impl FnOnce(&NewRepositories) -> PutAside + Send + 'static) -> PutAside {
            let newcomers = std::sync::Arc::clone(&self.newcomers);
            let looked = tokio::task::spawn_blocking(move || look(&newcomers)).await;
            looked.unwrap_or_else(|_| PutAside { unfinished: true, ..PutAside::default() })
        }

        /// Waits until it has ended and nothing of it is left. May be dropped and called again.
        pub async fn wait(&mut self) -> Outcome {
            let ended = self.ended.wait_for(Option::is_some).await;
            ended
                .ok()
                .and_then(|ended| ended.as_ref().map(|ended| ended.outcome))
                .unwrap_or(Outcome::Cancelled)
        }

        /// How it ended, if it has.
        pub fn outcome(&self) -> Option<Outcome> {
            self.ended.borrow().as_ref().map(|ended| ended.outcome)
        }

        /// Why it could not be executed, if it has ended by that.
        pub fn trouble(&self) -> Option<String> {
            self.ended.borrow().as_ref().and_then(|ended| ended.trouble.clone())
        }
    }
}
