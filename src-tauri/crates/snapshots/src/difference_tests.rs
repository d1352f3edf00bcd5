use std::collections::BTreeSet;
use std::fs;

use super::*;
use crate::entry::shown;
use crate::testing::place;

fn scope(paths: &[&str]) -> Scope {
    Scope::of(paths.iter().map(|path| path.as_bytes().to_vec()))
}

#[test]
fn a_scope_takes_its_paths_and_what_lies_below_and_nothing_else() {
    let place = place();
    for path in ["a/one", "a/b/two", "a.b/three", "a", "ab/four"].iter().filter(|path| **path != "a") {
        place.write(path, "old");
    }
    let old = place.snapshot();
    fs::remove_dir_all(place.root.join("ab")).unwrap();
    for path in ["a/one", "a/b/two", "a/b/new", "a.b/three", "ab"] {
        place.write(path, "new");
    }
    let new = place.snapshot();
    let (old, new) = (place.history.tree(&old).unwrap(), place.history.tree(&new).unwrap());
    let source = place.history.source();
    let found = |scope: Scope| -> Vec<String> {
        let found = differences(source, old, new, &scope).unwrap();
        found.iter().map(|difference| shown(&difference.path)).collect()
    };
    assert_eq!(found(scope(&[""])), ["a.b/three", "a/b/new", "a/b/two", "a/one", "ab", "ab/four"]);
    assert_eq!(found(scope(&["a"])), ["a/b/new", "a/b/two", "a/one"]);
    assert_eq!(found(scope(&["a/b/", "./a.b"])), ["a.b/three", "a/b/new", "a/b/two"]);
    assert_eq!(found(scope(&["a/b/two", "a/one"])), ["a/b/two", "a/one"]);
    assert_eq!(found(scope(&["ab"])), ["ab", "ab/four"]);
    assert_eq!(found(scope(&["ab/four"])), ["ab/four"]);
    assert_eq!(found(scope(&["b", "a/b/t", "nothing"])), [] as [&str; 0]);
    assert_eq!(found(scope(&[])), [] as [&str; 0]);

    // Of paths that were asked for one by one, each on its own, folders too.
    let asked: [&[u8]; 9] =
        [b"a", b"a/b", b"a/b/two", b"a/b/none", b"a.b", b"a.b/three", b"ab", b"ab/four", b"none"];
    let changed = changed_among(source, old, new, asked).unwrap();
    let changed: BTreeSet<&[u8]> = changed.into_iter().collect();
    let expected: [&[u8]; 7] = [b"a", b"a/b", b"a/b/two", b"a.b", b"a.b/three", b"ab", b"ab/four"];
    assert_eq!(changed, BTreeSet::from(expected));
}
