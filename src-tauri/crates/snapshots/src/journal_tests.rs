use std::sync::atomic::{AtomicBool, Ordering};

use okcvm_objects::testing::{DiskStep, HookedDisk};
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

#[test]
fn a_mark_that_comes_after_a_thinning_speaks_of_what_is_there() {
    let (_folder, path, disk) = place();
    let mut journal = Journal::create(&path, &disk, Vec::new()).unwrap();
    for number in 0..5 {
        journal.append(record(number, "a")).unwrap();
    }
    journal.rewrite(vec![record(4, "a")]).unwrap();
    // It was counted before.
    journal.mark(5).unwrap();
    assert_eq!(journal.durable(), 1);
    journal.append(record(5, "b")).unwrap();
    assert_eq!(journal.durable(), 1);
    let syncing = journal.begin_sync(2).unwrap().unwrap();
    journal.rewrite(vec![record(5, "b")]).unwrap();
    journal.append(record(6, "c")).unwrap();
    journal.append(record(7, "d")).unwrap();
    // The sync of the old file says nothing of the new one.
    journal.end_sync(syncing, Ok(())).unwrap();
    assert_eq!(journal.durable(), 1);
}

#[test]
fn another_journal_in_the_same_file_is_noticed() {
    let (folder, path, disk) = place();
    let mut reader = Journal::create(&path, &disk, vec![record(0, "a")]).unwrap();
    // As when the system gives the number of the old file to the new one.
    let other = Journal::create(&folder.path().join("other"), &disk, vec![record(1, "b")]).unwrap();
    fs::write(&path, fs::read(other.path()).unwrap()).unwrap();
    reader.refresh().unwrap();
    assert_eq!(reader.records(), [record(1, "b")]);
}

#[test]
fn nothing_is_written_behind_a_torn_record() {
    let (_folder, path, disk) = place();
    drop(Journal::create(&path, &disk, vec![record(0, "a")]).unwrap());
    let full = Arc::new(AtomicBool::new(false));
    let hook = {
        let full = Arc::clone(&full);
        move |step, _: &Path| {
            let refused =
                matches!(step, DiskStep::AppendBytes | DiskStep::Cut) && full.load(Ordering::Relaxed);
            if refused { Err(io::Error::other("no")) } else { Ok(()) }
        }
    };
    let disk = Arc::new(HookedDisk(hook)) as Arc<dyn Disk>;
    let mut journal = Journal::load(&path, &disk).unwrap().unwrap();
    journal.append(record(1, "b")).unwrap();
    full.store(true, Ordering::Relaxed);
    journal.append(record(2, "c")).unwrap_err();
    journal.append(record(2, "c")).unwrap_err();
    full.store(false, Ordering::Relaxed);
    journal.append(record(3, "d")).unwrap();
    let again = Journal::load(&path, &disk).unwrap().unwrap();
    assert_eq!(again.records(), [record(0, "a"), record(1, "b"), record(3, "d")]);
}

#[test]
fn what_a_later_version_wrote_stays() {
    let (_folder, path, disk) = place();
    drop(Journal::create(&path, &disk, vec![record(0, "a")]).unwrap());
    let ours = fs::read(&path).unwrap();
    let mut unknown = [0; BYTES];
    unknown[4] = 9;
    let mut other_format = [0; BYTES];
    other_format[4] = HEAD;
    other_format[8..24].copy_from_slice(b"okcvm journal 2\n");
    let later = [ours.clone(), sealed(unknown).to_vec()].concat();
    for bytes in [later, sealed(other_format).to_vec()] {
        fs::write(&path, &bytes).unwrap();
        assert!(Journal::load(&path, &disk).is_err());
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
}

#[test]
fn after_a_sync_that_failed_the_journal_is_written_anew() {
    let (_folder, path, disk) = place();
    drop(Journal::create(&path, &disk, vec![record(0, "a")]).unwrap());
    let failing = Arc::new(AtomicBool::new(true));
    let hook = {
        let failing = Arc::clone(&failing);
        move |step, _: &Path| {
            let fails = step == DiskStep::SyncFile && failing.swap(false, Ordering::Relaxed);
            if fails { Err(io::Error::other("no")) } else { Ok(()) }
        }
    };
    let disk = Arc::new(HookedDisk(hook)) as Arc<dyn Disk>;
    let mut journal = Journal::load(&path, &disk).unwrap().unwrap();
    journal.append(record(1, "b")).unwrap();
    journal.mark(2).unwrap_err();
    assert_eq!(journal.durable(), 1);
    journal.append(record(2, "c")).unwrap();
    let before = fs::read(&path).unwrap();
    journal.mark(2).unwrap();
    assert_eq!(journal.durable(), 2);
    assert_ne!(fs::read(&path).unwrap()[24..32], before[24..32]);
    let again = Journal::load(&path, &disk).unwrap().unwrap();
    // The mark waits until it speaks of all that stands before it.
    assert_eq!((again.records(), again.durable()), (journal.records(), 1));
    journal.mark(3).unwrap();
    assert_eq!(Journal::load(&path, &disk).unwrap().unwrap().durable(), 3);
}
