//! Rich Text Format (version 1.9.1).

mod tokens;

use std::collections::HashMap;
use std::rc::Rc;

use encoding_rs::{Encoding, WINDOWS_1252};

use self::tokens::{Token, Tokens};
use crate::document::Parts;
use crate::limits::Budget;
use crate::markdown::{Inline, Style, Writer};
use crate::notes::{Note, Why};
use crate::text::Colour;
use crate::{DocumentError, DocumentKind};

const KIND: DocumentKind = DocumentKind::Rtf;
/// Groups that may stand in each other.
const MAX_DEPTH: usize = 1_000;
/// Half points up to which letters cannot be read by eye.
const INVISIBLE_HALF_POINTS: i32 = 3;

pub(crate) fn read(bytes: &[u8], budget: &Budget, out: &mut Writer) -> Result<Parts, DocumentError> {
    let mut reader = Reader::new(out);
    let mut tokens = Tokens::new(bytes);
    while let Some(token) = tokens.next() {
        budget.element()?;
        match token {
            Token::Open => {
                reader.spill();
                if reader.saved.len() >= MAX_DEPTH {
                    return Err(DocumentError::TooLarge(format!(
                        "its groups stand more than {MAX_DEPTH} deep"
                    )));
                }
                let state = reader.state.clone();
                reader.saved.push(state);
                reader.state.is_fresh = true;
            }
            Token::Close => reader.close(),
            Token::Word(word, number) => reader.word(word, number, &mut tokens),
            Token::Symbol(symbol) => reader.symbol(symbol),
            Token::Byte(byte) => reader.byte(byte),
            Token::Text(text) => text.iter().for_each(|byte| reader.byte(*byte)),
        }
        if reader.out.is_full() {
            break;
        }
    }
    reader.end_paragraph();
    if reader.is_in_row() {
        reader.end_row();
    }
    reader.end_table();
    if !reader.saved.is_empty() && !reader.out.is_full() {
        reader.out.notes.say("The file ends in the middle: what came after is lost.");
    }
    if reader.out.is_empty() && !bytes.ends_with(b"}") && bytes.len() < 64 {
        return Err(DocumentError::Broken { kind: KIND, what: "is cut off after its head".to_owned() });
    }
    Ok(Parts::Whole)
}

/// What the text of a group is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Target {
    Body,
    Skipped,
    Fonts,
    Colours,
    Styles,
    /// The mark before an entry of a list.
    Marker,
    /// What a field does.
    Instruction,
    Footnote,
    Margin(&'static str),
}

#[allow(clippy::struct_excessive_bools, reason = "marks of letters that go together in any way")]
#[derive(Debug, Clone)]
struct State {
    target: Target,
    /// Nothing but `\*` came in this group yet.
    is_fresh: bool,
    is_optional: bool,
    bold: bool,
    italic: bool,
    struck: bool,
    hidden: bool,
    deleted: bool,
    half_points: i32,
    colour: usize,
    behind: usize,
    font: i32,
    /// Letters that stand for one `\u` for older readers.
    skips: usize,
    link: Option<Rc<str>>,
}

/// What is known about the paragraph.
#[derive(Debug, Clone, Default)]
struct Paragraph {
    style: Option<i32>,
    outline: Option<usize>,
    depth: usize,
    marker: String,
    in_table: bool,
}

struct Reader<'a> {
    out: &'a mut Writer,
    state: State,
    saved: Vec<State>,
    paragraph: Paragraph,
    inline: Inline,
    /// Bytes whose letters are not known yet.
    bytes: Vec<u8>,
    encoding: &'static Encoding,
    fonts: HashMap<i32, &'static Encoding>,
    colours: Vec<Option<Colour>>,
    colour: (Option<u8>, Option<u8>, Option<u8>),
    styles: HashMap<i32, usize>,
    /// Depth in lists of styles such as `List Bullet 2`.
    depths: HashMap<i32, usize>,
    style: (i32, Option<usize>, String),
    skip: usize,
    high: Option<u16>,
    cell: Vec<String>,
    row: Vec<String>,
    /// Where the cells of the row end, in twips.
    edges: Vec<i32>,
    rows: Vec<(Vec<i32>, Vec<String>)>,
    cell_hidden: Vec<(Why, String)>,
    instruction: String,
    footnotes: Vec<String>,
    footnote_count: usize,
    outer: Vec<(Inline, Paragraph)>,
}

impl<'a> Reader<'a> {
    fn new(out: &'a mut Writer) -> Self {
        Self {
            out,
            state: State {
                target: Target::Body,
                is_fresh: false,
                is_optional: false,
                bold: false,
                italic: false,
                struck: false,
                hidden: false,
                deleted: false,
                half_points: 24,
                colour: 0,
                behind: 0,
                font: -1,
                skips: 1,
                link: None,
            },
            saved: Vec::new(),
            paragraph: Paragraph::default(),
            inline: Inline::default(),
            bytes: Vec::new(),
            encoding: WINDOWS_1252,
            fonts: HashMap::new(),
            colours: Vec::new(),
            colour: (None, None, None),
            styles: HashMap::new(),
            depths: HashMap::new(),
            style: (0, None, String::new()),
            skip: 0,
            high: None,
            cell: Vec::new(),
            row: Vec::new(),
            edges: Vec::new(),
            rows: Vec::new(),
            cell_hidden: Vec::new(),
            instruction: String::new(),
            footnotes: Vec::new(),
            footnote_count: 0,
            outer: Vec::new(),
        }
    }

    fn byte(&mut self, byte: u8) {
        if self.skip > 0 {
            self.skip -= 1;
            return;
        }
        self.state.is_fresh = false;
        self.bytes.push(byte);
    }

    /// Turns the bytes that came into letters.
    fn spill(&mut self) {
        if self.bytes.is_empty() {
            return;
        }
        let encoding = self.fonts.get(&self.state.font).copied().unwrap_or(self.encoding);
        let text = encoding.decode_without_bom_handling(&self.bytes).0.into_owned();
        self.bytes.clear();
        self.text(&text);
    }

    fn text(&mut self, text: &str) {
        match &self.state.target {
            Target::Skipped | Target::Fonts => {}
            Target::Colours => {
                for _ in text.matches(';') {
                    let (red, green, blue) = std::mem::take(&mut self.colour);
                    self.colours.push(match (red, green, blue) {
                        (None, None, None) => None,
                        (red, green, blue) => Some(Colour([
                            red.unwrap_or_default(),
                            green.unwrap_or_default(),
                            blue.unwrap_or_default(),
                        ])),
                    });
                }
            }
            Target::Styles => self.style.2.push_str(text),
            Target::Marker => self.paragraph.marker.push_str(text),
            Target::Instruction => self.instruction.push_str(text),
            Target::Body | Target::Footnote | Target::Margin(_) => self.show(text),
        }
    }

    fn show(&mut self, text: &str) {
        if self.state.deleted {
            self.out.notes.add(Note::Deletion);
            return;
        }
        if let Some(why) = self.why() {
            self.inline.hidden(why, text);
        } else {
            let style = Style {
                bold: self.state.bold,
                italic: self.state.italic,
                struck: self.state.struck,
                link: self.state.link.clone(),
            };
            self.inline.text(text, &style);
        }
    }

    fn why(&self) -> Option<Why> {
        if self.state.hidden {
            return Some(Why::Marked);
        }
        if self.state.half_points <= INVISIBLE_HALF_POINTS {
            return Some(Why::Size);
        }
        let colour = |index: usize| self.colours.get(index).copied().flatten();
        let behind = colour(self.state.behind).unwrap_or(Colour::WHITE);
        colour(self.state.colour).filter(|letters| letters.vanishes_on(behind)).map(|_| Why::Colour)
    }

    fn close(&mut self) {
        self.spill();
        if self.state.target == Target::Styles {
            let (number, outline, name) = std::mem::take(&mut self.style);
            let name = name.trim_end_matches(';').trim().to_ascii_lowercase();
            let level = match name.as_str() {
                "title" => Some(1),
                "subtitle" => Some(2),
                name => name.strip_prefix("heading ").and_then(|level| level.parse().ok()).or(outline),
            };
            if let Some(level) = level {
                self.styles.insert(number, level);
            }
            if let Some(depth) = crate::markdown::depth_of_style(&name) {
                self.depths.insert(number, depth);
            }
        }
        let ended = self.state.target.clone();
        let Some(state) = self.saved.pop() else { return };
        self.state = state;
        self.skip = 0;
        if ended == self.state.target {
            return;
        }
        match ended {
            Target::Instruction => {
                let instruction = std::mem::take(&mut self.instruction);
                let address = instruction
                    .trim()
                    .strip_prefix("HYPERLINK")
                    .filter(|rest| !rest.trim_start().starts_with("\\l"))
                    .and_then(|rest| rest.split('"').nth(1));
                // The result is a group beside this one, in the field that both stand in.
                self.state.link = address.map(Into::into);
            }
            Target::Footnote => {
                let (text, hidden) = std::mem::take(&mut self.inline).finish();
                self.footnotes.push(text);
                self.cell_hidden.extend(hidden);
                self.restore();
            }
            Target::Margin(label) => {
                let (text, hidden) = std::mem::take(&mut self.inline).finish();
                self.out.with_hidden(hidden, |out| out.quote(label, &text));
                self.restore();
            }
            Target::Body
            | Target::Skipped
            | Target::Fonts
            | Target::Colours
            | Target::Styles
            | Target::Marker => {}
        }
    }

    fn restore(&mut self) {
        if let Some((inline, paragraph)) = self.outer.pop() {
            self.inline = inline;
            self.paragraph = paragraph;
        }
    }

    /// Text that stands aside begins: what is gathered waits.
    fn aside(&mut self, target: Target) {
        if self.state.target == Target::Skipped {
            return;
        }
        self.outer.push((std::mem::take(&mut self.inline), std::mem::take(&mut self.paragraph)));
        self.state.target = target;
        self.state.hidden = false;
    }

    fn symbol(&mut self, symbol: u8) {
        match symbol {
            b'*' => self.state.is_optional = self.state.is_fresh,
            b'~' => self.letters("\u{a0}"),
            b'_' => self.letters("-"),
            b'\n' | b'\r' => self.end_of_paragraph(),
            _ => {}
        }
    }

    fn letters(&mut self, text: &str) {
        if self.skip > 0 {
            self.skip -= 1;
            return;
        }
        self.spill();
        self.text(text);
    }

    fn word(&mut self, word: &str, number: Option<i32>, tokens: &mut Tokens<'_>) {
        self.spill();
        if word == "bin" {
            tokens.skip(number.unwrap_or_default().max(0) as usize);
            return;
        }
        let is_first = std::mem::replace(&mut self.state.is_fresh, false);
        let is_optional = std::mem::replace(&mut self.state.is_optional, false);
        if (is_first || is_optional) && self.destination(word, is_optional) {
            return;
        }
        let on = number != Some(0);
        match word {
            "ansicpg" => self.encoding = code_page(number.unwrap_or(1252)),
            "u" => {
                self.unicode(number.unwrap_or_default());
                self.skip = self.state.skips;
            }
            "uc" => self.state.skips = number.unwrap_or(1).max(0) as usize,
            "f" => self.state.font = number.unwrap_or(-1),
            "fcharset" if self.state.target == Target::Fonts => {
                if let Some(encoding) = charset(number.unwrap_or_default()) {
                    self.fonts.insert(self.state.font, encoding);
                }
            }
            "red" => self.colour.0 = number.and_then(|number| number.try_into().ok()),
            "green" => self.colour.1 = number.and_then(|number| number.try_into().ok()),
            "blue" => self.colour.2 = number.and_then(|number| number.try_into().ok()),
            "b" => self.state.bold = on,
            "i" => self.state.italic = on,
            "strike" | "striked" => self.state.struck = on,
            "v" => self.state.hidden = on,
            "deleted" => self.state.deleted = on,
            "fs" => self.state.half_points = number.unwrap_or(24),
            "cf" => self.state.colour = number.unwrap_or_default().max(0) as usize,
            "cb" | "chcbpat" | "highlight" => self.state.behind = number.unwrap_or_default().max(0) as usize,
            "plain" => {
                self.state.bold = false;
                self.state.italic = false;
                self.state.struck = false;
                self.state.hidden = false;
                self.state.half_points = 24;
                self.state.colour = 0;
                self.state.behind = 0;
            }
            "s" if self.state.target == Target::Styles => self.style.0 = number.unwrap_or_default(),
            "s" if self.state.target != Target::Marker => self.paragraph.style = number,
            "outlinelevel" => {
                let level = number.and_then(|level| usize::try_from(level).ok()).filter(|level| *level < 9);
                if self.state.target == Target::Styles {
                    self.style.1 = level.map(|level| level + 1);
                } else {
                    self.paragraph.outline = level.map(|level| level + 1);
                }
            }
            "ilvl" if self.state.target != Target::Marker => {
                self.paragraph.depth = number.unwrap_or_default().clamp(0, 8) as usize;
            }
            // The mark of an entry says nothing about the paragraph that it stands in.
            "pard" | "intbl" if self.state.target == Target::Marker => {}
            "pard" => {
                let marker = std::mem::take(&mut self.paragraph.marker);
                self.paragraph = Paragraph { marker, ..Paragraph::default() };
            }
            "trowd" => self.edges.clear(),
            "cellx" => self.edges.push(number.unwrap_or_default()),
            "intbl" => self.paragraph.in_table = true,
            "par" | "sect" | "page" => self.end_of_paragraph(),
            "line" => self.text("\n"),
            "tab" => self.text("\t"),
            "cell" | "nestcell" => self.end_cell(),
            "row" => self.end_row(),
            "emdash" => self.letters("—"),
            "endash" => self.letters("–"),
            "bullet" => self.letters("•"),
            "lquote" => self.letters("‘"),
            "rquote" => self.letters("’"),
            "ldblquote" => self.letters("“"),
            "rdblquote" => self.letters("”"),
            _ => {}
        }
    }

    /// Groups that are not text of the body. `true` if the word began one.
    fn destination(&mut self, word: &str, is_optional: bool) -> bool {
        let target = match word {
            "fonttbl" => Target::Fonts,
            "colortbl" => Target::Colours,
            "stylesheet" => Target::Styles,
            "listtext" | "pntext" => {
                self.paragraph.marker.clear();
                Target::Marker
            }
            "fldinst" => {
                self.instruction.clear();
                Target::Instruction
            }
            "footnote" => {
                self.footnote_count += 1;
                let mark = format!("[Footnote {}]", self.footnote_count);
                self.text(&mark);
                self.aside(Target::Footnote);
                return true;
            }
            "header" | "headerl" | "headerr" | "headerf" => {
                self.aside(Target::Margin("Header"));
                return true;
            }
            "footer" | "footerl" | "footerr" | "footerf" => {
                self.aside(Target::Margin("Footer"));
                return true;
            }
            "annotation" => {
                self.aside(Target::Margin("Comment"));
                return true;
            }
            "pict" => {
                if self.state.target != Target::Skipped {
                    self.out.notes.add(Note::Picture);
                }
                Target::Skipped
            }
            "objdata" => {
                self.out.notes.add(Note::Embedded);
                Target::Skipped
            }
            "shppict" | "shpinst" | "shptxt" | "field" | "fldrslt" | "result" => return true,
            "info" | "nonshppict" | "listtable" | "listoverridetable" | "filetbl" | "generator"
            | "themedata" | "datastore" | "xmlnstbl" | "rsidtbl" | "sp" | "tc" | "xe" | "bkmkstart"
            | "bkmkend" | "pn" | "revtbl" | "nonesttables" | "ftnsep" | "ftnsepc" | "template" => {
                Target::Skipped
            }
            _ if is_optional => Target::Skipped,
            _ => return false,
        };
        if self.state.target != Target::Skipped {
            self.state.target = target;
        }
        true
    }

    fn unicode(&mut self, number: i32) {
        let unit = number as u16;
        if let Some(high) = self.high.take() {
            if let Some(Ok(letter)) = char::decode_utf16([high, unit]).next() {
                self.text(&letter.to_string());
                return;
            }
            self.text("\u{fffd}");
        }
        if (0xd800..0xdc00).contains(&unit) {
            self.high = Some(unit);
        } else {
            self.text(&char::from_u32(u32::from(unit)).unwrap_or('\u{fffd}').to_string());
        }
    }

    fn end_of_paragraph(&mut self) {
        match self.state.target {
            Target::Body => self.end_paragraph(),
            Target::Footnote | Target::Margin(_) => self.inline.plain("\n"),
            _ => {}
        }
    }

    fn end_paragraph(&mut self) {
        self.spill();
        let inline = std::mem::take(&mut self.inline);
        let marker = std::mem::take(&mut self.paragraph.marker);
        if self.paragraph.in_table {
            let (text, hidden) = inline.finish();
            self.cell_hidden.extend(hidden);
            self.cell.push(text);
            return;
        }
        if inline.is_empty() && self.footnotes.is_empty() {
            return;
        }
        self.end_table();
        let level = self.paragraph.outline.or_else(|| self.styles.get(&self.paragraph.style?).copied());
        let marker = marker.trim().to_owned();
        let by_style = || self.depths.get(&self.paragraph.style?).copied();
        let depth = if self.paragraph.depth == 0 { by_style().unwrap_or(0) } else { self.paragraph.depth };
        if let Some(level) = level {
            let (text, hidden) = inline.finish_heading();
            let text = if marker.is_empty() { text } else { format!("{marker} {text}") };
            self.out.with_hidden(hidden, |out| out.heading(level, &text));
        } else {
            let (text, hidden) = inline.finish();
            self.out.with_hidden(hidden, |out| {
                if marker.is_empty() {
                    out.paragraph(&text);
                } else {
                    let digits: String = marker.chars().filter(char::is_ascii_digit).collect();
                    let is_number = marker.starts_with(|letter: char| letter.is_ascii_digit());
                    let marker = if is_number { format!("{digits}.") } else { "-".to_owned() };
                    out.item(depth, &marker, &text);
                }
            });
        }
        self.end_footnotes();
    }

    fn end_footnotes(&mut self) {
        let notes = std::mem::take(&mut self.footnotes);
        let first = self.footnote_count - notes.len() + 1;
        for (index, note) in notes.iter().enumerate() {
            self.out.quote(&format!("Footnote {}", first + index), note);
        }
    }

    fn is_in_row(&self) -> bool {
        !self.row.is_empty() || !self.cell.is_empty()
    }

    fn end_cell(&mut self) {
        self.paragraph.in_table = true;
        self.end_paragraph();
        let cell = std::mem::take(&mut self.cell);
        self.row.push(cell.join("\n"));
    }

    fn end_row(&mut self) {
        if !self.cell.is_empty() {
            let cell = std::mem::take(&mut self.cell);
            self.row.push(cell.join("\n"));
        }
        let row = std::mem::take(&mut self.row);
        if !row.is_empty() {
            self.rows.push((self.edges.clone(), row));
        }
    }

    fn end_table(&mut self) {
        let rows = by_edges(std::mem::take(&mut self.rows));
        let hidden = std::mem::take(&mut self.cell_hidden);
        self.out.with_hidden(hidden, |out| out.table(&rows));
        if !rows.is_empty() {
            self.end_footnotes();
        }
    }
}

/// Twips by which the ends of cells in one column may differ.
const SLACK: i32 = 20;

/// Puts the cells into the columns that all rows together have: a cell may span several.
fn by_edges(rows: Vec<(Vec<i32>, Vec<String>)>) -> Vec<Vec<String>> {
    let mut columns: Vec<i32> = rows.iter().flat_map(|(edges, _)| edges.iter().copied()).collect();
    columns.sort_unstable();
    columns.dedup_by(|next, last| *next - *last <= SLACK);
    rows.into_iter()
        .map(|(edges, cells)| {
            if edges.len() < cells.len() {
                return cells;
            }
            let mut row: Vec<String> = Vec::new();
            for (edge, cell) in edges.iter().zip(cells) {
                row.push(cell);
                let end = columns.iter().filter(|column| **column <= *edge + SLACK).count();
                row.resize(row.len().max(end), String::new());
            }
            row
        })
        .collect()
}

fn code_page(number: i32) -> &'static Encoding {
    let label = match number {
        932 => "shift_jis",
        936 => "gbk",
        949 => "euc-kr",
        950 => "big5",
        874 => "windows-874",
        65_001 => "utf-8",
        10_000 => "macintosh",
        1_250..=1_258 => {
            return Encoding::for_label(format!("windows-{number}").as_bytes()).unwrap_or(WINDOWS_1252);
        }
        _ => return WINDOWS_1252,
    };
    Encoding::for_label(label.as_bytes()).unwrap_or(WINDOWS_1252)
}

fn charset(number: i32) -> Option<&'static Encoding> {
    Some(code_page(match number {
        77 => 10_000,
        128 => 932,
        129 => 949,
        134 => 936,
        136 => 950,
        161 => 1_253,
        162 => 1_254,
        163 => 1_258,
        177 => 1_255,
        178 => 1_256,
        186 => 1_257,
        204 => 1_251,
        222 => 874,
        238 => 1_250,
        _ => return None,
    }))
}
