use std::{collections::BTreeMap, time::Duration};

use okcvm_protocol::{ModelProfile, Settings};
use serde_json::{Value, json};
use tokio::{sync::mpsc, time::Instant};

use super::*;
use crate::{ModelMessage, ModelPart, ModelReasoning, ModelTool, ModelToolCall};

const TOOLS: [&str; 8] = [
    "todo_write",
    "todo_read",
    "read_file",
    "write_file",
    "edit_file",
    "shell",
    "deploy_website",
    "slides_generator",
];

/// Tools that answer as the real ones do, on files in memory.
struct Desk {
    files: BTreeMap<String, String>,
    messages: Vec<ModelMessage>,
    tools: Vec<&'static str>,
    /// Answers of the shell by command.
    shell: Vec<(&'static str, &'static str, bool)>,
    /// The next calls of these tools fail.
    failures: Vec<&'static str>,
    todos: Value,
    model: DemoModel,
}

impl Desk {
    fn new() -> Self {
        let profile: ModelProfile = Settings::default().profiles.remove(0);
        Self {
            files: BTreeMap::new(),
            messages: Vec::new(),
            tools: TOOLS.to_vec(),
            shell: Vec::new(),
            failures: Vec::new(),
            todos: json!([]),
            model: DemoModel::new(&profile, DemoPace::Full),
        }
    }

    fn with_file(mut self, path: &str, content: &str) -> Self {
        self.files.insert(format!("/mnt/okcomputer/{path}"), content.into());
        self
    }

    fn user(&mut self, text: &str) -> &mut Self {
        self.messages.push(ModelMessage::User { parts: vec![ModelPart::Text(text.into())] });
        self
    }

    /// One answer of the model, and the results of its calls. Returns the calls' names and the answer's text.
    async fn step(&mut self) -> (Vec<String>, String, FinishReason) {
        let tools = self.tools.iter().map(|name| ModelTool {
            name: format!("mshtools-{name}"),
            description: String::new(),
            parameters: json!({}),
        });
        let request = ModelRequest {
            messages: self.messages.clone(),
            tools: tools.collect(),
            ..ModelRequest::default()
        };
        let (sender, mut receiver) = mpsc::channel(8);
        let cancel = CancellationToken::new();
        let listen = async {
            let (mut text, mut reasoning, mut calls) =
                (String::new(), String::new(), Vec::<ModelToolCall>::new());
            while let Some(event) = receiver.recv().await {
                match event {
                    ModelEvent::Text(more) => text.push_str(&more),
                    ModelEvent::Reasoning(more) => reasoning.push_str(&more),
                    ModelEvent::ToolCallStarted { index, id, name } => {
                        assert_eq!(index as usize, calls.len());
                        calls.push(ModelToolCall { id, name, arguments: String::new() });
                    }
                    ModelEvent::ToolCallArguments { index, text } => {
                        calls[index as usize].arguments.push_str(&text);
                    }
                    other => panic!("the demo sends no {other:?}"),
                }
            }
            (text, reasoning, calls)
        };
        let (finish, (text, reasoning, calls)) =
            tokio::join!(self.model.stream(request, sender, &cancel), listen);
        let results: Vec<ModelMessage> = calls.iter().map(|call| self.run(call)).collect();
        let names = calls.iter().map(|call| call.name.trim_start_matches("mshtools-").to_owned()).collect();
        let reasoning =
            (!reasoning.is_empty()).then_some(ModelReasoning { text: reasoning, signature: None });
        self.messages.push(ModelMessage::Assistant { reasoning, text: text.clone(), tool_calls: calls });
        self.messages.extend(results);
        (names, text, finish.unwrap())
    }

    /// Answers until the model stops. Returns every call and the last words.
    async fn turn(&mut self) -> (Vec<String>, String) {
        let mut all = Vec::new();
        for _ in 0..40 {
            let (names, text, finish) = self.step().await;
            assert_eq!(finish == FinishReason::Stop, names.is_empty());
            if names.is_empty() {
                return (all, text);
            }
            all.extend(names);
        }
        panic!("the demo loops: {all:?}");
    }

    fn run(&mut self, call: &ModelToolCall) -> ModelMessage {
        let given: Value = serde_json::from_str(&call.arguments).unwrap();
        let name = call.name.strip_prefix("mshtools-").unwrap();
        assert!(self.tools.contains(&name), "{name} was not offered");
        let result = match self.failures.iter().position(|failing| *failing == name) {
            Some(place) => {
                self.failures.remove(place);
                Err(format!("{name} failed for the test"))
            }
            None => self.answer(name, &given),
        };
        ModelMessage::Tool {
            call_id: call.id.clone(),
            name: call.name.clone(),
            is_error: result.is_err(),
            parts: vec![ModelPart::Text(result.unwrap_or_else(|error| error))],
        }
    }

    fn answer(&mut self, name: &str, given: &Value) -> Result<String, String> {
        let path = given["file_path"].as_str().unwrap_or_default().to_owned();
        match name {
            "todo_write" => {
                let todos = given["todos"].as_array().unwrap();
                let at_work = todos.iter().filter(|todo| todo["status"] == "in_progress").count();
                assert!(at_work <= 1, "{todos:?}");
                self.todos = given["todos"].clone();
                Ok(json!({"todos": self.todos}).to_string())
            }
            "todo_read" => Ok(self.todos.to_string()),
            "read_file" => self.read(
                &path,
                given["offset"].as_u64().unwrap_or(1),
                given["limit"].as_u64().unwrap_or(100),
            ),
            "write_file" => {
                let content = given["content"].as_str().unwrap();
                assert!(content.chars().count() <= 100_000, "{path} is too long");
                self.files.insert(path.clone(), content.into());
                Ok(format!("{path} was written."))
            }
            "edit_file" => {
                let file = self.files.get_mut(&path).ok_or("no such file")?;
                let (old, new) =
                    (given["old_string"].as_str().unwrap(), given["new_string"].as_str().unwrap());
                assert_ne!(old, new);
                match file.matches(old).count() {
                    1 => {
                        *file = file.replace(old, new);
                        Ok("edited".into())
                    }
                    count => Err(format!("old_string occurs {count} times")),
                }
            }
            "shell" => {
                let command = given["command"].as_str().unwrap();
                let (_, text, ok) = self
                    .shell
                    .iter()
                    .find(|(start, _, _)| command.starts_with(start))
                    .unwrap_or_else(|| panic!("unexpected command {command}"));
                if *ok { Ok(format!("{text}\n[exit code 0]")) } else { Err(format!("{text}\n[exit code 1]")) }
            }
            "deploy_website" => {
                let folder = given["local_dir"].as_str().unwrap();
                assert!(self.files.contains_key(&format!("{folder}/index.html")), "{folder} has no page");
                Ok("Published: http://site.localhost:4000/\nVersion 1.".into())
            }
            "slides_generator" => {
                let page = self.files.get(&path).ok_or("no such page")?;
                assert_eq!(page.matches("<section class=\"ppt-slide").count(), 5, "{page}");
                let presentation = path.replace(".html", ".pptx");
                self.files.insert(presentation.clone(), page.clone());
                Ok(format!("Wrote {presentation} (12 kB) from {path}.\n5 slides: all native."))
            }
            other => panic!("unknown tool {other}"),
        }
    }

    fn read(&self, path: &str, first: u64, limit: u64) -> Result<String, String> {
        let Some(text) = self.files.get(path) else {
            let near = self.files.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
            return Err(format!("{path} does not exist. The nearest paths are: {near}."));
        };
        if text.is_empty() {
            return Ok(format!("{path} is empty."));
        }
        let lines: Vec<&str> = text.lines().collect();
        let window = (1_u64..).zip(&lines).skip(first as usize - 1).take(limit as usize);
        let shown =
            window.fold(String::new(), |shown, (number, line)| shown + &format!("{number:>6}\t{line}\n"));
        let last = (first - 1 + limit).min(lines.len() as u64);
        let remark = if last < lines.len() as u64 {
            format!(
                "[Lines {first} to {last} of {} lines. Continue with offset {}.]\n",
                lines.len(),
                last + 1
            )
        } else {
            String::new()
        };
        Ok(shown + &remark)
    }

    fn file(&self, path: &str) -> &str {
        self.files
            .get(&format!("/mnt/okcomputer/{path}"))
            .unwrap_or_else(|| panic!("no {path} in {:?}", self.files.keys()))
    }
}

/// Lines `item <n>,<n>` from 1 on.
fn rows_to(last: u32) -> String {
    (1..=last).fold(String::new(), |rows, row| rows + &format!("item {row},{row}\n"))
}

const SALES: &str =
    "Region,Product,Units,Revenue\nNorth,Tea,12,\"1,200.50\"\nSouth,Cups,7,350\nNorth,<Pots>,3,99.5\n";

fn attached(words: &str, path: &str) -> String {
    format!("{words}\nAttached file: /mnt/okcomputer/{path} (120 bytes, text/csv)")
}

#[tokio::test]
async fn a_csv_becomes_a_site_with_its_real_figures() {
    let mut desk = Desk::new().with_file("sales_2025.csv", SALES);
    desk.user(&attached("Make a website about this file", "sales_2025.csv"));
    let (calls, text) = desk.turn().await;
    assert_eq!(
        calls,
        [
            "todo_write",
            "read_file",
            "todo_write",
            "write_file",
            "todo_write",
            "write_file",
            "write_file",
            "deploy_website",
            "todo_write"
        ]
    );
    assert!(text.contains("http://site.localhost:4000/") && text.contains("output/sales-2025"), "{text}");
    assert!(
        desk.todos.as_array().unwrap().iter().all(|todo| todo["status"] == "completed"),
        "{}",
        desk.todos
    );
    let page = desk.file("output/sales-2025/index.html");
    for part in [
        "<title>Sales 2025</title>",
        "3 rows and 4 columns from sales_2025.csv.",
        "<b>1,650.00</b><span>sum of Revenue, from 99.50 to 1,200.50, 550.00 on average</span>",
        "<b>22</b><span>sum of Units",
        "Units by Region (summed)",
        ">North: 15<",
        "<td>&lt;Pots&gt;</td>",
        "<td class=\"number\" data-value=\"1200.5\">1,200.50</td>",
    ] {
        assert!(page.contains(part), "{part} is missing in {page}");
    }
    assert!(!page.contains("<Pots>") && !page.contains("http"), "{page}");
    assert!(desk.file("output/sales-2025/style.css").contains("  --accent: #0f6b5c;\n"));
    assert!(desk.file("output/sales-2025/script.js").contains("data-sortable"));
    let reasoned = desk
        .messages
        .iter()
        .any(|message| matches!(message, ModelMessage::Assistant { reasoning: Some(_), .. }));
    assert!(reasoned);
}

#[tokio::test]
async fn the_site_is_changed_in_colours_and_title_and_published_again() {
    let mut desk = Desk::new().with_file("sales.csv", SALES);
    desk.user(&attached("Make a website about this file", "sales.csv")).turn().await;
    let (calls, text) = desk.user("Make it dark and blue, and change the title to “Q1 <Sales>”").turn().await;
    assert_eq!(calls, ["read_file", "edit_file", "read_file", "edit_file", "edit_file", "deploy_website"]);
    assert!(text.contains("dark colours") && text.contains("#1f5fbf"), "{text}");
    let sheet = desk.file("output/sales/style.css");
    assert!(sheet.contains("color-scheme: dark;") && sheet.contains("--accent: #1f5fbf;"), "{sheet}");
    assert!(!sheet.contains("#0f6b5c") && sheet.contains("body {"));
    let page = desk.file("output/sales/index.html");
    assert!(page.contains("<title>Q1 &lt;Sales&gt;</title>") && page.contains("<h1>Q1 &lt;Sales&gt;</h1>"));

    let (calls, text) = desk.user("Make it dark and blue").turn().await;
    assert_eq!(calls, ["read_file"]);
    assert!(text.contains("nothing to change"), "{text}");

    // By hand the user wrote another value; the edit is of what stands there.
    let by_hand = desk.file("output/sales/style.css").replace("#1f5fbf", "rebeccapurple");
    desk.files.insert("/mnt/okcomputer/output/sales/style.css".into(), by_hand);
    let (calls, _) = desk.user("把颜色改成红色").turn().await;
    assert_eq!(calls, ["read_file", "edit_file", "deploy_website"]);
    assert!(desk.file("output/sales/style.css").contains("--accent: #c0392b;"));
}

#[tokio::test]
async fn a_second_site_gets_a_folder_of_its_own() {
    let mut desk = Desk::new().with_file("sales.csv", SALES);
    desk.user(&attached("Make a website about this file", "sales.csv")).turn().await;
    let (calls, text) = desk.user("Make another website from the csv").turn().await;
    assert!(calls.contains(&"read_file".to_owned()), "{calls:?}");
    assert!(text.contains("output/sales-2"), "{text}");
}

#[tokio::test]
async fn chinese_is_answered_in_chinese() {
    let mut desk = Desk::new().with_file("销售.csv", "地区,销量\n北京,3\n上海,5\n");
    let (_, text) = desk.user(&attached("用这个表格做一个网站", "销售.csv")).turn().await;
    assert!(text.starts_with("完成。"), "{text}");
    let path = desk.files.keys().find(|path| path.ends_with("index.html")).unwrap().clone();
    let page = &desk.files[&path];
    assert!(path.is_ascii() && page.contains("lang=\"zh-CN\"") && page.contains("各地区的销量"), "{page}");
    assert!(page.contains("<b>8</b><span>销量 合计"), "{page}");
    let (_, text) = desk.user("法国的首都是哪里？").turn().await;
    assert!(text.contains("演示模型"), "{text}");
}

#[tokio::test]
async fn ten_thousand_rows_are_read_in_pages_and_the_rest_is_said() {
    let rows = rows_to(10_000);
    let mut desk = Desk::new().with_file("big.csv", &format!("name,amount\n{rows}"));
    let (calls, text) = desk.user(&attached("a website of this, please", "big.csv")).turn().await;
    assert_eq!(calls.iter().filter(|name| *name == "read_file").count(), 4);
    assert!(text.contains("the file holds more"), "{text}");
    let page = desk.file("output/big/index.html");
    // The sum of 1 to 3,999.
    assert!(page.contains("The first 3,999 rows") && page.contains("<b>7,998,000</b>"), "{}", &page[..2000]);
    assert!(page.contains("The table shows the first 500 of 3999 rows"));
    assert!(page.contains("the 12 largest of 3999") && page.contains(">item 3999<"));
}

#[tokio::test]
async fn empty_narrow_and_unreadable_files_are_met_plainly() {
    let mut desk = Desk::new().with_file("empty.csv", "");
    let (calls, text) = desk.user(&attached("website please", "empty.csv")).turn().await;
    assert!(text.contains("is empty") && !calls.contains(&"write_file".to_owned()), "{text}");

    let mut desk = Desk::new().with_file("names.csv", "name\nAnn\nBob\n");
    desk.user(&attached("website please", "names.csv")).turn().await;
    let page = desk.file("output/names/index.html");
    assert!(page.contains("2 rows and 1 column from") && !page.contains("<svg"), "{page}");

    let mut desk = Desk::new();
    let (calls, text) = desk.user(&attached("website please", "gone.csv")).turn().await;
    assert_eq!(calls, ["todo_write", "read_file"]);
    assert!(text.contains("does not exist"), "{text}");

    let mut desk = Desk::new().with_file("data/sales.csv", SALES);
    let (calls, text) = desk.user("Make a website from sales.csv").turn().await;
    assert_eq!(calls[..3], ["todo_write", "read_file", "read_file"], "{text}");
    assert!(desk.file("output/sales/index.html").contains("Pots"));
}

#[tokio::test]
async fn data_without_a_file_is_looked_for_in_the_workspace() {
    let mut desk = Desk::new().with_file("sales.csv", SALES);
    desk.shell = vec![("find . -maxdepth 3", "./sales.csv", true)];
    let (calls, _) = desk.user("Make a website about it").turn().await;
    assert_eq!(calls[..3], ["shell", "todo_write", "read_file"]);
    assert!(desk.file("output/sales/index.html").contains("Pots"));
}

#[tokio::test]
async fn a_text_and_a_topic_become_pages_too() {
    let mut desk = Desk::new()
        .with_file("notes.md", "# Plan\n\nBuy <tea> & cups\n\n- one\n- two\n```\nlet x = 1;\n```\n");
    desk.user("Present this on a page\nAttached file: /mnt/okcomputer/notes.md (40 bytes, text/markdown)")
        .turn()
        .await;
    let page = desk.file("output/notes/index.html");
    for part in [
        "<h2>Plan</h2>",
        "Buy &lt;tea&gt; &amp; cups",
        "<li class=\"entry\">two</li>",
        "<pre class=\"entry\">let x = 1;</pre>",
    ] {
        assert!(page.contains(part), "{part} is missing in {page}");
    }

    let mut desk = Desk::new();
    let (calls, text) = desk.user("Make a purple website about Green Tea").turn().await;
    assert_eq!(calls.last().map(String::as_str), Some("todo_write"));
    assert!(text.contains("output/green-tea"), "{text}");
    assert!(desk.file("output/green-tea/index.html").contains("<title>Green Tea</title>"));
    assert!(desk.file("output/green-tea/style.css").contains("--accent: #7d3c98;"));
}

#[tokio::test]
async fn a_to_do_list_holds_the_users_tasks() {
    let mut desk = Desk::new();
    let (calls, text) = desk.user("Make a to-do list: buy paper, call Ann and book the room").turn().await;
    assert_eq!(calls, ["todo_write", "todo_read"]);
    let contents: Vec<&str> =
        desk.todos.as_array().unwrap().iter().map(|todo| todo["content"].as_str().unwrap()).collect();
    assert_eq!(contents, ["buy paper", "call Ann", "book the room"]);
    assert!(text.contains("3 to-dos") && text.contains("- [ ] call Ann"), "{text}");
}

#[tokio::test]
async fn a_failing_command_is_put_right_and_its_true_output_told() {
    let mut desk = Desk::new();
    desk.shell = vec![
        ("wc -l missing.csv", "wc: missing.csv: No such file or directory", false),
        ("find .", "./my data.csv\n./notes.txt", true),
        ("wc -l './my data.csv'", "41 ./my data.csv", true),
    ];
    let (calls, text) = desk.user("Run a command").turn().await;
    assert_eq!(calls, ["shell", "shell", "shell"]);
    assert!(text.contains("No such file") && text.contains("41 ./my data.csv"), "{text}");

    let mut desk = Desk::new();
    desk.shell = vec![("date", "now", true)];
    let (calls, text) = desk.user("运行命令 `date`").turn().await;
    assert_eq!(calls, ["shell"]);
    assert!(text.contains("now") && text.contains("运行成功"), "{text}");

    let mut desk = Desk::new();
    desk.failures = vec!["shell", "shell"];
    let (calls, text) = desk.user("run a command").turn().await;
    assert_eq!(calls, ["shell", "shell"]);
    assert!(text.contains("shell failed for the test"), "{text}");
}

#[tokio::test]
async fn a_csv_becomes_slides_and_they_are_changed() {
    let mut desk = Desk::new().with_file("sales_2025.csv", SALES);
    let (calls, text) = desk.user(&attached("Make slides about this file", "sales_2025.csv")).turn().await;
    assert_eq!(
        calls,
        [
            "todo_write",
            "read_file",
            "todo_write",
            "write_file",
            "todo_write",
            "slides_generator",
            "todo_write"
        ]
    );
    for file in ["`output/sales-2025/deck.html`", "`output/sales-2025/deck.pptx`"] {
        assert!(text.contains(file), "{file} is not named: {text}");
    }
    assert!(desk.todos.as_array().unwrap().iter().all(|todo| todo["status"] == "completed"));
    let page = desk.file("output/sales-2025/deck.html").to_owned();
    for part in [
        "<title>Sales 2025</title>",
        "<li>Sum 22</li>",
        "<td>&lt;Pots&gt;</td>",
        "Units by Region (summed)",
        "@tailwindcss/browser@4",
    ] {
        assert!(page.contains(part), "{part} is missing in {page}");
    }

    let (calls, text) = desk.user("Change the title to “Tea & Cups” and make it red").turn().await;
    assert_eq!(calls[calls.len() - 1], "slides_generator", "{calls:?}");
    assert!(calls.iter().filter(|call| *call == "edit_file").count() >= 7, "{calls:?}");
    assert!(text.starts_with("Done: the slides now have") && text.contains("deck.pptx"), "{text}");
    let changed = desk.file("output/sales-2025/deck.html");
    assert!(changed.contains("--accent: #c0392b;") && !changed.contains(">Sales 2025<"), "{changed}");
    assert_eq!(changed.matches(">Tea &amp; Cups<").count(), 6, "{changed}");
    assert_eq!(desk.file("output/sales-2025/deck.pptx"), changed);
}

#[tokio::test]
async fn slides_and_sites_are_told_apart() {
    let mut desk = Desk::new();
    let (calls, text) = desk.user("做一个关于茶的幻灯片").turn().await;
    assert_eq!(calls, ["todo_write", "write_file", "todo_write", "slides_generator", "todo_write"]);
    assert!(text.starts_with("完成：“茶”共五张幻灯片"), "{text}");
    let page = desk.files.keys().find(|path| path.ends_with("/deck.html")).unwrap().clone();
    assert!(page.starts_with("/mnt/okcomputer/output/slides-"), "{page}");
    assert!(
        desk.files[&page].contains("lang=\"zh-CN\"") && desk.files[&page].contains("做一个关于茶的幻灯片")
    );

    desk.user("Make a website about coffee").turn().await;
    let (calls, _) = desk.user("make the slides dark").turn().await;
    assert_eq!(calls, ["read_file", "edit_file", "slides_generator"]);
    assert!(desk.files[&page].contains("color-scheme: dark;"));
    assert!(!desk.file("output/coffee/style.css").contains("color-scheme: dark;"));
    let (calls, _) = desk.user("now make the website blue").turn().await;
    assert_eq!(calls, ["read_file", "edit_file", "deploy_website"]);

    // Another deck of the same subject lies in a folder of its own.
    let (_, text) = desk.user("做一个关于茶的幻灯片").turn().await;
    assert!(text.contains("-2/deck.pptx"), "{text}");
}

#[tokio::test]
async fn slides_of_texts_words_and_nothing() {
    let mut desk =
        Desk::new().with_file("notes.md", "# Tea\n\n## Green\n\nNot fermented.\n").with_file("none.csv", "");
    let (_, text) = desk.user("Make slides from notes.md").turn().await;
    assert!(text.contains("output/notes/deck.pptx"), "{text}");
    assert!(desk.file("output/notes/deck.html").contains("Not fermented."));
    let (calls, text) = desk.user("Make slides from none.csv").turn().await;
    assert_eq!(
        (calls.last().map(String::as_str), text.contains("is empty")),
        (Some("read_file"), true),
        "{text}"
    );

    desk.failures = vec!["slides_generator"];
    let (_, text) = desk.user("Make a presentation about rain").turn().await;
    assert!(
        text.contains("slides_generator failed for the test") && text.contains("written as a page"),
        "{text}"
    );
    assert!(desk.file("output/rain/deck.html").contains("<h1 class="));
}

#[tokio::test]
async fn anything_else_is_answered_by_saying_what_it_is() {
    let mut desk = Desk::new();
    let (calls, text) = desk.user("What is the capital of France?").turn().await;
    assert!(calls.is_empty() && text.contains("demo model") && text.contains("settings"), "{text}");
    let (calls, text) = desk.user("Make it dark").turn().await;
    assert!(calls.is_empty() && text.contains("no site in this session"), "{text}");
}

#[tokio::test]
async fn a_tool_that_is_not_offered_is_not_called() {
    for (words, missing) in [
        ("Make a website about tea", "write_file"),
        ("run a command", "shell"),
        ("to-do: a, b", "todo_write"),
        ("Make slides about tea", "slides_generator"),
    ] {
        let mut desk = Desk::new();
        desk.tools.retain(|tool| *tool != missing);
        let (calls, text) = desk.user(words).turn().await;
        assert!(calls.is_empty() && text.contains(missing), "{text}");
    }
    // Without to-dos and publishing a site is still made, and nothing is left unsaid.
    let mut desk = Desk::new();
    desk.tools = vec!["write_file"];
    desk.user("Make a website about tea");
    let (_, opening, _) = desk.step().await;
    assert!(opening.contains("titled “Tea”"), "{opening}");
    let (calls, text) = desk.turn().await;
    assert_eq!(calls, ["write_file", "write_file"]);
    assert!(text.contains("not offered"), "{text}");
}

#[tokio::test]
async fn errors_are_met_once_and_then_reported() {
    let mut desk = Desk::new();
    desk.failures = vec!["write_file"];
    let (calls, text) = desk.user("Make a website about tea").turn().await;
    assert_eq!(calls[..4], ["todo_write", "write_file", "read_file", "write_file"]);
    assert!(text.starts_with("Done."), "{text}");

    let mut desk = Desk::new();
    desk.failures = vec!["write_file", "write_file"];
    let (_, text) = desk.user("Make a website about tea").turn().await;
    assert!(text.contains("write_file failed for the test"), "{text}");

    let mut desk = Desk::new();
    desk.failures = vec!["deploy_website", "todo_write"];
    let (_, text) = desk.user("Make a website about tea").turn().await;
    assert!(text.contains("deploy_website failed for the test"), "{text}");

    let mut desk = Desk::new();
    desk.user("Make a website about tea").turn().await;
    desk.failures = vec!["edit_file"];
    let (calls, text) = desk.user("make it blue").turn().await;
    assert_eq!(calls, ["read_file", "edit_file", "read_file", "edit_file", "deploy_website"]);
    assert!(text.starts_with("Done"), "{text}");
    desk.failures = vec!["edit_file", "edit_file"];
    let (_, text) = desk.user("make it red").turn().await;
    assert!(text.contains("edit_file failed for the test"), "{text}");
}

#[tokio::test]
async fn a_word_in_between_steers_the_job_and_continue_goes_on() {
    let mut desk = Desk::new().with_file("sales.csv", SALES);
    desk.user(&attached("Make a website about this file", "sales.csv"));
    desk.step().await;
    desk.step().await;
    desk.user("Make it dark, please");
    let (calls, text) = desk.turn().await;
    assert_eq!(calls[0], "todo_write");
    assert!(text.starts_with("Done."), "{text}");
    assert!(desk.file("output/sales/style.css").contains("color-scheme: dark;"));

    let mut desk = Desk::new().with_file("sales.csv", SALES);
    desk.user(&attached("Make a website about this file", "sales.csv"));
    desk.step().await;
    // The read is interrupted, as the engine words it.
    desk.failures = vec!["read_file"];
    desk.step().await;
    let (calls, text) = desk.user("Continue.").turn().await;
    assert_eq!(calls[0], "read_file");
    assert!(text.starts_with("Done."), "{text}");
    assert!(desk.file("output/sales/index.html").contains("Pots"));
}

#[tokio::test]
async fn the_same_conversation_gives_the_same_answer() {
    let mut first = Desk::new().with_file("sales.csv", SALES);
    let mut second = Desk::new().with_file("sales.csv", SALES);
    for desk in [&mut first, &mut second] {
        desk.user(&attached("Make a website about this file", "sales.csv")).turn().await;
    }
    assert_eq!((first.messages, first.files), (second.messages, second.files));
}

#[tokio::test(start_paused = true)]
async fn a_whole_job_at_human_pace_takes_seconds() {
    let rows = rows_to(2000);
    let mut desk = Desk::new().with_file("big.csv", &format!("name,amount\n{rows}"));
    desk.model.pace = DemoPace::Human;
    let begun = Instant::now();
    desk.user(&attached("Make a website about this file", "big.csv")).turn().await;
    let taken = begun.elapsed();
    assert!(taken > Duration::from_secs(5) && taken < Duration::from_secs(25), "{taken:?}");
}

#[tokio::test]
async fn cancelling_stops_the_speech_at_once() {
    let profile = Settings::default().profiles.remove(0);
    let model = DemoModel::new(&profile, DemoPace::Human);
    let (sender, mut receiver) = mpsc::channel(8);
    let cancel = CancellationToken::new();
    let request = ModelRequest {
        messages: vec![ModelMessage::User { parts: vec![ModelPart::Text("hello".into())] }],
        ..ModelRequest::default()
    };
    let stop = async {
        receiver.recv().await;
        cancel.cancel();
    };
    let (finish, ()) = tokio::join!(model.stream(request, sender, &cancel), stop);
    assert_eq!(finish, Err(ModelError::Cancelled));
}
