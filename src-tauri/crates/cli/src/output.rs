//! Writing to the terminal, from a thread of its own: a reader that does not read stops nobody but that thread, and
//! what it has not read yet waits in memory, nothing of it lost.
//!
//! A reader that went away (`| head`) is no error; anything else that keeps the answer from being written is one.

use std::borrow::Cow;
use std::io::{BufWriter, ErrorKind, IsTerminal, Write};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, channel, sync_channel};

use okcvm_protocol::{AppError, Check, CheckStatus};
use serde::Serialize;

/// Returns to the start of the line and empties it.
pub(crate) const CLEAR_LINE: &str = "\r\x1b[K";

/// How the answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl Format {
    /// Of the `--json` flag.
    pub(crate) fn of(json: bool) -> Self {
        if json { Self::Json } else { Self::Text }
    }
}

/// A path for a line of a list: what would end the line or steer the terminal is escaped.
pub(crate) fn name(path: &str) -> String {
    let mut shown = String::with_capacity(path.len());
    for sign in path.chars() {
        if sign.is_control() {
            shown.extend(sign.escape_default());
        } else {
            shown.push(sign);
        }
    }
    shown
}

/// A text for stdout: on a terminal, what would steer it is escaped; a program gets it as it is.
pub(crate) fn answer(text: &str) -> Cow<'_, str> {
    if std::io::stdout().is_terminal() { unsteered(text) } else { Cow::Borrowed(text) }
}

fn unsteered(text: &str) -> Cow<'_, str> {
    let steers = |sign: char| sign.is_control() && !matches!(sign, '\n' | '\t');
    if !text.contains(steers) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for sign in text.chars() {
        if steers(sign) {
            shown.extend(sign.escape_default());
        } else {
            shown.push(sign);
        }
    }
    Cow::Owned(shown)
}

/// What the writing thread is given.
enum Piece {
    /// For stdout, as it is.
    Answer(String),
    /// For stderr, as it is.
    Note(String),
    /// For the last line of a terminal at stderr, until something else is written.
    Waiting(String),
    /// Asks for a sign that all before it is written, with what failed.
    Finish(SyncSender<Option<std::io::Error>>),
}

fn send(piece: Piece) {
    static WRITER: OnceLock<Option<Sender<Piece>>> = OnceLock::new();
    let writer = WRITER.get_or_init(|| {
        let (sender, pieces) = channel();
        let started = std::thread::Builder::new().name("output".into()).spawn(move || write(&pieces));
        started.is_ok().then_some(sender)
    });
    match writer {
        // The thread lives as long as its sender, which is static.
        Some(sender) => drop(sender.send(piece)),
        None => Screen::of_process().take(piece),
    }
}

fn write(pieces: &Receiver<Piece>) {
    let mut screen = Screen::of_process();
    loop {
        let piece = match pieces.try_recv() {
            Ok(piece) => piece,
            Err(TryRecvError::Empty) => {
                screen.flush();
                match pieces.recv() {
                    Ok(piece) => piece,
                    Err(_) => return,
                }
            }
            Err(TryRecvError::Disconnected) => return,
        };
        screen.take(piece);
    }
}

/// The two streams of a program, written in one order.
struct Screen<O, E> {
    out: O,
    notes: E,
    notes_on_terminal: bool,
    waiting_shown: bool,
    failure: Option<std::io::Error>,
}

impl Screen<BufWriter<std::io::Stdout>, std::io::Stderr> {
    fn of_process() -> Self {
        let notes = std::io::stderr();
        let terminal = notes.is_terminal();
        Self::new(BufWriter::new(std::io::stdout()), notes, terminal)
    }
}

impl<O: Write, E: Write> Screen<O, E> {
    fn new(out: O, notes: E, notes_on_terminal: bool) -> Self {
        Self { out, notes, notes_on_terminal, waiting_shown: false, failure: None }
    }

    fn take(&mut self, piece: Piece) {
        match piece {
            Piece::Answer(text) => {
                self.clear_waiting();
                if self.failure.is_none() {
                    self.failure = self.out.write_all(text.as_bytes()).err();
                }
            }
            Piece::Note(text) => {
                self.flush();
                self.clear_waiting();
                self.say(&text);
            }
            Piece::Waiting(text) if self.notes_on_terminal => {
                self.flush();
                self.say(&format!("{CLEAR_LINE}{text}"));
                self.waiting_shown = true;
            }
            Piece::Waiting(_) => {}
            Piece::Finish(done) => {
                self.flush();
                self.clear_waiting();
                // Whoever asked may have stopped waiting.
                let _ = done.send(self.failure.take());
            }
        }
    }

    fn flush(&mut self) {
        if self.failure.is_none() {
            self.failure = self.out.flush().err();
        }
    }

    fn clear_waiting(&mut self) {
        if std::mem::take(&mut self.waiting_shown) {
            self.say(CLEAR_LINE);
        }
    }

    /// Where stderr cannot be written there is no place left to say so.
    fn say(&mut self, text: &str) {
        let _ = self.notes.write_all(text.as_bytes()).and_then(|()| self.notes.flush());
    }
}

/// A line of the answer.
pub(crate) fn line(text: &str) {
    send(Piece::Answer(format!("{text}\n")));
}

/// A piece of the answer, as it comes.
pub(crate) fn piece(text: String) {
    send(Piece::Answer(text));
}

/// A line of progress.
pub(crate) fn note(text: &str) {
    send(Piece::Note(format!("{text}\n")));
}

/// A piece of progress, as it comes.
pub(crate) fn note_piece(text: String) {
    send(Piece::Note(text));
}

/// What is awaited, on a line that the next one overwrites; only on a terminal.
pub(crate) fn waiting(text: String) {
    send(Piece::Waiting(text));
}

/// Waits until all is written.
pub(crate) fn finish() -> Result<(), AppError> {
    let (done, finished) = sync_channel(1);
    send(Piece::Finish(done));
    match finished.recv() {
        Ok(Some(error)) if error.kind() != ErrorKind::BrokenPipe => {
            Err(AppError::new("The answer could not be written to stdout.").with_detail(error.to_string()))
        }
        Ok(_) | Err(_) => Ok(()),
    }
}

/// A value as indented JSON.
pub(crate) fn json<T: Serialize>(value: &T) -> Result<(), AppError> {
    line(&serde_json::to_string_pretty(value).map_err(|error| unwritable(&error))?);
    Ok(())
}

/// A value as one line of JSON.
pub(crate) fn json_line<T: Serialize>(value: &T) -> Result<(), AppError> {
    line(&serde_json::to_string(value).map_err(|error| unwritable(&error))?);
    Ok(())
}

fn unwritable(error: &serde_json::Error) -> AppError {
    AppError::new("The answer cannot be written as JSON.").with_detail(error.to_string())
}

/// A moment as day and minute in the time zone of this machine.
pub(crate) fn moment(at: i64) -> String {
    let moment = jiff::Timestamp::from_millisecond(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    moment.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string()
}

/// A check with its advice.
pub(crate) fn check(check: &Check) {
    let mark = match check.status {
        CheckStatus::Ok => "ok     ",
        CheckStatus::Warning => "warning",
        CheckStatus::Failed => "FAILED ",
    };
    line(&format!("{mark}  {}: {}", check.name, check.message));
    if let Some(hint) = &check.hint {
        line(&format!("         → {hint}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Refuses every byte.
    struct Refusing(ErrorKind);

    impl Write for Refusing {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_is_awaited_is_overwritten_and_leaves_nothing() {
        let mut screen = Screen::new(Vec::new(), Vec::new(), true);
        screen.take(Piece::Waiting("1 s".into()));
        screen.take(Piece::Waiting("2 s".into()));
        screen.take(Piece::Answer("there\n".into()));
        screen.take(Piece::Note("done\n".into()));
        assert_eq!(screen.out, b"there\n");
        assert_eq!(
            String::from_utf8(screen.notes).unwrap(),
            format!("{CLEAR_LINE}1 s{CLEAR_LINE}2 s{CLEAR_LINE}done\n")
        );
    }

    #[test]
    fn a_file_gets_no_line_that_is_overwritten() {
        let mut screen = Screen::new(Vec::new(), Vec::new(), false);
        screen.take(Piece::Waiting("1 s".into()));
        screen.take(Piece::Note("done\n".into()));
        assert_eq!(screen.notes, b"done\n");
    }

    #[test]
    fn a_name_stays_on_its_line_and_does_not_steer_the_terminal() {
        assert_eq!(name("文件😀 a.txt"), "文件😀 a.txt");
        assert_eq!(name("new\nline\u{1b}[2J\t"), "new\\nline\\u{1b}[2J\\t");
    }

    #[test]
    fn the_first_failure_is_told_and_the_notes_go_on() {
        let mut screen = Screen::new(Refusing(ErrorKind::StorageFull), Vec::new(), false);
        screen.take(Piece::Answer("lost".into()));
        screen.take(Piece::Answer("lost too".into()));
        screen.take(Piece::Note("still here\n".into()));
        let (done, finished) = sync_channel(1);
        screen.take(Piece::Finish(done));
        assert_eq!(finished.recv().unwrap().unwrap().kind(), ErrorKind::StorageFull);
        assert_eq!(screen.notes, b"still here\n");
    }
}
