use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::telling::{DEBOUNCE, MAX_PATHS};
use super::*;

#[path = "watch_mirror_tests.rs"]
mod mirror;

const LONG: Duration = Duration::from_secs(30);

struct Place {
    root: PathBuf,
    cookies: PathBuf,
    told: mpsc::Receiver<Vec<String>>,
    watch: Watch,
    tracker: ChangeTracker,
    _folder: tempfile::TempDir,
}

fn place(prepare: impl Fn(&Path)) -> Place {
    place_under(Conditions::default(), prepare)
}

/// A watch whose first telling has come.
fn place_under(conditions: Conditions, prepare: impl Fn(&Path)) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let base = fs::canonicalize(folder.path()).unwrap();
    let (root, cookies) = (base.join("in/root"), base.join("ours/cookies"));
    fs::create_dir_all(&root).unwrap();
    prepare(&root);
    let (sender, told) = mpsc::channel();
    let on_change = Box::new(move |paths| sender.send(paths).unwrap_or(()));
    let watch = watch_under(conditions, &root, &cookies, on_change).unwrap();
    assert_eq!(told.recv_timeout(LONG).unwrap(), Vec::<String>::new());
    let tracker = watch.tracker();
    Place { root, cookies, told, watch, tracker, _folder: folder }
}

/// As [`place`], and nothing has changed since the tracker was asked.
fn quiet_place(prepare: impl Fn(&Path)) -> Place {
    let place = place(prepare);
    assert_eq!(place.tracker.take(LONG), Changes::Everything(WhyEverything::First));
    assert_eq!(place.tracker.take(LONG), paths(&[]));
    place
}

fn paths(paths: &[&str]) -> Changes {
    Changes::Paths(paths.iter().map(|path| path.as_bytes().to_vec()).collect())
}

impl Place {
    /// Waits until `path`, or anything, is told.
    fn wait_for(&self, path: &str) -> Vec<Vec<String>> {
        let end = Instant::now() + LONG;
        let mut all = Vec::new();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let paths =
                self.told.recv_timeout(left).unwrap_or_else(|_| panic!("`{path}` was not told: {all:?}"));
            let found = paths.is_empty() || paths.iter().any(|told| told == path);
            all.push(paths);
            if found {
                return all;
            }
        }
    }

    fn drain(&self) {
        while self.told.recv_timeout(DEBOUNCE * 4).is_ok() {}
    }

    fn take(&self) -> Changes {
        self.tracker.take(LONG)
    }

    /// What changed while `work` ran, and a moment around it.
    fn taken(&self, work: impl FnOnce(&Path)) -> BTreeSet<String> {
        work(&self.root);
        match self.take() {
            Changes::Paths(paths) => paths.into_iter().map(|path| String::from_utf8(path).unwrap()).collect(),
            Changes::Everything(why) => panic!("{why}"),
        }
    }

    /// Waits until the tracker names paths again. What it said until then.
    fn wait_for_paths(&self) -> Vec<WhyEverything> {
        let end = Instant::now() + LONG;
        let mut said = Vec::new();
        while let Changes::Everything(why) = self.take() {
            if said.last() != Some(&why) {
                said.push(why);
            }
            assert!(Instant::now() < end, "the watch does not stand: {said:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
        said
    }
}

fn set(paths: &[&str]) -> BTreeSet<String> {
    paths.iter().map(|path| (*path).to_owned()).collect()
}

#[test]
fn changes_are_told_together_and_reading_is_none() {
    let place = place(|root| {
        fs::create_dir(root.join("deep")).unwrap();
        fs::write(root.join("deep/old"), "old").unwrap();
    });
    fs::read(place.root.join("deep/old")).unwrap();
    fs::read_dir(&place.root).unwrap().count();
    assert!(place.told.recv_timeout(DEBOUNCE * 4).is_err(), "reading is no change");
    let start = Instant::now();
    for number in 0..20 {
        fs::write(place.root.join(format!("deep/{number}")), "x").unwrap();
    }
    let told = place.wait_for("deep/19");
    let windows = start.elapsed().as_millis() / DEBOUNCE.as_millis() + 1;
    assert!(told.len() as u128 <= windows, "not told together: {told:?}");
}

#[test]
fn a_great_many_changes_are_told_as_anything() {
    let place = place(|_| ());
    for number in 0..=MAX_PATHS {
        fs::write(place.root.join(number.to_string()), "x").unwrap();
    }
    let end = Instant::now() + LONG;
    let mut all = 0;
    // A machine that is slow enough tells them in several goes.
    while all <= MAX_PATHS {
        let paths = place.told.recv_timeout(end.saturating_duration_since(Instant::now())).unwrap();
        all += if paths.is_empty() { MAX_PATHS + 1 } else { paths.len() };
        assert!(paths.len() <= MAX_PATHS);
    }
}

#[test]
fn unfinished_writes_and_tool_folders_are_not_told() {
    let place = quiet_place(|root| {
        fs::create_dir_all(root.join("node_modules/deep")).unwrap();
        fs::create_dir_all(root.join(".git/objects")).unwrap();
    });
    let workspace = crate::Workspace::open(&place.root).unwrap();
    fs::write(place.root.join("node_modules/deep/file"), "").unwrap();
    fs::write(place.root.join(".git/objects/file"), "").unwrap();
    workspace.write_atomic(&crate::WorkspacePath::parse("file").unwrap(), b"x").unwrap();
    let told: BTreeSet<String> = place.wait_for("file").into_iter().flatten().collect();
    assert_eq!(told, set(&["file"]));
    assert_eq!(place.take(), paths(&["file"]));
    // They come and go themselves.
    assert_eq!(place.taken(|root| fs::remove_dir_all(root.join(".git")).unwrap()), set(&[".git"]));
    let moved = place.taken(|root| fs::rename(root.join("node_modules"), root.join("kept")).unwrap());
    assert_eq!(moved, set(&["kept", "node_modules"]));
    assert_eq!(
        place.taken(|root| fs::write(root.join("kept/deep/file"), "y").unwrap()),
        set(&["kept/deep/file"])
    );
}

#[test]
fn new_moved_and_removed_folders_stay_watched() {
    let place = place(|_| ());
    fs::create_dir_all(place.root.join("a/b/c")).unwrap();
    place.wait_for("a");
    place.drain();
    fs::write(place.root.join("a/b/c/file"), "1").unwrap();
    place.wait_for("a/b/c/file");
    fs::rename(place.root.join("a"), place.root.join("z")).unwrap();
    place.wait_for("z");
    place.drain();
    fs::write(place.root.join("z/b/c/file"), "2").unwrap();
    let told = place.wait_for("z/b/c/file");
    assert!(!told.iter().flatten().any(|path| path.starts_with("a/")), "told by its old name: {told:?}");
    place.drain();
    fs::remove_dir_all(place.root.join("z")).unwrap();
    place.wait_for("z");
    place.drain();
    fs::create_dir(place.root.join("z")).unwrap();
    place.wait_for("z");
    place.drain();
    fs::write(place.root.join("z/again"), "3").unwrap();
    place.wait_for("z/again");
}

#[test]
fn nothing_is_told_after_the_end() {
    let Place { root, cookies, told, watch, tracker, _folder } = place(|_| ());
    fs::write(root.join("file"), "").unwrap();
    let shared = Arc::downgrade(&watch.shared);
    drop(watch);
    while told.try_recv().is_ok() {}
    fs::write(root.join("other"), "").unwrap();
    assert!(matches!(told.recv_timeout(DEBOUNCE * 4), Err(mpsc::RecvTimeoutError::Disconnected)));
    for _ in 0..2 {
        assert_eq!(tracker.take(LONG), Changes::Everything(WhyEverything::Ended));
    }
    tracker.put_back(paths(&["x"]));
    drop(tracker);
    assert!(shared.upgrade().is_none(), "the thread still holds what it watched with");
    assert_eq!(fs::read_dir(cookies).unwrap().count(), 0, "a cookie was left");
}

#[test]
fn the_exact_set_names_what_changed_and_nothing_else() {
    let place = quiet_place(|root| {
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(root.join("a/b/old"), "1").unwrap();
        fs::write(root.join("a/other"), "1").unwrap();
        symlink("other", root.join("a/link")).unwrap();
    });
    assert_eq!(place.taken(|root| fs::write(root.join("a/b/old"), "2").unwrap()), set(&["a/b/old"]));
    let executable = fs::Permissions::from_mode(0o755);
    let taken = place.taken(|root| fs::set_permissions(root.join("a/other"), executable).unwrap());
    assert_eq!(taken, set(&["a/other"]));
    let taken = place.taken(|root| {
        symlink("b", root.join("a/new")).unwrap();
        fs::rename(root.join("a/new"), root.join("a/link")).unwrap();
    });
    assert_eq!(taken, set(&["a/link", "a/new"]));
    assert_eq!(place.taken(|root| fs::remove_file(root.join("a/b/old")).unwrap()), set(&["a/b/old"]));
    let taken = place.taken(|root| {
        fs::remove_dir_all(root.join("a/b")).unwrap();
        fs::write(root.join("a/b"), "a file now").unwrap();
    });
    assert_eq!(taken, set(&["a/b"]));
    let taken = place.taken(|root| fs::rename(root.join("a"), root.join("A")).unwrap());
    assert_eq!(taken, set(&["A", "a"]));
    assert_eq!(place.taken(|root| fs::write(root.join("A/b"), "2").unwrap()), set(&["A/b"]));
    let out = place.cookies.join("../out");
    assert_eq!(place.taken(|root| fs::rename(root.join("A"), &out).unwrap()), set(&["A"]));
    assert_eq!(place.taken(|_| fs::write(out.join("b"), "3").unwrap()), set(&[]));
    assert_eq!(place.taken(|root| fs::rename(&out, root.join("in")).unwrap()), set(&["in"]));
    assert_eq!(place.taken(|root| fs::write(root.join("in/b"), "4").unwrap()), set(&["in/b"]));
    let taken = place.taken(|root| {
        let name = std::ffi::OsStr::from_bytes(b"caf\xE9");
        fs::write(root.join(name), "raw bytes").unwrap();
        assert_eq!(place.take(), Changes::Paths([b"caf\xE9".to_vec()].into()));
    });
    assert_eq!(taken, set(&[]));
    // A mapping that is written to is told when its file is closed, and not before.
    let open = fs::OpenOptions::new().write(true).open(place.root.join("in/b")).unwrap();
    assert_eq!(place.taken(|_| ()), set(&[]));
    assert_eq!(place.taken(|_| drop(open)), set(&["in/b"]));
}

#[test]
fn what_was_noted_or_put_back_is_in_the_next_answer() {
    let place = quiet_place(|_| ());
    place.tracker.note(&[b"ours/file".to_vec(), format!("x/{}1", crate::TEMPORARY_PREFIX).into_bytes()]);
    let first = place.take();
    assert_eq!(first, paths(&["ours/file"]));
    fs::write(place.root.join("other"), "").unwrap();
    place.tracker.put_back(first);
    assert_eq!(place.take(), paths(&["other", "ours/file"]));
    place.tracker.put_back(Changes::Everything(WhyEverything::Late));
    assert_eq!(place.take(), Changes::Everything(WhyEverything::Late));
    assert_eq!(place.take(), paths(&[]));
}

#[test]
fn files_made_at_once_in_new_folders_are_covered() {
    let place = quiet_place(|_| ());
    for round in 0..50 {
        let folder = format!("{round}/a/b/c");
        let found = place.taken(|root| {
            fs::create_dir_all(root.join(&folder)).unwrap();
            for file in 0..5 {
                fs::write(root.join(format!("{folder}/{file}")), "x").unwrap();
            }
        });
        assert_eq!(found, set(&[&round.to_string()]), "one folder stands for all of it");
        // And what comes later is named by itself.
        let file = format!("{folder}/later");
        assert_eq!(place.taken(|root| fs::write(root.join(&file), "x").unwrap()), set(&[&file]));
    }
}

#[test]
fn folders_that_move_in_chains_and_change_places_stay_watched() {
    let place = quiet_place(|root| {
        for folder in ["a/deep", "b/deep", "c"] {
            fs::create_dir_all(root.join(folder)).unwrap();
        }
    });
    for round in 0..30 {
        let exchanged = place.taken(|root| {
            let (a, b, c) = (root.join("a"), root.join("b"), root.join("c"));
            fs::rename(&a, c.join("x")).unwrap();
            fs::rename(&b, &a).unwrap();
            fs::rename(c.join("x"), &b).unwrap();
            renameat_with(CWD, &a, CWD, &b, RenameFlags::EXCHANGE).unwrap();
            renameat_with(CWD, a.join("deep"), CWD, &c, RenameFlags::EXCHANGE).unwrap();
            renameat_with(CWD, &c, CWD, a.join("deep"), RenameFlags::EXCHANGE).unwrap();
        });
        assert!(["a", "b", "c"].iter().all(|path| exchanged.contains(*path)), "{exchanged:?}");
        for folder in ["a", "b", "c", "a/deep", "b/deep"] {
            let file = format!("{folder}/{round}");
            assert_eq!(place.taken(|root| fs::write(root.join(&file), "x").unwrap()), set(&[&file]));
        }
    }
    // A file and a folder, too.
    fs::write(place.root.join("file"), "x").unwrap();
    place.taken(|root| {
        renameat_with(CWD, root.join("file"), CWD, root.join("a"), RenameFlags::EXCHANGE).unwrap();
    });
    assert_eq!(place.taken(|root| fs::write(root.join("a"), "y").unwrap()), set(&["a"]));
    assert_eq!(place.taken(|root| fs::write(root.join("file/deep/n"), "y").unwrap()), set(&["file/deep/n"]));
}

#[test]
fn a_cookie_comes_after_all_that_was_written_before_it() {
    let place = quiet_place(|root| fs::create_dir(root.join("deep")).unwrap());
    for round in 0..60 {
        let expected: BTreeSet<String> = (0..300).map(|file| format!("deep/{round}-{file}")).collect();
        let found = place.taken(|root| {
            for file in &expected {
                fs::write(root.join(file), "x").unwrap();
            }
        });
        assert_eq!(found, expected);
    }
    assert_eq!(fs::read_dir(&place.cookies).unwrap().count(), 1, "one cookie does it all");
    // Another program took it for left behind.
    for cookie in fs::read_dir(&place.cookies).unwrap() {
        fs::remove_file(cookie.unwrap().path()).unwrap();
    }
    assert_eq!(place.taken(|root| fs::write(root.join("file"), "x").unwrap()), set(&["file"]));
}

#[test]
fn two_who_ask_at_once_get_all_of_it_between_them() {
    let place = quiet_place(|root| fs::create_dir(root.join("deep")).unwrap());
    let (done, files) = (AtomicBool::new(false), 2_000);
    let ask = || {
        let mut found = BTreeSet::new();
        loop {
            // Asked once more after the last write.
            let last = done.load(Ordering::SeqCst);
            match place.tracker.take(LONG) {
                Changes::Paths(paths) => found.extend(paths),
                Changes::Everything(why) => panic!("{why}"),
            }
            if last {
                return found;
            }
        }
    };
    let found = std::thread::scope(|scope| {
        let askers = [scope.spawn(ask), scope.spawn(ask)];
        for number in 0..files {
            fs::write(place.root.join(format!("deep/{number}")), "x").unwrap();
        }
        done.store(true, Ordering::SeqCst);
        askers.map(|asker| asker.join().unwrap())
    });
    let all: BTreeSet<Vec<u8>> = found.into_iter().flatten().collect();
    assert_eq!(all.len(), files);
}

#[test]
fn a_storm_that_nobody_can_follow_is_seen_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let (root, cookies) = (folder.path().join("root"), folder.path().join("cookies"));
    fs::create_dir_all(root.join("deep")).unwrap();
    let (busy, is_busy) = mpsc::channel();
    let (go, may_go) = mpsc::channel::<()>();
    // The thread that reads the events is kept from it.
    let on_change = Box::new(move |_| {
        let _ = busy.send(());
        let _ = may_go.recv();
    });
    let watch = watch(&root, &cookies, on_change).unwrap();
    let tracker = watch.tracker();
    is_busy.recv_timeout(LONG).unwrap();
    assert_eq!(tracker.take(LONG), Changes::Everything(WhyEverything::First));
    for number in 0..20_000 {
        fs::write(root.join(format!("deep/{number}")), "x").unwrap();
    }
    fs::create_dir_all(root.join("deep/late/folder")).unwrap();
    let late = tracker.take(Duration::from_millis(50));
    assert_eq!(late, Changes::Everything(WhyEverything::Late), "nobody reads the cookie");
    drop(go);
    let end = Instant::now() + LONG;
    let mut said = BTreeMap::new();
    while let Changes::Everything(why) = tracker.take(LONG) {
        *said.entry(why.to_string()).or_insert(0) += 1;
        assert!(Instant::now() < end, "{said:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(said.contains_key(&WhyEverything::Overflow.to_string()), "{said:?}");
    // The folders that came unseen are watched now.
    fs::write(root.join("deep/late/folder/file"), "x").unwrap();
    assert_eq!(tracker.take(LONG), paths(&["deep/late/folder/file"]));
}

#[test]
fn too_many_paths_are_everything() {
    let place = place_under(Conditions { max_paths: 10, ..Conditions::default() }, |_| ());
    place.wait_for_paths();
    for number in 0..11 {
        fs::write(place.root.join(number.to_string()), "x").unwrap();
    }
    // The set may be full before the cookie comes.
    assert_eq!(place.take(), Changes::Everything(WhyEverything::TooMany));
    place.wait_for_paths();
    assert_eq!(place.taken(|root| fs::write(root.join("3"), "y").unwrap()), set(&["3"]));
}

#[test]
fn a_limit_of_watches_lasts_until_it_is_lifted() {
    let allowed = Arc::new(AtomicUsize::new(4));
    let max_watches = Arc::clone(&allowed);
    let conditions = Conditions {
        max_watches: Box::new(move || max_watches.load(Ordering::SeqCst)),
        ..Conditions::default()
    };
    let place = place_under(conditions, |root| fs::create_dir_all(root.join("a/b")).unwrap());
    place.wait_for_paths();
    fs::create_dir_all(place.root.join("c/d/e")).unwrap();
    place.wait_for("c");
    for _ in 0..3 {
        assert_eq!(place.take(), Changes::Everything(WhyEverything::LostWatch));
    }
    allowed.store(100, Ordering::SeqCst);
    assert_eq!(place.wait_for_paths(), [WhyEverything::LostWatch]);
    assert_eq!(place.taken(|root| fs::write(root.join("c/d/e/f"), "x").unwrap()), set(&["c/d/e/f"]));
}

#[test]
fn a_silent_file_system_and_a_sleep_are_everything() {
    let silent =
        Conditions { file_system: Box::new(|_| Some(WhyEverything::Network)), ..Conditions::default() };
    let place = place_under(silent, |_| ());
    for _ in 0..3 {
        assert_eq!(place.take(), Changes::Everything(WhyEverything::Network));
    }

    let slept = Arc::new(AtomicU64::new(5));
    let clock = Arc::clone(&slept);
    let conditions = Conditions {
        suspended: Box::new(move || Duration::from_secs(clock.load(Ordering::SeqCst))),
        ..Conditions::default()
    };
    let place = place_under(conditions, |_| ());
    place.wait_for_paths();
    slept.store(50, Ordering::SeqCst);
    assert_eq!(place.take(), Changes::Everything(WhyEverything::Asleep));
    assert_eq!(place.take(), paths(&[]));
}

#[test]
fn another_folder_in_the_place_of_the_root_is_noticed() {
    let place = quiet_place(|root| fs::create_dir(root.join("old")).unwrap());
    let parent = place.root.parent().unwrap().to_owned();
    let lost = |change: &dyn Fn()| {
        change();
        assert_eq!(place.take(), Changes::Everything(WhyEverything::LostWatch));
    };
    // Moved away, and made again.
    lost(&|| fs::rename(&place.root, parent.join("away")).unwrap());
    lost(&|| fs::create_dir_all(place.root.join("new")).unwrap());
    place.wait_for_paths();
    assert_eq!(place.taken(|root| fs::write(root.join("new/file"), "x").unwrap()), set(&["new/file"]));
    assert_eq!(place.taken(|_| fs::write(parent.join("away/old/x"), "x").unwrap()), set(&[]));
    // Deleted while somebody holds it open, and made again.
    let held = fs::File::open(&place.root).unwrap();
    lost(&|| {
        fs::remove_dir_all(&place.root).unwrap();
        fs::create_dir_all(place.root.join("newer")).unwrap();
    });
    place.wait_for_paths();
    drop(held);
    assert_eq!(place.taken(|root| fs::write(root.join("newer/file"), "x").unwrap()), set(&["newer/file"]));
    // A folder further up is another one.
    lost(&|| {
        fs::rename(&parent, parent.with_file_name("elsewhere")).unwrap();
        fs::create_dir_all(place.root.join("newest")).unwrap();
    });
    place.wait_for_paths();
    assert_eq!(place.taken(|root| fs::write(root.join("newest/file"), "x").unwrap()), set(&["newest/file"]));
}

#[test]
fn what_is_mounted_inside_is_noticed() {
    let place = quiet_place(|root| fs::create_dir(root.join("mount point")).unwrap());
    let inside = place.root.join("mount point");
    let mount = |command: &mut std::process::Command| command.output().is_ok_and(|out| out.status.success());
    if !mount(std::process::Command::new("mount").args(["-t", "tmpfs", "tmpfs"]).arg(&inside)) {
        // Only root may mount.
        return;
    }
    let mounted = place.take();
    assert!(mount(std::process::Command::new("umount").arg(&inside)));
    assert_eq!(mounted, Changes::Everything(WhyEverything::LostWatch));
    place.wait_for_paths();
    let file = "mount point/file";
    assert_eq!(place.taken(|root| fs::write(root.join(file), "x").unwrap()), set(&[file]));
}

#[test]
fn a_link_in_the_place_of_a_folder_leads_to_no_other_watch() {
    let place = quiet_place(|root| fs::create_dir_all(root.join("a/b")).unwrap());
    for round in 0..50 {
        place.taken(|root| {
            fs::create_dir_all(root.join("l/b/c/d")).unwrap();
            fs::rename(root.join("l"), root.join("m")).unwrap();
            symlink("a", root.join("l")).unwrap();
        });
        place.taken(|root| {
            fs::remove_file(root.join("l")).unwrap();
            fs::remove_dir_all(root.join("m")).unwrap();
        });
        let file = format!("a/b/{round}");
        assert_eq!(place.taken(|root| fs::write(root.join(&file), "x").unwrap()), set(&[&file]));
    }
}

#[test]
fn cookies_that_go_astray_are_no_answer() {
    let place = quiet_place(|_| ());
    fs::remove_dir_all(&place.cookies).unwrap();
    fs::write(place.root.join("file"), "x").unwrap();
    assert!(matches!(
        place.tracker.take(PATIENCE),
        Changes::Everything(WhyEverything::Failed(_) | WhyEverything::LostWatch)
    ));
    place.wait_for_paths();
    assert_eq!(place.taken(|root| fs::write(root.join("file"), "y").unwrap()), set(&["file"]));
    // Another folder of that name.
    fs::rename(&place.cookies, place.cookies.with_file_name("moved")).unwrap();
    fs::create_dir(&place.cookies).unwrap();
    assert!(matches!(place.tracker.take(PATIENCE), Changes::Everything(_)));
    place.wait_for_paths();
    assert_eq!(place.taken(|root| fs::write(root.join("file"), "z").unwrap()), set(&["file"]));
}

#[test]
fn our_own_folder_must_not_lie_inside() {
    let folder = tempfile::tempdir().unwrap();
    let error = watch(folder.path(), &folder.path().join("cookies"), Box::new(|_| ())).unwrap_err();
    assert!(error.to_string().contains("inside"), "{error}");
    assert!(watch(&folder.path().join("none"), &folder.path().join("c"), Box::new(|_| ())).is_err());
}

#[test]
fn the_other_systems_way_keeps_the_same_promises() {
    let folder = tempfile::tempdir().unwrap();
    let base = fs::canonicalize(folder.path()).unwrap();
    let (root, cookies) = (base.join("root"), base.join("cookies"));
    fs::create_dir_all(root.join("a/b")).unwrap();
    fs::create_dir(&cookies).unwrap();
    let (sender, told) = mpsc::channel();
    let telling = Telling::new(Box::new(move |paths| sender.send(paths).unwrap_or(())));
    let watch = elsewhere::begin(Conditions::default(), root.clone(), cookies.clone(), telling).unwrap();
    let tracker = watch.tracker();
    assert_eq!(tracker.take(LONG), Changes::Everything(WhyEverything::First));
    for round in 0..50 {
        let file = format!("a/b/{round}");
        fs::write(root.join(&file), "x").unwrap();
        assert_eq!(tracker.take(LONG), paths(&[&file]));
    }
    assert!(told.recv_timeout(LONG).is_ok());
    fs::remove_dir_all(&root).unwrap();
    fs::create_dir_all(root.join("again")).unwrap();
    assert_eq!(tracker.take(LONG), Changes::Everything(WhyEverything::LostWatch));
    let end = Instant::now() + LONG;
    while matches!(tracker.take(LONG), Changes::Everything(_)) {
        assert!(Instant::now() < end);
    }
    fs::write(root.join("again/file"), "x").unwrap();
    assert_eq!(tracker.take(LONG), paths(&["again/file"]));
    drop(watch);
    assert_eq!(tracker.take(LONG), Changes::Everything(WhyEverything::Ended));
}

#[test]
fn a_watch_that_pauses_before_it_begins_anew_ends_at_once() {
    let place = quiet_place(|_| {});
    fs::remove_dir_all(&place.cookies).unwrap();
    // The new beginning comes at the earliest a second after the last one; by now it waits for that.
    std::thread::sleep(Duration::from_millis(200));
    let (sender, ended) = mpsc::channel();
    std::thread::spawn(move || {
        drop(place);
        let _ = sender.send(());
    });
    ended.recv_timeout(LONG).expect("the watch ends");
}
