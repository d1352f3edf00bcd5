//! Looking, before anything goes, whether it could come back.

use std::io::Read;
use std::sync::atomic::{AtomicBool, Ordering};

use okcvm_objects::{Batch, Entry, ObjectId, ObjectKind, STREAMED_FROM};

use super::live::{Live, State};
use super::plan::Plan;
use super::stage::{Threads, spread};
use crate::entry::shown;
use crate::error::{RestoreStage, SnapshotError};
use crate::history::History;

/// Threads that read.
const READERS: usize = 2;

impl History {
    /// Reads what the history holds of every file that a restore writes over or removes. A damaged copy is written again
    /// out of the live file; where that is another one by now, the restore is refused.
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

    fn keep_one(
        &self,
        live: &mut Live<'_>,
        batch: &Batch,
        path: &[u8],
        state: &State,
        held: Entry,
    ) -> Result<(), SnapshotError> {
        match self.source().check(held.id) {
            Err(error) if error.is_damage() => {
                tracing::warn!(path = %shown(path), %error, "recorded again, since it is damaged in the history");
            }
            known => return known,
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
        self.note_written(&[shown(path)]);
        Err(SnapshotError::Changed { paths: vec![shown(path)], stage: RestoreStage::Before })
    }
}
