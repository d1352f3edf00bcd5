use std::io::{self, Write};

use tracing_subscriber::fmt::MakeWriter;

use crate::Redactor;

/// Above this a text without a line break is passed on in parts.
const LONGEST_LINE: usize = 1 << 20;
/// What stays behind then, so that a secret is not cut in two.
const OVERLAP: usize = 4096;
const BEGINS: &str = "-----BEGIN ";
const ENDS: &str = "-----END ";

/// Writes lines without their secrets. Whole lines are passed on at once; the rest on `flush` and on drop. A
/// private key over several lines is held back until its end.
pub struct RedactingWriter<W: Write> {
    inner: W,
    redactor: Redactor,
    waiting: Vec<u8>,
}

impl<W: Write> RedactingWriter<W> {
    /// Writes into `inner` what `redactor` leaves.
    pub fn new(inner: W, redactor: Redactor) -> Self {
        Self { inner, redactor, waiting: Vec::new() }
    }

    fn pass_on(&mut self, end: usize) -> io::Result<()> {
        let rest = self.waiting.split_off(end);
        let ready = std::mem::replace(&mut self.waiting, rest);
        let text = String::from_utf8_lossy(&ready);
        self.inner.write_all(self.redactor.redact(&text).as_bytes())
    }

    fn pass_on_part(&mut self) -> io::Result<()> {
        let text = String::from_utf8_lossy(&self.waiting);
        let clean = self.redactor.redact(&text).into_owned();
        let keep = OVERLAP.max(self.redactor.longest());
        let mut end = clean.len().saturating_sub(keep);
        while !clean.is_char_boundary(end) {
            end -= 1;
        }
        self.inner.write_all(&clean.as_bytes()[..end])?;
        self.waiting = clean.as_bytes()[end..].to_vec();
        Ok(())
    }
}

impl<W: Write> Write for RedactingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.waiting.extend_from_slice(bytes);
        if let Some(line_end) = self.waiting.iter().rposition(|byte| *byte == b'\n')
            && !in_block(&self.waiting[..=line_end])
        {
            self.pass_on(line_end + 1)?;
        }
        if self.waiting.len() > LONGEST_LINE {
            self.pass_on_part()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass_on(self.waiting.len())?;
        self.inner.flush()
    }
}

impl<W: Write> Drop for RedactingWriter<W> {
    fn drop(&mut self) {
        // A log that cannot be written has nobody to tell.
        let _ = self.flush();
    }
}

fn in_block(bytes: &[u8]) -> bool {
    let last = |word: &str| bytes.windows(word.len()).rposition(|window| window == word.as_bytes());
    match (last(BEGINS), last(ENDS)) {
        (Some(begin), Some(end)) => begin > end,
        (Some(_), None) => true,
        (None, _) => false,
    }
}

/// Makes a [`RedactingWriter`] around each writer of another maker: no line of a log leaves with a secret.
#[derive(Debug, Clone)]
pub struct RedactingMakeWriter<M> {
    inner: M,
    redactor: Redactor,
}

impl<M> RedactingMakeWriter<M> {
    /// Wraps the writers of `inner`.
    pub fn new(inner: M, redactor: Redactor) -> Self {
        Self { inner, redactor }
    }
}

impl<'writer, M: MakeWriter<'writer>> MakeWriter<'writer> for RedactingMakeWriter<M> {
    type Writer = RedactingWriter<M::Writer>;

    fn make_writer(&'writer self) -> Self::Writer {
        RedactingWriter::new(self.inner.make_writer(), self.redactor.clone())
    }

    fn make_writer_for(&'writer self, metadata: &tracing::Metadata<'_>) -> Self::Writer {
        RedactingWriter::new(self.inner.make_writer_for(metadata), self.redactor.clone())
    }
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
