//! A host in a folder of its own, and a way to wait for what it tells.

use std::path::{Path, PathBuf};
use std::time::Duration;

use okcvm_host::{Environment, Host, HostOptions, Redactor, Serving, Subscription, Watching};
use okcvm_protocol::{
    Attachment, ClashPolicy, CommandHandler, EngineEvent, ImportId, ImportParams, NodeId, NodeStatus,
    SessionCreateParams, SessionDetail, SessionId, SessionParams, TurnEvent, TurnStartParams,
    TurnStartResponse,
};

/// No turn of a test takes longer.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The `okcvm` command.
pub fn command() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_okcvm-under-test"))
}

/// A host and its data folder.
pub struct Desk {
    pub host: Host,
    pub folder: tempfile::TempDir,
}

impl Desk {
    /// With the demo model at full speed.
    pub fn open() -> Self {
        Self::with(&[])
    }

    /// With variables of the environment.
    pub fn with(variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let host = host(folder.path(), variables);
        Self { host, folder }
    }

    /// Ends the program, and waits for what it had under way: nothing of it writes in a history any more. Its data stay.
    pub async fn close(self) -> tempfile::TempDir {
        let Self { host, folder } = self;
        host.shut_down().await;
        drop(host);
        let sessions = std::fs::read_dir(folder.path().join("data/sessions")).into_iter().flatten();
        for session in sessions {
            let lock = session.unwrap().path().join("history/lock");
            let is_free = || match std::fs::File::open(&lock) {
                Ok(file) => file.try_lock().is_ok(),
                Err(error) => {
                    assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{}", lock.display());
                    true
                }
            };
            let until = std::time::Instant::now() + PATIENCE;
            while !is_free() {
                assert!(std::time::Instant::now() < until, "{} is held", lock.display());
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
        folder
    }

    /// The same data in a new program.
    pub async fn again(self) -> Self {
        let folder = self.close().await;
        Self { host: host(folder.path(), &[]), folder }
    }

    pub async fn session(&self) -> SessionId {
        self.host.session_create(SessionCreateParams { title: None, folder: None }).await.unwrap().id
    }

    pub async fn detail(&self, session: &SessionId) -> SessionDetail {
        self.host.session_open(SessionParams { session_id: session.clone() }).await.unwrap()
    }

    /// The files of a session.
    pub async fn files(&self, session: &SessionId) -> PathBuf {
        PathBuf::from(self.detail(session).await.workspace_path)
    }

    pub fn listen(&self) -> Subscription {
        let events = self.host.engine().events();
        events.subscribe(events.last())
    }

    /// Copies a file in, as a drop on the window does.
    pub async fn drop_file(&self, session: &SessionId, name: &str, content: &[u8]) -> Vec<Attachment> {
        let outside = self.folder.path().join("outside");
        std::fs::create_dir_all(&outside).unwrap();
        let source = outside.join(name);
        std::fs::write(&source, content).unwrap();
        let report = self
            .host
            .import_start(ImportParams {
                session_id: session.clone(),
                import_id: ImportId::new(),
                sources: vec![source.to_string_lossy().into_owned()],
                target: String::new(),
                clashes: ClashPolicy::KeepBoth,
            })
            .await
            .unwrap();
        assert!(report.skipped.is_empty(), "{:?}", report.skipped);
        report.imported
    }

    pub async fn send(&self, session: &SessionId, text: &str, attachments: Vec<Attachment>) -> NodeId {
        let params = TurnStartParams { session_id: session.clone(), text: text.into(), attachments };
        match self.host.turn_start(params).await.unwrap() {
            TurnStartResponse::Started { node_id } => node_id,
            TurnStartResponse::Queued { queued } => panic!("the message waits: {queued:?}"),
        }
    }

    /// Sends a message and waits for the end of its turn.
    pub async fn turn(&self, session: &SessionId, text: &str, attachments: Vec<Attachment>) -> Ended {
        let mut events = self.listen();
        let node = self.send(session, text, attachments).await;
        let ended = until_end(&mut events, &node).await;
        self.host.engine().wait_until_idle(session).await;
        ended
    }
}

/// What a turn told until its end.
pub struct Ended {
    pub node: NodeId,
    pub status: NodeStatus,
    pub events: Vec<TurnEvent>,
    pub error: Option<okcvm_protocol::AppError>,
}

/// Collects the events of a turn until its one end.
pub async fn until_end(events: &mut Subscription, node: &NodeId) -> Ended {
    let mut seen = Vec::new();
    let collecting = async {
        loop {
            for numbered in events.next(500).await {
                let EngineEvent::Turn { node_id, event, .. } = numbered.event else { continue };
                if node_id != *node {
                    continue;
                }
                seen.push(event.clone());
                let (status, error) = match event {
                    TurnEvent::TurnCompleted { .. } => (NodeStatus::Completed, None),
                    TurnEvent::TurnFailed { error, .. } => (NodeStatus::Failed, Some(error)),
                    TurnEvent::TurnInterrupted { error, .. } => (NodeStatus::Interrupted, Some(error)),
                    _ => continue,
                };
                return (status, error);
            }
        }
    };
    let (status, error) =
        tokio::time::timeout(PATIENCE, collecting).await.expect("the turn did not end in time");
    Ended { node: node.clone(), status, events: seen, error }
}

/// Opens a host on a data folder, as a program that starts.
pub fn host(folder: &Path, variables: &[(&str, &str)]) -> Host {
    let variable = |name: &str| match name {
        "OKCVM_HOME" => Some(folder.join("data").to_string_lossy().into_owned()),
        name => variables
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| (*value).to_owned())
            .or_else(|| (name == "OKCVM_DEMO_PACE").then(|| "full".to_owned())),
    };
    let options = HostOptions {
        environment: Environment::read(variable).unwrap(),
        helper: command(),
        watching: Watching::No,
        serving: Serving::Yes,
        preview_base: "preview://localhost/".into(),
        engines: None,
    };
    Host::open(options, Redactor::new()).unwrap()
}

/// The texts of a model's answer in a turn.
pub fn spoken(detail: &SessionDetail, node: &NodeId) -> String {
    detail
        .turns
        .iter()
        .filter(|turn| turn.node.id == *node)
        .flat_map(|turn| &turn.items)
        .filter_map(|item| match &item.body {
            okcvm_protocol::ItemBody::Text { text } => Some(text.as_str()),
            _ => None,
        })
        .collect()
}

/// Every file below a folder with its content, by relative path.
pub fn tree(folder: &Path) -> std::collections::BTreeMap<String, Vec<u8>> {
    fn walk(root: &Path, folder: &Path, found: &mut std::collections::BTreeMap<String, Vec<u8>>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(root, &path, found);
            } else {
                let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    let mut found = std::collections::BTreeMap::new();
    walk(folder, folder, &mut found);
    found
}
