//! The watches of inotify: one for each folder, in one instance with the cookies.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::fs::{FileType, Mode, OFlags, RawDir, ResolveFlags, open, openat, openat2};
use rustix::io::Errno;

use super::changes::below;
use super::tracker::Shared;
use crate::left_out::{forbidden_name, tool_folder};
use crate::write::TEMPORARY_PREFIX;

/// Reading is no change, so opening is not asked for: a scan of ours would fill the queue with it. Closing
/// after writing is, for the sake of memory mappings.
const CHANGES: WatchFlags = WatchFlags::ATTRIB
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::ONLYDIR)
    .union(WatchFlags::EXCL_UNLINK);
const COOKIES: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::ONLYDIR);

const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const FOLDER_ITSELF: OFlags = FOLDER.union(OFlags::NOFOLLOW);
/// Bytes of names that are read in one go.
const LISTING: usize = 16 * 1024;

/// Whether a folder of this name is not looked into. Its coming and going is told by its parent.
pub(super) fn is_left_out(name: &[u8]) -> bool {
    tool_folder(name).is_some()
        || forbidden_name(name).is_some()
        || name.starts_with(TEMPORARY_PREFIX.as_bytes())
}

/// One instance of inotify and the folders that it watches.
pub(super) struct Folders {
    inotify: Arc<OwnedFd>,
    /// Every way to a folder goes from here and follows no link: a link in the place of a folder would lead
    /// to the watch of another one, which would then be known by a wrong name.
    root: OwnedFd,
    cookies: i32,
    /// Relative paths; the root is the empty one.
    paths: HashMap<i32, Arc<[u8]>>,
    watches: BTreeMap<Arc<[u8]>, i32>,
    max_watches: usize,
    /// Folders that are still to be watched, with all below them.
    ahead: Vec<Vec<u8>>,
    /// Some folder could not be watched.
    incomplete: bool,
}

/// What a watch is of.
pub(super) enum Watched {
    Cookies,
    /// The folder of this relative path.
    Folder(Arc<[u8]>),
    /// It was given up; what it still tells is told by others, too.
    Nothing,
}

impl Folders {
    /// Watches the cookies and the root, but nothing below it yet.
    pub(super) fn begin(shared: &Shared) -> Result<Self, Errno> {
        let inotify = Arc::new(inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?);
        let cookies = inotify::add_watch(&inotify, &shared.cookies, COOKIES)?;
        let max_watches = (shared.conditions.max_watches)();
        let root = open(&shared.root, FOLDER_ITSELF, Mode::empty())?;
        let mut folders = Self {
            inotify,
            root,
            cookies,
            paths: HashMap::new(),
            watches: BTreeMap::new(),
            max_watches,
            ahead: Vec::new(),
            incomplete: false,
        };
        let root = folders.add_watch(folders.root.as_fd())?;
        folders.insert(root, Arc::from([].as_slice()));
        Ok(folders)
    }

    /// Where the events come.
    pub(super) fn queue(&self) -> Arc<OwnedFd> {
        Arc::clone(&self.inotify)
    }

    pub(super) fn is_incomplete(&self) -> bool {
        self.incomplete
    }

    pub(super) fn watched(&self, watch: i32) -> Watched {
        if watch == self.cookies {
            return Watched::Cookies;
        }
        self.paths.get(&watch).map_or(Watched::Nothing, |path| Watched::Folder(Arc::clone(path)))
    }

    pub(super) fn is_watched(&self, path: &[u8]) -> bool {
        self.watches.contains_key(path)
    }

    /// Watches a folder and all folders below it, each before it is read, so that what comes later is told.
    /// Ends early if `stop` says so; the rest is done by [`Folders::go_on`].
    pub(super) fn add_with_all_below(&mut self, path: Vec<u8>, stop: &dyn Fn() -> bool) {
        self.ahead.push(path);
        self.go_on(stop);
    }

    /// Some folders are still to be watched.
    pub(super) fn is_behind(&self) -> bool {
        !self.ahead.is_empty()
    }

    /// Watches what is still to be watched, until `stop` says so.
    pub(super) fn go_on(&mut self, stop: &dyn Fn() -> bool) {
        if self.ahead.is_empty() {
            return;
        }
        let mut buffer = vec![MaybeUninit::uninit(); LISTING];
        while let Some(path) = self.ahead.pop() {
            if stop() {
                self.ahead.push(path);
                return;
            }
            let Some(handle) = self.add(&path) else { continue };
            let mut entries = RawDir::new(&handle, &mut buffer);
            while let Some(entry) = entries.next() {
                let entry = match entry {
                    Ok(entry) => entry,
                    // Removed while it is read.
                    Err(Errno::NOENT) => break,
                    Err(error) => {
                        self.note_incomplete(&path, error);
                        break;
                    }
                };
                let name = entry.file_name().to_bytes();
                let may_be_folder = matches!(entry.file_type(), FileType::Directory | FileType::Unknown);
                if may_be_folder && !matches!(name, b"." | b"..") && !is_left_out(name) {
                    self.ahead.push(joined(&path, name));
                }
            }
        }
    }

    /// Gives up the watches of a folder and of all below it: where they moved, they would tell old names.
    pub(super) fn remove_with_all_below(&mut self, path: &[u8]) {
        let (from, to) = below(path);
        let from: Arc<[u8]> = from.into();
        let mut gone: Vec<i32> = self.watches.range(from..to.into()).map(|(_, watch)| *watch).collect();
        gone.extend(self.watches.get(path));
        for watch in gone {
            self.forget(watch);
            // A removed folder took its watch with it.
            let _ = inotify::remove_watch(&self.inotify, watch);
        }
    }

    /// The system gave this watch up.
    pub(super) fn forget(&mut self, watch: i32) {
        if let Some(path) = self.paths.remove(&watch)
            && self.watches.get(&path) == Some(&watch)
        {
            self.watches.remove(&path);
        }
    }

    /// Watches a folder, whose handle is returned unless there is none of that name, or it cannot be read.
    fn add(&mut self, path: &[u8]) -> Option<OwnedFd> {
        let handle = match self.open(path) {
            Ok(handle) => handle,
            // No folder (any more): the event of that comes, or came. One that cannot be read is not in a
            // snapshot either, and its parent tells when its mode changes.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::ACCESS) => return None,
            Err(error) => {
                self.note_incomplete(path, error);
                return None;
            }
        };
        if self.paths.len() >= self.max_watches && !self.is_watched(path) {
            self.note_incomplete(path, Errno::NOSPC);
            return None;
        }
        match self.add_watch(handle.as_fd()) {
            Ok(watch) => {
                self.insert(watch, path.into());
                Some(handle)
            }
            Err(error) => {
                self.note_incomplete(path, error);
                None
            }
        }
    }

    /// The folder itself, whatever its name is by now.
    fn add_watch(&self, folder: BorrowedFd<'_>) -> Result<i32, Errno> {
        inotify::add_watch(&self.inotify, format!("/proc/self/fd/{}", folder.as_raw_fd()), CHANGES)
    }

    fn open(&self, path: &[u8]) -> Result<OwnedFd, Errno> {
        if path.is_empty() {
            return openat(&self.root, ".", FOLDER, Mode::empty());
        }
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        match openat2(&self.root, path, FOLDER, Mode::empty(), resolve) {
            // The call is missing, or forbidden by a container, or the path is too long for one step.
            Err(Errno::NOSYS | Errno::PERM | Errno::AGAIN | Errno::NAMETOOLONG) => {}
            result => return result,
        }
        let mut parts = path.split(|byte| *byte == b'/');
        let first = openat(&self.root, parts.next().unwrap_or_default(), FOLDER_ITSELF, Mode::empty())?;
        parts.try_fold(first, |folder, part| openat(&folder, part, FOLDER_ITSELF, Mode::empty()))
    }

    fn note_incomplete(&mut self, path: &[u8], error: Errno) {
        if !self.incomplete {
            let path = OsStr::from_bytes(path);
            tracing::warn!(?path, %error, "not every folder of the workspace can be watched");
        }
        self.incomplete = true;
    }

    fn insert(&mut self, watch: i32, path: Arc<[u8]>) {
        // A folder that moved keeps its watch; it is known by its new name from now on.
        self.forget(watch);
        self.watches.insert(Arc::clone(&path), watch);
        self.paths.insert(watch, path);
    }
}

impl AsFd for Folders {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

/// The relative path of a name in a folder.
pub(super) fn joined(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, b"/", name].concat() }
}
