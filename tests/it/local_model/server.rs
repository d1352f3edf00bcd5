//! The llama.cpp server as a process of the test.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::NamedTempFile;

use super::provision::Provided;

/// Reading the model and warming up.
const READY: Duration = Duration::from_secs(60);
/// The name that the server lists.
pub const MODEL: &str = "smollm2-135m";

/// A server on a free port of 127.0.0.1. It ends when dropped, and by itself if the test is killed.
pub struct LocalServer {
    process: Child,
    pub port: u16,
    client: reqwest::Client,
    log: NamedTempFile,
}

impl LocalServer {
    /// Starts it and waits until it answers.
    pub async fn start(provided: &Provided) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/local-model/serve.py");
        let log = NamedTempFile::new().unwrap();
        let mut process = Command::new(&provided.python)
            .arg(script)
            .args([provided.model.as_os_str(), MODEL.as_ref()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log.reopen().unwrap())
            .spawn()
            .unwrap();
        let out = process.stdout.take().unwrap();
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build().unwrap();
        let mut server = Self { process, port: 0, client, log };
        let begun = Instant::now();
        let (told, port) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let mut lines = BufReader::new(out).lines().map_while(Result::ok);
            let port = lines.find_map(|line| line.strip_prefix("port ")?.parse::<u16>().ok());
            // Without a listener the start has failed already.
            let _ = told.send(port);
        });
        let port = tokio::time::timeout(READY, port).await.ok().and_then(Result::ok).flatten();
        server.port = port.unwrap_or_else(|| panic!("the server did not start:\n{}", server.said()));
        while server.get("/health").await.is_none() {
            assert!(begun.elapsed() < READY, "the server is not ready after {READY:?}:\n{}", server.said());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        server
    }

    /// An address below the server's root.
    pub fn address(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Whether it works on an answer.
    pub async fn is_busy(&self) -> bool {
        let slots = self.get("/slots").await.expect("the server does not tell its slots");
        slots.as_array().unwrap().iter().any(|slot| slot["is_processing"] == true)
    }

    /// The end of what it printed.
    pub fn said(&self) -> String {
        let said = std::fs::read(self.log.path()).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        let lines: Vec<&str> = said.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }

    async fn get(&self, path: &str) -> Option<Value> {
        let response = self.client.get(self.address(path)).send().await.ok()?.error_for_status().ok()?;
        serde_json::from_slice(&response.bytes().await.ok()?).ok()
    }
}

impl Drop for LocalServer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
