//! What a file has beside content, owner and bits: attributes of the user's, and lists of who may do what.

use std::fs::File;
use std::os::fd::OwnedFd;

use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fsetxattr};
use rustix::io::Errno;

use super::live::Live;
use crate::entry::shown;

/// Bytes of the names of a file's attributes, and of one value; more is not kept.
const MOST_BYTES: usize = 64 * 1024;
/// Whether an attribute goes to the file that takes the place of another.
fn is_kept(name: &[u8]) -> bool {
    name.starts_with(b"user.") || name == b"system.posix_acl_access"
}

/// Gives the new file the attributes of the one that stands at `path`. What cannot be kept is told in the log: a content
/// that does not come back would be worse.
pub(super) fn keep(live: &mut Live<'_>, path: &[u8], file: &File) {
    let kept = match live.open(path) {
        Ok(Some(old)) => copy(&OwnedFd::from(old), file),
        Ok(None) => Ok(()),
        Err(error) => return tracing::warn!(path = %shown(path), %error, "attributes are not kept"),
    };
    match kept {
        Ok(()) | Err(Errno::NOTSUP | Errno::NOSYS) => {}
        Err(error) => tracing::warn!(path = %shown(path), %error, "attributes are not kept"),
    }
}

fn copy(old: &OwnedFd, new: &File) -> Result<(), Errno> {
    let mut names = Vec::with_capacity(256);
    match flistxattr(old, rustix::buffer::spare_capacity(&mut names)) {
        Ok(_) => {}
        Err(Errno::RANGE) => {
            names.reserve(MOST_BYTES);
            flistxattr(old, rustix::buffer::spare_capacity(&mut names))?;
        }
        Err(error) => return Err(error),
    }
    for name in names.split(|byte| *byte == 0).filter(|name| is_kept(name)) {
        let mut value = Vec::with_capacity(MOST_BYTES);
        match fgetxattr(old, name, rustix::buffer::spare_capacity(&mut value)) {
            Ok(_) => fsetxattr(new, name, &value, XattrFlags::empty())?,
            // It went meanwhile, or is too long.
            Err(Errno::NODATA | Errno::RANGE) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
