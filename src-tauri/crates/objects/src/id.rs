//! Names and kinds of objects.

use std::fmt;
use std::str::FromStr;

use crate::checked::Sha1;
use crate::error::ObjectError;

/// The name of an object: the SHA-1 of its kind, size and bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectId([u8; 20]);

/// The tree without entries; every git knows it, also where no object of that name is stored.
pub const EMPTY_TREE: ObjectId = ObjectId([
    0x4b, 0x82, 0x5d, 0xc6, 0x42, 0xcb, 0x6e, 0xb9, 0xa0, 0x60, 0xe5, 0x4b, 0xf8, 0xd6, 0x92, 0x88, 0xfb,
    0xee, 0x49, 0x04,
]);

impl ObjectId {
    /// The name with these bytes.
    pub const fn from_bytes(bytes: &[u8; 20]) -> Self {
        Self(*bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// The first twenty bytes; `None` if there are fewer.
    pub(crate) fn from_start(bytes: &[u8]) -> Option<Self> {
        bytes.first_chunk::<20>().map(|bytes| Self(*bytes))
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0_u8; 40];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        formatter.pad(str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// The text is no full name of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("forty hexadecimal digits are needed")]
pub struct NoObjectId;

impl FromStr for ObjectId {
    type Err = NoObjectId;

    fn from_str(text: &str) -> Result<Self, NoObjectId> {
        let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8).ok_or(NoObjectId);
        let text = text.as_bytes();
        if text.len() != 40 {
            return Err(NoObjectId);
        }
        let mut bytes = [0; 20];
        for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(bytes))
    }
}

/// What an object is. Tags are not ours to write, and are not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectKind {
    /// The content of a file or the target of a link.
    Blob,
    /// A folder.
    Tree,
    /// A snapshot.
    Commit,
}

impl ObjectKind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Blob => "blob",
            Self::Tree => "tree",
            Self::Commit => "commit",
        }
    }

    /// The number in a pack.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Commit => 1,
            Self::Tree => 2,
            Self::Blob => 3,
        }
    }

    pub(crate) fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Commit),
            2 => Some(Self::Tree),
            3 => Some(Self::Blob),
            _ => None,
        }
    }
}

/// The name of an object, computed with the detection of collisions.
pub fn object_id(kind: ObjectKind, bytes: &[u8]) -> Result<ObjectId, ObjectError> {
    let mut hash = ObjectHash::new(kind, bytes.len() as u64);
    hash.update(bytes);
    hash.finish()
}

/// The name of an object whose bytes come in pieces.
pub(crate) struct ObjectHash(Sha1);

impl ObjectHash {
    pub(crate) fn new(kind: ObjectKind, size: u64) -> Self {
        let mut hash = Sha1::new();
        hash.update(format!("{} {size}\0", kind.word()).as_bytes());
        Self(hash)
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> Result<ObjectId, ObjectError> {
        self.0.finish().map(ObjectId).ok_or(ObjectError::Collision)
    }
}
