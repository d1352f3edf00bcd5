//! Takes a command's output: shows it live, keeps what the model gets, and the whole of it in a file if it is long.

use std::collections::VecDeque;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use okcvm_protocol::ItemId;
use okcvm_tools::{ToolProgress, ToolSink};
use tokio::io::AsyncWriteExt;

use super::terminal::{Decoder, last_written};
use crate::call;
use crate::files::encoding::other_text;

/// The most characters that the model gets of an output.
pub(crate) const MAX_CHARACTERS: usize = 10_000;
/// Of a longer output, the model gets its beginning and its end; the words about the cut fit into the rest.
const HEAD_CHARACTERS: usize = 5_500;
const TAIL_CHARACTERS: usize = 4_000;
/// What is shown of the text on each side of binary output, and how long its end must be to count as text.
const BESIDE_CHARACTERS: usize = 2_000;
const LEAST_CHARACTERS: usize = 8;
/// How often live output goes out at most.
pub(crate) const LIVE_INTERVAL: std::time::Duration = std::time::Duration::from_millis(50);
/// Bytes that stay in memory from the beginning, and characters from the end.
const MEMORY: usize = 256 * 1024;
/// Characters that are shown at a time; what is written faster than one can read is shown in part.
const LIVE_CHARACTERS: usize = 16 * 1024;

/// What became of an output.
pub(crate) struct Captured {
    /// For the model.
    pub text: String,
    pub kept: Kept,
}

/// Whether the whole output lies in a file.
pub(crate) enum Kept {
    /// It is short, or of no use as text.
    Nothing,
    File {
        path: PathBuf,
        size: u64,
    },
    Failed(std::io::Error),
}

pub(crate) struct Capture {
    path: PathBuf,
    decoder: Decoder,
    /// All bytes, as long as they are few; then the first ones.
    bytes: Vec<u8>,
    /// The file with all bytes, once they are many.
    file: Option<std::io::Result<tokio::fs::File>>,
    written: u64,
    /// All text, as long as it is little; then its beginning.
    head: String,
    /// The end of the text, once it is much.
    tail: VecDeque<char>,
    characters: usize,
    /// Text that was not shown yet.
    live: String,
    live_skipped: bool,
    binary_said: bool,
    /// What to do about a cut.
    advice: &'static str,
}

impl Capture {
    pub(crate) fn new(session_folder: &Path, item: &ItemId) -> Self {
        let name: String = item
            .as_str()
            .chars()
            .map(|character| if character.is_ascii_alphanumeric() { character } else { '-' })
            .collect();
        Self {
            path: session_folder.join("outputs").join(format!("{name}.txt")),
            decoder: Decoder::default(),
            bytes: Vec::new(),
            file: None,
            written: 0,
            head: String::new(),
            tail: VecDeque::new(),
            characters: 0,
            live: String::new(),
            live_skipped: false,
            binary_said: false,
            advice: "run the command again with `> file` and read that file in parts, or filter it with grep, head or tail",
        }
    }

    /// With other words on what to do about a cut.
    pub(crate) fn with_advice(mut self, advice: &'static str) -> Self {
        self.advice = advice;
        self
    }

    pub(crate) async fn take(&mut self, piece: &[u8]) {
        let text = self.decoder.decode(piece);
        self.take_text(&text);
        if self.file.is_none() && self.bytes.len() + piece.len() <= MEMORY {
            self.bytes.extend_from_slice(piece);
            return;
        }
        if self.file.is_none() {
            self.open().await;
        }
        self.write(piece).await;
    }

    fn take_text(&mut self, text: &str) {
        for character in text.chars() {
            self.characters += 1;
            if self.head.len() < MEMORY {
                self.head.push(character);
            } else {
                if self.tail.len() == MEMORY {
                    self.tail.pop_front();
                }
                self.tail.push_back(character);
            }
        }
        self.live.push_str(text);
        if self.live.len() > 2 * LIVE_CHARACTERS {
            let mut start = self.live.len() - LIVE_CHARACTERS;
            while !self.live.is_char_boundary(start) {
                start += 1;
            }
            self.live.drain(..start);
            self.live_skipped = true;
        }
    }

    /// Passes on what was not shown yet.
    pub(crate) fn show(&mut self, sink: &dyn ToolSink) {
        if self.decoder.counts().looks_binary() {
            self.live.clear();
            if !self.binary_said {
                self.binary_said = true;
                sink.progress(ToolProgress::Message("The output is binary and not shown.".to_owned()));
            }
            return;
        }
        if self.live.is_empty() {
            return;
        }
        let text = std::mem::take(&mut self.live);
        let text = if std::mem::take(&mut self.live_skipped) { format!("\n[…]\n{text}") } else { text };
        sink.progress(ToolProgress::Output(text));
    }

    async fn open(&mut self) {
        let opened = match self.path.parent() {
            Some(folder) => match tokio::fs::create_dir_all(folder).await {
                Ok(()) => tokio::fs::File::create(&self.path).await,
                Err(error) => Err(error),
            },
            None => Err(std::io::ErrorKind::NotFound.into()),
        };
        self.file = Some(opened);
        let bytes = std::mem::take(&mut self.bytes);
        self.write(&bytes).await;
        self.bytes = bytes;
    }

    async fn write(&mut self, bytes: &[u8]) {
        if let Some(Ok(file)) = &mut self.file {
            match file.write_all(bytes).await {
                Ok(()) => self.written += bytes.len() as u64,
                Err(error) => self.file = Some(Err(error)),
            }
        }
    }

    /// Forgets everything, the file included.
    pub(crate) async fn discard(self) {
        if self.file.is_some() {
            drop(self.file);
            let _ = tokio::fs::remove_file(&self.path).await;
        }
    }

    pub(crate) async fn finish(mut self) -> Captured {
        let rest = self.decoder.finish();
        self.take_text(&rest);
        let counts = self.decoder.counts();
        // Few bytes are all here, and may be text in an encoding of before Unicode.
        let other = if counts.looks_binary() && self.file.is_none() { other_text(&self.bytes) } else { None };
        if let Some((text, encoding)) = other {
            let mut decoder = Decoder::default();
            self.head = decoder.decode(text.as_bytes()) + &decoder.finish();
            let _ = write!(self.head, "\n[The output is written in {encoding}, as far as can be guessed.]");
            self.tail.clear();
            self.characters = self.head.chars().count();
        } else if counts.looks_binary() {
            let tail: String = self.tail.iter().collect();
            let before = text_before(&self.head);
            // The first line of what is kept of the end is cut off, and what follows may be text alone.
            let after = match tail.split_once('\n') {
                Some((_, end)) => text_after(end, false),
                None if tail.is_empty() => text_after(&self.head, true),
                None => String::new(),
            };
            let text = format!(
                "{before}(binary output: {}, {}; it is not shown. Write it to a file in the workspace with `>` to use it){after}",
                call::size(counts.total),
                kind(&self.bytes)
            );
            self.discard().await;
            return Captured { text, kept: Kept::Nothing };
        }
        let whole = self.tail.is_empty().then(|| last_written(&self.head));
        if let Some(text) = whole.as_ref().filter(|text| text.chars().count() <= MAX_CHARACTERS) {
            // Much may have been written over the same few lines.
            let text = text.clone();
            self.discard().await;
            return Captured { text, kept: Kept::Nothing };
        }
        if self.file.is_none() {
            self.open().await;
        }
        let kept = match self.file.take() {
            Some(Ok(mut file)) => match file.flush().await {
                Ok(()) => Kept::File { path: self.path.clone(), size: self.written },
                Err(error) => Kept::Failed(error),
            },
            Some(Err(error)) => Kept::Failed(error),
            None => Kept::Nothing,
        };
        let text = if let Some(text) = whole {
            cut(&text, &text, text.chars().count(), self.advice)
        } else {
            let tail: String = self.tail.iter().collect();
            cut(&last_written(&self.head), &last_written(&tail), self.characters, self.advice)
        };
        Captured { text, kept }
    }
}

/// Beginning and end, and between them how much is missing and what to do about it.
fn cut(beginning: &str, end: &str, all: usize, advice: &str) -> String {
    let head: String = beginning.chars().take(HEAD_CHARACTERS).collect();
    let skipped = end.chars().count().saturating_sub(TAIL_CHARACTERS);
    let tail: String = end.chars().skip(skipped).collect();
    let missing = all.saturating_sub(head.chars().count() + tail.chars().count());
    format!(
        "{head}\n[… {} of {} characters are cut out here. The user has the whole output. To see more of it, \
         {advice} …]\n{tail}",
        call::count(missing as u64),
        call::count(all as u64)
    )
}

/// Whether a line is what a person would read.
fn is_text(line: &str) -> bool {
    !line
        .chars()
        .any(|letter| letter == char::REPLACEMENT_CHARACTER || (letter.is_control() && letter != '\t'))
}

/// The lines of text with which an output begins that is binary after them, each with its end; or nothing.
fn text_before(beginning: &str) -> String {
    let mut end = 0;
    for line in beginning.split_inclusive('\n') {
        if !line.ends_with('\n') || !is_text(line.trim_end_matches(['\r', '\n'])) {
            break;
        }
        end += line.len();
    }
    let text = &beginning[..end];
    let skipped = text.chars().count().saturating_sub(BESIDE_CHARACTERS);
    if skipped == 0 {
        return text.to_owned();
    }
    text.chars().take(BESIDE_CHARACTERS).collect::<String>() + "\n[…]\n"
}

/// The lines of text with which an output ends that is binary before them, after the end of a line; or nothing. `is_whole`
/// says that nothing is missing before `end`.
fn text_after(end: &str, is_whole: bool) -> String {
    let mut start = end.len();
    for line in end.split_inclusive('\n').rev() {
        if !is_text(line.trim_end_matches(['\r', '\n'])) {
            break;
        }
        start -= line.len();
    }
    let text = end[start..].trim_end();
    // Of bytes by chance some few may look like text.
    let is_all = is_whole && start == 0;
    if is_all || (text.chars().count() < LEAST_CHARACTERS && !end.ends_with('\n')) || text.is_empty() {
        return String::new();
    }
    let skipped = text.chars().count().saturating_sub(BESIDE_CHARACTERS);
    let cut = if skipped == 0 { "" } else { "[…]\n" };
    format!("\n{cut}{}", text.chars().skip(skipped).collect::<String>())
}

/// What kind of file begins like this.
fn kind(bytes: &[u8]) -> &'static str {
    const KINDS: &[(&[u8], &str)] = &[
        (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
        (b"\xff\xd8\xff", "a JPEG picture"),
        (b"GIF8", "a GIF picture"),
        (b"%PDF-", "a PDF document"),
        (b"PK\x03\x04", "a ZIP archive or office document"),
        (b"\x1f\x8b", "gzip data"),
        (b"BZh", "bzip2 data"),
        (b"\xfd7zXZ\0", "xz data"),
        (b"\x28\xb5\x2f\xfd", "Zstandard data"),
        (b"\x7fELF", "an ELF program"),
        (b"SQLite format 3\0", "an SQLite database"),
        (b"RIFF", "a RIFF file (WAV, AVI or WebP)"),
        (b"OggS", "an Ogg file"),
        (b"ID3", "an MP3 file"),
        (b"\0asm", "WebAssembly"),
        (b"\xff\xfe", "UTF-16 text"),
        (b"\xfe\xff", "UTF-16 text"),
    ];
    if bytes.get(4..8) == Some(b"ftyp") {
        return "an MP4 file";
    }
    KINDS.iter().find(|(magic, _)| bytes.starts_with(magic)).map_or("of an unknown type", |(_, kind)| kind)
}
