//! What the workspace held when it was last recorded, and how to tell that a file is still the same.
//!
//! The index is a tree of folders in memory. Each folder knows the id of its git tree, so that a folder in
//! which nothing changed costs nothing, and is never changed once it is made: an update makes new folders
//! on the way to what changed and shares all others. So a record that fails leaves the old index as it was,
//! and two states are compared by looking only at what they do not share.
//!
//! Every object that an index names belongs to a snapshot that the repository holds; what is only looked at
//! is never kept here.

mod saved;

use std::collections::HashSet;
use std::ops::Deref;
use std::sync::Arc;

use okcvm_objects::{Entry, EntryKind, ObjectId};
use okcvm_protocol::SkippedFile;
use smallvec::SmallVec;

use crate::entry::{below, shown};
use crate::left_out;
use crate::rules::FolderRules;

/// What tells that a file was not changed: any change sets the time of change, which no program can set
/// back, and a replacement has another inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) size: u64,
    /// Nanoseconds since 1970.
    pub(crate) modified: i64,
    /// Nanoseconds since 1970.
    pub(crate) changed: i64,
    pub(crate) inode: u64,
    pub(crate) mode: u32,
}

/// A file or link as it was last read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) kind: EntryKind,
    pub(crate) id: ObjectId,
    /// Bytes of the content that was read.
    pub(crate) size: u64,
    pub(crate) inode: u64,
    /// The file has other names (hard links). A write by one of them changes it, and only that one is told
    /// of by a watch.
    pub(crate) linked: bool,
    /// `None` if the file was changed so shortly before it was read that a later change may have left the
    /// same stamp: it has to be read again.
    pub(crate) stamp: Option<Stamp>,
}

/// A name in a folder, raw bytes. Most names lie in the list of the folder itself: a record copies the lists on the way
/// to what changed, and each look into memory of its own would be felt.
pub(crate) type Name = SmallVec<[u8; 24]>;

/// What lies under a name.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    File(Known),
    Folder(Below),
}

/// A folder in a folder. What is asked of all folders of a list lies in the list itself; see [`Name`].
#[derive(Debug, Clone)]
pub(crate) struct Below {
    id: ObjectId,
    left_out_below: usize,
    linked_below: usize,
    folder: Arc<Folder>,
}

impl From<Arc<Folder>> for Below {
    fn from(folder: Arc<Folder>) -> Self {
        let Folder { id, left_out_below, linked_below, .. } = *folder;
        Self { id, left_out_below, linked_below, folder }
    }
}

impl Deref for Below {
    type Target = Arc<Folder>;

    fn deref(&self) -> &Arc<Folder> {
        &self.folder
    }
}

impl Node {
    /// As it stands in a git tree.
    pub(crate) fn entry(&self) -> Entry {
        match self {
            Self::File(known) => Entry { kind: known.kind, id: known.id },
            Self::Folder(below) => Entry { kind: EntryKind::Folder, id: below.id },
        }
    }

    /// Nothing about the two differs, not even what is known of them.
    fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::File(one), Self::File(two)) => one == two,
            (Self::Folder(one), Self::Folder(two)) => Arc::ptr_eq(&one.folder, &two.folder),
            _ => false,
        }
    }
}

/// A name in a folder and what lies there.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub(crate) name: Name,
    pub(crate) node: Node,
}

/// A name in a folder that is not recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LeftOut {
    pub(crate) name: Name,
    /// In words for people.
    pub(crate) reason: Arc<str>,
}

/// A folder as it was last seen.
#[derive(Debug)]
pub(crate) struct Folder {
    /// Its git tree.
    pub(crate) id: ObjectId,
    /// The stamp of the folder itself under which `items` and `left_out` have all its names; `None` if its
    /// names have to be listed again.
    pub(crate) listed: Option<Stamp>,
    /// Sorted by name.
    pub(crate) items: Vec<Item>,
    /// Sorted by name.
    pub(crate) left_out: Vec<LeftOut>,
    /// How many entries are left out in it and below it.
    pub(crate) left_out_below: usize,
    /// How many files in it and below it have other names.
    pub(crate) linked_below: usize,
    /// The rules that a file in it sets; not saved, since that file is read again by the next scan.
    pub(crate) rules: Option<Arc<FolderRules>>,
}

impl Folder {
    /// A folder of these parts, which have to be sorted.
    pub(crate) fn new(
        id: ObjectId,
        listed: Option<Stamp>,
        items: Vec<Item>,
        left_out: Vec<LeftOut>,
        rules: Option<Arc<FolderRules>>,
    ) -> Self {
        let (mut left_out_below, mut linked_below) = (left_out.len(), 0);
        for item in &items {
            match &item.node {
                Node::Folder(below) => {
                    left_out_below += below.left_out_below;
                    linked_below += below.linked_below;
                }
                Node::File(known) => linked_below += usize::from(known.linked),
            }
        }
        Self { id, listed, items, left_out, left_out_below, linked_below, rules }
    }

    /// The paths of all files that `wanted` says, of those folders that `enter` says.
    pub(crate) fn paths_of(
        &self,
        enter: &dyn Fn(&Self) -> bool,
        wanted: &dyn Fn(&Known) -> bool,
    ) -> Vec<Vec<u8>> {
        let mut paths = Vec::new();
        self.collect_paths(&[], enter, wanted, &mut paths);
        paths
    }

    fn collect_paths(
        &self,
        path: &[u8],
        enter: &dyn Fn(&Self) -> bool,
        wanted: &dyn Fn(&Known) -> bool,
        paths: &mut Vec<Vec<u8>>,
    ) {
        for item in &self.items {
            match &item.node {
                Node::File(known) if wanted(known) => paths.push(below(path, &item.name)),
                Node::Folder(folder) if enter(folder) => {
                    folder.collect_paths(&below(path, &item.name), enter, wanted, paths);
                }
                Node::File(_) | Node::Folder(_) => {}
            }
        }
    }

    /// It, or something in it, has one of these names.
    pub(crate) fn names_any(&self, ids: &HashSet<ObjectId>) -> bool {
        let named = |item: &Item| match &item.node {
            Node::File(known) => ids.contains(&known.id),
            Node::Folder(folder) => folder.names_any(ids),
        };
        ids.contains(&self.id) || self.items.iter().any(named)
    }

    /// The inodes of files that have other names, which `old` did not know of.
    pub(crate) fn newly_linked(&self, old: Option<&Self>, inodes: &mut HashSet<u64>) {
        if self.linked_below == 0 || old.is_some_and(|old| std::ptr::eq(old, self)) {
            return;
        }
        for item in &self.items {
            match (&item.node, old.and_then(|old| old.node(&item.name))) {
                (Node::File(new), Some(Node::File(old))) if old.linked && old.inode == new.inode => {}
                (Node::File(new), _) if new.linked => drop(inodes.insert(new.inode)),
                (Node::Folder(new), Some(Node::Folder(old))) => new.newly_linked(Some(old), inodes),
                (Node::Folder(new), _) => new.newly_linked(None, inodes),
                (Node::File(_), _) => {}
            }
        }
    }

    pub(crate) fn node(&self, name: &[u8]) -> Option<&Node> {
        let position = self.items.binary_search_by(|item| item.name.as_slice().cmp(name)).ok()?;
        self.items.get(position).map(|item| &item.node)
    }

    /// What lies at `path`; `None` also for the folder itself.
    pub(crate) fn at(&self, path: &[u8]) -> Option<&Node> {
        match path.iter().position(|byte| *byte == b'/') {
            None => self.node(path),
            Some(slash) => match self.node(&path[..slash])? {
                Node::Folder(folder) => folder.at(&path[slash + 1..]),
                Node::File(_) => None,
            },
        }
    }

    /// The two have the same entries, whatever else is known of them.
    pub(crate) fn same_tree(&self, items: &[Item]) -> bool {
        self.items.len() == items.len()
            && self
                .items
                .iter()
                .zip(items)
                .all(|(one, two)| one.name == two.name && one.node.entry() == two.node.entry())
    }

    /// Nothing about the two differs, not even what is known of the entries.
    pub(crate) fn same(&self, other: &Self) -> bool {
        let rules = match (&self.rules, &other.rules) {
            (Some(one), Some(two)) => Arc::ptr_eq(one, two),
            (None, None) => true,
            _ => false,
        };
        rules
            && self.listed == other.listed
            && self.left_out == other.left_out
            && self.items.len() == other.items.len()
            && self
                .items
                .iter()
                .zip(&other.items)
                .all(|(one, two)| one.name == two.name && one.node.same(&two.node))
    }

    /// What is left out here and below, by path, for people. Of very many entries the first are named and
    /// the rest are counted.
    pub(crate) fn skipped(&self) -> Vec<SkippedFile> {
        left_out::named(self.first_left_out(left_out::ENOUGH), self.left_out_below)
    }

    /// All that is left out here and below, by path.
    pub(crate) fn all_left_out(&self) -> Vec<SkippedFile> {
        self.first_left_out(usize::MAX)
    }

    fn first_left_out(&self, most: usize) -> Vec<SkippedFile> {
        let mut skipped = Vec::with_capacity(self.left_out_below.min(most));
        self.collect_left_out(&[], most, &mut skipped);
        skipped
    }

    fn collect_left_out(&self, path: &[u8], most: usize, skipped: &mut Vec<SkippedFile>) {
        let mut left_out = self.left_out.iter().peekable();
        let name_it = |left_out: &LeftOut, skipped: &mut Vec<SkippedFile>| {
            if skipped.len() < most {
                let path = shown(&below(path, &left_out.name));
                skipped.push(SkippedFile { path, reason: left_out.reason.to_string() });
            }
        };
        for item in &self.items {
            let Node::Folder(folder) = &item.node else { continue };
            if folder.left_out_below == 0 {
                continue;
            }
            while let Some(before) = left_out.next_if(|left_out| left_out.name < item.name) {
                name_it(before, skipped);
            }
            if skipped.len() >= most {
                return;
            }
            folder.collect_left_out(&below(path, &item.name), most, skipped);
        }
        for after in left_out {
            name_it(after, skipped);
        }
    }
}

/// What is known of one workspace.
#[derive(Debug, Clone)]
pub(crate) struct Index {
    /// The workspace's folder; what is known of another is worth nothing.
    pub(crate) workspace: Arc<[u8]>,
    pub(crate) root: Arc<Folder>,
}
