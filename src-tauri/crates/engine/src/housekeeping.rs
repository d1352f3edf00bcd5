//! What is done by itself while a program stays open: emptying the trash, tidying histories.

use std::sync::Arc;
use std::time::Duration;

use crate::{Engine, EngineError};

/// How often it is looked whether something is to be tidied.
const LOOK: Duration = Duration::from_secs(60);
/// Looks from one emptying of the trash to the next: a day.
const LOOKS_A_DAY: u32 = 24 * 60;

impl Engine {
    /// Tidies histories if one is over its budget, or all together are over theirs, for a program that does not stay.
    /// Blocking, possibly for long.
    pub fn tidy_what_is_over_budget(&self) -> Result<(), EngineError> {
        if self.is_over_budget()? { self.tidy_idle() } else { Ok(()) }
    }

    /// Calls off whatever is being tidied.
    pub fn cancel_all_tidying(&self) {
        self.open_runtimes().iter().for_each(|runtime| runtime.give_way());
    }

    /// Removes what is overdue in the trash now and then daily, and tidies histories while no turn runs. Ends soon after
    /// the last other handle of the engine is gone. Call within a tokio runtime.
    pub fn keep_house(&self) {
        if self.store().must_be_writable().is_err() {
            return;
        }
        let engine = Arc::downgrade(&self.inner);
        tokio::spawn(async move {
            for look in 0_u32.. {
                {
                    let Some(inner) = engine.upgrade() else { return };
                    let engine = Self { inner };
                    let kept = engine
                        .blocking(move |engine| {
                            if look % LOOKS_A_DAY == 0 {
                                engine.purge_overdue()?;
                            }
                            if look > 0 { engine.tidy_idle() } else { Ok(()) }
                        })
                        .await;
                    if let Err(error) = kept {
                        tracing::warn!(%error, "the housekeeping was cut short");
                    }
                }
                tokio::time::sleep(LOOK).await;
            }
        });
    }
}
