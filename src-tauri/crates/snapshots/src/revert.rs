//! Taking back what one turn did to the files, and nothing that came after it.
//!
//! Each path that the turn changed is looked at three ways: before the turn, after it, and now. What is
//! still as the turn left it goes back. What was changed since is merged line by line, if it is text and the
//! turn and what came after it changed different lines; all else is a conflict. With one conflict nothing
//! is done. What is done is a snapshot of its own and a restore to it.

use std::collections::BTreeMap;
use std::sync::Arc;

use git2::MergeFileInput;
use okcvm_objects::{Batch, EMPTY_TREE, Entry, EntryKind, ObjectId, ObjectKind, encode_tree};
use okcvm_protocol::{ChangeKind, FileChange, RestoreOutcome, RevertConflict, SkippedFile, SnapshotId};
use okcvm_workspace::Workspace;

use crate::RestoreWhat;
use crate::commit::object_of;
use crate::difference::{Difference, Scope, differences};
use crate::entry::{below, shown};
use crate::error::SnapshotError;
use crate::history::{History, lock};
use crate::left_out::LeftOut;
use crate::record::RecordInfo;
use crate::restore::keep_left_out;
use crate::similarity::is_binary;
use crate::source::Source;

/// Texts with more bytes are not merged.
const MAX_MERGED: u64 = 4_000_000;

/// What taking back a turn would do.
#[derive(Debug, Clone, PartialEq)]
pub struct RevertPlan {
    /// Files that would be touched, against the present.
    pub changes: Vec<FileChange>,
    /// Empty folders that would come or go.
    pub folders: Vec<String>,
    /// What keeps it from being done, by path; it is refused unless this is empty.
    pub conflicts: Vec<RevertConflict>,
}

/// The present without a turn, recorded and not yet in the workspace.
#[derive(Debug, Clone, PartialEq)]
pub struct TakenBack {
    /// A new snapshot on top of the present, or the present if there was nothing to do.
    pub snapshot: SnapshotId,
    /// What the turn seems to have made, and stays, since it was only left out before.
    pub kept: Vec<SkippedFile>,
}

/// A turn that was taken back.
#[derive(Debug, Clone, PartialEq)]
pub struct Reverted {
    /// What the workspace holds now: a new snapshot on top of the present, or the present if there was
    /// nothing to do.
    pub snapshot: SnapshotId,
    /// What was touched.
    pub outcome: RestoreOutcome,
}

impl History {
    /// What taking back the turn that led from `before` (or nothing) to `after` would do to the snapshot
    /// `present`. Touches nothing.
    pub fn plan_revert(
        &self,
        present: &SnapshotId,
        before: Option<&SnapshotId>,
        after: &SnapshotId,
    ) -> Result<RevertPlan, SnapshotError> {
        let batch = self.shared.objects.batch();
        self.plan_revert_of(&batch, self.tree(present)?, before, after).map(|(plan, _)| plan)
    }

    /// The same for the tree `present`, and the tree that it would become, as far as nothing conflicts. New objects
    /// are in the batch.
    pub(crate) fn plan_revert_of(
        &self,
        batch: &Batch,
        present: ObjectId,
        before: Option<&SnapshotId>,
        after: &SnapshotId,
    ) -> Result<(RevertPlan, ObjectId), SnapshotError> {
        let reversion = self.reversion(batch, present, before, after)?;
        let source = self.source();
        let (mut changes, mut folders) = (Vec::new(), Vec::new());
        for (path, edit) in &reversion.edits {
            let file = |entry: &Entry| entry.kind != EntryKind::Folder;
            let old = source.entry_at(present, path)?.filter(file);
            let new = edit.filter(file);
            let size = |entry: Option<Entry>| match entry {
                Some(entry) => match reversion.merged.get(&entry.id) {
                    Some(bytes) => Ok(Some(*bytes)),
                    None => source.size(entry.id).map(Some),
                },
                None => Ok(None),
            };
            let kind = match (old, new) {
                (None, None) => {
                    folders.push(shown(path));
                    continue;
                }
                (None, Some(_)) => ChangeKind::Added,
                (Some(_), Some(_)) => ChangeKind::Modified,
                (Some(_), None) => ChangeKind::Deleted,
            };
            let (old_size, new_size) = (size(old)?, size(new)?);
            changes.push(FileChange { path: shown(path), old_path: None, kind, old_size, new_size });
        }
        Ok((RevertPlan { changes, folders, conflicts: reversion.told() }, reversion.tree))
    }

    /// Takes the turn that led from `before` (or nothing) to `after` back in the workspace, which `present`
    /// was just recorded of: a new snapshot with `present` as its parent, and a restore to it. If anything
    /// conflicts, nothing is touched and the error lists all conflicts.
    pub fn revert(
        &self,
        workspace: &Workspace,
        present: &SnapshotId,
        before: Option<&SnapshotId>,
        after: &SnapshotId,
        info: RecordInfo<'_>,
    ) -> Result<Reverted, SnapshotError> {
        let TakenBack { snapshot, kept } = self.record_reverted(present, before, after, info)?;
        let mut outcome = self.restore(workspace, present, &snapshot, &RestoreWhat::All)?;
        outcome.unwritten.extend(kept);
        Ok(Reverted { snapshot, outcome })
    }

    /// Records what [`History::revert`] makes of `present`, and touches no file: the rest of it is a restore from
    /// `present` to what is returned.
    pub fn record_reverted(
        &self,
        present: &SnapshotId,
        before: Option<&SnapshotId>,
        after: &SnapshotId,
        info: RecordInfo<'_>,
    ) -> Result<TakenBack, SnapshotError> {
        let _writer = lock(&self.shared.writer);
        self.shared.archive.ensure_writer()?;
        let batch = self.shared.objects.batch();
        let reversion = self.reversion(&batch, self.tree(present)?, before, after)?;
        if !reversion.conflicts.is_empty() {
            return Err(SnapshotError::Conflicts { conflicts: reversion.told() });
        }
        let snapshot = if reversion.tree == self.tree(present)? {
            present.clone()
        } else {
            let left_out = self.shared.archive.snapshot(present)?.left_out();
            let parent = object_of(present)?;
            self.put_snapshot(batch, reversion.tree, Some(parent), info, &left_out)?
        };
        Ok(TakenBack { snapshot, kept: reversion.kept })
    }

    fn reversion(
        &self,
        batch: &Batch,
        present: ObjectId,
        before: Option<&SnapshotId>,
        after: &SnapshotId,
    ) -> Result<Reversion, SnapshotError> {
        let source = self.source();
        let left_out = before.map_or_else(|| Ok(LeftOut::nothing()), |before| self.left_out(before))?;
        let before = before.map_or(Ok(EMPTY_TREE), |before| self.tree(before))?;
        let after = self.tree(after)?;
        let mut reversion = Reversion { tree: present, ..Reversion::default() };
        let mut turn = differences(source, before, after, &Scope::All)?;
        // What was only left out before the turn was not made by it.
        reversion.kept = keep_left_out(source, before, &left_out, &mut turn, |difference| {
            difference.old.is_none().then_some(difference.new).flatten()
        })?;
        for difference in turn {
            reversion.one(source, batch, present, &difference)?;
        }
        let edits: Vec<Edit<'_>> = reversion
            .edits
            .iter()
            .map(|(path, entry)| Edit { parts: path.split(|byte| *byte == b'/').collect(), entry: *entry })
            .collect();
        let mut editing = Editing { source, batch, before, conflicts: BTreeMap::new() };
        let mut sorted = edits;
        sorted.sort_by(|left, right| left.parts.cmp(&right.parts));
        if !sorted.is_empty() {
            reversion.tree = editing.folder(Some(present), &[], &sorted)?.unwrap_or(EMPTY_TREE);
        }
        reversion.conflicts.append(&mut editing.conflicts);
        Ok(reversion)
    }
}

/// The present with a turn taken back.
#[derive(Debug)]
struct Reversion {
    tree: ObjectId,
    /// What is put at a path, or that it goes.
    edits: BTreeMap<Vec<u8>, Option<Entry>>,
    /// Bytes of the contents that were merged.
    merged: BTreeMap<ObjectId, u64>,
    conflicts: BTreeMap<Vec<u8>, &'static str>,
    /// What the turn seems to have made, and stays, since it was only left out before.
    kept: Vec<SkippedFile>,
}

impl Default for Reversion {
    fn default() -> Self {
        Self {
            tree: EMPTY_TREE,
            edits: BTreeMap::new(),
            merged: BTreeMap::new(),
            conflicts: BTreeMap::new(),
            kept: Vec::new(),
        }
    }
}

fn is_full_folder(entry: &Entry) -> bool {
    entry.kind == EntryKind::Folder && entry.id != EMPTY_TREE
}

impl Reversion {
    fn told(&self) -> Vec<RevertConflict> {
        let conflict = |(path, reason): (&Vec<u8>, &&str)| RevertConflict {
            path: shown(path),
            reason: (*reason).to_owned(),
        };
        self.conflicts.iter().map(conflict).collect()
    }

    fn one(
        &mut self,
        source: &Source,
        batch: &Batch,
        present: ObjectId,
        difference: &Difference,
    ) -> Result<(), SnapshotError> {
        let Difference { path, old: before, new: after } = difference;
        let now = source.entry_at(present, path)?;
        if now.as_ref().is_some_and(is_full_folder) {
            // A folder with something in it is no thing of its own: what is in it is. A file comes in its
            // place only if all of that goes, which shows when the trees are made.
            if before.is_some_and(|before| before.kind != EntryKind::Folder) {
                self.edits.insert(path.clone(), *before);
            }
            return Ok(());
        }
        if now == *before {
            return Ok(());
        }
        if now == *after {
            self.edits.insert(path.clone(), *before);
            return Ok(());
        }
        let reason = match (after, before, now) {
            (Some(after), Some(before), Some(now))
                if [after, before, &now].iter().all(|entry| entry.kind.is_file()) =>
            {
                let kind = if now.kind == after.kind { before.kind } else { now.kind };
                let id = if now.id == after.id {
                    Ok(before.id)
                } else if now.id == before.id || after.id == before.id {
                    Ok(now.id)
                } else {
                    self.merge(source, batch, [after.id, now.id, before.id])?
                };
                match id {
                    Ok(id) => {
                        let entry = Entry { kind, id };
                        if entry != now {
                            self.edits.insert(path.clone(), Some(entry));
                        }
                        return Ok(());
                    }
                    Err(reason) => reason,
                }
            }
            (Some(_), None, None) => return Ok(()),
            (Some(_), None, Some(_)) => "the turn made it, and it was changed since",
            (None, _, _) => "the turn removed it, and something of its name came since",
            (Some(_), Some(_), None) => "the turn changed it, and it was removed since",
            (Some(_), Some(_), Some(_)) => "it was changed since, and is no text that could be merged",
        };
        self.conflicts.insert(path.clone(), reason);
        Ok(())
    }

    /// Merges what became of the content `after` since with what it was before.
    fn merge(
        &mut self,
        source: &Source,
        batch: &Batch,
        [after, now, before]: [ObjectId; 3],
    ) -> Result<Result<ObjectId, &'static str>, SnapshotError> {
        let mut texts = Vec::new();
        for id in [after, now, before] {
            if source.size(id)? > MAX_MERGED {
                return Ok(Err("it was changed since, and is too large to be merged"));
            }
            let text = source.blob(id)?;
            if is_binary(&text) {
                return Ok(Err("it was changed since, and is no text that could be merged"));
            }
            texts.push(text);
        }
        let inputs: Vec<MergeFileInput<'_>> = texts
            .iter()
            .map(|text| {
                let mut input = MergeFileInput::new();
                input.content(text);
                input
            })
            .collect();
        let merged = git2::merge_file(&inputs[0], &inputs[1], &inputs[2], None)?;
        if !merged.is_automergeable() {
            return Ok(Err("the same lines, or lines beside them, were changed since"));
        }
        let id = batch.add(ObjectKind::Blob, merged.content())?;
        self.merged.insert(id, merged.content().len() as u64);
        Ok(Ok(id))
    }
}

/// The tree `old` with the differences made that lead to `new`, some of all there are; `None` where a file and a folder
/// would stand in one place.
pub(crate) fn with_edits(
    source: &Source,
    batch: &Batch,
    (old, new): (ObjectId, ObjectId),
    differences: &[Difference],
) -> Result<Option<ObjectId>, SnapshotError> {
    let mut edits: Vec<Edit<'_>> = differences
        .iter()
        .map(|difference| Edit {
            parts: difference.path.split(|byte| *byte == b'/').collect(),
            entry: difference.new,
        })
        .collect();
    edits.sort_by(|left, right| left.parts.cmp(&right.parts));
    // A folder that is emptied stays if it is there in the end.
    let mut editing = Editing { source, batch, before: new, conflicts: BTreeMap::new() };
    let tree = editing.folder(Some(old), &[], &edits)?.unwrap_or(EMPTY_TREE);
    Ok(editing.conflicts.is_empty().then_some(tree))
}

struct Edit<'a> {
    parts: Vec<&'a [u8]>,
    entry: Option<Entry>,
}

struct Editing<'a> {
    source: &'a Source,
    batch: &'a Batch,
    before: ObjectId,
    conflicts: BTreeMap<Vec<u8>, &'static str>,
}

impl Editing<'_> {
    /// The tree of the folder at `path`, which was `tree`, with the edits made, which all lie in it; `None`
    /// if it goes, since nothing is in it any more and there was no such folder before the turn.
    fn folder(
        &mut self,
        tree: Option<ObjectId>,
        path: &[u8],
        edits: &[Edit<'_>],
    ) -> Result<Option<ObjectId>, SnapshotError> {
        let depth = path.split(|byte| *byte == b'/').filter(|part| !part.is_empty()).count();
        let tree = tree.map_or_else(|| Ok(Arc::default()), |tree| self.source.tree(tree))?;
        let mut entries: BTreeMap<Vec<u8>, Entry> = tree.iter().cloned().collect();
        for group in edits.chunk_by(|left, right| left.parts[depth] == right.parts[depth]) {
            let name = group[0].parts[depth];
            let inside = below(path, name);
            let itself = group.iter().find(|edit| edit.parts.len() == depth + 1);
            let deeper = &group[usize::from(itself.is_some())..];
            if itself.is_some_and(|edit| edit.entry.is_none()) {
                entries.remove(name);
            }
            if !deeper.is_empty() {
                let there = entries.get(name).copied();
                let is_folder = there.is_none_or(|entry| entry.kind == EntryKind::Folder);
                if !is_folder && deeper.iter().any(|edit| edit.entry.is_some()) {
                    self.conflicts.insert(inside.clone(), "something stands in the place of its folder");
                    continue;
                }
                if is_folder {
                    match self.folder(there.map(|entry| entry.id), &inside, deeper)? {
                        Some(id) => {
                            entries.insert(name.to_vec(), Entry { kind: EntryKind::Folder, id });
                        }
                        None => {
                            entries.remove(name);
                        }
                    }
                }
            }
            if let Some(entry) = itself.and_then(|edit| edit.entry) {
                if entries.get(name).is_some_and(is_full_folder) {
                    self.conflicts.insert(inside, "a folder with other files stands in its place");
                    continue;
                }
                entries.insert(name.to_vec(), entry);
            }
        }
        if entries.is_empty() {
            let stays = path.is_empty() || self.source.is_folder(self.before, path)?;
            return Ok(stays.then_some(EMPTY_TREE));
        }
        let bytes = encode_tree(entries.iter().map(|(name, entry)| (name.as_slice(), *entry)));
        Ok(Some(self.batch.add(ObjectKind::Tree, &bytes)?))
    }
}

#[cfg(test)]
#[path = "revert_tests.rs"]
mod tests;
