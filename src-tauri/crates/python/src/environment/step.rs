//! One step of making an environment: a program of the user's machine, run with the user's own settings of `pip` and
//! `uv`, proxies and certificates, ended with all that it started when it is called off or when this program ends.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::EnvironmentError;

/// Of one step, with slow networks.
const LIMIT: Duration = Duration::from_secs(20 * 60);
/// Lines of the output that are kept.
const KEPT: usize = 60;
/// Lines that stand in an error.
const SHOWN: usize = 6;
const LINE: usize = 400;

/// Ends the whole group once its input closes, which it does when the app is gone.
const WATCHED: &str = "
import os, signal, subprocess, sys, threading
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
def watch():
    os.read(0, 1)
    os.killpg(0, signal.SIGKILL)
threading.Thread(target=watch, daemon=True).start()
os._exit(child.wait() & 255)
";

/// What all steps have in common.
pub(super) struct Step<'a> {
    pub what: &'static str,
    /// Runs the watch.
    pub python: &'a Path,
    /// The environment that is being made.
    pub folder: &'a Path,
    pub tell: &'a (dyn Fn(String) + Send + Sync),
    pub cancel: &'a CancellationToken,
}

/// Runs a step and gives the end of its output.
pub(super) async fn run<'a>(
    step: &Step<'_>,
    words: impl Iterator<Item = &'a OsStr>,
) -> Result<String, EnvironmentError> {
    if step.cancel.is_cancelled() {
        return Err(EnvironmentError::Cancelled);
    }
    let failed = |output: String| EnvironmentError::Packages { step: step.what.to_owned(), output };
    let mut child = tokio::process::Command::new(step.python)
        .args(["-I", "-S", "-c", WATCHED])
        .args(words)
        // Those of another environment that this program may have been started in.
        .env_remove("VIRTUAL_ENV")
        .env_remove("PYTHONHOME")
        .env_remove("PYTHONPATH")
        .env_remove("__PYVENV_LAUNCHER__")
        .env("MPLCONFIGDIR", step.folder.join("matplotlib"))
        .env("MPLBACKEND", "agg")
        .env("PYTHONUTF8", "1")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(format!("{} cannot be run: {error}", step.python.display())))?;
    let group = child.id().and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()));
    let (Some(lifeline), Some(stdout), Some(stderr)) =
        (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(failed("its pipes are missing".to_owned()));
    };
    let (sender, mut lines) = mpsc::channel::<String>(64);
    tokio::spawn(pass_on(stdout, sender.clone()));
    tokio::spawn(pass_on(stderr, sender));
    let mut kept: VecDeque<String> = VecDeque::new();
    let reading = async {
        while let Some(line) = lines.recv().await {
            let line = without_credentials(line.trim_end());
            if line.trim().is_empty() {
                continue;
            }
            // Lines further in are particulars.
            if line.starts_with(|first: char| first.is_ascii_alphabetic()) {
                (step.tell)(line.chars().take(160).collect());
            }
            if kept.len() == KEPT {
                kept.pop_front();
            }
            kept.push_back(line.chars().take(LINE).collect());
        }
        child.wait().await
    };
    let ended = tokio::select! {
        status = reading => Ok(status),
        () = step.cancel.cancelled() => Err(EnvironmentError::Cancelled),
        () = tokio::time::sleep(LIMIT) => {
            Err(failed(format!("it took longer than {} minutes", LIMIT.as_secs() / 60)))
        }
    };
    let status = match ended {
        Ok(status) => status,
        Err(error) => {
            if let Some(group) = group {
                // All of it may have ended meanwhile.
                let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
            }
            let _ = child.wait().await;
            return Err(error);
        }
    };
    drop(lifeline);
    let text: Vec<String> = kept.into();
    match status {
        Ok(status) if status.success() => Ok(text.join("\n")),
        Ok(_) => Err(failed(cause(&text))),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// The lines that say what is wrong: errors if there are any, the last ones otherwise.
fn cause(lines: &[String]) -> String {
    let told: Vec<&String> = lines
        .iter()
        .filter(|line| {
            let line = line.to_ascii_lowercase();
            line.contains("error")
                || line.contains("no space left")
                || line.contains("no matching")
                || line.contains("caused by")
        })
        .collect();
    let shown = if told.is_empty() { lines.iter().collect() } else { told };
    let start = shown.len().saturating_sub(SHOWN);
    shown[start..].iter().map(|line| line.trim()).collect::<Vec<_>>().join(" | ")
}

/// Addresses of package indexes may hold a name and a password.
fn without_credentials(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(place) = rest.find("://") {
        let (before, after) = rest.split_at(place + 3);
        text.push_str(before);
        let end = after
            .find(|character: char| character == '/' || character.is_whitespace())
            .unwrap_or(after.len());
        rest = match after[..end].rfind('@') {
            Some(at) => {
                text.push_str("…@");
                &after[at + 1..]
            }
            None => after,
        };
    }
    text.push_str(rest);
    text
}

async fn pass_on(output: impl AsyncRead + Unpin, lines: mpsc::Sender<String>) {
    let mut reader = BufReader::new(output);
    let mut line = Vec::new();
    loop {
        line.clear();
        match reader.read_until(b'\n', &mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        if lines.send(String::from_utf8_lossy(&line).into_owned()).await.is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_passwords_of_an_index_are_not_told() {
        assert_eq!(
            without_credentials(
                "Looking in indexes: https://me:pass@w@host.example/simple, http://other/x@y"
            ),
            "Looking in indexes: https://…@host.example/simple, http://other/x@y"
        );
        assert_eq!(without_credentials("plain a@b"), "plain a@b");
    }

    #[test]
    fn the_cause_is_what_says_error() {
        let lines: Vec<String> =
            ["Collecting x", "ERROR: No matching distribution", "note: a"].map(str::to_owned).into();
        assert_eq!(cause(&lines), "ERROR: No matching distribution");
        assert_eq!(cause(&lines[..1]), "Collecting x");
    }
}
