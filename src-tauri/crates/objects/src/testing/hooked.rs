//! A disk that asks before it does anything, so that a test can hold it up or let it fail.

use std::io;
use std::path::Path;

use crate::disk::{Disk, DiskFile, RealDisk};

/// What is about to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiskStep {
    /// A file is made.
    Create,
    /// A file is opened to write behind its end.
    Append,
    /// Bytes are written behind the end of a file that was opened so.
    AppendBytes,
    /// A file is cut.
    Cut,
    /// A file gets another name; the path is the new one.
    Rename,
    /// A file is removed.
    Remove,
    /// A folder is made.
    CreateFolder,
    /// The content of a file is synced.
    SyncFile,
    /// The names in a folder are synced.
    SyncFolder,
}

/// The real disk, with a word before every step: an error of it is the step's.
pub struct HookedDisk<F>(pub F);

/// A file whose writes are asked for as well.
struct HookedFile<F> {
    file: Box<dyn DiskFile>,
    path: std::path::PathBuf,
    hook: F,
}

impl<F: Fn(DiskStep, &Path) -> io::Result<()> + Send> DiskFile for HookedFile<F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if let Err(error) = (self.hook)(DiskStep::AppendBytes, &self.path) {
            // As a full disk does it: a part is there.
            self.file.write(&bytes[..bytes.len() / 2])?;
            return Err(error);
        }
        self.file.write(bytes)
    }

    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_at(offset, bytes)
    }
}

impl<F: Fn(DiskStep, &Path) -> io::Result<()> + Clone + Send + Sync + 'static> Disk for HookedDisk<F> {
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        (self.0)(DiskStep::Create, path)?;
        RealDisk.create(path)
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        (self.0)(DiskStep::Append, path)?;
        let file = RealDisk.append(path)?;
        Ok(Box::new(HookedFile { file, path: path.to_owned(), hook: self.0.clone() }))
    }

    fn cut(&self, path: &Path, length: u64) -> io::Result<()> {
        (self.0)(DiskStep::Cut, path)?;
        RealDisk.cut(path, length)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        (self.0)(DiskStep::Rename, to)?;
        RealDisk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        (self.0)(DiskStep::Remove, path)?;
        RealDisk.remove(path)
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        (self.0)(DiskStep::CreateFolder, path)?;
        RealDisk.create_folder(path)
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        (self.0)(DiskStep::SyncFile, path)?;
        RealDisk.sync_file(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        (self.0)(DiskStep::SyncFolder, path)?;
        RealDisk.sync_folder(path)
    }

    fn free_space(&self, path: &Path) -> Option<u64> {
        RealDisk.free_space(path)
    }
}
