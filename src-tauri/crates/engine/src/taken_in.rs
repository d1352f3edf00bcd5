//! What the history of a session holds and the database does not know of: the database was put back from a copy, or lost
//! its last words with the power.

use std::collections::HashSet;

use okcvm_protocol::{RestoreId, RestoreScope, SnapshotId};
use okcvm_snapshots::{PageRequest, SnapshotInfo};
use okcvm_store::{RestoreRow, RestoreState};

use crate::runtime::Runtime;
use crate::{Engine, EngineError};

/// Snapshots that are looked through at a time.
const PAGE: usize = 50;

impl Runtime {
    /// Makes each state that was recorded after all that the database knows of a step of the undo stack. The caller is
    /// the one who writes.
    pub(crate) fn take_in_unknown(&self, engine: &Engine) -> Result<(), EngineError> {
        let store = engine.store();
        let Some((last, until)) = store.recorded(&self.id)? else { return self.note_recorded(engine) };
        if self.history.newest()?.is_some_and(|(newest, _)| Some(newest) != last) {
            let found = self.recorded_after(last.as_ref(), until)?;
            let head = store.session(&self.id)?.head_snapshot;
            let known = self.known_snapshots(engine, head.as_ref())?;
            let mut steps = Vec::new();
            for info in found {
                let is_present = match &head {
                    Some(head) if self.history.holds(head) => self.history.same_files(&info.id, head)?,
                    _ => false,
                };
                if !known.contains(&info.id) && !is_present {
                    steps.push(RestoreRow {
                        id: RestoreId::new(),
                        session_id: self.id.clone(),
                        made_at: info.at_ms,
                        state: RestoreState::Done,
                        title: format!(
                            "Found in the history: {}",
                            info.message.lines().next().unwrap_or_default()
                        ),
                        scope: RestoreScope::Files,
                        paths: None,
                        from_node: None,
                        to_node: None,
                        before: Some(info.id.clone()),
                        after: Some(head.clone().unwrap_or(info.id)),
                    });
                }
            }
            if !steps.is_empty() {
                store.put_restores(&steps)?;
                tracing::warn!(session = %self.id, states = steps.len(), "the database did not know of them");
                self.remark(
                    "The history of this session holds later states of the files than its list of turns knows, as after \
                     the database was put back from a copy. Undo leads to them.",
                );
            }
        }
        self.note_recorded(engine)
    }

    /// Notes that the database knows of all that was recorded until now.
    pub(crate) fn note_recorded(&self, engine: &Engine) -> Result<(), EngineError> {
        if let Some((newest, at)) = self.history.newest()? {
            engine.store().set_recorded(&self.id, &newest, at)?;
        }
        Ok(())
    }

    /// What the history holds after a snapshot, or, if that is gone or not known, what is later than a moment. The oldest
    /// first.
    fn recorded_after(
        &self,
        last: Option<&SnapshotId>,
        until: i64,
    ) -> Result<Vec<SnapshotInfo>, EngineError> {
        let is_there = |id: &&SnapshotId| {
            self.history.page(&PageRequest { before: Some((*id).clone()), count: 0 }).is_ok()
        };
        let last = last.filter(is_there);
        let is_unknown = |info: &SnapshotInfo| match last {
            Some(last) => info.id != *last,
            None => info.at_ms > until,
        };
        let mut found: Vec<SnapshotInfo> = Vec::new();
        loop {
            let before = found.last().map(|info| info.id.clone());
            let page = self.history.page(&PageRequest { before, count: PAGE })?;
            let (count, before) = (page.len(), found.len());
            found.extend(page.into_iter().take_while(is_unknown));
            if count < PAGE || found.len() < before + count {
                found.reverse();
                return Ok(found);
            }
        }
    }

    fn known_snapshots(
        &self,
        engine: &Engine,
        head: Option<&SnapshotId>,
    ) -> Result<HashSet<SnapshotId>, EngineError> {
        let nodes = engine.store().node_snapshots(&self.id)?;
        let restores = engine.store().restores(&self.id)?;
        let of_nodes = nodes.into_iter().flat_map(|node| [node.previous, node.base, node.snapshot]);
        let of_steps = restores.into_iter().flat_map(|row| [row.before, row.after]);
        Ok(of_nodes.chain(of_steps).flatten().chain(head.cloned()).collect())
    }
}
