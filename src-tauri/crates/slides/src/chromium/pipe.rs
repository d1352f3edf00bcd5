//! The `DevTools` protocol over a pipe: JSON messages with a NUL after each.
//!
//! Libraries speak it over `WebSocket`s, which need a network; the pipe works behind the sandbox.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use crate::SlidesError;

/// The longest message that is taken: a page of pictures in base64.
const LONGEST: usize = 256 << 20;
/// Events that wait for their listener; with more, nothing further is read.
const MOST_EVENTS: usize = 256;

type Waiting = HashMap<u64, oneshot::Sender<Result<Value, String>>>;
type Listening = HashMap<String, mpsc::Sender<Value>>;
/// A message, and what is given back when it is written.
type Message = (Vec<u8>, Option<OwnedSemaphorePermit>);

/// One connection to a browser.
pub(super) struct Pipe {
    next: AtomicU64,
    /// Bounded by who sends: our own calls, and answers to a bounded number of requests.
    out: mpsc::UnboundedSender<Message>,
    shared: Arc<Shared>,
    tasks: [tokio::task::JoinHandle<()>; 2],
}

#[derive(Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    listening: Mutex<Listening>,
    broken: AtomicBool,
}

impl Drop for Pipe {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Pipe {
    pub(super) fn new(mut input: OwnedWriteHalf, mut output: OwnedReadHalf) -> Self {
        let shared = Arc::new(Shared::default());
        let (out, mut queue) = mpsc::unbounded_channel::<Message>();
        let writing = tokio::spawn(async move {
            while let Some((message, _place)) = queue.recv().await {
                if input.write_all(&message).await.is_err() {
                    return;
                }
            }
        });
        let reading = tokio::spawn({
            let shared = shared.clone();
            async move {
                let mut pending = Vec::new();
                let mut chunk = vec![0; 64 * 1024];
                while let Ok(count @ 1..) = output.read(&mut chunk).await {
                    let from = pending.len();
                    pending.extend_from_slice(&chunk[..count]);
                    let mut start = 0;
                    let mut look = from;
                    while let Some(end) = pending[look..].iter().position(|byte| *byte == 0) {
                        if let Some((listener, event)) = shared.take(&pending[start..look + end]) {
                            let _ = listener.send(event).await;
                        }
                        start = look + end + 1;
                        look = start;
                    }
                    pending.drain(..start);
                    if pending.len() > LONGEST {
                        break;
                    }
                }
                shared.broke();
            }
        });
        Self { next: AtomicU64::new(1), out, shared, tasks: [writing, reading] }
    }

    pub(super) fn is_broken(&self) -> bool {
        self.shared.broken.load(Ordering::Acquire)
    }

    /// The events of a session, from now on.
    pub(super) fn listen(&self, session: &str) -> mpsc::Receiver<Value> {
        let (send, receive) = mpsc::channel(MOST_EVENTS);
        self.shared.listening().insert(session.to_owned(), send);
        receive
    }

    /// Calls a method and waits for its answer. `what` says in words what it is for.
    pub(super) async fn call(
        &self,
        session: Option<&str>,
        method: &str,
        params: Value,
        limit: Duration,
        what: &str,
    ) -> Result<Value, SlidesError> {
        if self.is_broken() {
            return Err(SlidesError::Lost("its pipe is closed".to_owned()));
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (send, receive) = oneshot::channel();
        self.shared.waiting().insert(id, send);
        self.send(id, session, method, &params, None);
        let answer = tokio::time::timeout(limit, receive).await;
        self.shared.waiting().remove(&id);
        match answer {
            Ok(Ok(Ok(answer))) => Ok(answer),
            Ok(Ok(Err(reason))) => Err(SlidesError::Refused { what: what.to_owned(), reason }),
            Ok(Err(_)) => Err(SlidesError::Lost("it closed its pipe".to_owned())),
            Err(_) => Err(SlidesError::Late { what: what.to_owned(), limit }),
        }
    }

    /// Calls a method whose answer nobody waits for. `place` is given back when the call is written.
    pub(super) fn tell(
        &self,
        session: Option<&str>,
        method: &str,
        params: &Value,
        place: Option<OwnedSemaphorePermit>,
    ) {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.send(id, session, method, params, place);
    }

    fn send(
        &self,
        id: u64,
        session: Option<&str>,
        method: &str,
        params: &Value,
        place: Option<OwnedSemaphorePermit>,
    ) {
        let mut message = json!({"id": id, "method": method, "params": params});
        if let Some(session) = session {
            message["sessionId"] = Value::from(session);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        // A pipe that broke is noticed by whoever waits for an answer.
        let _ = self.out.send((bytes, place));
    }
}

impl Shared {
    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listening(&self) -> std::sync::MutexGuard<'_, Listening> {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands an answer to who waits for it, and gives an event with its listener.
    fn take(&self, bytes: &[u8]) -> Option<(mpsc::Sender<Value>, Value)> {
        let Ok(mut message) = serde_json::from_slice::<Value>(bytes) else {
            tracing::debug!("the browser sent what is not JSON");
            return None;
        };
        if let Some(id) = message["id"].as_u64() {
            let answer = match message.get("error") {
                Some(error) => Err(error["message"].as_str().unwrap_or("it refused").to_owned()),
                None => Ok(message["result"].take()),
            };
            if let Some(waiting) = self.waiting().remove(&id) {
                let _ = waiting.send(answer);
            }
            return None;
        }
        let listener = self.listening().get(message["sessionId"].as_str()?).cloned()?;
        Some((listener, message))
    }

    fn broke(&self) {
        self.broken.store(true, Ordering::Release);
        self.waiting().clear();
        self.listening().clear();
    }
}

#[cfg(test)]
#[path = "pipe_tests.rs"]
mod tests;
