//! What a document says about itself, and its slides in words, without the rest of its text.

use crate::elsewhere::{self, Said, Task};
use crate::limits::Budget;
use crate::read::{apart, look_at, program_for};
use crate::{DocumentError, DocumentKind, Reading, html, odf, office, pdf};

/// Slides that are described.
pub(crate) const MAX_SLIDES: usize = 500;
/// Characters of a title.
const MAX_TITLE: usize = 300;
/// Characters of speaker notes of one slide.
const MAX_NOTES: usize = 10_000;

/// What a document says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Facts {
    /// Its pages, where these are fixed.
    pub pages: Option<u32>,
    /// Its title, if it names one.
    pub title: Option<String>,
}

/// A slide in words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Slide {
    /// Its title; empty if it has none.
    pub title: String,
    /// What the speaker sees.
    pub notes: String,
    /// It is left out when the deck is shown.
    pub is_hidden: bool,
}

impl Slide {
    pub(crate) fn new(title: &str, notes: &str, is_hidden: bool) -> Self {
        Self {
            title: crate::text::shortened(&line(title), MAX_TITLE),
            notes: crate::text::shortened(notes.trim(), MAX_NOTES),
            is_hidden,
        }
    }
}

/// What a document says about itself. Nothing of its pages is read. Blocks.
pub fn facts(bytes: Vec<u8>, kind: DocumentKind, reading: &Reading) -> Result<Facts, DocumentError> {
    if let Some(program) = program_for(kind) {
        look_at(&bytes, reading)?;
        let mut found = None;
        elsewhere::ask(program, (kind, Task::Facts), bytes, reading, &mut |said, _| {
            if let Said::Facts(facts) = said {
                found = Some(facts);
            }
            false
        })?;
        return found.ok_or(DocumentError::Fault(kind));
    }
    apart(bytes, kind, reading, move |bytes, reading| facts_of(bytes, kind, reading))
}

pub(crate) fn facts_of(bytes: Vec<u8>, kind: DocumentKind, reading: Reading) -> Result<Facts, DocumentError> {
    let budget = Budget::new(reading);
    let mut facts = match kind {
        DocumentKind::Pdf => pdf::facts(bytes, &budget)?,
        DocumentKind::Docx | DocumentKind::Xlsx | DocumentKind::Pptx => {
            Facts { pages: None, title: office::title(&bytes, kind, &budget)? }
        }
        DocumentKind::Odt | DocumentKind::Ods | DocumentKind::Odp => {
            Facts { pages: None, title: odf::title(&bytes, kind, &budget)? }
        }
        DocumentKind::Html => Facts { pages: None, title: html::title(&bytes, &budget)? },
        DocumentKind::Rtf
        | DocumentKind::Epub
        | DocumentKind::Csv
        | DocumentKind::Tsv
        | DocumentKind::Notebook => Facts::default(),
    };
    facts.title = facts.title.map(|title| crate::text::shortened(&line(&title), MAX_TITLE));
    facts.title = facts.title.filter(|title| !title.is_empty());
    Ok(facts)
}

/// A page as a picture: three bytes of colour and one of opacity a pixel, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// The pixels.
    pub rgba: Vec<u8>,
}

impl Picture {
    /// Bytes of one of that size; `None` for one that no page is drawn in.
    pub(crate) fn bytes(width: u32, height: u32) -> Option<usize> {
        let most = u32::from(u16::MAX);
        if width > most || height > most {
            return None;
        }
        usize::try_from(u64::from(width) * u64::from(height) * 4).ok()
    }
}

/// Draws the pages of a PDF document, each no larger than `fit`, until there are no more, `most` are drawn, or `each`
/// answers that it is enough. Each page may take the time of the limits. Blocks.
pub fn pages(
    bytes: Vec<u8>,
    fit: (u32, u32),
    most: usize,
    reading: &Reading,
    each: &mut dyn FnMut(Picture) -> bool,
) -> Result<(), DocumentError> {
    let kind = DocumentKind::Pdf;
    let Some(program) = program_for(kind) else {
        let drawn = apart(bytes, kind, reading, move |bytes, reading| {
            let mut drawn = Vec::new();
            pdf::pictures::draw(bytes, most, fit, &reading, &mut |picture| {
                drawn.push(picture);
                !reading.is_cancelled()
            })?;
            Ok(drawn)
        })?;
        for picture in drawn {
            if !each(picture) {
                break;
            }
        }
        return Ok(());
    };
    look_at(&bytes, reading)?;
    elsewhere::ask(program, (kind, Task::Pictures { most, fit }), bytes, reading, &mut |said, rgba| {
        let Said::Picture { width, height } = said else { return false };
        each(Picture { width, height, rgba })
    })
}

/// The slides of a presentation (`.pptx`, `.odp`), or of a page in HTML whose slides are elements of the class
/// `ppt-slide`; none for a page without such elements, other kinds are refused. At most 500. Blocks.
pub fn slides(bytes: Vec<u8>, kind: DocumentKind, reading: &Reading) -> Result<Vec<Slide>, DocumentError> {
    apart(bytes, kind, reading, move |bytes, reading| {
        let budget = Budget::new(reading);
        match kind {
            DocumentKind::Pptx => office::pptx::slides(&bytes, &budget),
            DocumentKind::Odp => odf::slides(&bytes, &budget),
            DocumentKind::Html => html::slides(&bytes, &budget),
            _ => Err(DocumentError::Unsupported("not a presentation".into())),
        }
    })
}

/// Words with single spaces.
fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
