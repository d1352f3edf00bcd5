//! `okcvm tool`: the tools by hand.

use std::io::Read;
use std::sync::{Arc, Mutex, PoisonError};

use okcvm_host::{Host, Redactor, ToolProgress, ToolSink};
use okcvm_protocol::{AppError, CommandHandler, Empty, ToolContent, ToolResult};

use crate::arguments::CallArguments;
use crate::failure::Failure;
use crate::output::{self, Format};
use crate::run::{self, Place};
use crate::stops::{STOPPED, Stops};

/// Bytes of a line without an end that are kept back at most.
const LONGEST_LINE: usize = 8 * 1024;

/// Shows live output while a tool runs: whole lines, so that a secret is not cut in two and missed.
struct Terminal {
    format: Format,
    redactor: Redactor,
    line: Mutex<String>,
}

impl ToolSink for Terminal {
    fn progress(&self, progress: ToolProgress) {
        match progress {
            ToolProgress::Output(text) if self.format == Format::Text => {
                let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
                line.push_str(&text);
                let end = match line.rfind(['\n', '\r']) {
                    Some(end) => end + 1,
                    None if line.len() > LONGEST_LINE => line.len(),
                    None => return,
                };
                let rest = line.split_off(end);
                let whole = std::mem::replace(&mut *line, rest);
                output::note_piece(self.redactor.redact(&whole).into_owned());
            }
            ToolProgress::Output(_) => {}
            ToolProgress::Message(message) => output::note(&message),
        }
    }
}

impl Terminal {
    /// Shows the last line if it has no end.
    fn close(&self) {
        let line = std::mem::take(&mut *self.line.lock().unwrap_or_else(PoisonError::into_inner));
        if !line.is_empty() {
            output::note(&self.redactor.redact(&line));
        }
    }
}

/// `okcvm tool list`.
pub(crate) async fn list(host: &Host, format: Format) -> Result<(), Failure> {
    let tools = host.app_info(Empty {}).await?.tools;
    if format == Format::Json {
        return Ok(output::json(&tools)?);
    }
    for tool in tools {
        let state = tool.reason.map_or_else(|| "works".to_owned(), |reason| format!("— {reason}"));
        output::line(&format!("{:<34} {state}", tool.name));
    }
    Ok(())
}

/// `okcvm tool call`.
pub(crate) async fn call(host: &Host, call: CallArguments, redactor: Redactor) -> Result<(), Failure> {
    // Before signals are caught: reading a terminal cannot be called off in any other way.
    let arguments = read_arguments(call.arguments)?;
    let stops = Stops::listen()?;
    let format = Format::of(call.json);
    let session = run::find_session(host, Place::Folder(call.workspace)).await?;
    let terminal = Arc::new(Terminal { format, redactor, line: Mutex::default() });
    let sink: Arc<dyn ToolSink> = Arc::<Terminal>::clone(&terminal);
    let result = session
        .used_by(host, async |id| {
            Ok(host.engine().call_tool(id, &call.name, &arguments, sink, stops.token()).await?)
        })
        .await;
    terminal.close();
    let result = result?;
    show(&result, format)?;
    if stops.came() {
        return Err(Failure::quiet(STOPPED));
    }
    if result.is_error { Err(Failure::quiet(1)) } else { Ok(()) }
}

fn show(result: &ToolResult, format: Format) -> Result<(), AppError> {
    if format == Format::Json {
        return output::json(result);
    }
    for content in &result.content {
        match content {
            ToolContent::Text { text } => output::line(&output::answer(text)),
            ToolContent::Image { mime, path, size, .. } => {
                output::line(&format!("[{mime}, {size} bytes: {}]", output::name(path)));
            }
        }
    }
    for artifact in &result.artifacts {
        let place = artifact.url.as_ref().unwrap_or(&artifact.path);
        output::note(&format!("{}: {}", output::name(&artifact.title), output::name(place)));
    }
    Ok(())
}

fn read_arguments(arguments: String) -> Result<String, AppError> {
    if arguments != "-" {
        return Ok(arguments);
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).map_err(|error| {
        AppError::new("The arguments cannot be read from stdin.").with_detail(error.to_string())
    })?;
    Ok(text)
}
