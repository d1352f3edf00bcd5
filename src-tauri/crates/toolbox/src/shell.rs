//! `mshtools-shell`: one command line in a fresh shell behind the sandbox.

pub(crate) mod capture;
pub(crate) mod network;
mod terminal;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use okcvm_protocol::{Artifact, ArtifactKind, ProcessOwner, SessionId, ToolContent, ToolResult};
use okcvm_sandbox::{
    Command, Entry, Exit, Limit, Limits, Outcome, Processes, Sandbox, SandboxError, Tier, WORKSPACE_MOUNT,
};
use okcvm_tools::{Tool, ToolContext, ToolError, Touches};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::call;
use capture::{Capture, Captured, Kept, LIVE_INTERVAL};
use network::touches;
pub use network::{Door, SessionNetwork};

/// The contract's default, in milliseconds.
const DEFAULT_TIMEOUT: i64 = 60_000;
/// The longest time that one command gets, in milliseconds.
const MAX_TIMEOUT: i64 = 600_000;
/// Pieces of output (32 KiB each at most) that wait for us before the command has to.
const QUEUE: usize = 16;
/// What of a command names its output when it has no description.
const TITLE_CHARACTERS: usize = 60;

/// Runs command lines. Output and time are bounded; nothing that a command started outlives its call.
pub struct ShellTool {
    sandbox: Sandbox,
    processes: Processes,
    /// Nobody is spoken to if absent.
    network: Option<Arc<dyn SessionNetwork>>,
}

#[derive(Deserialize)]
struct Arguments {
    command: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default, deserialize_with = "call::whole_number")]
    timeout: Option<i64>,
}

impl ShellTool {
    /// A shell in that sandbox.
    pub fn new(sandbox: Sandbox) -> Self {
        Self { sandbox, processes: Processes::default(), network: None }
    }

    /// Enters what runs there.
    #[must_use]
    pub fn with_processes(self, processes: Processes) -> Self {
        Self { processes, ..self }
    }

    /// Lets commands speak to whom their session allows.
    #[must_use]
    pub fn with_network(self, network: Arc<dyn SessionNetwork>) -> Self {
        Self { network: Some(network), ..self }
    }

    /// What commands and their authors may need to know about this call, beside its output.
    fn remarks(&self, arguments: &Arguments, timeout: i64, context: &ToolContext) -> Vec<String> {
        let mut remarks = Vec::new();
        if let Some(asked) = arguments.timeout.filter(|asked| *asked != timeout) {
            remarks.push(format!(
                "timeout {asked} ms is not possible: it must be 1 to {MAX_TIMEOUT}; {timeout} ms was used"
            ));
        }
        if self.sandbox.tier() == Some(Tier::Reduced) && arguments.command.contains(WORKSPACE_MOUNT) {
            remarks.push(format!(
                "on this system commands see the workspace as {} and not as {WORKSPACE_MOUNT}; use relative paths or \
                 $OKCVM_WORKSPACE",
                self.sandbox.path_inside(&context.workspace_root).display()
            ));
        }
        if cfg!(windows) {
            remarks.push("on this system commands are run by cmd.exe".to_owned());
        }
        remarks
    }
}

#[async_trait]
impl Tool for ShellTool {
    fn name(&self) -> &'static str {
        "mshtools-shell"
    }

    fn unavailable(&self) -> Option<String> {
        self.sandbox.available().err()
    }

    fn touches(&self, session: &SessionId, arguments: &Value) -> Touches {
        touches(self.network.as_ref(), &self.sandbox, session, call::text_of(arguments, "command"))
    }

    async fn call(&self, context: &ToolContext, arguments: Value) -> Result<ToolResult, ToolError> {
        let arguments: Arguments = call::arguments(arguments)?;
        if arguments.command.trim().is_empty() {
            return Err(ToolError::for_model(
                "`command` is empty. Give a command line, for example `ls -la`.",
            ));
        }
        if context.cancel.is_cancelled() {
            return Err(ToolError::Cancelled(None));
        }
        let timeout = arguments.timeout.unwrap_or(DEFAULT_TIMEOUT).clamp(1, MAX_TIMEOUT);
        let limits = Limits::default();
        let mut command = Command {
            script: arguments.command.clone(),
            workspace: context.workspace_root.clone(),
            env: Vec::new(),
            timeout: Duration::from_millis(timeout.unsigned_abs()),
            limits,
            egress: None,
            entry: Some(Entry {
                processes: self.processes.clone(),
                owner: ProcessOwner {
                    session_id: context.session_id.clone(),
                    node_id: context.node_id.clone(),
                    item_id: Some(context.item_id.clone()),
                },
                title: short(&arguments),
            }),
            read_only: context.spare.iter().map(|path| okcvm_workspace::decode_name(path).into()).collect(),
        };
        let door = match &self.network {
            Some(network) => Door::open(network, &self.sandbox, context),
            None => Ok(None),
        };
        let (door, no_network) = match door {
            Ok(door) => (door, None),
            Err(reason) if !self.sandbox.holds_network() => {
                (None, Some(format!("what the session allows of the network was not held: {reason}")))
            }
            Err(reason) => (None, Some(format!("the network stayed off: {reason}"))),
        };
        if let Some(door) = &door {
            command.egress = Some(door.egress.clone());
            command.env.clone_from(&door.env);
        }
        let mut capture = Capture::new(&context.session_folder, &context.item_id);
        let (sender, mut receiver) = mpsc::channel(QUEUE);
        let running = self.sandbox.run(command, sender, &context.cancel);
        let taking = async {
            let mut tick = tokio::time::interval(LIVE_INTERVAL);
            tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    piece = receiver.recv() => match piece {
                        Some(piece) => capture.take(&piece).await,
                        None => break,
                    },
                    _ = tick.tick() => capture.show(context.sink.as_ref()),
                }
            }
            capture.show(context.sink.as_ref());
        };
        let (exit, ()) = tokio::join!(running, taking);
        if let Some(door) = door {
            door.close().await;
        }
        let exit = match exit {
            Ok(exit) => exit,
            Err(error) => {
                capture.discard().await;
                return Err(not_run(&error));
            }
        };
        let captured = capture.finish().await;
        let mut remarks = self.remarks(&arguments, timeout, context);
        remarks.extend(no_network);
        if exit.dropped_bytes > 0 {
            remarks.push(format!(
                "{} of the output, beyond the limit of {}, went nowhere",
                call::size(exit.dropped_bytes),
                call::size(limits.output_bytes)
            ));
        }
        remarks.extend(exit.put_aside.remarks());
        if exit.outcome != Outcome::Exited(0) {
            remarks.extend(call::spared(&context.spare));
            if captured.text.contains("Device or resource busy") {
                remarks.push(
                    "a git repository that is there when a command starts cannot be moved or removed by it, nor can its \
                     hooks and settings; the user can delete it in the window"
                        .to_owned(),
                );
            }
        }
        let result = result(&arguments, captured, &exit, (timeout, &limits), remarks);
        match exit.outcome {
            Outcome::Cancelled => Err(ToolError::Cancelled(Some(result))),
            Outcome::Exited(_)
            | Outcome::Signalled(_)
            | Outcome::TimedOut
            | Outcome::EndedByHand
            | Outcome::Limited(_) => Ok(result),
        }
    }
}

fn not_run(error: &SandboxError) -> ToolError {
    match error {
        SandboxError::Refused(message) => ToolError::for_model(message.clone()),
        SandboxError::Unavailable(_)
        | SandboxError::Spawn(_)
        | SandboxError::SetUp { .. }
        | SandboxError::Lost(_) => {
            tracing::error!(%error, "a command did not run");
            ToolError::for_model(format!(
                "The command did not run: {error}. This is not a fault of the command."
            ))
        }
    }
}

fn result(
    arguments: &Arguments,
    captured: Captured,
    exit: &Exit,
    (timeout, limits): (i64, &Limits),
    mut remarks: Vec<String>,
) -> ToolResult {
    let ending = match exit.outcome {
        Outcome::Exited(code) => format!("exit code {code}"),
        Outcome::Signalled(number) => format!("ended by signal {number}{}", signal_name(number)),
        Outcome::TimedOut => format!(
            "timed out after {timeout} ms: the command and everything that it had started was ended; the output above \
             is what came until then"
        ),
        Outcome::Cancelled => "stopped: the command and everything that it had started was ended".to_owned(),
        Outcome::EndedByHand => {
            "ended by the user from the list of processes, with everything that it had started; \
                                 do not simply run it again"
                .to_owned()
        }
        Outcome::Limited(limit) => format!(
            "ended by a limit: {}. The command and everything that it had started was ended; the output above is what \
             came until then",
            over(limit, limits)
        ),
    };
    let mut artifacts = Vec::new();
    match captured.kept {
        Kept::Nothing => {}
        Kept::File { path, size } => artifacts.push(Artifact {
            kind: ArtifactKind::Output,
            title: title(arguments),
            path: path.to_string_lossy().into_owned(),
            url: None,
            deployment: None,
            size: Some(size),
            meta: None,
            fidelity: None,
            hash: None,
            node_id: None,
        }),
        Kept::Failed(error) => remarks.push(format!("the full output could not be kept: {error}")),
    }
    let mut text = captured.text;
    if text.is_empty() {
        text.push_str("(no output)");
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    remarks.insert(0, ending);
    let lines: Vec<String> = remarks.iter().map(|remark| format!("[{remark}]")).collect();
    text.push_str(&lines.join("\n"));
    ToolResult {
        content: vec![ToolContent::Text { text }],
        is_error: exit.outcome != Outcome::Exited(0),
        artifacts,
        diff: None,
    }
}

/// Which limit it was.
fn over(limit: Limit, limits: &Limits) -> String {
    match limit {
        Limit::Memory => format!(
            "its processes together used more memory than they may ({}, and never more than three quarters of the \
             machine's)",
            call::size(limits.total_memory_bytes)
        ),
        Limit::CpuTime => {
            format!("its processes together used more than {} s of processor time", limits.cpu_time.as_secs())
        }
        Limit::Processes => format!("it had more than {} processes and threads at a time", limits.processes),
        Limit::Disk => format!(
            "it filled the disk of the workspace: more than {}, or until hardly anything was free",
            call::size(limits.disk_bytes)
        ),
        Limit::Output => format!("it printed more than {}", call::size(limits.flood_bytes)),
    }
}

/// The name of the kept output, for people.
fn title(arguments: &Arguments) -> String {
    format!("Output: {}", short(arguments))
}

/// What a command is, in a few words.
fn short(arguments: &Arguments) -> String {
    let of =
        arguments.description.as_deref().filter(|text| !text.trim().is_empty()).unwrap_or(&arguments.command);
    let line = of.trim().lines().next().unwrap_or_default();
    let mut short: String = line.chars().take(TITLE_CHARACTERS).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    short
}

/// The usual name of a signal, for those that a command may well meet.
fn signal_name(number: i32) -> &'static str {
    match number {
        1 => " (SIGHUP)",
        2 => " (SIGINT)",
        3 => " (SIGQUIT)",
        4 => " (SIGILL)",
        6 => " (SIGABRT)",
        8 => " (SIGFPE)",
        9 => " (SIGKILL)",
        11 => " (SIGSEGV)",
        13 => " (SIGPIPE)",
        15 => " (SIGTERM)",
        _ => "",
    }
}

#[cfg(test)]
#[path = "shell_tests.rs"]
mod tests;
