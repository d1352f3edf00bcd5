use okcvm_objects::{EMPTY_TREE, ObjectKind, RealDisk, object_id};

use super::*;

fn record(number: u64, message: &str) -> Record {
    let id = |text: String| object_id(ObjectKind::Blob, text.as_bytes()).unwrap();
    Record {
        id: id(format!("commit {number}")),
        parent: number.checked_sub(1).map(|parent| id(format!("commit {parent}"))),
        tree: EMPTY_TREE,
        at_ms: 1_700_000_000_000 + number as i64,
        author: if number.is_multiple_of(2) { Author::Agent } else { Author::User },
        message: Some(message.to_owned()),
    }
}

fn place() -> (tempfile::TempDir, PathBuf, Arc<dyn Disk>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    (folder, path, Arc::new(RealDisk))
}

#[test]
fn records_come_back() {
    let (_folder, path, disk) = place();
    assert!(Journal::load(&path, &disk).unwrap().is_none());
    let mut journal = Journal::create(&path, &disk, vec![record(0, "first")]).unwrap();
    let mut reader = Journal::load(&path, &disk).unwrap().unwrap();
    assert_eq!((reader.records().len(), reader.durable()), (1, 1));
    journal.append(record(1, "ümlaut")).unwrap();
    journal.append(record(2, &"long".repeat(50))).unwrap();
    reader.refresh().unwrap();
    assert_eq!((reader.records().len(), reader.durable()), (3, 1));
    journal.mark(3).unwrap();
    reader.refresh().unwrap();
    assert_eq!(reader.durable(), 3);
    assert_eq!(reader.records()[..2], journal.records()[..2]);
    assert_eq!(reader.records()[2], Record { message: None, ..record(2, "") });
    assert_eq!(reader.get(&record(1, "").id).unwrap().message.as_deref(), Some("ümlaut"));
    // Another one takes its place.
    journal.rewrite(vec![record(2, "two")]).unwrap();
    reader.refresh().unwrap();
    assert_eq!(reader.records(), [record(2, "two")]);
    journal.append(record(3, "three")).unwrap();
    reader.refresh().unwrap();
    assert_eq!(reader.records().len(), 2);
}

#[test]
fn a_torn_end_is_cut() {
    let (_folder, path, disk) = place();
    let mut journal = Journal::create(&path, &disk, vec![record(0, "a")]).unwrap();
    journal.append(record(1, "b")).unwrap();
    let whole = fs::read(&path).unwrap();
    for length in 3 * BYTES..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let mut journal = Journal::load(&path, &disk).unwrap().unwrap();
        assert_eq!(journal.records().len(), 1, "{length}");
        journal.cut_torn().unwrap();
        journal.append(record(2, "c")).unwrap();
        let again = Journal::load(&path, &disk).unwrap().unwrap();
        assert_eq!(again.records(), [record(0, "a"), record(2, "c")]);
    }
    let mut damaged = whole.clone();
    damaged[3 * BYTES + 20] ^= 1;
    fs::write(&path, &damaged).unwrap();
    assert_eq!(Journal::load(&path, &disk).unwrap().unwrap().records().len(), 1);
    fs::write(&path, &whole[..100]).unwrap();
    assert!(Journal::load(&path, &disk).unwrap().is_none());
}

#[test]
fn a_mark_says_nothing_of_what_came_after() {
    let (_folder, path, disk) = place();
    let mut journal = Journal::create(&path, &disk, Vec::new()).unwrap();
    journal.append(record(0, "a")).unwrap();
    journal.append(record(1, "b")).unwrap();
    // The first one was synced when the second one came.
    journal.mark(1).unwrap();
    assert_eq!(journal.durable(), 1);
    assert_eq!(Journal::load(&path, &disk).unwrap().unwrap().durable(), 0);
}
