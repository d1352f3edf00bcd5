//! Differences in the words of the wire: files that came, changed, went or have another name.

use okcvm_objects::{Entry, EntryKind, ObjectId};
use std::collections::{HashMap, HashSet};

use okcvm_protocol::{ChangeCounts, ChangeKind, FileChange};

use crate::difference::Difference;
use crate::entry::{shown, split};
use crate::error::SnapshotError;
use crate::similarity::{Pieces, sizes_allow};
use crate::source::Source;

/// The blob without bytes.
const EMPTY_BLOB: ObjectId = ObjectId::from_bytes(&[
    0xe6, 0x9d, 0xe2, 0x9b, 0xb2, 0xd1, 0xd6, 0x43, 0x4b, 0x8b, 0x29, 0xae, 0x77, 0x5a, 0xd8, 0xc2, 0xe4,
    0x8c, 0x53, 0x91,
]);
/// Pairs of a file that went and one that came which are compared; of more, those with equal names.
const MAX_PAIRS: usize = 20_000;
/// Bytes that are read in all for these comparisons.
const MAX_READ: u64 = 4_000_000;

/// How a file came to its new name.
struct Renamed<'a> {
    old: &'a Difference,
    /// The content changed with the name.
    edited: bool,
}

/// The differences as changes of files: empty folders left out. A file that went together with one that
/// came is a rename if the content is the same (the likeliest pair first: equal names), or if both are
/// texts of which at least half stands in the other. For the latter a bounded number of pairs and bytes is
/// looked at.
pub(crate) fn changes(source: &Source, differences: &[Difference]) -> Result<Vec<FileChange>, SnapshotError> {
    let mut renamed = same_content(differences);
    similar_content(source, differences, &mut renamed)?;
    let old_names: HashSet<&[u8]> = renamed.values().map(|renamed| renamed.old.path.as_slice()).collect();
    // Of what is damaged the size is not known; that is no reason to say nothing of the others.
    let size = |entry: Option<Entry>| match entry.map(|entry| source.size(entry.id)).transpose() {
        Err(error) if error.is_damage() => Ok(None),
        known => known,
    };
    let mut changes = Vec::with_capacity(differences.len());
    for difference in differences {
        let (old, new) = file_sides(difference);
        let mut old_path = None;
        let (kind, old_size, new_size) = match (old, new) {
            (None, None) => continue,
            (Some(_), Some(_)) => (ChangeKind::Modified, size(old)?, size(new)?),
            (Some(_), None) if old_names.contains(difference.path.as_slice()) => continue,
            (Some(_), None) => (ChangeKind::Deleted, size(old)?, None),
            (None, Some(_)) => match renamed.get(difference.path.as_slice()) {
                Some(Renamed { old, edited }) => {
                    old_path = Some(shown(&old.path));
                    let new_size = size(new)?;
                    let old_size = if *edited { size(old.old)? } else { new_size };
                    (ChangeKind::Renamed, old_size, new_size)
                }
                None => (ChangeKind::Added, None, size(new)?),
            },
        };
        changes.push(FileChange { path: shown(&difference.path), old_path, kind, old_size, new_size });
    }
    Ok(changes)
}

fn same_content(differences: &[Difference]) -> HashMap<&[u8], Renamed<'_>> {
    let mut gone: HashMap<Entry, Vec<&Difference>> = HashMap::new();
    for difference in differences {
        if let (Some(old), None) = file_sides(difference)
            // Nothing is the same as nothing else.
            && old.id != EMPTY_BLOB
        {
            gone.entry(old).or_default().push(difference);
        }
    }
    let mut renamed: HashMap<&[u8], Renamed<'_>> = HashMap::new();
    if gone.is_empty() {
        return renamed;
    }
    for equal_names in [true, false] {
        for difference in differences {
            let (None, Some(new)) = file_sides(difference) else { continue };
            let Some(candidates) = gone.get_mut(&new) else { continue };
            if renamed.contains_key(difference.path.as_slice()) {
                continue;
            }
            let name = split(&difference.path).1;
            let position =
                candidates.iter().position(|candidate| !equal_names || split(&candidate.path).1 == name);
            if let Some(position) = position {
                let old = candidates.remove(position);
                renamed.insert(&difference.path, Renamed { old, edited: false });
            }
        }
    }
    renamed
}

/// Files of text that went or came, read as far as the bound allows.
struct Texts<'a> {
    source: &'a Source,
    sizes: HashMap<ObjectId, u64>,
    left: u64,
    read: HashMap<ObjectId, Option<Pieces>>,
}

impl Texts<'_> {
    fn size(&self, id: ObjectId) -> u64 {
        self.sizes.get(&id).copied().unwrap_or(0)
    }

    fn read(&mut self, id: ObjectId) -> Result<(), SnapshotError> {
        let size = self.size(id);
        if self.read.contains_key(&id) || size > self.left {
            return Ok(());
        }
        self.left -= size;
        let pieces = match self.source.blob(id) {
            Ok(text) => Pieces::of(&text),
            Err(error) if error.is_damage() => None,
            Err(error) => return Err(error),
        };
        self.read.insert(id, pieces);
        Ok(())
    }

    fn likeness(&mut self, old: ObjectId, new: ObjectId) -> Result<Option<u64>, SnapshotError> {
        if !sizes_allow(self.size(old), self.size(new)) {
            return Ok(None);
        }
        self.read(old)?;
        self.read(new)?;
        let pieces = |id: ObjectId| self.read.get(&id).and_then(Option::as_ref);
        Ok(pieces(old).zip(pieces(new)).and_then(|(old, new)| old.likeness(new)))
    }
}

fn similar_content<'a>(
    source: &Source,
    differences: &'a [Difference],
    renamed: &mut HashMap<&'a [u8], Renamed<'a>>,
) -> Result<(), SnapshotError> {
    let taken: HashSet<&[u8]> = renamed.values().map(|renamed| renamed.old.path.as_slice()).collect();
    let (mut gone, mut came) = (Vec::new(), Vec::new());
    for difference in differences {
        match file_sides(difference) {
            (Some(old), None) if old.kind.is_file() && !taken.contains(difference.path.as_slice()) => {
                gone.push((difference, old.id));
            }
            (None, Some(new)) if new.kind.is_file() && !renamed.contains_key(difference.path.as_slice()) => {
                came.push((difference, new.id));
            }
            _ => {}
        }
    }
    if gone.is_empty() || came.is_empty() {
        return Ok(());
    }
    let pairs = if gone.len().saturating_mul(came.len()) > MAX_PAIRS {
        equal_names(&gone, &came)
    } else {
        gone.iter().flat_map(|old| came.iter().map(move |new| (*old, *new))).collect()
    };
    let mut sizes: HashMap<ObjectId, u64> = HashMap::new();
    for (_, id) in pairs.iter().flat_map(|(old, new)| [old, new]) {
        if !sizes.contains_key(id) {
            match source.size(*id) {
                Err(error) if error.is_damage() => {}
                size => {
                    sizes.insert(*id, size?);
                }
            }
        }
    }
    let mut texts = Texts { source, sizes, left: MAX_READ, read: HashMap::new() };
    let mut likely = Vec::new();
    for ((old, old_id), (new, new_id)) in pairs {
        if let Some(likeness) = texts.likeness(old_id, new_id)? {
            likely.push((likeness, split(&old.path).1 == split(&new.path).1, old, new));
        }
    }
    // The order of the paths decides between pairs that are equally good.
    likely.sort_by_key(|(likeness, equal_names, _, _)| std::cmp::Reverse((*likeness, *equal_names)));
    let mut taken = HashSet::new();
    for (_, _, old, new) in likely {
        if !renamed.contains_key(new.path.as_slice()) && taken.insert(old.path.as_slice()) {
            renamed.insert(&new.path, Renamed { old, edited: true });
        }
    }
    Ok(())
}

type File<'a> = (&'a Difference, ObjectId);

/// The pairs of files whose name went once and came once.
fn equal_names<'a>(gone: &[File<'a>], came: &[File<'a>]) -> Vec<(File<'a>, File<'a>)> {
    fn by_name<'a>(files: &[File<'a>]) -> HashMap<&'a [u8], Vec<File<'a>>> {
        let mut by_name: HashMap<&[u8], Vec<File<'_>>> = HashMap::new();
        for file in files {
            by_name.entry(split(&file.0.path).1).or_default().push(*file);
        }
        by_name
    }
    let came = by_name(came);
    let pair = |(name, old): (&[u8], Vec<File<'a>>)| match (old.as_slice(), came.get(name)?.as_slice()) {
        ([old], [new]) => Some((*old, *new)),
        _ => None,
    };
    let mut pairs: Vec<_> = by_name(gone).into_iter().filter_map(pair).collect();
    pairs.sort_by(|left, right| left.0.0.path.cmp(&right.0.0.path));
    pairs.truncate(MAX_PAIRS);
    pairs
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
    let file = |entry: &Entry| entry.kind != EntryKind::Folder;
    (difference.old.filter(file), difference.new.filter(file))
}
