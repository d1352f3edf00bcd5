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

use crate::difference::differences;
use crate::entry::{Kind, shown};
use crate::error::{RestoreStage, SnapshotError};

use live::Live;

/// How many files a restore touched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Restored {
    pub(crate) written: u32,
    pub(crate) removed: u32,
}

/// Brings the folder `root`, which holds the tree `from`, to the tree `to`.
pub(crate) fn restore(
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
