//! The tool with real commands, in every tier that this system gives.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use okcvm_protocol::{AppError, ItemId, SessionId};
use okcvm_tools::{FileReads, ReadStamp, ToolProgress, ToolSink};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::*;

/// The helper is a program of another crate: cargo builds it, or knows that it is built.
fn helper() -> PathBuf {
    static HELPER: OnceLock<PathBuf> = OnceLock::new();
    HELPER
        .get_or_init(|| {
            let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
            let output = std::process::Command::new(cargo)
                .args(["build", "--quiet", "--package", "okcvm-sandbox", "--bin", "okcvm-sandbox-helper"])
                .arg("--message-format=json")
                .output()
                .expect("cargo");
            let messages = String::from_utf8(output.stdout).expect("UTF-8");
            messages
                .lines()
                .filter_map(|line| serde_json::from_str::<Value>(line).ok())
                .find_map(|message| message.get("executable").and_then(Value::as_str).map(PathBuf::from))
                .unwrap_or_else(|| panic!("no helper: {}", String::from_utf8_lossy(&output.stderr)))
        })
        .clone()
}

#[derive(Default)]
struct Recorded(Mutex<Vec<ToolProgress>>);

impl Recorded {
    fn output(&self) -> String {
        let pieces = self.0.lock().expect("lock");
        pieces
            .iter()
            .filter_map(|progress| match progress {
                ToolProgress::Output(text) => Some(text.as_str()),
                ToolProgress::Message(_) => None,
            })
            .collect()
    }
}

impl ToolSink for Recorded {
    fn progress(&self, progress: ToolProgress) {
        self.0.lock().expect("lock").push(progress);
    }
}

impl FileReads for Recorded {
    fn last_seen(&self, _path: &str) -> Result<Option<ReadStamp>, AppError> {
        Ok(None)
    }

    fn note(&self, _path: &str, _stamp: &ReadStamp) -> Result<(), AppError> {
        Ok(())
    }
}

struct Trial {
    tool: ShellTool,
    context: ToolContext,
    sink: Arc<Recorded>,
    _folder: tempfile::TempDir,
}

impl Trial {
    fn new(tier: Tier) -> Option<Self> {
        static FULL: OnceLock<Sandbox> = OnceLock::new();
        static REDUCED: OnceLock<Sandbox> = OnceLock::new();
        let cell = if tier == Tier::Full { &FULL } else { &REDUCED };
        let sandbox = cell.get_or_init(|| Sandbox::probe_at_most(helper(), tier));
        if sandbox.tier() != Some(tier) {
            eprintln!("not run in the {tier:?} tier: {:?}", sandbox.status());
            return None;
        }
        let folder = tempfile::tempdir().expect("folder");
        let workspace_root = folder.path().join("workspace");
        let session_folder = folder.path().join("session");
        std::fs::create_dir(&workspace_root).expect("workspace");
        std::fs::create_dir(&session_folder).expect("session");
        let sink = Arc::new(Recorded::default());
        let context = ToolContext {
            session_id: SessionId::new(),
            node_id: None,
            item_id: ItemId::new(),
            workspace_root,
            session_folder,
            sink: Arc::clone(&sink) as Arc<dyn ToolSink>,
            reads: Arc::clone(&sink) as Arc<dyn FileReads>,
            cancel: CancellationToken::new(),
            spare: Vec::new(),
        };
        Some(Self { tool: ShellTool::new(sandbox.clone()), context, sink, _folder: folder })
    }

    fn each() -> impl Iterator<Item = Self> {
        let trials: Vec<Self> = [Tier::Full, Tier::Reduced].into_iter().filter_map(Self::new).collect();
        assert!(!trials.is_empty(), "this system gives no boundary");
        trials.into_iter()
    }

    async fn call(&self, arguments: Value) -> Result<ToolResult, ToolError> {
        self.tool.call(&self.context, arguments).await
    }

    async fn command(&self, command: &str) -> ToolResult {
        self.call(json!({ "command": command })).await.expect("a result")
    }
}

fn text(result: &ToolResult) -> &str {
    match &result.content[..] {
        [ToolContent::Text { text }] => text,
        other => panic!("{other:?}"),
    }
}

fn told(result: &ToolResult) -> (&str, bool) {
    (text(result), result.is_error)
}

#[tokio::test]
async fn output_and_exit_code_are_told() {
    for trial in Trial::each() {
        for (command, expected) in [
            ("echo out; echo err >&2; echo out", ("out\nerr\nout\n[exit code 0]", false)),
            ("printf no-line-feed", ("no-line-feed\n[exit code 0]", false)),
            ("true", ("(no output)\n[exit code 0]", false)),
            ("echo a | grep b", ("(no output)\n[exit code 1]", true)),
            ("echo a; exit 42", ("a\n[exit code 42]", true)),
            ("kill -TERM $$", ("(no output)\n[ended by signal 15 (SIGTERM)]", true)),
            ("printf '\\033[31mred\\033[0m 漢字\\n'", ("red 漢字\n[exit code 0]", false)),
            ("printf '10%%\\r50%%\\r100%%\\n'", ("100%\n[exit code 0]", false)),
            (
                "printf 'a\\n' > f; cat f | tr a b && echo c; false || echo d",
                ("b\nc\nd\n[exit code 0]", false),
            ),
        ] {
            assert_eq!(told(&trial.command(command).await), expected, "{command}");
        }
        assert_eq!(std::fs::read_to_string(trial.context.workspace_root.join("f")).expect("file"), "a\n");
        assert!(!trial.context.session_folder.join("outputs").exists());
    }
}

#[tokio::test]
async fn output_is_shown_while_the_command_runs() {
    for trial in Trial::each() {
        let call = trial.call(json!({
            // One character in two halves.
            "command": "printf 'first \\346'; printf '\\274\\242\\n'; while [ ! -e go ]; do sleep 0.02; done; echo end",
        }));
        let (sink, go) = (Arc::clone(&trial.sink), trial.context.workspace_root.join("go"));
        let watching = tokio::task::spawn_blocking(move || {
            let deadline = Instant::now() + Duration::from_secs(10);
            while sink.output() != "first 漢\n" {
                assert!(Instant::now() < deadline, "{:?}", sink.output());
                std::thread::sleep(Duration::from_millis(10));
            }
            std::fs::write(go, "").expect("file");
        });
        let (result, watched) = tokio::join!(call, watching);
        watched.expect("watcher");
        assert_eq!(told(&result.expect("a result")), ("first 漢\nend\n[exit code 0]", false));
        assert_eq!(trial.sink.output(), "first 漢\nend\n");
    }
}

#[tokio::test]
async fn long_output_is_cut_in_the_middle_and_kept() {
    for trial in Trial::each() {
        for last in [3000, 200_000] {
            let result = trial
                .call(json!({ "command": format!("seq {last}; exit 1"), "description": "Count" }))
                .await
                .expect("a result");
            let whole = (1..=last).map(|number| number.to_string()).collect::<Vec<_>>().join("\n") + "\n";
            let text = text(&result);
            assert!(text.chars().count() <= capture::MAX_CHARACTERS + 20, "{}", text.chars().count());
            assert!(text.starts_with("1\n2\n3\n"), "{text}");
            assert!(text.ends_with(&format!("\n{last}\n[exit code 1]")), "{text}");
            let missing = whole.len() - 9_500;
            let words = format!(
                "[… {} of {} characters",
                call::count(missing as u64),
                call::count(whole.len() as u64)
            );
            assert!(text.contains(&words), "{words}: {text}");
            let path = trial.context.session_folder.join(format!("outputs/{}.txt", trial.context.item_id));
            assert_eq!(
                result.artifacts,
                [Artifact {
                    kind: ArtifactKind::Output,
                    title: "Output: Count".to_owned(),
                    path: path.to_string_lossy().into_owned(),
                    url: None,
                    deployment: None,
                    size: Some(whole.len() as u64),
                    meta: None,
                    fidelity: None,
                    hash: None,
                    node_id: None,
                }]
            );
            assert!(std::fs::read_to_string(path).expect("file") == whole, "another text was kept");
        }
        // Exactly at the limit nothing is cut.
        let result = trial.command("head -c 10000 /dev/zero | tr '\\0' x").await;
        assert_eq!(told(&result), (format!("{}\n[exit code 0]", "x".repeat(10_000)).as_str(), false));
        let result = trial.command("head -c 10001 /dev/zero | tr '\\0' x").await;
        assert!(text(&result).contains("[… 501 of 10,001 characters"), "{}", text(&result));
    }
}

#[tokio::test]
async fn binary_output_is_named() {
    for trial in Trial::each() {
        let result = trial
            .command("printf '\\211PNG\\r\\n\\032\\n\\0\\0\\0\\rIHDR'; head -c 500000 /dev/urandom")
            .await;
        let text = text(&result);
        assert!(text.starts_with("(binary output: 500.0 kB, a PNG picture; it is not shown."), "{text}");
        assert!(text.ends_with("\n[exit code 0]"), "{text}");
        assert_eq!((result.artifacts.len(), result.is_error), (0, false));
        assert!(!trial.sink.output().contains("IHDR"));
        let kept = std::fs::read_dir(trial.context.session_folder.join("outputs")).expect("folder").count();
        assert_eq!(kept, 0);
    }
}

#[tokio::test]
async fn text_before_and_after_binary_output_is_shown() {
    for trial in Trial::each() {
        let noise = "printf '\\211PNG\\r\\n\\032\\n\\0\\0\\0'; head -c 400000 /dev/zero; printf '\\377\\0'";
        let result =
            trial.command(&format!("echo 'one 漢'; echo two; {noise}; echo; echo THE END; exit 3")).await;
        let text = text(&result);
        assert!(text.starts_with("one 漢\ntwo\n(binary output: 400.0 kB, "), "{text}");
        assert!(text.ends_with("to use it)\nTHE END\n[exit code 3]"), "{text}");
        // Much text is cut, and the whole is still not taken for text.
        let result = trial.command(&format!("seq 5000; {noise}; echo; seq 5000")).await;
        let text = self::text(&result);
        assert!(text.starts_with("1\n2\n") && text.ends_with("\n4999\n5000\n[exit code 0]"), "{text}");
        assert!(text.chars().count() < 5_000 && text.matches("[…]").count() == 2, "{text}");
        let result = trial.command(&format!("{noise}; echo; seq 200000")).await;
        let text = self::text(&result);
        assert!(text.starts_with("(binary output") && text.ends_with("\n200000\n[exit code 0]"), "{text}");
    }
}

#[tokio::test]
async fn a_timeout_is_told_with_the_output_so_far() {
    for trial in Trial::each() {
        let started = Instant::now();
        let result = trial
            .call(json!({ "command": "echo started; sleep 60 & sleep 60", "timeout": 400 }))
            .await
            .expect("a result");
        assert!(started.elapsed() < Duration::from_secs(30));
        let text = text(&result);
        assert!(text.starts_with("started\n[timed out after 400 ms: "), "{text}");
        assert!(result.is_error);
    }
}

#[tokio::test]
async fn an_impossible_timeout_is_corrected_and_told() {
    let trial = Trial::each().next().expect("a tier");
    for (timeout, used) in [(9_000_000, 600_000), (0, 1), (-5, 1)] {
        let result = trial.call(json!({ "command": "echo a", "timeout": timeout })).await.expect("a result");
        let remark =
            format!("[timeout {timeout} ms is not possible: it must be 1 to 600000; {used} ms was used]");
        assert!(text(&result).ends_with(&remark), "{}", text(&result));
    }
    let result = trial.call(json!({ "command": "echo a", "timeout": 600_000 })).await.expect("a result");
    assert_eq!(told(&result), ("a\n[exit code 0]", false));
}

#[tokio::test]
async fn a_stopped_call_gives_what_came() {
    for trial in Trial::each() {
        let cancel = trial.context.cancel.clone();
        let sink = Arc::clone(&trial.sink);
        let stopping = tokio::task::spawn_blocking(move || {
            while sink.output().is_empty() {
                std::thread::sleep(Duration::from_millis(10));
            }
            cancel.cancel();
            Instant::now()
        });
        let (result, stopped) =
            tokio::join!(trial.call(json!({ "command": "echo started; sleep 30" })), stopping);
        assert!(stopped.expect("stop").elapsed() < Duration::from_secs(20));
        let Err(ToolError::Cancelled(Some(partial))) = result else { panic!("{result:?}") };
        assert!(text(&partial).starts_with("started\n[stopped: "), "{}", text(&partial));
        assert!(partial.is_error);
        assert_eq!(trial.call(json!({ "command": "echo a" })).await, Err(ToolError::Cancelled(None)));
    }
}

#[tokio::test]
async fn the_model_learns_where_the_workspace_is() {
    let Some(trial) = Trial::new(Tier::Reduced) else { return };
    let result = trial.command("ls /mnt/okcomputer").await;
    assert!(result.is_error);
    let words = format!(
        "on this system commands see the workspace as {} and not as /mnt/okcomputer",
        trial.context.workspace_root.display()
    );
    assert!(text(&result).contains(&words), "{}", text(&result));
    let Some(trial) = Trial::new(Tier::Full) else { return };
    assert_eq!(
        told(&trial.command("cd /mnt/okcomputer && pwd").await),
        ("/mnt/okcomputer\n[exit code 0]", false)
    );
}

#[tokio::test]
async fn what_cannot_run_is_told_to_the_model() {
    let trial = Trial::each().next().expect("a tier");
    let error = trial.call(json!({ "command": " \n" })).await.expect_err("an error");
    assert!(error.to_string().contains("`command` is empty"), "{error}");
    let error = trial.call(json!({ "command": "x".repeat(130_000) })).await.expect_err("an error");
    assert!(error.to_string().contains("Write it to a file"), "{error}");
    std::fs::remove_dir(&trial.context.workspace_root).expect("removal");
    let error = trial.call(json!({ "command": "true" })).await.expect_err("an error");
    assert!(matches!(&error, ToolError::ForModel(text) if text.contains("is not there")), "{error}");
}

#[tokio::test]
async fn without_a_sandbox_the_tool_is_not_offered() {
    let trial = Trial::each().next().expect("a tier");
    assert_eq!(trial.tool.unavailable(), None);
    let tool = ShellTool::new(Sandbox::probe(PathBuf::from("/nowhere/okcvm")));
    let reason = tool.unavailable().expect("a reason");
    assert!(reason.contains("this system gives no boundary for commands"), "{reason}");
    let error = tool.call(&trial.context, json!({ "command": "true" })).await.expect_err("an error");
    assert!(error.to_string().contains("did not run"), "{error}");
}

#[tokio::test]
async fn text_in_an_old_encoding_is_no_binary() {
    for trial in Trial::each() {
        let (bytes, ..) = encoding_rs::GBK.encode("姓名,城市\n王小明,北京市\n李大红,上海市\n");
        std::fs::write(trial.context.workspace_root.join("gbk.csv"), &bytes).expect("file");
        let result = trial.command("cat gbk.csv").await;
        let text = text(&result);
        assert!(text.starts_with("姓名,城市\n王小明,北京市\n") && text.contains("GBK"), "{text}");
    }
}
