//! `okcvm run`: one message, streamed.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use okcvm_host::{EngineError, Host, Start, encode_name};
use okcvm_protocol::{
    AppError, Attachment, CommandHandler, ENVIRONMENT_PROFILE, EngineEvent, NodeId, NodeStatus,
    NumberedEvent, SessionId, SessionParams, TurnEvent,
};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use crate::arguments::RunArguments;
use crate::asking::Asking;
use crate::failure::Failure;
use crate::files::NamedFiles;
use crate::output::{self, Format};
use crate::stops::{STOPPED, Stops};
use crate::view::{End, Said, View};
use crate::{files, session};

/// Events that are taken from the engine at a time.
const BATCH: usize = 1024;

pub(crate) async fn answer(host: &Host, arguments: RunArguments, stops: &Stops) -> Result<(), Failure> {
    // Everything that can be wrong with the wish is looked at before a session is made for it.
    if arguments.prompt.trim().is_empty() && arguments.files.is_empty() {
        return Err(EngineError::EmptyMessage.into());
    }
    for allowed in &arguments.allow {
        let (tool, pattern) = allowed.split_once('=').unwrap_or((allowed, "*"));
        host.engine().allow_for_run(tool, pattern)?;
    }
    let profile = choose_model(host, arguments.model.as_deref())?;
    let files = NamedFiles::check(&arguments.files, &host.settings().import)?;
    let place = match (arguments.session, arguments.workspace) {
        (Some(id), _) => Place::Session(id),
        (None, Some(folder)) => Place::Folder(folder),
        (None, None) => Place::New,
    };
    let session = find_session(host, place).await?;
    let format = Format::of(arguments.json);
    let end = session
        .used_by(host, async |id| {
            if let Some(profile) = &profile {
                host.engine().configure_session(id, Some(profile), None)?;
            }
            if let Some(policy) = &arguments.network {
                session::network::choose(host, id, policy).await?;
            }
            if let Some(mode) = arguments.mode {
                host.engine().set_session_mode(id, mode.into())?;
            }
            let attachments = files::copy_in(host, id, &files, stops).await?;
            begin(host, id, &arguments.prompt, attachments, stops).await
        })
        .await?
        .follow(host, stops, format)
        .await?;
    let (shared, id) = (host.clone(), session.id.clone());
    let durable = tokio::task::spawn_blocking(move || shared.engine().make_durable(&id)).await;
    if let Err(error) = durable.map_err(EngineError::from).and_then(|flushed| flushed) {
        let why = error.to_app_error();
        output::note(&format!("What this turn recorded is not safe against a power cut: {why}"));
    }
    if format == Format::Text {
        output::note(&format!("session {} in {}", session.id, workspace_path(host, &session.id).await?));
    }
    end.outcome()
}

pub(crate) async fn workspace_path(host: &Host, session: &SessionId) -> Result<String, Failure> {
    let (shared, id) = (host.clone(), session.clone());
    let workspace = tokio::task::spawn_blocking(move || shared.engine().workspace(&id))
        .await
        .map_err(EngineError::from)??;
    Ok(encode_name(workspace.root().as_os_str()))
}

/// Where a message goes.
pub(crate) enum Place {
    /// The session of this id, or of a part of it.
    Session(String),
    /// The session of this folder, made if there is none.
    Folder(PathBuf),
    /// A session of its own.
    New,
}

/// A session, and whether it was made for this command.
pub(crate) struct Found {
    pub(crate) id: SessionId,
    new: bool,
}

impl Found {
    /// Does something with the session. Fails that, a session that was made for it goes again.
    pub(crate) async fn used_by<T>(
        &self,
        host: &Host,
        work: impl AsyncFnOnce(&SessionId) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let result = work(&self.id).await;
        if result.is_err() && self.new {
            let removed = match host.engine().delete_session(&self.id).await {
                Ok(_) => host.session_purge(SessionParams { session_id: self.id.clone() }).await.map(drop),
                Err(error) => Err(error.to_app_error()),
            };
            if let Err(error) = removed {
                tracing::warn!(session = %self.id, %error, "an empty session stays");
            }
        }
        result
    }
}

pub(crate) async fn find_session(host: &Host, place: Place) -> Result<Found, Failure> {
    let folder = match place {
        Place::Session(id) => return Ok(Found { id: session::find(host, &id)?.id, new: false }),
        Place::New => {
            return Ok(Found { id: host.engine().create_session(None, None)?.id, new: true });
        }
        Place::Folder(folder) => files::absolute(&folder)?,
    };
    let shared = host.clone();
    let finding = tokio::task::spawn_blocking(move || {
        let engine = shared.engine();
        let known: HashSet<SessionId> =
            engine.list_sessions("", false)?.into_iter().map(|session| session.id).collect();
        let id = engine.session_of_folder(&folder)?.id;
        Ok::<_, EngineError>(Found { new: !known.contains(&id), id })
    });
    Ok(finding.await.map_err(EngineError::from)??)
}

/// Which model answers. The environment stands above what the session was made with, for this run alone; `--model`
/// above both. Returns the profile that the session is to keep.
fn choose_model(host: &Host, model: Option<&str>) -> Result<Option<String>, Failure> {
    let settings = host.settings();
    let from_environment = settings.profiles.iter().any(|profile| profile.id == ENVIRONMENT_PROFILE);
    if let Some(problem) = host.settings_problem() {
        if model.is_none() && !from_environment {
            // Which model is the user's own choice is not known, and another one is not asked in its place.
            return Err(problem.into());
        }
        output::note(&problem.to_string());
    }
    let own = |profile: &&okcvm_protocol::ModelProfile| profile.id != ENVIRONMENT_PROFILE;
    let Some(name) = model else {
        host.engine().set_profile_override(from_environment.then(|| ENVIRONMENT_PROFILE.to_owned()));
        return Ok(None);
    };
    if let Some(profile) = settings.profiles.iter().filter(own).find(|profile| profile.id == name) {
        return Ok(Some(profile.id.clone()));
    }
    if host.override_model(name) {
        host.engine().set_profile_override(Some(ENVIRONMENT_PROFILE.to_owned()));
        return Ok(None);
    }
    if let Some(profile) = settings.profiles.iter().find(|profile| profile.model == name) {
        return Ok(Some(profile.id.clone()));
    }
    let names: Vec<&str> = settings.profiles.iter().map(|profile| profile.id.as_str()).collect();
    Err(AppError::new(format!("There is no model profile named “{name}”."))
        .with_hint(format!("There are: {}.", names.join(", ")))
        .into())
}

/// A turn that runs, and what it tells.
pub(crate) struct Running {
    session: SessionId,
    node: NodeId,
    told: mpsc::UnboundedReceiver<NumberedEvent>,
    view: View,
    asking: Asking,
    _reading: AbortOnDropHandle<()>,
}

/// Sends the message.
pub(crate) async fn begin(
    host: &Host,
    session: &SessionId,
    prompt: &str,
    attachments: Vec<Attachment>,
    stops: &Stops,
) -> Result<Running, Failure> {
    if stops.came() {
        return Err(Failure::quiet(STOPPED));
    }
    let events = host.engine().events();
    let mut reader = events.subscribe(events.last());
    // The engine forgets old events and waits for no reader, so they are taken as fast as they come, and wait here
    // for as long as it takes to show them.
    let (sender, told) = mpsc::unbounded_channel();
    let reading = tokio::spawn(async move {
        loop {
            let batch = reader.next(BATCH).await;
            if batch.is_empty() || batch.into_iter().any(|event| sender.send(event).is_err()) {
                return;
            }
        }
    });
    let node = match host.engine().start_turn(session, prompt, attachments).await? {
        Start::Started(node) => node,
        Start::Queued(_) => return Err(EngineError::Busy.into()),
    };
    Ok(Running {
        session: session.clone(),
        node,
        told,
        view: View::default(),
        asking: Asking::new(),
        _reading: AbortOnDropHandle::new(reading),
    })
}

impl Running {
    /// Shows the turn until its end. A signal stops it.
    pub(crate) async fn follow(mut self, host: &Host, stops: &Stops, format: Format) -> Result<End, Failure> {
        let mut stopping = false;
        let end = loop {
            let numbered = tokio::select! {
                biased;
                () = stops.stopped(), if !stopping => {
                    stopping = true;
                    // The turn may have ended by itself in this moment.
                    let _ = host.engine().stop_turn(&self.session);
                    continue;
                }
                line = self.asking.line(), if self.asking.waits() => {
                    self.asking.answer(line.as_deref(), host, &self.session);
                    continue;
                }
                numbered = self.told.recv() => numbered,
            };
            let Some(numbered) = numbered else {
                return Err(EngineError::Task("the events ended".into()).into());
            };
            let ended = if matches!(numbered.event, EngineEvent::Resync) {
                self.read_again(host, &numbered, format).await?
            } else {
                self.show(host, &numbered, format)?
            };
            if let Some(end) = ended {
                break end;
            }
        };
        host.engine().wait_until_idle(&self.session).await;
        Ok(end)
    }

    fn show(
        &mut self,
        host: &Host,
        numbered: &NumberedEvent,
        format: Format,
    ) -> Result<Option<End>, Failure> {
        if format == Format::Json {
            output::json_line(numbered)?;
        }
        let EngineEvent::Turn { node_id, event, .. } = &numbered.event else { return Ok(None) };
        if *node_id != self.node {
            return Ok(None);
        }
        let end = self.view.take(event, now());
        for said in self.view.said() {
            match said {
                Said::Answer(text) if format == Format::Text => output::piece(text),
                Said::Note(text) if format == Format::Text || end.is_some() => output::note(&text),
                Said::Waiting(text) if format == Format::Text => output::waiting(text),
                Said::Answer(_) | Said::Note(_) | Said::Waiting(_) => {}
            }
        }
        if let TurnEvent::SnapshotTaken { changes, .. } = event
            && changes.deleted > 0
            && format == Format::Text
        {
            let files = match changes.deleted {
                1 => "1 file".to_owned(),
                count => format!("{count} files"),
            };
            output::note(&format!(
                "{files} gone from where they were; what was deleted comes back by: okcvm session files bring-back {} {}",
                self.session, self.node
            ));
        }
        self.asking.take(event, host, &self.session);
        Ok(end)
    }

    /// Events were lost: what they told is in the store.
    async fn read_again(
        &mut self,
        host: &Host,
        lost: &NumberedEvent,
        format: Format,
    ) -> Result<Option<End>, Failure> {
        self.show(host, lost, format)?;
        let detail = host.session_open(SessionParams { session_id: self.session.clone() }).await?;
        let Some(turn) = detail.turns.iter().find(|turn| turn.node.id == self.node) else {
            // Nobody else moves in a session that this program writes.
            return Ok(Some(End { status: NodeStatus::Failed, error: None }));
        };
        for event in self.view.missed(turn) {
            let event =
                EngineEvent::Turn { session_id: self.session.clone(), node_id: self.node.clone(), event };
            let numbered = NumberedEvent { sequence: lost.sequence, event };
            if let Some(end) = self.show(host, &numbered, format)? {
                return Ok(Some(end));
            }
        }
        Ok(None)
    }
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// The path of a folder for people: relative to here if it lies below.
pub(crate) fn shown(path: &Path) -> String {
    std::env::current_dir()
        .ok()
        .and_then(|here| path.strip_prefix(here).ok().map(|below| below.display().to_string()))
        .filter(|below| !below.is_empty())
        .unwrap_or_else(|| path.display().to_string())
}
