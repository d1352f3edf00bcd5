//! What a session keeps beside its conversation, listed on the command line.

use serde_json::Value;

use crate::command_line::{okcvm, sessions, text};
use crate::command_line_tree::Story;

#[tokio::test(flavor = "multi_thread")]
async fn steps_say_what_undo_and_redo_would_do() {
    let story = Story::told().await;
    assert!(text(&story.run(&["steps"], &[]).stderr).contains("nothing to undo"));
    story.said(&["restore"], &[&story.nodes[1]]);
    story.said(&["restore"], &[&story.nodes[0], "--path", "b.txt"]);
    let listed = |story: &Story| -> Vec<(String, String, Value)> {
        let steps = story.json(&["steps"], &[]);
        let told = |step: &Value, key: &str| step[key].as_str().unwrap().to_owned();
        let steps = steps.as_array().unwrap().iter();
        steps.map(|step| (told(step, "direction"), told(step, "title"), step["paths"].clone())).collect()
    };
    let both = listed(&story);
    let directions = |steps: &[(String, String, Value)]| -> Vec<String> {
        steps.iter().map(|step| step.0.clone()).collect()
    };
    assert_eq!(directions(&both), ["undo", "undo"]);
    assert_eq!((&both[0].2, &both[1].2), (&serde_json::json!(["b.txt"]), &Value::Null));
    // The first of the list is what undo takes back.
    story.said(&["undo"], &[]);
    assert_eq!(directions(&listed(&story)), ["redo", "undo"]);
    assert_eq!(listed(&story)[0].1, both[0].1);
    story.said(&["undo"], &[]);
    assert_eq!(directions(&listed(&story)), ["redo", "redo"]);
    // The last that waits for redo is what redo does.
    story.said(&["redo"], &[]);
    assert_eq!(directions(&listed(&story)), ["redo", "undo"]);
    let lines = story.said(&["steps"], &[]);
    assert!(lines.starts_with("redo  ") && lines.contains("(only b.txt)"), "{lines}");
    assert_eq!(lines.lines().count(), 2, "{lines}");
}

#[test]
fn to_dos_and_sites_are_listed_of_a_session_and_of_a_node() {
    let folder = tempfile::tempdir().unwrap();
    let demo = okcvm(folder.path(), &["demo"]);
    assert!(demo.status.success(), "{}", text(&demo.stderr));
    let session = sessions(folder.path())[0]["id"].as_str().unwrap().to_owned();
    let said = |verb: &str, rest: &[&str]| {
        let output = okcvm(folder.path(), &[&["session", verb, &session], rest].concat());
        assert!(output.status.success(), "{verb}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    let node = serde_json::from_str::<Value>(&said("tree", &["--json"])).unwrap()[0]["id"].clone();
    let node = node.as_str().unwrap();
    for rest in [[].as_slice(), &[node]] {
        let todos = said("todos", rest);
        assert!(todos.lines().count() > 1 && todos.lines().all(|line| line.starts_with("[x] ")), "{todos}");
        let listed: Value = serde_json::from_str(&said("todos", &[rest, &["--json"]].concat())).unwrap();
        assert_eq!(listed.as_array().unwrap().len(), todos.lines().count());
        let sites: Value = serde_json::from_str(&said("sites", &[rest, &["--json"]].concat())).unwrap();
        assert_eq!((sites.as_array().unwrap().len(), sites[0]["nodeId"].as_str()), (1, Some(node)));
        assert!(said("sites", rest).contains(sites[0]["title"].as_str().unwrap()));
    }
    let unknown = okcvm(folder.path(), &["session", "todos", &session, "no such node"]);
    assert_eq!(unknown.status.code(), Some(1));
}
