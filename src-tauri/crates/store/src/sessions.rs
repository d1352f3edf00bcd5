//! Sessions, their queue, and what they have read.

use okcvm_protocol::{
    NodeId, PermissionMode, QueueId, QueuedMessage, SessionId, SnapshotId, TurnLimits, UserMessage,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::error::Doing;
use crate::store::{from_optional, from_text, to_text};
use crate::{Store, StoreError};

/// A session to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSession {
    /// Its name, if the user gave one.
    pub title: Option<String>,
    /// A folder of the user; the app's own if absent.
    pub folder: Option<String>,
    /// The model profile; the default of each moment if absent.
    pub profile: Option<String>,
    /// Limits of a turn; the default of each moment if absent.
    pub limits: Option<TurnLimits>,
    /// Now.
    pub at: i64,
}

/// A session as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionRow {
    /// Its identifier.
    pub id: SessionId,
    /// Its name; empty until the first message if the user gave none.
    pub title: String,
    /// The user chose the name.
    pub titled_by_user: bool,
    /// When it was made.
    pub created_at: i64,
    /// When something last happened in it.
    pub updated_at: i64,
    /// When it went to the trash.
    pub deleted_at: Option<i64>,
    /// A folder of the user; the app's own if absent.
    pub folder: Option<String>,
    /// The model profile; the default of each moment if absent.
    pub profile: Option<String>,
    /// Limits of a turn; the default of each moment if absent.
    pub limits: Option<TurnLimits>,
    /// What its agent may do without asking.
    pub mode: PermissionMode,
    /// The node that the conversation ends with.
    pub current_node: Option<NodeId>,
    /// The snapshot that the live files were last known to equal.
    pub head_snapshot: Option<SnapshotId>,
}

const COLUMNS: &str = "id, title, titled_by_user, created_at, updated_at, deleted_at, folder, profile, limits, \
                       current_node, head_snapshot, mode";

/// Columns that are read as JSON: limits and mode.
type Texts = (Option<String>, Option<String>);

fn read(row: &Row<'_>) -> rusqlite::Result<(SessionRow, Texts)> {
    Ok((
        SessionRow {
            id: SessionId(row.get(0)?),
            title: row.get(1)?,
            titled_by_user: row.get(2)?,
            created_at: row.get(3)?,
            updated_at: row.get(4)?,
            deleted_at: row.get(5)?,
            folder: row.get(6)?,
            profile: row.get(7)?,
            limits: None,
            mode: PermissionMode::default(),
            current_node: row.get::<_, Option<String>>(9)?.map(NodeId),
            head_snapshot: row.get::<_, Option<String>>(10)?.map(SnapshotId),
        },
        (row.get(8)?, row.get(11)?),
    ))
}

fn complete((mut session, (limits, mode)): (SessionRow, Texts)) -> Result<SessionRow, StoreError> {
    session.limits = from_optional("sessions.limits", limits)?;
    session.mode = from_optional("sessions.mode", mode)?.unwrap_or_default();
    Ok(session)
}

fn insert(connection: &Connection, new: &NewSession) -> Result<SessionId, StoreError> {
    let id = SessionId::new();
    let limits = new.limits.as_ref().map(|limits| to_text("sessions.limits", limits)).transpose()?;
    connection
        .execute(
            "INSERT INTO sessions (id, title, titled_by_user, created_at, updated_at, folder, profile, limits) \
             VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7)",
            params![
                id.as_str(),
                new.title.as_deref().unwrap_or(""),
                new.title.is_some(),
                new.at,
                new.folder,
                new.profile,
                limits
            ],
        )
        .doing("making a session")?;
    Ok(id)
}

impl Store {
    /// Makes a session.
    pub fn create_session(&self, new: &NewSession) -> Result<SessionRow, StoreError> {
        let id = insert(&self.connection(), new)?;
        self.session(&id)
    }

    /// The latest session of the user's folder that `new` names, made if there is none. Two programs that ask at once
    /// get the same one.
    pub fn find_or_create_session(&self, new: &NewSession) -> Result<SessionRow, StoreError> {
        let mut connection = self.connection();
        let transaction = connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .doing("looking for the session of a folder")?;
        let found: Option<String> = transaction
            .query_row(
                "SELECT id FROM sessions WHERE folder = ?1 AND deleted_at IS NULL ORDER BY updated_at DESC LIMIT 1",
                [&new.folder],
                |row| row.get(0),
            )
            .optional()
            .doing("looking for the session of a folder")?;
        let id = match found {
            Some(id) => SessionId(id),
            None => insert(&transaction, new)?,
        };
        transaction.commit().doing("making a session")?;
        drop(connection);
        self.session(&id)
    }

    /// One session.
    pub fn session(&self, id: &SessionId) -> Result<SessionRow, StoreError> {
        let row = self
            .connection()
            .query_row(&format!("SELECT {COLUMNS} FROM sessions WHERE id = ?1"), [id.as_str()], read)
            .optional()
            .doing("reading a session")?;
        row.map_or_else(|| Err(StoreError::Missing { what: "session", id: id.to_string() }), complete)
    }

    /// All sessions, the latest first.
    pub fn sessions(&self) -> Result<Vec<SessionRow>, StoreError> {
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM sessions ORDER BY updated_at DESC, id DESC"))
            .doing("listing sessions")?;
        let rows: Vec<_> = statement
            .query_map([], read)
            .doing("listing sessions")?
            .collect::<Result<_, _>>()
            .doing("listing sessions")?;
        rows.into_iter().map(complete).collect()
    }

    /// Names a session; a name by the user is not replaced by one that was made from a message.
    pub fn rename_session(
        &self,
        id: &SessionId,
        title: &str,
        by_user: bool,
        at: i64,
    ) -> Result<(), StoreError> {
        self.connection()
            .execute(
                "UPDATE sessions SET title = ?2, titled_by_user = ?3, updated_at = ?4 \
                 WHERE id = ?1 AND (?3 OR (NOT titled_by_user AND title = ''))",
                params![id.as_str(), title, by_user, at],
            )
            .doing("naming a session")?;
        Ok(())
    }

    /// Notes that a folder of the user, in which sessions work, lies elsewhere by now.
    pub fn move_folder(&self, old: &str, new: &str) -> Result<(), StoreError> {
        self.connection()
            .execute("UPDATE sessions SET folder = ?2 WHERE folder = ?1", params![old, new])
            .doing("moving the folder of a session")?;
        Ok(())
    }

    /// Changes profile and limits; `None` follows the default.
    pub fn configure_session(
        &self,
        id: &SessionId,
        profile: Option<&str>,
        limits: Option<&TurnLimits>,
    ) -> Result<(), StoreError> {
        let limits = limits.map(|limits| to_text("sessions.limits", limits)).transpose()?;
        self.connection()
            .execute(
                "UPDATE sessions SET profile = ?2, limits = ?3 WHERE id = ?1",
                params![id.as_str(), profile, limits],
            )
            .doing("configuring a session")?;
        Ok(())
    }

    /// Moves a session to the trash, or out of it with `None`.
    pub fn set_session_deleted(&self, id: &SessionId, deleted_at: Option<i64>) -> Result<(), StoreError> {
        self.connection()
            .execute("UPDATE sessions SET deleted_at = ?2 WHERE id = ?1", params![id.as_str(), deleted_at])
            .doing("moving a session to the trash")?;
        Ok(())
    }

    /// Removes a session and all that belongs to it.
    pub fn purge_session(&self, id: &SessionId) -> Result<(), StoreError> {
        self.connection()
            .execute("DELETE FROM sessions WHERE id = ?1", [id.as_str()])
            .doing("removing a session")?;
        Ok(())
    }

    /// Notes that something happened.
    pub fn touch_session(&self, id: &SessionId, at: i64) -> Result<(), StoreError> {
        self.connection()
            .execute("UPDATE sessions SET updated_at = ?2 WHERE id = ?1", params![id.as_str(), at])
            .doing("noting a change of a session")?;
        Ok(())
    }

    /// Notes what the live files equal.
    pub fn set_head_snapshot(&self, id: &SessionId, head: Option<&SnapshotId>) -> Result<(), StoreError> {
        self.connection()
            .execute(
                "UPDATE sessions SET head_snapshot = ?2 WHERE id = ?1",
                params![id.as_str(), head.map(SnapshotId::as_str)],
            )
            .doing("noting a snapshot")?;
        Ok(())
    }

    /// Notes the newest snapshot that this database knows of, and its time in Unix milliseconds.
    pub fn set_recorded(&self, id: &SessionId, snapshot: &SnapshotId, at: i64) -> Result<(), StoreError> {
        self.connection()
            .execute(
                "UPDATE sessions SET recorded_at = max(coalesce(recorded_at, ?2), ?2), recorded_snapshot = ?3 \
                 WHERE id = ?1",
                params![id.as_str(), at, snapshot.as_str()],
            )
            .doing("noting a snapshot")?;
        Ok(())
    }

    /// The newest snapshot that this database knows of, unless an earlier version noted it, and its time in Unix
    /// milliseconds.
    pub fn recorded(&self, id: &SessionId) -> Result<Option<(Option<SnapshotId>, i64)>, StoreError> {
        let row = self.connection().query_row(
            "SELECT recorded_snapshot, recorded_at FROM sessions WHERE id = ?1 AND recorded_at IS NOT NULL",
            [id.as_str()],
            |row| Ok((row.get::<_, Option<String>>(0)?.map(SnapshotId), row.get(1)?)),
        );
        row.optional().doing("reading a session")
    }

    /// Adds a waiting message.
    pub fn queue_message(
        &self,
        id: &SessionId,
        message: &UserMessage,
        at: i64,
    ) -> Result<QueuedMessage, StoreError> {
        let queued = QueuedMessage { id: QueueId::new(), message: message.clone(), queued_at: at };
        self.connection()
            .execute(
                "INSERT INTO queue (id, session_id, message, queued_at) VALUES (?1, ?2, ?3, ?4)",
                params![queued.id.as_str(), id.as_str(), to_text("queue.message", message)?, at],
            )
            .doing("queueing a message")?;
        Ok(queued)
    }

    /// Waiting messages, oldest first.
    pub fn queue(&self, id: &SessionId) -> Result<Vec<QueuedMessage>, StoreError> {
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached("SELECT id, message, queued_at FROM queue WHERE session_id = ?1 ORDER BY id")
            .doing("reading the queue")?;
        let rows: Vec<(String, String, i64)> = statement
            .query_map([id.as_str()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .doing("reading the queue")?
            .collect::<Result<_, _>>()
            .doing("reading the queue")?;
        rows.into_iter()
            .map(|(id, message, queued_at)| {
                Ok(QueuedMessage {
                    id: QueueId(id),
                    message: from_text("queue.message", &message)?,
                    queued_at,
                })
            })
            .collect()
    }

    /// Takes a waiting message back; tells whether it still waited.
    pub fn unqueue(&self, id: &SessionId, queue_id: &QueueId) -> Result<bool, StoreError> {
        let count = self
            .connection()
            .execute("DELETE FROM queue WHERE session_id = ?1 AND id = ?2", [id.as_str(), queue_id.as_str()])
            .doing("taking a message back")?;
        Ok(count > 0)
    }

    /// The hash in which a session last saw a file.
    pub fn file_read(&self, id: &SessionId, path: &str) -> Result<Option<String>, StoreError> {
        self.connection()
            .query_row(
                "SELECT hash FROM file_reads WHERE session_id = ?1 AND path = ?2",
                [id.as_str(), path],
                |row| row.get(0),
            )
            .optional()
            .doing("looking up a read file")
    }

    /// Notes the hash in which a session saw a file.
    pub fn note_file_read(&self, id: &SessionId, path: &str, hash: &str) -> Result<(), StoreError> {
        self.connection()
            .execute(
                "INSERT INTO file_reads (session_id, path, hash) VALUES (?1, ?2, ?3) \
                 ON CONFLICT (session_id, path) DO UPDATE SET hash = excluded.hash",
                [id.as_str(), path, hash],
            )
            .doing("noting a read file")?;
        Ok(())
    }
}
