//! The tools we ship, a module each. Their names, parameters and limits stand in the tool manifest; what they
//! need beyond the call's context they get when they are made.

#![allow(
    clippy::result_large_err,
    reason = "an error of a tool is made at most once a call, so its size costs nothing"
)]

mod call;
mod deploy;
mod files;
mod ipython;
mod shell;
mod slides;
mod todo;

use std::sync::Arc;

use okcvm_python::Kernels;
use okcvm_sandbox::{Processes, Sandbox};
use okcvm_tools::Tool;

pub use deploy::{DeployTool, Deployments, NewDeployment};
pub use files::{EditFileTool, ReadFileTool, WriteFileTool};
pub use ipython::PythonTool;
pub use shell::{Door, SessionNetwork, ShellTool};
pub use slides::{Engines, InstalledBrowser, KeepLook, SlidesTool};
pub use todo::{TodoBook, TodoReadTool, TodoWriteTool};

/// What the tools need.
pub struct ToolboxParts {
    /// The boundary in which commands run.
    pub sandbox: Sandbox,
    /// The Python kernels of all sessions.
    pub kernels: Kernels,
    /// Where what runs is entered.
    pub processes: Processes,
    /// Whom sessions may speak to.
    pub network: Arc<dyn SessionNetwork>,
    /// Where to-do lists are kept.
    pub todos: Arc<dyn TodoBook>,
    /// Where deployments are entered.
    pub deployments: Arc<dyn Deployments>,
    /// The web engines that lay slides out.
    pub engines: Arc<dyn Engines>,
    /// Takes pictures of the presentations that are made.
    pub keep_look: KeepLook,
}

/// Every tool of this version.
pub fn tools(parts: ToolboxParts) -> Vec<Arc<dyn Tool>> {
    vec![
        Arc::new(TodoReadTool::new(Arc::clone(&parts.todos))),
        Arc::new(TodoWriteTool::new(parts.todos)),
        Arc::new(ReadFileTool),
        Arc::new(WriteFileTool),
        Arc::new(EditFileTool),
        Arc::new(PythonTool::new(parts.kernels).with_network(Arc::clone(&parts.network))),
        Arc::new(ShellTool::new(parts.sandbox).with_processes(parts.processes).with_network(parts.network)),
        Arc::new(DeployTool::new(parts.deployments)),
        Arc::new(SlidesTool::new(parts.engines, parts.keep_look)),
    ]
}

#[cfg(test)]
mod testing;

#[cfg(test)]
#[path = "lib_tests.rs"]
mod tests;
