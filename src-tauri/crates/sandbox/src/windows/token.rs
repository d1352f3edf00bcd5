//! The token of a command: this program's own, less what gives power, and at the lowest level of integrity.
#![allow(unsafe_code, reason = "tokens have no safe wrapper")]

use std::io;
use std::os::windows::io::OwnedHandle;

use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::Security::Authorization::{
    ConvertSidToStringSidW, ConvertStringSecurityDescriptorToSecurityDescriptorW, SDDL_REVISION_1,
};
use windows_sys::Win32::Security::{
    ACL, CreateRestrictedToken, GetLengthSid, GetSecurityDescriptorDacl, GetTokenInformation,
    LUID_AND_ATTRIBUTES, PSID, SID_AND_ATTRIBUTES, SetTokenInformation, TOKEN_ADJUST_DEFAULT,
    TOKEN_ASSIGN_PRIMARY, TOKEN_DEFAULT_DACL, TOKEN_DUPLICATE, TOKEN_GROUPS, TOKEN_INFORMATION_CLASS,
    TOKEN_MANDATORY_LABEL, TOKEN_PRIVILEGES, TOKEN_QUERY, TOKEN_USER, TokenDefaultDacl, TokenGroups,
    TokenIntegrityLevel, TokenPrivileges, TokenUser,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

use super::job_limits::Closed;
use super::system::{Local, Sid, own, raw, succeeded};
use super::text::{self, LOW_LEVEL, POWERFUL, PUBLIC, wide};

/// Of a group: it stands for this logon, and is part of the level of integrity.
const LOGON: u32 = 0xc000_0000;
const INTEGRITY: u32 = 0x20;
/// The number of the only privilege that stays: to pass through folders that cannot be read.
const PASSING: u32 = 23;

/// A token that a command of that identity runs with.
pub(super) fn restricted(closed: Closed, identity: &str) -> io::Result<OwnedHandle> {
    let own_token = own_token()?;
    let groups = Information::of(&own_token, TokenGroups)?;
    let logon = groups.groups().iter().find(|group| group.Attributes & LOGON == LOGON).map(|group| group.Sid);
    let user = Information::of(&own_token, TokenUser)?;
    let user = text_of(user.user())?;

    let powerful = POWERFUL.iter().map(|text| Sid::of(text)).collect::<io::Result<Vec<_>>>()?;
    let mut restricting = vec![Sid::of(identity)?];
    for text in PUBLIC {
        restricting.push(Sid::of(text)?);
    }
    let entry = |sid: PSID| SID_AND_ATTRIBUTES { Sid: sid, Attributes: 0 };
    let disabled: Vec<_> = powerful.iter().map(|sid| entry(sid.raw())).collect();
    // Without that of the logon no program finds its console and desktop.
    let restricting_entries: Vec<_> = restricting.iter().map(Sid::raw).chain(logon).map(entry).collect();
    let privileges = Information::of(&own_token, TokenPrivileges)?;
    let deleted: Vec<LUID_AND_ATTRIBUTES> = privileges
        .privileges()
        .iter()
        .filter(|privilege| privilege.Luid.LowPart != PASSING)
        .copied()
        .collect();
    let mut token: HANDLE = std::ptr::null_mut();
    // SAFETY: all lists and what they point to outlive the call, and their lengths are told.
    succeeded(unsafe {
        CreateRestrictedToken(
            raw(&own_token),
            closed.token_flags(),
            count(disabled.len()),
            disabled.as_ptr(),
            count(deleted.len()),
            deleted.as_ptr(),
            count(restricting_entries.len()),
            restricting_entries.as_ptr(),
            &raw mut token,
        )
    })?;
    // SAFETY: the call succeeded, so this is a new handle.
    let token = unsafe { own(token) };
    lower(&token)?;
    set_default_access(&token, &text::default_access(&user, identity))?;
    Ok(token)
}

fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn own_token() -> io::Result<OwnedHandle> {
    let mut token: HANDLE = std::ptr::null_mut();
    let access = TOKEN_DUPLICATE | TOKEN_QUERY | TOKEN_ASSIGN_PRIMARY | TOKEN_ADJUST_DEFAULT;
    // SAFETY: the handle of this process needs no closing, and the pointer is valid.
    succeeded(unsafe { OpenProcessToken(GetCurrentProcess(), access, &raw mut token) })?;
    // SAFETY: the call succeeded, so this is a new handle.
    Ok(unsafe { own(token) })
}

/// Programs with the lowest level write nothing that is not labelled for it, and neither read nor change the memory of
/// the user's other programs.
fn lower(token: &OwnedHandle) -> io::Result<()> {
    let low = Sid::of(LOW_LEVEL)?;
    let label = TOKEN_MANDATORY_LABEL { Label: SID_AND_ATTRIBUTES { Sid: low.raw(), Attributes: INTEGRITY } };
    // SAFETY: the identity is valid.
    let length = count(size_of::<TOKEN_MANDATORY_LABEL>()) + unsafe { GetLengthSid(low.raw()) };
    // SAFETY: the structure and the identity that it points to outlive the call.
    succeeded(unsafe {
        SetTokenInformation(raw(token), TokenIntegrityLevel, (&raw const label).cast(), length)
    })
}

/// What a command makes must let in the identities by which it is restricted: without, it could not use its own objects.
fn set_default_access(token: &OwnedHandle, access: &str) -> io::Result<()> {
    let mut descriptor = Local(std::ptr::null_mut());
    // SAFETY: the text ends with a NUL and outlives the call, which fills the pointer.
    succeeded(unsafe {
        ConvertStringSecurityDescriptorToSecurityDescriptorW(
            wide(access).as_ptr(),
            SDDL_REVISION_1,
            &raw mut descriptor.0,
            std::ptr::null_mut(),
        )
    })?;
    let (mut present, mut defaulted, mut list) = (0, 0, std::ptr::null_mut::<ACL>());
    // SAFETY: the descriptor is valid, and the list that is found lives as long as it does.
    succeeded(unsafe {
        GetSecurityDescriptorDacl(descriptor.0, &raw mut present, &raw mut list, &raw mut defaulted)
    })?;
    let default = TOKEN_DEFAULT_DACL { DefaultDacl: list };
    let size = count(size_of::<TOKEN_DEFAULT_DACL>());
    // SAFETY: structure and list outlive the call.
    succeeded(unsafe { SetTokenInformation(raw(token), TokenDefaultDacl, (&raw const default).cast(), size) })
}

fn text_of(sid: PSID) -> io::Result<String> {
    let mut text = std::ptr::null_mut::<u16>();
    // SAFETY: the identity is valid, and the call fills the pointer.
    succeeded(unsafe { ConvertSidToStringSidW(sid, &raw mut text) })?;
    let text = Local(text.cast());
    let start = text.0.cast::<u16>();
    let mut letters = Vec::new();
    // SAFETY: the text ends with a NUL, behind which nothing is read.
    unsafe {
        while *start.add(letters.len()) != 0 {
            letters.push(*start.add(letters.len()));
        }
    }
    String::from_utf16(&letters).map_err(|_| io::ErrorKind::InvalidData.into())
}

/// What a token says of itself, in memory that is aligned for the structures in it.
struct Information(Vec<u64>);

impl Information {
    fn of(token: &OwnedHandle, class: TOKEN_INFORMATION_CLASS) -> io::Result<Self> {
        let mut length = 0;
        // SAFETY: a buffer of no length is not written to; the call tells the length that is needed.
        unsafe { GetTokenInformation(raw(token), class, std::ptr::null_mut(), 0, &raw mut length) };
        let mut buffer = vec![0_u64; (length as usize).div_ceil(size_of::<u64>()).max(1)];
        // SAFETY: the buffer is as long as is told.
        succeeded(unsafe {
            GetTokenInformation(raw(token), class, buffer.as_mut_ptr().cast(), length, &raw mut length)
        })?;
        Ok(Self(buffer))
    }

    /// Only of [`TokenGroups`].
    fn groups(&self) -> &[SID_AND_ATTRIBUTES] {
        let start = self.0.as_ptr().cast::<TOKEN_GROUPS>();
        // SAFETY: the system filled the buffer with this structure and as many entries as it says.
        unsafe {
            std::slice::from_raw_parts((&raw const (*start).Groups).cast(), (*start).GroupCount as usize)
        }
    }

    /// Only of [`TokenPrivileges`].
    fn privileges(&self) -> &[LUID_AND_ATTRIBUTES] {
        let start = self.0.as_ptr().cast::<TOKEN_PRIVILEGES>();
        // SAFETY: the system filled the buffer with this structure and as many entries as it says.
        unsafe {
            std::slice::from_raw_parts(
                (&raw const (*start).Privileges).cast(),
                (*start).PrivilegeCount as usize,
            )
        }
    }

    /// Only of [`TokenUser`].
    fn user(&self) -> PSID {
        // SAFETY: the system filled the buffer with this structure; what it points to lies in the buffer, too.
        unsafe { (*self.0.as_ptr().cast::<TOKEN_USER>()).User.Sid }
    }
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
