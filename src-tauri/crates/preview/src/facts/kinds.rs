//! The form of a file, by its first bytes and then by its name.

use okcvm_documents::DocumentKind;

use crate::archive;

/// What a file is looked at as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Form {
    /// A picture of pixels.
    Picture,
    /// SVG.
    Drawing,
    /// Rows of text.
    Table,
    Sound,
    /// A container of moving pictures; what is in it may be sound alone.
    Video,
    Archive,
    /// A document that crate `documents` reads.
    Document(DocumentKind),
    /// HTML.
    Page,
    /// Text for people.
    Prose,
    Other,
}

impl Form {
    /// One word for the name of a file.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Picture => "picture",
            Self::Drawing => "drawing",
            Self::Table => "table",
            Self::Sound => "sound",
            Self::Video => "video",
            Self::Archive => "archive",
            Self::Document(_) => "document",
            Self::Page => "page",
            Self::Prose => "prose",
            Self::Other => "other",
        }
    }

    /// The media type where the bytes tell it.
    pub(crate) fn mime(self, start: &[u8]) -> Option<&'static str> {
        match self {
            Self::Picture => picture(start),
            Self::Drawing => Some("image/svg+xml"),
            Self::Document(DocumentKind::Pdf) => Some("application/pdf"),
            Self::Table
            | Self::Sound
            | Self::Video
            | Self::Archive
            | Self::Document(_)
            | Self::Page
            | Self::Prose
            | Self::Other => None,
        }
    }
}

fn picture(start: &[u8]) -> Option<&'static str> {
    let at = |place: usize, mark: &[u8]| start.get(place..place + mark.len()) == Some(mark);
    if at(0, b"\x89PNG\r\n\x1a\n") {
        Some("image/png")
    } else if at(0, b"\xff\xd8\xff") {
        Some("image/jpeg")
    } else if at(0, b"GIF87a") || at(0, b"GIF89a") {
        Some("image/gif")
    } else if at(0, b"RIFF") && at(8, b"WEBP") {
        Some("image/webp")
    } else if at(0, b"II*\0") || at(0, b"MM\0*") {
        Some("image/tiff")
    } else if at(4, b"ftypavif") || at(4, b"ftypavis") {
        Some("image/avif")
    } else if at(4, b"ftypheic") || at(4, b"ftypheix") || at(4, b"ftypmif1") {
        Some("image/heic")
    } else if at(0, b"BM") && at(6, &[0; 4]) {
        Some("image/bmp")
    } else if at(0, &[0, 0, 1, 0]) && start.get(4).is_some_and(|count| *count > 0) {
        Some("image/x-icon")
    } else {
        None
    }
}

/// The form of a file of that name whose first bytes are `start`.
pub(crate) fn form(name: &str, start: &[u8]) -> Form {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
    by_content(&ending, start).unwrap_or_else(|| by_name(&ending))
}

fn by_content(ending: &str, start: &[u8]) -> Option<Form> {
    let at = |place: usize, mark: &[u8]| start.get(place..place + mark.len()) == Some(mark);
    if picture(start).is_some() {
        return Some(Form::Picture);
    }
    if start.get(..1_024).unwrap_or(start).windows(5).any(|window| window == b"%PDF-") && ending == "pdf"
        || start.starts_with(b"%PDF-")
    {
        return Some(Form::Document(DocumentKind::Pdf));
    }
    if at(0, b"fLaC")
        || at(0, b"ID3")
        || (at(0, b"RIFF") && at(8, b"WAVE"))
        || (at(0, b"FORM") && (at(8, b"AIFF") || at(8, b"AIFC")))
        || at(4, b"ftypM4A")
        || at(4, b"ftypM4B")
    {
        return Some(Form::Sound);
    }
    if at(0, b"OggS") {
        return Some(if ending == "ogv" { Form::Video } else { Form::Sound });
    }
    if at(4, b"ftyp") || at(0, b"\x1a\x45\xdf\xa3") || (at(0, b"RIFF") && at(8, b"AVI ")) {
        return Some(Form::Video);
    }
    let kind = archive::kind(start)?;
    match document(ending) {
        Some(document) if kind == archive::ArchiveKind::Zip => Some(Form::Document(document)),
        _ => Some(Form::Archive),
    }
}

fn document(ending: &str) -> Option<DocumentKind> {
    let known = [
        DocumentKind::Docx,
        DocumentKind::Xlsx,
        DocumentKind::Pptx,
        DocumentKind::Odt,
        DocumentKind::Ods,
        DocumentKind::Odp,
        DocumentKind::Epub,
    ];
    known.into_iter().find(|kind| kind.endings().contains(&ending))
}

fn by_name(ending: &str) -> Form {
    match ending {
        "svg" => Form::Drawing,
        "csv" | "tsv" | "tab" => Form::Table,
        "html" | "htm" | "xhtml" => Form::Page,
        "pdf" => Form::Document(DocumentKind::Pdf),
        "rtf" => Form::Document(DocumentKind::Rtf),
        "ipynb" => Form::Document(DocumentKind::Notebook),
        "md" | "markdown" | "txt" | "rst" | "adoc" => Form::Prose,
        "png" | "jpg" | "jpeg" | "gif" | "webp" | "bmp" | "tif" | "tiff" | "ico" | "avif" | "heic" => {
            Form::Picture
        }
        "mp3" | "wav" | "flac" | "ogg" | "oga" | "opus" | "m4a" | "aac" | "aif" | "aiff" => Form::Sound,
        "mp4" | "m4v" | "mov" | "webm" | "mkv" | "avi" | "ogv" => Form::Video,
        "zip" | "tar" | "gz" | "tgz" | "7z" | "rar" | "xz" | "zst" | "bz2" | "jar" | "whl" => Form::Archive,
        ending => document(ending).map_or(Form::Other, Form::Document),
    }
}
