//! EPUB books (EPUB 3.3): their chapters in reading order.

use std::collections::HashMap;

use crate::archive::{Archive, folder, resolved};
use crate::document::Parts;
use crate::limits::Budget;
use crate::markdown::{Writer, escaped};
use crate::notes::Note;
use crate::xml::{self, Element};
use crate::{DocumentError, DocumentKind, html};

const KIND: DocumentKind = DocumentKind::Epub;

pub(crate) fn read(bytes: &[u8], budget: &Budget, out: &mut Writer) -> Result<Parts, DocumentError> {
    let mut archive = Archive::open(bytes, KIND, budget)?;
    let text = archive.needed_text("META-INF/container.xml")?;
    let container = xml::tree(&text, "META-INF/container.xml", KIND, budget)?;
    let mut roots = Vec::new();
    container.all("rootfile", &mut roots);
    let Some(package) = roots.iter().find_map(|root| root.attribute("full-path")) else {
        return Err(DocumentError::Broken { kind: KIND, what: "names no package".to_owned() });
    };
    let text = archive.needed_text(package)?;
    let root = xml::tree(&text, package, KIND, budget)?;
    let place = folder(package);
    let items: HashMap<&str, (String, &str)> = root
        .child("manifest")
        .iter()
        .flat_map(|manifest| manifest.named("item"))
        .filter_map(|item| {
            let name = resolved(place, &percent_decoded(item.attribute("href")?));
            Some((item.attribute("id")?, (name, item.attribute("media-type").unwrap_or_default())))
        })
        .collect();
    let encrypted = encrypted_parts(&mut archive, budget)?;
    let metadata = |name: &str| -> Vec<String> {
        root.child("metadata")
            .iter()
            .flat_map(|metadata| metadata.named(name))
            .map(|element| element.text().trim().to_owned())
            .filter(|text| !text.is_empty())
            .collect()
    };
    let chapters: Vec<&(String, &str)> = root
        .child("spine")
        .iter()
        .flat_map(|spine| spine.named("itemref"))
        .filter_map(|entry| items.get(entry.attribute("idref")?))
        .filter(|(_, kind)| kind.contains("html") || kind.is_empty())
        .collect();
    if chapters.iter().any(|(name, _)| encrypted.contains(name)) {
        return Err(DocumentError::Encrypted(KIND));
    }
    if let Some(title) = metadata("dc:title").first() {
        out.heading(1, &escaped(title));
    }
    let authors = metadata("dc:creator");
    if !authors.is_empty() {
        out.paragraph(&escaped(&authors.join(", ")));
    }
    for (index, (name, _)) in chapters.iter().enumerate() {
        if out.is_full() {
            break;
        }
        let Some(bytes) = archive.bytes(name)? else {
            out.notes.add(Note::Unreadable);
            continue;
        };
        out.mark(&format!("[Chapter {} of {}]", index + 1, chapters.len()));
        html::write(&html::decode(&bytes), html::Titles::LeftOut, budget, out)?;
    }
    Ok(Parts::Chapters(chapters.len()))
}

/// Parts that cannot be read without a key. Fonts are often disguised, which does not matter here.
fn encrypted_parts(archive: &mut Archive<'_>, budget: &Budget) -> Result<Vec<String>, DocumentError> {
    let name = "META-INF/encryption.xml";
    let Some(text) = archive.text(name)? else { return Ok(Vec::new()) };
    let tree = xml::tree(&text, name, KIND, budget)?;
    let mut references: Vec<&Element> = Vec::new();
    tree.all("CipherReference", &mut references);
    Ok(references
        .iter()
        .filter_map(|reference| reference.attribute("URI"))
        .map(|name| resolved("", &percent_decoded(name)))
        .collect())
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let mut ahead = rest.clone();
        let digits = (byte == b'%').then(|| Some([ahead.next()?, ahead.next()?])).flatten();
        let number = digits.and_then(|digits| {
            std::str::from_utf8(&digits).ok().and_then(|text| u8::from_str_radix(text, 16).ok())
        });
        match number {
            Some(number) => {
                bytes.push(number);
                rest = ahead;
            }
            None => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
