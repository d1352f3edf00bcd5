//! The undo stack of restores. A restore is written as an intent first, so that one that was cut short is finished
//! at the next start.

use okcvm_protocol::{DroppedStep, NodeId, RestoreId, RestoreScope, SessionId, SnapshotId};
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
            // Put away, as it was before; see `put_restores_away`.
            other => other.strip_prefix(AWAY).map_or(Self::Dropped, Self::parse),
        }
    }
}

/// Begins the state of a step that is put away.
const AWAY: &str = "away-";

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

struct Texts {
    paths: Option<String>,
    thinned: Option<String>,
}

fn read(row: &Row<'_>) -> rusqlite::Result<(RestoreRow, Texts)> {
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
    Ok((restore, Texts { paths: row.get(10)?, thinned: row.get(11)? }))
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

impl RestoreRow {
    /// The files that undo, or redo of one that was taken back, leads to.
    pub fn leads_to(&self) -> Option<&SnapshotId> {
        match self.state {
            RestoreState::Undone | RestoreState::RedoIntent => self.after.as_ref(),
            RestoreState::Intent | RestoreState::Done | RestoreState::UndoIntent | RestoreState::Dropped => {
                self.before.as_ref()
            }
        }
    }
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
        let rows =
            self.steps(session, "state <> 'dropped' AND state NOT LIKE 'away-%' AND thinned IS NULL")?;
        Ok(rows.into_iter().map(|(row, _)| row).collect())
    }

    /// The snapshots of a session are gone, perhaps for a while: its steps lead nowhere.
    pub fn put_restores_away(&self, session: &SessionId) -> Result<(), StoreError> {
        self.connection()
            .execute(
                "UPDATE restores SET state = 'away-' || state \
                 WHERE session_id = ?1 AND state <> 'dropped' AND state NOT LIKE 'away-%'",
                [session.as_str()],
            )
            .doing("putting the undo stack away")?;
        Ok(())
    }

    /// Steps that were put away are on the stack again where `there` says so of the snapshot that they lead to.
    pub fn bring_restores_back(
        &self,
        session: &SessionId,
        there: impl Fn(&SnapshotId) -> bool,
    ) -> Result<(), StoreError> {
        for (row, _) in self.steps(session, "state LIKE 'away-%'")? {
            // A step of the conversation alone leads to no files.
            if row.leads_to().is_none_or(&there) {
                self.connection()
                    .execute("UPDATE restores SET state = substr(state, 6) WHERE id = ?1", [row.id.as_str()])
                    .doing("bringing the undo stack back")?;
            }
        }
        Ok(())
    }

    /// The steps of a session that were dropped to save room, oldest first.
    pub fn thinned_restores(
        &self,
        session: &SessionId,
    ) -> Result<Vec<(RestoreRow, DroppedStep)>, StoreError> {
        let rows = self.steps(session, "thinned IS NOT NULL")?;
        Ok(rows.into_iter().filter_map(|(row, dropped)| Some((row, dropped?))).collect())
    }

    /// Those of them that undo would have come to before a step, the last first.
    pub fn thinned_above(&self, row: &RestoreRow) -> Result<Vec<DroppedStep>, StoreError> {
        let above =
            "thinned IS NOT NULL AND state = 'done' AND rowid > (SELECT rowid FROM restores WHERE id = ?2)";
        let rows = self.steps_with(above, &[row.session_id.as_str(), row.id.as_str()])?;
        Ok(rows.into_iter().rev().filter_map(|(_, dropped)| dropped).collect())
    }

    /// Drops steps to save room, or, with nothing to tell of them, takes that back.
    pub fn thin_restores(&self, steps: &[(RestoreId, Option<DroppedStep>)]) -> Result<(), StoreError> {
        let mut connection = self.connection();
        let transaction = connection.transaction().doing("dropping undo steps")?;
        for (id, dropped) in steps {
            let dropped = dropped.as_ref().map(|step| to_text("restores.thinned", step)).transpose()?;
            transaction
                .execute("UPDATE restores SET thinned = ?2 WHERE id = ?1", params![id.as_str(), dropped])
                .doing("dropping undo steps")?;
        }
        transaction.commit().doing("dropping undo steps")?;
        Ok(())
    }

    fn steps(
        &self,
        session: &SessionId,
        which: &str,
    ) -> Result<Vec<(RestoreRow, Option<DroppedStep>)>, StoreError> {
        self.steps_with(which, &[session.as_str()])
    }

    fn steps_with(
        &self,
        which: &str,
        values: &[&str],
    ) -> Result<Vec<(RestoreRow, Option<DroppedStep>)>, StoreError> {
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached(&format!(
                "SELECT id, session_id, made_at, state, title, scope, from_node, to_node, before_snapshot, after_snapshot, \
                 paths, thinned FROM restores WHERE session_id = ?1 AND {which} ORDER BY rowid"
            ))
            .doing("reading the undo stack")?;
        let rows: Vec<_> = statement
            .query_map(rusqlite::params_from_iter(values), read)
            .doing("reading the undo stack")?
            .collect::<Result<_, _>>()
            .doing("reading the undo stack")?;
        rows.into_iter()
            .map(|(mut restore, texts)| {
                restore.paths = from_optional("restores.paths", texts.paths)?;
                Ok((restore, from_optional("restores.thinned", texts.thinned)?))
            })
            .collect()
    }
}
