//! Merging and dropping, by copying the bytes of packs.
//!
//! New packs are in place and synced before old ones go, so that a crash at any moment leaves every object
//! at least once. A process that still reads an old pack has it open, or finds the new one when it looks
//! again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::deflate::compress;
use crate::disk::read_at;
use crate::error::ObjectError;
use crate::id::ObjectId;
use crate::objects::{Objects, PackName};
use crate::pack::{Form, Pack, encode_head, encode_near_head};
use crate::writer::{ClosedPack, PackWriter};

/// What a housekeeping changed; nothing of the old goes before [`Rewritten::finish`].
#[must_use = "the old packs stay until it is finished"]
pub struct Rewritten {
    objects: Objects,
    pub(crate) old: Vec<Arc<Pack>>,
    loose: Vec<ObjectId>,
    /// Objects that will be gone.
    pub dropped: usize,
    /// Bytes of the packs that will go, their indexes not counted.
    pub old_bytes: u64,
    /// Bytes of the packs that came instead.
    pub new_bytes: u64,
}

impl Rewritten {
    pub(crate) fn new(objects: &Objects, old: Vec<Arc<Pack>>, loose: Vec<ObjectId>) -> Self {
        let old_bytes = old.iter().map(|pack| pack.size).sum();
        Self { objects: objects.clone(), old, loose, dropped: 0, old_bytes, new_bytes: 0 }
    }

    /// Takes the old packs away.
    pub fn finish(self) -> Result<(), ObjectError> {
        self.objects.sync()?;
        self.hide();
        self.remove()
    }

    /// From here on nobody in this process relies on the old packs; for others, and after a kill, they are
    /// still there. What came instead has been synced.
    pub fn hide(&self) {
        let objects = &self.objects;
        let old: HashSet<&PackName> = self.old.iter().map(|pack| &pack.name).collect();
        if old.is_empty() && self.loose.is_empty() {
            return;
        }
        let _one = objects.changing();
        {
            let mut hidden = objects.hidden();
            hidden.extend(old.iter().map(ToString::to_string));
            hidden.extend(self.loose.iter().map(ToString::to_string));
        }
        let gone: HashSet<&ObjectId> = self.loose.iter().collect();
        objects.change_list(|list| {
            list.packs.retain(|pack| !old.contains(&pack.name));
            list.big.retain(|_, pack| !old.contains(&pack.name));
            if !gone.is_empty() {
                let left = list.loose.iter().filter(|id| !gone.contains(id)).copied();
                list.loose = Arc::new(left.collect());
            }
        });
        objects.forget_trees();
    }

    /// Removes the files of what was hidden, one after the other, so that who writes a pack waits for one of
    /// them at most. Those that an earlier call could not remove go as well.
    pub fn remove(self) -> Result<(), ObjectError> {
        let objects = &self.objects;
        let old: HashSet<&PackName> = self.old.iter().map(|pack| &pack.name).collect();
        if old.is_empty() && self.loose.is_empty() {
            return Ok(());
        }
        let leaving: Vec<String> = {
            let _one = objects.changing();
            // Whatever fails from here on, nobody relies on them again.
            let hidden: Vec<String> = objects.hidden().drain().collect();
            objects.leaving().extend(hidden);
            objects.rewrite_synced(&old)?;
            objects.leaving().iter().cloned().collect()
        };
        for name in &leaving {
            let _one = objects.changing();
            // One of the same content may have come meanwhile, and stays.
            if objects.leaving().contains(name) {
                objects.take_away(std::slice::from_ref(name))?;
            }
        }
        let _one = objects.changing();
        objects.leaving().retain(|name| !leaving.contains(name));
        // A pack of the same content may come again one day, and must not be taken for one that leaves.
        objects.rewrite_synced(&old)
    }
}

/// A rewriting of packs that stands aside: until [`Prepared::place`] nobody sees anything of it, and when it
/// is dropped nothing of it is left.
#[must_use = "nothing changes before it is put in place"]
pub struct Prepared {
    objects: Objects,
    old: Vec<Arc<Pack>>,
    loose: Vec<ObjectId>,
    /// The new packs, under temporary names.
    closed: Vec<ClosedPack>,
    /// What is in them.
    written: HashSet<ObjectId>,
    dropped: usize,
    new_bytes: u64,
}

impl Prepared {
    /// The objects among these that would be gone with the old packs.
    pub fn missing<'a>(&self, ids: impl Iterator<Item = &'a ObjectId>) -> HashSet<ObjectId> {
        let old: HashSet<&PackName> = self.old.iter().map(|pack| &pack.name).collect();
        let going: HashSet<&ObjectId> = self.loose.iter().collect();
        let list = self.objects.list();
        let staying: Vec<&Arc<Pack>> = list.all().filter(|pack| !old.contains(&pack.name)).collect();
        let goes = |id: &&ObjectId| {
            !self.written.contains(*id)
                && staying.iter().all(|pack| pack.index.find(id).is_none())
                && (going.contains(id) || !list.loose.contains(*id))
                && (going.contains(id) || self.old.iter().any(|pack| pack.index.find(id).is_some()))
        };
        ids.filter(goes).copied().collect()
    }

    /// Copies these as well, out of what would go. `go_on` is asked from time to time.
    pub fn add(&mut self, wanted: &HashSet<ObjectId>, go_on: &dyn Fn() -> bool) -> Result<(), ObjectError> {
        let asked = || if go_on() { Ok(()) } else { Err(ObjectError::Cancelled) };
        let mut writer = PackWriter::new(&self.objects);
        let Self { old, written, loose, .. } = self;
        let (before, went) = (written.len(), loose.len());
        loose.retain(|id| !wanted.contains(id));
        for pack in old.iter() {
            asked()?;
            copy_objects(pack, &mut writer, &mut |id| wanted.contains(id) && written.insert(*id), &asked)?;
        }
        self.dropped = self.dropped.saturating_sub(written.len() + went - loose.len() - before);
        self.close(writer)
    }

    fn close(&mut self, writer: PackWriter) -> Result<(), ObjectError> {
        if writer.is_empty() {
            return Ok(());
        }
        let closed = writer.close()?;
        let path = &closed.temporary.path;
        self.objects.disk().sync_file(path).map_err(ObjectError::storage("synced", path))?;
        self.closed.push(closed);
        Ok(())
    }

    /// Gives the new packs their names, durably, beside the old ones. More can be added afterwards.
    pub fn place(&mut self) -> Result<(), ObjectError> {
        for closed in std::mem::take(&mut self.closed) {
            let (name, size) = self.objects.place(closed)?;
            // The same objects in the same order make the same pack: it is its own successor.
            self.old.retain(|old| old.name != name);
            self.new_bytes += size;
        }
        self.objects.sync()
    }

    /// The old packs can go. All that is needed of them was placed.
    pub fn into_rewritten(self) -> Rewritten {
        let mut rewritten = Rewritten::new(&self.objects, self.old, self.loose);
        (rewritten.dropped, rewritten.new_bytes) = (self.dropped, self.new_bytes);
        rewritten
    }
}

impl Objects {
    /// Merges the small packs into one by copying their bytes, if there are more than `most` of them; the
    /// cost follows their bytes. Each merge takes packs up to the size of all smaller ones together, so that
    /// an object is copied a few times only, however long the history gets. The number of merged packs.
    pub fn merge_packs(&self, most: usize) -> Result<usize, ObjectError> {
        self.despite_damage(&|| true, || self.merge_once(most))
    }

    fn merge_once(&self, most: usize) -> Result<usize, ObjectError> {
        let list = self.list();
        if list.packs.len() <= most.max(1) {
            return Ok(0);
        }
        let mut packs = list.packs.clone();
        packs.sort_by_key(|pack| pack.size);
        let mut taken = packs.len() - most / 2;
        let mut sum: u64 = packs[..taken].iter().map(|pack| pack.size).sum();
        while taken < packs.len() && packs[taken].size <= sum {
            sum += packs[taken].size;
            taken += 1;
        }
        packs.truncate(taken);
        if packs.len() < 2 {
            return Ok(0);
        }
        let mut writer = PackWriter::new(self);
        let mut written = HashSet::new();
        for pack in &packs {
            copy_objects(pack, &mut writer, &mut |id| written.insert(*id), &|| Ok(()))?;
        }
        let count = packs.len();
        let mut rewritten = Rewritten::new(self, packs, Vec::new());
        self.place_synced(writer, &mut rewritten)?;
        rewritten.finish()?;
        Ok(count)
    }

    /// Takes packs away that were just finished and that nothing names. Those that are synced already stay. The caller
    /// sees to it that meanwhile nobody syncs, merges, packs, or finishes a batch that may count on them.
    pub fn take_back(&self, packs: &[PackName]) -> Result<(), ObjectError> {
        let _one = self.changing();
        let mut unsynced = self.unsynced_names();
        let going: HashSet<PackName> = packs.iter().filter(|name| unsynced.contains(name)).cloned().collect();
        unsynced.retain(|name| !going.contains(name));
        drop(unsynced);
        self.change_list(|list| {
            list.packs.retain(|pack| !going.contains(&pack.name));
            list.big.retain(|_, pack| !going.contains(&pack.name));
        });
        self.take_away(&going.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    /// Writes packs anew that hold objects outside of `live`, without those, aside; packs that are all live
    /// stay as they are. Dead objects are gone when the result was placed and is finished. Others may go on
    /// writing meanwhile; [`Prepared::missing`] says what they rely on of all that would go. `go_on` is asked
    /// from time to time.
    pub fn keep_only(
        &self,
        live: &HashSet<ObjectId>,
        go_on: &dyn Fn() -> bool,
    ) -> Result<Prepared, ObjectError> {
        self.despite_damage(go_on, || self.keep_only_once(live, go_on))
    }

    fn keep_only_once(
        &self,
        live: &HashSet<ObjectId>,
        go_on: &dyn Fn() -> bool,
    ) -> Result<Prepared, ObjectError> {
        self.refresh()?;
        let list = self.list();
        let asked = || if go_on() { Ok(()) } else { Err(ObjectError::Cancelled) };
        let mut writer = PackWriter::new(self);
        let (mut old, mut dropped) = (Vec::new(), 0);
        // After a packing that was killed an object may lie in several packs.
        let mut written = HashSet::new();
        for pack in list.all() {
            asked()?;
            let dead = pack.index.ids().filter(|id| !live.contains(id)).count();
            if dead == 0 {
                continue;
            }
            dropped += dead;
            if dead < pack.index.count() {
                copy_objects(pack, &mut writer, &mut |id| live.contains(id) && written.insert(*id), &asked)?;
            }
            old.push(Arc::clone(pack));
        }
        let loose: Vec<ObjectId> = list.loose.iter().filter(|id| !live.contains(id)).copied().collect();
        dropped += loose.len();
        let objects = self.clone();
        let mut prepared =
            Prepared { objects, old, loose, closed: Vec::new(), written, dropped, new_bytes: 0 };
        prepared.close(writer)?;
        Ok(prepared)
    }

    /// Puts a pack in place, durably; its index is not synced, since it can be made again.
    fn place_synced(&self, writer: PackWriter, rewritten: &mut Rewritten) -> Result<(), ObjectError> {
        if writer.is_empty() {
            return Ok(());
        }
        let closed = writer.close()?;
        let path = closed.temporary.path.clone();
        self.disk().sync_file(&path).map_err(ObjectError::storage("synced", &path))?;
        let (name, size) = self.place(closed)?;
        // The same objects in the same order make the same pack: it is its own successor.
        rewritten.old.retain(|old| old.name != name);
        rewritten.new_bytes += size;
        self.sync()
    }
}

/// Copies those objects of a pack for which `wanted` says yes. A delta stays a delta if its base is copied
/// as well; else the object is written whole.
fn copy_objects(
    pack: &Pack,
    writer: &mut PackWriter,
    wanted: &mut dyn FnMut(&ObjectId) -> bool,
    asked: &dyn Fn() -> Result<(), ObjectError>,
) -> Result<(), ObjectError> {
    let file = pack.file()?;
    let order = pack.index.by_offset();
    let mut moved: HashMap<u64, u64> = HashMap::new();
    for (number, (offset, position)) in order.iter().copied().enumerate() {
        if number % 1024 == 0 {
            asked()?;
        }
        let id = pack.index.id(position);
        if !wanted(&id) {
            continue;
        }
        let end = order.get(number + 1).map_or(pack.size - 20, |(next, _)| *next);
        let long = end.checked_sub(offset).and_then(|long| usize::try_from(long).ok()).unwrap_or(0);
        let mut bytes = vec![0; long];
        let filled = read_at(&file, &mut bytes, offset).map_err(ObjectError::storage("read", &pack.path))?;
        if filled != long || crc32fast::hash(&bytes) != pack.index.crc(position) {
            return Err(ObjectError::damaged(
                format!("the object {id}"),
                "its bytes are not what was written",
            ));
        }
        let head = pack.head(&file, offset)?;
        let base = match head.form {
            Form::Whole(_) => None,
            Form::Near(base) => Some(base),
            Form::Named(base) => Some(pack.find(&base).ok_or(ObjectError::Missing { id: base })?),
        };
        let at = writer.offset();
        match base {
            None => writer.push(id, pack.index.crc(position), &bytes)?,
            Some(base) => {
                let mut packed = Vec::with_capacity(bytes.len() + 8);
                if let Some(base) = moved.get(&base) {
                    encode_near_head(at - base, head.size, &mut packed);
                    packed.extend_from_slice(&bytes[(head.data - offset) as usize..]);
                } else {
                    let (kind, whole) = pack.read(offset)?;
                    encode_head(kind, whole.len() as u64, &mut packed);
                    compress(kind, &whole, &mut packed);
                }
                writer.push(id, crc32fast::hash(&packed), &packed)?;
            }
        }
        moved.insert(offset, at);
    }
    Ok(())
}
