//! `mshtools-ipython` as a turn calls it: what the model gets, what is kept, and what is left when the app is killed.

use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use okcvm_host::{ToolProgress, ToolSink};
use okcvm_protocol::{
    ArtifactKind, CommandHandler, NodeParams, SessionId, SessionParams, ToolContent, ToolResult,
};
use tokio_util::sync::CancellationToken;

use crate::command_line::{signal, until, workspace};
use crate::desk::{Desk, command};
use crate::python_kernel::{environment, environment_folder, gone, marker, processes, there};

#[derive(Default)]
struct Heard(Mutex<String>);

impl ToolSink for Heard {
    fn progress(&self, progress: ToolProgress) {
        if let ToolProgress::Output(text) = progress {
            self.0.lock().unwrap().push_str(&text);
        }
    }
}

pub async fn desk() -> (Desk, SessionId) {
    environment().await;
    let folder = environment_folder().to_string_lossy().into_owned();
    let desk = Desk::with(&[("OKCVM_PYTHON", &folder), ("PATH", "/usr/bin:/bin")]);
    let session = desk.session().await;
    (desk, session)
}

pub async fn call(desk: &Desk, session: &SessionId, code: &str) -> (ToolResult, String) {
    let heard = Arc::new(Heard::default());
    let arguments = serde_json::json!({ "code": code }).to_string();
    let sink: Arc<dyn ToolSink> = Arc::<Heard>::clone(&heard);
    let result = desk
        .host
        .engine()
        .call_tool(session, "ipython", &arguments, sink, CancellationToken::new())
        .await
        .unwrap();
    let heard = heard.0.lock().unwrap().clone();
    (result, heard)
}

pub fn words(result: &ToolResult) -> &str {
    match &result.content[0] {
        ToolContent::Text { text } => text,
        ToolContent::Image { .. } => panic!("a picture comes first"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cell_gives_text_pictures_and_files() {
    let (desk, session) = desk().await;
    let (first, heard) = call(&desk, &session, "print('hello')\nx = 1").await;
    assert!(words(&first).starts_with("hello\n[kernel: Jupyter"), "{}", words(&first));
    assert_eq!(heard, "hello\n");
    let (second, _) = call(&desk, &session, "x").await;
    assert_eq!(words(&second), "1\n");
    assert!(!second.is_error);

    let (figure, _) = call(&desk, &session, "import matplotlib.pyplot as plt\nplt.plot([1, 2]);").await;
    let ToolContent::Image { mime, path, hash, size } = &figure.content[1] else { panic!("{figure:?}") };
    let bytes = std::fs::read(desk.files(&session).await.join(path)).unwrap();
    assert_eq!((mime.as_str(), *size), ("image/png", bytes.len() as u64));
    assert!(path.starts_with("output/figures/figure-") && path.contains(&hash[..12]), "{path}");
    assert!(words(&figure).contains("/mnt/okcomputer/output/figures/"), "{}", words(&figure));

    let (table, _) = call(&desk, &session, "import pandas\npandas.DataFrame({'a': [1]})").await;
    assert!(words(&table).contains('a'));
    let [html] = table.artifacts.as_slice() else { panic!("{:?}", table.artifacts) };
    assert_eq!(html.kind, ArtifactKind::Output);
    assert!(std::fs::read_to_string(&html.path).unwrap().contains("<table"));

    let (error, _) = call(&desk, &session, "1 / 0").await;
    assert!(error.is_error && words(&error).contains("ZeroDivisionError"), "{}", words(&error));

    let (pip, _) = call(&desk, &session, "!pip install nothing-of-that-name").await;
    assert!(words(&pip).contains("the network is off"), "{}", words(&pip));
    desk.host.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn long_text_is_cut_and_the_whole_is_kept() {
    let (desk, session) = desk().await;
    let (result, _) = call(&desk, &session, "for i in range(30_000): print(i)").await;
    let text = words(&result);
    assert!(text.chars().count() <= 10_000, "{}", text.chars().count());
    assert!(text.contains("characters are cut out here") && text.contains("29999"), "{text}");
    let [whole] = result.artifacts.as_slice() else { panic!("{:?}", result.artifacts) };
    let kept = std::fs::read_to_string(&whole.path).unwrap();
    assert!(kept.starts_with("0\n1\n") && kept.contains("\n15000\n") && kept.ends_with("29999\n"));
    desk.host.shut_down().await;
}

/// The small kernel shares its process with the code, which can write to the app what it likes.
#[tokio::test(flavor = "multi_thread")]
async fn what_code_writes_past_the_kernel_is_bounded_too() {
    let in_the_way = tempfile::NamedTempFile::new().unwrap();
    let folder = in_the_way.path().to_string_lossy().into_owned();
    let desk = Desk::with(&[("OKCVM_PYTHON", &folder), ("PATH", "/usr/bin:/bin")]);
    let session = desk.session().await;
    let code = "import os, stat, json\n\
        line = json.dumps({'type': 'stream', 'text': 'x' * (1 << 20)}).encode() + b'\\n'\n\
        ways = [way for way in range(3, 20) if os.path.exists(f'/proc/self/fd/{way}') and stat.S_ISSOCK(os.fstat(way).st_mode)]\n\
        for _ in range(70):\n\
        \x20   left = line\n\
        \x20   while left: left = left[os.write(ways[-1], left):]";
    let (result, _) = call(&desk, &session, code).await;
    let text = words(&result);
    assert!(
        text.contains("the plain one of OKCVM") && text.contains("beyond the limits, went nowhere"),
        "{text}"
    );
    let [whole] = result.artifacts.as_slice() else { panic!("{:?}", result.artifacts) };
    assert_eq!(std::fs::metadata(&whole.path).unwrap().len(), 64 << 20);
    assert_eq!(whole.size, Some(64 << 20));
    let (after, _) = call(&desk, &session, "1 + 1").await;
    assert_eq!(words(&after), "2\n");
    desk.host.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_in_the_workspace_leads_no_picture_out_of_it() {
    let (desk, session) = desk().await;
    let outside = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(outside.path(), desk.files(&session).await.join("output")).unwrap();
    let (figure, _) = call(&desk, &session, "import matplotlib.pyplot as plt\nplt.plot([1, 2]);").await;
    assert_eq!(figure.content.len(), 1, "{figure:?}");
    assert!(words(&figure).contains("not shown"), "{}", words(&figure));
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
    desk.host.shut_down().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_the_session_and_closing_the_app_end_the_kernel() {
    let (desk, session) = desk().await;
    let marker = marker();
    let code = format!("import subprocess\nsubprocess.Popen(['sleep', '{marker}'], start_new_session=True)");
    call(&desk, &session, &code).await;
    there(&marker).await;
    desk.host.session_delete(SessionParams { session_id: session }).await.unwrap();
    gone(&marker).await;
    let other = desk.session().await;
    call(&desk, &other, &code).await;
    there(&marker).await;
    desk.host.shut_down().await;
    gone(&marker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_of_the_app_ends_the_kernel_and_its_children() {
    environment().await;
    let folder = tempfile::tempdir().unwrap();
    let marker = marker();
    let code = format!(
        "import subprocess, time\nsubprocess.Popen(['sleep', '{marker}'], start_new_session=True)\n\
         print('ready', flush=True)\ntime.sleep(100)"
    );
    let mut program = Command::new(command())
        .args(["tool", "call", "ipython", "--workspace", &workspace(folder.path()), "--arguments"])
        .arg(serde_json::json!({ "code": code }).to_string())
        .env("OKCVM_HOME", folder.path().join("data"))
        .env("OKCVM_PYTHON", environment_folder())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let sleeping = format!("sleep\0{marker}");
    until("the child of the kernel", || processes(&sleeping) > 0);
    signal(program.id(), "KILL");
    program.wait().unwrap();
    gone(&marker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_restore_the_kernel_goes_on_and_says_that_files_moved() {
    let (desk, session) = desk().await;
    let first = desk.turn(&session, "Make a website about bicycles.", Vec::new()).await.node;
    desk.turn(&session, "Make the title red.", Vec::new()).await;
    call(&desk, &session, "x = 'kept'\nopen('made.txt', 'w').write('1');").await;
    assert!(desk.files(&session).await.join("made.txt").exists());
    desk.host.node_fork(NodeParams { session_id: session.clone(), node_id: first }).await.unwrap();
    let (after, _) = call(&desk, &session, "import os\nx, os.path.exists('made.txt')").await;
    assert!(words(&after).starts_with("('kept', False)"), "{}", words(&after));
    assert!(words(&after).contains("put back to another moment"), "{}", words(&after));
    let (again, _) = call(&desk, &session, "x").await;
    assert_eq!(words(&again), "'kept'\n");
    desk.host.shut_down().await;
}
