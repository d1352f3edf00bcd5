//! Writes Markdown: blocks, lists, tables, and text with its marks.

use std::fmt::Write;
use std::rc::Rc;

use crate::notes::{Notes, Why};

/// Characters of an address that are kept.
const ADDRESS_CHARACTERS: usize = 500;

/// What kind of block was written last, for the room between blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Last {
    Nothing,
    Item,
    Block,
}

/// Takes blocks and stops taking them when the document is long enough.
pub(crate) struct Writer {
    out: String,
    most: usize,
    last: Last,
    is_full: bool,
    pub(crate) notes: Notes,
}

impl Writer {
    pub(crate) fn new(most: usize) -> Self {
        Self { out: String::new(), most, last: Last::Nothing, is_full: false, notes: Notes::default() }
    }

    /// Whether nothing more is taken.
    pub(crate) const fn is_full(&self) -> bool {
        self.is_full
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// The text and the remarks.
    pub(crate) fn finish(mut self) -> (String, Notes) {
        if self.is_full {
            self.notes.say(format!(
                "The text was cut after {} MB: the rest of the document is left out.",
                self.most / (1024 * 1024)
            ));
        }
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        (self.out, self.notes)
    }

    fn put(&mut self, block: &str, kind: Last) {
        if self.is_full || block.trim().is_empty() {
            return;
        }
        if self.out.len() + block.len() > self.most {
            self.is_full = true;
            let mut end = self.most.saturating_sub(self.out.len()).min(block.len());
            while !block.is_char_boundary(end) {
                end -= 1;
            }
            self.gap(kind);
            self.out.push_str(block.get(..end).unwrap_or_default());
            return;
        }
        self.gap(kind);
        self.out.push_str(block);
        self.last = kind;
    }

    fn gap(&mut self, kind: Last) {
        self.out.push_str(match (self.last, kind) {
            (Last::Nothing, _) => "",
            (Last::Item, Last::Item) => "\n",
            _ => "\n\n",
        });
    }

    /// A heading; levels from 1, deeper ones than 6 become 6.
    pub(crate) fn heading(&mut self, level: usize, text: &str) {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if !text.is_empty() {
            self.put(&format!("{} {text}", "#".repeat(level.clamp(1, 6))), Last::Block);
        }
    }

    /// A paragraph, whose lines may be broken.
    pub(crate) fn paragraph(&mut self, text: &str) {
        let text = text.trim_matches(['\n', ' ', '\t']);
        let lines: Vec<String> = text.split('\n').map(|line| guarded(line.trim_end())).collect();
        self.put(&lines.join("  \n"), Last::Block);
    }

    /// A line as it stands, such as the mark of a page.
    pub(crate) fn mark(&mut self, text: &str) {
        self.put(text, Last::Block);
    }

    /// An entry of a list; depth from 0. `marker` is `-` or a number with a point.
    pub(crate) fn item(&mut self, depth: usize, marker: &str, text: &str) {
        let indent = "    ".repeat(depth.min(9));
        let room = " ".repeat(marker.len() + 1);
        let mut lines = text.trim().lines();
        let mut block = format!("{indent}{marker} {}", lines.next().unwrap_or_default());
        for line in lines {
            let _ = write!(block, "\n{indent}{room}{line}");
        }
        if !text.trim().is_empty() {
            self.put(&block, Last::Item);
        }
    }

    /// A table. Rows of different length are filled up; the first row is the head.
    pub(crate) fn table(&mut self, rows: &[Vec<String>]) {
        let block = table(rows);
        self.put(&block, Last::Block);
    }

    /// A quotation behind a label (`Note: …`).
    pub(crate) fn quote(&mut self, label: &str, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        let mut block = String::new();
        for (index, line) in text.trim().lines().enumerate() {
            if index > 0 {
                block.push('\n');
            }
            let line = line.trim_end();
            let _ = match index {
                0 => write!(block, "> {label}: {line}"),
                _ if line.is_empty() => write!(block, ">"),
                _ => write!(block, "> {line}"),
            };
        }
        self.put(&block, Last::Block);
    }

    /// Text that a reader of the document does not see.
    pub(crate) fn hidden(&mut self, why: Why, text: &str) {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if !text.is_empty() && !self.is_full {
            self.notes.hidden(why);
            self.put(&format!("> Hidden text: {text} ({})", why.words()), Last::Block);
        }
    }

    /// All of a part's Markdown as text that a reader does not see.
    pub(crate) fn hidden_part(&mut self, why: Why, name: &str, part: &str) {
        if part.trim().is_empty() || self.is_full {
            return;
        }
        self.notes.hidden(why);
        let mut block = format!("> Hidden text: {name} ({})\n>", why.words());
        for line in part.trim_end().lines() {
            block.push_str(if line.is_empty() { "\n>" } else { "\n> " });
            block.push_str(line);
        }
        self.put(&block, Last::Block);
    }

    /// Text in its exact form.
    pub(crate) fn code(&mut self, language: &str, text: &str) {
        let text = text.trim_end_matches('\n');
        if text.trim().is_empty() {
            return;
        }
        let longest = text.split(|character| character != '`').map(str::len).max().unwrap_or_default();
        let fence = "`".repeat(longest.max(2) + 1);
        self.put(&format!("{fence}{language}\n{text}\n{fence}"), Last::Block);
    }

    /// Markdown of others, taken as it is.
    pub(crate) fn markdown(&mut self, text: &str) {
        self.put(text.trim_matches('\n'), Last::Block);
    }

    /// Text with its hidden passages behind it, put by `place`.
    pub(crate) fn with_hidden(&mut self, hidden: Vec<(Why, String)>, place: impl FnOnce(&mut Self)) {
        place(self);
        for (why, text) in hidden {
            self.hidden(why, &text);
        }
    }
}

/// Bytes of one table; more than any document may have, so that what is cut is said where the document is.
const MOST_TABLE: usize = 16 * 1024 * 1024;

/// A table in Markdown; empty if it has no text.
pub(crate) fn table(rows: &[Vec<String>]) -> String {
    let used =
        |row: &Vec<String>| row.iter().rposition(|cell| !cell.trim().is_empty()).map_or(0, |at| at + 1);
    let columns = rows.iter().map(used).max().unwrap_or_default();
    let length = rows.iter().rposition(|row| used(row) > 0).map_or(0, |at| at + 1);
    if columns == 0 {
        return String::new();
    }
    let mut block = String::new();
    for (number, row) in rows.iter().take(length).enumerate() {
        if block.len() > MOST_TABLE {
            break;
        }
        if number > 0 {
            block.push('\n');
        }
        block.push('|');
        for column in 0..columns {
            let cell = row.get(column).map(|cell| cell_text(cell)).unwrap_or_default();
            let _ = write!(block, " {cell} |");
        }
        if number == 0 {
            block.push_str("\n|");
            block.push_str(&" --- |".repeat(columns));
        }
    }
    block
}

fn cell_text(cell: &str) -> String {
    let lines: Vec<&str> = cell.trim().lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join("<br>").replace('|', "\\|")
}

/// Text in which nothing stands for a mark of Markdown by accident.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let is_mark = match character {
            '*' | '`' | '\\' => true,
            '<' => characters
                .peek()
                .is_some_and(|next| next.is_ascii_alphabetic() || matches!(next, '/' | '!' | '?')),
            _ => false,
        };
        if is_mark {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// A line of a paragraph that does not begin like a heading, a list or a quotation.
fn guarded(line: &str) -> String {
    let bare = line.trim_start();
    let number = bare.bytes().take_while(u8::is_ascii_digit).count();
    let behind = bare.get(number..).unwrap_or_default();
    let begins = |marks: &[&str]| marks.iter().any(|mark| bare.starts_with(mark));
    if (1..=9).contains(&number) && (behind.starts_with(". ") || behind.starts_with(") ")) {
        return format!("{}\\{behind}", bare.get(..number).unwrap_or_default());
    }
    let is_heading = bare.trim_start_matches('#').starts_with([' ', '\t']) && bare.starts_with('#');
    if is_heading || begins(&["- ", "+ ", "> ", ">", "---", "===", "|", "~~~"]) {
        return format!("\\{bare}");
    }
    bare.to_owned()
}

/// How a run of text looks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Style {
    pub(crate) bold: bool,
    pub(crate) italic: bool,
    pub(crate) struck: bool,
    pub(crate) link: Option<Rc<str>>,
}

/// The text of a block, run by run.
#[derive(Debug, Default)]
pub(crate) struct Inline {
    runs: Vec<(String, Style)>,
    hidden: Vec<(Why, String)>,
}

impl Inline {
    pub(crate) fn text(&mut self, text: &str, style: &Style) {
        if text.is_empty() {
            return;
        }
        match self.runs.last_mut() {
            Some((last, known)) if known == style => last.push_str(text),
            _ => self.runs.push((text.to_owned(), style.clone())),
        }
    }

    pub(crate) fn plain(&mut self, text: &str) {
        self.text(text, &Style::default());
    }

    /// Text that a reader does not see; neighbours with one reason are one passage.
    pub(crate) fn hidden(&mut self, why: Why, text: &str) {
        match self.hidden.last_mut() {
            Some((last, passage)) if *last == why => passage.push_str(text),
            _ => self.hidden.push((why, text.to_owned())),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.hidden.is_empty() && self.runs.iter().all(|(text, _)| text.trim().is_empty())
    }

    pub(crate) fn last_letter(&self) -> Option<char> {
        self.runs.iter().rev().find_map(|(text, _)| text.chars().next_back())
    }

    /// The text without marks.
    pub(crate) fn bare(&self) -> String {
        self.runs.iter().map(|(text, _)| text.as_str()).collect()
    }

    /// Markdown and the hidden passages.
    pub(crate) fn finish(self) -> (String, Vec<(Why, String)>) {
        let mut out = String::new();
        for (text, style) in &self.runs {
            let core = text.trim_matches([' ', '\t', '\n', '\u{a0}']);
            if core.is_empty() {
                out.push_str(text);
                continue;
            }
            let begin = text.find(core).unwrap_or_default();
            out.push_str(text.get(..begin).unwrap_or_default());
            let mark = match (style.bold, style.italic) {
                (true, true) => "***",
                (true, false) => "**",
                (false, true) => "*",
                (false, false) => "",
            };
            let strike = if style.struck { "~~" } else { "" };
            let escaped = escaped(core);
            // Emphasis does not reach over a line break.
            let marked = escaped
                .split('\n')
                .map(|line| match line.trim() {
                    "" => String::new(),
                    line => format!("{strike}{mark}{line}{mark}{strike}"),
                })
                .collect::<Vec<_>>()
                .join("\n");
            match &style.link {
                Some(address) => {
                    let _ = write!(out, "[{}]({})", marked.replace(['[', ']'], ""), address_text(address));
                }
                None => out.push_str(&marked),
            }
            out.push_str(text.get(begin + core.len()..).unwrap_or_default());
        }
        (out, self.hidden)
    }

    /// The text for a heading: links, but no bold.
    pub(crate) fn finish_heading(mut self) -> (String, Vec<(Why, String)>) {
        for (_, style) in &mut self.runs {
            style.bold = false;
        }
        let mut joined = Self { runs: Vec::new(), hidden: self.hidden };
        for (text, style) in &self.runs {
            joined.text(text, style);
        }
        joined.finish()
    }
}

/// The depth, from 0, of a list that has only the name of its style: `List Bullet 2` is one deeper than `List Bullet`.
pub(crate) fn depth_of_style(name: &str) -> Option<usize> {
    let name = name.to_ascii_lowercase();
    let rest = name.strip_prefix("list ")?;
    if !rest.starts_with("bullet")
        && !rest.starts_with("number")
        && !rest.starts_with("continue")
        && rest.len() > 1
    {
        return None;
    }
    let level: usize = rest.rsplit(' ').next()?.parse().unwrap_or(1);
    Some(level.clamp(1, 9) - 1)
}

/// An address as it may stand between round brackets.
pub(crate) fn address_text(address: &str) -> String {
    let address = address.trim();
    let address = if address.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("data:")) {
        crate::text::shortened(address, 40)
    } else {
        crate::text::shortened(address, ADDRESS_CHARACTERS)
    };
    let plain: String = address.chars().filter(|character| !character.is_control()).collect();
    if plain.contains([' ', '(', ')', '<', '>']) {
        plain
            .replace(' ', "%20")
            .replace('(', "%28")
            .replace(')', "%29")
            .replace('<', "%3C")
            .replace('>', "%3E")
    } else {
        plain
    }
}

#[cfg(test)]
#[path = "markdown_tests.rs"]
mod tests;
