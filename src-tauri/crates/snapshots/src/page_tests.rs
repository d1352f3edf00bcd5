use std::time::{Duration, Instant};

use super::*;
use crate::testing::place;

#[test]
fn pages_go_back_through_the_history() {
    let place = place();
    let mut ids = Vec::new();
    for number in 0..7 {
        place.write("file", number.to_string());
        ids.push(place.record(ids.last()).snapshot);
    }
    let page = |before: Option<&SnapshotId>, count| {
        let request = PageRequest { before: before.cloned(), count };
        place.history.page(&request).unwrap()
    };
    let first = page(None, 3);
    assert_eq!(first.iter().map(|info| &info.id).collect::<Vec<_>>(), [&ids[6], &ids[5], &ids[4]]);
    assert_eq!(first[0].parent.as_ref(), Some(&ids[5]));
    assert_eq!((first[0].at_ms, first[0].message.as_str()), (1_700_000_000_123, "a turn"));
    assert_eq!(first[0].author, Author::Agent);
    let rest = page(Some(&ids[4]), 99);
    assert_eq!(rest.len(), 4);
    assert_eq!(rest[3].parent, None);
    assert!(page(Some(&ids[0]), 5).is_empty());
    let unknown = PageRequest { before: Some(SnapshotId("0".repeat(40))), count: 1 };
    assert!(matches!(place.history.page(&unknown), Err(SnapshotError::Unknown(_))));
}

#[test]
fn a_snapshot_is_durable_within_a_second() {
    let place = place();
    place.write("file", "content");
    let id = place.snapshot();
    let end = Instant::now() + Duration::from_secs(20);
    while !place.history.is_durable(&id).unwrap() {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(5));
    }
    place.write("file", "other");
    let next = place.record(Some(&id)).snapshot;
    place.history.flush().unwrap();
    assert!(place.history.is_durable(&next).unwrap());
    assert!(!place.history.is_durable(&SnapshotId("0".repeat(40))).unwrap());
}

#[test]
fn a_long_message_is_read_from_its_snapshot() {
    let place = place();
    let message = format!("{}\n\nsecond paragraph", "long ".repeat(30).trim());
    let info = crate::RecordInfo { message: &message, author: Author::User, at_ms: 5 };
    place.history.record(&place.workspace, None, info).unwrap();
    let page = place.history.page(&PageRequest { before: None, count: 1 }).unwrap();
    assert_eq!(page[0].message, message);
    assert_eq!(page[0].author, Author::User);
}
