//! The formats of the database, one after the other.

use std::path::Path;

use rusqlite::Connection;

use crate::StoreError;
use crate::error::Doing;

/// Every format from the first on; a published one is never changed.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE sessions (
        id TEXT PRIMARY KEY,
        title TEXT NOT NULL,
        titled_by_user INTEGER NOT NULL DEFAULT 0,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        deleted_at INTEGER,
        folder TEXT,
        profile TEXT,
        limits TEXT,
        current_node TEXT,
        head_snapshot TEXT
    ) STRICT;
    CREATE INDEX sessions_by_update ON sessions (updated_at DESC);

    CREATE TABLE nodes (
        id TEXT PRIMARY KEY,
        session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
        parent_id TEXT,
        title TEXT NOT NULL,
        label TEXT,
        started_at INTEGER NOT NULL,
        ended_at INTEGER,
        status TEXT NOT NULL,
        message TEXT NOT NULL,
        previous_snapshot TEXT,
        base_snapshot TEXT,
        snapshot TEXT,
        changes TEXT,
        user_changes TEXT,
        error TEXT,
        not_restorable TEXT
    ) STRICT;
    CREATE INDEX nodes_by_session ON nodes (session_id, started_at);

    CREATE TABLE items (
        id TEXT PRIMARY KEY,
        node_id TEXT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
        ordinal INTEGER NOT NULL,
        step INTEGER NOT NULL,
        started_at INTEGER NOT NULL,
        ended_at INTEGER,
        body TEXT NOT NULL
    ) STRICT;
    CREATE INDEX items_by_node ON items (node_id, ordinal);

    CREATE TABLE spans (
        id TEXT PRIMARY KEY,
        node_id TEXT NOT NULL REFERENCES nodes (id) ON DELETE CASCADE,
        started_at INTEGER NOT NULL,
        body TEXT NOT NULL
    ) STRICT;
    CREATE INDEX spans_by_node ON spans (node_id, started_at);

    CREATE TABLE todos (
        session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
        node_id TEXT NOT NULL,
        todos TEXT NOT NULL,
        PRIMARY KEY (session_id, node_id)
    ) STRICT;

    CREATE TABLE deployments (
        id TEXT PRIMARY KEY,
        session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
        node_id TEXT,
        folder TEXT NOT NULL,
        version INTEGER NOT NULL,
        title TEXT NOT NULL,
        deployed_at INTEGER NOT NULL,
        files INTEGER NOT NULL,
        size INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX deployments_by_session ON deployments (session_id, deployed_at);

    CREATE TABLE queue (
        id TEXT PRIMARY KEY,
        session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
        message TEXT NOT NULL,
        queued_at INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE restores (
        id TEXT PRIMARY KEY,
        session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
        made_at INTEGER NOT NULL,
        state TEXT NOT NULL,
        title TEXT NOT NULL,
        scope TEXT NOT NULL,
        from_node TEXT,
        to_node TEXT,
        before_snapshot TEXT,
        after_snapshot TEXT
    ) STRICT;
    CREATE INDEX restores_by_session ON restores (session_id, made_at);

    CREATE TABLE file_reads (
        session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
        path TEXT NOT NULL,
        hash TEXT NOT NULL,
        PRIMARY KEY (session_id, path)
    ) STRICT;
    ",
    "
    ALTER TABLE nodes ADD COLUMN deleted_at INTEGER;
    ALTER TABLE nodes ADD COLUMN deleted_with TEXT;
    ALTER TABLE restores ADD COLUMN paths TEXT;
    CREATE INDEX nodes_by_parent ON nodes (parent_id);
    CREATE INDEX nodes_by_trash ON nodes (deleted_with) WHERE deleted_with IS NOT NULL;
    ",
    "
    ALTER TABLE sessions ADD COLUMN network TEXT;
    CREATE TABLE contacts (
        id TEXT PRIMARY KEY,
        session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
        body TEXT NOT NULL
    ) STRICT;
    CREATE INDEX contacts_by_session ON contacts (session_id, id);
    ",
    "
    ALTER TABLE sessions ADD COLUMN mode TEXT;
    ALTER TABLE nodes ADD COLUMN untrusted TEXT;

    CREATE TABLE permission_rules (
        id TEXT PRIMARY KEY,
        session_id TEXT REFERENCES sessions (id) ON DELETE CASCADE,
        tool TEXT NOT NULL,
        pattern TEXT NOT NULL,
        covers_untrusted INTEGER NOT NULL,
        made_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX rules_by_session ON permission_rules (session_id);

    CREATE TABLE untrusted_files (
        session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
        path TEXT NOT NULL,
        PRIMARY KEY (session_id, path)
    ) STRICT;

    CREATE TABLE deleted_files (
        id TEXT PRIMARY KEY,
        session_id TEXT NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
        deleted_at INTEGER NOT NULL,
        entry TEXT NOT NULL
    ) STRICT;
    CREATE INDEX deleted_files_by_session ON deleted_files (session_id, deleted_at);
    ",
    "
    ALTER TABLE sessions ADD COLUMN untrusted TEXT;
    ",
    "
    ALTER TABLE nodes ADD COLUMN exported_at INTEGER;
    ",
    "
    CREATE TABLE clock (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        believed INTEGER NOT NULL,
        doubted INTEGER
    ) STRICT;
    ALTER TABLE sessions ADD COLUMN recorded_at INTEGER;
    ",
    "
    ALTER TABLE restores ADD COLUMN thinned TEXT;
    ",
    "
    ALTER TABLE sessions ADD COLUMN recorded_snapshot TEXT;
    ",
];

fn format_of(connection: &Connection) -> Result<i64, StoreError> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0)).doing("reading its format")
}

/// Whether an earlier version wrote the file; one of a later version is an error.
pub(crate) fn is_behind(connection: &Connection) -> Result<bool, StoreError> {
    let (found, known) = (format_of(connection)?, MIGRATIONS.len() as i64);
    if found > known { Err(StoreError::TooNew { found, known }) } else { Ok(found < known) }
}

/// Brings the file to the latest format, copying it beside itself first.
pub(crate) fn migrate(connection: &mut Connection, file: &Path) -> Result<(), StoreError> {
    let known = MIGRATIONS.len() as i64;
    if !is_behind(connection)? {
        return Ok(());
    }
    let found = format_of(connection)?;
    if found > 0 {
        let copy = file.with_extension(format!("before-{known}.db"));
        connection
            .execute("VACUUM INTO ?1", [copy.to_string_lossy().as_ref()])
            .doing("copying it before a migration")?;
    }
    for (index, sql) in MIGRATIONS.iter().enumerate().skip(found as usize) {
        // Two programs may start at once: the second waits here and finds the work done.
        let transaction = connection
            .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
            .doing("beginning a migration")?;
        let now: i64 =
            transaction.query_row("PRAGMA user_version", [], |row| row.get(0)).doing("reading its format")?;
        if now <= index as i64 {
            transaction.execute_batch(sql).doing("migrating")?;
            transaction.pragma_update(None, "user_version", index as i64 + 1).doing("migrating")?;
        }
        transaction.commit().doing("ending a migration")?;
    }
    Ok(())
}
