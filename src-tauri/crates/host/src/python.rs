//! The Python environment as the window and the command line see it.

use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use okcvm_protocol::{
    AppError, AppEvent, Check, CheckStatus, PythonKernel, PythonRenewal, PythonState, PythonStatus,
};
use okcvm_python::{EnvironmentError, KernelKind, Renewal};
use okcvm_store::Store;
use okcvm_workspace::decode_name;
use tokio_util::sync::CancellationToken;

use crate::host::Parts;

impl Parts {
    /// What there is, and which kernel runs Python.
    pub async fn python_now(&self) -> PythonStatus {
        let environment = self.kernels.environment();
        let installed = environment.installed();
        let (kind, mut reason) = self.kernels.kind();
        let mut kernel = match kind {
            KernelKind::Jupyter => PythonKernel::Jupyter,
            KernelKind::Plain => PythonKernel::Plain,
        };
        let mut version = installed.as_ref().map(|installed| installed.python_version().to_owned());
        let mut problem = None;
        if installed.is_none() {
            match environment.python_of_the_system().await {
                Ok(words) => version = Some(words),
                Err(error) => {
                    problem = Some(error.to_string());
                    kernel = PythonKernel::None;
                }
            }
            if kernel == PythonKernel::Plain && reason.is_none() {
                kernel = PythonKernel::Jupyter;
            }
        }
        if let Err(words) = self.sandbox.can_start_programs() {
            kernel = PythonKernel::None;
            reason = Some(words);
        }
        PythonStatus {
            state: environment.state(),
            kernel,
            kernel_reason: reason,
            version,
            path: environment.folder().to_string_lossy().into_owned(),
            size: installed.as_ref().map(okcvm_python::Installed::size),
            tool: installed.as_ref().map(|installed| installed.tool().to_owned()),
            packages: installed.map(|installed| installed.packages()).unwrap_or_default(),
            problem,
        }
    }

    /// Makes the environment; `tell` and the events hear how far it is.
    pub async fn make_python(
        &self,
        renewal: PythonRenewal,
        cancel: &CancellationToken,
        tell: &(dyn Fn(&str) + Send + Sync),
    ) -> Result<PythonStatus, AppError> {
        let cancel = cancel.child_token();
        *self.python_making.lock().unwrap_or_else(PoisonError::into_inner) = Some(cancel.clone());
        let events = self.engine.events().clone();
        let progress = |message: String| {
            tell(&message);
            events.app(AppEvent::PythonProgress { message });
        };
        let renewal = match renewal {
            PythonRenewal::Keep => Renewal::Keep,
            PythonRenewal::Replace => Renewal::Replace,
        };
        let made = self.kernels.environment().create(renewal, &progress, &cancel).await;
        events.app(AppEvent::PythonProgress { message: String::new() });
        made.map_err(|error| worded(&error))?;
        self.kernels.ask_again();
        Ok(self.python_now().await)
    }

    /// Calls making it off.
    pub fn cancel_python(&self) {
        if let Some(cancel) = self.python_making.lock().unwrap_or_else(PoisonError::into_inner).take() {
            cancel.cancel();
        }
    }

    /// Which kernel is in use, for the list of checks.
    pub(crate) fn python_check(&self) -> Check {
        let environment = self.kernels.environment();
        let check = |status, message: String, hint: Option<&str>| Check {
            name: "Python".into(),
            status,
            message,
            hint: hint.map(str::to_owned),
        };
        let place = environment.folder().display();
        match (environment.state(), environment.installed()) {
            (_, Some(installed)) => {
                let version = installed.python_version();
                match self.kernels.kind() {
                    (KernelKind::Jupyter, _) => {
                        check(CheckStatus::Ok, format!("Jupyter's kernel with Python {version}, in {place}."), None)
                    }
                    (KernelKind::Plain, reason) => check(
                        CheckStatus::Warning,
                        format!(
                            "The plain kernel of the app with Python {version}, in {place}: {}.",
                            reason.unwrap_or_else(|| "commands do not run here".to_owned())
                        ),
                        None,
                    ),
                }
            }
            (PythonState::Creating, None) => {
                check(CheckStatus::Warning, "The environment is being made by another program.".into(), None)
            }
            (PythonState::Broken, None) => check(
                CheckStatus::Warning,
                format!("The environment in {place} no longer works; the next use makes a new one."),
                Some("Make one now with `okcvm python repair`."),
            ),
            (PythonState::Missing | PythonState::Ready, None) if environment.has_python() => check(
                CheckStatus::Ok,
                "The first use makes an environment with Jupyter's kernel; if its packages cannot be had, the plain \
                 kernel of the app runs with the system's Python."
                    .into(),
                Some("Make it now with `okcvm python create`."),
            ),
            (PythonState::Missing | PythonState::Ready, None) => check(
                CheckStatus::Warning,
                "There is no python3 on this machine.".into(),
                Some(
                    "Install it, for example with `sudo apt-get install python3 python3-venv` (Debian, Ubuntu) or \
                     `sudo dnf install python3` (Fedora).",
                ),
            ),
        }
    }
}

/// The folders that agent code may write: every workspace, and what the app keeps for sessions.
pub(crate) fn agent_folders(store: &Store, sessions: &Path) -> Result<Vec<PathBuf>, String> {
    let mut folders = folders_of_users(store)?;
    folders.push(sessions.to_owned());
    Ok(folders)
}

/// The workspaces that lie in folders of the user, as real paths.
pub(crate) fn folders_of_users(store: &Store) -> Result<Vec<PathBuf>, String> {
    let rows = store.sessions().map_err(|error| error.to_string())?;
    Ok(rows
        .into_iter()
        .filter_map(|session| session.folder)
        .map(|folder| decode_name(&folder).into())
        .collect())
}

fn worded(error: &EnvironmentError) -> AppError {
    let words = error.to_string();
    let mut letters = words.chars();
    let message: String = letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect();
    let message = if message.ends_with('.') { message } else { format!("{message}.") };
    match error {
        EnvironmentError::NoRoom { .. } => AppError::new(message)
            .with_hint("Free some space (about half a gigabyte is needed) and try again."),
        EnvironmentError::Packages { output, .. } if output.to_ascii_lowercase().contains("no space left") => {
            AppError::new(message).with_hint("Free some space (about half a gigabyte is needed) and try again.")
        }
        EnvironmentError::Packages { .. } => AppError::new(message).with_hint(
            "Check the connection, and the index and the proxy in your pip or uv configuration. Until then, Python \
             runs in the plain kernel of the app.",
        ),
        EnvironmentError::Unwritable { .. } => AppError::new(message)
            .with_hint("Check the owner of the folder and the free space, or set OKCVM_PYTHON to another folder."),
        EnvironmentError::NoPython(_)
        | EnvironmentError::TooOld(_)
        | EnvironmentError::NoVenv(_)
        | EnvironmentError::AgentFolders(_)
        | EnvironmentError::Before(_)
        | EnvironmentError::Cancelled => AppError::new(message),
    }
}
