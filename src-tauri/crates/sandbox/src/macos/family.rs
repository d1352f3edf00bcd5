//! Which processes belong to a command, by what the system tells of each. Made and tested on every system.

use std::collections::{BTreeMap, BTreeSet};

/// What the list of processes says of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Process {
    pub pid: u32,
    pub parent: u32,
    pub group: u32,
    pub session: u32,
    /// Microseconds after 1970: with its number, a name that is not used twice.
    pub started: u64,
}

/// Those that were once seen to belong, by number and start. An orphan that left the session still belongs.
pub(crate) type Known = BTreeMap<u32, u64>;

/// The processes of the tree below `root`, which leads its session, without `root` itself. `known` learns them.
pub(crate) fn family(all: &[Process], root: u32, known: &mut Known) -> BTreeSet<u32> {
    // The number of one that has ended may be given to a stranger.
    known.retain(|pid, started| all.iter().any(|process| process.pid == *pid && process.started == *started));
    let mut found: BTreeSet<u32> = known.keys().copied().collect();
    loop {
        let groups: BTreeSet<u32> = all
            .iter()
            .filter(|process| found.contains(&process.pid) && found.contains(&process.group))
            .map(|process| process.group)
            .collect();
        let new: Vec<&Process> = all
            .iter()
            .filter(|process| process.pid != root && !found.contains(&process.pid))
            .filter(|process| {
                process.parent == root
                    || process.session == root
                    || found.contains(&process.parent)
                    || groups.contains(&process.group)
            })
            .collect();
        if new.is_empty() {
            return found;
        }
        for process in new {
            found.insert(process.pid);
            known.insert(process.pid, process.started);
        }
    }
}

/// Whether the arguments and variables of a process, as `KERN_PROCARGS2` gives them, set a variable to this value: a
/// count, the path, the arguments and the variables, with a NUL after each.
pub(crate) fn carries(arguments: &[u8], variable: &str, value: &str) -> bool {
    let Some((count, rest)) = arguments.split_first_chunk::<4>() else { return false };
    let count = usize::try_from(i32::from_ne_bytes(*count)).unwrap_or_default();
    let path = rest.iter().position(|byte| *byte == 0).unwrap_or(rest.len());
    // The path is followed by padding.
    let rest = &rest[path..];
    let padding = rest.iter().position(|byte| *byte != 0).unwrap_or(rest.len());
    let wanted = format!("{variable}={value}");
    // An argument that looks like the variable is none.
    rest[padding..].split(|byte| *byte == 0).skip(count).any(|text| text == wanted.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32, parent: u32, group: u32, session: u32) -> Process {
        Process { pid, parent, group, session, started: u64::from(pid) * 10 }
    }

    #[test]
    fn a_family_is_found_by_parents_sessions_and_groups() {
        let mut known = Known::new();
        let root = process(10, 1, 10, 10);
        let shell = process(11, 10, 11, 10);
        let leaves = process(12, 11, 12, 12);
        let stranger = process(90, 1, 90, 90);
        assert_eq!(family(&[root, shell, leaves, stranger], 10, &mut known), BTreeSet::from([11, 12]));

        // Its parent is gone and it leads a session of its own; a child of it, too.
        let orphan = Process { parent: 1, ..leaves };
        let child = process(13, 12, 12, 12);
        let beside = process(14, 1, 12, 12);
        let all = [root, orphan, child, beside, stranger];
        assert_eq!(family(&all, 10, &mut known), BTreeSet::from([12, 13, 14]));

        // An orphan that was never seen is known by the session alone.
        let unseen = process(15, 1, 15, 10);
        assert_eq!(family(&[root, unseen, stranger], 10, &mut Known::new()), BTreeSet::from([15]));
    }

    #[test]
    fn a_number_that_is_given_again_is_a_stranger() {
        let root = process(10, 1, 10, 10);
        let mut known = Known::from([(12, 120)]);
        let again = Process { started: 999, ..process(12, 1, 12, 12) };
        assert_eq!(family(&[root, again], 10, &mut known), BTreeSet::new());
        assert_eq!(known, Known::new());
    }

    #[test]
    fn a_mark_is_a_variable_and_no_argument() {
        let mut bytes = 2_i32.to_ne_bytes().to_vec();
        bytes.extend(b"/bin/sleep\0\0\0\0sleep\0OKCVM_MARK=7\0HOME=/x\0OKCVM_MARK=42\0\0");
        assert!(carries(&bytes, "OKCVM_MARK", "42"));
        assert!(!carries(&bytes, "OKCVM_MARK", "7"));
        assert!(!carries(&bytes, "OKCVM_MARK", "4"));
        assert!(!carries(b"", "OKCVM_MARK", "42") && !carries(b"\x01\0\0\0", "OKCVM_MARK", "42"));
    }
}
