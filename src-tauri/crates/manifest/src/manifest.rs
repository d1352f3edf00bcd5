//! The manifest as a whole: which files it is made of and how they are found.

use std::collections::HashMap;

use crate::definition::{Problem, ToolDefinition};
use crate::prompt::{PromptValues, Template};

/// The name of the file that holds the template of the system prompt.
pub const SYSTEM_PROMPT: &str = "system-prompt.md";

/// What is wrong in a file of the manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("tool-manifest/{file}, line {line}{}: {problem}", field.as_ref().map(|field| format!(", field `{field}`")).unwrap_or_default())]
pub struct ManifestError {
    /// The file, relative to the manifest.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The field, if it is about one.
    pub field: Option<String>,
    /// What is wrong with it.
    pub problem: String,
}

/// The contract of every tool, and the system prompt.
#[derive(Debug, Clone)]
pub struct Manifest {
    tools: Vec<ToolDefinition>,
    by_name: HashMap<String, usize>,
    prompt: Template,
}

/// Names the files of the manifest once, in the order in which tools are offered.
macro_rules! embedded_tools {
    ($($name:literal)*) => {
        &[$((
            concat!("tools/", $name, ".json"),
            include_str!(concat!("../../../../tool-manifest/tools/", $name, ".json")),
        )),*]
    };
}

const EMBEDDED_TOOLS: &[(&str, &str)] = embedded_tools![
    "todo_read"
    "todo_write"
    "ipython"
    "read_file"
    "edit_file"
    "write_file"
    "shell"
    "browser_click"
    "browser_find"
    "browser_input"
    "browser_scroll_down"
    "browser_scroll_up"
    "browser_state"
    "browser_visit"
    "web_search"
    "image_search"
    "generate_image"
    "get_available_voices"
    "generate_speech"
    "generate_sound_effects"
    "get_data_source_desc"
    "get_data_source"
    "deploy_website"
    "slides_generator"
];

const EMBEDDED_PROMPT: (&str, &str) =
    (SYSTEM_PROMPT, include_str!("../../../../tool-manifest/system-prompt.md"));

impl Manifest {
    /// The manifest that was compiled into this program.
    pub fn embedded() -> Result<Self, ManifestError> {
        let mut files = EMBEDDED_TOOLS.to_vec();
        files.push(EMBEDDED_PROMPT);
        Self::parse(&files)
    }

    /// Parses the files of a manifest, given as name (`tools/<tool>.json`, `system-prompt.md`) and text.
    pub fn parse(files: &[(&str, &str)]) -> Result<Self, ManifestError> {
        let mut tools: Vec<ToolDefinition> = Vec::new();
        let mut by_name = HashMap::new();
        let mut prompt = None;
        for (file, text) in files {
            let in_file = |problem: Problem| problem.in_file(file);
            if *file == SYSTEM_PROMPT {
                if prompt.replace(Template::parse(text).map_err(in_file)?).is_some() {
                    return Err(in_file(Problem::new(1, None, "the file is there twice")));
                }
                continue;
            }
            let Some(short) = file.strip_prefix("tools/").and_then(|rest| rest.strip_suffix(".json")) else {
                return Err(in_file(Problem::new(
                    1,
                    None,
                    "the manifest consists of system-prompt.md and tools/<name>.json; this file is neither",
                )));
            };
            let tool = ToolDefinition::parse(short, text).map_err(in_file)?;
            if by_name.insert(tool.name.clone(), tools.len()).is_some() {
                return Err(in_file(Problem::new(1, None, "the file is there twice")));
            }
            tools.push(tool);
        }
        let prompt =
            prompt.ok_or_else(|| Problem::new(1, None, "the file is missing").in_file(SYSTEM_PROMPT))?;
        Ok(Self { tools, by_name, prompt })
    }

    /// Every tool, in the order of the files.
    pub fn tools(&self) -> &[ToolDefinition] {
        &self.tools
    }

    /// A tool by its full name, `mshtools-…`.
    pub fn tool(&self, full_name: &str) -> Option<&ToolDefinition> {
        self.by_name.get(full_name).and_then(|index| self.tools.get(*index))
    }

    /// The system prompt with its places filled in. Tools that the manifest does not hold are left out.
    pub fn system_prompt(&self, values: &PromptValues) -> String {
        let tools: Vec<&ToolDefinition> = values.tools.iter().filter_map(|name| self.tool(name)).collect();
        self.prompt.fill(values, &tools)
    }
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
