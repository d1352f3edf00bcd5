//! The sheets of workbooks as rows of cells, for looking at them.

use crate::limits::Budget;
use crate::read::apart;
use crate::{DocumentError, DocumentKind, Reading, odf, office};

/// How much of a sheet is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GridLimits {
    /// Rows.
    pub rows: usize,
    /// Cells of a row.
    pub columns: usize,
    /// Bytes of text.
    pub bytes: usize,
}

impl Default for GridLimits {
    fn default() -> Self {
        Self { rows: 1_048_576, columns: 1_024, bytes: 64 * 1024 * 1024 }
    }
}

/// One sheet of a workbook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    /// The names of all sheets, in their order, hidden ones as well.
    pub sheets: Vec<String>,
    /// The sheet that is given: the one that was asked for if there is one of that name, otherwise the first that is
    /// shown. Empty if there is no sheet.
    pub sheet: String,
    /// Its rows from the first on, each up to its last cell with something in it, as the program shows them.
    pub rows: Vec<Vec<String>>,
    /// What is not given, or is hidden in the program, a sentence each.
    pub notes: Vec<String>,
}

/// Reads one sheet of a workbook (`.xlsx` or `.ods`) on a thread of its own within the limits of `reading`; other kinds
/// are refused. Blocks.
pub fn grid(
    bytes: Vec<u8>,
    kind: DocumentKind,
    sheet: Option<String>,
    limits: GridLimits,
    reading: &Reading,
) -> Result<Grid, DocumentError> {
    apart(bytes, kind, reading, move |bytes, reading| {
        let budget = Budget::new(reading);
        match kind {
            DocumentKind::Xlsx => office::xlsx::grid(&bytes, sheet.as_deref(), limits, &budget),
            DocumentKind::Ods => odf::grid(&bytes, sheet.as_deref(), limits, &budget),
            _ => Err(DocumentError::Unsupported("not a workbook".into())),
        }
    })
}

/// The names of the sheets of a workbook, hidden ones as well; their cells are not read. Blocks.
pub fn sheet_names(
    bytes: Vec<u8>,
    kind: DocumentKind,
    reading: &Reading,
) -> Result<Vec<String>, DocumentError> {
    let limits = GridLimits { rows: 0, columns: 0, bytes: 0 };
    Ok(grid(bytes, kind, None, limits, reading)?.sheets)
}

/// Rows that grow within limits.
pub(crate) struct GrowingGrid {
    limits: GridLimits,
    rows: Vec<Vec<String>>,
    bytes: usize,
    /// Whether any row, column or cell was left out.
    cut_rows: bool,
    cut_columns: bool,
    hidden: u64,
}

impl GrowingGrid {
    pub(crate) const fn new(limits: GridLimits) -> Self {
        Self { limits, rows: Vec::new(), bytes: 0, cut_rows: false, cut_columns: false, hidden: 0 }
    }

    /// Nothing more is taken.
    pub(crate) const fn is_full(&self) -> bool {
        self.cut_rows
    }

    /// A row or column that the program does not show.
    pub(crate) const fn note_hidden(&mut self) {
        self.hidden += 1;
    }

    /// Takes the cells of a row, each with its column; rows and columns count from 1 and grow.
    pub(crate) fn row(&mut self, number: usize, cells: impl IntoIterator<Item = (usize, String)>) {
        let mut row = Vec::new();
        for (column, text) in cells {
            if text.is_empty() {
                continue;
            }
            if column == 0 || column > self.limits.columns {
                self.cut_columns = true;
                continue;
            }
            self.bytes += text.len();
            if row.len() < column {
                row.resize(column, String::new());
            }
            if let Some(cell) = row.get_mut(column - 1) {
                *cell = text;
            }
        }
        if row.is_empty() || number == 0 {
            return;
        }
        if number > self.limits.rows || self.bytes > self.limits.bytes {
            self.cut_rows = true;
            return;
        }
        if self.rows.len() < number {
            self.rows.resize(number, Vec::new());
        }
        if let Some(place) = self.rows.get_mut(number - 1) {
            *place = row;
        }
    }

    pub(crate) fn finish(self, sheets: Vec<String>, sheet: String) -> Grid {
        let mut notes = Vec::new();
        if self.cut_rows && self.limits.rows > 0 {
            notes.push("The sheet is too long to be shown whole: its later rows are left out.".to_owned());
        }
        if self.cut_columns && self.limits.columns > 0 {
            notes.push(format!("Columns behind the {}th are left out.", self.limits.columns));
        }
        if self.hidden > 0 {
            notes.push(format!("{} rows or columns are shown here that the workbook hides.", self.hidden));
        }
        Grid { sheets, sheet, rows: self.rows, notes }
    }
}
