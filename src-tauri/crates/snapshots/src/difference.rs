//! What differs between two trees.

use std::collections::{BTreeMap, HashMap};

use git2::{Oid, Repository};
use okcvm_protocol::{ChangeCounts, ChangeKind, FileChange};

use crate::entry::{Entry, Kind, below, blob_size, empty_tree, read_tree, shown, split};
use crate::error::SnapshotError;

/// A path that is not the same in two trees. Folders stand here only if they are empty; of all others the
/// files do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Raw bytes with `/`.
    pub(crate) path: Vec<u8>,
    pub(crate) old: Option<Entry>,
    pub(crate) new: Option<Entry>,
}

/// Compares two trees, sorted by path. Equal subtrees are not looked into, so that the cost follows the
/// difference and not the size. A folder that only became empty, or is so no more, is no difference of its
/// own: the files that went or came are.
pub(crate) fn differences(
    repository: &Repository,
    old: Oid,
    new: Oid,
) -> Result<Vec<Difference>, SnapshotError> {
    let mut comparison = Comparison { repository, found: Vec::new() };
    comparison.folders(&[], old, new)?;
    comparison.found.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(comparison.found)
}

struct Comparison<'a> {
    repository: &'a Repository,
    found: Vec<Difference>,
}

#[derive(Clone, Copy)]
enum Side {
    Old,
    New,
}

impl Comparison<'_> {
    fn folders(&mut self, path: &[u8], old: Oid, new: Oid) -> Result<(), SnapshotError> {
        if old == new {
            return Ok(());
        }
        let mut pairs: BTreeMap<Vec<u8>, (Option<Entry>, Option<Entry>)> = BTreeMap::new();
        for (name, entry) in read_tree(self.repository, old)? {
            pairs.entry(name).or_default().0 = Some(entry);
        }
        for (name, entry) in read_tree(self.repository, new)? {
            pairs.entry(name).or_default().1 = Some(entry);
        }
        for (name, (old, new)) in pairs {
            if old != new {
                self.entries(&below(path, &name), old, new)?;
            }
        }
        Ok(())
    }

    fn entries(&mut self, path: &[u8], old: Option<Entry>, new: Option<Entry>) -> Result<(), SnapshotError> {
        if let (Some(Entry { kind: Kind::Folder, oid: old }), Some(Entry { kind: Kind::Folder, oid: new })) =
            (old, new)
        {
            return self.folders(path, old, new);
        }
        let (old_itself, new_itself) = (old.filter(stands_itself), new.filter(stands_itself));
        if old_itself.is_some() || new_itself.is_some() {
            self.found.push(Difference { path: path.to_vec(), old: old_itself, new: new_itself });
        }
        if let Some(entry) = old.filter(|entry| !stands_itself(entry)) {
            self.all_of(path, entry.oid, Side::Old)?;
        }
        if let Some(entry) = new.filter(|entry| !stands_itself(entry)) {
            self.all_of(path, entry.oid, Side::New)?;
        }
        Ok(())
    }

    fn all_of(&mut self, path: &[u8], folder: Oid, side: Side) -> Result<(), SnapshotError> {
        for (name, entry) in read_tree(self.repository, folder)? {
            match side {
                Side::Old => self.entries(&below(path, &name), Some(entry), None)?,
                Side::New => self.entries(&below(path, &name), None, Some(entry))?,
            }
        }
        Ok(())
    }
}

fn stands_itself(entry: &Entry) -> bool {
    entry.kind != Kind::Folder || entry.oid == empty_tree()
}

/// The differences as changes of files: empty folders left out, and a file that went together with one
/// that came with the same content made a rename (the likeliest pair first: equal names).
pub(crate) fn changes(
    repository: &Repository,
    differences: &[Difference],
) -> Result<Vec<FileChange>, SnapshotError> {
    let mut gone: HashMap<Entry, Vec<&Difference>> = HashMap::new();
    for difference in differences {
        let (old, new) = file_sides(difference);
        if let (Some(old), None) = (old, new)
            // Nothing is the same as nothing else.
            && blob_size(repository, old.oid)? > 0
        {
            gone.entry(old).or_default().push(difference);
        }
    }
    let mut renamed: HashMap<&[u8], &[u8]> = HashMap::new();
    let mut old_names: std::collections::HashSet<&[u8]> = std::collections::HashSet::new();
    for equal_names in [true, false] {
        for difference in differences {
            let (None, Some(new)) = file_sides(difference) else { continue };
            let Some(candidates) = gone.get_mut(&new) else { continue };
            let name = split(&difference.path).1;
            if renamed.contains_key(difference.path.as_slice()) {
                continue;
            }
            let position =
                candidates.iter().position(|candidate| !equal_names || split(&candidate.path).1 == name);
            if let Some(position) = position {
                let old = candidates.remove(position);
                renamed.insert(&difference.path, &old.path);
                old_names.insert(&old.path);
            }
        }
    }
    let mut changes = Vec::new();
    for difference in differences {
        let (old, new) = file_sides(difference);
        let size = |entry: Option<Entry>| entry.map(|entry| blob_size(repository, entry.oid)).transpose();
        let (mut old_size, new_size) = (size(old)?, size(new)?);
        let mut old_path = None;
        let kind = match (old, new) {
            (None, None) => continue,
            (Some(_), Some(_)) => ChangeKind::Modified,
            (Some(_), None) if old_names.contains(difference.path.as_slice()) => continue,
            (Some(_), None) => ChangeKind::Deleted,
            (None, Some(_)) => match renamed.get(difference.path.as_slice()) {
                Some(old) => {
                    old_path = Some(shown(old));
                    old_size = new_size;
                    ChangeKind::Renamed
                }
                None => ChangeKind::Added,
            },
        };
        changes.push(FileChange { path: shown(&difference.path), old_path, kind, old_size, new_size });
    }
    Ok(changes)
}

/// How many files came, changed and went; a renamed file came and went.
pub(crate) fn counts(differences: &[Difference]) -> ChangeCounts {
    let mut counts = ChangeCounts { added: 0, modified: 0, deleted: 0 };
    for difference in differences {
        match file_sides(difference) {
            (None, None) => {}
            (None, Some(_)) => counts.added += 1,
            (Some(_), Some(_)) => counts.modified += 1,
            (Some(_), None) => counts.deleted += 1,
        }
    }
    counts
}

fn file_sides(difference: &Difference) -> (Option<Entry>, Option<Entry>) {
    let file = |entry: &Entry| entry.kind != Kind::Folder;
    (difference.old.filter(file), difference.new.filter(file))
}
