use std::os::unix::fs::symlink;

use super::*;
use crate::disk::{Disk, RealDisk};
use crate::testing::{DiskStep, HookedDisk, fsck, noise, store};

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

fn keep_only(objects: &Objects, live: &HashSet<ObjectId>) -> Result<(), ObjectError> {
    let mut prepared = objects.keep_only(live, &|| true)?;
    prepared.place()?;
    prepared.into_rewritten().finish()
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
    keep_only(&store.objects, &live).unwrap();
    let packs = store.objects.packs();
    assert_eq!(packs.iter().map(|pack| pack.objects).collect::<Vec<_>>(), [live.len()]);
    fsck(&store.repository);
}

#[test]
fn what_could_not_be_taken_away_is_not_relied_on() {
    let store = store();
    let hook = |step, path: &std::path::Path| {
        let is_pack = path.extension().is_some_and(|ending| ending == "pack" || ending == "idx");
        if step == DiskStep::Remove && is_pack { Err(io::Error::other("no")) } else { Ok(()) }
    };
    let stuck = Objects::open(&store.repository, Arc::new(HookedDisk(hook))).unwrap();
    let write = |objects: &Objects| {
        let batch = objects.batch();
        let id = batch.add(ObjectKind::Blob, b"comes and goes").unwrap();
        (id, batch.finish().unwrap())
    };
    let (id, name) = write(&stuck);
    stuck.sync().unwrap();
    keep_only(&stuck, &HashSet::new()).unwrap_err();
    assert!(store.objects.folder().join(name.as_ref().unwrap().pack_file()).exists());
    for _ in 0..2 {
        assert!(!stuck.contains(&id).unwrap());
        assert_eq!(stuck.header(&id).unwrap(), None);
        stuck.refresh().unwrap();
    }
    // Another list, written for another reason, still names what leaves.
    stuck.rewrite_synced(&HashSet::new()).unwrap();
    assert_eq!(stuck.noted().1, [name.as_ref().unwrap().to_string()]);
    // The same content comes again, and stays.
    assert_eq!(write(&stuck), (id, name));
    let again = Objects::open(&store.repository, Arc::new(RealDisk)).unwrap();
    again.heal().unwrap();
    assert_eq!(again.read(&id).unwrap().1, b"comes and goes");
}

#[test]
fn a_look_at_the_packs_loses_none_that_come() {
    let store = store();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                store.objects.refresh().unwrap();
                // The lock is not fair to the one who writes.
                std::thread::sleep(Duration::from_micros(100));
            }
        });
        for number in 0..200_u64 {
            let batch = store.objects.batch();
            let id = batch.add(ObjectKind::Blob, &noise(number, 30)).unwrap();
            batch.finish().unwrap();
            for _ in 0..3 {
                if !store.objects.contains(&id).unwrap() {
                    done.store(true, std::sync::atomic::Ordering::Relaxed);
                    panic!("{number}");
                }
                std::thread::yield_now();
            }
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn after_a_sync_that_failed_the_pack_is_written_anew() {
    use std::os::unix::fs::MetadataExt;
    let store = store();
    let failing = Arc::new(std::sync::atomic::AtomicBool::new(true));
    let hook = move |step, _: &std::path::Path| {
        let fails = step == DiskStep::SyncFile && failing.swap(false, std::sync::atomic::Ordering::Relaxed);
        if fails { Err(io::Error::other("no")) } else { Ok(()) }
    };
    let disk: Arc<dyn Disk> = Arc::new(HookedDisk(hook));
    let objects = Objects::open(&store.repository, disk).unwrap();
    let batch = objects.batch();
    let id = batch.add(ObjectKind::Blob, b"content").unwrap();
    let path = objects.folder().join(batch.finish().unwrap().unwrap().pack_file());
    let file = fs::metadata(&path).unwrap().ino();
    let kept = File::open(&path).unwrap();
    objects.sync().unwrap_err();
    assert_eq!(objects.unsynced(), 1);
    objects.sync().unwrap();
    assert_eq!(objects.unsynced(), 0);
    assert_ne!(fs::metadata(&path).unwrap().ino(), file);
    assert_eq!(objects.read(&id).unwrap().1, b"content");
    drop(kept);
    fsck(&store.repository);
}
