//! What has to be on the disk before anything moves.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use okcvm_objects::Disk;
use okcvm_objects::testing::{DiskStep, HookedDisk};
use okcvm_protocol::SnapshotId;
use okcvm_workspace::TEMPORARY_PREFIX;

use super::super::*;
use crate::History;
use crate::testing::{Place, place};

/// A place whose history asks before every step of the disk, and two snapshots of so many files.
fn hooked(
    files: usize,
    hook: impl Fn(DiskStep, &Path) -> std::io::Result<()> + Clone + Send + Sync + 'static,
) -> (Place, SnapshotId, SnapshotId) {
    let mut place = place();
    place.close();
    place.history =
        History::open_on(&place.dir, &(Arc::new(HookedDisk(hook)) as Arc<dyn Disk>)).unwrap().history;
    let fill = |text: &str| (0..files).for_each(|number| place.write(&format!("{number}/file"), text));
    fill("one");
    let first = place.snapshot();
    fill("two");
    let second = place.record(Some(&first)).snapshot;
    (place, first, second)
}

fn all_hold(place: &Place, files: usize, text: &str) -> bool {
    (0..files).all(|number| place.read(&format!("{number}/file")) == text)
}

/// For a few files, which are synced each, and for many, which are synced together.
#[test]
fn nothing_moves_before_the_present_is_on_the_disk() {
    for files in [2, 40] {
        let moved_too_early = Arc::new(AtomicBool::new(false));
        let root: Arc<Mutex<Option<std::path::PathBuf>>> = Arc::default();
        let hook = {
            let (moved, root) = (Arc::clone(&moved_too_early), Arc::clone(&root));
            move |step, _: &Path| {
                if let Some(root) = root.lock().unwrap().as_ref()
                    && matches!(step, DiskStep::SyncFile | DiskStep::SyncFolder)
                {
                    std::thread::sleep(std::time::Duration::from_millis(100));
                    let whole = (0..files)
                        .all(|number| fs::read(root.join(format!("{number}/file"))).unwrap() == b"two");
                    moved.fetch_or(!whole, Ordering::Relaxed);
                }
                Ok(())
            }
        };
        let (place, first, second) = hooked(files, hook);
        *root.lock().unwrap() = Some(place.root.clone());
        place.history.restore(&place.workspace, &second, &first, &RestoreWhat::All).unwrap();
        assert!(place.history.is_durable(&second).unwrap());
        assert!(!moved_too_early.load(Ordering::Relaxed), "{files}");
        assert!(all_hold(&place, files, "one"));
        *root.lock().unwrap() = None;
    }
}

#[test]
fn nothing_moves_if_the_present_does_not_get_onto_the_disk() {
    for files in [2, 40] {
        let failing = Arc::new(AtomicBool::new(false));
        let hook = {
            let failing = Arc::clone(&failing);
            move |step, _: &Path| match step {
                DiskStep::SyncFile if failing.load(Ordering::Relaxed) => Err(std::io::Error::other("no")),
                _ => Ok(()),
            }
        };
        let (place, first, second) = hooked(files, hook);
        failing.store(true, Ordering::Relaxed);
        let before = place.tree();
        place.history.restore(&place.workspace, &second, &first, &RestoreWhat::All).unwrap_err();
        assert_eq!(place.tree(), before);
        assert_eq!(place.history.unfinished_restore().unwrap(), None);
        failing.store(false, Ordering::Relaxed);
        place.history.restore(&place.workspace, &second, &first, &RestoreWhat::All).unwrap();
        assert!(all_hold(&place, files, "one"));
    }
}

/// The intent and the new contents may be on the disk before the record of the present is.
#[test]
fn a_restore_that_lost_its_present_with_the_power_had_not_begun() {
    let place = place();
    place.write("folder/file", "one");
    let first = place.snapshot();
    place.write("folder/file", "two");
    let lost = UnfinishedRestore {
        from: SnapshotId("4".repeat(40)),
        to: first.clone(),
        what: RestoreWhat::All,
        failed: false,
        opened: Vec::new(),
    };
    for give_up in [true, false] {
        Intent::open(&place.dir).unwrap().begin(&lost).unwrap();
        let staged = format!("folder/{TEMPORARY_PREFIX}restore-1-0");
        place.write(&staged, "one");
        if give_up {
            place.history.give_up_restore(&place.workspace).unwrap();
            assert_eq!(place.read("folder/file"), "two");
        } else {
            // As the engine does it at the next start.
            place.history.finish_restore(&place.workspace).unwrap_err();
            assert_eq!(place.read("folder/file"), "two");
            let present = place.record(Some(&first)).snapshot;
            place.history.restore(&place.workspace, &present, &first, &RestoreWhat::All).unwrap();
            assert_eq!(place.read("folder/file"), "one");
        }
        assert!(!place.root.join(&staged).exists());
        assert_eq!(place.history.unfinished_restore().unwrap(), None);
    }
}

/// Both syncs of a flush fail at once: the journal's failure is told by the system once only.
#[test]
fn a_failed_sync_of_the_journal_is_not_forgotten_over_that_of_the_packs() {
    let failing = Arc::new(AtomicBool::new(false));
    let hook = {
        let failing = Arc::clone(&failing);
        move |step, _: &Path| match step {
            DiskStep::SyncFile if failing.load(Ordering::Relaxed) => Err(std::io::Error::other("no")),
            _ => Ok(()),
        }
    };
    let (place, _, second) = hooked(1, hook);
    place.history.flush().unwrap();
    place.write("0/file", "three");
    failing.store(true, Ordering::Relaxed);
    let third = place.record(Some(&second)).snapshot;
    place.history.flush().unwrap_err();
    failing.store(false, Ordering::Relaxed);
    let journal = place.dir.join(crate::archive::JOURNAL);
    let before = fs::read(&journal).unwrap();
    place.history.flush().unwrap();
    assert!(place.history.is_durable(&third).unwrap());
    // What the system may have let go of was written anew, under another number.
    assert_ne!(fs::read(&journal).unwrap()[24..32], before[24..32]);
}
