//! Looking at whatever a session holds: facts about a file, tables by rows, archives, small pictures.

use crate::{ArtifactKind, PreviewSource, SessionId, TableId, wire, wire_union};

wire_union! {
    /// What a file is beyond its bytes, by its kind.
    pub enum ArtifactMeta {
        /// A picture.
        Image {
            /// Pixels across.
            width: u32,
            /// Pixels down.
            height: u32,
            /// It moves.
            animated: bool,
        },
        /// Rows and columns.
        Table {
            /// Rows without the header; absent where counting them would take long.
            rows: Option<u64>,
            /// Columns of the first row.
            columns: u32,
            /// The first row, at most 64 of its cells.
            names: Vec<String>,
            /// Names of the sheets of a workbook, in its order; empty for a file that is one table.
            sheets: Vec<String>,
        },
        /// Sound.
        Audio {
            /// How long it plays.
            seconds: f64,
            /// Channels.
            channels: u32,
            /// Samples a second of one channel.
            rate: u32,
            /// The loudest sample of each stretch of equal length, from 0 to 1; at most 256.
            peaks: Vec<f32>,
        },
        /// Moving pictures.
        Video {
            /// How long it plays.
            seconds: Option<f64>,
            /// Pixels across.
            width: u32,
            /// Pixels down.
            height: u32,
        },
        /// Text with pages.
        Document {
            /// Pages, where they are fixed.
            pages: Option<u32>,
            /// Its title as it says itself.
            title: Option<String>,
        },
        /// Slides.
        Deck {
            /// In their order; at most 500.
            slides: Vec<SlideOutline>,
        },
        /// A page or a folder of pages.
        Site {
            /// The title of its first page.
            title: Option<String>,
        },
        /// Files in one file.
        Archive {
            /// Entries.
            entries: u64,
            /// Bytes when it is unpacked, as it says itself.
            unpacked: u64,
        },
    }
}

wire! {
    /// A slide in words.
    pub struct SlideOutline {
        /// Its title; empty if it has none.
        pub title: String,
        /// What the speaker sees.
        pub notes: String,
        /// It is left out when the deck is shown.
        pub hidden: bool,
    }

    /// How true a presentation is to the page that it was made of.
    pub struct DeckFidelity {
        /// The web engine that laid the page out.
        pub engine: String,
        /// In their order.
        pub slides: Vec<SlideFidelity>,
    }

    /// How true one slide is.
    pub struct SlideFidelity {
        /// Its title; empty if it has none.
        pub title: String,
        /// It has speaker notes.
        pub notes: bool,
        /// It is left out when the deck is shown.
        pub hidden: bool,
        /// Text boxes.
        pub texts: u32,
        /// Shapes and free forms.
        pub shapes: u32,
        /// Tables.
        pub tables: u32,
        /// Pictures that are pictures in the page, too.
        pub pictures: u32,
        /// What became a picture.
        pub pictured: Vec<PicturedPart>,
        /// What was kept in a simpler way, in words.
        pub simplified: Vec<String>,
        /// Pictures that could not be had, by address.
        pub missing: Vec<String>,
        /// Fonts that are not there.
        pub fonts: Vec<FontSubstitute>,
        /// The starts of texts that reach out of the page.
        pub outside: Vec<String>,
        /// Structural similarity (SSIM) of the page and of what was written, drawn by the same engine; 1 is the same.
        pub similarity: Option<f64>,
    }

    /// A part of a slide that became a picture.
    pub struct PicturedPart {
        /// Which element.
        pub what: String,
        /// What no shape can show.
        pub why: String,
    }

    /// A font that is not there.
    pub struct FontSubstitute {
        /// What the page asked for.
        pub wanted: String,
        /// What it was laid out with.
        pub used: String,
    }

    /// Reads ahead for a preview.
    pub struct PreviewWarmParams {
        /// The preview that will be looked at.
        pub token: String,
        /// One that shows the same at another moment: what was asked for there is read ahead here.
        pub like: Option<String>,
    }

    /// Asks what a file or folder is.
    pub struct PreviewDescribeParams {
        /// Where.
        pub session_id: SessionId,
        /// What to look at.
        pub source: PreviewSource,
        /// Who looks: a newer request of the same viewer calls the older one off.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        pub viewer: Option<String>,
    }

    /// What a file or folder is.
    pub struct FileFacts {
        /// Relative to the workspace, or to the deployment, with `/`.
        pub path: String,
        /// Guessed from name and content; `inode/directory` for a folder.
        pub mime: String,
        /// Bytes; 0 for a folder.
        pub size: u64,
        /// Last change; of the snapshot, where that is the source.
        pub modified_at: Option<i64>,
        /// SHA-256 of the content; absent for folders and above 64 MB.
        pub hash: Option<String>,
        /// How it is best shown.
        pub kind: ArtifactKind,
        /// What it is beyond its bytes; absent if nothing is known, or it is broken.
        pub meta: Option<ArtifactMeta>,
        /// The first 512 bytes in hexadecimal.
        pub head: String,
        /// It reads as text.
        pub text: bool,
        /// Why there is no `meta` though the kind has one: broken, too large, protected.
        pub problem: Option<String>,
    }

    /// Reads the start of a file of any source.
    pub struct PreviewReadParams {
        /// Where.
        pub session_id: SessionId,
        /// The file.
        pub source: PreviewSource,
        /// At most so many bytes.
        pub max_bytes: u64,
    }

    /// Opens a table.
    pub struct TableOpenParams {
        /// Where.
        pub session_id: SessionId,
        /// The file: comma or tab separated, `.xlsx` or `.ods`.
        pub source: PreviewSource,
        /// Which sheet of a workbook; the first one that is shown if absent.
        pub sheet: Option<String>,
        /// Who looks: a newer request of the same viewer calls the older one off.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        pub viewer: Option<String>,
    }

    /// An opened table. It stays as it was when it was opened, or says that the file changed.
    pub struct TableHandle {
        /// For more rows; close it when it is no longer shown.
        pub id: TableId,
        /// The first row, which usually names the columns; it is not among the rows.
        pub names: Vec<String>,
        /// The first rows below it, at most 200.
        pub first: Vec<Vec<String>>,
        /// Rows below the first one, if they are counted already; else `tableIndexed` tells.
        pub rows: Option<u64>,
        /// Names of the sheets of a workbook.
        pub sheets: Vec<String>,
        /// The sheet that is open; empty for a file that is one table.
        pub sheet: String,
        /// Bytes of the file.
        pub size: u64,
        /// What is not shown, a sentence each.
        pub notes: Vec<String>,
    }

    /// Asks for rows of an opened table.
    pub struct TableRowsParams {
        /// The table.
        pub id: TableId,
        /// The first row wanted, from 0; the row of names does not count.
        pub from: u64,
        /// At most so many, up to 500.
        pub count: u32,
    }

    /// Rows of a table. Fewer than asked for where the table, or what is known of it so far, ends.
    pub struct TableRows {
        /// The number of the first row, from 0.
        pub from: u64,
        /// The rows, each with its cells as text.
        pub rows: Vec<Vec<String>>,
        /// How many there are, once they are counted.
        pub total: Option<u64>,
    }

    /// Closes a table.
    pub struct TableCloseParams {
        /// Which.
        pub id: TableId,
    }

    /// Asks what is in an archive.
    pub struct ArchiveListParams {
        /// Where.
        pub session_id: SessionId,
        /// The file.
        pub source: PreviewSource,
        /// Who looks: a newer request of the same viewer calls the older one off.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        pub viewer: Option<String>,
    }

    /// What is in an archive. Nothing of it is unpacked.
    pub struct ArchiveListing {
        /// The first 10,000 entries, or as many as have 2 MB of names, in the archive's order.
        pub entries: Vec<ArchiveEntry>,
        /// Entries in all, as far as it was read.
        pub total: u64,
        /// Bytes when it is unpacked, as it says itself, as far as it was read.
        pub unpacked: u64,
        /// There is more than is listed.
        pub truncated: bool,
        /// What to know about it, a sentence each: encrypted, leads outside, would be a bomb.
        pub notes: Vec<String>,
    }

    /// An entry of an archive.
    pub struct ArchiveEntry {
        /// As the archive names it.
        pub path: String,
        /// Bytes when it is unpacked, as the archive says.
        pub size: u64,
        /// Bytes in the archive, if it keeps them apart.
        pub packed: Option<u64>,
        /// It is a folder.
        pub folder: bool,
        /// Last change, if the archive says when.
        pub modified_at: Option<i64>,
    }

    /// Asks for a small picture of a file.
    pub struct ThumbnailParams {
        /// Where.
        pub session_id: SessionId,
        /// The file.
        pub source: PreviewSource,
    }

    /// A small picture of a file.
    pub struct Thumbnail {
        /// `data:image/png;base64,…`, at most 320 × 200 pixels.
        pub url: Option<String>,
        /// Pixels across; 0 without a picture.
        pub width: u32,
        /// Pixels down; 0 without a picture.
        pub height: u32,
        /// Why there is none, a sentence.
        pub reason: Option<String>,
        /// It is a film of which no frame is kept yet: a window that can play it draws one for `poster_keep`.
        pub wants_poster: bool,
    }

    /// Hands over a frame of a film, which becomes its small picture.
    pub struct PosterKeepParams {
        /// Where.
        pub session_id: SessionId,
        /// The film.
        pub source: PreviewSource,
        /// SHA-256 of the content that it was drawn of, as `FileFacts` says it.
        pub hash: String,
        /// A PNG of at most 640 × 640 pixels and 1 MB, in base64.
        pub png: String,
    }

    /// Asks for a small picture of one slide of an HTML page of slides or of a presentation.
    pub struct SlidePictureParams {
        /// Where.
        pub session_id: SessionId,
        /// The page or the presentation.
        pub source: PreviewSource,
        /// Which slide, from 0.
        pub slide: u32,
    }

    /// Says that the pictures of slides are no longer waited for.
    pub struct SlidePicturesStopParams {
        /// Where.
        pub session_id: SessionId,
        /// The page or the presentation.
        pub source: PreviewSource,
    }

    /// Asks for slides as a PDF.
    pub struct PptxPdfParams {
        /// Where.
        pub session_id: SessionId,
        /// The `.pptx`.
        pub source: PreviewSource,
    }
}
