//! The power goes after every single step of a restore. Whatever is left, the next start brings the files to
//! what they were or to what they were to be, and both can be restored.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::sync::Arc;

use okcvm_objects::Disk;
use okcvm_objects::testing::{RecordingDisk, Unsynced, noise};
use okcvm_protocol::SnapshotId;
use okcvm_workspace::Workspace;

use super::told::listen;
use crate::testing::{Node, Tree, tree};
use crate::{Author, History, RecordInfo, RestoreWhat};

const INFO: RecordInfo<'_> = RecordInfo { message: "m", author: Author::User, at_ms: 1 };

fn shared_memory() -> &'static Path {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory } else { Path::new("/tmp") }
}

/// The files without what was staged and belongs to nobody.
fn files(root: &Path) -> Tree {
    let mut files = tree(root);
    files.retain(|path, _| !path.split(|byte| *byte == b'/').any(|part| part.starts_with(b".okcvm-tmp-")));
    files
}

fn write(root: &Path, path: &str, content: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

struct Case<'a> {
    disk: &'a RecordingDisk,
    from: (&'a SnapshotId, &'a Tree),
    to: (&'a SnapshotId, &'a Tree),
    /// Steps before the restore began, and when it had ended.
    begun: usize,
    ended: usize,
}

/// Each path holds what it held before, what it was to hold, or nothing if one of the two says so.
fn nothing_is_half(now: &Tree, case: &Case<'_>, name: &str) {
    let (old, new) = (case.from.1, case.to.1);
    let paths: BTreeSet<&Vec<u8>> = now.keys().chain(old.keys()).chain(new.keys()).collect();
    for path in paths {
        let found = now.get(path);
        let known = found == old.get(path) || found == new.get(path);
        // A file that gives way to a folder, or the other way round, is gone for a moment.
        let turns = matches!(
            (old.get(path), new.get(path)),
            (Some(Node::Folder), Some(_)) | (Some(_), Some(Node::Folder))
        );
        let below_turned = old.contains_key(path) && found.is_none() && new.get(path) != old.get(path);
        assert!(known || turns || below_turned, "{name}: {} is half", String::from_utf8_lossy(path));
    }
}

fn differing(left: &Tree, right: &Tree) -> Vec<String> {
    let paths: BTreeSet<&Vec<u8>> = left.keys().chain(right.keys()).collect();
    let differ = paths.into_iter().filter(|path| left.get(*path) != right.get(*path));
    differ.map(|path| format!("{}: {:?}", String::from_utf8_lossy(path), left.get(path))).collect()
}

fn check(case: &Case<'_>, steps: usize, unsynced: Unsynced) -> &'static str {
    let folder = tempfile::tempdir_in(shared_memory()).unwrap();
    case.disk.rebuild(steps, unsynced, folder.path());
    let root = folder.path().join("workspace");
    let name = format!("step {steps} of {}, {unsynced:?}", case.ended);
    nothing_is_half(&files(&root), case, &name);
    let opened = History::open(&folder.path().join("history")).unwrap();
    assert_eq!(opened.notice, None, "{name}");
    let history = opened.history;
    let workspace = Workspace::open(&root).unwrap();
    // As a session does it that finds its own intent.
    let finished = history.finish_restore(&workspace).unwrap_or_else(|error| panic!("{name}: {error}"));
    let found = files(&root);
    let outcome = if finished.is_some() {
        assert_eq!(differing(&found, case.to.1), Vec::<String>::new(), "{name}: it was not finished");
        "finished"
    } else if found == *case.from.1 {
        "nothing"
    } else {
        assert_eq!(
            differing(&found, case.to.1),
            Vec::<String>::new(),
            "{name}: half, and nobody knows of it"
        );
        "done"
    };
    if steps <= case.begun {
        assert_eq!(outcome, "nothing", "{name}");
    }
    if steps >= case.ended {
        assert!(found == *case.to.1, "{name}: what was done is gone");
    }
    // The tree of the session then asks for its target from the present, and can go back and forth.
    for (target, expected) in [case.to, case.from, case.to] {
        let present = history.record(&workspace, Some(case.from.0), INFO).unwrap().snapshot;
        history
            .restore(&workspace, &present, target, &RestoreWhat::All)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(files(&root) == *expected, "{name}");
    }
    assert_eq!(history.unfinished_restore().unwrap(), None, "{name}");
    outcome
}

/// `many` more files are written, so that they are synced together and not one by one.
fn the_power_goes_in_a_restore(many: usize) {
    let place = tempfile::tempdir_in(shared_memory()).unwrap();
    let root = place.path().join("workspace");
    let workspace = Workspace::create(&root).unwrap();
    let dir = place.path().join("history");
    // What the files are to be.
    write(&root, "stays", "the same");
    write(&root, "text", "one");
    write(&root, "deep/er/file", noise(1, 300));
    write(&root, "run", "#!/bin/sh\n");
    fs::set_permissions(root.join("run"), fs::Permissions::from_mode(0o755)).unwrap();
    write(&root, "turns/into a folder", "now a folder");
    write(&root, "flips", "a file here");
    symlink("text", root.join("link")).unwrap();
    fs::create_dir(root.join("empty")).unwrap();
    for number in 0..many {
        write(&root, &format!("many/{number}"), noise(number as u64 + 10, 90));
    }
    drop(History::open(&dir).unwrap());
    let history = History::open(&dir).unwrap().history;
    let to = history.record(&workspace, None, INFO).unwrap().snapshot;
    let to_files = files(&root);
    // What they are.
    write(&root, "text", "two, and longer");
    fs::remove_dir_all(root.join("deep")).unwrap();
    fs::set_permissions(root.join("run"), fs::Permissions::from_mode(0o644)).unwrap();
    fs::remove_dir_all(root.join("turns")).unwrap();
    write(&root, "turns", "a file");
    fs::remove_file(root.join("flips")).unwrap();
    write(&root, "flips/inside", "of a folder");
    fs::remove_file(root.join("link")).unwrap();
    symlink("elsewhere", root.join("link")).unwrap();
    fs::remove_dir(root.join("empty")).unwrap();
    write(&root, "new/one", "goes");
    write(&root, "new/two/three", "goes");
    for number in 0..many {
        write(&root, &format!("many/{number}"), format!("changed {number}"));
    }
    let from = history.record(&workspace, Some(&to), INFO).unwrap().snapshot;
    let from_files = files(&root);
    history.flush().unwrap();
    drop(history);

    let disk = Arc::new(RecordingDisk::new(&fs::canonicalize(place.path()).unwrap()));
    listen(&disk);
    let dir = fs::canonicalize(&dir).unwrap();
    let history = History::open_on(&dir, &(Arc::clone(&disk) as Arc<dyn Disk>)).unwrap().history;
    let present = history.record(&workspace, Some(&from), INFO).unwrap().snapshot;
    assert_eq!(present, from);
    let begun = disk.steps();
    history.restore(&workspace, &from, &to, &RestoreWhat::All).unwrap();
    let ended = disk.steps();
    assert!(files(&root) == to_files);
    assert!(ended - begun > 40 + many, "only {} steps were told", ended - begun);
    drop(history);
    let case = Case { disk: &disk, from: (&from, &from_files), to: (&to, &to_files), begun, ended };
    let mut outcomes = BTreeSet::new();
    for steps in begun..=disk.steps() {
        outcomes.insert(check(&case, steps, Unsynced::Dropped));
        outcomes.insert(check(&case, steps, Unsynced::Kept));
        for seed in 0..3 {
            outcomes.insert(check(&case, steps, Unsynced::Torn { seed: seed * 7919 + steps as u64 * 31 }));
        }
    }
    // All three came up, so that the test looked at all.
    assert_eq!(outcomes, BTreeSet::from(["done", "finished", "nothing"]));
}

#[test]
fn the_power_may_go_in_a_restore_of_few_files() {
    the_power_goes_in_a_restore(0);
}

#[test]
fn the_power_may_go_in_a_restore_of_many_files() {
    the_power_goes_in_a_restore(12);
}
