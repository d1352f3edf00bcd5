//! What belongs to git is not written by the file tools: its hooks and settings name programs that git runs later,
//! outside of the sandbox.

use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use okcvm_tools::ToolError;
use okcvm_workspace::{MOUNT, Workspace, WorkspacePath};

/// Links that a path may go through; the workspace refuses such a path by itself.
const MAX_LINKS: u32 = 40;

/// Refuses a path that is written to, if it lies in a folder that git keeps for itself, by its name or by links.
pub(super) fn refuse(workspace: &Workspace, path: &WorkspacePath) -> Result<(), ToolError> {
    if !leads_to_git(workspace.root(), &path.to_os_path()) {
        return Ok(());
    }
    Err(ToolError::for_model(format!(
        "{} belongs to git (`.git` or another folder of a repository), which the file tools can read but not write: what \
         stands there, git runs. Nothing was written. Use git commands with mshtools-shell; give settings with the command, \
         as in `git -c name=value`.",
        path.mounted()
    )))
}

/// The same of where a path has led in the moment of writing: a process of the agent may change its links meanwhile.
pub(super) fn keeps(workspace: &Workspace) -> impl Fn(&Path) -> bool {
    |place| leads_to_git(workspace.root(), place)
}

/// Goes along the path as the system would, also where its end does not exist yet.
fn leads_to_git(root: &Path, path: &Path) -> bool {
    let mut ahead = parts_reversed(path);
    let mut below = PathBuf::new();
    let mut links = 0;
    while let Some(part) = ahead.pop() {
        if part == ".." {
            below.pop();
            continue;
        }
        // On some systems the case of a name does not count.
        if part.eq_ignore_ascii_case(".git") {
            return true;
        }
        below.push(&part);
        let place = root.join(&below);
        let Ok(target) = std::fs::read_link(&place) else {
            if ["HEAD", "objects", "refs"].iter().all(|name| place.join(name).symlink_metadata().is_ok()) {
                return true;
            }
            continue;
        };
        links += 1;
        if links > MAX_LINKS {
            return false;
        }
        below.pop();
        let target = if target.is_absolute() {
            below.clear();
            match target.strip_prefix(MOUNT).or_else(|_| target.strip_prefix(root)) {
                Ok(inside) => inside,
                // It leads out, which the workspace refuses.
                Err(_) => return false,
            }
        } else {
            &target
        };
        ahead.extend(parts_reversed(target));
    }
    false
}

fn parts_reversed(path: &Path) -> Vec<OsString> {
    path.components()
        .rev()
        .filter(|part| matches!(part, Component::Normal(_) | Component::ParentDir))
        .map(|part| part.as_os_str().to_owned())
        .collect()
}
