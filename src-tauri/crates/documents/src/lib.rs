//! Documents of many formats as Markdown.
//!
//! [`read`] takes the bytes of a document and gives headings, lists, tables, links and the numbers of pages, slides and
//! sheets as Markdown, together with remarks about what the text does not show. What a document is, its content says,
//! not its name. Text that a reader of the document does not see (white letters, hidden slides, rows and the like) is
//! quoted as hidden, so that nobody is spoken to behind the user's back.
//!
//! Documents come from anywhere: reading one is bounded in memory, time and output ([`Limits`]), opens nothing outside
//! of the bytes, and survives parsers that break down. The parser of PDF documents keeps to no such bounds: it runs in a
//! process of its own, which does ([`read_elsewhere`]).

mod archive;
mod detect;
mod document;
mod elsewhere;
mod epub;
mod error;
mod grid;
mod html;
mod limits;
mod markdown;
mod notebook;
mod notes;
mod odf;
mod office;
mod outline;
mod pdf;
mod read;
mod rtf;
mod sheet;
mod table;
mod text;
mod xml;

pub use detect::{detect, looks_like_document};
pub use document::{Document, DocumentKind, Parts, Provenance};
pub use elsewhere::{read_elsewhere, serve_if_asked};
pub use error::DocumentError;
pub use grid::{Grid, GridLimits, grid, sheet_names};
pub use limits::{Limits, Reading};
pub use outline::{Facts, Picture, Slide, facts, pages, slides};
pub use read::read;
