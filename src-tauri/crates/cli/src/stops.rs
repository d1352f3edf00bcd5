//! Signals that ask the program to end.

use std::sync::mpsc::{SyncSender, sync_channel};

use okcvm_protocol::AppError;
use tokio_util::sync::CancellationToken;

use crate::output;

/// How a shell tells that a program was stopped from outside.
pub(crate) const STOPPED: u8 = 130;

/// Listens to SIGINT and SIGTERM from when it is made. The first asks the work to stop; the second ends the program at
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
        signals.next().await;
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

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
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

    async fn next(&mut self) {
        self.0.recv().await;
    }
}
