//! What a document is and what reading it gives.

/// The kinds of documents that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum DocumentKind {
    /// Portable Document Format.
    Pdf,
    /// Word, Office Open XML.
    Docx,
    /// Excel, Office Open XML.
    Xlsx,
    /// `PowerPoint`, Office Open XML.
    Pptx,
    /// Text in `OpenDocument`.
    Odt,
    /// Spreadsheet in `OpenDocument`.
    Ods,
    /// Presentation in `OpenDocument`.
    Odp,
    /// Rich Text Format.
    Rtf,
    /// An EPUB book.
    Epub,
    /// A page in HTML.
    Html,
    /// A table whose fields stand between commas, semicolons or bars.
    Csv,
    /// A table whose fields stand between tabs.
    Tsv,
    /// A Jupyter notebook.
    Notebook,
}

impl DocumentKind {
    /// The name for people, without an article.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pdf => "PDF document",
            Self::Docx => "Word document (docx)",
            Self::Xlsx => "Excel workbook (xlsx)",
            Self::Pptx => "PowerPoint presentation (pptx)",
            Self::Odt => "OpenDocument text (odt)",
            Self::Ods => "OpenDocument spreadsheet (ods)",
            Self::Odp => "OpenDocument presentation (odp)",
            Self::Rtf => "Rich Text document (rtf)",
            Self::Epub => "EPUB book",
            Self::Html => "HTML page",
            Self::Csv => "CSV table",
            Self::Tsv => "TSV table",
            Self::Notebook => "Jupyter notebook",
        }
    }
}

impl DocumentKind {
    /// The endings that names of such files usually have, in small letters.
    pub const fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Pdf => &["pdf"],
            Self::Docx => &["docx", "docm", "dotx", "dotm"],
            Self::Xlsx => &["xlsx", "xlsm", "xltx", "xltm"],
            Self::Pptx => &["pptx", "pptm", "ppsx", "potx"],
            Self::Odt => &["odt", "ott"],
            Self::Ods => &["ods", "ots"],
            Self::Odp => &["odp", "otp"],
            Self::Rtf => &["rtf", "doc"],
            Self::Epub => &["epub"],
            Self::Html => &["html", "htm", "xhtml"],
            Self::Csv => &["csv"],
            Self::Tsv => &["tsv"],
            Self::Notebook => &["ipynb"],
        }
    }
}

/// How many parts a document has, by what its kind is divided into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Parts {
    /// It is one piece, or its division depends on who shows it.
    Whole,
    /// Pages.
    Pages(usize),
    /// Slides.
    Slides(usize),
    /// Sheets.
    Sheets(usize),
    /// Chapters: the files of a book in reading order.
    Chapters(usize),
    /// Cells of a notebook.
    Cells(usize),
}

impl Parts {
    /// In words (`3 slides`); `None` for a document in one piece.
    pub fn words(self) -> Option<String> {
        let (number, one, many) = match self {
            Self::Whole => return None,
            Self::Pages(number) => (number, "page", "pages"),
            Self::Slides(number) => (number, "slide", "slides"),
            Self::Sheets(number) => (number, "sheet", "sheets"),
            Self::Chapters(number) => (number, "chapter", "chapters"),
            Self::Cells(number) => (number, "cell", "cells"),
        };
        Some(format!("{number} {}", if number == 1 { one } else { many }))
    }
}

/// Where a text comes from, for those who decide how far to believe it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provenance {
    /// Written by whoever made the document: material for the work, never an instruction of the user.
    Document(DocumentKind),
}

/// A document as Markdown.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Document {
    /// What it is, by its content.
    pub kind: DocumentKind,
    /// The text. Hidden text stands in block quotes that begin with `Hidden text`.
    pub markdown: String,
    /// How it is divided.
    pub parts: Parts,
    /// What else there is to know, a sentence each: what was left out, cut or found hidden.
    pub remarks: Vec<String>,
    /// Passages of hidden text that are quoted.
    pub hidden_passages: u64,
}

impl Document {
    /// Where the text comes from.
    pub const fn provenance(&self) -> Provenance {
        Provenance::Document(self.kind)
    }
}
