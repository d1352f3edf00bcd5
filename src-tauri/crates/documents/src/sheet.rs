//! A sheet of cells as tables: what stands together becomes one table, and what lies apart another.

use crate::markdown::{Writer, escaped};
use crate::notes::{Note, Why};

/// Columns that are shown.
const MAX_COLUMNS: usize = 256;
/// Characters of a cell that are shown.
const MAX_CELL: usize = 32_767;

/// A cell with something in it.
pub(crate) struct Cell {
    /// From 1.
    pub(crate) column: usize,
    pub(crate) text: String,
    pub(crate) hidden: Option<Why>,
}

/// Takes the rows of a sheet from top to bottom.
pub(crate) struct Sheet {
    /// The rows of the table that is growing, from `first_row` on.
    rows: Vec<Vec<(usize, String)>>,
    first_row: usize,
    last_row: usize,
    bytes: usize,
    most: usize,
    hidden: Vec<(Why, String)>,
    is_full: bool,
}

impl Sheet {
    /// Holds at most so many bytes of text.
    pub(crate) const fn new(most: usize) -> Self {
        Self {
            rows: Vec::new(),
            first_row: 0,
            last_row: 0,
            bytes: 0,
            most,
            hidden: Vec::new(),
            is_full: false,
        }
    }

    pub(crate) const fn is_full(&self) -> bool {
        self.is_full
    }

    /// Takes a row; its number counts from 1 and grows.
    pub(crate) fn row(&mut self, number: usize, cells: Vec<Cell>, out: &mut Writer) {
        let mut row = Vec::new();
        let mut hidden: Vec<(Why, Vec<String>)> = Vec::new();
        let mut is_cut = false;
        for cell in cells {
            if cell.text.trim().is_empty() {
                continue;
            }
            if cell.column > MAX_COLUMNS {
                is_cut = true;
                continue;
            }
            let mut text = cell.text;
            if let Some((end, _)) = text.char_indices().nth(MAX_CELL) {
                text.truncate(end);
                text.push('…');
                out.notes.add(Note::CutCell);
            }
            self.bytes += text.len() + 3;
            match cell.hidden {
                None => row.push((cell.column, text)),
                Some(why) => {
                    let text = format!("{}: {}", address(cell.column, number), one_line(&text));
                    match hidden.last_mut() {
                        Some((last, texts)) if *last == why => texts.push(text),
                        _ => hidden.push((why, vec![text])),
                    }
                }
            }
        }
        if is_cut {
            out.notes.add(Note::CutColumn);
        }
        self.hidden.extend(hidden.into_iter().map(|(why, texts)| (why, texts.join("; "))));
        if self.bytes > self.most {
            self.is_full = true;
        }
        if row.is_empty() {
            return;
        }
        if !self.rows.is_empty() && number != self.last_row + 1 {
            self.flush(out);
        }
        if self.rows.is_empty() {
            self.first_row = number;
        }
        self.last_row = number;
        self.rows.push(row);
    }

    fn flush(&mut self, out: &mut Writer) {
        let rows = std::mem::take(&mut self.rows);
        let columns = rows.iter().flatten().map(|(column, _)| *column);
        let (Some(first), Some(last)) = (columns.clone().min(), columns.max()) else { return };
        if let ([row], true) = (rows.as_slice(), first == last) {
            let text = row.first().map_or("", |(_, text)| text.as_str());
            out.paragraph(&format!("[{}] {}", address(first, self.first_row), escaped(text)));
            return;
        }
        out.mark(&format!("[{}:{}]", address(first, self.first_row), address(last, self.last_row)));
        let rows: Vec<Vec<String>> = rows
            .into_iter()
            .map(|row| {
                let mut full = vec![String::new(); last - first + 1];
                for (column, text) in row {
                    if let Some(place) = full.get_mut(column - first) {
                        *place = text;
                    }
                }
                full
            })
            .collect();
        out.table(&rows);
    }

    /// Writes what is left, and the hidden cells.
    pub(crate) fn finish(mut self, out: &mut Writer) {
        self.flush(out);
        if self.is_full {
            out.notes.say("A sheet is too long to be shown: its later rows are left out.");
        }
        let mut hidden: Vec<(Why, String)> = Vec::new();
        for (why, text) in self.hidden {
            match hidden.last_mut() {
                Some((last, joined)) if *last == why => {
                    joined.push('\n');
                    joined.push_str(&text);
                }
                _ => hidden.push((why, text)),
            }
        }
        for (why, text) in hidden {
            if text.contains('\n') {
                out.hidden_part(why, "cells", &text);
            } else {
                out.hidden(why, &text);
            }
        }
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// `C7` for column 3 and row 7.
pub(crate) fn address(column: usize, row: usize) -> String {
    let mut letters = Vec::new();
    let mut rest = column;
    while rest > 0 {
        rest -= 1;
        letters.push(char::from(b'A' + (rest % 26) as u8));
        rest /= 26;
    }
    letters.reverse();
    format!("{}{row}", letters.into_iter().collect::<String>())
}

/// Column and row (from 1) of `C7` or `$C$7`.
pub(crate) fn parse_address(text: &str) -> Option<(usize, usize)> {
    let text = text.replace('$', "");
    let digits = text.find(|character: char| character.is_ascii_digit())?;
    let (letters, digits) = text.split_at(digits);
    if letters.is_empty() || letters.len() > 3 || !letters.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return None;
    }
    let column = letters
        .bytes()
        .fold(0, |number, byte| number * 26 + usize::from(byte.to_ascii_uppercase() - b'A') + 1);
    Some((column, digits.parse().ok()?))
}
