use std::fs;

use okcvm_objects::EMPTY_TREE;

use super::*;
use crate::testing::{Place, place, quick_place};
use crate::{Author, Cancel, RecordInfo, RestoreWhat};

const INFO: RecordInfo<'static> = RecordInfo { message: "a turn", author: Author::User, at_ms: 5 };
/// More than are named to people.
const MANY: usize = MAX_NAMED + 100;

/// Two snapshots: one that leaves so many files out by a rule, and one after it that holds them.
fn left_out_and_recorded(place: &Place) -> (SnapshotId, SnapshotId) {
    for number in 0..MANY {
        place.write(&format!("data/{number:05}.bin"), number.to_string());
    }
    place.write(".okcvmignore", "*.bin\n");
    let first = place.record(None);
    assert_eq!(first.skipped.len(), MAX_NAMED + 1);
    assert_eq!(first.skipped[MAX_NAMED].reason, "and 100 more that are not named here");
    assert_eq!(place.history.skipped(&first.snapshot).unwrap(), first.skipped);
    fs::remove_file(place.root.join(".okcvmignore")).unwrap();
    let second = place.record(Some(&first.snapshot));
    assert_eq!((second.skipped.len(), second.changes.added), (0, MANY as u32));
    (first.snapshot, second.snapshot)
}

fn files_left(place: &Place) -> usize {
    fs::read_dir(place.root.join("data")).unwrap().count()
}

#[test]
fn what_was_left_out_stays_however_much_it_is() {
    let place = quick_place();
    let (first, second) = left_out_and_recorded(&place);
    let done = place.history.restore(&place.workspace, &second, &first, &RestoreWhat::All).unwrap();
    assert_eq!((done.written, done.removed, done.unwritten.len()), (1, 0, MANY));
    assert_eq!(files_left(&place), MANY);
    place.fsck();
}

/// No file that is kept differs between the two; without a list of its own, the way there and back would take the file
/// that came for one that a snapshot holds.
#[test]
fn a_file_that_came_and_is_left_out_makes_a_snapshot_and_stays() {
    let place = quick_place();
    place.write("f", "1");
    let first = place.record(None).snapshot;
    place.write(".okcvmignore", "secret.env\n");
    let second = place.record(Some(&first)).snapshot;
    assert!(!place.record(Some(&second)).changed, "nothing came");
    place.write("secret.env", "mine");
    let third = place.record(Some(&second));
    assert!(third.changed && third.snapshot != second);
    assert_eq!(third.changes, okcvm_protocol::ChangeCounts { added: 0, modified: 0, deleted: 0 });
    assert!(!place.record(Some(&third.snapshot)).changed);
    let restore = |from, to| place.history.restore(&place.workspace, from, to, &RestoreWhat::All).unwrap();
    restore(&third.snapshot, &first);
    let present = place.record(Some(&first)).snapshot;
    restore(&present, &third.snapshot);
    assert_eq!(fs::read(place.root.join("secret.env")).unwrap(), b"mine");
    place.fsck();
}

#[test]
fn a_long_list_is_written_once_and_outlives_a_thinning() {
    let place = quick_place();
    let (_, second) = left_out_and_recorded(&place);
    place.write(".okcvmignore", "*.bin\n");
    let third = place.record(Some(&second)).snapshot;
    place.write("other", "1");
    let fourth = place.record(Some(&third)).snapshot;
    let list = |id: &SnapshotId| place.history.shared.archive.snapshot(id).unwrap().left_out();
    assert!(matches!(list(&third), LeftOutList::InBlob(_)), "{:?}", list(&third));
    assert_eq!(list(&third), list(&fourth));
    let commit = place.git(&["cat-file", "commit", fourth.as_str()]);
    assert!(commit.len() < 600, "{commit}");
    place.history.thin([&second, &fourth], &Cancel::default()).unwrap();
    assert!(matches!(place.history.left_out(&fourth).unwrap(), LeftOut::Paths(_)));
    place.history.pack(&Cancel::default()).unwrap();
    let done = place.history.restore(&place.workspace, &second, &fourth, &RestoreWhat::All);
    assert_eq!(done.unwrap().unwritten.len(), MANY);
    assert_eq!(files_left(&place), MANY);
}

/// Lists of older histories, which name only the first, and lists that are gone or damaged.
#[test]
fn nothing_goes_where_the_list_is_not_known() {
    let place = place();
    place.write("one", "1");
    place.write("folder/two", "2");
    place.write("three/four", "4");
    let second = place.snapshot();
    let tree = place.history.tree(&second).unwrap();
    let item = |path: &str| SkippedFile { path: path.into(), reason: "so".into() };
    let lost = "1".repeat(40).parse().unwrap();
    let cut = LeftOutList::Named(vec![item("a"), item(CUT)]);
    for list in [cut, LeftOutList::parse("[{\"path\":"), LeftOutList::InBlob(lost)] {
        let batch = place.history.shared.objects.batch();
        let first = place.history.put_snapshot(batch, EMPTY_TREE, None, INFO, &list).unwrap();
        assert!(matches!(place.history.left_out(&first).unwrap(), LeftOut::Unknown), "{list:?}");
        assert_eq!(place.history.skipped(&first).unwrap().last().unwrap().path, CUT);
        let before = place.tree();
        let done = place.history.restore(&place.workspace, &second, &first, &RestoreWhat::All).unwrap();
        assert_eq!((done.removed, done.unwritten.len()), (0, 3), "{list:?}");
        assert_eq!(place.tree(), before);
        // Nor does taking a turn back remove what it may not have made.
        let done = place.history.revert(&place.workspace, &second, Some(&first), &second, INFO).unwrap();
        assert_eq!((done.outcome.removed, done.outcome.unwritten.len()), (0, 3), "{list:?}");
        assert_eq!(place.tree(), before);
    }
    // A list that an older program wrote and that names all.
    let batch = place.history.shared.objects.batch();
    let whole = LeftOutList::Named(vec![item("three"), item("one")]);
    let first = place.history.put_snapshot(batch, EMPTY_TREE, None, INFO, &whole).unwrap();
    assert_eq!(place.history.skipped(&first).unwrap(), [item("three"), item("one")]);
    let done = place.history.restore(&place.workspace, &second, &first, &RestoreWhat::All).unwrap();
    assert_eq!((done.removed, done.unwritten.len()), (1, 2));
    assert_eq!((place.read("one").as_str(), place.read("three/four").as_str()), ("1", "4"));
    assert!(!place.root.join("folder").exists());
    assert_ne!(tree, EMPTY_TREE);
}

/// Where something else stands in the older snapshot, the path was not left out of it.
#[test]
fn what_gives_way_to_something_else_was_not_left_out() {
    let place = place();
    place.write("swapped/inside", "1");
    place.write("other", "1");
    let old = place.snapshot();
    let old_tree = place.tree();
    let batch = place.history.shared.objects.batch();
    let tree = place.history.tree(&old).unwrap();
    let first = place.history.put_snapshot(batch, tree, None, INFO, &LeftOutList::parse("?")).unwrap();
    fs::remove_dir_all(place.root.join("swapped")).unwrap();
    fs::remove_file(place.root.join("other")).unwrap();
    place.write("swapped", "a file");
    place.write("other/deep", "a folder");
    let second = place.record(Some(&first)).snapshot;
    place.history.restore(&place.workspace, &second, &first, &RestoreWhat::All).unwrap();
    assert_eq!(place.tree(), old_tree);
}
