//! The sandbox as its callers see it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use okcvm_protocol::SandboxStatus;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{Command, Exit, SandboxError, Tier};

/// Where a command finds its workspace in the full tier.
pub const WORKSPACE_MOUNT: &str = "/mnt/okcomputer";

/// The longest script that fits into one argument of a program (the kernel allows 131,072 bytes with the end mark).
#[cfg(target_os = "linux")]
const MAX_SCRIPT_BYTES: usize = 120_000;

/// Turns this process into the helper of a sandbox if it was started as one; then it never returns. Must be the first
/// line of `main` of every program whose path is given to [`Sandbox::probe`], before any thread is started.
pub fn run_helper_if_asked() {
    #[cfg(target_os = "linux")]
    {
        let mut arguments = std::env::args_os().skip(1);
        if arguments.next().is_some_and(|first| first == crate::policy::HELPER_ARGUMENT)
            && arguments.next().is_none()
        {
            std::process::exit(crate::linux::helper_main());
        }
    }
}

/// Runs commands behind the strongest boundary that this system gives. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sandbox {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    /// The program to execute as helper.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "nothing is executed there"))]
    pub helper: PathBuf,
    /// The tier that holds, or why none does.
    pub tier: Result<Tier, String>,
    pub status: SandboxStatus,
    #[cfg(target_os = "linux")]
    pub roots: crate::roots::Roots,
}

impl Sandbox {
    /// Finds the strongest tier by running a command in each, the strongest first. `helper` is the program to
    /// execute, usually the running one. Blocks for some tens of milliseconds.
    pub fn probe(helper: PathBuf) -> Self {
        Self::probe_at_most(helper, Tier::Full)
    }

    /// As [`Sandbox::probe`] with the small helper that stands beside a program, which starts in less time than the
    /// program itself; with the program where that helper is missing, of another build, or gives less.
    pub fn probe_beside(program: PathBuf) -> Self {
        let small = program.with_file_name(format!("okcvm-sandbox-helper{}", std::env::consts::EXE_SUFFIX));
        if small != program && small.is_file() {
            let sandbox = Self::probe(small);
            if sandbox.tier() == Some(Tier::Full) {
                return sandbox;
            }
        }
        Self::probe(program)
    }

    /// As [`Sandbox::probe`], but never with a stronger tier than this one.
    #[cfg(target_os = "linux")]
    pub fn probe_at_most(helper: PathBuf, strongest: Tier) -> Self {
        crate::probe::probe(helper, strongest)
    }

    /// As [`Sandbox::probe`], but never with a stronger tier than this one.
    #[cfg(not(target_os = "linux"))]
    pub fn probe_at_most(helper: PathBuf, _strongest: Tier) -> Self {
        let reason = match std::env::consts::OS {
            "macos" => "the seatbelt profile for macOS is written, but has not been run on a Mac yet",
            "windows" => {
                "the job object and token for Windows are written down, but have not been used there yet"
            }
            _ => "a boundary for commands is not available on this system yet",
        }
        .to_owned();
        let status = SandboxStatus {
            available: false,
            mode: format!("None: {reason}."),
            layers: vec![okcvm_protocol::Check {
                name: "Boundary".to_owned(),
                status: okcvm_protocol::CheckStatus::Failed,
                message: reason.clone(),
                hint: Some("Use Linux for tools that run commands.".to_owned()),
            }],
        };
        Self { inner: Arc::new(Inner { helper, tier: Err(reason), status }) }
    }

    /// What holds and what does not, for people.
    pub fn status(&self) -> SandboxStatus {
        self.inner.status.clone()
    }

    /// Whether commands may run; if not, why.
    pub fn available(&self) -> Result<(), String> {
        self.inner.tier.clone().map(|_| ())
    }

    /// The tier that commands run in; `None` if they do not run.
    pub fn tier(&self) -> Option<Tier> {
        self.inner.tier.as_ref().ok().copied()
    }

    /// What commands in that workspace may read besides it; not all of it need be there.
    #[cfg(target_os = "linux")]
    pub fn readable(&self, workspace: &Path) -> Vec<PathBuf> {
        self.inner.roots.readable_from(workspace)
    }

    /// Whether a command can be given an [`crate::Egress`]; if not, why.
    pub fn can_have_network(&self) -> Result<(), String> {
        match self.tier() {
            Some(Tier::Full) => Ok(()),
            Some(Tier::Reduced) => {
                Err("the reduced sandbox has no network of its own in which hosts could be told \
                                        apart, so commands reach nobody"
                    .to_owned())
            }
            None => Err("commands do not run here".to_owned()),
        }
    }

    /// The path under which a command sees its workspace: [`WORKSPACE_MOUNT`] in the full tier, its real path else.
    pub fn path_inside(&self, workspace: &Path) -> PathBuf {
        match self.tier() {
            Some(Tier::Full) => PathBuf::from(WORKSPACE_MOUNT),
            Some(Tier::Reduced) | None => workspace.to_owned(),
        }
    }

    /// Runs a command to its end and passes on its output (standard output and error in the order of their writing)
    /// as it comes; a slow taker slows the command down. When it returns, or when the future is dropped, every
    /// process of the command is ended.
    #[cfg(target_os = "linux")]
    pub async fn run(
        &self,
        command: Command,
        output: mpsc::Sender<Vec<u8>>,
        cancel: &CancellationToken,
    ) -> Result<Exit, SandboxError> {
        let tier = self.inner.tier.clone().map_err(SandboxError::Unavailable)?;
        if command.script.len() > MAX_SCRIPT_BYTES {
            return Err(SandboxError::Refused(format!(
                "The command has {} bytes; at most {MAX_SCRIPT_BYTES} fit. Write it to a file in the workspace and run \
                 that file.",
                command.script.len()
            )));
        }
        if command.script.contains('\0') {
            return Err(SandboxError::Refused("The command contains a NUL byte.".to_owned()));
        }
        if let Some((name, _)) = command
            .env
            .iter()
            .find(|(name, value)| name.is_empty() || name.contains(['=', '\0']) || value.contains('\0'))
        {
            return Err(SandboxError::Refused(format!("The environment variable {name:?} cannot be set.")));
        }
        let workspace = command.workspace.canonicalize().map_err(|error| {
            SandboxError::Refused(format!(
                "The workspace {} is not there: {error}",
                command.workspace.display()
            ))
        })?;
        let readable = self.inner.roots.readable_from(&workspace);
        if command.egress.is_some() {
            self.can_have_network().map_err(SandboxError::Refused)?;
        }
        let running = command.entry.map(|entry| entry.processes.enter(entry.owner, entry.title));
        let policy = crate::policy::Policy {
            network: match command.egress {
                Some(_) => crate::policy::Network::Proxy,
                None => crate::policy::Network::None,
            },
            mark: running.as_ref().map_or_else(crate::registry::new_mark, crate::Running::mark),
            tier,
            script: command.script,
            workspace,
            environment: command.env,
            limits: command.limits,
            readable,
            search_path: self.inner.roots.search_path.clone(),
            program: None,
        };
        let beside = crate::run::Beside {
            timeout: command.timeout,
            egress: command.egress.as_ref(),
            running: running.as_ref(),
        };
        let run = crate::run::run(&self.inner.helper, &policy, beside, output, cancel).await?;
        Ok(run.exit)
    }

    /// Runs a command; on this system it never does.
    #[cfg(not(target_os = "linux"))]
    #[allow(clippy::unused_async, reason = "the same signature on every system")]
    pub async fn run(
        &self,
        _command: Command,
        _output: mpsc::Sender<Vec<u8>>,
        _cancel: &CancellationToken,
    ) -> Result<Exit, SandboxError> {
        Err(SandboxError::Unavailable(self.inner.tier.clone().err().unwrap_or_default()))
    }
}
