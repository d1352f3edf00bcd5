use std::time::{Duration, Instant};

use crate::testing::place;
use crate::{Author, History, PageRequest, RecordInfo, SnapshotError};

const INFO: RecordInfo<'_> = RecordInfo { message: "m", author: Author::Agent, at_ms: 1 };

#[test]
fn one_writes_and_the_other_reads() {
    let mut place = place();
    place.write("file", "one");
    let first = place.snapshot();
    let other = History::open(&place.dir).unwrap();
    assert_eq!(other.notice, None);
    let other = other.history;
    assert_eq!(other.read(&first, "file", 9).unwrap().unwrap(), b"one");
    place.write("file", "two");
    let busy = other.record(&place.workspace, Some(&first), INFO).unwrap_err();
    assert!(matches!(busy, SnapshotError::Busy), "{busy}");
    // What the first one records, the other sees.
    let second = place.record(Some(&first)).snapshot;
    assert_eq!(other.read(&second, "file", 9).unwrap().unwrap(), b"two");
    let page = other.page(&PageRequest { before: None, count: 9 }).unwrap();
    assert_eq!(page.iter().map(|info| &info.id).collect::<Vec<_>>(), [&second, &first]);
    // When the first one is gone, the other may write.
    place.close();
    place.write("file", "three");
    let third = other.record(&place.workspace, Some(&second), INFO).unwrap().snapshot;
    assert_eq!(other.page(&PageRequest { before: None, count: 1 }).unwrap()[0].id, third);
    drop(other);
    place.reopen();
    assert_eq!(place.history.read(&third, "file", 9).unwrap().unwrap(), b"three");
    place.fsck();
}

#[test]
fn only_tips_have_references() {
    let place = place();
    place.write("file", "root");
    let root = place.snapshot();
    let names = || place.git(&["for-each-ref", "--format=%(refname)"]).lines().count();
    for number in 0..5 {
        place.write("file", format!("branch {number}"));
        let child = place.record(Some(&root)).snapshot;
        place.write("file", format!("branch {number} goes on"));
        place.record(Some(&child));
        assert_eq!(names(), number + 1);
    }
    assert_eq!(place.git(&["rev-list", "--all", "--count"]).trim(), "11");
    place.fsck();
}

#[test]
fn many_small_packs_are_merged() {
    let mut place = place();
    let mut ids = Vec::new();
    for number in 0..80 {
        place.write("file", number.to_string());
        ids.push(place.record(ids.last()).snapshot);
    }
    place.history.flush().unwrap();
    // The thread in the background may be at it.
    let end = Instant::now() + Duration::from_secs(20);
    while place.history.usage().unwrap().packs > 33 {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(5));
        place.history.shared.archive.merge_if_many().unwrap();
    }
    assert_eq!(place.reopen(), None);
    for (number, id) in ids.iter().enumerate() {
        assert_eq!(place.history.read(id, "file", 9).unwrap().unwrap(), number.to_string().as_bytes());
    }
    place.fsck();
}
