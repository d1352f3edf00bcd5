use std::fs;

use super::*;
use crate::testing::{place, words};

fn said(moments: &[PathMoment]) -> Vec<String> {
    let one = |moment: &PathMoment| {
        let old = moment.old_path.as_ref().map(|old| format!(" from {old}")).unwrap_or_default();
        format!("{:?} {}{old} {:?}", moment.kind, moment.path, moment.size)
    };
    moments.iter().map(one).collect()
}

#[test]
fn the_history_of_a_path_follows_its_names() {
    let place = place();
    let text =
        |from: u32, to: u32| (from..to).map(|line| format!("line {line}\n")).collect::<Vec<_>>().concat();
    place.write("notes/draft.txt", text(0, 50));
    place.write("other", "1");
    let first = place.snapshot();
    place.write("notes/draft.txt", text(0, 60));
    let second = place.record_as(Some(&first), Author::User).snapshot;
    place.write("other", "2");
    let third = place.record(Some(&second)).snapshot;
    // Renamed as it is, then renamed and edited at once.
    fs::rename(place.root.join("notes/draft.txt"), place.root.join("report.txt")).unwrap();
    let fourth = place.record(Some(&third)).snapshot;
    fs::remove_file(place.root.join("report.txt")).unwrap();
    place.write("final/report.md", text(10, 62));
    let fifth = place.record(Some(&fourth)).snapshot;
    assert_eq!(
        words(&place.history.diff(Some(&fourth), &fifth).unwrap()),
        ["renamed report.txt -> final/report.md"]
    );
    fs::remove_dir_all(place.root.join("final")).unwrap();
    let sixth = place.record(Some(&fifth)).snapshot;

    let history = place.history.path_history(&sixth, "final/report.md", 100).unwrap();
    let expected = [
        "Deleted final/report.md None".to_owned(),
        format!("Renamed final/report.md from report.txt Some({})", text(10, 62).len()),
        format!("Renamed report.txt from notes/draft.txt Some({})", text(0, 60).len()),
        format!("Modified notes/draft.txt Some({})", text(0, 60).len()),
        format!("Added notes/draft.txt Some({})", text(0, 50).len()),
    ];
    assert_eq!(said(&history), expected);
    let snapshots: Vec<&SnapshotId> = history.iter().map(|moment| &moment.snapshot).collect();
    assert_eq!(snapshots, [&sixth, &fifth, &fourth, &second, &first]);
    assert_eq!((history[3].author, history[4].author), (Author::User, Author::Agent));
    assert_eq!(history[0].at_ms, 1_700_000_000_123);
    assert_eq!(place.history.path_history(&sixth, "final/report.md", 2).unwrap(), history[..2]);
    assert_eq!(
        said(&place.history.path_history(&sixth, "notes", 9).unwrap()),
        ["Modified notes None", "Modified notes None", "Added notes None"]
    );
    assert_eq!(place.history.path_history(&sixth, "never", 9).unwrap(), []);
}

/// What differs too much is no rename; what is no text is one only if it is the same.
#[test]
fn only_what_is_alike_is_a_rename() {
    let place = place();
    let text =
        |from: u32, to: u32| (from..to).map(|line| format!("line {line:05}\n")).collect::<Vec<_>>().concat();
    place.write("half", text(0, 100));
    place.write("less", text(1_000, 1_100));
    place.write("binary", [b"\0".repeat(200), b"tail".to_vec()].concat());
    place.write("two/name", text(2_000, 2_100));
    let first = place.snapshot();
    for name in ["half", "less", "binary", "two/name"] {
        fs::remove_file(place.root.join(name)).unwrap();
    }
    place.write("half-2", text(50, 150));
    place.write("less-2", text(1_051, 1_151));
    place.write("binary-2", [b"\0".repeat(200), b"tale".to_vec()].concat());
    // Of two that are as like, the one of the same name.
    place.write("one/other", text(2_000, 2_090));
    place.write("three/name", text(2_000, 2_090));
    let second = place.record(Some(&first)).snapshot;
    let diff = place.history.diff(Some(&first), &second).unwrap();
    assert_eq!(
        words(&diff),
        [
            "deleted binary",
            "added binary-2",
            "renamed half -> half-2",
            "deleted less",
            "added less-2",
            "added one/other",
            "renamed two/name -> three/name",
        ]
    );
    let renamed = diff.iter().find(|change| change.path == "three/name").unwrap();
    assert_eq!((renamed.old_size, renamed.new_size), (Some(1_100), Some(990)));
    let lines = place.history.file_diff(Some(&first), &second, renamed).unwrap();
    assert_eq!((lines.additions, lines.deletions), (0, 10));

    // Thousands that went and came: only equal names are compared, and the rest is named as it is.
    for number in 0..200 {
        place.write(&format!("many/{number}"), text(number * 200, number * 200 + 20));
    }
    let third = place.record(Some(&second)).snapshot;
    fs::rename(place.root.join("many"), place.root.join("moved")).unwrap();
    for number in 0..200 {
        place.write(&format!("moved/{number}"), text(number * 200, number * 200 + 19));
    }
    let fourth = place.record(Some(&third)).snapshot;
    let diff = place.history.diff(Some(&third), &fourth).unwrap();
    assert_eq!(diff.len(), 200);
    assert!(diff.iter().all(|change| change.kind == ChangeKind::Renamed), "{:?}", words(&diff));
}
