//! What a file or folder is: its type, its size, its content in short.

mod copies;
mod drawings;
mod kinds;
mod media;
mod pictures;

use std::time::Duration;

use okcvm_documents::{DocumentKind, Limits, Reading};
use okcvm_protocol::{ArtifactKind, ArtifactMeta, EntryKind, FileFacts, SlideOutline};

pub(crate) use self::drawings::{is_bomb, is_light, is_multiplied};
pub(crate) use self::kinds::{Form, form};
pub(crate) use self::media::sound;
pub(crate) use self::pictures::{MOST_PIXELS, damaged, megapixels, orient, reader, svg_size};
use crate::content::content_type;
use crate::refused::Refused;
use crate::shelf::{Made, Shelf};
use crate::source::Material;
use crate::{PreviewError, Source, Wanted, archive, table};

/// Files with more bytes are not hashed, nor read whole.
pub(crate) const MOST_WHOLE: u64 = 64 * 1024 * 1024;
/// A table of so many bytes is counted to its end.
const COUNTED: u64 = 8 * 1024 * 1024;
/// Cells of the first row that are named.
const MOST_NAMES: usize = 64;
/// Bytes of a drawing that are looked through; larger ones are drawn by a person's hand alone.
const MOST_MEASURED: u64 = 1024 * 1024;
/// What is said of a drawing that nobody draws unasked.
pub(crate) const BOMB: &str = "The drawing repeats itself so often that drawing it could take all memory.";
/// First bytes that are shown as they are.
const HEAD: usize = 512;
/// Bytes by which a file is told.
pub(crate) const START: u64 = 64 * 1024;

/// How long reading a document may take for a few words about it.
fn briefly(wanted: &Wanted) -> Reading {
    let wanted = wanted.clone();
    Reading::new(Limits { time: Duration::from_secs(10), ..Limits::default() }, move || wanted.is_over())
}

/// What is known of a content, kept by its hash.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Described {
    pub(crate) meta: Option<ArtifactMeta>,
    pub(crate) problem: Option<String>,
}

/// Says what a file or folder is. What it is beyond its bytes is found once per content and kept on the shelf. Blocks.
pub fn describe(source: &Source, shelf: &Shelf) -> Result<FileFacts, PreviewError> {
    describe_wanted(source, shelf, &Wanted::default())
}

/// As [`describe`], as long as the answer is wanted. Of several that wait the latest goes first.
pub fn describe_wanted(source: &Source, shelf: &Shelf, wanted: &Wanted) -> Result<FileFacts, PreviewError> {
    let entry = source.entry()?;
    if entry.kind == EntryKind::Folder {
        return Ok(folder(source, entry.modified_at, wanted));
    }
    let material = source.open()?;
    let start = material.range(0, START)?;
    let form = form(material.name(), &start);
    let hash = if material.size <= MOST_WHOLE { Some(material.hash()?) } else { None };
    let described = match &hash {
        Some(hash) => shelf.described(hash, form, wanted, || {
            let (described, is_lasting) = beyond(&material, form, &start, wanted);
            // What was written meanwhile is not what was hashed.
            if is_lasting && material.is_unchanged() {
                Made::Lasting(described)
            } else {
                Made::ForNow(described)
            }
        })?,
        None => beyond(&material, form, &start, wanted).0,
    };
    if wanted.is_over() {
        return Err(PreviewError::Cancelled);
    }
    let text = is_text(&start);
    Ok(FileFacts {
        path: material.path.clone(),
        mime: mime(&material, form, &start),
        size: material.size,
        modified_at: Some(material.modified_at),
        hash,
        kind: kind(form, described.meta.as_ref()),
        meta: described.meta,
        head: hexadecimal(start.get(..HEAD).unwrap_or(&start)),
        text,
        problem: described.problem,
    })
}

fn folder(source: &Source, modified_at: i64, wanted: &Wanted) -> FileFacts {
    let path = source.path();
    // A folder with a first page is a site.
    let site = path.join("index.html").ok().and_then(|index| site(&source.at(index), wanted));
    FileFacts {
        path: path.as_str().to_owned(),
        mime: "inode/directory".to_owned(),
        size: 0,
        modified_at: Some(modified_at),
        hash: None,
        kind: if site.is_some() { ArtifactKind::Site } else { ArtifactKind::File },
        meta: site,
        head: String::new(),
        text: false,
        problem: None,
    }
}

/// What a site is by its first page; `None` if there is no such page.
fn site(page: &Source, wanted: &Wanted) -> Option<ArtifactMeta> {
    let bytes = page.open().ok()?.range(0, 1024 * 1024).ok()?;
    let facts = okcvm_documents::facts(bytes, DocumentKind::Html, &briefly(wanted));
    Some(ArtifactMeta::Site { title: facts.ok().and_then(|facts| facts.title) })
}

/// Bytes in hexadecimal.
fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        for digit in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(u32::from(digit), 16));
        }
        text
    })
}

/// The media type: what the bytes say, otherwise what the name says.
fn mime(material: &Material, form: Form, start: &[u8]) -> String {
    match form.mime(start) {
        Some(mime) => mime.to_owned(),
        None => content_type(material.name(), start),
    }
}

fn kind(form: Form, meta: Option<&ArtifactMeta>) -> ArtifactKind {
    match (form, meta) {
        (_, Some(ArtifactMeta::Deck { .. }))
        | (Form::Document(DocumentKind::Pptx | DocumentKind::Odp), _) => ArtifactKind::Deck,
        (Form::Picture | Form::Drawing, _) => ArtifactKind::Image,
        (Form::Sound, _) | (Form::Video, Some(ArtifactMeta::Audio { .. })) => ArtifactKind::Audio,
        (Form::Table | Form::Document(DocumentKind::Xlsx | DocumentKind::Ods), _) => ArtifactKind::Table,
        (Form::Page, _) => ArtifactKind::Site,
        (Form::Document(_) | Form::Prose, _) => ArtifactKind::Document,
        (Form::Video | Form::Archive | Form::Other, _) => ArtifactKind::File,
    }
}

fn is_text(start: &[u8]) -> bool {
    if start.is_empty() {
        return true;
    }
    if start.contains(&0) {
        return table::Layout::of("", start).is_some_and(|layout| layout.is_wide());
    }
    // Control characters that no text has; escapes and form feeds occur in logs.
    let controls = start.iter().filter(|byte| matches!(byte, 1..=6 | 14..=26 | 28..=31)).count();
    controls * 100 <= start.len()
}

/// What a file is beyond its bytes, and what kept it from being found; with whether that is for good.
fn beyond(material: &Material, form: Form, start: &[u8], wanted: &Wanted) -> (Described, bool) {
    let found = if material.size == 0 {
        Err(Refused::Lasting("The file is empty.".to_owned()))
    } else {
        found(material, form, start, wanted)
    };
    match found {
        Ok(meta) => (Described { meta, problem: None }, true),
        Err(refused) => {
            let is_lasting = matches!(refused, Refused::Lasting(_));
            (Described { meta: None, problem: Some(refused.reason()) }, is_lasting)
        }
    }
}

fn found(
    material: &Material,
    form: Form,
    start: &[u8],
    wanted: &Wanted,
) -> Result<Option<ArtifactMeta>, Refused> {
    match form {
        Form::Picture => pictures::picture(material).map(Some),
        Form::Drawing => {
            let bytes = material.range(0, MOST_MEASURED)?;
            if is_bomb(&bytes) || is_multiplied(&bytes) {
                return Err(Refused::Lasting(BOMB.to_owned()));
            }
            let (width, height) = svg_size(start).unwrap_or((300, 150));
            let animated = start.windows(8).any(|window| window == b"<animate");
            Ok(Some(ArtifactMeta::Image { width, height, animated }))
        }
        Form::Table => {
            let bytes = material.range(0, COUNTED + 1)?;
            let is_all = bytes.len() as u64 <= COUNTED;
            let Some((names, columns, rows)) = table::outline(material.name(), &bytes, is_all) else {
                return Err(Refused::Lasting("This is not a table of text.".to_owned()));
            };
            let names = names.into_iter().take(MOST_NAMES).collect();
            Ok(Some(ArtifactMeta::Table { rows, columns, names, sheets: Vec::new() }))
        }
        Form::Sound | Form::Video => media::media(material).map(Some),
        Form::Archive => {
            let listing = archive::list_archive(material, wanted)?;
            Ok(Some(ArtifactMeta::Archive { entries: listing.total, unpacked: listing.unpacked }))
        }
        Form::Document(kind) => document(material, kind, wanted),
        Form::Page => page(material, wanted),
        Form::Prose => Ok(Some(ArtifactMeta::Document { pages: None, title: first_heading(start) })),
        Form::Other => Ok(None),
    }
}

fn document(
    material: &Material,
    named: DocumentKind,
    wanted: &Wanted,
) -> Result<Option<ArtifactMeta>, Refused> {
    let bytes = material.whole(MOST_WHOLE)?;
    // By its content: a name may say anything.
    let kind = okcvm_documents::detect(&bytes).map_err(failed)?.unwrap_or(named);
    match kind {
        DocumentKind::Pptx | DocumentKind::Odp => {
            let slides = okcvm_documents::slides(bytes, kind, &briefly(wanted)).map_err(failed)?;
            Ok(Some(deck(slides)))
        }
        DocumentKind::Xlsx | DocumentKind::Ods => {
            let limits = okcvm_documents::GridLimits { rows: 1, ..okcvm_documents::GridLimits::default() };
            let grid = okcvm_documents::grid(bytes, kind, None, limits, &briefly(wanted)).map_err(failed)?;
            let first: Vec<String> = grid.rows.into_iter().next().unwrap_or_default();
            Ok(Some(ArtifactMeta::Table {
                rows: None,
                columns: first.len() as u32,
                names: first.into_iter().take(MOST_NAMES).collect(),
                sheets: grid.sheets,
            }))
        }
        kind => {
            let facts = okcvm_documents::facts(bytes, kind, &briefly(wanted)).map_err(failed)?;
            Ok(Some(ArtifactMeta::Document { pages: facts.pages, title: facts.title }))
        }
    }
}

fn page(material: &Material, wanted: &Wanted) -> Result<Option<ArtifactMeta>, Refused> {
    let bytes = material.range(0, MOST_WHOLE)?;
    if bytes.windows(9).any(|window| window == b"ppt-slide") {
        let slides =
            okcvm_documents::slides(bytes.clone(), DocumentKind::Html, &briefly(wanted)).map_err(failed)?;
        if !slides.is_empty() {
            return Ok(Some(deck(slides)));
        }
    }
    let facts = okcvm_documents::facts(bytes, DocumentKind::Html, &briefly(wanted)).map_err(failed)?;
    Ok(Some(ArtifactMeta::Site { title: facts.title }))
}

#[allow(clippy::needless_pass_by_value, reason = "it is handed to `map_err`")]
fn failed(error: okcvm_documents::DocumentError) -> Refused {
    Refused::document(format!("The file {error}."), &error)
}

fn deck(slides: Vec<okcvm_documents::Slide>) -> ArtifactMeta {
    let outline = |slide: okcvm_documents::Slide| SlideOutline {
        title: slide.title,
        notes: slide.notes,
        hidden: slide.is_hidden,
    };
    ArtifactMeta::Deck { slides: slides.into_iter().map(outline).collect() }
}

/// The first heading of a text in Markdown.
fn first_heading(start: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(start);
    let line = text.lines().take(200).find_map(|line| line.strip_prefix("# "))?;
    let title: String = line.trim().trim_end_matches('#').trim_end().chars().take(300).collect();
    (!title.is_empty()).then_some(title)
}

#[cfg(test)]
#[path = "facts_tests.rs"]
pub(crate) mod tests;
