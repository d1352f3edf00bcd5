//! `okcvm tool`: the tools by hand.

use std::io::Read;
use std::sync::Arc;

use okcvm_host::{Host, ToolProgress, ToolSink};
use okcvm_protocol::{AppError, CommandHandler, Empty, ToolContent};
use tokio_util::sync::CancellationToken;

use crate::arguments::ToolCommand;
use crate::failure::Failure;
use crate::output;

/// Shows live output while a tool runs.
struct Terminal;

impl ToolSink for Terminal {
    fn progress(&self, progress: ToolProgress) {
        match progress {
            ToolProgress::Output(_) => {}
            ToolProgress::Message(message) => output::note(&message),
        }
    }
}

pub(crate) async fn answer(host: &Host, command: ToolCommand) -> Result<(), Failure> {
    match command {
        ToolCommand::List { json } => {
            let tools = host.app_info(Empty {}).await?.tools;
            if json {
                return Ok(output::json(&tools)?);
            }
            for tool in tools {
                let state = tool.reason.map_or_else(|| "works".to_owned(), |reason| format!("— {reason}"));
                output::line(&format!("{:<34} {state}", tool.name));
            }
            Ok(())
        }
        ToolCommand::Call { name, workspace, arguments, json } => {
            let arguments = read_arguments(arguments)?;
            let settings = host.settings();
            let shared = host.clone();
            let session = tokio::task::spawn_blocking(move || {
                shared.engine().session_of_folder(&workspace, &settings.default_profile, &settings.limits)
            });
            let session = session.await.map_err(okcvm_host::EngineError::from)??;
            let cancel = CancellationToken::new();
            let stopping = cancel.clone();
            tokio::spawn(async move {
                if tokio::signal::ctrl_c().await.is_ok() {
                    stopping.cancel();
                }
            });
            let result =
                host.engine().call_tool(&session.id, &name, &arguments, Arc::new(Terminal), cancel).await?;
            if json {
                output::json(&result)?;
            } else {
                for content in &result.content {
                    match content {
                        ToolContent::Text { text } => output::line(text),
                        ToolContent::Image { mime, path, size, .. } => {
                            output::line(&format!("[{mime}, {size} bytes: {path}]"));
                        }
                    }
                }
                for artifact in &result.artifacts {
                    output::note(&format!(
                        "{}: {}",
                        artifact.title,
                        artifact.url.as_ref().unwrap_or(&artifact.path)
                    ));
                }
            }
            if result.is_error { Err(Failure::quiet(1)) } else { Ok(()) }
        }
    }
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
