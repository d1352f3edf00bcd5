//! What no way to do it can leave out.

use std::fs::File;
use std::io::Write;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, open, openat, statat};

use crate::Outcome;

/// Fewer files than this are not worth a second thread.
const PARALLEL: usize = 32;
/// Threads that mostly wait for the disk.
const WAITING: usize = 16;

fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Work on all items by all processors, unless there are only a few.
fn spread<T: Sync, R: Send>(
    items: &[T],
    few: usize,
    work: impl Fn(&T) -> Outcome<R> + Sync,
) -> Outcome<Vec<R>> {
    run(items, if items.len() < few { 1 } else { threads() }, work)
}

fn run<T: Sync, R: Send>(
    items: &[T],
    threads: usize,
    work: impl Fn(&T) -> Outcome<R> + Sync,
) -> Outcome<Vec<R>> {
    if threads <= 1 {
        return items.iter().map(work).collect();
    }
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut done = Vec::new();
        // An error of another thread is text here, since it has to cross over.
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            done.push(work(item).map_err(|error| error.to_string())?);
        }
        Ok::<_, String>(done)
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        let mut all = Vec::with_capacity(items.len());
        for worker in workers {
            all.extend(worker.join().map_err(|_| "a thread panicked")??);
        }
        Ok(all)
    })
}

/// Lists all folders and asks for the stamp of every file. How many there are.
pub(super) fn walk(root: &Path) -> Outcome<usize> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let root = open(root, flags, Mode::empty())?;
    let mut top = Vec::new();
    let mut count = list(&root, &mut top)?;
    let below = spread(&top, 2, |name| {
        let mut files = 0;
        let mut ahead: Vec<OwnedFd> = vec![openat(&root, name.as_slice(), flags, Mode::empty())?];
        while let Some(folder) = ahead.pop() {
            let mut folders = Vec::new();
            files += list(&folder, &mut folders)?;
            for name in folders {
                ahead.push(openat(&folder, name, flags, Mode::empty())?);
            }
        }
        Ok(files)
    })?;
    count += below.into_iter().sum::<usize>();
    Ok(count)
}

fn list(folder: impl AsFd, folders: &mut Vec<Vec<u8>>) -> Outcome<usize> {
    let mut buffer = [MaybeUninit::uninit(); 16 * 1024];
    let mut entries = RawDir::new(folder.as_fd(), &mut buffer);
    let mut files = 0;
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name();
        if matches!(name.to_bytes(), b"." | b"..") {
            continue;
        }
        let stat = statat(folder.as_fd(), name, AtFlags::SYMLINK_NOFOLLOW)?;
        if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
            folders.push(name.to_bytes().to_vec());
        } else {
            files += 1;
        }
    }
    Ok(files)
}

/// Room for what is written next: to overwrite a file costs the freeing of its blocks, which the limit does not need.
pub(super) fn clear(file: &Path) -> Outcome<()> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Reads, hashes and compresses the files, and writes it all in one go. Nothing is synced.
pub(super) fn store(files: &[PathBuf], to: &Path) -> Outcome<()> {
    std::fs::write(to, packed(files)?)?;
    Ok(())
}

/// The same, synced.
pub(super) fn store_synced(files: &[PathBuf], to: &Path) -> Outcome<()> {
    let mut file = File::create(to)?;
    file.write_all(&packed(files)?)?;
    file.sync_data()?;
    Ok(())
}

fn packed(files: &[PathBuf]) -> Outcome<Vec<u8>> {
    let packed = spread(files, PARALLEL, |path| {
        let bytes = std::fs::read(path)?;
        let mut hash = sha1_checked::Sha1::new();
        sha1_checked::Digest::update(&mut hash, format!("blob {}\0", bytes.len()));
        sha1_checked::Digest::update(&mut hash, &bytes);
        let hash = hash.try_finalize();
        if hash.has_collision() {
            return Err("a collision".into());
        }
        let mut compressed = ZlibEncoder::new(hash.hash().to_vec(), Compression::new(1));
        compressed.write_all(&bytes)?;
        Ok(compressed.finish()?)
    })?;
    Ok(packed.concat())
}

/// Reads and hashes one file of any size and copies it, since it cannot be compressed.
pub(super) fn copy(from: &Path, to: &Path) -> Outcome<()> {
    let mut source = File::open(from)?;
    let mut target = File::create(to)?;
    let mut hash = sha1_checked::Sha1::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = std::io::Read::read(&mut source, &mut buffer)?;
        if read == 0 {
            break;
        }
        sha1_checked::Digest::update(&mut hash, &buffer[..read]);
        target.write_all(&buffer[..read])?;
    }
    if hash.try_finalize().has_collision() {
        return Err("a collision".into());
    }
    Ok(())
}

/// Writes each content beside its place, syncs it, puts it in its place, and syncs the folders. The waits for the disk
/// go on side by side.
pub(super) fn replace(contents: &[(PathBuf, Vec<u8>)]) -> Outcome<()> {
    let beside = |path: &Path| path.with_extension("beside");
    at_once(contents, |(path, bytes)| {
        let mut file = File::create(beside(path))?;
        file.write_all(bytes)?;
        Ok(file.sync_data()?)
    })?;
    let mut folders = std::collections::BTreeSet::new();
    for (path, _) in contents {
        std::fs::rename(beside(path), path)?;
        folders.extend(path.parent());
    }
    let folders: Vec<&Path> = folders.into_iter().collect();
    at_once(&folders, |folder| Ok(File::open(folder)?.sync_all()?))
}

/// By more threads than there are processors.
fn at_once<T: Sync>(items: &[T], work: impl Fn(&T) -> Outcome<()> + Sync) -> Outcome<()> {
    run(items, WAITING.min(items.len()), work).map(drop)
}
