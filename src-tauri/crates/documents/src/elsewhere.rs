//! Reads documents in a process of its own, where a parser that swells, breaks down or never ends costs that document
//! alone: a limit of memory holds the process, and it is ended when its time is over.
//!
//! The process is a program of the app that runs again with another first argument. It gets an order as a line of JSON
//! and the bytes behind it, and answers with frames: the length of a line of JSON in four bytes (little endian), the
//! line, and behind a picture its bytes.

use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::limits::Limits;
use crate::read::{GRACE, LOOK, STACK};
use crate::{Document, DocumentError, DocumentKind, Facts, Picture, Reading};

/// The first argument of a program that is to read a document.
const ARGUMENT: &str = "--okcvm-document";
/// Bytes of memory that the process may ask for, beyond those of the document.
const MEMORY: u64 = 1536 * 1024 * 1024;
/// Bytes of an answer without its picture.
const MOST_SAID: u32 = 64 * 1024 * 1024;
/// Bytes of what the process says on its way out.
const MOST_LAST_WORDS: u64 = 4 * 1024;
/// How long a process whose output is closed may take to be gone.
const DYING: Duration = Duration::from_secs(1);

static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// From now on PDF documents are read by `program`, whose `main` must begin with [`serve_if_asked`]. The first call
/// counts; without one they are read in this process, where nothing but time and their own sizes bounds them.
pub fn read_elsewhere(program: PathBuf) {
    if PROGRAM.set(program).is_err() {
        tracing::debug!("the program that reads documents is known already");
    }
}

/// The program that reads documents, if there is one.
pub(crate) fn program() -> Option<&'static Path> {
    PROGRAM.get().map(PathBuf::as_path)
}

/// Reads a document and ends the program, if it was started for that. Must be the first thing that `main` does.
pub fn serve_if_asked() {
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == ARGUMENT) && arguments.next().is_none() {
        std::process::exit(i32::from(serve().is_err()));
    }
}

/// What is wanted of a document.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Task {
    /// Its text.
    Text,
    /// What it says about itself.
    Facts,
    /// Its first pages, none larger than `fit`.
    Pictures { most: usize, fit: (u32, u32) },
}

#[derive(Serialize, Deserialize)]
struct Order {
    kind: DocumentKind,
    task: Task,
    limits: Limits,
    length: usize,
}

/// An answer. Several pictures may come; the rest comes once and is the end.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Said {
    Text(Document),
    Facts(Facts),
    Picture { width: u32, height: u32 },
    Done,
    Failed(DocumentError),
}

/// Lets `program` do something with a document. `each` gets every answer but failures, with the bytes of a picture, and
/// says whether to go on. Every answer may take the time of the limits. Blocks.
pub(crate) fn ask(
    program: &Path,
    (kind, task): (DocumentKind, Task),
    bytes: Vec<u8>,
    reading: &Reading,
    each: &mut dyn FnMut(Said, Vec<u8>) -> bool,
) -> Result<(), DocumentError> {
    let failed = |error: &dyn std::fmt::Display| {
        tracing::warn!(%error, program = %program.display(), "a document cannot be read in a process of its own");
        DocumentError::Fault(kind)
    };
    let order = Order { kind, task, limits: *reading.limits(), length: bytes.len() };
    let order = serde_json::to_vec(&order).map_err(|error| failed(&error))?;
    let mut process = Process::start(program).map_err(|error| failed(&error))?;
    let (Some(mut input), Some(output)) = (process.0.stdin.take(), process.0.stdout.take()) else {
        return Err(DocumentError::Fault(kind));
    };
    let writing = std::thread::Builder::new().name("document-in".to_owned()).spawn(move || {
        // A process that ended early has answered all the same, or says why below.
        let _ = input
            .write_all(&order)
            .and_then(|()| input.write_all(b"\n"))
            .and_then(|()| input.write_all(&bytes));
    });
    let (sender, receiver) = sync_channel(1);
    let hearing =
        std::thread::Builder::new().name("document-out".to_owned()).spawn(move || hear(output, &sender));
    if let Some(error) = writing.err().or_else(|| hearing.err()) {
        return Err(failed(&error));
    }
    let time = reading.limits().time;
    let mut ends_at = Instant::now() + time + GRACE;
    loop {
        match receiver.recv_timeout(LOOK) {
            Ok(Ok((Said::Failed(error), _))) => return Err(error),
            Ok(Ok((said, rest))) => {
                let is_last = !matches!(said, Said::Picture { .. });
                if !each(said, rest) || is_last {
                    return Ok(());
                }
                ends_at = Instant::now() + time + GRACE;
            }
            // It ended without an end.
            Ok(Err(_)) | Err(RecvTimeoutError::Disconnected) => return Err(process.last_words(kind, time)),
            Err(RecvTimeoutError::Timeout) if reading.is_cancelled() => return Err(DocumentError::Cancelled),
            Err(RecvTimeoutError::Timeout) if Instant::now() > ends_at => {
                return Err(DocumentError::TimedOut(time));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// A process that ends with whoever asked it.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended; it is waited for in any case, so that nothing of it stays.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    fn start(program: &Path) -> io::Result<Self> {
        Command::new(program)
            .arg(ARGUMENT)
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map(Self)
    }

    /// Why it ended without an answer, which would have taken `time` at most.
    fn last_words(&mut self, kind: DocumentKind, time: Duration) -> DocumentError {
        let ended = self.ended();
        let mut words = Vec::new();
        if let Some(errors) = self.0.stderr.take() {
            let _ = self.0.kill();
            let _ = errors.take(MOST_LAST_WORDS).read_to_end(&mut words);
        }
        let words = String::from_utf8_lossy(&words);
        tracing::debug!(?ended, %words, "a process that read a document ended");
        if words.contains("memory allocation") {
            return DocumentError::TooLarge(format!(
                "reading it takes more than {} MB of memory",
                MEMORY / (1024 * 1024)
            ));
        }
        if ended.is_some_and(was_out_of_time) {
            return DocumentError::TimedOut(time);
        }
        DocumentError::Fault(kind)
    }

    /// How it ended by itself. Its output is closed a moment before that is known.
    fn ended(&mut self) -> Option<ExitStatus> {
        let until = Instant::now() + DYING;
        loop {
            match self.0.try_wait() {
                Ok(None) if Instant::now() < until => std::thread::sleep(Duration::from_millis(1)),
                known => return known.ok().flatten(),
            }
        }
    }
}

/// Whether the system ended it for the processor time that [`confine`] grants.
#[cfg(unix)]
fn was_out_of_time(ended: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt;
    ended.signal() == Some(rustix::process::Signal::XCPU.as_raw())
}

#[cfg(not(unix))]
fn was_out_of_time(_ended: ExitStatus) -> bool {
    false
}

type Heard = io::Result<(Said, Vec<u8>)>;

/// Takes answers until nobody wants more.
fn hear(output: ChildStdout, sender: &SyncSender<Heard>) {
    let mut output = BufReader::new(output);
    loop {
        let heard = frame(&mut output);
        let is_over = heard.is_err();
        if sender.send(heard).is_err() || is_over {
            return;
        }
    }
}

fn frame(output: &mut impl Read) -> Heard {
    let mut length = [0; 4];
    output.read_exact(&mut length)?;
    let length = u32::from_le_bytes(length);
    if length > MOST_SAID {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut line = vec![0; length as usize];
    output.read_exact(&mut line)?;
    let said = serde_json::from_slice(&line)?;
    let mut rest = Vec::new();
    if let Said::Picture { width, height } = said {
        rest.resize(Picture::bytes(width, height).ok_or(io::ErrorKind::FileTooLarge)?, 0);
        output.read_exact(&mut rest)?;
    }
    Ok((said, rest))
}

/// Follows the order that comes by the standard input.
fn serve() -> io::Result<()> {
    // What breaks down is told as an answer.
    std::panic::set_hook(Box::new(|_| {}));
    let mut input = BufReader::new(io::stdin());
    let mut line = Vec::new();
    input.read_until(b'\n', &mut line)?;
    let Order { kind, task, limits, length } = serde_json::from_slice(&line)?;
    confine(length, limits.time, task)?;
    let mut bytes = Vec::with_capacity(length);
    input.take(length as u64).read_to_end(&mut bytes)?;
    if bytes.len() < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let work = move || {
        let mut out = BufWriter::new(io::stdout());
        let reading = Reading::new(limits, || false);
        let last = match task {
            Task::Text => {
                crate::read::caught(kind, || crate::read::parse(bytes, kind, reading)).map(Said::Text)
            }
            Task::Facts => {
                crate::read::caught(kind, || crate::outline::facts_of(bytes, kind, reading)).map(Said::Facts)
            }
            Task::Pictures { most, fit } => crate::read::caught(kind, || {
                crate::pdf::pictures::draw(bytes, most, fit, &reading, &mut |picture| {
                    let Picture { width, height, rgba } = picture;
                    tell(&mut out, &Said::Picture { width, height }, &rgba).is_ok()
                })
            })
            .map(|()| Said::Done),
        };
        tell(&mut out, &last.unwrap_or_else(Said::Failed), &[])
    };
    let worker = std::thread::Builder::new().name("document".to_owned()).stack_size(STACK).spawn(work)?;
    worker.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
}

fn tell(out: &mut impl Write, said: &Said, rest: &[u8]) -> io::Result<()> {
    let line = serde_json::to_vec(said)?;
    out.write_all(&u32::try_from(line.len()).unwrap_or(u32::MAX).to_le_bytes())?;
    out.write_all(&line)?;
    out.write_all(rest)?;
    out.flush()
}

/// Takes from this process what reading a document does not need.
#[cfg(unix)]
fn confine(length: usize, time: Duration, task: Task) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let most = |most| Rlimit { current: Some(most), maximum: Some(most) };
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
    setrlimit(Resource::As, most(MEMORY + 2 * length as u64))?;
    setrlimit(Resource::Core, most(0))?;
    // For the case that nobody is left to end it.
    let answers = if let Task::Pictures { most, .. } = task { most as u64 } else { 1 };
    let seconds = (time + GRACE).as_secs().saturating_mul(answers.max(1));
    // The first limit names itself by its signal, the second one ends whatever does not listen.
    setrlimit(Resource::Cpu, Rlimit { current: Some(seconds), maximum: Some(seconds + 1) })?;
    Ok(())
}

/// Elsewhere time alone bounds it.
#[cfg(not(unix))]
fn confine(_length: usize, _time: Duration, _task: Task) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn how_a_process_ended_is_told() {
        let ended_by = |script: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut process = Process(command.spawn().unwrap());
            process.last_words(DocumentKind::Pdf, Duration::from_secs(5))
        };
        let out_of_time = ended_by("kill -XCPU $$");
        assert!(matches!(out_of_time, DocumentError::TimedOut(_)), "{out_of_time}");
        let too_large = ended_by("echo 'memory allocation of 9 bytes failed' >&2; kill -ABRT $$");
        assert!(matches!(too_large, DocumentError::TooLarge(_)), "{too_large}");
        for script in ["exit 1", "kill -SEGV $$", "kill -KILL $$"] {
            let fault = ended_by(script);
            assert!(matches!(fault, DocumentError::Fault(_)), "{script}: {fault}");
        }
    }
}
