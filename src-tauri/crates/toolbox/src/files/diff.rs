//! What a call did to a text file, line by line.

use std::time::Duration;

use okcvm_protocol::{ChangeKind, DiffHunk, DiffLine, DiffLineKind, FileDiff};
use okcvm_workspace::WorkspacePath;
use similar::{ChangeTag, TextDiff};

/// Lines around a changed place.
const CONTEXT: usize = 3;
/// Lines of all hunks together.
const MAX_LINES: usize = 1_000;
/// Characters of a line.
const MAX_CHARACTERS: usize = 1_000;
/// Beyond this size, in bytes, a text is compared by its count of lines alone.
const MAX_SIZE: usize = 4 * 1024 * 1024;
/// How long the search for the smallest difference may take; after that a larger one is given.
const PATIENCE: Duration = Duration::from_millis(300);

/// The difference between two texts, of which `old` is `None` for a new file. `lines_before` lines of the file
/// stand before both.
pub(super) fn texts(path: &WorkspacePath, old: Option<&str>, new: &str, lines_before: u64) -> FileDiff {
    let kind = if old.is_some() { ChangeKind::Modified } else { ChangeKind::Added };
    let old = old.unwrap_or_default();
    let mut file = FileDiff {
        path: path.as_str().to_owned(),
        old_path: None,
        kind,
        additions: 0,
        deletions: 0,
        binary: false,
        truncated: false,
        hunks: Vec::new(),
    };
    if old.len() + new.len() > MAX_SIZE {
        file.additions = new.lines().count() as u32;
        file.deletions = old.lines().count() as u32;
        file.truncated = true;
        return file;
    }
    let diff = TextDiff::configure().timeout(PATIENCE).diff_lines(old, new);
    let mut room = MAX_LINES;
    for group in diff.grouped_ops(CONTEXT) {
        let Some(first) = group.first() else { continue };
        let number = |index: usize| (lines_before + index as u64 + 1) as u32;
        let mut hunk = DiffHunk {
            old_start: number(first.old_range().start),
            new_start: number(first.new_range().start),
            lines: Vec::new(),
        };
        for change in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
            let kind = match change.tag() {
                ChangeTag::Equal => DiffLineKind::Context,
                ChangeTag::Insert => {
                    file.additions += 1;
                    DiffLineKind::Added
                }
                ChangeTag::Delete => {
                    file.deletions += 1;
                    DiffLineKind::Removed
                }
            };
            if room == 0 {
                file.truncated = true;
                continue;
            }
            room -= 1;
            hunk.lines.push(DiffLine { kind, text: shown(change.value(), &mut file.truncated) });
        }
        if !hunk.lines.is_empty() {
            file.hunks.push(hunk);
        }
    }
    file
}

/// What happened to a file whose old content is not text that can be compared.
pub(super) fn replaced(path: &WorkspacePath, new: &str) -> FileDiff {
    FileDiff {
        path: path.as_str().to_owned(),
        old_path: None,
        kind: ChangeKind::Modified,
        additions: new.lines().count() as u32,
        deletions: 0,
        binary: true,
        truncated: false,
        hunks: Vec::new(),
    }
}

fn shown(line: &str, truncated: &mut bool) -> String {
    let line = line.strip_suffix('\n').unwrap_or(line);
    let line = line.strip_suffix('\r').unwrap_or(line);
    match line.char_indices().nth(MAX_CHARACTERS) {
        Some((end, _)) => {
            *truncated = true;
            format!("{}…", line.get(..end).unwrap_or_default())
        }
        None => line.to_owned(),
    }
}
