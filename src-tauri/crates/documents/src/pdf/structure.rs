//! The tags of a document (ISO 32000-1, 14.7 and 14.8): which letters are a heading, a list, a table.

use std::collections::{HashMap, HashSet};

use hayro_interpret::hayro_syntax::Pdf;
use hayro_interpret::hayro_syntax::object::{
    Array, Dict, MaybeRef, Name, Object, ObjectIdentifier, String as PdfString,
};
use hayro_interpret::hayro_syntax::page::Page;
use hayro_interpret::hayro_syntax::xref::XRef;

use super::Passage;
use super::content::{Drawn, Letter};
use super::layout::{Weight, flow};
use crate::DocumentError;
use crate::limits::Budget;
use crate::markdown::{Inline, Writer};
use crate::notes::{Note, Notes};

/// How deep elements may stand in each other.
const MAX_DEPTH: usize = 100;
/// Steps through the map of roles.
const MAX_ROLES: usize = 10;
/// The part of the letters that the tags must cover to be followed, in hundredths.
const COVERAGE: usize = 85;
/// Letters of a document that are held at once.
const MAX_LETTERS: usize = 1_500_000;

enum Kid {
    Content { page: Option<ObjectIdentifier>, number: i32 },
    Element(Element),
}

struct Element {
    role: String,
    kids: Vec<Kid>,
    columns: usize,
    words: String,
}

struct PageText {
    number: usize,
    marked: HashMap<i32, Vec<Letter>>,
    /// The page by where its letters stand.
    by_place: String,
    notes: Notes,
    hidden: Vec<Passage>,
    /// Letters that no tag names.
    loose: Vec<Letter>,
    is_shown: bool,
}

/// The tags of a document, and the text of its pages by the numbers that the tags use.
pub(super) struct Structure {
    root: Element,
    pages: HashMap<ObjectIdentifier, PageText>,
    order: Vec<ObjectIdentifier>,
    known: HashSet<(ObjectIdentifier, i32)>,
    letters: usize,
    covered: usize,
}

impl Structure {
    /// `None` if the document has no tags that say something.
    pub(super) fn new(pdf: &Pdf, budget: &Budget) -> Result<Option<Self>, DocumentError> {
        let xref = pdf.xref();
        let Some(catalogue) = xref.get::<Dict<'_>>(xref.root_id()) else { return Ok(None) };
        let Some(tree) = catalogue.get::<Dict<'_>>(b"StructTreeRoot") else { return Ok(None) };
        let roles = tree.get::<Dict<'_>>(b"RoleMap");
        let mut builder = Builder { xref, roles, seen: HashSet::new(), budget };
        let mut root =
            Element { role: "Document".to_owned(), kids: Vec::new(), columns: 1, words: String::new() };
        builder.kids(&tree, None, 0, &mut root.kids)?;
        if root.kids.is_empty() {
            return Ok(None);
        }
        let mut known = HashSet::new();
        collect(&root, &mut known);
        Ok(Some(Self { root, pages: HashMap::new(), order: Vec::new(), known, letters: 0, covered: 0 }))
    }

    /// Takes the text of a page.
    pub(super) fn page(
        &mut self,
        index: usize,
        page: &Page<'_>,
        drawn: &Drawn,
        by_place: String,
        notes: Notes,
    ) {
        // A page without an object of its own cannot be named by a tag.
        let id = page.raw().obj_id().unwrap_or_else(|| ObjectIdentifier::new(u32::MAX, index as i32));
        let mut marked: HashMap<i32, Vec<Letter>> = HashMap::new();
        let mut loose = Vec::new();
        for letter in drawn.letters.iter().filter(|letter| !letter.is_artifact) {
            let is_letter = !letter.text.trim().is_empty();
            self.letters += usize::from(is_letter);
            match letter.mark.filter(|mark| self.known.contains(&(id, *mark))) {
                Some(mark) => {
                    self.covered += usize::from(is_letter);
                    marked.entry(mark).or_default().push(letter.clone());
                }
                None => loose.push(letter.clone()),
            }
        }
        if self.letters > MAX_LETTERS {
            // Too long to be held letter by letter: the tags are given up for where the letters stand.
            self.known.clear();
            self.covered = 0;
            for page in self.pages.values_mut() {
                page.marked = HashMap::new();
                page.loose = Vec::new();
            }
            marked.clear();
            loose.clear();
        }
        self.order.push(id);
        self.pages.insert(
            id,
            PageText {
                number: index + 1,
                marked,
                by_place,
                notes,
                hidden: drawn.hidden.clone(),
                loose,
                is_shown: false,
            },
        );
    }

    /// Writes the document by its tags, or by places if the tags leave out too much.
    pub(super) fn write(mut self, total: usize, out: &mut Writer) {
        if self.covered * 100 < self.letters * COVERAGE {
            for id in &self.order {
                let Some(page) = self.pages.get_mut(id) else { continue };
                out.mark(&format!("[Page {} of {total}]", page.number));
                out.notes.join(std::mem::take(&mut page.notes));
                out.markdown(&page.by_place);
                for (why, text) in &page.hidden {
                    out.hidden(*why, text);
                }
            }
            return;
        }
        if self.covered < self.letters {
            out.notes.say(
                "Some text stands outside of the document's own structure; it comes at the end of its page.",
            );
        }
        let Self { root, pages, order, .. } = self;
        let mut walk = Walk { pages, order, next: 0, total };
        walk.blocks(&root, Place { depth: 0 }, out);
        walk.turn_to(usize::MAX, out);
    }
}

fn collect(element: &Element, known: &mut HashSet<(ObjectIdentifier, i32)>) {
    for kid in &element.kids {
        match kid {
            Kid::Content { page: Some(page), number } => {
                known.insert((*page, *number));
            }
            Kid::Content { page: None, .. } => {}
            Kid::Element(element) => collect(element, known),
        }
    }
}

struct Builder<'a, 'b> {
    xref: &'a XRef,
    roles: Option<Dict<'a>>,
    seen: HashSet<ObjectIdentifier>,
    budget: &'b Budget,
}

impl<'a> Builder<'a, '_> {
    fn kids(
        &mut self,
        parent: &Dict<'a>,
        page: Option<ObjectIdentifier>,
        depth: usize,
        kids: &mut Vec<Kid>,
    ) -> Result<(), DocumentError> {
        if depth > MAX_DEPTH {
            return Ok(());
        }
        // A list is looked through as it stands: only what is referred to has a number of its own.
        if let Some(list) = parent.get::<Array<'a>>(b"K") {
            for entry in list.raw_iter() {
                let object = match entry {
                    MaybeRef::NotRef(object) => Some(object),
                    MaybeRef::Ref(reference) => self.followed(reference.into()),
                };
                self.kid(object, page, depth, kids)?;
            }
        } else {
            let object = match parent.get_ref(b"K") {
                Some(reference) => self.followed(reference.into()),
                None => parent.get::<Object<'a>>(b"K"),
            };
            self.kid(object, page, depth, kids)?;
        }
        Ok(())
    }

    /// The object of that number, the first time.
    fn followed(&mut self, id: ObjectIdentifier) -> Option<Object<'a>> {
        self.seen.insert(id).then(|| self.xref.get::<Object<'a>>(id)).flatten()
    }

    fn kid(
        &mut self,
        object: Option<Object<'a>>,
        page: Option<ObjectIdentifier>,
        depth: usize,
        kids: &mut Vec<Kid>,
    ) -> Result<(), DocumentError> {
        self.budget.element()?;
        let Some(object) = object else { return Ok(()) };
        if let Object::Number(number) = &object {
            kids.push(Kid::Content { page, number: number.as_i64() as i32 });
            return Ok(());
        }
        let Some(dict) = object.into_dict() else { return Ok(()) };
        let page = dict.get_ref(b"Pg").map(Into::into).or(page);
        let kind = dict.get::<Name<'a>>(b"Type");
        match kind.as_deref() {
            Some(b"MCR") => {
                if let Some(number) = dict.get::<i32>(b"MCID") {
                    kids.push(Kid::Content { page, number });
                }
            }
            Some(b"OBJR") => {}
            _ => {
                let Some(role) = dict.get::<Name<'a>>(b"S") else { return Ok(()) };
                let mut element = Element {
                    role: self.role(role.as_str()),
                    kids: Vec::new(),
                    columns: spanned(&dict),
                    words: dict
                        .get::<PdfString<'a>>(b"Alt")
                        .map(|text| words(text.as_bytes()))
                        .unwrap_or_default(),
                };
                self.kids(&dict, page, depth + 1, &mut element.kids)?;
                kids.push(Kid::Element(element));
            }
        }
        Ok(())
    }

    /// The standard role that a document's own role stands for.
    fn role(&self, name: &str) -> String {
        let mut role = name.to_owned();
        for _ in 0..MAX_ROLES {
            let next = self.roles.as_ref().and_then(|roles| roles.get::<Name<'a>>(role.as_bytes()));
            match next {
                Some(next) if next.as_str() != role => next.as_str().clone_into(&mut role),
                _ => break,
            }
        }
        role
    }
}

fn spanned(dict: &Dict<'_>) -> usize {
    let own = dict.get::<Dict<'_>>(b"A").and_then(|attributes| attributes.get::<i32>(b"ColSpan"));
    let listed = || {
        dict.get::<Array<'_>>(b"A")?
            .iter::<Dict<'_>>()
            .find_map(|attributes| attributes.get::<i32>(b"ColSpan"))
    };
    own.or_else(listed).unwrap_or(1).clamp(1, 100) as usize
}

/// A text string (7.9.2.2).
fn words(bytes: &[u8]) -> String {
    match bytes {
        [0xfe, 0xff, rest @ ..] => encoding_rs::UTF_16BE.decode_without_bom_handling(rest).0.into_owned(),
        [0xef, 0xbb, 0xbf, rest @ ..] => String::from_utf8_lossy(rest).into_owned(),
        _ => encoding_rs::WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(),
    }
}

#[derive(Clone, Copy)]
struct Place {
    /// Depth in lists, from 1; 0 is outside.
    depth: usize,
}

struct Walk {
    pages: HashMap<ObjectIdentifier, PageText>,
    order: Vec<ObjectIdentifier>,
    /// The page, from 0, whose mark comes next.
    next: usize,
    total: usize,
}

impl Walk {
    /// Writes the marks of pages up to that number, and the hidden text of those that are left.
    fn turn_to(&mut self, number: usize, out: &mut Writer) {
        while self.next < number.min(self.order.len())
            || (number == usize::MAX && self.next < self.order.len())
        {
            self.leave(out);
            out.mark(&format!("[Page {} of {}]", self.next + 1, self.total));
            self.next += 1;
        }
        if number == usize::MAX {
            self.leave(out);
        }
    }

    fn leave(&mut self, out: &mut Writer) {
        let Some(id) = self.next.checked_sub(1).and_then(|index| self.order.get(index)) else { return };
        let Some(page) = self.pages.get_mut(id) else { return };
        if !std::mem::replace(&mut page.is_shown, true) {
            end_loose(&mut page.loose, out);
            for (why, text) in std::mem::take(&mut page.hidden) {
                out.hidden(why, &text);
            }
        }
    }

    /// The page on which an element begins.
    fn first_page(&self, element: &Element) -> Option<usize> {
        element.kids.iter().find_map(|kid| match kid {
            Kid::Content { page, number } => {
                let page = self.pages.get(&(*page)?)?;
                page.marked.contains_key(number).then_some(page.number)
            }
            Kid::Element(element) => self.first_page(element),
        })
    }

    fn letters(&self, element: &Element, letters: &mut Vec<Letter>) {
        for kid in &element.kids {
            match kid {
                Kid::Content { page, number } => {
                    let found = page.and_then(|page| self.pages.get(&page)?.marked.get(number));
                    letters.extend(found.into_iter().flatten().cloned());
                }
                Kid::Element(element) => self.letters(element, letters),
            }
        }
    }

    fn inline(&self, element: &Element, weight: Weight) -> Inline {
        let mut letters = Vec::new();
        self.letters(element, &mut letters);
        flow(&letters, weight)
    }

    fn blocks(&mut self, element: &Element, place: Place, out: &mut Writer) {
        let mut loose = Vec::new();
        for kid in &element.kids {
            if out.is_full() {
                return;
            }
            match kid {
                Kid::Content { page, number } => {
                    let found = page.and_then(|page| self.pages.get(&page));
                    let Some(page) = found else { continue };
                    let number_of_page = page.number;
                    loose.extend(page.marked.get(number).into_iter().flatten().cloned());
                    if loose.is_empty() {
                        continue;
                    }
                    self.turn_to(number_of_page, out);
                }
                Kid::Element(element) if is_inline(&element.role) => {
                    if let Some(page) = self.first_page(element) {
                        self.turn_to(page, out);
                    }
                    self.letters(element, &mut loose);
                }
                Kid::Element(element) => {
                    end_loose(&mut loose, out);
                    self.block(element, place, out);
                }
            }
        }
        end_loose(&mut loose, out);
    }

    fn block(&mut self, element: &Element, place: Place, out: &mut Writer) {
        if let Some(page) = self.first_page(element) {
            self.turn_to(page, out);
        }
        match element.role.as_str() {
            "H" | "H1" | "Title" => self.heading(1, element, out),
            "H2" => self.heading(2, element, out),
            "H3" => self.heading(3, element, out),
            "H4" => self.heading(4, element, out),
            "H5" => self.heading(5, element, out),
            "H6" => self.heading(6, element, out),
            "L" | "TOC" => {
                for kid in &element.kids {
                    if let Kid::Element(entry) = kid {
                        match entry.role.as_str() {
                            "LI" | "TOCI" => self.entry(entry, Place { depth: place.depth + 1 }, out),
                            _ => self.block(entry, Place { depth: place.depth + 1 }, out),
                        }
                    }
                }
            }
            "Table" => {
                let mut rows = Vec::new();
                self.rows(element, &mut rows, out);
                out.table(&rows);
            }
            "Figure" => {
                if !element.words.trim().is_empty() {
                    out.paragraph(&format!(
                        "[Picture: {}]",
                        crate::text::shortened(element.words.trim(), 500)
                    ));
                }
                self.blocks(element, place, out);
            }
            "BlockQuote" => {
                let text = self.inline(element, Weight::Shown).finish().0;
                out.markdown(&format!("> {}", text.trim()));
            }
            "Artifact" => {}
            "P" | "Caption" | "Note" | "Lbl" | "LBody" | "Formula" if !has_blocks(element) => {
                let mut letters = Vec::new();
                self.letters(element, &mut letters);
                end_loose(&mut letters, out);
            }
            _ => self.blocks(element, place, out),
        }
    }

    fn heading(&self, level: usize, element: &Element, out: &mut Writer) {
        out.heading(level, &self.inline(element, Weight::LeftOut).finish_heading().0);
    }

    /// An entry of a list: its mark and its text up to the lists within it.
    fn entry(&mut self, entry: &Element, place: Place, out: &mut Writer) {
        let mut label = String::new();
        let mut letters = Vec::new();
        let mut inner = Vec::new();
        self.parts(entry, &mut label, &mut letters, &mut inner);
        let number: String = label.trim().chars().take_while(char::is_ascii_digit).collect();
        let mut text = flow(&letters, Weight::Shown).finish().0;
        let mut marker = if number.is_empty() { "-".to_owned() } else { format!("{number}.") };
        if label.trim().is_empty() {
            // Some programs leave the mark in the text.
            let bare = text.trim_start();
            let digits = bare.bytes().take_while(u8::is_ascii_digit).count();
            if let Some(rest) = bare.strip_prefix(['•', '◦', '▪', '–', '●', '○', '■', '\u{f0b7}'])
            {
                text = rest.trim_start().to_owned();
            } else if digits > 0
                && let Some(rest) = bare.get(digits..).and_then(|rest| rest.strip_prefix(['.', ')']))
            {
                marker = format!("{}.", bare.get(..digits).unwrap_or_default());
                text = rest.trim_start().to_owned();
            }
        }
        out.item(place.depth - 1, &marker, &text);
        for element in inner {
            self.block(element, place, out);
        }
    }

    fn parts<'b>(
        &self,
        element: &'b Element,
        label: &mut String,
        letters: &mut Vec<Letter>,
        inner: &mut Vec<&'b Element>,
    ) {
        for kid in &element.kids {
            match kid {
                Kid::Content { page, number } => {
                    let found = page.and_then(|page| self.pages.get(&page)?.marked.get(number));
                    letters.extend(found.into_iter().flatten().cloned());
                }
                Kid::Element(element) => match element.role.as_str() {
                    "Lbl" => label.push_str(&self.inline(element, Weight::LeftOut).bare()),
                    "L" | "Table" => inner.push(element),
                    _ => self.parts(element, label, letters, inner),
                },
            }
        }
    }

    fn rows(&self, element: &Element, rows: &mut Vec<Vec<String>>, out: &mut Writer) {
        for kid in &element.kids {
            let Kid::Element(part) = kid else { continue };
            if part.role != "TR" {
                self.rows(part, rows, out);
                continue;
            }
            let mut row = Vec::new();
            for kid in &part.kids {
                let Kid::Element(cell) = kid else { continue };
                if cell.columns > 1 {
                    out.notes.add(Note::MergedCell);
                }
                row.push(self.inline(cell, Weight::LeftOut).finish().0);
                row.resize(row.len() + cell.columns - 1, String::new());
            }
            rows.push(row);
        }
    }
}

fn end_loose(loose: &mut Vec<Letter>, out: &mut Writer) {
    let letters = std::mem::take(loose);
    let inline = flow(&letters, Weight::Shown);
    if inline.bare().trim().is_empty() {
        return;
    }
    out.paragraph(&inline.finish().0);
}

/// Whether an element holds others that are blocks whatever they stand in.
fn has_blocks(element: &Element) -> bool {
    element.kids.iter().any(|kid| match kid {
        Kid::Content { .. } => false,
        Kid::Element(element) => {
            matches!(
                element.role.as_str(),
                "P" | "L" | "Table" | "Figure" | "H" | "H1" | "H2" | "H3" | "H4" | "H5" | "H6"
            ) || has_blocks(element)
        }
    })
}

fn is_inline(role: &str) -> bool {
    matches!(
        role,
        "Span"
            | "Link"
            | "Reference"
            | "Em"
            | "Strong"
            | "Quote"
            | "Code"
            | "Annot"
            | "Ruby"
            | "Warichu"
            | "BibEntry"
            | "Sub"
    )
}
