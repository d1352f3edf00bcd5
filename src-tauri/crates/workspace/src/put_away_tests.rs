use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use okcvm_protocol::EntryKind;

use super::*;

struct Desk {
    folder: tempfile::TempDir,
    workspace: Workspace,
    kept: u32,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::create(&folder.path().join("work")).unwrap();
        Self { folder, workspace, kept: 0 }
    }

    fn at(&self, path: &str) -> PathBuf {
        self.workspace.root().join(path)
    }

    fn keep(&mut self) -> PathBuf {
        self.kept += 1;
        let keep = self.folder.path().join(format!("keep-{}", self.kept));
        fs::create_dir(&keep).unwrap();
        keep
    }
}

fn path(text: &str) -> WorkspacePath {
    WorkspacePath::parse(text).unwrap()
}

#[test]
fn a_folder_goes_and_comes_back_as_it_was() {
    let mut desk = Desk::new();
    fs::create_dir_all(desk.at("数据/inner")).unwrap();
    fs::write(desk.at("数据/inner/run.sh"), "#!/bin/sh\n").unwrap();
    fs::set_permissions(desk.at("数据/inner/run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("inner/run.sh", desk.at("数据/link")).unwrap();
    let keep = desk.keep();
    let entry = desk.workspace.put_away(&path("数据"), &keep).unwrap();
    assert_eq!((entry.path.as_str(), entry.kind), ("数据", EntryKind::Folder));
    assert!(!desk.at("数据").exists());
    assert_eq!(desk.workspace.take_back(&keep, &path("数据")).unwrap(), path("数据"));
    assert_eq!(fs::read_to_string(desk.at("数据/link")).unwrap(), "#!/bin/sh\n");
    let mode = fs::metadata(desk.at("数据/inner/run.sh")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
}

#[test]
fn a_taken_name_is_never_replaced() {
    let mut desk = Desk::new();
    let mut kept = Vec::new();
    for content in ["one", "two", "three"] {
        fs::write(desk.at("a.txt"), content).unwrap();
        let keep = desk.keep();
        desk.workspace.put_away(&path("a.txt"), &keep).unwrap();
        kept.push(keep);
    }
    let back: Vec<String> = kept
        .iter()
        .map(|keep| desk.workspace.take_back(keep, &path("a.txt")).unwrap().as_str().to_owned())
        .collect();
    assert_eq!(back, ["a.txt", "a (2).txt", "a (3).txt"]);
    for (name, content) in back.iter().zip(["one", "two", "three"]) {
        assert_eq!(fs::read_to_string(desk.at(name)).unwrap(), content);
    }
}

#[test]
fn its_folder_is_made_again_and_a_file_in_the_way_is_an_error() {
    let mut desk = Desk::new();
    fs::create_dir(desk.at("deep")).unwrap();
    fs::write(desk.at("deep/a"), "a").unwrap();
    let keep = desk.keep();
    desk.workspace.put_away(&path("deep/a"), &keep).unwrap();
    fs::remove_dir(desk.at("deep")).unwrap();
    fs::write(desk.at("deep"), "a file now").unwrap();
    let error = desk.workspace.take_back(&keep, &path("deep/a")).unwrap_err();
    assert!(matches!(error, WorkspaceError::NotAFolder { .. }), "{error}");
    fs::remove_file(desk.at("deep")).unwrap();
    desk.workspace.take_back(&keep, &path("deep/a")).unwrap();
    assert_eq!(fs::read_to_string(desk.at("deep/a")).unwrap(), "a");
}

#[test]
fn a_link_goes_and_what_it_names_stays() {
    let mut desk = Desk::new();
    fs::create_dir(desk.folder.path().join("outside")).unwrap();
    fs::write(desk.folder.path().join("outside/secret"), "kept").unwrap();
    symlink(desk.folder.path().join("outside"), desk.at("link")).unwrap();
    let keep = desk.keep();
    let error = desk.workspace.put_away(&path("link/secret"), &keep).unwrap_err();
    assert!(matches!(error, WorkspaceError::Outside { .. }), "{error}");
    let entry = desk.workspace.put_away(&path("link"), &keep).unwrap();
    assert_eq!(entry.kind, EntryKind::Link);
    assert_eq!(fs::read_to_string(desk.folder.path().join("outside/secret")).unwrap(), "kept");
}

#[test]
fn what_is_not_there_and_the_workspace_itself_are_errors() {
    let mut desk = Desk::new();
    let keep = desk.keep();
    let missing = desk.workspace.put_away(&path("none"), &keep).unwrap_err();
    assert!(matches!(missing, WorkspaceError::NotFound { .. }), "{missing}");
    assert!(desk.workspace.put_away(&WorkspacePath::root(), &keep).is_err());
    assert!(desk.workspace.take_back(&keep, &path("none")).is_err());
}

#[test]
fn another_file_system_gets_a_copy_and_keeps_it_whole() {
    let mut desk = Desk::new();
    fs::create_dir_all(desk.at("a/b")).unwrap();
    fs::write(desk.at("a/b/c"), vec![7_u8; 300_000]).unwrap();
    symlink("c", desk.at("a/b/link")).unwrap();
    let keep = desk.keep();
    let from = desk.workspace.root.folder(Path::new("")).unwrap();
    let to = outside(&keep).unwrap();
    copy((from.as_fd(), OsStr::new("a")), (to.as_fd(), OsStr::new(CONTENT)), 0).unwrap();
    // A second copy finds the name taken and touches nothing.
    let taken = copy((from.as_fd(), OsStr::new("a")), (to.as_fd(), OsStr::new(CONTENT)), 0);
    assert_eq!(taken, Err(Errno::EXIST));
    remove(from.as_fd(), OsStr::new("a"), 0).unwrap();
    assert!(!desk.at("a").exists());
    desk.workspace.take_back(&keep, &path("a")).unwrap();
    assert_eq!(fs::read(desk.at("a/b/link")).unwrap(), vec![7_u8; 300_000]);
}
