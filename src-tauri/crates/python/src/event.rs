//! What a kernel tells while a cell runs.

use std::collections::BTreeMap;

use serde::Deserialize;

/// One thing that a cell gave. Text may hold escape sequences of terminals.
#[derive(Debug, Clone, PartialEq)]
pub enum KernelEvent {
    /// How far the app is with getting the kernel ready, in words.
    Progress(String),
    /// Text that the cell wrote.
    Stream(String),
    /// A value by media type; pictures but SVG in base64.
    Display(BTreeMap<String, String>),
    /// An error that ended the cell, with its traceback.
    Error(String),
}

/// One line of a kernel. Anything may stand in it: user code can write to the same channel.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type")]
pub(crate) enum Told {
    /// It takes cells from now on.
    Ready {
        version: String,
        python: String,
    },
    /// It could not start.
    Failed {
        text: String,
    },
    Stream {
        text: String,
    },
    Display {
        data: BTreeMap<String, String>,
    },
    Error {
        text: String,
    },
    /// The cell is over.
    Done {
        ok: bool,
        #[serde(default)]
        dropped: u64,
    },
    /// The kernel is over; negative codes are signals.
    Ended {
        code: Option<i64>,
    },
}
