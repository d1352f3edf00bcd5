use windows_sys::Win32::Security::{EqualSid, GetSidSubAuthority, IsTokenRestricted};

use super::*;
use crate::windows::is_wine;

#[test]
fn a_token_has_no_privileges_and_the_lowest_level() {
    let own = own_token().unwrap();
    assert!(Information::of(&own, TokenPrivileges).unwrap().privileges().len() > 1);
    for closed in [Closed::ReadingAndWriting, Closed::Writing] {
        let token = restricted(closed, &text::identity(r"C:\work")).unwrap();
        let left = Information::of(&token, TokenPrivileges).unwrap();
        assert!(left.privileges().iter().all(|privilege| privilege.Luid.LowPart == PASSING));

        let level = Information::of(&token, TokenIntegrityLevel).unwrap();
        // SAFETY: the system filled the buffer with this structure; what it points to lies in the buffer, too.
        let level =
            unsafe { *GetSidSubAuthority((*level.0.as_ptr().cast::<TOKEN_MANDATORY_LABEL>()).Label.Sid, 0) };
        // Wine takes a level and restricting identities and forgets them.
        assert!(level == 0x1000 || is_wine());

        // SAFETY: the handle is open.
        assert!(unsafe { IsTokenRestricted(raw(&token)) } != 0 || is_wine());

        // What gives power is there only to be refused by.
        let administrators = Sid::of("S-1-5-32-544").unwrap();
        let groups = Information::of(&token, TokenGroups).unwrap();
        for group in groups.groups() {
            // SAFETY: both identities are valid.
            if unsafe { EqualSid(group.Sid, administrators.raw()) } != 0 {
                assert_eq!(group.Attributes & 0x14, 0x10, "{:x}", group.Attributes);
            }
        }
    }
}
