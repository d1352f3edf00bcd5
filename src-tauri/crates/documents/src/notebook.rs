//! Jupyter notebooks (nbformat 3 and 4): cells with their outputs.

use serde_json::Value;

use crate::document::Parts;
use crate::limits::Budget;
use crate::markdown::Writer;
use crate::notes::{Note, Notes};
use crate::{DocumentError, DocumentKind};

/// Characters of one output that are shown.
const MAX_OUTPUT: usize = 10_000;

/// Whether a JSON text is a notebook.
pub(crate) fn is_notebook(bytes: &[u8]) -> bool {
    let start = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if start.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
        return false;
    }
    let has = |word: &[u8]| start.windows(word.len()).any(|window| window == word);
    has(b"\"nbformat\"") && (has(b"\"cells\"") || has(b"\"worksheets\""))
}

pub(crate) fn read(bytes: &[u8], budget: &Budget, out: &mut Writer) -> Result<Parts, DocumentError> {
    let broken = |what: String| DocumentError::Broken { kind: DocumentKind::Notebook, what };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let root: Value =
        serde_json::from_slice(bytes).map_err(|error| broken(format!("is not valid JSON ({error})")))?;
    let cells = root
        .get("cells")
        .or_else(|| root.pointer("/worksheets/0/cells"))
        .and_then(Value::as_array)
        .ok_or_else(|| broken("has no cells".to_owned()))?;
    let language = root
        .pointer("/metadata/language_info/name")
        .or_else(|| root.pointer("/metadata/kernelspec/language"))
        .and_then(Value::as_str)
        .filter(|name| {
            name.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '+' | '#' | '-'))
        })
        .unwrap_or("python");
    for (index, cell) in cells.iter().enumerate() {
        budget.element()?;
        if out.is_full() {
            break;
        }
        let kind = cell.get("cell_type").and_then(Value::as_str).unwrap_or("code");
        let source = text(cell.get("source").or_else(|| cell.get("input")));
        let number = index + 1;
        match kind {
            "markdown" => {
                out.mark(&format!("[Cell {number}: text]"));
                let source = without_pictures(&source, &mut out.notes);
                out.markdown(&source);
            }
            "heading" => {
                let level = cell.get("level").and_then(Value::as_u64).unwrap_or(1);
                out.heading(level as usize, &source);
            }
            "raw" => {
                out.mark(&format!("[Cell {number}: raw]"));
                out.code("", &source);
            }
            _ => {
                let run = cell
                    .get("execution_count")
                    .or_else(|| cell.get("prompt_number"))
                    .and_then(Value::as_u64)
                    .map_or_else(|| "not run".to_owned(), |count| format!("run {count}"));
                out.mark(&format!("[Cell {number}: code, {run}]"));
                out.code(language, &source);
                for output in cell.get("outputs").and_then(Value::as_array).into_iter().flatten() {
                    write_output(output, budget, out)?;
                }
            }
        }
    }
    Ok(Parts::Cells(cells.len()))
}

fn write_output(output: &Value, budget: &Budget, out: &mut Writer) -> Result<(), DocumentError> {
    budget.element()?;
    match output.get("output_type").and_then(Value::as_str).unwrap_or_default() {
        "stream" => {
            let name = output
                .get("name")
                .or_else(|| output.get("stream"))
                .and_then(Value::as_str)
                .unwrap_or("stdout");
            out.mark(&format!("Output ({name}):"));
            let text = text(output.get("text"));
            shown(&text, out);
        }
        "error" | "pyerr" => {
            let part = |name: &str| output.get(name).and_then(Value::as_str).unwrap_or_default();
            out.mark("Error:");
            let trace = lines(output.get("traceback"));
            let trace = if trace.trim().is_empty() {
                format!("{}: {}", part("ename"), part("evalue"))
            } else {
                trace
            };
            shown(&without_colours(&trace), out);
        }
        _ => {
            let data = output.get("data").unwrap_or(output);
            let pick = |names: &[&str]| names.iter().find_map(|name| data.get(*name));
            if data.as_object().is_some_and(|data| {
                data.keys()
                    .any(|name| name.starts_with("image/") || matches!(name.as_str(), "png" | "jpeg" | "svg"))
            }) {
                out.notes.add(Note::Picture);
            }
            if let Some(page) =
                pick(&["text/html", "html"]).filter(|page| text(Some(page)).contains("<table"))
            {
                out.mark("Output:");
                crate::html::write(&text(Some(page)), crate::html::Titles::LeftOut, budget, out)?;
            } else if let Some(markdown) = pick(&["text/markdown"]) {
                out.mark("Output:");
                out.markdown(&text(Some(markdown)));
            } else if let Some(plain) = pick(&["text/plain", "text/latex", "text", "latex"]) {
                out.mark("Output:");
                shown(&text(Some(plain)), out);
            }
        }
    }
    Ok(())
}

fn shown(text: &str, out: &mut Writer) {
    if text.char_indices().nth(MAX_OUTPUT).is_some() {
        out.notes.add(Note::CutCell);
    }
    out.code("", &crate::text::shortened(text, MAX_OUTPUT));
}

/// A text of one string or of many.
fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(pieces)) => pieces.iter().filter_map(Value::as_str).collect(),
        _ => String::new(),
    }
}

fn lines(value: Option<&Value>) -> String {
    let pieces = value.and_then(Value::as_array).into_iter().flatten();
    pieces.filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
}

/// Without the escape sequences that colour a terminal (ECMA-48, 5.4).
fn without_colours(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' && characters.peek() == Some(&'[') {
            characters.next();
            characters.by_ref().find(|next| ('@'..='~').contains(next));
        } else {
            out.push(character);
        }
    }
    out
}

/// Pictures that stand in the text as data would fill pages.
fn without_pictures(markdown: &str, notes: &mut Notes) -> String {
    let mut out = String::with_capacity(markdown.len().min(64 * 1024));
    let mut rest = markdown;
    while let Some((before, behind)) = rest.split_once("](data:") {
        out.push_str(before);
        out.push_str("](data:…)");
        notes.add(Note::Picture);
        rest = behind.split_once(')').map_or("", |(_, later)| later);
    }
    out.push_str(rest);
    out
}
