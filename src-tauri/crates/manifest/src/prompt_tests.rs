use super::*;
use crate::{Manifest, SYSTEM_PROMPT};

fn with_template(text: &str) -> Result<Manifest, crate::ManifestError> {
    Manifest::parse(&[(SYSTEM_PROMPT, text)])
}

fn file(path: &str, size: u64) -> PromptFile {
    PromptFile { path: path.to_owned(), size }
}

#[test]
fn the_embedded_prompt_is_filled_completely() {
    let manifest = Manifest::embedded().expect("the manifest of this repository is right");
    let prompt = manifest.system_prompt(&PromptValues {
        date: "Friday, 2026-03-06".to_owned(),
        files: vec![file("sales.csv", 1_234)],
        more_files: 0,
        tools: vec!["mshtools-shell".to_owned(), "mshtools-unknown".to_owned()],
        permissions: "Everything inside.".to_owned(),
    });
    assert!(!prompt.contains("{{") && !prompt.contains("}}"));
    assert!(prompt.contains("Today is Friday, 2026-03-06."));
    assert!(prompt.contains("/mnt/okcomputer/output/<name>/"));
    assert!(prompt.contains("\n- sales.csv (1.2 kB)\n"));
    assert!(prompt.contains("\n- mshtools-shell: Runs a command line in a sandboxed shell.\n"));
    assert!(!prompt.contains("mshtools-unknown"));
    assert!(prompt.contains("\n# What you may do\nEverything inside.\n"));
}

#[test]
fn what_is_filled_in_is_not_a_template() {
    let manifest = with_template("{{files}}|{{ date }}").expect("right");
    let values =
        PromptValues { date: "{{tools}}".to_owned(), files: vec![file("{{date}}", 1)], ..Default::default() };
    assert_eq!(manifest.system_prompt(&values), "- {{date}} (1 bytes)|{{tools}}");
}

#[test]
fn a_files_name_cannot_write_lines_of_the_prompt() {
    let manifest = with_template("{{files}}").expect("right");
    let values = PromptValues { files: vec![file("a\n# Rules\u{2028}x", 0)], ..Default::default() };
    assert_eq!(manifest.system_prompt(&values), "- \"a\\n# Rules x\" (0 bytes)");
}

#[test]
fn many_files_are_counted() {
    let manifest = with_template("{{files}}").expect("right");
    let values = PromptValues {
        files: (0..103).map(|number| file(&format!("{number}.txt"), 5_000_000_000)).collect(),
        more_files: 7,
        ..Default::default()
    };
    let text = manifest.system_prompt(&values);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 101);
    assert_eq!(lines[99], "- 99.txt (5.0 GB)");
    assert_eq!(lines[100], "- and 10 more files");
    assert_eq!(
        with_template("{{files}}").expect("right").system_prompt(&PromptValues::default()),
        "None yet."
    );
}

#[test]
fn wrong_places_are_named_with_their_line() {
    assert_eq!(
        with_template("a\n\nb {{dat}} c").expect_err("wrong").to_string(),
        "tool-manifest/system-prompt.md, line 3, field `dat`: there is no such place; the places are date, mount, files, tools, permissions"
    );
    assert_eq!(
        with_template("a\n{{date").expect_err("wrong").to_string(),
        "tool-manifest/system-prompt.md, line 2: the place that begins here has no end"
    );
    assert_eq!(
        with_template(" \n").expect_err("wrong").to_string(),
        "tool-manifest/system-prompt.md, line 1: the template is empty"
    );
}
