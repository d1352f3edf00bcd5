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
use crate::{PreviewError, Wanted};

/// What was kept by an older way of looking is made again.
const VERSION: u32 = 3;
/// Files that are kept; beyond, those that were made first go.
const MOST_FILES: usize = 4_000;
/// What the names of files begin with that are being written, and how old one is that nobody writes any more.
const UNFINISHED: &str = ".new-";
const ABANDONED: Duration = Duration::from_secs(3600);
/// How many files are written between two looks whether there are too many.
const LOOK_EVERY: u64 = 100;
/// How often who waits looks whether its answer is still wanted.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
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
    work: Mutex<Work>,
    done: Condvar,
}

#[derive(Debug, Default)]
struct Work {
    /// What is being made now.
    making: HashSet<String>,
    /// Who waits, numbered in the order of asking, and for what.
    waiting: Vec<(u64, String)>,
    asked: u64,
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
            Inner { folder, written: AtomicU64::new(0), work: Mutex::default(), done: Condvar::new() };
        Self { inner: Arc::new(inner) }
    }

    pub(crate) fn described(
        &self,
        hash: &str,
        form: Form,
        wanted: &Wanted,
        make: impl FnOnce() -> Made<Described>,
    ) -> Result<Described, PreviewError> {
        self.kept_or_made(&format!("{hash}-{}", form.word()), wanted, make)
    }

    /// What is kept under a name, or `make` makes; never twice at once, and never more than two at a time. Fails only if
    /// it is called off before its turn.
    pub(crate) fn kept_or_made<T: Serialize + DeserializeOwned>(
        &self,
        name: &str,
        wanted: &Wanted,
        make: impl FnOnce() -> Made<T>,
    ) -> Result<T, PreviewError> {
        if let Some(kept) = self.read(name) {
            return Ok(kept);
        }
        let _place = self.place(name, wanted).ok_or(PreviewError::Cancelled)?;
        if let Some(kept) = self.read(name) {
            return Ok(kept);
        }
        Ok(match make() {
            Made::Lasting(value) => self.keep(name, value),
            Made::ForNow(value) => value,
        })
    }

    /// Keeps a value under a name.
    pub(crate) fn keep<T: Serialize>(&self, name: &str, value: T) -> T {
        let kept = Kept { version: VERSION, value };
        match serde_json::to_vec(&kept) {
            Ok(bytes) => self.write(&format!("{name}.json"), &bytes),
            Err(error) => tracing::warn!(%error, name, "what was found out cannot be written"),
        }
        kept.value
    }

    pub(crate) fn read<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
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

    /// Waits until nobody makes the same and there is room, who came last first; `None` if it is called off.
    fn place(&self, name: &str, wanted: &Wanted) -> Option<Place<'_>> {
        let mut work = self.inner.work.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = work.asked;
        work.asked += 1;
        work.waiting.push((mine, name.to_owned()));
        while !wanted.is_over() && !work.is_turn_of(mine, name) {
            let woken = self.inner.done.wait_timeout(work, LOOK_AGAIN);
            work = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        work.waiting.retain(|(whose, _)| *whose != mine);
        if wanted.is_over() {
            self.inner.done.notify_all();
            return None;
        }
        work.making.insert(name.to_owned());
        Some(Place { inner: &self.inner, name: name.to_owned() })
    }
}

impl Work {
    fn is_turn_of(&self, mine: u64, name: &str) -> bool {
        let can_begin = |name: &str| !self.making.contains(name);
        let is_last = self.waiting.iter().all(|(whose, name)| *whose <= mine || !can_begin(name));
        self.making.len() < WORKERS && can_begin(name) && is_last
    }
}

struct Place<'a> {
    inner: &'a Inner,
    name: String,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.inner.work.lock().unwrap_or_else(PoisonError::into_inner).making.remove(&self.name);
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
    fn who_came_last_goes_first_and_who_is_called_off_waits_no_more() {
        // No pass of the test waits this long; what should end by itself and does not, ends by it.
        const PATIENCE: Duration = Duration::from_secs(60);
        let folder = tempfile::TempDir::new().unwrap();
        let shelf = Shelf::new(folder.path().to_owned());
        let order = Mutex::new(Vec::new());
        let make = |name: &str, wanted: &Wanted, until: &dyn Fn()| {
            shelf.kept_or_made(name, wanted, || {
                until();
                order.lock().unwrap().push(name.to_owned());
                Made::ForNow(1)
            })
        };
        let make = &make;
        std::thread::scope(|scope| {
            let until = |condition: &dyn Fn(&Work) -> bool| {
                while !condition(&shelf.inner.work.lock().unwrap()) {
                    std::thread::sleep(Duration::from_millis(1));
                }
            };
            let hold = |name: &'static str| {
                let (release, released) = std::sync::mpsc::channel::<()>();
                let held = move || {
                    let _ = released.recv_timeout(PATIENCE);
                };
                scope.spawn(move || make(name, &Wanted::default(), &held));
                release
            };
            let (first, second) = (hold("first"), hold("second"));
            until(&|work| work.making.len() == WORKERS);
            let wanteds: Vec<Wanted> = (0..20).map(|_| Wanted::default()).collect();
            let mut waiting: Vec<_> = (0..20_usize)
                .map(|number| {
                    let wanted = wanteds[number].clone();
                    let asked = scope.spawn(move || make(&format!("moment {number}"), &wanted, &|| ()));
                    until(&|work| work.waiting.len() == number + 1);
                    asked
                })
                .collect();
            wanteds[..17].iter().for_each(Wanted::call_off);
            let stay = waiting.split_off(17);
            for (number, asked) in waiting.into_iter().enumerate() {
                let answer = asked.join().unwrap();
                assert!(matches!(answer, Err(PreviewError::Cancelled)), "{number}: {answer:?}");
            }
            assert!(order.lock().unwrap().is_empty(), "they waited for who was before them");
            // One place alone becomes free, so the rest go one by one.
            drop(second);
            for asked in stay {
                assert_eq!(asked.join().unwrap().unwrap(), 1);
            }
            drop(first);
        });
        let order = order.into_inner().unwrap();
        assert_eq!(order, ["second", "moment 19", "moment 18", "moment 17", "first"]);
    }

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
