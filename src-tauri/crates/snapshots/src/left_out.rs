//! What snapshots leave out by name, and why: one list with the watch, which does not look there either.

pub(crate) use okcvm_workspace::{forbidden_name, tool_folder};
