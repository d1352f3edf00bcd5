//! An open session: its lock, files, history and running turn.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use okcvm_protocol::{
    AppError, AppEvent, ErrorCode, NodeId, NodeStatus, SessionAccess, SessionId, SnapshotId,
};
use okcvm_snapshots::{AtWork, Author, Cancel, GONE, History, Loss, RecordInfo, Recorded, WhyLost};
use okcvm_store::SnapshotMark;
use okcvm_workspace::{Watch, Workspace, decode_name};
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::approvals::Approvals;
use crate::engine::create_folder;
use crate::tidy::{THINNED, shortened};
use crate::{Engine, EngineError, Watching};

/// From one sign of life of a running turn to the next. Tools do not write for longer without one.
const SIGNS: Duration = Duration::from_millis(500);
/// How the folder of a deployment begins while it is copied.
const HALF_DEPLOYMENT: &str = ".copying-";

/// What a running turn can be told from outside.
pub(crate) struct RunningTurn {
    pub(crate) node_id: NodeId,
    pub(crate) cancel: CancellationToken,
    pub(crate) steers: VecDeque<String>,
}

/// An open session.
pub(crate) struct Runtime {
    pub(crate) id: SessionId,
    pub(crate) folder: PathBuf,
    /// Where the files lie.
    root: PathBuf,
    /// Absent while the folder of the user is not there.
    workspace: Mutex<Option<Workspace>>,
    pub(crate) history: History,
    /// What opening had to do, or could not do, for the person to read.
    notice: Mutex<Option<String>>,
    /// Held while a turn begins or a restore moves the files, so that neither meets the other.
    pub(crate) gate: tokio::sync::Mutex<()>,
    pub(crate) running: Mutex<Option<RunningTurn>>,
    idle: watch::Sender<bool>,
    /// The file of the operating system's lock: of the session, or of the user's folder, whose sessions share one.
    lock_path: PathBuf,
    /// Held by the one program that writes.
    lock: Mutex<Option<File>>,
    /// Why this program, though nobody else writes, does not: what a crash left could not be mended.
    unmended: Mutex<Option<AppError>>,
    /// Calls that ask the person.
    pub(crate) approvals: Approvals,
    /// Calls off what tidies the history, if something does.
    tidying: Mutex<Option<Cancel>>,
    _watch: Option<Watch>,
}

impl Runtime {
    /// Opens a session for writing if no other program has it, else for reading. Finishes what a crash cut short.
    pub(crate) fn open(engine: &Engine, id: &SessionId) -> Result<Self, EngineError> {
        let row = engine.store().session(id)?;
        let folder = engine.session_folder(id);
        let may_be_made = engine.store().must_be_writable().is_ok();
        let create_folder = |path: &Path| if may_be_made { create_folder(path) } else { Ok(()) };
        if may_be_made {
            engine.bring_back_leaving(id)?;
        }
        create_folder(&folder)?;
        let (root, lock_path) = if let Some(path) = &row.folder {
            let locks = engine.inner.options.sessions_folder.join(".locks");
            create_folder(&locks)?;
            (PathBuf::from(decode_name(path)), user_lock(&engine.inner.options.sessions_folder, path))
        } else {
            // Without the links on the way to the app's data, as the folders of users are stored.
            let real = std::fs::canonicalize(&folder);
            let root = real.unwrap_or_else(|_| folder.clone()).join("workspace");
            create_folder(&root)?;
            (root, folder.join("lock"))
        };
        let history = folder.join("history");
        let mut opened =
            if may_be_made { History::open(&history)? } else { History::open_to_read(&history)? };
        // The database knows of snapshots, and the history was made anew.
        if may_be_made
            && opened.loss == Loss::Nothing
            && row.head_snapshot.is_some()
            && opened.history.is_empty()
        {
            opened.loss = Loss::Everything;
            opened.notice.get_or_insert_with(|| GONE.to_owned());
        }
        let workspace = open_root(&root).ok();
        let watched = workspace.as_ref().filter(|_| engine.inner.options.watching == Watching::Yes);
        let watch = watched.and_then(|workspace| watch_files(engine, id, workspace, &folder));
        if let Some(watch) = &watch {
            opened.history.attach(watch.tracker());
        }
        mark_losses(engine, id, row.head_snapshot.as_ref(), &opened.loss)?;
        let runtime = Self {
            id: id.clone(),
            folder,
            root,
            workspace: Mutex::new(workspace),
            history: opened.history,
            notice: Mutex::new(opened.notice),
            gate: tokio::sync::Mutex::new(()),
            running: Mutex::new(None),
            idle: watch::Sender::new(true),
            lock_path,
            lock: Mutex::new(None),
            unmended: Mutex::new(None),
            approvals: Approvals::default(),
            tidying: Mutex::new(None),
            _watch: watch,
        };
        match runtime.workspace() {
            Ok(_) => {
                runtime.try_write(engine)?;
            }
            Err(error) => runtime.remark(&error.to_app_error().to_string()),
        }
        Ok(runtime)
    }

    /// The files, opened anew if another folder stands in their place; an error names the folder if it is not there.
    pub(crate) fn workspace(&self) -> Result<Workspace, EngineError> {
        let mut workspace = self.workspace.lock().unwrap_or_else(PoisonError::into_inner);
        if !workspace.as_ref().is_some_and(Workspace::is_in_place) {
            *workspace = None;
            *workspace = Some(open_root(&self.root)?);
        }
        workspace.clone().ok_or(EngineError::NotRunning)
    }

    /// Whether the files lie in this folder of the user, or, without one, in the app's data.
    pub(crate) fn is_in(&self, folder: Option<&str>) -> bool {
        folder.is_none_or(|folder| Path::new(&decode_name(folder)) == self.root)
    }

    /// Absolute path of the files, there or not.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn notice(&self) -> Option<String> {
        self.notice.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Adds a matter to what is said of the session, on a line of its own.
    pub(crate) fn remark(&self, text: &str) {
        let text = &text.replace('\n', " ");
        let mut notice = self.notice.lock().unwrap_or_else(PoisonError::into_inner);
        let text = match notice.take() {
            Some(earlier) if !earlier.contains(text) => format!("{earlier}\n{text}"),
            Some(earlier) => earlier,
            None => text.to_owned(),
        };
        *notice = Some(text);
    }

    /// Takes the lock if it is free; the first time, finishes what a crash cut short. Tells whether this program writes.
    pub(crate) fn try_write(&self, engine: &Engine) -> Result<bool, EngineError> {
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if lock.is_some() {
            return Ok(true);
        }
        if engine.store().must_be_writable().is_err() {
            return Ok(false);
        }
        let mut taken = self.try_lock()?;
        if taken.is_none() {
            // Another session of the same folder in this program lets go while no turn runs in it.
            for other in engine.open_runtimes() {
                if other.id != self.id && other.lock_path == self.lock_path {
                    other.let_go();
                }
            }
            taken = self.try_lock()?;
        }
        let Some(file) = taken else { return Ok(false) };
        if let Some(folder) = self.neighbour_at_work(engine)? {
            let text = format!("A session works in {folder}, and no two may write to the same files.");
            *self.unmended.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(AppError::new(text).with_hint("Wait until it is done, or close it."));
            return Ok(false);
        }
        let recovered = self.recover(engine);
        let mut unmended = self.unmended.lock().unwrap_or_else(PoisonError::into_inner);
        *unmended = None;
        if let Err(error) = recovered {
            // The session can be read; the next try to write looks again.
            tracing::error!(session = %self.id, %error, "what a crash left could not be mended");
            let reason = error.to_app_error();
            let text = format!("What the last end of the program left could not be mended: {reason}");
            self.remark(&text);
            *unmended = Some(AppError::new(text));
            return Ok(false);
        }
        self.drop_overdue_aside(engine);
        *lock = Some(file);
        Ok(true)
    }

    /// Why this program does not write.
    pub(crate) fn why_read_only(&self, engine: &Engine) -> EngineError {
        let own = engine.store().must_be_writable().map_err(EngineError::from);
        if let Err(error) = own.and_then(|()| self.workspace().map(|_| ())) {
            return error;
        }
        let unmended = self.unmended.lock().unwrap_or_else(PoisonError::into_inner);
        unmended.clone().map_or(EngineError::ReadOnly, EngineError::App)
    }

    /// Removes what damage left aside for longer than things stay in the trash, and says so. The caller is the one who
    /// writes.
    pub(crate) fn drop_overdue_aside(&self, engine: &Engine) {
        match self.history.drop_aside_before(engine.trash_before()) {
            Ok(gone) if gone.is_empty() => {}
            Ok(gone) => {
                let kilobytes = gone.iter().map(|one| one.bytes).sum::<u64>().div_ceil(1000);
                let names: Vec<&str> = gone.iter().map(|one| one.name.as_str()).collect();
                self.remark(&format!(
                    "Damaged parts of the history that had been set aside were removed, since their time in the trash is \
                     over ({kilobytes} kB: {}).",
                    names.join(", ")
                ));
            }
            Err(error) => tracing::warn!(session = %self.id, %error, "what was set aside stays for now"),
        }
    }

    /// A folder around this one, or within it, in which another session holds the lock. The caller holds our own, so that
    /// of two that look at once at least one sees the other.
    fn neighbour_at_work(&self, engine: &Engine) -> Result<Option<String>, EngineError> {
        if engine.store().session(&self.id)?.folder.is_none() {
            return Ok(None);
        }
        for other in engine.store().sessions()? {
            let Some(folder) = other.folder.filter(|_| other.deleted_at.is_none()) else { continue };
            let path = PathBuf::from(decode_name(&folder));
            let is_neighbour =
                path != self.root && (path.starts_with(&self.root) || self.root.starts_with(&path));
            if !is_neighbour {
                continue;
            }
            // One that is open here and idle lets go.
            engine.open_runtimes().iter().filter(|open| open.id == other.id).for_each(|open| open.let_go());
            let lock = user_lock(&engine.inner.options.sessions_folder, &folder);
            if lock.exists() && try_lock(&lock)?.is_none() {
                return Ok(Some(folder));
            }
        }
        Ok(None)
    }

    fn try_lock(&self) -> Result<Option<File>, EngineError> {
        try_lock(&self.lock_path)
    }
}

/// The lock of a user's folder.
pub(crate) fn user_lock(sessions_folder: &Path, folder: &str) -> PathBuf {
    sessions_folder.join(".locks").join(format!("{:x}.lock", Sha256::digest(folder.as_bytes())))
}

/// The lock, unless another program, or another session of this one, has it.
pub(crate) fn try_lock(lock_path: &Path) -> Result<Option<File>, EngineError> {
    let failed = |source| EngineError::File { path: lock_path.display().to_string(), source };
    let options = OpenOptions::new().create(true).truncate(false).write(true).open(lock_path);
    let file = options.map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

impl Runtime {
    /// Gives the lock up unless a turn runs or something moves.
    pub(crate) fn let_go(&self) {
        let Ok(_gate) = self.gate.try_lock() else { return };
        if self.running_node().is_none()
            && let Ok(mut lock) = self.lock.try_lock()
        {
            *lock = None;
        }
    }

    pub(crate) fn access(&self) -> SessionAccess {
        if self.lock.lock().unwrap_or_else(PoisonError::into_inner).is_some() {
            SessionAccess::Write
        } else {
            SessionAccess::ReadOnly
        }
    }

    /// Whoever holds the gate asks this: another session of the same folder may have got the lock before, or the session
    /// may have been told of another folder. Neither can happen any more while lock and gate are held.
    pub(crate) fn must_write(&self, engine: &Engine) -> Result<(), EngineError> {
        if self.access() == SessionAccess::ReadOnly {
            return Err(self.why_read_only(engine));
        }
        if !self.is_in(engine.store().session(&self.id)?.folder.as_deref()) {
            let error = AppError::new("This session was told of another folder at this moment.");
            return Err(EngineError::App(error.with_hint("Try again: it goes on there.")));
        }
        Ok(())
    }

    fn recover(&self, engine: &Engine) -> Result<(), EngineError> {
        self.sweep_half_deployments();
        engine.sweep_recoveries(self)?;
        self.finish_restores(engine)?;
        self.unmark_what_is_there(engine)?;
        for node in engine.store().running_nodes(&self.id)? {
            let at = engine.now();
            engine.close_items(&node.id, at)?;
            if node.base_snapshot.is_some() {
                self.history.set_at_work(AtWork::Agent);
            }
            let snapshot = self.record_interrupted(engine, node.base_snapshot.as_ref());
            self.history.set_at_work(AtWork::Person);
            let snapshot = snapshot?;
            let base = node.base_snapshot.as_ref().unwrap_or(&snapshot);
            let changes = self.history.counts(Some(base), &snapshot)?;
            if node.base_snapshot.is_none() {
                engine.store().set_node_base(&node.id, None, &snapshot, None)?;
            }
            engine.store().set_node_snapshot(&node.id, &snapshot, &changes)?;
            let error = AppError::new("The program ended while this turn was running.")
                .with_code(ErrorCode::ProgramEnded)
                .with_hint("Continue it, or try it again.");
            engine.store().end_node(&node.id, NodeStatus::Interrupted, Some(&error), at)?;
            tracing::warn!(session = %self.id, turn = %node.id, "marked a turn of an ended program as interrupted");
        }
        self.take_in_unknown(engine)
    }

    /// Records the files after a turn that ended with its program. Gives the snapshot that the turn left; what was
    /// changed later belongs to nobody.
    fn record_interrupted(
        &self,
        engine: &Engine,
        base: Option<&SnapshotId>,
    ) -> Result<SnapshotId, EngineError> {
        const MESSAGE: &str = "State after an interrupted turn";
        let head = engine.store().session(&self.id)?.head_snapshot;
        let from = head.or_else(|| base.cloned()).filter(|from| base.is_some() && self.history.holds(from));
        let Some(from) = from else {
            // No tool writes before the files are recorded: what differs then is of the person.
            let author = if base.is_some() { Author::Unknown } else { Author::User };
            return Ok(self.record(engine, author, MESSAGE)?.snapshot);
        };
        self.heed_limits(engine);
        let alive = self.last_sign_of_life().map(|sign| sign + SIGNS);
        let cut_off =
            self.history.record_cut_off(&self.workspace()?, &from, alive, (MESSAGE, engine.now()))?;
        engine.store().set_head_snapshot(&self.id, Some(&cut_off.present))?;
        if !cut_off.later.is_empty() {
            let names = shortened(&cut_off.later);
            self.remark(&format!(
                "Files that were changed after the program had ended in a turn are not counted as that turn's: {names}."
            ));
        }
        Ok(cut_off.turn)
    }

    /// From now on the history leaves out what the settings of this moment say.
    pub(crate) fn heed_limits(&self, engine: &Engine) {
        self.history.set_max_file_bytes((engine.inner.parts.history_limits)().max_file_bytes);
    }

    fn sign_of_life(&self) -> PathBuf {
        self.folder.join("alive")
    }

    fn last_sign_of_life(&self) -> Option<SystemTime> {
        self.sign_of_life().metadata().and_then(|metadata| metadata.modified()).ok()
    }

    /// Notes every so often that the program runs, until what is returned is dropped. Call within a tokio runtime.
    pub(crate) fn live_on(&self) -> AbortOnDropHandle<()> {
        let path = self.sign_of_life();
        AbortOnDropHandle::new(tokio::spawn(async move {
            loop {
                let path = path.clone();
                let noted = tokio::task::spawn_blocking(move || {
                    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
                    file.set_modified(SystemTime::now())
                });
                if let Ok(Err(error)) = noted.await {
                    tracing::debug!(%error, "no sign of life could be left");
                }
                tokio::time::sleep(SIGNS).await;
            }
        }))
    }

    /// Takes the marks off the nodes whose files are there: a dropping was cut short after nodes were marked for it, the
    /// history was away for a while, or what was damaged came back.
    fn unmark_what_is_there(&self, engine: &Engine) -> Result<(), EngineError> {
        for (snapshot, reason) in engine.store().marked_snapshots(&self.id)? {
            let there = match reason.as_str() {
                THINNED => self.history.holds(&snapshot),
                LOST | CUT | DAMAGED => self.history.is_whole(&snapshot)?,
                _ => false,
            };
            if there {
                engine.store().mark_snapshots(&self.id, &[snapshot], &reason, SnapshotMark::Back)?;
            }
        }
        if !self.history.is_empty() {
            engine.store().bring_restores_back(&self.id, |snapshot| self.history.holds(snapshot))?;
        }
        engine.bring_steps_back(self)
    }

    /// Removes what a deployment left that was cut short before it was entered anywhere.
    fn sweep_half_deployments(&self) {
        let Ok(entries) = std::fs::read_dir(self.folder.join("deployments")) else { return };
        for entry in entries.filter_map(Result::ok) {
            if entry.file_name().to_string_lossy().starts_with(HALF_DEPLOYMENT)
                && let Err(error) = std::fs::remove_dir_all(entry.path())
            {
                tracing::warn!(%error, path = %entry.path().display(), "a half deployment could not be removed");
            }
        }
    }

    /// Records the live files on top of what they last equalled, and notes that. Blocking.
    pub(crate) fn record(
        &self,
        engine: &Engine,
        author: Author,
        message: &str,
    ) -> Result<Recorded, EngineError> {
        let head = engine.store().session(&self.id)?.head_snapshot;
        self.heed_limits(engine);
        let info = RecordInfo { message, author, at_ms: engine.now() };
        let recorded = self.history.record(&self.workspace()?, head.as_ref(), info)?;
        if head.as_ref() != Some(&recorded.snapshot) {
            engine.store().set_head_snapshot(&self.id, Some(&recorded.snapshot))?;
            self.note_recorded(engine)?;
        }
        Ok(recorded)
    }

    /// Notes that the history is being tidied; `None` if it is already.
    pub(crate) fn begin_tidying(&self) -> Option<Cancel> {
        let mut tidying = self.tidying.lock().unwrap_or_else(PoisonError::into_inner);
        tidying.is_none().then(|| tidying.insert(Cancel::default()).clone())
    }

    pub(crate) fn end_tidying(&self) {
        *self.tidying.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Calls tidying off, since somebody wants to work.
    pub(crate) fn give_way(&self) {
        if let Some(cancel) = self.tidying.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            cancel.cancel();
        }
    }

    /// Waits until nothing moves, calling off what can wait.
    pub(crate) async fn enter(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.give_way();
        self.gate.lock().await
    }

    pub(crate) fn running_node(&self) -> Option<NodeId> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|turn| turn.node_id.clone())
    }

    /// Notes that a turn runs.
    pub(crate) fn begin(&self, turn: RunningTurn) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = Some(turn);
        self.idle.send_replace(false);
    }

    /// Notes that no turn runs, and gives back what was said to the turn after its last look.
    pub(crate) fn end(&self) -> VecDeque<String> {
        let ended = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        ended.map(|turn| turn.steers).unwrap_or_default()
    }

    /// Wakes who waits for the end of the turn.
    pub(crate) fn rest(&self) {
        self.idle.send_replace(true);
    }

    /// Tells the running turn to end. Returns whether one runs.
    pub(crate) fn stop(&self) -> bool {
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(turn) = running.as_ref() {
            turn.cancel.cancel();
        }
        running.is_some()
    }

    pub(crate) fn steer(&self, text: String) -> bool {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        match running.as_mut() {
            Some(turn) if !turn.cancel.is_cancelled() => {
                turn.steers.push_back(text);
                true
            }
            _ => false,
        }
    }

    pub(crate) fn take_steers(&self) -> VecDeque<String> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.as_mut().map(|turn| std::mem::take(&mut turn.steers)).unwrap_or_default()
    }

    /// Waits until no turn runs.
    pub(crate) async fn idle(&self) {
        let mut idle = self.idle.subscribe();
        // The sender lives as long as this session, so the wait can only end well.
        let _ = idle.wait_for(|idle| *idle).await;
    }
}

/// Opens the files of a session, whose path had no links in it when the session began. By now it must not lead
/// elsewhere: what lies there belongs to nobody's session, or to one with another lock.
fn open_root(root: &Path) -> Result<Workspace, EngineError> {
    let folder = || root.display().to_string();
    let opened =
        Workspace::open(root).map_err(|source| EngineError::FolderMissing { folder: folder(), source })?;
    if opened.root() != root {
        return Err(EngineError::FolderLeadsElsewhere {
            folder: folder(),
            elsewhere: opened.root().display().to_string(),
        });
    }
    Ok(opened)
}

// Why the files of a node cannot be restored. Taken back should its snapshot be there again.
const LOST: &str = "its history is gone, or was damaged and moved aside.";
const CUT: &str = "the machine went down before they were on the disk.";
const DAMAGED: &str = "they were damaged in the history.";

/// Says at the nodes what their history no longer holds.
fn mark_losses(
    engine: &Engine,
    session: &SessionId,
    head: Option<&SnapshotId>,
    loss: &Loss,
) -> Result<(), EngineError> {
    let store = engine.store();
    match loss {
        Loss::Nothing => {}
        Loss::Part(gone) => {
            let find =
                |snapshot: Option<&SnapshotId>| gone.iter().find(|one| Some(&one.snapshot) == snapshot);
            for one in gone {
                let reason = match one.why {
                    WhyLost::PowerCut => CUT,
                    WhyLost::Damage => DAMAGED,
                };
                let snapshot = [one.snapshot.clone()];
                store.mark_snapshots(session, &snapshot, reason, SnapshotMark::Gone)?;
            }
            if let Some(last) = find(head) {
                store.set_head_snapshot(session, last.before.as_ref())?;
            }
        }
        Loss::Everything => {
            for node in store.whole_topology(session)? {
                store.set_not_restorable(&node.id, LOST)?;
            }
            store.set_head_snapshot(session, None)?;
            store.put_restores_away(session)?;
        }
    }
    Ok(())
}

fn watch_files(engine: &Engine, id: &SessionId, workspace: &Workspace, folder: &Path) -> Option<Watch> {
    let events = engine.events().clone();
    let session_id = id.clone();
    let told = move |paths: Vec<String>| {
        events.app(AppEvent::WorkspaceChanged { session_id: session_id.clone(), paths });
    };
    let cookies = folder.join("history").join("cookies");
    match okcvm_workspace::watch(workspace.root(), &cookies, Box::new(told)) {
        Ok(watch) => Some(watch),
        Err(error) => {
            // Without a watch the previews are reloaded by hand; nothing is lost.
            tracing::warn!(session = %id, %error, "the workspace cannot be watched");
            None
        }
    }
}

/// Shared by the tasks of a session.
pub(crate) type SharedRuntime = Arc<Runtime>;
