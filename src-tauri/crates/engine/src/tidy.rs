//! Keeping histories small: packing them, and dropping old snapshots when they are over their budget.
//!
//! It is done when nobody works, and gives way at once when somebody begins.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;

use okcvm_protocol::{AppEvent, HistoryUsage, SessionId, SnapshotId, TidyReport, TidyStage};
use okcvm_snapshots::{Cancel, SnapshotError, Thinning};
use okcvm_store::SnapshotMark;

use crate::needs::{Needs, needs, share};
use crate::runtime::{Runtime, SharedRuntime};
use crate::{Engine, EngineError};

/// Why a node whose snapshot was dropped cannot be restored.
pub(crate) const THINNED: &str = "they were dropped to save room.";

/// Packs that a history may have before it is worth packing.
const MANY_PACKS: usize = 24;
/// Snapshots that nobody needs before it is worth dropping them.
const MANY_UNNEEDED: usize = 200;

/// Whether a history is packed however little that saves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    /// The user asked for it.
    Asked,
    /// It is done if it is worth it.
    IfWorth,
}

impl Engine {
    /// How much room a history takes. Blocking.
    pub fn history_usage(&self, session: &SessionId) -> Result<HistoryUsage, EngineError> {
        let runtime = self.runtime(session)?;
        self.usage(&runtime)
    }

    fn usage(&self, runtime: &Runtime) -> Result<HistoryUsage, EngineError> {
        let limits = (self.inner.parts.history_limits)();
        let usage = runtime.history.usage()?;
        let thinned = self.store().whole_topology(&runtime.id)?;
        let thinned = thinned.iter().filter(|node| node.not_restorable.as_deref() == Some(THINNED)).count();
        let mut total_bytes = usage.bytes;
        for row in self.store().sessions()? {
            if row.id != runtime.id {
                total_bytes += folder_bytes(&self.session_folder(&row.id).join("history"));
            }
        }
        Ok(HistoryUsage {
            bytes: usage.bytes,
            budget_bytes: limits.session_budget_bytes,
            aside_bytes: usage.aside_bytes,
            total_bytes,
            total_budget_bytes: limits.total_budget_bytes,
            snapshots: u32::try_from(usage.snapshots).unwrap_or(u32::MAX),
            thinned: u32::try_from(thinned).unwrap_or(u32::MAX),
        })
    }

    /// Packs a history now, and drops old snapshots if it is over its budget. Told by events; ends early, with what was
    /// done by then, when it is called off or a turn begins.
    pub async fn tidy_history(&self, session: &SessionId) -> Result<TidyReport, EngineError> {
        let id = session.clone();
        self.blocking(move |engine| {
            let runtime = engine.writable(&id)?;
            let budget = (engine.inner.parts.history_limits)().session_budget_bytes;
            engine.tidy(&runtime, budget, Wish::Asked)?.ok_or(EngineError::Busy)
        })
        .await
    }

    /// Calls the tidying of a history off, if it goes on.
    pub fn cancel_tidying(&self, session: &SessionId) -> Result<(), EngineError> {
        self.store().session(session)?;
        if let Some(runtime) = self.open_runtime(session) {
            runtime.give_way();
        }
        Ok(())
    }

    /// Whether a history is over its budget, or all together are.
    pub(crate) fn is_over_budget(&self) -> Result<bool, EngineError> {
        let limits = (self.inner.parts.history_limits)();
        let mut total = 0;
        for row in self.store().sessions()? {
            let bytes = folder_bytes(&self.session_folder(&row.id).join("history"));
            if bytes > limits.session_budget_bytes {
                return Ok(true);
            }
            total += bytes;
        }
        Ok(total > limits.total_budget_bytes)
    }

    /// Tidies every history that is worth it, if no turn runs. Blocking, possibly for long.
    pub(crate) fn tidy_idle(&self) -> Result<(), EngineError> {
        let limits = (self.inner.parts.history_limits)();
        let sessions = self.store().sessions()?;
        let sizes: Vec<u64> =
            sessions.iter().map(|row| folder_bytes(&self.session_folder(&row.id).join("history"))).collect();
        let mut too_much = sizes.iter().sum::<u64>().saturating_sub(limits.total_budget_bytes);
        // The sessions come latest first; those that were not used for longest give first.
        for (row, bytes) in sessions.iter().zip(sizes).rev() {
            if self.open_runtimes().iter().any(|runtime| runtime.running_node().is_some()) {
                return Ok(());
            }
            let budget = limits.session_budget_bytes.min(bytes.saturating_sub(too_much));
            let open = self.open_runtime(&row.id);
            if bytes <= budget && open.is_none() {
                continue;
            }
            let runtime = match self.writable(&row.id) {
                Ok(runtime) => runtime,
                Err(error) => {
                    tracing::debug!(session = %row.id, %error, "a history is not tidied now");
                    continue;
                }
            };
            match self.tidy(&runtime, budget, Wish::IfWorth) {
                Ok(Some(report)) => too_much = too_much.saturating_sub(report.freed_bytes),
                Ok(None) => {}
                Err(error) => tracing::warn!(session = %row.id, %error, "a history could not be tidied"),
            }
        }
        Ok(())
    }

    /// Tidies one history. `None` if it is not worth it, or somebody works. Blocking.
    fn tidy(
        &self,
        runtime: &SharedRuntime,
        budget: u64,
        wish: Wish,
    ) -> Result<Option<TidyReport>, EngineError> {
        let usage = runtime.history.usage()?;
        let needed = self.needs(runtime)?;
        let unneeded = usage.snapshots.saturating_sub(needed.kept.len() + needed.droppable.len());
        let over =
            usage.bytes > budget && (unneeded > 0 || !needed.droppable.is_empty() || usage.aside_bytes > 0);
        let scattered = usage.packs - usage.big_packs.min(usage.packs) > MANY_PACKS || usage.loose > 0;
        if wish == Wish::IfWorth && !over && !scattered && unneeded < MANY_UNNEEDED {
            return Ok(None);
        }
        let Some(cancel) = runtime.begin_tidying() else { return Ok(None) };
        let done = self.tidy_with(runtime, budget, &cancel);
        runtime.end_tidying();
        let stage = TidyStage::Ended;
        self.events().app(AppEvent::HistoryTidying { session_id: runtime.id.clone(), stage });
        let (thinned, cancelled) = done?;
        let after = self.usage(runtime)?;
        let freed_bytes = usage.bytes.saturating_sub(after.bytes);
        let aside_bytes = usage.aside_bytes.saturating_sub(after.aside_bytes);
        let report = TidyReport { thinned, freed_bytes, aside_bytes, cancelled, usage: after };
        tracing::info!(session = %runtime.id, thinned, freed_bytes, cancelled, "tidied a history");
        if thinned > 0 {
            self.events().app(AppEvent::TreeChanged { session_id: runtime.id.clone() });
        }
        self.events().app(AppEvent::HistoryTidied { session_id: runtime.id.clone(), report: report.clone() });
        Ok(Some(report))
    }

    /// How many nodes lost their files, and whether it was called off.
    fn tidy_with(&self, runtime: &Runtime, budget: u64, cancel: &Cancel) -> Result<(u32, bool), EngineError> {
        let tell = |stage| {
            self.events().app(AppEvent::HistoryTidying { session_id: runtime.id.clone(), stage });
        };
        tell(TidyStage::Packing);
        match runtime.history.pack(cancel) {
            Ok(_) => {}
            Err(SnapshotError::Cancelled) => return Ok((0, true)),
            // Dropping needs less room than packing, and makes some.
            Err(error @ SnapshotError::DiskFull { .. }) => {
                tracing::warn!(session = %runtime.id, %error, "a history could not be packed");
            }
            Err(error) => return Err(error.into()),
        }
        tell(TidyStage::Thinning);
        // Before any snapshot goes that could still be restored.
        let too_much = runtime.history.usage()?.bytes.saturating_sub(budget);
        runtime.history.drop_oldest_aside(too_much)?;
        self.thin(runtime, budget, cancel)
    }

    /// Drops what nobody needs, and then the oldest of what may go, until the history is within its budget.
    fn thin(&self, runtime: &Runtime, budget: u64, cancel: &Cancel) -> Result<(u32, bool), EngineError> {
        let mut thinned = 0;
        let mut tried = None;
        loop {
            let chosen = {
                // Whoever wants to move the files or begin a turn waits for the choice alone, not for the rewriting.
                let _gate = runtime.gate.blocking_lock();
                runtime.must_write()?;
                if cancel.is_cancelled() || runtime.running_node().is_some() {
                    return Ok((thinned, true));
                }
                self.choose(runtime, budget, &mut tried)?
            };
            let Some((going, marked, thinning)) = chosen else { return Ok((thinned, false)) };
            if let Err(error) = thinning.run(cancel) {
                let there: Vec<SnapshotId> =
                    going.into_iter().filter(|id| runtime.history.author(id).is_ok()).collect();
                self.store().mark_snapshots(&runtime.id, &there, THINNED, SnapshotMark::Back)?;
                return match error {
                    SnapshotError::Cancelled => Ok((thinned, true)),
                    error => Err(error.into()),
                };
            }
            thinned += marked;
        }
    }

    /// Chooses what goes next and marks its nodes; `None` if nothing has to. `tried` is what was chosen before, absent
    /// the first time, when what nobody needs goes.
    fn choose(
        &self,
        runtime: &Runtime,
        budget: u64,
        tried: &mut Option<BTreeSet<SnapshotId>>,
    ) -> Result<Option<(Vec<SnapshotId>, u32, Thinning)>, EngineError> {
        let Needs { kept, mut droppable } = self.needs(runtime)?;
        let usage = runtime.history.usage()?;
        let first = tried.is_none();
        let tried = tried.get_or_insert_default();
        droppable.retain(|id| !tried.contains(id));
        let unneeded = first && usage.snapshots > kept.len() + droppable.len();
        let too_much = usage.bytes.saturating_sub(budget);
        if !unneeded && (too_much == 0 || droppable.is_empty()) {
            return Ok(None);
        }
        let going: Vec<SnapshotId> = if unneeded {
            Vec::new()
        } else {
            let count = share(too_much, usage.bytes, usage.snapshots, droppable.len());
            droppable.drain(..count.min(droppable.len())).collect()
        };
        tried.extend(going.iter().cloned());
        // Marked before, so that no node ever promises what is not there.
        let marked = self.store().mark_snapshots(&runtime.id, &going, THINNED, SnapshotMark::Gone)?;
        let keep: BTreeSet<SnapshotId> = kept.into_iter().chain(droppable).collect();
        Ok(Some((going, marked, runtime.history.thinning(&keep)?)))
    }

    fn needs(&self, runtime: &Runtime) -> Result<Needs, EngineError> {
        let row = self.store().session(&runtime.id)?;
        let sites = self.store().deployments(&runtime.id)?;
        let published: HashSet<_> = sites.into_iter().filter_map(|site| site.node_id).collect();
        Ok(needs(
            &self.store().node_snapshots(&runtime.id)?,
            &self.store().restores(&runtime.id)?,
            &published,
            row.current_node.as_ref(),
            row.head_snapshot.as_ref(),
        ))
    }
}

/// Bytes of all files below a folder; what cannot be read counts nothing.
fn folder_bytes(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let sizes = entries.filter_map(Result::ok).map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => folder_bytes(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    sizes.sum()
}
