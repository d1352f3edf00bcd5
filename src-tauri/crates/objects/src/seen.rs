//! Which objects may be in some pack.
//!
//! Most objects that come are new, and to learn that, each pack would have to be asked. One bit per object says no at
//! once; a yes may be wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::id::ObjectId;

/// So many bits for each object, at least.
const BITS: usize = 8;

/// Shared by all copies, since a bit too many does no harm.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    bits: Arc<[AtomicU64]>,
    count: usize,
}

impl Seen {
    /// Nothing, with room for `count` objects.
    pub(crate) fn with_room(count: usize) -> Self {
        let words = (count * BITS / 64).next_power_of_two().max(64);
        Self { bits: (0..words).map(|_| AtomicU64::new(0)).collect(), count: 0 }
    }

    /// There is room for so many more.
    pub(crate) fn has_room(&self, more: usize) -> bool {
        (self.count + more) * BITS <= self.bits.len() * 64
    }

    pub(crate) fn add(&mut self, ids: impl Iterator<Item = ObjectId>) {
        for id in ids {
            if let Some((word, bit)) = self.place(&id) {
                word.fetch_or(bit, Ordering::Relaxed);
            }
            self.count += 1;
        }
    }

    /// False if it was never added.
    pub(crate) fn may_have(&self, id: &ObjectId) -> bool {
        self.place(id).is_some_and(|(word, bit)| word.load(Ordering::Relaxed) & bit != 0)
    }

    fn place(&self, id: &ObjectId) -> Option<(&AtomicU64, u64)> {
        let start = id.as_bytes().first_chunk::<8>().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        // The number of words is a power of two.
        let word = (start >> 6) as usize & self.bits.len().wrapping_sub(1);
        self.bits.get(word).map(|bits| (bits, 1 << (start & 63)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ObjectKind, object_id};

    #[test]
    fn what_was_added_is_seen_and_most_of_the_rest_is_not() {
        let ids: Vec<ObjectId> = (0..4_000_u32)
            .map(|number| object_id(ObjectKind::Blob, &number.to_le_bytes()).unwrap())
            .collect();
        let (added, others) = ids.split_at(2_000);
        assert!(!Seen::default().may_have(&ids[0]));
        assert!(!Seen::default().has_room(1));
        let mut seen = Seen::with_room(2_000);
        assert!(seen.has_room(2_000));
        seen.add(added.iter().copied());
        assert!(added.iter().all(|id| seen.may_have(id)));
        let wrong = others.iter().filter(|id| seen.may_have(id)).count();
        assert!(wrong < 400, "{wrong}");
        assert!(!seen.has_room(4_000));
    }
}
