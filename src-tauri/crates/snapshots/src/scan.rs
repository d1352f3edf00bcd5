//! Reading a workspace into git objects.
//!
//! The scan goes by folder handles and follows no link. It goes through the whole workspace, or only to
//! the paths that may have changed. A file whose stamp (size, times, inode, mode) is the one that the index
//! knows is not read again, and a folder whose own stamp is the same is not listed again where its file
//! system can be believed. Of a file that changes while it is read, the object is made of the very bytes
//! that were read, so that its name and its content always agree; it is read again the next time. The one
//! change that no stamp shows is a write through a memory mapping that was already dirty when the file was
//! read; the system dates it only when it writes the page back.
//!
//! Several threads scan at once: folders of one folder, and files of one folder that have to be read, are
//! independent.

mod names;
mod read;
mod stat;

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use okcvm_objects::{Batch, EMPTY_TREE, ObjectKind, encode_tree};
use okcvm_workspace::TEMPORARY_PREFIX;
use rayon::prelude::*;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, openat, statat};
use rustix::io::Errno;

use crate::dirt::{Dirt, Suspicion};
use crate::error::SnapshotError;
use crate::index::{Folder, Item, LeftOut, Name, Node, Stamp};
use crate::left_out::{forbidden_name, tool_folder};
use crate::progress::Progress;
use crate::rights::{self, Rights};
use crate::rules::{FolderRules, MAX_RULES_BYTES, PathKind, RULES_FILE, Rules};
use crate::rules_trust::RulesTrust;

use stat::now;
pub(crate) use stat::{FolderTimes, Times, stamp_of};

/// Folders inside of folders that are recorded.
const MAX_DEPTH: usize = 200;

/// How a scan goes about it.
#[derive(Clone, Copy)]
pub(crate) struct Scan<'a> {
    /// Where new objects go.
    pub(crate) batch: &'a Batch,
    /// Files with more bytes are left out.
    pub(crate) max_file_bytes: u64,
    pub(crate) progress: &'a Progress,
    pub(crate) threads: Threads,
    /// Whose rules count.
    pub(crate) rules: &'a RulesTrust,
    /// Where permission bits go that are not the usual ones.
    pub(crate) rights: &'a Rights,
}

/// Whether a scan spreads over the threads of the pool it runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Threads {
    One,
    Many,
}

/// What of a folder is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Look<'a> {
    /// All of it; of what is named here, stamps are not believed if it was written by us.
    Whole(Suspicion, Option<&'a Dirt>),
    /// Only this.
    Only(&'a Dirt),
}

impl Scan<'_> {
    /// The workspace whose handle is `root` as it is now, if `old` is what was known of it.
    pub(crate) fn workspace(
        &self,
        root: BorrowedFd<'_>,
        old: Option<&Arc<Folder>>,
        look: Look<'_>,
    ) -> Result<Arc<Folder>, SnapshotError> {
        let failed = |error: Errno| SnapshotError::workspace("read", b".", error);
        // A handle of its own, since listing moves its position.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let handle = openat(root, ".", flags, Mode::empty()).map_err(failed)?;
        let stat = fstat(&handle).map_err(failed)?;
        let walk = Walk { scan: *self, times: Times::of(handle.as_fd()), device: stat.st_dev as u64 };
        let look = match look {
            Look::Only(dirt) if dirt.itself != Suspicion::Unsuspected => Look::Whole(dirt.itself, Some(dirt)),
            look => look,
        };
        match walk.folder(&Way::ROOT, &handle, stamp_of(&stat), old, look, None)? {
            Seen::Node(Node::Folder(folder)) => Ok(Arc::clone(&folder)),
            Seen::Unreadable(error) => Err(failed(error)),
            _ => Err(failed(Errno::NOENT)),
        }
    }
}

/// A path as the way from the workspace, so that it is put together only when somebody asks.
#[derive(Debug, Clone, Copy)]
struct Way<'a> {
    above: Option<&'a Way<'a>>,
    name: &'a [u8],
    depth: usize,
}

impl<'a> Way<'a> {
    const ROOT: Way<'static> = Way { above: None, name: &[], depth: 0 };

    fn to(&'a self, name: &'a [u8]) -> Self {
        Self { above: Some(self), name, depth: self.depth + 1 }
    }

    /// Raw bytes with `/`.
    fn path(&self) -> Vec<u8> {
        match self.above {
            None => Vec::new(),
            Some(above) => crate::entry::below(&above.path(), self.name),
        }
    }
}

/// What a look at a name found.
enum Seen {
    /// Nothing, or nothing any more.
    Nothing,
    Node(Node),
    LeftOut(Arc<str>),
    Unreadable(Errno),
}

/// What is left to do for a name after the first look.
enum Todo<'a> {
    Done(Seen),
    /// A file or link has to be read.
    Read(Stat),
    /// A folder has to be entered.
    Enter(Stat, Look<'a>),
}

/// A name, what was known of it, and what is left to do.
type Task<'n, 'a> = (Name, Option<&'n Node>, Todo<'a>);

struct Walk<'a> {
    scan: Scan<'a>,
    times: Times,
    device: u64,
}

impl Walk<'_> {
    fn folder(
        &self,
        way: &Way<'_>,
        handle: &OwnedFd,
        stamp: Stamp,
        old: Option<&Arc<Folder>>,
        look: Look<'_>,
        above: Option<&Arc<Rules>>,
    ) -> Result<Seen, SnapshotError> {
        self.scan.progress.check()?;
        if way.depth > 0 {
            self.scan.rights.saw(rights::Kind::Folder, stamp.mode, || way.path());
        }
        let (old, look) = match (old, look) {
            (Some(old), Look::Only(dirt)) if names_suffice(handle, old, dirt) => (Some(old), look),
            (old, Look::Only(dirt)) => (old, Look::Whole(Suspicion::Unsuspected, Some(dirt))),
            (old, look) => (old, look),
        };
        let (names, listed) = match look {
            Look::Only(dirt) => {
                let names = dirt.below.keys().map(|name| name.as_slice().into()).collect();
                // The old stamp stays right: when a name came or went, the folder has a new one.
                (names, old.and_then(|old| old.listed))
            }
            Look::Whole(..) => {
                let known = old
                    .filter(|old| old.listed == Some(stamp) && self.times.folders == FolderTimes::Believed);
                if let Some(old) = known {
                    (names::known(old), old.listed)
                } else {
                    let started = now();
                    match names::list(handle.as_fd()) {
                        Ok(names) => (names, self.times.trusted(stamp, started)),
                        Err(error) => return unreadable(error, way),
                    }
                }
            }
        };
        let own = self.own_rules(handle, way, old, &names, look)?;
        let rules = match &own {
            Some(own) => Some(Arc::new(Rules::new(above.cloned(), Arc::clone(own), &way.path()))),
            None => above.cloned(),
        };
        let rules = rules.as_ref();
        let mut todo = Vec::with_capacity(names.len());
        let mut work = Vec::new();
        for name in names {
            let before = old.and_then(|old| old.node(&name));
            let first = self.first_look(way, handle, &name, before, look, rules)?;
            if !matches!(first, Todo::Done(_)) {
                work.push(todo.len());
            }
            todo.push((name, before, first));
        }
        self.scan.progress.add_files((todo.len() - work.len()) as u64);
        self.run(&mut todo, &work, |name, before, todo| {
            let way = way.to(name);
            match todo {
                Todo::Enter(stat, look) => self.enter(&way, handle, stat, before, *look, rules),
                Todo::Read(stat) => {
                    self.scan.progress.add_files(1);
                    self.read(&way, handle, stat)
                }
                Todo::Done(_) => Ok(Seen::Nothing),
            }
        })?;
        let seen = todo.into_iter().filter_map(|(name, _, todo)| match todo {
            Todo::Done(seen) => Some((name, seen)),
            _ => None,
        });
        let (items, left_out) = match (look, old) {
            (Look::Only(_), Some(old)) => merged(old, seen.collect()),
            _ => sorted(seen),
        };
        self.made(old, items, left_out, listed, own).map(|folder| Seen::Node(Node::Folder(folder.into())))
    }

    /// Does what is left to do, on several threads if it is worth it.
    fn run<'a>(
        &self,
        todo: &mut [Task<'_, 'a>],
        work: &[usize],
        act: impl Fn(&[u8], Option<&Node>, &Todo<'a>) -> Result<Seen, SnapshotError> + Sync,
    ) -> Result<(), SnapshotError> {
        if self.scan.threads == Threads::One || work.len() < 2 {
            for index in work {
                if let Some((name, before, todo)) = todo.get_mut(*index) {
                    *todo = Todo::Done(act(name, *before, todo)?);
                }
            }
            return Ok(());
        }
        let done = {
            let todo = &*todo;
            let one = |index: &usize| match todo.get(*index) {
                Some((name, before, todo)) => act(name, *before, todo),
                None => Ok(Seen::Nothing),
            };
            work.par_iter().map(one).collect::<Result<Vec<Seen>, SnapshotError>>()?
        };
        for (index, seen) in work.iter().zip(done) {
            if let Some((_, _, todo)) = todo.get_mut(*index) {
                *todo = Todo::Done(seen);
            }
        }
        Ok(())
    }

    /// The rules that a file in the folder sets.
    fn own_rules(
        &self,
        handle: &OwnedFd,
        way: &Way<'_>,
        old: Option<&Arc<Folder>>,
        names: &[Name],
        look: Look<'_>,
    ) -> Result<Option<Arc<FolderRules>>, SnapshotError> {
        let known = old.and_then(|old| old.rules.as_ref());
        match look {
            // A folder whose rules may have changed is looked at as a whole, and so is one of which only a
            // saved index tells.
            Look::Only(_) => return Ok(known.cloned()),
            Look::Whole(..) => {}
        }
        if names.binary_search_by(|name| (**name).cmp(RULES_FILE)).is_err() {
            return Ok(None);
        }
        let Ok(stat) = statat(handle, RULES_FILE, AtFlags::SYMLINK_NOFOLLOW) else { return Ok(None) };
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Ok(None);
        }
        let stamp = stamp_of(&stat);
        if let Some(known) = known.filter(|known| known.stamp == Some(stamp)) {
            return Ok(Some(Arc::clone(known)));
        }
        if stamp.size > MAX_RULES_BYTES {
            tracing::warn!(bytes = stamp.size, "a .okcvmignore is too large to be a list of rules");
            return Ok(None);
        }
        read::small(handle.as_fd(), RULES_FILE, MAX_RULES_BYTES, self.times)
            .map(|(content, stamp)| {
                let counts = self.scan.rules.count(&way.path(), &content);
                counts.then(|| Arc::new(FolderRules::parse(&content, stamp)))
            })
            .or_else(|error| {
                // The file itself is named as unreadable when its turn comes.
                tracing::warn!(%error, path = ?way.path(), "rules could not be read");
                Ok(None)
            })
    }

    /// What can be said of a name without reading or entering what lies there.
    fn first_look<'a>(
        &self,
        way: &Way<'_>,
        handle: &OwnedFd,
        name: &[u8],
        before: Option<&Node>,
        look: Look<'a>,
        rules: Option<&Arc<Rules>>,
    ) -> Result<Todo<'a>, SnapshotError> {
        let left_out = |reason: &str| Ok(Todo::Done(Seen::LeftOut(reason.into())));
        let (suspicion, dirt) = match look {
            Look::Whole(suspicion, dirt) => (suspicion, dirt.and_then(|dirt| dirt.below.get(name))),
            Look::Only(dirt) => (Suspicion::Unsuspected, dirt.below.get(name)),
        };
        let suspicion = suspicion.max(dirt.map_or(Suspicion::Unsuspected, |dirt| dirt.itself));
        let stat = match statat(handle, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(Todo::Done(Seen::Nothing)),
            Err(error) => return unreadable(error, &way.to(name)).map(Todo::Done),
        };
        if let Some(reason) = forbidden_name(name) {
            return left_out(reason);
        }
        if name.starts_with(TEMPORARY_PREFIX.as_bytes()) {
            return left_out("an unfinished write of this program");
        }
        let kind = FileType::from_raw_mode(stat.st_mode);
        if let Some(rules) = rules {
            let kind = if kind == FileType::Directory { PathKind::Folder } else { PathKind::Other };
            if let Some(reason) = rules.leave_out(&way.to(name).path(), kind) {
                return Ok(Todo::Done(Seen::LeftOut(reason)));
            }
        }
        match kind {
            FileType::Directory => {
                if let Some(reason) = tool_folder(name) {
                    return left_out(reason);
                }
                if stat.st_dev as u64 != self.device {
                    return left_out("another file system is mounted here, and is not recorded");
                }
                if way.depth >= MAX_DEPTH {
                    return left_out("folders are nested too deeply");
                }
                let within = match look {
                    Look::Only(_) if suspicion == Suspicion::Unsuspected => dirt.map(Look::Only),
                    _ => None,
                };
                Ok(Todo::Enter(stat, within.unwrap_or(Look::Whole(suspicion, dirt))))
            }
            FileType::RegularFile | FileType::Symlink => {
                if stat.st_size as u64 > self.scan.max_file_bytes {
                    return left_out(&self.too_large(stat.st_size as u64));
                }
                match before {
                    Some(Node::File(known))
                        if known.stamp == Some(stamp_of(&stat)) && suspicion != Suspicion::Written =>
                    {
                        Ok(Todo::Done(Seen::Node(Node::File(*known))))
                    }
                    _ => Ok(Todo::Read(stat)),
                }
            }
            _ => left_out("a pipe, socket or device is not recorded"),
        }
    }

    fn enter(
        &self,
        way: &Way<'_>,
        parent: &OwnedFd,
        stat: &Stat,
        before: Option<&Node>,
        look: Look<'_>,
        rules: Option<&Arc<Rules>>,
    ) -> Result<Seen, SnapshotError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = match openat(parent, way.name, flags, Mode::empty()) {
            Ok(handle) => handle,
            // Replaced or removed since it was looked at.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(Seen::Nothing),
            Err(error) => return unreadable(error, way),
        };
        let old = match before {
            Some(Node::Folder(folder)) => Some(&**folder),
            _ => None,
        };
        match self.folder(way, &handle, stamp_of(stat), old, look, rules)? {
            Seen::Unreadable(error) => Ok(Seen::LeftOut(unreadable_reason(error))),
            seen => Ok(seen),
        }
    }

    fn read(&self, way: &Way<'_>, parent: &OwnedFd, stat: &Stat) -> Result<Seen, SnapshotError> {
        let reader = read::Reader {
            batch: self.scan.batch,
            times: self.times,
            max_file_bytes: self.scan.max_file_bytes,
            progress: self.scan.progress,
        };
        let read = if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink {
            reader.link(parent.as_fd(), way.name, stat)?
        } else {
            reader.file(parent.as_fd(), way.name)?
        };
        match read {
            read::Read::Known(known) => {
                if let Some(kind) = rights::Kind::of(known.kind) {
                    let mode = known.stamp.map_or(stat.st_mode as u32, |stamp| stamp.mode);
                    self.scan.rights.saw(kind, mode, || way.path());
                }
                Ok(Seen::Node(Node::File(known)))
            }
            read::Read::Gone => Ok(Seen::Nothing),
            read::Read::TooLarge(bytes) => Ok(Seen::LeftOut(self.too_large(bytes).into())),
            read::Read::Restless => Ok(Seen::LeftOut("it changed again and again while it was read".into())),
            read::Read::Deceiving => {
                Ok(Seen::LeftOut("its content was made to deceive SHA-1 and is not recorded".into()))
            }
            read::Read::Unreadable(error) => unreadable(error, way),
        }
    }

    fn too_large(&self, bytes: u64) -> String {
        let (size, limit) = match self.scan.max_file_bytes {
            limit if limit < 1_000_000 => (format!("{bytes} bytes"), format!("{limit} bytes")),
            limit => (format!("{} MB", bytes.div_ceil(1_000_000)), format!("{} MB", limit / 1_000_000)),
        };
        format!("it has {size}, and files over {limit} are not recorded")
    }

    /// The folder of these parts: the old one itself if nothing is new.
    fn made(
        &self,
        old: Option<&Arc<Folder>>,
        items: Vec<Item>,
        left_out: Vec<LeftOut>,
        listed: Option<Stamp>,
        rules: Option<Arc<FolderRules>>,
    ) -> Result<Arc<Folder>, SnapshotError> {
        let id = match old {
            Some(old) if old.same_tree(&items) => old.id,
            _ => {
                let bytes = encode_tree(items.iter().map(|item| (&*item.name, item.node.entry())));
                self.scan.batch.add(ObjectKind::Tree, &bytes)?
            }
        };
        debug_assert!(!items.is_empty() || id == EMPTY_TREE);
        let new = Folder::new(id, listed, items, left_out, rules);
        match old {
            Some(old) if old.same(&new) => Ok(Arc::clone(old)),
            _ => Ok(Arc::new(new)),
        }
    }
}

/// What is known of the folder can be corrected name by name. It cannot if its rules may be others, or
/// if a name may now be spelled in another way.
fn names_suffice(handle: &OwnedFd, old: &Folder, dirt: &Dirt) -> bool {
    if dirt.below.contains_key(RULES_FILE) {
        return false;
    }
    let names: Vec<&[u8]> = dirt.below.keys().map(Vec::as_slice).collect();
    let new: Vec<&[u8]> = names
        .iter()
        .filter(|name| {
            old.node(name).is_none()
                && old.left_out.binary_search_by(|left_out| (*left_out.name).cmp(name)).is_err()
        })
        .copied()
        .collect();
    let twins = |one: &[u8], two: &[u8]| {
        one != two && names::alike(one, two) && {
            let inode = |name| statat(handle, name, AtFlags::SYMLINK_NOFOLLOW).map(|stat| stat.st_ino);
            inode(one).is_ok_and(|first| inode(two).is_ok_and(|second| first == second))
        }
    };
    new.iter().all(|name| {
        let known = old.items.iter().map(|item| &*item.name);
        let left_out = old.left_out.iter().map(|left_out| &*left_out.name);
        !known.chain(left_out).chain(new.iter().copied()).any(|other| twins(name, other))
    })
}

fn sorted(seen: impl Iterator<Item = (Name, Seen)>) -> (Vec<Item>, Vec<LeftOut>) {
    let mut items = Vec::with_capacity(seen.size_hint().1.unwrap_or(0));
    let mut left_out = Vec::new();
    for (name, seen) in seen {
        match seen {
            Seen::Nothing => {}
            Seen::Node(node) => items.push(Item { name, node }),
            Seen::LeftOut(reason) => left_out.push(LeftOut { name, reason }),
            Seen::Unreadable(error) => left_out.push(LeftOut { name, reason: unreadable_reason(error) }),
        }
    }
    (items, left_out)
}

/// The old folder with what was seen in place of what was known.
fn merged(old: &Folder, seen: Vec<(Name, Seen)>) -> (Vec<Item>, Vec<LeftOut>) {
    let looked_at: Vec<Name> = seen.iter().map(|(name, _)| name.clone()).collect();
    let (new_items, new_left_out) = sorted(seen.into_iter());
    (
        merge(&old.items, &looked_at, new_items, |item| &item.name),
        merge(&old.left_out, &looked_at, new_left_out, |left_out| &left_out.name),
    )
}

/// The old ones without those of the names, and the new ones, which have no other names. All are sorted by name. Between
/// two of the names the old ones are copied as they lie there.
fn merge<T: Clone>(old: &[T], names: &[Name], new: Vec<T>, name_of: impl Fn(&T) -> &Name) -> Vec<T> {
    let mut merged = Vec::with_capacity(old.len() + new.len());
    let (mut rest, mut new) = (old, new.into_iter().peekable());
    for name in names {
        let (before, from) = rest.split_at(rest.partition_point(|one| name_of(one) < name));
        merged.extend_from_slice(before);
        rest = match from.split_first() {
            Some((first, after)) if name_of(first) == name => after,
            _ => from,
        };
        merged.extend(new.next_if(|one| name_of(one) == name));
    }
    merged.extend_from_slice(rest);
    merged
}

fn unreadable_reason(error: Errno) -> Arc<str> {
    format!("it could not be read ({})", std::io::Error::from(error)).into()
}

/// A path that cannot be read is left out by name; but when this program has no handle or no memory left,
/// that says nothing of the path, and the scan fails.
fn unreadable(error: Errno, way: &Way<'_>) -> Result<Seen, SnapshotError> {
    match error {
        Errno::MFILE | Errno::NFILE | Errno::NOMEM => {
            Err(SnapshotError::workspace("read", &way.path(), error))
        }
        error => Ok(Seen::Unreadable(error)),
    }
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
