//! Excel workbooks (ECMA-376, part 1, chapter 18). Sheets are read row by row, so that only what is shown is held.

mod formats;

pub(crate) use self::formats::plain;

use std::collections::{HashMap, HashSet};

use self::formats::{Formats, Letters};
use super::{Relations, main_part, related, relations};
use crate::archive::Archive;
use crate::document::Parts;
use crate::grid::{Grid, GridLimits, GrowingGrid};
use crate::limits::Budget;
use crate::markdown::{Writer, address_text, escaped};
use crate::notes::{Note, Why};
use crate::sheet::{Cell, Sheet, parse_address};
use crate::xml::{self, Element, Piece, Stream};
use crate::{DocumentError, DocumentKind};

const KIND: DocumentKind = DocumentKind::Xlsx;

/// A workbook whose sheets can be read.
struct Book<'a> {
    archive: Archive<'a>,
    source: Source,
    sheets: Vec<Entry>,
}

/// A sheet as the workbook names it.
struct Entry {
    name: String,
    is_hidden: bool,
    /// The part with its cells; `None` for charts and the like.
    part: Option<String>,
}

impl<'a> Book<'a> {
    fn open(bytes: &'a [u8], budget: &'a Budget) -> Result<Self, DocumentError> {
        let mut archive = Archive::open(bytes, KIND, budget)?;
        let part = main_part(&mut archive, "xl/workbook.xml", KIND, budget)?;
        let text = archive.needed_text(&part)?;
        let book = xml::tree(&text, &part, KIND, budget)?;
        let links = relations(&mut archive, &part, KIND, budget)?;
        let strings = match related(&links, "sharedStrings") {
            Some(name) => shared_strings(&mut archive, name, budget)?,
            None => Vec::new(),
        };
        let styles = match related(&links, "styles") {
            Some(name) => archive.text(name)?.map(|text| xml::tree(&text, name, KIND, budget)).transpose()?,
            None => None,
        };
        let from_1904 = book
            .child("x:workbookPr")
            .and_then(|properties| properties.attribute("date1904"))
            .is_some_and(|value| matches!(value, "1" | "true"));
        let formats = Formats::new(styles.as_ref(), from_1904);
        let sheets = book
            .child("x:sheets")
            .iter()
            .flat_map(|sheets| sheets.named("x:sheet"))
            .map(|sheet| {
                let relation = sheet.attribute("r:id").and_then(|id| links.get(id));
                Entry {
                    name: crate::text::shortened(sheet.attribute("name").unwrap_or("without a name"), 200),
                    is_hidden: sheet
                        .attribute("state")
                        .is_some_and(|state| matches!(state, "hidden" | "veryHidden")),
                    part: relation
                        .filter(|relation| relation.what == "worksheet")
                        .map(|relation| relation.target.clone()),
                }
            })
            .collect();
        Ok(Self { archive, source: Source { strings, formats }, sheets })
    }
}

pub(crate) fn read(bytes: &[u8], budget: &Budget, out: &mut Writer) -> Result<Parts, DocumentError> {
    let Book { mut archive, source, sheets } = Book::open(bytes, budget)?;
    for name in archive.names() {
        if name.starts_with("xl/charts/chart") {
            out.notes.add(Note::Chart);
        } else if name.starts_with("xl/media/") {
            out.notes.add(Note::Picture);
        } else if name.ends_with("vbaProject.bin") {
            out.notes.add(Note::Macro);
        }
    }
    for Entry { name, is_hidden, part } in &sheets {
        if out.is_full() {
            break;
        }
        let Some(part) = part else {
            out.notes.add(Note::Chart);
            continue;
        };
        if *is_hidden {
            let mut inner = Writer::new(budget.limits().markdown_bytes / 4);
            source.sheet(&mut archive, part, budget, &mut inner)?;
            let (text, notes) = inner.finish();
            out.notes.join(notes);
            out.hidden_part(Why::Sheet, &format!("sheet {name}"), &text);
        } else {
            out.heading(2, &format!("Sheet: {}", escaped(name)));
            source.sheet(&mut archive, part, budget, out)?;
        }
    }
    Ok(Parts::Sheets(sheets.len()))
}

/// The cells of one sheet: the one of that name, or the first that is shown.
pub(crate) fn grid(
    bytes: &[u8],
    wanted: Option<&str>,
    limits: GridLimits,
    budget: &Budget,
) -> Result<Grid, DocumentError> {
    let Book { mut archive, source, sheets } = Book::open(bytes, budget)?;
    let sheets: Vec<&Entry> = sheets.iter().filter(|sheet| sheet.part.is_some()).collect();
    let names = sheets.iter().map(|sheet| sheet.name.clone()).collect();
    let chosen = sheets
        .iter()
        .find(|sheet| wanted == Some(sheet.name.as_str()))
        .or_else(|| sheets.iter().find(|sheet| !sheet.is_hidden))
        .or_else(|| sheets.first());
    let mut growing = GrowingGrid::new(limits);
    let Some(chosen) = chosen else { return Ok(growing.finish(names, String::new())) };
    if let (Some(part), true) = (&chosen.part, limits.rows > 0) {
        source.cells(&mut archive, part, budget, &mut growing)?;
    }
    Ok(growing.finish(names, chosen.name.clone()))
}

fn shared_strings(
    archive: &mut Archive<'_>,
    name: &str,
    budget: &Budget,
) -> Result<Vec<Rich>, DocumentError> {
    let Some(text) = archive.text(name)? else { return Ok(Vec::new()) };
    let mut stream = Stream::new(&text, name, KIND, budget);
    let mut strings = Vec::new();
    while let Some(piece) = stream.next()? {
        if let Piece::Start(element) = piece
            && &*element.name == "x:si"
        {
            strings.push(Rich::of(&stream.whole(element)?));
        }
    }
    Ok(strings)
}

/// A text, in parts of one look each.
#[derive(Default)]
struct Rich(Vec<(String, Letters)>);

impl Rich {
    /// Of a string without its readings (`rPh`).
    fn of(string: &Element) -> Self {
        let mut parts = Vec::new();
        for element in string.elements() {
            match &*element.name {
                "x:t" => parts.push((element.text(), Letters::default())),
                "x:r" => {
                    let letters = element.child("x:rPr").map(Letters::of).unwrap_or_default();
                    parts.extend(element.named("x:t").map(|text| (text.text(), letters)));
                }
                _ => {}
            }
        }
        Self(parts)
    }

    fn text(&self) -> String {
        self.0.iter().map(|(text, _)| text.as_str()).collect()
    }

    /// What is seen of it in a cell of that style, and what is not.
    fn seen(&self, formats: &Formats, style: usize) -> (String, Vec<(Why, String)>) {
        let (mut seen, mut hidden) = (String::new(), Vec::new());
        for (text, letters) in &self.0 {
            match formats.hidden_part(style, *letters).filter(|_| !text.trim().is_empty()) {
                Some(why) => hidden.push((why, text.clone())),
                None => seen.push_str(text),
            }
        }
        (seen, hidden)
    }
}

struct Source {
    strings: Vec<Rich>,
    formats: Formats,
}

impl Source {
    fn sheet(
        &self,
        archive: &mut Archive<'_>,
        part: &str,
        budget: &Budget,
        out: &mut Writer,
    ) -> Result<(), DocumentError> {
        let text = archive.needed_text(part)?;
        let links = relations(archive, part, KIND, budget)?;
        let addresses = hyperlinks(&text, part, &links, budget)?;
        let mut sheet = Sheet::new(budget.limits().markdown_bytes);
        let mut hidden_columns = HashSet::new();
        let mut row_number = 0;
        let mut stream = Stream::new(&text, part, KIND, budget);
        while let Some(piece) = stream.next()? {
            let Piece::Start(element) = piece else { continue };
            match &*element.name {
                "x:col" => hide_columns(&element, &mut hidden_columns),
                "x:row" => {
                    row_number =
                        element.attribute("r").and_then(|row| row.parse().ok()).unwrap_or(row_number + 1);
                    let is_hidden = on(&element, "hidden");
                    let row = stream.whole(element)?;
                    let mut cells = Vec::new();
                    let mut column = 0;
                    for cell in row.named("x:c") {
                        column = cell
                            .attribute("r")
                            .and_then(parse_address)
                            .map_or(column + 1, |(column, _)| column);
                        let Some(mut text) = self.value(cell, out) else { continue };
                        let style = cell.attribute("s").and_then(|style| style.parse().ok()).unwrap_or(0);
                        let mut parts = Vec::new();
                        if let Some((seen, hidden)) = self.parts(cell, style) {
                            text = seen;
                            parts = hidden;
                        }
                        if let Some(link) = addresses.get(&(column, row_number))
                            && !text.trim().is_empty()
                        {
                            text = format!("[{}]({})", text.trim(), address_text(link));
                        }
                        let why = if is_hidden || hidden_columns.contains(&column) {
                            Some(Why::RowOrColumn)
                        } else {
                            // Where parts have looks of their own, theirs count.
                            self.formats.hidden(style).filter(|_| parts.is_empty())
                        };
                        cells.push(Cell { column, text, hidden: why });
                        for (part, text) in parts {
                            cells.push(Cell { column, text, hidden: why.or(Some(part)) });
                        }
                    }
                    sheet.row(row_number, cells, out);
                    if sheet.is_full() {
                        break;
                    }
                }
                "x:mergeCell" => out.notes.add(Note::MergedCell),
                _ => {}
            }
        }
        drop(text);
        sheet.finish(out);
        if let Some(name) = related(&links, "comments")
            && let Some(text) = archive.text(name)?
        {
            let comments = xml::tree(&text, name, KIND, budget)?;
            for comment in
                comments.child("x:commentList").iter().flat_map(|comments| comments.named("x:comment"))
            {
                let place = comment.attribute("ref").unwrap_or("?");
                out.quote(
                    &format!("Comment on {place}"),
                    &comment.child("x:text").map(Rich::of).unwrap_or_default().text(),
                );
            }
        }
        Ok(())
    }

    fn cells(
        &self,
        archive: &mut Archive<'_>,
        part: &str,
        budget: &Budget,
        grid: &mut GrowingGrid,
    ) -> Result<(), DocumentError> {
        let text = archive.needed_text(part)?;
        // Remarks about formulas and the like are for those who read the text.
        let mut aside = Writer::new(0);
        let mut row_number = 0;
        let mut stream = Stream::new(&text, part, KIND, budget);
        while let Some(piece) = stream.next()? {
            let Piece::Start(element) = piece else { continue };
            match &*element.name {
                "x:col" if on(&element, "hidden") => grid.note_hidden(),
                "x:row" => {
                    row_number =
                        element.attribute("r").and_then(|row| row.parse().ok()).unwrap_or(row_number + 1);
                    if on(&element, "hidden") {
                        grid.note_hidden();
                    }
                    let row = stream.whole(element)?;
                    let mut column = 0;
                    let mut cells = Vec::new();
                    for cell in row.named("x:c") {
                        column = cell
                            .attribute("r")
                            .and_then(parse_address)
                            .map_or(column + 1, |(column, _)| column);
                        if let Some(text) = self.value(cell, &mut aside) {
                            cells.push((column, text));
                        }
                    }
                    grid.row(row_number, cells);
                    if grid.is_full() {
                        break;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn shared(&self, index: &str) -> Option<&Rich> {
        self.strings.get(index.trim().parse::<usize>().ok()?)
    }

    /// What is seen of a cell's text and what is not, if it is a text of several looks.
    fn parts(&self, cell: &Element, style: usize) -> Option<(String, Vec<(Why, String)>)> {
        let (seen, hidden) = match cell.attribute("t")? {
            "s" => self.shared(&cell.child("x:v")?.text())?.seen(&self.formats, style),
            "inlineStr" => Rich::of(cell.child("x:is")?).seen(&self.formats, style),
            _ => return None,
        };
        (!hidden.is_empty()).then_some((seen, hidden))
    }

    /// What a cell shows; `None` if nothing.
    fn value(&self, cell: &Element, out: &mut Writer) -> Option<String> {
        let raw = cell.child("x:v").map(Element::text).filter(|value| !value.is_empty());
        let formula = cell.child("x:f");
        if formula.is_some() {
            if let Some(formula) = formula.map(Element::text).filter(|_| raw.is_none()) {
                out.notes.add(Note::FormulaWithoutValue);
                return (!formula.is_empty()).then(|| format!("={formula}"));
            }
            out.notes.add(Note::Formula);
        }
        let style = cell.attribute("s").and_then(|style| style.parse().ok()).unwrap_or(0);
        Some(match cell.attribute("t").unwrap_or("n") {
            "s" => self.shared(&raw?)?.text(),
            "inlineStr" => Rich::of(cell.child("x:is")?).text(),
            "b" => if raw?.trim() == "1" { "TRUE" } else { "FALSE" }.to_owned(),
            "n" => self.formats.number(raw?.trim(), style),
            _ => raw?,
        })
    }
}

fn on(element: &Element, name: &str) -> bool {
    element.attribute(name).is_some_and(|value| matches!(value, "1" | "true"))
}

fn hide_columns(element: &Element, hidden: &mut HashSet<usize>) {
    let number = |name: &str| element.attribute(name).and_then(|number| number.parse::<usize>().ok());
    if on(element, "hidden")
        && let (Some(first), Some(last)) = (number("min"), number("max"))
    {
        hidden.extend(first..=last.min(first.saturating_add(16_384)));
    }
}

/// The links of a sheet, which stand behind its rows.
fn hyperlinks(
    text: &str,
    part: &str,
    links: &Relations,
    budget: &Budget,
) -> Result<HashMap<(usize, usize), String>, DocumentError> {
    let mut found = HashMap::new();
    let Some(start) = text.rfind("<hyperlinks") else { return Ok(found) };
    let end = text.get(start..).and_then(|rest| rest.find("</hyperlinks>")).unwrap_or_default();
    if end == 0 {
        return Ok(found);
    }
    // The prefix of relations is declared at the root: it is declared again for this piece.
    let piece = format!(
        "<x xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\">{}</hyperlinks></x>",
        text.get(start..start + end).unwrap_or_default()
    );
    let tree = xml::tree(&piece, part, KIND, budget)?;
    for link in tree.child("hyperlinks").iter().flat_map(|links| links.named("hyperlink")) {
        let target = link.attribute("r:id").and_then(|id| links.get(id)).map(|relation| &relation.target);
        let place = link.attribute("ref").and_then(|place| parse_address(place.split(':').next()?));
        if let (Some(place), Some(target)) = (place, target) {
            found.insert(place, target.clone());
        }
    }
    Ok(found)
}
