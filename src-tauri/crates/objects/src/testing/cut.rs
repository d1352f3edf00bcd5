//! A disk that records every change, and can be rebuilt as a power cut would leave it.
//!
//! The rebuilt disk is as unfriendly as the rules allow: the content of a file is what was synced, or a torn
//! mixture of that and what was written later; a name that came, went or moved is in place only after its
//! folder was synced, or, by chance, before.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::disk::{Disk, DiskFile, RealDisk};

/// One change of the disk; paths are relative to the recorded folder.
#[derive(Debug, Clone)]
enum Step {
    Create(PathBuf),
    Write(PathBuf, Option<u64>, Vec<u8>),
    Cut(PathBuf, u64),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
    Folder(PathBuf),
    SyncFile(PathBuf),
    SyncFolder(PathBuf),
    Link(PathBuf, Vec<u8>),
    Executable(PathBuf, bool),
    MakeFolder(PathBuf),
    RemoveFolder(PathBuf),
    SyncAll,
}

/// A change that somebody made past this layer, with paths below a folder of theirs.
#[derive(Debug, Clone, Copy)]
pub enum Done<'a> {
    /// An empty file was made.
    Created(&'a [u8]),
    /// Bytes were written from there on.
    Wrote(&'a [u8], u64, &'a [u8]),
    /// A symbolic link was made; what it leads to comes with its name.
    Linked(&'a [u8], &'a [u8]),
    /// A file may be run, or may not.
    Executable(&'a [u8], bool),
    /// A file or link got another name.
    Renamed(&'a [u8], &'a [u8]),
    /// A file or link was removed.
    Removed(&'a [u8]),
    /// A folder was made.
    MadeFolder(&'a [u8]),
    /// An empty folder was removed.
    RemovedFolder(&'a [u8]),
    /// The content of a file was synced.
    SyncedFile(&'a [u8]),
    /// The names in a folder were synced.
    SyncedFolder(&'a [u8]),
    /// Everything was synced.
    SyncedAll,
}

/// What a power cut does with what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsynced {
    /// All of it is gone.
    Dropped,
    /// All of it is there, as after a crash of the program alone.
    Kept,
    /// Each name and each block goes or stays by chance.
    Torn {
        /// Begins the chance.
        seed: u64,
    },
}

/// Records what is done to a folder, while it is really done.
pub struct RecordingDisk {
    root: PathBuf,
    /// What was there when the recording began; taken for synced.
    start: BTreeMap<PathBuf, Option<Content>>,
    steps: Arc<Mutex<Vec<Step>>>,
}

fn locked(steps: &Mutex<Vec<Step>>) -> MutexGuard<'_, Vec<Step>> {
    steps.lock().unwrap_or_else(PoisonError::into_inner)
}

struct RecordedFile {
    path: PathBuf,
    file: Box<dyn DiskFile>,
    steps: Arc<Mutex<Vec<Step>>>,
}

impl DiskFile for RecordedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut steps = locked(&self.steps);
        self.file.write(bytes)?;
        steps.push(Step::Write(self.path.clone(), None, bytes.to_vec()));
        Ok(())
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut steps = locked(&self.steps);
        self.file.write_at(offset, bytes)?;
        steps.push(Step::Write(self.path.clone(), Some(offset), bytes.to_vec()));
        Ok(())
    }
}

impl RecordingDisk {
    /// Begins to record what is done in `root` and below.
    pub fn new(root: &Path) -> Self {
        let mut start = BTreeMap::new();
        snapshot(root, Path::new(""), &mut start);
        Self { root: root.to_owned(), start, steps: Arc::default() }
    }

    /// So many changes were made so far.
    pub fn steps(&self) -> usize {
        locked(&self.steps).len()
    }

    /// The recorded folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Takes a change in that was made below `folder`.
    pub fn told(&self, folder: &Path, done: &Done<'_>) {
        use std::os::unix::ffi::OsStrExt;
        let at = |path: &[u8]| self.inside(&folder.join(std::ffi::OsStr::from_bytes(path)));
        let step = match *done {
            Done::Created(path) => Step::Create(at(path)),
            Done::Wrote(path, offset, bytes) => Step::Write(at(path), Some(offset), bytes.to_vec()),
            Done::Linked(path, target) => Step::Link(at(path), target.to_vec()),
            Done::Executable(path, executable) => Step::Executable(at(path), executable),
            Done::Renamed(from, to) => Step::Rename(at(from), at(to)),
            Done::Removed(path) => Step::Remove(at(path)),
            Done::MadeFolder(path) => Step::MakeFolder(at(path)),
            Done::RemovedFolder(path) => Step::RemoveFolder(at(path)),
            Done::SyncedFile(path) => Step::SyncFile(at(path)),
            Done::SyncedFolder(path) => Step::SyncFolder(at(path)),
            Done::SyncedAll => Step::SyncAll,
        };
        locked(&self.steps).push(step);
    }

    fn inside(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.root).unwrap_or(path).to_owned()
    }

    fn done(&self, result: io::Result<()>, step: Step) -> io::Result<()> {
        result.map(|()| locked(&self.steps).push(step))
    }

    /// Writes into the empty folder `to` what is left if the power goes after the first `steps` changes.
    pub fn rebuild(&self, steps: usize, unsynced: Unsynced, to: &Path) {
        let mut model = Model::new(&self.start);
        for step in &locked(&self.steps)[..steps] {
            model.apply(step);
        }
        model.write(unsynced, to);
    }
}

fn snapshot(root: &Path, path: &Path, into: &mut BTreeMap<PathBuf, Option<Content>>) {
    use std::os::unix::ffi::OsStringExt;
    use std::os::unix::fs::PermissionsExt;
    for entry in fs::read_dir(root.join(path)).unwrap() {
        let path = path.join(entry.unwrap().file_name());
        let full = root.join(&path);
        let metadata = fs::symlink_metadata(&full).unwrap();
        if metadata.is_dir() {
            into.insert(path.clone(), None);
            snapshot(root, &path, into);
        } else if metadata.is_symlink() {
            let target = fs::read_link(&full).unwrap().into_os_string().into_vec();
            into.insert(path.clone(), Some(Content { is_link: true, ..Content::of(target, false) }));
        } else {
            let executable = metadata.permissions().mode() & 0o111 != 0;
            into.insert(path.clone(), Some(Content::of(fs::read(&full).unwrap(), executable)));
        }
    }
}

impl Disk for RecordingDisk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let inside = self.inside(path);
        let file = RealDisk.create(path)?;
        locked(&self.steps).push(Step::Create(inside.clone()));
        Ok(Box::new(RecordedFile { path: inside, file, steps: Arc::clone(&self.steps) }))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let inside = self.inside(path);
        let is_new = !path.exists();
        let file = RealDisk.append(path)?;
        if is_new {
            locked(&self.steps).push(Step::Create(inside.clone()));
        }
        Ok(Box::new(RecordedFile { path: inside, file, steps: Arc::clone(&self.steps) }))
    }

    fn cut(&self, path: &Path, length: u64) -> io::Result<()> {
        self.done(RealDisk.cut(path, length), Step::Cut(self.inside(path), length))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.done(RealDisk.rename(from, to), Step::Rename(self.inside(from), self.inside(to)))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.done(RealDisk.remove(path), Step::Remove(self.inside(path)))
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.done(RealDisk.create_folder(path), Step::Folder(self.inside(path)))
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        // A library may have written it past us.
        let inside = self.inside(path);
        let mut model = Model::new(&self.start);
        locked(&self.steps).iter().for_each(|step| model.apply(step));
        if !model.now.contains_key(&inside) {
            let bytes = fs::read(path)?;
            locked(&self.steps).extend([Step::Create(inside.clone()), Step::Write(inside, None, bytes)]);
        }
        self.done(path.metadata().map(drop), Step::SyncFile(self.inside(path)))
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.done(path.metadata().map(drop), Step::SyncFolder(self.inside(path)))
    }

    fn free_space(&self, path: &Path) -> Option<u64> {
        RealDisk.free_space(path)
    }
}

#[derive(Clone, Default)]
struct Content {
    synced: Vec<u8>,
    now: Vec<u8>,
    is_link: bool,
    executable: bool,
    synced_executable: bool,
}

impl Content {
    fn of(bytes: Vec<u8>, executable: bool) -> Self {
        Self { synced: bytes.clone(), now: bytes, is_link: false, executable, synced_executable: executable }
    }

    fn sync(&mut self) {
        self.synced = self.now.clone();
        self.synced_executable = self.executable;
    }
}

/// Files by number, and two views of the names: the one of the program, and the one on the disk.
struct Model {
    contents: Vec<Content>,
    now: BTreeMap<PathBuf, usize>,
    synced: BTreeMap<PathBuf, usize>,
    folders: BTreeSet<PathBuf>,
    /// Folders that were made, or removed, since the folder above them was synced last.
    made: BTreeSet<PathBuf>,
    removed: BTreeSet<PathBuf>,
}

impl Model {
    fn new(start: &BTreeMap<PathBuf, Option<Content>>) -> Self {
        let (mut contents, mut now, mut folders) = (Vec::new(), BTreeMap::new(), BTreeSet::new());
        for (path, content) in start {
            if let Some(content) = content {
                now.insert(path.clone(), contents.len());
                contents.push(content.clone());
            } else {
                folders.insert(path.clone());
            }
        }
        let (made, removed) = (BTreeSet::new(), BTreeSet::new());
        Self { contents, synced: now.clone(), now, folders, made, removed }
    }

    fn apply(&mut self, step: &Step) {
        match step {
            Step::Create(path) => {
                self.now.insert(path.clone(), self.contents.len());
                self.contents.push(Content::default());
            }
            Step::Write(path, offset, bytes) => {
                // A file that was renamed or removed since it was opened is not written to here.
                let Some(number) = self.now.get(path) else { return };
                let content = &mut self.contents[*number].now;
                let at = offset.map_or(content.len(), |offset| offset as usize);
                let end = (at + bytes.len()).max(content.len());
                content.resize(end, 0);
                content[at..at + bytes.len()].copy_from_slice(bytes);
            }
            Step::Cut(path, length) => {
                if let Some(number) = self.now.get(path) {
                    self.contents[*number].now.truncate(*length as usize);
                }
            }
            Step::Rename(from, to) => {
                if let Some(number) = self.now.remove(from) {
                    self.now.insert(to.clone(), number);
                }
            }
            Step::Remove(path) => {
                self.now.remove(path);
            }
            Step::Folder(path) => {
                self.folders.extend(path.ancestors().map(Path::to_owned));
            }
            Step::SyncFile(path) => {
                if let Some(number) = self.now.get(path) {
                    self.contents[*number].sync();
                }
            }
            Step::Link(path, target) => {
                self.now.insert(path.clone(), self.contents.len());
                self.contents.push(Content { is_link: true, ..Content::of(target.clone(), false) });
            }
            Step::Executable(path, executable) => {
                if let Some(number) = self.now.get(path) {
                    self.contents[*number].executable = *executable;
                }
            }
            Step::MakeFolder(path) => {
                self.removed.remove(path);
                self.folders.insert(path.clone());
                self.made.insert(path.clone());
            }
            Step::RemoveFolder(path) => {
                self.made.remove(path);
                self.removed.insert(path.clone());
            }
            Step::SyncAll => {
                self.contents.iter_mut().for_each(Content::sync);
                self.synced = self.now.clone();
                self.made.clear();
                let removed = std::mem::take(&mut self.removed);
                self.folders.retain(|folder| !removed.contains(folder));
            }
            Step::SyncFolder(folder) => {
                let inside = |path: &PathBuf| path.parent() == Some(folder.as_path());
                self.made.retain(|made| !inside(made));
                let gone: Vec<PathBuf> = self.removed.iter().filter(|path| inside(path)).cloned().collect();
                for gone in gone {
                    for folders in [&mut self.removed, &mut self.made, &mut self.folders] {
                        folders.retain(|folder| !folder.starts_with(&gone));
                    }
                    self.synced.retain(|path, _| !path.starts_with(&gone));
                }
                self.synced.retain(|path, _| !inside(path));
                let names = self.now.iter().filter(|(path, _)| inside(path));
                self.synced.extend(names.map(|(path, number)| (path.clone(), *number)));
            }
        }
    }

    fn write(&self, unsynced: Unsynced, to: &Path) {
        let mut chance = Chance(if let Unsynced::Torn { seed } = unsynced { seed | 1 } else { 1 });
        // A folder that did not come to the disk takes along what is in it.
        let mut lost = BTreeSet::new();
        for folder in &self.folders {
            let by_chance = matches!(unsynced, Unsynced::Torn { .. }) && chance.coin();
            let gone = match unsynced {
                _ if self.made.contains(folder) => unsynced == Unsynced::Dropped || by_chance,
                _ if self.removed.contains(folder) => unsynced == Unsynced::Kept || by_chance,
                _ => false,
            };
            if gone || folder.ancestors().any(|above| lost.contains(above)) {
                lost.insert(folder.clone());
            } else {
                fs::create_dir_all(to.join(folder)).unwrap();
            }
        }
        let paths: BTreeSet<&PathBuf> = self.now.keys().chain(self.synced.keys()).collect();
        for path in paths {
            let new_name = match unsynced {
                Unsynced::Dropped => false,
                Unsynced::Kept => true,
                Unsynced::Torn { .. } => chance.coin(),
            };
            let number = if new_name { self.now.get(path) } else { self.synced.get(path) };
            let Some(number) = number else { continue };
            let content = &self.contents[*number];
            let to = to.join(path);
            // A name is one thing: here it is the folder, before or after the file.
            if path.ancestors().skip(1).any(|above| lost.contains(above)) || to.is_dir() {
                continue;
            }
            if content.is_link {
                use std::os::unix::ffi::OsStrExt;
                let target = std::ffi::OsStr::from_bytes(&content.now);
                std::os::unix::fs::symlink(target, to).unwrap();
                continue;
            }
            let executable = match unsynced {
                Unsynced::Dropped => content.synced_executable,
                Unsynced::Kept => content.executable,
                Unsynced::Torn { .. } if content.executable == content.synced_executable => {
                    content.executable
                }
                Unsynced::Torn { .. } => chance.coin(),
            };
            let bytes = match unsynced {
                Unsynced::Dropped => content.synced.clone(),
                Unsynced::Kept => content.now.clone(),
                Unsynced::Torn { .. } => torn(content, &mut chance),
            };
            fs::write(&to, bytes).unwrap();
            if executable {
                use std::os::unix::fs::PermissionsExt;
                fs::set_permissions(to, fs::Permissions::from_mode(0o755)).unwrap();
            }
        }
    }
}

/// Blocks of the old and of the new content, zeros where there was nothing, and any length between both.
fn torn(content: &Content, chance: &mut Chance) -> Vec<u8> {
    const BLOCK: usize = 64;
    if content.now == content.synced {
        return content.now.clone();
    }
    let (short, long) =
        (content.synced.len().min(content.now.len()), content.synced.len().max(content.now.len()));
    let length = short + chance.below(long - short + 1);
    let mut bytes = vec![0; length];
    for start in (0..length).step_by(BLOCK) {
        let from = if chance.coin() { &content.now } else { &content.synced };
        let end = (start + BLOCK).min(length).min(from.len());
        if start < end {
            bytes[start..end].copy_from_slice(&from[start..end]);
        }
    }
    bytes
}

struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn coin(&mut self) -> bool {
        self.next().is_multiple_of(2)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}
