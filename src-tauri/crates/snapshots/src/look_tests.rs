use std::fs;
use std::os::unix::fs::symlink;

use super::*;
use crate::testing::{os, place};

#[test]
fn a_snapshot_is_read_and_listed_without_a_checkout() {
    let place = place();
    place.write("site/index.html", "<h1>old</h1>");
    place.write("site/Assets/style.css", "x");
    place.write("site/zebra", "");
    fs::create_dir(place.root.join("site/blank")).unwrap();
    fs::write(place.root.join("site").join(os(b"caf\xE9")), "bytes").unwrap();
    symlink("index.html", place.root.join("site/home")).unwrap();
    symlink("../site", place.root.join("site/round")).unwrap();
    symlink("/mnt/okcomputer/site/index.html", place.root.join("mounted")).unwrap();
    symlink("/etc/hostname", place.root.join("absolute")).unwrap();
    symlink("../../outside", place.root.join("escape")).unwrap();
    symlink("loop", place.root.join("loop")).unwrap();
    let id = place.snapshot();
    fs::remove_dir_all(place.root.join("site")).unwrap();

    let read = |path: &str, max| place.history.read(&id, path, max).unwrap();
    for path in ["site/index.html", "site/home", "site/round/round/home", "mounted", "/site//./index.html"] {
        assert_eq!(read(path, 100).as_deref(), Some(b"<h1>old</h1>".as_slice()), "{path}");
    }
    assert_eq!(read("site/index.html", 4).as_deref(), Some(b"<h1>".as_slice()));
    assert_eq!(read("site/caf\u{FFFD}E9", 9).as_deref(), Some(b"bytes".as_slice()));
    for path in ["", "site", "missing", "site/index.html/below", "absolute", "escape", "loop", "../x"] {
        assert_eq!(read(path, 100), None, "{path}");
    }

    let listed: Vec<_> = place
        .history
        .list(&id, "site/")
        .unwrap()
        .into_iter()
        .map(|entry| (entry.path, entry.kind, entry.size, entry.modified_at))
        .collect();
    let at = 1_700_000_000_123;
    assert_eq!(
        listed,
        [
            ("site/Assets".to_owned(), EntryKind::Folder, 0, at),
            ("site/blank".to_owned(), EntryKind::Folder, 0, at),
            ("site/caf\u{FFFD}E9".to_owned(), EntryKind::File, 5, at),
            ("site/home".to_owned(), EntryKind::Link, 10, at),
            ("site/index.html".to_owned(), EntryKind::File, 12, at),
            ("site/round".to_owned(), EntryKind::Link, 7, at),
            ("site/zebra".to_owned(), EntryKind::File, 0, at),
        ]
    );
    assert_eq!(place.history.list(&id, "").unwrap().len(), 5);
    assert_eq!(place.history.list(&id, "site/blank").unwrap(), []);
    assert_eq!(place.history.list(&id, "missing").unwrap(), []);
    assert!(matches!(
        place.history.read(&SnapshotId("0".repeat(40)), "x", 1),
        Err(SnapshotError::Unknown(_))
    ));
}

#[test]
fn the_last_writer_is_the_newest_snapshot_that_changed_a_path() {
    let place = place();
    place.write("a", "1");
    place.write("b", "1");
    place.write("folder/c", "1");
    place.write("gone", "1");
    let first = place.snapshot();
    place.write("b", "2");
    let second = place.record_as(Some(&first), Author::User).snapshot;
    place.write("folder/c", "2");
    fs::remove_file(place.root.join("gone")).unwrap();
    let third = place.record(Some(&second)).snapshot;
    place.write("unrelated", "1");
    let tip = place.record(Some(&third)).snapshot;

    let mut paths: Vec<String> = ["a", "b", "folder/c", "gone", "never"].map(str::to_owned).to_vec();
    let expected: BTreeMap<String, SnapshotId> = [
        ("a".to_owned(), first.clone()),
        ("b".to_owned(), second.clone()),
        ("folder/c".to_owned(), third.clone()),
        ("gone".to_owned(), third.clone()),
    ]
    .into();
    assert_eq!(place.history.last_writer(&tip, &paths).unwrap(), expected);
    // With many paths the way of looking is another, the answer is the same.
    paths.extend((0..100).map(|number| format!("never-{number}")));
    assert_eq!(place.history.last_writer(&tip, &paths).unwrap(), expected);
    assert_eq!(place.history.last_writer(&tip, &[]).unwrap(), BTreeMap::new());
    assert_eq!(
        place.history.last_writer(&second, &paths[3..4]).unwrap(),
        [("gone".to_owned(), first)].into()
    );
}

#[test]
fn a_range_of_a_file_is_read_and_an_entry_is_found() {
    let place = place();
    let large: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    place.write("large", &large);
    place.write("folder/small", "0123456789");
    symlink("large", place.root.join("link")).unwrap();
    let id = place.snapshot();
    let range = |path: &str, offset, length| place.history.read_range(&id, path, offset, length).unwrap();
    assert_eq!(range("folder/small", 3, 4).as_deref(), Some(b"3456".as_slice()));
    assert_eq!(range("folder/small", 8, 400).as_deref(), Some(b"89".as_slice()));
    assert_eq!(range("folder/small", 10, 1).as_deref(), Some(b"".as_slice()));
    assert_eq!(range("folder/small", u64::MAX, u64::MAX).as_deref(), Some(b"".as_slice()));
    for (offset, length) in [(0_usize, 9_usize), (5_999_999, 100_000), (11_999_990, 10), (7, 11_999_993)] {
        let expected = &large[offset..(offset + length).min(large.len())];
        assert!(range("large", offset as u64, length as u64).as_deref() == Some(expected), "{offset}");
        assert!(range("link", offset as u64, length as u64).as_deref() == Some(expected), "{offset}");
    }
    assert_eq!(range("large", 12_000_000, 5).as_deref(), Some(b"".as_slice()));
    assert_eq!(range("folder", 0, 5), None);

    let entry = |path: &str| {
        let entry = place.history.entry(&id, path).unwrap()?;
        Some((entry.path, entry.name, entry.kind, entry.size))
    };
    let small = ("folder/small".to_owned(), "small".to_owned(), EntryKind::File, 10);
    assert_eq!(entry("folder/small"), Some(small.clone()));
    assert_eq!(entry("/folder//./small"), Some(small));
    assert_eq!(entry("link"), Some(("link".to_owned(), "link".to_owned(), EntryKind::Link, 5)));
    assert_eq!(entry("folder/").map(|entry| (entry.2, entry.3)), Some((EntryKind::Folder, 0)));
    assert_eq!(entry("").map(|entry| entry.2), Some(EntryKind::Folder));
    assert_eq!(entry("folder/none"), None);
}

/// What another restore or a person did elsewhere does not count.
#[test]
fn how_far_a_restore_had_come_is_told_by_the_paths_that_it_changes() {
    let place = place();
    place.write("a", "1");
    place.write("b", "1");
    place.write("turns", "a file");
    place.write("other", "1");
    let from = place.snapshot();
    place.write("a", "2");
    place.write("b", "2");
    fs::remove_file(place.root.join("turns")).unwrap();
    place.write("turns/into", "a folder");
    let to = place.record(Some(&from)).snapshot;
    let far = |half: &SnapshotId, what| place.history.how_far(&from, &to, half, what).unwrap();
    let some = RestoreWhat::Paths(vec!["a".to_owned(), "turns".to_owned()]);
    assert_eq!([far(&to, &RestoreWhat::All), far(&from, &RestoreWhat::All)], [HowFar::All, HowFar::Nothing]);
    assert_eq!(place.history.carried_out(&from, &to, &to).unwrap(), ["a", "b", "turns", "turns/into"]);

    place.write("other", "by hand");
    place.write("new", "by hand");
    let half = place.record(Some(&to)).snapshot;
    assert_eq!([far(&half, &RestoreWhat::All), far(&half, &some)], [HowFar::All, HowFar::All]);
    place.write("b", "1");
    let half = place.record(Some(&half)).snapshot;
    assert_eq!([far(&half, &RestoreWhat::All), far(&half, &some)], [HowFar::Part, HowFar::All]);
    place.write("a", "1");
    fs::remove_dir_all(place.root.join("turns")).unwrap();
    place.write("turns", "a file");
    let half = place.record(Some(&half)).snapshot;
    assert_eq!(far(&half, &RestoreWhat::All), HowFar::Nothing);
    place.write("b", "3");
    let half = place.record(Some(&half)).snapshot;
    assert_eq!([far(&half, &RestoreWhat::All), far(&half, &some)], [HowFar::Unknown, HowFar::Nothing]);
}
