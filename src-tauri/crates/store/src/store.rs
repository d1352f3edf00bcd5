//! The open database.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Doing;
use crate::{StoreError, migrations};

/// Bytes that a copy leaves free on the disk.
const SPARE: u64 = 64 << 20;
/// What the log of the database and its index take at first.
const LEAST: u64 = 1 << 20;
/// How the name of the daily copy ends.
const COPY: &str = "copy.db";
const BETWEEN_COPIES: Duration = Duration::from_secs(24 * 60 * 60);

/// How long what was written gathers before it is brought to the disk.
const GATHERED: Duration = Duration::from_millis(250);

/// The database of one data folder. Calls are short and synchronous; several programs may open it at once. What a call
/// writes survives the end of the program at once, and a power cut within a second; [`Store::sync`] waits for that.
pub struct Store {
    connection: Arc<Mutex<Connection>>,
    path: PathBuf,
    /// Wakes the thread that syncs; absent where nothing can be written.
    to_sync: Option<SyncSender<()>>,
}

impl Store {
    /// Opens or makes `path` and brings it to the latest format. Where it or its folder cannot be written, or the disk has
    /// no room for what stands beside it, it is opened to be read, and whatever would write is [`StoreError::ReadOnly`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        if can_only_be_read(path) {
            return Self::open_to_read(path);
        }
        match Self::open_to_write(path) {
            Err(error) if path.exists() && free_space(path).is_some_and(|free| free < LEAST) => {
                tracing::warn!(%error, "the disk is full, so the database is only read");
                Self::open_to_read(path).map_err(|_| error)
            }
            opened => opened,
        }
    }

    fn open_to_write(path: &Path) -> Result<Self, StoreError> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)
                .map_err(|source| StoreError::File { path: parent.display().to_string(), source })?;
        }
        let mut connection = Connection::open(path).doing("opening it")?;
        connection.busy_timeout(Duration::from_secs(10)).doing("opening it")?;
        connection.pragma_update(None, "journal_mode", "wal").doing("opening it")?;
        connection.pragma_update(None, "synchronous", "normal").doing("opening it")?;
        connection.pragma_update(None, "foreign_keys", true).doing("opening it")?;
        migrations::migrate(&mut connection, path)?;
        let (to_sync, asked) = sync_channel(1);
        let connection = Arc::new(Mutex::new(connection));
        let (log, writing) = (log_of(path), Arc::downgrade(&connection));
        std::thread::Builder::new()
            .name("store-sync".to_owned())
            .spawn(move || sync_when_asked(&log, &writing, &asked))
            .map_err(|source| StoreError::File { path: path.display().to_string(), source })?;
        Ok(Self { connection, path: path.to_owned(), to_sync: Some(to_sync) })
    }

    /// Reads what a log beside the database holds, too, if its index is there; without a log the database is taken for
    /// one that nobody changes.
    fn open_to_read(path: &Path) -> Result<Self, StoreError> {
        let has_log = std::fs::metadata(log_of(path)).is_ok_and(|log| log.len() > 0);
        if has_log && !beside(path, "-shm").exists() {
            return Err(StoreError::Unreadable(
                "what was last written to its database is in a log without an index",
            ));
        }
        let flags =
            OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
        let connection = Connection::open_with_flags(address(path, has_log), flags).doing("opening it")?;
        connection.busy_timeout(Duration::from_secs(10)).doing("opening it")?;
        if migrations::is_behind(&connection)? {
            return Err(StoreError::Unreadable(
                "an earlier version wrote its database, which has to be brought up to date",
            ));
        }
        Ok(Self { connection: Arc::new(Mutex::new(connection)), path: path.to_owned(), to_sync: None })
    }

    /// Whether anything can be written to the data folder; [`StoreError::ReadOnly`] if not.
    pub fn must_be_writable(&self) -> Result<(), StoreError> {
        if self.to_sync.is_some() { Ok(()) } else { Err(StoreError::ReadOnly) }
    }

    /// All that was written until now survives a power cut when this returns. Blocking.
    pub fn sync(&self) -> Result<(), StoreError> {
        if self.to_sync.is_none() {
            return Ok(());
        }
        let log = log_of(&self.path);
        sync_log(&log).map_err(|source| StoreError::File { path: log.display().to_string(), source })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Copies the database beside itself, at most daily, unless it is found damaged: then the last copy is what there is
    /// to go back to. Where the copy would leave hardly any room on the disk, none is made, and that is the error. Blocking.
    pub fn keep_copy(&self) -> Result<(), StoreError> {
        self.keep_copy_within(free_space)
    }

    pub(crate) fn keep_copy_within(
        &self,
        free_space: impl Fn(&Path) -> Option<u64>,
    ) -> Result<(), StoreError> {
        let copy = self.path.with_extension(COPY);
        let age = std::fs::metadata(&copy).and_then(|found| found.modified()).map(|time| time.elapsed());
        if matches!(age, Ok(Ok(age)) if age < BETWEEN_COPIES) {
            return Ok(());
        }
        let failed = |path: &Path| {
            let path = path.display().to_string();
            move |source| StoreError::File { path, source }
        };
        let new = self.path.with_extension(format!("{COPY}-new"));
        match std::fs::remove_file(&new) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(&new)(error)),
            _ => {}
        }
        {
            let connection = self.connection();
            let found: String =
                connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).doing("checking it")?;
            if found != "ok" {
                tracing::error!(found, "the database is damaged; its last copy is kept");
                return Ok(());
            }
            let pages = |name: &str| {
                let sql = format!("PRAGMA {name}");
                connection.query_row(&sql, [], |row| row.get::<_, i64>(0)).doing("measuring it")
            };
            let bytes = (pages("page_count")? - pages("freelist_count")?) * pages("page_size")?;
            let needed = u64::try_from(bytes).unwrap_or(0).saturating_add(SPARE);
            if free_space(&self.path).is_some_and(|free| free < needed) {
                return Err(failed(&new)(std::io::ErrorKind::StorageFull.into()));
            }
            if let Err(error) = connection.execute("VACUUM INTO ?1", [new.to_string_lossy().as_ref()]) {
                // Half a copy on a full disk is in the way of everything else.
                let _ = std::fs::remove_file(&new);
                return Err(error).doing("copying it");
            }
        }
        std::fs::rename(&new, &copy).map_err(failed(&copy))
    }

    pub(crate) fn connection(&self) -> MutexGuard<'_, Connection> {
        // A panic elsewhere leaves SQLite consistent: its transactions roll back.
        let connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        // Who asks may write; where nothing was written a sync costs nothing. With the lock in hand, so that the sync
        // comes after what is written now.
        if let Some(to_sync) = &self.to_sync {
            let _ = to_sync.try_send(());
        }
        connection
    }
}

/// The write-ahead log: `SQLite` appends to it what is written, and syncs it by itself only before it takes it over into the
/// database.
fn log_of(path: &Path) -> PathBuf {
    beside(path, "-wal")
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// A database that is there, to which or beside which this user cannot write.
fn can_only_be_read(path: &Path) -> bool {
    #[cfg(unix)]
    {
        use rustix::fs::{Access, access};
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let closed = |path: &Path| access(path, Access::WRITE_OK).is_err();
        path.is_file() && (closed(path) || closed(folder))
    }
    #[cfg(not(unix))]
    {
        path.metadata().is_ok_and(|found| found.is_file() && found.permissions().readonly())
    }
}

/// The address of a database that is only read, with a log beside it or taken for unchangeable.
fn address(path: &Path, has_log: bool) -> String {
    let mut address = "file:".to_owned();
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                address.push(char::from(*byte));
            }
            _ => address.extend(['%'].into_iter().chain(format!("{byte:02x}").chars())),
        }
    }
    address + if has_log { "?mode=ro" } else { "?mode=ro&immutable=1" }
}

fn sync_log(log: &Path) -> std::io::Result<()> {
    match std::fs::OpenOptions::new().write(true).open(log) {
        Ok(file) => file.sync_data(),
        // Taken over as a whole.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn sync_when_asked(log: &Path, writing: &Weak<Mutex<Connection>>, asked: &Receiver<()>) {
    while asked.recv().is_ok() {
        std::thread::sleep(GATHERED);
        // Who asks from now on asks again.
        while asked.try_recv().is_ok() {}
        // Until the one who asked has written.
        if let Some(connection) = writing.upgrade() {
            drop(connection.lock());
        }
        if let Err(error) = sync_log(log) {
            tracing::error!(%error, "what was written to the database is not on the disk yet");
        }
    }
}

/// Bytes that this user may still write to the disk on which a file lies; `None` if the system does not tell.
fn free_space(path: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        let space = rustix::fs::statvfs(path).ok()?;
        Some(space.f_bavail.saturating_mul(space.f_frsize))
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}

pub(crate) fn to_text<T: Serialize>(what: &'static str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|source| StoreError::Content { what, source })
}

pub(crate) fn from_text<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|source| StoreError::Content { what, source })
}

pub(crate) fn from_optional<T: DeserializeOwned>(
    what: &'static str,
    text: Option<String>,
) -> Result<Option<T>, StoreError> {
    text.map(|text| from_text(what, &text)).transpose()
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
