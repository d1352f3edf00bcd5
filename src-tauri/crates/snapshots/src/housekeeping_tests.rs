use std::time::Duration;

use okcvm_objects::Disk;
use okcvm_objects::testing::{DiskStep, HookedDisk};
use okcvm_protocol::SnapshotId;

use super::*;
use crate::SnapshotError;
use crate::repository::tests::{kill_at_work, place_of_child, say_started};
use crate::testing::{Place, place};
use crate::{Author, RecordInfo};

/// A line of snapshots; in each a few of forty files change.
fn line(place: &Place, count: usize) -> Vec<SnapshotId> {
    let mut ids: Vec<SnapshotId> = Vec::new();
    for number in 0..count {
        for file in 0..4 {
            let path = format!("{}/{}", file, (number * 7 + file) % 10);
            let lines: Vec<String> = (0..60).map(|line| format!("{line} of {number} in {file}\n")).collect();
            place.write(&path, lines.concat());
        }
        place.write("number", number.to_string());
        ids.push(place.record(ids.last()).snapshot);
    }
    ids
}

fn number(place: &Place, id: &SnapshotId) -> usize {
    let bytes = place.history.read(id, "number", 99).unwrap().unwrap();
    String::from_utf8(bytes).unwrap().parse().unwrap()
}

fn packed_objects(place: &Place) -> u64 {
    let said = place.git(&["count-objects", "-v"]);
    said.lines().find_map(|line| line.strip_prefix("in-pack: ")).unwrap().parse().unwrap()
}

#[test]
fn what_is_not_kept_goes_and_the_rest_is_whole() {
    let mut place = place();
    let ids = line(&place, 12);
    place.write("number", "100");
    let branch = place.record(Some(&ids[5])).snapshot;
    let objects = packed_objects(&place);
    let kept = [&ids[2], &ids[3], &ids[8], &ids[11], &branch];
    let report = place.history.thin(kept, &Cancel::default()).unwrap();
    assert_eq!(report.dropped, 8);
    assert!(report.objects > 8 && report.after_bytes < report.before_bytes, "{report:?}");
    assert_eq!(packed_objects(&place), objects - report.objects as u64);
    for _ in 0..2 {
        place.fsck();
        for id in [2, 3, 8, 11] {
            assert_eq!(number(&place, &ids[id]), id);
        }
        assert_eq!(number(&place, &branch), 100);
        for id in [0, 1, 4, 5, 6, 7, 9, 10] {
            let error = place.history.read(&ids[id], "number", 9).unwrap_err();
            assert!(matches!(error, SnapshotError::Unknown(_)), "{error}");
        }
        assert_eq!(place.history.parent(&ids[8]).unwrap().as_ref(), Some(&ids[3]));
        assert_eq!(place.history.parent(&branch).unwrap().as_ref(), Some(&ids[3]));
        assert_eq!(place.history.usage().unwrap().snapshots, 5);
        // A real git's housekeeping drops nothing of it.
        assert_eq!(place.git(&["rev-list", "--all", "--count"]).trim(), "5");
        assert_eq!(place.reopen(), None);
    }
    // It goes on from what was kept, also from what was thinned out.
    place.write("number", "7");
    let next = place.record(Some(&ids[11])).snapshot;
    place.write("number", "8");
    place.record(Some(&ids[10]));
    place.history.thin([&next], &Cancel::default()).unwrap();
    assert_eq!(number(&place, &next), 7);
    place.fsck();
    // Nothing to do is no work.
    assert_eq!(place.history.thin([&next], &Cancel::default()).unwrap(), ThinReport::default());
}

#[test]
fn packing_makes_it_small_and_loses_nothing() {
    let mut place = place();
    let mut ids = line(&place, 30);
    place.write("large", okcvm_objects::testing::noise(5, 9 << 20));
    ids.push(place.record(ids.last()).snapshot);
    let objects = packed_objects(&place);
    let report = place.history.pack(&Cancel::default()).unwrap();
    let usage = place.history.usage().unwrap();
    assert!(report.after_bytes < report.before_bytes, "{report:?}");
    assert_eq!((usage.packs, usage.big_packs, usage.loose), (2, 1, 0));
    assert_eq!(packed_objects(&place), objects);
    assert_eq!(place.reopen(), None);
    place.fsck();
    for (at, id) in ids[..30].iter().enumerate() {
        assert_eq!(number(&place, id), at);
    }
    // Thinning what was packed with deltas.
    place.history.thin(ids.iter().step_by(3), &Cancel::default()).unwrap();
    place.fsck();
    for (at, id) in ids[..30].iter().enumerate().step_by(3) {
        assert_eq!(number(&place, id), at);
    }
    assert_eq!(place.history.verify(&Cancel::default()).unwrap().damages, Vec::new());
}

#[test]
fn what_is_called_off_changes_nothing() {
    let place = place();
    let ids = line(&place, 10);
    let objects = packed_objects(&place);
    let cancel = Cancel::default();
    cancel.cancel();
    let thinned = place.history.thin([&ids[0]], &cancel).unwrap_err();
    assert!(matches!(thinned, SnapshotError::Cancelled), "{thinned}");
    let packed = place.history.pack(&cancel).unwrap_err();
    assert!(matches!(packed, SnapshotError::Cancelled), "{packed}");
    assert!(matches!(place.history.verify(&cancel), Err(SnapshotError::Cancelled)));
    assert_eq!(packed_objects(&place), objects);
    assert_eq!(place.history.usage().unwrap().snapshots, 10);
    // Files that were made ahead are empty.
    let is_unfinished = |entry: &fs::DirEntry| {
        let metadata = entry.metadata().unwrap();
        entry.file_name().to_string_lossy().starts_with("tmp_") && (metadata.is_dir() || metadata.len() > 0)
    };
    let left = fs::read_dir(place.repository()).unwrap().map(Result::unwrap);
    assert!(!left.into_iter().any(|entry| is_unfinished(&entry)));
    place.fsck();
}

#[test]
fn a_damage_is_named() {
    let place = place();
    let ids = line(&place, 3);
    place.history.flush().unwrap();
    // One bit in the stream of a blob.
    let blob = place.git(&["rev-parse", &format!("{}:2/2", ids[0])]);
    let folder = place.repository().join("objects/pack");
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "pack") {
            continue;
        }
        let said = place.git(&["verify-pack", "-v", path.to_str().unwrap()]);
        let Some(line) = said.lines().find(|line| line.starts_with(blob.trim())) else { continue };
        let offset: usize = line.split_whitespace().nth(4).unwrap().parse().unwrap();
        let mut bytes = fs::read(&path).unwrap();
        bytes[offset + 12] ^= 1;
        // In place, as a disk does it.
        fs::write(&path, bytes).unwrap();
    }
    let damages = place.history.verify(&Cancel::default()).unwrap().damages;
    assert_eq!(damages.len(), 1, "{damages:?}");
    assert_eq!(damages[0].object, blob.trim());
    assert_eq!(damages[0].path.as_deref(), Some("2/2"));
    assert!(ids.contains(damages[0].snapshot.as_ref().unwrap()));
    assert!(place.history.read(&ids[0], "2/2", 9).is_err());
    assert!(place.history.read(&ids[0], "number", 9).is_ok());
}

const INFO: RecordInfo<'_> = RecordInfo { message: "m", author: Author::Agent, at_ms: 0 };

#[test]
#[ignore = "run by another test, which kills it"]
fn child_that_tidies_for_ever() {
    let Some((history, workspace)) = place_of_child() else { return };
    let thins = workspace.root().join("../thins").exists();
    let page = |count| history.page(&crate::PageRequest { before: None, count }).unwrap();
    let mut tip = page(1).first().map(|info| info.id.clone());
    say_started(&workspace);
    for round in 0_u64.. {
        for number in 0..8 {
            let lines: Vec<String> = (0..40).map(|line| format!("{line} {round} {number}\n")).collect();
            fs::write(workspace.root().join(number.to_string()), lines.concat()).unwrap();
        }
        let recorded = history.record(&workspace, tip.as_ref(), INFO).unwrap();
        if thins {
            // The first is kept, the last, and each second one between.
            let all = page(usize::MAX);
            let keep = all.iter().enumerate().filter(|(at, _)| at % 2 == 0 || at + 1 == all.len());
            let thinning = history.thinning(keep.map(|(_, info)| &info.id)).unwrap();
            // Others record beside it, some of them what just goes.
            let beside = std::thread::spawn({
                let (history, workspace, tip) =
                    (history.clone(), workspace.clone(), recorded.snapshot.clone());
                move || {
                    let mut tip = tip;
                    for number in 0..3 {
                        let text = format!("0 {} {number}\n", round.saturating_sub(number));
                        fs::write(workspace.root().join("beside"), text).unwrap();
                        tip = history.record(&workspace, Some(&tip), INFO).unwrap().snapshot;
                    }
                    tip
                }
            });
            thinning.run(&Cancel::default()).unwrap();
            tip = Some(beside.join().unwrap());
        } else {
            history.pack(&Cancel::default()).unwrap();
            tip = Some(recorded.snapshot);
        }
    }
}

fn killed(thins: bool) {
    let mut place = place();
    let first = place.snapshot();
    place.write("first", "stays");
    let second = place.record(Some(&first)).snapshot;
    place.close();
    if thins {
        fs::write(place.root.join("../thins"), "").unwrap();
    }
    for round in 0..100_u64 {
        let time = Duration::from_millis(round * 13 % 47);
        kill_at_work("housekeeping::tests::child_that_tidies_for_ever", &place, time);
        assert_eq!(place.reopen(), None, "round {round}");
        let all = place.history.page(&crate::PageRequest { before: None, count: usize::MAX }).unwrap();
        for info in &all {
            place.history.list(&info.id, "").unwrap();
        }
        assert!(all.iter().any(|info| info.id == first), "round {round}");
        if !thins {
            assert_eq!(place.history.read(&second, "first", 9).unwrap().unwrap(), b"stays");
        }
        if round % 10 == 9 {
            place.fsck();
            assert_eq!(place.history.verify(&Cancel::default()).unwrap().damages, Vec::new());
        }
        place.close();
    }
    let left = fs::read_dir(place.repository().join("objects/pack")).unwrap().flatten();
    assert!(left.into_iter().all(|entry| !entry.file_name().to_string_lossy().starts_with("tmp_")));
}

#[test]
fn a_packing_that_is_killed_loses_nothing() {
    killed(false);
}

#[test]
fn a_thinning_that_is_killed_loses_nothing_that_was_kept() {
    killed(true);
}

/// Whatever a thinning writes takes long here: each write and sync of it waits until the other side is done.
/// Records, looks and restores go on meanwhile, also those that count on content which would go.
#[test]
fn who_records_does_not_wait_for_a_thinning() {
    let mut place = place();
    let ids = line(&place, 12);
    place.write("number", "of the fifth branch");
    let branch = place.record(Some(&ids[4])).snapshot;
    place.history.flush().unwrap();
    place.close();
    let (reached, begun) = std::sync::mpsc::channel::<()>();
    let done = Arc::new((std::sync::Mutex::new(false), std::sync::Condvar::new()));
    let held_up = Arc::new(AtomicBool::new(false));
    let hook = {
        let (done, held_up) = (Arc::clone(&done), Arc::clone(&held_up));
        move |step, path: &Path| {
            let is_temporary =
                path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("tmp_"));
            let slow = matches!(step, DiskStep::AppendBytes | DiskStep::SyncFile) && is_temporary;
            if slow && std::thread::current().name() == Some("thins") {
                let _ = reached.send(());
                let (lock, told) = &*done;
                let wait = Duration::from_secs(30);
                let waited =
                    told.wait_timeout_while(lock.lock().unwrap(), wait, |done| !*done).unwrap().1.timed_out();
                held_up.fetch_or(waited, Ordering::Relaxed);
            }
            Ok(())
        }
    };
    let disk = Arc::new(HookedDisk(hook)) as Arc<dyn Disk>;
    place.history = History::open_on(&place.dir, &disk).unwrap().history;
    let kept = [ids[0].clone(), ids[3].clone(), ids[11].clone(), branch.clone()];
    let thins = {
        let (history, kept) = (place.history.clone(), kept.clone());
        let thin = move || history.thin(&kept, &Cancel::default());
        std::thread::Builder::new().name("thins".to_owned()).spawn(thin).unwrap()
    };
    begun.recv_timeout(Duration::from_secs(30)).expect("the thinning wrote nothing");
    // New content, with a parent that stays.
    place.write("new", "made meanwhile");
    place.write("number", "99");
    let new = place.record(Some(&ids[11])).snapshot;
    // Content that lies in snapshots alone that go, and a parent that goes as well.
    place.history.restore(&place.workspace, &new, &ids[7], &crate::RestoreWhat::All).unwrap();
    let old_again = place.record(Some(&ids[8])).snapshot;
    place.history.restore(&place.workspace, &old_again, &kept[1], &crate::RestoreWhat::All).unwrap();
    assert_eq!(number(&place, &kept[1]), 3);
    // A look leaves nothing that the thinning could take for needed, or drop.
    place.write("looked at", "only");
    assert_eq!(place.history.compare_live(&place.workspace, Some(&kept[1])).unwrap().len(), 1);
    let looked = place.record(Some(&kept[1])).snapshot;
    assert!(!thins.is_finished(), "nothing was written slowly");
    *done.0.lock().unwrap() = true;
    done.1.notify_all();
    let report = thins.join().unwrap().unwrap();
    assert!(!held_up.load(Ordering::Relaxed), "who records waited for the thinning");
    assert_eq!(report.dropped, 9);
    for _ in 0..2 {
        for (id, expected) in
            [(&ids[0], 0), (&ids[3], 3), (&ids[11], 11), (&new, 99), (&old_again, 7), (&looked, 3)]
        {
            assert_eq!(number(&place, id), expected);
        }
        assert_eq!(place.history.read(&new, "new", 99).unwrap().unwrap(), b"made meanwhile");
        assert_eq!(place.history.read(&looked, "looked at", 99).unwrap().unwrap(), b"only");
        assert_eq!(place.history.parent(&old_again).unwrap().as_ref(), Some(&ids[3]));
        for gone in [1, 2, 4, 5, 6, 7, 8, 9, 10] {
            let error = place.history.read(&ids[gone], "number", 9).unwrap_err();
            assert!(matches!(error, SnapshotError::Unknown(_)), "{gone}: {error}");
        }
        assert_eq!(place.history.usage().unwrap().snapshots, 7);
        assert_eq!(place.history.verify(&Cancel::default()).unwrap().damages, Vec::new());
        place.fsck();
        assert_eq!(place.git(&["rev-list", "--all", "--count"]).trim(), "7");
        assert_eq!(place.reopen(), None);
    }
    let left = fs::read_dir(place.repository().join("objects/pack")).unwrap().flatten();
    assert!(left.into_iter().all(|entry| !entry.file_name().to_string_lossy().starts_with("tmp_")));
}

/// What is decided on holds, however late it runs: nothing that came since is dropped.
#[test]
fn a_thinning_that_runs_late_drops_nothing_that_came_since() {
    let place = place();
    let ids = line(&place, 4);
    let thinning = place.history.thinning([&ids[3]]).unwrap();
    place.write("number", "77");
    let since = place.record(Some(&ids[3])).snapshot;
    let report = thinning.run(&Cancel::default()).unwrap();
    assert_eq!((report.dropped, number(&place, &since), number(&place, &ids[3])), (3, 77, 3));
    place.fsck();
}

/// Called off while it writes it leaves nothing behind, also no pack.
#[test]
fn a_thinning_that_is_called_off_while_it_writes_leaves_nothing() {
    let mut place = place();
    let ids = line(&place, 8);
    place.history.flush().unwrap();
    let objects = packed_objects(&place);
    place.close();
    let cancel = Cancel::default();
    let hook = {
        let cancel = cancel.clone();
        move |step, path: &Path| {
            let is_temporary =
                path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("tmp_"));
            if step == DiskStep::SyncFile && is_temporary {
                cancel.cancel();
            }
            Ok(())
        }
    };
    let disk = Arc::new(HookedDisk(hook)) as Arc<dyn Disk>;
    let history = History::open_on(&place.dir, &disk).unwrap().history;
    let error = history.thin([&ids[1], &ids[7]], &cancel).unwrap_err();
    assert!(matches!(error, SnapshotError::Cancelled), "{error}");
    drop(history);
    assert_eq!(place.reopen(), None);
    assert_eq!(packed_objects(&place), objects);
    assert_eq!(place.history.usage().unwrap().snapshots, 8);
    let left = fs::read_dir(place.repository().join("objects/pack")).unwrap().flatten();
    assert!(left.into_iter().all(|entry| !entry.file_name().to_string_lossy().starts_with("tmp_")));
    place.fsck();
}

/// It is too late to call a packing off when its pack is in place.
#[test]
fn a_packing_that_is_called_off_leaves_one_copy() {
    let mut place = place();
    line(&place, 6);
    place.close();
    let cancel = Cancel::default();
    let (armed, called) = (Arc::new(AtomicBool::new(false)), cancel.clone());
    let hook = {
        let armed = Arc::clone(&armed);
        move |step, path: &Path| {
            let is_index = path.extension().is_some_and(|extension| extension == "idx");
            if step == DiskStep::Rename && is_index && armed.load(Ordering::Relaxed) {
                called.cancel();
            }
            Ok(())
        }
    };
    let disk = Arc::new(HookedDisk(hook)) as Arc<dyn Disk>;
    let history = History::open_on(&place.dir, &disk).unwrap().history;
    armed.store(true, Ordering::Relaxed);
    history.pack(&cancel).unwrap();
    assert!(cancel.is_cancelled());
    assert_eq!(history.usage().unwrap().packs, 1);
    drop(history);
    assert_eq!(place.reopen(), None);
    place.fsck();
}
