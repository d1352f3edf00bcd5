use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use super::*;

fn place() -> (tempfile::TempDir, Workspace) {
    let folder = tempfile::tempdir().unwrap();
    let workspace = Workspace::create(&folder.path().join("workspace")).unwrap();
    (folder, workspace)
}

fn path(text: &str) -> WorkspacePath {
    WorkspacePath::parse(text).unwrap()
}

fn names(folder: &Path) -> Vec<OsString> {
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    names
}

#[test]
fn a_file_is_replaced_whole_and_keeps_its_mode() {
    let (_folder, workspace) = place();
    workspace.write_atomic(&path("new/folder/run.sh"), b"one").unwrap();
    let file = workspace.root().join("new/folder/run.sh");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o750)).unwrap();
    let before = fs::File::open(&file).unwrap();
    let inode = before.metadata().unwrap().ino();
    workspace.write_atomic(&path("new/folder/run.sh"), b"two").unwrap();
    let after = fs::metadata(&file).unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"two");
    assert_eq!(after.permissions().mode() & 0o777, 0o750);
    assert_ne!(after.ino(), inode, "the file was written in place");
    // Who had it open still sees the old content.
    assert_eq!(std::io::read_to_string(before).unwrap(), "one");
    assert_eq!(names(&workspace.root().join("new/folder")), ["run.sh"]);
}

/// A list that gives the owner and one user reading and writing, the group reading, others nothing.
fn access_list() -> Vec<u8> {
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, rights, user) in
        [(1, 6, u32::MAX), (2, 6, 33), (4, 4, u32::MAX), (0x10, 6, u32::MAX), (0x20, 0, u32::MAX)]
    {
        list.extend([tag, 0, rights, 0]);
        list.extend(u32::to_le_bytes(user));
    }
    list
}

#[cfg(target_os = "linux")]
fn attribute(file: &Path, name: &str) -> Option<Vec<u8>> {
    let mut value = vec![0; 1000];
    let length = rustix::fs::getxattr(file, name, value.as_mut_slice()).ok()?;
    value.truncate(length);
    Some(value)
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_is_replaced_keeps_whom_it_belongs_to_and_who_may_use_it() {
    use rustix::fs::{XattrFlags, setxattr};
    let folder = tempfile::tempdir_in(std::env::current_dir().unwrap()).unwrap();
    let workspace = Workspace::create(&folder.path().join("workspace")).unwrap();
    let file = workspace.root().join("file");
    let nothing = XattrFlags::empty();
    for name in ["file", "plain"] {
        workspace.write_atomic(&path(name), b"one").unwrap();
    }
    if setxattr(&file, "user.note", b"kept", nothing).is_err() {
        eprintln!("not run: this file system has no attributes");
        return;
    }
    // Root may give files away.
    let given = std::os::unix::fs::chown(&file, Some(1234), Some(2345)).is_ok();
    let before = fs::metadata(&file).unwrap();
    setxattr(&file, "system.posix_acl_access", &access_list(), nothing).unwrap();
    workspace.write_atomic(&path("file"), b"two").unwrap();
    let after = fs::metadata(&file).unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"two");
    assert_eq!(attribute(&file, "user.note").as_deref(), Some(&b"kept"[..]));
    assert_eq!(attribute(&file, "system.posix_acl_access"), Some(access_list()));
    assert_eq!((after.uid(), after.gid()), (before.uid(), before.gid()), "given away before: {given}");
    assert_eq!(after.permissions().mode() & 0o777, 0o660);

    // What the folder gives to new files does not go to one that has been there without it.
    setxattr(workspace.root(), "system.posix_acl_default", &access_list(), nothing).unwrap();
    workspace.write_atomic(&path("plain"), b"two").unwrap();
    assert_eq!(attribute(&workspace.root().join("plain"), "system.posix_acl_access"), None);
    workspace.write_atomic(&path("new"), b"one").unwrap();
    assert!(attribute(&workspace.root().join("new"), "system.posix_acl_access").is_some());
}

#[test]
fn nobody_else_reads_a_file_while_it_is_replaced() {
    let (_folder, workspace) = place();
    workspace.write_atomic(&path("secret"), b"one").unwrap();
    fs::set_permissions(workspace.root().join("secret"), fs::Permissions::from_mode(0o600)).unwrap();
    let mut modes = Vec::new();
    let mut fill = |file: &mut File| {
        modes.push(file.metadata()?.permissions().mode() & 0o077);
        file.write_all(b"two")
    };
    workspace.write_with(&path("secret"), &mut fill).unwrap();
    assert_eq!(modes, [0]);
}

#[test]
fn a_link_inside_keeps_leading_to_what_was_written() {
    let (folder, workspace) = place();
    let root = workspace.root();
    fs::create_dir_all(root.join("a/b")).unwrap();
    fs::write(root.join("a/target"), "old").unwrap();
    symlink("../target", root.join("a/b/link")).unwrap();
    symlink("b", root.join("a/short")).unwrap();
    workspace.write_atomic(&path("a/short/link"), b"new").unwrap();
    assert_eq!(fs::read(root.join("a/target")).unwrap(), b"new");
    assert!(root.join("a/b/link").is_symlink());

    symlink("/mnt/okcomputer/a/target", root.join("mounted")).unwrap();
    workspace.write_atomic(&path("mounted"), b"newer").unwrap();
    assert_eq!(fs::read(root.join("a/target")).unwrap(), b"newer");

    fs::write(folder.path().join("outside"), "untouched").unwrap();
    symlink("../outside", root.join("escape")).unwrap();
    symlink("../created", root.join("escape-new")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    let error = |name: &str| workspace.write_atomic(&path(name), b"x").unwrap_err();
    assert!(matches!(error("escape"), WorkspaceError::Outside { .. }));
    assert!(matches!(error("escape-new"), WorkspaceError::Outside { .. }));
    assert!(matches!(error("loop"), WorkspaceError::TooManyLinks { .. }));
    assert_eq!(fs::read(folder.path().join("outside")).unwrap(), b"untouched");
    assert!(matches!(
        workspace.append(&path("escape-new"), b"x", &|_| false),
        Err(WorkspaceError::Outside { .. })
    ));
    assert_eq!(names(folder.path()), ["outside", "workspace"]);
}

#[test]
fn what_is_no_file_is_not_overwritten() {
    let (_folder, workspace) = place();
    fs::create_dir(workspace.root().join("folder")).unwrap();
    fs::write(workspace.root().join("file"), "").unwrap();
    rustix::fs::mkfifoat(workspace.root_handle(), "pipe", Mode::from_raw_mode(0o600)).unwrap();
    let error = |name: &str| workspace.write_atomic(&path(name), b"x").unwrap_err();
    assert!(matches!(error("folder"), WorkspaceError::IsFolder { .. }));
    assert!(matches!(error(""), WorkspaceError::IsFolder { .. }));
    assert!(matches!(error("pipe"), WorkspaceError::Special { .. }));
    assert!(matches!(error("file/below"), WorkspaceError::NotAFolder { .. }));
    assert!(matches!(workspace.append(&path("pipe"), b"x", &|_| false), Err(WorkspaceError::Special { .. })));
    assert!(matches!(
        workspace.append(&path("folder"), b"x", &|_| false),
        Err(WorkspaceError::IsFolder { .. })
    ));
}

#[test]
fn a_failed_write_leaves_the_old_file_and_no_other() {
    let (_folder, workspace) = place();
    workspace.write_atomic(&path("file"), b"old").unwrap();
    let full = || io::Error::from_raw_os_error(Errno::NOSPC.raw_os_error());
    let error = workspace
        .write_with(&path("file"), &mut |file| file.write_all(b"half").and(Err(full())))
        .unwrap_err();
    assert!(matches!(error, WorkspaceError::DiskFull { .. }), "{error:?}");
    assert_eq!(
        error.to_string(),
        "The disk is full: `file` could not be written. Free some space and try again."
    );
    assert_eq!(fs::read(workspace.root().join("file")).unwrap(), b"old");
    assert_eq!(names(workspace.root()), ["file"]);
}

#[test]
fn appending_makes_the_file_and_adds_to_it() {
    let (_folder, workspace) = place();
    workspace.append(&path("logs/today"), b"one\n", &|_| false).unwrap();
    workspace.append(&path("logs/today"), b"two\n", &|_| false).unwrap();
    assert_eq!(fs::read(workspace.root().join("logs/today")).unwrap(), b"one\ntwo\n");
}

#[test]
fn names_of_any_bytes_can_be_written() {
    let (_folder, workspace) = place();
    workspace.write_atomic(&path("caf\u{FFFD}E9/日本語"), b"x").unwrap();
    let folder = workspace.root().join(OsStr::from_bytes(b"caf\xE9"));
    assert_eq!(fs::read(folder.join("日本語")).unwrap(), b"x");
}

#[test]
fn what_is_kept_is_not_written_by_a_link_either() {
    let (_folder, workspace) = place();
    let root = workspace.root().to_owned();
    fs::create_dir_all(root.join("kept/inner")).unwrap();
    fs::write(root.join("kept/old"), "old").unwrap();
    for (link, target) in
        [("way", "kept/inner"), ("mounted", "/mnt/okcomputer/kept/inner"), ("file", "kept/old")]
    {
        symlink(target, root.join(link)).unwrap();
    }
    let kept = |place: &Path| place.starts_with("kept");
    for name in ["kept/new", "kept/old", "way/new", "mounted/new", "file"] {
        for written in [
            workspace.write_atomic_except(&path(name), b"new", &kept),
            workspace.append(&path(name), b"new", &kept),
        ] {
            assert!(matches!(written, Err(WorkspaceError::InvalidPath { .. })), "{name}: {written:?}");
        }
    }
    assert_eq!(fs::read(root.join("kept/old")).unwrap(), b"old");
    workspace.write_atomic_except(&path("free/new"), b"new", &kept).unwrap();
    assert_eq!(workspace.end_of(&path("free/new")), Some(path("free/new")));
    assert_eq!(workspace.end_of(&path("file")), Some(path("kept/old")));
    assert_eq!(workspace.end_of(&path("mounted")), Some(path("kept/inner")));
    assert_eq!([workspace.end_of(&path("nothing")), workspace.end_of(&path("way/no"))], [None, None]);
}

/// A real small file system, where this machine lets the test make one.
#[cfg(target_os = "linux")]
#[test]
fn what_does_not_fit_is_not_added_in_part() {
    let folder = tempfile::tempdir().unwrap();
    let mount = |words: &[&str]| {
        let output = std::process::Command::new("mount").args(words).arg(folder.path()).output();
        output.is_ok_and(|output| output.status.success())
    };
    if !mount(&["-t", "tmpfs", "-o", "size=1m", "tmpfs"]) {
        eprintln!("not run: no small disk can be mounted here");
        return;
    }
    let result = Workspace::open(folder.path()).map(|small| {
        small.write_atomic(&path("log"), &vec![b'x'; 900_000]).unwrap();
        let error = small.append(&path("log"), &vec![b'y'; 300_000], &|_| false);
        (error, fs::metadata(folder.path().join("log")).unwrap().len())
    });
    let unmounted = std::process::Command::new("umount").arg(folder.path()).status().unwrap();
    assert!(unmounted.success());
    let (error, length) = result.unwrap();
    assert!(matches!(error, Err(WorkspaceError::DiskFull { .. })), "{error:?}");
    assert_eq!(length, 900_000);
}
