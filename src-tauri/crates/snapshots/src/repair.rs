//! Mending what a repository has beside its objects: HEAD, configuration, references.
//!
//! None of it says anything that is not known from elsewhere: HEAD names a branch that is never there, the
//! configuration is always the same, and the references can be made again from the journal. So nothing is
//! lost with them. What was damaged is kept in the folder `torn` for a while.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use git2::{Config, Repository};
use okcvm_objects::{
    Batch, Disk, EMPTY_TREE, ObjectId, ObjectKind, Objects, STREAMED_FROM, encode_tree, object_id,
};

use crate::durable::REFERENCES;
use crate::error::SnapshotError;
use crate::index::{Folder, Index, Node};
use crate::repository::{IGNORED_JUDGEMENTS, Refusal, set_up};
use crate::shallow::MARKER_FILE;

/// What HEAD says: no git then takes one of the snapshots for the tip of a branch.
const HEAD: &[u8] = b"ref: refs/heads/main\n";
/// Where damaged files are kept, beside torn packs.
pub(crate) const TORN: &str = "torn";
/// So many of one name are kept there; one more takes the place of the first.
const MOST_OF_A_NAME: u32 = 1000;

/// The thing is not there, or is another thing. Any other error may pass, and says nothing of the history.
fn is_amiss(error: &io::Error) -> bool {
    use io::ErrorKind;
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::IsADirectory)
}

fn is_id(text: &[u8]) -> bool {
    text.len() == 40 && text.iter().all(u8::is_ascii_hexdigit)
}

/// A reference that names another one, as git writes it.
fn is_symbolic(text: &[u8]) -> bool {
    let Some(name) = text.strip_prefix(b"ref: refs/") else { return false };
    !name.is_empty() && name.iter().all(u8::is_ascii_graphic) && !name.ends_with(b"/")
}

/// Whether a configuration can be read and says what every history is set up with. The owner may have added to it.
fn is_configured(config: &Path) -> bool {
    Config::open(config).is_ok_and(|config| {
        config.get_bool("core.bare").unwrap_or(false)
            && config.get_i32("core.repositoryformatversion").is_ok_and(|version| version == 0)
            && IGNORED_JUDGEMENTS.iter().all(|judgement| {
                config.get_string(&format!("fsck.{judgement}")).is_ok_and(|word| word == "ignore")
            })
    })
}

/// Mends the parts of the repository that are not objects; what was mended, by name. Where libgit2 still
/// refuses, the reason lies outside (the owner of the folder, the user's configuration), and moving the
/// history aside would help nobody.
pub(crate) fn frame(path: &Path, disk: &Arc<dyn Disk>) -> Result<Vec<&'static str>, Refusal> {
    let mut mended = Vec::new();
    match fs::metadata(path.join("objects")) {
        Ok(metadata) if metadata.is_dir() => {}
        Err(error) if !is_amiss(&error) => {
            return Err(SnapshotError::storage("read", path.join("objects"), error).into());
        }
        // With it went everything.
        _ => return Err(Refusal::Broken("the folder of its content is missing".to_owned())),
    }
    let head = path.join("HEAD");
    match fs::read(&head) {
        Ok(content) if is_symbolic(content.trim_ascii_end()) || is_id(content.trim_ascii_end()) => {}
        Err(error) if !is_amiss(&error) => return Err(SnapshotError::storage("read", head, error).into()),
        _ => {
            write_head(path, disk)?;
            mended.push("HEAD");
        }
    }
    let config = path.join("config");
    match fs::read(&config) {
        Err(error) if !is_amiss(&error) => {
            return Err(SnapshotError::storage("read", config, error).into());
        }
        _ => {}
    }
    if !is_configured(&config) {
        set_aside(path, &config, disk)?;
        let new = path.join("config.new");
        // Its lock, too, which libgit2 leaves when the program is ended while it writes.
        for left in [&new, &path.join("config.new.lock")] {
            if left.exists() {
                disk.remove(left).map_err(|error| SnapshotError::storage("removed", left, error))?;
            }
        }
        set_up(&new)?;
        put_in_place(path, "config.new", "config", disk)?;
        mended.push("config");
    }
    match fs::metadata(path.join("refs")) {
        Ok(metadata) if metadata.is_dir() => {}
        Err(error) if !is_amiss(&error) => {
            return Err(SnapshotError::storage("read", path.join("refs"), error).into());
        }
        _ => {
            let references = path.join(REFERENCES);
            set_aside(path, &path.join("refs"), disk)?;
            disk.create_folder(&references)
                .map_err(|error| SnapshotError::storage("created", &references, error))?;
            mended.push("refs");
        }
    }
    mend_packed(path, disk, &mut mended)?;
    Repository::open_bare(path).map(drop)?;
    Ok(mended)
}

/// Writes again, out of the workspace, what is lost and what the saved index knows a place of; whether there
/// was anything.
pub(crate) fn from_workspace(folder: &Path, objects: &Objects) -> Result<bool, SnapshotError> {
    let Some(index) = Index::load_any(folder) else { return Ok(false) };
    let root = Path::new(OsStr::from_bytes(&index.workspace));
    let batch = objects.batch();
    for path in index.root.paths_of(&|_| true, &|known| objects.contains(&known.id).is_ok_and(|has| !has)) {
        let Some(Node::File(known)) = index.root.at(&path) else { continue };
        let path = root.join(OsStr::from_bytes(&path));
        // What cannot be read, or is another thing by now, is of no use.
        let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
        let content = if metadata.is_symlink() {
            fs::read_link(&path).map(|target| target.into_os_string().into_vec())
        } else if metadata.is_file() && metadata.len() == known.size {
            if known.size >= STREAMED_FROM {
                if let Ok(mut file) = fs::File::open(&path)
                    && let Err(error) = batch.add_stream(&mut file, known.size)
                {
                    tracing::warn!(path = %path.display(), %error, "a lost content was not written again");
                }
                continue;
            }
            fs::read(&path)
        } else {
            continue;
        };
        if let Ok(content) = content
            && object_id(ObjectKind::Blob, &content).is_ok_and(|id| id == known.id)
        {
            batch.add(ObjectKind::Blob, &content)?;
        }
    }
    add_lost_trees(&index.root, objects, &batch)?;
    Ok(batch.finish()?.is_some())
}

fn add_lost_trees(folder: &Folder, objects: &Objects, batch: &Batch) -> Result<(), SnapshotError> {
    for item in &folder.items {
        if let Node::Folder(folder) = &item.node {
            add_lost_trees(folder, objects, batch)?;
        }
    }
    if folder.id != EMPTY_TREE && !objects.contains(&folder.id)? {
        let entries = folder.items.iter().map(|item| (&*item.name, item.node.entry()));
        batch.add(ObjectKind::Tree, &encode_tree(entries))?;
    }
    Ok(())
}

/// Writes HEAD anew if it names an object that is not there.
pub(crate) fn head(path: &Path, objects: &Objects, disk: &Arc<dyn Disk>) -> Result<bool, SnapshotError> {
    let head = path.join("HEAD");
    let content = fs::read(&head).map_err(|error| SnapshotError::storage("read", &head, error))?;
    let id = std::str::from_utf8(content.trim_ascii_end()).ok().and_then(|text| text.parse().ok());
    let Some(id) = id else { return Ok(false) };
    if objects.contains(&id)? {
        return Ok(false);
    }
    write_head(path, disk)?;
    Ok(true)
}

fn write_head(path: &Path, disk: &Arc<dyn Disk>) -> Result<(), SnapshotError> {
    let head = path.join("HEAD");
    if head.is_dir() {
        set_aside(path, &head, disk)?;
    }
    let new = path.join("HEAD.new");
    let failed = |error| SnapshotError::storage("written", &new, error);
    let mut file = disk.create(&new).map_err(failed)?;
    file.write(HEAD).map_err(failed)?;
    drop(file);
    put_in_place(path, "HEAD.new", "HEAD", disk)
}

/// Gives a new file its name, durably.
fn put_in_place(path: &Path, new: &str, name: &str, disk: &Arc<dyn Disk>) -> Result<(), SnapshotError> {
    let (new, name) = (path.join(new), path.join(name));
    let failed = |error| SnapshotError::storage("written", &name, error);
    disk.sync_file(&new).map_err(failed)?;
    disk.rename(&new, &name).map_err(failed)?;
    disk.sync_folder(path).map_err(failed)
}

/// Moves what is damaged to the folder `torn`; what is not there is no error.
pub(crate) fn set_aside(repository: &Path, what: &Path, disk: &Arc<dyn Disk>) -> Result<(), SnapshotError> {
    if fs::symlink_metadata(what).is_err() {
        return Ok(());
    }
    let folder = repository.join(TORN);
    let failed = |error| SnapshotError::storage("moved aside", what, error);
    disk.create_folder(&folder).map_err(failed)?;
    let name = what.strip_prefix(repository).unwrap_or(what).to_string_lossy().replace('/', "-");
    let free = |number: u32| -> PathBuf {
        folder.join(if number == 0 { name.clone() } else { format!("{name}.{number}") })
    };
    let to =
        (0..MOST_OF_A_NAME).map(free).find(|to| fs::symlink_metadata(to).is_err()).unwrap_or_else(|| free(0));
    disk.rename(what, &to).map_err(failed)
}

/// git refuses the whole repository over one wrong line in the file of packed references. Ours are written
/// again from the journal; those of others that are sound get files of their own.
fn mend_packed(
    path: &Path,
    disk: &Arc<dyn Disk>,
    mended: &mut Vec<&'static str>,
) -> Result<(), SnapshotError> {
    let packed = path.join("packed-refs");
    let content = match fs::read(&packed) {
        Ok(content) => content,
        Err(error) if is_amiss(&error) => return Ok(()),
        Err(error) => return Err(SnapshotError::storage("read", packed, error)),
    };
    let named = |line: &[u8]| -> Option<(String, String)> {
        let (id, name) = std::str::from_utf8(line).ok()?.split_once(' ')?;
        let sound = is_id(id.as_bytes()) && is_symbolic(format!("ref: {name}").as_bytes());
        let inside = Path::new(name).components().all(|part| matches!(part, std::path::Component::Normal(_)));
        (sound && inside).then(|| (name.to_owned(), id.to_owned()))
    };
    let lines: Vec<&[u8]> = content.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let is_sound = |line: &[u8]| match line.split_first() {
        Some((b'#', _)) => true,
        Some((b'^', id)) => is_id(id),
        _ => named(line).is_some(),
    };
    if lines.iter().all(|line| is_sound(line)) {
        return Ok(());
    }
    for (name, id) in lines.iter().filter_map(|line| named(line)) {
        let file = path.join(&name);
        if fs::symlink_metadata(&file).is_ok() {
            continue;
        }
        let failed = |error| SnapshotError::storage("written", &file, error);
        if let Some(folder) = file.parent() {
            disk.create_folder(folder).map_err(failed)?;
        }
        let mut file = disk.create(&file).map_err(failed)?;
        file.write(format!("{id}\n").as_bytes()).map_err(failed)?;
    }
    set_aside(path, &packed, disk)?;
    mended.push("packed-refs");
    Ok(())
}

/// Sets those references aside that are not the history's own and name nothing; how many they are.
pub(crate) fn foreign_references(
    path: &Path,
    objects: &Objects,
    disk: &Arc<dyn Disk>,
) -> Result<usize, SnapshotError> {
    let mut found = 0;
    let mut ahead = vec![path.join("refs")];
    while let Some(folder) = ahead.pop() {
        let own = folder == path.join(REFERENCES);
        let failed = |error| SnapshotError::storage("read", &folder, error);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries.collect::<Result<Vec<_>, _>>().map_err(failed)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(failed(error)),
        };
        for entry in entries {
            let file = entry.path();
            let name = entry.file_name();
            let is_ours = own && name.to_str().is_some_and(|name| name.parse::<ObjectId>().is_ok());
            if is_ours || file.extension().is_some_and(|extension| extension == "lock") {
                continue;
            }
            let failed = |error| SnapshotError::storage("read", &file, error);
            if entry.file_type().map_err(failed)?.is_dir() {
                ahead.push(file);
                continue;
            }
            let content = match fs::read(&file) {
                Ok(content) => content,
                // A link that leads nowhere, or to a folder.
                Err(error) if is_amiss(&error) => Vec::new(),
                Err(error) => return Err(failed(error)),
            };
            let content = content.trim_ascii_end();
            let id = std::str::from_utf8(content).ok().and_then(|text| text.parse::<ObjectId>().ok());
            let sound = match id {
                Some(id) => objects.contains(&id)?,
                None => is_symbolic(content),
            };
            if !sound {
                set_aside(path, &file, disk)?;
                found += 1;
            }
        }
    }
    Ok(found)
}

/// git refuses to go through a repository whose list of cut commits it cannot read.
pub(crate) fn shallow_is_sound(path: &Path) -> bool {
    match fs::read(path.join("shallow")) {
        Ok(content) => content.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).all(is_id),
        // Also one that was lost after a thinning.
        Err(error) => error.kind() != io::ErrorKind::NotFound || !path.join(MARKER_FILE).exists(),
    }
}
