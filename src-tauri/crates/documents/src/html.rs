//! Pages in HTML, and the chapters of EPUB books.

mod hidden;
mod tree;

use std::rc::Rc;

use encoding_rs::Encoding;

use self::hidden::Hidden;
use crate::DocumentError;
use crate::document::Parts;
use crate::limits::Budget;
use crate::markdown::{Inline, Style, Writer, table};
use crate::notes::{Note, Why};
use crate::office::docx::{MAX_INNER, cell_text};
use crate::outline::MAX_SLIDES;
use crate::xml::{Child, Element};

/// Columns and rows that one cell may span.
const MAX_SPAN: usize = 100;
/// Columns of a table that are shown, as of sheets.
const MAX_COLUMNS: usize = 256;
/// Cells of a table, the empty ones that fill its rows up among them.
const MAX_CELLS: usize = 1_000_000;

pub(crate) fn read(bytes: &[u8], budget: &Budget, out: &mut Writer) -> Result<Parts, DocumentError> {
    write(&decode(bytes), Titles::Shown, budget, out)?;
    Ok(Parts::Whole)
}

/// Text by its mark, by the encoding that its head declares, or as guessed.
pub(crate) fn decode(bytes: &[u8]) -> String {
    let head = String::from_utf8_lossy(bytes.get(..2_048).unwrap_or(bytes)).to_ascii_lowercase();
    let declared = head
        .split_once("charset=")
        .map(|(_, rest)| rest.trim_start_matches(['"', '\'']))
        .and_then(|rest| rest.split(['"', '\'', ' ', '>', ';', '/']).next())
        .and_then(|label| Encoding::for_label(label.as_bytes()));
    crate::text::decode(bytes, declared)
}

/// What becomes of the title of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Titles {
    /// It is the first heading if the page has none.
    Shown,
    /// It is passed over.
    LeftOut,
}

/// The title of a page.
pub(crate) fn title(bytes: &[u8], budget: &Budget) -> Result<Option<String>, DocumentError> {
    let (root, _) = tree::tree(&decode(bytes), budget)?;
    let mut found = Vec::new();
    root.all("title", &mut found);
    Ok(found.first().map(|title| title.text()))
}

/// The elements of the class `ppt-slide` in words, in the order of the page. A slide's title is its first heading; its
/// notes are an `aside`, or what has the class `notes` or `speaker-notes`, or its attribute `data-notes`.
pub(crate) fn slides(bytes: &[u8], budget: &Budget) -> Result<Vec<crate::Slide>, DocumentError> {
    let (root, _) = tree::tree(&decode(bytes), budget)?;
    let mut found = Vec::new();
    with_class(&root, &["ppt-slide"], &mut found);
    found.truncate(MAX_SLIDES);
    Ok(found
        .into_iter()
        .map(|slide| {
            let title = heading(slide).map(Element::text).unwrap_or_default();
            let mut asides = Vec::new();
            with_class(slide, &["notes", "speaker-notes"], &mut asides);
            slide.all("aside", &mut asides);
            let notes = match slide.attribute("data-notes") {
                Some(notes) => notes.to_owned(),
                None => asides.first().map(|aside| aside.text()).unwrap_or_default(),
            };
            let is_hidden = slide.attribute("hidden").is_some() || slide.attribute("data-hidden").is_some();
            crate::Slide::new(&title, &notes, is_hidden)
        })
        .collect())
}

/// Elements of one of the classes, none within another.
fn with_class<'a>(parent: &'a Element, classes: &[&str], found: &mut Vec<&'a Element>) {
    for element in parent.elements() {
        let is_one = element
            .attribute("class")
            .is_some_and(|names| names.split_whitespace().any(|name| classes.contains(&name)));
        if is_one {
            found.push(element);
        } else {
            with_class(element, classes, found);
        }
    }
}

/// The first heading with words in it.
fn heading(parent: &Element) -> Option<&Element> {
    parent.elements().find_map(|element| {
        let is_heading = matches!(&*element.name, "h1" | "h2" | "h3" | "h4" | "h5" | "h6");
        if is_heading && !element.text().trim().is_empty() { Some(element) } else { heading(element) }
    })
}

/// Writes the body of a page.
pub(crate) fn write(
    text: &str,
    titles: Titles,
    budget: &Budget,
    out: &mut Writer,
) -> Result<(), DocumentError> {
    let (root, styles) = tree::tree(text, budget)?;
    let walk = Walk { hidden: Hidden::new(&root, &styles) };
    let mut found = Vec::new();
    root.all("title", &mut found);
    let mut headings = Vec::new();
    root.all("h1", &mut headings);
    if let (Some(title), true, Titles::Shown) = (found.first(), headings.is_empty(), titles) {
        out.heading(1, &crate::markdown::escaped(&title.text()));
    }
    let mut inline = Inline::default();
    walk.blocks(&root, &Around::default(), &mut inline, out);
    flush(&mut inline, &Around::default(), out);
    Ok(())
}

/// What is known from around an element.
#[derive(Debug, Clone, Default)]
struct Around {
    style: Style,
    hidden: Option<Why>,
    /// Depth in lists, from 1; 0 is outside.
    depth: usize,
    /// What stands before the next text of a list.
    marker: Option<Rc<std::cell::RefCell<Option<String>>>>,
}

struct Walk {
    hidden: Hidden,
}

/// Ends the paragraph or the entry that has been gathered.
fn flush(inline: &mut Inline, around: &Around, out: &mut Writer) {
    if inline.is_empty() {
        *inline = Inline::default();
        return;
    }
    let (text, hidden) = std::mem::take(inline).finish();
    let text: Vec<&str> = text.lines().map(str::trim).collect();
    let text = text.join("\n");
    out.with_hidden(hidden, |out| {
        if text.trim().is_empty() {
            return;
        }
        let marker = around.marker.as_ref().and_then(|marker| marker.borrow_mut().take());
        match marker {
            Some(marker) => out.item(around.depth.saturating_sub(1), &marker, &text),
            None => out.paragraph(&text),
        }
    });
}

impl Walk {
    fn blocks(&self, parent: &Element, around: &Around, inline: &mut Inline, out: &mut Writer) {
        for child in &parent.children {
            match child {
                Child::Text(text) => put(text, around, inline),
                Child::Element(element) => {
                    if out.is_full() {
                        return;
                    }
                    let why = self.hidden.of(element);
                    let inner = Around { hidden: why, ..around.clone() };
                    self.element(element, &inner, inline, out);
                }
            }
        }
    }

    fn element(&self, element: &Element, around: &Around, inline: &mut Inline, out: &mut Writer) {
        let styled = |change: fn(&mut Style)| {
            let mut inner = around.clone();
            change(&mut inner.style);
            inner
        };
        match &*element.name {
            "title" | "head" | "template" | "svg" | "iframe" | "object" | "audio" | "video" | "canvas" => {
                if matches!(&*element.name, "svg" | "canvas") {
                    out.notes.add(Note::Picture);
                }
            }
            "b" | "strong" => self.blocks(element, &styled(|style| style.bold = true), inline, out),
            "i" | "em" | "cite" | "var" => {
                self.blocks(element, &styled(|style| style.italic = true), inline, out);
            }
            "s" | "del" | "strike" => self.blocks(element, &styled(|style| style.struck = true), inline, out),
            "a" => {
                let mut inner = around.clone();
                inner.style.link = element
                    .attribute("href")
                    .filter(|address| !address.starts_with('#') && !address.trim().is_empty())
                    .map(Into::into);
                self.blocks(element, &inner, inline, out);
            }
            "br" => match around.hidden {
                Some(_) => {}
                None => inline.plain("\n"),
            },
            "hr" => {
                flush(inline, around, out);
                out.mark("---");
            }
            "img" => {
                out.notes.add(Note::Picture);
                let words = crate::text::shortened(element.attribute("alt").unwrap_or_default().trim(), 500);
                if !words.is_empty() {
                    put(&format!("[Picture: {words}]"), around, inline);
                }
            }
            "input" => {
                let kind = element.attribute("type").unwrap_or("text").to_ascii_lowercase();
                if let Some(value) = element.attribute("value") {
                    if kind == "hidden" {
                        inline.hidden(Why::Marked, value);
                    } else if !matches!(kind.as_str(), "password" | "checkbox" | "radio") {
                        put(&format!("[{value}]"), around, inline);
                    }
                }
            }
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                flush(inline, around, out);
                let level = element.name.get(1..).and_then(|level| level.parse().ok()).unwrap_or(1);
                let mut heading = Inline::default();
                self.blocks(element, &Around { marker: None, ..around.clone() }, &mut heading, out);
                let (text, hidden) = heading.finish_heading();
                out.with_hidden(hidden, |out| out.heading(level, &text));
            }
            "pre" => {
                flush(inline, around, out);
                if let Some(why) = around.hidden {
                    out.hidden(why, &element.text());
                } else {
                    out.code("", element.text().trim_start_matches('\n'));
                }
            }
            "blockquote" => {
                flush(inline, around, out);
                let mut part = Writer::new(MAX_INNER);
                let mut inner = Inline::default();
                let fresh = Around { marker: None, depth: 0, ..around.clone() };
                self.blocks(element, &fresh, &mut inner, &mut part);
                flush(&mut inner, &fresh, &mut part);
                let (text, notes) = part.finish();
                out.notes.join(notes);
                let lines: Vec<String> = text.trim_end().lines().map(|line| format!("> {line}")).collect();
                out.markdown(&lines.join("\n"));
            }
            "ul" | "ol" | "menu" => {
                flush(inline, around, out);
                self.list(element, around, out);
            }
            "table" => {
                flush(inline, around, out);
                self.table(element, around, out);
            }
            name if is_block(name) => {
                flush(inline, around, out);
                let inner = match name {
                    "dd" => Around {
                        depth: around.depth + 1,
                        marker: Some(Rc::new(std::cell::RefCell::new(Some("-".to_owned())))),
                        ..around.clone()
                    },
                    "dt" => styled(|style| style.bold = true),
                    _ => around.clone(),
                };
                self.blocks(element, &inner, inline, out);
                flush(inline, &inner, out);
            }
            _ => self.blocks(element, around, inline, out),
        }
    }

    fn list(&self, list: &Element, around: &Around, out: &mut Writer) {
        let mut number: Option<i64> = (&*list.name == "ol")
            .then(|| list.attribute("start").and_then(|start| start.parse().ok()).unwrap_or(1));
        let mut strays = Inline::default();
        for element in list.elements() {
            let why = self.hidden.of(element);
            let marker = number.map_or_else(|| "-".to_owned(), |number| format!("{number}."));
            let inner = Around {
                depth: around.depth + 1,
                hidden: why,
                marker: Some(Rc::new(std::cell::RefCell::new(Some(marker)))),
                ..around.clone()
            };
            if &*element.name == "li" {
                let mut inline = Inline::default();
                self.blocks(element, &inner, &mut inline, out);
                flush(&mut inline, &inner, out);
                number = number.map(|number| number.saturating_add(1));
            } else {
                self.element(
                    element,
                    &Around { depth: around.depth + 1, hidden: why, ..around.clone() },
                    &mut strays,
                    out,
                );
            }
        }
        flush(&mut strays, around, out);
    }

    fn table(&self, element: &Element, around: &Around, out: &mut Writer) {
        let mut lines = Vec::new();
        rows(element, &mut lines);
        for caption in element.named("caption") {
            let mut inline = Inline::default();
            self.blocks(caption, around, &mut inline, out);
            flush(&mut inline, &Around::default(), out);
        }
        let mut rows: Vec<Vec<String>> = Vec::new();
        // Rows that a cell of a row above still covers, by column.
        let mut covered: Vec<usize> = Vec::new();
        let mut passages = Vec::new();
        let mut cells = 0;
        for line in lines {
            if cells > MAX_CELLS {
                out.notes.add(Note::CutRow);
                continue;
            }
            let mut row: Vec<String> = Vec::new();
            for cell in line.elements().filter(|cell| matches!(&*cell.name, "td" | "th")) {
                while row.len() < MAX_COLUMNS && covered.get(row.len()).is_some_and(|rows| *rows > 0) {
                    if let Some(rows) = covered.get_mut(row.len()) {
                        *rows -= 1;
                    }
                    row.push(String::new());
                }
                if row.len() >= MAX_COLUMNS {
                    out.notes.add(Note::CutColumn);
                    break;
                }
                let span = |name: &str| -> usize {
                    cell.attribute(name).and_then(|span| span.parse().ok()).unwrap_or(1).clamp(1, MAX_SPAN)
                };
                let (wide, high) = (span("colspan"), span("rowspan"));
                if wide > 1 || high > 1 {
                    out.notes.add(Note::MergedCell);
                }
                let hidden = self.hidden.of(cell);
                let fresh = Around { marker: None, depth: 0, hidden, style: Style::default() };
                let mut part = Writer::new(MAX_INNER);
                let mut inline = Inline::default();
                self.blocks(cell, &fresh, &mut inline, &mut part);
                flush(&mut inline, &fresh, &mut part);
                let (text, found) = cell_text(part, out);
                passages.extend(found);
                for index in 0..wide.min(MAX_COLUMNS - row.len()) {
                    let column = row.len();
                    covered.resize(covered.len().max(column + 1), 0);
                    if let Some(rows) = covered.get_mut(column) {
                        *rows = high - 1;
                    }
                    row.push(if index == 0 { text.clone() } else { String::new() });
                }
            }
            if row.iter().any(|cell| !cell.is_empty()) {
                cells += row.len();
                rows.push(row);
            }
        }
        let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
        if columns == 1 {
            // A table of one column only lays out a page.
            for row in rows {
                out.markdown(row.first().map_or("", String::as_str));
            }
        } else {
            out.markdown(&table(&rows));
        }
        for passage in passages {
            out.markdown(&passage);
        }
    }
}

fn rows<'b>(parent: &'b Element, found: &mut Vec<&'b Element>) {
    for element in parent.elements() {
        match &*element.name {
            "tr" => found.push(element),
            "thead" | "tbody" | "tfoot" | "form" => rows(element, found),
            _ => {}
        }
    }
}

fn put(text: &str, around: &Around, inline: &mut Inline) {
    let mut collapsed = String::with_capacity(text.len());
    let mut was_space = false;
    for character in text.chars() {
        let is_space = matches!(character, ' ' | '\t' | '\n' | '\r' | '\u{c}');
        if !is_space {
            collapsed.push(character);
        } else if !was_space {
            collapsed.push(' ');
        }
        was_space = is_space;
    }
    match around.hidden {
        Some(why) => inline.hidden(why, &collapsed),
        None => inline.text(&collapsed, &around.style),
    }
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "p" | "div"
            | "section"
            | "article"
            | "main"
            | "header"
            | "footer"
            | "nav"
            | "aside"
            | "address"
            | "figure"
            | "figcaption"
            | "dl"
            | "dt"
            | "dd"
            | "li"
            | "form"
            | "fieldset"
            | "legend"
            | "details"
            | "summary"
            | "center"
            | "body"
            | "html"
            | "tr"
            | "td"
            | "th"
            | "tbody"
            | "thead"
            | "tfoot"
            | "caption"
            | "option"
            | "select"
            | "textarea"
            | "dialog"
            | "noscript"
    )
}
