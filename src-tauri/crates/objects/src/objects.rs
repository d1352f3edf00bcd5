//! The store: which packs there are, and reading from them.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::batch::Batch;
use crate::damage::Suspicious;
use crate::disk::{Disk, DiskFile};
use crate::error::{ObjectError, is_damage};
use crate::id::{EMPTY_TREE, ObjectId, ObjectKind};
use crate::loose;
use crate::pack::{Form, Pack};
use crate::seen::Seen;
use crate::stream::{PackStream, STREAMED_FROM, locked};
use crate::tree::{Entries, parse_tree};
use crate::writer::{ClosedPack, Spares, Temporary, checksum};

/// A content with at most so many bytes is read at once: to set up a stream costs more.
const AT_ONCE: u64 = 64 * 1024;
/// Files that are made ahead: a pack and its index.
const SPARES: usize = 2;
/// Entries of trees that are kept in memory, twice at most.
const KEPT_ENTRIES: usize = 1 << 16;

/// The name of a pack: its files' names without their endings.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PackName(Arc<str>);

impl PackName {
    pub(crate) fn of(sum: &ObjectId) -> Self {
        Self(format!("pack-{sum}").into())
    }

    pub(crate) fn from_stem(stem: &str) -> Self {
        Self(stem.into())
    }

    /// Stands for all loose objects.
    pub(crate) fn loose() -> Self {
        Self::from_stem("loose")
    }

    pub(crate) fn pack_file(&self) -> String {
        format!("{}.pack", self.0)
    }

    pub(crate) fn index_file(&self) -> String {
        format!("{}.idx", self.0)
    }
}

impl fmt::Display for PackName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for PackName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A pack as it lies on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PackInfo {
    /// Its name.
    pub name: PackName,
    /// Objects in it.
    pub objects: usize,
    /// Bytes of pack and index.
    pub bytes: u64,
    /// One streamed blob, which merging leaves alone.
    pub big: bool,
}

/// The objects of one bare repository. A clone is cheap and is the same store; all calls may come from any
/// thread.
///
/// Any number of processes may read; one at a time may write, and the lock for that is the caller's.
#[derive(Clone)]
pub struct Objects {
    store: Arc<Store>,
}

struct Store {
    repository: PathBuf,
    objects: PathBuf,
    folder: PathBuf,
    disk: Arc<dyn Disk>,
    list: RwLock<Arc<List>>,
    /// Packs that a power cut may still take.
    unsynced: Mutex<Vec<PackName>>,
    trees: Mutex<Trees>,
    /// Whoever brings the list and the folder in line, or changes both, holds this.
    changing: Mutex<()>,
    /// Packs and loose objects that the list on the disk names as leaving: the next start takes away what
    /// could not be taken away now, so nothing may rely on them.
    leaving: Mutex<HashSet<String>>,
    /// The same of those that no list names yet.
    hidden: Mutex<HashSet<String>>,
    /// Packs of which a sync failed.
    distrusted: Mutex<HashSet<PackName>>,
    spares: Spares,
}

/// What there is. Packs with many objects are asked one after the other, the newest first.
#[derive(Default, Clone)]
pub(crate) struct List {
    pub(crate) packs: Vec<Arc<Pack>>,
    /// What may be in `packs`.
    seen: Seen,
    pub(crate) big: HashMap<ObjectId, Arc<Pack>>,
    pub(crate) loose: Arc<HashSet<ObjectId>>,
    /// Copies of objects that were found damaged, and count as not there.
    pub(crate) damaged: HashMap<PackName, HashSet<ObjectId>>,
}

impl List {
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Pack>> {
        self.packs.iter().chain(self.big.values())
    }

    /// Takes a pack in; one of the same name that was written anew takes the place of the other.
    fn insert(&mut self, pack: Arc<Pack>) {
        self.damaged.remove(&pack.name);
        if pack.is_big() {
            self.big.insert(pack.index.id(0), pack);
        } else {
            self.packs.retain(|known| known.name != pack.name);
            self.packs.push(Arc::clone(&pack));
            if self.seen.has_room(pack.index.count()) {
                self.seen.add(pack.index.ids());
            } else {
                let count: usize = self.packs.iter().map(|pack| pack.index.count()).sum();
                self.seen = Seen::with_room(count * 2);
                self.seen.add(self.packs.iter().flat_map(|pack| pack.index.ids()));
            }
        }
    }

    /// The pack that has the object, and where; copies that are known to be damaged do not count.
    pub(crate) fn find(&self, id: &ObjectId) -> Option<(&Arc<Pack>, u64)> {
        self.places(id).find(|(pack, _)| !self.is_damaged(&pack.name, id))
    }

    /// All packs that have the object, and where.
    pub(crate) fn places(&self, id: &ObjectId) -> impl Iterator<Item = (&Arc<Pack>, u64)> {
        let asked = if self.seen.may_have(id) { self.packs.as_slice() } else { &[] };
        let small = asked.iter().rev().filter_map(|pack| {
            let position = pack.index.find(id)?;
            Some((pack, pack.index.offset(position)))
        });
        small.chain(self.big.get(id).map(|pack| (pack, pack.index.offset(0))))
    }

    /// There is a copy that is not known to be damaged.
    pub(crate) fn has(&self, id: &ObjectId) -> bool {
        self.find(id).is_some() || self.loose.contains(id)
    }

    pub(crate) fn is_damaged(&self, name: &PackName, id: &ObjectId) -> bool {
        self.damaged.get(name).is_some_and(|ids| ids.contains(id))
    }

    pub(crate) fn mark_damaged(&mut self, name: PackName, id: ObjectId) {
        if name == PackName::loose() {
            Arc::make_mut(&mut self.loose).remove(&id);
        }
        self.damaged.entry(name).or_default().insert(id);
    }
}

/// Trees that were read lately: two generations, of which the older one goes as a whole.
#[derive(Default)]
struct Trees {
    young: HashMap<ObjectId, Arc<Entries>>,
    old: HashMap<ObjectId, Arc<Entries>>,
    entries: usize,
}

impl Trees {
    fn get(&mut self, id: &ObjectId) -> Option<Arc<Entries>> {
        if let Some(tree) = self.young.get(id) {
            return Some(Arc::clone(tree));
        }
        let tree = self.old.remove(id)?;
        self.insert(*id, &tree);
        Some(tree)
    }

    fn insert(&mut self, id: ObjectId, tree: &Arc<Entries>) {
        if self.entries > KEPT_ENTRIES {
            self.old = std::mem::take(&mut self.young);
            self.entries = 0;
        }
        self.entries += tree.len() + 1;
        self.young.insert(id, Arc::clone(tree));
    }
}

impl fmt::Debug for Objects {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Objects").field("folder", &self.store.objects).finish_non_exhaustive()
    }
}

impl Objects {
    /// Opens the objects of the bare repository in `repository`. Only reads; packs without a sound index
    /// are passed over until [`Objects::heal`] looked after them.
    pub fn open(repository: &Path, disk: Arc<dyn Disk>) -> Result<Self, ObjectError> {
        let objects = repository.join("objects");
        let store = Store {
            repository: repository.to_owned(),
            folder: objects.join("pack"),
            objects,
            disk,
            list: RwLock::default(),
            unsynced: Mutex::default(),
            trees: Mutex::default(),
            changing: Mutex::default(),
            leaving: Mutex::default(),
            hidden: Mutex::default(),
            distrusted: Mutex::default(),
            spares: Mutex::default(),
        };
        let objects = Self { store: Arc::new(store) };
        objects.refresh()?;
        Ok(objects)
    }

    pub(crate) fn disk(&self) -> &Arc<dyn Disk> {
        &self.store.disk
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.store.folder
    }

    pub(crate) fn objects_folder(&self) -> &Path {
        &self.store.objects
    }

    pub(crate) fn repository(&self) -> &Path {
        &self.store.repository
    }

    pub(crate) fn list(&self) -> Arc<List> {
        Arc::clone(&self.store.list.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn change_list(&self, change: impl FnOnce(&mut List)) {
        let mut list = self.store.list.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut list));
    }

    /// Names of the packs in the folder that have an index.
    pub(crate) fn names(&self) -> Result<HashSet<PackName>, ObjectError> {
        let folder = self.folder();
        let mut names = HashSet::new();
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(names),
            Err(error) => return Err(ObjectError::storage("read", folder)(error)),
        };
        for entry in entries {
            let name = entry.map_err(ObjectError::storage("read", folder))?.file_name();
            if let Some(stem) = name.to_str().and_then(|name| name.strip_suffix(".idx")) {
                names.insert(PackName::from_stem(stem));
            }
        }
        Ok(names)
    }

    /// Looks which packs there are now: another process may have added, merged or dropped some.
    pub fn refresh(&self) -> Result<(), ObjectError> {
        let _one = self.changing();
        let mut leaving = self.leaving().clone();
        leaving.extend(self.hidden().iter().cloned());
        let mut names = self.names()?;
        names.retain(|name| !leaving.contains(&*name.0));
        let known: HashSet<PackName> = self.list().all().map(|pack| pack.name.clone()).collect();
        let mut fresh = Vec::new();
        for name in names.difference(&known) {
            match Pack::open(self.folder(), name.clone()) {
                Ok(pack) => fresh.push(Arc::new(pack)),
                // Torn, or gone again; the one who writes looks after it.
                Err(error) if error.is_damaged_or_gone() => {
                    tracing::debug!(%name, %error, "a pack is passed over");
                }
                Err(error) => return Err(error),
            }
        }
        // The largest is asked last.
        fresh.sort_by_key(|pack| std::cmp::Reverse(pack.size));
        let mut loose = loose::list(self.objects_folder())?;
        loose.retain(|id| leaving.is_empty() || !leaving.contains(&id.to_string()));
        self.change_list(|list| {
            list.packs.retain(|pack| names.contains(&pack.name));
            list.big.retain(|_, pack| names.contains(&pack.name));
            for pack in fresh {
                list.insert(pack);
            }
            list.damaged.retain(|name, _| *name == PackName::loose() || names.contains(name));
            loose.retain(|id| !list.is_damaged(&PackName::loose(), id));
            list.loose = Arc::new(loose);
        });
        Ok(())
    }

    pub(crate) fn changing(&self) -> std::sync::MutexGuard<'_, ()> {
        locked(&self.store.changing)
    }

    pub(crate) fn leaving(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        locked(&self.store.leaving)
    }

    pub(crate) fn hidden(&self) -> std::sync::MutexGuard<'_, HashSet<String>> {
        locked(&self.store.hidden)
    }

    /// Puts a pack in place and takes it in; its name and its bytes.
    pub(crate) fn place(&self, closed: ClosedPack) -> Result<(PackName, u64), ObjectError> {
        let _one = self.changing();
        self.let_stay(&closed.name())?;
        let pack = closed.place(self)?;
        let placed = (pack.name.clone(), pack.size);
        self.take_in(pack);
        Ok(placed)
    }

    /// A pack of the same content as one that could not be taken away comes: it must not be taken away at
    /// the next start.
    pub(crate) fn let_stay(&self, name: &PackName) -> Result<(), ObjectError> {
        self.hidden().remove(&*name.0);
        let was_leaving = self.leaving().remove(&*name.0);
        if was_leaving { self.rewrite_synced(&HashSet::new()) } else { Ok(()) }
    }

    /// Takes a pack in that was just written.
    pub(crate) fn take_in(&self, pack: Pack) {
        locked(&self.store.unsynced).push(pack.name.clone());
        self.change_list(|list| list.insert(Arc::new(pack)));
    }

    pub(crate) fn unsynced_names(&self) -> std::sync::MutexGuard<'_, Vec<PackName>> {
        locked(&self.store.unsynced)
    }

    /// The store has the object, as far as this process knows; costs no look at the disk.
    #[allow(clippy::unnecessary_wraps, reason = "the caller does not depend on how it is known")]
    pub fn contains(&self, id: &ObjectId) -> Result<bool, ObjectError> {
        Ok(self.list().has(id))
    }

    /// Runs `look`; if it finds nothing, or a file that was dropped, once more after a refresh.
    fn twice<T>(
        &self,
        look: impl Fn(&List) -> Result<Option<T>, ObjectError>,
    ) -> Result<Option<T>, ObjectError> {
        match look(&self.list()) {
            Ok(None) => {}
            Err(ObjectError::Storage { source, .. }) if source.kind() == io::ErrorKind::NotFound => {}
            done => return done,
        }
        self.refresh()?;
        look(&self.list())
    }

    /// Kind and size of an object; `None` if it is not there. The content is not read.
    pub fn header(&self, id: &ObjectId) -> Result<Option<(ObjectKind, u64)>, ObjectError> {
        if *id == EMPTY_TREE {
            return Ok(Some((ObjectKind::Tree, 0)));
        }
        self.mended(id, || {
            self.twice(|list| match list.find(id) {
                Some((pack, offset)) => pack.header(offset).map(Some),
                None => Ok(loose::open(self.objects_folder(), id)?.map(|loose| (loose.kind, loose.size))),
            })
        })
    }

    /// Kind and bytes of an object.
    pub fn read(&self, id: &ObjectId) -> Result<(ObjectKind, Vec<u8>), ObjectError> {
        if *id == EMPTY_TREE {
            return Ok((ObjectKind::Tree, Vec::new()));
        }
        self.mended(id, || {
            let found = self.twice(|list| match list.find(id) {
                Some((pack, offset)) => pack.read(offset).map(Some),
                None => loose::read(self.objects_folder(), id),
            })?;
            found.ok_or_else(|| self.unreadable(id))
        })
    }

    /// Bytes of an object that has to be of one kind.
    pub fn read_kind(&self, id: &ObjectId, kind: ObjectKind) -> Result<Vec<u8>, ObjectError> {
        self.mended(id, || {
            let (found, bytes) = self.read(id)?;
            if found != kind {
                let reason = format!("it is a {} and no {}", found.word(), kind.word());
                return Err(ObjectError::damaged(format!("the object {id}"), reason));
            }
            Ok(bytes)
        })
    }

    /// The entries of a tree in git's order.
    pub fn read_tree(&self, id: &ObjectId) -> Result<Arc<Entries>, ObjectError> {
        if let Some(tree) = locked(&self.store.trees).get(id) {
            return Ok(tree);
        }
        let bytes = self.read_kind(id, ObjectKind::Tree)?;
        let entries = parse_tree(&bytes).map_err(|error| match error {
            ObjectError::Damaged { reason, .. } => ObjectError::damaged(format!("the object {id}"), reason),
            error => error,
        })?;
        let tree = Arc::new(entries);
        locked(&self.store.trees).insert(*id, &tree);
        Ok(tree)
    }

    /// Forgets the trees in memory; for checks of what lies on the disk.
    pub(crate) fn forget_trees(&self) {
        *locked(&self.store.trees) = Trees::default();
    }

    /// Size and content of a blob; a large one never lies in memory. A damage shows as an error of the
    /// reader of kind `InvalidData`.
    pub fn reader(&self, id: &ObjectId) -> Result<(u64, Box<dyn Read + Send>), ObjectError> {
        // A stream cannot begin anew with another copy.
        if self.list().places(id).nth(1).is_some() {
            self.suspect(id)?;
        }
        self.mended(id, || self.stream(id))
    }

    fn stream(&self, id: &ObjectId) -> Result<(u64, Box<dyn Read + Send>), ObjectError> {
        let streamed = self.twice(|list| {
            let Some((pack, offset)) = list.find(id) else {
                let Some(loose) = loose::open(self.objects_folder(), id)? else { return Ok(None) };
                let content: Box<dyn Read + Send> = Box::new(loose.content.take(loose.size));
                return Ok(Some((loose.size, content)));
            };
            let file = pack.file()?;
            let head = pack.head(&file, offset)?;
            let content: (u64, Box<dyn Read + Send>) = match head.form {
                Form::Whole(_) if head.size > AT_ONCE => {
                    (head.size, Box::new(PackStream::new(file, head.data, head.size)))
                }
                Form::Whole(_) | Form::Near(_) | Form::Named(_) => {
                    let (_, bytes) = pack.read(offset)?;
                    (bytes.len() as u64, Box::new(Cursor::new(bytes)))
                }
            };
            Ok(Some(content))
        })?;
        let (size, content) = streamed.ok_or_else(|| self.unreadable(id))?;
        let content = Suspicious { objects: self.clone(), id: *id, content };
        Ok((size, Box::new(content)))
    }

    /// At most `length` bytes of a blob from `offset` on; fewer where it ends.
    pub fn read_range(&self, id: &ObjectId, offset: u64, length: u64) -> Result<Vec<u8>, ObjectError> {
        let (size, mut content) = self.reader(id)?;
        let length = length.min(size.saturating_sub(offset));
        if length == 0 {
            return Ok(Vec::new());
        }
        let failed = |error: io::Error| {
            if is_damage(&error) {
                ObjectError::damaged(format!("the object {id}"), error.to_string())
            } else {
                ObjectError::storage("read", self.folder())(error)
            }
        };
        io::copy(&mut content.by_ref().take(offset), &mut io::sink()).map_err(failed)?;
        let mut bytes = Vec::with_capacity(usize::try_from(length.min(STREAMED_FROM)).unwrap_or(0));
        content.take(length).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 != length {
            return Err(ObjectError::damaged(format!("the object {id}"), "it ends too early"));
        }
        Ok(bytes)
    }

    /// An empty file of no name yet: one that was made ahead, or a new one.
    pub(crate) fn temporary(&self) -> Result<(Temporary, Box<dyn DiskFile>), ObjectError> {
        loop {
            let spare = locked(&self.store.spares).pop();
            match spare {
                // Somebody who tidied up may have taken it away.
                Some((temporary, _)) if !temporary.path.exists() => {}
                Some(spare) => return Ok(spare),
                None => return Temporary::create(self.disk(), self.folder()),
            }
        }
    }

    /// Makes the files of the next pack ahead: some file systems search long for room for a new file, and nobody waits
    /// for it now. They go with the store, and what a killed program left of them at the next [`Objects::heal`].
    pub fn make_spares(&self) {
        let mut spares = locked(&self.store.spares);
        while spares.len() < SPARES {
            match Temporary::create(self.disk(), self.repository()) {
                Ok(spare) => spares.push(spare),
                Err(error) => {
                    tracing::debug!(%error, "no files are made ahead");
                    return;
                }
            }
        }
    }

    /// Takes away what [`Objects::make_spares`] made.
    pub fn drop_spares(&self) {
        let spares = std::mem::take(&mut *locked(&self.store.spares));
        drop(spares);
    }

    /// Begins to write; see [`Batch`].
    pub fn batch(&self) -> Batch {
        Batch::new(self)
    }

    /// Packs that a power cut may still take.
    pub fn unsynced(&self) -> usize {
        self.unsynced_names().len()
    }

    /// Makes everything that was finished before this call survive a power cut: the packs, then their folder.
    pub fn sync(&self) -> Result<(), ObjectError> {
        // They stay in the list until they are synced: who asks meanwhile syncs as well.
        let names = self.unsynced_names().clone();
        if names.is_empty() {
            return Ok(());
        }
        self.sync_packs(&names)?;
        self.unsynced_names().retain(|name| !names.contains(name));
        Ok(())
    }

    fn sync_packs(&self, names: &[PackName]) -> Result<(), ObjectError> {
        let list = self.list();
        let known: HashMap<&PackName, u64> = list.all().map(|pack| (&pack.name, pack.size)).collect();
        for name in names {
            let distrusted = locked(&self.store.distrusted).contains(name);
            if distrusted && self.folder().join(name.pack_file()).exists() {
                self.write_anew(name)?;
            }
        }
        let mut synced = self.sync_files(names, &known)?;
        // After the packs: a file system with a journal has written the names down with them, and has nothing left to do.
        self.disk().sync_folder(self.folder()).map_err(ObjectError::storage("synced", self.folder()))?;
        // What was merged meanwhile is not there any more.
        let _one = self.changing();
        let list = self.list();
        synced.retain(|(name, _)| list.all().any(|pack| pack.name == **name));
        self.note_synced(&synced)
    }

    /// Syncs the packs' files. Those that were, with their sizes.
    fn sync_files<'a>(
        &self,
        names: &'a [PackName],
        known: &HashMap<&PackName, u64>,
    ) -> Result<Vec<(&'a PackName, u64)>, ObjectError> {
        let mut synced = Vec::new();
        for name in names {
            let path = self.folder().join(name.pack_file());
            match self.disk().sync_file(&path) {
                Ok(()) => synced.extend(known.get(name).map(|size| (name, *size))),
                // Merged into another one meanwhile, by this program or by a git.
                Err(error) if error.kind() == io::ErrorKind::NotFound && self.is_gone(name)? => {}
                Err(error) => {
                    locked(&self.store.distrusted).insert(name.clone());
                    return Err(ObjectError::storage("synced", &path)(error));
                }
            }
        }
        Ok(synced)
    }

    /// Writes a pack once more. After a sync that failed the system may have let go of what it could not
    /// write, and say the next time that all is well.
    fn write_anew(&self, name: &PackName) -> Result<(), ObjectError> {
        let path = self.folder().join(name.pack_file());
        let (temporary, mut file) = self.temporary()?;
        let mut old = fs::File::open(&path).map_err(ObjectError::storage("read", &path))?;
        let mut buffer = vec![0; 1 << 20];
        let (mut size, mut end) = (0, Vec::new());
        loop {
            let count = old.read(&mut buffer).map_err(ObjectError::storage("read", &path))?;
            if count == 0 {
                break;
            }
            file.write(&buffer[..count]).map_err(ObjectError::storage("written", &temporary.path))?;
            size += count as u64;
            end.extend_from_slice(&buffer[..count]);
            end.drain(..end.len().saturating_sub(20));
        }
        drop(file);
        if end != checksum(&temporary.path, size.saturating_sub(20))? {
            return Err(ObjectError::damaged(format!("the pack {name}"), "it was lost before it was synced"));
        }
        let failed = ObjectError::storage("synced", &temporary.path);
        self.disk().sync_file(&temporary.path).map_err(failed)?;
        let _one = self.changing();
        temporary.rename(&path)?;
        let pack = Arc::new(Pack::open(self.folder(), name.clone())?);
        self.change_list(|list| {
            let all = list.packs.iter_mut().chain(list.big.values_mut());
            all.filter(|old| old.name == *name).for_each(|old| *old = Arc::clone(&pack));
        });
        locked(&self.store.distrusted).remove(name);
        Ok(())
    }

    fn is_gone(&self, name: &PackName) -> Result<bool, ObjectError> {
        self.refresh()?;
        Ok(self.list().all().all(|pack| pack.name != *name))
    }

    /// All packs.
    pub fn packs(&self) -> Vec<PackInfo> {
        let info = |pack: &Arc<Pack>| PackInfo {
            name: pack.name.clone(),
            objects: pack.index.count(),
            bytes: pack.size + pack.index.bytes() as u64,
            big: pack.is_big(),
        };
        self.list().all().map(info).collect()
    }

    /// Loose objects, as older histories have them.
    pub fn loose(&self) -> usize {
        self.list().loose.len()
    }
}
