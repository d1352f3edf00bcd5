//! Engine events on their way to the window: batched per frame, with back-pressure by the ring of the bus.

use std::sync::atomic::Ordering;
use std::time::Duration;

use okcvm_host::Host;
use okcvm_protocol::{ApprovalState, EngineEvent, ItemBody, NumberedEvent, SessionId, TurnEvent};
use tauri::ipc::Channel;
use tauri::{AppHandle, Manager};
use tauri_plugin_notification::NotificationExt;

use crate::app::Shell;
use crate::window;
use crate::words::{Word, word};

/// One frame: what arrives within it travels as one message.
const FRAME: Duration = Duration::from_millis(16);
/// Events of one message at most.
const BATCH: usize = 200;

/// Streams events to a page until it is reloaded or gone.
pub(crate) fn attach(app: &AppHandle, host: &Host, channel: Channel<Vec<NumberedEvent>>, after: u64) {
    let shell = app.state::<Shell>();
    let mine = shell.attached.fetch_add(1, Ordering::SeqCst) + 1;
    let mut reader = host.engine().events().subscribe(after);
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        loop {
            let batch = reader.next(BATCH).await;
            let current = app.state::<Shell>().attached.load(Ordering::SeqCst);
            if batch.is_empty() || current != mine || channel.send(batch).is_err() {
                return;
            }
            tokio::time::sleep(FRAME).await;
        }
    });
}

/// Tells the desktop when a turn ended, or asks, while the user looked elsewhere.
pub(crate) fn notify_ends(app: AppHandle, host: &Host) {
    let events = host.engine().events();
    let mut reader = events.subscribe(events.last());
    let host = host.clone();
    tauri::async_runtime::spawn(async move {
        loop {
            let batch = reader.next(BATCH).await;
            if batch.is_empty() {
                return;
            }
            for numbered in batch {
                if let EngineEvent::Turn { session_id, event, .. } = numbered.event
                    && let Some(end) = news_of(&event)
                {
                    notify(&app, &host, &session_id, end);
                }
            }
        }
    });
}

fn news_of(event: &TurnEvent) -> Option<Word> {
    match event {
        TurnEvent::TurnCompleted { .. } => Some(Word::Done),
        TurnEvent::TurnFailed { .. } => Some(Word::Failed),
        TurnEvent::TurnInterrupted { .. } => Some(Word::Stopped),
        TurnEvent::ItemStarted { item } => match &item.body {
            ItemBody::Approval(approval) if approval.state == ApprovalState::Waiting => Some(Word::Asks),
            _ => None,
        },
        TurnEvent::TurnStarted { .. }
        | TurnEvent::ItemDelta { .. }
        | TurnEvent::ItemProgress { .. }
        | TurnEvent::ItemCompleted { .. }
        | TurnEvent::Usage { .. }
        | TurnEvent::Span { .. }
        | TurnEvent::Heartbeat { .. }
        | TurnEvent::UntrustedRead { .. }
        | TurnEvent::SnapshotTaken { .. } => None,
    }
}

fn notify(app: &AppHandle, host: &Host, session: &SessionId, end: Word) {
    let looking =
        app.get_webview_window(window::LABEL).is_some_and(|window| window.is_focused().unwrap_or(true));
    if looking {
        return;
    }
    let title = host.engine().session_summary(session).map(|summary| summary.title).unwrap_or_default();
    let text = word(end, host.settings().appearance.language);
    let app = app.clone();
    // A desktop without a notification service may let the call hang.
    tauri::async_runtime::spawn_blocking(move || {
        if let Err(error) = app.notification().builder().title(title).body(text).show() {
            tracing::debug!(%error, "the desktop takes no notifications");
        }
    });
}
