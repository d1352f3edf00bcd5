//! Recording the files around a turn.

use std::sync::Arc;
use std::time::Duration;

use okcvm_protocol::{AppError, ChangeCounts, NoticeLevel, SnapshotId, TurnEvent};
use okcvm_snapshots::{AtWork, Author};
use tokio::task::JoinHandle;
use tracing::Instrument;

use crate::runtime::Runtime;
use crate::turn_loop::TurnState;
use crate::{Engine, EngineError};

/// How long the first model request has the processors for itself, so that it has left when the files are read.
const HEAD_START: Duration = Duration::from_millis(20);

/// The snapshot of the files before a turn, which is taken beside the first model request.
pub(crate) struct Base {
    taking: Option<JoinHandle<Result<SnapshotId, EngineError>>>,
    taken: Option<SnapshotId>,
}

impl Base {
    /// Waits until the files before the turn are recorded; only then may a tool write. An error if they could not be:
    /// what it wrote over would be gone for good.
    pub(crate) async fn join(&mut self, state: &TurnState) -> Result<(), EngineError> {
        let Some(taking) = &mut self.taking else {
            return Ok(());
        };
        // A turn may end before it asks anybody.
        state.asked.notify_one();
        let taken = taking.await;
        self.taking = None;
        match taken? {
            Ok(base) => {
                self.taken = Some(base);
                Ok(())
            }
            Err(error) => {
                let reason = error.to_app_error();
                tracing::error!(turn = %state.node_id, %error, "the files before the turn could not be recorded");
                state.engine.store().set_not_restorable(&state.node_id, &reason.message)?;
                let text = format!("The files could not be recorded before this turn: {}", reason.message);
                Err(EngineError::App(AppError::new(text).with_hint(
                    "The turn may not write without that. Make room if the disk is full, and try again.",
                )))
            }
        }
    }
}

impl Engine {
    /// Records the files before the turn beside the first model request. What differs from the last record is the
    /// user's work by hand.
    pub(crate) fn take_base(&self, state: &Arc<TurnState>) -> Base {
        let engine = self.clone();
        let shared = Arc::clone(state);
        let taking = async move {
            shared.asked.notified().await;
            tokio::time::sleep(HEAD_START).await;
            engine
                .blocking(move |engine| {
                    shared.runtime.history.set_at_work(AtWork::Person);
                    let previous = engine.store().session(&shared.runtime.id)?.head_snapshot;
                    let unknown = previous
                        .as_ref()
                        .and_then(|previous| before_unknown(engine, &shared.runtime, previous));
                    let recorded = shared.runtime.record(engine, Author::User, "Changed by hand")?;
                    // What came after a turn that was cut off is in no node yet.
                    let (previous, changed) = match unknown {
                        Some(turn) => {
                            let counts = shared.runtime.history.counts(Some(&turn), &recorded.snapshot)?;
                            (Some(turn), Some(counts))
                        }
                        None => (previous, recorded.changed.then(|| recorded.changes.clone())),
                    };
                    let by_user = changed.as_ref().filter(|changes| has_any(changes));
                    let (node, snapshot) = (&shared.node_id, &recorded.snapshot);
                    engine.store().set_node_base(node, previous.as_ref(), snapshot, by_user)?;
                    Ok(recorded.snapshot)
                })
                .await
        };
        Base { taking: Some(tokio::spawn(taking.in_current_span())), taken: None }
    }

    /// Records the files after the turn.
    pub(crate) async fn take_snapshot(
        &self,
        state: &Arc<TurnState>,
        base: &mut Base,
    ) -> Result<(), EngineError> {
        if let Err(error) = base.join(state).await {
            // No tool has written.
            return state.notice(0, NoticeLevel::Warning, error.to_app_error().to_string());
        }
        let Some(base) = base.taken.clone() else {
            return Ok(());
        };
        let shared = Arc::clone(state);
        let (snapshot, changes) = self
            .blocking(move |engine| {
                let message = engine.store().node(&shared.node_id)?.summary.title;
                let recorded = shared.runtime.record(engine, Author::Agent, &message)?;
                shared.runtime.history.set_at_work(AtWork::Person);
                let changes = shared.runtime.history.counts(Some(&base), &recorded.snapshot)?;
                engine.store().set_node_snapshot(&shared.node_id, &recorded.snapshot, &changes)?;
                Ok((recorded.snapshot, changes))
            })
            .await?;
        state.tell(TurnEvent::SnapshotTaken { snapshot, changes });
        let refused = state.runtime.history.take_refused_rules();
        if refused.is_empty() {
            return Ok(());
        }
        let text = format!(
            "What {} leaves out is recorded all the same, because the agent wrote it. It counts once you change the file \
             yourself.",
            refused.join(", ")
        );
        state.notice(0, NoticeLevel::Warning, text)
    }
}

/// What a turn left that was cut off, if `head` holds what was changed after that.
fn before_unknown(engine: &Engine, runtime: &Runtime, head: &SnapshotId) -> Option<SnapshotId> {
    if !runtime.history.author(head).is_ok_and(|author| author == Author::Unknown) {
        return None;
    }
    // Said at one turn, the first that begins with it.
    let nodes = engine.store().node_snapshots(&runtime.id).ok()?;
    let is_said = nodes.iter().any(|node| node.base.as_ref() == Some(head));
    if is_said { None } else { runtime.history.parent(head).ok().flatten() }
}

fn has_any(changes: &ChangeCounts) -> bool {
    changes.added + changes.modified + changes.deleted > 0
}
