//! Modes, rules of permission, and what is not trusted.

use okcvm_protocol::{NodeId, PermissionMode, PermissionRule, RuleId, RulePattern, SessionId};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::error::Doing;
use crate::store::{from_optional, from_text, to_text};
use crate::{Store, StoreError};

/// Sources that a node names; more of them say nothing new.
const MOST_SOURCES: usize = 20;

impl Store {
    /// Changes what the agent of a session may do without asking.
    pub fn set_session_mode(&self, id: &SessionId, mode: PermissionMode) -> Result<(), StoreError> {
        self.connection()
            .execute(
                "UPDATE sessions SET mode = ?2 WHERE id = ?1",
                [id.as_str(), &to_text("sessions.mode", &mode)?],
            )
            .doing("changing the mode of a session")?;
        Ok(())
    }

    /// What the agent of a session may do without asking.
    pub fn session_mode(&self, id: &SessionId) -> Result<PermissionMode, StoreError> {
        let mode: Option<Option<String>> = self
            .connection()
            .query_row("SELECT mode FROM sessions WHERE id = ?1", [id.as_str()], |row| row.get(0))
            .optional()
            .doing("reading the mode of a session")?;
        let mode = mode.ok_or_else(|| StoreError::Missing { what: "session", id: id.to_string() })?;
        Ok(from_optional("sessions.mode", mode)?.unwrap_or_default())
    }

    /// Keeps a rule. One that says the same is replaced.
    pub fn add_rule(&self, rule: &PermissionRule) -> Result<(), StoreError> {
        let pattern = to_text("permission_rules.pattern", &rule.pattern)?;
        let session = rule.session_id.as_ref().map(SessionId::as_str);
        let mut connection = self.connection();
        let transaction = connection.transaction().doing("keeping a rule")?;
        transaction
            .execute(
                "DELETE FROM permission_rules \
                 WHERE session_id IS ?1 AND tool = ?2 AND pattern = ?3 AND covers_untrusted <= ?4",
                params![session, rule.tool, pattern, rule.covers_untrusted],
            )
            .doing("keeping a rule")?;
        transaction
            .execute(
                "INSERT INTO permission_rules (id, session_id, tool, pattern, covers_untrusted, made_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![rule.id.as_str(), session, rule.tool, pattern, rule.covers_untrusted, rule.made_at],
            )
            .doing("keeping a rule")?;
        transaction.commit().doing("keeping a rule")
    }

    /// The rules of one session alone, or, without one, those of every session; the oldest first.
    pub fn rules(&self, session: Option<&SessionId>) -> Result<Vec<PermissionRule>, StoreError> {
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached(
                "SELECT id, tool, pattern, session_id, covers_untrusted, made_at FROM permission_rules \
                 WHERE session_id IS ?1 ORDER BY made_at, id",
            )
            .doing("reading rules")?;
        let rows: Vec<(PermissionRule, String)> = statement
            .query_map(params![session.map(SessionId::as_str)], |row| {
                let rule = PermissionRule {
                    id: RuleId(row.get(0)?),
                    tool: row.get(1)?,
                    pattern: RulePattern { kind: okcvm_protocol::RuleMatch::Exact, text: String::new() },
                    session_id: row.get::<_, Option<String>>(3)?.map(SessionId),
                    covers_untrusted: row.get(4)?,
                    made_at: row.get(5)?,
                };
                Ok((rule, row.get(2)?))
            })
            .doing("reading rules")?
            .collect::<Result<_, _>>()
            .doing("reading rules")?;
        rows.into_iter()
            .map(|(rule, pattern)| {
                Ok(PermissionRule { pattern: from_text("permission_rules.pattern", &pattern)?, ..rule })
            })
            .collect()
    }

    /// Takes a rule away; tells whether it was there.
    pub fn remove_rule(&self, id: &RuleId) -> Result<bool, StoreError> {
        let count = self
            .connection()
            .execute("DELETE FROM permission_rules WHERE id = ?1", [id.as_str()])
            .doing("taking a rule away")?;
        Ok(count > 0)
    }

    /// Notes files that came from outside and may carry instructions of strangers.
    pub fn note_untrusted_files(&self, session: &SessionId, paths: &[String]) -> Result<(), StoreError> {
        let mut connection = self.connection();
        let transaction = connection.transaction().doing("noting files from outside")?;
        insert_untrusted(&transaction, session, paths)?;
        transaction.commit().doing("noting files from outside")
    }

    /// Notes that a file or folder which may have come from outside, or hold such files, is to be at another path, too.
    pub fn note_moved_files(&self, session: &SessionId, from: &str, to: &str) -> Result<(), StoreError> {
        self.connection()
            .execute(
                "INSERT OR IGNORE INTO untrusted_files (session_id, path) \
                 SELECT session_id, ?3 || substr(path, length(?2) + 1) FROM untrusted_files \
                 WHERE session_id = ?1 AND (path = ?2 OR substr(path, 1, length(?2) + 1) = ?2 || '/')",
                [session.as_str(), from, to],
            )
            .doing("noting moved files from outside")?;
        Ok(())
    }

    /// Puts files that came from outside in the place of a note that stood for all of them.
    pub fn end_untrusted_mark(
        &self,
        session: &SessionId,
        mark: &str,
        paths: &[String],
    ) -> Result<(), StoreError> {
        let mut connection = self.connection();
        let transaction = connection.transaction().doing("noting files from outside")?;
        insert_untrusted(&transaction, session, paths)?;
        transaction
            .execute(
                "DELETE FROM untrusted_files WHERE session_id = ?1 AND path = ?2",
                [session.as_str(), mark],
            )
            .doing("noting files from outside")?;
        transaction.commit().doing("noting files from outside")
    }

    /// Whether a file came from outside. An empty path that was noted, or one from the root on, stands for every file.
    pub fn is_untrusted_file(&self, session: &SessionId, path: &str) -> Result<bool, StoreError> {
        self.connection()
            .query_row(
                "SELECT 1 FROM untrusted_files \
                 WHERE session_id = ?1 AND (path IN (?2, '') OR (path >= '/' AND path < '0')) LIMIT 1",
                [session.as_str(), path],
                |_| Ok(()),
            )
            .optional()
            .map(|found| found.is_some())
            .doing("looking up a file from outside")
    }

    /// Files that came from outside, at most so many.
    pub fn untrusted_files(&self, session: &SessionId, most: u32) -> Result<Vec<String>, StoreError> {
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached("SELECT path FROM untrusted_files WHERE session_id = ?1 ORDER BY path LIMIT ?2")
            .doing("listing files from outside")?;
        statement
            .query_map(params![session.as_str(), most], |row| row.get(0))
            .doing("listing files from outside")?
            .collect::<Result<_, _>>()
            .doing("listing files from outside")
    }

    /// Notes at a node what its turn read from strangers. Tells whether it is new.
    pub fn add_untrusted(&self, node: &NodeId, source: &str) -> Result<bool, StoreError> {
        self.note_source(Place { table: "nodes", id: node.as_str() }, source)
    }

    /// Notes what is not trusted of the files of a session while its conversation has no node: the next one that begins
    /// without a parent has it from its beginning. Tells whether it is new.
    pub fn add_untrusted_before_all(&self, session: &SessionId, source: &str) -> Result<bool, StoreError> {
        self.note_source(Place { table: "sessions", id: session.as_str() }, source)
    }

    fn note_source(&self, place: Place<'_>, source: &str) -> Result<bool, StoreError> {
        let mut connection = self.connection();
        let transaction = connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .doing("noting what a turn read")?;
        let new = note_source(&transaction, place, source)?;
        transaction.commit().doing("noting what a turn read")?;
        Ok(new)
    }

    /// What [`Store::add_untrusted_before_all`] noted.
    pub fn untrusted_before_all(&self, session: &SessionId) -> Result<Vec<String>, StoreError> {
        let kept: Option<Option<String>> = self
            .connection()
            .query_row("SELECT untrusted FROM sessions WHERE id = ?1", [session.as_str()], |row| row.get(0))
            .optional()
            .doing("reading what was read")?;
        Ok(from_optional("sessions.untrusted", kept.flatten())?.unwrap_or_default())
    }

    /// What was read from strangers on the path from the root to a node; empty if nothing was.
    pub fn untrusted_along(&self, node: &NodeId) -> Result<Vec<String>, StoreError> {
        untrusted_along(&self.connection(), node.as_str())
    }
}

/// A row that has a column `untrusted`.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) table: &'static str,
    pub(crate) id: &'a str,
}

/// Notes what is not trusted; whether it is new.
pub(crate) fn note_source(
    connection: &Connection,
    place: Place<'_>,
    source: &str,
) -> Result<bool, StoreError> {
    let Place { table, id } = place;
    let kept: Option<String> = connection
        .query_row(&format!("SELECT untrusted FROM {table} WHERE id = ?1"), [id], |row| row.get(0))
        .doing("noting what a turn read")?;
    let mut sources: Vec<String> = from_optional("untrusted", kept)?.unwrap_or_default();
    if sources.len() >= MOST_SOURCES || sources.iter().any(|known| known == source) {
        return Ok(false);
    }
    sources.push(source.to_owned());
    connection
        .execute(
            &format!("UPDATE {table} SET untrusted = ?2 WHERE id = ?1"),
            [id, &to_text("untrusted", &sources)?],
        )
        .doing("noting what a turn read")?;
    Ok(true)
}

/// The same as [`Store::untrusted_along`] for one who holds the connection.
pub(crate) fn untrusted_along(connection: &Connection, node: &str) -> Result<Vec<String>, StoreError> {
    let mut statement = connection
        .prepare_cached(
            "WITH RECURSIVE path (id, parent_id, untrusted, depth) AS (
                 SELECT id, parent_id, untrusted, 0 FROM nodes WHERE id = ?1
                 UNION ALL
                 SELECT nodes.id, nodes.parent_id, nodes.untrusted, depth + 1
                 FROM path JOIN nodes ON nodes.id = path.parent_id
             )
             SELECT untrusted FROM path WHERE untrusted IS NOT NULL ORDER BY depth DESC",
        )
        .doing("reading what was read")?;
    let texts: Vec<String> = statement
        .query_map([node], |row| row.get(0))
        .doing("reading what was read")?
        .collect::<Result<_, _>>()
        .doing("reading what was read")?;
    let mut sources: Vec<String> = Vec::new();
    for text in texts {
        for source in from_text::<Vec<String>>("nodes.untrusted", &text)? {
            if !sources.contains(&source) {
                sources.push(source);
            }
        }
    }
    Ok(sources)
}

fn insert_untrusted(
    transaction: &Transaction<'_>,
    session: &SessionId,
    paths: &[String],
) -> Result<(), StoreError> {
    for path in paths {
        transaction
            .prepare_cached("INSERT OR IGNORE INTO untrusted_files (session_id, path) VALUES (?1, ?2)")
            .doing("noting files from outside")?
            .execute([session.as_str(), path])
            .doing("noting files from outside")?;
    }
    Ok(())
}
