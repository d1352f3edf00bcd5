//! Random operations: whoever looks only where the tracker says knows the whole workspace.

use super::*;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Seen {
    Folder,
    File(Vec<u8>, u32),
    Link(PathBuf),
}

type Mirror = BTreeMap<Vec<u8>, Seen>;

/// Reads a path and all below it, as a snapshot would.
fn look(root: &Path, path: &[u8], mirror: &mut Mirror) {
    let full = root.join(std::ffi::OsStr::from_bytes(path));
    let Ok(found) = full.symlink_metadata() else { return };
    let seen = if found.is_dir() {
        let name = full.file_name().unwrap().as_bytes();
        if !path.is_empty() && folders::is_left_out(name) {
            return;
        }
        for entry in fs::read_dir(&full).into_iter().flatten().flatten() {
            look(root, &folders::joined(path, entry.file_name().as_bytes()), mirror);
        }
        Seen::Folder
    } else if found.is_symlink() {
        let Ok(target) = fs::read_link(&full) else { return };
        Seen::Link(target)
    } else {
        let Ok(bytes) = fs::read(&full) else { return };
        Seen::File(bytes, found.permissions().mode() & 0o111)
    };
    if !path.is_empty() {
        mirror.insert(path.to_vec(), seen);
    }
}

/// Looks at what changed. A path inside of a link or of a left-out folder is nothing.
fn follow(root: &Path, changes: &Changes, mirror: &mut Mirror) {
    let Changes::Paths(paths) = changes else {
        mirror.clear();
        look(root, b"", mirror);
        return;
    };
    for path in paths {
        let (from, to) = changes::below(path);
        let gone: Vec<_> =
            mirror.range(from..to).map(|(path, _)| path.clone()).chain([path.clone()]).collect();
        for path in gone {
            mirror.remove(&path);
        }
        let mut ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        let inside = ends.all(|end| {
            let folder = &path[..end];
            let name = folder.rsplit(|byte| *byte == b'/').next().unwrap();
            let full = root.join(std::ffi::OsStr::from_bytes(folder));
            !folders::is_left_out(name) && full.symlink_metadata().is_ok_and(|found| found.is_dir())
        });
        if inside {
            look(root, path, mirror);
        }
    }
}

/// One operation on names that often meet.
fn operate(root: &Path, random: &mut fastrand::Rng) {
    const NAMES: [&str; 6] = ["a", "b", "c", "A", "node_modules", "caf\u{e9}"];
    let mut path = || {
        let depth = random.usize(1..=3);
        (0..depth).fold(root.to_path_buf(), |path, _| path.join(NAMES[random.usize(..NAMES.len())]))
    };
    let (one, two) = (path(), path());
    // Most of them fail now and then, since the names were taken.
    match random.u8(..12) {
        0..=2 => drop(fs::write(&one, [random.u8(..)])),
        3 => drop(fs::create_dir_all(&one)),
        4 => drop(fs::rename(&one, &two)),
        5 => drop(renameat_with(CWD, &one, CWD, &two, RenameFlags::EXCHANGE)),
        6 => drop(fs::remove_file(&one)),
        7 => drop(fs::remove_dir_all(&one)),
        8 => drop(symlink(NAMES[random.usize(..NAMES.len())], &one)),
        9 => {
            // Not through a link, which would change a file by the name of another path; that is told, too,
            // but not a mode that cannot be read again.
            let mode = if random.bool() { 0o755 } else { 0o644 };
            if one.symlink_metadata().is_ok_and(|found| found.is_file()) {
                drop(fs::set_permissions(&one, fs::Permissions::from_mode(mode)));
            }
        }
        10 => {
            // Same size and time as before.
            if let Ok(time) = fs::metadata(&one).and_then(|found| found.modified())
                && fs::write(&one, [random.u8(..)]).is_ok()
                && let Ok(file) = fs::File::options().write(true).open(&one)
            {
                drop(file.set_modified(time));
            }
        }
        _ => {
            if fs::create_dir_all(&one).is_ok() {
                for name in NAMES {
                    drop(fs::write(one.join(name), name));
                }
            }
        }
    }
}

#[test]
fn who_looks_where_the_tracker_says_knows_everything() {
    for seed in 0..12 {
        let place = quiet_place(|_| ());
        let mut random = fastrand::Rng::with_seed(seed);
        let mut mirror = Mirror::new();
        for round in 0..40 {
            for _ in 0..random.usize(1..30) {
                operate(&place.root, &mut random);
            }
            let changes = place.take();
            assert!(matches!(changes, Changes::Paths(_)), "{changes:?}");
            follow(&place.root, &changes, &mut mirror);
            let mut present = Mirror::new();
            look(&place.root, b"", &mut present);
            assert_eq!(mirror, present, "seed {seed}, round {round}: {changes:?}");
        }
    }
}

#[test]
fn changes_that_go_on_meanwhile_are_in_a_later_answer() {
    for seed in 100..106 {
        let place = quiet_place(|_| ());
        let done = AtomicBool::new(false);
        let mut mirror = Mirror::new();
        let mut asked = 0;
        std::thread::scope(|scope| {
            let operating = scope.spawn(|| {
                let mut random = fastrand::Rng::with_seed(seed);
                for _ in 0..3_000 {
                    operate(&place.root, &mut random);
                }
                done.store(true, Ordering::SeqCst);
            });
            loop {
                let last = done.load(Ordering::SeqCst);
                follow(&place.root, &place.take(), &mut mirror);
                asked += 1;
                if last {
                    break;
                }
            }
            operating.join().unwrap();
        });
        let mut present = Mirror::new();
        look(&place.root, b"", &mut present);
        assert_eq!(mirror, present, "seed {seed}, asked {asked} times");
    }
}
