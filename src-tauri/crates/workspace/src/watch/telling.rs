//! What the window is told: a few paths at a time, never in a hurry.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

use crate::name::encode_name;

/// Changes within this time of the first are told together.
pub(super) const DEBOUNCE: Duration = Duration::from_millis(100);
/// More paths than this are told as "anything".
pub(super) const MAX_PATHS: usize = 1_000;

/// Called with the changed paths; none means anything.
pub(super) type OnChange = Box<dyn Fn(Vec<String>) + Send>;

/// What has changed since the last telling.
pub(super) struct Telling {
    on_change: OnChange,
    pending: Pending,
    due: Option<Instant>,
}

enum Pending {
    Paths(BTreeSet<Vec<u8>>),
    Anything,
}

impl Telling {
    pub(super) fn new(on_change: OnChange) -> Self {
        Self { on_change, pending: Pending::Paths(BTreeSet::new()), due: None }
    }

    pub(super) fn add(&mut self, path: &[u8]) {
        self.start();
        if let Pending::Paths(paths) = &mut self.pending
            && !paths.contains(path)
        {
            paths.insert(path.to_vec());
            if paths.len() > MAX_PATHS {
                self.pending = Pending::Anything;
            }
        }
    }

    pub(super) fn add_anything(&mut self) {
        self.start();
        self.pending = Pending::Anything;
    }

    fn start(&mut self) {
        if self.due.is_none() {
            self.due = Some(Instant::now() + DEBOUNCE);
        }
    }

    /// When to call [`Telling::tell_if_due`] next.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    pub(super) fn tell_if_due(&mut self) {
        if self.due.is_some_and(|due| Instant::now() >= due) {
            self.due = None;
            let paths = match std::mem::replace(&mut self.pending, Pending::Paths(BTreeSet::new())) {
                Pending::Paths(paths) => {
                    paths.iter().map(|path| encode_name(OsStr::from_bytes(path))).collect()
                }
                Pending::Anything => Vec::new(),
            };
            (self.on_change)(paths);
        }
    }
}
