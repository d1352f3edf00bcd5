//! Programs that are not taken from the search path: those that agent code may have put there.

use std::collections::HashSet;
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::EnvironmentError;

/// More links than the system follows.
const MOST_LINKS: usize = 40;

type List = dyn Fn() -> Result<Vec<PathBuf>, String> + Send + Sync;

/// Tells which folders agent code may write, as they are at the moment.
#[derive(Clone)]
pub(super) struct AgentFolders(Arc<List>);

impl std::fmt::Debug for AgentFolders {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("AgentFolders")
    }
}

impl Default for AgentFolders {
    fn default() -> Self {
        Self::new(|| Ok(Vec::new()))
    }
}

impl AgentFolders {
    pub(super) fn new(list: impl Fn() -> Result<Vec<PathBuf>, String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(list))
    }

    /// Those of now. Without knowing them no program is run, as it may be the agent's own.
    pub(super) fn closed(&self) -> Result<Closed, EnvironmentError> {
        (self.0)().map(|folders| Closed::new(&folders)).map_err(EnvironmentError::AgentFolders)
    }
}

/// Folders that no program is taken from.
#[derive(Debug, Default)]
pub(super) struct Closed {
    names: HashSet<PathBuf>,
    /// Device and number: a folder has many names.
    identities: HashSet<(u64, u64)>,
}

impl Closed {
    fn new(folders: &[PathBuf]) -> Self {
        let mut closed = Self::default();
        for folder in folders {
            if let Ok(metadata) = folder.metadata() {
                closed.identities.insert((metadata.dev(), metadata.ino()));
            }
            closed.names.insert(folder.clone());
        }
        closed
    }

    /// Whether a path lies in one of them, or leads there or through there by links. A link that agent code can
    /// change may lead elsewhere a moment later.
    pub(super) fn holds(&self, path: &Path) -> bool {
        if path.ancestors().any(|above| self.names.contains(above)) {
            return true;
        }
        let mut left = parts(path);
        let mut at = PathBuf::from("/");
        let mut links = 0;
        while let Some(part) = left.pop() {
            if part == ".." {
                at.pop();
                continue;
            }
            at.push(part);
            let Ok(metadata) = at.symlink_metadata() else { return false };
            if self.names.contains(&at) || self.identities.contains(&(metadata.dev(), metadata.ino())) {
                return true;
            }
            if metadata.is_symlink() {
                links += 1;
                let Ok(target) = at.read_link() else { return false };
                if links > MOST_LINKS {
                    return true;
                }
                if target.is_absolute() {
                    at = PathBuf::from("/");
                } else {
                    at.pop();
                }
                left.extend(parts(&target));
            }
        }
        false
    }
}

/// The parts of a path, the last one first.
fn parts(path: &Path) -> Vec<OsString> {
    let mut parts: Vec<OsString> = path
        .components()
        .filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir))
        .map(|part| part.as_os_str().to_owned())
        .collect();
    parts.reverse();
    parts
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_lies_in_an_agents_folder_or_leads_through_it_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(at("project/.venv/bin")).unwrap();
        std::fs::create_dir_all(at("tools/bin")).unwrap();
        std::fs::write(at("project/.venv/bin/uv"), "").unwrap();
        std::fs::write(at("tools/bin/uv"), "").unwrap();
        symlink(at("project"), at("other-name")).unwrap();
        symlink("../../project/.venv/bin/uv", at("tools/bin/linked")).unwrap();
        symlink(at("tools/bin/uv"), at("project/way")).unwrap();
        symlink("../../project/way", at("tools/bin/through")).unwrap();
        symlink("round", at("tools/bin/round")).unwrap();
        for named in ["project", "other-name"] {
            let closed = Closed::new(&[at(named)]);
            for path in [
                "project",
                "project/.venv/bin",
                "project/.venv/bin/uv",
                "project/.venv/bin/none",
                "other-name/.venv/bin/uv",
                "tools/../project/.venv/bin",
                "tools/bin/linked",
                "tools/bin/through",
                "tools/bin/round",
            ] {
                assert!(closed.holds(&at(path)), "{named}: {path}");
            }
            for path in ["", "tools", "tools/bin/uv", "tools/bin/none", "project-2", "none/bin"] {
                assert!(!closed.holds(&at(path)), "{named}: {path}");
            }
        }
        assert!(!Closed::default().holds(&at("project/.venv/bin/uv")));
    }
}
