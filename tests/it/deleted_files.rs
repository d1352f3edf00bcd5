//! The trash of a session, where it lies on another file system than the files.

use std::sync::atomic::{AtomicBool, Ordering};

use okcvm_protocol::{CommandHandler, DeletedFileParams, FilesParams, SessionCreateParams, SessionParams};

use crate::desk::Desk;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_folder_held_that_could_not_go_whole_is_in_the_trash_or_in_its_place() {
    let desk = Desk::open();
    // In memory; the data folder is on a disk.
    let memory = tempfile::tempdir_in("/dev/shm").unwrap();
    let work = memory.path().join("work");
    let (there, beside) = (work.join("a"), work.join("b"));
    std::fs::create_dir_all(&there).unwrap();
    std::fs::create_dir(&beside).unwrap();
    std::fs::write(there.join("large"), vec![1_u8; 8 << 20]).unwrap();
    let params = SessionCreateParams { title: None, folder: Some(work.to_string_lossy().into_owned()) };
    let session = desk.host.session_create(params).await.unwrap().id;

    let (ended, begun) = (AtomicBool::new(false), AtomicBool::new(false));
    let engine = desk.host.engine().clone();
    let named = session.clone();
    let (deleted, written) = std::thread::scope(|scope| {
        // A command that goes on writing, each file whole from its first moment on.
        let writing = scope.spawn(|| {
            let mut written = Vec::new();
            while !ended.load(Ordering::Acquire) {
                let name = format!("late-{}", written.len());
                std::fs::write(beside.join(&name), &name).unwrap();
                if std::fs::rename(beside.join(&name), there.join(&name)).is_err() {
                    break;
                }
                written.push(name);
                begun.store(true, Ordering::Release);
                std::thread::sleep(std::time::Duration::from_micros(100));
            }
            written
        });
        while !begun.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        let deleted = scope.spawn(move || engine.delete_files(&named, &["a".to_owned()])).join().unwrap();
        ended.store(true, Ordering::Release);
        (deleted, writing.join().unwrap())
    });
    let error = deleted.unwrap_err().to_app_error();
    assert!(error.message.contains("not all of it could be removed"), "{error}");
    let listed =
        desk.host.file_trash_list(SessionParams { session_id: session.clone() }).await.unwrap().files;
    assert_eq!(listed.len(), 1);
    let params = DeletedFileParams { session_id: session.clone(), id: listed[0].id.clone() };
    let back = desk.host.file_recover(params).await.unwrap().path;
    assert_eq!(back, "a (2)");
    assert_eq!(std::fs::read(work.join("a (2)/large")).unwrap(), vec![1_u8; 8 << 20]);
    for name in &written {
        let places = [there.join(name), work.join("a (2)").join(name)];
        assert!(
            places.iter().any(|place| std::fs::read_to_string(place).is_ok_and(|text| text == *name)),
            "{name}"
        );
    }
    // What is left goes now that nobody writes.
    let rest = FilesParams { session_id: session.clone(), paths: vec!["a".to_owned()] };
    desk.host.file_delete(rest).await.unwrap();
    assert!(!there.exists());
    desk.host.shut_down().await;
}
