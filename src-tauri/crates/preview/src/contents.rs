//! Files of the history that were read lately, in memory, so that the next look at them is quick.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use okcvm_protocol::SnapshotId;
use sha2::{Digest, Sha256};

/// Files that are held, all of them together in bytes, and one of them.
const MOST_FILES: usize = 256;
const MOST_BYTES: usize = 96 * 1024 * 1024;
pub(crate) const MOST_ONE: u64 = 24 * 1024 * 1024;

/// What was read of moments lately. It never goes out of date: a moment does not change. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Contents {
    held: Arc<Mutex<Held>>,
}

#[derive(Debug, Default)]
struct Held {
    /// By snapshot and path, with the tick at which it was used last.
    files: HashMap<(SnapshotId, String), (Arc<Content>, u64)>,
    bytes: usize,
    tick: u64,
}

/// The bytes of a file.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) bytes: Vec<u8>,
    hash: OnceLock<String>,
}

impl Content {
    /// SHA-256 in hexadecimal, reckoned once.
    pub(crate) fn hash(&self) -> String {
        self.hash.get_or_init(|| format!("{:x}", Sha256::digest(&self.bytes))).clone()
    }
}

impl Contents {
    /// What is held of a file, or `read` reads, which is held from then on. `read` runs without a lock.
    pub(crate) fn held_or_read<E>(
        &self,
        snapshot: &SnapshotId,
        path: &str,
        read: impl FnOnce() -> Result<Vec<u8>, E>,
    ) -> Result<Arc<Content>, E> {
        let key = (snapshot.clone(), path.to_owned());
        if let Some(content) = self.lock(|held| held.used(&key)) {
            return Ok(content);
        }
        let content = Arc::new(Content { bytes: read()?, hash: OnceLock::new() });
        self.lock(|held| held.hold(key, Arc::clone(&content)));
        Ok(content)
    }

    fn lock<T>(&self, work: impl FnOnce(&mut Held) -> T) -> T {
        work(&mut self.held.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Files and bytes that are held.
    #[cfg(test)]
    pub(crate) fn size(&self) -> (usize, usize) {
        self.lock(|held| (held.files.len(), held.bytes))
    }
}

impl Held {
    fn used(&mut self, key: &(SnapshotId, String)) -> Option<Arc<Content>> {
        self.tick += 1;
        let (content, used) = self.files.get_mut(key)?;
        *used = self.tick;
        Some(Arc::clone(content))
    }

    fn hold(&mut self, key: (SnapshotId, String), content: Arc<Content>) {
        self.bytes += content.bytes.len();
        if let Some((before, _)) = self.files.insert(key, (content, self.tick)) {
            self.bytes -= before.bytes.len();
        }
        // Those that were not used for longest go first.
        while self.files.len() > MOST_FILES || self.bytes > MOST_BYTES {
            let Some(oldest) =
                self.files.iter().min_by_key(|(_, (_, used))| *used).map(|(key, _)| key.clone())
            else {
                return;
            };
            if let Some((gone, _)) = self.files.remove(&oldest) {
                self.bytes -= gone.bytes.len();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    fn id(number: u8) -> SnapshotId {
        SnapshotId(format!("{number:040x}"))
    }

    #[test]
    fn what_was_read_is_not_read_again_until_it_is_old() {
        let contents = Contents::default();
        let mut reads = 0;
        let mut look = |snapshot: u8, path: &str, length: usize| {
            let mut read = || -> Result<_, Infallible> {
                reads += 1;
                Ok(vec![snapshot; length])
            };
            let content = contents.held_or_read(&id(snapshot), path, &mut read).unwrap();
            assert_eq!((content.bytes.len(), content.bytes[0]), (length, snapshot));
            reads
        };
        assert_eq!(look(1, "a", 10), 1);
        assert_eq!(look(1, "a", 10), 1);
        assert_eq!(look(2, "a", 10), 2, "another moment is another file");
        for at in 0..2 * MOST_FILES {
            look(3, &at.to_string(), 5);
            look(1, "a", 10);
        }
        assert_eq!(look(1, "a", 10), 2 + 2 * MOST_FILES, "what is used stays");
        assert_eq!(look(3, "0", 5), 3 + 2 * MOST_FILES, "what is old went");
        assert_eq!(contents.size().0, MOST_FILES);
        for at in 0..12 {
            look(4, &at.to_string(), MOST_ONE as usize / 2);
        }
        assert!(contents.size().1 <= MOST_BYTES, "{:?}", contents.size());
    }

    #[test]
    fn a_file_that_cannot_be_read_is_not_held() {
        let contents = Contents::default();
        assert!(contents.held_or_read(&id(1), "a", || Err::<Vec<u8>, _>("gone")).is_err());
        assert_eq!(contents.size(), (0, 0));
        let content = contents.held_or_read(&id(1), "a", || Ok::<_, Infallible>(b"abc".to_vec())).unwrap();
        assert_eq!(content.hash(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
