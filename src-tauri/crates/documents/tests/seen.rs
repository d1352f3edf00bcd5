//! What a reader sees and does not see, in documents made for the purpose.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::io::Write;

use okcvm_documents::{Reading, detect, read};
use zip::write::SimpleFileOptions;

fn markdown(bytes: Vec<u8>) -> String {
    let kind = detect(&bytes).unwrap().unwrap();
    read(bytes, kind, &Reading::default()).unwrap().markdown
}

fn archive(parts: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, text) in parts {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(text.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn word(body: &str) -> Vec<u8> {
    let document = format!(
        "<w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body>{body}</w:body>\
         </w:document>"
    );
    let relations = "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\"><Relationship \
                     Id=\"r\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument\" \
                     Target=\"word/document.xml\"/></Relationships>";
    archive(&[
        ("[Content_Types].xml", "<Types/>"),
        ("_rels/.rels", relations),
        ("word/document.xml", &document),
    ])
}

#[test]
fn letters_with_a_reading_above_them_stay() {
    let text = |text: &str| format!("<w:r><w:t>{text}</w:t></w:r>");
    let ruby = format!(
        "<w:r><w:ruby><w:rubyPr/><w:rt>{}</w:rt><w:rubyBase>{}</w:rubyBase></w:ruby></w:r>",
        text("とうきょう"),
        text("東京")
    );
    let document = word(&format!("<w:p>{}{ruby}{}</w:p>", text("これは"), text("です。")));
    assert_eq!(markdown(document), "これは東京(とうきょう)です。\n");
}
