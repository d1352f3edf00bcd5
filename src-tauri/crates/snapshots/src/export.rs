//! A copy of a snapshot outside of the history: a zip file or a folder, straight out of git's objects.
//!
//! It holds what the snapshot holds and nothing else. It is written under another name beside its place and
//! gets its name when it is complete and on the disk, so that whatever happens there is a whole copy or none.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use okcvm_objects::{EMPTY_TREE, Entry, EntryKind, ObjectId};
use okcvm_protocol::{SkippedFile, SnapshotId};
use okcvm_workspace::TEMPORARY_PREFIX;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

use crate::durable::sync_folder;
use crate::entry::{below, shown, split};
use crate::error::SnapshotError;
use crate::history::History;
use crate::housekeeping::Cancel;

/// Bytes that are copied at a time.
const PIECE: usize = 256 * 1024;
/// From here on an entry of a zip file has the sizes of the later format.
const LARGE: u64 = 0xffff_0000;

/// What a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportForm {
    /// One zip file, with executable bits, links and empty folders.
    Zip,
    /// A folder, which must not be there before, unless it is empty.
    Folder,
}

/// Whether a file that has the name already may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It stays, and the copy is refused.
    Refuse,
    /// It is replaced when the copy is complete.
    Replace,
}

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ExportCount {
    /// Files that are copied.
    pub files_done: u64,
    /// Files in all, links included.
    pub files: u64,
    /// Bytes that are copied.
    pub bytes_done: u64,
    /// Bytes in all.
    pub bytes: u64,
}

/// What was copied.
#[derive(Debug, Clone, PartialEq)]
pub struct Exported {
    /// Files, links included.
    pub files: u64,
    /// Bytes of their contents.
    pub bytes: u64,
    /// Files and folders that have another name in the copy, with that name: theirs is no text or has a backslash, which a
    /// zip file cannot say, or the file system takes it for that of another one.
    pub renamed: Vec<SkippedFile>,
}

/// Something to copy.
struct Item {
    path: Vec<u8>,
    entry: Entry,
    size: u64,
}

/// Removes what is not complete.
struct Unfinished {
    path: PathBuf,
    done: bool,
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let removed =
            if self.path.is_dir() { fs::remove_dir_all(&self.path) } else { fs::remove_file(&self.path) };
        if let Err(error) = removed
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.path.display(), %error, "a copy that is not complete stays");
        }
    }
}

impl History {
    /// Writes a copy of the files of a snapshot to `target`. `tell` hears how far it is, at every file and at
    /// least at every few hundred kilobytes. Called off, with a full disk, or with a content that is damaged
    /// it leaves nothing behind.
    pub fn export(
        &self,
        id: &SnapshotId,
        target: &Path,
        form: ExportForm,
        taken: Taken,
        cancel: &Cancel,
        tell: &mut dyn FnMut(ExportCount),
    ) -> Result<Exported, SnapshotError> {
        may_be_made(target, form, taken)?;
        let snapshot = self.shared.archive.snapshot(id)?;
        let items = self.items(snapshot.tree, cancel)?;
        let all = items.iter().filter(|item| item.entry.kind != EntryKind::Folder);
        let mut count = ExportCount { files: all.clone().count() as u64, ..ExportCount::default() };
        count.bytes = all.map(|item| item.size).sum();
        tell(count);
        let unfinished = Unfinished { path: beside(target)?, done: false };
        let mut copying = Copying { history: self, cancel, tell, count };
        let renamed = match form {
            ExportForm::Zip => copying.zip(&items, &unfinished.path, snapshot.at_ms())?,
            ExportForm::Folder => copying.folder(&items, &unfinished.path)?,
        };
        let count = copying.count;
        cancel.check()?;
        put_in_place(unfinished, target, form, taken)?;
        Ok(Exported { files: count.files_done, bytes: count.bytes_done, renamed })
    }

    /// All files, links and empty folders below a tree, in the order of the tree.
    fn items(&self, root: ObjectId, cancel: &Cancel) -> Result<Vec<Item>, SnapshotError> {
        let source = self.source();
        let mut items = Vec::new();
        let mut ahead = vec![(Vec::new(), root)];
        while let Some((folder, tree)) = ahead.pop() {
            cancel.check()?;
            for (name, entry) in source.tree(tree)?.iter() {
                let path = below(&folder, name);
                if entry.kind == EntryKind::Folder && entry.id != EMPTY_TREE {
                    ahead.push((path, entry.id));
                } else {
                    let size = if entry.kind == EntryKind::Folder { 0 } else { source.size(entry.id)? };
                    items.push(Item { path, entry: *entry, size });
                }
            }
        }
        items.sort_by(|left, right| left.path.cmp(&right.path));
        Ok(items)
    }
}

/// What refuses a copy before anything is written.
fn may_be_made(target: &Path, form: ExportForm, taken: Taken) -> Result<(), SnapshotError> {
    let path = || target.to_string_lossy().into_owned();
    let failed = |error| SnapshotError::copy("saved", target, error);
    if target.file_name().is_none() {
        return Err(failed(io::Error::from(io::ErrorKind::InvalidInput)));
    }
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !fs::metadata(folder).map_err(failed)?.is_dir() {
        return Err(failed(io::Error::from(io::ErrorKind::NotADirectory)));
    }
    match fs::symlink_metadata(target) {
        Ok(found) if form == ExportForm::Folder => {
            // Files are never mixed with others.
            let empty = found.is_dir() && fs::read_dir(target).map_err(failed)?.next().is_none();
            if empty { Ok(()) } else { Err(SnapshotError::Taken { path: path(), replaceable: false }) }
        }
        Ok(found) if taken == Taken::Refuse || found.is_dir() => {
            Err(SnapshotError::Taken { path: path(), replaceable: !found.is_dir() })
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
        _ => Ok(()),
    }
}

/// A name that nothing has, in the same folder.
fn beside(target: &Path) -> Result<PathBuf, SnapshotError> {
    let random = RandomState::new().build_hasher().finish();
    let name = format!("{TEMPORARY_PREFIX}copy-{random:016x}");
    let path = target.with_file_name(name);
    if fs::symlink_metadata(&path).is_ok() {
        let error = io::Error::from(io::ErrorKind::AlreadyExists);
        return Err(SnapshotError::copy("saved", path, error));
    }
    Ok(path)
}

fn put_in_place(
    mut unfinished: Unfinished,
    target: &Path,
    form: ExportForm,
    taken: Taken,
) -> Result<(), SnapshotError> {
    let failed = |error: io::Error| SnapshotError::copy("saved", target, error);
    let from = &unfinished.path;
    // A folder replaces an empty one, and nothing else.
    let renamed = if taken == Taken::Replace || form == ExportForm::Folder {
        fs::rename(from, target)
    } else {
        match renameat_with(CWD, from.as_path(), CWD, target, RenameFlags::NOREPLACE) {
            // A file system that cannot say it in one step.
            Err(Errno::INVAL | Errno::NOSYS) if fs::symlink_metadata(target).is_err() => {
                fs::rename(from, target)
            }
            renamed => renamed.map_err(io::Error::from),
        }
    };
    match renamed {
        Err(error)
            if matches!(error.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty) =>
        {
            let path = target.to_string_lossy().into_owned();
            return Err(SnapshotError::Taken { path, replaceable: form == ExportForm::Zip });
        }
        renamed => renamed.map_err(failed)?,
    }
    unfinished.done = true;
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    sync_folder(folder)
}

/// Where a zip file goes. Once it is given up it takes whatever comes and keeps nothing: the writer of zip files
/// brings every one to its end, and complains if it cannot.
struct Output {
    file: BufWriter<File>,
    given_up: Arc<AtomicBool>,
    at: u64,
    end: u64,
}

impl Output {
    fn unless_given_up<T>(
        &mut self,
        work: impl FnOnce(&mut BufWriter<File>) -> io::Result<T>,
    ) -> io::Result<Option<T>> {
        if self.given_up.load(Ordering::Relaxed) {
            return Ok(None);
        }
        work(&mut self.file).map(Some).inspect_err(|error| {
            if error.kind() != io::ErrorKind::Interrupted {
                self.given_up.store(true, Ordering::Relaxed);
            }
        })
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.unless_given_up(|file| file.write(bytes))?.unwrap_or(bytes.len());
        self.at += written as u64;
        self.end = self.end.max(self.at);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.unless_given_up(Write::flush).map(|_| ())
    }
}

impl Seek for Output {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(target) => Some(target),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.end.checked_add_signed(by),
        };
        let target = target.ok_or(io::ErrorKind::InvalidInput)?;
        self.unless_given_up(|file| file.seek(SeekFrom::Start(target)))?;
        self.at = target;
        Ok(target)
    }
}

struct Copying<'a> {
    history: &'a History,
    cancel: &'a Cancel,
    tell: &'a mut dyn FnMut(ExportCount),
    count: ExportCount,
}

impl Copying<'_> {
    /// The new names of files whose own cannot be said in a zip file.
    fn zip(&mut self, items: &[Item], to: &Path, at_ms: i64) -> Result<Vec<SkippedFile>, SnapshotError> {
        let failed = |error: io::Error| SnapshotError::copy("written", to, error);
        let file = OpenOptions::new().write(true).create_new(true).open(to).map_err(failed)?;
        let given_up = Arc::new(AtomicBool::new(false));
        let output = Output { file: BufWriter::new(file), given_up: Arc::clone(&given_up), at: 0, end: 0 };
        let mut zip = ZipWriter::new(output);
        let filled = self.fill(&mut zip, items, to, at_ms);
        given_up.store(filled.is_err(), Ordering::Relaxed);
        let renamed = filled?;
        let output = zip.finish().map_err(|error| failed(io::Error::from(error)))?;
        let file = output.file.into_inner().map_err(|error| failed(error.into_error()))?;
        file.sync_all().map_err(failed)?;
        Ok(renamed)
    }

    fn fill(
        &mut self,
        zip: &mut ZipWriter<Output>,
        items: &[Item],
        to: &Path,
        at_ms: i64,
    ) -> Result<Vec<SkippedFile>, SnapshotError> {
        let (mut names, mut renamed) = (ZipNames::default(), Vec::new());
        let wrong = |error: zip::result::ZipError| SnapshotError::copy("written", to, io::Error::from(error));
        for item in items {
            self.cancel.check()?;
            let is_folder = item.entry.kind == EntryKind::Folder;
            let name = if is_folder { names.folder(&item.path) } else { names.file(&item.path) };
            if name.as_bytes() != item.path {
                renamed.push(SkippedFile { path: shown(&item.path), reason: name.clone() });
            }
            let mode = if item.entry.kind == EntryKind::Executable { 0o755 } else { 0o644 };
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Deflated)
                .last_modified_time(time_of(at_ms))
                .large_file(item.size >= LARGE)
                .unix_permissions(mode);
            match item.entry.kind {
                EntryKind::Folder => {
                    zip.add_directory(name, options.unix_permissions(0o755)).map_err(wrong)?;
                }
                EntryKind::Link => {
                    let target = self.history.source().blob(item.entry.id)?;
                    let target = String::from_utf8_lossy(&target).into_owned();
                    zip.add_symlink(name, target, options.unix_permissions(0o777)).map_err(wrong)?;
                    self.done(item.size);
                }
                _ => {
                    zip.start_file(name, options).map_err(wrong)?;
                    self.content(item, zip, to)?;
                }
            }
        }
        Ok(renamed)
    }

    /// The new names of what the file system takes for another one of the copy.
    fn folder(&mut self, items: &[Item], to: &Path) -> Result<Vec<SkippedFile>, SnapshotError> {
        fs::create_dir(to).map_err(|error| SnapshotError::copy("created", to, error))?;
        let mut folders = Folders::below(to);
        for item in items {
            self.cancel.check()?;
            if item.entry.kind == EntryKind::Folder {
                folders.place(&item.path)?;
                continue;
            }
            match item.entry.kind {
                EntryKind::Link => {
                    let target = self.history.source().blob(item.entry.id)?;
                    let target = OsStr::from_bytes(&target);
                    folders.put(&item.path, |path| symlink(target, path))?;
                    self.done(item.size);
                }
                kind => {
                    let mode = if kind == EntryKind::Executable { 0o777 } else { 0o666 };
                    let open =
                        |path: &Path| OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
                    let (path, mut file) = folders.put(&item.path, open)?;
                    self.content(item, &mut file, &path)?;
                }
            }
        }
        synced(to)?;
        Ok(folders.renamed)
    }

    fn content(&mut self, item: &Item, to: &mut dyn Write, path: &Path) -> Result<(), SnapshotError> {
        let (_, mut content) = self.history.source().reader(item.entry.id)?;
        let mut buffer = vec![0; PIECE.min(usize::try_from(item.size).unwrap_or(PIECE).max(1))];
        loop {
            self.cancel.check()?;
            let read = match content.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(SnapshotError::workspace("copied", &item.path, error)),
            };
            to.write_all(&buffer[..read]).map_err(|error| SnapshotError::copy("written", path, error))?;
            self.count.bytes_done += read as u64;
            (self.tell)(self.count);
        }
        self.count.files_done += 1;
        (self.tell)(self.count);
        Ok(())
    }

    fn done(&mut self, bytes: u64) {
        self.count.files_done += 1;
        self.count.bytes_done += bytes;
        (self.tell)(self.count);
    }
}

/// The folders of a copy that are made already, and where.
struct Folders<'a> {
    to: &'a Path,
    made: HashMap<Vec<u8>, PathBuf>,
    renamed: Vec<SkippedFile>,
}

impl<'a> Folders<'a> {
    fn below(to: &'a Path) -> Self {
        Self { to, made: HashMap::from([(Vec::new(), to.to_owned())]), renamed: Vec::new() }
    }

    /// Where a folder of the snapshot lies, made if it is not there yet.
    fn place(&mut self, folder: &[u8]) -> Result<PathBuf, SnapshotError> {
        if let Some(made) = self.made.get(folder) {
            return Ok(made.clone());
        }
        let (path, ()) = self.put(folder, |path| fs::create_dir(path))?;
        self.made.insert(folder.to_vec(), path.clone());
        Ok(path)
    }

    /// Makes something in its folder, under its own name or the next one that is free there.
    fn put<T>(
        &mut self,
        path: &[u8],
        make: impl FnMut(&Path) -> io::Result<T>,
    ) -> Result<(PathBuf, T), SnapshotError> {
        let (folder, name) = split(path);
        let folder = self.place(folder)?;
        let (place, is_own, result) = under_a_free_name(&folder, OsStr::from_bytes(name), make)?;
        if !is_own {
            let now = place.strip_prefix(self.to).unwrap_or(&place).as_os_str().as_bytes();
            self.renamed.push(SkippedFile { path: shown(path), reason: shown(now) });
        }
        Ok((place, result))
    }
}

/// Where it was made, and whether under the name itself.
fn under_a_free_name<T>(
    folder: &Path,
    name: &OsStr,
    mut make: impl FnMut(&Path) -> io::Result<T>,
) -> Result<(PathBuf, bool, T), SnapshotError> {
    let mut path = folder.join(name);
    let mut number = 1;
    loop {
        match make(&path) {
            Ok(result) => return Ok((path, number == 1, result)),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                number += 1;
                let mut other = name.to_owned();
                other.push(format!(" ({number})"));
                path = folder.join(other);
            }
            Err(error) => return Err(SnapshotError::copy("written", path, error)),
        }
    }
}

/// Syncs the whole file system where that is one call, else file by file.
fn synced(folder: &Path) -> Result<(), SnapshotError> {
    if crate::durable::sync_file_system(folder)? {
        return Ok(());
    }
    let failed = |error| SnapshotError::copy("synced", folder, error);
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let kind = entry.file_type().map_err(failed)?;
        if kind.is_dir() {
            synced(&entry.path())?;
        } else if kind.is_file() {
            File::open(entry.path()).and_then(|file| file.sync_all()).map_err(failed)?;
        }
    }
    sync_folder(folder)
}

/// Names of a zip file: text, none of them twice, and no file where another name has a folder. They have no backslash,
/// which readers take for the separator of folders.
#[derive(Default)]
struct ZipNames {
    taken: HashSet<String>,
    folders: HashMap<Vec<u8>, String>,
}

impl ZipNames {
    /// The name of a folder of the snapshot, the same each time.
    fn folder(&mut self, path: &[u8]) -> String {
        if let Some(name) = self.folders.get(path) {
            return name.clone();
        }
        let name = self.file(path);
        self.folders.insert(path.to_vec(), name.clone());
        name
    }

    /// A name of its own, below that of its folder.
    fn file(&mut self, path: &[u8]) -> String {
        let (folder, last) = split(path);
        let last = String::from_utf8_lossy(last).replace('\\', "_");
        let plain = if folder.is_empty() { last } else { format!("{}/{last}", self.folder(folder)) };
        let mut name = plain.clone();
        let mut number = 2;
        while !self.taken.insert(name.clone()) {
            name = format!("{plain} ({number})");
            number += 1;
        }
        name
    }
}

/// The moment in the times of zip files, which are from 1980 to 2107; in UTC.
fn time_of(at_ms: i64) -> DateTime {
    let seconds = at_ms.div_euclid(1000);
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // The civil calendar of the years from March on, which end with the leap day.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    let time = u16::try_from(year).ok().and_then(|year| {
        DateTime::from_date_and_time(year, month as u8, day as u8, hour as u8, minute as u8, second as u8)
            .ok()
    });
    time.unwrap_or_default()
}

#[cfg(test)]
#[path = "export_tests.rs"]
mod tests;
