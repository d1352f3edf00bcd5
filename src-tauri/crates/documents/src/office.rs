//! What the three formats of Office Open XML have in common.

pub(crate) mod docx;
pub(crate) mod pptx;
pub(crate) mod xlsx;

use std::collections::HashMap;

use crate::archive::{Archive, folder, resolved};
use crate::limits::Budget;
use crate::xml::{self, Element};
use crate::{DocumentError, DocumentKind};

/// Where a part points to.
#[derive(Debug, Clone)]
pub(crate) struct Relation {
    /// The last word of the type, such as `hyperlink`.
    pub(crate) what: String,
    /// The name of a part, or an address outside of the document, which is never opened.
    pub(crate) target: String,
    pub(crate) is_outside: bool,
}

pub(crate) type Relations = HashMap<String, Relation>;

/// The relations of a part.
pub(crate) fn relations(
    archive: &mut Archive<'_>,
    part: &str,
    kind: DocumentKind,
    budget: &Budget,
) -> Result<Relations, DocumentError> {
    let place = folder(part);
    let file = part.rsplit('/').next().unwrap_or(part);
    let name =
        if place.is_empty() { format!("_rels/{file}.rels") } else { format!("{place}/_rels/{file}.rels") };
    let Some(text) = archive.text(&name)? else { return Ok(HashMap::new()) };
    let tree = xml::tree(&text, &name, kind, budget)?;
    Ok(tree
        .elements()
        .filter_map(|row| {
            let target = row.attribute("Target")?;
            let is_outside =
                row.attribute("TargetMode").is_some_and(|mode| mode.eq_ignore_ascii_case("external"));
            let what = row.attribute("Type")?.rsplit('/').next()?.to_owned();
            let target = if is_outside { target.to_owned() } else { resolved(place, target) };
            Some((row.attribute("Id")?.to_owned(), Relation { what, target, is_outside }))
        })
        .collect())
}

/// The first part with a relation of that type.
pub(crate) fn related<'a>(relations: &'a Relations, what: &str) -> Option<&'a str> {
    relations
        .values()
        .filter(|relation| relation.what == what && !relation.is_outside)
        .map(|relation| relation.target.as_str())
        .min()
}

/// The main part, which the relations of the archive name.
pub(crate) fn main_part(
    archive: &mut Archive<'_>,
    usual: &str,
    kind: DocumentKind,
    budget: &Budget,
) -> Result<String, DocumentError> {
    let relations = relations(archive, "", kind, budget)?;
    Ok(related(&relations, "officeDocument").filter(|part| archive.has(part)).unwrap_or(usual).to_owned())
}

/// The title among the properties of the document.
pub(crate) fn title(
    bytes: &[u8],
    kind: DocumentKind,
    budget: &Budget,
) -> Result<Option<String>, DocumentError> {
    let mut archive = Archive::open(bytes, kind, budget)?;
    let relations = relations(&mut archive, "", kind, budget)?;
    let part = related(&relations, "core-properties").unwrap_or("docProps/core.xml").to_owned();
    let Some(text) = archive.text(&part)? else { return Ok(None) };
    Ok(xml::tree(&text, &part, kind, budget)?.child("dc:title").map(Element::text))
}

/// A switch of Office Open XML: it is on if it is there, unless its value says otherwise.
pub(crate) fn is_on(element: Option<&Element>, value: &str) -> Option<bool> {
    element.map(|element| !matches!(element.attribute(value), Some("0" | "false" | "off" | "none")))
}
