//! The time, so that tests can hold it.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Unix milliseconds. May jump, when somebody sets the clock of the machine.
    fn now(&self) -> i64;

    /// Time since some moment of this program. Never jumps: limits of time are measured by it.
    fn elapsed(&self) -> Duration;
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> i64 {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |elapsed| i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
    }

    fn elapsed(&self) -> Duration {
        static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);
        BEGUN.elapsed()
    }
}
