//! The sheets of workbooks, read whole within the limits of a document.

use okcvm_documents::{DocumentKind, Grid, GridLimits, Limits, Reading};
use okcvm_protocol::{TableHandle, TableId, TableRows};

use super::{FIRST, MOST_TEXT, cut};
use crate::source::Material;
use crate::{PreviewError, Wanted};

/// Bytes of a workbook.
const MOST_BYTES: u64 = 128 * 1024 * 1024;

/// One sheet, held in memory.
pub(super) struct SheetTable {
    rows: Vec<Vec<String>>,
}

/// Whether the first bytes may be those of a workbook.
pub(super) fn kind(start: &[u8]) -> Option<Workbook> {
    let archive = start.starts_with(b"PK\x03\x04");
    let compound = start.starts_with(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1");
    (archive || compound).then_some(Workbook)
}

/// Something that is read as a workbook, not as text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Workbook;

impl SheetTable {
    pub(super) fn open(
        id: &TableId,
        material: &Material,
        _: Workbook,
        sheet: Option<&str>,
        wanted: &Wanted,
    ) -> Result<(Self, TableHandle), PreviewError> {
        let bytes = material.whole(MOST_BYTES)?;
        let path = &material.path;
        let failed = |source| PreviewError::Document { path: path.clone(), source: Box::new(source) };
        let kind = okcvm_documents::detect(&bytes).map_err(failed)?;
        let Some(kind @ (DocumentKind::Xlsx | DocumentKind::Ods)) = kind else {
            return Err(PreviewError::Broken { path: path.clone(), what: "is not a table".to_owned() });
        };
        let asked = sheet.filter(|sheet| !sheet.is_empty()).map(str::to_owned);
        let still = wanted.clone();
        let reading = Reading::new(Limits::default(), move || still.is_over());
        let grid = okcvm_documents::grid(bytes, kind, asked.clone(), GridLimits::default(), &reading)
            .map_err(failed)?;
        let Grid { sheets, sheet, mut rows, notes } = grid;
        if let Some(asked) = asked.filter(|asked| *asked != sheet) {
            return Err(PreviewError::NoSheet { path: path.clone(), sheet: asked });
        }
        let names = if rows.is_empty() { Vec::new() } else { rows.remove(0) };
        let table = Self { rows };
        let handle = TableHandle {
            id: id.clone(),
            names: names.into_iter().map(cut).collect(),
            first: table.rows(0, FIRST as u64).rows,
            rows: Some(table.rows.len() as u64),
            sheets,
            sheet,
            size: material.size,
            notes,
        };
        Ok((table, handle))
    }

    pub(super) fn rows(&self, from: u64, count: u64) -> TableRows {
        let start = usize::try_from(from).unwrap_or(usize::MAX).min(self.rows.len());
        let mut room = MOST_TEXT;
        let mut rows = Vec::new();
        for row in self.rows.iter().skip(start).take(count as usize) {
            let row: Vec<String> = row.iter().cloned().map(cut).collect();
            room = room.saturating_sub(row.iter().map(|cell| cell.len() + 3).sum());
            rows.push(row);
            if room == 0 {
                break;
            }
        }
        TableRows { from, rows, total: Some(self.rows.len() as u64) }
    }
}
