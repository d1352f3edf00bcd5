//! Signals that ask the program to end.

use std::sync::mpsc::{SyncSender, sync_channel};

use okcvm_protocol::AppError;
use tokio_util::sync::CancellationToken;

use crate::output;

/// How a shell tells that a program was stopped from outside.
pub(crate) const STOPPED: u8 = 130;

/// Listens to SIGINT, SIGTERM and SIGHUP from when it is made. The first asks the work to stop; the second ends the program at
/// once, whatever it waits for.
pub(crate) struct Stops {
    stopped: CancellationToken,
}

impl Stops {
    /// Begins to listen. On a thread and a runtime of its own, so that nothing else can keep it from hearing.
    pub(crate) fn listen() -> Result<Self, AppError> {
        let stopped = CancellationToken::new();
        let token = stopped.clone();
        let (ready, listening) = sync_channel(1);
        let failed =
            |detail: String| AppError::new("The program cannot listen to Ctrl-C.").with_detail(detail);
        std::thread::Builder::new()
            .name("signals".into())
            .spawn(move || hear(&token, &ready))
            .map_err(|error| failed(error.to_string()))?;
        match listening.recv() {
            Ok(Ok(())) => Ok(Self { stopped }),
            Ok(Err(error)) => Err(failed(error.to_string())),
            Err(error) => Err(failed(error.to_string())),
        }
    }

    /// Waits for the first signal.
    pub(crate) async fn stopped(&self) {
        self.stopped.cancelled().await;
    }

    /// Whether a signal came.
    pub(crate) fn came(&self) -> bool {
        self.stopped.is_cancelled()
    }

    /// Fires with the first signal.
    pub(crate) fn token(&self) -> CancellationToken {
        self.stopped.clone()
    }
}

fn hear(stopped: &CancellationToken, ready: &SyncSender<std::io::Result<()>>) {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return drop(ready.send(Err(error))),
    };
    runtime.block_on(async {
        let mut signals = match Signals::listen() {
            Ok(signals) => signals,
            Err(error) => return drop(ready.send(Err(error))),
        };
        drop(ready.send(Ok(())));
        signals.next().await;
        stopped.cancel();
        // A stderr that nobody reads must not keep the second signal from being heard.
        std::thread::spawn(say_stopping);
        // A terminal that is closed may say so more than once.
        while signals.next().await == Signal::HangUp {}
        std::process::exit(STOPPED.into());
    });
}

/// Not by the output thread, which may be blocked.
fn say_stopping() {
    use std::io::{IsTerminal, Write};
    let mut notes = std::io::stderr();
    // A terminal may show what is awaited on this line.
    let clear = if notes.is_terminal() { output::CLEAR_LINE } else { "" };
    let _ = writeln!(notes, "{clear}stopping … (a second Ctrl-C ends at once)");
}

/// What asked the program to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Signal {
    Stop,
    /// The terminal is gone.
    #[cfg_attr(windows, expect(dead_code, reason = "there is none there"))]
    HangUp,
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// Absent where the program was started so that it outlives its terminal.
    hang_up: Option<tokio::signal::unix::Signal>,
}

/// Whether this was started with `nohup`.
#[cfg(unix)]
fn outlives_its_terminal() -> bool {
    // A mask in hexadecimal; the first bit is SIGHUP.
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 != 0)
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let hang_up = (!outlives_its_terminal()).then(|| signal(SignalKind::hangup())).transpose()?;
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up,
        })
    }

    async fn next(&mut self) -> Signal {
        let hang_up = async {
            match &mut self.hang_up {
                Some(hang_up) => hang_up.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => Signal::Stop,
            _ = self.terminate.recv() => Signal::Stop,
            _ = hang_up => Signal::HangUp,
        }
    }
}

#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        tokio::signal::windows::ctrl_c().map(Self)
    }

    async fn next(&mut self) -> Signal {
        self.0.recv().await;
        Signal::Stop
    }
}
