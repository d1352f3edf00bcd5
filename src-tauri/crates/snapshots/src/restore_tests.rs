use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use okcvm_protocol::{RestoreOutcome, SnapshotId};

use super::*;
use crate::History;
use crate::error::RestoreStage;
use crate::testing::{Node, Place, Tree, os, place, quick_place, tree, words};

#[path = "restore_mapped_tests.rs"]
mod mapped;
#[path = "restore_order_tests.rs"]
mod order;
#[path = "restore_respelled_tests.rs"]
mod respelled_tests;
#[path = "restore_walk_tests.rs"]
mod walk;

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn outcome(written: u32, removed: u32, before: &SnapshotId) -> RestoreOutcome {
    RestoreOutcome {
        written,
        removed,
        before: Some(before.clone()),
        unwritten: Vec::new(),
        unchanged: false,
        passed: Vec::new(),
    }
}

fn restore_all(place: &Place, from: &SnapshotId, to: &SnapshotId) -> Result<RestoreOutcome, SnapshotError> {
    place.history.restore(&place.workspace, from, to, &RestoreWhat::All)
}

/// The paths of a refused restore; nothing may have been touched.
fn refused(place: &Place, from: &SnapshotId, to: &SnapshotId) -> Vec<String> {
    let before = place.tree();
    let error = place.history.restore(&place.workspace, from, to, &RestoreWhat::All).unwrap_err();
    assert_eq!(place.tree(), before, "a refused restore touched something");
    match error {
        SnapshotError::Changed { paths, stage: RestoreStage::Before } => paths,
        other => panic!("{other:?}"),
    }
}

/// A small generator; the rounds are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    fn path(&mut self) -> Vec<u8> {
        let folders: [&[u8]; 5] = [b"a", b"b", b"caf\xE9", "文件".as_bytes(), b"a.b"];
        let files: [&[u8]; 6] = [b"f", b"g.txt", b"\xFF\xFE", b"a", b"new\nline", b"index.html"];
        let mut path = Vec::new();
        for _ in 0..self.below(4) {
            path.extend_from_slice(folders[self.below(folders.len())]);
            path.push(b'/');
        }
        path.extend_from_slice(files[self.below(files.len())]);
        path
    }
}

#[test]
fn a_restore_writes_what_differs_and_can_be_undone_and_redone() {
    let place = place();
    place.write("same", "same");
    place.write("edited", "old");
    place.write("deleted/deep/file", "come back");
    place.write("run.sh", "#!/bin/sh");
    symlink("same", place.root.join("link")).unwrap();
    fs::create_dir(place.root.join("empty")).unwrap();
    fs::write(place.root.join(os(b"caf\xE9")), "bytes").unwrap();
    let old_time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
    for name in ["same", "run.sh"] {
        fs::File::options().write(true).open(place.root.join(name)).unwrap().set_modified(old_time).unwrap();
    }
    let (first, first_tree) = (place.snapshot(), place.tree());

    place.write("edited", "new and longer");
    fs::remove_dir_all(place.root.join("deleted")).unwrap();
    fs::remove_dir(place.root.join("empty")).unwrap();
    place.write("added/deep/file", "new");
    fs::create_dir_all(place.root.join("added/void")).unwrap();
    chmod(&place.root.join("run.sh"), 0o755);
    fs::remove_file(place.root.join("link")).unwrap();
    symlink("edited", place.root.join("link")).unwrap();
    fs::rename(place.root.join(os(b"caf\xE9")), place.root.join(os(b"\xFF"))).unwrap();
    let (second, second_tree) = (place.record(Some(&first)).snapshot, place.tree());

    let same = || {
        let metadata = fs::metadata(place.root.join("same")).unwrap();
        (metadata.ino(), metadata.modified().unwrap(), metadata.ctime_nsec())
    };
    let untouched = same();
    let restore = |from, to| place.history.restore(&place.workspace, from, to, &RestoreWhat::All).unwrap();
    assert_eq!(restore(&second, &first), outcome(5, 2, &second));
    assert_eq!(place.tree(), first_tree);
    assert_eq!(fs::metadata(place.root.join("run.sh")).unwrap().modified().unwrap(), old_time);
    // Nothing left to do: nothing is written.
    assert_eq!(restore(&second, &first), outcome(0, 0, &second));
    assert_eq!(restore(&first, &second), outcome(5, 2, &first));
    assert_eq!(place.tree(), second_tree);
    assert_eq!(restore(&second, &first), outcome(5, 2, &second));
    assert_eq!(place.tree(), first_tree);
    assert_eq!(same(), untouched);
    assert_eq!(place.history.compare_live(&place.workspace, Some(&first)).unwrap(), []);
    place.fsck();
}

#[test]
fn what_was_changed_since_is_refused_with_the_list() {
    let place = place();
    for name in ["edited", "removed", "typed", "mode", "fine"] {
        place.write(name, "one");
    }
    let first = place.snapshot();
    for name in ["edited", "removed", "typed", "mode", "fine"] {
        place.write(name, "two");
    }
    place.write("sub/new", "two");
    let second = place.record(Some(&first)).snapshot;

    place.write("edited", "by hand");
    fs::remove_file(place.root.join("removed")).unwrap();
    fs::remove_file(place.root.join("typed")).unwrap();
    symlink("fine", place.root.join("typed")).unwrap();
    chmod(&place.root.join("mode"), 0o755);
    assert_eq!(refused(&place, &second, &first), ["edited", "mode", "removed", "typed"]);
    // What is already as it should be is no change.
    place.write("edited", "one");
    place.write("removed", "one");
    fs::remove_file(place.root.join("typed")).unwrap();
    place.write("typed", "two");
    chmod(&place.root.join("mode"), 0o644);
    assert_eq!(
        place.history.restore(&place.workspace, &second, &first, &RestoreWhat::All).unwrap(),
        outcome(3, 1, &second)
    );
    assert_eq!(place.history.compare_live(&place.workspace, Some(&first)).unwrap(), []);
    let error = SnapshotError::Changed { paths: vec!["a".into()], stage: RestoreStage::Before };
    assert!(error.to_app_error().hint.is_some());
}

#[test]
fn what_no_snapshot_holds_is_never_touched() {
    let place = place();
    place.history.set_max_file_bytes(1_000);
    place.write("base", "x");
    let first = place.snapshot();
    place.write("app/src/main.js", "code");
    place.write("app/node_modules/lib/index.js", "installed");
    place.write("app/.git/HEAD", "theirs");
    place.write("data/large.bin", "x".repeat(2_000));
    place.write("data/small.bin", "x");
    let second = place.record(Some(&first));
    assert_eq!(second.skipped.len(), 3);
    // Came after the record, in a folder that goes.
    place.write("app/src/untracked", "mine");
    place.history.restore(&place.workspace, &second.snapshot, &first, &RestoreWhat::All).unwrap();
    let left: Vec<String> = place.tree().into_keys().map(|path| shown(&path)).collect();
    assert_eq!(
        left,
        [
            "app",
            "app/.git",
            "app/.git/HEAD",
            "app/node_modules",
            "app/node_modules/lib",
            "app/node_modules/lib/index.js",
            "app/src",
            "app/src/untracked",
            "base",
            "data",
            "data/large.bin",
        ]
    );
    fs::remove_file(place.root.join("app/src/untracked")).unwrap();
    place.history.restore(&place.workspace, &first, &second.snapshot, &RestoreWhat::All).unwrap();
    assert_eq!(place.read("app/src/main.js"), "code");
    assert_eq!(place.read("data/large.bin").len(), 2_000);

    // A file that grew over the limit since then is not overwritten either; all else goes back.
    place.write("data/small.bin", "y".repeat(3_000));
    place.write("app/src/main.js", "new code");
    let third = place.record(Some(&second.snapshot)).snapshot;
    let done = restore_all(&place, &third, &second.snapshot).unwrap();
    let unwritten: Vec<&str> = done.unwritten.iter().map(|skipped| skipped.path.as_str()).collect();
    assert_eq!((done.written, unwritten), (1, vec!["data/small.bin"]));
    assert_eq!(place.read("app/src/main.js"), "code");
    assert_eq!(place.read("data/small.bin").len(), 3_000);
    assert_eq!(place.history.finish_restore(&place.workspace).unwrap(), None);
    // Nor is a folder with something left out in it replaced by a file.
    place.write("data/small.bin", "x");
    let fourth = place.record(Some(&third)).snapshot;
    fs::rename(place.root.join("app"), place.root.join("aside")).unwrap();
    place.write("app", "a file now");
    let fifth = place.record(Some(&fourth)).snapshot;
    place.history.restore(&place.workspace, &fifth, &fourth, &RestoreWhat::All).unwrap();
    place.write("app/node_modules/x", "installed");
    assert_eq!(refused(&place, &fourth, &fifth), ["app/node_modules"]);
}

/// Every kind of thing is replaced by every other, there and back.
#[test]
fn anything_can_take_the_place_of_anything() {
    type Make = fn(&Path);
    let kinds: [(&str, Make); 8] = [
        ("nothing", |_| ()),
        ("file", |path| fs::write(path, "file").unwrap()),
        ("program", |path| {
            fs::write(path, "file").unwrap();
            chmod(path, 0o755);
        }),
        ("link", |path| symlink("file", path).unwrap()),
        ("link to a folder", |path| symlink("..", path).unwrap()),
        ("empty folder", |path| fs::create_dir(path).unwrap()),
        ("folder", |path| {
            fs::create_dir_all(path.join("deep/er")).unwrap();
            fs::write(path.join("deep/er/file"), "inside").unwrap();
            fs::write(path.join("other"), "inside").unwrap();
        }),
        ("other folder", |path| {
            fs::create_dir_all(path.join("deep")).unwrap();
            fs::write(path.join("deep/er"), "a file where a folder was").unwrap();
            symlink("deep", path.join("other")).unwrap();
        }),
    ];
    let place = quick_place();
    let thing = place.root.join("around/thing");
    let mut snapshots: Vec<(&str, SnapshotId, Tree)> = Vec::new();
    for (name, make) in kinds {
        fs::create_dir_all(place.root.join("around")).unwrap();
        make(&thing);
        snapshots.push((name, place.snapshot(), place.tree()));
        fs::remove_dir_all(place.root.join("around")).unwrap();
    }
    fs::create_dir_all(place.root.join("around")).unwrap();
    let mut now = snapshots[0].1.clone();
    for (from_name, from, from_tree) in &snapshots {
        for (to_name, to, to_tree) in &snapshots {
            place.history.restore(&place.workspace, &now, from, &RestoreWhat::All).unwrap();
            assert_eq!(&place.tree(), from_tree, "back to {from_name}");
            place.history.restore(&place.workspace, from, to, &RestoreWhat::All).unwrap();
            assert_eq!(&place.tree(), to_tree, "{from_name} to {to_name}");
            place.history.restore(&place.workspace, from, to, &RestoreWhat::All).unwrap();
            assert_eq!(&place.tree(), to_tree, "{from_name} to {to_name}, again");
            now = to.clone();
        }
    }
}

#[test]
fn permission_bits_stay_and_hard_links_do_not_disturb() {
    let place = place();
    place.write("private", "one");
    place.write("program", "one");
    chmod(&place.root.join("private"), 0o600);
    chmod(&place.root.join("program"), 0o640);
    fs::hard_link(place.root.join("private"), place.root.join("twin")).unwrap();
    let first = place.snapshot();
    for name in ["private", "twin"] {
        fs::remove_file(place.root.join(name)).unwrap();
    }
    place.write("private", "two");
    chmod(&place.root.join("private"), 0o600);
    fs::hard_link(place.root.join("private"), place.root.join("twin")).unwrap();
    chmod(&place.root.join("program"), 0o750);
    let second = place.record(Some(&first)).snapshot;
    place.history.restore(&place.workspace, &second, &first, &RestoreWhat::All).unwrap();
    let mode = |name: &str| fs::metadata(place.root.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("private"), mode("twin"), mode("program")), (0o600, 0o600, 0o640));
    assert_eq!((place.read("private"), place.read("twin")), ("one".into(), "one".into()));
    place.history.restore(&place.workspace, &first, &second, &RestoreWhat::All).unwrap();
    assert_eq!(mode("program"), 0o750);
}

#[test]
fn links_that_appeared_since_lead_a_restore_nowhere() {
    let place = place();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("file"), "two").unwrap();
    place.write("folder/file", "one");
    let first = place.snapshot();
    place.write("folder/file", "two");
    place.write("folder/more", "two");
    let second = place.record(Some(&first)).snapshot;
    fs::rename(place.root.join("folder"), place.root.join("aside")).unwrap();
    symlink(outside.path(), place.root.join("folder")).unwrap();
    assert_eq!(refused(&place, &second, &first), ["folder/file"]);
    assert_eq!(refused(&place, &first, &second), ["folder", "folder/file"]);
    fs::remove_file(place.root.join("folder")).unwrap();
    rustix::fs::mkfifoat(place.workspace.root_handle(), "folder", rustix::fs::Mode::from_raw_mode(0o600))
        .unwrap();
    assert_eq!(
        place.history.restore(&place.workspace, &first, &second, &RestoreWhat::All).unwrap_err().to_string(),
        "Nothing was restored, since the restore would overwrite or remove what no snapshot holds: `folder`, \
         `folder/file`."
    );
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    assert_eq!(fs::read(outside.path().join("file")).unwrap(), b"two");
}

/// While restores run, another thread swaps a folder for a link to the outside. A restore may stop; it may
/// not follow.
#[cfg(target_os = "linux")]
#[test]
fn a_race_with_a_link_leads_a_restore_nowhere() {
    let place = quick_place();
    let outside = tempfile::tempdir().unwrap();
    for number in 0..40 {
        place.write(&format!("folder/{number}"), "one");
    }
    let first = place.snapshot();
    for number in 20..60 {
        place.write(&format!("folder/{number}"), "two");
    }
    let second = place.record(Some(&first)).snapshot;
    // The outside looks exactly like what a restore may change.
    for number in 0..60 {
        let name = number.to_string();
        fs::copy(place.root.join("folder").join(&name), outside.path().join(&name)).unwrap();
    }
    let before = tree(outside.path());
    symlink(outside.path(), place.root.join("trap")).unwrap();
    let stop = AtomicBool::new(false);
    let (mut done, mut stopped) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let handle = place.workspace.root_handle();
            while !stop.load(Ordering::Relaxed) {
                let exchange = rustix::fs::RenameFlags::EXCHANGE;
                rustix::fs::renameat_with(handle, "folder", handle, "trap", exchange).unwrap();
                std::thread::sleep(Duration::from_micros(200));
            }
        });
        for _ in 0..150 {
            for (from, to) in [(&second, &first), (&first, &second)] {
                match place.history.restore(&place.workspace, from, to, &RestoreWhat::All) {
                    Ok(_) => done += 1,
                    Err(_) => stopped += 1,
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    assert!(stopped > 0, "no race: {done} done");
    assert_eq!(tree(outside.path()), before);
}

#[test]
fn an_unfinished_restore_is_finished_by_running_it_again() {
    let place = quick_place();
    let mut random = Random(7);
    for number in 0..60 {
        place.write(&format!("{}/{number}", number % 5), "one");
    }
    let first = place.snapshot();
    let first_tree = place.tree();
    for number in 0..90 {
        let path = format!("{}/{number}", number % 7);
        match random.below(3) {
            0 => place.write(&path, "two"),
            1 => drop(fs::remove_file(place.root.join(&path))),
            _ => {}
        }
    }
    let second = place.record(Some(&first)).snapshot;
    let second_tree = place.tree();
    for round in 0..20 {
        // Any mixture of the two trees is a restore that was cut off somewhere.
        place.history.restore(&place.workspace, &first, &second, &RestoreWhat::All).unwrap();
        assert_eq!(place.tree(), second_tree);
        for path in first_tree.keys().chain(second_tree.keys()) {
            let full = place.root.join(os(path));
            match first_tree.get(path) {
                _ if random.below(2) == 0 => {}
                Some(Node::File { content, .. }) => {
                    fs::create_dir_all(full.parent().unwrap()).unwrap();
                    fs::write(full, content).unwrap();
                }
                None => drop(fs::remove_file(full)),
                Some(Node::Link(_) | Node::Folder) => {}
            }
        }
        // What a killed restore wrote down and staged.
        let cut_off = unfinished(&second, &first, &RestoreWhat::All);
        Intent::open(&place.dir).unwrap().begin(&cut_off).unwrap();
        place.write("0/.okcvm-tmp-restore-1-0", "staged");
        place.write(".okcvm-tmp-restore-1-1", "staged");
        assert_eq!(place.history.unfinished_restore().unwrap(), Some(cut_off));
        if round % 2 == 0 {
            assert!(place.history.finish_restore(&place.workspace).unwrap().is_some());
        } else {
            restore_all(&place, &second, &first).unwrap();
        }
        assert_eq!(place.tree(), first_tree, "round {round}");
        assert_eq!(place.history.unfinished_restore().unwrap(), None);
        assert_eq!(place.history.finish_restore(&place.workspace).unwrap(), None);
    }
}

/// A disk that has no room for the new contents: the restore fails, and everything is as it was.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_the_present_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let small = folder.path().join("small");
    fs::create_dir(&small).unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"])
        .arg(&small)
        .output()
        .is_ok_and(|output| output.status.success());
    if !mounted {
        // Only root may mount.
        return;
    }
    let result = std::panic::catch_unwind(|| {
        let workspace = okcvm_workspace::Workspace::create(&small.join("workspace")).unwrap();
        let history = History::open(&folder.path().join("history")).unwrap().history;
        let info = crate::RecordInfo { message: "m", author: crate::Author::User, at_ms: 0 };
        for number in 0..3 {
            fs::write(workspace.root().join(number.to_string()), vec![b'a'; 500_000]).unwrap();
        }
        let first = history.record(&workspace, None, info).unwrap().snapshot;
        for number in 0..3 {
            fs::write(workspace.root().join(number.to_string()), vec![b'b'; 500_000]).unwrap();
        }
        let second = history.record(&workspace, Some(&first), info).unwrap().snapshot;
        let before = tree(workspace.root());
        let error = history.restore(&workspace, &second, &first, &RestoreWhat::All).unwrap_err();
        assert!(matches!(error, SnapshotError::DiskFull { .. }), "{error:?}");
        assert_eq!(tree(workspace.root()), before);
    });
    let unmounted = std::process::Command::new("umount").arg(&small).status().unwrap();
    assert!(unmounted.success());
    if let Err(panic) = result {
        std::panic::resume_unwind(panic);
    }
}

/// Parts of a moment come back, and nothing else is touched.
#[test]
fn a_partial_restore_touches_only_its_paths() {
    let place = quick_place();
    for path in ["a/one", "a/two", "a.b", "b/deep/file", "c"] {
        place.write(path, "old");
    }
    symlink("c", place.root.join("link")).unwrap();
    let first = place.snapshot();
    for path in ["a/one", "a/two", "a.b", "b/deep/file", "c", "a/new", "new"] {
        place.write(path, "new content");
    }
    fs::remove_file(place.root.join("link")).unwrap();
    let second = place.record(Some(&first)).snapshot;
    let restore = |from: &SnapshotId, to: &SnapshotId, paths: &[&str]| {
        let before = place.stamps();
        let what = RestoreWhat::Paths(paths.iter().map(|path| (*path).to_owned()).collect());
        let done = place.history.restore(&place.workspace, from, to, &what).unwrap();
        let after = place.stamps();
        let keys: BTreeSet<_> = before.keys().chain(after.keys()).cloned().collect();
        let changed: Vec<String> = keys
            .into_iter()
            .filter(|path| before.get(path) != after.get(path))
            .map(|path| shown(&path))
            .collect();
        (done.written, done.removed, changed)
    };
    assert_eq!(restore(&second, &first, &["a/one"]), (1, 0, vec!["a/one".to_owned()]));
    let third = place.record(Some(&second)).snapshot;
    assert_eq!(
        restore(&third, &first, &["a", "link"]),
        (2, 1, ["a/new", "a/two", "link"].map(str::to_owned).to_vec())
    );
    let fourth = place.record(Some(&third)).snapshot;
    assert_eq!(restore(&fourth, &first, &["b/deep/", "nothing"]), (1, 0, vec!["b/deep/file".to_owned()]));
    let fifth = place.record(Some(&fourth)).snapshot;
    assert_eq!(restore(&fifth, &first, &[]), (0, 0, Vec::new()));
    // And back, to the state of the parts in the second.
    assert_eq!(restore(&fifth, &second, &["a/new", "a/two"]).2, ["a/new", "a/two"]);
    assert_eq!((place.read("a/one"), place.read("a/new")), ("old".into(), "new content".into()));
    place.fsck();
}

/// What a snapshot had left out is not removed by going back to it, even if it is recorded by now.
#[test]
fn what_the_target_left_out_stays() {
    let place = place();
    place.history.set_max_file_bytes(1_000);
    place.write("data/large", "x".repeat(2_000));
    let first = place.snapshot();
    place.history.set_max_file_bytes(1_000_000);
    place.write("data/other", "1");
    let second = place.record(Some(&first));
    assert_eq!(second.skipped, []);
    let done = restore_all(&place, &second.snapshot, &first).unwrap();
    assert_eq!((done.written, done.removed), (0, 1));
    assert_eq!(done.unwritten.len(), 1);
    assert_eq!(done.unwritten[0].path, "data/large");
    assert_eq!(place.read("data/large").len(), 2_000);
}

/// Another name of a file keeps its content and its mode, also outside of the workspace.
#[test]
fn another_name_of_a_restored_file_keeps_what_it_has() {
    let place = place();
    let outside = place.dir.parent().unwrap().join("outside");
    place.write("content", "one");
    place.write("mode", "same");
    let first = place.snapshot();
    place.write("content", "two");
    chmod(&place.root.join("mode"), 0o755);
    fs::hard_link(place.root.join("content"), &outside).unwrap();
    fs::hard_link(place.root.join("mode"), place.root.join("twin")).unwrap();
    let second = place.record(Some(&first)).snapshot;
    fs::hard_link(place.root.join("mode"), outside.with_extension("mode")).unwrap();
    let what = RestoreWhat::Paths(vec!["content".into(), "mode".into()]);
    place.history.restore(&place.workspace, &second, &first, &what).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((place.read("content"), fs::read_to_string(&outside).unwrap()), ("one".into(), "two".into()));
    assert_eq!(mode(&place.root.join("mode")), 0o644);
    assert_eq!((mode(&place.root.join("twin")), mode(&outside.with_extension("mode"))), (0o755, 0o755));
    assert_eq!(place.read("twin"), "same");
}

/// A folder that cannot be written to is found before anything is touched.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_that_cannot_be_written_to_stops_a_restore_before_it_begins() {
    let place = place();
    place.write("a", "1");
    place.write("locked/file", "1");
    let first = place.snapshot();
    place.write("a", "2");
    fs::remove_file(place.root.join("locked/file")).unwrap();
    let second = place.record(Some(&first)).snapshot;
    let attribute = |sign: &str| {
        let folder = place.root.join("locked");
        std::process::Command::new("chattr")
            .arg(sign)
            .arg(folder)
            .output()
            .is_ok_and(|out| out.status.success())
    };
    // Where the user is not root, permissions say it; root needs the attribute, which not every disk has.
    let by_attribute = attribute("+i");
    if !by_attribute {
        chmod(&place.root.join("locked"), 0o555);
        if rustix::process::geteuid().is_root() {
            return;
        }
    }
    let error = restore_all(&place, &second, &first).unwrap_err();
    let content = place.read("a");
    if by_attribute {
        assert!(attribute("-i"));
    } else {
        chmod(&place.root.join("locked"), 0o755);
    }
    assert!(matches!(&error, SnapshotError::Workspace { path, .. } if path == "locked"), "{error:?}");
    assert_eq!(content, "2");
    assert_eq!(place.history.unfinished_restore().unwrap(), None);
    restore_all(&place, &second, &first).unwrap();
    assert_eq!(place.read("locked/file"), "1");
}

#[test]
fn another_spelling_goes_by_way_of_a_third_name_and_is_gone_on_with() {
    let place = quick_place();
    let known: &live::Known<'_> = &|_, _| None;
    let mut live = Live::new(place.workspace.root_handle(), known).unwrap();
    let respelling = crate::names::Respelling { old: b"sub/README".to_vec(), new: b"sub/Readme".to_vec() };
    place.write("sub/README", "x");
    apply::respell(&mut live, &respelling).unwrap();
    assert_eq!(place.tree().into_keys().collect::<Vec<_>>(), [b"sub".to_vec(), b"sub/Readme".to_vec()]);
    // Cut off between the two steps: the third name is found again.
    let between = place.root.join("sub").join(os(&apply::name_between(b"Readme")));
    fs::rename(place.root.join("sub/Readme"), &between).unwrap();
    assert!(!place.record(None).skipped.is_empty(), "it is taken for the user's");
    apply::respell(&mut live, &respelling).unwrap();
    assert_eq!(place.tree().into_keys().collect::<Vec<_>>(), [b"sub".to_vec(), b"sub/Readme".to_vec()]);
    // Another file of the new name is not replaced.
    place.write("sub/README", "other");
    assert!(matches!(apply::respell(&mut live, &respelling), Err(SnapshotError::Changed { .. })));
    assert_eq!(place.read("sub/Readme"), "x");
}

/// The child of the test below: restores back and forth until it is killed.
#[test]
#[ignore = "run by another test"]
fn restores_until_it_is_killed() {
    let Some(dir) = std::env::var_os("OKCVM_TEST_RESTORE") else { return };
    let dir = std::path::PathBuf::from(dir);
    let workspace = Workspace::open(&dir.join("workspace")).unwrap();
    let history = History::open(&dir.join("history")).unwrap().history;
    let ids = fs::read_to_string(dir.join("ids")).unwrap();
    let (first, second) = ids.trim().split_once(' ').unwrap();
    let (first, second) = (SnapshotId(first.to_owned()), SnapshotId(second.to_owned()));
    fs::write(dir.join("ready"), "").unwrap();
    loop {
        for (from, to) in [(&second, &first), (&first, &second)] {
            history.restore(&workspace, from, to, &RestoreWhat::All).unwrap();
        }
    }
}

/// A hundred times a process is killed in the middle of a restore; each time the next one finishes it, and
/// the workspace is one of the two moments, byte for byte.
#[test]
fn a_restore_that_is_killed_is_finished() {
    let place = quick_place();
    for number in 0..120 {
        place.write(&format!("{}/{number}", number % 7), format!("first {number}"));
    }
    place.write("file-or-folder", "file");
    fs::create_dir(place.root.join("empty")).unwrap();
    place.write("left/node_modules/mine", "left out");
    let (first, first_tree) = (place.snapshot(), place.tree());
    for number in 60..180 {
        place.write(&format!("{}/{number}", number % 7), format!("second {number}"));
    }
    for number in 0..30 {
        fs::remove_file(place.root.join(format!("{}/{number}", number % 7))).unwrap();
    }
    fs::remove_file(place.root.join("file-or-folder")).unwrap();
    place.write("file-or-folder/inside", "folder");
    fs::remove_dir(place.root.join("empty")).unwrap();
    place.write("empty", "a file");
    let (second, second_tree) = (place.record(Some(&first)).snapshot, place.tree());
    let dir = place.dir.parent().unwrap().to_owned();
    fs::write(dir.join("ids"), format!("{first} {second}")).unwrap();
    // The child has to be the one writer.
    let Place { root, dir: dir_of_history, workspace, history, folder } = place;
    drop(history);
    let (mut cut, mut random) = (0, Random(99));
    for round in 0..100 {
        let _ = fs::remove_file(dir.join("ready"));
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "restore::tests::restores_until_it_is_killed", "--ignored"])
            .env("OKCVM_TEST_RESTORE", &dir)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let begun = std::time::Instant::now();
        while !dir.join("ready").exists() && begun.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(1));
        }
        // Somewhere in a restore that has begun.
        while Intent::read(&dir_of_history).unwrap().is_none() && begun.elapsed() < Duration::from_secs(20) {}
        std::thread::sleep(Duration::from_micros(random.below(4_000) as u64));
        child.kill().unwrap();
        child.wait().unwrap();

        let opened = History::open(&dir_of_history).unwrap();
        assert_eq!(opened.notice, None, "round {round}");
        let unfinished = opened.history.unfinished_restore().unwrap();
        let finished = opened.history.finish_restore(&workspace).unwrap();
        assert_eq!(unfinished.is_some(), finished.is_some());
        let now = tree(&root);
        match unfinished {
            Some(restore) => {
                cut += 1;
                let expected = if restore.to == first { &first_tree } else { &second_tree };
                assert_eq!(&now, expected, "round {round}");
            }
            None => assert!(now == first_tree || now == second_tree, "round {round}"),
        }
        assert_eq!(opened.history.unfinished_restore().unwrap(), None);
        // The child begins from the second.
        if now == first_tree {
            opened.history.restore(&workspace, &first, &second, &RestoreWhat::All).unwrap();
        }
    }
    assert!(cut > 30, "only {cut} of 100 were cut in the middle");
    drop(folder);
}

#[test]
fn a_restore_that_is_given_up_moves_nothing_later() {
    let place = place();
    place.write("folder/file", "one");
    let first = place.snapshot();
    place.write("folder/file", "two");
    place.write("added", "two");
    let second = place.record(Some(&first)).snapshot;
    // Cut off: nothing has taken its place yet.
    let restore = UnfinishedRestore {
        from: second.clone(),
        to: first.clone(),
        what: RestoreWhat::Paths(vec!["folder".into(), "added".into()]),
        failed: false,
        opened: Vec::new(),
    };
    Intent::open(&place.dir).unwrap().begin(&restore).unwrap();
    let staged = format!("folder/{TEMPORARY_PREFIX}restore-1-0");
    place.write(&staged, "one");
    assert_eq!(place.history.give_up_restore(&place.workspace).unwrap(), Some(restore));
    assert!(!place.root.join(&staged).exists());
    assert_eq!(place.history.unfinished_restore().unwrap(), None);
    assert_eq!(place.history.give_up_restore(&place.workspace).unwrap(), None);
    assert_eq!(place.history.finish_restore(&place.workspace).unwrap(), None);
    assert_eq!((place.read("folder/file").as_str(), place.read("added").as_str()), ("two", "two"));
}

/// Something of the name that an earlier process of the same number would have given.
#[test]
fn a_staged_name_that_was_left_behind_is_not_in_the_way() {
    let place = place();
    place.write("file", "one");
    let first = place.snapshot();
    place.write("file", "two");
    let second = place.record(Some(&first)).snapshot;
    let left = format!("{TEMPORARY_PREFIX}restore-{}-0", std::process::id());
    place.write(&left, "theirs");
    restore_all(&place, &second, &first).unwrap();
    assert_eq!((place.read("file").as_str(), place.read(&left).as_str()), ("one", "theirs"));
}

/// To set a mode the file is opened for reading; one that its owner may not read is written anew.
#[test]
fn a_file_that_may_not_be_read_gets_its_mode_with_a_new_file() {
    let place = place();
    place.write("secret", "same");
    place.write("open", "same");
    chmod(&place.root.join("secret"), 0o600);
    let first = place.snapshot();
    chmod(&place.root.join("secret"), 0o300);
    chmod(&place.root.join("open"), 0o755);
    let recorded = place.record(Some(&first));
    if !recorded.skipped.is_empty() {
        // Only root may read such a file; for anybody else it is left out.
        assert_eq!(recorded.skipped[0].path, "secret");
        return;
    }
    let inode = |name: &str| fs::metadata(place.root.join(name)).unwrap().ino();
    let before = (inode("secret"), inode("open"));
    restore_all(&place, &recorded.snapshot, &first).unwrap();
    let mode = |name: &str| fs::metadata(place.root.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("secret"), mode("open")), (0o200, 0o644));
    assert_eq!((inode("secret") == before.0, inode("open") == before.1), (false, true));
}

#[test]
fn what_a_stopped_restore_did_is_told_from_what_others_did_meanwhile() {
    let place = quick_place();
    for name in ["a", "b", "c"] {
        place.write(name, "old");
    }
    let to = place.record(None).snapshot;
    for name in ["a", "b", "c"] {
        place.write(name, "new");
    }
    place.write("gone", "1");
    let from = place.record(Some(&to)).snapshot;
    // As far as the restore came, and two files of somebody who works on.
    place.write("a", "old");
    fs::remove_file(place.root.join("gone")).unwrap();
    place.write("b", "by hand");
    place.write("during", "by hand");
    let half = place.record(Some(&from)).snapshot;
    assert_eq!(place.history.carried_out(&from, &to, &half).unwrap(), ["a", "gone"]);
    let paths = |paths: &[&str]| RestoreWhat::Paths(paths.iter().map(|path| (*path).to_owned()).collect());
    assert!(place.history.same_part(&half, &to, &paths(&["a", "gone"])).unwrap());
    assert!(!place.history.same_part(&half, &to, &paths(&["a", "b"])).unwrap());
    assert!(!place.history.same_files(&half, &to).unwrap());
}
