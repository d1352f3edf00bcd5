//! A token at the end of a long chat beside one at its start: both are one event and one stored item.

use okcvm_engine::EventBus;
use okcvm_protocol::{AppEvent, EngineEvent, Item, ItemBody, ItemId, NodeId, UserMessage};
use okcvm_store::{NewNode, NewSession, Store};

use crate::measure::{compare, timed};
use crate::row::{Bar, Figures, Row};
use crate::{Outcome, Plan};

/// Items of the long chat.
const LONG: u32 = 20_000;
/// Tokens in one measurement.
const TOKENS: usize = 200;

pub(crate) fn rows(plan: &Plan, tell: &mut dyn FnMut(Row)) -> Outcome<()> {
    let name = format!("{TOKENS} stored tokens after {LONG} items, beside after 1");
    if !plan.wants(&[&name]) {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let (short, short_node) = chat(&folder.path().join("short.db"), 1)?;
    let (long, long_node) = chat(&folder.path().join("long.db"), LONG)?;
    let bus = EventBus::default();
    let token = |store: &Store, node: &NodeId, ordinal: u32| -> Outcome<()> {
        let mut item = item(node, ordinal);
        for _ in 0..TOKENS {
            if let ItemBody::Text { text } = &mut item.body {
                text.push_str("token ");
            }
            store.put_item(&item)?;
            bus.send(EngineEvent::App { event: AppEvent::SettingsChanged });
        }
        Ok(())
    };
    let (ours, other) =
        compare(|_| timed(|| token(&long, &long_node, LONG)), |_| timed(|| token(&short, &short_node, 1)))?;
    let figures = Figures::Times { ours, other: Some(other) };
    tell(Row { bench: "events", name, figures, bar: Bar::AtMostTimes(1.5) });
    Ok(())
}

fn chat(path: &std::path::Path, items: u32) -> Outcome<(Store, NodeId)> {
    let store = Store::open(path)?;
    let session = store.create_session(&NewSession {
        title: None,
        folder: None,
        profile: None,
        limits: None,
        at: 0,
    })?;
    let node = store.begin_node(&NewNode {
        session_id: session.id,
        parent_id: None,
        title: "bench".into(),
        message: UserMessage { text: "bench".into(), attachments: Vec::new() },
        at: 0,
    })?;
    for ordinal in 0..items {
        store.put_item(&item(&node.summary.id, ordinal))?;
    }
    Ok((store, node.summary.id))
}

fn item(node: &NodeId, ordinal: u32) -> Item {
    Item {
        id: ItemId::new(),
        node_id: node.clone(),
        ordinal,
        step: ordinal,
        started_at: 0,
        ended_at: None,
        body: ItemBody::Text { text: String::new() },
    }
}
