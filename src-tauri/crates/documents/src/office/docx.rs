//! Word documents (ECMA-376, part 1, chapter 17).

mod styles;

use std::rc::Rc;

use self::styles::{Look, Numbering, Styles};
use super::{Relations, main_part, related, relations};
use crate::archive::Archive;
use crate::document::Parts;
use crate::limits::Budget;
use crate::markdown::{Inline, Style, Writer, table};
use crate::notes::{Note, Why};
use crate::text::Colour;
use crate::xml::{self, Element};
use crate::{DocumentError, DocumentKind};

const KIND: DocumentKind = DocumentKind::Docx;
/// Bytes of Markdown of one cell, note or header.
pub(crate) const MAX_INNER: usize = 1024 * 1024;
/// Columns that one merged cell may span.
const MAX_SPAN: usize = 100;

pub(crate) fn read(bytes: &[u8], budget: &Budget, out: &mut Writer) -> Result<Parts, DocumentError> {
    let mut archive = Archive::open(bytes, KIND, budget)?;
    let part = main_part(&mut archive, "word/document.xml", KIND, budget)?;
    let text = archive.needed_text(&part)?;
    let links = relations(&mut archive, &part, KIND, budget)?;
    let tree = |archive: &mut Archive<'_>, what: &str| -> Result<Option<Element>, DocumentError> {
        let Some(name) = related(&links, what) else { return Ok(None) };
        archive.text(name)?.map(|text| xml::tree(&text, name, KIND, budget)).transpose()
    };
    let styles = Styles::new(tree(&mut archive, "styles")?.as_ref());
    let numbering = Numbering::new(tree(&mut archive, "numbering")?.as_ref());
    let footnotes = tree(&mut archive, "footnotes")?;
    let endnotes = tree(&mut archive, "endnotes")?;
    let comments = tree(&mut archive, "comments")?;
    if archive.names().iter().any(|name| name.ends_with("vbaProject.bin")) {
        out.notes.add(Note::Macro);
    }
    let root = xml::tree(&text, &part, KIND, budget)?;
    drop(text);
    let Some(body) = root.child("w:body") else {
        return Err(DocumentError::Broken { kind: KIND, what: "has no body".to_owned() });
    };
    let paper = root
        .child("w:background")
        .and_then(|background| Colour::from_hex(background.attribute("w:color")?))
        .unwrap_or(Colour::WHITE);
    let mut walk = Walk { styles, numbering, links: &links, fields: Vec::new() };
    let place = Place { paper, may_be_dark: false };

    for (tree, links) in &margins(&mut archive, &links, "header", budget)? {
        walk.margin(out, "Header", tree, links, place);
    }
    walk.blocks(out, body, place);
    for (label, notes, name) in [("Footnote", &footnotes, "w:footnote"), ("Endnote", &endnotes, "w:endnote")]
    {
        for note in notes.iter().flat_map(|notes| notes.named(name)) {
            // Separators are notes of a type.
            if note.attribute("w:type").is_none_or(|kind| kind == "normal") {
                let id = note.attribute("w:id").unwrap_or_default();
                walk.quoted(out, &format!("{label} {id}"), note, place);
            }
        }
    }
    for comment in comments.iter().flat_map(|comments| comments.named("w:comment")) {
        let author = crate::text::shortened(comment.attribute("w:author").unwrap_or("unknown"), 80);
        walk.quoted(out, &format!("Comment by {author}"), comment, place);
    }
    for (tree, links) in &margins(&mut archive, &links, "footer", budget)? {
        walk.margin(out, "Footer", tree, links, place);
    }
    Ok(Parts::Whole)
}

/// Headers or footers, each text once.
fn margins(
    archive: &mut Archive<'_>,
    links: &Relations,
    what: &str,
    budget: &Budget,
) -> Result<Vec<(Element, Relations)>, DocumentError> {
    let mut names: Vec<&str> = links
        .values()
        .filter(|relation| relation.what == what && !relation.is_outside)
        .map(|relation| relation.target.as_str())
        .collect();
    names.sort_unstable();
    let mut seen = Vec::new();
    let mut found = Vec::new();
    for name in names {
        let Some(text) = archive.text(name)? else { continue };
        let tree = xml::tree(&text, name, KIND, budget)?;
        let text = tree.text();
        if !text.trim().is_empty() && !seen.contains(&text) {
            seen.push(text);
            let links = relations(archive, name, KIND, budget)?;
            found.push((tree, links));
        }
    }
    Ok(found)
}

/// What is behind the letters.
#[derive(Debug, Clone, Copy)]
struct Place {
    paper: Colour,
    /// Whether the style of a table or a text box may put a dark colour behind the letters.
    may_be_dark: bool,
}

/// A field whose instruction is being read or whose result is shown.
struct Field {
    instruction: String,
    shows: bool,
    link: Option<Rc<str>>,
}

/// The text of one paragraph as it is gathered.
#[derive(Default)]
struct Gathered<'b> {
    inline: Inline,
    /// Text boxes that are anchored to the paragraph.
    boxes: Vec<&'b Element>,
    look: Look,
}

struct Walk<'a> {
    styles: Styles,
    numbering: Numbering,
    links: &'a Relations,
    fields: Vec<Field>,
}

impl Walk<'_> {
    fn blocks(&mut self, out: &mut Writer, parent: &Element, place: Place) {
        for element in parent.elements() {
            if out.is_full() {
                return;
            }
            match &*element.name {
                "w:p" => self.paragraph(out, element, place),
                "w:tbl" => self.table(out, element, place),
                "w:sdt" => {
                    if let Some(content) = element.child("w:sdtContent") {
                        self.blocks(out, content, place);
                    }
                }
                "w:ins" | "w:moveTo" | "w:customXml" | "w:smartTag" => self.blocks(out, element, place),
                "w:altChunk" => out.notes.add(Note::Embedded),
                _ => {}
            }
        }
    }

    fn margin(&mut self, out: &mut Writer, label: &str, tree: &Element, links: &Relations, place: Place) {
        let mut walk = Walk {
            styles: self.styles.clone(),
            numbering: self.numbering.clone(),
            links,
            fields: Vec::new(),
        };
        walk.quoted(out, label, tree, place);
    }

    /// The blocks of an element as a quotation.
    fn quoted(&mut self, out: &mut Writer, label: &str, parent: &Element, place: Place) {
        let mut inner = Writer::new(MAX_INNER);
        self.blocks(&mut inner, parent, place);
        let (text, notes) = inner.finish();
        out.notes.join(notes);
        out.quote(label, &text);
    }

    fn paragraph(&mut self, out: &mut Writer, paragraph: &Element, place: Place) {
        let properties = paragraph.child("w:pPr");
        let style = properties.and_then(|properties| properties.child("w:pStyle")?.attribute("w:val"));
        let mut gathered = Gathered { look: self.styles.paragraph(style, properties), ..Gathered::default() };
        self.runs(out, &mut gathered, paragraph, place, None);
        let Gathered { inline, boxes, .. } = gathered;
        let number = self.styles.numbering(style, properties);
        if let Some(level) = self.styles.heading(style, properties) {
            // The number of a numbered heading is part of what a reader sees.
            let marker = match number {
                Some((list, depth)) if !inline.is_empty() => self.numbering.next(list, depth),
                _ => None,
            };
            let (text, hidden) = inline.finish_heading();
            out.with_hidden(hidden, |out| match marker.filter(|marker| marker != "-") {
                Some(marker) => out.heading(level, &format!("{marker} {text}")),
                None => out.heading(level, &text),
            });
        } else if let Some((list, depth)) = number {
            let marker = if inline.is_empty() { None } else { self.numbering.next(list, depth) };
            let (text, hidden) = inline.finish();
            out.with_hidden(hidden, |out| match marker {
                Some(marker) => out.item(depth, &marker, &text),
                None => out.paragraph(&text),
            });
        } else if self.styles.is_code(style) {
            let bare = inline.bare();
            let (_, hidden) = inline.finish();
            out.with_hidden(hidden, |out| out.code("", &bare));
        } else {
            let (text, hidden) = inline.finish();
            out.with_hidden(hidden, |out| out.paragraph(&text));
        }
        for content in boxes {
            self.blocks(out, content, Place { may_be_dark: true, ..place });
        }
    }

    fn runs<'b>(
        &mut self,
        out: &mut Writer,
        gathered: &mut Gathered<'b>,
        parent: &'b Element,
        place: Place,
        link: Option<&Rc<str>>,
    ) {
        for element in parent.elements() {
            match &*element.name {
                "w:r" => self.run(out, gathered, element, place, link),
                "w:hyperlink" => {
                    // A link within the document has no place in the text that it could lead to.
                    let address: Option<Rc<str>> = element
                        .attribute("r:id")
                        .and_then(|id| self.links.get(id))
                        .map(|relation| match element.attribute("w:anchor") {
                            Some(anchor) => format!("{}#{anchor}", relation.target).into(),
                            None => relation.target.as_str().into(),
                        });
                    self.runs(out, gathered, element, place, address.as_ref().or(link));
                }
                "w:fldSimple" => {
                    let address = element.attribute("w:instr").and_then(link_of);
                    self.runs(out, gathered, element, place, address.as_ref().or(link));
                }
                "w:del" | "w:moveFrom" => out.notes.add(Note::Deletion),
                "w:sdt" => {
                    if let Some(content) = element.child("w:sdtContent") {
                        self.runs(out, gathered, content, place, link);
                    }
                }
                "w:ins" | "w:moveTo" | "w:smartTag" | "w:customXml" | "w:dir" | "w:bdo" => {
                    self.runs(out, gathered, element, place, link);
                }
                "m:oMath" | "m:oMathPara" => {
                    let mut texts = Vec::new();
                    element.all("m:t", &mut texts);
                    let text: String = texts.iter().map(|text| text.text()).collect();
                    if !text.trim().is_empty() {
                        out.notes.add(Note::Equation);
                        gathered.inline.plain(&text);
                    }
                }
                _ => {}
            }
        }
    }

    fn run<'b>(
        &mut self,
        out: &mut Writer,
        gathered: &mut Gathered<'b>,
        run: &'b Element,
        place: Place,
        link: Option<&Rc<str>>,
    ) {
        let look = self.styles.run(&gathered.look, run.child("w:rPr"));
        let why = look.hidden(place.paper, place.may_be_dark);
        for element in run.elements() {
            let text = match &*element.name {
                "w:t" => element.text(),
                // Letters with their reading above them.
                "w:ruby" => {
                    if let Some(base) = element.child("w:rubyBase") {
                        self.runs(out, gathered, base, place, link);
                    }
                    let mut texts = Vec::new();
                    element.child("w:rt").iter().for_each(|reading| reading.all("w:t", &mut texts));
                    let reading: String = texts.iter().map(|text| text.text()).collect();
                    if reading.trim().is_empty() { String::new() } else { format!("({reading})") }
                }
                "w:tab" | "w:ptab" => "\t".to_owned(),
                "w:br" => match element.attribute("w:type") {
                    Some("page" | "column") => String::new(),
                    _ => "\n".to_owned(),
                },
                "w:cr" => "\n".to_owned(),
                "w:noBreakHyphen" => "-".to_owned(),
                "w:sym" => symbol(element),
                "w:footnoteReference" => note_mark("Footnote", element),
                "w:endnoteReference" => note_mark("Endnote", element),
                "w:fldChar" => {
                    self.field(element);
                    continue;
                }
                "w:instrText" => {
                    if let Some(field) = self.fields.last_mut() {
                        field.instruction.push_str(&element.text());
                    }
                    continue;
                }
                "w:delText" => {
                    out.notes.add(Note::Deletion);
                    continue;
                }
                "w:drawing" | "w:pict" | "w:object" => {
                    drawing(out, gathered, element, why);
                    continue;
                }
                _ => continue,
            };
            if self.fields.iter().any(|field| !field.shows) {
                continue;
            }
            if let Some(why) = why {
                gathered.inline.hidden(why, &text);
            } else {
                let field_link = self.fields.iter().rev().find_map(|field| field.link.clone());
                let link = link.cloned().or(field_link);
                let style = Style { bold: look.bold, italic: look.italic, struck: look.struck, link };
                gathered.inline.text(&text, &style);
            }
        }
    }

    fn field(&mut self, element: &Element) {
        match element.attribute("w:fldCharType") {
            Some("begin") => {
                self.fields.push(Field { instruction: String::new(), shows: false, link: None });
            }
            Some("separate") => {
                if let Some(field) = self.fields.last_mut() {
                    field.shows = true;
                    field.link = link_of(&field.instruction);
                }
            }
            Some("end") => {
                self.fields.pop();
            }
            _ => {}
        }
    }

    fn table(&mut self, out: &mut Writer, element: &Element, place: Place) {
        let style = element
            .child("w:tblPr")
            .and_then(|properties| properties.child("w:tblStyle")?.attribute("w:val"));
        let may_be_dark = place.may_be_dark || self.styles.is_dark_table(style);
        let mut rows = Vec::new();
        let mut hidden = Vec::new();
        let mut lines = Vec::new();
        collect(element, "w:tr", &mut lines);
        for line in lines {
            let properties = line.child("w:trPr");
            let before: usize = properties
                .and_then(|properties| properties.child("w:gridBefore")?.attribute("w:val")?.parse().ok())
                .unwrap_or_default();
            let mut row = vec![String::new(); before.min(MAX_SPAN)];
            let mut cells = Vec::new();
            collect(line, "w:tc", &mut cells);
            for cell in cells {
                let properties = cell.child("w:tcPr");
                let value = |name: &str, attribute: &str| {
                    properties.and_then(|properties| properties.child(name)?.attribute(attribute))
                };
                let span: usize =
                    value("w:gridSpan", "w:val").and_then(|span| span.parse().ok()).unwrap_or(1);
                let merge = properties.and_then(|properties| properties.child("w:vMerge"));
                let starts = merge.is_some_and(|merge| merge.attribute("w:val") == Some("restart"));
                let goes_on = merge.is_some() && !starts;
                if starts || (span > 1 && !goes_on) {
                    out.notes.add(Note::MergedCell);
                }
                let shade = value("w:shd", "w:fill").and_then(Colour::from_hex);
                let place = Place {
                    paper: shade.unwrap_or(place.paper),
                    may_be_dark: may_be_dark && shade.is_none(),
                };
                let mut inner = Writer::new(MAX_INNER);
                self.blocks(&mut inner, cell, place);
                let (text, passages) = cell_text(inner, out);
                hidden.extend(passages);
                row.push(if goes_on { String::new() } else { text });
                row.resize(row.len() + span.clamp(1, MAX_SPAN) - 1, String::new());
            }
            if properties
                .is_some_and(|properties| super::is_on(properties.child("w:hidden"), "w:val") == Some(true))
            {
                out.notes.hidden(Why::Marked);
                hidden.push(format!("> Hidden text: {} ({})", row.join(" "), Why::Marked.words()));
            } else {
                rows.push(row);
            }
        }
        match rows.as_slice() {
            // A frame around text rather than a table.
            [row] if row.len() == 1 => out.markdown(row.first().map_or("", String::as_str)),
            rows => out.markdown(&table(rows)),
        }
        for passage in hidden {
            out.markdown(&passage);
        }
    }
}

/// The text of a cell, and the quotations of its hidden text, which have no place in a table.
pub(crate) fn cell_text(inner: Writer, out: &mut Writer) -> (String, Vec<String>) {
    let (text, notes) = inner.finish();
    out.notes.join(notes);
    let (hidden, shown): (Vec<&str>, Vec<&str>) =
        text.lines().partition(|line| line.starts_with("> Hidden text: "));
    (shown.join("\n").trim().to_owned(), hidden.into_iter().map(str::to_owned).collect())
}

/// Rows or cells, also those within controls of content.
fn collect<'b>(parent: &'b Element, name: &str, found: &mut Vec<&'b Element>) {
    for element in parent.elements() {
        match &*element.name {
            "w:sdt" | "w:sdtContent" | "w:ins" | "w:customXml" => collect(element, name, found),
            other if other == name => found.push(element),
            _ => {}
        }
    }
}

fn symbol(element: &Element) -> String {
    let code = element.attribute("w:char").and_then(|code| u32::from_str_radix(code, 16).ok());
    match code {
        Some(0xf0b7 | 0xf0a7 | 0xf0d8) => "•".to_owned(),
        Some(0xf0fc) => "✓".to_owned(),
        Some(0xe000..=0xf8ff) => "\u{fffd}".to_owned(),
        Some(code) => char::from_u32(code).map_or_else(String::new, String::from),
        None => String::new(),
    }
}

fn note_mark(label: &str, element: &Element) -> String {
    element.attribute("w:id").map_or_else(String::new, |id| format!("[{label} {id}]"))
}

/// The address of a `HYPERLINK` field.
fn link_of(instruction: &str) -> Option<Rc<str>> {
    let rest = instruction.trim().strip_prefix("HYPERLINK")?;
    let address = rest.split('"').nth(1)?;
    (!rest.trim_start().starts_with("\\l") && !address.is_empty()).then(|| address.into())
}

/// Pictures, drawings and text boxes.
fn drawing<'b>(out: &mut Writer, gathered: &mut Gathered<'b>, element: &'b Element, why: Option<Why>) {
    let mut content = Vec::new();
    element.all("w:txbxContent", &mut content);
    let mut charts = Vec::new();
    element.all("c:chart", &mut charts);
    out.notes.add_many(Note::Chart, charts.len() as u64);
    if !content.is_empty() || !charts.is_empty() {
        gathered.boxes.extend(content);
        return;
    }
    if &*element.name == "w:object" {
        out.notes.add(Note::Embedded);
        return;
    }
    out.notes.add(Note::Picture);
    let mut properties = Vec::new();
    element.all("wp:docPr", &mut properties);
    let words = properties
        .first()
        .and_then(|properties| properties.attribute("descr").or_else(|| properties.attribute("title")))
        .unwrap_or_default()
        .trim();
    if !words.is_empty() {
        let words = format!("[Picture: {}]", crate::text::shortened(words, 500));
        match why {
            Some(why) => gathered.inline.hidden(why, &words),
            None => gathered.inline.plain(&words),
        }
    }
}
