use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use okcvm_protocol::{ChangeKind, DiffLineKind, FileDiff, SnapshotId};

use git2::Oid;
use okcvm_protocol::ChangeCounts;

use super::*;
use crate::testing::{Place, os, place, words};
use crate::{Author, How, RecordInfo, Recorded, WhyScanned};

fn counts_of(added: u32, modified: u32, deleted: u32) -> ChangeCounts {
    ChangeCounts { added, modified, deleted }
}

#[test]
fn a_snapshot_is_plain_git() {
    let place = place();
    place.write("site/index.html", "<h1>hello</h1>\n");
    place.write("run.sh", "#!/bin/sh\n");
    fs::set_permissions(place.root.join("run.sh"), fs::Permissions::from_mode(0o755)).unwrap();
    symlink("site/index.html", place.root.join("link")).unwrap();
    fs::create_dir_all(place.root.join("empty/inner")).unwrap();
    fs::write(place.root.join(os(b"caf\xE9 \n\t\"")), "bytes").unwrap();
    let recorded = place.record(None);
    assert!(recorded.changed);
    assert_eq!((&recorded.changes, recorded.skipped.len()), (&counts_of(4, 0, 0), 0));
    place.fsck();
    let id = recorded.snapshot.as_str();
    let blob = |content: &str| Oid::hash_object(git2::ObjectType::Blob, content.as_bytes()).unwrap();
    let tree = |path: &str| place.git(&["rev-parse", &format!("{id}:{path}")]).trim().to_owned();
    let expected = [
        format!("100644 blob {}\t\"caf\\351 \\n\\t\\\"\"\n", blob("bytes")),
        format!("040000 tree {}\tempty\n", tree("empty")),
        "040000 tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\tempty/inner\n".to_owned(),
        format!("120000 blob {}\tlink\n", blob("site/index.html")),
        format!("100755 blob {}\trun.sh\n", blob("#!/bin/sh\n")),
        format!("040000 tree {}\tsite\n", tree("site")),
        format!("100644 blob {}\tsite/index.html\n", blob("<h1>hello</h1>\n")),
    ];
    assert_eq!(place.git(&["ls-tree", "-r", "-t", id]), expected.concat());
    assert_eq!(place.git(&["show", &format!("{id}:site/index.html")]), "<h1>hello</h1>\n");
    assert_eq!(
        place.git(&["log", "--all", "--format=%H|%an|%ae|%ct|%B"]),
        format!(
            "{id}|OKCVM agent|agent@okcvm.invalid|1700000000|a turn\n\nOkcvm-Author: agent\n\
             Okcvm-At: 1700000000123\nOkcvm-Skipped: []\n\n"
        )
    );
    assert_eq!(place.git(&["for-each-ref", "--format=%(refname)"]), format!("refs/okcvm/{id}\n"));
}

#[test]
fn a_turn_that_changed_nothing_makes_no_commit() {
    let place = place();
    place.write("file", "one");
    let first = place.record(None);
    let again = place.record(Some(&first.snapshot));
    assert_eq!(
        again,
        Recorded {
            snapshot: first.snapshot.clone(),
            changed: false,
            changes: counts_of(0, 0, 0),
            skipped: vec![],
            how: How::Scanned(WhyScanned::NotWatched),
        }
    );
    let other_hand = place.record_as(Some(&first.snapshot), Author::User);
    assert!(!other_hand.changed);
    assert_eq!(place.git(&["rev-list", "--all"]), format!("{}\n", first.snapshot));
    place.write("file", "two");
    place.write("new", "x");
    let second = place.record_as(Some(&first.snapshot), Author::User);
    assert_eq!((second.changed, &second.changes), (true, &counts_of(1, 1, 0)));
    assert_eq!(place.history.author(&first.snapshot).unwrap(), Author::Agent);
    assert_eq!(place.history.author(&second.snapshot).unwrap(), Author::User);
    assert_eq!(place.history.counts(Some(&first.snapshot), &second.snapshot).unwrap(), counts_of(1, 1, 0));
    assert_eq!(place.git(&["rev-list", "--parents", second.snapshot.as_str()]).lines().count(), 2);
    place.fsck();
}

#[test]
fn an_empty_workspace_has_a_snapshot_and_an_unknown_parent_counts_as_none() {
    let place = place();
    let empty = place.record(None);
    assert_eq!((empty.changed, &empty.changes), (true, &counts_of(0, 0, 0)));
    place.write("file", "x");
    let lost = SnapshotId("1234567890123456789012345678901234567890".to_owned());
    let recorded = place.record(Some(&lost));
    assert_eq!((recorded.changed, &recorded.changes), (true, &counts_of(1, 0, 0)));
    assert!(matches!(place.history.diff(Some(&lost), &empty.snapshot), Err(SnapshotError::Unknown(_))));
    for wrong in ["", "zz", "1234", empty.snapshot.as_str().split_at(8).0] {
        let wrong = SnapshotId(wrong.to_owned());
        assert!(matches!(place.history.author(&wrong), Err(SnapshotError::Unknown(_))), "{wrong}");
    }
    place.fsck();
}

#[test]
fn the_present_is_compared_without_a_commit() {
    let place = place();
    place.write("kept", "same");
    place.write("folder/moved.txt", "a content to follow");
    place.write("edited", "one");
    place.write("gone", "gone");
    let before = place.snapshot();
    assert_eq!(place.history.compare_live(&place.workspace, Some(&before)).unwrap(), []);
    fs::rename(place.root.join("folder/moved.txt"), place.root.join("moved.txt")).unwrap();
    fs::remove_file(place.root.join("gone")).unwrap();
    place.write("edited", "other");
    place.write("new", "n");
    let expected = ["modified edited", "deleted gone", "renamed folder/moved.txt -> moved.txt", "added new"];
    let live = place.history.compare_live(&place.workspace, Some(&before)).unwrap();
    assert_eq!(words(&live), expected);
    assert_eq!((live[0].old_size, live[0].new_size), (Some(3), Some(5)));
    assert_eq!((live[1].old_size, live[1].new_size), (Some(4), None));
    assert_eq!(place.git(&["rev-list", "--all"]).lines().count(), 1, "looking makes no commit");
    // The next snapshot holds all of it, though looking left nothing behind.
    let after = place.record(Some(&before)).snapshot;
    assert_eq!(place.history.diff(Some(&before), &after).unwrap(), live);
    assert_eq!(place.history.diff(None, &after).unwrap().len(), 4);
    assert_eq!(place.history.compare_live(&place.workspace, None).unwrap().len(), 4);
    place.fsck();
}

/// A window looks again and again while a file grows, for days.
#[test]
fn looking_leaves_nothing_on_the_disk() {
    let mut place = place();
    place.write("kept", "same");
    let before = place.snapshot();
    // What is written behind our back has been written then.
    assert_eq!(place.reopen(), None);
    let usage = place.history.usage().unwrap();
    for number in 0..5 {
        place.write("growing.log", format!("{number} is another content"));
        let live = place.history.compare_live(&place.workspace, Some(&before)).unwrap();
        assert_eq!(words(&live), ["added growing.log"]);
        assert_eq!(place.history.usage().unwrap(), usage);
    }
    let after = place.record(Some(&before)).snapshot;
    assert_eq!(place.history.read(&after, "growing.log", 100).unwrap().unwrap(), b"4 is another content");
    place.history.flush().unwrap();
    assert_eq!(place.git(&["fsck", "--full", "--strict"]), "");
}

#[test]
fn renames_pair_contents_that_are_the_same_or_alike() {
    let place = place();
    place.write("a/style.css", "body {}");
    place.write("b/other.css", "body {}");
    place.write("empty", "");
    place.write("edited.txt", "one\ntwo\n");
    let before = place.snapshot();
    for (from, to) in [("a/style.css", "c/style.css"), ("b/other.css", "d.css"), ("empty", "void")] {
        fs::create_dir_all(place.root.join(to).parent().unwrap()).unwrap();
        fs::rename(place.root.join(from), place.root.join(to)).unwrap();
    }
    fs::remove_file(place.root.join("edited.txt")).unwrap();
    place.write("renamed-and-edited.txt", "one\ntwo\nthree\n");
    let after = place.snapshot();
    assert_eq!(
        words(&place.history.diff(Some(&before), &after).unwrap()),
        [
            "renamed a/style.css -> c/style.css",
            "renamed b/other.css -> d.css",
            "deleted empty",
            "renamed edited.txt -> renamed-and-edited.txt",
            "added void",
        ]
    );
    assert_eq!(place.history.counts(Some(&before), &after).unwrap(), counts_of(4, 0, 4));
}

#[test]
fn lines_of_a_change() {
    let place = place();
    let numbered = |skip: u32| {
        let lines: Vec<String> = (1..=30).filter(|n| *n != skip).map(|n| format!("line {n}\n")).collect();
        lines.concat()
    };
    place.write("text", numbered(0));
    place.write("crlf", "a\r\nb\r\n");
    place.write("binary", b"\0\x01");
    place.write("large", "x\n".repeat(2_000_001));
    symlink("text", place.root.join("link")).unwrap();
    let before = place.snapshot();
    place.write("text", numbered(10) + "end without newline");
    place.write("crlf", "a\r\nc\r\n");
    place.write("binary", b"\0\x02");
    place.write("large", "y\n".repeat(2_000_001));
    place.write("new", "only\n");
    place.write("long", "z".repeat(5_000));
    fs::remove_file(place.root.join("link")).unwrap();
    symlink("crlf", place.root.join("link")).unwrap();
    let after = place.snapshot();
    let changes = place.history.diff(Some(&before), &after).unwrap();
    let diff = |path: &str| {
        let change = changes.iter().find(|change| change.path == path).unwrap();
        place.history.file_diff(Some(&before), &after, change).unwrap()
    };
    let lines = |diff: &FileDiff, hunk: usize| -> Vec<String> {
        let sign = |kind| match kind {
            DiffLineKind::Context => ' ',
            DiffLineKind::Added => '+',
            DiffLineKind::Removed => '-',
        };
        diff.hunks[hunk].lines.iter().map(|line| format!("{}{}", sign(line.kind), line.text)).collect()
    };
    let text = diff("text");
    assert_eq!((text.additions, text.deletions, text.binary, text.truncated), (1, 1, false, false));
    assert_eq!(text.hunks.len(), 2);
    assert_eq!((text.hunks[0].old_start, text.hunks[0].new_start), (7, 7));
    assert_eq!(
        lines(&text, 0),
        [" line 7", " line 8", " line 9", "-line 10", " line 11", " line 12", " line 13"]
    );
    assert_eq!((text.hunks[1].old_start, text.hunks[1].new_start), (28, 27));
    assert_eq!(lines(&text, 1), [" line 28", " line 29", " line 30", "+end without newline"]);
    assert_eq!(lines(&diff("crlf"), 0), [" a", "-b", "+c"]);
    assert_eq!(lines(&diff("new"), 0), ["+only"]);
    assert_eq!(lines(&diff("link"), 0), ["-text", "+crlf"]);
    let binary = diff("binary");
    assert!(binary.binary && binary.hunks.is_empty());
    let large = diff("large");
    assert!(large.truncated && !large.binary && large.hunks.is_empty());
    let long = diff("long");
    assert!(long.truncated && long.hunks[0].lines[0].text.len() == 2_000);
    assert_eq!(diff("new").kind, ChangeKind::Added);
}

#[test]
fn what_is_left_out_is_named_once_and_kept_with_the_snapshot() {
    let place = place();
    for path in [
        "web/node_modules/a/b/index.js",
        "__pycache__/x.pyc",
        ".venv/bin/python",
        "venv/bin/python",
        "nested/.git/objects/aa/bb",
        "nested/code.rs",
        "worktree/.git",
        "odd/.GIT/config",
        "node_modules_not/file",
    ] {
        place.write(path, "x");
    }
    place.write("ignored.txt", "still recorded");
    place.write(".gitignore", "ignored.txt\n*.rs\n");
    place.write("venv.txt", "a file");
    symlink("web", place.root.join("web/node_modules_link")).unwrap();
    rustix::fs::mkfifoat(place.workspace.root_handle(), "pipe", rustix::fs::Mode::from_raw_mode(0o600))
        .unwrap();
    place.history.set_max_file_bytes(1_000_000);
    place.write("large.bin", vec![1; 1_000_001]);
    place.write("just.bin", vec![1; 1_000_000]);
    let recorded = place.record(None);
    let skipped: Vec<_> =
        recorded.skipped.iter().map(|skipped| (skipped.path.as_str(), skipped.reason.as_str())).collect();
    assert_eq!(
        skipped,
        [
            (".venv", "a Python environment is not recorded"),
            ("__pycache__", "a cache is not recorded"),
            ("large.bin", "it has 2 MB, and files over 1 MB are not recorded"),
            ("nested/.git", "the data of a nested git repository is not recorded"),
            ("odd/.GIT", "git does not allow this name"),
            ("pipe", "a pipe, socket or device is not recorded"),
            ("venv", "a Python environment is not recorded"),
            ("web/node_modules", "installed packages are not recorded"),
            ("worktree/.git", "the data of a nested git repository is not recorded"),
        ]
    );
    assert_eq!(place.history.skipped(&recorded.snapshot).unwrap(), recorded.skipped);
    let files = place.git(&["ls-tree", "-r", "--name-only", recorded.snapshot.as_str()]);
    let files: Vec<&str> = files.lines().collect();
    assert_eq!(
        files,
        [
            ".gitignore",
            "ignored.txt",
            "just.bin",
            "nested/code.rs",
            "node_modules_not/file",
            "venv.txt",
            "web/node_modules_link",
        ]
    );
    place.fsck();
}

#[test]
fn a_nested_repository_without_a_commit_is_an_ordinary_folder() {
    let place = place();
    let nested = place.root.join("nested");
    fs::create_dir(&nested).unwrap();
    let made = std::process::Command::new("git").arg("init").arg("-q").arg(&nested).status().unwrap();
    assert!(made.success());
    place.write("nested/work.txt", "precious");
    let id = place.snapshot();
    assert_eq!(place.git(&["show", &format!("{id}:nested/work.txt")]), "precious");
    assert!(nested.join(".git/HEAD").is_file(), "their repository is untouched");
    place.fsck();
}

#[test]
fn contents_that_git_judges_are_recorded_as_they_are() {
    let place = place();
    place.write("sub/.gitmodules", "[submodule \"../x\"]\n\tpath = -a\n\turl = -b\n\tupdate = !rm\n");
    place.write(".gitattributes", format!("* {}\n", "x".repeat(3_000)));
    symlink("elsewhere", place.root.join(".gitmodules")).unwrap();
    place.snapshot();
    place.fsck();
}

#[test]
fn a_message_cannot_forge_what_we_add() {
    let place = place();
    let message = "title\0\n\nOkcvm-Author: agent\nOkcvm-Skipped: [{\"path\":\"x\",\"reason\":\"y\"}]\n";
    let info = RecordInfo { message, author: Author::User, at_ms: -5 };
    let recorded = place.history.record(&place.workspace, None, info).unwrap();
    assert_eq!(place.history.author(&recorded.snapshot).unwrap(), Author::User);
    assert_eq!(place.history.skipped(&recorded.snapshot).unwrap(), []);
    place.fsck();
}

#[test]
fn two_threads_may_record_at_once() {
    let place = place();
    let base = place.snapshot();
    let stop = AtomicBool::new(false);
    let snapshots = std::thread::scope(|scope| {
        let recorders: Vec<_> = (0..3)
            .map(|thread| {
                let (place, base) = (&place, &base);
                scope.spawn(move || {
                    (0..15)
                        .map(|round| {
                            place.write(&format!("{thread}/file"), format!("{thread} {round}"));
                            place.record(Some(base)).snapshot
                        })
                        .collect::<Vec<_>>()
                })
            })
            .collect();
        let reader = scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                place.history.diff(None, &base).unwrap();
            }
        });
        let snapshots: Vec<_> = recorders.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        stop.store(true, Ordering::Relaxed);
        reader.join().unwrap();
        snapshots
    });
    assert_eq!(snapshots.len(), 45);
    for id in &snapshots {
        place.history.diff(None, id).unwrap();
    }
    for thread in 0..3 {
        assert_eq!(place.read(&format!("{thread}/file")), format!("{thread} 14"));
    }
    place.fsck();
}

/// A file that another thread rewrites all the time: each snapshot holds bytes that were read together
/// with the name that belongs to them, and the last state is not missed.
#[test]
fn a_file_that_changes_while_it_is_read_does_no_harm() {
    let place = place();
    let stop = AtomicBool::new(false);
    let path = place.root.join("busy");
    let mut tip = place.snapshot();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut round = 0_u32;
            while !stop.load(Ordering::Relaxed) {
                round += 1;
                fs::write(&path, vec![round as u8; 200_000 + (round % 7) as usize * 50_000]).unwrap();
            }
        });
        let end = Instant::now() + Duration::from_millis(800);
        while Instant::now() < end {
            tip = place.record(Some(&tip)).snapshot;
        }
        stop.store(true, Ordering::Relaxed);
    });
    fs::write(&path, "the end").unwrap();
    tip = place.record(Some(&tip)).snapshot;
    assert_eq!(place.git(&["show", &format!("{tip}:busy")]), "the end");
    place.fsck();
}

#[test]
fn the_index_survives_a_restart_and_its_loss() {
    let Place { root, dir, workspace, history, folder: _folder } = place();
    let write = |path: &str, content: &str| fs::write(root.join(path), content).unwrap();
    fs::create_dir(root.join("folder")).unwrap();
    for number in 0..50 {
        write(&format!("folder/{number}"), &number.to_string());
    }
    let info = RecordInfo { message: "again", author: Author::Agent, at_ms: 0 };
    let first = history.record(&workspace, None, info).unwrap().snapshot;
    let saved = dir.join("index");
    drop(history);
    assert!(saved.is_file());
    let reopen = || History::open(&dir).unwrap().history;
    let again = reopen().record(&workspace, Some(&first), info).unwrap();
    assert_eq!((again.changed, again.how), (false, How::Scanned(WhyScanned::First)));
    write("folder/7", "X");
    let second = reopen().record(&workspace, Some(&first), info).unwrap();
    assert_eq!(second.changes, counts_of(0, 1, 0));
    fs::remove_file(&saved).unwrap();
    assert!(!reopen().record(&workspace, Some(&second.snapshot), info).unwrap().changed);
    fs::write(&saved, "nonsense").unwrap();
    assert!(!reopen().record(&workspace, Some(&second.snapshot), info).unwrap().changed);
    // Of a repository that does not have what the index names, the index is worth nothing.
    fs::remove_dir_all(dir.join("repository.git")).unwrap();
    let emptied = reopen();
    fs::write(&saved, "").unwrap();
    assert_eq!(emptied.record(&workspace, None, info).unwrap().changes, counts_of(50, 0, 0));
}

/// An index that was saved beside a repository that lost the objects it names.
#[test]
fn an_index_whose_objects_are_gone_is_not_believed() {
    let place = place();
    place.write("folder/file", "content");
    let first = place.snapshot();
    let Place { dir, workspace, history, folder: _folder, .. } = place;
    drop(history);
    let index = fs::read(dir.join("index")).unwrap();
    fs::remove_dir_all(dir.join("repository.git")).unwrap();
    let history = History::open(&dir).unwrap().history;
    fs::write(dir.join("index"), index).unwrap();
    let info = RecordInfo { message: "again", author: Author::Agent, at_ms: 0 };
    let again = history.record(&workspace, Some(&first), info).unwrap();
    assert_eq!(again.changes, counts_of(1, 0, 0));
    assert_eq!(history.read(&again.snapshot, "folder/file", 10).unwrap().unwrap(), b"content");
}

/// Housekeeping by a real git drops what no reference names. What a comparison wrote is gone then, and
/// the cache that names it must not be believed.
#[test]
fn objects_that_vanished_are_written_again() {
    let place = place();
    place.write("a", "one");
    let first = place.snapshot();
    place.write("b", "only seen by a comparison");
    place.history.compare_live(&place.workspace, Some(&first)).unwrap();
    place.git(&["prune", "--expire=now"]);
    place.git(&["gc", "-q", "--prune=now"]);
    place.write("c", "makes another tree");
    let second = place.record(Some(&first)).snapshot;
    place.fsck();
    assert_eq!(place.git(&["show", &format!("{second}:b")]), "only seen by a comparison");
}
