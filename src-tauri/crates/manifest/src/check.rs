//! Words what a validator found, so that a model can correct its arguments.

use jsonschema::Validator;
use jsonschema::error::{TypeKind, ValidationError, ValidationErrorKind};
use serde_json::Value;

/// More would only bury the first ones.
const MAX_PROBLEMS: usize = 5;
/// Longest value that is quoted back, in characters.
const MAX_QUOTED: usize = 60;

/// At most five problems of `arguments`, worded; empty if they fit.
pub(crate) fn problems(validator: &Validator, schema: &Value, arguments: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    for error in validator.iter_errors(arguments) {
        for problem in words(&error, schema) {
            if !problems.contains(&problem) {
                problems.push(problem);
            }
        }
    }
    if problems.len() > MAX_PROBLEMS {
        let more = problems.len() - (MAX_PROBLEMS - 1);
        problems.truncate(MAX_PROBLEMS - 1);
        problems.push(format!("{more} more problems of this kind"));
    }
    problems
}

fn words(error: &ValidationError<'_>, schema: &Value) -> Vec<String> {
    let path = Path::of(error);
    let place = path.words();
    let instance = error.instance();
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            vec![format!("`{}` is missing", path.join(property.as_str().unwrap_or_default()))]
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let known = known_properties(schema, &path);
            unexpected
                .iter()
                .map(|name| format!("`{}` is not a parameter ({known})", path.join(&shorten(name))))
                .collect()
        }
        ValidationErrorKind::Type { kind } => {
            vec![format!("{place} must be {}, not {}", expected_type(kind), describe(instance))]
        }
        ValidationErrorKind::Enum { options } => {
            let options: Vec<String> =
                options.as_array().into_iter().flatten().map(ToString::to_string).collect();
            vec![format!("{place} must be one of {}, not {}", options.join(", "), describe(instance))]
        }
        ValidationErrorKind::Minimum { limit } => {
            vec![format!("{place} must be at least {limit}, not {}", describe(instance))]
        }
        ValidationErrorKind::Maximum { limit } => {
            vec![format!("{place} must be at most {limit}, not {}", describe(instance))]
        }
        ValidationErrorKind::AnyOf { context } => {
            let ways: Vec<String> = context
                .iter()
                .map(|branch| {
                    branch.iter().flat_map(|error| words(error, schema)).collect::<Vec<_>>().join(" and ")
                })
                .collect();
            vec![format!("{place} must fit in one of these ways, but {}", ways.join(", and "))]
        }
        // Keywords that no schema of the contract uses keep the library's words.
        _ => vec![format!("{place}: {}", error.masked())],
    }
}

fn expected_type(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(json_type) => with_article(&json_type.to_string()),
        TypeKind::Multiple(types) => types
            .iter()
            .map(|json_type| with_article(&json_type.to_string()))
            .collect::<Vec<_>>()
            .join(" or "),
    }
}

fn with_article(json_type: &str) -> String {
    match json_type {
        "null" => "null".to_owned(),
        "integer" | "array" | "object" => format!("an {json_type}"),
        other => format!("a {other}"),
    }
}

fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(flag) => format!("the boolean {flag}"),
        Value::Number(number) => format!("the number {number}"),
        Value::String(text) => format!("the string {}", Value::String(shorten(text))),
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_QUOTED) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The parameters that the schema has at a path.
fn known_properties(schema: &Value, path: &Path) -> String {
    let mut at = Some(schema);
    for step in &path.0 {
        at = at.and_then(|schema| match step.parse::<usize>() {
            Ok(_) => schema.get("items"),
            Err(_) => schema.get("properties").and_then(|properties| properties.get(step)),
        });
    }
    let names: Vec<String> = at
        .and_then(|schema| schema.get("properties"))
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|properties| properties.keys())
        .map(|name| format!("`{name}`"))
        .collect();
    if names.is_empty() { "the tool takes none".to_owned() } else { format!("known: {}", names.join(", ")) }
}

/// Where in the arguments.
struct Path(Vec<String>);

impl Path {
    fn of(error: &ValidationError<'_>) -> Self {
        let pointer = error.instance_path().to_string();
        Self(pointer.split('/').skip(1).map(|step| step.replace("~1", "/").replace("~0", "~")).collect())
    }

    /// The path as one would write it in code: `todos[0].status`.
    fn text(&self) -> String {
        let mut text = String::new();
        for step in &self.0 {
            if step.bytes().all(|byte| byte.is_ascii_digit()) {
                text.push('[');
                text.push_str(step);
                text.push(']');
            } else {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(step);
            }
        }
        text
    }

    fn join(&self, name: &str) -> String {
        let text = self.text();
        if text.is_empty() { name.to_owned() } else { format!("{text}.{name}") }
    }

    fn words(&self) -> String {
        if self.0.is_empty() { "the arguments as a whole".to_owned() } else { format!("`{}`", self.text()) }
    }
}
