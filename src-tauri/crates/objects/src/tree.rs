//! Trees: a folder's names, each with its kind and object.

use std::cmp::Ordering;

use crate::error::ObjectError;
use crate::id::ObjectId;

/// What an entry of a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EntryKind {
    /// A file.
    File,
    /// A file that can be run.
    Executable,
    /// A symbolic link; its blob is the target.
    Link,
    /// A folder; its object is a tree.
    Folder,
}

impl EntryKind {
    /// A file that can be run or not, and no link.
    pub fn is_file(self) -> bool {
        matches!(self, Self::File | Self::Executable)
    }

    fn mode(self) -> &'static [u8] {
        match self {
            Self::File => b"100644",
            Self::Executable => b"100755",
            Self::Link => b"120000",
            Self::Folder => b"40000",
        }
    }

    /// `None` for a submodule, which we never write.
    fn from_mode(mode: u32) -> Option<Self> {
        match mode & 0o170_000 {
            0o100_000 if mode & 0o111 != 0 => Some(Self::Executable),
            0o100_000 => Some(Self::File),
            0o120_000 => Some(Self::Link),
            0o040_000 => Some(Self::Folder),
            _ => None,
        }
    }
}

/// An entry of a tree without its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Entry {
    /// What it is.
    pub kind: EntryKind,
    /// Its object.
    pub id: ObjectId,
}

/// What a tree holds: names and entries.
pub type Entries = Vec<(Vec<u8>, Entry)>;

/// Git's bytes of a tree; the entries may come in any order. No name may come twice, be empty, or hold a
/// NUL or a slash.
pub fn encode_tree<'a>(entries: impl Iterator<Item = (&'a [u8], Entry)>) -> Vec<u8> {
    let mut entries: Vec<(&[u8], Entry)> = entries.collect();
    entries.sort_unstable_by(|left, right| git_order(*left, *right));
    let mut bytes = Vec::with_capacity(entries.iter().map(|(name, _)| name.len() + 28).sum());
    for (name, entry) in entries {
        bytes.extend_from_slice(entry.kind.mode());
        bytes.push(b' ');
        bytes.extend_from_slice(name);
        bytes.push(0);
        bytes.extend_from_slice(entry.id.as_bytes());
    }
    bytes
}

/// Git sorts as if the name of a folder ended in a slash.
fn git_order(left: (&[u8], Entry), right: (&[u8], Entry)) -> Ordering {
    let shared = left.0.len().min(right.0.len());
    let after = |(name, entry): (&[u8], Entry)| {
        name.get(shared).copied().or((entry.kind == EntryKind::Folder).then_some(b'/'))
    };
    left.0[..shared].cmp(&right.0[..shared]).then_with(|| after(left).cmp(&after(right)))
}

/// The entries of a tree in git's order. Submodules are left out.
pub fn parse_tree(bytes: &[u8]) -> Result<Entries, ObjectError> {
    let mut entries = Vec::with_capacity(bytes.len() / 36);
    let mut rest = bytes;
    while !rest.is_empty() {
        let (name, mode, id, after) =
            split_entry(rest).ok_or_else(|| ObjectError::damaged("a tree", "an entry has no form"))?;
        rest = after;
        if let Some(kind) = EntryKind::from_mode(mode) {
            entries.push((name.to_vec(), Entry { kind, id }));
        }
    }
    Ok(entries)
}

/// A name that can lie in a folder. Any other one would lead out of it, or into git's own folder.
fn is_name(name: &[u8]) -> bool {
    !matches!(name, b"" | b"." | b".." | b".git") && !name.contains(&b'/')
}

fn split_entry(bytes: &[u8]) -> Option<(&[u8], u32, ObjectId, &[u8])> {
    let space = bytes.iter().take(8).position(|byte| *byte == b' ')?;
    let mut mode = 0;
    for byte in &bytes[..space] {
        mode = mode << 3 | char::from(*byte).to_digit(8)?;
    }
    let rest = &bytes[space + 1..];
    let end = rest.iter().position(|byte| *byte == 0)?;
    let (name, rest) = (&rest[..end], &rest[end + 1..]);
    let id = ObjectId::from_start(rest)?;
    is_name(name).then_some((name, mode, id, &rest[20..]))
}

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;
