//! Repositories that were made in the workspace while a command ran. Nothing could hold them, so what git would run there
//! for the user is put aside once the command has ended: hooks, and settings that are not known to be harmless. A
//! repository may be hidden where nobody looks, such as below `node_modules`, and still be looked into by `git status` in
//! another one that names it in its index, so indexes are read as well.
//!
//! A repository of the user stays as it is: only what was made in that time is touched, by the times that the system
//! gives to folders when they are made and to files whenever they change, which no command can set. So is one of which git
//! ran nothing when that time began, if a command made it, or if it was an empty folder. One that was made before and came
//! since, by a move, is only spoken of.
//!
//! What is put aside stays beside its place under another name, so nothing is lost and one renaming brings it back.
//! Commands may run meanwhile; every folder is held by a handle that no link leads away from the workspace.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::policy::Policy;
use crate::put_aside::{ASIDE, PutAside, name};
use crate::repositories::{Origin, Repositories, Seen, git_folder_of, inside, is_repository, noted, origin};
use crate::settings::clean;

/// How long the look through the folders may take.
const TIME: Duration = Duration::from_secs(5);
/// How long it may follow indexes after that.
const FOLLOWING: Duration = Duration::from_secs(2);
/// The clock of files may be behind by this.
const TICK: Duration = Duration::from_millis(20);
/// A longer file of settings is put aside whole.
const MAX_SETTINGS: u64 = 1 << 20;
/// Names that are tried.
const MOST_NAMES: u32 = 1_000;
/// Examples that git makes of hooks end in this; it does not run them.
const EXAMPLE: &[u8] = b".sample";
/// Repositories that are known to be made by commands, in one workspace.
const MOST_MADE: usize = 1_000;

/// What a look found.
#[derive(Debug, Default)]
pub(crate) struct Looked {
    pub aside: PutAside,
    /// Repositories that were made in that time.
    pub made: Vec<Origin>,
    /// Folders that may become some.
    hollow: BTreeSet<Origin>,
}

/// Whose work it may be that is found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// That of a command or cell.
    TheAgents,
    /// Also that of the user.
    Anybodys,
}

/// The repositories that commands have made, by the workspace; kept as long as the program runs. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Made(Arc<Mutex<HashMap<PathBuf, BTreeSet<Origin>>>>);

impl Made {
    pub(crate) fn of(&self, workspace: &Path) -> Vec<Origin> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(workspace).into_iter().flatten().copied().collect()
    }

    fn forget(&self, workspace: &Path) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(workspace);
    }

    pub(crate) fn note(&self, workspace: &Path, made: &[Origin]) {
        if made.is_empty() {
            return;
        }
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.entry(workspace.to_owned()).or_default();
        let room = MOST_MADE.saturating_sub(known.len());
        known.extend(made.iter().take(room));
    }
}

/// The look in the end of a command. A program that stays is looked after by whoever speaks to it, who knows when it was
/// at work: what comes between its calls may be the user's own.
pub(crate) fn after_a_command(policy: &Policy, before: &Repositories) -> Option<Looked> {
    let since = before.until?;
    let looking = Looking {
        workspace: &policy.workspace,
        before,
        hollow: &before.hollow,
        since,
        whose: Whose::TheAgents,
    };
    policy.program.is_none().then(|| look(&looking, &mut BTreeSet::new()))
}

/// Whether nothing in a folder makes git run something.
pub(crate) fn runs_nothing(workspace: &Path, place: &Path) -> bool {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(root) = rustix::fs::open(workspace, flags, Mode::empty()) else { return false };
    let Ok(folder) = beneath(&root, place) else { return false };
    let is_git_folder = |place: &Path| is_repository(workspace, place);
    let newcomer = Newcomer {
        workspace,
        place,
        folder,
        is_git_folder: &is_git_folder,
        only: None,
        since: SystemTime::UNIX_EPOCH,
        stays: true,
    };
    let mut aside = PutAside::default();
    newcomer.quiet(&mut aside);
    aside.is_empty()
}

/// What is looked at, and with what in mind.
struct Looking<'a> {
    workspace: &'a Path,
    before: &'a Repositories,
    /// Empty folders of the time before.
    hollow: &'a BTreeSet<Origin>,
    since: SystemTime,
    whose: Whose,
}

/// Looks for repositories that were not there before and takes from them what git would run. `before` is what was found
/// then; what a command found read-only is its own affair no more. Only what was made or changed after `since` is touched.
/// Those that came by a move are added to `told`, and not spoken of again.
fn look(looking: &Looking<'_>, told: &mut BTreeSet<PathBuf>) -> Looked {
    let &Looking { workspace, before, since, .. } = looking;
    let end = SystemTime::now();
    let (mut found, seen) = Repositories::find_all(workspace, Instant::now() + TIME);
    // What was not held is looked at wherever an index hides it.
    for (_, work_tree) in before.work_trees.iter().filter(|(place, _)| before.free.contains_key(place)) {
        found.look(workspace, work_tree);
    }
    for place in before.free.keys() {
        found.add(workspace, place);
    }
    // What an old index names was found then, unless that search or this one ended early.
    let nothing = BTreeMap::new();
    let known = if seen == Seen::APart || before.is_cut { &nothing } else { &before.indexes };
    let followed = found.follow_indexes(workspace, known, Instant::now() + FOLLOWING);
    let unfinished = seen == Seen::APart || followed == Seen::APart;
    let hollow = std::mem::take(&mut found.hollow);
    let aside = PutAside { unfinished, ..PutAside::default() };
    let mut looked = Looked { aside, made: Vec::new(), hollow };
    let aside = &mut looked.aside;
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(root) = rustix::fs::open(workspace, flags, Mode::empty()) else {
        aside.unfinished = true;
        return looked;
    };
    let is_git_folder = |place: &Path| found.added.contains_key(place) || before.added.contains_key(place);
    let missing = before.missing.iter().filter_map(|file| Some((file.parent()?, Some(file.file_name()?))));
    // Who removes one that was there may make another in its place.
    let added = found.added.iter().filter(|(place, origin)| before.added.get(*place) != Some(origin));
    for (place, only) in added.map(|(place, _)| (place.as_path(), None)).chain(missing) {
        let folder = match beneath(&root, place) {
            Ok(folder) => folder,
            // Gone since it was found, or another in its place, which whoever put it there is asked about.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => continue,
            Err(_) => {
                name(&mut aside.failed, place.display().to_string());
                continue;
            }
        };
        let mut newcomer =
            Newcomer { workspace, place, folder, is_git_folder: &is_git_folder, only, since, stays: true };
        let origin = newcomer.origin();
        let came = if only.is_some() { Came::Made } else { newcomer.came(looking, origin, end) };
        newcomer.stays = looking.whose == Whose::Anybodys || !matches!(came, Came::Made);
        match came {
            Came::Made | Came::Earlier => newcomer.quiet(aside),
            Came::Moved => {
                if !told.contains(place) {
                    newcomer.since = SystemTime::UNIX_EPOCH;
                    let mut of_it = PutAside::default();
                    newcomer.quiet(&mut of_it);
                    // What had nothing to tell may have something the next time.
                    if !of_it.is_empty() {
                        told.insert(place.to_owned());
                    }
                    aside.add(of_it);
                }
            }
            Came::Unknown => aside.unfinished = true,
            Came::Later => {}
        }
        if !newcomer.stays && only.is_none() && looked.made.len() < MOST_MADE {
            looked.made.extend(origin);
        }
    }
    looked
}

/// How a repository came that was not found before.
enum Came {
    /// It was made in the time that is looked at, or nothing in it made git run something when that began.
    Made,
    /// It was made before that, while its program ran.
    Earlier,
    /// It was made before all that, elsewhere.
    Moved,
    /// Nobody knows whether it was there.
    Unknown,
    /// It was made after the end.
    Later,
}

/// A folder below another one, without following any link.
fn beneath(root: &OwnedFd, path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mut folder = rustix::fs::openat(root, ".", flags, Mode::empty())?;
    for part in path.components() {
        let Component::Normal(part) = part else { return Err(Errno::NOENT) };
        folder = rustix::fs::openat(&folder, part, flags, Mode::empty())?;
    }
    Ok(folder)
}

/// A repository that came.
struct Newcomer<'a> {
    workspace: &'a Path,
    /// Relative to the workspace.
    place: &'a Path,
    folder: OwnedFd,
    /// Whether a folder is one of those that are looked at, or that were held.
    is_git_folder: &'a dyn Fn(&Path) -> bool,
    /// The only thing in it that is looked at.
    only: Option<&'a OsStr>,
    /// What has not changed since then stays.
    since: SystemTime,
    /// Nothing in it is touched, only spoken of.
    stays: bool,
}

impl Newcomer<'_> {
    fn origin(&self) -> Option<Origin> {
        let folder = self.folder.try_clone().map(std::fs::File::from);
        origin(&folder.and_then(|folder| folder.metadata()).ok()?)
    }

    fn came(&self, looking: &Looking<'_>, origin: Option<Origin>, end: SystemTime) -> Came {
        let before = looking.before;
        if origin.is_some_and(|origin| {
            looking.hollow.contains(&origin) || before.free.values().any(|free| *free == origin)
        }) {
            return Came::Made;
        }
        let start = before.until.unwrap_or(SystemTime::UNIX_EPOCH);
        let folder = self.folder.try_clone().map(std::fs::File::from);
        match folder.and_then(|folder| folder.metadata()?.created()) {
            Ok(born) if born > end => Came::Later,
            Ok(born) if born + TICK >= self.since => Came::Made,
            Ok(born) if born + TICK >= start => Came::Earlier,
            _ if before.is_cut => Came::Unknown,
            Ok(_) => Came::Moved,
            // Not every file system tells.
            Err(_) => Came::Made,
        }
    }

    /// Leaves nothing new in it that makes git run something.
    fn quiet(&self, aside: &mut PutAside) {
        for file in ["config", "config.worktree", "hooks", "commondir"] {
            if self.only.is_some_and(|only| only != file) {
                continue;
            }
            let done = match rustix::fs::statat(&self.folder, file, AtFlags::SYMLINK_NOFOLLOW) {
                Ok(stat) if file == "hooks" => self.hooks(&stat),
                Ok(stat) if !self.is_new(&stat) => Ok(None),
                Ok(stat) if file == "commondir" => self.common_folder(&stat),
                Ok(stat) => self.settings(file, &stat),
                Err(Errno::NOENT) => Ok(None),
                Err(error) => Err(error.into()),
            };
            let path = self.place.join(file);
            match done {
                Ok(None) => {}
                Ok(Some(what)) => name(&mut aside.files, format!("{} ({what})", path.display())),
                Err(_) => name(&mut aside.failed, path.display().to_string()),
            }
        }
    }

    /// Whether something was made, changed or moved since.
    fn is_new(&self, stat: &Stat) -> bool {
        let changed = Duration::from_secs(stat.st_ctime as _)
            .checked_add(Duration::from_nanos(stat.st_ctime_nsec as _));
        let changed = changed.and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since)?.checked_add(TICK));
        changed.is_none_or(|changed| changed >= self.since)
    }

    fn read(&self, file: &str, most: u64) -> io::Result<Vec<u8>> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let mut text = Vec::new();
        let file = std::fs::File::from(rustix::fs::openat(&self.folder, file, flags, Mode::empty())?);
        file.take(most).read_to_end(&mut text)?;
        Ok(text)
    }

    /// Puts aside what leads git to settings and hooks that nobody looks at.
    fn common_folder(&self, stat: &Stat) -> io::Result<Option<String>> {
        let what = if kind(stat) != FileType::RegularFile {
            "it is no file"
        } else if self.only.is_some() {
            "it leads git to another folder"
        } else {
            let text = self.read("commondir", MAX_SETTINGS)?;
            if inside(self.workspace, self.place, noted(&text))
                .is_some_and(|place| (self.is_git_folder)(&place))
            {
                return Ok(None);
            }
            "it leads elsewhere"
        };
        self.put_aside(OsStr::new("commondir")).map(|_| Some(what.to_owned()))
    }

    /// Puts a file of settings aside if it holds more than harmless ones, and writes these anew.
    fn settings(&self, file: &str, stat: &Stat) -> io::Result<Option<String>> {
        let whole = |what: &str| self.put_aside(OsStr::new(file)).map(|_| Some(what.to_owned()));
        if kind(stat) != FileType::RegularFile {
            return whole("it is no file");
        }
        let text = self.read(file, MAX_SETTINGS + 1)?;
        if text.len() as u64 > MAX_SETTINGS {
            return whole("it is very long");
        }
        let cleaned = clean(&text, |noted| {
            // A folder that is not its work tree would be taken for one.
            inside(self.workspace, self.place, noted.as_bytes())
                .is_some_and(|tree| git_folder_of(self.workspace, &tree).as_deref() == Some(self.place))
        });
        let is_clean = cleaned.taken.is_empty();
        // Under another name it could be written later, where its own is held.
        if is_clean && stat.st_nlink == 1 {
            return Ok(None);
        }
        let aside = self.put_aside(OsStr::new(file))?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let new = rustix::fs::openat(&self.folder, file, flags, Mode::from_raw_mode(0o644))?;
        std::fs::File::from(new).write_all(&cleaned.text)?;
        if is_clean {
            rustix::fs::unlinkat(&self.folder, &aside, AtFlags::empty())?;
            return Ok(None);
        }
        Ok(Some(cleaned.taken.join(", ")))
    }

    /// Puts the hooks aside, all together, if one of them is new and more than an example.
    fn hooks(&self, stat: &Stat) -> io::Result<Option<String>> {
        let hooks = OsStr::new("hooks");
        let mut is_new = self.is_new(stat);
        if kind(stat) == FileType::Directory {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let folder = rustix::fs::openat(&self.folder, hooks, flags, Mode::empty())?;
            let mut only_examples = true;
            for entry in rustix::fs::Dir::read_from(&folder)? {
                let entry = entry?;
                let name = entry.file_name().to_bytes();
                if !matches!(name, b"." | b"..") && !name.ends_with(EXAMPLE) {
                    only_examples = false;
                    let name = OsStr::from_bytes(name);
                    is_new |= self.is_new(&rustix::fs::statat(&folder, name, AtFlags::SYMLINK_NOFOLLOW)?);
                }
            }
            if only_examples {
                return Ok(None);
            }
        }
        if !is_new {
            return Ok(None);
        }
        self.put_aside(hooks).map(|_| Some("hooks".to_owned()))
    }

    /// Gives something a name that git does not know, and tells it.
    fn put_aside(&self, file: &OsStr) -> io::Result<OsString> {
        if self.stays {
            return Err(Errno::PERM.into());
        }
        for number in 1..=MOST_NAMES {
            let mut free: OsString = file.to_owned();
            free.push(ASIDE);
            if number > 1 {
                free.push(format!("-{number}"));
            }
            match rustix::fs::statat(&self.folder, &free, AtFlags::SYMLINK_NOFOLLOW) {
                Err(Errno::NOENT) => {}
                Ok(_) => continue,
                Err(error) => return Err(error.into()),
            }
            return match rustix::fs::renameat(&self.folder, file, &self.folder, &free) {
                Err(Errno::ACCESS) => {
                    // Its rights were taken away.
                    rustix::fs::fchmod(&self.folder, Mode::from_raw_mode(0o700))?;
                    rustix::fs::renameat(&self.folder, file, &self.folder, &free)
                        .map(|()| free)
                        .map_err(Into::into)
                }
                done => done.map(|()| free).map_err(Into::into),
            };
        }
        Err(Errno::EXIST.into())
    }
}

fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// Looks, after the calls of a program that stays, at what was made in its workspace meanwhile.
#[derive(Debug)]
pub(crate) struct NewRepositories {
    workspace: PathBuf,
    before: Repositories,
    so_far: Mutex<SoFar>,
    made: Made,
}

/// What the looks of before have found.
#[derive(Debug)]
struct SoFar {
    told: BTreeSet<PathBuf>,
    hollow: BTreeSet<Origin>,
}

impl NewRepositories {
    /// Notes what is there before the program starts; blocks for as long as it takes to go through the folders.
    pub(crate) fn since_now(workspace: &Path, made: Made) -> Self {
        let workspace = workspace.to_owned();
        // What stays finds all that is there held: it may be at work when nobody looks. So do commands from now on, since
        // one that removes a repository would undo the hold for the program that stays.
        made.forget(&workspace);
        let mut before = Repositories::find(&workspace, &[]);
        let hollow = std::mem::take(&mut before.hollow);
        let so_far = Mutex::new(SoFar { told: BTreeSet::new(), hollow });
        Self { workspace, before, so_far, made }
    }

    /// Puts aside what git would run and what was made or changed since then; blocks as [`NewRepositories::since_now`].
    pub(crate) fn look(&self, since: SystemTime) -> PutAside {
        self.look_at(since, Whose::TheAgents)
    }

    /// Tells what git would run and what was made or changed since then, and leaves it in its place.
    pub(crate) fn tell(&self, since: SystemTime) -> PutAside {
        self.look_at(since, Whose::Anybodys)
    }

    fn look_at(&self, since: SystemTime, whose: Whose) -> PutAside {
        let mut so_far = self.so_far.lock().unwrap_or_else(PoisonError::into_inner);
        let SoFar { told, hollow } = &mut *so_far;
        let looking = Looking { workspace: &self.workspace, before: &self.before, hollow, since, whose };
        let looked = look(&looking, told);
        *hollow = looked.hollow;
        self.made.note(&self.workspace, &looked.made);
        looked.aside
    }
}
