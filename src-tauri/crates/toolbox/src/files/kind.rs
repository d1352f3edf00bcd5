//! What a file is by its first bytes: a picture, a document, or something else that is not text.

/// What a file is that is not shown as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A picture, with its media type.
    Picture(&'static str),
    /// What documents of office programs, PDFs and books begin with, and what it is for people if it is none.
    Document(&'static str),
    /// Something else that is known, with its name for people.
    Binary(&'static str),
}

impl Kind {
    /// What the first bytes (at least 64, if there are as many) and the name say; `None` for text and the unknown.
    pub(crate) fn of(start: &[u8], name: &str) -> Option<Self> {
        let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase()).unwrap_or_default();
        let at =
            |offset: usize, magic: &[u8]| start.get(offset..).is_some_and(|rest| rest.starts_with(magic));
        Some(match () {
            () if at(0, b"\x89PNG\r\n\x1a\n") => Self::Picture("image/png"),
            () if at(0, b"\xff\xd8\xff") => Self::Picture("image/jpeg"),
            () if at(0, b"GIF87a") || at(0, b"GIF89a") => Self::Picture("image/gif"),
            () if at(0, b"RIFF") && at(8, b"WEBP") => Self::Picture("image/webp"),
            () if at(0, b"BM") && start.len() >= 26 && at(6, &[0; 4]) => Self::Picture("image/bmp"),
            () if at(4, b"ftypavif") => Self::Picture("image/avif"),
            () if at(0, b"PK\x03\x04") && ending == "jar" => Self::Binary("Java archive"),
            () if at(0, b"PK\x03\x04") || at(0, b"PK\x05\x06") => Self::Document("ZIP archive"),
            () if at(0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") => Self::Document("OLE compound file"),
            () if at(0, b"%PDF-") || at(0, b"{\\rtf") => Self::Document("document"),
            () if at(0, b"\x1f\x8b") => Self::Binary("gzip archive"),
            () if at(0, b"BZh") => Self::Binary("bzip2 archive"),
            () if at(0, b"\xfd7zXZ\0") => Self::Binary("xz archive"),
            () if at(0, b"7z\xbc\xaf\x27\x1c") => Self::Binary("7-Zip archive"),
            () if at(0, b"\x28\xb5\x2f\xfd") => Self::Binary("zstd archive"),
            () if at(257, b"ustar") => Self::Binary("tar archive"),
            () if at(0, b"\x7fELF") => Self::Binary("ELF program"),
            () if at(0, b"MZ") && start.contains(&0) => Self::Binary("Windows program"),
            () if at(0, b"SQLite format 3\0") => Self::Binary("SQLite database"),
            () if at(0, b"\0asm") => Self::Binary("WebAssembly module"),
            () if at(0, b"wOF2") || at(0, b"wOFF") || at(0, b"OTTO\0") || at(0, b"\0\x01\0\0\0") => {
                Self::Binary("font")
            }
            () if at(0, b"ID3") || at(0, b"\xff\xfb") => Self::Binary("MP3 sound"),
            () if at(0, b"RIFF") && at(8, b"WAVE") => Self::Binary("WAV sound"),
            () if at(0, b"OggS") => Self::Binary("Ogg sound or film"),
            () if at(0, b"fLaC") => Self::Binary("FLAC sound"),
            () if at(4, b"ftyp") => Self::Binary("MP4 film or sound"),
            () if at(0, b"\x1aE\xdf\xa3") => Self::Binary("WebM or Matroska film"),
            () if at(0, b"II*\0") || at(0, b"MM\0*") => Self::Binary("TIFF picture"),
            () if at(0, b"\0\0\x01\0") => Self::Binary("icon"),
            () if at(0, b"PAR1") => Self::Binary("Parquet table"),
            () => return None,
        })
    }
}

/// Width and height in pixels, if the picture's head gives them.
pub(crate) fn dimensions(mime: &str, bytes: &[u8]) -> Option<(u32, u32)> {
    match mime {
        "image/png" => Some((big_32(bytes, 16)?, big_32(bytes, 20)?)),
        "image/gif" => Some((little(bytes, 6, 2)?, little(bytes, 8, 2)?)),
        // The height is negative in a picture that is stored from the top.
        "image/bmp" => Some((little(bytes, 18, 4)?, (little(bytes, 22, 4)? as i32).unsigned_abs())),
        "image/webp" => match bytes.get(12..16)? {
            b"VP8X" => Some((little(bytes, 24, 3)? + 1, little(bytes, 27, 3)? + 1)),
            b"VP8L" => {
                let packed = little(bytes, 21, 4)?;
                Some(((packed & 0x3fff) + 1, ((packed >> 14) & 0x3fff) + 1))
            }
            b"VP8 " => Some((little(bytes, 26, 2)? & 0x3fff, little(bytes, 28, 2)? & 0x3fff)),
            _ => None,
        },
        "image/jpeg" => jpeg_dimensions(bytes),
        _ => None,
    }
}

/// Goes from segment to segment (ITU T.81, annex B) up to the frame's head.
fn jpeg_dimensions(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        if *bytes.get(at)? != 0xff {
            return None;
        }
        let marker = *bytes.get(at + 1)?;
        match marker {
            0xff => at += 1,
            0x01 | 0xd0..=0xd8 => at += 2,
            0xc0..=0xcf if !matches!(marker, 0xc4 | 0xc8 | 0xcc) => {
                let height = u32::from(*bytes.get(at + 5)?) << 8 | u32::from(*bytes.get(at + 6)?);
                let width = u32::from(*bytes.get(at + 7)?) << 8 | u32::from(*bytes.get(at + 8)?);
                return Some((width, height));
            }
            0xd9 | 0xda => return None,
            _ => at += 2 + (usize::from(*bytes.get(at + 2)?) << 8 | usize::from(*bytes.get(at + 3)?)),
        }
    }
}

fn big_32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn little(bytes: &[u8], at: usize, length: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + length)?;
    Some(bytes.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte)))
}
