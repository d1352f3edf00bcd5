//! What was found out about contents and what was drawn of them, kept by their hashes, so that it is done once.

use std::collections::HashSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::facts::{Described, Form};

/// What was kept by an older way of looking is made again.
const VERSION: u32 = 2;
/// Files that are kept; beyond, those that were made first go.
const MOST_FILES: usize = 4_000;
/// What the names of files begin with that are being written, and how old one is that nobody writes any more.
const UNFINISHED: &str = ".new-";
const ABANDONED: Duration = Duration::from_secs(3600);
/// How many files are written between two looks whether there are too many.
const LOOK_EVERY: u64 = 100;
/// Contents that are worked on at a time.
const WORKERS: usize = 2;

/// A folder of what is known by hash. Clones share it. Any number of programs may use the same folder: files appear
/// whole or not at all.
#[derive(Debug, Clone)]
pub struct Shelf {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    written: AtomicU64,
    /// What is being made now.
    making: Mutex<HashSet<String>>,
    done: Condvar,
}

#[derive(Serialize, serde::Deserialize)]
struct Kept<T> {
    version: u32,
    value: T,
}

/// Whether what was made is to be kept.
pub(crate) enum Made<T> {
    Lasting(T),
    /// Another try may give something else.
    ForNow(T),
}

impl Shelf {
    /// The shelf in a folder, which is made when it is needed.
    pub fn new(folder: PathBuf) -> Self {
        let inner =
            Inner { folder, written: AtomicU64::new(0), making: Mutex::default(), done: Condvar::new() };
        Self { inner: Arc::new(inner) }
    }

    pub(crate) fn described(
        &self,
        hash: &str,
        form: Form,
        make: impl FnOnce() -> Made<Described>,
    ) -> Described {
        self.kept_or_made(&format!("{hash}-{}", form.word()), make)
    }

    /// What is kept under a name, or `make` makes; never twice at once, and never more than two at a time.
    pub(crate) fn kept_or_made<T: Serialize + DeserializeOwned>(
        &self,
        name: &str,
        make: impl FnOnce() -> Made<T>,
    ) -> T {
        if let Some(kept) = self.read(name) {
            return kept;
        }
        let _place = self.place(name);
        if let Some(kept) = self.read(name) {
            return kept;
        }
        match make() {
            Made::Lasting(value) => {
                let kept = Kept { version: VERSION, value };
                match serde_json::to_vec(&kept) {
                    Ok(bytes) => self.write(&format!("{name}.json"), &bytes),
                    Err(error) => tracing::warn!(%error, name, "what was found out cannot be written"),
                }
                kept.value
            }
            Made::ForNow(value) => value,
        }
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let bytes = std::fs::read(self.inner.folder.join(format!("{name}.json"))).ok()?;
        let kept: Kept<T> = serde_json::from_slice(&bytes).ok()?;
        (kept.version == VERSION).then_some(kept.value)
    }

    /// The bytes of a file of the shelf.
    pub(crate) fn bytes(&self, file: &str) -> Option<Vec<u8>> {
        std::fs::read(self.inner.folder.join(file)).ok()
    }

    /// Puts a file there, whole or not at all. A shelf that cannot be written costs time only.
    pub(crate) fn write(&self, file: &str, bytes: &[u8]) {
        let put = || -> std::io::Result<()> {
            std::fs::create_dir_all(&self.inner.folder)?;
            let mut temporary =
                tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(&self.inner.folder)?;
            temporary.write_all(bytes)?;
            temporary.persist(self.inner.folder.join(file)).map_err(|error| error.error)?;
            Ok(())
        };
        if let Err(error) = put() {
            tracing::warn!(%error, file, "a small picture or what is known of a file could not be kept");
            return;
        }
        if self.inner.written.fetch_add(1, Ordering::Relaxed).is_multiple_of(LOOK_EVERY) {
            thin(&self.inner.folder);
        }
    }

    /// Waits until nobody makes the same and there is room.
    fn place(&self, name: &str) -> Place<'_> {
        let mut making = self.inner.making.lock().unwrap_or_else(PoisonError::into_inner);
        while making.contains(name) || making.len() >= WORKERS {
            making = self.inner.done.wait(making).unwrap_or_else(PoisonError::into_inner);
        }
        making.insert(name.to_owned());
        Place { inner: &self.inner, name: name.to_owned() }
    }
}

struct Place<'a> {
    inner: &'a Inner,
    name: String,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.inner.making.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.name);
        self.inner.done.notify_all();
    }
}

/// Removes what a broken-off write left, and the oldest files until there are not too many.
fn thin(folder: &Path) {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let (left, mut files): (Vec<_>, Vec<_>) =
        files.filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path()))).partition(
            |(_, path)| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(UNFINISHED)),
        );
    // What is younger is being written.
    let left = left.into_iter().filter(|(at, _)| at.elapsed().is_ok_and(|age| age > ABANDONED));
    let over = files.len().checked_sub(MOST_FILES).map_or(0, |over| over + MOST_FILES / 10);
    files.sort();
    for (_, path) in left.chain(files.into_iter().take(over)) {
        if let Err(error) = std::fs::remove_file(&path) {
            tracing::debug!(%error, "an old small picture stays");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn what_a_broken_off_write_left_goes_and_the_rest_stays() {
        let folder = tempfile::TempDir::new().unwrap();
        let place = |name: &str| folder.path().join(name);
        let old = SystemTime::now() - 2 * ABANDONED;
        for (name, modified) in [(".new-old", old), (".new-now", SystemTime::now()), ("a.json", old)] {
            let file = std::fs::File::create(place(name)).unwrap();
            file.set_modified(modified).unwrap();
        }
        Shelf::new(folder.path().to_owned()).write("b.png", b"x");
        let there = [".new-old", ".new-now", "a.json", "b.png"].map(|name| place(name).exists());
        assert_eq!(there, [false, true, true, true]);
    }
}
