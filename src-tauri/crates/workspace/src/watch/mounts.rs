//! What is mounted inside of the workspace: it hides files, and no event tells of that.

use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// The kernel's list of mounts, which can be polled for changes.
pub(super) struct Mounts {
    list: File,
    /// Another opening of it, by which the thread of the watch waits: the kernel tells each change once to every
    /// opening.
    awaited: Arc<File>,
    /// The root as the list writes it, with a `/` behind it.
    prefix: Vec<u8>,
    /// The lines of mounts inside of the root.
    inside: Vec<Vec<u8>>,
    /// The thread of the watch was told of a change.
    seen: bool,
}

impl Mounts {
    /// `None` where the list cannot be read.
    pub(super) fn open(root: &Path) -> Option<Self> {
        let open = || File::open("/proc/self/mountinfo").ok();
        let (list, awaited, prefix) = (open()?, Arc::new(open()?), prefix(root));
        let mut mounts = Self { list, awaited, prefix, inside: Vec::new(), seen: false };
        mounts.inside = mounts.read()?;
        Some(mounts)
    }

    /// The list, to wait for a change; whoever is told of one says so by [`Mounts::see`].
    pub(super) fn awaited(&self) -> Arc<File> {
        Arc::clone(&self.awaited)
    }

    /// Somebody who waited for a change was told of one.
    pub(super) fn see(&mut self) {
        self.seen = true;
    }

    /// The same as [`Mounts::changed`], if somebody saw a change.
    pub(super) fn changed_as_seen(&mut self) -> bool {
        self.seen && self.changed()
    }

    /// Whether what is mounted inside of the root changed since the last call.
    pub(super) fn changed(&mut self) -> bool {
        let mut asked = [PollFd::new(&self.list, PollFlags::PRI)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        let changed = poll(&mut asked, Some(&now)).is_ok_and(|ready| ready > 0);
        if !std::mem::take(&mut self.seen) && !changed {
            return false;
        }
        let inside = self.read().unwrap_or_default();
        let differs = inside != self.inside;
        self.inside = inside;
        differs
    }

    fn read(&mut self) -> Option<Vec<Vec<u8>>> {
        let mut text = Vec::new();
        self.list.rewind().ok()?;
        self.list.read_to_end(&mut text).ok()?;
        Some(inside(&text, &self.prefix))
    }
}

/// The lines of the list whose mount point, the fifth field, lies inside.
fn inside(list: &[u8], prefix: &[u8]) -> Vec<Vec<u8>> {
    let lines = list.split(|byte| *byte == b'\n');
    let point =
        |line: &[u8]| line.split(|byte| *byte == b' ').nth(4).is_some_and(|at| at.starts_with(prefix));
    lines.filter(|line| point(line)).map(<[u8]>::to_vec).collect()
}

/// The list writes blanks, tabs, newlines and backslashes as octal digits.
fn prefix(root: &Path) -> Vec<u8> {
    let mut prefix = Vec::new();
    for byte in root.as_os_str().as_bytes() {
        match byte {
            b' ' | b'\t' | b'\n' | b'\\' => prefix.extend(format!("\\{byte:03o}").bytes()),
            other => prefix.push(*other),
        }
    }
    if prefix != b"/" {
        prefix.push(b'/');
    }
    prefix
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_inside_are_found_by_their_escaped_names() {
        let list = b"22 1 8:1 / / rw - ext4 /dev/a rw\n\
            30 22 0:5 / /home/a\\040b/deep rw shared:1 - tmpfs t rw\n\
            31 22 0:6 / /home/a\\040bc/deep rw - tmpfs t rw\n\
            32 22 0:7 / /home/a\\040b rw - tmpfs t rw\n";
        let found = inside(list, &prefix(Path::new("/home/a b")));
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with(b"30 "));
        assert!(Mounts::open(Path::new("/")).is_some_and(|mounts| !mounts.inside.is_empty()));
    }
}
