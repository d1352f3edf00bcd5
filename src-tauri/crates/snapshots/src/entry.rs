//! Entries of trees, and git's encoding of them.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use git2::{ObjectType, Oid, Repository};

use crate::error::SnapshotError;

/// Raw bytes of the tree without entries have this name in every git repository.
const EMPTY_TREE: [u8; 20] = [
    0x4b, 0x82, 0x5d, 0xc6, 0x42, 0xcb, 0x6e, 0xb9, 0xa0, 0x60, 0xe5, 0x4b, 0xf8, 0xd6, 0x92, 0x88, 0xfb,
    0xee, 0x49, 0x04,
];

/// What an entry of a tree is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    File,
    Executable,
    Link,
    Folder,
}

impl Kind {
    fn from_mode(mode: i32) -> Option<Self> {
        match mode & 0o170_000 {
            0o100_000 if mode & 0o111 != 0 => Some(Self::Executable),
            0o100_000 => Some(Self::File),
            0o120_000 => Some(Self::Link),
            0o040_000 => Some(Self::Folder),
            // A submodule; we never write one.
            _ => None,
        }
    }

    pub(crate) fn is_file(self) -> bool {
        matches!(self, Self::File | Self::Executable)
    }
}

/// An entry of a tree without its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    pub(crate) oid: Oid,
}

/// The id of the tree without entries.
pub(crate) fn empty_tree() -> Oid {
    // Twenty bytes are an id.
    Oid::from_bytes(&EMPTY_TREE).unwrap_or(Oid::ZERO_SHA1)
}

/// The entries of the tree `oid` by name.
pub(crate) fn read_tree(
    repository: &Repository,
    oid: Oid,
) -> Result<BTreeMap<Vec<u8>, Entry>, SnapshotError> {
    if oid == empty_tree() {
        return Ok(BTreeMap::new());
    }
    let tree = repository.find_tree(oid).map_err(SnapshotError::damaged(format!("the tree {oid}")))?;
    Ok(tree
        .iter()
        .filter_map(|entry| {
            let kind = Kind::from_mode(entry.filemode())?;
            Some((entry.name_bytes().to_vec(), Entry { kind, oid: entry.id() }))
        })
        .collect())
}

/// What lies at `path` (raw bytes with `/`) in the tree `root`; the empty path is the tree itself.
pub(crate) fn entry_at(
    repository: &Repository,
    root: Oid,
    path: &[u8],
) -> Result<Option<Entry>, SnapshotError> {
    let mut current = Entry { kind: Kind::Folder, oid: root };
    for part in path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()) {
        if current.kind != Kind::Folder || current.oid == empty_tree() {
            return Ok(None);
        }
        let what = format!("the tree {}", current.oid);
        let tree = repository.find_tree(current.oid).map_err(SnapshotError::damaged(what))?;
        let Some(entry) = tree.get_name_bytes(part) else { return Ok(None) };
        let Some(kind) = Kind::from_mode(entry.filemode()) else { return Ok(None) };
        current = Entry { kind, oid: entry.id() };
    }
    Ok(Some(current))
}

/// Bytes of the blob `oid`.
pub(crate) fn blob_size(repository: &Repository, oid: Oid) -> Result<u64, SnapshotError> {
    let header = repository.odb()?.read_header(oid);
    header.map(|(size, _)| size as u64).map_err(SnapshotError::damaged(format!("the file content {oid}")))
}

/// The content of the blob `oid`.
pub(crate) fn blob(repository: &Repository, oid: Oid) -> Result<Vec<u8>, SnapshotError> {
    let what = || SnapshotError::damaged(format!("the file content {oid}"));
    let odb = repository.odb()?;
    let object = odb.read(oid).map_err(what())?;
    if object.kind() != ObjectType::Blob {
        return Err(what()(git2::Error::from_str("it is no blob")));
    }
    Ok(object.data().to_vec())
}

/// A raw path as text for the wire; see `okcvm_workspace::encode_name`.
pub(crate) fn shown(path: &[u8]) -> String {
    okcvm_workspace::encode_name(OsStr::from_bytes(path))
}

/// The raw path that [`shown`] was made from.
pub(crate) fn raw(path: &str) -> Vec<u8> {
    okcvm_workspace::decode_name(path).as_bytes().to_vec()
}

/// `name` below `folder`.
pub(crate) fn below(folder: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(folder.len() + name.len() + 1);
    path.extend_from_slice(folder);
    if !folder.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

/// The folder of `path` and the name in it; the empty folder is the workspace.
pub(crate) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (&[], path),
    }
}
