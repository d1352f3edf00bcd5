use std::collections::HashMap;
use std::fs;
use std::sync::Arc;

use crate::testing::{fsck, noise, store};
use crate::{ObjectId, ObjectKind, Objects, PackFault};

/// A pack that lost its end, wherever it was cut, costs only what lay there.
#[test]
fn what_is_sound_in_a_torn_pack_is_saved() {
    for cut in [1, 19, 21, 400, 3_000] {
        let store = store();
        let mut contents: HashMap<ObjectId, Vec<u8>> = HashMap::new();
        let batch = store.objects.batch();
        for number in 0..20_u64 {
            let content = noise(number, 500);
            contents.insert(batch.add(ObjectKind::Blob, &content).unwrap(), content);
        }
        let name = batch.finish().unwrap().unwrap();
        store.objects.sync().unwrap();
        let path = store.objects.folder().join(name.pack_file());
        let whole = fs::read(&path).unwrap();
        let _ = fs::remove_file(&path);
        fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        let again = Objects::open(&store.repository, Arc::clone(store.objects.disk())).unwrap();
        let healed = again.heal().unwrap();
        // Without its checksum alone it is made whole again.
        let lost = cut > 20;
        let faults = if lost { vec![(name.clone(), PackFault::Damaged)] } else { Vec::new() };
        assert_eq!(healed.faults, faults, "{cut}");
        assert_eq!(store.repository.join("torn").join(name.pack_file()).exists(), lost, "{cut}");
        let mut missing = 0;
        for (id, content) in &contents {
            match again.read(id) {
                Ok((_, bytes)) => assert!(bytes == *content),
                Err(_) => missing += 1,
            }
        }
        // The checksum at the end belongs to no object.
        let most = (cut.saturating_sub(20)).div_ceil(500);
        assert!(missing <= most, "{cut}: {missing} are gone");
        assert!(cut < 21 || missing > 0, "{cut}");
        assert_eq!(again.unsynced(), 0);
        let third = Objects::open(&store.repository, Arc::clone(store.objects.disk())).unwrap();
        assert_eq!(third.heal().unwrap().faults, Vec::new());
        fsck(&store.repository);
    }
}

/// So does a wrong byte in the middle; what is based on the object that has it goes as well.
#[test]
fn a_wrong_byte_costs_one_object() {
    let store = store();
    let batch = store.objects.batch();
    let ids: Vec<ObjectId> =
        (0..20_u64).map(|number| batch.add(ObjectKind::Blob, &noise(number, 500)).unwrap()).collect();
    let name = batch.finish().unwrap().unwrap();
    let path = store.objects.folder().join(name.pack_file());
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    let _ = fs::remove_file(&path);
    fs::write(&path, bytes).unwrap();
    let again = Objects::open(&store.repository, Arc::clone(store.objects.disk())).unwrap();
    // It was not synced, so its bytes are looked through.
    assert_eq!(again.heal().unwrap().faults, vec![(name, PackFault::Torn)]);
    assert_eq!(ids.iter().filter(|id| again.read(id).is_err()).count(), 1);
    fsck(&store.repository);
}

/// Deltas stay deltas as far as what they are based on is sound.
#[test]
fn what_is_saved_takes_no_more_room_than_before() {
    let store = store();
    let batch = store.objects.batch();
    let mut content = noise(1, 20_000);
    let mut ids = Vec::new();
    for number in 0..40_u8 {
        content[usize::from(number) * 400] ^= 1;
        ids.push((batch.add(ObjectKind::Blob, &content).unwrap(), content.clone()));
    }
    batch.finish().unwrap();
    store.objects.repack(&[], &|| true).unwrap().finish().unwrap();
    let packed = store.objects.packs();
    assert!(packed.len() == 1 && packed[0].bytes < 60_000, "{packed:?}");
    let path = store.objects.folder().join(packed[0].name.pack_file());
    let mut bytes = fs::read(&path).unwrap();
    // The end of the last object.
    let end = bytes.len() - 22;
    bytes[end] ^= 1;
    let _ = fs::remove_file(&path);
    fs::write(&path, bytes).unwrap();
    fs::remove_file(store.repository.join("okcvm-synced")).unwrap();
    let again = Objects::open(&store.repository, Arc::clone(store.objects.disk())).unwrap();
    let healed = again.heal().unwrap();
    assert!(healed.lost && healed.faults.len() == 1, "{healed:?}");
    let saved = again.packs();
    assert!(saved.iter().map(|pack| pack.bytes).sum::<u64>() < 2 * packed[0].bytes, "{saved:?}");
    let lost = ids.iter().filter(|(id, content)| again.read(id).map_or(true, |(_, read)| read != *content));
    assert_eq!(lost.count(), 1);
    fsck(&store.repository);
}
