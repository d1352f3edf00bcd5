//! Tells of what runs, at a low rate.

use std::time::Duration;

use okcvm_engine::EventBus;
use okcvm_protocol::AppEvent;
use okcvm_sandbox::Processes;

/// What ends sooner is not told of: most commands do.
const SETTLE: Duration = Duration::from_millis(300);
/// How often figures are told while something runs.
const INTERVAL: Duration = Duration::from_secs(1);

/// Tells for as long as the program runs.
pub(crate) fn tell_of_changes(processes: Processes, events: EventBus) {
    tokio::spawn(async move {
        let mut told = 0;
        loop {
            processes.changed().await;
            tokio::time::sleep(SETTLE).await;
            loop {
                let looked = processes.clone();
                let Ok(list) = tokio::task::spawn_blocking(move || looked.list()).await else { return };
                let count = list.len();
                if count > 0 || told > 0 {
                    events.app(AppEvent::ProcessesChanged { processes: list });
                }
                told = count;
                if count == 0 {
                    break;
                }
                let _ = tokio::time::timeout(INTERVAL, processes.changed()).await;
                tokio::time::sleep(SETTLE).await;
            }
        }
    });
}
