//! Permission bits for which git has no place.
//!
//! Git knows whether a file is executable. What else a file or folder was closed to others by, or opened for them, is
//! kept beside the repository: one line for each path whose bits were last seen to be other than those that this user's
//! new files get. A restore that makes such a path anew gives it these bits. They are those last seen, not those of a
//! moment; a path at which something stands keeps its own.
//!
//! The file is only added to; a later line of a path counts. It is written over when most of it is out of date.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use okcvm_objects::EntryKind;

use crate::entry::{raw, shown};
use crate::error::SnapshotError;
use crate::index::{Folder, Known, Node};

/// Name in the folder of the history.
const FILE_NAME: &str = "rights";
/// So many paths are remembered; with more, those that were not remembered come back as any new file.
const MOST: usize = 100_000;
/// Permission bits.
const BITS: u32 = 0o777;

/// The bits of paths that are not the usual ones.
#[derive(Debug)]
pub(crate) struct Rights {
    path: PathBuf,
    /// Nothing is known of any path, so that nobody has to ask.
    empty: AtomicBool,
    /// There is no file yet.
    new: AtomicBool,
    /// Something is not in the file yet.
    fresh: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    known: BTreeMap<Vec<u8>, u32>,
    unsaved: Vec<Vec<u8>>,
    /// Lines of the file.
    lines: usize,
}

/// What a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Folder,
}

impl Kind {
    pub(crate) fn of(kind: EntryKind) -> Option<Self> {
        match kind {
            EntryKind::File | EntryKind::Executable => Some(Self::File),
            EntryKind::Folder => Some(Self::Folder),
            // Its bits say nothing.
            EntryKind::Link => None,
        }
    }
}

/// The bits that this process takes from new files.
fn mask() -> u32 {
    static MASK: OnceLock<u32> = OnceLock::new();
    *MASK.get_or_init(|| {
        // To ask the system sets it for a moment, also for other threads; Linux tells it in words.
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let told = status.lines().find_map(|line| line.strip_prefix("Umask:"));
        told.and_then(|bits| u32::from_str_radix(bits.trim(), 8).ok()).unwrap_or(0o022)
    })
}

/// A new file or folder would have these bits.
fn is_usual(kind: Kind, mode: u32) -> bool {
    let mode = mode & BITS;
    mode == 0o777 & !mask() || (kind == Kind::File && mode == 0o666 & !mask())
}

/// Folders stand with a separator at the end.
fn key(path: &[u8], kind: Kind) -> Vec<u8> {
    let mut key = path.to_vec();
    if kind == Kind::Folder {
        key.push(b'/');
    }
    key
}

impl Rights {
    /// What is kept in the folder of a history. What cannot be read is not known.
    pub(crate) fn load(folder: &Path) -> Self {
        let path = folder.join(FILE_NAME);
        let text = fs::read(&path).unwrap_or_default();
        let mut state = State::default();
        for line in String::from_utf8_lossy(&text).lines() {
            state.lines += 1;
            let Some((bits, name)) = line.split_once(' ') else { continue };
            let Ok(bits) = u32::from_str_radix(bits, 8) else { continue };
            let Ok(name) = serde_json::from_str::<String>(name) else { continue };
            state.set(raw(&name), (bits != 0).then_some(bits - 1));
        }
        Self {
            new: AtomicBool::new(!path.exists()),
            path,
            empty: AtomicBool::new(state.known.is_empty()),
            fresh: AtomicBool::new(false),
            state: Mutex::new(state),
        }
    }

    /// A file or folder was seen with this mode; `path` is asked for only if that is of interest. Cheap for what is usual.
    pub(crate) fn saw(&self, kind: Kind, mode: u32, path: impl FnOnce() -> Vec<u8>) {
        let is_usual = is_usual(kind, mode);
        if is_usual && self.empty.load(Ordering::Relaxed) {
            return;
        }
        let key = key(&path(), kind);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // What is closed to others stays noted also if this program closes all that it makes: the next one may not.
        let is_noted = mode & 0o044 != 0o044 && state.known.contains_key(&key);
        let bits = (!is_usual || is_noted).then_some(mode & BITS);
        if state.known.get(&key).copied() == bits || bits.is_some() && state.known.len() >= MOST {
            return;
        }
        state.set(key.clone(), bits);
        state.unsaved.push(key);
        self.empty.store(state.known.is_empty(), Ordering::Relaxed);
        self.fresh.store(true, Ordering::Relaxed);
    }

    /// What an index of an earlier version knows, if nothing was ever kept here.
    pub(crate) fn learn(&self, root: &Folder) {
        if !self.new.swap(false, Ordering::Relaxed) {
            return;
        }
        let is_unusual = |known: &Known| {
            Kind::of(known.kind).zip(known.stamp).is_some_and(|(kind, stamp)| !is_usual(kind, stamp.mode))
        };
        for path in root.paths_of(&|_| true, &is_unusual) {
            if let Some(Node::File(Known { stamp: Some(stamp), .. })) = root.at(&path) {
                let mode = stamp.mode;
                self.saw(Kind::File, mode, || path);
            }
        }
        // From now on there is a file.
        self.fresh.store(true, Ordering::Relaxed);
    }

    /// The bits that a path was last seen with, if they are not the usual ones.
    pub(crate) fn of(&self, path: &[u8], kind: Kind) -> Option<u32> {
        if self.empty.load(Ordering::Relaxed) {
            return None;
        }
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.known.get(&key(path, kind)).copied()
    }

    /// Writes down what was seen since the last time. Survives the end of the program.
    pub(crate) fn save(&self) -> Result<(), SnapshotError> {
        if !self.fresh.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let state = &mut *self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = |error| SnapshotError::storage("written", &self.path, error);
        let unsaved = std::mem::take(&mut state.unsaved);
        if state.lines + unsaved.len() > 2 * state.known.len() + 1_000 {
            let text = lines(state.known.iter().map(|(path, bits)| (path.as_slice(), Some(*bits))));
            let unfinished = self.path.with_extension("lock");
            fs::write(&unfinished, text)
                .and_then(|()| fs::rename(&unfinished, &self.path))
                .map_err(failed)?;
            state.lines = state.known.len();
            return Ok(());
        }
        let text = lines(unsaved.iter().map(|path| (path.as_slice(), state.known.get(path).copied())));
        let file = OpenOptions::new().create(true).append(true).open(&self.path);
        file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(failed)?;
        state.lines += unsaved.len();
        Ok(())
    }
}

impl State {
    fn set(&mut self, key: Vec<u8>, bits: Option<u32>) {
        match bits {
            Some(bits) => drop(self.known.insert(key, bits)),
            None => drop(self.known.remove(&key)),
        }
    }
}

/// One line a path: its bits and one in octal, or 0 for the usual ones, and its name in JSON. A line that was torn by the
/// end of the program ends where the next one begins.
fn lines<'a>(paths: impl Iterator<Item = (&'a [u8], Option<u32>)>) -> String {
    let mut text = String::from("\n");
    for (path, bits) in paths {
        let name = serde_json::Value::String(shown(path));
        // Nothing can fail in memory.
        let _ = writeln!(text, "{:o} {name}", bits.map_or(0, |bits| bits + 1));
    }
    text
}

#[cfg(test)]
#[path = "rights_tests.rs"]
mod tests;
