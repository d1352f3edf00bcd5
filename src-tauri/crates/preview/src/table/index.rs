//! Where the rows of a table of text begin: the place of every thousandth, so that any row is found at once, in memory
//! that does not grow with the table.

use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use encoding_rs::CoderResult;

use super::records::{Records, Step};
use super::text::Layout;

/// Rows between two marks at first.
const STRIDE: u64 = 1_000;
/// Bytes between two marks at most, for tables of long rows.
const REACH: u64 = 4 * 1024 * 1024;
/// Marks that are kept; with more, every second one is dropped.
const MOST_MARKS: usize = 32_768;
const CHUNK: usize = 256 * 1024;
/// Progress is told at most this often.
const TOLD: Duration = Duration::from_millis(100);

/// What is known of a table so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Known {
    /// Row (from 0, the row of names included) and the byte where it begins; the first is that of row 0.
    marks: Vec<(u64, u64)>,
    stride: u64,
    /// Rows that are complete, the row of names included.
    pub(super) rows: u64,
    /// Bytes that were read.
    pub(super) bytes: u64,
    /// There are no more.
    pub(super) is_done: bool,
    /// Why it broke off.
    pub(super) failure: Option<String>,
}

impl Known {
    fn mark(&mut self, row: u64, offset: u64) {
        let is_due = match self.marks.last() {
            None => true,
            Some((last, at)) => row - last >= self.stride || offset - at >= REACH,
        };
        if !is_due {
            return;
        }
        if self.marks.len() >= MOST_MARKS {
            let mut number = 0_u64;
            self.marks.retain(|_| {
                number += 1;
                number % 2 == 1
            });
            self.stride *= 2;
        }
        self.marks.push((row, offset));
    }

    /// The last mark at or before a row.
    pub(super) fn before(&self, row: u64) -> (u64, u64) {
        let after = self.marks.partition_point(|(marked, _)| *marked <= row);
        after.checked_sub(1).and_then(|place| self.marks.get(place)).copied().unwrap_or((0, 0))
    }
}

/// The index of one table, which one thread makes and others ask.
#[derive(Debug, Default)]
pub(super) struct Index {
    known: Mutex<Known>,
    is_closed: AtomicBool,
}

impl Index {
    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        // What is known is whole after a panic elsewhere.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls the making off.
    pub(super) fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Relaxed)
    }

    /// Goes through the table once. With a `spool` its rows (in UTF-8) are written there, and the marks are places in it;
    /// without, they are places in the file itself. `tell` hears how far it is, and at last that it is over.
    pub(super) fn make(
        &self,
        reader: &mut dyn Read,
        layout: &Layout,
        spool: Option<&File>,
        mut tell: impl FnMut(&Known),
    ) {
        let outcome = self.run(reader, layout, spool, &mut tell);
        let mut known = self.known();
        known.is_done = true;
        if let Err(error) = outcome {
            known.failure = Some(error.to_string());
        }
        let last = known.clone();
        drop(known);
        tell(&last);
    }

    fn run(
        &self,
        reader: &mut dyn Read,
        layout: &Layout,
        mut spool: Option<&File>,
        tell: &mut impl FnMut(&Known),
    ) -> io::Result<()> {
        let skipped = layout.start as u64;
        io::copy(&mut Read::take(&mut *reader, skipped), &mut io::sink())?;
        let mut place = if spool.is_some() { 0 } else { skipped };
        *self.known() = Known { marks: vec![(0, place)], stride: STRIDE, ..Known::default() };
        let mut decoder = layout.is_wide().then(|| layout.encoding.new_decoder_without_bom_handling());
        let mut records = Records::new(layout.delimiter);
        let mut chunk = vec![0; CHUNK];
        let mut as_utf8 = String::new();
        let (mut rows, mut read_in_all, mut told) = (0, skipped, Instant::now());
        loop {
            if self.is_closed() {
                return Ok(());
            }
            let read = match reader.read(&mut chunk) {
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            read_in_all += read as u64;
            let raw = chunk.get(..read).unwrap_or_default();
            let bytes = match &mut decoder {
                None => raw,
                Some(decoder) => {
                    as_utf8.clear();
                    let room = decoder.max_utf8_buffer_length(read).unwrap_or(4 * CHUNK);
                    as_utf8.reserve(room);
                    let (result, _, _) = decoder.decode_to_string(raw, &mut as_utf8, read == 0);
                    if result == CoderResult::OutputFull {
                        return Err(io::Error::other("a part of it does not fit"));
                    }
                    as_utf8.as_bytes()
                }
            };
            if let Some(file) = &mut spool {
                file.write_all(bytes)?;
            }
            let mut rest = bytes;
            let mut marks = Vec::new();
            let is_over = read == 0;
            loop {
                if rest.is_empty() && !is_over {
                    break;
                }
                let (step, taken) = records.feed(rest);
                rest = rest.get(taken..).unwrap_or_default();
                place += taken as u64;
                match step {
                    Step::Record => {
                        rows += 1;
                        marks.push((rows, place));
                    }
                    // The end is told by no bytes at all, once these are taken.
                    Step::NeedsInput if is_over && taken > 0 => {}
                    Step::NeedsInput | Step::End => break,
                }
            }
            let mut known = self.known();
            for (row, offset) in marks {
                known.mark(row, offset);
            }
            (known.rows, known.bytes) = (rows, read_in_all);
            if is_over {
                return Ok(());
            }
            if told.elapsed() >= TOLD {
                told = Instant::now();
                let so_far = known.clone_figures();
                drop(known);
                tell(&so_far);
            }
        }
    }
}

impl Known {
    /// Without the marks.
    fn clone_figures(&self) -> Self {
        Self { marks: Vec::new(), failure: None, ..*self }
    }
}
