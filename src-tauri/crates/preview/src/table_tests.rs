use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use okcvm_workspace::{Workspace, WorkspacePath};
use tempfile::TempDir;

use super::*;
use crate::Source;

struct Desk {
    folder: TempDir,
    tables: Tables,
    told: Receiver<TableProgress>,
}

impl Desk {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("files")).unwrap();
        let (sender, told) = channel();
        let sender = Mutex::new(sender);
        let tell: TellTable = Arc::new(move |progress| {
            // Nobody listens any more at the end of a test.
            let _ = sender.lock().unwrap().send(progress);
        });
        let tables = Tables::new(folder.path().join("spool"), tell);
        Self { folder, tables, told }
    }

    fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> Material {
        fs::write(self.folder.path().join("files").join(name), bytes).unwrap();
        self.material(name)
    }

    fn material(&self, name: &str) -> Material {
        let workspace = Workspace::open(&self.folder.path().join("files")).unwrap();
        Source::Live { workspace, path: WorkspacePath::parse(name).unwrap() }.open().unwrap()
    }

    fn open(&self, name: &str, bytes: impl AsRef<[u8]>) -> TableHandle {
        self.tables.open(self.put(name, bytes), None).unwrap()
    }

    /// Waits until a table is counted.
    fn counted(&self, id: &TableId) -> TableProgress {
        let until = Instant::now() + Duration::from_secs(120);
        loop {
            let progress = self.told.recv_timeout(until - Instant::now()).unwrap();
            if progress.done && progress.id == *id {
                return progress;
            }
        }
    }
}

fn words(row: &[&str]) -> Vec<String> {
    row.iter().map(|cell| (*cell).to_owned()).collect()
}

#[test]
fn cells_are_told_by_quotes_marks_and_line_ends() {
    let desk = Desk::new();
    for (name, text) in [
        ("commas.csv", "name,words\n\"Zoë, née Q\",\"says \"\"hi\"\"\nthere\"\nplain,\n"),
        ("semicolons.csv", "name;words\r\n\"Zoë, née Q\";\"says \"\"hi\"\"\nthere\"\r\nplain;\r\n"),
        ("said.csv", "sep=;\r\nname;words\r\n\"Zoë, née Q\";\"says \"\"hi\"\"\nthere\"\r\nplain;"),
        ("tabs.tsv", "name\twords\n\"Zoë, née Q\"\t\"says \"\"hi\"\"\nthere\"\nplain\t"),
        ("bars.csv", "\u{feff}name|words\n\"Zoë, née Q\"|\"says \"\"hi\"\"\nthere\"\nplain|\n"),
    ] {
        let handle = desk.open(name, text);
        assert_eq!(handle.names, words(&["name", "words"]), "{name}");
        let rows = [words(&["Zoë, née Q", "says \"hi\"\nthere"]), words(&["plain", ""])];
        assert_eq!(handle.first, rows, "{name}");
        assert_eq!(handle.rows, Some(2), "{name}");
        assert_eq!(desk.tables.rows(&handle.id, 1, 10).unwrap().rows, rows[1..], "{name}");
        assert!(handle.notes.is_empty() && handle.sheets.is_empty());
    }
}

#[test]
fn every_encoding_gives_the_same_text() {
    let desk = Desk::new();
    let text = "Stadt,Größe\nKöln,\"1,0\"\nMünchen,2\n";
    let wide = |big: bool, mark: bool| -> Vec<u8> {
        let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
        units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
    };
    let latin: Vec<u8> = text.chars().map(|character| character as u8).collect();
    for (name, bytes) in [
        ("utf8.csv", text.as_bytes().to_vec()),
        ("marked.csv", [b"\xef\xbb\xbf", text.as_bytes()].concat()),
        ("little.csv", wide(false, true)),
        ("big.csv", wide(true, true)),
        ("unmarked.csv", wide(false, false)),
        ("latin1.csv", latin),
    ] {
        let handle = desk.open(name, bytes);
        assert_eq!(handle.names, words(&["Stadt", "Größe"]), "{name}");
        assert_eq!(handle.first, [words(&["Köln", "1,0"]), words(&["München", "2"])], "{name}");
        assert_eq!(desk.tables.rows(&handle.id, 1, 1).unwrap().rows, [words(&["München", "2"])], "{name}");
    }
}

#[test]
fn any_row_of_a_large_table_is_found() {
    let desk = Desk::new();
    let mut text = String::from("number,square,\"a, b\"\r\n");
    for row in 0..250_000_u64 {
        let line = if row % 1_000 == 999 { "\"two\r\nlines\"" } else { "x" };
        write!(text, "{row},{},{line}\r\n", row * row).unwrap();
    }
    let handle = desk.open("große Tabelle 表.csv", &text);
    assert_eq!(handle.first.len(), 200);
    assert_eq!(handle.rows, None);
    assert_eq!(handle.size, text.len() as u64);
    let counted = desk.counted(&handle.id);
    assert_eq!((counted.rows, counted.bytes, counted.size), (250_000, handle.size, handle.size));
    for from in [0, 1, 199, 200, 998, 999, 1_000, 1_001, 123_456, 249_999] {
        let rows = desk.tables.rows(&handle.id, from, 3).unwrap();
        assert_eq!(rows.total, Some(250_000));
        assert_eq!(rows.rows.len() as u64, 3.min(250_000 - from));
        for (row, number) in rows.rows.iter().zip(from..) {
            assert_eq!(row[..2], [number.to_string(), (number * number).to_string()]);
        }
    }
    assert!(desk.tables.rows(&handle.id, 250_000, 10).unwrap().rows.is_empty());
    assert_eq!(desk.tables.rows(&handle.id, 0, 100_000).unwrap().rows.len(), 500);
}

#[test]
fn a_wide_table_of_utf16_is_counted_in_a_file_beside() {
    let desk = Desk::new();
    let mut text = String::from("\u{feff}nummer;größe\n");
    for row in 0..60_000 {
        writeln!(text, "{row};ü{row}").unwrap();
    }
    let bytes: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let handle = desk.open("weit.csv", bytes);
    assert_eq!(handle.names, words(&["nummer", "größe"]));
    assert_eq!(desk.counted(&handle.id).rows, 60_000);
    assert_eq!(desk.tables.rows(&handle.id, 59_999, 5).unwrap().rows, [words(&["59999", "ü59999"])]);
    // The file beside has no name.
    assert_eq!(fs::read_dir(desk.folder.path().join("spool")).unwrap().count(), 0);
}

#[test]
fn a_table_that_is_written_meanwhile_says_so() {
    let desk = Desk::new();
    let handle = desk.open("a.csv", "a,b\n1,2\n3,4\n");
    fs::write(desk.folder.path().join("files/a.csv"), "a,b\n9,9\n").unwrap();
    let error = desk.tables.rows(&handle.id, 0, 1).unwrap_err();
    assert!(matches!(error, PreviewError::Changed { .. }));
    assert!(error.to_app_error().hint.is_some());
}

#[test]
fn a_closed_table_is_counted_no_further_and_gives_no_rows() {
    let desk = Desk::new();
    let path = desk.folder.path().join("files/huge.csv");
    let mut file = fs::File::create(&path).unwrap();
    file.write_all("a,b\n1,2\n".repeat(20_000).as_bytes()).unwrap();
    // The rest is a hole: one row of zeros, 20 GB long.
    file.set_len(20 << 30).unwrap();
    drop(file);
    let begun = Instant::now();
    let handle = desk.tables.open(desk.material("huge.csv"), None).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert_eq!(handle.names, words(&["a", "b"]));
    desk.tables.close(&handle.id);
    let closed = Instant::now();
    let last = desk.counted(&handle.id);
    assert!(last.bytes < handle.size && closed.elapsed() < Duration::from_secs(30));
    assert!(matches!(desk.tables.rows(&handle.id, 0, 1), Err(PreviewError::TableClosed)));
}

#[test]
fn a_missing_quotation_mark_is_said() {
    let desk = Desk::new();
    let mut text = b"a,\"b\n".to_vec();
    text.resize(12 * 1024 * 1024, b'x');
    let handle = desk.open("open.csv", text);
    assert!(handle.notes[0].contains("quotation mark"), "{:?}", handle.notes);
    assert_eq!(handle.names[0], "a");
    assert!(handle.names[1].chars().count() <= MOST_CHARACTERS + 1);
}

#[test]
fn what_is_no_table_is_refused() {
    let desk = Desk::new();
    let picture = [&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], &[0, 1, 2, 3, 0, 9, 200, 0, 0, 5]].concat();
    for (name, bytes) in [("empty.csv", Vec::new()), ("picture.csv", picture)] {
        let error = desk.tables.open(desk.put(name, bytes), None).unwrap_err().to_app_error();
        assert!(error.message.starts_with(name), "{error:?}");
    }
    let named = desk.tables.open(desk.put("a.csv", "a,b\n"), Some("Sheet 2")).unwrap_err();
    assert!(matches!(named, PreviewError::NoSheet { .. }));
}

#[test]
fn rows_and_cells_beyond_all_measure_are_cut() {
    let desk = Desk::new();
    let wide = vec!["1"; 5_000].join(",");
    let long = "ä".repeat(50_000);
    let handle = desk.open("wide.csv", format!("{wide}\n{long},b\n"));
    assert_eq!(handle.names.len(), MAX_COLUMNS);
    assert_eq!(handle.first[0][0].chars().count(), MOST_CHARACTERS + 1);
    assert_eq!(handle.notes.len(), 2, "{:?}", handle.notes);
}

#[test]
fn the_table_that_was_opened_first_is_closed_for_one_too_many() {
    let desk = Desk::new();
    let handles: Vec<TableHandle> =
        (0..=MOST_OPEN).map(|number| desk.open(&format!("{number}.csv"), "a,b\n1,2\n")).collect();
    assert!(matches!(desk.tables.rows(&handles[0].id, 0, 1), Err(PreviewError::TableClosed)));
    assert!(desk.tables.rows(&handles[MOST_OPEN].id, 0, 1).is_ok());
}

#[test]
fn sheets_of_workbooks_are_chosen_by_name() {
    let desk = Desk::new();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/fixtures/documents");
    for name in ["sheets.xlsx", "sheets.ods"] {
        let bytes = fs::read(fixtures.join(name)).unwrap();
        let first = desk.open(name, &bytes);
        assert!(first.sheets.len() > 1, "{name}: {:?}", first.sheets);
        assert!(first.sheets.contains(&first.sheet));
        assert!(!first.names.is_empty());
        assert_eq!(first.rows, Some(first.first.len() as u64));
        let other = first.sheets.iter().find(|sheet| **sheet != first.sheet).unwrap();
        let second = desk.tables.open(desk.material(name), Some(other)).unwrap();
        assert_eq!(&second.sheet, other);
        assert_ne!(second.first, first.first, "{name}");
        let missing = desk.tables.open(desk.material(name), Some("none of it"));
        assert!(matches!(missing, Err(PreviewError::NoSheet { .. })), "{name}");
    }
    let fixture = fs::read(fixtures.join("word.docx")).unwrap();
    let error = desk.tables.open(desk.put("word.xlsx", fixture), None).unwrap_err().to_app_error();
    assert!(error.message.contains("is not a table"), "{error:?}");
}

#[test]
fn a_first_row_of_numbers_holds_no_names() {
    let desk = Desk::new();
    let table = desk.open("nohead.csv", "0,Name 0,1.5\n1,Name 1,2\n2,Name 2,\n");
    assert_eq!((table.names.len(), table.first.len(), table.rows), (0, 3, Some(3)));
    assert_eq!(table.first[0], words(&["0", "Name 0", "1.5"]));
    let rows = desk.tables.rows(&table.id, 0, 2).unwrap();
    assert_eq!((rows.rows, rows.total), (table.first[..2].to_vec(), Some(3)));
    let rows = desk.tables.rows(&table.id, 2, 9).unwrap();
    assert_eq!(rows.rows, [words(&["2", "Name 2", ""])]);
    for (text, names) in [("city,2019,2020\nA,1,2\n", 3), ("id,7\na,x\n", 2), ("1,2\n", 2), ("a,b\n1,2\n", 2)]
    {
        assert_eq!(desk.open("named.csv", text).names.len(), names, "{text}");
    }
    // More rows than come at once.
    let text = (0..1_000).map(|row| format!("{row},x\n")).collect::<Vec<_>>().concat();
    let table = desk.open("long.csv", &text);
    assert_eq!((table.names.len(), table.first.len(), table.rows), (0, FIRST, Some(1_000)));
    let last = desk.tables.rows(&table.id, 998, 9).unwrap();
    assert_eq!(last.rows, [words(&["998", "x"]), words(&["999", "x"])]);
}

#[test]
fn the_longest_row_says_how_many_columns_there_are() {
    let seen = |text: &str| outline("a.csv", text.as_bytes(), true).unwrap();
    assert_eq!(seen("a,b\n1,2,3,4\n5,6"), (words(&["a", "b"]), 4, Some(2)));
    assert_eq!(seen("1,2\n3,4\n"), (Vec::new(), 2, Some(2)));
    let desk = Desk::new();
    assert_eq!(desk.open("ragged.csv", "a,b\n1,2,3,4\n5,6").first[0], words(&["1", "2", "3", "4"]));
}

#[test]
fn text_is_read_in_the_encoding_that_it_has() {
    let chinese = "今天的天气很好，我们去公园散步。这是一个中文文本文件。";
    let (gbk, _, _) = encoding_rs::GBK.encode(chinese);
    assert_eq!(as_text(&gbk).as_deref(), Some(chinese));
    let western = "Café, naïve, Straße und Übermut — déjà vu.";
    let (latin, _, _) = encoding_rs::WINDOWS_1252.encode(western);
    assert_eq!(as_text(&latin).as_deref(), Some(western));
    let wide: Vec<u8> = "\u{feff}Wide".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(as_text(&wide).as_deref(), Some("Wide"));
    // A character that was cut in two is left out; what is no text is none.
    assert_eq!(as_text(&"né".as_bytes()[..2]).as_deref(), Some("n"));
    assert_eq!(as_text(b"").as_deref(), Some(""));
    assert_eq!(as_text(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR"), None);
    assert_eq!(as_text(&[0xff, 0xd8, 1, 2, 3, 4, 5, 6, 0x80]), None);
    // A broken character in the midst of UTF-8 does not hide the rest.
    assert!(
        as_text(b"a\xffb and more of it")
            .is_some_and(|text| text.starts_with('a') && text.ends_with("of it"))
    );
}

#[test]
fn many_short_cells_are_not_called_long() {
    let desk = Desk::new();
    let row = vec!["x"; 3_000].join(",");
    let table = desk.open("wide.csv", format!("{row}\n{row}\n"));
    assert_eq!(table.notes.len(), 1, "{:?}", table.notes);
    assert!(table.notes[0].contains("1024 cells"), "{:?}", table.notes);
}
