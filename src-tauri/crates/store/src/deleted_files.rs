//! What the person deleted from workspaces: where it stood, and since when it lies in the trash.

use okcvm_protocol::{DeletedId, FileEntry, SessionId};
use rusqlite::{OptionalExtension, Row, params};

use crate::error::Doing;
use crate::store::{from_text, to_text};
use crate::{Store, StoreError};

/// A file or folder in the trash of a session.
#[derive(Debug, Clone, PartialEq)]
pub struct DeletedRow {
    /// Its identifier, also the name of its folder in the trash.
    pub id: DeletedId,
    /// Its session.
    pub session_id: SessionId,
    /// As it was.
    pub entry: FileEntry,
    /// When it was deleted.
    pub deleted_at: i64,
}

const COLUMNS: &str = "id, session_id, deleted_at, entry";

fn read(row: &Row<'_>) -> rusqlite::Result<(DeletedId, SessionId, i64, String)> {
    Ok((DeletedId(row.get(0)?), SessionId(row.get(1)?), row.get(2)?, row.get(3)?))
}

fn complete(
    (id, session_id, deleted_at, entry): (DeletedId, SessionId, i64, String),
) -> Result<DeletedRow, StoreError> {
    Ok(DeletedRow { id, session_id, entry: from_text("deleted_files.entry", &entry)?, deleted_at })
}

impl Store {
    /// Notes what is about to go to the trash.
    pub fn put_deleted_file(&self, row: &DeletedRow) -> Result<(), StoreError> {
        self.connection()
            .execute(
                "INSERT INTO deleted_files (id, session_id, deleted_at, entry) VALUES (?1, ?2, ?3, ?4)",
                params![
                    row.id.as_str(),
                    row.session_id.as_str(),
                    row.deleted_at,
                    to_text("deleted_files.entry", &row.entry)?
                ],
            )
            .doing("noting a deleted file")?;
        Ok(())
    }

    /// Forgets what is no longer in the trash.
    pub fn forget_deleted_file(&self, id: &DeletedId) -> Result<(), StoreError> {
        self.connection()
            .execute("DELETE FROM deleted_files WHERE id = ?1", [id.as_str()])
            .doing("forgetting a deleted file")?;
        Ok(())
    }

    /// One deleted file of a session.
    pub fn deleted_file(&self, session: &SessionId, id: &DeletedId) -> Result<DeletedRow, StoreError> {
        let row = self
            .connection()
            .query_row(
                &format!("SELECT {COLUMNS} FROM deleted_files WHERE session_id = ?1 AND id = ?2"),
                [session.as_str(), id.as_str()],
                read,
            )
            .optional()
            .doing("reading a deleted file")?;
        row.map_or_else(|| Err(StoreError::Missing { what: "deleted file", id: id.to_string() }), complete)
    }

    /// What lies in the trash of a session, the latest first.
    pub fn deleted_files(&self, session: &SessionId) -> Result<Vec<DeletedRow>, StoreError> {
        self.select_deleted("session_id = ?1", params![session.as_str()])
    }

    /// What has lain in a trash since before a moment.
    pub fn overdue_files(&self, before: i64) -> Result<Vec<DeletedRow>, StoreError> {
        self.select_deleted("deleted_at < ?1", params![before])
    }

    fn select_deleted(
        &self,
        which: &str,
        values: &[&dyn rusqlite::ToSql],
    ) -> Result<Vec<DeletedRow>, StoreError> {
        let connection = self.connection();
        let mut statement = connection
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM deleted_files WHERE {which} ORDER BY deleted_at DESC, id DESC"
            ))
            .doing("listing deleted files")?;
        let rows: Vec<_> = statement
            .query_map(values, read)
            .doing("listing deleted files")?
            .collect::<Result<_, _>>()
            .doing("listing deleted files")?;
        rows.into_iter().map(complete).collect()
    }
}
