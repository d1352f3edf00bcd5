//! Documents that are made to do harm, and documents that are large.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
#![allow(clippy::format_push_string, reason = "documents are put together once")]

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use okcvm_documents::{Document, DocumentError, DocumentKind, Limits, Parts, Reading, detect, read};
use zip::write::SimpleFileOptions;

fn archive(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn word(body: &str) -> Vec<u8> {
    word_of(&format!(
        "<w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body>{body}</w:body></w:document>"
    ))
}

fn word_of(document: &str) -> Vec<u8> {
    archive(&[
        (
            "[Content_Types].xml",
            b"<Types><Override ContentType=\"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml\"/></Types>",
        ),
        ("word/document.xml", document.as_bytes()),
    ])
}

fn open(bytes: Vec<u8>) -> Result<Document, DocumentError> {
    open_within(bytes, Limits::default())
}

fn open_within(bytes: Vec<u8>, limits: Limits) -> Result<Document, DocumentError> {
    let kind = detect(&bytes)?.expect("a document");
    read(bytes, kind, &Reading::new(limits, || false))
}

/// The most memory that this process has had so far, in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn a_zip_bomb_ends_at_the_limit() {
    let mut body =
        b"<w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body>"
            .to_vec();
    body.resize(64 * 1024 * 1024, b' ');
    let bytes = archive(&[
        (
            "[Content_Types].xml",
            b"<Types><Override ContentType=\"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml\"/></Types>",
        ),
        ("word/document.xml", &body),
    ]);
    drop(body);
    assert!(bytes.len() < 200_000);
    let limits = Limits { inflated_bytes: 32 * 1024 * 1024, ..Limits::default() };
    let error = open_within(bytes, limits).unwrap_err();
    assert_eq!(
        error.to_string(),
        "is too large to be read safely: its compressed parts hold more than 32 MB"
    );
}

#[test]
fn entities_are_not_followed() {
    let secret = std::env::temp_dir().join(format!("okcvm-documents-{}", std::process::id()));
    std::fs::write(&secret, "secret of the machine").unwrap();
    let document = format!(
        "<?xml version=\"1.0\"?><!DOCTYPE x [<!ENTITY a SYSTEM \"file://{}\"><!ENTITY b \"bb\"><!ENTITY c \"&b;&b;\">]>\
         <w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body><w:p><w:r>\
         <w:t>x &a; &c; &amp; &#x5b57;</w:t></w:r></w:p></w:body></w:document>",
        secret.display()
    );
    let read = open(word_of(&document)).unwrap();
    std::fs::remove_file(secret).unwrap();
    assert_eq!(read.markdown, "x &a; &c; & 字\n");
}

#[test]
fn elements_that_stand_deep_are_refused() {
    let deep =
        format!("{}{}", "<w:sdt><w:sdtContent>".repeat(20_000), "</w:sdtContent></w:sdt>".repeat(20_000));
    let error = open(word(&deep)).unwrap_err();
    assert!(error.to_string().contains("more than 200 deep"), "{error}");
    let page = format!("<html>{}text{}</html>", "<div>".repeat(100_000), "</div>".repeat(100_000));
    assert_eq!(open(page.into_bytes()).unwrap().markdown, "text\n");
    let groups = format!("{{\\rtf1 {}x{}}}", "{".repeat(100_000), "}".repeat(100_000));
    assert!(matches!(open(groups.into_bytes()), Err(DocumentError::TooLarge(_))));
}

#[test]
fn many_elements_and_much_text_end() {
    let limits = Limits { tree_elements: 5_000, ..Limits::default() };
    let error = open_within(word(&"<w:p/>".repeat(6_000)), limits).unwrap_err();
    assert!(error.to_string().contains("more than 5000 elements"), "{error}");
    let limits = Limits { markdown_bytes: 10_000, ..Limits::default() };
    let read =
        open_within(word(&"<w:p><w:r><w:t>words of a paragraph</w:t></w:r></w:p>".repeat(6_000)), limits)
            .unwrap();
    assert!(read.markdown.len() <= 10_100, "{}", read.markdown.len());
    assert!(read.remarks.iter().any(|remark| remark.contains("was cut after")), "{:?}", read.remarks);
}

fn sheet(rows: &str) -> Vec<u8> {
    archive(&[
        (
            "[Content_Types].xml",
            b"<Types><Override ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml\"/></Types>",
        ),
        (
            "xl/workbook.xml",
            b"<workbook xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\" xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\"><sheets><sheet name=\"S\" sheetId=\"1\" r:id=\"a\"/></sheets></workbook>",
        ),
        (
            "xl/_rels/workbook.xml.rels",
            b"<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship Id=\"a\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet\" Target=\"worksheets/sheet1.xml\"/></Relationships>",
        ),
        (
            "xl/worksheets/sheet1.xml",
            format!("<worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData>{rows}</sheetData></worksheet>").as_bytes(),
        ),
    ])
}

#[test]
fn a_huge_sheet_is_cut_and_a_sparse_one_is_small() {
    let mut rows = String::new();
    for row in 1..=200_000 {
        rows.push_str(&format!("<row r=\"{row}\"><c r=\"A{row}\"><v>{row}</v></c><c r=\"B{row}\" t=\"inlineStr\"><is><t>some text of a cell</t></is></c></row>"));
    }
    let limits = Limits { markdown_bytes: 500_000, ..Limits::default() };
    let read = open_within(sheet(&rows), limits).unwrap();
    assert!(read.markdown.len() < 520_000 && read.markdown.contains("| 10000 |"), "{}", read.markdown.len());
    assert!(read.remarks.iter().any(|remark| remark.contains("left out")), "{:?}", read.remarks);
    let far = "<row r=\"1\"><c r=\"A1\"><v>1</v></c></row><row r=\"1048576\"><c r=\"XFD1048576\"><v>2</v></c><c r=\"B1048576\"><v>3</v></c></row>";
    let read = open(sheet(far)).unwrap();
    assert_eq!(read.markdown, "## Sheet: S\n\n[A1] 1\n\n[B1048576] 3\n");
    assert_eq!(read.parts, Parts::Sheets(1));
}

#[test]
fn a_wide_table_of_a_page_is_cut() {
    let wide = format!("<tr>{}</tr>", "<td colspan=100>head</td>".repeat(100));
    let low = "<tr><td>x</td></tr>".repeat(40_000);
    let held = format!("<tr>{}</tr>", "<td rowspan=100>held</td>".repeat(200));
    for (page, columns) in [
        (format!("<table>{wide}{low}</table>"), 201),
        (format!("<table>{}</table>", held.repeat(1_000)), 256),
    ] {
        let found = read(page.into_bytes(), DocumentKind::Html, &Reading::default()).unwrap();
        let marks = found.markdown.lines().next().unwrap().matches('|').count();
        assert!(marks <= columns + 1, "{marks}");
        assert!(!found.remarks.is_empty() && found.markdown.len() < 9 << 20);
    }
    assert!(peak() < 900 << 20, "{}", peak());
}

#[test]
fn a_reading_that_is_called_off_ends_soon() {
    let bytes = word(&"<w:p><w:r><w:t>words</w:t></w:r></w:p>".repeat(200_000));
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(30));
        stop.store(true, Ordering::Relaxed);
    });
    let began = Instant::now();
    let reading = Reading::new(Limits::default(), move || asked.load(Ordering::Relaxed));
    assert_eq!(read(bytes, DocumentKind::Docx, &reading), Err(DocumentError::Cancelled));
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[test]
fn time_ends() {
    let bytes = word(&"<w:p><w:r><w:t>words</w:t></w:r></w:p>".repeat(200_000));
    let limits = Limits { time: Duration::from_millis(1), ..Limits::default() };
    assert_eq!(open_within(bytes, limits), Err(DocumentError::TimedOut(Duration::from_millis(1))));
}

/// A PDF whose pages hold that text each, with a right table of objects.
fn pdf(pages: usize, content: impl Fn(usize) -> Vec<u8>, filter: &str) -> Vec<u8> {
    let mut out = b"%PDF-1.4\n".to_vec();
    let mut offsets = Vec::new();
    let mut object = |out: &mut Vec<u8>, bytes: &[u8]| {
        offsets.push(out.len());
        out.extend_from_slice(format!("{} 0 obj\n", offsets.len()).as_bytes());
        out.extend_from_slice(bytes);
        out.extend_from_slice(b"\nendobj\n");
    };
    object(&mut out, b"<</Type/Catalog/Pages 2 0 R>>");
    let kids: Vec<String> = (0..pages).map(|page| format!("{} 0 R", 4 + page * 2)).collect();
    object(&mut out, format!("<</Type/Pages/Count {pages}/Kids[{}]>>", kids.join(" ")).as_bytes());
    object(&mut out, b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>");
    for page in 0..pages {
        let stream = 5 + page * 2;
        object(
            &mut out,
            format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents {stream} 0 R/Resources<</Font<</F1 3 0 R>>>>>>")
                .as_bytes(),
        );
        let data = content(page);
        let mut bytes = format!("<</Length {}{filter}>>\nstream\n", data.len()).into_bytes();
        bytes.extend_from_slice(&data);
        bytes.extend_from_slice(b"\nendstream");
        object(&mut out, &bytes);
    }
    let place = out.len();
    out.extend_from_slice(format!("xref\n0 {}\n0000000000 65535 f \n", offsets.len() + 1).as_bytes());
    for offset in &offsets {
        out.extend_from_slice(format!("{offset:010} 00000 n \n").as_bytes());
    }
    out.extend_from_slice(
        format!("trailer\n<</Size {}/Root 1 0 R>>\nstartxref\n{place}\n%%EOF\n", offsets.len() + 1)
            .as_bytes(),
    );
    out
}

fn text_page(page: usize) -> Vec<u8> {
    let mut content = format!("BT /F1 20 Tf 60 780 Td (Chapter {}) Tj /F1 10 Tf 0 -30 Td 12 TL\n", page + 1);
    for line in 0..50 {
        content.push_str(&format!(
            "(Line {line} of the page with as many words as a line of a real book has) Tj T*\n"
        ));
    }
    content.push_str("ET\n");
    content.into_bytes()
}

#[test]
fn three_hundred_pages_within_seconds() {
    let bytes = pdf(300, text_page, "");
    let began = Instant::now();
    let read = open(bytes).unwrap();
    let took = began.elapsed();
    assert_eq!(read.parts, Parts::Pages(300));
    assert!(
        read.markdown.contains("[Page 300 of 300]\n\n# Chapter 300\n\nLine 0 of the page"),
        "{}",
        read.markdown.len()
    );
    assert_eq!(read.markdown.matches("Line 49 of the page").count(), 300);
    // A tenth of this in a release build; debug builds on a busy machine are slow.
    assert!(took < Duration::from_secs(if cfg!(debug_assertions) { 90 } else { 10 }), "{took:?}");
    // Of this whole process, in which the other tests run beside it.
    assert!(peak() < 768 * 1024 * 1024, "{}", peak());
}

#[test]
fn a_bomb_in_a_pdf_ends_at_the_limit() {
    let deflated = |bytes: &[u8]| {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let once = deflated(&vec![b' '; 64 * 1024 * 1024]);
    for (data, filter) in
        [(once.clone(), "/Filter/FlateDecode"), (deflated(&once), "/Filter[/FlateDecode/FlateDecode]")]
    {
        let limits = Limits { inflated_bytes: 32 * 1024 * 1024, ..Limits::default() };
        let error = open_within(pdf(1, |_| data.clone(), filter), limits).unwrap_err();
        assert_eq!(
            error.to_string(),
            "is too large to be read safely: its compressed parts hold more than 32 MB"
        );
    }
}

#[test]
fn a_page_is_stopped_in_the_middle() {
    let content: Vec<u8> = b"BT /F1 8 Tf 10 10 Td (a) Tj ET\n".repeat(50_000);
    let limits = Limits { elements: 10_000, ..Limits::default() };
    let error = open_within(pdf(1, |_| content.clone(), ""), limits).unwrap_err();
    assert!(error.to_string().contains("more than 10000 elements"), "{error}");
}
