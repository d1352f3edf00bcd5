//! What a restore does to the disk, told to a test that rebuilds the disk as a power cut would leave it.
//!
//! A restore works with handles of folders and not with the store's disk layer, so that nobody can lead it
//! elsewhere by a link. Each step is told when it is done. Outside of tests nothing of this is there.

use std::os::fd::BorrowedFd;
use std::path::Path;

#[cfg(test)]
pub(crate) use listening::listen;
#[cfg(test)]
pub(crate) use okcvm_objects::testing::Done;

/// A change that was made. Paths are relative to the workspace.
#[cfg(not(test))]
#[allow(dead_code, reason = "only tests look at it")]
pub(crate) enum Done<'a> {
    Created(&'a [u8]),
    Wrote(&'a [u8], u64, &'a [u8]),
    Linked(&'a [u8], &'a [u8]),
    Executable(&'a [u8], bool),
    Renamed(&'a [u8], &'a [u8]),
    Removed(&'a [u8]),
    MadeFolder(&'a [u8]),
    RemovedFolder(&'a [u8]),
    SyncedFile(&'a [u8]),
    SyncedFolder(&'a [u8]),
    SyncedAll,
}

/// Whom the steps below one folder are told to.
#[derive(Clone, Default)]
pub(crate) struct Told {
    #[cfg(test)]
    to: Option<(std::path::PathBuf, std::sync::Arc<okcvm_objects::testing::RecordingDisk>)>,
}

#[cfg(not(test))]
#[allow(clippy::unused_self, reason = "a test is told here")]
impl Told {
    pub(crate) fn of(_folder: BorrowedFd<'_>) -> Self {
        Self::default()
    }

    pub(crate) fn below(_folder: &Path) -> Self {
        Self::default()
    }

    #[inline]
    pub(crate) fn tell<'a>(&self, _done: impl FnOnce() -> Done<'a>) {}
}

#[cfg(test)]
mod listening {
    use std::os::fd::AsRawFd;
    use std::sync::{Arc, Mutex, PoisonError};

    use okcvm_objects::testing::RecordingDisk;

    use super::{BorrowedFd, Done, Path, Told};

    static LISTENING: Mutex<Vec<Arc<RecordingDisk>>> = Mutex::new(Vec::new());

    /// From now on the steps below the folder of this disk are told to it.
    pub(crate) fn listen(disk: &Arc<RecordingDisk>) {
        LISTENING.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(disk));
    }

    impl Told {
        pub(crate) fn of(folder: BorrowedFd<'_>) -> Self {
            let path = std::fs::read_link(format!("/proc/self/fd/{}", folder.as_raw_fd()));
            path.map_or_else(|_| Self::default(), |path| Self::below(&path))
        }

        pub(crate) fn below(folder: &Path) -> Self {
            let listening = LISTENING.lock().unwrap_or_else(PoisonError::into_inner);
            let disk = listening.iter().find(|disk| folder.starts_with(disk.root()));
            Self { to: disk.map(|disk| (folder.to_owned(), Arc::clone(disk))) }
        }

        pub(crate) fn tell<'a>(&self, done: impl FnOnce() -> Done<'a>) {
            if let Some((folder, disk)) = &self.to {
                disk.told(folder, &done());
            }
        }
    }
}
