//! Looking at a snapshot without a checkout.

use okcvm_objects::{EMPTY_TREE, Entry, EntryKind as Kind, ObjectId};
use std::collections::{BTreeMap, HashSet};
use std::io::Read;

use okcvm_protocol::{ChangeCounts, ChangeKind, EntryKind, FileChange, FileDiff, FileEntry, SnapshotId};

use crate::archive::held;
use crate::changes::{changes, counts};
use crate::check::Check;
use crate::commit::{Author, object_of};
use crate::difference::{Scope, changed_among, differences, folded_into, stands_itself};
use crate::entry::{below, raw, shown, split};
use crate::error::SnapshotError;
use crate::history::History;
use crate::lines;
use crate::names::NameRules;
use crate::restore::RestoreWhat;
use crate::source::Source;

/// The bytes of a file in all, and the file piece by piece.
pub type Content = (u64, Box<dyn Read + Send>);

/// How far a restore had come that stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HowFar {
    /// Every path that it was to change is as it was before.
    Nothing,
    /// Some paths are as they were to be.
    Part,
    /// Every path is as it was to be.
    All,
    /// No path is as it was to be, and some are not as they were before: others changed them.
    Unknown,
}

/// Links that a path inside of a snapshot may go through.
const MAX_LINKS: u32 = 40;
/// Snapshots that are gone through for the history of a path.
pub(crate) const MAX_COMMITS: usize = 10_000;

impl History {
    /// What changed from the snapshot `from` (or nothing) to `to`, by path; a file that only moved, or of
    /// whose text at least half stands in another that came, is one rename. No content is read for files
    /// that only changed.
    pub fn diff(&self, from: Option<&SnapshotId>, to: &SnapshotId) -> Result<Vec<FileChange>, SnapshotError> {
        let (old, new) = self.trees(from, to)?;
        let source = self.source();
        changes(source, &differences(source, old, new, &Scope::All)?)
    }

    /// The files and empty folders that `from` holds and `to` does not, by path. A file that only moved is not among them,
    /// and an empty folder that may have moved only if `also_moved`.
    pub fn deleted(
        &self,
        from: &SnapshotId,
        to: &SnapshotId,
        also_moved: bool,
    ) -> Result<Vec<String>, SnapshotError> {
        let (old, new) = self.trees(Some(from), to)?;
        let found = differences(self.source(), old, new, &Scope::All)?;
        let is_folder = |entry: Option<Entry>| entry.is_some_and(|entry| entry.kind == Kind::Folder);
        let came = || found.iter().filter(|one| is_folder(one.new)).map(|one| split(&one.path));
        let (beside, names): (HashSet<&[u8]>, HashSet<&[u8]>) = came().unzip();
        // Beside where it was under another name, or elsewhere under its own.
        let moved = |path: &[u8]| {
            let (folder, name) = split(path);
            !also_moved && (beside.contains(folder) || names.contains(name))
        };
        let folders = found
            .iter()
            .filter(|one| is_folder(one.old) && one.new.is_none() && !moved(&one.path))
            .map(|one| shown(&one.path));
        let files = changes(self.source(), &found)?.into_iter();
        let files = files.filter(|change| change.kind == ChangeKind::Deleted).map(|change| change.path);
        let mut gone: Vec<String> = files.chain(folders).collect();
        gone.sort();
        Ok(gone)
    }

    /// How many files came, changed and went from `from` (or nothing) to `to`; a renamed file came and went.
    pub fn counts(&self, from: Option<&SnapshotId>, to: &SnapshotId) -> Result<ChangeCounts, SnapshotError> {
        let (old, new) = self.trees(from, to)?;
        Ok(counts(&differences(self.source(), old, new, &Scope::All)?))
    }

    /// The snapshot is one of this history. Costs no look at the disk.
    pub fn holds(&self, id: &SnapshotId) -> bool {
        object_of(id).is_ok_and(|id| {
            held(&self.shared.archive.journal).get(&id).is_some()
                && self.shared.objects.contains(&id).unwrap_or(false)
        })
    }

    /// The history holds the snapshot and all that is in it. Trees are read, contents are not.
    pub fn is_whole(&self, id: &SnapshotId) -> Result<bool, SnapshotError> {
        let object = object_of(id)?;
        let Some(record) = self.shared.archive.journal()?.get(&object).cloned() else { return Ok(false) };
        Ok(Check::new(&self.shared.objects).is_whole(&record, None)?.is_none())
    }

    /// Bytes of the files of a snapshot that are not the same in `other`, or of all. Of what is damaged nothing counts.
    pub fn bytes_beside(&self, id: &SnapshotId, other: Option<&SnapshotId>) -> Result<u64, SnapshotError> {
        let (old, new) = self.trees(other, id)?;
        let source = self.source();
        let found = differences(source, old, new, &Scope::All)?;
        let files = found.iter().filter_map(|difference| difference.new);
        let new: HashSet<ObjectId> =
            files.filter(|entry| entry.kind != Kind::Folder).map(|entry| entry.id).collect();
        Ok(new.into_iter().filter_map(|id| source.size(id).ok()).sum())
    }

    /// Two snapshots hold the same files. No content is read.
    pub fn same_files(&self, one: &SnapshotId, other: &SnapshotId) -> Result<bool, SnapshotError> {
        let (one, other) = self.trees(Some(one), other)?;
        Ok(one == other)
    }

    /// The part `what` of a snapshot is as it is in `other`, also on a file system that takes another spelling of its
    /// paths for the same. No content is read.
    pub fn same_part(
        &self,
        one: &SnapshotId,
        other: &SnapshotId,
        what: &RestoreWhat,
    ) -> Result<bool, SnapshotError> {
        let (one, other) = self.trees(Some(one), other)?;
        let scope = what.scope();
        Ok(differences(self.source(), one, other, &scope)?.is_empty()
            && folded_into(NameRules::MOST, self.source(), [one, other], &scope)?.is_empty())
    }

    /// The paths that a restore from `from` to `to` had already changed when it stopped and `half` was recorded: what
    /// differs from `from` and is as in `to`. Whatever else differs is of somebody else. No content is read.
    pub fn carried_out(
        &self,
        from: &SnapshotId,
        to: &SnapshotId,
        half: &SnapshotId,
    ) -> Result<Vec<String>, SnapshotError> {
        let (from, half) = self.trees(Some(from), half)?;
        let to = self.tree(to)?;
        let source = self.source();
        let mut paths = Vec::new();
        for difference in differences(source, from, half, &Scope::All)? {
            if source.entry_at(to, &difference.path)?.filter(stands_itself) == difference.new {
                paths.push(shown(&difference.path));
            }
        }
        Ok(paths)
    }

    /// How far a restore from `from` to `to` had come when it stopped and `half` was recorded. Only the paths that it
    /// was to change count. No content is read.
    pub fn how_far(
        &self,
        from: &SnapshotId,
        to: &SnapshotId,
        half: &SnapshotId,
        what: &RestoreWhat,
    ) -> Result<HowFar, SnapshotError> {
        let (from, half) = self.trees(Some(from), half)?;
        let to = self.tree(to)?;
        let (mut as_before, mut arrived, mut paths) = (0, 0, 0);
        for difference in differences(self.source(), from, to, &what.scope())? {
            let now = self.source().entry_at(half, &difference.path)?.filter(stands_itself);
            paths += 1;
            as_before += usize::from(now == difference.old);
            arrived += usize::from(now == difference.new);
        }
        Ok(match (as_before, arrived) {
            (_, arrived) if arrived == paths => HowFar::All,
            (as_before, _) if as_before == paths => HowFar::Nothing,
            (_, 0) => HowFar::Unknown,
            _ => HowFar::Part,
        })
    }

    /// The lines of one change that [`History::diff`] named between the same two snapshots.
    pub fn file_diff(
        &self,
        from: Option<&SnapshotId>,
        to: &SnapshotId,
        change: &FileChange,
    ) -> Result<FileDiff, SnapshotError> {
        let (old, new) = self.trees(from, to)?;
        lines::file_diff(self.source(), old, new, change)
    }

    fn trees(
        &self,
        from: Option<&SnapshotId>,
        to: &SnapshotId,
    ) -> Result<(ObjectId, ObjectId), SnapshotError> {
        Ok((from.map_or(Ok(EMPTY_TREE), |from| self.tree(from))?, self.tree(to)?))
    }

    pub(crate) fn tree(&self, id: &SnapshotId) -> Result<ObjectId, SnapshotError> {
        self.shared.archive.tree(id)
    }

    /// Whose changes the snapshot records.
    pub fn author(&self, id: &SnapshotId) -> Result<Author, SnapshotError> {
        Ok(self.shared.archive.snapshot(id)?.author())
    }

    /// At most `max_bytes` bytes of a file, from its start; links are followed inside of the snapshot.
    /// `None` if there is no such file.
    pub fn read(
        &self,
        id: &SnapshotId,
        path: &str,
        max_bytes: u64,
    ) -> Result<Option<Vec<u8>>, SnapshotError> {
        self.read_range(id, path, 0, max_bytes)
    }

    /// At most `length` bytes of a file from `offset` on, none behind its end; links are followed inside of
    /// the snapshot. `None` if there is no such file.
    pub fn read_range(
        &self,
        id: &SnapshotId,
        path: &str,
        offset: u64,
        length: u64,
    ) -> Result<Option<Vec<u8>>, SnapshotError> {
        let source = self.source();
        match followed(source, self.tree(id)?, &raw(path))? {
            Some((_, entry)) if entry.kind.is_file() => source.range(entry.id, offset, length).map(Some),
            _ => Ok(None),
        }
    }

    /// The content of a file in pieces, and how many bytes it has; a large one never lies in memory. Links are
    /// followed inside of the snapshot. `None` if there is no such file.
    pub fn content(&self, id: &SnapshotId, path: &str) -> Result<Option<Content>, SnapshotError> {
        let source = self.source();
        match followed(source, self.tree(id)?, &raw(path))? {
            Some((_, entry)) if entry.kind.is_file() => source.reader(entry.id).map(Some),
            _ => Ok(None),
        }
    }

    /// What lies at a path once links are followed inside of the snapshot, with the path that they lead to;
    /// `None` if nothing does, or they lead outside. Its time is that of the snapshot.
    pub fn behind_links(&self, id: &SnapshotId, path: &str) -> Result<Option<FileEntry>, SnapshotError> {
        let (root, modified_at) = self.moment(id)?;
        let Some((path, entry)) = followed(self.source(), root, &raw(path))? else { return Ok(None) };
        let (folder, name) = split(&path);
        file_entry(self.source(), folder, name, entry, modified_at).map(Some)
    }

    /// What lies at a path, links not followed; `None` if nothing does. The workspace itself is a folder
    /// without a name. Its time is that of the snapshot.
    pub fn entry(&self, id: &SnapshotId, path: &str) -> Result<Option<FileEntry>, SnapshotError> {
        let (root, modified_at) = self.moment(id)?;
        let parts = parts_reversed(&raw(path));
        let path = parts.into_iter().rev().collect::<Vec<_>>().join(&b'/');
        let Some(entry) = self.source().entry_at(root, &path)? else { return Ok(None) };
        let (folder, name) = split(&path);
        file_entry(self.source(), folder, name, entry, modified_at).map(Some)
    }

    /// The entries of a folder, folders first, each group by name; nothing if there is no such folder.
    /// Their time is that of the snapshot, since git keeps no other.
    pub fn list(&self, id: &SnapshotId, path: &str) -> Result<Vec<FileEntry>, SnapshotError> {
        let (root, modified_at) = self.moment(id)?;
        let source = self.source();
        let folder = raw(path);
        let folder = folder.strip_suffix(b"/").unwrap_or(&folder);
        let Some(Entry { kind: Kind::Folder, id }) = source.entry_at(root, folder)? else {
            return Ok(Vec::new());
        };
        let names = source.tree(id)?;
        let entries = names.iter().map(|(name, entry)| file_entry(source, folder, name, *entry, modified_at));
        let mut entries = entries.collect::<Result<Vec<_>, _>>()?;
        entries.sort_by_cached_key(|entry| {
            (entry.kind != EntryKind::Folder, entry.name.to_lowercase(), entry.name.clone())
        });
        Ok(entries)
    }

    fn moment(&self, id: &SnapshotId) -> Result<(ObjectId, i64), SnapshotError> {
        let snapshot = self.shared.archive.snapshot(id)?;
        Ok((snapshot.tree, snapshot.at_ms()))
    }

    /// For each path the newest snapshot in which it changed, on the line from `tip` over first parents. A
    /// path that did not change within the last ten thousand, or since the oldest that is still kept, is not
    /// in the answer.
    pub fn last_writer(
        &self,
        tip: &SnapshotId,
        paths: &[String],
    ) -> Result<BTreeMap<String, SnapshotId>, SnapshotError> {
        let mut open: BTreeMap<Vec<u8>, &String> = paths.iter().map(|path| (raw(path), path)).collect();
        let mut found = BTreeMap::new();
        let mut line = self.line(tip)?;
        while let Some(step) = line.next(self)?
            && !open.is_empty()
        {
            let changed: Vec<Vec<u8>> =
                changed_among(self.source(), step.old, step.new, open.keys().map(Vec::as_slice))?
                    .into_iter()
                    .map(<[u8]>::to_vec)
                    .collect();
            for path in changed {
                if let Some(path) = open.remove(&path) {
                    found.insert(path.clone(), step.id.clone());
                }
            }
        }
        Ok(found)
    }

    /// The snapshots from `tip` back over first parents.
    pub(crate) fn line(&self, tip: &SnapshotId) -> Result<Line, SnapshotError> {
        self.tree(tip)?;
        Ok(Line { next: Some(object_of(tip)?), left: MAX_COMMITS })
    }
}

/// One snapshot on a line: its tree and the one before it.
pub(crate) struct Step {
    pub(crate) id: SnapshotId,
    pub(crate) at_ms: i64,
    pub(crate) author: Author,
    pub(crate) old: ObjectId,
    pub(crate) new: ObjectId,
}

pub(crate) struct Line {
    next: Option<ObjectId>,
    left: usize,
}

impl Line {
    /// The next older step; `None` at the beginning. After a thinning a step leads from the nearest snapshot
    /// that was kept.
    pub(crate) fn next(&mut self, history: &History) -> Result<Option<Step>, SnapshotError> {
        let Some(id) = self.next.take().filter(|_| self.left > 0) else { return Ok(None) };
        self.left -= 1;
        let journal = history.shared.archive.journal()?;
        let Some(record) = journal.get(&id) else { return Ok(None) };
        self.next = record.parent;
        let old = record.parent.and_then(|parent| journal.get(&parent)).map(|parent| parent.tree);
        Ok(Some(Step {
            id: SnapshotId(id.to_string()),
            at_ms: record.at_ms,
            author: record.author,
            old: old.unwrap_or(EMPTY_TREE),
            new: record.tree,
        }))
    }
}

fn file_entry(
    source: &Source,
    folder: &[u8],
    name: &[u8],
    entry: Entry,
    modified_at: i64,
) -> Result<FileEntry, SnapshotError> {
    let (kind, size) = match entry.kind {
        Kind::Folder => (EntryKind::Folder, 0),
        Kind::Link => (EntryKind::Link, source.size(entry.id)?),
        Kind::File | Kind::Executable => (EntryKind::File, source.size(entry.id)?),
    };
    Ok(FileEntry { name: shown(name), path: shown(&below(folder, name)), kind, size, modified_at })
}

/// What lies at `path` once links are followed, and where they lead to; `None` if that is outside of the snapshot or
/// nowhere.
fn followed(source: &Source, root: ObjectId, path: &[u8]) -> Result<Option<(Vec<u8>, Entry)>, SnapshotError> {
    let mut done: Vec<Vec<u8>> = Vec::new();
    let mut ahead: Vec<Vec<u8>> = parts_reversed(path);
    let mut links = 0;
    while let Some(part) = ahead.pop() {
        if part == b".." {
            if done.pop().is_none() {
                return Ok(None);
            }
            continue;
        }
        done.push(part);
        let here = done.join(&b'/');
        let Some(entry) = source.entry_at(root, &here)? else { return Ok(None) };
        if entry.kind == Kind::Link {
            links += 1;
            let target = source.blob(entry.id)?;
            let (target, absolute) = match target.strip_prefix(okcvm_workspace::MOUNT.as_bytes()) {
                Some(inside) if inside.first().is_none_or(|byte| *byte == b'/') => (inside.to_vec(), true),
                _ => (target, false),
            };
            if links > MAX_LINKS || (!absolute && target.starts_with(b"/")) {
                return Ok(None);
            }
            if absolute {
                done.clear();
            } else {
                done = parts_reversed(split(&here).0);
                done.reverse();
            }
            ahead.extend(parts_reversed(&target));
        }
    }
    let path = done.join(&b'/');
    Ok(source.entry_at(root, &path)?.map(|entry| (path, entry)))
}

fn parts_reversed(path: &[u8]) -> Vec<Vec<u8>> {
    let parts = path.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".");
    let mut parts: Vec<Vec<u8>> = parts.map(<[u8]>::to_vec).collect();
    parts.reverse();
    parts
}

#[cfg(test)]
#[path = "look_tests.rs"]
mod tests;
