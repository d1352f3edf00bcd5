//! The repositories that the index of another one names. `git status` looks into them, wherever they lie.
//!
//! Format: `Documentation/gitformat-index.txt` of git, versions 2 to 4.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, PathBuf};

/// Bytes of an entry before its flags: ten numbers of four bytes, then the name of the object.
const NUMBERS: usize = 40;
/// The length of a name of an object, for SHA-1 and SHA-256.
const NAMES: [usize; 2] = [20, 32];
const MODE: std::ops::Range<usize> = 24..28;
const KIND: u32 = 0o170_000;
const GITLINK: u32 = 0o160_000;
/// The flags of the entry go on for two more bytes.
const EXTENDED: u16 = 0x4000;

/// The paths of repositories that an index names, relative to its work tree. What cannot be read names none: git does
/// not read it either.
pub(crate) fn gitlinks(index: &[u8]) -> Vec<PathBuf> {
    // Which kind of names it holds, the settings say; with the wrong one hardly any path is one that is there.
    NAMES.iter().filter_map(|name| read(index, *name)).flatten().collect()
}

fn read(index: &[u8], name_length: usize) -> Option<Vec<PathBuf>> {
    if index.get(..4)? != b"DIRC" {
        return None;
    }
    let version = number(index, 4)?;
    if !(2..=4).contains(&version) {
        return None;
    }
    let count = number(index, 8)?;
    let mut at = 12;
    let mut path = Vec::new();
    let mut found = Vec::new();
    for _ in 0..count {
        let start = at;
        let mode = number(index, start + MODE.start)?;
        at = start + NUMBERS + name_length;
        let flags = u16::from_be_bytes(index.get(at..at + 2)?.try_into().ok()?);
        at += 2;
        if version >= 3 && flags & EXTENDED != 0 {
            at += 2;
        }
        if version == 4 {
            let cut = offset(index, &mut at)?;
            path.truncate(path.len().checked_sub(cut)?);
        } else {
            path.clear();
        }
        let length = index.get(at..)?.iter().position(|byte| *byte == 0)?;
        path.extend_from_slice(&index[at..at + length]);
        at += length + 1;
        if version < 4 {
            // Entries are a multiple of eight bytes, with one to eight zeros in the end.
            at = start + (at - start).next_multiple_of(8);
        }
        if mode & KIND == GITLINK {
            let path = PathBuf::from(OsStr::from_bytes(&path));
            if path.components().all(|part| matches!(part, Component::Normal(_))) {
                found.push(path);
            }
        }
    }
    // The sum of all before it stands in the end.
    (index.len() >= at + name_length).then_some(found)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// A number of seven bits a byte, as git writes offsets in packs.
fn offset(bytes: &[u8], at: &mut usize) -> Option<usize> {
    let mut next = || {
        let byte = *bytes.get(*at)?;
        *at += 1;
        Some(byte)
    };
    let mut byte = next()?;
    let mut value = usize::from(byte & 0x7f);
    while byte & 0x80 != 0 {
        byte = next()?;
        value = value.checked_add(1)?.checked_mul(128)?.checked_add(usize::from(byte & 0x7f))?;
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use super::*;

    fn git(folder: &Path, arguments: &[&str]) {
        let status = Command::new("git")
            .args(["-c", "user.name=u", "-c", "user.email=u@localhost"])
            .args(arguments)
            .current_dir(folder)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .stderr(std::process::Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "{arguments:?}");
    }

    #[test]
    fn repositories_in_an_index_are_found_in_every_version_of_it() {
        for format in ["sha1", "sha256"] {
            let folder = tempfile::tempdir().unwrap();
            let object_format = format!("--object-format={format}");
            git(folder.path(), &["init", "-q", &object_format]);
            for name in ["deep/er/first", "node_modules/second"] {
                let nested = folder.path().join(name);
                std::fs::create_dir_all(&nested).unwrap();
                git(&nested, &["init", "-q", &object_format]);
                git(&nested, &["commit", "-q", "--allow-empty", "-m", "x"]);
            }
            let long = format!("deep/{}", "n".repeat(200));
            std::fs::create_dir_all(folder.path().join(&long)).unwrap();
            for name in ["a", "deep/b", "z", &format!("{long}/{}", "m".repeat(200))] {
                std::fs::write(folder.path().join(name), name).unwrap();
            }
            git(folder.path(), &["add", "."]);
            git(folder.path(), &["add", "-N", "z"]);
            for version in ["2", "3", "4"] {
                git(folder.path(), &["update-index", "--index-version", version]);
                let index = std::fs::read(folder.path().join(".git/index")).unwrap();
                let expected = ["deep/er/first", "node_modules/second"].map(PathBuf::from);
                let found = gitlinks(&index);
                assert!(found.windows(2).any(|pair| *pair == expected), "{format}, {version}: {found:?}");
                assert!(format == "sha256" || found.len() == 2, "{found:?}");
                for end in 0..index.len() {
                    // No piece of one breaks anything.
                    gitlinks(&index[..end]);
                }
            }
        }
    }

    #[test]
    fn what_is_no_index_names_nothing() {
        let strange =
            [&b""[..], b"DIRC", b"DIRC\0\0\0\x02\xff\xff\xff\xff", b"DIRC\0\0\0\x04\0\0\0\x01", &[0xff; 200]];
        for bytes in strange {
            assert!(gitlinks(bytes).is_empty(), "{bytes:?}");
        }
    }
}
