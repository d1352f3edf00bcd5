//! Writing one pack.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use sha1::{Digest, Sha1};

use crate::disk::{Disk, DiskFile, read_at};
use crate::error::ObjectError;
use crate::id::ObjectId;
use crate::index::{Index, Place, encode};
use crate::objects::{Objects, PackName};
use crate::pack::{HEAD, Pack};

/// What a pack holds in memory before it goes to its file.
const HELD: usize = 32 << 20;
/// Names of files that are not finished start so; git knows the first four letters as well.
pub(crate) const TEMPORARY: &str = "tmp_okcvm_";

/// A name for a file that is not finished.
pub(crate) fn temporary(folder: &Path) -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    folder.join(format!("{TEMPORARY}{}_{number}", std::process::id()))
}

/// Empty files that were made ahead, so that whoever waits for a pack does not wait for the file system to find room for
/// its files.
pub(crate) type Spares = Mutex<Vec<(Temporary, Box<dyn DiskFile>)>>;

/// A file under a temporary name, removed unless it got its own.
pub(crate) struct Temporary {
    disk: Arc<dyn Disk>,
    pub(crate) path: PathBuf,
    kept: bool,
}

impl Temporary {
    pub(crate) fn create(
        disk: &Arc<dyn Disk>,
        folder: &Path,
    ) -> Result<(Self, Box<dyn DiskFile>), ObjectError> {
        let path = temporary(folder);
        let file = disk.create(&path).map_err(ObjectError::storage("created", &path))?;
        Ok((Self { disk: Arc::clone(disk), path, kept: false }, file))
    }

    pub(crate) fn rename(mut self, to: &Path) -> Result<(), ObjectError> {
        self.disk.rename(&self.path, to).map_err(ObjectError::storage("created", to))?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = self.disk.remove(&self.path)
        {
            tracing::debug!(path = %self.path.display(), %error, "swept at the next start");
        }
    }
}

/// The head of a pack of `count` objects.
pub(crate) fn pack_head(count: usize) -> Result<[u8; 12], ObjectError> {
    let count =
        u32::try_from(count).map_err(|_| ObjectError::damaged("a pack", "it has too many objects"))?;
    let mut head = *b"PACK\0\0\0\x02\0\0\0\0";
    head[8..].copy_from_slice(&count.to_be_bytes());
    Ok(head)
}

/// A pack that grows: in memory, and from some size on in its temporary file.
pub(crate) struct PackWriter {
    objects: Objects,
    held: Vec<u8>,
    written: u64,
    file: Option<(Temporary, Box<dyn DiskFile>)>,
    places: Vec<Place>,
}

impl PackWriter {
    pub(crate) fn new(objects: &Objects) -> Self {
        // The count is put in at the end.
        let held = b"PACK\0\0\0\x02\0\0\0\0".to_vec();
        Self { objects: objects.clone(), held, written: 0, file: None, places: Vec::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Where the next object will lie.
    pub(crate) fn offset(&self) -> u64 {
        self.written + self.held.len() as u64
    }

    /// Appends an object: head and stream, with their CRC-32.
    pub(crate) fn push(&mut self, id: ObjectId, crc: u32, bytes: &[u8]) -> Result<(), ObjectError> {
        self.places.push(Place { id, crc, offset: self.offset() });
        self.held.extend_from_slice(bytes);
        if self.held.len() >= HELD {
            self.spill()?;
        }
        Ok(())
    }

    fn spill(&mut self) -> Result<(), ObjectError> {
        let (temporary, file) = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(self.objects.temporary()?),
        };
        file.write(&self.held).map_err(ObjectError::storage("written", &temporary.path))?;
        self.written += self.held.len() as u64;
        self.held.clear();
        Ok(())
    }

    /// Closes the pack under its temporary name.
    pub(crate) fn close(mut self) -> Result<ClosedPack, ObjectError> {
        let head = pack_head(self.places.len())?;
        let sum = if self.file.is_some() {
            self.spill()?;
            let Some((temporary, file)) = &mut self.file else {
                return Err(ObjectError::damaged("a pack", "its file is gone"));
            };
            file.write_at(0, &head).map_err(ObjectError::storage("written", &temporary.path))?;
            let sum = checksum(&temporary.path, self.written)?;
            file.write(&sum).map_err(ObjectError::storage("written", &temporary.path))?;
            sum
        } else {
            self.held[..HEAD as usize].copy_from_slice(&head);
            let sum: [u8; 20] = Sha1::digest(&self.held).into();
            self.held.extend_from_slice(&sum);
            self.spill()?;
            self.written -= 20;
            sum
        };
        let Some((temporary, _)) = self.file else {
            return Err(ObjectError::damaged("a pack", "its file is gone"));
        };
        Ok(ClosedPack { temporary, sum, size: self.written + 20, places: self.places })
    }
}

/// SHA-1 of the first `length` bytes of a file.
pub(crate) fn checksum(path: &Path, length: u64) -> Result<[u8; 20], ObjectError> {
    let file = File::open(path).map_err(ObjectError::storage("read", path))?;
    let mut buffer = vec![0; 1 << 20];
    let mut hash = Sha1::new();
    let mut at = 0;
    while at < length {
        let wanted = buffer.len().min(usize::try_from(length - at).unwrap_or(buffer.len()));
        let filled = read_at(&file, &mut buffer[..wanted], at).map_err(ObjectError::storage("read", path))?;
        if filled == 0 {
            return Err(ObjectError::damaged(format!("the pack {}", path.display()), "it ends too early"));
        }
        hash.update(&buffer[..filled]);
        at += filled as u64;
    }
    Ok(hash.finalize().into())
}

/// A whole pack under a temporary name.
pub(crate) struct ClosedPack {
    pub(crate) temporary: Temporary,
    pub(crate) sum: [u8; 20],
    pub(crate) size: u64,
    pub(crate) places: Vec<Place>,
}

impl ClosedPack {
    pub(crate) fn name(&self) -> PackName {
        PackName::of(&ObjectId::from_bytes(&self.sum))
    }

    /// Gives the pack its name, then its index; from here on everybody sees it.
    pub(crate) fn place(mut self, objects: &Objects) -> Result<Pack, ObjectError> {
        let (name, folder) = (self.name(), objects.folder());
        let bytes = encode(&mut self.places, &self.sum)?;
        self.temporary.rename(&folder.join(name.pack_file()))?;
        place_index(objects, &name, &bytes)?;
        Pack::new(folder, name, Index::made(bytes, self.places.len()), self.size)
    }
}

/// Puts the bytes of an index beside its pack.
pub(crate) fn place_index(objects: &Objects, name: &PackName, bytes: &[u8]) -> Result<(), ObjectError> {
    let (temporary, mut file) = objects.temporary()?;
    file.write(bytes).map_err(ObjectError::storage("written", &temporary.path))?;
    drop(file);
    temporary.rename(&objects.folder().join(name.index_file()))
}
