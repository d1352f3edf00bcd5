//! Folders that their owner closed against writing, opened for the time of a restore.
//!
//! Which they are stands in the intent before the first is opened, so that a restore that was cut off closes them when it
//! is finished or given up.

use rustix::fs::{Mode, fchmod, fstat};

use super::live::{Live, Way};
use crate::entry::{raw, shown};
use crate::error::SnapshotError;

/// What the owner needs to change what is in a folder.
const OPEN: u32 = 0o700;
/// Permission bits.
const BITS: u32 = 0o7777;

/// A folder, and the permission bits that it had.
pub(crate) type Closed = (String, u32);

/// Folders that are open as long as this is there.
pub(super) struct Opened<'live> {
    live: Live<'live>,
    folders: Vec<Closed>,
}

impl<'live> Opened<'live> {
    pub(super) fn none(live: &Live<'live>) -> Self {
        Self { live: live.twin(), folders: Vec::new() }
    }

    /// Opens these, too. One that is gone is not opened.
    pub(super) fn open(&mut self, folders: &[Closed]) -> Result<(), SnapshotError> {
        for (folder, bits) in folders {
            let path = raw(folder);
            let failed = |error| SnapshotError::workspace("opened for writing", &path, error);
            self.live.forget();
            let Way::Open(handle) = self.live.way(&path)? else { continue };
            let now = fstat(&*handle).map_err(failed)?.st_mode as u32 & BITS;
            // Whoever set it since this was noted meant it.
            if now == *bits || now == bits | OPEN {
                self.folders.push((folder.clone(), *bits));
                fchmod(&*handle, Mode::from_raw_mode(bits | OPEN)).map_err(failed)?;
            }
        }
        Ok(())
    }

    fn close(&mut self, folder: &str, bits: u32) -> Result<(), SnapshotError> {
        let path = raw(folder);
        let failed = |error| SnapshotError::workspace("closed", &path, error);
        self.live.forget();
        let Way::Open(handle) = self.live.way(&path)? else { return Ok(()) };
        let now = fstat(&*handle).map_err(failed)?.st_mode as u32 & BITS;
        // Whoever set it meanwhile meant it.
        if now == bits | OPEN {
            fchmod(&*handle, Mode::from_raw_mode(bits)).map_err(failed)?;
        }
        Ok(())
    }
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        // The inner ones first: what is closed may not be gone through.
        for (folder, bits) in std::mem::take(&mut self.folders).into_iter().rev() {
            if let Err(error) = self.close(&folder, bits) {
                tracing::warn!(%folder, %error, "a folder stays open for its owner");
            }
        }
    }
}

/// A folder of this user's that is only closed against its owner, as [`Opened`] takes it.
pub(super) fn closed_by_owner(
    live: &mut Live<'_>,
    folder: &[u8],
    user: u32,
) -> Result<Option<Closed>, SnapshotError> {
    let Way::Open(handle) = live.way(folder)? else { return Ok(None) };
    let stat = fstat(&*handle).map_err(|error| SnapshotError::workspace("examined", folder, error))?;
    let bits = stat.st_mode as u32 & BITS;
    Ok((stat.st_uid == user && bits & OPEN != OPEN).then(|| (shown(folder), bits)))
}

#[cfg(test)]
#[path = "closed_tests.rs"]
mod tests;
