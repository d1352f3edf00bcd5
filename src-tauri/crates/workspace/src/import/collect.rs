//! What an import would copy.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use okcvm_protocol::{ImportLimits, ImportSkip};
use rustix::fs::OFlags;
use tokio_util::sync::CancellationToken;

use super::ImportCount;
use crate::error::WorkspaceError;
use crate::name::encode_name;
use crate::path::WorkspacePath;
use crate::workspace::Workspace;

/// Folders inside of folders that are gone through.
const MAX_DEPTH: usize = 100;
/// Skipped entries that are named one by one; the rest is counted.
const MAX_NAMED: usize = 1_000;

/// One dropped or picked file or folder.
#[derive(Debug)]
pub(super) struct Dropped {
    /// Where it lies outside.
    pub(super) source: PathBuf,
    /// Where it goes, relative to the workspace.
    pub(super) target: WorkspacePath,
    /// Its folders, relative to `target`, parents first; the empty path for the dropped folder itself.
    pub(super) folders: Vec<WorkspacePath>,
    /// Its files; for a dropped file that file alone, with the empty path.
    pub(super) files: Vec<SourceFile>,
}

/// A file to copy.
#[derive(Debug)]
pub(super) struct SourceFile {
    pub(super) source: PathBuf,
    /// Relative to the target of what was dropped.
    pub(super) below: WorkspacePath,
}

/// All that an import would copy, within its limits.
#[derive(Debug, Default)]
pub(super) struct Collected {
    pub(super) drops: Vec<Dropped>,
    pub(super) files: u64,
    pub(super) bytes: u64,
    pub(super) skipped: Vec<ImportSkip>,
    unnamed: u64,
}

/// What bounds a look through the sources, and who hears how far it is.
pub(super) struct Look<'a> {
    pub(super) limits: &'a ImportLimits,
    pub(super) cancel: &'a CancellationToken,
    pub(super) progress: &'a mut dyn FnMut(ImportCount),
}

/// Goes through `sources` without following links. Called off, it is the error `CalledOff`.
pub(super) fn collect(
    workspace: &Workspace,
    sources: &[PathBuf],
    target: &WorkspacePath,
    look: &mut Look<'_>,
) -> Result<Collected, WorkspaceError> {
    let mut collected = Collected::default();
    let target_folder = real_or_nearest(&workspace.absolute(target));
    for source in sources {
        let Some(name) = source.file_name() else {
            return Err(WorkspaceError::ContainsTarget { source_path: encode_name(source.as_os_str()) });
        };
        let metadata = match fs::symlink_metadata(source) {
            Ok(metadata) => metadata,
            Err(error) => {
                collected.skip(source, &unreadable(&error));
                continue;
            }
        };
        let place = target.join(&encode_name(name))?;
        let real = real_or_nearest(source);
        if !metadata.is_symlink() && real == target_folder.join(name) {
            // Dropped onto itself: it is already where it should be.
            continue;
        }
        if metadata.is_dir() && target_folder.starts_with(&real) {
            return Err(WorkspaceError::ContainsTarget { source_path: encode_name(source.as_os_str()) });
        }
        let mut dropped =
            Dropped { source: source.clone(), target: place, folders: Vec::new(), files: Vec::new() };
        collected.entry(&mut dropped, source, &metadata, &WorkspacePath::root(), look, 0);
        if look.cancel.is_cancelled() {
            return Err(WorkspaceError::CalledOff);
        }
        collected.drops.push(dropped);
    }
    if collected.unnamed > 0 {
        let reason = format!("and {} more that are not named here", collected.unnamed);
        collected.skipped.push(ImportSkip { source: "…".to_owned(), reason });
    }
    Ok(collected)
}

impl Collected {
    fn entry(
        &mut self,
        dropped: &mut Dropped,
        source: &Path,
        metadata: &fs::Metadata,
        below: &WorkspacePath,
        look: &mut Look<'_>,
        depth: usize,
    ) {
        if metadata.is_symlink() {
            self.skip(source, "symbolic links are not copied");
        } else if metadata.is_file() {
            self.file(dropped, source, metadata.len(), below, look);
        } else if !metadata.is_dir() {
            self.skip(source, "a pipe, socket or device");
        } else if depth >= MAX_DEPTH {
            self.skip(source, "folders are nested too deeply");
        } else {
            let entries = fs::read_dir(source).and_then(Iterator::collect::<io::Result<Vec<_>>>);
            let mut entries = match entries {
                Ok(entries) => entries,
                Err(error) => return self.skip(source, &unreadable(&error)),
            };
            dropped.folders.push(below.clone());
            entries.sort_by_key(fs::DirEntry::file_name);
            for entry in entries {
                if look.cancel.is_cancelled() {
                    return;
                }
                let path = entry.path();
                // A name from the file system holds neither a slash nor a NUL.
                let Ok(inside) = below.join(&encode_name(&entry.file_name())) else { continue };
                match entry.metadata() {
                    Ok(metadata) => self.entry(dropped, &path, &metadata, &inside, look, depth + 1),
                    Err(error) => self.skip(&path, &unreadable(&error)),
                }
            }
        }
    }

    fn file(
        &mut self,
        dropped: &mut Dropped,
        source: &Path,
        size: u64,
        below: &WorkspacePath,
        look: &mut Look<'_>,
    ) {
        let limits = look.limits;
        if size > limits.max_file_bytes {
            let limit = megabytes(limits.max_file_bytes);
            return self
                .skip(source, &format!("it has {}, the limit for one file is {limit}", megabytes(size)));
        }
        if self.files >= limits.max_files {
            if limits.max_files == 1 {
                return self.skip(source, "the limit of 1 file in one import is reached");
            }
            return self
                .skip(source, &format!("the limit of {} files in one import is reached", limits.max_files));
        }
        if self.bytes.saturating_add(size) > limits.max_total_bytes {
            let limit = megabytes(limits.max_total_bytes);
            return self.skip(source, &format!("the limit of {limit} in one import is reached"));
        }
        self.files += 1;
        self.bytes += size;
        dropped.files.push(SourceFile { source: source.to_path_buf(), below: below.clone() });
        (look.progress)(ImportCount {
            files: self.files,
            bytes: self.bytes,
            current: source.to_string_lossy().into_owned(),
            ..ImportCount::default()
        });
    }

    pub(super) fn skip(&mut self, source: &Path, reason: &str) {
        if self.skipped.len() >= MAX_NAMED {
            self.unnamed += 1;
            return;
        }
        let source = encode_name(source.as_os_str());
        self.skipped.push(ImportSkip { source, reason: reason.to_owned() });
    }
}

/// Opens a file outside without following a link and without waiting on a pipe.
pub(super) fn open_source(path: &Path) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::options().read(true).custom_flags(flags.bits() as i32).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no regular file any more"));
    }
    Ok(file)
}

pub(super) fn unreadable(error: &io::Error) -> String {
    format!("it could not be read ({error})")
}

/// The canonical form of the longest part of `path` that exists, with the rest behind it. The last part is
/// not followed if it is a link, so that a link is not taken for what it names.
fn real_or_nearest(path: &Path) -> PathBuf {
    if !path.is_symlink()
        && let Ok(real) = fs::canonicalize(path)
    {
        return real;
    }
    match (path.parent(), path.file_name()) {
        (Some(parent), Some(name)) => real_or_nearest(parent).join(name),
        _ => path.to_path_buf(),
    }
}

fn megabytes(bytes: u64) -> String {
    if bytes < 1_000_000 {
        format!("{:.1} kB", bytes as f64 / 1e3)
    } else {
        format!("{:.1} MB", bytes as f64 / 1e6)
    }
}
