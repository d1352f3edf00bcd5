//! The names in a folder.

use std::os::fd::BorrowedFd;

use rustix::io::Errno;

use crate::index::{Folder, Name};

/// All names in the open folder, sorted.
#[cfg(target_os = "linux")]
pub(crate) fn list(folder: BorrowedFd<'_>) -> Result<Vec<Name>, Errno> {
    const BYTES: usize = 16 * 1024;
    // Not on the stack, which a scan of deep folders needs for itself.
    let mut buffer = Vec::with_capacity(BYTES);
    let mut reader = rustix::fs::RawDir::new(folder, buffer.spare_capacity_mut());
    let mut names: Vec<Name> = Vec::new();
    while let Some(entry) = reader.next() {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(name.into());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// All names in the open folder, sorted.
#[cfg(not(target_os = "linux"))]
pub(crate) fn list(folder: BorrowedFd<'_>) -> Result<Vec<Name>, Errno> {
    let mut names: Vec<Name> = Vec::new();
    for entry in rustix::fs::Dir::read_from(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_bytes();
        if name != b"." && name != b".." {
            names.push(name.into());
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// All names that are known of a folder, sorted.
pub(crate) fn known(folder: &Folder) -> Vec<Name> {
    let mut names = Vec::with_capacity(folder.items.len() + folder.left_out.len());
    let mut left_out = folder.left_out.iter().map(|left_out| &left_out.name).peekable();
    for item in &folder.items {
        while let Some(before) = left_out.next_if(|name| **name < item.name) {
            names.push(before.clone());
        }
        names.push(item.name.clone());
    }
    names.extend(left_out.cloned());
    names
}

/// The names are the same for a file system that tells neither case nor composed characters apart. More
/// pairs may be called alike than such a system does.
pub(crate) fn alike(one: &[u8], two: &[u8]) -> bool {
    if one.is_ascii() && two.is_ascii() {
        return one.eq_ignore_ascii_case(two);
    }
    match (std::str::from_utf8(one), std::str::from_utf8(two)) {
        (Ok(one), Ok(two)) => folded(one) == folded(two),
        _ => false,
    }
}

fn folded(name: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    let lower: String = name.nfd().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect();
    lower.nfd().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_some_file_system_takes_for_one_are_alike() {
        for (one, two) in [("README", "ReadMe"), ("\u{e9}.txt", "E\u{301}.TXT"), ("straße", "STRASSE")] {
            assert!(alike(one.as_bytes(), two.as_bytes()), "{one} {two}");
        }
        for (one, two) in [("a", "b"), ("a", "a "), ("\u{e9}", "e")] {
            assert!(!alike(one.as_bytes(), two.as_bytes()), "{one} {two}");
        }
        assert!(!alike(b"\xff", b"\xfe"));
    }
}
