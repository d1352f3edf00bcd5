//! For tests only: stores in temporary folders, checked by the real git, and a disk that can be cut.

#![allow(clippy::unwrap_used, clippy::missing_panics_doc, reason = "a test fails by panicking")]

mod cut;
mod hooked;

use std::path::Path;
use std::process::Command;

pub use cut::{Done, RecordingDisk, Unsynced};
pub use hooked::{DiskStep, HookedDisk};

/// Runs the git program on a repository.
pub fn git(repository: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git").arg("--git-dir").arg(repository).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "git {arguments:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// Nothing but silence is what git has to say to the objects of a repository.
pub fn fsck(repository: &Path) {
    let arguments = ["fsck", "--full", "--strict", "--no-dangling", "--no-progress"];
    let output = Command::new("git").arg("--git-dir").arg(repository).args(arguments).output().unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    // There is no branch; that is said, and is no fault.
    let said: Vec<&str> = said.lines().filter(|line| !line.starts_with("notice: ")).collect();
    assert!(output.status.success() && said.is_empty(), "git fsck: {said:?}");
}

/// Bytes that do not compress, always the same for a seed.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

#[cfg(test)]
pub(crate) struct Store {
    pub(crate) repository: std::path::PathBuf,
    pub(crate) objects: crate::Objects,
    _folder: tempfile::TempDir,
}

#[cfg(test)]
pub(crate) fn store() -> Store {
    let folder = tempfile::tempdir().unwrap();
    let repository = folder.path().join("repository.git");
    git2::Repository::init_bare(&repository).unwrap();
    let objects = crate::Objects::open(&repository, std::sync::Arc::new(crate::RealDisk)).unwrap();
    Store { repository, objects, _folder: folder }
}
