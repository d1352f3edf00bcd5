//! `mshtools-deploy_website`.

mod references;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use okcvm_protocol::{
    AppError, ApprovalAction, Artifact, ArtifactKind, Deployment, DeploymentId, EntryKind, NodeId, SessionId,
    SkippedFile, ToolResult,
};
use okcvm_tools::{Tool, ToolContext, ToolError, Touches};
use okcvm_workspace::{CopiedTree, Workspace, WorkspacePath};
use serde_json::Value;

use crate::call::{arguments, blocking, counted, missing, size, text, text_of, worded};
use references::References;

const INDEX: &str = "index.html";
/// Entries of a folder that are named when it has no index.html.
const MAX_ENTRIES: usize = 20;
/// Files, references and left-out files that are named in a result.
const MAX_NAMED: usize = 20;
/// The start of index.html in which its title is looked for, in bytes.
const TITLE_BYTES: usize = 64 * 1024;
const MAX_TITLE: usize = 120;

/// A site that was copied and is to be entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDeployment {
    /// Its identifier, also the name of its folder under the session's `deployments`.
    pub id: DeploymentId,
    /// The folder it was copied from, relative to the workspace.
    pub folder: String,
    /// Title of its `index.html`, or the folder's name.
    pub title: String,
    /// How many files it has.
    pub files: u32,
    /// Bytes of these files.
    pub size: u64,
}

/// Where deployments are entered, so that they are found and served. Calls may block.
pub trait Deployments: Send + Sync {
    /// Enters a site whose files lie at `<session folder>/deployments/<id>`, and gives it a version and an address.
    fn register(
        &self,
        session: &SessionId,
        node: Option<&NodeId>,
        site: &NewDeployment,
    ) -> Result<Deployment, AppError>;
}

/// `mshtools-deploy_website`: copies a folder as an immutable version of a site.
pub struct DeployTool {
    deployments: Arc<dyn Deployments>,
}

impl DeployTool {
    /// The tool that enters its sites there.
    pub fn new(deployments: Arc<dyn Deployments>) -> Self {
        Self { deployments }
    }
}

#[derive(serde::Deserialize)]
struct DeployArguments {
    local_dir: String,
}

#[async_trait]
impl Tool for DeployTool {
    fn name(&self) -> &'static str {
        "mshtools-deploy_website"
    }

    fn touches(&self, _session: &SessionId, arguments: &Value) -> Touches {
        Touches::inside(text_of(arguments, "local_dir")).doing(ApprovalAction::Deploy)
    }

    async fn call(&self, context: &ToolContext, given: Value) -> Result<ToolResult, ToolError> {
        let DeployArguments { local_dir } = arguments(given)?;
        let deployments = Arc::clone(&self.deployments);
        blocking(context, move |context| deploy(context, deployments.as_ref(), &local_dir)).await
    }
}

fn deploy(
    context: &ToolContext,
    deployments: &dyn Deployments,
    given: &str,
) -> Result<ToolResult, ToolError> {
    let workspace = crate::call::workspace(context)?;
    let folder = workspace.resolve(given).map_err(|error| worded(&error))?;
    check(&workspace, &folder)?;
    let id = DeploymentId::new();
    let copy = Copy::make(context, &workspace, &folder, &id)?;
    let index = fs::read(copy.folder.join(INDEX)).map_err(|error| {
        ToolError::for_model(format!(
            "{}/{INDEX} could not be copied, so nothing was published: {error}.",
            folder.mounted()
        ))
    })?;
    let references = References::of(&copy.folder);
    if context.cancel.is_cancelled() {
        return Err(ToolError::Cancelled(None));
    }
    let site = NewDeployment {
        title: title(&index).unwrap_or_else(|| folder.file_name().unwrap_or("Site").to_owned()),
        id,
        folder: folder.as_str().to_owned(),
        files: copy.tree.files as u32,
        size: copy.tree.size,
    };
    let tree = copy.keep(&site.id)?;
    let deployment = deployments
        .register(&context.session_id, context.node_id.as_ref(), &site)
        .inspect_err(|_| discard(&deployments_folder(context).join(site.id.as_str())))
        .map_err(ToolError::Fatal)?;
    Ok(report(&folder, &deployment, &tree.skipped, &references))
}

/// Refuses what is no site, and says what is there instead.
fn check(workspace: &Workspace, folder: &WorkspacePath) -> Result<(), ToolError> {
    let entry = workspace.metadata(folder).map_err(|error| worded(&error))?;
    if !folder.is_root() && entry.is_none() {
        return Err(missing(workspace, folder));
    }
    if entry.is_some_and(|entry| entry.kind == EntryKind::File) {
        let advice = match (folder.file_name(), folder.parent()) {
            (Some(INDEX), Some(parent)) => format!(" Give its folder: {}.", parent.mounted()),
            _ => String::new(),
        };
        return Err(ToolError::for_model(format!("{} is a file, not a folder.{advice}", folder.mounted())));
    }
    let index = folder.join(INDEX).map_err(|error| worded(&error))?;
    if workspace.open_file(&index).is_ok() {
        return Ok(());
    }
    let (entries, more) = workspace.list(folder, MAX_ENTRIES).map_err(|error| worded(&error))?;
    let inside = entries.iter().filter(|entry| entry.kind == EntryKind::Folder).find_map(|entry| {
        let inner = folder.join(&entry.name).ok()?;
        workspace.open_file(&inner.join(INDEX).ok()?).is_ok().then_some(inner)
    });
    let there = if entries.is_empty() {
        "The folder is empty.".to_owned()
    } else {
        let names: Vec<String> = entries
            .iter()
            .map(|entry| {
                if entry.kind == EntryKind::Folder { format!("{}/", entry.name) } else { entry.name.clone() }
            })
            .collect();
        format!("In it are: {}{}.", names.join(", "), if more { ", and more" } else { "" })
    };
    let advice = inside.map_or_else(
        || " Write index.html there, or give the folder that holds it.".to_owned(),
        |inner| format!(" There is one in {}: publish that folder, or move its content.", inner.mounted()),
    );
    Err(ToolError::for_model(format!(
        "{} has no {INDEX} directly in it, so it cannot be published. {there}{advice}",
        folder.mounted()
    )))
}

fn deployments_folder(context: &ToolContext) -> PathBuf {
    context.session_folder.join("deployments")
}

/// A copy that is removed again unless it is kept.
struct Copy {
    folder: PathBuf,
    kept_in: PathBuf,
    tree: CopiedTree,
}

impl Copy {
    fn make(
        context: &ToolContext,
        workspace: &Workspace,
        folder: &WorkspacePath,
        id: &DeploymentId,
    ) -> Result<Self, ToolError> {
        let kept_in = deployments_folder(context);
        let mut copy =
            Self { folder: kept_in.join(format!(".copying-{id}")), kept_in, tree: CopiedTree::default() };
        copy.tree = workspace.copy_out(folder, &copy.folder).map_err(|error| worded(&error))?;
        Ok(copy)
    }

    /// Gives the copy its place. Only a whole copy ever lies there.
    fn keep(mut self, id: &DeploymentId) -> Result<CopiedTree, ToolError> {
        let place = self.kept_in.join(id.as_str());
        fs::rename(&self.folder, &place).map_err(|error| {
            ToolError::Fatal(
                AppError::new("The copy of the site could not be put in its place.")
                    .with_detail(error.to_string()),
            )
        })?;
        Ok(std::mem::take(&mut self.tree))
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        discard(&self.folder);
    }
}

/// Removes a copy, if it is there.
fn discard(folder: &Path) {
    if let Err(error) = fs::remove_dir_all(folder)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(folder = %folder.display(), %error, "a copy of a site is left behind");
    }
}

/// The text of the page's `<title>`, on one line.
fn title(index: &[u8]) -> Option<String> {
    let start = String::from_utf8_lossy(index.get(..TITLE_BYTES).unwrap_or(index));
    let lower = start.to_ascii_lowercase();
    let open = lower.find("<title")?;
    let from = open + lower.get(open..)?.find('>')? + 1;
    let to = from + lower.get(from..)?.find("</title")?;
    let words: Vec<&str> = start.get(from..to)?.split_whitespace().collect();
    let text = words
        .join(" ")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&");
    let text: String = text.chars().take(MAX_TITLE).collect();
    (!text.is_empty()).then_some(text)
}

fn report(
    folder: &WorkspacePath,
    deployment: &Deployment,
    skipped: &[SkippedFile],
    references: &References,
) -> ToolResult {
    let mut lines = vec![format!(
        "Published {} as version {} of \"{}\" ({}, {}): {}",
        folder.mounted(),
        deployment.version,
        deployment.title,
        counted(u64::from(deployment.files), "file", "files"),
        size(deployment.size),
        deployment.url
    )];
    if !references.leaving.is_empty() {
        lines.push(
            "These references leave the folder. Put what they name into the folder, link it with a relative path, and publish again:"
                .to_owned(),
        );
        lines.extend(bounded(references.leaving.iter().map(ToString::to_string).collect()));
    }
    if !references.missing.is_empty() {
        lines.push("These references name files that are not in the folder:".to_owned());
        lines.extend(bounded(references.missing.iter().map(ToString::to_string).collect()));
    }
    if !skipped.is_empty() {
        lines.push("Left out:".to_owned());
        lines.extend(bounded(skipped.iter().map(|file| format!("{}: {}", file.path, file.reason)).collect()));
    }
    if references.unread > 0 {
        lines.push(format!(
            "{} not searched for references.",
            if references.unread == 1 {
                "1 large file was".to_owned()
            } else {
                format!("{} files were", references.unread)
            }
        ));
    }
    let mut result = text(lines.join("\n"));
    result.artifacts.push(Artifact {
        kind: ArtifactKind::Site,
        title: deployment.title.clone(),
        path: folder.as_str().to_owned(),
        url: Some(deployment.url.clone()),
        deployment: Some(deployment.id.clone()),
        size: Some(deployment.size),
        meta: None,
        hash: None,
        node_id: None,
    });
    result
}

fn bounded(mut lines: Vec<String>) -> Vec<String> {
    let all = lines.len();
    lines.truncate(MAX_NAMED);
    let mut lines: Vec<String> = lines.into_iter().map(|line| format!("- {line}")).collect();
    if all > MAX_NAMED {
        lines.push(format!("- and {} more", all - MAX_NAMED));
    }
    lines
}

#[cfg(test)]
#[path = "deploy_tests.rs"]
mod tests;
