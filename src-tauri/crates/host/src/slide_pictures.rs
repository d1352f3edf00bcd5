//! Small pictures of single slides: the first that is asked for begins to draw all of its deck, and each answers when
//! its own is there.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use okcvm_preview::{
    Drawing, Served, Shelf, Source, keep_drawing, keep_pages, keep_slides, kept_picture, new_drawing,
    of_slide,
};
use okcvm_protocol::{AppError, PreviewSource, ProcessOwner, SessionId, Thumbnail};
use okcvm_slides::look_at_slides;
use okcvm_workspace::{Workspace, WorkspacePath};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::Host;
use crate::office::Patience;
use crate::page_pictures::{Page, is_presentation, page_of};

/// Slides of a deck that are drawn.
const MOST_SLIDES: usize = 300;
/// Pixels across that are asked of the browser.
const WIDTH: f64 = 512.0;
/// How long all slides of a page may take.
const DRAWING: Duration = Duration::from_secs(120);
/// How long an end is remembered, so that a deck that cannot be drawn is not tried again for each of its slides.
const REMEMBERED: Duration = Duration::from_secs(60);
/// How long a drawing is believed to hold before it is looked at again.
const BELIEVED: Duration = Duration::from_secs(3);
const CALLED_OFF: &str = "Drawing these slides was called off.";

/// Decks that are being drawn, or were a moment ago, by the hash of their content.
#[derive(Debug, Default)]
pub(crate) struct SlidePictures {
    decks: Mutex<HashMap<String, Running>>,
    /// Drawings of pages that held a moment ago: a rail asks for every slide, and each look reads all files of the page.
    held: Mutex<HashMap<String, (Instant, Drawing)>>,
}

#[derive(Debug)]
struct Running {
    /// Who looks at it.
    for_whom: Vec<(SessionId, PreviewSource)>,
    cancel: CancellationToken,
    state: watch::Receiver<State>,
    since: Instant,
    /// The name under which its pictures are kept.
    name: String,
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
    /// What the deck is known by.
    fn key(&self) -> &str {
        match self {
            Self::Page(page) => &page.key,
            Self::Presentation { hash } => hash,
        }
    }
}

impl SlidePictures {
    /// The drawing of a page that holds. Blocks.
    fn held(&self, page: &Page, store: &Shelf) -> Option<Drawing> {
        let known = self.held.lock().unwrap_or_else(PoisonError::into_inner).get(&page.key).cloned();
        if let Some((at, drawing)) = known
            && at.elapsed() < BELIEVED
        {
            return Some(drawing);
        }
        let drawing = page.drawing(store)?;
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|_, (at, _)| at.elapsed() < BELIEVED);
        held.insert(page.key.clone(), (Instant::now(), drawing.clone()));
        Some(drawing)
    }

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
                let deck = deck_of(&id, &host.source(&id, &asked)?, &asked)?;
                let kept = match &deck {
                    Some(Deck::Page(page)) => host.slides.held(page, &host.shelf).and_then(|drawing| {
                        if slide < drawing.pictures {
                            kept_picture(&host.shelf, &of_slide(&drawing.name, slide))
                        } else {
                            Some(beyond(slide))
                        }
                    }),
                    Some(Deck::Presentation { hash }) => kept_picture(&host.shelf, &of_slide(hash, slide)),
                    None => None,
                };
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
        let (mut state, name) = self.begin_drawing(session, source, deck)?;
        let seen = state.wait_for(|state| state.drawn > slide || state.is_over).await;
        let Ok(seen) = seen.map(|state| state.clone()) else { return Ok(none(CALLED_OFF)) };
        if seen.drawn > slide {
            let kept =
                self.blocking(move |host| Ok(kept_picture(&host.shelf, &of_slide(&name, slide)))).await?;
            return Ok(kept.unwrap_or_else(|| none("The small picture could not be kept.")));
        }
        Ok(seen.trouble.map_or_else(|| beyond(slide), |reason| none(&reason)))
    }

    /// Joins those who wait for a deck, and begins to draw it if nobody did.
    fn begin_drawing(
        &self,
        session: SessionId,
        source: PreviewSource,
        deck: Deck,
    ) -> Result<(watch::Receiver<State>, String), AppError> {
        let mut decks = self.slides.decks.lock().unwrap_or_else(PoisonError::into_inner);
        // What went well and is asked for again was drawn from other files than those of now, or is lost.
        decks.retain(|key, running| {
            let state = running.state.borrow();
            let is_remembered = running.since.elapsed() < REMEMBERED;
            !state.is_over || (is_remembered && (state.trouble.is_some() || key != deck.key()))
        });
        let asker = (session.clone(), source.clone());
        if let Some(running) = decks.get_mut(deck.key()) {
            if !running.for_whom.contains(&asker) {
                running.for_whom.push(asker);
            }
            return Ok((running.state.clone(), running.name.clone()));
        }
        let name = match &deck {
            Deck::Page(page) => new_drawing(&page.key).map_err(|error| error.to_app_error())?,
            Deck::Presentation { hash } => hash.clone(),
        };
        let (sender, state) = watch::channel(State::default());
        let cancel = CancellationToken::new();
        decks.insert(
            deck.key().to_owned(),
            Running {
                name: name.clone(),
                for_whom: vec![asker],
                cancel: cancel.clone(),
                state: state.clone(),
                since: Instant::now(),
            },
        );
        let (host, drawn_as) = (self.clone(), name.clone());
        tokio::spawn(async move {
            let drawing = async {
                match deck {
                    Deck::Page(page) => host.draw_page(session, page, drawn_as, &sender).await,
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
        Ok((state, name))
    }

    /// All slides of a page, by a browser; each is kept while the next is drawn.
    async fn draw_page(
        &self,
        session: SessionId,
        page: Page,
        name: String,
        sender: &watch::Sender<State>,
    ) -> Result<(), String> {
        let Ok(_place) = self.drawing.acquire().await else { return Err(CALLED_OFF.to_owned()) };
        let owner = ProcessOwner { session_id: session, node_id: None, item_id: None };
        let engine = self.engines.engine(owner).map_err(|error| error.to_string())?;
        let (drawing, folder) = (name.clone(), self.shelf.clone());
        let (pngs, mut taken) = mpsc::unbounded_channel::<Vec<u8>>();
        let tell = sender.clone();
        let keeping = tokio::task::spawn_blocking(move || {
            let mut slide = 0;
            while let Some(look) = taken.blocking_recv() {
                keep_slides(&folder, &[&drawing], slide, &[look]);
                slide += 1;
                tell.send_modify(|state| state.drawn = slide);
            }
        });
        let served = Served::default();
        let drawn = look_at_slides(page.files(&served), &*engine, (MOST_SLIDES, WIDTH), &mut move |look| {
            pngs.send(look).is_ok()
        })
        .await;
        keeping.await.map_err(|error| error.to_string())?;
        drawn.map_err(|error| error.to_string())?;
        let (store, slides) = (self.shelf.clone(), sender.borrow().drawn);
        let keeping =
            tokio::task::spawn_blocking(move || keep_drawing(&store, &page.key, name, slides, &served));
        keeping.await.map_err(|error| error.to_string())
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
        let (folder, name) =
            self.converted_slides(session, source, Patience::Once).await.map_err(|error| error.message)?;
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
fn deck_of(session: &SessionId, source: &Source, asked: &PreviewSource) -> Result<Option<Deck>, AppError> {
    if !is_presentation(asked) {
        return Ok(page_of(session, source, "slides").map(Deck::Page));
    }
    let material = source.open().map_err(|error| error.to_app_error())?;
    let hash = material.hash().map_err(|error| error.to_app_error())?;
    Ok(Some(Deck::Presentation { hash }))
}

fn beyond(slide: usize) -> Thumbnail {
    none(&format!("There is no slide {}.", slide + 1))
}

fn none(reason: &str) -> Thumbnail {
    Thumbnail { url: None, width: 0, height: 0, reason: Some(reason.to_owned()), wants_poster: false }
}
