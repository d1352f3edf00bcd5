//! `OpenDocument` texts, spreadsheets and presentations (OASIS `OpenDocument` 1.3, part 3).

mod cells;
mod styles;

use std::rc::Rc;

use self::styles::Styles;
use crate::archive::Archive;
use crate::document::Parts;
use crate::grid::{Grid, GridLimits, GrowingGrid};
use crate::limits::Budget;
use crate::markdown::{Inline, Style, Writer, table};
use crate::notes::{Note, Why};
use crate::office::docx::{MAX_INNER, cell_text};
use crate::outline::MAX_SLIDES;
use crate::text::Colour;
use crate::xml::{self, Child, Element};
use crate::{DocumentError, DocumentKind};

/// Boxes of a slide that are looked at for what they cover.
const MOST_LIDS: usize = 200;
/// Rows and columns that stand for one that is repeated.
const MAX_REPEATED: usize = 1_000;

pub(crate) fn read(
    bytes: &[u8],
    kind: DocumentKind,
    budget: &Budget,
    out: &mut Writer,
) -> Result<Parts, DocumentError> {
    let mut archive = Archive::open(bytes, kind, budget)?;
    if archive.text("META-INF/manifest.xml")?.is_some_and(|manifest| manifest.contains(":encryption-data")) {
        return Err(DocumentError::Encrypted(kind));
    }
    if archive.names().iter().any(|name| name.starts_with("Basic/") && !name.contains("script-lc")) {
        out.notes.add(Note::Macro);
    }
    let text = archive.needed_text("content.xml")?;
    let content = xml::tree(&text, "content.xml", kind, budget)?;
    drop(text);
    let common =
        archive.text("styles.xml")?.map(|text| xml::tree(&text, "styles.xml", kind, budget)).transpose()?;
    let walk = Walk { styles: Styles::new(common.as_ref(), &content) };
    let Some(body) = content.child("office:body") else {
        return Err(DocumentError::Broken { kind, what: "has no body".to_owned() });
    };
    if let Some(text) = body.child("office:text") {
        walk.margins(common.as_ref(), out);
        walk.blocks(text, &Around::default(), out);
        return Ok(Parts::Whole);
    }
    if let Some(book) = body.child("office:spreadsheet") {
        let sheets: Vec<&Element> = book.named("table:table").collect();
        for sheet in &sheets {
            walk.sheet(sheet, budget, out)?;
        }
        return Ok(Parts::Sheets(sheets.len()));
    }
    if let Some(deck) = body.child("office:presentation") {
        let slides: Vec<&Element> = deck.named("draw:page").collect();
        for (index, slide) in slides.iter().enumerate() {
            walk.slide(index + 1, slide, out);
        }
        return Ok(Parts::Slides(slides.len()));
    }
    Err(DocumentError::Unsupported(
        "an OpenDocument file that is neither text, spreadsheet nor presentation".into(),
    ))
}

/// The title among the properties of the document.
pub(crate) fn title(
    bytes: &[u8],
    kind: DocumentKind,
    budget: &Budget,
) -> Result<Option<String>, DocumentError> {
    let mut archive = Archive::open(bytes, kind, budget)?;
    let Some(text) = archive.text("meta.xml")? else { return Ok(None) };
    let tree = xml::tree(&text, "meta.xml", kind, budget)?;
    Ok(tree.at(&["office:meta", "dc:title"]).map(Element::text))
}

/// The body of an unencrypted document.
fn content(bytes: &[u8], kind: DocumentKind, budget: &Budget) -> Result<Element, DocumentError> {
    let mut archive = Archive::open(bytes, kind, budget)?;
    if archive.text("META-INF/manifest.xml")?.is_some_and(|manifest| manifest.contains(":encryption-data")) {
        return Err(DocumentError::Encrypted(kind));
    }
    let text = archive.needed_text("content.xml")?;
    xml::tree(&text, "content.xml", kind, budget)
}

/// The cells of one sheet: the one of that name, or the first.
pub(crate) fn grid(
    bytes: &[u8],
    wanted: Option<&str>,
    limits: GridLimits,
    budget: &Budget,
) -> Result<Grid, DocumentError> {
    let content = content(bytes, DocumentKind::Ods, budget)?;
    let book = content.at(&["office:body", "office:spreadsheet"]);
    let sheets: Vec<&Element> = book.iter().flat_map(|book| book.named("table:table")).collect();
    let name = |sheet: &Element| {
        crate::text::shortened(sheet.attribute("table:name").unwrap_or("without a name"), 200)
    };
    let names = sheets.iter().map(|sheet| name(sheet)).collect();
    let chosen = sheets.iter().find(|sheet| wanted == Some(name(sheet).as_str())).or(sheets.first());
    let mut growing = GrowingGrid::new(limits);
    let Some(chosen) = chosen else { return Ok(growing.finish(names, String::new())) };
    if limits.rows > 0 {
        cells::grid(chosen, budget, &mut growing)?;
    }
    Ok(growing.finish(names, name(chosen)))
}

/// The slides in words.
pub(crate) fn slides(bytes: &[u8], budget: &Budget) -> Result<Vec<crate::Slide>, DocumentError> {
    let content = content(bytes, DocumentKind::Odp, budget)?;
    let deck = content.at(&["office:body", "office:presentation"]);
    let pages = deck.iter().flat_map(|deck| deck.named("draw:page")).take(MAX_SLIDES);
    Ok(pages
        .map(|page| {
            let title = page.elements().find(|frame| frame.attribute("presentation:class") == Some("title"));
            let notes: Vec<String> = match page.child("presentation:notes") {
                Some(notes) => notes.named("draw:frame").flat_map(paragraphs).collect(),
                None => Vec::new(),
            };
            let title = title.map(|frame| paragraphs(frame).join(" ")).unwrap_or_default();
            crate::Slide::new(&title, &notes.join("\n"), false)
        })
        .collect())
}

fn paragraphs(frame: &Element) -> Vec<String> {
    let mut found = Vec::new();
    frame.all("text:p", &mut found);
    found.into_iter().map(|paragraph| collapsed(&paragraph.text())).collect()
}

/// What is known from around a block.
#[derive(Debug, Clone, Default)]
struct Around {
    /// Depth in lists, from 1; 0 is outside.
    depth: usize,
    list_style: Option<String>,
    hidden: Option<Why>,
    paper: Paper,
}

/// What is behind the letters.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Paper {
    #[default]
    White,
    Of(Colour),
    /// Something of many colours, or something that is said elsewhere.
    Unknown,
}

/// Where a shape lies, in points, and what it puts there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Area {
    left: f64,
    top: f64,
    right: f64,
    bottom: f64,
    paper: Paper,
}

impl Area {
    pub(super) fn of(self, paper: Paper) -> Self {
        Self { paper, ..self }
    }

    /// Whether all of the other one lies in it, but for what drawing programs round.
    fn holds(&self, other: Self) -> bool {
        const SLACK: f64 = 0.5;
        self.left <= other.left + SLACK
            && self.top <= other.top + SLACK
            && self.right + SLACK >= other.right
            && self.bottom + SLACK >= other.bottom
    }

    fn meets(&self, other: Self) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }
}

/// Where a shape lies that says it plainly; a turned one does not.
pub(super) fn area(element: &Element) -> Option<Area> {
    let length = |name: &str| element.attribute(name).and_then(styles::points);
    let (left, top) = (length("svg:x")?, length("svg:y")?);
    let (right, bottom) = (left + length("svg:width")?, top + length("svg:height")?);
    Some(Area { left, top, right, bottom, paper: Paper::Unknown })
}

/// What boxes below a shape put behind its letters; `None` if they lie on the slide itself.
fn ground(lids: &[(usize, Area)], place: usize, element: &Element) -> Option<Paper> {
    let area = area(element)?;
    let (_, lid) = lids.iter().rev().find(|(below, lid)| *below < place && lid.meets(area))?;
    Some(if lid.holds(area) { lid.paper } else { Paper::Unknown })
}

pub(super) struct Walk {
    styles: Styles,
}

impl Walk {
    /// Headers and footers of the pages, each text once.
    fn margins(&self, common: Option<&Element>, out: &mut Writer) {
        let Some(common) = common else { return };
        let mut seen: Vec<String> = Vec::new();
        for (name, label) in [("style:header", "Header"), ("style:footer", "Footer")] {
            let mut found = Vec::new();
            common.all(name, &mut found);
            for margin in found {
                let mut inner = Writer::new(MAX_INNER);
                self.blocks(margin, &Around::default(), &mut inner);
                let (text, notes) = inner.finish();
                if !text.trim().is_empty() && !seen.contains(&text) {
                    out.notes.join(notes);
                    out.quote(label, &text);
                    seen.push(text);
                }
            }
        }
    }

    fn blocks(&self, parent: &Element, around: &Around, out: &mut Writer) {
        for element in parent.elements() {
            if out.is_full() {
                return;
            }
            match &*element.name {
                "text:h" | "text:p" => self.paragraph(element, around, None, out),
                "text:list" => self.list(element, around, out),
                "text:section" => {
                    let is_hidden =
                        element.attribute("text:display").is_some_and(|display| display != "true");
                    let hidden = around.hidden.or_else(|| is_hidden.then_some(Why::Marked));
                    self.blocks(element, &Around { hidden, ..around.clone() }, out);
                }
                "table:table" => self.table(element, around, out),
                "text:tracked-changes" => {
                    let mut deletions = Vec::new();
                    element.all("text:deletion", &mut deletions);
                    out.notes.add_many(Note::Deletion, deletions.len() as u64);
                }
                "draw:frame" | "draw:custom-shape" | "draw:rect" | "draw:ellipse" | "draw:g" | "draw:a" => {
                    self.drawing(element, around, out);
                }
                "text:table-of-content"
                | "text:index-body"
                | "text:bibliography"
                | "text:alphabetical-index"
                | "text:illustration-index"
                | "text:table-index" => self.blocks(element, around, out),
                _ => {}
            }
        }
    }

    fn paragraph(&self, element: &Element, around: &Around, marker: Option<&str>, out: &mut Writer) {
        let mut gathered = Gathered::default();
        let name = element.attribute("text:style-name");
        self.runs(element, &[name], None, around, &mut gathered);
        let level = if &*element.name == "text:h" {
            Some(element.attribute("text:outline-level").and_then(|level| level.parse().ok()).unwrap_or(1))
        } else {
            self.styles.heading(name)
        };
        let is_code = self.styles.is_code(name);
        let Gathered { inline, later } = gathered;
        if let Some(level) = level {
            let (text, hidden) = inline.finish_heading();
            out.with_hidden(hidden, |out| out.heading(level, &text));
        } else if let Some(marker) = marker {
            let (text, hidden) = inline.finish();
            let depth = around.depth.saturating_sub(1).max(self.styles.depth(name).unwrap_or(0));
            out.with_hidden(hidden, |out| out.item(depth, marker, &text));
        } else if is_code {
            let bare = inline.bare();
            let (_, hidden) = inline.finish();
            out.with_hidden(hidden, |out| out.code("", &bare));
        } else {
            let (text, hidden) = inline.finish();
            out.with_hidden(hidden, |out| out.paragraph(&text));
        }
        for element in later {
            match &*element.name {
                "text:note" => {
                    let label = element.child("text:note-citation").map(Element::text).unwrap_or_default();
                    let kind = if element.attribute("text:note-class") == Some("endnote") {
                        "Endnote"
                    } else {
                        "Footnote"
                    };
                    if let Some(body) = element.child("text:note-body") {
                        self.quoted(&format!("{kind} {label}"), body, out);
                    }
                }
                "office:annotation" => {
                    let author = element.child("dc:creator").map(Element::text).unwrap_or_default();
                    let label =
                        if author.is_empty() { "Comment".to_owned() } else { format!("Comment by {author}") };
                    self.quoted(&label, element, out);
                }
                _ => self.drawing(element, &Around { depth: 0, ..around.clone() }, out),
            }
        }
    }

    fn quoted(&self, label: &str, parent: &Element, out: &mut Writer) {
        let mut inner = Writer::new(MAX_INNER);
        self.blocks(parent, &Around::default(), &mut inner);
        let (text, notes) = inner.finish();
        out.notes.join(notes);
        out.quote(label, &text);
    }

    fn list(&self, list: &Element, around: &Around, out: &mut Writer) {
        let style =
            list.attribute("text:style-name").map(str::to_owned).or_else(|| around.list_style.clone());
        let around = Around { depth: around.depth + 1, list_style: style, ..around.clone() };
        let start = self.styles.counts(around.list_style.as_deref(), around.depth);
        let mut number = start;
        for entry in list.elements() {
            let is_header = &*entry.name == "text:list-header";
            if !is_header && &*entry.name != "text:list-item" {
                continue;
            }
            if let Some(value) = entry.attribute("text:start-value").and_then(|value| value.parse().ok()) {
                number = number.map(|_| value);
            }
            let mut is_first = true;
            for element in entry.elements() {
                match &*element.name {
                    "text:p" | "text:h" if is_first && !is_header => {
                        is_first = false;
                        let marker = number.map_or_else(|| "-".to_owned(), |number| format!("{number}."));
                        self.paragraph(element, &around, Some(&marker), out);
                        number = number.map(|number| number + 1);
                    }
                    "text:p" | "text:h" => self.paragraph(element, &around, None, out),
                    "text:list" => self.list(element, &around, out),
                    _ => {}
                }
            }
        }
    }

    fn runs<'b>(
        &self,
        parent: &'b Element,
        names: &[Option<&str>],
        link: Option<&Rc<str>>,
        around: &Around,
        gathered: &mut Gathered<'b>,
    ) {
        let look = self.styles.look(names);
        let why = around.hidden.or_else(|| look.hidden(around.paper));
        let put = |gathered: &mut Gathered<'_>, text: &str| {
            if let Some(why) = why {
                gathered.inline.hidden(why, text);
            } else {
                let style =
                    Style { bold: look.bold, italic: look.italic, struck: look.struck, link: link.cloned() };
                gathered.inline.text(text, &style);
            }
        };
        for child in &parent.children {
            let element = match child {
                Child::Text(text) => {
                    put(gathered, &collapsed(text));
                    continue;
                }
                Child::Element(element) => element,
            };
            match &*element.name {
                "text:s" => {
                    let count = element.attribute("text:c").and_then(|count| count.parse().ok()).unwrap_or(1);
                    put(gathered, &" ".repeat(usize::min(count, 100)));
                }
                "text:tab" => put(gathered, "\t"),
                "text:line-break" => put(gathered, "\n"),
                "text:span" => {
                    let mut names = names.to_vec();
                    names.push(element.attribute("text:style-name"));
                    self.runs(element, &names, link, around, gathered);
                }
                "text:a" | "draw:a" => {
                    let address: Option<Rc<str>> = element
                        .attribute("xlink:href")
                        .filter(|address| !address.starts_with('#'))
                        .map(Into::into);
                    self.runs(element, names, address.as_ref().or(link), around, gathered);
                }
                "text:hidden-text" | "text:hidden-paragraph" => {
                    let text =
                        element.attribute("text:string-value").map_or_else(|| element.text(), str::to_owned);
                    gathered.inline.hidden(Why::Marked, &text);
                }
                "text:note" => {
                    let label = element.child("text:note-citation").map(Element::text).unwrap_or_default();
                    let kind = if element.attribute("text:note-class") == Some("endnote") {
                        "Endnote"
                    } else {
                        "Footnote"
                    };
                    put(gathered, &format!("[{kind} {label}]"));
                    gathered.later.push(element);
                }
                "office:annotation" => gathered.later.push(element),
                name if name.starts_with("draw:") => gathered.later.push(element),
                "office:annotation-end"
                | "text:bookmark"
                | "text:bookmark-start"
                | "text:bookmark-end"
                | "text:soft-page-break"
                | "text:change"
                | "text:change-start"
                | "text:change-end" => {}
                "text:ruby" => {
                    if let Some(base) = element.child("text:ruby-base") {
                        self.runs(base, names, link, around, gathered);
                    }
                }
                _ => self.runs(element, names, link, around, gathered),
            }
        }
    }

    /// Frames, shapes and groups.
    fn drawing(&self, element: &Element, around: &Around, out: &mut Writer) {
        let mut around = around.clone();
        if self.styles.is_filled(element) {
            around.paper = self.styles.paper_of_shape(element);
        }
        if around.hidden.is_none() && self.styles.is_outside(element) {
            around.hidden = Some(Why::Outside);
        }
        // LibreOffice writes it in a name space of its own.
        let display = element.attribute("draw:display").or_else(|| element.attribute("display"));
        if around.hidden.is_none() && matches!(display, Some("none" | "printer")) {
            around.hidden = Some(Why::Marked);
        }
        let around = &around;
        let words = element
            .child("svg:desc")
            .or_else(|| element.child("svg:title"))
            .map(Element::text)
            .unwrap_or_default();
        let mut is_picture = false;
        for content in element.elements() {
            match &*content.name {
                "draw:text-box" => self.blocks(content, around, out),
                "draw:image" => is_picture = true,
                "draw:object" | "draw:object-ole" => {
                    // The picture beside it only shows the same.
                    out.notes.add(Note::Embedded);
                    return;
                }
                "table:table" => {
                    // The colours of a table on a slide are those of its template.
                    self.table(content, &Around { paper: Paper::Unknown, ..around.clone() }, out);
                    return;
                }
                "draw:frame" | "draw:custom-shape" | "draw:rect" | "draw:ellipse" | "draw:g" | "draw:a" => {
                    self.drawing(content, around, out);
                }
                _ => {}
            }
        }
        if is_picture {
            out.notes.add(Note::Picture);
            if !words.trim().is_empty() {
                out.paragraph(&format!("[Picture: {}]", crate::text::shortened(words.trim(), 500)));
            }
        } else if &*element.name != "draw:g" && &*element.name != "draw:a" {
            self.blocks_of_shape(element, around, out);
        }
    }

    /// The text that stands in a shape itself.
    fn blocks_of_shape(&self, element: &Element, around: &Around, out: &mut Writer) {
        for content in element.elements() {
            match &*content.name {
                "text:p" => self.paragraph(content, around, None, out),
                "text:list" => self.list(content, around, out),
                _ => {}
            }
        }
    }

    /// A table of a text or a slide.
    fn table(&self, element: &Element, around: &Around, out: &mut Writer) {
        let mut lines = Vec::new();
        cells::rows(element, &mut lines);
        let mut rows = Vec::new();
        let mut passages = Vec::new();
        for line in lines {
            let mut row = Vec::new();
            for cell in line.elements() {
                let repeated = cells::number(cell, "table:number-columns-repeated").min(MAX_REPEATED);
                match &*cell.name {
                    "table:table-cell" => {
                        if cells::number(cell, "table:number-columns-spanned") > 1
                            || cells::number(cell, "table:number-rows-spanned") > 1
                        {
                            out.notes.add(Note::MergedCell);
                        }
                        let mut inner = Writer::new(MAX_INNER);
                        let paper = self.styles.paper_of_cell(cell).unwrap_or(around.paper);
                        self.blocks(cell, &Around { depth: 0, paper, ..around.clone() }, &mut inner);
                        let (text, found) = cell_text(inner, out);
                        passages.extend(found);
                        for _ in 0..repeated {
                            row.push(text.clone());
                        }
                    }
                    "table:covered-table-cell" => {
                        for _ in 0..repeated {
                            row.push(String::new());
                        }
                    }
                    _ => {}
                }
            }
            rows.push(row);
        }
        match rows.as_slice() {
            [row] if row.len() == 1 => out.markdown(row.first().map_or("", String::as_str)),
            rows => out.markdown(&table(rows)),
        }
        for passage in passages {
            out.markdown(&passage);
        }
    }

    fn slide(&self, number: usize, slide: &Element, out: &mut Writer) {
        let is_hidden = self.styles.is_hidden_slide(slide.attribute("draw:style-name"));
        let on_paper = Around { paper: self.styles.paper_of_slide(slide), ..Around::default() };
        let mut inner = Writer::new(MAX_INNER);
        let mut title = None;
        // What moves may uncover what it lies on.
        let moves = slide.elements().any(|element| element.name.starts_with("anim:"));
        let lids: Vec<(usize, Area)> = slide
            .elements()
            .enumerate()
            .filter(|_| !moves)
            .filter_map(|(place, element)| Some((place, self.styles.lid(element)?)))
            .take(MOST_LIDS)
            .collect();
        for (place, element) in slide.elements().enumerate() {
            let mut around = on_paper.clone();
            let is_covered = area(element)
                .is_some_and(|area| lids.iter().any(|(above, lid)| *above > place && lid.holds(area)));
            if is_covered {
                around.hidden = Some(Why::Covered);
            }
            if let Some(ground) = ground(&lids, place, element) {
                around.paper = ground;
            }
            match element.attribute("presentation:class") {
                Some("title") if title.is_none() => {
                    let mut part = Writer::new(MAX_INNER);
                    self.drawing(element, &around, &mut part);
                    let (text, notes) = part.finish();
                    inner.notes.join(notes);
                    let (text, passages): (Vec<&str>, Vec<&str>) =
                        text.lines().partition(|line| !line.starts_with("> Hidden text: "));
                    let text = text.join(" ").split_whitespace().collect::<Vec<_>>().join(" ");
                    title = (!text.is_empty()).then_some(text);
                    for passage in passages {
                        inner.markdown(passage);
                    }
                }
                Some("date-time" | "page-number") => {}
                _ if &*element.name == "presentation:notes" => {
                    for frame in element.named("draw:frame") {
                        if frame.attribute("presentation:class") == Some("notes") {
                            let mut part = Writer::new(MAX_INNER);
                            self.drawing(frame, &Around::default(), &mut part);
                            let (text, notes) = part.finish();
                            inner.notes.join(notes);
                            if !text.trim().is_empty() {
                                inner.notes.add(Note::SpeakerNotes);
                                inner.quote("Speaker notes", &text);
                            }
                        }
                    }
                }
                _ if &*element.name == "office:annotation" => self.quoted("Comment", element, &mut inner),
                _ if element.name.starts_with("draw:") => {
                    self.drawing(element, &around, &mut inner);
                }
                _ => {}
            }
        }
        let (text, notes) = inner.finish();
        out.notes.join(notes);
        let name = match title {
            Some(title) => format!("Slide {number}: {title}"),
            None => format!("Slide {number}"),
        };
        if is_hidden {
            out.hidden_part(Why::Slide, &name, if text.trim().is_empty() { "(no text)" } else { &text });
        } else {
            out.heading(2, &name);
            out.markdown(&text);
        }
    }
}

/// The text of a paragraph and what is anchored to it.
#[derive(Default)]
struct Gathered<'b> {
    inline: Inline,
    later: Vec<&'b Element>,
}

/// White space as the format reads it (6.1.2): any run of it is one space.
fn collapsed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut was_space = false;
    for character in text.chars() {
        let is_space = matches!(character, ' ' | '\t' | '\n' | '\r');
        if !is_space {
            out.push(character);
        } else if !was_space {
            out.push(' ');
        }
        was_space = is_space;
    }
    out
}
