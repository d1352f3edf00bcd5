//! Small pictures of pages and slides, which a web engine draws.

use std::sync::Arc;
use std::time::Duration;

use okcvm_preview::{Source, keep_picture, kept_picture, thumbnail};
use okcvm_protocol::{AppError, EntryKind, PreviewSource, ProcessOwner, SessionId, Thumbnail};
use okcvm_slides::{Area, DeckFiles, SlidesError};
use okcvm_workspace::{Workspace, WorkspacePath};

use crate::Host;

/// The largest page that is drawn, in bytes.
const MOST_PAGE: u64 = 8 * 1024 * 1024;
/// The largest file that a page may use for its picture, in bytes.
const MOST_FILE: u64 = 32 * 1024 * 1024;
/// How long a page may take to be drawn.
const DRAWING: Duration = Duration::from_secs(20);
/// What of a page is drawn: what a window of this size shows.
const SEEN: Area = Area { x: 0.0, y: 0.0, w: 1280.0, h: 800.0 };
/// Device pixels a CSS pixel.
const SCALE: f64 = 0.5;
/// The first slide if there is one, else what is seen.
const FIRST: &str = "(async () => { await new Promise((done) => setTimeout(done, 300)); await document.fonts.ready; \
    const slide = document.querySelector('.ppt-slide'); if (!slide) return null; \
    const { left, top, width, height } = slide.getBoundingClientRect(); \
    return { x: left + scrollX, y: top + scrollY, w: width, h: height }; })()";

/// A page to draw.
pub(crate) struct Page {
    source: Source,
    path: String,
    bytes: Vec<u8>,
    pub(crate) hash: String,
}

impl Page {
    /// The page with the files beside it.
    pub(crate) fn files(self) -> DeckFiles {
        let source = self.source;
        DeckFiles::new(
            self.bytes,
            &self.path,
            Arc::new(move |path| {
                let path = WorkspacePath::parse(path).ok()?;
                source.at(path).open().ok()?.whole(MOST_FILE).ok()
            }),
        )
    }
}

impl Host {
    /// A small picture of a file, or of the first page of a folder. Pages are drawn one at a time.
    pub(crate) async fn small_picture(
        &self,
        session: SessionId,
        source: PreviewSource,
    ) -> Result<Thumbnail, AppError> {
        let (host, id, asked) = (self.clone(), session.clone(), source.clone());
        let looked = tokio::task::spawn_blocking(move || -> Result<_, AppError> {
            let source = host.source(&id, &asked)?;
            let known = thumbnail(&source, &host.shelf).map_err(|error| error.to_app_error())?;
            if known.url.is_some() {
                return Ok((known, None));
            }
            let page = page_of(&source);
            let kept = page.as_ref().and_then(|page| kept_picture(&host.shelf, &page.hash));
            Ok(match kept {
                Some(kept) => (kept, None),
                None => (known, page),
            })
        });
        let (known, page) = looked.await.map_err(broke)??;
        let Some(page) = page else {
            return Ok(if is_presentation(&source) {
                self.first_slide(session, source, known).await
            } else {
                known
            });
        };
        let Ok(_place) = self.drawing.acquire().await else { return Ok(known) };
        if let Some(kept) = kept_picture(&self.shelf, &page.hash) {
            return Ok(kept);
        }
        let (host, hash) = (self.clone(), page.hash.clone());
        let owner = ProcessOwner { session_id: session, node_id: None, item_id: None };
        match tokio::time::timeout(DRAWING, self.draw(owner, page)).await {
            Ok(Ok(drawn)) => {
                let small = tokio::task::spawn_blocking(move || keep_picture(&host.shelf, &hash, &drawn));
                Ok(small.await.map_err(broke)?.unwrap_or(known))
            }
            Ok(Err(error)) => Ok(Thumbnail { reason: Some(error.to_string()), ..known }),
            Err(_) => {
                Ok(Thumbnail { reason: Some("The page took too long to be drawn.".to_owned()), ..known })
            }
        }
    }

    /// The first slide of a presentation, by way of its pages; what was known if that cannot be had.
    async fn first_slide(&self, session: SessionId, source: PreviewSource, known: Thumbnail) -> Thumbnail {
        match self.converted_slides(session, source).await {
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

    async fn draw(&self, owner: ProcessOwner, page: Page) -> Result<Vec<u8>, SlidesError> {
        let engine = self.engines.engine(owner)?;
        let files = page.files();
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

/// The page that stands for a source: itself, or the first page of a folder. Blocks.
pub(crate) fn page_of(source: &Source) -> Option<Page> {
    let entry = source.entry().ok()?;
    let path = match entry.kind {
        EntryKind::Folder => source.path().join("index.html").ok()?,
        _ => source.path().clone(),
    };
    let ending = path.file_name()?.rsplit_once('.')?.1.to_ascii_lowercase();
    if !matches!(ending.as_str(), "html" | "htm") {
        return None;
    }
    let page = source.at(path.clone());
    let material = page.open().ok()?;
    let bytes = material.whole(MOST_PAGE).ok()?;
    let hash = material.hash().ok()?;
    Some(Page { source: page, path: path.as_str().to_owned(), bytes, hash })
}

#[allow(clippy::needless_pass_by_value, reason = "it is handed to `map_err`")]
pub(crate) fn broke(error: tokio::task::JoinError) -> AppError {
    AppError::new("The small picture could not be made.").with_detail(error.to_string())
}
