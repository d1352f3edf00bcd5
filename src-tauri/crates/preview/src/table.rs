//! Tables by rows: comma and tab separated files of any size, and the sheets of workbooks.

mod index;
mod records;
mod sheet;
mod text;

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use okcvm_protocol::{TableHandle, TableId, TableRows};

use self::index::{Index, Known};
use self::records::{MAX_COLUMNS, Records, Step};
use self::sheet::SheetTable;
pub(crate) use self::text::Layout;
pub use self::text::as_text;
use crate::source::{FileReader, Material, Stamp, stamp};
use crate::{PreviewError, Wanted};

/// Rows that come with the handle.
const FIRST: usize = 200;
/// Rows of one answer.
const MOST_ROWS: u64 = 500;
/// Rows by which it is told whether the first one holds names.
const LOOKED_AT: usize = 50;
/// Bytes that are looked through for the first rows.
const FIRST_BYTES: usize = 4 * 1024 * 1024;
/// The first piece, by which the layout is known.
const HEAD: u64 = 64 * 1024;
/// A table of so many bytes is counted before the handle is given.
const COUNTED_AT_ONCE: u64 = 256 * 1024;
/// Bytes of text of one answer.
const MOST_TEXT: usize = 8 * 1024 * 1024;
/// Characters of a cell.
const MOST_CHARACTERS: usize = 10_000;
/// Tables that are open at a time; the one that was opened first is closed for one more.
const MOST_OPEN: usize = 16;
const CHUNK: usize = 256 * 1024;

/// How far the counting of a table is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableProgress {
    /// The table.
    pub id: TableId,
    /// Rows below the first one so far.
    pub rows: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Bytes in all.
    pub size: u64,
    /// It is over.
    pub done: bool,
}

/// Hears of progress, from the threads that count.
pub type TellTable = Arc<dyn Fn(TableProgress) + Send + Sync>;

/// The open tables. Clones share them.
#[derive(Clone)]
pub struct Tables {
    inner: Arc<Inner>,
}

struct Inner {
    spool: PathBuf,
    tell: TellTable,
    /// In the order of their opening.
    open: Mutex<Vec<(TableId, Arc<Table>)>>,
}

enum Table {
    Text(TextTable),
    Sheet(SheetTable),
}

struct TextTable {
    path: String,
    layout: Layout,
    /// Rows above the first that is shown: the row of names, where there is one.
    above: u64,
    /// What the marks of the index are places in.
    file: File,
    /// When the file was opened, if it is one that others may write.
    stamp: Option<Stamp>,
    index: Arc<Index>,
}

impl std::fmt::Debug for Tables {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Tables").field("spool", &self.inner.spool).finish_non_exhaustive()
    }
}

impl Tables {
    /// No tables yet. In `spool`, made when it is needed, unnamed temporary files hold what has to be turned into UTF-8 or
    /// comes out of the history.
    pub fn new(spool: PathBuf, tell: TellTable) -> Self {
        Self { inner: Arc::new(Inner { spool, tell, open: Mutex::default() }) }
    }

    /// Opens a table and returns as soon as its first rows are read; its rows are counted behind. Blocks.
    pub fn open(&self, material: Material, sheet: Option<&str>) -> Result<TableHandle, PreviewError> {
        self.open_wanted(material, sheet, &Wanted::default())
    }

    /// As [`Tables::open`], as long as the table is wanted.
    pub fn open_wanted(
        &self,
        material: Material,
        sheet: Option<&str>,
        wanted: &Wanted,
    ) -> Result<TableHandle, PreviewError> {
        if material.size == 0 {
            return Err(PreviewError::Broken { path: material.path.clone(), what: "is empty".to_owned() });
        }
        let start = material.range(0, HEAD)?;
        let id = TableId::new();
        if let Some(kind) = sheet::kind(&start) {
            let (table, handle) = SheetTable::open(&id, &material, kind, sheet, wanted)?;
            self.keep(id, Table::Sheet(table));
            return Ok(handle);
        }
        if let Some(sheet) = sheet.filter(|sheet| !sheet.is_empty()) {
            return Err(PreviewError::NoSheet { path: material.path.clone(), sheet: sheet.to_owned() });
        }
        let layout = Layout::of(material.name(), &start).ok_or_else(|| PreviewError::Broken {
            path: material.path.clone(),
            what: "is not a table: it holds bytes that are no text".to_owned(),
        })?;
        self.open_text(id, material, layout)
    }

    fn open_text(
        &self,
        id: TableId,
        material: Material,
        layout: Layout,
    ) -> Result<TableHandle, PreviewError> {
        let (path, size) = (material.path.clone(), material.size);
        let failed =
            |source: io::Error| PreviewError::Unreadable { path: path.clone(), source: Arc::new(source) };
        let (mut rows, mut notes) = first_rows(&material, &layout)?;
        let headed = has_names(&rows);
        let names = if headed && !rows.is_empty() { rows.remove(0) } else { Vec::new() };
        rows.truncate(FIRST);
        let above = u64::from(headed);
        let source = material.reader()?;
        let own = if layout.is_wide() { None } else { material.into_file() };
        let (file, stamp, spool) = if let Some(file) = own {
            let stamp = stamp(&file).map_err(failed)?;
            (file, Some(stamp), None)
        } else {
            std::fs::create_dir_all(&self.inner.spool).map_err(failed)?;
            let file = tempfile::tempfile_in(&self.inner.spool).map_err(failed)?;
            let spool = file.try_clone().map_err(failed)?;
            (file, None, Some(spool))
        };
        let index = Arc::new(Index::default());
        let table = TextTable { path: path.clone(), layout, above, file, stamp, index: Arc::clone(&index) };
        let counting = Counting {
            id: id.clone(),
            size,
            layout,
            above,
            index,
            spool,
            tell: Arc::clone(&self.inner.tell),
        };
        if size <= COUNTED_AT_ONCE {
            counting.run(source);
        } else {
            thread::Builder::new()
                .name("table".to_owned())
                .spawn(move || counting.run(source))
                .map_err(failed)?;
        }
        let known = table.index.known().clone();
        if let Some(failure) = &known.failure {
            notes.push(format!("The table could not be read to its end: {failure}."));
        }
        self.keep(id.clone(), Table::Text(table));
        Ok(TableHandle {
            id,
            names,
            first: rows,
            rows: known.is_done.then(|| known.rows.saturating_sub(above)),
            sheets: Vec::new(),
            sheet: String::new(),
            size,
            notes,
        })
    }

    fn keep(&self, id: TableId, table: Table) {
        let mut open = self.inner.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= MOST_OPEN {
            let (_, oldest) = open.remove(0);
            oldest.close();
        }
        open.push((id, Arc::new(table)));
    }

    fn find(&self, id: &TableId) -> Result<Arc<Table>, PreviewError> {
        let open = self.inner.open.lock().unwrap_or_else(PoisonError::into_inner);
        let found = open.iter().find(|(known, _)| known == id).map(|(_, table)| Arc::clone(table));
        found.ok_or(PreviewError::TableClosed)
    }

    /// At most `count` rows (up to 500) from `from` on; fewer where the table, or what is known of it so far, ends.
    /// Blocks.
    pub fn rows(&self, id: &TableId, from: u64, count: u32) -> Result<TableRows, PreviewError> {
        let count = u64::from(count).min(MOST_ROWS);
        match &*self.find(id)? {
            Table::Text(table) => table.rows(from, count),
            Table::Sheet(table) => Ok(table.rows(from, count)),
        }
    }

    /// Closes a table; what is still being counted is called off. Does nothing if it is closed already.
    pub fn close(&self, id: &TableId) {
        let mut open = self.inner.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|(known, table)| {
            if known == id {
                table.close();
            }
            known != id
        });
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let open = self.open.get_mut().unwrap_or_else(PoisonError::into_inner);
        for (_, table) in open.iter() {
            table.close();
        }
    }
}

impl Table {
    fn close(&self) {
        match self {
            Self::Text(table) => table.index.close(),
            Self::Sheet(_) => {}
        }
    }
}

/// What a thread needs to count the rows of a table.
struct Counting {
    id: TableId,
    size: u64,
    layout: Layout,
    above: u64,
    index: Arc<Index>,
    spool: Option<File>,
    tell: TellTable,
}

impl Counting {
    fn run(self, mut source: Box<dyn Read + Send>) {
        let Self { id, size, layout, above, index, spool, tell } = self;
        index.make(&mut source, &layout, spool.as_ref(), |known: &Known| {
            tell(TableProgress {
                id: id.clone(),
                rows: known.rows.saturating_sub(above),
                bytes: known.bytes,
                size,
                done: known.is_done,
            });
        });
    }
}

impl TextTable {
    fn rows(&self, from: u64, count: u64) -> Result<TableRows, PreviewError> {
        let failed = |source: io::Error| PreviewError::Unreadable {
            path: self.path.clone(),
            source: Arc::new(source),
        };
        if let Some(opened) = self.stamp
            && self::stamp(&self.file).map_err(failed)? != opened
        {
            return Err(PreviewError::Changed { path: self.path.clone() });
        }
        let (mark, known_rows, total, failure) = {
            let known = self.index.known();
            let mark = known.before(from.saturating_add(self.above));
            let total = known.is_done.then(|| known.rows.saturating_sub(self.above));
            (mark, known.rows.saturating_sub(self.above), total, known.failure.clone())
        };
        if let Some(failure) = failure.filter(|_| from >= known_rows) {
            return Err(PreviewError::Broken {
                path: self.path.clone(),
                what: format!("could not be read to its end: {failure}"),
            });
        }
        let last = from.saturating_add(count).min(known_rows);
        let mut rows = Vec::new();
        if from < last {
            let (mut row, offset) = mark;
            let file = self.file.try_clone().map_err(failed)?;
            let mut source = FileReader { file, offset };
            let mut records = Records::new(self.layout.delimiter);
            let mut room = MOST_TEXT;
            each_record(&mut source, &mut records, |records| {
                if row >= from + self.above {
                    let cells = cells(records, &self.layout);
                    room = room.saturating_sub(cells.iter().map(|cell| cell.len() + 3).sum());
                    rows.push(cells);
                }
                row += 1;
                row < last + self.above && room > 0
            })
            .map_err(failed)?;
        }
        Ok(TableRows { from, rows, total })
    }
}

/// Gives each row to `take` until it wants no more or there are no more.
fn each_record(
    source: &mut dyn Read,
    records: &mut Records,
    mut take: impl FnMut(&Records) -> bool,
) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = match source.read(&mut chunk) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let mut rest = chunk.get(..read).unwrap_or_default();
        loop {
            if rest.is_empty() && read > 0 {
                break;
            }
            let (step, taken) = records.feed(rest);
            rest = rest.get(taken..).unwrap_or_default();
            match step {
                Step::Record => {
                    if !take(records) {
                        return Ok(());
                    }
                }
                Step::NeedsInput => break,
                Step::End => return Ok(()),
            }
        }
    }
}

/// The row of names and the first rows, and what is not shown of them.
fn first_rows(material: &Material, layout: &Layout) -> Result<(Vec<Vec<String>>, Vec<String>), PreviewError> {
    let mut rows = Vec::new();
    let mut notes = Vec::new();
    let mut records = Records::new(layout.delimiter);
    let (mut is_cut, mut is_wide) = (false, false);
    let mut room = MOST_TEXT;
    let mut decoder = layout.is_wide().then(|| layout.encoding.new_decoder_without_bom_handling());
    let mut source = material.reader()?;
    let failed = |source: io::Error| PreviewError::Unreadable {
        path: material.path.clone(),
        source: Arc::new(source),
    };
    io::copy(&mut Read::take(&mut source, layout.start as u64), &mut io::sink()).map_err(failed)?;
    let mut looked = 0;
    let mut is_over = false;
    // A small piece first: most tables need no more.
    let mut chunk = vec![0; HEAD as usize];
    'reading: while rows.len() <= FIRST && looked < FIRST_BYTES && !is_over {
        let read = match source.read(&mut chunk) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(failed(error)),
        };
        looked += read;
        is_over = read == 0;
        let raw = chunk.get(..read).unwrap_or_default();
        let mut as_utf8 = String::new();
        let bytes = match &mut decoder {
            None => raw,
            Some(decoder) => {
                as_utf8.reserve(decoder.max_utf8_buffer_length(read).unwrap_or(4 * read));
                // The room is that of the worst case, so that nothing is left over.
                let _ = decoder.decode_to_string(raw, &mut as_utf8, is_over);
                as_utf8.as_bytes()
            }
        };
        let mut rest = bytes;
        while !rest.is_empty() || is_over {
            let (step, taken) = records.feed(rest);
            rest = rest.get(taken..).unwrap_or_default();
            match step {
                Step::Record => {
                    let row = cells(&records, layout);
                    is_wide |= records.width() > MAX_COLUMNS;
                    is_cut |= records.is_cut() || records.cells().any(|cell| cell.len() > MOST_CHARACTERS);
                    room = room.saturating_sub(row.iter().map(|cell| cell.len() + 3).sum());
                    rows.push(row);
                    if rows.len() > FIRST || room == 0 {
                        break 'reading;
                    }
                }
                Step::NeedsInput if is_over && taken > 0 => {}
                Step::NeedsInput => break,
                Step::End => break 'reading,
            }
        }
    }
    if rows.is_empty() && !is_over {
        // One row that is longer than all that was looked through.
        let mut row: Vec<String> = records.cells().map(|cell| shown(cell, layout)).collect();
        row.push(shown(records.unfinished(), layout));
        rows.push(row);
        notes.push(
            "Its first row does not end within 4 MB: a quotation mark may be missing at the end of a cell."
                .to_owned(),
        );
    } else if is_cut {
        notes.push(format!("Cells with more than {MOST_CHARACTERS} characters are cut."));
    }
    if is_wide {
        notes
            .push(format!("It has rows with more than {MAX_COLUMNS} cells; the rest of these is not shown."));
    }
    Ok((rows, notes))
}

fn cells(records: &Records, layout: &Layout) -> Vec<String> {
    records.cells().map(|cell| shown(cell, layout)).collect()
}

/// A cell as text, cut if it is long.
fn shown(cell: &[u8], layout: &Layout) -> String {
    // Four bytes is the longest character of all encodings that are read here.
    let text = layout.decode(cell.get(..4 * MOST_CHARACTERS).unwrap_or(cell));
    cut(text)
}

fn cut(mut text: String) -> String {
    if text.len() > MOST_CHARACTERS
        && let Some((end, _)) = text.char_indices().nth(MOST_CHARACTERS)
    {
        text.truncate(end);
        text.push('…');
    }
    text
}

/// The names of the columns of a table of text, as far as it has them, the number of columns, and the rows below the
/// names if `bytes` are all of it.
pub(crate) fn outline(name: &str, bytes: &[u8], is_all: bool) -> Option<(Vec<String>, u32, Option<u64>)> {
    let layout = Layout::of(name, bytes.get(..HEAD as usize).unwrap_or(bytes))?;
    let mut rest = bytes.get(layout.start..).unwrap_or_default();
    let decoded;
    if layout.is_wide() {
        decoded = layout.encoding.decode_without_bom_handling(rest).0.into_owned();
        rest = decoded.as_bytes();
    }
    let mut records = Records::new(layout.delimiter);
    let mut first: Vec<Vec<String>> = Vec::new();
    let (mut rows, mut columns) = (0_u64, 0);
    each_record(&mut rest, &mut records, |records| {
        rows += 1;
        columns = columns.max(records.width());
        if first.len() < LOOKED_AT {
            first.push(cells(records, &layout));
        }
        is_all || first.len() < LOOKED_AT
    })
    .ok()?;
    let headed = has_names(&first);
    let names = first.into_iter().next().filter(|_| rows > 0)?;
    let rows = is_all.then(|| rows - u64::from(headed));
    Some((if headed { names } else { Vec::new() }, columns as u32, rows))
}

/// Whether the first row holds names: not if it holds a number where those below it do. A year may well be a name.
fn has_names(rows: &[Vec<String>]) -> bool {
    let Some((first, below)) = rows.split_first() else { return false };
    let below = below.get(..LOOKED_AT.min(below.len())).unwrap_or_default();
    let is_number = |cell: &str| cell.trim().parse::<f64>().is_ok_and(f64::is_finite);
    let is_year = |cell: &str| cell.trim().parse::<u32>().is_ok_and(|year| (1000..=2999).contains(&year));
    !first.iter().enumerate().any(|(column, cell)| {
        let mut others =
            below.iter().filter_map(|row| row.get(column)).filter(|cell| !cell.is_empty()).peekable();
        is_number(cell) && !is_year(cell) && others.peek().is_some() && others.all(|cell| is_number(cell))
    })
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
