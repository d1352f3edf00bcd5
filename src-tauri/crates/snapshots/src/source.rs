//! Reading objects from any number of threads at once.

use std::cmp::Ordering;
use std::io::Read;
use std::sync::Arc;

use okcvm_objects::{EMPTY_TREE, Entry, EntryKind, ObjectError, ObjectId, ObjectKind, Objects};

use crate::error::SnapshotError;

/// A content of at most so many bytes is read whole, and so checked, whatever part of it is asked for.
const WHOLE: u64 = 1_000_000;

/// A name in a tree and what lies there.
pub(crate) type Named = (Vec<u8>, Entry);

/// The objects of a history. A clone is cheap and reads the same.
#[derive(Clone)]
pub(crate) struct Source {
    objects: Objects,
}

impl Source {
    pub(crate) fn new(objects: Objects) -> Self {
        Self { objects }
    }

    /// The entries of a tree in git's order, which [`tree_order`] is.
    pub(crate) fn tree(&self, id: ObjectId) -> Result<Arc<Vec<Named>>, SnapshotError> {
        if id == EMPTY_TREE { Ok(Arc::default()) } else { Ok(self.objects.read_tree(&id)?) }
    }

    /// What lies at `path` (raw bytes with `/`) in the tree `root`; the empty path is the tree itself.
    pub(crate) fn entry_at(&self, root: ObjectId, path: &[u8]) -> Result<Option<Entry>, SnapshotError> {
        let mut current = Entry { kind: EntryKind::Folder, id: root };
        for part in path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()) {
            if current.kind != EntryKind::Folder {
                return Ok(None);
            }
            let Some(entry) = named(&self.tree(current.id)?, part) else { return Ok(None) };
            current = entry;
        }
        Ok(Some(current))
    }

    /// There is a folder at `path` in the tree `root`.
    pub(crate) fn is_folder(&self, root: ObjectId, path: &[u8]) -> Result<bool, SnapshotError> {
        Ok(self.entry_at(root, path)?.is_some_and(|entry| entry.kind == EntryKind::Folder))
    }

    /// Bytes of a blob; its content is not read.
    pub(crate) fn size(&self, id: ObjectId) -> Result<u64, SnapshotError> {
        match self.objects.header(&id)? {
            Some((_, size)) => Ok(size),
            None => Err(ObjectError::Missing { id }.into()),
        }
    }

    /// The content of a blob.
    pub(crate) fn blob(&self, id: ObjectId) -> Result<Vec<u8>, SnapshotError> {
        Ok(self.objects.read_kind(&id, ObjectKind::Blob)?)
    }

    /// At most `length` bytes of a blob from `offset` on.
    pub(crate) fn range(&self, id: ObjectId, offset: u64, length: u64) -> Result<Vec<u8>, SnapshotError> {
        let size = self.size(id)?;
        if size > WHOLE && length < size {
            return Ok(self.objects.read_range(&id, offset, length)?);
        }
        let mut bytes = self.blob(id)?;
        let start = offset.min(size) as usize;
        bytes.truncate(start.saturating_add(usize::try_from(length).unwrap_or(usize::MAX)));
        bytes.drain(..start.min(bytes.len()));
        Ok(bytes)
    }

    /// Reads a blob to its end. An error if it is damaged.
    pub(crate) fn check(&self, id: ObjectId) -> Result<(), SnapshotError> {
        let (size, mut content) = self.reader(id)?;
        let failed = |error| SnapshotError::workspace("read", id.to_string().as_bytes(), error);
        let found = std::io::copy(&mut content, &mut std::io::sink()).map_err(failed)?;
        if found == size { Ok(()) } else { Err(ObjectError::Missing { id }.into()) }
    }

    /// The content of a blob in pieces, and how many bytes it has.
    pub(crate) fn reader(&self, id: ObjectId) -> Result<(u64, Box<dyn Read + Send>), SnapshotError> {
        Ok(self.objects.reader(&id)?)
    }
}

/// The entry of this name in a tree.
pub(crate) fn named(tree: &[Named], name: &[u8]) -> Option<Entry> {
    // A folder of the name stands elsewhere than a file of it; only one of them can be there.
    [EntryKind::File, EntryKind::Folder].into_iter().find_map(|kind| {
        let found = tree.binary_search_by(|(other, entry)| key_order((other, entry.kind), (name, kind)));
        found.ok().map(|position| tree[position].1)
    })
}

/// How entries stand in a tree: by name, as if the names of folders ended in `/`.
pub(crate) fn tree_order(left: &Named, right: &Named) -> Ordering {
    key_order((&left.0, left.1.kind), (&right.0, right.1.kind))
}

fn key_order(left: (&[u8], EntryKind), right: (&[u8], EntryKind)) -> Ordering {
    let common = left.0.len().min(right.0.len());
    left.0[..common].cmp(&right.0[..common]).then_with(|| {
        // The byte after the end of a file's name is less than any other.
        let next = |(name, kind): (&[u8], EntryKind)| {
            name.get(common).copied().or((kind == EntryKind::Folder).then_some(b'/'))
        };
        next(left).cmp(&next(right)).then(left.0.len().cmp(&right.0.len()))
    })
}
