//! How much later a model is asked because the workspace is recorded first.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use okcvm_host::{Environment, Host, HostOptions, Redactor, Serving, Watching};
use okcvm_protocol::{CommandHandler, SessionCreateParams, SessionId, SessionParams, TurnStartParams};
use okcvm_testkit::{Answer, Reply, ScriptedModelServer};

use super::BENCH;
use crate::files::{file, fill, text};
use crate::measure::{Cost, rounds};
use crate::row::{Bar, Figures, Row};
use crate::{Outcome, Plan};

const FILES: usize = 10_000;
const NAME: &str = "a model is asked, 10,000 files changed by hand: none changed";
/// No request comes as late as this.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn rows(plan: &Plan, tell: &mut dyn FnMut(Row)) -> Outcome<()> {
    if !plan.wants(&[NAME]) {
        return Ok(());
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let folder = tempfile::tempdir()?;
    let desk = runtime.block_on(Desk::open(folder.path()))?;
    fill(&desk.files, FILES)?;
    // The first turn records everything.
    runtime.block_on(desk.turn())?;
    let medians = rounds(
        |_| Ok(()),
        vec![
            Box::new(|round| {
                for index in 0..FILES {
                    std::fs::write(desk.files.join(file(index)), text(index, round + 1))?;
                }
                runtime.block_on(desk.turn())
            }),
            Box::new(|_| runtime.block_on(desk.turn())),
        ],
    )?;
    let figures = Figures::Times { ours: medians.costs[0], other: Some(medians.costs[1]) };
    // Nothing at all; a tenth is how far two turns without a change differ.
    tell(Row { bench: BENCH, name: NAME.to_owned(), figures, bar: Bar::AtMostTimes(1.1) });
    Ok(())
}

struct Desk {
    host: Host,
    session: SessionId,
    files: PathBuf,
    asked: Arc<Mutex<Vec<Instant>>>,
    _server: ScriptedModelServer,
}

impl Desk {
    async fn open(folder: &Path) -> Outcome<Self> {
        let server = ScriptedModelServer::start().await?;
        let asked: Arc<Mutex<Vec<Instant>>> = Arc::default();
        let note = Arc::clone(&asked);
        server.answer_with(move |_| {
            note.lock().unwrap_or_else(PoisonError::into_inner).push(Instant::now());
            Answer::from(Reply::text("Done."))
        });
        let base = server.openai_base();
        let home = folder.join("data").to_string_lossy().into_owned();
        let variable = move |name: &str| match name {
            "OKCVM_HOME" => Some(home.clone()),
            "OKCVM_CHAT_PROVIDER" => Some("openai".to_owned()),
            "OKCVM_CHAT_BASE_URL" => Some(base.clone()),
            "OKCVM_CHAT_MODEL" => Some("test-model".to_owned()),
            "OKCVM_CHAT_API_KEY" => Some("sk-test-0123456789abcdef".to_owned()),
            _ => None,
        };
        let options = HostOptions {
            environment: Environment::read(variable)?,
            helper: std::env::current_exe()?,
            watching: Watching::Yes,
            serving: Serving::No,
            preview_base: "preview://localhost/".into(),
            engines: None,
        };
        let host = Host::open(options, Redactor::new())?;
        let session = host.session_create(SessionCreateParams { title: None, folder: None }).await?.id;
        let detail = host.session_open(SessionParams { session_id: session.clone() }).await?;
        Ok(Self { host, session, files: PathBuf::from(detail.workspace_path), asked, _server: server })
    }

    /// From the command to the arrival of the request; then waits for the end of the turn.
    async fn turn(&self) -> Outcome<Cost> {
        let asked = || self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let before = asked().len();
        let begun = Instant::now();
        let text = "Say that it is done.".to_owned();
        let params = TurnStartParams { session_id: self.session.clone(), text, attachments: Vec::new() };
        self.host.turn_start(params).await?;
        let arrived = loop {
            if let Some(time) = asked().get(before) {
                break *time;
            }
            if begun.elapsed() > PATIENCE {
                return Err("the model was not asked".into());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        };
        self.host.engine().wait_until_idle(&self.session).await;
        Ok(Cost { wall: arrived.duration_since(begun), cpu: Duration::ZERO })
    }
}
