//! Holds repositories, and what else a command may not change, by mounts, and puts back what no mount could hold.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::process::{self, Depth};
use crate::WORKSPACE_MOUNT;
use crate::helper::remove_tree;
use crate::repositories::{Hold, ITSELF, Repositories, There};

const CLOSED: u64 = libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;

const COMMON_FOLDER: &str = "commondir";
/// How often, and how long apart, it is tried to hold a file that another command is about to take away.
const TRIES: u32 = 50;
const BETWEEN_TRIES: Duration = Duration::from_millis(10);

impl Repositories {
    /// Adds something of the workspace that the command may not change. What leads to it cannot be moved either: the next
    /// command would be told of its old place.
    pub(super) fn spare(&mut self, workspace: &Path, place: &Path) {
        if place.components().all(|part| matches!(part, Component::Normal(_)))
            && matches!(There::at(&workspace.join(place)), There::Folder | There::File)
        {
            self.hold(place, Hold::ReadOnly);
        }
    }

    /// Binds what is to be held, in the file tree of the command.
    pub(super) fn protect(&self) -> io::Result<()> {
        for (place, hold) in &self.holds {
            let path = Path::new(WORKSPACE_MOUNT).join(place);
            let made = match hold {
                Hold::Pinned | Hold::ReadOnly => Ok(()),
                Hold::NewFolder => std::fs::create_dir(&path),
                Hold::NewFile => std::fs::File::create_new(&path).map(drop),
                // Locked for as long as this process lives, which is as long as the command does.
                Hold::Itself => leading_to_itself(&path).map(std::mem::forget),
            };
            match made.map_err(|error| error.kind()) {
                Ok(()) | Err(io::ErrorKind::AlreadyExists) => {}
                // Where it cannot be made now, the command cannot make it either.
                Err(io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) => continue,
                Err(kind) => return Err(described(place, &kind.into())),
            }
            match rustix::mount::mount_bind_recursive(&path, &path) {
                Ok(()) => {}
                // Gone since it was found.
                Err(Errno::NOENT) => continue,
                Err(error) => return Err(described(place, &error.into())),
            }
            if *hold != Hold::Pinned {
                restrict(&path).map_err(|error| described(place, &error))?;
            }
        }
        for kept in self.kept.iter().filter(|kept| kept.link.is_some()) {
            // Where the kernel does not bind links, it is put back in the end.
            let _ = bind_link(&Path::new(WORKSPACE_MOUNT).join(&kept.folder).join(&kept.name));
        }
        Ok(())
    }

    /// Puts back what no mount could hold. Only for when no process of the command is left.
    pub(super) fn put_back(&self, workspace: &Path) {
        let itself = self.holds.iter().filter(|(_, hold)| **hold == Hold::Itself);
        let mut itself = itself.filter_map(|(place, _)| place.parent()).peekable();
        if self.kept.is_empty() && itself.peek().is_none() {
            return;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let Ok(root) = rustix::fs::open(workspace, flags, Mode::empty()) else { return };
        let opened = |folder: &Path| {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            // This runs outside of the sandbox, so nothing may lead it out of the workspace.
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
            rustix::fs::openat2(&root, folder, flags, Mode::empty(), resolve)
        };
        for folder in itself.filter_map(|folder| opened(folder).ok()) {
            remove_unless_held(&folder);
        }
        for kept in &self.kept {
            let Ok(folder) = opened(&kept.folder) else { continue };
            let path = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(&kept.name);
            match (There::at(&path), &kept.link) {
                (There::Nothing, None) => continue,
                (There::Link(now), Some(target)) if now == *target => continue,
                (There::Folder, _) => remove_tree(&path),
                (There::Nothing, Some(_)) => {}
                (There::File | There::Link(_) | There::Other, _) => {
                    let _ = rustix::fs::unlinkat(&folder, &kept.name, AtFlags::empty());
                }
            }
            if let Some(target) = &kept.link {
                let _ = rustix::fs::symlinkat(target, &folder, &kept.name);
            }
        }
    }
}

/// Binds a link on itself, so that it can be neither moved nor removed. It leads where it did.
fn bind_link(path: &Path) -> Result<(), Errno> {
    use rustix::mount::{MoveMountFlags, OpenTreeFlags};
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_SYMLINK_NOFOLLOW;
    let link = rustix::mount::open_tree(rustix::fs::CWD, path, flags)?;
    rustix::mount::move_mount(&link, "", rustix::fs::CWD, path, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)
}

/// Makes or opens a `commondir` that leads to its own folder, and holds a lock that others share. Whoever takes the file
/// away has the lock alone, so one that was locked and is still there stays.
fn leading_to_itself(path: &Path) -> io::Result<OwnedFd> {
    let kind = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    for _ in 0..TRIES {
        let new = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | kind;
        let file = match rustix::fs::open(path, new, Mode::from_raw_mode(0o644)) {
            Ok(file) => {
                rustix::io::write(&file, ITSELF)?;
                file
            }
            Err(Errno::EXIST) => match rustix::fs::open(path, OFlags::RDONLY | kind, Mode::empty()) {
                Ok(file) => file,
                Err(Errno::NOENT) => continue,
                Err(error) => return Err(error.into()),
            },
            Err(error) => return Err(error.into()),
        };
        let locked = rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared).is_ok();
        let is_there = rustix::fs::stat(path).is_ok_and(|there| {
            rustix::fs::fstat(&file).is_ok_and(|own| (own.st_dev, own.st_ino) == (there.st_dev, there.st_ino))
        });
        if locked && is_there {
            return Ok(file);
        }
        std::thread::sleep(BETWEEN_TRIES);
    }
    Err(io::Error::new(io::ErrorKind::ResourceBusy, "another command keeps it from being held"))
}

fn remove_unless_held(folder: &OwnedFd) {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let Ok(file) = rustix::fs::openat(folder, COMMON_FOLDER, flags, Mode::empty()) else { return };
    let mut text = [0; 8];
    if rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok()
        && rustix::io::read(&file, &mut text).is_ok_and(|length| text.get(..length) == Some(ITSELF))
    {
        let _ = rustix::fs::unlinkat(folder, COMMON_FOLDER, AtFlags::empty());
    }
}

fn restrict(path: &Path) -> io::Result<()> {
    process::restrict_mount(path, CLOSED, Depth::Tree)
}

fn described(place: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", place.display()))
}
