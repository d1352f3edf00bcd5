use std::os::unix::fs::symlink;

use super::*;
use crate::testing::{fsck, noise, store};

#[test]
fn a_pack_that_cannot_be_read_just_now_stays() {
    let store = store();
    let batch = store.objects.batch();
    let id = batch.add(ObjectKind::Blob, b"content").unwrap();
    let name = batch.finish().unwrap().unwrap();
    for file in [name.pack_file(), name.index_file()] {
        let (path, aside) = (store.objects.folder().join(&file), store.repository.join("aside"));
        fs::rename(&path, &aside).unwrap();
        symlink(&path, &path).unwrap();
        let again = Objects::open(&store.repository, Arc::clone(store.objects.disk()));
        let error = again.and_then(|objects| objects.heal()).unwrap_err();
        assert!(matches!(error, ObjectError::Storage { .. }), "{error}");
        fs::remove_file(&path).unwrap();
        fs::rename(&aside, &path).unwrap();
        let again = Objects::open(&store.repository, Arc::clone(store.objects.disk())).unwrap();
        assert_eq!(again.heal().unwrap(), Healed::default());
        assert_eq!(again.read(&id).unwrap().1, b"content");
    }
    assert!(Objects::is_whole(&store.repository.join("nowhere"), 100).is_err());
}

#[test]
fn the_index_of_a_large_object_is_made_again_piece_by_piece() {
    let store = store();
    let mut written = Vec::new();
    for content in [noise(3, 9 << 20), vec![7; 20 << 20]] {
        let batch = store.objects.batch();
        let id = batch.add_stream(&mut content.as_slice(), content.len() as u64).unwrap();
        let name = batch.finish().unwrap().unwrap();
        let path = store.objects.folder().join(name.pack_file());
        let file = Arc::new(File::open(&path).unwrap());
        let head = PackContent { file: &file, size: fs::metadata(&path).unwrap().len() }.head(HEAD).unwrap();
        assert_eq!(hash_streamed(&file, ObjectKind::Blob, head).unwrap().0, id);
        // A stream that ends elsewhere than its head says.
        let longer = Head { size: head.size + 1, ..head };
        assert!(matches!(hash_streamed(&file, ObjectKind::Blob, longer), Err(Fault::Damaged(_))));
        fs::remove_file(store.objects.folder().join(name.index_file())).unwrap();
        written.push((id, content));
    }
    store.objects.heal().unwrap();
    for (id, content) in written {
        assert!(store.objects.read(&id).unwrap().1 == content);
    }
    assert!(store.objects.packs().iter().all(|pack| pack.big), "{:?}", store.objects.packs());
    fsck(&store.repository);
}

/// Open files are few, however many packs there are.
#[test]
fn not_every_pack_keeps_its_file_open() {
    let store = store();
    let mut ids = Vec::new();
    for number in 0..150_u64 {
        let batch = store.objects.batch();
        ids.push((batch.add(ObjectKind::Blob, &noise(number, 20)).unwrap(), number));
        batch.add(ObjectKind::Blob, &noise(number + 1000, 20)).unwrap();
        batch.finish().unwrap();
    }
    for (id, number) in &ids {
        assert_eq!(store.objects.read(id).unwrap().1, noise(*number, 20));
    }
    let open = fs::read_dir("/proc/self/fd").unwrap().flatten();
    let open = open.filter_map(|entry| fs::read_link(entry.path()).ok());
    let open = open.filter(|path| path.starts_with(&store.repository)).count();
    assert!(open <= 64, "{open}");
}

#[test]
fn a_thinning_after_a_packing_that_was_cut_writes_nothing_twice() {
    let store = store();
    let mut live = HashSet::new();
    for round in 0..3 {
        let batch = store.objects.batch();
        live.insert(batch.add(ObjectKind::Blob, &noise(round, 900)).unwrap());
        batch.add(ObjectKind::Blob, &noise(round + 10, 900)).unwrap();
        batch.finish().unwrap();
    }
    // The new pack is in place, and the old ones are still there.
    drop(store.objects.repack(&[], &|| true).unwrap());
    assert_eq!(store.objects.packs().len(), 4);
    store.objects.keep_only(&live, &|| true).unwrap().finish().unwrap();
    let packs = store.objects.packs();
    assert_eq!(packs.iter().map(|pack| pack.objects).collect::<Vec<_>>(), [live.len()]);
    fsck(&store.repository);
}
