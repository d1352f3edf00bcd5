//! What a document is, by its content.

use crate::limits::Budget;
use crate::{DocumentError, DocumentKind, Reading, notebook};

/// The start of an OLE compound file, in which older office programs and encrypted newer documents lie.
const COMPOUND: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

/// What a file is, as far as its first bytes tell: whether it is worth to read it as a document. Tables of text and
/// pages in HTML are text, of which the name tells what they are.
pub fn looks_like_document(start: &[u8]) -> bool {
    start.starts_with(b"PK\x03\x04")
        || start.starts_with(COMPOUND)
        || starts_like_rtf(start)
        || pdf_start(start).is_some()
        || notebook_start(start)
}

/// What a document is. `Ok(None)` for what is not a document at all; an error for documents that cannot be read.
pub fn detect(bytes: &[u8]) -> Result<Option<DocumentKind>, DocumentError> {
    if bytes.is_empty() {
        return Err(DocumentError::Empty);
    }
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
        return zip(bytes);
    }
    if bytes.starts_with(COMPOUND) {
        return Err(compound(bytes));
    }
    if pdf_start(bytes).is_some() {
        return Ok(Some(DocumentKind::Pdf));
    }
    if starts_like_rtf(bytes) {
        return Ok(Some(DocumentKind::Rtf));
    }
    if notebook::is_notebook(bytes) {
        return Ok(Some(DocumentKind::Notebook));
    }
    if is_html(bytes) {
        return Ok(Some(DocumentKind::Html));
    }
    Ok(None)
}

fn starts_like_rtf(bytes: &[u8]) -> bool {
    bytes.starts_with(b"{\\rtf")
}

/// Where a PDF begins: its mark may stand within the first 1,024 bytes (ISO 32000-1, annex H.3.4.1).
fn pdf_start(bytes: &[u8]) -> Option<usize> {
    let head = bytes.get(..1_024 + 5).unwrap_or(bytes);
    let place = head.windows(5).position(|window| window == b"%PDF-")?;
    // A text that merely speaks of PDFs has letters before the mark.
    let is_text = place > 0
        && head.get(..place)?.iter().all(|byte| (b' '..0x7f).contains(byte) || byte.is_ascii_whitespace());
    (!is_text).then_some(place)
}

fn notebook_start(start: &[u8]) -> bool {
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    start.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{')
        && [&b"\"cells\""[..], b"\"nbformat\"", b"\"worksheets\""]
            .iter()
            .any(|word| start.windows(word.len()).any(|window| window == *word))
}

fn is_html(bytes: &[u8]) -> bool {
    let head = crate::text::decode(bytes.get(..2_048).unwrap_or(bytes), None).to_ascii_lowercase();
    let mut head = head.trim_start_matches(['\u{feff}', ' ', '\n', '\r', '\t']);
    loop {
        if let Some(rest) = head.strip_prefix("<!--") {
            head = rest.split_once("-->").map_or("", |(_, rest)| rest).trim_start();
        } else if let Some(rest) = head.strip_prefix("<?xml") {
            head = rest.split_once("?>").map_or("", |(_, rest)| rest).trim_start();
        } else {
            break;
        }
    }
    head.starts_with("<!doctype html")
        || head.starts_with("<html")
        || head.starts_with("<head")
        || head.starts_with("<body")
}

fn zip(bytes: &[u8]) -> Result<Option<DocumentKind>, DocumentError> {
    // What the entries at the start say is enough, even if the index at the end is lost.
    let guess = zip_by_names(bytes);
    let budget = Budget::new(Reading::default());
    let Ok(mut archive) = crate::archive::Archive::open(bytes, guess.unwrap_or(DocumentKind::Docx), &budget)
    else {
        return match guess {
            Some(kind) => Err(DocumentError::Broken {
                kind,
                what: "its archive is damaged or cut off (the index at its end cannot be read)".to_owned(),
            }),
            None => Ok(None),
        };
    };
    if let Some(kind) = archive.text("mimetype")? {
        let kind = match kind.trim() {
            "application/epub+zip" => Some(DocumentKind::Epub),
            "application/vnd.oasis.opendocument.text"
            | "application/vnd.oasis.opendocument.text-template" => Some(DocumentKind::Odt),
            "application/vnd.oasis.opendocument.spreadsheet"
            | "application/vnd.oasis.opendocument.spreadsheet-template" => Some(DocumentKind::Ods),
            "application/vnd.oasis.opendocument.presentation"
            | "application/vnd.oasis.opendocument.presentation-template" => Some(DocumentKind::Odp),
            kind if kind.starts_with("application/vnd.oasis.opendocument") => {
                return Err(DocumentError::Unsupported("an OpenDocument drawing, chart or formula".into()));
            }
            _ => None,
        };
        if kind.is_some() {
            return Ok(kind);
        }
    }
    if let Some(types) = archive.text("[Content_Types].xml")? {
        for (word, kind) in [
            ("wordprocessingml.document.main", DocumentKind::Docx),
            ("wordprocessingml.template.main", DocumentKind::Docx),
            ("word.document.macroEnabled.main", DocumentKind::Docx),
            ("word.template.macroEnabledTemplate.main", DocumentKind::Docx),
            ("spreadsheetml.sheet.main", DocumentKind::Xlsx),
            ("spreadsheetml.template.main", DocumentKind::Xlsx),
            ("ms-excel.sheet.macroEnabled.main", DocumentKind::Xlsx),
            ("presentationml.presentation.main", DocumentKind::Pptx),
            ("presentationml.slideshow.main", DocumentKind::Pptx),
            ("presentationml.template.main", DocumentKind::Pptx),
            ("ms-powerpoint.presentation.macroEnabled.main", DocumentKind::Pptx),
        ] {
            if types.contains(word) {
                return Ok(Some(kind));
            }
        }
        if types.contains("ms-excel.sheet.binary") {
            return Err(DocumentError::Unsupported("a binary Excel workbook (xlsb)".into()));
        }
    }
    if archive.has("META-INF/container.xml") {
        return Ok(Some(DocumentKind::Epub));
    }
    Ok(guess.filter(|kind| match kind {
        DocumentKind::Docx => archive.has("word/document.xml"),
        DocumentKind::Xlsx => archive.has("xl/workbook.xml"),
        DocumentKind::Pptx => archive.has("ppt/presentation.xml"),
        _ => archive.has("content.xml"),
    }))
}

/// The kind by names of entries or the type that the first entry gives, wherever they stand in the bytes.
fn zip_by_names(bytes: &[u8]) -> Option<DocumentKind> {
    let has = |word: &[u8]| bytes.windows(word.len()).any(|window| window == word);
    let starts =
        |word: &[u8]| bytes.get(..256).unwrap_or(bytes).windows(word.len()).any(|window| window == word);
    if starts(b"application/epub+zip") {
        Some(DocumentKind::Epub)
    } else if starts(b"opendocument.text") {
        Some(DocumentKind::Odt)
    } else if starts(b"opendocument.spreadsheet") {
        Some(DocumentKind::Ods)
    } else if starts(b"opendocument.presentation") {
        Some(DocumentKind::Odp)
    } else if has(b"word/document.xml") {
        Some(DocumentKind::Docx)
    } else if has(b"xl/workbook.xml") {
        Some(DocumentKind::Xlsx)
    } else if has(b"ppt/presentation.xml") {
        Some(DocumentKind::Pptx)
    } else {
        None
    }
}

/// What an OLE compound file is: the names of its streams stand in it as UTF-16.
fn compound(bytes: &[u8]) -> DocumentError {
    let has = |name: &str| {
        let name: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
        bytes.windows(name.len()).any(|window| window == name)
    };
    if has("EncryptedPackage") {
        // What lies inside is encrypted as well; only the name of the file could tell which of the three it is.
        return DocumentError::EncryptedOffice;
    }
    DocumentError::Unsupported(
        if has("WordDocument") {
            "a Word document of the old binary format (doc); saved as docx it can be read"
        } else if has("PowerPoint Document") {
            "a PowerPoint presentation of the old binary format (ppt); saved as pptx it can be read"
        } else if has("Workbook") || has("Book") {
            "an Excel workbook of the old binary format (xls); saved as xlsx it can be read"
        } else {
            "a file of an older program (OLE compound file)"
        }
        .into(),
    )
}

#[cfg(test)]
#[path = "detect_tests.rs"]
mod tests;
