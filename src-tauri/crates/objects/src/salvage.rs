//! Saving what is sound in a pack that is torn.

use std::collections::HashMap;
use std::ops::Range;

use crate::deflate::compress;
use crate::disk::read_at;
use crate::error::ObjectError;
use crate::id::{ObjectId, object_id};
use crate::objects::{Objects, PackName};
use crate::pack::{Form, Pack, encode_head, encode_near_head};
use crate::stream::STREAMED_FROM;
use crate::writer::PackWriter;

/// What is copied as it lies in the pack takes no more memory.
const MOST_AT_ONCE: u64 = 64 << 20;

impl Objects {
    /// Copies what is sound in a torn pack, and is nowhere else, into a pack of its own, durably. Without its
    /// index nothing is known of it. What is lost is noted first. The new pack; `None` if there is nothing to save.
    pub(crate) fn salvage(&self, name: &PackName) -> Result<Option<PackName>, ObjectError> {
        let pack = match Pack::open_torn(self.folder(), name.clone()) {
            Ok(pack) => pack,
            Err(error) if error.is_damaged_or_gone() => return Ok(None),
            Err(error) => return Err(error),
        };
        let (mut writer, mut gone) = (PackWriter::new(self), Vec::new());
        let order = pack.index.by_offset();
        let list = self.list();
        let elsewhere = |id: &ObjectId| {
            let mut others = list.all().filter(|other| other.name != *name);
            others.any(|other| other.index.find(id).is_some() && !list.is_damaged(&other.name, id))
                || list.loose.contains(id)
        };
        // Where what was copied lay, and lies.
        let mut moved: HashMap<u64, u64> = HashMap::new();
        for (number, (offset, position)) in order.iter().copied().enumerate() {
            let id = pack.index.id(position);
            if elsewhere(&id) {
                continue;
            }
            // Nobody knows where the last object of a pack ends that was cut.
            let end = order.get(number + 1).map_or(0, |(next, _)| *next);
            let at = writer.offset();
            let distance = |form| {
                let base = match form {
                    Form::Whole(_) => return None,
                    Form::Near(base) => base,
                    Form::Named(base) => pack.find(&base)?,
                };
                Some(at - moved.get(&base)?)
            };
            match sound(&pack, &id, position, offset..end, &distance) {
                Ok(Some(bytes)) => {
                    writer.push(id, crc32fast::hash(&bytes), &bytes)?;
                    moved.insert(offset, at);
                }
                Ok(None) | Err(ObjectError::Damaged { .. } | ObjectError::Missing { .. }) => gone.push(id),
                Err(error) => return Err(error),
            }
        }
        self.note_damaged(&gone)?;
        if writer.is_empty() {
            return Ok(None);
        }
        let (saved, _) = self.place(writer.close()?)?;
        self.sync()?;
        Ok(Some(saved))
    }
}

/// The bytes of an object as they may stand in another pack; `None` if they are not what the index says. A delta
/// stays one if `distance` says how far its base will lie before it.
fn sound(
    pack: &Pack,
    id: &ObjectId,
    position: usize,
    Range { start: offset, end }: Range<u64>,
    distance: &dyn Fn(Form) -> Option<u64>,
) -> Result<Option<Vec<u8>>, ObjectError> {
    let file = pack.file()?;
    let head = pack.head(&file, offset)?;
    let distance = distance(head.form);
    let long = end.checked_sub(offset).filter(|long| *long <= MOST_AT_ONCE);
    if let Some(long) = long.filter(|_| distance.is_some() || matches!(head.form, Form::Whole(_))) {
        let mut bytes = vec![0; usize::try_from(long).unwrap_or(0)];
        let filled = read_at(&file, &mut bytes, offset).map_err(ObjectError::storage("read", &pack.path))?;
        let same = filled == bytes.len() && crc32fast::hash(&bytes) == pack.index.crc(position);
        if let Some(distance) = distance {
            let delta =
                bytes.split_off(usize::try_from(head.data - offset).unwrap_or(bytes.len()).min(bytes.len()));
            bytes.clear();
            encode_near_head(distance, head.size, &mut bytes);
            bytes.extend_from_slice(&delta);
        }
        return Ok(same.then_some(bytes));
    }
    // A delta, whose base may not have been saved, or the last object, whose end nobody knows.
    if head.size >= STREAMED_FROM {
        return Ok(None);
    }
    let (kind, content) = pack.read(offset)?;
    if object_id(kind, &content)? != *id {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(content.len() / 2 + 16);
    encode_head(kind, content.len() as u64, &mut bytes);
    compress(kind, &content, &mut bytes);
    Ok(Some(bytes))
}

#[cfg(test)]
#[path = "salvage_tests.rs"]
mod tests;
