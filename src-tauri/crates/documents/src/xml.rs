//! XML as a stream of elements and as small trees. Nothing outside of the text is ever read: declarations of entities
//! are passed over, and a reference to an entity of the document's own stays as it is written.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

use crate::limits::Budget;
use crate::{DocumentError, DocumentKind};

/// The prefixes that the readers use, by the end of the namespace's name. Documents choose prefixes freely, and strict
/// and transitional Office Open XML differ in the start of the names.
const PREFIXES: &[(&str, &str)] = &[
    ("/wordprocessingml/2006/main", "w"),
    ("/wordprocessingml/main", "w"),
    ("/spreadsheetml/2006/main", "x"),
    ("/spreadsheetml/main", "x"),
    ("/presentationml/2006/main", "p"),
    ("/presentationml/main", "p"),
    ("/drawingml/2006/main", "a"),
    ("/drawingml/main", "a"),
    ("/drawingml/2006/wordprocessingDrawing", "wp"),
    ("/drawingml/wordprocessingDrawing", "wp"),
    ("/drawingml/2006/picture", "pic"),
    ("/drawingml/2006/chart", "c"),
    ("/drawingml/2006/diagram", "dgm"),
    ("/officeDocument/2006/relationships", "r"),
    ("/officeDocument/relationships", "r"),
    ("/officeDocument/2006/math", "m"),
    ("/markup-compatibility/2006", "mc"),
    ("/2010/wordprocessingShape", "wps"),
    ("urn:schemas-microsoft-com:vml", "v"),
    ("opendocument:xmlns:office:1.0", "office"),
    ("opendocument:xmlns:text:1.0", "text"),
    ("opendocument:xmlns:table:1.0", "table"),
    ("opendocument:xmlns:style:1.0", "style"),
    ("opendocument:xmlns:drawing:1.0", "draw"),
    ("opendocument:xmlns:presentation:1.0", "presentation"),
    ("opendocument:xmlns:xsl-fo-compatible:1.0", "fo"),
    ("opendocument:xmlns:manifest:1.0", "manifest"),
    ("opendocument:xmlns:svg-compatible:1.0", "svg"),
    ("opendocument:xmlns:datastyle:1.0", "number"),
    ("http://www.w3.org/1999/xlink", "xlink"),
    ("http://purl.org/dc/elements/1.1/", "dc"),
];

/// An element with what stands in it.
#[derive(Debug, Clone)]
pub(crate) struct Element {
    /// The name with one of the prefixes above, or without a prefix.
    pub(crate) name: Rc<str>,
    pub(crate) attributes: Vec<(Rc<str>, Box<str>)>,
    pub(crate) children: Vec<Child>,
}

#[derive(Debug, Clone)]
pub(crate) enum Child {
    Element(Element),
    Text(String),
}

impl Element {
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| &**key == name).map(|(_, value)| &**value)
    }

    pub(crate) fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|child| match child {
            Child::Element(element) => Some(element),
            Child::Text(_) => None,
        })
    }

    pub(crate) fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.elements().filter(move |element| &*element.name == name)
    }

    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.elements().find(|element| &*element.name == name)
    }

    /// The element at the end of a path of names.
    pub(crate) fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |element, name| element.child(name))
    }

    /// All elements of that name, however deep.
    pub(crate) fn all<'a>(&'a self, name: &str, found: &mut Vec<&'a Self>) {
        for element in self.elements() {
            if &*element.name == name {
                found.push(element);
            } else {
                element.all(name, found);
            }
        }
    }

    /// The text in it, however deep.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        self.add_text(&mut text);
        text
    }

    fn add_text(&self, text: &mut String) {
        for child in &self.children {
            match child {
                Child::Text(piece) => text.push_str(piece),
                Child::Element(element) => element.add_text(text),
            }
        }
    }
}

/// Reads elements one after the other.
pub(crate) struct Stream<'a> {
    reader: NsReader<&'a [u8]>,
    budget: &'a Budget,
    kind: DocumentKind,
    part: &'a str,
    names: HashSet<Rc<str>>,
    prefixes: HashMap<String, &'static str>,
    depth: usize,
}

/// What comes next in a stream.
pub(crate) enum Piece {
    /// An element begins; its content follows unless [`Stream::whole`] takes it.
    Start(Element),
    End,
    Text(String),
}

impl<'a> Stream<'a> {
    pub(crate) fn new(text: &'a str, part: &'a str, kind: DocumentKind, budget: &'a Budget) -> Self {
        let mut reader = NsReader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        Self { reader, budget, kind, part, names: HashSet::new(), prefixes: HashMap::new(), depth: 0 }
    }

    fn broken(&self, why: &str) -> DocumentError {
        DocumentError::Broken {
            kind: self.kind,
            what: format!("its part {} is not well-formed XML: {why}", crate::text::shortened(self.part, 80)),
        }
    }

    /// The next piece; `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Piece>, DocumentError> {
        loop {
            let event = match self.reader.read_event() {
                Ok(event) => event,
                Err(error) => return Err(self.broken(&crate::text::shortened(&error.to_string(), 120))),
            };
            match event {
                Event::Start(start) | Event::Empty(start) => {
                    self.budget.element()?;
                    self.depth += 1;
                    if self.depth > self.budget.limits().depth {
                        return Err(DocumentError::TooLarge(format!(
                            "the elements of its part {} stand more than {} deep in each other",
                            crate::text::shortened(self.part, 80),
                            self.budget.limits().depth
                        )));
                    }
                    let element = self.element(&start);
                    return Ok(Some(Piece::Start(element)));
                }
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    return Ok(Some(Piece::End));
                }
                Event::Text(text) => return Ok(Some(Piece::Text(text.xml10_content().into_owned()))),
                Event::CData(text) => return Ok(Some(Piece::Text(text.xml10_content().into_owned()))),
                Event::GeneralRef(reference) => {
                    let name = reference.xml10_content();
                    let text = match reference.resolve_char_ref() {
                        Ok(Some(character)) => character.to_string(),
                        _ => match quick_xml::escape::resolve_predefined_entity(&name) {
                            Some(text) => text.to_owned(),
                            None => format!("&{};", crate::text::shortened(&name, 80)),
                        },
                    };
                    return Ok(Some(Piece::Text(text)));
                }
                Event::Eof if self.depth > 0 => return Err(self.broken("it is cut off")),
                Event::Eof => return Ok(None),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {
                    self.budget.element()?;
                }
            }
        }
    }

    fn element(&mut self, start: &BytesStart<'_>) -> Element {
        let (namespace, local) = self.reader.resolver().resolve_element(start.name());
        let prefix = prefix_of(&namespace, &mut self.prefixes);
        let name = interned(&mut self.names, prefix, local.as_ref());
        let mut attributes = Vec::new();
        for attribute in start.attributes().with_checks(false).flatten() {
            if attribute.key.as_namespace_binding().is_some() {
                continue;
            }
            let (namespace, local) = self.reader.resolver().resolve_attribute(attribute.key);
            let prefix = prefix_of(&namespace, &mut self.prefixes);
            let key = interned(&mut self.names, prefix, local.as_ref());
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .unwrap_or(std::borrow::Cow::Borrowed(attribute.value.as_ref()));
            attributes.push((key, value.into()));
        }
        Element { name, attributes, children: Vec::new() }
    }

    /// Takes the whole content of an element that has just begun.
    pub(crate) fn whole(&mut self, start: Element) -> Result<Element, DocumentError> {
        let mut open = vec![start];
        let mut count = 0;
        loop {
            let Some(piece) = self.next()? else { return Err(self.broken("it is cut off")) };
            match piece {
                Piece::Start(element) => {
                    count += 1;
                    if count > self.budget.limits().tree_elements {
                        return Err(DocumentError::TooLarge(format!(
                            "its part {} has more than {} elements",
                            crate::text::shortened(self.part, 80),
                            self.budget.limits().tree_elements
                        )));
                    }
                    open.push(element);
                }
                Piece::End => {
                    let Some(ended) = open.pop() else { return Err(self.broken("an end without a start")) };
                    let Some(parent) = open.last_mut() else { return Ok(ended) };
                    close(parent, ended);
                }
                Piece::Text(text) => {
                    if let Some(parent) = open.last_mut() {
                        match parent.children.last_mut() {
                            Some(Child::Text(last)) => last.push_str(&text),
                            _ => parent.children.push(Child::Text(text)),
                        }
                    }
                }
            }
        }
    }

    /// The tree of the document.
    pub(crate) fn tree(mut self) -> Result<Element, DocumentError> {
        loop {
            match self.next()? {
                Some(Piece::Start(root)) => return self.whole(root),
                Some(Piece::End | Piece::Text(_)) => {}
                None => return Err(self.broken("it has no element")),
            }
        }
    }
}

/// Puts an element into its parent. Of alternatives for readers of different age the first one is taken.
fn close(parent: &mut Element, ended: Element) {
    if &*ended.name != "mc:AlternateContent" {
        parent.children.push(Child::Element(ended));
        return;
    }
    let mut alternatives: Vec<Element> = ended
        .children
        .into_iter()
        .filter_map(|child| match child {
            Child::Element(element) => Some(element),
            Child::Text(_) => None,
        })
        .collect();
    if !alternatives.is_empty() {
        parent.children.append(&mut alternatives.swap_remove(0).children);
    }
}

fn prefix_of(namespace: &ResolveResult<'_>, known: &mut HashMap<String, &'static str>) -> &'static str {
    let ResolveResult::Bound(namespace) = namespace else { return "" };
    let name: &str = namespace.as_ref();
    if let Some(prefix) = known.get(name) {
        return prefix;
    }
    let prefix = PREFIXES.iter().find(|(end, _)| name.ends_with(end)).map_or("", |(_, prefix)| prefix);
    known.insert(name.to_owned(), prefix);
    prefix
}

fn interned(names: &mut HashSet<Rc<str>>, prefix: &str, local: &str) -> Rc<str> {
    let name = if prefix.is_empty() { local.to_owned() } else { format!("{prefix}:{local}") };
    if let Some(known) = names.get(name.as_str()) {
        return Rc::clone(known);
    }
    let name: Rc<str> = name.into();
    names.insert(Rc::clone(&name));
    name
}

/// The tree of a part.
pub(crate) fn tree(
    text: &str,
    part: &str,
    kind: DocumentKind,
    budget: &Budget,
) -> Result<Element, DocumentError> {
    Stream::new(text, part, kind, budget).tree()
}
