//! Doing an import.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use okcvm_protocol::{Attachment, ClashPolicy, ImportLimits, ImportReport};
use rustix::fs::Mode;
use tokio_util::sync::CancellationToken;

use super::collect::{Collected, Dropped, Look, SourceFile, collect, open_source, unreadable};
use super::{CHUNK, Occupant, identical, is_same_file, occupant};
use crate::error::WorkspaceError;
use crate::path::WorkspacePath;
use crate::workspace::Workspace;
use crate::write::{NEW_FILE, Unfinished};

/// How far an import is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportCount {
    /// Files that are dealt with.
    pub files_done: u64,
    /// Files in all.
    pub files: u64,
    /// Bytes that are copied.
    pub bytes_done: u64,
    /// Bytes in all, as they were counted before the first was copied.
    pub bytes: u64,
    /// The file at work, relative to the workspace.
    pub current: String,
}

/// Copies `sources` into the folder `target`. Each file is written beside its place and renamed, so that a
/// cancelled or failed copy leaves no half file; what was complete by then stays. What cannot be read is
/// named in the report. A full disk and other failures to write are errors.
///
/// `KeepBoth` gives a dropped file a number if its name is taken, and a dropped folder as a whole if one
/// of its files would meet another. A name that is taken by the same content is left as it is. A file never
/// replaces a folder, nor the other way round; such a file is skipped and named.
///
/// `progress` is called for every file and every quarter of a megabyte; a caller that shows it thins it out.
pub fn run_import(
    workspace: &Workspace,
    sources: &[PathBuf],
    target: &WorkspacePath,
    policy: ClashPolicy,
    limits: &ImportLimits,
    cancel: &CancellationToken,
    progress: &mut dyn FnMut(ImportCount),
) -> Result<ImportReport, WorkspaceError> {
    let collected = collect(workspace, sources, target, &mut Look { limits, cancel, progress: &mut |_| () });
    let mut collected = match collected {
        Err(WorkspaceError::CalledOff) => {
            return Ok(ImportReport { imported: Vec::new(), skipped: Vec::new(), cancelled: true });
        }
        collected => collected?,
    };
    check_space(workspace, target, collected.bytes)?;
    let drops = std::mem::take(&mut collected.drops);
    let count = ImportCount { files: collected.files, bytes: collected.bytes, ..ImportCount::default() };
    let mut import = Import { workspace, policy, cancel, progress, count, collected, imported: Vec::new() };
    let mut cancelled = false;
    for dropped in &drops {
        if import.one(dropped)? == Step::Cancelled {
            cancelled = true;
            break;
        }
    }
    Ok(ImportReport { imported: import.imported, skipped: import.collected.skipped, cancelled })
}

/// Says that the disk is too full before anything is copied, where the system tells.
fn check_space(workspace: &Workspace, target: &WorkspacePath, bytes: u64) -> Result<(), WorkspaceError> {
    let Ok(space) = rustix::fs::fstatvfs(workspace.root_handle()) else { return Ok(()) };
    if space.f_blocks > 0 && space.f_bavail.saturating_mul(space.f_frsize) < bytes {
        return Err(WorkspaceError::DiskFull { path: target.mounted() });
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Done,
    Cancelled,
}

/// Why the bytes of a file stopped coming.
pub(super) enum Stopped {
    Cancelled,
    Unreadable(io::Error),
    Unwritable(io::Error),
}

struct Import<'a> {
    workspace: &'a Workspace,
    policy: ClashPolicy,
    cancel: &'a CancellationToken,
    progress: &'a mut dyn FnMut(ImportCount),
    count: ImportCount,
    collected: Collected,
    imported: Vec<Attachment>,
}

impl Import<'_> {
    fn one(&mut self, dropped: &Dropped) -> Result<Step, WorkspaceError> {
        let target = self.target_of(dropped)?;
        if self.cancel.is_cancelled() {
            return Ok(Step::Cancelled);
        }
        for folder in &dropped.folders {
            let place = target.join(folder.as_str())?;
            match self.workspace.create_folder(&place) {
                // The files below are named one by one.
                Err(WorkspaceError::NotAFolder { .. } | WorkspaceError::Outside { .. }) => {}
                result => result?,
            }
        }
        for file in &dropped.files {
            let place = target.join(file.below.as_str())?;
            if self.file(file, place)? == Step::Cancelled {
                return Ok(Step::Cancelled);
            }
        }
        Ok(Step::Done)
    }

    /// Where a dropped thing really goes: under another name if it is a folder whose files would meet
    /// others and both are to be kept.
    fn target_of(&self, dropped: &Dropped) -> Result<WorkspacePath, WorkspaceError> {
        if self.policy != ClashPolicy::KeepBoth || dropped.folders.is_empty() {
            return Ok(dropped.target.clone());
        }
        for file in &dropped.files {
            let place = dropped.target.join(file.below.as_str())?;
            let taken = match occupant(self.workspace, &place)? {
                Occupant::Nothing => false,
                Occupant::File => !identical(&file.source, self.workspace, &place, self.cancel),
                Occupant::Other => true,
            };
            if taken {
                return self.numbered(&dropped.target, &dropped.source);
            }
        }
        if dropped.files.is_empty() && occupant(self.workspace, &dropped.target)? == Occupant::File {
            return self.numbered(&dropped.target, &dropped.source);
        }
        Ok(dropped.target.clone())
    }

    /// The first free name of the form `name (2).ext`.
    fn numbered(&self, taken: &WorkspacePath, source: &Path) -> Result<WorkspacePath, WorkspaceError> {
        let name = taken.file_name().unwrap_or_default();
        let (stem, extension) = match name.rfind('.') {
            Some(dot) if dot > 0 && !source.is_dir() => name.split_at(dot),
            _ => (name, ""),
        };
        let parent = taken.parent().unwrap_or_default();
        let mut number = 2_u64;
        loop {
            let place = parent.join(&format!("{stem} ({number}){extension}"))?;
            if self.workspace.metadata(&place)?.is_none() {
                return Ok(place);
            }
            number += 1;
        }
    }

    fn file(&mut self, file: &SourceFile, place: WorkspacePath) -> Result<Step, WorkspaceError> {
        if self.cancel.is_cancelled() {
            return Ok(Step::Cancelled);
        }
        place.as_str().clone_into(&mut self.count.current);
        (self.progress)(self.count.clone());
        let step = self.copy(file, place)?;
        if step == Step::Done {
            self.count.files_done += 1;
            (self.progress)(self.count.clone());
        }
        Ok(step)
    }

    fn copy(&mut self, file: &SourceFile, place: WorkspacePath) -> Result<Step, WorkspaceError> {
        let place = match (occupant(self.workspace, &place)?, self.policy) {
            (Occupant::File, _) if is_same_file(&file.source, self.workspace, &place) => {
                return Ok(Step::Done);
            }
            (Occupant::File, _) if identical(&file.source, self.workspace, &place, self.cancel) => {
                let size = self.workspace.metadata(&place)?.map_or(0, |entry| entry.size);
                self.count.bytes_done += size;
                self.imported.push(attachment(&place, size));
                return Ok(Step::Done);
            }
            (Occupant::Nothing, _) | (Occupant::File, ClashPolicy::Replace) => place,
            (Occupant::File | Occupant::Other, ClashPolicy::KeepBoth) => {
                if self.workspace.metadata(&place)?.is_none() {
                    // A file stands where one of its folders should be; another name does not help.
                    self.collected
                        .skip(&file.source, "a file of the workspace stands where its folder should be");
                    return Ok(Step::Done);
                }
                self.numbered(&place, &file.source)?
            }
            (Occupant::File | Occupant::Other, ClashPolicy::Skip) => {
                self.collected.skip(&file.source, "the name is taken in the workspace");
                return Ok(Step::Done);
            }
            (Occupant::Other, ClashPolicy::Replace) => {
                self.collected
                    .skip(&file.source, "something that is no file stands in its place and is not replaced");
                return Ok(Step::Done);
            }
        };
        let source = match open_source(&file.source) {
            Ok(source) => source,
            Err(error) => {
                self.collected.skip(&file.source, &unreadable(&error));
                return Ok(Step::Done);
            }
        };
        match self.copy_bytes(source, &place)? {
            Ok(size) => {
                self.imported.push(attachment(&place, size));
                Ok(Step::Done)
            }
            Err(Stopped::Cancelled) => Ok(Step::Cancelled),
            Err(Stopped::Unreadable(error)) => {
                self.collected.skip(&file.source, &unreadable(&error));
                Ok(Step::Done)
            }
            Err(Stopped::Unwritable(error)) => Err(WorkspaceError::from_io(error, "written", place.as_str())),
        }
    }

    /// Copies into an unfinished file beside `place`, which vanishes unless all came.
    fn copy_bytes(
        &mut self,
        mut source: File,
        place: &WorkspacePath,
    ) -> Result<Result<u64, Stopped>, WorkspaceError> {
        let failed = |error| WorkspaceError::from_io(error, "written", place.as_str());
        let executable = source.metadata().is_ok_and(|metadata| metadata.permissions().mode() & 0o111 != 0);
        let (folder, name) = self.workspace.final_place(place)?;
        let mut unfinished = Unfinished::create(folder, NEW_FILE)
            .map_err(|error| WorkspaceError::from_errno(error, "written", place.as_str()))?;
        let before = self.count.bytes_done;
        let (count, progress, cancel) = (&mut self.count, &mut *self.progress, self.cancel);
        let copied = pump(&mut source, unfinished.file().map_err(failed)?, cancel, &mut |bytes| {
            count.bytes_done += bytes;
            progress(count.clone());
        });
        let size = match copied {
            Ok(size) => size,
            Err(stopped) => {
                self.count.bytes_done = before;
                return Ok(Err(stopped));
            }
        };
        if executable {
            let mode =
                unfinished.file().and_then(|file| file.metadata()).map_err(failed)?.permissions().mode();
            let mode = Mode::from_raw_mode(((mode | ((mode & 0o444) >> 2)) & 0o777) as rustix::fs::RawMode);
            unfinished.set_mode(mode).map_err(failed)?;
        }
        unfinished.finish(&name).map_err(failed)?;
        Ok(Ok(size))
    }
}

/// Moves bytes until the end, a failure on one of the two sides, or a cancel.
pub(super) fn pump(
    source: &mut impl Read,
    target: &mut impl Write,
    cancel: &CancellationToken,
    moved: &mut dyn FnMut(u64),
) -> Result<u64, Stopped> {
    let mut buffer = vec![0; CHUNK];
    let mut size = 0;
    loop {
        if cancel.is_cancelled() {
            return Err(Stopped::Cancelled);
        }
        let count = match source.read(&mut buffer) {
            Ok(0) => return Ok(size),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Stopped::Unreadable(error)),
        };
        target.write_all(&buffer[..count]).map_err(Stopped::Unwritable)?;
        size += count as u64;
        moved(count as u64);
    }
}

fn attachment(place: &WorkspacePath, size: u64) -> Attachment {
    let mime = mime_guess::from_path(place.as_str()).first_or_octet_stream().to_string();
    Attachment { path: place.as_str().to_owned(), size, mime }
}
