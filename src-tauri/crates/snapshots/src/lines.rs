//! The changed lines of one file.

use okcvm_objects::{Entry, EntryKind, ObjectId};
use std::time::Duration;

use okcvm_protocol::{DiffHunk, DiffLine, DiffLineKind, FileChange, FileDiff};
use similar::{Algorithm, ChangeTag, TextDiff};

use crate::entry::raw;
use crate::error::SnapshotError;
use crate::similarity::{BINARY_LOOK, is_binary};
use crate::source::Source;

/// Lines around a change.
const CONTEXT: usize = 3;
/// Contents with more bytes are not compared.
const MAX_BYTES: u64 = 4_000_000;
/// Lines in all hunks together.
const MAX_LINES: usize = 5_000;
/// Characters of one line.
const MAX_LINE: usize = 2_000;
/// After this time the comparison becomes coarser: still right, but no longer the shortest.
const PATIENCE: Duration = Duration::from_secs(2);

/// Compares the file that `change` names in the trees `old` and `new`. The content of a link is its target.
pub(crate) fn file_diff(
    source: &Source,
    old: ObjectId,
    new: ObjectId,
    change: &FileChange,
) -> Result<FileDiff, SnapshotError> {
    let path = raw(&change.path);
    let old_path = change.old_path.as_deref().map_or_else(|| path.clone(), raw);
    let file = |entry: &Entry| entry.kind != EntryKind::Folder;
    let old = source.entry_at(old, &old_path)?.filter(file);
    let new = source.entry_at(new, &path)?.filter(file);
    let mut diff = FileDiff {
        path: change.path.clone(),
        old_path: change.old_path.clone(),
        kind: change.kind,
        additions: 0,
        deletions: 0,
        binary: false,
        truncated: false,
        hunks: Vec::new(),
    };
    if old.map(|entry| entry.id) == new.map(|entry| entry.id) {
        return Ok(diff);
    }
    for entry in [old, new].into_iter().flatten() {
        if source.size(entry.id)? > MAX_BYTES {
            diff.truncated = true;
            diff.binary = is_binary(&source.range(entry.id, 0, BINARY_LOOK as u64)?);
            if diff.binary {
                break;
            }
        }
    }
    if diff.truncated {
        return Ok(diff);
    }
    let content = |entry: Option<Entry>| entry.map_or_else(|| Ok(Vec::new()), |entry| source.blob(entry.id));
    let (old, new) = (content(old)?, content(new)?);
    if is_binary(&old) || is_binary(&new) {
        diff.binary = true;
        return Ok(diff);
    }
    compare(&String::from_utf8_lossy(&old), &String::from_utf8_lossy(&new), &mut diff);
    Ok(diff)
}

fn compare(old: &str, new: &str, diff: &mut FileDiff) {
    let lines = TextDiff::configure().algorithm(Algorithm::Myers).timeout(PATIENCE).diff_lines(old, new);
    let mut left = MAX_LINES;
    for group in lines.grouped_ops(CONTEXT) {
        let mut hunk = DiffHunk { old_start: 0, new_start: 0, lines: Vec::new() };
        if let Some(first) = group.first() {
            hunk.old_start = first.old_range().start as u32 + 1;
            hunk.new_start = first.new_range().start as u32 + 1;
        }
        for change in group.iter().flat_map(|operation| lines.iter_changes(operation)) {
            let kind = match change.tag() {
                ChangeTag::Equal => DiffLineKind::Context,
                ChangeTag::Insert => {
                    diff.additions += 1;
                    DiffLineKind::Added
                }
                ChangeTag::Delete => {
                    diff.deletions += 1;
                    DiffLineKind::Removed
                }
            };
            // Counted to the end, shown as far as there is room.
            if left == 0 {
                diff.truncated = true;
                continue;
            }
            left -= 1;
            let value = change.value();
            let value = value.strip_suffix('\n').unwrap_or(value);
            let mut text = value.strip_suffix('\r').unwrap_or(value).to_owned();
            if let Some((cut, _)) = text.char_indices().nth(MAX_LINE) {
                text.truncate(cut);
                diff.truncated = true;
            }
            hunk.lines.push(DiffLine { kind, text });
        }
        if !hunk.lines.is_empty() {
            diff.hunks.push(hunk);
        }
    }
}
