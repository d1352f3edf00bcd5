//! What a tree of processes uses, as macOS tells it.

use std::collections::BTreeSet;

use crate::macos::{family, process};
use crate::watch::Usage;

pub(crate) use process::{boot, started, total_memory};

/// By which the processes of a command are known after a crash; they inherit it.
pub(crate) const MARK: &str = "OKCVM_MARK";

/// Looks at the tree below a helper, that one included. What ends meanwhile is left out.
pub(crate) fn usage(root: u32) -> Usage {
    let mut usage = Usage::default();
    let mut pids = family::family(&process::all(), root, &mut family::Known::new());
    pids.insert(root);
    for pid in pids {
        let Some(used) = process::used(pid) else { continue };
        usage.pids.insert(pid);
        usage.threads += used.threads;
        usage.cpu += used.cpu;
        usage.memory += used.memory;
        usage.written += used.written;
    }
    usage
}

/// What the system counts as the own memory of each holds nothing twice.
pub(crate) fn proportional_memory(usage: &Usage) -> u64 {
    usage.memory
}

/// Processes that were started with a mark. The system tells it of programs that it does not ship itself.
pub(crate) fn marked(mark: u64) -> BTreeSet<u32> {
    let mark = mark.to_string();
    process::all()
        .into_iter()
        .map(|process| process.pid)
        .filter(|pid| family::carries(&process::arguments(*pid), MARK, &mark))
        .collect()
}

/// The system does not tell it.
pub(crate) fn shared_memory() -> Option<u64> {
    None
}
