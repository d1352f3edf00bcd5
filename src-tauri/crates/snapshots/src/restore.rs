//! Making the workspace what a snapshot holds.
//!
//! Four steps: *plan* compares the live paths with both trees and refuses if one is neither; the *intent*
//! is written down; *stage* writes all new contents beside their places and syncs them, and with them the
//! intent and what the history holds of the present; *apply* moves them into place, removes what is to go, looks whether all became what it should, and
//! syncs the folders. Up to the end of staging nothing visible has changed, so that a full disk or an
//! unreadable object costs nothing. From there on a restore that is cut off is finished by
//! [`History::finish_restore`]. Every path is reached by folder handles without following a link.
//!
//! A file is replaced by a new one of the same permission bits and owner, never written into. So another
//! name (hard link) of it, in the workspace or outside of it, keeps the content that it has, and the two are
//! one file no more.

mod apply;
mod attributes;
mod closed;
mod foresee;
mod intent;
mod keep;
mod live;
mod plan;
mod respelled;
mod stage;
mod syncing;
mod told;

use okcvm_objects::{Entry, EntryKind, ObjectId, side_by_side};
use std::collections::BTreeSet;
use std::io;
use std::os::unix::ffi::OsStrExt;

use okcvm_protocol::{RestoreOutcome, SkippedFile, SnapshotId};
use okcvm_workspace::{TEMPORARY_PREFIX, Workspace};
use rustix::fs::{AtFlags, Mode, OFlags, openat, statat, unlinkat};

use crate::difference::{Difference, Scope, differences, folded_into};
use crate::entry::{raw, shown, split};
use crate::error::SnapshotError;
use crate::history::{History, Writer, lock};
use crate::index::{Node, Stamp};
use crate::left_out::LeftOut;
use crate::names::{NameRules, collisions, respell};
use crate::source::Source;

pub use foresee::ForeseenRevert;
pub use intent::UnfinishedRestore;

use closed::Opened;
use intent::Intent;
pub(crate) use live::Live;
use live::State;
use plan::lies_below_a_file;
pub(crate) use plan::{Run, Trees};

/// Which part of the workspace is restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestoreWhat {
    /// Everything.
    All,
    /// These files, and these folders with all that is in them, relative to the workspace with `/`.
    Paths(Vec<String>),
}

impl RestoreWhat {
    pub(crate) fn scope(&self) -> Scope {
        match self {
            Self::All => Scope::All,
            Self::Paths(paths) => Scope::of(paths.iter().map(|path| raw(path))),
        }
    }
}

/// How it is found out what a file system does with names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    /// By making a file.
    Tried,
    /// By what is there already.
    Seen,
}

/// What becomes of contents of the target that the history holds damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Damaged {
    /// The restore is refused.
    Refused,
    /// They stay as they are, and are named.
    Left,
}

/// A restore that lies ahead.
pub(crate) struct Ahead<'a> {
    pub(crate) trees: Trees,
    pub(crate) what: &'a RestoreWhat,
    /// What the present does not hold although it may be there.
    pub(crate) left_out_before: &'a dyn Fn() -> Result<LeftOut, SnapshotError>,
    /// The same of the target.
    pub(crate) left_out_after: &'a dyn Fn() -> Result<LeftOut, SnapshotError>,
    pub(crate) run: Run,
    pub(crate) names: Names,
    pub(crate) damaged: Damaged,
}

/// What a restore will do.
pub(crate) struct Prepared {
    plan: plan::Plan,
    /// What differs and is to be made equal.
    found: Vec<Difference>,
    /// What stays as it is.
    pub(crate) unwritten: Vec<SkippedFile>,
}

impl History {
    /// Makes the workspace, which `from` was just recorded of, what `to` holds, or only a part of it.
    ///
    /// Only paths that differ between the two are touched, so that files that are equal keep their times
    /// and what no snapshot holds stays; nor is anything removed that was left out of `to`, or written
    /// over that was left out of `from`; the outcome names it. If another live path is neither what `from` nor what `to` holds, nothing is touched and the error lists all such paths.
    /// New contents are written beside their places and synced before the first file is replaced; removals
    /// come last; the result is checked and is durable. What the file system cannot hold, or would write
    /// over another path of `to`, is named in the outcome and left.
    ///
    /// A restore that was cut off is finished by [`History::finish_restore`], or by recording the workspace
    /// and restoring again; [`History::give_up_restore`] leaves it at that.
    pub fn restore(
        &self,
        workspace: &Workspace,
        from: &SnapshotId,
        to: &SnapshotId,
        what: &RestoreWhat,
    ) -> Result<RestoreOutcome, SnapshotError> {
        let restore = unfinished(from, to, what);
        self.run(&lock(&self.shared.writer), workspace, &restore, (Run::First, Damaged::Refused))
    }

    /// The same as far as `to` is sound: a file whose content the history holds damaged stays as it is, and is named in
    /// the outcome.
    pub fn restore_what_is_sound(
        &self,
        workspace: &Workspace,
        from: &SnapshotId,
        to: &SnapshotId,
        what: &RestoreWhat,
    ) -> Result<RestoreOutcome, SnapshotError> {
        let restore = unfinished(from, to, what);
        self.run(&lock(&self.shared.writer), workspace, &restore, (Run::First, Damaged::Left))
    }

    /// The restore that was begun and cut off, if there is one.
    pub fn unfinished_restore(&self) -> Result<Option<UnfinishedRestore>, SnapshotError> {
        Intent::read(self.shared.folder())
    }

    /// Notes that the restore that stopped half-way has failed, which its user is told: the next start leaves it at that.
    pub fn fail_restore(&self) -> Result<(), SnapshotError> {
        let _writer = lock(&self.shared.writer);
        match Intent::read(self.shared.folder())? {
            Some(_) => Intent::open(self.shared.folder())?.fail(),
            None => Ok(()),
        }
    }

    /// Finishes the restore that was cut off, if there is one. Files that were changed since then are
    /// refused as in any restore; then the present has to be recorded, and restored from there.
    pub fn finish_restore(&self, workspace: &Workspace) -> Result<Option<RestoreOutcome>, SnapshotError> {
        let writer = &*lock(&self.shared.writer);
        let Some(restore) = Intent::read(self.shared.folder())? else { return Ok(None) };
        self.run(writer, workspace, &restore, (Run::Again, Damaged::Refused)).map(Some)
    }

    /// Gives up the restore that was cut off, if there is one: the files stay as they are, and only what was
    /// staged beside them goes. For when it failed and the workspace was worked in since.
    pub fn give_up_restore(&self, workspace: &Workspace) -> Result<Option<UnfinishedRestore>, SnapshotError> {
        let _writer = lock(&self.shared.writer);
        let Some(cut_off) = Intent::read(self.shared.folder())? else { return Ok(None) };
        self.shared.archive.ensure_writer()?;
        let known = |_: &[u8], _: &Stamp| None;
        let mut live = Live::new(workspace.root_handle(), &known)?;
        let mut opened = Opened::none(&live);
        let swept = opened.open(&cut_off.opened).and_then(|()| self.sweep(&mut live, &cut_off));
        if let Err(error) = swept {
            tracing::warn!(%error, "what a restore staged stays beside the files");
        }
        drop(opened);
        self.shared.archive.sync_later(Intent::open(self.shared.folder())?.end()?);
        Ok(Some(cut_off))
    }

    fn run(
        &self,
        writer: &Writer,
        workspace: &Workspace,
        restore: &UnfinishedRestore,
        (run, damaged): (Run, Damaged),
    ) -> Result<RestoreOutcome, SnapshotError> {
        self.shared.archive.ensure_writer()?;
        let source = self.source();
        let trees = Trees { from: self.tree(&restore.from)?, to: self.tree(&restore.to)? };
        let index =
            writer.live.index().filter(|index| *index.workspace == *workspace.root().as_os_str().as_bytes());
        let known = |path: &[u8], stamp: &Stamp| match index?.root.at(path)? {
            Node::File(known) if known.stamp? == *stamp => Some(Entry { kind: known.kind, id: known.id }),
            _ => None,
        };
        let mut live = Live::new(workspace.root_handle(), &known)?.with_rights(&self.shared.rights);
        let mut opened = Opened::none(&live);
        let mut restore = restore.clone();
        if let Some(cut_off) = Intent::read(self.shared.folder())? {
            opened.open(&cut_off.opened)?;
            self.sweep(&mut live, &cut_off)?;
            restore.opened = cut_off.opened;
        }
        let ahead = Ahead {
            trees,
            what: &restore.what,
            left_out_before: &|| self.left_out(&restore.from),
            left_out_after: &|| self.left_out(&restore.to),
            run,
            names: Names::Tried,
            damaged,
        };
        let Prepared { plan, found, unwritten } = self.prepare(&mut live, &ahead)?;
        let from = restore.from.clone();
        let outcome = |touched: apply::Touched| RestoreOutcome {
            written: touched.written,
            removed: touched.removed,
            before: Some(from),
            unwritten,
            unchanged: false,
            passed: Vec::new(),
        };
        let intent = Intent::open(self.shared.folder())?;
        if plan.is_empty() {
            drop(opened);
            self.shared.archive.sync_later(intent.end()?);
            return Ok(outcome(apply::Touched::default()));
        }
        restore.opened.extend(plan.closed.iter().cloned());
        intent.begin(&restore)?;
        if !plan.closed.is_empty() {
            intent.sync()?;
            opened.open(&plan.closed)?;
        }
        // Side by side: what is written over gets onto the disk in the history, and the intent and the new
        // contents with it. Nothing moves before all three are there, and before what is written over was read.
        let mut going = live.twin();
        let prepare = || {
            let staging = stage::stage(source, &mut live, &plan.writes)?;
            intent.sync().map(|()| staging)
        };
        let (staging, recorded) = side_by_side(prepare, || {
            self.keep_sound(&mut going, trees.from, &plan)?;
            self.shared.archive.make_durable()
        });
        let staging = staging.and_then(|staging| recorded.map(|()| staging));
        let staging = match staging {
            Ok(staging) => staging,
            Err(error) => {
                // Nothing was seen of it yet.
                drop(opened);
                self.shared.archive.sync_later(intent.end()?);
                return Err(error);
            }
        };
        // However far it comes, the next record reads these again.
        self.note_written(&found.iter().map(|difference| shown(&difference.path)).collect::<Vec<_>>());
        let touched = apply::apply(&mut live, &plan, staging)?;
        drop(opened);
        self.shared.archive.sync_later(intent.end()?);
        Ok(outcome(touched))
    }

    /// Everything that a restore decides before it does anything. What refuses it refuses it here, as far as that
    /// can be known beforehand.
    pub(crate) fn prepare(&self, live: &mut Live<'_>, ahead: &Ahead<'_>) -> Result<Prepared, SnapshotError> {
        let (source, trees) = (self.source(), ahead.trees);
        let scope = ahead.what.scope();
        let mut found = differences(source, trees.from, trees.to, &scope)?;
        let pair = [trees.from, trees.to];
        if let Some(other) = folded_into(NameRules::MOST, source, pair, &scope)?.first() {
            // What is named may be there under another spelling.
            let rules = rules_at(live, ahead, split(&other.path).0)?;
            found.extend(folded_into(rules, source, pair, &scope)?);
            found.sort_by(|left, right| left.path.cmp(&right.path));
        }
        let mut unwritten = match ahead.damaged {
            Damaged::Refused => Vec::new(),
            Damaged::Left => leave_damaged(source, &mut found)?,
        };
        if found.iter().any(|difference| difference.new.is_none()) {
            let left_out = (ahead.left_out_after)()?;
            let goes = |difference: &Difference| difference.old.filter(|_| difference.new.is_none());
            unwritten.extend(keep_left_out(source, trees.to, &left_out, &mut found, goes)?);
        }
        if found.iter().any(|difference| difference.old.is_none()) {
            let left_out = (ahead.left_out_before)()?;
            unwritten.extend(spare_left_out(source, live, &left_out, &mut found)?);
        }
        let rules = rules_here(live, source, ahead, &found)?;
        let (respellings, mut found) =
            respell(rules, found, &mut |path| Ok(source.entry_at(trees.to, path)?.is_some()))?;
        unwritten.extend(leave_unwritable(source, trees, rules, &mut found)?);
        let plan = plan::plan(source, live, &found, trees, ahead.run, respellings)?;
        plan::has_room(source, live, &plan)?;
        Ok(Prepared { plan, found, unwritten })
    }

    /// Removes what a restore that was cut off staged and could not put into place, and gives what was on its way to
    /// another spelling its name back.
    fn sweep(&self, live: &mut Live<'_>, cut_off: &UnfinishedRestore) -> Result<(), SnapshotError> {
        live.forget();
        match self.differences_of(cut_off) {
            Ok(found) => {
                respelled::put_back(live, &found)?;
                folders_of(&found).iter().try_for_each(|folder| stage::sweep(live, folder))
            }
            // Cut off together with the record of the present, thinned since then, damaged, or of a history that was
            // moved aside: where something was staged is not known.
            Err(error) => {
                tracing::warn!(%error, "what a restore staged is looked for everywhere");
                stage::sweep_all(live);
                Ok(())
            }
        }
    }

    /// What a restore may have been about to make equal.
    fn differences_of(&self, restore: &UnfinishedRestore) -> Result<Vec<Difference>, SnapshotError> {
        let (from, to) = (self.tree(&restore.from)?, self.tree(&restore.to)?);
        let scope = restore.what.scope();
        let mut found = differences(self.source(), from, to, &scope)?;
        found.extend(folded_into(NameRules::MOST, self.source(), [from, to], &scope)?);
        Ok(found)
    }
}

/// The folders in which a restore may have staged something.
fn folders_of(differences: &[Difference]) -> BTreeSet<Vec<u8>> {
    let mut folders = BTreeSet::new();
    for difference in differences.iter().filter(|difference| difference.new.is_some()) {
        let mut folder = split(&difference.path).0;
        while folders.insert(folder.to_vec()) && !folder.is_empty() {
            folder = split(folder).0;
        }
    }
    folders
}

fn unfinished(from: &SnapshotId, to: &SnapshotId, what: &RestoreWhat) -> UnfinishedRestore {
    UnfinishedRestore {
        from: from.clone(),
        to: to.clone(),
        what: what.clone(),
        failed: false,
        opened: Vec::new(),
    }
}

/// Takes out of the differences what would remove a path that the tree `to` does not hold only because it
/// was left out of it, and names it. `goes` says what would be removed by a difference.
pub(crate) fn keep_left_out(
    source: &Source,
    to: ObjectId,
    left_out: &LeftOut,
    differences: &mut Vec<Difference>,
    goes: impl Fn(&Difference) -> Option<Entry>,
) -> Result<Vec<SkippedFile>, SnapshotError> {
    let mut kept = Vec::new();
    let mut rest = Vec::with_capacity(differences.len());
    for difference in std::mem::take(differences) {
        let reason = match left_out {
            _ if goes(&difference).is_none() => None,
            LeftOut::Paths(paths) => {
                paths.covers(&difference.path).then_some("it stays, since the snapshot had left it out")
            }
            // Where something else stands, this was not left out.
            LeftOut::Unknown
                if source.is_folder(to, &difference.path)?
                    || lies_below_a_file(source, to, &difference.path)? =>
            {
                None
            }
            LeftOut::Unknown => Some("it stays, since not all that the snapshot had left out is known"),
        };
        match reason {
            Some(reason) => {
                kept.push(SkippedFile { path: shown(&difference.path), reason: reason.to_owned() });
            }
            None => rest.push(difference),
        }
    }
    *differences = rest;
    Ok(kept)
}

/// Takes out of the differences what would write over something that `from` does not hold since it was left
/// out of it, and names it.
fn spare_left_out(
    source: &Source,
    live: &mut Live<'_>,
    left_out: &LeftOut,
    differences: &mut Vec<Difference>,
) -> Result<Vec<SkippedFile>, SnapshotError> {
    let LeftOut::Paths(paths) = left_out else { return Ok(Vec::new()) };
    let mut spared = Vec::new();
    let mut rest = Vec::with_capacity(differences.len());
    for difference in std::mem::take(differences) {
        let mut stands_there = |path: &[u8], new: Entry| match live.examine(path)? {
            State::Absent => Ok(false),
            State::Folder => Ok(new.kind != EntryKind::Folder),
            state => live.holds(source, path, &state, new).map(|same| !same),
        };
        let spare = match difference.new {
            Some(new) if difference.old.is_none() && paths.covers(&difference.path) => {
                match stands_there(&difference.path, new) {
                    // That is why it was left out.
                    Err(SnapshotError::Workspace { source, .. })
                        if source.kind() == io::ErrorKind::PermissionDenied =>
                    {
                        true
                    }
                    known => known?,
                }
            }
            _ => false,
        };
        if spare {
            let reason = "it stays as it is, since it is left out now".to_owned();
            spared.push(SkippedFile { path: shown(&difference.path), reason });
        } else {
            rest.push(difference);
        }
    }
    *differences = rest;
    Ok(spared)
}

/// Takes out of the differences what would need a content that the history holds damaged, and names it.
fn leave_damaged(
    source: &Source,
    differences: &mut Vec<Difference>,
) -> Result<Vec<SkippedFile>, SnapshotError> {
    let mut left = Vec::new();
    let mut rest = Vec::with_capacity(differences.len());
    for difference in std::mem::take(differences) {
        let content = difference.new.filter(|new| new.kind != EntryKind::Folder);
        match content.map_or(Ok(()), |new| source.check(new.id)) {
            Ok(()) => rest.push(difference),
            Err(error) if error.is_damage() => {
                let reason = "it stays as it is, since the history holds it damaged".to_owned();
                left.push(SkippedFile { path: shown(&difference.path), reason });
            }
            Err(error) => return Err(error),
        }
    }
    *differences = rest;
    Ok(left)
}

/// What the file system does with names. It is asked only if that can make a difference, since the answer
/// is found by making a file.
fn rules_here(
    live: &mut Live<'_>,
    source: &Source,
    ahead: &Ahead<'_>,
    differences: &[Difference],
) -> Result<NameRules, SnapshotError> {
    let trees = ahead.trees;
    let most = NameRules::MOST;
    let mut keeps = |path: &[u8]| Ok(source.entry_at(trees.to, path)?.is_some());
    let (respellings, _) = respell(most, differences.to_vec(), &mut keeps)?;
    let doubtful = match respellings.into_iter().next() {
        Some(respelling) => Some(respelling.new),
        None => collisions(most, differences, &mut |folder| names_in(source, trees, folder))?.pop_first(),
    };
    let windows = cfg!(windows);
    match doubtful {
        Some(path) => rules_at(live, ahead, split(&path).0),
        None => Ok(NameRules { windows, ..NameRules::default() }),
    }
}

/// What the file system does with names in a folder.
fn rules_at(live: &mut Live<'_>, ahead: &Ahead<'_>, folder: &[u8]) -> Result<NameRules, SnapshotError> {
    let windows = cfg!(windows);
    let folder = live.nearest_folder(folder)?;
    if ahead.names == Names::Seen {
        let folds_case = folds_case_seen(live, &folder)?;
        return Ok(NameRules {
            folds_case,
            // Not known; then what may collide is named.
            folds_expanded: folds_case,
            windows,
            ..NameRules::default()
        });
    }
    let handle = live.folder(&folder)?;
    let failed = |error| SnapshotError::workspace("examined", &folder, error);
    let stem = format!("{TEMPORARY_PREFIX}names-{}", std::process::id());
    let [made, case, expanded, composition] =
        ["a\u{e9}\u{df}", "A\u{e9}\u{df}", "a\u{e9}ss", "ae\u{301}\u{df}"]
            .map(|name| format!("{stem}-{name}"));
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(&*handle, made.as_str(), flags, Mode::from_raw_mode(0o600)).map_err(failed)?;
    let there = |name: &str| statat(&*handle, name, AtFlags::SYMLINK_NOFOLLOW).is_ok();
    let rules = NameRules {
        folds_case: there(&case),
        folds_expanded: there(&expanded),
        folds_composition: there(&composition),
        windows,
    };
    unlinkat(&*handle, made.as_str(), AtFlags::empty()).map_err(failed)?;
    Ok(rules)
}

/// Whether a name that is there in a folder answers to another spelling as well.
fn folds_case_seen(live: &mut Live<'_>, folder: &[u8]) -> Result<bool, SnapshotError> {
    let names = live.names(folder)?;
    let handle = live.folder(folder)?;
    let inode = |name: &[u8]| statat(&*handle, name, AtFlags::SYMLINK_NOFOLLOW).map(|stat| stat.st_ino).ok();
    let other = |name: &[u8]| -> Vec<u8> {
        let swap = |byte: &u8| {
            if byte.is_ascii_lowercase() { byte.to_ascii_uppercase() } else { byte.to_ascii_lowercase() }
        };
        name.iter().map(swap).collect()
    };
    let tell = names.iter().find(|name| other(name) != **name && !names.contains(&other(name)));
    Ok(tell.is_some_and(|name| inode(name).is_some() && inode(name) == inode(&other(name))))
}

fn names_in(source: &Source, trees: Trees, folder: &[u8]) -> Result<Vec<Vec<u8>>, SnapshotError> {
    match source.entry_at(trees.to, folder)? {
        Some(Entry { kind: EntryKind::Folder, id }) => {
            Ok(source.tree(id)?.iter().map(|(name, _)| name.clone()).collect())
        }
        _ => Ok(Vec::new()),
    }
}

/// Takes out of the differences what this file system cannot hold, and names it.
fn leave_unwritable(
    source: &Source,
    trees: Trees,
    rules: NameRules,
    differences: &mut Vec<Difference>,
) -> Result<Vec<SkippedFile>, SnapshotError> {
    let colliding = collisions(rules, differences, &mut |folder| names_in(source, trees, folder))?;
    let mut unwritten = Vec::new();
    differences.retain(|difference| {
        if difference.new.is_none() {
            return true;
        }
        let reason = rules.unwritable(&difference.path).or_else(|| {
            let collides = colliding.contains(&difference.path);
            collides.then_some("this file system takes its name for that of another file")
        });
        let Some(reason) = reason else { return true };
        unwritten.push(SkippedFile { path: shown(&difference.path), reason: reason.to_owned() });
        false
    });
    Ok(unwritten)
}

#[cfg(test)]
#[path = "restore_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "restore_cut_tests.rs"]
mod cut_tests;
