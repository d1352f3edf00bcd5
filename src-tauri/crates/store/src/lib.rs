//! `SQLite`: sessions, nodes, items, spans, to-dos, deployments, restores and the queue.
//!
//! One file, `okcvm.db`, in WAL mode. Rows per item, so that cost follows what changed. Migrations only go
//! forward, and the file is copied beside itself before each. Times are Unix milliseconds.

mod clock;
mod deleted_files;
mod deployments;
mod error;
mod items;
mod migrations;
mod network;
mod nodes;
mod permissions;
mod restores;
mod sessions;
mod spans;
mod store;
mod trash;

pub use deleted_files::DeletedRow;
pub use error::StoreError;
pub use nodes::{NewNode, NodeRow, NodeSnapshots, SnapshotMark};
pub use restores::{RestoreRow, RestoreState};
pub use sessions::{NewSession, SessionRow};
pub use store::Store;
pub use trash::TrashedRow;
