//! Opens a folder to the commands of one workspace: an entry in its list of access, and the label of the lowest level.
#![allow(unsafe_code, reason = "lists of access have no safe wrapper")]

use std::fs::File;
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::path::Path;

use windows_sys::Win32::Security::Authorization::{
    ConvertStringSecurityDescriptorToSecurityDescriptorW, EXPLICIT_ACCESS_W, GRANT_ACCESS, GetSecurityInfo,
    SDDL_REVISION_1, SE_FILE_OBJECT, SetEntriesInAclW, SetSecurityInfo, TRUSTEE_IS_SID, TRUSTEE_IS_UNKNOWN,
    TRUSTEE_W,
};
use windows_sys::Win32::Security::{
    ACCESS_ALLOWED_ACE, ACL, DACL_SECURITY_INFORMATION, EqualSid, GetAce, GetSecurityDescriptorSacl,
    LABEL_SECURITY_INFORMATION, OBJECT_SECURITY_INFORMATION, SUB_CONTAINERS_AND_OBJECTS_INHERIT,
};
use windows_sys::Win32::Storage::FileSystem::{
    DELETE, FILE_DELETE_CHILD, FILE_FLAG_BACKUP_SEMANTICS, FILE_GENERIC_EXECUTE, FILE_GENERIC_READ,
    FILE_GENERIC_WRITE, READ_CONTROL, WRITE_DAC, WRITE_OWNER,
};

use super::system::{Local, Sid, code, raw, succeeded};
use super::text::{LOW_LABEL, wide};

/// Reading, writing and removing, but not changing who may.
const RIGHTS: u32 =
    FILE_GENERIC_READ | FILE_GENERIC_WRITE | FILE_GENERIC_EXECUTE | DELETE | FILE_DELETE_CHILD;
/// The first kind of entry: it allows.
const ALLOWS: u8 = 0;

/// Lets an identity read and write a folder and all that is in it. What is open already stays as it is, so that only
/// the first command of a large folder takes the time that it needs to go through all of it.
pub(super) fn open(folder: &Path, identity: &Sid) -> io::Result<()> {
    let folder = File::options()
        .access_mode(FILE_GENERIC_READ | READ_CONTROL | WRITE_DAC | WRITE_OWNER)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS)
        .open(folder)?;
    let (list, _descriptor) = list(&folder, DACL_SECURITY_INFORMATION)?;
    if !lets_in(list, identity) {
        let entry = EXPLICIT_ACCESS_W {
            grfAccessPermissions: RIGHTS,
            grfAccessMode: GRANT_ACCESS,
            grfInheritance: SUB_CONTAINERS_AND_OBJECTS_INHERIT,
            Trustee: TRUSTEE_W {
                TrusteeForm: TRUSTEE_IS_SID,
                TrusteeType: TRUSTEE_IS_UNKNOWN,
                ptstrName: identity.raw().cast(),
                ..TRUSTEE_W::default()
            },
        };
        let mut longer = std::ptr::null_mut::<ACL>();
        // SAFETY: entry and old list are valid; a new list is made, which is given back below.
        code(unsafe { SetEntriesInAclW(1, &raw const entry, list, &raw mut longer) })?;
        let _freed = Local(longer.cast());
        set(&folder, DACL_SECURITY_INFORMATION, longer, std::ptr::null())?;
    }
    let (labels, _descriptor) = self::list(&folder, LABEL_SECURITY_INFORMATION)?;
    if is_empty(labels) {
        let mut descriptor = Local(std::ptr::null_mut());
        // SAFETY: the text ends with a NUL and outlives the call, which fills the pointer.
        succeeded(unsafe {
            ConvertStringSecurityDescriptorToSecurityDescriptorW(
                wide(LOW_LABEL).as_ptr(),
                SDDL_REVISION_1,
                &raw mut descriptor.0,
                std::ptr::null_mut(),
            )
        })?;
        let (mut present, mut defaulted, mut label) = (0, 0, std::ptr::null_mut::<ACL>());
        // SAFETY: the descriptor is valid, and the list that is found lives as long as it does.
        succeeded(unsafe {
            GetSecurityDescriptorSacl(descriptor.0, &raw mut present, &raw mut label, &raw mut defaulted)
        })?;
        set(&folder, LABEL_SECURITY_INFORMATION, std::ptr::null(), label)?;
    }
    Ok(())
}

/// A list of a folder, which lives as long as its descriptor. Null if it has none.
fn list(folder: &File, kind: OBJECT_SECURITY_INFORMATION) -> io::Result<(*mut ACL, Local)> {
    let (mut access, mut labels) = (std::ptr::null_mut::<ACL>(), std::ptr::null_mut::<ACL>());
    let mut descriptor = Local(std::ptr::null_mut());
    // SAFETY: the handle is open, and every pointer that is filled is valid.
    code(unsafe {
        GetSecurityInfo(
            raw(folder),
            SE_FILE_OBJECT,
            kind,
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            &raw mut access,
            &raw mut labels,
            &raw mut descriptor.0,
        )
    })?;
    Ok((if kind == LABEL_SECURITY_INFORMATION { labels } else { access }, descriptor))
}

fn set(
    folder: &File,
    kind: OBJECT_SECURITY_INFORMATION,
    access: *const ACL,
    labels: *const ACL,
) -> io::Result<()> {
    let (nobody, none) = (std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: the handle is open; the list that is named is valid, and the other one is not looked at.
    code(unsafe { SetSecurityInfo(raw(folder), SE_FILE_OBJECT, kind, nobody, none, access, labels) })
}

fn is_empty(list: *const ACL) -> bool {
    // SAFETY: a list that is there is valid.
    list.is_null() || unsafe { (*list).AceCount } == 0
}

/// Whether an entry of its own lets this identity do all that it is to do.
fn lets_in(list: *const ACL, identity: &Sid) -> bool {
    if list.is_null() {
        return false;
    }
    // SAFETY: the list is valid.
    let entries = unsafe { (*list).AceCount };
    (0..u32::from(entries)).any(|number| {
        let mut entry = std::ptr::null_mut();
        // SAFETY: the list is valid and has an entry of this number.
        if unsafe { GetAce(list, number, &raw mut entry) } == 0 {
            return false;
        }
        let entry = entry.cast::<ACCESS_ALLOWED_ACE>();
        // SAFETY: every entry begins with this header; of the kind that is asked for it goes on with these fields, the
        // last of which is where the identity begins.
        unsafe {
            (*entry).Header.AceType == ALLOWS
                && (*entry).Mask & RIGHTS == RIGHTS
                && EqualSid((&raw mut (*entry).SidStart).cast(), identity.raw()) != 0
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_opened_once() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        let sid = Sid::of("S-1-5-21-1-2-3-4").unwrap();
        let entries = || {
            let opened = File::options()
                .access_mode(READ_CONTROL)
                .custom_flags(FILE_FLAG_BACKUP_SEMANTICS)
                .open(folder.path())
                .unwrap();
            let (list, _descriptor) = list(&opened, DACL_SECURITY_INFORMATION).unwrap();
            // SAFETY: a list that is there is valid.
            (lets_in(list, &sid), unsafe { (*list).AceCount })
        };
        assert!(!entries().0);
        for _ in 0..2 {
            open(folder.path(), &sid).unwrap();
        }
        let (lets_in, count) = entries();
        // Wine keeps no entries that its files cannot express.
        assert!(lets_in || crate::windows::is_wine());
        open(folder.path(), &sid).unwrap();
        assert_eq!(entries(), (lets_in, count));
    }
}
