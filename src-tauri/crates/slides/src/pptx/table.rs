//! Tables with spans, fills and borders.

use std::fmt::Write;

use super::paint::{fill, line};
use super::text::{Links, paragraph};
use super::xml::emu;
use crate::scene::{Cell, Table};

pub(super) fn table(table: &Table, links: Links<'_>) -> String {
    let (columns, rows) = (table.columns.len(), table.rows.len());
    let mut out = format!(
        "<a:tbl><a:tblPr{}{}><a:tableStyleId>{{2D5ABB26-0587-4C30-8999-92F81FD0307C}}</a:tableStyleId></a:tblPr><a:tblGrid>",
        if table.header_row { " firstRow=\"1\"" } else { "" },
        if table.header_column { " firstCol=\"1\"" } else { "" }
    );
    for width in &table.columns {
        let _ = write!(out, "<a:gridCol w=\"{}\"/>", emu(*width).max(1));
    }
    out.push_str("</a:tblGrid>");
    // Which cell covers a place of the grid.
    let mut covers: Vec<Vec<Option<&Cell>>> = vec![vec![None; columns]; rows];
    for cell in &table.cells {
        for row in covers.iter_mut().skip(cell.row).take(cell.rows.max(1)) {
            for place in row.iter_mut().skip(cell.column).take(cell.columns.max(1)) {
                place.get_or_insert(cell);
            }
        }
    }
    for (row, height) in table.rows.iter().enumerate() {
        let _ = write!(out, "<a:tr h=\"{}\">", emu(*height).max(1));
        for (column, cover) in covers[row].iter().enumerate() {
            match cover {
                None => out.push_str("<a:tc><a:txBody><a:bodyPr/><a:lstStyle/><a:p><a:endParaRPr sz=\"100\"/></a:p></a:txBody><a:tcPr marL=\"0\" marR=\"0\" marT=\"0\" marB=\"0\"/></a:tc>"),
                Some(cell) => out.push_str(&self::cell(cell, row, column, (rows, columns), links)),
            }
        }
        out.push_str("</a:tr>");
    }
    out.push_str("</a:tbl>");
    out
}

fn cell(cell: &Cell, row: usize, column: usize, (rows, columns): (usize, usize), links: Links<'_>) -> String {
    let first = row == cell.row && column == cell.column;
    let wide = cell.columns.min(columns - cell.column).max(1);
    let high = cell.rows.min(rows - cell.row).max(1);
    let mut out = "<a:tc".to_owned();
    if column == cell.column && wide > 1 {
        let _ = write!(out, " gridSpan=\"{wide}\"");
    }
    if row == cell.row && high > 1 {
        let _ = write!(out, " rowSpan=\"{high}\"");
    }
    if column > cell.column {
        out.push_str(" hMerge=\"1\"");
    }
    if row > cell.row {
        out.push_str(" vMerge=\"1\"");
    }
    out.push_str("><a:txBody><a:bodyPr/><a:lstStyle/>");
    if first && !cell.paragraphs.is_empty() {
        for part in &cell.paragraphs {
            out.push_str(&paragraph(part, links));
        }
    } else {
        out.push_str("<a:p><a:endParaRPr sz=\"100\"/></a:p>");
    }
    let _ = write!(
        out,
        "</a:txBody><a:tcPr marL=\"{}\" marR=\"{}\" marT=\"{}\" marB=\"{}\" anchor=\"{}\">",
        emu(cell.padding.left.max(0.0)),
        emu(cell.padding.right.max(0.0)),
        emu(cell.padding.top.max(0.0)),
        emu(cell.padding.bottom.max(0.0)),
        match cell.anchor.as_str() {
            "top" => "t",
            "bottom" => "b",
            _ => "ctr",
        }
    );
    for (tag, side) in [
        ("lnL", &cell.borders.left),
        ("lnR", &cell.borders.right),
        ("lnT", &cell.borders.top),
        ("lnB", &cell.borders.bottom),
    ] {
        out.push_str(&line(tag, Some(side)));
    }
    match &cell.fill {
        Some(ground) => out.push_str(&fill(ground)),
        None => out.push_str("<a:noFill/>"),
    }
    out.push_str("</a:tcPr></a:tc>");
    out
}
