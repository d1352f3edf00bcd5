//! The repository of a history: making it, checking it, moving a broken one aside.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use git2::{Config, ConfigLevel, ObjectType, Oid, Repository, RepositoryInitOptions};

use crate::durable::{REFERENCES, sync_file_system, sync_folder, write_file};
use crate::entry::{Kind, empty_tree, read_tree};
use crate::error::SnapshotError;

/// The folder of the repository in the folder of the history.
pub(crate) const FOLDER: &str = "repository.git";
/// Holds the name of the boot in which every object of the newest snapshots was last seen.
const CHECKED: &str = "okcvm-checked";
/// Leftovers of a killed process that are older than this belong to nobody.
const LEFTOVER_AGE: Duration = Duration::from_secs(3600);

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
fn ignore_foreign_configuration() -> Result<(), git2::Error> {
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

/// What the check of a repository found.
enum Health {
    Good(Repository),
    Broken(String),
}

/// Opens the repository in `folder`, makes it if there is none, and moves a broken one aside, which is
/// then said in words for people.
pub(crate) fn open(folder: &Path) -> Result<(Repository, Option<String>), SnapshotError> {
    ignore_foreign_configuration()?;
    fs::create_dir_all(folder).map_err(|error| SnapshotError::storage("created", folder, error))?;
    let path = folder.join(FOLDER);
    if !path.try_exists().map_err(|error| SnapshotError::storage("opened", &path, error))? {
        return Ok((create(folder)?, None));
    }
    sweep(&path);
    match check(&path)? {
        Health::Good(repository) => Ok((repository, None)),
        Health::Broken(reason) => {
            let aside = move_aside(&path, folder)?;
            let name = aside.file_name().unwrap_or_default().to_string_lossy().into_owned();
            tracing::error!(path = %path.display(), aside = %aside.display(), reason, "the history is broken");
            let notice = format!(
                "The history of this session was damaged ({reason}). It was moved aside to `{name}` and a new \
                 one was begun; the files of the workspace are untouched, but earlier moments cannot be restored."
            );
            Ok((create(folder)?, Some(notice)))
        }
    }
}

/// Makes an empty repository under another name and moves it to its place when it is complete, so that a
/// kill in between leaves nothing that looks broken.
fn create(folder: &Path) -> Result<Repository, SnapshotError> {
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
    remember_check(&new, boot_name());
    sync_file_system(&new)?;
    let path = folder.join(FOLDER);
    fs::rename(&new, &path).map_err(|error| SnapshotError::storage("created", &path, error))?;
    sync_folder(folder)?;
    Ok(Repository::open_bare(&path)?)
}

fn move_aside(path: &Path, folder: &Path) -> Result<PathBuf, SnapshotError> {
    let mut number = 1;
    loop {
        let aside = folder.join(format!("repository.broken-{number}"));
        if fs::symlink_metadata(&aside).is_err() {
            fs::rename(path, &aside).map_err(|error| SnapshotError::storage("moved aside", path, error))?;
            return Ok(aside);
        }
        number += 1;
    }
}

/// Removes what killed processes left behind.
fn sweep(path: &Path) {
    let old = |entry: &fs::DirEntry| {
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        modified.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > LEFTOVER_AGE))
    };
    let leftovers = [("objects", "tmp_object"), ("objects/pack", "tmp_"), (REFERENCES, "")];
    for (folder, prefix) in leftovers {
        for entry in fs::read_dir(path.join(folder)).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let ours = if prefix.is_empty() { name.ends_with(".lock") } else { name.starts_with(prefix) };
            if ours && old(&entry) {
                // What cannot be removed is looked at again the next time.
                let _ = fs::remove_file(entry.path());
            }
        }
    }
}

fn check(path: &Path) -> Result<Health, SnapshotError> {
    let broken = |reason: &str| Ok(Health::Broken(reason.to_owned()));
    // Our own files first: when they are in order and libgit2 still refuses, the reason lies outside (the
    // owner of the folder, the user's configuration), and moving the history aside would help nobody.
    let head = match fs::read(path.join("HEAD")) {
        Ok(head) => head,
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            return Err(SnapshotError::storage("read", path.join("HEAD"), error));
        }
        Err(_) => return broken("its HEAD cannot be read"),
    };
    let head = head.trim_ascii_end();
    if !head.starts_with(b"ref: refs/") && !is_id(head) {
        return broken("its HEAD is not readable");
    }
    if Config::open(&path.join("config")).and_then(|config| config.get_bool("core.bare")).is_err() {
        return broken("its configuration is not readable");
    }
    if !path.join("objects").is_dir() || !path.join("refs").is_dir() {
        return broken("a folder of it is missing");
    }
    let repository = Repository::open_bare(path)?;
    match check_snapshots(&repository, path) {
        Ok(()) => Ok(Health::Good(repository)),
        Err(Fault::Broken(reason)) => Ok(Health::Broken(reason)),
        Err(Fault::Failed(error)) => Err(error),
    }
}

fn is_id(text: &[u8]) -> bool {
    text.len() == 40 && text.iter().all(u8::is_ascii_hexdigit)
}

enum Fault {
    Broken(String),
    Failed(SnapshotError),
}

impl From<SnapshotError> for Fault {
    fn from(error: SnapshotError) -> Self {
        match error {
            SnapshotError::Damaged { what, .. } => Self::Broken(format!("{what} cannot be read")),
            other => Self::Failed(other),
        }
    }
}

/// Every snapshot's commit and its root tree have to be readable; once per boot of the machine also every
/// object of the snapshots that have no successor. A process that is killed cannot undo what the system
/// already has; only a crash of the machine can, so one look after each start is enough.
fn check_snapshots(repository: &Repository, path: &Path) -> Result<(), Fault> {
    heal_references(repository, path)?;
    let references = repository
        .references_glob(&format!("{REFERENCES}/*"))
        .map_err(|error| Fault::Broken(format!("its references cannot be read: {}", error.message())))?;
    let mut trees = Vec::new();
    let mut parents = HashSet::new();
    for reference in references {
        let oid = reference
            .map_err(|error| Fault::Broken(format!("a reference cannot be read: {}", error.message())))?
            .target()
            .ok_or_else(|| Fault::Broken("a reference names no snapshot".to_owned()))?;
        let damaged = || SnapshotError::damaged(format!("the snapshot {oid}"));
        let commit = repository.find_commit(oid).map_err(damaged())?;
        parents.extend(commit.parent_ids());
        let tree = commit.tree_id();
        if tree != empty_tree() {
            repository.find_tree(tree).map_err(damaged())?;
        }
        trees.push((oid, tree));
    }
    let boot = boot_name();
    if boot.is_some() && fs::read_to_string(path.join(CHECKED)).ok() == boot {
        return Ok(());
    }
    let mut seen = HashSet::new();
    for (commit, tree) in trees {
        if !parents.contains(&commit) {
            check_tree(repository, tree, &mut seen)?;
        }
    }
    remember_check(path, boot);
    Ok(())
}

fn remember_check(path: &Path, boot: Option<String>) {
    if let Some(boot) = boot
        && let Err(error) = fs::write(path.join(CHECKED), boot)
    {
        tracing::debug!(%error, "the next opening checks the history again");
    }
}

fn check_tree(repository: &Repository, root: Oid, seen: &mut HashSet<Oid>) -> Result<(), Fault> {
    let odb = repository.odb().map_err(SnapshotError::from)?;
    let mut ahead = vec![root];
    while let Some(tree) = ahead.pop() {
        if !seen.insert(tree) {
            continue;
        }
        for entry in read_tree(repository, tree)?.into_values() {
            if entry.kind == Kind::Folder {
                ahead.push(entry.oid);
            } else if seen.insert(entry.oid) {
                let what = || SnapshotError::damaged(format!("the file content {}", entry.oid));
                let (_, kind) = odb.read_header(entry.oid).map_err(what())?;
                if kind != ObjectType::Blob {
                    return Err(what()(git2::Error::from_str("it is no blob")).into());
                }
            }
        }
    }
    Ok(())
}

/// A reference has the name of its own target. One whose content was lost (a file system that does not
/// keep its word on syncs) is written again, if its commit is there.
fn heal_references(repository: &Repository, path: &Path) -> Result<(), Fault> {
    for entry in fs::read_dir(path.join(REFERENCES)).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| is_id(name.as_bytes())) else { continue };
        let content = fs::read(entry.path()).unwrap_or_default();
        if content.trim_ascii_end() == name.as_bytes() {
            continue;
        }
        let known = Oid::from_str(name).is_ok_and(|oid| repository.find_commit(oid).is_ok());
        if !known {
            return Err(Fault::Broken(format!("the reference to {name} is not readable")));
        }
        write_file(&entry.path(), format!("{name}\n").as_bytes())?;
    }
    Ok(())
}

/// A name that changes when the machine starts; `None` where there is none.
fn boot_name() -> Option<String> {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()
}

#[cfg(test)]
#[path = "repository_tests.rs"]
mod tests;
