//! Files of the workspace, imports, previews.

use crate::{DeploymentId, ExportId, ImportId, NodeId, wire, wire_enum, wire_union};

wire_enum! {
    /// What an entry of a folder is.
    pub enum EntryKind {
        /// A file.
        File,
        /// A folder.
        Folder,
        /// A symbolic link.
        Link,
        /// A socket, pipe or device.
        Special,
    }

    /// What to do with a name that is taken.
    pub enum ClashPolicy {
        /// Keep both: the new one gets a number.
        KeepBoth,
        /// The new one takes its place (the old one stays in the history).
        Replace,
        /// Leave the new one out.
        Skip,
    }
}

wire! {
    /// An entry of a folder.
    pub struct FileEntry {
        /// Last part of the path.
        pub name: String,
        /// Relative to the workspace, with `/`.
        pub path: String,
        /// What it is.
        pub kind: EntryKind,
        /// Bytes; 0 for folders.
        pub size: u64,
        /// Last change.
        pub modified_at: i64,
    }

    /// The start of a file for the preview.
    pub struct FileContent {
        /// Relative to the workspace, with `/`.
        pub path: String,
        /// Guessed from name and content.
        pub mime: String,
        /// Bytes of the whole file.
        pub size: u64,
        /// The text, if it is text; at most as long as asked for.
        pub text: Option<String>,
        /// There is more than `text` holds.
        pub truncated: bool,
        /// SHA-256 of the bytes that were read.
        pub hash: String,
    }

    /// A name in the workspace that an import would meet.
    pub struct ImportClash {
        /// The path outside.
        pub source: String,
        /// The path in the workspace, relative with `/`.
        pub target: String,
        /// Both are the same, byte for byte.
        pub identical: bool,
    }

    /// Something that an import leaves out, and why.
    pub struct ImportSkip {
        /// The path outside.
        pub source: String,
        /// In words for people.
        pub reason: String,
    }

    /// What an import would do.
    pub struct ImportPlan {
        /// Files to copy.
        pub files: u64,
        /// Bytes to copy.
        pub bytes: u64,
        /// Names that are taken.
        pub clashes: Vec<ImportClash>,
        /// Links, special files and what is over a limit.
        pub skipped: Vec<ImportSkip>,
    }

    /// How far an import is. While it is planned, what there is in all grows first; then `files_done` counts
    /// the files that were compared with what stands in their place.
    pub struct ImportProgress {
        /// Its identifier.
        pub id: ImportId,
        /// Files that are there.
        pub files_done: u64,
        /// Files in all.
        pub files: u64,
        /// Bytes that are there.
        pub bytes_done: u64,
        /// Bytes in all.
        pub bytes: u64,
        /// The file at work.
        pub current: String,
    }

    /// How far the saving of a copy is.
    pub struct ExportProgress {
        /// Its identifier.
        pub id: ExportId,
        /// Files that are copied.
        pub files_done: u64,
        /// Files in all.
        pub files: u64,
        /// Bytes that are copied.
        pub bytes_done: u64,
        /// Bytes in all.
        pub bytes: u64,
    }

    /// A copy that was saved.
    pub struct ExportReport {
        /// Where.
        pub path: String,
        /// Files in it.
        pub files: u64,
        /// Bytes of their contents.
        pub bytes: u64,
        /// Files and folders that have another name in the copy, each with that name: their own is no text or has a backslash,
        /// which a zip file cannot say, or the file system takes it for another one's.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        #[ts(optional, as = "Option<Vec<crate::SkippedFile>>")]
        pub renamed: Vec<crate::SkippedFile>,
    }

    /// What an import did.
    pub struct ImportReport {
        /// The new files.
        pub imported: Vec<crate::Attachment>,
        /// What was left out, and why.
        pub skipped: Vec<ImportSkip>,
        /// The user called it off; what was complete by then stays.
        pub cancelled: bool,
    }

    /// An opened preview.
    pub struct PreviewHandle {
        /// 128 random bits in hexadecimal; dies with the preview.
        pub token: String,
        /// Address of the first page or file.
        pub url: String,
    }
}

wire_union! {
    /// What a preview shows.
    pub enum PreviewSource {
        /// A folder or file of the live workspace.
        Live {
            /// Relative to the workspace, with `/`; empty is the workspace itself.
            path: String,
        },
        /// A deployed site.
        Deployment {
            /// Which.
            id: DeploymentId,
        },
        /// A folder or file as it was at a node, read from the history; the live files are not touched.
        Snapshot {
            /// Which node.
            node_id: NodeId,
            /// Relative to the workspace, with `/`; empty is the workspace itself.
            path: String,
        },
    }
}
