use okcvm_protocol::SnapshotId;

use super::*;
use crate::testing::{Place, place};
use crate::{Cancel, History, RestoreWhat};

/// Turns one bit in the stream of what lies at paths of a snapshot, in place, as a disk does it.
fn damage_each(place: &Place, snapshot: &SnapshotId, paths: &[&str]) {
    place.history.flush().unwrap();
    let objects: Vec<String> = paths
        .iter()
        .map(|path| place.git(&["rev-parse", &format!("{snapshot}:{path}")]).trim().to_owned())
        .collect();
    let (mut found, mut bits) = (BTreeSet::new(), Vec::new());
    for entry in fs::read_dir(place.repository().join("objects/pack")).unwrap() {
        let pack = entry.unwrap().path();
        if pack.extension().is_none_or(|extension| extension != "pack") {
            continue;
        }
        let said = place.git(&["verify-pack", "-v", pack.to_str().unwrap()]);
        for object in &objects {
            let Some(line) = said.lines().find(|line| line.starts_with(object)) else { continue };
            let number = |at| line.split_whitespace().nth(at).unwrap().parse::<usize>().unwrap();
            bits.push((pack.clone(), number(4) + number(3) - 2));
            found.insert(object);
        }
    }
    assert_eq!(found.len(), objects.len(), "in no pack: {objects:?} without {found:?}");
    for (pack, position) in bits {
        let mut bytes = fs::read(&pack).unwrap();
        bytes[position] ^= 1;
        fs::write(&pack, bytes).unwrap();
    }
}

fn damage(place: &Place, snapshot: &SnapshotId, path: &str) {
    damage_each(place, snapshot, &[path]);
}

/// Snapshots that share one small content; only the last one is without it.
fn shared(last_without: bool) -> (Place, Vec<SnapshotId>) {
    let place = place();
    let mut ids: Vec<SnapshotId> = Vec::new();
    for number in 0..5 {
        place.write("const.txt", "const\n");
        place.write("number", format!("number {number}"));
        place.write(&format!("folder/{number}"), okcvm_objects::testing::noise(number, 400));
        if last_without && number == 4 {
            fs::remove_file(place.root.join("const.txt")).unwrap();
        }
        ids.push(place.record(ids.last()).snapshot);
    }
    (place, ids)
}

fn restore(place: &Place, ids: &[SnapshotId], to: &SnapshotId) {
    let now = place.record(ids.last()).snapshot;
    place.history.restore(&place.workspace, &now, to, &RestoreWhat::All).unwrap();
}

fn lost_of(opened: &crate::OpenedHistory) -> BTreeSet<SnapshotId> {
    match &opened.loss {
        Loss::Part(lost) => lost.iter().map(|one| one.snapshot.clone()).collect(),
        Loss::Nothing => BTreeSet::new(),
        Loss::Everything => panic!("everything was moved aside: {:?}", opened.notice),
    }
}

fn set(ids: &[SnapshotId]) -> BTreeSet<SnapshotId> {
    ids.iter().cloned().collect()
}

/// Once damage is known, the same content is recorded again, and the old snapshots are whole with it.
#[test]
fn a_damaged_content_is_recorded_again() {
    // Written again by hand, and lying untouched in the workspace.
    for by_hand in [true, false] {
        let (place, mut ids) = shared(by_hand);
        damage(&place, &ids[0], "const.txt");
        place.history.read(&ids[1], "const.txt", 99).unwrap_err();
        place.write(if by_hand { "const.txt" } else { "number" }, "const\n");
        ids.push(place.record(ids.last()).snapshot);
        for id in [&ids[5], &ids[0], &ids[3]] {
            assert_eq!(place.history.read(id, "const.txt", 99).unwrap().unwrap(), b"const\n", "{by_hand}");
        }
        restore(&place, &ids, &ids[2]);
        assert_eq!((place.read("const.txt"), place.read("number")), ("const\n".into(), "number 2".into()));
        let damages = place.history.verify(&Cancel::default()).unwrap().damages;
        assert_eq!(damages, Vec::new(), "{by_hand}");
    }
}

/// The same if the program was started anew in between, which finds what the workspace has.
#[test]
fn a_damage_that_was_noticed_is_known_at_the_next_start() {
    let (mut place, ids) = shared(false);
    damage(&place, &ids[0], "const.txt");
    place.history.read(&ids[1], "const.txt", 99).unwrap_err();
    let notice = place.reopen().unwrap();
    assert!(notice.contains("(content) and was mended; no snapshot was lost by that."), "{notice}");
    restore(&place, &ids, &ids[2]);
    assert_eq!((place.read("const.txt"), place.read("number")), ("const\n".into(), "number 2".into()));
    assert_eq!(place.history.verify(&Cancel::default()).unwrap().damages, Vec::new());
    place.fsck();
    assert_eq!(place.reopen(), None);

    let (mut place, mut ids) = shared(true);
    damage(&place, &ids[0], "const.txt");
    place.history.read(&ids[1], "const.txt", 99).unwrap_err();
    place.close();
    let opened = History::open(&place.dir).unwrap();
    assert_eq!(lost_of(&opened), set(&ids[..4]));
    place.history = opened.history;
    place.write("const.txt", "const\n");
    ids.push(place.record(ids.last()).snapshot);
    assert_eq!(place.history.read(&ids[5], "const.txt", 99).unwrap().unwrap(), b"const\n");
    place.fsck();
    assert_eq!(place.reopen(), None);
}

/// A tree that is damaged and that the workspace still has.
#[test]
fn a_damaged_folder_is_recorded_again() {
    let (mut place, mut ids) = shared(false);
    damage(&place, &ids[4], "folder");
    place.close();
    place.history = History::open(&place.dir).unwrap().history;
    place.history.list(&ids[4], "folder").unwrap_err();
    place.write("number", "other");
    ids.push(place.record(ids.last()).snapshot);
    for id in [&ids[4], &ids[5]] {
        assert_eq!(place.history.list(id, "folder").unwrap().len(), 5);
    }
}

#[test]
fn one_damaged_content_keeps_nothing_from_being_packed_and_thinned() {
    for noticed in [false, true] {
        for thins_first in [false, true] {
            let (mut place, ids) = shared(true);
            if thins_first {
                // All in one pack.
                place.history.pack(&Cancel::default()).unwrap();
            }
            damage(&place, &ids[0], "const.txt");
            if noticed {
                place.history.read(&ids[1], "const.txt", 99).unwrap_err();
            }
            if !thins_first {
                place.history.pack(&Cancel::default()).unwrap();
                assert_eq!(place.history.usage().unwrap().packs, 1);
            }
            let thinned = place.history.thin(&ids[2..], &Cancel::default()).unwrap();
            assert_eq!(thinned.dropped, 2);
            assert!(thinned.objects > 0);
            place.history.pack(&Cancel::default()).unwrap();
            for (id, number) in ids[2..].iter().zip(2..) {
                let read = place.history.read(id, "number", 99).unwrap().unwrap();
                assert_eq!(read, format!("number {number}").as_bytes());
            }
            place.close();
            let opened = History::open(&place.dir).unwrap();
            // Nothing is promised that is not there.
            assert_eq!(lost_of(&opened), set(&ids[2..4]), "{noticed} {thins_first}");
            place.history = opened.history;
            restore(&place, &ids, &ids[4]);
            place.fsck();
            assert_eq!(place.reopen(), None);
        }
    }
}

/// The list of synced packs is lost, so that the damage is found at the start.
fn found_at_the_start(place: &mut Place, ids: &[SnapshotId]) -> crate::OpenedHistory {
    damage(place, &ids[0], "const.txt");
    place.close();
    fs::remove_file(place.repository().join("okcvm-synced")).unwrap();
    History::open(&place.dir).unwrap()
}

#[test]
fn a_content_that_all_snapshots_share_does_not_cost_the_history() {
    let (mut place, ids) = shared(false);
    let opened = found_at_the_start(&mut place, &ids);
    assert_eq!(lost_of(&opened), BTreeSet::new());
    assert!(opened.notice.as_ref().unwrap().contains("(content) and was mended"), "{:?}", opened.notice);
    place.history = opened.history;
    restore(&place, &ids, &ids[0]);
    assert_eq!((place.read("const.txt"), place.read("number")), ("const\n".into(), "number 0".into()));
    place.fsck();
    assert_eq!(place.reopen(), None);

    // The workspace has it no longer.
    let (mut place, mut ids) = shared(false);
    fs::remove_file(place.root.join("const.txt")).unwrap();
    let opened = found_at_the_start(&mut place, &ids);
    assert_eq!(lost_of(&opened), set(&ids));
    let notice = opened.notice.as_ref().unwrap();
    assert!(notice.contains("All snapshots of this session were damaged"), "{notice}");
    assert!(!place.dir.join("repository.broken-1").exists());
    place.history = opened.history;
    for (number, id) in ids.iter().enumerate() {
        let read = place.history.read(id, "number", 99).unwrap().unwrap();
        assert_eq!(read, format!("number {number}").as_bytes());
        place.history.read(id, "const.txt", 99).unwrap_err();
    }
    place.write("const.txt", "const\n");
    ids.push(place.record(ids.last()).snapshot);
    assert_eq!(place.history.read(&ids[5], "const.txt", 99).unwrap().unwrap(), b"const\n");
    assert_eq!(place.reopen(), None);
    place.fsck();
}

/// Not only the ends of branches.
#[test]
fn all_snapshots_that_need_what_is_lost_are_found() {
    let (mut place, ids) = shared(true);
    let opened = found_at_the_start(&mut place, &ids);
    assert_eq!(lost_of(&opened), set(&ids[..4]));
    place.history = opened.history;
    restore(&place, &ids, &ids[4]);
    place.fsck();
    assert_eq!(place.reopen(), None);
}

#[test]
fn a_lost_list_of_cut_commits_is_written_again() {
    let (mut place, ids) = shared(false);
    place.history.thin([&ids[1], &ids[4]], &Cancel::default()).unwrap();
    let shallow = place.repository().join("shallow");
    let listed = fs::read(&shallow).unwrap();
    place.close();
    fs::remove_file(&shallow).unwrap();
    let notice = place.reopen().unwrap();
    assert!(notice.contains("(shallow) and was mended"), "{notice}");
    assert_eq!(fs::read(&shallow).unwrap(), listed);
    place.fsck();
    assert_eq!(place.reopen(), None);
}

/// What a restore writes over or removes is looked at before: a damaged copy in the history is made sound out of the
/// file itself while there still is one.
#[test]
fn what_goes_is_recorded_again_where_its_copy_is_damaged() {
    let mut place = place();
    place.write("f", "one");
    let first = place.snapshot();
    place.write("f", "a day of work");
    place.write("only/here", "more of it");
    std::os::unix::fs::symlink("f", place.root.join("link")).unwrap();
    place.write("large", okcvm_objects::testing::noise(7, okcvm_objects::STREAMED_FROM as usize + 5));
    let second = place.record(Some(&first)).snapshot;
    let there = place.tree();
    damage_each(&place, &second, &["f", "only/here", "link", "large"]);
    let now = place.record(Some(&second)).snapshot;
    place.history.restore(&place.workspace, &now, &first, &RestoreWhat::All).unwrap();
    assert_eq!(place.tree().len(), 1);
    place.reopen();
    let now = place.record(Some(&first)).snapshot;
    place.history.restore(&place.workspace, &now, &second, &RestoreWhat::All).unwrap();
    assert_eq!(place.tree(), there);
    assert_eq!(place.history.verify(&Cancel::default()).unwrap().damages, Vec::new());
    place.fsck();
}

#[test]
fn what_is_sound_of_a_damaged_moment_comes_back() {
    let place = place();
    for name in ["a", "b", "c"] {
        place.write(name, format!("1 of {name}"));
    }
    let first = place.snapshot();
    for name in ["a", "b", "d"] {
        place.write(name, format!("2 of {name}"));
    }
    fs::remove_file(place.root.join("c")).unwrap();
    let second = place.record(Some(&first)).snapshot;
    damage(&place, &first, "b");
    let refused = place.history.restore(&place.workspace, &second, &first, &RestoreWhat::All).unwrap_err();
    assert!(refused.is_damage(), "{refused}");
    assert_eq!(place.read("a"), "2 of a");
    let what = RestoreWhat::All;
    let done = place.history.restore_what_is_sound(&place.workspace, &second, &first, &what).unwrap();
    let left: Vec<&str> = done.unwritten.iter().map(|left| left.path.as_str()).collect();
    assert_eq!((left, done.written, done.removed), (vec!["b"], 2, 1));
    assert_eq!(["a", "b", "c"].map(|name| place.read(name)), ["1 of a", "2 of b", "1 of c"]);
    assert!(!place.root.join("d").exists());
}

/// One content that cannot be read takes no other change from sight.
#[test]
fn what_differs_from_a_damaged_moment_is_named_as_far_as_it_can_be() {
    let place = place();
    for name in ["a", "b", "gone"] {
        place.write(name, format!("the text of {name}\n"));
    }
    let first = place.snapshot();
    for name in ["a", "b", "came"] {
        place.write(name, format!("another text of {name}\n"));
    }
    fs::remove_file(place.root.join("gone")).unwrap();
    let second = place.record(Some(&first)).snapshot;
    damage_each(&place, &first, &["b", "gone"]);
    place.history.read(&first, "b", 99).unwrap_err();
    let changes = place.history.diff(Some(&first), &second).unwrap();
    assert_eq!(crate::testing::words(&changes), ["modified a", "modified b", "added came", "deleted gone"]);
    assert_eq!((changes[0].old_size, changes[1].old_size), (Some(14), None));
    assert_eq!(place.history.file_diff(Some(&first), &second, &changes[0]).unwrap().additions, 1);
    assert!(place.history.file_diff(Some(&first), &second, &changes[1]).unwrap_err().is_damage());
}
