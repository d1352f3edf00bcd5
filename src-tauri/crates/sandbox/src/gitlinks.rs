//! The repositories that the index of another one names. `git status` looks into them, wherever they lie.
//!
//! Format: `Documentation/gitformat-index.txt` of git, versions 2 to 4. A split index keeps entries in files beside it; an
//! entry that takes the place of one of theirs has no path of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::time::Instant;

use rustix::fs::{FileType, Mode, OFlags};

use crate::repositories::{Repositories, Seen, Stamp, inside, stamp};

/// A longer index is not read; git needs minutes for it.
const MAX_INDEX: u64 = 512 << 20;
/// No system opens a longer path.
const MAX_PATH: usize = 4_096;
/// Repositories that indexes may name, all together.
const MOST_LINKS: usize = 10_000;
/// Entries between two looks at the clock.
const AT_A_TIME: u32 = 1_024;

/// Bytes of an entry before its flags: ten numbers of four bytes, then the name of the object.
const NUMBERS: usize = 40;
/// The length of a name of an object, for SHA-1 and SHA-256.
const NAMES: [usize; 2] = [20, 32];
const MODE: std::ops::Range<usize> = 24..28;
const KIND: u32 = 0o170_000;
const GITLINK: u32 = 0o160_000;
/// The flags of the entry go on for two more bytes.
const EXTENDED: u16 = 0x4000;

impl Repositories {
    /// Adds the repositories that indexes name, and those that the indexes of these name. An index with the stamps that
    /// are `known` of it names nothing new.
    pub(crate) fn follow_indexes(
        &mut self,
        workspace: &Path,
        known: &BTreeMap<PathBuf, Vec<Stamp>>,
        until: Instant,
    ) -> Seen {
        let mut read = BTreeSet::new();
        let mut links = Links { paths: Vec::new(), room: MOST_LINKS, until, seen: Seen::All };
        loop {
            let ahead: Vec<_> =
                self.work_trees.iter().filter(|pair| !read.contains(*pair)).cloned().collect();
            if ahead.is_empty() {
                return links.seen;
            }
            for (place, work_tree) in ahead {
                if Instant::now() > until {
                    return Seen::APart;
                }
                let (index, shared) = index_files(&workspace.join(&place));
                let stamps: Vec<Stamp> =
                    std::iter::once(&index).chain(&shared).filter_map(|file| stamp(file)).collect();
                if known.get(&place) != Some(&stamps) {
                    let nameless = links.add(&read_whole(&index), Which::Gitlinks);
                    let which = if nameless { Which::All } else { Which::Gitlinks };
                    for file in shared {
                        links.add(&read_whole(&file), which);
                    }
                    for link in links.paths.drain(..) {
                        let folder = work_tree.join(link);
                        // Git does not go through links either.
                        if inside(workspace, Path::new(""), folder.as_os_str().as_bytes())
                            == Some(folder.clone())
                        {
                            self.look(workspace, &folder);
                        }
                    }
                }
                self.indexes.insert(place.clone(), stamps);
                read.insert((place, work_tree));
            }
        }
    }
}

/// The index of a git folder, and the files that a split one shares.
fn index_files(folder: &Path) -> (PathBuf, Vec<PathBuf>) {
    let mut shared: Vec<PathBuf> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().as_bytes().starts_with(b"sharedindex."))
        .map(|entry| entry.path())
        .collect();
    shared.sort();
    (folder.join("index"), shared)
}

fn read_whole(path: &Path) -> Vec<u8> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let mut bytes = Vec::new();
    if let Ok(file) = rustix::fs::open(path, flags, Mode::empty())
        && rustix::fs::fstat(&file)
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile)
    {
        let _ = std::fs::File::from(file).take(MAX_INDEX).read_to_end(&mut bytes);
    }
    bytes
}

/// Which entries of an index are of interest.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Gitlinks,
    All,
}

/// Paths of repositories, relative to a work tree.
struct Links {
    paths: Vec<PathBuf>,
    room: usize,
    until: Instant,
    seen: Seen,
}

impl Links {
    /// Adds what an index names. What cannot be read names none: git does not read it either. Tells whether an entry of a
    /// repository has no path.
    fn add(&mut self, index: &[u8], which: Which) -> bool {
        let mut nameless = false;
        // Which kind of names it holds, the settings say; with the wrong one hardly any path is one that is there.
        for name in NAMES {
            let before = self.paths.len();
            if let Some(found) = self.read(index, name, which) {
                nameless |= found;
            } else {
                self.room += self.paths.len() - before;
                self.paths.truncate(before);
            }
        }
        nameless
    }

    fn read(&mut self, index: &[u8], name_length: usize, which: Which) -> Option<bool> {
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
        let mut nameless = false;
        for entry in 0..count {
            if entry % AT_A_TIME == 0 && Instant::now() > self.until {
                self.seen = Seen::APart;
                return Some(nameless);
            }
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
            let is_link = mode & KIND == GITLINK;
            nameless |= is_link && path.is_empty();
            if !path.is_empty() && path.len() <= MAX_PATH && (is_link || which == Which::All) {
                let Some(room) = self.room.checked_sub(1) else {
                    self.seen = Seen::APart;
                    return Some(nameless);
                };
                let path = PathBuf::from(OsStr::from_bytes(&path));
                if path.components().all(|part| matches!(part, Component::Normal(_))) {
                    self.room = room;
                    self.paths.push(path);
                }
            }
        }
        // The sum of all before it stands in the end.
        (index.len() >= at + name_length).then_some(nameless)
    }
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
    use std::process::Command;
    use std::time::Duration;

    use super::*;

    fn gitlinks(index: &[u8]) -> Vec<PathBuf> {
        let until = Instant::now() + Duration::from_secs(60);
        let mut links = Links { paths: Vec::new(), room: MOST_LINKS, until, seen: Seen::All };
        links.add(index, Which::Gitlinks);
        assert_eq!(links.seen, Seen::All);
        links.paths
    }

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
    fn a_split_index_hides_no_repository() {
        let folder = tempfile::tempdir().unwrap();
        let workspace = folder.path().canonicalize().unwrap();
        git(&workspace, &["init", "-q"]);
        std::fs::create_dir(workspace.join("node_modules")).unwrap();
        std::fs::write(workspace.join("node_modules/was-file"), "x").unwrap();
        git(&workspace, &["add", "."]);
        for name in ["node_modules/shared", "node_modules/was-file"] {
            let nested = workspace.join(name);
            let _ = std::fs::remove_file(&nested);
            std::fs::create_dir(&nested).unwrap();
            git(&nested, &["init", "-q"]);
            git(&nested, &["commit", "-q", "--allow-empty", "-m", "x"]);
            git(&workspace, &["add", name]);
            if name.ends_with("shared") {
                git(&workspace, &["update-index", "--split-index"]);
            }
        }
        // One stands in the shared part, the other takes the place of a file there.
        let index = std::fs::read(workspace.join(".git/index")).unwrap();
        assert!(!gitlinks(&index).iter().any(|path| path.starts_with("node_modules")));
        let found = Repositories::find(&workspace, &[]);
        for name in ["node_modules/shared/.git", "node_modules/was-file/.git"] {
            assert!(found.added.contains_key(Path::new(name)), "{name}: {:?}", found.added);
        }
        assert!(!found.is_cut);
    }

    /// An index of the second version that names these repositories.
    fn index(paths: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = b"DIRC\0\0\0\x02".to_vec();
        bytes.extend((paths.len() as u32).to_be_bytes());
        for path in paths {
            let start = bytes.len();
            bytes.extend([0; 24]);
            bytes.extend(GITLINK.to_be_bytes());
            bytes.extend([0; 34]);
            bytes.extend(path);
            bytes.resize(start + (bytes.len() + 1 - start).next_multiple_of(8), 0);
        }
        bytes.extend([0; 20]);
        bytes
    }

    #[test]
    fn neither_long_paths_nor_many_use_up_everything() {
        let long = index(&[vec![b'a'; MAX_PATH + 1], b"after".to_vec()]);
        assert_eq!(gitlinks(&long), [PathBuf::from("after")]);
        let paths: Vec<Vec<u8>> = (0..=MOST_LINKS).map(|number| number.to_string().into_bytes()).collect();
        for (until, most) in [(Duration::from_secs(60), MOST_LINKS), (Duration::ZERO, 0)] {
            let until = Instant::now() + until;
            let mut links = Links { paths: Vec::new(), room: MOST_LINKS, until, seen: Seen::All };
            links.add(&index(&paths), Which::Gitlinks);
            assert_eq!((links.paths.len(), links.seen), (most, Seen::APart));
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
