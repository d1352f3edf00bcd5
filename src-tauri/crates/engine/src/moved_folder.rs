//! Sessions whose folder lies elsewhere by now.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use okcvm_protocol::{AppError, SessionId, SessionSummary};

use crate::engine::create_folder;
use crate::runtime::{Runtime, try_lock, user_lock};
use crate::{Engine, EngineError};

/// What tidies a history needs a moment to let go.
const TRIES: u32 = 20;
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

impl Engine {
    /// Tells a session that works in a folder of the user, and all others of that folder, where the folder is now. Nothing
    /// in either place is touched, and the histories stay: what differs in the new place is recorded as changed by hand
    /// with the next turn or restore. The place must be allowed as a workspace, and no session may work there. Blocking.
    pub fn move_folder(&self, id: &SessionId, folder: &Path) -> Result<SessionSummary, EngineError> {
        self.store().must_be_writable()?;
        self.must_not_lie_in_trash(id)?;
        let Some(old) = self.store().session(id)?.folder else {
            let error =
                AppError::new("The files of this session lie in the data of the app, and stay there.");
            let hint = "Only a session in a folder of yours can be told of another place.";
            return Err(EngineError::App(error.with_hint(hint)));
        };
        let new = self.allowed_folder(folder)?;
        if new == old {
            return self.session_summary(id);
        }
        let sessions = self.store().sessions()?;
        if let Some(other) = sessions.iter().find(|row| row.folder.as_ref() == Some(&new)) {
            let error = AppError::new(format!("Another session works in {new}: “{}”.", other.title));
            return Err(EngineError::App(error.with_hint("Go on in that one, or remove it for good first.")));
        }
        let here: Vec<SessionId> =
            sessions.into_iter().filter(|row| row.folder.as_ref() == Some(&old)).map(|row| row.id).collect();
        let open: Vec<Arc<Runtime>> = here.iter().filter_map(|id| self.open_runtime(id)).collect();
        let sessions_folder = &self.inner.options.sessions_folder;
        create_folder(&sessions_folder.join(".locks"))?;
        // Nobody works in the old place while this is held.
        let _lock = lock_once_free(&user_lock(sessions_folder, &old), &open)?.ok_or(EngineError::ReadOnly)?;
        self.store().move_folder(&old, &new)?;
        for id in &here {
            self.close_runtime(id);
            self.tell_session(id);
        }
        self.session_summary(id)
    }

    /// The open session, opened anew if it was told of another folder since, maybe by another program. Blocking.
    pub(crate) fn runtime_in_its_folder(&self, id: &SessionId) -> Result<Arc<Runtime>, EngineError> {
        let runtime = self.runtime(id)?;
        if runtime.running_node().is_some() || runtime.is_in(self.store().session(id)?.folder.as_deref()) {
            return Ok(runtime);
        }
        self.close_runtime(id);
        drop(runtime);
        self.runtime(id)
    }
}

/// The lock of a folder, for which our own sessions there let go; what tidies their histories is called off first. No turn
/// is waited for.
fn lock_once_free(lock: &Path, open: &[Arc<Runtime>]) -> Result<Option<File>, EngineError> {
    for _ in 0..TRIES {
        if open.iter().any(|runtime| runtime.running_node().is_some()) {
            return Err(EngineError::Busy);
        }
        for runtime in open {
            runtime.give_way();
            runtime.let_go();
        }
        if let Some(file) = try_lock(lock)? {
            return Ok(Some(file));
        }
        std::thread::sleep(BETWEEN_TRIES);
    }
    Ok(None)
}
