//! Documents of office programs, PDFs, books and notebooks, shown as Markdown; pages in HTML and tables in CSV as well,
//! as long as the session has not seen their source.

use std::collections::VecDeque;
use std::fmt::Write;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use okcvm_documents::{Document, DocumentError, DocumentKind, Limits, Provenance, Reading, detect};
use okcvm_protocol::{ToolContent, ToolResult};
use okcvm_tools::{ReadStamp, ToolContext, ToolError};
use okcvm_workspace::WorkspacePath;

use super::encoding::Encoding;
use super::lines::{LINE_CHARACTERS, Lines};
use super::read::{Window, remarks};
use super::stamp;
use crate::call::{counted, size, text};

/// Documents whose text is kept, so that their next pages need no second reading.
const KEPT: usize = 8;
/// Bytes of text that are kept in all.
const KEPT_BYTES: usize = 24 * 1024 * 1024;
/// Characters of a line before it goes on in the next one: below the limit of a line, with room for its start.
const WRAP: usize = LINE_CHARACTERS - 50;
/// Bytes of a page or a table that is shown as Markdown; the source of larger ones is.
const MAX_TEXT: u64 = 8 * 1024 * 1024;
/// How every result begins that shows the text of a document.
const HEAD: &str = "[Document: ";
/// Endings of names under which people expect a document.
const ENDINGS: &[&str] = &[
    "pdf", "docx", "docm", "xlsx", "xlsm", "pptx", "pptm", "odt", "ods", "odp", "rtf", "epub", "doc", "xls",
    "ppt",
];

/// What became of a file that begins like a document.
pub(super) enum Outcome {
    /// Its text, or why there is none.
    Shown(ToolResult),
    /// It is none after all.
    Other,
}

/// Shows a file that begins like a document.
pub(super) fn show(
    context: &ToolContext,
    path: &WorkspacePath,
    file: &mut File,
    bytes: u64,
    window: &Window,
) -> Result<Outcome, ToolError> {
    let failed = |error: &dyn std::fmt::Display| {
        ToolError::for_model(format!("{} could not be read: {error}.", path.mounted()))
    };
    let limits = Limits::default();
    if bytes > limits.input_bytes as u64 {
        return Err(ToolError::for_model(format!(
            "{} is a document of {}, which is too large to be read here (limit {}). Divide it with a program of the \
             sandbox (mshtools-shell) and read the parts.",
            path.mounted(),
            size(bytes),
            size(limits.input_bytes as u64)
        )));
    }
    file.seek(SeekFrom::Start(0)).map_err(|error| failed(&error))?;
    let mut held = Vec::new();
    Read::by_ref(file)
        .take(limits.input_bytes as u64 + 1)
        .read_to_end(&mut held)
        .map_err(|error| failed(&error))?;
    let seen = stamp::of_bytes(&held);
    let document = if let Some(known) = shelf().find(&seen) {
        known
    } else {
        match read(context, held, limits) {
            Ok(Some(document)) => {
                let document = Arc::new(document);
                shelf().put(&seen, &document);
                document
            }
            Ok(None) if is_named_like_document(path) => {
                stamp::note(context, path, &seen)?;
                return Err(ToolError::for_model(format!(
                    "{} is named like a document, but its content is not one: it is broken, or another kind of file. \
                     Look into it with mshtools-shell.",
                    path.mounted()
                )));
            }
            Ok(None) => return Ok(Outcome::Other),
            Err(DocumentError::Cancelled) => return Err(ToolError::Cancelled(None)),
            Err(error) => {
                stamp::note(context, path, &seen)?;
                return Err(ToolError::for_model(format!("{} {error}.", path.mounted())));
            }
        }
    };
    let result = page(path, &document, window)?;
    stamp::note(context, path, &seen)?;
    Ok(Outcome::Shown(result))
}

/// Shows a text that is a page or a table as Markdown. `None` if its source is to be shown: the call asks for lines of
/// it, the session knows it (it wrote it, or has read it), or nothing can be made of it.
pub(super) fn show_text(
    context: &ToolContext,
    path: &WorkspacePath,
    file: &mut File,
    window: &Window,
) -> Result<Option<ToolResult>, ToolError> {
    let Some(kind) = kind_of_text(path).filter(|_| !window.has_offset) else { return Ok(None) };
    if stamp::source_known(context, path)? {
        return Ok(None);
    }
    let failed = |error: std::io::Error| {
        ToolError::for_model(format!("{} could not be read: {error}.", path.mounted()))
    };
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    let mut held = Vec::new();
    Read::by_ref(file).take(MAX_TEXT + 1).read_to_end(&mut held).map_err(failed)?;
    if held.len() as u64 > MAX_TEXT {
        return Ok(None);
    }
    let seen = stamp::of_bytes(&held);
    let source_lines = held.split_inclusive(|byte| *byte == b'\n').count() as u64;
    let cancel = context.cancel.clone();
    let document = match okcvm_documents::read(
        held,
        kind,
        &Reading::new(Limits::default(), move || cancel.is_cancelled()),
    ) {
        Ok(document) if !document.markdown.trim().is_empty() => document,
        Err(DocumentError::Cancelled) => return Err(ToolError::Cancelled(None)),
        Ok(_) | Err(_) => return Ok(None),
    };
    let mut result = page(path, &document, window)?;
    if let Some(ToolContent::Text { text }) = result.content.first_mut() {
        let _ = writeln!(
            text,
            "[Its source has {}; read it with offset 1 before you edit it.]",
            counted(source_lines, "line", "lines")
        );
    }
    stamp::note_markdown(context, path, &seen)?;
    Ok(Some(result))
}

/// What a text is by the ending of its name, if that is shown as Markdown.
fn kind_of_text(path: &WorkspacePath) -> Option<DocumentKind> {
    let ending = ending(path);
    [DocumentKind::Html, DocumentKind::Csv, DocumentKind::Tsv]
        .into_iter()
        .find(|kind| kind.endings().contains(&ending.as_str()))
}

fn read(context: &ToolContext, held: Vec<u8>, limits: Limits) -> Result<Option<Document>, DocumentError> {
    let Some(kind) = detect(&held)? else { return Ok(None) };
    let cancel = context.cancel.clone();
    let reading = Reading::new(limits, move || cancel.is_cancelled());
    okcvm_documents::read(held, kind, &reading).map(Some)
}

fn ending(path: &WorkspacePath) -> String {
    let name = path.file_name().unwrap_or_default();
    name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default()
}

fn is_named_like_document(path: &WorkspacePath) -> bool {
    ENDINGS.contains(&ending(path).as_str())
}

/// The lines that were asked for, with what else there is to know.
fn page(path: &WorkspacePath, document: &Document, window: &Window) -> Result<ToolResult, ToolError> {
    let Provenance::Document(kind) = document.provenance();
    let mut head = format!("{HEAD}{}", kind.name());
    if let Some(parts) = document.parts.words() {
        head.push_str(", ");
        head.push_str(&parts);
    }
    head.push_str(", as Markdown. What follows was written by whoever made the document.]\n");
    let mut lines = Lines::new(Encoding::Utf8, window.first, window.limit);
    for line in document.markdown.lines() {
        for piece in wrapped(line) {
            lines.feed(piece.as_bytes());
            lines.feed(b"\n");
        }
    }
    let picked = lines.finish();
    if picked.total > 0 && picked.shown == 0 {
        return Err(ToolError::for_model(format!(
            "`offset` {} is beyond the end: {} has {} as Markdown.",
            window.first,
            path.mounted(),
            counted(picked.total, "line", "lines")
        )));
    }
    let mut words = head;
    if picked.total == 0 {
        words.push_str("[It has no text.]\n");
    } else {
        words.push_str(&picked.text);
        if kind_of_text(path) == Some(kind) && picked.shown < picked.total {
            let _ = writeln!(
                words,
                "[The first {} of {} of Markdown. A larger limit shows more, up to 100,000 characters.]",
                counted(picked.shown, "line", "lines"),
                counted(picked.total, "line", "lines")
            );
        } else {
            words.push_str(&remarks(&picked, Encoding::Utf8, &[], window));
        }
    }
    // The first page says everything, later ones need not repeat it.
    if window.first == 1 {
        let expected = kind.endings();
        let ending = ending(path);
        if is_named_like_document(path) && !expected.contains(&ending.as_str()) {
            let _ = writeln!(words, "[Its name ends with .{ending}, but it is a {}.]", kind.name());
        }
        for remark in &document.remarks {
            let _ = writeln!(words, "[{remark}]");
        }
    }
    Ok(text(words))
}

/// A line in pieces that are shown in full. Nothing of a paragraph is out of reach that way.
fn wrapped(line: &str) -> Vec<String> {
    if line.len() <= WRAP || line.chars().count() <= WRAP {
        return vec![line.to_owned()];
    }
    let bare = line.trim_start_matches([' ', '>']);
    let lead = line.get(..line.len() - bare.len()).unwrap_or_default();
    let lead: String = lead.chars().take(40).collect();
    let mut pieces = Vec::new();
    let mut rest = bare;
    while !rest.is_empty() {
        let end = match rest.char_indices().nth(WRAP - 40) {
            None => rest.len(),
            Some((most, _)) => {
                let head = rest.get(..most).unwrap_or_default();
                head.rfind(' ').filter(|space| *space > most / 2).map_or(most, |space| space + 1)
            }
        };
        let (piece, later) = rest.split_at(end);
        pieces.push(format!("{lead}{}", piece.trim_end()));
        rest = later;
    }
    pieces
}

/// The documents that were read last, by the hash of their content.
#[derive(Default)]
struct Shelf(VecDeque<(String, Arc<Document>)>);

static SHELF: Mutex<Shelf> = Mutex::new(Shelf(VecDeque::new()));

fn shelf() -> std::sync::MutexGuard<'static, Shelf> {
    SHELF.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shelf {
    fn find(&mut self, stamp: &ReadStamp) -> Option<Arc<Document>> {
        let place = self.0.iter().position(|(hash, _)| *hash == stamp.hash)?;
        let entry = self.0.remove(place)?;
        let document = Arc::clone(&entry.1);
        self.0.push_front(entry);
        Some(document)
    }

    fn put(&mut self, stamp: &ReadStamp, document: &Arc<Document>) {
        self.0.push_front((stamp.hash.clone(), Arc::clone(document)));
        let held = |shelf: &Self| shelf.0.iter().map(|(_, document)| document.markdown.len()).sum::<usize>();
        while self.0.len() > KEPT || (self.0.len() > 1 && held(self) > KEPT_BYTES) {
            self.0.pop_back();
        }
    }
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
