//! Looking after what a crash left.
//!
//! Packs that were synced are noted in `okcvm-synced`, a line each: name, bytes, and a CRC-32 of both. A
//! line stands there only after the sync, and is itself not synced: a lost one costs one look at a pack.
//! Before packs are taken away the list is written anew, durably, and names them as leaving, so that a
//! removal that was cut is finished.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::disk::read_at;
use crate::error::{ObjectError, is_damage};
use crate::id::{ObjectHash, ObjectId, ObjectKind, object_id};
use crate::index::{Place, encode};
use crate::loose;
use crate::objects::{Objects, PackName};
use crate::pack::{Fault, Form, HEAD, Head, Pack, PackContent};
use crate::stream::{PackStream, STREAMED_FROM};
use crate::writer::{TEMPORARY, Temporary, checksum, place_index};

/// The list of the packs that are on the disk.
const SYNCED: &str = "okcvm-synced";
/// Stands in that list instead of a size.
const LEAVING: &str = "leaving";
/// Where torn packs are kept.
pub(crate) const TORN: &str = "torn";
/// Other programs' unfinished files that are older belong to nobody.
const LEFTOVER_AGE: Duration = Duration::from_secs(3600);

/// What is wrong with a pack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PackFault {
    /// It was cut before it was synced. It was moved to the folder `torn`.
    Torn,
    /// It had been synced, and its content is another now. It was moved to the folder `torn`.
    Damaged,
    /// It had been synced, and is gone.
    Gone,
}

/// What [`Objects::heal`] found and did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Healed {
    /// Packs that are not there any more.
    pub faults: Vec<(PackName, PackFault)>,
    /// Indexes that were made again.
    pub indexes: usize,
    /// Unfinished files that were removed.
    pub swept: usize,
    /// Objects are gone, or were found damaged, of which nobody was told yet; see
    /// [`Objects::forget_damaged`].
    pub lost: bool,
}

impl Objects {
    fn synced_path(&self) -> PathBuf {
        self.repository().join(SYNCED)
    }

    /// Packs that are on the disk, with their sizes; and what was being taken away.
    fn noted(&self) -> (HashMap<PackName, u64>, Vec<String>) {
        let (mut synced, mut leaving) = (HashMap::new(), Vec::new());
        let text = fs::read(self.synced_path()).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        for line in text.lines() {
            let Some((body, crc)) = line.rsplit_once(' ') else { continue };
            if u32::from_str_radix(crc, 16) != Ok(crc32fast::hash(body.as_bytes())) {
                continue;
            }
            match body.split_once(' ') {
                Some((name, LEAVING)) => leaving.push(name.to_owned()),
                Some((name, size)) => {
                    if let Ok(size) = size.parse() {
                        synced.insert(PackName::from_stem(name), size);
                    }
                }
                None => {}
            }
        }
        (synced, leaving)
    }

    fn line(name: &str, what: &str) -> String {
        let body = format!("{name} {what}");
        format!("{body} {:08x}\n", crc32fast::hash(body.as_bytes()))
    }

    fn synced_line(name: &PackName, size: u64) -> String {
        Self::line(&name.to_string(), &size.to_string())
    }

    pub(crate) fn note_synced(&self, packs: &[(&PackName, u64)]) -> Result<(), ObjectError> {
        let path = self.synced_path();
        let lines: String = packs.iter().map(|(name, size)| Self::synced_line(name, *size)).collect();
        let mut file = self.disk().append(&path).map_err(ObjectError::storage("written", &path))?;
        file.write(lines.as_bytes()).map_err(ObjectError::storage("written", &path))
    }

    /// Writes the list anew, durably: `gone` are not needed any more and are not in it. What leaves is named.
    pub(crate) fn rewrite_synced(&self, gone: &HashSet<&PackName>) -> Result<(), ObjectError> {
        let list = self.list();
        let unsynced = self.unsynced_names().clone();
        let kept = list.all().filter(|pack| !gone.contains(&pack.name) && !unsynced.contains(&pack.name));
        let mut lines: String = kept.map(|pack| Self::synced_line(&pack.name, pack.size)).collect();
        lines.extend(self.leaving().iter().map(|name| Self::line(name, LEAVING)));
        let folder = self.repository();
        let (temporary, mut file) = Temporary::create(self.disk(), folder)?;
        file.write(lines.as_bytes()).map_err(ObjectError::storage("written", &temporary.path))?;
        drop(file);
        let failed = ObjectError::storage("synced", &temporary.path);
        self.disk().sync_file(&temporary.path).map_err(failed)?;
        temporary.rename(&self.synced_path())?;
        self.disk().sync_folder(folder).map_err(ObjectError::storage("synced", folder))
    }

    /// Brings the store in order after a crash; only the one who writes may call this. Packs that a power
    /// cut may have torn are looked through and moved to `torn` if they are, after what is sound in them was
    /// copied; lost and torn indexes are made again; unfinished files go.
    pub fn heal(&self) -> Result<Healed, ObjectError> {
        self.drop_spares();
        let mut healed = Healed { swept: self.sweep(), ..Healed::default() };
        let (synced, leaving) = self.noted();
        // Half of what was dropped would look like damage to others.
        {
            let _one = self.changing();
            self.take_away(&leaving)?;
            self.leaving().clear();
        }
        self.refresh()?;
        let known: HashMap<PackName, u64> =
            self.list().all().map(|pack| (pack.name.clone(), pack.size)).collect();
        let mut there = HashSet::new();
        for name in self.pack_files()? {
            let path = self.folder().join(name.pack_file());
            let size = fs::metadata(&path).map_err(ObjectError::storage("read", &path))?.len();
            let noted = synced.get(&name).copied();
            there.insert(name.clone());
            if noted == Some(size) && known.contains_key(&name) {
                continue;
            }
            if Self::is_whole(&path, size).map_err(ObjectError::storage("read", &path))?
                && self.make_index(&name, size, known.contains_key(&name), &mut healed)?
            {
                if noted.is_none() {
                    self.unsynced_names().push(name);
                }
                continue;
            }
            tracing::error!(%name, "a pack is torn");
            match self.salvage(&name)? {
                // Nothing but its end was wrong, and it is whole again.
                Some(saved) if saved == name => continue,
                saved => there.extend(saved),
            }
            self.move_to_torn(&name)?;
            let fault = if noted.is_some() { PackFault::Damaged } else { PackFault::Torn };
            healed.faults.push((name, fault));
        }
        for name in self.names()?.difference(&there) {
            // An index without its pack says nothing.
            let path = self.folder().join(name.index_file());
            self.disk().remove(&path).map_err(ObjectError::storage("removed", &path))?;
        }
        let gone: Vec<&PackName> = synced.keys().filter(|name| !there.contains(*name)).collect();
        healed.faults.extend(gone.iter().map(|name| ((*name).clone(), PackFault::Gone)));
        self.refresh()?;
        let damaged = self.noted_damaged();
        for id in &damaged {
            self.suspect(id)?;
        }
        let aside = self.set_damaged_aside()?;
        healed.faults.extend(aside.into_iter().map(|name| (name, PackFault::Damaged)));
        let list = self.list();
        healed.lost = damaged.iter().any(|id| !list.has(id));
        if !damaged.is_empty() && !healed.lost {
            self.forget_damaged()?;
        }
        if !healed.faults.is_empty() || !leaving.is_empty() {
            self.rewrite_synced(&HashSet::new())?;
        }
        Ok(healed)
    }

    /// Removes packs and loose objects by their names; what is gone already is no error.
    pub(crate) fn take_away(&self, names: &[String]) -> Result<(), ObjectError> {
        for name in names {
            let files = if let Ok(id) = name.parse::<ObjectId>() {
                vec![loose::path(self.objects_folder(), &id)]
            } else {
                let name = PackName::from_stem(name);
                // Without its index a pack is seen by nobody.
                vec![self.folder().join(name.index_file()), self.folder().join(name.pack_file())]
            };
            for path in files {
                if let Err(error) = self.disk().remove(&path)
                    && error.kind() != io::ErrorKind::NotFound
                {
                    return Err(ObjectError::storage("removed", &path)(error));
                }
            }
        }
        Ok(())
    }

    fn pack_files(&self) -> Result<Vec<PackName>, ObjectError> {
        let folder = self.folder();
        let mut names = Vec::new();
        match fs::read_dir(folder) {
            Ok(entries) => {
                for entry in entries {
                    let name = entry.map_err(ObjectError::storage("read", folder))?.file_name();
                    names.extend(
                        name.to_str().and_then(|name| name.strip_suffix(".pack")).map(PackName::from_stem),
                    );
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.disk().create_folder(folder).map_err(ObjectError::storage("created", folder))?;
            }
            Err(error) => return Err(ObjectError::storage("read", folder)(error)),
        }
        names.sort();
        Ok(names)
    }

    /// `false` only for bytes that were read and are wrong or too few: a passing failure of the system must
    /// not look like damage.
    fn is_whole(path: &std::path::Path, size: u64) -> io::Result<bool> {
        if size < HEAD + 20 {
            return Ok(false);
        }
        let mut end = [0; 20];
        if read_at(&File::open(path)?, &mut end, size - 20)? < 20 {
            return Ok(false);
        }
        match checksum(path, size - 20) {
            Ok(sum) => Ok(sum == end),
            Err(ObjectError::Storage { source, .. }) => Err(source),
            Err(_) => Ok(false),
        }
    }

    /// Makes sure that a whole pack has its index; `false` if the pack has no sense.
    fn make_index(
        &self,
        name: &PackName,
        size: u64,
        has_index: bool,
        healed: &mut Healed,
    ) -> Result<bool, ObjectError> {
        if has_index {
            return Ok(true);
        }
        let path = self.folder().join(name.pack_file());
        let file = Arc::new(File::open(&path).map_err(ObjectError::storage("read", &path))?);
        let (mut places, sum) = match index_of(&file, size) {
            Ok(found) => found,
            Err(Fault::Io(error)) => return Err(ObjectError::storage("read", &path)(error)),
            Err(_) => return Ok(false),
        };
        let bytes = encode(&mut places, &sum)?;
        place_index(self, name, &bytes)?;
        healed.indexes += 1;
        match Pack::open(self.folder(), name.clone()) {
            Ok(_) => Ok(true),
            Err(ObjectError::Damaged { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn move_to_torn(&self, name: &PackName) -> Result<(), ObjectError> {
        let _one = self.changing();
        let torn = self.repository().join(TORN);
        self.disk().create_folder(&torn).map_err(ObjectError::storage("created", &torn))?;
        let index = self.folder().join(name.index_file());
        if let Err(error) = self.disk().remove(&index)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(ObjectError::storage("removed", &index)(error));
        }
        let path = self.folder().join(name.pack_file());
        let to = torn.join(name.pack_file());
        self.disk().rename(&path, &to).map_err(ObjectError::storage("moved aside", &path))?;
        self.change_list(|list| {
            list.packs.retain(|pack| pack.name != *name);
            list.big.retain(|_, pack| pack.name != *name);
            list.damaged.remove(name);
        });
        Ok(())
    }

    /// Removes what killed processes left behind.
    fn sweep(&self) -> usize {
        let mut swept = 0;
        for folder in [self.folder(), self.objects_folder(), self.repository()] {
            for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
                let name = entry.file_name();
                let Some(name) = name.to_str().filter(|name| name.starts_with("tmp_")) else { continue };
                let old = || {
                    let modified = entry.metadata().and_then(|metadata| metadata.modified());
                    modified.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > LEFTOVER_AGE))
                };
                if !name.starts_with(TEMPORARY) && !old() {
                    continue;
                }
                let path = entry.path();
                let removed =
                    if path.is_dir() { fs::remove_dir_all(&path) } else { self.disk().remove(&path) };
                match removed {
                    Ok(()) => swept += 1,
                    Err(error) => tracing::debug!(path = %path.display(), %error, "swept the next time"),
                }
            }
        }
        swept
    }
}

/// Reads a pack from its start to its end and says what lies where, with the checksum at its end.
fn index_of(file: &Arc<File>, size: u64) -> Result<(Vec<Place>, [u8; 20]), Fault> {
    let pack = PackContent { file, size };
    let broken = |reason: &str| Fault::Damaged(reason.to_owned());
    let mut head = [0; 12];
    if read_at(pack.file, &mut head, 0).map_err(Fault::Io)? < 12 || head[..8] != *b"PACK\0\0\0\x02" {
        return Err(broken("it is no pack of version 2"));
    }
    let count = u32::from_be_bytes([head[8], head[9], head[10], head[11]]);
    let mut places = Vec::new();
    let mut known: HashMap<ObjectId, u64> = HashMap::new();
    let mut deltas = Vec::new();
    let mut offset = HEAD;
    for _ in 0..count {
        let head = pack.head(offset)?;
        let (id, used) = match head.form {
            Form::Whole(kind) if head.size >= STREAMED_FROM => {
                let (id, used) = hash_streamed(file, kind, head)?;
                (Some(id), used)
            }
            Form::Whole(kind) => {
                let (bytes, used) = pack.inflate(head)?;
                let id = object_id(kind, &bytes).map_err(|error| Fault::Damaged(error.to_string()))?;
                (Some(id), used)
            }
            Form::Near(_) | Form::Named(_) => (None, pack.inflate(head)?.1),
        };
        let end = head.data + used;
        let crc = crc_of(pack.file, offset, end).map_err(Fault::Io)?;
        if let Some(id) = id {
            known.insert(id, offset);
            places.push(Place { id, crc, offset });
        } else {
            deltas.push((offset, crc));
        }
        offset = end;
    }
    let mut sum = [0; 20];
    if offset + 20 != pack.size || read_at(pack.file, &mut sum, offset).map_err(Fault::Io)? < 20 {
        return Err(broken("its end is not where it should be"));
    }
    // A delta may name a base that is a delta itself and comes later.
    while !deltas.is_empty() {
        let before = deltas.len();
        let mut waiting = Vec::new();
        for (offset, crc) in deltas {
            match pack.read(offset, &|id| known.get(id).copied()) {
                Ok((kind, bytes)) => {
                    let id = object_id(kind, &bytes).map_err(|error| Fault::Damaged(error.to_string()))?;
                    known.insert(id, offset);
                    places.push(Place { id, crc, offset });
                }
                Err(Fault::Missing(_)) => waiting.push((offset, crc)),
                Err(fault) => return Err(fault),
            }
        }
        if waiting.len() == before {
            return Err(broken("the base of a delta is missing"));
        }
        deltas = waiting;
    }
    Ok((places, sum))
}

/// The name of a whole object that lies in a pack, and how long its stream is; it does not have to fit into
/// memory.
pub(crate) fn hash_streamed(
    file: &Arc<File>,
    kind: ObjectKind,
    head: Head,
) -> Result<(ObjectId, u64), Fault> {
    let mut content = PackStream::new(Arc::clone(file), head.data, head.size);
    let mut hash = ObjectHash::new(kind, head.size);
    let mut buffer = vec![0; 1 << 20];
    loop {
        match content.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => hash.update(&buffer[..count]),
            Err(error) if is_damage(&error) => return Err(Fault::Damaged(error.to_string())),
            Err(error) => return Err(Fault::Io(error)),
        }
    }
    let id = hash.finish().map_err(|error| Fault::Damaged(error.to_string()))?;
    Ok((id, content.used()))
}

fn crc_of(file: &File, start: u64, end: u64) -> io::Result<u32> {
    let mut hasher = crc32fast::Hasher::new();
    let mut buffer = vec![0; usize::try_from(end - start).unwrap_or(1 << 20).min(1 << 20)];
    let mut at = start;
    while at < end {
        let wanted = buffer.len().min(usize::try_from(end - at).unwrap_or(buffer.len()));
        let filled = read_at(file, &mut buffer[..wanted], at)?;
        if filled == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        hasher.update(&buffer[..filled]);
        at += filled as u64;
    }
    Ok(hasher.finalize())
}

#[cfg(test)]
#[path = "heal_tests.rs"]
mod tests;
