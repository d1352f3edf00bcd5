//! Root may write everywhere, so that these go on as another user.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use okcvm_workspace::Workspace;

use crate::restore::{Intent, RestoreWhat, unfinished};
use crate::{Author, History, RecordInfo};

const DIR: &str = "SNAPSHOT_TEST_CLOSED";
const NOBODY: u32 = 65_534;
const INFO: RecordInfo<'_> = RecordInfo { message: "a turn", author: Author::Agent, at_ms: 0 };

fn as_ordinary_user(name: &str) {
    let folder = tempfile::tempdir().unwrap();
    // Where this program lies may be closed to others.
    let program = folder.path().join("tests");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mut child = Command::new(program);
    child.args([name, "--exact", "--ignored", "--nocapture"]).env(DIR, folder.path());
    if rustix::process::geteuid().is_root() {
        chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        child.uid(NOBODY).gid(NOBODY);
    }
    let output = child.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

fn place() -> Option<(PathBuf, History, Workspace)> {
    let dir = PathBuf::from(std::env::var_os(DIR)?);
    let workspace = Workspace::create(&dir.join("workspace")).unwrap();
    let history = History::open(&dir.join("history")).unwrap().history;
    Some((workspace.root().to_path_buf(), history, workspace))
}

fn set(path: &Path, bits: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(bits)).unwrap();
}

fn bits(path: &Path) -> u32 {
    path.metadata().unwrap().mode() & 0o777
}

#[test]
#[ignore = "run by another test, as another user"]
fn child_with_closed_folders() {
    let Some((root, history, workspace)) = place() else { return };
    let record = |parent| history.record(&workspace, parent, INFO).unwrap().snapshot;
    fs::create_dir_all(root.join("closed/deep")).unwrap();
    fs::write(root.join("a"), "a").unwrap();
    fs::write(root.join("closed/deep/f"), "one").unwrap();
    set(&root.join("closed/deep"), 0o555);
    set(&root.join("closed"), 0o555);
    let first = record(None);
    // The turn leaves a closed folder, and writes in one.
    set(&root.join("closed/deep"), 0o755);
    fs::write(root.join("closed/deep/f"), "two").unwrap();
    fs::write(root.join("closed/deep/new"), "new").unwrap();
    set(&root.join("closed/deep"), 0o555);
    fs::create_dir_all(root.join("module/x")).unwrap();
    fs::write(root.join("module/x/f"), "m").unwrap();
    set(&root.join("module/x"), 0o555);
    set(&root.join("module"), 0o555);
    let second = record(Some(&first));
    let restore = |from, to| history.restore(&workspace, from, to, &RestoreWhat::All).unwrap();
    let foreseen = history.foresee_restore(&workspace, &first, &RestoreWhat::All);
    assert!(foreseen.is_ok(), "{foreseen:?}");
    assert_eq!(restore(&second, &first).removed, 2);
    assert!(!root.join("module").exists() && !root.join("closed/deep/new").exists());
    assert_eq!(fs::read(root.join("closed/deep/f")).unwrap(), b"one");
    assert_eq!([bits(&root.join("closed")), bits(&root.join("closed/deep"))], [0o555, 0o555]);
    // And there again.
    restore(&first, &second);
    assert_eq!(fs::read(root.join("module/x/f")).unwrap(), b"m");
    let closed = ["closed", "closed/deep", "module", "module/x"];
    assert_eq!(closed.map(|path| bits(&root.join(path))), [0o555; 4]);

    // Cut off while it was open: the next start closes it, whether it goes on or gives up.
    let dir = root.parent().unwrap().join("history");
    let mut cut_off = unfinished(&second, &first, &RestoreWhat::Paths(vec!["closed/deep/new".into()]));
    cut_off.opened = vec![("closed/deep".into(), 0o555)];
    for give_up in [true, false] {
        set(&root.join("closed/deep"), 0o755);
        Intent::open(&dir).unwrap().begin(&cut_off).unwrap();
        if give_up {
            history.give_up_restore(&workspace).unwrap();
        } else {
            history.finish_restore(&workspace).unwrap();
        }
        assert_eq!(bits(&root.join("closed/deep")), 0o555, "{give_up}");
        assert_eq!(root.join("closed/deep/new").exists(), give_up);
    }
    for path in closed {
        set(&root.join(path), 0o755);
    }
}

#[test]
fn folders_that_are_closed_to_their_owner_are_opened_for_a_restore() {
    as_ordinary_user("restore::closed::tests::child_with_closed_folders");
}
