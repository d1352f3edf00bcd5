//! The repository of a history: making it, checking it, moving a broken one aside.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
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
use crate::history::{Loss, Lost, WhyLost};
use crate::index::Index;
use crate::journal::{Journal, Record, nearest, parents, without};
use crate::references::References;
use crate::repair;
use crate::shallow::{self, Cut};

/// The folder of the repository in the folder of the history.
pub(crate) const FOLDER: &str = "repository.git";
/// How long one that only reads waits for another process that makes the repository.
const PATIENCE: Duration = Duration::from_secs(5);

/// `fsck --strict` judges files of these names by their content. They are the user's, and are recorded
/// as they are; so these judgements are switched off in our repository.
pub(crate) const IGNORED_JUDGEMENTS: [&str; 9] = [
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
pub(crate) enum Refusal {
    Broken(Fault),
    Failed(SnapshotError),
}

impl<E: Into<SnapshotError>> From<E> for Refusal {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// What is said of a history of which nothing is left but what others know of it.
pub const GONE: &str = "The history of this session is gone from its folder, and a new one was begun; the files of \
                               the workspace are untouched, but earlier moments cannot be restored.";

/// Opens the repository in `folder` for the one who writes: makes it if there is none, brings it in order
/// after a crash, and moves a broken one aside, which is then said in words for people.
pub(crate) fn open(folder: &Path, disk: &Arc<dyn Disk>) -> Result<Opened, SnapshotError> {
    let path = folder.join(FOLDER);
    if !path.try_exists().map_err(|error| SnapshotError::storage("opened", &path, error))? {
        let had_snapshots = Journal::load(&folder.join(JOURNAL), disk)
            .is_ok_and(|journal| journal.is_some_and(|it| !it.records().is_empty()));
        return begin(folder, disk, had_snapshots.then(|| GONE.to_owned()));
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
    set_up(&new.join("config"))?;
    let references = new.join(REFERENCES);
    fs::create_dir_all(&references).map_err(|error| SnapshotError::storage("created", references, error))?;
    sync_file_system(&new)?;
    let path = folder.join(FOLDER);
    fs::rename(&new, &path).map_err(|error| SnapshotError::storage("created", &path, error))?;
    sync_folder(folder)
}

/// Writes into a configuration, made if it is not there, what it says in each of our repositories.
pub(crate) fn set_up(config: &Path) -> Result<(), SnapshotError> {
    let mut config = Config::open(config)?;
    config.set_i32("core.repositoryformatversion", 0)?;
    config.set_bool("core.bare", true)?;
    config.set_i32("gc.auto", 0)?;
    config.set_bool("core.logAllRefUpdates", false)?;
    for judgement in IGNORED_JUDGEMENTS {
        config.set_str(&format!("fsck.{judgement}"), "ignore")?;
    }
    Ok(())
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

fn look_after(folder: &Path, disk: &Arc<dyn Disk>) -> Result<Opened, Refusal> {
    let path = folder.join(FOLDER);
    let mut mended: BTreeSet<String> = repair::frame(&path, disk)?.into_iter().map(str::to_owned).collect();
    let references = References::new(&path, disk);
    sweep_locks(&path);
    let objects = Objects::open(&path, Arc::clone(disk))?;
    let healed = objects.heal()?;
    if repair::head(&path, &objects, disk)? {
        mended.insert("HEAD".to_owned());
    }
    let (named, damaged) = references.survey()?;
    if damaged + repair::foreign_references(&path, &objects, disk)? > 0 {
        mended.insert("refs".to_owned());
    }
    if !repair::shallow_is_sound(&path) {
        repair::set_aside(&path, &path.join("shallow"), disk)?;
        mended.insert("shallow".to_owned());
    }
    let journal_path = folder.join(JOURNAL);
    let mut losses = Vec::new();
    let mut journal = match Journal::load(&journal_path, disk)? {
        Some(mut journal) => {
            journal.cut_torn()?;
            journal
        }
        None => from_references(&journal_path, &objects, &references, &named, &mut losses)?,
    };
    let looks = if healed.faults.is_empty() && !healed.lost { Looks::Quickly } else { Looks::AtAll };
    let written_again = looks == Looks::AtAll && repair::from_workspace(folder, &objects)?;
    let gone = lost(&objects, &journal, looks)?;
    if !gone.is_empty() {
        losses.extend(remains(journal.records(), &gone));
        drop_lost(&path, &mut journal, &objects, &references, &gone)?;
    }
    take_in_referenced(&mut journal, &objects, &references, &named, &mut losses)?;
    if losses.iter().any(|lost| lost.why == WhyLost::Damage) || looks == Looks::AtAll {
        // It takes files for recorded whose content may be gone.
        Index::remove(folder);
    }
    if written_again && losses.is_empty() {
        mended.insert("content".to_owned());
    }
    objects.sync()?;
    let count = journal.records().len();
    if journal.durable() < count {
        journal.mark(count)?;
    }
    let mut ends = tips(journal.records());
    if !losses.is_empty() || !mended.is_empty() {
        let ids: HashSet<ObjectId> = journal.records().iter().map(|record| record.id).collect();
        let cut = Cut::of(&objects, &ids)?;
        cut.write(&path, disk)?;
        ends = ids.difference(&cut.reached).copied().collect();
    }
    ends.difference(&references.list()?).try_for_each(|end| references.write(end))?;
    if healed.lost {
        objects.forget_damaged()?;
    }
    let notice = notice(&mended, &losses, journal.records().is_empty());
    let loss = if losses.is_empty() { Loss::Nothing } else { Loss::Part(losses) };
    Ok(Opened { objects, journal, notice, loss })
}

/// What is said about a repository that was mended, one matter a line.
fn notice(mended: &BTreeSet<String>, losses: &[Lost], nothing_left: bool) -> Option<String> {
    let mut said = Vec::new();
    if !mended.is_empty() {
        let names: Vec<&str> = mended.iter().map(String::as_str).collect();
        said.push(format!(
            "The history of this session was damaged ({}) and was mended; no snapshot was lost by that.",
            names.join(", ")
        ));
    }
    let count = |why| losses.iter().filter(|lost| lost.why == why).count();
    match count(WhyLost::PowerCut) {
        0 => {}
        count => {
            let were = if count == 1 { "snapshot was" } else { "snapshots were" };
            said.push(format!(
                "The machine went down before the last {count} {were} on the disk. The history ends with the \
                 one before; the files of the workspace are untouched."
            ));
        }
    }
    match count(WhyLost::Damage) {
        0 => {}
        _ if nothing_left => said.push(
            "All snapshots of this session were damaged and can no longer be restored; the files of the \
             workspace are untouched."
                .to_owned(),
        ),
        1 => said.push(
            "One snapshot of this session was damaged and can no longer be restored; the others are there, \
             and the files of the workspace are untouched."
                .to_owned(),
        ),
        count => said.push(format!(
            "{count} snapshots of this session were damaged and can no longer be restored; the others are \
             there, and the files of the workspace are untouched."
        )),
    }
    (!said.is_empty()).then(|| said.join("\n"))
}

/// Removes what a killed process of ours left among the references and beside the list of where history is cut off.
fn sweep_locks(path: &Path) {
    let references = fs::read_dir(path.join(REFERENCES)).into_iter().flatten().flatten();
    let locks =
        references.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|end| end == "lock"));
    for lock in locks.chain([path.join(shallow::LOCK)]) {
        // What cannot be removed is looked at again the next time.
        let _ = fs::remove_file(lock);
    }
}

/// Snapshots that are not whole, each with the reason.
type Gone = BTreeMap<ObjectId, WhyLost>;

/// Which snapshots of the journal are not whole. A power cut can have taken only those behind the last mark;
/// others are damaged. If of none of them anything can be read, the repository is broken.
fn lost(objects: &Objects, journal: &Journal, looks: Looks) -> Result<Gone, Refusal> {
    let (records, durable) = (journal.records(), journal.durable());
    let mut check = Check::new(objects);
    let mut gone = Gone::new();
    let mut first = None;
    if looks == Looks::AtAll || !look_fine(&check, objects, &records[..durable])? {
        for record in &records[..durable] {
            if let Some(fault) = check.is_whole(record, None)? {
                tracing::error!(id = %record.id, fault, "a snapshot is damaged");
                gone.insert(record.id, WhyLost::Damage);
                first.get_or_insert(fault);
            }
        }
    }
    for record in &records[durable..] {
        let sound = record.parent.filter(|parent| !gone.contains_key(parent));
        let sound = sound.and_then(|parent| journal.get(&parent)).map(|parent| parent.tree);
        if let Some(fault) = check.is_whole(record, sound)? {
            tracing::error!(id = %record.id, fault, "a snapshot was cut");
            gone.insert(record.id, WhyLost::PowerCut);
        }
    }
    match first {
        Some(fault) if gone.len() == records.len() && !any_there(&check, records)? => {
            Err(Refusal::Broken(fault))
        }
        _ => Ok(gone),
    }
}

/// Of one of the snapshots at least its commit and its root are there.
fn any_there(check: &Check<'_>, records: &[Record]) -> Result<bool, SnapshotError> {
    for record in records {
        if check.is_there(record)?.is_none() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// How far a start looks into the snapshots that were durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looks {
    /// Whether their commits are there, and the roots of the tips.
    Quickly,
    /// A pack is gone, torn or damaged that may have held anything: through all.
    AtAll,
}

/// All seem to be there.
fn look_fine(check: &Check<'_>, objects: &Objects, records: &[Record]) -> Result<bool, SnapshotError> {
    let tips = tips(records);
    for record in records {
        let fine = if tips.contains(&record.id) {
            check.is_there(record)?.is_none()
        } else {
            objects.contains(&record.id)?
        };
        if !fine {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Each of the lost snapshots with the nearest one before it that is kept.
fn remains(records: &[Record], gone: &Gone) -> Vec<Lost> {
    let parents = parents(records);
    let named = |id: &ObjectId| SnapshotId(id.to_string());
    let before = |id: &ObjectId| {
        let before = parents.get(id).copied().flatten();
        nearest(before, &parents, &|id| gone.contains_key(id)).as_ref().map(named)
    };
    gone.iter().map(|(id, why)| Lost { snapshot: named(id), before: before(id), why: *why }).collect()
}

fn drop_lost(
    path: &Path,
    journal: &mut Journal,
    objects: &Objects,
    references: &References,
    gone: &Gone,
) -> Result<(), SnapshotError> {
    let kept = without(journal.records(), &|id| gone.contains_key(id));
    let ids = kept.iter().map(|record| record.id).collect();
    // What is cut off is known to git before it misses anything.
    Cut::of(objects, &ids)?.write(path, references.disk())?;
    references.remove_all(&gone.keys().copied().collect())?;
    journal.rewrite(kept)
}

/// A journal for a repository that has none: an older one, or one whose journal was lost.
fn from_references(
    path: &Path,
    objects: &Objects,
    references: &References,
    named: &BTreeSet<ObjectId>,
    losses: &mut Vec<Lost>,
) -> Result<Journal, Refusal> {
    let Reached { mut records, unreadable } = reachable(objects, named, &HashSet::new())?;
    let mut gone: Gone = unreadable.into_iter().map(|id| (id, WhyLost::Damage)).collect();
    let mut check = Check::new(objects);
    let mut whole = gone.is_empty();
    let ends = tips(&records);
    for record in records.iter().filter(|record| ends.contains(&record.id)) {
        whole = whole && check.is_whole(record, None)?.is_none();
    }
    if !whole {
        let mut first = None;
        for record in &records {
            if let Some(fault) = check.is_whole(record, None)? {
                gone.insert(record.id, WhyLost::Damage);
                first.get_or_insert(fault);
            }
        }
        losses.extend(remains(&records, &gone));
        let any_there = any_there(&check, &records)?;
        records = without(&records, &|id| gone.contains_key(id));
        if records.is_empty() && !any_there {
            let fault = first.unwrap_or_else(|| "none of its snapshots can be read".to_owned());
            return Err(Refusal::Broken(fault));
        }
    }
    let tips = tips(&records);
    let journal = Journal::create(path, references.disk(), records)?;
    // Older histories had one for each snapshot.
    references.remove_all(&named.difference(&tips).copied().collect())?;
    Ok(journal)
}

/// Puts snapshots into the journal that have a reference and no record there, if they are whole.
fn take_in_referenced(
    journal: &mut Journal,
    objects: &Objects,
    references: &References,
    named: &BTreeSet<ObjectId>,
    losses: &mut Vec<Lost>,
) -> Result<(), Refusal> {
    let is_lost = |id: &ObjectId| losses.iter().any(|lost| lost.snapshot.as_str() == id.to_string());
    let unknown: BTreeSet<ObjectId> =
        named.iter().filter(|id| journal.get(id).is_none() && !is_lost(id)).copied().collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let known: HashSet<ObjectId> = journal.records().iter().map(|record| record.id).collect();
    let mut check = Check::new(objects);
    for id in unknown {
        let Reached { records, unreadable } = reachable(objects, &BTreeSet::from([id]), &known)?;
        let mut gone: Gone = unreadable.into_iter().map(|id| (id, WhyLost::PowerCut)).collect();
        for record in &records {
            if check.is_whole(record, None)?.is_some() {
                gone.insert(record.id, WhyLost::PowerCut);
            }
        }
        if gone.contains_key(&id) {
            tracing::error!(%id, "a reference names a snapshot that was cut");
            references.remove_all(&BTreeSet::from([id]))?;
        }
        losses.extend(remains(&records, &gone));
        for record in without(&records, &|id| gone.contains_key(id)) {
            if journal.get(&record.id).is_none() {
                journal.append(record)?;
            }
        }
    }
    Ok(())
}

/// What was found from some tips on.
struct Reached {
    /// Parents first and then by time.
    records: Vec<Record>,
    /// Commits that are missing or damaged.
    unreadable: BTreeSet<ObjectId>,
}

/// The snapshots from which `tips` came, without those in `known`.
fn reachable(
    objects: &Objects,
    tips: &BTreeSet<ObjectId>,
    known: &HashSet<ObjectId>,
) -> Result<Reached, SnapshotError> {
    let mut found: HashMap<ObjectId, Record> = HashMap::new();
    let mut unreadable = BTreeSet::new();
    let mut ahead: Vec<ObjectId> = tips.iter().copied().collect();
    while let Some(id) = ahead.pop() {
        if known.contains(&id) || found.contains_key(&id) {
            continue;
        }
        let snapshot = match objects.read_kind(&id, ObjectKind::Commit) {
            Ok(bytes) => Snapshot::parse(&bytes).ok(),
            Err(ObjectError::Missing { .. } | ObjectError::Damaged { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let Some(snapshot) = snapshot else {
            unreadable.insert(id);
            continue;
        };
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
    Ok(Reached { records, unreadable })
}

#[cfg(test)]
#[path = "repository_tests.rs"]
pub(crate) mod tests;

#[cfg(test)]
#[path = "power_cut_tests.rs"]
mod power_cut_tests;

#[cfg(test)]
#[path = "damage_tests.rs"]
mod damage_tests;
