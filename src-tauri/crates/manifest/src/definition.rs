//! One tool of the manifest: its fields, how they are read, and where an error in them lies.

use std::collections::BTreeMap;
use std::sync::Arc;

use jsonschema::Validator;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::ManifestError;
use crate::check;

/// What every name of the contract begins with.
const PREFIX: &str = "mshtools-";
const FIELDS: [&str; 7] = ["name", "summary", "description", "effect", "permission", "limits", "parameters"];

/// Whether a call changes anything. Calls that only read may run at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Leaves files, lists, pages and processes as they are.
    Read,
    /// Changes something.
    Write,
}

/// Where what a call does can be felt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Permission {
    /// In the session alone: in its files, its lists, its sandbox.
    Inside,
    /// On this machine: something is published on it.
    Publish,
    /// On other machines: something is sent to them.
    Network,
}

/// The contract of one tool.
#[derive(Debug, Clone)]
pub struct ToolDefinition {
    /// The name that the model uses, `mshtools-…`.
    pub name: String,
    /// One sentence for people.
    pub summary: String,
    /// What the model is told: when to use the tool, what its arguments mean, its limits.
    pub description: String,
    /// JSON Schema of the arguments; its root is an object.
    pub parameters: Value,
    /// Whether a call changes anything.
    pub effect: Effect,
    /// Where what a call does can be felt.
    pub permission: Permission,
    /// Numbers that bound a call, by name, with the unit in the name where it is not a count.
    pub limits: BTreeMap<String, u64>,
    validator: Arc<Validator>,
}

impl ToolDefinition {
    /// What is wrong with the arguments of a call: at most five problems, each naming the path of the field.
    /// Empty if they fit.
    pub fn check(&self, arguments: &Value) -> Vec<String> {
        check::problems(&self.validator, &self.parameters, arguments)
    }

    /// Reads the file of the tool with that name (without prefix).
    pub(crate) fn parse(short_name: &str, text: &str) -> Result<Self, Problem> {
        let fields = Fields::parse(text)?;
        let name: String = fields.get("name")?;
        let expected = format!("{PREFIX}{short_name}");
        if name != expected {
            return Err(
                fields.problem("name", format!("the file's name asks for \"{expected}\", not \"{name}\""))
            );
        }
        let summary: String = fields.get("summary")?;
        if summary.trim().is_empty() || summary.contains('\n') {
            return Err(fields.problem("summary", "must be one line of text"));
        }
        let paragraphs: Vec<String> = fields.get("description")?;
        if paragraphs.is_empty() || paragraphs.iter().any(|paragraph| paragraph.trim().is_empty()) {
            return Err(
                fields.problem("description", "must hold at least one paragraph, and none may be empty")
            );
        }
        let effect: Effect = fields.get("effect")?;
        let permission: Permission = fields.get("permission")?;
        let limits: BTreeMap<String, u64> = fields.get("limits")?;
        let parameters: Value = fields.get("parameters")?;
        if parameters.get("type").and_then(Value::as_str) != Some("object") {
            return Err(fields.problem("parameters", "must be a JSON Schema whose type is \"object\""));
        }
        let validator = jsonschema::validator_for(&parameters).map_err(|error| {
            let place = error.instance_path().to_string();
            let place = if place.is_empty() { String::new() } else { format!(" at {place}") };
            fields.problem("parameters", format!("is not a valid JSON Schema{place}: {error}"))
        })?;
        let description = paragraphs.join("\n\n");
        Ok(Self {
            name,
            summary,
            description,
            parameters,
            effect,
            permission,
            limits,
            validator: Arc::new(validator),
        })
    }
}

/// What is wrong in a file whose name is known elsewhere.
#[derive(Debug)]
pub(crate) struct Problem {
    line: usize,
    field: Option<String>,
    words: String,
}

impl Problem {
    pub(crate) fn new(line: usize, field: Option<&str>, words: impl Into<String>) -> Self {
        Self { line, field: field.map(str::to_owned), words: words.into() }
    }

    pub(crate) fn in_file(self, file: &str) -> ManifestError {
        ManifestError { file: file.to_owned(), line: self.line, field: self.field, problem: self.words }
    }
}

/// The fields of a file, each with its own text, from which the line of an error is found.
struct Fields<'text> {
    text: &'text str,
    raw: Vec<(String, &'text RawValue)>,
}

impl<'text> Fields<'text> {
    fn parse(text: &'text str) -> Result<Self, Problem> {
        let RawFields(raw) = serde_json::from_str(text)
            .map_err(|error| Problem::new(error.line().max(1), None, without_place(&error)))?;
        let fields = Self { text, raw };
        for (index, (name, value)) in fields.raw.iter().enumerate() {
            let line = fields.line_of(value.get());
            if !FIELDS.contains(&name.as_str()) {
                let problem = format!("there is no such field; the fields are {}", FIELDS.join(", "));
                return Err(Problem::new(line, Some(name), problem));
            }
            if fields.raw.iter().take(index).any(|(earlier, _)| earlier == name) {
                return Err(Problem::new(line, Some(name), "the field is there twice"));
            }
        }
        Ok(fields)
    }

    fn raw(&self, field: &str) -> Option<&'text RawValue> {
        self.raw.iter().find(|(name, _)| name == field).map(|(_, value)| *value)
    }

    fn get<T: DeserializeOwned>(&self, field: &str) -> Result<T, Problem> {
        let Some(value) = self.raw(field) else {
            let last_line = self.text.trim_end().lines().count().max(1);
            return Err(Problem::new(last_line, Some(field), "the field is missing"));
        };
        serde_json::from_str(value.get()).map_err(|error| {
            let line = self.line_of(value.get()) + error.line().saturating_sub(1);
            Problem::new(line, Some(field), without_place(&error))
        })
    }

    fn problem(&self, field: &str, problem: impl Into<String>) -> Problem {
        let line = self.raw(field).map_or(1, |value| self.line_of(value.get()));
        Problem::new(line, Some(field), problem)
    }

    /// The line on which a part of the text begins.
    fn line_of(&self, part: &str) -> usize {
        let offset = (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize);
        self.text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
    }
}

/// The error's words without the place in them, which is wrong for a part of a file.
fn without_place(error: &serde_json::Error) -> String {
    let words = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    words.strip_suffix(&place).unwrap_or(&words).to_owned()
}

/// The members of an object in their order, repeated ones included.
struct RawFields<'text>(Vec<(String, &'text RawValue)>);

impl<'de> serde::Deserialize<'de> for RawFields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = RawFields<'de>;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object with the fields of a tool")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(RawFields(members))
            }
        }

        deserializer.deserialize_map(Members)
    }
}
