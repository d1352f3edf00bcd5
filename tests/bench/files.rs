//! Workspaces of a given size, and git beside them.

use std::path::Path;
use std::process::Command;

use crate::Outcome;

/// Files of about four kilobytes, ten to a folder.
pub(crate) fn fill(folder: &Path, count: usize) -> Outcome<()> {
    for index in 0..count {
        let path = folder.join(file(index));
        if index % 10 == 0
            && let Some(parent) = path.parent()
        {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(path, text(index, 0))?;
    }
    Ok(())
}

/// The relative path of a file.
pub(crate) fn file(index: usize) -> String {
    format!("part-{}/folder-{}/file-{index}.txt", index / 1000, index / 10)
}

/// Source-like text that differs by file and round.
pub(crate) fn text(index: usize, round: usize) -> String {
    let lines =
        (0..100).map(|line| format!("let value_{line} = compute({index}, {round}, {});", line * 7919 % 1000));
    lines.collect::<Vec<_>>().join("\n")
}

/// Runs git on a work tree with a git folder outside of it, as a session of an app would.
pub(crate) fn git(work: &Path, store: &Path, arguments: &[&str]) -> Outcome<()> {
    let nothing = "/dev/null";
    let output = Command::new("git")
        .arg("--git-dir")
        .arg(store)
        .arg("--work-tree")
        .arg(work)
        .args(["-c", "user.name=bench", "-c", "user.email=bench@localhost", "-c", "gc.auto=0"])
        .envs([("GIT_CONFIG_GLOBAL", nothing), ("GIT_CONFIG_SYSTEM", nothing)])
        .args(arguments)
        .current_dir(work)
        .output()?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr)).into())
    }
}
