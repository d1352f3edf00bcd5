//! The registry binds each implementation to its definition in the manifest, one to one.

use std::collections::BTreeMap;
use std::sync::Arc;

use okcvm_manifest::{Effect, Manifest, ToolDefinition};
use okcvm_protocol::{PermissionMode, ToolStatus};
use serde_json::Value;

use crate::Tool;

/// The prefix of every tool name of the contract.
const PREFIX: &str = "mshtools-";

/// A wrong registration, found at start.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// A tool without a contract.
    #[error("the tool {0} is not in the manifest")]
    Undeclared(String),
    /// The same tool twice.
    #[error("the tool {0} is registered twice")]
    Twice(String),
}

/// Arguments that do not fit, worded for the model.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ArgumentError(pub String);

/// All tools of the contract, with the implementations that exist.
pub struct Registry {
    manifest: Arc<Manifest>,
    tools: BTreeMap<String, Arc<dyn Tool>>,
}

impl Registry {
    /// Binds tools to the manifest.
    pub fn new(manifest: Arc<Manifest>, tools: Vec<Arc<dyn Tool>>) -> Result<Self, RegistryError> {
        let mut bound = BTreeMap::new();
        for tool in tools {
            let name = tool.name().to_owned();
            if manifest.tool(&name).is_none() {
                return Err(RegistryError::Undeclared(name));
            }
            if bound.insert(name.clone(), tool).is_some() {
                return Err(RegistryError::Twice(name));
            }
        }
        Ok(Self { manifest, tools: bound })
    }

    /// The full name of a tool that may be written without its prefix; `None` if the contract has no such tool.
    pub fn full_name(&self, name: &str) -> Option<String> {
        let full = if name.starts_with(PREFIX) { name.to_owned() } else { format!("{PREFIX}{name}") };
        self.manifest.tool(&full).map(|definition| definition.name.clone())
    }

    /// The implementation of a tool, by its full name.
    pub fn tool(&self, name: &str) -> Option<Arc<dyn Tool>> {
        self.tools.get(name).cloned()
    }

    /// The contract of a tool, by its full name.
    pub fn definition(&self, name: &str) -> Option<&ToolDefinition> {
        self.manifest.tool(name)
    }

    /// The tools that can be used now: these are offered to the model.
    pub fn offered(&self) -> impl Iterator<Item = &ToolDefinition> {
        self.manifest.tools().iter().filter(|definition| {
            self.tools.get(&definition.name).is_some_and(|tool| tool.unavailable().is_none())
        })
    }

    /// The tools that are offered in a mode: to plan, only those that change nothing.
    pub fn offered_in(&self, mode: PermissionMode) -> impl Iterator<Item = &ToolDefinition> {
        self.offered()
            .filter(move |definition| mode != PermissionMode::Plan || definition.effect == Effect::Read)
    }

    /// Every tool of the contract and whether it can be used.
    pub fn statuses(&self) -> Vec<ToolStatus> {
        self.manifest
            .tools()
            .iter()
            .map(|definition| {
                let reason = match self.tools.get(&definition.name) {
                    Some(tool) => tool.unavailable(),
                    None => Some("Not available yet in this version.".to_owned()),
                };
                ToolStatus {
                    name: definition.name.clone(),
                    available: reason.is_none(),
                    reason,
                    summary: definition.summary.clone(),
                }
            })
            .collect()
    }

    /// Parses and checks the arguments of a call against the contract.
    pub fn check_arguments(&self, name: &str, arguments: &str) -> Result<Value, ArgumentError> {
        let Some(definition) = self.manifest.tool(name) else {
            return Err(ArgumentError(self.unknown(name)));
        };
        // Models send nothing at all for tools without parameters.
        let text = if arguments.trim().is_empty() { "{}" } else { arguments };
        let value: Value = serde_json::from_str(text).map_err(|error| {
            ArgumentError(format!(
                "The arguments of {name} are not valid JSON ({error}). Send one JSON object that fits the tool's parameters."
            ))
        })?;
        let problems = definition.check(&value);
        if problems.is_empty() {
            Ok(value)
        } else {
            Err(ArgumentError(format!(
                "The arguments of {name} do not fit its parameters: {}. Correct them and call again.",
                problems.join("; ")
            )))
        }
    }

    /// What to tell the model about a tool that does not exist or cannot be used.
    pub fn unknown(&self, name: &str) -> String {
        let offered: Vec<&str> = self.offered().map(|definition| definition.name.as_str()).collect();
        format!("There is no usable tool named {name}. You can use: {}.", offered.join(", "))
    }
}
