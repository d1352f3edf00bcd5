use std::collections::HashMap;
use std::sync::Arc;

use super::*;
use crate::id::ObjectKind;
use crate::testing::{Store, fsck, git, noise, store};

/// Writes these contents as one pack.
fn write(objects: &Objects, contents: &[Vec<u8>]) -> Vec<ObjectId> {
    let batch = objects.batch();
    let ids = contents.iter().map(|content| batch.add(ObjectKind::Blob, content).unwrap()).collect();
    batch.finish().unwrap();
    ids
}

/// Turns one bit in the stream of an object, in place, in every pack that holds it.
fn damage(store: &Store, id: &ObjectId) {
    let list = store.objects.list();
    for (pack, offset) in list.places(id) {
        let mut bytes = fs::read(&pack.path).unwrap();
        let end = pack.index.by_offset().iter().map(|(at, _)| *at).find(|at| *at > offset);
        let end = end.unwrap_or(pack.size - 20);
        bytes[usize::try_from(end - 3).unwrap()] ^= 4;
        fs::write(&pack.path, bytes).unwrap();
    }
}

fn again(store: &Store) -> Objects {
    Objects::open(&store.repository, Arc::clone(store.objects.disk())).unwrap()
}

#[test]
fn what_is_found_damaged_is_written_again_and_read() {
    // Alone in its pack, whose name the new one gets as well, and among others; small, and read as a stream.
    for (alone, length) in [(true, 500), (false, 500), (true, 200_000), (false, 200_000)] {
        let store = store();
        let content = noise(1, length);
        let mut contents = vec![content.clone()];
        contents.extend((2..if alone { 2 } else { 9 }).map(|seed| noise(seed, 400)));
        let id = write(&store.objects, &contents)[0];
        store.objects.sync().unwrap();
        damage(&store, &id);
        let stream = |objects: &Objects| {
            let mut bytes = Vec::new();
            objects.reader(&id).unwrap().1.read_to_end(&mut bytes).map(|_| bytes)
        };
        if length > 100_000 {
            stream(&store.objects).unwrap_err();
        } else {
            store.objects.read(&id).unwrap_err();
        }
        assert!(!store.objects.contains(&id).unwrap(), "{alone} {length}");
        assert!(matches!(store.objects.read(&id), Err(ObjectError::Damaged { .. })));
        assert_eq!(store.objects.known_damaged(), HashSet::from([id]));
        write(&store.objects, std::slice::from_ref(&content));
        assert_eq!(store.objects.known_damaged(), HashSet::new());
        // Now, in another process, and after the next start, at which the damaged pack goes.
        for objects in [store.objects.clone(), again(&store)] {
            assert!(objects.read(&id).unwrap().1 == content);
            assert!(stream(&objects).unwrap() == content);
        }
        let healed = again(&store);
        assert!(!healed.heal().unwrap().lost);
        assert!(stream(&healed).unwrap() == content);
        assert_eq!(healed.verify(&|| true).unwrap().damaged, Vec::new());
        assert_eq!(healed.noted_damaged(), HashSet::new());
        fsck_if_whole(&healed, alone);
    }
}

fn fsck_if_whole(objects: &Objects, alone: bool) {
    // The damaged copy lies in another pack until that is packed.
    if !alone {
        objects.repack(&[], &|| true).unwrap().finish().unwrap();
    }
    fsck(objects.repository());
}

/// Another process, here another store, knows of the damage from its start on.
#[test]
fn the_next_start_knows_of_the_damage() {
    let store = store();
    let contents: Vec<Vec<u8>> = (0..10).map(|seed| noise(seed, 400)).collect();
    let ids = write(&store.objects, &contents);
    store.objects.sync().unwrap();
    damage(&store, &ids[4]);
    store.objects.read(&ids[4]).unwrap_err();
    let next = again(&store);
    let healed = next.heal().unwrap();
    assert!(healed.lost && healed.faults.len() == 1, "{healed:?}");
    assert!(!next.contains(&ids[4]).unwrap());
    // Told only once, but as long as nobody says that it was told.
    assert!(again(&store).heal().unwrap().lost);
    next.forget_damaged().unwrap();
    assert!(!again(&store).heal().unwrap().lost);
    write(&next, &contents);
    for (id, content) in ids.iter().zip(&contents) {
        assert!(next.read(id).unwrap().1 == *content);
    }
    fsck(&store.repository);
}

#[test]
fn one_damaged_object_keeps_no_others_from_being_packed() {
    type Work = fn(&Objects, &HashSet<ObjectId>);
    let works: [Work; 3] = [
        |objects, _| objects.repack(&[], &|| true).unwrap().finish().unwrap(),
        |objects, _| assert!(objects.merge_packs(1).unwrap() > 1),
        |objects, live| {
            let mut prepared = objects.keep_only(live, &|| true).unwrap();
            prepared.place().unwrap();
            prepared.into_rewritten().finish().unwrap();
        },
    ];
    for (number, work) in works.into_iter().enumerate() {
        let store = store();
        let mut contents = HashMap::new();
        for pack in 0..4_u64 {
            let some: Vec<Vec<u8>> = (0..6).map(|seed| noise(100 * pack + seed, 300)).collect();
            contents.extend(write(&store.objects, &some).into_iter().zip(some));
        }
        store.objects.sync().unwrap();
        let mut ids: Vec<ObjectId> = contents.keys().copied().collect();
        ids.sort_unstable();
        let (lost, dead) = (ids[0], ids[1]);
        damage(&store, &lost);
        let live = contents.keys().filter(|id| **id != dead).copied().collect();
        // Written by one that has read nothing yet.
        let objects = again(&store);
        work(&objects, &live);
        if number == 2 {
            // Its pack has nothing to lose, unless the dead object is in it.
            let _ = objects.read(&lost).unwrap_err();
            assert!(!objects.contains(&dead).unwrap());
        }
        for (id, content) in contents.iter().filter(|(id, _)| **id != lost && (number < 2 || **id != dead)) {
            assert!(objects.read(id).unwrap().1 == *content, "{number}");
        }
        assert!(!objects.contains(&lost).unwrap(), "{number}");
        if number < 2 {
            assert_eq!(fs::read_dir(store.repository.join("torn")).unwrap().count(), 1, "{number}");
            assert_eq!(objects.packs().len(), 1, "{number}");
            fsck(&store.repository);
        }
        // It comes again.
        write(&objects, std::slice::from_ref(&contents[&lost]));
        assert!(objects.read(&lost).unwrap().1 == contents[&lost], "{number}");
    }
}

#[test]
fn a_damaged_file_of_its_own_is_written_again_as_well() {
    let store = store();
    let content = noise(7, 3_000);
    let id = write(&store.objects, std::slice::from_ref(&content))[0];
    let list = store.objects.list();
    let pack = fs::read(&list.packs[0].path).unwrap();
    for file in [list.packs[0].path.clone(), list.packs[0].path.with_extension("idx")] {
        fs::remove_file(file).unwrap();
    }
    let unpacked = store.repository.join("pack");
    fs::write(&unpacked, pack).unwrap();
    let status = std::process::Command::new("git")
        .arg("--git-dir")
        .arg(&store.repository)
        .args(["unpack-objects", "-q"])
        .stdin(fs::File::open(&unpacked).unwrap())
        .status();
    assert!(status.unwrap().success());
    let path = loose::path(store.objects.objects_folder(), &id);
    let mut bytes = fs::read(&path).unwrap();
    bytes[1_000] ^= 1;
    fs::remove_file(&path).unwrap();
    fs::write(&path, bytes).unwrap();
    let objects = again(&store);
    objects.read(&id).unwrap_err();
    assert!(!objects.contains(&id).unwrap());
    objects.refresh().unwrap();
    assert!(!objects.contains(&id).unwrap());
    write(&objects, std::slice::from_ref(&content));
    assert!(objects.read(&id).unwrap().1 == content);
    objects.repack(&[], &|| true).unwrap().finish().unwrap();
    assert!(again(&store).read(&id).unwrap().1 == content);
    assert!(git(&store.repository, &["cat-file", "-t", &id.to_string()]).starts_with("blob"));
}

#[test]
fn a_large_content_that_was_damaged_is_written_again() {
    let store = store();
    let content = noise(5, 9 << 20);
    let write = |objects: &Objects| {
        let batch = objects.batch();
        let id = batch.add_stream(&mut content.as_slice(), content.len() as u64).unwrap();
        batch.finish().unwrap();
        id
    };
    let id = write(&store.objects);
    store.objects.sync().unwrap();
    damage(&store, &id);
    let read = |objects: &Objects| {
        let mut bytes = Vec::new();
        objects.reader(&id)?.1.read_to_end(&mut bytes).map_err(ObjectError::Content)?;
        Ok::<_, ObjectError>(bytes)
    };
    read(&store.objects).unwrap_err();
    assert!(!store.objects.contains(&id).unwrap());
    write(&store.objects);
    assert!(read(&store.objects).unwrap() == content);
    let next = again(&store);
    assert_eq!(next.heal().unwrap().faults, Vec::new());
    assert!(read(&next).unwrap() == content);
}
