//! The template of the system prompt and what is filled into it.

use std::fmt::Write;

use crate::ToolDefinition;
use crate::definition::Problem;

/// The folder under which the agent sees its workspace.
pub const MOUNT: &str = "/mnt/okcomputer";
/// More files than this are counted, not listed.
const MAX_FILES: usize = 100;

/// What the system prompt says about this moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PromptValues {
    /// The date in words, for example `Friday, 2026-03-06`.
    pub date: String,
    /// The files of the workspace, those the user gave first.
    pub files: Vec<PromptFile>,
    /// Files of the workspace that `files` does not hold.
    pub more_files: u64,
    /// Full names of the tools that can be used now.
    pub tools: Vec<String>,
    /// What the agent may do without asking, in words for it.
    pub permissions: String,
}

/// A file that the system prompt names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptFile {
    /// Relative to the workspace, with `/`.
    pub path: String,
    /// Bytes.
    pub size: u64,
}

/// A place of the template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Date,
    Mount,
    Files,
    Tools,
    Permissions,
}

impl Place {
    fn named(name: &str) -> Option<Self> {
        match name {
            "date" => Some(Self::Date),
            "mount" => Some(Self::Mount),
            "files" => Some(Self::Files),
            "tools" => Some(Self::Tools),
            "permissions" => Some(Self::Permissions),
            _ => None,
        }
    }
}

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    Place(Place),
}

/// A checked template.
#[derive(Debug, Clone)]
pub(crate) struct Template(Vec<Part>);

impl Template {
    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let line = text.len() - after.len();
            let line = text.as_bytes().iter().take(line).filter(|byte| **byte == b'\n').count() + 1;
            let Some((name, behind)) = after.split_once("}}") else {
                return Err(Problem::new(line, None, "the place that begins here has no end"));
            };
            let Some(place) = Place::named(name.trim()) else {
                let name = name.lines().next().unwrap_or_default();
                return Err(Problem::new(
                    line,
                    Some(name),
                    "there is no such place; the places are date, mount, files, tools, permissions",
                ));
            };
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Place(place));
            rest = behind;
        }
        if parts.is_empty() && rest.trim().is_empty() {
            return Err(Problem::new(1, None, "the template is empty"));
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self(parts))
    }

    pub(crate) fn fill(&self, values: &PromptValues, tools: &[&ToolDefinition]) -> String {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(words) => text.push_str(words),
                Part::Place(Place::Date) => text.push_str(&values.date),
                Part::Place(Place::Mount) => text.push_str(MOUNT),
                Part::Place(Place::Files) => text.push_str(&files(values)),
                Part::Place(Place::Tools) => text.push_str(&tool_lines(tools)),
                Part::Place(Place::Permissions) => text.push_str(&values.permissions),
            }
        }
        text
    }
}

fn files(values: &PromptValues) -> String {
    let listed = values.files.iter().take(MAX_FILES);
    let more = values.files.len().saturating_sub(MAX_FILES) as u64 + values.more_files;
    let mut lines: Vec<String> =
        listed.map(|file| format!("- {} ({})", one_line(&file.path), size(file.size))).collect();
    if more > 0 {
        lines.push(format!("- and {more} more files"));
    }
    if lines.is_empty() { "None yet.".to_owned() } else { lines.join("\n") }
}

fn tool_lines(tools: &[&ToolDefinition]) -> String {
    let mut text = String::new();
    for tool in tools {
        if !text.is_empty() {
            text.push('\n');
        }
        // Writing into a string does not fail.
        let _ = write!(text, "- {}: {}", tool.name, tool.summary);
    }
    if text.is_empty() { "None: answer with what you know.".to_owned() } else { text }
}

/// A file's name is the choice of whoever made the file: it must not be able to begin a new line of the prompt.
fn one_line(path: &str) -> String {
    let breaks =
        |character: char| character.is_control() || matches!(character, '\u{2028}' | '\u{2029}' | '`');
    if path.contains(breaks) {
        serde_json::Value::String(path.replace(['\u{2028}', '\u{2029}'], " ")).to_string()
    } else {
        path.to_owned()
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
#[path = "prompt_tests.rs"]
mod tests;
