//! Passes bytes on in both directions, counted and bounded.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::request::Body;

const PIECE: usize = 16 * 1024;

/// What one connection has moved so far, and what all of a command together may.
#[derive(Debug)]
pub(crate) struct Meter<'a> {
    pub sent: AtomicU64,
    pub received: AtomicU64,
    /// Bytes that the command may still move.
    budget: &'a AtomicU64,
    begun: Instant,
    /// Milliseconds after the beginning.
    last_moved: AtomicU64,
}

impl<'a> Meter<'a> {
    pub(crate) fn new(budget: &'a AtomicU64) -> Self {
        Self {
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            budget,
            begun: Instant::now(),
            last_moved: AtomicU64::new(0),
        }
    }

    fn moved(&self, counter: &AtomicU64, count: usize) -> io::Result<()> {
        let count = count as u64;
        counter.fetch_add(count, Ordering::Relaxed);
        self.last_moved.store(self.begun.elapsed().as_millis() as u64, Ordering::Relaxed);
        self.budget
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(count))
            .map(drop)
            .map_err(|_| io::Error::other("the command has moved as many bytes as it may"))
    }

    /// Ends when nothing has moved for so long, or the connection is so old.
    pub(crate) async fn too_long(&self, idle: Duration, most: Duration) -> io::Error {
        loop {
            let age = self.begun.elapsed();
            let quiet = age.saturating_sub(Duration::from_millis(self.last_moved.load(Ordering::Relaxed)));
            if age >= most {
                return io::Error::new(io::ErrorKind::TimedOut, "the connection lasted as long as it may");
            }
            if quiet >= idle {
                return io::Error::new(io::ErrorKind::TimedOut, "nothing was said for too long");
            }
            tokio::time::sleep(idle.saturating_sub(quiet).min(most.saturating_sub(age))).await;
        }
    }
}

/// Passes on what comes until its end, and tells the other side of it.
pub(crate) async fn stream(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    meter: &Meter<'_>,
    counter: &AtomicU64,
) -> io::Result<()> {
    let mut buffer = vec![0_u8; PIECE];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            // The other side may have closed already.
            let _ = to.shutdown().await;
            return Ok(());
        }
        meter.moved(counter, count)?;
        to.write_all(&buffer[..count]).await?;
    }
}

/// Passes on bytes that are there already.
pub(crate) async fn piece(
    bytes: &mut &[u8],
    to: &mut (impl AsyncWrite + Unpin),
    meter: &Meter<'_>,
) -> io::Result<()> {
    meter.moved(&meter.sent, bytes.len())?;
    to.write_all(std::mem::take(bytes)).await
}

/// Passes on a head and the body behind it, and nothing more. `early` came together with the head.
pub(crate) async fn request(
    head: &[u8],
    mut body: Body,
    early: &[u8],
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    meter: &Meter<'_>,
) -> io::Result<()> {
    meter.moved(&meter.sent, head.len())?;
    to.write_all(head).await?;
    let mut piece = early.to_vec();
    loop {
        let count = body.take(&piece).map_err(io::Error::other)?;
        meter.moved(&meter.sent, count)?;
        to.write_all(&piece[..count]).await?;
        if body.is_over() {
            return to.flush().await;
        }
        piece.resize(PIECE, 0);
        let count = from.read(&mut piece).await?;
        if count == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the request broke off"));
        }
        piece.truncate(count);
    }
}
