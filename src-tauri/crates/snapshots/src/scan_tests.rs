use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::time::Duration;

use crate::cache::Stamp;
use crate::testing::{Place, place, words};

use super::*;

/// Waits until what was written is old enough for its stamp to be believed.
fn age() {
    std::thread::sleep(Duration::from_nanos(RACY_NANOSECONDS as u64) + Duration::from_millis(20));
}

fn saved_cache(place: &Place) -> Cache {
    Cache::load(&place.repository(), place.root.as_os_str().as_encoded_bytes())
}

fn set_times(path: &std::path::Path, like: &fs::Metadata) {
    let file = fs::File::options().write(true).open(path).unwrap();
    let times =
        fs::FileTimes::new().set_accessed(like.accessed().unwrap()).set_modified(like.modified().unwrap());
    file.set_times(times).unwrap();
}

#[test]
fn stamps_of_the_last_moments_are_not_trusted() {
    let stamp = |changed, modified| Stamp { size: 1, modified, changed, inode: 1, mode: 0 };
    let now = 10 * RACY_NANOSECONDS;
    let old = stamp(now - RACY_NANOSECONDS - 1, 0);
    assert_eq!(trusted(old, now), Some(old));
    assert_eq!(trusted(stamp(now - RACY_NANOSECONDS, 0), now), None);
    assert_eq!(trusted(stamp(now, 0), now), None);
    // A clock that was set back, and a time in the future.
    assert_eq!(trusted(stamp(now * 2, 0), now), None);
    assert_eq!(trusted(stamp(0, now), now), None);
    assert_eq!(trusted(stamp(i64::MAX, i64::MAX), now), None);
}

/// Right after a record, an edit of the same size at once leaves the same size and, on a coarse clock, the
/// same times. Two hundred rounds, each within one tick of the one before.
#[test]
fn edits_within_one_tick_are_found() {
    let place = place();
    place.write("file", "000");
    let mut tip = place.snapshot();
    for round in 1..200 {
        fs::write(place.root.join("file"), format!("{round:03}")).unwrap();
        let recorded = place.record(Some(&tip));
        assert!(recorded.changed, "round {round}");
        tip = recorded.snapshot;
    }
    assert_eq!(place.history.read(&tip, "file", 10).unwrap().unwrap(), b"199");
}

#[test]
fn an_edit_with_the_old_size_and_time_is_found_once_stamps_are_trusted() {
    let place = place();
    place.write("edited", "one");
    place.write("replaced", "one");
    place.write("chmodded", "one");
    symlink("target-a", place.root.join("link")).unwrap();
    age();
    let before = place.snapshot();
    // The cache is believed now: nothing is read again.
    let cache = saved_cache(&place);
    assert!(cache.files.values().all(|known| known.stamp.is_some()), "{cache:?}");

    let like = |name: &str| fs::metadata(place.root.join(name)).unwrap();
    let (edited, replaced, chmodded) = (like("edited"), like("replaced"), like("chmodded"));
    fs::write(place.root.join("edited"), "two").unwrap();
    set_times(&place.root.join("edited"), &edited);
    fs::write(place.root.join("new"), "two").unwrap();
    set_times(&place.root.join("new"), &replaced);
    fs::rename(place.root.join("new"), place.root.join("replaced")).unwrap();
    fs::set_permissions(place.root.join("chmodded"), fs::Permissions::from_mode(0o755)).unwrap();
    set_times(&place.root.join("chmodded"), &chmodded);
    fs::remove_file(place.root.join("link")).unwrap();
    symlink("target-b", place.root.join("link")).unwrap();
    for (name, before) in [("edited", &edited), ("replaced", &replaced), ("chmodded", &chmodded)] {
        let after = like(name);
        assert_eq!((after.len(), after.mtime_nsec()), (before.len(), before.mtime_nsec()), "{name}");
    }
    let after = place.record(Some(&before));
    assert_eq!(
        words(&place.history.diff(Some(&before), &after.snapshot).unwrap()),
        ["modified chmodded", "modified edited", "modified link", "modified replaced"]
    );
}

#[test]
fn an_unchanged_file_is_not_read_again() {
    let place = place();
    place.write("folder/file", "content");
    age();
    place.snapshot();
    let mut cache = saved_cache(&place);
    let repository = git2::Repository::open_bare(place.repository()).unwrap();
    let odb = repository.odb().unwrap();
    // Only a scan that believes the stamp takes this for the content of the file.
    let forged = odb.write(ObjectType::Blob, b"forged").unwrap();
    cache.files.get_mut(b"folder/file".as_slice()).unwrap().oid = forged;
    let Ok(read) = scan(&odb, place.workspace.root_handle(), &cache, 1_000) else {
        panic!("the scan failed")
    };
    assert_eq!(read.cache.files[b"folder/file".as_slice()].oid, forged);
    cache.files.get_mut(b"folder/file".as_slice()).unwrap().stamp = None;
    let Ok(read) = scan(&odb, place.workspace.root_handle(), &cache, 1_000) else {
        panic!("the scan failed")
    };
    assert_ne!(read.cache.files[b"folder/file".as_slice()].oid, forged);
}

#[test]
fn a_mounted_file_system_is_left_out() {
    let place = place();
    fs::create_dir(place.root.join("mounted")).unwrap();
    place.write("file", "x");
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "tmpfs"])
        .arg(place.root.join("mounted"))
        .output()
        .is_ok_and(|output| output.status.success());
    if !mounted {
        // Only root may mount.
        return;
    }
    fs::write(place.root.join("mounted/foreign"), "x").unwrap();
    let recorded = place.record(None);
    let unmounted = std::process::Command::new("umount").arg(place.root.join("mounted")).status().unwrap();
    assert!(unmounted.success());
    assert_eq!(recorded.skipped.len(), 1);
    assert_eq!(recorded.skipped[0].reason, "another file system is mounted here, and is not recorded");
    assert_eq!(recorded.changes.added, 1);
}

#[test]
fn deep_and_many_folders_are_recorded() {
    let place = place();
    let deep = "d/".repeat(150) + "file";
    place.write(&deep, "deep");
    for number in 0..300 {
        place.write(&format!("many/{}/{number}", number % 17), "x");
    }
    let id = place.snapshot();
    assert_eq!(place.history.read(&id, &deep, 10).unwrap().unwrap(), b"deep");
    place.fsck();
    place.write(&("e/".repeat(250) + "file"), "too deep");
    let recorded = place.record(Some(&id));
    assert_eq!(recorded.skipped.len(), 1);
    assert_eq!(recorded.skipped[0].reason, "folders are nested too deeply");
    place.fsck();
}
