//! Stamps, and how far they are to be believed.

use std::os::fd::BorrowedFd;
use std::time::{SystemTime, UNIX_EPOCH};

use okcvm_objects::EntryKind;
use rustix::fs::Stat;

use crate::index::Stamp;

/// How the file system of a workspace keeps times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Times {
    /// Two changes within so many nanoseconds may leave the same time.
    pub(crate) granularity: i64,
    pub(crate) folders: FolderTimes,
}

/// Whether the time of a folder tells that no name in it came, went or was replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FolderTimes {
    Believed,
    NotBelieved,
}

impl Times {
    /// Nothing is known of the file system: FAT counts in steps of two seconds, and others keep the times
    /// of folders as they like.
    const UNKNOWN: Self = Self { granularity: 2_000_000_000, folders: FolderTimes::NotBelieved };
    /// Local file systems that keep nanoseconds take the kernel's clock, which ticks at least a hundred
    /// times a second; twice that for good measure.
    const LOCAL: Self = Self { granularity: 20_000_000, folders: FolderTimes::Believed };

    /// What holds for the file system on which `folder` lies.
    pub(crate) fn of(folder: BorrowedFd<'_>) -> Self {
        #[cfg(target_os = "linux")]
        {
            // Numbers of linux/magic.h: ext2 to 4, xfs, btrfs, f2fs, tmpfs; and of bcachefs and OpenZFS.
            const LOCAL: [u64; 7] =
                [0xef53, 0x5846_5342, 0x9123_683e, 0xf2f5_2010, 0x0102_1994, 0xca45_1a4e, 0x2fc1_2fc1];
            let kind = rustix::fs::fstatfs(folder).map(|system| (system.f_type as u64) & 0xffff_ffff);
            if kind.is_ok_and(|kind| LOCAL.contains(&kind)) { Self::LOCAL } else { Self::UNKNOWN }
        }
        #[cfg(target_os = "macos")]
        {
            let apfs = rustix::fs::fstatfs(folder).is_ok_and(|system| {
                let name = system.f_fstypename.iter().take(4).map(|byte| *byte as u8);
                name.eq(*b"apfs")
            });
            if apfs { Self::LOCAL } else { Self::UNKNOWN }
        }
        #[cfg(not(any(target_os = "linux", target_os = "macos")))]
        {
            let _ = folder;
            Self::UNKNOWN
        }
    }

    /// The stamp, if a change after `read_at` cannot have left the same one.
    pub(crate) fn trusted(self, stamp: Stamp, read_at: i64) -> Option<Stamp> {
        let settled = stamp.changed.max(stamp.modified).saturating_add(self.granularity);
        (settled < read_at).then_some(stamp)
    }
}

pub(crate) fn stamp_of(stat: &Stat) -> Stamp {
    let nanoseconds = |seconds: i64, rest: i64| seconds.saturating_mul(1_000_000_000).saturating_add(rest);
    Stamp {
        size: stat.st_size as u64,
        modified: nanoseconds(stat.st_mtime as i64, stat.st_mtime_nsec as i64),
        changed: nanoseconds(stat.st_ctime as i64, stat.st_ctime_nsec as i64),
        inode: stat.st_ino as u64,
        mode: stat.st_mode as u32,
    }
}

pub(crate) fn file_kind(stat: &Stat) -> EntryKind {
    if stat.st_mode & 0o111 == 0 { EntryKind::File } else { EntryKind::Executable }
}

/// Nanoseconds since 1970.
pub(crate) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64)
}
