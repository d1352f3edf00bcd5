use std::os::unix::fs::{MetadataExt, PermissionsExt};

use super::*;
use crate::testing::{Place, place, quick_place};
use crate::{RestoreWhat, SnapshotError};
use okcvm_protocol::SnapshotId;
use rustix::fs::{XattrFlags, getxattr, setxattr};

fn mode(place: &Place, path: &str) -> u32 {
    place.root.join(path).symlink_metadata().unwrap().mode() & 0o7777
}

fn set_mode(place: &Place, path: &str, mode: u32) {
    fs::set_permissions(place.root.join(path), fs::Permissions::from_mode(mode)).unwrap();
}

fn restore(place: &Place, from: &SnapshotId, to: &SnapshotId) -> Result<(), SnapshotError> {
    place.history.restore(&place.workspace, from, to, &RestoreWhat::All).map(drop)
}

#[test]
fn what_was_private_comes_back_private() {
    let mut place = quick_place();
    place.write("f", "1");
    let first = place.record(None).snapshot;
    for (path, bits) in [("private/key", 0o600), ("private/run", 0o700), (".env", 0o600), ("group", 0o640)] {
        place.write(path, path);
        set_mode(&place, path, bits);
    }
    set_mode(&place, "private", 0o700);
    place.write("usual", "usual");
    let usual = mode(&place, "usual");
    let second = place.record(Some(&first)).snapshot;
    restore(&place, &second, &first).unwrap();
    assert!(!place.root.join("private").exists());
    // Also by the next program.
    place.reopen();
    restore(&place, &first, &second).unwrap();
    let modes = ["private", "private/key", "private/run", ".env", "group", "usual"];
    assert_eq!(modes.map(|path| mode(&place, path)), [0o700, 0o600, 0o700, 0o600, 0o640, usual]);
}

#[test]
fn a_change_of_bits_alone_is_seen() {
    let place = quick_place();
    place.write("a", "1");
    place.write("b", "1");
    let first = place.record(None).snapshot;
    set_mode(&place, "a", 0o600);
    set_mode(&place, "b", 0o600);
    assert!(!place.record(Some(&first)).changed, "git has no place for it");
    fs::remove_file(place.root.join("a")).unwrap();
    fs::remove_file(place.root.join("b")).unwrap();
    // One that others may read again is no secret any more.
    place.write("b", "2");
    set_mode(&place, "b", 0o644);
    let second = place.record(Some(&first)).snapshot;
    fs::remove_file(place.root.join("b")).unwrap();
    let third = place.record(Some(&second)).snapshot;
    restore(&place, &third, &first).unwrap();
    assert_eq!((mode(&place, "a"), mode(&place, "b") & 0o004), (0o600, 0o004));
}

#[test]
fn a_file_that_is_written_over_keeps_its_bits_and_attributes() {
    let place = place();
    place.write("f", "1");
    let first = place.record(None).snapshot;
    place.write("f", "2");
    set_mode(&place, "f", 0o600);
    let path = place.root.join("f");
    if let Err(error) = setxattr(&path, "user.note", b"mine", XattrFlags::empty()) {
        // A file system without them has nothing to keep.
        assert_eq!(error, rustix::io::Errno::NOTSUP);
        return;
    }
    let second = place.record(Some(&first)).snapshot;
    restore(&place, &second, &first).unwrap();
    let mut value = [0; 16];
    let length = getxattr(&path, "user.note", &mut value).unwrap();
    assert_eq!((place.read("f").as_str(), mode(&place, "f"), &value[..length]), ("1", 0o600, &b"mine"[..]));
}

#[test]
fn a_torn_or_strange_file_costs_what_it_does_not_say() {
    let folder = tempfile::tempdir().unwrap();
    let rights = Rights::load(folder.path());
    for (path, mode) in [(&b"a"[..], 0o600), (b"b\n\xff", 0o640), (b"c", 0)] {
        rights.saw(Kind::File, mode, || path.to_vec());
    }
    rights.save().unwrap();
    rights.saw(Kind::Folder, 0o700, || b"a".to_vec());
    rights.save().unwrap();
    let bits = |rights: &Rights| {
        let files = [&b"a"[..], b"b\n\xff", b"c"].map(|path| rights.of(path, Kind::File));
        (files, rights.of(b"a", Kind::Folder))
    };
    let all = ([Some(0o600), Some(0o640), Some(0)], Some(0o700));
    assert_eq!(bits(&rights), all);
    assert_eq!(bits(&Rights::load(folder.path())), all);
    let path = folder.path().join(FILE_NAME);
    let text = fs::read(&path).unwrap();
    fs::write(&path, &text[..text.len() - 3]).unwrap();
    assert_eq!(bits(&Rights::load(folder.path())), (all.0, None));
    fs::write(&path, [&text[..], b"\xff\xfe what\n99999999999 \"d\"\n"].concat()).unwrap();
    assert_eq!(bits(&Rights::load(folder.path())), all);
}

#[test]
fn the_file_does_not_grow_without_end() {
    let folder = tempfile::tempdir().unwrap();
    let rights = Rights::load(folder.path());
    for round in 0..3_000 {
        rights.saw(Kind::File, 0o600 + round % 2 * 0o040, || b"one".to_vec());
        rights.save().unwrap();
    }
    assert!(fs::metadata(folder.path().join(FILE_NAME)).unwrap().len() < 30_000);
    assert_eq!(Rights::load(folder.path()).of(b"one", Kind::File), Some(0o640));
}

#[test]
fn what_is_closed_stays_noted_whatever_this_program_closes() {
    let folder = tempfile::tempdir().unwrap();
    let rights = Rights::load(folder.path());
    rights.saw(Kind::File, 0o100_600, || b"key".to_vec());
    let bits = |rights: &Rights| rights.state.lock().unwrap().known.get(b"key".as_slice()).copied();
    assert_eq!(bits(&rights), Some(0o600));
    // Open again: as any other file.
    rights.saw(Kind::File, 0o100_666 & !mask(), || b"key".to_vec());
    assert_eq!(bits(&rights), (mask() & 0o044 != 0).then_some(0o666 & !mask()));
}
