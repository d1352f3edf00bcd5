//! The server: a queue of scripted answers, and a record of what it was asked.

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, Method, Response, StatusCode, Uri, header::CONTENT_TYPE},
};
use futures::StreamExt as _;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    reply::Reply,
    wire::{Sent, anthropic, openai},
};

/// What the server answers to one request for a chat.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// A stream.
    Stream(Reply),
    /// A status with headers and a body, at once.
    Status {
        /// HTTP status.
        status: u16,
        /// Name and value.
        headers: Vec<(String, String)>,
        /// As it is sent.
        body: String,
    },
    /// No answer at all: the connection stays open in silence.
    Silence,
}

impl From<Reply> for Answer {
    fn from(reply: Reply) -> Self {
        Self::Stream(reply)
    }
}

impl Answer {
    /// An error in the form that both formats share.
    pub fn error(status: u16, message: &str) -> Self {
        let body = json!({"type": "error", "error": {"type": "test_error", "message": message}});
        Self::Status { status, headers: vec![json_type()], body: body.to_string() }
    }

    /// 429 with `Retry-After`.
    pub fn too_many(retry_after: &str) -> Self {
        match Self::error(429, "Too many requests.") {
            Self::Status { status, mut headers, body } => {
                headers.push(("retry-after".into(), retry_after.into()));
                Self::Status { status, headers, body }
            }
            other => other,
        }
    }

    /// Status 200 with a body of the test's own.
    pub fn body(kind: &str, body: &str) -> Self {
        Self::Status {
            status: 200,
            headers: vec![(CONTENT_TYPE.to_string(), kind.into())],
            body: body.into(),
        }
    }
}

fn json_type() -> (String, String) {
    (CONTENT_TYPE.to_string(), "application/json".into())
}

/// What the server was asked.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedRequest {
    /// `GET` or `POST`.
    pub method: String,
    /// With the query.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// `null` if it was no JSON.
    pub body: Value,
}

impl RecordedRequest {
    /// The value of a header; the name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

type AnswerWith = dyn FnMut(&RecordedRequest) -> Answer + Send;

struct Shared {
    answers: Mutex<VecDeque<Answer>>,
    otherwise: Mutex<Option<Box<AnswerWith>>>,
    pages: Mutex<Vec<(String, Answer)>>,
    models: Mutex<Vec<String>>,
    key: Mutex<Option<String>>,
    requests: Mutex<Vec<RecordedRequest>>,
    open: AtomicUsize,
    ended: CancellationToken,
}

/// A model server on 127.0.0.1 at a port of its own; it ends, with all its connections, when dropped.
///
/// `POST …/chat/completions` and `POST …/messages` take the next answer of the queue; an empty queue asks the
/// closure of [`answer_with`](Self::answer_with), and without one the answer is status 599, which names the
/// fault of the test. `GET …/models` lists the models.
pub struct ScriptedModelServer {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl ScriptedModelServer {
    /// Starts it with the models `test-model`. Must be called inside a Tokio runtime.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            answers: Mutex::default(),
            otherwise: Mutex::new(None),
            pages: Mutex::default(),
            models: Mutex::new(vec!["test-model".into()]),
            key: Mutex::new(None),
            requests: Mutex::default(),
            open: AtomicUsize::new(0),
            ended: CancellationToken::new(),
        });
        let router =
            Router::new().fallback(answer).layer(DefaultBodyLimit::disable()).with_state(Arc::clone(&shared));
        let ended = shared.ended.clone();
        tokio::spawn(async move {
            let serving = axum::serve(listener, router);
            // A connection that breaks while the server ends concerns nobody.
            let _ = serving.with_graceful_shutdown(ended.cancelled_owned()).await;
        });
        Ok(Self { address, shared })
    }

    /// Adds an answer to the queue.
    pub fn push(&self, answer: impl Into<Answer>) {
        locked(&self.shared.answers).push_back(answer.into());
    }

    /// Answers by a closure when the queue is empty.
    pub fn answer_with(&self, answer: impl FnMut(&RecordedRequest) -> Answer + Send + 'static) {
        *locked(&self.shared.otherwise) = Some(Box::new(answer));
    }

    /// Answers every request for that path, whatever its method, in place of all else.
    pub fn page(&self, path: &str, answer: Answer) {
        locked(&self.shared.pages).push((path.into(), answer));
    }

    /// Names the models that it lists.
    pub fn set_models(&self, models: &[&str]) {
        *locked(&self.shared.models) = models.iter().map(|model| (*model).to_owned()).collect();
    }

    /// Refuses every request without this key with 401.
    pub fn require_key(&self, key: &str) {
        *locked(&self.shared.key) = Some(key.into());
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The address for a profile of chat completions.
    pub fn openai_base(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The address for a profile of Anthropic Messages.
    pub fn anthropic_base(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        locked(&self.shared.requests).clone()
    }

    /// The requests for chats so far.
    pub fn chats(&self) -> Vec<RecordedRequest> {
        self.requests().into_iter().filter(|request| request.method == "POST").collect()
    }

    /// Answers that are being sent now; one that its client left no longer counts.
    pub fn open_answers(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }
}

impl Drop for ScriptedModelServer {
    fn drop(&mut self) {
        self.shared.ended.cancel();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts an answer while it is sent.
struct Open(Arc<Shared>);

impl Open {
    fn new(shared: &Arc<Shared>) -> Self {
        shared.open.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(shared))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let request = RecordedRequest {
        method: method.to_string(),
        path: uri.to_string(),
        headers: headers
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect(),
        body: serde_json::from_slice(&body).unwrap_or(Value::Null),
    };
    locked(&shared.requests).push(request.clone());
    let page =
        locked(&shared.pages).iter().find(|(path, _)| path == uri.path()).map(|(_, answer)| answer.clone());
    let answer = if let Some(page) = page {
        page
    } else if !has_key(&shared, &request) {
        Answer::error(401, "The key is wrong.")
    } else if method == Method::GET && uri.path().ends_with("/models") {
        let models = locked(&shared.models).clone();
        let list: Vec<Value> = models.iter().map(|model| json!({"id": model, "object": "model"})).collect();
        Answer::body("application/json", &json!({"object": "list", "data": list}).to_string())
    } else if method == Method::POST
        && ["/chat/completions", "/messages"].iter().any(|end| uri.path().ends_with(end))
    {
        let next = locked(&shared.answers).pop_front();
        next.unwrap_or_else(|| match locked(&shared.otherwise).as_mut() {
            Some(otherwise) => otherwise(&request),
            None => Answer::error(599, "The test scripted no answer for this request."),
        })
    } else {
        Answer::error(404, "There is nothing here.")
    };
    send(&shared, &request, answer).await
}

fn has_key(shared: &Shared, request: &RecordedRequest) -> bool {
    locked(&shared.key).as_ref().is_none_or(|key| {
        request.header("x-api-key") == Some(key.as_str())
            || request.header("authorization") == Some(format!("Bearer {key}").as_str())
    })
}

async fn send(shared: &Arc<Shared>, request: &RecordedRequest, answer: Answer) -> Response<Body> {
    match answer {
        Answer::Status { status, headers, body } => {
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(Body::from(body)).unwrap_or_else(|_| wrong_script())
        }
        Answer::Silence => {
            let open = Open::new(shared);
            shared.ended.cancelled().await;
            drop(open);
            wrong_script()
        }
        Answer::Stream(reply) => {
            let model = request.body["model"].as_str().unwrap_or("test-model");
            let sent = if request.path.contains("/messages") {
                anthropic(&reply, model)
            } else {
                openai(&reply, model)
            };
            let sent = match reply.frame {
                Some(bytes) => framed(sent, bytes),
                None => sent.into_iter().map(Frame::from).collect(),
            };
            let body = Body::from_stream(stream(shared, sent));
            let response = Response::builder().header(CONTENT_TYPE, "text/event-stream");
            response.body(body).unwrap_or_else(|_| wrong_script())
        }
    }
}

fn wrong_script() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    response
}

/// What goes over the connection, in bytes.
enum Frame {
    Bytes(Bytes),
    Pause(tokio::time::Duration),
    Break,
    Hang,
}

impl From<Sent> for Frame {
    fn from(sent: Sent) -> Self {
        match sent {
            Sent::Bytes(text) => Self::Bytes(text.into()),
            Sent::Pause(pause) => Self::Pause(pause),
            Sent::Break => Self::Break,
            Sent::Hang => Self::Hang,
        }
    }
}

/// The same bytes in frames of so many, which may end inside a character.
fn framed(sent: Vec<Sent>, size: usize) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut bytes: Vec<u8> = Vec::new();
    let cut = |bytes: &mut Vec<u8>, frames: &mut Vec<Frame>| {
        frames.extend(bytes.chunks(size).map(|piece| Frame::Bytes(Bytes::copy_from_slice(piece))));
        bytes.clear();
    };
    for sent in sent {
        if let Sent::Bytes(text) = sent {
            bytes.extend_from_slice(text.as_bytes());
        } else {
            cut(&mut bytes, &mut frames);
            frames.push(sent.into());
        }
    }
    cut(&mut bytes, &mut frames);
    frames
}

fn stream(
    shared: &Arc<Shared>,
    frames: Vec<Frame>,
) -> impl futures::Stream<Item = Result<Bytes, io::Error>> + Send + 'static {
    let open = Open::new(shared);
    let ended = shared.ended.clone();
    futures::stream::iter(frames).then(move |frame| {
        // Moves the count into the stream, so that it ends with it.
        let _ = &open;
        let ended = ended.clone();
        async move {
            match frame {
                Frame::Bytes(bytes) => {
                    // Lets the connection write before the next frame comes.
                    tokio::task::yield_now().await;
                    Ok(bytes)
                }
                Frame::Pause(pause) => {
                    tokio::select! {
                        () = ended.cancelled() => Err(io::Error::other("the server ends")),
                        () = tokio::time::sleep(pause) => Ok(Bytes::new()),
                    }
                }
                Frame::Break => {
                    // What came before has to arrive first.
                    tokio::time::sleep(tokio::time::Duration::from_millis(20)).await;
                    Err(io::Error::other("the script breaks the connection"))
                }
                Frame::Hang => {
                    ended.cancelled().await;
                    Err(io::Error::other("the server ends"))
                }
            }
        }
    })
}

#[cfg(test)]
#[path = "model_server_tests.rs"]
mod tests;
