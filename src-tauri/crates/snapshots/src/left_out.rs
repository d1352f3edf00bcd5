//! What snapshots leave out by name, and why: one list with the watch, which does not look there either. And
//! the list of all that one snapshot does not hold, as it is kept with it.
//!
//! A short list stands in the commit. A longer one is a blob of its own, the same JSON, which the commits
//! name as long as it stays the same. No tree leads to it, so that only our own thinning keeps it; where it
//! is gone, the list counts as not known.

use okcvm_objects::{Batch, ObjectError, ObjectId, ObjectKind};
use okcvm_protocol::{SkippedFile, SnapshotId};

use crate::difference::Scope;
use crate::entry::raw;
use crate::error::SnapshotError;
use crate::history::History;

pub(crate) use okcvm_workspace::{forbidden_name, tool_folder};

/// Left-out entries that are named to people one by one.
const MAX_NAMED: usize = 2_000;
/// A list of more bytes is not repeated in every commit.
const MAX_IN_COMMIT: usize = 1_000;
/// The last name of a list that does not name all.
pub const CUT: &str = "…";

/// What a snapshot does not hold, as its commit says it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum LeftOutList {
    /// All of it, or what is left of a list that was cut or cannot be read; see [`is_cut`].
    Named(Vec<SkippedFile>),
    /// It stands in this blob.
    InBlob(ObjectId),
}

/// Which paths a snapshot does not hold although something may have been there.
#[derive(Debug)]
pub(crate) enum LeftOut {
    /// These, with all that is in them.
    Paths(Scope),
    /// Any path may have been left out.
    Unknown,
}

impl LeftOut {
    /// Nothing was left out.
    pub(crate) fn nothing() -> Self {
        Self::Paths(Scope::Paths(Vec::new()))
    }

    /// All that a list names.
    pub(crate) fn of(list: &[SkippedFile]) -> Self {
        if list.is_empty() {
            return Self::nothing();
        }
        Self::Paths(Scope::of(list.iter().map(|skipped| raw(&skipped.path))))
    }
}

impl LeftOutList {
    /// The list of all these, which goes into the batch if it is long.
    pub(crate) fn of(batch: &Batch, all: Vec<SkippedFile>) -> Result<Self, SnapshotError> {
        let text = json(&all)?;
        if text.len() <= MAX_IN_COMMIT && !is_cut(&all) {
            return Ok(Self::Named(all));
        }
        Ok(Self::InBlob(batch.add(ObjectKind::Blob, text.as_bytes())?))
    }

    /// What stands in a commit, if that can be read.
    pub(crate) fn parse(text: &str) -> Self {
        Self::Named(serde_json::from_str(text).unwrap_or_else(|_| unreadable()))
    }
}

/// The list as it is written.
pub(crate) fn json(list: &[SkippedFile]) -> Result<String, SnapshotError> {
    let failed = |error| git2::Error::from_str(&format!("the list of skipped files: {error}"));
    serde_json::to_string(list).map_err(|error| failed(error).into())
}

/// A list that stands in a commit does not name all. Older histories name only so many, and say so in the
/// end.
fn is_cut(list: &[SkippedFile]) -> bool {
    list.last().is_some_and(|last| last.path == CUT)
}

fn unreadable() -> Vec<SkippedFile> {
    let reason = "the list of what was left out cannot be read".to_owned();
    vec![SkippedFile { path: CUT.to_owned(), reason }]
}

/// The first of `all` left-out entries, for people; the rest are counted.
pub(crate) fn named(mut first: Vec<SkippedFile>, all: usize) -> Vec<SkippedFile> {
    first.truncate(MAX_NAMED);
    if all > first.len() {
        let reason = format!("and {} more that are not named here", all - first.len());
        first.push(SkippedFile { path: CUT.to_owned(), reason });
    }
    first
}

/// So many entries are enough for [`named`].
pub(crate) const ENOUGH: usize = MAX_NAMED;

impl History {
    /// What the snapshot does not hold, and why. Of very many entries the first are named and the rest are
    /// counted.
    pub fn skipped(&self, id: &SnapshotId) -> Result<Vec<SkippedFile>, SnapshotError> {
        match self.shared.archive.snapshot(id)?.left_out() {
            LeftOutList::Named(list) => Ok(list),
            LeftOutList::InBlob(blob) => {
                let all = self.list_in(blob)?.unwrap_or_else(unreadable);
                let count = all.len();
                Ok(named(all, count))
            }
        }
    }

    /// Which paths the snapshot does not hold although something may have been there.
    pub(crate) fn left_out(&self, id: &SnapshotId) -> Result<LeftOut, SnapshotError> {
        let list = match self.shared.archive.snapshot(id)?.left_out() {
            LeftOutList::Named(list) if is_cut(&list) => None,
            LeftOutList::Named(list) => Some(list),
            LeftOutList::InBlob(blob) => self.list_in(blob)?,
        };
        Ok(list.map_or(LeftOut::Unknown, |list| LeftOut::of(&list)))
    }

    /// The list in a blob; `None` if it is gone or damaged.
    fn list_in(&self, blob: ObjectId) -> Result<Option<Vec<SkippedFile>>, SnapshotError> {
        let bytes = match self.source().blob(blob) {
            Ok(bytes) => bytes,
            Err(SnapshotError::Objects(
                error @ (ObjectError::Missing { .. } | ObjectError::Damaged { .. }),
            )) => {
                tracing::warn!(%error, "what a snapshot left out is not known any more");
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        Ok(serde_json::from_slice(&bytes).ok())
    }
}

#[cfg(test)]
#[path = "left_out_tests.rs"]
mod tests;
