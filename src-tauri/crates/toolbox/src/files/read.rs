//! `mshtools-read_file`.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use async_trait::async_trait;
use okcvm_documents::looks_like_document;
use okcvm_protocol::{EntryKind, SessionId, ToolContent, ToolResult};
use okcvm_tools::{Reads, Tool, ToolContext, ToolError, Touches};
use okcvm_workspace::{Workspace, WorkspaceError, WorkspacePath};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::document::{self, Outcome};
use super::encoding::{Encoding, Extent};
use super::kind::{Kind, dimensions};
use super::lines::{LINE_CHARACTERS, Lines, Picked};
use super::{stamp, write};
use crate::call::{
    arguments, blocking, count, counted, file_path, missing, size, text, text_of, whole_number, worded,
};

/// Lines that are shown if the call does not say.
pub(crate) const DEFAULT_LINES: u64 = 100;
/// The start of a file by which it is judged, in bytes.
const SAMPLE: u64 = 64 * 1024;
/// The largest picture that goes to a model, in bytes.
const MAX_PICTURE: u64 = 20 * 1024 * 1024;
/// The largest file that is converted as a whole, in bytes; other text streams by.
const MAX_CONVERTED: u64 = 32 * 1024 * 1024;
/// Entries of a folder that are listed.
const MAX_ENTRIES: usize = 100;

/// `mshtools-read_file`: text with line numbers, documents as Markdown, and pictures.
#[derive(Debug, Clone, Copy, Default)]
pub struct ReadFileTool;

#[derive(serde::Deserialize)]
struct ReadArguments {
    file_path: String,
    #[serde(default, deserialize_with = "whole_number")]
    offset: Option<i64>,
    #[serde(default, deserialize_with = "whole_number")]
    limit: Option<i64>,
}

#[async_trait]
impl Tool for ReadFileTool {
    fn name(&self) -> &'static str {
        "mshtools-read_file"
    }

    fn touches(&self, _session: &SessionId, arguments: &Value) -> Touches {
        let path = text_of(arguments, "file_path");
        Touches::inside(path.clone()).reading(Reads::Files(vec![path]))
    }

    async fn call(&self, context: &ToolContext, given: Value) -> Result<ToolResult, ToolError> {
        let ReadArguments { file_path, offset, limit } = arguments(given)?;
        let window = Window {
            first: positive("offset", offset, 1, "lines are counted from 1")?,
            limit: positive("limit", limit, DEFAULT_LINES, "it is the number of lines to show")?,
            has_offset: offset.is_some(),
            is_default: offset.is_none() && limit.is_none(),
        };
        blocking(context, move |context| read(context, &file_path, &window)).await
    }
}

/// The lines that were asked for.
pub(super) struct Window {
    pub(super) first: u64,
    pub(super) limit: u64,
    pub(super) has_offset: bool,
    pub(super) is_default: bool,
}

fn positive(name: &str, number: Option<i64>, default: u64, why: &str) -> Result<u64, ToolError> {
    match number {
        None => Ok(default),
        Some(number) if number >= 1 => Ok(number.unsigned_abs()),
        Some(number) => {
            Err(ToolError::for_model(format!("`{name}` must be at least 1, not {number}: {why}.")))
        }
    }
}

fn read(context: &ToolContext, given: &str, window: &Window) -> Result<ToolResult, ToolError> {
    let workspace = crate::call::workspace(context)?;
    let path = file_path(&workspace, given)?;
    let mut file = match workspace.open_file(&path) {
        Ok(file) => file,
        Err(WorkspaceError::IsFolder { .. }) => return folder(&workspace, &path),
        Err(WorkspaceError::NotFound { .. } | WorkspaceError::NotAFolder { .. }) => {
            return Err(missing(&workspace, &path));
        }
        Err(error) => return Err(worded(&error)),
    };
    let io_error =
        |error: io::Error| ToolError::for_model(format!("{} could not be read: {error}.", path.mounted()));
    let bytes = file.metadata().map_err(io_error)?.len();
    let mut sample = Vec::new();
    Read::by_ref(&mut file).take(SAMPLE).read_to_end(&mut sample).map_err(io_error)?;
    if sample.is_empty() {
        stamp::note(context, &path, &stamp::of_bytes(&[]))?;
        return Ok(text(format!("{} is empty.", path.mounted())));
    }
    let name = path.file_name().unwrap_or_default();
    match Kind::of(&sample, name) {
        Some(Kind::Picture(mime)) => return picture(context, &path, &mut file, mime, bytes),
        Some(Kind::Document(what)) => {
            return match document::show(context, &path, &mut file, bytes, window)? {
                Outcome::Shown(result) => Ok(result),
                Outcome::Other => binary(context, &path, &mut file, what, bytes),
            };
        }
        Some(Kind::Binary(what)) => return binary(context, &path, &mut file, what, bytes),
        // A notebook is JSON; whether it is one is known when all of it has been seen.
        None if bytes <= MAX_CONVERTED && looks_like_document(&sample) => {
            if let Outcome::Shown(result) = document::show(context, &path, &mut file, bytes, window)? {
                return Ok(result);
            }
        }
        None => {}
    }
    let extent = if bytes <= SAMPLE { Extent::Whole } else { Extent::Start };
    let Some(encoding) = Encoding::detect(&sample, extent) else {
        return binary(context, &path, &mut file, "file that is not text", bytes);
    };
    if let Some(result) = document::show_text(context, &path, &mut file, window)? {
        return Ok(result);
    }
    if matches!(encoding, Encoding::Utf16(_)) && bytes > MAX_CONVERTED {
        return Err(ToolError::for_model(format!(
            "{} is UTF-16 text of {}, which is too large to be converted here (limit {}). Convert it with mshtools-shell \
             (iconv) and read the result.",
            path.mounted(),
            size(bytes),
            size(MAX_CONVERTED)
        )));
    }
    file.seek(SeekFrom::Start(0)).map_err(io_error)?;
    let (picked, seen) = match lines(context, &mut file, encoding, window) {
        Ok(read) => read,
        Err(LinesError::Io(error)) => return Err(io_error(error)),
        Err(LinesError::Cancelled) => return Err(ToolError::Cancelled(None)),
    };
    if picked.shown == 0 {
        return Err(ToolError::for_model(format!(
            "`offset` {} is beyond the end: {} has {}.",
            window.first,
            path.mounted(),
            counted(picked.total, "line", "lines")
        )));
    }
    stamp::note(context, &path, &seen)?;
    let mut result = text(format!(
        "{}{}",
        picked.text,
        remarks(&picked, encoding, &encoding.others(&sample, extent), window)
    ));
    if name.rsplit_once('.').is_some_and(|(_, ending)| ending.eq_ignore_ascii_case("svg"))
        && window.is_default
    {
        let image = ToolContent::Image {
            mime: "image/svg+xml".to_owned(),
            path: path.as_str().to_owned(),
            hash: seen.hash,
            size: bytes,
        };
        if bytes <= MAX_PICTURE {
            result.content.insert(0, image);
        }
    }
    Ok(result)
}

enum LinesError {
    Io(io::Error),
    Cancelled,
}

/// Picks the lines and stamps the whole file in one pass.
fn lines(
    context: &ToolContext,
    file: &mut File,
    encoding: Encoding,
    window: &Window,
) -> Result<(Picked, okcvm_tools::ReadStamp), LinesError> {
    if matches!(encoding, Encoding::Utf16(_)) {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(LinesError::Io)?;
        // The mark at the start is not part of the text.
        let converted = encoding.decode_lossy(bytes.get(2..).unwrap_or_default());
        let mut lines = Lines::new(Encoding::Utf8, window.first, window.limit);
        lines.feed(converted.as_bytes());
        return Ok((lines.finish(), stamp::of_bytes(&bytes)));
    }
    let mut lines = Lines::new(encoding, window.first, window.limit);
    let mut hash = Sha256::new();
    let mut chunk = vec![0; 256 * 1024];
    let mut at_start = true;
    loop {
        if context.cancel.is_cancelled() {
            return Err(LinesError::Cancelled);
        }
        let read = match file.read(&mut chunk) {
            Ok(0) => return Ok((lines.finish(), stamp::hex(hash))),
            Ok(read) => chunk.get(..read).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(LinesError::Io(error)),
        };
        hash.update(read);
        let text = match encoding {
            Encoding::Utf8Marked if at_start => read.strip_prefix(b"\xef\xbb\xbf").unwrap_or(read),
            _ => read,
        };
        at_start = false;
        lines.feed(text);
    }
}

/// What else there is to know about the text, a line each in brackets.
pub(super) fn remarks(picked: &Picked, encoding: Encoding, others: &[Encoding], window: &Window) -> String {
    let mut remarks = Vec::new();
    let last = window.first + picked.shown - 1;
    let total = counted(picked.total, "line", "lines");
    if last < picked.total {
        remarks.push(format!(
            "Lines {} to {} of {total}. Continue with offset {}.",
            count(window.first),
            count(last),
            last + 1
        ));
    } else if window.first > 1 {
        remarks.push(format!(
            "Lines {} to {} of {total}: the end of the file.",
            count(window.first),
            count(last)
        ));
    }
    if picked.cut_lines > 0 {
        remarks.push(format!(
            "{} cut after {} characters.",
            if picked.cut_lines == 1 {
                "1 line was".to_owned()
            } else {
                format!("{} lines were", count(picked.cut_lines))
            },
            count(LINE_CHARACTERS as u64)
        ));
    }
    if !others.is_empty() {
        let choice = write::choice(encoding, others);
        remarks.push(format!(
            "Encoding: {choice}; there is too little text to tell, {} is shown.",
            encoding.name()
        ));
    } else if encoding != Encoding::Utf8 {
        remarks.push(format!("Encoding: {}.", encoding.name()));
    }
    if picked.return_ends > 0 {
        remarks.push(if picked.return_ends + 1 >= picked.total {
            "Line ends: CRLF.".to_owned()
        } else {
            "Line ends: CRLF and LF mixed.".to_owned()
        });
    }
    if remarks.is_empty() { String::new() } else { format!("[{}]\n", remarks.join("]\n[")) }
}

fn picture(
    context: &ToolContext,
    path: &WorkspacePath,
    file: &mut File,
    mime: &str,
    bytes: u64,
) -> Result<ToolResult, ToolError> {
    let failed =
        |error: io::Error| ToolError::for_model(format!("{} could not be read: {error}.", path.mounted()));
    let seen = stamp::of_file(context, path, file)?;
    stamp::note(context, path, &seen)?;
    let mut head = Vec::new();
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    Read::by_ref(file).take(MAX_PICTURE).read_to_end(&mut head).map_err(failed)?;
    let pixels = dimensions(mime, &head)
        .map(|(width, height)| format!(", {width} x {height} pixels"))
        .unwrap_or_default();
    let words = format!("{}: {mime}{pixels}, {}.", path.mounted(), size(bytes));
    if bytes > MAX_PICTURE {
        return Ok(text(format!(
            "{words} It is too large to be shown here (limit {}); make a smaller copy with mshtools-shell if you need to see it.",
            size(MAX_PICTURE)
        )));
    }
    let mut result = text(words);
    result.content.insert(
        0,
        ToolContent::Image {
            mime: mime.to_owned(),
            path: path.as_str().to_owned(),
            hash: seen.hash,
            size: bytes,
        },
    );
    Ok(result)
}

fn binary(
    context: &ToolContext,
    path: &WorkspacePath,
    file: &mut File,
    what: &str,
    bytes: u64,
) -> Result<ToolResult, ToolError> {
    let seen = stamp::of_file(context, path, file)?;
    stamp::note(context, path, &seen)?;
    let article = if what.starts_with(['A', 'E', 'I', 'O', 'a', 'e', 'i', 'o']) || what.starts_with("MP") {
        "an"
    } else {
        "a"
    };
    Ok(text(format!(
        "{} is {article} {what} ({}); its bytes are not shown. Use mshtools-shell to look into it.",
        path.mounted(),
        size(bytes)
    )))
}

fn folder(workspace: &Workspace, path: &WorkspacePath) -> Result<ToolResult, ToolError> {
    let (entries, more) = workspace.list(path, MAX_ENTRIES).map_err(|error| worded(&error))?;
    let mut lines = vec![if entries.is_empty() {
        format!("{} is a folder without entries.", path.mounted())
    } else {
        format!("{} is a folder. Its entries:", path.mounted())
    }];
    lines.extend(entries.iter().map(|entry| match entry.kind {
        EntryKind::Folder => format!("- {}/", entry.name),
        EntryKind::File => format!("- {} ({})", entry.name, size(entry.size)),
        EntryKind::Link => format!("- {} (a symbolic link)", entry.name),
        EntryKind::Special => format!("- {} (neither file nor folder)", entry.name),
    }));
    if more {
        lines.push(format!(
            "[Only the first {MAX_ENTRIES} entries are listed; use mshtools-shell for the rest.]"
        ));
    }
    Ok(text(lines.join("\n")))
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
