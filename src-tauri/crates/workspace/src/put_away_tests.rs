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

fn take_back(workspace: &Workspace, keep: &Path, to: &str) -> Result<WorkspacePath, WorkspaceError> {
    workspace.take_back(keep, &path(to), |_| Ok(()))
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
    assert_eq!(take_back(&desk.workspace, &keep, "数据").unwrap(), path("数据"));
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
        .map(|keep| take_back(&desk.workspace, keep, "a.txt").unwrap().as_str().to_owned())
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
    let error = take_back(&desk.workspace, &keep, "deep/a").unwrap_err();
    assert!(matches!(error, WorkspaceError::NotAFolder { .. }), "{error}");
    fs::remove_file(desk.at("deep")).unwrap();
    take_back(&desk.workspace, &keep, "deep/a").unwrap();
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
    assert!(take_back(&desk.workspace, &keep, "none").is_err());
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
    let (from, to) = ((from.as_fd(), OsStr::new("a")), (to.as_fd(), OsStr::new(CONTENT)));
    let copied = copy(from, to, 0).unwrap();
    // A second copy finds the name taken and touches nothing.
    assert_eq!(copy(from, to, 0).err().map(|fault| fault.error), Some(Errno::EXIST));
    remove(from, &copied, Side::Original).unwrap();
    assert!(!desk.at("a").exists());
    take_back(&desk.workspace, &keep, "a").unwrap();
    assert_eq!(fs::read(desk.at("a/b/link")).unwrap(), vec![7_u8; 300_000]);
}

#[test]
fn what_came_or_changed_after_the_copy_is_not_removed() {
    let mut desk = Desk::new();
    fs::create_dir_all(desk.at("a/b")).unwrap();
    for name in ["a/b/same", "a/b/longer", "a/b/other", "a/gone"] {
        fs::write(desk.at(name), "one").unwrap();
    }
    let keep = desk.keep();
    let from = desk.workspace.root.folder(Path::new("")).unwrap();
    let to = outside(&keep).unwrap();
    let (from, to) = ((from.as_fd(), OsStr::new("a")), (to.as_fd(), OsStr::new(CONTENT)));
    let copied = copy(from, to, 0).unwrap();
    fs::write(desk.at("a/b/new"), "new").unwrap();
    fs::write(desk.at("a/b/longer"), "longer").unwrap();
    // Another file of the same name and size.
    fs::write(desk.at("a/b/beside"), "two").unwrap();
    fs::rename(desk.at("a/b/beside"), desk.at("a/b/other")).unwrap();
    fs::remove_file(desk.at("a/gone")).unwrap();
    assert_eq!(remove(from, &copied, Side::Original), Err(Errno::BUSY));
    let mut left: Vec<_> =
        fs::read_dir(desk.at("a/b")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["longer", "new", "other"]);
    assert_eq!(fs::read_to_string(desk.at("a/b/other")).unwrap(), "two");
    for name in ["b/same", "b/longer", "b/other", "gone"] {
        assert_eq!(fs::read_to_string(keep.join(CONTENT).join(name)).unwrap(), "one", "{name}");
    }
}

/// A workspace in memory, which is another file system than that of temporary files.
#[cfg(target_os = "linux")]
fn in_memory() -> (tempfile::TempDir, Workspace) {
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let workspace = Workspace::create(&folder.path().join("work")).unwrap();
    (folder, workspace)
}

#[cfg(target_os = "linux")]
#[test]
fn a_copy_keeps_what_users_gave_to_a_file() {
    use rustix::fs::XattrFlags;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    let (_folder, workspace) = in_memory();
    let mut desk = Desk::new();
    let file = workspace.root().join("a");
    fs::write(&file, "content").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    // Not every system has them in memory.
    let has_attributes = rustix::fs::setxattr(&file, "user.note", b"mine", XattrFlags::empty()).is_ok();
    let before = fs::metadata(&file).unwrap();
    let keep = desk.keep();
    workspace.put_away(&path("a"), &keep).unwrap();
    let note = |file: &std::path::Path| {
        let mut value = [0; 16];
        rustix::fs::getxattr(file, "user.note", &mut value).map(|length| value[..length].to_vec())
    };
    let kept = keep.join(CONTENT);
    take_back(&workspace, &keep, "a").unwrap();
    let after = fs::metadata(&file).unwrap();
    assert!(!kept.exists());
    let told = |metadata: &fs::Metadata| (metadata.mode(), metadata.uid(), metadata.modified().unwrap());
    assert_eq!(told(&after), told(&before));
    assert_eq!(note(&file).ok(), has_attributes.then(|| b"mine".to_vec()));
}

#[cfg(target_os = "linux")]
#[test]
fn a_copy_that_cannot_be_finished_leaves_nothing_and_takes_nothing() {
    let (_folder, workspace) = in_memory();
    let mut desk = Desk::new();
    let deep = format!("a/z{}", "/d".repeat(MAX_DEPTH as usize));
    fs::create_dir_all(workspace.root().join(&deep)).unwrap();
    fs::write(workspace.root().join("a/file"), "kept").unwrap();
    let keep = desk.keep();
    workspace.put_away(&path("a"), &keep).unwrap_err();
    assert_eq!(fs::read_dir(&keep).unwrap().count(), 0);
    assert_eq!(fs::read_to_string(workspace.root().join("a/file")).unwrap(), "kept");
    assert!(workspace.root().join(&deep).is_dir());
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_stands_in_the_way_survives_a_copy_that_fails() {
    let (_folder, workspace) = in_memory();
    let mut desk = Desk::new();
    let keep = desk.keep();
    // What is no file, folder or link is not copied.
    drop(std::os::unix::net::UnixListener::bind(keep.join(CONTENT)).unwrap());
    fs::write(workspace.root().join("a"), "kept").unwrap();
    take_back(&workspace, &keep, "a").unwrap_err();
    assert_eq!(fs::read_to_string(workspace.root().join("a")).unwrap(), "kept");
}

#[cfg(target_os = "linux")]
#[test]
fn what_a_command_writes_into_a_folder_that_goes_is_never_lost() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let (_folder, workspace) = in_memory();
    let mut desk = Desk::new();
    let keep = desk.keep();
    let (there, beside) = (workspace.root().join("a"), workspace.root().join("b"));
    fs::create_dir(&there).unwrap();
    fs::create_dir(&beside).unwrap();
    fs::write(there.join("large"), vec![1_u8; 8 << 20]).unwrap();
    let (ended, begun) = (AtomicBool::new(false), AtomicBool::new(false));
    let (put, written) = std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let mut written = Vec::new();
            while !ended.load(Ordering::Acquire) {
                let name = format!("late-{}", written.len());
                // Whole from its first moment on.
                fs::write(beside.join(&name), &name).unwrap();
                if fs::rename(beside.join(&name), there.join(&name)).is_err() {
                    break;
                }
                written.push(name);
                begun.store(true, Ordering::Release);
                std::thread::sleep(std::time::Duration::from_micros(100));
            }
            written
        });
        while !begun.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        let put = workspace.put_away(&path("a"), &keep);
        ended.store(true, Ordering::Release);
        (put, writing.join().unwrap())
    });
    assert!(matches!(put, Err(WorkspaceError::PartlyRemoved { .. })), "{put:?}");
    assert_eq!(fs::metadata(keep.join(CONTENT).join("large")).unwrap().len(), 8 << 20);
    for name in &written {
        let places = [there.join(name), keep.join(CONTENT).join(name)];
        assert!(
            places.iter().any(|place| fs::read_to_string(place).is_ok_and(|text| text == *name)),
            "{name}"
        );
    }
    // A second time takes the rest.
    workspace.put_away(&path("a"), &desk.keep()).unwrap();
    assert!(!there.exists());
}

#[cfg(target_os = "linux")]
#[test]
fn half_a_copy_is_not_taken_for_the_whole_and_times_stay() {
    let (_folder, workspace) = in_memory();
    let mut desk = Desk::new();
    let keep = desk.keep();
    fs::create_dir(workspace.root().join("d")).unwrap();
    fs::write(workspace.root().join("d/file"), "one").unwrap();
    let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    fs::File::open(workspace.root().join("d/file")).unwrap().set_modified(old).unwrap();
    fs::File::open(workspace.root().join("d")).unwrap().set_modified(old).unwrap();
    // What a program that was killed in the middle leaves there.
    fs::create_dir(keep.join(format!("{TEMPORARY_PREFIX}moved-1"))).unwrap();
    fs::write(keep.join(format!("{TEMPORARY_PREFIX}moved-1/other")), "half").unwrap();
    assert!(!Workspace::is_put_away(&keep));
    take_back(&workspace, &keep, "d").unwrap_err();
    workspace.put_away(&path("d"), &keep).unwrap();
    assert!(Workspace::is_put_away(&keep));
    take_back(&workspace, &keep, "d").unwrap();
    let modified = |name: &str| fs::metadata(workspace.root().join(name)).unwrap().modified().unwrap();
    assert_eq!((modified("d"), modified("d/file")), (old, old));
}

#[cfg(target_os = "linux")]
#[test]
fn a_folder_with_a_pipe_goes_to_another_file_system_and_back() {
    use std::os::unix::fs::FileTypeExt;
    let (_folder, workspace) = in_memory();
    let mut desk = Desk::new();
    let keep = desk.keep();
    fs::create_dir(workspace.root().join("d")).unwrap();
    let pipe = workspace.root().join("d/pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
    workspace.put_away(&path("d"), &keep).unwrap();
    assert!(!pipe.exists());
    take_back(&workspace, &keep, "d").unwrap();
    assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_left_of_a_program_that_was_ended_while_it_brought_a_folder_back_keeps_nothing_from_coming_back_and_goes()
 {
    let (_folder, workspace) = in_memory();
    let mut desk = Desk::new();
    let keep = desk.keep();
    fs::create_dir(workspace.root().join("d")).unwrap();
    fs::write(workspace.root().join("d/file"), "one").unwrap();
    workspace.put_away(&path("d"), &keep).unwrap();
    // As one of an earlier version left it that had our number, and one of another program of today.
    for left in [format!("{PART}{}", std::process::id()), format!("{PART}0123456789abcdef-1")] {
        let half = workspace.root().join(format!("{TEMPORARY_PREFIX}{left}"));
        fs::create_dir_all(half.join("inner")).unwrap();
        fs::write(half.join("inner/file"), "o").unwrap();
        fs::set_permissions(half.join("inner"), fs::Permissions::from_mode(0o555)).unwrap();
    }
    let ours = workspace.root().join(format!("{}1", own_parts()));
    fs::create_dir(&ours).unwrap();
    assert_eq!(take_back(&workspace, &keep, "d").unwrap(), path("d"));
    workspace.sweep_taken_back(&path("d")).unwrap();
    workspace.sweep_taken_back(&path("not/there")).unwrap();
    let mut left: Vec<_> =
        fs::read_dir(workspace.root()).unwrap().map(|entry| entry.unwrap().path()).collect();
    left.sort();
    assert_eq!(left, [ours, workspace.root().join("d")]);
    assert_eq!(fs::read_to_string(workspace.root().join("d/file")).unwrap(), "one");
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_copied_is_named_itself() {
    let (_folder, workspace) = in_memory();
    let mut desk = Desk::new();
    fs::create_dir_all(workspace.root().join("d/e")).unwrap();
    drop(std::os::unix::net::UnixListener::bind(workspace.root().join("d/e/socket")).unwrap());
    let error = workspace.put_away(&path("d"), &desk.keep()).unwrap_err();
    assert!(matches!(&error, WorkspaceError::Special { path } if path == "d/e/socket"), "{error}");
}
