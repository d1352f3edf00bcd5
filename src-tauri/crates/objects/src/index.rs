//! The index of a pack, version 2: names in order, a checksum and the place of each.

use sha1::{Digest, Sha1};

use crate::error::ObjectError;
use crate::id::ObjectId;

const MAGIC: [u8; 8] = [0xff, b't', b'O', b'c', 0, 0, 0, 2];
const NAMES: usize = 8 + 256 * 4;
const FAR: u32 = 1 << 31;

/// One object in a pack.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) id: ObjectId,
    /// CRC-32 of its bytes in the pack.
    pub(crate) crc: u32,
    pub(crate) offset: u64,
}

/// An index in memory.
pub(crate) struct Index {
    bytes: Vec<u8>,
    count: usize,
}

impl Index {
    /// Takes the bytes of a file, checked.
    pub(crate) fn parse(bytes: Vec<u8>) -> Result<Self, &'static str> {
        if bytes.len() < NAMES + 40 || bytes[..8] != MAGIC {
            return Err("it is no index of version 2");
        }
        let (body, sum) = bytes.split_at(bytes.len() - 20);
        if Sha1::digest(body).as_slice() != sum {
            return Err("its checksum does not fit");
        }
        let mut index = Self { count: 0, bytes };
        let mut last = 0;
        for first in 0..256 {
            let upto = index.fan_out(first);
            if upto < last {
                return Err("its table is out of order");
            }
            last = upto;
        }
        index.count = last;
        let rest = index.bytes.len() - NAMES - 40;
        if rest < last * 28 || !(rest - last * 28).is_multiple_of(8) {
            return Err("its length does not fit");
        }
        Ok(index)
    }

    /// Takes the bytes that [`encode`] just made of so many places.
    pub(crate) fn made(bytes: Vec<u8>, count: usize) -> Self {
        Self { bytes, count }
    }

    fn word(&self, at: usize) -> u32 {
        self.bytes.get(at..at + 4).and_then(|word| word.try_into().ok()).map_or(0, u32::from_be_bytes)
    }

    fn fan_out(&self, first: usize) -> usize {
        self.word(8 + first * 4) as usize
    }

    pub(crate) fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The checksum at the end of the pack.
    pub(crate) fn pack_checksum(&self) -> &[u8] {
        let end = self.bytes.len();
        &self.bytes[end - 40..end - 20]
    }

    fn name(&self, position: usize) -> &[u8] {
        let at = NAMES + position * 20;
        &self.bytes[at..at + 20]
    }

    /// The name at a position below [`Index::count`].
    pub(crate) fn id(&self, position: usize) -> ObjectId {
        ObjectId::from_start(self.name(position)).unwrap_or(crate::id::EMPTY_TREE)
    }

    pub(crate) fn crc(&self, position: usize) -> u32 {
        self.word(NAMES + self.count * 20 + position * 4)
    }

    pub(crate) fn offset(&self, position: usize) -> u64 {
        let near = self.word(NAMES + self.count * 24 + position * 4);
        if near & FAR == 0 {
            return u64::from(near);
        }
        let at = NAMES + self.count * 28 + (near & !FAR) as usize * 8;
        u64::from(self.word(at)) << 32 | u64::from(self.word(at + 4))
    }

    pub(crate) fn find(&self, id: &ObjectId) -> Option<usize> {
        let first = usize::from(id.as_bytes()[0]);
        let mut low = if first == 0 { 0 } else { self.fan_out(first - 1) };
        let mut high = self.fan_out(first);
        while low < high {
            let middle = usize::midpoint(low, high);
            match self.name(middle).cmp(id.as_bytes()) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(middle),
            }
        }
        None
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = ObjectId> {
        (0..self.count).map(|position| self.id(position))
    }

    /// All objects in the order in which they lie in the pack: offset and position.
    pub(crate) fn by_offset(&self) -> Vec<(u64, usize)> {
        let mut order: Vec<(u64, usize)> =
            (0..self.count).map(|position| (self.offset(position), position)).collect();
        order.sort_unstable();
        order
    }
}

/// The bytes of an index.
pub(crate) fn encode(places: &mut [Place], pack_checksum: &[u8]) -> Result<Vec<u8>, ObjectError> {
    places.sort_unstable_by_key(|place| place.id);
    let count =
        u32::try_from(places.len()).map_err(|_| ObjectError::damaged("a pack", "it has too many objects"))?;
    let mut bytes = Vec::with_capacity(NAMES + 40 + places.len() * 28);
    bytes.extend_from_slice(&MAGIC);
    let mut upto = 0_u32;
    for first in 0..=255_u8 {
        while upto < count && places[upto as usize].id.as_bytes()[0] == first {
            upto += 1;
        }
        bytes.extend_from_slice(&upto.to_be_bytes());
    }
    for place in &*places {
        bytes.extend_from_slice(place.id.as_bytes());
    }
    for place in &*places {
        bytes.extend_from_slice(&place.crc.to_be_bytes());
    }
    let mut far: Vec<u64> = Vec::new();
    for place in &*places {
        let near = match u32::try_from(place.offset) {
            Ok(near) if near < FAR => near,
            _ => {
                far.push(place.offset);
                FAR | (far.len() - 1) as u32
            }
        };
        bytes.extend_from_slice(&near.to_be_bytes());
    }
    for offset in far {
        bytes.extend_from_slice(&offset.to_be_bytes());
    }
    bytes.extend_from_slice(pack_checksum);
    let sum = Sha1::digest(&bytes);
    bytes.extend_from_slice(&sum);
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ObjectKind, object_id};

    #[test]
    fn near_and_far_places_are_found() {
        let mut random = fastrand::Rng::with_seed(3);
        let mut places: Vec<Place> = (0..2000_u64)
            .map(|number| Place {
                id: object_id(ObjectKind::Blob, &number.to_be_bytes()).unwrap(),
                crc: random.u32(..),
                offset: if number % 3 == 0 { (1 << 31) + number } else { number * 1000 },
            })
            .collect();
        let all = places.clone();
        let index = Index::parse(encode(&mut places, &[7; 20]).unwrap()).unwrap();
        assert_eq!(index.count(), 2000);
        assert_eq!(index.pack_checksum(), [7; 20]);
        for place in &all {
            let position = index.find(&place.id).unwrap();
            assert_eq!((index.crc(position), index.offset(position)), (place.crc, place.offset));
            assert_eq!(index.id(position), place.id);
        }
        assert_eq!(index.find(&object_id(ObjectKind::Blob, b"not there").unwrap()), None);
    }

    #[test]
    fn a_damaged_index_is_refused() {
        let mut places = [Place { id: crate::id::EMPTY_TREE, crc: 1, offset: 12 }];
        let bytes = encode(&mut places, &[7; 20]).unwrap();
        for at in (0..bytes.len()).step_by(13) {
            let mut damaged = bytes.clone();
            damaged[at] ^= 4;
            assert!(Index::parse(damaged).is_err(), "{at}");
        }
        assert!(Index::parse(bytes[..bytes.len() - 1].to_vec()).is_err());
        assert!(Index::parse(Vec::new()).is_err());
    }
}
