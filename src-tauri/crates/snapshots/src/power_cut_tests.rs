//! The power goes after every single step of a history's life. What was said to be durable has to be there,
//! whole; nothing may be half.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use okcvm_objects::Disk;
use okcvm_objects::testing::{RecordingDisk, Unsynced};
use okcvm_protocol::SnapshotId;
use okcvm_workspace::Workspace;

use crate::housekeeping::Cancel;
use crate::{Author, History, PageRequest, RecordInfo};

type Files = BTreeMap<String, Vec<u8>>;

fn info(at_ms: i64) -> RecordInfo<'static> {
    RecordInfo { message: "m", author: Author::Agent, at_ms }
}

/// All files of a snapshot.
fn files(history: &History, id: &SnapshotId) -> Result<Files, crate::SnapshotError> {
    let mut found = Files::new();
    for folder in ["", "folder"] {
        for entry in history.list(id, folder)? {
            if let Some(bytes) = history.read(id, &entry.path, u64::MAX)? {
                found.insert(entry.path, bytes);
            }
        }
    }
    Ok(found)
}

/// What was promised from some step on, and until which step.
struct Promise {
    id: SnapshotId,
    files: Files,
    from: usize,
    until: usize,
}

fn check(
    disk: &RecordingDisk,
    steps: usize,
    unsynced: Unsynced,
    promises: &[Promise],
    all: &BTreeMap<SnapshotIdText, Files>,
) {
    let folder = tempfile::tempdir_in(shared_memory()).unwrap();
    disk.rebuild(steps, unsynced, folder.path());
    let opened = History::open(folder.path()).unwrap();
    let case = format!("step {steps}, {unsynced:?}, {:?}", opened.notice);
    assert!(!folder.path().join("repository.broken-1").exists(), "{case}");
    let history = opened.history;
    for promise in promises.iter().filter(|promise| promise.from <= steps && steps < promise.until) {
        let found =
            files(&history, &promise.id).unwrap_or_else(|error| panic!("{case}: {} {error}", promise.id));
        assert!(found == promise.files, "{case}: {}", promise.id);
    }
    // What is listed is whole, durable or not.
    for listed in history.page(&PageRequest { before: None, count: usize::MAX }).unwrap() {
        let found =
            files(&history, &listed.id).unwrap_or_else(|error| panic!("{case}: {} {error}", listed.id));
        assert!(found == all[listed.id.as_str()], "{case}: {}", listed.id);
    }
    // It goes on.
    let workspace = Workspace::create(&folder.path().join("workspace")).unwrap();
    std::fs::write(workspace.root().join("after"), steps.to_string()).unwrap();
    let next = history.record(&workspace, None, info(9)).unwrap().snapshot;
    history.flush().unwrap();
    drop(history);
    let history = History::open(folder.path()).unwrap();
    assert_eq!(history.notice, None, "{case}");
    assert_eq!(history.history.read(&next, "after", 99).unwrap().unwrap(), steps.to_string().as_bytes());
}

type SnapshotIdText = String;

fn shared_memory() -> &'static Path {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { memory } else { Path::new("/tmp") }
}

#[test]
fn the_power_may_go_at_any_moment() {
    let place = tempfile::tempdir_in(shared_memory()).unwrap();
    let dir = place.path().join("history");
    let workspace = Workspace::create(&place.path().join("workspace")).unwrap();
    let write = |path: &str, bytes: &[u8]| {
        let path = workspace.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    drop(History::open(&dir).unwrap());
    let disk = Arc::new(RecordingDisk::new(&dir));
    let history = History::open_on(&dir, &(Arc::clone(&disk) as Arc<dyn Disk>)).unwrap().history;
    let (mut ids, mut promises, mut all) = (Vec::<SnapshotId>::new(), Vec::<Promise>::new(), BTreeMap::new());
    let record = |history: &History, ids: &mut Vec<SnapshotId>, all: &mut BTreeMap<String, Files>| {
        let number = ids.len();
        write("file", number.to_string().as_bytes());
        write(&format!("folder/{}", number % 3), &okcvm_objects::testing::noise(number as u64, 700));
        let id = history.record(&workspace, ids.last(), info(number as i64)).unwrap().snapshot;
        all.insert(id.to_string(), files(history, &id).unwrap());
        ids.push(id);
    };
    let promise = |promises: &mut Vec<Promise>, ids: &[SnapshotId], all: &BTreeMap<String, Files>| {
        for id in ids.iter().skip(promises.len()) {
            let files = all[id.as_str()].clone();
            promises.push(Promise { id: id.clone(), files, from: disk.steps(), until: usize::MAX });
        }
    };
    for _ in 0..3 {
        record(&history, &mut ids, &mut all);
    }
    history.flush().unwrap();
    promise(&mut promises, &ids, &all);
    for _ in 0..3 {
        record(&history, &mut ids, &mut all);
    }
    history.flush().unwrap();
    promise(&mut promises, &ids, &all);
    history.shared.archive.objects().merge_packs(2).unwrap();
    record(&history, &mut ids, &mut all);
    // From here on two of them are given up.
    for gone in [1, 4] {
        promises[gone].until = disk.steps();
    }
    let keep: Vec<SnapshotId> =
        ids.iter().enumerate().filter(|(at, _)| *at != 1 && *at != 4).map(|(_, id)| id.clone()).collect();
    history.thin(&keep, &Cancel::default()).unwrap();
    history.flush().unwrap();
    promise(&mut promises, &ids, &all);
    record(&history, &mut ids, &mut all);
    history.pack(&Cancel::default()).unwrap();
    history.flush().unwrap();
    promise(&mut promises, &ids, &all);
    record(&history, &mut ids, &mut all);
    drop(history);
    let steps = disk.steps();
    assert!(steps > 100, "{steps}");
    for step in 0..=steps {
        check(&disk, step, Unsynced::Dropped, &promises, &all);
        check(&disk, step, Unsynced::Kept, &promises, &all);
        for seed in 0..3 {
            check(&disk, step, Unsynced::Torn { seed: seed * 7919 + step as u64 * 31 }, &promises, &all);
        }
    }
}
