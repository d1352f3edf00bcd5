//! Repositories that came into the workspace while a command ran. Nothing could hold them, so what git would run there for
//! the user is put aside once the command has ended: hooks, and settings that are not known to be harmless. A
//! repository may be hidden where nobody looks, such as below `node_modules`, and still be looked into by `git status` in
//! another one that names it in its index, so indexes are read as well.
//!
//! What is put aside stays beside its place under another name, so nothing is lost and one renaming brings it back.
//! Commands may run meanwhile; every folder is held by a handle that no link leads away from the workspace.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, FileType, Mode, OFlags};
use rustix::io::Errno;

use crate::gitlinks::gitlinks;
use crate::put_aside::{ASIDE, PutAside, name};
use crate::repositories::{Repositories, Seen, inside, stamp};
use crate::settings::clean;

/// How long the look may take.
const TIME: Duration = Duration::from_secs(5);
/// A longer file of settings is put aside whole.
const MAX_SETTINGS: u64 = 1 << 20;
/// A longer index is not read; git needs minutes for it.
const MAX_INDEX: u64 = 512 << 20;
/// Names that are tried.
const MOST_NAMES: u32 = 1_000;
/// Examples that git makes of hooks end in this; it does not run them.
const EXAMPLE: &[u8] = b".sample";

/// Looks for repositories that were not there before and takes from them what git would run. `before` is what was found
/// then; what a command found read-only is its own affair no more.
pub(crate) fn look(workspace: &Path, before: &Repositories) -> PutAside {
    let (mut found, seen) = Repositories::find_all(workspace, Instant::now() + TIME);
    follow_indexes(workspace, before, &mut found, seen);
    let mut aside = PutAside { unfinished: seen == Seen::APart, ..PutAside::default() };
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(root) = rustix::fs::open(workspace, flags, Mode::empty()) else { return aside };
    for place in found.added.iter().filter(|place| !before.added.contains(*place)) {
        match beneath(&root, place) {
            Ok(folder) => Newcomer { workspace, place, folder }.quiet(&mut aside),
            // Gone since it was found, or another in its place, which whoever put it there is asked about.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
            Err(_) => name(&mut aside.failed, place.display().to_string()),
        }
    }
    aside
}

/// Adds the repositories that new indexes name, and those that these name.
fn follow_indexes(workspace: &Path, before: &Repositories, found: &mut Repositories, seen: Seen) {
    let mut read = BTreeSet::new();
    loop {
        let ahead: Vec<_> = found.work_trees.iter().filter(|pair| !read.contains(*pair)).cloned().collect();
        if ahead.is_empty() {
            return;
        }
        for (place, work_tree) in ahead {
            let index = workspace.join(&place).join("index");
            // What an old index names was seen on the way, unless that ended early.
            if seen == Seen::APart || stamp(&index) != before.indexes.get(&place).copied() {
                for link in gitlinks(&read_whole(&index)) {
                    let folder = work_tree.join(link);
                    // Git does not go through links either.
                    if inside(workspace, Path::new(""), folder.as_os_str().as_encoded_bytes())
                        == Some(folder.clone())
                    {
                        found.look(workspace, &folder);
                    }
                }
            }
            read.insert((place, work_tree));
        }
    }
}

fn read_whole(path: &Path) -> Vec<u8> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let mut bytes = Vec::new();
    if let Ok(file) = rustix::fs::open(path, flags, Mode::empty())
        && rustix::fs::fstat(&file)
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile)
    {
        let _ = std::fs::File::from(file).take(MAX_INDEX).read_to_end(&mut bytes);
    }
    bytes
}

/// A folder below another one, without following any link.
fn beneath(root: &OwnedFd, path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut folder = rustix::fs::openat(root, ".", flags, Mode::empty())?;
    for part in path.components() {
        let Component::Normal(part) = part else { return Err(Errno::NOENT) };
        folder = rustix::fs::openat(&folder, part, flags, Mode::empty())?;
    }
    Ok(folder)
}

/// A repository that came.
struct Newcomer<'a> {
    workspace: &'a Path,
    /// Relative to the workspace.
    place: &'a Path,
    folder: OwnedFd,
}

impl Newcomer<'_> {
    /// Leaves nothing in it that makes git run something.
    fn quiet(&self, aside: &mut PutAside) {
        for file in ["config", "config.worktree"] {
            let done = self.settings(file);
            self.tell(file, done, aside);
        }
        let done = self.hooks();
        self.tell("hooks", done, aside);
        // A link may lead elsewhere tomorrow.
        let done = match self.kind("commondir") {
            Ok(Some(FileType::RegularFile) | None) => Ok(None),
            Ok(Some(_)) => self.put_aside(OsStr::new("commondir")).map(|()| Some("it is a link".to_owned())),
            Err(error) => Err(error),
        };
        self.tell("commondir", done, aside);
    }

    fn tell(&self, file: &str, done: io::Result<Option<String>>, aside: &mut PutAside) {
        let path = self.place.join(file);
        match done {
            Ok(None) => {}
            Ok(Some(what)) => name(&mut aside.files, format!("{} ({what})", path.display())),
            Err(_) => name(&mut aside.failed, path.display().to_string()),
        }
    }

    fn kind(&self, name: &str) -> io::Result<Option<FileType>> {
        match rustix::fs::statat(&self.folder, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(FileType::from_raw_mode(stat.st_mode))),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Puts a file of settings aside if it holds more than harmless ones, and writes these anew.
    fn settings(&self, file: &str) -> io::Result<Option<String>> {
        match self.kind(file)? {
            None => return Ok(None),
            Some(FileType::RegularFile) => {}
            Some(_) => return self.put_aside(OsStr::new(file)).map(|()| Some("it is no file".to_owned())),
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let mut text = Vec::new();
        std::fs::File::from(rustix::fs::openat(&self.folder, file, flags, Mode::empty())?)
            .take(MAX_SETTINGS + 1)
            .read_to_end(&mut text)?;
        if text.len() as u64 > MAX_SETTINGS {
            return self.put_aside(OsStr::new(file)).map(|()| Some("it is very long".to_owned()));
        }
        let cleaned = clean(&text, |noted| inside(self.workspace, self.place, noted.as_bytes()).is_some());
        if cleaned.taken.is_empty() {
            return Ok(None);
        }
        self.put_aside(OsStr::new(file))?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let new = rustix::fs::openat(&self.folder, file, flags, Mode::from_raw_mode(0o644))?;
        std::fs::File::from(new).write_all(&cleaned.text)?;
        Ok(Some(cleaned.taken.join(", ")))
    }

    /// Puts the hooks aside, all together, if one of them is more than an example.
    fn hooks(&self) -> io::Result<Option<String>> {
        match self.kind("hooks")? {
            None => return Ok(None),
            Some(FileType::Directory) => {
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let folder = rustix::fs::openat(&self.folder, "hooks", flags, Mode::empty())?;
                let mut only_examples = true;
                for entry in rustix::fs::Dir::read_from(&folder)? {
                    let entry = entry?;
                    let name = entry.file_name().to_bytes();
                    only_examples &= matches!(name, b"." | b"..") || name.ends_with(EXAMPLE);
                }
                if only_examples {
                    return Ok(None);
                }
            }
            Some(_) => {}
        }
        self.put_aside(OsStr::new("hooks")).map(|()| Some("hooks".to_owned()))
    }

    /// Gives something a name that git does not know.
    fn put_aside(&self, file: &OsStr) -> io::Result<()> {
        for number in 1..=MOST_NAMES {
            let mut free: OsString = file.to_owned();
            free.push(ASIDE);
            if number > 1 {
                free.push(format!("-{number}"));
            }
            match rustix::fs::statat(&self.folder, &free, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => {}
                Ok(_) => continue,
                Err(error) => return Err(error.into()),
            }
            return match rustix::fs::renameat(&self.folder, file, &self.folder, &free) {
                Err(Errno::ACCESS) => {
                    // Its rights were taken away.
                    rustix::fs::fchmod(&self.folder, Mode::from_raw_mode(0o700))?;
                    rustix::fs::renameat(&self.folder, file, &self.folder, &free).map_err(Into::into)
                }
                done => done.map_err(Into::into),
            };
        }
        Err(Errno::EXIST.into())
    }
}

/// Looks, between the calls of a program that stays, at what came into its workspace since it was started.
#[derive(Debug)]
pub(crate) struct NewRepositories {
    workspace: PathBuf,
    before: Repositories,
}

impl NewRepositories {
    /// Notes what is there before the program starts; blocks for as long as it takes to go through the folders.
    pub(crate) fn since_now(workspace: &Path) -> Self {
        let workspace = workspace.to_owned();
        let before = Repositories::find(&workspace);
        Self { workspace, before }
    }

    /// Puts aside what git would run; blocks as [`NewRepositories::since_now`].
    pub(crate) fn look(&self) -> PutAside {
        look(&self.workspace, &self.before)
    }
}
