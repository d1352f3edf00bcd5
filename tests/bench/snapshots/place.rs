//! A workspace with our history and git's beside it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use okcvm_protocol::SnapshotId;
use okcvm_snapshots::{Author, History, RecordInfo};
use okcvm_workspace::{Changes, Watch, Workspace};

use crate::Outcome;
use crate::files::{file, fill, git, text};
use crate::measure::{Begun, Cost, thread_cpu, timed};

pub(super) const INFO: RecordInfo<'static> =
    RecordInfo { message: "bench", author: Author::Agent, at_ms: 1_700_000_000_000 };

/// The name of the thread of a watch.
const WATCH_THREAD: &str = "workspace-watch";

pub(super) struct Place {
    pub(super) work: PathBuf,
    pub(super) workspace: Workspace,
    pub(super) history: History,
    pub(super) head: SnapshotId,
    pub(super) files: usize,
    store: PathBuf,
    watch: Watch,
    /// What the watch had cost when the files were last changed.
    watch_cpu: Duration,
    folder: tempfile::TempDir,
}

impl Place {
    /// A workspace of so many files, recorded by both sides; the watch stands.
    pub(super) fn new(files: usize) -> Outcome<Self> {
        let folder = tempfile::tempdir()?;
        let (work, store) = (folder.path().join("work"), folder.path().join("git"));
        std::fs::create_dir(&work)?;
        fill(&work, files)?;
        let workspace = Workspace::open(&work)?;
        let dir = folder.path().join("history");
        let history = History::open(&dir)?.history;
        let watch = okcvm_workspace::watch(&work, &dir.join("cookies"), Box::new(|_| ()))?;
        history.attach(watch.tracker());
        let head = history.record(&workspace, None, INFO)?.snapshot;
        git(&work, &store, &["init", "-q"])?;
        git(&work, &store, &["add", "-A"])?;
        git(&work, &store, &["commit", "-qm", "first"])?;
        let mut place =
            Self { work, workspace, history, head, files, store, watch, watch_cpu: Duration::ZERO, folder };
        place.settle()?;
        Ok(place)
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Records until the watch is what tells the changes, and all is on the disk.
    pub(super) fn settle(&mut self) -> Outcome<()> {
        let tracker = self.watch.tracker();
        let begun = Begun::now();
        loop {
            let changes = tracker.take(okcvm_workspace::PATIENCE);
            let known = matches!(changes, Changes::Paths(_));
            tracker.put_back(changes);
            if known {
                break;
            }
            if begun.wall() > Duration::from_secs(60) {
                return Err("the watch does not stand".into());
            }
            self.head = self.history.record(&self.workspace, Some(&self.head), INFO)?.snapshot;
            std::thread::sleep(Duration::from_millis(20));
        }
        self.history.flush()?;
        // Stamps of files that were just written are not trusted yet; git has the same habit.
        std::thread::sleep(Duration::from_millis(2_500));
        self.head = self.history.record(&self.workspace, Some(&self.head), INFO)?.snapshot;
        self.history.flush()?;
        Ok(())
    }

    /// Without the watch every record scans.
    pub(super) fn detach(&self) {
        self.history.detach();
    }

    pub(super) fn attach(&mut self) -> Outcome<()> {
        self.history.attach(self.watch.tracker());
        self.settle()
    }

    /// Writes other content into so many files, spread over all folders. The paths, and what they hold now.
    pub(super) fn change(&mut self, count: usize, round: usize) -> Outcome<Vec<PathBuf>> {
        self.watch_cpu = thread_cpu(WATCH_THREAD);
        let mut changed = Vec::with_capacity(count);
        for step in 0..count {
            let index = (step * self.files / count + round) % self.files;
            let path = self.work.join(file(index));
            std::fs::write(&path, text(index, round + 1))?;
            changed.push(path);
        }
        Ok(changed)
    }

    /// Records what is there now on top of the last record.
    pub(super) fn record(&mut self) -> Outcome<Cost> {
        let watch_before = self.watch_cpu();
        let begun = Begun::now();
        self.record_only()?;
        let wall = begun.wall();
        // Nobody waits for the disk, but its work is ours.
        self.history.flush()?;
        let mut cost = begun.cost_after(wall);
        cost.cpu += watch_before;
        Ok(cost)
    }

    pub(super) fn record_only(&mut self) -> Outcome<()> {
        self.head = self.history.record(&self.workspace, Some(&self.head), INFO)?.snapshot;
        Ok(())
    }

    /// What the watch did from the last change of files until now.
    pub(super) fn watch_cpu(&self) -> Duration {
        thread_cpu(WATCH_THREAD).saturating_sub(self.watch_cpu)
    }

    pub(super) fn commit(&self) -> Outcome<Cost> {
        timed(|| {
            git(&self.work, &self.store, &["add", "-A"])?;
            git(&self.work, &self.store, &["commit", "-qm", "next", "--allow-empty"])
        })
    }

    pub(super) fn reset(&self, to: &str) -> Outcome<Cost> {
        timed(|| {
            git(&self.work, &self.store, &["reset", "-q", "--hard", to])?;
            git(&self.work, &self.store, &["clean", "-qfd"])
        })
    }

    pub(super) fn git(&self, arguments: &[&str]) -> Outcome<()> {
        git(&self.work, &self.store, arguments)
    }

    /// Every file of our history but the cookies, with its size and time.
    pub(super) fn written(&self) -> Outcome<BTreeMap<PathBuf, (u64, SystemTime)>> {
        let mut found = BTreeMap::new();
        let mut ahead = vec![self.folder.path().join("history")];
        while let Some(folder) = ahead.pop() {
            for entry in std::fs::read_dir(folder)? {
                let entry = entry?;
                let metadata = entry.metadata()?;
                if metadata.is_dir() {
                    if entry.file_name() != "cookies" {
                        ahead.push(entry.path());
                    }
                } else {
                    found.insert(entry.path(), (metadata.len(), metadata.modified()?));
                }
            }
        }
        Ok(found)
    }
}
