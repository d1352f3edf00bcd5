//! The undo stack of restores. A restore is written as an intent first, so that one that was cut short is finished
//! at the next start.

use okcvm_protocol::{NodeId, RestoreId, RestoreScope, SessionId, SnapshotId};
use rusqlite::{Connection, Row, params};

use crate::error::Doing;
use crate::store::{from_optional, to_text};
use crate::{Store, StoreError};

/// How a restore stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestoreState {
    /// Begun: files may be half-way.
    Intent,
    /// Done; undo takes it back.
    Done,
    /// Being taken back: files may be half-way.
    UndoIntent,
    /// Taken back; redo does it again.
    Undone,
    /// Being done again: files may be half-way.
    RedoIntent,
    /// Can no longer be done again, as the tree has grown.
    Dropped,
}

impl RestoreState {
    fn text(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Done => "done",
            Self::UndoIntent => "undo-intent",
            Self::Undone => "undone",
            Self::RedoIntent => "redo-intent",
            Self::Dropped => "dropped",
        }
    }

    fn parse(text: &str) -> Self {
        match text {
            "intent" => Self::Intent,
            "done" => Self::Done,
            "undo-intent" => Self::UndoIntent,
            "undone" => Self::Undone,
            "redo-intent" => Self::RedoIntent,
            _ => Self::Dropped,
        }
    }
}

/// One step of the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreRow {
    /// Its identifier.
    pub id: RestoreId,
    /// Its session.
    pub session_id: SessionId,
    /// When.
    pub made_at: i64,
    /// How it stands.
    pub state: RestoreState,
    /// What it did, in words.
    pub title: String,
    /// What it moves: files, conversation, or both.
    pub scope: RestoreScope,
    /// Only these files and folders; all if absent.
    pub paths: Option<Vec<String>>,
    /// The current node before.
    pub from_node: Option<NodeId>,
    /// The current node after.
    pub to_node: Option<NodeId>,
    /// The files before; `None` if the files were not touched.
    pub before: Option<SnapshotId>,
    /// The files after; `None` if the files were not touched.
    pub after: Option<SnapshotId>,
}

fn read(row: &Row<'_>) -> rusqlite::Result<(RestoreRow, Option<String>)> {
    let restore = RestoreRow {
        id: RestoreId(row.get(0)?),
        session_id: SessionId(row.get(1)?),
        made_at: row.get(2)?,
        state: RestoreState::parse(&row.get::<_, String>(3)?),
        title: row.get(4)?,
        scope: match row.get::<_, String>(5)?.as_str() {
            "files" => RestoreScope::Files,
            "conversation" => RestoreScope::Conversation,
            _ => RestoreScope::All,
        },
        paths: None,
        from_node: row.get::<_, Option<String>>(6)?.map(NodeId),
        to_node: row.get::<_, Option<String>>(7)?.map(NodeId),
        before: row.get::<_, Option<String>>(8)?.map(SnapshotId),
        after: row.get::<_, Option<String>>(9)?.map(SnapshotId),
    };
    Ok((restore, row.get(10)?))
}

fn scope_text(scope: RestoreScope) -> &'static str {
    match scope {
        RestoreScope::All => "all",
        RestoreScope::Files => "files",
        RestoreScope::Conversation => "conversation",
    }
}

/// The session goes on another way than to do again what was undone, which cannot be done again from here on. Where that
/// would lose files that were changed by hand (no turn holds them), the taking back becomes a step that can itself be
/// taken back.
pub(crate) fn supersede_undone(connection: &Connection, session: &SessionId) -> Result<(), StoreError> {
    for sql in [
        "UPDATE restores SET state = 'dropped' WHERE session_id = ?1 AND state = 'undone' AND (after_snapshot IS NULL \
         OR after_snapshot IN (SELECT snapshot FROM nodes WHERE session_id = ?1 AND snapshot IS NOT NULL))",
        "UPDATE restores SET state = 'done', title = CASE \
         WHEN title LIKE 'Undoing of “%”' THEN substr(title, 13, length(title) - 13) \
         ELSE 'Undoing of “' || title || '”' END, from_node = to_node, \
         to_node = from_node, before_snapshot = after_snapshot, after_snapshot = before_snapshot \
         WHERE session_id = ?1 AND state = 'undone'",
    ] {
        connection.execute(sql, [session.as_str()]).doing("superseding what was undone")?;
    }
    Ok(())
}

impl Store {
    /// Writes or rewrites a step of the stack.
    pub fn put_restore(&self, row: &RestoreRow) -> Result<(), StoreError> {
        self.put_restores(std::slice::from_ref(row))
    }

    /// Writes or rewrites several steps, all or none.
    pub fn put_restores(&self, rows: &[RestoreRow]) -> Result<(), StoreError> {
        let mut connection = self.connection();
        let transaction = connection.transaction().doing("noting a restore")?;
        for row in rows {
            let paths = row.paths.as_ref().map(|paths| to_text("restores.paths", paths)).transpose()?;
            transaction
                .execute(
                    "INSERT INTO restores (id, session_id, made_at, state, title, scope, from_node, to_node, \
                     before_snapshot, after_snapshot, paths) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) \
                     ON CONFLICT (id) DO UPDATE SET state = excluded.state, from_node = excluded.from_node, \
                     to_node = excluded.to_node, before_snapshot = excluded.before_snapshot, \
                     after_snapshot = excluded.after_snapshot",
                    params![
                        row.id.as_str(),
                        row.session_id.as_str(),
                        row.made_at,
                        row.state.text(),
                        row.title,
                        scope_text(row.scope),
                        row.from_node.as_ref().map(NodeId::as_str),
                        row.to_node.as_ref().map(NodeId::as_str),
                        row.before.as_ref().map(SnapshotId::as_str),
                        row.after.as_ref().map(SnapshotId::as_str),
                        paths
                    ],
                )
                .doing("noting a restore")?;
        }
        transaction.commit().doing("noting a restore")?;
        Ok(())
    }

    /// Writes a step beneath all others: undo comes to it last.
    pub fn put_restore_last(&self, row: &RestoreRow) -> Result<(), StoreError> {
        self.put_restore(row)?;
        self.connection()
            .execute(
                "UPDATE restores SET rowid = (SELECT min(rowid) - 1 FROM restores) WHERE id = ?1",
                [row.id.as_str()],
            )
            .doing("noting a restore")?;
        Ok(())
    }

    /// Ends a step: its new state, the current node and what the files equal, in one transaction. A new restore takes
    /// the place of what was undone before it; see [`supersede_undone`].
    pub fn finish_restore(
        &self,
        row: &RestoreRow,
        state: RestoreState,
        node: Option<&NodeId>,
        head: Option<&SnapshotId>,
    ) -> Result<(), StoreError> {
        let mut connection = self.connection();
        let transaction = connection.transaction().doing("ending a restore")?;
        if row.state == RestoreState::Intent {
            supersede_undone(&transaction, &row.session_id)?;
        }
        transaction
            .execute("UPDATE restores SET state = ?2 WHERE id = ?1", [row.id.as_str(), state.text()])
            .doing("ending a restore")?;
        if let Some(node) = node {
            // The conversation never ends with what lies in the trash.
            crate::trash::recover(&transaction, node)?;
        }
        transaction
            .execute(
                "UPDATE sessions SET current_node = ?2, head_snapshot = coalesce(?3, head_snapshot) WHERE id = ?1",
                params![
                    row.session_id.as_str(),
                    node.map(NodeId::as_str),
                    head.map(SnapshotId::as_str)
                ],
            )
            .doing("ending a restore")?;
        transaction.commit().doing("ending a restore")?;
        Ok(())
    }

    /// The stack of a session, oldest first, without dropped steps.
    pub fn restores(&self, session: &SessionId) -> Result<Vec<RestoreRow>, StoreError> {
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached(
                "SELECT id, session_id, made_at, state, title, scope, from_node, to_node, before_snapshot, after_snapshot, \
                 paths FROM restores WHERE session_id = ?1 AND state <> 'dropped' ORDER BY rowid",
            )
            .doing("reading the undo stack")?;
        let rows: Vec<_> = statement
            .query_map([session.as_str()], read)
            .doing("reading the undo stack")?
            .collect::<Result<_, _>>()
            .doing("reading the undo stack")?;
        rows.into_iter()
            .map(|(mut restore, paths)| {
                restore.paths = from_optional("restores.paths", paths)?;
                Ok(restore)
            })
            .collect()
    }
}
