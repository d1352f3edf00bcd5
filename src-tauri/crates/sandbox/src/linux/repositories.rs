//! Holds repositories by mounts, and puts back what no mount can hold.

use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use super::process::{self, Depth};
use crate::WORKSPACE_MOUNT;
use crate::helper::remove_tree;
use crate::repositories::{Hold, Repositories, There};

const CLOSED: u64 = libc::MOUNT_ATTR_RDONLY | libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;

impl Repositories {
    /// Binds what is to be held, in the file tree of the command.
    pub(super) fn protect(&self) -> io::Result<()> {
        for (place, hold) in &self.holds {
            let path = Path::new(WORKSPACE_MOUNT).join(place);
            let made = match hold {
                Hold::Pinned | Hold::ReadOnly => Ok(()),
                Hold::NewFolder => std::fs::create_dir(&path),
                Hold::NewFile => std::fs::File::create_new(&path).map(drop),
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
        Ok(())
    }

    /// Puts back what no mount could hold. Only for when no process of the command is left.
    pub(super) fn put_back(&self, workspace: &Path) {
        if self.kept.is_empty() {
            return;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let Ok(root) = rustix::fs::open(workspace, flags, Mode::empty()) else { return };
        for kept in &self.kept {
            let folder = if kept.folder.as_os_str().is_empty() { Path::new(".") } else { &kept.folder };
            // This runs outside of the sandbox, so nothing may lead it out of the workspace.
            let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
            let Ok(folder) = rustix::fs::openat2(&root, folder, flags, Mode::empty(), resolve) else {
                continue;
            };
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

fn restrict(path: &Path) -> io::Result<()> {
    process::restrict_mount(path, CLOSED, Depth::Tree)
}

fn described(place: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", place.display()))
}
