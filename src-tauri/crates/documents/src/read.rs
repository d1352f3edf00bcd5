//! Reads a document on a thread of its own, within its limits.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};

use crate::limits::Budget;
use crate::markdown::Writer;
use crate::{
    Document, DocumentError, DocumentKind, Reading, epub, html, notebook, odf, office, pdf, rtf, table,
};

/// Room for parsers that call themselves; the depth of documents is bounded far below it.
const STACK: usize = 32 * 1024 * 1024;
/// How often the one who waits looks whether the reading is still wanted.
const LOOK: Duration = Duration::from_millis(50);
/// What a reader gets beyond its time to notice that it is over.
const GRACE: Duration = Duration::from_secs(2);

/// Reads the bytes of a document of that kind (see [`crate::detect`]) as Markdown. Blocks: call it where that is
/// allowed. A parser that cannot be stopped in its tracks is left to itself when its time is over; its result is not
/// used.
pub fn read(bytes: Vec<u8>, kind: DocumentKind, reading: &Reading) -> Result<Document, DocumentError> {
    apart(bytes, kind, reading, move |bytes, reading| parse(bytes, kind, reading))
}

/// Does something with the bytes of a document on a thread of its own, with the limits and the end that [`read`] has.
pub(crate) fn apart<T: Send + 'static>(
    bytes: Vec<u8>,
    kind: DocumentKind,
    reading: &Reading,
    work: impl FnOnce(Vec<u8>, Reading) -> Result<T, DocumentError> + Send + 'static,
) -> Result<T, DocumentError> {
    if bytes.is_empty() {
        return Err(DocumentError::Empty);
    }
    if bytes.len() > reading.limits().input_bytes {
        return Err(DocumentError::TooLarge(format!(
            "the file has more than {} MB",
            reading.limits().input_bytes / (1024 * 1024)
        )));
    }
    if reading.is_cancelled() {
        return Err(DocumentError::Cancelled);
    }
    let (sender, receiver) = sync_channel(1);
    let inner = reading.clone();
    let thread = std::thread::Builder::new().name("document".to_owned()).stack_size(STACK).spawn(move || {
        let read = catch_unwind(AssertUnwindSafe(|| work(bytes, inner)));
        // Nobody waits any more if the time was over.
        let _ = sender.send(read.unwrap_or_else(|panic| {
            Err(panic.downcast::<DocumentError>().map_or(DocumentError::Fault(kind), |error| *error))
        }));
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

fn parse(bytes: Vec<u8>, kind: DocumentKind, reading: Reading) -> Result<Document, DocumentError> {
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
