//! How what a restore writes comes to the disk.
//!
//! A sync of one file makes the file system write down its journal, so that a hundred files cost a hundred
//! waits. One sync of the whole file system costs one, but also waits for what others have written; so it is
//! taken for many files only, and only while others have little under way.

use std::os::fd::AsFd;

use rustix::fs::fstat;

/// With fewer, each is synced by itself.
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "there each is synced by itself"))]
const MANY: usize = 8;
/// With more bytes that nobody has synced yet, theirs would have to be waited for.
#[cfg(target_os = "linux")]
const MOST_UNSYNCED: u64 = 256 << 20;

/// How files or folders are synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Syncing {
    /// Each by itself.
    Each,
    /// All at once, with their file system; what lies on another one by itself.
    Together {
        /// The file system's number.
        device: u64,
    },
}

impl Syncing {
    /// The cheaper way for so many files or folders below `root`.
    #[cfg(target_os = "linux")]
    pub(super) fn of(count: usize, root: impl AsFd) -> Self {
        match fstat(&root) {
            Ok(stat)
                if count >= MANY
                    && is_local(root)
                    && tells_failures()
                    && unsynced_bytes() <= MOST_UNSYNCED =>
            {
                Self::Together { device: stat.st_dev }
            }
            _ => Self::Each,
        }
    }

    /// The cheaper way for so many files or folders below `root`.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn of(_count: usize, _root: impl AsFd) -> Self {
        Self::Each
    }

    /// What lies on this file system is synced by itself.
    pub(super) fn leaves_out(self, other: Option<u64>) -> bool {
        match self {
            Self::Each => true,
            Self::Together { device } => other != Some(device),
        }
    }

    /// Syncs what was left to this; `root` has been open since before the first of it was written, so that a
    /// failure in between is told.
    pub(super) fn finish(self, root: impl AsFd) -> rustix::io::Result<()> {
        match self {
            Self::Each => Ok(()),
            #[cfg(target_os = "linux")]
            Self::Together { .. } => rustix::fs::syncfs(root),
            #[cfg(not(target_os = "linux"))]
            Self::Together { .. } => rustix::fs::fsync(root),
        }
    }
}

/// The number of the file system that a file or folder lies on, if the system says it.
pub(super) fn device_of(file: impl AsFd) -> Option<u64> {
    fstat(file).ok().map(|stat| stat.st_dev as u64)
}

/// Numbers of file systems (`man 2 statfs`) whose sync brings everything to a disk of this machine and tells
/// failures: ext2 to ext4, XFS, Btrfs, F2FS, and tmpfs, which has no disk. Those of a server or of another program
/// (NFS, FUSE), and layers above others, do not promise both.
#[cfg(target_os = "linux")]
const LOCAL: [u64; 5] = [0xEF53, 0x5846_5342, 0x9123_683E, 0xF2F5_2010, 0x0102_1994];

#[cfg(target_os = "linux")]
fn is_local(root: impl AsFd) -> bool {
    rustix::fs::fstatfs(root).is_ok_and(|system| LOCAL.contains(&(system.f_type as u64)))
}

/// Before Linux 5.8 the sync of a file system did not say that something could not be written.
#[cfg(target_os = "linux")]
fn tells_failures() -> bool {
    let system = rustix::system::uname();
    let release = system.release().to_string_lossy();
    let mut numbers = release.split(|character: char| !character.is_ascii_digit());
    let mut number = || numbers.next().and_then(|number| number.parse::<u32>().ok()).unwrap_or(0);
    (number(), number()) >= (5, 8)
}

/// All bytes on this machine that were written and not synced; the most there can be if it does not say.
#[cfg(target_os = "linux")]
fn unsynced_bytes() -> u64 {
    let Ok(memory) = std::fs::read_to_string("/proc/meminfo") else { return u64::MAX };
    let kilobytes = |name: &str| -> Option<u64> {
        let line = memory.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().trim_end_matches(" kB").parse().ok()
    };
    match (kilobytes("Dirty:"), kilobytes("Writeback:")) {
        (Some(dirty), Some(under_way)) => dirty.saturating_add(under_way).saturating_mul(1024),
        _ => u64::MAX,
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn few_are_synced_each_and_those_elsewhere_always() {
        let place = tempfile::tempdir().unwrap();
        let root = File::open(place.path()).unwrap();
        assert_eq!(Syncing::of(MANY - 1, &root), Syncing::Each);
        let here = Syncing::Together { device: fstat(&root).unwrap().st_dev };
        assert!(!here.leaves_out(device_of(File::create(place.path().join("file")).unwrap())));
        assert!(here.leaves_out(device_of(File::open("/proc/self/stat").unwrap())));
        assert!(here.leaves_out(None));
        here.finish(&root).unwrap();
        assert!(is_local(File::open("/dev/shm").unwrap()));
        assert!(!is_local(File::open("/proc").unwrap()));
        assert!(tells_failures());
        assert!(unsynced_bytes() < u64::MAX);
    }
}
