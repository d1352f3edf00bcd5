//! Beginning, stopping, steering and repeating turns.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;

use futures::FutureExt;
use okcvm_protocol::{
    AppEvent, Attachment, NodeId, NodeStatus, QueueId, QueuedMessage, RestoreScope, SessionId, TurnEvent,
    UserMessage,
};
use okcvm_store::NewNode;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::restore::{Goal, Paths};
use crate::runtime::{RunningTurn, SharedRuntime};
use crate::{Engine, EngineError};

/// Longest title that is made from a message, in characters.
const TITLE_LENGTH: usize = 60;

/// What became of a message.
#[derive(Debug, Clone, PartialEq)]
pub enum Start {
    /// Its turn runs.
    Started(NodeId),
    /// It waits for the running turn.
    Queued(QueuedMessage),
}

/// Where a new node grows.
pub(crate) enum Parent {
    /// From the node that the conversation ends with.
    Current,
    /// From this node, or as a root.
    Node(Option<NodeId>),
}

impl Engine {
    /// Sends a message. It is stored before anything else; if a turn runs, it waits.
    pub async fn start_turn(
        &self,
        session: &SessionId,
        text: &str,
        attachments: Vec<Attachment>,
    ) -> Result<Start, EngineError> {
        self.send(session, UserMessage { text: text.to_owned(), attachments }, None).await
    }

    async fn send(
        &self,
        session: &SessionId,
        message: UserMessage,
        remark: Option<String>,
    ) -> Result<Start, EngineError> {
        if message.text.trim().is_empty() && message.attachments.is_empty() {
            return Err(EngineError::EmptyMessage);
        }
        let id = session.clone();
        let runtime = self.blocking(move |engine| engine.writable(&id)).await?;
        let gate = runtime.enter().await;
        runtime.must_write(self)?;
        if runtime.running_node().is_some() {
            let queued = self.store().queue_message(session, &message, self.now())?;
            self.tell_queue(session)?;
            return Ok(Start::Queued(queued));
        }
        let node = self.begin(&runtime, message, Parent::Current, remark)?;
        drop(gate);
        Ok(Start::Started(node))
    }

    /// Answers the message of a node again, as a sibling.
    pub async fn retry_turn(&self, session: &SessionId, node: &NodeId) -> Result<Start, EngineError> {
        let row = self.node_of(session, node)?;
        self.branch(session, node, row.message).await
    }

    /// Sends other words in the place of a node's message, as a sibling.
    pub async fn edit_turn(
        &self,
        session: &SessionId,
        node: &NodeId,
        text: &str,
    ) -> Result<Start, EngineError> {
        if text.trim().is_empty() {
            return Err(EngineError::EmptyMessage);
        }
        let row = self.node_of(session, node)?;
        let message = UserMessage { text: text.to_owned(), attachments: row.message.attachments };
        self.branch(session, node, message).await
    }

    /// Goes on after a turn that was interrupted or failed.
    pub async fn continue_turn(&self, session: &SessionId) -> Result<Start, EngineError> {
        let message = UserMessage { text: "Continue.".to_owned(), attachments: Vec::new() };
        let remark = match self.store().session(session)?.current_node {
            Some(current) => {
                let node = self.store().node(&current)?.summary;
                let reason = match (&node.not_restorable, &node.snapshot) {
                    (Some(reason), _) => Some(reason.as_str()),
                    (None, None) if node.status != NodeStatus::Running => Some("they were never recorded."),
                    (None, _) => None,
                };
                reason.map(|reason| {
                    format!("This goes on with the files as they are now. Those of the turn before cannot be brought back: {reason}")
                })
            }
            None => None,
        };
        self.send(session, message, remark).await
    }

    /// A sibling of a node: the files go back to what they were when its turn began, which can be undone, and a new
    /// turn begins under the same parent.
    async fn branch(
        &self,
        session: &SessionId,
        node: &NodeId,
        message: UserMessage,
    ) -> Result<Start, EngineError> {
        let id = session.clone();
        let runtime = self.blocking(move |engine| engine.movable(&id)).await?;
        let gate = runtime.enter().await;
        runtime.must_write(self)?;
        if runtime.running_node().is_some() {
            return Err(EngineError::Busy);
        }
        let row = self.node_of(session, node)?;
        let parent = row.summary.parent_id.clone();
        let mut reason = match (&row.summary.not_restorable, &row.summary.base_snapshot) {
            (Some(reason), _) => Some(reason.clone()),
            (None, None) => Some("they were never recorded.".to_owned()),
            (None, Some(_)) => None,
        };
        if reason.is_none() {
            let shared = runtime.clone();
            let moved = self.blocking(move |engine| {
                let goal = Goal {
                    scope: RestoreScope::All,
                    node: row.summary.parent_id,
                    files: row.summary.base_snapshot,
                    paths: Paths::All,
                    title: format!("New branch beside “{}”", row.summary.title),
                };
                engine.move_to(&shared, goal)
            });
            if let Err(error) = moved.await {
                match error.lost_files() {
                    Some(lost) => reason = Some(lost),
                    None => return Err(error),
                }
            }
        }
        if reason.is_some() {
            // They stay, and what they bring along that is not trusted stays with them.
            let current = self.store().session(session)?.current_node;
            self.carry_distrust(session, current.as_ref(), parent.as_ref())?;
        }
        let remark = reason.map(|reason| {
            format!(
                "The files could not go back to what they were before this message, and stay as they are now: {reason}"
            )
        });
        let started = self.begin(&runtime, message, Parent::Node(parent), remark)?;
        drop(gate);
        Ok(Start::Started(started))
    }

    /// Stops the running turn. Its tools are ended, what came is kept.
    pub fn stop_turn(&self, session: &SessionId) -> Result<(), EngineError> {
        let Some(runtime) = self.open_runtime(session) else {
            return Err(EngineError::NotRunning);
        };
        if !runtime.stop() {
            return Err(EngineError::NotRunning);
        }
        Ok(())
    }

    /// Waits until no turn runs in a session.
    pub async fn wait_until_idle(&self, session: &SessionId) {
        if let Some(runtime) = self.open_runtime(session) {
            runtime.idle().await;
        }
    }

    /// Speaks to the running turn: the model hears it after the current tool.
    pub fn steer_turn(&self, session: &SessionId, text: &str) -> Result<(), EngineError> {
        if text.trim().is_empty() {
            return Err(EngineError::EmptyMessage);
        }
        let runtime = self.open_runtime(session).ok_or(EngineError::NotRunning)?;
        if runtime.steer(text.to_owned()) { Ok(()) } else { Err(EngineError::NotRunning) }
    }

    /// Takes a waiting message back.
    pub fn unqueue(&self, session: &SessionId, queue_id: &QueueId) -> Result<(), EngineError> {
        if !self.store().unqueue(session, queue_id)? {
            return Err(EngineError::NotQueued);
        }
        self.tell_queue(session)
    }

    pub(crate) fn tell_queue(&self, session: &SessionId) -> Result<(), EngineError> {
        let queue = self.store().queue(session)?;
        self.events().app(AppEvent::QueueChanged { session_id: session.clone(), queue });
        Ok(())
    }

    /// Stores the node and lets its turn run, with a remark for the user at its start. The caller holds the gate.
    pub(crate) fn begin(
        &self,
        runtime: &SharedRuntime,
        message: UserMessage,
        parent: Parent,
        remark: Option<String>,
    ) -> Result<NodeId, EngineError> {
        let session = self.store().session(&runtime.id)?;
        self.must_not_lie_in_trash(&runtime.id)?;
        let title = title_of(&message);
        let parent_id = match parent {
            Parent::Current => session.current_node.clone(),
            Parent::Node(node) => node,
        };
        let at = self.now();
        let node = self.store().begin_node(&NewNode {
            session_id: runtime.id.clone(),
            parent_id,
            title,
            message,
            at,
        })?;
        if session.title.is_empty() {
            self.store().rename_session(&runtime.id, &node.summary.title, false, at)?;
        }
        let node_id = node.summary.id.clone();
        let cancel = CancellationToken::new();
        runtime.begin(RunningTurn {
            node_id: node_id.clone(),
            cancel: cancel.clone(),
            steers: VecDeque::new(),
        });
        self.events().turn(
            &runtime.id,
            &node_id,
            TurnEvent::TurnStarted { node: node.summary.clone(), message: node.message.clone() },
        );
        self.tell_session(&runtime.id);
        let engine = self.clone();
        let shared = runtime.clone();
        let span = tracing::info_span!(parent: None, "turn", session = %runtime.id, turn = %node_id);
        tokio::spawn(async move {
            let turn = engine.run_turn(&shared, node, cancel, remark).instrument(span);
            if AssertUnwindSafe(turn).catch_unwind().await.is_err() {
                // Its node says that it runs until the session is opened anew; the session itself is free.
                tracing::error!(session = %shared.id, "the end of a turn broke down");
                shared.end();
                shared.rest();
            }
            engine.next_in_queue(&shared).await;
        });
        Ok(node_id)
    }

    /// Begins the turn of the oldest waiting message. After a stop or an error the queue waits for the user.
    async fn next_in_queue(&self, runtime: &SharedRuntime) {
        let _gate = runtime.enter().await;
        if runtime.running_node().is_some() || self.queue_is_held() || runtime.must_write(self).is_err() {
            return;
        }
        let next = (|| -> Result<(), EngineError> {
            let Some(current) = self.store().session(&runtime.id)?.current_node else {
                return Ok(());
            };
            if self.store().node(&current)?.summary.status != NodeStatus::Completed {
                return Ok(());
            }
            let Some(queued) = self.store().queue(&runtime.id)?.into_iter().next() else {
                return Ok(());
            };
            // Taken from the queue only after its node is stored: a crash between leaves it in both, never in none.
            self.begin(runtime, queued.message, Parent::Current, None)?;
            self.store().unqueue(&runtime.id, &queued.id)?;
            self.tell_queue(&runtime.id)
        })();
        if let Err(error) = next {
            tracing::error!(session = %runtime.id, %error, "a waiting message could not be sent");
        }
    }
}

fn title_of(message: &UserMessage) -> String {
    let line = message.text.lines().map(str::trim).find(|line| !line.is_empty());
    let line = line.map(str::to_owned).or_else(|| message.attachments.first().map(|file| file.path.clone()));
    let line = line.unwrap_or_default();
    if line.chars().count() <= TITLE_LENGTH {
        return line;
    }
    let cut: String = line.chars().take(TITLE_LENGTH - 1).collect();
    format!("{}…", cut.trim_end())
}
