//! What is written together.

use std::collections::HashSet;
use std::io::Read;
use std::sync::{Mutex, PoisonError};

use crate::deflate::compress;
use crate::error::ObjectError;
use crate::id::{ObjectId, ObjectKind, object_id};
use crate::objects::{Objects, PackName};
use crate::pack::encode_head;
use crate::stream;
use crate::writer::{ClosedPack, PackWriter};

/// Objects on their way into one pack. Several threads may fill it at once. Dropped without
/// [`Batch::finish`] it leaves nothing.
pub struct Batch {
    objects: Objects,
    state: Mutex<State>,
}

struct State {
    /// Objects that are in the batch, or just on their way into it.
    known: HashSet<ObjectId>,
    pack: PackWriter,
    streamed: Vec<ClosedPack>,
    /// An object could not be written, so that the batch is not whole.
    failed: bool,
}

impl Batch {
    pub(crate) fn new(objects: &Objects) -> Self {
        let pack = PackWriter::new(objects);
        let state = State { known: HashSet::new(), pack, streamed: Vec::new(), failed: false };
        Self { objects: objects.clone(), state: Mutex::new(state) }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The store or this batch has the object.
    pub fn contains(&self, id: &ObjectId) -> Result<bool, ObjectError> {
        Ok(self.objects.contains(id)? || self.state().known.contains(id))
    }

    /// Adds an object and says its name; nothing is written if it is known already.
    pub fn add(&self, kind: ObjectKind, bytes: &[u8]) -> Result<ObjectId, ObjectError> {
        let id = object_id(kind, bytes)?;
        if self.objects.contains(&id)? || !self.state().known.insert(id) {
            return Ok(id);
        }
        let mut packed = Vec::with_capacity(bytes.len() / 2 + 64);
        encode_head(kind, bytes.len() as u64, &mut packed);
        compress(kind, bytes, &mut packed);
        let crc = crc32fast::hash(&packed);
        let mut state = self.state();
        let pushed = state.pack.push(id, crc, &packed);
        state.failed |= pushed.is_err();
        pushed.map(|()| id)
    }

    /// Adds a blob of `size` bytes that does not have to fit into memory; it gets a pack of its own, which
    /// no merging copies. For files of [`crate::STREAMED_FROM`] bytes and more. An error if the reader
    /// gives another number of bytes.
    pub fn add_stream(&self, content: &mut dyn Read, size: u64) -> Result<ObjectId, ObjectError> {
        let (id, pack) = stream::write(self.objects.disk(), self.objects.folder(), content, size)?;
        if !self.objects.contains(&id)? {
            let mut state = self.state();
            if state.known.insert(id) {
                state.streamed.push(pack);
            }
        }
        Ok(id)
    }

    /// Makes everything visible at once, to this process and to others; not yet safe against a power cut,
    /// see [`Objects::sync`]. `None` if there was nothing new.
    pub fn finish(self) -> Result<Option<PackName>, ObjectError> {
        Ok(self.finish_all()?.pop())
    }

    /// The same; names all packs that came, for [`Objects::take_back`].
    pub fn finish_all(self) -> Result<Vec<PackName>, ObjectError> {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        if state.failed {
            return Err(ObjectError::damaged("what was to be written", "a part of it could not be"));
        }
        let mut closed = state.streamed;
        if !state.pack.is_empty() {
            closed.push(state.pack.close()?);
        }
        let mut names = Vec::new();
        for pack in closed {
            names.push(self.objects.place(pack)?.0);
        }
        Ok(names)
    }
}

#[cfg(test)]
#[path = "batch_tests.rs"]
mod tests;
