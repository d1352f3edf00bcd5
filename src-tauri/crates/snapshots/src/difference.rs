//! What differs between two trees.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::entry::below;
use crate::error::SnapshotError;
use crate::names::NameRules;
use crate::source::{Source, named, tree_order};
use okcvm_objects::{EMPTY_TREE, Entry, EntryKind, ObjectId};

/// A path that is not the same in two trees. Folders stand here only if they are empty; of all others the
/// files do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Raw bytes with `/`.
    pub(crate) path: Vec<u8>,
    pub(crate) old: Option<Entry>,
    pub(crate) new: Option<Entry>,
}

/// The part of two trees that is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    All,
    /// These paths and all below them, sorted.
    Paths(Vec<Vec<u8>>),
}

/// How a path stands to a scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It and all below it belong to the scope.
    Inside,
    /// Something below it may.
    OnTheWay,
    Outside,
}

impl Scope {
    /// The scope of these paths; the empty one is everything.
    pub(crate) fn of(paths: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let clean = |path: Vec<u8>| {
            let parts = path.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".");
            parts.collect::<Vec<_>>().join(&b'/')
        };
        let mut paths: Vec<Vec<u8>> = paths.into_iter().map(clean).collect();
        if paths.iter().any(Vec::is_empty) {
            return Self::All;
        }
        paths.sort();
        paths.dedup();
        Self::Paths(paths)
    }

    /// The path, or a folder above it, is one of the scope's.
    pub(crate) fn covers(&self, path: &[u8]) -> bool {
        let ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(position, _)| position);
        ends.chain([path.len()]).any(|end| self.place(&path[..end]) == Place::Inside)
    }

    /// How `path`, whose folder is on the way, stands to the scope.
    fn place(&self, path: &[u8]) -> Place {
        let Self::Paths(paths) = self else { return Place::Inside };
        let position = paths.partition_point(|other| other.as_slice() < path);
        if paths.get(position).is_some_and(|other| other == path) {
            return Place::Inside;
        }
        let inside = below(path, b"");
        let position = paths.partition_point(|other| *other < inside);
        match paths.get(position) {
            Some(other) if other.starts_with(&inside) => Place::OnTheWay,
            _ => Place::Outside,
        }
    }
}

/// Compares two trees, sorted by path. Equal subtrees are not looked into, so that the cost follows the
/// difference and not the size. A folder that only became empty, or is so no more, is no difference of its
/// own: the files that went or came are.
pub(crate) fn differences(
    source: &Source,
    old: ObjectId,
    new: ObjectId,
    scope: &Scope,
) -> Result<Vec<Difference>, SnapshotError> {
    let mut comparison = Comparison { source, scope, found: Vec::new() };
    let place = if *scope == Scope::All { Place::Inside } else { Place::OnTheWay };
    comparison.folders(&[], old, new, place)?;
    comparison.found.sort_by(|left, right| left.path.cmp(&right.path));
    // A folder does not stand where a file of its name would: the two come one by one.
    comparison.found.dedup_by(|second, first| {
        let same = first.path == second.path;
        if same {
            first.old = first.old.or(second.old);
            first.new = first.new.or(second.new);
        }
        same
    });
    Ok(comparison.found)
}

/// The differences outside of a scope that a file system with these rules takes for some inside of it.
pub(crate) fn folded_into(
    rules: NameRules,
    source: &Source,
    [old, new]: [ObjectId; 2],
    scope: &Scope,
) -> Result<Vec<Difference>, SnapshotError> {
    let Scope::Paths(paths) = scope else { return Ok(Vec::new()) };
    if !rules.folds() {
        return Ok(Vec::new());
    }
    let folded = Scope::of(paths.iter().map(|path| rules.folded(path)));
    let mut found = differences(source, old, new, &Scope::All)?;
    found.retain(|one| !scope.covers(&one.path) && folded.covers(&rules.folded(&one.path)));
    Ok(found)
}

struct Comparison<'a> {
    source: &'a Source,
    scope: &'a Scope,
    found: Vec<Difference>,
}

#[derive(Clone, Copy)]
enum Side {
    Old,
    New,
}

impl Comparison<'_> {
    fn folders(
        &mut self,
        path: &[u8],
        old: ObjectId,
        new: ObjectId,
        place: Place,
    ) -> Result<(), SnapshotError> {
        if old == new {
            return Ok(());
        }
        let (old, new) = (self.source.tree(old)?, self.source.tree(new)?);
        let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
        loop {
            let order = match (old.peek(), new.peek()) {
                (Some(left), Some(right)) => tree_order(left, right),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (None, None) => return Ok(()),
            };
            let left = if order == Ordering::Greater { None } else { old.next() };
            let right = if order == Ordering::Less { None } else { new.next() };
            let (Some((name, _)), sides) =
                (left.or(right), (left.map(|(_, entry)| *entry), right.map(|(_, entry)| *entry)))
            else {
                return Ok(());
            };
            if sides.0 != sides.1 {
                self.entries(&below(path, name), sides.0, sides.1, place)?;
            }
        }
    }

    fn entries(
        &mut self,
        path: &[u8],
        old: Option<Entry>,
        new: Option<Entry>,
        place: Place,
    ) -> Result<(), SnapshotError> {
        let place = if place == Place::Inside { place } else { self.scope.place(path) };
        if place == Place::Outside {
            return Ok(());
        }
        if let (
            Some(Entry { kind: EntryKind::Folder, id: old }),
            Some(Entry { kind: EntryKind::Folder, id: new }),
        ) = (old, new)
        {
            return self.folders(path, old, new, place);
        }
        let (old_itself, new_itself) = (old.filter(stands_itself), new.filter(stands_itself));
        if place == Place::Inside && (old_itself.is_some() || new_itself.is_some()) {
            self.found.push(Difference { path: path.to_vec(), old: old_itself, new: new_itself });
        }
        if let Some(entry) = old.filter(|entry| !stands_itself(entry)) {
            self.all_of(path, entry.id, Side::Old, place)?;
        }
        if let Some(entry) = new.filter(|entry| !stands_itself(entry)) {
            self.all_of(path, entry.id, Side::New, place)?;
        }
        Ok(())
    }

    fn all_of(
        &mut self,
        path: &[u8],
        folder: ObjectId,
        side: Side,
        place: Place,
    ) -> Result<(), SnapshotError> {
        for (name, entry) in self.source.tree(folder)?.iter() {
            match side {
                Side::Old => self.entries(&below(path, name), Some(*entry), None, place)?,
                Side::New => self.entries(&below(path, name), None, Some(*entry), place)?,
            }
        }
        Ok(())
    }
}

/// The entry is a path of its own in a [`Difference`]: of a folder with something in it the files are.
pub(crate) fn stands_itself(entry: &Entry) -> bool {
    entry.kind != EntryKind::Folder || entry.id == EMPTY_TREE
}

/// Those of `paths` at which two trees differ; a folder does if anything in it does. The cost follows what
/// was asked for or what differs, whichever is less.
pub(crate) fn changed_among<'a>(
    source: &Source,
    old: ObjectId,
    new: ObjectId,
    paths: impl IntoIterator<Item = &'a [u8]>,
) -> Result<Vec<&'a [u8]>, SnapshotError> {
    let mut asked: Vec<(&[u8], Vec<&[u8]>)> = paths
        .into_iter()
        .map(|path| (path, path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).collect()))
        .collect();
    asked.sort_by(|left, right| left.1.cmp(&right.1));
    let mut found = Vec::new();
    let tree = |id| Some(Entry { kind: EntryKind::Folder, id });
    ask(source, tree(old), tree(new), 0, &asked, &mut found)?;
    Ok(found)
}

/// `asked` have their first `depth` parts in common, which lead to `old` and `new`.
fn ask<'a>(
    source: &Source,
    old: Option<Entry>,
    new: Option<Entry>,
    depth: usize,
    asked: &[(&'a [u8], Vec<&'a [u8]>)],
    found: &mut Vec<&'a [u8]>,
) -> Result<(), SnapshotError> {
    if old == new {
        return Ok(());
    }
    let here = asked.partition_point(|(_, parts)| parts.len() == depth);
    found.extend(asked[..here].iter().map(|(path, _)| *path));
    let rest = &asked[here..];
    if rest.is_empty() {
        return Ok(());
    }
    let names = |entry: Option<Entry>| match entry {
        Some(Entry { kind: EntryKind::Folder, id }) => source.tree(id),
        _ => Ok(Arc::default()),
    };
    let (old, new) = (names(old)?, names(new)?);
    for group in rest.chunk_by(|left, right| left.1[depth] == right.1[depth]) {
        let part = group[0].1[depth];
        ask(source, named(&old, part), named(&new, part), depth + 1, group, found)?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "difference_tests.rs"]
mod tests;
