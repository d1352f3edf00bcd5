use okcvm_manifest::Manifest;
use okcvm_network::ContactSink;
use okcvm_protocol::{AppError, Contact, Deployment, NetworkPolicy, NodeId, SessionId, Todo};
use okcvm_tools::Registry;

use super::*;
use crate::files::{DEFAULT_LINES, LINE_CHARACTERS, MAX_CHARACTERS, OUTPUT_CHARACTERS};

struct Nothing;

impl TodoBook for Nothing {
    fn read(&self, _: &SessionId, _: Option<&NodeId>) -> Result<Vec<Todo>, AppError> {
        Ok(Vec::new())
    }

    fn write(&self, _: &SessionId, _: Option<&NodeId>, _: &[Todo]) -> Result<(), AppError> {
        Ok(())
    }
}

impl Deployments for Nothing {
    fn register(&self, _: &SessionId, _: Option<&NodeId>, _: &NewDeployment) -> Result<Deployment, AppError> {
        Err(AppError::new("Nothing is kept here."))
    }
}

impl ContactSink for Nothing {
    fn contact(&self, _: Contact) {}
}

impl SessionNetwork for Nothing {
    fn policy(&self, _: &SessionId) -> Result<NetworkPolicy, AppError> {
        Ok(NetworkPolicy::Off)
    }
}

impl Engines for Nothing {
    fn engine(
        &self,
        _: okcvm_protocol::ProcessOwner,
    ) -> Result<Box<dyn okcvm_slides::Renderer>, okcvm_slides::SlidesError> {
        Err(okcvm_slides::SlidesError::NoEngine)
    }
}

fn manifest() -> Manifest {
    Manifest::embedded().unwrap()
}

#[test]
fn every_tool_has_its_contract() {
    // No such helper: what is looked at here does not depend on what this machine can do.
    let sandbox = Sandbox::probe("/nonexistent/helper".into());
    let environment = okcvm_python::Environment::new("/nonexistent/python".into(), None, None);
    let tools = tools(ToolboxParts {
        kernels: Kernels::new(sandbox.clone(), environment),
        sandbox,
        processes: Processes::default(),
        network: Arc::new(Nothing),
        todos: Arc::new(Nothing),
        deployments: Arc::new(Nothing),
        engines: Arc::new(Nothing),
        keep_look: Arc::new(|_, _| {}),
    });
    let registry = Registry::new(Arc::new(manifest()), tools).unwrap();
    let bound: Vec<String> = manifest()
        .tools()
        .iter()
        .filter(|definition| registry.tool(&definition.name).is_some())
        .map(|definition| definition.name.trim_start_matches("mshtools-").to_owned())
        .collect();
    assert_eq!(
        bound,
        [
            "todo_read",
            "todo_write",
            "ipython",
            "read_file",
            "edit_file",
            "write_file",
            "shell",
            "deploy_website",
            "slides_generator"
        ]
    );
}

#[test]
fn the_limits_of_the_manifest_are_those_of_the_tools() {
    let manifest = manifest();
    let limits = |name: &str| {
        manifest
            .tool(name)
            .unwrap()
            .limits
            .iter()
            .map(|(name, limit)| (name.clone(), *limit))
            .collect::<Vec<_>>()
    };
    let named = |entries: &[(&str, u64)]| {
        entries.iter().map(|(name, limit)| ((*name).to_owned(), *limit)).collect::<Vec<_>>()
    };
    assert_eq!(
        limits("mshtools-read_file"),
        named(&[
            ("default_lines", DEFAULT_LINES),
            ("line_characters", LINE_CHARACTERS as u64),
            ("output_characters", OUTPUT_CHARACTERS as u64)
        ])
    );
    assert_eq!(limits("mshtools-write_file"), named(&[("characters", MAX_CHARACTERS as u64)]));
    assert_eq!(limits("mshtools-todo_write"), named(&[("in_progress", 1)]));
}

#[test]
fn the_mount_of_the_prompt_is_that_of_the_workspace() {
    assert_eq!(okcvm_manifest::MOUNT, okcvm_workspace::MOUNT);
}
