//! The sheets of a spreadsheet.

use std::collections::HashSet;

use super::{MAX_REPEATED, Walk};
use crate::DocumentError;
use crate::grid::GrowingGrid;
use crate::limits::Budget;
use crate::markdown::{Writer, address_text, escaped};
use crate::notes::{Note, Why};
use crate::office::xlsx::plain;
use crate::sheet::{Cell, Sheet, address};
use crate::xml::{Child, Element};

/// Rows of a table, also those in groups and headers.
pub(super) fn rows<'b>(parent: &'b Element, found: &mut Vec<&'b Element>) {
    for element in parent.elements() {
        match &*element.name {
            "table:table-row" => found.push(element),
            "table:table-header-rows" | "table:table-rows" | "table:table-row-group" => rows(element, found),
            _ => {}
        }
    }
}

fn columns<'b>(parent: &'b Element, found: &mut Vec<&'b Element>) {
    for element in parent.elements() {
        match &*element.name {
            "table:table-column" => found.push(element),
            "table:table-header-columns" | "table:table-columns" | "table:table-column-group" => {
                columns(element, found);
            }
            _ => {}
        }
    }
}

/// A count that is 1 if it is not there.
pub(super) fn number(element: &Element, name: &str) -> usize {
    element.attribute(name).and_then(|number| number.parse().ok()).unwrap_or(1).max(1)
}

fn is_collapsed(element: &Element) -> bool {
    element.attribute("table:visibility").is_some_and(|visibility| visibility != "visible")
}

/// The cells of a sheet.
pub(super) fn grid(table: &Element, budget: &Budget, grid: &mut GrowingGrid) -> Result<(), DocumentError> {
    let mut lines = Vec::new();
    rows(table, &mut lines);
    // Remarks about pictures are for those who read the text.
    let mut aside = Writer::new(0);
    let mut row_number = 0_usize;
    for line in lines {
        let repeated = number(line, "table:number-rows-repeated");
        if is_collapsed(line) {
            grid.note_hidden();
        }
        let mut column = 0_usize;
        let mut row: Vec<(usize, String)> = Vec::new();
        for cell in line.elements() {
            let times = number(cell, "table:number-columns-repeated");
            if &*cell.name == "table:table-cell" {
                budget.element()?;
                let text = Walk::value(cell, &mut aside);
                if !text.is_empty() {
                    row.extend((0..times.min(MAX_REPEATED)).map(|index| (column + index + 1, text.clone())));
                }
            }
            column = column.saturating_add(times);
        }
        if !row.is_empty() {
            for index in 0..repeated.min(MAX_REPEATED) {
                grid.row(row_number.saturating_add(index + 1), row.iter().cloned());
                if grid.is_full() {
                    return Ok(());
                }
            }
        }
        row_number = row_number.saturating_add(repeated);
    }
    Ok(())
}

impl Walk {
    pub(super) fn sheet(
        &self,
        table: &Element,
        budget: &Budget,
        out: &mut Writer,
    ) -> Result<(), DocumentError> {
        let name = crate::text::shortened(table.attribute("table:name").unwrap_or("without a name"), 200);
        if self.styles.is_hidden_table(table.attribute("table:style-name")) {
            let mut inner = Writer::new(budget.limits().markdown_bytes / 4);
            self.cells(table, budget, &mut inner)?;
            let (text, notes) = inner.finish();
            out.notes.join(notes);
            out.hidden_part(Why::Sheet, &format!("sheet {name}"), &text);
            return Ok(());
        }
        out.heading(2, &format!("Sheet: {}", escaped(&name)));
        self.cells(table, budget, out)
    }

    fn cells(&self, table: &Element, budget: &Budget, out: &mut Writer) -> Result<(), DocumentError> {
        let mut sheet = Sheet::new(budget.limits().markdown_bytes);
        let mut hidden_columns = HashSet::new();
        let mut column = 0_usize;
        let mut found = Vec::new();
        columns(table, &mut found);
        for element in found {
            let repeated = number(element, "table:number-columns-repeated");
            if is_collapsed(element) {
                hidden_columns.extend(column + 1..=column + repeated.min(16_384));
            }
            column = column.saturating_add(repeated);
        }
        let mut row_number = 0_usize;
        let mut lines = Vec::new();
        rows(table, &mut lines);
        let mut comments = Vec::new();
        for line in lines {
            let repeated = number(line, "table:number-rows-repeated");
            let mut column = 0_usize;
            let mut row = Vec::new();
            for cell in line.elements() {
                let times = number(cell, "table:number-columns-repeated");
                if &*cell.name == "table:table-cell" {
                    budget.element()?;
                    if number(cell, "table:number-columns-spanned") > 1
                        || number(cell, "table:number-rows-spanned") > 1
                    {
                        out.notes.add(Note::MergedCell);
                    }
                    if cell.attribute("table:formula").is_some() {
                        out.notes.add(Note::Formula);
                    }
                    let text = Self::value(cell, out);
                    for index in 0..times.min(MAX_REPEATED) {
                        if !text.trim().is_empty() {
                            let place = column.saturating_add(index + 1);
                            let hidden = if is_collapsed(line) || hidden_columns.contains(&place) {
                                Some(Why::RowOrColumn)
                            } else {
                                self.styles.hidden_cell(cell.attribute("table:style-name"))
                            };
                            row.push((place, text.clone(), hidden));
                        }
                    }
                    for note in cell.named("office:annotation") {
                        comments.push((address(column + 1, row_number + 1), note));
                    }
                }
                column = column.saturating_add(times);
            }
            for index in 0..repeated.min(MAX_REPEATED) {
                if row.is_empty() || sheet.is_full() {
                    break;
                }
                let cells = row
                    .iter()
                    .map(|(column, text, hidden)| Cell {
                        column: *column,
                        text: text.clone(),
                        hidden: *hidden,
                    })
                    .collect();
                sheet.row(row_number.saturating_add(index + 1), cells, out);
            }
            row_number = row_number.saturating_add(repeated);
            if sheet.is_full() {
                break;
            }
        }
        sheet.finish(out);
        for (place, note) in comments {
            let text: Vec<String> = note.named("text:p").map(Element::text).collect();
            out.quote(&format!("Comment on {place}"), &text.join("\n"));
        }
        Ok(())
    }

    /// What a cell holds: numbers in full, dates in ISO form, text as it is shown.
    fn value(cell: &Element, out: &mut Writer) -> String {
        let value = cell.attribute("office:value").and_then(|value| value.parse::<f64>().ok());
        match (cell.attribute("office:value-type"), value) {
            (Some("float" | "currency"), Some(value)) => return plain(value),
            (Some("percentage"), Some(value)) => return format!("{}%", plain(value * 100.0)),
            (Some("date"), _) => {
                if let Some(date) = cell.attribute("office:date-value") {
                    return date.trim_end_matches("T00:00:00").replace('T', " ");
                }
            }
            (Some("boolean"), _) => {
                if let Some(value) = cell.attribute("office:boolean-value") {
                    return value.to_ascii_uppercase();
                }
            }
            _ => {}
        }
        let mut lines = Vec::new();
        for element in cell.elements() {
            match &*element.name {
                "text:p" => {
                    let mut line = String::new();
                    inline(element, &mut line);
                    lines.push(line);
                }
                name if name.starts_with("draw:") => out.notes.add(Note::Picture),
                _ => {}
            }
        }
        lines.join("\n")
    }
}

fn inline(parent: &Element, line: &mut String) {
    for child in &parent.children {
        match child {
            Child::Text(text) => line.push_str(&super::collapsed(text)),
            Child::Element(element) => match &*element.name {
                "text:s" => line.push_str(&" ".repeat(number(element, "text:c").min(100))),
                "text:a" => {
                    let mut text = String::new();
                    inline(element, &mut text);
                    match element.attribute("xlink:href").filter(|address| !address.starts_with('#')) {
                        Some(address) if !text.trim().is_empty() => {
                            line.extend(["[", text.trim(), "](", &address_text(address), ")"]);
                        }
                        _ => line.push_str(&text),
                    }
                }
                "office:annotation" => {}
                _ => inline(element, line),
            },
        }
    }
}
