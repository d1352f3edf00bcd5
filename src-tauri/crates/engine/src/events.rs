//! One stream of numbered events with a bounded memory.
//!
//! Writers never wait. A reader has a place in the ring; one that falls behind the ring's length is told to read the
//! store again instead of receiving a gap.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use okcvm_protocol::{
    AppEvent, EngineEvent, ItemBody, ItemDelta, NodeId, NumberedEvent, SessionId, ToolContent, TurnEvent,
};
use tokio::sync::watch;

/// Events kept for slow readers and for windows that reload.
const KEPT: usize = 8192;
/// Bytes of text in them, at most (but always the last event).
const KEPT_BYTES: usize = 32 << 20;

struct Ring {
    events: VecDeque<(NumberedEvent, usize)>,
    bytes: usize,
    last: u64,
}

impl Ring {
    fn push(&mut self, event: EngineEvent) -> u64 {
        self.last += 1;
        let weight = weight(&event);
        self.bytes += weight;
        self.events.push_back((NumberedEvent { sequence: self.last, event }, weight));
        while self.events.len() > KEPT || (self.bytes > KEPT_BYTES && self.events.len() > 1) {
            if let Some((_, weight)) = self.events.pop_front() {
                self.bytes -= weight;
            }
        }
        self.last
    }
}

/// About how much text an event holds. Only items can be large.
fn weight(event: &EngineEvent) -> usize {
    let EngineEvent::Turn { event, .. } = event else { return 0 };
    match event {
        TurnEvent::ItemStarted { item } | TurnEvent::ItemCompleted { item } => match &item.body {
            ItemBody::Text { text }
            | ItemBody::Reasoning { text, .. }
            | ItemBody::Steer { text }
            | ItemBody::Notice { text, .. } => text.len(),
            ItemBody::Approval(approval) => {
                approval.subject.len()
                    + approval.patterns.iter().map(|pattern| pattern.text.len()).sum::<usize>()
            }
            ItemBody::ToolCall(call) => {
                let content = call.result.iter().flat_map(|result| &result.content);
                let result: usize = content
                    .map(|content| match content {
                        ToolContent::Text { text } => text.len(),
                        ToolContent::Image { .. } => 0,
                    })
                    .sum();
                let diff = call.result.as_ref().and_then(|result| result.diff.as_ref());
                let lines = diff.iter().flat_map(|diff| &diff.hunks).flat_map(|hunk| &hunk.lines);
                call.arguments.len()
                    + call.live_output.len()
                    + result
                    + lines.map(|line| line.text.len()).sum::<usize>()
            }
        },
        TurnEvent::ItemDelta { delta, .. } => match delta {
            ItemDelta::Text { text } | ItemDelta::Arguments { text } | ItemDelta::Output { text } => {
                text.len()
            }
        },
        TurnEvent::TurnStarted { message, .. } => message.text.len(),
        TurnEvent::ItemProgress { .. }
        | TurnEvent::Usage { .. }
        | TurnEvent::Span { .. }
        | TurnEvent::Heartbeat { .. }
        | TurnEvent::UntrustedRead { .. }
        | TurnEvent::SnapshotTaken { .. }
        | TurnEvent::TurnCompleted { .. }
        | TurnEvent::TurnFailed { .. }
        | TurnEvent::TurnInterrupted { .. } => 0,
    }
}

/// Where events are written and read.
#[derive(Clone)]
pub struct EventBus {
    ring: Arc<Mutex<Ring>>,
    latest: watch::Sender<u64>,
}

impl Default for EventBus {
    fn default() -> Self {
        let ring = Ring { events: VecDeque::new(), bytes: 0, last: 0 };
        Self { ring: Arc::new(Mutex::new(ring)), latest: watch::Sender::new(0) }
    }
}

impl EventBus {
    /// Numbers an event and hands it to every reader.
    pub fn send(&self, event: EngineEvent) {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let sequence = ring.push(event);
        self.latest.send_replace(sequence);
    }

    /// An event of a turn.
    pub fn turn(&self, session_id: &SessionId, node_id: &NodeId, event: TurnEvent) {
        self.send(EngineEvent::Turn { session_id: session_id.clone(), node_id: node_id.clone(), event });
    }

    /// An event of the app.
    pub fn app(&self, event: AppEvent) {
        self.send(EngineEvent::App { event });
    }

    /// The number of the last event.
    pub fn last(&self) -> u64 {
        *self.latest.borrow()
    }

    /// Reads on from a number; 0 reads from the oldest that is kept, or from now with [`EventBus::last`].
    pub fn subscribe(&self, after: u64) -> Subscription {
        Subscription { ring: Arc::clone(&self.ring), latest: self.latest.subscribe(), after }
    }
}

/// A reader's place in the stream.
pub struct Subscription {
    ring: Arc<Mutex<Ring>>,
    latest: watch::Receiver<u64>,
    after: u64,
}

impl Subscription {
    /// Waits for events and returns all that are there, at most `most`. Empty only when the bus is gone.
    pub async fn next(&mut self, most: usize) -> Vec<NumberedEvent> {
        loop {
            self.latest.borrow_and_update();
            let batch = self.take(most);
            if !batch.is_empty() || self.latest.changed().await.is_err() {
                return batch;
            }
        }
    }

    fn take(&mut self, most: usize) -> Vec<NumberedEvent> {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(oldest) = ring.events.front().map(|(event, _)| event.sequence) else {
            return Vec::new();
        };
        let missed = self.after + 1 < oldest || self.after > ring.last;
        if missed && self.after > 0 {
            // The reader is behind the ring, or comes from an earlier run of the program.
            self.after = ring.last;
            return vec![NumberedEvent { sequence: ring.last, event: EngineEvent::Resync }];
        }
        let skip = self.after.saturating_sub(oldest - 1) as usize;
        let batch: Vec<NumberedEvent> =
            ring.events.iter().skip(skip).take(most).map(|(event, _)| event.clone()).collect();
        if let Some(last) = batch.last() {
            self.after = last.sequence;
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> EngineEvent {
        EngineEvent::App { event: AppEvent::SettingsChanged }
    }

    #[tokio::test]
    async fn a_reader_gets_every_event_once_and_in_order() {
        let bus = EventBus::default();
        let mut reader = bus.subscribe(0);
        for _ in 0..250 {
            bus.send(event());
        }
        let mut numbers = Vec::new();
        while numbers.len() < 250 {
            numbers.extend(reader.next(100).await.into_iter().map(|event| event.sequence));
        }
        assert_eq!(numbers, (1..=250).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_reader_that_is_too_slow_is_told_to_read_the_store_again() {
        let bus = EventBus::default();
        let mut reader = bus.subscribe(0);
        bus.send(event());
        assert_eq!(reader.next(10).await.len(), 1);
        for _ in 0..=KEPT {
            bus.send(event());
        }
        let batch = reader.next(10).await;
        assert_eq!(batch, vec![NumberedEvent { sequence: KEPT as u64 + 2, event: EngineEvent::Resync }]);
        bus.send(event());
        assert_eq!(reader.next(10).await[0].sequence, KEPT as u64 + 3);
    }

    #[tokio::test]
    async fn large_events_do_not_pile_up() {
        let bus = EventBus::default();
        for _ in 0..100 {
            let delta = ItemDelta::Text { text: "x".repeat(1 << 20) };
            let event = TurnEvent::ItemDelta { item_id: okcvm_protocol::ItemId::new(), delta };
            bus.turn(&SessionId::new(), &NodeId::new(), event);
        }
        let ring = bus.ring.lock().unwrap();
        assert!(ring.bytes <= KEPT_BYTES && ring.events.len() == KEPT_BYTES >> 20, "{} bytes", ring.bytes);
    }

    #[tokio::test]
    async fn a_number_of_an_earlier_run_of_the_program_resyncs() {
        let bus = EventBus::default();
        bus.send(event());
        let mut reader = bus.subscribe(900);
        assert!(matches!(reader.next(10).await[0].event, EngineEvent::Resync));
    }
}
