//! What reading a document may cost.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::DocumentError;

/// What reading one document may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Limits {
    /// Bytes of the file.
    pub input_bytes: usize,
    /// Bytes that come out of all compressed parts together.
    pub inflated_bytes: u64,
    /// XML or HTML elements, cells, glyphs and rulings that are looked at in all.
    pub elements: u64,
    /// Elements of one tree, which is held in memory.
    pub tree_elements: u64,
    /// How deep elements may stand in each other.
    pub depth: usize,
    /// Bytes of Markdown; what comes after is left out with a remark.
    pub markdown_bytes: usize,
    /// Wall time.
    pub time: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            input_bytes: 128 * 1024 * 1024,
            inflated_bytes: 256 * 1024 * 1024,
            elements: 20_000_000,
            tree_elements: 1_000_000,
            depth: 200,
            markdown_bytes: 8 * 1024 * 1024,
            time: Duration::from_secs(60),
        }
    }
}

/// How a document is to be read: its limits, and whether it is still wanted.
#[derive(Clone)]
pub struct Reading {
    limits: Limits,
    is_cancelled: Arc<dyn Fn() -> bool + Send + Sync>,
}

impl Reading {
    /// Within `limits`, until `is_cancelled` says so. It is asked often and must be quick.
    pub fn new(limits: Limits, is_cancelled: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        Self { limits, is_cancelled: Arc::new(is_cancelled) }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        (self.is_cancelled)()
    }
}

impl Default for Reading {
    /// Within the default limits, to the end.
    fn default() -> Self {
        Self::new(Limits::default(), || false)
    }
}

/// What is left of the limits while one document is read.
pub(crate) struct Budget {
    reading: Reading,
    ends_at: Instant,
    elements: Cell<u64>,
    inflated: Cell<u64>,
}

/// Elements between two looks at the clock.
const LOOK_EVERY: u64 = 512;

impl Budget {
    pub(crate) fn new(reading: Reading) -> Self {
        let ends_at = Instant::now() + reading.limits.time;
        Self { reading, ends_at, elements: Cell::new(0), inflated: Cell::new(0) }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.reading.limits
    }

    /// Counts one element, cell or glyph.
    pub(crate) fn element(&self) -> Result<(), DocumentError> {
        let elements = self.elements.get() + 1;
        self.elements.set(elements);
        if elements > self.limits().elements {
            return Err(DocumentError::TooLarge(format!(
                "it has more than {} elements",
                self.limits().elements
            )));
        }
        if elements.is_multiple_of(LOOK_EVERY) { self.look() } else { Ok(()) }
    }

    /// Counts bytes that came out of a compressed part.
    pub(crate) fn inflate(&self, bytes: u64) -> Result<(), DocumentError> {
        let inflated = self.inflated.get() + bytes;
        self.inflated.set(inflated);
        if inflated > self.limits().inflated_bytes {
            return Err(DocumentError::TooLarge(format!(
                "its compressed parts hold more than {} MB",
                self.limits().inflated_bytes / (1024 * 1024)
            )));
        }
        self.look()
    }

    /// Whether the reading may go on.
    pub(crate) fn look(&self) -> Result<(), DocumentError> {
        if self.reading.is_cancelled() {
            return Err(DocumentError::Cancelled);
        }
        if Instant::now() > self.ends_at {
            return Err(DocumentError::TimedOut(self.limits().time));
        }
        Ok(())
    }
}
