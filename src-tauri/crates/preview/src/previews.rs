//! The open previews and the answers on the window's custom scheme.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use http::header::{self, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use okcvm_protocol::{EntryKind, PreviewHandle};
use okcvm_workspace::{Workspace, WorkspacePath};

use crate::content::{Asked, asked, content_type};
use crate::page::{self, Refusal};
use crate::room::{Place, Room};
use crate::site::{Found, Site, encode};
use crate::source::{Material, Moment, Source};
use crate::{PreviewError, Shelf, describe, rewrite};

/// A custom scheme takes whole answers only, so they are bounded.
const MAX_WHOLE: u64 = 64 * 1024 * 1024;
/// The longest part that one answer carries.
const MAX_PART: u64 = 16 * 1024 * 1024;
/// Addresses of a preview that are remembered, and bytes that are read ahead by them.
const MOST_ASKED: usize = 64;
const MOST_AHEAD: u64 = 32 * 1024 * 1024;
/// What runs first in every page: reports what was blocked, and works round what a custom scheme cannot do.
const INJECTED: &str = include_str!("injected.js");
/// Runs behind it: shows the slides of a page one at a time.
const DECK: &str = include_str!("deck.js");
/// Takes what pages tell the third version of Tailwind's browser build to the fourth.
const TAILWIND_BEFORE: &str = include_str!("../../../assets/tailwind/configuration.js");
/// Tailwind's browser build, version 4.3.4 (MIT, see the licence beside it).
const TAILWIND_BROWSER: &str = include_str!("../../../assets/tailwind/browser.js");
/// The policy of answers that belong to no preview.
const CLOSED_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; sandbox";

/// What a preview shows.
#[derive(Debug, Clone)]
pub enum PreviewTarget {
    /// A folder of a workspace as it is at each request; its first page is `index.html`.
    Folder {
        /// The workspace.
        workspace: Workspace,
        /// The folder in it; the root shows all.
        path: WorkspacePath,
    },
    /// A file of a workspace. A page (`.html`, `.htm`) sees the folder that it lies in, any other file only itself.
    File {
        /// The workspace.
        workspace: Workspace,
        /// The file in it.
        path: WorkspacePath,
    },
    /// A folder or file as it was at a moment, under the same rules; the live files are not touched.
    Snapshot {
        /// The moment.
        moment: Moment,
        /// The folder or file in it.
        path: WorkspacePath,
    },
    /// A folder of the app itself, as that of a deployment.
    Directory {
        /// Absolute path.
        dir: PathBuf,
    },
}

/// Gives the style sheet that stands in for one on the network, by its address; `None` if nothing does.
pub type FindSheet = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The open previews. Clones share them.
#[derive(Clone)]
pub struct Previews {
    base: String,
    find_sheet: FindSheet,
    open: Arc<RwLock<HashMap<String, Opened>>>,
}

impl std::fmt::Debug for Previews {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Previews").field("base", &self.base).finish_non_exhaustive()
    }
}

/// An open preview.
#[derive(Debug, Clone)]
struct Opened {
    site: Site,
    /// The address in the site that it begins with.
    first: String,
    /// Other addresses that were answered, for those who will look at the same site at another moment.
    asked: Arc<Mutex<Vec<String>>>,
    room: Room,
}

impl Previews {
    /// No previews yet. `base` is what every address begins with, up to and with the `/` before the token:
    /// `preview://localhost/`, on Windows `http://preview.localhost/`.
    pub fn new(base: String) -> Self {
        Self { base, find_sheet: Arc::new(|_| None), open: Arc::default() }
    }

    /// With sheets that stand in for those on the network, such as those of icons.
    #[must_use]
    pub fn with_sheets(self, find_sheet: FindSheet) -> Self {
        Self { find_sheet, ..self }
    }

    /// Opens a preview. Its token is the only way to it and dies with [`Previews::close`].
    pub fn open(&self, target: PreviewTarget) -> Result<PreviewHandle, PreviewError> {
        let (site, first) = match target {
            PreviewTarget::Folder { workspace, path } => {
                (Site::Folder(Source::Live { workspace, path }), String::new())
            }
            PreviewTarget::File { workspace, path } => file(&Source::Live { workspace, path })?,
            PreviewTarget::Snapshot { moment, path } => {
                let source = Source::Snapshot { moment, path };
                match source.entry()?.kind {
                    EntryKind::Folder => (Site::Folder(source), String::new()),
                    _ => file(&source)?,
                }
            }
            PreviewTarget::Directory { dir } => {
                let workspace = Workspace::open(&dir).map_err(|error| PreviewError::Target {
                    path: dir.display().to_string(),
                    reason: error.to_string(),
                })?;
                (Site::Folder(Source::Live { workspace, path: WorkspacePath::root() }), String::new())
            }
        };
        let token = new_token()?;
        let url = format!("{}{token}/{}", self.base, encode(&first));
        let opened = Opened { site, first, asked: Arc::default(), room: Room::new() };
        self.open.write().unwrap_or_else(PoisonError::into_inner).insert(token.clone(), opened);
        Ok(PreviewHandle { token, url })
    }

    /// Ends a preview: from now on its address leads to nothing. Does nothing if it is closed already.
    pub fn close(&self, token: &str) {
        self.open.write().unwrap_or_else(PoisonError::into_inner).remove(token);
    }

    /// Reads ahead what a preview of a moment will be asked for: what its first page is, and the files that were asked for
    /// in the preview of token `like`, which shows the same at another moment. Bounded in files and bytes. Blocks.
    pub fn warm(&self, token: &str, like: Option<&str>, known: &Shelf) {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        let Some(opened) = open.get(token).cloned() else { return };
        let like = like.and_then(|like| open.get(like).cloned());
        drop(open);
        let source = match &opened.site {
            Site::File(source) => source.clone(),
            Site::Folder(folder) => match folder.path().join(&opened.first) {
                Ok(page) => folder.at(page),
                Err(_) => return,
            },
        };
        // Whoever looks at a file asks first what it is.
        if let Err(error) = describe(&source, known) {
            tracing::debug!(%error, "a moment is not read ahead");
        }
        if matches!(opened.site, Site::File(_)) {
            return;
        }
        let asked = like.map(|like| like.asked.lock().unwrap_or_else(PoisonError::into_inner).clone());
        let mut left = MOST_AHEAD;
        for address in [encode(&opened.first)].into_iter().chain(asked.unwrap_or_default()) {
            let Ok(Found::File(material)) = opened.site.find(&address) else { continue };
            let Some(rest) = left.checked_sub(material.size()) else { return };
            left = rest;
            if let Err(error) = material.content() {
                tracing::debug!(%error, "a file of a moment is not read ahead");
            }
        }
    }

    /// Ends all previews.
    pub fn close_all(&self) {
        self.open.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Whether a preview is open.
    pub fn is_any_open(&self) -> bool {
        !self.open.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Answers one request on a thread of its own, as soon as there is room among the answers to the same page. The
    /// answer counts as under way until its place is dropped. Must be called within a Tokio runtime.
    pub async fn answer<B>(&self, request: Request<B>) -> (Response<Vec<u8>>, Option<Place>) {
        // What a page sends is not looked at.
        let request = request.map(|_| ());
        let refused = |refusal| answer(CLOSED_POLICY, Answer::refusal(refusal), request.method());
        let Some(opened) = self.opened(&request) else {
            return (refused(Refusal::Closed), None);
        };
        let Some(mut place) = opened.room.place().await else {
            return (refused(Refusal::TooMany), None);
        };
        let (previews, asked) = (self.clone(), request.clone());
        let made = tokio::task::spawn_blocking(move || {
            let response = previews.answer_from(&opened, &asked, &mut |bytes| place.hold(bytes));
            (response, Some(place))
        });
        made.await.unwrap_or_else(|_| (refused(Refusal::Unreadable), None))
    }

    /// Answers one request at once. Blocks while it reads.
    pub fn respond<B>(&self, request: &Request<B>) -> Response<Vec<u8>> {
        match self.opened(request) {
            Some(opened) => self.answer_from(&opened, request, &mut |_| {}),
            None => answer(CLOSED_POLICY, Answer::refusal(Refusal::Closed), request.method()),
        }
    }

    /// The preview that a request asks.
    fn opened<B>(&self, request: &Request<B>) -> Option<Opened> {
        let (token, _) = parts(request);
        self.open.read().unwrap_or_else(PoisonError::into_inner).get(token).cloned()
    }

    /// `hold` is told how many bytes the answer will hold, before they are read.
    fn answer_from<B>(
        &self,
        opened: &Opened,
        request: &Request<B>,
        hold: &mut dyn FnMut(u64),
    ) -> Response<Vec<u8>> {
        let (token, rest) = parts(request);
        let policy = policy(&format!("{}{token}/", self.base));
        let given = match *request.method() {
            Method::GET | Method::HEAD => self.read(&opened.site, token, rest, request, hold),
            // Reading parts of a file from an opaque origin asks first.
            Method::OPTIONS => Answer::empty(StatusCode::NO_CONTENT),
            _ => Answer::refusal(Refusal::Method),
        };
        if given.status.is_success() && !rest.is_empty() {
            let mut asked = opened.asked.lock().unwrap_or_else(PoisonError::into_inner);
            if asked.len() < MOST_ASKED && !asked.iter().any(|known| known == rest) {
                asked.push(rest.to_owned());
            }
        }
        answer(&policy, given, request.method())
    }

    fn read<B>(
        &self,
        site: &Site,
        token: &str,
        rest: &str,
        request: &Request<B>,
        hold: &mut dyn FnMut(u64),
    ) -> Answer {
        let path = request.uri().path();
        let path = path.strip_prefix('/').unwrap_or(path);
        if rest.is_empty() && !path.ends_with('/') {
            return Answer::page(StatusCode::OK, page::leads_to(&format!("{}{token}/", self.base)));
        }
        if rest == rewrite::TAILWIND {
            let script = format!("{TAILWIND_BEFORE}{TAILWIND_BROWSER}");
            return Answer::new(StatusCode::OK, "text/javascript; charset=utf-8", script.into_bytes());
        }
        if let Some(sheet) = rewrite::sheet_address(rest).and_then(|address| (self.find_sheet)(&address)) {
            return Answer::new(StatusCode::OK, "text/css; charset=utf-8", sheet.into_bytes());
        }
        match site.find(rest) {
            Ok(Found::File(found)) => {
                let range = request.headers().get(header::RANGE).and_then(|range| range.to_str().ok());
                // A copy that could be out of date cannot be completed: there is nothing to compare it with.
                let range = range.filter(|_| !request.headers().contains_key(header::IF_RANGE));
                self.file(&found, token, range, hold).unwrap_or_else(Answer::refusal)
            }
            Ok(Found::NeedsSlash) => {
                Answer::page(StatusCode::OK, page::leads_to(&format!("{}{path}/", self.base)))
            }
            Err(refusal) => Answer::refusal(refusal),
        }
    }

    fn file(
        &self,
        found: &Material,
        token: &str,
        range: Option<&str>,
        hold: &mut dyn FnMut(u64),
    ) -> Result<Answer, Refusal> {
        let start = part(found, 0, 8192)?;
        let mime = content_type(&found.name, &start);
        let is_page = mime.starts_with("text/html");
        let is_rewritten = is_page || mime.starts_with("text/css");
        let range = range.filter(|_| !is_rewritten);
        match asked(range, found.size) {
            Asked::Beyond => Ok(Answer::refusal(Refusal::Range)
                .with(header::CONTENT_RANGE, &format!("bytes */{}", found.size))),
            Asked::Part(range) => {
                let last = (*range.end()).min(range.start().saturating_add(MAX_PART - 1));
                let length = last - range.start() + 1;
                hold(length);
                let bytes = part(found, *range.start(), length)?;
                // The file may have shrunk since it was measured.
                let Some(last) = (bytes.len() as u64).checked_sub(1).map(|length| range.start() + length)
                else {
                    return Err(Refusal::Range);
                };
                Ok(Answer::new(StatusCode::PARTIAL_CONTENT, &mime, bytes)
                    .with(header::ACCEPT_RANGES, "bytes")
                    .with(header::CONTENT_RANGE, &format!("bytes {}-{last}/{}", range.start(), found.size)))
            }
            Asked::Whole if found.size > MAX_WHOLE => {
                Ok(Answer::refusal(Refusal::TooLarge).with(header::ACCEPT_RANGES, "bytes"))
            }
            Asked::Whole => {
                // What is rewritten stands there twice for a while.
                hold(if is_rewritten { found.size.saturating_mul(2) } else { found.size });
                // No more than there was room for, should it grow meanwhile.
                let mut bytes = part(found, 0, found.size)?;
                if is_page {
                    let lines = INJECTED.matches('\n').count() + DECK.matches('\n').count();
                    let mut script = INJECTED
                        .replace("__SITE__", &format!("{}{token}/", self.base))
                        .replace("__LINES__", &lines.to_string());
                    script.push_str(DECK);
                    let has_sheet = |address: &str| (self.find_sheet)(address).is_some();
                    let script = format!("<script>{script}</script>");
                    bytes = rewrite::html(&bytes, &format!("/{token}/"), &script, &has_sheet);
                } else if is_rewritten {
                    bytes = rewrite::css(&bytes, &format!("/{token}/"));
                }
                let answer = Answer::new(StatusCode::OK, &mime, bytes);
                Ok(if is_rewritten { answer } else { answer.with(header::ACCEPT_RANGES, "bytes") })
            }
        }
    }
}

/// Token and path below it.
fn parts<B>(request: &Request<B>) -> (&str, &str) {
    let path = request.uri().path();
    let path = path.strip_prefix('/').unwrap_or(path);
    path.split_once('/').unwrap_or((path, ""))
}

/// A file as it is served: a page sees the folder that it lies in, any other file only itself.
fn file(source: &Source) -> Result<(Site, String), PreviewError> {
    let path = source.path();
    let Some((folder, name)) = path.parent().zip(path.file_name().map(str::to_owned)) else {
        return Err(PreviewError::Target {
            path: path.mounted(),
            reason: "it is a folder, not a file".to_owned(),
        });
    };
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    let is_page = matches!(ending.as_deref(), Some("html" | "htm"));
    let site = if is_page { Site::Folder(source.at(folder)) } else { Site::File(source.clone()) };
    Ok((site, name))
}

fn part(found: &Material, from: u64, length: u64) -> Result<Vec<u8>, Refusal> {
    found.range(from, length).map_err(|error| {
        tracing::warn!(name = found.name(), %error, "a file of a preview cannot be read");
        Refusal::Unreadable
    })
}

/// The policy of one preview. Sources are spelled out: `'self'` matches nothing in the opaque origin of a
/// sandboxed frame, and the bare scheme would open every other preview.
fn policy(site: &str) -> String {
    format!(
        "default-src 'none'; script-src {site} 'unsafe-inline'; style-src {site} 'unsafe-inline'; \
         img-src {site} data: blob:; font-src {site} data:; media-src {site} data: blob:; connect-src {site}; \
         worker-src 'none'; frame-src 'none'; object-src 'none'; form-action 'none'; base-uri 'none'; \
         sandbox allow-scripts"
    )
}

fn new_token() -> Result<String, PreviewError> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(|_| PreviewError::Random)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

/// An answer before the headers that all have.
struct Answer {
    status: StatusCode,
    mime: Option<String>,
    extra: Vec<(header::HeaderName, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn new(status: StatusCode, mime: &str, body: Vec<u8>) -> Self {
        Self { status, mime: Some(mime.to_owned()), extra: Vec::new(), body }
    }

    fn empty(status: StatusCode) -> Self {
        Self { status, mime: None, extra: Vec::new(), body: Vec::new() }
    }

    fn page(status: StatusCode, html: String) -> Self {
        Self::new(status, "text/html; charset=utf-8", html.into_bytes())
    }

    fn refusal(refusal: Refusal) -> Self {
        Self::page(refusal.status(), refusal.html())
    }

    fn with(mut self, name: header::HeaderName, value: &str) -> Self {
        self.extra.push((name, value.to_owned()));
        self
    }
}

fn answer(policy: &str, answer: Answer, method: &Method) -> Response<Vec<u8>> {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    let mut set = |name: header::HeaderName, value: &str| {
        // Every value is made here of ASCII without line breaks; one that is not is left out rather than sent.
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    set(header::CONTENT_SECURITY_POLICY, policy);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "no-referrer");
    set(header::CACHE_CONTROL, "no-store");
    // Modules, fonts and fetch of an opaque origin count as another origin's even within the site.
    set(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");
    set(header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD");
    set(header::ACCESS_CONTROL_ALLOW_HEADERS, "Range");
    set(header::ACCESS_CONTROL_EXPOSE_HEADERS, "Accept-Ranges, Content-Length, Content-Range");
    set(header::HeaderName::from_static("cross-origin-resource-policy"), "cross-origin");
    set(header::CONTENT_LENGTH, &answer.body.len().to_string());
    if let Some(mime) = &answer.mime {
        set(header::CONTENT_TYPE, mime);
    }
    for (name, value) in answer.extra {
        set(name, &value);
    }
    if *method != Method::HEAD {
        *response.body_mut() = answer.body;
    }
    response
}

#[cfg(test)]
#[path = "previews_tests.rs"]
mod tests;
