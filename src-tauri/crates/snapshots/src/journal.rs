//! The journal: the snapshots in the order in which they were made.
//!
//! A file of records of 128 bytes, so that a page of ten thousand snapshots costs no look at a commit. The
//! first one names the format. A record is, in little-endian order: CRC-32 of the rest (4), kind (1),
//! author (1), flags (1: it has a parent; 2: the message is whole), bytes of the message (1), Unix
//! milliseconds (8), snapshot (20), parent (20), tree (20), start of the message (52).
//!
//! The first record also holds a random number, by which a journal that took the place of this one is known.
//! A sound record of an unknown kind was written by a later version: such a journal is refused, not cut.
//!
//! A record of the kind *mark* says that everything before it had been synced when it was written; it is not
//! synced itself. What stands behind the last mark may be lost in a power cut, and is looked through at the
//! next start; a torn record ends the journal. A journal that is
//! missing is made again from the references and the commits.

use std::collections::HashMap;
use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use okcvm_objects::{Disk, DiskFile, ObjectId};

use crate::commit::Author;
use crate::error::SnapshotError;

const BYTES: usize = 128;
const MESSAGE: usize = 52;
const FORMAT: &[u8; 16] = b"okcvm journal 1\n";
const HEAD: u8 = 1;
const SNAPSHOT: u8 = 2;
const MARK: u8 = 3;
const HAS_PARENT: u8 = 1;
const WHOLE: u8 = 2;

/// A snapshot as the journal knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) id: ObjectId,
    /// The snapshot that it came from; after a thinning the nearest one that was kept.
    pub(crate) parent: Option<ObjectId>,
    pub(crate) tree: ObjectId,
    pub(crate) at_ms: i64,
    pub(crate) author: Author,
    /// `None` if it is too long for the journal; then it stands in the commit.
    pub(crate) message: Option<String>,
}

impl Record {
    fn encode(&self) -> [u8; BYTES] {
        let message = self.message.as_deref().filter(|message| message.len() <= MESSAGE);
        let mut bytes = [0; BYTES];
        bytes[4] = SNAPSHOT;
        bytes[5] = self.author.byte();
        bytes[6] =
            if self.parent.is_some() { HAS_PARENT } else { 0 } | if message.is_some() { WHOLE } else { 0 };
        bytes[8..16].copy_from_slice(&self.at_ms.to_le_bytes());
        bytes[16..36].copy_from_slice(self.id.as_bytes());
        if let Some(parent) = self.parent {
            bytes[36..56].copy_from_slice(parent.as_bytes());
        }
        bytes[56..76].copy_from_slice(self.tree.as_bytes());
        if let Some(message) = message {
            bytes[7] = message.len() as u8;
            bytes[76..76 + message.len()].copy_from_slice(message.as_bytes());
        }
        sealed(bytes)
    }

    fn decode(bytes: &[u8; BYTES]) -> Self {
        let id = |at: usize| {
            let mut id = [0; 20];
            id.copy_from_slice(&bytes[at..at + 20]);
            ObjectId::from_bytes(&id)
        };
        let mut at_ms = [0; 8];
        at_ms.copy_from_slice(&bytes[8..16]);
        let message = bytes.get(76..76 + usize::from(bytes[7]));
        let message = message.and_then(|message| String::from_utf8(message.to_vec()).ok());
        Self {
            id: id(16),
            parent: (bytes[6] & HAS_PARENT != 0).then(|| id(36)),
            tree: id(56),
            at_ms: i64::from_le_bytes(at_ms),
            author: Author::of_byte(bytes[5]),
            message: message.filter(|_| bytes[6] & WHOLE != 0),
        }
    }
}

/// The parent of each.
pub(crate) fn parents(records: &[Record]) -> HashMap<ObjectId, Option<ObjectId>> {
    records.iter().map(|record| (record.id, record.parent)).collect()
}

/// This one, or the nearest before it that is not gone.
pub(crate) fn nearest(
    mut id: Option<ObjectId>,
    parents: &HashMap<ObjectId, Option<ObjectId>>,
    is_gone: &dyn Fn(&ObjectId) -> bool,
) -> Option<ObjectId> {
    while let Some(gone) = id.filter(|id| is_gone(id)) {
        id = parents.get(&gone).copied().flatten();
    }
    id
}

/// Those that are not gone; what came from one that is comes from the nearest before it now.
pub(crate) fn without(records: &[Record], is_gone: &dyn Fn(&ObjectId) -> bool) -> Vec<Record> {
    let parents = parents(records);
    let mut kept: Vec<Record> = records.iter().filter(|record| !is_gone(&record.id)).cloned().collect();
    for record in &mut kept {
        record.parent = nearest(record.parent, &parents, is_gone);
    }
    kept
}

fn sealed(mut bytes: [u8; BYTES]) -> [u8; BYTES] {
    let crc = crc32fast::hash(&bytes[4..]);
    bytes[..4].copy_from_slice(&crc.to_le_bytes());
    bytes
}

fn head() -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    bytes[4] = HEAD;
    bytes[8..24].copy_from_slice(FORMAT);
    let random = RandomState::new().build_hasher().finish();
    bytes[24..32].copy_from_slice(&random.to_le_bytes());
    sealed(bytes)
}

fn mark() -> [u8; BYTES] {
    let mut bytes = [0; BYTES];
    bytes[4] = MARK;
    sealed(bytes)
}

/// The journal of one history.
pub(crate) struct Journal {
    path: PathBuf,
    disk: Arc<dyn Disk>,
    file: Option<Box<dyn DiskFile>>,
    records: Vec<Record>,
    positions: HashMap<ObjectId, usize>,
    /// So many records stood before the last mark.
    durable: usize,
    /// Bytes of the file that were read and are sound.
    length: u64,
    /// What tells this file from one that took its place.
    identity: Identity,
    /// What was written behind `length` could not be cut off yet.
    to_cut: bool,
    /// A sync failed. The system may have let go of what it could not write, and say next time that all is
    /// well; so the file is written anew.
    distrusted: bool,
}

/// A sync of the file that is under way.
#[must_use = "it counts when it has ended"]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Syncing {
    identity: Identity,
    count: usize,
}

/// The random number in the first record, and the file: older journals have no number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Identity {
    number: u64,
    file: u64,
}

impl Journal {
    /// Reads what there is; `None` if there is no journal, or one of another format.
    pub(crate) fn load(path: &Path, disk: &Arc<dyn Disk>) -> Result<Option<Self>, SnapshotError> {
        let mut journal = Self::empty(path, disk);
        Ok(journal.read_on()?.then_some(journal))
    }

    fn empty(path: &Path, disk: &Arc<dyn Disk>) -> Self {
        Self {
            path: path.to_owned(),
            disk: Arc::clone(disk),
            file: None,
            records: Vec::new(),
            positions: HashMap::new(),
            durable: 0,
            length: 0,
            identity: Identity::default(),
            to_cut: false,
            distrusted: false,
        }
    }

    /// Makes a new one of these records, durably; what was there is replaced at once or not at all.
    pub(crate) fn create(
        path: &Path,
        disk: &Arc<dyn Disk>,
        records: Vec<Record>,
    ) -> Result<Self, SnapshotError> {
        let mut journal = Self::empty(path, disk);
        journal.rewrite(records)?;
        Ok(journal)
    }

    /// Replaces all records, durably.
    pub(crate) fn rewrite(&mut self, records: Vec<Record>) -> Result<(), SnapshotError> {
        let durable = records.len();
        self.rewrite_marked(records, durable)
    }

    /// Replaces all records, durably; the first `durable` ones stand before a mark.
    fn rewrite_marked(&mut self, records: Vec<Record>, durable: usize) -> Result<(), SnapshotError> {
        let new = self.path.with_extension("new");
        let failed = |error| SnapshotError::storage("written", &new, error);
        let mut bytes = Vec::with_capacity((records.len() + 2) * BYTES);
        let head = head();
        bytes.extend_from_slice(&head);
        let (marked, behind) = records.split_at(durable);
        bytes.extend(marked.iter().flat_map(Record::encode));
        bytes.extend_from_slice(&mark());
        bytes.extend(behind.iter().flat_map(Record::encode));
        let mut file = self.disk.create(&new).map_err(failed)?;
        file.write(&bytes).map_err(failed)?;
        drop(file);
        self.disk.sync_file(&new).map_err(failed)?;
        self.disk.rename(&new, &self.path).map_err(failed)?;
        if let Some(folder) = self.path.parent() {
            self.disk.sync_folder(folder).map_err(failed)?;
        }
        self.file = None;
        let metadata = fs::metadata(&self.path).map_err(failed)?;
        self.identity = Identity { number: number_of(&head), file: file_of(&metadata) };
        (self.to_cut, self.distrusted) = (false, false);
        self.positions = records.iter().enumerate().map(|(position, record)| (record.id, position)).collect();
        self.durable = durable;
        self.records = records;
        self.length = bytes.len() as u64;
        Ok(())
    }

    /// Reads what another process added, or all of a journal that took the place of this one.
    pub(crate) fn refresh(&mut self) -> Result<(), SnapshotError> {
        let failed = |error| SnapshotError::storage("read", &self.path, error);
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(error)),
        };
        let identity = Identity::of(&file).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        if identity == self.identity && length == self.length {
            return Ok(());
        }
        if identity != self.identity || length < self.length {
            *self = Self::empty(&self.path, &self.disk);
        }
        self.read_on().map(|_| ())
    }

    fn read_on(&mut self) -> Result<bool, SnapshotError> {
        let failed = |error| SnapshotError::storage("read", &self.path, error);
        let mut file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(failed(error)),
        };
        self.identity = Identity::of(&file).map_err(failed)?;
        file.seek(SeekFrom::Start(self.length)).map_err(failed)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed)?;
        for chunk in bytes.as_chunks::<BYTES>().0 {
            if sealed(*chunk) != *chunk {
                break;
            }
            match chunk[4] {
                HEAD if self.length == 0 && chunk[8..24] == *FORMAT => {}
                SNAPSHOT if self.length > 0 => self.insert(Record::decode(chunk)),
                MARK if self.length > 0 => self.durable = self.records.len(),
                _ => {
                    let later = io::Error::new(io::ErrorKind::InvalidData, "a later version wrote it");
                    return Err(SnapshotError::storage("read", &self.path, later));
                }
            }
            self.length += BYTES as u64;
        }
        Ok(self.length > 0)
    }

    fn insert(&mut self, record: Record) {
        self.positions.insert(record.id, self.records.len());
        self.records.push(record);
    }

    /// Cuts off what is torn, so that new records stand behind sound ones.
    pub(crate) fn cut_torn(&mut self) -> Result<(), SnapshotError> {
        let failed = |error| SnapshotError::storage("written", &self.path, error);
        if fs::metadata(&self.path).map_err(failed)?.len() > self.length {
            tracing::warn!(path = %self.path.display(), "the end of the journal is torn");
            self.disk.cut(&self.path, self.length).map_err(failed)?;
        }
        self.to_cut = false;
        Ok(())
    }

    fn write(&mut self, bytes: &[u8; BYTES]) -> Result<(), SnapshotError> {
        let result = self.try_write(bytes);
        if result.is_err() {
            // A part of a record would end the journal for every later one.
            self.file = None;
            self.to_cut = self.disk.cut(&self.path, self.length).is_err();
        } else {
            self.length += BYTES as u64;
        }
        result.map_err(|error| SnapshotError::storage("written", &self.path, error))
    }

    fn try_write(&mut self, bytes: &[u8; BYTES]) -> io::Result<()> {
        if self.to_cut {
            self.disk.cut(&self.path, self.length)?;
            self.to_cut = false;
        }
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(self.disk.append(&self.path)?),
        };
        file.write(bytes)
    }

    /// Adds a snapshot; not yet durable.
    pub(crate) fn append(&mut self, record: Record) -> Result<(), SnapshotError> {
        self.write(&record.encode())?;
        self.insert(record);
        Ok(())
    }

    /// Notes that the first `count` records name only what was synced, once they are on the disk, too.
    pub(crate) fn mark(&mut self, count: usize) -> Result<(), SnapshotError> {
        let Some(syncing) = self.begin_sync(count)? else { return Ok(()) };
        let synced = self.disk.sync_file(&self.path);
        self.end_sync(syncing, synced)
    }

    /// For one who syncs the file, and beside it all that the first `count` records name, while others go on
    /// with the journal, and then calls [`Journal::end_sync`]. `None` if nothing is left to do with the file.
    pub(crate) fn begin_sync(&mut self, count: usize) -> Result<Option<Syncing>, SnapshotError> {
        // A thinning may have taken records away since they were counted.
        let count = count.min(self.records.len());
        if self.durable >= count {
            return Ok(None);
        }
        if self.distrusted {
            let (records, durable) = (self.records.clone(), self.durable);
            self.rewrite_marked(records, durable)?;
        }
        Ok(Some(Syncing { identity: self.identity, count }))
    }

    /// Takes in how the sync went. The mark that then follows does not have to be on the disk itself: without
    /// it the next start looks through the newest snapshots, and finds them whole.
    pub(crate) fn end_sync(&mut self, syncing: Syncing, synced: io::Result<()>) -> Result<(), SnapshotError> {
        // One that took its place was written durably.
        if syncing.identity != self.identity {
            return Ok(());
        }
        if let Err(error) = synced {
            self.distrusted = true;
            return Err(SnapshotError::storage("synced", &self.path, error));
        }
        self.durable = self.durable.max(syncing.count);
        // A mark speaks of everything before it; with newer records there, the next one comes soon.
        if syncing.count == self.records.len()
            && let Err(error) = self.write(&mark())
        {
            tracing::debug!(%error, "the next start looks through the newest snapshots");
        }
        Ok(())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// All snapshots, the oldest first.
    pub(crate) fn records(&self) -> &[Record] {
        &self.records
    }

    /// So many of the oldest records are safe against a power cut.
    pub(crate) fn durable(&self) -> usize {
        self.durable
    }

    pub(crate) fn position(&self, id: &ObjectId) -> Option<usize> {
        self.positions.get(id).copied()
    }

    pub(crate) fn get(&self, id: &ObjectId) -> Option<&Record> {
        self.records.get(self.position(id)?)
    }
}

impl Identity {
    fn of(file: &File) -> io::Result<Self> {
        let mut bytes = [0; BYTES];
        let mut filled = 0;
        // It reads from the start of a file that was just opened.
        let mut head = file.take(BYTES as u64);
        while filled < BYTES {
            match head.read(&mut bytes[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let number = if filled == BYTES { number_of(&bytes) } else { 0 };
        Ok(Self { number, file: file_of(&file.metadata()?) })
    }
}

/// The random number in a first record.
fn number_of(head: &[u8; BYTES]) -> u64 {
    let mut number = [0; 8];
    number.copy_from_slice(&head[24..32]);
    u64::from_le_bytes(number)
}

fn file_of(metadata: &fs::Metadata) -> u64 {
    #[cfg(unix)]
    {
        std::os::unix::fs::MetadataExt::ino(metadata)
    }
    #[cfg(not(unix))]
    {
        let created =
            metadata.created().ok().and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        created.map_or(0, |time| time.as_nanos() as u64)
    }
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
