//! `mshtools-slides_generator`.

use std::io::Read;
use std::sync::Arc;

use async_trait::async_trait;
use okcvm_protocol::{Artifact, ArtifactKind, ProcessOwner, SessionId, ToolResult};
use okcvm_sandbox::{Entry, Processes, Sandbox};
use okcvm_slides::{Converted, DeckFiles, Renderer, SlidesError};
use okcvm_tools::{Reads, Tool, ToolContext, ToolError, ToolProgress, Touches};
use okcvm_workspace::{Workspace, WorkspaceError, WorkspacePath};
use serde_json::Value;

use crate::call::{arguments, file_path, missing, size, text, text_of, worded};
use crate::files::stamp;

/// The largest page, in bytes.
const MAX_PAGE: u64 = 32 * 1024 * 1024;
/// The largest file that a page may use, in bytes.
const MAX_FILE: u64 = 128 * 1024 * 1024;
/// Where the slides of `content` are kept.
const CONTENT: &str = "slides.html";
/// Names that are tried for a file whose name is taken.
const MAX_NAMES: u32 = 1000;

/// Gives a web engine for a call.
pub trait Engines: Send + Sync {
    /// An engine whose programs belong to `owner` and end with the call.
    fn engine(&self, owner: ProcessOwner) -> Result<Box<dyn Renderer>, SlidesError>;
}

/// Takes pictures of the slides of a presentation that was made: the SHA-256 of the contents that look so (the page and
/// the presentation) in hexadecimal, and PNGs. Blocks.
pub type KeepLook = Arc<dyn Fn(&[&str], &[Vec<u8>]) + Send + Sync>;

/// An installed Chromium, Chrome or Edge, behind the sandbox.
#[derive(Debug, Clone)]
pub struct InstalledBrowser {
    /// The boundary in which it runs.
    pub sandbox: Sandbox,
    /// Where it is entered.
    pub processes: Processes,
}

impl Engines for InstalledBrowser {
    #[cfg(unix)]
    fn engine(&self, owner: ProcessOwner) -> Result<Box<dyn Renderer>, SlidesError> {
        let title = "Web engine for slides".to_owned();
        let entry = Entry { processes: self.processes.clone(), owner, title };
        Ok(Box::new(okcvm_slides::Chromium::find(self.sandbox.clone(), Some(entry))?))
    }

    #[cfg(not(unix))]
    fn engine(&self, _owner: ProcessOwner) -> Result<Box<dyn Renderer>, SlidesError> {
        Err(SlidesError::NoEngine)
    }
}

/// `mshtools-slides_generator`: writes an HTML deck as an editable presentation.
pub struct SlidesTool {
    engines: Arc<dyn Engines>,
    keep_look: KeepLook,
}

impl SlidesTool {
    /// The tool with these engines.
    pub fn new(engines: Arc<dyn Engines>, keep_look: KeepLook) -> Self {
        Self { engines, keep_look }
    }
}

#[derive(serde::Deserialize)]
struct SlidesArguments {
    file_path: Option<String>,
    content: Option<String>,
}

#[async_trait]
impl Tool for SlidesTool {
    fn name(&self) -> &'static str {
        "mshtools-slides_generator"
    }

    fn touches(&self, _session: &SessionId, arguments: &Value) -> Touches {
        let path = text_of(arguments, "file_path");
        let read = if path.is_empty() { Vec::new() } else { vec![path.clone()] };
        // The result quotes titles and the starts of texts.
        Touches::inside(path).reading(Reads::Files(read))
    }

    async fn call(&self, context: &ToolContext, given: Value) -> Result<ToolResult, ToolError> {
        let given: SlidesArguments = arguments(given)?;
        let workspace = crate::call::workspace(context)?;
        let (page, source) = match (&given.file_path, given.content) {
            (Some(_), Some(_)) => {
                return Err(ToolError::for_model("Give either `file_path` or `content`, not both."));
            }
            (Some(given), None) => {
                let source = file_path(&workspace, given)?;
                (read_page(&workspace, &source)?, source)
            }
            (None, Some(html)) => {
                let source = keep_page(context, &workspace, html.as_bytes())?;
                (html.into_bytes(), source)
            }
            (None, None) => return Err(ToolError::for_model("Give `file_path` or `content`.")),
        };
        let drawn = stamp::of_bytes(&page).hash;
        let converted = tokio::select! {
            converted = self.convert(context, &workspace, page, &source) => converted?,
            () = context.cancel.cancelled() => return Err(ToolError::Cancelled(None)),
        };
        let target = write(context, &workspace, &source, &converted.pptx)?;
        let result = report(&source, &target, &converted);
        let (keep, made) = (Arc::clone(&self.keep_look), stamp::of_bytes(&converted.pptx).hash);
        // Without them the presentation is no worse.
        let _ = tokio::task::spawn_blocking(move || keep(&[&drawn, &made], &converted.looks)).await;
        Ok(result)
    }
}

impl SlidesTool {
    async fn convert(
        &self,
        context: &ToolContext,
        workspace: &Workspace,
        page: Vec<u8>,
        source: &WorkspacePath,
    ) -> Result<Converted, ToolError> {
        let owner = ProcessOwner {
            session_id: context.session_id.clone(),
            node_id: context.node_id.clone(),
            item_id: Some(context.item_id.clone()),
        };
        let engine = self.engines.engine(owner).map_err(|error| ToolError::for_model(error.to_string()))?;
        let files = {
            let workspace = workspace.clone();
            DeckFiles::new(page, source.as_str(), Arc::new(move |path| read_file(&workspace, path)))
        };
        let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let progress = |words: &str| context.sink.progress(ToolProgress::Message(words.to_owned()));
        okcvm_slides::convert(files, &*engine, &now, &progress)
            .await
            .map_err(|error| ToolError::for_model(error.to_string()))
    }
}

/// A file that a page asks for; nothing outside of the workspace, nothing endless.
fn read_file(workspace: &Workspace, path: &str) -> Option<Vec<u8>> {
    let path = workspace.resolve(path).ok()?;
    let file = workspace.open_file(&path).ok()?;
    if file.metadata().ok()?.len() > MAX_FILE {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn read_page(workspace: &Workspace, path: &WorkspacePath) -> Result<Vec<u8>, ToolError> {
    let read = workspace.read(path, MAX_PAGE).map_err(|error| match error {
        WorkspaceError::NotFound { .. } => missing(workspace, path),
        other => worded(&other),
    })?;
    if read.truncated {
        return Err(ToolError::for_model(format!(
            "{} is larger than {}, which is more than a page of slides should be.",
            path.mounted(),
            size(MAX_PAGE)
        )));
    }
    Ok(read.bytes)
}

/// Keeps the slides that came as text, so that they can be seen and changed.
fn keep_page(context: &ToolContext, workspace: &Workspace, page: &[u8]) -> Result<WorkspacePath, ToolError> {
    let wanted = WorkspacePath::parse(CONTENT).map_err(|error| worded(&error))?;
    let path = free_or_ours(context, workspace, &wanted)?;
    workspace.write_atomic(&path, page).map_err(|error| worded(&error))?;
    stamp::note(context, &path, &stamp::of_bytes(page))?;
    Ok(path)
}

/// Writes the presentation beside its page.
fn write(
    context: &ToolContext,
    workspace: &Workspace,
    source: &WorkspacePath,
    pptx: &[u8],
) -> Result<WorkspacePath, ToolError> {
    let name = source.file_name().unwrap_or("slides");
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let folder = source.parent().unwrap_or_else(WorkspacePath::root);
    let wanted = folder.join(&format!("{stem}.pptx")).map_err(|error| worded(&error))?;
    let target = free_or_ours(context, workspace, &wanted)?;
    workspace.write_atomic(&target, pptx).map_err(|error| worded(&error))?;
    stamp::note(context, &target, &stamp::of_bytes(pptx))?;
    Ok(target)
}

/// The path, if nothing is there or what this session wrote last; else one with a number.
fn free_or_ours(
    context: &ToolContext,
    workspace: &Workspace,
    wanted: &WorkspacePath,
) -> Result<WorkspacePath, ToolError> {
    let name = wanted.file_name().unwrap_or("slides");
    let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
    let folder = wanted.parent().unwrap_or_else(WorkspacePath::root);
    for number in 1..MAX_NAMES {
        let path = if number == 1 {
            wanted.clone()
        } else {
            folder.join(&format!("{stem}-{number}.{ending}")).map_err(|error| worded(&error))?
        };
        match workspace.open_file(&path) {
            Err(WorkspaceError::NotFound { .. }) => return Ok(path),
            Err(_) => {}
            Ok(mut file) => {
                let now = stamp::of_file(context, &path, &mut file)?;
                if stamp::seen(context, &path, &now)? == stamp::Seen::Present {
                    return Ok(path);
                }
            }
        }
    }
    Err(ToolError::for_model(format!("There are too many files like {} already.", wanted.mounted())))
}

fn report(source: &WorkspacePath, target: &WorkspacePath, converted: &Converted) -> ToolResult {
    let bytes = converted.pptx.len() as u64;
    let mut result = text(format!(
        "Wrote {} ({}) from {}.\n{}",
        target.mounted(),
        size(bytes),
        source.mounted(),
        okcvm_slides::in_short(&converted.report)
    ));
    result.artifacts.push(Artifact {
        kind: ArtifactKind::Deck,
        title: target.file_name().unwrap_or("slides.pptx").to_owned(),
        path: target.as_str().to_owned(),
        url: None,
        deployment: None,
        size: Some(bytes),
        meta: None,
        fidelity: Some(converted.report.clone()),
        hash: None,
        node_id: None,
    });
    result
}

#[cfg(test)]
#[path = "slides_tests.rs"]
mod tests;
