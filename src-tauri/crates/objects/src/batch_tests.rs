use std::io;
use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::disk::RealDisk;
use crate::id::EMPTY_TREE;
use crate::testing::{fsck, noise, store};
use crate::tree::{Entry, EntryKind, encode_tree};

fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn what_is_written_is_read_by_us_and_by_libgit2() {
    let store = store();
    let mut random = fastrand::Rng::with_seed(11);
    let mut written = Vec::new();
    for round in 0..6 {
        let batch = store.objects.batch();
        for number in 0..200 {
            let length = match number % 5 {
                0 => random.usize(..40),
                1 => random.usize(..70_000),
                _ => random.usize(..4000),
            };
            let bytes = if number % 2 == 0 {
                noise(round * 1000 + number as u64, length)
            } else {
                format!("line {number} of {round}\n").repeat(length / 12).into_bytes()
            };
            written.push((batch.add(ObjectKind::Blob, &bytes).unwrap(), bytes));
        }
        assert!(batch.finish().unwrap().is_some());
    }
    let libgit = git2::Repository::open_bare(&store.repository).unwrap();
    let again = Objects::open(&store.repository, Arc::new(RealDisk)).unwrap();
    for objects in [&store.objects, &again] {
        for (id, bytes) in &written {
            assert!(objects.contains(id).unwrap());
            assert_eq!(objects.header(id).unwrap(), Some((ObjectKind::Blob, bytes.len() as u64)));
            assert!(objects.read(id).unwrap() == (ObjectKind::Blob, bytes.clone()));
            let (size, mut content) = objects.reader(id).unwrap();
            let mut streamed = Vec::new();
            content.read_to_end(&mut streamed).unwrap();
            assert!(size == bytes.len() as u64 && streamed == *bytes);
            let offset = random.usize(..=bytes.len());
            let length = random.usize(..=bytes.len() + 5);
            let end = (offset + length).min(bytes.len());
            let range = objects.read_range(id, offset as u64, length as u64).unwrap();
            assert!(range == bytes[offset..end]);
            let oid = git2::Oid::from_bytes(id.as_bytes()).unwrap();
            assert!(libgit.find_blob(oid).unwrap().content() == bytes);
        }
    }
    assert_eq!(again.packs().len(), 6);
    fsck(&store.repository);
}

#[test]
fn what_is_known_is_not_written_again() {
    let store = store();
    let batch = store.objects.batch();
    let id = batch.add(ObjectKind::Blob, b"content").unwrap();
    assert!(batch.contains(&id).unwrap() && !store.objects.contains(&id).unwrap());
    assert_eq!(batch.add(ObjectKind::Blob, b"content").unwrap(), id);
    // Git knows the empty tree by itself, but its check asks for it where a tree names it.
    assert_eq!(batch.add(ObjectKind::Tree, b"").unwrap(), EMPTY_TREE);
    batch.finish().unwrap().unwrap();
    assert_eq!(store.objects.packs()[0].objects, 2);
    let batch = store.objects.batch();
    batch.add(ObjectKind::Blob, b"content").unwrap();
    assert_eq!(batch.add(ObjectKind::Tree, b"").unwrap(), EMPTY_TREE);
    assert_eq!(batch.finish().unwrap(), None);
    assert_eq!(store.objects.packs().len(), 1);
}

#[test]
fn a_batch_that_is_dropped_leaves_nothing() {
    let store = store();
    let batch = store.objects.batch();
    // More than is held in memory.
    for number in 0..10 {
        batch.add(ObjectKind::Blob, &noise(number, 4 << 20)).unwrap();
    }
    batch.add_stream(&mut noise(99, 9 << 20).as_slice(), 9 << 20).unwrap();
    assert_eq!(files(store.objects.folder()).len(), 2);
    drop(batch);
    assert!(files(store.objects.folder()).is_empty());
}

#[test]
fn packs_that_are_taken_back_leave_nothing_and_what_is_synced_stays() {
    let store = store();
    let batch = store.objects.batch();
    let kept = batch.add(ObjectKind::Blob, b"kept").unwrap();
    let synced = batch.finish_all().unwrap();
    store.objects.sync().unwrap();
    let batch = store.objects.batch();
    let small = batch.add(ObjectKind::Blob, b"looked at").unwrap();
    let big = batch.add_stream(&mut noise(7, 9 << 20).as_slice(), 9 << 20).unwrap();
    let looked = batch.finish_all().unwrap();
    assert_eq!((looked.len(), store.objects.packs().len()), (2, 3));
    store.objects.take_back(&[synced, looked].concat()).unwrap();
    assert_eq!((store.objects.packs().len(), store.objects.unsynced()), (1, 0));
    assert_eq!(files(store.objects.folder()).len(), 2);
    for (id, there) in [(kept, true), (small, false), (big, false)] {
        assert_eq!(store.objects.contains(&id).unwrap(), there);
    }
    // What was taken back can come again.
    let batch = store.objects.batch();
    batch.add(ObjectKind::Blob, b"looked at").unwrap();
    batch.finish().unwrap().unwrap();
    assert_eq!(store.objects.read(&small).unwrap().1, b"looked at");
    assert!(store.objects.heal().unwrap().faults.is_empty());
    fsck(&store.repository);
}

#[test]
fn a_batch_larger_than_memory_is_one_sound_pack() {
    let store = store();
    let batch = store.objects.batch();
    let ids: Vec<ObjectId> =
        (0..20).map(|seed| batch.add(ObjectKind::Blob, &noise(seed, 4 << 20)).unwrap()).collect();
    batch.finish().unwrap().unwrap();
    assert_eq!(store.objects.packs().len(), 1);
    for (seed, id) in ids.iter().enumerate() {
        assert!(store.objects.read(id).unwrap().1 == noise(seed as u64, 4 << 20));
    }
    fsck(&store.repository);
}

#[test]
fn several_threads_fill_one_batch() {
    let store = store();
    let batch = store.objects.batch();
    let ids = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let (batch, ids) = (&batch, &ids);
            scope.spawn(move || {
                for number in 0..300 {
                    // Half of them are the other threads' as well.
                    let seed = if number % 2 == 0 { number } else { thread * 1000 + number };
                    let bytes = noise(seed, 50 + number as usize);
                    let id = batch.add(ObjectKind::Blob, &bytes).unwrap();
                    ids.lock().unwrap().push((id, bytes));
                }
            });
        }
    });
    batch.finish().unwrap().unwrap();
    for (id, bytes) in ids.into_inner().unwrap() {
        assert_eq!(store.objects.read(&id).unwrap().1, bytes);
    }
    fsck(&store.repository);
}

#[test]
fn streams_of_every_sort_come_back() {
    let store = store();
    let text = b"the same line again and again\n".repeat(400_000);
    for content in [noise(1, 9 << 20), text, noise(2, (1 << 20) + 1), Vec::new(), b"x".to_vec()] {
        let batch = store.objects.batch();
        let id = batch.add_stream(&mut content.as_slice(), content.len() as u64).unwrap();
        assert_eq!(id, object_id(ObjectKind::Blob, &content).unwrap());
        batch.finish().unwrap().unwrap();
        assert!(store.objects.read(&id).unwrap().1 == content);
        let at = content.len() as u64 / 2;
        assert!(
            store.objects.read_range(&id, at, 1000).unwrap()
                == content[at as usize..].iter().take(1000).copied().collect::<Vec<u8>>()
        );
    }
    assert_eq!(store.objects.packs().iter().filter(|pack| pack.big).count(), 2, "however small they are now");
    fsck(&store.repository);
}

struct Broken;
impl Read for Broken {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::Error::other("gone"))
    }
}

#[test]
fn a_stream_of_another_size_is_refused() {
    let store = store();
    for said in [0, 999, 1001, 5 << 20] {
        let batch = store.objects.batch();
        let content = noise(1, 1000);
        let error = batch.add_stream(&mut content.as_slice(), said).unwrap_err();
        assert!(
            matches!(error, ObjectError::OtherSize { said: s, given } if s == said && given != said),
            "{error}"
        );
        assert_eq!(batch.finish().unwrap(), None);
    }
    let error = store.objects.batch().add_stream(&mut Broken, 5).unwrap_err();
    assert!(matches!(error, ObjectError::Content(_)), "{error}");
    assert!(files(store.objects.folder()).is_empty());
}

#[test]
fn git_shows_what_was_written() {
    let store = store();
    let batch = store.objects.batch();
    let blob = batch.add(ObjectKind::Blob, b"hello\n").unwrap();
    let entries: [(&[u8], Entry); 2] = [
        (b"empty", Entry { kind: EntryKind::Folder, id: EMPTY_TREE }),
        (b"file", Entry { kind: EntryKind::Executable, id: blob }),
    ];
    let tree = batch.add(ObjectKind::Tree, &encode_tree(entries.into_iter())).unwrap();
    let person = "A person <a@b.invalid> 1700000000 +0000";
    let text = format!("tree {tree}\nauthor {person}\ncommitter {person}\n\nfirst\n");
    let commit = batch.add(ObjectKind::Commit, text.as_bytes()).unwrap();
    batch.finish().unwrap();
    let git = |arguments: &[&str]| crate::testing::git(&store.repository, arguments);
    assert_eq!(git(&["cat-file", "-p", &format!("{commit}:file")]), "hello\n");
    assert_eq!(git(&["log", "--format=%s %an %T", &commit.to_string()]), format!("first A person {tree}\n"));
    assert_eq!(*store.objects.read_tree(&tree).unwrap(), entries.map(|(name, entry)| (name.to_vec(), entry)));
    fsck(&store.repository);
}

#[test]
fn files_that_were_made_ahead_become_packs_and_leave_nothing() {
    let store = store();
    let folder = store.repository.clone();
    let unfinished =
        || files(&folder).iter().filter(|name| name.starts_with(crate::writer::TEMPORARY)).count();
    let write = |content: &[u8]| {
        let batch = store.objects.batch();
        let id = batch.add(ObjectKind::Blob, content).unwrap();
        batch.finish().unwrap().unwrap();
        assert_eq!(store.objects.read(&id).unwrap().1, content);
    };
    store.objects.make_spares();
    store.objects.make_spares();
    assert_eq!(unfinished(), 2);
    write(b"one");
    assert_eq!(unfinished(), 0);
    write(b"two");
    store.objects.make_spares();
    // As somebody does who tidies up.
    for name in files(&folder).iter().filter(|name| name.starts_with(crate::writer::TEMPORARY)) {
        std::fs::remove_file(folder.join(name)).unwrap();
    }
    write(b"three");
    store.objects.make_spares();
    store.objects.heal().unwrap();
    assert_eq!(unfinished(), 0);
    write(b"four");
    fsck(&store.repository);
    assert!(files(store.objects.folder()).iter().all(|name| !name.starts_with(crate::writer::TEMPORARY)));
    let again = Objects::open(&store.repository, Arc::new(RealDisk)).unwrap();
    again.make_spares();
    assert_eq!(unfinished(), 2);
    drop(again);
    assert_eq!(unfinished(), 0);
}
