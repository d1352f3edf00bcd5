//! Git objects in packs: hashed, written, read, synced, merged, dropped.
//!
//! The store is one bare repository's `objects` folder in git's plain format. What is written together
//! becomes one pack of whole objects (no deltas), so that a snapshot of a hundred files costs two files and
//! not a hundred, and packs can be merged by copying their bytes. A blob that was streamed lies in a pack of
//! its own, which no merging ever copies. Packs with deltas, as git makes them, and loose objects are read
//! as well.
//!
//! **Order of writes.** A pack is written under a temporary name, then renamed, then its index. From then
//! on every process sees it, and a crash of the program loses nothing. [`Objects::sync`] makes it survive a
//! power cut: the pack and the folder. The index is not synced; [`Objects::heal`] makes a lost or torn one
//! again from its pack. Packs that were synced are noted in a list (`okcvm-synced` in the repository), so
//! that `heal` has to look through those alone that may be torn.
//!
//! Formats: git's `Documentation/gitformat-pack`, version 2 of pack and index.

mod batch;
mod checked;
mod commit;
mod damage;
mod deflate;
mod delta;
mod disk;
mod error;
mod heal;
mod housekeeping;
mod id;
mod index;
mod loose;
mod objects;
mod pack;
mod repack;
mod salvage;
mod seen;
mod stream;
mod tree;
mod verify;
mod writer;

#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use batch::Batch;
pub use commit::ParsedCommit;
pub use disk::{Disk, DiskFile, RealDisk, side_by_side};
pub use error::ObjectError;
pub use heal::{Healed, PackFault};
pub use housekeeping::{Prepared, Rewritten};
pub use id::{EMPTY_TREE, ObjectId, ObjectKind, object_id};
pub use objects::{Objects, PackInfo, PackName};
pub use stream::STREAMED_FROM;
pub use tree::{Entries, Entry, EntryKind, encode_tree, parse_tree};
pub use verify::Verified;
