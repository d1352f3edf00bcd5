use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use super::*;

struct Place {
    _folder: tempfile::TempDir,
    outside: PathBuf,
    workspace: Workspace,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let outside = folder.path().join("outside");
    fs::create_dir(&outside).unwrap();
    let workspace = Workspace::create(&folder.path().join("some/workspace")).unwrap();
    Place { _folder: folder, outside, workspace }
}

fn path(text: &str) -> WorkspacePath {
    WorkspacePath::parse(text).unwrap()
}

#[test]
fn every_way_to_name_a_file_leads_to_it() {
    let place = place();
    let workspace = &place.workspace;
    let root = workspace.root().to_str().unwrap();
    for named in ["a/b", "./a/b", "/mnt/okcomputer/a/b", "/mnt/okcomputer//a/./b/", &format!("{root}/a/b")] {
        assert_eq!(workspace.resolve(named).unwrap().as_str(), "a/b", "{named}");
    }
    for named in ["", ".", "/mnt/okcomputer", "/mnt/okcomputer/", root] {
        assert!(workspace.resolve(named).unwrap().is_root(), "{named}");
    }
    for refused in
        ["/", "/etc/passwd", "/mnt/okcomputers/a", "/mnt/okcomputer/../x", "../x", "a/../../x", "a\0", "/mnt"]
    {
        assert!(matches!(workspace.resolve(refused), Err(WorkspaceError::InvalidPath { .. })), "{refused:?}");
    }
}

#[test]
fn reading_says_how_much_there_is() {
    let place = place();
    fs::write(place.workspace.root().join("file"), "0123456789").unwrap();
    let read = |max| place.workspace.read(&path("file"), max).unwrap();
    assert_eq!(read(4), ReadBytes { bytes: b"0123".to_vec(), size: 10, truncated: true });
    assert_eq!(read(10), ReadBytes { bytes: b"0123456789".to_vec(), size: 10, truncated: false });
    assert_eq!(read(0), ReadBytes { bytes: Vec::new(), size: 10, truncated: true });
}

#[test]
fn what_is_no_file_is_not_read() {
    let place = place();
    let root = place.workspace.root();
    fs::create_dir(root.join("folder")).unwrap();
    fs::write(root.join("file"), "").unwrap();
    fs::write(place.outside.join("secret"), "secret").unwrap();
    symlink(place.outside.join("secret"), root.join("escape")).unwrap();
    symlink(&place.outside, root.join("escape-folder")).unwrap();
    rustix::fs::mkfifoat(place.workspace.root_handle(), "pipe", Mode::from_raw_mode(0o600)).unwrap();
    let error = |name: &str| place.workspace.read(&path(name), 10).unwrap_err();
    assert!(matches!(error("folder"), WorkspaceError::IsFolder { .. }));
    assert!(matches!(error(""), WorkspaceError::IsFolder { .. }));
    assert!(matches!(error("missing"), WorkspaceError::NotFound { .. }));
    assert!(matches!(error("file/below"), WorkspaceError::NotAFolder { .. }));
    assert!(matches!(error("escape"), WorkspaceError::Outside { .. }));
    assert!(matches!(error("escape-folder/secret"), WorkspaceError::Outside { .. }));
    // A pipe without a writer would block for ever.
    assert!(matches!(error("pipe"), WorkspaceError::Special { .. }));
    // Magic links name open files of processes.
    symlink("/proc/self/root/etc/hostname", root.join("magic")).unwrap();
    assert!(matches!(error("magic"), WorkspaceError::Outside { .. }));
}

#[test]
fn folders_are_listed_first_and_links_as_links() {
    let place = place();
    let root = place.workspace.root();
    fs::create_dir_all(root.join("zoo/in")).unwrap();
    fs::write(root.join("Alpha.txt"), "12345").unwrap();
    fs::write(root.join("beta.txt"), "").unwrap();
    fs::write(root.join(format!("{TEMPORARY_PREFIX}1")), "").unwrap();
    fs::write(root.join(std::ffi::OsStr::from_bytes(b"caf\xE9")), "x").unwrap();
    symlink("zoo", root.join("link")).unwrap();
    let (entries, truncated) = place.workspace.list(&WorkspacePath::root(), 10).unwrap();
    let short: Vec<_> = entries.iter().map(|entry| (entry.name.as_str(), entry.kind, entry.size)).collect();
    assert_eq!(
        short,
        [
            ("zoo", EntryKind::Folder, 0),
            ("Alpha.txt", EntryKind::File, 5),
            ("beta.txt", EntryKind::File, 0),
            ("caf\u{FFFD}E9", EntryKind::File, 1),
            ("link", EntryKind::Link, 3),
        ]
    );
    assert!(!truncated);
    assert_eq!(place.workspace.read(&path("caf\u{FFFD}E9"), 9).unwrap().bytes, b"x");
    let (entries, truncated) = place.workspace.list(&WorkspacePath::root(), 2).unwrap();
    assert_eq!((entries.len(), truncated), (2, true));
    assert_eq!(place.workspace.list(&path("zoo"), 9).unwrap().0[0].path, "zoo/in");
    assert!(matches!(place.workspace.list(&path("beta.txt"), 9), Err(WorkspaceError::NotAFolder { .. })));
}

#[test]
fn metadata_follows_links_that_stay_inside() {
    let place = place();
    let root = place.workspace.root();
    fs::create_dir(root.join("folder")).unwrap();
    fs::write(root.join("folder/file"), "123").unwrap();
    symlink("folder/file", root.join("link")).unwrap();
    symlink("/etc/hostname", root.join("escape")).unwrap();
    symlink("nowhere", root.join("dangling")).unwrap();
    let seen = |name: &str| {
        place.workspace.metadata(&path(name)).unwrap().map(|entry| (entry.path, entry.kind, entry.size))
    };
    let modified = fs::metadata(root.join("folder/file")).unwrap().modified().unwrap();
    let modified = modified.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
    assert_eq!(place.workspace.metadata(&path("folder/file")).unwrap().unwrap().modified_at, modified);
    assert_eq!(seen("folder/file"), Some(("folder/file".into(), EntryKind::File, 3)));
    assert_eq!(seen("link"), Some(("link".into(), EntryKind::File, 3)));
    assert_eq!(seen("escape").unwrap().1, EntryKind::Link);
    assert_eq!(seen("dangling").unwrap().1, EntryKind::Link);
    assert_eq!(seen(""), Some((String::new(), EntryKind::Folder, 0)));
    assert_eq!(seen("missing/deep"), None);
    assert_eq!(seen("folder/file/below"), None);
}

/// Another thread swaps a folder for a link to the outside, again and again, while this one writes and
/// reads two thousand files through it. Whatever the moment, nothing appears outside and nothing of the
/// outside is read.
#[test]
fn a_race_with_a_symbolic_link_leads_nowhere() {
    let place = place();
    let root = place.workspace.root().to_path_buf();
    let outside = &place.outside;
    fs::write(outside.join("secret"), "secret").unwrap();
    fs::create_dir(root.join("real")).unwrap();
    fs::write(root.join("real/secret"), "harmless").unwrap();
    fs::rename(root.join("real"), root.join("folder")).unwrap();
    symlink(outside, root.join("trap")).unwrap();
    let stop = AtomicBool::new(false);
    let swaps = AtomicU32::new(0);
    let (mut written, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        let swapper = scope.spawn(|| {
            let handle = place.workspace.root_handle();
            while !stop.load(Ordering::Relaxed) {
                #[cfg(target_os = "linux")]
                rustix::fs::renameat_with(
                    handle,
                    "folder",
                    handle,
                    "trap",
                    rustix::fs::RenameFlags::EXCHANGE,
                )
                .unwrap();
                swaps.fetch_add(1, Ordering::Relaxed);
                std::thread::yield_now();
            }
        });
        // On a busy machine the other thread needs longer to come to a race.
        let begun = std::time::Instant::now();
        let mut number = 0;
        let is_race =
            |written: u32, refused: u32| swaps.load(Ordering::Relaxed) > 100 && written > 0 && refused > 0;
        while number < 2_000 || (!is_race(written, refused) && begun.elapsed().as_secs() < 60) {
            number += 1;
            match place.workspace.write_atomic(&path(&format!("folder/new/file-{number}")), b"content") {
                Ok(()) => written += 1,
                Err(_) => refused += 1,
            }
            if let Ok(read) = place.workspace.read(&path("folder/secret"), 100) {
                assert_eq!(read.bytes, b"harmless");
            }
            let _ = place.workspace.append(&path("folder/log"), b"line\n", &|_| false);
        }
        stop.store(true, Ordering::Relaxed);
        swapper.join().unwrap();
    });
    let swaps = swaps.into_inner();
    assert!(
        swaps > 100 && written > 0 && refused > 0,
        "no race: {swaps} swaps, {written} written, {refused} refused"
    );
    let found: Vec<_> = fs::read_dir(outside).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(found, ["secret"]);
    assert_eq!(fs::read(outside.join("secret")).unwrap(), b"secret");
}
