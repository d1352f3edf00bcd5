//! kill -9 at any moment: what was told is stored, and the session opens again.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use okcvm_protocol::{
    CommandHandler, EngineEvent, Item, ItemBody, ItemDelta, NodeStatus, NumberedEvent, SessionListParams,
    SessionParams, ToolCallStatus, TurnEvent,
};

use crate::desk::{command, host, until_end};

const ROUNDS: u64 = 20;
/// Text younger than this may be lost.
const FLUSH: Duration = Duration::from_millis(400);

/// What a program told before it was killed, with the moment in which it was read.
#[derive(Default)]
struct Told {
    completed: BTreeMap<String, Item>,
    text: Vec<(Instant, String, String)>,
    asked: bool,
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_twenty_moments_nothing_confirmed_is_lost() {
    let mut interrupted = 0;
    for round in 0..ROUNDS {
        let moment = random_moment();
        let round = format!("{round}, killed after {moment:?}");
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("t.csv"), "name,n\nExample A,1\nExample B,2\n").unwrap();
        let told = run_and_kill(folder.path(), moment);
        if !told.asked {
            continue;
        }
        let host = host(folder.path(), &[]);
        let list =
            host.session_list(SessionListParams { search: String::new(), trash: false }).await.unwrap();
        let id = list.sessions[0].id.clone();
        let detail = host.session_open(SessionParams { session_id: id.clone() }).await.unwrap();
        let turn = detail.turns.last().expect("the message was told, so it is stored");
        assert_eq!(turn.message.text, "Make a website about this data.");
        for (item_id, item) in &told.completed {
            let stored = turn.items.iter().find(|stored| stored.id.as_str() == item_id);
            assert_eq!(stored, Some(item), "round {round}: a completed item was lost");
        }
        for (item_id, text) in &told.confirmed_text() {
            let stored = turn.items.iter().find(|stored| stored.id.as_str() == item_id).unwrap();
            let (ItemBody::Text { text: kept } | ItemBody::Reasoning { text: kept, .. }) = &stored.body
            else {
                continue;
            };
            assert!(kept.starts_with(text.as_str()), "round {round}: “{text}” was lost, “{kept}” is there");
        }
        assert_ne!(turn.node.status, NodeStatus::Running);
        if turn.node.status == NodeStatus::Interrupted {
            interrupted += 1;
            assert!(
                turn.node.snapshot.is_some(),
                "round {round}: the files of the interrupted turn are not recorded"
            );
            for item in &turn.items {
                assert!(item.ended_at.is_some());
                if let ItemBody::ToolCall(call) = &item.body {
                    assert!(!matches!(call.status, ToolCallStatus::Pending | ToolCallStatus::Running));
                }
            }
        }
        // And the user can try it again.
        let mut events = host.engine().events().subscribe(host.engine().events().last());
        let again = host.engine().retry_turn(&id, &turn.node.id).await.unwrap();
        let okcvm_host::Start::Started(node) = again else { panic!("it waits") };
        assert_eq!(until_end(&mut events, &node).await.status, NodeStatus::Completed, "round {round}");
        host.engine().wait_until_idle(&id).await;
    }
    assert!(interrupted >= ROUNDS / 4, "only {interrupted} of {ROUNDS} kills met a running turn");
}

/// A moment of the job, which takes some eight seconds; another one in every run.
fn random_moment() -> Duration {
    use std::hash::{BuildHasher, RandomState};
    Duration::from_millis(150 + RandomState::new().hash_one(0) % 7_500)
}

impl Told {
    /// Text per item that was told long enough before the end.
    fn confirmed_text(&self) -> BTreeMap<String, String> {
        let end = self.text.last().map(|(moment, _, _)| *moment);
        let mut confirmed: BTreeMap<String, String> = BTreeMap::new();
        for (moment, item, text) in &self.text {
            if end.is_some_and(|end| end.duration_since(*moment) > FLUSH) {
                confirmed.entry(item.clone()).or_default().push_str(text);
            }
        }
        confirmed
    }

    fn take(&mut self, line: &str) {
        let Ok(event) = serde_json::from_str::<NumberedEvent>(line) else { return };
        let EngineEvent::Turn { event, .. } = event.event else { return };
        match event {
            TurnEvent::TurnStarted { .. } => self.asked = true,
            TurnEvent::ItemCompleted { item } => {
                self.completed.insert(item.id.as_str().to_owned(), item);
            }
            TurnEvent::ItemDelta { item_id, delta: ItemDelta::Text { text } } => {
                self.text.push((Instant::now(), item_id.as_str().to_owned(), text));
            }
            _ => {}
        }
    }
}

fn run_and_kill(folder: &std::path::Path, moment: Duration) -> Told {
    let mut program = Command::new(command())
        .args(["run", "Make a website about this data.", "--json", "--file"])
        .arg(folder.join("t.csv"))
        .env("OKCVM_HOME", folder.join("data"))
        .env("OKCVM_DEMO_PACE", "human")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let out = program.stdout.take().unwrap();
    let reading = std::thread::spawn(move || {
        let mut told = Told::default();
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            told.take(&line);
        }
        told
    });
    std::thread::sleep(moment);
    // It may have ended by itself.
    let _ = program.kill();
    program.wait().unwrap();
    reading.join().unwrap()
}
