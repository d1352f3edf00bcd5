//! The index on the disk: a cache, so that a start does not read every file again.
//!
//! It may be deleted at any time and may be older than the newest snapshot: then more files are read
//! again. It is ignored if its checksum or its workspace is another. It is saved only after the objects that
//! it names are durable, and who loads it asks the repository for its root.

use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::path::Path;
use std::sync::Arc;

use okcvm_objects::{EntryKind, ObjectId};
use sha2::{Digest, Sha256};

use super::{Folder, Index, Item, Known, LeftOut, Node, Stamp};
use crate::error::SnapshotError;
use crate::repository;

/// First bytes of the file; the number is the version of the format.
const MAGIC: &[u8] = b"okcvm index 2\n";
/// Names in the folder of the history, beside the repository.
const FILE_NAME: &str = "index";
const UNFINISHED: &str = "index.lock";
/// What older versions kept in its place, inside of the repository.
const OLD_FILE_NAME: &str = "okcvm-stat-cache";
/// Folders inside of folders in a file that we wrote; more is damage.
const MAX_DEPTH: usize = 1_000;

impl Index {
    /// The index of `workspace` that was saved in the folder of a history, if there is one.
    pub(crate) fn load(folder: &Path, workspace: &[u8]) -> Option<Self> {
        Self::load_any(folder).filter(|index| *index.workspace == *workspace)
    }

    /// The index that was saved, whatever workspace it is of.
    pub(crate) fn load_any(folder: &Path) -> Option<Self> {
        decode(&fs::read(folder.join(FILE_NAME)).ok()?)
    }

    /// Removes what was saved; the next record reads everything again.
    pub(crate) fn remove(folder: &Path) {
        if let Err(error) = fs::remove_file(folder.join(FILE_NAME))
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "the index could not be removed");
        }
    }

    /// Saves it. A failure costs time at the next start and nothing else.
    pub(crate) fn save(&self, folder: &Path) -> Result<(), SnapshotError> {
        let path = folder.join(FILE_NAME);
        let unfinished = folder.join(UNFINISHED);
        let write = || {
            let mut writer = Summed { to: BufWriter::new(File::create(&unfinished)?), sum: Sha256::new() };
            writer.write_all(MAGIC)?;
            put_bytes(&mut writer, &self.workspace)?;
            put_folder(&mut writer, &self.root)?;
            let Summed { mut to, sum } = writer;
            to.write_all(&sum.finalize())?;
            to.flush()?;
            fs::rename(&unfinished, &path)
        };
        let result = write().map_err(|error| SnapshotError::storage("written", &path, error));
        if result.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        // Whatever it held is in the new file.
        let _ = fs::remove_file(folder.join(repository::FOLDER).join(OLD_FILE_NAME));
        result
    }
}

struct Summed<W> {
    to: W,
    sum: Sha256,
}

impl<W: Write> Write for Summed<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.sum.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.to.flush()
    }
}

fn put_folder(to: &mut impl Write, folder: &Folder) -> std::io::Result<()> {
    to.write_all(folder.id.as_bytes())?;
    put_stamp(to, folder.listed.as_ref())?;
    put_number(to, folder.items.len() as u64)?;
    for item in &folder.items {
        put_bytes(to, &item.name)?;
        match &item.node {
            Node::Folder(folder) => {
                to.write_all(&[kind_byte(EntryKind::Folder)])?;
                put_folder(to, folder)?;
            }
            Node::File(known) => {
                to.write_all(&[kind_byte(known.kind)])?;
                to.write_all(known.id.as_bytes())?;
                put_number(to, known.size)?;
                put_number(to, known.inode)?;
                to.write_all(&[u8::from(known.linked)])?;
                put_stamp(to, known.stamp.as_ref())?;
            }
        }
    }
    put_number(to, folder.left_out.len() as u64)?;
    for left_out in &folder.left_out {
        put_bytes(to, &left_out.name)?;
        put_bytes(to, left_out.reason.as_bytes())?;
    }
    Ok(())
}

fn put_stamp(to: &mut impl Write, stamp: Option<&Stamp>) -> std::io::Result<()> {
    let Some(stamp) = stamp else { return to.write_all(&[0]) };
    to.write_all(&[1])?;
    let numbers = [stamp.size, stamp.modified as u64, stamp.changed as u64, stamp.inode];
    numbers.into_iter().try_for_each(|number| put_number(to, number))?;
    put_number(to, u64::from(stamp.mode))
}

fn put_number(to: &mut impl Write, number: u64) -> std::io::Result<()> {
    to.write_all(&number.to_le_bytes())
}

fn put_bytes(to: &mut impl Write, content: &[u8]) -> std::io::Result<()> {
    put_number(to, content.len() as u64)?;
    to.write_all(content)
}

fn kind_byte(kind: EntryKind) -> u8 {
    match kind {
        EntryKind::File => b'f',
        EntryKind::Executable => b'x',
        EntryKind::Link => b'l',
        EntryKind::Folder => b'd',
    }
}

fn decode(bytes: &[u8]) -> Option<Index> {
    let (content, sum) = bytes.split_at_checked(bytes.len().checked_sub(32)?)?;
    if Sha256::digest(content).as_slice() != sum {
        return None;
    }
    let mut rest = content.strip_prefix(MAGIC)?;
    let workspace = take_bytes(&mut rest)?.into();
    let root = Arc::new(take_folder(&mut rest, 0)?);
    rest.is_empty().then_some(Index { workspace, root })
}

fn take_folder(rest: &mut &[u8], depth: usize) -> Option<Folder> {
    if depth > MAX_DEPTH {
        return None;
    }
    let id = take_id(rest)?;
    let listed = take_stamp(rest)?;
    let count = take_number(rest)?;
    // A count is not believed before its entries are there.
    let mut items = Vec::with_capacity(usize::try_from(count).ok()?.min(rest.len() / 30));
    for _ in 0..count {
        let name = take_bytes(rest)?.into();
        let kind = match take_array::<1>(rest)?[0] {
            b'f' => EntryKind::File,
            b'x' => EntryKind::Executable,
            b'l' => EntryKind::Link,
            b'd' => EntryKind::Folder,
            _ => return None,
        };
        let node = if kind == EntryKind::Folder {
            Node::Folder(Arc::new(take_folder(rest, depth + 1)?).into())
        } else {
            let (id, size, inode) = (take_id(rest)?, take_number(rest)?, take_number(rest)?);
            let linked = match take_array(rest)? {
                [0] => false,
                [1] => true,
                _ => return None,
            };
            Node::File(Known { kind, id, size, inode, linked, stamp: take_stamp(rest)? })
        };
        items.push(Item { name, node });
    }
    let mut left_out = Vec::new();
    for _ in 0..take_number(rest)? {
        let name = take_bytes(rest)?.into();
        left_out.push(LeftOut { name, reason: std::str::from_utf8(take_bytes(rest)?).ok()?.into() });
    }
    Some(Folder::new(id, listed, items, left_out, None))
}

/// The outer `None` is damage.
#[allow(clippy::option_option, reason = "a stamp that is not there differs from one that cannot be read")]
fn take_stamp(rest: &mut &[u8]) -> Option<Option<Stamp>> {
    match take_array::<1>(rest)?[0] {
        0 => Some(None),
        1 => Some(Some(Stamp {
            size: take_number(rest)?,
            modified: take_number(rest)? as i64,
            changed: take_number(rest)? as i64,
            inode: take_number(rest)?,
            mode: take_number(rest)? as u32,
        })),
        _ => None,
    }
}

fn take_array<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let mut array = [0; N];
    rest.read_exact(&mut array).ok()?;
    Some(array)
}

fn take_number(rest: &mut &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(take_array(rest)?))
}

fn take_bytes<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let count = usize::try_from(take_number(rest)?).ok()?;
    let (taken, after) = rest.split_at_checked(count)?;
    *rest = after;
    Some(taken)
}

fn take_id(rest: &mut &[u8]) -> Option<ObjectId> {
    Some(ObjectId::from_bytes(&take_array(rest)?))
}

#[cfg(test)]
#[path = "saved_tests.rs"]
mod tests;
