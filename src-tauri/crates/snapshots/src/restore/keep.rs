//! Looking, before anything goes, whether it could come back.

use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};

use okcvm_objects::{Batch, Entry, ObjectId, ObjectKind, STREAMED_FROM};

use super::live::{Live, State, same_bytes};
use super::plan::Plan;
use super::stage::{Threads, spread};
use crate::entry::shown;
use crate::error::{RestoreStage, SnapshotError};
use crate::history::History;

/// Threads that read.
const READERS: usize = 2;

impl History {
    /// Compares every file that a restore writes over or removes with what the history holds of it. No stamp is believed
    /// here: a write through a memory mapping may leave none. A damaged copy is written again out of the live file; where
    /// that is another one by now, the restore is refused, and the next record reads it.
    pub(super) fn keep_sound(
        &self,
        live: &mut Live<'_>,
        from: ObjectId,
        plan: &Plan,
    ) -> Result<(), SnapshotError> {
        let written = plan.writes.iter().map(|write| (write.path.as_slice(), &write.state));
        let gone =
            plan.obstructions.iter().chain(&plan.removals).map(|(path, state)| (path.as_slice(), state));
        let going: Vec<_> = written
            .chain(gone)
            .filter(|(_, state)| matches!(state, State::File(_) | State::Link(_)))
            .collect();
        let batch = self.shared.objects.batch();
        let threads = Threads::for_contents(READERS, going.iter().map(|(_, state)| *state));
        spread(live, &going, threads, |live, part, stop: &AtomicBool| {
            let mut part = part.iter().take_while(|_| !stop.load(Ordering::Relaxed));
            part.try_for_each(|(path, state)| match self.source().entry_at(from, path)? {
                Some(held) => self.keep_one(live, &batch, path, state, held),
                None => Ok(()),
            })
        })?;
        batch.finish()?;
        Ok(())
    }

    /// Whether the history holds what lies there, or what lay there if it is gone.
    fn is_held(
        &self,
        live: &mut Live<'_>,
        path: &[u8],
        state: &State,
        held: ObjectId,
    ) -> Result<bool, SnapshotError> {
        let file = match state {
            State::File(_) => live.open(path)?,
            _ => None,
        };
        if let Some(file) = file {
            let (size, content) = self.source().reader(held)?;
            let failed = |error| SnapshotError::workspace("read", held.to_string().as_bytes(), error);
            return same_bytes(file, content, size).map_err(failed);
        }
        self.source().check(held).map(|()| true)
    }

    fn keep_one(
        &self,
        live: &mut Live<'_>,
        batch: &Batch,
        path: &[u8],
        state: &State,
        held: Entry,
    ) -> Result<(), SnapshotError> {
        let held_is_sound = |is_same| if is_same { Ok(()) } else { self.source().check(held.id) };
        match self.is_held(live, path, state, held.id).and_then(|same| held_is_sound(same).map(|()| same)) {
            Ok(true) => return Ok(()),
            Ok(false) => return Err(self.is_another(path)),
            Err(error) if error.is_damage() => {
                tracing::warn!(path = %shown(path), %error, "recorded again, since it is damaged in the history");
            }
            Err(error) => return Err(error),
        }
        match state {
            State::File(signature) => match live.open(path)? {
                Some(mut file) if signature.stamp.size >= STREAMED_FROM => {
                    batch.add_stream(&mut file, signature.stamp.size)?;
                }
                Some(mut file) => {
                    let mut content = Vec::new();
                    file.read_to_end(&mut content)
                        .map_err(|error| SnapshotError::workspace("read", path, error))?;
                    batch.add(ObjectKind::Blob, &content)?;
                }
                None => {}
            },
            State::Link(_) => {
                if let Some(target) = live.target(path)? {
                    batch.add(ObjectKind::Blob, &target)?;
                }
            }
            State::Absent | State::Obstructed(_) | State::Folder | State::Special => {}
        }
        if batch.contains(&held.id)? {
            return Ok(());
        }
        Err(self.is_another(path))
    }

    /// The next record reads it again.
    fn is_another(&self, path: &[u8]) -> SnapshotError {
        self.note_written(&[shown(path)]);
        SnapshotError::Changed { paths: vec![shown(path)], stage: RestoreStage::Before }
    }
}
