//! Places to try histories in, checked by the real git.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use okcvm_protocol::{ChangeKind, FileChange, SnapshotId};
use okcvm_workspace::Workspace;

use crate::{Author, History, RecordInfo, Recorded};

pub(crate) struct Place {
    pub(crate) root: PathBuf,
    pub(crate) dir: PathBuf,
    pub(crate) workspace: Workspace,
    pub(crate) history: History,
    pub(crate) folder: tempfile::TempDir,
}

pub(crate) fn place() -> Place {
    place_in(tempfile::tempdir().unwrap())
}

/// A place where syncs cost nothing, if this system has one; for tests of many rounds.
pub(crate) fn quick_place() -> Place {
    let memory = Path::new("/dev/shm");
    place_in(tempfile::tempdir_in(memory).or_else(|_| tempfile::tempdir()).unwrap())
}

fn place_in(folder: tempfile::TempDir) -> Place {
    let workspace = Workspace::create(&folder.path().join("workspace")).unwrap();
    let dir = folder.path().join("history");
    let opened = History::open(&dir).unwrap();
    assert_eq!(opened.notice, None);
    Place { root: workspace.root().to_path_buf(), dir, workspace, history: opened.history, folder }
}

/// A file system of its own with little room, unmounted when this is dropped.
#[cfg(target_os = "linux")]
pub(crate) struct SmallDisk {
    folder: tempfile::TempDir,
}

/// Says that a test was left out although it should have run here.
pub(crate) const WITHOUT_MOUNTS: &str = "OKCVM_TEST_WITHOUT_MOUNTS";

#[cfg(target_os = "linux")]
impl SmallDisk {
    /// A disk of so many bytes. Only root may mount one: for anybody else the test `name` fails, unless the
    /// environment says that it is to be left out.
    pub(crate) fn new(bytes: u64, name: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"])
            .arg(folder.path())
            .output()
            .is_ok_and(|output| output.status.success());
        if mounted {
            return Some(Self { folder });
        }
        assert!(
            std::env::var_os(WITHOUT_MOUNTS).is_some(),
            "{name} needs a small disk, and none can be mounted here; set {WITHOUT_MOUNTS} to leave it out"
        );
        None
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

#[cfg(target_os = "linux")]
impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg(self.folder.path()).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

impl Place {
    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root.join(path)).unwrap()
    }

    pub(crate) fn record(&self, parent: Option<&SnapshotId>) -> Recorded {
        self.record_as(parent, Author::Agent)
    }

    pub(crate) fn record_as(&self, parent: Option<&SnapshotId>, author: Author) -> Recorded {
        let info = RecordInfo { message: "a turn", author, at_ms: 1_700_000_000_123 };
        self.history.record(&self.workspace, parent, info).unwrap()
    }

    /// Closes the history, so that another one can be opened on it; the place goes on with one elsewhere.
    pub(crate) fn close(&mut self) {
        let elsewhere = self.folder.path().join("elsewhere");
        self.history = History::open(&elsewhere).unwrap().history;
    }

    /// Opens the history again, as a start of the program does.
    pub(crate) fn reopen(&mut self) -> Option<String> {
        self.close();
        let opened = History::open(&self.dir).unwrap();
        self.history = opened.history;
        opened.notice
    }

    /// The present as a new snapshot without a parent.
    pub(crate) fn snapshot(&self) -> SnapshotId {
        self.record(None).snapshot
    }

    pub(crate) fn repository(&self) -> PathBuf {
        self.dir.join("repository.git")
    }

    /// Runs the git program on the repository.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        self.history.shared.archive.write_references();
        // A merging in the background would take packs away from under a git that lists them.
        let _quiet = crate::archive::held(&self.history.shared.archive.tidying);
        let output =
            Command::new("git").arg("--git-dir").arg(self.repository()).args(arguments).output().unwrap();
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        assert!(
            output.status.success(),
            "git {arguments:?}: {}{}",
            text(&output.stdout),
            text(&output.stderr)
        );
        text(&output.stdout)
    }

    /// What git thinks of every object.
    pub(crate) fn fsck(&self) {
        self.history.shared.archive.write_references();
        let _quiet = crate::archive::held(&self.history.shared.archive.tidying);
        let output = Command::new("git")
            .arg("--git-dir")
            .arg(self.repository())
            .args(["fsck", "--full", "--strict", "--no-dangling", "--no-progress"])
            .output()
            .unwrap();
        let said =
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        // There is no branch; that is said, and is no fault.
        let said: Vec<&str> = said
            .lines()
            .filter(|line| !line.starts_with("notice: HEAD points to an unborn branch"))
            .collect();
        assert!(output.status.success() && said.is_empty(), "git fsck: {said:?}");
    }

    /// What shows whether a file or link was touched: inode, time and mode.
    pub(crate) fn stamps(&self) -> BTreeMap<Vec<u8>, (u64, i64, i64, u32)> {
        let stamp = |path: Vec<u8>| {
            let found = fs::symlink_metadata(self.root.join(os(&path))).unwrap();
            (path, (found.ino(), found.mtime(), found.mtime_nsec(), found.mode()))
        };
        let files = self.tree().into_iter().filter(|(_, node)| *node != Node::Folder);
        files.map(|(path, _)| stamp(path)).collect()
    }

    pub(crate) fn tree(&self) -> Tree {
        tree(&self.root)
    }
}

/// A whole folder: each path with what is there.
pub(crate) type Tree = BTreeMap<Vec<u8>, Node>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    File { content: Vec<u8>, mode: u32 },
    Link(Vec<u8>),
    Folder,
}

pub(crate) fn tree(root: &Path) -> Tree {
    fn walk(root: &Path, path: &Path, tree: &mut Tree) {
        for entry in fs::read_dir(root.join(path)).unwrap() {
            let path = path.join(entry.unwrap().file_name());
            let full = root.join(&path);
            let metadata = fs::symlink_metadata(&full).unwrap();
            let node = if metadata.is_dir() {
                walk(root, &path, tree);
                Node::Folder
            } else if metadata.is_symlink() {
                Node::Link(fs::read_link(&full).unwrap().as_os_str().as_bytes().to_vec())
            } else {
                Node::File { content: fs::read(&full).unwrap(), mode: metadata.permissions().mode() & 0o777 }
            };
            tree.insert(path.as_os_str().as_bytes().to_vec(), node);
        }
    }
    let mut found = Tree::new();
    walk(root, Path::new(""), &mut found);
    found
}

pub(crate) fn os(bytes: &[u8]) -> &OsStr {
    OsStr::from_bytes(bytes)
}

/// Changes in one word each: `added a`, `renamed b -> c`.
pub(crate) fn words(changes: &[FileChange]) -> Vec<String> {
    changes
        .iter()
        .map(|change| {
            let path = &change.path;
            match (change.kind, &change.old_path) {
                (ChangeKind::Added, None) => format!("added {path}"),
                (ChangeKind::Modified, None) => format!("modified {path}"),
                (ChangeKind::Deleted, None) => format!("deleted {path}"),
                (ChangeKind::Renamed, Some(old)) => format!("renamed {old} -> {path}"),
                other => panic!("{other:?}"),
            }
        })
        .collect()
}
