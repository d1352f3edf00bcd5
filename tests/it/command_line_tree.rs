//! The session tree from the command line.

use std::path::{Path, PathBuf};

use okcvm_testkit::{Reply, ScriptedModelServer};
use serde_json::Value;

use crate::command_line::{asking, finished, okcvm, sessions, text, workspace};

/// A session of three turns, each of which wrote one file: `a`, `b`, and `a` again.
pub struct Story {
    pub folder: tempfile::TempDir,
    pub work: PathBuf,
    pub session: String,
    pub nodes: Vec<String>,
}

impl Story {
    pub async fn told() -> Self {
        let server = ScriptedModelServer::start().await.unwrap();
        for (call, path, content) in
            [("1", "a.txt", "one\n"), ("2", "b.txt", "b\n"), ("3", "a.txt", "one\ntwo\n")]
        {
            let arguments = serde_json::json!({ "file_path": path, "content": content });
            server.push(Reply::call(call, "mshtools-write_file", &arguments));
            server.push(Reply::text(format!("Wrote {path}.")));
        }
        let folder = tempfile::tempdir().unwrap();
        let work = workspace(folder.path());
        for message in ["Write a.", "Write b.", "Write a again."] {
            let program = asking(&server, folder.path(), &["run", message, "--workspace", &work]);
            let run = tokio::task::spawn_blocking(move || finished(program)).await.unwrap();
            assert!(run.status.success(), "{}", text(&run.stderr));
        }
        let session = sessions(folder.path())[0]["id"].as_str().unwrap().to_owned();
        let mut story = Self { folder, work: PathBuf::from(work), session, nodes: Vec::new() };
        story.nodes = story.tree();
        assert_eq!(story.nodes.len(), 3);
        story
    }

    pub fn tree(&self) -> Vec<String> {
        let nodes = self.json(&["tree"], &[]);
        nodes.as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap().to_owned()).collect()
    }

    pub fn run(&self, verb: &[&str], rest: &[&str]) -> std::process::Output {
        okcvm(self.folder.path(), &[&["session"], verb, &[self.session.as_str()], rest].concat())
    }

    /// What the verb prints, which must succeed.
    pub fn said(&self, verb: &[&str], rest: &[&str]) -> String {
        let output = self.run(verb, rest);
        assert!(output.status.success(), "{verb:?} {rest:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    pub fn json(&self, verb: &[&str], rest: &[&str]) -> Value {
        let said = self.said(verb, &[rest, &["--json"]].concat());
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
    }

    /// What the verb says when it fails, which it must with 1.
    pub fn refused(&self, verb: &[&str], rest: &[&str]) -> String {
        let output = self.run(verb, rest);
        assert_eq!(output.status.code(), Some(1), "{verb:?} {rest:?}: {}", text(&output.stdout));
        text(&output.stderr)
    }

    pub fn file(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.work.join(name)).ok()
    }

    fn files(&self) -> (Option<String>, Option<String>) {
        (self.file("a.txt"), self.file("b.txt"))
    }
}

fn state(a: Option<&str>, b: Option<&str>) -> (Option<String>, Option<String>) {
    (a.map(str::to_owned), b.map(str::to_owned))
}

#[tokio::test(flavor = "multi_thread")]
async fn files_come_and_go_one_by_one_by_turn_and_all_together() {
    let story = Story::told().await;
    let [first, second, third] = [0, 1, 2].map(|number| story.nodes[number].as_str());
    let latest = state(Some("one\ntwo\n"), Some("b\n"));
    assert_eq!(story.files(), latest);

    // One file, and back.
    let plan = story.json(&["restore"], &[first, "--path", "a.txt", "--dry-run"]);
    assert_eq!(plan["changes"].as_array().unwrap().len(), 1, "{plan}");
    assert_eq!((&plan["changes"][0]["path"], &plan["scope"]), (&"a.txt".into(), &"files".into()));
    let outcome = story.json(&["restore"], &[first, "--path", "a.txt"]);
    assert_eq!((&outcome["written"], &outcome["removed"]), (&1.into(), &0.into()));
    assert_eq!(story.files(), state(Some("one\n"), Some("b\n")));
    // A path may be named from the root of the file system on, as a shell completes it.
    for named in [story.work.join("a.txt").display().to_string(), "/mnt/okcomputer/a.txt".into()] {
        let plan = story.json(&["restore"], &[third, "--path", &named, "--dry-run"]);
        assert_eq!(plan["changes"][0]["path"], "a.txt", "{named}: {plan}");
        assert!(story.said(&["history"], &[&named]).contains(&third[third.len() - 8..]), "{named}");
    }
    // What names nothing is no restore of nothing, nor of everything.
    for (named, said) in [("nothing.txt", "`nothing.txt`"), ("/etc/passwd", "/etc/passwd"), ("", "No file")] {
        assert!(story.refused(&["restore"], &[first, "--path", named]).contains(said), "{named}");
        assert!(
            story.refused(&["restore"], &[first, "--path", named, "--dry-run"]).contains(said),
            "{named}"
        );
    }
    // Undo takes this file back and leaves what was done elsewhere since.
    std::fs::write(story.work.join("mine.txt"), "mine").unwrap();
    story.said(&["undo"], &[]);
    assert_eq!((story.files(), story.file("mine.txt").as_deref()), (latest.clone(), Some("mine")));
    story.said(&["redo"], &[]);
    assert_eq!(story.files(), state(Some("one\n"), Some("b\n")));
    story.said(&["undo"], &[]);
    std::fs::remove_file(story.work.join("mine.txt")).unwrap();
    assert!(story.refused(&["restore"], &[first, "--path", "../x"]).contains(".."));
    assert!(story.refused(&["restore"], &[first, "--path", "a.txt", "--scope", "all"]).contains("files"));

    // One turn: the second, while the third stays.
    let plan = story.json(&["revert-turn"], &[second, "--dry-run"]);
    assert_eq!(
        (plan["changes"][0]["path"].as_str(), plan["conflicts"].as_array().map(Vec::len)),
        (Some("b.txt"), Some(0))
    );
    story.said(&["revert-turn"], &[second]);
    assert_eq!(story.files(), state(Some("one\ntwo\n"), None));
    story.said(&["undo"], &[]);
    assert_eq!(story.files(), latest);
    // A line by hand elsewhere in a file of the turn is no hindrance: what the turn wrote goes, the line stays.
    std::fs::write(story.work.join("a.txt"), "mine\n\n\n\none\ntwo\n").unwrap();
    story.said(&["revert-turn"], &[third]);
    assert_eq!(story.files(), state(Some("mine\n\n\n\none\n"), Some("b\n")));
    story.said(&["undo"], &[]);
    std::fs::write(story.work.join("a.txt"), "one\ntwo\n").unwrap();
    // A file that was changed by hand is in the way of taking back the turn that made it.
    std::fs::write(story.work.join("b.txt"), "mine\n").unwrap();
    assert!(story.refused(&["revert-turn"], &[second]).contains("b.txt"));
    assert!(story.refused(&["revert-turn"], &[second, "--dry-run", "--json"]).contains("alone"));
    assert_eq!(story.files(), state(Some("one\ntwo\n"), Some("mine\n")), "nothing is touched");
    std::fs::write(story.work.join("b.txt"), "b\n").unwrap();

    // All of it, and along the branch to its end.
    story.json(&["fork"], &[first]);
    assert_eq!(story.files(), state(Some("one\n"), None));
    story.json(&["switch"], &[first]);
    assert_eq!(story.files(), latest);
    assert!(story.said(&["tree"], &[]).contains(&format!("● {}", &third[third.len() - 8..])));
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_are_compared_and_a_file_tells_its_history() {
    let story = Story::told().await;
    let [first, second, third] = [0, 1, 2].map(|number| story.nodes[number].as_str());
    let compared = story.json(&["compare"], &[first, third]);
    let paths: Vec<_> = compared["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["path"].as_str().unwrap())
        .collect();
    assert_eq!((paths, compared["common"].as_str()), (vec!["a.txt", "b.txt"], Some(first)));
    let lines = story.said(&["compare"], &[first, third, "--lines"]);
    assert!(lines.contains("+two") && lines.contains("+b"), "{lines}");
    assert!(story.said(&["compare"], &[first, first],).contains("the same"));

    let history = story.json(&["history"], &["a.txt"]);
    let moments: Vec<_> = history["moments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|moment| {
            (moment["nodeId"].as_str().unwrap(), moment["kind"].as_str().unwrap(), moment["size"].as_u64())
        })
        .collect();
    assert_eq!(moments, [(third, "modified", Some(8)), (first, "added", Some(4))]);
    let told = story.said(&["history"], &["b.txt"]);
    assert!(told.contains("the agent in “Write b.”") && told.contains(&second[second.len() - 8..]), "{told}");
    assert!(story.refused(&["history"], &["nothing.txt"]).contains("nothing.txt"));
}

#[tokio::test(flavor = "multi_thread")]
async fn branches_and_sessions_go_to_the_trash_and_come_back() {
    let story = Story::told().await;
    let [first, second, third] = [0, 1, 2].map(|number| story.nodes[number].as_str());
    assert!(story.refused(&["delete"], &[second]).contains("another node"));
    story.said(&["fork"], &[first]);
    let deleted = story.json(&["delete"], &[second]);
    assert_eq!((&deleted[0]["nodes"], &deleted[0]["node"]["id"]), (&2.into(), &second.into()));
    assert_eq!(story.tree(), [first]);
    assert!(story.said(&["trash"], &[]).contains("2 nodes"));
    story.json(&["recover"], &[second]);
    assert_eq!(story.tree(), [first, second, third]);
    story.said(&["delete"], &[third]);
    story.json(&["purge"], &[third]);
    assert_eq!(story.tree(), [first, second]);
    assert!(story.refused(&["recover"], &[third]).contains("no node"));

    assert!(story.refused(&["purge"], &[]).contains("trash"));
    let summary = story.json(&["delete"], &[]);
    assert!(summary["purgeAt"].as_i64() > summary["deletedAt"].as_i64());
    let listed = okcvm(story.folder.path(), &["session", "trash", "--json"]);
    let listed: Vec<Value> = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(listed[0]["id"].as_str(), Some(story.session.as_str()));
    story.said(&["recover"], &[]);
    story.said(&["delete"], &[]);
    story.said(&["purge"], &[]);
    assert_eq!(sessions(story.folder.path()), Vec::<Value>::new());
    assert_eq!(story.file("a.txt").as_deref(), Some("one\n"), "the user's folder stays");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_is_packed_and_thinned_to_its_budget_by_hand() {
    let story = Story::told().await;
    let [first, _, third] = [0, 1, 2].map(|number| story.nodes[number].as_str());
    let usage = story.json(&["usage"], &[]);
    assert!(usage["bytes"].as_u64().unwrap() > 0 && usage["totalBytes"].as_u64() >= usage["bytes"].as_u64());
    assert_eq!((&usage["thinned"], &usage["budgetBytes"]), (&0.into(), &5_000_000_000_u64.into()));
    let tidied = story.json(&["tidy"], &[]);
    assert_eq!((&tidied["thinned"], &tidied["cancelled"]), (&0.into(), &false.into()));

    let set = okcvm(story.folder.path(), &["config", "set", "history.sessionBudgetBytes", "1"]);
    assert!(set.status.success(), "{}", text(&set.stderr));
    let tidied = story.json(&["tidy"], &[]);
    assert!(tidied["thinned"].as_u64().unwrap() >= 1, "{tidied}");
    // The end of the branch stays, the middle says why it went.
    let refused = story.refused(&["restore"], &[first]);
    assert!(refused.contains("save room"), "{refused}");
    assert!(story.said(&["tree"], &[]).contains("save room"));
    std::fs::write(story.work.join("a.txt"), "spoilt").unwrap();
    story.said(&["restore"], &[third]);
    assert_eq!(story.files(), state(Some("one\ntwo\n"), Some("b\n")));
    checked(&story.folder.path().join("data/sessions").join(&story.session).join("history/repository.git"));
}

/// Git itself finds nothing wrong.
fn checked(repository: &Path) {
    let git = std::process::Command::new("git")
        .args(["fsck", "--full", "--strict"])
        .env("GIT_DIR", repository)
        .output()
        .unwrap();
    assert!(git.status.success(), "{}{}", text(&git.stdout), text(&git.stderr));
    let said = format!("{}{}", text(&git.stdout), text(&git.stderr));
    // The tips are references of our own; there is no branch for a HEAD to point to.
    let wrong: Vec<_> = said.lines().filter(|line| !line.starts_with("notice: ")).collect();
    assert_eq!(wrong, Vec::<&str>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_is_gone_is_not_taken_for_another_program() {
    let story = Story::told().await;
    std::fs::rename(&story.work, story.work.with_extension("away")).unwrap();
    assert!(!story.said(&["show"], &[]).contains("Another program"));
    for command in ["show", "tree", "usage"] {
        let told = text(&story.run(&[command], &[]).stderr);
        assert_eq!(told.matches("is not there").count(), 1, "{command}: {told}");
    }
}

/// A dry run fails where the restore fails, with the same words, and touches nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_what_the_restore_would_say() {
    let story = Story::told().await;
    let [first, second, third] = [0, 1, 2].map(|number| story.nodes[number].as_str());
    let same = |verb: &str, node: &str, words: &str| {
        let before = crate::desk::tree(&story.work);
        let foreseen = story.refused(&[verb], &[node, "--dry-run"]);
        assert_eq!(crate::desk::tree(&story.work), before);
        assert_eq!(foreseen, story.refused(&[verb], &[node]), "{verb} {node}");
        assert!(foreseen.contains(words), "{foreseen}");
        assert_eq!(crate::desk::tree(&story.work), before);
    };
    // What no snapshot holds stands where a file is to come.
    std::fs::remove_file(story.work.join("a.txt")).unwrap();
    std::fs::create_dir_all(story.work.join("a.txt/node_modules")).unwrap();
    std::fs::write(story.work.join("a.txt/node_modules/module"), "left out").unwrap();
    std::fs::write(story.work.join("a.txt/mine"), "mine").unwrap();
    same("restore", first, "a.txt/node_modules");
    std::fs::remove_dir_all(story.work.join("a.txt")).unwrap();
    std::fs::write(story.work.join("a.txt"), "one\ntwo\n").unwrap();
    // What came since then is in the way.
    std::fs::write(story.work.join("b.txt"), "mine\n").unwrap();
    same("revert-turn", second, "b.txt");
    std::fs::write(story.work.join("b.txt"), "b\n").unwrap();
    // Another program has the folder.
    let mut ahead = vec![story.folder.path().to_owned()];
    let mut lock = None;
    while let Some(folder) = ahead.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            if entry.path().is_dir() {
                ahead.push(entry.path());
            } else if entry.path().parent().unwrap().ends_with(".locks") {
                lock = Some(entry.path());
            }
        }
    }
    let held = std::fs::File::options().write(true).open(lock.unwrap()).unwrap();
    held.lock().unwrap();
    same("restore", first, "another program");
    same("revert-turn", third, "another program");
    drop(held);
    // And where nothing is in the way, both go well.
    story.said(&["restore"], &[first, "--dry-run"]);
    assert_eq!(story.files(), state(Some("one\ntwo\n"), Some("b\n")));
    story.said(&["restore"], &[first]);
    assert_eq!(story.files(), state(Some("one\n"), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_moment_is_saved_and_its_files_are_kept() {
    let story = Story::told().await;
    let [first, _, third] = [0, 1, 2].map(|number| story.nodes[number].as_str());
    let zip = story.folder.path().join("saved.zip");
    let to = zip.to_str().unwrap();
    let report = story.json(&["export"], &[first, "--to", to]);
    assert_eq!((&report["files"], &report["bytes"], &report["path"]), (&1.into(), &4.into(), &to.into()));
    let names = |path: &Path| {
        let archive = zip::ZipArchive::new(std::fs::File::open(path).unwrap()).unwrap();
        archive.file_names().map(|name| name.unwrap().into_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&zip), ["a.txt"]);
    // What has the name stays, unless it is to be replaced.
    assert!(story.refused(&["export"], &[third, "--to", to]).contains("is there already"));
    assert_eq!(names(&zip), ["a.txt"]);
    assert!(story.said(&["export"], &[third, "--to", to, "--force"]).contains("2 files saved to"));
    assert_eq!(names(&zip), ["a.txt", "b.txt"]);
    // A folder.
    let folder = story.folder.path().join("copy");
    story.said(&["export"], &[third, "--to", folder.to_str().unwrap()]);
    assert_eq!(std::fs::read_to_string(folder.join("a.txt")).unwrap(), "one\ntwo\n");
    assert!(
        story.refused(&["export"], &[first, "--to", folder.to_str().unwrap(), "--force"]).contains("already")
    );
    for (to, said) in [("/nowhere/at/all.zip", "/nowhere/at/all.zip"), ("/", "`/`")] {
        assert!(story.refused(&["export"], &[first, "--to", to]).contains(said), "{to}");
    }
    assert!(story.refused(&["export"], &["nobody", "--to", to]).contains("no node"));
    // It is noted at the nodes.
    let tree = story.json(&["tree"], &[]);
    let saved: Vec<bool> =
        tree.as_array().unwrap().iter().map(|node| node["exportedAt"].as_i64().is_some()).collect();
    assert_eq!(saved, [true, false, true]);
    let drawn = story.said(&["tree"], &[]);
    assert_eq!(drawn.matches("(a copy is saved)").count(), 2, "{drawn}");
    let beside = std::fs::read_dir(story.folder.path()).unwrap().flatten();
    assert!(beside.into_iter().all(|entry| !entry.file_name().to_string_lossy().starts_with(".okcvm-tmp")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_gets_a_name_by_which_it_is_found() {
    let story = Story::told().await;
    let first = &story.nodes[0];
    assert_eq!(story.json(&["label"], &[first, "  the start "])["label"], "the start");
    assert!(story.said(&["tree"], &[]).contains("[the start]"));
    story.said(&["switch"], &["the start"]);
    assert!(story.said(&["label"], &[first]).contains("no name"));
    assert!(!story.said(&["tree"], &[]).contains("[the start]"));
}
