use super::*;
use okcvm_objects::{Entry, EntryKind, ObjectId};

const CASE: NameRules =
    NameRules { folds_case: true, folds_expanded: true, folds_composition: false, windows: false };
const MAC: NameRules =
    NameRules { folds_case: true, folds_expanded: true, folds_composition: true, windows: false };
const WINDOWS: NameRules =
    NameRules { folds_case: true, folds_expanded: false, folds_composition: false, windows: true };

fn entry(number: u8) -> Entry {
    Entry { kind: EntryKind::File, id: ObjectId::from_bytes(&[number; 20]) }
}

fn difference(path: &str, old: Option<u8>, new: Option<u8>) -> Difference {
    Difference { path: path.into(), old: old.map(entry), new: new.map(entry) }
}

#[test]
fn names_fold_as_the_system_folds_them() {
    let same = |rules: NameRules, left: &str, right: &str| {
        rules.folded(left.as_bytes()) == rules.folded(right.as_bytes())
    };
    assert!(same(CASE, "Docs/README", "docs/readme") && !same(NameRules::default(), "A", "a"));
    assert!(same(CASE, "ÉTÉ", "été") && same(CASE, "ΟΔΟΣ", "οδος") && same(CASE, "ΟΔΟΣ", "οδοσ"));
    assert!(same(MAC, "caf\u{e9}", "cafe\u{301}") && same(MAC, "CAF\u{c9}", "cafe\u{301}"));
    assert!(!same(CASE, "caf\u{e9}", "cafe\u{301}") && !same(MAC, "cafe", "caf\u{e9}"));
    // Bytes that are no text are compared as they are.
    assert_eq!(MAC.folded(b"A\xff"), b"A\xff");
}

#[test]
fn what_windows_cannot_hold_is_known() {
    for path in [
        "CON",
        "con.txt",
        "a/NUL/b",
        "nul .txt",
        "com1",
        "LPT9.log",
        "COM¹",
        "conin$",
        "AUX.tar.gz",
        "end.",
        "end ",
        "a./b",
        "a:b",
        "what?",
        "back\\slash",
        "new\nline",
        "\"quoted\"",
        "<",
        "a|b",
        "*",
    ] {
        assert!(WINDOWS.unwritable(path.as_bytes()).is_some(), "{path:?}");
        assert_eq!(MAC.unwritable(path.as_bytes()), None, "{path:?}");
    }
    for path in
        ["console", "com0", "COM10", "nul-and-void", ".hidden", "a b", "LPT", "文件", "a.b.c", "coma/1"]
    {
        assert_eq!(WINDOWS.unwritable(path.as_bytes()), None, "{path:?}");
    }
    assert!(WINDOWS.unwritable(b"caf\xE9").is_some());
    assert!(WINDOWS.unwritable("x".repeat(256).as_bytes()).is_some());
    assert!(WINDOWS.unwritable("x".repeat(255).as_bytes()).is_none());
    // Far longer than the 260 of old programs, up to what a verbatim path may have.
    let deep = |parts: usize| vec!["folder-folder-folder"; parts].join("/");
    assert!(WINDOWS.unwritable(deep(100).as_bytes()).is_none());
    assert!(WINDOWS.unwritable(deep(1_500).as_bytes()).is_some());
}

#[test]
fn another_spelling_is_no_removal() {
    let said = |rules: NameRules, differences: &[Difference], target: &[&str]| {
        let mut keeps = |path: &[u8]| {
            let inside = below(path, b"");
            let holds = |held: &&str| held.as_bytes() == path || held.as_bytes().starts_with(&inside);
            Ok(target.iter().any(holds))
        };
        let (respellings, said) = respell(rules, differences.to_vec(), &mut keeps).unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let respellings: Vec<String> = respellings
            .iter()
            .map(|respelling| format!("{} -> {}", text(&respelling.old), text(&respelling.new)))
            .collect();
        (respellings, said)
    };
    let file = [difference("README", Some(1), None), difference("Readme", None, Some(2))];
    let (respellings, now) = said(CASE, &file, &["Readme"]);
    assert_eq!(respellings, ["README -> Readme"]);
    assert_eq!(now, [difference("Readme", Some(1), Some(2))]);
    // On a system that keeps them apart they are two files.
    assert_eq!(said(NameRules::default(), &file, &["Readme"]), (Vec::new(), file.to_vec()));

    // A folder goes with all in it; what is the same in it is no difference any more.
    let folder = [
        difference("DOCS/Same", Some(1), None),
        difference("DOCS/gone", Some(2), None),
        difference("DOCS/sub/x", Some(3), None),
        difference("docs/SUB/x", None, Some(4)),
        difference("docs/Same", None, Some(1)),
    ];
    let (respellings, now) = said(CASE, &folder, &["docs/SUB/x", "docs/Same"]);
    assert_eq!(respellings, ["DOCS -> docs", "docs/sub -> docs/SUB"]);
    assert_eq!(now, [difference("docs/SUB/x", Some(3), Some(4)), difference("docs/gone", Some(2), None)]);

    // The target holds both: nothing is respelled, and one of the two collides.
    let both = [difference("a/x", Some(1), None), difference("A/x", None, Some(1))];
    let (respellings, now) = said(CASE, &both, &["A/x", "a/y"]);
    assert_eq!(respellings, [] as [&str; 0]);
    assert_eq!(now.len(), 2);

    let (respellings, now) = said(
        MAC,
        &[difference("cafe\u{301}", Some(1), None), difference("caf\u{e9}", None, Some(1))],
        &["caf\u{e9}"],
    );
    assert_eq!((respellings.len(), now.len()), (1, 0));
}

#[test]
fn what_would_be_written_over_another_is_found() {
    let colliding = |rules: NameRules, differences: &[Difference], target: &[&str]| -> Vec<String> {
        let mut names = |folder: &[u8]| {
            let inside = if folder.is_empty() { Vec::new() } else { below(folder, b"") };
            let inside = |path: &&str| {
                let rest = path.as_bytes().strip_prefix(inside.as_slice())?;
                Some(rest.split(|byte| *byte == b'/').next()?.to_vec())
            };
            let names: BTreeSet<Vec<u8>> = target.iter().filter_map(inside).collect();
            Ok(names.into_iter().collect())
        };
        let found = collisions(rules, differences, &mut names).unwrap();
        found.into_iter().map(|path| String::from_utf8(path).unwrap()).collect()
    };
    // Of two that both come, the first by name is written.
    let two = [difference("A", None, Some(1)), difference("a", None, Some(2))];
    assert_eq!(colliding(CASE, &two, &["A", "a"]), ["a"]);
    assert_eq!(colliding(NameRules::default(), &two, &["A", "a"]), [] as [&str; 0]);
    // One that stands there stays.
    assert_eq!(colliding(CASE, &two[..1], &["A", "a"]), ["A"]);
    // Folders collide with all that is in them.
    let folders = [
        difference("Docs/a", None, Some(1)),
        difference("docs/b", None, Some(1)),
        difference("docs/c/d", None, Some(1)),
        difference("other", None, Some(1)),
    ];
    assert_eq!(colliding(CASE, &folders, &["Docs/a", "docs/b", "docs/c/d", "other"]), ["docs/b", "docs/c/d"]);
    let accents = [difference("caf\u{e9}", None, Some(1)), difference("cafe\u{301}", None, Some(1))];
    assert_eq!(colliding(MAC, &accents, &["caf\u{e9}", "cafe\u{301}"]).len(), 1);
    assert_eq!(colliding(CASE, &accents, &["caf\u{e9}", "cafe\u{301}"]).len(), 0);
    // What is removed collides with nothing.
    assert_eq!(colliding(CASE, &[difference("a", Some(1), None)], &["A"]), [] as [&str; 0]);
}

#[test]
fn a_path_in_its_new_spelling_tells_the_old_one() {
    let respelling = |old: &str, new: &str| Respelling { old: old.into(), new: new.into() };
    let respellings = [respelling("dir", "Dir"), respelling("Dir/a", "Dir/A"), respelling("x", "X")];
    for (new, old) in
        [("Dir/A/file", "dir/a/file"), ("Dir", "dir"), ("X", "x"), ("Dirt/A", "Dirt/A"), ("", "")]
    {
        assert_eq!(old_spelling(&respellings, new.as_bytes()), old.as_bytes(), "{new}");
    }
}

#[test]
fn a_letter_that_folds_to_several_does_so_only_where_the_file_system_says_so() {
    for (one, other) in [("straße", "strasse"), ("\u{fb01}n", "fin"), ("İ", "i\u{307}")] {
        assert_eq!(MAC.folded(one.as_bytes()), MAC.folded(other.as_bytes()), "{one}");
        assert_ne!(WINDOWS.folded(one.as_bytes()), WINDOWS.folded(other.as_bytes()), "{one}");
    }
    for (one, other) in [("STRASSE", "strasse"), ("Größe", "GRÖßE"), ("ΣΑΣ", "σας")] {
        assert_eq!(WINDOWS.folded(one.as_bytes()), WINDOWS.folded(other.as_bytes()), "{one}");
    }
}
