//! Records under hard conditions: killed, without room, of many files and of large ones.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use okcvm_workspace::{Changes, PATIENCE, watch};

use super::*;
use crate::testing::{Place, quick_place};
use crate::{Policy, WhyScanned};

const INFO: RecordInfo<'_> = RecordInfo { message: "a turn", author: Author::Agent, at_ms: 0 };
const DIR: &str = "SNAPSHOT_TEST_DIR";
const ROOT: &str = "SNAPSHOT_TEST_ROOT";

/// Runs the ignored test `name` in a process of its own on the same place.
fn child(name: &str, dir: &Path, root: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env(DIR, dir)
        .env(ROOT, root)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The place that [`child`] was given; `None` if somebody runs the test by hand.
fn place_of_child() -> Option<(PathBuf, History, Workspace)> {
    let dir = PathBuf::from(std::env::var_os(DIR)?);
    let workspace = Workspace::open(&PathBuf::from(std::env::var_os(ROOT)?)).unwrap();
    let history = History::open(&dir).unwrap().history;
    Some((dir, history, workspace))
}

fn git(dir: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .arg("--git-dir")
        .arg(dir.join("repository.git"))
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
#[ignore = "run by another test, which kills it"]
fn child_that_records_what_the_watch_names() {
    let Some((dir, history, workspace)) = place_of_child() else { return };
    let watch = watch(workspace.root(), &dir.join("cookies"), Box::new(|_| ())).unwrap();
    let tracker = watch.tracker();
    while matches!(tracker.take(PATIENCE), Changes::Everything(_)) {
        std::thread::sleep(Duration::from_millis(1));
    }
    history.attach(tracker);
    let mut said = fs::File::options().append(true).create(true).open(dir.join("said")).unwrap();
    let mut tip: Option<SnapshotId> = None;
    for round in 0_u64.. {
        for file in 0..round % 5 {
            let path = workspace.root().join(format!("{}/{}", (round + file) % 7, file));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, format!("{round} {file} {}", std::process::id())).unwrap();
        }
        fs::write(workspace.root().join("round"), round.to_string()).unwrap();
        if round % 6 == 0 {
            let _ = fs::remove_dir_all(workspace.root().join("3"));
        }
        let recorded = history.record(&workspace, tip.as_ref(), INFO).unwrap();
        // In one piece, since the end may come at any moment.
        said.write_all(format!("{} {round}\n", recorded.snapshot).as_bytes()).unwrap();
        tip = Some(recorded.snapshot);
    }
}

/// Killed a hundred times at any moment: what was returned is there, the history opens, and the next
/// record holds what is in the workspace.
#[test]
fn a_record_that_is_killed_loses_nothing() {
    // Two processes may not record at once.
    let Place { root, dir, workspace, history, folder: _folder } = quick_place();
    drop(history);
    let mut checked = 0;
    for round in 0..100_u64 {
        let before = fs::metadata(dir.join("said")).map_or(0, |found| found.len());
        let mut child = child("record::tests::child_that_records_what_the_watch_names", &dir, &root);
        let until = Instant::now() + Duration::from_secs(30);
        while fs::metadata(dir.join("said")).map_or(0, |found| found.len()) == before {
            assert!(Instant::now() < until, "the child does not start");
            std::thread::sleep(Duration::from_micros(300));
        }
        std::thread::sleep(Duration::from_micros(round * 379 % 23_000));
        child.kill().unwrap();
        child.wait().unwrap();
        let opened = History::open(&dir).unwrap();
        assert_eq!(opened.notice, None);
        let said = fs::read_to_string(dir.join("said")).unwrap();
        let lines: Vec<&str> = said.lines().collect();
        for line in &lines[checked..] {
            let (id, round) = line.split_once(' ').unwrap();
            let id = SnapshotId(id.to_owned());
            assert_eq!(opened.history.read(&id, "round", 99).unwrap().unwrap(), round.as_bytes());
        }
        checked = lines.len();
        let last = SnapshotId(lines[checked - 1].split_once(' ').unwrap().0.to_owned());
        let now = opened.history.record(&workspace, Some(&last), INFO).unwrap();
        let live = fs::read(root.join("round")).unwrap();
        assert_eq!(opened.history.read(&now.snapshot, "round", 99).unwrap().unwrap(), live);
    }
    assert!(checked > 300, "{checked} records");
    git(&dir, &["fsck", "--full", "--strict"]);
}

/// A disk without room for the history: the record fails and says so, what was recorded stays, and with
/// room again the next one holds everything.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_loses_nothing() {
    use crate::testing::SmallDisk;
    let name = "a_full_disk_loses_nothing";
    let Some(disk) = SmallDisk::new(3_000_000, name) else { return };
    let place = quick_place();
    let dir = disk.path().join("history");
    let history = History::open(&dir).unwrap().history;
    let record = |parent: Option<&SnapshotId>| history.record(&place.workspace, parent, INFO);
    place.write("kept", "kept");
    let first = record(None).unwrap().snapshot;
    let noise = |seed| {
        let mut random = fastrand::Rng::with_seed(seed);
        std::iter::repeat_with(move || random.u8(..)).take(900_000).collect::<Vec<u8>>()
    };
    for number in 0..5 {
        place.write(&format!("large/{number}"), noise(number));
    }
    for _ in 0..3 {
        let error = record(Some(&first)).unwrap_err();
        assert!(matches!(error, SnapshotError::DiskFull { .. }), "{error:?}");
        assert_eq!(history.read(&first, "kept", 9).unwrap().unwrap(), b"kept");
    }
    // A file that is streamed finds no room either.
    place.write("large/5", (0..10).flat_map(noise).collect::<Vec<u8>>());
    assert!(matches!(record(Some(&first)).unwrap_err(), SnapshotError::DiskFull { .. }));
    for number in 1..=5 {
        fs::remove_file(place.root.join(format!("large/{number}"))).unwrap();
    }
    let second = record(Some(&first)).unwrap();
    assert_eq!((second.changes.added, second.changed), (1, true));
    assert_eq!(history.read(&second.snapshot, "large/0", 1_000_000).unwrap().unwrap(), noise(0));
    drop(history);
    assert_eq!(History::open(&dir).unwrap().notice, None);
    git(&dir, &["fsck", "--full", "--strict"]);
}

#[test]
#[ignore = "run by another test, which asks how much memory it took"]
fn child_that_records_once() {
    let Some((_, history, workspace)) = place_of_child() else { return };
    history.set_policy(Policy { max_file_bytes: 4 << 30 });
    history.record(&workspace, None, INFO).unwrap();
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    std::io::stdout().write_all(format!("\n{peak}\n").as_bytes()).unwrap();
}

/// Two gigabytes in one file go through little memory.
#[cfg(target_os = "linux")]
#[test]
fn a_file_of_two_gigabytes_is_streamed() {
    const BYTES: u64 = 2 << 30;
    let Place { root, dir, workspace, history, folder: _folder } = quick_place();
    drop(history);
    fs::File::create(root.join("huge")).unwrap().set_len(BYTES).unwrap();
    let output = child("record::tests::child_that_records_once", &dir, &root).wait_with_output().unwrap();
    assert!(output.status.success());
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    let peak = output.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kilobytes: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(kilobytes < 64_000, "{kilobytes} kB");
    let parent = SnapshotId(git(&dir, &["for-each-ref", "--format=%(objectname)"]).trim().to_owned());
    assert_eq!(git(&dir, &["cat-file", "-s", &format!("{parent}:huge")]).trim(), BYTES.to_string());
    // Known by its stamp, it is not read again.
    let history = History::open(&dir).unwrap().history;
    history.set_policy(Policy { max_file_bytes: 4 << 30 });
    let progress = Progress::default();
    let again = history.record_with(&workspace, Some(&parent), INFO, &progress).unwrap();
    assert_eq!((again.changed, progress.bytes()), (false, 0));
}

/// A hundred thousand files, some of which may not be written, and a nested repository without a commit.
#[test]
fn a_hundred_thousand_files_are_recorded() {
    const FILES: u32 = 100_000;
    let place = quick_place();
    for number in 0..FILES {
        let folder = place.root.join(format!("{}/{}", number / 1_000, number / 20 % 50));
        if number % 20 == 0 {
            fs::create_dir_all(&folder).unwrap();
        }
        let path = folder.join(number.to_string());
        fs::write(&path, number.to_string()).unwrap();
        if number % 100 == 0 {
            fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
        }
    }
    let nested = place.root.join("7/nested");
    let made = Command::new("git").args(["init", "-q"]).arg(&nested).status().unwrap();
    assert!(made.success());
    place.write("7/nested/work", "precious");
    fs::set_permissions(place.root.join("9"), fs::Permissions::from_mode(0o555)).unwrap();
    let record = |parent: Option<&SnapshotId>| place.history.record(&place.workspace, parent, INFO).unwrap();
    let first = record(None);
    fs::set_permissions(place.root.join("9"), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!((first.changes.added, first.skipped.len()), (FILES + 1, 1));
    assert_eq!(first.skipped[0].path, "7/nested/.git");
    fs::write(place.root.join("99/0/99000"), "changed").unwrap();
    fs::remove_dir_all(place.root.join("50")).unwrap();
    let second = record(Some(&first.snapshot));
    assert_eq!((second.changes.added, second.changes.modified, second.changes.deleted), (0, 1, 1_000));
    assert_eq!(second.how, How::Scanned(WhyScanned::NotWatched));
    assert!(!record(Some(&second.snapshot)).changed);
    place.fsck();
}
