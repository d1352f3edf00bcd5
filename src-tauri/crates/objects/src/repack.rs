//! Packing with deltas, by libgit2.

use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use git2::{Oid, Repository};

use crate::error::ObjectError;
use crate::housekeeping::Rewritten;
use crate::id::{EMPTY_TREE, ObjectId};
use crate::objects::{Objects, PackName};
use crate::pack::Pack;
use crate::tree::EntryKind;
use crate::writer::temporary;

impl Objects {
    /// Packs all objects into one pack with deltas, the big packs excepted, which stay as they are. `trees`
    /// are the roots to find the files' names by, the newest first: contents of equal names lie side by side
    /// and give the best deltas. Others may go on reading and writing meanwhile; what they write is not
    /// touched. `go_on` is asked from time to time.
    ///
    /// It takes as much free space as the result needs; the caller looks for that first.
    /// Packs that hold damaged objects are moved to `torn` first, after what is sound in them was copied.
    pub fn repack(&self, trees: &[ObjectId], go_on: &dyn Fn() -> bool) -> Result<Rewritten, ObjectError> {
        self.despite_damage(go_on, || self.repack_once(trees, go_on))
    }

    fn repack_once(&self, trees: &[ObjectId], go_on: &dyn Fn() -> bool) -> Result<Rewritten, ObjectError> {
        self.refresh()?;
        let list = self.list();
        let old: Vec<Arc<Pack>> = list.packs.clone();
        let loose: Vec<ObjectId> = list.loose.iter().copied().collect();
        let mut rewritten = Rewritten::new(self, old, loose);
        let mut wanted: HashSet<ObjectId> = list.packs.iter().flat_map(|pack| pack.index.ids()).collect();
        wanted.extend(list.loose.iter().filter(|id| !list.big.contains_key(id)));
        if wanted.is_empty() {
            return Ok(rewritten);
        }
        let folder = temporary(self.repository());
        self.disk().create_folder(&folder).map_err(ObjectError::storage("created", &folder))?;
        let result = self.build(&folder, trees, wanted, go_on);
        let placed = result.and_then(|name| {
            let _one = self.changing();
            self.let_stay(&name)?;
            let name = self.place_built(&folder, name)?;
            let pack = Pack::open(self.folder(), name.clone())?;
            let size = pack.size;
            self.take_in(pack);
            Ok((name, size))
        });
        if let Err(error) = fs::remove_dir_all(&folder) {
            tracing::debug!(folder = %folder.display(), %error, "swept at the next start");
        }
        let (name, size) = placed?;
        rewritten.old.retain(|old| old.name != name);
        rewritten.new_bytes = size;
        self.sync()?;
        Ok(rewritten)
    }

    fn build(
        &self,
        folder: &std::path::Path,
        trees: &[ObjectId],
        mut wanted: HashSet<ObjectId>,
        go_on: &dyn Fn() -> bool,
    ) -> Result<PackName, ObjectError> {
        let repository = Repository::open_bare(self.repository())?;
        let mut builder = repository.packbuilder()?;
        // It runs beside the work of a person.
        builder.set_threads(1);
        builder.set_progress_callback(|_, _, _| go_on())?;
        let oid = |id: &ObjectId| Oid::from_bytes(id.as_bytes());
        let mut seen = HashSet::new();
        let mut ahead: Vec<(ObjectId, String)> = Vec::new();
        for root in trees {
            ahead.push((*root, String::new()));
            while let Some((tree, name)) = ahead.pop() {
                if tree == EMPTY_TREE || !seen.insert(tree) {
                    continue;
                }
                if !go_on() {
                    return Err(ObjectError::Cancelled);
                }
                if wanted.remove(&tree) {
                    builder.insert_object(oid(&tree)?, Some(&name))?;
                }
                let entries = match self.read_tree(&tree) {
                    // It is lost, and what it names is packed without names.
                    Err(ObjectError::Missing { .. }) => continue,
                    entries => entries?,
                };
                for (name, entry) in entries.iter() {
                    // The name only brings likely pairs together.
                    let name: String = String::from_utf8_lossy(name)
                        .chars()
                        .filter(|character| *character != '\0')
                        .collect();
                    if entry.kind == EntryKind::Folder {
                        ahead.push((entry.id, name));
                    } else if wanted.remove(&entry.id) {
                        builder.insert_object(oid(&entry.id)?, Some(&name))?;
                    }
                }
            }
        }
        let mut rest: Vec<ObjectId> = wanted.into_iter().collect();
        rest.sort_unstable();
        for id in rest {
            builder.insert_object(oid(&id)?, None)?;
        }
        let count = builder.object_count();
        let written = builder.write(folder, 0o644);
        if !go_on() {
            return Err(ObjectError::Cancelled);
        }
        written?;
        if builder.written() != count {
            return Err(ObjectError::damaged("the new pack", "it has not all objects"));
        }
        let stems = fs::read_dir(folder)
            .map_err(ObjectError::storage("read", folder))?
            .flatten()
            .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".pack")?.to_owned()));
        let stem = stems.last().ok_or_else(|| ObjectError::damaged("the new pack", "it is not there"))?;
        Ok(PackName::from_stem(&stem))
    }

    fn place_built(&self, folder: &std::path::Path, name: PackName) -> Result<PackName, ObjectError> {
        let place = |file: String| -> Result<PathBuf, ObjectError> {
            let (from, to) = (folder.join(&file), self.folder().join(&file));
            self.disk().sync_file(&from).map_err(ObjectError::storage("synced", &from))?;
            self.disk().rename(&from, &to).map_err(ObjectError::storage("created", &to))?;
            Ok(to)
        };
        place(name.pack_file())?;
        place(name.index_file())?;
        Ok(name)
    }
}
