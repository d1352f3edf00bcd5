//! Paths as raw bytes with `/`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// A raw path as text for the wire; see `okcvm_workspace::encode_name`.
pub(crate) fn shown(path: &[u8]) -> String {
    okcvm_workspace::encode_name(OsStr::from_bytes(path))
}

/// The raw path that [`shown`] was made from.
pub(crate) fn raw(path: &str) -> Vec<u8> {
    okcvm_workspace::decode_name(path).as_bytes().to_vec()
}

/// `name` below `folder`.
pub(crate) fn below(folder: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(folder.len() + name.len() + 1);
    path.extend_from_slice(folder);
    if !folder.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

/// The folder of `path` and the name in it; the empty folder is the workspace.
pub(crate) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|byte| *byte == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (&[], path),
    }
}
