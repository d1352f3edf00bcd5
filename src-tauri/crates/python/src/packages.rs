//! What is not trusted of the packages that a session installed: they outlast the kernel, and a kernel that had read
//! something of strangers may have written into any of them.

use std::path::{Path, PathBuf};

/// Beside the folder that agent code writes to, and out of its reach.
const NOTED: &str = "python-untrusted.json";
/// Below the folder of a session.
const PACKAGES: &str = "python/packages";
/// What stands for notes that cannot be read any more.
const UNKNOWN: &str = "packages of this session whose origin is not known any more";

/// What may be in the packages of a session, in words for people; nothing if there are none. Packages that are gone
/// take their notes along.
pub(crate) fn untrusted(session_folder: &Path) -> Vec<String> {
    let path = session_folder.join(NOTED);
    if !path.exists() {
        return Vec::new();
    }
    let is_empty =
        std::fs::read_dir(session_folder.join(PACKAGES)).is_ok_and(|mut found| found.next().is_none());
    if is_empty {
        if let Err(error) = std::fs::remove_file(&path) {
            tracing::warn!(%error, "what packages were noted for cannot be removed");
        }
        return Vec::new();
    }
    read(&path)
}

fn read(path: &Path) -> Vec<String> {
    let read = std::fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
    read.unwrap_or_else(|| vec![UNKNOWN.to_owned()])
}

/// Notes what a kernel that can write packages may hold, also if there are none yet: it may write them later. All of it
/// is told at each time, and at least what was noted stays.
pub(crate) fn note(session_folder: &Path, sources: &[String], most: usize) {
    let path = session_folder.join(NOTED);
    let mut all = if path.exists() { read(&path) } else { Vec::new() };
    let known = all.len();
    for source in sources {
        if all.len() < most && !all.contains(source) {
            all.push(source.clone());
        }
    }
    if all.len() == known {
        return;
    }
    if let Err(error) = write(&path, &all) {
        tracing::error!(%error, "what packages of a session may hold could not be noted");
    }
}

fn write(path: &PathBuf, all: &[String]) -> std::io::Result<()> {
    let new = path.with_extension("new");
    std::fs::write(&new, serde_json::to_vec(all)?)?;
    std::fs::rename(new, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_stay_as_long_as_there_are_packages() {
        let session = tempfile::tempdir().unwrap();
        let packages = session.path().join(PACKAGES);
        std::fs::create_dir_all(&packages).unwrap();
        let of = |sources: &[&str]| sources.iter().map(|source| (*source).to_owned()).collect::<Vec<_>>();
        assert_eq!(untrusted(session.path()), of(&[]));

        note(session.path(), &of(&["a.html"]), 3);
        // They may have come after the note.
        std::fs::write(packages.join("helpful.py"), "").unwrap();
        assert_eq!(untrusted(session.path()), of(&["a.html"]));
        note(session.path(), &of(&["b.html", "a.html", "c.html", "d.html"]), 3);
        assert_eq!(untrusted(session.path()), of(&["a.html", "b.html", "c.html"]));

        std::fs::write(session.path().join(NOTED), "no list").unwrap();
        assert_eq!(untrusted(session.path()), of(&[UNKNOWN]));

        std::fs::remove_file(packages.join("helpful.py")).unwrap();
        assert_eq!(untrusted(session.path()), of(&[]));
        std::fs::write(packages.join("other.py"), "").unwrap();
        assert_eq!(untrusted(session.path()), of(&[]));
    }
}
