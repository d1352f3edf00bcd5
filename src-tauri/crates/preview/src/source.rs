//! Where the bytes of a preview come from: the live files, a folder of the app, or a moment of the history.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::sync::Arc;

use okcvm_protocol::{AppError, EntryKind, FileEntry, SnapshotId};
use okcvm_snapshots::{History, SnapshotError};
use okcvm_workspace::{Workspace, WorkspacePath};
use sha2::{Digest, Sha256};

use crate::PreviewError;
use crate::contents::{Content, Contents, MOST_ONE};

/// What is read at a time.
const CHUNK: usize = 128 * 1024;

/// Finds the history and the snapshot in it. Asked at each look, so that nothing of a session is held open between
/// two; fails once the snapshot is no longer kept. Blocks for a moment.
pub type FindMoment = Arc<dyn Fn() -> Result<(History, SnapshotId), AppError> + Send + Sync>;

/// The files of a session as they were once.
#[derive(Clone)]
pub struct Moment {
    find: FindMoment,
    contents: Contents,
}

impl Moment {
    /// The moment that `find` finds. What is read of it is held in `contents` for the next look.
    pub fn new(find: FindMoment, contents: Contents) -> Self {
        Self { find, contents }
    }

    pub(crate) fn find(&self) -> Result<(History, SnapshotId), PreviewError> {
        (self.find)().map_err(|error| PreviewError::Moment(Box::new(error)))
    }
}

impl std::fmt::Debug for Moment {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Moment")
    }
}

/// A file or folder to look at.
#[derive(Debug, Clone)]
pub enum Source {
    /// Of a folder on the disk, as it is at each look.
    Live {
        /// The folder.
        workspace: Workspace,
        /// The file or folder in it.
        path: WorkspacePath,
    },
    /// Of a snapshot, read from the history without a checkout.
    Snapshot {
        /// Which.
        moment: Moment,
        /// The file or folder in it.
        path: WorkspacePath,
    },
}

impl Source {
    /// Where it lies.
    pub fn path(&self) -> &WorkspacePath {
        match self {
            Self::Live { path, .. } | Self::Snapshot { path, .. } => path,
        }
    }

    /// The same place with another path.
    #[must_use]
    pub fn at(&self, path: WorkspacePath) -> Self {
        match self {
            Self::Live { workspace, .. } => Self::Live { workspace: workspace.clone(), path },
            Self::Snapshot { moment, .. } => Self::Snapshot { moment: moment.clone(), path },
        }
    }

    /// What lies there, links followed as long as they stay inside.
    pub fn entry(&self) -> Result<FileEntry, PreviewError> {
        let missing = || PreviewError::Missing { path: self.path().as_str().to_owned() };
        match self {
            Self::Live { workspace, path } => workspace.metadata(path)?.ok_or_else(missing),
            Self::Snapshot { moment, path } => {
                let (history, snapshot) = moment.find()?;
                history.behind_links(&snapshot, path.as_str())?.ok_or_else(missing)
            }
        }
    }

    /// Opens the file that lies there.
    pub fn open(&self) -> Result<Material, PreviewError> {
        let path = self.path().as_str().to_owned();
        let name = self.path().file_name().unwrap_or_default().to_owned();
        match self {
            Self::Live { workspace, path: place } => {
                Material::of_file(workspace.open_file(place)?, path, name)
            }
            Self::Snapshot { moment, .. } => {
                let (history, snapshot) = moment.find()?;
                match history.behind_links(&snapshot, &path)? {
                    Some(entry) if entry.kind == EntryKind::File => Ok(Material {
                        path,
                        name,
                        size: entry.size,
                        modified_at: entry.modified_at,
                        // Links are followed already.
                        held: Held::Blob {
                            history,
                            snapshot,
                            path: entry.path,
                            contents: moment.contents.clone(),
                        },
                    }),
                    Some(_) => Err(PreviewError::NoFile { path }),
                    None => Err(PreviewError::Missing { path }),
                }
            }
        }
    }
}

/// An opened file of any source.
#[derive(Debug)]
pub struct Material {
    /// As it was asked for.
    pub(crate) path: String,
    pub(crate) name: String,
    /// Bytes, when it was opened.
    pub(crate) size: u64,
    /// Unix milliseconds.
    pub(crate) modified_at: i64,
    held: Held,
}

/// By which a change of a file is noticed: size, and times of change in nanoseconds.
pub(crate) type Stamp = (u64, i64, i64);

pub(crate) fn stamp(file: &File) -> io::Result<Stamp> {
    let metadata = file.metadata()?;
    let nanoseconds = |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
    Ok((
        metadata.len(),
        nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
        nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
    ))
}

#[derive(Debug)]
enum Held {
    /// With what it was when it was opened.
    File(File, Stamp),
    Blob {
        history: History,
        snapshot: SnapshotId,
        path: String,
        contents: Contents,
    },
}

impl Material {
    /// An opened file of the disk.
    pub(crate) fn of_file(file: File, path: String, name: String) -> Result<Self, PreviewError> {
        let stamp = stamp(&file)
            .map_err(|source| PreviewError::Unreadable { path: path.clone(), source: Arc::new(source) })?;
        let (size, modified_at) = (stamp.0, stamp.1.div_euclid(1_000_000));
        Ok(Self { path, name, size, modified_at, held: Held::File(file, stamp) })
    }

    /// Nobody has written it since it was opened. What lies in the history never changes.
    pub(crate) fn is_unchanged(&self) -> bool {
        match &self.held {
            Held::File(file, opened) => stamp(file).is_ok_and(|now| now == *opened),
            Held::Blob { .. } => true,
        }
    }

    /// The file itself, if it lies on the disk as such.
    pub(crate) fn into_file(self) -> Option<File> {
        match self.held {
            Held::File(file, _) => Some(file),
            Held::Blob { .. } => None,
        }
    }

    /// The file's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Bytes of the file.
    pub fn size(&self) -> u64 {
        self.size
    }

    fn unreadable(&self, source: io::Error) -> PreviewError {
        PreviewError::Unreadable { path: self.path.clone(), source: Arc::new(source) }
    }

    /// At most `length` bytes from `offset` on; fewer where the file ends.
    pub fn range(&self, offset: u64, length: u64) -> Result<Vec<u8>, PreviewError> {
        match &self.held {
            Held::File(file, _) => read_at(file, offset, length).map_err(|error| self.unreadable(error)),
            Held::Blob { history, snapshot, path, .. } => match self.content()? {
                Some(content) => {
                    let from = content.bytes.len().min(usize::try_from(offset).unwrap_or(usize::MAX));
                    let rest = content.bytes.get(from..).unwrap_or_default();
                    let length = usize::try_from(length).unwrap_or(usize::MAX);
                    Ok(rest.get(..length).unwrap_or(rest).to_vec())
                }
                None => history
                    .read_range(snapshot, path, offset, length)?
                    .ok_or_else(|| PreviewError::Missing { path: self.path.clone() }),
            },
        }
    }

    /// The file itself to be read from its start; `None` if it does not lie on the disk as such.
    pub(crate) fn file_reader(&self) -> Result<Option<FileReader>, PreviewError> {
        match &self.held {
            Held::File(file, _) => {
                let file = file.try_clone().map_err(|error| self.unreadable(error))?;
                Ok(Some(FileReader { file, offset: 0 }))
            }
            Held::Blob { .. } => Ok(None),
        }
    }

    /// The content from its start, piece by piece.
    pub fn reader(&self) -> Result<Box<dyn Read + Send>, PreviewError> {
        match &self.held {
            Held::File(file, _) => {
                let file = file.try_clone().map_err(|error| self.unreadable(error))?;
                Ok(Box::new(FileReader { file, offset: 0 }))
            }
            Held::Blob { history, snapshot, path, .. } => match self.content()? {
                Some(content) => Ok(Box::new(Shared { content, at: 0 })),
                None => history
                    .content(snapshot, path)?
                    .map(|(_, reader)| reader)
                    .ok_or_else(|| PreviewError::Missing { path: self.path.clone() }),
            },
        }
    }

    /// All of a file of the history, held for the next look; `None` if it is too large for that, or lies on the disk.
    pub(crate) fn content(&self) -> Result<Option<Arc<Content>>, PreviewError> {
        let Held::Blob { history, snapshot, path, contents } = &self.held else { return Ok(None) };
        if self.size > MOST_ONE {
            return Ok(None);
        }
        let read = || {
            history
                .read_range(snapshot, path, 0, self.size)?
                .ok_or_else(|| PreviewError::Missing { path: self.path.clone() })
        };
        contents.held_or_read(snapshot, path, read).map(Some)
    }

    /// All of it; refused if it is longer than `most` bytes.
    pub fn whole(&self, most: u64) -> Result<Vec<u8>, PreviewError> {
        let too_large =
            || PreviewError::TooLarge { path: self.path.clone(), megabytes: most / (1024 * 1024) };
        if self.size > most {
            return Err(too_large());
        }
        let bytes = self.range(0, most + 1)?;
        if bytes.len() as u64 > most { Err(too_large()) } else { Ok(bytes) }
    }

    /// All of it as [`Material::whole`] gives it, with the SHA-256 of these very bytes in hexadecimal.
    pub fn whole_and_hash(&self, most: u64) -> Result<(Vec<u8>, String), PreviewError> {
        let bytes = self.whole(most)?;
        let hash = format!("{:x}", Sha256::digest(&bytes));
        Ok((bytes, hash))
    }

    /// SHA-256 of the content in hexadecimal, read in pieces.
    pub fn hash(&self) -> Result<String, PreviewError> {
        if let Some(content) = self.content()? {
            return Ok(content.hash());
        }
        let mut reader = self.reader()?;
        let mut hash = Sha256::new();
        let mut chunk = vec![0; CHUNK];
        loop {
            match reader.read(&mut chunk) {
                Ok(0) => return Ok(format!("{:x}", hash.finalize())),
                Ok(read) => hash.update(chunk.get(..read).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.unreadable(error)),
            }
        }
    }
}

/// At most `length` bytes of a file from `offset` on. The position of the file is not moved.
pub(crate) fn read_at(file: &File, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut reader = FileReader { file: file.try_clone()?, offset };
    let mut bytes = Vec::new();
    Read::by_ref(&mut reader).take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads what is held.
struct Shared {
    content: Arc<Content>,
    at: usize,
}

impl Read for Shared {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.content.bytes.get(self.at..).unwrap_or_default().read(into)?;
        self.at += read;
        Ok(read)
    }
}

/// Reads a file from a place of its own, whoever else reads it.
#[derive(Debug)]
pub(crate) struct FileReader {
    pub(crate) file: File,
    pub(crate) offset: u64,
}

impl Read for FileReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(into, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}

impl From<SnapshotError> for PreviewError {
    fn from(error: SnapshotError) -> Self {
        Self::Moment(Box::new(error.to_app_error()))
    }
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
