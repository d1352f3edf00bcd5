//! Finds a Python and `uv`.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;

use super::EnvironmentError;
use super::closed::Closed;

/// Oldest version that the packages run on.
const OLDEST: (u32, u32) = (3, 10);
const PROBE: Duration = Duration::from_secs(15);
/// Names in the order of preference within a folder.
const NAMES: &[&str] =
    &["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python3.10", "python"];

/// An environment leads to its base, a shim to the real program.
const ASK: &str = "
import importlib.util, json, os, sys
base = getattr(sys, '_base_executable', None) or sys.executable
parts = all(importlib.util.find_spec(name) for name in ('venv', 'ensurepip'))
print(json.dumps({'executable': os.path.realpath(base) if base else '', 'base': sys.base_prefix,
    'version': '.'.join(map(str, sys.version_info[:3])), 'number': list(sys.version_info[:2]), 'parts': parts}))
";

/// How to get what is missing.
const GET: &str = "Install it with your system's packages, for example `sudo apt-get install python3 python3-venv` \
                   (Debian, Ubuntu), `sudo dnf install python3` (Fedora) or `sudo pacman -S python` (Arch)";

/// A Python of this machine.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct FoundPython {
    /// The real program.
    pub executable: PathBuf,
    /// Where its own library lies.
    pub base: PathBuf,
    pub version: String,
    number: (u32, u32),
    /// It has what makes environments.
    pub parts: bool,
}

impl FoundPython {
    /// What a kernel of it must be able to read besides the system's folders.
    pub(crate) fn readable(&self) -> Vec<PathBuf> {
        own_library(&self.base)
    }
}

/// The folders of an interpreter that lies outside of the system's folders, if it has some of its own.
pub(super) fn own_library(base: &Path) -> Vec<PathBuf> {
    let Ok(base) = base.canonicalize() else { return Vec::new() };
    let system = ["/usr", "/bin", "/lib", "/opt"]
        .iter()
        .any(|folder| base.starts_with(folder) && base != Path::new("/opt"));
    let parts = [base.join("bin"), base.join("lib")];
    if system || base.components().count() < 4 || !parts.iter().all(|part| part.is_dir()) {
        return Vec::new();
    }
    // What a user installs for themselves; beside it lie the data of all programs, keys and the app's own among them.
    if base.file_name() == Some(OsStr::new(".local")) { parts.to_vec() } else { vec![base] }
}

fn folders(search_path: Option<&OsStr>, closed: &Closed) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = search_path
        .map(|path| std::env::split_paths(path).filter(|path| path.is_absolute()).collect())
        .unwrap_or_default();
    if search_path.is_none() {
        folders.extend(["/usr/local/bin", "/usr/bin", "/bin"].map(PathBuf::from));
    }
    folders.retain(|folder| !closed.holds(folder));
    folders
}

/// Whether one of the names leads to a file.
pub(super) fn some_python(search_path: Option<&OsStr>, closed: &Closed) -> bool {
    let is_program = |path: &Path| path.is_file() && !closed.holds(path);
    folders(search_path, closed).iter().any(|folder| NAMES.iter().any(|name| is_program(&folder.join(name))))
}

/// `uv` in the app's folder or the search path.
pub(super) fn uv(folder: &Path, search_path: Option<&OsStr>, closed: &Closed) -> Option<PathBuf> {
    let own = folder.join("bin");
    std::iter::once(own)
        .chain(folders(search_path, closed))
        .map(|folder| folder.join("uv"))
        .find(|path| path.is_file() && !closed.holds(path))
}

/// The first Python that is new enough, those outside of the home folder first: what lies in the home folder is closed
/// to agent code, but for this one's own library.
pub(super) async fn python(
    search_path: Option<&OsStr>,
    home: Option<&Path>,
    closed: &Closed,
) -> Result<FoundPython, EnvironmentError> {
    let mut seen: Vec<PathBuf> = Vec::new();
    let mut found: Vec<FoundPython> = Vec::new();
    let mut folders = folders(search_path, closed);
    folders.sort_by_key(|folder| home.is_some_and(|home| folder.starts_with(home)));
    for folder in folders {
        for name in NAMES {
            let path = folder.join(name);
            let Ok(real) = path.canonicalize() else { continue };
            if seen.contains(&real) || closed.holds(&path) {
                continue;
            }
            seen.push(real);
            let Some(python) = ask(&path).await else { continue };
            if closed.holds(&python.executable) || closed.holds(&python.base) {
                continue;
            }
            let good = python.number >= OLDEST && python.parts;
            let outside = home.is_none_or(|home| !python.base.starts_with(home));
            if good && outside {
                return Ok(python);
            }
            if !found.contains(&python) {
                found.push(python);
            }
        }
    }
    // One in the home folder that is complete, then one that lacks parts.
    if let Some(place) = found
        .iter()
        .position(|python| python.number >= OLDEST && python.parts)
        .or_else(|| found.iter().position(|python| python.number >= OLDEST))
    {
        return Ok(found.swap_remove(place));
    }
    let (major, minor) = OLDEST;
    Err(match found.first() {
        Some(old) => EnvironmentError::TooOld(format!(
            "Python {major}.{minor} or later is needed; {} is {}. {GET}.",
            old.executable.display(),
            old.version
        )),
        None => EnvironmentError::NoPython(format!(
            "There is no python3 on this machine. {GET}, then call again."
        )),
    })
}

/// What is missing for an environment, in words.
pub(super) fn without_parts(python: &FoundPython) -> EnvironmentError {
    EnvironmentError::NoVenv(format!(
        "{} lacks the parts that make environments (venv and ensurepip), and uv is not installed. {GET}.",
        python.executable.display()
    ))
}

async fn ask(path: &Path) -> Option<FoundPython> {
    // Without `site`, which runs what a `.pth` file or a `sitecustomize` of the packages names: a package may be
    // installed as a link into a workspace.
    let asked = tokio::process::Command::new(path)
        .args(["-I", "-S", "-c", ASK])
        .current_dir("/")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(PROBE, asked).await.ok()?.ok()?;
    let found: FoundPython = serde_json::from_slice(&output.stdout).ok()?;
    found.executable.is_absolute().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::own_library;

    #[test]
    fn the_data_beside_an_interpreter_of_the_user_stay_closed() {
        let folder = tempfile::tempdir().unwrap();
        for (name, open) in [(".local", &["bin", "lib"][..]), ("python", &[""])] {
            let base = folder.path().canonicalize().unwrap().join(name);
            assert!(own_library(&base).is_empty());
            for part in ["bin", "lib", "share"] {
                std::fs::create_dir_all(base.join(part)).unwrap();
            }
            let expected: Vec<_> = open.iter().map(|part| base.join(part)).collect();
            let expected: Vec<_> = expected.iter().map(|path| path.components().collect()).collect();
            assert_eq!(own_library(&base), expected as Vec<std::path::PathBuf>);
        }
    }
}
