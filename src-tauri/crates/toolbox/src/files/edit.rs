//! `mshtools-edit_file`.

use async_trait::async_trait;
use okcvm_protocol::{SessionId, ToolResult};
use okcvm_tools::{Reads, Tool, ToolContext, ToolError, Touches};
use okcvm_workspace::{WorkspaceError, WorkspacePath};
use serde_json::{Value, json};

use super::encoding::{Encoding, Extent};
use super::line_ends::LineEnds;
use super::{diff, git, stamp, write};
use crate::call::{arguments, blocking, file_path, missing, size, text, text_of, worded};

/// The largest file that is edited, in bytes.
const MAX_SIZE: u64 = 16 * 1024 * 1024;
/// Lines that are named.
const MAX_NAMED: usize = 20;

/// `mshtools-edit_file`: replaces an exact piece of text.
#[derive(Debug, Clone, Copy, Default)]
pub struct EditFileTool;

#[derive(serde::Deserialize)]
struct EditArguments {
    file_path: String,
    old_string: String,
    new_string: String,
    #[serde(default)]
    replace_all: bool,
}

#[async_trait]
impl Tool for EditFileTool {
    fn name(&self) -> &'static str {
        "mshtools-edit_file"
    }

    fn touches(&self, _session: &SessionId, arguments: &Value) -> Touches {
        let path = text_of(arguments, "file_path");
        // The result shows the lines around what changed.
        Touches::inside(path.clone()).reading(Reads::Files(vec![path]))
    }

    async fn call(&self, context: &ToolContext, given: Value) -> Result<ToolResult, ToolError> {
        let given: EditArguments = arguments(given)?;
        if given.old_string.is_empty() {
            return Err(ToolError::for_model(
                "`old_string` is empty. Give the text to replace, or use mshtools-write_file to write the whole file.",
            ));
        }
        if given.old_string == given.new_string {
            return Err(ToolError::for_model(
                "`old_string` and `new_string` are equal, so there is nothing to change.",
            ));
        }
        blocking(context, move |context| edit(context, &given)).await
    }
}

fn edit(context: &ToolContext, given: &EditArguments) -> Result<ToolResult, ToolError> {
    let workspace = crate::call::workspace(context)?;
    let path = file_path(&workspace, &given.file_path)?;
    git::refuse(&workspace, &path)?;
    let read = match workspace.read(&path, MAX_SIZE) {
        Ok(read) => read,
        Err(WorkspaceError::NotFound { .. } | WorkspaceError::NotAFolder { .. }) => {
            return Err(missing(&workspace, &path));
        }
        Err(error) => return Err(worded(&error)),
    };
    if read.truncated {
        return Err(ToolError::for_model(format!(
            "{} has {}, more than the {} that can be edited. Use mshtools-shell, for example with sed.",
            path.mounted(),
            size(read.size),
            size(MAX_SIZE)
        )));
    }
    stamp::require(context, &path, &stamp::of_bytes(&read.bytes))?;
    let (encoding, old) = decode(&path, &read.bytes)?;
    let ends = LineEnds::of(&old);
    let place = match Place::find(&path, &old, ends, given) {
        Err(_) if !stamp::source_known(context, &path)? => {
            return Err(ToolError::for_model(format!(
                "`old_string` does not fit the source of {}, of which you have seen the Markdown only. Nothing was changed. \
                 Read the source with mshtools-read_file and offset 1, then try again.",
                path.mounted()
            )));
        }
        found => found?,
    };
    let new = old.replace(&place.old, &place.new);
    if new == old {
        return Err(ToolError::for_model(
            "`old_string` and `new_string` differ only in their line ends, which follow the file, so there is nothing to change.",
        ));
    }
    let bytes = encoding.encode(&new).map_err(|character| write::unwritable(&path, encoding, character))?;
    let others = encoding.others(&read.bytes, Extent::Whole);
    if !others.iter().all(|other| place.comes_out_as(&bytes, *other, encoding, &read.bytes)) {
        return Err(write::uncertain(&path, encoding, &others));
    }
    workspace.write_atomic_except(&path, &bytes, &git::keeps(&workspace)).map_err(|error| worded(&error))?;
    stamp::note_part(context, &path, &stamp::of_bytes(&bytes))?;
    let difference = diff::texts(&path, Some(&old), &new, 0);
    let mut result = text(
        json!({
            "path": path.mounted(),
            "replacements": place.lines.len(),
            "lines": place.lines.iter().take(MAX_NAMED).collect::<Vec<_>>(),
            "added_lines": difference.additions,
            "removed_lines": difference.deletions,
        })
        .to_string(),
    );
    result.diff = Some(difference);
    Ok(result)
}

/// The text of the file, if writing it back gives the same bytes.
fn decode(path: &WorkspacePath, bytes: &[u8]) -> Result<(Encoding, String), ToolError> {
    let Some(encoding) = Encoding::detect(bytes, Extent::Whole) else {
        return Err(ToolError::for_model(format!(
            "{} is not a text file and cannot be edited.",
            path.mounted()
        )));
    };
    match encoding.decode(bytes) {
        Some(text) if encoding.encode(&text).as_deref() == Ok(bytes) => Ok((encoding, text)),
        _ => Err(ToolError::for_model(format!(
            "{} looks like {}, but holds bytes that would not survive an edit. Repair or convert it with mshtools-shell first \
             (for example with iconv), then read it again.",
            path.mounted(),
            encoding.name()
        ))),
    }
}

/// What is replaced by what, and on which lines.
#[derive(Debug)]
struct Place {
    old: String,
    new: String,
    lines: Vec<usize>,
}

impl Place {
    /// Whether the change gives the same bytes if the file is written in another encoding than the one that was guessed.
    fn comes_out_as(&self, bytes: &[u8], other: Encoding, guess: Encoding, file: &[u8]) -> bool {
        let changed = || {
            let old = other.decode(&guess.encode_more(&self.old).ok()?)?;
            other.encode(&other.decode(file)?.replace(&old, &self.new)).ok()
        };
        changed().is_some_and(|changed| changed == bytes)
    }

    fn find(
        path: &WorkspacePath,
        text: &str,
        ends: LineEnds,
        given: &EditArguments,
    ) -> Result<Self, ToolError> {
        // With mixed line ends the model cannot know which ones stand in its piece: try what it wrote, then the others.
        let ways = match ends {
            LineEnds::Feed | LineEnds::ReturnFeed => vec![ends],
            LineEnds::Mixed => vec![LineEnds::Mixed, LineEnds::ReturnFeed, LineEnds::Feed],
        };
        for way in ways {
            let old = way.apply(&given.old_string);
            let lines = lines_of(text, &old);
            match lines.len() {
                0 => {}
                1 => return Ok(Self { old, new: way.apply(&given.new_string), lines }),
                _ if given.replace_all => return Ok(Self { old, new: way.apply(&given.new_string), lines }),
                times => {
                    return Err(ToolError::for_model(format!(
                        "`old_string` occurs {times} times in {} (on lines {}). Nothing was changed: add text around it until it \
                         is unique, or set `replace_all` to true to change all of them.",
                        path.mounted(),
                        named(&lines)
                    )));
                }
            }
        }
        Err(absent(path, text, &given.old_string))
    }
}

/// The lines, from 1, on which the occurrences begin.
fn lines_of(text: &str, piece: &str) -> Vec<usize> {
    let mut line = 1;
    let mut counted = 0;
    text.match_indices(piece)
        .map(|(at, _)| {
            line += text.get(counted..at).unwrap_or_default().matches('\n').count();
            counted = at;
            line
        })
        .collect()
}

fn named(lines: &[usize]) -> String {
    let mut words: Vec<String> = lines.iter().take(MAX_NAMED).map(ToString::to_string).collect();
    if lines.len() > MAX_NAMED {
        words.push(format!("and {} more", lines.len() - MAX_NAMED));
    }
    words.join(", ")
}

/// Says that a piece is not there, and what is near it.
fn absent(path: &WorkspacePath, text: &str, piece: &str) -> ToolError {
    let first = piece.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let numbered =
        first.split_once('\t').is_some_and(|(number, _)| number.bytes().all(|byte| byte.is_ascii_digit()));
    let near: Vec<usize> = text
        .lines()
        .enumerate()
        .filter(|(_, line)| !first.is_empty() && line.trim() == first)
        .map(|(index, _)| index + 1)
        .collect();
    let advice = if numbered && near.is_empty() {
        "It seems to contain the line numbers that mshtools-read_file prints; leave them out.".to_owned()
    } else if near.is_empty() {
        "Read the place again and copy it exactly.".to_owned()
    } else {
        format!(
            "Its first line is there but for blanks, or is followed by other lines (line {}): copy the place exactly, with its indentation.",
            named(&near)
        )
    };
    ToolError::for_model(format!(
        "`old_string` does not occur in {}. Nothing was changed. {advice}",
        path.mounted()
    ))
}

#[cfg(test)]
#[path = "edit_tests.rs"]
mod tests;
