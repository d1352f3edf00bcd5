//! A part of a package as a tree, its names with the prefixes that the standard uses.

use quick_xml::events::{BytesStart, Event};
use quick_xml::name::ResolveResult;
use quick_xml::reader::NsReader;

/// The namespaces of what a presentation holds.
const PREFIXES: &[(&str, &str)] = &[
    ("http://schemas.openxmlformats.org/presentationml/2006/main", "p:"),
    ("http://schemas.openxmlformats.org/drawingml/2006/main", "a:"),
    ("http://schemas.openxmlformats.org/officeDocument/2006/relationships", "r:"),
    ("http://schemas.openxmlformats.org/package/2006/relationships", "rel:"),
    ("http://schemas.openxmlformats.org/package/2006/content-types", "ct:"),
    ("http://schemas.openxmlformats.org/package/2006/metadata/core-properties", "cp:"),
    ("http://schemas.openxmlformats.org/officeDocument/2006/extended-properties", "ep:"),
    ("http://purl.org/dc/elements/1.1/", "dc:"),
    ("http://purl.org/dc/terms/", "dcterms:"),
    ("http://www.w3.org/2001/XMLSchema-instance", "xsi:"),
    ("http://schemas.microsoft.com/office/drawing/2016/SVG/main", "asvg:"),
    ("http://schemas.microsoft.com/office/drawing/2018/hyperlinkcolor", "ahyp:"),
];

#[derive(Debug, Clone, Default)]
pub struct Element {
    pub name: String,
    /// Names and values; declarations of namespaces are left out.
    pub attributes: Vec<(String, String)>,
    pub children: Vec<Element>,
    /// What stands in it beside elements.
    pub text: String,
}

impl Element {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// All elements of a name, this one too, in the order of the document.
    pub fn all<'a>(&'a self, name: &'a str) -> Vec<&'a Element> {
        let mut found = Vec::new();
        self.walk(&mut |element| {
            if element.name == name {
                found.push(element);
            }
        });
        found
    }

    pub fn walk<'a>(&'a self, see: &mut dyn FnMut(&'a Element)) {
        see(self);
        for child in &self.children {
            child.walk(see);
        }
    }

    /// The text of its runs, a line a paragraph.
    pub fn words(&self) -> String {
        let paragraph =
            |each: &&Element| each.all("a:t").iter().map(|run| run.text.as_str()).collect::<String>();
        self.all("a:p").iter().map(paragraph).collect::<Vec<_>>().join("\n")
    }
}

fn prefixed(namespace: &ResolveResult, local: &str, fallback: &str) -> Result<String, String> {
    match namespace {
        ResolveResult::Bound(bound) => PREFIXES
            .iter()
            .find(|(known, _)| *known == bound.as_ref())
            .map(|(_, prefix)| format!("{prefix}{local}"))
            .ok_or_else(|| format!("an unknown namespace: {}", bound.as_ref())),
        ResolveResult::Unbound => Ok(format!("{fallback}{local}")),
        ResolveResult::Unknown(prefix) => Err(format!("the prefix {prefix:?} is not declared")),
    }
}

fn element(reader: &NsReader<&[u8]>, start: &BytesStart) -> Result<Element, String> {
    let (namespace, local) = reader.resolver().resolve_element(start.name());
    let mut made = Element { name: prefixed(&namespace, local.as_ref(), "")?, ..Element::default() };
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|error| error.to_string())?;
        if attribute.key.as_namespace_binding().is_some() {
            continue;
        }
        let (namespace, local) = reader.resolver().resolve_attribute(attribute.key);
        let name = prefixed(&namespace, local.as_ref(), "")?;
        let value = attribute
            .normalized_value(quick_xml::XmlVersion::Explicit1_0)
            .map_err(|error| error.to_string())?
            .into_owned();
        made.attributes.push((name, value));
    }
    Ok(made)
}

/// Reads a whole document, or says why it is not well formed.
pub fn parse(bytes: &[u8]) -> Result<Element, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    let allowed = |letter: char| {
        letter >= ' ' && !matches!(letter, '\u{fffe}' | '\u{ffff}') || "\t\r\n".contains(letter)
    };
    if let Some(letter) = text.chars().find(|letter| !allowed(*letter)) {
        return Err(format!("the letter {letter:?}, which XML cannot hold"));
    }
    let mut reader = NsReader::from_reader(text.as_bytes());
    reader.config_mut().check_end_names = true;
    let mut open: Vec<Element> = Vec::new();
    let mut whole = None;
    let close = |open: &mut Vec<Element>, whole: &mut Option<Element>, done: Element| match open.last_mut() {
        Some(parent) => parent.children.push(done),
        None => *whole = Some(done),
    };
    loop {
        let event = reader.read_event().map_err(|error| error.to_string())?;
        if whole.is_some() && matches!(event, Event::Start(_) | Event::Empty(_)) {
            return Err("a second root".to_owned());
        }
        match event {
            Event::Start(start) => open.push(element(&reader, &start)?),
            Event::Empty(start) => {
                let done = element(&reader, &start)?;
                close(&mut open, &mut whole, done);
            }
            Event::End(_) => {
                let done = open.pop().ok_or("an end without a start")?;
                close(&mut open, &mut whole, done);
            }
            Event::Text(piece) => {
                let piece = piece.xml10_content();
                match open.last_mut() {
                    Some(parent) => parent.text.push_str(&piece),
                    None if piece.trim().is_empty() => {}
                    None => return Err("text outside of the root".to_owned()),
                }
            }
            Event::GeneralRef(reference) => {
                let letter = match reference.resolve_char_ref().map_err(|error| error.to_string())? {
                    Some(letter) => letter.to_string(),
                    None => quick_xml::escape::resolve_predefined_entity(&reference.xml10_content())
                        .ok_or("an entity that nobody declares")?
                        .to_owned(),
                };
                open.last_mut().ok_or("a reference outside of the root")?.text.push_str(&letter);
            }
            Event::DocType(_) => return Err("a document type".to_owned()),
            Event::CData(_) | Event::Comment(_) | Event::PI(_) => {
                return Err("more than elements and text".to_owned());
            }
            Event::Decl(_) => {}
            Event::Eof if open.is_empty() => return whole.ok_or_else(|| "no root".to_owned()),
            Event::Eof => return Err("the end came too early".to_owned()),
        }
    }
}

#[test]
fn what_is_not_well_formed_is_refused() {
    for broken in [
        "",
        "<a>",
        "<a></b>",
        "<a/><b/>",
        "<a x='1' x='2'/>",
        "x",
        "<a>&who;</a>",
        "<a>\u{1}</a>",
        "<x:a/>",
        "<a>&</a>",
    ] {
        assert!(parse(broken.as_bytes()).is_err(), "{broken}");
    }
    let read = parse(b"<?xml version=\"1.0\"?>\n<a b=\"&lt;&#65;\"><c>x &amp; y</c></a>").unwrap();
    assert_eq!((read.get("b"), read.children[0].text.as_str()), (Some("<A"), "x & y"));
}
