//! Passes on what a command writes, within its limits.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::Limits;

/// How long a stopped command's last output waits for a slow taker.
const LAST_OUTPUT: Duration = Duration::from_secs(1);

/// Bytes of output.
pub(crate) struct Counted {
    pub total: u64,
    /// Those of them that were not passed on.
    pub dropped: u64,
}

/// Reads output until its end and passes on what the limit allows.
pub(crate) async fn pass_on(
    mut stdout: impl AsyncRead + Unpin,
    output: mpsc::Sender<Vec<u8>>,
    limits: &Limits,
    stopping: &CancellationToken,
    flooded: &CancellationToken,
) -> Counted {
    let mut counted = Counted { total: 0, dropped: 0 };
    let mut buffer = vec![0_u8; 32 * 1024];
    loop {
        let count = match stdout.read(&mut buffer).await {
            Ok(0) | Err(_) => return counted,
            Ok(count) => count,
        };
        let room = limits.output_bytes.saturating_sub(counted.total);
        let passed = usize::try_from(room).map_or(count, |room| room.min(count));
        counted.total += count as u64;
        counted.dropped += (count - passed) as u64;
        if counted.total > limits.flood_bytes {
            flooded.cancel();
        }
        if passed == 0 {
            continue;
        }
        let piece = buffer[..passed].to_vec();
        let sent = tokio::select! {
            biased;
            sent = output.send(piece.clone()) => sent.is_ok(),
            () = stopping.cancelled() => {
                matches!(tokio::time::timeout(LAST_OUTPUT, output.send(piece)).await, Ok(Ok(())))
            }
        };
        if !sent {
            counted.dropped += passed as u64;
        }
    }
}
