use std::os::unix::fs::PermissionsExt;

use okcvm_protocol::{ChangeKind, DiffLineKind};
use serde_json::json;

use super::*;
use crate::files::ReadFileTool;
use crate::testing::{Desk, text_of};

fn write(desk: &Desk, path: &str, content: &str) -> ToolResult {
    desk.call(&WriteFileTool, json!({"file_path": path, "content": content})).unwrap()
}

fn see(desk: &Desk, path: &str) {
    desk.call(&ReadFileTool, json!({"file_path": path})).unwrap();
}

#[test]
fn a_new_file_is_made_with_its_folders() {
    let desk = Desk::new();
    let result = write(&desk, "/mnt/okcomputer/output/新/report.md", "# 标题\ntext\n");
    assert_eq!(desk.bytes("output/新/report.md"), "# 标题\ntext\n".as_bytes());
    assert_eq!(
        serde_json::from_str::<Value>(&text_of(&result)).unwrap(),
        json!({"path": "/mnt/okcomputer/output/新/report.md", "action": "created", "size": 14, "added_lines": 2, "removed_lines": 0})
    );
    let difference = result.diff.unwrap();
    assert_eq!((difference.kind, difference.additions), (ChangeKind::Added, 2));
    assert_eq!(result.artifacts.len(), 1);
    assert_eq!((result.artifacts[0].kind, result.artifacts[0].size), (ArtifactKind::Document, Some(14)));
}

#[test]
fn the_parts_of_a_site_are_no_artifacts() {
    let desk = Desk::new();
    assert!(write(&desk, "output/site/index.html", "<p>").artifacts.is_empty());
    assert!(write(&desk, "notes.md", "a").artifacts.is_empty());
}

#[test]
fn an_existing_file_must_be_read_first() {
    let desk = Desk::new();
    desk.put("a.txt", "old\n");
    let again = json!({"file_path": "a.txt", "content": "new\n"});
    assert_eq!(
        desk.error(&WriteFileTool, again.clone()),
        "/mnt/okcomputer/a.txt exists and has not been read in this session. Read it with mshtools-read_file first, then try again."
    );
    assert_eq!(desk.bytes("a.txt"), b"old\n");
    see(&desk, "a.txt");
    let difference = desk.call(&WriteFileTool, again).unwrap().diff.unwrap();
    assert_eq!((difference.kind, difference.additions, difference.deletions), (ChangeKind::Modified, 1, 1));
    assert_eq!(desk.bytes("a.txt"), b"new\n");
    // What the tool wrote itself it has seen.
    write(&desk, "a.txt", "newer\n");
    assert_eq!(desk.bytes("a.txt"), b"newer\n");
}

#[test]
fn a_file_that_changed_since_must_be_read_again() {
    let desk = Desk::new();
    desk.put("a.txt", "old\n");
    see(&desk, "a.txt");
    desk.put("a.txt", "by hand\n");
    let error = desk.error(&WriteFileTool, json!({"file_path": "a.txt", "content": "new"}));
    assert!(
        error.starts_with("/mnt/okcomputer/a.txt has changed on disk since it was last read."),
        "{error}"
    );
    assert_eq!(desk.bytes("a.txt"), b"by hand\n");
}

#[test]
fn reading_a_part_is_reading() {
    let desk = Desk::new();
    desk.put("a.txt", "1\n2\n3\n");
    desk.text(&ReadFileTool, json!({"file_path": "a.txt", "limit": 1}));
    write(&desk, "a.txt", "new");
    assert_eq!(desk.bytes("a.txt"), b"new");
}

#[test]
fn appending_needs_no_reading_and_is_none() {
    let desk = Desk::new();
    desk.put("a.txt", "1\n2\n3\n4\n5\n");
    let append = |content: &str| {
        desk.call(&WriteFileTool, json!({"file_path": "a.txt", "content": content, "append": true})).unwrap()
    };
    let result = append("6\n");
    assert_eq!(desk.bytes("a.txt"), b"1\n2\n3\n4\n5\n6\n");
    let hunk = &result.diff.unwrap().hunks[0];
    assert_eq!((hunk.old_start, hunk.lines.len()), (3, 4));
    assert_eq!((hunk.lines[3].kind, hunk.lines[3].text.as_str()), (DiffLineKind::Added, "6"));
    assert!(
        desk.error(&WriteFileTool, json!({"file_path": "a.txt", "content": ""}))
            .contains("has not been read")
    );
    see(&desk, "a.txt");
    append("7\n");
    write(&desk, "a.txt", "all new\n");
}

#[test]
fn appending_makes_a_file_and_keeps_its_encoding() {
    let desk = Desk::new();
    let append = |path: &str, content: &str| json!({"file_path": path, "content": content, "append": true});
    desk.text(&WriteFileTool, append("new.txt", "a"));
    assert_eq!(desk.bytes("new.txt"), b"a");
    desk.put("utf16.txt", b"\xff\xfea\0\n\0");
    desk.text(&WriteFileTool, append("utf16.txt", "字"));
    assert_eq!(desk.bytes("utf16.txt"), [b"\xff\xfea\0\n\0".as_slice(), b"\x57\x5b"].concat());
    let (gbk, ..) = encoding_rs::GBK.encode("姓名,城市\n王小明,北京市\n李大红,上海市\n");
    desk.put("gbk.csv", &gbk);
    let error = desk.error(&WriteFileTool, append("gbk.csv", "😀"));
    assert!(error.contains("is written in GBK, which has no `😀` (U+1F600)"), "{error}");
    assert_eq!(desk.bytes("gbk.csv"), gbk.as_ref());
    desk.put("a.zip", b"PK\x03\x04");
    assert!(desk.error(&WriteFileTool, append("a.zip", "a")).contains("is not a text file"));
}

#[test]
fn letters_behind_a_long_head_decide_what_is_appended() {
    let desk = Desk::new();
    let append = |content: &str| json!({"file_path": "log.txt", "content": content, "append": true});
    let head = "a line of a log in plain letters\n".repeat(10_000);
    let (letters, ..) = encoding_rs::GBK.encode("姓名,城市\n王小明,北京市\n李大红,上海市\n");
    let old = [head.as_bytes(), &letters].concat();
    desk.put("log.txt", &old);
    desk.text(&WriteFileTool, append("中文\n"));
    assert_eq!(desk.bytes("log.txt"), [&old, encoding_rs::GBK.encode("中文\n").0.as_ref()].concat());
    let old = [head.as_bytes(), b"caf\xe9\n"].concat();
    desk.put("log.txt", &old);
    desk.text(&WriteFileTool, append("\u{e9}\n"));
    assert_eq!(desk.bytes("log.txt"), [&old, b"\xe9\n".as_slice()].concat());
    assert!(desk.error(&WriteFileTool, append("中文\n")).contains("has no `中`"));
    desk.put("log.txt", [head.as_bytes(), "字\n".as_bytes()].concat());
    desk.text(&WriteFileTool, append("字\n"));
    assert!(desk.bytes("log.txt").ends_with("字\n字\n".as_bytes()));
    desk.put("log.txt", b"\xff\xfea\0\n\0b");
    assert!(desk.error(&WriteFileTool, append("a")).contains("is not a text file"));
}

#[test]
fn a_file_keeps_its_encoding_mark_and_line_ends() {
    let desk = Desk::new();
    let mark = b"\xef\xbb\xbf".as_slice();
    let (gbk, ..) = encoding_rs::GBK.encode("姓名,城市\n王小明,北京市\n李大红,上海市\n");
    let (new_gbk, ..) = encoding_rs::GBK.encode("新\n二\n");
    let cases: Vec<(Vec<u8>, Vec<u8>)> = vec![
        (b"a\r\nb\r\n".to_vec(), "新\r\n二\r\n".into()),
        (b"a\nb\n".to_vec(), "新\n二\n".into()),
        (b"a\r\nb\n".to_vec(), "新\n二\n".into()),
        (Vec::new(), "新\n二\n".into()),
        ([mark, b"a\r\n"].concat(), [mark, "新\r\n二\r\n".as_bytes()].concat()),
        (b"\xff\xfea\0\r\0\n\0".to_vec(), b"\xff\xfe\xb0\x65\r\0\n\0\x8c\x4e\r\0\n\0".to_vec()),
        (gbk.to_vec(), new_gbk.to_vec()),
        (b"a line of a log\r\n".repeat(300_000), "新\r\n二\r\n".into()),
        (b"\0\x01\x02binary".to_vec(), "新\n二\n".into()),
    ];
    for (old, new) in cases {
        desk.put("a.txt", &old);
        let shown = String::from_utf8_lossy(&old[..old.len().min(20)]);
        desk.context.reads.note("a.txt", &stamp::of_bytes(&old)).unwrap();
        write(&desk, "a.txt", "新\n二\n");
        assert_eq!(desk.bytes("a.txt"), new, "{shown}");
        // And its state is known: it can be written again.
        write(&desk, "a.txt", "next");
    }
    desk.put("latin.txt", b"caf\xe9 cr\xe8me\n");
    see(&desk, "latin.txt");
    let error = desk.error(&WriteFileTool, json!({"file_path": "latin.txt", "content": "字"}));
    assert!(error.contains("which has no `字`"), "{error}");
    assert_eq!(desk.bytes("latin.txt"), b"caf\xe9 cr\xe8me\n");
}

#[test]
fn appending_goes_on_with_the_line_ends() {
    let desk = Desk::new();
    for (old, new) in [
        ("a\r\nb\r\n", "a\r\nb\r\nc\r\nd\r\n"),
        ("a\nb\n", "a\nb\nc\nd\n"),
        ("a\r\nb\n", "a\r\nb\nc\nd\n"),
        ("", "c\nd\n"),
    ] {
        desk.put("a.txt", old);
        let difference = desk
            .call(&WriteFileTool, json!({"file_path": "a.txt", "content": "c\nd\n", "append": true}))
            .unwrap()
            .diff
            .unwrap();
        assert_eq!(desk.bytes("a.txt"), new.as_bytes(), "{old:?}");
        assert_eq!((difference.additions, difference.deletions), (2, 0), "{old:?}");
    }
}

#[test]
fn appending_to_a_long_file_shows_its_end() {
    let desk = Desk::new();
    desk.put("long.log", "a line of a log\n".repeat(20_000));
    let result = desk
        .call(&WriteFileTool, json!({"file_path": "long.log", "content": "end\n", "append": true}))
        .unwrap();
    let difference = result.diff.unwrap();
    assert_eq!((difference.additions, difference.deletions), (1, 0));
    assert_eq!((difference.hunks[0].old_start, difference.hunks[0].new_start), (19_998, 19_998));
}

#[test]
fn the_length_is_bounded_in_characters() {
    let desk = Desk::new();
    write(&desk, "a.txt", &"字".repeat(100_000));
    assert_eq!(desk.bytes("a.txt").len(), 300_000);
    let error = desk.error(&WriteFileTool, json!({"file_path": "b.txt", "content": "字".repeat(100_001)}));
    assert!(
        error.starts_with("`content` has 100,001 characters, more than the 100,000 of one call."),
        "{error}"
    );
    assert!(!desk.path("b.txt").exists());
}

#[test]
fn folders_and_ways_out_are_refused() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("folder")).unwrap();
    std::os::unix::fs::symlink("..", desk.path("up")).unwrap();
    for path in ["folder", "folder/", ".", "", "../a.txt", "up/a.txt", "/tmp/a.txt"] {
        desk.error(&WriteFileTool, json!({"file_path": path, "content": "a"}));
    }
    assert!(!desk.folder.path().join("a.txt").exists());
}

#[test]
fn what_belongs_to_git_is_not_written() {
    let desk = Desk::new();
    desk.put(".git/config", "[core]\n");
    desk.put(".git/hooks/pre-commit.sample", "old\n");
    desk.put("module/.git", "gitdir: ../.git/modules/module\n");
    desk.put("store/HEAD", "ref: refs/heads/main\n");
    desk.put("store/objects/a", "");
    desk.put("store/refs/a", "");
    std::os::unix::fs::symlink(".git", desk.path("way")).unwrap();
    std::os::unix::fs::symlink(".git/config", desk.path("settings")).unwrap();
    std::os::unix::fs::symlink(".git/hooks/post-checkout", desk.path("planted")).unwrap();
    std::os::unix::fs::symlink("/mnt/okcomputer/.git/hooks", desk.path("mounted")).unwrap();
    let append = |path: &str| json!({"file_path": path, "content": "evil", "append": true});
    for path in [
        ".git/config",
        "/mnt/okcomputer/.git/config",
        "./.git//hooks/pre-commit",
        ".git",
        ".GIT/config",
        "module/.git",
        "new/.git/hooks/pre-commit",
        "way/config",
        "way/hooks/pre-commit",
        "settings",
        "planted",
        "mounted/pre-commit",
        "store/config",
        "store/hooks/pre-commit",
    ] {
        for arguments in [json!({"file_path": path, "content": "evil"}), append(path)] {
            let error = desk.error(&WriteFileTool, arguments);
            assert!(
                error.contains("belongs to git") && error.contains("Nothing was written"),
                "{path}: {error}"
            );
        }
    }
    assert_eq!(desk.bytes(".git/config"), b"[core]\n");
    for path in [".git/hooks/pre-commit", ".git/hooks/post-checkout", "new", "store/config", "store/hooks"] {
        assert!(!desk.path(path).exists(), "{path}");
    }
    for path in
        [".gitignore", ".github/workflows/build.yml", "a.git/notes", "git/config", "sub/.gitattributes"]
    {
        write(&desk, path, "fine");
    }
    assert_eq!(desk.text(&ReadFileTool, json!({"file_path": ".git/config"})).matches("[core]").count(), 1);
}

#[test]
fn a_script_stays_executable() {
    let desk = Desk::new();
    desk.put("run.sh", "#!/bin/sh\n");
    std::fs::set_permissions(desk.path("run.sh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    see(&desk, "run.sh");
    write(&desk, "run.sh", "#!/bin/sh\necho\n");
    assert_eq!(std::fs::metadata(desk.path("run.sh")).unwrap().permissions().mode() & 0o777, 0o755);
}

#[test]
fn a_long_difference_is_cut() {
    let desk = Desk::new();
    let result = write(&desk, "a.txt", &"line\n".repeat(5_000));
    let difference = result.diff.unwrap();
    assert_eq!((difference.additions, difference.truncated), (5_000, true));
    assert_eq!(difference.hunks.iter().map(|hunk| hunk.lines.len()).sum::<usize>(), 1_000);
}

#[test]
fn a_link_that_changes_meanwhile_leads_to_nothing_of_git() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let desk = Desk::new();
    desk.put(".git/HEAD", "ref: refs/heads/main\n");
    std::fs::create_dir(desk.path(".git/hooks")).unwrap();
    std::fs::create_dir(desk.path("free")).unwrap();
    std::os::unix::fs::symlink("free", desk.path("way")).unwrap();
    let (over, begun) = (AtomicBool::new(false), std::time::Instant::now());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                for target in ["free", ".git/hooks"] {
                    std::os::unix::fs::symlink(target, desk.path("next")).unwrap();
                    std::fs::rename(desk.path("next"), desk.path("way")).unwrap();
                }
            }
        });
        let runtime = tokio::runtime::Runtime::new().unwrap();
        for number in 0.. {
            if begun.elapsed() > std::time::Duration::from_secs(3) {
                break;
            }
            let arguments = json!({"file_path": format!("way/hook{number}"), "content": "evil"});
            let _ = runtime.block_on(WriteFileTool.call(&desk.context, arguments));
            let arguments =
                json!({"file_path": format!("way/more{number}"), "content": "evil", "append": true});
            let _ = runtime.block_on(WriteFileTool.call(&desk.context, arguments));
        }
        over.store(true, Ordering::Relaxed);
    });
    let planted: Vec<_> = std::fs::read_dir(desk.path(".git/hooks"))
        .unwrap()
        .flatten()
        .filter(|entry| entry.metadata().unwrap().len() > 0)
        .map(|entry| entry.file_name())
        .collect();
    assert!(planted.is_empty(), "{planted:?}");
}
