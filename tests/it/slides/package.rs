//! A presentation as a package of parts (ECMA-376, part 2), and what its parts say.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read};

use super::schema;
use super::xml::{Element, parse};

const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
const TYPES: &str = "[Content_Types].xml";

/// A relation of a part.
#[derive(Debug, Clone)]
struct Relation {
    kind: String,
    target: String,
    outside: bool,
}

/// A package, taken apart.
pub struct Package {
    parts: BTreeMap<String, Vec<u8>>,
    trees: BTreeMap<String, Element>,
    faults: Vec<String>,
}

/// What a slide says.
#[derive(Debug, PartialEq, Eq)]
pub struct SlideFacts {
    pub title: Option<String>,
    pub notes: String,
    pub hidden: bool,
}

impl Package {
    /// Reads a package; everything that is wrong in it is a failure that names all of it.
    pub fn valid(name: &str, bytes: &[u8]) -> Self {
        let mut package = Self { parts: BTreeMap::new(), trees: BTreeMap::new(), faults: Vec::new() };
        package.read(bytes);
        package.check();
        package.faults.sort();
        package.faults.dedup();
        assert!(package.faults.is_empty(), "{name} is not valid:\n{}", package.faults.join("\n"));
        package
    }

    fn read(&mut self, bytes: &[u8]) {
        let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        for index in 0..zip.len() {
            let mut entry = zip.by_index(index).unwrap();
            let name = entry.name().unwrap().into_owned();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            if [".xml", ".rels"].iter().any(|ending| name.ends_with(ending)) {
                match parse(&content) {
                    Ok(tree) => {
                        self.trees.insert(name.clone(), tree);
                    }
                    Err(error) => self.faults.push(format!("{name} is not well formed: {error}")),
                }
            }
            let before = self.parts.keys().find(|known| known.eq_ignore_ascii_case(&name));
            if let Some(before) = before {
                self.faults.push(format!("{before} is there twice"));
            }
            self.parts.insert(name, content);
        }
    }

    fn fault(&mut self, text: String) {
        self.faults.push(text);
    }

    /// Relations of a part by their ids; `""` are those of the package.
    fn relations(&self, part: &str) -> BTreeMap<String, Relation> {
        let (folder, name) = part.rsplit_once('/').unwrap_or(("", part));
        let list = if folder.is_empty() {
            format!("_rels/{name}.rels")
        } else {
            format!("{folder}/_rels/{name}.rels")
        };
        let Some(tree) = self.trees.get(&list) else { return BTreeMap::new() };
        let text = |element: &Element, name: &str| element.get(name).unwrap_or_default().to_owned();
        tree.children
            .iter()
            .map(|relation| {
                let outside = relation.get("TargetMode") == Some("External");
                let target = text(relation, "Target");
                let target = if outside { target } else { joined(folder, &target) };
                (text(relation, "Id"), Relation { kind: text(relation, "Type"), target, outside })
            })
            .collect()
    }

    fn check(&mut self) {
        self.check_types();
        let mut reached: BTreeSet<String> = [TYPES.to_owned()].into();
        let owners: Vec<String> = [String::new()]
            .into_iter()
            .chain(self.parts.keys().filter(|name| ending(name) != "rels").cloned())
            .collect();
        for owner in &owners {
            for (id, relation) in self.relations(owner) {
                if relation.outside {
                    continue;
                }
                if self.parts.contains_key(&relation.target) {
                    reached.insert(relation.target);
                } else {
                    self.fault(format!("{owner}: {id} leads to {}, which is not there", relation.target));
                }
            }
        }
        let names: Vec<String> = self.parts.keys().cloned().collect();
        for name in &names {
            if ending(name) == "rels" {
                self.check_relations(name);
            } else if !reached.contains(name) {
                self.fault(format!("{name} belongs to nothing"));
            }
            if name.starts_with("ppt/media/") {
                self.check_picture(name);
            } else if name.starts_with("ppt/") && ending(name) == "xml" {
                self.check_part(name);
            }
        }
    }

    fn check_types(&mut self) {
        let Some(types) = self.trees.get(TYPES).cloned() else {
            return self.fault(format!("{TYPES} is missing"));
        };
        let mut endings = BTreeMap::new();
        let mut own = BTreeMap::new();
        for each in &types.children {
            let kind = each.get("ContentType").unwrap_or_default().to_owned();
            let twice = match each.name.as_str() {
                "ct:Default" => endings.insert(each.get("Extension").unwrap_or_default().to_owned(), kind),
                "ct:Override" => {
                    let name = each.get("PartName").unwrap_or_default().trim_start_matches('/').to_owned();
                    if !self.parts.contains_key(&name) {
                        self.fault(format!("{name} has a type and is not there"));
                    }
                    own.insert(name, kind)
                }
                other => {
                    self.fault(format!("{TYPES} has {other}"));
                    None
                }
            };
            if let Some(twice) = twice {
                self.fault(format!("{twice} is given twice"));
            }
        }
        let names: Vec<String> = self.parts.keys().filter(|name| *name != TYPES).cloned().collect();
        for name in names {
            let kind = own.get(&name).or_else(|| endings.get(ending(&name)));
            match kind {
                None => self.fault(format!("{name} has no type")),
                // Every part of ours that is XML is of a kind of its own.
                Some(kind) if kind == "application/xml" => {
                    self.fault(format!("{name} has no type of its own"));
                }
                Some(kind) => {
                    let wanted = wanted_type(&name);
                    if !wanted.is_empty() && !kind.ends_with(wanted) {
                        let text = format!("{name} has the type {kind}");
                        self.fault(text);
                    }
                }
            }
        }
    }

    fn check_relations(&mut self, name: &str) {
        let Some(tree) = self.trees.get(name).cloned() else { return };
        let mut ids = BTreeSet::new();
        for relation in &tree.children {
            for wanted in ["Id", "Type", "Target"] {
                if relation.get(wanted).is_none_or(str::is_empty) {
                    self.fault(format!("{name}: a relation without {wanted}"));
                }
            }
            if !ids.insert(relation.get("Id")) {
                self.fault(format!("{name}: {:?} is there twice", relation.get("Id")));
            }
        }
        let owner = name.replacen("_rels/", "", 1);
        let owner = owner.trim_end_matches(".rels");
        if !owner.is_empty() && !self.parts.contains_key(owner) {
            self.fault(format!("{name} belongs to {owner}, which is not there"));
        }
    }

    fn check_picture(&mut self, name: &str) {
        let bytes = &self.parts[name];
        let starts: &[u8] = match name.rsplit_once('.').map(|(_, ending)| ending) {
            Some("png") => b"\x89PNG\r\n\x1a\n",
            Some("jpeg") => b"\xff\xd8\xff",
            Some("gif") => b"GIF8",
            Some("svg") => {
                match parse_foreign(bytes) {
                    Ok(()) => {}
                    Err(error) => self.fault(format!("{name}: {error}")),
                }
                return;
            }
            _ => return self.fault(format!("{name} is of an unknown kind")),
        };
        if !bytes.starts_with(starts) {
            self.fault(format!("{name} is not what its name says"));
        }
    }

    fn check_part(&mut self, name: &str) {
        let Some(tree) = self.trees.get(name).cloned() else { return };
        for fault in schema::faults(&tree) {
            self.fault(format!("{name}: {fault}"));
        }
        let mut ids = BTreeSet::new();
        for shape in tree.all("p:cNvPr") {
            if !ids.insert(shape.get("id")) {
                self.fault(format!("{name}: the id {:?} is there twice", shape.get("id")));
            }
        }
        let relations = self.relations(name);
        let mut uses = Vec::new();
        tree.walk(&mut |element| {
            for (attribute, value) in &element.attributes {
                if attribute.starts_with("r:") {
                    let action = element.get("action").unwrap_or_default().to_owned();
                    uses.push((element.name.clone(), value.clone(), action));
                }
            }
        });
        for (element, id, action) in uses {
            let Some(relation) = relations.get(&id) else {
                self.fault(format!("{name}: {element} names {id}, which is no relation"));
                continue;
            };
            let kind = relation.kind.trim_start_matches(OFFICE).trim_start_matches('/').to_owned();
            let fits = match element.as_str() {
                "a:blip" | "asvg:svgBlip" => kind == "image",
                "a:hlinkClick" => kind == "hyperlink" && relation.outside || kind == "slide",
                "p:sldId" => kind == "slide",
                "p:sldMasterId" => kind == "slideMaster",
                "p:sldLayoutId" => kind == "slideLayout",
                "p:notesMasterId" => kind == "notesMaster",
                _ => false,
            };
            if !fits {
                self.fault(format!("{name}: {element} leads by {id} to {kind} {}", relation.target));
            }
            // 21.1.2.3.5: without its action a program would look for a file of that name.
            if element == "a:hlinkClick" && (kind == "slide") != (action == "ppaction://hlinksldjump") {
                self.fault(format!("{name}: a link to {kind} has the action {action:?}"));
            }
        }
        self.check_tables(name, &tree);
    }

    /// Rows as wide as the grid; what a cell spans is there and says so.
    fn check_tables(&mut self, name: &str, tree: &Element) {
        for table in tree.all("a:tbl") {
            let columns = table.all("a:gridCol").len();
            let rows = table.all("a:tr");
            for (at, row) in rows.iter().enumerate() {
                let cells = row.all("a:tc");
                if cells.len() != columns {
                    self.fault(format!(
                        "{name}: a row of {} cells in a table of {columns} columns",
                        cells.len()
                    ));
                }
                for (column, cell) in cells.iter().enumerate() {
                    let span =
                        |name: &str| cell.get(name).map_or(1, |text| text.parse::<usize>().unwrap_or(0));
                    let (wide, high) = (span("gridSpan"), span("rowSpan"));
                    if cell.get("hMerge").is_some() || cell.get("vMerge").is_some() {
                        continue;
                    }
                    for down in 0..high {
                        for right in 0..wide {
                            let other = rows
                                .get(at + down)
                                .and_then(|row| row.all("a:tc").get(column + right).copied());
                            let merged = |mark: &str| other.and_then(|cell| cell.get(mark)).is_some();
                            if merged("hMerge") != (right > 0) || merged("vMerge") != (down > 0) {
                                self.fault(format!(
                                    "{name}: what the cell {at}, {column} spans does not say so"
                                ));
                            }
                        }
                    }
                }
            }
        }
    }

    /// A part as a tree.
    pub fn tree(&self, name: &str) -> &Element {
        self.trees.get(name).unwrap_or_else(|| panic!("{name} is not there"))
    }

    pub fn slide(&self, number: usize) -> &Element {
        self.tree(&format!("ppt/slides/slide{number}.xml"))
    }

    pub fn slides(&self) -> usize {
        self.tree("ppt/presentation.xml").all("p:sldId").len()
    }

    /// The text of all slides.
    pub fn words(&self) -> String {
        (1..=self.slides()).map(|number| self.slide(number).words()).collect::<Vec<_>>().join("\n")
    }

    pub fn facts(&self, number: usize) -> SlideFacts {
        let slide = self.slide(number);
        let title = slide
            .all("p:sp")
            .into_iter()
            .find(|shape| shape.all("p:ph").iter().any(|place| place.get("type") == Some("title")));
        let notes = self.relations(&format!("ppt/slides/slide{number}.xml"));
        let notes = notes.values().find(|relation| relation.kind.ends_with("/notesSlide"));
        SlideFacts {
            title: title.map(Element::words),
            notes: notes.map(|relation| self.tree(&relation.target).words()).unwrap_or_default(),
            hidden: slide.get("show") == Some("0"),
        }
    }

    /// Texts that are links, and where they lead.
    pub fn links(&self, number: usize) -> Vec<(String, String)> {
        let relations = self.relations(&format!("ppt/slides/slide{number}.xml"));
        let mut found = Vec::new();
        for run in self.slide(number).all("a:r") {
            if let Some(link) = run.all("a:hlinkClick").first() {
                let text = run.all("a:t").iter().map(|text| text.text.as_str()).collect();
                found.push((text, relations[link.get("r:id").unwrap()].target.clone()));
            }
        }
        found
    }

    /// How many pictures the package holds.
    pub fn pictures(&self) -> usize {
        self.parts.keys().filter(|name| name.starts_with("ppt/media/")).count()
    }

    /// The pictures that the package holds.
    pub fn media(&self) -> Vec<&[u8]> {
        let media = self.parts.iter().filter(|(name, _)| name.starts_with("ppt/media/"));
        media.map(|(_, bytes)| bytes.as_slice()).collect()
    }

    pub fn holds(&self, bytes: &[u8]) -> bool {
        self.parts.values().any(|part| part.windows(bytes.len()).any(|window| window == bytes))
    }
}

/// What stands behind the last dot of a name.
fn ending(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, ending)| ending)
}

fn wanted_type(name: &str) -> &'static str {
    const KINDS: &[(&str, &str)] = &[
        ("ppt/presentation.xml", "presentationml.presentation.main+xml"),
        ("ppt/slides/", "presentationml.slide+xml"),
        ("ppt/slideLayouts/", "presentationml.slideLayout+xml"),
        ("ppt/slideMasters/", "presentationml.slideMaster+xml"),
        ("ppt/notesSlides/", "presentationml.notesSlide+xml"),
        ("ppt/notesMasters/", "presentationml.notesMaster+xml"),
        ("ppt/theme/", "officedocument.theme+xml"),
        ("docProps/core.xml", "core-properties+xml"),
        ("docProps/app.xml", "extended-properties+xml"),
    ];
    if ending(name) == "rels" {
        return "relationships+xml";
    }
    KINDS.iter().find(|(start, _)| name.starts_with(start)).map_or("", |(_, kind)| kind)
}

/// A target as the name of a part.
fn joined(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = if target.starts_with('/') {
        Vec::new()
    } else {
        folder.split('/').filter(|part| !part.is_empty()).collect()
    };
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Whether a document of another vocabulary is well formed.
fn parse_foreign(bytes: &[u8]) -> Result<(), String> {
    let mut reader = quick_xml::Reader::from_reader(bytes);
    reader.config_mut().check_end_names = true;
    let mut buffer = Vec::new();
    loop {
        match reader.read_event_into(&mut buffer) {
            Ok(quick_xml::events::Event::Eof) => return Ok(()),
            Ok(_) => buffer.clear(),
            Err(error) => return Err(format!("it is not well formed: {error}")),
        }
    }
}
