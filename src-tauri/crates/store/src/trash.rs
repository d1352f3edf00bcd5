//! Branches in the trash. A branch goes there with all that grew from it; each node notes the node that it went with,
//! so that what was deleted together comes back together.

use okcvm_protocol::{NodeId, RestoreId, SessionId};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::error::Doing;
use crate::permissions::{Place, note_source, untrusted_along};
use crate::store::to_text;
use crate::{Store, StoreError};

/// A branch in the trash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrashedRow {
    /// Its session.
    pub session_id: SessionId,
    /// Its first node.
    pub node_id: NodeId,
    /// How many nodes went with it, itself included.
    pub nodes: u32,
    /// When.
    pub deleted_at: i64,
}

/// A node and all below it.
const BRANCH: &str = "WITH RECURSIVE branch (id) AS (
         SELECT id FROM nodes WHERE id = ?1
         UNION ALL
         SELECT nodes.id FROM branch JOIN nodes ON nodes.parent_id = branch.id
     )";

impl Store {
    /// Moves a node and all that grew from it to the trash, unless the conversation ends with one of them. Tells
    /// whether it was done.
    pub fn delete_branch(&self, session: &SessionId, node: &NodeId, at: i64) -> Result<bool, StoreError> {
        let mut connection = self.connection();
        let transaction = connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .doing("deleting a branch")?;
        if holds_current(&transaction, session, node)? {
            return Ok(false);
        }
        transaction
            .execute(
                &format!(
                    "{BRANCH} UPDATE nodes SET deleted_at = ?2, deleted_with = ?1 \
                     WHERE id IN branch AND deleted_at IS NULL"
                ),
                params![node.as_str(), at],
            )
            .doing("deleting a branch")?;
        transaction.commit().doing("deleting a branch")?;
        Ok(true)
    }

    /// Takes a node out of the trash with all that went with it, and with the branches that it hangs on.
    pub fn recover_branch(&self, node: &NodeId) -> Result<(), StoreError> {
        let mut connection = self.connection();
        let transaction = connection.transaction().doing("recovering a branch")?;
        recover(&transaction, node)?;
        transaction.commit().doing("recovering a branch")?;
        Ok(())
    }

    /// Removes a branch of the trash for good, with what hangs on it, unless the conversation ends with one of its
    /// nodes. Sites that it published stay. Steps of the undo stack that lead to it are dropped, unless they hold files
    /// that no node does: of those the files alone can still be brought back. Gives the nodes back.
    pub fn purge_branch(&self, session: &SessionId, node: &NodeId) -> Result<Vec<NodeId>, StoreError> {
        let mut connection = self.connection();
        let transaction = connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .doing("removing a branch")?;
        if holds_current(&transaction, session, node)? {
            return Ok(Vec::new());
        }
        let mut statement =
            transaction.prepare(&format!("{BRANCH} SELECT id FROM branch")).doing("removing a branch")?;
        let nodes: Vec<String> = statement
            .query_map([node.as_str()], |row| row.get(0))
            .doing("removing a branch")?
            .collect::<Result<_, _>>()
            .doing("removing a branch")?;
        drop(statement);
        leave_steps(&transaction, session, &nodes)?;
        for id in &nodes {
            for sql in [
                "UPDATE deployments SET node_id = NULL WHERE node_id = ?1",
                "DELETE FROM todos WHERE node_id = ?1",
                "DELETE FROM nodes WHERE id = ?1",
            ] {
                transaction.execute(sql, [id]).doing("removing a branch")?;
            }
        }
        transaction.commit().doing("removing a branch")?;
        Ok(nodes.into_iter().map(NodeId).collect())
    }

    /// Branches in the trash of a session, the latest first.
    pub fn trashed_branches(&self, session: &SessionId) -> Result<Vec<TrashedRow>, StoreError> {
        trashed(&self.connection(), "session_id = ?1", session.as_str())
    }

    /// Branches of all sessions that went to the trash before a moment. Those of sessions in the trash go with them.
    pub fn overdue_branches(&self, before: i64) -> Result<Vec<TrashedRow>, StoreError> {
        let which = "deleted_at < CAST(?1 AS INTEGER) \
                     AND session_id IN (SELECT id FROM sessions WHERE deleted_at IS NULL)";
        trashed(&self.connection(), which, &before.to_string())
    }
}

fn trashed(connection: &Connection, which: &str, value: &str) -> Result<Vec<TrashedRow>, StoreError> {
    let mut statement = connection
        .prepare_cached(&format!(
            "SELECT session_id, deleted_with, count(*), max(deleted_at) FROM nodes \
             WHERE deleted_with IS NOT NULL AND {which} GROUP BY deleted_with ORDER BY max(deleted_at) DESC, deleted_with"
        ))
        .doing("looking into the trash")?;
    statement
        .query_map([value], |row| {
            Ok(TrashedRow {
                session_id: SessionId(row.get(0)?),
                node_id: NodeId(row.get(1)?),
                nodes: row.get(2)?,
                deleted_at: row.get(3)?,
            })
        })
        .doing("looking into the trash")?
        .collect::<Result<_, _>>()
        .doing("looking into the trash")
}

/// Whether the conversation ends with a node or one below it.
fn holds_current(
    transaction: &Transaction<'_>,
    session: &SessionId,
    node: &NodeId,
) -> Result<bool, StoreError> {
    let found: Option<i64> = transaction
        .query_row(
            &format!("{BRANCH} SELECT 1 FROM sessions WHERE id = ?2 AND current_node IN branch"),
            [node.as_str(), session.as_str()],
            |row| row.get(0),
        )
        .optional()
        .doing("looking for the end of the conversation")?;
    Ok(found.is_some())
}

/// What becomes of the steps of the undo stack that lead from or to nodes that are about to go: one of files alone leads
/// to no node, and stays; so do the files of another one where they hold work by hand, which no node holds.
fn leave_steps(
    transaction: &Transaction<'_>,
    session: &SessionId,
    nodes: &[String],
) -> Result<(), StoreError> {
    let mut sources = Vec::new();
    for id in nodes {
        transaction
            .execute(
                "UPDATE restores SET state = 'dropped' \
                 WHERE (from_node = ?1 OR to_node = ?1) AND scope <> 'files' AND (before_snapshot IS NULL \
                 OR CASE state WHEN 'undone' THEN after_snapshot ELSE before_snapshot END IN \
                 (SELECT snapshot FROM nodes WHERE session_id = ?2 AND snapshot IS NOT NULL))",
                [id, session.as_str()],
            )
            .doing("removing a branch")?;
        let left = transaction
            .execute(
                "UPDATE restores SET scope = 'files', from_node = nullif(from_node, ?1), \
                 to_node = nullif(to_node, ?1) WHERE state <> 'dropped' AND (from_node = ?1 OR to_node = ?1)",
                [id],
            )
            .doing("removing a branch")?;
        if left + leave_hand_work(transaction, session, id, nodes)? > 0 {
            sources.append(&mut untrusted_along(transaction, id)?);
        }
    }
    // Where these files would come from is not known any more once the nodes are gone.
    let current: Option<String> = transaction
        .query_row("SELECT current_node FROM sessions WHERE id = ?1", [session.as_str()], |row| row.get(0))
        .doing("removing a branch")?;
    let place = match &current {
        Some(node) => Place { table: "nodes", id: node },
        None => Place { table: "sessions", id: session.as_str() },
    };
    sources.iter().try_for_each(|source| note_source(transaction, place, source).map(drop))
}

/// What was changed by hand before the turn of a node that is about to go, and stands nowhere else, becomes a step beneath
/// all others: undo comes to it last. How many steps that made.
fn leave_hand_work(
    transaction: &Transaction<'_>,
    session: &SessionId,
    node: &str,
    going: &[String],
) -> Result<usize, StoreError> {
    let found: Option<(String, String, i64)> = transaction
        .query_row(
            "SELECT title, base_snapshot, started_at FROM nodes WHERE id = ?1 AND user_changes IS NOT NULL \
             AND base_snapshot IS NOT NULL",
            [node],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .optional()
        .doing("removing a branch")?;
    let Some((title, base, at)) = found else { return Ok(0) };
    let going = to_text("nodes", &going)?;
    transaction
        .execute(
            "INSERT INTO restores (rowid, id, session_id, made_at, state, title, scope, before_snapshot, after_snapshot) \
             SELECT (SELECT coalesce(min(rowid), 1) - 1 FROM restores), ?1, id, ?2, 'done', ?3, 'files', ?4, \
             coalesce(head_snapshot, ?4) FROM sessions WHERE id = ?5 \
             AND NOT EXISTS (SELECT 1 FROM nodes WHERE session_id = ?5 AND ?4 IN (snapshot, base_snapshot) \
             AND id NOT IN (SELECT value FROM json_each(?6))) \
             AND NOT EXISTS (SELECT 1 FROM restores WHERE session_id = ?5 AND state <> 'dropped' \
             AND CASE state WHEN 'undone' THEN after_snapshot ELSE before_snapshot END = ?4)",
            params![
                RestoreId::new().as_str(),
                at,
                format!("Work by hand before “{title}”"),
                base,
                session.as_str(),
                going
            ],
        )
        .doing("removing a branch")
}

/// Takes the branches on the way to a node out of the trash.
pub(crate) fn recover(connection: &Connection, node: &NodeId) -> Result<(), StoreError> {
    // All that grew from a node in the trash lies there, too, so that a node outside hangs on none.
    let trashed: Option<bool> = connection
        .query_row("SELECT deleted_with IS NOT NULL FROM nodes WHERE id = ?1", [node.as_str()], |row| {
            row.get(0)
        })
        .optional()
        .doing("recovering a branch")?;
    if trashed != Some(true) {
        return Ok(());
    }
    connection
        .execute(
            "WITH RECURSIVE path (id, parent_id) AS (
                 SELECT id, parent_id FROM nodes WHERE id = ?1
                 UNION ALL
                 SELECT nodes.id, nodes.parent_id FROM path JOIN nodes ON nodes.id = path.parent_id
             )
             UPDATE nodes SET deleted_at = NULL, deleted_with = NULL WHERE deleted_with IN
                 (SELECT deleted_with FROM nodes WHERE id IN (SELECT id FROM path) AND deleted_with IS NOT NULL)",
            [node.as_str()],
        )
        .doing("recovering a branch")?;
    Ok(())
}
