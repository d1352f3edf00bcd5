//! Making the workspace what a snapshot holds.
//!
//! Three steps: *plan* compares the live paths with both trees and refuses if one is neither; *stage*
//! writes all new contents beside their places and syncs them; *apply* moves them into place and removes
//! what is to go. Up to the end of staging nothing visible has changed, so that a full disk or an
//! unreadable object costs nothing. Every path is reached by folder handles without following a link.

mod apply;
mod live;
mod plan;

use std::os::fd::BorrowedFd;

use git2::{Oid, Repository};
use okcvm_protocol::{RestoreOutcome, SnapshotId};
use okcvm_workspace::Workspace;

use crate::difference::differences;
use crate::entry::{Kind, shown};
use crate::error::{RestoreStage, SnapshotError};
use crate::history::{History, lock, tree_of};

use live::Live;

impl History {
    /// Makes the workspace, which `from` was just recorded of, what `to` holds.
    ///
    /// Only paths that differ between the two are touched, so that files that are equal keep their times
    /// and what no snapshot holds stays. If a live path is neither what `from` nor what `to` holds, nothing
    /// is touched and the error lists all such paths. New contents are written beside their places and
    /// synced before the first file is replaced; removals come last; the result is checked. A restore that
    /// was cut off is finished by running it again.
    pub fn restore(
        &self,
        workspace: &Workspace,
        from: &SnapshotId,
        to: &SnapshotId,
    ) -> Result<RestoreOutcome, SnapshotError> {
        let writer = lock(&self.shared.writer);
        let old = tree_of(&writer.repository, Some(from))?;
        let new = tree_of(&writer.repository, Some(to))?;
        let done = restore(&writer.repository, workspace.root_handle(), old, new)?;
        Ok(RestoreOutcome { written: done.written, removed: done.removed, before: Some(from.clone()) })
    }
}

/// How many files a restore touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Restored {
    written: u32,
    removed: u32,
}

/// Brings the folder `root`, which holds the tree `from`, to the tree `to`.
fn restore(
    repository: &Repository,
    root: BorrowedFd<'_>,
    from: Oid,
    to: Oid,
) -> Result<Restored, SnapshotError> {
    let differences = differences(repository, from, to)?;
    let mut live = Live::new(root)?;
    let plan = plan::plan(repository, &mut live, &differences, from, to)?;
    let restored = apply::apply(repository, &mut live, &plan, to)?;
    let mut wrong = Vec::new();
    for difference in &differences {
        // An empty folder that should go stays if something that no snapshot holds lies in it.
        if difference.new.is_none() && difference.old.is_some_and(|old| old.kind == Kind::Folder) {
            continue;
        }
        let state = live.examine(&difference.path)?;
        if !plan::is_done(repository, &mut live, difference, &state, to)? {
            wrong.push(shown(&difference.path));
        }
    }
    if wrong.is_empty() {
        Ok(restored)
    } else {
        Err(SnapshotError::Changed { paths: wrong, stage: RestoreStage::Verification })
    }
}

#[cfg(test)]
#[path = "restore_tests.rs"]
mod tests;
