//! The body of an answer: bytes that are there, or a file that is read while it is sent.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::sync::mpsc;

/// How much is read at a time.
const CHUNK: usize = 64 * 1024;
/// Chunks that wait for the client.
const AHEAD: usize = 4;

/// A body whose length is known.
pub(super) enum AnswerBody {
    /// Bytes that are there.
    Bytes(Option<Bytes>),
    /// A part of a file, as it is read.
    File { chunks: mpsc::Receiver<io::Result<Bytes>>, remaining: u64 },
}

impl AnswerBody {
    pub(super) fn empty() -> Self {
        Self::Bytes(None)
    }

    pub(super) fn bytes(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        Self::Bytes((!bytes.is_empty()).then_some(bytes))
    }

    /// `length` bytes of the file from `start` on. Must be called on the runtime. If the file has become shorter,
    /// the connection breaks off, so that no client takes the part for the whole.
    pub(super) fn file(file: File, start: u64, length: u64) -> Self {
        if length == 0 {
            return Self::empty();
        }
        let (sender, chunks) = mpsc::channel(AHEAD);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = send(file, start, length, &sender) {
                // Nobody listens any more if this fails.
                let _ = sender.blocking_send(Err(error));
            }
        });
        Self::File { chunks, remaining: length }
    }
}

fn send(mut file: File, start: u64, length: u64, sender: &mpsc::Sender<io::Result<Bytes>>) -> io::Result<()> {
    file.seek(SeekFrom::Start(start))?;
    let mut remaining = length;
    while remaining > 0 {
        let mut chunk = Vec::new();
        let read = Read::by_ref(&mut file).take(remaining.min(CHUNK as u64)).read_to_end(&mut chunk)?;
        if read == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter"));
        }
        remaining -= read as u64;
        if sender.blocking_send(Ok(Bytes::from(chunk))).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut *self {
            Self::Bytes(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::File { chunks, remaining } => chunks.poll_recv(context).map(|chunk| {
                let chunk = chunk?;
                if let Ok(bytes) = &chunk {
                    *remaining = remaining.saturating_sub(bytes.len() as u64);
                }
                Some(chunk.map(Frame::data))
            }),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Bytes(bytes) => bytes.is_none(),
            Self::File { remaining, .. } => *remaining == 0,
        }
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Bytes(bytes) => bytes.as_ref().map_or(0, |bytes| bytes.len() as u64),
            Self::File { remaining, .. } => *remaining,
        })
    }
}
