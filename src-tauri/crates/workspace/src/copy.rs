//! Copying a folder out of the workspace, for deployments.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use okcvm_protocol::SkippedFile;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, statat};

use crate::beneath::read_folder;
use crate::error::WorkspaceError;
use crate::name::encode_name;
use crate::path::WorkspacePath;
use crate::workspace::{Workspace, file_type};
use crate::write::TEMPORARY_PREFIX;

/// Folders inside of folders that are gone through.
const MAX_DEPTH: usize = 100;

/// What [`Workspace::copy_out`] copied.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CopiedTree {
    /// Files.
    pub files: u64,
    /// Bytes of these files.
    pub size: u64,
    /// What was left out, paths relative to the workspace, and why.
    pub skipped: Vec<SkippedFile>,
}

impl Workspace {
    /// Copies the regular files of `folder` to `destination`, which is made and lies outside of the
    /// workspace. Links that stay inside become copies of what they name; other links, special files,
    /// `.git` and what cannot be read are left out and named. A failed copy may leave a part behind in
    /// `destination`; the caller removes it.
    pub fn copy_out(&self, folder: &WorkspacePath, destination: &Path) -> Result<CopiedTree, WorkspaceError> {
        let shown = destination.to_string_lossy().into_owned();
        let failed = |error| WorkspaceError::from_io(error, "created", &shown);
        fs::create_dir_all(destination).map_err(failed)?;
        let canonical = fs::canonicalize(destination).map_err(failed)?;
        if canonical.starts_with(self.root()) {
            // Only removed if it is empty, which is what we made of it.
            let _ = fs::remove_dir(&canonical);
            return Err(WorkspaceError::CopyIntoItself { path: shown });
        }
        let mut copy = Copy { workspace: self, done: CopiedTree::default(), above: Vec::new() };
        copy.folder(&folder.to_os_path(), &canonical)?;
        copy.done.skipped.sort_by(|left, right| left.path.cmp(&right.path));
        Ok(copy.done)
    }
}

struct Copy<'a> {
    workspace: &'a Workspace,
    done: CopiedTree,
    /// Device and inode of the folders that lead here, so that a link to one of them is not entered.
    above: Vec<(u64, u64)>,
}

impl Copy<'_> {
    fn folder(&mut self, path: &Path, destination: &Path) -> Result<(), WorkspaceError> {
        let shown = encode_name(path.as_os_str());
        let failed = |error| WorkspaceError::from_errno(error, "copied", &shown);
        let handle = self.workspace.root.folder(path).map_err(failed)?;
        let stat = fstat(&handle).map_err(failed)?;
        let identity = (stat.st_dev as u64, stat.st_ino as u64);
        if self.above.contains(&identity) {
            self.skip(path, "a symbolic link to a folder that contains it");
            return Ok(());
        }
        if self.above.len() >= MAX_DEPTH {
            self.skip(path, "folders are nested too deeply");
            return Ok(());
        }
        fs::create_dir_all(destination)
            .map_err(|error| WorkspaceError::from_io(error, "created", &destination.to_string_lossy()))?;
        self.above.push(identity);
        for entry in read_folder(handle.as_fd()).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name == "." || name == ".." || name.as_bytes().starts_with(TEMPORARY_PREFIX.as_bytes()) {
                continue;
            }
            let below = path.join(name);
            match statat(&handle, name, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) => self.entry(&stat, &below, &destination.join(name))?,
                Err(error) => self.skip(&below, &format!("it could not be examined ({error})")),
            }
        }
        self.above.pop();
        Ok(())
    }

    fn entry(&mut self, stat: &Stat, path: &Path, destination: &Path) -> Result<(), WorkspaceError> {
        match file_type(stat) {
            FileType::Directory if path.file_name().is_some_and(|name| name == ".git") => {
                self.skip(path, "the data of a git repository");
                Ok(())
            }
            FileType::Directory => self.folder(path, destination),
            FileType::RegularFile => self.file(path, destination),
            FileType::Symlink => match self.workspace.root.folder(path) {
                Ok(_) => self.folder(path, destination),
                Err(_) => self.file(path, destination),
            },
            _ => {
                self.skip(path, "a pipe, socket or device");
                Ok(())
            }
        }
    }

    fn file(&mut self, path: &Path, destination: &Path) -> Result<(), WorkspaceError> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
        let handle = match self.workspace.root.open_beneath(path, flags, Mode::empty()) {
            Ok(handle) => handle,
            Err(rustix::io::Errno::XDEV) => {
                self.skip(path, "a symbolic link that leads out of the workspace");
                return Ok(());
            }
            Err(rustix::io::Errno::NOENT) => {
                self.skip(path, "a symbolic link to something that does not exist");
                return Ok(());
            }
            Err(error) => {
                self.skip(path, &format!("it could not be read ({error})"));
                return Ok(());
            }
        };
        let mut source = File::from(handle);
        if !source.metadata().is_ok_and(|metadata| metadata.is_file()) {
            self.skip(path, "a pipe, socket or device");
            return Ok(());
        }
        let shown = destination.to_string_lossy();
        let failed = |error| WorkspaceError::from_io(error, "written", &shown);
        let mut target = File::create_new(destination).map_err(failed)?;
        self.done.size += io::copy(&mut source, &mut target).map_err(failed)?;
        self.done.files += 1;
        Ok(())
    }

    fn skip(&mut self, path: &Path, reason: &str) {
        let path = encode_name(PathBuf::from(path).as_os_str());
        self.done.skipped.push(SkippedFile { path, reason: reason.to_owned() });
    }
}

#[cfg(test)]
#[path = "copy_tests.rs"]
mod tests;
