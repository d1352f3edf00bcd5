//! Finds out whether the boundary holds, by running a command in it that tries to get out.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::job_limits::Closed;
use super::run::{Boundary, PRIVATE_PREFIX, run};
use super::status;
use crate::sandbox::{Inner, Workspaces};
use crate::{Command, Outcome, Sandbox, Tier};

const PROBE_TIMEOUT: Duration = Duration::from_secs(20);
const PROBE_PREFIX: &str = "okcvm-probe-";

/// What they led to is looked at afterwards, since the shell says little of it.
const ATTEMPTS: &str = r#"
echo inside>inside
type "%OKCVM_PROBE%\secret" >read 2>nul
echo new>"%OKCVM_PROBE%\new" 2>nul
echo changed>"%OKCVM_PROBE%\secret" 2>nul
cmd /d /c exit 7
if not %ERRORLEVEL%==7 exit 16
echo held
"#;

pub(crate) fn probe(helper: PathBuf) -> Sandbox {
    sweep();
    let mut refusals = Vec::new();
    for closed in [Closed::ReadingAndWriting, Closed::Writing] {
        let boundary = Boundary::of(closed);
        match try_boundary(&boundary) {
            Ok(()) => {
                let status = status::held(closed, refusals.first().map(String::as_str));
                let inner = Inner { helper, tier: Ok(Tier::Reduced), status, boundary: Some(boundary) };
                return Sandbox { inner: Arc::new(inner), workspaces: Workspaces::default() };
            }
            Err(reason) => {
                tracing::info!(?closed, %reason, "a boundary of commands does not hold");
                refusals.push(reason);
            }
        }
    }
    let status = status::refused(&refusals);
    let reason = format!("this system gives no boundary for commands ({})", refusals.join("; "));
    let inner = Arc::new(Inner { helper, tier: Err(reason), status, boundary: None });
    Sandbox { inner, workspaces: Workspaces::default() }
}

fn try_boundary(boundary: &Boundary) -> Result<(), String> {
    let scratch = Scratch::new().map_err(|error| format!("no folder to try it in: {error}"))?;
    let mut command = Command::new(ATTEMPTS, &scratch.workspace);
    command.timeout = PROBE_TIMEOUT;
    command.limits.output_bytes = 64 * 1024;
    command.env = vec![("OKCVM_PROBE".to_owned(), scratch.outside.to_string_lossy().into_owned())];
    // A thread and runtime of its own, so that this can be called from anywhere.
    let (outcome, output) = std::thread::scope(|scope| {
        scope
            .spawn(|| attempt(boundary, &command, &scratch.workspace))
            .join()
            .map_err(|_| "the attempt broke off".to_owned())
            .and_then(std::convert::identity)
    })?;
    let has_read =
        std::fs::read_to_string(scratch.workspace.join("read")).is_ok_and(|text| text.contains("secret"));
    if boundary.closed == Closed::ReadingAndWriting && has_read {
        return Err("a command read a file of the user's alone".to_owned());
    }
    if std::fs::read_to_string(scratch.outside.join("secret")).ok().as_deref() != Some("secret\n")
        || scratch.outside.join("new").exists()
    {
        return Err("a command wrote outside of its workspace".to_owned());
    }
    match outcome {
        Outcome::Exited(0) => {}
        Outcome::TimedOut => return Err("a command did not end in time".to_owned()),
        Outcome::Exited(_)
        | Outcome::Signalled(_)
        | Outcome::Cancelled
        | Outcome::EndedByHand
        | Outcome::Limited(_) => {
            return Err(format!("a command did not work ({outcome:?}): {}", output.trim()));
        }
    }
    if output.trim() != "held" || !scratch.workspace.join("inside").exists() {
        return Err(format!("a command did not do what it should: {}", output.trim()));
    }
    Ok(())
}

fn attempt(boundary: &Boundary, command: &Command, workspace: &Path) -> Result<(Outcome, String), String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime: {error}"))?;
    runtime.block_on(async {
        let (sender, mut receiver) = mpsc::channel::<Vec<u8>>(8);
        let cancel = CancellationToken::new();
        let collect = async {
            let mut all = Vec::new();
            while let Some(piece) = receiver.recv().await {
                all.extend(piece);
            }
            all
        };
        let (exit, output) = tokio::join!(run(boundary, command, workspace, None, sender, &cancel), collect);
        let exit = exit.map_err(|error| error.to_string())?;
        Ok((exit.outcome, String::from_utf8_lossy(&output).into_owned()))
    })
}

/// Two folders to try it in, removed at the end. Both lie in the user's own temporary folder, which lets in nobody else.
struct Scratch {
    root: PathBuf,
    workspace: PathBuf,
    outside: PathBuf,
}

impl Scratch {
    fn new() -> std::io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("{PROBE_PREFIX}{}-{count}", std::process::id()));
        let _ = std::fs::remove_dir_all(&root);
        std::fs::create_dir(&root)?;
        let scratch = Self { workspace: root.join("workspace"), outside: root.join("outside"), root };
        std::fs::create_dir(&scratch.workspace)?;
        std::fs::create_dir(&scratch.outside)?;
        std::fs::write(scratch.outside.join("secret"), "secret\n")?;
        Ok(scratch)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.root);
    }
}

/// Removes private folders of programs that ended before they could.
fn sweep() {
    for entry in std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let Some(rest) = name
            .to_str()
            .and_then(|name| name.strip_prefix(PRIVATE_PREFIX).or_else(|| name.strip_prefix(PROBE_PREFIX)))
        else {
            continue;
        };
        let Some(pid) = rest.split('-').next().and_then(|pid| pid.parse::<u32>().ok()) else { continue };
        if super::started(pid).is_none() {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_system_that_takes_a_token_and_restricts_nothing_is_refused() {
        if !crate::windows::is_wine() {
            eprintln!("not run: this is about Wine, which does not look at restricting identities");
            return;
        }
        let sandbox = probe(PathBuf::from("unused"));
        let reason = sandbox.available().unwrap_err();
        assert!(reason.contains("read a file of the user's alone"), "{reason}");
        assert!(reason.contains("wrote outside of its workspace"), "{reason}");
        let status = sandbox.status();
        assert!(!status.available && status.layers.len() == 2, "{status:?}");
    }
}
