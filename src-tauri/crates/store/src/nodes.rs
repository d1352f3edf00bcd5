//! Nodes of the session tree, and the to-do list at each.

use std::collections::HashSet;

use okcvm_protocol::{
    AppError, ChangeCounts, NodeId, NodeStatus, NodeSummary, SessionId, SnapshotId, Todo, UserMessage,
};
use rusqlite::{OptionalExtension, Row, params};

use crate::error::Doing;
use crate::store::{from_optional, from_text, to_text};
use crate::{Store, StoreError};

/// A node to be made. Its turn runs.
#[derive(Debug, Clone, PartialEq)]
pub struct NewNode {
    /// Its session.
    pub session_id: SessionId,
    /// The node it grows from.
    pub parent_id: Option<NodeId>,
    /// The start of the message.
    pub title: String,
    /// What the user said.
    pub message: UserMessage,
    /// Now.
    pub at: i64,
}

/// A node as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeRow {
    /// As the tree shows it.
    pub summary: NodeSummary,
    /// Its session.
    pub session_id: SessionId,
    /// What the user said.
    pub message: UserMessage,
    /// What the live files equalled before the user's changes were recorded.
    pub previous_snapshot: Option<SnapshotId>,
    /// Why it failed or was stopped.
    pub error: Option<AppError>,
}

/// Whether snapshots went or came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotMark {
    /// They cannot be restored.
    Gone,
    /// They can.
    Back,
}

/// The snapshots of a node, and what decides whether they are needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeSnapshots {
    /// The node.
    pub id: NodeId,
    /// The node it grows from.
    pub parent_id: Option<NodeId>,
    /// How its turn stands.
    pub status: NodeStatus,
    /// The user gave it a name.
    pub labelled: bool,
    /// The user saved a copy of it.
    pub exported: bool,
    /// What the live files equalled before the user's changes were recorded.
    pub previous: Option<SnapshotId>,
    /// The files before the turn.
    pub base: Option<SnapshotId>,
    /// The files after the turn.
    pub snapshot: Option<SnapshotId>,
}

impl NodeSnapshots {
    /// All that there are.
    pub fn all(&self) -> impl Iterator<Item = &SnapshotId> {
        self.previous.iter().chain(&self.base).chain(&self.snapshot)
    }
}

/// What a tree shows of a node.
const SUMMARY: &str = "id, parent_id, title, label, started_at, ended_at, status, base_snapshot, snapshot, changes, \
                       user_changes, not_restorable, deleted_at, untrusted, exported_at";
/// Columns of [`SUMMARY`].
const SUMMARY_LENGTH: usize = 15;
/// What else a node is.
const CONTENT: &str = "session_id, message, previous_snapshot, error";

struct SummaryTexts {
    status: String,
    changes: Option<String>,
    user_changes: Option<String>,
    untrusted: Option<String>,
}

struct Texts {
    summary: SummaryTexts,
    message: String,
    error: Option<String>,
}

fn read_summary(row: &Row<'_>) -> rusqlite::Result<(NodeSummary, SummaryTexts)> {
    let snapshot = |index: usize| row.get::<_, Option<String>>(index).map(|id| id.map(SnapshotId));
    let summary = NodeSummary {
        id: NodeId(row.get(0)?),
        parent_id: row.get::<_, Option<String>>(1)?.map(NodeId),
        title: row.get(2)?,
        label: row.get(3)?,
        started_at: row.get(4)?,
        ended_at: row.get(5)?,
        status: NodeStatus::Running,
        base_snapshot: snapshot(7)?,
        snapshot: snapshot(8)?,
        changes: None,
        user_changes: None,
        not_restorable: row.get(11)?,
        deleted_at: row.get(12)?,
        untrusted: Vec::new(),
        exported_at: row.get(14)?,
        durable: None,
        changes_lost: None,
    };
    let texts = SummaryTexts {
        status: row.get(6)?,
        changes: row.get(9)?,
        user_changes: row.get(10)?,
        untrusted: row.get(13)?,
    };
    Ok((summary, texts))
}

fn complete_summary((mut summary, texts): (NodeSummary, SummaryTexts)) -> Result<NodeSummary, StoreError> {
    // Most nodes of a long tree stand like this, and a parser takes its time.
    summary.status = match texts.status.as_str() {
        "\"completed\"" => NodeStatus::Completed,
        other => from_text("nodes.status", other)?,
    };
    summary.changes = from_optional::<ChangeCounts>("nodes.changes", texts.changes)?;
    summary.user_changes = from_optional::<ChangeCounts>("nodes.user_changes", texts.user_changes)?;
    summary.untrusted = from_optional("nodes.untrusted", texts.untrusted)?.unwrap_or_default();
    Ok(summary)
}

fn read(row: &Row<'_>) -> rusqlite::Result<(NodeRow, Texts)> {
    let (summary, texts) = read_summary(row)?;
    let node = NodeRow {
        summary,
        session_id: SessionId(row.get(SUMMARY_LENGTH)?),
        message: UserMessage { text: String::new(), attachments: Vec::new() },
        previous_snapshot: row.get::<_, Option<String>>(SUMMARY_LENGTH + 2)?.map(SnapshotId),
        error: None,
    };
    let texts =
        Texts { summary: texts, message: row.get(SUMMARY_LENGTH + 1)?, error: row.get(SUMMARY_LENGTH + 3)? };
    Ok((node, texts))
}

fn complete((mut node, texts): (NodeRow, Texts)) -> Result<NodeRow, StoreError> {
    node.summary = complete_summary((node.summary, texts.summary))?;
    node.message = from_text("nodes.message", &texts.message)?;
    node.error = from_optional("nodes.error", texts.error)?;
    Ok(node)
}

impl Store {
    /// Stores the message and makes its node the current one, in one transaction.
    pub fn begin_node(&self, new: &NewNode) -> Result<NodeRow, StoreError> {
        let id = NodeId::new();
        {
            let mut connection = self.connection();
            let transaction = connection.transaction().doing("beginning a turn")?;
            transaction
                .execute(
                    "INSERT INTO nodes (id, session_id, parent_id, title, started_at, status, message, untrusted) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, \
                             (SELECT untrusted FROM sessions WHERE id = ?2 AND ?3 IS NULL))",
                    params![
                        id.as_str(),
                        new.session_id.as_str(),
                        new.parent_id.as_ref().map(NodeId::as_str),
                        new.title,
                        new.at,
                        to_text("nodes.status", &NodeStatus::Running)?,
                        to_text("nodes.message", &new.message)?
                    ],
                )
                .doing("beginning a turn")?;
            transaction
                .execute(
                    "UPDATE sessions SET current_node = ?2, updated_at = ?3 WHERE id = ?1",
                    params![new.session_id.as_str(), id.as_str(), new.at],
                )
                .doing("beginning a turn")?;
            if let Some(parent) = &new.parent_id {
                crate::trash::recover(&transaction, parent)?;
            }
            // What was undone before cannot be done again after the tree has grown.
            crate::restores::supersede_undone(&transaction, &new.session_id)?;
            transaction.commit().doing("beginning a turn")?;
        }
        self.node(&id)
    }

    /// One node.
    pub fn node(&self, id: &NodeId) -> Result<NodeRow, StoreError> {
        let row = self
            .connection()
            .query_row(&format!("SELECT {SUMMARY}, {CONTENT} FROM nodes WHERE id = ?1"), [id.as_str()], read)
            .optional()
            .doing("reading a node")?;
        row.map_or_else(|| Err(StoreError::Missing { what: "node", id: id.to_string() }), complete)
    }

    /// The tree of a session without its content, oldest node first; what lies in the trash is left out.
    pub fn topology(&self, session: &SessionId) -> Result<Vec<NodeSummary>, StoreError> {
        self.summaries(session, "deleted_at IS NULL")
    }

    /// The same with what lies in the trash.
    pub fn whole_topology(&self, session: &SessionId) -> Result<Vec<NodeSummary>, StoreError> {
        self.summaries(session, "TRUE")
    }

    /// Nodes whose turn was running when their program ended, in one session.
    pub fn running_nodes(&self, session: &SessionId) -> Result<Vec<NodeSummary>, StoreError> {
        let running = to_text("nodes.status", &NodeStatus::Running)?;
        self.summaries(session, &format!("status = '{running}'"))
    }

    fn summaries(&self, session: &SessionId, which: &str) -> Result<Vec<NodeSummary>, StoreError> {
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached(&format!(
                "SELECT {SUMMARY} FROM nodes WHERE session_id = ?1 AND {which} ORDER BY started_at, id"
            ))
            .doing("reading the tree")?;
        let mut rows = statement.query([session.as_str()]).doing("reading the tree")?;
        let mut nodes = Vec::new();
        // Row by row: a tree may have ten thousand, and a window waits for it.
        while let Some(row) = rows.next().doing("reading the tree")? {
            nodes.push(complete_summary(read_summary(row).doing("reading the tree")?)?);
        }
        Ok(nodes)
    }

    /// The snapshots of all nodes of a session, those in the trash included, oldest node first.
    pub fn node_snapshots(&self, session: &SessionId) -> Result<Vec<NodeSnapshots>, StoreError> {
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached(
                "SELECT id, parent_id, status, label IS NOT NULL, previous_snapshot, base_snapshot, snapshot, \
                 exported_at IS NOT NULL FROM nodes WHERE session_id = ?1 ORDER BY started_at, id",
            )
            .doing("reading the snapshots of a session")?;
        let rows: Vec<(NodeSnapshots, String)> = statement
            .query_map([session.as_str()], |row| {
                let snapshot =
                    |index: usize| row.get::<_, Option<String>>(index).map(|id| id.map(SnapshotId));
                let node = NodeSnapshots {
                    id: NodeId(row.get(0)?),
                    parent_id: row.get::<_, Option<String>>(1)?.map(NodeId),
                    status: NodeStatus::Running,
                    labelled: row.get(3)?,
                    exported: row.get(7)?,
                    previous: snapshot(4)?,
                    base: snapshot(5)?,
                    snapshot: snapshot(6)?,
                };
                Ok((node, row.get(2)?))
            })
            .doing("reading the snapshots of a session")?
            .collect::<Result<_, _>>()
            .doing("reading the snapshots of a session")?;
        rows.into_iter()
            .map(|(node, status)| Ok(NodeSnapshots { status: from_text("nodes.status", &status)?, ..node }))
            .collect()
    }

    /// The path from the root to a node, in that order.
    pub fn path_to(&self, end: &NodeId) -> Result<Vec<NodeId>, StoreError> {
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached(
                "WITH RECURSIVE path (id, parent_id, depth) AS (
                     SELECT id, parent_id, 0 FROM nodes WHERE id = ?1
                     UNION ALL
                     SELECT nodes.id, nodes.parent_id, depth + 1 FROM path JOIN nodes ON nodes.id = path.parent_id
                 )
                 SELECT id FROM path ORDER BY depth DESC",
            )
            .doing("reading the path to a node")?;
        statement
            .query_map([end.as_str()], |row| Ok(NodeId(row.get(0)?)))
            .doing("reading the path to a node")?
            .collect::<Result<_, _>>()
            .doing("reading the path to a node")
    }

    /// Notes the files before the turn: what they equalled, what was recorded, and what the user changed.
    pub fn set_node_base(
        &self,
        id: &NodeId,
        previous: Option<&SnapshotId>,
        base: &SnapshotId,
        user_changes: Option<&ChangeCounts>,
    ) -> Result<(), StoreError> {
        let user_changes = user_changes.map(|counts| to_text("nodes.user_changes", counts)).transpose()?;
        self.connection()
            .execute(
                "UPDATE nodes SET previous_snapshot = ?2, base_snapshot = ?3, user_changes = ?4 WHERE id = ?1",
                params![id.as_str(), previous.map(SnapshotId::as_str), base.as_str(), user_changes],
            )
            .doing("noting the files before a turn")?;
        Ok(())
    }

    /// Notes the files after the turn.
    pub fn set_node_snapshot(
        &self,
        id: &NodeId,
        snapshot: &SnapshotId,
        changes: &ChangeCounts,
    ) -> Result<(), StoreError> {
        self.connection()
            .execute(
                "UPDATE nodes SET snapshot = ?2, changes = ?3, not_restorable = NULL WHERE id = ?1",
                params![id.as_str(), snapshot.as_str(), to_text("nodes.changes", changes)?],
            )
            .doing("noting the files after a turn")?;
        Ok(())
    }

    /// Notes why the files of a node cannot be restored.
    pub fn set_not_restorable(&self, id: &NodeId, reason: &str) -> Result<(), StoreError> {
        self.connection()
            .execute("UPDATE nodes SET not_restorable = ?2 WHERE id = ?1", [id.as_str(), reason])
            .doing("noting a missing snapshot")?;
        Ok(())
    }

    /// Notes for every node of a session whose files after the turn are one of these snapshots why they cannot be
    /// restored, or that they can after all. Nodes with another reason keep it. Tells how many there are.
    pub fn mark_snapshots(
        &self,
        session: &SessionId,
        snapshots: &[SnapshotId],
        reason: &str,
        mark: SnapshotMark,
    ) -> Result<u32, StoreError> {
        let mut connection = self.connection();
        let transaction = connection.transaction().doing("marking nodes")?;
        let sql = match mark {
            SnapshotMark::Gone => {
                "UPDATE nodes SET not_restorable = ?3 \
                 WHERE session_id = ?1 AND snapshot = ?2 AND not_restorable IS NULL"
            }
            SnapshotMark::Back => {
                "UPDATE nodes SET not_restorable = NULL \
                 WHERE session_id = ?1 AND snapshot = ?2 AND not_restorable = ?3"
            }
        };
        let mut marked = 0;
        for snapshot in snapshots {
            let count = transaction
                .execute(sql, [session.as_str(), snapshot.as_str(), reason])
                .doing("marking nodes")?;
            marked += u32::try_from(count).unwrap_or(u32::MAX);
        }
        transaction.commit().doing("marking nodes")?;
        Ok(marked)
    }

    /// The snapshots of a session whose nodes are marked as not to be restored, each with the reason.
    pub fn marked_snapshots(&self, session: &SessionId) -> Result<Vec<(SnapshotId, String)>, StoreError> {
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached(
                "SELECT DISTINCT snapshot, not_restorable FROM nodes \
                 WHERE session_id = ?1 AND not_restorable IS NOT NULL AND snapshot IS NOT NULL",
            )
            .doing("reading marked nodes")?;
        let rows = statement
            .query_map([session.as_str()], |row| Ok((SnapshotId(row.get(0)?), row.get(1)?)))
            .doing("reading marked nodes")?;
        rows.collect::<Result<_, _>>().doing("reading marked nodes")
    }

    /// Ends the turn of a node.
    pub fn end_node(
        &self,
        id: &NodeId,
        status: NodeStatus,
        error: Option<&AppError>,
        at: i64,
    ) -> Result<(), StoreError> {
        let error = error.map(|error| to_text("nodes.error", error)).transpose()?;
        self.connection()
            .execute(
                "UPDATE nodes SET status = ?2, error = ?3, ended_at = ?4 WHERE id = ?1",
                params![id.as_str(), to_text("nodes.status", &status)?, error, at],
            )
            .doing("ending a turn")?;
        Ok(())
    }

    /// Names a node, or takes its name away.
    pub fn label_node(&self, id: &NodeId, label: Option<&str>) -> Result<(), StoreError> {
        self.connection()
            .execute("UPDATE nodes SET label = ?2 WHERE id = ?1", params![id.as_str(), label])
            .doing("naming a node")?;
        Ok(())
    }

    /// Notes when a copy of a node's files was saved.
    pub fn set_exported(&self, id: &NodeId, at: i64) -> Result<(), StoreError> {
        self.connection()
            .execute("UPDATE nodes SET exported_at = ?2 WHERE id = ?1", params![id.as_str(), at])
            .doing("noting a saved copy")?;
        Ok(())
    }

    /// Makes another node the current one, without a restore.
    pub fn set_current_node(&self, session: &SessionId, node: Option<&NodeId>) -> Result<(), StoreError> {
        self.connection()
            .execute(
                "UPDATE sessions SET current_node = ?2 WHERE id = ?1",
                params![session.as_str(), node.map(NodeId::as_str)],
            )
            .doing("moving in the tree")?;
        Ok(())
    }

    /// The to-do list as it stands at a node: its own, or that of the nearest node above it that has one.
    pub fn todos(&self, session: &SessionId, node: Option<&NodeId>) -> Result<Vec<Todo>, StoreError> {
        let path = node.map(|node| self.path_to(node)).transpose()?.unwrap_or_default();
        self.todos_along(session, &path)
    }

    /// The to-do list as it stands at the end of a path from the root.
    pub fn todos_along(&self, session: &SessionId, path: &[NodeId]) -> Result<Vec<Todo>, StoreError> {
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached("SELECT node_id FROM todos WHERE session_id = ?1")
            .doing("reading the to-do list")?;
        let written: HashSet<String> = statement
            .query_map([session.as_str()], |row| row.get(0))
            .doing("reading the to-do list")?
            .collect::<Result<_, _>>()
            .doing("reading the to-do list")?;
        let last = path.iter().rev().map(NodeId::as_str).find(|node| written.contains(*node)).unwrap_or("");
        let text: Option<String> = connection
            .query_row(
                "SELECT todos FROM todos WHERE session_id = ?1 AND node_id = ?2",
                [session.as_str(), last],
                |row| row.get(0),
            )
            .optional()
            .doing("reading the to-do list")?;
        Ok(from_optional("todos.todos", text)?.unwrap_or_default())
    }

    /// Replaces the to-do list at a node.
    pub fn set_todos(
        &self,
        session: &SessionId,
        node: Option<&NodeId>,
        todos: &[Todo],
    ) -> Result<(), StoreError> {
        self.connection()
            .execute(
                "INSERT INTO todos (session_id, node_id, todos) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (session_id, node_id) DO UPDATE SET todos = excluded.todos",
                params![session.as_str(), node.map_or("", NodeId::as_str), to_text("todos.todos", &todos)?],
            )
            .doing("writing the to-do list")?;
        Ok(())
    }
}
