//! Looking at a snapshot without a checkout.

use std::collections::{BTreeMap, BTreeSet};

use git2::{Commit, Repository};
use okcvm_protocol::{ChangeCounts, EntryKind, FileChange, FileDiff, FileEntry, SkippedFile, SnapshotId};

use crate::commit::{self, Author};
use crate::difference::{changes, counts, differences};
use crate::entry::{Entry, Kind, below, blob, blob_size, empty_tree, entry_at, raw, read_tree, shown, split};
use crate::error::SnapshotError;
use crate::history::{History, tree_of};
use crate::lines;

/// Links that a path inside of a snapshot may go through.
const MAX_LINKS: u32 = 40;
/// Snapshots that are gone through for the last writer of a path.
const MAX_COMMITS: usize = 10_000;
/// Up to this many paths are looked up one by one in each snapshot.
const LOOKED_UP_SINGLY: usize = 16;

impl History {
    /// What changed from the snapshot `from` (or nothing) to `to`, by path; a file that only moved is one
    /// rename.
    pub fn diff(&self, from: Option<&SnapshotId>, to: &SnapshotId) -> Result<Vec<FileChange>, SnapshotError> {
        let repository = self.reader();
        let (old, new) = (tree_of(&repository, from)?, tree_of(&repository, Some(to))?);
        changes(&repository, &differences(&repository, old, new)?)
    }

    /// How many files came, changed and went from `from` (or nothing) to `to`; a renamed file came and went.
    pub fn counts(&self, from: Option<&SnapshotId>, to: &SnapshotId) -> Result<ChangeCounts, SnapshotError> {
        let repository = self.reader();
        let (old, new) = (tree_of(&repository, from)?, tree_of(&repository, Some(to))?);
        Ok(counts(&differences(&repository, old, new)?))
    }

    /// The lines of one change that [`History::diff`] named between the same two snapshots.
    pub fn file_diff(
        &self,
        from: Option<&SnapshotId>,
        to: &SnapshotId,
        change: &FileChange,
    ) -> Result<FileDiff, SnapshotError> {
        let repository = self.reader();
        let (old, new) = (tree_of(&repository, from)?, tree_of(&repository, Some(to))?);
        lines::file_diff(&repository, old, new, change)
    }

    /// What the snapshot does not hold, and why.
    pub fn skipped(&self, id: &SnapshotId) -> Result<Vec<SkippedFile>, SnapshotError> {
        Ok(self.shared.archive.snapshot(id)?.skipped())
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
        let repository = self.reader();
        let root = tree_of(&repository, Some(id))?;
        let Some(entry) = followed(&repository, root, &raw(path))? else { return Ok(None) };
        if !entry.kind.is_file() {
            return Ok(None);
        }
        let mut bytes = blob(&repository, entry.oid)?;
        bytes.truncate(usize::try_from(max_bytes).unwrap_or(usize::MAX));
        Ok(Some(bytes))
    }

    /// The entries of a folder, folders first, each group by name; nothing if there is no such folder.
    /// Their time is that of the snapshot, since git keeps no other.
    pub fn list(&self, id: &SnapshotId, path: &str) -> Result<Vec<FileEntry>, SnapshotError> {
        let repository = self.reader();
        let commit = commit::find(&repository, id)?;
        let folder = raw(path);
        let folder = folder.strip_suffix(b"/").unwrap_or(&folder);
        let Some(Entry { kind: Kind::Folder, oid }) = entry_at(&repository, commit.tree_id(), folder)? else {
            return Ok(Vec::new());
        };
        let modified_at = commit::at_ms(&commit);
        let mut entries = Vec::new();
        for (name, entry) in read_tree(&repository, oid)? {
            let (kind, size) = match entry.kind {
                Kind::Folder => (EntryKind::Folder, 0),
                Kind::Link => (EntryKind::Link, blob_size(&repository, entry.oid)?),
                Kind::File | Kind::Executable => (EntryKind::File, blob_size(&repository, entry.oid)?),
            };
            let path = shown(&below(folder, &name));
            entries.push(FileEntry { name: shown(&name), path, kind, size, modified_at });
        }
        entries.sort_by_cached_key(|entry| {
            (entry.kind != EntryKind::Folder, entry.name.to_lowercase(), entry.name.clone())
        });
        Ok(entries)
    }

    /// For each path the newest snapshot in which it changed, on the line from `tip` over first parents. A
    /// path that did not change within the last ten thousand is not in the answer.
    pub fn last_writer(
        &self,
        tip: &SnapshotId,
        paths: &[String],
    ) -> Result<BTreeMap<String, SnapshotId>, SnapshotError> {
        let repository = self.reader();
        let mut open: BTreeMap<Vec<u8>, &String> = paths.iter().map(|path| (raw(path), path)).collect();
        let mut found = BTreeMap::new();
        let mut current = Some(commit::find(&repository, tip)?);
        for _ in 0..MAX_COMMITS {
            let Some(commit) = current.filter(|_| !open.is_empty()) else { break };
            let parent = first_parent(&commit)?;
            for path in changed_in(&repository, &commit, parent.as_ref(), &open)? {
                if let Some(path) = open.remove(&path) {
                    found.insert(path.clone(), commit::snapshot_id(commit.id()));
                }
            }
            current = parent;
        }
        Ok(found)
    }
}

fn first_parent<'a>(commit: &Commit<'a>) -> Result<Option<Commit<'a>>, SnapshotError> {
    if commit.parent_count() == 0 {
        return Ok(None);
    }
    let damaged = SnapshotError::damaged(format!("the parent of the snapshot {}", commit.id()));
    commit.parent(0).map(Some).map_err(damaged)
}

/// Those of `paths` that differ between a commit and its parent.
fn changed_in(
    repository: &Repository,
    commit: &Commit<'_>,
    parent: Option<&Commit<'_>>,
    paths: &BTreeMap<Vec<u8>, &String>,
) -> Result<BTreeSet<Vec<u8>>, SnapshotError> {
    let (new, old) = (commit.tree_id(), parent.map_or_else(empty_tree, Commit::tree_id));
    if new == old {
        return Ok(BTreeSet::new());
    }
    if paths.len() > LOOKED_UP_SINGLY {
        // The cost of this follows what changed, and not the number of paths.
        let all = differences(repository, old, new)?.into_iter().map(|difference| difference.path);
        return Ok(all.filter(|path| paths.contains_key(path)).collect());
    }
    let mut changed = BTreeSet::new();
    for path in paths.keys() {
        if entry_at(repository, old, path)? != entry_at(repository, new, path)? {
            changed.insert(path.clone());
        }
    }
    Ok(changed)
}

/// What lies at `path` once links are followed; `None` if they lead out of the snapshot or nowhere.
fn followed(repository: &Repository, root: git2::Oid, path: &[u8]) -> Result<Option<Entry>, SnapshotError> {
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
        let Some(entry) = entry_at(repository, root, &here)? else { return Ok(None) };
        if entry.kind == Kind::Link {
            links += 1;
            let target = blob(repository, entry.oid)?;
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
    entry_at(repository, root, &done.join(&b'/'))
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
