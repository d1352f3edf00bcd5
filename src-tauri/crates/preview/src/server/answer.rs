//! What the server of deployments answers.

use http::header::{self, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use okcvm_workspace::{Workspace, WorkspacePath};

use super::FindDeployment;
use super::body::AnswerBody;
use crate::content::{Asked, asked, content_type};
use crate::page::Refusal;
use crate::site::{Found, Site};
use crate::source::{Material, Source};

/// What blocking work found.
enum Ready {
    File { found: Material, mime: String },
    NeedsSlash,
}

pub(super) async fn respond(
    request: Request<Incoming>,
    port: u16,
    find: FindDeployment,
) -> Response<AnswerBody> {
    let head = *request.method() == Method::HEAD;
    let mut response = match answer(&request, port, find).await {
        Ok(response) => response,
        Err(refused) => refusal(refused),
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CONTENT_SECURITY_POLICY, "frame-ancestors 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if head {
        // The server would otherwise announce the length of the empty body.
        let length = hyper::body::Body::size_hint(response.body()).exact().unwrap_or(0);
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        *response.body_mut() = AnswerBody::empty();
    }
    response
}

async fn answer(
    request: &Request<Incoming>,
    port: u16,
    find: FindDeployment,
) -> Result<Response<AnswerBody>, Refusal> {
    let deployment = deployment(request, port).ok_or(Refusal::Misdirected)?;
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(Refusal::Method);
    }
    let path = request.uri().path().to_owned();
    let below = path.trim_start_matches('/').to_owned();
    let ready = tokio::task::spawn_blocking(move || open(&find, &deployment, &below))
        .await
        .map_err(|_| Refusal::Unreadable)??;
    let (found, mime) = match ready {
        Ready::NeedsSlash => {
            let mut response = Response::new(AnswerBody::empty());
            *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
            // One slash only: two would name another host.
            let location = format!("/{}/", path.trim_start_matches('/'));
            set(&mut response, header::LOCATION, &location);
            return Ok(response);
        }
        Ready::File { found, mime } => (found, mime),
    };
    let range = request.headers().get(header::RANGE).and_then(|range| range.to_str().ok());
    let range = range.filter(|_| !request.headers().contains_key(header::IF_RANGE));
    let size = found.size;
    let (status, start, length, content_range) = match asked(range, size) {
        Asked::Whole => (StatusCode::OK, 0, size, None),
        Asked::Part(bytes) => {
            let words = format!("bytes {}-{}/{size}", bytes.start(), bytes.end());
            (StatusCode::PARTIAL_CONTENT, *bytes.start(), bytes.end() - bytes.start() + 1, Some(words))
        }
        Asked::Beyond => {
            let mut response = refusal(Refusal::Range);
            set(&mut response, header::CONTENT_RANGE, &format!("bytes */{size}"));
            return Ok(response);
        }
    };
    let file = found.into_file().ok_or(Refusal::Unreadable)?;
    let mut response = Response::new(AnswerBody::file(file, start, length));
    *response.status_mut() = status;
    set(&mut response, header::CONTENT_TYPE, &mime);
    set(&mut response, header::ACCEPT_RANGES, "bytes");
    if let Some(content_range) = content_range {
        set(&mut response, header::CONTENT_RANGE, &content_range);
    }
    Ok(response)
}

/// The deployment that a request is for: the `Host` is `<deployment>.localhost`, with our port or none, alone, and the address in
/// the request line, if it names a host, names the same.
fn deployment(request: &Request<Incoming>, port: u16) -> Option<String> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    if hosts.next().is_some() || request.uri().authority().is_some_and(|authority| authority.as_str() != host)
    {
        return None;
    }
    let name = match host.split_once(':') {
        Some((name, host_port)) if host_port == port.to_string() => name,
        Some(_) => return None,
        None => host,
    };
    let name = name.to_ascii_lowercase();
    let deployment = name.strip_suffix(".localhost")?;
    let plain = deployment.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (plain && !deployment.is_empty() && deployment.len() <= 63).then(|| deployment.to_owned())
}

fn open(find: &FindDeployment, deployment: &str, below: &str) -> Result<Ready, Refusal> {
    let folder = find(deployment).ok_or(Refusal::UnknownSite)?;
    let workspace = Workspace::open(&folder).map_err(|error| {
        tracing::warn!(folder = %folder.display(), %error, "the files of a deployment cannot be opened");
        Refusal::UnknownSite
    })?;
    let site = Site::Folder(Source::Live { workspace, path: WorkspacePath::root() });
    match site.find(below)? {
        Found::NeedsSlash => Ok(Ready::NeedsSlash),
        Found::File(found) => {
            let start = found.range(0, 8192).map_err(|_| Refusal::Unreadable)?;
            let mime = content_type(&found.name, &start);
            Ok(Ready::File { found, mime })
        }
    }
}

fn refusal(refusal: Refusal) -> Response<AnswerBody> {
    let mut response = Response::new(AnswerBody::bytes(refusal.html()));
    *response.status_mut() = refusal.status();
    set(&mut response, header::CONTENT_TYPE, "text/html; charset=utf-8");
    if refusal == Refusal::Method {
        set(&mut response, header::ALLOW, "GET, HEAD");
    }
    response
}

/// Sets a header whose value is made here; one that is not allowed in a header is left out.
fn set(response: &mut Response<AnswerBody>, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}
