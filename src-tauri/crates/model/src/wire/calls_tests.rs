use super::*;

fn fragment(index: Option<u64>, id: &str, name: &str, arguments: &str) -> CallFragment {
    CallFragment { index, id: id.into(), name: name.into(), arguments: arguments.into() }
}

fn started(index: u32, id: &str, name: &str) -> ModelEvent {
    ModelEvent::ToolCallStarted { index, id: id.into(), name: name.into() }
}

fn arguments(index: u32, text: &str) -> ModelEvent {
    ModelEvent::ToolCallArguments { index, text: text.into() }
}

fn sorted(fragments: Vec<CallFragment>) -> Vec<ModelEvent> {
    let mut sorter = CallSorter::default();
    fragments.into_iter().flat_map(|fragment| sorter.take(fragment)).collect()
}

#[test]
fn numbered_fragments_may_come_in_any_order() {
    let events = sorted(vec![
        fragment(Some(1), "b", "second", ""),
        fragment(Some(0), "a", "first", ""),
        fragment(Some(0), "", "", "{"),
        fragment(Some(1), "", "", "[1"),
        fragment(Some(0), "", "", "}"),
        fragment(Some(1), "", "", "]"),
    ]);
    assert_eq!(
        events,
        [
            started(0, "b", "second"),
            started(1, "a", "first"),
            arguments(1, "{"),
            arguments(0, "[1"),
            arguments(1, "}"),
            arguments(0, "]"),
        ]
    );
}

#[test]
fn whole_calls_that_all_have_number_0_are_told_apart_by_id() {
    let events =
        sorted(vec![fragment(Some(0), "a", "first", "{}"), fragment(Some(0), "b", "second", "{\"x\":1}")]);
    assert_eq!(
        events,
        [started(0, "a", "first"), arguments(0, "{}"), started(1, "b", "second"), arguments(1, "{\"x\":1}")]
    );
}

#[test]
fn fragments_without_numbers_go_to_their_id_or_to_the_last_call() {
    let events = sorted(vec![
        fragment(None, "a", "first", ""),
        fragment(None, "", "", "{\"k\":"),
        fragment(None, "", "", "1}"),
        fragment(None, "b", "second", "{"),
        fragment(None, "b", "", "}"),
    ]);
    assert_eq!(
        events,
        [
            started(0, "a", "first"),
            arguments(0, "{\"k\":"),
            arguments(0, "1}"),
            started(1, "b", "second"),
            arguments(1, "{"),
            arguments(1, "}"),
        ]
    );
}

#[test]
fn a_call_begins_when_its_name_is_known_and_loses_nothing() {
    let events = sorted(vec![
        fragment(Some(0), "a", "", ""),
        fragment(Some(0), "", "", "{\"k\""),
        fragment(Some(0), "", "look", ":1"),
        fragment(Some(0), "a", "look", "}"),
    ]);
    assert_eq!(events, [started(0, "a", "look"), arguments(0, "{\"k\":1"), arguments(0, "}")]);
}

#[test]
fn a_call_without_id_gets_one_of_its_own() {
    let events = sorted(vec![fragment(None, "", "one", "{}"), fragment(None, "", "two", "{}")]);
    let ids: Vec<&str> = events
        .iter()
        .filter_map(|event| match event {
            ModelEvent::ToolCallStarted { id, .. } => Some(id.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1]);
    assert!(ids.iter().all(|id| id.starts_with("call_")), "{ids:?}");
}
