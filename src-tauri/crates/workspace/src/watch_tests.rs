use std::fs;
use std::sync::mpsc;

use super::*;

const PATIENCE: Duration = Duration::from_secs(10);

struct Place {
    root: PathBuf,
    told: mpsc::Receiver<Vec<String>>,
    watch: Watch,
    _folder: tempfile::TempDir,
}

fn place(prepare: impl Fn(&Path)) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let root = fs::canonicalize(folder.path()).unwrap();
    prepare(&root);
    let (sender, told) = mpsc::channel();
    let watch = watch(&root, Box::new(move |paths| sender.send(paths).unwrap_or(()))).unwrap();
    Place { root, told, watch, _folder: folder }
}

impl Place {
    /// Waits until `path`, or anything, is told.
    fn wait_for(&self, path: &str) -> Vec<Vec<String>> {
        let end = Instant::now() + PATIENCE;
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
}

#[test]
fn changes_are_told_together_and_reading_is_none() {
    let place = place(|root| {
        fs::create_dir(root.join("deep")).unwrap();
        fs::write(root.join("deep/old"), "old").unwrap();
    });
    assert_eq!(place.watch.coverage(), Coverage::Complete);
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
fn unfinished_writes_and_tool_folders_are_not_told() {
    let place = place(|root| {
        fs::create_dir_all(root.join("node_modules/deep")).unwrap();
        fs::create_dir_all(root.join(".git/objects")).unwrap();
    });
    let workspace = crate::Workspace::open(&place.root).unwrap();
    fs::write(place.root.join("node_modules/deep/file"), "").unwrap();
    fs::write(place.root.join(".git/objects/file"), "").unwrap();
    workspace.write_atomic(&crate::WorkspacePath::parse("file").unwrap(), b"x").unwrap();
    let told: BTreeSet<String> = place.wait_for("file").into_iter().flatten().collect();
    assert_eq!(told, BTreeSet::from(["file".to_owned()]));
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
fn too_many_changes_and_lost_events_mean_anything() {
    let mut pending = Pending::none();
    for number in 0..=MAX_PATHS {
        pending.add(number.to_string());
    }
    assert!(!pending.is_none());
    assert_eq!(pending.take(), Vec::<String>::new());
    assert!(pending.is_none());

    let folder = tempfile::tempdir().unwrap();
    let root = fs::canonicalize(folder.path()).unwrap();
    let watcher = notify::recommended_watcher(|_| ()).unwrap();
    let mut watching =
        Watching { root: root.clone(), watcher, folders: HashSet::new(), coverage: Coverage::Complete };
    let lost = Event::new(EventKind::Other).set_flag(notify::event::Flag::Rescan);
    let mut pending = Pending::none();
    pending.add("known".to_owned());
    // A folder that came while events were lost is watched from now on.
    fs::create_dir(root.join("new")).unwrap();
    watching.handle(Ok(lost), &mut pending);
    assert_eq!(pending.take(), Vec::<String>::new());
    assert_eq!(watching.folders.contains(&root.join("new")), ONE_WATCH_PER_FOLDER);
    let mut pending = Pending::none();
    watching.handle(Err(notify::Error::generic("lost")), &mut pending);
    assert!(!pending.is_none());
}

#[test]
fn nothing_is_told_after_the_end() {
    let Place { root, told, watch, _folder } = place(|_| ());
    fs::write(root.join("file"), "").unwrap();
    drop(watch);
    while told.try_recv().is_ok() {}
    fs::write(root.join("other"), "").unwrap();
    assert!(matches!(told.recv_timeout(DEBOUNCE * 4), Err(mpsc::RecvTimeoutError::Disconnected)));
}
