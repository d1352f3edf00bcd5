//! The app's own Python environment: a folder of packages, made once and used by every session, read-only to all.
//!
//! Below the folder lie `current.json`, which names the environment in use, and environments with names that are never
//! used twice. One is made under its final name (programs in it hold their own path) and counts only once `current.json`
//! names it, which happens last and at once. What a killed program left is removed by the next one that makes one.

mod closed;
mod find;
mod make;
mod room;
mod step;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

use okcvm_protocol::{PythonPackage, PythonState};
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use closed::AgentFolders;
pub(crate) use find::FoundPython;

/// What is installed besides what these need.
const PACKAGES: &[&str] = &["ipykernel", "numpy", "pandas", "matplotlib", "pillow", "openpyxl", "tabulate"];
/// Another number for every change of how an environment is made.
const VERSION: u32 = 1;
const CURRENT: &str = "current.json";
/// What names of environments begin with.
const PREFIX: &str = "env-";
/// A file of an environment whose lock is shared by all that use it.
const IN_USE: &str = "in-use";
/// How often a lock that another program holds is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(200);

/// Whether what is there is good enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// A complete environment stays.
    Keep,
    /// A new one takes the place of the one that is there.
    Replace,
}

/// Why there is no environment; worded for people and models.
#[derive(Debug, thiserror::Error)]
pub enum EnvironmentError {
    /// No Python on this machine.
    #[error("{0}")]
    NoPython(String),
    /// None that is new enough.
    #[error("{0}")]
    TooOld(String),
    /// Python without the parts that make environments, and no `uv`.
    #[error("{0}")]
    NoVenv(String),
    /// It is not known which programs are those of agents; why.
    #[error(
        "no Python is looked for, because the workspaces, whose programs are passed over, cannot be listed: {0}"
    )]
    AgentFolders(String),
    /// The folder cannot be written.
    #[error("the Python environment cannot be written to {}: {error}", folder.display())]
    Unwritable {
        /// Which.
        folder: PathBuf,
        /// What the system answered.
        error: std::io::Error,
    },
    /// The disk is full.
    #[error("there is no room left for the Python environment in {} ({step})", folder.display())]
    NoRoom {
        /// Where.
        folder: PathBuf,
        /// What was being done.
        step: String,
    },
    /// Packages could not be installed.
    #[error("Python packages cannot be had ({step}): {output}")]
    Packages {
        /// What was being done.
        step: String,
        /// The end of what it printed.
        output: String,
    },
    /// The same as a short while ago.
    #[error("{0}")]
    Before(String),
    /// The caller called it off.
    #[error("making the Python environment was called off")]
    Cancelled,
}

/// What stands in `current.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stamp {
    version: u32,
    /// The name of the environment's folder.
    folder: String,
    python_version: String,
    /// Where the interpreter's own library lies.
    base: PathBuf,
    /// What made it.
    tool: String,
    /// Those that were asked for, with their versions.
    packages: BTreeMap<String, String>,
    size: u64,
}

/// A complete environment, held so that nobody removes it.
#[derive(Debug)]
pub struct Installed {
    folder: PathBuf,
    stamp: Stamp,
    _in_use: File,
}

impl Installed {
    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its interpreter.
    pub fn python(&self) -> PathBuf {
        self.folder.join("bin").join("python3")
    }

    /// Version of its interpreter.
    pub fn python_version(&self) -> &str {
        &self.stamp.python_version
    }

    /// What made it: `uv`, or `venv` and `pip`.
    pub fn tool(&self) -> &str {
        &self.stamp.tool
    }

    /// Bytes, as counted when it was made.
    pub fn size(&self) -> u64 {
        self.stamp.size
    }

    /// The packages that were asked for.
    pub fn packages(&self) -> Vec<PythonPackage> {
        let row = |(name, version): (&String, &String)| PythonPackage {
            name: name.clone(),
            version: version.clone(),
        };
        self.stamp.packages.iter().map(row).collect()
    }

    /// What a kernel of it must be able to read besides the system's folders.
    pub fn readable(&self) -> Vec<PathBuf> {
        let mut readable = vec![self.folder.clone()];
        readable.extend(find::own_library(&self.stamp.base));
        readable
    }
}

/// Where the environment lies, and where to look for the programs that make it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Environment {
    folder: PathBuf,
    search_path: Option<OsString>,
    home: Option<PathBuf>,
    agent_folders: AgentFolders,
}

impl Environment {
    /// Below `folder`, which need not exist; `search_path` is the user's `PATH`. A Python outside of `home` is taken
    /// rather than one in it.
    pub fn new(folder: PathBuf, search_path: Option<OsString>, home: Option<PathBuf>) -> Self {
        Self { folder, search_path, home, agent_folders: AgentFolders::default() }
    }

    /// Takes no program that lies in one of these folders, or that is reached through one: agent code may have put it
    /// there, and what is found is run outside of the sandbox. They are asked for before every search; an error, worded
    /// for people, lets no search happen.
    #[must_use]
    pub fn passing_over(
        self,
        folders: impl Fn() -> Result<Vec<PathBuf>, String> + Send + Sync + 'static,
    ) -> Self {
        Self { agent_folders: AgentFolders::new(folders), ..self }
    }

    /// The folder that all of it lies in.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The environment, if there is a complete one.
    pub fn installed(&self) -> Option<Installed> {
        let text = std::fs::read(self.folder.join(CURRENT)).ok()?;
        let stamp: Stamp = serde_json::from_slice(&text).ok()?;
        let plain = stamp.folder.starts_with(PREFIX) && !stamp.folder.contains(['/', '\\']);
        if stamp.version != VERSION || !plain {
            return None;
        }
        let folder = self.folder.join(&stamp.folder);
        // Where nothing can be written, it can be used all the same.
        let in_use = File::open(folder.join(IN_USE)).ok()?;
        in_use.try_lock_shared().ok()?;
        let installed = Installed { folder, stamp, _in_use: in_use };
        // A link to an interpreter that was removed or replaced leads nowhere.
        installed.python().exists().then_some(installed)
    }

    /// Whether another program, or another part of this one, is making it right now.
    pub fn state(&self) -> PythonState {
        let making = File::open(self.folder.join("lock"))
            .is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(TryLockError::WouldBlock)));
        if making {
            PythonState::Creating
        } else if self.installed().is_some() {
            PythonState::Ready
        } else if self.folder.join(CURRENT).exists() {
            PythonState::Broken
        } else {
            PythonState::Missing
        }
    }

    /// The best Python of this machine.
    pub(crate) async fn find_python(&self) -> Result<FoundPython, EnvironmentError> {
        let closed = self.agent_folders.closed()?;
        find::python(self.search_path.as_deref(), self.home.as_deref(), &closed).await
    }

    /// Whether there seems to be a Python, without running it.
    pub fn has_python(&self) -> bool {
        let closed = self.agent_folders.closed();
        closed.is_ok_and(|closed| find::some_python(self.search_path.as_deref(), &closed))
    }

    /// Whether there is a Python to make it of, or to run the plain kernel with; in words.
    pub async fn python_of_the_system(&self) -> Result<String, EnvironmentError> {
        let found = self.find_python().await?;
        Ok(format!("Python {} ({})", found.version, found.executable.display()))
    }

    /// Makes it. Only one program does so at a time; the others wait, and take what it made. `tell` hears how far it
    /// is. Whatever happens, there is a complete environment afterwards or the one from before.
    pub async fn create(
        &self,
        renewal: Renewal,
        tell: &(dyn Fn(String) + Send + Sync),
        cancel: &CancellationToken,
    ) -> Result<Installed, EnvironmentError> {
        let unwritable = |error| self.unwritable(error);
        std::fs::create_dir_all(&self.folder).map_err(unwritable)?;
        let lock = File::create(self.folder.join("lock")).map_err(unwritable)?;
        let mut said = false;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => return Err(unwritable(error)),
            }
            if !said {
                said = true;
                tell("Another program is making the Python environment; waiting for it.".to_owned());
            }
            tokio::select! {
                () = tokio::time::sleep(TRY_AGAIN) => {}
                () = cancel.cancelled() => return Err(EnvironmentError::Cancelled),
            }
        }
        if (renewal == Renewal::Keep || said)
            && let Some(installed) = self.installed()
        {
            return Ok(installed);
        }
        self.sweep();
        let name = format!("{PREFIX}{}", uuid::Uuid::now_v7().simple());
        let folder = self.folder.join(&name);
        let made =
            self.make(&folder, name, tell, cancel).await.map_err(|error| room::told(error, &self.folder));
        if made.is_err() {
            remove(&folder);
        }
        made?;
        self.sweep();
        self.installed().ok_or_else(|| EnvironmentError::Packages {
            step: "looking at what was made".to_owned(),
            output: "the environment is not complete".to_owned(),
        })
    }

    fn unwritable(&self, error: std::io::Error) -> EnvironmentError {
        room::told(EnvironmentError::Unwritable { folder: self.folder.clone(), error }, &self.folder)
    }

    /// Removes environments that are not current and not used. The lock must be held.
    fn sweep(&self) {
        let current = self.installed().map(|installed| installed.folder);
        for entry in std::fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
            if !ours || current.as_ref() == Some(&path) {
                continue;
            }
            let used = File::open(path.join(IN_USE))
                .is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)));
            if !used {
                remove(&path);
            }
        }
    }
}

fn remove(folder: &Path) {
    if let Err(error) = std::fs::remove_dir_all(folder)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(%error, "what is left of a Python environment could not be removed");
    }
}

#[cfg(test)]
#[path = "environment_tests.rs"]
mod tests;
