//! One kernel that runs: starting it, running a cell, interrupting, ending.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use okcvm_sandbox::{
    Egress, Entry, KEPT_MOUNT, Limit, Limits, Outcome, Program, Sandbox, SandboxError, SessionProcess,
    Sockets, Tier, WayOut,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::Installed;
use crate::event::{KernelEvent, Told};

const COMMON: &str = include_str!("scripts/common.py");
const JUPYTER: &str = include_str!("scripts/jupyter.py");
const PLAIN: &str = include_str!("scripts/plain.py");

/// From start to the first cell, on a busy machine.
const STARTING: Duration = Duration::from_secs(90);
/// Between the first interrupt and the second, and between that and the end.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// The longest line of a kernel: a picture of 20 MB in base64.
const LONGEST_LINE: usize = 40 << 20;
/// Of what a kernel says outside of its lines, as much is kept for the case that it fails.
const ASIDE: usize = 4 * 1024;
/// Where agent code installs packages: below the kept folder of the session.
const PACKAGES: &str = "packages";

/// Which kernel it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KernelKind {
    /// Jupyter's `ipykernel`.
    Jupyter,
    /// The small one of ours.
    Plain,
}

/// How a cell ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CellEnd {
    /// To its end.
    Done,
    /// With an error, which was told.
    Failed,
    /// It was interrupted, and the names are still there.
    Interrupted,
    /// It did not heed the interrupts, so the kernel was ended.
    Ended,
    /// The kernel ended by itself; why, as far as one can see.
    Died(String),
}

/// What to start.
#[derive(Debug, Clone)]
pub(crate) struct Start {
    pub kind: KernelKind,
    pub python: PathBuf,
    pub workspace: PathBuf,
    /// What of it the kernel may not change, relative to it: by its name, and as it is called on the disk.
    pub spare: Vec<(String, PathBuf)>,
    /// Must exist.
    pub kept_folder: PathBuf,
    /// The folder of the app's environment, if there is one.
    pub environment: Option<PathBuf>,
    /// Where that Python's own library lies, and the environment.
    pub readable: Vec<PathBuf>,
    /// Variables on top of those of every kernel.
    pub env: Vec<(String, String)>,
    pub way_out: WayOut,
    pub entry: Entry,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    #[error("it did not say that it is ready: {0}")]
    Silent(String),
}

/// A kernel that runs.
#[derive(Debug)]
pub(crate) struct Kernel {
    process: SessionProcess,
    lines: Lines,
    pub kind: KernelKind,
    /// In words, with versions.
    pub about: String,
    /// What of the workspace it may not change.
    pub spared: Vec<String>,
    /// The cell that was sent did not come to its end here.
    broken: bool,
    /// Keeps the environment from being removed while it is used.
    installed: Option<std::sync::Arc<Installed>>,
    /// Turns away whoever looks for the way out while no cell runs that has one.
    closed: Option<tokio::task::JoinHandle<()>>,
}

impl Drop for Kernel {
    fn drop(&mut self) {
        if let Some(closed) = &self.closed {
            closed.abort();
        }
    }
}

impl Kernel {
    pub(crate) async fn start(
        sandbox: &Sandbox,
        start: Start,
        cancel: &CancellationToken,
    ) -> Result<Self, StartError> {
        let kind = start.kind;
        // Where nothing can be held in place, nothing is spared.
        let spared = if sandbox.tier() == Some(Tier::Full) {
            start.spare.iter().map(|(name, _)| name.clone()).collect()
        } else {
            Vec::new()
        };
        let mut process = sandbox.start(program(sandbox, start)).await?;
        let mut lines = Lines::default();
        let ready = async {
            loop {
                match lines.next(&mut process.output).await {
                    Some(Told::Ready { version, python }) => return Ok((version, python)),
                    Some(Told::Failed { text }) => return Err(text),
                    Some(_) => {}
                    None => return Err("it ended".to_owned()),
                }
            }
        };
        let said = tokio::select! {
            said = tokio::time::timeout(STARTING, ready) => {
                said.unwrap_or_else(|_| Err(format!("it took longer than {} s", STARTING.as_secs())))
            }
            () = cancel.cancelled() => Err("it was called off".to_owned()),
        };
        match said {
            Ok((version, python)) => {
                let about = match kind {
                    KernelKind::Jupyter => format!("Jupyter, IPython {version}, Python {python}"),
                    KernelKind::Plain => format!("the plain one of OKCVM, Python {python}"),
                };
                let about = short(&about, 120);
                let mut kernel = Self {
                    process,
                    lines,
                    kind,
                    about,
                    spared,
                    broken: false,
                    installed: None,
                    closed: None,
                };
                kernel.close();
                Ok(kernel)
            }
            Err(reason) => {
                process.running.end();
                process.running.wait().await;
                let aside = process.running.trouble().unwrap_or_else(|| lines.aside());
                Err(StartError::Silent(if aside.is_empty() { reason } else { format!("{reason}: {aside}") }))
            }
        }
    }

    /// Keeps the environment that it uses.
    pub(crate) fn holding(mut self, installed: Option<std::sync::Arc<Installed>>) -> Self {
        self.installed = installed;
        self
    }

    /// Whether it still takes cells; it may have ended since the last one.
    pub(crate) async fn lives(&mut self) -> bool {
        let gone = tokio::time::timeout(Duration::from_millis(5), self.process.running.wait()).await.is_ok();
        !gone && !self.broken
    }

    /// Puts aside what it left since that moment for git to run outside of the sandbox, and says so.
    pub(crate) async fn look_after(&self, since: SystemTime) -> Vec<String> {
        self.process.running.look(since).await.remarks()
    }

    /// Says what came since that moment for git to run, by it or by the user, and leaves that as it is.
    pub(crate) async fn tell_of(&self, since: SystemTime) -> Vec<String> {
        let mut remarks = self.process.running.tell(since).await.remarks();
        if !remarks.is_empty() {
            remarks.push(
                "that came between two cells, so it may be the user's own work; a kernel that is started anew (`restart: \
                 true`) finds it read-only"
                    .to_owned(),
            );
        }
        remarks
    }

    /// Why it ended, if it has.
    pub(crate) fn ending(&self) -> Option<String> {
        self.process.running.outcome().map(why)
    }

    /// Whether its programs can be given a way out.
    pub(crate) fn can_have_egress(&self) -> bool {
        self.process.listener.is_some()
    }

    /// Lets its programs out by that way until it is closed again.
    pub(crate) async fn open(&mut self, egress: &Egress) {
        let Some(listener) = &self.process.listener else { return };
        if let Some(closed) = self.closed.take() {
            closed.abort();
            let _ = closed.await;
        }
        match listener.try_clone() {
            Ok(listener) => (egress.0)(listener),
            Err(error) => tracing::warn!(%error, "the way out of a kernel could not be opened"),
        }
    }

    /// From now on nobody is let out.
    pub(crate) fn close(&mut self) {
        if self.closed.is_some() {
            return;
        }
        let listener = self.process.listener.as_ref().and_then(|listener| listener.try_clone().ok());
        let Some(Ok(listener)) = listener.map(tokio::net::TcpListener::from_std) else { return };
        self.closed = Some(tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                drop(connection);
            }
        }));
    }

    /// Runs a cell to its end, however it comes.
    pub(crate) async fn run(
        &mut self,
        code: &str,
        events: &mpsc::Sender<KernelEvent>,
        cancel: &CancellationToken,
    ) -> (CellEnd, u64) {
        let mut request = serde_json::json!({ "op": "run", "code": code }).to_string();
        request.push('\n');
        self.broken = true;
        let mut stage = Stage::Running;
        let mut deadline = Instant::now();
        let mut written = 0;
        loop {
            tokio::select! {
                biased;
                () = cancel.cancelled(), if stage == Stage::Running => {
                    stage = Stage::Asked;
                    deadline = Instant::now() + PATIENCE;
                    self.ask().await;
                }
                () = tokio::time::sleep_until(deadline), if stage != Stage::Running => {
                    if stage == Stage::Asked {
                        stage = Stage::AskedTwice;
                        deadline = Instant::now() + PATIENCE;
                        self.ask().await;
                    } else {
                        self.process.running.end();
                        self.process.running.wait().await;
                        return (CellEnd::Ended, 0);
                    }
                }
                sent = self.process.input.write(&request.as_bytes()[written..]), if written < request.len() => {
                    match sent {
                        Ok(count) if count > 0 => written += count,
                        Ok(_) | Err(_) => return (self.death(None).await, 0),
                    }
                }
                told = self.lines.next(&mut self.process.output) => {
                    let event = match told {
                        Some(Told::Done { ok, dropped }) => {
                            self.broken = false;
                            // Some kernels call a cell done that an interrupt cut short.
                            let end = match (stage, ok) {
                                (Stage::Asked | Stage::AskedTwice, _) => CellEnd::Interrupted,
                                (Stage::Running, true) => CellEnd::Done,
                                (Stage::Running, false) => CellEnd::Failed,
                            };
                            return (end, dropped);
                        }
                        Some(Told::Ended { code }) => return (self.death(code).await, 0),
                        None => return (self.death(None).await, 0),
                        Some(Told::Stream { text }) => KernelEvent::Stream(text),
                        Some(Told::Display { data }) => KernelEvent::Display(data),
                        Some(Told::Error { text }) => KernelEvent::Error(text),
                        Some(Told::Ready { .. } | Told::Failed { .. }) => continue,
                    };
                    // Nobody takes them any more only if the call itself was dropped.
                    let _ = events.send(event).await;
                }
            }
        }
    }

    async fn ask(&mut self) {
        let asked = self.process.input.write_all(b"{\"op\":\"interrupt\"}\n");
        // A kernel that does not read is ended soon anyway.
        let _ = tokio::time::timeout(Duration::from_millis(200), asked).await;
    }

    async fn death(&mut self, code: Option<i64>) -> CellEnd {
        // It may have said that it ends while something of it goes on.
        let outcome = if let Ok(outcome) =
            tokio::time::timeout(Duration::from_millis(500), self.process.running.wait()).await
        {
            outcome
        } else {
            self.process.running.end();
            self.process.running.wait().await
        };
        let reason = match (code, outcome) {
            (_, Outcome::EndedByHand | Outcome::Limited(_)) => why(outcome),
            (Some(code), _) if code < 0 => by_signal(-code),
            (Some(code), _) => format!("exit code {code}"),
            (None, outcome) => why(outcome),
        };
        CellEnd::Died(reason)
    }

    /// Ends it with all that it started.
    pub(crate) async fn end(&mut self) {
        self.process.running.end();
        self.process.running.wait().await;
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Running,
    Asked,
    AskedTwice,
}

fn why(outcome: Outcome) -> String {
    match outcome {
        Outcome::Exited(code) => format!("exit code {code}"),
        Outcome::Signalled(signal) => by_signal(signal.into()),
        Outcome::TimedOut | Outcome::Cancelled => "it was ended".to_owned(),
        Outcome::EndedByHand => "the user ended it from the list of processes".to_owned(),
        Outcome::Limited(limit) => format!(
            "it went over a limit: {}",
            match limit {
                Limit::Memory => "its processes together used more memory than they may",
                Limit::CpuTime => "it used too much processor time",
                Limit::Processes => "it had too many processes and threads at a time",
                Limit::Disk => "it filled the disk of the workspace until hardly anything was free",
                Limit::Output => "it printed too much",
            }
        ),
    }
}

fn by_signal(signal: i64) -> String {
    match signal {
        9 => "signal 9 (SIGKILL), as when the memory is used up".to_owned(),
        11 => "signal 11 (SIGSEGV): a library crashed".to_owned(),
        6 => "signal 6 (SIGABRT): a library gave up".to_owned(),
        number => format!("signal {number}"),
    }
}

/// Those of a command, but for what adds up over the hours of a session.
fn limits() -> Limits {
    Limits { cpu_time: Duration::MAX, disk_bytes: u64::MAX, ..Limits::default() }
}

fn program(sandbox: &Sandbox, start: Start) -> Program {
    let kept_inside = match sandbox.tier() {
        Some(Tier::Full) => PathBuf::from(KEPT_MOUNT),
        Some(Tier::Reduced) | None => start.kept_folder.clone(),
    };
    let packages = kept_inside.join(PACKAGES).to_string_lossy().into_owned();
    let mut env: Vec<(String, String)> = [
        ("PIP_TARGET", packages.as_str()),
        ("PYTHONPATH", &packages),
        ("OKCVM_PACKAGES", &packages),
        ("PIP_DISABLE_PIP_VERSION_CHECK", "1"),
        ("PIP_NO_INPUT", "1"),
        ("PIP_RETRIES", "0"),
        ("PYDEVD_DISABLE_FILE_VALIDATION", "1"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect();
    env.extend(start.env);
    let (script, sockets) = match start.kind {
        KernelKind::Jupyter => (JUPYTER, Sockets::Own),
        KernelKind::Plain => (PLAIN, Sockets::None),
    };
    // Nothing that lies in the workspace is imported before the walls of the script itself stand.
    let mut arguments: Vec<String> =
        ["-u", "-I", "-c"].into_iter().map(str::to_owned).chain([format!("{COMMON}\n{script}")]).collect();
    let mut search_first = Vec::new();
    if let Some(environment) = &start.environment {
        arguments.push(environment.join("matplotlib").to_string_lossy().into_owned());
        env.push(("VIRTUAL_ENV".to_owned(), environment.to_string_lossy().into_owned()));
        search_first.push(environment.join("bin"));
    }
    Program {
        path: start.python,
        arguments,
        workspace: start.workspace,
        env,
        search_first,
        limits: limits(),
        readable: start.readable,
        read_only: start.spare.iter().map(|(_, path)| path.clone()).collect(),
        kept_folder: Some(start.kept_folder),
        sockets,
        way_out: start.way_out,
        entry: Some(start.entry),
    }
}

/// Lines of a kernel, taken from what it writes piece by piece.
#[derive(Debug, Default)]
struct Lines {
    held: Vec<u8>,
    /// How much of it holds no line end.
    searched: usize,
    /// The line that is arriving is too long and is passed over.
    skipping: bool,
    aside: String,
}

impl Lines {
    /// The next line that makes sense; `None` at the end. May be dropped and called again.
    async fn next(&mut self, output: &mut (impl tokio::io::AsyncRead + Unpin)) -> Option<Told> {
        loop {
            while let Some(end) = self.held[self.searched..].iter().position(|byte| *byte == b'\n') {
                let rest = self.held.split_off(self.searched + end + 1);
                let line = std::mem::replace(&mut self.held, rest);
                self.searched = 0;
                if std::mem::take(&mut self.skipping) {
                    continue;
                }
                match serde_json::from_slice(&line) {
                    Ok(told) => return Some(told),
                    Err(_) => self.note(&line),
                }
            }
            self.searched = self.held.len();
            if self.held.len() > LONGEST_LINE {
                self.skipping = true;
                self.held.clear();
                self.searched = 0;
            }
            if self.held.capacity() - self.held.len() < 64 * 1024 {
                self.held.reserve(64 * 1024);
            }
            match output.read_buf(&mut self.held).await {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    fn note(&mut self, line: &[u8]) {
        if self.aside.len() < ASIDE {
            let text = String::from_utf8_lossy(&line[..line.len().min(ASIDE)]);
            self.aside.push_str(text.trim_end());
            self.aside.push('\n');
        }
    }

    /// What was said outside of the lines: the last of it, which names the cause.
    fn aside(&self) -> String {
        self.aside
            .lines()
            .map(str::trim)
            .rfind(|line| !line.is_empty())
            .map_or_else(String::new, |line| short(line, 300))
    }
}

fn short(text: &str, most: usize) -> String {
    text.chars().filter(|character| !character.is_control()).take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_whole_across_pieces_and_strange_ones_are_passed_over() {
        let mut text = b"warning: odd\n{\"type\":\"str".to_vec();
        text.extend_from_slice(
            b"eam\",\"text\":\"a\"}\n{\"type\":\"other\"}\n\xff\n{\"type\":\"done\",\"ok\":true}\nrest",
        );
        let mut output = tokio_test_reader(text);
        let mut lines = Lines::default();
        assert!(matches!(lines.next(&mut output).await, Some(Told::Stream { text }) if text == "a"));
        assert!(matches!(lines.next(&mut output).await, Some(Told::Done { ok: true, dropped: 0 })));
        assert!(lines.next(&mut output).await.is_none());
        assert!(lines.aside.starts_with("warning: odd\n"));
    }

    #[tokio::test]
    async fn a_line_that_never_ends_takes_no_more_memory_than_the_longest() {
        let mut text = vec![b'x'; 2 * LONGEST_LINE];
        text.extend_from_slice(b"\n{\"type\":\"done\",\"ok\":false}\n");
        let mut output = tokio_test_reader(text);
        let mut lines = Lines::default();
        assert!(matches!(lines.next(&mut output).await, Some(Told::Done { ok: false, .. })));
        assert!(lines.held.capacity() <= 3 * LONGEST_LINE);
    }

    fn tokio_test_reader(bytes: Vec<u8>) -> impl tokio::io::AsyncRead + Unpin {
        std::io::Cursor::new(bytes)
    }
}
