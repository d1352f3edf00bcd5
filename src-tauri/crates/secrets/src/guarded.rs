use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

use crate::{Keychain, KeychainError};

type Job = Box<dyn FnOnce(&dyn Keychain) + Send>;

/// A keychain on a thread of its own. A keychain may open a prompt and block until somebody answers it; the
/// caller waits only as long as it says. While a call hangs, later ones queue behind it, so that no prompt opens
/// twice and no thread is left behind per try.
pub(crate) struct GuardedKeychain {
    jobs: mpsc::Sender<Job>,
}

impl GuardedKeychain {
    pub(crate) fn new(keychain: Arc<dyn Keychain>) -> Self {
        let (jobs, queue) = mpsc::channel::<Job>();
        let spawned = std::thread::Builder::new().name("okcvm-keychain".into()).spawn(move || {
            while let Ok(job) = queue.recv() {
                // A panic in the system's client must not end the thread: it ends this one call, whose
                // answer channel closes.
                let _ = catch_unwind(AssertUnwindSafe(|| job(keychain.as_ref())));
            }
        });
        if let Err(error) = spawned {
            tracing::warn!(%error, "no thread for the keychain");
        }
        Self { jobs }
    }

    /// Runs `call` on the keychain's thread and waits at most `limit`. A call that has not begun by then never
    /// begins; one that has may still finish later.
    pub(crate) fn call<T: Send + 'static>(
        &self,
        limit: Duration,
        call: impl FnOnce(&dyn Keychain) -> Result<T, KeychainError> + Send + 'static,
    ) -> Result<T, KeychainError> {
        let (answer, answered) = mpsc::channel();
        let abandoned = Arc::new(AtomicBool::new(false));
        let given_up = Arc::clone(&abandoned);
        let job: Job = Box::new(move |keychain| {
            if !given_up.load(Ordering::Acquire) {
                let _ = answer.send(call(keychain));
            }
        });
        if self.jobs.send(job).is_err() {
            return Err(KeychainError::Failed("its thread has ended".into()));
        }
        match answered.recv_timeout(limit) {
            Ok(result) => result,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                abandoned.store(true, Ordering::Release);
                Err(KeychainError::Silent(limit.as_secs()))
            }
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                Err(KeychainError::Failed("its client ended unexpectedly".into()))
            }
        }
    }
}
