use serde_json::json;

use super::*;
use crate::testing::{Desk, text_of};

fn read(desk: &Desk, path: &str) -> String {
    desk.text(&ReadFileTool, json!({"file_path": path}))
}

#[test]
fn text_comes_numbered_by_any_name_of_the_path() {
    let desk = Desk::new();
    desk.put("a/目录/b.txt", "one\ntwo");
    let root = desk.path("a/目录/b.txt").display().to_string();
    for path in ["/mnt/okcomputer/a/目录/b.txt", "a/目录/b.txt", "./a//目录/b.txt", &root] {
        assert_eq!(read(&desk, path), "     1\tone\n     2\ttwo\n", "{path}");
    }
}

#[test]
fn a_hundred_lines_and_what_there_is_more() {
    let desk = Desk::new();
    let text = (1..=2_345).map(|number| number.to_string()).collect::<Vec<_>>().join("\n");
    desk.put("a.txt", text);
    let shown = read(&desk, "a.txt");
    assert_eq!(shown.lines().count(), 101);
    assert!(
        shown.ends_with("   100\t100\n[Lines 1 to 100 of 2,345 lines. Continue with offset 101.]\n"),
        "{shown}"
    );
    let window = desk.text(&ReadFileTool, json!({"file_path": "a.txt", "offset": 2_344, "limit": 50}));
    assert_eq!(
        window,
        "  2344\t2344\n  2345\t2345\n[Lines 2,344 to 2,345 of 2,345 lines: the end of the file.]\n"
    );
    let whole = desk.text(&ReadFileTool, json!({"file_path": "a.txt", "offset": 2.0, "limit": 1.0}));
    assert!(whole.starts_with("     2\t2\n["), "{whole}");
}

#[test]
fn wrong_windows_are_refused() {
    let desk = Desk::new();
    desk.put("a.txt", "one\n");
    let error = |arguments| desk.error(&ReadFileTool, arguments);
    assert_eq!(
        error(json!({"file_path": "a.txt", "offset": 2})),
        "`offset` 2 is beyond the end: /mnt/okcomputer/a.txt has 1 line."
    );
    assert_eq!(
        error(json!({"file_path": "a.txt", "offset": 0})),
        "`offset` must be at least 1, not 0: lines are counted from 1."
    );
    assert_eq!(
        error(json!({"file_path": "a.txt", "limit": -1})),
        "`limit` must be at least 1, not -1: it is the number of lines to show."
    );
}

#[test]
fn empty_missing_and_folders_are_said() {
    let desk = Desk::new();
    desk.put("empty.txt", "");
    desk.put("data/sales.csv", "a,b\n");
    desk.put("data/inner/x", "");
    assert_eq!(read(&desk, "empty.txt"), "/mnt/okcomputer/empty.txt is empty.");
    assert_eq!(
        read(&desk, "data"),
        "/mnt/okcomputer/data is a folder. Its entries:\n- inner/\n- sales.csv (4 bytes)"
    );
    let missing = desk.error(&ReadFileTool, json!({"file_path": "data/sale.csv"}));
    assert!(
        missing.starts_with("/mnt/okcomputer/data/sale.csv does not exist. The nearest that exist are: "),
        "{missing}"
    );
    assert!(missing.contains("/mnt/okcomputer/data/sales.csv"), "{missing}");
    assert!(desk.error(&ReadFileTool, json!({"file_path": " "})).starts_with("`file_path` is empty."));
}

#[test]
fn nothing_outside_is_read() {
    let desk = Desk::new();
    std::fs::write(desk.folder.path().join("secret"), "secret").unwrap();
    std::os::unix::fs::symlink(desk.folder.path().join("secret"), desk.path("link")).unwrap();
    std::os::unix::fs::symlink("..", desk.path("up")).unwrap();
    for path in [
        "../secret",
        "/etc/hostname",
        "/mnt/okcomputer/../secret",
        "a/../../secret",
        "link",
        "up/secret",
        "a\0b",
    ] {
        let error = desk.error(&ReadFileTool, json!({"file_path": path}));
        assert!(!error.contains("secret\n"), "{error}");
    }
}

#[test]
fn a_pipe_does_not_hold_up() {
    let desk = Desk::new();
    let made = std::process::Command::new("mkfifo").arg(desk.path("pipe")).status().unwrap();
    assert!(made.success());
    let error = desk.error(&ReadFileTool, json!({"file_path": "pipe"}));
    assert!(error.contains("pipe, socket or device"), "{error}");
}

#[test]
fn encodings_and_line_ends_are_said() {
    let desk = Desk::new();
    let utf_16: Vec<u8> =
        [vec![0xff, 0xfe], "字\r\nb\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect()].concat();
    desk.put("utf16.txt", utf_16);
    assert_eq!(
        read(&desk, "utf16.txt"),
        "     1\t字\n     2\tb\n[Encoding: UTF-16, little endian.]\n[Line ends: CRLF.]\n"
    );
    let (gbk, ..) = encoding_rs::GBK.encode("姓名,城市\n王小明,北京市\n李大红,上海市\n");
    desk.put("gbk.txt", gbk);
    assert_eq!(
        read(&desk, "gbk.txt"),
        "     1\t姓名,城市\n     2\t王小明,北京市\n     3\t李大红,上海市\n[Encoding: GBK.]\n"
    );
    desk.put("bom.txt", "\u{feff}a\r\nb\nc\n");
    assert_eq!(
        read(&desk, "bom.txt"),
        "     1\ta\n     2\tb\n     3\tc\n[Encoding: UTF-8 with a byte order mark.]\n[Line ends: CRLF and LF mixed.]\n"
    );
}

/// The head of a picture of 640 x 480 pixels.
fn png() -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    bytes.extend_from_slice(&640_u32.to_be_bytes());
    bytes.extend_from_slice(&480_u32.to_be_bytes());
    bytes
}

#[test]
fn pictures_come_as_pictures() {
    let desk = Desk::new();
    desk.put("shots/a.dat", png());
    let result = desk.call(&ReadFileTool, json!({"file_path": "shots/a.dat"})).unwrap();
    assert_eq!(
        result.content,
        [
            ToolContent::Image {
                mime: "image/png".to_owned(),
                path: "shots/a.dat".to_owned(),
                hash: stamp::of_bytes(&png()).hash,
                size: 24
            },
            ToolContent::Text {
                text: "/mnt/okcomputer/shots/a.dat: image/png, 640 x 480 pixels, 24 bytes.".to_owned()
            }
        ]
    );
}

#[test]
fn pictures_give_their_size() {
    let jpeg = b"\xff\xd8\xff\xe0\0\x04ab\xff\xc0\0\x11\x08\x01\xe0\x02\x80\x03";
    assert_eq!(dimensions("image/jpeg", jpeg), Some((640, 480)));
    assert_eq!(dimensions("image/jpeg", &jpeg[..12]), None);
    assert_eq!(dimensions("image/gif", b"GIF89a\x80\x02\xe0\x01"), Some((640, 480)));
    assert_eq!(
        dimensions("image/webp", b"RIFF____WEBPVP8X\x0a\0\0\0\0\0\0\0\x7f\x02\0\xdf\x01\0"),
        Some((640, 480))
    );
    assert_eq!(dimensions("image/png", b"\x89PNG"), None);
}

#[test]
fn a_drawing_comes_as_picture_and_text() {
    let desk = Desk::new();
    desk.put("a.svg", "<svg/>\n");
    let result = desk.call(&ReadFileTool, json!({"file_path": "a.svg"})).unwrap();
    assert!(matches!(&result.content[0], ToolContent::Image { mime, .. } if mime == "image/svg+xml"));
    assert_eq!(text_of(&result), "     1\t<svg/>\n");
}

#[test]
fn what_is_not_text_is_named() {
    let desk = Desk::new();
    desk.put("a.bin", [7, 0, 9]);
    desk.put("a.zip", b"PK\x03\x04rest");
    assert_eq!(
        read(&desk, "a.bin"),
        "/mnt/okcomputer/a.bin is a file that is not text (3 bytes); its bytes are not shown. Use mshtools-shell to look into it."
    );
    assert!(read(&desk, "a.zip").starts_with("/mnt/okcomputer/a.zip is a ZIP archive (8 bytes)"));
}

#[test]
fn a_cancelled_call_reads_nothing() {
    let desk = Desk::new();
    desk.put("a.txt", "one\n");
    desk.context.cancel.cancel();
    let result = desk.call(&ReadFileTool, json!({"file_path": "a.txt"}));
    assert_eq!(result.unwrap_err(), ToolError::Cancelled(None));
    assert_eq!(desk.context.reads.last_seen("a.txt").unwrap(), None);
}

#[test]
fn a_stop_ends_the_reading_of_a_large_binary_file() {
    let desk = Desk::new();
    desk.put("disk.bin", vec![0_u8; 300_000]);
    desk.context.cancel.cancel();
    let stopped = desk.call(&ReadFileTool, json!({"file_path": "disk.bin"}));
    assert_eq!(stopped.unwrap_err(), ToolError::Cancelled(None));
}
