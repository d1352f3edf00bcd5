//! One server as the profile names it: its addresses, its key, its refusals.

use std::{
    net::IpAddr,
    time::{Duration, SystemTime},
};

use futures::StreamExt as _;
use okcvm_protocol::ModelProfile;
use reqwest::{
    Client, Method, RequestBuilder, Response,
    header::{AUTHORIZATION, DATE, HeaderMap, HeaderValue, RETRY_AFTER},
    redirect,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::{Host, Url};

use crate::{
    KeyUse, ModelError, Place,
    reader::{error_words, shortened},
    wire::WireFormat,
};

/// Time to open a connection.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Time for the small questions beside the chat.
const ASIDE_LIMIT: Duration = Duration::from_secs(10);
/// Bytes of an error page or a list of models that are read.
const ASIDE_BYTES: usize = 4 << 20;
/// Characters of a server's words that are shown.
const WORDS: usize = 600;

/// A server and how to speak to it.
pub(crate) struct Endpoint {
    client: Client,
    base: Url,
    format: WireFormat,
    key: Option<SecretString>,
    pub place: Place,
}

/// An answer that is no success.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub status: u16,
    /// The server's words, shortened, without the key.
    pub message: String,
    /// Its code and type of the error, as it writes them.
    pub code: String,
    /// How long it asks to wait.
    pub wait: Option<Duration>,
}

impl Endpoint {
    pub fn new(
        format: WireFormat,
        profile: &ModelProfile,
        key: Option<SecretString>,
    ) -> Result<Self, ModelError> {
        let address = |reason: &str| ModelError::Address {
            address: without_credentials(&profile.base_url),
            model: profile.model.clone(),
            reason: reason.into(),
        };
        let entered = profile.base_url.trim();
        if entered.is_empty() {
            return Err(address("it is empty"));
        }
        let mut base = Url::parse(entered).map_err(|error| address(&error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(address("it has to begin with http:// or https://"));
        }
        let Some(host) = base.host_str().map(str::to_owned) else {
            return Err(address("it names no host"));
        };
        base.set_fragment(None);
        let path = trimmed_path(format, base.path()).to_owned();
        base.set_path(&path);
        let place = Place {
            host: base.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}")),
            model: profile.model.clone(),
        };
        let key = key
            .map(|key| key.expose_secret().trim().to_owned())
            .filter(|key| !key.is_empty())
            .map(SecretString::from);
        let client = http_client(is_loopback(&base)).map_err(|error| address(&error.to_string()))?;
        let endpoint = Self { client, base, format, key, place };
        endpoint.credentials()?;
        Ok(endpoint)
    }

    /// The request of a chat, ready to send.
    pub fn chat(&self, body: &Value) -> Result<RequestBuilder, ModelError> {
        Ok(self.request(Method::POST, self.format.chat_path())?.json(body))
    }

    /// The path of a chat, for error messages.
    pub fn chat_path(&self) -> String {
        self.url(self.format.chat_path()).path().to_owned()
    }

    /// Whether a key is sent.
    pub fn key_use(&self) -> KeyUse {
        if self.key.is_some() { KeyUse::Sent } else { KeyUse::Missing }
    }

    /// Asks which models there are.
    pub async fn models(&self) -> Result<Result<Vec<String>, Refusal>, ModelError> {
        let request = self.request(Method::GET, self.format.models_path())?.timeout(ASIDE_LIMIT);
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if !response.status().is_success() {
            return Ok(Err(self.refusal(response).await));
        }
        let body = bounded_body(response).await;
        let names = serde_json::from_slice::<Value>(&body).ok().and_then(|body| model_names(&body));
        Ok(names.ok_or_else(|| Refusal {
            status: 200,
            message: self.clean(&String::from_utf8_lossy(&body)),
            code: String::new(),
            wait: None,
        }))
    }

    /// Reads what the server says about its refusal.
    pub async fn refusal(&self, response: Response) -> Refusal {
        let status = response.status();
        let wait = wait_asked(response.headers());
        let location = response.headers().get("location").and_then(|value| value.to_str().ok());
        let moved = location.filter(|_| status.is_redirection()).map(|to| format!("it moved to {to}"));
        let body = bounded_body(response).await;
        let text = String::from_utf8_lossy(&body);
        let words = serde_json::from_slice::<Value>(&body).ok().and_then(|body| error_words(&body));
        let (message, code) = words.unwrap_or_else(|| (plain(&text), String::new()));
        let message = moved.unwrap_or(message);
        let message = if message.trim().is_empty() {
            status.canonical_reason().unwrap_or("no reason given").to_owned()
        } else {
            self.clean(&message)
        };
        Refusal { status: status.as_u16(), message, code, wait }
    }

    /// No answer came at all.
    pub fn unreachable(&self, error: &reqwest::Error) -> ModelError {
        let reason = if error.is_timeout() {
            "it did not answer in time".to_owned()
        } else {
            let mut cause: &dyn std::error::Error = error;
            while let Some(source) = cause.source() {
                cause = source;
            }
            self.clean(&cause.to_string())
        };
        ModelError::Unreachable { place: self.place.clone(), reason }
    }

    /// A server's words, short enough to show and without the key.
    pub fn clean(&self, words: &str) -> String {
        let words = match &self.key {
            Some(key) => words.replace(key.expose_secret(), "[key]"),
            None => words.to_owned(),
        };
        shortened(&words, WORDS)
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, ModelError> {
        Ok(self.client.request(method, self.url(path)).headers(self.credentials()?))
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        url
    }

    fn credentials(&self) -> Result<HeaderMap, ModelError> {
        let mut headers = HeaderMap::new();
        if self.format == WireFormat::Anthropic {
            headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
        }
        if let Some(key) = &self.key {
            let (name, value) = match self.format {
                WireFormat::OpenAi => (AUTHORIZATION, format!("Bearer {}", key.expose_secret())),
                WireFormat::Anthropic => {
                    (reqwest::header::HeaderName::from_static("x-api-key"), key.expose_secret().to_owned())
                }
            };
            let mut value = HeaderValue::from_str(&value)
                .map_err(|_| ModelError::KeyShape { place: self.place.clone() })?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        Ok(headers)
    }
}

/// A client without a limit on the whole answer. It follows no redirect, because a key would travel along,
/// and speaks to this machine without the system's proxy.
pub(crate) fn http_client(loopback: bool) -> Result<Client, reqwest::Error> {
    let builder = Client::builder().connect_timeout(CONNECT_LIMIT).redirect(redirect::Policy::none());
    // A server on this machine may close a connection that is kept open just when it is used again; a new one costs
    // next to nothing there.
    if loopback { builder.no_proxy().pool_max_idle_per_host(0) } else { builder }.build()
}

/// The start of an answer's body; what is wrong with it does not matter here.
pub(crate) async fn bounded_body(response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    let read = async {
        let mut stream = response.bytes_stream();
        while let Some(Ok(piece)) = stream.next().await {
            body.extend_from_slice(&piece);
            if body.len() >= ASIDE_BYTES {
                break;
            }
        }
    };
    // What came until then is enough to say what is wrong.
    let _ = tokio::time::timeout(ASIDE_LIMIT, read).await;
    body.truncate(ASIDE_BYTES);
    body
}

/// The names in a list of models: `data[].id`, or Ollama's `models[].name`.
pub(crate) fn model_names(body: &Value) -> Option<Vec<String>> {
    let list = body.get("data").or_else(|| body.get("models")).unwrap_or(body).as_array()?;
    Some(
        list.iter()
            .filter_map(|model| model.get("id").or_else(|| model.get("name")).or(Some(model))?.as_str())
            .map(str::to_owned)
            .collect(),
    )
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// The path that everything is appended to, whatever of it the user copied.
fn trimmed_path(format: WireFormat, path: &str) -> &str {
    let path = path.trim_end_matches('/');
    match format {
        WireFormat::OpenAi => path.strip_suffix("/chat/completions").unwrap_or(path),
        WireFormat::Anthropic => {
            let path = path.strip_suffix("/messages").unwrap_or(path);
            path.strip_suffix("/v1").unwrap_or(path)
        }
    }
}

/// An address as entered, without a user and password before the `@`.
fn without_credentials(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    let address = if scheme.is_empty() { rest.to_owned() } else { format!("{scheme}://{rest}") };
    shortened(&address, 200)
}

/// The text of an error page: its title if it is HTML.
fn plain(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let title = lower.find("<title>").and_then(|start| {
        let start = start + "<title>".len();
        Some(&text[start..start + lower[start..].find("</title>")?])
    });
    title.unwrap_or(text).trim().to_owned()
}

/// How long the server asks to wait: `retry-after-ms`, or `Retry-After` in seconds or as a date (RFC 9110,
/// section 10.2.3), counted from the server's own clock where it says so.
fn wait_asked(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(millis) = text("retry-after-ms").and_then(|value| value.parse::<f64>().ok()) {
        return Duration::try_from_secs_f64(millis / 1000.0).ok();
    }
    let value = text(RETRY_AFTER.as_str())?;
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let now = text(DATE.as_str()).and_then(|date| httpdate::parse_http_date(date).ok());
    let until = httpdate::parse_http_date(value).ok()?;
    Some(until.duration_since(now.unwrap_or_else(SystemTime::now)).unwrap_or_default())
}

#[cfg(test)]
#[path = "endpoint_tests.rs"]
mod tests;
