//! Whether a folder of the user may become a workspace.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::error::WorkspaceError;

/// Folders of the operating system, which are never anybody's project.
const SYSTEM_FOLDERS: [&str; 17] = [
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib64",
    "/proc",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
    "/var",
    "/System",
    "/Library",
    "/Applications",
    "/private",
    "/nix",
];

/// Folders of programs, which the commands of every session can read.
const READ_BY_ALL: [&str; 5] = ["/usr", "/lib", "/lib64", "/nix/store", "/System"];

/// Checks that `path` may be opened as a workspace: an existing folder that is not the root of the file
/// system, not a folder of the operating system or below one with its programs, not `home` or a folder that contains it, not `own` (the
/// data folder of the app, which need not exist yet), below it or above it, and not a mount point. Links are
/// resolved first.
pub fn check_folder(path: &Path, home: Option<&Path>, own: Option<&Path>) -> Result<(), WorkspaceError> {
    let shown = path.to_string_lossy().into_owned();
    let refused =
        |reason: &str| WorkspaceError::FolderRefused { path: shown.clone(), reason: reason.to_owned() };
    if !path.is_absolute() {
        return Err(refused("it is not an absolute path"));
    }
    let folder = std::fs::canonicalize(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => refused("it does not exist"),
        _ => refused(&format!("it cannot be opened ({error})")),
    })?;
    let metadata =
        std::fs::metadata(&folder).map_err(|error| refused(&format!("it cannot be opened ({error})")))?;
    if !metadata.is_dir() {
        return Err(refused("it is not a folder"));
    }
    let Some(parent) = folder.parent() else {
        return Err(refused("it is the root of the file system"));
    };
    if let Some(home) = home {
        let home = std::fs::canonicalize(home).unwrap_or_else(|_| home.to_path_buf());
        if folder == home {
            return Err(refused("it is your home folder, and every turn would record all of it"));
        }
        if home.starts_with(&folder) {
            return Err(refused("it contains your home folder"));
        }
    }
    if let Some(own) = own {
        let own = real_place(own);
        if folder.starts_with(&own) {
            return Err(refused("it belongs to the app's own data (sessions, their history and settings)"));
        }
        if own.starts_with(&folder) {
            return Err(refused("it contains the app's own data (sessions, their history and settings)"));
        }
    }
    if SYSTEM_FOLDERS.iter().any(|system| folder == Path::new(system)) {
        return Err(refused("it belongs to the operating system"));
    }
    if let Some(all) = READ_BY_ALL.iter().find(|all| folder.starts_with(all)) {
        return Err(refused(&format!("it lies in {all}, which the commands of every session can read")));
    }
    if is_mount_point(&folder, parent, &metadata) {
        return Err(refused("it is a mount point (the top of a disk or of a network drive)"));
    }
    Ok(())
}

/// Where `path` lies, or would lie if it were made: links are resolved as far as it exists.
fn real_place(path: &Path) -> PathBuf {
    let mut place = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let mut missing = Vec::new();
    loop {
        if let Ok(real) = std::fs::canonicalize(&place) {
            place = real;
            break;
        }
        let Some(last) = place.components().next_back() else { break };
        missing.push(last.as_os_str().to_owned());
        if !place.pop() {
            break;
        }
    }
    for part in missing.iter().rev() {
        // What is missing cannot be a link, so `..` is its parent.
        if part == ".." {
            place.pop();
        } else {
            place.push(part);
        }
    }
    place
}

fn is_mount_point(folder: &Path, parent: &Path, metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    let other_device = std::fs::metadata(parent).is_ok_and(|above| above.dev() != metadata.dev());
    // The list also knows bind mounts, which stay on one device.
    other_device
        || std::fs::read("/proc/self/mountinfo")
            .is_ok_and(|table| mount_points(&table).any(|point| point == folder))
}

/// The fifth column of mountinfo, in which space, tab, newline and backslash are octal escapes.
fn mount_points(table: &[u8]) -> impl Iterator<Item = PathBuf> + '_ {
    table.split(|byte| *byte == b'\n').filter_map(|line| {
        let field = line.split(|byte| *byte == b' ').nth(4)?;
        let mut bytes = Vec::with_capacity(field.len());
        let mut rest = field;
        while let Some((first, after)) = rest.split_first() {
            let digits = after.get(..3).filter(|_| *first == b'\\');
            let escaped =
                digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
            bytes.push(escaped.unwrap_or(*first));
            rest = if escaped.is_some() { &after[3..] } else { after };
        }
        Some(PathBuf::from(std::ffi::OsStr::from_bytes(&bytes)))
    })
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
