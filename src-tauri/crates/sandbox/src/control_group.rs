//! A control group for the memory of one command, where this program may make one: as root, or where the system has
//! handed a part of the tree to the user. The kernel then holds the limit itself, however fast it is reached.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Before the number of the process that made it.
const PREFIX: &str = "okcvm-";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// Removed when it is dropped; its processes must have ended.
#[derive(Debug)]
pub(crate) struct ControlGroup {
    folder: PathBuf,
    version: Version,
}

impl ControlGroup {
    /// A group in which all processes together get so much memory. `None` where that is not given.
    pub(crate) fn with_memory(bytes: u64) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let own = std::fs::read_to_string("/proc/self/cgroup").ok()?;
        let name = format!("{PREFIX}{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        for (version, parent) in places(&own, Path::new("/sys/fs/cgroup")) {
            let folder = parent.join(&name);
            // Left by a program that was killed and had our number.
            let _ = std::fs::remove_dir(&folder);
            if std::fs::create_dir(&folder).is_err() {
                continue;
            }
            let group = Self { folder, version };
            if group.limit(bytes) {
                return Some(group);
            }
        }
        None
    }

    /// Whether groups can be made here.
    pub(crate) fn can_be_made() -> bool {
        Self::with_memory(1 << 30).is_some()
    }

    /// Removes groups of programs that were killed before they could. One that has processes stays.
    pub(crate) fn sweep() {
        let Ok(own) = std::fs::read_to_string("/proc/self/cgroup") else { return };
        for (_, parent) in places(&own, Path::new("/sys/fs/cgroup")) {
            sweep_in(&parent);
        }
    }

    fn limit(&self, bytes: u64) -> bool {
        match self.version {
            Version::One => self.write("memory.limit_in_bytes", &bytes.to_string()),
            Version::Two => {
                // Not every kernel counts swap.
                let _ = self.write("memory.swap.max", "0");
                let _ = self.write("memory.oom.group", "1");
                self.write("memory.max", &bytes.to_string())
            }
        }
    }

    fn write(&self, file: &str, text: &str) -> bool {
        // Never makes a file: in a folder that is no group, this must fail.
        let opened = std::fs::OpenOptions::new().write(true).open(self.folder.join(file));
        opened.and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes())).is_ok()
    }

    /// Moves processes in; what they start from then on is in it, too. One may have ended meanwhile; false if none came.
    pub(crate) fn take(&self, pids: &BTreeSet<u32>) -> bool {
        pids.iter().filter(|pid| self.write("cgroup.procs", &pid.to_string())).count() > 0
    }

    /// Whether the kernel had to end something.
    pub(crate) fn ran_out(&self) -> bool {
        let file = match self.version {
            Version::One => "memory.oom_control",
            Version::Two => "memory.events",
        };
        std::fs::read_to_string(self.folder.join(file)).is_ok_and(|text| {
            text.lines()
                .filter_map(|line| line.strip_prefix("oom_kill "))
                .any(|count| count.trim().parse::<u64>().is_ok_and(|count| count > 0))
        })
    }
}

impl Drop for ControlGroup {
    fn drop(&mut self) {
        // The kernel lets go of processes a moment after they have been waited for.
        for _ in 0..20 {
            if std::fs::remove_dir(&self.folder).is_ok() || !self.folder.exists() {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        tracing::debug!(folder = %self.folder.display(), "a control group stays");
    }
}

fn sweep_in(parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let maker = name.to_str().and_then(|name| name.strip_prefix(PREFIX)).and_then(|rest| {
            let (pid, count) = rest.split_once('-')?;
            count.parse::<u32>().ok()?;
            pid.parse::<u32>().ok()
        });
        if maker.is_some_and(|maker| crate::tree::started(maker).is_none()) {
            let _ = std::fs::remove_dir(entry.path());
        }
    }
}

/// Where a group may be made: of version 1 below our own, of version 2 below our own or beside it, since a group with
/// processes cannot have children with limits.
fn places(own: &str, root: &Path) -> Vec<(Version, PathBuf)> {
    let mut found = Vec::new();
    for line in own.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let path = path.trim_start_matches('/');
        if controllers.split(',').any(|name| name == "memory") {
            found.push((Version::One, root.join(controllers).join(path)));
        } else if controllers.is_empty() {
            let place = root.join(path);
            let beside = place.parent().filter(|beside| beside.starts_with(root)).map(Path::to_owned);
            let gives_memory = |place: &PathBuf| {
                std::fs::read_to_string(place.join("cgroup.subtree_control"))
                    .is_ok_and(|text| text.split_whitespace().any(|name| name == "memory"))
            };
            found.extend(
                [Some(place), beside]
                    .into_iter()
                    .flatten()
                    .filter(gives_memory)
                    .map(|place| (Version::Two, place)),
            );
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_for_both_versions() {
        let root = tempfile::tempdir().unwrap();
        let scope = root.path().join("user.slice/app.scope");
        std::fs::create_dir_all(&scope).unwrap();
        std::fs::write(scope.parent().unwrap().join("cgroup.subtree_control"), "cpu memory pids\n").unwrap();
        std::fs::write(scope.join("cgroup.subtree_control"), "\n").unwrap();
        let found = places("4:memory:/a/b\n1:cpu:/\n0::/user.slice/app.scope\n", root.path());
        assert_eq!(
            found,
            [(Version::One, root.path().join("memory/a/b")), (Version::Two, root.path().join("user.slice")),]
        );
        assert_eq!(places("nonsense\n0::/\n", root.path()), []);
    }

    #[test]
    fn groups_of_programs_that_are_gone_are_removed() {
        let root = tempfile::tempdir().unwrap();
        let mut ended = std::process::Command::new("true").spawn().unwrap();
        ended.wait().unwrap();
        let gone = format!("{PREFIX}{}-0", ended.id());
        let own = format!("{PREFIX}{}-7", std::process::id());
        for name in [&gone, &own, "okcvm-else", "okcvm-1x-0"] {
            std::fs::create_dir(root.path().join(name)).unwrap();
        }
        sweep_in(root.path());
        let there = |name: &str| root.path().join(name).exists();
        assert_eq!([&gone, &own, "okcvm-else", "okcvm-1x-0"].map(there), [false, true, true, true]);
    }
}
