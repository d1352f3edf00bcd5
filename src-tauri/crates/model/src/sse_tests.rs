use super::*;

fn event(name: &str, data: &str) -> SseEvent {
    SseEvent { name: name.into(), data: data.into() }
}

fn parsed(pieces: &[&[u8]]) -> Vec<SseEvent> {
    let mut parser = SseParser::default();
    let mut events: Vec<SseEvent> =
        pieces.iter().flat_map(|piece| parser.feed(piece).expect("short lines")).collect();
    events.extend(parser.finish());
    events
}

const STREAM: &str = "\u{feff}: a comment\n\nevent: greeting\ndata: 你好，世界 🌍\n\ndata:two\r\ndata: lines\r\nid: 7\r\n\r\nretry: 10\ndata\n\nunknown: field\ndata:  kept space\r\rdata: [DONE]";

fn expected() -> Vec<SseEvent> {
    vec![
        event("greeting", "你好，世界 🌍"),
        event("", "two\nlines"),
        event("", ""),
        event("", " kept space"),
        event("", "[DONE]"),
    ]
}

#[test]
fn every_split_in_two_gives_the_same_events() {
    let bytes = STREAM.as_bytes();
    for at in 0..=bytes.len() {
        assert_eq!(parsed(&[&bytes[..at], &bytes[at..]]), expected(), "split at {at}");
    }
}

#[test]
fn every_size_of_pieces_gives_the_same_events() {
    for size in 1..STREAM.len() {
        let pieces: Vec<&[u8]> = STREAM.as_bytes().chunks(size).collect();
        assert_eq!(parsed(&pieces), expected(), "pieces of {size}");
    }
}

#[test]
fn bytes_that_are_no_text_do_not_stop_the_stream() {
    let events = parsed(&[b"data: a\xff\xfeb\n\n", b"data: next\n\n"]);
    assert_eq!(events, [event("", "a\u{fffd}\u{fffd}b"), event("", "next")]);
}
