use std::time::SystemTime;

use super::*;
use crate::testing::{Place, place};

fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// A history that went aside as a whole, and one torn pack of the next.
fn damaged() -> Place {
    let mut place = place();
    place.write("lost", "with the first history");
    place.snapshot();
    place.close();
    fs::remove_dir_all(place.repository().join("objects")).unwrap();
    assert!(place.reopen().is_some());
    let first = place.snapshot();
    place.write("torn", okcvm_objects::testing::noise(1, 5_000));
    let before: Vec<PathBuf> = packs(&place);
    place.record(Some(&first));
    place.history.flush().unwrap();
    let pack = packs(&place).into_iter().find(|path| !before.contains(path)).unwrap();
    place.close();
    // Written long ago, and set aside now.
    let bytes = fs::read(&pack).unwrap();
    let _ = fs::remove_file(&pack);
    fs::write(&pack, &bytes[..1_000]).unwrap();
    let old = SystemTime::now() - std::time::Duration::from_secs(90 * 86_400);
    fs::File::options().write(true).open(&pack).unwrap().set_modified(old).unwrap();
    let notice = place.reopen().unwrap();
    assert!(notice.contains("One snapshot"), "{notice}");
    place
}

fn packs(place: &Place) -> Vec<PathBuf> {
    let entries = fs::read_dir(place.repository().join("objects/pack")).unwrap().flatten();
    let packs = entries.map(|entry| entry.path());
    packs.filter(|path| path.extension().is_some_and(|kind| kind == "pack")).collect()
}

#[test]
fn what_was_set_aside_goes_when_its_time_is_over() {
    let place = damaged();
    let aside = place.history.set_aside();
    let names: Vec<&str> = aside.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    assert_eq!(names[0], "repository.broken-1");
    assert!(names[1].starts_with("repository.git/torn/pack-"), "{names:?}");
    assert!(aside[1].bytes == 1_000 && aside[0].bytes > 1_000, "{aside:?}");
    assert!(now_ms() - aside[1].at_ms < 60_000, "the age of a pack counts from when it was set aside");
    let usage = place.history.usage().unwrap();
    assert_eq!(usage.aside_bytes, aside[0].bytes + aside[1].bytes);
    assert!(usage.bytes > usage.aside_bytes);
    // Not yet.
    assert_eq!(place.history.drop_aside_before(now_ms() - 3_600_000).unwrap(), Vec::new());
    assert_eq!(place.history.set_aside(), aside);
    assert_eq!(place.history.drop_aside_before(now_ms() + 3_600_000).unwrap(), aside);
    assert_eq!(place.history.set_aside(), Vec::new());
    assert!(!place.dir.join("journal.broken-1").exists());
    assert_eq!(place.history.usage().unwrap().aside_bytes, 0);
    place.fsck();
}

#[test]
fn the_oldest_goes_first_and_no_more_than_is_needed() {
    let place = damaged();
    let aside = place.history.set_aside();
    assert_eq!(place.history.drop_oldest_aside(0).unwrap(), Vec::new());
    assert_eq!(place.history.drop_oldest_aside(1).unwrap(), aside[..1]);
    assert_eq!(place.history.set_aside(), aside[1..]);
    assert_eq!(place.history.drop_oldest_aside(u64::MAX).unwrap(), aside[1..]);
}

/// A content that went missing since the start may be in there, and in there alone.
#[test]
fn nothing_goes_that_may_be_the_only_copy() {
    let place = damaged();
    place.history.flush().unwrap();
    let gone = packs(&place);
    assert!(!gone.is_empty());
    for path in gone.into_iter().flat_map(|pack| [pack.with_extension("idx"), pack]) {
        fs::remove_file(path).unwrap();
    }
    place.history.shared.archive.objects().refresh().unwrap();
    let aside = place.history.set_aside();
    assert_eq!(place.history.drop_aside_before(i64::MAX).unwrap(), Vec::new());
    assert_eq!(place.history.drop_oldest_aside(u64::MAX).unwrap(), Vec::new());
    assert_eq!(place.history.set_aside(), aside);
}
