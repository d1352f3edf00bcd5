//! The sandbox as its callers see it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use okcvm_protocol::SandboxStatus;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{Command, Exit, SandboxError, Tier};

/// Where a command finds its workspace in the full tier.
pub const WORKSPACE_MOUNT: &str = "/mnt/okcomputer";

/// The longest script that fits into one argument of a program (Linux allows 131,072 bytes with the end mark).
const MAX_SCRIPT_BYTES: usize = 120_000;
/// The strongest tier that there is on this system.
pub(crate) const STRONGEST: Tier = if cfg!(target_os = "linux") { Tier::Full } else { Tier::Reduced };

/// Turns this process into the helper of a sandbox if it was started as one; then it never returns. Must be the first
/// line of `main` of every program whose path is given to [`Sandbox::probe`], before any thread is started.
pub fn run_helper_if_asked() {
    #[cfg(unix)]
    {
        #[cfg(target_os = "linux")]
        use crate::linux::helper_main;
        #[cfg(target_os = "macos")]
        use crate::macos::helper_main;
        let mut arguments = std::env::args_os().skip(1);
        if arguments.next().is_some_and(|first| first == crate::policy::HELPER_ARGUMENT)
            && arguments.next().is_none()
        {
            std::process::exit(helper_main());
        }
    }
}

/// Runs commands behind the strongest boundary that this system gives. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sandbox {
    pub(crate) inner: Arc<Inner>,
    #[cfg_attr(windows, allow(dead_code, reason = "a token hides no folder that its user may read"))]
    pub(crate) workspaces: Workspaces,
    #[cfg(unix)]
    pub(crate) made: crate::newcomers::Made,
}

/// The workspaces of all sessions, asked for anew at every start.
#[derive(Clone, Default)]
pub(crate) struct Workspaces(
    #[cfg_attr(windows, allow(dead_code, reason = "a token hides no folder that its user may read"))]
    Option<Arc<ListWorkspaces>>,
);

type ListWorkspaces = dyn Fn() -> Result<Vec<PathBuf>, String> + Send + Sync;

impl std::fmt::Debug for Workspaces {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Workspaces")
    }
}

#[derive(Debug)]
pub(crate) struct Inner {
    /// The program to execute as helper.
    #[cfg_attr(windows, allow(dead_code, reason = "there is no helper there"))]
    pub helper: PathBuf,
    /// The tier that holds, or why none does.
    pub tier: Result<Tier, String>,
    pub status: SandboxStatus,
    #[cfg(unix)]
    pub roots: crate::roots::Roots,
    /// Present if a tier holds.
    #[cfg(windows)]
    pub boundary: Option<crate::windows::Boundary>,
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
            if sandbox.tier() == Some(STRONGEST) {
                return sandbox;
            }
        }
        Self::probe(program)
    }

    /// The same, with a folder that no command may read: system folders that hold it are closed. Where one that every
    /// command needs holds it, no command runs.
    #[must_use]
    pub fn hiding(self, private: &Path) -> Self {
        #[cfg(unix)]
        if self.inner.tier.is_ok() {
            let closed = self.inner.roots.clone().without(private);
            let status = self.inner.status.clone();
            let (tier, status, roots) = match closed {
                Ok(roots) => (self.inner.tier.clone(), status, roots),
                Err(root) => {
                    let reason = format!(
                        "{} lies in {}, which every command can read",
                        private.display(),
                        root.display()
                    );
                    let layer = okcvm_protocol::Check {
                        name: "Private folder".to_owned(),
                        status: okcvm_protocol::CheckStatus::Failed,
                        message: format!("Not hidden: {reason}."),
                        hint: Some("Set OKCVM_HOME to a folder elsewhere.".to_owned()),
                    };
                    let mode = "None: commands do not run.".to_owned();
                    let status = SandboxStatus { available: false, mode, layers: vec![layer] };
                    (Err(reason), status, self.inner.roots.clone())
                }
            };
            let inner = Arc::new(Inner { helper: self.inner.helper.clone(), tier, status, roots });
            return Self { inner, ..self };
        }
        #[cfg(windows)]
        let _ = private;
        self
    }

    /// The same, with the workspaces of all sessions, as real paths: none of them is read by a command in another, where
    /// it lies in a folder of programs that commands may read otherwise. Asked at every start; where the answer is an
    /// error, nothing starts.
    #[must_use]
    pub fn hiding_workspaces(
        self,
        list: impl Fn() -> Result<Vec<PathBuf>, String> + Send + Sync + 'static,
    ) -> Self {
        Self { workspaces: Workspaces(Some(Arc::new(list))), ..self }
    }

    /// What commands in that workspace may read besides it; not all of it need be there.
    #[cfg(unix)]
    pub fn readable(&self, workspace: &Path) -> Result<Vec<PathBuf>, SandboxError> {
        let others = match &self.workspaces.0 {
            Some(list) => list().map_err(|reason| {
                SandboxError::Unavailable(format!("the workspaces of other sessions are not known: {reason}"))
            })?,
            None => Vec::new(),
        };
        Ok(self.inner.roots.readable_from(workspace, &others))
    }

    /// As [`Sandbox::probe`], but never with a stronger tier than this one.
    pub fn probe_at_most(helper: PathBuf, strongest: Tier) -> Self {
        #[cfg(unix)]
        return crate::probe::probe(helper, strongest);
        #[cfg(windows)]
        {
            // There is but one.
            let _ = strongest;
            crate::windows::probe(helper)
        }
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

    /// Whether a command can be given an [`crate::Egress`]; if not, why.
    pub fn can_have_network(&self) -> Result<(), String> {
        match self.tier() {
            Some(Tier::Full) => Ok(()),
            // The profile opens the way to the proxy alone.
            Some(Tier::Reduced) if cfg!(target_os = "macos") => Ok(()),
            Some(Tier::Reduced) if cfg!(windows) => {
                Err("nothing here keeps commands from the network, so hosts cannot be told apart".to_owned())
            }
            Some(Tier::Reduced) => {
                Err("the reduced sandbox has no network of its own in which hosts could be told \
                                        apart, so commands reach nobody"
                    .to_owned())
            }
            None => Err("commands do not run here".to_owned()),
        }
    }

    /// Whether programs that stay can be started; if not, why.
    pub fn can_start_programs(&self) -> Result<(), String> {
        self.available()?;
        if cfg!(windows) {
            return Err(
                "programs that stay, such as Python kernels, are not run behind the boundary of Windows yet"
                    .to_owned(),
            );
        }
        Ok(())
    }

    /// Whether the boundary keeps commands from the network. Where it does not, every command may send.
    pub fn holds_network(&self) -> bool {
        !cfg!(windows)
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
    pub async fn run(
        &self,
        mut command: Command,
        output: mpsc::Sender<Vec<u8>>,
        cancel: &CancellationToken,
    ) -> Result<Exit, SandboxError> {
        let tier = self.inner.tier.clone().map_err(SandboxError::Unavailable)?;
        let workspace = checked(&command)?;
        if command.egress.is_some() {
            self.can_have_network().map_err(SandboxError::Refused)?;
        }
        let running = command.entry.take().map(|entry| entry.processes.enter(entry.owner, entry.title));
        #[cfg(unix)]
        return self.run_in(tier, command, workspace, running, output, cancel).await;
        #[cfg(windows)]
        {
            let Some(boundary) = &self.inner.boundary else {
                return Err(SandboxError::Unavailable(format!("the {tier:?} tier has no boundary")));
            };
            crate::windows::run(boundary, &command, &workspace, running.as_ref(), output, cancel).await
        }
    }

    #[cfg(unix)]
    async fn run_in(
        &self,
        tier: Tier,
        command: Command,
        workspace: PathBuf,
        running: Option<crate::Running>,
        output: mpsc::Sender<Vec<u8>>,
        cancel: &CancellationToken,
    ) -> Result<Exit, SandboxError> {
        let readable = self.readable(&workspace)?;
        let policy = crate::policy::Policy {
            network: match command.egress {
                Some(_) => crate::policy::Network::Proxy,
                None => crate::policy::Network::None,
            },
            mark: running.as_ref().map_or_else(crate::registry::new_mark, crate::Running::mark),
            tier,
            script: command.script,
            environment: command.env,
            limits: command.limits,
            read_only: command.read_only,
            made: self.made.of(&workspace),
            workspace,
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
        self.made.note(&policy.workspace, &run.made);
        Ok(run.exit)
    }
}

/// The real path of the workspace of a command that can be passed on.
fn checked(command: &Command) -> Result<PathBuf, SandboxError> {
    if command.script.len() > MAX_SCRIPT_BYTES {
        return Err(SandboxError::Refused(format!(
            "The command has {} bytes; at most {MAX_SCRIPT_BYTES} fit. Write it to a file in the workspace and run that \
             file.",
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
    command.workspace.canonicalize().map_err(|error| {
        SandboxError::Refused(format!("The workspace {} is not there: {error}", command.workspace.display()))
    })
}
