//! Tells a full disk from other reasons. The programs that make an environment often do not: `venv` keeps to itself what
//! `pip` said.

use std::io::ErrorKind;
use std::path::Path;

use super::EnvironmentError;

/// With fewer bytes a disk counts as full after something failed on it: nothing that is installed is so small.
const FULL: u64 = 1 << 20;
/// The same where a program has said that there was no room: it may have tidied up after itself.
const FULL_AS_SAID: u64 = 512 << 20;

/// The error as it is to be told, of an environment in that folder.
pub(super) fn told(error: EnvironmentError, folder: &Path) -> EnvironmentError {
    let step = match &error {
        EnvironmentError::Unwritable { error, .. }
            if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) =>
        {
            error.to_string()
        }
        EnvironmentError::Packages { step, output } => {
            let most = if says_full(output) { FULL_AS_SAID } else { FULL };
            if free(folder).is_none_or(|free| free >= most) {
                return error;
            }
            step.clone()
        }
        EnvironmentError::Unwritable { .. }
        | EnvironmentError::NoRoom { .. }
        | EnvironmentError::NoPython(_)
        | EnvironmentError::TooOld(_)
        | EnvironmentError::NoVenv(_)
        | EnvironmentError::AgentFolders(_)
        | EnvironmentError::Before(_)
        | EnvironmentError::Cancelled => return error,
    };
    EnvironmentError::NoRoom { folder: folder.to_owned(), step }
}

fn says_full(output: &str) -> bool {
    let output = output.to_ascii_lowercase();
    ["no space left", "errno 28", "os error 28", "quota exceeded"].iter().any(|words| output.contains(words))
}

/// Bytes that this user may still write there.
#[cfg(unix)]
fn free(folder: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(not(unix))]
fn free(_folder: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_says_so_is_believed_only_where_there_is_little_room() {
        for said in [
            "ERROR: [Errno 28] No space left on device",
            "failed to write (os error 28)",
            "Disk quota exceeded",
        ] {
            assert!(says_full(said), "{said}");
        }
        assert!(!says_full("ERROR: No matching distribution found for numpy"));
        let folder = tempfile::tempdir().unwrap();
        let error = |output: &str| EnvironmentError::Packages { step: "pip".into(), output: output.into() };
        let plain = told(error("ERROR: no such index"), folder.path());
        assert!(matches!(plain, EnvironmentError::Packages { .. }), "{plain}");
        let full = std::io::Error::from(ErrorKind::StorageFull);
        let full = told(
            EnvironmentError::Unwritable { folder: folder.path().to_owned(), error: full },
            folder.path(),
        );
        assert!(matches!(full, EnvironmentError::NoRoom { .. }), "{full}");
    }
}
