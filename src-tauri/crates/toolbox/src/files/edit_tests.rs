use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use super::*;
use crate::files::{ReadFileTool, WriteFileTool};
use crate::testing::{Desk, text_of};

fn seen(path: &str, bytes: impl AsRef<[u8]>) -> Desk {
    let desk = Desk::new();
    desk.put(path, bytes);
    desk.call(&ReadFileTool, json!({"file_path": path})).unwrap();
    desk
}

fn change(path: &str, old: &str, new: &str) -> Value {
    json!({"file_path": path, "old_string": old, "new_string": new})
}

fn change_all(path: &str, old: &str, new: &str) -> Value {
    json!({"file_path": path, "old_string": old, "new_string": new, "replace_all": true})
}

#[test]
fn a_piece_is_replaced() {
    let desk = seen("a.txt", "one\ntwo\nthree\n");
    let result = desk.call(&EditFileTool, change("a.txt", "two\n", "2\n2.5\n")).unwrap();
    assert_eq!(desk.bytes("a.txt"), b"one\n2\n2.5\nthree\n");
    assert_eq!(
        serde_json::from_str::<Value>(&text_of(&result)).unwrap(),
        json!({"path": "/mnt/okcomputer/a.txt", "replacements": 1, "lines": [2], "added_lines": 2, "removed_lines": 1})
    );
    // The edit was seen: another one goes at once.
    desk.call(&EditFileTool, change("a.txt", "2.5\n", "")).unwrap();
    assert_eq!(desk.bytes("a.txt"), b"one\n2\nthree\n");
}

#[test]
fn a_file_must_have_been_read_as_it_is() {
    let desk = Desk::new();
    desk.put("a.txt", "one\n");
    let error = desk.error(&EditFileTool, change("a.txt", "one", "1"));
    assert!(error.contains("has not been read in this session"), "{error}");
    desk.text(&ReadFileTool, json!({"file_path": "a.txt"}));
    desk.put("a.txt", "one more\n");
    let error = desk.error(&EditFileTool, change("a.txt", "one", "1"));
    assert!(error.contains("has changed on disk since"), "{error}");
    assert_eq!(desk.bytes("a.txt"), b"one more\n");
    let error = desk.error(&EditFileTool, change("b.txt", "one", "1"));
    assert!(error.starts_with("/mnt/okcomputer/b.txt does not exist."), "{error}");
}

#[test]
fn several_occurrences_are_counted_with_their_lines() {
    let desk = seen("a.txt", "x\ny x\nz\nx x\n");
    let error = desk.error(&EditFileTool, change("a.txt", "x", "w"));
    assert!(
        error.starts_with("`old_string` occurs 4 times in /mnt/okcomputer/a.txt (on lines 1, 2, 4, 4)."),
        "{error}"
    );
    let result = desk.text(&EditFileTool, change_all("a.txt", "x", "w"));
    assert_eq!(serde_json::from_str::<Value>(&result).unwrap()["replacements"], 4);
    assert_eq!(desk.bytes("a.txt"), b"w\ny w\nz\nw w\n");
}

#[test]
fn what_is_absent_is_explained() {
    let desk = seen("a.py", "def a():\n    return 1\n");
    let error = |old: &str| desk.error(&EditFileTool, change("a.py", old, "new"));
    assert!(error("nothing").ends_with("Nothing was changed. Read the place again and copy it exactly."));
    assert!(error("\treturn 1").contains("(line 2)"));
    assert!(error("     2\t    return 1").contains("line numbers"));
    assert_eq!(desk.bytes("a.py"), b"def a():\n    return 1\n");
}

#[test]
fn empty_and_equal_pieces_are_refused() {
    let desk = seen("a.txt", "one\r\ntwo\r\n");
    assert!(desk.error(&EditFileTool, change("a.txt", "", "x")).starts_with("`old_string` is empty."));
    assert!(desk.error(&EditFileTool, change("a.txt", "one", "one")).contains("are equal"));
    assert!(
        desk.error(&EditFileTool, change("a.txt", "one\n", "one\r\n")).contains("only in their line ends")
    );
}

#[test]
fn line_ends_stay_as_they_are() {
    let desk = seen("crlf.txt", "one\r\ntwo\r\nthree\r\n");
    desk.text(&EditFileTool, change("crlf.txt", "one\ntwo\n", "1\n1.5\n2\n"));
    assert_eq!(desk.bytes("crlf.txt"), b"1\r\n1.5\r\n2\r\nthree\r\n");

    let desk = seen("lf.txt", "one\ntwo\n");
    desk.text(&EditFileTool, change("lf.txt", "one\r\ntwo", "1\r\n2"));
    assert_eq!(desk.bytes("lf.txt"), b"1\n2\n");

    let desk = seen("mixed.txt", "one\r\ntwo\nthree\nfour\r\n");
    desk.text(&EditFileTool, change("mixed.txt", "one\ntwo", "1\n2"));
    desk.text(&EditFileTool, change("mixed.txt", "2\nthree", "2\n3"));
    assert_eq!(desk.bytes("mixed.txt"), b"1\r\n2\n3\nfour\r\n");
}

#[test]
fn the_encoding_stays_as_it_is() {
    let desk = seen("bom.txt", "\u{feff}one\n");
    desk.text(&EditFileTool, change("bom.txt", "one", "字"));
    assert_eq!(desk.bytes("bom.txt"), "\u{feff}字\n".as_bytes());

    let utf_16 = |text: &str| -> Vec<u8> {
        [vec![0xfe, 0xff], text.encode_utf16().flat_map(u16::to_be_bytes).collect()].concat()
    };
    let desk = seen("utf16.txt", utf_16("one\r\ntwo\r\n"));
    desk.text(&EditFileTool, change("utf16.txt", "one\n", "😀\n"));
    assert_eq!(desk.bytes("utf16.txt"), utf_16("😀\r\ntwo\r\n"));

    let gbk = |text: &str| encoding_rs::GBK.encode(text).0.into_owned();
    let desk = seen("gbk.csv", gbk("姓名,城市\n王小明,北京市\n李大红,上海市\n"));
    desk.text(&EditFileTool, change("gbk.csv", "北京", "广州"));
    assert_eq!(desk.bytes("gbk.csv"), gbk("姓名,城市\n王小明,广州市\n李大红,上海市\n"));
    let error = desk.error(&EditFileTool, change("gbk.csv", "广州", "😀"));
    assert!(error.contains("is written in GBK, which has no `😀`"), "{error}");
}

#[test]
fn a_file_in_one_of_several_encodings_is_not_given_letters_of_another() {
    let gbk = |text: &str| encoding_rs::GBK.encode(text).0.into_owned();
    let desk = seen("orders.txt", gbk("订单,数量\n苹果,3\n"));
    let error = desk.error(&EditFileTool, change("orders.txt", ",3", ",3\n香蕉,4"));
    assert!(error.contains("may be written in") && error.contains("GBK"), "{error}");
    assert_eq!(desk.bytes("orders.txt"), gbk("订单,数量\n苹果,3\n"));
    // What is the same in all of them is no risk.
    desk.text(&EditFileTool, change("orders.txt", ",3", ",4"));
    assert_eq!(desk.bytes("orders.txt"), gbk("订单,数量\n苹果,4\n"));
    let append = json!({"file_path": "orders.txt", "content": "pear,1\n", "append": true});
    desk.text(&WriteFileTool, append);
    let append = json!({"file_path": "orders.txt", "content": "梨,1\n", "append": true});
    assert!(desk.error(&WriteFileTool, append).contains("may be written in"));
    let whole = json!({"file_path": "orders.txt", "content": "梨,1\n"});
    assert!(desk.error(&WriteFileTool, whole).contains("may be written in"));
    assert_eq!(desk.bytes("orders.txt"), gbk("订单,数量\n苹果,4\npear,1\n"));
}

#[test]
fn bytes_that_would_be_lost_are_not_edited() {
    let mut bytes = "这是一个用于测试的文本文件，里面有一些常用的汉字。".repeat(3).into_bytes();
    bytes.extend_from_slice(b"\xff\n");
    let desk = seen("damaged.txt", &bytes);
    let error = desk.error(&EditFileTool, change_all("damaged.txt", "文本", "文字"));
    assert!(error.contains("would not survive an edit"), "{error}");
    assert_eq!(desk.bytes("damaged.txt"), bytes);

    let desk = seen("a.bin", [1, 0, 2]);
    assert!(desk.error(&EditFileTool, change("a.bin", "a", "b")).contains("is not a text file"));
}

#[test]
fn a_script_stays_executable_and_a_link_a_link() {
    let desk = Desk::new();
    desk.put("run.sh", "echo 1\n");
    std::fs::set_permissions(desk.path("run.sh"), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink("run.sh", desk.path("link")).unwrap();
    desk.text(&ReadFileTool, json!({"file_path": "link"}));
    desk.text(&EditFileTool, change("link", "1", "2"));
    assert_eq!(desk.bytes("run.sh"), b"echo 2\n");
    assert!(std::fs::symlink_metadata(desk.path("link")).unwrap().is_symlink());
    assert_eq!(std::fs::metadata(desk.path("run.sh")).unwrap().permissions().mode() & 0o777, 0o755);
}

#[test]
fn what_belongs_to_git_is_not_edited() {
    let desk = seen(".git/config", "[core]\n");
    std::os::unix::fs::symlink(".git", desk.path("way")).unwrap();
    desk.text(&ReadFileTool, json!({"file_path": "way/config"}));
    for path in [".git/config", "way/config"] {
        let error = desk.error(&EditFileTool, change(path, "[core]", "[core]\nfsmonitor = evil"));
        assert!(error.contains("belongs to git") && error.contains("Nothing was written"), "{path}: {error}");
    }
    assert_eq!(desk.bytes(".git/config"), b"[core]\n");
}
