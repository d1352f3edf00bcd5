use super::*;

#[test]
fn what_a_file_is_its_content_says() {
    assert_eq!(detect(b""), Err(DocumentError::Empty));
    assert_eq!(detect(b"%PDF-1.7\n"), Ok(Some(DocumentKind::Pdf)));
    assert_eq!(detect(b"\0\0junk%PDF-1.4"), Ok(Some(DocumentKind::Pdf)));
    assert_eq!(detect(b"A text about %PDF-1.4 files"), Ok(None));
    assert_eq!(detect(b"{\\rtf1 x}"), Ok(Some(DocumentKind::Rtf)));
    assert_eq!(detect(b" {\"cells\": [], \"nbformat\": 4}"), Ok(Some(DocumentKind::Notebook)));
    assert_eq!(detect(b"{\"cells\": []}"), Ok(None));
    assert_eq!(detect("\u{feff}<!-- x --><!DOCTYPE HTML><p>".as_bytes()), Ok(Some(DocumentKind::Html)));
    assert_eq!(detect(b"a,b\n1,2\n"), Ok(None));
    assert_eq!(detect(b"PK\x03\x04rest"), Ok(None));
    assert!(matches!(
        detect(b"PK\x03\x04 word/document.xml"),
        Err(DocumentError::Broken { kind: DocumentKind::Docx, .. })
    ));
    assert!(matches!(detect(COMPOUND), Err(DocumentError::Unsupported(_))));
}

#[test]
fn a_start_is_enough_to_look_further() {
    for start in [&b"PK\x03\x04"[..], COMPOUND, b"%PDF-", b"{\\rtf", b"{\"nbformat\": 4"] {
        assert!(looks_like_document(start));
    }
    for start in [&b"text"[..], b"{\"a\": 1}", b"<html>", b"a,b"] {
        assert!(!looks_like_document(start));
    }
}
