//! What is known to be damaged.
//!
//! A copy of an object that was found damaged counts as not there: a batch writes the same content again, and
//! reads take another copy. The names of objects of which no sound copy is left stand in `okcvm-damaged` in
//! the repository, a line each, so that the next start knows of them as well.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;

use crate::error::{ObjectError, is_damage};
use crate::heal::{TORN, hash_streamed};
use crate::id::{ObjectId, object_id};
use crate::loose;
use crate::objects::{Objects, PackName};
use crate::pack::{Form, Pack};
use crate::stream::STREAMED_FROM;

/// The list of objects of which no sound copy is left.
const DAMAGED: &str = "okcvm-damaged";

impl Objects {
    fn damaged_path(&self) -> PathBuf {
        self.repository().join(DAMAGED)
    }

    /// Objects that were noted as damaged and that nobody has looked after yet.
    pub(crate) fn noted_damaged(&self) -> HashSet<ObjectId> {
        let text = fs::read(self.damaged_path()).unwrap_or_default();
        String::from_utf8_lossy(&text).lines().filter_map(|line| line.parse().ok()).collect()
    }

    /// Notes, durably, that no sound copy of these is left.
    pub(crate) fn note_damaged(&self, ids: &[ObjectId]) -> Result<(), ObjectError> {
        let known = self.noted_damaged();
        let lines: Vec<String> =
            ids.iter().filter(|id| !known.contains(id)).map(|id| format!("{id}\n")).collect();
        if lines.is_empty() {
            return Ok(());
        }
        let path = self.damaged_path();
        let mut file = self.disk().append(&path).map_err(ObjectError::storage("written", &path))?;
        file.write(lines.concat().as_bytes()).map_err(ObjectError::storage("written", &path))?;
        drop(file);
        self.disk().sync_file(&path).map_err(ObjectError::storage("synced", &path))?;
        self.disk().sync_folder(self.repository()).map_err(ObjectError::storage("synced", &path))
    }

    /// Forgets what was noted: whoever relies on these objects was told.
    pub fn forget_damaged(&self) -> Result<(), ObjectError> {
        let path = self.damaged_path();
        match self.disk().remove(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(ObjectError::storage("removed", &path)(error))
            }
            _ => Ok(()),
        }
    }

    /// Objects that this process found damaged, and of which there is no sound copy.
    pub fn known_damaged(&self) -> HashSet<ObjectId> {
        let list = self.list();
        let found = list.damaged.values().flatten().filter(|id| !list.has(id));
        found.copied().collect()
    }

    /// Runs a read of an object. If it meets damage and another copy is sound, it runs once more.
    pub(crate) fn mended<T>(
        &self,
        id: &ObjectId,
        read: impl Fn() -> Result<T, ObjectError>,
    ) -> Result<T, ObjectError> {
        match read() {
            Err(error) if error.is_loss() && self.suspect(id)? => read(),
            done => done,
        }
    }

    /// Looks through every copy of an object. Those that are damaged count as not there from now on; whether
    /// a sound one is left.
    pub(crate) fn suspect(&self, id: &ObjectId) -> Result<bool, ObjectError> {
        let list = self.list();
        let (mut sound, mut damaged) = (false, Vec::new());
        for (pack, offset) in list.places(id) {
            if list.is_damaged(&pack.name, id) {
                continue;
            }
            match is_sound(pack, offset, id) {
                Ok(true) => sound = true,
                Ok(false) => damaged.push(pack.name.clone()),
                // Merged into another one meanwhile.
                Err(error) if error.is_damaged_or_gone() => {}
                Err(error) => return Err(error),
            }
        }
        if list.loose.contains(id) {
            match loose::read(self.objects_folder(), id).and_then(|read| same(read, id)) {
                Ok(Some(true)) => sound = true,
                Ok(None) => {}
                Ok(Some(false)) => damaged.push(PackName::loose()),
                Err(error) if error.is_loss() => damaged.push(PackName::loose()),
                Err(error) => return Err(error),
            }
        }
        if damaged.is_empty() {
            return Ok(sound);
        }
        tracing::error!(%id, ?damaged, sound, "an object is damaged");
        self.change_list(|list| damaged.into_iter().for_each(|name| list.mark_damaged(name, *id)));
        if !sound && let Err(error) = self.note_damaged(&[*id]) {
            tracing::warn!(%id, %error, "the next start does not know of the damage");
        }
        Ok(sound)
    }

    /// Why an object cannot be read of which no sound copy is known.
    pub(crate) fn unreadable(&self, id: &ObjectId) -> ObjectError {
        if self.list().damaged.values().any(|ids| ids.contains(id)) {
            return ObjectError::damaged(format!("the object {id}"), "its bytes are not what was written");
        }
        ObjectError::Missing { id: *id }
    }

    /// Runs a work on all packs. If damage stops it, every object is looked through, packs that hold damaged
    /// ones are moved to `torn` after what is sound in them was copied, and the work runs once more.
    pub(crate) fn despite_damage<T>(
        &self,
        go_on: &dyn Fn() -> bool,
        work: impl Fn() -> Result<T, ObjectError>,
    ) -> Result<T, ObjectError> {
        match work() {
            Err(error) if error.is_loss() || matches!(error, ObjectError::Git(_)) => {
                tracing::error!(%error, "what is damaged is looked for");
                let list = self.list();
                for id in list.all().flat_map(|pack| pack.index.ids()).chain(list.loose.iter().copied()) {
                    if !go_on() {
                        return Err(ObjectError::Cancelled);
                    }
                    self.suspect(&id)?;
                }
                if self.set_damaged_aside()?.is_empty() { Err(error) } else { work() }
            }
            done => done,
        }
    }

    /// Moves packs and loose objects that were found damaged to `torn`, after what is sound in them was
    /// copied. Their names.
    pub(crate) fn set_damaged_aside(&self) -> Result<Vec<PackName>, ObjectError> {
        let list = self.list();
        let is_there = |name: &PackName| list.all().any(|pack| pack.name == *name);
        let mut aside = Vec::new();
        for (name, ids) in
            list.damaged.iter().filter(|(name, _)| **name == PackName::loose() || is_there(name))
        {
            if *name == PackName::loose() {
                ids.iter().try_for_each(|id| self.move_loose_to_torn(id))?;
            } else if self.salvage(name)?.as_ref() != Some(name) {
                self.move_to_torn(name)?;
            }
            aside.push(name.clone());
        }
        if !aside.is_empty() {
            let _one = self.changing();
            self.rewrite_synced(&HashSet::new())?;
        }
        Ok(aside)
    }

    fn move_loose_to_torn(&self, id: &ObjectId) -> Result<(), ObjectError> {
        let torn = self.repository().join(TORN);
        self.disk().create_folder(&torn).map_err(ObjectError::storage("created", &torn))?;
        let path = loose::path(self.objects_folder(), id);
        match self.disk().rename(&path, &torn.join(id.to_string())) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(ObjectError::storage("moved aside", &path)(error))
            }
            _ => Ok(()),
        }
    }
}

/// The bytes of an object in a pack are what its name says.
fn is_sound(pack: &Pack, offset: u64, id: &ObjectId) -> Result<bool, ObjectError> {
    let read = || -> Result<bool, ObjectError> {
        let file = pack.file()?;
        let head = pack.head(&file, offset)?;
        if let Form::Whole(kind) = head.form
            && head.size >= STREAMED_FROM
        {
            let (found, _) = hash_streamed(&file, kind, head).map_err(|fault| pack.named(offset, fault))?;
            return Ok(found == *id);
        }
        let (kind, bytes) = pack.read(offset)?;
        Ok(object_id(kind, &bytes)? == *id)
    };
    match read() {
        Err(error) if error.is_loss() => Ok(false),
        done => done,
    }
}

fn same(read: Option<(crate::id::ObjectKind, Vec<u8>)>, id: &ObjectId) -> Result<Option<bool>, ObjectError> {
    read.map(|(kind, bytes)| Ok(object_id(kind, &bytes)? == *id)).transpose()
}

/// A content that is looked at more closely when it turns out to be damaged.
pub(crate) struct Suspicious {
    pub(crate) objects: Objects,
    pub(crate) id: ObjectId,
    pub(crate) content: Box<dyn Read + Send>,
}

impl Read for Suspicious {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.content.read(out);
        if let Err(error) = &read
            && is_damage(error)
            && let Err(error) = self.objects.suspect(&self.id)
        {
            tracing::warn!(id = %self.id, %error, "a damaged object could not be looked at");
        }
        read
    }
}

#[cfg(test)]
#[path = "damage_tests.rs"]
mod tests;
