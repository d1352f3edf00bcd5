//! What a file that takes the place of another keeps of it besides its name: owner, group, mode, access list and the
//! attributes that users gave it.

use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;

use rustix::fs::{
    Gid, Mode, OFlags, Stat, Uid, XattrFlags, fchmod, fchown, fgetxattr, flistxattr, fremovexattr, fsetxattr,
    fstat, openat,
};
use rustix::io::Errno;

/// The access list of a file, by the layout of `linux/posix_acl_xattr.h`: a version of four bytes, then entries of eight,
/// each a tag and rights of two bytes and the number of a user or group. With such a list, the bits of the group in the
/// mode are the most that anybody but the owner and the others may.
const ACCESS_LIST: &str = "system.posix_acl_access";
const VERSION_BYTES: usize = 4;
const ENTRY_BYTES: usize = 8;
const TAG_GROUP: u8 = 0x04;
const TAG_OTHERS: u8 = 0x20;

/// The kernel's bounds for the names of all attributes of a file, and for the value of one.
const MOST_BYTES: usize = 64 * 1024;

pub(crate) struct Kept {
    mode: Mode,
    owner: Uid,
    group: Gid,
    access: Option<Vec<u8>>,
    attributes: Vec<(String, Vec<u8>)>,
}

impl Kept {
    /// Of a file in a folder that `stat` was asked for.
    pub(crate) fn of(folder: BorrowedFd<'_>, name: &std::ffi::OsStr, stat: &Stat) -> io::Result<Self> {
        let mut kept = Self {
            mode: Mode::from_raw_mode(stat.st_mode) & Mode::from_raw_mode(0o777),
            owner: Uid::from_raw(stat.st_uid),
            group: Gid::from_raw(stat.st_gid),
            access: None,
            attributes: Vec::new(),
        };
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let file = match openat(folder, name, flags, Mode::empty()) {
            Ok(handle) => File::from(handle),
            Err(Errno::ACCESS) => {
                // Without the list nobody can say what the bits of the group mean.
                kept.mode &= Mode::RWXU;
                return Ok(kept);
            }
            Err(error) => return Err(error.into()),
        };
        for name in names(&file)? {
            let mut value = vec![0; MOST_BYTES];
            if name == ACCESS_LIST {
                let length = fgetxattr(&file, &name, value.as_mut_slice())?;
                value.truncate(length);
                kept.access = Some(value);
            } else if name.starts_with("user.") || cfg!(target_os = "macos") {
                let length = match fgetxattr(&file, &name, value.as_mut_slice()) {
                    Ok(length) => length,
                    // Longer than any that Linux keeps.
                    Err(Errno::RANGE) => continue,
                    Err(error) => return Err(error.into()),
                };
                value.truncate(length);
                kept.attributes.push((name, value));
            }
        }
        Ok(kept)
    }

    /// Gives it to a new file that so far only its owner may use. Where the group cannot be kept, neither the new one nor
    /// the old may do more than both the old one and the others could.
    pub(crate) fn give(&self, file: &File) -> io::Result<()> {
        // What the folder gives to new files is not for one that has been there.
        if names(file)?.iter().any(|name| name == ACCESS_LIST) {
            fremovexattr(file, ACCESS_LIST)?;
        }
        for (name, value) in &self.attributes {
            match fsetxattr(file, name, value, XattrFlags::empty()) {
                Ok(()) | Err(Errno::NOTSUP | Errno::PERM | Errno::ACCESS) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let is = |stat: &Stat| (Uid::from_raw(stat.st_uid), Gid::from_raw(stat.st_gid));
        if is(&fstat(file)?) != (self.owner, self.group)
            && fchown(file, Some(self.owner), Some(self.group)).is_err()
        {
            // An ordinary user gives files to no other user, but to every group of its own.
            let _ = fchown(file, None, Some(self.group));
        }
        let (mut mode, mut access) = (self.mode, self.access.clone());
        if is(&fstat(file)?).1 != self.group {
            mode = narrowed(mode, access.as_deref_mut());
        }
        if let Some(access) = access {
            // Sets the mode with it.
            match fsetxattr(file, ACCESS_LIST, &access, XattrFlags::empty()) {
                Ok(()) => return Ok(()),
                Err(Errno::NOTSUP | Errno::PERM | Errno::ACCESS) => mode &= Mode::RWXU,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(fchmod(file, mode)?)
    }
}

/// The names of all attributes; none where there are no attributes.
fn names(file: &File) -> io::Result<Vec<String>> {
    let mut names = vec![0; MOST_BYTES];
    let length = match flistxattr(file, names.as_mut_slice()) {
        Ok(length) => length,
        Err(Errno::NOTSUP | Errno::NOSYS) => 0,
        Err(error) => return Err(error.into()),
    };
    let names = names.get(..length).unwrap_or_default().split(|byte| *byte == 0);
    Ok(names
        .filter_map(|name| std::str::from_utf8(name).ok())
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect())
}

/// Leaves a group, whichever it is, and all others what both of them could do before.
fn narrowed(mode: Mode, list: Option<&mut [u8]>) -> Mode {
    let Some(list) = list else {
        let bits = mode.as_raw_mode();
        let both = bits >> 3 & bits & 0o7;
        return Mode::from_raw_mode(bits & 0o700 | both << 3 | both);
    };
    let mut places = Vec::new();
    let mut both = 0o7;
    for (count, entry) in list.get(VERSION_BYTES..).unwrap_or_default().chunks_exact(ENTRY_BYTES).enumerate()
    {
        if let [TAG_GROUP | TAG_OTHERS, 0, rights, ..] = entry {
            both &= rights;
            places.push(VERSION_BYTES + count * ENTRY_BYTES + 2);
        }
    }
    for place in places {
        if let Some(rights) = list.get_mut(place) {
            *rights = both;
        }
    }
    mode
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_group_may_do_no_more_than_group_and_others_could() {
        let of = |mode| narrowed(Mode::from_raw_mode(mode), None).as_raw_mode();
        assert_eq!([0o660, 0o664, 0o604, 0o755, 0o777].map(of), [0o600, 0o644, 0o600, 0o755, 0o777]);

        let list = |rights: [u8; 5]| {
            let mut list = 2_u32.to_le_bytes().to_vec();
            for (tag, rights) in [0x01, 0x02, TAG_GROUP, 0x10, TAG_OTHERS].into_iter().zip(rights) {
                list.extend([tag, 0, rights, 0, 0, 0, 0, 0]);
            }
            list
        };
        let mut changed = list([6, 6, 6, 6, 4]);
        assert_eq!(narrowed(Mode::from_raw_mode(0o664), Some(&mut changed)).as_raw_mode(), 0o664);
        assert_eq!(changed, list([6, 6, 4, 6, 4]));
        narrowed(Mode::empty(), Some(&mut []));
    }
}
