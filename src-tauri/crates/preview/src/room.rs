//! How many answers to one page may be under way at a time: a page asks as often as it likes, and every answer on a
//! custom scheme is held whole until the web engine has taken it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Answers under way.
const MOST_ANSWERS: usize = 8;
/// Bytes that they hold together, in units of [`UNIT`].
const MOST_UNITS: u32 = 128;
/// The unit in which bytes are counted: 1 MiB.
const UNIT: u64 = 1024 * 1024;
/// Requests that wait; more are refused at once.
const MOST_WAITING: usize = 10_000;

/// The room of one page. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    answers: Arc<Semaphore>,
    units: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

/// A place in a room, given back when it is dropped: when the answer has gone out.
#[derive(Debug)]
pub struct Place {
    units: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
    _answer: OwnedSemaphorePermit,
}

impl Room {
    pub(crate) fn new() -> Self {
        Self {
            answers: Arc::new(Semaphore::new(MOST_ANSWERS)),
            units: Arc::new(Semaphore::new(MOST_UNITS as usize)),
            waiting: Arc::default(),
        }
    }

    /// A place as soon as one is free, in the order of asking; `None` if too many wait.
    pub(crate) async fn place(&self) -> Option<Place> {
        let waiting = Waiting::one_of(&self.waiting)?;
        let answer = self.answers.clone().acquire_owned().await.ok()?;
        drop(waiting);
        Some(Place { units: self.units.clone(), held: None, _answer: answer })
    }
}

impl Place {
    /// Waits until there is room for so many bytes. Blocks; call it once, on a thread where that is allowed.
    pub(crate) fn hold(&mut self, bytes: u64) {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(MOST_UNITS).min(MOST_UNITS);
        let acquired =
            tokio::runtime::Handle::current().block_on(self.units.clone().acquire_many_owned(units));
        self.held = acquired.ok();
    }
}

/// One that waits, also if it is called off.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn one_of(all: &'a AtomicUsize) -> Option<Self> {
        let waiting = Self(all);
        (all.fetch_add(1, Ordering::Relaxed) < MOST_WAITING).then_some(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn no_more_than_eight_answers_and_their_bytes_are_under_way() {
        let room = Room::new();
        let mut places = Vec::new();
        for _ in 0..MOST_ANSWERS {
            places.push(room.place().await.unwrap());
        }
        let late = tokio::time::timeout(Duration::from_millis(50), room.place()).await;
        assert!(late.is_err(), "a ninth answer was begun");
        places.pop();
        let mut ninth = room.place().await.unwrap();

        let mut first = places.pop().unwrap();
        tokio::task::spawn_blocking(move || {
            first.hold(100 * UNIT);
            places.push(first);
            let waits = std::thread::spawn({
                let handle = tokio::runtime::Handle::current();
                move || {
                    let _inside = handle.enter();
                    ninth.hold(64 * UNIT);
                    ninth
                }
            });
            std::thread::sleep(Duration::from_millis(100));
            assert!(!waits.is_finished(), "more bytes are held than there is room for");
            places.clear();
            waits.join().unwrap();
        })
        .await
        .unwrap();
    }

    #[tokio::test]
    async fn who_is_called_off_waits_no_more_and_too_many_are_refused() {
        let room = Room::new();
        let mut places = Vec::new();
        for _ in 0..MOST_ANSWERS {
            places.push(room.place().await.unwrap());
        }
        assert!(tokio::time::timeout(Duration::from_millis(10), room.place()).await.is_err());
        assert_eq!(room.waiting.load(Ordering::Relaxed), 0);
        room.waiting.store(MOST_WAITING, Ordering::Relaxed);
        assert!(room.place().await.is_none());
        assert_eq!(room.waiting.load(Ordering::Relaxed), MOST_WAITING);
    }

    #[tokio::test]
    async fn what_is_larger_than_the_room_takes_all_of_it() {
        let room = Room::new();
        let mut place = room.place().await.unwrap();
        tokio::task::spawn_blocking(move || place.hold(u64::MAX)).await.unwrap();
        assert_eq!(room.units.available_permits(), MOST_UNITS as usize);
    }
}
