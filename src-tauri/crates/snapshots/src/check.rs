//! Looking whether the snapshots that the journal names are there.

use std::collections::{BTreeSet, HashMap, HashSet};

use okcvm_objects::{EMPTY_TREE, Entry, EntryKind, ObjectError, ObjectId, ObjectKind, Objects};

use crate::commit::Snapshot;
use crate::error::SnapshotError;
use crate::journal::Record;

/// What is wrong with a snapshot, in words.
pub(crate) type Fault = String;

/// Looks through trees; what was found whole is not looked at twice.
pub(crate) struct Check<'a> {
    objects: &'a Objects,
    whole: HashSet<ObjectId>,
}

impl<'a> Check<'a> {
    pub(crate) fn new(objects: &'a Objects) -> Self {
        Self { objects, whole: HashSet::new() }
    }

    /// Commit and root of the snapshot can be read.
    pub(crate) fn is_there(&self, record: &Record) -> Result<Option<Fault>, SnapshotError> {
        let id = record.id;
        let bytes = match self.objects.read_kind(&id, ObjectKind::Commit) {
            Ok(bytes) => bytes,
            Err(error) => return fault(&format!("the snapshot {id}"), error),
        };
        match Snapshot::parse(&bytes) {
            Ok(snapshot) if snapshot.tree == record.tree => {}
            _ => return Ok(Some(format!("the snapshot {id} cannot be read"))),
        }
        match self.objects.read_tree(&record.tree) {
            Ok(_) => Ok(None),
            Err(error) => fault(&format!("the snapshot {id}"), error),
        }
    }

    /// Every object of the snapshot is there; what it has in common with `sound` is not looked at.
    pub(crate) fn is_whole(
        &mut self,
        record: &Record,
        sound: Option<ObjectId>,
    ) -> Result<Option<Fault>, SnapshotError> {
        if let Some(fault) = self.is_there(record)? {
            return Ok(Some(fault));
        }
        self.tree(record.tree, sound)
    }

    fn tree(&mut self, tree: ObjectId, sound: Option<ObjectId>) -> Result<Option<Fault>, SnapshotError> {
        if tree == EMPTY_TREE || Some(tree) == sound || self.whole.contains(&tree) {
            return Ok(None);
        }
        let entries = match self.objects.read_tree(&tree) {
            Ok(entries) => entries,
            Err(error) => return fault(&format!("the tree {tree}"), error),
        };
        let known = sound.and_then(|sound| self.objects.read_tree(&sound).ok()).unwrap_or_default();
        let known: HashMap<&[u8], Entry> =
            known.iter().map(|(name, entry)| (name.as_slice(), *entry)).collect();
        for (name, entry) in entries.iter() {
            let same = known.get(name.as_slice());
            if entry.kind == EntryKind::Folder {
                let sound = same.filter(|same| same.kind == EntryKind::Folder).map(|same| same.id);
                if let Some(fault) = self.tree(entry.id, sound)? {
                    return Ok(Some(fault));
                }
            } else if same.is_none_or(|same| same.id != entry.id) && !self.whole.contains(&entry.id) {
                let what = format!("the file content {}", entry.id);
                match self.objects.header(&entry.id) {
                    Ok(Some((ObjectKind::Blob, _))) => {}
                    Ok(_) => return Ok(Some(format!("{what} cannot be read"))),
                    Err(error) => return fault(&what, error),
                }
                self.whole.insert(entry.id);
            }
        }
        self.whole.insert(tree);
        Ok(None)
    }
}

fn fault(what: &str, error: ObjectError) -> Result<Option<Fault>, SnapshotError> {
    match error {
        ObjectError::Missing { .. } | ObjectError::Damaged { .. } => {
            Ok(Some(format!("{what} cannot be read")))
        }
        error => Err(error.into()),
    }
}

/// The snapshots from which no other one was made.
pub(crate) fn tips(records: &[Record]) -> BTreeSet<ObjectId> {
    let mut tips: BTreeSet<ObjectId> = records.iter().map(|record| record.id).collect();
    for parent in records.iter().filter_map(|record| record.parent) {
        tips.remove(&parent);
    }
    tips
}
