use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use okcvm_objects::Disk;
use okcvm_objects::testing::{DiskStep, HookedDisk};

use crate::testing::{place, tree};
use crate::{Author, History, PageRequest, RecordInfo, SnapshotError};

const INFO: RecordInfo<'_> = RecordInfo { message: "m", author: Author::Agent, at_ms: 1 };

/// Whoever holds the archive a moment longer than the history changes nothing in the folder any more.
#[test]
fn what_is_closed_leaves_nothing_to_take_away() {
    let mut place = place();
    place.write("file", "one");
    place.snapshot();
    place.history.flush().unwrap();
    let held = Arc::clone(&place.history.shared.archive);
    place.close();
    let closed = tree(&place.repository());
    drop(held);
    assert_eq!(tree(&place.repository()), closed);
}

#[test]
fn one_writes_and_the_other_reads() {
    let mut place = place();
    place.write("file", "one");
    let first = place.snapshot();
    let other = History::open(&place.dir).unwrap();
    assert_eq!(other.notice, None);
    let other = other.history;
    assert_eq!(other.read(&first, "file", 9).unwrap().unwrap(), b"one");
    place.write("file", "two");
    let busy = other.record(&place.workspace, Some(&first), INFO).unwrap_err();
    assert!(matches!(busy, SnapshotError::Busy), "{busy}");
    // What the first one records, the other sees.
    let second = place.record(Some(&first)).snapshot;
    assert_eq!(other.read(&second, "file", 9).unwrap().unwrap(), b"two");
    let page = other.page(&PageRequest { before: None, count: 9 }).unwrap();
    assert_eq!(page.iter().map(|info| &info.id).collect::<Vec<_>>(), [&second, &first]);
    // When the first one is gone, the other may write.
    place.close();
    place.write("file", "three");
    let third = other.record(&place.workspace, Some(&second), INFO).unwrap().snapshot;
    assert_eq!(other.page(&PageRequest { before: None, count: 1 }).unwrap()[0].id, third);
    drop(other);
    place.reopen();
    assert_eq!(place.history.read(&third, "file", 9).unwrap().unwrap(), b"three");
    place.fsck();
}

#[test]
fn only_tips_have_references() {
    let place = place();
    place.write("file", "root");
    let root = place.snapshot();
    let names = || place.git(&["for-each-ref", "--format=%(refname)"]).lines().count();
    for number in 0..5 {
        place.write("file", format!("branch {number}"));
        let child = place.record(Some(&root)).snapshot;
        place.write("file", format!("branch {number} goes on"));
        place.record(Some(&child));
        assert_eq!(names(), number + 1);
    }
    assert_eq!(place.git(&["rev-list", "--all", "--count"]).trim(), "11");
    place.fsck();
}

#[test]
fn many_small_packs_are_merged() {
    let mut place = place();
    let mut ids = Vec::new();
    for number in 0..80 {
        place.write("file", number.to_string());
        ids.push(place.record(ids.last()).snapshot);
    }
    place.history.flush().unwrap();
    // The thread in the background may be at it.
    let end = Instant::now() + Duration::from_secs(20);
    while place.history.usage().unwrap().packs > 33 {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(5));
        place.history.shared.archive.merge_if_many().unwrap();
    }
    assert_eq!(place.reopen(), None);
    for (number, id) in ids.iter().enumerate() {
        assert_eq!(place.history.read(id, "file", 9).unwrap().unwrap(), number.to_string().as_bytes());
    }
    place.fsck();
}

/// The history of a place, opened on a disk that asks `hook`.
fn opened_with(
    place: &mut crate::testing::Place,
    hook: impl Fn(DiskStep, &Path) -> io::Result<()> + Clone + Send + Sync + 'static,
) -> History {
    place.close();
    History::open_on(&place.dir, &(Arc::new(HookedDisk(hook)) as Arc<dyn Disk>)).unwrap().history
}

#[test]
fn who_looks_does_not_wait_for_one_who_takes_the_lock_over() {
    let mut place = place();
    place.write("file", "one");
    let first = place.snapshot();
    let (healing, heals) = channel();
    let (go_on, waits) = channel::<()>();
    let waits = Arc::new(Mutex::new(waits));
    let hook = move |step, path: &Path| {
        if step == DiskStep::Rename && path.extension().is_some_and(|extension| extension == "idx") {
            let _ = healing.send(());
            let _ = waits.lock().unwrap().recv_timeout(Duration::from_secs(20));
        }
        Ok(())
    };
    let other = History::open_on(&place.dir, &(Arc::new(HookedDisk(hook)) as Arc<dyn Disk>)).unwrap().history;
    place.close();
    // An index that is lost is made again by the one who takes over.
    for entry in std::fs::read_dir(place.repository().join("objects/pack")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "idx") {
            std::fs::remove_file(path).unwrap();
        }
    }
    place.write("file", "two");
    let (done, ends) = channel();
    let writer = {
        let (other, workspace, done) = (other.clone(), place.workspace.clone(), done.clone());
        std::thread::spawn(move || done.send(other.record(&workspace, Some(&first), INFO).is_ok()))
    };
    heals.recv_timeout(Duration::from_secs(20)).unwrap();
    let reader = std::thread::spawn(move || {
        let page = other.page(&PageRequest { before: None, count: 9 });
        done.send(page.is_ok_and(|page| page.len() == 1))
    });
    assert_eq!(ends.recv_timeout(Duration::from_secs(10)), Ok(true), "the one who looks");
    for _ in 0..9 {
        let _ = go_on.send(());
    }
    assert_eq!(ends.recv_timeout(Duration::from_secs(20)), Ok(true), "the one who records");
    writer.join().unwrap().unwrap();
    reader.join().unwrap().unwrap();
}

/// Only a merged pack is synced before it has its name.
fn is_merging(step: DiskStep, path: &Path) -> bool {
    step == DiskStep::SyncFile && path.file_name().unwrap().to_string_lossy().starts_with("tmp_")
}

#[test]
fn snapshots_become_durable_while_packs_are_merged() {
    let mut place = place();
    let (merging, merges) = channel();
    let (go_on, waits) = channel::<()>();
    let waits = Arc::new(Mutex::new(waits));
    let history = opened_with(&mut place, move |step, path| {
        if is_merging(step, path) {
            let _ = merging.send(());
            let _ = waits.lock().unwrap().recv_timeout(Duration::from_secs(30));
        }
        Ok(())
    });
    let record = |number: usize| {
        place.write("file", number.to_string());
        history.record(&place.workspace, None, INFO).unwrap().snapshot
    };
    (0..40).for_each(|number| drop(record(number)));
    merges.recv_timeout(Duration::from_secs(20)).unwrap();
    let id = record(40);
    let end = Instant::now() + Duration::from_secs(10);
    while !history.is_durable(&id).unwrap() {
        assert!(Instant::now() < end, "the merging holds the syncing up");
        std::thread::sleep(Duration::from_millis(5));
    }
    for _ in 0..9 {
        let _ = go_on.send(());
    }
}

#[test]
fn a_merging_that_fails_waits_for_the_next_snapshot() {
    let mut place = place();
    let count = Arc::new(AtomicUsize::new(0));
    let tried = Arc::clone(&count);
    let history = opened_with(&mut place, move |step, path| {
        if is_merging(step, path) {
            tried.fetch_add(1, Ordering::Relaxed);
            return Err(io::Error::other("no"));
        }
        Ok(())
    });
    for number in 0..40 {
        place.write("file", number.to_string());
        history.record(&place.workspace, None, INFO).unwrap();
    }
    let end = Instant::now() + Duration::from_secs(20);
    while count.load(Ordering::Relaxed) == 0 {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(5));
    }
    // A round of the syncing that is still on its way may try once more.
    std::thread::sleep(Duration::from_secs(3));
    let before = count.load(Ordering::Relaxed);
    std::thread::sleep(Duration::from_millis(2200));
    assert_eq!(count.load(Ordering::Relaxed), before);
}

#[test]
fn nobody_waits_for_the_disk_to_look() {
    let mut place = place();
    let (syncing, syncs) = channel();
    let (go_on, waits) = channel::<()>();
    let waits = Arc::new(Mutex::new(waits));
    let history = opened_with(&mut place, move |step, path| {
        if step == DiskStep::SyncFile && path.ends_with("journal") {
            let _ = syncing.send(());
            let _ = waits.lock().unwrap().recv_timeout(Duration::from_secs(20));
        }
        Ok(())
    });
    place.write("file", "one");
    let id = history.record(&place.workspace, None, INFO).unwrap().snapshot;
    syncs.recv_timeout(Duration::from_secs(10)).unwrap();
    let (done, ends) = channel();
    let (reader, asked) = (history.clone(), id.clone());
    std::thread::spawn(move || {
        let page = reader.page(&PageRequest { before: None, count: 9 }).unwrap().len();
        done.send((page, reader.parent(&asked).unwrap(), reader.is_durable(&asked).unwrap()))
    });
    assert_eq!(ends.recv_timeout(Duration::from_secs(10)), Ok((1, None, false)));
    for _ in 0..9 {
        let _ = go_on.send(());
    }
    history.flush().unwrap();
    assert!(history.is_durable(&id).unwrap());
}
