//! Repositories that are in the workspace when a command starts. Their hooks and settings name programs that git runs
//! later, outside of the sandbox, so a command of the full tier finds them read-only.
//!
//! Every `.git` folder is bound on itself, and so are the folders that lead to it: a folder that merely holds mounts
//! could still be moved away and another put in its place. In it `hooks`, `config`, `config.worktree` and `commondir`
//! are read-only, also those of modules and work trees; a `.git` file is, too, and the folder that it names is treated
//! as a `.git` folder. A `commondir`, which would lead git to the settings of another repository, is made to lead to the
//! folder itself and taken away again by the last command that holds it. A link is bound, too;
//! where the kernel cannot, it is put back once every process of the command has ended. In a folder that is not below a
//! `.git`, such as that of a bare repository, nothing is made, since another repository may take it for its own work.
//!
//! What comes while a command runs cannot be held; see [`crate::newcomers`]. A repository that a command made is not held
//! against later ones as long as git runs nothing of it: they may remove it, and are looked after as if it were new.
//!
//! Not covered: repositories below `node_modules` that no index names, those beyond the bounds below, and files of the
//! work tree that the user's own settings name (such as `core.hooksPath`).

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::ffi::{OsStr, OsString};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::{Mode, OFlags};

use crate::WORKSPACE_MOUNT;
use crate::newcomers;

/// How far below the workspace a repository is found.
const MAX_DEPTH: usize = 16;
/// Folders whose entries are read before a command. The search goes level by level, so that a crowd of folders hides only
/// what lies deeper than itself; where there are more, it is gone through once more, the oldest first, so that what a
/// command made hides nothing that was there before.
const MAX_READ: usize = 20_000;
/// Folders in which `.git` is looked for.
const MAX_LOOKED: usize = 200_000;
/// Repositories that are covered, modules and work trees among them. Where there are more, no command runs.
const MAX_REPOSITORIES: usize = 1_000;
/// How long the indexes may be followed before a command.
const FOLLOWING: Duration = Duration::from_secs(2);
/// How deep a module's name may nest below `modules`.
const MAX_MODULE_DEPTH: usize = 6;
/// In lower case, the setting by which work trees have settings of their own.
const WORK_TREE_SETTINGS: &[u8] = b"worktreeconfig";
/// The longest settings file that is looked into, and more than any file that holds a path.
const MAX_TEXT: u64 = 1 << 20;

/// What a folder holds that git takes for a repository although it is not called `.git`.
const BARE: [&str; 3] = ["HEAD", "objects", "refs"];

#[derive(Clone, Copy)]
struct Bounds {
    /// Folders whose entries are read.
    read: usize,
    until: Option<Instant>,
}

/// How far a search came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    All,
    APart,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    ByLevel,
    OldestFirst,
}

/// When a folder's turn comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    first: Option<SystemTime>,
    depth: usize,
}

impl Rank {
    fn first() -> Self {
        Self { first: None, depth: 0 }
    }

    fn below(self, order: Order, created: impl FnOnce() -> Option<SystemTime>) -> Self {
        let first = match order {
            Order::ByLevel => None,
            Order::OldestFirst => created(),
        };
        Self { first, depth: self.depth + 1 }
    }
}

/// When a folder was made, which no command can change.
fn created(folder: &Path) -> Option<SystemTime> {
    std::fs::symlink_metadata(folder).and_then(|metadata| metadata.created()).ok()
}

/// Tells a folder from every other one that ever was: device, number, and when it was made, in seconds and nanoseconds,
/// which no command can set.
pub(crate) type Origin = (u64, u64, u64, u32);

/// `None` where the file system does not tell when a folder was made.
pub(crate) fn origin(metadata: &std::fs::Metadata) -> Option<Origin> {
    use std::os::unix::fs::MetadataExt;
    let born = metadata.created().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    Some((metadata.dev(), metadata.ino(), born.as_secs(), born.subsec_nanos()))
}

/// What is to be held in place. Paths are relative to the workspace.
#[derive(Debug, Default)]
pub(crate) struct Repositories {
    /// In the order of their binding: a folder comes before what it holds.
    pub holds: BTreeMap<PathBuf, Hold>,
    pub kept: Vec<Kept>,
    /// The folders in which git keeps something, with what tells them from others of the same name.
    pub added: BTreeMap<PathBuf, Option<Origin>>,
    /// Others, which a command made and of which git runs nothing; they are not held.
    pub free: BTreeMap<PathBuf, Origin>,
    /// Folders that may become one, and hold nothing that git takes for a repository.
    pub hollow: BTreeSet<Origin>,
    /// Those of all these that have a work tree, with its folder.
    pub work_trees: BTreeSet<(PathBuf, PathBuf)>,
    /// The stamps of their indexes, by their folders.
    pub indexes: BTreeMap<PathBuf, Vec<Stamp>>,
    /// What git would take orders from and is not there, and is not made either.
    pub missing: BTreeSet<PathBuf>,
    /// When the search was over.
    pub until: Option<SystemTime>,
    /// It did not come everywhere.
    pub is_cut: bool,
    most: usize,
    /// What commands made.
    made: BTreeSet<Origin>,
    /// There are more repositories than are covered.
    pub are_too_many: bool,
}

/// Tells whether a file is still the same: device, number, size, and when it last changed in any way, which no command
/// can set.
pub(crate) type Stamp = (u64, u64, u64, i64, i64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    /// It can be neither moved nor removed.
    Pinned,
    /// Nor changed.
    ReadOnly,
    /// As read-only, but first made, empty.
    NewFolder,
    /// As read-only, but first made, empty.
    NewFile,
    /// As read-only, but first made, with [`ITSELF`], and taken away by the last that holds it.
    Itself,
}

/// What a `commondir` holds that leads nowhere else. To git it is as if there were none.
pub(crate) const ITSELF: &[u8] = b".\n";

/// What becomes of something that git would take orders from and that is not there.
#[derive(Clone, Copy)]
enum Missing {
    IsMade(Hold),
    IsNoted,
}

/// A link, which not every kernel can bind, in a folder that is pinned.
#[derive(Debug)]
pub(crate) struct Kept {
    pub folder: PathBuf,
    pub name: OsString,
    /// The target of the link that it is; `None` if there is nothing of that name.
    #[cfg_attr(
        not(target_os = "linux"),
        allow(dead_code, reason = "a profile holds it, so nothing is put back")
    )]
    pub link: Option<PathBuf>,
}

/// What stands at a path, without following a link.
pub(crate) enum There {
    Nothing,
    Folder,
    File,
    Link(PathBuf),
    Other,
}

impl There {
    pub(crate) fn at(path: &Path) -> Self {
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
    /// Looks for repositories in the workspace, some of which commands have made. Follows no link on its way. Called with
    /// the rights of the user namespace, so that a folder that the user has closed hides nothing.
    pub(crate) fn find(workspace: &Path, made: &[Origin]) -> Self {
        let made = made.iter().copied().collect();
        let mut found = Self { most: MAX_REPOSITORIES, made, ..Self::default() };
        let bounds = Bounds { read: MAX_READ, until: None };
        let mut seen = found.search(workspace, Order::ByLevel, bounds);
        if seen == Seen::APart {
            found.search(workspace, Order::OldestFirst, bounds);
        }
        let followed = found.follow_indexes(workspace, &BTreeMap::new(), Instant::now() + FOLLOWING);
        if followed == Seen::APart || found.are_too_many {
            seen = Seen::APart;
        }
        found.is_cut = seen == Seen::APart;
        found.until = Some(SystemTime::now());
        found
    }

    /// The same without a bound but the time, for a look whose finds are not held.
    pub(crate) fn find_all(workspace: &Path, until: Instant) -> (Self, Seen) {
        let mut found = Self { most: usize::MAX, ..Self::default() };
        let bounds = Bounds { read: usize::MAX, until: Some(until) };
        let seen = found.search(workspace, Order::ByLevel, bounds);
        (found, seen)
    }

    fn search(&mut self, workspace: &Path, order: Order, bounds: Bounds) -> Seen {
        let mut ahead = BinaryHeap::from([Reverse((Rank::first(), PathBuf::new()))]);
        let (mut looked, mut read, mut seen) = (0, 0, Seen::All);
        while let Some(Reverse((rank, folder))) = ahead.pop() {
            looked += 1;
            if looked > MAX_LOOKED.max(bounds.read)
                || bounds.until.is_some_and(|until| Instant::now() > until)
            {
                return Seen::APart;
            }
            self.look(workspace, &folder);
            if rank.depth == MAX_DEPTH {
                if holds_folders(&workspace.join(&folder)) {
                    seen = Seen::APart;
                }
                continue;
            }
            if read == bounds.read {
                seen = Seen::APart;
                continue;
            }
            read += 1;
            let mut parts_of_a_repository = 0;
            for entry in std::fs::read_dir(workspace.join(&folder)).into_iter().flatten().flatten() {
                let name = entry.file_name();
                parts_of_a_repository += usize::from(BARE.iter().any(|part| name == *part));
                if entry.file_type().is_ok_and(|kind| kind.is_dir())
                    && name != ".git"
                    && name != "node_modules"
                {
                    let below = folder.join(name);
                    let rank = rank.below(order, || created(&workspace.join(&below)));
                    ahead.push(Reverse((rank, below)));
                }
            }
            if parts_of_a_repository == BARE.len() {
                self.add(workspace, &folder);
            }
        }
        seen
    }

    /// Looks for a `.git` in one folder.
    pub(crate) fn look(&mut self, workspace: &Path, folder: &Path) {
        let place = folder.join(".git");
        match There::at(&workspace.join(&place)) {
            There::Folder => {
                self.add(workspace, &place);
                self.work_trees.insert((place, folder.to_owned()));
            }
            There::File => {
                if !self.leads_to_a_free_one(workspace, folder) {
                    self.hold(&place, Hold::ReadOnly);
                }
            }
            There::Link(target) => {
                if !self.leads_to_a_free_one(workspace, folder) {
                    self.keep(folder, ".git", Some(target));
                }
            }
            There::Nothing | There::Other => {}
        }
    }

    fn leads_to_a_free_one(&mut self, workspace: &Path, folder: &Path) -> bool {
        let Some(target) = git_folder_of(workspace, folder) else { return false };
        self.add(workspace, &target);
        let is_free = self.free.contains_key(&target);
        self.work_trees.insert((target, folder.to_owned()));
        is_free
    }

    /// Covers a folder in which git keeps a repository, a module or a work tree.
    pub(crate) fn add(&mut self, workspace: &Path, folder: &Path) {
        if self.added.contains_key(folder) || self.free.contains_key(folder) {
            return;
        }
        let origin = std::fs::symlink_metadata(workspace.join(folder)).ok().and_then(|found| origin(&found));
        // What git takes for none needs no protection, and must not use up that of others.
        if !is_repository(workspace, folder) {
            self.hollow.extend(origin);
            return;
        }
        if !self.made.is_empty()
            && let Some(origin) = origin.filter(|origin| self.made.contains(origin))
            && newcomers::runs_nothing(workspace, folder)
        {
            self.free.insert(folder.to_owned(), origin);
            let text = text(&workspace.join(folder).join("commondir"));
            if let Some(main) = inside(workspace, folder, noted(&text)) {
                self.add(workspace, &main);
            }
            self.add_parts(workspace, folder);
            return;
        }
        if self.added.len() == self.most {
            self.are_too_many = true;
            return;
        }
        self.added.insert(folder.to_owned(), origin);
        self.hold(folder, Hold::Pinned);

        // Git never takes what lies there for files of a work tree.
        let may_make = folder.components().any(|part| part.as_os_str() == ".git");
        let common = folder.join("commondir");
        let mut main = Some(folder.to_owned());
        let is_work_tree = match There::at(&workspace.join(&common)) {
            // Another command holds it at this moment, or could not take it away.
            There::File if text(&workspace.join(&common)) == ITSELF => {
                self.hold(&common, Hold::Itself);
                false
            }
            There::File => {
                self.hold(&common, Hold::ReadOnly);
                main = inside(workspace, folder, noted(&text(&workspace.join(&common))));
                if let Some(main) = &main {
                    self.add(workspace, main);
                }
                true
            }
            There::Nothing if may_make => {
                self.hold(&common, Hold::Itself);
                false
            }
            There::Nothing => {
                self.missing.insert(common);
                false
            }
            There::Link(target) => {
                self.keep(folder, "commondir", Some(target));
                true
            }
            There::Folder | There::Other => false,
        };
        // What a work tree shares with its repository is not read from the folder of the work tree.
        let missing = |hold| if may_make { Missing::IsMade(hold) } else { Missing::IsNoted };
        self.close(workspace, folder, "hooks", (!is_work_tree).then_some(missing(Hold::NewFolder)));
        self.close(workspace, folder, "config", (!is_work_tree).then_some(missing(Hold::NewFile)));
        // Git reads this only if the settings say so, which a command cannot change.
        let is_read = main.is_none_or(|main| {
            let settings = text(&workspace.join(main).join("config")).to_ascii_lowercase();
            settings.windows(WORK_TREE_SETTINGS.len()).any(|piece| piece == WORK_TREE_SETTINGS)
        });
        self.close(workspace, folder, "config.worktree", is_read.then_some(missing(Hold::NewFile)));
        self.add_parts(workspace, folder);
    }

    /// Its work trees and modules.
    fn add_parts(&mut self, workspace: &Path, folder: &Path) {
        for work_tree in folders(workspace, &folder.join("worktrees")) {
            self.add(workspace, &work_tree);
        }
        self.modules(workspace, &folder.join("modules"), 0);
    }

    /// The repositories of modules, whose names may hold slashes.
    fn modules(&mut self, workspace: &Path, folder: &Path, depth: usize) {
        for module in folders(workspace, folder) {
            if is_repository(workspace, &module) {
                self.add(workspace, &module);
            } else if depth < MAX_MODULE_DEPTH {
                self.modules(workspace, &module, depth + 1);
            }
        }
    }

    /// Makes something read-only that git takes orders from; `missing` says what to make of it if it is not there.
    fn close(&mut self, workspace: &Path, folder: &Path, name: &str, missing: Option<Missing>) {
        let place = folder.join(name);
        match (There::at(&workspace.join(&place)), missing) {
            (There::Folder | There::File | There::Other, _) => self.hold(&place, Hold::ReadOnly),
            (There::Link(target), _) => self.keep(folder, name, Some(target)),
            (There::Nothing, Some(Missing::IsMade(hold))) => self.hold(&place, hold),
            (There::Nothing, Some(Missing::IsNoted)) => {
                self.missing.insert(place);
            }
            (There::Nothing, None) => {}
        }
    }

    fn keep(&mut self, folder: &Path, name: &str, link: Option<PathBuf>) {
        self.hold(folder, Hold::Pinned);
        self.kept.push(Kept { folder: folder.to_owned(), name: name.into(), link });
    }

    /// Holds something, and all that leads to it.
    pub(crate) fn hold(&mut self, place: &Path, hold: Hold) {
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
}

pub(crate) fn stamp(path: &Path) -> Option<Stamp> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::symlink_metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino(), metadata.len(), metadata.ctime(), metadata.ctime_nsec()))
}

/// Whether git may take a folder for one in which it keeps something.
pub(crate) fn is_repository(workspace: &Path, folder: &Path) -> bool {
    let folder = workspace.join(folder);
    ["HEAD", "config", "hooks"].iter().any(|name| folder.join(name).symlink_metadata().is_ok())
}

/// Whether a search would go on below.
fn holds_folders(folder: &Path) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.into_iter().any(|entry| {
        let is_searched = entry.file_name() != ".git" && entry.file_name() != "node_modules";
        is_searched && entry.file_type().is_ok_and(|kind| kind.is_dir())
    })
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

/// Where the `.git` of a folder leads, relative to the workspace.
pub(crate) fn git_folder_of(workspace: &Path, folder: &Path) -> Option<PathBuf> {
    let place = folder.join(".git");
    match There::at(&workspace.join(&place)) {
        There::Folder => Some(place),
        There::File => {
            let text = text(&workspace.join(&place));
            inside(workspace, folder, noted(text.strip_prefix(b"gitdir: ")?))
        }
        There::Link(target) => inside(workspace, folder, target.as_os_str().as_bytes())
            .filter(|real| workspace.join(real).is_dir()),
        There::Nothing | There::Other => None,
    }
}

/// The path in a file that holds one, as git reads it: without ends of lines, and then up to the first zero.
pub(crate) fn noted(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |last| last + 1);
    text[..end].split(|byte| *byte == 0).next().unwrap_or_default()
}

/// Where a path that git noted in a folder leads, relative to the workspace; `None` if it leads out of it, or to the
/// workspace itself. It may have been noted by a command, which knows the workspace by another name.
pub(crate) fn inside(workspace: &Path, folder: &Path, noted: &[u8]) -> Option<PathBuf> {
    let noted = Path::new(OsStr::from_bytes(noted));
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
