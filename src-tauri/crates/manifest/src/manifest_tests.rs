use serde_json::{Value, json};

use super::*;
use crate::Effect;

const CONTRACT: &str = include_str!("../tests/contract.json");

fn embedded() -> Manifest {
    Manifest::embedded().expect("the manifest of this repository is right")
}

fn problems(tool: &str, arguments: &Value) -> Vec<String> {
    embedded().tool(tool).expect("the tool is in the manifest").check(arguments)
}

/// The error of a manifest of one tool file besides a right system prompt.
fn error_of(file: &str, text: &str) -> String {
    Manifest::parse(&[(SYSTEM_PROMPT, "Hello."), (file, text)]).expect_err("the file is wrong").to_string()
}

#[test]
fn names_and_parameters_are_those_of_the_contract() {
    let contract: Vec<Value> = serde_json::from_str(CONTRACT).expect("the fixture is JSON");
    let ours: Vec<Value> = embedded()
        .tools()
        .iter()
        .map(|tool| json!({"name": tool.name, "parameters": tool.parameters}))
        .collect();
    assert_eq!(contract.len(), 24);
    assert_eq!(ours, contract);
}

#[test]
fn every_file_of_the_folder_is_embedded() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../tool-manifest/tools");
    let mut on_disk: Vec<String> = std::fs::read_dir(folder)
        .expect("the folder is there")
        .map(|entry| format!("tools/{}", entry.expect("readable").file_name().to_string_lossy()))
        .collect();
    on_disk.sort();
    let mut embedded: Vec<String> = EMBEDDED_TOOLS.iter().map(|(file, _)| (*file).to_owned()).collect();
    embedded.sort();
    assert_eq!(on_disk, embedded);
}

#[test]
fn tools_that_change_something_are_marked() {
    let manifest = embedded();
    let reading: Vec<&str> = manifest
        .tools()
        .iter()
        .filter(|tool| tool.effect == Effect::Read)
        .map(|tool| tool.name.trim_start_matches("mshtools-"))
        .collect();
    assert_eq!(
        reading,
        [
            "todo_read",
            "read_file",
            "browser_state",
            "web_search",
            "image_search",
            "get_available_voices",
            "get_data_source_desc"
        ]
    );
}

#[test]
fn every_parameter_is_explained_to_the_model() {
    for tool in embedded().tools() {
        let properties = tool.parameters["properties"].as_object().expect("an object");
        for name in properties.keys() {
            assert!(tool.description.contains(&format!("`{name}`")), "{} does not explain {name}", tool.name);
        }
    }
}

#[test]
fn right_arguments_have_no_problems() {
    assert_eq!(problems("mshtools-todo_read", &json!({})), Vec::<String>::new());
    assert_eq!(problems("mshtools-read_file", &json!({"file_path": "a", "limit": 3})), Vec::<String>::new());
    assert_eq!(problems("mshtools-slides_generator", &json!({"content": ""})), Vec::<String>::new());
}

#[test]
fn problems_name_the_path_of_the_field() {
    assert_eq!(
        problems("mshtools-write_file", &json!({"file_path": 7})),
        ["`content` is missing", "`file_path` must be a string, not the number 7"]
    );
    assert_eq!(
        problems(
            "mshtools-todo_write",
            &json!({"todos": [
                {"content": "a", "priority": "high", "status": "pending"},
                {"content": "b", "priority": "urgent", "status": "pending", "due": 1}
            ]})
        ),
        [
            "`todos[1].priority` must be one of \"high\", \"medium\", \"low\", not the string \"urgent\"",
            "`todos[1].due` is not a parameter (known: `content`, `id`, `priority`, `status`)",
        ]
    );
    assert_eq!(
        problems(
            "mshtools-generate_sound_effects",
            &json!({"description": "", "duration": 60, "output_path": ""})
        ),
        ["`duration` must be at most 22.0, not the number 60"]
    );
    assert_eq!(
        problems("mshtools-todo_read", &json!({"all": true})),
        ["`all` is not a parameter (the tool takes none)"]
    );
    assert_eq!(
        problems("mshtools-slides_generator", &json!({})),
        [
            "the arguments as a whole must fit in one of these ways, but `file_path` is missing, and `content` is missing"
        ]
    );
    assert_eq!(
        problems("mshtools-shell", &json!(["ls"])),
        ["the arguments as a whole must be an object, not an array"]
    );
}

#[test]
fn many_problems_are_counted_and_long_values_cut() {
    let todos: Vec<Value> = (0..20).map(|_| json!({"content": "字".repeat(500)})).collect();
    let found = problems("mshtools-todo_write", &json!({"todos": todos}));
    assert_eq!(found.len(), 5);
    assert_eq!(found[4], "36 more problems of this kind");

    let found = problems("mshtools-deploy_website", &json!({"type": "字".repeat(500), "local_dir": "a"}));
    assert_eq!(found, [format!("`type` must be one of \"static\", not the string \"{}…\"", "字".repeat(60))]);
}

const RIGHT: &str = r#"{
  "name": "mshtools-a",
  "summary": "Does a.",
  "description": ["Does a."],
  "effect": "read",
  "permission": "inside", "limits": {},
  "parameters": {"type": "object"}
}"#;

#[test]
fn a_right_file_is_read() {
    let manifest = Manifest::parse(&[(SYSTEM_PROMPT, "Hello."), ("tools/a.json", RIGHT)]).expect("right");
    assert_eq!(manifest.tools().len(), 1);
    assert!(manifest.tool("a").is_none());
    assert_eq!(manifest.tool("mshtools-a").expect("there").description, "Does a.");
}

#[test]
fn errors_name_file_line_and_field() {
    let wrong = |from: &str, to: &str| error_of("tools/a.json", &RIGHT.replace(from, to));
    assert_eq!(
        wrong("mshtools-a", "mshtools-b"),
        "tool-manifest/tools/a.json, line 2, field `name`: the file's name asks for \"mshtools-a\", not \"mshtools-b\""
    );
    assert_eq!(
        wrong("\"read\"", "\"maybe\""),
        "tool-manifest/tools/a.json, line 5, field `effect`: unknown variant `maybe`, expected `read` or `write`"
    );
    assert_eq!(
        wrong("\"inside\"", "\"outside\""),
        "tool-manifest/tools/a.json, line 6, field `permission`: unknown variant `outside`, expected one of `inside`, `publish`, `network`"
    );
    assert_eq!(
        wrong("\"limits\": {}", "\"limits\": {\n    \"lines\": -1\n  }"),
        "tool-manifest/tools/a.json, line 7, field `limits`: invalid value: integer `-1`, expected u64"
    );
    assert_eq!(
        wrong("  \"effect\": \"read\",\n", ""),
        "tool-manifest/tools/a.json, line 7, field `effect`: the field is missing"
    );
    assert_eq!(
        wrong("\"limits\"", "\"limit\""),
        "tool-manifest/tools/a.json, line 6, field `limit`: there is no such field; the fields are name, summary, description, effect, permission, limits, parameters"
    );
    assert_eq!(
        wrong("\"limits\": {}", "\"effect\": \"read\""),
        "tool-manifest/tools/a.json, line 6, field `effect`: the field is there twice"
    );
    assert_eq!(
        wrong("\"effect\": \"read\",", "\"effect\": \"read\""),
        "tool-manifest/tools/a.json, line 6: expected `,` or `}`"
    );
    assert_eq!(
        wrong("[\"Does a.\"]", "[]"),
        "tool-manifest/tools/a.json, line 4, field `description`: must hold at least one paragraph, and none may be empty"
    );
    assert_eq!(
        wrong("{\"type\": \"object\"}", "{\"type\": \"string\"}"),
        "tool-manifest/tools/a.json, line 7, field `parameters`: must be a JSON Schema whose type is \"object\""
    );
    let schema = wrong("{\"type\": \"object\"}", "{\"type\": \"object\", \"required\": 3}");
    assert!(
        schema.starts_with(
            "tool-manifest/tools/a.json, line 7, field `parameters`: is not a valid JSON Schema at /required"
        ),
        "{schema}"
    );
}

#[test]
fn errors_of_the_set_of_files() {
    assert_eq!(
        Manifest::parse(&[("tools/a.json", RIGHT)]).expect_err("no prompt").to_string(),
        "tool-manifest/system-prompt.md, line 1: the file is missing"
    );
    assert_eq!(
        Manifest::parse(&[("tools/a.json", RIGHT), ("tools/a.json", RIGHT)]).expect_err("twice").to_string(),
        "tool-manifest/tools/a.json, line 1: the file is there twice"
    );
    assert_eq!(
        error_of("notes.txt", ""),
        "tool-manifest/notes.txt, line 1: the manifest consists of system-prompt.md and tools/<name>.json; this file is neither"
    );
}
