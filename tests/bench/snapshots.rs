//! Recording and restoring a workspace, beside `git add -A && git commit` and `git reset --hard && git clean -fd`.

use okcvm_protocol::SnapshotId;
use okcvm_snapshots::{Author, History, RecordInfo};
use okcvm_workspace::Workspace;

use crate::files::{file, fill, git, text};
use crate::{Bar, Outcome, Row, compare, timed};

const INFO: RecordInfo<'static> = RecordInfo { message: "bench", author: Author::Agent, at_ms: 0 };

pub(crate) fn rows() -> Outcome<Vec<Row>> {
    let mut rows = Vec::new();
    for (files, changed) in [(1_000, 1), (10_000, 1), (10_000, 100)] {
        let folder = tempfile::tempdir()?;
        let (ours, theirs, store) =
            (folder.path().join("ours"), folder.path().join("theirs"), folder.path().join("git"));
        for work in [&ours, &theirs] {
            std::fs::create_dir(work)?;
            fill(work, files)?;
        }
        let workspace = Workspace::open(&ours)?;
        let history = History::open(&folder.path().join("history"))?.history;
        let mut head = history.record(&workspace, None, INFO)?.snapshot;
        git(&theirs, &store, &["init", "-q"])?;
        git(&theirs, &store, &["add", "-A"])?;
        git(&theirs, &store, &["commit", "-qm", "first"])?;

        let mut before: SnapshotId = head.clone();
        let (record, commit) = compare(
            |round| {
                change(&ours, files, changed, round)?;
                before = head.clone();
                timed(|| {
                    head = history.record(&workspace, Some(&before), INFO)?.snapshot;
                    Ok(())
                })
            },
            |round| {
                change(&theirs, files, changed, round)?;
                timed(|| {
                    git(&theirs, &store, &["add", "-A"])?;
                    git(&theirs, &store, &["commit", "-qm", "next", "--allow-empty"])
                })
            },
        )?;
        rows.push(Row {
            bench: "snapshots",
            name: format!("record, {changed} of {files} changed, full scan"),
            ours: record,
            other: commit,
            bar: Bar::FasterBy(1.0),
        });

        let (restore, reset) = compare(
            |round| {
                let (from, to) = if round % 2 == 0 { (&head, &before) } else { (&before, &head) };
                timed(|| Ok(history.restore(&workspace, from, to)?))
            },
            |round| {
                let to = if round % 2 == 0 { "HEAD~1" } else { "ORIG_HEAD" };
                timed(|| {
                    git(&theirs, &store, &["reset", "-q", "--hard", to])?;
                    git(&theirs, &store, &["clean", "-qfd"])
                })
            },
        )?;
        rows.push(Row {
            bench: "snapshots",
            name: format!("restore, {changed} of {files} differ"),
            ours: restore,
            other: reset,
            bar: Bar::FasterBy(1.0),
        });
    }
    Ok(rows)
}

fn change(work: &std::path::Path, files: usize, changed: usize, round: usize) -> Outcome<()> {
    for step in 0..changed {
        let index = (step * files / changed + round) % files;
        std::fs::write(work.join(file(index)), text(index, round + 1))?;
    }
    Ok(())
}
