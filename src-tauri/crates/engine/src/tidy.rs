//! Keeping histories small: packing them, and dropping old snapshots when they are over their budget.
//!
//! It is done when nobody works, and gives way at once when somebody begins.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

use okcvm_protocol::{
    AppEvent, ChangeKind, DroppedStep, HistoryUsage, RestoreId, SessionId, SnapshotId, TidyReport, TidyStage,
};
use okcvm_snapshots::{Cancel, SnapshotError, Thinning};
use okcvm_store::{RestoreRow, SnapshotMark};

use crate::needs::{Give, GiveWhat, Needs, needs, share};
use crate::restore::covers;
use crate::runtime::{Runtime, SharedRuntime};
use crate::{Engine, EngineError};

/// Why a node whose snapshot was dropped cannot be restored.
pub(crate) const THINNED: &str = "they were dropped to save room.";

/// What is said when a tidying came upon damage.
const DAMAGE_FOUND: &str = "Parts of the history were found damaged while it was tidied. What is sound stays; the next \
                            start of the program looks which moments they belong to, and says it at their nodes.";

/// Packs that a history may have before it is worth packing.
const MANY_PACKS: usize = 24;
/// Snapshots that nobody needs before it is worth dropping them.
const MANY_UNNEEDED: usize = 200;

/// So many files of a step that was dropped are remembered by name.
const REMEMBERED: usize = 20;
/// So many of them a sentence names.
const NAMED: usize = 5;

/// What a history is to stay under.
#[derive(Debug, Clone, Copy)]
struct Budget {
    /// Bytes that what the tree holds gives way to.
    recorded: u64,
    /// Bytes that steps give way to that lead to work by hand.
    by_hand: u64,
}

/// What went to save room.
#[derive(Debug, Default)]
struct Thinned {
    /// Nodes that lost their files.
    nodes: u32,
    /// Steps of the undo stack.
    steps: Vec<DroppedStep>,
    /// It was called off.
    cancelled: bool,
}

/// What is to go next. Its nodes and steps are marked.
struct Chosen {
    going: BTreeSet<SnapshotId>,
    nodes: u32,
    steps: Vec<DroppedStep>,
    thinning: Thinning,
}

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
        let (mut steps, mut steps_bytes) = (0, 0);
        let by_hand = self.needs(runtime)?.gives.into_iter().filter(|give| give.what == GiveWhat::ByHand);
        for snapshot in by_hand.flat_map(|give| give.snapshots) {
            steps += 1;
            steps_bytes += self.weight(runtime, &snapshot)?;
        }
        let steps_dropped = self.store().thinned_restores(&runtime.id)?.len();
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
            steps,
            steps_bytes,
            steps_dropped: u32::try_from(steps_dropped).unwrap_or(u32::MAX),
        })
    }

    /// Bytes of the files that a snapshot has and the present has not, before compression.
    fn weight(&self, runtime: &Runtime, snapshot: &SnapshotId) -> Result<u64, EngineError> {
        let present = self.store().session(&runtime.id)?.head_snapshot;
        let present = present.filter(|present| runtime.history.holds(present));
        Ok(runtime.history.bytes_beside(snapshot, present.as_ref())?)
    }

    /// Packs a history now, and drops old snapshots if it is over its budget. Told by events; ends early, with what was
    /// done by then, when it is called off or a turn begins.
    pub async fn tidy_history(&self, session: &SessionId) -> Result<TidyReport, EngineError> {
        let id = session.clone();
        self.blocking(move |engine| {
            let runtime = engine.writable(&id)?;
            let bytes = (engine.inner.parts.history_limits)().session_budget_bytes;
            let budget = Budget { recorded: bytes, by_hand: bytes };
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
        // Work by hand of one session gives way only after what the trees of all others hold.
        for last in [GiveWhat::Recorded, GiveWhat::ByHand] {
            let sizes: Vec<u64> = sessions
                .iter()
                .map(|row| folder_bytes(&self.session_folder(&row.id).join("history")))
                .collect();
            let mut too_much = sizes.iter().sum::<u64>().saturating_sub(limits.total_budget_bytes);
            if last == GiveWhat::ByHand && too_much == 0 {
                return Ok(());
            }
            // The sessions come latest first; those that were not used for longest give first.
            for (row, bytes) in sessions.iter().zip(sizes).rev() {
                if self.open_runtimes().iter().any(|runtime| runtime.running_node().is_some()) {
                    return Ok(());
                }
                let own = limits.session_budget_bytes;
                let recorded = own.min(bytes.saturating_sub(too_much));
                let by_hand = if last == GiveWhat::ByHand { recorded } else { own };
                if bytes <= recorded && (self.open_runtime(&row.id).is_none() || last == GiveWhat::ByHand) {
                    continue;
                }
                let runtime = match self.writable(&row.id) {
                    Ok(runtime) => runtime,
                    Err(error) => {
                        tracing::debug!(session = %row.id, %error, "a history is not tidied now");
                        continue;
                    }
                };
                match self.tidy(&runtime, Budget { recorded, by_hand }, Wish::IfWorth) {
                    Ok(Some(report)) => too_much = too_much.saturating_sub(report.freed_bytes),
                    Ok(None) => {}
                    Err(error) => tracing::warn!(session = %row.id, %error, "a history could not be tidied"),
                }
            }
        }
        Ok(())
    }

    /// Tidies one history. `None` if it is not worth it, or somebody works. Blocking.
    fn tidy(
        &self,
        runtime: &SharedRuntime,
        budget: Budget,
        wish: Wish,
    ) -> Result<Option<TidyReport>, EngineError> {
        let usage = runtime.history.usage()?;
        let needed = self.needs(runtime)?;
        let unneeded = usage.snapshots.saturating_sub(needed.count());
        let gives = |what| needed.gives.iter().any(|give| give.what == what);
        let over = usage.bytes > budget.recorded
            && (unneeded > 0 || usage.aside_bytes > 0 || gives(GiveWhat::Recorded))
            || usage.bytes > budget.by_hand && gives(GiveWhat::ByHand);
        let scattered = usage.packs - usage.big_packs.min(usage.packs) > MANY_PACKS || usage.loose > 0;
        if wish == Wish::IfWorth && !over && !scattered && unneeded < MANY_UNNEEDED {
            return Ok(None);
        }
        let Some(cancel) = runtime.begin_tidying() else { return Ok(None) };
        let known = (runtime.history.known_damages(), runtime.history.set_aside().len());
        let done = self.tidy_with(runtime, budget, &cancel);
        runtime.end_tidying();
        if runtime.history.known_damages() > known.0 || runtime.history.set_aside().len() > known.1 {
            runtime.remark(DAMAGE_FOUND);
            self.events().app(AppEvent::TreeChanged { session_id: runtime.id.clone() });
        }
        let stage = TidyStage::Ended;
        self.events().app(AppEvent::HistoryTidying { session_id: runtime.id.clone(), stage });
        let Thinned { nodes: thinned, steps, cancelled } = done?;
        let after = self.usage(runtime)?;
        let freed_bytes = usage.bytes.saturating_sub(after.bytes);
        let aside_bytes = usage.aside_bytes.saturating_sub(after.aside_bytes);
        let report = TidyReport { thinned, freed_bytes, aside_bytes, steps, cancelled, usage: after };
        tracing::info!(session = %runtime.id, thinned, steps = report.steps.len(), freed_bytes, cancelled,
            "tidied a history");
        if let Some(names) = names(&report.steps) {
            runtime.remark(&format!(
                "To save room, steps of the undo stack were dropped that alone held work by hand: {names}."
            ));
        }
        if thinned > 0 || !report.steps.is_empty() {
            self.events().app(AppEvent::TreeChanged { session_id: runtime.id.clone() });
        }
        self.events().app(AppEvent::HistoryTidied { session_id: runtime.id.clone(), report: report.clone() });
        Ok(Some(report))
    }

    fn tidy_with(&self, runtime: &Runtime, budget: Budget, cancel: &Cancel) -> Result<Thinned, EngineError> {
        let tell = |stage| {
            self.events().app(AppEvent::HistoryTidying { session_id: runtime.id.clone(), stage });
        };
        tell(TidyStage::Packing);
        match runtime.history.pack(cancel) {
            Ok(_) => {}
            Err(SnapshotError::Cancelled) => return Ok(Thinned { cancelled: true, ..Thinned::default() }),
            // Dropping needs less room than packing, and makes some.
            Err(error @ SnapshotError::DiskFull { .. }) => {
                tracing::warn!(session = %runtime.id, %error, "a history could not be packed");
            }
            Err(error) => return Err(error.into()),
        }
        tell(TidyStage::Thinning);
        // Before any snapshot goes that could still be restored.
        let too_much = runtime.history.usage()?.bytes.saturating_sub(budget.recorded);
        runtime.history.drop_oldest_aside(too_much)?;
        self.thin(runtime, budget, cancel)
    }

    /// Drops what nobody needs, and then what may go, in its order, until the history is within its budget.
    fn thin(&self, runtime: &Runtime, budget: Budget, cancel: &Cancel) -> Result<Thinned, EngineError> {
        let mut thinned = Thinned::default();
        let mut tried = None;
        loop {
            let chosen = {
                // Whoever wants to move the files or begin a turn waits for the choice alone, not for the rewriting.
                let _gate = runtime.gate.blocking_lock();
                runtime.must_write(self)?;
                if cancel.is_cancelled() || runtime.running_node().is_some() {
                    return Ok(Thinned { cancelled: true, ..thinned });
                }
                self.choose(runtime, budget, &mut tried)?
            };
            let Some(chosen) = chosen else { return Ok(thinned) };
            if let Err(error) = chosen.thinning.run(cancel) {
                let there: Vec<SnapshotId> =
                    chosen.going.into_iter().filter(|id| runtime.history.author(id).is_ok()).collect();
                self.store().mark_snapshots(&runtime.id, &there, THINNED, SnapshotMark::Back)?;
                self.bring_steps_back(runtime)?;
                return match error {
                    SnapshotError::Cancelled => Ok(Thinned { cancelled: true, ..thinned }),
                    error => Err(error.into()),
                };
            }
            thinned.nodes += chosen.nodes;
            thinned.steps.extend(chosen.steps);
        }
    }

    /// Steps are dropped before their snapshots are; those of a dropping that was cut short are as they were.
    pub(crate) fn bring_steps_back(&self, runtime: &Runtime) -> Result<(), EngineError> {
        let thinned = self.store().thinned_restores(&runtime.id)?;
        let there = thinned.into_iter().filter_map(|(row, _)| {
            row.leads_to().is_some_and(|lead| runtime.history.holds(lead)).then_some((row.id, None))
        });
        let there: Vec<_> = there.collect();
        Ok(self.store().thin_restores(&there)?)
    }

    /// Chooses what goes next and marks its nodes and steps; `None` if nothing has to. `tried` is what was chosen before,
    /// absent the first time, when what nobody needs goes.
    fn choose(
        &self,
        runtime: &Runtime,
        budget: Budget,
        tried: &mut Option<BTreeSet<SnapshotId>>,
    ) -> Result<Option<Chosen>, EngineError> {
        let needed = self.needs(runtime)?;
        let usage = runtime.history.usage()?;
        let first = tried.is_none();
        let tried = tried.get_or_insert_default();
        let unneeded = first && usage.snapshots > needed.count();
        let Needs { kept, mut gives } = needed;
        gives.retain(|give| give.snapshots.iter().any(|id| !tried.contains(id)));
        let going = if unneeded {
            BTreeSet::new()
        } else {
            let too_much = Budget {
                recorded: usage.bytes.saturating_sub(budget.recorded),
                by_hand: usage.bytes.saturating_sub(budget.by_hand),
            };
            let count = share(too_much.recorded, usage.bytes, usage.snapshots, gives.len());
            take(&gives, too_much, count, |snapshot| self.weight(runtime, snapshot))?
        };
        if !unneeded && going.is_empty() {
            return Ok(None);
        }
        tried.extend(going.iter().cloned());
        let steps = self.steps_of(runtime, &going)?;
        // Marked before, so that no node and no step ever promises what is not there.
        let marked: Vec<SnapshotId> = going.iter().cloned().collect();
        let nodes = self.store().mark_snapshots(&runtime.id, &marked, THINNED, SnapshotMark::Gone)?;
        let told: Vec<_> = steps.iter().map(|(id, step)| (id.clone(), Some(step.clone()))).collect();
        self.store().thin_restores(&told)?;
        let rest = gives.into_iter().flat_map(|give| give.snapshots).filter(|id| !going.contains(id));
        let keep: BTreeSet<SnapshotId> = kept.into_iter().chain(rest).collect();
        let thinning = runtime.history.thinning(&keep)?;
        let steps = steps.into_iter().map(|(_, step)| step).collect();
        Ok(Some(Chosen { going, nodes, steps, thinning }))
    }

    /// The steps that lead to what is about to go, and what to tell of them.
    fn steps_of(
        &self,
        runtime: &Runtime,
        going: &BTreeSet<SnapshotId>,
    ) -> Result<Vec<(RestoreId, DroppedStep)>, EngineError> {
        let nodes = self.store().node_snapshots(&runtime.id)?;
        let present = self.store().session(&runtime.id)?.head_snapshot;
        let mut steps = Vec::new();
        for row in self.store().restores(&runtime.id)? {
            let Some(lead) = row.leads_to().filter(|lead| going.contains(lead)) else { continue };
            let is_recorded = nodes
                .iter()
                .any(|node| node.base.as_ref() == Some(lead) || node.snapshot.as_ref() == Some(lead));
            let files =
                if is_recorded { Vec::new() } else { files_of(runtime, &row, lead, present.as_ref())? };
            let step = DroppedStep {
                title: row.title.clone(),
                made_at: row.made_at,
                dropped_at: self.now(),
                files: u32::try_from(files.len()).unwrap_or(u32::MAX),
                paths: files.into_iter().take(REMEMBERED).collect(),
            };
            steps.push((row.id, step));
        }
        Ok(steps)
    }

    fn needs(&self, runtime: &Runtime) -> Result<Needs, EngineError> {
        let row = self.store().session(&runtime.id)?;
        let sites = self.store().deployments(&runtime.id)?;
        let published: HashSet<_> = sites.into_iter().filter_map(|site| site.node_id).collect();
        Ok(needs(
            &self.store().node_snapshots(&runtime.id)?,
            &self.store().restores(&runtime.id)?,
            &published,
            (row.current_node.as_ref(), row.head_snapshot.as_ref()),
            |snapshot| runtime.history.holds(snapshot),
        ))
    }
}

/// The snapshots that go next: those of as many that may go, in their order, that `count` snapshots are free; and only if
/// none of these is left, those of steps that lead to work by hand, no more of them than weigh too much by `weight`.
fn take(
    gives: &[Give],
    too_much: Budget,
    count: usize,
    weight: impl Fn(&SnapshotId) -> Result<u64, EngineError>,
) -> Result<BTreeSet<SnapshotId>, EngineError> {
    let mut needed: HashMap<&SnapshotId, usize> = HashMap::new();
    for snapshot in gives.iter().flat_map(|give| &give.snapshots) {
        *needed.entry(snapshot).or_default() += 1;
    }
    let (mut going, mut bytes) = (BTreeSet::new(), 0);
    for give in gives {
        let enough = match give.what {
            GiveWhat::Recorded => too_much.recorded == 0 || going.len() >= count,
            GiveWhat::ByHand => bytes >= too_much.by_hand || (bytes == 0 && !going.is_empty()),
        };
        if enough {
            // Those that lead to work by hand come last, and may be asked for more.
            if give.what == GiveWhat::Recorded && too_much.recorded == 0 {
                continue;
            }
            break;
        }
        for snapshot in &give.snapshots {
            let Some(left) = needed.get_mut(snapshot) else { continue };
            *left -= 1;
            if *left == 0 {
                going.insert(snapshot.clone());
                if give.what == GiveWhat::ByHand {
                    // What weighs nothing by itself goes, too.
                    bytes += weight(snapshot)?.max(1);
                }
            }
        }
    }
    Ok(going)
}

/// The files that a step would have brought back.
fn files_of(
    runtime: &Runtime,
    row: &RestoreRow,
    lead: &SnapshotId,
    present: Option<&SnapshotId>,
) -> Result<Vec<String>, EngineError> {
    let present = present.filter(|present| runtime.history.holds(present));
    let changes = match runtime.history.diff(present, lead) {
        Ok(changes) => changes,
        // What is damaged cannot be named.
        Err(error) if error.is_damage() => return Ok(Vec::new()),
        Err(error) => return Err(error.into()),
    };
    let files = changes.into_iter().filter(|change| change.kind != ChangeKind::Deleted);
    let listed = |path: &String| row.paths.as_ref().is_none_or(|paths| covers(paths, path));
    Ok(files.map(|change| change.path).filter(listed).collect())
}

/// Names the work by hand that went with steps; `None` if there was none.
pub(crate) fn names(steps: &[DroppedStep]) -> Option<String> {
    let all: u32 = steps.iter().map(|step| step.files).sum();
    let paths: Vec<&String> = steps.iter().flat_map(|step| &step.paths).take(NAMED).collect();
    (!paths.is_empty()).then(|| told(&paths, all as usize))
}

/// Names the first of these paths, and how many there are more.
pub(crate) fn shortened(paths: &[String]) -> String {
    told(&paths.iter().take(NAMED).collect::<Vec<_>>(), paths.len())
}

fn told(first: &[&String], all: usize) -> String {
    let names = first.iter().map(|path| path.as_str()).collect::<Vec<_>>().join(", ");
    match all.saturating_sub(first.len()) {
        0 => names,
        more => format!("{names} and {more} more"),
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
