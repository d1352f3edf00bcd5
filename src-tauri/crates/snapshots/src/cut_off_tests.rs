use std::fs;
use std::time::Duration;

use super::*;
use crate::testing::{Place, quick_place};

const SAID: (&str, i64) = ("after", 5);

/// The moment between what was done before and what comes after, as the times of files tell it.
fn moment() -> SystemTime {
    std::thread::sleep(Duration::from_millis(30));
    let now = SystemTime::now();
    std::thread::sleep(Duration::from_millis(30));
    now
}

fn paths(place: &Place, from: &SnapshotId, to: &SnapshotId) -> Vec<String> {
    let changes = place.history.diff(Some(from), to).unwrap();
    changes.into_iter().map(|change| change.path).collect()
}

#[test]
fn what_was_changed_later_is_not_the_turns() {
    let place = quick_place();
    for name in ["stays", "turn", "both", "gone by turn/a", "gone later/a", "kept/x"] {
        place.write(name, "before");
    }
    let base = place.record(None).snapshot;
    for name in ["turn", "both", "new by turn/deep/file", "kept/by turn"] {
        place.write(name, "the turn");
    }
    fs::remove_file(place.root.join("gone by turn/a")).unwrap();
    let alive = moment();
    for name in ["both", "later", "kept/later"] {
        place.write(name, "later");
    }
    fs::remove_file(place.root.join("gone later/a")).unwrap();
    let found = place.history.record_cut_off(&place.workspace, &base, Some(alive), SAID).unwrap();
    assert_eq!(
        paths(&place, &base, &found.turn),
        ["gone by turn/a", "kept/by turn", "new by turn/deep/file", "turn"]
    );
    let later = ["both", "gone later/a", "kept/later", "later"];
    assert_eq!(paths(&place, &found.turn, &found.present), later);
    // A folder that is empty now is a change as well.
    assert!(later.iter().all(|path| found.later.contains(&(*path).to_owned())), "{:?}", found.later);
    let author = |id| place.history.author(id).unwrap();
    assert_eq!((author(&found.turn), author(&found.present)), (Author::Agent, Author::Unknown));
    assert_eq!(place.history.parent(&found.present).unwrap(), Some(found.turn));
    // The present is known: nothing is new.
    assert!(!place.record(Some(&found.present)).changed);
}

#[test]
fn without_a_sign_of_life_nothing_is_counted_as_the_turns() {
    let place = quick_place();
    place.write("a", "1");
    let base = place.record(None).snapshot;
    let same = place.history.record_cut_off(&place.workspace, &base, None, SAID).unwrap();
    assert_eq!(same, CutOff { turn: base.clone(), present: base.clone(), later: Vec::new() });
    place.write("a", "2");
    let found = place.history.record_cut_off(&place.workspace, &base, None, SAID).unwrap();
    assert_eq!((&found.turn, found.later), (&base, vec!["a".to_owned()]));
    assert_eq!(place.history.author(&found.present).unwrap(), Author::Unknown);
}

#[test]
fn what_was_there_while_the_program_lived_is_the_turns_alone() {
    let place = quick_place();
    place.write("a", "1");
    let base = place.record(None).snapshot;
    place.write("a", "2");
    place.write("b/c", "3");
    let found = place.history.record_cut_off(&place.workspace, &base, Some(moment()), SAID).unwrap();
    assert_eq!((&found.turn, found.later.len()), (&found.present, 0));
    assert_eq!(place.history.author(&found.turn).unwrap(), Author::Agent);
    assert_eq!(paths(&place, &base, &found.turn), ["a", "b/c"]);
}

#[test]
fn a_folder_that_was_moved_in_later_brings_what_is_in_it() {
    let place = quick_place();
    place.write("a", "1");
    let base = place.record(None).snapshot;
    let outside = place.folder.path().join("outside");
    fs::create_dir_all(outside.join("in")).unwrap();
    fs::write(outside.join("in/old"), "by hand").unwrap();
    let alive = moment();
    fs::rename(&outside, place.root.join("moved")).unwrap();
    let found = place.history.record_cut_off(&place.workspace, &base, Some(alive), SAID).unwrap();
    assert_eq!((&found.turn, found.later), (&base, vec!["moved/in/old".to_owned()]));
}
