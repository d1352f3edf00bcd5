//! The workspace as the watch tells of it, against the workspace as a scan finds it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use okcvm_objects::{EMPTY_TREE, ObjectId};
use okcvm_protocol::SnapshotId;
use okcvm_workspace::{Watch, watch};

use super::*;
use crate::index::{Item, Node};
use crate::testing::{Place, os, quick_place};
use crate::{Author, RecordInfo, Recorded};

const INFO: RecordInfo<'_> = RecordInfo { message: "a turn", author: Author::Agent, at_ms: 0 };

/// A place with a watch that has come to stand.
struct Watched {
    place: Place,
    _watch: Watch,
}

impl std::ops::Deref for Watched {
    type Target = Place;

    fn deref(&self) -> &Place {
        &self.place
    }
}

fn watched(place: Place) -> Watched {
    let watch = watch(&place.root, &place.dir.join("cookies"), Box::new(|_| ())).unwrap();
    let tracker = watch.tracker();
    place.history.attach(tracker.clone());
    let until = Instant::now() + Duration::from_secs(20);
    while matches!(tracker.take(PATIENCE), Changes::Everything(_)) {
        assert!(Instant::now() < until, "the watch does not come to stand");
        std::thread::sleep(Duration::from_millis(5));
    }
    Watched { place, _watch: watch }
}

fn record(place: &Place, parent: Option<&SnapshotId>) -> Recorded {
    place.history.record(&place.workspace, parent, INFO).unwrap()
}

fn index_of(history: &History) -> Index {
    lock(&history.shared.writer).live.index.clone().unwrap()
}

/// The tree of the workspace as a reader sees it who knows nothing yet and believes no stamp.
fn truth(place: &Place) -> ObjectId {
    let (batch, progress) = (place.history.shared.objects.batch(), Progress::default());
    let max_file_bytes = lock(&place.history.shared.policy).max_file_bytes;
    let rights = &place.history.shared.rights;
    let scan = Scan {
        batch: &batch,
        max_file_bytes,
        progress: &progress,
        threads: Threads::Many,
        rules: &place.history.shared.rules,
        rights,
    };
    let look = Look::Whole(Suspicion::Unsuspected, None);
    scan.workspace(place.workspace.root_handle(), None, look).unwrap().id
}

/// The index with what it knows of the file `name` in the root made wrong.
fn forge(history: &History, name: &str) {
    let writer = &mut *lock(&history.shared.writer);
    let index = writer.live.index.as_mut().unwrap();
    let root = &index.root;
    let items: Vec<Item> = root
        .items
        .iter()
        .map(|item| match &item.node {
            Node::File(known) if *item.name == *name.as_bytes() => {
                let known = crate::index::Known { id: EMPTY_TREE, ..*known };
                Item { name: item.name.clone(), node: Node::File(known) }
            }
            _ => item.clone(),
        })
        .collect();
    index.root = Arc::new(Folder::new(root.id, root.listed, items, root.left_out.clone(), None));
}

#[test]
fn only_what_the_watch_names_is_looked_at() {
    let place = watched(quick_place());
    for number in 0..30 {
        place.write(&format!("{}/{number}", number % 3), number.to_string());
    }
    let first = record(&place, None);
    assert_eq!(first.how, How::Scanned(WhyScanned::First));
    let packs = || fs::read_dir(place.repository().join("objects/pack")).unwrap().count();
    let before = packs();
    let same = record(&place, Some(&first.snapshot));
    assert_eq!((same.changed, &same.how), (false, &How::Watched));
    assert_eq!(packs(), before, "nothing changed, nothing written");
    place.write("1/4", "another");
    place.write("new/deep/er/file", "n");
    fs::remove_file(place.root.join("2/5")).unwrap();
    let second = record(&place, Some(&first.snapshot));
    assert_eq!((second.changed, &second.how), (true, &How::Watched));
    let ChangeCountsOf { added, modified, deleted } = counts(&second);
    assert_eq!((added, modified, deleted), (1, 1, 1));
    assert_eq!(packs(), before + 2, "one pack and its index");
    assert_eq!(index_of(&place.history).root.id, truth(&place));
    // Another branch: what differs is told against the parent that was named.
    let branch = record(&place, None);
    assert_eq!((counts(&branch).added, &branch.how), (30, &How::Watched));
    let back = record(&place, Some(&first.snapshot));
    assert_eq!((counts(&back).added, counts(&back).modified, counts(&back).deleted), (1, 1, 1));
    place.fsck();
}

struct ChangeCountsOf {
    added: u32,
    modified: u32,
    deleted: u32,
}

fn counts(recorded: &Recorded) -> ChangeCountsOf {
    let counts = &recorded.changes;
    ChangeCountsOf { added: counts.added, modified: counts.modified, deleted: counts.deleted }
}

#[test]
fn what_our_tools_wrote_is_read_whatever_its_times_say() {
    let place = watched(quick_place());
    place.write("file", "content");
    std::thread::sleep(Duration::from_millis(60));
    let first = record(&place, None).snapshot;
    assert_eq!(index_of(&place.history).root.id, truth(&place));
    forge(&place.history, "file");
    let forged = |history: &History| index_of(history).root.node(b"file").unwrap().entry().id == EMPTY_TREE;
    assert!(!record(&place, Some(&first)).changed);
    assert!(forged(&place.history), "nobody said that it changed");
    place.history.note_written(&["file".to_owned(), "not/there".to_owned(), "../outside".to_owned()]);
    record(&place, Some(&first));
    assert!(!forged(&place.history));
}

#[test]
fn a_scan_finds_what_the_watch_missed_and_after_the_second_time_it_is_not_asked_again() {
    let place = watched(quick_place());
    place.write("file", "content");
    place.write("other", "x");
    place.write("third", "x");
    std::thread::sleep(Duration::from_millis(60));
    let mut tip = record(&place, None).snapshot;
    let mut next = |place: &Place| {
        let recorded = record(place, Some(&tip));
        tip = recorded.snapshot.clone();
        recorded
    };
    place.history.audit_next();
    place.write("other", "y");
    assert_eq!(next(&place).how, How::Scanned(WhyScanned::Audit));
    for round in 0..AUDIT_AFTER {
        place.write("other", round.to_string());
        assert_eq!(next(&place).how, How::Watched, "{round}");
    }
    place.write("other", "z");
    assert_eq!(next(&place).how, How::Scanned(WhyScanned::Audit), "now and then");
    assert_eq!(place.history.missed_changes(), 0);

    // A change that no event told of: the index says other than the disk.
    let unsee = |name: &str| {
        let writer = &mut *lock(&place.history.shared.writer);
        let index = writer.live.index.as_mut().unwrap();
        let root = &index.root;
        let items: Vec<Item> =
            root.items.iter().filter(|item| *item.name != *name.as_bytes()).cloned().collect();
        assert!(items.len() < root.items.len());
        index.root = Arc::new(Folder::new(root.id, None, items, Vec::new(), None));
    };
    unsee("file");
    place.history.audit_next();
    place.write("other", "1");
    let missed = next(&place);
    assert_eq!((missed.changed, &missed.how), (true, &How::Scanned(WhyScanned::Missed)));
    assert_eq!(place.history.missed_changes(), 1);
    assert_eq!(index_of(&place.history).root.id, truth(&place));
    // From now on its path is looked at each time.
    place.write("other", "2");
    assert_eq!(next(&place).how, How::Watched);
    unsee("file");
    place.write("other", "3");
    assert_eq!(next(&place).how, How::Watched);
    assert_eq!(index_of(&place.history).root.id, truth(&place));
    // The next test comes soon, and is passed.
    let soon = (0..AUDIT_SOON).any(|round| {
        place.write("other", format!("soon {round}"));
        next(&place).how == How::Scanned(WhyScanned::Audit)
    });
    assert!(soon);
    unsee("third");
    place.history.audit_next();
    place.write("other", "4");
    assert_eq!(next(&place).how, How::Scanned(WhyScanned::Missed));
    assert_eq!(index_of(&place.history).root.id, truth(&place));
    place.write("other", "5");
    assert_eq!(next(&place).how, How::Scanned(WhyScanned::Missed), "it is not asked again");
    place.fsck();
}

/// A name outside of the workspace tells nobody of a write; a look at everything finds it in time.
#[test]
fn after_a_while_everything_is_looked_at() {
    let place = watched(quick_place());
    place.write("file", "content");
    let first = record(&place, None).snapshot;
    let outside = place.dir.parent().unwrap().join("outside");
    fs::hard_link(place.root.join("file"), &outside).unwrap();
    fs::write(&outside, "by another name").unwrap();
    let long_ago = Instant::now().checked_sub(AUDIT_AGE).unwrap();
    lock(&place.history.shared.telling).looked_at = Some(long_ago);
    let found = record(&place, Some(&first));
    assert_eq!(place.history.read(&found.snapshot, "file", 100).unwrap().unwrap(), b"by another name");
    assert!(matches!(found.how, How::Scanned(WhyScanned::Audit | WhyScanned::Missed)), "{:?}", found.how);
    // By now it is known to have another name, and is looked at each time.
    fs::write(&outside, "by another name again").unwrap();
    let again = record(&place, Some(&found.snapshot));
    assert_eq!((again.changed, again.how), (true, How::Watched));
}

/// A record by the watch's word goes down on the thread that asks, which has the stack of such threads.
#[test]
fn a_deep_folder_that_the_watch_names_is_recorded() {
    let place = watched(quick_place());
    let first = record(&place, None).snapshot;
    let deep = "d/".repeat(199) + "file";
    place.write(&deep, "deep");
    let recorded = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(2 << 20);
        thread.spawn_scoped(scope, || record(&place, Some(&first))).unwrap().join().unwrap()
    });
    assert_eq!((recorded.how, recorded.skipped.len()), (How::Watched, 0));
    assert_eq!(place.history.read(&recorded.snapshot, &deep, 10).unwrap().unwrap(), b"deep");
}

/// Who works while the watch is put to the test does not make it look bad.
#[test]
fn a_change_during_an_audit_is_no_miss() {
    let place = watched(quick_place());
    let stop = AtomicBool::new(false);
    let mut tip = record(&place, None).snapshot;
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut round = 0_u32;
            while !stop.load(Ordering::Relaxed) {
                place.write(&format!("{}/{}", round % 5, round % 7), round.to_string());
                if round.is_multiple_of(11) {
                    let _ = fs::remove_dir_all(place.root.join((round % 5).to_string()));
                }
                round += 1;
            }
        });
        let end = Instant::now() + Duration::from_millis(1_500);
        let mut audits = 0;
        while Instant::now() < end {
            place.history.audit_next();
            let recorded = place.history.record(&place.workspace, Some(&tip), INFO).unwrap();
            audits += u32::from(recorded.how == How::Scanned(WhyScanned::Audit));
            tip = recorded.snapshot;
        }
        stop.store(true, Ordering::Relaxed);
        writer.join().unwrap();
        assert!(audits > 3, "{audits}");
    });
    assert_eq!(place.history.missed_changes(), 0);
    record(&place, Some(&tip));
    assert_eq!(index_of(&place.history).root.id, truth(&place));
}

#[test]
fn what_a_failed_record_was_told_is_not_forgotten() {
    let place = watched(quick_place());
    place.write("file", "one");
    let first = record(&place, None).snapshot;
    place.write("file", "two");
    place.history.note_written(&["written".to_owned()]);
    let (packs, aside) = (place.repository().join("objects/pack"), place.dir.join("aside"));
    fs::rename(&packs, &aside).unwrap();
    fs::write(&packs, "in the way").unwrap();
    assert!(place.history.record(&place.workspace, Some(&first), INFO).is_err());
    fs::remove_file(&packs).unwrap();
    fs::rename(&aside, &packs).unwrap();
    assert_eq!(lock(&place.history.shared.telling).written.len(), 1);
    let second = record(&place, Some(&first));
    assert_eq!((second.changed, counts(&second).modified, &second.how), (true, 1, &How::Watched));
    assert_eq!(place.git(&["show", &format!("{}:file", second.snapshot)]), "two");
}

#[test]
fn what_is_recorded_can_be_set_anew() {
    let place = watched(quick_place());
    place.history.set_policy(Policy { max_file_bytes: 1_000_000 });
    place.write("large", vec![b'x'; 1_500_000]);
    place.write("small", "s");
    let first = record(&place, None);
    assert_eq!((counts(&first).added, first.skipped.len()), (1, 1));
    assert_eq!(first.skipped[0].reason, "it has 2 MB, and files over 1 MB are not recorded");
    place.history.set_policy(Policy { max_file_bytes: 500 });
    let low = record(&place, Some(&first.snapshot));
    assert_eq!(low.skipped[0].reason, "it has 1500000 bytes, and files over 500 bytes are not recorded");
    place.history.set_policy(Policy { max_file_bytes: 2_000_000 });
    let second = record(&place, Some(&first.snapshot));
    assert_eq!((counts(&second).added, &second.how), (1, &How::Scanned(WhyScanned::Policy)));
    assert_eq!(second.skipped, []);
    place.history.set_max_file_bytes(1_000);
    let third = record(&place, Some(&second.snapshot));
    assert_eq!((counts(&third).deleted, third.skipped.len()), (1, 1));
    assert_eq!(record(&place, Some(&third.snapshot)).how, How::Watched);
}

/// A file with two names that is written by one of them.
#[test]
fn the_other_names_of_a_file_are_looked_at() {
    let place = watched(quick_place());
    place.write("a/one", "before");
    let mut tip = record(&place, None).snapshot;
    std::thread::sleep(Duration::from_millis(60));
    fs::hard_link(place.root.join("a/one"), place.root.join("two")).unwrap();
    for content in ["second", "third!"] {
        fs::write(place.root.join("two"), content).unwrap();
        let recorded = record(&place, Some(&tip));
        assert_eq!(recorded.how, How::Watched);
        tip = recorded.snapshot;
        assert_eq!(place.git(&["show", &format!("{tip}:a/one")]), content);
        assert_eq!(place.git(&["show", &format!("{tip}:two")]), content);
        std::thread::sleep(Duration::from_millis(60));
    }
    fs::remove_file(place.root.join("two")).unwrap();
    tip = record(&place, Some(&tip)).snapshot;
    // By a name outside of the workspace.
    fs::hard_link(place.root.join("a/one"), place.dir.join("outside")).unwrap();
    place.write("a/three", "makes nothing known of a/one");
    place.history.note_written(&["a/one".to_owned()]);
    tip = record(&place, Some(&tip)).snapshot;
    fs::write(place.dir.join("outside"), "fourth").unwrap();
    tip = record(&place, Some(&tip)).snapshot;
    assert_eq!(place.git(&["show", &format!("{tip}:a/one")]), "fourth");
}

#[test]
fn rules_leave_out_with_reason() {
    let place = watched(quick_place());
    place.write(".gitignore", "*\n");
    place.write("build/out/app.js", "built");
    place.write("src/main.rs", "fn main() {}");
    place.write("src/notes.tmp", "n");
    let first = record(&place, None);
    assert_eq!((counts(&first).added, first.skipped.len()), (4, 0));
    let named = |recorded: &Recorded| -> Vec<String> {
        recorded.skipped.iter().map(|skipped| format!("{}: {}", skipped.path, skipped.reason)).collect()
    };
    // What was recorded before is left out from the moment that a rule says so.
    place.write(".okcvmignore", "/build/\n*.tmp\n");
    let second = record(&place, Some(&first.snapshot));
    assert_eq!(
        named(&second),
        [
            "build: a rule in .okcvmignore leaves it out",
            "src/notes.tmp: a rule in .okcvmignore leaves it out"
        ]
    );
    assert_eq!((counts(&second).added, counts(&second).deleted, &second.how), (1, 2, &How::Watched));
    assert_eq!(place.history.skipped(&second.snapshot).unwrap(), second.skipped);
    // What changes in a folder that is left out is no change. New files of such names are left out, and what
    // is left out belongs to a snapshot.
    place.write("build/out/app.js", "built again");
    let same = record(&place, Some(&second.snapshot));
    assert_eq!((same.changed, same.skipped.len()), (false, 2));
    place.write("src/more.tmp", "m");
    let third = record(&place, Some(&second.snapshot));
    assert_eq!((third.changed, third.skipped.len(), counts(&third).added), (true, 3, 0));
    // An inner file counts before the outer.
    place.write("src/.okcvmignore", "!notes.tmp\nmain.rs\n");
    let fourth = record(&place, Some(&third.snapshot));
    assert_eq!(
        named(&fourth)[1..],
        [
            "src/main.rs: a rule in src/.okcvmignore leaves it out",
            "src/more.tmp: a rule in .okcvmignore leaves it out"
        ]
    );
    assert_eq!((counts(&fourth).added, counts(&fourth).deleted), (2, 1));
    // The rules hold after a restart, too.
    place.history.detach();
    assert_eq!(named(&record(&place, Some(&fourth.snapshot))), named(&fourth));
    assert_eq!(index_of(&place.history).root.id, truth(&place));
    // Without rules everything comes back.
    for path in [".okcvmignore", "src/.okcvmignore"] {
        fs::remove_file(place.root.join(path)).unwrap();
    }
    let last = record(&place, Some(&fourth.snapshot));
    assert_eq!((counts(&last).added, last.skipped.len()), (4 - 1, 0));
    place.fsck();
}

#[test]
fn a_long_record_can_be_called_off() {
    let place = quick_place();
    for number in 0..300 {
        place.write(&format!("{}/{number}", number % 10), vec![b'x'; 4_000]);
    }
    let progress = Progress::default();
    progress.cancel();
    let error = place.history.record_with(&place.workspace, None, INFO, &progress).unwrap_err();
    assert!(matches!(error, SnapshotError::Cancelled), "{error:?}");
    let files = || fs::read_dir(place.repository().join("objects/pack")).unwrap().count();
    assert_eq!(files(), 0);
    let progress = Progress::default();
    let recorded = place.history.record_with(&place.workspace, None, INFO, &progress).unwrap();
    assert_eq!(counts(&recorded).added, 300);
    assert_eq!((progress.files(), progress.bytes()), (300, 300 * 4_000));
}

const NAMES: [&[u8]; 14] = [
    b"a",
    b"b",
    b"A",
    b"dir",
    b"Dir",
    "\u{e9}".as_bytes(),
    "e\u{301}".as_bytes(),
    b"\xff\xfe",
    b"new\nline",
    b"index.html",
    b"x.tmp",
    b"node_modules",
    b".git",
    b"build",
];

fn any_path(random: &mut fastrand::Rng, root: &Path) -> PathBuf {
    let mut path = root.to_path_buf();
    for _ in 0..=random.usize(..4) {
        path.push(os(NAMES[random.usize(..NAMES.len())]));
    }
    path
}

fn remove(path: &Path) {
    let Ok(found) = fs::symlink_metadata(path) else { return };
    if found.is_dir() {
        let _ = fs::set_permissions(path, fs::Permissions::from_mode(0o755));
        let _ = fs::remove_dir_all(path);
    } else {
        let _ = fs::remove_file(path);
    }
}

fn put(random: &mut fastrand::Rng, path: &Path) {
    let sizes = [0, 1, 3, 3, 3, 50, 900, 2_500];
    let size = sizes[random.usize(..sizes.len())];
    let content: Vec<u8> = std::iter::repeat_with(|| random.u8(..)).take(size).collect();
    // A part of the way may be a file; then nothing happens.
    let _ = path.parent().map(fs::create_dir_all);
    let _ = fs::write(path, content);
}

/// Does something to the workspace; most of it does something, and the rest fails.
fn act(random: &mut fastrand::Rng, root: &Path) -> String {
    let (path, other) = (any_path(random, root), any_path(random, root));
    let what = random.u32(..17);
    match what {
        0..=3 => put(random, &path),
        4 => {
            // The same size and the same time of modification.
            if let Ok(before) = fs::symlink_metadata(&path)
                && before.is_file()
            {
                let content: Vec<u8> =
                    std::iter::repeat_with(|| random.u8(..)).take(before.len() as usize).collect();
                fs::write(&path, content).unwrap();
                let times = fs::FileTimes::new().set_modified(before.modified().unwrap());
                fs::File::options().write(true).open(&path).unwrap().set_times(times).unwrap();
            }
        }
        5 | 6 => drop(fs::rename(&path, &other)),
        7 => {
            let mode = [0o644, 0o755, 0o600, 0o444, 0o555][random.usize(..5)];
            if fs::symlink_metadata(&path).is_ok_and(|found| !found.is_symlink()) {
                let _ = fs::set_permissions(&path, fs::Permissions::from_mode(mode));
            }
        }
        8 => {
            if fs::symlink_metadata(&path).is_ok_and(|found| found.is_symlink()) {
                remove(&path);
            }
            let _ = symlink(os(NAMES[random.usize(..NAMES.len())]), &path);
        }
        9 | 10 => remove(&path),
        11 => {
            remove(&path);
            put(random, &path.join("inner"));
        }
        12 => {
            remove(&path);
            put(random, &path);
        }
        13 => {
            // Only the case, or only the composition of a character.
            let named = |name: &[u8]| path.parent().map(|parent| parent.join(os(name)));
            let pairs: [(&[u8], &[u8]); 4] = [
                (b"a", b"A"),
                (b"Dir", b"dir"),
                ("\u{e9}".as_bytes(), "e\u{301}".as_bytes()),
                ("e\u{301}".as_bytes(), "\u{e9}".as_bytes()),
            ];
            let (from, to) = pairs[random.usize(..4)];
            if let (Some(from), Some(to)) = (named(from), named(to)) {
                let _ = fs::rename(from, to);
            }
        }
        14 => {
            let mut deep = path.clone();
            (0..random.usize(1..25)).for_each(|_| deep.push("d"));
            put(random, &deep.join("file"));
        }
        // What is written by one name is told of that name alone.
        15 => drop(fs::hard_link(&path, &other)),
        _ => {
            let rules = ["*.tmp\n", "/build/\n", "b\n!dir/b\n", "**/A\n", ""][random.usize(..5)];
            let _ = fs::write(path.with_file_name(".okcvmignore"), rules);
        }
    }
    format!("{what} {} {}", path.display(), other.display())
}

/// Two histories of one workspace, one of which asks the watch and one of which scans, and a reader that
/// knows nothing: they agree after every few random steps.
fn agree(seed: u64, rounds: usize) {
    let place = watched(quick_place());
    let scanning = History::open(&place.dir.join("scanning")).unwrap().history;
    let policy = Policy { max_file_bytes: 2_000 };
    place.history.set_policy(policy);
    scanning.set_policy(policy);
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut tip, mut scanned_tip) = (record(&place, None).snapshot, None);
    let mut by_watch = 0;
    let mut done = Vec::new();
    for round in 0..rounds {
        done.clear();
        for _ in 0..=random.usize(..6) {
            done.push(act(&mut random, &place.root));
            // A name that comes and goes between two looks leaves no trace to the others.
            if done.last().is_some_and(|done| done.starts_with("15 ")) {
                break;
            }
        }
        if random.u32(..4) == 0 {
            std::thread::sleep(Duration::from_millis(30));
        }
        let one = record(&place, Some(&tip));
        let two = scanning.record(&place.workspace, scanned_tip.as_ref(), INFO).unwrap();
        let said = format!("seed {seed}, round {round}: {done:#?}");
        let (watched_root, scanned_root) = (index_of(&place.history).root, index_of(&scanning).root);
        assert_eq!(watched_root.id, truth(&place), "by the watch, {said}");
        assert_eq!(scanned_root.id, watched_root.id, "by the scan, {said}");
        assert_eq!(one.skipped, two.skipped, "{said}");
        if scanned_tip.is_some() {
            assert_eq!((&one.changes, one.changed), (&two.changes, two.changed), "{said}");
        }
        by_watch += usize::from(one.how == How::Watched);
        (tip, scanned_tip) = (one.snapshot, Some(two.snapshot));
    }
    assert_eq!(place.history.missed_changes(), 0);
    assert!(by_watch > rounds / 2, "the watch was asked {by_watch} times of {rounds}");
    place.fsck();
}

#[test]
fn the_watch_and_a_scan_agree() {
    for seed in 1..=3 {
        agree(seed, 60);
    }
    agree(fastrand::u64(..), 60);
}
