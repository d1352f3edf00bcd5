//! Small pictures of single slides: the first that is asked for begins to draw all of its deck, and each answers when
//! its own is there.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use okcvm_preview::{Source, keep_pages, keep_slides, kept_picture, of_slide};
use okcvm_protocol::{AppError, PreviewSource, ProcessOwner, SessionId, Thumbnail};
use okcvm_slides::look_at_slides;
use okcvm_workspace::{Workspace, WorkspacePath};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::Host;
use crate::page_pictures::{Page, is_presentation, page_of};

/// Slides of a deck that are drawn.
const MOST_SLIDES: usize = 300;
/// Pixels across that are asked of the browser.
const WIDTH: f64 = 512.0;
/// How long all slides of a page may take.
const DRAWING: Duration = Duration::from_secs(120);
/// How long an end is remembered, so that a deck that cannot be drawn is not tried again for each of its slides.
const REMEMBERED: Duration = Duration::from_secs(60);
const CALLED_OFF: &str = "Drawing these slides was called off.";

/// Decks that are being drawn, or were a moment ago, by the hash of their content.
#[derive(Debug, Default)]
pub(crate) struct SlidePictures {
    decks: Mutex<HashMap<String, Running>>,
}

#[derive(Debug)]
struct Running {
    /// Who looks at it.
    for_whom: Vec<(SessionId, PreviewSource)>,
    cancel: CancellationToken,
    state: watch::Receiver<State>,
    since: Instant,
}

#[derive(Debug, Clone, Default)]
struct State {
    /// Slides that are drawn and kept, from the first.
    drawn: usize,
    is_over: bool,
    /// Why it went wrong, a sentence.
    trouble: Option<String>,
}

/// What a deck is drawn from.
enum Deck {
    Page(Page),
    Presentation { hash: String },
}

impl Deck {
    fn hash(&self) -> &str {
        match self {
            Self::Page(page) => &page.hash,
            Self::Presentation { hash } => hash,
        }
    }
}

impl SlidePictures {
    /// Nobody waits for these slides in this session any more: what nobody else waits for ends.
    pub(crate) fn stop(&self, session: &SessionId, source: &PreviewSource) {
        let mut decks = self.decks.lock().unwrap_or_else(PoisonError::into_inner);
        decks.retain(|_, running| {
            let before = running.for_whom.len();
            running.for_whom.retain(|(whose, what)| whose != session || what != source);
            let is_left = running.for_whom.is_empty() && before > 0 && !running.state.borrow().is_over;
            if is_left {
                running.cancel.cancel();
            }
            !is_left
        });
    }
}

impl Host {
    /// A small picture of a slide, from 0, of a page or a presentation; or why there is none.
    pub(crate) async fn slide_picture(
        &self,
        session: SessionId,
        source: PreviewSource,
        slide: u32,
    ) -> Result<Thumbnail, AppError> {
        let (id, asked, slide) = (session.clone(), source.clone(), slide as usize);
        let (deck, kept) = self
            .blocking(move |host| {
                let deck = deck_of(&host.source(&id, &asked)?, &asked)?;
                let kept =
                    deck.as_ref().and_then(|deck| kept_picture(&host.shelf, &of_slide(deck.hash(), slide)));
                Ok((deck, kept))
            })
            .await?;
        if let Some(kept) = kept {
            return Ok(kept);
        }
        let Some(deck) = deck else { return Ok(none("There are no slides in such a file.")) };
        if slide >= MOST_SLIDES {
            return Ok(none(&format!("Of a deck the first {MOST_SLIDES} slides are drawn.")));
        }
        let hash = deck.hash().to_owned();
        let mut state = self.begin_drawing(session, source, deck);
        let seen = state.wait_for(|state| state.drawn > slide || state.is_over).await;
        let Ok(seen) = seen.map(|state| state.clone()) else { return Ok(none(CALLED_OFF)) };
        if seen.drawn > slide {
            let kept =
                self.blocking(move |host| Ok(kept_picture(&host.shelf, &of_slide(&hash, slide)))).await?;
            return Ok(kept.unwrap_or_else(|| none("The small picture could not be kept.")));
        }
        Ok(none(&seen.trouble.unwrap_or_else(|| format!("There is no slide {}.", slide + 1))))
    }

    /// Joins those who wait for a deck, and begins to draw it if nobody did.
    fn begin_drawing(&self, session: SessionId, source: PreviewSource, deck: Deck) -> watch::Receiver<State> {
        let mut decks = self.slides.decks.lock().unwrap_or_else(PoisonError::into_inner);
        decks.retain(|_, running| !running.state.borrow().is_over || running.since.elapsed() < REMEMBERED);
        let asker = (session.clone(), source.clone());
        if let Some(running) = decks.get_mut(deck.hash()) {
            if !running.for_whom.contains(&asker) {
                running.for_whom.push(asker);
            }
            return running.state.clone();
        }
        let (sender, state) = watch::channel(State::default());
        let cancel = CancellationToken::new();
        decks.insert(
            deck.hash().to_owned(),
            Running {
                for_whom: vec![asker],
                cancel: cancel.clone(),
                state: state.clone(),
                since: Instant::now(),
            },
        );
        let host = self.clone();
        tokio::spawn(async move {
            let drawing = async {
                match deck {
                    Deck::Page(page) => host.draw_page(session, page, &sender).await,
                    Deck::Presentation { hash } => {
                        host.draw_presentation(session, source, hash, &sender, &cancel).await
                    }
                }
            };
            let trouble = tokio::select! {
                drawn = tokio::time::timeout(DRAWING, drawing) => match drawn {
                    Ok(Ok(())) => None,
                    Ok(Err(reason)) => Some(reason),
                    Err(_) => Some("These slides took too long to be drawn.".to_owned()),
                },
                () = cancel.cancelled() => Some(CALLED_OFF.to_owned()),
            };
            sender.send_modify(|state| {
                state.is_over = true;
                state.trouble = trouble;
            });
        });
        state
    }

    /// All slides of a page, by a browser; each is kept while the next is drawn.
    async fn draw_page(
        &self,
        session: SessionId,
        page: Page,
        sender: &watch::Sender<State>,
    ) -> Result<(), String> {
        let Ok(_place) = self.drawing.acquire().await else { return Err(CALLED_OFF.to_owned()) };
        let owner = ProcessOwner { session_id: session, node_id: None, item_id: None };
        let engine = self.engines.engine(owner).map_err(|error| error.to_string())?;
        let (hash, folder) = (page.hash.clone(), self.shelf.clone());
        let (pngs, mut taken) = mpsc::unbounded_channel::<Vec<u8>>();
        let tell = sender.clone();
        let keeping = tokio::task::spawn_blocking(move || {
            let mut slide = 0;
            while let Some(look) = taken.blocking_recv() {
                keep_slides(&folder, &[&hash], slide, &[look]);
                slide += 1;
                tell.send_modify(|state| state.drawn = slide);
            }
        });
        let drawn = look_at_slides(page.files(), &*engine, (MOST_SLIDES, WIDTH), &mut move |look| {
            pngs.send(look).is_ok()
        })
        .await;
        keeping.await.map_err(|error| error.to_string())?;
        drawn.map(|_| ()).map_err(|error| error.to_string())
    }

    /// All slides of a presentation, by way of its pages as a PDF.
    async fn draw_presentation(
        &self,
        session: SessionId,
        source: PreviewSource,
        hash: String,
        sender: &watch::Sender<State>,
        cancel: &CancellationToken,
    ) -> Result<(), String> {
        let (folder, name) = self.converted_slides(session, source).await.map_err(|error| error.message)?;
        if name.strip_suffix(".pdf") != Some(hash.as_str()) {
            return Err("The file was changed at this moment; ask again.".to_owned());
        }
        let (pictures, tell, cancel) = (self.shelf.clone(), sender.clone(), cancel.clone());
        let drawn = tokio::task::spawn_blocking(move || {
            let workspace = Workspace::open(&folder).map_err(|error| error.to_app_error().message)?;
            let path = WorkspacePath::parse(&name).map_err(|error| error.to_app_error().message)?;
            let pdf = Source::Live { workspace, path };
            keep_pages(&pdf, &pictures, &hash, MOST_SLIDES, &mut |slides| {
                tell.send_modify(|state| state.drawn = slides);
                !cancel.is_cancelled()
            })
        });
        drawn.await.map_err(|error| error.to_string())?.map(|_| ())
    }
}

/// The deck that a source is, if it can be one. Blocks.
fn deck_of(source: &Source, asked: &PreviewSource) -> Result<Option<Deck>, AppError> {
    if !is_presentation(asked) {
        return Ok(page_of(source).map(Deck::Page));
    }
    let material = source.open().map_err(|error| error.to_app_error())?;
    let hash = material.hash().map_err(|error| error.to_app_error())?;
    Ok(Some(Deck::Presentation { hash }))
}

fn none(reason: &str) -> Thumbnail {
    Thumbnail { url: None, width: 0, height: 0, reason: Some(reason.to_owned()), wants_poster: false }
}
