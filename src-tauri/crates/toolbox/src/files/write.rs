//! `mshtools-write_file`.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use async_trait::async_trait;
use okcvm_protocol::{Artifact, ArtifactKind, FileDiff, SessionId, ToolResult};
use okcvm_tools::{Reads, Tool, ToolContext, ToolError, Touches};
use okcvm_workspace::{Workspace, WorkspaceError, WorkspacePath};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::encoding::{Encoding, Extent};
use super::line_ends::LineEnds;
use super::stamp::{self, Seen};
use super::{diff, git, kind::Kind};
use crate::call::{arguments, blocking, count, file_path, text, text_of, worded};

/// The longest content of one call.
pub(crate) const MAX_CHARACTERS: usize = 100_000;
/// The largest old content that is compared with the new, in bytes.
const MAX_COMPARED: u64 = 4 * 1024 * 1024;
/// The end of a file that is shown before what is appended to it, in bytes.
const TAIL: u64 = 16 * 1024;
/// The start of a file by which its encoding is judged, in bytes.
const SAMPLE: u64 = 64 * 1024;

/// `mshtools-write_file`: makes, replaces or extends a text file.
#[derive(Debug, Clone, Copy, Default)]
pub struct WriteFileTool;

#[derive(serde::Deserialize)]
struct WriteArguments {
    file_path: String,
    content: String,
    #[serde(default)]
    append: bool,
}

#[async_trait]
impl Tool for WriteFileTool {
    fn name(&self) -> &'static str {
        "mshtools-write_file"
    }

    fn touches(&self, _session: &SessionId, arguments: &Value) -> Touches {
        let path = text_of(arguments, "file_path");
        // The result shows the lines around what changed.
        Touches::inside(path.clone()).reading(Reads::Files(vec![path]))
    }

    async fn call(&self, context: &ToolContext, given: Value) -> Result<ToolResult, ToolError> {
        let WriteArguments { file_path, content, append } = arguments(given)?;
        let characters = content.chars().count();
        if characters > MAX_CHARACTERS {
            return Err(ToolError::for_model(format!(
                "`content` has {} characters, more than the {} of one call. Nothing was written: write the first part, then \
                 add the others with `append` true.",
                count(characters as u64),
                count(MAX_CHARACTERS as u64)
            )));
        }
        blocking(context, move |context| {
            let workspace = crate::call::workspace(context)?;
            let path = self::file_path(&workspace, &file_path)?;
            if path.is_root() || file_path.ends_with('/') {
                return Err(ToolError::for_model(format!(
                    "`{file_path}` names a folder. Give the path of a file in it; folders are made as they are needed."
                )));
            }
            git::refuse(&workspace, &path)?;
            let old = existing(&workspace, &path)?;
            match (old, append) {
                (Some(old), true) => extend(context, &workspace, &path, old, &content),
                (Some(old), false) => replace(context, &workspace, &path, old, &content),
                (None, _) => create(context, &workspace, &path, &content),
            }
        })
        .await
    }
}

/// The file that is there now, if any.
fn existing(workspace: &Workspace, path: &WorkspacePath) -> Result<Option<File>, ToolError> {
    match workspace.open_file(path) {
        Ok(file) => Ok(Some(file)),
        Err(WorkspaceError::NotFound { .. }) => Ok(None),
        Err(error) => Err(worded(&error)),
    }
}

fn create(
    context: &ToolContext,
    workspace: &Workspace,
    path: &WorkspacePath,
    words: &str,
) -> Result<ToolResult, ToolError> {
    workspace
        .write_atomic_except(path, words.as_bytes(), &git::keeps(workspace))
        .map_err(|error| worded(&error))?;
    stamp::note(context, path, &stamp::of_bytes(words.as_bytes()))?;
    Ok(done(path, "created", words.len() as u64, diff::texts(path, None, words, 0)))
}

fn replace(
    context: &ToolContext,
    workspace: &Workspace,
    path: &WorkspacePath,
    mut old: File,
    words: &str,
) -> Result<ToolResult, ToolError> {
    let now = stamp::of_file(context, path, &mut old)?;
    stamp::require(context, path, &now)?;
    let old = Old::of(&mut old).map_err(|error| unreadable(path, &error))?;
    let (encoding, words) = match &old {
        Some(old) => old.style(words),
        None => (Encoding::Utf8, Cow::Borrowed(words)),
    };
    let bytes = encoding.encode(&words).map_err(|character| unwritable(path, encoding, character))?;
    if let Some(Old { others, .. }) = &old {
        same_in_all(path, encoding, others, &words, &bytes)?;
    }
    let difference = match old.filter(|old| old.extent == Extent::Whole) {
        Some(old) => diff::texts(path, Some(&old.text), &words, 0),
        None => diff::replaced(path, &words),
    };
    workspace.write_atomic_except(path, &bytes, &git::keeps(workspace)).map_err(|error| worded(&error))?;
    stamp::note(context, path, &stamp::of_bytes(&bytes))?;
    Ok(done(path, "replaced", bytes.len() as u64, difference))
}

/// The text that is replaced, or the start of one that is too long to be compared.
struct Old {
    encoding: Encoding,
    /// What it may be written in as well.
    others: Vec<Encoding>,
    text: String,
    extent: Extent,
}

impl Old {
    /// `None` if it is not text.
    fn of(file: &mut File) -> io::Result<Option<Self>> {
        let (extent, most) = match file.metadata()?.len() {
            size if size <= MAX_COMPARED => (Extent::Whole, MAX_COMPARED),
            _ => (Extent::Start, SAMPLE),
        };
        file.seek(SeekFrom::Start(0))?;
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes)?;
        Ok(Encoding::detect(&bytes, extent).and_then(|encoding| {
            let text = match extent {
                Extent::Whole => encoding.decode(&bytes)?,
                Extent::Start => encoding.decode_lossy(&bytes),
            };
            Some(Self { encoding, others: encoding.others(&bytes, extent), text, extent })
        }))
    }

    /// How the new content is written: as the old one was.
    fn style<'a>(&self, words: &'a str) -> (Encoding, Cow<'a, str>) {
        let words = match self.encoding {
            // They have a mark of their own.
            Encoding::Utf8Marked | Encoding::Utf16(_) => words.trim_start_matches('\u{feff}'),
            Encoding::Utf8 | Encoding::Legacy(_) => words,
        };
        (self.encoding, LineEnds::of(&self.text).continued(words))
    }
}

/// Adds to the end of a file, in its own encoding and with its line ends.
fn extend(
    context: &ToolContext,
    workspace: &Workspace,
    path: &WorkspacePath,
    mut old: File,
    words: &str,
) -> Result<ToolResult, ToolError> {
    let end = End::of(&mut old, path).map_err(|error| unreadable(path, &error))?;
    let Some(encoding) = end.encoding else {
        return Err(ToolError::for_model(format!(
            "{} is not a text file, so nothing was appended to it.",
            path.mounted()
        )));
    };
    let tail = encoding.decode_lossy(&end.tail);
    let tail = tail.trim_start_matches('\u{feff}');
    let words = LineEnds::of(tail).continued(words);
    let bytes = encoding.encode_more(&words).map_err(|character| unwritable(path, encoding, character))?;
    same_in_all(path, encoding, &end.others, &words, &bytes)?;
    let seen = stamp::seen(context, path, &end.stamp())?;
    workspace.append(path, &bytes, &git::keeps(workspace)).map_err(|error| worded(&error))?;
    // Whoever adds to a file that it has not seen has still not seen it.
    if seen == Seen::Present {
        stamp::note_part(context, path, &stamp::hex(end.hash.chain_update(&bytes)))?;
    }
    let difference = diff::texts(path, Some(tail), &format!("{tail}{words}"), end.lines_before_tail);
    Ok(done(path, "extended", end.size + bytes.len() as u64, difference))
}

/// The end of a file and what a pass over all of it shows.
struct End {
    size: u64,
    hash: Sha256,
    /// Absent if the file is not text.
    encoding: Option<Encoding>,
    /// What it may be written in as well.
    others: Vec<Encoding>,
    /// Its last bytes, from the beginning of a line on.
    tail: Vec<u8>,
    lines_before_tail: u64,
}

impl End {
    fn of(file: &mut File, path: &WorkspacePath) -> io::Result<Self> {
        let mut sample = Vec::new();
        Read::by_ref(file).take(SAMPLE).read_to_end(&mut sample)?;
        let size = file.metadata()?.len();
        let extent = if size <= SAMPLE { Extent::Whole } else { Extent::Start };
        let is_known = Kind::of(&sample, path.file_name().unwrap_or_default()).is_some();
        let encoding = Encoding::detect(&sample, extent).filter(|_| !is_known);
        // A long head in ASCII says nothing about letters that come later.
        let mut telling = sample;
        let mut is_open = encoding == Some(Encoding::Utf8) && telling.is_ascii();
        if is_open {
            telling.clear();
        }
        file.seek(SeekFrom::Start(0))?;
        let mut end = Self {
            size: 0,
            hash: Sha256::new(),
            encoding,
            others: Vec::new(),
            tail: Vec::new(),
            lines_before_tail: 0,
        };
        let mut chunk = vec![0; TAIL as usize];
        loop {
            let read = match file.read(&mut chunk) {
                Ok(0) => break,
                Ok(read) => chunk.get(..read).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            end.size += read.len() as u64;
            if is_open {
                let from = if telling.is_empty() {
                    read.iter().position(|byte| !byte.is_ascii()).unwrap_or(read.len())
                } else {
                    0
                };
                telling.extend_from_slice(read.get(from..).unwrap_or_default());
                is_open = (telling.len() as u64) < SAMPLE;
            }
            end.hash.update(read);
            end.tail.extend_from_slice(read);
            if end.tail.len() as u64 > 2 * TAIL {
                end.shorten();
            }
        }
        if end.encoding == Some(Encoding::Utf8) && !telling.is_empty() {
            end.encoding = Encoding::detect(&telling, if is_open { Extent::Whole } else { Extent::Start });
        }
        if let Some(encoding) = end.encoding {
            end.others = encoding.others(&telling, extent);
        }
        if matches!(end.encoding, Some(Encoding::Utf16(_))) && !end.size.is_multiple_of(2) {
            end.encoding = None;
        }
        Ok(end)
    }

    /// Lets go of lines that are not needed.
    fn shorten(&mut self) {
        let wide = matches!(self.encoding, Some(Encoding::Utf16(_)));
        let from = self.tail.len().saturating_sub(TAIL as usize);
        let line_end = self.tail.iter().skip(from).position(|byte| *byte == b'\n').map(|at| from + at + 1);
        // In UTF-16 a line end has two bytes, so the tail begins at an even place instead.
        let start = match line_end {
            Some(start) if !wide => start,
            _ => from & !1,
        };
        self.lines_before_tail += self.tail.drain(..start).filter(|byte| *byte == b'\n').count() as u64;
    }

    fn stamp(&self) -> okcvm_tools::ReadStamp {
        stamp::hex(self.hash.clone())
    }
}

fn done(path: &WorkspacePath, action: &str, size: u64, difference: FileDiff) -> ToolResult {
    let mut result = text(
        json!({
            "path": path.mounted(),
            "action": action,
            "size": size,
            "added_lines": difference.additions,
            "removed_lines": difference.deletions,
        })
        .to_string(),
    );
    result.artifacts.extend(artifact(path, size));
    result.diff = Some(difference);
    result
}

/// What is worth showing by itself: text for people, tables and drawings in the output folder; not the parts of a site.
fn artifact(path: &WorkspacePath, size: u64) -> Option<Artifact> {
    path.as_str().strip_prefix("output/")?;
    let title = path.file_name()?;
    let (_, ending) = title.rsplit_once('.')?;
    let kind = match ending.to_ascii_lowercase().as_str() {
        "md" | "markdown" | "txt" => ArtifactKind::Document,
        "csv" | "tsv" => ArtifactKind::Table,
        "svg" => ArtifactKind::Image,
        _ => return None,
    };
    Some(Artifact {
        kind,
        title: title.to_owned(),
        path: path.as_str().to_owned(),
        url: None,
        deployment: None,
        size: Some(size),
        meta: None,
        fidelity: None,
        hash: None,
        node_id: None,
    })
}

fn unreadable(path: &WorkspacePath, error: &io::Error) -> ToolError {
    ToolError::for_model(format!("{} could not be read, so it was not changed: {error}.", path.mounted()))
}

pub(super) fn unwritable(path: &WorkspacePath, encoding: Encoding, character: char) -> ToolError {
    ToolError::for_model(format!(
        "{} is written in {}, which has no `{character}` (U+{:04X}). Nothing was changed: leave the character out, or convert \
         the file to UTF-8 first.",
        path.mounted(),
        encoding.name(),
        u32::from(character)
    ))
}

/// Refuses words that would not be the same bytes in everything that the file may be written in.
fn same_in_all(
    path: &WorkspacePath,
    encoding: Encoding,
    others: &[Encoding],
    words: &str,
    bytes: &[u8],
) -> Result<(), ToolError> {
    let is_same = |other: &Encoding| other.encode_more(words).as_deref() == Ok(bytes);
    if others.iter().all(is_same) { Ok(()) } else { Err(uncertain(path, encoding, others)) }
}

pub(super) fn uncertain(path: &WorkspacePath, encoding: Encoding, others: &[Encoding]) -> ToolError {
    ToolError::for_model(format!(
        "{} may be written in {}: it has too little text to tell, and what you write would be other bytes in each. Nothing \
         was changed. Find out which one it is, convert the file to UTF-8 with mshtools-shell (iconv), and read it again.",
        path.mounted(),
        choice(encoding, others)
    ))
}

/// The encodings that a file may be written in, for people.
pub(super) fn choice(encoding: Encoding, others: &[Encoding]) -> String {
    let mut names = vec![encoding.name()];
    names.extend(others.iter().map(|other| other.name()));
    names.join(" or ")
}

#[cfg(test)]
#[path = "write_tests.rs"]
mod tests;
