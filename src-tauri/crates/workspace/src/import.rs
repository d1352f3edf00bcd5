//! Copying files from outside into the workspace.

mod collect;
mod run;

pub use run::{ImportCount, run_import};

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use okcvm_protocol::{EntryKind, ImportClash, ImportLimits, ImportPlan};
use tokio_util::sync::CancellationToken;

use crate::error::WorkspaceError;
use crate::path::WorkspacePath;
use crate::workspace::Workspace;

/// Bytes that are copied or compared at a time.
const CHUNK: usize = 256 * 1024;

/// What an import of `sources` into the folder `target` would do. A dropped folder is merged into a folder
/// of the same name; clashes are listed file by file. Nothing is written. A source that contains the target
/// is an error, and so is a plan that is called off; one that is its own target is nothing to do.
///
/// `progress` is called for every file: first with the files counted so far and none done, then with those that
/// were compared with what stands in their place.
pub fn plan_import(
    workspace: &Workspace,
    sources: &[PathBuf],
    target: &WorkspacePath,
    limits: &ImportLimits,
    cancel: &CancellationToken,
    progress: &mut dyn FnMut(ImportCount),
) -> Result<ImportPlan, WorkspaceError> {
    let mut look = collect::Look { limits, cancel, progress };
    let collected = collect::collect(workspace, sources, target, &mut look)?;
    let mut count = ImportCount { files: collected.files, bytes: collected.bytes, ..ImportCount::default() };
    let mut planned = std::collections::BTreeSet::new();
    let mut clashes = Vec::new();
    for drop in &collected.drops {
        for file in &drop.files {
            let place = drop.target.join(file.below.as_str())?;
            let identical = match occupant(workspace, &place)? {
                Occupant::Nothing if planned.contains(&place) => Some(false),
                Occupant::Nothing => None,
                Occupant::File => Some(identical(&file.source, workspace, &place, cancel)),
                Occupant::Other => Some(false),
            };
            if let Some(identical) = identical {
                clashes.push(ImportClash {
                    source: file.source.to_string_lossy().into_owned(),
                    target: place.as_str().to_owned(),
                    identical,
                });
            }
            if cancel.is_cancelled() {
                return Err(WorkspaceError::CalledOff);
            }
            place.as_str().clone_into(&mut count.current);
            count.files_done += 1;
            progress(count.clone());
            planned.insert(place);
        }
    }
    Ok(ImportPlan { files: collected.files, bytes: collected.bytes, clashes, skipped: collected.skipped })
}

/// What stands where a file should go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Occupant {
    Nothing,
    File,
    /// A folder, a special file, a link that leads out; or a file where a folder is needed.
    Other,
}

fn occupant(workspace: &Workspace, place: &WorkspacePath) -> Result<Occupant, WorkspaceError> {
    if let Some(entry) = workspace.metadata(place)? {
        return Ok(if entry.kind == EntryKind::File { Occupant::File } else { Occupant::Other });
    }
    // A name cannot be free below something that is no folder.
    let mut above = place.parent();
    while let Some(folder) = above {
        match workspace.metadata(&folder)? {
            Some(entry) if entry.kind == EntryKind::Folder => return Ok(Occupant::Nothing),
            Some(_) => return Ok(Occupant::Other),
            None => above = folder.parent(),
        }
    }
    Ok(Occupant::Nothing)
}

/// The source is the very file that it would be copied to (by another name, a link or a hard link).
fn is_same_file(source: &Path, workspace: &Workspace, place: &WorkspacePath) -> bool {
    let Ok(outside) = std::fs::symlink_metadata(source) else { return false };
    let Ok(Ok(inside)) = workspace.open_file(place).map(|file| file.metadata()) else { return false };
    (outside.dev(), outside.ino()) == (inside.dev(), inside.ino())
}

/// Whether both hold the same bytes. A comparison that is called off finds a difference.
fn identical(
    source: &Path,
    workspace: &Workspace,
    place: &WorkspacePath,
    cancel: &CancellationToken,
) -> bool {
    let (Ok(outside), Ok(inside)) = (collect::open_source(source), workspace.open_file(place)) else {
        return false;
    };
    same_bytes(outside, inside, cancel).unwrap_or(false)
}

fn same_bytes(left: File, right: File, cancel: &CancellationToken) -> io::Result<bool> {
    if left.metadata()?.len() != right.metadata()?.len() {
        return Ok(false);
    }
    let (mut left, mut right) = (left, right);
    let (mut first, mut second) = (vec![0; CHUNK], vec![0; CHUNK]);
    loop {
        let count = fill(&mut left, &mut first)?;
        if cancel.is_cancelled() {
            return Ok(false);
        }
        if fill(&mut right, &mut second)? != count || first[..count] != second[..count] {
            return Ok(false);
        }
        if count < CHUNK {
            return Ok(true);
        }
    }
}

fn fill(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..])? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

#[cfg(test)]
#[path = "import_tests.rs"]
mod tests;
