//! What the last scan knew about each file, so that an unchanged file is not read again.
//!
//! A cache: it may be deleted at any time, and it is ignored if its checksum or its workspace is another.
//! It lies inside of the repository, so that it goes where the objects go that it names, and it is saved
//! only after these objects are durable.

use std::collections::HashMap;
use std::path::Path;

use git2::Oid;
use sha2::{Digest, Sha256};

use crate::error::SnapshotError;

/// First bytes of the file; the number is the version of the format.
const MAGIC: &[u8] = b"okcvm stat cache 1\n";
/// Name inside of the repository. Git ignores files that it does not know.
const FILE_NAME: &str = "okcvm-stat-cache";

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
    pub(crate) oid: Oid,
    /// `None` if the file was changed so shortly before it was read that a later change may have left the
    /// same stamp: it has to be read again.
    pub(crate) stamp: Option<Stamp>,
}

/// The files and folders of a workspace by path.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Cache {
    /// The workspace's folder; a cache of another is worth nothing.
    pub(crate) workspace: Vec<u8>,
    pub(crate) files: HashMap<Vec<u8>, Known>,
    /// Trees that are in the repository.
    pub(crate) folders: HashMap<Vec<u8>, Oid>,
}

impl Cache {
    /// The saved cache of `workspace`, or an empty one.
    pub(crate) fn load(repository: &Path, workspace: &[u8]) -> Self {
        let empty = || Self { workspace: workspace.to_vec(), ..Self::default() };
        match std::fs::read(repository.join(FILE_NAME)) {
            Ok(bytes) => decode(&bytes).filter(|cache| cache.workspace == workspace).unwrap_or_else(empty),
            Err(_) => empty(),
        }
    }

    /// Saves it. A failure costs time at the next start and nothing else.
    pub(crate) fn save(&self, repository: &Path) -> Result<(), SnapshotError> {
        let path = repository.join(FILE_NAME);
        let unfinished = repository.join(format!("{FILE_NAME}.lock"));
        std::fs::write(&unfinished, self.encode())
            .and_then(|()| std::fs::rename(&unfinished, &path))
            .map_err(|error| SnapshotError::storage("written", path, error))
    }

    fn encode(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        put_bytes(&mut bytes, &self.workspace);
        put_number(&mut bytes, self.files.len() as u64);
        for (path, known) in &self.files {
            put_bytes(&mut bytes, path);
            bytes.extend_from_slice(known.oid.as_bytes());
            bytes.push(u8::from(known.stamp.is_some()));
            if let Some(stamp) = &known.stamp {
                put_number(&mut bytes, stamp.size);
                put_number(&mut bytes, stamp.modified as u64);
                put_number(&mut bytes, stamp.changed as u64);
                put_number(&mut bytes, stamp.inode);
                put_number(&mut bytes, u64::from(stamp.mode));
            }
        }
        put_number(&mut bytes, self.folders.len() as u64);
        for (path, oid) in &self.folders {
            put_bytes(&mut bytes, path);
            bytes.extend_from_slice(oid.as_bytes());
        }
        let sum = Sha256::digest(&bytes);
        bytes.extend_from_slice(&sum);
        bytes
    }
}

fn decode(bytes: &[u8]) -> Option<Cache> {
    let (content, sum) = bytes.split_at_checked(bytes.len().checked_sub(32)?)?;
    if Sha256::digest(content).as_slice() != sum {
        return None;
    }
    let mut rest = content.strip_prefix(MAGIC)?;
    let mut cache = Cache { workspace: take_bytes(&mut rest)?.to_vec(), ..Cache::default() };
    for _ in 0..take_number(&mut rest)? {
        let path = take_bytes(&mut rest)?.to_vec();
        let oid = take_oid(&mut rest)?;
        let (stamped, after) = rest.split_first()?;
        rest = after;
        let stamp = if *stamped == 0 {
            None
        } else {
            Some(Stamp {
                size: take_number(&mut rest)?,
                modified: take_number(&mut rest)? as i64,
                changed: take_number(&mut rest)? as i64,
                inode: take_number(&mut rest)?,
                mode: take_number(&mut rest)? as u32,
            })
        };
        cache.files.insert(path, Known { oid, stamp });
    }
    for _ in 0..take_number(&mut rest)? {
        let path = take_bytes(&mut rest)?.to_vec();
        cache.folders.insert(path, take_oid(&mut rest)?);
    }
    rest.is_empty().then_some(cache)
}

fn put_number(bytes: &mut Vec<u8>, number: u64) {
    bytes.extend_from_slice(&number.to_le_bytes());
}

fn put_bytes(bytes: &mut Vec<u8>, content: &[u8]) {
    put_number(bytes, content.len() as u64);
    bytes.extend_from_slice(content);
}

fn take<'a>(rest: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(count)?;
    *rest = after;
    Some(taken)
}

fn take_number(rest: &mut &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(take(rest, 8)?.try_into().ok()?))
}

fn take_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let count = usize::try_from(take_number(rest)?).ok()?;
    take(rest, count)
}

fn take_oid(rest: &mut &[u8]) -> Option<Oid> {
    Oid::from_bytes(take(rest, 20)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Cache {
        let oid = |byte| Oid::from_bytes(&[byte; 20]).unwrap();
        let stamp = Stamp { size: 7, modified: -1, changed: i64::MAX, inode: u64::MAX, mode: 0o100_755 };
        Cache {
            workspace: b"/some/where".to_vec(),
            files: HashMap::from([
                (b"a\xff/b".to_vec(), Known { oid: oid(1), stamp: Some(stamp) }),
                (b"racy".to_vec(), Known { oid: oid(2), stamp: None }),
            ]),
            folders: HashMap::from([(Vec::new(), oid(3)), (b"a\xff".to_vec(), oid(4))]),
        }
    }

    #[test]
    fn a_cache_survives_saving() {
        let place = tempfile::tempdir().unwrap();
        sample().save(place.path()).unwrap();
        assert_eq!(Cache::load(place.path(), b"/some/where"), sample());
        let other = Cache::load(place.path(), b"/else/where");
        assert_eq!(other, Cache { workspace: b"/else/where".to_vec(), ..Cache::default() });
    }

    #[test]
    fn a_damaged_cache_is_no_cache() {
        let good = sample().encode();
        for position in 0..good.len() {
            let mut bad = good.clone();
            bad[position] ^= 1;
            assert_eq!(decode(&bad), None, "flipped bit at {position}");
            assert_eq!(decode(&good[..position]), None, "cut at {position}");
        }
        assert_eq!(decode(&good), Some(sample()));
    }
}
