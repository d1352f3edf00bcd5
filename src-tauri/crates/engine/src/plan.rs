//! What a move would do to the files, and who wrote them last.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use okcvm_protocol::{
    ChangeKind, FileChange, NodeId, NodeSummary, RestoreChange, RestorePlan, RestoreScope, SessionId,
    SnapshotId, Writer,
};
use okcvm_snapshots::Author;

use crate::restore::{Paths, partly_restorable, restorable};
use crate::runtime::Runtime;
use crate::{Engine, EngineError};

impl Engine {
    /// What a restore would do. Touches no file. Blocking.
    pub fn plan_restore(
        &self,
        session: &SessionId,
        node: &NodeId,
        scope: RestoreScope,
        paths: Option<&[String]>,
    ) -> Result<RestorePlan, EngineError> {
        let runtime = self.runtime_in_its_folder(session)?;
        let row = self.node_of(session, node)?;
        let paths = Paths::checked(&runtime, scope, paths)?;
        let session_row = self.store().session(session)?;
        let mut plan = RestorePlan {
            node_id: node.clone(),
            scope,
            changes: Vec::new(),
            unsaved: Vec::new(),
            turns_left: 0,
            unwritten: Vec::new(),
            refusal: self.may_move(&runtime).err().map(|error| error.to_app_error()),
        };
        if scope != RestoreScope::Files {
            let kept: HashSet<NodeId> = self.store().path_to(node)?.into_iter().collect();
            let present = match &session_row.current_node {
                Some(current) => self.store().path_to(current)?,
                None => Vec::new(),
            };
            plan.turns_left = present.iter().filter(|left| !kept.contains(left)).count() as u32;
        }
        if scope == RestoreScope::Conversation {
            return Ok(plan);
        }
        let target = match &paths {
            Paths::All => restorable(&row)?,
            Paths::Some(_) => partly_restorable(&row)?,
        };
        paths.must_be_somewhere(&runtime, &target)?;
        // To compare with the files as they are now, their contents are taken into the history.
        self.store().must_be_writable()?;
        runtime.heed_limits(self);
        let head = session_row.head_snapshot.as_ref();
        plan.unsaved = runtime.history.compare_live(&runtime.workspace()?, head)?;
        let recorded = runtime.history.diff(head, &target)?;
        let mut changes = live_to_target(&plan.unsaved, &recorded);
        changes.retain(|(path, _)| paths.contain(path));
        match runtime.history.foresee_restore(&runtime.workspace()?, &target, &paths.what()) {
            Ok(unwritten) => {
                let stay: HashSet<&str> = unwritten.iter().map(|left| left.path.as_str()).collect();
                changes.retain(|(path, _)| !stay.contains(path.as_str()));
                plan.unwritten = unwritten;
            }
            Err(error) => {
                plan.refusal.get_or_insert_with(|| EngineError::from(error).to_app_error());
            }
        }
        plan.changes = self.with_writers(&runtime, head, &plan.unsaved, changes)?;
        Ok(plan)
    }

    /// Whether a move could begin now: nobody else has the session, and no turn runs.
    pub(crate) fn may_move(&self, runtime: &Runtime) -> Result<(), EngineError> {
        runtime.workspace()?;
        if !runtime.try_write(self)? {
            return Err(runtime.why_read_only(self));
        }
        if runtime.running_node().is_some() { Err(EngineError::Busy) } else { Ok(()) }
    }

    /// Names who wrote each file last: the user if it is not recorded yet, else whose snapshot holds its last change.
    pub(crate) fn with_writers(
        &self,
        runtime: &Runtime,
        head: Option<&SnapshotId>,
        unsaved: &[FileChange],
        changes: Vec<(String, ChangeKind)>,
    ) -> Result<Vec<RestoreChange>, EngineError> {
        let paths: Vec<String> = changes.iter().map(|(path, _)| path.clone()).collect();
        let writers = match head {
            Some(head) => runtime.history.last_writer(head, &paths)?,
            None => BTreeMap::new(),
        };
        let nodes = self.store().whole_topology(&runtime.id)?;
        let by_snapshot = writers_by_snapshot(&nodes);
        let by_hand: HashSet<&String> = unsaved.iter().map(|change| &change.path).collect();
        Ok(changes
            .into_iter()
            .map(|(path, kind)| {
                let written_by = if by_hand.contains(&path) {
                    Writer::User
                } else {
                    writers
                        .get(&path)
                        .map_or(Writer::Unknown, |snapshot| writer(runtime, &by_snapshot, snapshot))
                };
                RestoreChange { path, kind, written_by }
            })
            .collect())
    }
}

/// Who made a snapshot.
pub(crate) fn writer(
    runtime: &Runtime,
    by_snapshot: &HashMap<&SnapshotId, &NodeSummary>,
    snapshot: &SnapshotId,
) -> Writer {
    match by_snapshot.get(snapshot) {
        Some(node) => Writer::Agent { node_id: node.id.clone(), title: node.title.clone() },
        None => match runtime.history.author(snapshot) {
            Ok(Author::User) => Writer::User,
            Ok(Author::Agent | Author::Unknown) | Err(_) => Writer::Unknown,
        },
    }
}

/// What would happen to each live file: `unsaved` leads from the last record to the live files, `recorded` from the last
/// record to the target.
fn live_to_target(unsaved: &[FileChange], recorded: &[FileChange]) -> Vec<(String, ChangeKind)> {
    // Whether a path is there after some changes; `None` if they do not touch it.
    let after = |changes: &[FileChange], path: &str| {
        changes.iter().find_map(|change| {
            if change.path == path {
                Some(change.kind != ChangeKind::Deleted)
            } else {
                (change.old_path.as_deref() == Some(path)).then_some(false)
            }
        })
    };
    // Whether it was there before them.
    let before = |changes: &[FileChange], path: &str| {
        changes.iter().find_map(|change| {
            if change.old_path.as_deref() == Some(path) {
                Some(true)
            } else {
                let new = matches!(change.kind, ChangeKind::Added | ChangeKind::Renamed);
                (change.path == path).then_some(!new)
            }
        })
    };
    let touched =
        unsaved.iter().chain(recorded).flat_map(|change| [Some(&change.path), change.old_path.as_ref()]);
    let paths: BTreeSet<&String> = touched.flatten().collect();
    paths
        .into_iter()
        .filter_map(|path| {
            let last = before(unsaved, path).or_else(|| before(recorded, path)).unwrap_or(true);
            let live = after(unsaved, path).unwrap_or(last);
            let target = after(recorded, path).unwrap_or(last);
            let kind = match (live, target) {
                (true, true) => ChangeKind::Modified,
                (false, true) => ChangeKind::Added,
                (true, false) => ChangeKind::Deleted,
                (false, false) => return None,
            };
            Some((path.clone(), kind))
        })
        .collect()
}

/// The node that made each snapshot: the first that holds it and did not begin with it.
pub(crate) fn writers_by_snapshot(nodes: &[NodeSummary]) -> HashMap<&SnapshotId, &NodeSummary> {
    let mut writers = HashMap::new();
    for node in nodes {
        if let Some(snapshot) = &node.snapshot
            && node.base_snapshot.as_ref() != Some(snapshot)
        {
            writers.entry(snapshot).or_insert(node);
        }
    }
    writers
}
