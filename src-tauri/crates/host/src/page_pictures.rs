//! Small pictures of pages and slides, which a web engine draws.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use okcvm_preview::{
    Drawing, NOT_DRAWN, Served, Shelf, Source, keep_drawing, keep_picture, kept_drawing, kept_picture,
    new_drawing, thumbnail,
};
use okcvm_protocol::{AppError, EntryKind, ErrorCode, PreviewSource, ProcessOwner, SessionId, Thumbnail};
use okcvm_slides::{Area, DeckFiles, SlidesError};
use okcvm_workspace::{Workspace, WorkspacePath};
use sha2::{Digest, Sha256};

use crate::Host;
use crate::office::Patience;

/// The largest page that is drawn, in bytes.
const MOST_PAGE: u64 = 8 * 1024 * 1024;
/// The largest file that a page may use for its picture, in bytes.
const MOST_FILE: u64 = 32 * 1024 * 1024;
/// How long a page may take to be drawn, by an engine that may have to be started on a busy machine.
const DRAWING: Duration = Duration::from_secs(60);
/// What of a page is drawn: what a window of this size shows.
const SEEN: Area = Area { x: 0.0, y: 0.0, w: 1280.0, h: 800.0 };
/// Device pixels a CSS pixel.
const SCALE: f64 = 0.5;
/// The first slide if there is one, else what is seen.
const FIRST: &str = "(async () => { await new Promise((done) => setTimeout(done, 300)); await document.fonts.ready; \
    const slide = document.querySelector('.ppt-slide'); if (!slide) return null; \
    const { left, top, width, height } = slide.getBoundingClientRect(); \
    return { x: left + scrollX, y: top + scrollY, w: width, h: height }; })()";

/// How long it is remembered that something could not be drawn, so that it is not tried again at each look.
const REMEMBERED: Duration = Duration::from_secs(600);
/// Refusals that are remembered.
const MOST_REFUSALS: usize = 512;

/// What could not be drawn lately, and why, by what names it.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<HashMap<String, (Instant, AppError)>>);

impl Refusals {
    pub(crate) fn of(&self, name: &str) -> Option<AppError> {
        let refusals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        refusals.get(name).filter(|(at, _)| at.elapsed() < REMEMBERED).map(|(_, error)| error.clone())
    }

    pub(crate) fn note(&self, name: &str, error: &AppError) {
        let mut refusals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if refusals.len() >= MOST_REFUSALS {
            refusals.retain(|_, (at, _)| at.elapsed() < REMEMBERED);
        }
        if refusals.len() < MOST_REFUSALS {
            refusals.insert(name.to_owned(), (Instant::now(), error.clone()));
        }
    }
}

/// A page to draw.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    source: Source,
    /// The folder that it lies in, which is all that it sees, as in a preview.
    folder: WorkspacePath,
    name: String,
    bytes: Vec<u8>,
    /// What the page is known by: its session, its place and its own bytes. Files beside it may be others.
    pub(crate) key: String,
}

impl Page {
    /// The page with the files beside it; what is asked for is noted in `served`.
    pub(crate) fn files(&self, served: &Served) -> DeckFiles {
        let (page, served) = (self.clone(), served.clone());
        DeckFiles::new(
            self.bytes.clone(),
            &self.name,
            Arc::new(move |path| {
                let bytes = page.beside(path);
                served.note(path, bytes.as_deref());
                bytes
            }),
        )
    }

    /// The drawing of it that still holds, if there is one. Blocks.
    pub(crate) fn drawing(&self, store: &Shelf) -> Option<Drawing> {
        kept_drawing(store, &self.key, &|path| self.beside(path))
    }

    fn beside(&self, path: &str) -> Option<Vec<u8>> {
        let path = self.folder.join(path).ok()?;
        let is_inside = self.folder.is_root()
            || path.as_str().strip_prefix(self.folder.as_str()).is_some_and(|rest| rest.starts_with('/'));
        if !is_inside {
            return None;
        }
        self.source.at(path).open().ok()?.whole(MOST_FILE).ok()
    }
}

impl Host {
    /// A small picture of a file, or of the first page of a folder. Pages are drawn one at a time; what is under way ends
    /// when the window looks at another session.
    pub(crate) async fn small_picture(
        &self,
        session: SessionId,
        source: PreviewSource,
    ) -> Result<Thumbnail, AppError> {
        let mut looked_at = self.looked_at.subscribe();
        let mine = session.clone();
        let left = async move {
            if looked_at.borrow().as_ref() != Some(&mine) {
                // Nobody opened it for that, as on the command line.
                std::future::pending::<()>().await;
            }
            // The one who tells is gone with the host.
            let _ = looked_at.wait_for(|now| now.as_ref() != Some(&mine)).await;
        };
        tokio::select! {
            drawn = self.drawn_small(session, source) => drawn,
            () = left => Err(AppError::new("It was called off.").with_code(ErrorCode::Cancelled)),
        }
    }

    async fn drawn_small(&self, session: SessionId, source: PreviewSource) -> Result<Thumbnail, AppError> {
        let (host, id, asked) = (self.clone(), session.clone(), source.clone());
        let looked = tokio::task::spawn_blocking(move || -> Result<_, AppError> {
            let source = host.source(&id, &asked)?;
            let known = thumbnail(&source, &host.shelf).map_err(|error| error.to_app_error())?;
            if known.url.is_some() {
                return Ok((known, None));
            }
            let page = if known.reason.as_deref() == Some(NOT_DRAWN) {
                page_of(&id, &source, "first").or_else(|| page_around(&id, &source))
            } else {
                page_of(&id, &source, "first")
            };
            let kept = page.as_ref().and_then(|page| page.drawing(&host.shelf));
            Ok(match kept.and_then(|drawing| kept_picture(&host.shelf, &drawing.name)) {
                Some(kept) => (kept, None),
                None => (known, page),
            })
        });
        let (known, page) = looked.await.map_err(broke)??;
        let Some(page) = page else {
            return Ok(if known.url.is_none() && is_presentation(&source) {
                self.first_slide(session, source, known).await
            } else {
                known
            });
        };
        let without = |reason: String| Thumbnail { reason: Some(reason), ..known.clone() };
        if let Some(refused) = self.refusals.of(&page.key) {
            return Ok(without(refused.message));
        }
        let Ok(_place) = self.drawing.acquire().await else { return Ok(known) };
        let (store, asked) = (self.shelf.clone(), page.clone());
        let again = move || kept_picture(&store, &asked.drawing(&store)?.name);
        if let Some(kept) = tokio::task::spawn_blocking(again).await.map_err(broke)? {
            return Ok(kept);
        }
        let owner = ProcessOwner { session_id: session, node_id: None, item_id: None };
        let served = Served::default();
        let reason = match tokio::time::timeout(DRAWING, self.draw(owner, page.files(&served))).await {
            Ok(Ok(drawn)) => {
                let (store, key) = (self.shelf.clone(), page.key.clone());
                let keeping = tokio::task::spawn_blocking(move || {
                    let name = new_drawing(&key).ok()?;
                    let small = keep_picture(&store, &name, &drawn)?;
                    keep_drawing(&store, &key, name, 1, &served);
                    Some(small)
                });
                match keeping.await.map_err(broke)? {
                    Some(small) => return Ok(small),
                    None => return Ok(known),
                }
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => "The page took too long to be drawn.".to_owned(),
        };
        self.refusals.note(&page.key, &AppError::new(reason.clone()));
        Ok(without(reason))
    }

    /// The first slide of a presentation, by way of its pages; what was known if that cannot be had.
    async fn first_slide(&self, session: SessionId, source: PreviewSource, known: Thumbnail) -> Thumbnail {
        match self.converted_slides(session, source, Patience::Once).await {
            Ok((folder, name)) => {
                let host = self.clone();
                let drawn = tokio::task::spawn_blocking(move || {
                    let workspace = Workspace::open(&folder).ok()?;
                    let path = WorkspacePath::parse(&name).ok()?;
                    thumbnail(&Source::Live { workspace, path }, &host.shelf).ok()
                });
                drawn.await.ok().flatten().unwrap_or(known)
            }
            Err(error) => Thumbnail { reason: Some(error.message), ..known },
        }
    }

    async fn draw(&self, owner: ProcessOwner, files: DeckFiles) -> Result<Vec<u8>, SlidesError> {
        let engine = self.engines.engine(owner)?;
        let address = files.address();
        let mut open = engine.open(&address, Arc::new(files)).await?;
        let first = open.run(FIRST).await?;
        let area = serde_json::from_value(first).unwrap_or(SEEN);
        open.picture(area, SCALE).await
    }
}

pub(crate) fn is_presentation(source: &PreviewSource) -> bool {
    let (PreviewSource::Live { path } | PreviewSource::Snapshot { path, .. }) = source else { return false };
    let ending = path.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    ending.is_some_and(|ending| crate::office::PRESENTATIONS.contains(&ending.as_str()))
}

/// The page that stands for a source: itself, or the first page of a folder; with what is drawn of it. Blocks.
pub(crate) fn page_of(session: &SessionId, source: &Source, what: &str) -> Option<Page> {
    let entry = source.entry().ok()?;
    let path = match entry.kind {
        EntryKind::Folder => source.path().join("index.html").ok()?,
        _ => source.path().clone(),
    };
    let name = path.file_name()?.to_owned();
    let ending = name.rsplit_once('.')?.1.to_ascii_lowercase();
    if !matches!(ending.as_str(), "html" | "htm") {
        return None;
    }
    let folder = path.parent()?;
    let source = source.at(path);
    let (bytes, hash) = source.open().ok()?.whole_and_hash(MOST_PAGE).ok()?;
    if bytes.is_empty() {
        return None;
    }
    let known_by = [session.as_str(), folder.as_str(), &name, &hash, what].join("\0");
    let key = format!("{:x}", Sha256::digest(known_by));
    Some(Page { source, folder, name, bytes, key })
}

/// A page that shows a drawing and nothing else, as a picture, in which no script runs and nothing is loaded. Blocks.
fn page_around(session: &SessionId, source: &Source) -> Option<Page> {
    let path = source.path();
    let name = path.file_name()?;
    if !name.to_ascii_lowercase().ends_with(".svg") {
        return None;
    }
    let (_, hash) = source.open().ok()?.whole_and_hash(MOST_PAGE).ok()?;
    let address: Vec<String> = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let address = address.concat();
    let page = format!(
        "<!doctype html><style>body {{ margin: 0 }} img {{ display: block; width: 640px; height: 400px; object-fit: contain }}</style><img class=\"ppt-slide\" src=\"{address}\">"
    );
    let key = format!("{:x}", Sha256::digest([session.as_str(), path.as_str(), &hash, "drawing"].join("\0")));
    Some(Page {
        source: source.clone(),
        folder: path.parent()?,
        name: format!("{name}.html"),
        bytes: page.into_bytes(),
        key,
    })
}

#[allow(clippy::needless_pass_by_value, reason = "it is handed to `map_err`")]
pub(crate) fn broke(error: tokio::task::JoinError) -> AppError {
    AppError::new("The small picture could not be made.").with_detail(error.to_string())
}
