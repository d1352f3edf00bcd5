use std::fs;

use okcvm_protocol::SnapshotId;

use crate::testing::{Node, Place, place, tree};
use crate::{RestoreWhat, SnapshotError};

/// What a look must not touch: workspace with its stamps, repository, journal.
fn everything(place: &Place) -> impl PartialEq {
    let mut repository = tree(&place.repository());
    // The background notes there which packs it has synced, one of them twice at times.
    repository.remove(b"okcvm-synced".as_slice());
    // And it makes the empty files of the next pack ahead.
    repository.retain(|path, node| {
        let is_empty = matches!(node, Node::File { content, .. } if content.is_empty());
        !(is_empty && path.windows(10).any(|part| part == b"tmp_okcvm_"))
    });
    (place.tree(), place.stamps(), repository, fs::read(place.dir.join("journal")).unwrap())
}

/// Foresees a restore, then does it, and compares what both say.
fn both(place: &Place, to: &SnapshotId, what: &RestoreWhat) -> Result<Vec<String>, String> {
    place.history.flush().unwrap();
    let before = everything(place);
    let foreseen = place.history.foresee_restore(&place.workspace, to, what);
    assert!(everything(place) == before, "a look touched something");
    let named = |list: Vec<okcvm_protocol::SkippedFile>| -> Vec<String> {
        list.into_iter().map(|left| format!("{}: {}", left.path, left.reason)).collect()
    };
    let foreseen = foreseen.map(named).map_err(|error| error.to_string());
    let present = place.record(None).snapshot;
    let restored = place.history.restore(&place.workspace, &present, to, what);
    let restored = restored.map(|outcome| named(outcome.unwritten)).map_err(|error| error.to_string());
    assert_eq!(foreseen, restored);
    restored
}

#[test]
fn a_restore_that_goes_well_is_foreseen() {
    let place = place();
    place.write("a", "one");
    let first = place.snapshot();
    place.write("a", "two");
    place.write("b", "new, and recorded nowhere");
    assert_eq!(both(&place, &first, &RestoreWhat::All), Ok(Vec::new()));
    assert_eq!(place.read("a"), "one");
}

#[test]
fn what_is_in_the_way_is_foreseen() {
    let place = place();
    place.write("x", "a file");
    let first = place.snapshot();
    fs::remove_file(place.root.join("x")).unwrap();
    place.write("x/a", "in a folder");
    // No snapshot holds it, and it would go with the folder.
    place.write("x/node_modules/module", "left out");
    let refused = both(&place, &first, &RestoreWhat::All).unwrap_err();
    assert!(refused.contains("what no snapshot holds"), "{refused}");
    assert_eq!(place.read("x/node_modules/module"), "left out");
    // Only a part of the workspace is asked for.
    place.write("y", "z");
    assert_eq!(both(&place, &first, &RestoreWhat::Paths(vec!["y".to_owned()])), Ok(Vec::new()));
    assert!(!place.root.join("y").exists());
}

#[test]
fn what_stays_is_foreseen() {
    let place = place();
    place.write("large", "small still");
    let first = place.snapshot();
    place.history.set_max_file_bytes(100);
    fs::remove_file(place.root.join("large")).unwrap();
    place.record(Some(&first));
    place.write("large", "l".repeat(200));
    let stays = both(&place, &first, &RestoreWhat::All).unwrap();
    assert!(stays.len() == 1 && stays[0].starts_with("large: "), "{stays:?}");
}

#[test]
fn a_content_that_is_gone_is_foreseen() {
    let place = place();
    place.write("a", "one");
    let first = place.snapshot();
    place.write("a", "two");
    place.record(Some(&first));
    let blob = place.git(&["rev-parse", &format!("{first}:a")]);
    // Another program dropped it.
    for entry in fs::read_dir(place.repository().join("objects/pack")).unwrap() {
        let path = entry.unwrap().path();
        let is_index = path.extension().is_some_and(|kind| kind == "idx");
        if is_index && place.git(&["verify-pack", "-v", path.to_str().unwrap()]).contains(blob.trim()) {
            let bytes = fs::read(path.with_extension("pack")).unwrap();
            place.write("../aside.pack", bytes);
            let objects = fs::File::open(place.root.join("../aside.pack")).unwrap();
            fs::remove_file(path.with_extension("pack")).unwrap();
            fs::remove_file(&path).unwrap();
            let mut unpack = std::process::Command::new("git");
            unpack.arg("--git-dir").arg(place.repository()).args(["unpack-objects", "-q"]).stdin(objects);
            assert!(unpack.status().unwrap().success());
        }
    }
    fs::remove_file(place.repository().join("objects").join(&blob[..2]).join(blob[2..].trim())).unwrap();
    let refused = both(&place, &first, &RestoreWhat::All).unwrap_err();
    assert!(refused.contains("missing"), "{refused}");
    assert_eq!(place.read("a"), "two");
}

/// A full disk, and one that takes no writes.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_without_room_is_foreseen() {
    use okcvm_objects::testing::noise;
    use okcvm_workspace::Workspace;

    let Some(disk) = crate::testing::SmallDisk::new(2 << 20, "a_disk_without_room_is_foreseen") else {
        return;
    };
    let mut place = place();
    place.root = disk.path().join("workspace");
    place.workspace = Workspace::create(&place.root).unwrap();
    place.root = place.workspace.root().to_path_buf();
    place.write("a", noise(1, 700_000));
    place.write("b", noise(2, 700_000));
    let first = place.snapshot();
    fs::remove_file(place.root.join("a")).unwrap();
    place.write("b", noise(3, 1_000_000));
    let refused = both(&place, &first, &RestoreWhat::All).unwrap_err();
    assert!(refused.starts_with("The disk is full: `b`"), "{refused}");
    assert!(!place.root.join("a").exists());
    let remount = |how: &str| {
        let done = std::process::Command::new("mount").args(["-o", how]).arg(disk.path()).status().unwrap();
        assert!(done.success());
    };
    place.write("b", "small");
    place.history.flush().unwrap();
    remount("remount,ro");
    let refused = both(&place, &first, &RestoreWhat::All);
    remount("remount,rw");
    assert!(refused.unwrap_err().contains("could not be written to"), "it was not refused");
}

#[test]
fn taking_a_turn_back_is_foreseen() {
    let place = place();
    place.write("text", "one\ntwo\nthree\nfour\nfive\n");
    let before = place.snapshot();
    place.write("text", "ONE\ntwo\nthree\nfour\nfive\n");
    place.write("made", "by the turn");
    let after = place.record(Some(&before)).snapshot;
    // By hand, and recorded nowhere: another line, which merges.
    place.write("text", "ONE\ntwo\nthree\nfour\nFIVE\n");
    place.history.flush().unwrap();
    let untouched = everything(&place);
    let foreseen = place.history.foresee_revert(&place.workspace, Some(&before), &after).unwrap();
    assert!(everything(&place) == untouched);
    assert!(foreseen.refusal.is_none() && foreseen.plan.conflicts.is_empty(), "{foreseen:?}");
    let paths: Vec<&str> = foreseen.plan.changes.iter().map(|change| change.path.as_str()).collect();
    assert_eq!(paths, ["made", "text"]);
    // The same line.
    place.write("text", "Uno\ntwo\nthree\nfour\nfive\n");
    let foreseen = place.history.foresee_revert(&place.workspace, Some(&before), &after).unwrap();
    let present = place.record(Some(&after)).snapshot;
    let info = crate::RecordInfo { message: "m", author: crate::Author::User, at_ms: 5 };
    let real = place.history.revert(&place.workspace, &present, Some(&before), &after, info).unwrap_err();
    let SnapshotError::Conflicts { conflicts } = real else { panic!("{real}") };
    assert_eq!(foreseen.plan.conflicts, conflicts);
    place.fsck();
}
