use windows_sys::Win32::Security::{
    GetSidSubAuthority, IsTokenRestricted, LUID_AND_ATTRIBUTES, SE_PRIVILEGE_ENABLED, TOKEN_PRIVILEGES,
    TokenPrivileges,
};

use super::*;

/// The only privilege that is left: to pass through folders.
const PASSING: u32 = 23;

fn privileges(token: &OwnedHandle) -> Vec<LUID_AND_ATTRIBUTES> {
    let found = Information::of(token, TokenPrivileges).unwrap();
    let start = found.0.as_ptr().cast::<TOKEN_PRIVILEGES>();
    // SAFETY: the system filled the buffer with this structure and as many entries as it says.
    unsafe {
        std::slice::from_raw_parts((&raw const (*start).Privileges).cast(), (*start).PrivilegeCount as usize)
            .to_vec()
    }
}

#[test]
fn a_token_has_no_privileges_and_the_lowest_level() {
    let own = own_token().unwrap();
    assert!(privileges(&own).len() > 1);
    for closed in [Closed::ReadingAndWriting, Closed::Writing] {
        let token = restricted(closed, &text::identity(r"C:\work")).unwrap();
        let enabled: Vec<u32> = privileges(&token)
            .into_iter()
            .filter(|privilege| privilege.Attributes & SE_PRIVILEGE_ENABLED != 0)
            .map(|privilege| privilege.Luid.LowPart)
            .collect();
        assert!(enabled.iter().all(|number| *number == PASSING), "{enabled:?}");

        let level = Information::of(&token, TokenIntegrityLevel).unwrap();
        // SAFETY: the system filled the buffer with this structure; what it points to lies in the buffer, too.
        let level =
            unsafe { *GetSidSubAuthority((*level.0.as_ptr().cast::<TOKEN_MANDATORY_LABEL>()).Label.Sid, 0) };
        assert_eq!(level, 0x1000);

        // SAFETY: the handle is open.
        assert_ne!(unsafe { IsTokenRestricted(raw(&token)) }, 0);

        // What gives power is there only to be refused by.
        let administrators = Sid::of("S-1-5-32-544").unwrap();
        let groups = Information::of(&token, TokenGroups).unwrap();
        for group in groups.groups() {
            // SAFETY: both identities are valid.
            if unsafe { windows_sys::Win32::Security::EqualSid(group.Sid, administrators.raw()) } != 0 {
                assert_eq!(group.Attributes & 0x14, 0x10, "{:x}", group.Attributes);
            }
        }
    }
}
