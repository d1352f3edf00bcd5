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

fn book(page: &str) -> Vec<u8> {
    let container = "<container version=\"1.0\" xmlns=\"urn:oasis:names:tc:opendocument:xmlns:container\"><rootfiles>\
                     <rootfile full-path=\"c.opf\" media-type=\"application/oebps-package+xml\"/></rootfiles></container>";
    let package = "<package xmlns=\"http://www.idpf.org/2007/opf\" version=\"3.0\"><metadata/><manifest><item id=\"a\" \
                   href=\"a.html\" media-type=\"application/xhtml+xml\"/></manifest><spine><itemref idref=\"a\"/></spine>\
                   </package>";
    archive(&[
        ("mimetype", "application/epub+zip"),
        ("META-INF/container.xml", container),
        ("c.opf", package),
        ("a.html", page),
    ])
}

#[test]
fn cells_that_span_many_columns_take_no_memory() {
    let begun = std::time::Instant::now();
    let wide = "<td colspan=100>x</td>".repeat(1_000);
    let text =
        markdown(book(&format!("<table><tr>{wide}</tr>{}</table>", "<tr><td>1</td></tr>".repeat(20_000))));
    assert!(text.lines().next().unwrap().len() < 5_000, "{}", text.lines().next().unwrap().len());
    assert!(begun.elapsed() < std::time::Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[test]
fn text_of_a_page_that_is_not_seen_is_quoted_as_hidden() {
    let style = ".w{color:#fff} p.g{display:none} div .n{display:none} .b>i{display:none} @media screen{.s{display:none}} \
                 .dark{background:#000} .dark p{color:#000} .x{color:#fff;background-color:#333} \
                 .later{display:none} p.later{display:block} .a .b .c{display:none}";
    let inline = [
        "color:#fff",
        "color:rgba(255,255,255,1)",
        "color:hsl(0,0%,100%)",
        "color:rgb(255 255 255 / 1)",
        "color:rgba(0,0,0,0)",
        "color:#ffff",
        "color: White !important",
        "opacity:0%",
        "opacity:0",
        "font:0/0 a",
        "font-size:0.05em",
        "max-height:0;overflow:hidden",
        "right:-9999px;position:absolute",
        "clip:rect(0,0,0,0);position:absolute",
        "clip-path:inset(100%)",
        "transform:scale(0)",
        "transform:translate(-9999px, 0)",
        "top:-200vw;position:fixed",
        "display:/**/none",
        "display:block;display:none",
    ];
    let mut body = "<p>Some background reading.</p>".to_owned();
    let mut count = 0;
    let mut add = |html: &str| {
        body.push_str(&html.replace("HIDDEN", &format!("HIDDEN{count}.")));
        count += 1;
    };
    for style in inline {
        add(&format!("<p style=\"{style}\">HIDDEN</p>"));
    }
    for html in [
        "<p class=w>HIDDEN</p>",
        "<p class=g>HIDDEN</p>",
        "<div><section><p class=n>HIDDEN</p></section></div>",
        "<p class=b><i>HIDDEN</i></p>",
        "<p class=s>HIDDEN</p>",
        "<div class=dark><p>HIDDEN</p></div>",
        "<p><font color=white>HIDDEN</font></p>",
        "<noscript><p>HIDDEN</p></noscript>",
        "<table><tr class=w><td>HIDDEN</td><td>1</td></tr></table>",
    ] {
        add(html);
    }
    for html in [
        "<p class=x>SEEN0.</p>",
        "<p class=later>SEEN1.</p>",
        "<p class=n>SEEN2.</p>",
        "<p class=b><b><i>SEEN3.</i></b></p>",
        "<div style='background:url(a.png)'><p class=w>SEEN4.</p></div>",
        "<div style='font-size:0'><p style='font-size:16px'>SEEN5.</p></div>",
        "<div style='background:#06c'><p class=w>SEEN6.</p></div>",
        "<p style='font:400 12px/1.5 serif'>SEEN7.</p>",
        "<p class=c>SEEN8.</p>",
        "<p style='transform:scale(1.5);left:-20px;opacity:0.9'>SEEN9.</p>",
    ] {
        body.push_str(html);
    }
    let text =
        markdown(book(&format!("<html><head><style>{style}</style></head><body>{body}</body></html>")));
    let (hidden, seen): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.contains("Hidden text"));
    let (hidden, seen) = (hidden.join("\n"), seen.join("\n"));
    for number in 0..count {
        let word = format!("HIDDEN{number}.");
        assert!(hidden.contains(&word) && !seen.contains(&word), "{word}\n{text}");
    }
    for number in 0..10 {
        let word = format!("SEEN{number}.");
        assert!(seen.contains(&word) && !hidden.contains(&word), "{word}\n{text}");
    }
}

#[test]
fn many_rules_for_many_elements_end() {
    let begun = std::time::Instant::now();
    let mut rules = String::new();
    for number in 0..3_000 {
        std::fmt::Write::write_fmt(
            &mut rules,
            format_args!("div div div .a{number} p{{color:#ff{number:04x}}} "),
        )
        .unwrap();
    }
    let body = "<div>".repeat(40) + &"<p>x</p>".repeat(20_000);
    markdown(book(&format!("<html><head><style>{rules}</style></head><body>{body}</body></html>")));
    assert!(begun.elapsed() < std::time::Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[test]
fn a_pdf_without_its_end_says_so() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../tests/fixtures/documents");
    let bytes = std::fs::read(folder.join("plain.pdf")).unwrap();
    let remarks = |bytes: Vec<u8>| {
        let kind = detect(&bytes).unwrap().unwrap();
        read(bytes, kind, &Reading::default()).map(|document| document.remarks.join("\n"))
    };
    assert!(!remarks(bytes.clone()).unwrap().contains("end of the file"));
    let end = bytes.windows(9).rposition(|word| word == b"startxref").unwrap();
    let cut = remarks(bytes[..end].to_vec()).unwrap();
    assert!(cut.contains("The end of the file is missing"), "{cut}");
}
