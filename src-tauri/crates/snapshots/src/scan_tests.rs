use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::time::Duration;

use super::*;
use crate::history::lock;
use crate::index::Known;
use crate::testing::{Place, place, words};

/// Waits until what was written is old enough for its stamp to be believed.
fn age(place: &Place) {
    let times = Times::of(place.workspace.root_handle());
    std::thread::sleep(Duration::from_nanos(times.granularity as u64) + Duration::from_millis(20));
}

/// Everything that the history knows of the workspace, by path.
fn known(place: &Place) -> Vec<(String, Known)> {
    fn walk(folder: &Folder, path: &[u8], found: &mut Vec<(String, Known)>) {
        for item in &folder.items {
            let path = crate::entry::below(path, &item.name);
            match &item.node {
                Node::File(known) => found.push((crate::entry::shown(&path), *known)),
                Node::Folder(folder) => walk(folder, &path, found),
            }
        }
    }
    let mut found = Vec::new();
    walk(&root(place), &[], &mut found);
    found
}

fn root(place: &Place) -> Arc<Folder> {
    Arc::clone(&lock(&place.history.shared.writer).live.index().unwrap().root)
}

/// A scan with `old` for what is known; nothing of it is kept.
fn scan(place: &Place, old: &Arc<Folder>) -> Arc<Folder> {
    let (batch, progress) = (place.history.shared.objects.batch(), Progress::default());
    let rights = &place.history.shared.rights;
    let scan = Scan {
        batch: &batch,
        max_file_bytes: 1_000_000,
        progress: &progress,
        threads: Threads::Many,
        rules: &place.history.shared.rules,
        rights,
    };
    let look = Look::Whole(Suspicion::Unsuspected, None);
    scan.workspace(place.workspace.root_handle(), Some(old), look).unwrap()
}

/// The folder with what is known of the file `name` in it changed.
fn with_file(folder: &Folder, name: &[u8], change: impl FnOnce(&mut Known)) -> Arc<Folder> {
    let mut items = folder.items.clone();
    let item = items.iter_mut().find(|item| *item.name == *name).unwrap();
    let Node::File(known) = &mut item.node else { panic!("no file") };
    change(known);
    Arc::new(Folder::new(folder.id, folder.listed, items, folder.left_out.clone(), folder.rules.clone()))
}

fn set_times(path: &std::path::Path, like: &fs::Metadata) {
    let file = fs::File::options().write(true).open(path).unwrap();
    let times =
        fs::FileTimes::new().set_accessed(like.accessed().unwrap()).set_modified(like.modified().unwrap());
    file.set_times(times).unwrap();
}

#[test]
fn stamps_of_the_last_moments_are_not_trusted() {
    let stamp = |changed, modified| Stamp { size: 1, modified, changed, inode: 1, mode: 0 };
    let times = Times { granularity: 1_000, folders: FolderTimes::Believed };
    let now = 10_000;
    let old = stamp(now - 1_001, 0);
    assert_eq!(times.trusted(old, now), Some(old));
    assert_eq!(times.trusted(stamp(now - 1_000, 0), now), None);
    assert_eq!(times.trusted(stamp(now, 0), now), None);
    // A clock that was set back, and a time in the future.
    assert_eq!(times.trusted(stamp(now * 2, 0), now), None);
    assert_eq!(times.trusted(stamp(0, now), now), None);
    assert_eq!(times.trusted(stamp(i64::MAX, i64::MAX), now), None);
}

/// Right after a record, an edit of the same size at once leaves the same size and, on a coarse clock, the
/// same times. Two hundred rounds, each within one tick of the one before.
#[test]
fn edits_within_one_tick_are_found() {
    let place = place();
    place.write("file", "000");
    let mut tip = place.snapshot();
    for round in 1..200 {
        fs::write(place.root.join("file"), format!("{round:03}")).unwrap();
        let recorded = place.record(Some(&tip));
        assert!(recorded.changed, "round {round}");
        tip = recorded.snapshot;
    }
    assert_eq!(place.history.read(&tip, "file", 10).unwrap().unwrap(), b"199");
}

#[test]
fn an_edit_with_the_old_size_and_time_is_found_once_stamps_are_trusted() {
    let place = place();
    place.write("edited", "one");
    place.write("replaced", "one");
    place.write("chmodded", "one");
    symlink("target-a", place.root.join("link")).unwrap();
    age(&place);
    let before = place.snapshot();
    // The stamps are believed now: nothing is read again.
    let known = known(&place);
    assert!(known.iter().all(|(_, known)| known.stamp.is_some()), "{known:?}");

    let like = |name: &str| fs::metadata(place.root.join(name)).unwrap();
    let (edited, replaced, chmodded) = (like("edited"), like("replaced"), like("chmodded"));
    fs::write(place.root.join("edited"), "two").unwrap();
    set_times(&place.root.join("edited"), &edited);
    fs::write(place.root.join("new"), "two").unwrap();
    set_times(&place.root.join("new"), &replaced);
    fs::rename(place.root.join("new"), place.root.join("replaced")).unwrap();
    fs::set_permissions(place.root.join("chmodded"), fs::Permissions::from_mode(0o755)).unwrap();
    set_times(&place.root.join("chmodded"), &chmodded);
    fs::remove_file(place.root.join("link")).unwrap();
    symlink("target-b", place.root.join("link")).unwrap();
    for (name, before) in [("edited", &edited), ("replaced", &replaced), ("chmodded", &chmodded)] {
        let after = like(name);
        assert_eq!((after.len(), after.mtime_nsec()), (before.len(), before.mtime_nsec()), "{name}");
    }
    let after = place.record(Some(&before));
    assert_eq!(
        words(&place.history.diff(Some(&before), &after.snapshot).unwrap()),
        ["modified chmodded", "modified edited", "modified link", "modified replaced"]
    );
}

#[test]
fn an_unchanged_file_is_not_read_again() {
    let place = place();
    place.write("file", "content");
    age(&place);
    place.snapshot();
    let root = root(&place);
    // Only a scan that believes the stamp takes this for the content of the file.
    let forged = with_file(&root, b"file", |known| known.id = EMPTY_TREE);
    let id = |folder: &Folder| folder.node(b"file").unwrap().entry().id;
    assert_eq!(id(&scan(&place, &forged)), EMPTY_TREE);
    let doubted = with_file(&forged, b"file", |known| known.stamp = None);
    assert_eq!(id(&scan(&place, &doubted)), id(&root));
}

/// A folder whose own stamp is the same is not listed again; one that was changed too shortly before is.
#[test]
fn an_unchanged_folder_is_not_listed_again() {
    let place = place();
    place.write("one", "1");
    place.write("two", "2");
    age(&place);
    place.snapshot();
    let full = root(&place);
    assert!(full.listed.is_some());
    // Only a scan that lists the folder finds the file that is missing here.
    let hidden: Vec<Item> = full.items.iter().filter(|item| *item.name != *b"two").cloned().collect();
    let partial = |listed| Arc::new(Folder::new(full.id, listed, hidden.clone(), Vec::new(), None));
    assert_eq!(scan(&place, &partial(full.listed)).items.len(), 1);
    assert_eq!(scan(&place, &partial(None)).items.len(), 2);
    place.write("three", "3");
    assert_eq!(scan(&place, &partial(full.listed)).items.len(), 3);
}

/// Nothing is made anew where nothing changed, so that a state is compared and saved cheaply.
#[test]
fn what_did_not_change_is_shared() {
    let place = place();
    place.write("a/b/file", "1");
    place.write("c/d/file", "2");
    age(&place);
    place.snapshot();
    let before = root(&place);
    assert!(Arc::ptr_eq(&scan(&place, &before), &before));
    place.write("a/b/file", "3");
    let after = scan(&place, &before);
    let folder = |root: &Arc<Folder>, path: &[u8]| match root.at(path) {
        Some(Node::Folder(folder)) => Arc::clone(folder),
        other => panic!("{other:?}"),
    };
    assert!(Arc::ptr_eq(&folder(&after, b"c"), &folder(&before, b"c")));
    assert!(!Arc::ptr_eq(&folder(&after, b"a/b"), &folder(&before, b"a/b")));
}

#[test]
fn a_mounted_file_system_is_left_out() {
    let place = place();
    fs::create_dir(place.root.join("mounted")).unwrap();
    place.write("file", "x");
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "tmpfs"])
        .arg(place.root.join("mounted"))
        .output()
        .is_ok_and(|output| output.status.success());
    if !mounted {
        // Only root may mount.
        return;
    }
    fs::write(place.root.join("mounted/foreign"), "x").unwrap();
    let recorded = place.record(None);
    let unmounted = std::process::Command::new("umount").arg(place.root.join("mounted")).status().unwrap();
    assert!(unmounted.success());
    assert_eq!(recorded.skipped.len(), 1);
    assert_eq!(recorded.skipped[0].reason, "another file system is mounted here, and is not recorded");
    assert_eq!(recorded.changes.added, 1);
}

#[test]
fn deep_and_many_folders_are_recorded() {
    let place = place();
    let deep = "d/".repeat(150) + "file";
    place.write(&deep, "deep");
    for number in 0..300 {
        place.write(&format!("many/{}/{number}", number % 17), "x");
    }
    let id = place.snapshot();
    assert_eq!(place.history.read(&id, &deep, 10).unwrap().unwrap(), b"deep");
    place.fsck();
    place.write(&("e/".repeat(250) + "file"), "too deep");
    let recorded = place.record(Some(&id));
    assert_eq!(recorded.skipped.len(), 1);
    assert_eq!(recorded.skipped[0].reason, "folders are nested too deeply");
    place.fsck();
}
