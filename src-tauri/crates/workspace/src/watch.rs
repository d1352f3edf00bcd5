//! Watching the workspace for changes: for the window, which is told soon and roughly, and for snapshots,
//! which ask for the exact set.
//!
//! On Linux one instance of inotify watches every folder by itself, which lets us leave some out, and the
//! folder of the cookies; so all events are in one queue and keep their order. It is read with system
//! calls of our own, since the crate `notify` cannot be told not to ask for every opening of a file: one
//! scan would fill the queue. On other systems `notify` watches whole trees.

mod changes;
mod conditions;
#[cfg(any(test, not(any(target_os = "linux", target_os = "android"))))]
mod elsewhere;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod folders;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux;
#[cfg(any(target_os = "linux", target_os = "android"))]
mod mounts;
mod telling;
mod tracker;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use crate::error::WorkspaceError;

pub use changes::{Changes, WhyEverything};
pub use tracker::{ChangeTracker, PATIENCE};

use conditions::Conditions;
use telling::{OnChange, Telling};
use tracker::{Ring, Shared};

/// A running watch; it ends when this is dropped.
pub struct Watch {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// Watches the folder `root` and calls `on_change`, on a thread of its own and at most every 100 ms, with
/// the changed paths relative to `root`. A path of a folder stands for everything in it; an empty list
/// means that anything may have changed (events were lost, the watch has just come to stand, or there were
/// too many). What lies inside of the folders that snapshots leave out by name is not told, nor are our own
/// unfinished writes.
///
/// `cookies` is a folder of ours outside of the workspace, made if it is not there; several programs may
/// share it. Folders below the root are watched from a moment after this returns; until then the tracker
/// answers [`WhyEverything::First`].
pub fn watch(root: &Path, cookies: &Path, on_change: OnChange) -> Result<Watch, WorkspaceError> {
    watch_under(Conditions::default(), root, cookies, on_change)
}

fn watch_under(
    conditions: Conditions,
    root: &Path,
    cookies: &Path,
    on_change: OnChange,
) -> Result<Watch, WorkspaceError> {
    let failed = |reason: String| WorkspaceError::Watch { path: root.to_string_lossy().into_owned(), reason };
    let root = std::fs::canonicalize(root).map_err(|error| failed(error.to_string()))?;
    std::fs::create_dir_all(cookies).map_err(|error| failed(error.to_string()))?;
    let cookies = std::fs::canonicalize(cookies).map_err(|error| failed(error.to_string()))?;
    if cookies.starts_with(&root) {
        return Err(failed("our own folder lies inside of it".to_owned()));
    }
    begin(conditions, root, cookies, Telling::new(on_change)).map_err(|error| failed(error.to_string()))
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn begin(
    conditions: Conditions,
    root: std::path::PathBuf,
    cookies: std::path::PathBuf,
    telling: Telling,
) -> std::io::Result<Watch> {
    let bell = Arc::new(linux::LinuxBell::new()?);
    let shared = Arc::new(Shared::new(root, cookies, conditions, Box::new(Arc::clone(&bell))));
    shared.prepare_cookies()?;
    let thread = linux::start(Arc::clone(&shared), bell, telling)?;
    Ok(Watch { shared, thread: Some(thread) })
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
use elsewhere::begin;

impl Watch {
    /// The exact set of what changed.
    pub fn tracker(&self) -> ChangeTracker {
        ChangeTracker::new(Arc::clone(&self.shared))
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Watch").field("root", &self.shared.root).finish_non_exhaustive()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.end();
        self.shared.ring(Ring::Stop);
        if let Some(thread) = self.thread.take()
            // Dropped by its own callback, it ends by itself right after.
            && thread.thread().id() != std::thread::current().id()
            && thread.join().is_err()
        {
            tracing::error!("the watch of a workspace panicked");
        }
    }
}

#[cfg(test)]
#[cfg(any(target_os = "linux", target_os = "android"))]
#[path = "watch_tests.rs"]
mod tests;
