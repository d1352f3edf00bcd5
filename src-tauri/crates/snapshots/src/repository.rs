//! The repository of a history: making it, checking it, moving a broken one aside.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use git2::{Config, ConfigLevel, Repository, RepositoryInitOptions};
use okcvm_objects::{Disk, ObjectError, ObjectId, ObjectKind, Objects};
use okcvm_protocol::SnapshotId;

use crate::archive::JOURNAL;
use crate::check::{Check, Fault, tips};
use crate::commit::Snapshot;
use crate::durable::{REFERENCES, sync_file_system, sync_folder};
use crate::error::SnapshotError;
use crate::history::{Loss, Lost};
use crate::journal::{Journal, Record};
use crate::references::References;
use crate::shallow::Cut;

/// The folder of the repository in the folder of the history.
pub(crate) const FOLDER: &str = "repository.git";
/// How long one that only reads waits for another process that makes the repository.
const PATIENCE: Duration = Duration::from_secs(5);

/// `fsck --strict` judges files of these names by their content. They are the user's, and are recorded
/// as they are; so these judgements are switched off in our repository.
const IGNORED_JUDGEMENTS: [&str; 9] = [
    "gitmodulesName",
    "gitmodulesParse",
    "gitmodulesPath",
    "gitmodulesSymlink",
    "gitmodulesUpdate",
    "gitmodulesUrl",
    "gitmodulesLarge",
    "gitattributesLarge",
    "gitattributesLineLength",
];

/// Cuts libgit2 off from the machine's and the user's git configuration: a broken one would keep our
/// repository from opening, and a working one must not change what is recorded. The owner of the folder is
/// not asked for either: the folder is the app's own, and nothing in it is ever run.
#[allow(unsafe_code, reason = "libgit2's settings are global; this is the one place that changes them")]
pub(crate) fn ignore_foreign_configuration() -> Result<(), git2::Error> {
    static DONE: OnceLock<Result<(), String>> = OnceLock::new();
    let done = DONE.get_or_init(|| {
        let levels = [ConfigLevel::ProgramData, ConfigLevel::System, ConfigLevel::XDG, ConfigLevel::Global];
        levels
            .into_iter()
            // SAFETY: called once, before this crate, the only user of libgit2 in the process, opens the
            // first repository; nothing else reads these settings meanwhile.
            .try_for_each(|level| unsafe { git2::opts::set_search_path(level, "") })
            // SAFETY: as above.
            .and_then(|()| unsafe { git2::opts::set_verify_owner_validation(false) })
            .map_err(|error| error.message().to_owned())
    });
    done.as_ref().copied().map_err(|message| git2::Error::from_str(message))
}

/// What was opened.
pub(crate) struct Opened {
    pub(crate) objects: Objects,
    pub(crate) journal: Journal,
    /// For the person to read.
    pub(crate) notice: Option<String>,
    pub(crate) loss: Loss,
}

/// Why a repository was not opened.
enum Refusal {
    Broken(Fault),
    Failed(SnapshotError),
}

impl<E: Into<SnapshotError>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Opens the repository in `folder` for the one who writes: makes it if there is none, brings it in order
/// after a crash, and moves a broken one aside, which is then said in words for people.
pub(crate) fn open(folder: &Path, disk: &Arc<dyn Disk>) -> Result<Opened, SnapshotError> {
    let path = folder.join(FOLDER);
    if !path.try_exists().map_err(|error| SnapshotError::storage("opened", &path, error))? {
        return begin(folder, disk, None);
    }
    match look_after(folder, disk) {
        Ok(opened) => Ok(opened),
        Err(Refusal::Failed(error)) => Err(error),
        Err(Refusal::Broken(reason)) => {
            let aside = move_aside(&path, folder, disk)?;
            let name = aside.file_name().unwrap_or_default().to_string_lossy().into_owned();
            tracing::error!(path = %path.display(), aside = %aside.display(), reason, "the history is broken");
            let notice = format!(
                "The history of this session was damaged ({reason}). It was moved aside to `{name}` and a new \
                 one was begun; the files of the workspace are untouched, but earlier moments cannot be restored."
            );
            begin(folder, disk, Some(notice))
        }
    }
}

/// Opens the repository for one who only reads, while another process may write.
pub(crate) fn open_to_read(folder: &Path, disk: &Arc<dyn Disk>) -> Result<Opened, SnapshotError> {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(journal) = Journal::load(&folder.join(JOURNAL), disk)? {
            let objects = Objects::open(&folder.join(FOLDER), Arc::clone(disk))?;
            return Ok(Opened { objects, journal, notice: None, loss: Loss::Nothing });
        }
        if Instant::now() > end {
            return Err(SnapshotError::Busy);
        }
        thread::sleep(Duration::from_millis(10));
    }
}

fn begin(folder: &Path, disk: &Arc<dyn Disk>, notice: Option<String>) -> Result<Opened, SnapshotError> {
    create(folder)?;
    let journal = Journal::create(&folder.join(JOURNAL), disk, Vec::new())?;
    let loss = if notice.is_some() { Loss::Everything } else { Loss::Nothing };
    Ok(Opened { objects: Objects::open(&folder.join(FOLDER), Arc::clone(disk))?, journal, notice, loss })
}

/// Makes an empty repository under another name and moves it to its place when it is complete, so that a
/// kill in between leaves nothing that looks broken.
fn create(folder: &Path) -> Result<(), SnapshotError> {
    let new = folder.join(format!("{FOLDER}.new"));
    if new.exists() {
        fs::remove_dir_all(&new).map_err(|error| SnapshotError::storage("removed", &new, error))?;
    }
    let mut options = RepositoryInitOptions::new();
    options.bare(true).external_template(false).initial_head("main").no_reinit(true);
    drop(Repository::init_opts(&new, &options)?);
    let mut config = Config::open(&new.join("config"))?;
    config.set_i32("gc.auto", 0)?;
    config.set_bool("core.logAllRefUpdates", false)?;
    for judgement in IGNORED_JUDGEMENTS {
        config.set_str(&format!("fsck.{judgement}"), "ignore")?;
    }
    let references = new.join(REFERENCES);
    fs::create_dir_all(&references).map_err(|error| SnapshotError::storage("created", references, error))?;
    sync_file_system(&new)?;
    let path = folder.join(FOLDER);
    fs::rename(&new, &path).map_err(|error| SnapshotError::storage("created", &path, error))?;
    sync_folder(folder)
}

/// Moves the repository and its journal aside, the journal first: cut in between, the repository is found
/// broken again, while a journal that was left alone would be replaced by a new one.
fn move_aside(path: &Path, folder: &Path, disk: &Arc<dyn Disk>) -> Result<PathBuf, SnapshotError> {
    let is_there = |path: &Path| fs::symlink_metadata(path).is_ok();
    let journal = folder.join(JOURNAL);
    let mut number = 1;
    loop {
        let aside = folder.join(format!("repository.broken-{number}"));
        let beside = folder.join(format!("{JOURNAL}.broken-{number}"));
        number += 1;
        if is_there(&aside) || is_there(&journal) && is_there(&beside) {
            continue;
        }
        match disk.rename(&journal, &beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(SnapshotError::storage("moved aside", journal, error));
            }
            _ => {}
        }
        disk.rename(path, &aside).map_err(|error| SnapshotError::storage("moved aside", path, error))?;
        return Ok(aside);
    }
}

fn is_id(text: &[u8]) -> bool {
    text.len() == 40 && text.iter().all(u8::is_ascii_hexdigit)
}

/// The thing is not there, or is another thing. Any other error may pass, and says nothing of the history.
fn is_amiss(error: &io::Error) -> bool {
    use io::ErrorKind;
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory)
}

/// The parts of the repository that are not objects. When they are in order and libgit2 still refuses, the
/// reason lies outside (the owner of the folder, the user's configuration), and moving the history aside
/// would help nobody.
fn check_frame(path: &Path) -> Result<(), Refusal> {
    let broken = |reason: &str| Err(Refusal::Broken(reason.to_owned()));
    let head = match fs::read(path.join("HEAD")) {
        Ok(head) => head,
        Err(error) if is_amiss(&error) => return broken("its HEAD cannot be read"),
        Err(error) => return Err(SnapshotError::storage("read", path.join("HEAD"), error).into()),
    };
    let head = head.trim_ascii_end();
    if !head.starts_with(b"ref: refs/") && !is_id(head) {
        return broken("its HEAD is not readable");
    }
    match fs::read(path.join("config")) {
        Err(error) if !is_amiss(&error) => {
            return Err(SnapshotError::storage("read", path.join("config"), error).into());
        }
        _ => {}
    }
    if Config::open(&path.join("config")).and_then(|config| config.get_bool("core.bare")).is_err() {
        return broken("its configuration is not readable");
    }
    for folder in ["objects", "refs"] {
        match fs::metadata(path.join(folder)) {
            Ok(metadata) if metadata.is_dir() => {}
            Err(error) if !is_amiss(&error) => {
                return Err(SnapshotError::storage("read", path.join(folder), error).into());
            }
            _ => return broken("a folder of it is missing"),
        }
    }
    Repository::open_bare(path).map(drop)?;
    Ok(())
}

fn look_after(folder: &Path, disk: &Arc<dyn Disk>) -> Result<Opened, Refusal> {
    let path = folder.join(FOLDER);
    check_frame(&path)?;
    let references = References::new(&path, disk);
    sweep_locks(&path);
    let objects = Objects::open(&path, Arc::clone(disk))?;
    let healed = objects.heal()?;
    let journal_path = folder.join(JOURNAL);
    let mut journal = match Journal::load(&journal_path, disk)? {
        Some(mut journal) => {
            journal.cut_torn()?;
            journal
        }
        None => from_references(&journal_path, &objects, &references, disk)?,
    };
    let lost = lost(&objects, &journal, !healed.faults.is_empty())?;
    let (mut notice, mut missing) = (None, Loss::Nothing);
    if !lost.is_empty() {
        missing = Loss::Last(remains(&journal, &lost));
        notice = Some(drop_lost(&mut journal, &references, &lost)?);
        let kept = journal.records().iter().map(|record| record.id).collect();
        Cut::of(&objects, &kept)?.write(&path, disk)?;
    }
    take_in_referenced(&mut journal, &objects, &references)?;
    objects.sync()?;
    let count = journal.records().len();
    if journal.durable() < count {
        journal.mark(count)?;
    }
    let there = references.list()?;
    for tip in tips(journal.records()).difference(&there) {
        references.write(tip)?;
    }
    Ok(Opened { objects, journal, notice, loss: missing })
}

/// Removes what a killed process left among the references.
fn sweep_locks(path: &Path) {
    for entry in fs::read_dir(path.join(REFERENCES)).into_iter().flatten().flatten() {
        if entry.path().extension().is_some_and(|extension| extension == "lock") {
            // What cannot be removed is looked at again the next time.
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Which snapshots a power cut took. Only those behind the last mark can be; if the tip of a line from
/// before it is not whole, the repository is broken. With `deep` all tips are looked through, else those
/// alone that may be cut.
fn lost(objects: &Objects, journal: &Journal, deep: bool) -> Result<BTreeSet<ObjectId>, Refusal> {
    let (records, durable) = (journal.records(), journal.durable());
    let tips = tips(records);
    let mut check = Check::new(objects);
    let mut lost = BTreeSet::new();
    for (position, record) in records.iter().enumerate() {
        if position >= durable {
            let sound = record.parent.filter(|parent| !lost.contains(parent));
            let sound = sound.and_then(|parent| journal.get(&parent)).map(|parent| parent.tree);
            if let Some(fault) = check.is_whole(record, sound)? {
                tracing::error!(id = %record.id, fault, "a snapshot was cut");
                lost.insert(record.id);
            }
            continue;
        }
        let is_tip = tips.contains(&record.id);
        if deep && is_tip {
            if let Some(fault) = check.is_whole(record, None)? {
                return Err(Refusal::Broken(fault));
            }
        } else if is_tip {
            if let Some(fault) = check.is_there(record)? {
                return Err(Refusal::Broken(fault));
            }
        } else if !objects.contains(&record.id)? {
            return Err(Refusal::Broken(format!("the snapshot {} cannot be read", record.id)));
        }
    }
    Ok(lost)
}

/// Each of the lost snapshots with the nearest one before it that is kept.
fn remains(journal: &Journal, lost: &BTreeSet<ObjectId>) -> Vec<Lost> {
    let parent = |id: &ObjectId| journal.get(id).and_then(|record| record.parent);
    let kept = |id: &ObjectId| {
        let mut before = parent(id);
        while let Some(gone) = before.filter(|before| lost.contains(before)) {
            before = parent(&gone);
        }
        before
    };
    let named = |id: &ObjectId| SnapshotId(id.to_string());
    lost.iter().map(|id| Lost { snapshot: named(id), before: kept(id).as_ref().map(named) }).collect()
}

fn drop_lost(
    journal: &mut Journal,
    references: &References,
    lost: &BTreeSet<ObjectId>,
) -> Result<String, SnapshotError> {
    let mut kept: Vec<Record> = journal.records().to_vec();
    kept.retain(|record| !lost.contains(&record.id));
    let parents: HashMap<ObjectId, Option<ObjectId>> =
        journal.records().iter().map(|record| (record.id, record.parent)).collect();
    for record in &mut kept {
        while let Some(parent) = record.parent.filter(|parent| lost.contains(parent)) {
            record.parent = parents.get(&parent).copied().flatten();
        }
    }
    references.remove_all(lost)?;
    journal.rewrite(kept)?;
    let (count, were) = (lost.len(), if lost.len() == 1 { "snapshot was" } else { "snapshots were" });
    Ok(format!(
        "The machine went down before the last {count} {were} on the disk. The history ends with the one \
         before; the files of the workspace are untouched."
    ))
}

/// A journal for a repository that has none: an older one, or one whose journal was lost.
fn from_references(
    path: &Path,
    objects: &Objects,
    references: &References,
    disk: &Arc<dyn Disk>,
) -> Result<Journal, Refusal> {
    let there = references.list()?;
    let records = reachable(objects, &there, &HashSet::new())?;
    let mut check = Check::new(objects);
    let tips = tips(&records);
    for record in records.iter().filter(|record| tips.contains(&record.id)) {
        if let Some(fault) = check.is_whole(record, None)? {
            return Err(Refusal::Broken(fault));
        }
    }
    let journal = Journal::create(path, disk, records)?;
    // Older histories had one for each snapshot.
    references.remove_all(&there.difference(&tips).copied().collect())?;
    Ok(journal)
}

/// Puts snapshots into the journal that have a reference and no record there, if they are whole.
fn take_in_referenced(
    journal: &mut Journal,
    objects: &Objects,
    references: &References,
) -> Result<(), Refusal> {
    let unknown: BTreeSet<ObjectId> =
        references.list()?.into_iter().filter(|id| journal.get(id).is_none()).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let known: HashSet<ObjectId> = journal.records().iter().map(|record| record.id).collect();
    let mut check = Check::new(objects);
    for id in unknown {
        let there = objects.contains(&id)?;
        let records = if there { reachable(objects, &BTreeSet::from([id]), &known) } else { Ok(Vec::new()) };
        let records = match records {
            Ok(records) => records,
            Err(Refusal::Broken(_)) => Vec::new(),
            Err(failed) => return Err(failed),
        };
        let mut whole = !records.is_empty();
        for record in &records {
            whole = whole && check.is_whole(record, None)?.is_none();
        }
        if !whole {
            tracing::error!(%id, "a reference names a snapshot that was cut");
            references.remove_all(&BTreeSet::from([id]))?;
            continue;
        }
        for record in records {
            if journal.get(&record.id).is_none() {
                journal.append(record)?;
            }
        }
    }
    Ok(())
}

/// The snapshots from which `tips` came, parents first and then by time, without those in `known`.
fn reachable(
    objects: &Objects,
    tips: &BTreeSet<ObjectId>,
    known: &HashSet<ObjectId>,
) -> Result<Vec<Record>, Refusal> {
    let mut found: HashMap<ObjectId, Record> = HashMap::new();
    let mut ahead: Vec<ObjectId> = tips.iter().copied().collect();
    while let Some(id) = ahead.pop() {
        if known.contains(&id) || found.contains_key(&id) {
            continue;
        }
        let broken = || Refusal::Broken(format!("the snapshot {id} cannot be read"));
        let bytes = match objects.read_kind(&id, ObjectKind::Commit) {
            Ok(bytes) => bytes,
            Err(ObjectError::Missing { .. } | ObjectError::Damaged { .. }) => return Err(broken()),
            Err(error) => return Err(error.into()),
        };
        let snapshot = Snapshot::parse(&bytes).map_err(|_| broken())?;
        let mut parent = snapshot.parents.first().copied();
        // One that was thinned out is listed in git's `shallow` file, and is no loss.
        if let Some(before) = parent
            && !objects.contains(&before)?
        {
            parent = None;
        }
        ahead.extend(parent);
        let record = Record {
            id,
            parent,
            tree: snapshot.tree,
            at_ms: snapshot.at_ms(),
            author: snapshot.author(),
            message: Some(snapshot.message().to_owned()),
        };
        found.insert(id, record);
    }
    let mut order: Vec<ObjectId> = found.keys().copied().collect();
    order.sort_by_key(|id| (found.get(id).map(|record| record.at_ms), *id));
    let mut records = Vec::with_capacity(found.len());
    for id in order {
        let mut line = Vec::new();
        let mut next = Some(id);
        while let Some(record) = next.and_then(|id| found.remove(&id)) {
            next = record.parent;
            line.push(record);
        }
        records.extend(line.into_iter().rev());
    }
    Ok(records)
}

#[cfg(test)]
#[path = "repository_tests.rs"]
pub(crate) mod tests;

#[cfg(test)]
#[path = "power_cut_tests.rs"]
mod power_cut_tests;
