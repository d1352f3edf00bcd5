//! What the machine is like: asked through here, so that tests can tell otherwise.

use std::path::Path;
use std::time::Duration;

use super::changes::WhyEverything;

/// More changed paths than this are no less work than a scan.
const MAX_PATHS: usize = 5_000;

type AskFileSystem = dyn Fn(&Path) -> Option<WhyEverything> + Send + Sync;

/// The machine under a watch.
pub(super) struct Conditions {
    /// Paths that are collected before it is everything.
    pub(super) max_paths: usize,
    /// Watches that the system grants, beside its own limit.
    #[cfg_attr(
        not(any(target_os = "linux", target_os = "android")),
        allow(dead_code, reason = "one watch covers a tree there")
    )]
    pub(super) max_watches: Box<dyn Fn() -> usize + Send + Sync>,
    /// How long the machine has been suspended since it started.
    pub(super) suspended: Box<dyn Fn() -> Duration + Send + Sync>,
    /// Why the file system under a folder cannot be relied on to tell of changes.
    pub(super) file_system: Box<AskFileSystem>,
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            max_paths: MAX_PATHS,
            max_watches: Box::new(|| usize::MAX),
            suspended: Box::new(suspended),
            file_system: Box::new(file_system),
        }
    }
}

/// The boot clock goes on while the machine sleeps, the monotonic one does not.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn suspended() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let read = |clock| Duration::try_from(clock_gettime(clock)).unwrap_or_default();
    // The monotonic clock first: a pause between the two readings then counts as sleep, never against it.
    let awake = read(ClockId::Monotonic);
    read(ClockId::Boottime).saturating_sub(awake)
}

/// Not told apart here.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn suspended() -> Duration {
    Duration::ZERO
}

/// Types of `statfs` whose files others can change without a word to this kernel: another machine, the
/// program behind the file system, or whoever writes to the folders underneath. From linux/magic.h and
/// the sources of the file systems.
#[cfg(any(target_os = "linux", target_os = "android"))]
const SILENT: [(u32, &str); 24] = [
    (0x6969, "nfs"),
    (0x517B, "smb"),
    (0xFF53_4D42, "cifs"),
    (0xFE53_4D42, "smb2"),
    (0x6573_5546, "fuse"),
    (0x0102_1997, "9p"),
    (0x794C_7630, "overlay"),
    (0xF15F, "ecryptfs"),
    (0x5346_414F, "afs"),
    (0x6B41_4653, "kafs"),
    (0x7375_7245, "coda"),
    (0x564C, "ncp"),
    (0x00C3_6400, "ceph"),
    (0x0116_1970, "gfs2"),
    (0x7461_636F, "ocfs2"),
    (0x0BD0_0BD0, "lustre"),
    (0x4750_4653, "gpfs"),
    (0xAAD7_AAEA, "panfs"),
    (0x2003_0528, "orangefs"),
    (0x1983_0326, "beegfs"),
    (0x786F_4256, "vboxsf"),
    (0xBACB_ACBC, "vmhgfs"),
    (0x0187, "autofs"),
    (0x6175_6673, "aufs"),
];

#[cfg(any(target_os = "linux", target_os = "android"))]
fn file_system(folder: &Path) -> Option<WhyEverything> {
    match rustix::fs::statfs(folder) {
        Ok(found) => silent(found.f_type as u32).map(|name| {
            tracing::info!(?folder, name, "this file system does not tell of changes; snapshots scan");
            WhyEverything::Network
        }),
        Err(error) => Some(WhyEverything::Failed(error.to_string())),
    }
}

/// Every file system of the others is taken for a local one.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn file_system(_folder: &Path) -> Option<WhyEverything> {
    None
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn silent(magic: u32) -> Option<&'static str> {
    SILENT.iter().find(|(known, _)| *known == magic).map(|(_, name)| *name)
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_known_by_their_type() {
        assert_eq!(silent(0x6969), Some("nfs"));
        assert_eq!(silent(0x6573_5546), Some("fuse"));
        for local in [0xEF53, 0x9123_683E, 0x5846_5342, 0x0102_1994, 0x2FC1_2FC1] {
            assert_eq!(silent(local), None, "{local:x}");
        }
        // /proc tells nothing either, but nobody works there; it only shows that the call is made.
        assert_eq!(file_system(Path::new("/proc")), None);
        assert!(matches!(file_system(Path::new("/not there")), Some(WhyEverything::Failed(_))));
    }

    #[test]
    fn the_sleep_of_the_machine_only_grows() {
        let before = suspended();
        assert!(suspended() + Duration::from_millis(100) > before);
    }
}
