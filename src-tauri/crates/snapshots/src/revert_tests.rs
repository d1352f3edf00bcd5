use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;
use crate::testing::{Place, os, place, quick_place, tree, words};
use crate::{Author, RecordInfo};

const INFO: RecordInfo<'static> = RecordInfo { message: "taken back", author: Author::User, at_ms: 5 };

fn numbered(from: u32, to: u32) -> String {
    (from..to).map(|line| format!("line {line}\n")).collect::<Vec<_>>().concat()
}

fn conflicts(place: &Place, present: &SnapshotId, before: &SnapshotId, after: &SnapshotId) -> Vec<String> {
    let files = place.tree();
    let plan = place.history.plan_revert(present, Some(before), after).unwrap();
    match place.history.revert(&place.workspace, present, Some(before), after, INFO) {
        Err(SnapshotError::Conflicts { conflicts }) => assert_eq!(conflicts, plan.conflicts),
        other => panic!("{other:?}"),
    }
    assert_eq!(place.tree(), files, "a refused revert touched something");
    plan.conflicts.into_iter().map(|conflict| format!("{}: {}", conflict.path, conflict.reason)).collect()
}

#[test]
fn a_turn_is_taken_back_and_what_came_after_it_stays() {
    let place = place();
    place.write("text", numbered(0, 40));
    place.write("gone/file", "come back");
    place.write("kept", "1");
    place.write("run", "#!");
    let before = place.snapshot();
    place.write("text", numbered(0, 40).replace("line 5\n", "the turn's\n"));
    place.write("new/deep/file", "made");
    fs::remove_dir_all(place.root.join("gone")).unwrap();
    fs::set_permissions(place.root.join("run"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("text", place.root.join("link")).unwrap();
    let after = place.record(Some(&before)).snapshot;
    // Later: another line of the same text, another content of the file whose mode the turn changed.
    place.write("text", numbered(0, 40).replace("line 5\n", "the turn's\n").replace("line 30\n", "mine\n"));
    place.write("kept", "2");
    place.write("run", "#!/bin/sh");
    place.write("new/other", "mine");
    let present = place.record(Some(&after)).snapshot;

    let plan = place.history.plan_revert(&present, Some(&before), &after).unwrap();
    assert_eq!(plan.conflicts, []);
    let expected =
        ["added gone/file", "deleted link", "deleted new/deep/file", "modified run", "modified text"];
    assert_eq!(words(&plan.changes), expected);
    let text = numbered(0, 40).replace("line 30\n", "mine\n");
    assert_eq!(plan.changes[4].new_size, Some(text.len() as u64));

    let done = place.history.revert(&place.workspace, &present, Some(&before), &after, INFO).unwrap();
    assert_eq!((done.outcome.written, done.outcome.removed), (3, 2));
    assert_eq!(place.read("text"), text);
    assert_eq!((place.read("kept").as_str(), place.read("gone/file").as_str()), ("2", "come back"));
    assert_eq!((place.read("run").as_str(), place.read("new/other").as_str()), ("#!/bin/sh", "mine"));
    assert_eq!(fs::metadata(place.root.join("run")).unwrap().permissions().mode() & 0o111, 0);
    assert!(!place.root.join("new/deep").exists());
    assert_eq!(place.history.author(&done.snapshot).unwrap(), Author::User);
    assert_eq!(place.record(Some(&done.snapshot)).snapshot, done.snapshot);
    // Once more there is nothing to do; and it is taken back by a restore.
    let again = place.history.revert(&place.workspace, &done.snapshot, Some(&before), &after, INFO).unwrap();
    assert_eq!((again.snapshot, again.outcome.written), (done.snapshot.clone(), 0));
    place.history.restore(&place.workspace, &done.snapshot, &present, &RestoreWhat::All).unwrap();
    assert_eq!(place.record(Some(&present)).snapshot, present);
    place.fsck();
}

#[test]
fn what_does_not_apply_cleanly_is_refused_with_the_whole_list() {
    let place = place();
    place.write("text", numbered(0, 20));
    place.write("binary", b"\0\x01");
    place.write("removed-by-turn", "1");
    place.write("removed-since", "1");
    place.write("in-the-way", "1");
    place.write("fine", "1");
    place.write("folder/file", "1");
    let before = place.snapshot();
    place.write("text", numbered(0, 20).replace("line 5\n", "the turn's\n"));
    place.write("binary", b"\0\x02");
    fs::remove_file(place.root.join("removed-by-turn")).unwrap();
    place.write("removed-since", "2");
    place.write("made", "1");
    place.write("fine", "2");
    fs::remove_file(place.root.join("in-the-way")).unwrap();
    place.write("in-the-way/inside", "1");
    fs::remove_dir_all(place.root.join("folder")).unwrap();
    let after = place.record(Some(&before)).snapshot;
    place.write("text", numbered(0, 20).replace("line 5\n", "mine\n"));
    place.write("binary", b"\0\x03");
    place.write("removed-by-turn", "2");
    fs::remove_file(place.root.join("removed-since")).unwrap();
    place.write("made", "2");
    place.write("in-the-way/mine", "1");
    place.write("folder", "a file now");
    let present = place.record(Some(&after)).snapshot;
    assert_eq!(
        conflicts(&place, &present, &before, &after),
        [
            "binary: it was changed since, and is no text that could be merged",
            "folder: something stands in the place of its folder",
            "in-the-way: a folder with other files stands in its place",
            "made: the turn made it, and it was changed since",
            "removed-by-turn: the turn removed it, and something of its name came since",
            "removed-since: the turn changed it, and it was removed since",
            "text: the same lines, or lines beside them, were changed since",
        ]
    );
}

/// A turn with nothing after it goes back to exactly what was before, whatever it did; and a turn that is
/// taken back after something else was done elsewhere leaves exactly that.
#[test]
fn a_revert_is_the_inverse_of_the_turn() {
    let place = quick_place();
    let mut seed = 0x1234_5678_u64;
    let mut random = |limit: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % limit
    };
    for round in 0..60 {
        fs::create_dir_all(place.root.join("turn")).unwrap();
        let mut disturb = |folder: &str, steps: u64| {
            for _ in 0..steps {
                let names: [&[u8]; 6] = [b"a", b"b/c", b"b/d/e", b"b", b"caf\xE9", b"b/d"];
                let path = place.root.join(folder).join(os(names[random(6) as usize]));
                let _ = match random(5) {
                    0 => fs::remove_file(&path),
                    1 => fs::remove_dir_all(&path),
                    2 => fs::create_dir_all(&path),
                    3 => symlink("a", &path),
                    _ => {
                        let _ = fs::create_dir_all(path.parent().unwrap());
                        fs::write(&path, random(1000).to_string())
                    }
                };
            }
        };
        disturb("turn", 6);
        let before_tree = tree(&place.root);
        let before = place.snapshot();
        disturb("turn", 5);
        let after = place.record(Some(&before)).snapshot;
        let done = place.history.revert(&place.workspace, &after, Some(&before), &after, INFO).unwrap();
        assert_eq!(tree(&place.root), before_tree, "round {round}");
        assert_eq!(place.history.tree(&done.snapshot).unwrap(), place.history.tree(&before).unwrap());

        let again = place.history.restore(&place.workspace, &done.snapshot, &after, &RestoreWhat::All);
        assert!(again.is_ok());
        disturb("elsewhere", 5);
        let present = place.record(Some(&after)).snapshot;
        let mut expected = before_tree;
        expected.retain(|path, _| !path.starts_with(b"elsewhere"));
        expected.extend(tree(&place.root).into_iter().filter(|(path, _)| path.starts_with(b"elsewhere")));
        place.history.revert(&place.workspace, &present, Some(&before), &after, INFO).unwrap();
        assert_eq!(tree(&place.root), expected, "round {round}");
    }
    place.fsck();
}

/// A turn that only sets that a folder is recorded from now on has not made the folder.
#[test]
fn what_was_left_out_before_a_turn_is_not_made_by_it() {
    let place = place();
    place.write(".okcvmignore", "dist/\n");
    place.write("dist/app.js", "built");
    place.write("code", "1");
    let before = place.snapshot();
    place.write(".okcvmignore", "\n");
    place.write("code", "2");
    let after = place.record(Some(&before)).snapshot;
    let plan = place.history.plan_revert(&after, Some(&before), &after).unwrap();
    assert_eq!(words(&plan.changes), ["modified .okcvmignore", "modified code"]);
    let done = place.history.revert(&place.workspace, &after, Some(&before), &after, INFO).unwrap();
    assert_eq!((place.read("dist/app.js").as_str(), place.read("code").as_str()), ("built", "1"));
    assert_eq!(done.outcome.unwritten.len(), 1);
    assert_eq!(done.outcome.unwritten[0].path, "dist/app.js");
    // Once more, with the folder left out by now: it is neither removed nor written over.
    let present = place.record(Some(&done.snapshot)).snapshot;
    place.write("dist/app.js", "built again");
    place.history.restore(&place.workspace, &present, &after, &RestoreWhat::All).unwrap();
    assert_eq!(place.read("dist/app.js"), "built again");
    place.fsck();
}

/// Empty folders come and go as files do, and the plan names them.
#[test]
fn empty_folders_of_a_turn_are_taken_back_and_named() {
    let place = place();
    place.write("a", "1");
    fs::create_dir(place.root.join("before")).unwrap();
    let before = place.snapshot();
    fs::remove_dir(place.root.join("before")).unwrap();
    fs::create_dir_all(place.root.join("made/deep")).unwrap();
    let after = place.record(Some(&before)).snapshot;
    let plan = place.history.plan_revert(&after, Some(&before), &after).unwrap();
    assert_eq!((plan.changes, plan.folders), (Vec::new(), vec!["before".to_owned(), "made/deep".to_owned()]));
    let there = place.tree();
    let done = place.history.revert(&place.workspace, &after, Some(&before), &after, INFO).unwrap();
    assert!(place.root.join("before").is_dir() && !place.root.join("made").exists());
    let what = RestoreWhat::Paths(vec!["before".to_owned(), "made/deep".to_owned()]);
    place.history.restore(&place.workspace, &done.snapshot, &after, &what).unwrap();
    assert_eq!(place.tree(), there);
}
