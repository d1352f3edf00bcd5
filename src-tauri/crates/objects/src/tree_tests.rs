use super::*;
use crate::id::{EMPTY_TREE, ObjectKind, object_id};

#[test]
fn trees_sort_as_git_sorts_them() {
    let id = object_id(ObjectKind::Blob, b"x").unwrap();
    let entry = |kind| Entry { kind, id };
    let names: [(&[u8], EntryKind); 6] = [
        (b"a", EntryKind::Folder),
        (b"a.b", EntryKind::File),
        (b"a0", EntryKind::Executable),
        (b"a-", EntryKind::Link),
        (b"\xff", EntryKind::File),
        (b"B", EntryKind::Folder),
    ];
    let bytes = encode_tree(names.iter().map(|(name, kind)| (*name, entry(*kind))));
    let found = parse_tree(&bytes).unwrap();
    let order: Vec<&[u8]> = found.iter().map(|(name, _)| name.as_slice()).collect();
    let expected: [&[u8]; 6] = [b"B", b"a-", b"a.b", b"a", b"a0", b"\xff"];
    assert_eq!(order, expected);
    for (name, kind) in names {
        assert!(found.contains(&(name.to_vec(), entry(kind))), "{name:?}");
    }
    // libgit2 takes it, and reads the same.
    let folder = tempfile::tempdir().unwrap();
    let repository = git2::Repository::init_bare(folder.path()).unwrap();
    let odb = repository.odb().unwrap();
    odb.write(git2::ObjectType::Blob, b"x").unwrap();
    let tree = odb.write(git2::ObjectType::Tree, &bytes).unwrap();
    assert_eq!(tree.as_bytes(), object_id(ObjectKind::Tree, &bytes).unwrap().as_bytes());
    assert_eq!(repository.find_tree(tree).unwrap().len(), 6);
}

#[test]
fn the_empty_tree_has_its_name() {
    assert_eq!(object_id(ObjectKind::Tree, b"").unwrap(), EMPTY_TREE);
    assert_eq!(EMPTY_TREE.to_string().parse::<ObjectId>().unwrap(), EMPTY_TREE);
    assert!("4b825dc642cb6eb9a060e54bf8d69288fbee490".parse::<ObjectId>().is_err());
    assert!("4b825dc642cb6eb9a060e54bf8d69288fbee490g".parse::<ObjectId>().is_err());
}

#[test]
fn a_cut_tree_is_refused() {
    let bytes =
        encode_tree([(b"name".as_slice(), Entry { kind: EntryKind::File, id: EMPTY_TREE })].into_iter());
    for end in 1..bytes.len() {
        assert!(parse_tree(&bytes[..end]).is_err(), "{end}");
    }
    assert!(parse_tree(b"100644 \0aaaaaaaaaaaaaaaaaaaa").is_err());
}

#[test]
fn submodules_are_left_out() {
    let mut bytes = b"160000 module\0".to_vec();
    bytes.extend_from_slice(EMPTY_TREE.as_bytes());
    assert_eq!(parse_tree(&bytes).unwrap(), Vec::new());
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    for name in ["", ".", "..", ".git", "a/b", "/", "../a"] {
        let mut bytes = format!("100644 {name}\0").into_bytes();
        bytes.extend_from_slice(EMPTY_TREE.as_bytes());
        assert!(parse_tree(&bytes).is_err(), "{name:?}");
    }
    for name in ["...", "..a", ".gitignore", "a b"] {
        let mut bytes = format!("100644 {name}\0").into_bytes();
        bytes.extend_from_slice(EMPTY_TREE.as_bytes());
        assert_eq!(parse_tree(&bytes).unwrap()[0].0, name.as_bytes());
    }
}
