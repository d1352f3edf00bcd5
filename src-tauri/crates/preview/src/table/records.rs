//! Rows out of bytes, whatever the size of the rows.

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

/// Bytes of a row that are kept; the rest of a longer one is passed over.
const MAX_ROW: usize = 1024 * 1024;
/// Cells of a row that are kept.
pub(super) const MAX_COLUMNS: usize = 1_024;

/// What came of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// A row is there.
    Record,
    /// The row goes on behind these bytes.
    NeedsInput,
    /// There are no more rows.
    End,
}

/// Divides bytes into rows (RFC 4180, and what is usual beyond it). Memory is bounded whatever comes.
pub(super) struct Records {
    reader: Reader,
    text: Vec<u8>,
    length: usize,
    ends: Vec<usize>,
    count: usize,
    /// Cells of the row, also those that were not kept.
    width: usize,
    is_cut: bool,
    beyond: Vec<u8>,
    ends_beyond: Vec<usize>,
    is_begun: bool,
}

impl Records {
    pub(super) fn new(delimiter: u8) -> Self {
        Self {
            reader: ReaderBuilder::new().delimiter(delimiter).build(),
            text: vec![0; 4 * 1024],
            length: 0,
            ends: vec![0; 64],
            count: 0,
            width: 0,
            is_cut: false,
            beyond: Vec::new(),
            ends_beyond: Vec::new(),
            is_begun: false,
        }
    }

    /// Takes bytes up to the end of a row and says how many it took. No bytes at all mean that the input is over.
    pub(super) fn feed(&mut self, input: &[u8]) -> (Step, usize) {
        if !self.is_begun {
            (self.length, self.count, self.width, self.is_cut) = (0, 0, 0, false);
            self.is_begun = true;
        }
        let mut taken = 0;
        loop {
            let is_full = self.length >= MAX_ROW;
            let is_wide = self.count >= MAX_COLUMNS;
            if is_full && self.beyond.is_empty() {
                self.beyond.resize(16 * 1024, 0);
            }
            if is_wide && self.ends_beyond.is_empty() {
                self.ends_beyond.resize(64, 0);
            }
            let text = if is_full {
                self.beyond.as_mut_slice()
            } else {
                self.text.get_mut(self.length..).unwrap_or_default()
            };
            let ends = if is_wide {
                self.ends_beyond.as_mut_slice()
            } else {
                self.ends.get_mut(self.count..).unwrap_or_default()
            };
            let rest = input.get(taken..).unwrap_or_default();
            let (result, read, written, ended) = self.reader.read_record(rest, text, ends);
            taken += read;
            self.width += ended;
            if !is_wide {
                self.count += ended;
            }
            if is_full {
                // What belongs to cells that are not kept anyway cuts none that are.
                self.is_cut = self.is_cut || (written > 0 && !is_wide);
            } else {
                self.length += written;
            }
            match result {
                ReadRecordResult::InputEmpty => return (Step::NeedsInput, taken),
                ReadRecordResult::OutputFull => {
                    if !is_full {
                        let more = (self.text.len() * 2).min(MAX_ROW);
                        self.text.resize(more.max(self.length), 0);
                    }
                }
                ReadRecordResult::OutputEndsFull => {
                    if !is_wide {
                        self.ends.resize((self.ends.len() * 2).min(MAX_COLUMNS), 0);
                    }
                }
                ReadRecordResult::Record => {
                    self.is_begun = false;
                    return (Step::Record, taken);
                }
                ReadRecordResult::End => {
                    self.is_begun = false;
                    return (Step::End, taken);
                }
            }
        }
    }

    /// Cells of the last row, also those that are not kept.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Text of a kept cell of the last row was left out.
    pub(super) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// The kept cells of the last row, or of the part of a row that came so far.
    pub(super) fn cells(&self) -> impl Iterator<Item = &[u8]> {
        let mut start = 0;
        let ends = self.ends.get(..self.count).unwrap_or_default();
        ends.iter().map(move |end| {
            let end = (*end).min(self.length);
            let cell = self.text.get(start.min(end)..end).unwrap_or_default();
            start = end;
            cell
        })
    }

    /// The cell that had begun when the bytes ended.
    pub(super) fn unfinished(&self) -> &[u8] {
        let start = self.count.checked_sub(1).and_then(|last| self.ends.get(last)).copied().unwrap_or(0);
        self.text.get(start.min(self.length)..self.length).unwrap_or_default()
    }
}
