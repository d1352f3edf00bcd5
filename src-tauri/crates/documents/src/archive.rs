//! The parts of a document that is a ZIP archive.

use std::io::{Cursor, Read};

use zip::ZipArchive;
use zip::result::ZipError;

use crate::limits::Budget;
use crate::{DocumentError, DocumentKind};

/// More entries than any document has.
const MAX_ENTRIES: usize = 20_000;
const CHUNK: usize = 64 * 1024;

pub(crate) struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
    budget: &'a Budget,
    kind: DocumentKind,
}

impl<'a> Archive<'a> {
    pub(crate) fn open(
        bytes: &'a [u8],
        kind: DocumentKind,
        budget: &'a Budget,
    ) -> Result<Self, DocumentError> {
        // The index is held in memory: its size is looked at before it is read.
        if count_up_to(bytes, b"PK\x01\x02", MAX_ENTRIES) > MAX_ENTRIES {
            return Err(DocumentError::TooLarge(format!("its archive has more than {MAX_ENTRIES} entries")));
        }
        match ZipArchive::new(Cursor::new(bytes)) {
            Ok(zip) => Ok(Self { zip, budget, kind }),
            Err(_) => Err(DocumentError::Broken {
                kind,
                what: "its archive is damaged or cut off (the index at its end cannot be read)".to_owned(),
            }),
        }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.zip.index_for_name(name).is_some()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.zip.file_names().filter_map(|name| Some(name.ok()?.into_owned())).collect()
    }

    /// The bytes of a part; `None` if there is no such part.
    pub(crate) fn bytes(&mut self, name: &str) -> Result<Option<Vec<u8>>, DocumentError> {
        let kind = self.kind;
        let broken = |why: &str| DocumentError::Broken {
            kind,
            what: format!("its part {} {why}", crate::text::shortened(name, 80)),
        };
        let mut part = match self.zip.by_name(name) {
            Ok(part) => part,
            Err(ZipError::FileNotFound) => return Ok(None),
            Err(ZipError::InvalidPassword) => return Err(DocumentError::Encrypted(kind)),
            Err(ZipError::UnsupportedArchive(why)) if why == ZipError::PASSWORD_REQUIRED => {
                return Err(DocumentError::Encrypted(kind));
            }
            Err(ZipError::CompressionMethodNotSupported(_) | ZipError::UnsupportedArchive(_)) => {
                return Err(broken("is compressed in a way that such documents do not use"));
            }
            Err(_) => return Err(broken("is damaged")),
        };
        let mut bytes = Vec::new();
        let mut chunk = vec![0; CHUNK];
        loop {
            match part.read(&mut chunk) {
                Ok(0) => return Ok(Some(bytes)),
                Ok(read) => {
                    self.budget.inflate(read as u64)?;
                    bytes.extend_from_slice(chunk.get(..read).unwrap_or_default());
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(_) => return Err(broken("is damaged")),
            }
        }
    }

    /// The text of a part in XML; `None` if there is no such part.
    pub(crate) fn text(&mut self, name: &str) -> Result<Option<String>, DocumentError> {
        Ok(self.bytes(name)?.map(|bytes| crate::text::decode_xml(&bytes)))
    }

    /// The text of a part that the document cannot do without.
    pub(crate) fn needed_text(&mut self, name: &str) -> Result<String, DocumentError> {
        self.text(name)?.ok_or_else(|| DocumentError::Broken {
            kind: self.kind,
            what: format!("has no part {}", crate::text::shortened(name, 80)),
        })
    }
}

fn count_up_to(bytes: &[u8], what: &[u8], most: usize) -> usize {
    bytes.windows(what.len()).filter(|window| *window == what).take(most + 1).count()
}

/// The name of a part that another one names relative to its own folder, without leaving the archive.
pub(crate) fn resolved(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = if target.starts_with('/') {
        Vec::new()
    } else {
        folder.split('/').filter(|part| !part.is_empty()).collect()
    };
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// The folder in which a part lies.
pub(crate) fn folder(part: &str) -> &str {
    part.rsplit_once('/').map_or("", |(folder, _)| folder)
}
