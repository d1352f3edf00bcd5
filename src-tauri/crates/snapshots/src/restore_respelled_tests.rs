//! What a restore that was cut off left under a third name. The file system here takes every spelling for a name of its
//! own; those that do not are tried by hand.

use super::super::apply::name_between;
use super::*;
use crate::difference::{Scope, folded_into};
use crate::names::NameRules;

/// Spelled anew by hand, with what snapshots leave out, and then cut off between the two renames of a restore.
fn cut_off() -> (Place, UnfinishedRestore) {
    let place = place();
    place.write("Dir/In", "one");
    place.write("Readme", "one");
    let first = place.snapshot();
    fs::rename(place.root.join("Dir"), place.root.join("dir")).unwrap();
    fs::rename(place.root.join("Readme"), place.root.join("README")).unwrap();
    place.write("dir/node_modules/p", "left out");
    place.write("dir/by hand", "mine");
    let second = place.record(Some(&first)).snapshot;
    let restore = unfinished(&second, &first, &RestoreWhat::All);
    Intent::open(&place.dir).unwrap().begin(&restore).unwrap();
    for (old, new) in [("dir", "Dir"), ("README", "Readme")] {
        let between = name_between(new.as_bytes());
        fs::rename(place.root.join(old), place.root.join(os(&between))).unwrap();
    }
    (place, restore)
}

fn hidden(place: &Place) -> usize {
    let entries = fs::read_dir(&place.root).unwrap();
    entries.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with('.')).count()
}

#[test]
fn what_was_on_its_way_to_another_spelling_has_its_name_back_when_the_restore_is_given_up() {
    let (place, restore) = cut_off();
    assert_eq!(hidden(&place), 2);
    assert_eq!(place.history.give_up_restore(&place.workspace).unwrap(), Some(restore));
    assert_eq!(hidden(&place), 0);
    for (path, content) in
        [("dir/In", "one"), ("dir/node_modules/p", "left out"), ("dir/by hand", "mine"), ("README", "one")]
    {
        assert_eq!(place.read(path), content, "{path}");
    }
}

#[test]
fn what_was_on_its_way_to_another_spelling_is_gone_on_with_when_the_restore_is_finished() {
    let (place, _) = cut_off();
    place.history.finish_restore(&place.workspace).unwrap().unwrap();
    assert_eq!(hidden(&place), 0);
    assert_eq!((place.read("Dir/In").as_str(), place.read("Readme").as_str()), ("one", "one"));
    assert!(!place.root.join("README").exists() && !place.root.join("dir/by hand").exists());
    assert_eq!(place.read("dir/node_modules/p"), "left out");
}

#[test]
fn what_came_into_its_place_since_stays() {
    let (place, _) = cut_off();
    place.write("README", "new");
    place.history.give_up_restore(&place.workspace).unwrap();
    assert_eq!(place.read("README"), "new");
    assert_eq!((hidden(&place), place.read("dir/by hand").as_str()), (1, "mine"));
}

#[test]
fn a_path_is_meant_in_every_spelling_that_the_file_system_takes_for_it() {
    let place = place();
    place.write("Readme", "one");
    place.write("Dir/In", "one");
    place.write("other", "one");
    let first = place.snapshot();
    fs::rename(place.root.join("Readme"), place.root.join("README")).unwrap();
    place.write("Dir/In", "two");
    place.write("other", "two");
    let second = place.record(Some(&first)).snapshot;
    let pair = [place.history.tree(&second).unwrap(), place.history.tree(&first).unwrap()];
    let found = |rules: NameRules, named: &str| -> Vec<String> {
        let scope = Scope::of([named.as_bytes().to_vec()]);
        let found = folded_into(rules, place.history.source(), pair, &scope).unwrap();
        found.iter().map(|one| shown(&one.path)).collect()
    };
    assert_eq!(found(NameRules::MOST, "Readme"), ["README"]);
    assert_eq!(found(NameRules::MOST, "readme"), ["README", "Readme"]);
    assert_eq!(found(NameRules::MOST, "dir"), ["Dir/In"]);
    assert_eq!(found(NameRules::MOST, "Dir"), Vec::<String>::new());
    assert_eq!(found(NameRules::default(), "readme"), Vec::<String>::new());
    // Where each spelling is a name of its own, only the one that is named moves.
    let what = RestoreWhat::Paths(vec!["readme".into(), "other".into()]);
    place.history.restore(&place.workspace, &second, &first, &what).unwrap();
    assert_eq!((place.read("other").as_str(), place.read("README").as_str()), ("one", "one"));
    assert!(!place.root.join("Readme").exists());
}
