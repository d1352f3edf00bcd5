//! Loose objects: one file each, as git writes them and as older histories have them.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::ZlibDecoder;

use crate::error::{ObjectError, is_damage};
use crate::id::{ObjectId, ObjectKind};

/// A loose object that is being read.
pub(crate) struct Loose {
    pub(crate) kind: ObjectKind,
    pub(crate) size: u64,
    pub(crate) content: ZlibDecoder<BufReader<File>>,
}

pub(crate) fn path(objects: &Path, id: &ObjectId) -> PathBuf {
    let name = id.to_string();
    objects.join(&name[..2]).join(&name[2..])
}

/// The names of all loose objects.
pub(crate) fn list(objects: &Path) -> Result<HashSet<ObjectId>, ObjectError> {
    let mut found = HashSet::new();
    for first in names(objects)? {
        let Some(first) = first.to_str().filter(|name| name.len() == 2) else { continue };
        for rest in names(&objects.join(first))? {
            if let Some(id) = rest.to_str().and_then(|rest| format!("{first}{rest}").parse().ok()) {
                found.insert(id);
            }
        }
    }
    Ok(found)
}

/// What is in a folder; nothing if it is gone or is a file.
fn names(folder: &Path) -> Result<Vec<OsString>, ObjectError> {
    let name_of = |entry: io::Result<fs::DirEntry>| entry.map(|entry| entry.file_name());
    match fs::read_dir(folder).and_then(|entries| entries.map(name_of).collect()) {
        Ok(names) => Ok(names),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(Vec::new())
        }
        Err(error) => Err(ObjectError::storage("read", folder)(error)),
    }
}

/// Opens a loose object; `None` if it is not there.
pub(crate) fn open(objects: &Path, id: &ObjectId) -> Result<Option<Loose>, ObjectError> {
    let path = path(objects, id);
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(ObjectError::storage("read", &path)(error)),
    };
    let mut content = ZlibDecoder::new(BufReader::new(file));
    let damaged = |reason: &str| ObjectError::damaged(format!("the object {id}"), reason);
    let mut head = Vec::with_capacity(32);
    let mut byte = [0];
    loop {
        content.read_exact(&mut byte).map_err(|error| {
            if is_damage(&error) {
                damaged("its head does not inflate")
            } else {
                ObjectError::storage("read", &path)(error)
            }
        })?;
        if byte[0] == 0 {
            break;
        }
        head.push(byte[0]);
        if head.len() > 32 {
            return Err(damaged("its head has no form"));
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let parsed = head.split_once(' ').and_then(|(word, size)| {
        let kind = [ObjectKind::Blob, ObjectKind::Tree, ObjectKind::Commit]
            .into_iter()
            .find(|kind| kind.word() == word)?;
        Some((kind, size.parse().ok()?))
    });
    let (kind, size) = parsed.ok_or_else(|| damaged("its head has no form"))?;
    Ok(Some(Loose { kind, size, content }))
}

/// Reads a loose object; `None` if it is not there.
pub(crate) fn read(objects: &Path, id: &ObjectId) -> Result<Option<(ObjectKind, Vec<u8>)>, ObjectError> {
    let Some(mut loose) = open(objects, id)? else { return Ok(None) };
    let damaged = |reason: String| ObjectError::damaged(format!("the object {id}"), reason);
    let mut bytes = Vec::new();
    let read = loose.content.by_ref().take(loose.size.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|error| {
        if is_damage(&error) {
            damaged(error.to_string())
        } else {
            ObjectError::storage("read", &path(objects, id))(error)
        }
    })?;
    if bytes.len() as u64 != loose.size {
        return Err(damaged("its size is not what it says".to_owned()));
    }
    Ok(Some((loose.kind, bytes)))
}
