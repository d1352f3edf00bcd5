//! PDF documents (ISO 32000-1). `hayro` interprets the pages; here their letters become text again: by the tags of the
//! document if it has them, otherwise by where the letters stand.

mod content;
mod inflation;
mod layout;
pub(crate) mod pictures;
mod rulings;
mod structure;

use std::panic::{AssertUnwindSafe, catch_unwind};

use encoding_rs::WINDOWS_1252;
use hayro_interpret::hayro_syntax::page::Page;
use hayro_interpret::hayro_syntax::{DecryptionError, LoadPdfError, Pdf};
use hayro_interpret::{Context, InterpreterCache, InterpreterSettings, TransformExt, interpret_page};

use self::content::{Collector, Drawn};
use self::structure::Structure;
use crate::document::Parts;
use crate::limits::Budget;
use crate::markdown::Writer;
use crate::notes::{Note, Why};
use crate::{DocumentError, DocumentKind, Facts};

const KIND: DocumentKind = DocumentKind::Pdf;

/// Bytes at the end of a file, among which the place of its list of objects is named (ISO 32000-1, 7.5.5; programs add to it).
const END: usize = 4_096;

/// Whether the end of the file is there.
fn has_end(bytes: &[u8]) -> bool {
    let end = bytes.get(bytes.len().saturating_sub(END)..).unwrap_or(bytes);
    end.windows(b"startxref".len()).any(|word| word == b"startxref")
}

pub(crate) fn read(bytes: Vec<u8>, budget: &Budget, out: &mut Writer) -> Result<Parts, DocumentError> {
    let is_whole = has_end(&bytes);
    let pdf = open(bytes, budget)?;
    let pages = pdf.pages();
    if pages.is_empty() {
        return Err(DocumentError::Broken { kind: KIND, what: "has no page that can be found".to_owned() });
    }
    if !is_whole {
        out.notes.add(Note::CutOff);
    }
    let mut structure = Structure::new(&pdf, budget)?;
    let mut cache = InterpreterCache::new();
    let mut scanned = 0;
    let mut written = 0;
    for (index, page) in pages.iter().enumerate() {
        budget.look()?;
        if out.is_full() || written > budget.limits().markdown_bytes {
            break;
        }
        // The catalogue of letters is shared by the pages; after a breakdown it is made anew.
        let drawn = match catch_unwind(AssertUnwindSafe(|| draw(&pdf, page, &cache, budget))) {
            Ok(drawn) => drawn,
            Err(panic) => {
                if let Ok(stopped) = panic.downcast::<DocumentError>() {
                    return Err(*stopped);
                }
                cache = InterpreterCache::new();
                out.notes.add(Note::Unreadable);
                continue;
            }
        };
        out.notes.join(drawn.notes());
        scanned += usize::from(drawn.is_scanned());
        let mut part = Writer::new(budget.limits().markdown_bytes);
        layout::write(&drawn, &mut part);
        let (text, notes) = part.finish();
        if text.trim().is_empty() && drawn.hidden.is_empty() {
            out.notes.add(Note::EmptyPage);
        }
        written += text.len();
        if let Some(structure) = &mut structure {
            structure.page(index, page, &drawn, text, notes);
        } else {
            out.mark(&format!("[Page {} of {}]", index + 1, pages.len()));
            out.notes.join(notes);
            out.markdown(&text);
            hidden(&drawn, out);
        }
    }
    if let Some(structure) = structure {
        structure.write(pages.len(), out);
    }
    if scanned > 0 {
        out.notes.say(format!(
            "The text of {scanned} {} was recognised from a scan by whoever made the document and may have mistakes.",
            if scanned == 1 { "page" } else { "pages" }
        ));
    }
    Ok(Parts::Pages(pages.len()))
}

/// Opens a document that does not say openly that its parts swell.
fn open(bytes: Vec<u8>, budget: &Budget) -> Result<Pdf, DocumentError> {
    inflation::check(&bytes, budget)?;
    let pdf = Pdf::new(bytes).map_err(|error| match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => DocumentError::Encrypted(KIND),
        LoadPdfError::Decryption(_) => {
            DocumentError::Unsupported("a PDF document that is encrypted in a way that is not known".into())
        }
        LoadPdfError::Invalid => {
            DocumentError::Broken { kind: KIND, what: "its list of objects is damaged or cut off".to_owned() }
        }
    })?;
    budget.look()?;
    Ok(pdf)
}

/// Pages and title.
pub(crate) fn facts(bytes: Vec<u8>, budget: &Budget) -> Result<Facts, DocumentError> {
    let pdf = open(bytes, budget)?;
    let pages = pdf.pages().len();
    if pages == 0 {
        return Err(DocumentError::Broken { kind: KIND, what: "has no page that can be found".to_owned() });
    }
    // Text of a document is UTF-16 or UTF-8 with a mark, or an encoding of its own that is nearly Latin-1.
    let title = pdf.metadata().title.as_deref().map(|title| crate::text::decode(title, Some(WINDOWS_1252)));
    Ok(Facts { pages: u32::try_from(pages).ok(), title })
}

fn draw<'a>(pdf: &'a Pdf, page: &Page<'a>, cache: &InterpreterCache<'a>, budget: &Budget) -> Drawn {
    let (width, height) = page.render_dimensions();
    let transform = page.initial_transform(true).to_kurbo();
    let area = hayro_interpret::kurbo::Rect::new(0.0, 0.0, f64::from(width), f64::from(height));
    let mut context = Context::new(transform, area, cache, pdf.xref(), InterpreterSettings::default());
    let mut collector = Collector::new(page, transform, area, budget);
    interpret_page(page, &mut context, &mut collector);
    collector.finish()
}

/// The hidden passages of a page.
fn hidden(drawn: &Drawn, out: &mut Writer) {
    for (why, text) in &drawn.hidden {
        out.hidden(*why, text);
    }
}

/// A passage that a reader does not see.
pub(super) type Passage = (Why, String);
