//! `mshtools-ipython`: a cell in the Python kernel of the session.

mod outcome;

use std::sync::Arc;

use async_trait::async_trait;
use okcvm_protocol::{Artifact, ArtifactKind, SessionId, ToolContent, ToolResult};
use okcvm_python::{Cell, CellDoor, CellEnd, KernelError, KernelEvent, KernelKind, Kernels, Ran};
use okcvm_tools::{Spares, Tool, ToolContext, ToolError, ToolProgress, Touches};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::call;
use crate::shell::capture::{Capture, Kept, LIVE_INTERVAL};
use crate::shell::network::{Door, SessionNetwork, touches};
use outcome::Outcome;

/// Things that a kernel told and that wait for us before it has to.
const QUEUE: usize = 16;
/// What of the code names its output.
const TITLE_CHARACTERS: usize = 60;
/// What to do about a text that was cut.
const ADVICE: &str =
    "print a part of it (a slice, head(), describe()), or write it to a file and read that in parts";

/// Runs cells. Names stay until the kernel is restarted; output is bounded.
pub struct PythonTool {
    kernels: Kernels,
    /// Nobody is spoken to if absent.
    network: Option<Arc<dyn SessionNetwork>>,
}

#[derive(Deserialize)]
struct Arguments {
    code: String,
    #[serde(default)]
    restart: bool,
}

impl PythonTool {
    /// With these kernels.
    pub fn new(kernels: Kernels) -> Self {
        Self { kernels, network: None }
    }

    /// Lets cells speak to whom their session allows.
    #[must_use]
    pub fn with_network(self, network: Arc<dyn SessionNetwork>) -> Self {
        Self { network: Some(network), ..self }
    }
}

#[async_trait]
impl Tool for PythonTool {
    fn name(&self) -> &'static str {
        "mshtools-ipython"
    }

    fn unavailable(&self) -> Option<String> {
        self.kernels.sandbox().can_start_programs().err()
    }

    fn touches(&self, session: &SessionId, arguments: &Value) -> Touches {
        let touches =
            touches(self.network.as_ref(), self.kernels.sandbox(), session, call::text_of(arguments, "code"));
        if arguments.get("restart").and_then(Value::as_bool).unwrap_or_default() {
            return touches;
        }
        let touches = touches.holding(self.kernels.held(session.as_str()));
        match self.kernels.spared(session.as_str()) {
            Some(spared) => touches.sparing(Spares::These(spared)),
            None => touches,
        }
    }

    async fn call(&self, context: &ToolContext, arguments: Value) -> Result<ToolResult, ToolError> {
        let arguments: Arguments = call::arguments(arguments)?;
        if arguments.code.trim().is_empty() && !arguments.restart {
            return Err(ToolError::for_model("`code` is empty. Give Python code, for example `1 + 1`."));
        }
        if arguments.code.contains('\0') {
            return Err(ToolError::for_model("`code` contains a NUL byte, which Python does not take."));
        }
        if context.cancel.is_cancelled() {
            return Err(ToolError::Cancelled(None));
        }
        let door = match &self.network {
            Some(network) => Door::open(network, self.kernels.sandbox(), context),
            None => Ok(None),
        };
        let (door, network) = match door {
            Ok(Some(door)) => (Some(door), Network::On),
            Ok(None) => (None, Network::Off),
            Err(reason) => (None, Network::Kept(reason)),
        };
        let cell = Cell {
            session: context.session_id.as_str().to_owned(),
            workspace: context.workspace_root.clone(),
            session_folder: context.session_folder.clone(),
            code: arguments.code.clone(),
            restart: arguments.restart,
            spare: context
                .spare
                .iter()
                .map(|path| (path.clone(), okcvm_workspace::decode_name(path).into()))
                .collect(),
            untrusted: context.sink.untrusted(),
            cancel: context.cancel.clone(),
            door: door.as_ref().map(|door| CellDoor { egress: door.egress.clone(), env: door.env.clone() }),
        };
        let capture = Capture::new(&context.session_folder, &context.item_id).with_advice(ADVICE);
        let mut outcome = Outcome::new(context, capture, okcvm_sandbox::Limits::default().output_bytes);
        let (sender, mut receiver) = mpsc::channel(QUEUE);
        let running = self.kernels.run(cell, sender);
        let taking = async {
            let mut tick = tokio::time::interval(LIVE_INTERVAL);
            tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    event = receiver.recv() => match event {
                        Some(KernelEvent::Progress(words)) => {
                            context.sink.progress(ToolProgress::Message(words));
                        }
                        Some(KernelEvent::Stream(text)) => outcome.text(&text).await,
                        Some(KernelEvent::Display(data)) => outcome.display(data).await,
                        Some(KernelEvent::Error(text)) => outcome.paragraph(&text).await,
                        None => break,
                    },
                    _ = tick.tick() => outcome.show(),
                }
            }
            outcome.show();
        };
        let (ran, ()) = tokio::join!(running, taking);
        if let Some(door) = door {
            door.close().await;
        }
        // By now it is known whom the cell has heard.
        self.kernels.hold(context.session_id.as_str(), &context.session_folder, &context.sink.untrusted());
        let mut ran = match ran {
            Ok(ran) => ran,
            Err(error) => {
                outcome.discard().await;
                return Err(match error {
                    KernelError::Cancelled => ToolError::Cancelled(None),
                    KernelError::NoPython(words) => ToolError::for_model(words),
                    KernelError::NotStarted(_) => {
                        tracing::error!(%error, "a cell did not run");
                        ToolError::for_model(format!(
                            "The code did not run: {error}. This is not a fault of the code."
                        ))
                    }
                });
            }
        };
        if ran.end != CellEnd::Done {
            let spared = self.kernels.spared(context.session_id.as_str()).unwrap_or_default();
            ran.notes.extend(
                call::spared(&spared)
                    .map(|spared| format!("{spared}, in a kernel that is started for it (`restart: true`)")),
            );
        }
        for source in &ran.packages {
            context.sink.read_untrusted(source);
        }
        let result = outcome.finish(&arguments, &ran, &network).await;
        if context.cancel.is_cancelled() && matches!(ran.end, CellEnd::Interrupted | CellEnd::Ended) {
            return Err(ToolError::Cancelled(Some(result)));
        }
        Ok(result)
    }
}

/// What a cell had of the network.
#[derive(Debug, PartialEq, Eq)]
enum Network {
    /// Nothing, as the session says.
    Off,
    /// The hosts that the session allows.
    On,
    /// Nothing, although the session allows hosts; why.
    Kept(String),
}

/// What to say of a cell beside its output, in brackets.
fn remarks(arguments: &Arguments, ran: &Ran, network: &Network) -> Vec<String> {
    let mut remarks = Vec::new();
    match ran.end {
        CellEnd::Done | CellEnd::Failed | CellEnd::Died(_) => {}
        CellEnd::Interrupted => {
            remarks.push("stopped: the cell was interrupted, and the names are still there".to_owned());
        }
        CellEnd::Ended => remarks.push(
            "stopped: the cell did not heed the interrupt, so the kernel was ended; its names are gone, and the next \
             call starts a new one"
                .to_owned(),
        ),
    }
    if ran.dropped > 0 {
        remarks.push(format!("{} of the output, beyond the limits, went nowhere", call::size(ran.dropped)));
    }
    if ran.kind == KernelKind::Plain
        && ran.end == CellEnd::Failed
        && arguments.code.trim_start().starts_with("%%")
    {
        remarks.push("of the cell magics, only %%bash works in this kernel".to_owned());
    }
    if let Network::Kept(reason) = network {
        remarks.push(format!("the network stayed off: {reason}"));
    }
    if *network == Network::Off && installs(&arguments.code) {
        remarks.push(
            "the network is off for this session, so packages cannot be installed; use what is there (`!pip list`), or \
             tell the user"
                .to_owned(),
        );
    }
    remarks.extend(ran.notes.iter().cloned());
    remarks
}

/// Whether the code asks a package index for something.
fn installs(code: &str) -> bool {
    code.lines().any(|line| {
        let line = line.trim_start();
        let command =
            line.starts_with(['!', '%']) || line.contains("subprocess") || line.contains("os.system");
        let after = line.find("pip").map(|place| &line[place..]);
        let pip = after.is_some_and(|rest| rest.contains("install") || rest.contains("download"));
        command && (pip || line.contains("conda install") || line.contains("uv add"))
    })
}

/// The name of the kept output, for people.
fn title(what: &str, code: &str) -> String {
    let line = code.trim().lines().next().unwrap_or_default();
    let mut short: String = line.chars().take(TITLE_CHARACTERS).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    format!("{what}: {short}")
}

/// The artifact of a file in the session's folder of outputs.
fn kept(kept: Kept, arguments: &Arguments) -> Result<Option<Artifact>, std::io::Error> {
    match kept {
        Kept::Nothing => Ok(None),
        Kept::File { path, size } => Ok(Some(Artifact {
            kind: ArtifactKind::Output,
            title: title("Output", &arguments.code),
            path: path.to_string_lossy().into_owned(),
            url: None,
            deployment: None,
            size: Some(size),
            meta: None,
            fidelity: None,
            hash: None,
            node_id: None,
        })),
        Kept::Failed(error) => Err(error),
    }
}

/// A result of text and pictures.
fn result(text: String, pictures: Vec<ToolContent>, is_error: bool, artifacts: Vec<Artifact>) -> ToolResult {
    let mut content = vec![ToolContent::Text { text }];
    content.extend(pictures);
    ToolResult { content, is_error, artifacts, diff: None }
}

#[cfg(test)]
#[path = "ipython_tests.rs"]
mod tests;
