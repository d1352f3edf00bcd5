//! A pack that lies in the store: finding and reading its objects.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use crate::deflate::{Inflation, inflate_at, inflate_start};
use crate::delta;
use crate::disk::read_at;
use crate::error::ObjectError;
use crate::id::{ObjectId, ObjectKind};
use crate::index::Index;
use crate::objects::PackName;

/// Bytes of the head of a pack.
pub(crate) const HEAD: u64 = 12;
/// A pack of one object that has at least this many bytes, inflated, is left alone by all merging.
pub(crate) const BIG: u64 = 4 << 20;
/// So many packs of this process keep their files open; the others are opened for each read.
const KEPT_OPEN: usize = 64;
static OPEN: AtomicUsize = AtomicUsize::new(0);
/// The two sizes at the start of a delta take no more bytes.
const DELTA_HEAD: usize = 20;
/// No chain of deltas that anybody writes is longer.
const LONGEST_CHAIN: usize = 5000;

/// A pack and its index.
pub(crate) struct Pack {
    pub(crate) name: PackName,
    pub(crate) path: PathBuf,
    pub(crate) index: Index,
    /// Bytes of the pack.
    pub(crate) size: u64,
    /// One large object, which was streamed.
    big: bool,
    file: OnceLock<Arc<File>>,
}

impl Drop for Pack {
    fn drop(&mut self) {
        if self.file.get().is_some() {
            OPEN.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// How an object stands in a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Whole(ObjectKind),
    /// A delta against the object at this offset of the same pack.
    Near(u64),
    /// A delta against this object.
    Named(ObjectId),
}

/// The head of an object in a pack.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    pub(crate) form: Form,
    /// Bytes of the inflated object or delta.
    pub(crate) size: u64,
    /// Where its stream starts.
    pub(crate) data: u64,
}

impl Pack {
    /// Opens the pack `<stem>.pack` with `<stem>.idx`.
    pub(crate) fn open(folder: &Path, name: PackName) -> Result<Self, ObjectError> {
        let mut pack = Self::open_torn(folder, name)?;
        let size = pack.size;
        let mut end = [0; 20];
        let file = File::open(&pack.path).map_err(ObjectError::storage("read", &pack.path))?;
        pack.big = pack.holds_one_large(&file)?;
        let filled = read_at(&file, &mut end, size.saturating_sub(20));
        if filled.map_err(ObjectError::storage("read", &pack.path))? != 20
            || end != pack.index.pack_checksum()
        {
            let what = format!("the pack {}", pack.name.pack_file());
            return Err(ObjectError::damaged(what, "it is not the one that its index speaks of"));
        }
        Ok(pack)
    }

    /// Opens a pack that is not what its index speaks of, to read what is still sound in it.
    pub(crate) fn open_torn(folder: &Path, name: PackName) -> Result<Self, ObjectError> {
        let path = folder.join(name.pack_file());
        let size = fs::metadata(&path).map_err(ObjectError::storage("read", &path))?.len();
        let index = folder.join(name.index_file());
        let bytes = fs::read(&index).map_err(ObjectError::storage("read", &index))?;
        let index = Index::parse(bytes)
            .map_err(|reason| ObjectError::damaged(format!("the index {}", name.index_file()), reason))?;
        Ok(Self { name, path, index, size, big: false, file: OnceLock::new() })
    }

    /// A pack that was just written.
    pub(crate) fn new(folder: &Path, name: PackName, index: Index, size: u64) -> Result<Self, ObjectError> {
        let path = folder.join(name.pack_file());
        let mut pack = Self { name, path, index, size, big: false, file: OnceLock::new() };
        if pack.index.count() == 1 {
            let file = File::open(&pack.path).map_err(ObjectError::storage("read", &pack.path))?;
            pack.big = pack.holds_one_large(&file)?;
        }
        Ok(pack)
    }

    /// What counts are the bytes of the object: those of the pack say nothing of what inflating it takes.
    fn holds_one_large(&self, file: &File) -> Result<bool, ObjectError> {
        if self.index.count() != 1 {
            return Ok(false);
        }
        match (PackContent { file, size: self.size }.head(self.index.offset(0))) {
            Ok(head) => Ok(matches!(head.form, Form::Whole(_)) && head.size >= BIG),
            Err(fault @ Fault::Io(_)) => Err(self.named(self.index.offset(0), fault)),
            // Reading the object says what is wrong with it.
            Err(_) => Ok(self.size >= BIG),
        }
    }

    /// One large object, which was streamed.
    pub(crate) fn is_big(&self) -> bool {
        self.big
    }

    /// The open file. Of packs there may be many, and of open files there must not be.
    pub(crate) fn file(&self) -> Result<Arc<File>, ObjectError> {
        if let Some(file) = self.file.get() {
            return Ok(Arc::clone(file));
        }
        let file = File::open(&self.path).map_err(ObjectError::storage("read", &self.path))?;
        let file = Arc::new(file);
        if self.is_big() || OPEN.fetch_add(1, Ordering::Relaxed) >= KEPT_OPEN {
            if !self.is_big() {
                OPEN.fetch_sub(1, Ordering::Relaxed);
            }
            return Ok(file);
        }
        if let Err(second) = self.file.set(file) {
            OPEN.fetch_sub(1, Ordering::Relaxed);
            return Ok(second);
        }
        self.file()
    }

    /// The name of what lies at `offset`.
    pub(crate) fn named(&self, offset: u64, fault: Fault) -> ObjectError {
        match fault {
            Fault::Missing(id) => ObjectError::Missing { id },
            Fault::Io(error) => ObjectError::storage("read", &self.path)(error),
            Fault::Damaged(reason) => {
                let at = (0..self.index.count()).find(|position| self.index.offset(*position) == offset);
                let what = match at {
                    Some(position) => format!("the object {}", self.index.id(position)),
                    None => format!("the pack {} at {offset}", self.name.pack_file()),
                };
                ObjectError::Damaged { what, reason }
            }
        }
    }

    /// The base that a delta names.
    pub(crate) fn find(&self, id: &ObjectId) -> Option<u64> {
        self.index.find(id).map(|position| self.index.offset(position))
    }

    /// Reads the object at `offset`, deltas resolved.
    pub(crate) fn read(&self, offset: u64) -> Result<(ObjectKind, Vec<u8>), ObjectError> {
        let file = self.file()?;
        let find = |id: &ObjectId| self.find(id);
        let content = PackContent { file: &file, size: self.size };
        content.read(offset, &find).map_err(|fault| self.named(offset, fault))
    }

    /// Kind and size of the object at `offset`.
    pub(crate) fn header(&self, offset: u64) -> Result<(ObjectKind, u64), ObjectError> {
        let file = self.file()?;
        let find = |id: &ObjectId| self.find(id);
        let content = PackContent { file: &file, size: self.size };
        content.header(offset, &find).map_err(|fault| self.named(offset, fault))
    }

    /// The head of the object at `offset`.
    pub(crate) fn head(&self, file: &File, offset: u64) -> Result<Head, ObjectError> {
        PackContent { file, size: self.size }.head(offset).map_err(|fault| self.named(offset, fault))
    }
}

/// What is wrong with an object in a pack.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The base of a delta is not in the pack.
    Missing(ObjectId),
    Damaged(String),
    /// The system did not give the bytes. That says nothing of them.
    Io(io::Error),
}

impl From<Inflation> for Fault {
    fn from(error: Inflation) -> Self {
        match error {
            Inflation::Unread(error) => Self::Io(error),
            Inflation::Wrong(reason) => Self::Damaged(reason),
        }
    }
}

/// The bytes of a pack, also of one without an index.
#[derive(Clone, Copy)]
pub(crate) struct PackContent<'a> {
    pub(crate) file: &'a File,
    pub(crate) size: u64,
}

impl PackContent<'_> {
    /// Reads the head of the object at `offset`.
    pub(crate) fn head(self, offset: u64) -> Result<Head, Fault> {
        let mut bytes = [0; 40];
        let filled = read_at(self.file, &mut bytes, offset).map_err(Fault::Io)?;
        // The last twenty bytes of a pack belong to no object.
        let inside = self.size.saturating_sub(20).saturating_sub(offset);
        let filled = filled.min(usize::try_from(inside).unwrap_or(filled));
        parse_head(&bytes[..filled], offset).ok_or_else(|| Fault::Damaged("its head has no form".to_owned()))
    }

    /// Inflates what stands at a head; says also how many bytes its stream has.
    pub(crate) fn inflate(self, head: Head) -> Result<(Vec<u8>, u64), Fault> {
        inflate_at(self.file, head.data, head.size).map_err(Fault::from)
    }

    /// Reads the object at `offset`; `find` says where the bases lie that deltas name.
    pub(crate) fn read(
        self,
        offset: u64,
        find: &dyn Fn(&ObjectId) -> Option<u64>,
    ) -> Result<(ObjectKind, Vec<u8>), Fault> {
        let mut deltas = Vec::new();
        let mut at = offset;
        let (kind, mut bytes) = loop {
            let head = self.head(at)?;
            let (bytes, _) = self.inflate(head)?;
            at = match head.form {
                Form::Whole(kind) => break (kind, bytes),
                Form::Near(base) => base,
                Form::Named(id) => find(&id).ok_or(Fault::Missing(id))?,
            };
            deltas.push(bytes);
            if deltas.len() > LONGEST_CHAIN {
                return Err(Fault::Damaged("its deltas have no end".to_owned()));
            }
        };
        while let Some(delta) = deltas.pop() {
            bytes = delta::apply(&bytes, &delta)
                .ok_or_else(|| Fault::Damaged("a delta does not fit".to_owned()))?;
        }
        Ok((kind, bytes))
    }

    fn header(
        self,
        offset: u64,
        find: &dyn Fn(&ObjectId) -> Option<u64>,
    ) -> Result<(ObjectKind, u64), Fault> {
        let mut head = self.head(offset)?;
        if let Form::Whole(kind) = head.form {
            return Ok((kind, head.size));
        }
        let delta = inflate_start(self.file, head.data, DELTA_HEAD)?;
        let size =
            delta::result_size(&delta).ok_or_else(|| Fault::Damaged("a delta does not fit".to_owned()))?;
        for _ in 0..LONGEST_CHAIN {
            let base = match head.form {
                Form::Whole(kind) => return Ok((kind, size)),
                Form::Near(base) => base,
                Form::Named(id) => find(&id).ok_or(Fault::Missing(id))?,
            };
            head = self.head(base)?;
        }
        Err(Fault::Damaged("its deltas have no end".to_owned()))
    }
}

/// Reads the head of an object that lies at `offset`.
pub(crate) fn parse_head(bytes: &[u8], offset: u64) -> Option<Head> {
    let mut at = 0;
    let mut next = || {
        let byte = bytes.get(at).copied();
        at += 1;
        byte
    };
    let first = next()?;
    let number = first >> 4 & 7;
    let mut size = u64::from(first & 15);
    let mut shift = 4;
    let mut byte = first;
    while byte & 0x80 != 0 {
        byte = next()?;
        size |= u64::from(byte & 0x7f).checked_shl(shift)?;
        shift += 7;
    }
    let form = match number {
        6 => {
            let mut byte = next()?;
            let mut distance = u64::from(byte & 0x7f);
            while byte & 0x80 != 0 {
                byte = next()?;
                distance = distance.checked_add(1)?.checked_mul(128)? | u64::from(byte & 0x7f);
            }
            Form::Near(offset.checked_sub(distance).filter(|base| *base >= HEAD && distance > 0)?)
        }
        7 => {
            let id = ObjectId::from_start(bytes.get(at..)?)?;
            at += 20;
            Form::Named(id)
        }
        number => Form::Whole(ObjectKind::from_number(number)?),
    };
    Some(Head { form, size, data: offset + at as u64 })
}

/// Appends the head of an object; `number` is that of its kind or of its form.
fn encode_size(number: u8, size: u64, out: &mut Vec<u8>) {
    let mut byte = number << 4 | (size & 15) as u8;
    let mut rest = size >> 4;
    while rest > 0 {
        out.push(byte | 0x80);
        byte = (rest & 0x7f) as u8;
        rest >>= 7;
    }
    out.push(byte);
}

/// Appends the head of a whole object.
pub(crate) fn encode_head(kind: ObjectKind, size: u64, out: &mut Vec<u8>) {
    encode_size(kind.number(), size, out);
}

/// Appends the head of a delta against an object that lies `distance` bytes before it.
pub(crate) fn encode_near_head(distance: u64, size: u64, out: &mut Vec<u8>) {
    encode_size(6, size, out);
    let mut groups = [0_u8; 10];
    let mut start = groups.len() - 1;
    groups[start] = (distance & 0x7f) as u8;
    let mut rest = distance >> 7;
    while rest > 0 {
        rest -= 1;
        start -= 1;
        groups[start] = 0x80 | (rest & 0x7f) as u8;
        rest >>= 7;
    }
    out.extend_from_slice(&groups[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_come_back() {
        for size in [0, 15, 16, 2047, 2048, 1 << 32, (1 << 60) + 5] {
            let mut bytes = Vec::new();
            encode_head(ObjectKind::Tree, size, &mut bytes);
            let head = parse_head(&bytes, 12).unwrap();
            assert_eq!(
                (head.form, head.size, head.data),
                (Form::Whole(ObjectKind::Tree), size, 12 + bytes.len() as u64)
            );
            for end in 0..bytes.len() {
                assert!(parse_head(&bytes[..end], 12).is_none());
            }
        }
        for distance in [1, 127, 128, 16_511, 16_512, 1 << 31, 1 << 40] {
            let mut bytes = Vec::new();
            encode_near_head(distance, 99, &mut bytes);
            let head = parse_head(&bytes, (1 << 41) + 12).unwrap();
            assert_eq!((head.form, head.size), (Form::Near((1 << 41) + 12 - distance), 99));
        }
        let mut bytes = Vec::new();
        encode_near_head(100, 99, &mut bytes);
        assert!(parse_head(&bytes, 50).is_none(), "a base before the start");
    }
}
