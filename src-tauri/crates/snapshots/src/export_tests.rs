use std::io::Read as _;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use okcvm_objects::testing::noise;

use super::*;
use crate::testing::{Node, Place, os, place, tree};

fn export(place: &Place, id: &SnapshotId, to: &Path) -> Result<Exported, SnapshotError> {
    let form = if to.extension().is_some() { ExportForm::Zip } else { ExportForm::Folder };
    place.history.export(id, to, form, Taken::Refuse, &Cancel::default(), &mut |_| {})
}

fn full(place: &Place) -> SnapshotId {
    place.write("plain.txt", "plain");
    place.write("run.sh", "#!/bin/sh\n");
    fs::set_permissions(place.root.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    place.write("数据/größe ☃.csv", "a,b\n");
    place.write("deep/er/and/deeper", noise(3, 300_000));
    place.write("large", vec![7; 9 << 20]);
    place.write("none", "");
    symlink("../数据/größe ☃.csv", place.root.join("deep/link")).unwrap();
    fs::create_dir_all(place.root.join("empty/inside")).unwrap();
    // What is left out of snapshots does not leave with them.
    place.write("node_modules/module", "left out");
    let id = place.snapshot();
    // The copy is of that moment.
    place.write("plain.txt", "later");
    place.write("new", "later");
    id
}

fn leftovers(place: &Place) -> Vec<String> {
    let names = fs::read_dir(place.folder.path()).unwrap().flatten();
    names
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.contains("copy"))
        .collect()
}

fn expected(place: &Place) -> crate::testing::Tree {
    let mut expected = place.tree();
    expected.retain(|path, _| !path.starts_with(b"node_modules") && path != b"new");
    expected.insert(b"plain.txt".to_vec(), Node::File { content: b"plain".to_vec(), mode: 0o644 });
    expected
}

#[test]
fn a_zip_holds_what_the_snapshot_holds() {
    let place = place();
    let id = full(&place);
    let to = place.folder.path().join("saved.zip");
    let mut told = Vec::new();
    let exported = place
        .history
        .export(&id, &to, ExportForm::Zip, Taken::Refuse, &Cancel::default(), &mut |count| told.push(count))
        .unwrap();
    assert_eq!((exported.files, exported.renamed.len()), (7, 0));
    let last = told.last().unwrap();
    assert_eq!((last.files_done, last.bytes_done), (last.files, last.bytes));
    assert_eq!(last.bytes, exported.bytes);
    assert!(told.len() > 36, "a large file is told of piece by piece: {}", told.len());
    // Another program agrees, names, modes and links included.
    let out = place.folder.path().join("out");
    let script = "import sys, zipfile, os, stat\n\
        with zipfile.ZipFile(sys.argv[1]) as z:\n\
        \x20   assert z.testzip() is None\n\
        \x20   for i in z.infolist():\n\
        \x20       assert i.is_dir() or i.filename.isascii() or i.flag_bits & 0x800, i.filename\n\
        \x20       mode = i.external_attr >> 16\n\
        \x20       path = os.path.join(sys.argv[2], i.filename)\n\
        \x20       os.makedirs(os.path.dirname(path), exist_ok=True)\n\
        \x20       if stat.S_ISLNK(mode): os.symlink(z.read(i).decode(), path)\n\
        \x20       elif i.is_dir(): os.makedirs(path, exist_ok=True)\n\
        \x20       else:\n\
        \x20           open(path, 'wb').write(z.read(i)); os.chmod(path, mode & 0o777)\n";
    let done = Command::new("python3").args(["-c", script]).arg(&to).arg(&out).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(tree(&out) == expected(&place), "{:?}", tree(&out).keys().collect::<Vec<_>>());
    assert_eq!(leftovers(&place), Vec::<String>::new());
    // The time is that of the snapshot.
    let mut archive = zip::ZipArchive::new(File::open(&to).unwrap()).unwrap();
    let mut plain = archive.by_name("plain.txt").unwrap();
    let time = plain.last_modified().unwrap();
    assert_eq!((time.year(), time.month(), time.day(), time.hour()), (2023, 11, 14, 22));
    let mut text = String::new();
    plain.read_to_string(&mut text).unwrap();
    assert_eq!(text, "plain");
}

#[test]
fn a_folder_holds_what_the_snapshot_holds() {
    let place = place();
    let id = full(&place);
    let to = place.folder.path().join("saved");
    assert_eq!(export(&place, &id, &to).unwrap().files, 7);
    assert!(tree(&to) == expected(&place));
    // A second time it is in the way; an empty one is not.
    assert!(matches!(export(&place, &id, &to), Err(SnapshotError::Taken { .. })));
    let empty = place.folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    export(&place, &id, &empty).unwrap();
    assert!(tree(&empty) == expected(&place));
    assert_eq!(leftovers(&place), Vec::<String>::new());
}

#[test]
fn what_has_the_name_stays_unless_it_is_to_go() {
    let place = place();
    let id = full(&place);
    let to = place.folder.path().join("saved.zip");
    fs::write(&to, "mine").unwrap();
    let error = export(&place, &id, &to).unwrap_err();
    assert!(matches!(&error, SnapshotError::Taken { .. }), "{error}");
    assert_eq!(fs::read(&to).unwrap(), b"mine");
    let folder = place.folder.path().join("folder.zip");
    fs::create_dir(&folder).unwrap();
    for (target, fine) in [(&to, true), (&folder, false)] {
        let replaced = place.history.export(
            &id,
            target,
            ExportForm::Zip,
            Taken::Replace,
            &Cancel::default(),
            &mut |_| {},
        );
        assert_eq!(replaced.is_ok(), fine);
    }
    assert!(fs::read(&to).unwrap().starts_with(b"PK"));
    for nowhere in ["missing/saved.zip", "saved.zip/inside.zip"] {
        let error = export(&place, &id, &place.folder.path().join(nowhere)).unwrap_err();
        assert!(matches!(error, SnapshotError::Copy { .. }), "{nowhere}: {error}");
    }
    // One that comes while the copy is written stays as well.
    let late = place.folder.path().join("late.zip");
    let error = place
        .history
        .export(&id, &late, ExportForm::Zip, Taken::Refuse, &Cancel::default(), &mut |count| {
            if count.files_done == 1 {
                fs::write(&late, "came first").unwrap();
            }
        })
        .unwrap_err();
    assert!(matches!(&error, SnapshotError::Taken { .. }), "{error}");
    assert_eq!(fs::read(&late).unwrap(), b"came first");
    assert_eq!(leftovers(&place), Vec::<String>::new());
}

#[test]
fn what_is_called_off_leaves_nothing() {
    let place = place();
    let id = full(&place);
    for name in ["saved.zip", "saved"] {
        let to = place.folder.path().join(name);
        let cancel = Cancel::default();
        let form = if name == "saved" { ExportForm::Folder } else { ExportForm::Zip };
        let mut steps = 0;
        let error = place
            .history
            .export(&id, &to, form, Taken::Refuse, &cancel, &mut |_| {
                steps += 1;
                if steps == 12 {
                    cancel.cancel();
                }
            })
            .unwrap_err();
        assert!(matches!(error, SnapshotError::Cancelled), "{error}");
        assert!(!to.exists() && steps < 16, "{name} {steps}");
    }
    assert_eq!(leftovers(&place), Vec::<String>::new());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_keeps_nothing_of_it() {
    let Some(disk) = crate::testing::SmallDisk::new(1 << 20, "a_full_disk_keeps_nothing_of_it") else {
        return;
    };
    let place = place();
    place.write("a", noise(5, 3 << 20));
    let id = place.snapshot();
    for name in ["saved.zip", "saved"] {
        let error = export(&place, &id, &disk.path().join(name)).unwrap_err();
        assert!(matches!(error, SnapshotError::DiskFull { .. }), "{name}: {error}");
        assert_eq!(fs::read_dir(disk.path()).unwrap().count(), 0, "{name}");
    }
}

#[test]
fn names_that_are_no_text_get_others() {
    let place = place();
    for name in [b"\xff".as_slice(), b"\xfe", "\u{fffd}".as_bytes()] {
        fs::write(place.root.join(os(name)), name).unwrap();
    }
    let id = place.snapshot();
    let to = place.folder.path().join("saved.zip");
    let exported = export(&place, &id, &to).unwrap();
    assert_eq!((exported.files, exported.renamed.len()), (3, 2), "{:?}", exported.renamed);
    let archive = zip::ZipArchive::new(File::open(&to).unwrap()).unwrap();
    let mut names: Vec<String> = archive.file_names().map(|name| name.unwrap().into_owned()).collect();
    names.sort_unstable();
    assert_eq!(names, ["\u{fffd}", "\u{fffd} (2)", "\u{fffd} (3)"]);
}

#[test]
fn a_damaged_content_is_named_and_leaves_nothing() {
    let place = place();
    let id = full(&place);
    let blob = place.git(&["rev-parse", &format!("{id}:large")]);
    for entry in fs::read_dir(place.repository().join("objects/pack")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|kind| kind == "pack")
            && place.git(&["verify-pack", "-v", path.to_str().unwrap()]).contains(blob.trim())
        {
            let mut bytes = fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0xff;
            let _ = fs::remove_file(&path);
            fs::write(&path, bytes).unwrap();
        }
    }
    let to = place.folder.path().join("saved.zip");
    let error = export(&place, &id, &to).unwrap_err();
    assert!(error.is_damage(), "{error}");
    assert!(!to.exists());
    assert_eq!(leftovers(&place), Vec::<String>::new());
}

#[test]
fn moments_are_those_of_the_calendar() {
    for (at_ms, (year, month, day, hour, minute, second)) in [
        (1_700_000_000_123, (2023, 11, 14, 22, 13, 20)),
        (951_782_400_000, (2000, 2, 29, 0, 0, 0)),
        (1_709_251_199_000, (2024, 2, 29, 23, 59, 58)),
        (4_107_542_400_000, (2100, 3, 1, 0, 0, 0)),
    ] {
        let time = time_of(at_ms);
        // Zip files count every other second.
        let found = (time.year(), time.month(), time.day(), time.hour(), time.minute(), time.second());
        assert_eq!(found, (year, month, day, hour, minute, second), "{at_ms}");
    }
    assert_eq!(time_of(0), DateTime::default());
}

#[test]
fn names_that_are_one_on_the_file_system_of_the_copy_get_another_one() {
    // A file system that takes `a` and `A` for one.
    let taken = std::cell::RefCell::new(HashSet::new());
    let make = |path: &Path| {
        let folded = path.to_str().unwrap().to_lowercase();
        if taken.borrow_mut().insert(folded) { Ok(()) } else { Err(io::ErrorKind::AlreadyExists.into()) }
    };
    let put = |name: &str| under_a_free_name(Path::new("x"), OsStr::new(name), make).unwrap();
    assert_eq!(put("A"), ("x/A".into(), true, ()));
    assert_eq!(put("a"), ("x/a (2)".into(), false, ()));
    assert_eq!(put("a (2)"), ("x/a (2) (2)".into(), false, ()));
    // Any other failure is told as one of the copy.
    let failing = |_: &Path| Err::<(), _>(io::Error::from(io::ErrorKind::PermissionDenied));
    let error = under_a_free_name(Path::new("x"), OsStr::new("b"), failing).unwrap_err();
    assert!(error.to_string().starts_with("The copy could not be written at `x/b`"), "{error}");
}

#[test]
fn folders_of_a_copy_that_are_in_the_way_of_each_other_stay_apart() {
    let place = tempfile::tempdir().unwrap();
    let mut folders = Folders::below(place.path());
    // As if it had been made for a name that the file system takes for this one.
    fs::create_dir(place.path().join("d")).unwrap();
    let (path, ()) = folders.put(b"d/e/f", |path| fs::write(path, "f")).unwrap();
    assert_eq!(path, place.path().join("d (2)/e/f"));
    folders.put(b"d/e/g", |path| fs::write(path, "g")).unwrap();
    let renamed: Vec<_> =
        folders.renamed.iter().map(|one| (one.path.as_str(), one.reason.as_str())).collect();
    assert_eq!(renamed, [("d", "d (2)")]);
}

#[test]
fn a_backslash_in_a_name_is_no_folder_of_a_zip_and_is_named() {
    let place = place();
    place.write("b\\c", "1");
    place.write("b_c", "2");
    let id = place.snapshot();
    let to = place.folder.path().join("saved.zip");
    let exported = export(&place, &id, &to).unwrap();
    let mut archive = zip::ZipArchive::new(File::open(&to).unwrap()).unwrap();
    let mut names: Vec<_> = archive.file_names().map(|name| name.unwrap().into_owned()).collect();
    names.sort();
    assert_eq!(names, ["b_c", "b_c (2)"]);
    let mut text = String::new();
    archive.by_name("b_c").unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "1");
    assert_eq!(exported.renamed.len(), 2);
    // Nor does a file get the name of a folder, or a folder that of a link.
    place.write("b\\c\\d", "3");
    place.write("e_f", "4");
    place.write("e\\f/g", "5");
    let id_of_all = place.snapshot();
    let to = place.folder.path().join("all.zip");
    export(&place, &id_of_all, &to).unwrap();
    let archive = zip::ZipArchive::new(File::open(&to).unwrap()).unwrap();
    let mut names: Vec<_> = archive.file_names().map(|name| name.unwrap().into_owned()).collect();
    names.sort();
    assert_eq!(names, ["b_c", "b_c (2)", "b_c_d", "e_f (2)", "e_f/g"]);
    // In a folder it is a name as any other.
    let to = place.folder.path().join("saved");
    assert_eq!(export(&place, &id, &to).unwrap().renamed, Vec::new());
    assert_eq!(fs::read(to.join("b\\c")).unwrap(), b"1");
}
