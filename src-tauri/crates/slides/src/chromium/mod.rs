//! An installed Chromium, Chrome or Edge behind the sandbox, spoken to over a pipe.
//!
//! The browser runs with nothing of the user's in reach: no network, no home folder, a profile in a folder that dies
//! with it. Every file that a page asks for comes over the pipe from [`Resources`](crate::Resources).

mod pipe;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use okcvm_sandbox::{Entry, Limits, Program, Sandbox, Sockets, WayOut};
use serde_json::{Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::SlidesError;
use crate::renderer::{Area, OpenPage, Renderer, Resource, Resources};
use pipe::Pipe;

/// Programs that speak the `DevTools` protocol, by name.
const NAMES: &[&str] = &[
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
    "microsoft-edge-stable",
    "microsoft-edge",
    "brave-browser",
];
/// Where systems keep them. What stands in the search path is often a script that reads what the sandbox has not.
#[cfg(not(target_os = "macos"))]
const PLACES: &[&str] = &[
    "/usr/lib/chromium/chromium",
    "/usr/lib64/chromium-browser/chromium-browser",
    "/usr/lib/chromium-browser/chromium-browser",
    "/opt/google/chrome/chrome",
    "/opt/microsoft/msedge/msedge",
    "/opt/brave.com/brave/brave",
];
/// Where macOS keeps them.
#[cfg(target_os = "macos")]
const PLACES: &[&str] = &[
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
];
const STARTING: Duration = Duration::from_secs(60);
const LOADING: Duration = Duration::from_secs(30);
/// How long a page may leave a question without an answer while it loads, as one does whose script runs.
const ANSWERING: Duration = Duration::from_secs(15);
/// How often it is asked.
const ASKING: Duration = Duration::from_secs(1);
/// What is said of a page that answers no more.
const ENDLESS: &str = "load the page, whose scripts seem to run without end";
const MEASURING: Duration = Duration::from_secs(60);
const PICTURING: Duration = Duration::from_secs(30);
/// What is said of a page whose process ended.
const CRASHED: &str = "the page broke down; it may be too large or too deep";
/// Requests of a page that are answered at a time: each answer is held whole, and as text.
const MOST_ANSWERS: usize = 4;
/// Requests of a page in all. What a page asks beyond is left without an answer.
const MOST_REQUESTS: usize = 20_000;
/// Bytes of an address.
const LONGEST_ADDRESS: usize = 16 * 1024;
/// The viewport: wide enough for a slide with room beside it.
const VIEWPORT: (u32, u32) = (1280, 800);

/// A browser program on this machine: the one that `OKCVM_BROWSER` names, or the first known one in the search path.
pub fn find_browser() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("OKCVM_BROWSER").filter(|named| !named.is_empty()) {
        return Some(PathBuf::from(named));
    }
    if let Some(found) = PLACES.iter().map(PathBuf::from).find(|path| path.is_file()) {
        return Some(found);
    }
    let path = std::env::var_os("PATH")?;
    let folders: Vec<PathBuf> = std::env::split_paths(&path).filter(|folder| folder.is_absolute()).collect();
    NAMES
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)))
        .find(|path| path.is_file())
}

/// An installed browser. Every page has one of its own, which starts and ends with it.
#[derive(Debug)]
pub struct Chromium {
    program: PathBuf,
    sandbox: Sandbox,
    entry: Option<Entry>,
    version: OnceLock<String>,
}

/// A browser that runs.
struct Running {
    pipe: Arc<Pipe>,
    version: String,
    // Both end the browser and what it wrote when they are dropped.
    _program: okcvm_sandbox::RunningProgram,
    _profile: tempfile::TempDir,
}

impl Chromium {
    /// The browser of this machine, if there is one. It is entered at `entry` while it runs.
    pub fn find(sandbox: Sandbox, entry: Option<Entry>) -> Result<Self, SlidesError> {
        let program = find_browser().ok_or(SlidesError::NoEngine)?;
        Ok(Self { program, sandbox, entry, version: OnceLock::new() })
    }
}

async fn start(program: &Path, sandbox: &Sandbox, entry: Option<Entry>) -> Result<Running, SlidesError> {
    let failed = |reason: String| SlidesError::Start { program: program.display().to_string(), reason };
    let profile = tempfile::Builder::new().prefix("okcvm-browser-").tempdir()?;
    let program_path = program.canonicalize().map_err(|error| failed(error.to_string()))?;
    // The pipe of the protocol is expected at descriptors 3 and 4; the sandbox gives one socket for both ways.
    let mut arguments = vec![
        "-c".to_owned(),
        "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1".to_owned(),
        program.display().to_string(),
    ];
    arguments.extend(
        [
            "--remote-debugging-pipe",
            "--headless=new",
            // Its own sandbox needs what ours has already taken away.
            "--no-sandbox",
            "--no-zygote",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-extensions",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-default-apps",
            "--disable-domain-reliability",
            "--disable-sync",
            "--disable-breakpad",
            "--disable-crash-reporter",
            "--no-first-run",
            "--no-default-browser-check",
            "--mute-audio",
            "--hide-scrollbars",
            "--font-render-hinting=none",
            "--force-color-profile=srgb",
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--disable-features=Translate,MediaRouter,OptimizationHints,DialMediaRouteProvider",
            "--user-data-dir=/tmp/profile",
            "about:blank",
        ]
        .map(str::to_owned),
    );
    let mut readable = Vec::new();
    for path in [program.parent(), program_path.parent()].into_iter().flatten() {
        if !["/usr", "/bin", "/lib"].iter().any(|system| path.starts_with(system)) {
            readable.push(path.to_path_buf());
        }
    }
    let started = sandbox
        .start(Program {
            path: PathBuf::from("/bin/sh"),
            arguments,
            workspace: profile.path().to_path_buf(),
            env: vec![("HOME".to_owned(), "/tmp".to_owned())],
            search_first: Vec::new(),
            limits: Limits { processes: 2048, ..Limits::default() },
            readable,
            kept_folder: None,
            read_only: Vec::new(),
            sockets: Sockets::Own,
            way_out: WayOut::None,
            entry,
        })
        .await
        .map_err(|error| failed(error.to_string()))?;
    let pipe = Arc::new(Pipe::new(started.input, started.output));
    let version = pipe
        .call(None, "Browser.getVersion", json!({}), STARTING, "start")
        .await
        .map_err(|error| failed(started.running.trouble().unwrap_or_else(|| error.to_string())))?;
    let version = version["product"].as_str().unwrap_or("a browser").to_owned();
    Ok(Running { pipe, version, _program: started.running, _profile: profile })
}

#[async_trait::async_trait]
impl Renderer for Chromium {
    async fn open(
        &self,
        address: &str,
        resources: Arc<dyn Resources>,
    ) -> Result<Box<dyn OpenPage>, SlidesError> {
        let running = start(&self.program, &self.sandbox, self.entry.clone()).await?;
        let _ = self.version.set(running.version.clone());
        Ok(Box::new(Tab::open(running, address, resources).await?))
    }

    fn name(&self) -> String {
        self.version.get().cloned().unwrap_or_else(|| self.program.display().to_string())
    }
}

/// One page in the browser.
struct Tab {
    pipe: Arc<Pipe>,
    _browser: Running,
    session: String,
    /// The world of our scripts.
    world: i64,
    serving: tokio::task::JoinHandle<()>,
    has_crashed: tokio::sync::watch::Receiver<bool>,
}

impl Drop for Tab {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Tab {
    async fn open(
        browser: Running,
        address: &str,
        resources: Arc<dyn Resources>,
    ) -> Result<Self, SlidesError> {
        let pipe = browser.pipe.clone();
        let ask = async |method, params, limit, what| pipe.call(None, method, params, limit, what).await;
        // The browser begins with an empty page; another one would be another process.
        let known = ask("Target.getTargets", json!({}), PICTURING, "open a page").await?;
        let first = known["targetInfos"]
            .as_array()
            .and_then(|targets| targets.iter().find(|target| target["type"] == "page"))
            .cloned();
        let target = match first {
            Some(first) => first,
            None => {
                ask("Target.createTarget", json!({"url": "about:blank"}), PICTURING, "open a page").await?
            }
        };
        let attached = ask(
            "Target.attachToTarget",
            json!({"targetId": text(&target, "targetId")?, "flatten": true}),
            PICTURING,
            "open a page",
        )
        .await?;
        let session = text(&attached, "sessionId")?;
        let mut events = pipe.listen(&session);
        let (loaded, mut is_loaded) = tokio::sync::watch::channel(false);
        let (crashed, has_crashed) = tokio::sync::watch::channel(false);
        let serving = tokio::spawn({
            let pipe = pipe.clone();
            let session = session.clone();
            async move {
                // The frame of the page itself; its document is asked for once.
                let mut frame = None;
                let answers = Arc::new(Semaphore::new(MOST_ANSWERS));
                let mut requests = 0;
                // Ends with the page.
                let mut waiting = tokio::task::JoinSet::new();
                while let Some(event) = events.recv().await {
                    match event["method"].as_str() {
                        Some("Fetch.requestPaused") if requests == MOST_REQUESTS => {}
                        Some("Fetch.requestPaused") if leads_away(&event, &mut frame) => {
                            requests += 1;
                            let id = &event["params"]["requestId"];
                            pipe.tell(
                                Some(&session),
                                "Fetch.failRequest",
                                &json!({"requestId": id, "errorReason": "Aborted"}),
                                None,
                            );
                        }
                        Some("Inspector.targetCrashed") => {
                            let _ = crashed.send(true);
                        }
                        Some("Fetch.requestPaused") => {
                            requests += 1;
                            let request = Request::of(&event);
                            let (pipe, session, resources) =
                                (pipe.clone(), session.clone(), resources.clone());
                            let answers = answers.clone();
                            waiting.spawn(async move {
                                let Ok(place) = answers.acquire_owned().await else { return };
                                // Not waited for: the place goes with the answer.
                                tokio::task::spawn_blocking(move || {
                                    answer(&pipe, &session, &request, &*resources, place);
                                });
                            });
                            while waiting.try_join_next().is_some() {}
                        }
                        Some("Page.loadEventFired") => {
                            let _ = loaded.send(true);
                        }
                        Some("Page.javascriptDialogOpening") => {
                            pipe.tell(
                                Some(&session),
                                "Page.handleJavaScriptDialog",
                                &json!({"accept": false}),
                                None,
                            );
                        }
                        _ => {}
                    }
                }
            }
        });
        let mut tab = Self { pipe, _browser: browser, session, world: 0, serving, has_crashed };
        tab.ask("Page.enable", json!({}), PICTURING, "open a page").await?;
        tab.ask("Inspector.enable", json!({}), PICTURING, "open a page").await?;
        tab.ask("Fetch.enable", json!({"patterns": [{"urlPattern": "*"}]}), PICTURING, "open a page").await?;
        tab.ask(
            "Emulation.setDeviceMetricsOverride",
            json!({"width": VIEWPORT.0, "height": VIEWPORT.1, "deviceScaleFactor": 1, "mobile": false}),
            PICTURING,
            "open a page",
        )
        .await?;
        // What the page leaves open is transparent in pictures.
        let clear = json!({"color": {"r": 0, "g": 0, "b": 0, "a": 0}});
        tab.ask("Emulation.setDefaultBackgroundColorOverride", clear, PICTURING, "open a page").await?;
        let gone = tab.ask("Page.navigate", json!({"url": address}), LOADING, "load the page").await?;
        if let Some(reason) = gone["errorText"].as_str() {
            return Err(SlidesError::Refused { what: "load the page".to_owned(), reason: reason.to_owned() });
        }
        // A page whose scripts never end loading is measured as it is.
        let mut crash = tab.has_crashed.clone();
        tokio::select! {
            _ = tokio::time::timeout(LOADING, is_loaded.wait_for(|loaded| *loaded)) => {}
            Ok(_) = crash.wait_for(|crashed| *crashed) => return Err(SlidesError::Lost(CRASHED.to_owned())),
            error = tab.without_answer() => return Err(error),
        }
        let world = tab
            .ask(
                "Page.createIsolatedWorld",
                json!({"frameId": gone["frameId"], "worldName": "okcvm"}),
                ANSWERING,
                ENDLESS,
            )
            .await?;
        tab.world = world["executionContextId"].as_i64().unwrap_or_default();
        // One that has loaded may have begun something that does not end.
        tab.answer().await?;
        Ok(tab)
    }

    /// Asks the page for nothing, to see whether it answers.
    async fn answer(&self) -> Result<(), SlidesError> {
        self.ask("Runtime.evaluate", json!({"expression": "1"}), ANSWERING, ENDLESS).await.map(drop)
    }

    /// Waits until the page answers no more, and gives the error.
    async fn without_answer(&self) -> SlidesError {
        loop {
            tokio::time::sleep(ASKING).await;
            if let Err(error) = self.answer().await {
                return error;
            }
        }
    }

    /// Runs a script in our world of the page.
    async fn evaluate(&self, script: &str) -> Result<Value, SlidesError> {
        let answer = self
            .ask(
                "Runtime.evaluate",
                json!({
                    "expression": script, "contextId": self.world, "awaitPromise": true, "returnByValue": true,
                }),
                MEASURING,
                "measure the page, which is very large or whose scripts run without end",
            )
            .await?;
        if let Some(thrown) = answer.get("exceptionDetails") {
            let reason = thrown["exception"]["description"].as_str().or(thrown["text"].as_str());
            return Err(SlidesError::Refused {
                what: "measure the page".to_owned(),
                reason: reason.unwrap_or("a script failed").chars().take(600).collect(),
            });
        }
        Ok(answer["result"]["value"].clone())
    }

    async fn ask(
        &self,
        method: &str,
        params: Value,
        limit: Duration,
        what: &str,
    ) -> Result<Value, SlidesError> {
        let mut crash = self.has_crashed.clone();
        tokio::select! {
            answer = self.pipe.call(Some(&self.session), method, params, limit, what) => answer,
            Ok(_) = crash.wait_for(|crashed| *crashed) => Err(SlidesError::Lost(CRASHED.to_owned())),
        }
    }
}

/// Whether a request asks for another document in the place of the page.
fn leads_away(event: &Value, frame: &mut Option<String>) -> bool {
    let params = &event["params"];
    if params["resourceType"].as_str() != Some("Document") {
        return false;
    }
    let asking = params["frameId"].as_str().unwrap_or_default();
    if let Some(frame) = frame {
        return frame == asking;
    }
    // The first document is the page itself.
    *frame = Some(asking.to_owned());
    false
}

#[async_trait::async_trait]
impl OpenPage for Tab {
    async fn run(&mut self, script: &str) -> Result<Value, SlidesError> {
        self.evaluate(script).await
    }

    async fn settle(&mut self, script: &str) -> Result<Value, SlidesError> {
        tokio::select! {
            answer = self.evaluate(script) => answer,
            error = self.without_answer() => Err(error),
        }
    }

    async fn picture(&mut self, area: Area, scale: f64) -> Result<Vec<u8>, SlidesError> {
        let what = "take a picture";
        let clip = json!({"x": area.x, "y": area.y, "width": area.w, "height": area.h, "scale": scale});
        let wish = json!({"format": "png", "clip": clip, "captureBeyondViewport": true});
        let shot = tokio::select! {
            shot = self.ask("Page.captureScreenshot", wish, PICTURING, what) => shot?,
            error = self.without_answer() => return Err(error),
        };
        let data = text(&shot, "data")?;
        STANDARD
            .decode(data)
            .map_err(|error| SlidesError::Refused { what: what.to_owned(), reason: error.to_string() })
    }
}

/// What a page asks for; of the rest of its request nothing is kept while it waits.
struct Request {
    id: Value,
    /// Empty if it is longer than any of a file.
    address: String,
}

impl Request {
    fn of(event: &Value) -> Self {
        let params = &event["params"];
        Self {
            id: params["requestId"].clone(),
            address: params["request"]["url"]
                .as_str()
                .filter(|address| address.len() <= LONGEST_ADDRESS)
                .unwrap_or_default()
                .to_owned(),
        }
    }
}

/// Answers one request of a page, or refuses it.
fn answer(
    pipe: &Pipe,
    session: &str,
    request: &Request,
    resources: &dyn Resources,
    place: OwnedSemaphorePermit,
) {
    match resources.find(&request.address) {
        Some(Resource { bytes, mime }) => {
            let body = STANDARD.encode(&bytes);
            drop(bytes);
            pipe.tell(
                Some(session),
                "Fetch.fulfillRequest",
                &json!({
                    "requestId": request.id,
                    "responseCode": 200,
                    "responseHeaders": [
                        {"name": "Content-Type", "value": mime},
                        {"name": "Access-Control-Allow-Origin", "value": "*"},
                    ],
                    "body": body,
                }),
                Some(place),
            );
        }
        None => pipe.tell(
            Some(session),
            "Fetch.failRequest",
            &json!({"requestId": request.id, "errorReason": "AccessDenied"}),
            Some(place),
        ),
    }
}

fn text(answer: &Value, key: &str) -> Result<String, SlidesError> {
    answer[key]
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| SlidesError::Lost(format!("its answer has no {key}")))
}
