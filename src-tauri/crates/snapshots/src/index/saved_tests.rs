use crate::index::Name;

use super::*;

fn sample() -> Index {
    let id = |byte| ObjectId::from_bytes(&[byte; 20]);
    let stamp = Stamp { size: 7, modified: -1, changed: i64::MAX, inode: u64::MAX, mode: 0o100_755 };
    let file = |name: &[u8], kind, byte, stamp| Item {
        name: name.into(),
        node: Node::File(Known { kind, id: id(byte), size: 9, inode: 5, linked: byte == 1, stamp }),
    };
    let left_out = |name: &[u8], reason: &str| LeftOut { name: name.into(), reason: reason.into() };
    let inner = Folder::new(
        id(3),
        Some(stamp),
        vec![file(b"a\xff", EntryKind::Executable, 1, Some(stamp)), file(b"l", EntryKind::Link, 4, None)],
        vec![left_out(b".git", "the data of a nested git repository is not recorded")],
        None,
    );
    let items = vec![
        Item { name: Name::from_slice(b"inner"), node: Node::Folder(Arc::new(inner).into()) },
        file(b"racy", EntryKind::File, 2, None),
    ];
    let root = Folder::new(id(5), None, items, vec![left_out(b"z", "q\u{e9}")], None);
    Index { workspace: (*b"/some/where").into(), root: Arc::new(root) }
}

fn bytes_of(index: &Index) -> Vec<u8> {
    let place = tempfile::tempdir().unwrap();
    index.save(place.path()).unwrap();
    fs::read(place.path().join(FILE_NAME)).unwrap()
}

#[test]
fn an_index_survives_saving() {
    let place = tempfile::tempdir().unwrap();
    let old = place.path().join(repository::FOLDER).join(OLD_FILE_NAME);
    fs::create_dir(old.parent().unwrap()).unwrap();
    fs::write(&old, "what an older version left").unwrap();
    sample().save(place.path()).unwrap();
    assert!(!old.exists() && !place.path().join(UNFINISHED).exists());
    let loaded = Index::load(place.path(), b"/some/where").unwrap();
    assert_eq!(format!("{loaded:?}"), format!("{:?}", sample()));
    assert_eq!((loaded.root.left_out_below, loaded.root.linked_below), (2, 1));
    assert!(Index::load(place.path(), b"/else/where").is_none());
    fs::remove_file(place.path().join(FILE_NAME)).unwrap();
    assert!(Index::load(place.path(), b"/some/where").is_none());
}

#[test]
fn a_damaged_index_is_no_index() {
    let good = bytes_of(&sample());
    for position in 0..good.len() {
        let mut bad = good.clone();
        bad[position] ^= 1;
        assert!(decode(&bad).is_none(), "flipped bit at {position}");
        assert!(decode(&good[..position]).is_none(), "cut at {position}");
    }
    assert!(decode(&good).is_some());
}

/// A file whose checksum is right but whose content is not ours must be refused, not believed.
#[test]
fn nonsense_with_a_good_checksum_is_no_index() {
    let good = bytes_of(&sample());
    let content = &good[..good.len() - 32];
    for position in MAGIC.len()..content.len() {
        for value in [0, 0xff] {
            let mut bad = content.to_vec();
            bad[position] = value;
            bad.truncate(content.len() - 1);
            let sum = Sha256::digest(&bad);
            bad.extend_from_slice(&sum);
            assert!(decode(&bad).is_none(), "{value} at {position}");
        }
    }
}
