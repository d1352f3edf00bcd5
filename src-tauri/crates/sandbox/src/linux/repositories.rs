//! Repositories that are in the workspace when a command starts. Their hooks and settings name programs that git runs
//! later, outside of the sandbox, so a command of the full tier finds them read-only.
//!
//! Every `.git` folder is bound on itself, and so are the folders that lead to it: a folder that merely holds mounts
//! could still be moved away and another put in its place. In it `hooks`, `config`, `config.worktree` and `commondir`
//! are read-only, also those of modules and work trees; a `.git` file is, too, and the folder that it names is treated
//! as a `.git` folder. What cannot be bound, because it is not there or is a link, is put back once every process of
//! the command has ended: a link that names another target, a `commondir` that is new.
//!
//! Not covered: repositories that the command makes itself, bare ones, those below `node_modules` and beyond the bounds
//! below, and files of the work tree that the user's own settings name (such as `core.hooksPath`).

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::process::{self, Depth};
use crate::WORKSPACE_MOUNT;

/// How far below the workspace a repository is found.
const MAX_DEPTH: usize = 8;
/// Folders whose entries are read. The search goes level by level, so that a crowd of folders hides only what lies
/// deeper than itself.
const MAX_READ: usize = 20_000;
/// Folders in which `.git` is looked for.
const MAX_LOOKED: usize = 200_000;
/// Repositories that are covered, modules and work trees among them.
const MAX_REPOSITORIES: usize = 1_000;
/// How deep a module's name may nest below `modules`.
const MAX_MODULE_DEPTH: usize = 6;
/// In lower case, the setting by which work trees have settings of their own.
const WORK_TREE_SETTINGS: &[u8] = b"worktreeconfig";
/// The longest settings file that is looked into, and more than any file that holds a path.
const MAX_TEXT: u64 = 1 << 20;

const CLOSED: u64 = libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;

/// What is to be held in place. Paths are relative to the workspace.
#[derive(Debug, Default)]
pub(super) struct Repositories {
    /// In the order of their binding: a folder comes before what it holds.
    holds: BTreeMap<PathBuf, Hold>,
    kept: Vec<Kept>,
    /// The folders in which git keeps something.
    added: BTreeSet<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// It can be neither moved nor removed.
    Pinned,
    /// Nor changed.
    ReadOnly,
    /// As read-only, but first made, empty.
    NewFolder,
    /// As read-only, but first made, empty.
    NewFile,
}

/// Something that no mount can hold, in a folder that is pinned.
#[derive(Debug)]
struct Kept {
    folder: PathBuf,
    name: OsString,
    /// The target of the link that it is; `None` if there is nothing of that name.
    link: Option<PathBuf>,
}

/// What stands at a path, without following a link.
enum There {
    Nothing,
    Folder,
    File,
    Link(PathBuf),
    Other,
}

impl There {
    fn at(path: &Path) -> Self {
        match std::fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_dir() => Self::Folder,
            Ok(metadata) if metadata.is_file() => Self::File,
            Ok(metadata) if metadata.is_symlink() => std::fs::read_link(path).map_or(Self::Other, Self::Link),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::Nothing,
            Ok(_) | Err(_) => Self::Other,
        }
    }
}

impl Repositories {
    /// Looks for repositories in the workspace. Follows no link on its way. Called with the rights of the user
    /// namespace, so that a folder that the user has closed hides nothing.
    pub(super) fn find(workspace: &Path) -> Self {
        let mut found = Self::default();
        let mut ahead = VecDeque::from([(PathBuf::new(), 0)]);
        let (mut looked, mut read) = (0, 0);
        while let Some((folder, depth)) = ahead.pop_front() {
            looked += 1;
            if looked > MAX_LOOKED {
                break;
            }
            found.look(workspace, &folder);
            if depth == MAX_DEPTH || read == MAX_READ {
                continue;
            }
            read += 1;
            ahead.extend(
                std::fs::read_dir(workspace.join(&folder))
                    .into_iter()
                    .flatten()
                    .flatten()
                    .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
                    .map(|entry| entry.file_name())
                    .filter(|name| name != ".git" && name != "node_modules")
                    .map(|name| (folder.join(name), depth + 1)),
            );
        }
        found
    }

    /// Looks for a `.git` in one folder.
    fn look(&mut self, workspace: &Path, folder: &Path) {
        let place = folder.join(".git");
        match There::at(&workspace.join(&place)) {
            There::Folder => self.add(workspace, &place),
            There::File => {
                self.hold(&place, Hold::ReadOnly);
                let text = text(&workspace.join(&place));
                if let Some(target) = text.strip_prefix(b"gitdir:")
                    && let Some(target) = inside(workspace, folder, target)
                {
                    self.add(workspace, &target);
                }
            }
            There::Link(target) => {
                if let Some(real) = inside(workspace, folder, target.as_os_str().as_bytes())
                    && workspace.join(&real).is_dir()
                {
                    self.add(workspace, &real);
                }
                self.keep(folder, ".git", Some(target));
            }
            There::Nothing | There::Other => {}
        }
    }

    /// Covers a folder in which git keeps a repository, a module or a work tree.
    fn add(&mut self, workspace: &Path, folder: &Path) {
        if self.added.len() == MAX_REPOSITORIES || !self.added.insert(folder.to_owned()) {
            return;
        }
        self.hold(folder, Hold::Pinned);

        let common = folder.join("commondir");
        let mut main = Some(folder.to_owned());
        let is_work_tree = match There::at(&workspace.join(&common)) {
            There::File => {
                self.hold(&common, Hold::ReadOnly);
                main = inside(workspace, folder, &text(&workspace.join(&common)));
                if let Some(main) = &main {
                    self.add(workspace, main);
                }
                true
            }
            There::Nothing => {
                self.keep(folder, "commondir", None);
                false
            }
            There::Link(target) => {
                self.keep(folder, "commondir", Some(target));
                true
            }
            There::Folder | There::Other => false,
        };
        // What a work tree shares with its repository is not read from the folder of the work tree. A folder without
        // any of these is no repository yet.
        let is_repository =
            ["HEAD", "config", "hooks"].iter().any(|name| exists(&workspace.join(folder).join(name)));
        let make = is_repository && !is_work_tree;
        self.close(workspace, folder, "hooks", make.then_some(Hold::NewFolder));
        self.close(workspace, folder, "config", make.then_some(Hold::NewFile));
        // Git reads this only if the settings say so, which a command cannot change.
        let is_read = main.is_none_or(|main| {
            let settings = text(&workspace.join(main).join("config")).to_ascii_lowercase();
            settings.windows(WORK_TREE_SETTINGS.len()).any(|piece| piece == WORK_TREE_SETTINGS)
        });
        let make = is_repository && is_read;
        self.close(workspace, folder, "config.worktree", make.then_some(Hold::NewFile));

        for work_tree in folders(workspace, &folder.join("worktrees")) {
            self.add(workspace, &work_tree);
        }
        self.modules(workspace, &folder.join("modules"), 0);
    }

    /// The repositories of modules, whose names may hold slashes.
    fn modules(&mut self, workspace: &Path, folder: &Path, depth: usize) {
        for module in folders(workspace, folder) {
            if ["HEAD", "config", "hooks"].iter().any(|name| exists(&workspace.join(&module).join(name))) {
                self.add(workspace, &module);
            } else if depth < MAX_MODULE_DEPTH {
                self.modules(workspace, &module, depth + 1);
            }
        }
    }

    /// Makes something read-only that git takes orders from; `missing` says what to make of it if it is not there.
    fn close(&mut self, workspace: &Path, folder: &Path, name: &str, missing: Option<Hold>) {
        let place = folder.join(name);
        match (There::at(&workspace.join(&place)), missing) {
            (There::Folder | There::File | There::Other, _) => self.hold(&place, Hold::ReadOnly),
            (There::Link(target), _) => self.keep(folder, name, Some(target)),
            (There::Nothing, Some(missing)) => self.hold(&place, missing),
            (There::Nothing, None) => {}
        }
    }

    fn keep(&mut self, folder: &Path, name: &str, link: Option<PathBuf>) {
        self.hold(folder, Hold::Pinned);
        self.kept.push(Kept { folder: folder.to_owned(), name: name.into(), link });
    }

    /// Holds something, and all that leads to it.
    fn hold(&mut self, place: &Path, hold: Hold) {
        for above in place.ancestors().skip(1) {
            // The workspace itself is a mount already.
            if !above.as_os_str().is_empty() {
                self.holds.entry(above.to_owned()).or_insert(Hold::Pinned);
            }
        }
        if !place.as_os_str().is_empty() {
            let known = self.holds.entry(place.to_owned()).or_insert(hold);
            if *known == Hold::Pinned {
                *known = hold;
            }
        }
    }

    /// Binds what is to be held, in the file tree of the command.
    pub(super) fn protect(&self) -> io::Result<()> {
        for (place, hold) in &self.holds {
            let path = Path::new(WORKSPACE_MOUNT).join(place);
            let made = match hold {
                Hold::Pinned | Hold::ReadOnly => Ok(()),
                Hold::NewFolder => std::fs::create_dir(&path),
                Hold::NewFile => std::fs::File::create_new(&path).map(drop),
            };
            match made.map_err(|error| error.kind()) {
                Ok(()) | Err(io::ErrorKind::AlreadyExists) => {}
                // Where it cannot be made now, the command cannot make it either.
                Err(io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) => continue,
                Err(kind) => return Err(described(place, &kind.into())),
            }
            match rustix::mount::mount_bind_recursive(&path, &path) {
                Ok(()) => {}
                // Gone since it was found.
                Err(Errno::NOENT) => continue,
                Err(error) => return Err(described(place, &error.into())),
            }
            if *hold != Hold::Pinned {
                restrict(&path).map_err(|error| described(place, &error))?;
            }
        }
        Ok(())
    }

    /// Puts back what no mount could hold. Only for when no process of the command is left.
    pub(super) fn put_back(&self, workspace: &Path) {
        if self.kept.is_empty() {
            return;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let Ok(root) = rustix::fs::open(workspace, flags, Mode::empty()) else { return };
        for kept in &self.kept {
            let folder = if kept.folder.as_os_str().is_empty() { Path::new(".") } else { &kept.folder };
            // This runs outside of the sandbox, so nothing may lead it out of the workspace.
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
            let Ok(folder) = rustix::fs::openat2(&root, folder, flags, Mode::empty(), resolve) else {
                continue;
            };
            let path = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(&kept.name);
            match (There::at(&path), &kept.link) {
                (There::Nothing, None) => continue,
                (There::Link(now), Some(target)) if now == *target => continue,
                (There::Folder, _) => super::remove_tree(&path),
                (There::Nothing, Some(_)) => {}
                (There::File | There::Link(_) | There::Other, _) => {
                    let _ = rustix::fs::unlinkat(&folder, &kept.name, AtFlags::empty());
                }
            }
            if let Some(target) = &kept.link {
                let _ = rustix::fs::symlinkat(target, &folder, &kept.name);
            }
        }
    }
}

fn restrict(path: &Path) -> io::Result<()> {
    process::restrict_mount(path, CLOSED, Depth::Tree)
}

fn described(place: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", place.display()))
}

fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// The folders in a folder, without links.
fn folders(workspace: &Path, folder: &Path) -> Vec<PathBuf> {
    if !matches!(There::at(&workspace.join(folder)), There::Folder) {
        return Vec::new();
    }
    std::fs::read_dir(workspace.join(folder))
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .map(|entry| folder.join(entry.file_name()))
        .take(MAX_REPOSITORIES)
        .collect()
}

/// The start of a regular file; nothing if it is none. A pipe in its place does not block.
fn text(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    if matches!(There::at(path), There::File)
        && let Ok(file) = rustix::fs::open(path, flags, Mode::empty())
    {
        let read = std::fs::File::from(file).take(MAX_TEXT).read_to_end(&mut bytes);
        if read.is_err() {
            bytes.clear();
        }
    }
    bytes
}

/// Where a path that git noted in a folder leads, relative to the workspace; `None` if it leads out of it, or to the
/// workspace itself. It may have been noted by a command, which knows the workspace by another name.
fn inside(workspace: &Path, folder: &Path, noted: &[u8]) -> Option<PathBuf> {
    let noted = Path::new(OsStr::from_bytes(noted.trim_ascii()));
    if noted.as_os_str().is_empty() {
        return None;
    }
    let path = match noted.strip_prefix(WORKSPACE_MOUNT) {
        Ok(below) => workspace.join(below),
        Err(_) => workspace.join(folder).join(noted),
    };
    let real = path.canonicalize().ok()?;
    let below = real.strip_prefix(workspace).ok()?;
    (!below.as_os_str().is_empty()).then(|| below.to_owned())
}
