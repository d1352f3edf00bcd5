//! Reads a document on a thread of its own, within its limits; a PDF in a process of its own where there is one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use crate::elsewhere::{self, Said, Task};
use crate::limits::Budget;
use crate::markdown::Writer;
use crate::{
    Document, DocumentError, DocumentKind, Reading, epub, html, notebook, odf, office, pdf, rtf, table,
};

/// Room for parsers that call themselves; the depth of documents is bounded far below it.
pub(crate) const STACK: usize = 32 * 1024 * 1024;
/// How often the one who waits looks whether the reading is still wanted.
pub(crate) const LOOK: Duration = Duration::from_millis(50);
/// What a reader gets beyond its time to notice that it is over.
pub(crate) const GRACE: Duration = Duration::from_secs(2);

/// Reads the bytes of a document of that kind (see [`crate::detect`]) as Markdown. Blocks: call it where that is
/// allowed. A parser on a thread that cannot be stopped in its tracks is left to itself when its time is over; its result
/// is not used.
pub fn read(bytes: Vec<u8>, kind: DocumentKind, reading: &Reading) -> Result<Document, DocumentError> {
    if let Some(program) = program_for(kind) {
        look_at(&bytes, reading)?;
        let mut document = None;
        elsewhere::ask(program, (kind, Task::Text), bytes, reading, &mut |said, _| {
            if let Said::Text(text) = said {
                document = Some(text);
            }
            false
        })?;
        return document.ok_or(DocumentError::Fault(kind));
    }
    apart(bytes, kind, reading, move |bytes, reading| parse(bytes, kind, reading))
}

/// The program that reads documents of a kind elsewhere: the parser of PDF documents takes as much memory and time as
/// they say, the others keep to their limits.
pub(crate) fn program_for(kind: DocumentKind) -> Option<&'static Path> {
    elsewhere::program().filter(|_| kind == DocumentKind::Pdf)
}

/// Whether a reading may begin.
pub(crate) fn look_at(bytes: &[u8], reading: &Reading) -> Result<(), DocumentError> {
    if bytes.is_empty() {
        return Err(DocumentError::Empty);
    }
    if bytes.len() > reading.limits().input_bytes {
        return Err(DocumentError::TooLarge(format!(
            "the file has more than {} MB",
            reading.limits().input_bytes / (1024 * 1024)
        )));
    }
    if reading.is_cancelled() { Err(DocumentError::Cancelled) } else { Ok(()) }
}

/// Does something that may break down.
pub(crate) fn caught<T>(
    kind: DocumentKind,
    work: impl FnOnce() -> Result<T, DocumentError>,
) -> Result<T, DocumentError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        Err(panic.downcast::<DocumentError>().map_or(DocumentError::Fault(kind), |error| *error))
    })
}

/// Does something with the bytes of a document on a thread of its own, with the limits and the end that [`read`] has.
pub(crate) fn apart<T: Send + 'static>(
    bytes: Vec<u8>,
    kind: DocumentKind,
    reading: &Reading,
    work: impl FnOnce(Vec<u8>, Reading) -> Result<T, DocumentError> + Send + 'static,
) -> Result<T, DocumentError> {
    look_at(&bytes, reading)?;
    let (sender, receiver) = sync_channel(1);
    let inner = reading.clone();
    let thread = std::thread::Builder::new().name("document".to_owned()).stack_size(STACK).spawn(move || {
        // Nobody waits any more if the time was over.
        let _ = sender.send(caught(kind, || work(bytes, inner)));
    });
    if thread.is_err() {
        return Err(DocumentError::Fault(kind));
    }
    let ends_at = Instant::now() + reading.limits().time + GRACE;
    loop {
        match receiver.recv_timeout(LOOK) {
            Ok(read) => return read,
            Err(RecvTimeoutError::Disconnected) => return Err(DocumentError::Fault(kind)),
            Err(RecvTimeoutError::Timeout) if reading.is_cancelled() => return Err(DocumentError::Cancelled),
            Err(RecvTimeoutError::Timeout) if Instant::now() > ends_at => {
                return Err(DocumentError::TimedOut(reading.limits().time));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

pub(crate) fn parse(bytes: Vec<u8>, kind: DocumentKind, reading: Reading) -> Result<Document, DocumentError> {
    let budget = Budget::new(reading);
    let mut out = Writer::new(budget.limits().markdown_bytes);
    let parts = match kind {
        DocumentKind::Docx => office::docx::read(&bytes, &budget, &mut out),
        DocumentKind::Xlsx => office::xlsx::read(&bytes, &budget, &mut out),
        DocumentKind::Pptx => office::pptx::read(&bytes, &budget, &mut out),
        DocumentKind::Odt | DocumentKind::Ods | DocumentKind::Odp => {
            odf::read(&bytes, kind, &budget, &mut out)
        }
        DocumentKind::Rtf => rtf::read(&bytes, &budget, &mut out),
        DocumentKind::Epub => epub::read(&bytes, &budget, &mut out),
        DocumentKind::Html => html::read(&bytes, &budget, &mut out),
        DocumentKind::Csv | DocumentKind::Tsv => table::read(&bytes, kind, &budget, &mut out),
        DocumentKind::Notebook => notebook::read(&bytes, &budget, &mut out),
        DocumentKind::Pdf => pdf::read(bytes, &budget, &mut out),
    }?;
    let (markdown, notes) = out.finish();
    Ok(Document { kind, markdown, parts, hidden_passages: notes.hidden_passages(), remarks: notes.remarks() })
}
