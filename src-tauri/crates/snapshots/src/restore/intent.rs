//! The restore that is under way, written down before the first visible change.
//!
//! One file beside the repository, written over in place: eight bytes that say that a restore is under
//! way, the length and the SHA-256 of what follows, and that: JSON with the two snapshots and the paths. A
//! torn one says nothing, and nothing had happened by then. It is synced together with the new contents,
//! before the first of them takes its place. When the restore is done the first eight bytes are wiped; that
//! may come to the disk late, since a restore that is done can be done again without an effect.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use okcvm_protocol::SnapshotId;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::RestoreWhat;
use super::closed::Closed;
use super::told::{Done, Told};
use crate::durable::sync_folder;
use crate::error::SnapshotError;

/// Name in the folder of the history.
const FILE_NAME: &str = "restoring";
/// First bytes of a restore that is under way; the number is the version of the format.
const UNDER_WAY: &[u8; 8] = b"okcvm-1\n";
/// The same of one that failed, which its user was told.
const FAILED: &[u8; 8] = b"failed-\n";
const DONE: &[u8; 8] = b"done---\n";
/// More was not written by us.
const MAX_BYTES: u64 = 256_000_000;

/// A restore that was begun and is not known to have ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfinishedRestore {
    /// What the workspace held.
    pub from: SnapshotId,
    /// What it was to hold.
    pub to: SnapshotId,
    /// Which part of it.
    pub what: RestoreWhat,
    /// It failed, which its user was told: it is not to be carried out any more.
    pub failed: bool,
    /// Folders that were opened for it, with the permission bits that they had.
    pub(crate) opened: Vec<Closed>,
}

/// The open file.
pub(super) struct Intent {
    file: File,
    path: PathBuf,
    told: Told,
}

impl Intent {
    /// Opens the file in the folder of the history, made if it is not there.
    pub(super) fn open(folder: &Path) -> Result<Self, SnapshotError> {
        let path = folder.join(FILE_NAME);
        let failed = |error| SnapshotError::storage("opened", &path, error);
        let told = Told::below(folder);
        let file = match OpenOptions::new().read(true).write(true).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let file = OpenOptions::new()
                    .read(true)
                    .write(true)
                    .create(true)
                    .truncate(false)
                    .open(&path)
                    .map_err(failed)?;
                told.tell(|| Done::Created(FILE_NAME.as_bytes()));
                file.write_all_at(DONE, 0).map_err(failed)?;
                told.tell(|| Done::Wrote(FILE_NAME.as_bytes(), 0, DONE));
                file.sync_all().map_err(failed)?;
                told.tell(|| Done::SyncedFile(FILE_NAME.as_bytes()));
                sync_folder(folder)?;
                told.tell(|| Done::SyncedFolder(b""));
                file
            }
            Err(error) => return Err(failed(error)),
        };
        Ok(Self { file, path, told })
    }

    /// The restore that was cut off, if one was.
    pub(super) fn read(folder: &Path) -> Result<Option<UnfinishedRestore>, SnapshotError> {
        let path = folder.join(FILE_NAME);
        let mut bytes = Vec::new();
        match File::open(&path) {
            Ok(file) => file.take(MAX_BYTES).read_to_end(&mut bytes),
            Err(error) => Err(error),
        }
        .or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(0) } else { Err(error) })
        .map_err(|error| SnapshotError::storage("read", &path, error))?;
        Ok(decode(&bytes))
    }

    /// Writes down that a restore begins. Survives the end of the program; [`Intent::sync`] makes it
    /// survive a power cut.
    pub(super) fn begin(&self, restore: &UnfinishedRestore) -> Result<(), SnapshotError> {
        let bytes = encode(restore);
        self.file
            .write_all_at(&bytes, 0)
            .map_err(|error| SnapshotError::storage("written", &self.path, error))?;
        self.told.tell(|| Done::Wrote(FILE_NAME.as_bytes(), 0, &bytes));
        Ok(())
    }

    pub(super) fn sync(&self) -> Result<(), SnapshotError> {
        self.file.sync_data().map_err(|error| SnapshotError::storage("synced", &self.path, error))?;
        self.told.tell(|| Done::SyncedFile(FILE_NAME.as_bytes()));
        Ok(())
    }

    /// Writes down that the restore that is under way failed. Takes no room on the disk.
    pub(super) fn fail(&self) -> Result<(), SnapshotError> {
        self.file
            .write_all_at(FAILED, 0)
            .map_err(|error| SnapshotError::storage("written", &self.path, error))?;
        self.told.tell(|| Done::Wrote(FILE_NAME.as_bytes(), 0, FAILED));
        self.sync()
    }

    /// Writes down that the restore is done, or that nothing of it happened. The file may be synced at any time.
    pub(super) fn end(self) -> Result<File, SnapshotError> {
        self.file
            .write_all_at(DONE, 0)
            .map_err(|error| SnapshotError::storage("written", &self.path, error))?;
        self.told.tell(|| Done::Wrote(FILE_NAME.as_bytes(), 0, DONE));
        Ok(self.file)
    }
}

fn encode(restore: &UnfinishedRestore) -> Vec<u8> {
    let paths = match &restore.what {
        RestoreWhat::All => Value::Null,
        RestoreWhat::Paths(paths) => json!(paths),
    };
    let text = json!({
        "from": restore.from.as_str(),
        "to": restore.to.as_str(),
        "paths": paths,
        "opened": restore.opened,
    })
    .to_string();
    let mut bytes = UNDER_WAY.to_vec();
    bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&Sha256::digest(text.as_bytes()));
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<UnfinishedRestore> {
    let failed = bytes.starts_with(FAILED);
    let rest = bytes.strip_prefix(if failed { FAILED } else { UNDER_WAY })?;
    let (length, rest) = rest.split_first_chunk::<8>()?;
    let (sum, rest) = rest.split_first_chunk::<32>()?;
    let text = rest.get(..usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    if Sha256::digest(text).as_slice() != sum {
        return None;
    }
    let value: Value = serde_json::from_slice(text).ok()?;
    let text = |key: &str| Some(value.get(key)?.as_str()?.to_owned());
    let what = match value.get("paths")? {
        Value::Null => RestoreWhat::All,
        paths => {
            let paths = paths.as_array()?.iter().map(|path| Some(path.as_str()?.to_owned()));
            RestoreWhat::Paths(paths.collect::<Option<_>>()?)
        }
    };
    // Earlier versions opened none.
    let opened = value
        .get("opened")
        .cloned()
        .map_or(Some(Vec::new()), |opened| serde_json::from_value(opened).ok())?;
    Some(UnfinishedRestore {
        from: SnapshotId(text("from")?),
        to: SnapshotId(text("to")?),
        what,
        failed,
        opened,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_intent_says_nothing() {
        let place = tempfile::tempdir().unwrap();
        assert_eq!(Intent::read(place.path()).unwrap(), None);
        let intent = Intent::open(place.path()).unwrap();
        assert_eq!(Intent::read(place.path()).unwrap(), None);
        let restore = UnfinishedRestore {
            from: SnapshotId("1".repeat(40)),
            to: SnapshotId("2".repeat(40)),
            what: RestoreWhat::Paths(vec!["a b/\u{FFFD}E9\n".into(), "c".into()]),
            failed: false,
            opened: vec![("closed".into(), 0o555)],
        };
        intent.begin(&restore).unwrap();
        intent.sync().unwrap();
        assert_eq!(Intent::read(place.path()).unwrap(), Some(restore.clone()));
        intent.fail().unwrap();
        let failed = UnfinishedRestore { failed: true, ..restore.clone() };
        assert_eq!(Intent::read(place.path()).unwrap(), Some(failed));
        let good = encode(&restore);
        for position in 0..good.len() {
            let mut bad = good.clone();
            bad[position] ^= 1;
            assert_eq!(decode(&bad), None, "flipped bit at {position}");
            assert_eq!(decode(&good[..position]), None, "cut at {position}");
        }
        // A shorter one over a longer one.
        let all = UnfinishedRestore { what: RestoreWhat::All, ..restore };
        intent.begin(&all).unwrap();
        assert_eq!(Intent::read(place.path()).unwrap(), Some(all));
        intent.end().unwrap();
        assert_eq!(Intent::read(place.path()).unwrap(), None);
    }
}
